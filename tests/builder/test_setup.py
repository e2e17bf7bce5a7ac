"""Setup objects, and what is made of them. Numbers are those of the checklist."""

import pytest

from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.ops import ops
from taskplan.builder.setup import SetupNets, add_setup_steps, get_setup_nets, get_setups
from taskplan.builder.steps import execution_step
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildTypeError
from taskplan.plan.text import step_tree

KEY = "around"


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


class Answers:
    """A setup object that answers what it is told, and counts."""

    def __init__(self, init=None, end=None, target=None):
        self.init, self.end = init, end
        self.asked = []
        if target is not None:
            self._setup_target = target

    def setup(self, init_net):
        self.asked.append("setup")
        return self.init

    def exit(self, exit_net):
        self.asked.append("exit")
        return self.end


def net_with(*objects, key=KEY, name="work"):
    net = Net(name)
    for each in objects:
        net.add_attribute(key, each)
    return net


def names_of(parts):
    return [str(part) for part in parts]


def tree_of(task):
    return step_tree(task.get_step().to_model())


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap", [lambda part: part, lambda part: [part], lambda part: (part,)], ids=["one", "list", "tuple"]
)
@pytest.mark.parametrize("part", [Net, lambda name: execution_step(name, Net("inner"))], ids=["net", "step"])
def test_94_setup_may_return_a_net_a_step_or_a_list(part, wrap):
    init, end = part("i"), part("x")

    inits, ends = get_setup_nets(KEY, [net_with(Answers(wrap(init), wrap(end)))], None)

    assert (names_of(inits), names_of(ends)) == (["i"], ["x"])


def test_94_setup_may_return_nothing():
    assert get_setup_nets(KEY, [net_with(Answers())], None) == ([], [])


@pytest.mark.parametrize("wrong", ["net", 3, [Net], {"a": 1}])
def test_94_setup_that_returns_something_else_is_refused(wrong):
    with pytest.raises(BuildTypeError, match=r"setup\(\) of .* must return a net, a step, a list of these or None"):
        get_setup_nets(KEY, [net_with(Answers(wrong))], None)


def test_94_setup_may_add_operators_to_nets_that_all_objects_share_and_that_come_first():
    class Adds(Answers):
        def setup(self, init_net):
            init_net.Const(1)
            return self.init

        def exit(self, exit_net):
            exit_net.Const(2)

    first, second = Net("first"), Net("second")

    inits, exits = get_setup_nets(KEY, [net_with(Adds(first), Adds(second))], None)

    assert names_of(inits) == [f"{KEY}/init", "first", "second"]
    assert names_of(exits) == [f"{KEY}/exit"]
    assert [len(net.to_model().ops) for net in (*inits[:1], *exits) if isinstance(net, Net)] == [2, 2]


def test_objects_of_nets_and_of_all_nets_of_steps_are_asked_in_order():
    one, two, three = (Net(name) for name in "abc")
    steps = execution_step("s", [net_with(SetupNets(one)), execution_step("t", net_with(SetupNets(two), name="other"))])

    assert get_setup_nets(KEY, [steps, net_with(SetupNets(three), name="last")], None)[0] == [one, two, three]


def test_objects_without_any_method_are_passed_over():
    assert get_setup_nets(KEY, [net_with(object(), "text")], None) == ([], [])


def test_an_object_may_have_one_method_only():
    class OnlyExit:
        def exit(self, exit_net):
            return Net("x")

    assert names_of(get_setup_nets(KEY, [net_with(OnlyExit())], None)[1]) == ["x"]


def test_an_object_for_another_target_is_passed_over():
    one, other = Answers(Net("i"), target="one"), Answers(Net("j"), target="other")

    inits, _ = get_setup_nets(KEY, [net_with(one, other)], "one")

    assert names_of(inits) == ["i"]
    assert other.asked == []


def test_92_an_object_on_two_nets_is_asked_once():
    shared = Answers(Net("i"))

    inits, _ = get_setup_nets(KEY, [net_with(shared), net_with(shared, name="other")], None)

    assert names_of(inits) == ["i"]
    assert shared.asked == ["setup", "exit"]


def test_93_an_object_is_asked_again_for_the_next_target():
    """W-18: the original marks the object, which then works once only."""
    shared = Answers(Net("i"))
    net = net_with(shared)

    both = [get_setup_nets(KEY, [net], target)[0] for target in ("one", "other")]

    assert both == [[shared.init], [shared.init]]
    assert vars(shared).keys() == {"init", "end", "asked"}


