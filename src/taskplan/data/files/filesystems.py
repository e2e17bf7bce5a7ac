"""Where files are: paths of this machine, and URLs through fsspec (`memory://x.parquet`, `s3://bucket/x.parquet`).

This is the only file that imports fsspec (`pip install taskplan[arrow]`), and only for URLs.
"""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Protocol
from uuid import uuid4

from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.operators.storage.unfinished_file import UnfinishedFile

Path = str | os.PathLike[str]
"""A path or a URL."""

Paths = Path | Sequence[Path]
"""A file, a folder, a glob, or a list of these."""


class Unfinished(Protocol):
    """A file that gets its name when it is complete; see `UnfinishedFile`."""

    def open(self) -> BinaryIO:
        """Begin it."""

    def commit(self) -> None:
        """Give it its name."""

    def abort(self) -> None:
        """Remove what was written."""


def expanded(paths: Paths, endings: tuple[str, ...]) -> list[str]:
    """The files that paths stand for, in the order given; those of a folder or glob by name.

    Args:
        paths: files, folders, globs, or a list of these. Of a folder it is the files with one of the endings, in
            folders inside of it too; names that begin with `.` or `_` are passed over.
        endings: what the names of files end with, as in `(".csv", ".csv.gz")`.

    Raises:
        FileNotFoundError: there is no such file, or none in the folder, or none that the glob fits.
        BuildTypeError: a path is none.
        BuildValueError: the list is empty, or a URL has an unknown protocol.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    if isinstance(given, bytes) or not isinstance(given, Sequence):
        msg = f"expected a path or a list of paths, got {paths!r}"
        raise BuildTypeError(msg)
    if not given:
        msg = "expected at least one path, got an empty list"
        raise BuildValueError(msg)
    texts = [path_text(path) for path in given]
    return [file for text in texts for file in _expanded_one(text, endings)]


def path_text(path: Path) -> str:
    """The path as text; a `file://` URL as the path that it stands for.

    Raises:
        BuildTypeError: it is no path.
        BuildValueError: it is empty.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str):
        msg = f"expected a path, got {path!r}"
        raise BuildTypeError(msg)
    if not text:
        msg = f"path must name a file, got {path!r}"
        raise BuildValueError(msg)
    return text.removeprefix("file://")


def is_url(path: str) -> bool:
    """Whether fsspec is to find it."""
    return "://" in path


def location(path: Path) -> Hashable:
    """What all paths and URLs of one file have in common.

    Raises:
        BuildTypeError: it is no path.
        BuildValueError: it is empty, or a URL of an unknown protocol.
    """
    text = path_text(path)
    return _filesystem(text) if is_url(text) else os.path.realpath(text)


def open_input(path: str) -> BinaryIO:
    """A file open for reading.

    Raises:
        OSError: it cannot be opened.
    """
    if not is_url(path):
        return open(path, "rb")  # closed by whoever asked for it
    files, inner = _filesystem(path)
    return files.open(inner, "rb")  # type: ignore[no-any-return] # fsspec has no types


def unfinished(path: str) -> Unfinished:
    """A file or object at `path` that is written under another name, and gets its own in one step."""
    return UnfinishedUrl(path) if is_url(path) else UnfinishedFile(path)


@contextmanager
def telling_writes(path: str) -> Iterator[None]:
    """Around what writes to the file at `path`: of an error of the system, say that it is about writing this file.

    Raises:
        OSError: that error; `errno` stays.
    """
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"cannot write: {error.strerror or error}", path) from None


class UnfinishedUrl:
    """An object of a file system of fsspec that gets its name when it is complete; see `UnfinishedFile`.

    Moving it is as atomic as that file system makes it.

    Args:
        url: its URL when it is complete.

    Raises:
        BuildValueError: the protocol is not known.
    """

    def __init__(self, url: str) -> None:
        self._files, self._target = _filesystem(url)
        self._file: Any = None
        self._unfinished = ""

    def open(self) -> BinaryIO:
        """Begin a new object, and throw away one that was begun before."""
        self.abort()
        folder, slash, _ = self._target.rpartition("/")
        self._unfinished = f"{folder}{slash}.{uuid4().hex}.unfinished"
        self._file = self._files.open(self._unfinished, "wb")
        return self._file  # type: ignore[no-any-return] # fsspec has no types

    def commit(self) -> None:
        """Give the object its name. Does nothing if none was begun."""
        if self._file is None:
            return
        self._file.close()
        self._files.mv(self._unfinished, self._target)
        self._file = None

    def abort(self) -> None:
        """Remove what was written. Does nothing if that is committed, or nothing was begun."""
        if self._file is None:
            return
        # A full disk is told when the last bytes are written out, which closing tries again.
        with suppress(OSError):
            self._file.close()
        with suppress(FileNotFoundError):
            self._files.rm(self._unfinished)
        self._file = None


def _expanded_one(path: str, endings: tuple[str, ...]) -> list[str]:
    if is_url(path):
        files, inner = _filesystem(path)
        found = _matches(inner, endings, is_file=files.isfile, is_folder=files.isdir, find=files.find, match=files.glob)
        return [str(files.unstrip_protocol(each)) for each in found] if found else _none(path, endings)
    found = _matches(
        path, endings, is_file=os.path.isfile, is_folder=os.path.isdir, find=_files_in, match=_files_that_fit
    )
    return found or _none(path, endings)


def _matches(
    path: str,
    endings: tuple[str, ...],
    *,
    is_file: Callable[[str], bool],
    is_folder: Callable[[str], bool],
    find: Callable[[str], Sequence[str]],
    match: Callable[[str], Sequence[str]],
) -> list[str]:
    if is_file(path):
        return [path]
    if is_folder(path):
        inside = [(file, file[len(path) :].strip("/" + os.sep)) for file in find(path)]
        return sorted(file for file, name in inside if file.endswith(endings) and not _is_hidden(name))
    return sorted(match(path)) if glob.has_magic(path) else []


def _files_in(folder: str) -> list[str]:
    return [os.path.join(inner, name) for inner, _, names in os.walk(folder) for name in names]


def _files_that_fit(pattern: str) -> list[str]:
    return [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in path.replace(os.sep, "/").split("/"))


def _none(path: str, endings: tuple[str, ...]) -> list[str]:
    if glob.has_magic(path):
        text = "no file has a name like that"
    elif not is_url(path) and os.path.isdir(path):
        text = f"no file in this folder has a name that ends with {' or '.join(endings)}"
    else:
        text = "there is no such file or folder"
    raise FileNotFoundError(errno.ENOENT, text, path)


def _filesystem(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    try:
        import fsspec  # type: ignore[import-untyped]
    except ImportError:
        msg = f"{url!r} is a URL, which needs the package fsspec: pip install taskplan[arrow]"
        raise BuildError(msg) from None
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        msg = f"{url!r} cannot be opened: {error}"
        raise BuildValueError(msg) from None
    return found
