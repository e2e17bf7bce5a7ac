"""Strands: the lines of execution of a run, and what each of them does now.

A run begins with one strand, that of its caller; every step that starts beside others has one. Nothing here is read
while things go well: a strand keeps just enough for `why()` and the search for stalls to say where it stands.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from enum import Enum
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING

from taskplan.operators.waiting import Shared
from taskplan.plan.model import StepDef

if TYPE_CHECKING:
    from taskplan.engine.attempted import Attempted
    from taskplan.engine.bound import BoundStep
    from taskplan.engine.cells import CellSpace
    from taskplan.engine.instance import Instance
    from taskplan.engine.parking import Waiter
    from taskplan.engine.prepare import PreparedPlan


class Role(Enum):
    """What a strand is for."""

    WORK = "does what steps say"
    REPORT = "reports at intervals, until its siblings have ended"
    WATCH = "watches a time limit, until what it watches has ended"


class Loop:
    """A step that a strand is in and that repeats, with its iteration, counted from 0."""

    __slots__ = ("iteration", "outer", "step")

    def __init__(self, step: BoundStep, outer: Loop | None) -> None:
        self.step = step
        self.outer = outer
        self.iteration = 0


class Strand:
    """One line of execution.

    Args:
        shared: the run that it is part of.
        name: for messages, where it stands in no step.
        role: what it is for.
        group: it is a member of this group of steps; None for the first strand of a run.
        parent: the strand that started it.

    Attributes:
        number: its place among the strands of the run, in the order in which they were made.
        step: the innermost step that it is in; that knows the steps around it.
        loop: the innermost of these that repeats.
        waiter: what it is parked on, if it is.
        calling: the operators whose user functions run now, the innermost last.
        closing: how many closing phases it is in.
        thread: the thread that it runs on.
        plan, steps, space: what it does from its beginning to its end, and in which workspace.
    """

    # Most strands never get another value for most of these; so they cost nothing to make.
    step: BoundStep | None = None
    loop: Loop | None = None
    waiter: Waiter | None = None
    calling: tuple[Instance, ...] = ()
    closing = 0
    thread = 0
    plan: PreparedPlan | None = None
    steps: tuple[StepDef, ...] = ()
    space: CellSpace | None = None

    def __init__(
        self,
        shared: Attempted,
        name: str,
        role: Role = Role.WORK,
        group: Shared | None = None,
        parent: Strand | None = None,
    ) -> None:
        self.shared = shared
        self.number = next(shared.strands.numbers)
        self.name = name
        self.role = role
        self.group = group
        self.parent = parent

    def does(self, plan: PreparedPlan, steps: tuple[StepDef, ...], space: CellSpace) -> Strand:
        """Say what the strand will do; returns it."""
        self.plan, self.steps, self.space = plan, steps, space
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Which of several instances it belongs to, from the inside out."""
        found = []
        each: Strand | None = self
        while each is not None:
            step = each.step
            while step is not None:
                if step.label:
                    found.append(step.label)
                step = step.parent
            each = each.parent
        return tuple(found)

    @property
    def ignores_the_end(self) -> bool:
        """Whether it goes on though its run has ended: it neither waits nor closes anything within its time."""
        if self.waiter is not None:
            return False
        return not self.closing or (bool(self.calling) and self.calling[-1].ending)

    def begin(self) -> None:
        """Called on the thread that runs it."""
        self.thread = threading.get_ident()
        CURRENT.set(self)


CURRENT: ContextVar[Strand | None] = ContextVar("taskplan_strand", default=None)
"""The strand that runs here."""


class Strands:
    """All strands of a run, and those of them that are parked.

    Invariant: a strand is in `parked` from the moment in which its attempt failed until somebody has made the attempt
    for it, or it gave up: that is never a moment when it could go on by itself. Both changes are made under the lock of
    the object that it waits for.
    """

    __slots__ = ("alive", "numbers", "parked")

    def __init__(self) -> None:
        self.numbers = count()
        self.alive: set[Strand] = set()
        self.parked: set[Strand] = set()

    def all_parked(self) -> bool:
        """Whether no strand runs. Costs two lengths: a strand that parks, and one that ends, asks this."""
        return len(self.parked) >= len(self.alive)

    def snapshot(self) -> list[Strand]:
        """The strands that there are now, in the order in which they were made."""
        return sorted(self.alive, key=attrgetter("number"))
