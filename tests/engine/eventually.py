"""Waiting in tests for what another thread does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

HANGS_AFTER_S = 30.0


def eventually(condition: Callable[[], object]) -> None:
    """Return once the condition holds."""
    deadline = time.monotonic() + HANGS_AFTER_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        pause.wait(0.001)
