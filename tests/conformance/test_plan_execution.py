"""Statements 51 to 63 and 69 to 76 of the checklist: what a plan does, and how it ends. Reporters and workspaces have files of their own."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import taskplan as tp

TIMEOUT_S = 10

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


def writing(blob: str, value: object) -> tp.Net:
    net = tp.Net(f"write {blob}")
    net.Const(value, blob_out=blob)
    return net


def reading(blob: str) -> tp.Net:
    net = tp.Net(f"read {blob}")
    net.Copy([blob], [f"copy of {blob}"])
    return net


def stopping(blob: str) -> tp.BlobReference:
    return tp.BlobReference(blob)


def meets(barrier: threading.Barrier) -> Callable[[], object]:
    return lambda: barrier.wait(TIMEOUT_S)


def awaits(event: threading.Event) -> Callable[[], None]:
    def wait() -> None:
        assert event.wait(TIMEOUT_S)

    return wait


def raises(error: BaseException) -> Callable[[], object]:
    def throw() -> None:
        raise error

    return throw


# --- creating nets ------------------------------------------------------------------------------------------------------


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


# --- iterations and stop blobs ------------------------------------------------------------------------------------------


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


# --- concurrency --------------------------------------------------------------------------------------------------------


def test_061_concurrent_substeps_overlap_and_are_joined_before_the_step_ends(run, trace):
    barrier = threading.Barrier(2)
    together = [trace.step("a", do=meets(barrier)), trace.step("b", do=meets(barrier))]

    run(tp.execution_step("all", [tp.execution_step("both", together, concurrent_substeps=True), trace.step("after")]))

    assert sorted(trace[:2]) == ["a", "b"]
    assert trace[2:] == ["after"]


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


# --- failure ------------------------------------------------------------------------------------------------------------


def test_069_a_failing_op_skips_all_that_follows_and_the_run_raises(run, trace):
    failing = tp.Net("failing")
    trace.mark("before", net=failing)
    failing.Fail([], [])
    trace.mark("next operator", net=failing)
    inner = tp.execution_step("inner", [failing, trace.net("next net")], num_iter=2)
    plan = tp.Plan("plan")
    plan.AddStep(tp.execution_step("all", [inner, trace.step("next step")]))
    plan.AddStep(trace.step("next top-level step"))

    with pytest.raises(RuntimeError, match="Fail"):
        run(plan)

    assert trace == ["before"]


def test_070_an_exception_in_a_concurrent_substep_is_raised_in_the_caller_itself(run, trace):
    error = KeyError("mine")
    substeps = [trace.step("fails", do=raises(error)), trace.step("other")]

    with pytest.raises(KeyError) as caught:
        run(tp.execution_step("both", substeps, concurrent_substeps=True))

    assert caught.value is error
    assert caught.value.args == ("mine",)


def test_070a_a_net_that_cannot_be_created_in_a_concurrent_child_raises_in_the_caller(run, trace):
    net = tp.Net("may make anything")
    net.Python(lambda inputs, outputs, workspace: None, pass_workspace=True)([], [])
    private = tp.execution_step("private", [net, reading("missing")], create_workspace=True)

    with pytest.raises(RuntimeError, match="missing"):
        run(tp.execution_step("both", [private, trace.step("other")], concurrent_substeps=True))


def forever(name: str, content: Any) -> tp.ExecutionStep:
    """A step that ends only when its run does."""
    return tp.execution_step(name, content, num_iter=10**12)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_071_endless_siblings_of_a_failure_end(run, trace, depth):
    begun = threading.Event()
    endless = forever("endless", trace.net("endless", do=begun.set))
    for level in range(depth):
        endless = forever(f"outer {level}", [endless, trace.step(f"beside {level}")])
    failing = trace.step("fails", do=lambda: awaits(begun)() or raises(ValueError("stop"))())

    with pytest.raises(ValueError, match="stop"):
        run(tp.execution_step("both", [failing, endless], concurrent_substeps=True))


def test_071a_a_sibling_stops_before_its_next_operator_net_and_step(session, trace):
    """The closing block of the failed task runs once the failure is known; the sibling's operator waits for that."""
    begun, known = threading.Event(), threading.Event()
    with tp.TaskGroup() as group:
        with tp.Task(name="fails"):
            with tp.ops.task_finally():
                trace.mark("closing", do=known.set)
            trace.mark("unreached", do=lambda: awaits(begun)() or raises(ValueError("stop"))())
        with tp.Task(name="sibling"):
            trace.mark("last", do=lambda: begun.set() or awaits(known)())
            trace.mark("next operator")
            tp.ops.net(trace.net("next net"))
            tp.ops.net(trace.step("next step"))

    with pytest.raises(ValueError, match="stop"):
        session.run(group)

    assert sorted(trace) == ["closing"] or sorted(trace) == ["closing", "last"]


