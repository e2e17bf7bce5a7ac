"""Branches and loops: the steps that they are made of. All of them stand in tests/golden/control.txt.

Numbers are those of the checklist.
"""

from pathlib import Path
from typing import Any

import pytest

from taskplan.builder import control
from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.plan import Plan
from taskplan.builder.scope import NameScope
from taskplan.builder.steps import execution_step
from taskplan.errors import BuildTypeError, BuildValueError
from taskplan.plan.text import plan_text, step_tree

GOLDEN = Path(__file__).parent.parent / "golden" / "control.txt"

COND = BlobReference("cond")


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


def condition_net(name="is_large", blob="large"):
    net = Net(name)
    net.AddExternalOutput(net.Const(True, blob_out=blob))
    return net


def tree_of(step):
    return step_tree(step.to_model())


def constructs():
    """A program with each function of `control`, over nets and over steps."""
    work, other = Net("work"), Net("other")
    net, other_net = condition_net(), condition_net("is_small", "small")
    step = execution_step("step", other)
    yield control.Do("do", work, step)
    yield control.DoParallel("parallel", work, other, step)
    yield control.Do("constants", control.BoolNet((COND, True), ("other", False)))
    yield control.If("if_blob", COND, work)
    yield control.If("if_net", net, work)
    yield control.If("if_net_else", net, [work, other], step)
    yield control.IfNot("if_not_blob", COND, [work, step])
    yield control.IfNot("if_not_net_else", net, work, other)
    yield control.For("for", [work, step], 3)
    yield control.While("while_blob", COND, work)
    yield control.While("while_net", net, [step, work])
    yield control.Until("until_blob", COND, [work, other])
    yield control.Until("until_net", net, step)
    yield control.DoWhile("do_while_blob", COND, work)
    yield control.DoWhile("do_while_net", net, step)
    yield control.DoUntil("do_until_blob", COND, work)
    yield control.DoUntil("do_until_net", net, [work, other])
    yield control.Switch("switch", (COND, work), (net, step))
    yield control.SwitchNot("switch_not", (COND, work), (net, step))
    yield control.Do("combine", control.CombineConditions("both", [net, other_net], "And"))
    yield control.Do("merge", control.MergeConditionNets("either", [net, other_net], "Or"))


def test_each_construct_looks_as_in_the_golden_file():
    plan = Plan("control")
    for step in constructs():
        plan.AddStep(step)

    assert plan_text(plan.to_model()) + "\n" == GOLDEN.read_text()


# --- sequences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [control.Do, control.DoParallel], ids=["Do", "DoParallel"])
def test_a_single_step_is_returned_as_it_is(function):
    step = execution_step("s", Net("n"))

    assert function("name", step) is step


@pytest.mark.parametrize("function", [control.Do, control.DoParallel], ids=["Do", "DoParallel"])
def test_without_anything_to_run_there_is_no_step(function):
    with pytest.raises(ValueError, match="control step 'name' has nothing to run"):
        function("name")


def test_what_is_run_may_be_given_as_one_list():
    net, other = Net("n"), Net("m")

    assert tree_of(control.Do("a", [net, other])) == "[a/Do] num_iter=1 nets=n,m"


def test_117_each_net_that_runs_in_parallel_has_a_step():
    """Nets of one step run one after the other, also if the step is concurrent."""
    step = control.DoParallel("p", Net("a"), Net("b"), execution_step("s", Net("c")))

    assert tree_of(step) == (
        "[p/DoParallel] num_iter=1 concurrent_substeps=true\n"
        "  [step] num_iter=1 nets=a\n"
        "  [step_1] num_iter=1 nets=b\n"
        "  [s] num_iter=1 nets=c"
    )


# --- names and lines --------------------------------------------------------------------------------------------------


def test_names_that_are_taken_get_a_number_that_all_kinds_share():
    steps = [control.Do(name, Net("n")) for name in ("a", "a", "b", "b", "a")]

    assert [step.Name() for step in steps] == ["a/Do", "a/Do_1", "b/Do", "b/Do_2", "a/Do_3"]


def test_names_start_again_in_a_fresh_context():
    first = control.Do("a", Net("n")).Name()
    with fresh_names():
        second = control.Do("a", Net("n")).Name()

    assert first == second == "a/Do"


def test_the_name_scope_comes_before_the_name():
    with NameScope("scope"):
        step = control.Do("a", Net("n"))

    assert step.Name() == "scope/a/Do"


def test_every_part_has_the_line_of_the_call():
    plan = Plan(control.If("a", condition_net(), Net("t"), Net("f"))).to_model()

    made_here = [plan.steps[0], *plan.steps[0].steps]
    assert {(step.site.file, step.site.function) for step in made_here} == {
        (__file__, "test_every_part_has_the_line_of_the_call")
    }


