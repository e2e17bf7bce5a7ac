"""The `ops` language. Numbers are those of the checklist."""

import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import SHARED, NetBuilder
from taskplan.builder.ops import ops
from taskplan.builder.scope import NameScope
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildError, BuildValueError, ClosedError, NoContextError
from taskplan.plan.text import step_tree

AROUND_TASKS = [
    "task_init",
    "task_exit",
    "task_finally",
    "task_instance_init",
    "task_instance_exit",
    "task_instance_finally",
    "local_init",
    "local_exit",
    "local_finally",
    "task_reporter",
    "local_reporter",
]


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


def nothing_is_open():
    return all(each.current(required=False) is None for each in (NetBuilder, Task, TaskGroup))


def tree_of(task):
    return step_tree(task.get_step().to_model())


# --- operators --------------------------------------------------------------------------------------------------------


def test_114_operators_are_not_there_without_a_builder():
    assert not hasattr(ops, "Add")
    with pytest.raises(
        AttributeError, match=r"ops.Add needs an open task or builder; write it inside `with Task\(\):`"
    ):
        ops.Add(["x", "y"])


def test_operators_go_to_the_open_net():
    with NetBuilder("b") as builder:
        added = ops.Const(1)

    assert added.Net() is builder.get()[0]


def test_an_unknown_operator_is_not_there():
    with NetBuilder():
        assert not hasattr(ops, "Addd")
        with pytest.raises(AttributeError, match="'Add'"):
            ops.Addd(["x", "y"])


def test_operators_are_listed():
    assert {"Add", "loop", "task_init"} <= set(dir(ops))


def test_a_closed_builder_takes_no_operators():
    with NetBuilder() as builder:
        builder.freeze()
        with pytest.raises(ClosedError):
            ops.Const(1)


def test_plain_functions_are_called_by_an_operator():
    with NetBuilder():
        low, high = ops.call(divmod, ops.Const(7), ops.Const(2), outputs=2)

        called = ops.net().to_model().ops[-1]

    assert called.outputs == (str(low), str(high))


def test_a_shared_blob_is_marked_on_its_net():
    with NetBuilder(), NameScope("scope"):
        by_name, by_reference = ops.shared("x"), ops.shared(BlobReference("y"))
        marked = ops.net().get_attributes(SHARED)

    assert marked == ["scope/x", "y"] == [by_name, by_reference]


def test_net_gives_the_open_net_a_new_one_or_the_one_that_it_was_given():
    with NetBuilder("b"):
        mine = Net("mine")

        assert ops.net() is ops.net()
        assert ops.net(name="n").Name() == "b/n"
        assert ops.net(mine) is mine is ops.net()
        with pytest.raises(BuildError, match="a net or the name of a new one"):
            ops.net(mine, name="n")  # type: ignore[call-overload]  # that is the point


def test_groups_cannot_be_nested():
    with NetBuilder():
        assert not hasattr(ops, "task_group")
        with pytest.raises(AttributeError, match="groups cannot be nested"):
            ops.task_group()


# --- blocks around tasks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", AROUND_TASKS)
def test_blocks_around_tasks_need_an_open_builder(block):
    with pytest.raises(NoContextError):
        getattr(ops, block)()


@pytest.mark.parametrize("block", AROUND_TASKS)
def test_119_a_failed_block_leaves_nothing_open_and_nothing_behind(block):
    with TaskGroup() as group:
        with Task(outputs=["r"]) as task:
            ops.Const(1)
            with pytest.raises(ZeroDivisionError):
                with getattr(ops, block)():
                    ops.Const(2)
                    raise ZeroDivisionError
            assert isinstance(NetBuilder.current(), NetBuilder)

    assert nothing_is_open()
    assert tree_of(task) == "[local/task] num_iter=1 nets=local/task"
    assert step_tree(group.to_task().get_step().to_model()).startswith("[local/task] num_iter=1 create_workspace=true")


def test_a_local_reporter_needs_a_group():
    """W-26: the original finds out at the end of the block, and leaves the block open."""
    with Task():
        with pytest.raises(NoContextError, match="no TaskGroup is open here"):
            ops.local_reporter()
        assert NetBuilder.current().name == "local/task"

    assert nothing_is_open()


