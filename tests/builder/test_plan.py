"""Plans: what they hold, as of when, and what becomes of it. Numbers are those of the checklist."""

import pytest

from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.plan import Plan
from taskplan.builder.steps import ExecutionStep, execution_step
from taskplan.errors import BuildError, BuildTypeError, BuildValueError, ClosedError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.codec import plan_from_proto
from taskplan.plan.text import plan_tree


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


def names_of(nets):
    return [net.Name() for net in nets]


def test_a_plan_is_made_of_a_name_or_of_a_step():
    step = execution_step("s", Net("n"))

    named, of_step = Plan("p"), Plan(step)

    assert (named.Name(), named.Steps()) == ("p", [])
    assert (str(of_step), of_step.Steps()) == ("s", [step])


@pytest.mark.parametrize("given", [3, None, ["p"]])
def test_a_plan_is_made_of_nothing_else(given):
    with pytest.raises(BuildValueError, match="a plan is made of a name or a step, got"):
        Plan(given)


def test_names_of_plans_are_not_made_unique():
    assert Plan("p").Name() == Plan("p").Name()


def test_34_each_net_is_held_once_depth_first_in_order_of_use():
    a, b, c, d = (Net(name) for name in "abcd")
    plan = Plan("p")

    plan.AddStep(execution_step("s", [execution_step("t", [b, a]), execution_step("u", [execution_step("v", [c, b])])]))
    plan.AddStep(execution_step("w", [a, d]))

    assert names_of(plan.Nets()) == ["b", "a", "c", "d"]
    assert [net.name for net in plan.Proto().network] == ["b", "a", "c", "d"]
    assert [step.name for step in plan.Proto().execution_step] == ["s", "w"]


def test_the_report_net_comes_after_what_the_step_runs():
    step = ExecutionStep("s")
    step.SetReportNet(Net("r"), 1)
    step.AddNet(Net("n"))

    assert names_of(Plan(step).Nets()) == ["n", "r"]


def test_29_a_step_in_a_plan_takes_no_change():
    step = execution_step("s", Net("n"))
    plan = Plan(step)

    with pytest.raises(ClosedError, match=r"step 's' .* is closed"):
        step.SetIter(2)

    assert plan.Proto().execution_step[0].num_iter == 1


def test_30_an_empty_step_is_left_out():
    empty = execution_step("empty", None)

    plan = Plan(empty)

    assert plan.Steps() == []
    assert len(plan.Proto().execution_step) == 0
    with pytest.raises(ClosedError):
        empty.AddNet(Net("n"))


def test_35_two_different_nets_of_one_name_cannot_be_in_one_plan():
    with fresh_names():
        plan = Plan(execution_step("s", Net("n")))

    with fresh_names(), pytest.raises(AssertionError, match="plan 's' would have two different nets named 'n'"):
        plan.AddStep(execution_step("t", Net("n")))


@pytest.mark.parametrize("given", ["n", pb.NetDef(name="n"), None])
def test_only_steps_are_added_as_steps_and_nets_as_nets(given):
    with pytest.raises(AssertionError, match="AddStep takes an ExecutionStep, got"):
        Plan("p").AddStep(given)
    with pytest.raises(BuildTypeError, match="plan 'p' takes nets, got"):
        Plan("p").AddNets([given])


def test_a_net_that_is_known_by_name_only_must_be_added_before():
    net = Net("n")
    plan = Plan("p")
    with pytest.raises(AssertionError, match="step 's' runs net 'n', which is known by its name only"):
        plan.AddStep(ExecutionStep("s", ["n"]))

    plan.AddNets([net])
    plan.AddStep(ExecutionStep("s", ["n"]))

    assert plan.Nets() == [net]
    assert plan_tree(plan.to_model()) == "plan p\n  [s] nets=n"


def test_a_plan_holds_nets_as_they_were_when_they_were_added():
    net = Net("n")
    net.Const(1, blob_out="a")
    plan = Plan(execution_step("s", net))

    net.Const(2, blob_out="b")

    assert len(plan.Proto().network[0].op) == 1
    assert len(plan.to_model().nets[0].ops) == 1


def test_attributes_of_all_nets_come_in_order_of_first_use():
    a, b = Net("a"), Net("b")
    a.add_attribute("key", 1)
    b.add_attribute("key", 2)

    assert Plan(execution_step("s", [b, a])).get_all_attributes("key") == [2, 1]


def test_36_a_plan_made_of_a_message_has_the_same_steps_and_as_many_nets():
    a, b = Net("a"), Net("b")
    a.Const(1, blob_out="x")
    plan = Plan("p")
    plan.AddStep(execution_step("s", [execution_step("t", [a, b], num_iter=3), execution_step("u", [b])]))
    plan.AddStep(execution_step("v", [a], create_workspace=True))

    with fresh_names():
        made = Plan.create_from_proto(plan.Proto())

    assert made.Proto() == plan.Proto()
    assert [step.Proto() for step in made.Steps()] == [step.Proto() for step in plan.Steps()]
    assert names_of(made.Nets()) == names_of(plan.Nets())


