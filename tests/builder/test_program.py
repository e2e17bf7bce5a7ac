"""Compiling a group: plans by node, outputs, channels. Numbers are those of the checklist."""

import gc

import pytest

from taskplan.builder.channel import Channel
from taskplan.builder.cluster import Cluster, Node
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.ops import ops
from taskplan.builder.program import compile_group
from taskplan.builder.scope import NameScope
from taskplan.builder.steps import execution_step
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.builder.workspace_type import WorkspaceType
from taskplan.errors import BuildError, BuildKeyError, BuildValueError
from taskplan.plan.text import plan_text, program_text


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


def two_nodes(workspace_type=None):
    with TaskGroup(workspace_type) as group:
        for node in ("reader", "trainer"):
            with Node(node), Task(outputs=[f"{node}_out"]):
                ops.Const(1, blob_out=f"{node}_out")
    return group


def compiled(group, **options):
    return compile_group(group, **{"shared_nodes": False, **options})[0]


# --- plans ------------------------------------------------------------------------------------------------------------


def test_each_node_has_a_plan_in_the_order_of_first_use():
    program = compiled(two_nodes())

    assert list(program.plans) == ["reader", "trainer"]
    assert [plan.name for plan in program.plans.values()] == ["task_group_plan"] * 2
    assert plan_text(program.plans["reader"]).splitlines()[1:3] == [
        "  [reader/task] num_iter=1 create_workspace=true (task reader/task on reader)",
        "    net reader/task",
    ]


def test_shared_nodes_are_one_node():
    program = compiled(two_nodes(), shared_nodes=True)

    assert list(program.plans) == ["local"]
    assert [output.node for output in program.outputs] == ["local", "local"]


def test_nodes_are_mapped_to_others():
    program = compiled(two_nodes(), node_remap=lambda node: f"host-{node}")

    assert list(program.plans) == ["host-reader", "host-trainer"]
    assert [output.node for output in program.outputs] == ["host-reader", "host-trainer"]


def test_shared_nodes_are_not_mapped():
    with pytest.raises(BuildValueError, match="leave out node_remap or shared_nodes"):
        compiled(two_nodes(), shared_nodes=True, node_remap=str)


def test_a_step_knows_its_task_and_line():
    [step] = compiled(two_nodes()).plans["reader"].steps

    assert (step.task, step.node, step.site.function) == ("reader/task", "reader", "two_nodes")


def test_steps_around_a_task_have_the_line_of_the_task():
    with TaskGroup() as group, Task(num_instances=2):
        ops.Const(1)
        with ops.task_init():
            ops.Const(2)

    [root] = compiled(group).plans["local"].steps

    assert {step.site.function for step in (root, *root.steps[:2])} == {
        "test_steps_around_a_task_have_the_line_of_the_task"
    }


def test_closing_blocks_are_in_the_plan_with_their_nets():
    with TaskGroup() as group, Task(outputs=["r"]):
        with ops.task_finally():
            ops.net(name="close")

    plan = compiled(group).plans["local"]

    assert [step.nets for step in plan.steps[0].closing] == [("local/task/close",)]
    assert "local/task/close" in [net.name for net in plan.nets]


@pytest.mark.parametrize(
    ("of_group", "of_session", "private"),
    [
        (None, None, ("reader", "trainer")),
        (WorkspaceType.GLOBAL, None, ()),
        (None, WorkspaceType.GLOBAL, ()),
        (WorkspaceType.PRIVATE, None, ("reader", "trainer")),
    ],
)
def test_89_a_program_says_which_nodes_have_private_workspaces(of_group, of_session, private):
    assert compiled(two_nodes(of_group), workspace_type=of_session).private_nodes == private


def test_89_types_that_differ_are_refused():
    with pytest.raises(BuildError, match="the group has global workspaces, and the session was asked for private ones"):
        compiled(two_nodes(WorkspaceType.GLOBAL), workspace_type=WorkspaceType.PRIVATE)


def test_an_empty_group_has_no_plan():
    program, outputs = compile_group(TaskGroup(), shared_nodes=False)

    assert (program.plans, program.outputs, outputs.names()) == ({}, (), [])


def test_a_reporter_on_a_node_without_tasks_is_refused():
    group = two_nodes()
    group.report_step(Net("r"), node="nowhere")

    with pytest.raises(BuildKeyError, match="on node 'nowhere', which has no tasks"):
        compiled(group, shared_nodes=True)


# --- any number of times ----------------------------------------------------------------------------------------------


def test_a_group_compiles_to_the_same_program_any_number_of_times():
    group = two_nodes()

    first = program_text(compiled(group))
    shared = compiled(group, shared_nodes=True)

    assert list(shared.plans) == ["local"]
    assert program_text(compiled(group)) == first


def test_operators_added_in_between_are_in_the_next_program():
    net = Net("n")
    with TaskGroup() as group:
        Task(step=net, outputs=["r"])
    before = compiled(group)

    net.Const(1)

    assert [len(program.plans["local"].nets[0].ops) for program in (before, compiled(group))] == [0, 1]


