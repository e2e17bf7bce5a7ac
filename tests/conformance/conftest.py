"""What conformance tests share: a workspace, the sessions under test, and marks that operators make when they run.

A test's number is that of the statement of the task system's checklist that it shows. A new kind of session is one line
in `SESSIONS`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.conformance.programs import OneTask, Trace

import taskplan as tp


class PythonTier(tp.LocalSession):
    """All that can be runs as generated Python."""

    def __init__(self, ws: tp.Workspace | None = None, **options: Any) -> None:
        super().__init__(ws, tier="python", **options)


class NativeTier(tp.LocalSession):
    """All that can be runs as native code."""

    def __init__(self, ws: tp.Workspace | None = None, **options: Any) -> None:
        super().__init__(ws, tier="native", **options)


SESSIONS: list[Callable[..., Any]] = [
    tp.LocalSession,
    PythonTier,
    NativeTier,
    tp.SimulatedSession,
    tp.ProcessSession,
]

RUNNERS: list[Callable[..., Any]] = [tp.RunPlan, *SESSIONS]

MANAGED: list[type[tp.Managed]] = [tp.Task, tp.TaskGroup, tp.NetBuilder]


CANNOT: dict[str, set[Callable[..., Any]]] = {"overlap": {tp.SimulatedSession}, "one_process": {tp.ProcessSession}}
"""By marker, the sessions that cannot run such tests by their nature; pyproject.toml says what the markers mean."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a session cannot do by its nature."""
    left_out = [
        item for item in items if any(item.get_closest_marker(mark) and _uses(item, CANNOT[mark]) for mark in CANNOT)
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _uses(item: pytest.Item, sessions: set[Callable[..., Any]]) -> bool:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return not sessions.isdisjoint(value for value in parameters.values() if isinstance(value, type))


def _name_of(factory: Callable[..., Any]) -> str:
    return factory.__name__


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Each test builds with names of its own, and leaves no thread of ours and no open block."""
    with tp.fresh_names():
        yield
    ours = [thread.name for thread in threading.enumerate() if thread.name.startswith("taskplan-")]
    assert ours == []
    assert [cls.current(required=False) for cls in MANAGED] == [None] * len(MANAGED)


@pytest.fixture
def ws() -> Iterator[tp.Workspace]:
    """A fresh workspace, current during the test."""
    with tp.WorkspaceGuard(tp.Workspace()) as workspace:
        yield workspace


@pytest.fixture(params=SESSIONS, ids=_name_of)
def open_session(request: pytest.FixtureRequest, ws: tp.Workspace) -> Iterator[Callable[..., Any]]:
    """Opens sessions of the kind under test, on `ws` if no other workspace is given; they are closed after the test."""
    with ExitStack() as opened:

        def opening(workspace: tp.Workspace = ws, **options: Any) -> Any:
            return opened.enter_context(request.param(workspace, **options))

        yield opening


@pytest.fixture
def session(open_session: Callable[..., Any]) -> Any:
    """A session on `ws`."""
    return open_session()


@pytest.fixture(params=RUNNERS, ids=_name_of)
def run(request: pytest.FixtureRequest, ws: tp.Workspace) -> Iterator[Callable[[object], Any]]:
    """Runs a step or a plan in `ws`: as `RunPlan` does it, and as each kind of session does."""
    if request.param is tp.RunPlan:
        yield tp.RunPlan
    else:
        with request.param(ws) as session:
            yield session.run


@pytest.fixture
def trace() -> Trace:
    return Trace()


@pytest.fixture
def program(session: Any) -> OneTask:
    return OneTask(session)
