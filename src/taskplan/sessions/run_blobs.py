"""The blobs that a session makes for a run, and takes away when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from taskplan.engine.attempted import Attempted, Placed
from taskplan.engine.cells import CellSpace
from taskplan.errors import WorkspaceError
from taskplan.operators.collective_objects import Collective, Seat
from taskplan.operators.queue_objects import BlobsQueue, RebatchingQueue
from taskplan.operators.waiting import Closes
from taskplan.plan.model import ProgramDef
from taskplan.plan.names import channel_blob, collective_blob


def open_run_blobs(program: ProgramDef, placed: Sequence[Placed], shared: Attempted) -> dict[str, BlobsQueue]:
    """A fresh object for each channel and each collective, in the workspaces in which the plans run that use it.

    Returns:
        The queues of the channels, by the names of their blobs.

    Raises:
        WorkspaceError: another run, which uses one of these workspaces now, has something of that name there.
    """
    require_no_other_run(program, placed)
    queues: dict[str, BlobsQueue] = {}
    for channel in program.channels:
        queue = BlobsQueue(channel_blob(channel.name), channel.capacity, channel.columns, channel.fields)
        queue.writers, queue.readers = channel.writers, channel.readers
        queue.made_in = shared.identity
        queues[queue.name] = queue
        for each in placed:
            if each.node in channel.nodes:
                each.space.local_cell(queue.name).value = queue
    for definition in program.collectives:
        collective = Collective(definition, definition.nodes[0])
        collective.made_in = shared.identity
        for each in placed:
            if each.node in definition.nodes:
                each.space.local_cell(collective.name).value = Seat(collective, each.node)
    return queues


def require_no_other_run(program: ProgramDef, placed: Sequence[Placed]) -> None:
    """Refuse to let two runs at once meet in one workspace.

    Raises:
        WorkspaceError: they would; the message has the name.
    """
    names = _names(program)
    for each in placed if names else ():
        taken = set(each.space.local_names())
        for name, what in names.items():
            if name in taken:
                msg = (
                    f"another run uses {what} in the workspace of node {each.node!r} now; give one of them another "
                    "name, or their tasks private workspaces"
                )
                raise WorkspaceError(msg, blob=name, node=each.node)


def _names(program: ProgramDef) -> dict[str, str]:
    """The blobs of a program's channels and collectives, and what they are called."""
    if not program.channels and not program.collectives:
        return {}
    channels = {channel_blob(channel.name): f"channel {channel.name!r}" for channel in program.channels}
    return channels | {collective_blob(each.name): f"{each.kind} {each.name!r}" for each in program.collectives}


def close_queues(placed: Sequence[Placed], channels: Mapping[str, BlobsQueue], shared: Attempted) -> None:
    """After a failure, whoever outside of the run still waits for one of its queues is told so."""
    queues: list[Any] = list(channels.values())
    for each in placed:
        cells = map(each.space.find, each.plan.queue_blobs())
        queues += [cell.value for cell in cells if cell and isinstance(cell.value, BlobsQueue | RebatchingQueue)]
    token = shared.new_token()
    for queue in queues:
        shared.driver.wait(Closes(queue), partial(queue.close, failed=True), token)


def forget_run_blobs(program: ProgramDef, placed: Sequence[Placed], spaces: Mapping[str, CellSpace]) -> None:
    """Take away what was there for the run alone: channels, collectives, and outputs that nobody can fetch."""
    hidden = set(program.hidden_blobs)
    for output in program.outputs:
        if output.blob in hidden and output.node in spaces:
            spaces[output.node].forget(output.blob)
    names = _names(program)
    for each in placed:
        for name in names:
            each.space.forget(name)
