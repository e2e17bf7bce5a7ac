"""One Ray for all tests that need one: it takes seconds to start. Each process of pytest has its own, if any."""

from __future__ import annotations

import logging
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import taskplan as tp


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Names of its own, and a workspace of its own."""
    with tp.fresh_names(), tp.WorkspaceGuard(tp.Workspace()):
        yield


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder with a short name: Ray has its sockets in it, and the names of sockets may not be long."""
    folder = tempfile.mkdtemp(prefix="ray")
    yield Path(folder)
    shutil.rmtree(folder, ignore_errors=True)  # a process that is about to end may still write there


@pytest.fixture(scope="session")
def cluster(short_folder) -> Iterator[Any]:
    """The module ray, connected to a Ray of this process on this machine, that nobody else can reach."""
    assert "ray" not in sys.modules, "what ray binds is decided when it is imported"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(16))  # else it writes one into the user's home
        ray = pytest.importorskip("ray")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
            object_store_memory=100_000_000,
            _temp_dir=str(short_folder),
        )
        yield ray
        ray.shutdown()


@pytest.fixture(scope="module")
def shared_session(cluster) -> Iterator[tp.RaySession]:
    """One session for all tests that do not hurt it: its nodes are started once."""
    with tp.RaySession(tp.Workspace(), timeout_s=60, grace_s=5) as session:
        yield session


@pytest.fixture
def session(cluster) -> Iterator[tp.RaySession]:
    """A session of its own, for tests that kill nodes; it leaves nothing behind."""
    before = in_use(cluster)
    with tp.RaySession(tp.Workspace(), timeout_s=60, grace_s=1, node_timeout_s=2, placement_timeout_s=1) as session:
        yield session
    assert in_use(cluster) - before == set()


def in_use(cluster: Any) -> set[Any]:
    """What sessions have in use: actors, places, and threads of this process."""
    groups = cluster.util.placement_group_table().items()
    return {
        *(each for each in threading.enumerate() if each.name.startswith("taskplan-")),
        *cluster.util.list_named_actors(),
        *(name for name, group in groups if group["state"] != "REMOVED"),
    }
