"""Calls of the operators that normalise which show all of their inputs."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample


def _some(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


SAMPLES = {
    "SpatialBN": lambda: Sample(
        [_some(2, 3, 2), *(_some(3) for _ in range(5)), np.full(3, 99, np.float32)],
        {"is_test": 0, "num_batches": 2},
        outputs=5,
        in_place={1: 3, 2: 4},
    ),
    "InstanceNorm": lambda: Sample([_some(2, 3, 2), _some(3), _some(3)], outputs=3),
    "GroupNorm": lambda: Sample([_some(2, 4, 2), _some(4), _some(4)], {"group": 2}, outputs=3),
    "LayerNorm": lambda: Sample([_some(2, 3, 2), _some(3, 2), _some(3, 2)], {"elementwise_affine": 1}, outputs=3),
    "Dropout": lambda: Sample([_some(2, 3)], {"is_test": 0}, outputs=2),
}
