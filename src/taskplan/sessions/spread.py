"""What sessions share whose nodes run in processes of their own: all but how such a process is started.

Node `local` stays in the process of the session: it is the session's workspace. A program that uses no other node runs
as it does in a `LocalSession`.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, cast

import numpy as np

from taskplan.builder.outputs import TaskOutput
from taskplan.engine.attempted import Attempted
from taskplan.engine.failures import add_note, shown
from taskplan.errors import BuildValueError, NodeLostError, RunError
from taskplan.events import Observer, RunEnded, RunStarted
from taskplan.sessions.local import LOCAL, LocalProgram, LocalSession
from taskplan.sessions.nodes.answers import answered_by_all
from taskplan.sessions.nodes.conductor import Conductor, PartAtHome, PartAway
from taskplan.sessions.nodes.home import Home, Launcher
from taskplan.sessions.nodes.messages import Carried, Ended, Idle, Observed, PartOrder, Relayed, Ticket, WaitsLong
from taskplan.sessions.nodes.objects import owners_of
from taskplan.sessions.nodes.output import levels_here
from taskplan.sessions.nodes.part import Part
from taskplan.sessions.nodes.remote import RemoteNode, RemoteWorkspace
from taskplan.sessions.nodes.shipping import SentProgram, may_restart, needs_of, part_of, peers_of, tasks_of
from taskplan.sessions.workspaces import Workspace

logger = logging.getLogger("taskplan")

NOT_RESTARTED = (
    "it was not run again, since its tasks are not private and may have changed what nodes keep; if that does no harm, "
    "make the group by TaskGroup(restartable=True)"
)

LOOK_AGAIN_S = 0.005
"""How long messages between nodes may take before it is looked whether they have arrived."""


class SpreadSession(LocalSession):
    """A session whose nodes, but for `local`, run in processes of their own.

    Args:
        ws, timeout_s, max_threads, grace_s, stall_warning_s, seed, observers, tier: as for `LocalSession`.
        launcher: starts the processes.
        node_timeout_s: a node that does not answer for so long is given up, and killed.
        max_restarts: how often a run whose nodes are lost begins again from its start.
    """

    def __init__(
        self,
        ws: Workspace | None,
        launcher: Launcher,
        *,
        timeout_s: float,
        max_threads: int,
        grace_s: float,
        stall_warning_s: float,
        seed: int | None,
        observers: Sequence[Observer],
        node_timeout_s: float,
        max_restarts: int = 0,
        tier: str | None = None,
    ) -> None:
        super().__init__(
            ws,
            timeout_s=timeout_s,
            max_threads=max_threads,
            grace_s=grace_s,
            stall_warning_s=stall_warning_s,
            seed=seed,
            observers=observers,
            tier=tier,
        )
        if not node_timeout_s > 0:
            msg = f"node_timeout_s must be more than 0 seconds, got {node_timeout_s!r}"
            raise BuildValueError(msg)
        if max_restarts < 0:
            msg = f"max_restarts must be 0 or more, got {max_restarts!r}"
            raise BuildValueError(msg)
        self._max_restarts = max_restarts
        self._home = Home(
            launcher,
            partial(_ticket, node_timeout_s, grace_s, stall_warning_s),
            node_timeout_s=node_timeout_s,
            on_message=self._on_message,
            on_lost=self._on_lost,
        )
        self._needs: dict[str, dict[str, Any]] = {}
        self._programs: weakref.WeakKeyDictionary[LocalProgram, SentProgram] = weakref.WeakKeyDictionary()
        self._numbers = count(1)
        self._runs: dict[int, Conductor] = {}
        self._fetched: weakref.WeakSet[TaskOutput] = weakref.WeakSet()

    # --- workspaces ---------------------------------------------------------------------------------------------------

    def workspace(self, node: str = LOCAL) -> Any:
        """The workspace of a node. That of `local` is here; others are `RemoteWorkspace`s, and asking starts them."""
        if node == LOCAL or node in self._nodes:
            return self._nodes[node]
        space: Any = RemoteWorkspace(node, partial(self._node, node), self._nodes)
        self._nodes[node] = space
        self._nodes[LOCAL].elsewhere = self._nodes
        return space

    def fetch(self, node: str, blob: str) -> Any:
        """The content of a blob of a node; see `Workspace.fetch_blob`."""
        return self.workspace(node).fetch_blob(blob)

    def pids(self) -> dict[str, int]:
        """The process ids of the nodes that run now."""
        return {LOCAL: os.getpid()} | {node.name: node.pid for node in self._home.nodes()}

    def _node(self, name: str) -> RemoteNode:
        if self._home.closed:
            msg = f"the session is closed, and node {name!r} with it"
            raise RunError(msg)
        return self._home.ensure({name: self._needs.get(name, {})})[name]

    def _bind_output(self, output: TaskOutput, spaces: dict[str, Any]) -> None:
        node = self._home.node(output.node) if output.node in spaces else None
        if node is not None:  # what it has is lost with it: one that is started anew has nothing to give
            spaces = {node.name: RemoteWorkspace(node.name, lambda: node, self._nodes)}
            self._fetched.add(output)
        super()._bind_output(output, spaces)

    # --- running ------------------------------------------------------------------------------------------------------

    def _attempt(self, compiled: LocalProgram) -> Attempted:
        if not _nodes_away(compiled):
            return super()._attempt(compiled)
        return Conductor(self._driver, compiled.plans, kill=self._home.lose, examine=self._examine)

    def _check_once(self, compiled: LocalProgram) -> dict[str, Any]:
        self._needs.update(needs_of(compiled.program))
        self._home.ensure({node: self._needs.get(node, {}) for node in _nodes_away(compiled)})
        return super()._check_once(compiled)

    def _run_compiled(
        self,
        compiled: LocalProgram,
        timeout_s: float = math.inf,
        *,
        attempt: Attempted | None = None,
        beside: bool = False,
    ) -> None:
        if not _nodes_away(compiled):
            super()._run_compiled(compiled, timeout_s, attempt=attempt, beside=beside)
            return
        conductor = cast(Conductor, attempt or self._attempt(compiled))
        deadline = time.monotonic() + timeout_s
        for left in range(self._max_restarts, -1, -1):
            try:
                self._run_once(compiled, timeout_s, conductor)
            except NodeLostError as error:
                if not left:
                    raise
                if not may_restart(compiled.program):
                    add_note(error, f"  again  {NOT_RESTARTED}")
                    raise
                logger.warning(
                    "the run begins again from its start (%d of %d restarts left): %s",
                    left - 1,
                    self._max_restarts,
                    error,
                )
                again = cast(Conductor, self._attempt(compiled))
                for started in self._started:
                    started.follow(conductor, again)
                conductor = again
                timeout_s = max(0.0, deadline - time.monotonic())
            else:
                return

    def _run_once(self, compiled: LocalProgram, timeout_s: float, conductor: Conductor) -> None:
        spaces = self._check_once(compiled)
        run = next(self._numbers)
        self._runs[run] = conductor
        self._attempts.append(conductor)
        plan = next(iter(compiled.plans.values()))
        error: BaseException | None = None
        try:
            if self._observers:
                self._observe(RunStarted(plan.plan.name, conductor.driver.now()))
            conductor.perform(plan, partial(self._prepare_parts, run, compiled, conductor), timeout_s)
        except BaseException as failure:
            error = failure
            for task_output in compiled.bound:
                task_output.invalidate(f"the run failed: {shown(failure)}")
            raise
        finally:
            conductor.over = True
            del self._runs[run]
            self._attempts.remove(conductor)
            self._abandoned += conductor.abandoned
            for part in conductor.parts.values():
                part.forget()
            if self._observers:
                failed = shown(error) if error is not None else ""
                self._observe(RunEnded(plan.plan.name, conductor.driver.now(), failed))
        for task_output in compiled.bound:
            self._bind_output(task_output, spaces)

    def _prepare_parts(self, run: int, compiled: LocalProgram, conductor: Conductor) -> None:
        """Send each node what it does not have yet, and wait until all are ready."""
        sent = self._programs.get(compiled)
        if sent is None:
            sent = self._programs[compiled] = SentProgram(next(self._numbers), compiled.program)
            weakref.finalize(compiled, _drop, weakref.ref(self._home), sent.number).atexit = False
        nodes = self._home.ensure({node: self._needs.get(node, {}) for node in _nodes_away(compiled)})
        new = [node for node in nodes.values() if sent.number not in node.programs]
        tasks = partial(tasks_of, compiled.program)
        loading = {node.name: node.ask("load", *sent.for_node(node.name)) for node in new}
        answered_by_all(loading, nodes, tasks, conductor.to_end)
        for node in new:
            node.programs.add(sent.number)
        owners = owners_of(compiled.program, compiled.plans)
        entropy = cast(int, np.random.SeedSequence(self._seed).entropy)
        order = PartOrder(run, sent.number, entropy, owners, bool(self._observers), self._tier)
        peers = peers_of(compiled.program, owners)
        for name in compiled.plans:
            if name == LOCAL:
                conductor.parts[name] = PartAtHome(self._part_at_home(order, compiled))
            else:
                conductor.parts[name] = PartAway(nodes[name], run, tasks(name))
        ready = {
            name: node.ask(
                "prepare", order, {peer: nodes[peer].address for peer in peers.get(name, ()) if peer in nodes}
            )
            for name, node in nodes.items()
        }
        answered_by_all(ready, nodes, tasks, conductor.to_end)
        for node in nodes.values():
            if node.lost is not None:
                conductor.note_end(node.name, None)

    def _part_at_home(self, order: PartOrder, compiled: LocalProgram) -> Part:
        return Part(
            order,
            LOCAL,
            part_of(compiled.program, LOCAL),
            compiled.plans[LOCAL],
            self._nodes[LOCAL],
            self._driver,
            send=self._send_from_home,
            tell_home=partial(self._on_message_of, LOCAL),
            observe=self._observe if self._observers else None,
        )

    # --- what nodes say -----------------------------------------------------------------------------------------------

    def _on_message(self, node: RemoteNode, message: Any) -> None:
        match message:
            case Carried():
                conductor = self._runs.get(message.run)
                part = conductor.parts.get(LOCAL) if conductor is not None else None
                if isinstance(part, PartAtHome):
                    part.part.receive(node.name, message)
            case Relayed():
                other = self._home.node(message.node)
                if other is not None:
                    other.link.send(Relayed(node.name, message.content))
            case Ended(run=run) if run in self._runs:
                self._runs[run].note_end(node.name, message)
            case Observed():
                self._observe(replace(message.event, at_s=time.monotonic() - message.age_s))
            case Idle() | WaitsLong():
                self._on_message_of(node.name, message)

    def _on_message_of(self, node: str, message: Idle | WaitsLong) -> None:
        """A part, at home or away, says how it stands."""
        conductor = self._runs.get(message.run)
        if conductor is not None and isinstance(message, Idle):
            conductor.note_idle(node)
        elif conductor is not None and isinstance(message, WaitsLong):
            self._pool.submit(partial(conductor.report_long_wait, message.for_s))

    def _send_from_home(self, name: str, message: Carried) -> None:
        node = self._home.node(name)
        if node is not None:
            node.link.send(message)

    def _on_lost(self, node: RemoteNode) -> None:
        logger.warning("%s", node.lost)
        for conductor in list(self._runs.values()):
            conductor.note_end(node.name, None)

    def _examine(self, conductor: Conductor) -> None:
        self._pool.submit(partial(_look_at, conductor))

    # --- closing ------------------------------------------------------------------------------------------------------

    def _do_close(self) -> None:
        for run in self._started:
            run.cancel("its session was closed")
        for run in self._started:
            run.settle(self._driver.grace_s)
        for output in list(self._fetched):
            _bring_home(output)
        self._home.close()
        super()._do_close()


def _look_at(conductor: Conductor) -> None:
    while conductor.look_at_all():
        time.sleep(LOOK_AGAIN_S)


def _nodes_away(compiled: LocalProgram) -> list[str]:
    return [node for node in compiled.plans if node != LOCAL]


def _drop(home: weakref.ref[Home], number: int) -> None:
    """A program is used no more: nodes need not keep it."""
    found = home()
    for node in found.nodes() if found is not None else ():
        if number in node.programs:
            node.programs.discard(number)
            node.ask("drop", number)


def _bring_home(output: TaskOutput) -> None:
    """Keep the values of an output, since its node is about to go."""
    found: dict[str, Any] = {}
    for name in output.names:
        try:
            found[str(name)] = output.fetch_one(name)
        except Exception as error:  # of this blob; raised when somebody asks for it
            found[str(name)] = error
    output.set(output.names, partial(_kept, found))


def _kept(found: Mapping[str, Any], name: object) -> Any:
    value = found[str(name)]
    if isinstance(value, Exception):
        raise value
    return value


def _ticket(
    node_timeout_s: float,
    grace_s: float,
    stall_warning_s: float,
    node: str,
    home: tuple[str, int],
    key: bytes,
) -> Ticket:
    path = tuple([os.path.abspath(folder or ".") for folder in sys.path])
    return Ticket(node, home, key, path, os.getcwd(), levels_here(), node_timeout_s, grace_s, stall_warning_s)
