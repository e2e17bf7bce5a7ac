"""Statements 69 to 73, 75 and 76 of the checklist: failures, signals, and nets that say they run in parallel."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from tests.conformance.programs import BoomError, awaits, call, fail, forever, raises, reading

import taskplan as tp
from taskplan import ops

# --- failure ----------------------------------------------------------------------------------------------------------


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


@pytest.mark.overlap
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_071_endless_siblings_of_a_failure_end(run, trace, depth):
    begun = threading.Event()
    endless = forever("endless", trace.net("endless", do=begun.set))
    for level in range(depth):
        endless = forever(f"outer {level}", [endless, trace.step(f"beside {level}")])
    failing = trace.step("fails", do=lambda: awaits(begun)() or raises(ValueError("stop"))())

    with pytest.raises(ValueError, match="stop"):
        run(tp.execution_step("both", [failing, endless], concurrent_substeps=True))


@pytest.mark.overlap
def test_071a_a_sibling_stops_before_its_next_operator_net_and_step(session, trace):
    """The closing block of the failed task runs once the failure is known; the sibling's operator waits for that."""
    begun, known = threading.Event(), threading.Event()
    with tp.TaskGroup() as group:
        with tp.Task(name="fails"):
            with ops.task_finally():
                trace.mark("closing", do=known.set)
            trace.mark("unreached", do=lambda: awaits(begun)() or raises(ValueError("stop"))())
        with tp.Task(name="sibling"):
            trace.mark("last", do=lambda: begun.set() or awaits(known)())
            trace.mark("next operator")
            ops.net(trace.net("next net"))
            ops.net(trace.step("next step"))

    with pytest.raises(ValueError, match="stop"):
        session.run(group)

    assert sorted(trace) == ["closing", "last"]


@pytest.mark.overlap
def test_071b_a_sibling_stops_inside_an_operator_that_runs_others(session):
    """No user code and no step comes between the operators of an endless `WhileNet`."""
    begun = threading.Event()
    with tp.TaskGroup() as group:
        with tp.Task(name="fails"):
            call(awaits(begun))
            fail()
        with tp.Task(name="sibling"):
            call(begun.set)
            yes = ops.Const(True)
            with ops.WhileNet():
                with ops.Condition():
                    ops.Copy([yes])
                ops.Const(1)

    with pytest.raises(BoomError):
        session.run(group)


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


# --- signals, net types -----------------------------------------------------------------------------------------------


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
    "dag",
    "async_dag",
    "async_scheduling",
    "parallel",
    "async_polling",
    "async_simple",
    "prof_dag",
    "rnn",
    "simple_refcount",
]


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
