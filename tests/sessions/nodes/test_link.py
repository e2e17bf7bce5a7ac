"""Links between two ends of a socket."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from taskplan.sessions.nodes.link import Link
from taskplan.sessions.nodes.wire import Wire

HANG_S = 20.0

Ends = tuple[Link, Wire]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A link that has begun, and the wire at its other end."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(None)
    link, wire = Link("there", Wire(ours)), Wire(theirs)
    link.begin(lambda message: None, lambda why: None)
    yield link, wire
    link.close()
    wire.close()


def on_a_thread(function: Callable[..., Any], *args: Any, **details: Any) -> None:
    """Call a function on another thread than the main one, and wait until it returns."""
    thread = threading.Thread(target=function, args=args, kwargs=details)
    thread.start()
    thread.join(HANG_S)
    assert not thread.is_alive()


def test_what_a_thread_says_arrives(ends: Ends) -> None:
    link, wire = ends

    on_a_thread(link.send, "now")

    assert wire.receive() == ["now"]


def test_what_the_main_thread_says_arrives(ends: Ends) -> None:
    link, wire = ends

    link.send("now")

    assert wire.receive() == ["now"]


def test_what_may_wait_travels_with_what_is_said_next(ends: Ends) -> None:
    link, wire = ends

    def say() -> None:
        for number in range(3):
            link.send(number, soon=True)
        link.send("now")

    on_a_thread(say)

    assert received(wire, 4) == [0, 1, 2, "now"]


def test_what_may_wait_leaves_soon_though_nothing_else_is_said(ends: Ends) -> None:
    link, wire = ends

    on_a_thread(link.send, "soon", soon=True)

    assert wire.receive() == ["soon"]


def test_a_flush_sends_what_waits(ends: Ends) -> None:
    link, wire = ends

    def say() -> None:
        link.send("soon", soon=True)
        link.flush()

    on_a_thread(say)

    assert wire.receive() == ["soon"]


def test_what_many_threads_say_arrives_in_the_order_of_each(ends: Ends) -> None:
    link, wire = ends

    def say(who: int) -> None:
        for number in range(500):
            link.send((who, number), soon=bool(number % 3))

    threads = [threading.Thread(target=say, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    found = received(wire, 2000)

    assert [[number for who, number in found if who == each] for each in range(4)] == [list(range(500))] * 4


def test_sending_never_waits_for_the_other_end(ends: Ends) -> None:
    link, wire = ends
    array = np.arange(1 << 20)

    def say() -> None:
        for number in range(20):
            link.send((number, array))
            link.send((number, "x" * 50_000))

    on_a_thread(say)
    found = received(wire, 40)

    assert [number for number, _ in found] == [number // 2 for number in range(40)]
    assert all((value == array).all() for _, value in found[::2])


def test_closing_first_sends_what_may_wait(ends: Ends) -> None:
    link, wire = ends
    link.send("soon", soon=True)

    link.close(flush_s=HANG_S)

    assert wire.receive() == ["soon"]


def test_who_sends_to_one_that_is_gone_is_not_troubled_and_the_link_ends() -> None:
    ours, theirs = socket.socketpair()
    link = Link("there", Wire(ours))
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    link.begin(lambda message: None, told.put)
    theirs.close()

    on_a_thread(link.send, "late")

    assert told.get(timeout=HANG_S) == link.ended
    assert link.ended
    link.close()


def test_messages_that_came_together_are_handed_over_together() -> None:
    ours, theirs = socket.socketpair()
    link, wire = Link("there", Wire(ours)), Wire(theirs)
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    link.begin_together(told.put, lambda why: None)

    wire.send(["a", "b"])

    assert told.get(timeout=HANG_S) == ["a", "b"]
    link.close()
    wire.close()


def received(wire: Wire, count: int) -> list[Any]:
    """So many messages, in whatever frames they come."""
    found: list[Any] = []
    while len(found) < count:
        found += wire.receive()
    return found
