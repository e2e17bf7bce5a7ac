"""How the steps of a program have run, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from taskplan.engine.prepare import PreparedPlan, WayOfRunning
from taskplan.plan.names import Site


@dataclass(frozen=True, slots=True)
class StepTier:
    """How a step has run.

    Attributes:
        node: its node.
        step: its name.
        site: the line that made it.
        tier: "interpreted", "python" or "native".
        why: why it was no faster, if that is known.
        python: the source of its function in Python, if it had one.
        native: that for Numba, if it had one.
    """

    node: str
    step: str
    site: Site
    tier: str
    why: str
    python: str
    native: str

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"{self.tier:11}  step {self.step!r} on node {self.node!r}, {self.site}{why}"


def tiers_of(plans: Mapping[str, PreparedPlan]) -> list[StepTier]:
    """How the steps of plans have run that were compiled or are loops."""
    return [_tier(node, way) for node, plan in plans.items() for way in plan.ways()]


def _tier(node: str, way: WayOfRunning) -> StepTier:
    step = way.step
    if way.is_native:
        tier, why = "native", ""
    elif way.python:
        tier, why = "python", way.why_not_native
    else:
        tier, why = "interpreted", way.why_interpreted
    return StepTier(node, step.name, step.site, tier, why, way.python, way.native if way.is_native else "")
