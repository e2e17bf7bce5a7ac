"""Nodes are apart, and exchange data through channels. (Design D9; beyond the checklist.)"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import GLOBAL, PRIVATE, TIMEOUT_S, awaits, keeping, writing

import taskplan as tp
from taskplan import ops


def group_on(node: str, net: tp.Net, workspace_type: str = GLOBAL) -> tp.TaskGroup:
    with tp.TaskGroup(workspace_type) as group:
        tp.Task(step=net, node=node)
    return group


# --- workspaces of nodes ----------------------------------------------------------------------------------------------


def test_node_local_is_the_sessions_workspace(session, ws):
    session.run(group_on("local", writing("x")))

    assert session.workspace("local") is ws
    assert session.workspace() is ws
    assert ws.fetch_blob("x") == 1


def test_every_other_node_has_a_workspace_of_its_own_that_lasts(session, ws):
    session.run(group_on("a", writing("x", 1)))
    session.run(group_on("b", writing("x", 2)))
    copy = tp.Net("copy")
    copy.Copy(["x"], ["y"])

    session.run(group_on("a", copy))

    assert session.workspace("a").fetch_blob("y") == 1
    assert session.workspace("a") is session.workspace("a")
    assert session.workspace("b").fetch_blob("x") == 2
    assert not session.workspace("b").has_blob("y")
    assert not ws.has_blob("x")


def test_sessions_share_no_nodes(open_session):
    first, second = open_session(), open_session()

    first.run(group_on("a", writing("x")))

    assert not second.workspace("a").has_blob("x")


def test_feed_writes_into_the_workspace_of_a_node(session, ws):
    session.feed("a", "x", np.array(5))
    double = tp.Net("double")
    double.Add(["x", "x"], ["doubled"])

    session.run(group_on("a", double))

    assert session.workspace("a").fetch_blob("doubled") == 10
    assert not ws.has_blob("x")


@pytest.mark.one_process
def test_private_tasks_of_a_node_see_its_workspace_and_leave_nothing_there(session):
    values: list[int] = []
    session.feed("a", "x", np.array(5))
    net = tp.Net("look")
    net.Python(keeping(values))([net.Copy(["x"], ["private"])], [])

    session.run(group_on("a", net, PRIVATE))

    assert values == [5]
    assert set(session.workspace("a").blobs) == {"x"}


def test_an_output_is_fetched_from_the_node_of_its_task(session, ws):
    outputs = {}
    with tp.TaskGroup() as group:
        for node, value in {"a": 1, "b": 2, "local": 3}.items():
            with tp.Node(node), tp.Task():
                outputs[node] = tp.final_output(ops.Const(value, blob_out="result"))

    session.run(group)

    assert {node: int(output.fetch()) for node, output in outputs.items()} == {"a": 1, "b": 2, "local": 3}
    assert ws.fetch_blob("result") == 3
    assert session.workspace("a").fetch_blob("result") == 1


def test_fetching_a_blob_that_lives_elsewhere_names_the_node(session, ws):
    session.run(group_on("trainer", writing("weights")))
    session.run(group_on("reader", writing("rows")))

    with pytest.raises(RuntimeError, match="'trainer'"):
        ws.fetch_blob("weights")
    with pytest.raises(RuntimeError, match="'reader'"):
        session.workspace("trainer").fetch_blob("rows")


def test_reading_a_blob_of_another_node_is_refused_before_the_run_and_says_what_to_do(session, trace):
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task():
            ops.Const(1, blob_out="theirs")
            trace.mark("ran")
        with tp.Node("b"), tp.Task():
            ops.Copy(["theirs"], ["mine"])

    with pytest.raises(RuntimeError, match=r"'theirs'.*node 'a'") as caught:
        session.run(group)

    assert "Channel" in str(caught.value)
    assert trace == []


@pytest.mark.one_process
@pytest.mark.overlap
def test_tasks_of_all_nodes_run_at_once(session, trace):
    barrier = threading.Barrier(3)
    with tp.TaskGroup() as group:
        for node in ("local", "a", "b"):
            with tp.Node(node), tp.Task():
                trace.mark(node, do=lambda: barrier.wait(TIMEOUT_S))

    session.run(group)

    assert sorted(trace) == ["a", "b", "local"]


@pytest.mark.one_process
def test_a_failure_on_one_node_ends_the_others(session):
    begun = threading.Event()
    with tp.TaskGroup() as group:
        with tp.Node("waits"), tp.Task():
            ops.Python(lambda inputs, outputs: begun.set())([], [])
            ops.DequeueBlobs([ops.CreateBlobsQueue([], 1)], 1)
        with tp.Node("fails"), tp.Task(name="job"):
            ops.Python(lambda inputs, outputs: begun.wait(TIMEOUT_S))([], [])
            ops.Fail([], [])

    with pytest.raises(RuntimeError, match="Fail") as caught:
        session.run(group)

    assert "task 'fails/job' on node 'fails'" in "\n".join(caught.value.__notes__)


# --- all nodes in one workspace ---------------------------------------------------------------------------------------


@pytest.mark.one_process
def test_shared_nodes_puts_all_nodes_into_one_workspace(open_session, ws):
    """As Caffe2 did: one node sees what another makes."""
    session = open_session(shared_nodes=True)
    made, values = threading.Event(), []

    def look(inputs: Any, _outputs: Any) -> None:
        awaits(made)()
        keeping(values)(inputs, [])

    with tp.TaskGroup(GLOBAL) as group:
        with tp.Node("a"), tp.Task():
            ops.Const(3, blob_out="theirs")
            ops.Python(lambda inputs, outputs: made.set())([], [])
        with tp.Node("b"), tp.Task():
            ops.Python(look)(["theirs"], [])
            output = tp.final_output(ops.Const(4, blob_out="mine"))

    session.run(group)

    assert values == [3]
    assert (ws.fetch_blob("theirs"), ws.fetch_blob("mine"), output.fetch()) == (3, 4, 4)
    assert session.workspace("a") is ws


@pytest.mark.one_process
def test_with_shared_nodes_local_setup_of_all_tasks_is_that_of_the_one_node(open_session, trace):
    session = open_session(shared_nodes=True)
    with tp.TaskGroup() as group:
        for node in ("a", "b"):
            with tp.Node(node), tp.Task():
                with ops.local_init():
                    trace.mark(f"init {node}")
                trace.mark("task")

    session.run(group)

    assert trace == ["init a", "init b", "task", "task"]


# --- channels ---------------------------------------------------------------------------------------------------------


def write_rows(channel: tp.Channel, count: int, base: int = 0) -> None:
    """Write `base`, `base` + 1, ... to a channel of one column."""
    writer = channel.writer()
    start = ops.Const(base)
    with ops.loop(count) as loop:
        writer.write(None, [ops.Add([start, loop.iter()])])


def read_rows(channel: tp.Channel, values: list[Any]) -> None:
    """Read until the channel ends."""
    reader = channel.reader()
    row: Any
    with ops.loop():
        should_stop, row = reader.read()
        ops.stop_if(should_stop)
        ops.Python(keeping(values))(row.field_blobs(), [])


@pytest.mark.one_process
def test_a_channel_carries_rows_from_one_node_to_another(session, ws):
    rows, values = tp.Channel("rows", capacity=2, schema=["number"]), []
    with tp.TaskGroup() as group:
        with tp.Node("reader"), tp.Task():
            write_rows(rows, 10)
        with tp.Node("trainer"), tp.Task():
            read_rows(rows, values)

    session.run(group)

    assert values == list(range(10))
    assert [space.has_blob("channel:rows") for space in (ws, session.workspace("reader"))] == [False, False]


@pytest.mark.one_process
@pytest.mark.overlap
@pytest.mark.parametrize("shared", [False, True])
def test_a_channel_with_several_writers_and_readers_closes_after_the_last_writer(open_session, shared):
    """The first writer ends long before the others: their rows must arrive too, each exactly once."""
    session = open_session(shared_nodes=shared)
    rows = tp.Channel("rows", capacity=3, schema=["number"])
    values: list[list[int]] = [[], []]
    first_ended = threading.Event()
    with tp.TaskGroup() as group:
        with tp.Node("w0"), tp.Task():
            write_rows(rows, 1)
            with ops.task_finally():
                ops.Python(lambda inputs, outputs: first_ended.set())([], [])
        for number in (1, 2):
            with tp.Node(f"w{number}"), tp.Task():
                ops.Python(lambda inputs, outputs: first_ended.wait(TIMEOUT_S))([], [])
                write_rows(rows, 50, base=number * 100)
        for number in (0, 1):
            with tp.Node(f"r{number}"), tp.Task():
                read_rows(rows, values[number])

    session.run(group)

    assert sorted(values[0] + values[1]) == [0, *range(100, 150), *range(200, 250)]


@pytest.mark.one_process
def test_a_task_with_several_instances_is_one_writer(session):
    rows, values = tp.Channel("rows", capacity=3, schema=["number"]), []
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(num_instances=3):
            write_rows(rows, 20)
        with tp.Node("b"), tp.Task():
            read_rows(rows, values)

    session.run(group)

    assert sorted(values) == sorted([*range(20)] * 3)


def test_a_channel_works_within_one_node_and_in_global_workspaces(session, ws):
    rows, values = tp.Channel("rows", capacity=1, schema=["number"]), []
    with tp.TaskGroup(GLOBAL) as group:
        with tp.Task():
            write_rows(rows, 5)
        with tp.Task():
            read_rows(rows, values)

    for _ in range(2):
        session.run(group)

    assert values == [*range(5)] * 2
    assert not ws.has_blob("channel:rows")


@pytest.mark.one_process
def test_ordinary_queue_operators_work_on_the_blob_of_a_channel(session):
    rows = tp.Channel("rows", capacity=10, schema=["a", "b"])
    values: list[int] = []
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task():
            rows.writer()
            a, b = ops.Const(1), ops.Const(2)
            ops.EnqueueBlobs(["channel:rows", a, b], [a, b])
        with tp.Node("b"), tp.Task():
            rows.reader()
            a, b, status = ops.SafeDequeueBlobs([rows.queue()], 3)
            ops.Python(keeping(values))([a, b, status], [])

    session.run(group)

    assert values == [1, 2, False]


def test_records_keep_their_fields_on_the_way(session):
    schema = tp.schema.Struct(("user", np.int64), ("prices", tp.schema.List(np.float32)))
    rows = tp.Channel("rows", capacity=1, schema=schema)
    fetched = []
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task():
            record = tp.schema.Struct(
                ("user", ops.Const(np.array([7]))),
                (
                    "prices",
                    tp.schema.List(
                        ops.Const(np.array([1.5, 2.5], np.float32)), lengths_blob=ops.Const(np.array([2], np.int32))
                    ),
                ),
            )
            rows.writer().write(None, record)
        with tp.Node("b"), tp.Task():
            should_stop, received = rows.reader().read()
            ops.stop_if(should_stop)
            fetched.append(tp.final_output(received))

    session.run(group)

    got = fetched[0].fetch()
    assert got.field_names() == ["user", "prices:lengths", "prices:values"]
    assert [array.tolist() for array in got.field_blobs()] == [[7], [2], [1.5, 2.5]]


def test_a_failing_writer_ends_the_readers_of_its_channel(session, trace):
    """The channel is closed as failed: nobody takes a part for the whole."""
    rows = tp.Channel("rows", capacity=1, schema=["number"])
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task():
            write_rows(rows, 3)
            ops.Fail([], [])
        with tp.Node("b"), tp.Task():
            with ops.task_exit():
                trace.mark("committed")
            read_rows(rows, [])

    with pytest.raises(RuntimeError, match="Fail"):
        session.run(group)

    assert trace == []


def test_two_channels_of_one_name_in_a_group_are_refused(session):
    with tp.TaskGroup() as group:
        for _ in range(2):
            with tp.Task():
                write_rows(tp.Channel("rows", capacity=1, schema=["number"]), 1)

    with pytest.raises(ValueError, match="'rows'"):
        session.run(group)


def test_a_record_of_another_kind_is_refused_where_it_is_written():
    rows = tp.Channel("rows", capacity=1, schema=["a", "b"])
    with tp.TaskGroup(), tp.Task():
        writer = rows.writer()
        with pytest.raises(ValueError, match="'rows'"):
            writer.write(None, [ops.Const(1)])


def test_channels_belong_to_tasks_and_hold_at_least_one_record():
    rows = tp.Channel("rows", capacity=1)

    with pytest.raises(AssertionError):
        rows.writer()
    with pytest.raises(AssertionError):
        rows.reader()
    with pytest.raises(ValueError, match="capacity"):
        tp.Channel("empty", capacity=0)
