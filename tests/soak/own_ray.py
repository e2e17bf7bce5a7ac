"""A Ray of the soak's own on this machine: what it starts, what can be hurt of it, and how nothing of it stays."""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from tests.sessions.process.programs import HANG_S, eventually
from tests.soak.processes import Process, below, kill, process, sockets, wait_for_ends

SETTINGS = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # all of it binds the loopback address
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "3",
}
"""In the environment when ray is imported. With Ray's own health checks a machine that hangs is there for a minute."""

STORE_BYTES = 100_000_000

RAYLETS = 2


@contextmanager
def one_raylet() -> Iterator[Any]:
    """The module ray, connected to a Ray with one raylet that nobody else can reach."""
    with _own_ray() as (ray, folder):
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
            object_store_memory=STORE_BYTES,
            _temp_dir=folder,
        )
        yield ray


@contextmanager
def several_raylets() -> Iterator[Raylets]:
    """A Ray with a head, on which no node has a place, and raylets that stand for machines of their own."""
    with _own_ray() as (ray, _):
        raylets = Raylets(ray, importlib.import_module("ray.cluster_utils"))
        try:
            yield raylets
        finally:
            raylets.end()


class Raylets:
    """The raylets of a cluster.

    Each has the resource `any`, and one of its own: `raylet:0`, `raylet:1`.

    Args:
        ray: the module.
        cluster_utils: the module that starts several raylets on one machine.

    Attributes:
        ray: the module.
    """

    def __init__(self, ray: Any, cluster_utils: Any) -> None:
        self.ray = ray
        self._cluster = cluster_utils.Cluster(
            initialize_head=True,
            shutdown_at_exit=False,
            head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE_BYTES},
        )
        ray.init(address=self._cluster.address, logging_level=logging.ERROR, log_to_driver=False)
        self._nodes = [self._added(index) for index in range(RAYLETS)]
        self._seen: list[list[Process]] = [[] for _ in range(RAYLETS)]

    def pids(self, index: int) -> list[int]:
        """The processes of a raylet: itself, and what it has started."""
        return [each.pid for each in self._processes(index)]

    def replace(self, index: int) -> None:
        """End what is left of a raylet, and start another one that has the same."""
        kill(self._processes(index), HANG_S)
        self._cluster.remove_node(self._nodes[index], allow_graceful=False)
        self._seen[index].clear()
        self._nodes[index] = self._added(index)

    def end(self) -> None:
        """End all raylets, and the head."""
        self.ray.shutdown()
        self._cluster.shutdown()

    def _added(self, index: int) -> Any:
        own = {"any": 100, f"raylet:{index}": 100}
        return self._cluster.add_node(num_cpus=1, resources=own, object_store_memory=STORE_BYTES)

    def _processes(self, index: int) -> list[Process]:
        """Those that it has now, and those that it had when it was last asked."""
        pids = [started.process.pid for started in chain.from_iterable(self._nodes[index].all_processes.values())]
        self._seen[index] += [each for each in map(process, pids) if each is not None] + below(*pids)
        return list(dict.fromkeys(self._seen[index]))


def workers() -> list[Process]:
    """The processes below this one in which the actors of nodes are; Ray calls them by the name of their class."""
    return [each for each in below(os.getpid()) if each.title().startswith("ray::Node")]


@contextmanager
def nothing_left_in(ray: Any) -> Iterator[None]:
    """Within it actors, places, and threads and sockets of this process come and go."""
    before = _in_use(ray)
    yield
    eventually(lambda: not workers(), "the processes of the nodes to end")
    eventually(lambda: not _in_use(ray) - before, f"nothing to be left, and there is {_in_use(ray) - before}")


def _in_use(ray: Any) -> set[Any]:
    groups = ray.util.placement_group_table().items()
    return {
        *(each.name for each in threading.enumerate() if each.name.startswith("taskplan-")),
        *ray.util.list_named_actors(),
        *(name for name, group in groups if group["state"] != "REMOVED"),
        *sockets(),
    }


@contextmanager
def _own_ray() -> Iterator[tuple[Any, str]]:
    """The module ray, and a folder for it. All processes that are started within it end with it."""
    folder = tempfile.mkdtemp(prefix="ray")  # the names of sockets in it may not be long
    with _environment(SETTINGS | {"RAY_AUTH_TOKEN": secrets.token_hex(16), "RAY_TMPDIR": folder}):
        ray = importlib.import_module("ray")
        try:
            yield ray, folder
        finally:
            started = below(os.getpid())
            ray.shutdown()
            kill(wait_for_ends(started, HANG_S), HANG_S)
            shutil.rmtree(folder, ignore_errors=True)
    left = [each for each in below(os.getpid()) if each in started]
    assert left == [], f"processes are left: {left}"


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value
