"""Groups: taking tasks, putting them together for each node, reporters. Numbers are those of the checklist."""

import gc

import pytest

from taskplan.builder.cluster import Cluster, Node
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.ops import ops
from taskplan.builder.setup import SetupNets
from taskplan.builder.steps import execution_step
from taskplan.builder.task import Task, final_output
from taskplan.builder.task_group import TaskGroup
from taskplan.builder.workspace_type import WorkspaceType
from taskplan.errors import BuildError, BuildKeyError, BuildValueError, ClosedError
from taskplan.plan.text import step_tree

PRIVATE, GLOBAL = WorkspaceType.PRIVATE, WorkspaceType.GLOBAL


@pytest.fixture(autouse=True)
def _names():
    with fresh_names(), Cluster():
        yield


def tree_of(task):
    return step_tree(task.get_step().to_model()).splitlines()


def group_of(*nodes, workspace_type=None):
    with TaskGroup(workspace_type) as group:
        for number, node in enumerate(nodes):
            Task(step=Net(f"n{number}"), outputs=["r"], node=node)
    return group


# --- clusters and nodes -----------------------------------------------------------------------------------------------


def test_a_cluster_knows_its_nodes_in_the_order_of_first_use():
    with Cluster() as cluster:
        Node("b")
        Task(node="a")
        Node("b")

    assert cluster.nodes() == ["b", "a"]
    assert repr(cluster) == "Cluster(nodes=['b', 'a'], node_kwargs={'b': {}, 'a': {}})"


def test_97_of_two_keywords_of_a_node_the_earlier_one_stays():
    with Cluster() as cluster:
        Node("n", cpus=1)
        node = Node("n", cpus=2, gpus=3)

    assert cluster.node_kwargs() == {"n": {"cpus": 1, "gpus": 3}}
    assert (str(node), node.kwargs()) == ("n", {"cpus": 2, "gpus": 3})
    assert repr(node) == "Node(name='n', kwargs={'cpus': 2, 'gpus': 3})"


def test_the_node_is_local_if_none_is_open():
    assert str(Node.current()) == "local"


# --- taking tasks -----------------------------------------------------------------------------------------------------


def test_a_group_takes_the_tasks_that_are_made_in_its_block():
    with TaskGroup() as group:
        first, second = Task(), Task()
    Task()

    assert group.num_registered_tasks() == 2
    assert group.tasks() == [first, second]


def test_a_task_may_be_added_to_a_group():
    group, task = TaskGroup(), Task()

    group.add(task)

    assert group.tasks() == [task]


def test_a_task_that_is_there_is_not_added_twice():
    with TaskGroup() as group:
        task = Task()
        group.add(task)

        with pytest.raises(BuildError, match=r"task 'local/task' .* is in this group already"):
            group.add(task)

    assert group.tasks() == [task]


def test_the_nodes_of_a_group_are_those_of_its_tasks_in_their_order():
    group = group_of("b", "a", "b")

    assert group.used_nodes() == ["b", "a"]
    group.add(Task(node="c"))


def test_96_a_group_that_was_shown_still_takes_tasks():
    group = group_of("a")
    group.add_remote_net(Net("remote"))

    shown = repr(group)

    assert shown.startswith("TaskGroup(tasks=[Task(name='a/task', node='a', outputs=[TaskOutput(")
    assert shown.endswith("workspace_type=None, remote_nets=[Net('remote')])")
    group.add(Task())


@pytest.mark.parametrize(
    "take",
    [TaskGroup.tasks, TaskGroup.tasks_by_node, TaskGroup.to_task, lambda group: group.placed({"a": "a"})],
    ids=["tasks", "tasks_by_node", "to_task", "placed"],
)
def test_96_a_group_whose_tasks_were_taken_takes_no_more(take):
    group = group_of("a")
    take(group)

    for late in (
        lambda: group.add(Task()),
        lambda: Task(group=group),
        lambda: group.report_step(Net("r"), node="a"),
        lambda: group.report_net(node="a"),
    ):
        with pytest.raises(ClosedError, match="comes too late: the group has been run or compiled"):
            late()
    assert group.num_registered_tasks() == 1


def test_a_task_that_ends_after_its_group_was_taken_is_refused():
    with TaskGroup() as group, pytest.raises(ClosedError, match="task 'local/task' comes too late"), Task():
        group.tasks()

    assert Task.current(required=False) is None