def test_setup_inside_setup_comes_first_and_its_exit_last():
    """W-4: the original drops it."""
    inner = SetupNets(Net("inner-init"), Net("inner-exit"))
    outer = SetupNets(net_with(inner, name="outer-init"), Net("outer-exit"))

    inits, exits = get_setup_nets(KEY, [net_with(outer)], None)

    assert names_of(inits) == ["inner-init", "outer-init"]
    assert names_of(exits) == ["outer-exit", "inner-exit"]


def test_each_object_has_a_closing_step_of_its_own():
    step = execution_step("mine", Net("n"))
    work = net_with(SetupNets(cleanup_nets=[Net("a"), Net("b")]), SetupNets(cleanup_nets=step))

    closing = get_setups(KEY, [work], None).closing

    assert [step_tree(each.to_model()) for each in closing] == [
        f"[{KEY}/cleanup] num_iter=1 nets=a,b",
        step_tree(step.to_model()),
    ]


def test_cleanup_may_add_operators_to_a_net_of_its_own():
    class Closes:
        def cleanup(self, cleanup_net):
            cleanup_net.Const(1)

    closing = get_setups(KEY, [net_with(Closes(), Closes())], None).closing

    assert [each.to_model().nets for each in closing] == [(f"{KEY}/cleanup",), (f"{KEY}/cleanup_1",)]


def test_setup_nets_show_what_they_have():
    init, end, close = Net("i"), Net("x"), Net("c")

    assert repr(SetupNets([init], [end])) == "SetupNets(init_nets=[Net('i')], exit_nets=[Net('x')])"
    assert repr(SetupNets(cleanup_nets=close)) == "SetupNets(init_nets=None, exit_nets=None, cleanup_nets=Net('c'))"


# --- putting around ---------------------------------------------------------------------------------------------------


def test_a_step_without_setup_stays_as_it_is():
    step = execution_step("s", Net("n"))

    assert add_setup_steps(step, [], [], "all") is step


def test_setup_stands_before_and_behind_a_step():
    step = add_setup_steps(execution_step("s", Net("n")), [Net("i")], [Net("x")], "all")

    assert step_tree(step.to_model()).splitlines() == [
        "[all] num_iter=1",
        "  [all:init] num_iter=1 nets=i",
        "  [s] num_iter=1 nets=n",
        "  [all:exit] num_iter=1 nets=x",
    ]


def test_absent_setup_leaves_no_step():
    step = add_setup_steps(execution_step("s", Net("n")), [], [Net("x")], "all")

    assert [substep.Name() for substep in step.Substeps()] == ["s", "all:exit"]


# --- tasks and groups -------------------------------------------------------------------------------------------------


def test_78_setup_nets_of_one_net_stand_in_the_order_of_their_objects():
    net = net_with(SetupNets([Net("i1")], [Net("x1")]), SetupNets([Net("i2")], [Net("x2")]), key=Task.TASK_SETUP)

    assert tree_of(Task(step=net, name="foo")).splitlines() == [
        "[local/foo] num_iter=1",
        "  [local/foo:init] num_iter=1 nets=i1,i2",
        "  [step] num_iter=1 nets=work",
        "  [local/foo:exit] num_iter=1 nets=x1,x2,local/foo:output",
    ]


def test_78_a_step_among_setup_nets_makes_each_of_them_a_step():
    net = net_with(SetupNets([Net("i1")]), SetupNets(execution_step("mine", Net("i2"))), key=Task.TASK_SETUP)

    assert tree_of(Task(step=net, name="foo", outputs=["r"])).splitlines() == [
        "[local/foo] num_iter=1",
        "  [local/foo:init] num_iter=1",
        "    [step_1] num_iter=1 nets=i1",
        "    [mine] num_iter=1 nets=i2",
        "  [step] num_iter=1 nets=work",
    ]


def test_93_two_tasks_of_a_group_that_share_a_setup_object_both_set_it_up():
    net = net_with(SetupNets(Net("i")), key=Task.TASK_SETUP)
    with TaskGroup() as group:
        tasks = [Task(step=net, outputs=["r"]) for _ in range(2)]

    assert ["nets=i" in tree_of(task) for task in tasks] == [True, True]
    assert step_tree(group.to_task().get_step().to_model()).count("nets=i") == 2


