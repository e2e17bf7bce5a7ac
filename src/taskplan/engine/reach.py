"""What steps may do to shared objects from beginning to end, as the declared effects of their operators say it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from taskplan.operators.uses import Use, reaches_workspace, uses
from taskplan.operators.waiting import Reads
from taskplan.plan.model import NetDef, OpDef, StepDef

if TYPE_CHECKING:
    from taskplan.engine.prepare import PreparedPlan


class PlacedUse(NamedTuple):
    """A use, and the task and step in which it stands."""

    use: Use
    step: StepDef
    task: str | None
    node: str | None


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
    for step, task, node in _below(steps, None, None):
        for name in step.net_names():
            net = plan.definition(name)
            if net is None:
                continue
            found += [PlacedUse(use, step, task, node) for use in uses(net) if use.kind is not Reads]
            for op in _ops(net):
                written.update(op.outputs)
                anything = anything or reaches_workspace(op)
    return Reach(tuple(found), frozenset(written), anything)


def _below(
    steps: Iterable[StepDef], task: str | None, node: str | None
) -> Iterator[tuple[StepDef, str | None, str | None]]:
    for step in steps:
        here = (step.task, step.node) if step.task is not None else (task, node)
        yield step, *here
        yield from _below(step.steps, *here)
        yield from _below(step.closing, *here)


def _ops(net: NetDef) -> Iterator[OpDef]:
    for op in net.ops:
        yield op
        for value in op.arguments.values():
            if isinstance(value, NetDef):
                yield from _ops(value)
