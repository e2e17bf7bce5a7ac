"""The end of programs that hang: stacks are logged, the process is interrupted, and at last aborted.

For a run of a plan, `session.run(..., timeout_s=...)` is the better way, since it says who waits for whom and closes
what was opened.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

ABORT_AFTER_S = 10.0
"""How long the process may take to end once it was interrupted."""

logger = logging.getLogger("taskplan")


class _Watcher:
    """A thread that ends the process unless it is cancelled within the limit."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._watched = threading.current_thread()
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._main, name="taskplan-timeout-guard", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Let the process live, and end the thread."""
        # With the lock, so that no signal is sent after this has returned.
        with self._lock:
            self._cancelled.set()
        self._thread.join()

    def _main(self) -> None:
        if self._cancelled.wait(self._limit_s):
            return
        logger.error(
            "thread %r of process %d did not end within %g s, so the process is interrupted; its threads are at\n%s",
            self._watched.name,
            os.getpid(),
            self._limit_s,
            _stacks(),
        )
        with self._lock:
            if self._cancelled.is_set():
                return
            os.kill(os.getpid(), signal.SIGINT)
        if self._cancelled.wait(ABORT_AFTER_S):
            return
        logger.error(
            "process %d did not end within %g s of its interruption, so it is aborted; its threads are at\n%s",
            os.getpid(),
            ABORT_AFTER_S,
            _stacks(),
        )
        os.abort()


def _stacks() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"thread {names.get(ident, '?')!r}\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )


@contextmanager
def CompleteInTimeOrDie(timeout_secs: float) -> Iterator[None]:
    """End the process if the block takes too long.

    At the limit the stacks of all threads are logged and the process gets a SIGINT, which raises `KeyboardInterrupt` in
    the main thread. If the block has not ended 10 s later, the process is aborted. Once the block has ended, in
    whatever way, nothing more happens.

    Args:
        timeout_secs: the limit.

    Example:
        >>> with CompleteInTimeOrDie(60.0):
        ...     done = sum(range(10))
    """
    watcher = _Watcher(timeout_secs)
    try:
        yield
    finally:
        try:
            watcher.cancel()
        except KeyboardInterrupt:
            # The interrupt came just as the block ended; the abort must not follow.
            watcher.cancel()
            raise


def EuthanizeIfNecessary(timeout_secs: float = 120) -> None:
    """End the process if it still lives after the limit: for programs that may hang when they should end.

    Args:
        timeout_secs: the limit, from now on.
    """
    _Watcher(timeout_secs)
