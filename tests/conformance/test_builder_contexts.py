"""Statements 114, 119 and 120 of the checklist: what builders need, what they leave behind, and what names cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import taskplan as tp
from taskplan import ops


def test_114_operators_need_a_builder():
    with pytest.raises(AttributeError, match="Const"):
        ops.Const(1)
    with pytest.raises(AttributeError, match="Add"):
        getattr(ops, "Add")  # noqa: B009 - only looked up
    assert not hasattr(ops, "Add")
    with tp.NetBuilder():
        assert hasattr(ops, "Add")
        assert not hasattr(ops, "NoSuchOperator")


MEMBERS = [
    "net",
    "stop",
    "loop",
    "stop_guard",
    "WhileNet",
    "Condition",
    "Else",
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


@pytest.mark.parametrize("member", MEMBERS)
def test_114a_all_other_members_without_a_builder_are_assertion_errors(member):
    with pytest.raises(AssertionError):
        getattr(ops, member)()


@pytest.mark.parametrize("member", ["stop_if", "If", "IfNet"])
def test_114b_so_are_those_that_take_a_blob(member):
    with pytest.raises(AssertionError):
        getattr(ops, member)(tp.BlobReference("x"))


# --- what is left behind ----------------------------------------------------------------------------------------------


BLOCKS: dict[str, Callable[[], Any]] = {
    "group": tp.TaskGroup,
    "task": tp.Task,
    "builder": tp.NetBuilder,
    "loop": lambda: ops.loop(3),
    "endless loop": lambda: ops.loop(),
    "If": lambda: ops.If(ops.Const(True)),
    "stop_guard": lambda: ops.stop_guard(),
    "IfNet": lambda: ops.IfNet(ops.Const(True)),
    "WhileNet": lambda: ops.WhileNet(),
    "task_init": lambda: ops.task_init(),
    "task_finally": lambda: ops.task_finally(),
    "local_exit": lambda: ops.local_exit(),
    "task_reporter": lambda: ops.task_reporter(),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_119_an_exception_in_a_block_leaves_nothing_open(block):
    """What was open before is open again, and nothing else."""
    with tp.TaskGroup() as group, tp.Task(name="outer") as task:
        open_before = [tp.TaskGroup.current(), tp.Task.current(), tp.NetBuilder.current()]

        with pytest.raises(ZeroDivisionError), BLOCKS[block]():
            raise ZeroDivisionError

        assert [tp.TaskGroup.current(), tp.Task.current(), tp.NetBuilder.current()] == open_before
        assert tp.Net("net").Name() == f"{task.name}/net"
    assert group.num_registered_tasks() == 1


def test_119a_an_error_at_the_end_of_a_block_leaves_nothing_open():
    """W-26."""
    with tp.NetBuilder("outer") as builder:
        with pytest.raises(AssertionError, match="undefined_blob"), ops.IfNet(ops.Const(True)):
            ops.Copy(["undefined_blob"])
        with pytest.raises(AssertionError), ops.local_reporter():
            ops.Const(1)

        assert tp.NetBuilder.current() is builder
        assert tp.Net("net").Name() == "outer/net"


def test_119b_opening_a_task_twice_leaves_nothing_open():
    """W-26."""
    with tp.TaskGroup(), tp.Task() as task:
        pass
    with pytest.raises(AssertionError), task:
        ops.Const(1)

    assert tp.Task.current(required=False) is None


def test_119c_a_task_whose_body_failed_is_gone_and_the_group_goes_on(session, trace):
    """W-25."""
    with tp.TaskGroup() as group:
        with pytest.raises(ZeroDivisionError), tp.Task():
            trace.mark("failed")
            raise ZeroDivisionError
        with tp.Task():
            trace.mark("good")

    session.run(group)

    assert trace == ["good"]
    assert len(group.tasks()) == 1


def time_to_name(count: int, make: Callable[[], object]) -> float:
    begin = time.thread_time()
    kept = [make() for _ in range(count)]
    took = time.thread_time() - begin
    assert len(kept) == count
    return took


@pytest.mark.parametrize(
    "make", [lambda: tp.Net("same"), lambda: tp.Task(name="same"), tp.Task], ids=["net", "task", "default"]
)
def test_120_naming_many_same_named_tasks_or_nets_takes_linear_time(make):
    """16 times as many take about 16 times as long; 256 times if each looked at all names before it."""
    few, many = 250, 4000
    with tp.TaskGroup():
        time_to_name(few, make)
        slow = min(time_to_name(few, make) for _ in range(3))
        took = min(time_to_name(many, make) for _ in range(2))

    assert took < 4 * (many // few) * slow


def test_120a_names_are_unique_across_threads():
    """W-35."""
    barrier = threading.Barrier(4)
    names: list[str] = []
    outer = tp.fresh_names()
    with outer as shared:

        def make() -> None:
            with tp.fresh_names(shared):
                barrier.wait(10)
                nets = [tp.Net("same") for _ in range(200)]
                names.extend(net.Name() for net in nets)
                barrier.wait(10)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(names) == sorted(["same", *(f"same_{number}" for number in range(1, 800))])