def test_nets_of_a_plan_made_of_a_message_get_names_that_are_free():
    plan = Plan(execution_step("s", [Net("n"), Net("m")]))

    made = Plan.create_from_proto(plan.Proto())

    assert names_of(made.Nets()) == ["n_1", "m_1"]
    assert list(made.Proto().execution_step[0].network) == ["n_1", "m_1"]


def test_a_net_that_no_step_runs_is_lost_on_the_way():
    message = pb.PlanDef(name="p", network=[pb.NetDef(name="n"), pb.NetDef(name="spare")])
    message.execution_step.add(name="s").network.append("n")

    assert names_of(Plan.create_from_proto(message).Nets()) == ["n"]


@pytest.mark.parametrize("given", ["p", b"", pb.NetDef()])
def test_what_is_no_message_of_a_plan_is_refused(given):
    with pytest.raises(BuildTypeError, match="create_from_proto takes a PlanDef message, got"):
        Plan.create_from_proto(given)


def test_unknown_fields_survive_in_plan_step_net_and_operator():
    unknown = b"\xc2\x3e\x05later"
    net = pb.NetDef(name="n", op=[pb.OperatorDef.FromString(b"\x22\x04Stop" + unknown)])
    net.MergeFromString(unknown)
    step = pb.ExecutionStep.FromString(b"\x0a\x01s\x1a\x01n" + unknown)
    message = pb.PlanDef(name="p", network=[net], execution_step=[step])
    message.MergeFromString(unknown)

    made = Plan.create_from_proto(message)

    assert made.Proto().SerializeToString() == message.SerializeToString()


# --- the model --------------------------------------------------------------------------------------------------------


def test_the_model_says_what_the_message_says():
    a, b = Net("a"), Net("b")
    a.Const(1.5, blob_out="x")
    plan = Plan(execution_step("s", [execution_step("t", a, num_iter=3), execution_step("u", b)]))

    read = plan_from_proto(pb.PlanDef.FromString(plan.Proto().SerializeToString()))

    assert plan_tree(plan.to_model()) == plan_tree(read)
    assert [op.arguments for net in plan.to_model().nets for op in net.ops] == [
        op.arguments for net in read.nets for op in net.ops
    ]


def test_the_model_has_the_lines_of_nets_operators_and_steps():
    net = Net("n")
    net.Const(1)
    step = execution_step("s", net)

    plan = Plan(step).to_model()

    assert plan.steps[0].site == step.site
    assert plan.nets[0].site.function == "test_the_model_has_the_lines_of_nets_operators_and_steps"
    assert plan.nets[0].ops[0].site.line == plan.nets[0].site.line + 1


def test_changes_of_the_message_count_and_keep_what_is_known():
    net = Net("n")
    net.Python(print)([], ["x"])
    net.Const(1, blob_out="y")
    plan = Plan(execution_step("s", net))
    before = plan.to_model().nets[0]

    message = plan.Proto()
    message.execution_step[0].num_iter = 9
    message.execution_step.add(name="added").network.append("n")
    message.network[0].op.add(type="Free", input=["y"], output=["y"])
    after = plan.to_model()

    assert plan_tree(after) == "plan s\n  [s] num_iter=9 nets=n\n  [added] nets=n"
    assert [op.type for op in after.nets[0].ops] == [*(op.type for op in before.ops), "Free"]
    assert after.nets[0].ops[:2] == before.ops
    assert after.nets[0].ops[0].function is print
    assert after.nets[0].ops[2].site.line == 0


def test_a_message_that_was_only_read_leaves_the_model_as_it_is():
    net = Net("n")
    net.Const(1)
    plan = Plan(execution_step("s", net))
    before = plan.to_model()

    plan.Proto().SerializeToString()

    assert plan.to_model() == before


def test_a_step_that_is_added_after_the_message_was_handed_out_is_there():
    plan = Plan("p")
    plan.Proto().name = "renamed"

    plan.AddStep(execution_step("s", Net("n")))

    assert plan_tree(plan.to_model()) == "plan renamed\n  [s] num_iter=1 nets=n"
    assert names_of(plan.Nets()) == ["n"]


def test_nets_of_closing_steps_are_in_the_model_and_not_in_the_message():
    """Caffe2 has no closing steps, and runs plans of ours."""
    step, tidy = execution_step("s", Net("n")), execution_step("tidy", [Net("m"), Net("o")])
    tidy.closing = [execution_step("last", Net("p"))]
    step.closing = [tidy]

    plan = Plan(execution_step("root", [step]))

    assert [net.name for net in plan.to_model().nets] == ["n", "m", "o", "p"]
    assert [net.name for net in plan.Proto().network] == ["n"]


def test_a_closing_net_that_is_also_run_is_held_once():
    net = Net("n")
    step = execution_step("s", net)
    step.closing = [execution_step("tidy", net)]

    assert [net.name for net in Plan(step).to_model().nets] == ["n"]


def test_a_closing_net_cannot_have_the_name_of_another():
    with fresh_names():
        step = execution_step("s", Net("n"))
    with fresh_names():
        step.closing = [execution_step("tidy", Net("n"))]

    with pytest.raises(BuildError, match="two different nets named 'n'"):
        Plan(step)
