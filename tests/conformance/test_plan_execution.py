"""Statements 51 to 63 of the checklist: creating nets, iterations, stop blobs and concurrency."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import meets, reading, writing

import taskplan as tp

MADE_AND_RUN: list[str] = []
"""What operators of `logging_builder` did; a module's global, since builders are pickled into their operators."""


def logging_builder(name: str) -> Callable[[Any, Any], None]:
    """The builder of a Python operator: called when the operator is made."""
    MADE_AND_RUN.append(f"make {name}")
    return lambda inputs, outputs: MADE_AND_RUN.append(f"run {name}")


@pytest.fixture
def log() -> Iterator[list[str]]:
    MADE_AND_RUN.clear()
    yield MADE_AND_RUN
    MADE_AND_RUN.clear()


def logging_net(name: str) -> tp.Net:
    net = tp.Net(name)
    net.Python((logging_builder, (name,), {}))([], [])
    return net


def stopping(blob: str) -> tp.BlobReference:
    return tp.BlobReference(blob)


# --- creating nets ----------------------------------------------------------------------------------------------------


def test_051_creating_a_net_that_reads_a_missing_blob_raises_before_anything_runs(run, trace):
    step = tp.execution_step("all", [trace.step("first"), tp.execution_step("second", reading("missing"))])

    with pytest.raises(RuntimeError, match="missing"):
        run(step)

    assert trace == []


def test_051a_a_missing_blob_is_found_also_where_it_cannot_be_proved_beforehand(run, trace):
    """A function that is handed the workspace may make any blob, so nothing is wrong until the net is created."""
    net = tp.Net("may make anything")
    net.Python(lambda inputs, outputs, workspace: trace.append("ran"), pass_workspace=True)([], [])

    with pytest.raises(RuntimeError, match="missing"):
        run(tp.execution_step("all", [net, reading("missing")]))

    assert trace == []


def test_051b_earlier_top_level_steps_have_run_when_a_later_one_cannot_be_created(ws):
    """By `RunPlan`; a session checks the whole plan first, and runs nothing of it."""
    plan = tp.Plan("plan")
    plan.AddStep(tp.execution_step("first", writing("x", 1)))
    plan.AddStep(tp.execution_step("second", reading("missing")))

    with pytest.raises(RuntimeError, match="missing"):
        tp.RunPlan(plan)

    assert ws.fetch_blob("x") == 1


def test_052_all_nets_of_a_top_level_step_are_created_before_its_first_op_runs(run, log):
    first, second, third = (tp.execution_step(name, logging_net(name)) for name in ("a", "b", "c"))

    run(tp.execution_step("all", [first, tp.execution_step("inner", [second, third])]))

    assert log == ["make a", "make b", "make c", "run a", "run b", "run c"]


def test_052a_nets_of_child_workspaces_are_created_when_their_step_begins(run, log):
    private = tp.execution_step("private", logging_net("private"), create_workspace=True)

    run(tp.execution_step("all", [tp.execution_step("a", logging_net("a")), private]))

    assert log == ["make a", "run a", "make private", "run private"]


def test_052b_nets_that_never_run_are_created_all_the_same(run, log):
    run(tp.execution_step("never", logging_net("a"), num_iter=0))

    assert log == ["make a"]


def test_053_a_later_top_level_step_may_read_blobs_that_an_earlier_one_created(run, ws):
    plan = tp.Plan("plan")
    plan.AddStep(tp.execution_step("first", writing("x", 7)))
    plan.AddStep(tp.execution_step("second", reading("x")))

    run(plan)

    assert ws.fetch_blob("copy of x") == 7


def test_054_a_net_that_is_used_twice_in_one_workspace_is_created_once(run, log):
    net = logging_net("n")
    step = tp.ExecutionStep("twice in a list").AddNet(net).AddNet(net)

    run(tp.execution_step("all", [step, tp.execution_step("again", net)]))

    assert log == ["make n", "run n", "run n", "run n"]


def test_055_running_a_plan_again_creates_its_nets_anew(run, log):
    plan = tp.Plan(tp.execution_step("all", logging_net("n")))

    run(plan)
    run(plan)

    assert log == ["make n", "run n", "make n", "run n"]


# --- iterations and stop blobs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [0, -1, -5])
def test_056_zero_or_negative_num_iter_runs_nothing_and_succeeds(run, trace, times):
    run(tp.execution_step("all", [trace.step("never", num_iter=times), trace.step("after")]))

    assert trace == ["after"]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_057_with_a_preset_true_stop_blob_exactly_the_first_child_runs(run, ws, trace, shape):
    ws.feed_blob("stop", np.full(shape, True))

    run(tp.execution_step("all", [trace.net("a"), trace.net("b")], should_stop_blob=stopping("stop")))

    assert trace == ["a"]


