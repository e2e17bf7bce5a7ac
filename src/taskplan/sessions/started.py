"""A run that goes on beside its caller: `session.start(program)`."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

from taskplan.engine.attempted import Attempted
from taskplan.engine.failures import Failed
from taskplan.engine.why import Why
from taskplan.errors import RunCancelledError


class StartedRun:
    """A run that goes on beside whoever started it.

    Example::

        run = session.start(program)
        if not run.wait(timeout_s=60):
            print(run.why())
            run.cancel()
        print(run.outputs)

    Args:
        attempt: the run; its token ends it.
        outputs: gives the values of the program's outputs.
    """

    def __init__(self, attempt: Attempted, outputs: Callable[[], dict[str, Any]]) -> None:
        self._attempt = attempt
        self._outputs = outputs
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._cancelled = ""

    def follow(self, attempt: Attempted, again: Attempted) -> None:
        """If this run is `attempt`, it goes on as another one."""
        if self._attempt is attempt:
            self._attempt = again
            if self._cancelled:
                self.cancel(self._cancelled)

    def perform(self, action: Callable[[], None]) -> None:
        """Do what there is to do, on the thread of the run; keep how it ends."""
        try:
            action()
        except BaseException as error:  # raised again by `wait`
            self._error = error
        finally:
            self._ended.set()

    @property
    def ended(self) -> bool:
        """Whether the run is over, well or not."""
        return self._ended.is_set()

    def wait(self, timeout_s: float = math.inf) -> bool:
        """Wait for the end of the run.

        Args:
            timeout_s: how long, in seconds.

        Returns:
            Whether it has ended; false means that the time was up first, and the run goes on.

        Raises:
            RunCancelledError: it was cancelled.
            the first failure of the run itself, each time that it is waited for.
        """
        ended = self._ended.wait(None if timeout_s == math.inf else max(0.0, timeout_s))
        if ended and self._error is not None:
            raise self._error
        return ended

    def settle(self, timeout_s: float) -> None:
        """Wait for the end, well or not, but not for longer than that."""
        self._ended.wait(timeout_s)

    def cancel(self, reason: str = "run.cancel() was called") -> bool:
        """End the run, as a failure would: closing blocks run, queues are closed as failed. Does not wait.

        Args:
            reason: is part of the error that `wait` raises.

        Returns:
            Whether the run was still going on.
        """
        if self._ended.is_set():
            return False
        self._cancelled = reason
        self._attempt.fail(Failed(RunCancelledError(f"the run was cancelled: {reason}")))
        return True

    @property
    def outputs(self) -> dict[str, Any]:
        """The values of all outputs, by blob name, when the run has ended; waits for that.

        Raises:
            the failure of the run, as `wait` does.
        """
        self.wait()
        return self._outputs()

    def why(self) -> Why:
        """What the steps of the run wait for now, and which functions of yours run."""
        return self._attempt.why()
