"""A part of a run, whose other nodes are the test."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import taskplan as tp
from taskplan import ops
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.threads import ThreadDriver, ThreadPool
from taskplan.engine.tier import Tier
from taskplan.sessions.nodes.channel_messages import Grants, Records, Wants
from taskplan.sessions.nodes.messages import Carried, Idle, PartOrder
from taskplan.sessions.nodes.part import Part
from taskplan.sessions.nodes.shipping import part_of

HANG_S = 20.0
ITEMS = 20


class HeldDriver(ThreadDriver):
    """A driver that leaves it to the test when a part is looked at."""

    def __init__(self) -> None:
        self.pool = ThreadPool()
        super().__init__(self.pool)
        self.looks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def spawn(self, job: Callable[[], None], *, brief: bool) -> None:
        """Keep a job, if it is that of looking."""
        if getattr(job, "__name__", "") == "_look":
            self.looks.put(job)
        else:
            super().spawn(job, brief=brief)


class Writer:
    """A part that writes to a channel of another node, which gives room for one record at a time."""

    def __init__(self) -> None:
        with tp.fresh_names(), tp.TaskGroup() as group:
            channel = tp.Channel("items", capacity=1, schema=["item"])
            with tp.Node("writer"), tp.Task(), ops.loop(ITEMS) as loop:
                channel.writer().write(None, [ops.Copy(loop.iter())])
            with tp.Node("reader"), tp.Task(), ops.loop(ITEMS):
                channel.reader().read()
        program = part_of(tp.compile_program(group), "writer")
        self.driver = HeldDriver()
        self.told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.said: queue.SimpleQueue[Carried] = queue.SimpleQueue()
        self.part = Part(
            PartOrder(1, 1, 0, {"items": "reader"}, observed=False, tier=Tier.AUTO),
            "writer",
            program,
            PreparedPlan(program.plans["writer"]),
            tp.Workspace(),
            self.driver,
            send=lambda node, message: self.said.put(message),
            tell_home=self.told.put,
            observe=None,
        )
        self.part.began = True
        self._thread = threading.Thread(target=self.part.perform, daemon=True)
        self._thread.start()

    def hear(self) -> Any:
        """What the part says next to the other node."""
        return self.said.get(timeout=HANG_S).content

    def give_room(self) -> None:
        """Let it go on with one record."""
        self.part.receive("reader", Carried(1, "channel:items", Grants("items", 1)))

    def end(self) -> None:
        """Let it have all that it needs."""
        for _ in range(ITEMS):
            self.give_room()
        self._thread.join(HANG_S)
        self.driver.pool.close()


@pytest.fixture
def writer() -> Iterator[Writer]:
    """A part that has begun."""
    writer = Writer()
    yield writer
    writer.end()


def until(writer: Writer, kind: type) -> None:
    """Hear what the part says until it says something of a kind."""
    while not isinstance(writer.hear(), kind):
        pass


def test_a_part_that_waits_again_and_again_is_to_be_looked_at_once(writer: Writer) -> None:
    for _ in range(ITEMS // 2):
        until(writer, Wants)
        writer.give_room()
        until(writer, Records)
    writer.driver.looks.get(
        timeout=HANG_S
    )  # it is asked for when the part has parked, which comes after it said `Wants`

    assert writer.driver.looks.qsize() == 0


def test_a_part_that_is_at_rest_when_it_is_looked_at_says_that_it_is_idle(writer: Writer) -> None:
    until(writer, Wants)

    look = writer.driver.looks.get(timeout=HANG_S)
    look()

    assert writer.told.get(timeout=HANG_S) == Idle(1)


def test_a_part_that_was_looked_at_is_looked_at_again_when_it_waits_again(writer: Writer) -> None:
    until(writer, Wants)
    writer.driver.looks.get(timeout=HANG_S)()

    writer.give_room()

    assert writer.driver.looks.get(timeout=HANG_S) is not None
