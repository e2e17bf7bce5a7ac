"""What random programs call: quick functions that depend on nothing but what they are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

MODULUS = 1009


class SoakError(Exception):
    """What a user's function raises.

    Args:
        message: what went wrong.

    Attributes:
        at_s: when it was raised, by the clock of this process.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.at_s = time.perf_counter()


def scrambled(value: Any) -> Any:
    """Another number below `MODULUS`."""
    return (value * 7 + 3) % MODULUS


def spread(value: Any) -> Any:
    """A batch of three rows."""
    return np.arange(value, value + 3)


def added_up(batch: Any) -> Any:
    """The sum of a batch."""
    return np.int64(batch.sum())


def glance(*values: Any) -> None:
    """Look at values, as a reporter does."""


def fails_at(wrong: int) -> Callable[[Any], Any]:
    """A function that gives back what it is given, but fails for one value."""

    def checked(value: Any) -> Any:
        if value == wrong:
            msg = f"the value {wrong} is not wanted"
            raise SoakError(msg)
        return value

    return checked