def test_a_group_keeps_nets_for_sessions_that_want_them():
    group, net = TaskGroup(), Net("remote")

    group.add_remote_net(net)

    assert group.remote_nets() == [net]


# --- workspace types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_group", "of_task", "effective"),
    [
        (None, None, PRIVATE),
        (None, PRIVATE, PRIVATE),
        (None, GLOBAL, GLOBAL),
        (PRIVATE, None, PRIVATE),
        (PRIVATE, PRIVATE, PRIVATE),
        (GLOBAL, None, GLOBAL),
        (GLOBAL, GLOBAL, GLOBAL),
    ],
)
def test_89_the_type_of_a_workspace_follows_from_group_and_task(of_group, of_task, effective):
    with TaskGroup(of_group) as group:
        task = Task(step=Net("n"), workspace_type=of_task)

    group.tasks()

    assert (group.workspace_type(), task.workspace_type()) == (effective, effective)
    assert group.to_task().workspace_type() == effective


@pytest.mark.parametrize(("of_group", "of_task"), [(PRIVATE, GLOBAL), (GLOBAL, PRIVATE)])
def test_89_different_types_of_group_and_task_are_refused(of_group, of_task):
    with TaskGroup(of_group) as group:
        Task(workspace_type=of_task)

    with pytest.raises(AssertionError, match=f"wants a {of_task} workspace, and its group has {of_group} ones"):
        group.tasks()


def test_89_the_first_task_decides_for_the_group():
    with TaskGroup() as group:
        first, second = Task(workspace_type=GLOBAL), Task()
    group.tasks()

    assert (first.workspace_type(), second.workspace_type()) == (GLOBAL, GLOBAL)


def test_89_a_first_task_without_a_type_makes_the_group_private():
    with TaskGroup() as group:
        Task()
        Task(workspace_type=GLOBAL)

    with pytest.raises(BuildError, match="wants a global workspace, and its group has private ones"):
        group.tasks()


def test_89_a_group_that_could_not_be_taken_is_as_it_was():
    with TaskGroup() as group:
        Task()
        Task(workspace_type=GLOBAL)
    for _ in range(2):
        with pytest.raises(BuildError):
            group.to_task()

    assert (group.workspace_type(), group.num_registered_tasks()) == (None, 2)
    Task(group=group)


@pytest.mark.parametrize(
    ("of_group", "of_session", "effective"),
    [(None, PRIVATE, PRIVATE), (None, GLOBAL, GLOBAL), (PRIVATE, PRIVATE, PRIVATE), (GLOBAL, GLOBAL, GLOBAL)],
)
def test_89_a_group_without_a_type_takes_that_of_the_session(of_group, of_session, effective):
    group = group_of("a", workspace_type=of_group)

    [task] = group.placed({"a": "a"}, of_session).tasks()

    assert task.workspace_type() == effective
    assert group.workspace_type() == of_group


@pytest.mark.parametrize(("of_group", "of_session"), [(PRIVATE, GLOBAL), (GLOBAL, PRIVATE)])
def test_89_different_types_of_group_and_session_are_refused(of_group, of_session):
    group = group_of("a", workspace_type=of_group)

    with pytest.raises(
        BuildError, match=f"the group has {of_group} workspaces, and the session was asked for {of_session}"
    ):
        group.placed({"a": "a"}, of_session)


def test_a_group_may_be_run_with_either_type_by_different_sessions():
    group = group_of("a")

    types = [group.placed({"a": "a"}, each).tasks()[0].workspace_type() for each in (PRIVATE, GLOBAL, None)]

    assert types == [PRIVATE, GLOBAL, PRIVATE]


@pytest.mark.parametrize(
    "make", [TaskGroup, lambda each: group_of("a").placed({"a": "a"}, each)], ids=["group", "session"]
)
def test_a_workspace_type_must_be_known(make):
    """W-29: the original takes any string."""
    with pytest.raises(BuildValueError, match="a workspace type is 'private' or 'global', got 'bogus'"):
        make("bogus")


# --- putting together -------------------------------------------------------------------------------------------------


def test_78_tasks_of_one_node_run_together():
    group = group_of("a", "a")

    [task] = group.tasks_by_node().tasks()

    assert (task.name, task.node) == ("a/grouped_by_node", "a")
    assert tree_of(task) == [
        "[a:body] num_iter=1 concurrent_substeps=true",
        "  [step] num_iter=1 create_workspace=true nets=n0 (task a/task on a)",
        "  [step_1] num_iter=1 create_workspace=true nets=n1 (task a/task:1 on a)",
    ]


