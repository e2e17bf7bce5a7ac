"""Statements 8 to 27 of the checklist: references to blobs, name scopes, and the operators of nets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import BoomError, boom

import taskplan as tp

UNKNOWN = "NoSuchOperator"

BUILT_AND_CALLED: list[str] = []
"""What operators of `noting_builder` did; a module's global, since builders are pickled into their operators."""


def noting_builder(name: str, *, suffix: str = "") -> Callable[[Any, Any], None]:
    """The builder of a Python operator."""
    BUILT_AND_CALLED.append(f"build {name}{suffix}")
    return lambda inputs, outputs: BUILT_AND_CALLED.append(f"call {name}{suffix}")


@pytest.fixture
def log() -> Iterator[list[str]]:
    BUILT_AND_CALLED.clear()
    yield BUILT_AND_CALLED
    BUILT_AND_CALLED.clear()


@pytest.fixture
def net() -> tp.Net:
    return tp.Net("net")


def external(net: tp.Net) -> list[str]:
    """The names of a net's external inputs."""
    return list(map(str, net.external_inputs))


def kinds(net: tp.Net) -> list[str]:
    """The types of a net's operators."""
    return [op.type for op in net.Proto().op]


def argument_of(value: object) -> Any:
    """The message of an argument, in a call of an operator."""
    [argument] = tp.CreateOperator("Any", [], [], key=value).arg
    return argument


# --- references -------------------------------------------------------------------------------------------------------


def test_008_a_reference_equals_and_hashes_like_its_name(net):
    blob = tp.BlobReference("scope/x", net)

    assert blob == "scope/x"
    assert blob == b"scope/x"
    assert blob == tp.BlobReference("scope/x")
    assert blob != "x"
    assert blob != b"x"
    assert blob != tp.BlobReference("x", net)
    assert blob != 1
    assert hash(blob) == hash("scope/x")
    assert {blob: 1}["scope/x"] == {"scope/x": 1}[blob] == 1


@pytest.mark.parametrize(("given", "name"), [("x", "x"), ("é".encode(), "é"), (12, "12")])
def test_008a_a_name_is_a_str_or_bytes_or_what_str_makes_of_it(given, name):
    blob = tp.BlobReference(given)

    assert str(blob) == name
    assert blob == name
    assert hash(blob) == hash(name)
    assert repr(blob) == f'BlobReference("{name}")'


def test_009_a_str_added_on_either_side_gives_a_reference_of_the_same_net(net):
    blob = tp.BlobReference("x", net)

    after, before = blob + "_grad", "grad_" + blob

    assert (after, before) == ("x_grad", "grad_x")
    assert isinstance(after, tp.BlobReference)
    assert isinstance(before, tp.BlobReference)
    assert after.Net() is net
    assert before.Net() is net


@pytest.mark.parametrize("other", [1, b"y", None, ["y"], tp.BlobReference("y")], ids=repr)
def test_009a_anything_else_cannot_be_added(other):
    blob: Any = tp.BlobReference("x")

    with pytest.raises(RuntimeError, match="only a string can be added"):
        blob + other
    with pytest.raises(RuntimeError, match="only a string can be added"):
        other + blob


# --- scopes -----------------------------------------------------------------------------------------------------------


def test_010_a_name_scope_prefixes_strings_and_automatic_names_but_no_reference(net):
    with tp.NameScope("outer"), tp.NameScope("inner"):
        named = net.Copy("x", "y", control_input=["z"])
        automatic = net.Copy(named)
        untouched = net.Copy(tp.BlobReference("x"), tp.BlobReference("w"), control_input=[tp.BlobReference("z")])

    first, second, third = net.Proto().op
    assert (list(first.input), list(first.output)) == (["outer/inner/x"], ["outer/inner/y"])
    assert list(first.control_input) == ["outer/inner/z"]
    assert (list(second.input), list(second.output)) == (["outer/inner/y"], ["outer/inner/net/Copy"])
    assert (list(third.input), list(third.output)) == (["x"], ["w"])
    assert list(third.control_input) == ["z"]
    assert (named, automatic, untouched) == ("outer/inner/y", "outer/inner/net/Copy", "w")


def test_010a_a_name_scope_leaves_names_of_nets_steps_and_fed_blobs_alone(ws):
    with tp.NameScope("scope"):
        net = tp.Net("net")
        step = tp.execution_step("step", net)
        tp.FeedBlob("x", np.float32(1))

    assert (net.Name(), step.Name()) == ("net", "step")
    assert tp.Blobs() == ["x"]


