"""Execution steps: what they take, when they close, and what becomes of them. Numbers are those of the checklist."""

from typing import Any

import pytest
from google.protobuf import text_format

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.scope import NameScope
from taskplan.builder.steps import (
    ExecutionStep,
    add_nets_in_order,
    execution_step,
    scoped_execution_step,
    to_execution_step,
)
from taskplan.errors import BuildError, BuildKeyError, BuildTypeError, BuildValueError, ClosedError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.text import step_tree

STOP = BlobReference("stop")


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


def two_nets_of_one_name():
    """Names are unique in a naming context; a second context gives the same name again."""
    with fresh_names():
        first = Net("net")
    with fresh_names():
        return first, Net("net")


def tree_of(step):
    return step_tree(step.to_model())


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_step_without_a_name_is_numbered():
    assert [str(ExecutionStep(name)) for name in ("", None, "")] == ["step", "step_1", "step_2"]


def test_a_name_that_is_given_is_not_made_unique():
    assert [ExecutionStep("s").Name(), ExecutionStep("s").Name()] == ["s", "s"]


def test_a_scoped_step_has_the_name_scope_before_its_name():
    with NameScope("outer"):
        step, unscoped = scoped_execution_step("s", Net("n"), num_iter=2), execution_step("s", None)

    assert tree_of(step) == "[outer/s] num_iter=2 nets=n"
    assert unscoped.Name() == "s"


# --- nets and substeps ------------------------------------------------------------------------------------------------


def test_28_a_step_with_nets_takes_no_substep():
    step = execution_step("s", Net("n"))

    with pytest.raises(BuildError, match="step 's' runs nets, so it cannot run step"):
        step.AddSubstep(execution_step("t", Net("m")))


def test_28_a_step_with_substeps_takes_no_net():
    step = execution_step("s", execution_step("t", Net("n")))

    with pytest.raises(AssertionError, match="step 's' runs steps, so it cannot run net 'm' too"):
        step.AddNet(Net("m"))


def test_a_step_takes_nets_messages_and_names_and_counts_repeats_once():
    net = Net("a")

    step = ExecutionStep("s", [net, pb.NetDef(name="b"), "c", net, "c"])

    assert list(step.Proto().network) == ["a", "b", "c"]
    assert step.Nets() == [net]
    assert not step.Proto().HasField("num_iter")


def test_a_net_that_is_added_twice_runs_twice():
    net = Net("a")

    step = ExecutionStep("s").AddNet(net).AddNet(net)

    assert list(step.Proto().network) == ["a", "a"]
    assert step.Nets() == [net]


@pytest.mark.parametrize(
    "add",
    [ExecutionStep("s").AddNet, lambda net: ExecutionStep("s", [net]), lambda net: ExecutionStep("s", net)],
    ids=["added", "listed", "given"],
)
def test_what_is_no_net_is_refused(add):
    with pytest.raises(BuildTypeError, match=r"step 's'.* takes .*, got 3"):
        add(3)


def test_a_single_string_is_no_list_of_names():
    with pytest.raises(BuildTypeError, match="step 's' takes a net or a list of nets, got 'net'"):
        ExecutionStep("s", "net")


@pytest.mark.parametrize("wrong", [None, 3, pb.NetDef(name="net")], ids=repr)
def test_what_is_no_step_is_refused_as_a_substep(wrong):
    with pytest.raises(BuildTypeError, match="step 's': AddSubstep takes an ExecutionStep"):
        ExecutionStep("s").AddSubstep(wrong)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_35_two_different_nets_of_one_name_cannot_be_in_one_step(depth):
    first, second = two_nets_of_one_name()
    parts: list[Any] = [first, second]
    for _ in range(depth):
        parts = [execution_step("inner", part) for part in parts]

    with pytest.raises(AssertionError, match="two different nets named 'net'"):
        execution_step("s", parts)


def test_nets_are_all_of_the_subtree_in_order_of_first_use():
    a, b, c, report = Net("a"), Net("b"), Net("c"), Net("report")
    inner = execution_step("inner", [b, a], report_net=report, report_interval=1)

    step = execution_step("s", [inner, execution_step("t", [a, c])])

    assert step.Nets() == [b, a, report, c]
    assert step.get_net("c") is c


def test_a_net_that_is_not_there_cannot_be_got():
    with pytest.raises(BuildKeyError, match="step 's' runs no net 'b'; its nets are \\['a'\\]"):
        execution_step("s", Net("a")).get_net("b")


