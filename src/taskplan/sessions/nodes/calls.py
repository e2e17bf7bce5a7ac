"""Links over the calls of an engine, for networks in which nodes cannot connect to each other.

One of the two processes, the caller, calls methods of the other. What it sends is one call at a time, so that order is
kept. What it receives is the answer to another call, which waits until there is something to collect.
"""

from __future__ import annotations

import asyncio
import pickle
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

import numpy as np

Frame = tuple[bytes, list[Any]]
"""A pickled object, and beside it the large arrays in it: engines carry arrays without copying them into the rest."""


def frame_of(message: object) -> Frame:
    """An object as it is carried."""
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    return body, [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers]


def message_of(frame: Frame) -> Any:
    """The object in a frame. Its arrays are the receiver's own: engines hand out memory that may not be written."""
    body, buffers = frame
    return pickle.loads(body, buffers=[buffer.copy().data for buffer in buffers])


class CallCarrier:
    """The caller's end of a link.

    Args:
        deliver: calls the method that takes a frame.
        collect: calls the method that gives the next one; None when the other end has closed.
    """

    def __init__(self, deliver: Callable[[Frame], Future[None]], collect: Callable[[], Future[Frame | None]]) -> None:
        self._deliver = deliver
        self._collect = collect
        self._closed: Future[None] = Future()
        self._closing = threading.Lock()

    def start(self, message: object) -> Sequence[Any]:
        """Nothing can be sent without waiting."""
        return (message,)

    def finish(self, rest: Sequence[Any]) -> None:
        """Send what `start` was given; as `send`."""
        self.send(*rest)

    def send(self, message: object) -> None:
        """Send one object; returns when the other end has it. Raises OSError when it is gone."""
        self._answer(self._deliver, frame_of(message))

    def receive(self) -> Any:
        """Wait for the next object. Raises EOFError or OSError at the end."""
        frame: Frame | None = self._answer(self._collect)
        if frame is None:
            raise EOFError
        return message_of(frame)

    def close(self) -> None:
        """End the link on this side; wakes whoever waits here."""
        with self._closing:
            if not self._closed.done():
                self._closed.set_result(None)

    def _answer(self, call: Callable[..., Future[Any]], *arguments: Any) -> Any:
        if not self._closed.done():
            try:
                answer = call(*arguments)
                wait([answer, self._closed], return_when=FIRST_COMPLETED)
                if answer.done():
                    return answer.result()
            except Exception as error:  # of the engine: whatever it is, the other end cannot be reached
                raise OSError(str(error).partition("\n")[0]) from error
        msg = "the link was closed"
        raise OSError(msg)


class Mailbox:
    """The end of a link whose methods are called: what comes is put in, and what is to go is taken out.

    Both are called on an event loop, and everything else on any other thread. One frame at a time waits to be taken, so
    that a link puts together what is sent in the meantime.

    Args:
        loop: the event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._in: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._out: Frame | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._something = asyncio.Event()

    def put(self, frame: Frame) -> None:
        """Take in what the caller sends."""
        self._in.put(frame)

    async def take(self) -> Frame | None:
        """Wait for what is to go to the caller; None when nothing more comes."""
        while True:
            await self._something.wait()
            with self._changed:
                frame, self._out = self._out, None
                if frame is not None or self._closed:
                    self._changed.notify_all()
                    return frame
                self._something.clear()

    def start(self, message: object) -> Sequence[Any]:
        """Nothing can be sent without waiting."""
        return (message,)

    def finish(self, rest: Sequence[Any]) -> None:
        """Send what `start` was given; as `send`."""
        self.send(*rest)

    def send(self, message: object) -> None:
        """Send one object; returns when it was taken. Raises OSError if the link is closed."""
        frame = frame_of(message)
        with self._changed:
            self._changed.wait_for(lambda: self._out is None or self._closed)
            if not self._closed:
                self._out = frame
                self._loop.call_soon_threadsafe(self._something.set)
                self._changed.wait_for(lambda: self._out is not frame or self._closed)
                if self._out is not frame:
                    return
                self._out = None
        msg = "the link is closed"
        raise OSError(msg)

    def receive(self) -> Any:
        """Wait for the next object. Raises EOFError at the end."""
        frame = self._in.get()
        if frame is None:
            raise EOFError
        return message_of(frame)

    def close(self) -> None:
        """End the link; wakes all who wait."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._in.put(None)
        self._loop.call_soon_threadsafe(self._something.set)
