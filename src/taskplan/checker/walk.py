"""A plan gone through in the order in which the engine makes its nets, with what each net can see.

All nets of a top-level step are made before its first operator runs, except below steps with a workspace of their own: those are made
when that step runs, in a child scope. Reporters come after their siblings. (See `taskplan.engine.script.bind`, which does the same.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef
from taskplan.plan.names import Site

LAZY_SUBNETS = frozenset({"Do"})
"""Operators whose nets are made when they run, in workspaces of their own."""


class Scope:
    """The blobs of a workspace that is not there yet: names, and who writes each first."""

    def __init__(self, parent: Scope | None = None, known: frozenset[str] | set[str] = frozenset()) -> None:
        self.parent = parent
        self._known = known
        self.writers: dict[str, OpPlace] = {}

    def sees(self, name: str) -> bool:
        """Whether a blob of that name exists here or in a parent."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.writers or name in scope._known:
                return True
            scope = scope.parent
        return False

    def all_writers(self) -> dict[str, OpPlace]:
        """Every name that an operator has written so far, visible here."""
        return {**(self.parent.all_writers() if self.parent else {}), **self.writers}


@dataclass(frozen=True, slots=True)
class OpPlace:
    """One operator of a net, where it stands."""

    op: OpDef
    index: int
    net: NetDef
    task: str | None = None
    node: str | None = None

    @property
    def where(self) -> str:
        """The path, from the outside in."""
        task = f"task {self.task!r} on node {self.node!r} > " if self.task is not None else ""
        return f"{task}net {self.net.name!r} > op {self.index + 1}"


@dataclass(frozen=True, slots=True)
class Visit:
    """A net or a step as it is made: `certain` means that it is made in every run of the plan."""

    step: StepDef
    scope: Scope
    certain: bool
    task: str | None
    node: str | None
    net: str | None = None


@dataclass(slots=True)
class _Walk:
    later: list[Visit] = field(default_factory=list)


def visits(plan: PlanDef, known: frozenset[str] | set[str]) -> Iterator[Visit]:
    """Each use of a net by a step, and each stop blob (a visit without net), in the order in which the engine makes them."""
    top = Scope(known=known)
    for step in plan.steps:
        yield from _step(Visit(step, top, True, step.task, step.node), entered=False)


def _step(visit: Visit, *, entered: bool) -> Iterator[Visit]:
    walk = _Walk()
    yield from _make(visit, walk, entered=entered)
    for later in walk.later:
        child = Visit(later.step, Scope(later.scope), later.certain, later.task, later.node)
        yield from _step(child, entered=True)


def _make(visit: Visit, walk: _Walk, *, entered: bool = False) -> Iterator[Visit]:
    step = visit.step
    task = step.task if step.task is not None else visit.task
    node = step.node if step.node is not None else visit.node
    here = Visit(step, visit.scope, visit.certain, task, node)
    if step.create_workspace and not entered:
        walk.later.append(here)
        return
    inside = visit.certain and step.until is None and (step.times is None or step.times > 0)
    for child in [*_ordinary(step), *_reporters(step)]:
        # Nets below a step without a workspace of its own are made whether or not it ever runs.
        yield from _make(
            Visit(child, visit.scope, inside if child.create_workspace else visit.certain, task, node), walk
        )
    for name in [*step.nets, *([step.report_net] if step.report_net else [])]:
        yield Visit(step, visit.scope, visit.certain, task, node, name)
    if step.until is not None:
        yield here
    for closing in step.closing:
        yield from _make(Visit(closing, visit.scope, False, task, node), walk)


def _ordinary(step: StepDef) -> list[StepDef]:
    return [child for child in step.steps if child.every_ms is None]


def _reporters(step: StepDef) -> list[StepDef]:
    return [child for child in step.steps if child.every_ms is not None]


def operators(net: NetDef, task: str | None = None, node: str | None = None) -> Iterator[OpPlace]:
    """The operators of a net in the order in which they are made, those of subnets before the operator that runs them."""
    for index, op in enumerate(net.ops):
        if op.type not in LAZY_SUBNETS:
            for subnet in subnets(op.arguments):
                yield from operators(subnet, task, node)
        yield OpPlace(op, index, net, task, node)


def subnets(arguments: Mapping[str, object]) -> Iterator[NetDef]:
    """The nets among the arguments of an operator."""
    for value in arguments.values():
        if isinstance(value, NetDef):
            yield value
