"""Exploring the executions of a program: all of them if they are few, else those with few preemptions, and random ones.

Bounding preemptions follows Musuvathi and Qadeer, "Iterative context bounding for systematic testing of multithreaded
programs" (2007): most mistakes need one or two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from taskplan.engine.faults import Fault
from taskplan.engine.turns import Race, Turn
from taskplan.errors import BuildValueError, PlanError, ReplayDivergedError
from taskplan.plan.names import Site
from taskplan.sessions.schedules import MAX_TOKEN, Choice, Deviating, Schedule, Seeded
from taskplan.sessions.simulated import SimulatedSession, outcome_of
from taskplan.sessions.workspaces import Workspace

__all__ = ["Exploration", "Fault", "Outcome", "Race", "Turn", "replay", "simulate"]

ASSUMPTION = "functions touch nothing but the blobs that they are given, and return the same for the same"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way in which runs ended.

    Attributes:
        what: the outputs, or the class and the first line of the error.
        failed: whether it is an error.
        runs: how many runs ended so.
        token: of the first of them.
        error: that of the first of them, with its notes; None if they ended well.
    """

    what: str
    failed: bool
    runs: int
    token: str
    error: BaseException | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Exploration:
    """What came of running a program in many ways.

    Attributes:
        runs: how many runs there were.
        complete: these were all schedules that there are.
        preemptions: without that, all schedules with at most so many preemptions were run; -1 if not even those with 0.
        outcomes: the ways in which runs ended, in the order in which they were met.
        races: each race that was met, with the token of the first run that met it.
        faults: how many runs met a fault; None if none was asked for.
        trace: of the first run that failed.
        diverged: why a schedule was not the same when it was run again; empty if all were. Functions of the program
            then keep something from run to run, or depend on more than what they are given.
    """

    runs: int
    complete: bool
    preemptions: int
    outcomes: tuple[Outcome, ...]
    races: tuple[tuple[Race, str], ...]
    faults: int | None
    trace: tuple[Turn, ...] = ()
    diverged: str = ""

    @property
    def failure(self) -> Outcome | None:
        """The first outcome that is an error."""
        return next((outcome for outcome in self.outcomes if outcome.failed), None)

    def raise_failure(self) -> None:
        """Raise the error of the first run that failed, with its token; nothing if none did."""
        if self.failure is not None and self.failure.error is not None:
            raise self.failure.error

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        schedules = "1 schedule" if self.runs == 1 else f"{self.runs} schedules"
        if self.complete:
            which = "the only schedule" if self.runs == 1 else f"all {schedules}"
            yield f"{which}, if {ASSUMPTION}"
        elif self.preemptions >= 0:
            few = {0: "no preemption", 1: "at most 1 preemption"}
            most = few.get(self.preemptions, f"at most {self.preemptions} preemptions")
            yield f"{schedules}, all with {most} among them; there are more"
        else:
            yield f"{schedules}; there are more"
        for outcome in self.outcomes:
            yield f"{outcome.runs:6} times  {outcome.what}"
            yield f"              first with token {outcome.token}"
        if self.faults is not None:
            what = "met a fault" if self.faults else "met a fault: no operator that was executed is at the places given"
            yield f"{self.faults:6} runs {what}"
        for race, token in self.races:
            yield f"warning: {race}"
            yield f"  token  {token}"
        if self.diverged:
            yield f"warning: a schedule was not the same when it was run again: {self.diverged}"