def test_010b_an_empty_prefix_leaves_the_scope_as_it_is():
    with tp.NameScope("outer"), tp.NameScope(""), tp.NameScope(None):
        assert tp.CurrentNameScope() == "outer/"


def test_011_reset_replaces_the_scope_and_the_old_one_comes_back_after_an_exception():
    with tp.NameScope("outer"):
        with pytest.raises(BoomError, match="mine"), tp.NameScope("other", reset=True):
            assert tp.CurrentNameScope() == "other/"
            raise BoomError("mine")
        assert tp.CurrentNameScope() == "outer/"

    assert tp.CurrentNameScope() == ""


def test_011a_an_empty_scope_lets_exceptions_through():
    """W-36: Caffe2 swallows whatever is raised inside."""
    with tp.NameScope("outer"):
        with pytest.raises(BoomError, match="mine"), tp.EmptyNameScope():
            assert tp.CurrentNameScope() == ""
            raise BoomError("mine")
        assert tp.CurrentNameScope() == "outer/"


def test_011b_a_name_scope_must_be_a_string():
    wrong: Any = 3
    with pytest.raises(AssertionError, match="3"), tp.NameScope(wrong):
        pass

    assert tp.CurrentNameScope() == ""


# --- names ------------------------------------------------------------------------------------------------------------


def test_012_nets_of_one_name_are_numbered():
    nets = [tp.Net("abc") for _ in range(3)]

    assert [net.Name() for net in nets] == ["abc", "abc_1", "abc_2"]
    assert [str(net) for net in nets] == ["abc", "abc_1", "abc_2"]


def test_012a_a_name_that_numbering_has_used_is_taken():
    nets = [tp.Net("abc"), tp.Net("abc"), tp.Net("abc_1")]

    assert [net.Name() for net in nets] == ["abc", "abc_1", "abc_1_1"]


def test_012b_nets_may_have_no_name():
    nets = [tp.Net(""), tp.Net(None)]

    assert [net.Name() for net in nets] == ["", "_1"]


def test_012c_a_net_made_of_a_message_gets_a_free_name_and_leaves_the_message_alone(net):
    message = net.Proto()

    again = tp.Net(message)

    assert again.Name() == "net_1"
    assert message.name == "net"
    assert again.Proto() is not message


def test_012d_a_name_is_free_again_when_its_net_is_gone():
    """Design D10; in Caffe2 names are taken for as long as the process lives."""
    first = tp.Net("abc")
    del first

    assert tp.Net("abc").Name() == "abc"


