"""Runs of the soak on threads: each fails, or is cancelled from another thread, at a random moment, and ends soon."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.soak.draws import Draws, Mistake
from tests.soak.functions import SoakError
from tests.soak.plans import Plan
from tests.soak.simulating import check_threads
from tests.soak.tally import Tally, WrongError

import taskplan as tp

LIMIT_S = 50.0
"""In which a run that is at its end ends: for hangs only."""

LATEST_CANCEL_S = 0.01

FAILURES = (Mistake.RAISES, Mistake.RAISES, Mistake.RAISES, Mistake.RAISES, Mistake.NEVER_CLOSED, Mistake.CLOSED_EARLY)


def soak_threads(numbers: Iterator[int], tally: Tally) -> None:
    """Run programs on threads.

    Args:
        numbers: of the runs; each has a program of its own.
        tally: counts what came of it, and says when to end.

    Raises:
        WrongError: something is not as it must be.
    """
    while not tally.is_over():
        number = next(numbers, None)
        if number is None:
            return
        tally.begins(number)
        draws = Draws(f"threads {number}")
        with tp.fresh_names():
            if draws.chance(0.5):
                plan = Plan(number, FAILURES)
                what = _fail(plan, tally)
            else:
                plan = Plan(number, (None,), endless=draws.chance(0.7))
                what = _cancel(plan, draws.uniform(0.0, LATEST_CANCEL_S), tally)
        check_threads()
        tally.program(frozenset(plan.features))
        tally.ended(what)


def _fail(plan: Plan, tally: Tally) -> str:
    """Run a program that has a mistake."""
    with tp.LocalSession(tp.Workspace()) as session:
        error = _end(session.start(plan.group))
        ended_s = time.perf_counter()
        _check_nobody_left(session)
    if plan.mistake is None or type(error) is not plan.mistake.value:
        msg = f"a program with {plan.mistake} ended with {error!r}"
        raise WrongError(msg) from error
    if isinstance(error, SoakError):
        tally.delays_ms.append((ended_s - error.at_s) * 1e3)
    return type(error).__name__


def _cancel(plan: Plan, after_s: float, tally: Tally) -> str:
    """Run a program, and cancel it after a while, from the thread that started it."""
    with tp.LocalSession(tp.Workspace()) as session:
        run = session.start(plan.group)
        run.wait(timeout_s=after_s)
        cancelled_s = time.perf_counter()
        cancelled = run.cancel()
        error = _end(run)
        ended_s = time.perf_counter()
        _check_nobody_left(session)
        outputs = {} if error else {name: value.item() for name, value in session.outputs(plan.group).items()}
    if error is None and outputs == plan.expected:
        return "right"
    if not cancelled or type(error) is not tp.RunCancelledError:
        msg = f"a program that {'was' if cancelled else 'was not'} cancelled ended with {error or outputs!r}"
        raise WrongError(f"{msg}; right is {plan.expected}") from error
    tally.delays_ms.append((ended_s - cancelled_s) * 1e3)
    return type(error).__name__


def _end(run: tp.StartedRun) -> BaseException | None:
    """Wait for the end of a run; the error that it ended with."""
    try:
        ended = run.wait(timeout_s=LIMIT_S)
    except Exception as error:
        return error
    if not ended:
        msg = f"the run does not end:\n{run.why()}"
        raise WrongError(msg)
    return None


def _check_nobody_left(session: tp.LocalSession) -> None:
    if session.abandoned():
        msg = f"functions were abandoned: {session.abandoned()}"
        raise WrongError(msg)
