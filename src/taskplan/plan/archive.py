"""A program as bytes and back: what `taskplan.save` and `taskplan.load` read and write.

The plans inside are Caffe2's bytes. Beside them stands what those have no room for: source lines, tasks, closing
blocks, channels, and the user's functions, by name where they can be imported, else pickled.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any, NoReturn

from google.protobuf.message import DecodeError

from taskplan.errors import BuildValueError, PlanError
from taskplan.plan import codec, functions
from taskplan.plan import program_pb2 as pb
from taskplan.plan import taskplan_pb2 as wire
from taskplan.plan.model import (
    ChannelDef,
    CollectiveDef,
    NeedDef,
    NetDef,
    OpDef,
    OutputDef,
    PlanDef,
    ProgramDef,
    StepDef,
)
from taskplan.plan.names import UNKNOWN_SITE, Site, function_name

FORMAT = 1

_FORMAT_TAG = b"\x08"
"""Messages have their fields in order, so the format comes first; no PlanDef begins like that, and no text."""


def program_to_bytes(program: ProgramDef) -> bytes:
    """The bytes of a program.

    Raises:
        PlanError: a function can be neither imported by name nor pickled, or came without its code; the message names
            it and its line.
    """
    return _Writer().write(program)


def program_digest(program: ProgramDef) -> str:
    """Eight letters that stand for what a program says: not for its lines, nor for the code of the user's functions.

    A program has the same digest when it was saved and loaded, and when it is built again in fresh names.
    """
    return base64.urlsafe_b64encode(hashlib.blake2b(_DigestWriter().write(program), digest_size=6).digest()).decode()


def is_program(data: bytes) -> bool:
    """Whether `program_to_bytes` made these bytes, in this version or another, whole or not."""
    return data.startswith(_FORMAT_TAG)


def program_from_bytes(data: bytes, *, allow_code: bool = False) -> ProgramDef:
    """The program that the bytes hold.

    Args:
        data: what `program_to_bytes` made.
        allow_code: unpickle functions and import those that are given by name. Without it the program can be shown and
            checked; each of its functions is a `SealedFunction`.

    Raises:
        BuildValueError: the bytes hold no program, or one of another format.
        PlanError: a function cannot be brought back.
    """
    if not is_program(data):
        msg = f"these {len(data)} bytes are no program of taskplan"
        raise BuildValueError(msg)
    message = pb.Program()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        msg = "this program is damaged: its bytes make no message"
        raise BuildValueError(msg) from error
    if message.format != FORMAT:
        newer = "; a newer taskplan wrote it" if message.format > FORMAT else ""
        msg = f"this program has format {message.format}, and this version of taskplan reads format {FORMAT}{newer}"
        raise BuildValueError(msg)
    bring_back = _function if allow_code else _sealed
    known = {each.token: bring_back(each) for each in message.functions}
    try:
        return _Reader(message, known, sealed=not allow_code).read()
    except (DecodeError, IndexError, StopIteration, ValueError) as error:
        msg = f"this program is damaged: {str(error) or 'a part is missing'}"
        raise BuildValueError(msg) from error


def require_code(program: ProgramDef) -> None:
    """Refuse a program whose functions were not brought back.

    Raises:
        PlanError: one was not; the message has its line.
    """
    for plan in program.plans.values():
        for net in plan.nets:
            for op in deep(net):
                if isinstance(op.function, SealedFunction):
                    op.function.refuse(op.site)


class SealedFunction:
    """Stands for a function of a program that was loaded without `allow_code=True`; compares by its name.

    Args:
        name: `module:qualified.name`, as far as known.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.__module__, _, self.__qualname__ = name.rpartition(":")

    def refuse(self, site: Site) -> NoReturn:
        """Say why it cannot be called.

        Raises:
            PlanError: always.
        """
        msg = (
            f"function {self.name!r} came with a saved program; if you trust the file, load it with allow_code=True "
            "(taskplan run --allow-code)"
        )
        raise PlanError(f"{msg}\n  added  {site}")

    def __call__(self, *_: object) -> None:
        """Refuse.

        Raises:
            PlanError: always.
        """
        self.refuse(UNKNOWN_SITE)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SealedFunction) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"SealedFunction({self.name!r})"


# --- writing ----------------------------------------------------------------------------------------------------------


