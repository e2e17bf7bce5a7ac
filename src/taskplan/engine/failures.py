"""Where a failure happened: gathered while it travels up, shown as notes on the failure itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from taskplan.plan.model import StepDef
from taskplan.plan.names import Site

_PATH_NOTE = "  in     "


@dataclass(slots=True)
class Place:
    """Where in the plan an operator stood: filled from the inside out."""

    operator: str = ""
    site: Site | None = None
    inputs: str = ""
    nets: list[str] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)
    task: str | None = None
    node: str | None = None

    def passed_step(self, step: StepDef, iteration: int, label: str = "") -> None:
        """Note an iteration (counted from 0) of a step around it, one of several as `label` says."""
        if self.task is None:
            loops = (step.until is not None and not step.only_once) or (step.times or 1) > 1
            counted = f"iteration {iteration + 1}" if loops else ""
            self.steps.append((step.name, ", ".join(filter(None, (counted, label)))))
            if step.task is not None:
                self.task, self.node = step.task, step.node

    def path(self) -> str:
        """One line: task, node, steps with their iterations, nets, operator, from the outside in.

        Steps that a task made for itself are left out, unless there is more to say of them than the task's name.
        """
        parts = []
        if self.task is not None:
            parts = [f"task {self.task!r} on node {self.node!r}"]
        elif self.node is not None:
            parts = [f"node {self.node!r}"]
        own_names = {f"{self.task}{part}" for part in ("", ":body", ":instance", ":parallel")}
        for name, which in reversed(self.steps):
            own = not name or name in own_names
            if not own or which.startswith("iteration"):
                parts.append(f"step {name!r}{', ' if which else ''}{which}")
            elif which:
                parts.append(which)
        return " > ".join([*parts, *reversed(self.nets), *([self.operator] if self.operator else [])])

    def notes(self) -> list[str]:
        """The lines to attach to the failure."""
        lines = []
        if self.path():
            lines.append(f"{_PATH_NOTE}{self.path()}")
        if self.inputs:
            lines.append(f"  inputs {self.inputs}")
        if self.site is not None:
            lines.append(f"  added  {self.site}")
        return lines


class Failed(BaseException):
    """A failure on its way to whoever asked for the run: the error and its place. Never leaves the engine."""

    def __init__(self, error: BaseException, place: Place | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.place = place or Place()

    def passed_step(self, step: StepDef, iteration: int, label: str = "") -> None:
        """Note a step that it went through; see `Place.passed_step`."""
        self.place.passed_step(step, iteration, label)

    def on_node(self, node: str | None) -> None:
        """Note the node, if the failure is in no task, which would say it."""
        if self.place.task is None and self.place.node is None:
            self.place.node = node

    def annotated(self) -> BaseException:
        """The error itself, with notes that say where."""
        for line in self.place.notes():
            add_note(self.error, line)
        return self.error


def add_note(error: BaseException, line: str) -> None:
    """Attach a line to an error, unless the error's class does not let us."""
    with suppress(Exception):
        error.add_note(line)


def shown(error: BaseException, show: Callable[[BaseException], str] = repr) -> str:
    """What `repr` or `str` says of an error; a user's own may not be able to say anything."""
    try:
        return show(error)
    except Exception:
        return f"{type(error).__name__}, which cannot be shown"


class Outcome:
    """How a run ended, decided once: the first failure counts, later ones become its notes."""

    def __init__(self) -> None:
        self.first: Failed | None = None
        self.others: list[Failed] = []

    def record(self, failure: Failed) -> None:
        """Keep a failure, once, however often it is seen on its way up. The caller serialises."""
        if self.first is None:
            self.first = failure
        elif all(failure.error is not known.error for known in (self.first, *self.others)):
            self.others.append(failure)

    def raise_first(self) -> None:
        """Raise the first failure itself, annotated; nothing if there was none."""
        if self.first is None:
            return
        error = self.first.annotated()
        for other in self.others:
            where = other.place.path() or _noted_path(other.error)
            what = f"{type(other.error).__name__}: {shown(other.error, str)}"
            add_note(error, f"  also   {what}{f' (in {where})' if where else ''}")
        raise error


def _noted_path(error: BaseException) -> str:
    """Where an error happened that was annotated before: in a run within this one, or on a node in another process."""
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    return next((note.removeprefix(_PATH_NOTE) for note in notes if note.startswith(_PATH_NOTE)), "")
