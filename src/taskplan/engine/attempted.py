"""One attempt to run a program: what all its plans share, and how it ends."""

from __future__ import annotations

import logging
import math
import sys
import threading
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from taskplan.cancel import CancelToken
from taskplan.engine.cells import CellSpace
from taskplan.engine.failures import Failed, Outcome
from taskplan.engine.parking import Waiter
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.stalls import Analysis, goes_on_by_itself, who_is
from taskplan.engine.strand import Role, Strand, Strands
from taskplan.engine.why import Why
from taskplan.errors import InternalError, StalledError, TimedOutError
from taskplan.events import Event
from taskplan.operators.waiting import NOT_YET, Attempt, Changes, Interval, Joins, NotYet, Reason, Shared

if TYPE_CHECKING:
    from taskplan.engine.compiler.hot import Compiler
    from taskplan.engine.instance import Instance
    from taskplan.engine.turns import Turns

logger = logging.getLogger("taskplan")


class Driver(Protocol):
    """Carries out what the policy of steps asks for. See `taskplan.engine.threads.ThreadDriver`."""

    grace_s: float
    stall_warning_s: float
    turns: Turns | None
    """Is told of each operator, by drivers under which only one strand runs at a time."""

    def now(self) -> float:
        """Seconds since a fixed moment."""

    def wall_clock_ns(self) -> int:
        """Nanoseconds since 1970."""

    def spawn(self, job: Callable[[], None], *, brief: bool) -> None:
        """Start `job`, which does not raise, beside the caller."""

    def wait(
        self,
        reason: Reason,
        attempt: Attempt,
        token: CancelToken,
        timeout_s: float = ...,
        shielded: bool = False,
        by: Instance | None = None,
    ) -> Any:
        """Make the attempt until it answers, the token is cancelled, or the time is up."""

    def cancel(self, token: CancelToken) -> None:
        """End the waits of a cancelled token."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A plan and the workspace in which it runs."""

    node: str
    plan: PreparedPlan
    space: CellSpace


class Jobs(Shared):
    """The jobs of a run that have been started and have not ended."""

    __slots__ = ("running",)

    def __init__(self) -> None:
        super().__init__("jobs")
        self.running: set[object] = set()

    def all_ended(self) -> bool | NotYet:
        """An attempt: true once no job runs."""
        return NOT_YET if self.running else True