class _Writer:
    def __init__(self) -> None:
        self._message = pb.Program(format=FORMAT)
        self._sites: dict[Site, int] = {UNKNOWN_SITE: 0}
        self._functions: dict[str, object] = {}

    def write(self, program: ProgramDef) -> bytes:
        message = self._message
        for node, plan in program.plans.items():
            message.plans.append(
                pb.NodePlan(
                    node=node,
                    plan=codec.plan_to_proto(plan).SerializeToString(deterministic=True),
                    steps=[self._step(step) for step in _preorder(plan.steps)],
                    nets=[self._net(net) for net in plan.nets],
                )
            )
        for output in program.outputs:
            message.outputs.add(node=output.node, blob=output.blob, task=output.task, site=self._site(output.site))
        for channel in program.channels:
            message.channels.append(self._channel(channel))
        for collective in program.collectives:
            message.collectives.append(self._collective(collective))
        message.needs.extend(map(self._need, program.needs))
        message.restartable = program.restartable
        message.private_nodes.extend(program.private_nodes)
        message.hidden_blobs.extend(program.hidden_blobs)
        message.shared_blobs.extend(program.shared_blobs)
        return bytes(message.SerializeToString(deterministic=True))

    def _site(self, site: Site) -> int:
        index = self._sites.get(site)
        if index is None:
            index = self._sites[site] = len(self._sites)
            self._message.sites.add(file=site.file, line=site.line, function=site.function)
        return index

    def _step(self, step: StepDef) -> pb.Step:
        closing = [
            pb.Tree(
                step=codec.step_to_proto(each).SerializeToString(deterministic=True),
                steps=[self._step(inner) for inner in _preorder((each,))],
            )
            for each in step.closing
        ]
        return pb.Step(
            site=self._site(step.site),
            task=step.task,
            node=step.node,
            timeout_s=step.timeout_s,
            closing=closing,
            own=step.own,
        )

    def _net(self, net: NetDef) -> pb.Net:
        for op in net.ops:
            self._function(op)
        return pb.Net(
            site=self._site(net.site),
            operators=[self._site(op.site) for op in net.ops],
            nested=[self._net(inner) for op in net.ops for inner in _nested(op)],
        )

    def _function(self, op: OpDef) -> None:
        if isinstance(op.function, SealedFunction):
            op.function.refuse(op.site)
        token = op.arguments.get("token")
        if op.function is None or not isinstance(token, bytes):
            return
        name = token.decode()
        if name not in self._functions:
            self._functions[name] = op.function
            self._message.functions.append(_function_message(name, op))
        elif self._functions[name] is not op.function:
            msg = f"two different functions have the token {name!r}; build the program in one naming context"
            raise PlanError(f"{msg}\n  added  {op.site}")

    def _channel(self, channel: ChannelDef) -> pb.Channel:
        return pb.Channel(
            name=channel.name,
            capacity=channel.capacity,
            columns=channel.columns,
            fields=channel.fields,
            writers=channel.writers,
            readers=channel.readers,
            node=channel.node,
            nodes=channel.nodes,
            site=self._site(channel.site),
        )

    def _need(self, need: NeedDef) -> pb.Need:
        try:
            value = json.dumps(need.value)
        except (TypeError, ValueError) as error:
            msg = (
                f"keyword {need.keyword!r} of node {need.node!r} is {need.value!r}, which cannot be saved: {error}; "
                "use numbers, strings, lists and dicts of these"
            )
            raise PlanError(f"{msg}\n  added  {need.site}") from error
        return pb.Need(node=need.node, keyword=need.keyword, value=value, site=self._site(need.site))

    def _collective(self, collective: CollectiveDef) -> pb.Collective:
        return pb.Collective(
            name=collective.name,
            kind=collective.kind,
            nodes=collective.nodes,
            parties=collective.parties,
            reduction=collective.reduction,
            root=collective.root,
            site=self._site(collective.site),
        )


class _DigestWriter(_Writer):
    """Leaves out what does not change the meaning of a program."""

    def _site(self, site: Site) -> int:  # noqa: ARG002 - as its base
        return 0

    def _function(self, op: OpDef) -> None:
        """Functions are known by the names of their operators' tokens only."""


def _function_message(token: str, op: OpDef) -> pb.Function:
    name = function_name(op.function)
    if not functions.is_script(name.partition(":")[0]) and _imported(name) is op.function:
        return pb.Function(token=token, name=name)
    try:
        return pb.Function(token=token, name=name, pickled=functions.dumps(op.function))
    except Exception as error:
        msg = f"function {name!r} can be neither imported by name nor pickled: {error}"
        raise PlanError(f"{msg}\n  added  {op.site}") from error


def _imported(name: str) -> object:
    """The object that `module:qualified.name` stands for, or None."""
    module, _, path = name.partition(":")
    try:
        return reduce(getattr, path.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        return None


def _preorder(steps: Iterable[StepDef]) -> Iterator[StepDef]:
    for step in steps:
        yield step
        yield from _preorder(step.steps)


def _nested(op: OpDef) -> Iterator[NetDef]:
    """The nets among an operator's arguments, in order."""
    for value in op.arguments.values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, NetDef):
                yield each


def deep(net: NetDef) -> Iterator[OpDef]:
    """All operators of a net, and of the nets among their arguments."""
    for op in net.ops:
        yield op
        for inner in _nested(op):
            yield from deep(inner)


