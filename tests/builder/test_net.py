"""Nets: adding operators, names of blobs, what comes in and goes out. Numbers are those of the checklist."""

import numpy as np
import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.calls import IsOperator, IsOperatorWithEngine
from taskplan.builder.naming import NamingContext, fresh_names
from taskplan.builder.net import Net
from taskplan.builder.scope import NameScope
from taskplan.errors import ArgumentError, ArityError, BuildError, BuildKeyError, BuildTypeError, UnknownOperatorError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.types import DataType


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


@pytest.fixture
def net():
    return Net("n")


def external_inputs(net):
    return [str(blob) for blob in net.external_inputs]


def last_op(net):
    return net.Proto().op[-1]


# --- from messages ----------------------------------------------------------------------------------------------------


def test_a_net_of_a_message_is_a_copy_with_a_name_of_its_own():
    proto = pb.NetDef(name="n", op=[pb.OperatorDef(type="Copy", input=["x"], output=["y"])], external_input=["x"])
    before = proto.SerializeToString()

    first, second = Net(proto), Net(proto)
    second.Copy("y", "z")

    assert [first.Name(), second.Name()] == ["n", "n_1"]
    assert [len(each.Proto().op) for each in (first, second)] == [1, 2]
    assert proto.SerializeToString() == before
    assert second.BlobIsDefined("y")
    assert external_inputs(second) == ["x"]


def test_numbered_blobs_of_a_message_are_counted_by_their_whole_number():
    """Caffe2 read one digit, and went on with 4 here (W-38)."""
    outputs = ["n_blob_3", "n_blob_12", "n_blob_x", "other_blob_99"]
    proto = pb.NetDef(name="n", op=[pb.OperatorDef(type="Any", output=outputs)])

    assert Net(proto).NextName() == "n_blob_13"


def test_unknown_fields_of_a_message_are_kept():
    raw = pb.NetDef(name="n").SerializeToString() + bytes([0xFA, 0x3F, 1, 7])

    net = Net(pb.NetDef.FromString(raw))

    assert net.Proto().SerializeToString() == raw


# --- names of blobs ---------------------------------------------------------------------------------------------------


def test_14_outputs_that_are_left_out_are_named_after_net_and_operator(net):
    x = net.Const(1.0, "x")

    assert [net.Add([x, x]) for _ in range(3)] == ["n/Add", "n/Add_2", "n/Add_3"]


def test_14_a_number_of_outputs_numbers_them(net):
    names = [net.Split("x", 2), net.Split("x", 2), net.Copy("x", 1), net.Copy("x", 1)]

    assert names == [
        ("n/Split:0", "n/Split:1"),
        ("n/Split_2:0", "n/Split_2:1"),
        "n/Copy:0",
        "n/Copy_2:0",
    ]


def test_15_what_comes_back_depends_on_the_number_of_outputs(net):
    nothing, one, list_of_one, two = net.Print("x", 0), net.Copy("x"), net.Copy("x", ["y"]), net.Split("x", ["a", "b"])

    assert nothing is None
    assert isinstance(one, BlobReference)
    assert list_of_one == "y"
    assert two == ("a", "b")
    assert [blob.Net() for blob in (one, list_of_one, *two)] == [net] * 4


def test_a_next_name_is_not_reserved(net):
    assert [net.NextName("p"), net.NextName("p"), net.NextName("p", 1)] == ["n/p", "n/p", "n/p:1"]


def test_a_next_name_goes_on_once_the_first_one_is_taken(net):
    net.Const(1, "n/p")

    assert [net.NextName("p") for _ in range(3)] == ["n/p_2", "n/p_3", "n/p_4"]


def test_a_next_name_leaves_out_those_that_are_taken(net):
    net.Const(1, "n/p")
    net.Const(1, "n/p_2")

    assert net.NextName("p") == "n/p_3"


def test_a_next_name_without_a_prefix_is_numbered(net):
    assert [net.NextName() for _ in range(2)] == ["n_blob_0", "n_blob_1"]


def test_a_next_blob_is_reserved(net):
    net.Const(1, "taken")

    assert [net.NextBlob("b"), net.NextBlob("b"), net.NextBlob("b"), net.NextBlob("taken"), net.NextBlob()] == [
        "b",
        "b_auto_0",
        "b_auto_1",
        "taken_auto_0",
        "unnamed",
    ]


# --- inputs and outputs -----------------------------------------------------------------------------------------------


