"""What programs for nodes in other processes are made of, and how tests look at these processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import taskplan as tp
from taskplan import ops

HANG_S = 20.0
"""How long something may take that takes a moment: for hangs only."""


class BoomError(Exception):
    """What functions on nodes raise."""


class StubbornError(Exception):
    """An error that cannot be pickled."""

    def __reduce__(self):
        msg = "not this one"
        raise TypeError(msg)


def pid() -> np.int64:
    """The process id of the node."""
    return np.int64(os.getpid())


def boom() -> None:
    msg = "boom"
    raise BoomError(msg)


def work_on() -> None:
    """Add operators that go on until the run is ended."""
    with ops.loop(10**12):
        ops.Const(1)


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and was not waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_stopped(pid: int) -> bool:
    """Whether a process has been stopped by a signal."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until something holds that other processes bring about."""
    deadline = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline, f"expected {what}, within {HANG_S:g} s"
        time.sleep(0.005)


def begun(session: tp.ProcessSession, node: str = "a") -> Callable[[], bool]:
    """Whether the task of a node has marked that it began, by the blob `begun`."""

    def has_begun() -> bool:
        try:
            return bool(session.workspace(node).has_blob("begun"))
        except tp.NodeLostError:
            return False

    return has_begun


def endless(node: str = "a", name: str = "endless") -> tp.TaskGroup:
    """A group whose one task, on a node, marks that it began and goes on until it is ended."""
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group, tp.Node(node), tp.Task(name=name):
        ops.Const(1, blob_out="begun")
        work_on()
    return group