def test_78_all_nodes_can_be_put_into_one_task():
    with TaskGroup() as group:
        for node, name in (("a", "q1"), ("b", "q2")):
            Task(step=Net(name), node=node)

    assert tree_of(group.to_task()) == [
        "[local:body] num_iter=1 concurrent_substeps=true",
        "  [a/task] num_iter=1 create_workspace=true (task a/task on a)",
        "    [step] num_iter=1 nets=q1",
        "    [a/task:exit] num_iter=1 nets=a/task:output",
        "  [b/task] num_iter=1 create_workspace=true (task b/task on b)",
        "    [step_1] num_iter=1 nets=q2",
        "    [b/task:exit] num_iter=1 nets=b/task:output",
    ]


@pytest.mark.parametrize(("workspace_type", "own"), [(PRIVATE, "true"), (GLOBAL, "false")])
def test_78_a_single_task_is_run_as_it_is_with_its_workspace_spelled_out(workspace_type, own):
    with TaskGroup(workspace_type) as group:
        Task(step=Net("a"), name="foo")

    root = group.to_task().get_step()

    assert (root.Name(), len(root.Substeps())) == ("local/foo", 2)
    assert f"create_workspace: {own}" in str(root.Proto())


def test_91_a_task_of_a_node_is_global_if_its_tasks_are():
    assert group_of("a", "b", workspace_type=GLOBAL).to_task().workspace_type() == GLOBAL


def test_the_task_of_a_node_has_the_outputs_of_all_its_tasks():
    with TaskGroup() as group:
        outputs = [Task(outputs=[name], node="a").outputs()[0] for name in "xy"]

    assert group.to_task().outputs() == outputs


def test_90_placing_tasks_twice_in_the_same_way_gives_the_same_group():
    group = group_of("a", "b")

    assert group.tasks_by_node() is group.tasks_by_node(lambda node: node)


def test_90_placing_tasks_in_another_way_is_refused():
    group = group_of("a", "b")
    group.tasks_by_node()

    with pytest.raises(AssertionError, match=r"have been placed as .*, got {'a': 'x', 'b': 'x'}"):
        group.tasks_by_node(lambda node: "x")


def test_nodes_are_mapped_to_others():
    group = group_of("a", "b", "c")

    placed = group.tasks_by_node({"a": "x", "b": "y", "c": "x"}.__getitem__)

    assert [(task.node, len(task.get_step().Substeps())) for task in placed.tasks()] == [("x", 2), ("y", 0)]


@pytest.mark.parametrize("node", ["x", Node("x")], ids=["name", "node"])
def test_the_one_task_may_be_on_any_node(node):
    """W-27: the original refuses names."""
    assert group_of("a", "b").to_task(node).node == "x"


def test_an_empty_group_becomes_an_empty_task():
    with TaskGroup() as other:
        task = TaskGroup().to_task()

    assert (task.name, tree_of(task), other.tasks()) == ("local/task", ["[local/task] num_iter=1"], [])


def test_a_group_may_be_put_together_any_number_of_times():
    group = group_of("a", "b")

    trees = [tree_of(group.to_task()), tree_of(group.to_task("x")), tree_of(group.to_task())]

    assert trees[0] == trees[2]
    assert trees[1][0].startswith("[x:body]")
    assert [task.node for task in group.tasks_by_node().tasks()] == ["a", "b"]


def test_a_task_that_only_has_an_output_runs_nothing():
    with TaskGroup() as group, Node("n"):
        final_output("x")
        Task(step=Net("a"), outputs=["r"])

    [task] = group.tasks_by_node().tasks()
    assert [line.split(" (")[0] for line in tree_of(task)] == [
        "[n:body] num_iter=1 concurrent_substeps=true",
        "  [step] num_iter=1 create_workspace=true nets=a",
    ]


def test_putting_together_registers_nothing_with_what_is_open():
    """W-24: nodes, tasks and nets that compiling makes are its own."""
    group = group_of("a")

    with Cluster() as cluster, TaskGroup() as other, NetBuilder("open"):
        group.to_task("x")
        assert other.num_registered_tasks() == 0

    assert cluster.nodes() == []


def test_groups_may_be_nested_in_other_contexts_and_leave_them_as_they_were():
    with pytest.raises(ZeroDivisionError), TaskGroup(), Node("n"), Task():
        raise ZeroDivisionError

    assert TaskGroup.current(required=False) is None
    assert str(Node.current()) == "local"


