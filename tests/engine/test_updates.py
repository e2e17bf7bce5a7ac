"""Updates of big blobs write into the array that the blob owns, and never into one that somebody else has seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.conftest import Declare

from taskplan import LocalSession, Net, Task, TaskGroup, Workspace, ops

ROWS = 1000
"""Of 16 float32: enough that the blob's own array is used again."""


@pytest.fixture
def workspace() -> Workspace:
    """A table of ones, an index and a row of nines to put there."""
    made = Workspace()
    made.feed_blob("table", np.ones((ROWS, 16), np.float32))
    made.feed_blob("at", np.array([3], np.int32))
    made.feed_blob("row", np.full((1, 16), 9, np.float32))
    return made


def kept_net(workspace: Workspace, write: Callable[[Net], object]) -> Callable[[], None]:
    net = Net("update")
    write(net)
    return workspace.create_net(net).run


def array_of(workspace: Workspace, blob: str) -> Any:
    return workspace.cell(blob).value


def assign(net: Net) -> None:
    net.ScatterAssign(["table", "at", "row"], "table")


def test_the_first_update_copies_what_was_fed_and_later_ones_write_into_the_copy(workspace: Workspace) -> None:
    run = kept_net(workspace, assign)
    fed = array_of(workspace, "table")

    run()
    first = array_of(workspace, "table")
    run()

    assert fed[3, 0] == 1
    assert first is not fed
    assert array_of(workspace, "table") is first
    assert first[3].tolist() == [9] * 16


def test_reading_that_keeps_nothing_leaves_the_blob_its_array(workspace: Workspace) -> None:
    def write(net: Net) -> None:
        assign(net)
        net.ReduceSum("table", "total", axes=[0, 1])
        net.Gather(["table", "at"], "looked_up")

    run = kept_net(workspace, write)
    run()
    first = array_of(workspace, "table")
    run()

    assert array_of(workspace, "table") is first


@pytest.mark.parametrize("kind", ["Copy", "FlattenToVec", "Alias"])
def test_what_has_taken_the_value_does_not_see_later_updates(workspace: Workspace, kind: str) -> None:
    update = kept_net(workspace, assign)
    update()
    net = Net("take")
    getattr(net, kind)("table", "taken")
    workspace.run(net)
    taken = array_of(workspace, "taken")
    workspace.feed_blob("row", np.full((1, 16), 5, np.float32))

    update()

    assert taken.reshape(ROWS, 16)[3, 0] == 9
    assert array_of(workspace, "table")[3, 0] == 5


def test_a_record_in_a_queue_does_not_see_later_updates(workspace: Workspace) -> None:
    def write(net: Net) -> None:
        assign(net)
        net.Copy("table", "record")
        net.EnqueueBlobs(["queue", "record"], ["record"])

    make = Net("make")
    make.CreateBlobsQueue([], "queue", capacity=3)
    workspace.run(make)
    run = kept_net(workspace, write)
    for value in (5, 6):
        workspace.feed_blob("row", np.full((1, 16), value, np.float32))
        run()
    take = Net("take")
    take.DequeueBlobs("queue", "first")
    workspace.run(take)

    assert workspace.fetch_blob("first")[3, 0] == 5


def test_what_a_users_operator_kept_does_not_see_later_updates(workspace: Workspace, declare: Declare) -> None:
    kept: list[Any] = []

    @declare("Keeping", inputs=("X",), outputs=("Y",))
    def keeping(x: Any) -> Any:
        kept.append(x)
        return x.sum()

    def write(net: Net) -> None:
        assign(net)
        net.Keeping("table", "total")

    run = kept_net(workspace, write)
    run()
    workspace.feed_blob("row", np.full((1, 16), 5, np.float32))
    run()

    assert kept[0][3, 0] == 9


def test_what_was_fetched_does_not_see_later_updates(workspace: Workspace) -> None:
    run = kept_net(workspace, assign)
    run()
    fetched = workspace.fetch_blob("table")
    workspace.feed_blob("row", np.full((1, 16), 5, np.float32))

    run()

    assert fetched[3, 0] == 9


def test_a_result_under_another_name_leaves_the_input_alone(workspace: Workspace) -> None:
    workspace.feed_blob("columns", np.zeros((ROWS, 1), np.int32))
    workspace.feed_blob("values", np.full((ROWS, 1), 7, np.float32))
    net = Net("apart")
    net.Scatter(["table", "columns", "values"], "result")
    workspace.run(net)

    assert workspace.fetch_blob("table")[0, 0] == 1
    assert workspace.fetch_blob("result")[0].tolist() == [7] + [1] * 15


def test_a_blob_that_is_read_by_the_same_call_is_copied(workspace: Workspace) -> None:
    net = Net("itself")
    net.ScatterAssign(["square", "all", "square"], "square")
    workspace.feed_blob("square", np.arange(ROWS * 16, dtype=np.float32).reshape(ROWS, 16))
    workspace.feed_blob("all", np.arange(ROWS, dtype=np.int32)[::-1].copy())
    kept = workspace.create_net(net)
    kept.run()
    kept.run()

    assert workspace.fetch_blob("square")[:, 0].tolist() == list(range(0, ROWS * 16, 16))


def test_instances_that_update_one_table_lose_no_row() -> None:
    with TaskGroup() as group, Task(num_instances=4) as task:
        with ops.task_init():
            table = ops.ConstantFill([], shape=[200, 16], value=0.0)
            ticket = ops.CreateCounter([])
            ones = ops.ConstantFill([], shape=[1, 16], value=1.0)
        with ops.loop(50):
            ops.ScatterAssign([table, ops.Cast(ops.CountUp(ticket), to="int32"), ones], [table])
    output = task.add_output(table)
    with LocalSession(Workspace()) as session:
        session.run(group)

    assert output.fetch().sum() == 200 * 16
