"""What tests need: simulated runs, faults on demand, a counted clock, what every session and operator must do."""

from __future__ import annotations

from taskplan.clock import VirtualClock
from taskplan.sessions.explore import Exploration, Fault, Outcome, Race, Turn, replay, simulate
from taskplan.testing.operator_checks import OperatorCheckError, check_operator
from taskplan.testing.session_checks import SessionCheckError, check_session

__all__ = [
    "Exploration",
    "Fault",
    "OperatorCheckError",
    "Outcome",
    "Race",
    "SessionCheckError",
    "Turn",
    "VirtualClock",
    "check_operator",
    "check_session",
    "replay",
    "simulate",
]
