"""Frames over a stream socket: a pickled object, and beside it the large arrays in it, as they lie in memory.

A frame is its counts, the lengths of its buffers, the pickled object, and the buffers. Who receives reads each buffer
into memory of its own once: no copy is made on either side.
"""

from __future__ import annotations

import io
import logging
import pickle
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import Any

import numpy as np

logger = logging.getLogger("taskplan")

_HEAD = struct.Struct("!IQ")
"""How many buffers a frame has, and how long its pickled object is."""

_LENGTH = struct.Struct("!Q")

_SMALL = 1 << 14
"""Buffers up to this size are copied into one piece with what stands before them."""

_PIECES = 512
"""How many pieces the system takes at once (at least 1,024 on Linux and macOS)."""

_AT_ONCE = 1 << 16
"""Frames up to this size are sent by whoever has something to say."""

_READ_AHEAD = 1 << 16

HANDSHAKE_S = 10.0


def dump(message: object) -> list[Any]:
    """A frame as pieces of memory, which are those of the arrays in it."""
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    head = [_HEAD.pack(len(views), len(body)), *(_LENGTH.pack(view.nbytes) for view in views), body]
    pieces: list[Any] = [b"".join(head)]
    for view in views:
        if view.nbytes > _SMALL:
            pieces.append(view)
        elif isinstance(pieces[-1], bytearray):
            pieces[-1] += view
        else:
            pieces.append(bytearray(view))
    return pieces


class Wire:
    """One end of a connection between two processes, whose other end has shown that it knows the key.

    Args:
        sock: the connection, on which the handshake was done.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader = io.BufferedReader(socket.SocketIO(sock, "r"), _READ_AHEAD)

    def send(self, message: object) -> None:
        """Send one object; returns when the system has all of it.

        Raises:
            OSError: the connection is gone.
        """
        self.finish(dump(message))

    def start(self, message: object) -> Sequence[Any]:
        """Send of one object what the system takes at once; nothing, if there are large arrays in it.

        Returns:
            What is left, for `finish`.

        Raises:
            OSError: the connection is gone.
        """
        pieces = dump(message)
        if len(pieces) > 1 or len(pieces[0]) > _AT_ONCE:
            return pieces
        try:
            sent = self._sock.send(pieces[0], socket.MSG_DONTWAIT)
        except BlockingIOError:
            return pieces
        return (memoryview(pieces[0])[sent:],) if sent < len(pieces[0]) else ()

    def finish(self, rest: Sequence[Any]) -> None:
        """Send what is left of an object; returns when the system has all of it.

        Raises:
            OSError: the connection is gone.
        """
        left = [memoryview(piece).cast("B") for piece in rest]
        while left:
            sent = self._sock.sendmsg(left[:_PIECES])
            while left and sent >= left[0].nbytes:
                sent -= left.pop(0).nbytes
            if sent:
                left[0] = left[0][sent:]

    def receive(self) -> Any:
        """Wait for the next object.

        Raises:
            EOFError: the other end closed the connection, or died.
            OSError: the connection broke.
        """
        count, length = _HEAD.unpack(self._exactly(_HEAD.size))
        lengths = self._exactly(count * _LENGTH.size)
        body = self._exactly(length)
        buffers = [self._buffer(size) for (size,) in _LENGTH.iter_unpack(lengths)]
        return pickle.loads(body, buffers=buffers)

    def _exactly(self, size: int) -> bytes:
        data = self._reader.read(size)
        if data is None or len(data) < size:
            raise EOFError
        return data

    def _buffer(self, size: int) -> Any:
        array = np.empty(size, np.uint8)
        view = array.data
        while view.nbytes:
            count = self._reader.readinto(view)
            if not count:
                raise EOFError
            view = view[count:]
        return array.data

    def close(self) -> None:
        """End the connection; whoever receives on either end finds its end."""
        with suppress(OSError):  # the other end was faster
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


class Gate:
    """Where other processes of the session connect to this one.

    Args:
        host: the address of this machine at which the others see it; the loopback address stays on the machine.
        key: whoever connects has to show that it knows it, and is shown the same.

    Attributes:
        address: the host and port to connect to.
    """

    def __init__(self, host: str, key: bytes) -> None:
        self._key = key
        self._sock = socket.create_server((host, 0), family=_family(host), backlog=128)
        self.address: tuple[str, int] = (host, self._sock.getsockname()[1])

    def let_in(self, greet: Callable[[Wire], None], start_thread: Callable[..., object]) -> None:
        """Let in all who connect and know the key, until the gate is closed.

        Args:
            greet: gets each connection, on a thread of its own; what goes wrong there is the other's doing.
            start_thread: starts such a thread for a function and its arguments.
        """
        while True:
            try:
                sock = self._sock.accept()[0]
            except OSError:
                return
            start_thread(self._admit, greet, sock)

    def _admit(self, greet: Callable[[Wire], None], sock: socket.socket) -> None:
        try:
            greet(_shaken(sock, self._key, first=True))
        except Exception as error:  # a stranger, or a node that has just died
            logger.warning("somebody who tried to connect was turned away: %r", error)

    def close(self) -> None:
        """Let nobody in any more."""
        with suppress(OSError):  # some systems do not take that for a socket that listens; closing wakes it there
            self._sock.shutdown(socket.SHUT_RDWR)  # wakes `let_in`
        self._sock.close()


def connect(address: tuple[str, int], key: bytes, timeout_s: float = HANDSHAKE_S) -> Wire:
    """Connect to the gate of another process.

    Raises:
        OSError: nobody is there, or it does not answer in time.
        AuthenticationError: it does not know the key, or says so of us.
    """
    sock = socket.create_connection(address, timeout=timeout_s)
    return _shaken(sock, key, first=False)


def _shaken(sock: socket.socket, key: bytes, *, first: bool) -> Wire:
    """Each side asks the other for what only those who know the key can answer (HMAC, as `multiprocessing` has it)."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(HANDSHAKE_S), 0))
        sock.setblocking(True)
        connection = Connection(sock.fileno())
        try:
            for step in (deliver_challenge, answer_challenge) if first else (answer_challenge, deliver_challenge):
                step(connection, key)
        finally:
            connection._handle = None  # type: ignore[attr-defined] # the socket is ours
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 0, 0))
    except BaseException:
        sock.close()
        raise
    return Wire(sock)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
