"""Starting nodes as the actors of a Ray cluster, in places that have what they ask for."""

from __future__ import annotations

import logging
import math
import pickle
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from taskplan.errors import BuildValueError, PlacementError
from taskplan.sessions.nodes.bundles import Bundle, Machine, amount, bundle_of, check_room
from taskplan.sessions.nodes.calls import CallCarrier
from taskplan.sessions.nodes.host import HOME
from taskplan.sessions.nodes.link import Carrier
from taskplan.sessions.nodes.messages import Hello, Ticket
from taskplan.sessions.nodes.ray_actor import (
    LOOPBACK,
    actor_class,
    carrier_to,
    how_it_ended,
    went_with_machine,
)
from taskplan.sessions.nodes.remote import NodeProcess

logger = logging.getLogger("taskplan")

END_S = 15.0
"""How long Ray may take to end an actor that was killed."""

LOOK_AGAIN_S = 0.05
"""How often it is looked whether Ray has given back the name of an actor: it does not tell."""

_MARK = {"memory": 1}
"""What a node that asks for nothing takes: Ray has no empty bundles, and one byte is free on any machine."""

Arrived = Callable[[Carrier, Hello], None]


class Cluster(Protocol):
    """The Ray that nodes run on.

    Attributes:
        ray: the module.
    """

    ray: Any

    def enter(self) -> object:
        """Be connected to it; says to which one, since it may be gone and another one be there."""

    def leave(self) -> None:
        """Need it no more."""


@dataclass(frozen=True)
class _Place:
    """Where a node runs: one bundle of a placement group, which is the node's until the session is closed."""

    bundle: Bundle
    group: Any
    index: int


class RayLauncher:
    """Starts nodes as actors.

    Attributes:
        heeds_keywords: see `Launcher`.
        on_arrival: is told of nodes that are connected over calls; others come to home's gate.
    """

    heeds_keywords = True
    on_arrival: Arrived

    def __init__(self, cluster: Cluster, placement_timeout_s: float, *, direct: bool) -> None:
        self._cluster = cluster
        self._timeout_s = max(1, math.ceil(min(placement_timeout_s, 10**9)))  # Ray takes whole seconds only
        self._direct = direct
        self._prefix = f"taskplan:{secrets.token_hex(4)}:"
        self._entered: object = None
        self._places: dict[str, _Place] = {}
        self._groups: list[Any] = []
        self._processes: dict[str, _Process] = {}

    @property
    def address(self) -> str:
        """The address of this machine at which nodes see it."""
        self._enter()
        return str(self._cluster.ray.util.get_node_ip_address()) if self._direct else LOOPBACK

    def start(
        self, tickets: Sequence[Ticket], needs: Mapping[str, Mapping[str, Any]], on_end: Callable[[str], None]
    ) -> dict[str, NodeProcess]:
        """Start an actor for each node, where it finds what it needs."""
        bundles = [bundle_of(ticket.node, needs.get(ticket.node, {})) for ticket in tickets]
        self._enter()
        self._find_places(bundles)
        for ticket in tickets:
            old = self._processes.get(ticket.node)
            if old is not None:
                old.wait_for_end()
            self._processes[ticket.node] = _Process(
                self._cluster.ray,
                partial(self._start_actor, ticket.node),
                ticket,
                self._prefix,
                on_end,
                self.on_arrival,
                direct=self._direct,
            )
        return {ticket.node: self._processes[ticket.node] for ticket in tickets}

    def close(self) -> None:
        """Give back all places, whatever may still be there, and leave the cluster."""
        for process in self._processes.values():
            process.kill()
        if self._cluster.ray.is_initialized():
            for group in self._groups:
                with suppress(Exception):  # the cluster is gone
                    self._cluster.ray.util.remove_placement_group(group)
        for process in self._processes.values():
            process.epitaph(END_S)
        self._cluster.leave()

    def _start_actor(self, node: str, *, again: bool = False) -> Any:
        """Start the actor of a node in its place; `again` if the place may have gone with its machine."""
        if again:
            self._find_places([self._places[node].bundle])
        actor_of_node = self._cluster.ray.remote(actor_class()).options(**self._options(node))
        deadline = time.monotonic() + END_S
        while True:
            try:
                return actor_of_node.remote(node)
            except ValueError as error:
                if "is already taken" not in str(error):
                    raise
                if time.monotonic() > deadline:
                    raise _not_ended(node) from error
            time.sleep(LOOK_AGAIN_S)  # that an actor has died is told before its name is free

    def _options(self, node: str) -> dict[str, Any]:
        place = self._places[node]
        amounts = dict(place.bundle.resources)
        return {
            "name": self._prefix + node,
            "num_cpus": amounts.pop("CPU", 0),
            "num_gpus": amounts.pop("GPU", None),
            "memory": amounts.pop("memory", None),
            "resources": amounts or None,
            "max_concurrency": 10_000,  # calls that wait count too
            "max_restarts": 0,  # what starts anew has lost its workspace: that is for home to know
            "max_task_retries": 0,
            "enable_task_events": False,
            "scheduling_strategy": self._cluster.ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(
                place.group, placement_group_bundle_index=place.index
            ),
        }

    def _enter(self) -> None:
        entered = self._cluster.enter()
        if entered != self._entered:
            self._entered = entered
            self._places.clear()
            self._groups.clear()
            self._processes.clear()

    # --- places -------------------------------------------------------------------------------------------------------

    def _find_places(self, bundles: Sequence[Bundle]) -> None:
        """Give each node a place: the one that it had before it was lost, if it asks for the same."""
        known = [self._places.get(bundle.node) for bundle in bundles]
        new = [bundle for bundle, place in zip(bundles, known, strict=True) if place is None or place.bundle != bundle]
        machines = [
            Machine(machine["Resources"], machine.get("Labels") or {})
            for machine in self._cluster.ray.nodes()
            if machine["Alive"]
        ]
        check_room(bundles, machines)
        if new:
            group = self._new_group(new)
            self._groups.append(group)
            self._places |= {bundle.node: _Place(bundle, group, index) for index, bundle in enumerate(new)}
            if not group.wait(self._timeout_s):
                self._cluster.ray.util.remove_placement_group(group)
                self._groups.remove(group)
                for bundle in new:
                    del self._places[bundle.node]
                raise self._no_room(new)
        for bundle in bundles:  # a place that goes with its machine is found anew
            if not self._places[bundle.node].group.wait(self._timeout_s):
                raise self._no_room([bundle])

    def _new_group(self, bundles: Sequence[Bundle]) -> Any:
        selectors: dict[str, Any] = {}
        if any(bundle.labels for bundle in bundles):
            selectors["bundle_label_selector"] = [dict(bundle.labels) for bundle in bundles]
        try:
            return self._cluster.ray.util.placement_group(
                [dict(bundle.resources) or _MARK for bundle in bundles], strategy="SPREAD", **selectors
            )
        except (TypeError, ValueError) as error:
            msg = f"Ray does not take what {_listed(bundles)}: {error}"
            raise BuildValueError(msg) from error

    def _no_room(self, waiting: Sequence[Bundle]) -> PlacementError:
        free = self._cluster.ray.available_resources()
        kinds = dict.fromkeys(name for bundle in waiting for name in bundle.resources)
        there = ", ".join(amount(free.get(name, 0), name) for name in kinds)
        free_now = f"; free in the cluster: {there}" if there else ""
        msg = f"there was no room within {self._timeout_s} s: {_listed(waiting)}{free_now}"
        return PlacementError(msg, node=waiting[0].node)


