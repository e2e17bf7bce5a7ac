"""Reading a net's message again: what it has no place for comes from the operators as they were before."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from taskplan.plan import codec
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef, OpDef
from taskplan.plan.names import UNKNOWN_SITE, Site


def reread(message: pb.NetDef, known: Iterable[OpDef], functions: Mapping[str, object], site: Site) -> NetDef:
    """The net that the message describes, with the lines of operators, and of the nets that these hold.

    Args:
        message: the net, which may have been edited.
        known: the operators as they were before. By type and outputs, in order, they are found again in the message;
            what matches none was added through the message and has no line.
        functions: the functions that operators call, by token.
        site: the line that made the net.
    """
    waiting: defaultdict[tuple[str, tuple[str, ...]], deque[OpDef]] = defaultdict(deque)
    for op in known:
        waiting[op.type, op.outputs].append(op)
    same = [waiting[op.type, tuple(op.output)] for op in message.op]
    before = [found.popleft() if found else None for found in same]
    sites = [UNKNOWN_SITE if op is None else op.site for op in before]
    net = codec.net_from_proto(message, sites, functions, site)
    ops = [op if old is None else _relined(op, old) for op, old in zip(net.ops, before, strict=True)]
    return replace(net, ops=tuple(ops))


def nested_nets(op: OpDef) -> dict[str, Sequence[NetDef]]:
    """The nets among an operator's arguments, by the name of the argument."""
    found: dict[str, Sequence[NetDef]] = {}
    for name, value in op.arguments.items():
        if isinstance(value, NetDef):
            found[name] = (value,)
        elif isinstance(value, tuple) and value and isinstance(value[0], NetDef):
            found[name] = value
    return found


def _relined(op: OpDef, before: OpDef) -> OpDef:
    """`op`, with the lines of the nets that it held before."""
    known = nested_nets(before)
    if not known:
        return op
    arguments = dict(op.arguments)
    for name, nets in nested_nets(op).items():
        if len(known.get(name, ())) == len(nets):
            relined = tuple(map(_with_lines_of, known[name], nets))
            arguments[name] = relined if isinstance(arguments[name], tuple) else relined[0]
    return op._replace(arguments=arguments)


def _with_lines_of(known: NetDef, net: NetDef) -> NetDef:
    """`net`, with the lines of `known` if its operators are still of the same types."""
    if [op.type for op in known.ops] != [op.type for op in net.ops]:
        return net
    ops = [_relined(op, old)._replace(site=old.site) for old, op in zip(known.ops, net.ops, strict=True)]
    return replace(net, ops=tuple(ops), site=known.site)
