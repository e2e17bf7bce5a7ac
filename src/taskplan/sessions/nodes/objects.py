"""The objects that parts of a run share: which node has what, and making them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from taskplan.engine.attempted import Attempted
from taskplan.engine.prepare import PreparedPlan
from taskplan.operators.waiting import Takes
from taskplan.plan.model import ChannelDef, ProgramDef
from taskplan.plan.names import channel_blob
from taskplan.sessions.nodes.channels import OwnedChannel, RemoteChannel
from taskplan.sessions.run_blobs import open_channels
from taskplan.sessions.workspaces import Workspace

SenderOf = Callable[[str], Callable[[str, Any], None]]
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
    node: str,
    owners: Mapping[str, str],
    space: Workspace,
    shared: Attempted,
    sender: SenderOf,
) -> dict[str, Any]:
    """Put the objects of a node's part into its workspace; by the names of their blobs.

    Args:
        program: the node's part of the program.
        node: which one it is.
        owners: see `owners_of`.
        space: the node's workspace.
        shared: the node's part of the run.
        sender: makes what objects send with.
    """
    alone = [channel for channel in program.channels if channel.name not in owners]
    plain = open_channels(alone, {node: space}, shared)
    objects: dict[str, Any] = {channel_blob(name): queue for name, queue in plain.items()}
    for channel in program.channels:
        owner = owners.get(channel.name)
        if owner is not None:
            blob = channel_blob(channel.name)
            objects[blob] = _channel(channel, node, owner, sender(blob))
            objects[blob].made_in = shared.identity
            space.local_cell(blob).value = objects[blob]
    return objects


def _channel(channel: ChannelDef, node: str, owner: str, send: Callable[[str, Any], None]) -> Any:
    if owner == node:
        return OwnedChannel(channel, [other for other in channel.nodes if other != node], send)
    return RemoteChannel(channel, owner, send)
