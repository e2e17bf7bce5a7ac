"""Where time comes from: a protocol, the machine's own clock, and one that is only counted. Times are seconds."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since a fixed but unspecified moment; never goes back."""

    def now(self) -> float:
        """The current time, in seconds."""


class RealClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """The current time, in seconds."""
        return time.monotonic()


class VirtualClock:
    """A clock that stands still until somebody puts it on.

    Example:
        >>> clock = VirtualClock()
        >>> clock.advance(2.5)
        >>> clock.now()
        2.5

    Args:
        now_s: where it begins, in seconds.
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s

    def now(self) -> float:
        """The current time, in seconds."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Put the clock on; a negative number leaves it as it is."""
        self._now_s += max(0.0, seconds)
