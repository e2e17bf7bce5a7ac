"""The node host: what runs in the process of a node, whoever started that process.

It keeps the node's workspace as long as the session lives, is sent the node's part of each program once, runs parts of
runs with the executor of `LocalSession`, and answers home. When home is gone, it ends its process.
"""

from __future__ import annotations

import importlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from taskplan.engine.failures import shown
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.threads import ThreadDriver, ThreadPool
from taskplan.errors import PlacementError, PlanError, RunError
from taskplan.events import Event
from taskplan.operators import registry
from taskplan.plan import archive, functions
from taskplan.plan.model import ProgramDef
from taskplan.sessions.nodes.home import START_S
from taskplan.sessions.nodes.link import Carrier, Link
from taskplan.sessions.nodes.messages import (
    Address,
    Begin,
    Bye,
    Call,
    Cancel,
    Carried,
    Census,
    Ended,
    Forget,
    Hello,
    Observed,
    PartOrder,
    PartWhy,
    PeerLost,
    Ping,
    Pong,
    Relayed,
    Reply,
    Ticket,
)
from taskplan.sessions.nodes.output import finish_lines, send_output_home
from taskplan.sessions.nodes.part import Part
from taskplan.sessions.nodes.travel import packed, require_picklable
from taskplan.sessions.nodes.wire import Gate, connect
from taskplan.sessions.workspaces import Workspace

HOME = "local"
"""The node whose part home runs itself."""

_RECEIVER = attrgetter("run", "blob")
"""Whom a `Carried` is for."""

logger = logging.getLogger("taskplan")