def test_012e_nets_made_by_several_threads_at_once_have_different_names():
    """W-35: two threads of Caffe2 may get the same name. All build in the naming context of the process."""
    start = threading.Barrier(4)
    nets: list[tp.Net] = []

    def make() -> None:
        start.wait(10)
        nets.extend([tp.Net("made at once") for _ in range(200)])

    makers = [threading.Thread(target=make) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert len({net.Name() for net in nets}) == 800


@pytest.mark.parametrize("wrong", [3, b"net", ["net"]], ids=repr)
def test_012f_a_net_s_name_must_be_a_string(wrong):
    with pytest.raises(TypeError, match="net"):
        tp.Net(wrong)


def test_013_a_net_made_inside_a_builder_is_named_after_it():
    with tp.NetBuilder(name="b"):
        inside = [tp.Net("n"), tp.Net("n")]
    outside = tp.Net("n")

    assert [net.Name() for net in inside] == ["b/n", "b/n_1"]
    assert outside.Name() == "n"


def test_013a_builders_inside_builders_are_named_in_full():
    with tp.NetBuilder(name="a"), tp.NetBuilder(name="b"):
        assert tp.Net("n").Name() == "a/b/n"
        assert tp.Net("").Name() == "a/b"


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_014_outputs_without_names_are_named_after_net_and_operator(net):
    assert net.Copy("x") == "net/Copy"
    assert net.Sum(["x", "x"], 1) == "net/Sum:0"
    assert net.Split("x", 2) == ("net/Split:0", "net/Split:1")


def test_014a_repeated_names_are_counted_from_two(net):
    assert [net.Copy("x") for _ in range(3)] == ["net/Copy", "net/Copy_2", "net/Copy_3"]
    assert [net.Sum("x", 1) for _ in range(3)] == ["net/Sum:0", "net/Sum_2:0", "net/Sum_3:0"]


def test_014b_repeated_names_are_counted_inside_a_scope_too(net):
    with tp.NameScope("scope"):
        assert [net.Copy("x") for _ in range(2)] == ["scope/net/Copy", "scope/net/Copy_2"]


def test_014c_each_net_counts_for_itself(net):
    other = tp.Net("other")

    assert [net.Copy("x"), other.Copy("x")] == ["net/Copy", "other/Copy"]


def test_015_what_comes_back_depends_on_the_number_of_outputs(net):
    none = net.Print("x", [])
    also_none = net.Print("x", 0)
    one = net.Copy("x", ["y"])
    several = net.Split("x", ["a", "b"])

    assert none is None
    assert also_none is None
    assert isinstance(one, tp.BlobReference)
    assert one == "y"
    assert several == ("a", "b")
    assert {type(blob) for blob in several} == {tp.BlobReference}
    assert [blob.Net() for blob in (one, *several)] == [net] * 3


# --- external inputs and outputs --------------------------------------------------------------------------------------


def test_016_an_unknown_input_becomes_an_external_input_once(net):
    net.Add(["x", "x"], "y")
    net.Add(["x", tp.BlobReference("z")], "w")
    net.Copy("y", "v")

    assert external(net) == ["x", "z"]


def test_016a_an_input_of_another_net_becomes_an_external_input(net):
    other = tp.Net("other")
    made = other.Const(1.0)

    net.Copy(made)

    assert external(net) == [str(made)]


def test_016b_a_call_that_is_refused_leaves_the_net_as_it_was(net):
    """W-39: Caffe2 keeps the inputs of operators that were never added."""
    before = net.Proto().SerializeToString()

    with pytest.raises(ValueError, match="values"):
        net.GivenTensorFill("x", "y", values=[1, 2.0])
    with pytest.raises(TypeError):
        net.Copy("x", object())

    assert net.Proto().SerializeToString() == before
    assert net.Copy("x") == "net/Copy"


@pytest.mark.parametrize("wrong", [None, 3, {"x": 1}, [3], [["x"]]], ids=repr)
def test_016c_an_input_must_be_a_blob_or_a_list_of_blobs(net, wrong):
    with pytest.raises(TypeError):
        net.Copy(wrong, "y")

    assert len(net.Proto().op) == 0


def test_017_a_reference_that_claims_this_net_must_be_defined_in_it(net):
    with pytest.raises(AssertionError, match=r"'net'.*does not define"):
        net.Copy(tp.BlobReference("x", net))

    assert external(net) == []
    assert len(net.Proto().op) == 0


def test_018_an_external_input_can_be_added_once(net):
    net.AddExternalInput("x")
    net.Copy("y", "z")

    for name in ("x", "y", tp.BlobReference("x")):
        with pytest.raises(AssertionError, match=f"'{name}' is an external input of net 'net' already"):
            net.AddExternalInput(name)

    assert external(net) == ["x", "y"]


def test_018a_a_call_must_not_repeat_an_external_input_and_then_adds_none(net):
    with pytest.raises(AssertionError, match="'x' is an external input"):
        net.AddExternalInput("w", "x", "x")

    assert external(net) == []


def test_018b_external_inputs_come_back_as_references_without_a_net(net):
    one = net.AddExternalInput("x")
    several = net.AddExternalInput("y", tp.BlobReference("z", net))

    assert one == "x"
    assert several == ["y", "z"]
    assert [blob.Net() for blob in (one, *several)] == [None] * 3


def test_018c_there_must_be_something_to_add(net):
    with pytest.raises(AssertionError, match="at least one"):
        net.AddExternalInput()


def test_019_an_external_output_must_be_a_reference_to_a_defined_blob(net):
    made = net.Copy("x", "y")

    with pytest.raises(AssertionError, match="must be a BlobReference, got 'y'"):
        net.AddExternalOutput("y")
    with pytest.raises(AssertionError, match="'nowhere' is not defined in net 'net'"):
        net.AddExternalOutput(tp.BlobReference("nowhere"))
    net.AddExternalOutput(made, tp.BlobReference("x"))

    assert net.external_outputs == ["y", "x"]


# --- operators and arguments ------------------------------------------------------------------------------------------


def test_020_an_unregistered_operator_raises_and_hasattr_says_so(net):
    with pytest.raises(AttributeError, match=UNKNOWN):
        getattr(net, UNKNOWN)
    with pytest.raises(AttributeError, match=UNKNOWN):
        getattr(tp.BlobReference("x", net), UNKNOWN)
    assert not hasattr(net, UNKNOWN)
    assert hasattr(net, "Copy")
    assert "Copy" in dir(net)
    assert UNKNOWN not in dir(net)


def test_020a_a_misspelt_operator_is_told_near_names(net):
    with pytest.raises(AttributeError, match="did you mean 'Copy'"):
        net.Copi("x")


FIELD_OF_VALUE = [
    (7, "i", 7),
    (-(2**63), "i", -(2**63)),
    (0.5, "f", 0.5),
    (True, "i", 1),
    (False, "i", 0),
    ("é", "s", "é".encode()),
    (b"\xff", "s", b"\xff"),
    ([1, 2], "ints", [1, 2]),
    ((1, 2), "ints", [1, 2]),
    (range(3), "ints", [0, 1, 2]),
    ([0.5, 2.0], "floats", [0.5, 2.0]),
    ([True, False], "ints", [1, 0]),
    (["a", b"b"], "strings", [b"a", b"b"]),
    ({"a": 1, "b": 2}, "strings", [b"a", b"b"]),
    (np.int64(3), "i", 3),
    (np.float64(0.5), "f", 0.5),
    (np.bool_(True), "i", 1),
    (np.float32([0.5, 1.0]), "floats", [0.5, 1.0]),
    (np.array([[1, 2], [3, 4]]), "ints", [1, 2, 3, 4]),
]


@pytest.mark.parametrize(("value", "field", "content"), FIELD_OF_VALUE, ids=repr)
def test_021_a_value_is_encoded_into_the_field_of_its_kind(value, field, content):
    argument = argument_of(value)

    filled = [descriptor.name for descriptor, _ in argument.ListFields()]
    found = getattr(argument, field)
    assert filled == ["name", field]
    assert argument.name == "key"
    assert (list(found) if isinstance(content, list) else found) == content


def test_021a_an_empty_list_leaves_only_the_name():
    for empty in ([], (), np.zeros(0, np.float32)):
        assert [descriptor.name for descriptor, _ in argument_of(empty).ListFields()] == ["name"]


def test_021b_nets_and_other_messages_are_encoded_too(net):
    device = tp.DeviceOption(0, random_seed=4)

    assert argument_of(net).n == net.Proto()
    assert list(argument_of([net, net.Proto()]).nets) == [net.Proto()] * 2
    assert argument_of(device).s == device.SerializeToString()
    assert list(argument_of([device]).strings) == [device.SerializeToString()]


def test_021c_arguments_keep_the_order_of_the_call_and_none_is_left_out():
    ready = tp.MakeArgument("ready", 1)

    op = tp.CreateOperator("Any", [], [], arg=[ready], b=1, a=None, c="x")

    assert [argument.name for argument in op.arg] == ["ready", "b", "c"]


@pytest.mark.parametrize("mixed", [[1, 2.0], [2.0, 1], [1, "a"], ["a", 1.0], [True, 0.5]], ids=repr)
def test_022_a_list_of_several_kinds_raises(net, mixed):
    with pytest.raises(ValueError, match="'key'"):
        tp.MakeArgument("key", mixed)
    with pytest.raises(ValueError, match="values"):
        net.GivenTensorFill([], "x", values=mixed)


@pytest.mark.parametrize("wrong", [object(), 1j, 2**63, [None], [[1]]])
def test_022a_a_value_of_no_kind_raises(wrong):
    with pytest.raises(ValueError, match="'key'"):
        tp.MakeArgument("key", wrong)


# --- constants --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(7, np.int64), (0.5, np.float32), (True, np.bool_), (False, np.bool_), ("text", object), (b"text", object)],
    ids=repr,
)
def test_023_a_constant_is_a_scalar_of_rank_0_of_the_value_s_kind(ws, net, value, dtype):
    """W-34: the operator that Caffe2 makes of a string cannot run."""
    blob = net.Const(value)

    tp.RunNetOnce(net)

    found = ws.fetch_blob(blob)
    assert found.shape == ()
    assert found.dtype == dtype
    assert found.item() == (b"text" if dtype is object else value)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.arange(6, dtype=np.int32).reshape(2, 3), np.int32),
        ([1, 2, 3], np.int64),
        (np.array([[True], [False]]), np.bool_),
        (np.array([0.1, 0.2], np.float64), np.float32),
        (np.zeros((0, 3), np.float32), np.float32),
    ],
    ids=lambda part: getattr(part, "__name__", None) or f"{np.asarray(part).dtype} {np.shape(part)}",
)
def test_023a_a_constant_array_keeps_its_shape_and_integers_and_bools_their_type(ws, net, value, dtype):
    blob = net.Const(value, blob_out="x")

    tp.RunNetOnce(net)

    assert blob == "x"
    assert ws.fetch_blob("x").dtype == dtype
    np.testing.assert_array_equal(ws.fetch_blob("x"), np.asarray(value, dtype))


