"""Handles that measure: registries of named integers, and timers.

Their methods are attempts, as `taskplan.operators.waiting` describes them; none of them ever has to wait.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from taskplan.operators.operands import I64, Tensor, refuse, string_tensor
from taskplan.operators.waiting import Shared

_WORD = 1 << 64


class StatRegistry(Shared):
    """Adds up integers by name. As int64 they wrap.

    Args:
        name: the blob that holds it, for messages.
    """

    __slots__ = ("_sums",)

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._sums: dict[bytes, int] = {}

    def add(self, amounts: Iterable[tuple[bytes, int]]) -> None:
        """Add each amount to the sum of its name; a new name begins at 0."""
        sums = self._sums
        for name, amount in amounts:
            sums[name] = sums.get(name, 0) + amount

    def export(self, reset: bool) -> tuple[Tensor, Tensor]:
        """The names and their sums; with `reset` all go on from 0."""
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


class Timer(Shared):
    """Measures time from its beginning to its end, again and again.

    Args:
        counter: the name of its statistics.
        name: the blob that holds it, for messages.
    """

    __slots__ = ("_began_ns", "counter")

    def __init__(self, counter: str, name: str = "") -> None:
        super().__init__(name)
        self.counter = counter
        self._began_ns: int | None = None

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
        return passed_ns

    def describe(self) -> str:
        """One phrase about the timer's state."""
        return f"timer {self.name!r} {'does not run' if self._began_ns is None else 'runs'}"
