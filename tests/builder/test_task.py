"""Tasks: their names, trees, outputs, and what may go wrong. Numbers are those of the checklist."""

import gc

import numpy as np
import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.cluster import Cluster, Node
from taskplan.builder.columns import from_blob_list
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.ops import ops
from taskplan.builder.outputs import TaskOutput, TaskOutputList
from taskplan.builder.plan import Plan
from taskplan.builder.schema import Struct
from taskplan.builder.scope import NameScope
from taskplan.builder.setup import SetupNets
from taskplan.builder.steps import execution_step
from taskplan.builder.task import Task, final_output
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildError, BuildTypeError, BuildValueError, ClosedError, RunError
from taskplan.plan.text import step_tree


@pytest.fixture(autouse=True)
def _names():
    with fresh_names(), Cluster():
        yield


def tree_of(task):
    return step_tree(task.get_step().to_model()).splitlines()


# --- names ------------------------------------------------------------------------------------------------------------


def test_77_a_task_is_named_after_its_node():
    with Node("w"):
        assert Task().name == "w/task"
        assert Task(name="job").name == "w/job"
        assert Task(node="other").name == "other/task"


def test_77_a_task_has_the_name_of_its_step():
    assert Task(step=execution_step("mine", Net("n"))).name == "local/mine"
    assert Task(step=Net("n")).name == "local/task"
    assert Task(step=execution_step("mine", Net("m")), name="given").name == "local/given"


def test_77_names_are_unique_within_a_group():
    with TaskGroup() as group:
        tasks = [Task(name="a") for _ in range(3)]
        other = Task(name="a", node="n")
    with TaskGroup():
        elsewhere = Task(name="a")

    assert [task.name for task in (*tasks, other, elsewhere)] == ["local/a", "local/a:1", "local/a:2", "n/a", "local/a"]
    assert group.num_registered_tasks() == 4


def test_77_names_are_unique_without_a_group():
    """W-3: the original gives the same name again."""
    first, second = Task(), Task()

    assert [first.name, second.name] == ["local/task", "local/task:1"]


def test_77_names_stay_unique_when_a_group_has_taken_its_tasks():
    with TaskGroup() as group:
        group.add(Task())

        assert Task().name == "local/task:1"


def test_a_task_is_told_by_its_node_and_name():
    assert repr(Task(name="a", node="n")) == "Task(name='n/a', node='n', outputs=[])"


def test_a_task_has_the_line_that_made_it():
    assert Task().site.function == "test_a_task_has_the_line_that_made_it"


# --- trees ------------------------------------------------------------------------------------------------------------


def test_78_a_task_with_a_net():
    assert tree_of(Task(step=Net("a"), name="foo")) == [
        "[local/foo] num_iter=1",
        "  [step] num_iter=1 nets=a",
        "  [local/foo:exit] num_iter=1 nets=local/foo:output",
    ]


def test_78_a_task_with_a_step_and_an_output_is_that_very_step():
    step = execution_step("mine", Net("a"))

    task = Task(step=step, outputs=[BlobReference("r")])

    assert (task.name, task.get_step()) == ("local/mine", step)
    assert tree_of(task) == ["[mine] num_iter=1 nets=a"]


def test_78_instances_run_in_a_step_named_after_the_task():
    """W-1: the original names it '%s:parallel'."""
    assert tree_of(Task(step=Net("a"), outputs=["r"], num_instances=3)) == [
        "[local/task:parallel] num_iter=1 num_concurrent_instances=3",
        "  [step] num_iter=1 create_workspace=true nets=a",
    ]


def test_79_a_task_without_outputs_has_one_that_is_hidden():
    task = Task(step=Net("a"))

    step = task.get_step()

    [output] = task.outputs()
    assert task.hidden_outputs() == [output]
    assert [str(name) for name in output.names] == ["local/task:output/ConstantFill:0"]
    assert (output.node, step.Nets()[-1].Name()) == ("local", "local/task:output")
    [fill] = step.Nets()[-1].to_model().ops
    assert (fill.type, fill.inputs, fill.arguments) == ("ConstantFill", (), {"dtype": 2, "value": 0})


