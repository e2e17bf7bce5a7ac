"""Statements 98 to 104 of the checklist: sessions."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import GLOBAL, PRIVATE, writing

import taskplan as tp
from taskplan import ops


def doubling(workspace_type: str | None = None) -> tuple[tp.TaskGroup, tp.TaskOutput]:
    """A group that doubles blob `x` of the session's workspace, and its output."""
    with tp.TaskGroup(workspace_type) as group, tp.Task():
        output = tp.final_output(ops.Add(["x", "x"], ["doubled"]))
    return group, output


def failing() -> tp.TaskGroup:
    with tp.TaskGroup() as group, tp.Task():
        ops.Fail([], [])
    return group


# --- what can be run --------------------------------------------------------------------------------------------------


def as_net(net: tp.Net) -> object:
    return net


def as_step(net: tp.Net) -> object:
    return tp.execution_step("step", net)


def as_plan(net: tp.Net) -> object:
    return tp.Plan(tp.execution_step("step", net))


def as_task(net: tp.Net) -> object:
    return tp.Task(step=net)


def as_group(net: tp.Net) -> object:
    with tp.TaskGroup(GLOBAL) as group:
        tp.Task(step=net)
    return group


def as_list(net: tp.Net) -> object:
    return [net]


@pytest.mark.parametrize("kind", [as_net, as_step, as_plan, as_task, as_group, as_list], ids=lambda kind: kind.__name__)
def test_098_net_step_plan_task_and_group_can_be_run_and_run_again(session, trace, kind):
    """A list of nets or steps too, which the original refuses."""
    runnable = kind(trace.net("net"))

    session.run(runnable)
    session.run(runnable)

    assert trace == ["net", "net"]


def test_098a_none_and_what_is_no_program_are_refused(session):
    with pytest.raises(AssertionError):
        session.run(None)
    for wrong in ("net", ("net",), 7):
        with pytest.raises(ValueError, match="step"):
            session.run(wrong)
    with pytest.raises(AssertionError, match="empty"):
        session.run(tp.Plan("empty"))


def test_098b_a_closed_session_refuses_everything(session, trace):
    assert session.is_open()

    session.close()
    session.close()

    assert not session.is_open()
    with pytest.raises(AssertionError, match="closed"):
        session.run(trace.net("net"))
    with pytest.raises(AssertionError, match="closed"):
        session.__enter__()
    assert trace == []


def test_098c_a_session_closes_with_its_block_even_if_that_fails(open_session):
    """The original stays open then."""
    session = open_session()

    with pytest.raises(ZeroDivisionError), session:
        raise ZeroDivisionError

    assert not session.is_open()


def test_098d_what_is_run_inside_an_open_group_or_task_does_not_join_it(session, trace):
    """W-24."""
    with tp.TaskGroup() as group:
        session.run(trace.net("by itself"))
        with tp.Task():
            session.run(trace.step("beside the task"))
            trace.mark("in the task")

    session.run(group)

    assert trace == ["by itself", "beside the task", "in the task"]
    assert len(group.tasks()) == 1


@pytest.mark.parametrize("kind", [as_net, as_step, as_task, as_group, as_list], ids=lambda kind: kind.__name__)
def test_098e_a_program_whose_net_has_grown_runs_as_it_is_now(session, trace, kind):
    """W-23. (A plan is a copy of the nets that it was given.)"""
    net = trace.net("first")
    runnable = kind(net)
    session.run(runnable)

    trace.mark("second", net=net)
    session.run(runnable)

    assert trace == ["first", "first", "second"]


@pytest.mark.parametrize("kind", [as_net, as_step, as_task, as_group, as_list], ids=lambda kind: kind.__name__)
def test_098f_a_program_whose_net_was_changed_through_its_message_runs_as_it_is_now(session, ws, kind):
    net = writing("x", 1)
    runnable = kind(net)
    session.run(runnable)

    [value] = [arg for arg in net.Proto().op[0].arg if arg.name == "values"]
    value.ints[0] = 2
    session.run(runnable)

    assert ws.fetch_blob("x") == 2


