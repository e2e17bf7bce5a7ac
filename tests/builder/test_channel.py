"""Channels as parts of a program: who writes, who reads, what a record is."""

import logging

import numpy as np
import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.channel import Channel
from taskplan.builder.cluster import Node
from taskplan.builder.columns import from_blob_list
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.ops import ops
from taskplan.builder.schema import Struct
from taskplan.builder.scope import NameScope
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildError, BuildTypeError, BuildValueError, NoContextError
from taskplan.plan.text import net_text, step_tree

SCHEMA = Struct(("x", np.float32), ("y", np.int64))


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


def two_blobs():
    return [ops.Const(1.0), ops.Const(2)]


def record(x_type=np.float32, y_type=np.int64):
    return from_blob_list(Struct(("x", x_type), ("y", y_type)), two_blobs())


def lines_of(net):
    return [line.strip() for line in net_text(net.to_model()).splitlines()[1:] if "external_input" not in line]


# --- what a channel is ------------------------------------------------------------------------------------------------


def test_a_channel_is_a_queue_in_a_blob_of_its_name():
    channel = Channel("rows", capacity=3)

    assert channel.queue() == "channel:rows"
    assert (channel.name, channel.capacity, channel.node, channel.columns) == ("rows", 3, None, None)
    assert repr(channel) == "Channel(name='rows', capacity=3)"


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_channel_holds_at_least_one_record(capacity):
    with pytest.raises(BuildValueError, match=f"channel 'rows' must hold at least 1 record, got capacity {capacity}"):
        Channel("rows", capacity)


@pytest.mark.parametrize(("name", "error"), [("", BuildValueError), (None, BuildTypeError), (3, BuildTypeError)])
def test_a_channel_has_a_name(name, error):
    with pytest.raises(error, match="name"):
        Channel(name, 1)


@pytest.mark.parametrize("schema", ["x", 3, [np.float32]])
def test_a_schema_is_a_schema_or_a_list_of_names(schema):
    with pytest.raises(BuildTypeError, match="the schema of channel 'rows' is a schema or a list of field names"):
        Channel("rows", 1, schema)


@pytest.mark.parametrize("node", ["n", Node("n")], ids=["name", "node"])
def test_a_channel_may_be_kept_on_a_node(node):
    assert Channel("rows", 1, node=node).node == "n"


# --- writing and reading ----------------------------------------------------------------------------------------------


def test_a_record_is_written_by_the_safe_operator_into_the_open_net():
    channel = Channel("rows", 1, SCHEMA)
    with Task() as task:
        x, y = two_blobs()
        status = channel.writer().write(None, [x, y])
        net = ops.net()

    assert status == "local/task/status"
    assert lines_of(net)[2:] == [f"{x}, {y}, {status} = SafeEnqueueBlobs(channel:rows, {x}, {y})"]
    assert task.get_step().Nets()[0] is net


def test_a_record_may_be_written_into_a_given_net():
    channel, net = Channel("rows", 1), Net("mine")
    with Task():
        writer = channel.writer()
        writer.write(net, [net.Const(1)])

    assert [op.type for op in net.to_model().ops] == ["GivenTensorInt64Fill", "SafeEnqueueBlobs"]


def test_a_blob_that_is_given_twice_is_copied(caplog):
    """The operator writes its inputs in place, so a blob can stand there once."""
    channel = Channel("rows", 1, ["a", "b"])
    with Task(), caplog.at_level(logging.WARNING):
        x = ops.Const(1)
        channel.writer().write(None, [x, x])
        written = ops.net().to_model().ops[-1].inputs

    assert written == ("channel:rows", str(x), "local/task/Copy")
    assert "is written twice in one record, at " in caplog.text


def test_a_record_is_read_by_the_safe_operator():
    channel = Channel("rows", 1, SCHEMA)
    with Task(), NameScope("s"):
        should_stop, read = channel.reader().read()

        assert lines_of(ops.net()) == [
            "s/local/task/x, s/local/task/y, s/local/task/should_stop = SafeDequeueBlobs(channel:rows)"
        ]
    assert should_stop == "s/local/task/should_stop"
    assert (read.x(), read.y()) == ("s/local/task/x", "s/local/task/y")
    assert read.field_types() == SCHEMA.field_types()


