"""A plan gone through in the order in which the engine makes its nets, with what each net can see.

All nets of a top-level step are made before its first operator runs, except below steps with a workspace of their own:
those are made when that step runs, in a child scope. Reporters come after their siblings, and the nets of closing
blocks are made when all else has been. (See `taskplan.engine.script.bind`, which does the same.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from taskplan.operators.uses import LAZY_SUBNETS, subnets
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef

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
        self.reported: AbstractSet[str] = frozenset()

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
        yield from _tree(step, _At(top, True, True), closing_writes)


class _At(NamedTuple):
    """What is known where a step stands: whether nets here are made, and whether the step begins, in every run."""

    scope: Scope
    made: bool
    begun: bool
    task: str | None = None
    node: str | None = None

    def later(self, scope: Scope) -> _At:
        """The same for what is made in another scope when the step begins."""
        return _At(scope, self.begun, self.begun, self.task, self.node)

    def inside(self, step: StepDef) -> _At:
        """The same for what the step runs."""
        runs = step.until is None and (step.times is None or step.times > 0)
        return _At(self.scope, self.made, self.begun and runs, self.task, self.node)


class _Made:
    """What is made at once below a step, in order, and the steps whose nets are made later."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self.later: list[tuple[StepDef, _At]] = []
        self.closing: list[tuple[StepDef, _At]] = []

    def make(self, step: StepDef, at: _At, *, entered: bool = False) -> None:
        if step.create_workspace and not entered:
            self.later.append((step, at))
            return
        if step.task is not None:
            at = _At(at.scope, at.made, at.begun, step.task, step.node)
        if step.steps:
            inside = at.inside(step)
            for child in _in_order_made(step):
                self.make(child, inside)
        for name in step.nets:
            self.visits.append(Visit(step, at.scope, at.made, at.task, at.node, name))
        if step.until is not None:
            self.visits.append(Visit(step, at.scope, at.made, at.task, at.node))
        if step.report_net is not None:
            self.visits.append(Visit(step, at.scope, at.made, at.task, at.node, step.report_net))
        for closing in step.closing:
            self.closing.append((closing, at))


def _tree(step: StepDef, at: _At, closing_writes: AbstractSet[str], *, entered: bool = False) -> Iterator[Visit]:
    """The visits of a step that stands at the top, or begins with a workspace of its own, and of all below it.

    Args:
        step: the step.
        at: where it stands.
        closing_writes: what any closing block writes. In which order they run is not always known, so each of them is
            taken to see what all of them write.
        entered: it begins, and `at` is in its workspace.
    """
    made = _Made()
    made.make(step, at, entered=entered)
    yield from made.visits
    for later, there in made.later:
        yield from _tree(later, there.later(there.scope.child()), closing_writes, entered=True)
    for closing, there in made.closing:
        yield from _tree(closing, there.later(Scope(there.scope, closing_writes)), closing_writes)


def _in_order_made(step: StepDef) -> Sequence[StepDef]:
    reporters = [child for child in step.steps if child.every_ms is not None]
    return [*(child for child in step.steps if child.every_ms is None), *reporters] if reporters else step.steps


def _written_at_the_end(plan: PlanDef) -> set[str]:
    """All that closing blocks write."""
    blocks = [closing for step in plan.steps for each in steps_below(step) for closing in each.closing]
    names = {name for block in blocks for each in steps_below(block) for name in each.net_names()}
    nets = [net for net in plan.nets if net.name in names] if names else []
    return {blob for net in nets for op in all_ops(net) for blob in op.outputs}


def steps_below(step: StepDef) -> list[StepDef]:
    """The step, the steps below it, and the closing blocks of all of these."""
    found = [step]
    for each in found:  # grows
        found += each.steps
        found += each.closing
    return found


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
        if op.arguments and not net.calls_checked:
            for subnet in subnets(op):
                yield from operators(subnet, place, lazy=lazy or op.type in LAZY_SUBNETS)


def all_ops(net: NetDef) -> Sequence[OpDef]:
    """The operators of a net and of all nets in it."""
    return net.ops if net.calls_checked else [place.op for place in operators(net)]
