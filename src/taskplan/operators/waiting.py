"""What an operator may wait for: shared objects, and reasons to wait.

No object here owns a condition variable and nothing here blocks. An operator hands the driver a reason and an attempt::

    return run.wait(Takes(queue), queue.try_take)

The driver calls the attempt while it holds the object's lock. An attempt answers at once: with a result, or with
`NOT_YET`, and then the driver parks the caller and tries again on its behalf when another attempt on the same object
has changed it. Attempts that always succeed (`queue.close`, `counter.down`) go the same way, since they are atomic
there and let the parked ones go on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Final


class NotYet:
    """The type of `NOT_YET`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOT_YET"


NOT_YET: Final = NotYet()
"""An attempt's answer when it cannot go on now."""

TIMED_OUT: Final = type("TimedOut", (), {"__slots__": (), "__repr__": lambda _: "TIMED_OUT"})()
"""What a wait returns when its time was up first."""

Attempt = Callable[[], Any]


class Shared:
    """A mutable object that several steps use at once: queues, mutexes, counters, flags, groups of steps.

    `lock` is held by drivers only, around an attempt. `parked` maps each class of reason to those that wait, first come
    first served: whoever stands behind another of the same class does not overtake. `made_in` is the mark of the run
    whose operator made the object; an object without it may be used from outside of the run, so waiting for it is never
    a stall.
    """

    __slots__ = ("__weakref__", "lock", "made_in", "name", "parked")

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.lock = threading.Lock()
        self.made_in: object = None
        self.parked: dict[type[Reason], deque[Any]] = {}

    def waited(self, kind: type[Reason], found: Any, duration_s: float) -> None:
        """Somebody was parked for so long before the attempt found this. Called under the lock."""

    def describe(self) -> str:
        """One phrase about the object's state, for messages."""
        return f"{type(self).__name__} {self.name!r}"


class Reason:
    """Why a step waits, or what an attempt does to a shared object. Nobody changes one.

    In a declaration's effects `subject` is the name of the input that holds the object; at run it is the object itself.
    """

    # No frozen dataclass: one is made for every attempt, and that would take twice as long.
    __slots__ = ("subject",)

    in_any_order: ClassVar[bool] = False
    """Whether others who wait for this reason may be served before those who came first."""

    def __init__(self, subject: Any) -> None:
        self.subject = subject

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.subject == self.subject

    def __hash__(self) -> int:
        return hash((type(self), self.subject))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.subject!r})"


class Reads(Reason):
    """Looks at the object."""

    __slots__ = ()


class Changes(Reason):
    """Changes the object without ever waiting."""

    __slots__ = ()


class Takes(Reason):
    """Takes something out; waits while there is nothing."""

    __slots__ = ()


class Puts(Reason):
    """Puts something in; waits while there is no room."""

    __slots__ = ()


class Closes(Reason):
    """Closes the object, after which nobody waits for it."""

    __slots__ = ()


class Acquires(Reason):
    """Takes exclusive hold; waits while somebody else has it."""

    __slots__ = ()


class Releases(Reason):
    """Gives up exclusive hold."""

    __slots__ = ()


class Follows(Reason):
    """Waits until those before it are done: each has a place of its own, whenever it began to wait."""

    __slots__ = ()

    in_any_order = True


class Joins(Reason):
    """Waits until all steps of a group have ended."""

    __slots__ = ()


class Interval(Reason):
    """Waits for a time, or until the group that is reported on has ended."""

    __slots__ = ()
