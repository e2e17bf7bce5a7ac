"""One run of one plan on one node: what its steps share."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeVar

import numpy as np

from taskplan.cancel import CancelToken
from taskplan.engine.cells import CellSpace
from taskplan.engine.failures import Failed, Outcome
from taskplan.engine.interpret import BoundNet
from taskplan.engine.prepare import PreparedPlan
from taskplan.errors import Cancelled, InternalError, TimedOutError, WorkspaceError
from taskplan.events import Event
from taskplan.operators.waiting import NOT_YET, Attempt, Changes, Joins, NotYet, Reason, Shared

logger = logging.getLogger("taskplan")

T = TypeVar("T")

NODE_ID = "NODE_ID"
GLOBAL_WORKSPACE_ID = "GLOBAL_WORKSPACE_ID"
MAX_CHILDREN = 1 << 16


class Driver(Protocol):
    """Carries out what the policy of steps asks for. See `taskplan.engine.threads.ThreadDriver`."""

    grace_s: float

    def now(self) -> float:
        """Seconds since a fixed moment."""

    def wall_clock_ns(self) -> int:
        """Nanoseconds since 1970."""

    def spawn(self, job: Callable[[], None], *, brief: bool) -> None:
        """Start `job`, which does not raise, beside the caller."""

    def wait(
        self, reason: Reason, attempt: Attempt, token: CancelToken, timeout_s: float = ..., *, shielded: bool = False
    ) -> Any:
        """Make the attempt until it answers, the token is cancelled, or the time is up."""

    def cancel(self, token: CancelToken) -> None:
        """End the waits of a cancelled token."""


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

    def __init__(
        self,
        driver: Driver,
        *,
        seed: int | None = None,
        observe: Callable[[Event], None] | None = None,
        within: Callable[[Any], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.driver = driver
        self.observe = observe
        self.within = within
        """Opened around each node's plan, with its workspace; all steps see what it sets in context variables."""
        self.outcome = Outcome()
        self.token = self.new_token()
        self.abandoned: list[str] = []
        self.last_reports: list[Callable[[], None]] = []
        self._closing_tokens: list[CancelToken] = []
        self._interruption = KeyboardInterrupt()
        self.skip_closing = False
        self.main_thread = threading.get_ident()
        self.user_threads: set[int] = set()
        self._seed = seed
        self._seeds: np.random.SeedSequence | None = None
        self._jobs = Jobs()
        self._lock = threading.Lock()

    def new_token(self) -> CancelToken:
        """A token whose cancellation wakes this run's waiters."""
        return CancelToken(self.driver.cancel)

    def fail(self, failure: Failed) -> None:
        """Record a failure and end the run."""
        with self._lock:
            self.outcome.record(failure)
        self.token.cancel()

    def spawn(self, job: Callable[[], None], *, brief: bool) -> None:
        """Start `job` beside the caller. It must not raise; if it does all the same, the run fails."""
        mark = object()  # not the job itself, which would hold itself then
        context = copy_context()  # settings of the caller, such as the current workspace, hold for all steps

        def guarded() -> None:
            try:
                context.run(job)
            except BaseException as error:
                bug = InternalError(f"a job of the engine raised {error!r}; please report this")
                bug.__cause__ = error
                self.fail(Failed(bug))
            finally:
                self.driver.wait(Changes(self._jobs), partial(self._jobs.running.discard, mark), self.token)

        self._jobs.running.add(mark)
        try:
            self.driver.spawn(guarded, brief=brief)
        except RuntimeError:  # no thread is to be had
            self._jobs.running.discard(mark)
            raise

    def settle(self, error: BaseException) -> Failed:
        """End the run for what a signal's handler raised, wherever that came; return when all jobs have ended.

        Jobs that ignore the end for `grace_s` are left behind.
        """
        failure = Failed(error)
        self.fail(failure)
        while True:
            try:
                self.driver.wait(Joins(self._jobs), self._jobs.all_ended, self.token, shielded=True)
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

    def expire(self, token: CancelToken, what: str, limit_s: float) -> None:
        """The time of something is up: that is a failure, and ends what runs under `token`."""
        with self._lock:
            self.outcome.record(Failed(TimedOutError(f"{what} took longer than {limit_s:g} s")))
        token.cancel()

    def next_seed(self) -> np.random.SeedSequence:
        """A seed for one operator's instance."""
        with self._lock:
            if self._seeds is None:
                self._seeds = np.random.SeedSequence(self._seed)
            return self._seeds.spawn(1)[0]


