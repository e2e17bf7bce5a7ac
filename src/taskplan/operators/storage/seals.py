"""Seals: checksums in the entries of a database, which its own form has no place for.

A seal stands at the end of an entry's value. To protobuf it is a field that BlobProto does not know, so whoever knows
nothing of seals reads the entry all the same. It holds the checksum of key and value, the number of the entry and how
many there are, so that a changed byte shows, and so do entries that are missing or there twice.
"""

from __future__ import annotations

import struct
import zlib

from taskplan.operators.storage.entries import BadDatabaseError

_HEAD = b"\xc2\x3e\x0c"  # field 1000, of 12 bytes
_FACTS = struct.Struct("<III")
_SIZE = len(_HEAD) + _FACTS.size


def sealed(key: bytes, value: bytes, place: int, total: int) -> bytes:
    """The value of entry number `place` of `total`, with a seal."""
    return value + _HEAD + _FACTS.pack(_checksum(key, value), place, total)


def _checksum(key: bytes, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(key))


class SealCheck:
    """Looks at the seals of one database, if it has any: all of its entries have one, or none has."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._total: int | None = None
        self._unsealed = 0

    @property
    def total(self) -> int | None:
        """How many entries there are, as the seals say that were seen; None if none was."""
        return self._total

    def opened(self, key: bytes, value: bytes) -> bytes:
        """The value of an entry without its seal.

        Raises:
            BadDatabaseError: the entry is not what was sealed, was seen before, or is the only one without a seal.
        """
        if value[-_SIZE : -_FACTS.size] != _HEAD:
            self._unsealed += 1
            if self._total is not None:
                msg = f"entry {key!r} has no checksum, and others have one"
                raise BadDatabaseError(msg)
            return value
        checksum, place, total = _FACTS.unpack(value[-_FACTS.size :])
        value = value[:-_SIZE]
        if checksum != _checksum(key, value):
            msg = f"entry {key!r} is damaged: it has another checksum than when it was written"
            raise BadDatabaseError(msg)
        if self._unsealed or self._total not in (None, total) or place in self._seen or place >= total:
            msg = f"entry {key!r} is out of place: it is number {place + 1} of {total} entries of a database"
            raise BadDatabaseError(msg)
        self._total = total
        self._seen.add(place)
        return value

    def require_all(self) -> None:
        """Raise BadDatabaseError if the seals tell of entries that were not seen."""
        if self._total is not None and len(self._seen) < self._total:
            msg = f"only {len(self._seen)} of {self._total} entries are there"
            raise BadDatabaseError(msg)
