"""Queues: bounded, first in first out, closed once and for good.

Their methods are attempts, as `taskplan.operators.waiting` describes them. An attempt that raises or cannot go on has
changed nothing, so that no record is ever between a queue and a step.

A closed queue refuses what writers bring and gives out what it still holds. A queue that was closed *as failed*, since
the run that filled it came to no good end, gives out nothing more: half of the data must not pass for the whole. One
that was closed with a cause gives out all that it holds and then raises the cause.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Any

from taskplan.operators.operands import Tensor
from taskplan.operators.queue_counts import QueueCounts, QueueStatistics
from taskplan.operators.statistic_objects import PROCESS
from taskplan.operators.waiting import NOT_YET, NotYet, Puts, Reason, Shared, Takes
from taskplan.plan.types import DType

Record = tuple[Any, ...]
"""The values of the blobs that travel together."""

RowKind = tuple[tuple[DType, tuple[int, ...]], ...]
"""Element type and shape of each column of a row."""


class Refusal(Enum):
    """Why a queue does not take what it was brought."""

    CLOSED = "closed"
    OTHER_KIND = "of another kind than its rows"

    def __bool__(self) -> bool:
        return False


class BoundedQueue(Shared):
    """What both kinds of queue are: a capacity, columns, and an end.

    A reader may want more at once than there is capacity. It says so beforehand (`expect`), and the queue has room for
    that many until the reader is done (`settle`); so it can take all of them in one attempt, and loses none when it is
    cancelled halfway.
    """

    __slots__ = (
        "_expected",
        "_room",
        "capacity",
        "cause",
        "closed",
        "columns",
        "counts",
        "failed",
    )

    def __init__(self, name: str, capacity: int, columns: int, field_names: Sequence[str] = ()) -> None:
        super().__init__(name)
        self.capacity = capacity
        self.columns = columns
        self.closed = False
        self.failed = False
        self.cause: BaseException | None = None
        self.counts = QueueCounts(name, columns, field_names, self.parked)
        self._expected: list[int] = []
        self._room = capacity
        PROCESS.watch(self, self.counts)

    @property
    def broken(self) -> bool:
        """Whether its end is a failure: it was closed as failed, or with a cause."""
        return self.failed or self.cause is not None

    @property
    def fill(self) -> int:
        """How many records (or rows) it holds."""
        return self.counts.put - self.counts.taken

    def close(self, failed: bool = False, cause: BaseException | None = None) -> None:
        """Take nothing more. Closing again changes nothing: what was complete before a failure stays complete.

        Args:
            failed: what the queue still holds is not given out either.
            cause: why there is no more, if that is a failure: raised where readers would find the end.
        """
        if not self.closed:
            self.closed = True
            self.cause = cause
            self.failed = failed
            self.counts.abandoned = failed

    def expect(self, count: int) -> None:
        """Have room for `count` at once, for a reader that wants them all; see `settle`."""
        self._expected.append(count)
        self._room = max([self.capacity, *self._expected])

    def settle(self, count: int) -> None:
        """The reader that expected `count` has them, or wants them no more."""
        self._expected.remove(count)
        self._room = max([self.capacity, *self._expected])

    def waited(self, kind: type[Reason], found: Any, duration_s: float) -> None:
        """Count how long somebody waited who put (or took) something then."""
        if not found:
            return
        if kind is Puts:
            self.counts.put_wait_ns += round(duration_s * 1e9)
        else:
            self.counts.take_wait_ns += round(duration_s * 1e9)

    def statistics(self) -> QueueStatistics:
        """What went through the queue up to now."""
        counts = self.counts
        return QueueStatistics(
            capacity=self.capacity,
            fill=self.fill,
            put=counts.put,
            taken=counts.taken,
            refused=counts.refused,
            undelivered=counts.undelivered,
            found_end=counts.found_end,
            putting=counts.waiting(Puts),
            taking=counts.waiting(Takes),
            bytes_taken=tuple(counts.bytes_taken),
            closed=self.closed,
            failed=self.failed,
        )

    def describe(self) -> str:
        """One phrase about the queue's state."""
        ending = ", closed as failed" if self.failed else ", closed" if self.closed else ""
        return f"queue {self.name!r} ({self.fill} of {self.capacity}{ending})"

    def check_invariants(self) -> None:
        """Hold what must be true between any two attempts against what is."""
        counts = self.counts
        assert 0 <= counts.taken <= counts.put, f"{counts.taken} taken of {counts.put}"
        assert self._room == max([self.capacity, *self._expected]), f"room for {self._room}, expected {self._expected}"
        assert self.closed or not self.failed, "failed and open"
        assert self.closed or not counts.refused, "refused while open"
        assert self.closed or not counts.abandoned, "abandoned while open"