def test_93_a_second_group_sets_up_the_object_again():
    net = net_with(SetupNets(Net("i")), key=TaskGroup.LOCAL_SETUP)

    trees = []
    for _ in range(2):
        with TaskGroup() as group:
            Task(step=net, outputs=["r"])
        trees.append(step_tree(group.to_task().get_step().to_model()))

    assert ["[local:init] num_iter=1 nets=i" in tree for tree in trees] == [True, True]


def test_a_setup_object_that_all_tasks_of_a_node_share_is_set_up_once():
    net = net_with(SetupNets(Net("i")), key=TaskGroup.LOCAL_SETUP)
    with TaskGroup() as group:
        for node in "aab":
            Task(step=net, outputs=["r"], node=node)

    trees = [step_tree(task.get_step().to_model()) for task in group.tasks_by_node().tasks()]

    assert [tree.count("nets=i") for tree in trees] == [1, 1]


def test_95_compiling_leaves_a_step_that_a_setup_object_returned_open():
    step = execution_step("mine", Net("i"))
    task = Task(step=net_with(SetupNets(step), key=Task.TASK_SETUP))

    task.get_step()

    step.SetIter(3)
    assert "[mine] num_iter=1" in tree_of(task)


def test_setup_of_an_instance_may_stand_in_setup_of_the_task_and_the_other_way_round():
    """W-4: the original drops both."""
    with Task(outputs=["r"]) as task:
        with ops.task_init():
            with ops.task_instance_init():
                ops.net(name="instance")
        with ops.task_instance_exit():
            with ops.task_exit():
                ops.net(name="task")

    lines = [line.strip() for line in tree_of(task).splitlines()]
    assert lines[lines.index("[local/task:instance:init] num_iter=1") + 1].endswith("nets=local/task/instance")
    assert lines[lines.index("[local/task:exit] num_iter=1") + 1].endswith("nets=local/task/task")


def test_task_init_inside_task_init_runs_first():
    """W-4: the original never runs it."""
    with Task(outputs=["r"]) as task:
        with ops.task_init():
            with ops.task_init():
                ops.net(name="inner")
            ops.net(name="outer")

    init = task.get_step().to_model().steps[0]
    assert [step.nets[-1] for step in init.steps] == ["local/task/inner", "local/task/outer"]


def test_a_reporter_inside_setup_is_one_of_the_task():
    with Task(outputs=["r"]) as task:
        with ops.task_init():
            with ops.task_reporter(interval_ms=20):
                ops.net(name="report")

    assert "    [local/task] num_iter=1 run_every_ms=20 nets=local/task/report" in tree_of(task).splitlines()


def test_setup_of_a_node_may_stand_in_setup_of_a_task():
    with TaskGroup() as group, Task(outputs=["r"]):
        with ops.task_init():
            with ops.local_init():
                ops.net(name="node")

    lines = step_tree(group.to_task().get_step().to_model()).splitlines()
    assert lines[1:3] == ["  [local:init] num_iter=1", "    [local/task] num_iter=1 nets=local/task/node"]


@pytest.mark.parametrize("block", ["task_init", "task_instance_exit", "task_finally", "task_reporter"])
def test_setup_of_a_task_cannot_stand_in_setup_of_a_node(block):
    """W-4: it would have to run for all tasks of the node."""
    with TaskGroup() as group, Task():
        with ops.local_init():
            with getattr(ops, block)():
                ops.Const(1)

    with pytest.raises(AssertionError, match=r"local setup of node 'local' has a .* inside"):
        group.to_task()


def test_a_task_that_runs_what_was_compiled_before_does_not_set_it_up_again():
    """Steps remember what they have around them already."""
    with TaskGroup() as group, Task(outputs=["r"]):
        for block in (ops.task_init, ops.task_instance_init, ops.local_init, ops.task_reporter):
            with block():
                ops.Const(1)
    compiled = group.to_task().get_step()

    with TaskGroup() as outer:
        Task(step=compiled, outputs=["r"])

    again = outer.to_task().get_step().Proto()
    again.ClearField("create_workspace")
    assert again == compiled.Proto()


def test_setup_objects_are_asked_where_no_builder_is_open():
    """W-24: what they build is not named after, or put into, whatever is open where the task is compiled."""

    class Looks:
        def setup(self, init_net):
            self.builder = NetBuilder.current(required=False)
            self.net = Net("made")
            return self.net

    looks = Looks()
    with Task(), NetBuilder("open"):
        Task(step=net_with(looks, key=Task.TASK_SETUP)).get_step()

    assert (looks.builder, looks.net.Name()) == (None, "made")
