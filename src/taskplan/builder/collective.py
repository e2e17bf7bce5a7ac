"""Barriers, broadcasts and reductions among tasks: the operators, and who takes part in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from taskplan.builder.blobs import BlobReference
from taskplan.builder.cluster import Node
from taskplan.builder.columns import from_blob_list
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.net_builder import SESSION_BLOBS, NetBuilder
from taskplan.builder.sites import here
from taskplan.builder.task import Task
from taskplan.errors import BuildTypeError, BuildValueError
from taskplan.operators.uses import ops_with_names, subnets
from taskplan.plan.model import CollectiveDef, NetDef, OpDef, PlanDef, StepDef
from taskplan.plan.names import COLLECTIVE, collective_blob
from taskplan.plan.order import parts

REDUCTIONS = ("sum", "mean", "min", "max")

_KINDS = {"CollectiveBarrier": "barrier", "CollectiveBroadcast": "broadcast", "CollectiveAllReduce": "allreduce"}


# --- writing them -----------------------------------------------------------------------------------------------------


def add_barrier(name: str) -> None:
    """Add a barrier to the open net. As `ops.barrier`."""
    net, collective = _place(name)
    net.CollectiveBarrier([collective], [])


def add_broadcast(blob: BlobReference | str | None, root: str | Node, name: str) -> BlobReference:
    """Add a broadcast to the open net. As `ops.broadcast`."""
    node = str(root)
    net, collective = _place(name)
    task = Task.current(required=False)
    if task is not None and task.node == node and blob is None:
        msg = f"broadcast {name!r} gets no blob on its root, node {node!r}, at {here()}; pass the blob to send"
        raise BuildValueError(msg)
    given = [blob] if blob is not None and (task is None or task.node == node) else []
    received: BlobReference = net.CollectiveBroadcast([collective, *given], root=node)
    return received


def add_allreduce(blobs: Any, reduction: str, name: str) -> Any:
    """Add an allreduce to the open net. As `ops.allreduce`."""
    if reduction not in REDUCTIONS:
        known = ", ".join(map(repr, REDUCTIONS))
        msg = f"allreduce {name!r} has no reduction {reduction!r}, at {here()}; use one of {known}"
        raise BuildValueError(msg)
    given = blobs.field_blobs() if isinstance(blobs, Field) else blobs
    if isinstance(given, list | tuple) and not given:
        msg = f"allreduce {name!r} gets no blobs, at {here()}; pass at least one"
        raise BuildValueError(msg)
    listed = list(given) if isinstance(given, list | tuple) else [given]
    net, collective = _place(name)
    made = net.CollectiveAllReduce([collective, *listed], len(listed), reduction=reduction)
    reduced = list(made) if len(listed) > 1 else [made]
    if isinstance(blobs, Field):
        return from_blob_list(blobs.clone_schema(), reduced)
    return reduced if isinstance(blobs, list | tuple) else reduced[0]


def _place(name: str) -> tuple[Net, BlobReference]:
    """The open net, and the blob of the collective of that name."""
    if not isinstance(name, str):
        msg = f"the name of a collective operation is a string, got {name!r}"
        raise BuildTypeError(msg)
    if not name:
        msg = "a collective operation needs a name, got an empty string"
        raise BuildValueError(msg)
    net = NetBuilder.current().current_net()
    collective = BlobReference(collective_blob(name))
    if collective not in net.get_attributes(SESSION_BLOBS):
        net.add_attribute(SESSION_BLOBS, collective)
    return net, collective


# --- who takes part ---------------------------------------------------------------------------------------------------


class _Parties(NamedTuple):
    """Those that take part in one collective at once, in some part of a plan.

    Attributes:
        op: one of the operators.
        number: how many there are.
        roots: how many of them give the value of a broadcast.
        tasks: those in which they are; None stands for what is in no task.
    """

    op: OpDef
    number: int
    roots: int
    tasks: frozenset[str | None]


_Found = dict[str, _Parties]
"""By the name of the collective."""


class _Owner(NamedTuple):
    task: str | None = None
    node: str | None = None


def collectives_of(plans: Mapping[str, PlanDef]) -> tuple[CollectiveDef, ...]:
    """The collective operations of a program, by the operators in the plans of its nodes.

    Raises:
        BuildValueError: two of one name differ in kind, reduction or root; two steps of a task that run at once take
            part in one, or a task takes part with different numbers of instances; a broadcast has not just one root.
    """
    by_name: dict[str, dict[str, _Parties]] = {}
    for node, plan in plans.items():
        nets = {net.name: net for net in plan.nets if any(_kind_of(op) for op in _operators(net))}
        if not nets:
            continue
        found: _Found = {}
        for step in plan.steps:
            _then(found, _in_step(step, nets, _Owner()))
        for name, its in found.items():
            by_name.setdefault(name, {})[node] = its
    return tuple([_defined(name, nodes) for name, nodes in by_name.items()])


def _defined(name: str, nodes: Mapping[str, _Parties]) -> CollectiveDef:
    first, *others = nodes.values()
    for other in others:
        _require_same(name, first.op, other.op)
    op = first.op
    if _KINDS[op.type] == "broadcast":
        _require_one_root(name, op, nodes)
    return CollectiveDef(
        name=name,
        kind=_KINDS[op.type],
        nodes=tuple(nodes),
        parties=tuple([its.number for its in nodes.values()]),
        reduction=_text(op, "reduction") or ("sum" if _KINDS[op.type] == "allreduce" else ""),
        root=_text(op, "root"),
        site=op.site,
    )


def _in_step(step: StepDef, nets: Mapping[str, NetDef], owner: _Owner) -> _Found:
    """Who takes part in a step and all that is below it."""
    if step.task is not None:
        owner = _Owner(step.task, step.node)
    found: _Found = {}
    for part in parts(step):
        here_: _Found = {}
        for name in part.nets:
            if name in nets:
                _then(here_, _in_net(nets[name], owner))
        for child in part.steps:
            _then(here_, _in_step(child, nets, owner))
        for name, its in here_.items():
            copies = its._replace(number=its.number * part.copies, roots=its.roots * part.copies)
            found[name] = _at_once(name, found[name], copies) if name in found else copies
    for closing in step.closing:
        _then(found, _in_step(closing, nets, owner))
    return found


def _in_net(net: NetDef, owner: _Owner) -> _Found:
    found: _Found = {}
    for op, outer in ops_with_names(net):
        if _kind_of(op):
            blob = outer(op.inputs[0])
            name = blob.removeprefix(COLLECTIVE)
            _then(found, {name: _Parties(op, 1, _gives(name, op, owner), frozenset({owner.task}))})
    return found


def _gives(name: str, op: OpDef, owner: _Owner) -> int:
    """1 if an operator gives the value of a broadcast, 0 otherwise."""
    gives = len(op.inputs) > 1 and _KINDS[op.type] == "broadcast"
    root = _text(op, "root")
    if root and owner.node is not None and gives != (owner.node == root):
        msg = (
            f"broadcast {name!r} at {op.site} gets a blob in {_task_text(owner.task)}, which is not on its root, node "
            f"{root!r}; write it inside `with Task()`, or pass None"
            if gives
            else f"broadcast {name!r} gets no blob on its root, node {root!r}, at {op.site}; pass the blob to send"
        )
        raise BuildValueError(msg)
    return int(gives)


def _then(found: _Found, following: _Found) -> None:
    """Enter those that take part later, who are the same ones again."""
    for name, its in following.items():
        known = found.setdefault(name, its)
        _require_same(name, known.op, its.op)
        if known.number != its.number:
            msg = (
                f"{_shown(name, its.op)} has {known.number} parties at {known.op.site} and then {its.number} at "
                f"{its.op.site} in {_tasks_text(known.tasks | its.tasks)}; give one of them another name"
            )
            raise BuildValueError(msg)
        found[name] = known._replace(roots=max(known.roots, its.roots), tasks=known.tasks | its.tasks)


def _at_once(name: str, one: _Parties, other: _Parties) -> _Parties:
    """Those of two parts that run at once."""
    _require_same(name, one.op, other.op)
    both = one.tasks & other.tasks
    if both:
        msg = (
            f"two steps of {_tasks_text(both)} that run at once take part in {_shown(name, one.op)}, at {one.op.site} "
            f"and {other.op.site}; give one of them another name, or a task of its own"
        )
        raise BuildValueError(msg)
    return _Parties(one.op, one.number + other.number, one.roots + other.roots, one.tasks | other.tasks)


def _require_same(name: str, one: OpDef, other: OpDef) -> None:
    """Refuse two operators of one name that are not the same operation."""
    for what, mine, its in (
        ("kind", _KINDS[one.type], _KINDS[other.type]),
        ("reduction", _text(one, "reduction"), _text(other, "reduction")),
        ("root", _text(one, "root"), _text(other, "root")),
    ):
        if mine != its:
            of = "a collective operation" if what == "kind" else _KINDS[one.type]
            msg = f"{of} {name!r} has the {what} {mine!r} at {one.site} and {its!r} at {other.site}"
            raise BuildValueError(f"{msg}; give one of them another name")


def _require_one_root(name: str, op: OpDef, nodes: Mapping[str, _Parties]) -> None:
    roots = sum(its.roots for its in nodes.values())
    if roots != 1:
        where = "where no task takes part in it" if not roots else f"which has {roots} parties there"
        msg = (
            f"broadcast {name!r} ({op.site}) has its root on node {_text(op, 'root')!r}, {where}; the root is one task "
            "with one instance"
        )
        raise BuildValueError(msg)


def _operators(net: NetDef) -> Iterator[OpDef]:
    """The operators of a net and of the nets in it. Quickly, since most programs have none of ours."""
    for op in net.ops:
        yield op
        if op.arguments and not net.calls_checked:
            for inner in subnets(op):
                yield from _operators(inner)


def _kind_of(op: OpDef) -> str:
    return _KINDS.get(op.type, "")


def _text(op: OpDef, argument: str) -> str:
    value = op.arguments.get(argument, b"")
    return value.decode() if isinstance(value, bytes) else ""


def _shown(name: str, op: OpDef) -> str:
    return f"{_KINDS[op.type]} {name!r}"


def _task_text(task: str | None) -> str:
    return "no task" if task is None else f"task {task!r}"


def _tasks_text(tasks: Sequence[str | None] | frozenset[str | None]) -> str:
    return " and ".join(sorted(map(_task_text, tasks)))
