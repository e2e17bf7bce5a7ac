"""Ends the process if a run hangs, and says which one that was."""

from __future__ import annotations

import faulthandler
import sys
import threading
import time
from collections.abc import Callable

LIMIT_S = 60
"""How long a run may take that takes no time."""

EARLIER_S = 5
"""So long before that the command is printed."""


class Guard:
    """Watches one run after the other.

    Args:
        command: what reproduces the run of a number.
        limit_s: how long a run may take.
    """

    def __init__(self, command: Callable[[int], str], limit_s: int = LIMIT_S) -> None:
        self._command = command
        self._limit_s = limit_s
        self._number = 0
        self._since_s = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="soak-guard", daemon=True)

    def begins(self, number: int) -> None:
        """The run of that number begins."""
        self._number, self._since_s = number, time.monotonic()
        faulthandler.dump_traceback_later(self._limit_s, exit=True)

    def _watch(self) -> None:
        while not self._over.wait(EARLIER_S / 2):
            if time.monotonic() - self._since_s > self._limit_s - EARLIER_S:
                print(f"a run hangs: {self._command(self._number)}", file=sys.stderr, flush=True)
                return

    def __enter__(self) -> Guard:
        self._thread.start()
        return self

    def __exit__(self, *_args: object) -> None:
        faulthandler.cancel_dump_traceback_later()
        self._over.set()
        self._thread.join()
