"""Handles that steps share: counters, mutexes and flags. Queues are in `taskplan.operators.queue_objects`.

Their methods are attempts, as `taskplan.operators.waiting` describes them: called under the object's lock, and
answering at once. None of those here ever has to wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from taskplan.operators.waiting import Shared

T = TypeVar("T")


class Counter(Shared):
    """An integer that steps count with.

    Args:
        count: where it begins.
        name: the blob that holds it, for messages.
    """

    __slots__ = ("count",)

    def __init__(self, count: int = 0, name: str = "") -> None:
        super().__init__(name)
        self.count = count

    def up(self) -> int:
        """Add 1; the count before."""
        before = self.count
        self.count = before + 1
        return before

    def down(self) -> bool:
        """Subtract 1, below 0 too; whether the count was 0 or less before."""
        before = self.count
        self.count = before - 1
        return before <= 0

    def reset(self, count: int) -> int:
        """Begin again at `count`; the count before."""
        before, self.count = self.count, count
        return before

    def read(self) -> int:
        """The count."""
        return self.count

    def is_done(self) -> bool:
        """Whether the count is 0 or less."""
        return self.count <= 0

    def describe(self) -> str:
        """One phrase about the counter's state."""
        return f"counter {self.name!r} at {self.count}"


class Mutex(Shared):
    """What operators that must not overlap are given.

    Nobody holds a mutex from one operator to the next, so none is ever waited for: an operator does all its work in one
    attempt, under the lock that every shared object has.
    """

    __slots__ = ()

    def hold(self, work: Callable[[], T]) -> T:
        """Do `work` while no other work is done under this mutex."""
        return work()

    def describe(self) -> str:
        """One phrase about the mutex."""
        return f"mutex {self.name!r}"


class AtomicBool(Shared):
    """A flag that is raised once and stays up."""

    __slots__ = ("up",)

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.up = False

    def raise_if(self, condition: bool) -> None:
        """Raise the flag if `condition` is true; never lower it."""
        self.up = self.up or condition

    def is_up(self) -> bool:
        """Whether the flag was raised."""
        return self.up

    def describe(self) -> str:
        """One phrase about the flag's state."""
        return f"flag {self.name!r}, {'raised' if self.up else 'not raised'}"
