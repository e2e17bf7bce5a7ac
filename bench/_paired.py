"""Timing two things in turn, so that a noisy machine troubles both alike."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paired:
    """Medians in microseconds a unit; of the pairs' ratios the median and the interval that holds half of them."""

    ours_us: float
    yardstick_us: float
    ratio: float
    low: float
    high: float


def seconds_of(action: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def paired(
    ours: Callable[[], object],
    our_units: int,
    yardstick: Callable[[], object],
    its_units: int,
    rounds: int = 15,
    limit_s: float = math.inf,
) -> Paired:
    """Call both in turn, `rounds` times after one for warming up; units are what one call does.

    After `limit_s` no further pair is begun.
    """
    ours()
    yardstick()
    gc.collect()
    return paired_cold(ours, our_units, yardstick, its_units, rounds, limit_s)


def paired_cold(
    ours: Callable[[], object],
    our_units: int,
    yardstick: Callable[[], object],
    its_units: int,
    rounds: int,
    limit_s: float = math.inf,
) -> Paired:
    """As `paired`, without warming up."""
    began = time.perf_counter()
    pairs: list[tuple[float, float]] = []
    while not pairs or (len(pairs) < rounds and time.perf_counter() - began < limit_s):
        pairs.append((seconds_of(ours) / our_units * 1e6, seconds_of(yardstick) / its_units * 1e6))
    ratios = sorted(a / b for a, b in pairs)
    return Paired(
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(ratios),
        ratios[len(ratios) // 4],
        ratios[-1 - len(ratios) // 4],
    )
