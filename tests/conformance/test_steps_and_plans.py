"""Statements 28 to 36 of the checklist: trees of steps, and plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import LONG_MS, reading, writing

import taskplan as tp

STOP = tp.BlobReference("stop")


def net_of_same_name(name: str) -> tp.Net:
    """A net whose name others may have: it was made in another naming context."""
    with tp.fresh_names():
        return tp.Net(name)


def step_of(name: str) -> tp.ExecutionStep:
    """A step that runs a net of its own."""
    return tp.execution_step(f"run {name}", tp.Net(name))


def add_to_parent(step: tp.ExecutionStep) -> None:
    tp.ExecutionStep("parent").AddSubstep(step)


def substeps(step: tp.ExecutionStep) -> list[str]:
    return [substep.name for substep in step.Proto().substep]


def nets_of(plan: tp.Plan) -> list[str]:
    return [net.name for net in plan.Proto().network]


# --- steps ------------------------------------------------------------------------------------------------------------


def test_028_a_step_of_nets_takes_no_steps():
    step = tp.ExecutionStep("step", tp.Net("net"))

    with pytest.raises(AssertionError, match="'step' runs nets"):
        step.AddSubstep(step_of("other"))
    with pytest.raises(AssertionError, match="'step' runs nets"):
        step.AddSubstep(step_of("another").Proto())

    assert substeps(step) == []


def test_028a_a_step_of_steps_takes_no_nets():
    step = tp.ExecutionStep("step").AddSubstep(step_of("net"))

    with pytest.raises(AssertionError, match="'step' runs steps"):
        step.AddNet(tp.Net("other"))

    assert list(step.Proto().network) == []


def test_028b_a_message_with_nets_and_steps_neither_runs_nor_becomes_a_step(ws):
    plan = tp.Plan(tp.execution_step("step", [step_of("a"), step_of("b")]))
    message = plan.Proto()
    message.execution_step[0].network.append("a")

    with pytest.raises(RuntimeError, match="'step'"):
        tp.RunPlan(message)
    with pytest.raises(AssertionError, match="'step'"):
        tp.Plan.create_from_proto(message)


CHANGES: dict[str, Callable[[tp.ExecutionStep], object]] = {
    "SetIter": lambda step: step.SetIter(2),
    "SetConcurrentSubsteps": lambda step: step.SetConcurrentSubsteps(True),
    "SetNumConcurrentInstances": lambda step: step.SetNumConcurrentInstances(2),
    "SetOnlyOnce": lambda step: step.SetOnlyOnce(True),
    "SetShouldStopBlob": lambda step: step.SetShouldStopBlob(STOP),
    "SetCreateWorkspace": lambda step: step.SetCreateWorkspace(True),
    "SetReportNet": lambda step: step.SetReportNet(tp.Net("report"), 1),
    "RunEveryMillis": lambda step: step.RunEveryMillis(100),
    "AddSubstep": lambda step: step.AddSubstep(tp.execution_step("late", tp.Net("late"))),
    "AddNet": lambda step: step.AddNet(tp.Net("late")),
}
"""All ways to change a step. (`RunEveryMillis` too: in Caffe2 it has no effect any more, W-32.)"""


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("add", [tp.Plan, add_to_parent])
def test_029_a_step_that_was_added_cannot_be_changed(change, add):
    step = tp.ExecutionStep("child")
    if change != "AddNet":
        step.AddSubstep(step_of("net"))
    add(step)
    before = step.Proto().SerializeToString()

    with pytest.raises(AssertionError, match="'child'"):
        CHANGES[change](step)

    assert step.Proto().SerializeToString() == before


def test_029a_a_step_that_was_added_may_be_added_again():
    child = step_of("net")

    parents = [tp.ExecutionStep(name).AddSubstep(child).AddSubstep(child) for name in ("a", "b")]

    assert [substeps(parent) for parent in parents] == [["run net", "run net"]] * 2


def test_029b_a_plan_keeps_nets_as_they_were_when_they_were_added(ws):
    net = writing("x")
    plan = tp.Plan(tp.execution_step("step", net))
    net.Const(1, blob_out="late")

    tp.RunPlan(plan)

    assert tp.Blobs() == ["x"]


def test_030_empty_substeps_are_dropped_and_cannot_be_filled_later():
    empty = tp.execution_step("empty", None)

    parent = tp.execution_step("parent", [step_of("net"), empty, tp.execution_step("empty too", [])])

    assert substeps(parent) == ["run net"]
    with pytest.raises(AssertionError, match="'empty'"):
        empty.AddNet(tp.Net("late"))


def test_030a_empty_top_level_steps_are_dropped(ws):
    empty = tp.execution_step("empty", [])
    plan = tp.Plan("plan")

    plan.AddStep(empty)
    plan.AddStep(step_of("net"))

    assert [step.name for step in plan.Proto().execution_step] == ["run net"]
    with pytest.raises(AssertionError, match="'empty'"):
        empty.AddNet(tp.Net("late"))


def test_030b_a_plan_without_steps_succeeds(ws):
    assert tp.RunPlan(tp.Plan(tp.execution_step("empty", [])))


# --- execution_step ---------------------------------------------------------------------------------------------------


def test_031_without_stop_blob_or_num_iter_the_content_runs_once():
    message = tp.execution_step("step", tp.Net("net")).Proto()

    assert message.HasField("num_iter")
    assert message.num_iter == 1


def test_031a_what_was_not_asked_for_is_not_written():
    once = tp.execution_step("step", tp.Net("a"), only_once=False, create_workspace=False, run_every_ms=0).Proto()
    until = tp.execution_step("step", tp.Net("b"), should_stop_blob=STOP).Proto()
    by_hand = tp.ExecutionStep("step", tp.Net("c")).Proto()

    assert [field.name for field, _ in once.ListFields()] == ["name", "network", "num_iter"]
    assert [field.name for field, _ in until.ListFields()] == ["name", "network", "should_stop_blob"]
    assert [field.name for field, _ in by_hand.ListFields()] == ["name", "network"]


def test_032_a_number_of_iterations_and_a_stop_blob_exclude_each_other():
    with pytest.raises(AssertionError, match=r"'step'.*num_iter"):
        tp.execution_step("step", tp.Net("net"), num_iter=2, should_stop_blob=STOP)


@pytest.mark.parametrize("content", [("a", "b"), "net", 3, {"net": 1}, object], ids=repr)
def test_032a_a_tuple_or_anything_else_is_refused(content):
    with pytest.raises(ValueError, match="'step'"):
        tp.execution_step("step", content)


def test_032b_a_tuple_of_nets_is_refused():
    nets: Any = (tp.Net("a"), tp.Net("b"))

    with pytest.raises(ValueError, match="a net, a step or a list"):
        tp.execution_step("step", nets)


def test_032c_a_report_net_needs_an_interval():
    with pytest.raises(AssertionError, match="report_interval"):
        tp.execution_step("step", tp.Net("net"), report_net=tp.Net("report"))


def test_033_a_mixed_list_wraps_each_net_into_a_step():
    inner = step_of("a")

    step = tp.execution_step("step", [inner, tp.Net("b"), [tp.Net("c"), tp.Net("d")]])

    assert [list(each.network) for each in step.Proto().substep] == [["a"], ["b"], ["c", "d"]]
    assert step.Substeps()[0] is inner
    assert not step.HasNets()


def test_033a_a_list_of_nets_is_not_wrapped():
    step = tp.execution_step("step", [tp.Net("a"), tp.Net("b")])

    assert list(step.Proto().network) == ["a", "b"]
    assert not step.HasSubsteps()


# --- plans ------------------------------------------------------------------------------------------------------------


def test_034_a_plan_has_each_net_once_in_depth_first_order_of_use():
    a, b, c, report = (tp.Net(name) for name in ("a", "b", "c", "report"))
    first = tp.execution_step("first", [tp.execution_step("inner", [b, a]), c, b], report_net=report, report_interval=1)
    plan = tp.Plan("plan")

    plan.AddStep(first)
    plan.AddStep(tp.execution_step("second", [a, tp.Net("d")]))

    assert nets_of(plan) == ["b", "a", "c", "report", "d"]
    assert plan.Nets()[:4] == [b, a, c, report]


def test_034a_names_in_order_come_once_each():
    a, b = tp.Net("a"), tp.Net("b")
    step = tp.execution_step("step", [b, tp.execution_step("inner", [a, b, a])])
    names = ["there already"]

    tp.add_nets_in_order(step, names)

    assert names == ["there already", "b", "a"]


def test_035_two_nets_of_one_name_cannot_enter_one_step():
    net, other = tp.Net("net"), net_of_same_name("net")

    with pytest.raises(AssertionError, match="two different nets named 'net'"):
        tp.ExecutionStep("step").AddNet(net).AddNet(other)
    with pytest.raises(AssertionError, match="two different nets named 'net'"):
        tp.execution_step("step", [tp.execution_step("a", net), tp.execution_step("b", other)])
    with pytest.raises(AssertionError, match="two different nets named 'net'"):
        tp.execution_step("step", net, report_net=other, report_interval=1)


def test_035a_two_nets_of_one_name_cannot_enter_one_plan():
    net, other = tp.Net("net"), net_of_same_name("net")
    plan = tp.Plan(tp.execution_step("a", net))

    with pytest.raises(AssertionError, match="two different nets named 'net'"):
        plan.AddStep(tp.execution_step("b", other))
    with pytest.raises(AssertionError, match="two different nets named 'net'"):
        plan.AddNets([other])

    assert nets_of(plan) == ["net"]


def test_035b_one_net_may_be_used_often():
    net = tp.Net("net")

    plan = tp.Plan(tp.execution_step("step", [tp.execution_step("a", [net, net]), tp.execution_step("b", net)]))

    assert nets_of(plan) == ["net"]


def plan_of_all_features() -> tp.Plan:
    """Loops, a stop blob, instances, a child workspace and a reporter. `x` and `stop` are to be fed."""
    body = tp.execution_step("body", [writing("y", True), reading("x")], create_workspace=True)
    reporter = tp.execution_step("reporter", reading("y"), run_every_ms=LONG_MS)
    both = tp.execution_step("both", [body, reporter], concurrent_substeps=True, num_concurrent_instances=2)
    plan = tp.Plan("plan")
    plan.AddStep(tp.execution_step("first", writing("y", False)))
    plan.AddStep(tp.execution_step("until", both, should_stop_blob=tp.BlobReference("y"), only_once=True))
    return plan


def test_036_a_plan_made_of_a_message_is_equal():
    message = plan_of_all_features().Proto()

    with tp.fresh_names():
        again = tp.Plan.create_from_proto(message)

    assert list(again.Proto().execution_step) == list(message.execution_step)
    assert len(again.Proto().network) == len(message.network)
    assert again.Proto() == message


def test_036a_nets_get_other_names_where_theirs_are_taken():
    plan = plan_of_all_features()

    again = tp.Plan.create_from_proto(plan.Proto())

    assert len(again.Nets()) == len(plan.Nets())
    assert not set(nets_of(again)) & set(nets_of(plan))
    assert again.Proto().execution_step[0].network == [nets_of(again)[0]]


def test_036b_a_plan_made_of_a_message_runs_like_the_original(ws):
    ws.feed_blob("x", np.float32(3))

    tp.RunPlan(tp.Plan.create_from_proto(plan_of_all_features().Proto()))

    assert ws.fetch_blob("y")
    assert ws.fetch_blob("copy of y")


def test_036c_nets_that_no_step_runs_are_left_out():
    plan = tp.Plan(step_of("net"))
    plan.AddNets([tp.Net("spare")])

    assert [net.Name() for net in tp.Plan.create_from_proto(plan.Proto()).Nets()] == ["net_1"]