class Run:
    """One plan, on one node, under one token."""

    def __init__(self, shared: Attempted, plan: PreparedPlan, token: CancelToken | None = None) -> None:
        self.shared = shared
        self.plan = plan
        self.driver = shared.driver
        self.token = token or shared.token
        self._children = count()
        self._nets: dict[CellSpace, dict[str, BoundNet]] = {}
        self.confined: set[CellSpace] = set()
        """Workspaces whose own blobs only one thread of this run ever touches."""

    def under(self, token: CancelToken) -> Run:
        """The same run under another token: a closing phase. Nets are made anew."""
        run = Run(self.shared, self.plan, token)
        run._children = self._children
        return run

    def rearm(self, shared: Attempted) -> None:
        """Serve another run: for a net that is kept in its workspace and run again and again."""
        self.shared, self.driver, self.token = shared, shared.driver, shared.token

    def net(self, name: str, space: CellSpace) -> BoundNet:
        """The one instance of a net in a workspace; made on first use.

        Raises:
            Failed: it cannot be made.
        """
        nets = self._nets.get(space)
        if nets is None:
            nets = self._nets.setdefault(space, {})
        bound = nets.get(name)
        if bound is None:
            try:
                prepared = self.plan.net(name)
            except Exception as error:
                raise Failed(error) from None
            bound = nets[name] = BoundNet(prepared, space, self)
        return bound

    def forget(self, space: CellSpace) -> None:
        """Drop the nets of a workspace that is going, without leaving cycles for the garbage collector."""
        for net in self._nets.pop(space, {}).values():
            net.calls.clear()
        self.confined.discard(space)

    def close(self) -> None:
        """Drop all nets."""
        for space in list(self._nets):
            self.forget(space)

    def child_space(self, parent: CellSpace) -> CellSpace:
        """A fresh child workspace; with an id of its own if the node has one (`NODE_ID`)."""
        child = type(parent)(parent)
        node = parent.find(NODE_ID)
        if node is None:
            return child
        number = node.value
        if not isinstance(number, np.ndarray | np.generic) or number.dtype != np.int32 or number.size != 1:
            msg = f"{NODE_ID!r} must be one int32, got {number!r}"
            raise WorkspaceError(msg, blob=NODE_ID)
        sequence = next(self._children)
        if sequence >= MAX_CHILDREN:
            msg = f"one plan run made more than {MAX_CHILDREN} child workspaces, so {GLOBAL_WORKSPACE_ID} ran out"
            raise WorkspaceError(msg)
        child.local_cell(GLOBAL_WORKSPACE_ID).value = np.int32((int(number.reshape(-1)[0]) << 16) + sequence)
        return child

    def next_seed(self) -> np.random.SeedSequence:
        """A seed for one operator's instance."""
        return self.shared.next_seed()

    def user_call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a user's function; Ctrl-C is raised inside it if it runs on the thread that asked for the run."""
        user_threads = self.shared.user_threads
        thread = threading.get_ident()
        nested = thread in user_threads  # a function that runs nets whose functions call others
        user_threads.add(thread)
        try:
            result = function(*args)
        finally:
            if not nested:
                user_threads.discard(thread)
        if self.token.cancelled:
            raise Cancelled  # what it would write now is discarded
        return result

    def log(self, message: str) -> None:
        """Write a line to the log of taskplan."""
        logger.info(message)
