"""The database type `minidb`, bit for bit Caffe2's: one plain file.

It has no head and no end mark. Each entry is the length of its key and that of its value, both int32 in the byte order
of the machine, then the key, then the value. Neither may be empty. Entries come in the order in which they were
written, and a key may come more than once.
"""

from __future__ import annotations

import os
import struct

from taskplan.operators.storage.entries import BadDatabaseError, Entry, Wants
from taskplan.operators.storage.unfinished_file import UnfinishedFile

_LENGTHS = struct.Struct("=ii")
_MOST_BYTES = (1 << 31) - 1


class MinidbReader:
    """Reads a file from the beginning; see `EntryReader`.

    No length is believed that the file is too small for. What is added to the file later is not seen.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path, "rb")  # noqa: SIM115 - closed by whoever made the reader
        self._size = os.fstat(self._file.fileno()).st_size
        self.rewind()

    @property
    def at_end(self) -> bool:
        """Whether no entry is left."""
        return self._place >= self._size

    def entry(self, wants: Wants | None = None) -> Entry | None:
        """The next entry; see `EntryReader`."""
        if self.at_end:
            return None
        key_size, value_size = self._lengths()
        key = self._file.read(key_size)
        value: bytes | None = None
        if wants is None or wants(key):
            value = self._file.read(value_size)
            if len(value) < value_size:
                raise self._damage("is not there any more; the file was cut while it was read")
        else:
            self._file.seek(value_size, os.SEEK_CUR)
        self._pass(key_size, value_size)
        return key, value

    def skip(self, count: int) -> int:
        """Pass entries; see `EntryReader`."""
        passed = 0
        while passed < count and not self.at_end:
            key_size, value_size = self._lengths()
            self._file.seek(key_size + value_size, os.SEEK_CUR)
            self._pass(key_size, value_size)
            passed += 1
        return passed

    def rewind(self) -> None:
        """Go back to the first entry."""
        self._place = self._number = 0
        self._file.seek(0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _lengths(self) -> tuple[int, int]:
        """The lengths of the entry's key and value, which are in the file."""
        left = self._size - self._place
        head = self._file.read(_LENGTHS.size)
        if len(head) < _LENGTHS.size:
            raise self._damage(f"is cut off after {len(head)} bytes")
        key_size, value_size = _LENGTHS.unpack(head)
        if key_size < 1 or value_size < 1 or key_size + value_size > left - _LENGTHS.size:
            claim = f"claims a key of {key_size} and a value of {value_size} bytes"
            raise self._damage(f"{claim}, where {left - _LENGTHS.size} are left")
        return key_size, value_size

    def _pass(self, key_size: int, value_size: int) -> None:
        self._place += _LENGTHS.size + key_size + value_size
        self._number += 1

    def _damage(self, fault: str) -> BadDatabaseError:
        self._file.seek(self._place)  # so that the next attempt finds the same
        where = f"entry {self._number}, at byte {self._place} of {self._size},"
        return BadDatabaseError(f"{self._path!r} is no minidb file, or not a whole one: {where} {fault}")


class MinidbWriter:
    """Writes a file; see `EntryWriter`.

    Args:
        path: the file.

    Raises:
        OSError: no file can be made in its folder.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._unfinished = UnfinishedFile(path)
        self._file = self._unfinished.open()

    def put(self, key: bytes, value: bytes) -> None:
        """Add an entry; see `EntryWriter`."""
        if not key or not value:
            msg = f"{self._path!r} cannot hold an entry whose key or value is empty; the key is {key!r}"
            raise BadDatabaseError(msg)
        if max(len(key), len(value)) > _MOST_BYTES:
            msg = f"{self._path!r} cannot hold {len(value)} bytes in one entry, {key!r}; 2 GiB is the most"
            raise BadDatabaseError(msg)
        self._file.write(_LENGTHS.pack(len(key), len(value)))
        self._file.write(key)
        self._file.write(value)

    def publish(self) -> None:
        """Let the file have its name; see `EntryWriter`."""
        self._unfinished.commit()

    def discard(self) -> None:
        """Remove what was written."""
        self._unfinished.abort()
