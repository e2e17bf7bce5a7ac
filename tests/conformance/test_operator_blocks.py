"""Statements 111 to 113 of the checklist: blocks that become operators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.conformance.programs import keep

import taskplan as tp
from taskplan import ops

# --- operator-based blocks --------------------------------------------------------------------------------------------


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
    "step": lambda cond: ops.net(tp.execution_step("step", tp.Net("net"))),
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
