"""The cancel token: one a run, taken by whatever waits and looked at before every operator.

A token is cancelled once, with the failure that ended the run, and calls back whoever registered to be woken.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from taskplan.errors import Cancelled


class CancelToken:
    """Says whether a run is ending. `cancelled` is a plain attribute so that looking costs nanoseconds.

    Example::

        token = CancelToken()
        token.on_cancel(wake_everyone)
        token.cancel()
        token.check()          # raises Cancelled
    """

    __slots__ = ("_callbacks", "_lock", "cancelled")

    def __init__(self) -> None:
        self.cancelled = False
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def cancel(self) -> bool:
        """Cancel; returns False if that had happened before. Callbacks run on the calling thread."""
        with self._lock:
            if self.cancelled:
                return False
            self.cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
        return True

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the token is cancelled, at once if it already is."""
        with self._lock:
            if not self.cancelled:
                self._callbacks.append(callback)
                return
        callback()

    def check(self) -> None:
        """Raise `Cancelled` if the token is cancelled."""
        if self.cancelled:
            raise Cancelled
