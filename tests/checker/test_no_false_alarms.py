"""Valid programs, of which the checker says nothing; each of them runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.checker.touch import call, net, op, program, step

import taskplan as tp
from taskplan import ops
from taskplan.plan.model import ProgramDef

Build = Callable[[], object]


@pytest.fixture(autouse=True)
def apart() -> Iterator[None]:
    with tp.WorkspaceGuard(tp.Workspace()), tp.fresh_names():
        yield


def alarms_of_a_run(runnable: object, **fed: Any) -> list[tp.Problem]:
    """What the checker says of a program that then runs, on node `local` with blobs that were fed."""
    compiled = tp.compile_program(runnable)
    problems = tp.check_program(compiled, {"local": set(fed)})
    with tp.LocalSession() as session:
        for name, value in fed.items():
            session.feed("local", name, value)
        session.run(compiled)
    return problems


# --- programs of tasks ------------------------------------------------------------------------------------------------


def a_reporter_reads_what_the_body_makes() -> object:
    with tp.Task() as task:
        with ops.task_reporter(interval_ms=1000):
            ops.Copy("made_by_the_body", "seen")
        ops.Const(1, blob_out="made_by_the_body")
    return task


def a_group_reporter_reads_what_its_tasks_make() -> object:
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        seen = tp.Net("seen")
        seen.Copy("x", "y")
        group.report_net(seen, node="local", report_interval=1)
        with tp.Task():
            ops.Const(1, blob_out="x")
    return group


def private_tasks_read_what_local_init_makes() -> object:
    with tp.TaskGroup() as group:
        with tp.Task(name="first"):
            with ops.local_init():
                shared = ops.Const(1, blob_out="shared")
            ops.Copy(shared, "mine")
        with tp.Task(name="second"):
            ops.Copy("shared", "mine")
    return group


def instances_read_what_task_init_makes() -> object:
    with tp.Task(num_instances=3) as task:
        with ops.task_init():
            shared = ops.Const(1)
        with ops.task_instance_init():
            own = ops.Const(2)
        with ops.loop(2):
            ops.Add([own, shared], [own])
        with ops.task_instance_exit():
            ops.Copy(own)
        with ops.task_exit():
            ops.Copy(shared)
    return task


def global_tasks_see_what_earlier_tasks_make() -> object:
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Task(name="first"):
            with ops.task_init():
                ops.Const(1, blob_out="x")
            with ops.loop(1):
                pass
        with tp.Task(name="second"):
            with ops.If(ops.Const(False)):
                ops.Copy("x", "y")
    return group


def a_task_reads_the_output_of_another() -> object:
    """The session makes the blobs of outputs before the run; the queue says when this one is written."""
    with tp.TaskGroup() as group:
        with tp.Task(name="second"):
            with ops.local_init():
                queue = ops.CreateBlobsQueue([], "queue")
            ops.DequeueBlobs(queue, "token")
            ops.Copy("result", "mine")
        with tp.Task(name="first"):
            tp.final_output(ops.Const(1, blob_out="result"))
            token = ops.Const(1)
            ops.EnqueueBlobs(["queue", token], [token])
    return group


def closing_blocks_read_what_the_steps_make() -> object:
    with tp.Task(num_instances=2) as task:
        with ops.local_finally():
            ops.Const(1)
        with ops.task_finally():
            ops.Copy("of_the_task", "end")
        with ops.task_instance_finally():
            ops.Copy("of_the_instance", "end")
        with ops.task_init():
            ops.Const(1, blob_out="of_the_task")
        ops.Const(2, blob_out="of_the_instance")
    return task


def every_kind_of_branch_and_loop() -> object:
    with tp.Task() as task:
        total = ops.Const(0)
        with ops.loop(3) as loop:
            with ops.stop_guard() as guard:
                with ops.loop(5) as inner:
                    ops.stop_if(ops.EQ([inner.iter(), loop.iter()]))
                ops.stop_if(ops.Const(True))
            with ops.If(guard.has_stopped()) as branch:
                ops.Add([total, ops.Const(1)], [total])
            with branch.Elif(ops.Const(True)):
                ops.Add([total, ops.Const(2)], [total])
            with branch.Else():
                ops.Add([total, ops.Const(4)], [total])
        with ops.loop():
            ops.stop()
    return task


def branches_and_loops_as_operators() -> object:
    with tp.NetBuilder(_use_control_ops=True) as builder:
        total = ops.Const(1)
        with ops.IfNet(ops.GT([total, ops.Const(0)])):
            inner = ops.Const(5)
            ops.Add([total, inner], [total])
        with ops.Else():
            ops.Add([total, ops.Const(7)], [total])
        with ops.WhileNet():
            with ops.Condition():
                ops.LT([total, ops.Const(30)])
            ops.Add([total, ops.Const(10)], [total])
    return tp.to_execution_step(builder)


def channels_between_nodes() -> object:
    with tp.TaskGroup() as group:
        rows = tp.Channel("rows", capacity=2, schema=["n"])
        with tp.Node("reader"), tp.Task():
            rows.writer().write(None, [ops.Const(1)])
        with tp.Node("adder"), tp.Task():
            with ops.loop():
                done, record = rows.reader().read()
                ops.stop_if(done)
                ops.Copy(record.n())
    return group


def a_function_with_the_workspace_makes_what_is_read_later() -> object:
    def make(_inputs: Any, _outputs: Any, workspace: Any) -> None:
        workspace.create_blob("from_the_function").feed(np.float32(1))

    with tp.TaskGroup() as group, tp.Task():
        with ops.local_init():
            ops.Python(make, pass_workspace=True)([], [])
        ops.Copy("from_the_function", "y")
    return group


def a_function_feeds_what_is_read_later() -> object:
    """It was not handed the workspace, but that is the current one here."""
    with tp.TaskGroup() as group, tp.Task():
        with ops.local_init():
            ops.call(lambda: tp.FeedBlob("from_the_function", np.float32(1)) and None, outputs=0)
        ops.Copy("from_the_function", "y")
    return group


def setup_objects_make_what_tasks_read() -> object:
    class Table:
        def setup(self, init_net: tp.Net) -> None:
            init_net.Const(1, blob_out="table")

        def exit(self, exit_net: tp.Net) -> None:
            exit_net.Copy("table", "end")

    with tp.TaskGroup() as group, tp.Task():
        ops.net().add_attribute(tp.TaskGroup.LOCAL_SETUP, Table())
        ops.Copy("table", "mine")
    return group


TASKS: list[Build] = [
    a_reporter_reads_what_the_body_makes,
    a_group_reporter_reads_what_its_tasks_make,
    private_tasks_read_what_local_init_makes,
    instances_read_what_task_init_makes,
    global_tasks_see_what_earlier_tasks_make,
    a_task_reads_the_output_of_another,
    closing_blocks_read_what_the_steps_make,
    every_kind_of_branch_and_loop,
    branches_and_loops_as_operators,
    channels_between_nodes,
    a_function_with_the_workspace_makes_what_is_read_later,
    a_function_feeds_what_is_read_later,
    setup_objects_make_what_tasks_read,
]


@pytest.mark.parametrize("build", TASKS, ids=lambda build: build.__name__)
def test_a_valid_program_of_tasks_raises_no_alarm(build):
    assert alarms_of_a_run(build()) == []


# --- plans ------------------------------------------------------------------------------------------------------------


def steps_in_sequence_see_what_came_before() -> ProgramDef:
    return program([net("write", op("", "x")), net("read", op("x"))], step("a", "write"), step("b", "read"))


def a_net_reads_what_a_net_beside_it_makes() -> ProgramDef:
    """All nets of a top-level step are made, in order, before the first operator runs."""
    nets = [net("write", op("", "x")), net("read", op("x"))]
    return program(nets, step("all", step("a", "write"), step("b", "read"), concurrent=True))


def a_reporter_comes_after_its_siblings() -> ProgramDef:
    nets = [net("report", op("x")), net("write", op("", "x"))]
    return program(nets, step("all", step("r", "report", every_ms=1000), step("w", "write")))


def a_report_net_comes_after_its_step() -> ProgramDef:
    nets = [net("report", op("x")), net("write", op("", "x"))]
    return program(nets, step("all", "write", report_net="report", report_interval_s=1))


def a_stop_blob_is_made_by_the_body() -> ProgramDef:
    return program([net("n", op("", "stop"))], step("loop", "n", until="stop"))


def a_closing_block_is_made_when_all_is_there() -> ProgramDef:
    nets = [net("n", op()), net("end", op("x")), net("late", op("", "x"))]
    closed = step("closed", "n", closing=(step("c", "end"),))
    return program(nets, step("all", closed, step("after", "late")))


def the_next_step_sees_what_a_closing_block_made() -> ProgramDef:
    nets = [net("n", op()), net("end", op("", "x")), net("read", op("x"))]
    return program(nets, step("first", "n", closing=(step("c", "end"),)), step("next", "read"))


def closing_blocks_see_each_others_blobs() -> ProgramDef:
    """The last one that was registered runs first."""
    nets = [net("n", op()), net("one", op("x")), net("two", op("", "x"))]
    return program(nets, step("s", "n", closing=(step("c1", "one"), step("c2", "two"))))


def a_closing_block_sees_the_workspace_of_its_step() -> ProgramDef:
    nets = [net("write", op("", "x")), net("end", op("x"))]
    return program(nets, step("own", "write", create_workspace=True, closing=(step("c", "end"),)))


def a_child_workspace_sees_what_is_made_around_it() -> ProgramDef:
    """Its nets are made when its step runs; those of the steps around it are there by then, also of later ones."""
    own = step("own", "read", create_workspace=True)
    return program([net("read", op("x")), net("late", op("", "x"))], step("all", own, step("after", "late")))


def child_workspaces_have_numbers_where_the_node_has_one() -> ProgramDef:
    nets = [net("id", call("ConstantFill", "", "NODE_ID", value=3, dtype=2)), net("read", op("GLOBAL_WORKSPACE_ID"))]
    own = step("own", "read", create_workspace=True)
    return program(nets, step("first", "id"), step("all", own, instances=3))


def an_operator_sees_its_own_outputs_in_its_nets() -> ProgramDef:
    """An `If` that may write `r` has made it before its nets are made."""
    nets = [net("n", op("", "c"), call("If", "c", "r", then_net=net("then", op("r", "r"))))]
    return program(nets, step("s", "n"))


def what_a_branch_writes_is_there_afterwards() -> ProgramDef:
    nets = [net("n", op("", "c"), call("If", "c", "", then_net=net("then", op("", "r"))), op("r"))]
    return program(nets, step("s", "n"))


def a_do_has_names_of_its_own() -> ProgramDef:
    inner = net("inner", op("a", "t"), op("t", "b"))
    do = call("Do", "x scope", "y scope", net=inner, inner_blobs=(b"a", b"b"), outer_blobs_idx=(0, 1))
    return program([net("n", op("", "x"), call("CreateScope", "", "scope"), do, op("y"))], step("s", "n"))


def another_name_for_a_blob() -> ProgramDef:
    return program([net("n", op("", "x"), call("Alias", "x", "y"), op("y"))], step("s", "n"))


def one_net_in_two_steps() -> ProgramDef:
    nets = [net("write", op("", "x")), net("read", op("x", "y"))]
    return program(nets, step("all", step("a", "write"), step("b", "read"), step("c", "read")))


def a_step_that_never_begins() -> ProgramDef:
    own = step("own", "read", create_workspace=True)
    return program([net("read", op("x"))], step("never", own, times=0))


def a_step_behind_one_that_stops() -> ProgramDef:
    """The second child of the loop is never reached."""
    own = step("own", "read", create_workspace=True)
    nets = [net("stop", op("", "stop")), net("read", op("x"))]
    return program(nets, step("loop", step("first", "stop"), own, until="stop"))


def a_net_lists_its_external_blobs() -> ProgramDef:
    nets = [net("w", op("", "x")), net("n", op("x", "y"), op("y"), external_inputs=("x",), external_outputs=("y", "x"))]
    return program(nets, step("s", "w", "n"))


PLANS: list[Build] = [
    steps_in_sequence_see_what_came_before,
    a_net_reads_what_a_net_beside_it_makes,
    a_reporter_comes_after_its_siblings,
    a_report_net_comes_after_its_step,
    a_stop_blob_is_made_by_the_body,
    a_closing_block_is_made_when_all_is_there,
    the_next_step_sees_what_a_closing_block_made,
    closing_blocks_see_each_others_blobs,
    a_closing_block_sees_the_workspace_of_its_step,
    a_child_workspace_sees_what_is_made_around_it,
    child_workspaces_have_numbers_where_the_node_has_one,
    an_operator_sees_its_own_outputs_in_its_nets,
    what_a_branch_writes_is_there_afterwards,
    a_do_has_names_of_its_own,
    another_name_for_a_blob,
    one_net_in_two_steps,
    a_step_that_never_begins,
    a_step_behind_one_that_stops,
    a_net_lists_its_external_blobs,
]


@pytest.mark.parametrize("build", PLANS, ids=lambda build: build.__name__)
def test_a_valid_plan_raises_no_alarm(build):
    assert alarms_of_a_run(build()) == []


# --- what was there before --------------------------------------------------------------------------------------------


def test_blobs_that_were_fed_before_are_defined():
    net = tp.Net("n")
    net.Copy("fed", "y")

    assert alarms_of_a_run(net, fed=np.float32(1)) == []


def test_blobs_that_were_fed_on_another_node_are_defined_there():
    with tp.TaskGroup() as group, tp.Node("trainer"), tp.Task():
        ops.Copy("fed", "y")

    with tp.LocalSession() as session:
        session.feed("trainer", "fed", np.float32(1))
        session.run(group)


def test_blobs_that_an_earlier_program_made_are_defined():
    first, second = tp.Net("first"), tp.Net("second")
    first.Const(1, blob_out="x")
    second.Copy("x", "y")

    with tp.LocalSession() as session:
        session.run(first)
        session.run(second)


def test_nodes_that_share_a_workspace_see_each_others_blobs():
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Node("reader"), tp.Task():
            ops.Const(1, blob_out="x")
        with tp.Node("trainer"), tp.Task():
            with ops.If(ops.Const(False)):
                ops.Copy("x", "y")

    with tp.LocalSession(shared_nodes=True) as session:
        session.run(group)


def test_an_output_that_a_function_feeds_is_unproved():
    def make(_inputs: Any, _outputs: Any, workspace: Any) -> None:
        workspace.create_blob("result").feed(np.float32(1))

    with tp.Task() as task:
        ops.Python(make, pass_workspace=True)([], [])
        tp.final_output(tp.BlobReference("result"))

    assert alarms_of_a_run(task) == []


def test_what_a_function_feeds_is_unproved_also_where_its_code_is_not_there(tmp_path):
    tp.save(a_function_feeds_what_is_read_later(), tmp_path / "program")

    assert tp.check_program(tp.load(tmp_path / "program")) == []


def test_what_a_builders_function_feeds_is_unproved():
    def build() -> Callable[..., object]:
        return lambda _inputs, _outputs: tp.FeedBlob("from_the_function", np.float32(1)) and None

    with tp.TaskGroup() as group, tp.Task():
        with ops.local_init():
            ops.Python((build, (), {}))([], [])
        ops.Copy("from_the_function", "y")

    assert alarms_of_a_run(group) == []


def test_a_function_that_feeds_nothing_hides_no_undefined_blob():
    with tp.TaskGroup() as group, tp.Task():
        with ops.local_init():
            ops.Python(lambda _inputs, outputs: outputs[0].feed(np.float32(1)))([], ["made"])
        ops.Copy("not_made", "y")

    assert [problem.code for problem in tp.check_program(tp.compile_program(group))] == ["TP106"]


def feed_it() -> None:
    tp.FeedBlob("from_the_function", np.float32(1))


def test_what_a_function_feeds_through_another_is_unproved():
    """One that it names, and one that it was given."""
    for function in (lambda _inputs, _outputs: feed_it(), calling(feed_it)):
        with tp.TaskGroup() as group, tp.Task():
            with ops.local_init():
                ops.Python(function)([], [])
            ops.Copy("from_the_function", "y")

        assert alarms_of_a_run(group) == []


def calling(function: Callable[[], None]) -> Callable[..., None]:
    return lambda _inputs, _outputs: function()
