"""Processes and sockets as Linux tells of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process; that another one has got its number is seen by when it began."""

    pid: int
    began: str

    def is_alive(self) -> bool:
        """Whether it runs or is stopped (one that has ended and was not waited for does not)."""
        found = _stat(self.pid)
        return found is not None and found[0] not in ("Z", "X") and found[19] == self.began

    def title(self) -> str:
        """Its command."""
        with suppress(FileNotFoundError, ProcessLookupError):
            return Path(f"/proc/{self.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        return ""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is alive."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def below(*pids: int) -> list[Process]:
    """The processes that were started by these processes or by those that they have started."""
    found: dict[int, list[Process]] = {}
    for path in Path("/proc").iterdir():
        stat = _stat(int(path.name)) if path.name.isdecimal() else None
        if stat is not None and stat[0] not in ("Z", "X"):
            found.setdefault(int(stat[1]), []).append(Process(int(path.name), stat[19]))
    processes: list[Process] = []
    parents = list(pids)
    while parents:
        started = found.get(parents.pop(), [])
        processes += started
        parents += [process.pid for process in started]
    return processes


def process(pid: int) -> Process | None:
    """The process of that number, if there is one."""
    stat = _stat(pid)
    return Process(pid, stat[19]) if stat is not None else None


def wait_for_ends(processes: Iterable[Process], limit_s: float) -> list[Process]:
    """Wait until processes have ended, at most so long; those that have not."""
    deadline = time.monotonic() + limit_s
    alive = list(processes)
    while (alive := [each for each in alive if each.is_alive()]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return alive


def kill(processes: Iterable[Process], limit_s: float) -> None:
    """Kill processes, and wait until they are gone."""
    chosen = list(processes)
    for each in chosen:
        each.send(signal.SIGKILL)
    left = wait_for_ends(chosen, limit_s)
    assert left == [], f"processes do not end: {left}"


def sockets() -> set[str]:
    """The sockets of this process for IPv4, those that listen too. gRPC, and so Ray, has its own for IPv6."""
    mine = set()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # it was the one by which the folder is read
            mine.add(os.readlink(path))
    known = [line.split()[9] for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{inode}]" for inode in known} & mine


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