def test_two_reads_have_blobs_of_their_own():
    channel = Channel("rows", 1, ["a"])
    with Task():
        reader = channel.reader()
        (one_stop, one), (other_stop, other) = reader.read(), reader.read()

    assert len({one_stop, one.a(), other_stop, other.a()}) == 4


def test_a_channel_of_field_names_has_records():
    channel = Channel("rows", 1, ["a", "b:c"])

    schema = channel.schema()
    assert schema is not None
    assert (schema.field_names(), channel.columns) == (["a", "b:c"], 2)


def test_the_first_record_says_what_a_channel_without_a_schema_has():
    channel = Channel("rows", 1)
    with Task():
        channel.writer().write(None, record())

    with Task():
        _, read = channel.reader().read()

    assert read.field_names() == ["x", "y"]


def test_without_any_schema_a_record_is_a_list_of_blobs():
    channel = Channel("rows", 1)
    with Task():
        channel.writer().write(None, two_blobs())
        _, read = channel.reader().read()

    assert read == ["local/task/data_0", "local/task/data_1"]


def test_reading_needs_to_know_what_a_record_is():
    channel = Channel("rows", 1)
    with (
        Task(),
        pytest.raises(BuildError, match=r"not known what a record of channel 'rows' \(.*\) is; give it a schema"),
    ):
        channel.reader().read()


@pytest.mark.parametrize(
    ("declared", "fields", "message"),
    [
        (SCHEMA, lambda: two_blobs()[:1], r"records of fields \(x: float32, y: int64\), as said at .*; got 1 blobs at"),
        (SCHEMA, lambda: record(y_type=np.float32), r"got fields \(x: float32, y: float32\) at"),
        (["a", "b"], lambda: record(), r"records of fields \(a: .*, b: .*\), as said at"),
    ],
    ids=["count", "type", "name"],
)
def test_writing_another_record_is_refused_with_both_lines(declared, fields, message):
    channel = Channel("rows", 1, declared)
    with Task(), pytest.raises(BuildValueError, match=message) as caught:
        channel.writer().write(None, fields())

    assert str(caught.value).count("test_channel.py") == 2


def test_writers_are_compared_with_the_first_one():
    channel = Channel("rows", 1)
    with Task():
        channel.writer().write(None, two_blobs())
    with Task(), pytest.raises(BuildValueError, match=r"has records of 2 blobs, as said at .* got 1 blobs at"):
        channel.writer().write(None, two_blobs()[:1])


def test_fields_without_a_type_go_with_any():
    channel = Channel("rows", 1, ["x", "y"])
    with Task():
        channel.writer().write(None, record())


@pytest.mark.parametrize("fields", ["x", ["x"], [1], BlobReference("x")])
def test_what_is_no_record_of_blobs_is_refused(fields):
    channel = Channel("rows", 1, ["x"])
    with Task(), pytest.raises(BuildTypeError, match="channel 'rows' takes a record or a list of BlobReferences"):
        channel.writer().write(None, fields)


@pytest.mark.parametrize("use", [Channel.writer, Channel.reader], ids=["writer", "reader"])
def test_a_channel_is_used_inside_a_task_or_builder(use):
    with pytest.raises(NoContextError):
        use(Channel("rows", 1))


# --- who uses it ------------------------------------------------------------------------------------------------------


def channels_of(group):
    return {name: (users.writers, users.nodes) for name, users in group.channels().items()}


def test_a_group_knows_its_channels():
    rows, marks = Channel("rows", 1, ["x"]), Channel("marks", 1, ["x"])
    with TaskGroup() as group:
        with Node("reader"), Task():
            rows.writer()
        with Node("trainer"), Task(), NetBuilder.current().add(NetBuilder()):
            rows.reader()
            marks.writer()
        with Node("other"), Task():
            ops.Const(1)

    assert channels_of(group) == {
        "rows": (["reader/task"], ["reader", "trainer"]),
        "marks": (["trainer/task"], ["trainer"]),
    }
    assert group.channels()["rows"].channel is rows
    assert group.num_registered_tasks() == 3
    group.add(Task())


