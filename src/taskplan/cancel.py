"""The cancel token: one a run, taken by whatever waits and looked at before every operator.

A token is cancelled once, and then calls back whoever wakes those that wait under it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from taskplan.errors import Cancelled


class CancelToken:
    """Says whether a run is ending. `cancelled` is a plain attribute so that looking costs nanoseconds.

    Example::

        token = CancelToken(wake_everyone)
        token.cancel()         # calls wake_everyone(token)
        token.check()          # raises Cancelled

    Args:
        on_cancel: called once, with the token, on the thread that cancels it.
    """

    __slots__ = ("_lock", "_on_cancel", "cancelled")

    def __init__(self, on_cancel: Callable[[CancelToken], None]) -> None:
        self.cancelled = False
        self._on_cancel = on_cancel
        self._lock = threading.Lock()

    def cancel(self) -> bool:
        """Cancel; returns False if that had happened before."""
        with self._lock:
            if self.cancelled:
                return False
            self.cancelled = True
        self._on_cancel(self)
        return True

    def check(self) -> None:
        """Raise `Cancelled` if the token is cancelled."""
        if self.cancelled:
            raise Cancelled
