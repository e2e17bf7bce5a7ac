"""Files that get their names when they are complete."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import BinaryIO
from uuid import uuid4

from taskplan.errors import BuildValueError


class UnfinishedFile:
    r"""A file that is written without a name in its folder, and takes the place of an older one in one step.

    So a process that is killed leaves nothing behind. Where the system cannot write files without names, they have
    hidden ones until then.

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
        self._unnamed: int | None = None
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
        self._unfinished = os.path.join(folder, f".{uuid4().hex}.unfinished")
        descriptor = _unnamed_in(folder)
        if descriptor is None:
            self._file = open(self._unfinished, "xb")  # noqa: SIM115 - closed when it is committed or aborted
        else:
            self._unnamed = os.dup(descriptor)  # a file without a name is gone when nobody has it open
            self._file = os.fdopen(descriptor, "wb")
        return self._file

    def commit(self) -> None:
        """Give the file its name, once all of it is on the disk. Does nothing if none was begun.

        Raises:
            OSError: that cannot be; an older file stays, and `abort` removes the new one.
        """
        if self._file is None:
            return
        self._file.close()
        if self._unnamed is None:
            with open(self._unfinished, "rb") as written:
                os.fsync(written.fileno())
        else:
            os.fsync(self._unnamed)
            _name(self._unnamed, self._unfinished)
        os.replace(self._unfinished, self._target)
        self._let_go()

    def abort(self) -> None:
        """Remove what was written. Does nothing if that is committed, or nothing was begun."""
        if self._file is None:
            return
        # A full disk is told when the last bytes are written out, which closing tries again.
        with suppress(OSError):
            self._file.close()
        with suppress(FileNotFoundError):
            os.unlink(self._unfinished)
        self._let_go()

    def _let_go(self) -> None:
        self._file = None
        if self._unnamed is not None:
            os.close(self._unnamed)
            self._unnamed = None


def _unnamed_in(folder: str) -> int | None:
    """A descriptor of a new file without a name; None where the system or the file system has no such files."""
    flags = getattr(os, "O_TMPFILE", None)
    if flags is None or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(folder, flags | os.O_RDWR, 0o666)
    except OSError:
        return None  # what else is wrong with the folder is found when a file with a name is made


def _name(descriptor: int, name: str) -> None:
    """Give a file without a name one (open(2), under O_TMPFILE)."""
    folder = os.open(os.path.dirname(name), os.O_RDONLY | os.O_DIRECTORY)
    try:
        # With a folder's descriptor, which is of no use for whole paths, os.link follows the link in /proc.
        os.link(f"/proc/self/fd/{descriptor}", name, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)
