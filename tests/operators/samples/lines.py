"""Calls of the operators on lines."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.lines import Line


def a_member() -> list[object]:
    """A line, and the number of one who stands at its entrance."""
    line = Line()
    line.try_enter()
    return [line, np.int64(line.entrance)]


SAMPLES = {
    "CreateLine": Sample,
    "EnterLine": lambda: Sample([Line()]),
    "LetNextIn": lambda: Sample(a_member(), outputs=0),
    "AwaitTurn": lambda: Sample(a_member(), outputs=0),
    "LeaveLine": lambda: Sample(a_member(), outputs=0),
}