def test_058_the_stop_blob_is_polled_after_each_child_and_stopping_is_success(run, ws, trace):
    ws.feed_blob("stop", np.array(False))
    children = [trace.step("a"), tp.execution_step("b", writing("stop", True)), trace.step("c")]
    loop = tp.execution_step("loop", children, should_stop_blob=stopping("stop"))

    run(tp.execution_step("all", [loop, trace.step("after")]))

    assert trace == ["a", "after"]


def test_058a_without_a_stop_the_children_are_repeated(run, ws, trace):
    count = tp.Net("count")
    count.Add(["n", "one"], ["n"])
    count.GE(["n", "three"], ["stop"])
    for name, value in {"n": 0, "one": 1, "three": 3}.items():
        ws.feed_blob(name, np.array(value))
    ws.feed_blob("stop", np.array(False))

    run(tp.execution_step("loop", [trace.net("a"), count, trace.net("b")], should_stop_blob=stopping("stop")))

    assert trace == ["a", "b", "a", "b", "a"]
    assert ws.fetch_blob("n") == 3


def test_059_a_missing_stop_blob_raises_before_anything_runs(run, trace):
    with pytest.raises(RuntimeError, match="missing"):
        run(tp.execution_step("loop", trace.net("a"), should_stop_blob=stopping("missing")))

    assert trace == []


def test_059a_an_uninitialised_stop_blob_counts_as_false(run, ws, trace):
    ws.create_blob("stop")

    run(tp.execution_step("loop", [trace.net("a"), writing("stop", True)], should_stop_blob=stopping("stop")))

    assert trace == ["a"]


@pytest.mark.parametrize("value", [np.array(1), np.array([True, True]), np.zeros(0, np.bool_), "true"], ids=repr)
def test_059b_a_stop_blob_that_is_not_one_bool_raises(run, ws, trace, value):
    ws.feed_blob("stop", value)

    with pytest.raises(RuntimeError, match="stop"):
        run(tp.execution_step("loop", [trace.net("a"), trace.net("b")], should_stop_blob=stopping("stop")))

    assert trace == ["a"]


def test_060_only_once_with_a_false_stop_blob_runs_one_iteration(run, ws, trace):
    ws.feed_blob("stop", np.array(False))

    run(tp.execution_step("once", [trace.net("a"), trace.net("b")], should_stop_blob=stopping("stop"), only_once=True))

    assert trace == ["a", "b"]


# --- concurrency ------------------------------------------------------------------------------------------------------


@pytest.mark.overlap
def test_061_concurrent_substeps_overlap_and_are_joined_before_the_step_ends(run, trace):
    barrier = threading.Barrier(2)
    together = [trace.step("a", do=meets(barrier)), trace.step("b", do=meets(barrier))]

    run(tp.execution_step("all", [tp.execution_step("both", together, concurrent_substeps=True), trace.step("after")]))

    assert sorted(trace[:2]) == ["a", "b"]
    assert trace[2:] == ["after"]


@pytest.mark.overlap
def test_061a_each_iteration_joins_its_concurrent_substeps(run, trace):
    barrier = threading.Barrier(2)
    together = [trace.step("a", do=meets(barrier)), trace.step("b", do=meets(barrier))]

    run(tp.execution_step("both", together, concurrent_substeps=True, num_iter=3))

    assert [sorted(trace[start : start + 2]) for start in (0, 2, 4)] == [["a", "b"]] * 3


def test_062_nets_of_one_step_run_in_order_whatever_its_concurrency(run, trace):
    threads = []
    nets = [trace.net(name, do=lambda: threads.append(threading.get_ident())) for name in "abc"]

    run(tp.execution_step("nets", nets, concurrent_substeps=True, num_concurrent_instances=3))

    assert trace == ["a", "b", "c"]
    assert set(threads) == {threading.get_ident()}


@pytest.mark.overlap
def test_063_an_iteration_runs_instances_times_substeps_executions_at_once(run, trace):
    """With instances, substeps become concurrent with each other too: all six meet."""
    barrier = threading.Barrier(6)
    substeps = [trace.step("a", do=meets(barrier)), trace.step("b", do=meets(barrier))]

    run(tp.execution_step("all", substeps, num_concurrent_instances=3, num_iter=2))

    assert sorted(trace) == ["a"] * 6 + ["b"] * 6


def test_063a_zero_instances_count_as_one(run, trace):
    run(
        tp.execution_step(
            "all", [trace.step("a"), trace.step("b")], concurrent_substeps=True, num_concurrent_instances=0
        )
    )

    assert sorted(trace) == ["a", "b"]