def simulate(
    program: Any,
    *,
    runs: int = 200,
    seed: int = 0,
    faults: Sequence[Fault] = (),
    feed: Mapping[str, Any] | None = None,
    timeout_s: float = math.inf,
    stop_at_failure: bool = False,
    progress: Callable[[int], None] | None = None,
    shared_nodes: bool = False,
    grace_s: float = 10.0,
    max_operators: int = 10_000_000,
) -> Exploration:
    """Run a program in as many different ways as `runs` allows.

    A small program is run in all ways that there are. Of a larger one these are the ways without preemption, then those
    with one, two, ... as far as half of the runs reach, and random ones. With faults that have a probability below 1
    all are random.

    Example:
        >>> from taskplan import Task, TaskGroup, WorkspaceType, final_output, fresh_names, ops
        >>> with fresh_names(), TaskGroup(WorkspaceType.GLOBAL) as group:
        ...     with Task(name="first"), ops.local_init():
        ...         x = ops.Const(0, blob_out="x")
        ...     for name in ("a", "b"):
        ...         with Task(name=name):
        ...             old = ops.Copy("x")
        ...             x = ops.Add([old, ops.Const(1)], ["x"])
        ...             output = final_output(x)
        >>> found = simulate(group)
        >>> found.complete, found.runs, sorted(outcome.what for outcome in found.outcomes)
        (True, 6, ['x = 1', 'x = 2'])

    Args:
        program: what a session runs, or a function without arguments that builds it anew for each run (for programs
            whose functions keep something from run to run).
        runs: how many at most.
        seed: of the random ones.
        faults: what may go wrong.
        feed: blobs of node `local` before each run.
        timeout_s: of each run, in virtual time.
        stop_at_failure: end with the first run that fails.
        progress: called with the number of runs, after each.
        shared_nodes: as for `SimulatedSession`; so are `grace_s` and `max_operators`.
        grace_s: see there.
        max_operators: see there.

    Raises:
        BuildValueError: `runs` is less than 1.
        PlanError: the checks before a run found problems.
    """
    if runs < 1:
        msg = f"runs must be at least 1, got {runs!r}"
        raise BuildValueError(msg)
    options = {
        "timeout_s": timeout_s,
        "shared_nodes": shared_nodes,
        "grace_s": grace_s,
        "max_operators": max_operators,
    }
    explorer = _Explorer(program, faults, feed or {}, options, stop_at_failure, progress)
    explorer.explore(runs, seed)
    return explorer.found()


@dataclass(slots=True)
class _Ending:
    outcome: Outcome
    runs: int = 1


