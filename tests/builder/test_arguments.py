"""From Python values to arguments. Numbers are those of the checklist."""

import numpy as np
import pytest

from taskplan.builder.arguments import CreateOperator, MakeArgument, encoded_argument
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.scope import DeviceOption
from taskplan.errors import BuildTypeError, BuildValueError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


MESSAGE = pb.DeviceOption(device_type=1)

ENCODINGS = [
    (3, pb.Argument(name="k", i=3), 3),
    (0, pb.Argument(name="k", i=0), 0),
    (True, pb.Argument(name="k", i=1), 1),
    (1.5, pb.Argument(name="k", f=1.5), 1.5),
    ("é", pb.Argument(name="k", s="é".encode()), "é".encode()),
    (b"\xff", pb.Argument(name="k", s=b"\xff"), b"\xff"),
    (MESSAGE, pb.Argument(name="k", s=MESSAGE.SerializeToString()), MESSAGE.SerializeToString()),
    ([1, 2], pb.Argument(name="k", ints=[1, 2]), (1, 2)),
    ((True, 2), pb.Argument(name="k", ints=[1, 2]), (1, 2)),
    ([1.5, 2.0], pb.Argument(name="k", floats=[1.5, 2.0]), (1.5, 2.0)),
    (["a", b"b"], pb.Argument(name="k", strings=[b"a", b"b"]), (b"a", b"b")),
    ([MESSAGE], pb.Argument(name="k", strings=[MESSAGE.SerializeToString()]), (MESSAGE.SerializeToString(),)),
    (range(3), pb.Argument(name="k", ints=[0, 1, 2]), (0, 1, 2)),
    ({"a": 1, "b": 2}, pb.Argument(name="k", strings=[b"a", b"b"]), (b"a", b"b")),
    ([], pb.Argument(name="k"), ()),
    (np.zeros((0, 2), np.float32), pb.Argument(name="k"), ()),
    (np.float32(1.5), pb.Argument(name="k", f=1.5), 1.5),
    (np.float64(1.5), pb.Argument(name="k", f=1.5), 1.5),
    (np.uint8(3), pb.Argument(name="k", i=3), 3),
    (np.bool_(True), pb.Argument(name="k", i=1), 1),
    (np.str_("a"), pb.Argument(name="k", s=b"a"), b"a"),
    ([np.int32(1), 2], pb.Argument(name="k", ints=[1, 2]), (1, 2)),
    (np.array([[1, 2], [3, 4]], np.float32), pb.Argument(name="k", floats=[1, 2, 3, 4]), (1.0, 2.0, 3.0, 4.0)),
    (np.array([[1, 2], [3, 4]]), pb.Argument(name="k", ints=[1, 2, 3, 4]), (1, 2, 3, 4)),
    (np.array(["a", "b"]), pb.Argument(name="k", strings=[b"a", b"b"]), (b"a", b"b")),
    (np.array(7), pb.Argument(name="k", ints=[7]), (7,)),
]


@pytest.mark.parametrize(("value", "message", "_decoded"), ENCODINGS, ids=[repr(row[0])[:40] for row in ENCODINGS])
def test_21_a_value_goes_into_the_field_of_its_kind(value, message, _decoded):
    assert MakeArgument("k", value) == message


@pytest.mark.parametrize(("value", "_message", "decoded"), ENCODINGS, ids=[repr(row[0])[:40] for row in ENCODINGS])
def test_what_is_checked_is_what_a_reader_of_the_message_gets(value, _message, decoded):
    assert encoded_argument("k", value).decoded == decoded


@pytest.mark.parametrize("given", ["draft", "message", "model"])
def test_a_net_is_an_argument(given):
    net = Net("n")
    net.Copy("x", "y")
    value = {"draft": net, "message": net.Proto(), "model": net.to_model()}[given]

    one = encoded_argument("k", value)
    many = MakeArgument("k", [value, value])

    assert one.message("k") == pb.Argument(name="k", n=net.Proto())
    assert many == pb.Argument(name="k", nets=[net.Proto(), net.Proto()])
    assert isinstance(one.decoded, NetDef)
    assert [op.type for op in one.decoded.ops] == ["Copy"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1, 2.5], "all elements must be of one kind that a list may have, not floats and integers"),
        (["a", 1], "not integers and strings"),
        ([1, None], "not NoneType and integers"),
        ([[1], [2]], "not list"),
    ],
    ids=repr,
)
def test_22_a_list_of_several_kinds_is_refused(value, reason):
    with pytest.raises(BuildValueError, match=rf"argument 'k': .*{reason}"):
        MakeArgument("k", value)


@pytest.mark.parametrize("value", [None, 1j, ...], ids=repr)
def test_other_values_are_refused(value):
    with pytest.raises(BuildValueError, match="argument 'k' must be a number, string, net or message"):
        MakeArgument("k", value)


@pytest.mark.parametrize("value", [1 << 63, [1 << 63]], ids=repr)
def test_an_integer_beyond_64_bits_is_refused(value):
    with pytest.raises(BuildValueError, match=r"argument 'k': .*range"):
        MakeArgument("k", value)


# --- operators --------------------------------------------------------------------------------------------------------


def test_arguments_stand_in_the_order_of_the_call_behind_those_that_were_ready():
    ready = pb.Argument(name="ready", i=1)

    op = CreateOperator("Any", [], "y", arg=[ready], b=2, a=None, c=3)

    assert [arg.name for arg in op.arg] == ["ready", "b", "c"]


def test_an_operator_that_is_not_registered_can_be_made():
    op = CreateOperator("NoSuchOperator", "x", ["y", "z"], "label", engine="E", debug_info="d")

    assert op == pb.OperatorDef(
        type="NoSuchOperator", input=["x"], output=["y", "z"], name="label", engine="E", debug_info="d"
    )


def test_the_name_is_written_even_if_it_is_empty():
    assert CreateOperator("Any", [], []).HasField("name")


def test_a_seed_goes_into_the_device_option_whatever_comes_first():
    op = CreateOperator("Any", [], [], random_seed=3, device_option=DeviceOption(0, random_seed=1))

    assert op.device_option == DeviceOption(0, random_seed=3)


def test_a_field_of_the_wrong_kind_is_refused():
    with pytest.raises(BuildTypeError, match=r"Any: one of .*'engine': 3"):
        CreateOperator("Any", [], [], engine=3)  # type: ignore[arg-type]
