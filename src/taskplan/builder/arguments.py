"""Operator calls: from blobs and Python values to the values that a plan has, and to OperatorDef and Argument."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import Message

from taskplan.builder.blobs import scoped_names
from taskplan.builder.draft import NetDraft
from taskplan.builder.scope import CurrentDeviceScope
from taskplan.errors import BuildTypeError, BuildValueError
from taskplan.plan import codec
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef, OpDef
from taskplan.plan.names import UNKNOWN_SITE, Site

Decoded = int | float | bytes | NetDef | tuple[Any, ...] | Message
"""The value of an argument as the model of a plan has it."""


class Encoded(NamedTuple):
    """An argument: the field of its message, None for an empty list; what goes there; and what a reader gets."""

    field: str | None
    wire: Any
    decoded: Decoded

    def message(self, name: str) -> pb.Argument:
        """Its message."""
        fields = {"name": name} if self.field is None else {"name": name, self.field: self.wire}
        return pb.Argument(**fields)


def MakeArgument(key: str, value: object) -> pb.Argument:
    """The message of an argument.

    Args:
        key: its name.
        value: a float, int, bool, str, bytes, net (also as a message) or other message, of which the bytes are taken; a
            NumPy scalar or array; or any iterable of one of these kinds. An empty one leaves only the name.

    Raises:
        BuildValueError: the value is of another kind, mixes kinds, or is an integer beyond 64 bits.

    Example:
        >>> list(MakeArgument("axes", range(3)).ints)
        [0, 1, 2]
    """
    return encoded_argument(key, value).message(key)


def encoded_argument(name: str, value: object) -> Encoded:
    """An argument of this value (see `MakeArgument`)."""
    given = type(value)
    is_list = given in _LISTS
    kind = _EXACT.get(given) or (None if is_list else _kind_of(value))
    try:
        if kind is not None:
            wire, decoded = kind.convert((value,))
            return Encoded(kind.one, wire[0], decoded[0])
        if is_list or isinstance(value, Iterable):
            return _encoded_list(value)  # type: ignore[arg-type]  # lists are iterable
    except ValueError as error:
        reason = str(error)
        msg = f"argument {name!r}: {reason[:1].lower()}{reason[1:]}, got {value!r:.200}"
        raise BuildValueError(msg) from error
    msg = f"argument {name!r} must be a number, string, net or message, or an iterable of one of these, got {value!r}"
    raise BuildValueError(msg)


def _encoded_list(given: Iterable[Any]) -> Encoded:
    values = given.ravel().tolist() if isinstance(given, np.ndarray) else list(given)
    if not values:
        return Encoded(None, None, ())
    first = _EXACT.get(type(values[0])) or _kind_of(values[0])
    if first is None or not all(isinstance(value, first.types) for value in values):
        kinds = {kind.plural if kind else type(value).__name__ for value in values for kind in (_kind_of(value),)}
        msg = f"all elements must be of one kind that a list may have, not {' and '.join(sorted(kinds))}"
        raise ValueError(msg)
    wire, decoded = first.convert(values)
    return Encoded(first.many, wire, decoded)


def _floats(values: Iterable[Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """As messages have them: in single precision."""
    converted = tuple(array("f", map(float, values)))
    return converted, converted


def _integers(values: Iterable[Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    converted = tuple(map(int, values))
    if min(converted) < -_INT64_SPAN or max(converted) >= _INT64_SPAN:
        msg = f"value out of range: {max(converted, key=abs)}"
        raise ValueError(msg)
    return converted, converted


def _strings(values: Iterable[str | bytes | Message]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    converted = tuple(map(_as_bytes, values))
    return converted, converted


def _as_bytes(value: str | bytes | Message) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes) else value.SerializeToString()


def _nets(values: Iterable[NetDraft | pb.NetDef | NetDef]) -> tuple[list[pb.NetDef], tuple[NetDef, ...]]:
    wire, decoded = [], []
    for value in values:
        if isinstance(value, NetDraft):
            wire.append(value.peek())
            decoded.append(value.to_model())
        elif isinstance(value, NetDef):
            wire.append(codec.net_to_proto(value))
            decoded.append(value)
        else:
            wire.append(value)
            decoded.append(codec.net_from_proto(value))
    return wire, tuple(decoded)


_Convert = Callable[[Iterable[Any]], tuple[Sequence[Any], tuple[Any, ...]]]
"""From values of the user to those for the message, and those that a reader of it gets."""


class _Kind(NamedTuple):
    """A family of values: the fields of the message for one and for many, and what they are called."""

    types: tuple[type, ...]
    convert: _Convert
    one: str
    many: str
    plural: str


_INT64_SPAN = 1 << 63

_FLOATS = _Kind((float, np.floating), _floats, "f", "floats", "floats")
_INTEGERS = _Kind((int, np.integer, np.bool_), _integers, "i", "ints", "integers")
_STRINGS = _Kind((str, bytes), _strings, "s", "strings", "strings")
_NETS = _Kind((NetDraft, pb.NetDef, NetDef), _nets, "n", "nets", "nets")
_MESSAGES = _Kind((Message,), _strings, "s", "strings", "messages")

# Nets come before messages, which some of them are too.
_KINDS = (_FLOATS, _INTEGERS, _STRINGS, _NETS, _MESSAGES)
_EXACT = {float: _FLOATS, int: _INTEGERS, bool: _INTEGERS, str: _STRINGS, bytes: _STRINGS}
_LISTS = frozenset({list, tuple, np.ndarray})


def _kind_of(value: object) -> _Kind | None:
    return next((kind for kind in _KINDS if isinstance(value, kind.types)), None)


# --- operators --------------------------------------------------------------------------------------------------------


def CreateOperator(
    operator_type: str,
    inputs: object,
    outputs: object,
    name: str = "",
    control_input: object = None,
    device_option: pb.DeviceOption | None = None,
    arg: Iterable[pb.Argument] | None = None,
    engine: str | None = None,
    debug_info: str | None = None,
    **kwargs: Any,
) -> pb.OperatorDef:
    """The message of one operator call. Whether there is such an operator is not asked.

    Args:
        operator_type: what it does.
        inputs: a blob or a list of them; plain strings get the current name scope, here and in the next two.
        outputs: the same.
        name: a label.
        control_input: blobs that must be there first, without being read.
        device_option: the current device scope if not given.
        arg: arguments that are messages already; they come first.
        engine: which implementation is preferred.
        debug_info: a text to carry along.
        **kwargs: the arguments, in this order, without those that are None. `random_seed` goes to the device option.

    Example:
        >>> CreateOperator("Sum", ["a", "b"], "c").input
        ['a', 'b']
    """
    options = {
        "name": name,
        "control_input": control_input,
        "device_option": device_option,
        "arg": arg,
        "engine": engine,
        "debug_info": debug_info,
        **kwargs,
    }
    op, message = operator_call(operator_type, scoped_names(inputs), scoped_names(outputs), options, UNKNOWN_SITE)
    return message if message is not None else codec.op_to_proto(op)


_FIELDS = frozenset({"name", "control_input", "device_option", "arg", "engine", "debug_info", "random_seed"})
"""Options of a call that have a place of their own in its message; all others are arguments."""

_NET_FIELDS = frozenset({"n", "nets"})
"""Fields of an argument whose message may say more than its value."""


def operator_call(
    operator_type: str, inputs: list[str], outputs: list[str], options: Mapping[str, Any], site: Site
) -> tuple[OpDef, pb.OperatorDef | None]:
    """The value of one operator call with these very names, and its message if the value does not say all of it."""
    encoded: dict[str, Encoded] = {}
    needs_message = CurrentDeviceScope() is not None
    for name, value in options.items():
        if name in _FIELDS:
            needs_message = True
        elif value is not None:
            encoded[name] = argument = encoded_argument(name, value)
            needs_message |= argument.field in _NET_FIELDS
    arguments = {name: argument.decoded for name, argument in encoded.items()}
    if not needs_message:
        return OpDef(operator_type, tuple(inputs), tuple(outputs), arguments, site=site), None
    proto = _operator_message(operator_type, inputs, outputs, options)
    op = codec.op_from_proto(proto, site)
    proto.arg.extend([argument.message(name) for name, argument in encoded.items()])
    return op._replace(arguments={**op.arguments, **arguments}), proto


def _operator_message(
    operator_type: str, inputs: list[str], outputs: list[str], options: Mapping[str, Any]
) -> pb.OperatorDef:
    control_input = options.get("control_input")
    try:
        proto = pb.OperatorDef(
            type=operator_type,
            name=options.get("name") or "",
            input=inputs,
            output=outputs,
            control_input=None if control_input is None else scoped_names(control_input),
            arg=options.get("arg"),
            engine=options.get("engine"),
            debug_info=options.get("debug_info"),
        )
        device = options.get("device_option")
        if device is None:
            device = CurrentDeviceScope()
        if device is not None:
            proto.device_option.CopyFrom(device)
        seed = options.get("random_seed")
        if seed is not None:
            proto.device_option.random_seed = seed
    except (TypeError, ValueError) as error:
        given = {name: value for name, value in options.items() if name in _FIELDS}
        msg = f"{operator_type}: one of {given!r} does not fit its field of OperatorDef: {error}"
        raise BuildTypeError(msg) from error
    return proto