def test_the_hidden_output_is_in_no_name_scope():
    task = Task(step=Net("a"))

    with NameScope("scope"):
        task.get_step()

    assert str(task.outputs()[0].names[0]) == "local/task:output/ConstantFill:0"


def test_80_a_task_without_a_step_runs_nothing_and_has_no_output():
    task = Task(name="foo")

    assert tree_of(task) == ["[local/foo]".replace("]", "] num_iter=1")]
    assert task.outputs() == []


def test_95_compiling_a_task_leaves_the_given_step_open_and_as_it_was():
    """W-21: the original sets create_workspace on it, and closes it."""
    step = execution_step("mine", Net("a"))
    before = step.Proto().SerializeToString()
    with TaskGroup() as group:
        Task(step=step, num_instances=2)

    group.to_task().get_step()

    assert step.Proto().SerializeToString() == before
    step.SetIter(3)


def test_95_one_step_may_be_that_of_several_tasks_in_several_groups():
    step = execution_step("mine", Net("a"))

    for _ in range(2):
        with TaskGroup() as group:
            Task(step=step, outputs=["r"])
            Task(step=step, outputs=["r"])
        assert step_tree(group.to_task().get_step().to_model()).count("nets=a") == 2


def test_95_looking_at_a_step_in_a_plan_does_not_keep_its_group_from_running():
    with TaskGroup() as group:
        task = Task(step=execution_step("mine", Net("a")), outputs=["r"])

    Plan(task.get_step())

    assert group.to_task().get_step().Proto().create_workspace


def test_95_reporters_are_not_changed():
    report, net = execution_step("report", Net("r")), Net("a")
    net.add_attribute(Task.REPORT_STEP, report)

    lines = tree_of(Task(step=net, outputs=["r"]))

    assert lines[1] == "  [report] num_iter=1 run_every_ms=1000 nets=r"
    assert not report.Proto().HasField("run_every_ms")


def test_a_reporter_that_is_no_step_is_refused():
    net = Net("a")
    net.add_attribute(Task.REPORT_STEP, Net("r"))

    with pytest.raises(BuildTypeError, match=r"a reporter .* must be a step, got Net"):
        Task(step=net).get_step()


def test_the_step_is_compiled_once():
    task = Task(step=Net("a"))

    assert task.get_step() is task.get_step()


def test_a_task_that_is_changed_is_compiled_anew():
    task = Task(step=Net("a"))
    task.get_step()

    task.add_output("r")

    assert [str(name) for output in task.outputs() for name in output.names] == ["r"]
    assert tree_of(task) == ["[step] num_iter=1 nets=a"]


def test_110_a_task_body_that_stops_runs_at_most_once():
    with Task(outputs=["r"]) as task:
        ops.stop_if(ops.Const(False))

    assert tree_of(task) == ["[local/task] should_stop_blob=local/task/stop_blob only_once=true nets=local/task"]


# --- what a task is made of -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda n: [n], lambda n: execution_step("s", n), lambda n: builder_of(n)], ids=["list", "step", "builder"]
)
def test_a_step_may_be_a_list_a_step_or_a_builder(make):
    assert Task(step=make(Net("a"))).get_step().Nets()[0].Name() == "a"


def builder_of(net):
    with NetBuilder("b") as builder:
        ops.net(net)
    return builder


@pytest.mark.parametrize("step", ["net", (1, 2), 3])
def test_a_step_that_is_none_leaves_no_task_behind(step):
    """W-25: the original leaves the task in the group."""
    with TaskGroup() as group, Cluster() as cluster:
        with pytest.raises(BuildValueError):
            Task(step=step, node="n")

        assert (group.num_registered_tasks(), cluster.nodes()) == (0, [])
        assert Task(node="n").name == "n/task"


