"""`ProcessSession`: a program on several processes of this machine."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from taskplan.events import Observer
from taskplan.sessions.nodes.messages import Ticket
from taskplan.sessions.nodes.remote import NodeProcess
from taskplan.sessions.spread import SpreadSession
from taskplan.sessions.workspaces import Workspace

_LAST_LINES = 50
"""How much of what a process said before it died is part of the error: a crash dump of Python has some 30 lines."""


class ProcessSession(SpreadSession):
    """Runs each node but `local` in a process of its own on this machine: for functions that need more than one core.

    What runs in a `LocalSession` runs here, with the same results and errors, as long as tasks of different nodes
    exchange data through channels alone, and not through variables of the script. Functions are pickled (by
    cloudpickle: `pip install taskplan[process]`), so what one changes in its process is not seen in others. A node is
    started when it is first needed, and keeps its workspace until the session is closed.

    Example::

        with ProcessSession() as session:
            session.run(group)

    A script needs no `if __name__ == "__main__":` around that: processes do not run it again.

    Args:
        ws, timeout_s, max_threads, grace_s, stall_warning_s, seed, observers, tier: as for `LocalSession`. A node whose
            functions ignore for `grace_s` that the run has ended is killed.
        node_timeout_s: so is a node that does not answer for so long.
        max_restarts: how often a run whose nodes are lost begins again from its start, in a new process for each of
            them. Its tasks must be private, or their group made by `TaskGroup(restartable=True)`.

    Raises:
        NodeLostError: from `run`: the process of a node died or was killed.
        PlacementError: from `run`: a node cannot be started, or lacks a module that the program needs.
    """

    def __init__(
        self,
        ws: Workspace | None = None,
        *,
        timeout_s: float = math.inf,
        max_threads: int = 4096,
        grace_s: float = 10.0,
        stall_warning_s: float = 10.0,
        seed: int | None = None,
        observers: Sequence[Observer] = (),
        tier: str | None = None,
        node_timeout_s: float = 30.0,
        max_restarts: int = 0,
    ) -> None:
        super().__init__(
            ws,
            _Launcher(),
            timeout_s=timeout_s,
            max_threads=max_threads,
            grace_s=grace_s,
            stall_warning_s=stall_warning_s,
            seed=seed,
            observers=observers,
            tier=tier,
            node_timeout_s=node_timeout_s,
            max_restarts=max_restarts,
        )


class _Launcher:
    """Starts processes on this machine."""

    address = "127.0.0.1"
    heeds_keywords = False

    def start(
        self,
        tickets: Sequence[Ticket],
        needs: Mapping[str, Mapping[str, Any]],  # noqa: ARG002 - the processes of one machine share what it has
        on_end: Callable[[str], None],
    ) -> dict[str, NodeProcess]:
        """Start a process for each node."""
        started: dict[str, NodeProcess] = {}
        try:
            for ticket in tickets:
                started[ticket.node] = _Process(ticket, on_end)
        except BaseException:
            for process in started.values():
                process.kill()
            raise
        return started

    def close(self) -> None:
        """Nothing is held."""


class _Process:
    """The process of one node.

    What it writes past Python's streams, as a crash does, is shown here with the node's name.
    """

    def __init__(self, ticket: Ticket, on_end: Callable[[str], None]) -> None:
        self._node = ticket.node
        self._on_end = on_end
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "taskplan.sessions.nodes.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for home
            env=os.environ | {"PYTHONPATH": os.pathsep.join(ticket.path)},
        )
        self._watch = threading.Thread(target=self._follow, name=f"taskplan-node-{ticket.node}", daemon=True)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has died already, which is seen at its end
            pickle.dump(ticket, self._process.stdin)
            self._process.stdin.flush()
        self._watch.start()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._watch.join(timeout=1.0)

    def epitaph(self, timeout_s: float) -> str:
        """How it ended; empty if it has not within the time."""
        self._watch.join(timeout_s)
        code = self._process.poll()
        if code is None:
            return ""
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        said = "".join(f"\n  | {line}" for line in self._last_lines)
        return f"{how}{' and said:' if said else ''}{said}"

    def _follow(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        for line in self._process.stdout:
            text = line.decode(errors="replace").rstrip()
            self._last_lines.append(text)
            if sys.stderr is not None:
                sys.stderr.write(f"[{self._node}] {text}\n")
        self._process.wait()
        self._process.stdout.close()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._on_end(self._node)
