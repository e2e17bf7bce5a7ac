"""Fibers: lines of execution of which one runs at a time, and which say themselves who runs next.

With greenlets a switch takes less than a microsecond. Without them threads pass a baton, which means the same and takes
twenty times as long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol


class Switcher(Protocol):
    """Makes fibers and switches between them. A fiber is known by a handle of the switcher's."""

    def current(self) -> Any:
        """The handle of the fiber that runs."""

    def make(self, job: Callable[[], Any]) -> Any:
        """A fiber that has not begun. `job` does its work and returns the handle of the fiber that goes on then."""

    def switch(self, handle: Any) -> None:
        """Go on with another fiber; returns when somebody goes on with this one."""

    def close(self) -> None:
        """All fibers have ended, but the one that made the switcher."""


def switcher() -> Switcher:
    """Greenlets if they are installed (`pip install taskplan[sim]`), else threads."""
    try:
        import greenlet
    except ImportError:
        return ThreadSwitcher()
    return GreenletSwitcher(greenlet)


class GreenletSwitcher:
    """Fibers as greenlets of the thread that makes this.

    A greenlet begins as deep in calls as whoever switches to it first stands, so one that begins others, and whose
    greenlet in turn does, would run into Python's limit. So all are begun by one that stands where this is made.

    Args:
        module: the package `greenlet`.
    """

    def __init__(self, module: Any) -> None:
        self._greenlet = module.greenlet
        self.current: Callable[[], Any] = module.getcurrent
        self._first = module.getcurrent()
        self._starter = module.greenlet(self._start, self._first)

    def make(self, job: Callable[[], Any]) -> Any:
        """A fiber that has not begun."""

        def body() -> Any:
            following = job()
            # Whoever is the parent of one that ends goes on, and gets what that returns.
            self.current().parent = following if following else self._starter
            return following

        return self._greenlet(body, self._first)

    def switch(self, handle: Any) -> None:
        """Go on with another fiber."""
        if handle:
            handle.switch()
        else:  # it has not begun
            self._starter.switch(handle)

    def _start(self, handle: Any) -> None:
        while True:
            handle = handle.switch()

    def close(self) -> None:
        """All fibers have ended."""
        if self._starter:
            self._starter.throw()


class _Baton:
    """A thread that runs only while it has been told to."""

    def __init__(self, job: Callable[[], Any] | None) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()
        self.job = job


class ThreadSwitcher:
    """Fibers as threads that pass a baton."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._here.baton = _Baton(None)
        self._threads: list[threading.Thread] = []

    def current(self) -> _Baton:
        """The handle of the fiber that runs."""
        baton: _Baton = self._here.baton
        return baton

    def make(self, job: Callable[[], Any]) -> _Baton:
        """A fiber that has not begun."""
        return _Baton(job)

    def switch(self, handle: _Baton) -> None:
        """Go on with another fiber."""
        mine = self.current()
        self._resume(handle)
        mine.lock.acquire()

    def _resume(self, baton: _Baton) -> None:
        if baton.job is None:
            baton.lock.release()
            return
        job, baton.job = baton.job, None

        def body() -> None:
            self._here.baton = baton
            self._resume(job())

        thread = threading.Thread(target=body, name=f"taskplan-fiber-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Wait for the threads, all of which have handed on the baton for the last time."""
        for thread in self._threads:
            thread.join()
