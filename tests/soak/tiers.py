"""Whether all tiers give the same: each random program runs in each of them, and every bit that is left is compared."""

from __future__ import annotations

import math
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
from tests.soak.tally import ENOUGH, Tally, WrongError
from tests.soak.tiers_programs import Program

import taskplan as tp
from taskplan.engine import interpret
from taskplan.engine.compiler import hot, promotion, region
from taskplan.engine.compiler.machine_code import CACHE, Order
from taskplan.engine.compiler.region import Compiled
from taskplan.engine.compiler.tree import Foreign, Steps, While, nodes_of
from taskplan.engine.tier import can_be_native
from taskplan.operators import control

LEAST_COMPILED = 0.9
"""Of the programs, those that must have run generated Python."""

LEAST_NATIVE = 0.6
"""Of the loops in numeric programs, those that must have run native code where that is forced."""


FEWEST_LOOPS = 5
"""Shares of fewer say nothing."""


class TierTally(Tally):
    """Counts programs, and how they ran.

    Attributes:
        compiled: how many programs ran a generated function that does more than perform other steps.
        loops: how many regions with loops of numeric programs ran where native code is forced.
        native: how many of these ran native code.
        reasons: why the others did not.
    """

    def __init__(self, minutes: float, runs: int | None = None, begins: Any = None) -> None:
        super().__init__(minutes, runs, begins)
        self.compiled = 0
        self.loops = 0
        self.native = 0
        self.reasons: Counter[str] = Counter()

    def check_shares(self, *, with_faults: bool = True) -> None:
        """Hold against what they must be the shares of programs that were compiled, and of loops that were native.

        Raises:
            WrongError: one is less.
        """
        if self.runs >= ENOUGH and self.compiled < LEAST_COMPILED * self.runs:
            msg = f"of {self.runs} programs only {self.compiled} ran generated Python"
            raise WrongError(msg)
        if self.loops >= FEWEST_LOOPS and self.native < LEAST_NATIVE * self.loops:
            msg = f"of {self.loops} numeric loops only {self.native} ran native code: {self.reasons}"
            raise WrongError(msg)

    def lines(self) -> Iterator[str]:
        """What is to be told."""
        yield next(super().lines()).replace(f" of {self.programs} random programs", " of random programs in all tiers")
        yield f"outcomes: {', '.join(f'{what} {count}' for what, count in self.outcomes.most_common())}"
        yield f"{self.compiled} ran generated Python; of {self.loops} numeric loops {self.native} ran native code"


