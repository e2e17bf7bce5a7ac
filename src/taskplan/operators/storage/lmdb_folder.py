"""The database type `lmdb`: a folder, as Caffe2's, through the package lmdb, which is imported on first use.

Entries come in the order of their keys, each key once, with the value that was put last.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from taskplan.operators.storage.entries import BadDatabaseError, Entry, MissingPackageError, Wants

_FILE = "data.mdb"
_MAP_BYTES = 1 << 40
"""How large a database may grow; it takes no room before it is used."""


def _package(path: str) -> Any:
    try:
        import lmdb
    except ImportError:
        msg = f"{path!r}: databases of type 'lmdb' need the package lmdb: pip install 'taskplan[lmdb]'"
        raise MissingPackageError(msg) from None
    return lmdb


@contextmanager
def _telling(path: str) -> Iterator[Any]:
    """Gives the package lmdb; its errors become ours."""
    lmdb = _package(path)
    try:
        yield lmdb
    except lmdb.Error as error:
        msg = f"{path!r}, lmdb: {error}"
        raise BadDatabaseError(msg) from None


class _Opened:
    """A database that is open. LMDB opens a file only once in a process, so all its readers share this.

    Attributes:
        environment: LMDB's handle.
        readers: how many there are; the last one closes it.
    """

    def __init__(self, path: str) -> None:
        self.readers = 0
        with _telling(path) as lmdb:
            self.environment = lmdb.open(path, readonly=True, lock=False, create=False)
            pages = self.environment.info()["last_pgno"] + 1
            needed, size = pages * self.environment.stat()["psize"], os.path.getsize(os.path.join(path, _FILE))
        if size < needed:  # LMDB would take the process down when it reads what is not there
            self.environment.close()
            msg = f"{path!r} is not a whole lmdb database: {needed} bytes are in use, and the file has {size}"
            raise BadDatabaseError(msg)


_Identity = tuple[int, int]
"""Device and number of a file: another may take its place under the same name while it is read."""

_opened: dict[_Identity, _Opened] = {}
_opening = threading.RLock()  # a reader may be collected, and closed, while another is opened


def _open(path: str) -> tuple[_Identity, Any]:
    """LMDB's handle of the database in a folder. Each is given back by `_close`."""
    with _opening:
        found = os.stat(os.path.join(path, _FILE))
        identity = (found.st_dev, found.st_ino)
        opened = _opened.get(identity) or _opened.setdefault(identity, _Opened(path))
        opened.readers += 1
    return identity, opened.environment


def _close(identity: _Identity) -> None:
    with _opening:
        opened = _opened[identity]
        opened.readers -= 1
        if not opened.readers:
            del _opened[identity]
            opened.environment.close()


class LmdbReader:
    """Reads a database in the order of its keys, as it is when the reader is made; see `EntryReader`.

    Args:
        path: the folder.

    Raises:
        OSError: there is none, or no database in it.
        BadDatabaseError: it is damaged, or the package lmdb is missing.
    """

    def __init__(self, path: str) -> None:
        _package(path)
        self._path = path
        self._has_more = False
        self._identity, environment = _open(path)
        with _telling(path):
            self._reading = environment.begin()
            self._cursor = self._reading.cursor()
        self.rewind()

    @property
    def at_end(self) -> bool:
        """Whether no entry is left."""
        return not self._has_more

    def entry(self, wants: Wants | None = None) -> Entry | None:
        """The next entry; see `EntryReader`."""
        if self.at_end:
            return None
        with _telling(self._path):
            key: bytes = self._cursor.key()
            value: bytes | None = self._cursor.value() if wants is None or wants(key) else None
            self._has_more = self._cursor.next()
        return key, value

    def skip(self, count: int) -> int:
        """Pass entries; see `EntryReader`."""
        passed = 0
        with _telling(self._path):
            while passed < count and self._has_more:
                self._has_more = self._cursor.next()
                passed += 1
        return passed

    def rewind(self) -> None:
        """Go back to the first entry."""
        with _telling(self._path):
            self._has_more = self._cursor.first()

    def close(self) -> None:
        """Give up the view of the database."""
        self._cursor.close()
        self._reading.abort()
        _close(self._identity)


class LmdbWriter:
    """Writes a database; see `EntryWriter`.

    Args:
        path: the folder.

    Raises:
        OSError: no folder can be made beside it.
        BadDatabaseError: the package lmdb is missing.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._target = os.path.realpath(path)
        self._unfinished = os.path.join(os.path.dirname(self._target), f".{uuid4().hex}.unfinished")
        _package(path)
        os.mkdir(self._unfinished)
        self._environment: Any = None
        try:
            with _telling(path) as lmdb:
                self._environment = lmdb.open(self._unfinished, map_size=_MAP_BYTES, lock=False, sync=False)
        except BaseException:
            self.discard()
            raise

    def put(self, key: bytes, value: bytes) -> None:
        """Add an entry, or give its key another value; see `EntryWriter`."""
        with _telling(self._path), self._environment.begin(write=True) as writing:
            writing.put(key, value)

    def publish(self) -> None:
        """Let the folder have its name, or its file the place of the old one; see `EntryWriter`."""
        with _telling(self._path):
            self._environment.sync(True)
            self._environment.close()
        if not os.path.isdir(self._target):
            os.rename(self._unfinished, self._target)
            return
        held = os.listdir(self._target)
        if held and _FILE not in held:
            msg = f"{self._path!r} is a folder that holds other things than an lmdb database; choose another name"
            raise BadDatabaseError(msg)
        os.replace(os.path.join(self._unfinished, _FILE), os.path.join(self._target, _FILE))
        os.rmdir(self._unfinished)

    def discard(self) -> None:
        """Remove what was written."""
        if self._environment is not None:
            self._environment.close()
        with suppress(FileNotFoundError):
            shutil.rmtree(self._unfinished)
