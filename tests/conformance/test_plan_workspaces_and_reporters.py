"""Statements 64 to 68 and 74 of the checklist: child workspaces and their ids, and reporters."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import LONG_MS, TIMEOUT_S, awaits

import taskplan as tp

NODE = 7


# --- child workspaces -------------------------------------------------------------------------------------------------


def marking_net(found: list[bool]) -> tp.Net:
    """A net that notes whether its workspace has been here before, and leaves a mark in it."""

    def mark(_inputs: Any, _outputs: Any, workspace: Any) -> None:
        found.append(workspace.has_blob("mark"))
        workspace.feed_blob("mark", np.array(1))

    net = tp.Net("mark")
    net.Python(mark, pass_workspace=True)([], [])
    return net


def test_064_each_execution_of_a_create_workspace_step_sees_a_fresh_child_kept_across_its_iterations(run, ws):
    found: list[bool] = []
    private = tp.execution_step("private", marking_net(found), num_iter=3, create_workspace=True)

    run(tp.execution_step("twice", [private], num_iter=2))

    assert found == [False, True, True] * 2
    assert not ws.has_blob("mark")


def test_064a_concurrent_executions_have_a_child_each(run, ws):
    found: list[bool] = []
    private = tp.execution_step("private", marking_net(found), num_iter=2, create_workspace=True)

    run(tp.execution_step("instances", [private], num_concurrent_instances=4))

    assert sorted(found) == [False] * 4 + [True] * 4


def test_064b_a_child_writes_blobs_that_its_parent_has(run, ws):
    ws.feed_blob("x", np.array(1))
    net = tp.Net("net")
    net.Add(["x", "x"], ["x"])
    net.Copy(["x"], ["private copy"])

    run(tp.execution_step("private", net, create_workspace=True))

    assert ws.fetch_blob("x") == 2
    assert not ws.has_blob("private copy")


def id_reader(found: list[int]) -> tp.Net:
    net = tp.Net("read id")
    net.Python(lambda inputs, outputs: found.append(int(inputs[0].data)))(["GLOBAL_WORKSPACE_ID"], [])
    return net


def test_065_children_have_distinct_ids_that_begin_with_the_node_id(run, ws):
    found: list[int] = []
    ws.feed_blob("NODE_ID", np.array([NODE], np.int32))
    private = tp.execution_step("private", id_reader(found), create_workspace=True)

    run(tp.execution_step("all", [tp.execution_step("instances", [private], num_concurrent_instances=4)], num_iter=2))

    assert sorted(found) == [(NODE << 16) + k for k in range(8)]
    assert not ws.has_blob("GLOBAL_WORKSPACE_ID")


def test_065a_nested_children_draw_from_the_same_count(run, ws):
    found: list[int] = []
    ws.feed_blob("NODE_ID", np.array(NODE, np.int32))
    inner = tp.execution_step("inner", id_reader(found), create_workspace=True)
    outer = tp.execution_step("outer", [tp.execution_step("own", id_reader(found)), inner], create_workspace=True)

    run(tp.execution_step("twice", [outer], num_iter=2))

    assert found == [(NODE << 16) + k for k in range(4)]


def test_065b_the_id_is_one_int32_of_rank_0(run, ws):
    ws.feed_blob("NODE_ID", np.array(NODE, np.int32))
    kinds = []
    net = tp.Net("kind")
    net.Python(lambda inputs, outputs: kinds.append((inputs[0].data.dtype, inputs[0].data.shape)))(
        ["GLOBAL_WORKSPACE_ID"], []
    )

    run(tp.execution_step("private", net, create_workspace=True))

    assert kinds == [(np.int32, ())]


def test_065c_without_a_node_id_children_have_none(run, ws):
    seen = []
    net = tp.Net("look")
    net.Python(lambda inputs, outputs, space: seen.append(space.has_blob("GLOBAL_WORKSPACE_ID")), pass_workspace=True)(
        [], []
    )

    run(tp.execution_step("private", net, create_workspace=True))

    assert seen == [False]


@pytest.mark.parametrize(
    "node_id", [np.array(7), np.array([1, 2], np.int32), np.array(7.0, np.float32), "7", np.array("7")], ids=repr
)
def test_065d_a_node_id_that_is_not_one_int32_raises(run, ws, trace, node_id):
    ws.feed_blob("NODE_ID", node_id)

    with pytest.raises(RuntimeError, match="NODE_ID"):
        run(trace.step("private", create_workspace=True))

    assert trace == []


# --- reporters --------------------------------------------------------------------------------------------------------


def test_066_a_reporter_with_a_long_interval_runs_exactly_once_after_its_siblings(run, trace):
    reporter = trace.step("report", run_every_ms=LONG_MS)

    run(tp.execution_step("all", [reporter, trace.step("a"), trace.step("b")]))

    assert trace == ["a", "b", "report"]


@pytest.mark.overlap
def test_067_a_reporter_with_a_short_interval_runs_repeatedly_and_once_more_after_its_siblings(run, trace):
    reported_twice = threading.Event()

    def look() -> None:
        if trace.count("report") >= 2:
            reported_twice.set()

    reporter = trace.step("report", do=look, run_every_ms=1)
    body = trace.step("body", do=lambda: reported_twice.wait(TIMEOUT_S))

    run(tp.execution_step("all", [reporter, body]))

    assert reported_twice.is_set()
    assert trace[-1] == "report"
    assert trace.index("body") >= 2


@pytest.mark.overlap
def test_067a_a_report_that_is_under_way_when_the_siblings_end_is_followed_by_a_whole_one(run, trace):
    """W-11: a run that began before the siblings ended is not the last one."""
    reporting, ended = threading.Event(), threading.Event()
    report = tp.Net("report")
    trace.mark("begin", do=lambda: reporting.set() or ended.wait(TIMEOUT_S), net=report)
    trace.mark("end", net=report)
    reporter = tp.execution_step("reporter", report, run_every_ms=1)
    body = trace.step("body", do=lambda: reporting.wait(TIMEOUT_S) and ended.set())

    run(tp.execution_step("all", [reporter, body]))

    assert trace[-2:] == ["begin", "end"]
    assert trace.count("end") >= 2


def test_067b_a_reporter_lives_across_all_iterations_of_its_parent(run, trace):
    run(tp.execution_step("all", [trace.step("report", run_every_ms=LONG_MS), trace.step("a")], num_iter=3))

    assert trace == ["a", "a", "a", "report"]


def test_067c_a_reporter_may_read_what_a_sibling_after_it_makes(run, ws, trace):
    """W-22: reporters are created after their siblings, wherever they stand."""
    body, report = tp.Net("body"), tp.Net("report")
    made = body.Const(3)
    report.Copy([made], ["reported"])

    run(
        tp.execution_step(
            "all", [tp.execution_step("report", report, run_every_ms=LONG_MS), tp.execution_step("body", body)]
        )
    )

    assert ws.fetch_blob("reported") == 3


def test_068_reporters_take_no_part_in_the_sequence_or_in_stop_polling(run, ws, trace):
    """The stop blob is true from the start, so the first child that is no reporter ends the step."""
    ws.feed_blob("stop", np.array(True))
    children = [trace.step("report", run_every_ms=LONG_MS), trace.step("a"), trace.step("b")]

    run(tp.execution_step("all", children, should_stop_blob=tp.BlobReference("stop")))

    assert trace == ["a", "report"]


def test_068a_a_stop_blob_with_nothing_but_reporters_is_refused(run, ws, trace):
    """W-5: it would spin for ever."""
    ws.feed_blob("stop", np.array(False))
    step = tp.execution_step(
        "all", [trace.step("report", run_every_ms=LONG_MS)], should_stop_blob=tp.BlobReference("stop")
    )

    with pytest.raises(RuntimeError, match="all"):
        run(step)

    assert trace == []


def test_068b_on_a_top_level_step_the_interval_is_ignored(run, trace):
    run(trace.step("once", run_every_ms=LONG_MS))

    assert trace == ["once"]


def test_068c_a_parent_with_reporters_only_runs_each_once(run, trace):
    run(tp.execution_step("all", [trace.step("report", run_every_ms=LONG_MS)]))

    assert trace == ["report"]


@pytest.mark.parametrize("interval", [0, -5])
def test_068d_an_interval_that_is_not_positive_is_refused(trace, interval):
    """W-31."""
    with pytest.raises(ValueError, match="interval"):
        tp.ExecutionStep("report", trace.net("report")).RunEveryMillis(interval)


@pytest.mark.overlap
@pytest.mark.parametrize("interval", [0, -5])
def test_068e_an_interval_that_a_plan_of_others_has_not_positive_is_a_millisecond(run, trace, interval):
    """W-31: in Caffe2 such a reporter runs all the time."""
    enough = threading.Event()

    def count() -> None:
        if trace.count("report") >= 20:
            enough.set()

    report = trace.step("report", count, run_every_ms=1)
    report.Proto().run_every_ms = interval
    began = time.monotonic()

    run(tp.execution_step("all", [trace.step("body", awaits(enough)), report]))

    assert time.monotonic() - began >= 0.001 * (trace.count("report") - 1)


@pytest.mark.overlap
@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("interval", [1, LONG_MS])
def test_074_a_reporter_exception_is_not_lost(run, trace, concurrent, interval):
    """W-10: neither under a sequential parent nor a concurrent one, neither before the siblings end nor after."""
    reported = threading.Event()
    error = ValueError("report")

    def fail() -> None:
        reported.set()
        raise error

    reporter = trace.step("report", do=fail, run_every_ms=interval)
    body = trace.step("body", do=lambda: reported.wait(TIMEOUT_S) if interval == 1 else None)

    with pytest.raises(ValueError, match="report") as caught:
        run(tp.execution_step("all", [reporter, body, trace.step("other")], concurrent_substeps=concurrent))

    assert caught.value is error


def test_074a_a_failing_report_net_fails_the_run(run, trace):
    report = tp.Net("report")
    report.Fail([], [])

    with pytest.raises(RuntimeError, match="Fail"):
        run(tp.execution_step("all", trace.net("a"), report_net=report, report_interval=3600))

    assert trace == ["a"]
