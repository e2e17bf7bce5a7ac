"""Calls of the operators on images whose recorded ones do not show all of their inputs."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample


def _some(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


SAMPLES = {
    "Conv": lambda: Sample([_some(2, 4, 3, 3), _some(6, 2, 2, 2), _some(6)], {"kernel": 2, "group": 2, "pad": 1}),
    "ConvTranspose": lambda: Sample(
        [_some(2, 4, 3, 3), _some(4, 3, 2, 2), _some(6)], {"kernel": 2, "group": 2, "stride": 2, "adj": 1}
    ),
    "AveragePool": lambda: Sample([_some(2, 3, 3, 4)], {"kernel": 2, "pads": (0, 1, 1, 1)}),
    "MaxPool": lambda: Sample([_some(2, 3, 3, 4)], {"kernel": 2, "order": b"NHWC"}),
    "PadImage": lambda: Sample([_some(2, 3, 3, 4)], {"pads": (1, 0, 2, 1), "mode": b"reflect"}),
    "ResizeNearest": lambda: Sample([_some(2, 3, 3, 4), np.array([2.0, 0.5], np.float32)]),
    "DepthSplit": lambda: Sample([_some(2, 3), np.array([1, 2], np.int32)], outputs=2),
    "LRN": lambda: Sample([_some(2, 5, 2)], {"size": 3, "alpha": 0.1, "beta": 0.75}, outputs=2),
}
