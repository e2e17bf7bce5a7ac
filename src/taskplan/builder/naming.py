"""Names that are unique while something bears them: of nets, steps, Python functions.

A naming context owns them. The process has one, as programs written for Caffe2 expect; `fresh_names` opens another for
its thread, so that the same program built twice gives the same bytes::

    with fresh_names():
        first = build()
    with fresh_names():
        second = build()          # the same names, whatever was built before
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class TakenName:
    """A name that nobody else gets while this object lives. Whoever bears the name keeps it; several may."""

    __slots__ = ("__weakref__", "_base", "_owner", "_suffix", "name")

    def __init__(self, name: str, base: str, suffix: int, owner: _Names) -> None:
        self.name = name
        self._base = base
        self._suffix = suffix
        self._owner = owner

    def __del__(self) -> None:
        # Never a lock here: the garbage collector may come by while this very thread holds it.
        self._owner.released.append((self.name, self._base, self._suffix))

    def __repr__(self) -> str:
        return f"TakenName({self.name!r})"


@dataclass(slots=True)
class _Suffixes:
    """The suffixes of one base: those in the heap `freed`, and all from `fresh` on, are free; `taken` are not."""

    fresh: int = 1
    freed: list[int] = field(default_factory=list)
    taken: int = 0

    def lowest(self) -> int:
        if self.freed:
            return heapq.heappop(self.freed)
        self.fresh += 1
        return self.fresh - 1


class _Names:
    """One kind of names: a base, or the base with the lowest free suffix, in O(log n)."""

    def __init__(self, separator: str) -> None:
        self.released: deque[tuple[str, str, int]] = deque()
        self._separator = separator
        # Of bases that were asked for again while they were taken: most never are.
        self._by_base: dict[str, _Suffixes] = {}
        self._names: set[str] = set()
        self._lock = threading.Lock()

    def take(self, base: str) -> TakenName:
        with self._lock:
            while self.released:
                self._take_back(*self.released.popleft())
            name, suffix = (base, 0) if base not in self._names else self._with_suffix(base)
            self._names.add(name)
            return TakenName(name, base, suffix, self)

    def _with_suffix(self, base: str) -> tuple[str, int]:
        suffixes = self._by_base.get(base)
        if suffixes is None:
            suffixes = self._by_base[base] = _Suffixes()
        suffixes.taken += 1
        while True:
            suffix = suffixes.lowest()
            name = f"{base}{self._separator}{suffix}"
            # Another base may have led to the same name: 'a_1' is asked for itself, or as the second 'a'.
            if name not in self._names:
                return name, suffix

    def _take_back(self, name: str, base: str, suffix: int) -> None:
        self._names.discard(name)
        if not suffix:
            return
        suffixes = self._by_base[base]
        suffixes.taken -= 1
        if suffixes.taken:
            heapq.heappush(suffixes.freed, suffix)
        else:
            del self._by_base[base]


class NamingContext:
    """Owns the names of one program, or of the whole process. Safe to use from several threads.

    Attributes:
        caffe2: the programs here were written for Caffe2: builders leave it to creation and run to find wrong counts of
            blobs and wrong arguments.

    Example:
        >>> names = NamingContext()
        >>> first, second = names.net("train"), names.net("train")
        >>> first.name, second.name
        ('train', 'train_1')
    """

    def __init__(self, *, caffe2: bool = False) -> None:
        self.caffe2 = caffe2
        self._nets = _Names("_")
        self._tokens = _Names(":")
        self._tasks = _Names(":")
        self._counters: dict[str, int] = {}
        self._lock = threading.Lock()

    def net(self, base: str) -> TakenName:
        """A name for a net: `base`, else `base_1`, `base_2`, ..."""
        return self._nets.take(base)

    def token(self, function_name: str) -> TakenName:
        """A token for a Python function: its name, else `name:1`, `name:2`, ..."""
        return self._tokens.take(function_name)

    def task(self, full_name: str) -> TakenName:
        """A name for a task that belongs to no group: `node/name`, else `node/name:1`, ..."""
        return self._tasks.take(full_name)

    def step(self) -> str:
        """The name of a step that was given none: `step`, `step_1`, ..."""
        return self.numbered("step")

    def numbered(self, base: str, counter: str | None = None) -> str:
        """`base`, then `base_1`, `base_2`, ...; never the same twice, even if nobody bears it any more.

        Args:
            base: the name.
            counter: what is counted, `base` itself if not given: several bases may share one count.
        """
        with self._lock:
            key = counter or base
            count = self._counters.get(key, 0)
            self._counters[key] = count + 1
        return f"{base}_{count}" if count else base


_PROCESS = NamingContext()


class _Current(threading.local):
    names: NamingContext = _PROCESS


_CURRENT = _Current()


def current_names() -> NamingContext:
    """The naming context of this thread: of the innermost `fresh_names`, else of the process."""
    return _CURRENT.names


@contextmanager
def fresh_names(names: NamingContext | None = None) -> Iterator[NamingContext]:
    """Build with names of one's own, in this thread, until the block ends.

    Args:
        names: a context to go on with, if not a new one. A new one inherits `caffe2`.

    Example:
        >>> with fresh_names() as names:
        ...     names.step(), names.step()
        ('step', 'step_1')
    """
    outer = _CURRENT.names
    _CURRENT.names = names if names is not None else NamingContext(caffe2=outer.caffe2)
    try:
        yield _CURRENT.names
    finally:
        _CURRENT.names = outer
