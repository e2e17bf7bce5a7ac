"""Steps bound to a workspace: what the interpreter performs and the compiler reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from taskplan.engine.cells import Cell, CellSpace
from taskplan.engine.failures import Failed
from taskplan.engine.interpret import BoundNet
from taskplan.engine.run import Run
from taskplan.errors import StepError
from taskplan.operators.run import UNSET
from taskplan.plan.model import StepDef

TRUE, FALSE = np.True_, np.False_


@dataclass(slots=True)
class BoundStep:
    """A step in a workspace. A step with a workspace of its own is bound again for each execution."""

    definition: StepDef
    space: CellSpace
    steps: Sequence[BoundStep] = ()
    nets: Sequence[BoundNet] = ()
    reporters: Sequence[BoundStep] = ()
    report_net: BoundNet | None = None
    stop: Cell | None = None
    together: bool = False
    parent: BoundStep | None = None
    label: str = ""
    iteration: int = 0

    def unbind(self) -> None:
        """Let go of the steps below, which know this one, so that no cycle is left for the garbage collector."""
        for child in (*self.steps, *self.reporters):
            child.unbind()
        self.steps = self.reporters = ()

    def tell_path(self, failure: Failed) -> None:
        """Tell a failure that it went through this step and those that it stands in."""
        step: BoundStep | None = self
        while step is not None:
            failure.passed_step(step.definition, step.iteration, step.label)
            step = step.parent


def bind(
    step: StepDef, space: CellSpace, run: Run, parent: BoundStep | None = None, *, entered: bool = False
) -> BoundStep:
    """Make all nets of a step tree in `space`, except below steps with a workspace of their own.

    Reporters come after their siblings, so that they may read what those make.

    Raises:
        Failed: a net cannot be made, or the step contradicts itself.
    """
    bound = BoundStep(step, space, parent=parent)
    if step.create_workspace and not entered:
        return bound
    facts = run.plan.facts(step)
    try:
        if facts.fault:
            raise Failed(StepError(f"step {step.name!r} {facts.fault}"))
        bound.together = facts.together
        if facts.ordinary:
            bound.steps = [bind(child, space, run, bound) for child in facts.ordinary]
        if step.nets:
            bound.nets = [run.net(name, space) for name in step.nets]
        if facts.reporters:
            bound.reporters = [bind(child, space, run, bound) for child in facts.reporters]
        if step.until is not None:
            bound.stop = space.find(step.until)
            if bound.stop is None:
                raise Failed(StepError(f"step {step.name!r} stops on blob {step.until!r}, which nothing makes"))
        if step.report_net is not None:
            bound.report_net = run.net(step.report_net, space)
    except Failed as failure:
        failure.passed_step(step, 0)
        raise
    return bound


def limit_of(step: StepDef) -> float:
    """How many rounds a step has at the most."""
    if step.until is None:
        return 1 if step.times is None else step.times
    return 1 if step.only_once else math.inf


def is_true(stop: Cell) -> bool:
    """Whether a stop blob says stop. A blob that nothing has written says no.

    Raises:
        Failed: it is no bool, or has several elements.
    """
    value = stop.value
    if value is FALSE or value is UNSET:
        return False
    if value is TRUE:
        return True
    if not isinstance(value, np.ndarray | np.generic) or value.dtype != np.bool_ or value.size != 1:
        raise Failed(StepError(f"stop blob {stop.name!r} must be one bool, got {value!r}"))
    return bool(value) if value.ndim == 0 else bool(value.reshape(-1)[0])