def test_a_local_reporter_is_on_the_node_of_its_task():
    with TaskGroup() as group, Task(node="n", outputs=["r"]):
        with ops.local_reporter(interval_ms=70):
            ops.Const(1)

    [task] = group.tasks_by_node().tasks()
    assert tree_of(task).splitlines()[:2] == [
        "[n:body] num_iter=1 concurrent_substeps=true",
        "  [n/task] num_iter=1 run_every_ms=70 nets=n/task",
    ]


@pytest.mark.parametrize("block", ["task_reporter", "local_reporter"])
@pytest.mark.parametrize("interval_ms", [0, -1])
def test_a_reporter_needs_a_positive_interval(block, interval_ms):
    with TaskGroup(), Task(), pytest.raises(BuildValueError, match=f"at least 1 ms, got {interval_ms}"):
        getattr(ops, block)(interval_ms)


def test_the_position_of_setup_blocks_in_the_body_does_not_matter_but_their_order_does():
    with Task(outputs=["r"]) as task:
        with ops.task_exit():
            ops.net(name="exit")
        ops.Const(1)
        with ops.task_init():
            ops.net(name="first")
        with ops.task_init():
            ops.net(name="second")

    assert [line.strip() for line in tree_of(task).splitlines()] == [
        "[local/task] num_iter=1",
        "[local/task:init] num_iter=1",
        "[local/task] num_iter=1 nets=local/task/first",
        "[local/task] num_iter=1 nets=local/task/second",
        "[local/task] num_iter=1 nets=local/task",
        "[local/task:exit] num_iter=1",
        "[local/task] num_iter=1 nets=local/task/exit",
    ]


def test_a_stop_in_a_setup_block_leaves_only_that_block():
    with Task(outputs=["r"]) as task:
        with ops.task_init():
            ops.stop()

    init = task.get_step().to_model().steps[0].steps[0]
    assert (init.until, init.only_once) == ("local/task_1/stop_blob", True)


# --- closing blocks ---------------------------------------------------------------------------------------------------


def closing(step):
    return [each.nets for each in step.closing]


def test_closing_blocks_of_a_task_are_on_its_root_around_all_instances():
    with Task(outputs=["r"], num_instances=2) as task:
        with ops.task_finally():
            ops.net(name="first")
        with ops.task_finally():
            ops.net(name="second")

    step = task.get_step().to_model()

    assert step_tree(step).splitlines()[:2] == [
        "[local/task] num_iter=1",
        "  [local/task:parallel] num_iter=1 num_concurrent_instances=2",
    ]
    assert closing(step) == [("local/task/first",), ("local/task/second",)]


def test_closing_blocks_of_instances_are_in_the_workspace_of_each_instance():
    with Task(outputs=["r"], num_instances=2) as task:
        with ops.task_instance_finally():
            ops.net(name="close")

    parallel = task.get_step().to_model()

    [instance] = parallel.steps
    assert (instance.name, instance.create_workspace) == ("local/task:instance", True)
    assert closing(instance) == [("local/task/close",)]
    assert closing(parallel) == []


def test_closing_blocks_of_a_node_are_around_all_its_tasks():
    with TaskGroup() as group:
        for _ in range(2):
            with Task(outputs=["r"]):
                with ops.local_finally():
                    ops.net(name="close")

    [task] = group.tasks_by_node().tasks()

    step = task.get_step().to_model()
    assert (step.name, [each.name for each in step.steps]) == ("local", ["local:body"])
    assert closing(step) == [("local/task/close",), ("local/task:1/close",)]


def test_setup_written_inside_a_closing_block_is_that_of_its_task():
    with TaskGroup() as group, Task(outputs=["r"]):
        with ops.task_finally():
            with ops.local_init():
                ops.net(name="made-before")
            with ops.task_init():
                ops.net(name="made-first")

    [task] = group.tasks_by_node().tasks()

    lines = tree_of(task).splitlines()
    assert [line.split("nets=")[1] for line in lines if "nets=" in line and "made" in line] == [
        "local/task/made-before",
        "local/task/made-first",
    ]


def test_every_context_is_left_at_the_end():
    with TaskGroup(), Task():
        for block in AROUND_TASKS:
            with getattr(ops, block)():
                ops.Const(1)

    assert nothing_is_open()
