"""A channel on several nodes without processes: messages are delivered one at a time, when the test says so."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from taskplan.cancel import CancelToken
from taskplan.engine.parking import Waiter, advance, give_up, park
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.operators.waiting import NOT_YET, Attempt, Changes, Closes, Puts, Reason, Takes
from taskplan.plan.model import ChannelDef
from taskplan.sessions.nodes.channel_messages import Delivers, GivesBack, Grants, Records
from taskplan.sessions.nodes.channels import OwnedChannel, RemoteChannel

OWNER = "home"


class Call(Waiter):
    """An attempt that was asked for, and what came of it: `done` with a `result` or an `error`, or parked."""

    def __init__(self, reason: Reason, attempt: Attempt) -> None:
        super().__init__(reason, attempt, CancelToken(lambda _: None), False, 0.0, math.inf, None, None)

    gave_up = False

    def wake(self) -> None:
        """Nobody sleeps."""

    def answer(self) -> Any:
        """What came of it, which must have come."""
        assert self.done, f"{self.reason!r} still waits"
        if self.error is not None:
            raise self.error
        return self.result

    def give_up(self) -> None:
        """Wait no more, as when the time is up."""
        self.gave_up = True
        give_up(self)


def wait(reason: Reason, attempt: Attempt) -> Call:
    """Make an attempt as drivers do: behind those that are parked for the same, who go on when it changed something."""
    call = Call(reason, attempt)
    subject = reason.subject
    if type(reason) not in subject.parked:
        try:
            call.result = attempt()
        except BaseException as error:
            call.error = error
        if call.error is not None or call.result is not NOT_YET:
            call.done = True
            if call.error is None and subject.parked:
                advance(subject)
            return call
    park(call)
    return call


class Network:
    """A channel whose queue is on node `home`, with stand-ins on other nodes, and the messages under way."""

    def __init__(self, others: str = "a", *, capacity: int = 4, columns: int = 1, **details: Any) -> None:
        nodes = tuple(others)
        definition = ChannelDef("rows", capacity, columns, nodes=(OWNER, *nodes), **details)
        self._most = capacity
        self.under_way: dict[tuple[str, str], deque[Any]] = {}
        self.sent: list[tuple[str, str, Any]] = []
        self.soon: list[bool] = []  # whether that was enough for each of them
        self.owner = OwnedChannel(definition, nodes, partial(self._send, OWNER))
        self.remotes = {node: RemoteChannel(definition, OWNER, partial(self._send, node)) for node in nodes}

    def channel(self, node: str) -> BlobsQueue:
        """The channel as it is on a node."""
        return self.owner if node == OWNER else self.remotes[node]

    # --- what operators do --------------------------------------------------------------------------------------------

    def put(self, node: str, *record: Any) -> Call:
        """Begin to put a record."""
        channel = self.channel(node)
        return wait(Puts(channel), partial(channel.try_put, record))

    def take(self, node: str) -> Call:
        """Begin to take a record."""
        channel = self.channel(node)
        return wait(Takes(channel), channel.try_take)

    def take_many(self, node: str, count: int, check: Callable[[Any], None] = lambda _: None) -> Call:
        """Begin to take records together."""
        channel = self.channel(node)
        return wait(Takes(channel), partial(channel.try_take_many, count, check))

    def change(self, node: str, method: str, *arguments: Any, **details: Any) -> Any:
        """Do something that never waits."""
        channel = self.channel(node)
        kind = Closes if method in ("close", "end_writes", "end_reads") else Changes
        return wait(kind(channel), partial(getattr(channel, method), *arguments, **details)).answer()

    # --- messages -----------------------------------------------------------------------------------------------------

    def _send(self, source: str, target: str, message: Any, *, soon: bool = False) -> None:
        self.under_way.setdefault((source, target), deque()).append(message)
        self.sent.append((source, target, message))
        self.soon.append(soon)

    def ways(self) -> list[tuple[str, str]]:
        """The pairs of nodes between which something is under way."""
        return [pair for pair, messages in self.under_way.items() if messages]

    def deliver(self, source: str, target: str, *, join: bool = False) -> None:
        """Deliver the oldest message between two nodes; if asked, joined with records that come right behind it."""
        messages = self.under_way[source, target]
        message = messages.popleft()
        while join and isinstance(message, Records) and messages and isinstance(messages[0], Records):
            message = Records(message.channel, message.records + messages.popleft().records)
        channel: Any = self.channel(target)
        wait(Changes(channel), partial(channel.receive, source, message)).answer()

    def settle(self) -> None:
        """Deliver all messages, and those that are sent meanwhile."""
        while ways := self.ways():
            self.deliver(*ways[0])
            self.check()

    def kinds(self, since: int = 0) -> list[str]:
        """The messages that were sent, as `"a: Wants"`, by the node at the other end than the owner."""
        return [
            f"{source if source != OWNER else target}: {type(message).__name__}"
            for source, target, message in self.sent[since:]
        ]

    # --- what must be true at any moment ------------------------------------------------------------------------------

    def check(self) -> None:
        """Hold the books of the nodes against each other, and all promises that hold at any moment."""
        self.owner.check_invariants()
        granted = lent = 0
        for node, remote in self.remotes.items():
            remote.check_invariants()
            peer = self.owner._peers[node]
            to, fro = self.under_way.get((OWNER, node), ()), self.under_way.get((node, OWNER), ())
            held = remote._credits + sum(each.number for each in to if isinstance(each, Grants))
            held += sum(each.number for each in fro if isinstance(each, GivesBack))
            held += sum(len(each.records) for each in fro if isinstance(each, Records))
            assert held == peer.credits, f"{node} has {held} credits, the owner counts {peer.credits}"
            granted += held
            assert all(len(each.records) for each in to if isinstance(each, Delivers)), "nothing was delivered"
            lent += sum(map(len, peer.lent))
        used = len(self.owner._records) + lent + granted
        # Whoever expected more than the capacity has gone: what came for it may stay, and nothing more comes.
        self._most = max(self.owner._room, min(self._most, used))
        assert used <= self._most, f"{used} of {self._most}"
        if not self.ways():
            self.check_rest()

    def check_rest(self) -> None:
        """Nothing is under way: who waits has a reason."""
        owner = self.owner
        assert not owner._lent, "lent records were neither taken nor given back"
        assert not owner._credits or owner._free() >= 0, "room is granted that is not there any more"
        for call in self.parked():
            if isinstance(call.reason, Puts):
                assert not owner.closed, "a writer waits for a closed channel"
                assert len(owner._records) >= owner._room, f"a writer waits: {owner.describe()}"
            elif isinstance(call.reason, Takes):
                assert not owner.failed, "a reader waits for a failed channel"
                wanted = call.attempt.args[0] if isinstance(call.attempt, partial) else 1
                assert not owner.closed, "a reader waits for a closed channel"
                assert len(owner._records) < wanted, f"a reader waits: {owner.describe()}"

    def parked(self) -> Iterator[Call]:
        """Those that wait first, on all nodes."""
        for channel in (self.owner, *self.remotes.values()):
            for line in channel.parked.values():
                yield line[0]
