"""Programs as indented pseudo-code, and nets that log what they do.

What is shown is not closed by it. For exactly the plan that a session runs, see `taskplan show`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from taskplan.builder.net import Net
from taskplan.builder.outputs import TaskOutput
from taskplan.builder.scope import SEPARATOR
from taskplan.builder.step import ExecutionStep
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.errors import BuildTypeError
from taskplan.plan import codec
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef, OpDef, StepDef
from taskplan.sessions.blob_analysis import analyze as analyze
from taskplan.sessions.open_copy import open_copy

_INDENT = "    "
_CHARACTERS_SHOWN = 64

Arguments = Iterable[tuple[str, object]]


def to_string(obj: object, factor_prefixes: bool = False, c2_syntax: bool = True) -> str:
    """A program as indented pseudo-code.

    Args:
        obj: a Net, its message, an ExecutionStep, a Task or a TaskGroup.
        factor_prefixes: with `c2_syntax=False`, write a common scope of names once: `train/[x, y]`.
        c2_syntax: write operators as calls of nets, `train.Add(['x', 'y'], ['z'])`, and not `z = Add(x, y)`.

    Raises:
        BuildTypeError: it is none of these.

    Example:
        >>> from taskplan.builder.steps import execution_step
        >>> net = Net("train")
        >>> _ = net.Add(["x", "y"], "z", broadcast=True)
        >>> with TaskGroup() as group:
        ...     task = Task(execution_step("train", net, num_iter=9), "z", workspace_type="global", node="trainer")
        >>> print(to_string(group, c2_syntax=False))
        with TaskGroup():
            with Task(node=trainer, name=trainer/grouped_by_node, outputs=Output[z]):
                with loop(9):
                    # net: train
                    z = Add(x, y, broadcast=1)
    """
    return "\n".join(lines_of(obj, Syntax(c2_syntax, factor_prefixes)))


@dataclass(frozen=True, slots=True)
class Syntax:
    """How operators are written; see `to_string`."""

    c2: bool = True
    factor_prefixes: bool = False


@singledispatch
def lines_of(obj: object, syntax: Syntax) -> Iterator[str]:  # noqa: ARG001 - what is registered needs it
    """The lines of `to_string`. Further kinds of programs are registered with it."""
    msg = f"expected a Net, NetDef, ExecutionStep, Task or TaskGroup, got {obj!r}"
    raise BuildTypeError(msg)


@lines_of.register
def _(group: TaskGroup, syntax: Syntax) -> Iterator[str]:
    tasks = open_copy(group).tasks_by_node().tasks()
    return _block(_call("TaskGroup"), (line for task in tasks for line in lines_of(task, syntax)))


@lines_of.register
def _(task: Task, syntax: Syntax) -> Iterator[str]:
    step = task.get_step()
    outputs = ", ".join(map(_output, task.outputs()))
    head = _call("Task", named=[("node", task.node), ("name", task.name), ("outputs", outputs)])
    return _block(head, lines_of(step, syntax))


@lines_of.register
def _(step: ExecutionStep, syntax: Syntax) -> Iterator[str]:
    return _step_lines(step.to_model(), dict(_nets_of(step)), syntax)


@lines_of.register
def _(net: Net, syntax: Syntax) -> Iterator[str]:
    return _net_lines(net.to_model(), syntax)


@lines_of.register
def _(net: pb.NetDef, syntax: Syntax) -> Iterator[str]:
    return _net_lines(codec.net_from_proto(net), syntax)


def debug_net(net: Net) -> Net:
    """A net that does the same, and logs each operator before it runs.

    Example:
        >>> net = Net("train")
        >>> _ = net.Copy("x", "y")
        >>> print(to_string(debug_net(net), c2_syntax=False))
        # net: train_1
        train_1/log = GivenTensorStringFill(shape=[], values=['y = Copy(x)'])
        Print(train_1/log)
        y = Copy(x)
    """
    debug = net.Clone(net.Name(), op_id_mask=[])
    for index, op in enumerate(net.to_model().ops):
        debug.LogInfo(next(_op_lines(op, Syntax(c2=False), "")))
        # One by one, since each then keeps its line and its function.
        debug.AppendNet(net.Clone(None, op_id_mask=[index]))
    return debug


# --- steps ------------------------------------------------------------------------------------------------------------


def _nets_of(step: ExecutionStep) -> Iterator[tuple[str, NetDef]]:
    yield from ((net.Name(), net.to_model()) for net in step.Nets())
    for inner in (*step.Substeps(), *step.closing):
        yield from _nets_of(inner)


def _step_lines(step: StepDef, nets: Mapping[str, NetDef], syntax: Syntax) -> Iterator[str]:
    heads = ", ".join(_heads(step))
    lines = _children_lines(step, nets, syntax)
    if heads:
        lines = _block(heads, lines)
    return _block(_call("workspace", [step.name]), lines) if step.create_workspace else lines


def _heads(step: StepDef) -> Iterator[str]:
    """What is said about how the children run."""
    if step.until is not None and not step.only_once:
        yield _call("loop")
    elif step.times is not None and step.times != 1:
        yield _call("loop", [str(step.times)])
    elif step.until is not None or step.report_net is not None:
        yield _call("run_once")
    if step.instances is not None and step.instances > 1:
        yield _call("parallel", named=[("num_instances", step.instances)])
    elif _is_parallel(step):
        yield _call("parallel")


def _is_parallel(step: StepDef) -> bool:
    ordinary = sum(child.every_ms is None for child in step.steps)
    return ordinary > 1 and (step.concurrent or (step.instances or 1) > 1)


def _children_lines(step: StepDef, nets: Mapping[str, NetDef], syntax: Syntax) -> Iterator[str]:
    if step.report_net is not None:
        head = _call("report_net", [str(step.report_interval_s)])
        yield from _block(head, _named_net_lines(step.report_net, nets, syntax))
    for child in step.steps:
        lines = _step_lines(child, nets, syntax)
        if child.every_ms is not None:
            lines = _block(_call("reporter", [child.name], [("interval_ms", child.every_ms)]), lines)
        elif _is_parallel(step) and not child.create_workspace:
            lines = _block(_call("step", [child.name]), lines)
        yield from lines
        if step.until is not None and child.every_ms is None:
            yield _stop(step.until)
    for name in step.nets:
        yield from _named_net_lines(name, nets, syntax)
        if step.until is not None:
            yield _stop(step.until)
    for closing in step.closing:
        yield from _block(_call("closing", [closing.name]), _step_lines(closing, nets, syntax))


def _stop(blob: str) -> str:
    return _call("yield stop_if", [blob])


def _output(output: TaskOutput) -> str:
    return f"Output[{', '.join(map(str, output.names))}]"


# --- nets -------------------------------------------------------------------------------------------------------------


def _named_net_lines(name: str, nets: Mapping[str, NetDef], syntax: Syntax) -> Iterator[str]:
    net = nets.get(name)
    return iter([f"# net: {name}, which is not known here"]) if net is None else _net_lines(net, syntax)


def _net_lines(net: NetDef, syntax: Syntax) -> Iterator[str]:
    yield f"{net.name} = {_call('core.Net', [repr(net.name)])}" if syntax.c2 else f"# net: {net.name}"
    for op in net.ops:
        yield from _op_lines(op, syntax, net.name)


def _op_lines(op: OpDef, syntax: Syntax, net_name: str) -> Iterator[str]:
    named = [(name, _value(value)) for name, value in op.arguments.items()]
    if op.node_name:
        named.append(("device_option", _call("DeviceOption", named=[("node_name", repr(op.node_name))])))
    if syntax.c2:
        yield _call(f"{net_name}.{op.type}", [str(list(op.inputs)), str(list(op.outputs))], named)
    else:
        inputs = _listed(op.inputs, syntax.factor_prefixes)
        call = _call(op.type, [inputs] if inputs else [], named)
        yield f"{_listed(op.outputs, syntax.factor_prefixes)} = {call}" if op.outputs else call
    for name, value in op.arguments.items():
        for nested in value if isinstance(value, tuple) else (value,):
            if isinstance(nested, NetDef):
                yield from _block(_call("argument", [name]), _net_lines(nested, syntax))


def _listed(names: tuple[str, ...], factor_prefix: bool) -> str:
    scope = _common_scope(names) if factor_prefix and len(names) > 1 else ""
    rest = ", ".join(name.removeprefix(scope) for name in names)
    return f"{scope}[{rest}]" if scope else rest


def _common_scope(names: tuple[str, ...]) -> str:
    scope = names[0]
    while scope:
        scope = scope.rpartition(SEPARATOR)[0]
        if all(name.startswith(scope + SEPARATOR) for name in names):
            return scope + SEPARATOR
    return ""


def _value(value: object) -> str:
    match value:
        case bytes():
            text = value.decode(errors="replace")
            more = len(text) - _CHARACTERS_SHOWN
            return repr(text) if more <= 0 else f"{text[:_CHARACTERS_SHOWN]!r}...<+len={more}>"
        case float():
            return str(np.float32(value))  # the wire has no more digits
        case tuple():
            return f"[{', '.join(map(_value, value))}]"
        case NetDef():
            return value.name
        case int():
            return str(int(value))
    return f"<{type(value).__name__}>"


# --- layout -----------------------------------------------------------------------------------------------------------


def _call(name: str, positional: Iterable[str] = (), named: Arguments = ()) -> str:
    return f"{name}({', '.join([*positional, *(f'{key}={value}' for key, value in named)])})"


def _block(head: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"with {head}:"
    is_empty = True
    for line in lines:
        is_empty = False
        yield _INDENT + line
    if is_empty:
        yield f"{_INDENT}pass"
