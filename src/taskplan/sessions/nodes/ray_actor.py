"""The actor of a node on Ray, and what is said to it over calls."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import pickle
import secrets
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from taskplan.sessions.nodes.calls import CallCarrier, Frame, Mailbox
from taskplan.sessions.nodes.host import HOME, NodeHost
from taskplan.sessions.nodes.link import Carrier
from taskplan.sessions.nodes.messages import Address, Ticket
from taskplan.sessions.nodes.wire import connect

logger = logging.getLogger("taskplan")

CONNECT_S = 2.0
"""How long a direct connection may take to come about, before messages go over Ray's calls."""

LOOPBACK = "127.0.0.1"

_MACHINE_DIED = "its node has died. "


def actor_class() -> type:
    """The class of the actors. It travels by value, and so says what is missing where taskplan cannot be imported."""

    class Node:
        def __init__(self, name: str) -> None:
            self._name = name

        def __repr__(self) -> str:
            return self._name  # Ray puts it before what the process writes

        async def begin(self, path: Sequence[str], folder: str, ticket: bytes, prefix: str, direct: bool) -> bool:
            sys.path.extend(each for each in path if each not in sys.path)
            if os.path.isdir(folder):
                os.chdir(folder)
            module = importlib.import_module("taskplan.sessions.ray")
            self._node = module.node_on_ray(pickle.loads(ticket), prefix, asyncio.get_running_loop(), direct)
            connected: bool = await asyncio.to_thread(self._node.connect)
            return connected

        async def serve(self) -> None:
            await asyncio.to_thread(self._node.serve)

        async def deliver(self, line: str, frame: Frame) -> None:
            self._node.mailbox(line).put(frame)

        async def collect(self, line: str) -> Frame | None:
            frame: Frame | None = await self._node.mailbox(line).take()
            return frame

    return Node


class NodeOnRay:
    """What the actor of a node does.

    Args:
        ray: the module.
        ticket: of the node.
        prefix: what the names of all actors of the session begin with; the name of the node follows.
        loop: the event loop of the actor.
        direct: whether to try to connect to others, before calls are used.
    """

    def __init__(self, ray: Any, ticket: Ticket, prefix: str, loop: asyncio.AbstractEventLoop, direct: bool) -> None:
        self._ticket = ticket
        self._prefix = prefix
        self._loop = loop
        self._direct = direct
        self._ray = ray
        self._home: Carrier | None = None
        self._host: NodeHost | None = None
        self._mailboxes: dict[str, Mailbox] = {}

    def connect(self) -> bool:
        """Connect to home; whether that was possible directly."""
        if self._direct:
            with suppress(OSError):
                self._home = connect(self._ticket.home, self._ticket.key, CONNECT_S)
                return True
        self._home = self._mailboxes[HOME] = Mailbox(self._loop)
        return False

    def serve(self) -> None:
        """Be the node, until home needs it no more."""
        address = self._ray.util.get_node_ip_address() if self._direct else LOOPBACK
        self._host = NodeHost(self._ticket, address, home=self._home, dial=self._dial)
        self._host.serve()

    def mailbox(self, line: str) -> Mailbox:
        """The end here of a link over calls; one that another node begins is made when that first calls."""
        found = self._mailboxes.get(line)
        if found is None:
            assert self._host is not None
            found = self._mailboxes[line] = Mailbox(self._loop)
            threading.Thread(target=self._host.greet, args=(found,), name="taskplan-greet", daemon=True).start()
        return found

    def _dial(self, node: str, address: Address) -> Carrier:
        if self._direct:
            try:
                return connect(address, self._ticket.key, CONNECT_S)
            except OSError as error:
                logger.warning("no connection to node %r can be made (%s), so Ray's calls are used", node, error)
        try:
            actor = self._ray.get_actor(self._prefix + node)
        except ValueError as error:
            raise OSError(str(error)) from error
        return carrier_to(actor, f"{self._ticket.node}:{secrets.token_hex(4)}")


def carrier_to(actor: Any, line: str) -> CallCarrier:
    """A link to an actor over its methods. It is one of several, and `line` says which."""

    def deliver(frame: Frame) -> Future[None]:
        answer: Future[None] = actor.deliver.remote(line, frame).future()
        return answer

    def collect() -> Future[Frame | None]:
        answer: Future[Frame | None] = actor.collect.remote(line).future()
        return answer

    return CallCarrier(deliver, collect)


def how_it_ended(error: Exception, ray: Any) -> str:
    """What Ray says of the end of an actor, as a clause of one line."""
    if isinstance(error, ray.exceptions.RayTaskError):
        cause = error.cause
        if isinstance(cause, ModuleNotFoundError):
            return f"cannot import module {cause.name!r}, which must be installed on all machines, or be given as code"
        return f"raised {cause!r}"
    text = _in_one_line(error).partition(" Some common causes include")[0]
    _, _, machine = text.partition(_MACHINE_DIED)
    if machine:
        detail = machine.rpartition("the actor's node was ")[2].rstrip(".")
        return f"died with its machine ({detail})"
    _, _, why = text.rpartition("The actor is dead because ")
    kind, _, detail = why.rpartition(" Worker exit type: ")[2].partition(" Worker exit detail: ")
    return f"died ({f'{kind}: {detail}' if detail else why})".replace(".)", ")")


def went_with_machine(error: Exception) -> bool:
    """Whether Ray says that an actor died since its machine did."""
    return _MACHINE_DIED in _in_one_line(error)


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
