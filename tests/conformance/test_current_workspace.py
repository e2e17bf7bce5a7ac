"""What functions of the user see as the current workspace while a run goes on."""

from __future__ import annotations

import numpy as np
import pytest

import taskplan as tp
from taskplan import ops


def seen_by_tasks(count: int) -> tuple[tp.TaskGroup, list[float]]:
    """A group whose tasks fetch blob `x` of the current workspace in a function."""
    seen: list[float] = []
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        for _ in range(count):
            with tp.Task():
                ops.call(lambda: seen.append(float(tp.FetchBlob("x"))), outputs=0)
    return group, seen


@pytest.mark.parametrize("tasks", [1, 3])
def test_functions_of_a_run_see_the_sessions_workspace_as_current(tasks):
    """On the caller's thread and on others."""
    group, seen = seen_by_tasks(tasks)
    space = tp.Workspace()
    space.feed_blob("x", np.float32(7))

    with tp.LocalSession(space) as session:
        session.run(group)

    assert seen == [7.0] * tasks
    assert tp.Workspace.current is not space


def test_each_node_has_its_own_workspace_as_current():
    seen: dict[str, float] = {}

    def look(node: str) -> None:
        seen[node] = float(tp.FetchBlob("x"))

    with tp.TaskGroup() as group:
        for node in ("a", "b"):
            with tp.Node(node), tp.Task():
                ops.call(lambda node=node: look(node), outputs=0)

    with tp.LocalSession(tp.Workspace()) as session:
        session.feed("a", "x", 1.0)
        session.feed("b", "x", 2.0)
        session.run(group)

    assert seen == {"a": 1.0, "b": 2.0}


def test_concurrent_steps_see_the_guard_of_the_thread_that_runs_the_plan():
    seen: list[str] = []
    nets = [tp.Net(f"net{number}") for number in range(2)]
    for net in nets:
        net.call(lambda: seen.append(tp.CurrentWorkspace()), outputs=0)
    plan = tp.Plan(tp.control.DoParallel("both", *nets))

    with tp.WorkspaceGuard("guarded"):
        tp.RunPlan(plan)

    assert seen == ["guarded"] * 2