@pytest.mark.parametrize("kind", [as_net, as_step, as_plan, as_task, as_group], ids=lambda kind: kind.__name__)
def test_098g_a_session_keeps_no_program_alive_that_it_has_run(session, kind):
    """W-23."""
    runnable = kind(writing("x"))
    session.run(runnable)
    reference = weakref.ref(runnable)

    del runnable
    gc.collect()

    assert reference() is None


def test_099_the_steps_of_a_plan_run_one_after_the_other(session, trace):
    plan = tp.Plan("plan")
    for name in "abc":
        plan.AddStep(tp.execution_step(name, [trace.step(f"{name}1"), trace.step(f"{name}2")]))

    session.run(plan)

    assert trace == ["a1", "a2", "b1", "b2", "c1", "c2"]


# --- workspaces and outputs -------------------------------------------------------------------------------------------


def test_100_of_a_private_run_only_output_blobs_appear_in_the_sessions_workspace(session, ws):
    with tp.TaskGroup(PRIVATE) as group, tp.Task():
        hidden = ops.Const(3, blob_out="hidden")
        output = tp.final_output(ops.Add([hidden, hidden], ["shown"]))

    session.run(group)

    assert set(ws.blobs) == {"shown"}
    assert ws.fetch_blob("shown") == output.fetch() == 6


def test_100a_a_net_by_itself_runs_in_the_sessions_workspace(session, ws):
    session.run(writing("x"))

    assert ws.fetch_blob("x") == 1


def test_100b_without_a_workspace_a_session_takes_the_one_that_is_current_when_it_is_made(open_session, ws):
    session = open_session(None)

    with tp.WorkspaceGuard(tp.Workspace()):
        session.run(writing("x"))

    assert ws.fetch_blob("x") == 1


def test_101_outputs_come_home_as_arrays_lists_and_records(session):
    with tp.TaskGroup() as group, tp.Task():
        blobs = [ops.Const(np.array([number], np.int64)) for number in (1, 2)]
        one = tp.final_output(blobs[0])
        both = tp.final_output(blobs)
        record = tp.final_output(tp.schema.Struct(("a", tp.schema.Scalar(np.int64, blobs[0])), ("b", blobs[1])))

    session.run(group)

    assert one.fetch().tolist() == [1]
    assert [array.tolist() for array in both.fetch()] == [[1], [2]]
    fetched = record.fetch()
    assert fetched.field_names() == ["a", "b"]
    assert [fetched.a().tolist(), fetched.b().tolist()] == [[1], [2]]


def test_101a_outputs_of_a_task_are_one_by_one_what_it_was_given():
    blobs = [tp.BlobReference(name) for name in "abc"]

    task = tp.Task(outputs=[blobs[0], [blobs[1], blobs[2]]])
    alone = tp.Task(outputs=blobs[0])

    assert [output.names for output in task.outputs()] == [[blobs[0]], [blobs[1], blobs[2]]]
    assert task.output_list().names() == blobs
    assert [output.names for output in alone.outputs()] == [[blobs[0]]]


def test_101b_a_final_output_outside_of_tasks_is_read_when_the_last_task_has_ended(session, ws):
    with tp.TaskGroup(GLOBAL) as group:
        output = tp.final_output("x")
        tp.Task(step=writing("x", 4))

    session.run(group)

    assert output.fetch() == 4


def test_101c_fetching_before_a_run_says_so():
    """W-28: a clear error."""
    _, output = doubling()

    with pytest.raises(AttributeError, match="run"):
        output.fetch()
    with pytest.raises(AssertionError, match="run"):
        output.get()


def test_101d_after_a_failed_run_there_is_no_stale_value(session, ws):
    """W-28."""
    group, output = doubling()
    ws.feed_blob("x", np.array(1))
    session.run(group)
    assert output.fetch() == 2

    ws.feed_blob("x", b"no number")
    with pytest.raises(RuntimeError, match="Add"):
        session.run(group)

    with pytest.raises(RuntimeError, match="failed"):
        output.fetch()
    ws.feed_blob("x", np.array(2))
    session.run(group)
    assert output.fetch() == 4


