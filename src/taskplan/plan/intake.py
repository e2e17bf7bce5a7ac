"""Taking whatever describes a plan, step, net or operator: model values, builder objects, messages, files."""

from __future__ import annotations

from typing import Protocol, TypeVar, runtime_checkable

from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message

from taskplan.errors import BuildValueError
from taskplan.plan import codec
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef

Definition = PlanDef | StepDef | NetDef | OpDef

Parsed = TypeVar("Parsed", bound=Message)


@runtime_checkable
class Draft(Protocol):
    """A builder object that can be compiled to the model."""

    def to_model(self) -> Definition:
        """The frozen value of what was built so far."""


def definition_of(given: object) -> Definition:
    """The model value of what describes it.

    That is a model value, a builder object (Plan, ExecutionStep, Net) or a message (PlanDef, NetDef, ...).

    Raises:
        BuildValueError: it is none of these.
    """
    if isinstance(given, Definition):
        return given
    if isinstance(given, Draft):
        return given.to_model()
    if isinstance(given, pb.PlanDef):
        return codec.plan_from_proto(given)
    if isinstance(given, pb.NetDef):
        return codec.net_from_proto(given)
    if isinstance(given, pb.OperatorDef):
        return codec.op_from_proto(given)
    if isinstance(given, pb.ExecutionStep):
        return codec.step_from_proto(given)
    msg = f"expected a plan, step, net or operator, got {given!r:.80}"
    raise BuildValueError(msg)


def plan_from_bytes(data: bytes) -> PlanDef:
    """The plan that serialised PlanDef bytes hold.

    Raises:
        BuildValueError: they hold none.
    """
    return codec.plan_from_proto(_parsed(data, pb.PlanDef))


def net_from_bytes(data: bytes) -> NetDef:
    """The net that serialised NetDef bytes hold.

    Raises:
        BuildValueError: they hold none.
    """
    return codec.net_from_proto(_parsed(data, pb.NetDef))


def op_from_bytes(data: bytes) -> OpDef:
    """The operator that serialised OperatorDef bytes hold.

    Raises:
        BuildValueError: they hold none.
    """
    return codec.op_from_proto(_parsed(data, pb.OperatorDef))


def _parsed(data: bytes, kind: type[Parsed]) -> Parsed:
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        msg = f"these {len(data)} bytes are no {kind.DESCRIPTOR.name}: {error}"
        raise BuildValueError(msg) from error
    return message


def plan_from_file(data: bytes) -> PlanDef:
    """The plan that a file of Caffe2's holds: a PlanDef as bytes or as text.

    Raises:
        BuildValueError: it holds none, or one without steps; for a text the message has the line.
    """
    text = _text(data)
    if text is None:
        plan = plan_from_bytes(data)
    else:
        try:
            plan = codec.plan_from_proto(text_format.Parse(text, pb.PlanDef()))
        except text_format.ParseError as error:
            msg = f"this text is no PlanDef: line {error}"
            raise BuildValueError(msg) from error
    if not plan.steps:
        msg = "this is no PlanDef with steps to run"
        raise BuildValueError(msg)
    return plan


def _text(data: bytes) -> str | None:
    """What the bytes say, if they are a text. Messages have lengths and tags among their bytes: control characters."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if all(character.isprintable() or character in "\t\r\n" for character in text) else None
