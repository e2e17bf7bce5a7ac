"""What a node prints and logs: sent home, where it appears with the node's name; in the order in which it was said."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Mapping
from typing import Any

from taskplan.sessions.nodes.link import Link
from taskplan.sessions.nodes.messages import Logged, Printed

LONGEST = 1 << 16
"""A line is cut into pieces of so many characters, so that one which never ends does not fill the memory."""


class _Lines(io.TextIOBase):
    """A text stream whose whole lines go home; the rest waits for its end, or for `flush`.

    Threads that print at once do not mix their lines.
    """

    def __init__(self, stream: str, home: Link) -> None:
        self._stream = stream
        self._home = home
        self._begun: dict[int, str] = {}

    @property
    def encoding(self) -> str:  # type: ignore[override] # an attribute there
        return "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        thread = threading.get_ident()
        whole, newline, rest = (self._begun.pop(thread, "") + text).rpartition("\n")
        if rest:
            self._begun[thread] = rest
        if newline:
            self._home.send(Printed(self._stream, whole + newline))
        if len(rest) > LONGEST:
            self.flush()
        return len(text)

    def flush(self) -> None:
        self._send(threading.get_ident())

    def finish(self) -> None:
        """Let go what no thread has ended with a line break."""
        for thread in list(self._begun):
            self._send(thread)

    def _send(self, thread: int) -> None:
        rest = self._begun.pop(thread, "")
        if rest:
            self._home.send(Printed(self._stream, rest))


class _Records(logging.Handler):
    """Sends log records home."""

    def __init__(self, home: Link) -> None:
        super().__init__()
        self._home = home

    def emit(self, record: logging.LogRecord) -> None:
        self._home.send(Logged(record.name, record.levelno, self.format(record), record.created))


def send_output_home(home: Link, levels: Mapping[str, int]) -> None:
    """From now on what this process prints and logs goes home.

    Args:
        home: the link to it.
        levels: of the loggers there, by name.
    """
    sys.stdout = _Lines("stdout", home)
    sys.stderr = _Lines("stderr", home)
    handler = _Records(home)
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(level)


def finish_lines() -> None:
    """A run is over: let go what was printed without a line break at its end."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Lines):
            stream.finish()


def levels_here() -> dict[str, int]:
    """The levels of the loggers of this process that have one of their own, by name; the root's under ""."""
    named = {
        name: each.level
        for name, each in list(logging.root.manager.loggerDict.items())
        if isinstance(each, logging.Logger) and each.level
    }
    return {"": logging.root.level} | named


def show(node: str, said: Logged | Printed) -> None:
    """Say here what a node said."""
    if isinstance(said, Logged):
        logger = logging.getLogger(said.logger)
        if logger.isEnabledFor(said.level):
            record = logger.makeRecord(said.logger, said.level, "", 0, f"[{node}] {said.text}", (), None)
            record.created = said.created
            record.node = node
            logger.handle(record)
        return
    stream: Any = getattr(sys, said.stream)
    if stream is not None:
        stream.write("".join(f"[{node}] {line}\n" for line in said.text.splitlines()))
        stream.flush()
