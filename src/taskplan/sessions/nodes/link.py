"""Links: messages in order between two processes, sent without ever blocking whoever sends.

Whoever sends while the link is at rest hands the message to the system by itself, as far as that takes it at once: that
costs less than to wake another thread. The rest, and what is said in the meantime, is sent by a thread of the link, all
together. A link knows nothing of what its messages mean.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any, Protocol

logger = logging.getLogger("taskplan")

_numbers = count(1)


class Carrier(Protocol):
    """What carries the frames of a link: a `Wire`, or the calls of an engine where no connection can be made."""

    def send(self, message: object) -> None:
        """Send one object; may block. Raises OSError when the connection is gone."""

    def start(self, message: object) -> Sequence[Any]:
        """Send one object as far as that takes no waiting. Raises OSError when the connection is gone.

        Returns:
            What is left, for `finish`; nothing else may be sent before.
        """

    def finish(self, rest: Sequence[Any]) -> None:
        """Send what is left of an object; may block. Raises OSError when the connection is gone."""

    def receive(self) -> Any:
        """Wait for the next object. Raises EOFError or OSError at the end."""

    def close(self) -> None:
        """End the connection; wakes whoever receives."""


SOON_S = 0.001
"""How long a message may wait for others that it can travel with."""

OnMessage = Callable[[Any], None]
OnMessages = Callable[[Sequence[Any]], None]
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
        self._rest: Sequence[Any] = ()
        self._urgent = False  # whether the thread is to send at once what is in the outbox
        self._unhurried = 0  # how many messages were sent that may wait
        self._ticking = False  # whether the thread looks every `SOON_S` what is in the outbox
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
        self.begin_together(partial(_one_by_one, on_message), on_end)

    def begin_together(self, on_messages: OnMessages, on_end: OnEnd) -> None:
        """As `begin`, and messages that came together are handed over together."""
        number = next(_numbers)
        for job, args in ((self._send_all, ()), (self._receive_all, (on_messages, on_end))):
            name = f"taskplan-link-{number}-{job.__name__.strip('_')[:4]}-{self.name}"
            thread = threading.Thread(target=job, args=args, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def send(self, message: object, *, soon: bool = False) -> None:
        """Send a message; never blocks. What is sent when the other end is gone is lost.

        Args:
            message: anything that pickles.
            soon: it may wait for a moment, to travel with what is sent next.
        """
        with self._something:
            self._outbox.append(message)
            if self._sending or self._rest:
                self._urgent = True  # whoever sends now looks again
                return
            if soon:
                self._unhurried += 1
                if not self._ticking:
                    self._ticking = True
                    self._something.notify()
                return
        self.flush()

    def flush(self) -> None:
        """Let nothing wait any more."""
        with self._something:
            self._urgent = bool(self._outbox)  # whoever sends now looks again
            if not self._outbox or self._sending or self._rest:
                return
            if threading.get_ident() == threading.main_thread().ident:  # where a signal may interrupt it halfway
                self._something.notify()
                return
            batch = self._begin_sending()
        self._send_now(self._carrier.start, batch)

    def close(self, *, flush_s: float = 0.0) -> None:
        """End the link and its threads.

        Args:
            flush_s: how long what has been sent may take to leave first.
        """
        with self._something:
            self._closing = True
            self._urgent = bool(self._outbox)
            self._something.notify()
            self._something.wait_for(
                lambda: self.ended or not (self._outbox or self._rest or self._sending), timeout=flush_s
            )
            self.ended = self.ended or "it was closed"
            self._something.notify_all()
        self._carrier.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _begin_sending(self) -> Sequence[Any]:
        self._sending = True
        batch, self._outbox = self._outbox[: self._MOST], self._outbox[self._MOST :]
        self._urgent = bool(self._outbox)
        return batch

    def _send_now(self, send: Callable[[Any], Sequence[Any] | None], what: Sequence[Any]) -> None:
        rest: Sequence[Any] = ()
        try:
            rest = send(what) or ()
        except OSError as error:
            self._over(f"the connection broke: {error}")
            self._carrier.close()  # who receives tells of the end
        except Exception as error:  # a bug of ours: whoever sends what may not pickle looks first
            logger.exception("what was to be sent to %s cannot be pickled", self.name)
            self._over(f"what was to be sent there cannot be pickled: {error!r}")
            self._carrier.close()
        finally:
            with self._something:
                self._sending = False
                self._rest = rest
                if rest or self._urgent or self._closing:
                    self._urgent = bool(self._outbox)
                    self._something.notify_all()

    def _send_all(self) -> None:
        send: Callable[[Any], Sequence[Any] | None]
        while True:
            with self._something:
                self._await_work()
                if self.ended:
                    return
                if self._rest:
                    send, what = self._carrier.finish, self._rest
                    self._sending = True
                else:
                    send, what = self._carrier.start, self._begin_sending()
            self._send_now(send, what)
            del what  # it may hold large arrays

    def _await_work(self) -> None:
        known = -1
        while not self.ended and (self._sending or not (self._rest or self._urgent)):
            if self._something.wait(SOON_S if self._ticking else None):
                continue
            if self._outbox and not self._sending:
                return
            self._ticking, known = self._unhurried != known, self._unhurried

    def _receive_all(self, on_messages: OnMessages, on_end: OnEnd) -> None:
        why = ""
        while not why:
            try:
                batch = self._carrier.receive()
                on_messages(batch)
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


def _one_by_one(on_message: OnMessage, messages: Sequence[Any]) -> None:
    for message in messages:
        on_message(message)
