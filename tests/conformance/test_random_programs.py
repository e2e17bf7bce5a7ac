"""Random nests of loops, branches, stops and operator-based blocks do what the same nests do in Python.

A construct knows two things: how `ops` writes it, and what it means.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import pytest

import taskplan as tp
from taskplan import ops

PROGRAMS = 60
DEPTH = 3
VARIABLES = [tp.BlobReference(name) for name in ("a", "b", "c")]

Values = list[int]
Seen = list[tuple[int, ...]]


class Stopped(Exception):  # noqa: N818 - a signal
    """What `ops.stop_if` raises, in Python: it leaves the innermost block."""


class Construct:
    def write(self, seen: Seen) -> None:
        """Write it into the open builder."""
        raise NotImplementedError

    def perform(self, values: Values, seen: Seen) -> None:
        """Do what it means."""
        raise NotImplementedError


@dataclass
class Block(Construct):
    parts: Sequence[Construct]

    def write(self, seen: Seen) -> None:
        for part in self.parts:
            part.write(seen)

    def perform(self, values: Values, seen: Seen) -> None:
        for part in self.parts:
            part.perform(values, seen)


@dataclass
class Condition:
    """Whether a variable is below a limit."""

    variable: int
    limit: int

    def write(self) -> tp.BlobReference:
        blob: tp.BlobReference = ops.LT([VARIABLES[self.variable], ops.Const(self.limit)])
        return blob

    def holds(self, values: Values) -> bool:
        return values[self.variable] < self.limit


@dataclass
class Change(Construct):
    variable: int
    by: int

    def write(self, seen: Seen) -> None:
        ops.Add([VARIABLES[self.variable], ops.Const(self.by)], [VARIABLES[self.variable]])

    def perform(self, values: Values, seen: Seen) -> None:
        values[self.variable] += self.by


class Look(Construct):
    def write(self, seen: Seen) -> None:
        ops.Python(lambda inputs, outputs: seen.append(tuple(int(blob.data) for blob in inputs)))(VARIABLES, [])

    def perform(self, values: Values, seen: Seen) -> None:
        seen.append(tuple(values))


@dataclass
class StopIf(Construct):
    condition: Condition

    def write(self, seen: Seen) -> None:
        ops.stop_if(self.condition.write())

    def perform(self, values: Values, seen: Seen) -> None:
        if self.condition.holds(values):
            raise Stopped


@dataclass
class Loop(Construct):
    count: int
    body: Block

    def write(self, seen: Seen) -> None:
        with ops.loop(self.count):
            self.body.write(seen)

    def perform(self, values: Values, seen: Seen) -> None:
        with suppress(Stopped):
            for _ in range(self.count):
                self.body.perform(values, seen)


@dataclass
class If(Construct):
    branches: list[tuple[Condition, Block]]
    otherwise: Block

    def write(self, seen: Seen) -> None:
        (first, body), *others = self.branches
        branch = ops.If(first.write())
        with branch:
            body.write(seen)
        for condition, body in others:
            branch = branch.Elif(condition.write())
            with branch:
                body.write(seen)
        with branch.Else():
            self.otherwise.write(seen)

    def perform(self, values: Values, seen: Seen) -> None:
        chosen = next((body for condition, body in self.branches if condition.holds(values)), self.otherwise)
        with suppress(Stopped):
            chosen.perform(values, seen)


@dataclass
class StopGuard(Construct):
    body: Block
    if_stopped: Block

    def write(self, seen: Seen) -> None:
        with ops.stop_guard() as guard:
            self.body.write(seen)
        with ops.If(guard.has_stopped()):
            self.if_stopped.write(seen)

    def perform(self, values: Values, seen: Seen) -> None:
        try:
            self.body.perform(values, seen)
        except Stopped:
            with suppress(Stopped):
                self.if_stopped.perform(values, seen)


@dataclass
class IfNet(Construct):
    condition: Condition
    then: Block
    otherwise: Block

    def write(self, seen: Seen) -> None:
        with ops.IfNet(self.condition.write()):
            self.then.write(seen)
        with ops.Else():
            self.otherwise.write(seen)

    def perform(self, values: Values, seen: Seen) -> None:
        (self.then if self.condition.holds(values) else self.otherwise).perform(values, seen)


@dataclass
class WhileNet(Construct):
    count: int
    body: Block

    def write(self, seen: Seen) -> None:
        done, one, count = ops.Const(0), ops.Const(1), ops.Const(self.count)
        with ops.WhileNet():
            with ops.Condition():
                ops.LT([done, count])
            ops.Add([done, one], [done])
            self.body.write(seen)

    def perform(self, values: Values, seen: Seen) -> None:
        for _ in range(self.count):
            self.body.perform(values, seen)


class Draw:
    """Draws programs from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def block(self, depth: int, *, of_steps: bool = True) -> Block:
        """A block that may hold what becomes steps, or operators only."""
        return Block([self._construct(depth, of_steps) for _ in range(self._random.randint(1, 3))])

    def _condition(self) -> Condition:
        return Condition(self._random.randrange(len(VARIABLES)), self._random.randint(0, 5))

    def _construct(self, depth: int, of_steps: bool) -> Construct:
        kinds = [Change, Look]
        if of_steps:
            kinds += [StopIf]
        if depth:
            kinds += [IfNet, WhileNet] + [Loop, If, StopGuard] * of_steps
        kind = self._random.choice(kinds)
        if kind is Change:
            return Change(self._random.randrange(len(VARIABLES)), self._random.choice([-1, 1, 2]))
        if kind is StopIf:
            return StopIf(self._condition())
        if kind is IfNet:
            branches = [self.block(depth - 1, of_steps=False) for _ in range(2)]
            return IfNet(self._condition(), *branches)
        if kind is WhileNet:
            return WhileNet(self._random.randint(0, 3), self.block(depth - 1, of_steps=False))
        if kind is Loop:
            return Loop(self._random.randint(0, 3), self.block(depth - 1))
        if kind is If:
            branches_if = [(self._condition(), self.block(depth - 1)) for _ in range(self._random.randint(1, 3))]
            return If(branches_if, self.block(depth - 1))
        if kind is StopGuard:
            return StopGuard(self.block(depth - 1), self.block(depth - 1))
        return Look()


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_random_programs_do_what_they_mean(session, seed):
    program = Block([*Draw(seed).block(DEPTH).parts, Look()])
    expected: Seen = []
    values = [0] * len(VARIABLES)
    with suppress(Stopped):
        program.perform(values, expected)
    seen: Seen = []
    with tp.TaskGroup() as group, tp.Task():
        for blob in VARIABLES:
            ops.Const(0, blob_out=blob)
        outputs = tp.final_output(VARIABLES)
        program.write(seen)

    session.run(group)

    assert seen == expected
    assert [int(array) for array in outputs.fetch()] == values
