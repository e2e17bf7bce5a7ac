"""Model and messages say the same."""

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from taskplan.errors import BuildTypeError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.codec import (
    net_from_proto,
    net_to_proto,
    op_from_proto,
    op_to_proto,
    plan_from_proto,
    plan_to_proto,
    step_from_proto,
    step_to_proto,
)
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef
from taskplan.plan.names import UNKNOWN_SITE, Site

SITE = Site("train.py", 48, "build")

names = st.text(st.characters(codec="utf-8"), max_size=8)
name_lists = st.lists(names, max_size=3).map(tuple)
int64 = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(width=32, allow_nan=False)


def lists_of(values):
    return st.lists(values, min_size=1, max_size=3).map(tuple)


def arguments_of(depth):
    values = [int64, floats, st.binary(max_size=8), lists_of(int64), lists_of(floats), lists_of(st.binary(max_size=8))]
    if depth:
        values += [nets_of(depth - 1), lists_of(nets_of(depth - 1))]
    return st.dictionaries(names, st.one_of(st.just(()), *values), max_size=3)


def ops_of(depth):
    return st.builds(
        OpDef,
        type=names,
        inputs=name_lists,
        outputs=name_lists,
        arguments=arguments_of(depth),
        name=names,
        control_inputs=name_lists,
        engine=names,
        random_seed=st.none() | st.integers(0, 2**32 - 1),
        node_name=names,
        site=st.just(UNKNOWN_SITE),
        function=st.none(),
    )


def nets_of(depth):
    return st.builds(
        NetDef,
        name=names,
        ops=st.lists(ops_of(depth), max_size=2).map(tuple),
        external_inputs=name_lists,
        external_outputs=name_lists,
        type=names,
        arguments=arguments_of(0),
    )


def step_over(steps, nets):
    return st.builds(
        StepDef,
        name=names,
        steps=steps,
        nets=nets,
        times=st.none() | int64,
        until=st.none() | names,
        only_once=st.none() | st.booleans(),
        concurrent=st.booleans(),
        instances=st.none() | st.integers(0, 2**31 - 1),
        every_ms=st.none() | int64,
        create_workspace=st.booleans(),
        report_net=st.none() | names,
        report_interval_s=st.none() | st.integers(0, 2**31 - 1),
        closing=st.just(()),
        timeout_s=st.none(),
        own=st.just(()),
        task=st.none(),
        node=st.none(),
        site=st.just(UNKNOWN_SITE),
    )


steps = st.recursive(
    step_over(st.just(()), name_lists),
    lambda children: step_over(st.lists(children, max_size=3).map(tuple), st.just(())),
    max_leaves=6,
)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(ops_of(1))
def test_an_operator_comes_back_from_its_message(op):
    assert op_from_proto(pb.OperatorDef.FromString(op_to_proto(op).SerializeToString())) == op


@settings(max_examples=60, derandomize=True, deadline=None)
@given(nets_of(1))
def test_a_net_comes_back_from_its_message(net):
    assert net_from_proto(pb.NetDef.FromString(net_to_proto(net).SerializeToString())) == net


@settings(max_examples=60, derandomize=True, deadline=None)
@given(steps)
def test_a_step_comes_back_from_its_message(step):
    assert step_from_proto(pb.ExecutionStep.FromString(step_to_proto(step).SerializeToString())) == step


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.builds(PlanDef, name=names, nets=lists_of(nets_of(0)), steps=lists_of(steps)))
def test_a_plan_comes_back_from_its_message_as_bytes_and_as_text(plan):
    proto = plan_to_proto(plan)

    read = text_format.Parse(text_format.MessageToString(proto), pb.PlanDef())

    assert plan_from_proto(read) == plan
    assert read.SerializeToString() == proto.SerializeToString()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("f: 0.5", 0.5),
        ("i: 3", 3),
        ('s: "x"', b"x"),
        ("floats: 0.5 floats: 2", (0.5, 2.0)),
        ("ints: 3", (3,)),
        ('strings: "x" strings: "y"', (b"x", b"y")),
        ('n { name: "sub" }', NetDef("sub")),
        ('nets { name: "a" } nets { name: "b" }', (NetDef("a"), NetDef("b"))),
        ("", ()),
    ],
)
def test_an_argument_becomes_a_plain_value(text, value):
    op = text_format.Parse(f'type: "Op" arg {{ name: "a" {text} }}', pb.OperatorDef())

    decoded = op_from_proto(op).arguments["a"]

    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize("text", ["t { dims: 2 }", "tensors { dims: 2 }", "i: 1 f: 2.0"])