@pytest.mark.parametrize("failure", ["Fail", "ThrowException", "Python"])
def test_072_a_failure_cancels_siblings_that_wait_for_queues(run, trace, failure):
    create = tp.Net("create")
    empty = create.CreateBlobsQueue([], "empty", capacity=1)
    full = create.CreateBlobsQueue([], "full", capacity=1)
    item = create.Const(1)
    create.EnqueueBlobs([full, item], [item])
    reader, writer, safe_reader = tp.Net("reader"), tp.Net("writer"), tp.Net("safe reader")
    reader.DequeueBlobs([empty], ["taken"])
    other = writer.Const(2)
    writer.EnqueueBlobs([full, other], [other])
    safe_reader.SafeDequeueBlobs([empty], ["taken safely", "status"])
    failing = tp.Net("failing")
    if failure == "Python":
        failing.Python(lambda inputs, outputs: raises(RuntimeError("Python"))())([], [])
    else:
        getattr(failing, failure)([], [])
    waiting = [tp.execution_step(net.Name(), [net, trace.net("after it")]) for net in (reader, writer, safe_reader)]
    together = tp.execution_step(
        "together", [*waiting, tp.execution_step("failing", failing)], concurrent_substeps=True
    )

    with pytest.raises(RuntimeError, match=failure):
        run(tp.execution_step("all", [tp.execution_step("create", create), together]))

    assert trace == []


def test_073_a_failing_instance_stops_the_others(run):
    calls = itertools.count(1)
    net = tp.Net("count")
    net.Python(lambda inputs, outputs: raises(ValueError("seventh"))() if next(calls) == 7 else None)([], [])

    with pytest.raises(ValueError, match="seventh"):
        run(tp.execution_step("instances", [forever("loop", net)], num_concurrent_instances=3))


# --- signals, net types -------------------------------------------------------------------------------------------------


@contextmanager
def interrupting_once_it_counts(ws: tp.Workspace, blob: str) -> Iterator[None]:
    """Send Ctrl-C from another thread as soon as operators count in a blob."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if ws.fetch_blob(blob) >= 100:
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_075_sigint_ends_nested_loops_and_the_plan_and_is_reported(run, ws, trace):
    add = tp.Net("add")
    add.Add(["n", "one"], ["n"])
    for name, value in {"n": 0, "one": 1}.items():
        ws.feed_blob(name, np.array(value))
    nested = forever("outer", [tp.execution_step("inner", add, num_iter=3), tp.execution_step("beside", add)])
    plan = tp.Plan("plan")
    plan.AddStep(tp.execution_step("first", [trace.step("begin"), nested, trace.step("next step")]))
    plan.AddStep(trace.step("next top-level step"))

    with pytest.raises(KeyboardInterrupt), interrupting_once_it_counts(ws, "n"):
        run(plan)

    assert trace == ["begin"]
    assert ws.fetch_blob("n") >= 100
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


DAG_TYPES = [
    "dag", "async_dag", "async_scheduling", "parallel", "async_polling", "async_simple", "prof_dag", "rnn", "simple_refcount",
]  # fmt: skip


@pytest.mark.parametrize("net_type", DAG_TYPES)
def test_076_a_dag_net_honours_data_dependencies_anti_dependencies_and_control_inputs(run, ws, trace, net_type):
    net = tp.Net("dag")
    net.Proto().type = net_type
    net.Proto().num_workers = 4
    one = net.Const(1, blob_out="x")
    first = net.Add([one, one], ["first"])
    net.Const(10, blob_out="x")
    net.Add([first, "x"], ["second"])
    net.Const(5, blob_out="second and a half")
    net.Python(lambda inputs, outputs: trace.append("a"))([], ["a done"])
    net.Python(lambda inputs, outputs: trace.append("b"))([], ["b done"], control_input=["a done"])
    net.Python(lambda inputs, outputs: trace.append("c"))([], [], control_input=["b done"])

    run(tp.execution_step("dag", net))

    assert [int(ws.fetch_blob(name)) for name in ("x", "first", "second")] == [10, 2, 12]
    assert trace == ["a", "b", "c"]


def test_076a_ops_that_depend_on_a_failed_op_of_a_dag_net_do_not_run(run, trace):
    net = tp.Net("dag")
    net.Proto().type = "dag"
    net.Python(lambda inputs, outputs: raises(ValueError("first"))())([], ["x"])
    net.Python(lambda inputs, outputs: trace.append("dependent"))(["x"], [])

    with pytest.raises(ValueError, match="first"):
        run(tp.execution_step("dag", net))

    assert trace == []


def test_076b_an_unknown_net_type_is_refused_when_the_net_is_created(run, trace):
    net = trace.net("net")
    net.Proto().type = "fancy"

    with pytest.raises(RuntimeError, match="fancy"):
        run(tp.execution_step("all", [trace.net("before"), net]))

    assert trace == []
