"""Links: messages in order between two processes, sent without ever blocking whoever sends.

What several threads have to say at one moment travels in one frame. A link knows nothing of what its messages mean.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

logger = logging.getLogger("taskplan")

_numbers = count(1)


class Carrier(Protocol):
    """What carries the frames of a link: a `Wire`, or the calls of an engine where no connection can be made."""

    def send(self, message: object) -> None:
        """Send one object; may block. Raises OSError when the connection is gone."""

    def receive(self) -> Any:
        """Wait for the next object. Raises EOFError or OSError at the end."""

    def close(self) -> None:
        """End the connection; wakes whoever receives."""


OnMessage = Callable[[Any], None]
OnEnd = Callable[[str], None]


class Link:
    """Messages to another process and from it, each way in order.

    Args:
        name: who is at the other end, for the names of threads.
        carrier: what carries the frames.

    Attributes:
        ended: why there is nothing more to come; empty while the link stands.
    """

    _MOST = 1024
    """How many messages travel together at the most."""

    def __init__(self, name: str, carrier: Carrier) -> None:
        self.name = name
        self._carrier = carrier
        self._outbox: list[Any] = []
        self._lock = threading.Lock()
        self._something = threading.Condition(self._lock)
        self._sending = False
        self._closing = False
        self.ended = ""
        self._threads: list[threading.Thread] = []

    def begin(self, on_message: OnMessage, on_end: OnEnd) -> None:
        """Start to send and to receive.

        Args:
            on_message: gets each message, on a thread of the link; the next one waits for it.
            on_end: is told once, on that thread, why the other end is gone; not after `close`.
        """
        number = next(_numbers)
        for job, args in ((self._send_all, ()), (self._receive_all, (on_message, on_end))):
            name = f"taskplan-link-{number}-{job.__name__.strip('_')[:4]}-{self.name}"
            thread = threading.Thread(target=job, args=args, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def send(self, message: object) -> None:
        """Send a message; never blocks. What is sent when the other end is gone is lost."""
        with self._something:
            self._outbox.append(message)
            if not self._sending:
                self._something.notify()

    def close(self, *, flush_s: float = 0.0) -> None:
        """End the link and its threads.

        Args:
            flush_s: how long what has been sent may take to leave first.
        """
        with self._something:
            self._closing = True
            self._something.notify()
            self._something.wait_for(lambda: self.ended or not (self._outbox or self._sending), timeout=flush_s)
            self.ended = self.ended or "it was closed"
            self._something.notify_all()
        self._carrier.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _send_all(self) -> None:
        while True:
            with self._something:
                self._sending = False
                if self._closing:
                    self._something.notify_all()
                self._something.wait_for(lambda: self._outbox or self.ended)
                if self.ended:
                    return
                batch, self._outbox = self._outbox[: self._MOST], self._outbox[self._MOST :]
                self._sending = True
            try:
                self._carrier.send(batch)
            except OSError as error:
                self._over(f"the connection broke: {error}")
                self._carrier.close()  # who receives tells of the end
                return
            del batch  # it may hold large arrays

    def _receive_all(self, on_message: OnMessage, on_end: OnEnd) -> None:
        why = ""
        while not why:
            try:
                batch = self._carrier.receive()
                for message in batch:
                    on_message(message)
                del batch
            except EOFError:
                why = "the connection was closed"
            except OSError as error:
                why = f"the connection broke: {error}"
            except Exception as error:  # bytes that name what this process does not have, or a bug of ours
                logger.exception("what %s sent cannot be dealt with", self.name)
                why = f"what it sent cannot be dealt with: {error!r}"
        self._over(why)
        self._carrier.close()
        if not self._closing:
            on_end(self.ended)

    def _over(self, why: str) -> None:
        with self._something:
            self.ended = self.ended or why
            self._something.notify_all()
