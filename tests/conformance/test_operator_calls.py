"""Statements 20 to 27 of the checklist: operators of nets and their arguments, constants, Python operators, clones."""

from __future__ import annotations

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


def kinds(net: tp.Net) -> list[str]:
    """The types of a net's operators."""
    return [op.type for op in net.Proto().op]


def argument_of(value: object) -> Any:
    """The message of an argument, in a call of an operator."""
    [argument] = tp.CreateOperator("Any", [], [], key=value).arg
    return argument


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
    (np.array([0.5, 1.0], np.float32), "floats", [0.5, 1.0]),
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

    ws.feed_blob("x", np.array([1, 2], np.float32))
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
    assert clone.external_inputs == ["a", "y"]
    assert clone.external_outputs == ["t"]
    assert clone.Name() == "clone"
    assert net.external_inputs == ["x", "y"]
    assert net.external_outputs == ["twice"]


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
    assert clone.external_inputs == ["x", "y"]
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
    assert clone.external_inputs == ["x", "y"]
    assert kinds(net) == ["Add", "Copy", "Add"]


@pytest.mark.parametrize("inputs", [{"sum": "given"}, [("sum", "given")]], ids=["dict", "pairs"])
def test_027a_a_partial_clone_begins_at_the_given_blobs_under_their_new_names(inputs):
    clone, _ = small_net().ClonePartial("part", inputs, ["net/Copy"])

    assert [(op.type, list(op.input), list(op.output)) for op in clone.Proto().op] == [
        ("Copy", ["given"], ["part/net/Copy"])
    ]
    assert clone.external_inputs == ["given"]


def test_027b_blobs_that_are_neither_given_nor_made_become_external_inputs():
    clone, _ = small_net().ClonePartial("part", ["x"], ["sum"])

    assert clone.external_inputs == ["x", "y"]


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
