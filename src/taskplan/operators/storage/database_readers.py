"""Handles that read databases: from files, and from queues whose records are entries."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from taskplan.errors import DtypeError
from taskplan.operators.operands import Tensor, refuse
from taskplan.operators.queue_access import answer, answer_of_many, ended
from taskplan.operators.queue_objects import BlobsQueue, Record
from taskplan.operators.run import ByteString, OpRun
from taskplan.operators.storage.database_types import faults_told_by, open_database
from taskplan.operators.storage.entries import BadDatabaseError, Entry, Wants
from taskplan.operators.waiting import Changes, Shared, Takes
from taskplan.plan.types import STRING_DTYPE


class DatabaseReader(Shared):
    """A place in a database, from which any number of steps read.

    It keeps reading the file that it opened, also when another takes its place under the same name.

    Attributes:
        db_type, path: the database.
        shards: the reader passes from an entry to that many further on.
        shard: the number of the entry where it begins.
        position: the number of the entry that comes next.

    Raises:
        BadDatabaseError, OSError: the database cannot be opened, or has no entry for this shard.
    """

    __slots__ = ("_source", "db_type", "path", "position", "shard", "shards")

    def __init__(self, db_type: str, path: str, shards: int = 1, shard: int = 0, name: str = "") -> None:
        super().__init__(name)
        self.db_type = db_type
        self.path = path
        self.shards = shards
        self.shard = shard
        self._source = open_database(db_type, path)
        weakref.finalize(self, self._source.close)
        self.position = self._source.skip(shard)
        if shard and self._source.at_end:
            msg = f"{path!r} has only {self.position} entries, none of which is for shard_id={shard}"
            raise BadDatabaseError(msg)

    @property
    def origin(self) -> str:
        """What messages call the database."""
        return repr(self.path)

    def go_to(self, position: int) -> None:
        """Stand before the entry of that number, or at the end."""
        self._source.rewind()
        self.position = self._source.skip(position)

    def next(self, wants: Wants | None = None) -> Entry | None:
        """An attempt: the next entry; None at the end."""
        entry = self._source.entry(wants)
        if entry is not None:
            self.position += 1 + self._source.skip(self.shards - 1)
        return entry

    def around(self, count: int) -> list[bytes]:
        """An attempt: the values of the next `count` entries, again from the beginning after the last.

        Raises:
            BadDatabaseError: there are none.
        """
        values: list[bytes] = []
        while len(values) < count:
            entry = self.next()
            if entry is not None and entry[1] is not None:
                values.append(entry[1])
            if self._source.at_end:
                self.go_to(self.shard)
                if self._source.at_end:
                    msg = f"{self.origin} has no entries"
                    raise BadDatabaseError(msg)
        return values

    def batch(self, operator: str, run: OpRun, count: int) -> list[bytes]:
        """The values of the next `count` entries, for an operator; see `around`."""
        with faults_told_by(operator, f"read {self.origin}"):
            values: list[bytes] = run.wait(Changes(self), partial(self.around, count))
        return values

    def entries(self, operator: str, run: OpRun, wants: Wants) -> Iterator[Entry]:
        """The entries up to the last, for an operator, each read when it is asked for."""
        while True:
            with faults_told_by(operator, f"read {self.origin}"):
                entry: Entry | None = run.wait(Changes(self), partial(self.next, wants))
            if entry is None:
                return
            yield entry

    def describe(self) -> str:
        """One phrase about the reader."""
        return f"database reader {self.name!r} of {self.origin}, before entry {self.position}"


class QueueReader(Shared):
    """Reads entries from the records of a queue.

    Args:
        queue: whose records are taken.
        key: which blob of a record holds the key; -1 if none does.
        value: which one holds the value.
        timeout_s: how long to wait for a record; 0 for any time.
        name: the blob that holds the reader, for messages.
    """

    __slots__ = ("_key", "_timeout_s", "_value", "queue")

    def __init__(self, queue: BlobsQueue, key: int, value: int, timeout_s: float, name: str = "") -> None:
        super().__init__(name)
        self.queue = queue
        self._key = key
        self._value = value
        self._timeout_s = timeout_s

    @property
    def origin(self) -> str:
        """What messages call the database."""
        return self.queue.describe()

    def batch(self, operator: str, run: OpRun, count: int) -> list[bytes]:
        """The values of the next `count` records, fewer if that is all that a closed queue holds.

        Raises:
            DtypeError: a blob is no byte string; the records stay in the queue.
            QueueClosedError: nothing is left.
        """
        attempt = partial(self.queue.try_take_many, count, partial(self._require_entries, operator))
        records = answer_of_many(operator, run, self.queue, count, attempt, self._timeout_s)
        if records is None:
            raise ended(operator, self.queue)
        return [self._text(operator, record, self._value) for record in records]

    def _require_entries(self, operator: str, records: Sequence[Record]) -> None:
        for record in records:
            self._text(operator, record, self._value)

    def entries(self, operator: str, run: OpRun, _wants: Wants) -> Iterator[Entry]:
        """The entries up to the end of the queue, for an operator, each taken when it is asked for.

        Raises:
            OperatorError: no blob of the records is the key.
            QueueClosedError: the queue was closed because a run failed.
        """
        if self._key < 0:
            raise refuse(operator, f"the entries of {self.origin} have no keys; give key_blob_index")
        while True:
            record = answer(operator, run, Takes(self.queue), self.queue.try_take, self._timeout_s)
            if record is None:
                if self.queue.failed:
                    raise ended(operator, self.queue)
                return
            yield self._text(operator, record, self._key), self._text(operator, record, self._value)

    def _text(self, operator: str, record: Record, place: int) -> bytes:
        """The byte string that a blob of a record is, or whose only element it is."""
        blob: Tensor | ByteString = record[place]
        if isinstance(blob, ByteString):
            return bytes(blob)
        if isinstance(blob, np.ndarray) and blob.dtype == STRING_DTYPE and blob.size == 1:
            element = blob.reshape(-1)[0]
            if type(element) is bytes:
                return element
        msg = f"{operator}: blob {place} of a record of {self.origin} is {blob!r:.80}, expected a byte string"
        raise DtypeError(msg, operator=operator)

    def describe(self) -> str:
        """One phrase about the reader."""
        return f"database reader {self.name!r} of {self.origin}"