def test_023b_dtype_says_what_a_constant_is_made_first(ws, net):
    net.Const([1, 2], blob_out="x", dtype=np.int32)

    tp.RunNetOnce(net)

    assert ws.fetch_blob("x").dtype == np.int32


# --- Python operators -------------------------------------------------------------------------------------------------


def test_024_a_builder_runs_once_for_each_instantiation_and_its_function_once_for_each_run(ws, net, log):
    net.Python((noting_builder, ("f",), {"suffix": "!"}))([], [])

    assert log == []
    tp.CreateNet(net)
    assert log == ["build f!"]
    tp.RunNet(net, 3)
    assert log == ["build f!", *["call f!"] * 3]
    tp.RunNetOnce(net)
    assert log[4:] == ["build f!", "call f!"]


def test_024a_a_builder_runs_once_for_each_execution_in_a_child_workspace(ws, net, log):
    net.Python((noting_builder, ("f",), {}))([], [])
    private = tp.execution_step("private", net, num_iter=2, create_workspace=True)

    tp.RunPlan(tp.execution_step("all", [private], num_iter=2))

    assert log == ["build f", "call f", "call f"] * 2


@pytest.mark.parametrize("wrong", [(noting_builder,), (noting_builder, ()), (noting_builder, (), {}, 1)], ids=len)
def test_024b_a_builder_comes_with_its_arguments(net, wrong):
    with pytest.raises(AssertionError, match="must be"):
        net.Python(wrong)