def _listed(bundles: Sequence[Bundle]) -> str:
    return ", ".join(f"node {bundle.node!r} asks for {bundle}" for bundle in bundles)


def _not_ended(node: str) -> PlacementError:
    msg = f"node {node!r} cannot be started anew, since Ray has not ended its process within {END_S:g} s"
    return PlacementError(msg, node=node)


class _Process:
    """The actor of one node, and the thread here that waits for its end.

    Args:
        ray: the module.
        start_actor: starts the actor.
        ticket: of the node.
        prefix: what the names of all actors of the session begin with.
        on_end: see `Launcher`.
        on_arrival: see `RayLauncher`.
        direct: whether to try to connect, before calls are used.
    """

    def __init__(
        self,
        ray: Any,
        start_actor: Callable[..., Any],
        ticket: Ticket,
        prefix: str,
        on_end: Callable[[str], None],
        on_arrival: Arrived,
        *,
        direct: bool,
    ) -> None:
        self._ray = ray
        self._start_actor = start_actor
        self._actor = start_actor()
        self._begin = partial(_begin, ticket, prefix, direct)
        self._node = ticket.node
        self._how = ""
        self._killed = False
        self._over = threading.Event()
        threading.Thread(
            target=self._follow,
            args=(self._begin(self._actor), direct, on_end, on_arrival),
            name=f"taskplan-node-{ticket.node}",
            daemon=True,
        ).start()

    def kill(self) -> None:
        """End it at once."""
        self._killed = True
        if self._ray.is_initialized():  # else Ray would start one for this call
            with suppress(Exception):  # the cluster is gone, and the node with it
                self._ray.kill(self._actor)

    def epitaph(self, timeout_s: float) -> str:
        """How it ended; empty if it has not within the time."""
        self._over.wait(timeout_s)
        return self._how

    def wait_for_end(self) -> None:
        """It was killed: wait until another one may have its name and its place.

        Raises:
            PlacementError: Ray does not end it.
        """
        if not self._over.wait(END_S):
            raise _not_ended(self._node)

    def _follow(self, begun: Any, direct: bool, on_end: Callable[[str], None], on_arrival: Arrived) -> None:
        carrier: CallCarrier | None = None
        try:
            connected = self._has_begun(begun)
            serving = self._actor.serve.remote()
            if not connected:
                if direct:
                    logger.warning(
                        "node %r cannot connect to home, so all they say goes over Ray's calls, which is slower",
                        self._node,
                    )
                carrier = carrier_to(self._actor, HOME)
                with suppress(EOFError, OSError):  # it has died, as `serving` says
                    on_arrival(carrier, carrier.receive())
            self._ray.get(serving)
            how = "ended"
        except PlacementError as error:
            how = f"died with its machine, and there is no place for another: {error}"
        except Exception as error:  # of Ray, or what the actor raises
            how = how_it_ended(error, self._ray)
        self.kill()
        self._how = how
        on_end(self._node)
        self._over.set()  # only now: then this node may be started anew, and what is told is of the new one

    def _has_begun(self, begun: Any) -> bool:
        """Wait until the actor has begun; whether it is connected.

        A place may be on a machine that is gone, which Ray notices when that has not answered for long. Then the actor
        is started in another place.
        """
        while True:
            try:
                connected: bool = self._ray.get(begun)
                return connected
            except self._ray.exceptions.ActorDiedError as error:
                if self._killed or not went_with_machine(error):
                    raise
            self._ray.kill(self._actor)  # else Ray may go on to look for a place for it, and so keep its name
            self._actor = self._start_actor(again=True)
            begun = self._begin(self._actor)
            if self._killed:  # while there was none that could be
                self.kill()


def _begin(ticket: Ticket, prefix: str, direct: bool, actor: Any) -> Any:
    return actor.begin.remote(ticket.path, ticket.folder, pickle.dumps(ticket), prefix, direct)
