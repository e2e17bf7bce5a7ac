"""What tests need: simulated runs, faults on demand, a clock, checks of sessions, operators, readers and writers."""

from __future__ import annotations

from taskplan.clock import VirtualClock
from taskplan.sessions.explore import Exploration, Fault, Outcome, Race, Turn, replay, simulate
from taskplan.testing.operator_checks import OperatorCheckError, check_operator
from taskplan.testing.reader_checks import ReaderCheckError, WriterCheckError, check_reader, check_writer
from taskplan.testing.session_checks import SessionCheckError, check_session

__all__ = [
    "Exploration",
    "Fault",
    "OperatorCheckError",
    "Outcome",
    "Race",
    "ReaderCheckError",
    "SessionCheckError",
    "Turn",
    "VirtualClock",
    "WriterCheckError",
    "check_operator",
    "check_reader",
    "check_session",
    "check_writer",
    "replay",
    "simulate",
]
