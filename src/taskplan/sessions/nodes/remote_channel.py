"""The stand-in for the queue of a channel, on a node that does not own it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from taskplan.engine.parking import advance
from taskplan.operators.queue_counts import QueueCounts
from taskplan.operators.queue_objects import BlobsQueue, Record
from taskplan.operators.statistic_objects import PROCESS
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
    ToOwner,
    Wants,
)
from taskplan.sessions.nodes.channel_values import require_travels
from taskplan.sessions.nodes.owned_channel import Send
from taskplan.sessions.nodes.travel import packed, unpacked

_TOGETHER = 64
"""How many records travel together at the most."""


class _PassingCounts(QueueCounts):
    """What went through a stand-in. It holds nothing, so what it took and did not give out is not undelivered."""

    __slots__ = ()

    @property
    def undelivered(self) -> int:
        """None: the owner counts them."""
        return 0


class RemoteChannel(BlobsQueue):
    """Stands for the queue of a channel: puts go to the owner with credits from it, and takes are asked for.

    It holds records only while it is handed them: those that nobody waits for any more go back to the owner.

    Args:
        definition: the channel.
        owner: the node that has the queue.
        send: sends to it. Nothing is sent before somebody here uses the channel.

    Attributes:
        channel: its name, as the program has it.
        owner: as given.
    """

    __slots__ = (
        "_asked",
        "_credits",
        "_drained",
        "_handing_out",
        "_rest",
        "_round",
        "_send_to",
        "_together",
        "_unhurried",
        "_wanted",
        "channel",
        "owner",
    )

    def __init__(self, definition: ChannelDef, owner: str, send: Send) -> None:
        super().__init__(channel_blob(definition.name), definition.capacity, definition.columns, definition.fields)
        self.counts = _PassingCounts(self.name, self.columns, self.field_names, self.parked)
        PROCESS.watch(self, self.counts)  # those that the queue was made with stay at 0
        self.channel = definition.name
        self.owner = owner
        self._send_to = send
        self._credits = 0
        self._wanted = 0  # for how many the owner was told that they wait, less what it has granted since
        self._asked: Asks | None = None
        self._round = 0  # how often records went back
        self._handing_out = self._rest = self._drained = False
        self._together = min(_TOGETHER, definition.capacity // 2)
        self._unhurried = 0  # how many records were sent since the last one that was to leave at once

    @property
    def fill(self) -> int:
        """How many records it holds: none, but while it hands them out."""
        return len(self._records)

    # --- attempts -----------------------------------------------------------------------------------------------------

    def try_put(self, record: Record) -> bool | NotYet:
        """Send a record to the owner, if there is a credit for it; false once it is known that the channel is closed.

        Raises:
            OperatorError: a value of the record cannot go to another process.
        """
        if self.closed:
            self.counts.refused += 1
            return False
        if self._credits:
            require_travels(self.channel, self, record)
            self._credits -= 1
            self.counts.put += 1
            self._put(Records(self.channel, (record,)))
            return True
        waiting = max(1, self.counts.waiting(Puts))
        if self._wanted < waiting:
            require_travels(self.channel, self, record)  # rather now than when there is room
            self._wanted = waiting
            self._send(Wants(self.channel, waiting))
        return NOT_YET

    def try_take(self) -> Record | NotYet | None:
        """Take the oldest record that the owner has delivered, or ask it for one; None at the end."""
        if not self._records or self.failed:
            return self._nothing_here(1)
        record = self._records.popleft()
        self._count_taken(record)
        return record

    def try_take_many(self, count: int, check: Callable[[Sequence[Record]], None]) -> list[Record] | NotYet | None:
        """Take `count` records that the owner has delivered together, or ask it for them; see `BlobsQueue`."""
        if not self._records or self.failed or (len(self._records) < count and not self._rest):
            return self._nothing_here(count)
        records = list(islice(self._records, count))
        check(records)
        for record in records:
            self._records.popleft()
            self._count_taken(record)
        return records

    def _put(self, message: Records) -> None:
        """Records travel together, as long as their writer can go on and the owner has others to give out."""
        self._unhurried += 1
        soon = self._credits > 0 and self._unhurried < self._together
        if not soon:
            self._unhurried = 0
        self._send_to(self.owner, message, soon=soon)

    def _nothing_here(self, wanted: int) -> NotYet | None:
        if self.failed or self._drained:
            self.counts.found_end += 1
            return None
        # What is asked while records are handed out would be void as soon as some of them go back.
        if not self._handing_out and (self._asked is None or self._asked.least != wanted):
            most = max(1, self.counts.waiting(Takes)) if wanted == 1 else wanted
            self._asked = Asks(self.channel, wanted, most)
            self._send(self._asked)
        return NOT_YET

    def expect(self, count: int) -> None:
        """Let the owner have room for `count` at once."""
        self._send(Expects(self.channel, count))

    def settle(self, count: int) -> None:
        """There need not be room for `count` any more."""
        self._send(Settles(self.channel, count))

    def begin_writes(self) -> bool:
        """The channel has one more writer; false if it is known to be closed."""
        if not self.closed:
            self._send(Begins(self.channel, writes=True))
        return not self.closed

    def begin_reads(self) -> None:
        """The channel has one more reader."""
        self._send(Begins(self.channel, writes=False))

    def end_writes(self, cause: BaseException | None = None) -> None:
        """One writer is done; the owner counts those of all nodes."""
        self._send(Ends(self.channel, writes=True, cause=packed(cause) if cause is not None else None))

    def end_reads(self) -> None:
        """One reader is done; the owner counts those of all nodes."""
        self._send(Ends(self.channel, writes=False))

    def close(self, failed: bool = False, cause: BaseException | None = None) -> None:
        """Refuse puts from now on, and let the owner close the channel. Closing again changes nothing.

        If it failed, readers here get nothing more from now on, even if the owner closed it for a better reason before.
        """
        if not self.closed:
            self._send(Closes(self.channel, failed, packed(cause) if cause is not None else None))
            self._end(failed, cause)

    def _end(self, failed: bool, cause: BaseException | None) -> None:
        self.closed = True
        self.failed = self.failed or failed
        self.cause = cause if self.cause is None else self.cause
        self._wanted = 0
        self._give_back()

    def _give_back(self) -> None:
        if self._credits:
            self._send(GivesBack(self.channel, self._credits))
            self._credits = 0

    # --- messages -----------------------------------------------------------------------------------------------------

    def receive(self, source: str, message: ChannelMessage) -> None:
        """An attempt that always succeeds: take note of what the owner says."""
        assert source == self.owner, f"{source} does not own {self.channel}"
        match message:
            case Grants(_, count):
                self._credits += count
                self._wanted = max(0, self._wanted - count)
                if self.closed:
                    self._give_back()
            case Recalls():
                self._send(GivesBack(self.channel, self._credits))
                self._credits = 0
            case Delivers():
                if message.round == self._round:
                    self._hand_out(message)
            case Closed(_, failed, cause):
                self._end(failed, unpacked(cause) if cause is not None else None)
            case Drained():
                self._drained = True
            case _:
                raise AssertionError(f"{message!r} is nothing that a stand-in is told")

    def _hand_out(self, message: Delivers) -> None:
        """Give the records to those who wait, and let the owner have the others back.

        Whoever waits then asks when the driver makes its attempt again.
        """
        self._asked = None
        self._records.extend(message.records)
        self._rest = message.rest
        self._handing_out = True
        advance(self)
        self._handing_out = self._rest = False
        self._send(Accepts(self.channel, len(message.records) - len(self._records)))
        if self._records:
            self._records.clear()
            self._round += 1

    def _send(self, message: ToOwner) -> None:
        self._send_to(self.owner, message)

    # --- for messages and tests ---------------------------------------------------------------------------------------

    def describe(self) -> str:
        """One phrase about what it may do, and what it waits for."""
        state = [f"may put {self._credits}"] if self._credits else []
        if self._wanted:
            state.append(f"wants room for {self._wanted}")
        if self._asked is not None:
            state.append(f"asked for {self._asked.most}")
        if self.closed:
            state.append("closed as failed" if self.failed else "closed")
        return f"queue {self.name!r} of node {self.owner!r} ({', '.join(state) or 'open'})"

    def check_invariants(self) -> None:
        """Hold what must be true between any two attempts against what is."""
        assert self._credits >= 0, f"{self._credits} credits"
        assert self._wanted >= 0, f"wants {self._wanted}"
        assert not self._records, f"{len(self._records)} records that nobody took"
        assert not self._handing_out, "still handing out"
        assert self.closed or not self.failed, "failed and open"
        assert self.closed or not self.counts.refused, "refused while open"
        assert not self.closed or not self._credits, f"{self._credits} credits after the end"
        assert not self._credits or not self.counts.waiting(Puts), "a writer waits beside a credit"
