"""Sessions on processes for tests, and that they leave nothing behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sessions.process.programs import eventually

import taskplan as tp


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Names of its own, and a workspace of its own."""
    with tp.fresh_names(), tp.WorkspaceGuard(tp.Workspace()):
        yield


@pytest.fixture(scope="module")
def shared_session() -> Iterator[tp.ProcessSession]:
    """One session for all tests that do not hurt it: its nodes are started once."""
    with tp.ProcessSession(tp.Workspace(), timeout_s=60, grace_s=5) as session:
        yield session
    nothing_is_left()


@pytest.fixture
def session() -> Iterator[tp.ProcessSession]:
    """A session of its own, for tests that kill nodes."""
    with tp.ProcessSession(tp.Workspace(), timeout_s=60, grace_s=1, node_timeout_s=1) as session:
        yield session
    nothing_is_left()


def nothing_is_left() -> None:
    """No child process, and no thread of taskplan."""
    eventually(lambda: not node_processes(), "no process of a node to be left")
    left = [each.name for each in threading.enumerate() if each.name.startswith("taskplan-")]
    assert left == []


def node_processes() -> list[int]:
    """The processes of nodes that this process has started and that run."""
    found = []
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        for child in contents(task / "children").split():
            if b"taskplan.sessions.nodes.process" in contents(Path(f"/proc/{int(child)}/cmdline")):
                found.append(int(child))
    return found


def contents(path: Path) -> bytes:
    """What the system says in a file; nothing if the process or thread has just ended."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
