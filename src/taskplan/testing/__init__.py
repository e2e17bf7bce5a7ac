"""What tests of programs need: simulated runs, faults on demand, a clock that is only counted."""

from __future__ import annotations

from taskplan.clock import VirtualClock
from taskplan.sessions.explore import Exploration, Fault, Outcome, Race, Turn, simulate

__all__ = ["Exploration", "Fault", "Outcome", "Race", "Turn", "VirtualClock", "simulate"]
