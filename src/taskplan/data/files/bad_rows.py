"""The file in which a reader puts the rows that it could not read."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import BinaryIO

from taskplan.data.files.csv_blocks import Row
from taskplan.data.files.filesystems import is_url, telling_writes, unfinished

BadRow = tuple[Row, str]
"""A row, and why it is bad."""


class BadRowsFile:
    """A CSV file with the columns line, reason and text; it appears when all parts were read to their end.

    Args:
        path: the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._unfinished = unfinished(path)
        weakref.finalize(self, self._unfinished.abort)  # for parts that nobody ever began to read
        self._changing = threading.Lock()  # parts are read by several threads
        self._file: BinaryIO | None = None
        self._parts = 0
        self._is_whole = True

    def is_at(self, path: str) -> bool:
        """Whether this is the file at `path`."""
        return path == self._path or (not is_url(path) and os.path.realpath(path) == os.path.realpath(self._path))

    def part(self) -> PartOfRows:
        """A `with` block around the reading of one part, which counts from now on."""
        with self._changing:
            self._parts += 1
        return PartOfRows(self)

    def add(self, path: str, bad: Sequence[BadRow]) -> None:
        """Add rows of the file at `path`."""
        with self._changing, telling_writes(self._path):
            if not self._is_whole:
                return
            file = self._begun()
            for row, reason in bad:
                why = f"{reason}, in {path!r}".encode().replace(b'"', b'""')
                text = row.text.rstrip(b"\r\n").replace(b'"', b'""')
                file.write(b'%d,"%b","%b"\n' % (row.line, why, text))

    def end_part(self, is_whole: bool) -> None:
        """A part is read no more. After the last one the file appears, if all were read to their end."""
        with self._changing:
            self._parts -= 1
            self._is_whole = self._is_whole and is_whole
            if self._parts:
                return
            try:
                if self._is_whole:
                    with telling_writes(self._path):
                        self._begun()
                        self._unfinished.commit()
            finally:
                self._unfinished.abort()
                self._file, self._is_whole = None, True

    def _begun(self) -> BinaryIO:
        if self._file is None:
            self._file = self._unfinished.open()
            self._file.write(b"line,reason,text\n")
        return self._file


class PartOfRows:
    """See `BadRowsFile.part`."""

    def __init__(self, file: BadRowsFile) -> None:
        self._of = file

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._of.end_part(is_whole=kind is None)
