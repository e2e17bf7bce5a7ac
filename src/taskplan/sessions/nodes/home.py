"""Home: the process of the session, as the nodes in other processes see it. Starts, watches and ends them."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

from taskplan.errors import NodeLostError, PlacementError
from taskplan.sessions.nodes.link import Carrier, Link
from taskplan.sessions.nodes.messages import Bye, Hello, Logged, PeerLost, Ping, Pong, Printed, Reply, Ticket
from taskplan.sessions.nodes.output import show
from taskplan.sessions.nodes.remote import NodeProcess, RemoteNode
from taskplan.sessions.nodes.wire import Gate

logger = logging.getLogger("taskplan")

START_S = 90.0
"""How long a node may take from its start until it is there. Ray takes a minute to notice that a machine hangs."""

QUIET_S = 5.0
"""A node that does not answer for so long is reported in the log."""

LAST_WORDS_S = 0.5
"""How long the system may take to say how a process ended whose connection is gone."""


class Launcher(Protocol):
    """Starts the processes of nodes: all that differs between one place to run them and another."""

    @property
    def address(self) -> str:
        """The address of this machine at which nodes see it."""

    @property
    def heeds_keywords(self) -> bool:
        """Whether it matters to it what keywords nodes have; a node that runs cannot get others then."""

    def start(
        self, tickets: Sequence[Ticket], needs: Mapping[str, Mapping[str, Any]], on_end: Callable[[str], None]
    ) -> dict[str, NodeProcess]:
        """Start nodes; does not wait until they are there.

        Args:
            tickets: one for each node, for its `NodeHost`.
            needs: the keywords of each node, by its name.
            on_end: to be called with a node's name when its process has ended, whether or not that is seen elsewhere.

        Returns:
            The processes, by node.

        Raises:
            PlacementError: there is no room for a node; then none was started.
        """

    def close(self) -> None:
        """Give back what is held. All processes have been ended."""


OnNodeMessage = Callable[[RemoteNode, Any], None]


class Home:
    """The nodes of a session, and the connections to them.

    Args:
        launcher: starts processes.
        ticket: makes the ticket for a node from its name, home's address and the key.
        node_timeout_s: a node that does not answer for so long is given up.
        on_message: gets what a node says of runs, on a thread of its link.
        on_lost: is told once of each node that is lost.
    """

    def __init__(
        self,
        launcher: Launcher,
        ticket: Callable[[str, tuple[str, int], bytes], Ticket],
        *,
        node_timeout_s: float,
        on_message: OnNodeMessage,
        on_lost: Callable[[RemoteNode], None],
    ) -> None:
        self._launcher = launcher
        self._ticket = ticket
        self._timeout_s = node_timeout_s
        self._interval_s = min(1.0, node_timeout_s / 4)
        self._on_message = on_message
        self._on_lost = on_lost
        self._key = secrets.token_bytes(32)
        self._nodes: dict[str, RemoteNode] = {}
        self._lost: list[RemoteNode] = []
        self._awaited: dict[str, Future[tuple[Carrier, Hello]]] = {}
        self._starting = threading.Lock()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._gate: Gate | None = None
        self._threads: list[threading.Thread] = []

    @property
    def closed(self) -> bool:
        """Whether all nodes were ended for good."""
        return self._closing.is_set()

    # --- nodes --------------------------------------------------------------------------------------------------------

    def nodes(self) -> list[RemoteNode]:
        """The nodes that are there now."""
        return [node for node in list(self._nodes.values()) if node.lost is None]

    def node(self, name: str) -> RemoteNode | None:
        """The node of that name, if it was ever there; it may be lost."""
        return self._nodes.get(name)

    def ensure(self, needs: Mapping[str, Mapping[str, Any]]) -> dict[str, RemoteNode]:
        """The nodes of these names; those that are not there are started, all at once.

        Args:
            needs: the keywords of each node, by name.

        Raises:
            PlacementError: one cannot be started; then none of those that were missing is there. Or one is there, and
                was started with other keywords.
        """
        with self._starting:
            for node in self.nodes() if self._launcher.heeds_keywords else ():
                if needs.get(node.name) and needs[node.name] != node.needs:
                    msg = (
                        f"node {node.name!r} runs already, with {node.needs!r}, and is now to have "
                        f"{needs[node.name]!r}; say the same in all programs of a session, run one before you feed or "
                        "fetch blobs of the node, or use another session"
                    )
                    raise PlacementError(msg, node=node.name)
            missing = [name for name in needs if name not in self._nodes or self._nodes[name].lost is not None]
            if missing:
                self._start({name: needs[name] for name in missing})
            return {name: self._nodes[name] for name in needs}

    def _start(self, needs: Mapping[str, Mapping[str, Any]]) -> None:
        if self._gate is None:
            self._gate = Gate(self._launcher.address, self._key)
            for job in (self._let_in, self._watch):
                self._start_thread(job)
        awaited: dict[str, Future[tuple[Carrier, Hello]]] = {name: Future() for name in needs}
        self._awaited.update(awaited)
        tickets = [self._ticket(name, self._gate.address, self._key) for name in needs]
        processes: dict[str, NodeProcess] = {}
        started: dict[str, RemoteNode] = {}
        try:
            processes = self._launcher.start(tickets, needs, partial(self._process_ended, awaited, started))
            deadline = time.monotonic() + START_S
            found = {name: self._arrival(name, awaited[name], processes[name], deadline) for name in needs}
        except BaseException:
            self._awaited.clear()
            for process in processes.values():
                process.kill()
            for future in awaited.values():
                if future.done() and not future.exception():
                    future.result()[0].close()
            raise
        for name, (wire, hello) in found.items():
            node = RemoteNode(name, Link(name, wire), hello, processes[name])
            node.needs = dict(needs[name])
            self._nodes[name] = started[name] = node
            node.link.begin(partial(self._heard, node), partial(self._link_ended, node))

    def _arrival(
        self, name: str, arrived: Future[tuple[Carrier, Hello]], process: NodeProcess, deadline: float
    ) -> tuple[Carrier, Hello]:
        try:
            return arrived.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            msg = f"node {name!r} was started and did not report within {START_S:g} s"
        except EOFError:
            how = process.epitaph(LAST_WORDS_S) or "ended"
            msg = f"node {name!r} could not be started: its process {how}"
        raise PlacementError(msg, node=name)

    def _process_ended(
        self, awaited: Mapping[str, Future[tuple[Carrier, Hello]]], started: Mapping[str, RemoteNode], name: str
    ) -> None:
        """The process of a node has ended. It may be heard late, when the node has been started anew already.

        Args:
            awaited: those that were started with it, as they were awaited.
            started: those of them that are there.
            name: of the node.
        """
        if self._awaited.get(name) is awaited[name]:
            self._awaited.pop(name).set_exception(EOFError())
            return
        node = started.get(name)
        if node is not None:  # mostly its link has ended too, but a machine that is gone closes no connection
            self._lose_later(node, lambda: f"is lost: its process {node.process.epitaph(LAST_WORDS_S) or 'ended'}")

    def _let_in(self) -> None:
        assert self._gate is not None
        self._gate.let_in(lambda wire: self.arrived(wire, wire.receive()), self._start_thread)

    def arrived(self, carrier: Carrier, hello: Hello) -> None:
        """A node is there, and has said who it is."""
        awaited = self._awaited.pop(hello.node, None)
        if awaited is None:
            carrier.close()  # it is waited for no more
            return
        awaited.set_result((carrier, hello))

    # --- watching -----------------------------------------------------------------------------------------------------

    def _heard(self, node: RemoteNode, message: Any) -> None:
        node.unheard = 0
        match message:
            case Pong():
                pass
            case Reply():
                node.replied(message)
            case Logged() | Printed():
                show(node.name, message)
            case PeerLost():
                self._peer_lost(node, message)
            case _:
                self._on_message(node, message)

    def _watch(self) -> None:
        """Ping all nodes; give up those that do not answer. Counts pings, so that time in which home sleeps is none."""
        number = 0
        while not self._closing.wait(self._interval_s):
            number += 1
            for node in self.nodes():
                quiet_s = node.unheard * self._interval_s
                if quiet_s >= self._timeout_s:
                    self.lose(node, f"did not answer for {self._timeout_s:g} s, so its process was killed")
                    continue
                if QUIET_S <= quiet_s < QUIET_S + self._interval_s:
                    logger.warning("node %r has not answered for %g s", node.name, quiet_s)
                node.unheard += 1
                node.link.send(Ping(number))

    def _link_ended(self, node: RemoteNode, why: str) -> None:
        how = node.process.epitaph(LAST_WORDS_S)
        self.lose(node, f"is lost: its process {how}" if how else f"is lost: {why}")

    def _peer_lost(self, node: RemoteNode, message: PeerLost) -> None:
        """Two nodes have lost each other. Mostly since one of them died, which is seen here too, at the same time."""
        other = self._nodes.get(message.node)
        if other is None or other.lost is not None:
            return

        def why() -> str:
            return f"is lost: node {node.name!r} cannot reach it ({message.why})" if node.lost is None else ""

        self._lose_later(other, why)

    def _lose_later(self, node: RemoteNode, why: Callable[[], str]) -> None:
        """Give a node up, unless that has happened when what comes from it by other ways has had time to arrive."""

        def look() -> None:
            if not self._closing.wait(LAST_WORDS_S) and node.lost is None and (reason := why()):
                self.lose(node, reason)

        if node.lost is None and not self._closing.is_set():
            self._start_thread(look)

    def lose(self, node: RemoteNode, why: str) -> None:
        """Give a node up: kill its process, and tell all who wait for it."""
        if self._closing.is_set():
            return
        again = "; what its workspace had is gone, and the next run that uses it starts it anew"
        if node.lose(NodeLostError(f"node {node.name!r} {why}{again}", node=node.name)):
            node.process.kill()
            with self._lock:
                self._lost.append(node)
            self._on_lost(node)
            self._start_thread(self._bury, node)

    def _bury(self, node: RemoteNode) -> None:
        """Close the link to a node that was lost; not on a thread of that link."""
        node.link.close()
        with self._lock:
            self._lost.remove(node)

    def _start_thread(self, job: Callable[..., None], *args: Any) -> None:
        """Let something be done on a thread that `close` joins; once that has begun, nothing is done."""
        name = f"taskplan-home-{job.__name__.strip('_')}"
        with self._lock:
            if not self._closing.is_set():
                thread = threading.Thread(target=job, args=args, name=name, daemon=True)
                thread.start()
                self._threads = [each for each in self._threads if each.is_alive()] + [thread]

    # --- the end ------------------------------------------------------------------------------------------------------

    def close(self, grace_s: float = 5.0) -> None:
        """End all nodes: those that do not end by themselves within the time are killed."""
        nodes = self.nodes()
        for node in nodes:
            node.link.send(Bye())
        with self._lock:
            self._closing.set()
        deadline = time.monotonic() + grace_s
        for node in nodes:
            if not node.process.epitaph(max(0.0, deadline - time.monotonic())):
                node.process.kill()
            node.link.close()
            node.lose(NodeLostError(f"node {node.name!r} ended with its session", node=node.name))
        if self._gate is not None:
            self._gate.close()
        while self._threads:
            self._threads.pop().join()
        for node in list(self._lost):  # those that were lost just now
            node.link.close()
        self._launcher.close()
