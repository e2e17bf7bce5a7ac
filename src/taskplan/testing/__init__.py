"""What tests need: simulated runs, faults on demand, a clock that is only counted, what every session must do."""

from __future__ import annotations

from taskplan.clock import VirtualClock
from taskplan.sessions.explore import Exploration, Fault, Outcome, Race, Turn, replay, simulate
from taskplan.testing.session_checks import SessionCheckError, check_session

__all__ = [
    "Exploration",
    "Fault",
    "Outcome",
    "Race",
    "SessionCheckError",
    "Turn",
    "VirtualClock",
    "check_session",
    "replay",
    "simulate",
]
