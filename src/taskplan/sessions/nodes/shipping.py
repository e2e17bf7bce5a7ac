"""A program on its way to nodes: what each of them needs of it, where it is to run, whom it talks to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from taskplan.errors import BuildValueError
from taskplan.operators import registry
from taskplan.plan import archive, functions
from taskplan.plan.model import NeedDef, ProgramDef
from taskplan.plan.order import stands


class SentProgram:
    """A program as it is sent to nodes.

    Attributes:
        number: what nodes call it.
    """

    def __init__(self, number: int, program: ProgramDef) -> None:
        self.number = number
        self._program = program

    def for_node(self, node: str) -> tuple[int, bytes, tuple[str, ...], bytes]:
        """The arguments of `NodeHost._call_load`."""
        part = part_of(self._program, node)
        types = {op.type for plan in part.plans.values() for net in plan.nets for op in archive.deep(net)}
        declared_here = [registry.declaration(name) for name in sorted(types) if registry.is_operator(name)]
        own = [declared for declared in declared_here if not declared.is_builtin]
        scripts = [declared for declared in own if functions.is_script(declared.body.__module__)]
        modules = {declared.body.__module__ for declared in own if declared not in scripts}
        return self.number, archive.program_to_bytes(part), tuple(sorted(modules)), functions.dumps(scripts)


def part_of(program: ProgramDef, node: str) -> ProgramDef:
    """What one node needs of a program."""
    return replace(
        program,
        plans={node: program.plans[node]},
        outputs=tuple([output for output in program.outputs if output.node == node]),
        channels=tuple([channel for channel in program.channels if node in channel.nodes]),
        collectives=tuple([collective for collective in program.collectives if node in collective.nodes]),
        needs=(),  # where it is placed is settled
    )


def peers_of(program: ProgramDef, owners: Mapping[str, str]) -> dict[str, set[str]]:
    """The nodes that each has to connect to. Of two that have something to say to each other, only one connects."""
    peers: dict[str, set[str]] = {}
    for channel in program.channels:
        owner = owners.get(channel.name)
        for node in channel.nodes:
            if owner is not None and node != owner:
                peers.setdefault(min(node, owner), set()).add(max(node, owner))
    for collective in program.collectives:
        leader, *others = collective.nodes
        for node in others:
            peers.setdefault(min(node, leader), set()).add(max(node, leader))
    return peers


def tasks_of(program: ProgramDef, node: str) -> tuple[str, ...]:
    """The names of the tasks on a node."""
    tasks = [task for _, task, _ in stands(program.plans[node].steps) if task is not None]
    return tuple(dict.fromkeys(tasks))


def needs_of(program: ProgramDef) -> dict[str, dict[str, Any]]:
    """The keywords of each node that has any.

    Raises:
        BuildValueError: two uses of a node contradict each other; the message has both lines.
    """
    known: dict[tuple[str, str], NeedDef] = {}
    found: dict[str, dict[str, Any]] = {}
    for need in program.needs:
        first = known.setdefault((need.node, need.keyword), need)
        if first.value != need.value:
            msg = (
                f"node {need.node!r} is to have {need.keyword}={first.value!r}, as said at {first.site}, and "
                f"{need.keyword}={need.value!r}, as said at {need.site}; it is one node, so say the same in both places"
            )
            raise BuildValueError(msg, node=need.node)
        found.setdefault(need.node, {})[need.keyword] = need.value
    return found


def may_restart(program: ProgramDef) -> bool:
    """Whether a program may run again from its start after a run that was broken off."""
    return program.restartable or set(program.plans) <= set(program.private_nodes)
