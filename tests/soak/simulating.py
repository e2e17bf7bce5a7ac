"""Simulated runs of the soak: each ends as it must, and does so again when it is replayed."""

from __future__ import annotations

import io
import itertools
import tempfile
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.soak.plans import FAULT_FIRED
from tests.soak.subjects import Subject, subject
from tests.soak.tally import Tally, WrongError

import taskplan as tp
from taskplan.events import Event, RunEnded
from taskplan.sessions.schedules import MAX_TOKEN, Seeded
from taskplan.testing import Turn

SCHEDULES = 20
"""So many runs each program has."""

SAVED_EVERY = 50
"""Among so many programs one is saved and loaded."""


@dataclass(frozen=True)
class Ending:
    """How a run ended, with all that must be the same when it is replayed.

    Attributes:
        token: that of the run.
        outputs: as numbers, by name; empty after a failure.
        error: what was raised, with its notes; empty if nothing was.
        faults: what went wrong on demand.
        at_s: when it ended, by the virtual clock.
        trace: the operators that touch what others touch, in their order.
    """

    token: str
    outputs: tuple[tuple[str, Any], ...]
    error: str
    faults: tuple[str, ...]
    at_s: float
    trace: tuple[Turn, ...]


class Ends:
    """An observer that keeps when the last run ended."""

    def __init__(self) -> None:
        self.at_s = -1.0

    def observe(self, event: Event) -> None:
        if isinstance(event, RunEnded):
            self.at_s = event.at_s


class Simulation:
    """A session, and what came of the last run in it.

    Args:
        faults: what may go wrong.
        replay: the token of a run.
    """

    def __init__(self, faults: Any, replay: str | None = None) -> None:
        self._ends = Ends()
        self.session = tp.SimulatedSession(
            tp.Workspace(), faults=faults, replay=replay, traced=True, warns=False, observers=[self._ends]
        )
        self.raised: BaseException | None = None

    def run(self, program: object, seed: int | None = None) -> Ending:
        """Run a program, by a schedule of that seed if one is given."""
        session = self.session
        session.begin_anew({})
        if seed is not None:
            session.follow(Seeded(seed))
        self.raised = None
        outputs: tuple[tuple[str, Any], ...] = ()
        self._ends.at_s = -1.0
        try:
            with redirect_stdout(io.StringIO()):
                session.run(program)
            outputs = tuple([(name, value.item()) for name, value in session.outputs(program).items()])
        except Exception as error:
            self.raised = error
        shown = _shown(self.raised) if self.raised is not None else ""
        trace = session.trace
        return Ending(session.token, outputs, shown, session.faults_happened, self._ends.at_s, trace)


def soak_simulated(numbers: Iterator[int], tally: Tally, replay_every: int = 1) -> None:
    """Run programs, each by some schedules.

    Args:
        numbers: of the runs; each has a program, and a schedule of its own.
        tally: counts what came of it, and says when to end.
        replay_every: one in so many runs is replayed.

    Raises:
        WrongError: something is not as it must be.
    """
    for program, runs in itertools.groupby(numbers, lambda number: number // SCHEDULES):
        soaked: _Soaked | None = None
        for number in runs:
            if tally.is_over():
                break
            tally.begins(number)
            soaked = soaked or _Soaked(program)
            soaked.run(number, tally, replays=number % replay_every == 0)
        if soaked is not None:
            soaked.end(tally)
        if tally.is_over():
            return


class _Soaked:
    """One program, which is run again and again."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._subject = subject(number)
        self._again = self._subject.build()
        self._simulation = Simulation(self._subject.faults)
        self._fired = False

    def run(self, number: int, tally: Tally, *, replays: bool) -> None:
        """Run it by the schedule of that number, check how it ended, and replay it."""
        ending = self._simulation.run(self._subject.program, number)
        what = judge(self._subject, ending, self._simulation.raised)
        self._check_token(ending)
        fired = bool(ending.faults)
        self._fired |= fired
        if replays:
            self._check_replay(ending, self._again)
            tally.replays += 1
            if self._number % SAVED_EVERY == 0:
                self._check_replay(ending, saved_and_loaded(self._subject.program))
                tally.replays += 1
                tally.loaded += 1
        check_threads()
        tally.ended(what, fired=fired)

    def end(self, tally: Tally) -> None:
        """All its runs are done."""
        self._simulation.session.close()
        if self._subject.features is not None:
            tally.program(self._subject.features | ({FAULT_FIRED} if self._fired else set()))

    def _check_token(self, ending: Ending) -> None:
        if not 0 < len(ending.token) <= MAX_TOKEN:
            msg = f"the token has {len(ending.token)} letters: {ending.token!r}"
            raise WrongError(msg)

    def _check_replay(self, ending: Ending, program: object) -> None:
        simulation = Simulation(self._subject.faults, replay=ending.token)
        with simulation.session:
            again = simulation.run(program)
        for name in Ending.__dataclass_fields__:
            first, second = getattr(ending, name), getattr(again, name)
            if first != second:
                msg = f"the replay of {ending.token} has another {name}:\n{_apart(first, second)}"
                raise WrongError(msg)


def judge(subject: Subject, ending: Ending, raised: BaseException | None) -> str:
    """The class of how a run ended.

    Raises:
        WrongError: it must not end so.
    """
    struck = [fault for fault in ending.faults if not fault.startswith("delay")]
    may_be: tuple[type[BaseException], ...] = ()
    if struck:
        may_be += (tp.InjectedFaultError,)
    if subject.mistake is not None:
        may_be += (subject.mistake.value,)
    if raised is None and not may_be:
        if subject.is_right(dict(ending.outputs)):
            return "right"
        msg = f"wrong outputs: {dict(ending.outputs)}; right are {subject.expected}"
        raise WrongError(msg)
    if type(raised) not in may_be:
        wanted = " or ".join(each.__name__ for each in may_be) or "the right outputs"
        msg = f"{subject.name} with {subject.mistake} ended with {ending.error or ending.outputs}; expected {wanted}"
        raise WrongError(f"{msg}; faults: {ending.faults}") from raised
    if isinstance(raised, tp.InjectedFaultError) and not any(raised.args[0].endswith(_place(each)) for each in struck):
        msg = f"{raised!r} is none of the faults that happened: {struck}"
        raise WrongError(msg)
    return type(raised).__name__


def _shown(error: BaseException) -> str:
    return "\n".join([repr(error), *getattr(error, "__notes__", ())])


def _place(fault: str) -> str:
    return fault.partition(" at ")[2]


def check_threads() -> None:
    """No thread of ours is left.

    Raises:
        WrongError: there are some.
    """
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("taskplan-")]
    if left:
        msg = f"threads are left behind: {left}"
        raise WrongError(msg)


def saved_and_loaded(program: object) -> object:
    """A program that was in a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program"
        tp.save(program, path)
        return tp.load(path, allow_code=True)


def _apart(first: Any, second: Any) -> str:
    """Where two values differ."""
    one, other = (value if isinstance(value, tuple) else str(value).splitlines() for value in (first, second))
    for index, (left, right) in enumerate(itertools.zip_longest(one, other)):
        if left != right:
            return f"  {index}: {left}\n  {index}: {right}"
    return f"  {first}\n  {second}"
