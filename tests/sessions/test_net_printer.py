"""Programs as pseudo-code, nets that log themselves, and the analysis of blobs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import taskplan as tp
from taskplan import ops
from taskplan.sessions import blob_analysis
from taskplan.sessions.net_printer import analyze, debug_net, to_string

GLOBAL = tp.WorkspaceType.GLOBAL


@pytest.fixture(autouse=True)
def names() -> Iterator[None]:
    with tp.fresh_names():
        yield


def net(name: str, *, reads: str | None = None, writes: str) -> tp.Net:
    made = tp.Net(name)
    if reads is None:
        made.Const(1, blob_out=writes)
    else:
        made.Copy(reads, writes)
    return made


def shown(obj: object, **options: bool) -> str:
    return to_string(obj, c2_syntax=False, **options)


def text(expected: str) -> str:
    return dedent(expected).strip()


# --- nets -------------------------------------------------------------------------------------------------------------


def test_a_net_is_shown_as_calls_of_it():
    made = tp.Net("train")
    made.Add(["x", "y"], ["z"], broadcast=True)
    made.Print("z", [])

    expected = text("""
        train = core.Net('train')
        train.Add(['x', 'y'], ['z'], broadcast=1)
        train.Print(['z'], [])
    """)
    assert to_string(made) == expected
    assert to_string(made.Proto()) == expected


def test_a_net_is_shown_as_assignments_without_caffe2s_syntax():
    made = tp.Net("train")
    made.Add(["x", "y"], ["z"], broadcast=True)
    made.Print("z", [])

    assert shown(made) == text("""
        # net: train
        z = Add(x, y, broadcast=1)
        Print(z)
    """)


def test_a_common_scope_is_written_once_if_asked_for():
    made = tp.Net("n")
    made.Add(["a/b/x", "a/b/xy"], "sum")
    made.Add(["a/b", "a/bc"], "other")
    made.Add(["a", "b"], "plain")

    assert shown(made, factor_prefixes=True) == text("""
        # net: n
        sum = Add(a/b/[x, xy])
        other = Add(a/[b, bc])
        plain = Add(a, b)
    """)


def test_arguments_are_shown_by_kind_and_long_strings_cut():
    made = tp.Net("n")
    made.GivenTensorFill([], "x", shape=[2], values=[0.1, 2.0])
    made.GivenTensorStringFill([], "y", shape=[1], values=["a" * 70])

    assert shown(made) == text(f"""
        # net: n
        x = GivenTensorFill(shape=[2], values=[0.1, 2.0])
        y = GivenTensorStringFill(shape=[1], values=['{"a" * 64}'...<+len=6>])
    """)


def test_nets_among_the_arguments_are_shown_below_their_operator():
    made = tp.Net("n")
    made.If("condition", [], then_net=net("then", writes="x"))

    assert shown(made) == text("""
        # net: n
        If(condition, then_net=then)
        with argument(then_net):
            # net: then
            x = GivenTensorInt64Fill(shape=[], values=[1])
    """)


# --- steps and tasks --------------------------------------------------------------------------------------------------


def test_steps_say_how_their_children_run():
    first, second = net("first", writes="a"), net("second", writes="b")
    root = tp.execution_step(
        "root",
        [
            tp.execution_step("counted", first, num_iter=3),
            tp.execution_step("private", second, create_workspace=True),
            tp.execution_step("report", tp.Net("quiet"), run_every_ms=50),
            tp.execution_step("many", tp.execution_step("one", tp.Net("copied")), num_concurrent_instances=4),
            tp.execution_step("nothing", [tp.execution_step("inner", first, num_iter=0)]),
        ],
        concurrent_substeps=True,
    )

    assert shown(root) == text("""
        with parallel():
            with step(counted):
                with loop(3):
                    # net: first
                    a = GivenTensorInt64Fill(shape=[], values=[1])
            with workspace(private):
                # net: second
                b = GivenTensorInt64Fill(shape=[], values=[1])
            with reporter(report, interval_ms=50):
                # net: quiet
            with step(many):
                with parallel(num_instances=4):
                    # net: copied
            with step(nothing):
                with loop(0):
                    # net: first
                    a = GivenTensorInt64Fill(shape=[], values=[1])
    """)


def test_stop_blobs_are_shown_where_they_are_read():
    stop = tp.BlobReference("stop")
    nets: Any = [tp.Net("first"), tp.Net("second")]

    assert shown(tp.execution_step("open", nets, should_stop_blob=stop)) == text("""
        with loop():
            # net: first
            yield stop_if(stop)
            # net: second
            yield stop_if(stop)
    """)
    assert shown(tp.execution_step("once", nets[0], should_stop_blob=stop, only_once=True)) == text("""
        with run_once():
            # net: first
            yield stop_if(stop)
    """)


def test_a_report_net_is_shown_with_its_interval():
    step = tp.execution_step("step", tp.Net("work"), report_net=tp.Net("report"), report_interval=5)

    assert shown(step) == text("""
        with run_once():
            with report_net(5):
                # net: report
            # net: work
    """)


def test_closing_blocks_are_shown_behind_what_they_close():
    with tp.Task(name="t", outputs=["a"]) as task:
        with ops.task_finally():
            ops.net(net("close", writes="b"))
        ops.net(net("work", writes="a"))

    lines = shown(task).splitlines()

    assert lines[0] == "with Task(node=local, name=local/t, outputs=Output[a]):"
    assert lines[-3:] == [
        "    with closing(local/t):",
        "        # net: local/t/close",
        "        b = GivenTensorInt64Fill(shape=[], values=[1])",
    ]


def test_a_task_without_a_step_passes():
    assert shown(tp.Task(node="n")) == text("""
        with Task(node=n, name=n/task, outputs=):
            pass
    """)


def group_of_two_nodes() -> tp.TaskGroup:
    with tp.TaskGroup(GLOBAL) as group:
        tp.Task(net("read", writes="a"), ["a"], node="reader")
        tp.Task(net("train", writes="b"), ["b"], node="trainer")
        tp.Task(net("more", writes="c"), ["c"], node="reader")
        group.report_step(net("report", reads="a", writes="r"), node="reader", interval_ms=70)
    return group


def test_a_group_is_shown_with_one_task_for_each_node():
    assert shown(group_of_two_nodes()) == text("""
        with TaskGroup():
            with Task(node=reader, name=reader/grouped_by_node, outputs=Output[a], Output[c]):
                with parallel():
                    with reporter(step_3, interval_ms=70):
                        # net: report
                        r = Copy(a)
                    with step(step):
                        # net: read
                        a = GivenTensorInt64Fill(shape=[], values=[1])
                    with step(step_2):
                        # net: more
                        c = GivenTensorInt64Fill(shape=[], values=[1])
            with Task(node=trainer, name=trainer/grouped_by_node, outputs=Output[b]):
                # net: train
                b = GivenTensorInt64Fill(shape=[], values=[1])
    """)


def test_what_else_is_shown_raises():
    with pytest.raises(TypeError, match="expected a Net, NetDef, ExecutionStep, Task or TaskGroup, got 'x'"):
        to_string("x")


@pytest.mark.parametrize("look", [to_string, analyze])
def test_looking_at_a_group_does_not_close_it_or_anything_of_it(look):
    """In Caffe2 a group that was printed took no more tasks."""
    step = tp.execution_step("mine", net("work", writes="x"))
    with tp.TaskGroup() as group:
        task = tp.Task(step, ["x"])

    look(group)
    look(task)
    look(step)

    task.add_output("x")
    step.SetIter(2)
    with group:
        tp.Task(net("later", writes="y"))
    assert group.num_registered_tasks() == 2
    with tp.LocalSession(tp.Workspace()) as session:
        session.run(group)


# --- the analysis -----------------------------------------------------------------------------------------------------


def test_a_sound_program_passes_the_analysis():
    analyze(group_of_two_nodes())


@pytest.mark.parametrize("kind", ["net", "message", "step", "task"])
def test_a_blob_that_is_read_before_it_is_defined_is_named(kind):
    undefined = net("n", reads="x", writes="y")
    program: dict[str, object] = {
        "net": undefined,
        "message": undefined.Proto(),
        "step": tp.execution_step("s", undefined),
        "task": tp.Task(undefined),
    }

    with pytest.raises(AssertionError, match="Copy reads 'x', which nothing writes before it"):
        analyze(program[kind])


def test_all_problems_are_told_at_once_with_their_lines():
    with tp.TaskGroup() as group:
        tp.Task(net("n", reads="x", writes="a"))
        tp.Task(net("m", reads="y", writes="b"))

    with pytest.raises(tp.PlanError) as caught:
        analyze(group)

    assert [problem.code for problem in caught.value.problems] == ["TP106", "TP106"]
    assert all(problem.site.file == __file__ for problem in caught.value.problems)


def test_a_blob_that_two_concurrent_steps_create_is_named():
    with tp.TaskGroup(GLOBAL) as group:
        tp.Task(net("n", writes="x"))
        tp.Task(net("m", writes="x"))

    with pytest.raises(AssertionError, match="'x' is created by steps that run at once"):
        analyze(group)


def test_tasks_with_private_workspaces_may_create_blobs_of_one_name():
    with tp.TaskGroup() as group:
        tp.Task(net("n", writes="x"))
        tp.Task(net("m", writes="x"))

    analyze(group)


def test_concurrent_steps_may_write_a_blob_that_was_there_before():
    steps = [tp.execution_step(name, net(name, writes="x")) for name in ("a", "b")]
    both = tp.execution_step("both", steps, concurrent_substeps=True)

    analyze(tp.execution_step("all", [tp.execution_step("first", net("init", writes="x")), both]))


def test_a_task_that_is_too_large_for_caffe2_is_named(monkeypatch):
    monkeypatch.setattr(blob_analysis, "MAX_TASK_BYTES", 1000)
    large = tp.Net("large")
    large.Const(np.zeros(1000), blob_out="x")

    with pytest.raises(AssertionError, match=r"task 'local/task' is .* bytes long; Caffe2 takes less than 1,000"):
        analyze(large)


def test_what_else_is_analysed_raises():
    with pytest.raises(TypeError, match="expected a TaskGroup, Task, ExecutionStep, Net or NetDef, got 3"):
        analyze(3)


# --- nets that log themselves -----------------------------------------------------------------------------------------


def test_a_debug_net_logs_each_operator_and_does_the_same(caplog):
    made = tp.Net("n")
    x = made.Const(2)
    made.Python(lambda inputs, outputs: outputs[0].feed(inputs[0].data * 3))([x], ["y"])
    ws = tp.Workspace()

    with caplog.at_level(logging.INFO):
        ws.run(debug_net(made))

    assert ws.fetch_blob("y") == 6
    assert "n/GivenTensorInt64Fill:0 = GivenTensorInt64Fill(shape=[], values=[2])" in caplog.text
    assert "y = Python(n/GivenTensorInt64Fill:0" in caplog.text


def test_a_debug_net_is_another_net_and_keeps_lines_and_attributes():
    made = net("n", writes="x")
    made.add_attribute("key", "value")

    logging_net = debug_net(made)

    assert logging_net.Name() == "n_1"
    assert logging_net.get_attributes("key") == ["value"]
    assert logging_net.to_model().ops[-1].site == made.to_model().ops[0].site
    assert [op.type for op in made.Proto().op] == ["GivenTensorInt64Fill"]
