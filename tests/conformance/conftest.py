"""What conformance tests share: a workspace, the sessions under test, and marks that operators make when they run.

A test's number is that of the statement of the task system's checklist that it shows. A new kind of session is one line in `SESSIONS`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import taskplan as tp

SESSIONS: list[Callable[..., Any]] = [
    tp.LocalSession,
]

RUNNERS: list[Callable[..., Any]] = [tp.RunPlan, *SESSIONS]

MANAGED: list[type[tp.Managed]] = [tp.Task, tp.TaskGroup, tp.NetBuilder]


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
    """Opens sessions of the kind under test, on `ws` unless another workspace is given; they are closed after the test."""
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
    """Runs a step or a plan in `ws`: as the function on the current workspace does it, and as each kind of session does."""
    if request.param is tp.RunPlan:
        yield tp.RunPlan
    else:
        with request.param(ws) as session:
            yield session.run


class Trace(list[str]):
    """The marks of operators, in the order in which they ran; operators that run at once may share it."""

    def mark(self, text: str, do: Callable[[], object] | None = None, net: tp.Net | None = None) -> None:
        """Add an operator to the net, or to the open one, that calls `do` and then marks that it ran."""

        def make_mark(_inputs: Any, _outputs: Any) -> None:
            if do is not None:
                do()
            self.append(text)

        (tp.ops.net() if net is None else net).Python(make_mark)([], [])

    def net(self, text: str, do: Callable[[], object] | None = None) -> tp.Net:
        """A net of that name that calls `do` and then marks that it ran."""
        net = tp.Net(text)
        self.mark(text, do, net)
        return net

    def step(self, text: str, do: Callable[[], object] | None = None, **flags: Any) -> tp.ExecutionStep:
        """A step of that name that calls `do` and then marks that it ran."""
        return tp.execution_step(text, self.net(text, do), **flags)


@pytest.fixture
def trace() -> Trace:
    return Trace()
