"""What a program is compiled to, for people."""

from __future__ import annotations

from collections.abc import Iterator

from taskplan.engine.compiler.preview import Preview, previews
from taskplan.engine.prepare import PreparedPlan
from taskplan.plan.model import ProgramDef


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
