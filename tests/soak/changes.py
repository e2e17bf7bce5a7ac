"""What random programs do with a number: each change knows how `ops` writes it, and what it means.

The result never depends on the schedule, though much may happen at once inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.soak.functions import MODULUS, scrambled

import taskplan as tp
from taskplan import ops

Blob = Any

LONG_S = 10_000.0
"""A time limit that is kept, whatever is delayed."""


class Change:
    """Turns a number into another one."""

    at_once = False
    """Whether steps run at once in it."""
    shares_queue = False
    """Whether two of its steps write to one queue, or read from one."""

    def write(self, value: Blob) -> Blob:
        """Write it into the open builder; the blob with the result."""
        raise NotImplementedError

    def result(self, value: int) -> int:
        """What comes out."""
        raise NotImplementedError

    def parts(self) -> Sequence[Change]:
        """The changes inside."""
        return ()


def below(change: Change) -> list[Change]:
    """A change, and all that are in it."""
    return [change, *(each for part in change.parts() for each in below(part))]


@dataclass
class Plus(Change):
    number: int

    def write(self, value: Blob) -> Blob:
        return ops.Add([value, ops.Const(self.number)])

    def result(self, value: int) -> int:
        return value + self.number


class Scramble(Change):
    def write(self, value: Blob) -> Blob:
        return ops.call(scrambled, value)

    def result(self, value: int) -> int:
        return scrambled(value)  # type: ignore[no-any-return] # of an int it is one


class Remainder(Change):
    def write(self, value: Blob) -> Blob:
        return ops.Mod(value, divisor=MODULUS, sign_follow_divisor=True)

    def result(self, value: int) -> int:
        return value % MODULUS


@dataclass
class Chain(Change):
    changes: Sequence[Change]

    def write(self, value: Blob) -> Blob:
        for change in self.changes:
            value = change.write(value)
        return value

    def result(self, value: int) -> int:
        for change in self.changes:
            value = change.result(value)
        return value

    def parts(self) -> Sequence[Change]:
        return self.changes


@dataclass
class Repeated(Change):
    """A loop with a count."""

    count: int
    body: Change

    def write(self, value: Blob) -> Blob:
        kept = ops.Copy(value)
        with ops.loop(self.count):
            keep(self.body.write(kept), kept)
        return kept

    def result(self, value: int) -> int:
        for _ in range(self.count):
            value = self.body.result(value)
        return value

    def parts(self) -> Sequence[Change]:
        return [self.body]


@dataclass
class UpTo(Change):
    """A loop that is left when the number is large enough."""

    by: int
    limit: int

    def write(self, value: Blob) -> Blob:
        kept = ops.Copy(value)
        with ops.loop():
            ops.stop_if(ops.GE([kept, ops.Const(self.limit)]))
            ops.Add([kept, ops.Const(self.by)], [kept])
        return kept

    def result(self, value: int) -> int:
        while value < self.limit:
            value += self.by
        return value


@dataclass
class Branch(Change):
    """A branch of steps, or of operators."""

    limit: int
    then: Change
    otherwise: Change
    of_steps: bool

    def write(self, value: Blob) -> Blob:
        kept = ops.Copy(value)
        small = ops.LT([value, ops.Const(self.limit)])
        branch: Any = ops.If(small) if self.of_steps else ops.IfNet(small)
        with branch:
            keep(self.then.write(value), kept)
        with branch.Else() if self.of_steps else ops.Else():
            keep(self.otherwise.write(value), kept)
        return kept

    def result(self, value: int) -> int:
        return (self.then if value < self.limit else self.otherwise).result(value)

    def parts(self) -> Sequence[Change]:
        return [self.then, self.otherwise]


@dataclass
class InTime(Change):
    """A time limit, which is kept."""

    body: Change

    def write(self, value: Blob) -> Blob:
        kept = ops.Copy(value)
        with ops.timeout(LONG_S):
            keep(self.body.write(value), kept)
        return kept

    def result(self, value: int) -> int:
        return self.body.result(value)

    def parts(self) -> Sequence[Change]:
        return [self.body]


@dataclass
class AtOnce(Change):
    """Steps that run at once, each maybe several times, and each adding what it makes of the number."""

    bodies: Sequence[Change]
    copies: int

    at_once = True

    def write(self, value: Blob) -> Blob:
        total = Total()
        steps = [isolated("branch", partial(self._adds, body, value, total)) for body in self.bodies]
        run_at_once(steps, self.copies)
        return total.blob

    def _adds(self, body: Change, value: Blob, total: Total) -> None:
        total.add(body.write(value))

    def result(self, value: int) -> int:
        return self.copies * sum(body.result(value) for body in self.bodies)

    def parts(self) -> Sequence[Change]:
        return self.bodies


@dataclass
class Inside(Change):
    """A queue between steps of one task: some write the number on and on, the others add it up."""

    capacity: int
    counts: Sequence[int]
    readers: int

    at_once = True
    shares_queue = True

    def write(self, value: Blob) -> Blob:
        queue = ops.CreateBlobsQueue([], 1, capacity=self.capacity, writers=len(self.counts))
        total = Total()
        steps = [isolated("writer", partial(self._writes, queue, value, count)) for count in self.counts]
        steps += [isolated("reader", partial(self._reads, queue, total)) for _ in range(self.readers)]
        run_at_once(steps)
        return total.blob

    def _writes(self, queue: Blob, value: Blob, count: int) -> None:
        with ops.loop(count):
            record = ops.Copy(value)
            ops.EnqueueBlobs([queue, record], [record])
        ops.EndWrites([queue], [])

    def _reads(self, queue: Blob, total: Total) -> None:
        with ops.loop():
            record, ended = ops.SafeDequeueBlobs([queue], 2)
            ops.stop_if(ended)
            total.add(record)

    def result(self, value: int) -> int:
        return value * sum(self.counts)


def keep(value: Blob, kept: Blob) -> None:
    """Copy a blob into another one; the value is written first, and may be one of blocks."""
    ops.Copy(value, kept)


class Total:
    """A sum that steps which run at once may add to. It is made where it is made: in the open builder.

    Args:
        name: of its blob.
    """

    def __init__(self, name: str | None = None) -> None:
        self._mutex = ops.CreateMutex([], f"{name}_mutex") if name else ops.CreateMutex([])
        self.blob: Blob = ops.Const(0, blob_out=name) if name else ops.Const(0)

    def add(self, value: Blob) -> None:
        """Add a number."""
        before = ops.net().NextName("before")
        ops.AtomicFetchAdd64([self._mutex, self.blob, value], [self.blob, before])


def isolated(name: str, write: Callable[[], object]) -> tp.ExecutionStep:
    """A step with blobs of its own."""
    with tp.NetBuilder(name) as builder:
        write()
    return tp.execution_step(f"{name} alone", [tp.to_execution_step(builder)], create_workspace=True)


def run_at_once(steps: Sequence[tp.ExecutionStep], copies: int = 1) -> None:
    """Add a step that runs steps at once, each in so many copies."""
    ops.net(
        tp.execution_step(
            "at once", list(steps), concurrent_substeps=True, num_concurrent_instances=copies if copies > 1 else None
        )
    )
