"""Calls of the operators on maps."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.dictionaries import Map


def a_map() -> Map:
    made = Map(np.dtype("int32"), np.dtype("int64"))
    made.insert(np.array([1, 2], np.int32), np.array([10, 20]))
    return made


SAMPLES = {
    "CreateMap": lambda: Sample(arguments={"key_dtype": 10}),
    "KeyValueToMap": lambda: Sample([np.array([1, 2, 1]), np.array([10, 20, 30], np.int32)]),
    "MapToKeyValue": lambda: Sample([a_map()], outputs=2),
}
