"""A program as bytes and back: what `taskplan.save` and `taskplan.load` read and write.

The plans inside are Caffe2's bytes. Beside them stands what those have no room for: source lines, tasks, closing
blocks, channels, and the user's functions, by name where they can be imported, else pickled.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from google.protobuf.message import DecodeError

from taskplan.errors import BuildValueError, PlanError
from taskplan.plan import codec, functions
from taskplan.plan import program_pb2 as pb
from taskplan.plan import taskplan_pb2 as wire
from taskplan.plan.model import ChannelDef, NetDef, OpDef, OutputDef, PlanDef, ProgramDef, StepDef
from taskplan.plan.names import UNKNOWN_SITE, Site

FORMAT = 1


def program_to_bytes(program: ProgramDef) -> bytes:
    """The bytes of a program.

    Raises:
        PlanError: a function can be neither imported by name nor pickled; the message names it and its line.
    """
    return _Writer().write(program)


def program_from_bytes(data: bytes, *, allow_code: bool = False) -> ProgramDef:
    """The program that the bytes hold.

    Args:
        data: what `program_to_bytes` made.
        allow_code: unpickle functions and import those that are given by name. Without it the program can be shown and
            checked, and running one of its functions is refused.

    Raises:
        BuildValueError: the bytes hold no program, or one of a newer format.
    """
    message = pb.Program()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        msg = f"these {len(data)} bytes are no taskplan program: {error}"
        raise BuildValueError(msg) from error
    if message.format != FORMAT:
        msg = f"this program has format {message.format}, and this version of taskplan reads format {FORMAT}"
        raise BuildValueError(msg)
    return _Reader(message, allow_code=allow_code).read()


class SealedFunction:
    """Stands for a function of a program that was loaded without `allow_code=True`."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, *_: object) -> None:
        """Refuse.

        Raises:
            PlanError: always.
        """
        msg = f"function {self.token!r} came with a saved program; load it with allow_code=True to run it"
        raise PlanError(msg)


class _Writer:
    def __init__(self) -> None:
        self._message = pb.Program(format=FORMAT)
        self._sites: dict[Site, int] = {UNKNOWN_SITE: 0}
        self._tokens: dict[str, object] = {}

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
        message.private_nodes.extend(program.private_nodes)
        message.hidden_blobs.extend(program.hidden_blobs)
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
            task=step.task or "",
            node=step.node or "",
            is_task=step.task is not None,
            timeout_s=step.timeout_s or 0.0,
            closing=closing,
        )

    def _net(self, net: NetDef) -> pb.Net:
        for op in _deep(net):
            self._function(op)
        return pb.Net(site=self._site(net.site), operators=[self._site(op.site) for op in net.ops])

    def _function(self, op: OpDef) -> None:
        token = op.arguments.get("token")
        if op.function is None or not isinstance(token, bytes):
            return
        name = token.decode()
        if name not in self._tokens:
            self._tokens[name] = op.function
            self._message.functions.append(_function_message(name, op))
        elif self._tokens[name] is not op.function:
            msg = f"two different functions have the token {name!r}; build the program in one naming context"
            raise PlanError(f"{msg}\n  added  {op.site}")

    def _channel(self, channel: ChannelDef) -> pb.Channel:
        return pb.Channel(
            name=channel.name,
            capacity=channel.capacity,
            columns=channel.columns,
            fields=channel.fields,
            writers=channel.writers,
            node=channel.node or "",
            has_node=channel.node is not None,
            nodes=channel.nodes,
            site=self._site(channel.site),
        )


def _function_message(token: str, op: OpDef) -> pb.Function:
    function: Any = op.function
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<")
    if module not in (None, "__main__") and "<" not in name and _imported(f"{module}:{name}") is function:
        return pb.Function(token=token, name=f"{module}:{name}")
    try:
        return pb.Function(token=token, pickled=functions.dumps(function))
    except Exception as error:
        msg = f"function {token!r} can be neither imported by name nor pickled: {error}\n  added  {op.site}"
        raise PlanError(msg) from error


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


def _deep(net: NetDef) -> Iterator[OpDef]:
    for op in net.ops:
        yield op
        for value in op.arguments.values():
            if isinstance(value, NetDef):
                yield from _deep(value)


class _Reader:
    def __init__(self, message: pb.Program, *, allow_code: bool) -> None:
        self._message = message
        self._sites = [UNKNOWN_SITE, *(Site(site.file, site.line, site.function) for site in message.sites)]
        self._functions: Mapping[str, object] = {
            each.token: _function(each) if allow_code else SealedFunction(each.token) for each in message.functions
        }

    def read(self) -> ProgramDef:
        message = self._message
        return ProgramDef(
            plans={each.node: self._plan(each) for each in message.plans},
            outputs=tuple(OutputDef(out.node, out.blob, out.task, self._sites[out.site]) for out in message.outputs),
            channels=tuple(map(self._channel, message.channels)),
            private_nodes=tuple(message.private_nodes),
            hidden_blobs=tuple(message.hidden_blobs),
        )

    def _plan(self, each: pb.NodePlan) -> PlanDef:
        plan = wire.PlanDef.FromString(each.plan)
        nets = [
            codec.net_from_proto(
                net, [self._sites[site] for site in beside.operators], self._functions, self._sites[beside.site]
            )
            for net, beside in zip(plan.network, each.nets, strict=True)
        ]
        beside_steps = iter(each.steps)
        steps = tuple([self._step(step, beside_steps) for step in plan.execution_step])
        return PlanDef(plan.name, tuple(nets), steps)

    def _step(self, step: wire.ExecutionStep, beside_steps: Iterator[pb.Step]) -> StepDef:
        beside = next(beside_steps)
        inner = tuple([self._step(substep, beside_steps) for substep in step.substep])
        closing = tuple(
            self._step(wire.ExecutionStep.FromString(tree.step), iter(tree.steps)) for tree in beside.closing
        )
        return replace(
            codec.step_shell(step, inner, self._sites[beside.site]),
            closing=closing,
            timeout_s=beside.timeout_s or None,
            task=beside.task if beside.is_task else None,
            node=beside.node if beside.is_task else None,
        )

    def _channel(self, channel: pb.Channel) -> ChannelDef:
        return ChannelDef(
            channel.name,
            channel.capacity,
            channel.columns,
            tuple(channel.fields),
            channel.writers,
            channel.node if channel.has_node else None,
            tuple(channel.nodes),
            self._sites[channel.site],
        )


def _function(each: pb.Function) -> object:
    if each.pickled:
        return functions.loads(each.pickled)
    found = _imported(each.name)
    if found is None:
        msg = f"function {each.name!r} of the saved program cannot be imported; put its module on the path"
        raise PlanError(msg)
    return found