def test_attributes_of_all_nets_come_in_order_of_first_use():
    a, b = Net("a"), Net("b")
    for net, value in ((a, 1), (b, 2), (a, 3)):
        net.add_attribute("key", value)

    step = execution_step("s", [execution_step("t", b), execution_step("u", [a, b])])

    assert step.get_all_attributes("key") == [2, 1, 3]
    assert step.get_all_attributes("other") == []


# --- closing ----------------------------------------------------------------------------------------------------------

CHANGES = {
    "AddNet": lambda step: step.AddNet(Net("late")),
    "AddSubstep": lambda step: step.AddSubstep(execution_step("late", Net("late"))),
    "SetIter": lambda step: step.SetIter(2),
    "SetConcurrentSubsteps": lambda step: step.SetConcurrentSubsteps(True),
    "SetNumConcurrentInstances": lambda step: step.SetNumConcurrentInstances(2),
    "SetOnlyOnce": lambda step: step.SetOnlyOnce(True),
    "SetShouldStopBlob": lambda step: step.SetShouldStopBlob(STOP),
    "SetCreateWorkspace": lambda step: step.SetCreateWorkspace(True),
    "RunEveryMillis": lambda step: step.RunEveryMillis(10),
    "SetReportNet": lambda step: step.SetReportNet(Net("late"), 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_29_a_step_in_a_parent_takes_no_change(change):
    """Also `RunEveryMillis`, which Caffe2 lets through though the parent does not learn of it."""
    step = execution_step("s", Net("n"))
    parent = execution_step("parent", step)
    before = parent.Proto().SerializeToString()

    with pytest.raises(ClosedError, match=r"step 's' .* is closed"):
        CHANGES[change](step)

    assert parent.Proto().SerializeToString() == before


def test_a_closed_step_may_be_put_into_further_parents():
    step = execution_step("s", Net("n"))

    parents = [execution_step("a", step), execution_step("b", [step, step])]

    assert [len(parent.Substeps()) for parent in parents] == [1, 2]


def test_a_parent_holds_a_copy_of_the_message_of_that_moment():
    step = execution_step("s", Net("n"))
    parent = execution_step("parent", step)

    step.Proto().num_iter = 7

    assert tree_of(parent) == "[parent] num_iter=1\n  [s] num_iter=1 nets=n"


def test_a_copy_of_a_closed_step_is_open_and_does_the_same():
    step = execution_step("s", [execution_step("t", Net("n"))])
    step.settled = frozenset({"key"})
    step.timeout_s = 1.5
    execution_step("parent", step)

    copy = step.copy()
    copy.SetIter(3)

    assert tree_of(copy) == "[s] num_iter=3 timeout_s=1.5\n  [t] num_iter=1 nets=n"
    assert tree_of(step) == "[s] num_iter=1 timeout_s=1.5\n  [t] num_iter=1 nets=n"
    assert (copy.site, copy.settled, copy.Nets()) == (step.site, step.settled, step.Nets())


def test_30_an_empty_step_is_left_out_and_closed():
    empty = execution_step("empty", None)

    parent = execution_step("parent", [empty, execution_step("s", Net("n"))])

    assert tree_of(parent) == "[parent] num_iter=1\n  [s] num_iter=1 nets=n"
    with pytest.raises(ClosedError):
        empty.AddNet(Net("late"))


# --- flags ------------------------------------------------------------------------------------------------------------


def test_every_flag_is_written():
    step = execution_step(
        "s",
        [execution_step("t", Net("n"))],
        report_net=Net("r"),
        report_interval=5,
        concurrent_substeps=True,
        should_stop_blob=STOP,
        only_once=True,
        num_concurrent_instances=2,
        create_workspace=True,
        run_every_ms=70,
    )

    assert tree_of(step).splitlines()[0] == (
        "[s] concurrent_substeps=true report_net=r report_interval=5 should_stop_blob=stop only_once=true "
        "run_every_ms=70 create_workspace=true num_concurrent_instances=2"
    )


def test_31_without_a_count_and_a_stop_blob_a_step_runs_once():
    assert execution_step("s", Net("n")).Proto() == pb.ExecutionStep(name="s", network=["n"], num_iter=1)
    assert not execution_step("s", Net("m"), should_stop_blob=STOP).Proto().HasField("num_iter")
    assert execution_step("s", None, num_iter=0).Proto().num_iter == 0


def test_32_a_count_and_a_stop_blob_exclude_each_other():
    with pytest.raises(AssertionError, match="num_iter=2 and stop blob 'stop'; give one of them"):
        execution_step("s", Net("n"), num_iter=2, should_stop_blob=STOP)


@pytest.mark.parametrize("content", [("n", "m"), "net", 3, {"a": 1}])
def test_32_what_is_no_net_step_or_list_is_no_step(content):
    with pytest.raises(ValueError, match="step 's' must be made of a net, a step or a list of these, got"):
        execution_step("s", content)


@pytest.mark.parametrize("content", [None, [], ()])
def test_nothing_makes_an_empty_step(content):
    step = execution_step("s", content)

    assert not step.HasNets()
    assert not step.HasSubsteps()


@pytest.mark.parametrize("flags", [{"only_once": False}, {"run_every_ms": 0}, {"create_workspace": False}])
def test_flags_that_say_nothing_are_not_written(flags):
    assert execution_step("s", None, **flags).Proto() == pb.ExecutionStep(name="s", num_iter=1)


def test_with_a_stop_blob_an_explicit_false_is_kept():
    assert execution_step("s", None, should_stop_blob=STOP, only_once=False).Proto().HasField("only_once")


def test_a_report_net_needs_an_interval():
    with pytest.raises(AssertionError, match="report net 'r', but no report_interval"):
        execution_step("s", Net("n"), report_net=Net("r"))


@pytest.mark.parametrize("interval", [0, -5])
def test_a_reporter_needs_a_positive_interval(interval):
    with pytest.raises(BuildValueError, match=f"step 's': a reporter's interval must be at least 1 ms, got {interval}"):
        ExecutionStep("s").RunEveryMillis(interval)


@pytest.mark.parametrize("method", ["SetIter", "SetNumConcurrentInstances", "RunEveryMillis"])
def test_a_number_must_be_whole(method):
    with pytest.raises(TypeError, match=f"step 's': {method} takes a whole number, got 1.5"):
        getattr(ExecutionStep("s"), method)(1.5)


@pytest.mark.parametrize("blob", ["stop", None])
def test_a_stop_blob_must_be_a_reference(blob):
    with pytest.raises(AssertionError, match="step 's': the stop blob must be a BlobReference, got"):
        ExecutionStep("s").SetShouldStopBlob(blob)


def test_nets_cannot_be_made_concurrent():
    with pytest.raises(AssertionError, match="step 's' runs nets, which run one after the other"):
        execution_step("s", Net("n")).SetConcurrentSubsteps(True)


# --- lists and builders -----------------------------------------------------------------------------------------------


def test_a_list_of_nets_is_run_net_by_net():
    assert tree_of(execution_step("s", [Net("a"), Net("b")])) == "[s] num_iter=1 nets=a,b"


def test_33_in_a_mixed_list_each_net_becomes_a_step():
    step = execution_step("s", [Net("a"), execution_step("t", Net("b")), [Net("c"), Net("d")], Net("e")])

    assert tree_of(step) == (
        "[s] num_iter=1\n"
        "  [step] num_iter=1 nets=a\n"
        "  [t] num_iter=1 nets=b\n"
        "  [step_1] num_iter=1 nets=c,d\n"
        "  [step_2] num_iter=1 nets=e"
    )


def test_a_step_is_a_step_already():
    step = execution_step("s", Net("n"))

    assert to_execution_step(step, "another name") is step


def test_a_builder_becomes_a_step_of_its_name():
    with NetBuilder("b") as builder:
        builder.add(Net("n"))

    assert tree_of(to_execution_step(builder)) == "[b] num_iter=1 nets=b/n"
    assert tree_of(to_execution_step([builder, Net("m")], "s")) == (
        "[s] num_iter=1\n  [b] num_iter=1 nets=b/n\n  [step] num_iter=1 nets=m"
    )


def test_nets_are_listed_depth_first_with_the_report_net_last():
    a, b, c, report = (Net(name) for name in ("a", "b", "c", "report"))
    first = execution_step("first", [b, a], report_net=report, report_interval=1)
    names = ["known", "a"]

    add_nets_in_order(execution_step("s", [first, execution_step("second", [c, b])]), names)

    assert names == ["known", "a", "b", "report", "c"]


# --- messages ---------------------------------------------------------------------------------------------------------


def test_changes_of_the_message_count():
    step = execution_step("s", [execution_step("t", Net("a")), execution_step("u", Net("b"))])

    message = step.Proto()
    message.num_iter = 5
    message.substep[0].run_every_ms = 70
    message.substep.add(name="added").network.append("b")

    assert tree_of(step) == (
        "[s] num_iter=5\n  [t] num_iter=1 run_every_ms=70 nets=a\n  [u] num_iter=1 nets=b\n  [added] nets=b"
    )


def test_lines_follow_the_steps_when_the_message_is_edited():
    step = execution_step("s", [execution_step("t", Net("a")), execution_step("u", Net("b"))])
    lines = {child.Name(): child.site for child in step.Substeps()}

    del step.Proto().substep[0]
    step.Proto().substep.add(name="added").network.append("b")
    kept, added = step.to_model().steps

    assert kept.site == lines["u"]
    assert added.site.line == 0


def test_a_message_can_be_a_substep_whose_nets_are_unknown():
    message = pb.ExecutionStep(name="raw", network=["n"])

    step = ExecutionStep("s").AddSubstep(message).AddSubstep(execution_step("t", Net("m")))
    message.name = "changed"

    assert tree_of(step) == "[s]\n  [raw] nets=n\n  [t] num_iter=1 nets=m"
    assert [net.Name() for net in step.Nets()] == ["m"]
    assert [child.Name() for child in step.Substeps()] == ["t"]


def test_unknown_fields_survive_in_the_message():
    unknown = b"\xc2\x3e\x05later"
    step = execution_step("s", Net("n"))
    step.Proto().MergeFromString(unknown)

    parent = execution_step("parent", step)

    assert unknown in parent.Proto().SerializeToString()
    assert unknown in parent.copy().Proto().SerializeToString()


def test_a_step_is_made_of_a_message():
    step = execution_step("s", [execution_step("t", [Net("a"), Net("b")], num_iter=3), execution_step("u", Net("c"))])
    protos = {net.Name(): net.Proto() for net in step.Nets()}

    with fresh_names():
        made = ExecutionStep.create_from_proto(step.Proto(), {}, protos)

    assert made.Proto() == step.Proto()
    assert [net.Proto() for net in made.Nets()] == [net.Proto() for net in step.Nets()]


def test_a_step_made_of_a_message_uses_the_nets_that_are_there_and_drops_the_report_net():
    given = Net("given")
    message = pb.ExecutionStep(name="s", network=["x", "y"], report_net="r", report_interval=1)
    objects = {"x": given}

    step = ExecutionStep.create_from_proto(message, objects, {"y": pb.NetDef(name="given")})

    assert step.Nets()[0] is given
    assert list(step.Proto().network) == ["given", "given_1"]
    assert objects["y"].Name() == "given_1"
    assert not step.Proto().HasField("report_net")


@pytest.mark.parametrize("content", ["", 'network: "n"', 'network: "n" substep { network: "n" }'])
def test_a_message_that_is_no_whole_step_is_refused(content):
    message = text_format.Parse(f'name: "s" {content}', pb.ExecutionStep())

    with pytest.raises(AssertionError, match=r"step 's' (must have nets or substeps|runs net 'n', which is not there)"):
        ExecutionStep.create_from_proto(message, {}, {})


# --- lines and what only the model has --------------------------------------------------------------------------------


def test_a_step_knows_the_line_that_made_it():
    by_hand, by_helper = ExecutionStep("a", Net("n")), execution_step("b", [[Net("m")]])

    assert by_hand.site == by_helper.site == by_helper.to_model().steps[0].site
    assert by_hand.site.file == __file__
    assert by_hand.site.function == "test_a_step_knows_the_line_that_made_it"


def test_what_the_message_has_no_place_for_is_in_the_model_only():
    task, closing = execution_step("t", Net("n")), execution_step("tidy", Net("m"))
    task.closing = [closing]
    task.timeout_s, task.task_name, task.node_name = 2.5, "w/task", "w"

    root = execution_step("root", [task])

    assert tree_of(root) == (
        "[root] num_iter=1\n"
        "  [t] num_iter=1 timeout_s=2.5 nets=n (task w/task on w)\n"
        "    finally [tidy] num_iter=1 nets=m"
    )
    assert root.Proto().substep[0] == pb.ExecutionStep(name="t", network=["n"], num_iter=1)