def test_a_task_counts_once_however_often_it_writes():
    channel = Channel("rows", 1, ["x"])
    with TaskGroup() as group:
        for _ in range(2):
            with Task():
                first, second = channel.writer(), channel.writer()
                with ops.loop(2):
                    first.write(None, [ops.Const(1)])
                second.write(None, [ops.Const(1)])

    assert channels_of(group) == {"rows": (["local/task", "local/task:1"], ["local"])}


def test_a_writer_of_another_task_makes_the_task_that_writes_count():
    channel = Channel("rows", 1, ["x"])
    with TaskGroup() as group:
        with Task(name="a"):
            writer = channel.writer()
        with Task(name="b"):
            writer.write(None, [ops.Const(1)])

    assert channels_of(group) == {"rows": (["local/a", "local/b"], ["local"])}


def test_a_reporter_that_reads_makes_its_node_one_of_the_channel():
    channel = Channel("rows", 1, ["x"])
    with TaskGroup() as group, Node("n"):
        with Task(name="a"):
            ops.Const(1)
            with ops.local_reporter():
                channel.reader()

    assert channels_of(group) == {"rows": ([], ["n"])}


def test_two_channels_of_one_name_are_refused_with_both_lines():
    with TaskGroup() as group:
        with Task():
            Channel("rows", 1).writer()
        with Task():
            Channel("rows", 1).writer()

    with pytest.raises(BuildValueError, match="two channels of one group are called 'rows': one made at") as caught:
        group.channels()

    assert str(caught.value).count("test_channel.py") == 2


def test_channels_of_one_name_in_two_groups_have_nothing_to_do_with_each_other():
    for _ in range(2):
        with TaskGroup() as group, Task():
            Channel("rows", 1).writer()

        assert list(group.channels()) == ["rows"]


# --- their end --------------------------------------------------------------------------------------------------------


def test_a_task_that_writes_says_at_its_exit_that_it_is_done():
    channel = Channel("rows", 1, ["x"])
    with Task(outputs=["r"], num_instances=2) as task:
        channel.writer().write(None, [ops.Const(1)])
        channel.writer()

    lines = step_tree(task.get_step().to_model()).splitlines()

    assert lines == [
        "[local/task] num_iter=1",
        "  [local/task:parallel] num_iter=1 num_concurrent_instances=2",
        "    [local/task] num_iter=1 create_workspace=true nets=local/task",
        "  [local/task:exit] num_iter=1 nets=channel:rows/end",
    ]
    assert lines_of(task.get_step().get_net("channel:rows/end")) == ["EndWrites(channel:rows)"]


def test_each_task_that_writes_is_done_for_itself():
    channel = Channel("rows", 1, ["x"])
    with TaskGroup() as group:
        for _ in range(2):
            with Task(outputs=["r"]):
                channel.writer()

    assert step_tree(group.to_task().get_step().to_model()).count("channel:rows/end") == 2


def test_a_task_is_done_with_writing_behind_all_its_other_exits():
    """These may still write."""
    channel = Channel("rows", 1, ["x"])
    with Task(outputs=["r"]) as task:
        writer = channel.writer()
        with ops.task_exit():
            writer.write(None, [ops.Const(1)])

    exits = task.get_step().to_model().steps[-1]
    assert [step.nets for step in exits.steps] == [("local/task_1",), ("channel:rows/end",)]


def test_a_task_that_only_reads_has_nothing_to_end():
    channel = Channel("rows", 1, ["x"])
    with Task(outputs=["r"]) as task:
        channel.reader().read()

    assert step_tree(task.get_step().to_model()) == "[local/task] num_iter=1 nets=local/task"


def test_writing_inside_an_operator_based_block_counts_too():
    channel = Channel("rows", 1, ["x"])
    with TaskGroup() as group, Task(outputs=["r"]) as task:
        x = ops.Const(1)
        with ops.IfNet(ops.Const(True)):
            with ops.IfNet(ops.Const(True)):
                channel.writer().write(None, [x])

    assert "channel:rows/end" in step_tree(task.get_step().to_model())
    assert channels_of(group) == {"rows": (["local/task"], ["local"])}


def test_writing_cannot_stand_in_setup_of_a_node():
    channel = Channel("rows", 1, ["x"])
    with TaskGroup() as group, Task():
        with ops.local_init():
            channel.writer()

    with pytest.raises(BuildError, match="local setup of node 'local' has a task_setup inside"):
        group.to_task()
