"""The driver of real threads: a pool, and waiting by parking one lock a waiter.

A *brief* job must end by itself (its effects show no waiting, no user code, no open loop): those share `os.cpu_count()`
threads. Any other job has a thread of its own while it runs. Idle threads end after a moment and are joined by
`close()`.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from taskplan.cancel import CancelToken
from taskplan.engine.parking import Waiter, advance, give_up, park, result_of
from taskplan.engine.strand import CURRENT
from taskplan.errors import Cancelled
from taskplan.operators.waiting import NOT_YET, TIMED_OUT, Attempt, Reason, Shared

if TYPE_CHECKING:
    from taskplan.engine.instance import Instance
    from taskplan.engine.turns import Turns

IDLE_S = 2.0

SIGNALS_S = 0.05
"""How long a signal may wait for its handler while the main thread is parked."""

Job = Callable[[], None]


class _Worker:
    """One thread that runs jobs until it has been idle for a while."""

    def __init__(self, pool: ThreadPool, first: Job, number: int) -> None:
        self._pool = pool
        self._job: Job | None = first
        self._wake = threading.Lock()
        self._wake.acquire()
        # Daemon, so that a user function that never returns cannot keep the interpreter alive; close() joins the
        # others.
        self.thread = threading.Thread(target=self._main, name=f"taskplan-{number}", daemon=True)
        self.thread.start()

    def give(self, job: Job | None) -> None:
        """Hand over a job; None asks the thread to end. Only for a worker that was taken from the idle list."""
        self._job = job
        self._wake.release()

    def _main(self) -> None:
        np.seterr(all="ignore")  # per thread; IEEE results are what operators promise, not warnings
        while self._job is not None:
            job, self._job = self._job, None
            job()
            del job
            if not self._pool.rest(self):
                return
            if not self._wake.acquire(timeout=IDLE_S):
                if self._pool.retire(self):
                    return
                self._wake.acquire()  # somebody took this worker just then: its job is on the way


class ThreadPool:
    """Threads for a session's runs; grows as needed and shrinks when idle."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._brief: deque[Job] = deque()
        self._brief_threads = 0
        self._most_brief_threads = os.cpu_count() or 1  # asked once: it looks at the system's files
        self._started = 0
        self._closed = False

    def submit(self, job: Job) -> None:
        """Run `job`, which must not raise, on a thread of its own."""
        with self._lock:
            if not self._idle:
                self._started += 1
                self._all.add(_Worker(self, job, self._started))
                return
            worker = self._idle.pop()
        worker.give(job)

    def submit_brief(self, job: Job) -> None:
        """Run `job`, which must not raise and must end by itself, on one of a few shared threads."""
        with self._lock:
            self._brief.append(job)
            if self._brief_threads >= self._most_brief_threads:
                return
            self._brief_threads += 1
        try:
            self.submit(self._drain)
        except RuntimeError:  # no more threads are to be had
            with self._lock:
                self._brief_threads -= 1
                if job not in self._brief:
                    return  # one of the others has it
                self._brief.remove(job)
            raise

    def _drain(self) -> None:
        while True:
            with self._lock:
                if not self._brief:
                    self._brief_threads -= 1
                    return
                job = self._brief.popleft()
            job()

    def rest(self, worker: _Worker) -> bool:
        """Called by a worker that has done its job: whether it may wait for another."""
        with self._lock:
            if self._closed:
                self._all.discard(worker)
                return False
            self._idle.append(worker)
            return True

    def retire(self, worker: _Worker) -> bool:
        """Called by a worker that was idle for long: whether it may end (nobody has just taken it)."""
        with self._lock:
            if worker not in self._idle:
                return False
            self._idle.remove(worker)
            self._all.discard(worker)
            return True

    def close(self, timeout_s: float = 10.0) -> None:
        """End and join all threads, except the caller's. One that is stuck is left behind after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._lock:
                self._closed = True
                idle, self._idle = self._idle, []
                self._all = {each for each in self._all if each.thread.is_alive() or each in idle}
                others = [each for each in self._all if each.thread is not threading.current_thread()]
            if not others or time.monotonic() >= deadline:
                return
            for worker in idle:
                worker.give(None)
            for worker in others:  # what they do meanwhile may have started more of them
                worker.thread.join(max(0.0, deadline - time.monotonic()))

    def idle(self) -> int:
        """How many threads wait for a job."""
        with self._lock:
            return len(self._idle)

    def alive(self) -> int:
        """How many threads exist now."""
        with self._lock:
            return len(self._all)


class _Waiter(Waiter):
    """A caller that sleeps on a lock of its own."""

    __slots__ = ("lock",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lock = threading.Lock()
        self.lock.acquire()

    def wake(self) -> None:
        """Let the caller look again. Called under the subject's lock."""
        if self.lock.locked():
            self.lock.release()


