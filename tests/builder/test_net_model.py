"""From a net to its model: the line of each operator, also when the message was edited."""

import inspect
import time

import pytest

from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.names import UNKNOWN_SITE


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


@pytest.fixture
def net():
    return Net("n")


def this_line():
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def lines_of(net):
    return [op.site.line for op in net.to_model().ops]


def test_each_operator_has_the_line_of_its_call(net):
    net.Const(1, "x"), net.LogInfo("a")
    first = this_line() - 1
    net.Copy("x", "y")
    x = net.GetBlobRef("x")
    x.Copy([], "z")

    [const, *log, copy, from_blob] = net.to_model().ops
    assert [op.site.line for op in (const, *log, copy, from_blob)] == [first, first, first, first + 2, first + 4]
    assert {(op.site.file, op.site.function) for op in net.to_model().ops} == {
        (__file__, "test_each_operator_has_the_line_of_its_call")
    }


def test_a_net_has_the_line_that_made_it():
    net = Net("n")
    line = this_line() - 1

    assert (net.site.file, net.site.line) == (__file__, line)
    assert net.to_model().site == net.site


def test_operators_of_a_message_have_the_line_that_made_the_net():
    net = Net(pb.NetDef(name="n", op=[pb.OperatorDef(type="Copy", input=["x"], output=["y"])]))
    line = this_line() - 1

    assert lines_of(net) == [line]


def test_the_model_is_kept_until_the_net_changes(net):
    net.Copy("x", "y")
    first = net.to_model()

    assert net.to_model() is first

    net.Copy("y", "z")

    assert [op.outputs for op in first.ops] == [("y",)]
    assert [op.outputs for op in net.to_model().ops] == [("y",), ("z",)]


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.AddExternalInput("new"),
        lambda net: net.AddExternalOutput(net.GetBlobRef("y")),
        lambda net: net.AddArgument("a", 1),
        lambda net: net.set_rand_seed(),
        lambda net: net.extend_ops([pb.OperatorDef(type="Copy", input=["y"], output=["z"])]),
        lambda net: net.insert_op_at_idx(pb.OperatorDef(type="Copy", input=["y"], output=["z"]), 0),
        lambda net: net.reroute_tensor("x", pb.OperatorDef(type="Copy", input=["x"], output=["z"])),
        lambda net: net.PopulateProtoWithFileName(),
        lambda net: net.AppendNet(net),
        lambda net: setattr(net.Proto(), "type", "dag"),
    ],
    ids=lambda change: inspect.getsource(change).strip()[:40],
)
def test_every_change_shows_in_the_model(change, net):
    net.Copy("x", "y")
    before = net.to_model()

    change(net)

    assert net.to_model() != before


def test_a_change_through_a_message_that_was_handed_out_long_ago_shows_too(net):
    net.Copy("x", "y")
    proto = net.Proto()
    net.to_model()

    proto.op[0].output[0] = "z"

    assert net.to_model().ops[0].outputs == ("z",)


def test_operators_keep_their_lines_when_others_are_added_through_the_message(net):
    start = this_line()
    net.Copy("x", "a")
    net.Copy("x", "b")
    net.Proto().op.insert(1, pb.OperatorDef(type="Copy", input=["x"], output=["new"]))
    net.Copy("x", "c")

    sites = [op.site for op in net.to_model().ops]

    assert [sites[0].line, sites[2].line, sites[3].line] == [start + 1, start + 2, start + 4]
    assert sites[1] == UNKNOWN_SITE


def test_operators_that_were_moved_or_rewired_in_the_message_keep_their_lines(net):
    start = this_line()
    net.Copy("x", "a")
    net.Copy("x", "a")
    net.Copy("x", "b")
    proto = net.Proto()
    del proto.op[0]
    proto.op[1].input[0] = "other"
    proto.op.sort(key=lambda op: op.output[0], reverse=True)

    assert lines_of(net) == [start + 3, start + 1]


def test_operators_of_a_nested_net_have_their_own_lines(net):
    start = this_line()
    body = Net("body")
    body.Copy("x", "y")
    deeper = Net("deeper")
    deeper.If("c", [], then_net=body)
    net.If("c", [], then_net=deeper, else_net=body)

    [outer] = net.to_model().ops
    [middle] = outer.arguments["then_net"].ops
    [inner] = middle.arguments["then_net"].ops
    [other] = outer.arguments["else_net"].ops
    assert [op.site.line for op in (outer, middle, inner, other)] == [start + 5, start + 4, start + 2, start + 2]


def test_a_nested_net_is_taken_as_it_is_when_the_operator_is_added(net):
    body = Net("body")
    body.Copy("x", "y")
    net.If("c", [], then_net=body)

    body.Copy("y", "z")

    [op] = net.to_model().ops
    assert len(op.arguments["then_net"].ops) == 1


def test_a_nested_net_that_was_edited_in_the_message_has_no_lines_but_that_of_its_operator(net):
    body = Net("body")
    body.Copy("x", "y")
    net.If("c", [], then_net=body)
    line = this_line() - 1

    net.Proto().op[0].arg[0].n.op.add(type="Copy", input=["y"], output=["z"])

    [op] = net.to_model().ops
    assert [inner.site.line for inner in op.arguments["then_net"].ops] == [line, line]


def test_to_look_at_a_net_is_not_to_change_it(net):
    net.Copy("x", "y")
    model = net.to_model()

    assert net.peek() == net.Proto()
    assert net.to_model() == model


def test_what_was_added_to_the_message_is_defined(net):
    net.Const(1, "n/Copy")
    net.Proto().op.add(type="Any", output=["made"])
    net.Proto().external_input.append("given")

    net.Copy("made", "a")
    net.Copy("given", "b")

    assert list(net.Proto().external_input) == ["given"]
    assert net.Copy("a") == "n/Copy_2"


def test_what_was_renamed_in_the_message_is_no_longer_defined(net):
    net.Const(1, "x")
    net.Proto().op[0].output[0] = "y"

    assert [net.BlobIsDefined(name) for name in ("x", "y")] == [False, True]


def test_operators_take_no_longer_when_the_message_is_looked_at_in_between():
    """Caffe2 read the whole net again each time (W-2)."""

    def seconds(count):
        net = Net("n")
        net.Const(1, "x")
        start = time.perf_counter()
        for _ in range(count):
            net.Proto()
            net.AddExternalOutput(net.Add(["x", "x"]))
        return time.perf_counter() - start

    seconds(200)
    few, many = min(seconds(200) for _ in range(3)), min(seconds(2_000) for _ in range(3))

    assert many < 40 * few
