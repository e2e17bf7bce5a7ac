"""Model <-> messages: what a plan means, apart from how it is written.

Reading keeps the difference between unset and set wherever the executor minds it. The wire has no place for lines,
functions and closing blocks; the model has none for device types, debug texts and unknown fields. So a draft is never
rebuilt from its model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from taskplan.errors import BuildTypeError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef
from taskplan.plan.names import UNKNOWN_SITE, Site

Kind = TypeVar("Kind")

_NO_FUNCTIONS: Mapping[str, object] = MappingProxyType({})

# Operator types whose argument `token` stands for a function of the user.
CALLS_A_FUNCTION = frozenset({"Python", "Call", "OpenSource", "OpenSink"})

# Fields of an argument whose values are plain.
_SCALARS = frozenset({"f", "i", "s"})
_LISTS = frozenset({"floats", "ints", "strings"})


# Repeated fields are read as slices throughout: these are lists made at once, in half the time of an iteration.


# --- messages to model ------------------------------------------------------------------------------------------------


def op_from_proto(
    proto: pb.OperatorDef,
    site: Site = UNKNOWN_SITE,
    function: object = None,
    functions: Mapping[str, object] = _NO_FUNCTIONS,
) -> OpDef:
    """The model of one operator call.

    Nets among its arguments were written on the operator's line, as far as anyone knows.

    Args:
        proto: the message; the model keeps nothing of it that could change.
        site: the line that added it.
        function: the function that it calls. If not given it is looked up by the argument `token`.
        functions: functions by token, for this operator and for nets among its arguments.
    """
    device = proto.device_option if proto.HasField("device_option") else None
    op = OpDef(
        type=proto.type,
        inputs=tuple(proto.input[:]),
        outputs=tuple(proto.output[:]),
        arguments=_arguments(proto, site, functions),
        name=proto.name,
        control_inputs=tuple(proto.control_input[:]),
        engine=proto.engine,
        random_seed=_seed(device),
        node_name=device.node_name if device is not None else "",
        site=site,
        function=function,
    )
    return op if function is not None else with_function(op, functions)


def with_function(op: OpDef, functions: Mapping[str, object]) -> OpDef:
    """The operator with the function, of those given by token, that it calls; itself if it calls none of them."""
    if not functions or op.type not in CALLS_A_FUNCTION:
        return op
    token = op.arguments.get("token")
    found = functions.get(token.decode()) if isinstance(token, bytes) else None
    return op if found is None else op._replace(function=found)


def net_from_proto(
    proto: pb.NetDef,
    sites: Sequence[Site] | None = None,
    functions: Mapping[str, object] | None = None,
    site: Site = UNKNOWN_SITE,
) -> NetDef:
    """The model of a net.

    An operator without a device option has that of the net. The legacy field `num_workers` becomes the argument of that
    name.

    Args:
        proto: the message.
        sites: the line of each operator; `site` if not given.
        functions: the functions of its `Python` and `Call` operators, by token.
        site: the line that made the net.
    """
    functions = functions or _NO_FUNCTIONS
    messages = (_with_devices(proto) if proto.HasField("device_option") else proto).op[:]
    op_sites = sites if sites is not None else (site,) * len(messages)
    ops = [op_from_proto(op, op_site, None, functions) for op, op_site in zip(messages, op_sites, strict=True)]
    return net_shell(proto, ops, site, functions)


def net_shell(
    proto: pb.NetDef,
    ops: Iterable[OpDef],
    site: Site = UNKNOWN_SITE,
    functions: Mapping[str, object] = _NO_FUNCTIONS,
) -> NetDef:
    """The model of a net of these operators; those of the message are not looked at."""
    arguments = _arguments(proto, site, functions)
    if proto.HasField("num_workers"):
        arguments.setdefault("num_workers", proto.num_workers)
    return NetDef(
        name=proto.name,
        ops=tuple(ops),
        external_inputs=tuple(proto.external_input[:]),
        external_outputs=tuple(proto.external_output[:]),
        type=proto.type,
        arguments=arguments,
        random_seed=_seed(proto.device_option) if proto.HasField("device_option") else None,
        site=site,
    )


def step_from_proto(proto: pb.ExecutionStep, site: Site = UNKNOWN_SITE) -> StepDef:
    """The model of a step and all below it."""
    return step_shell(proto, tuple([step_from_proto(substep, site) for substep in proto.substep]), site)


def step_shell(
    proto: pb.ExecutionStep,
    steps: Iterable[StepDef],
    site: Site = UNKNOWN_SITE,
    *,
    closing: Iterable[StepDef] = (),
    timeout_s: float | None = None,
    task: str | None = None,
    node: str | None = None,
    own: Iterable[str] = (),
) -> StepDef:
    """The model of one step over `steps`, with what the message has no place for; its substeps are not looked at."""
    return step_from_fields(
        fields_of(proto),
        proto.network,
        steps,
        site,
        closing=closing,
        timeout_s=timeout_s,
        task=task,
        node=node,
        own=own,
    )


def fields_of(proto: Message) -> dict[str, Any]:
    """The fields that are set, by name."""
    return {field.name: value for field, value in proto.ListFields()}


def step_from_fields(
    fields: Mapping[str, Any],
    nets: Iterable[str],
    steps: Iterable[StepDef],
    site: Site,
    *,
    closing: Iterable[StepDef] = (),
    timeout_s: float | None = None,
    task: str | None = None,
    node: str | None = None,
    own: Iterable[str] = (),
) -> StepDef:
    """The model of one step over `nets` or `steps`, whose message has, or would have, these fields besides."""
    get = fields.get
    return StepDef(
        name=get("name", ""),
        steps=tuple(steps),
        nets=tuple(nets),
        times=get("num_iter"),
        until=get("should_stop_blob"),
        only_once=get("only_once"),
        concurrent=get("concurrent_substeps", False),
        instances=get("num_concurrent_instances"),
        every_ms=get("run_every_ms"),
        create_workspace=get("create_workspace", False),
        report_net=get("report_net"),
        report_interval_s=get("report_interval"),
        closing=tuple(closing),
        timeout_s=timeout_s,
        task=task,
        node=node,
        site=site,
        own=tuple(own),
    )


def plan_from_proto(proto: pb.PlanDef) -> PlanDef:
    """The model of a plan as it stands: no line and no function is known."""
    return PlanDef(
        name=proto.name,
        nets=tuple([net_from_proto(net) for net in proto.network]),
        steps=tuple([step_from_proto(step) for step in proto.execution_step]),
    )


def _seed(device: pb.DeviceOption | None) -> int | None:
    return device.random_seed if device is not None and device.HasField("random_seed") else None


def _with_devices(proto: pb.NetDef) -> pb.NetDef:
    """A copy of the net in which each operator has a device option."""
    copy = pb.NetDef()
    copy.CopyFrom(proto)
    for op in copy.op:
        if not op.HasField("device_option"):
            op.device_option.CopyFrom(proto.device_option)
    return copy


def _arguments(proto: pb.OperatorDef | pb.NetDef, site: Site, functions: Mapping[str, object]) -> dict[str, object]:
    return {argument.name: _argument(argument, site, functions) for argument in proto.arg[:]}


def _argument(proto: pb.Argument, site: Site, functions: Mapping[str, object]) -> object:
    """The decoded value; the message itself if it holds a tensor, several values, or what is unknown here."""
    filled = proto.ListFields()
    values = filled[1:] if proto.HasField("name") else filled
    if len(values) != 1:
        return _kept(proto) if values or len(UnknownFieldSet(proto)) else ()
    field, value = values[0]
    kind = field.name
    if kind in _SCALARS:
        return value
    if kind in _LISTS:
        return tuple(value[:])
    if kind == "n":
        return net_from_proto(value, None, functions, site)
    if kind == "nets":
        return tuple([net_from_proto(net, None, functions, site) for net in value])
    return _kept(proto)


def _kept(proto: pb.Argument) -> pb.Argument:
    copy = pb.Argument()
    copy.CopyFrom(proto)
    return copy


# --- model to messages ------------------------------------------------------------------------------------------------


def op_to_proto(op: OpDef) -> pb.OperatorDef:
    """The message of one operator call, without its line and function.

    Raises:
        BuildTypeError: an argument has a value that the wire format cannot hold.
    """
    proto = pb.OperatorDef(
        type=op.type, name=op.name, input=op.inputs, output=op.outputs, control_input=op.control_inputs
    )
    proto.arg.extend(argument_to_proto(name, value) for name, value in op.arguments.items())
    if op.engine:
        proto.engine = op.engine
    if op.random_seed is not None:
        proto.device_option.random_seed = op.random_seed
    if op.node_name:
        proto.device_option.node_name = op.node_name
    return proto


def net_to_proto(net: NetDef) -> pb.NetDef:
    """The message of a net.

    Raises:
        BuildTypeError: an argument has a value that the wire format cannot hold.
    """
    proto = pb.NetDef(name=net.name, external_input=net.external_inputs, external_output=net.external_outputs)
    proto.op.extend(map(op_to_proto, net.ops))
    proto.arg.extend(argument_to_proto(name, value) for name, value in net.arguments.items())
    if net.type:
        proto.type = net.type
    if net.random_seed is not None:
        proto.device_option.random_seed = net.random_seed
    return proto


def step_to_proto(step: StepDef) -> pb.ExecutionStep:
    """The message of a step and all below it; what is unset in the model is unset in the message."""
    proto = pb.ExecutionStep(
        name=step.name,
        network=step.nets,
        num_iter=step.times,
        should_stop_blob=step.until,
        only_once=step.only_once,
        concurrent_substeps=step.concurrent or None,
        num_concurrent_instances=step.instances,
        run_every_ms=step.every_ms,
        create_workspace=step.create_workspace or None,
        report_net=step.report_net,
        report_interval=step.report_interval_s,
    )
    proto.substep.extend(map(step_to_proto, step.steps))
    return proto


def plan_to_proto(plan: PlanDef) -> pb.PlanDef:
    """The message of a plan.

    Raises:
        BuildTypeError: an argument has a value that the wire format cannot hold.
    """
    proto = pb.PlanDef(name=plan.name)
    proto.network.extend(map(net_to_proto, plan.nets))
    proto.execution_step.extend(map(step_to_proto, plan.steps))
    return proto


def argument_to_proto(name: str, value: object) -> pb.Argument:
    """The message of an argument with a value as models hold them.

    Raises:
        BuildTypeError: the wire format cannot hold the value.
    """
    match value:
        case pb.Argument():
            return _kept(value)
        case float():
            return pb.Argument(name=name, f=value)
        case int():
            return pb.Argument(name=name, i=value)
        case bytes():
            return pb.Argument(name=name, s=value)
        case NetDef():
            return pb.Argument(name=name, n=net_to_proto(value))
        case tuple():
            return _list_to_proto(name, value)
    raise _cannot_write(name, value)


def _list_to_proto(name: str, values: tuple[object, ...]) -> pb.Argument:
    if not values:
        return pb.Argument(name=name)
    if (floats := _all_of(float, values)) is not None:
        return pb.Argument(name=name, floats=floats)
    if (ints := _all_of(int, values)) is not None:
        return pb.Argument(name=name, ints=ints)
    if (strings := _all_of(bytes, values)) is not None:
        return pb.Argument(name=name, strings=strings)
    if (nets := _all_of(NetDef, values)) is not None:
        return pb.Argument(name=name, nets=map(net_to_proto, nets))
    raise _cannot_write(name, values)


def _all_of(kind: type[Kind], values: Iterable[object]) -> list[Kind] | None:
    """`values` if each is of that kind."""
    chosen = []
    for value in values:
        if not isinstance(value, kind):
            return None
        chosen.append(value)
    return chosen


def _cannot_write(name: str, value: object) -> BuildTypeError:
    msg = (
        f"argument {name!r} cannot be written: expected an int, a float, bytes, a net or a tuple of one of these, "
        f"got {value!r}"
    )
    return BuildTypeError(msg, argument=name)