def test_024c_a_function_and_its_gradient_come_in_one_form(net):
    builder = (noting_builder, ("f",), {})

    with pytest.raises(AssertionError, match="grad_f"):
        net.Python(boom, grad_f=builder)
    with pytest.raises(AssertionError, match="grad_f"):
        net.Python(builder, grad_f=boom)


def test_024d_a_function_gets_handles_of_its_blobs_and_the_workspace_if_it_asks(ws, net):
    seen: list[Any] = []

    def add_one(inputs: Any, outputs: Any, workspace: Any) -> None:
        seen.append((inputs[0].shape, workspace is ws))
        outputs[0].feed(inputs[0].data + 1)

    ws.feed_blob("x", np.float32([1, 2]))
    net.Python(add_one, pass_workspace=True)(["x"], ["y"])

    tp.RunNetOnce(net)

    assert seen == [((2,), True)]
    assert ws.fetch_blob("y").tolist() == [2, 3]


def test_025_what_a_python_operator_returns_is_ignored(ws, net):
    def give(inputs: Any, outputs: Any) -> object:
        outputs[0].feed(np.int64(5))
        return [np.int64(6)]

    net.Python(give)([], ["x"])
    net.Python(lambda inputs, outputs: False)([], [])

    tp.RunNetOnce(net)

    assert ws.fetch_blob("x") == 5


def test_025a_an_exception_of_a_python_operator_reaches_the_caller_as_it_is(ws, net):
    error = BoomError("mine")

    def throw(inputs: Any, outputs: Any) -> None:
        raise error

    net.Python(throw)([], [])

    with pytest.raises(BoomError) as once:
        tp.RunNetOnce(net)
    tp.CreateNet(net)
    with pytest.raises(BoomError) as kept:
        tp.RunNet(net)
    with pytest.raises(BoomError) as planned:
        tp.RunPlan(tp.execution_step("all", net))

    assert [each.value for each in (once, kept, planned)] == [error] * 3


def test_025b_a_python_operator_cannot_read_what_is_no_tensor(ws, net):
    ws.feed_blob("text", "a string blob")
    net.Python(lambda inputs, outputs: None)(["text"], [])

    with pytest.raises(RuntimeError, match="'text'"):
        tp.RunNetOnce(net)


# --- clones -----------------------------------------------------------------------------------------------------------


def small_net() -> tp.Net:
    """x and y to `sum`, and that to `net/Copy` and `twice`; the last is not needed for the others."""
    net = tp.Net("net")
    total = net.Add(["x", "y"], "sum")
    net.Copy(total)
    net.AddExternalOutput(net.Add([total, total], "twice"))
    return net


