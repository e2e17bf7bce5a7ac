"""What a run tells whoever listens: frozen records with plan paths and times in seconds.

An observer is called on the thread where the event happens and must be quick. One that raises is dropped and reported
once; it cannot hurt the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A plan begins to run."""

    plan: str
    at_s: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A plan has ended; `error` is the repr of the first failure, empty on success."""

    plan: str
    at_s: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A task begins to run on its node."""

    task: str
    node: str
    at_s: float


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task has ended on its node, well or not."""

    task: str
    node: str
    at_s: float
    failed: bool = False


Event = RunStarted | RunEnded | TaskStarted | TaskEnded


class Observer(Protocol):
    """Receives the events of a run."""

    def observe(self, event: Event) -> None:
        """Take note of `event`."""
