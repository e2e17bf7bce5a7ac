"""What sessions share whose nodes run in processes of their own: all but how such a process is started.

Node `local` stays in the process of the session: it is the session's workspace. A program that uses no other node runs
as it does in a `LocalSession`.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import sys
import threading
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
from taskplan.engine.failures import shown
from taskplan.errors import BuildValueError, RunError
from taskplan.events import Observer, RunEnded, RunStarted
from taskplan.operators import registry
from taskplan.plan import functions
from taskplan.plan.archive import program_to_bytes
from taskplan.plan.model import ProgramDef
from taskplan.plan.order import stands
from taskplan.sessions.local import LOCAL, LocalProgram, LocalSession
from taskplan.sessions.nodes.conductor import Conductor, PartAtHome, PartAway
from taskplan.sessions.nodes.home import Home, Launcher
from taskplan.sessions.nodes.messages import Carried, Ended, Idle, Observed, PartOrder, Relayed, Ticket
from taskplan.sessions.nodes.objects import owners_of
from taskplan.sessions.nodes.output import levels_here
from taskplan.sessions.nodes.part import Part
from taskplan.sessions.nodes.remote import RemoteNode, RemoteWorkspace
from taskplan.sessions.workspaces import Workspace

logger = logging.getLogger("taskplan")

LOOK_AGAIN_S = 0.005
"""How long messages between nodes may take before it is looked whether they have arrived."""


class SpreadSession(LocalSession):
    """A session whose nodes, but for `local`, run in processes of their own.

    Args:
        ws, timeout_s, max_threads, grace_s, stall_warning_s, seed, observers: as for `LocalSession`.
        launcher: starts the processes.
        node_timeout_s: a node that does not answer for so long is given up, and killed.
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
    ) -> None:
        super().__init__(
            ws,
            timeout_s=timeout_s,
            max_threads=max_threads,
            grace_s=grace_s,
            stall_warning_s=stall_warning_s,
            seed=seed,
            observers=observers,
        )
        if not node_timeout_s > 0:
            msg = f"node_timeout_s must be more than 0 seconds, got {node_timeout_s!r}"
            raise BuildValueError(msg)
        self._home = Home(
            launcher,
            partial(_ticket, node_timeout_s, grace_s, stall_warning_s),
            node_timeout_s=node_timeout_s,
            on_message=self._on_message,
            on_lost=self._on_lost,
        )
        self._needs: dict[str, dict[str, Any]] = {}
        self._programs: weakref.WeakKeyDictionary[LocalProgram, _Sent] = weakref.WeakKeyDictionary()
        self._numbers = count(1)
        self._runs: dict[int, Conductor] = {}
        self._fetched: weakref.WeakSet[TaskOutput] = weakref.WeakSet()
        self._examined: queue.SimpleQueue[Conductor | None] = queue.SimpleQueue()
        self._examiner: threading.Thread | None = None

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
        super()._bind_output(output, spaces)
        if output.node in spaces and output.node != LOCAL:
            self._fetched.add(output)

    # --- running ------------------------------------------------------------------------------------------------------

    def _attempt(self, compiled: LocalProgram) -> Attempted:
        if not _nodes_away(compiled):
            return super()._attempt(compiled)
        return Conductor(self._driver, compiled.plans, kill=self._home.lose, examine=self._examine)

    def _check_once(self, compiled: LocalProgram) -> dict[str, Any]:
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
        spaces = self._check_once(compiled)
        conductor = cast(Conductor, attempt or self._attempt(compiled))
        run = next(self._numbers)
        self._runs[run] = conductor
        self._attempts.append(conductor)
        name = next(iter(compiled.plans.values())).plan.name
        error: BaseException | None = None
        try:
            if self._observers:
                self._observe(RunStarted(name, conductor.driver.now()))
            self._prepare_parts(run, compiled, conductor)
            conductor.perform(next(iter(compiled.plans.values())), timeout_s)
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
                self._observe(RunEnded(name, conductor.driver.now(), failed))
        for task_output in compiled.bound:
            self._bind_output(task_output, spaces)

    def _prepare_parts(self, run: int, compiled: LocalProgram, conductor: Conductor) -> None:
        """Send each node what it does not have yet, and wait until all are ready."""
        sent = self._programs.get(compiled)
        if sent is None:
            sent = self._programs[compiled] = _Sent(next(self._numbers), compiled.program)
            weakref.finalize(compiled, self._drop, sent.number)
        nodes = self._home.ensure({node: self._needs.get(node, {}) for node in _nodes_away(compiled)})
        new = [node for node in nodes.values() if sent.number not in node.programs]
        loading = [node.ask("load", *sent.for_node(node.name)) for node in new]
        for future in loading:
            future.result()
        for node in new:
            node.programs.add(sent.number)
        owners = owners_of(compiled.program, compiled.plans)
        entropy = cast(int, np.random.SeedSequence(self._seed).entropy)
        order = PartOrder(run, sent.number, entropy, owners, bool(self._observers))
        peers = _peers_of(compiled.program, owners)
        for name in compiled.plans:
            if name == LOCAL:
                conductor.parts[name] = PartAtHome(self._part_at_home(order, compiled))
            else:
                conductor.parts[name] = PartAway(nodes[name], run, _tasks_of(compiled.program, name))
        ready = [
            node.ask("prepare", order, {peer: nodes[peer].address for peer in peers.get(name, ()) if peer in nodes})
            for name, node in nodes.items()
        ]
        for future in ready:
            future.result()
        for node in nodes.values():
            if node.lost is not None:
                conductor.note_end(node.name, None)

    def _part_at_home(self, order: PartOrder, compiled: LocalProgram) -> Part:
        return Part(
            order,
            LOCAL,
            _part_of(compiled.program, LOCAL),
            compiled.plans[LOCAL],
            self._nodes[LOCAL],
            self._driver,
            send=self._send_from_home,
            on_idle=lambda run: self._note_idle(run, LOCAL),
            observe=self._observe if self._observers else None,
        )

    def _drop(self, number: int) -> None:
        """A program is used no more."""
        for node in self._home.nodes():
            if number in node.programs:
                node.programs.discard(number)
                node.ask("drop", number)

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
            case Idle(run=run):
                self._note_idle(run, node.name)
            case Observed():
                self._observe(replace(message.event, at_s=time.monotonic() - message.age_s))

    def _send_from_home(self, name: str, message: Carried) -> None:
        node = self._home.node(name)
        if node is not None:
            node.link.send(message)

    def _on_lost(self, node: RemoteNode) -> None:
        logger.warning("%s", node.lost)
        for conductor in list(self._runs.values()):
            conductor.note_end(node.name, None)

    def _note_idle(self, run: int, node: str) -> None:
        conductor = self._runs.get(run)
        if conductor is not None:
            conductor.note_idle(node)

    def _examine(self, conductor: Conductor) -> None:
        if self._examiner is None:
            self._examiner = threading.Thread(target=self._examine_all, name="taskplan-home-stalls", daemon=True)
            self._examiner.start()
        self._examined.put(conductor)

    def _examine_all(self) -> None:
        while (conductor := self._examined.get()) is not None:
            while conductor.look_at_all():
                time.sleep(LOOK_AGAIN_S)

    # --- closing ------------------------------------------------------------------------------------------------------

    def _do_close(self) -> None:
        for run in self._started:
            run.cancel("its session was closed")
        for run in self._started:
            run.settle(self._driver.grace_s)
        for output in list(self._fetched):
            _bring_home(output)
        self._home.close()
        if self._examiner is not None:
            self._examined.put(None)
            self._examiner.join()
        super()._do_close()


