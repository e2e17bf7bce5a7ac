"""Links over calls, with an event loop in place of an engine. Needs no Ray."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from taskplan.sessions.nodes.calls import CallCarrier, Frame, Mailbox
from taskplan.sessions.nodes.link import Link

HANG_S = 20.0


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def mailbox(loop) -> Mailbox:
    return Mailbox(loop)


@pytest.fixture
def caller(loop, mailbox) -> Iterator[CallCarrier]:
    async def put(frame: Frame) -> None:
        mailbox.put(frame)

    def called(method: Callable[..., Any]) -> Callable[..., Future[Any]]:
        return lambda *args: asyncio.run_coroutine_threadsafe(method(*args), loop)

    carrier = CallCarrier(called(put), called(mailbox.take))
    yield carrier
    carrier.close()
    mailbox.close()


def in_thread(function: Callable[..., Any], *args) -> Future[Any]:
    """What a function on a thread of its own returns or raises."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(function(*args))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def test_messages_arrive_in_their_order_both_ways(caller, mailbox):
    got: dict[str, list[int]] = {"there": [], "here": []}
    whole = {"there": threading.Event(), "here": threading.Event()}

    def note(end: str) -> Callable[[int], None]:
        def noted(message: int) -> None:
            got[end].append(message)
            if len(got[end]) == 5000:
                whole[end].set()

        return noted

    here, there = Link("there", caller), Link("here", mailbox)
    here.begin(note("here"), lambda why: None)
    there.begin(note("there"), lambda why: None)
    for number in range(5000):
        here.send(number)
        there.send(number)

    assert all(each.wait(HANG_S) for each in whole.values())
    assert got == {"there": list(range(5000)), "here": list(range(5000))}
    here.close()
    there.close()


def test_large_arrays_travel_beside_the_message_and_belong_to_the_receiver(caller, mailbox):
    array = np.arange(100_000)

    caller.send({"large": array})
    received = mailbox.receive()["large"]
    received[0] = 7

    assert received[1:].tolist() == array[1:].tolist()
    assert array[0] == 0


def test_what_is_sent_waits_until_it_is_collected(caller, mailbox):
    sending = in_thread(mailbox.send, "one")

    first = caller.receive()

    assert (first, sending.result(HANG_S)) == ("one", None)


def test_closing_the_mailbox_ends_what_waits_on_both_ends(caller, mailbox):
    receiving = [in_thread(caller.receive), in_thread(mailbox.receive)]

    mailbox.close()

    assert [type(each.exception(HANG_S)) for each in receiving] == [EOFError, EOFError]


def test_a_mailbox_that_is_closed_takes_nothing_more(mailbox):
    mailbox.close()

    with pytest.raises(OSError, match="the link is closed"):
        mailbox.send("late")


def test_closing_the_callers_end_wakes_it_though_nobody_answers():
    never: Future[Any] = Future()
    carrier = CallCarrier(lambda frame: never, lambda: never)
    waiting = [in_thread(carrier.receive), in_thread(carrier.send, "x")]

    carrier.close()

    assert [type(each.exception(HANG_S)) for each in waiting] == [OSError, OSError]


def test_what_the_engine_raises_is_the_end_of_the_link():
    broken: Future[Any] = Future()
    broken.set_exception(RuntimeError("the actor died\nand more"))
    carrier = CallCarrier(lambda frame: broken, lambda: broken)

    with pytest.raises(OSError, match=r"^the actor died$"):
        carrier.receive()
