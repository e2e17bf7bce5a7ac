"""A plan gone through in the order in which the engine makes its nets, with what each net can see.

All nets of a top-level step are made before its first operator runs, except below steps with a workspace of their own:
those are made when that step runs, in a child scope. Reporters come after their siblings. (See
`taskplan.engine.script.bind`, which does the same.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from taskplan.operators.registry import WORKSPACE, declarations
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef

LAZY_SUBNETS = frozenset({"Do"})
"""Operators whose nets are made when they run, in workspaces of their own."""

RUNS_NETS = frozenset({"If", "While", "Do"})
"""Operators that have nets among their arguments."""


class OpPlace(NamedTuple):
    """One operator of a net."""

    op: OpDef
    index: int
    net: NetDef

    def where(self, task: str | None = None, node: str | None = None) -> str:
        """The path, from the outside in."""
        head = f"task {task!r} on node {node!r} > " if task is not None else ""
        return f"{head}net {self.net.name!r} > op {self.index + 1}"


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


class Visit(NamedTuple):
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
    for child in _in_order_made(step):
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


def _in_order_made(step: StepDef) -> Sequence[StepDef]:
    if all(child.every_ms is None for child in step.steps):
        return step.steps
    return sorted(step.steps, key=lambda child: child.every_ms is not None)


def operators(net: NetDef, *, lazy: bool = False) -> Iterator[OpPlace]:
    """The operators of a net in the order in which they are made, those of subnets before the operator that runs them.

    Args:
        net: the net.
        lazy: also those of nets that are made only when their operator runs, in workspaces of their own.
    """
    for index, op in enumerate(net.ops):
        if op.type in RUNS_NETS and (lazy or op.type not in LAZY_SUBNETS):
            for value in op.arguments.values():
                if isinstance(value, NetDef):
                    yield from operators(value, lazy=lazy)
        yield OpPlace(op, index, net)


class PlanFacts:
    """What several rules want to know about a plan, gathered in one pass.

    Attributes:
        places: every operator, also in subnets.
        written: every blob that an operator writes.
        makes_any_blob: a user function or an operator is handed the workspace and may make any blob in it.
    """

    def __init__(self, plan: PlanDef) -> None:
        self.plan = plan
        self.places = [place for net in plan.nets for place in operators(net, lazy=True)]
        self.written = {name for place in self.places for name in place.op.outputs}
        # A Python function gets the workspace only if the call asks for that.
        handed_over = {each.name for each in declarations() if WORKSPACE in each.effects} - {"Python"}
        self.makes_any_blob = any(
            place.op.type in handed_over or place.op.arguments.get("pass_workspace") for place in self.places
        )