class ThreadDriver:
    """Carries out what the policy of steps asks for, on real threads and in real time.

    Args:
        pool: the threads.
        grace_s: how long what is shielded goes on after a cancellation.
        stall_warning_s: whoever waits longer than this for an object is reported, once.
    """

    turns: Turns | None = None

    def __init__(self, pool: ThreadPool, *, grace_s: float = 10.0, stall_warning_s: float = 10.0) -> None:
        self._pool = pool
        self._parked: set[_Waiter] = set()
        self.grace_s = grace_s
        self.stall_warning_s = stall_warning_s

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def wall_clock_ns(self) -> int:
        """Nanoseconds since 1970."""
        return time.time_ns()

    def spawn(self, job: Job, *, brief: bool) -> None:
        """Start `job`, which must not raise, beside the caller."""
        (self._pool.submit_brief if brief else self._pool.submit)(job)

    def wait(
        self,
        reason: Reason,
        attempt: Attempt,
        token: CancelToken,
        timeout_s: float = math.inf,
        shielded: bool = False,
        by: Instance | None = None,
    ) -> Any:
        """Make the attempt until it answers.

        Args:
            reason: what is waited for; its subject is the shared object.
            attempt: called under the subject's lock; answers at once.
            token: whose cancellation ends the wait.
            timeout_s: then `TIMED_OUT` is returned.
            shielded: cancellation does not end the wait at once, but `grace_s` later, as a time-out.
            by: the operator that waits.

        Raises:
            Cancelled: the token was cancelled.
        """
        subject: Shared = reason.subject
        parked = subject.parked
        waiter: _Waiter | None = None
        try:
            with subject.lock:
                if not parked or type(reason) not in parked or reason.in_any_order:
                    result = attempt()
                    if result is not NOT_YET:
                        if parked:
                            advance(subject)
                        return result
                if timeout_s <= 0:
                    return TIMED_OUT
                waiter = _Waiter(reason, attempt, token, shielded, time.monotonic(), timeout_s, by, CURRENT.get())
                park(waiter)
            self._parked.add(waiter)
            strand = waiter.strand
            if strand is not None and strand.shared.strands.all_parked():
                strand.shared.look_for_stall()
            return self._parked_wait(waiter)
        finally:
            if waiter is not None:
                self._parked.discard(waiter)
                if not waiter.done:  # a signal's handler has raised on this thread
                    with subject.lock:
                        give_up(waiter)

    def _parked_wait(self, waiter: _Waiter) -> Any:
        deadline = waiter.since_s + waiter.timeout_s
        warn_at = waiter.since_s + self.stall_warning_s if waiter.strand is not None else math.inf
        # Python runs signal handlers on the main thread alone, and a signal that another thread receives does not end
        # its wait.
        longest = SIGNALS_S if threading.get_ident() == threading.main_thread().ident else threading.TIMEOUT_MAX
        if waiter.token.cancelled:  # cancelled between the caller's last check and parking: nobody will call nudge()
            self._nudge(waiter)
        while True:
            left = max(0.0, min(deadline, warn_at) - time.monotonic())
            if waiter.lock.acquire(timeout=min(left, longest)):
                if waiter.done:
                    break
                deadline = min(deadline, time.monotonic() + self.grace_s)
            elif left > longest:
                continue
            elif warn_at < deadline:
                warn_at = math.inf
                waiter.strand.shared.waits_long(waiter)  # type: ignore[union-attr] # else there is no such moment
            else:
                with waiter.reason.subject.lock:
                    if waiter.done:
                        break
                    give_up(waiter)
                    return TIMED_OUT
        with waiter.reason.subject.lock:
            return result_of(waiter, time.monotonic())

    def cancel(self, token: CancelToken) -> None:
        """End the waits of a cancelled token."""
        for waiter in list(self._parked):
            if waiter.token is token:
                self._nudge(waiter)

    def _nudge(self, waiter: _Waiter) -> None:
        subject: Shared = waiter.reason.subject
        with subject.lock:
            if waiter.done:
                return
            if not waiter.shielded:
                waiter.error = Cancelled()
                give_up(waiter)
            waiter.wake()
