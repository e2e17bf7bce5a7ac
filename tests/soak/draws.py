"""Draws the small parts of random programs from a seed: numbers, changes, faults, mistakes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import Enum

from tests.soak.changes import (
    AtOnce,
    Branch,
    Chain,
    Change,
    Inside,
    InTime,
    Plus,
    Remainder,
    Repeated,
    Scramble,
    UpTo,
    below,
)
from tests.soak.functions import SoakError

import taskplan as tp
from taskplan.testing import Fault

LONGEST_DELAY_S = 1.5
"""Less than closing blocks have, also after some of them."""

WRITES = ("EnqueueBlobs", "SafeEnqueueBlobs", "EnqueueRebatchingQueue")
READS = ("DequeueBlobs", "SafeDequeueBlobs", "DequeueRebatchingQueue")


class Mistake(Enum):
    """What is built into a program that must fail, and the error that it must fail with."""

    RAISES = SoakError
    NEVER_CLOSED = tp.StalledError
    CLOSED_EARLY = tp.QueueClosedError


class Draws(random.Random):
    """Random numbers, and what is made of them."""

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.random() < probability

    # --- changes ------------------------------------------------------------------------------------------------------

    def change(self, depth: int) -> Change:
        """One or two changes in a row, with so many changes inside each other at most."""
        return Chain([self._change(depth) for _ in range(self.randint(1, 2))])

    def nested(self) -> Change:
        """A change in which steps run at once."""
        found = self.choice([self._at_once, self._inside])(1)
        return Repeated(self.randint(1, 2), found) if self.chance(0.3) else found

    def _change(self, depth: int) -> Change:
        small = [lambda _: self._plus(), lambda _: Scramble(), lambda _: Remainder()]
        blocks = [self._repeated, self._branch, self._in_time, self._up_to, self._at_once, self._inside]
        return self.choice(blocks if depth > 0 and self.chance(0.35) else small)(depth - 1)

    def _plus(self) -> Change:
        return Plus(self.randint(-20, 20))

    def _repeated(self, depth: int) -> Change:
        return Repeated(self.randint(0, 3), self.change(depth))

    def _up_to(self, _depth: int) -> Change:
        return Chain([Remainder(), UpTo(self.randint(150, 300), self.randint(200, 1009))])

    def _in_time(self, depth: int) -> Change:
        return InTime(self.change(depth))

    def _branch(self, depth: int) -> Change:
        of_steps = self.chance(0.6)
        then, otherwise = (self.change(depth) if of_steps else self._plus() for _ in range(2))
        return Branch(self.randint(0, 500), then, otherwise, of_steps)

    def _at_once(self, depth: int) -> Change:
        bodies = [self.change(depth if depth > 0 and self.chance(0.3) else 0) for _ in range(self.randint(1, 3))]
        return AtOnce(bodies, self.choice([1, 1, 2]))

    def _inside(self, _depth: int) -> Change:
        counts = [self.randint(0, 2) for _ in range(self.randint(1, 2))]
        return Inside(self.randint(1, 2), counts, self.randint(1, 2))

    # --- faults -------------------------------------------------------------------------------------------------------

    def faults(self, tasks: Sequence[str], nodes: Sequence[str], ops: Sequence[str]) -> list[Fault]:
        """What may go wrong in a program of these tasks, nodes and types of operators."""
        if self.chance(0.25):
            return []
        kinds = [
            lambda: self._fault(f"task:{self.choice(tasks)}", "kill"),
            lambda: self._fault(f"node:{self.choice(nodes)}", "kill"),
            lambda: self._delay(self.choice([*ops, "*", f"task:{self.choice(tasks)}"])),
        ]
        writes = [op for op in ops if op in WRITES]
        if writes:
            kinds.append(lambda: self._fault(self.choice(writes), "fail"))
        return [self.choice(kinds)() for _ in range(self.randint(1, 2))]

    def _fault(self, at: str, kind: str) -> Fault:
        if self.chance(0.5):
            return Fault(at, kind, nth=self.randint(1, 15))
        return Fault(at, kind, probability=self.choice([0.02, 0.1]))

    def _delay(self, at: str) -> Fault:
        delay_s, probability = self.uniform(0.0, LONGEST_DELAY_S), self.choice([0.05, 0.3, 1.0])
        return Fault(at, "delay", delay_s=delay_s, probability=probability, times=self.randint(1, 2))


def runs_at_once(change: Change) -> bool:
    """Whether steps run at once somewhere in a change."""
    return any(each.at_once for each in below(change))


def shares_queue(change: Change) -> bool:
    """Whether two steps write to one queue, or read from one, somewhere in a change."""
    return any(isinstance(each, Inside) and (len(each.counts) > 1 or each.readers > 1) for each in below(change))
