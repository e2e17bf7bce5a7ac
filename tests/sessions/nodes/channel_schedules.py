"""Random schedules of writers and readers of one channel on several nodes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.sessions.nodes.channel_network import OWNER, Call, Network

from taskplan.errors import ShapeError
from taskplan.operators.queue_objects import Record

Step = Iterator[Call | None]
"""Yields what it began, if that can wait; goes on when it is done, or was given up."""


class Schedule:
    """One random program and one random order of its steps and messages, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = rng = random.Random(seed)
        others = "abc"[: rng.randint(1, 3)]
        nodes = [OWNER, *others]
        self.capacity = rng.choice((1, 1, 2, 3, 4, 8))
        writers = [rng.choice(nodes) for _ in range(rng.randint(1, 4))]
        readers = [rng.choice(nodes) for _ in range(rng.choice((1, 1, 2, 3)))]
        self.network = Network(others, capacity=self.capacity, writers=len(writers), readers=len(readers))
        self.hasty = rng.choice((0.0, 0.0, 0.02, 0.1))
        self.ending = rng.choice(("ends", "ends", "ends", "leaves", "closes", "fails", "cause"))
        self.accepted: list[tuple[int, int]] = []
        self.taken: list[list[tuple[int, int]]] = [[] for _ in readers]
        self.cause = ValueError("the source broke")
        self.actors: list[tuple[Step, Call | None]] = []
        for number, node in enumerate(writers):
            self.actors.append((self._writer(number, node, rng.randint(0, 12)), None))
        for number, node in enumerate(readers):
            self.actors.append((self._reader(number, node), None))
        if self.ending in ("closes", "fails"):
            self.actors.append((self._closer(rng.choice(nodes), rng.randint(1, 60)), None))
        self.one_reader = len(readers) == 1
        self.ends_seen = 0

    # --- actors -------------------------------------------------------------------------------------------------------

    def _writer(self, number: int, node: str, count: int) -> Step:
        for position in range(count):
            yield (call := self.network.put(node, (number, position)))
            while call.gave_up:
                yield (call := self.network.put(node, (number, position)))
            if not call.answer():
                break
            self.accepted.append((number, position))
        cause = self.cause if self.ending == "cause" and number == 0 else None
        self.network.change(node, "end_writes", cause)

    def _reader(self, number: int, node: str) -> Step:
        rng, network = self.random, self.network
        wants = rng.choice((1, 1, 2, 3, self.capacity, self.capacity + 2))
        many = rng.random() < 0.4
        patience = rng.randint(0, 20) if self.ending == "leaves" else 1_000_000
        for _ in range(patience):
            if many and wants > self.capacity:
                network.change(node, "expect", wants)
            call = network.take_many(node, wants, self._check) if many else network.take(node)
            yield call
            if many and wants > self.capacity:
                network.change(node, "settle", wants)
            if call.gave_up or call.error is not None:
                assert call.error is None or isinstance(call.error, ShapeError)
                many = rng.random() < 0.4
                continue
            found = call.answer()
            if found is None:
                self.ends_seen += 1
                break
            self.taken[number] += [record[0] for record in (found if many else [found])]
        network.change(node, "end_reads")

    def _check(self, records: Sequence[Record]) -> None:
        assert records
        if self.random.random() < self.hasty:
            raise ShapeError("these do not fit together")

    def _closer(self, node: str, patience: int) -> Step:
        for _ in range(patience):
            yield None
        self.network.change(node, "close", failed=self.ending == "fails")

    # --- running it ---------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run it to its end, and hold what came of it against what went in."""
        while self._step():
            self.network.check()
        self._check_end()

    def _step(self) -> bool:
        rng = self.random
        ready = [index for index, (_, call) in enumerate(self.actors) if call is None or call.done]
        ways = self.network.ways()
        waiting = [call for _, call in self.actors if call is not None and not call.done]
        if waiting and rng.random() < self.hasty:
            call = rng.choice(waiting)
            call.give_up()
            return True
        if not ready and not ways:
            return False
        choice = rng.randrange(len(ready) + len(ways))
        if choice >= len(ready):
            self.network.deliver(*ways[choice - len(ready)], join=rng.random() < 0.5)
            return True
        actor, _ = self.actors[ready[choice]]
        try:
            self.actors[ready[choice]] = actor, next(actor)
        except StopIteration:
            del self.actors[ready[choice]]
        return True

    def _check_end(self) -> None:
        assert not self.actors, f"{len(self.actors)} wait for ever: {self.network.owner.describe()}"
        network = self.network
        given = [record for taken in self.taken for record in taken]
        left: list[Any] = [record[0] for record in network.owner._records]
        assert len(set(given)) == len(given), "a record came twice"
        assert sorted(given + left) == sorted(self.accepted), "records were lost, or made up"
        failed = [channel.failed for channel in (network.owner, *network.remotes.values())]
        assert self.ending == "fails" or not any(failed)
        if not any(failed) and self.ending != "leaves":
            assert not left, "readers saw the end before the last record"
        assert self.ending == "leaves" or self.ends_seen == len(self.taken)
        if self.one_reader:
            [taken] = self.taken
            for number in {number for number, _ in taken}:
                positions = [position for writer, position in taken if writer == number]
                assert positions == sorted(positions), "records of one writer out of order"
        self._check_ends()

    def _check_ends(self) -> None:
        network = self.network
        for channel in (network.owner, *network.remotes.values()):
            assert channel.closed
            # A node that failed does not wait for the owner's word, which may be that the end was there before.
            assert channel.failed or not network.owner.failed
            assert str(channel.cause) == str(network.owner.cause)
