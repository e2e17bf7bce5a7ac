"""Calls of the operators that measure."""

from __future__ import annotations

import numpy as np
from tests.operators.calling import held
from tests.operators.samples import Sample

from taskplan.operators.statistic_objects import StatRegistry, Timer


def a_timer() -> Timer:
    made = Timer("samples")
    made.begin(0)
    return made


def a_put() -> Sample:
    return Sample([np.array([5.1, 7], np.float32)], {"stat_name": b"samples", "magnitude_expand": 10}, 0)


SAMPLES = {
    "TimerBegin": Sample,
    "TimerGet": lambda: Sample([a_timer()]),
    "TimerEnd": lambda: Sample([a_timer()], outputs=0),
    "TimerGetAndEnd": lambda: Sample([a_timer()]),
    "StatRegistryCreate": Sample,
    "StatRegistryUpdate": lambda: Sample([held(["x", "y"]), np.array([1, 2]), StatRegistry()], outputs=0),
    "StatRegistryExport": lambda: Sample([StatRegistry()], outputs=3),
    "IncrementPut": a_put,
    "AveragePut": a_put,
    "StdDevPut": a_put,
}
