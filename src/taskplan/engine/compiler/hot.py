"""When a step is taken up by the compiler."""

from __future__ import annotations

import math
from functools import partial

from taskplan.engine.bound import BoundStep
from taskplan.engine.compiler.region import Compiled, Perform
from taskplan.engine.compiler.tree import NotCompiledError
from taskplan.engine.run import Run
from taskplan.engine.tier import Tier

HOT_ROUNDS = 200
"""A loop is compiled when so many of its rounds have been interpreted: that took about as long as compiling takes. One
round is interpreted in any case, so that there is something in all blobs to go by."""


def first_look(step: BoundStep, run: Run, limit: float) -> float:
    """The round before which `take_up` is to be asked for the first time."""
    tier = run.shared.tier
    if tier is Tier.INTERPRET or run.driver.turns is not None or not run.plan.facts(step.definition).sequential:
        return math.inf  # a simulation chooses at each operator who goes on
    if tier is not Tier.AUTO:
        return 0
    if limit <= 1:
        return math.inf
    return max(1, HOT_ROUNDS - run.plan.way(step.definition).rounds)


def take_up(step: BoundStep, run: Run, perform: Perform) -> Compiled | None:
    """The step compiled; None if it is interpreted all the same."""
    way = run.plan.way(step.definition)
    if way.why_interpreted:
        return None
    try:
        return run.compiled(step, partial(Compiled, step, run, perform))
    except NotCompiledError as error:
        way.why_interpreted = str(error)
        return None