class _Sent:
    """A program as it is sent to nodes.

    Attributes:
        number: what nodes call it.
    """

    def __init__(self, number: int, program: ProgramDef) -> None:
        self.number = number
        self._program = program

    def for_node(self, node: str) -> tuple[int, bytes, tuple[str, ...], bytes]:
        """The arguments of `NodeHost._call_load`."""
        part = _part_of(self._program, node)
        types = {op.type for plan in part.plans.values() for net in plan.nets for op in net.ops}
        declared_here = [registry.declaration(name) for name in sorted(types) if registry.is_operator(name)]
        own = [declared for declared in declared_here if not declared.is_builtin]
        modules = {declared.body.__module__ for declared in own} - {"__main__"}
        scripts = [declared for declared in own if declared.body.__module__ == "__main__"]
        return self.number, program_to_bytes(part), tuple(sorted(modules)), functions.dumps(scripts)


def _part_of(program: ProgramDef, node: str) -> ProgramDef:
    """What one node needs of a program."""
    return replace(
        program,
        plans={node: program.plans[node]},
        outputs=tuple([output for output in program.outputs if output.node == node]),
        channels=tuple([channel for channel in program.channels if node in channel.nodes]),
        collectives=tuple([collective for collective in program.collectives if node in collective.nodes]),
    )


def _nodes_away(compiled: LocalProgram) -> list[str]:
    return [node for node in compiled.plans if node != LOCAL]


def _peers_of(program: ProgramDef, owners: Mapping[str, str]) -> dict[str, set[str]]:
    """The nodes that each has to connect to. Of two that have something to say to each other, only one connects."""
    peers: dict[str, set[str]] = {}
    for channel in program.channels:
        owner = owners.get(channel.name)
        for node in channel.nodes:
            if owner is not None and node != owner:
                peers.setdefault(min(node, owner), set()).add(max(node, owner))
    for collective in program.collectives:
        leader, *others = collective.nodes
        for node in others:
            peers.setdefault(min(node, leader), set()).add(max(node, leader))
    return peers


def _tasks_of(program: ProgramDef, node: str) -> tuple[str, ...]:
    """The names of the tasks on a node."""
    tasks = [task for _, task, _ in stands(program.plans[node].steps) if task is not None]
    return tuple(dict.fromkeys(tasks))


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
