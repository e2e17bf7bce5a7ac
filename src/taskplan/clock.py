"""Where time comes from: a protocol and the machine's own clock. Times are seconds."""

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
