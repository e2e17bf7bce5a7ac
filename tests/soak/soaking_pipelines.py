"""Runs of random pipelines, on threads and simulated: each ends as it must, with the right rows, and leaves nothing."""

from __future__ import annotations

import itertools
import math
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.soak.draws import Draws
from tests.soak.flows import End
from tests.soak.functions import SoakError
from tests.soak.judging import judge
from tests.soak.pipelines import Pipelines
from tests.soak.simulating import Ends, check_threads
from tests.soak.tally import Tally, WrongError

import taskplan as tp
from taskplan.sessions.schedules import Seeded

LIMIT_S = 50.0
"""In which a run ends: for hangs only."""

LATEST_S = 0.03
"""Of cancels and time limits, on threads."""

LATEST_VIRTUAL_S = 0.004
"""Of time limits in simulations, where an operator takes a microsecond."""

MOST_OPERATORS = 400_000
"""A simulated run that executes more goes on for ever."""

SCHEDULES_OF_PIPELINES = 4
"""So many simulated runs each program has."""


class PipelineTally(Tally):
    """Counts runs of pipelines.

    Attributes:
        kinds: what the pipelines were that ended, by what makes them end.
        failure_ms: from failures to the ends of the runs, on threads.
        cancel_ms: from cancels and time limits to the ends of the runs, on threads.
    """

    def __init__(self, minutes: float, runs: int | None = None, begins: Callable[[int], None] | None = None) -> None:
        super().__init__(minutes, runs, begins)
        self.kinds: Counter[str] = Counter()
        self.failure_ms: list[float] = []
        self.cancel_ms: list[float] = []
        self.slowest_s = 0.0

    def took(self, program: Pipelines, duration_s: float) -> None:
        """A run of a program has taken so long."""
        self.kinds.update(flow.kind for flow in program.flows)
        self.slowest_s = max(self.slowest_s, duration_s)

    def lines(self) -> Iterator[str]:
        """What is to be told."""
        seconds = time.monotonic() - self._begun
        yield f"{self.runs} runs of {self.programs} programs of pipelines in {seconds:.1f} s"
        yield f"outcomes: {_listed(self.outcomes)}"
        yield f"pipelines: {_listed(self.kinds)}"
        yield f"{self.replays} replays; the slowest run took {self.slowest_s:.2f} s"
        for what, delays_ms in (("failure", self.failure_ms), ("cancel or time limit", self.cancel_ms)):
            if delays_ms:
                delays = sorted(delays_ms)
                middle, late = statistics.median(delays), delays[int(len(delays) * 0.99)]
                yield f"from {what} to end: median {middle:.2f} ms, p99 {late:.2f} ms, of {len(delays)} runs"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {number}" for what, number in counts.most_common())


@contextmanager
def _program(number: int) -> Iterator[Pipelines]:
    with tempfile.TemporaryDirectory() as folder, tp.fresh_names():
        yield Pipelines(number, Path(folder))


# --- on threads -------------------------------------------------------------------------------------------------------


def soak_pipelines_on_threads(numbers: Iterator[int], tally: PipelineTally) -> None:
    """Run pipelines on threads.

    Args:
        numbers: of the runs; each has a program of its own.
        tally: counts what came of it, and says when to end.

    Raises:
        WrongError: something is not as it must be.
    """
    for number in numbers:
        if tally.is_over():
            return
        tally.begins(number)
        with _program(number) as program:
            tally.program(frozenset())
            with tp.LocalSession(tp.Workspace()) as session:
                what = _OnThreads(program, session, Draws(f"run {number}"), tally).run()
                _check_nobody_left(session)
            check_threads()
        tally.ended(what)


class _OnThreads:
    """A program in a session, which is run once, or twice."""

    def __init__(self, program: Pipelines, session: tp.LocalSession, draws: Draws, tally: PipelineTally) -> None:
        self._program = program
        self._session = session
        self._draws = draws
        self._tally = tally

    def run(self) -> str:
        """Run it, and maybe again, without what made it end before its time."""
        program = self._program
        started_s = time.perf_counter()
        if program.end is End.CANCEL:
            what = self._cancelled()
        else:
            error = _end(_start(self._session, program))
            self._note_failure(error, time.perf_counter())
            what = judge(program, error)
        self._tally.took(program, time.perf_counter() - started_s)
        if program.can_be_right() and self._draws.chance(0.2):
            self._run_again()
        return what

    def _cancelled(self) -> str:
        draws = self._draws
        moment_s = draws.uniform(0.0, LATEST_S * draws.choice([0.1, 1.0]))
        if draws.chance(0.2):
            return self._timed_out(moment_s)
        if draws.chance(0.2):
            return self._cancelled_from_within()
        run = _start(self._session, self._program)
        _end(run, moment_s)
        cancelled_s = time.perf_counter()
        cancelled = run.cancel()
        error = _end(run)
        return self._judged(error, cancelled_s, (tp.RunCancelledError,) if cancelled else ())

    def _timed_out(self, limit_s: float) -> str:
        over_s = time.perf_counter() + limit_s
        error = _end(_start(self._session, self._program, limit_s))
        return self._judged(error, over_s, (tp.TimedOutError,))

    def _cancelled_from_within(self) -> str:
        journal = self._program.journal
        error = cancel_from_within(self._program, self._session, self._draws.randint(1, 40))
        return self._judged(error, journal.alarmed_at_s, (tp.RunCancelledError,))

    def _judged(self, error: BaseException | None, since_s: float, may_be: tuple[type[BaseException], ...]) -> str:
        ended_s = time.perf_counter()
        if isinstance(error, may_be):
            self._tally.cancel_ms.append((ended_s - since_s) * 1e3)
        self._note_failure(error, ended_s)
        return judge(self._program, error, may_be)

    def _note_failure(self, error: BaseException | None, ended_s: float) -> None:
        if isinstance(error, SoakError):
            self._tally.failure_ms.append((ended_s - error.at_s) * 1e3)

    def _run_again(self) -> None:
        self._program.begin_anew(armed=False)
        try:
            judge(self._program, _end(_start(self._session, self._program)))
        except WrongError as error:
            error.add_note("when the program was run again")
            raise


