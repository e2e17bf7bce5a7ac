"""Calls of the operators on blobs."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

SAMPLES = {
    "Free": lambda: Sample([np.array([1, 2]), np.float32(3)], outputs=2, in_place={0: 0, 1: 1}),
    "FeedBlob": lambda: Sample(arguments={"value": b"hello"}),
}
