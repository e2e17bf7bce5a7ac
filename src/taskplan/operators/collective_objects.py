"""Collective operations: what the tasks of several nodes meet at, and what they hand each other there.

Each party comes once a round, with what it gives. When all parties of a node are there, one of them folds what they
gave into a part; when all parts are there, a party of the *leader*, the first node of the definition, folds these into
the result. So the order of all additions is that of the definition, whoever comes first, and every node gets the same
bits.

A `Collective` is made of attempts, and so no arithmetic is done in it: it hands a `Fold` to one of those that wait,
which computes it (`taskplan.operators.collectives`) and publishes what it found. It stands for all nodes, if they are
in one process, or for one of them; then it talks to its like on other nodes by messages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from taskplan.operators.operands import Tensor
from taskplan.operators.waiting import NOT_YET, NotYet, Reason, Shared
from taskplan.plan.model import CollectiveDef
from taskplan.plan.names import collective_blob


class Meets(Reason):
    """Takes part in a round; waits until all others do."""

    __slots__ = ()

    # One may still be on its way out of a round when others are in the next one.
    in_any_order = True


class Offer(NamedTuple):
    """What a party, or all of a node, give: tensors, or None from those that only take; and who that is."""

    values: tuple[Tensor, ...] | None
    giver: str = ""


class Partial(NamedTuple):
    """A message to the leader: what the parties of a node give in a round, folded."""

    name: str
    round: int
    offer: Offer


class Result(NamedTuple):
    """A message from the leader: what a round has come to."""

    name: str
    round: int
    values: tuple[Tensor, ...] | None


class Failure(NamedTuple):
    """A message to all others: what parties give in a round does not fit together.

    Attributes:
        error: the class of the error, by its name in `taskplan.errors`.
        text: its message.
    """

    name: str
    round: int
    error: str
    text: str


CollectiveMessage = Partial | Result | Failure

Addressed = tuple[str, CollectiveMessage]
"""A node, and what to send to it."""


class Fold(NamedTuple):
    """Work for one of those that wait.

    Attributes:
        round: the number of the round, from 1.
        node: whose parties gave the offers, in the order of their coming; None if these are the parts of all nodes, in
            the order of the definition.
        offers: what to fold.
    """

    round: int
    node: str | None
    offers: tuple[Offer, ...]


@dataclass(slots=True)
class _Round:
    """One round, as far as it is known here.

    Attributes:
        offers: what the parties of each node here have given.
        parts: what each node has given, where they are put together.
        work: what can be folded now.
        outcome: what it has come to.
        inside: how many parties here have not left yet.
    """

    inside: int
    offers: dict[str, list[Offer]] = field(default_factory=dict)
    parts: dict[str, Offer] = field(default_factory=dict)
    work: deque[Fold] = field(default_factory=deque)
    outcome: Result | Failure | None = None


class Collective(Shared):
    """Where the parties of one collective operation meet, on one node or in one process.

    A party makes these attempts::

        number = collective.arrive(node, offer)
        answer = collective.try_go_on(number)           # again and again, until it is a Result or a Failure
        if isinstance(answer, Fold):
            for node, message in collective.publish(answer, folded(collective.definition, answer)):
                collective.send(node, message)          # not in an attempt

    Whoever gets a message makes the attempt `receive`. Messages from one node to another keep their order.

    Args:
        definition: what it is, and who takes part.
        node: the node that it is for, if it sends.
        send: hands a message to the node that is named; None if all nodes are here.
    """

    __slots__ = ("_arrived", "_over", "_parties", "_rounds", "_sender", "definition", "node")

    def __init__(
        self, definition: CollectiveDef, node: str, send: Callable[[str, CollectiveMessage], None] | None = None
    ) -> None:
        super().__init__(collective_blob(definition.name))
        self.definition = definition
        self.node = node
        self._sender = send
        all_parties = dict(zip(definition.nodes, definition.parties, strict=True))
        self._parties = all_parties if send is None else {node: all_parties[node]}
        self._arrived = dict.fromkeys(self._parties, 0)
        self._rounds: dict[int, _Round] = {}
        self._over = 0

    # --- attempts -----------------------------------------------------------------------------------------------------

    def arrive(self, node: str, offer: Offer) -> int:
        """One party of `node` is there; the number of its round. It is not to come again before that is over."""
        number = self._arrived[node] // self._parties[node] + 1
        self._arrived[node] += 1
        state = self._round(number)
        offers = state.offers.setdefault(node, [])
        offers.append(offer)
        if self._parties[node] == 1 and self._leader in self._parties:  # there is nothing to fold nor to send
            self._collect(number, node, offer)
        elif len(offers) == self._parties[node]:
            state.work.append(Fold(number, node, tuple(offers)))
        return number

    def try_go_on(self, number: int) -> Fold | Result | Failure | NotYet:
        """What one that has arrived is to fold, or what the round has come to: with that it leaves."""
        state = self._rounds[number]
        if state.outcome is None:
            return state.work.popleft() if state.work else NOT_YET
        state.inside -= 1
        if not state.inside:
            del self._rounds[number]
            self._over = number
        return state.outcome

    def publish(self, fold: Fold, found: Offer | Failure) -> list[Addressed]:
        """Make known what a fold has come to; what is to be sent, by the caller and not in an attempt."""
        name, number, state = self.definition.name, fold.round, self._rounds[fold.round]
        if isinstance(found, Failure):
            state.outcome = state.outcome or found
            return [(node, found) for node in self._others()]
        if fold.node is None:
            state.outcome = state.outcome or Result(name, number, found.values)
            return [(node, state.outcome) for node in self._others()]
        if self._leader in self._parties:
            self._collect(number, fold.node, found)
            return []
        return [(self._leader, Partial(name, number, found))]

    def receive(self, source: str, message: CollectiveMessage) -> None:
        """Take a message of another node's."""
        if message.round <= self._over:  # of a round that has failed
            return
        if isinstance(message, Partial):
            self._collect(message.round, source, message.offer)
        else:
            state = self._round(message.round)
            state.outcome = state.outcome or message

    # --- the rest -----------------------------------------------------------------------------------------------------

    def send(self, node: str, message: CollectiveMessage) -> None:
        """Hand a message to a node."""
        assert self._sender is not None
        self._sender(node, message)

    def describe(self) -> str:
        """One phrase about who is there."""
        number = self._latest()
        return f"{self._shown()} ({self._count(number)} of {sum(self.definition.parties)} there, round {number})"

    def lonely(self) -> str:
        """What it looks like when those who are there wait for good."""
        there = self._count(self._latest())
        return f"nobody comes to {self._shown()} any more: {there} of {sum(self.definition.parties)} are there"

    def check_invariants(self) -> None:
        """Hold what must be true between any two attempts against what is."""
        for number, state in self._rounds.items():
            assert number > self._over, f"round {number} is over, and there"
            assert 0 < state.inside <= sum(self._parties.values()), f"{state.inside} in round {number}"
            for node, offers in state.offers.items():
                assert len(offers) <= self._parties[node], f"{len(offers)} parties of {node!r} in round {number}"

    @property
    def _leader(self) -> str:
        return self.definition.nodes[0]

    def _others(self) -> list[str]:
        return [node for node in self.definition.nodes if node not in self._parties]

    def _round(self, number: int) -> _Round:
        known = self._rounds.get(number)
        if known is None:
            known = self._rounds[number] = _Round(sum(self._parties.values()))
        return known

    def _collect(self, number: int, node: str, part: Offer) -> None:
        state = self._round(number)
        state.parts[node] = part
        if len(state.parts) == len(self.definition.nodes):
            state.work.append(Fold(number, None, tuple([state.parts[each] for each in self.definition.nodes])))

    def _latest(self) -> int:
        """The round that some wait to begin, or that is to come."""
        open_rounds = [number for number, state in list(self._rounds.items()) if state.outcome is None]
        return min(open_rounds, default=max([self._over, *self._rounds]) + 1)

    def _count(self, number: int) -> int:
        """How many parties are known to be in a round."""
        state = self._rounds.get(number)
        if state is None:
            return 0
        elsewhere = zip(self.definition.nodes, self.definition.parties, strict=True)
        remote = sum(count for node, count in elsewhere if node in state.parts and node not in self._parties)
        return remote + sum(map(len, list(state.offers.values())))

    def _shown(self) -> str:
        return f"{self.definition.kind} {self.definition.name!r}"


class Seat(NamedTuple):
    """A collective that stands for several nodes, as one of them sees it; what a blob holds."""

    collective: Collective
    node: str


def seat_of(held: Collective | Seat) -> Seat:
    """What a blob of a collective gives: the collective, and the node on which one is.

    Raises:
        TypeError: it holds something else; the engine says which blob that was.
    """
    if isinstance(held, Seat):
        return held
    if isinstance(held, Collective):
        return Seat(held, held.node)
    msg = f"expected a Collective, got {held!r}"
    raise TypeError(msg)