# --- reading ----------------------------------------------------------------------------------------------------------


def _function(each: pb.Function) -> object:
    if not each.pickled:
        found = _imported(each.name)
        if found is None:
            msg = f"function {each.name!r} of the program cannot be imported; put its module on Python's path"
            raise PlanError(msg)
        return found
    try:
        return functions.loads(each.pickled)
    except Exception as error:  # bytes of another Python, or of modules that are not here
        msg = f"function {each.name!r} of the program cannot be brought back: {error!r}"
        raise PlanError(msg) from error


def _sealed(each: pb.Function) -> object:
    return SealedFunction(each.name)


class _Reader:
    """Puts a program together again.

    Args:
        message: the whole.
        known: functions by token.
        sealed: put a `SealedFunction` also where an operator has none by its token: it may have a pickled one among its
            arguments, or this process one under the same token.
    """

    def __init__(self, message: pb.Program, known: Mapping[str, object], *, sealed: bool) -> None:
        self._message = message
        self._sites = [UNKNOWN_SITE, *(Site(site.file, site.line, site.function) for site in message.sites)]
        self._functions = known
        self._sealed = sealed

    def read(self) -> ProgramDef:
        message = self._message
        return ProgramDef(
            plans={each.node: self._plan(each) for each in message.plans},
            outputs=tuple([OutputDef(out.node, out.blob, out.task, self._sites[out.site]) for out in message.outputs]),
            channels=tuple(map(self._channel, message.channels)),
            private_nodes=tuple(message.private_nodes),
            hidden_blobs=tuple(message.hidden_blobs),
            shared_blobs=tuple(message.shared_blobs),
            collectives=tuple(map(self._collective, message.collectives)),
            needs=tuple(
                [
                    NeedDef(need.node, need.keyword, json.loads(need.value), self._sites[need.site])
                    for need in message.needs
                ]
            ),
            restartable=message.restartable,
        )

    def _plan(self, each: pb.NodePlan) -> PlanDef:
        plan = wire.PlanDef.FromString(each.plan)
        nets = [
            self._net(codec.net_from_proto(net, None, self._functions), beside)
            for net, beside in zip(plan.network, each.nets, strict=True)
        ]
        beside_steps = iter(each.steps)
        steps = [self._step(step, beside_steps) for step in plan.execution_step]
        return PlanDef(plan.name, tuple(nets), tuple(steps))

    def _net(self, net: NetDef, beside: pb.Net) -> NetDef:
        """The net with its lines, and those of the nets in it."""
        nested = iter(beside.nested)
        ops = [self._op(op, site, nested) for op, site in zip(net.ops, beside.operators, strict=True)]
        return replace(net, ops=tuple(ops), site=self._sites[beside.site])

    def _op(self, op: OpDef, site: int, nested: Iterator[pb.Net]) -> OpDef:
        changes: dict[str, Any] = {"site": self._sites[site]}
        if any(True for _ in _nested(op)):
            changes["arguments"] = {name: self._argument(value, nested) for name, value in op.arguments.items()}
        if self._sealed and op.function is None and op.type in codec.CALLS_A_FUNCTION:
            changes["function"] = SealedFunction(f"{op.type}:pickled_builder")
        return op._replace(**changes)

    def _argument(self, value: object, nested: Iterator[pb.Net]) -> object:
        if isinstance(value, NetDef):
            return self._net(value, next(nested))
        if isinstance(value, tuple) and value and isinstance(value[0], NetDef):
            return tuple([self._net(net, next(nested)) for net in value])
        return value

    def _step(self, step: wire.ExecutionStep, beside_steps: Iterator[pb.Step]) -> StepDef:
        beside = next(beside_steps)
        has = beside.HasField
        inner = tuple([self._step(substep, beside_steps) for substep in step.substep])
        closing = [self._step(wire.ExecutionStep.FromString(tree.step), iter(tree.steps)) for tree in beside.closing]
        return codec.step_shell(
            step,
            inner,
            self._sites[beside.site],
            closing=tuple(closing),
            timeout_s=beside.timeout_s if has("timeout_s") else None,
            task=beside.task if has("task") else None,
            node=beside.node if has("node") else None,
            own=beside.own,
        )

    def _channel(self, channel: pb.Channel) -> ChannelDef:
        return ChannelDef(
            channel.name,
            channel.capacity,
            channel.columns,
            tuple(channel.fields),
            channel.writers,
            channel.node if channel.HasField("node") else None,
            tuple(channel.nodes),
            self._sites[channel.site],
            channel.readers,
        )

    def _collective(self, collective: pb.Collective) -> CollectiveDef:
        return CollectiveDef(
            collective.name,
            collective.kind,
            tuple(collective.nodes),
            tuple(collective.parties),
            collective.reduction,
            collective.root,
            self._sites[collective.site],
        )