def test_an_argument_that_is_no_plain_value_stays_a_message(text):
    op = text_format.Parse(f'type: "Op" arg {{ name: "a" {text} }}', pb.OperatorDef())

    decoded = op_from_proto(op)

    assert decoded.arguments["a"] == op.arg[0]
    assert op_to_proto(decoded).arg[0] == op.arg[0]


def test_an_argument_of_a_later_version_is_not_taken_for_an_empty_list():
    argument = pb.Argument.FromString(b"\x0a\x01a" + b"\xc2\x3e\x01x")

    op = op_from_proto(pb.OperatorDef(type="Op", arg=[argument]))

    assert op.arguments["a"] == argument


def test_the_model_does_not_follow_later_changes_of_the_message():
    proto = text_format.Parse('type: "Op" arg { name: "a" t { dims: 2 } }', pb.OperatorDef())
    argument = op_from_proto(proto).arguments["a"]

    proto.arg[0].t.dims.append(3)

    assert isinstance(argument, pb.Argument)
    assert list(argument.t.dims) == [2]


@pytest.mark.parametrize("value", ["text", (1, 2.0), object(), None])
def test_a_value_that_the_wire_cannot_hold_is_refused_by_name(value):
    op = OpDef("Op", (), (), {"limit": value})

    with pytest.raises(BuildTypeError, match="argument 'limit' cannot be written: expected"):
        op_to_proto(op)


def test_lines_are_given_to_operators_in_order():
    net = pb.NetDef(name="n", op=[pb.OperatorDef(type="A"), pb.OperatorDef(type="B")])
    other = SITE._replace(line=49)

    assert [op.site for op in net_from_proto(net, [SITE, other]).ops] == [SITE, other]
    assert [op.site for op in net_from_proto(net).ops] == [UNKNOWN_SITE] * 2


def test_nets_among_the_arguments_have_the_line_of_their_operator():
    proto = text_format.Parse(
        'op { type: "If" arg { name: "then_net" n { name: "then" op { type: "Add" } } } }', pb.NetDef()
    )

    then = net_from_proto(proto, [SITE]).ops[0].arguments["then_net"]

    assert isinstance(then, NetDef)
    assert (then.site, then.ops[0].site) == (SITE, SITE)


@pytest.mark.parametrize("kind", ["Python", "Call"])
def test_a_function_is_found_by_its_token_in_nested_nets_too(kind):
    call = f'type: "{kind}" arg {{ name: "token" s: "f:1" }}'
    proto = text_format.Parse(
        f'op {{ {call} }} op {{ type: "If" arg {{ name: "then_net" n {{ op {{ {call} }} }} }} }}', pb.NetDef()
    )

    net = net_from_proto(proto, functions={"f:1": print})
    nested = net.ops[1].arguments["then_net"]

    assert isinstance(nested, NetDef)
    assert net.ops[0].function is print
    assert nested.ops[0].function is print


def test_a_token_that_nobody_knows_is_no_function():
    proto = text_format.Parse('op { type: "Python" arg { name: "token" s: "f" } }', pb.NetDef())

    assert net_from_proto(proto, functions={"g": print}).ops[0].function is None


def test_an_operator_without_a_device_option_has_that_of_its_net():
    proto = text_format.Parse(
        'device_option { random_seed: 7 node_name: "w" } op { type: "A" } op { type: "B" device_option { } }',
        pb.NetDef(),
    )

    without, own = net_from_proto(proto).ops

    assert (without.random_seed, without.node_name) == (7, "w")
    assert (own.random_seed, own.node_name) == (None, "")
    assert not proto.op[0].HasField("device_option")


def test_the_legacy_number_of_workers_is_an_argument():
    proto = text_format.Parse('type: "dag" num_workers: 4', pb.NetDef())

    assert net_from_proto(proto).arguments == {"num_workers": 4}


def test_unset_and_zero_are_told_apart():
    unset, zero = step_from_proto(pb.ExecutionStep()), step_from_proto(pb.ExecutionStep(num_iter=0, run_every_ms=0))

    assert (unset.times, unset.every_ms) == (None, None)
    assert (zero.times, zero.every_ms) == (0, 0)
    assert not step_to_proto(unset).HasField("num_iter")
    assert step_to_proto(zero).HasField("num_iter")


def test_nothing_of_ours_gets_into_a_message():
    """Caffe2's text parser refuses a message with a field that it does not know."""
    closing = StepDef("tidy", nets=("n",))
    step = StepDef("s", nets=("n",), closing=(closing,), timeout_s=1.5, task="t", node="w", site=SITE)

    assert step_to_proto(step) == pb.ExecutionStep(name="s", network=["n"])
