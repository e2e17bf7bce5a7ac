"""Readers of the lines of text files, compressed or not."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import NoReturn, TextIO, cast

import numpy as np

from taskplan.builder.containers import Struct
from taskplan.data.iterables import require_batch_size
from taskplan.data.sources import SourceReader
from taskplan.errors import BuildValueError
from taskplan.operators.sources import Batch
from taskplan.plan.types import STRING_DTYPE, Array

_OPENERS: dict[str, Callable[..., object]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


class TextLinesReader(SourceReader):
    """Reads the lines of text files, as the column `line` of strings, without their ends.

    Files whose names end in `.gz`, `.bz2` or `.xz` are decompressed. A byte order mark at the beginning is no text.
    Several instances of a task read several files at once; one reads all lines in order::

        reader = TextLinesReader(["monday.txt", "tuesday.txt.gz"], batch_size=1000)

    Args:
        paths: a file, or a list of files.
        batch_size: how many lines make a batch; the last one of a file may have fewer.
        encoding: of the files. The column holds UTF-8, as all strings do.
        errors: what to do with bytes that the encoding does not know; as `open` takes it. If they are an error, all
            lines before are read, and it says which line they are in.
        name: what messages call it.

    Raises:
        BuildValueError: there is no file, or `batch_size` is less than 1.
        LookupError: there is no such encoding.
    """

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        batch_size: int = 1024,
        *,
        encoding: str = "utf-8",
        errors: str = "strict",
        name: str = "lines",
    ) -> None:
        files = [os.fspath(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
        if not files or not all(files):
            msg = f"paths must name files, got {paths!r}"
            raise BuildValueError(msg)
        "".encode(encoding)
        make = partial(TextLinesSource, files, require_batch_size(batch_size), encoding, errors)
        super().__init__(make, Struct(("line", str)), name)


class TextLinesSource:
    """A source of the lines of text files, each of which is a part.

    Args:
        paths: the files.
        batch_size: how many lines make a batch.
        encoding: of the files.
        errors: what to do with bytes that it does not know.
    """

    skipped = 0

    def __init__(self, paths: Sequence[str], batch_size: int, encoding: str, errors: str) -> None:
        self._paths = paths
        self._batch_size = batch_size
        self._encoding = encoding
        self._errors = errors
        codec = codecs.lookup(encoding).name
        self._codec = "utf-8" if codec == "utf-8-sig" else codec

    def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
        """The files, in order."""
        for path in self._paths:
            yield partial(self._batches, path)

    def _batches(self, path: str) -> Iterator[Batch]:
        read = 0
        with _telling(path), self._open(path) as file:
            try:
                while lines := list(islice(file, self._batch_size)):
                    texts = self._encoded(lines)
                    if texts:
                        yield (_column(texts),)
                    if len(texts) < len(lines):
                        self._refuse(lines[len(texts)], path, read + len(texts) + 1)
                    read += len(lines)
            except UnicodeDecodeError as error:
                error.add_note(f"in {path!r}, after line {read}")
                raise

    def _open(self, path: str) -> TextIO:
        opener = _OPENERS.get(os.path.splitext(path)[1], open)
        encoding = "utf-8-sig" if self._codec == "utf-8" else self._encoding
        # What is no text is found line by line, not in a block of many.
        errors = "surrogateescape" if self._errors == "strict" else self._errors
        return cast(TextIO, opener(path, "rt", encoding=encoding, errors=errors))

    def _encoded(self, lines: Sequence[str]) -> list[bytes]:
        """The lines without their ends as UTF-8, up to the first that is no text."""
        # What `errors="surrogateescape"` let pass becomes the bytes that it was.
        errors = "strict" if self._errors == "strict" else "surrogateescape"
        made: list[bytes] = []
        try:
            for line in lines:
                made.append(line.removesuffix("\n").encode("utf-8", errors))
        except UnicodeEncodeError:
            pass
        return made

    def _refuse(self, line: str, path: str, number: int) -> NoReturn:
        """Raise what decoding a line raises, with its number, which is 1 for the first."""
        where = f"in line {number} of {path!r}"
        content = line.encode(self._codec, "surrogateescape")
        try:
            content.decode(self._codec)
        except UnicodeDecodeError as error:
            error.reason = f"{error.reason}, {where}"
            raise
        raise UnicodeDecodeError(self._codec, content, 0, len(content), f"no text, {where}")


@contextmanager
def _telling(path: str) -> Iterator[None]:
    """What decompressing a file fails with, in our words."""
    try:
        yield
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        ending = os.path.splitext(path)[1]
        msg = f"{path!r} is damaged, not whole, or not compressed as {ending!r} says: {error}"
        raise BuildValueError(msg, path=path) from error


def _column(texts: Sequence[bytes]) -> Array:
    made: Array = np.empty(len(texts), STRING_DTYPE)
    made[:] = texts
    return made