def _start(session: tp.LocalSession, program: Pipelines, limit_s: float = math.inf) -> tp.StartedRun:
    """Start a run; always here, since the line of that is part of what faults and traces say."""
    return session.start(program.group, timeout_s=limit_s)


def cancel_from_within(program: Pipelines, session: tp.LocalSession, after: int) -> BaseException | None:
    """Run a program of which a function cancels the run, after so many calls; the error that it ended with."""
    with program.journal.alarm(after) as alarm:
        run = _start(session, program)
        alarm.set(run.cancel)
        return _end(run)


def _end(run: tp.StartedRun, limit_s: float = LIMIT_S) -> BaseException | None:
    """Wait for the end of a run; the error that it ended with."""
    try:
        ended = run.wait(timeout_s=limit_s)
    except Exception as error:
        return error
    if not ended and limit_s == LIMIT_S:
        msg = f"the run does not end:\n{run.why()}"
        raise WrongError(msg)
    return None


def _check_nobody_left(session: tp.LocalSession) -> None:
    if session.abandoned():
        msg = f"functions were abandoned: {session.abandoned()}"
        raise WrongError(msg)


# --- simulated --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ending:
    """How a simulated run ended, with all that must be the same when it is replayed."""

    token: str
    error: str
    faults: tuple[str, ...]
    at_s: float
    rows: Any
    counts: Any
    sinks: Any
    trace: Any


def soak_pipelines_simulated(numbers: Iterator[int], tally: PipelineTally, replay_every: int = 3) -> None:
    """Simulate pipelines, each program by some schedules.

    Args:
        numbers: of the runs; each has a program, and a schedule of its own.
        tally: counts what came of it, and says when to end.
        replay_every: one in so many runs is replayed.

    Raises:
        WrongError: something is not as it must be.
    """
    for group, runs in itertools.groupby(numbers, lambda number: number // SCHEDULES_OF_PIPELINES):
        with _program(group) as program, _Simulation(program) as simulation:
            tally.program(frozenset())
            for number in runs:
                if tally.is_over():
                    break
                tally.begins(number)
                started_s = time.perf_counter()
                what, ending = simulation.run(number)
                tally.took(program, time.perf_counter() - started_s)
                if number % replay_every == 0:
                    _check_replay(group, number, ending)
                    tally.replays += 1
                tally.ended(what)
        check_threads()
        if tally.is_over():
            return


class _Simulation:
    """A program in a session of its own.

    Args:
        program: the program.
        replay: the token of a run.
    """

    def __init__(self, program: Pipelines, replay: str | None = None) -> None:
        self._program = program
        self._ends = Ends()
        self._session = tp.SimulatedSession(
            tp.Workspace(),
            replay=replay,
            faults=program.faults,
            traced=True,
            warns=False,
            observers=[self._ends],
            max_operators=MOST_OPERATORS,
        )
        self._is_replay = replay is not None

    def __enter__(self) -> _Simulation:
        return self

    def __exit__(self, *_args: object) -> None:
        self._session.close()

    def run(self, number: int) -> tuple[str, Ending]:
        """Run it by the schedule of that number, and judge it."""
        program, session, draws = self._program, self._session, Draws(f"simulated run {number}")
        program.begin_anew(armed=True)
        session.begin_anew({})
        if not self._is_replay:
            session.follow(Seeded(number))
        may_be: tuple[type[BaseException], ...] = ()
        error: BaseException | None
        if program.end is End.CANCEL and draws.chance(0.4):
            may_be = (tp.RunCancelledError,)
            error = cancel_from_within(program, session, draws.randint(1, 40))
        else:
            limit_s = math.inf
            if program.end is End.CANCEL:
                may_be, limit_s = (tp.TimedOutError,), draws.uniform(0.0, LATEST_VIRTUAL_S)
            error = _end(_start(session, program, limit_s))
        self._check_races()
        return judge(program, error, may_be, session.faults_happened), self._ending(error)

    def _check_races(self) -> None:
        if self._session.races:
            msg = f"there are races: {'; '.join(map(str, self._session.races))}"
            raise WrongError(msg)

    def _ending(self, error: BaseException | None) -> Ending:
        journal, session = self._program.journal, self._session
        shown = "" if error is None else "\n".join([repr(error), *getattr(error, "__notes__", ())])
        sinks = [(sink.name, sink.done) for sink in journal.sinks]
        rows, counts = dict(journal.rows), dict(journal.counts)
        return Ending(
            session.token, shown, session.faults_happened, self._ends.at_s, rows, counts, sinks, session.trace
        )


def _check_replay(group: int, number: int, ending: Ending) -> None:
    """Build the program anew, and run it by the token."""
    with _program(group) as program, _Simulation(program, ending.token) as simulation:
        _, again = simulation.run(number)
    for name in Ending.__dataclass_fields__:
        first, second = getattr(ending, name), getattr(again, name)
        if first != second:
            msg = f"the replay of {ending.token} has another {name}:\n  {first}\n  {second}"
            raise WrongError(msg)
