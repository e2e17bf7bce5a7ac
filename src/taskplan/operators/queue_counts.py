"""What queues count, for reports and for the statistics of the process.

The counts live beside the queue and not in it, so that they can be read after it has gone.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any

from taskplan.operators.waiting import Puts, Reason, Takes


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """What went through a queue up to now, in records (or rows), and who waits for it.

    Attributes:
        fill: how many it holds now.
        put, taken: how many it took from writers, and gave to readers.
        refused: how many writers kept, since the queue was closed.
        undelivered: how many of those that it holds nobody will get, since it failed or its last reader has gone.
        found_end: how often a reader came and nothing was left.
        putting, taking: how many writers and readers wait now.
        bytes_taken: for each column, the bytes of the tensors that readers got.
    """

    capacity: int
    fill: int
    put: int
    taken: int
    refused: int
    undelivered: int
    found_end: int
    putting: int
    taking: int
    bytes_taken: tuple[int, ...]
    closed: bool
    failed: bool

    @property
    def balance(self) -> int:
        """Writes begun less reads begun: negative while readers wait for writers."""
        return self.put + self.refused + self.putting - self.taken - self.found_end - self.taking


class QueueCounts:
    """What one queue counts, as plain integers that only grow while it lives.

    Args:
        name: the blob that holds the queue.
        columns: how many blobs go through it at a time.
        field_names: what the columns are called, if anything.
        parked: who waits for the queue, by what for.

    Attributes:
        put, taken, refused, found_end, bytes_taken: as in `QueueStatistics`.
        put_wait_ns, take_wait_ns: how long writers and readers waited that succeeded then, all together.
        abandoned: whether nobody will get what is left.
    """

    __slots__ = (
        "_parked",
        "abandoned",
        "bytes_taken",
        "found_end",
        "keys",
        "put",
        "put_wait_ns",
        "refused",
        "take_wait_ns",
        "taken",
    )

    def __init__(self, name: str, columns: int, field_names: Sequence[str], parked: dict[type[Reason], Any]) -> None:
        self.put = self.taken = self.refused = self.found_end = 0
        self.put_wait_ns = self.take_wait_ns = 0
        self.bytes_taken = [0] * columns
        self.abandoned = False
        self._parked = parked
        fields = [f"queue_dequeued_bytes/{field}" for field in field_names]
        self.keys = tuple([f"{name}/{key}".encode("utf-8", "surrogateescape") for key in (*_KEYS, *fields)])
        """The names of the statistics of the process, in the order of `totals`."""

    @property
    def undelivered(self) -> int:
        """How many are left that nobody will get."""
        return self.put - self.taken if self.abandoned else 0

    def waiting(self, kind: type[Reason]) -> int:
        """How many wait for this."""
        line: Sized = self._parked.get(kind, ())
        return len(line)

    def totals(self, gone: bool) -> list[int]:
        """The values of the statistics of the process, for `keys`.

        Args:
            gone: whether the queue exists no more, so that nobody will get what is left.
        """
        self.abandoned = self.abandoned or gone
        begun = self.put + self.refused + self.waiting(Puts) - self.taken - self.found_end - self.waiting(Takes)
        waits = (self.take_wait_ns, self.taken, self.put_wait_ns, self.put)
        totals = [begun, self.taken, sum(self.bytes_taken), *waits, self.refused, self.undelivered, *self.bytes_taken]
        return totals[: len(self.keys)]


_KEYS = (
    "queue_balance",
    "queue_dequeued_records",
    "queue_dequeued_bytes",
    "read_time_ns/sum",
    "read_time_ns/count",
    "write_time_ns/sum",
    "write_time_ns/count",
    "queue_refused_records",
    "queue_undelivered_records",
)
