"""Statements 115 to 118 of the checklist: the functions of `control`."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from tests.conformance.programs import TIMEOUT_S, Trace

import taskplan as tp
from taskplan import control, ops


def flag(ws: tp.Workspace, name: str, value: bool) -> tp.BlobReference:
    ws.feed_blob(name, np.array(value))
    return tp.BlobReference(name)


def flipping(blob: tp.BlobReference) -> tp.Net:
    net = tp.Net("flip")
    net.Copy([net.Not([blob])], [blob])
    return net


def below(ws: tp.Workspace, limit: int) -> tp.Net:
    """A condition: whether blob `count`, which is 0, is still below a limit."""
    ws.feed_blob("count", np.array(0))
    net = tp.Net("below")
    net.AddExternalOutput(net.LT(["count", net.Const(limit)]))
    return net


def count_up() -> tp.Net:
    net = tp.Net("count up")
    net.Add(["count", net.Const(1)], ["count"])
    return net


def traced_condition(trace: Trace, value: bool, mark: str = "condition") -> tp.Net:
    net = trace.net(mark)
    net.AddExternalOutput(net.Const(value))
    return net


@pytest.mark.parametrize("count", [3, 1, 0])
def test_115_for_runs_its_body_that_many_times_and_again_when_it_is_run_again(run, trace, count):
    loop = control.For("loop", [trace.net("a"), trace.net("b")], count)

    run(loop)
    run(loop)

    assert trace == ["a", "b"] * count * 2


def test_115a_for_can_be_nested_and_takes_steps(run, trace):
    inner = control.For("inner", trace.step("a"), 2)

    run(control.For("outer", [inner, trace.net("b")], 3))

    assert trace == ["a", "a", "b"] * 3


def test_115b_for_with_a_negative_count_raises(run, trace):
    with pytest.raises(RuntimeError, match="-1"):
        run(control.For("loop", trace.net("a"), -1))

    assert trace == []


@pytest.mark.parametrize(("limit", "times"), [(3, 3), (0, 1), (-1, 1)])
def test_115c_do_while_runs_its_body_at_least_once(run, ws, trace, limit, times):
    loop = control.DoWhile("loop", below(ws, limit), [trace.net("a"), count_up()])

    for _ in range(2):
        ws.feed_blob("count", np.array(0))
        run(loop)

    assert trace == ["a"] * times * 2


@pytest.mark.parametrize(("limit", "times"), [(3, 3), (0, 0)])
def test_115d_while_tests_before_each_iteration(run, ws, trace, limit, times):
    loop = control.While("loop", below(ws, limit), [trace.net("a"), trace.step("b"), count_up()])

    for _ in range(2):
        ws.feed_blob("count", np.array(0))
        run(loop)

    assert trace == ["a", "b"] * times * 2


def test_115e_while_with_a_blob_tests_it_before_each_iteration(run, ws, trace):
    go = flag(ws, "go", value=True)

    run(control.While("loop", go, [trace.net("a"), flipping(go), trace.net("b")]))
    run(control.While("never", flag(ws, "no", value=False), trace.net("c")))

    assert trace == ["a", "b"]


def test_115f_until_and_do_until_run_to_the_condition(run, ws, trace):
    ws.feed_blob("count", np.array(0))
    reached = tp.Net("reached")
    reached.AddExternalOutput(reached.GE(["count", reached.Const(2)]))

    run(control.Until("until", reached, [trace.net("a"), count_up()]))
    assert trace == ["a", "a"]
    run(control.DoUntil("do until", reached, [trace.net("b"), count_up()]))
    assert trace == ["a", "a", "b"]


@pytest.mark.parametrize("form", ["blob", "net"])
@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("kind", ["If", "IfNot"])
def test_116_if_with_both_branches_runs_exactly_one_even_if_it_changes_the_condition(run, ws, trace, kind, value, form):
    """W-14: the condition is looked at once."""
    blob = flag(ws, "condition", value=value)
    condition: object = blob
    if form == "net":
        condition = tp.Net("condition")
        condition.AddExternalOutput(condition.Copy([blob], ["result"]))
        blob = tp.BlobReference("result")
    branches = [[trace.net("first"), flipping(blob)], [trace.net("second"), flipping(blob)]]
    step = getattr(control, kind)("branch", condition, *branches)

    for _ in range(2):
        flag(ws, "condition", value=value)
        run(step)

    assert trace == ["first" if value is (kind == "If") else "second"] * 2


@pytest.mark.parametrize("value", [True, False])
def test_116a_if_with_one_branch_runs_it_or_not(run, ws, trace, value):
    for kind, name in itertools.product(("If", "IfNot"), ("net", "step")):
        make = trace.net if name == "net" else trace.step
        run(getattr(control, kind)("branch", flag(ws, "condition", value=value), make(kind)))

    assert trace == (["If", "If"] if value else ["IfNot", "IfNot"])


@pytest.mark.overlap
@pytest.mark.parametrize("kind", ["net", "step"])
def test_117_do_parallel_overlaps_nets_as_well_as_steps(run, trace, kind):
    """W-14: nets too."""
    barrier = threading.Barrier(3)
    make = trace.net if kind == "net" else trace.step
    parts = [make(name, do=lambda: barrier.wait(TIMEOUT_S)) for name in "abc"]

    run(control.Do("all", control.DoParallel("together", *parts), trace.net("after")))

    assert sorted(trace[:3]) == ["a", "b", "c"]
    assert trace[3:] == ["after"]


def test_117a_do_runs_its_parts_in_order_and_needs_some(run, trace):
    run(control.Do("all", trace.net("a"), trace.step("b"), trace.net("c")))

    assert trace == ["a", "b", "c"]
    with pytest.raises(ValueError, match="nothing"):
        control.Do("empty")


@pytest.mark.parametrize("kind", ["Switch", "SwitchNot"])
def test_118_switch_runs_every_body_whose_condition_holds_and_each_condition_net_once(run, trace, kind):
    values = [True, False, True]
    pairs = [
        (traced_condition(trace, value, f"test {number}"), trace.net(f"body {number}"))
        for number, value in enumerate(values)
    ]

    run(getattr(control, kind)("switch", *pairs))

    expected = []
    for number, value in enumerate(values):
        expected += [f"test {number}"] + [f"body {number}"] * (value is (kind == "Switch"))
    assert trace == expected


def test_118a_conditions_are_combined_and_merged(run, ws, trace):
    nets = [traced_condition(trace, value, f"test {value}") for value in (True, False)]
    both, either = (control.MergeConditionNets(relation, nets, relation) for relation in ("And", "Or"))
    assert both is not None
    assert either is not None

    run(control.If("and", both, trace.net("and"), trace.net("not and")))
    run(control.If("or", either, trace.net("or"), trace.net("not or")))

    assert trace == ["test True", "test False", "not and", "test True", "test False", "or"]
    assert control.CombineConditions("none", [], "And") is None
    with pytest.raises(ValueError, match="list"):
        control.CombineConditions("wrong", tuple(nets), "And")


def test_118b_a_net_without_external_output_is_no_condition():
    with pytest.raises(ValueError, match="external output"):
        control.GetConditionBlobFromNet(tp.Net("net"))


def test_an_operator_comes_behind_the_blocks_that_its_arguments_write(session):
    """What is computed for an argument is written first, as it is read."""

    def summed() -> tp.BlobReference:
        total: tp.BlobReference = ops.Const(0)
        with ops.loop(3):
            ops.Add([total, ops.Const(1)], [total])
        return total

    with tp.TaskGroup() as group, tp.Task():
        tp.final_output(ops.Copy(summed(), "result"))

    session.run(group)

    assert session.outputs(group)["result"] == 3


def test_a_condition_may_be_a_bool_of_one_element(session):
    """As `CheckAtomicBool` gives it."""
    with tp.TaskGroup() as group, tp.Task():
        rounds = ops.Const(0)
        with ops.loop(5):
            ops.Add([rounds, ops.Const(1)], [rounds])
            ops.stop_if(ops.Const([True]))
        with ops.If(ops.CheckAtomicBool(ops.CreateAtomicBool([], 1))):
            ops.Add([rounds, ops.Const(10)], [rounds])
        tp.final_output(ops.Copy(rounds, "rounds"))

    session.run(group)

    assert session.outputs(group)["rounds"] == 1
