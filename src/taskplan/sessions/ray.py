"""`RaySession`: a program on the machines of a Ray cluster.

This is the only file that imports ray (`pip install taskplan[ray]`). Ray finds places for nodes, starts and ends their
processes and says when one died; all that nodes do and say is the same as for other sessions.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from taskplan.errors import BuildTypeError, BuildValueError, PlacementError
from taskplan.events import Observer
from taskplan.sessions.nodes.messages import Ticket
from taskplan.sessions.nodes.ray_actor import NodeOnRay
from taskplan.sessions.nodes.ray_launcher import RayLauncher
from taskplan.sessions.spread import SpreadSession
from taskplan.sessions.workspaces import Workspace

ANSWER_S = 10.0
"""How long the head of a cluster may take to answer."""


class RaySession(SpreadSession):
    """Runs each node but `local` in a process of its own on a Ray cluster.

    What runs in a `ProcessSession` runs here, with the same results and errors. The keywords of a node say what its
    process needs, and Ray finds a machine that has that; nodes are spread over as many machines as there are::

        with TaskGroup() as group:
            with Node("trainer", num_cpus=2, num_gpus=1), Task():
                ...
        with RaySession(address="auto") as session:
            session.run(group)

    The keywords are `num_cpus`, `num_gpus`, `memory` (bytes), `resources` (a dict of the cluster's own resources) and
    `label_selector` (a dict of labels, as Ray has them). A node without any takes nothing from others. A session keeps
    the places of its nodes until it is closed.

    With `address=None` the session starts a Ray of its own on this machine, when the first node is needed, and ends it
    with the last session that uses it. It can be reached from this machine alone, if ray was not imported before: ray
    decides that when it is imported, for the whole process, which then cannot join a cluster of several machines. If
    the process has joined or started Ray by itself, that is used, and left as it is.

    Nodes connect to each other and to this process, at the addresses that Ray reports. Where that fails, messages go
    over Ray's calls, which is slower, and is said in the log. Connections are authenticated with a key of the session,
    but not encrypted. What runs on the nodes is pickled code: whoever may use the cluster may run anything on it.

    Args:
        ws, timeout_s, max_threads, grace_s, stall_warning_s, seed, observers, tier: as for `LocalSession`. A node whose
            functions ignore for `grace_s` that the run has ended is killed.
        address: of the cluster: `"auto"` on a machine that belongs to one, or `"host:port"` of its head; None for one
            on this machine alone.
        code: modules and folders that the nodes need and may not have; they are sent there. A folder is a package.
        node_timeout_s: a node that does not answer for so long is given up and killed.
        max_restarts: how often a run whose nodes are lost begins again from its start, with new processes for them. Its
            tasks must be private, or their group made by `TaskGroup(restartable=True)`.
        placement_timeout_s: how long to wait until the cluster has room for the nodes, in whole seconds and at least 1.
            What no machine has now, in use or not, is refused at once, also by a cluster that would grow.
        direct: False for networks in which nodes cannot connect to each other: all goes over Ray's calls at once.

    Raises:
        BuildTypeError: ray is not installed.
        BuildValueError: `code` is given, and Ray is in use already, so that it is too late for that.
        NodeLostError: from `run`: the process of a node died or was killed, or its machine.
        PlacementError: from `run`: the cluster cannot be reached, has no room for a node, or a node lacks a module.
    """

    def __init__(
        self,
        ws: Workspace | None = None,
        *,
        address: str | None = None,
        code: Sequence[ModuleType | str | os.PathLike[str]] = (),
        timeout_s: float = math.inf,
        max_threads: int = 4096,
        grace_s: float = 10.0,
        stall_warning_s: float = 10.0,
        seed: int | None = None,
        observers: Sequence[Observer] = (),
        tier: str | None = None,
        node_timeout_s: float = 30.0,
        max_restarts: int = 0,
        placement_timeout_s: float = 30.0,
        direct: bool = True,
    ) -> None:
        if not placement_timeout_s >= 0:
            msg = f"placement_timeout_s must be at least 0 seconds, got {placement_timeout_s!r}"
            raise BuildValueError(msg)
        launcher = RayLauncher(_Cluster(address, code), placement_timeout_s, direct=direct)
        super().__init__(
            ws,
            launcher,
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
        launcher.on_arrival = self._home.arrived


# --- the cluster ------------------------------------------------------------------------------------------------------


class _Cluster:
    """The Ray that a session uses: started or joined when it is first needed, unless this process has one already.

    Args:
        address: of the cluster; None for one of our own.
        code: what is sent to its machines.
    """

    def __init__(self, address: str | None, code: Sequence[Any]) -> None:
        if address not in (None, "auto") and not re.fullmatch(r"[^/]+:\d+", address or ""):
            msg = f"address must be 'auto' or 'host:port', got {address!r}; run the program on a machine of the cluster"
            raise BuildValueError(msg)
        self._address = address
        self._code = [_as_ray_takes_it(each) for each in code]
        self._membership: _Membership | None = None
        self.ray = _import_ray(loopback=address is None)
        if self.ray.is_initialized():
            self._check_fits()

    def enter(self) -> object:
        """Be connected to it; says to which one.

        Raises:
            PlacementError: it cannot be started or joined.
            BuildValueError: this process uses another one, or it is too late to send code there.
        """
        with _Membership.lock:
            if self._membership is None or not self._membership.stands():
                self.leave()
                self._membership = self._join()
            return _which(self.ray)

    def _join(self) -> _Membership | None:
        """What is to be left later; None if this process has a Ray that was there before."""
        current = _Membership.current
        if not self.ray.is_initialized():
            current = _Membership(self.ray, self._address, self._begin)
            _Membership.current = current
        else:
            self._check_fits()
        if current is None or not current.stands():
            return None
        current.users += 1
        return current

    def leave(self) -> None:
        """Need it no more: what we started or joined is left when nobody else here uses it."""
        with _Membership.lock:
            membership, self._membership = self._membership, None
            if membership is None:
                return
            membership.users -= 1
            last = membership.users == 0
            if last and _Membership.current is membership:
                _Membership.current = None
        if last:
            membership.end()

    def _check_fits(self) -> None:
        if self._code:
            msg = "code was given, and Ray is in use in this process already; give it to ray.init, as runtime_env"
            raise BuildValueError(msg)
        here = self.ray.get_runtime_context().gcs_address
        current = _Membership.current
        if self._address not in (None, "auto", here, current.address if current is not None else None):
            msg = f"address is {self._address!r}, and this process uses the Ray at {here!r} already"
            raise BuildValueError(msg)

    def _begin(self) -> None:
        options: dict[str, Any] = {"logging_level": logging.ERROR}
        if self._code:
            options["runtime_env"] = {"py_modules": self._code}
        if self._address is not None:
            what = f"join the Ray cluster at {self._address!r}"
            options |= {"address": self._address}
            environment = {}
        else:
            what = "start Ray on this machine"
            options |= {"address": "local", "include_dashboard": False}
            environment = {"RAY_USAGE_STATS_ENABLED": "0", **_LOOPBACK_ALONE}
        try:
            with _environment(environment):
                _check_answers(self._address)
                self.ray.init(**options)
        except Exception as error:  # of many classes
            msg = f"cannot {what}: {error}"
            raise PlacementError(msg) from error


def _check_answers(address: str | None) -> None:
    """Raises OSError if nobody is there: Ray itself would try for minutes."""
    if address not in (None, "auto"):
        host, _, port = str(address).rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()


class _Membership:
    """That this process is connected to a Ray which it started or joined for sessions; Ray knows one at a time.

    The thread that starts Ray has to live as long, since Ray has its processes end with that thread.

    Args:
        ray: the module.
        address: the one that was asked for.
        begin: starts or joins it. What it raises is raised here.

    Attributes:
        users: how many sessions use it.
        current: the one that stands now.
        lock: held to look at these, and while one begins.
    """

    current: _Membership | None = None
    lock = threading.RLock()

    def __init__(self, ray: Any, address: str | None, begin: Callable[[], None]) -> None:
        self.users = 0
        self.address = address
        self._ray = ray
        self._begin = begin
        self._identity: object = None
        self._begun: Future[None] = Future()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._hold, name="taskplan-ray", daemon=True)
        self._thread.start()
        self._begun.result()

    def stands(self) -> bool:
        """Whether it is still there."""
        return self._identity is not None and self._identity == _which(self._ray)

    def end(self) -> None:
        """Leave it, unless somebody else has done so."""
        self._over.set()
        self._thread.join()

    def _hold(self) -> None:
        try:
            self._begin()
            self._identity = _which(self._ray)
        except BaseException as error:
            self._begun.set_exception(error)
            return
        self._begun.set_result(None)
        self._over.wait()
        if self.stands():
            self._ray.shutdown()


def _which(ray: Any) -> object:
    """The Ray that this process is connected to; None if to none."""
    if not ray.is_initialized():
        return None
    context = ray.get_runtime_context()
    return context.gcs_address, context.get_job_id()


_LOOPBACK_ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""With this in the environment when it is imported, and in that of its processes, Ray binds the loopback address."""


def _import_ray(*, loopback: bool) -> Any:
    with _environment(_LOOPBACK_ALONE if loopback and "ray" not in sys.modules else {}):
        try:
            import ray
            import ray.util.scheduling_strategies
        except ImportError as error:
            msg = f"RaySession needs the package ray: pip install taskplan[ray] ({error})"
            raise BuildTypeError(msg) from error
    return ray


def node_on_ray(ticket: Ticket, prefix: str, loop: asyncio.AbstractEventLoop, direct: bool) -> NodeOnRay:
    """What the actor of a node is to do; it is called there."""
    return NodeOnRay(_import_ray(loopback=False), ticket, prefix, loop, direct)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _as_ray_takes_it(code: Any) -> Any:
    if isinstance(code, ModuleType):
        return code
    path = os.fspath(code)
    if not os.path.exists(path):
        msg = f"code has {path!r}, which is neither a module nor a folder that is there"
        raise BuildValueError(msg)
    return os.path.abspath(path)