def test_a_group_must_be_one():
    with pytest.raises(BuildTypeError, match="the group of a task is a TaskGroup, got 'group'"):
        Task(group="group")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("count", [0, -1])
def test_a_task_has_at_least_one_instance(count):
    with pytest.raises(BuildValueError, match=f"num_instances must be at least 1, got {count}"):
        Task(num_instances=count)


def test_a_workspace_type_must_be_known():
    """W-29: the original takes any string."""
    with pytest.raises(BuildValueError, match="a workspace type is 'private' or 'global', got 'bogus'"):
        Task(workspace_type="bogus")


def test_a_task_in_a_compiled_group_cannot_be_changed():
    with TaskGroup() as group:
        task = Task()
    group.tasks()

    for change in (lambda: task.add_output("x"), lambda: task.set_step(Net("n")), task.__enter__):
        with pytest.raises(ClosedError, match=r"task 'local/task' cannot .*: it is part of a group"):
            change()


# --- as a context -----------------------------------------------------------------------------------------------------


def test_an_opened_task_collects_what_is_written_in_it():
    with Task(name="job") as task:
        ops.Const(1)
        assert Task.current() is task
        assert NetBuilder.current().name == "local/job"

    assert task.get_step().Nets()[0].Name() == "local/job"


def test_tasks_stand_in_a_group_in_the_order_in_which_they_ended():
    with TaskGroup() as group:
        with Task(name="outer"):
            with Task(name="inner") as inner:
                ops.Const(1)

    assert [task.name for task in group.tasks()] == ["local/inner", "local/outer"]
    assert inner.get_step().Nets()[0].Name() == "local/inner"


def test_a_task_with_a_step_cannot_be_opened():
    task = Task(step=Net("n"))

    with pytest.raises(BuildError, match="task 'local/task' has a step already"):
        task.__enter__()

    assert Task.current(required=False) is None


def test_a_task_cannot_be_opened_again_while_it_is_open():
    """W-26: the original leaves it on the stack."""
    with Task() as task:
        with pytest.raises(BuildError), task:
            pass
        assert Task.current() is task

    assert Task.current(required=False) is None


def test_119_a_task_whose_body_failed_is_gone():
    """W-25: the original leaves it in the group, without a step."""
    with TaskGroup() as group:
        with pytest.raises(ZeroDivisionError), Task():
            ops.Const(1)
            raise ZeroDivisionError

        assert (NetBuilder.current(required=False), Task.current(required=False)) == (None, None)
        with Task() as again:
            pass

    assert group.tasks() == [again]
    assert again.name == "local/task"


def test_119_a_loop_without_an_end_closes_its_task():
    with TaskGroup() as group:
        with pytest.raises(BuildError, match="would never end"), Task(), ops.loop():
            ops.Const(1)

    assert group.tasks() == []
    assert Task.current(required=False) is None


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_an_output_is_a_blob_a_list_or_a_record():
    record = Struct(("a", BlobReference("x")), ("b", BlobReference("y")))
    task = Task(outputs=[BlobReference("r"), ["s", "t"], record])

    assert [[str(name) for name in output.names] for output in task.outputs()] == [["r"], ["s", "t"], ["x", "y"]]
    assert [output.node for output in task.outputs()] == ["local"] * 3


def test_what_is_no_list_is_one_output():
    task = Task()

    assert task.add_outputs("r") is task.outputs()[0]
    assert task.add_outputs(["s", "t"]) == task.outputs()[1:]


def test_an_output_may_be_made_beforehand():
    output = TaskOutput("r")
    Task(outputs=[output], node="n")

    assert output.node == "n"


@pytest.mark.parametrize("names", [3, [3], ["a", None]])
def test_an_output_holds_blobs_only(names):
    with pytest.raises(BuildTypeError):
        TaskOutput(names)


