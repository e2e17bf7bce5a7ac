"""How programs are compiled, for people: before a run, and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from taskplan.engine.compiler.preview import Preview, previews
from taskplan.engine.prepare import PreparedPlan, WayOfRunning
from taskplan.plan.model import ProgramDef
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


def compiled_text(program: ProgramDef) -> Iterator[str]:
    """The functions that the steps of a program would be, line by line, and why some would be none."""
    for node, plan in program.plans.items():
        for preview in previews(PreparedPlan(plan)):
            yield from _preview_lines(node, preview)


def _preview_lines(node: str, preview: Preview) -> Iterator[str]:
    yield f"step {preview.step.name!r} on node {node!r}, {preview.step.site}"
    if preview.why_interpreted:
        yield f"  is interpreted: {preview.why_interpreted}"
        return
    yield f"  native code: {f'no, {preview.why_not_native}' if preview.why_not_native else 'yes, when it is hot'}"
    yield ""
    for line in preview.python.rstrip().split("\n"):
        yield f"    {line}" if line else ""
    yield ""