def test_the_same_program_built_twice_is_the_same():
    texts = []
    for _ in range(2):
        with fresh_names():
            texts.append(program_text(compiled(two_nodes())))

    assert texts[0] == texts[1]


def test_95_compiling_changes_nothing_of_the_user():
    net = Net("n")
    step = execution_step("s", net)
    before = (step.Proto().SerializeToString(), net.Proto().SerializeToString())
    with TaskGroup() as group:
        task = Task(step=step, outputs=["r"])

    compiled(group)

    assert (step.Proto().SerializeToString(), net.Proto().SerializeToString()) == before
    assert (group.workspace_type(), task.workspace_type()) == (None, None)
    step.SetIter(2)


def test_compiling_takes_no_part_in_what_is_open():
    """W-24: the original adds tasks to the open group, and puts the open builder before names."""
    group = two_nodes()
    task = Task(step=Net("n"))
    alone = TaskGroup()
    alone.add(task)

    with Cluster() as cluster, TaskGroup() as other, NetBuilder("open"), NameScope("scope"), Node("node"):
        names = [net.name for plan in compiled(group).plans.values() for net in plan.nets]
        hidden = compiled(alone).hidden_blobs

    assert names == ["reader/task", "trainer/task"]
    assert hidden == ("local/task:output/ConstantFill:0",)
    assert (cluster.nodes(), other.tasks()) == (["node"], [])


def test_the_collector_is_on_again_afterwards():
    with pytest.raises(BuildError):
        compiled(two_nodes(WorkspaceType.GLOBAL), workspace_type=WorkspaceType.PRIVATE)
    assert gc.isenabled()

    gc.disable()
    try:
        compiled(two_nodes())
        assert not gc.isenabled()
    finally:
        gc.enable()


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_outputs_come_from_the_nodes_of_their_tasks():
    with TaskGroup() as group:
        for node in "ba":
            Task(outputs=["x", ["y", "z"]], node=node, step=Net("n"))

    program, outputs = compile_group(group, shared_nodes=False)

    assert [(each.node, each.blob, each.task) for each in program.outputs] == [
        (node, blob, f"{node}/task") for node in "ba" for blob in "xyz"
    ]
    assert [str(name) for name in outputs.names()] == [each.blob for each in program.outputs]
    assert outputs.outputs == [output for task in group.tasks() for output in task.outputs()]
    assert program.outputs[0].site.function == "test_outputs_come_from_the_nodes_of_their_tasks"


def test_79_hidden_outputs_are_named():
    """W-20: so that a session can drop their blobs."""
    with TaskGroup() as group:
        Task(step=Net("n"))
        Task(step=Net("m"), outputs=["r"])

    program = compiled(group)

    assert program.hidden_blobs == ("local/task:output/ConstantFill:0",)
    assert [output.blob for output in program.outputs] == ["local/task:output/ConstantFill:0", "r"]


# --- channels ---------------------------------------------------------------------------------------------------------


def test_channels_are_parts_of_the_program():
    rows = Channel("rows", 5, ["x", "y"], node="reader")
    with TaskGroup() as group:
        for node in ("reader", "cleaner"):
            with Node(node), Task(num_instances=2):
                rows.writer().write(None, [ops.Const(1), ops.Const(2)])
        with Node("trainer"), Task():
            rows.reader().read()

    [channel] = compiled(group).channels

    assert (channel.name, channel.capacity, channel.columns, channel.fields) == ("rows", 5, 2, ("x", "y"))
    assert (channel.writers, channel.node, channel.nodes) == (2, "reader", ("reader", "cleaner", "trainer"))
    assert channel.site == rows.site


def test_channels_follow_their_nodes():
    rows = Channel("rows", 1, ["x"], node="reader")
    with TaskGroup() as group, Node("reader"), Task():
        rows.writer()

    [mapped] = compiled(group, node_remap=lambda node: "host").channels
    [shared] = compiled(group, shared_nodes=True).channels

    assert (mapped.node, mapped.nodes) == ("host", ("host",))
    assert (shared.node, shared.nodes) == ("local", ("local",))


def test_channels_that_reporters_and_local_setup_use_are_there_too():
    rows, marks = Channel("rows", 1, ["x"]), Channel("marks", 1, ["x"])
    with TaskGroup() as group, Node("n"), Task():
        with ops.local_init():
            rows.reader()
        with ops.local_reporter():
            marks.reader()

    assert {channel.name: channel.nodes for channel in compiled(group).channels} == {"rows": ("n",), "marks": ("n",)}


def test_two_channels_of_one_name_are_refused():
    with TaskGroup() as group, Task():
        Channel("rows", 1).writer()
        Channel("rows", 1).reader()

    with pytest.raises(BuildValueError, match="two channels of one group are called 'rows'"):
        compiled(group)


# --- cost -------------------------------------------------------------------------------------------------------------


def test_120_many_tasks_compile_one_by_one():
    """W-2: in the original the time grows with the square of the number."""
    with TaskGroup() as group:
        for _ in range(3000):
            with Task():
                x = ops.Const(1.0)
                ops.Add([x, x])

    program = compiled(group)

    assert len(program.outputs) == len(program.plans["local"].steps[0].steps) == 3000
