"""A call whose number of segments is given."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

SAMPLES = {
    "UnsortedSegmentWeightedSum": lambda: Sample(
        [np.ones((3, 2), np.float32), np.ones(3, np.float32), np.array([1, 0, 1], np.int32)], {"num_segments": 2}
    ),
}
