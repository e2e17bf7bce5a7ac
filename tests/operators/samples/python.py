"""Calls of the operators that run functions of the user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tests.operators.samples import Sample


def feed_the_same(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    outputs[0].feed(inputs[0].data)


def the_same(x: Any) -> Any:
    return x


SAMPLES = {
    "Python": lambda: Sample([np.array([1, 2])], function=feed_the_same),
    "Call": lambda: Sample([np.array([1, 2])], function=the_same),
}
