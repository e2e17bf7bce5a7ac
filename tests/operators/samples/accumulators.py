"""Calls of the operators that keep sums and counts."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

SAMPLES = {
    "Accumulate": lambda: Sample([np.array([1, 2], np.float32)]),
    "AccumulateHistogram": lambda: Sample([np.array([0.5, 2], np.float32)], {"num_buckets": 3}, outputs=2),
}
