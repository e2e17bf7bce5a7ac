"""What operators know that has no place in their messages: their lines, and those of the nets that they hold."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef, OpDef
from taskplan.plan.names import UNKNOWN_SITE, Site

Nested = Mapping[str, NetDef | tuple[NetDef, ...]]
"""Nets by the name of the argument, as they were when the operator was added."""

NOTHING_NESTED: Nested = MappingProxyType({})


class Origin(NamedTuple):
    """Where one operator comes from. By `type` and `outputs` it is found again in a message that was edited."""

    type: str
    outputs: tuple[str, ...]
    site: Site
    nested: Nested = NOTHING_NESTED


def realigned(origins: Iterable[Origin], ops: Iterable[pb.OperatorDef]) -> list[Origin]:
    """An origin for each operator, by type and outputs, in order; what matches none was added through the message."""
    waiting: defaultdict[tuple[str, tuple[str, ...]], deque[Origin]] = defaultdict(deque)
    for origin in origins:
        waiting[origin.type, origin.outputs].append(origin)
    aligned = []
    for op in ops:
        kind, outputs = op.type, tuple(op.output)
        found = waiting[kind, outputs]
        aligned.append(found.popleft() if found else Origin(kind, outputs, UNKNOWN_SITE))
    return aligned


def with_nested_lines(net: NetDef, origins: Sequence[Origin]) -> NetDef:
    """The net, with the lines of the nets among its operators' arguments where these are known."""
    if not any(origin.nested for origin in origins):
        return net
    return replace(net, ops=tuple([_relined(op, origin.nested) for op, origin in zip(net.ops, origins, strict=True)]))


def nested_nets(arguments: Mapping[str, object]) -> Nested:
    """Those of an operator's arguments that are nets."""
    found: dict[str, NetDef | tuple[NetDef, ...]] = {}
    for name, value in arguments.items():
        if isinstance(value, NetDef) or (isinstance(value, tuple) and value and isinstance(value[0], NetDef)):
            found[name] = value
    return found or NOTHING_NESTED


def _relined(op: OpDef, nested: Nested) -> OpDef:
    if not nested:
        return op
    arguments = dict(op.arguments)
    for name, known in nested.items():
        present = arguments.get(name)
        if isinstance(present, NetDef) and isinstance(known, NetDef):
            arguments[name] = _with_lines_of(known, present)
        elif isinstance(present, tuple) and isinstance(known, tuple) and len(present) == len(known):
            arguments[name] = tuple(map(_with_lines_of, known, present))
    return replace(op, arguments=arguments)


def _with_lines_of(known: NetDef, net: NetDef) -> NetDef:
    """`net`, with the lines of `known` if its operators are still of the same types."""
    if [op.type for op in known.ops] != [op.type for op in net.ops]:
        return net
    ops = [
        replace(_relined(op, nested_nets(old.arguments)), site=old.site)
        for old, op in zip(known.ops, net.ops, strict=True)
    ]
    return replace(net, ops=tuple(ops), site=known.site)
