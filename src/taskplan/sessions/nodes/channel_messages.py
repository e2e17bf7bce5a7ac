"""What the two ends of a channel between processes say to each other.

The *owner* has the queue; on every other node that uses the channel a *stand-in* has the blob. Messages between two
nodes arrive once and in order; across pairs of nodes, in any order.

Who writes says `Wants`, and is granted credits, each for one record: `Grants`. A record uses one up (`Records`), and
those that were not used come back (`GivesBack`), at the latest when they are recalled (`Recalls`).

Who reads says `Asks`, and is lent what it asked for, as soon as all of that is there: `Delivers`. It says how many of
them somebody took (`Accepts`); the others are in the queue again, in front.
"""

from __future__ import annotations

from typing import NamedTuple

from taskplan.operators.queue_objects import Record
from taskplan.sessions.nodes.travel import PackedError

# --- from a stand-in to the owner -------------------------------------------------------------------------------------


class Wants(NamedTuple):
    """So many writers wait for room. Replaces what was said before."""

    channel: str
    number: int


class Records(NamedTuple):
    """Records that were put, each with a credit."""

    channel: str
    records: tuple[Record, ...]


class GivesBack(NamedTuple):
    """Credits that nobody uses; the answer to `Recalls`, perhaps with none."""

    channel: str
    number: int


class Asks(NamedTuple):
    """Somebody waits for `least` records at once, and all who wait want `most`. Replaces what was said before."""

    channel: str
    least: int
    most: int


class Accepts(NamedTuple):
    """Of the records of the oldest `Delivers` that is not answered, the first `number` were taken.

    If some are left, all others that are lent to this node go back with them, and what it asked for is void.
    """

    channel: str
    number: int


class Expects(NamedTuple):
    """A reader will want `number` at once, more than the capacity; `expect` of the queue."""

    channel: str
    number: int


class Settles(NamedTuple):
    """It has them, or wants them no more; `settle` of the queue."""

    channel: str
    number: int


class Begins(NamedTuple):
    """There is one more writer, or reader."""

    channel: str
    writes: bool


class Ends(NamedTuple):
    """One writer is done, or one reader; with the failure that is the reason, if one is."""

    channel: str
    writes: bool
    cause: PackedError | None = None


class Closes(NamedTuple):
    """Close the channel: `close` of the queue."""

    channel: str
    failed: bool
    cause: PackedError | None


# --- from the owner to a stand-in -------------------------------------------------------------------------------------


class Grants(NamedTuple):
    """There is room for so many more records of this node."""

    channel: str
    number: int


class Recalls(NamedTuple):
    """Others want room: give back the credits that are not used."""

    channel: str


class Delivers(NamedTuple):
    """The answer to `Asks`.

    Attributes:
        round: how often records of this node came back before this was sent. What was sent before the last of them did
            is void.
        rest: there are no more, so that they may be fewer than were asked for.
    """

    channel: str
    round: int
    records: tuple[Record, ...]
    rest: bool


class Closed(NamedTuple):
    """The channel takes nothing more. If it failed, it gives out nothing more either."""

    channel: str
    failed: bool
    cause: PackedError | None


class Drained(NamedTuple):
    """The channel was closed before, and the last record has been taken."""

    channel: str


ToOwner = Wants | Records | GivesBack | Asks | Accepts | Expects | Settles | Begins | Ends | Closes
FromOwner = Grants | Recalls | Delivers | Closed | Drained
ChannelMessage = ToOwner | FromOwner