def test_16_what_is_not_defined_becomes_an_external_input_once(net):
    net.Add(["x", "x"], "y")
    net.Add([BlobReference("x"), b"z"], "y")

    assert external_inputs(net) == ["x", "z"]


def test_16_a_blob_of_another_net_becomes_an_external_input(net):
    blob = Net("other").Const(1.0)

    net.Copy(blob)

    assert external_inputs(net) == [blob]


def test_17_a_blob_that_claims_this_net_must_be_defined_here(net):
    with pytest.raises(
        BuildError, match=r'BlobReference\("x"\) is said to be a blob of net .n., which does not define'
    ):
        net.Copy(BlobReference("x", net))

    assert external_inputs(net) == []


@pytest.mark.parametrize("inputs", [3, [3], None, [["x"]]], ids=repr)
def test_other_inputs_are_refused(inputs, net):
    with pytest.raises(BuildTypeError, match="expected a blob"):
        net.Copy(inputs)


def test_18_an_external_input_is_added_once(net):
    net.AddExternalInput("x")

    with pytest.raises(BuildError, match="'x' is an external input of net 'n' already"):
        net.AddExternalInput("x")
    with pytest.raises(BuildError, match="'y' is an external input"):
        net.AddExternalInput("y", BlobReference("y"))
    with pytest.raises(BuildError, match="needs at least one blob"):
        net.AddExternalInput()

    assert external_inputs(net) == ["x"]


def test_added_external_inputs_come_back_without_a_net(net):
    one, several = net.AddExternalInput("x"), net.AddExternalInputs("y", "z")

    assert (one, several) == ("x", ["y", "z"])
    assert [blob.Net() for blob in (one, *several)] == [None] * 3


def test_19_an_external_output_is_a_reference_that_is_defined(net):
    x = net.Const(1.0, "x")

    net.AddExternalOutput(x)
    net.AddExternalOutputs(x)

    assert net.external_outputs == ["x", "x"]


@pytest.mark.parametrize(
    ("output", "reason"),
    [("x", "must be a BlobReference, got 'x'"), (BlobReference("xx"), "'xx' is not defined in net 'n'; did you mean")],
    ids=repr,
)
def test_19_any_other_external_output_is_refused(output, reason, net):
    x = net.Const(1.0, "x")

    with pytest.raises(BuildError, match=reason):
        net.AddExternalOutput(x, output)

    assert net.external_outputs == []


def test_scoped_external_blobs_have_the_scope_before_them(net):
    with NameScope("a"):
        from_outside = net.AddScopedExternalInputs("x")
        net.Copy("x", "y")
        net.AddScopedExternalOutputs("y")

    assert (from_outside, net.external_outputs) == (["a/x"], ["a/y"])


def test_a_net_knows_its_blobs(net):
    net.Copy("x", "y")

    assert [net.BlobIsDefined(blob) for blob in ("x", BlobReference("y"), b"y", "z")] == [True, True, True, False]
    assert [net.UsesBlob(blob) for blob in ("x", "y")] == [True, False]
    assert [net.is_external_input(blob) for blob in ("x", "y")] == [True, False]
    assert net.UsedBlobNames() == {"x", "y"}
    assert net.GetBlobRef("y").Net() is net


def test_a_reference_to_a_blob_that_is_not_defined_is_refused(net):
    net.Copy("grads", "y")

    with pytest.raises(BuildKeyError, match="'grad' is not defined in net 'n'; did you mean 'grads'"):
        net.GetBlobRef("grad")


# --- operators --------------------------------------------------------------------------------------------------------


def test_20_an_operator_that_is_not_registered_is_no_attribute(net):
    assert hasattr(net, "Copy")
    assert not hasattr(net, "Cpy")
    assert not hasattr(net, "__len__")
    with pytest.raises(UnknownOperatorError, match="no operator of that name; did you mean 'Copy'"):
        net.Cpoy("x")


def test_20_operators_are_listed(net):
    assert {"Copy", "Add", "Proto"} <= set(dir(net))
    assert [IsOperator("Copy"), IsOperator("Cpy")] == [True, False]
    assert [IsOperatorWithEngine("Copy", engine) for engine in ("", "DEFAULT", "CUDNN")] == [True, True, False]