# --- branches and loops -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", ["blob", "net"])
@pytest.mark.parametrize("function", [control.If, control.IfNot], ids=["If", "IfNot"])
def test_116_both_branches_depend_on_a_copy_of_the_condition(function, condition):
    """A branch may change the condition; the copy is made before, and no branch writes it."""
    given: Any = COND if condition == "blob" else condition_net()
    plan = Plan(function("a", given, Net("t"), Net("f"))).to_model()
    nets = {net.name: net for net in plan.nets}
    sample, *branches = plan.steps[0].steps

    [copy] = nets[sample.nets[-1]].ops
    guards = [nets[branch.nets[0]].ops[0] for branch in branches]

    assert (copy.type, copy.inputs) == ("Copy", ("cond" if condition == "blob" else "large",))
    assert [guard.inputs for guard in guards] == [copy.outputs] * 2
    assert [guard.type for guard in guards] == ["Not", "Copy"]
    assert [branch.until for branch in branches] == [guard.outputs[0] for guard in guards]
    assert [branch.only_once for branch in branches] == [True, True]
    assert [branch.nets[1] for branch in branches] == (["t", "f"] if function is control.If else ["f", "t"])


def test_115_a_count_must_not_be_negative():
    with pytest.raises(RuntimeError, match="init_count=-1"):
        control.For("a", Net("n"), -1)


def test_115_a_loop_counts_down_before_its_body():
    plan = Plan(control.For("a", [Net("x"), Net("y")], 4)).to_model()
    init, loop = plan.steps[0].steps
    nets = {net.name: net for net in plan.nets}

    [create], [count_down] = nets[init.nets[0]].ops, nets[loop.nets[0]].ops

    assert create.arguments["init_count"] == 4
    assert count_down.inputs == create.outputs
    assert loop.until == count_down.outputs[0]
    assert loop.nets[1:] == ("x", "y")


def test_118_a_condition_net_is_run_once_in_a_switch():
    step = control.Switch("a", (condition_net("first"), Net("x")), (condition_net("second"), Net("y")))

    assert tree_of(step).count("first") == 1
    assert tree_of(step).count("second") == 1


def test_nested_constructs_are_bodies_of_one_another():
    inner = control.For("inner", Net("n"), 2)

    outer = control.For("outer", inner, 3)

    assert tree_of(outer).count("should_stop_blob=") == 2
    assert inner.Name() in tree_of(outer)


# --- conditions -------------------------------------------------------------------------------------------------------


def test_the_condition_of_a_net_is_its_last_external_output():
    net = condition_net()
    net.AddExternalOutput(net.Const(False, blob_out="last"))

    assert control.GetConditionBlobFromNet(net) == "last"


def test_a_net_without_external_output_is_no_condition():
    with pytest.raises(BuildValueError, match="net 'n' is used as a condition, but has no external output"):
        control.If("a", Net("n"), Net("t"))


def test_a_stop_blob_must_be_a_reference():
    condition: Any = "cond"

    with pytest.raises(BuildTypeError, match="the stop blob must be a BlobReference, got 'cond'"):
        control.Until("a", condition, Net("n"))


@pytest.mark.parametrize("function", [control.CombineConditions, control.MergeConditionNets], ids=["blobs", "bodies"])
def test_conditions_are_combined_from_a_list(function):
    assert function("a", [], "And") is None
    assert function("a", None, "And") is None
    with pytest.raises(ValueError, match="conditions are combined from a list of nets, got"):
        function("a", (condition_net(),), "And")


def test_of_one_condition_blob_a_copy_is_made():
    net = condition_net()

    combined = control.CombineConditions("a", [net], "And")

    assert combined is not None
    [copy] = combined.to_model().ops
    assert (copy.type, copy.inputs) == ("Copy", ("large",))
    assert control.GetConditionBlobFromNet(combined) == copy.outputs[0]


def test_a_single_net_is_merged_already():
    net = condition_net()

    assert control.MergeConditionNets("a", [net], "And") is net


def test_merged_nets_do_the_work_of_all_and_keep_their_attributes():
    nets = [condition_net("first", "a"), condition_net("second", "b"), condition_net("third", "c")]
    for net in nets:
        net.AddExternalInput("shared")
        net.add_attribute("key", net.Name())

    merged = control.MergeConditionNets("all", nets, "And")

    assert merged is not None
    model = merged.to_model()
    assert [op.type for op in model.ops] == ["ConstantFill"] * 3 + ["And"] * 2
    assert [op.inputs for op in model.ops[3:]] == [("a", "b"), (model.ops[3].outputs[0], "c")]
    assert model.external_inputs == ("shared",)
    assert control.GetConditionBlobFromNet(merged) == model.ops[4].outputs[0]
    assert merged.get_attributes("key") == ["first", "second", "third"]
    assert [net.get_attributes("key") for net in nets] == [["first"], ["second"], ["third"]]


def test_combined_blobs_come_from_outside():
    combined = control.CombineConditions("all", [condition_net("first", "a"), condition_net("second", "b")], "Or")

    assert combined is not None
    assert combined.to_model().external_inputs == ("a", "b")
