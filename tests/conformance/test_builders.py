"""Statements 105 to 114, 119 and 120 of the checklist: builders and what `ops` writes into them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import taskplan as tp
from taskplan import ops


class Program:
    """A group of one task; what is written inside `body` runs with `run`."""

    def __init__(self, session: Any) -> None:
        self.group = tp.TaskGroup()
        self._session = session

    @contextmanager
    def body(self) -> Iterator[tp.Task]:
        with self.group, tp.Task() as task:
            yield task

    def run(self) -> None:
        self._session.run(self.group)


@pytest.fixture
def program(session):
    return Program(session)


def keep(values: list[Any], *blobs: tp.BlobReference | str) -> None:
    """Add an operator that keeps the values of blobs when it runs: of one as it is, of several as a tuple."""

    def note(inputs: Any, _outputs: Any) -> None:
        found = [blob.fetch().item() for blob in inputs]
        values.append(found[0] if len(found) == 1 else tuple(found))

    ops.Python(note)(list(blobs), [])


# --- loops, stops -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, 1, 0, -2])
def test_105_a_loop_runs_its_body_that_many_times_and_iter_counts_from_0(program, count):
    seen: list[int] = []
    with program.body():
        with ops.loop(count) as loop:
            keep(seen, loop.iter())
        after = tp.final_output(loop.iter())

    program.run()

    assert seen == list(range(count))
    assert after.fetch() == max(count, 0)


def test_105a_nested_loops_start_anew_each_time(program):
    seen: list[tuple[int, int]] = []
    with program.body():
        with ops.loop(2) as outer, ops.loop(3) as inner:
            keep(seen, outer.iter(), inner.iter())

    program.run()

    assert seen == list(itertools.product(range(2), range(3)))


def test_105b_a_bound_in_a_blob_is_read_before_each_iteration(program):
    seen: list[int] = []
    with program.body():
        bound, two = ops.Const(10), ops.Const(2)
        with ops.loop(bound) as loop:
            keep(seen, loop.iter())
            ops.Copy([two], [bound])

    program.run()

    assert seen == [0, 1]


def test_105c_after_an_early_stop_iter_keeps_its_value(program):
    with program.body():
        three = ops.Const(3)
        with ops.loop(10) as loop:
            ops.stop_if(ops.EQ([loop.iter(), three]))
        left_at = tp.final_output(loop.iter())

    program.run()

    assert left_at.fetch() == 3


def test_105d_a_task_with_loops_runs_again_from_the_beginning(program):
    seen: list[int] = []
    with program.body():
        with ops.loop(2) as loop:
            keep(seen, loop.iter())

    program.run()
    program.run()

    assert seen == [0, 1, 0, 1]


def test_106_a_loop_without_a_stop_raises_at_the_end_of_its_block():
    with tp.NetBuilder():
        with pytest.raises(AssertionError, match="never end"), ops.loop():
            ops.Const(1)


def test_106a_a_loop_without_a_count_has_no_iter():
    with tp.NetBuilder(), ops.loop() as loop:
        with pytest.raises(AssertionError, match="count"):
            loop.iter()
        ops.stop()


def test_106b_a_loop_with_a_stop_ends_where_it_stops(program, trace):
    with program.body():
        count, one, three = ops.Const(0), ops.Const(1), ops.Const(3)
        with ops.loop():
            trace.mark("before")
            ops.Add([count, one], [count])
            ops.stop_if(ops.GE([count, three]))
            trace.mark("after")
        trace.mark("end")

    program.run()

    assert trace == ["before", "after", "before", "after", "before", "end"]


def test_107_a_stop_inside_an_if_leaves_only_the_if(program, trace):
    with program.body():
        yes = ops.Const(True)
        with ops.loop(2):
            with ops.If(yes):
                trace.mark("in if")
                ops.stop()
                trace.mark("unreached")
            trace.mark("in loop")
        trace.mark("end")

    program.run()

    assert trace == ["in if", "in loop", "in if", "in loop", "end"]


@pytest.mark.parametrize("condition", [True, False])
def test_108_a_stop_guard_knows_whether_it_was_left_early(program, trace, condition):
    with program.body():
        with ops.stop_guard() as guard:
            ops.stop_if(ops.Const(condition))
            trace.mark("rest")
        stopped = tp.final_output(guard.has_stopped())

    program.run()

    assert stopped.fetch() == condition
    assert trace == ([] if condition else ["rest"])


def test_108a_whether_a_guard_has_stopped_is_known_after_its_block_only():
    with tp.NetBuilder(), ops.stop_guard() as guard:
        with pytest.raises(AssertionError, match="after"):
            guard.has_stopped()


@pytest.mark.parametrize(("first", "second"), list(itertools.product([True, False], repeat=2)))
def test_109_exactly_one_branch_of_if_elif_else_runs(program, trace, first, second):
    with program.body():
        conditions = [ops.Const(first), ops.Const(second)]
        with ops.If(conditions[0]) as branch:
            trace.mark("if")
        with branch.Elif(conditions[1]) as branch:
            trace.mark("elif")
        with branch.Else():
            trace.mark("else")
        trace.mark("end")

    program.run()

    assert trace == ["if" if first else "elif" if second else "else", "end"]


def test_109a_a_branch_that_changes_the_condition_does_not_let_another_run(program, trace):
    with program.body():
        condition = ops.Const(True)
        with ops.If(condition) as branch:
            ops.Copy([ops.Not([condition])], [condition])
            trace.mark("if")
        with branch.Else():
            trace.mark("else")

    program.run()

    assert trace == ["if"]


def test_109b_an_if_in_a_loop_decides_anew_each_time(program, trace):
    with program.body():
        one = ops.Const(1)
        with ops.loop(3) as loop:
            with ops.If(ops.EQ([loop.iter(), one])) as branch:
                trace.mark("one")
            with branch.Else():
                trace.mark("other")

    program.run()

    assert trace == ["other", "one", "other"]


def test_109c_nothing_follows_an_else_and_a_condition_is_needed():
    with tp.NetBuilder():
        condition = ops.Const(True)
        with ops.If(condition) as branch:
            pass
        with branch.Else() as last:
            pass
        with pytest.raises(AssertionError, match="Else"):
            last.Elif(condition)
        with pytest.raises(AssertionError, match="Else"):
            last.Else()
        with pytest.raises(AssertionError, match="condition"):
            ops.If(None)


@pytest.mark.parametrize("stops", [True, False])
def test_110_a_task_body_that_uses_stop_if_runs_at_most_once(program, trace, stops):
    """W-13: the original repeats it until the condition is true."""
    with program.body():
        trace.mark("before")
        ops.stop_if(ops.Const(stops))
        trace.mark("after")

    program.run()

    assert trace == (["before"] if stops else ["before", "after"])


@pytest.mark.parametrize("stops", [True, False])
def test_110a_so_does_a_plain_builder(run, trace, stops):
    with tp.NetBuilder() as builder:
        ops.stop_if(ops.Const(stops))
        trace.mark("after")

    run(tp.to_execution_step(builder))

    assert trace == ([] if stops else ["after"])


# --- operator-based blocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", [True, False])
def test_111_if_net_updates_outer_blobs_and_keeps_its_own_to_itself(session, ws, condition):
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group, tp.Task():
        cond = ops.Const(condition)
        outer = ops.Const(1, blob_out="outer")
        with ops.IfNet(cond):
            local = ops.Const(10, blob_out="local")
            ops.Add([outer, local], [outer])
        with ops.Else():
            other = ops.Const(100, blob_out="other")
            ops.Add([outer, other], [outer])

    session.run(group)

    assert ws.fetch_blob("outer") == (11 if condition else 101)
    assert not ws.has_blob("local")
    assert not ws.has_blob("other")


@pytest.mark.parametrize("block", ["IfNet", "WhileNet", "Else", "Condition"])
def test_111a_reading_an_undefined_name_in_a_block_raises_when_it_is_built(block):
    with tp.NetBuilder():
        cond = ops.Const(True)
        with pytest.raises(AssertionError, match="undefined_blob"):
            if block == "IfNet":
                with ops.IfNet(cond):
                    ops.Copy(["undefined_blob"], ["copy"])
            elif block == "Else":
                with ops.IfNet(cond):
                    pass
                with ops.Else():
                    ops.Copy(["undefined_blob"], ["copy"])
            else:
                with ops.WhileNet():
                    with ops.Condition():
                        ops.Copy(["undefined_blob" if block == "Condition" else cond], ["goes_on"])
                    ops.Copy(["undefined_blob"], ["copy"])


def test_111b_a_name_of_the_initial_scope_may_be_read(session, ws):
    ws.feed_blob("known", np.array(5))
    with tp.NetBuilder(initial_scope=["known"]) as builder:
        cond, result = ops.Const(True), ops.Const(0, blob_out="result")
        with ops.IfNet(cond):
            ops.Copy(["known"], [result])

    session.run(tp.to_execution_step(builder))

    assert ws.fetch_blob("result") == 5


def test_111c_empty_branches_and_blocks_inside_blocks_work(session, ws):
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group, tp.Task():
        yes, no = ops.Const(True), ops.Const(False)
        x = ops.Const(1, blob_out="x")
        with ops.IfNet(yes):
            with ops.IfNet(no):
                pass
            with ops.Else():
                ops.Add([x, x], [x])
        with ops.IfNet(no):
            pass

    session.run(group)

    assert ws.fetch_blob("x") == 2


def test_111d_else_must_follow_its_if_net_directly():
    with tp.NetBuilder():
        cond = ops.Const(True)
        with pytest.raises(AssertionError, match="IfNet"):
            ops.Else()
        with ops.IfNet(cond):
            pass
        ops.Const(1)
        with pytest.raises(AssertionError, match="IfNet"):
            ops.Else()


def test_112_while_net_evaluates_its_condition_before_each_iteration(program):
    tests: list[int] = []
    with program.body():
        count, one, three = ops.Const(0), ops.Const(1), ops.Const(3)
        with ops.WhileNet():
            with ops.Condition():
                keep(tests, count)
                ops.LT([count, three])
            ops.Add([count, one], [count])
        end = tp.final_output(count)

    program.run()

    assert tests == [0, 1, 2, 3]
    assert end.fetch() == 3


def test_112a_with_a_false_condition_the_body_never_runs(program, trace):
    with program.body():
        count, limit = ops.Const(5), ops.Const(3)
        with ops.WhileNet():
            with ops.Condition():
                ops.LT([count, limit])
            trace.mark("body")

    program.run()

    assert trace == []


def test_112b_while_net_needs_exactly_one_condition_before_its_body():
    with tp.NetBuilder():
        cond = ops.Const(True)
        with pytest.raises(AssertionError, match="Condition"), ops.WhileNet():
            ops.Not([cond])
        with pytest.raises(AssertionError, match="Condition"), ops.WhileNet():
            ops.Not([cond])
            with ops.Condition():
                ops.Copy([cond])
        with pytest.raises(AssertionError, match="Condition"), ops.WhileNet():
            for _ in range(2):
                with ops.Condition():
                    ops.Copy([cond])
        with pytest.raises(AssertionError, match="Condition"), ops.WhileNet():
            with ops.Condition():
                pass
        with pytest.raises(AssertionError, match="WhileNet"):
            ops.Condition()


def test_112c_a_condition_ends_in_an_operator_with_one_output():
    with tp.NetBuilder():
        cond = ops.Const(True)
        with pytest.raises(AssertionError, match="one output"), ops.WhileNet():
            with ops.Condition():
                ops.Print([cond], [])


STEP_BASED: dict[str, Callable[[tp.BlobReference], object]] = {
    "loop": lambda cond: ops.loop(3),
    "endless loop": lambda cond: ops.loop(),
    "If": ops.If,
    "stop_guard": lambda cond: ops.stop_guard(),
    "stop": lambda cond: ops.stop(),
    "stop_if": ops.stop_if,
    "step": lambda cond: ops.net(tp.execution_step("step", tp.Net("net"))),  # type: ignore[arg-type]  # taken elsewhere
}


@pytest.mark.parametrize("construct", STEP_BASED)
@pytest.mark.parametrize("block", ["IfNet", "Else", "WhileNet", "Condition"])
def test_113_step_based_constructs_inside_operator_based_ones_raise(construct, block):
    with tp.NetBuilder():
        cond = ops.Const(True)
        if block == "Else":
            with ops.IfNet(cond):
                pass
        with pytest.raises(AssertionError, match="operator-based"):
            if block == "Condition":
                with ops.WhileNet(), ops.Condition():
                    STEP_BASED[construct](cond)
            else:
                with ops.IfNet(cond) if block == "IfNet" else getattr(ops, block)():
                    STEP_BASED[construct](cond)


def test_113a_operator_based_constructs_inside_step_based_ones_work(program):
    with program.body():
        total, one, limit = ops.Const(0), ops.Const(1), ops.Const(2)
        with ops.loop(5):
            with ops.IfNet(ops.LT([total, limit])):
                ops.Add([total, one], [total])
        result = tp.final_output(total)

    program.run()

    assert result.fetch() == 2


def test_114_operators_need_a_builder():
    with pytest.raises(AttributeError, match="Const"):
        ops.Const(1)
    with pytest.raises(AttributeError, match="Add"):
        ops.Add
    assert not hasattr(ops, "Add")
    with tp.NetBuilder():
        assert hasattr(ops, "Add")
        assert not hasattr(ops, "NoSuchOperator")


MEMBERS = [
    "net", "stop", "loop", "stop_guard", "WhileNet", "Condition", "Else", "task_init", "task_exit", "task_finally", "task_instance_init",
    "task_instance_exit", "task_instance_finally", "local_init", "local_exit", "local_finally", "task_reporter", "local_reporter",
]  # fmt: skip


@pytest.mark.parametrize("member", MEMBERS)
def test_114a_all_other_members_without_a_builder_are_assertion_errors(member):
    with pytest.raises(AssertionError):
        getattr(ops, member)()


@pytest.mark.parametrize("member", ["stop_if", "If", "IfNet"])
def test_114b_so_are_those_that_take_a_blob(member):
    with pytest.raises(AssertionError):
        getattr(ops, member)(tp.BlobReference("x"))


# --- what is left behind ------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("make", [lambda: tp.Net("same"), lambda: tp.Task(name="same"), tp.Task], ids=["net", "task", "default"])
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