class _Explorer:
    """Runs a program again and again, and gathers how that ends."""

    def __init__(
        self,
        program: Any,
        faults: Sequence[Fault],
        feed: Mapping[str, Any],
        options: dict[str, Any],
        stop_at_failure: bool,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._program = program
        self._builds = isinstance(program, FunctionType | MethodType | partial)  # groups and tasks are callable too
        self._faults = tuple(faults)
        self._feed = feed
        self._options = options
        self._stop_at_failure = stop_at_failure
        self._progress = progress
        self._endings: dict[str, _Ending] = {}
        self._races: dict[tuple[str, frozenset[Site]], tuple[Race, str]] = {}
        self._faulty = 0
        self._runs = 0
        self._made: dict[tuple[int, ...], list[Choice]] = {}
        """By the choices with which a schedule begins, all that it made."""
        self._pruned = False
        self._complete = False
        self._preemptions = -1
        self._diverged = ""
        self._session = SimulatedSession(Workspace(), faults=self._faults, warns=False, **options)

    def explore(self, runs: int, seed: int) -> None:
        """Run it `runs` times at most."""
        if all(fault.probability >= 1 for fault in self._faults):
            try:
                self._systematically(runs)
            except ReplayDivergedError as error:
                self._diverged = str(error)
        number = seed
        while not self._complete and not self._done(runs):
            self._run(Seeded(number))
            number += 1

    def _systematically(self, runs: int) -> None:
        """All schedules without preemption, then with one, two, ...: to the end if they seem few."""
        first = self._run(Deviating({}))
        many = math.prod(choice.options for choice in first) > 50 * runs
        limit = max(1, runs // 2) if many else runs
        while not self._complete:
            bound = self._preemptions + 1
            self._pruned = False
            if not self._all(first, limit, bound):
                return
            self._preemptions = bound
            self._complete = not self._pruned

    def found(self) -> Exploration:
        """What came of it."""
        outcomes = tuple([replace(each.outcome, runs=each.runs) for each in self._endings.values()])
        failing = next((outcome.token for outcome in outcomes if outcome.failed), None)
        trace, diverged = self._again(failing) if failing is not None else ((), "")
        return Exploration(
            runs=self._runs,
            complete=self._complete,
            preemptions=self._preemptions,
            outcomes=outcomes,
            races=tuple(self._races.values()),
            faults=self._faulty if self._faults else None,
            trace=trace,
            diverged=self._diverged or diverged,
        )

    def _again(self, token: str) -> tuple[tuple[Turn, ...], str]:
        """The trace of a run, and why it cannot be had if it cannot."""
        program = self._program() if self._builds else self._program
        try:
            return replay(program, token, faults=self._faults, feed=self._feed, **self._options).trace, ""
        except ReplayDivergedError as error:
            return (), str(error)

    def _done(self, runs: int) -> bool:
        failed = self._stop_at_failure and any(ending.outcome.failed for ending in self._endings.values())
        return self._runs >= runs or failed

    def _all(self, first: list[Choice], runs: int, bound: int) -> bool:
        """Run all schedules with exactly `bound` preemptions; whether there was time for it.

        A schedule is its choices up to the last that is not 0. The next one, depth first, changes the last choice that
        can still be changed.
        """
        made = first
        while True:
            choices = self._following(made, bound)
            if choices is None:
                return True
            known = self._made.get(tuple(choices))
            if known is None:
                if self._done(runs):
                    return False
                known = self._run(Deviating.after(choices))
                if [each.chosen for each in known[: len(choices)]] != choices:
                    msg = (
                        f"an earlier run had {len(choices)} choices or more, and {len(known)} when it was to be varied"
                    )
                    raise ReplayDivergedError(msg)
                if len(self._session.token) > MAX_TOKEN:
                    return False
            made = known

    def _following(self, made: list[Choice], bound: int) -> list[int] | None:
        """The choices with which the next schedule begins; None if there is none with so few preemptions."""
        for last in reversed(range(len(made))):
            choice = made[last]
            if choice.chosen + 1 < choice.options:
                choices = [each.chosen for each in made[:last]] + [choice.chosen + 1]
                if _preemptions(made, choices) <= bound:
                    return choices
                self._pruned = True
        return None

    def _run(self, schedule: Schedule) -> list[Choice]:
        made, outcome = self._execute(schedule)
        self._runs += 1
        if isinstance(schedule, Deviating):
            self._made[schedule.beginning] = made
        ending = self._endings.get(outcome.what)
        if ending is None:
            self._endings[outcome.what] = _Ending(outcome)
        else:
            ending.runs += 1
        session = self._session
        self._faulty += bool(session.faults_happened)
        for race in session.races:
            lines = race.blob, frozenset((race.first.site, race.second.site))
            self._races.setdefault(lines, (race, session.token))
        if self._progress is not None:
            self._progress(self._runs)
        return made

    def _execute(self, schedule: Schedule) -> tuple[list[Choice], Outcome]:
        session = self._session
        program = self._program() if self._builds else self._program
        session.begin_anew(self._feed)
        session.follow(schedule)
        outcome = _outcome(session, program)
        return session.recording.made, outcome


def _outcome(session: SimulatedSession, program: Any) -> Outcome:
    """Run a program, and say how it ended. What keeps it from running at all is raised."""
    try:
        session.run(program)
        return Outcome(outcome_of(session.outputs(program)), False, 1, session.token)
    except (PlanError, ReplayDivergedError):
        raise
    except (Exception, SystemExit) as error:
        if not session.token:
            raise
        what = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return Outcome(what, True, 1, session.token, error)


def replay(
    program: Any,
    token: str,
    *,
    faults: Sequence[Fault] = (),
    feed: Mapping[str, Any] | None = None,
    timeout_s: float = math.inf,
    **options: Any,
) -> Exploration:
    """Run the one execution of a program again that a token stands for.

    Args:
        program: what a session runs.
        token: of a run of this program.
        faults: the same as then.
        feed: blobs of node `local` before the run, as they were then.
        timeout_s: as then.
        **options: of `SimulatedSession`, as then.

    Raises:
        ReplayDivergedError: the token is of another program, or the run is not what was recorded.
        BuildValueError: it is no token.
    """
    wanted: dict[str, Any] = {"timeout_s": timeout_s, **options, "traced": True, "warns": False}
    with SimulatedSession(Workspace(), replay=token, faults=faults, **wanted) as session:
        session.begin_anew(feed or {})
        outcome = _outcome(session, program)
    return Exploration(
        runs=1,
        complete=False,
        preemptions=-1,
        outcomes=(outcome,),
        races=tuple([(race, session.token) for race in session.races]),
        faults=int(bool(session.faults_happened)) if faults else None,
        trace=session.trace,
    )


def _preemptions(made: Sequence[Choice], choices: Sequence[int]) -> int:
    """How many preemptions there are in the choices that a schedule begins with; `made` says what each was between."""
    return sum(choice.preempts and chosen > 0 for choice, chosen in zip(made, choices, strict=False))
