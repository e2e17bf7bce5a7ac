"""What the operators on queues share: waiting, and the faults that they all find."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from taskplan.errors import ArgumentError, QueueClosedError, ReportedError
from taskplan.operators.operands import refuse
from taskplan.operators.queue_objects import BoundedQueue
from taskplan.operators.registry import BLOCKS
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import TIMED_OUT, Attempt, Changes, Closes, Puts, Reason, Takes

PUTS = (Puts("queue"), BLOCKS)
TAKES = (Takes("queue"), BLOCKS)
CLOSES = (Closes("queue"),)


def check_timeout(*, timeout_secs: float, **_others: object) -> None:
    """Raises: ArgumentError: the time is negative."""
    if not timeout_secs >= 0:
        msg = f"a queue cannot be waited for during timeout_secs={timeout_secs}; give seconds, or 0 for no limit"
        raise ArgumentError(msg, argument="timeout_secs")


def answer(operator: str, run: OpRun, reason: Reason, attempt: Attempt, timeout_secs: float) -> Any:
    """What the attempt answers in the end.

    Raises:
        ReportedError: it could not go on for `timeout_secs` (0: no limit).
    """
    found = run.wait(reason, attempt, timeout_secs or math.inf)
    if found is TIMED_OUT:
        msg = f"{operator}: gave up after {timeout_secs:g} s of waiting for {reason.subject.describe()}"
        raise ReportedError(msg, operator=operator)
    return found


def answer_of_many(
    operator: str, run: OpRun, queue: BoundedQueue, count: int, attempt: Attempt, timeout_secs: float
) -> Any:
    """As `_answer` for an attempt that takes `count` at once, which may be more than the queue's capacity."""
    if count <= queue.capacity:
        return answer(operator, run, Takes(queue), attempt, timeout_secs)
    run.wait(Changes(queue), partial(queue.expect, count))
    try:
        return answer(operator, run, Takes(queue), attempt, timeout_secs)
    finally:
        run.wait(Changes(queue), partial(queue.settle, count))


def require_columns(operator: str, queue: BoundedQueue, count: int) -> None:
    """Raises: OperatorError: the queue carries another number of blobs."""
    if count != queue.columns:
        raise refuse(operator, f"queue {queue.name!r} carries {queue.columns} blobs at a time, got {count}")


def require_kind(queue: BoundedQueue, kind: type[BoundedQueue]) -> None:
    """Both kinds of queue can be closed, each by an operator of its own.

    Raises:
        TypeError: it is of another kind; the engine says which blob that was.
    """
    if not isinstance(queue, kind):
        msg = f"expected a {kind.__name__}, got {queue!r}"
        raise TypeError(msg)


def ended(operator: str, queue: BoundedQueue) -> BaseException:
    """The error of a read that found the end, or of a write that was refused."""
    if queue.cause is not None:
        return queue.cause
    state = "was closed because the run that used it failed" if queue.failed else "is closed"
    left = "" if queue.failed or not queue.fill else f", {queue.fill} in it are left for readers"
    return QueueClosedError(f"{operator}: queue {queue.name!r} {state}{left}", operator=operator, queue=queue.name)
