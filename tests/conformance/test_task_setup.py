"""Statements 92 to 97 of the checklist: setup objects, and what compiling leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.programs import LONG_MS

import taskplan as tp
from taskplan import ops


class Setup:
    """A setup object whose methods give what it is told."""

    def __init__(self, trace: Any, before: Any = None, after: Any = None) -> None:
        self.trace, self.before, self.after = trace, before, after

    def setup(self, init_net: tp.Net) -> Any:
        self.trace.mark("init", net=init_net)
        return self.before

    def exit(self, exit_net: tp.Net) -> Any:
        self.trace.mark("exit", net=exit_net)
        return self.after


class Initialises:
    def __init__(self, result: Any) -> None:
        self.result = result

    def setup(self, init_net: tp.Net) -> Any:
        return self.result


def with_setup(net: tp.Net, setup: object) -> tp.Net:
    net.add_attribute(tp.Task.TASK_SETUP, setup)
    return net


def group_of(*steps: Any) -> tp.TaskGroup:
    with tp.TaskGroup() as group:
        for step in steps:
            tp.Task(step=step)
    return group


def test_092_a_setup_object_shared_by_two_nets_of_one_task_runs_once(session, trace):
    setup = Setup(trace)
    nets = [with_setup(trace.net(name), setup) for name in ("a", "b")]

    session.run(group_of(tp.execution_step("both", nets)))

    assert trace == ["init", "a", "b", "exit"]


def test_092a_a_setup_object_shared_by_two_tasks_runs_for_each(session, trace):
    """W-18: its use is known for each target, not for the object."""
    setup = Setup(trace)

    session.run(group_of(*(with_setup(trace.net(name), setup) for name in ("a", "b"))))

    assert sorted(trace) == ["a", "b", "exit", "exit", "init", "init"]


@pytest.mark.parametrize("key", [tp.Task.TASK_SETUP, tp.Task.TASK_INSTANCE_SETUP, tp.TaskGroup.LOCAL_SETUP])
def test_093_a_setup_object_that_is_used_in_a_second_group_runs_again_there(session, trace, key):
    net = trace.net("a")
    net.add_attribute(key, Setup(trace))

    session.run(group_of(net))
    session.run(group_of(net))

    assert trace == ["init", "a", "exit"] * 2


def test_093a_a_reporter_that_is_used_in_a_second_group_reports_there_too(session, trace):
    net = trace.net("a")
    net.add_attribute(tp.Task.REPORT_STEP, trace.step("report", run_every_ms=LONG_MS))

    session.run(group_of(net))
    session.run(group_of(net))

    assert trace == ["a", "report"] * 2


def test_094_setup_returns_nothing_a_net_a_step_or_a_list_of_them(session, trace):
    for number, result in enumerate(
        [None, trace.net("net"), trace.step("step"), [trace.net("x"), trace.step("y")], ()]
    ):
        session.run(group_of(with_setup(trace.net(f"body {number}"), Setup(trace, before=result))))

    assert trace == [
        *("init", "body 0", "exit"),
        *("init", "net", "body 1", "exit"),
        *("init", "step", "body 2", "exit"),
        *("init", "x", "y", "body 3", "exit"),
        *("init", "body 4", "exit"),
    ]


@pytest.mark.parametrize("result", [7, "net", {"net": 1}, [None], True])
def test_094a_any_other_result_of_setup_is_a_type_error(result):
    task = tp.Task(step=with_setup(tp.Net("net"), Initialises(result)))

    with pytest.raises(TypeError, match="setup"):
        task.get_step()


@pytest.mark.parametrize("result", [7, ["net"]])
def test_094b_any_other_result_of_exit_is_a_type_error(trace, result):
    task = tp.Task(step=with_setup(tp.Net("net"), Setup(trace, after=result)))

    with pytest.raises(TypeError, match="exit"):
        task.get_step()


def test_094c_an_object_with_neither_method_is_ignored(session, trace):
    session.run(group_of(with_setup(trace.net("a"), object())))

    assert trace == ["a"]


def test_094d_setup_nets_and_the_functions_of_the_protocol_work_by_hand(trace):
    init, end = tp.Net("init"), tp.Net("end")
    net = with_setup(trace.net("work"), tp.SetupNets([init], [end]))
    step = tp.execution_step("work", net)

    found = tp.get_setup_nets(tp.Task.TASK_SETUP, [step], None)
    enclosed = tp.add_setup_steps(step, *found, "all")

    assert found == ([init], [end])
    assert [substep.Name() for substep in enclosed.Substeps()] == ["all:init", "work", "all:exit"]
    assert tp.add_setup_steps(step, [], [], "all") is step


def test_095_compiling_never_changes_the_users_steps_and_nets(session, trace):
    """W-21: neither what they say, nor whether they can be changed."""
    net = with_setup(trace.net("a"), Setup(trace))
    step = tp.execution_step("mine", net)
    before = step.Proto().SerializeToString(), net.Proto().SerializeToString()
    groups = []
    for instances in (1, 2, 3):
        with tp.TaskGroup() as group:
            tp.Task(step=step, num_instances=instances)
        groups.append(group)

    for group in groups:
        session.run(group)

    assert (step.Proto().SerializeToString(), net.Proto().SerializeToString()) == before
    step.SetIter(2)
    step.AddNet(trace.net("b"))
    assert trace.count("a") == 6


def test_095a_a_plan_made_of_a_tasks_step_leaves_the_group_runnable(session, trace):
    with tp.TaskGroup() as group:
        task = tp.Task(step=tp.execution_step("mine", trace.net("a")), num_instances=2)

    tp.Plan(task.get_step())
    session.run(group)

    assert trace == ["a", "a"]


def test_095b_a_step_that_ran_by_itself_can_run_in_a_group(session, trace):
    step = tp.execution_step("mine", trace.net("a"))

    session.run(step)
    session.run(group_of(step))
    session.run(step)

    assert trace == ["a", "a", "a"]


def test_096_repr_does_not_consume_a_group_and_adding_to_a_consumed_one_raises(session, trace):
    group = group_of(trace.net("a"))

    shown = repr(group)
    with group:
        tp.Task(step=trace.net("b"))
    session.run(group)

    assert "TaskGroup" in shown
    assert "local/task" in shown
    assert sorted(trace) == ["a", "b"]
    with pytest.raises(AssertionError):
        group.add(tp.Task(step=trace.net("c")))
    with pytest.raises(AssertionError), group:
        tp.Task(step=trace.net("c"))
    assert len(group.tasks()) == 2


def test_096a_a_task_that_was_refused_is_not_in_the_group(session, trace):
    """W-25."""
    with tp.TaskGroup() as group:
        tp.Task(step=trace.net("a"))
        with pytest.raises(ValueError, match="bad"):
            tp.Task(step="bad")
        with pytest.raises(ZeroDivisionError), tp.Task():
            ops.Const(1 // 0)

    session.run(group)

    assert trace == ["a"]
    assert len(group.tasks()) == 1


def test_096b_counting_tasks_and_nodes_does_not_consume_a_group(trace):
    with tp.TaskGroup() as group:
        for node in "bab":
            tp.Task(step=trace.net(node), node=node)
            assert group.used_nodes() == ["b", "a"][: len(group.used_nodes())]

    assert (group.num_registered_tasks(), group.used_nodes()) == (3, ["b", "a"])


def test_097_kwargs_of_a_node_merge_and_earlier_values_win():
    with tp.Cluster() as cluster:
        tp.Node("a", cpus=2)
        tp.Node("b")
        tp.Task(node=tp.Node("a", cpus=4, memory="1G"))

    assert cluster.nodes() == ["a", "b"]
    assert cluster.node_kwargs() == {"a": {"cpus": 2, "memory": "1G"}, "b": {}}
