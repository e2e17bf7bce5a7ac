"""Running prepared plans from beginning to end: one run, one outcome."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # typeshed does not have it
import _thread
import math
import signal
import threading
from collections.abc import Callable, Sequence
from contextvars import Token
from functools import partial
from types import FrameType, TracebackType

import numpy as np

from taskplan.engine.attempted import Attempted, Placed
from taskplan.engine.failures import Failed
from taskplan.engine.groups import Group, join_or_abandon, member, start, with_time_limit
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.run import Run
from taskplan.engine.script import bind_and_perform
from taskplan.engine.strand import CURRENT, Role, Strand
from taskplan.errors import Cancelled
from taskplan.plan.names import CHANNEL

SIGINT = int(signal.SIGINT)

FIRST_STRAND = "the run"
"""What the first strand of a run is called, where it stands in no step."""


def execute(placed: Sequence[Placed], shared: Attempted, *, timeout_s: float = math.inf, beside: bool = False) -> None:
    """Run plans, each on its node, at once; return when all have ended and nothing of them runs any more.

    A single plan runs on the caller's thread, unless it is to run `beside` the caller, who then can leave it behind.

    Raises:
        the first failure itself, with notes that say where it happened and what else failed.
    """
    conduct(
        partial(_run_all, placed, shared, beside=beside),
        placed[0].plan,
        placed,
        shared,
        timeout_s=timeout_s,
        beside=beside,
    )


def conduct(
    action: Callable[[], None],
    plan: PreparedPlan,
    placed: Sequence[Placed],
    shared: Attempted,
    *,
    timeout_s: float = math.inf,
    beside: bool = False,
) -> None:
    """Perform `action`, which is all of a run, from its first strand; then raise the first failure, if there was one.

    Args:
        action: returns when all that it started has ended.
        plan: one that it runs, for messages.
        placed: the plans that it runs here.
        shared: the run.
        timeout_s: how long it may take.
        beside: the first strand runs no plan itself.
    """
    with np.errstate(all="ignore"), interruptible(shared):
        before = begin_first_strand(placed, shared, beside=beside)
        try:
            if timeout_s == math.inf:
                action()
            else:
                with_time_limit(action, Run(shared, plan), timeout_s, "the run")
        except Cancelled:
            pass
        except Failed as failure:
            shared.fail(failure)
        except BaseException as error:  # of a signal's handler, or of ours
            shared.settle(error)
        if shared.last_reports:
            _last_reports(shared)
        end_first_strand(before, shared)
    shared.outcome.raise_first()


def begin_first_strand(placed: Sequence[Placed], shared: Attempted, *, beside: bool = False) -> Token[Strand | None]:
    """The caller is the first strand of the run from now on, and the workspaces know that they are in use."""
    strand = Strand(shared, FIRST_STRAND)
    strand.thread = threading.get_ident()
    if len(placed) == 1 and not beside:
        strand.does(placed[0].plan, placed[0].plan.plan.steps, placed[0].space)
    identity = shared.identity
    shared.strands.alive.add(strand)
    shared.placed = placed
    for each in placed:
        each.space.runs.add(identity)
    return CURRENT.set(strand)


def end_first_strand(before: Token[Strand | None], shared: Attempted) -> None:
    """The run is over."""
    CURRENT.reset(before)
    identity = shared.identity
    for each in shared.placed:
        each.space.runs.discard(identity)
    shared.let_go()


def _run_all(placed: Sequence[Placed], shared: Attempted, *, beside: bool) -> None:
    if len(placed) == 1 and not beside:
        _run_one(placed[0], shared, alone=True)
        return
    turns = shared.driver.turns
    if turns is not None:
        for each in placed:  # what nodes have in common is channels
            turns.contend(each.space, [name for name in each.space.names() if name.startswith(CHANNEL)])
    group = Group("the run", [f"node {each.node!r}" for each in placed])
    run = Run(shared, placed[0].plan)
    jobs = []
    for number, each in enumerate(placed):
        strand = Strand(shared, f"node {each.node!r}", Role.WORK, group, CURRENT.get())
        strand.does(each.plan, each.plan.plan.steps, each.space)
        jobs.append((partial(member, group, number, run, partial(_run_one, each, shared)), strand, False))
    start(group, jobs, shared)
    join_or_abandon(group, run)


def _run_one(placed: Placed, shared: Attempted, *, alone: bool = False) -> None:
    run = Run(shared, placed.plan, node=placed.node)
    if alone and all(placed.plan.facts(step).sequential for step in placed.plan.plan.steps):
        run.confined.add(placed.space)
    try:
        with shared.within(placed.space):
            for step in placed.plan.plan.steps:
                bind_and_perform(step, placed.space, run)
                if run.token.cancelled:
                    raise Cancelled
    except Failed as failure:
        failure.on_node(placed.node)
        raise
    finally:
        run.close()


def _last_reports(shared: Attempted) -> None:
    """After a failure, reporters run once more when everything else is over."""
    for report in shared.last_reports:
        try:
            report()
        except Failed as failure:
            shared.fail(failure)
        except Cancelled:
            pass
        except BaseException as error:  # of a signal's handler
            shared.fail(Failed(error))


class interruptible:  # noqa: N801 - reads as a context manager, and is a class since a generator costs a microsecond more
    """Let Ctrl-C end the run instead of whatever bytecode it meets; the old handler comes back afterwards.

    Only on the main thread, and only if the program has not set a handler of its own.
    """

    __slots__ = ("_installed", "_interrupted", "_pending", "_shared")

    def __init__(self, shared: Attempted) -> None:
        self._shared = shared
        self._installed = False
        self._interrupted = False
        self._pending = False

    def __enter__(self) -> None:
        # The functions of `_signal` are those of `signal` without turning numbers into enums, which takes longer than a
        # small run.
        if (
            threading.get_ident() == threading.main_thread().ident
            and _signal.getsignal(SIGINT) is signal.default_int_handler
        ):
            _signal.signal(SIGINT, self._handle)
            self._installed = True

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            _signal.signal(SIGINT, signal.default_int_handler)
        if self._pending:
            # The run may have ended before the other thread came to it; Ctrl-C must not be lost all the same.
            self._shared.interrupt(again=False)

    def _handle(self, _signal_number: int, _frame: FrameType | None) -> None:
        again, self._interrupted = self._interrupted, True
        self._shared.skip_closing = again
        in_user_code = self._shared.main_thread in self._shared.user_threads
        self._pending |= not in_user_code
        if again or not in_user_code:
            # The main thread may hold any of the run's locks right now, so another thread does the rest.
            _thread.start_new_thread(partial(self._shared.interrupt, again=again), ())
        if in_user_code:
            raise KeyboardInterrupt
