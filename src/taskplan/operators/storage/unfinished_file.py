"""Files that get their names when they are complete."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import BinaryIO
from uuid import uuid4

from taskplan.errors import BuildValueError


class UnfinishedFile:
    r"""A file that is written under a hidden name in its folder, and takes the place of an older one in one step.

    Example::

        file = UnfinishedFile("totals.csv")
        file.open().write(b"day,total\n")
        file.commit()               # now there is a totals.csv; with file.abort() nothing would have happened

    Where `path` is a symbolic link, the file that it leads to is replaced.

    Args:
        path: its name when it is complete.

    Raises:
        BuildValueError: the path is empty.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        if not self.path:
            msg = f"path must name a file, got {path!r}"
            raise BuildValueError(msg)
        self._target = os.path.realpath(self.path)
        self._unfinished = ""
        self._file: BinaryIO | None = None

    def open(self) -> BinaryIO:
        """Begin a new file, and throw away one that was begun before.

        It may be closed before `commit`, or left open.

        Raises:
            OSError: no file can be made in the folder, or there is none.
        """
        self.abort()
        folder = os.path.dirname(self._target)
        if not os.path.isdir(folder):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
        unfinished = os.path.join(folder, f".{uuid4().hex}.unfinished")
        self._file = open(unfinished, "xb")  # noqa: SIM115 - closed when it is committed or aborted
        self._unfinished = unfinished
        return self._file

    def commit(self) -> None:
        """Give the file its name, once all of it is on the disk. Does nothing if none was begun.

        Raises:
            OSError: that cannot be; an older file stays, and `abort` removes the new one.
        """
        if self._file is None:
            return
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        else:
            with open(self._unfinished, "rb") as written:
                os.fsync(written.fileno())
        os.replace(self._unfinished, self._target)
        self._file = None

    def abort(self) -> None:
        """Remove what was written. Does nothing if that is committed, or nothing was begun."""
        if self._file is None:
            return
        # A full disk is told when the last bytes are written out, which closing tries again.
        with suppress(OSError):
            self._file.close()
        with suppress(FileNotFoundError):
            os.unlink(self._unfinished)
        self._file = None