def test_026_a_clone_renames_blobs_everywhere():
    net = small_net()

    clone = net.Clone("clone", {"x": "a", "sum": "s", "twice": "t"})

    assert [(list(op.input), list(op.output)) for op in clone.Proto().op] == [
        (["a", "y"], ["s"]),
        (["s"], ["net/Copy"]),
        (["s", "s"], ["t"]),
    ]
    assert external(clone) == ["a", "y"]
    assert clone.external_outputs == ["t"]
    assert clone.Name() == "clone"
    assert (net.Name(), external(net), net.external_outputs) == ("net", ["x", "y"], ["twice"])


def test_026a_a_clone_renames_blobs_inside_the_nets_of_its_operators(net):
    inner = tp.Net("inner")
    inner.Copy("x", "y")
    net.If("condition", [], then_net=inner)

    clone = net.Clone("clone", {"x": "a", "condition": "c"})

    [op] = clone.Proto().op
    assert list(op.input) == ["c"]
    assert list(op.arg[0].n.op[0].input) == ["a"]
    assert list(net.Proto().op[0].arg[0].n.op[0].input) == ["x"]


def test_026b_a_clone_takes_the_operators_that_are_asked_for():
    clone = small_net().Clone("clone", op_id_mask=[0, 1], update_external_list=True)

    assert kinds(clone) == ["Add", "Copy"]
    assert external(clone) == ["x", "y"]
    assert clone.external_outputs == []


def test_026c_attributes_of_a_clone_are_the_same_objects_in_lists_of_its_own(net):
    """W-33: what is added to Caffe2's clone appears in the original."""
    first, second = object(), object()
    net.add_attribute("key", first)

    clone = net.Clone("clone")
    clone.add_attribute("key", second)

    assert clone.get_attributes("key") == [first, second]
    assert net.get_attributes("key") == [first]


def test_026d_a_clone_gets_a_free_name(net):
    assert net.Clone("net").Name() == "net_1"


def test_026e_python_operators_of_a_clone_outlive_the_original(ws, log):
    net = tp.Net("net")
    net.Python(lambda inputs, outputs: log.append("called"))([], [])
    clone = net.Clone("clone")
    del net

    tp.RunNetOnce(clone)

    assert log == ["called"]


def test_027_a_partial_clone_keeps_only_needed_operators_and_prefixes_blobs_in_between():
    net = small_net()

    clone, outputs = net.ClonePartial("part", ["x", "y"], ["twice"])

    assert [(op.type, list(op.input), list(op.output)) for op in clone.Proto().op] == [
        ("Add", ["x", "y"], ["part/sum"]),
        ("Add", ["part/sum", "part/sum"], ["part/twice"]),
    ]
    assert outputs == ["part/twice"]
    assert [output.Net() for output in outputs] == [clone]
    assert external(clone) == ["x", "y"]
    assert kinds(net) == ["Add", "Copy", "Add"]


@pytest.mark.parametrize("inputs", [{"sum": "given"}, [("sum", "given")]], ids=["dict", "pairs"])
def test_027a_a_partial_clone_begins_at_the_given_blobs_under_their_new_names(inputs):
    clone, [output] = small_net().ClonePartial("part", inputs, ["net/Copy"])

    assert [(op.type, list(op.input), list(op.output)) for op in clone.Proto().op] == [
        ("Copy", ["given"], ["part/net/Copy"])
    ]
    assert external(clone) == ["given"]


def test_027b_blobs_that_are_neither_given_nor_made_become_external_inputs():
    clone, _ = small_net().ClonePartial("part", ["x"], ["sum"])

    assert external(clone) == ["x", "y"]


def test_027c_an_output_must_be_defined():
    with pytest.raises(AssertionError, match="nowhere"):
        small_net().ClonePartial("part", ["x"], ["nowhere"])


def test_027d_a_needed_operator_must_not_make_what_is_given(net):
    net.Split("x", ["a", "b"])
    net.Add(["a", "b"], "c")

    with pytest.raises(AssertionError, match="Split"):
        net.ClonePartial("part", ["a"], ["c"])


def test_027e_a_partial_clone_computes_the_same(ws):
    clone, [output] = small_net().ClonePartial("part", ["x", "y"], ["twice"])
    ws.feed_blob("x", np.float32(1))
    ws.feed_blob("y", np.float32(2))

    tp.RunNetOnce(clone)

    assert ws.fetch_blob(output) == 6
