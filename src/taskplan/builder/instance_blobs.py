"""The blobs that each of several instances has for itself, whatever is left in their parent from earlier runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from taskplan.builder.net import Net
from taskplan.builder.origins import nested_nets
from taskplan.builder.step import ExecutionStep
from taskplan.plan.model import NetDef, OpDef


def instance_blobs(instance: ExecutionStep, outside: Iterable[Net | ExecutionStep], shared: Iterable[str]) -> list[str]:
    """The blobs that nobody but `instance` can mean: it made up their names, and writes them before it reads them.

    Names are free again once the nets that made them up are gone, but blobs stay in the workspace of a session. An
    instance would take such a leftover for a blob that it shares with the others. What comes into being in a step
    with a workspace of its own, inside the instance, is left to that step.

    Args:
        instance: what one instance runs.
        outside: what runs around the instances, in their parent.
        shared: blobs that are the parent's besides.
    """
    excluded = {*shared}
    for part in outside:
        around = [part.to_model()] if isinstance(part, Net) else (net for step in _steps(part) for net in _nets(step))
        for op in (op for each in around for op in _operators(each)):
            excluded.update(op.inputs, op.outputs)
    own: dict[str, None] = {}
    prefixes: dict[str, None] = {}
    enclosed = _enclosed(instance)
    for step in _steps(instance):
        for net in _nets(step):
            prefixes.update(dict.fromkeys(f"{each.name}/" for each in _with_nested(net)))
            for op in _operators(net):
                foreign = (*op.inputs, *op.outputs) if step in enclosed else op.inputs
                excluded.update(name for name in foreign if name not in own)
                own.update(dict.fromkeys(name for name in op.outputs if name not in excluded))
    made_up = tuple(prefixes)
    return [name for name in own if name.startswith(made_up) or any(f"/{prefix}" in name for prefix in made_up)]


def _enclosed(instance: ExecutionStep) -> set[ExecutionStep]:
    """The steps below that run in another workspace than the instance's."""
    found: set[ExecutionStep] = set()
    for step in _steps(instance):
        if step is not instance and step.peek().create_workspace:
            found.update(_steps(step))
    return found


def _steps(step: ExecutionStep) -> Iterator[ExecutionStep]:
    """The step and all below it, in the order in which they first run: reporters late, then closing steps."""
    steps = sorted(step.in_order(), key=lambda each: bool(each.peek().run_every_ms))
    yield from steps
    for each in steps:
        for closing in each.closing:
            yield from _steps(closing)


def _nets(step: ExecutionStep) -> list[NetDef]:
    """The nets that the step itself runs, as far as they are known by more than their names."""
    names = step.net_names()
    known = {net.Name(): net for net in step.Nets()} if names else {}
    return [known[name].to_model() for name in names if name in known]


def _with_nested(net: NetDef) -> Iterator[NetDef]:
    yield net
    for op in net.ops:
        for nested in nested_nets(op).values():
            for each in nested:
                yield from _with_nested(each)


def _operators(net: NetDef) -> Iterator[OpDef]:
    """The operators, those inside others before these."""
    for op in net.ops:
        for nested in nested_nets(op).values():
            for each in nested:
                yield from _operators(each)
        yield op
