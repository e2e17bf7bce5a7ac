"""Handles that measure: registries of named integers, and timers.

Their methods are attempts, as `taskplan.operators.waiting` describes them; none of them ever has to wait.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from taskplan.operators.operands import I64, Tensor, refuse, string_tensor
from taskplan.operators.waiting import Shared

_WORD = 1 << 64

_UNSEEN_AT_MOST = 256
"""How many objects are taken on before those among them that have gone are let go."""


class Counts(Protocol):
    """What a watched object counts; it outlives that object."""

    @property
    def keys(self) -> Sequence[bytes]:
        """The names of its sums."""

    def totals(self, gone: bool) -> Sequence[int]:
        """The sums since it was made, for `keys`; `gone` says that the object exists no more."""


class _Watched:
    """An object that counts by itself, and how much of that has been added up already."""

    __slots__ = ("_counts", "_known", "_owner")

    def __init__(self, owner: object, counts: Counts) -> None:
        self._owner = weakref.ref(owner)
        self._counts = counts
        self._known: Sequence[int] = [0] * len(counts.keys)

    @property
    def gone(self) -> bool:
        """Whether the object exists no more, so that its counts are final."""
        return self._owner() is None

    def news(self, gone: bool) -> list[tuple[bytes, int]]:
        """What came to each sum since this was asked last."""
        before, self._known = self._known, self._counts.totals(gone)
        return [(key, now - then) for key, then, now in zip(self._counts.keys, before, self._known, strict=True)]


class StatRegistry(Shared):
    """Adds up integers by name. As int64 they wrap.

    Args:
        name: the blob that holds it, for messages.
    """

    __slots__ = ("_fresh", "_sums", "_watched")

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._sums: dict[bytes, int] = {}
        self._watched: list[_Watched] = []
        self._fresh: deque[_Watched] = deque()

    def add(self, amounts: Iterable[tuple[bytes, int]]) -> None:
        """Add each amount to the sum of its name; a new name begins at 0."""
        sums = self._sums
        for name, amount in amounts:
            sums[name] = sums.get(name, 0) + amount

    def watch(self, owner: object, counts: Counts) -> None:
        """Add up what an object counts by itself, when that is asked for. May be called at any time, on any thread.

        Args:
            owner: the object, which is not kept alive.
            counts: what it counts, which must not keep it alive either.
        """
        self._fresh.append(_Watched(owner, counts))
        # Whoever has the lock is about to do this anyway, or the next call of this will.
        if len(self._fresh) > _UNSEEN_AT_MOST and self.lock.acquire(blocking=False):
            try:
                self._add_up(everything=False)
            finally:
                self.lock.release()

    def _add_up(self, everything: bool) -> None:
        """Add what watched objects have counted: all of them, or those that have gone, which are let go."""
        while self._fresh:
            self._watched.append(self._fresh.popleft())
        left = []
        for each in self._watched:
            gone = each.gone
            if gone or everything:
                self.add(each.news(gone))
            if not gone:
                left.append(each)
        self._watched = left

    def export(self, reset: bool) -> tuple[Tensor, Tensor]:
        """The names and their sums; with `reset` all go on from 0."""
        self._add_up(everything=True)
        names = string_tensor(list(self._sums), [len(self._sums)])
        sums = np.array([each % _WORD for each in self._sums.values()], np.uint64).view(I64)
        if reset:
            self._sums = dict.fromkeys(self._sums, 0)
        return names, sums

    def describe(self) -> str:
        """One phrase about the registry."""
        return f"statistics {self.name!r} of {len(self._sums)} names"


PROCESS = StatRegistry("of the process")
"""Where operators without a registry of their own add; there is one, whatever the workspace."""


class _Times:
    """What a timer has measured up to now: the sum, and how many times that were."""

    __slots__ = ("keys", "passed")

    def __init__(self, counter: str) -> None:
        held = counter.encode("utf-8", "surrogateescape")
        self.keys = (held + b"/time_ns/sum", held + b"/time_ns/count")
        self.passed = [0, 0]

    def totals(self, gone: bool) -> Sequence[int]:  # noqa: ARG002 - as `Counts` has it
        """The sum and the number."""
        return list(self.passed)


class Timer(Shared):
    """Measures time from its beginning to its end, again and again.

    What it has measured is among the statistics of the process, `<counter>/time_ns/sum` and `/count`.

    Args:
        counter: the name of its statistics.
        name: the blob that holds it, for messages.
    """

    __slots__ = ("_began_ns", "_times", "counter")

    def __init__(self, counter: str, name: str = "") -> None:
        super().__init__(name)
        self.counter = counter
        self._began_ns: int | None = None
        self._times = _Times(counter)
        PROCESS.watch(self, self._times)

    def begin(self, now_ns: int) -> None:
        """Start. Raises OperatorError: it runs already."""
        if self._began_ns is not None:
            raise refuse("TimerBegin", f"{self.describe()}; end it first")
        self._began_ns = now_ns

    def read(self, operator: str, now_ns: int) -> int:
        """Nanoseconds since it began. Raises OperatorError: it does not run."""
        if self._began_ns is None:
            raise refuse(operator, f"{self.describe()}; begin it first")
        return max(0, now_ns - self._began_ns)  # the clock may have been put back

    def end(self, operator: str, now_ns: int) -> int:
        """Stop; nanoseconds since it began. Raises OperatorError: it does not run."""
        passed_ns = self.read(operator, now_ns)
        self._began_ns = None
        passed = self._times.passed
        passed[0] += passed_ns
        passed[1] += 1
        return passed_ns

    def describe(self) -> str:
        """One phrase about the timer's state."""
        return f"timer {self.name!r} {'does not run' if self._began_ns is None else 'runs'}"
