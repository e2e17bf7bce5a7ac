"""Parking: callers whose attempt could not be made yet, in line on the object that they wait for.

Whoever changes a shared object makes the attempts of those that are parked on it, first come first served, before it
lets go of the object's lock: nobody is woken in vain and no wake-up is lost. How a caller sleeps is its driver's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any

from taskplan.cancel import CancelToken
from taskplan.engine.strand import Strand
from taskplan.operators.waiting import NOT_YET, Attempt, Reason, Shared

if TYPE_CHECKING:
    from taskplan.engine.instance import Instance


class Waiter(ABC):
    """One parked caller. `done` changes only under the subject's lock.

    Args:
        reason: what it waits for.
        attempt: what to make for it.
        token: whose cancellation ends the wait.
        shielded: cancellation does not end the wait at once.
        since_s: when it began to wait, by its driver's clock.
        timeout_s: how long it waits at most.
        by: the operator that waits, if one does.
        strand: who waits, as far as that is a strand of a run.
    """

    __slots__ = (
        "attempt",
        "by",
        "done",
        "error",
        "reason",
        "result",
        "shielded",
        "since_s",
        "strand",
        "timeout_s",
        "token",
    )

    def __init__(
        self,
        reason: Reason,
        attempt: Attempt,
        token: CancelToken,
        shielded: bool,
        since_s: float,
        timeout_s: float,
        by: Instance | None,
        strand: Strand | None,
    ) -> None:
        self.reason = reason
        self.attempt = attempt
        self.token = token
        self.shielded = shielded
        self.since_s = since_s
        self.timeout_s = timeout_s
        self.by = by
        self.strand = strand
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    @abstractmethod
    def wake(self) -> None:
        """Let the caller look again. Called under the subject's lock."""


def park(waiter: Waiter) -> None:
    """Put a waiter in line. Called under the subject's lock."""
    waiter.reason.subject.parked.setdefault(type(waiter.reason), deque()).append(waiter)
    strand = waiter.strand
    if strand is not None:
        strand.waiter = waiter
        strand.shared.strands.parked.add(strand)


def unpark(waiter: Waiter) -> None:
    """Take a waiter off its subject. Called under the subject's lock."""
    waiter.done = True
    kind = type(waiter.reason)
    line = waiter.reason.subject.parked[kind]
    line.remove(waiter)
    if not line:
        del waiter.reason.subject.parked[kind]
    strand = waiter.strand
    if strand is not None:
        strand.shared.strands.parked.discard(strand)
        strand.waiter = None


def result_of(waiter: Waiter, now_s: float) -> Any:
    """What a waiter got whose attempt was made, or what that raised. Called under the subject's lock."""
    if waiter.error is not None:
        raise waiter.error
    waiter.reason.subject.waited(type(waiter.reason), waiter.result, now_s - waiter.since_s)
    return waiter.result


def give_up(waiter: Waiter) -> None:
    """Take a waiter off its subject before it got what it wants; those behind it may want less."""
    if not waiter.done:
        unpark(waiter)
        advance(waiter.reason.subject)


def advance(subject: Shared) -> None:
    """Make the attempts of the parked until none can go on. Called under the subject's lock."""
    progress = True
    while progress:
        progress = False
        for kind, line in list(subject.parked.items()):
            if kind.in_any_order:
                for waiter in list(line):
                    progress |= _grant(waiter)
            while line and _grant(line[0]):
                progress = True


def _grant(waiter: Waiter) -> bool:
    """Make a waiter's attempt; whether it has come to an end by that, and been woken."""
    try:
        waiter.result = waiter.attempt()
    except BaseException as error:  # the waiter's own error: it is raised where the wait was asked for
        waiter.error = error
    if waiter.error is None and waiter.result is NOT_YET:
        return False
    unpark(waiter)
    waiter.wake()
    return True
