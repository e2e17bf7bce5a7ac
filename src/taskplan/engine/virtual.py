"""The driver of simulated runs: one strand at a time, in an order that is chosen, under a clock that is only counted.

A strand runs until it waits, ends, or stands before an operator that touches something which another strand touches
at the same time (see `taskplan.engine.turns`). Where several strands stand so, a `Chooser` says which goes on: nothing
else is left open, so the choices are the execution. Time passes with each operator, by a microsecond, and when all
wait: then the clock is put to the next moment at which one of them wakes.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from taskplan.cancel import CancelToken
from taskplan.engine.fibers import Switcher, switcher
from taskplan.engine.parking import Waiter, advance, give_up, park, result_of
from taskplan.engine.strand import CURRENT
from taskplan.errors import Cancelled, RunError
from taskplan.operators.waiting import NOT_YET, TIMED_OUT, Attempt, Reason, Shared

if TYPE_CHECKING:
    from taskplan.engine.instance import Instance
    from taskplan.engine.turns import Turns

OPERATOR_S = 1e-6
"""How long an operator takes, by the virtual clock."""

SLICE_OPERATORS = 10_000
"""After as many operators a strand lets the clock wake others, also if it touches nothing of theirs."""

EPOCH_NS = 1_600_000_000_000_000_000
"""The wall clock at the beginning of each simulation."""


class Chooser(Protocol):
    """Decides which of several strands goes on."""

    def choose(self, options: int, *, preempts: bool) -> int:
        """A number below `options`, which is 2 or more.

        Args:
            options: how many there are. 0 is the strand that has just run, if it could go on; else the one that began
                first.
            preempts: whether any other choice than 0 takes the turn from a strand that could go on.
        """


class Fiber:
    """A strand as the driver sees it: what it runs on, and what it knows to have happened before (a vector clock)."""

    __slots__ = ("clock", "handle", "number")

    def __init__(self, number: int, handle: Any, clock: dict[int, int]) -> None:
        self.number = number
        self.handle = handle
        self.clock = clock
        self.clock[number] = 1


class _Waiter(Waiter):
    """A fiber that waits."""

    __slots__ = ("deadline_s", "driver", "fiber")

    def __init__(self, driver: VirtualDriver, fiber: Fiber, *args: Any) -> None:
        super().__init__(*args)
        self.driver = driver
        self.fiber = fiber
        self.deadline_s = self.since_s + self.timeout_s

    def wake(self) -> None:
        """Let the fiber look again."""
        self.driver.granted(self)


class VirtualDriver:
    """Carries out what the policy of steps asks for, one strand at a time and in virtual time.

    Args:
        chooser: decides where several strands could go on.
        turns: is told of each operator; see there.
        grace_s: how long what is shielded goes on after a cancellation.
        stall_warning_s: whoever waits longer than this for an object is reported, once.
        max_operators: a run that executes more is ended.
    """

    def __init__(
        self,
        chooser: Chooser,
        turns: Turns,
        *,
        grace_s: float = 10.0,
        stall_warning_s: float = 10.0,
        max_operators: int = 10_000_000,
    ) -> None:
        self.grace_s = grace_s
        self.stall_warning_s = stall_warning_s
        self.turns: Turns | None = turns
        self.chooser = chooser
        self._max_operators = max_operators
        self._now = 0.0
        self._operators = 0
        self._until_others = SLICE_OPERATORS
        self._numbers = count()
        self._switcher: Switcher | None = None
        self._thread = 0
        self._fiber: Fiber = Fiber(next(self._numbers), None, {})
        self._runnable: deque[Fiber] = deque()
        self._at_turn: list[Fiber] = []
        self._waiters: dict[_Waiter, None] = {}
        self._clocks: dict[Shared, dict[int, int]] = {}
        self._cancelled: deque[CancelToken] = deque()
        turns.driver = self

    # --- the protocol of drivers --------------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds of the virtual clock, which begins at 0."""
        return self._now

    def wall_clock_ns(self) -> int:
        """Nanoseconds since 1970, by the virtual clock."""
        return EPOCH_NS + round(self._now * 1e9)

    def spawn(self, job: Callable[[], None], *, brief: bool) -> None:  # noqa: ARG002 - all are fibers here
        """Start `job`, which must not raise, beside the caller."""
        fiber = Fiber(next(self._numbers), None, dict(self._fiber.clock))

        def run() -> Any:
            job()
            self._fiber = self._next()
            return self._fiber.handle

        fiber.handle = self._fibers().make(run)
        self._runnable.append(fiber)

    def wait(
        self,
        reason: Reason,
        attempt: Attempt,
        token: CancelToken,
        timeout_s: float = math.inf,
        shielded: bool = False,
        by: Instance | None = None,
    ) -> Any:
        """Make the attempt until it answers. As `ThreadDriver.wait`."""
        subject: Shared = reason.subject
        if type(reason) not in subject.parked or reason.in_any_order:
            result = attempt()
            if result is not NOT_YET:
                self._synchronise(self._fiber, subject)
                if subject.parked:
                    advance(subject)
                return result
        if timeout_s <= 0:
            return TIMED_OUT
        fiber = self._fiber
        waiter = _Waiter(self, fiber, reason, attempt, token, shielded, self._now, timeout_s, by, CURRENT.get())
        park(waiter)
        self._waiters[waiter] = None
        if token.cancelled:
            self._nudge(waiter)
        try:
            strand = waiter.strand
            if strand is not None and strand.shared.strands.all_parked():
                strand.shared.look_for_stall()
            while not waiter.done and self._now < waiter.deadline_s:
                self._switch_to(self._next())
            if not waiter.done:
                give_up(waiter)
                return TIMED_OUT
        finally:
            del self._waiters[waiter]
            if not waiter.done:  # a signal's handler has raised
                give_up(waiter)
            if fiber in self._runnable:  # it was woken while it ran
                self._runnable.remove(fiber)
        return result_of(waiter, self._now)

    def cancel(self, token: CancelToken) -> None:
        """End the waits of a cancelled token; from another thread, when a fiber comes to it."""
        if threading.get_ident() != self._thread and self._thread:
            self._cancelled.append(token)
            return
        for waiter in list(self._waiters):
            if waiter.token is token:
                self._nudge(waiter)

    def _nudge_cancelled(self) -> None:
        while self._cancelled:
            self.cancel(self._cancelled.popleft())

    def _nudge(self, waiter: _Waiter) -> None:
        if waiter.done:
            return
        if waiter.shielded:
            waiter.deadline_s = min(waiter.deadline_s, self._now + self.grace_s)
        else:
            waiter.error = Cancelled()
            give_up(waiter)
            self._make_runnable(waiter.fiber)

    # --- turns --------------------------------------------------------------------------------------------------------

    @property
    def fiber(self) -> Fiber:
        """The fiber that runs."""
        return self._fiber

    def operator_begins(self) -> None:
        """An operator costs time; who has run for long lets others wake."""
        self._operators += 1
        self._now += OPERATOR_S
        self._until_others -= 1
        if self._cancelled:
            self._nudge_cancelled()
        if self._until_others <= 0:
            self._until_others = SLICE_OPERATORS
            if self._operators > self._max_operators:
                msg = f"the simulation executed more than max_operators={self._max_operators} operators"
                raise RunError(msg)
            self._wake_due()
            if self._runnable or self._at_turn:
                following = self._next()  # not this one, which has had its share
                self._runnable.append(self._fiber)
                self._switch_to(following)

    def take_turn(self) -> None:
        """Let the chooser say who goes on; returns when it is the turn of the fiber that calls this."""
        if self._fibers_alone():
            return
        self._at_turn.append(self._fiber)
        self._switch_to(self._next())

    def _fibers_alone(self) -> bool:
        return not self._runnable and not self._at_turn and not any(w.deadline_s <= self._now for w in self._waiters)

    def sleep(self, seconds: float, token: CancelToken) -> None:
        """Let virtual time pass."""
        pause = Shared("a delay")
        self.wait(Reason(pause), lambda: NOT_YET, token, seconds)

    def granted(self, waiter: _Waiter) -> None:
        """Somebody has made the attempt of a waiter, whose fiber goes on now."""
        self._synchronise(waiter.fiber, waiter.reason.subject)
        self._make_runnable(waiter.fiber)

    def _make_runnable(self, fiber: Fiber) -> None:
        if fiber not in self._runnable:
            self._runnable.append(fiber)

    def _synchronise(self, fiber: Fiber, subject: Shared) -> None:
        """What was done to a shared object happens in an order: later ones know of all that came before."""
        known = self._clocks.get(subject)
        if known is not None:
            clock = fiber.clock
            for number, epoch in known.items():
                if clock.get(number, 0) < epoch:
                    clock[number] = epoch
        self._clocks[subject] = dict(fiber.clock)

    # --- who is next --------------------------------------------------------------------------------------------------

    def _fibers(self) -> Switcher:
        if self._switcher is None:
            self._switcher = switcher()
            self._thread = threading.get_ident()
            self._fiber.handle = self._switcher.current()
        return self._switcher

    def begin(self) -> None:
        """The run begins, on the thread that calls this."""
        self._fibers()

    def close(self) -> None:
        """The run is over."""
        if self._switcher is not None:
            self._switcher.close()
        self._clocks.clear()

    def _switch_to(self, fiber: Fiber) -> None:
        if fiber is not self._fiber:
            self._fiber = fiber
            self._fibers().switch(fiber.handle)

    def _next(self) -> Fiber:
        """The fiber that goes on, taken from where it stood."""
        while True:
            self._nudge_cancelled()
            self._wake_due()
            if self._runnable:
                return self._runnable.popleft()
            if self._at_turn:
                return self._chosen()
            deadline = min((waiter.deadline_s for waiter in self._waiters), default=math.inf)
            if deadline == math.inf:
                self._end_dead()
            else:
                self._now = max(self._now, deadline)

    def _chosen(self) -> Fiber:
        at_turn, last = self._at_turn, self._fiber
        at_turn.sort(key=lambda fiber: (fiber is not last, fiber.number))
        if len(at_turn) == 1:
            return at_turn.pop()
        return at_turn.pop(self.chooser.choose(len(at_turn), preempts=at_turn[0] is last))

    def _wake_due(self) -> None:
        for waiter in list(self._waiters):
            if waiter.deadline_s <= self._now and not waiter.done:
                self._make_runnable(waiter.fiber)

    def _end_dead(self) -> None:
        """All wait for objects that could be used from outside; in a simulation nothing comes from there."""
        for waiter in list(self._waiters):
            if waiter.strand is not None and not waiter.token.cancelled:
                waiter.strand.shared.nothing_comes()
                return
        msg = "the simulation cannot go on, and no strand of it waits"
        raise RunError(msg)
