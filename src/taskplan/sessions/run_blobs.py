"""The blobs that a session makes for a run, and takes away when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from taskplan.engine.attempted import Attempted, Placed
from taskplan.operators.queue_objects import BlobsQueue, RebatchingQueue
from taskplan.operators.waiting import Closes
from taskplan.plan.model import ChannelDef, ProgramDef
from taskplan.plan.names import channel_blob
from taskplan.sessions.workspaces import Workspace


def open_channels(
    channels: Sequence[ChannelDef], spaces: Mapping[str, Workspace], shared: Attempted
) -> dict[str, BlobsQueue]:
    """A fresh queue for each channel, in every workspace that uses it."""
    queues = {}
    for channel in channels:
        queue = BlobsQueue(channel_blob(channel.name), channel.capacity, channel.columns, channel.fields)
        queue.writers, queue.readers = channel.writers, channel.readers
        queue.made_in = shared.identity
        queues[channel.name] = queue
        for node in channel.nodes:
            if node in spaces:
                spaces[node].local_cell(channel_blob(channel.name)).value = queue
    return queues


def close_queues(placed: Sequence[Placed], channels: Mapping[str, BlobsQueue], shared: Attempted) -> None:
    """After a failure, whoever outside of the run still waits for one of its queues is told so."""
    queues: list[Any] = list(channels.values())
    for each in placed:
        cells = map(each.space.find, each.plan.queue_blobs())
        queues += [cell.value for cell in cells if cell and isinstance(cell.value, BlobsQueue | RebatchingQueue)]
    token = shared.new_token()
    for queue in queues:
        shared.driver.wait(Closes(queue), partial(queue.close, failed=True), token)


def forget_run_blobs(program: ProgramDef, spaces: Mapping[str, Workspace]) -> None:
    """Take away what was there for the run alone: channels, and outputs that nobody can fetch."""
    hidden = set(program.hidden_blobs)
    for output in program.outputs:
        if output.blob in hidden and output.node in spaces:
            spaces[output.node].forget(output.blob)
    for channel in program.channels:
        for space in spaces.values():
            space.forget(channel_blob(channel.name))
