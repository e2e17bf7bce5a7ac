"""What home, where the session is, and the nodes in other processes say to each other.

A link carries calls from home with their replies, and notices that nobody answers. All are frozen and pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from taskplan.engine.tier import Tier
from taskplan.engine.why import Why
from taskplan.events import Event
from taskplan.sessions.nodes.travel import PackedError

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a node is told when it is started: who it is, where home is, and how it is to run what it gets.

    Attributes:
        key: of the session; whoever connects shows that it knows it.
        path: where home finds modules.
        folder: the folder that home works in.
        levels: the levels of the loggers at home, by name; that of the root logger under "".
        node_timeout_s: a node that has not heard of home for twice as long ends itself.
        grace_s, stall_warning_s: as the session has them.
    """

    node: str
    home: Address
    key: bytes
    path: tuple[str, ...]
    folder: str
    levels: Mapping[str, int]
    node_timeout_s: float
    grace_s: float
    stall_warning_s: float


@dataclass(frozen=True, slots=True)
class Hello:
    """The first thing that is said on a connection: who connects, and where others reach it."""

    node: str
    pid: int
    address: Address


# --- calls ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """Home wants a method of the host to be called; `Reply` has the same number."""

    number: int
    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the method returned, or raised."""

    number: int
    value: Any = None
    error: PackedError | None = None


# --- a run ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartOrder:
    """One node's part in a run.

    Attributes:
        run: the number of the run.
        program: the number of the program, whose part for this node was sent before.
        entropy: what all random seeds of the run come from.
        owners: the node that has the queue of each channel which several nodes use, by the channel's name.
        observed: whether somebody at home listens to events.
        tier: how its steps run.
    """

    run: int
    program: int
    entropy: int
    owners: Mapping[str, str]
    observed: bool
    tier: Tier


@dataclass(frozen=True, slots=True)
class Begin:
    """Run the part that was prepared: all others are ready too."""

    run: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the part. With `skip_closing` its closing blocks too, as after a second Ctrl-C."""

    run: int
    skip_closing: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A part has ended; `abandoned` are functions of the user that go on all the same."""

    run: int
    error: PackedError | None
    abandoned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forget:
    """All parts of the run have ended."""

    run: int


class Carried(NamedTuple):  # which is pickled in a third of the time that a dataclass takes
    """What the objects that parts of a run share say to each other; for `blob` in the workspace of the receiver.

    Attributes:
        soon: it may travel with what is said next, if that is soon.
    """

    run: int
    blob: str
    content: Any
    soon: bool = False


@dataclass(frozen=True, slots=True)
class Relayed:
    """What one node says to another by way of home, as they are not connected; `node` is the other one."""

    node: str
    content: Carried


@dataclass(frozen=True, slots=True)
class Idle:
    """No step of the part can go on by itself just now."""

    run: int


@dataclass(frozen=True, slots=True)
class WaitsLong:
    """A step of the part has waited for so long for what other nodes use too; who is to blame is known at home."""

    run: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Census:
    """How a part stands: whether it is idle, and how many messages of `Carried` it has sent and dealt with, ever.

    A part that has ended is idle too.
    """

    idle: bool
    ended: bool
    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class PartWhy:
    """Who waits for whom in a part.

    Attributes:
        why: as far as the part knows.
        states: `"waits"`, `"runs"` or `"has ended"` by task, as `"task 'x' on node 'y'"`; others have not begun.
    """

    why: Why
    states: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Observed:
    """An event of a run, `age_s` before it was sent."""

    run: int
    event: Event
    age_s: float


# --- the rest ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""

    number: int


@dataclass(frozen=True, slots=True)
class Pong:
    """Yes."""

    number: int


@dataclass(frozen=True, slots=True)
class Logged:
    """A record for the log."""

    logger: str
    level: int
    text: str
    created: float


@dataclass(frozen=True, slots=True)
class Printed:
    """Lines that were printed; `stream` is `"stdout"` or `"stderr"`."""

    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class PeerLost:
    """The connection to another node is gone."""

    node: str
    why: str


@dataclass(frozen=True, slots=True)
class Bye:
    """Home needs the node no more."""
