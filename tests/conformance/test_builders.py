"""Statements 105 to 110 of the checklist: loops, stops and branches that builders become."""

from __future__ import annotations

import itertools

import pytest
from tests.conformance.programs import keep

import taskplan as tp
from taskplan import ops

# --- loops, stops -----------------------------------------------------------------------------------------------------


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
            ops.If(None)  # type: ignore[arg-type]  # what is under test


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