def test_101e_fetching_an_output_that_the_run_did_not_write_raises(session):
    with tp.TaskGroup() as group, tp.Task():
        with ops.If(ops.Const(False)):
            output = tp.final_output(ops.Const(3, blob_out="unwritten"))

    session.run(group)

    with pytest.raises(RuntimeError, match="unwritten"):
        output.fetch()


def test_102_a_compiled_group_runs_again_and_refreshes_its_outputs_also_from_another_session(open_session, ws):
    group, output = doubling()
    compiled = type(open_session()).compile(group)
    other_space = tp.Workspace()
    for space, value in ((ws, 1), (other_space, 100)):
        space.feed_blob("x", np.array(value))
    first, second = open_session(), open_session(other_space)

    first.run(compiled)
    assert output.fetch() == 2

    ws.feed_blob("x", np.array(5))
    first.run(compiled)
    assert output.fetch() == 10

    second.run(compiled)
    assert output.fetch() == 200
    assert other_space.fetch_blob("doubled") == 200


def test_102a_a_group_that_was_not_compiled_by_hand_does_the_same(open_session, ws):
    group, output = doubling()
    ws.feed_blob("x", np.array(1))
    other_space = tp.Workspace()
    other_space.feed_blob("x", np.array(100))

    results = []
    for session in (open_session(), open_session(), open_session(other_space)):
        session.run(group)
        results.append(int(output.fetch()))

    assert results == [2, 2, 200]


@pytest.mark.one_process
def test_102d_a_compiled_group_runs_as_each_session_is_set_up(open_session, ws, trace):
    """What is compiled for a class of sessions does not depend on which of them runs it first."""
    with tp.TaskGroup(GLOBAL) as group, tp.Node("other"):
        tp.Task(step=writing("x"))
    apart, shared = open_session(), open_session(shared_nodes=True)
    compiled = type(apart).compile(group)

    apart.run(compiled)
    assert not ws.has_blob("x")
    shared.run(compiled)
    assert ws.has_blob("x")


def test_102b_a_task_that_is_in_a_group_runs_by_itself_too(session, ws):
    with tp.TaskGroup(GLOBAL) as group:
        task = tp.Task(step=writing("x"))
    session.run(group)
    ws.remove_blob("x")

    session.run(task)

    assert ws.has_blob("x")


def test_102c_running_with_another_type_of_workspaces_compiles_anew(session, ws):
    """W-23: the type that a session asks for belongs to that run, and does not stick to the group."""
    with tp.TaskGroup() as group:
        tp.Task(step=writing("x"))

    session.run(group, workspace_type=PRIVATE)
    assert not ws.has_blob("x")
    session.run(group, workspace_type=GLOBAL)
    assert ws.has_blob("x")


def test_103_a_runnable_compiled_for_one_class_of_sessions_is_refused_by_another(open_session, trace):
    session = open_session()
    kind: Any = type(session)

    class Other(kind):  # type: ignore[misc]  # the class under test is known at run time
        """Another class of sessions."""

    compiled = Other.compile(trace.net("net"))

    with pytest.raises(AssertionError, match="Other"):
        session.run(compiled)
    with pytest.raises(AssertionError, match="Other"):
        kind.compile(compiled)
    assert Other.compile(compiled) is compiled
    assert trace == []


def test_103a_what_a_session_has_compiled_another_class_compiles_for_itself(open_session, trace):
    """W-23: the original shares one cache between all classes."""
    session = open_session()

    class Other(type(session)):  # type: ignore[misc]  # the class under test is known at run time
        """Another class of sessions."""

    net = trace.net("net")
    session.run(net)
    with Other() as other:
        other.run(net)

    assert trace == ["net", "net"]


@pytest.mark.parametrize("workspace_type", [PRIVATE, GLOBAL])
def test_104_a_failed_run_leaves_the_current_workspace_unchanged(session, ws, workspace_type):
    """W-15."""
    with pytest.raises(RuntimeError, match="Fail"):
        session.run(failing(), workspace_type=workspace_type)

    assert tp.Workspace.current is ws
    tp.RunNetOnce(writing("x"))
    assert ws.fetch_blob("x") == 1