class BlobsQueue(BoundedQueue):
    """A bounded queue of records: blobs of any kind that travel together.

    Args:
        name: the blob that holds it, for messages.
        capacity: how many records it holds before writers wait.
        columns: how many blobs a record has.
        field_names: what the columns are called, if anything.
        writers: how many writers say when they are done (`end_writes`); 0 if that is not known.
        readers: how many readers say so (`end_reads`); 0 if that is not known.
    """

    __slots__ = ("_records", "field_names", "readers", "writers")

    def __init__(
        self,
        name: str,
        capacity: int,
        columns: int,
        field_names: Sequence[str] = (),
        writers: int = 0,
        readers: int = 0,
    ) -> None:
        super().__init__(name, capacity, columns, field_names)
        self.field_names = tuple(field_names)
        self.writers = writers
        self.readers = readers
        self._records: deque[Record] = deque()

    def try_put(self, record: Record) -> bool | NotYet:
        """Append a record: whether the queue took it, which it does not once it is closed."""
        if self.closed:
            self.counts.refused += 1
            return False
        if len(self._records) >= self._room:
            return NOT_YET
        self._records.append(record)
        self.counts.put += 1
        return True

    def try_take(self) -> Record | NotYet | None:
        """Take the oldest record; None at the end."""
        if self.failed or not self._records:
            if not self.closed:
                return NOT_YET
            self.counts.found_end += 1
            return None
        record = self._records.popleft()
        self._count_taken(record)
        return record

    def try_take_many(self, count: int, check: Callable[[Sequence[Record]], None]) -> list[Record] | NotYet | None:
        """Take the `count` oldest records, fewer if that is all a closed queue holds; None at the end.

        Args:
            count: at least 1; to be expected beforehand if it exceeds the capacity.
            check: looks at the records before any is taken; if it raises, they all stay.
        """
        if not self.closed and len(self._records) < count:
            return NOT_YET
        if self.failed or not self._records:
            self.counts.found_end += 1
            return None
        records = list(islice(self._records, count))
        check(records)
        for record in records:
            self._records.popleft()
            self._count_taken(record)
        return records

    def begin_writes(self) -> bool:
        """There is one more writer, which will say when it is done; false if the queue is closed already."""
        if not self.closed:
            self.writers += 1
        return not self.closed

    def begin_reads(self) -> None:
        """There is one more reader, which will say when it is done."""
        self.readers += 1

    def end_writes(self, cause: BaseException | None = None) -> None:
        """One writer is done. The last of them closes the queue; any does if it is not known how many there are.

        Args:
            cause: why there is no more, if that is a failure; see `close`.
        """
        self.writers = max(0, self.writers - 1)
        if not self.writers:
            self.close(cause=cause)

    def end_reads(self) -> None:
        """One reader is done. The last of them closes the queue; any does if it is not known how many there are."""
        self.readers = max(0, self.readers - 1)
        if not self.readers:
            self.close()
            self.counts.abandoned = True

    def check_invariants(self) -> None:
        """Hold what must be true between any two attempts against what is."""
        super().check_invariants()
        assert self.fill == len(self._records), f"{len(self._records)} records, {self.fill} counted"
        assert all(len(record) == self.columns for record in self._records), "a record of another width"

    def _count_taken(self, record: Record) -> None:
        counts = self.counts
        counts.taken += 1
        totals = counts.bytes_taken
        for column, value in enumerate(record):
            totals[column] += getattr(value, "nbytes", 0)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows `start` to `stop` of columns that all have at least `stop` rows."""

    columns: tuple[Tensor, ...]
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def split(self, count: int) -> tuple[Rows, Rows]:
        """The first `count` rows, and the others."""
        middle = self.start + count
        return Rows(self.columns, self.start, middle), Rows(self.columns, middle, self.stop)

    def column(self, index: int) -> Tensor:
        """These rows of one column; no copy."""
        return self.columns[index][self.start : self.stop]

    def kind(self) -> RowKind:
        """What each row is."""
        return tuple([(column.dtype, column.shape[1:]) for column in self.columns])


class RebatchingQueue(BoundedQueue):
    """A bounded queue of rows, which come in batches of one size and go in batches of another.

    All rows are of one kind, that of the first: so any of them can be stacked.

    Args:
        name: the blob that holds it, for messages.
        capacity: how many rows it holds before writers wait.
        columns: how many tensors make a row.
    """

    __slots__ = ("_batches", "kind")

    def __init__(self, name: str, capacity: int, columns: int) -> None:
        super().__init__(name, capacity, columns)
        self.kind: RowKind | None = None
        self._batches: deque[Rows] = deque()

    def try_put_rows(self, rows: Rows) -> int | Refusal | NotYet:
        """Append as many of the rows as there is room for: how many that was. Rows that were none need no room."""
        if self.closed:
            self.counts.refused += len(rows)
            return Refusal.CLOSED
        if not len(rows):
            return 0
        kind = rows.kind()
        if self.kind not in (None, kind):
            return Refusal.OTHER_KIND
        count = min(len(rows), self._room - self.fill)
        if count <= 0:
            return NOT_YET
        self.kind = kind
        self._batches.append(rows.split(count)[0])
        self.counts.put += count
        return count

    def try_take_rows(self, count: int) -> list[Rows] | NotYet | None:
        """Take the `count` oldest rows, fewer if that is all a closed queue holds; None at the end.

        Args:
            count: at least 1; to be expected beforehand if it exceeds the capacity.
        """
        if not self.closed and self.fill < count:
            return NOT_YET
        if self.failed or not self._batches:
            self.counts.found_end += 1
            return None
        taken: list[Rows] = []
        while count and self._batches:
            batch = self._batches.popleft()
            if len(batch) > count:
                batch, rest = batch.split(count)
                self._batches.appendleft(rest)
            count -= len(batch)
            self.counts.taken += len(batch)
            for column in range(self.columns):
                self.counts.bytes_taken[column] += batch.column(column).nbytes
            taken.append(batch)
        return taken

    def check_invariants(self) -> None:
        """Hold what must be true between any two attempts against what is."""
        super().check_invariants()
        assert self.fill == sum(map(len, self._batches)), f"{sum(map(len, self._batches))} rows, {self.fill} counted"
        assert all(len(batch) and batch.kind() == self.kind for batch in self._batches), "a row of another kind"
