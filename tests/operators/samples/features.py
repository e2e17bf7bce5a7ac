"""Calls of the operators on features which show all of their inputs and outputs."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

SAMPLES = {
    "SparseToDense": lambda: Sample(
        [np.array([0, 2, 0]), np.ones((3, 2), np.float32), np.zeros((4, 1), np.float32)],
    ),
    "SparseToDenseMask": lambda: Sample(
        [np.array([1, 5, 2]), np.ones((3, 2), np.float32), np.zeros(2, np.float32), np.array([2, 1], np.int32)],
        {"mask": (5, 1, 2), "return_presence_mask": 1},
        outputs=2,
    ),
}
