"""Small pieces from which conformance tests put their programs together."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import taskplan as tp
from taskplan import ops

TIMEOUT_S = 10
"""How long something may take that takes no time: for hangs only."""

SOON_S = 0.05
"""A time limit that is to pass."""

LONG_MS = 3_600_000
"""A reporter's interval that does not pass during a test."""

PRIVATE, GLOBAL = tp.WorkspaceType.PRIVATE, tp.WorkspaceType.GLOBAL


class BoomError(Exception):
    """What the user's own code raises."""


class Trace(list[str]):
    """The marks of operators, in the order in which they ran; operators that run at once may share it."""

    def mark(self, text: str, do: Callable[[], object] | None = None, net: tp.Net | None = None) -> None:
        """Add an operator to the net, or to the open one, that calls `do` and then marks that it ran."""

        def make_mark(_inputs: Any, _outputs: Any) -> None:
            if do is not None:
                do()
            self.append(text)

        (ops.net() if net is None else net).Python(make_mark)([], [])

    def net(self, text: str, do: Callable[[], object] | None = None) -> tp.Net:
        """A net of that name that calls `do` and then marks that it ran."""
        net = tp.Net(text)
        self.mark(text, do, net)
        return net

    def step(self, text: str, do: Callable[[], object] | None = None, **flags: Any) -> tp.ExecutionStep:
        """A step of that name that calls `do` and then marks that it ran."""
        return tp.execution_step(text, self.net(text, do), **flags)


# --- what operators call ----------------------------------------------------------------------------------------------


def boom(message: str = "boom") -> None:
    """Raise an error of the user's own."""
    raise BoomError(message)


def raises(error: BaseException) -> Callable[[], None]:
    """A function that raises this very error."""

    def throw() -> None:
        raise error

    return throw


def awaits(event: threading.Event) -> Callable[[], None]:
    """A function that waits until something has happened."""

    def wait() -> None:
        if not event.wait(TIMEOUT_S):
            msg = "what an operator waits for has not happened"
            raise TimeoutError(msg)

    return wait


def meets(barrier: threading.Barrier) -> Callable[[], None]:
    """A function that waits until as many as the barrier says are in it."""

    def meet() -> None:
        barrier.wait(TIMEOUT_S)

    return meet


def keeping(values: list[Any]) -> Callable[[Any, Any], None]:
    """A Python operator that keeps the values of its inputs."""
    return lambda inputs, outputs: values.extend(blob.fetch().item() for blob in inputs)


# --- what builders write ----------------------------------------------------------------------------------------------


def call(function: Callable[[], object]) -> None:
    """Add an operator that calls a function."""
    ops.Python(lambda inputs, outputs: function())([], [])


def fail(message: str = "boom") -> None:
    """Add an operator that raises `BoomError`."""
    call(lambda: boom(message))


def keep(values: list[Any], *blobs: tp.BlobReference | str) -> None:
    """Add an operator that keeps the values of blobs: of one as it is, of several as a tuple."""

    def note(inputs: Any, _outputs: Any) -> None:
        found = [blob.fetch().item() for blob in inputs]
        values.append(found[0] if len(found) == 1 else tuple(found))

    ops.Python(note)(list(blobs), [])


def wait_for_nothing() -> None:
    """Add operators that wait for a record that nobody writes, from a queue that user code has seen.

    So the wait is no stall: a thread outside of the run might write it.
    """
    queue = ops.CreateBlobsQueue([], 1)
    hand_out(ops.net())
    ops.DequeueBlobs([queue], 1)


def hand_out(net: tp.Net) -> None:
    """Add an operator that hands its workspace to user code."""
    net.Python(lambda inputs, outputs, space: None, pass_workspace=True)([], [])


# --- nets and steps ---------------------------------------------------------------------------------------------------


def writing(blob: str, value: Any = 1) -> tp.Net:
    """A net that writes a constant."""
    net = tp.Net(f"write {blob}")
    net.Const(value, blob_out=blob)
    return net


def reading(blob: str) -> tp.Net:
    """A net that reads a blob into `copy of <blob>`."""
    net = tp.Net(f"read {blob}")
    net.Copy([blob], [f"copy of {blob}"])
    return net


def forever(name: str, content: Any) -> tp.ExecutionStep:
    """A step that ends only when its run does."""
    return tp.execution_step(name, content, num_iter=2**62)  # 10**12 rounds are over at once in native code


def here() -> int:
    """The line of the caller."""
    return sys._getframe(1).f_lineno


def interrupt() -> None:
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def notes(error: BaseException) -> str:
    """The notes of a failure, one a line."""
    return "\n".join(getattr(error, "__notes__", []))


class OneTask:
    """A group of one task: what is written inside `body` runs with `run`."""

    def __init__(self, session: Any) -> None:
        self.group = tp.TaskGroup()
        self._session = session

    @contextmanager
    def body(self) -> Iterator[tp.Task]:
        with self.group, tp.Task() as task:
            yield task

    def run(self) -> None:
        self._session.run(self.group)