class NodeHost:
    """A node in a process of its own.

    Args:
        ticket: who it is, and where home is.
        address: the address of this machine at which other nodes see it.
        home: carries what is said to home and from it; a connection that is made here, if not given.
        dial: connects to the node of a name, at an address.
        end: ends the process at once; called when home is gone.
    """

    def __init__(
        self,
        ticket: Ticket,
        address: str,
        *,
        home: Carrier | None = None,
        dial: Callable[[str, Address], Carrier] | None = None,
        end: Callable[[int], None] = os._exit,
    ) -> None:
        self._ticket = ticket
        self._dial = dial or (lambda _, address: connect(address, ticket.key))
        self._end = end
        self._workspace = Workspace(name=ticket.node)
        self._pool = ThreadPool()
        self._driver = ThreadDriver(self._pool, grace_s=ticket.grace_s, stall_warning_s=ticket.stall_warning_s)
        self._programs: dict[int, tuple[ProgramDef, PreparedPlan]] = {}
        self._parts: dict[int, Part] = {}
        self._peers: dict[str, tuple[Address, Link]] = {}
        self._joining = threading.Lock()
        self._calls: queue.SimpleQueue[Call | Forget | None] = queue.SimpleQueue()
        self._heard_at = time.monotonic() + START_S  # home says nothing until all nodes are there
        self._over = threading.Event()
        self._gate = Gate(address, ticket.key)
        home = home or connect(ticket.home, ticket.key)
        home.send(self._hello())
        self._home = Link(HOME, home)

    def serve(self) -> None:
        """Do what home asks for, until it needs the node no more."""
        _start_thread(self._gate.let_in, self.greet, _start_thread)
        _start_thread(self._answer_calls)
        send_output_home(self._home, self._ticket.levels)
        self._home.begin(self._on_message, self._on_home_lost)
        limit_s = 2 * self._ticket.node_timeout_s
        while not self._over.wait(limit_s / 4):
            if time.monotonic() - self._heard_at > limit_s:
                self._on_home_lost(f"nothing was heard of it for {limit_s:g} s")
        self._calls.put(None)
        self._home.close(flush_s=1.0)

    # --- what comes from home -----------------------------------------------------------------------------------------

    def _on_message(self, message: Any) -> None:
        self._heard_at = time.monotonic()
        match message:
            case Ping():
                self._home.send(Pong(message.number))
            case Carried():
                self._deliver(HOME, message)
            case Relayed():
                self._deliver(message.node, message.content)
            case Call(method="census" | "why"):
                self._answer(message)  # also while a call takes long
            case Call():
                self._calls.put(message)
            case Begin():
                self._pool.submit(partial(self._perform, self._parts[message.run]))
            case Cancel() if message.run in self._parts:
                self._parts[message.run].cancel(skip_closing=message.skip_closing)
            case Forget() if not self._forget(message.run):
                self._calls.put(message)  # perhaps it is just being prepared, on the thread of calls
            case Bye():
                self._over.set()

    def _on_home_lost(self, why: str) -> None:
        """Nobody wants what this process does any more: close what is open, then end, whatever functions still run."""
        if not self._over.is_set():
            for part in list(self._parts.values()):
                part.cancel()
            deadline = time.monotonic() + self._ticket.grace_s
            while any(part.began and not part.ended for part in list(self._parts.values())):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.01)
            with suppress(OSError):  # nobody reads what it says, where home was killed
                os.write(2, f"taskplan: node {self._ticket.node!r} ends: home is gone ({why})\n".encode())
            self._end(1)

    def _answer_calls(self) -> None:
        while (call := self._calls.get()) is not None:
            if isinstance(call, Call):
                self._answer(call)
            else:
                self._forget(call.run)

    def _forget(self, run: int) -> bool:
        """Let a part go whose run is over; says whether it is there."""
        part = self._parts.pop(run, None)
        if part is not None:
            part.forget()
        return part is not None

    def _answer(self, call: Call) -> None:
        try:
            reply = Reply(call.number, getattr(self, f"_call_{call.method}")(*call.arguments))
            if call.method in ("fetch", "output"):
                require_picklable(reply.value, f"blob {call.arguments[0]!r} of node {self._ticket.node!r}")
        except BaseException as error:  # home raises it
            reply = Reply(call.number, error=packed(error))
        self._home.send(reply)

    # --- calls --------------------------------------------------------------------------------------------------------

    def _call_load(self, number: int, data: bytes, modules: tuple[str, ...], declarations: bytes) -> None:
        """Take this node's part of a program.

        Args:
            number: what home calls the program.
            data: the part, as `archive` writes it.
            modules: those that declare operators of the user.
            declarations: those of the script itself, pickled.

        Raises:
            PlacementError: a module is missing here.
        """
        try:
            for module in modules:
                importlib.import_module(module)
            for declared in functions.loads(declarations):
                registry.adopt(declared)
            program = archive.program_from_bytes(data, allow_code=True)
        except (ImportError, PlanError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
            name = getattr(cause, "name", None)
            what = (
                f"cannot import module {name!r}; it must be installed there, or lie in a folder of its sys.path"
                if name
                else f"lacks what the program needs: {shown(error, str)}"
            )
            msg = f"node {self._ticket.node!r} {what}"
            raise PlacementError(msg, node=self._ticket.node) from error
        [plan] = program.plans.values()
        self._programs[number] = program, PreparedPlan(plan)

    def _call_drop(self, number: int) -> None:
        self._programs.pop(number, None)

    def _call_prepare(self, order: PartOrder, peers: dict[str, Address]) -> None:
        """Be ready to run a part: its objects are there, and so are the connections to other nodes.

        Args:
            order: which part.
            peers: the nodes that this one has to connect to.
        """
        program, plan = self._programs[order.program]
        for node, address in peers.items():
            self._connect(node, address)
        self._parts[order.run] = Part(
            order,
            self._ticket.node,
            program,
            plan,
            self._workspace,
            self._driver,
            send=self._send,
            flush=self._flush,
            tell_home=self._home.send,
            observe=partial(self._observe, order.run) if order.observed else None,
        )

    def _call_census(self, run: int) -> Census:
        return self._parts[run].census()

    def _call_why(self, run: int) -> PartWhy:
        return self._parts[run].why()

    def _call_names(self) -> list[str]:
        return self._workspace.names()

    def _call_feed(self, name: str, value: object) -> None:
        self._workspace.feed_blob(name, value)

    def _call_fetch(self, name: str) -> Any:
        """As a blob is fetched from a workspace: for tests of what is there."""
        return self._workspace.fetch_blob(name)

    def _call_output(self, name: str) -> Any:
        """As an output is fetched: any object is given out."""
        return self._workspace.create_blob(name).fetch()

    def _call_remove(self, name: str) -> bool:
        return self._workspace.remove_blob(name)

    # --- parts --------------------------------------------------------------------------------------------------------

    def _perform(self, part: Part) -> None:
        part.began = True
        error: BaseException | None = None
        try:
            part.perform()
        except BaseException as failure:  # home raises it
            error = failure
        finish_lines()
        abandoned = tuple(part.shared.abandoned)
        self._home.send(Ended(part.order.run, packed(error) if error is not None else None, abandoned))

    def _observe(self, run: int, event: Event) -> None:
        self._home.send(Observed(run, event, self._driver.now() - event.at_s))

    # --- other nodes --------------------------------------------------------------------------------------------------

    def _send(self, node: str, message: Carried) -> None:
        peer = self._peers.get(node)
        if node == HOME:
            self._home.send(message)
        elif peer is not None:
            peer[1].send(message, soon=message.soon)
        else:
            self._home.send(Relayed(node, message))

    def _flush(self) -> None:
        for _, link in list(self._peers.values()):
            link.flush()

    def _deliver(self, source: str, *messages: Carried) -> None:
        """Hand messages, all for one object, to the part that they are for."""
        part = self._parts.get(messages[0].run)
        if part is not None:
            part.receive(source, *messages)

    def _connect(self, node: str, address: Address) -> None:
        known = self._peers.get(node)
        if known is not None and known[0] == address and not known[1].ended:
            return
        try:
            carrier = self._dial(node, address)
        except OSError as error:
            msg = f"node {self._ticket.node!r} cannot connect to node {node!r} at {address[0]}:{address[1]}: {error}"
            raise RunError(msg) from error
        carrier.send(self._hello())
        carrier.receive()  # then the other one can send to us, too
        self._begin(node, self._join(node, address, carrier))

    def greet(self, carrier: Carrier) -> None:
        """Take part in a connection that another node has made."""
        try:
            hello = carrier.receive()
        except (EOFError, OSError) as error:  # it has just died
            logger.warning("a node that connected was gone at once: %r", error)
            return
        link = self._join(hello.node, hello.address, carrier)
        carrier.send(self._hello())  # before what the link sends, and only when there is a link to send on
        self._begin(hello.node, link)

    def _hello(self) -> Hello:
        return Hello(self._ticket.node, os.getpid(), self._gate.address)

    def _join(self, node: str, address: Address, carrier: Carrier) -> Link:
        """A new link to a node. Where two have connected to each other, each sends on the link that it saw first."""
        link = Link(node, carrier)
        with self._joining:
            old = self._peers.get(node)
            if old is None or old[0] != address or old[1].ended:
                self._peers[node] = address, link
        if old is not None and old[0] != address:
            old[1].close()
        return link

    def _begin(self, node: str, link: Link) -> None:
        link.begin_together(partial(self._on_peer_messages, node), partial(self._on_peer_lost, node))

    def _on_peer_messages(self, node: str, messages: Sequence[Carried]) -> None:
        for _, group in groupby(messages, _RECEIVER):
            self._deliver(node, *group)

    def _on_peer_lost(self, node: str, why: str) -> None:
        self._home.send(PeerLost(node, why))


def _start_thread(job: Callable[..., None], *args: Any) -> None:
    """Let something be done beside, until the process ends."""
    threading.Thread(target=job, args=args, name=f"taskplan-{job.__name__.strip('_')}", daemon=True).start()