WRONG_CALLS = {
    "too few inputs": (lambda net: net.Add(["new"]), ArityError, r"Add takes 2 inputs \(A, B\), got 1"),
    "too many outputs": (lambda net: net.Add(["new", "new"], 2), ArityError, r"Add takes 1 output \(C\), got 2"),
    "unknown argument": (lambda net: net.Add(["new", "x"], axes=1), ArgumentError, "has no argument 'axes'; did you"),
    "argument of another kind": (lambda net: net.Add(["new", "x"], axis=0.5), ArgumentError, "'axis' must be int"),
    "argument that cannot be": (lambda net: net.Add(["new", "x"], axis=None, order=1j), ValueError, "'order'"),
    "function that is none": (lambda net: net.call(3, "new"), TypeError, "expected a function, got 3"),
}


@pytest.mark.parametrize("call", WRONG_CALLS)
def test_a_wrong_call_is_an_error_on_its_line_and_leaves_nothing_behind(call, net):
    """Caffe2 kept the external inputs of an operator that could not be made (W-39)."""
    add, error, text = WRONG_CALLS[call]
    net.Add(["x", "x"])
    before = net.Proto().SerializeToString()

    with pytest.raises(error, match=text):
        add(net)

    assert net.Proto().SerializeToString() == before
    assert net.Add(["x", "x"]) == "n/Add_2"


def test_programs_written_for_caffe2_meet_wrong_calls_when_they_run():
    with fresh_names(NamingContext(caffe2=True)):
        net = Net("n")
        net.Add(["x"], axes=1)  # type: ignore[call-arg]

    assert len(net.Proto().op) == 1


# --- constants --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "fill"),
    [
        (3, "GivenTensorInt64Fill"),
        (1.5, "GivenTensorFill"),
        ("text", "GivenTensorStringFill"),
        (b"text", "GivenTensorStringFill"),
        (np.int32(3), "GivenTensorIntFill"),
        (np.float64(1.5), "GivenTensorFill"),
        (np.uint8(3), "GivenTensorFill"),
        (np.bool_(True), "GivenTensorBoolFill"),
    ],
    ids=repr,
)
def test_23_a_constant_is_a_scalar_of_its_kind(value, fill, net):
    blob = net.Const(value)

    assert blob == f"n/{fill}:0"
    assert last_op(net).type == fill
    assert last_op(net).arg[0] == pb.Argument(name="shape")
    assert last_op(net).arg[1].name == "values"


def test_23_a_bool_is_a_constant_fill(net):
    net.Const(True, "flag")

    assert last_op(net) == pb.OperatorDef(
        type="ConstantFill",
        name="",
        output=["flag"],
        arg=[pb.Argument(name="dtype", i=DataType.BOOL), pb.Argument(name="value", i=1)],
    )


def test_a_constant_array_has_shape_and_values(net):
    net.Const([[1, 2, 3], [4, 5, 6]], dtype=np.int32)

    shape, values = last_op(net).arg
    assert last_op(net).type == "GivenTensorIntFill"
    assert (list(shape.ints), list(values.ints)) == ([2, 3], [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("given", [["a", "b\0"], np.array(["a", "b\0"], dtype=object)], ids=["list", "array"])
def test_a_constant_of_strings_keeps_every_byte(given, net):
    net.Const(given)

    assert list(last_op(net).arg[1].strings) == [b"a", b"b\0"]


@pytest.mark.parametrize("value", [1j, None, [None], ..., np.datetime64("2013-01-01")], ids=repr)
def test_no_constant_is_made_of_anything_else(value, net):
    with pytest.raises(BuildTypeError, match="a constant must be a number, a bool, a string, or an array"):
        net.Const(value)


def test_messages_and_blobs_are_logged_in_order(net):
    net.LogInfo("step", net.Const(1, "x"), "done")

    assert [(op.type, list(op.input), list(op.output)) for op in net.Proto().op[1:]] == [
        ("GivenTensorStringFill", [], ["n/log"]),
        ("Print", ["n/log"], []),
        ("Print", ["x"], []),
        ("GivenTensorStringFill", [], ["n/log_2"]),
        ("Print", ["n/log_2"], []),
    ]


# --- what is not in the message ---------------------------------------------------------------------------------------


def test_attributes_are_kept_in_order(net):
    net.add_attribute("key", 1)
    net.add_attribute("key", "two")

    assert (net.get_attributes("key"), net.get_attributes("other")) == ([1, "two"], [])


def test_a_net_has_arguments_of_its_own(net):
    net.AddArgument("a", [1, 2])

    assert list(net.Proto().arg) == [pb.Argument(name="a", ints=[1, 2])]
