"""The queue of a channel between processes, on the node that owns it.

Room and records are given out in turn: room to local writers and to nodes, records to the local reader that came first
and to nodes. What a local one is due is left where it is, since its attempt is made next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from taskplan.errors import OperatorError
from taskplan.operators.queue_objects import BlobsQueue, BoundedQueue, Record
from taskplan.operators.waiting import NOT_YET, NotYet, Puts, Takes
from taskplan.plan.model import ChannelDef
from taskplan.plan.names import channel_blob
from taskplan.sessions.nodes.channel_messages import (
    Accepts,
    Asks,
    Begins,
    ChannelMessage,
    Closed,
    Closes,
    Delivers,
    Drained,
    Ends,
    Expects,
    GivesBack,
    Grants,
    Recalls,
    Records,
    Settles,
    Wants,
)
from taskplan.sessions.nodes.channel_values import require_travels
from taskplan.sessions.nodes.travel import packed, unpacked


class Send(Protocol):
    """Sends to a node; never blocks, and keeps the order."""

    def __call__(self, node: str, message: Any, *, soon: bool = False) -> None:
        """Send a message; if `soon` is enough, it may wait for a moment, to travel with others."""


@dataclass(slots=True)
class _Peer:
    """What the owner knows of another node.

    Attributes:
        credits: granted, and neither used nor given back as far as is known here.
        wants: how many more its writers wait for.
        writes: whether it ever put a record, or wanted to.
        idle: whether it has not done so since it gave credits back.
        recalled: whether it was asked for its credits, and has not answered.
        asks: what its readers wait for.
        lent: what was delivered and not answered, a list a message.
        round: how often lent records came back.
    """

    node: str
    credits: int = 0
    wants: int = 0
    writes: bool = False
    idle: bool = False
    recalled: bool = False
    asks: Asks | None = None
    lent: deque[list[Record]] = field(default_factory=deque)
    round: int = 0


class OwnedChannel(BlobsQueue):
    """The queue itself. Records that are lent to readers on other nodes count as in it until they were taken.

    Args:
        definition: the channel.
        nodes: the other nodes that use it.
        send: sends to them. Nothing is sent before one of them has sent something, or the channel is closed.

    Attributes:
        channel: its name, as the program has it.
    """

    __slots__ = (
        "_credits",
        "_least",
        "_lent",
        "_local_reads_next",
        "_local_writes",
        "_local_writes_next",
        "_peers",
        "_reading",
        "_send",
        "_told_end",
        "_writing",
        "channel",
    )

    def __init__(self, definition: ChannelDef, nodes: Sequence[str], send: Send) -> None:
        super().__init__(
            channel_blob(definition.name),
            definition.capacity,
            definition.columns,
            definition.fields,
            definition.writers,
            definition.readers,
        )
        self.channel = definition.name
        self._send = send
        self._peers = {node: _Peer(node) for node in nodes}
        # Who is first in line was served the longest ago.
        self._writing = deque(self._peers.values())
        self._reading = deque(self._peers.values())
        self._credits = self._lent = 0  # of all peers together
        self._least = 1  # how many the local reader that waits first wants at once
        self._local_writes = self._told_end = False
        self._local_writes_next = self._local_reads_next = True

    # --- attempts of this node ----------------------------------------------------------------------------------------

    def try_put(self, record: Record) -> bool | NotYet:
        """As a queue that nobody shares; where others hold room that they do not use, they are asked for it.

        Raises:
            OperatorError: a value of the record cannot go to other processes.
        """
        if self.closed:
            self.counts.refused += 1
            return False
        self._local_writes = True
        try:
            require_travels(self.channel, self, record)
        except OperatorError:
            self._serve_writers(local=0)  # the room was perhaps left for this one
            raise
        if self._free() <= 0:
            self._recall(wanting=set(), local=True)
            return NOT_YET
        self._records.append(record)
        self.counts.put += 1
        self._serve_readers(local=self._local_reader_waits())
        return True

    def try_take(self) -> Record | NotYet | None:
        """Take the oldest record; None at the end, which is when nothing can come any more."""
        if not self._records and not self.failed and not self._nothing_comes():
            self._least = 1
            return NOT_YET
        answer = super().try_take()
        if answer is not None:
            self._serve_writers(self.counts.waiting(Puts))
            self._tell_end()
        return answer

    def try_take_many(self, count: int, check: Callable[[Sequence[Record]], None]) -> list[Record] | NotYet | None:
        """As a queue that nobody shares; fewer than `count` are all that there are when nothing can come any more."""
        if len(self._records) < count and not self.failed and not self._nothing_comes():
            self._least = count
            return NOT_YET
        try:
            answer = super().try_take_many(count, check)
        except BaseException:
            self._serve_readers(local=False)  # the records were perhaps left for this one
            raise
        if answer is not None:
            self._serve_writers(self.counts.waiting(Puts))
            self._tell_end()
        return answer

    def expect(self, count: int) -> None:
        """Have room for `count` at once; see `BoundedQueue`."""
        super().expect(count)
        self._serve_writers(self.counts.waiting(Puts))

    def settle(self, count: int) -> None:
        """There need not be room for `count` any more; see `BoundedQueue`."""
        super().settle(count)
        self._serve_writers(self.counts.waiting(Puts))

    def close(self, failed: bool = False, cause: BaseException | None = None) -> None:
        """Take nothing more but what stand-ins have taken; tell all nodes. Closing again changes nothing."""
        if self.closed:
            return
        super().close(failed, cause)
        told = Closed(self.channel, failed, packed(cause) if cause is not None else None)
        for peer in self._peers.values():
            peer.wants = 0
            self._send(peer.node, told)
        self._go_on()

    # --- messages -----------------------------------------------------------------------------------------------------

    def receive(self, source: str, message: ChannelMessage) -> None:
        """An attempt that always succeeds: take note of what the stand-in of node `source` says."""
        peer = self._peers[source]
        match message:
            case Records(_, records):
                self._arrive(peer, records)
            case Wants(_, count):
                self._writes(peer)
                peer.wants = 0 if self.closed else count
            case GivesBack(_, count):
                self._use_up(peer, count)
                peer.recalled = False
                peer.idle = peer.idle or count > 0
            case Asks():
                peer.asks = message
            case Accepts(_, count):
                self._accepted(peer, count)
            case Expects(_, count):
                self.expect(count)
            case Settles(_, count):
                self.settle(count)
            case Begins(_, writes):
                if writes:
                    self.begin_writes()
                else:
                    self.begin_reads()
            case Ends(_, writes, cause):
                if writes:
                    self.end_writes(unpacked(cause) if cause is not None else None)
                else:
                    self.end_reads()
            case Closes(_, failed, cause):
                self.close(failed, unpacked(cause) if cause is not None else None)
            case _:
                raise AssertionError(f"{message!r} is nothing that an owner is told")
        self._go_on()

    def _arrive(self, peer: _Peer, records: Sequence[Record]) -> None:
        self._use_up(peer, len(records))
        self._writes(peer)
        # Also when it is closed: the stand-in took them before it knew.
        self._records.extend(records)
        self.counts.put += len(records)

    @staticmethod
    def _writes(peer: _Peer) -> None:
        peer.writes = True
        peer.idle = False

    def _use_up(self, peer: _Peer, count: int) -> None:
        peer.credits -= count
        self._credits -= count

    def _accepted(self, peer: _Peer, count: int) -> None:
        oldest = peer.lent.popleft()
        for record in oldest[:count]:
            self._count_taken(record)
        self._lent -= count
        back = oldest[count:]
        if back:
            for later in peer.lent:  # which the stand-in will not look at
                back += later
            peer.lent.clear()
            peer.asks = None
            peer.round += 1
            self._lent -= len(back)
            self._records.extendleft(reversed(back))

    # --- giving out ---------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        self._serve_readers(local=self._local_reader_waits())
        self._serve_writers(self.counts.waiting(Puts))
        self._tell_end()

    def _free(self) -> int:
        return self._room - len(self._records) - self._lent - self._credits

    def _nothing_comes(self) -> bool:
        """Whether there will never be more records in the queue than there are."""
        return self.closed and not self._credits and not self._lent

    def _local_reader_waits(self) -> bool:
        return self.counts.waiting(Takes) > 0 and len(self._records) >= self._least

    def _serve_readers(self, local: bool) -> None:
        """Lend to nodes that asked, as far as there is enough; if `local`, it may be a local reader's turn first."""
        kept = 0
        while not self.failed:
            at_hand = len(self._records) - kept
            peer = self._next_reader(at_hand)
            if peer is None:
                return
            if local and self._local_reads_next:
                kept = self._least
                local = self._local_reads_next = False
            else:
                self._lend(peer, at_hand)
                self._local_reads_next = True

    def _next_reader(self, at_hand: int) -> _Peer | None:
        if not at_hand:
            return None
        ending = self._nothing_comes()  # then fewer than were asked for are enough
        return next((each for each in self._reading if each.asks and (ending or each.asks.least <= at_hand)), None)

    def _lend(self, peer: _Peer, at_most: int) -> None:
        asks = peer.asks
        assert asks is not None
        count = min(asks.most, at_most)
        batch = [self._records.popleft() for _ in range(count)]
        peer.asks = None
        peer.lent.append(batch)
        self._lent += count
        self._send(peer.node, Delivers(self.channel, peer.round, tuple(batch), rest=count < asks.least))
        self._reading.remove(peer)
        self._reading.append(peer)

    def _serve_writers(self, local: int) -> None:
        """Grant the room that is free; as much as is due to `local` writers who wait is left for them."""
        if self.closed:
            return
        free = self._free()
        granted: dict[str, int] = {}
        while free > 0:
            peer = next((each for each in self._writing if each.wants), None)
            if local and (peer is None or self._local_writes_next):
                local -= 1
                self._local_writes_next = False
            elif peer is not None:
                peer.wants -= 1
                granted[peer.node] = granted.get(peer.node, 0) + 1
                self._writing.remove(peer)
                self._writing.append(peer)
                self._local_writes_next = True
            else:
                break
            free -= 1
        if free > 0:
            self._grant_ahead(granted, free)
        for node, count in granted.items():
            peer = self._peers[node]
            peer.credits += count
            self._credits += count
            self._send(node, Grants(self.channel, count), soon=2 * peer.credits < self._share())
        self._recall({each.node for each in self._writing if each.wants}, local > 0)

    def _share(self) -> int:
        """How much room each of those who write may have ahead."""
        return self.capacity // max(1, sum(peer.writes for peer in self._writing) + self._local_writes)

    def _grant_ahead(self, granted: dict[str, int], free: int) -> None:
        """Nobody waits for room: let those who write have some for what they will put next, in lumps."""
        writing = [peer for peer in self._writing if peer.writes]
        share = self._share()
        for peer in writing:
            if peer.recalled or peer.idle:
                continue
            new = granted.get(peer.node, 0)
            owed = min(free, share - peer.credits - new)
            if owed > 0 and (new or not peer.credits or 2 * owed >= share):
                granted[peer.node] = new + owed
                free -= owed

    def _recall(self, wanting: set[str], local: bool) -> None:
        """Ask for the credits of all but the one who wants room, or of all where more was granted than there is."""
        everybodys = local or len(wanting) > 1 or self._free() < 0
        if everybodys or wanting:
            for peer in self._writing:
                if peer.credits and not peer.recalled and (everybodys or peer.node not in wanting):
                    peer.recalled = True
                    self._send(peer.node, Recalls(self.channel))

    def _tell_end(self) -> None:
        # Who knows that it failed expects nothing more.
        if self._nothing_comes() and not self._records and not self.failed and not self._told_end:
            self._told_end = True
            for peer in self._peers.values():
                self._send(peer.node, Drained(self.channel))

    # --- for messages and tests ---------------------------------------------------------------------------------------

    def describe(self) -> str:
        """One phrase about the channel's state."""
        promised = f", room for {self._credits} granted to other nodes" if self._credits else ""
        ending = ", closed as failed" if self.failed else ", closed" if self.closed else ""
        return f"queue {self.name!r} ({self.fill} of {self.capacity}{promised}{ending})"

    def check_invariants(self) -> None:
        """Hold what must be true between any two attempts against what is."""
        BoundedQueue.check_invariants(self)
        peers = self._peers.values()
        held = len(self._records) + self._lent
        assert self.fill == held, f"{held} records, {self.fill} counted"
        assert all(len(record) == self.columns for record in self._records), "a record of another width"
        assert self._credits == sum(peer.credits for peer in peers), "credits were miscounted"
        assert self._lent == sum(len(batch) for peer in peers for batch in peer.lent), "lent records were miscounted"
        for peer in peers:
            assert peer.credits >= 0, f"{peer.credits} credits of {peer.node}"
            assert peer.wants >= 0, f"{peer.node} wants {peer.wants}"
