"""The blobs of collective operations, which a session makes for a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taskplan.engine.attempted import Attempted
from taskplan.operators.collective_objects import Collective, Seat
from taskplan.plan.model import CollectiveDef
from taskplan.plan.names import collective_blob
from taskplan.sessions.workspaces import Workspace


def open_collectives(collectives: Sequence[CollectiveDef], spaces: Mapping[str, Workspace], shared: Attempted) -> None:
    """Let the parties on all nodes of this process meet: one object for each operation, which all nodes see."""
    for definition in collectives:
        collective = Collective(definition, definition.nodes[0])
        collective.made_in = shared.identity
        for node in definition.nodes:
            spaces[node].local_cell(collective_blob(definition.name)).value = Seat(collective, node)


def forget_collectives(collectives: Sequence[CollectiveDef], spaces: Mapping[str, Workspace]) -> None:
    """Take the blobs away when the run is over."""
    for definition in collectives:
        for space in spaces.values():
            space.forget(collective_blob(definition.name))