def test_the_value_of_an_output_has_its_shape():
    record = from_blob_list(Struct(("a", np.int64)), [BlobReference("x")])
    one, several, columns = TaskOutput("r"), TaskOutput(["r"]), TaskOutput(record)

    for output in (one, several, columns):
        output.set([np.array([1, 2])], lambda value: value + 1)

    assert one.get().tolist() == [1, 2]
    assert one.fetch().tolist() == [2, 3]
    assert [value.tolist() for value in several.fetch()] == [[2, 3]]
    assert columns.fetch().a().tolist() == [2, 3]


def test_outputs_are_fetched_anew_each_time():
    values = iter([1, 2])
    output = TaskOutput("r")
    output.set(["r"], lambda name: next(values))

    assert [output.fetch(), output.fetch()] == [1, 2]


@pytest.mark.parametrize("ask", [TaskOutput.get, TaskOutput.fetch], ids=["get", "fetch"])
@pytest.mark.parametrize("family", [AssertionError, AttributeError])
def test_an_output_has_no_value_before_its_task_was_run(ask, family):
    with pytest.raises(family, match=r"TaskOutput\(names=\['r'\], node=None\) has no value yet; run the task"):
        ask(TaskOutput("r"))


@pytest.mark.parametrize("ask", [TaskOutput.get, TaskOutput.fetch], ids=["get", "fetch"])
def test_an_output_has_no_value_after_a_failed_run(ask):
    """W-28: the original shows the value of an earlier run."""
    output = TaskOutput("r")
    output.set([1], abs)

    output.invalidate("the run failed: ValueError('x')")

    with pytest.raises(RunError, match=r"has no value: the run failed: ValueError\('x'\)") as caught:
        ask(output)
    assert isinstance(caught.value, RuntimeError)


def test_an_output_has_a_value_again_after_the_next_run():
    output = TaskOutput("r")
    output.invalidate("it failed")

    output.set([1], abs)

    assert output.fetch() == 1


def test_an_output_takes_one_value_for_each_blob():
    with pytest.raises(AssertionError, match="has 2 blobs, got 1 values"):
        TaskOutput(["a", "b"]).set([1])


def test_a_list_of_outputs_is_bound_at_once():
    one, two = TaskOutput("a"), TaskOutput(["b", "c"])
    outputs = TaskOutputList([one, two])

    outputs.set_values([1, 2, 3])

    assert outputs.names() == ["a", "b", "c"]
    assert (one.get(), two.get()) == (1, [2, 3])


@pytest.mark.parametrize("values", [[], [1], [1, 2, 3]])
def test_a_list_of_outputs_takes_one_value_for_each_blob(values):
    with pytest.raises(AssertionError, match=f"have 2 blobs, got {len(values)} values"):
        TaskOutputList([TaskOutput(["a", "b"])]).set_values(values)


def test_the_outputs_of_a_task_can_be_had_as_a_list():
    assert Task(outputs=["a", "b"]).output_list().names() == ["a", "b"]


def test_a_final_output_is_one_of_the_open_task():
    with Task() as task:
        output = final_output(ops.Const(1))

    assert task.outputs() == [output]


def test_a_final_output_outside_of_tasks_has_a_task_of_its_own():
    with TaskGroup() as group, Node("n"):
        output = final_output("x")

    [task] = group.tasks()
    assert (task.name, task.outputs(), output.node) == ("n/task", [output], "n")


# --- names given back -------------------------------------------------------------------------------------------------


def test_a_task_gives_up_its_names_with_itself():
    gc.disable()
    try:
        for _ in range(2):
            net = Net("work")
            net.add_attribute(Task.TASK_SETUP, SetupNets(Net("setup")))
            task = Task(step=net)
            task.get_step()
            assert [task.name, *(each.Name() for each in task.get_step().Nets())] == [
                "local/task",
                "setup",
                "work",
                "local/task:output",
            ]
            del net, task
    finally:
        gc.enable()
