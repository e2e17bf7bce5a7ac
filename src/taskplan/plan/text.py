"""A plan printed for people: stable enough to compare, the same for equal plans.

There are two forms. The *text* has everything, nets where they are first used::

    plan train
      [trainer/sgd] num_iter=1 (task trainer/sgd on trainer)
        [step] num_iter=1
          net update
            external_input: grad, rate
            step_size = Mul(grad, rate; broadcast=1)
            w = Sub(w, step_size)
        [trainer/sgd:exit] num_iter=1
          net update, as above

The *tree* has one line for each step::

    [trainer/sgd] num_iter=1 (task trainer/sgd on trainer)
      [step] num_iter=1 nets=update
      [trainer/sgd:exit] num_iter=1 nets=update

Flags have the names of the wire format, and only those that are set are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from taskplan.plan.model import (
    ChannelDef,
    CollectiveDef,
    NetDef,
    OpDef,
    OutputDef,
    PlanDef,
    ProgramDef,
    StepDef,
)
from taskplan.plan.names import UNKNOWN_SITE, Site, function_name

_INDENT = "  "
_PLAIN_NAME = re.compile(r"[^\s,;=()\[\]'\"]+")

# Of longer lists and strings, only the beginning is shown, and how much there is.
_VALUES_SHOWN = 16
_CHARACTERS_SHOWN = 80


def net_text(net: NetDef, *, lines: bool = False) -> str:
    """A net, one operator a line: `out = Op(in, ...; argument=value)`.

    Args:
        net: what to print.
        lines: whether to add where each operator was written, as far as known.

    Example:
        >>> from taskplan.plan.model import OpDef
        >>> print(net_text(NetDef("n", (OpDef("Scale", ("x",), ("y",), {"scale": 0.5}),))))
        net n
          y = Scale(x; scale=0.5)
    """
    return "\n".join(_net_lines(net, lines))


def step_text(step: StepDef, nets: Iterable[NetDef] = (), *, lines: bool = False) -> str:
    """A step and all below it, with the operators of those nets that are given."""
    return "\n".join(_Steps(nets, lines).lines_of(step))


def plan_text(plan: PlanDef, *, lines: bool = False) -> str:
    """A plan with its steps, nets and operators."""
    return "\n".join(_plan_lines(plan, lines))


def program_text(program: ProgramDef, *, lines: bool = False) -> str:
    """A program: the plan of each node, then channels, collective operations and outputs."""
    return "\n".join(_program_lines(program, lambda plan: _plan_lines(plan, lines)))


def step_tree(step: StepDef) -> str:
    """A step and all below it, one line each.

    Example:
        >>> print(step_tree(StepDef("loop", (StepDef("body", nets=("a", "b")),), times=3)))
        [loop] num_iter=3
          [body] nets=a,b
    """
    return "\n".join(_tree_lines(step))


def plan_tree(plan: PlanDef) -> str:
    """The steps of a plan, one line each."""
    return "\n".join(_plan_tree_lines(plan))


def program_tree(program: ProgramDef) -> str:
    """The steps of each node, one line each, then channels, collective operations and outputs."""
    return "\n".join(_program_lines(program, _plan_tree_lines))


# --- programs and plans -----------------------------------------------------------------------------------------------


def _program_lines(program: ProgramDef, plan_lines: Callable[[PlanDef], Iterator[str]]) -> Iterator[str]:
    yield "program"
    for node, plan in program.plans.items():
        yield f"{_INDENT}node {_name(node)}, {'private' if program.is_private(node) else 'global'} workspace"
        yield from _indented(plan_lines(plan), by=2)
    for channel in program.channels:
        yield _INDENT + _channel_line(channel)
    for collective in program.collectives:
        yield _INDENT + _collective_line(collective)
    for output in program.outputs:
        if output.blob not in program.hidden_blobs:
            yield _INDENT + _output_line(output)


def _channel_line(channel: ChannelDef) -> str:
    fields = f" ({', '.join(map(_name, channel.fields))})" if channel.fields else ""
    home = f", kept on {_name(channel.node)}" if channel.node is not None else ""
    users = f", used on {', '.join(map(_name, channel.nodes))}" if channel.nodes else ""
    return (
        f"channel {_name(channel.name)}: capacity {channel.capacity}, {_count(channel.columns, 'column')}{fields}, "
        f"{_count(channel.writers, 'writer')}{home}{users}"
    )


def _collective_line(collective: CollectiveDef) -> str:
    reduction = f" ({collective.reduction})" if collective.reduction else ""
    root = f" from {_name(collective.root)}" if collective.root else ""
    places = [f"{count} on {_name(node)}" for node, count in zip(collective.nodes, collective.parties, strict=True)]
    count = sum(collective.parties)
    parties = f"{count} {'party' if count == 1 else 'parties'}, {', '.join(places)}"
    return f"{collective.kind} {_name(collective.name)}{reduction}{root}: {parties}"


def _output_line(output: OutputDef) -> str:
    task = f" (task {_name(output.task)})" if output.task else ""
    return f"output {_name(output.blob)} from {_name(output.node)}{task}"


def _plan_lines(plan: PlanDef, lines: bool) -> Iterator[str]:
    yield f"plan {_name(plan.name)}"
    steps = _Steps(plan.nets, lines)
    for step in plan.steps:
        yield from _indented(steps.lines_of(step))
    for net in plan.nets:
        if net.name not in steps.shown:
            yield f"{_INDENT}in no step:"
            yield from _indented(_net_lines(net, lines), by=2)


def _plan_tree_lines(plan: PlanDef) -> Iterator[str]:
    yield f"plan {_name(plan.name)}"
    for step in plan.steps:
        yield from _indented(_tree_lines(step))


# --- steps ------------------------------------------------------------------------------------------------------------


class _Steps:
    """Prints steps, and each net where it comes up first; `shown` has the names of the nets that did."""

    def __init__(self, nets: Iterable[NetDef], lines: bool) -> None:
        self.shown: set[str] = set()
        self._nets = {net.name: net for net in nets}
        self._lines = lines

    def lines_of(self, step: StepDef) -> Iterator[str]:
        yield _step_line(step, ()) + (_site(step.site) if self._lines else "")
        for child in step.steps:
            yield from _indented(self.lines_of(child))
        for name in step.nets:
            yield from _indented(self._net(name))
        if step.report_net is not None:
            yield from _indented(_prefixed("report ", self._net(step.report_net)))
        for closing in step.closing:
            yield from _indented(_prefixed("finally ", self.lines_of(closing)))

    def _net(self, name: str) -> Iterator[str]:
        net = self._nets.get(name)
        if net is None:
            return iter([f"net {_name(name)}"])
        if name in self.shown:
            return iter([f"net {_name(name)}, as above"])
        self.shown.add(name)
        return _net_lines(net, self._lines)


def _tree_lines(step: StepDef) -> Iterator[str]:
    yield _step_line(step, step.nets)
    for child in step.steps:
        yield from _indented(_tree_lines(child))
    for closing in step.closing:
        yield from _indented(_prefixed("finally ", _tree_lines(closing)))


def _step_line(step: StepDef, nets: tuple[str, ...]) -> str:
    flags: list[tuple[str, object]] = [
        ("num_iter", step.times),
        ("concurrent_substeps", step.concurrent or None),
        ("report_net", step.report_net),
        ("report_interval", step.report_interval_s),
        ("should_stop_blob", step.until),
        ("only_once", step.only_once),
        ("run_every_ms", step.every_ms),
        ("create_workspace", step.create_workspace or None),
        ("num_concurrent_instances", step.instances),
        ("timeout_s", step.timeout_s),
    ]
    words = [f"[{step.name}]", *(f"{name}={_flag(value)}" for name, value in flags if value is not None)]
    if nets:
        words.append(f"nets={','.join(map(_name, nets))}")
    if step.task is not None:
        words.append(f"(task {_name(step.task)}{f' on {_name(step.node)}' if step.node is not None else ''})")
    return " ".join(words)


def _flag(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _name(value) if isinstance(value, str) else str(value)


# --- nets and operators -----------------------------------------------------------------------------------------------


def _net_lines(net: NetDef, lines: bool) -> Iterator[str]:
    notes: list[tuple[str, object]] = [("type", net.type or None), ("seed", net.random_seed)]
    shown = [f"{name}={value}" for name, value in notes if value is not None]
    shown += [f"{_name(name)}={_value(value)}" for name, value in net.arguments.items()]
    yield " ".join(["net", _name(net.name), *shown]) + (_site(net.site) if lines else "")
    if net.external_inputs:
        yield f"{_INDENT}external_input: {', '.join(map(_name, net.external_inputs))}"
    for op in net.ops:
        yield from _indented(_op_lines(op, lines))
    if net.external_outputs:
        yield f"{_INDENT}external_output: {', '.join(map(_name, net.external_outputs))}"


def _op_lines(op: OpDef, lines: bool) -> Iterator[str]:
    outputs = f"{', '.join(map(_name, op.outputs))} = " if op.outputs else ""
    inputs = ", ".join(map(_name, op.inputs))
    arguments = ", ".join(f"{_name(name)}={_value(value)}" for name, value in op.arguments.items())
    yield f"{outputs}{op.type}({'; '.join(filter(None, (inputs, arguments)))}){_op_notes(op)}" + (
        _site(op.site) if lines else ""
    )
    for name, value in op.arguments.items():
        for net in value if isinstance(value, tuple) else (value,):
            if isinstance(net, NetDef):
                yield from _indented(_prefixed(f"{name}: ", _net_lines(net, lines)))


def _op_notes(op: OpDef) -> str:
    notes = {
        "name": op.name,
        "after": ", ".join(map(_name, op.control_inputs)),
        "engine": op.engine,
        "seed": "" if op.random_seed is None else op.random_seed,
        "node": op.node_name,
        "function": "" if op.function is None else function_name(op.function),
    }
    shown = ", ".join(f"{name} {note}" for name, note in notes.items() if note != "")
    return f" [{shown}]" if shown else ""


# --- values -----------------------------------------------------------------------------------------------------------


def _value(value: object) -> str:
    match value:
        case float():
            return _float(value)
        case bytes():
            return _string(value)
        case NetDef():
            return f"net {_name(value.name)}"
        case tuple():
            shown = ", ".join(map(_value, value[:_VALUES_SHOWN]))
            return f"[{shown}]" if len(value) <= _VALUES_SHOWN else f"[{shown}, ... {len(value)} values]"
        case int():
            return str(int(value))
    return f"<{type(value).__name__}>"


def _float(value: float) -> str:
    """As few digits as give the same float32 back, if it is one; the wire holds no others."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    return repr(value) if float(single) != value and not np.isnan(value) else str(single)


def _string(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"<{_count(len(value), 'byte')}>"
    if len(text) > _CHARACTERS_SHOWN:
        return f"{text[:_CHARACTERS_SHOWN]!r}... {len(text)} characters"
    return repr(text)


# --- words ------------------------------------------------------------------------------------------------------------


def _name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else repr(name)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _site(site: Site) -> str:
    return f"  # {site}" if site != UNKNOWN_SITE else ""


def _indented(lines: Iterable[str], by: int = 1) -> Iterator[str]:
    for line in lines:
        yield _INDENT * by + line


def _prefixed(prefix: str, lines: Iterator[str]) -> Iterator[str]:
    """The prefix goes before the first line; the others stay below it."""
    yield prefix + next(lines)
    yield from lines
