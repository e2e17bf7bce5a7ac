"""What steps may do to shared objects from beginning to end, as the declared effects of their operators say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from taskplan.operators.uses import Use, ops_with_names, reaches_workspace, uses
from taskplan.operators.waiting import Reads
from taskplan.plan.model import StepDef
from taskplan.plan.order import Part, parts, stands

if TYPE_CHECKING:
    from taskplan.engine.prepare import PreparedPlan


class PlacedUse(NamedTuple):
    """A use, and the task and step in which it stands."""

    use: Use
    step: StepDef
    task: str | None
    node: str | None


class Touches(NamedTuple):
    """The blobs that steps read; and those that they write, or whose object they change."""

    reads: frozenset[str]
    writes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reach:
    """What steps may touch.

    Attributes:
        uses: what they do to which objects.
        written: the blobs that they write, so that another object may be in one of them later.
        anything: one of them is handed its workspace.
    """

    uses: tuple[PlacedUse, ...]
    written: frozenset[str]
    anything: bool


def reach_of(plan: PreparedPlan, steps: Iterable[StepDef]) -> Reach:
    """What the steps, all below them, their reporters and closing blocks may touch."""
    found: list[PlacedUse] = []
    written: set[str] = set()
    anything = False
    for step, task, node in stands(tuple(steps)):
        for name in step.net_names():
            net = plan.definition(name)
            if net is None:
                continue
            found += [PlacedUse(use, step, task, node) for use in uses(net) if use.kind is not Reads]
            for op, _ in ops_with_names(net):
                written.update(op.outputs)
                anything = anything or reaches_workspace(op)
    return Reach(tuple(found), frozenset(written), anything)


def contested_names(plan: PreparedPlan, step: StepDef) -> frozenset[str]:
    """The blobs that parts of a step which run at once touch, at least one of them changing it or what it holds."""
    at_once = parts(step)
    touches = [_touches(plan, part) for part in at_once]
    found: set[str] = set()
    for number, mine in enumerate(touches):
        if at_once[number].copies > 1:
            found |= mine.writes
        for other in touches[:number]:
            found |= mine.writes & (other.reads | other.writes)
            found |= mine.reads & other.writes
    return frozenset(found)


def names_touched(plan: PreparedPlan, step: StepDef) -> frozenset[str]:
    """The blobs that a step and all below it name."""
    touches = _touches(plan, Part((step,)))
    return touches.reads | touches.writes


def exposed_names(plan: PreparedPlan, around: Iterable[StepDef]) -> frozenset[str] | None:
    """The blobs for which the parts of some steps contend; None if that cannot be known.

    A second name for a blob (`Alias`), and functions of users that are handed a workspace, hide what is touched.
    """
    at_once = [step for step in around if len(parts(step)) > 1 or any(part.copies > 1 for part in parts(step))]
    if not at_once:
        return frozenset()
    hidden = any(op.type == "Alias" for net in plan.plan.nets for op, _ in ops_with_names(net))
    if hidden or plan.reach(at_once).anything:
        return None
    return frozenset[str]().union(*map(plan.contested, at_once))


def _touches(plan: PreparedPlan, part: Part) -> Touches:
    reads: set[str] = set()
    writes: set[str] = set()
    nets = [*part.nets, *(name for step, *_ in stands(part.steps) for name in step.net_names())]
    for name in nets:
        net = plan.definition(name)
        if net is not None:
            for op, outer in ops_with_names(net):
                reads.update(map(outer, op.inputs))
                writes.update(map(outer, op.outputs))
            writes.update(use.blob for use in uses(net) if use.kind is not Reads)
    reads.update(step.until for step, *_ in stands(part.steps) if step.until is not None)
    return Touches(frozenset(reads), frozenset(writes))
