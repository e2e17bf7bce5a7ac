"""Calls of the losses which show all of their inputs."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

SAMPLES = {
    "SoftmaxWithLoss": lambda: Sample(
        [np.ones((2, 3), np.float32), np.array([2, 0], np.int32), np.ones(2, np.float32)], outputs=3
    ),
}
