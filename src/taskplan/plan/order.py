"""What runs before what, and what may run at once: the one definition that engine and checker go by.

The children of a step run one after the other, unless it says that they run together. Reporters run beside the others
all the time. Of a step with instances each child runs as often at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from taskplan.plan.model import StepDef


class Part(NamedTuple):
    """A part of a step that runs beside its other parts.

    Attributes:
        steps: what it runs, one after the other.
        nets: the nets that it runs itself.
        copies: how many of it run at once.
    """

    steps: tuple[StepDef, ...]
    nets: tuple[str, ...] = ()
    copies: int = 1


def ordinary_children(step: StepDef) -> tuple[StepDef, ...]:
    """The children that are no reporters."""
    return tuple(child for child in step.steps if child.every_ms is None)


def reporters(step: StepDef) -> tuple[StepDef, ...]:
    """The children that run at intervals beside the others."""
    return tuple(child for child in step.steps if child.every_ms is not None)


def runs_together(step: StepDef) -> bool:
    """Whether the ordinary children run at once."""
    ordinary = ordinary_children(step)
    return bool(ordinary) and ((step.concurrent and len(ordinary) > 1) or (step.instances or 1) > 1)


def parts(step: StepDef) -> list[Part]:
    """The parts of a step that run at once; one, if nothing in it does (what its children do in turn set aside)."""
    ordinary = ordinary_children(step)
    if runs_together(step):
        found = [Part((child,), copies=max(1, step.instances or 1)) for child in ordinary]
    else:
        found = [Part(ordinary, step.nets)]
    found += [Part((reporter,)) for reporter in reporters(step)]
    if step.report_net is not None:
        found.append(Part((), (step.report_net,)))
    return found


class Stand(NamedTuple):
    """A step, and the task in which it stands."""

    step: StepDef
    task: str | None
    node: str | None


def stands(steps: tuple[StepDef, ...], task: str | None = None, node: str | None = None) -> Iterator[Stand]:
    """The steps, all below them, and the closing blocks of all of these."""
    for step in steps:
        here = (step.task, step.node) if step.task is not None else (task, node)
        yield Stand(step, *here)
        yield from stands(step.steps, *here)
        yield from stands(step.closing, *here)
