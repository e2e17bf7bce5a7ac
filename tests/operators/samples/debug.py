"""Calls of the operators that look and that fail."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample


def no_outputs() -> Sample:
    return Sample(outputs=0)


SAMPLES = {
    "Print": lambda: Sample([np.array([1, 2])], outputs=0),
    "Fail": no_outputs,
    "ThrowException": no_outputs,
    "ThrowChildThreadException": no_outputs,
    "LogFatal": no_outputs,
    "Crash": no_outputs,
    "WallClockTime": Sample,
    "GetAllBlobNames": Sample,
}
