"""The objects that parts of a run share: which node has what, and making them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from taskplan.engine.attempted import Attempted, Placed
from taskplan.engine.prepare import PreparedPlan
from taskplan.operators.collective_objects import Collective
from taskplan.operators.waiting import Takes
from taskplan.plan.model import ChannelDef, ProgramDef
from taskplan.plan.names import channel_blob, collective_blob
from taskplan.sessions.nodes.channels import OwnedChannel, RemoteChannel
from taskplan.sessions.nodes.owned_channel import Send
from taskplan.sessions.run_blobs import open_run_blobs, require_no_other_run

SenderOf = Callable[[str], Send]
"""For a blob, what sends from the object in it to its like on another node."""


def owners_of(program: ProgramDef, plans: Mapping[str, PreparedPlan]) -> dict[str, str]:
    """The node that has the queue of each channel which several nodes use.

    That is the node that its definition names, else the first one that reads it: what is read where it lies travels
    once.
    """
    return {
        channel.name: _owner(channel, plans)
        for channel in program.channels
        if sum(node in plans for node in channel.nodes) > 1
    }


def _owner(channel: ChannelDef, plans: Mapping[str, PreparedPlan]) -> str:
    users = [node for node in channel.nodes if node in plans]
    if channel.node in users:
        return channel.node
    blob = channel_blob(channel.name)
    for node in users:
        uses = plans[node].reach(plans[node].plan.steps).uses
        if any(each.use.kind is Takes and each.use.blob == blob for each in uses):
            return node
    return users[0]


def open_shared_objects(
    program: ProgramDef,
    placed: Placed,
    owners: Mapping[str, str],
    shared: Attempted,
    sender: SenderOf,
) -> dict[str, Any]:
    """Put the objects of a node's part into the workspace in which it runs; by the names of their blobs.

    Args:
        program: the node's part of the program.
        placed: its plan, and where that runs.
        owners: see `owners_of`.
        shared: the node's part of the run.
        sender: makes what objects send with.

    Raises:
        WorkspaceError: another run has something of that name there.
    """
    require_no_other_run(program, [placed])
    spread_channels = [channel for channel in program.channels if channel.name in owners]
    spread_collectives = [collective for collective in program.collectives if len(collective.nodes) > 1]
    alone = replace(
        program,
        channels=tuple([channel for channel in program.channels if channel.name not in owners]),
        collectives=tuple([each for each in program.collectives if len(each.nodes) == 1]),
    )
    objects: dict[str, Any] = dict(open_run_blobs(alone, [placed], shared))
    for channel in spread_channels:
        blob = channel_blob(channel.name)
        objects[blob] = _channel(channel, placed.node, owners[channel.name], sender(blob))
    for collective in spread_collectives:
        blob = collective_blob(collective.name)
        objects[blob] = Collective(collective, placed.node, sender(blob))
    for blob, each in objects.items():
        each.made_in = shared.identity
        placed.space.local_cell(blob).value = each
    return objects


def _channel(channel: ChannelDef, node: str, owner: str, send: Send) -> Any:
    if owner == node:
        return OwnedChannel(channel, [other for other in channel.nodes if other != node], send)
    return RemoteChannel(channel, owner, send)