class Attempted:
    """What all plans of one run share: the token, how it ended, who is in user code, who was abandoned.

    A closing phase has another token and the same of everything else.
    """

    # What few runs need is made when it is needed.
    jobs: Jobs | None = None
    skip_closing = False
    _seeds: tuple[Any, Counter[int]] | None = None
    _handed_out: tuple[CellSpace, ...] = ()
    _quiet_until_s = -math.inf

    def __init__(
        self,
        driver: Driver,
        *,
        seed: int | None = None,
        observe: Callable[[Event], None] | None = None,
        within: Callable[[Any], AbstractContextManager[object]] = nullcontext,
        compiler: Compiler | None = None,
    ) -> None:
        self.driver = driver
        self.compiler = compiler
        self.observe = observe
        self.within = within
        """Opened around each node's plan, with its workspace; all steps see what it sets in context variables."""
        self.outcome = Outcome()
        self.token = self.new_token()
        self.abandoned: list[str] = []
        self.last_reports: list[Callable[[], None]] = []
        self._closing_tokens: list[CancelToken] = []
        self._interruption = KeyboardInterrupt()
        self.main_thread = threading.get_ident()
        self.user_threads: set[int] = set()
        self.strands = Strands()
        self.identity = object()
        """The mark of the objects that operators of this run make; see `Shared.made_in`."""
        self.placed: Sequence[Placed] = ()
        """The plans of the run, each with the workspace in which it begins."""
        self.ended_tasks: set[tuple[str | None, str | None]] = set()
        self._seed = seed
        self._lock = threading.Lock()
        self._stall_lock = threading.Lock()

    def new_token(self) -> CancelToken:
        """A token whose cancellation wakes this run's waiters."""
        return CancelToken(self.driver.cancel)

    def fail(self, failure: Failed, token: CancelToken | None = None) -> None:
        """Record a failure, and end the run, or what runs under `token`."""
        with self._lock:
            self.outcome.record(failure)
        (token or self.token).cancel()

    def spawn(self, job: Callable[[], None], strand: Strand, *, brief: bool) -> None:
        """Start `job` beside the caller, as a strand. It must not raise; if it does all the same, the run fails."""
        context = copy_context()  # settings of the caller, such as the current workspace, hold for all steps
        if self.jobs is None:  # the first one is started when nobody else is there
            self.jobs = Jobs()
        jobs = self.jobs

        def guarded() -> None:
            try:
                context.run(self._as_strand, strand, job)
            except BaseException as error:
                bug = InternalError(f"a job of the engine raised {error!r}; please report this")
                bug.__cause__ = error
                self.fail(Failed(bug))
            finally:
                self.driver.wait(Changes(jobs), partial(jobs.running.discard, strand), self.token)
                self.end(strand)

        jobs.running.add(strand)
        self.strands.alive.add(strand)
        try:
            self.driver.spawn(guarded, brief=brief)
        except RuntimeError:  # no thread is to be had
            jobs.running.discard(strand)
            self.strands.alive.discard(strand)
            raise

    def _as_strand(self, strand: Strand, job: Callable[[], None]) -> None:
        strand.begin()
        job()

    def let_go(self) -> None:
        """The run is over: hold nothing that would keep its workspaces alive."""
        self.strands.alive.clear()
        self.placed = self._handed_out = ()

    def end(self, strand: Strand) -> None:
        """A strand has ended; those that are left may never go on."""
        self.strands.alive.discard(strand)
        if self.strands.parked and self.strands.all_parked():
            self.look_for_stall()

    # --- waiting ------------------------------------------------------------------------------------------------------

    def look_for_stall(self) -> None:
        """No strand runs: fail if none of them can go on."""
        with self._stall_lock:
            # Quickly, since with a reporter of a short interval this is asked all the time.
            if any(each.role is Role.WORK and goes_on_by_itself(each, each.waiter) for each in self.strands.snapshot()):
                return
            analysis = Analysis(self)
            if not analysis.nothing_goes_on:
                return
            self._fail_stalled(analysis, "nothing can go on")

    def nothing_comes(self) -> None:
        """In a simulation: all that still wait do so for objects that only somebody outside could change."""
        with self._stall_lock:
            self._fail_stalled(
                Analysis(self), "nothing can go on: in a simulation nothing comes from outside of the run"
            )

    def waits_long(self, waiter: Waiter) -> None:
        """Somebody waits for an object for long: fail if it is for good, else write to the log who waits for whom."""
        if isinstance(waiter.reason, Joins | Interval):
            return
        with self._stall_lock:
            analysis = Analysis(self)
            if waiter.done or waiter.strand not in analysis.strands:
                return
            if waiter.strand in analysis.stuck:
                self._fail_stalled(analysis, f"{who_is(waiter.strand)} can never go on")
                return
        now = self.driver.now()
        if now >= self._quiet_until_s:
            self._quiet_until_s = now + self.driver.stall_warning_s / 2
            logger.warning("a step has waited for %.3g s:\n%s", now - waiter.since_s, analysis.why())

    def _fail_stalled(self, analysis: Analysis, what: str) -> None:
        why = analysis.why()
        why = replace(why, waits=tuple([wait for wait in why.waits if (wait.stuck or wait.open) and wait.operator]))
        hints = "; ".join(why.hints)
        waiters = [strand.waiter for strand in analysis.stuck]
        error = StalledError(f"{what}{f': {hints}' if hints else ''}\n{why}", why=why)
        self.fail(Failed(error))
        for waiter in waiters:  # those of closing blocks have tokens of their own
            if waiter is not None:
                waiter.token.cancel()

    def why(self) -> Why:
        """Who waits for whom now."""
        with self._stall_lock:
            return Analysis(self).why()

    def is_open(self, subject: Shared) -> bool:
        """Whether an object may be used from outside of this run: made elsewhere, or seen by others."""
        if subject.made_in is not self.identity:
            return True
        used_by_others = [each.space.root for each in self.placed if len(each.space.runs) > 1]
        return any(space.holds(subject) for space in (*self._handed_out, *used_by_others))

    def hand_out(self, space: CellSpace) -> None:
        """A function of the user is handed a workspace: all objects in it may be used from outside from now on."""
        if space not in self._handed_out:
            with self._lock:
                self._handed_out = (*self._handed_out, space)

    def settle(self, error: BaseException) -> Failed:
        """End the run for what a signal's handler raised, wherever that came; return when all jobs have ended.

        Jobs that ignore the end for `grace_s` are left behind.
        """
        failure = Failed(error)
        self.fail(failure)
        jobs = self.jobs or Jobs()
        while True:
            try:
                self.driver.wait(Joins(jobs), jobs.all_ended, self.token, shielded=True)
            except BaseException as another:  # the handler's, again
                self.fail(Failed(another))
            else:
                return failure

    def closing_token(self) -> CancelToken:
        """A token for a closing block or a last report: the run's own is cancelled by then."""
        token = self.new_token()
        with self._lock:
            self._closing_tokens.append(token)
        if self.skip_closing:
            token.cancel()
        return token

    def interrupt(self, *, again: bool) -> None:
        """Ctrl-C came: end the run; the second time, also the closing blocks that have begun."""
        self.fail(Failed(self._interruption))
        if again:
            self.end_closing()

    def end_closing(self) -> None:
        """End the closing blocks that have begun, and let no other begin."""
        self.skip_closing = True
        with self._lock:
            tokens = list(self._closing_tokens)
        for token in tokens:
            token.cancel()

    def abandon(self, steps: str) -> None:
        """Leave steps behind that ignore that the run has ended; what they write from now on is discarded."""
        frames = sys._current_frames()
        threads = [thread for thread in list(self.user_threads) if thread in frames]
        stacks = ["".join(traceback.format_stack(frames[thread])) for thread in threads]
        with self._lock:
            self.abandoned.append("\n".join([f"{steps}, abandoned in user code:", *stacks]))

    def timed_out(self, what: str, limit_s: float) -> Failed:
        """The failure of what took longer than `limit_s`; it says who waits for whom."""
        why = self.why()
        text = f"{what} took longer than {limit_s:g} s"
        return Failed(TimedOutError(f"{text}\n{why}" if why.waits or why.calls else text, why=why))

    def next_seed(self, *place: object) -> np.random.SeedSequence:
        """A seed for one operator's instance, which stands at `place`: the same whatever else runs, and in which order.

        Of several instances at one place (in a loop that makes its workspace anew) each has a seed of its own.
        """
        key = zlib.crc32(repr(place).encode())
        with self._lock:
            if self._seeds is None:
                self._seeds = np.random.SeedSequence(self._seed).entropy, Counter()
            entropy, made = self._seeds
            made[key] += 1
            return np.random.SeedSequence(entropy, spawn_key=(key, made[key]))
