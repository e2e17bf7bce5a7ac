"""A plan gone through in the order in which the engine makes its nets, with what each net can see.

All nets of a top-level step are made before its first operator runs, except below steps with a workspace of their own:
those are made when that step runs, in a child scope. Reporters come after their siblings, and the nets of closing
blocks are made when all else has been. (See `taskplan.engine.script.bind`, which does the same.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from taskplan.operators.registry import declaration, is_operator
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef

LAZY_SUBNETS = frozenset({"Do"})
"""Operators whose nets are made when they run, in workspaces of their own."""

NODE_ID, CHILD_ID = "NODE_ID", "GLOBAL_WORKSPACE_ID"
"""Where the first is visible, each child workspace gets a number, in the second."""


class OpPlace(NamedTuple):
    """One operator of a net.

    Attributes:
        number: its place in the net, from 1.
        inside: the operator that runs the net, if the net is an argument.
        lazy: the net is made only when that operator runs, in a workspace of its own.
    """

    op: OpDef
    number: int
    net: NetDef
    inside: OpPlace | None = None
    lazy: bool = False

    def where(self, task: str | None = None, node: str | None = None) -> str:
        """The path, from the outside in."""
        if self.inside is not None:
            head = f"{self.inside.where(task, node)} > "
        else:
            head = f"task {task!r} on node {node!r} > " if task is not None else ""
        return f"{head}net {self.net.name!r} > op {self.number}"

    def outermost(self) -> OpPlace:
        """The operator of a net of the plan in which this one stands, or this one itself."""
        return self if self.inside is None else self.inside.outermost()


class Scope:
    """The blobs of a workspace that is not there yet: names, and who writes each first."""

    def __init__(self, parent: Scope | None = None, known: AbstractSet[str] = frozenset()) -> None:
        self.parent = parent
        self._known = known
        self.writers: dict[str, OpPlace] = {}
        self.reported: set[str] = set()

    def sees(self, name: str) -> bool:
        """Whether a blob of that name exists here or in a parent."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.writers or name in scope._known:
                return True
            scope = scope.parent
        return False

    def child(self) -> Scope:
        """A new workspace below this one."""
        return Scope(self, {CHILD_ID} if self.sees(NODE_ID) else frozenset())

    def all_writers(self) -> dict[str, OpPlace]:
        """Every name that an operator has written so far, visible here."""
        return {**(self.parent.all_writers() if self.parent else {}), **self.writers}


class Visit(NamedTuple):
    """A net as it is made, or the stop blob of a step (without net) as it is looked up.

    Attributes:
        certain: this happens in every run of the plan.
        task: the task that the step belongs to, if any.
        node: its node.
    """

    step: StepDef
    scope: Scope
    certain: bool
    task: str | None
    node: str | None
    net: str | None = None


def visits(plan: PlanDef, known: AbstractSet[str]) -> Iterator[Visit]:
    """Each use of a net by a step, and each stop blob, in the order in which the engine makes them.

    Whoever iterates enters what a net writes into the scope of its visit.
    """
    closing_writes = _written_at_the_end(plan)
    top = Scope(known=known)
    for index, step in enumerate(plan.steps):
        if index and closing_writes:
            top = Scope(top, closing_writes)  # those of the steps before have run by now
        yield from _Tree(closing_writes).visits(step, _At(top, True, True))


class _At(NamedTuple):
    """What is known where a step stands: whether nets here are made, and whether the step begins, in every run."""

    scope: Scope
    made: bool
    begun: bool
    task: str | None = None
    node: str | None = None

    def inside(self, step: StepDef) -> _At:
        """The same, within a step of a task."""
        return self if step.task is None else self._replace(task=step.task, node=step.node)

    def later(self, scope: Scope) -> _At:
        """The same for what is made in another scope when the step begins."""
        return self._replace(scope=scope, made=self.begun)


class _Tree:
    """Steps whose nets are made at once, and those that are put off.

    Args:
        closing_writes: what any closing block writes. In which order they run is not always known, so each of them is
            taken to see what all of them write.
    """

    def __init__(self, closing_writes: AbstractSet[str]) -> None:
        self._closing_writes = closing_writes
        self._later: list[tuple[StepDef, _At]] = []
        self._closing: list[tuple[StepDef, _At]] = []

    def visits(self, step: StepDef, at: _At, *, entered: bool = False) -> Iterator[Visit]:
        yield from self._make(step, at, entered=entered)
        for later, there in self._later:
            yield from _Tree(self._closing_writes).visits(later, there.later(there.scope.child()), entered=True)
        for closing, there in self._closing:
            after = there.later(Scope(there.scope, self._closing_writes))
            yield from _Tree(self._closing_writes).visits(closing, after)

    def _make(self, step: StepDef, at: _At, *, entered: bool = False) -> Iterator[Visit]:
        at = at.inside(step)
        if step.create_workspace and not entered:
            self._later.append((step, at))
            return
        runs = step.until is None and (step.times is None or step.times > 0)
        for child in _in_order_made(step):
            yield from self._make(child, at._replace(begun=at.begun and runs))
        for name in step.nets:
            yield Visit(step, at.scope, at.made, at.task, at.node, name)
        if step.until is not None:
            yield Visit(step, at.scope, at.made, at.task, at.node)
        if step.report_net is not None:
            yield Visit(step, at.scope, at.made, at.task, at.node, step.report_net)
        self._closing += [(closing, at) for closing in step.closing]


def _in_order_made(step: StepDef) -> Sequence[StepDef]:
    if all(child.every_ms is None for child in step.steps):
        return step.steps
    return sorted(step.steps, key=lambda child: child.every_ms is not None)


def _written_at_the_end(plan: PlanDef) -> set[str]:
    """All that closing blocks write."""
    names = {name for step in plan.steps for closing in _closing_steps(step) for name in nets_of(closing)}
    nets = [net for net in plan.nets if net.name in names]
    return {blob for net in nets for place in operators(net) for blob in place.op.outputs}


def _closing_steps(step: StepDef) -> Iterator[StepDef]:
    yield from step.closing
    for child in step.steps:
        yield from _closing_steps(child)


def nets_of(step: StepDef) -> Iterator[str]:
    """The names of the nets that a step runs, also in its closing blocks."""
    yield from step.nets
    if step.report_net is not None:
        yield step.report_net
    for child in (*step.steps, *step.closing):
        yield from nets_of(child)


def operators(net: NetDef, inside: OpPlace | None = None, *, lazy: bool = False) -> Iterator[OpPlace]:
    """The operators of a net in the order in which they are made: those of subnets after the operator that runs them.

    Args:
        net: the net.
        inside: the operator that runs the net, if one does.
        lazy: whether the net is made only when that operator runs.
    """
    for number, op in enumerate(net.ops, 1):
        place = OpPlace(op, number, net, inside, lazy)
        yield place
        for subnet in subnets(op):
            yield from operators(subnet, place, lazy=lazy or op.type in LAZY_SUBNETS)


def subnets(op: OpDef) -> Sequence[NetDef]:
    """The nets that an operator runs."""
    nets = [(name, value) for name, value in op.arguments.items() if type(value) is NetDef]
    if not nets:
        return ()
    declared = declaration(op.type) if is_operator(op.type) else None
    return [net for name, net in nets if declared is None or (declared.wants_run and name in declared.arguments)]