# --- reporters --------------------------------------------------------------------------------------------------------


def test_a_reporter_runs_beside_the_tasks_of_its_node():
    group = group_of("a", "b")
    step = group.report_step(Net("r"), node="a", interval_ms=20)

    one, other = group.tasks_by_node().tasks()

    assert tree_of(one)[:2] == [
        "[a:body] num_iter=1 concurrent_substeps=true",
        "  [step_2] num_iter=1 run_every_ms=20 nets=r",
    ]
    assert tree_of(other)[0].startswith("[step_1]")
    assert not step.Proto().HasField("run_every_ms")


def test_a_reporter_may_be_filled_afterwards():
    group = group_of("a")
    group.report_step(node="a").AddNet(Net("r"))

    assert "nets=r" in tree_of(group.to_task())[1]


def test_a_reporter_is_on_the_current_node():
    group = group_of("a")
    with Node("a"):
        group.report_step(Net("r"))

    assert "run_every_ms=1000 nets=r" in tree_of(group.to_task())[1]


@pytest.mark.parametrize("interval_ms", [0, -5])
def test_a_reporter_needs_a_positive_interval(interval_ms):
    with pytest.raises(BuildValueError, match=f"at least 1 ms, got {interval_ms}"):
        group_of("a").report_step(Net("r"), node="a", interval_ms=interval_ms)


def test_a_reporter_on_a_node_without_tasks_is_refused_with_its_line():
    """W-27: the original fails with a bare KeyError."""
    group = group_of("trainer")
    group.report_step(Net("r"), node="trianer")

    with pytest.raises(BuildKeyError) as caught:
        group.to_task()

    assert "test_a_reporter_on_a_node_without_tasks_is_refused_with_its_line" in str(caught.value)
    assert str(caught.value).endswith(
        "is on node 'trianer', which has no tasks; did you mean 'trainer'?; nodes with tasks are ['trainer']"
    )


def test_a_report_net_is_made_once_for_each_node():
    group = group_of("a")

    net = group.report_net(node="a", report_interval=2)

    assert group.report_net(node="a") is net
    assert net.Name() == "a/reporter"
    net.Const(1)
    assert "run_every_ms=2000 nets=a/reporter" in tree_of(group.to_task())[1]


def test_a_second_report_net_is_refused():
    group = group_of("a")
    group.report_net(Net("r"), node="a")

    with pytest.raises(AssertionError, match="node 'a' has the report net 'r' already, got 's'"):
        group.report_net(Net("s"), node="a")


def test_reporters_follow_their_node_to_another_one():
    group = group_of("a")
    group.report_step(Net("r"), node="a")

    [task] = group.tasks_by_node(lambda node: "x").tasks()

    assert (task.node, "nets=r" in tree_of(task)[1]) == ("x", True)


def test_local_setup_of_a_reporter_is_that_of_its_node():
    group, report = group_of("a"), Net("r")
    report.add_attribute(TaskGroup.LOCAL_SETUP, SetupNets(Net("i")))
    group.report_step(report, node="a")

    assert tree_of(group.to_task())[:2] == ["[local] num_iter=1", "  [local:init] num_iter=1 nets=i"]


# --- cost -------------------------------------------------------------------------------------------------------------


def test_120_many_tasks_of_one_name_are_named_one_by_one():
    """W-2: in the original the time grows with the square of the number."""
    with TaskGroup() as group:
        for _ in range(5000):
            Task(name="t")

    assert group.tasks()[-1].name == "local/t:4999"


def test_a_group_gives_up_all_names_with_itself():
    gc.disable()
    try:
        for _ in range(2):
            with TaskGroup() as group:
                with Task(), ops.loop(3):
                    with ops.local_init():
                        ops.Const(1)
            names = [net.Name() for net in group.to_task().get_step().Nets()]
            assert "local/task" in names
            assert "local/task_1" in names
            del group
        assert Net("local/task").Name() == "local/task"
    finally:
        gc.enable()


def test_steps_of_a_user_may_be_in_a_group_more_than_once():
    inner = execution_step("inner", Net("n"))
    with TaskGroup() as group:
        for _ in range(2):
            Task(step=[inner], outputs=["r"])

    assert [line.strip().split(" (")[0] for line in tree_of(group.to_task())].count("[inner] num_iter=1 nets=n") == 2
