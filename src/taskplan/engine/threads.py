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
from typing import Any

import numpy as np

from taskplan.cancel import CancelToken
from taskplan.errors import Cancelled
from taskplan.operators.waiting import NOT_YET, TIMED_OUT, Attempt, Reason, Shared

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
            if self._brief_threads >= (os.cpu_count() or 1):
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
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            everyone = list(self._all)
        for worker in idle:
            worker.give(None)
        deadline = time.monotonic() + timeout_s
        for worker in everyone:
            if worker.thread is not threading.current_thread():
                worker.thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            self._all -= {worker for worker in everyone if not worker.thread.is_alive()}

    def idle(self) -> int:
        """How many threads wait for a job."""
        with self._lock:
            return len(self._idle)

    def alive(self) -> int:
        """How many threads exist now."""
        with self._lock:
            return len(self._all)


class _Waiter:
    """One parked caller. `done` changes only under the subject's lock."""

    __slots__ = ("attempt", "done", "error", "lock", "reason", "result", "shielded", "token")

    def __init__(self, reason: Reason, attempt: Attempt, token: CancelToken, shielded: bool) -> None:
        self.reason = reason
        self.attempt = attempt
        self.token = token
        self.shielded = shielded
        self.lock = threading.Lock()
        self.lock.acquire()
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def wake(self) -> None:
        """Let the caller look again. Called under the subject's lock."""
        if self.lock.locked():
            self.lock.release()


class ThreadDriver:
    """Carries out what the policy of steps asks for, on real threads and in real time.

    Whoever changes a shared object makes the attempts of those that are parked on it, first come first served, before
    it lets go of the object's lock: nobody is woken in vain and no wake-up is lost.
    """

    def __init__(self, pool: ThreadPool, *, grace_s: float = 10.0) -> None:
        self._pool = pool
        self._parked: set[_Waiter] = set()
        self.grace_s = grace_s

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
        *,
        shielded: bool = False,
    ) -> Any:
        """Make the attempt until it answers.

        Args:
            reason: what is waited for; its subject is the shared object.
            attempt: called under the subject's lock; answers at once.
            token: whose cancellation ends the wait.
            timeout_s: then `TIMED_OUT` is returned.
            shielded: cancellation does not end the wait at once, but `grace_s` later, as a time-out.

        Raises:
            Cancelled: the token was cancelled.
        """
        subject: Shared = reason.subject
        waiter: _Waiter | None = None
        try:
            with subject.lock:
                if type(reason) not in subject.parked:
                    result = attempt()
                    if result is not NOT_YET:
                        if subject.parked:
                            _advance(subject)
                        return result
                if timeout_s <= 0:
                    return TIMED_OUT
                waiter = _Waiter(reason, attempt, token, shielded)
                subject.parked.setdefault(type(reason), deque()).append(waiter)
            self._parked.add(waiter)
            return self._parked_wait(waiter, timeout_s)
        finally:
            if waiter is not None:
                self._parked.discard(waiter)
                if not waiter.done:  # a signal's handler has raised on this thread
                    with subject.lock:
                        _give_up(waiter)

    def _parked_wait(self, waiter: _Waiter, timeout_s: float) -> Any:
        deadline = self.now() + timeout_s
        # Python runs signal handlers on the main thread alone, and a signal that another thread receives does not end
        # its wait.
        longest = SIGNALS_S if threading.get_ident() == threading.main_thread().ident else threading.TIMEOUT_MAX
        if waiter.token.cancelled:  # cancelled between the caller's last check and parking: nobody will call nudge()
            self._nudge(waiter)
        while True:
            left = max(0.0, deadline - self.now())
            woken = waiter.lock.acquire(timeout=min(left, longest))
            if not woken and left > longest:
                continue
            with waiter.reason.subject.lock:
                if waiter.done:
                    break
                if not woken:
                    _give_up(waiter)
                    return TIMED_OUT
            deadline = min(deadline, self.now() + self.grace_s)
        if waiter.error is not None:
            raise waiter.error
        return waiter.result

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
                _give_up(waiter)
            waiter.wake()


def _unpark(waiter: _Waiter) -> None:
    """Take a waiter off its subject. Called under the subject's lock."""
    waiter.done = True
    kind = type(waiter.reason)
    line = waiter.reason.subject.parked[kind]
    line.remove(waiter)
    if not line:
        del waiter.reason.subject.parked[kind]


def _give_up(waiter: _Waiter) -> None:
    """Take a waiter off its subject before it got what it wants; those behind it may want less."""
    if not waiter.done:
        _unpark(waiter)
        _advance(waiter.reason.subject)


def _advance(subject: Shared) -> None:
    """Make the attempts of the parked until none can go on. Called under the subject's lock."""
    progress = True
    while progress:
        progress = False
        for line in list(subject.parked.values()):
            while line and _try(line[0]):
                _unpark(line[0])
                progress = True


def _try(waiter: _Waiter) -> bool:
    try:
        waiter.result = waiter.attempt()
    except BaseException as error:  # the waiter's own error: it is raised where the wait was asked for
        waiter.error = error
    if waiter.error is None and waiter.result is NOT_YET:
        return False
    waiter.wake()
    return True
