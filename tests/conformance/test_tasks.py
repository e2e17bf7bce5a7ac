"""Statements 77 and 79 to 91 of the checklist: tasks, instances, what is set up around them, and workspaces."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import GLOBAL, LONG_MS, PRIVATE, TIMEOUT_S, awaits, keeping, meets, writing

import taskplan as tp
from taskplan import ops


def counting() -> Callable[[Any, Any], None]:
    """A Python operator that gives another number each time: 0, 1, 2, ..."""
    numbers = itertools.count()
    return lambda inputs, outputs: outputs[0].feed(np.array(next(numbers)))


# --- names and empty tasks --------------------------------------------------------------------------------------------


def test_077_a_task_is_named_after_its_node_with_suffixes_that_are_unique_in_its_group():
    with tp.TaskGroup() as group:
        names = [tp.Task(name="job", node=node).name for node in ("a", "a", "b", "a")]
        with tp.Node("b"), tp.Task(name="job") as opened:
            names.append(opened.name)
    with tp.TaskGroup() as other:
        names.append(tp.Task(name="job", node="a").name)

    assert names == ["a/job", "a/job:1", "b/job", "a/job:2", "b/job:1", "a/job"]
    assert [task.name for task in group.tasks()] == names[:5]
    assert [task.name for task in other.tasks()] == ["a/job"]


def test_077a_a_task_without_a_name_takes_that_of_its_step_or_is_called_task():
    net = writing("x")

    names = [tp.Task().name, tp.Task(step=net).name, tp.Task(step=tp.execution_step("mine", net)).name]

    assert names == ["local/task", "local/task", "local/mine"]


def test_077b_tasks_without_a_group_have_distinct_names_while_they_live():
    """W-3."""
    tasks = [tp.Task(name="job"), tp.Task(name="job")]

    assert [task.name for task in tasks] == ["local/job", "local/job:1"]


def test_079_a_task_without_outputs_has_one_dummy_int32_output_run_at_its_exit(session, ws):
    task = tp.Task(step=writing("x"), name="foo")

    step = task.get_step()

    body, end = step.Substeps()
    assert [net.Name() for net in body.Nets()] == ["write x"]
    assert [net.Name() for net in end.Nets()] == ["local/foo:output"]
    [output] = task.outputs()
    [op] = end.Nets()[0].Proto().op
    assert op.type == "ConstantFill"
    assert list(op.output) == output.names
    assert {arg.name: arg.i for arg in op.arg if arg.name != "shape"} == {"dtype": tp.DataType.INT32, "value": 0}


def test_079a_the_dummy_output_leaves_no_trace_in_the_workspace(session, ws):
    """W-20 as the design settles it: it is in the plan, and its blob goes after the run."""
    for _ in range(3):
        session.run(writing("x"))

    assert set(ws.blobs) == {"x"}
    assert len(ws.nets) == 0


def test_080_a_task_without_a_step_becomes_an_empty_step_without_output(session):
    with tp.TaskGroup() as group:
        task = tp.Task(name="nothing")

    step = task.get_step()
    session.run(group)

    assert step.Name() == "local/nothing"
    assert (step.HasNets(), step.HasSubsteps()) == (False, False)
    assert task.outputs() == []


# --- setup around tasks, instances and nodes --------------------------------------------------------------------------


@pytest.mark.overlap
def test_081_task_init_precedes_every_instance_and_task_exit_follows_all_and_both_run_once(session, trace):
    barrier = threading.Barrier(3)
    with tp.TaskGroup() as group:
        with tp.Task(num_instances=3):
            with ops.task_exit():
                trace.mark("exit")
            trace.mark("body", do=meets(barrier))
            with ops.task_init():
                trace.mark("init")

    session.run(group)

    assert trace == ["init", "body", "body", "body", "exit"]


def test_081a_blocks_of_a_kind_run_in_the_order_in_which_they_stand(session, trace):
    with tp.TaskGroup() as group, tp.Task():
        for number in (1, 2):
            with ops.task_exit():
                trace.mark(f"exit {number}")
            with ops.task_init():
                trace.mark(f"init {number}")

    session.run(group)

    assert trace == ["init 1", "init 2", "exit 1", "exit 2"]


def test_081b_a_task_init_inside_another_runs_before_it(session, trace):
    """W-4: it is not dropped."""
    with tp.TaskGroup() as group, tp.Task():
        with ops.task_init():
            with ops.task_init():
                trace.mark("inner")
            trace.mark("outer")
        trace.mark("body")

    session.run(group)

    assert trace == ["inner", "outer", "body"]


def test_082_instance_init_and_exit_run_once_in_each_instance_and_in_its_workspace(session):
    from_init, from_exit = [], []
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        with ops.task_instance_init():
            number = ops.Python(counting())([], 1)
            ops.Python(keeping(from_init))([number], [])
        doubled = ops.Add([number, number])
        with ops.task_instance_exit():
            ops.Python(lambda inputs, outputs: from_exit.append(tuple(int(each.data) for each in inputs)))(
                [number, doubled], []
            )

    session.run(group)

    assert sorted(from_init) == [0, 1, 2]
    assert sorted(from_exit) == [(0, 0), (1, 2), (2, 4)]


def test_082a_a_stop_in_the_body_ends_the_body_only(session, trace):
    with tp.TaskGroup() as group, tp.Task(num_instances=2):
        with ops.task_instance_exit():
            trace.mark("instance exit")
        with ops.task_exit():
            trace.mark("exit")
        ops.stop()
        trace.mark("unreached")

    session.run(group)

    assert trace == ["instance exit", "instance exit", "exit"]


def test_083_blobs_of_task_init_are_shared_by_the_instances(session):
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        with ops.task_init():
            counter = ops.CreateCounter([])
        with ops.loop(5):
            ops.CountUp([counter])
        with ops.task_exit():
            count = tp.final_output(ops.RetrieveCount([counter]))

    session.run(group)

    assert count.fetch() == 15


@pytest.mark.overlap
def test_083a_blobs_of_the_body_belong_to_each_instance(session):
    """All have written before one of them reads."""
    barrier, values = threading.Barrier(3), []
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        number = ops.Python(counting())([], 1)
        ops.Python(lambda inputs, outputs: barrier.wait(TIMEOUT_S))([], [])
        ops.Python(keeping(values))([number], [])

    session.run(group)

    assert sorted(values) == [0, 1, 2]


@pytest.mark.overlap
def test_083b_a_body_blob_that_is_an_output_is_one_blob_for_all_instances(session):
    barrier, values = threading.Barrier(3), []
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        number = ops.Python(counting())([], 1)
        ops.Python(lambda inputs, outputs: barrier.wait(TIMEOUT_S))([], [])
        ops.Python(keeping(values))([number], [])
        last = tp.final_output(number)

    session.run(group)

    assert values == [last.fetch()] * 3


@pytest.mark.overlap
def test_084_a_task_reporter_runs_during_the_body_and_once_after_it_before_instance_exit(session, trace):
    reported = threading.Event()
    with tp.TaskGroup() as group, tp.Task():
        with ops.task_init():
            trace.mark("init")
        with ops.task_instance_init():
            trace.mark("instance init")
        with ops.task_reporter(interval_ms=1):
            trace.mark("report", do=reported.set)
        trace.mark("body", do=lambda: reported.wait(TIMEOUT_S))
        with ops.task_instance_exit():
            trace.mark("instance exit")
        with ops.task_exit():
            trace.mark("exit")

    session.run(group)

    body = trace.index("body")
    assert trace[:2] == ["init", "instance init"]
    assert set(trace[2:body]) == {"report"}
    assert set(trace[body + 1 : -2]) == {"report"}
    assert trace[-2:] == ["instance exit", "exit"]


def test_084a_a_task_reporter_may_read_what_the_body_makes(session):
    """W-22."""
    values: list[Any] = []
    with tp.TaskGroup() as group, tp.Task():
        made = ops.Const(5)
        with ops.task_reporter(interval_ms=LONG_MS):
            ops.Python(keeping(values))([made], [])

    session.run(group)

    assert values == [5]


def test_084b_each_instance_has_its_reporter(session, trace):
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        with ops.task_reporter(interval_ms=LONG_MS):
            trace.mark("report")
        trace.mark("body")

    session.run(group)

    assert sorted(trace) == ["body"] * 3 + ["report"] * 3


@pytest.mark.one_process
@pytest.mark.overlap
def test_085_local_init_runs_once_a_node_before_all_tasks_and_local_exit_once_after_all(session, trace):
    barrier = threading.Barrier(4)
    with tp.TaskGroup() as group:
        for node, number in itertools.product("ab", (1, 2)):
            with tp.Node(node), tp.Task():
                if number == 1:
                    with ops.local_exit():
                        trace.mark(f"exit {node}")
                    with ops.local_init():
                        trace.mark(f"init {node}")
                trace.mark(f"task {node}", do=meets(barrier))

    session.run(group)

    assert sorted(trace[:2]) == ["init a", "init b"]
    for node in "ab":
        own = [mark for mark in trace if mark.endswith(node)]
        assert own == [f"init {node}", f"task {node}", f"task {node}", f"exit {node}"]


@pytest.mark.overlap
def test_086_a_local_reporter_runs_until_the_last_task_of_the_node_ends_and_once_more(session, trace):
    first_ended, reported_since = threading.Event(), threading.Event()
    with tp.TaskGroup() as group:
        with tp.Task():
            with ops.local_reporter(interval_ms=1):
                trace.mark("report", do=lambda: first_ended.is_set() and reported_since.set())
            with ops.local_exit():
                trace.mark("exit")
            trace.mark("first", do=first_ended.set)
        with tp.Task():
            trace.mark("second", do=lambda: reported_since.wait(TIMEOUT_S))

    session.run(group)

    assert "report" in trace[trace.index("first") : trace.index("second")]
    assert trace[-2:] == ["report", "exit"]
    assert set(trace[trace.index("second") + 1 : -1]) == {"report"}


def test_087_private_tasks_see_local_init_blobs_but_not_each_others(session, ws):
    written, seen = threading.Event(), []

    def look(_inputs: Any, _outputs: Any, workspace: Any) -> None:
        awaits(written)()
        seen.extend(workspace.has_blob(name) for name in ("shared", "theirs"))

    with tp.TaskGroup(PRIVATE) as group:
        with tp.Task():
            with ops.local_init():
                ops.Const(3, blob_out="shared")
            ops.Copy(["shared"], ["theirs"])
            ops.Python(lambda inputs, outputs: written.set())([], [])
        with tp.Task():
            ops.Add(["shared", "shared"], ["sum"])
            ops.Python(look, pass_workspace=True)([], [])

    session.run(group)

    assert seen == [True, False]
    assert set(ws.blobs) == set()


def test_087a_reading_a_blob_of_another_private_task_raises(session):
    with tp.TaskGroup(PRIVATE) as group:
        tp.Task(step=writing("theirs"))
        with tp.Task():
            ops.Copy(["theirs"], ["mine"])

    with pytest.raises(RuntimeError, match="theirs"):
        session.run(group)


def test_088_global_tasks_of_a_node_share_one_workspace_that_is_kept(session, ws):
    written, values = threading.Event(), []

    def look(inputs: Any, _outputs: Any) -> None:
        awaits(written)()
        keeping(values)(inputs, [])

    with tp.TaskGroup(GLOBAL) as group:
        with tp.Task():
            ops.Const(3, blob_out="theirs")
            ops.Python(lambda inputs, outputs: written.set())([], [])
        with tp.Task():
            ops.Python(look)(["theirs"], [])

    session.run(group)

    assert values == [3]
    assert ws.fetch_blob("theirs") == 3


# --- workspace types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of_session", [None, PRIVATE, GLOBAL])
@pytest.mark.parametrize("of_task", [None, PRIVATE, GLOBAL])
@pytest.mark.parametrize("of_group", [None, PRIVATE, GLOBAL])
def test_089_workspace_types_combine_and_conflicts_raise(session, ws, of_group, of_task, of_session):
    """Whatever is said must agree; nothing said is private."""
    said = {of_group, of_task, of_session} - {None}
    with tp.TaskGroup(of_group) as group:
        tp.Task(step=writing("x"), workspace_type=of_task)

    if len(said) > 1:
        with pytest.raises(AssertionError, match="workspace"):
            session.run(group, workspace_type=of_session)
    else:
        session.run(group, workspace_type=of_session)

    assert ws.has_blob("x") is (said == {GLOBAL})


@pytest.mark.parametrize(
    ("types", "effective"),
    [((None, None), PRIVATE), ((GLOBAL, None), GLOBAL), ((PRIVATE, None), PRIVATE), ((None, PRIVATE), PRIVATE)],
)
def test_089a_the_first_task_of_an_untyped_group_decides(types, effective):
    with tp.TaskGroup() as group:
        tasks = [tp.Task(step=writing("x"), workspace_type=each) for each in types]
    assert group.workspace_type() is None

    group.tasks()

    assert group.workspace_type() == effective
    assert [task.workspace_type() for task in tasks] == [effective] * 2


@pytest.mark.parametrize("types", [(None, GLOBAL), (PRIVATE, GLOBAL), (GLOBAL, PRIVATE)])
def test_089b_a_later_task_cannot_contradict_the_first(types):
    with tp.TaskGroup() as group:
        for each in types:
            tp.Task(step=writing("x"), workspace_type=each)

    with pytest.raises(AssertionError, match="workspace"):
        group.tasks()


def test_089c_unknown_types_are_refused(session):
    """W-29."""
    with pytest.raises(ValueError, match="bogus"):
        tp.TaskGroup("bogus")
    with pytest.raises(ValueError, match="bogus"):
        tp.Task(workspace_type="bogus")
    with pytest.raises(ValueError, match="bogus"):
        session.run(writing("x"), workspace_type="bogus")


def test_090_tasks_by_node_gives_the_same_group_for_the_same_mapping_and_refuses_another():
    with tp.TaskGroup() as group:
        for node in ("a", "b", "c"):
            tp.Task(step=writing("x"), node=node)

    grouped = group.tasks_by_node({"a": "x", "b": "y", "c": "x"}.get)

    assert grouped.used_nodes() == ["x", "y"]
    assert group.tasks_by_node({"a": "x", "b": "y", "c": "x"}.__getitem__) is grouped
    with pytest.raises(AssertionError, match="placed"):
        group.tasks_by_node()


@pytest.mark.parametrize(("member_type", "grouped_type"), [(None, PRIVATE), (PRIVATE, PRIVATE), (GLOBAL, GLOBAL)])
def test_091_a_grouped_task_is_global_if_a_member_is(member_type, grouped_type):
    """Members of one group always agree (statement 89), so all are."""
    with tp.TaskGroup() as group:
        tp.Task(step=writing("x"), workspace_type=member_type)
        tp.Task(step=writing("y"))

    [task] = group.tasks_by_node().tasks()

    assert task.workspace_type() == grouped_type
    assert task.node == "local"