@dataclass
class Watch:
    """The regions that ran compiled."""

    definitions: list[Any] = field(default_factory=list)
    does_something: bool = False
    looped: dict[int, Any] = field(default_factory=dict)

    def saw(self, compiled: Compiled) -> None:
        """A region begins."""
        root = compiled._region.root
        nodes = list(nodes_of(root))
        self.does_something |= any(not isinstance(node, Steps | Foreign) for node in nodes)
        if any(isinstance(node, While) or (isinstance(node, Steps) and node.loops) for node in nodes):
            self.looped[id(root.step.definition)] = root.step.definition

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See the regions that run meanwhile."""

        perform = Compiled.perform

        def seen(compiled: Compiled, iteration: int) -> None:
            self.saw(compiled)
            perform(compiled, iteration)

        with mock.patch.object(Compiled, "perform", seen):
            yield


@dataclass(frozen=True)
class Ending:
    """How a run ended: its error with all notes, and the bits of every blob."""

    error: str
    blobs: dict[str, str]


SMALL_EVERY = 10
"""Of so many programs one is small, and has native code made as well."""

EAGER_EVERY = 100
"""Of so many programs one has native code made though it is as large as the others, and in tier `auto` too."""


def soak_tiers(numbers: Iterator[int], tally: TierTally) -> None:
    """Run programs in all tiers.

    Args:
        numbers: of the programs.
        tally: counts what came of it, and says when to end.

    Raises:
        WrongError: two tiers differ.
    """
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {CACHE: folder}):
        for number in numbers:
            if tally.is_over():
                break
            tally.begins(number)
            _run(number, tally)
    tally.check_shares()


def _run(number: int, tally: TierTally) -> None:
    small, eager = number % SMALL_EVERY == 0, number % EAGER_EVERY == 7 and can_be_native()
    with tp.fresh_names():
        program = Program(number, small=small)
    right = _ended(program, "interpret")[0]
    # Half of the functions are left after each round, and entered again where they were left.
    with mock.patch.object(region, "SLICE_S", 0.0 if number % 2 else region.SLICE_S):
        found, watch, _ = _ended(program, "python")
    _compare("python", right, found, program)
    tally.compiled += watch.does_something
    with _hot_after(number % 5 + 1, eager=eager):
        found, watch, _ = _ended(program, "auto")
    _compare("auto", right, found, program)
    if (small and can_be_native()) or eager:
        found, watch, prepared = _ended(program, "native")
        _compare("native", right, found, program)
        if program.numeric:
            _count_native(watch, prepared, tally)
    tally.ended(right.error.partition(":")[0] or "right")


@contextmanager
def _hot_after(rounds: int, *, eager: bool) -> Iterator[None]:
    """Loops, operators `While` and nets are hot when they have run so often.

    Args:
        rounds: how often.
        eager: native code is wanted at once, and there when it is looked for again; otherwise it is never there.
    """
    with (
        mock.patch.object(hot, "HOT_ROUNDS", rounds),
        mock.patch.object(control, "_LOOK_AT", rounds),
        mock.patch.object(interpret, "HOT_RUNS", rounds),
        mock.patch.object(promotion, "HOT_S", 0.0 if eager else math.inf),
        mock.patch.object(Order, "place", Order.make if eager else lambda order: None),
    ):
        yield


def _count_native(watch: Watch, prepared: Sequence[Any], tally: TierTally) -> None:
    for key in watch.looped:
        tally.loops += 1
        ways = [way for plan in prepared for way in plan.ways() if id(way.step) == key]
        if any(way.is_native for way in ways):
            tally.native += 1
        else:
            tally.reasons.update(way.why_not_native.partition("(")[0] for way in ways)


def _ended(program: Program, tier: str) -> tuple[Ending, Watch, list[Any]]:
    space = tp.Workspace()
    for name, value in program.fed.items():
        space.feed_blob(name, value)
    error = ""
    watch = Watch()
    with tp.LocalSession(space, tier=tier) as session, watch.watching():
        try:
            session.run(program.runnable)
        except Exception as raised:
            error = "\n".join([f"{type(raised).__name__}: {raised}", *getattr(raised, "__notes__", ())])
        prepared = list(session._prepared_for(program.runnable, None, None).plans.values())
    compares = not error or program.compares_after_failure
    return Ending(error, {name: _bits(space, name) for name in space.names()} if compares else {}), watch, prepared


def _bits(space: tp.Workspace, name: str) -> str:
    try:
        value = space.fetch_blob(name)
    except tp.WorkspaceError:
        return "nothing"
    if not isinstance(value, np.ndarray):
        return type(value).__name__
    if value.dtype.kind == "f":
        value = np.where(np.isnan(value), value.dtype.type(math.nan), value)
    return f"{value.dtype}{value.shape} {value.tobytes().hex()} {value}"


def _compare(tier: str, right: Ending, found: Ending, program: Program) -> None:
    if found.error != right.error:
        msg = f"tier {tier!r} ended with\n{found.error or 'nothing'}\nthe interpreter with\n{right.error or 'nothing'}"
        raise WrongError(msg)
    names = sorted({*right.blobs, *found.blobs})
    wrong = [name for name in names if right.blobs.get(name) != found.blobs.get(name)]
    if wrong:
        lines = [f"{name}: {found.blobs.get(name)}, not {right.blobs.get(name)}" for name in wrong]
        msg = f"tier {tier!r} differs{' after the failure' if right.error else ''} in\n" + "\n".join(lines)
        raise WrongError(msg)
