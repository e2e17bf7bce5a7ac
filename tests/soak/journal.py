"""What runs in random pipelines, and notes what happens to it: generators, functions, sinks."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tests.soak.functions import SoakError

from taskplan.operators.sources import Batch
from taskplan.operators.storage.unfinished_file import UnfinishedFile

Rows = list[tuple[int, int]]
"""What sinks get: the number of a row, and what the stages made of it."""


class Journal:
    """What one run of a program did.

    Attributes:
        armed: whether what is to fail does so.
        alarmed_at_s: when the last alarm has rung, by the clock of this process.
        raised: the errors that were raised.
        iterators: all that were made; held, so that only who reads them can close them.
        open: the iterators that are open.
        sinks: all that were made.
        rows: what has arrived, by the name of the sink.
        calls: how many records these were.
        lost: the rows of records on which a processor stopped.
        counts: what queues and sources have counted, by name.
        ended: whether a limited reader has met the end, by name.
        problems: what was wrong while it ran.
        gave_bad: a source gave a batch that is none.
    """

    def __init__(self) -> None:
        self.armed = True
        self.alarmed_at_s = 0.0
        self._alarm: Alarm | None = None
        self.clear()

    def clear(self) -> None:
        """Forget all, for the next run."""
        self.raised: list[SoakError] = []
        self.iterators: list[Generator[Any]] = []
        self.open: set[int] = set()
        self.sinks: list[WatchedSink] = []
        self.rows: dict[str, Rows] = {}
        self.calls: Counter[str] = Counter()
        self.lost: dict[str, list[int]] = {}
        self.counts: dict[str, list[int]] = {}
        self.ended: dict[str, bool] = {}
        self.problems: list[str] = []
        self.gave_bad = False

    def close_all(self) -> None:
        """Close what was left open, where something was in the way of those who had to."""
        for iterator in self.iterators:
            iterator.close()
        for sink in self.sinks:
            if sink.is_left_open:
                sink.abort()

    @contextmanager
    def alarm(self, after: int) -> Iterator[Alarm]:
        """Something that is called in a function of the program, after so many calls of some of them."""
        self._alarm = Alarm(after)
        try:
            yield self._alarm
        finally:
            self._alarm = None

    def tick(self) -> None:
        """Called in functions of the program, so that an alarm can go off."""
        if self._alarm is not None and self._alarm.is_due():
            self.alarmed_at_s = time.perf_counter()
            self._alarm.ring()

    # --- functions of programs ----------------------------------------------------------------------------------------

    def fail(self, what: str) -> None:
        """Raise, if that is to happen."""
        if self.armed:
            error = SoakError(what)
            self.raised.append(error)
            raise error

    def refuses(self, row: int) -> Callable[[Any], Any]:
        """A function that gives back the numbers of rows, but fails for a certain one."""

        def refusing(numbers: Any) -> Any:
            self.tick()
            if row in numbers:
                self.fail(f"row {row} is not wanted")
            return numbers

        return refusing

    def stops_at(self, stage: str, row: int) -> Callable[[Any], Any]:
        """A function that says whether a certain row has come."""

        def stopping(numbers: Any) -> Any:
            if row not in numbers:
                return np.False_
            self.lost.setdefault(stage, []).extend(numbers.tolist())
            return np.True_

        return stopping

    def take(self, sink: str, numbers: Any, values: Any) -> None:
        """A record has arrived."""
        self.tick()
        if not len(numbers):
            return
        self.calls[sink] += 1
        self.rows.setdefault(sink, []).extend(zip(numbers.tolist(), values.tolist(), strict=True))

    def keep(self, sink: str, numbers: Any, values: Any) -> None:
        """All that is in a dataset at the end."""
        if len(numbers) != len(values):
            self.problems.append(f"{sink} has {len(numbers)} and {len(values)} rows in its columns")
        self.rows[sink] = list(zip(numbers.tolist(), values.tolist(), strict=False))

    def sink_of(self, make: Callable[[], WatchedSink], name: str) -> WatchedSink:
        """The sink of that name, which is open by itself, as one of functions is."""
        found = [sink for sink in self.sinks if sink.name == name]
        if not found:
            found = [make()]
            found[0].open()
        return found[0]

    def count(self, name: str, *counts: Any) -> None:
        """A queue or a source has counted."""
        self.counts[name] = np.concatenate([np.atleast_1d(count) for count in counts]).tolist()

    def end(self, name: str, ended: Any) -> None:
        """A limited reader has met its end, or not."""
        self.ended[name] = bool(ended)

    def joined(self, shift: int, batch: dict[str, Any]) -> dict[str, Any]:
        """One record of two that belong together."""
        one, two = batch["one:n"], batch["two:n"]
        if not np.array_equal(one + shift, two):
            self.problems.append(f"{one} came together with {two}, {shift} apart from it")
        return {"n": one, "v": one}

    # --- sources ------------------------------------------------------------------------------------------------------

    def watched(self, items: Iterable[Any], fails_at: int | None = None, bad: Any = None) -> Iterator[Any]:
        """An iterator over items that is noted, and may fail instead of yielding an item, or at the end.

        Args:
            items: the items.
            fails_at: the place of the item where it fails.
            bad: what it yields there, instead of raising something.
        """
        iterator = self._watching(items, fails_at, bad)
        self.iterators.append(iterator)
        return iterator

    def _watching(self, items: Iterable[Any], fails_at: int | None, bad: Any) -> Generator[Any]:
        mark = object()
        self.open.add(id(mark))
        try:
            number = 0
            for item in items:
                self.tick()
                yield from self._failing(bad) if number == fails_at else ()
                yield item
                number += 1
            if number == fails_at:
                yield from self._failing(bad)
        finally:
            self.open.remove(id(mark))

    def _failing(self, bad: Any) -> Iterator[Any]:
        if bad is None:
            self.fail("a source fails")
        elif self.armed:
            self.gave_bad = True
            yield bad


class Alarm:
    """Calls a function once.

    Args:
        after: how many ticks before.
    """

    def __init__(self, after: int) -> None:
        self._left = iter(range(after))
        self._action: Callable[[], object] = int
        self._is_set = threading.Event()

    def set(self, action: Callable[[], object]) -> None:
        """What is to be called."""
        self._action = action
        self._is_set.set()

    def is_due(self) -> bool:
        """Whether it is to ring now; true once."""
        if next(self._left, None) is not None:
            return False
        is_due, self._left = self._left is not _RUNG, _RUNG
        return is_due

    def ring(self) -> None:
        """Call the function, when it is known."""
        self._is_set.wait(10)
        self._action()


_RUNG: Iterator[int] = iter(())


class Parts:
    """A source of several parts.

    Args:
        journal: notes what is open.
        parts: the batches of each part, as lists of numbers.
        fails_at: the part that fails at its second batch.
        bad: what it gives there, instead of raising something.
    """

    skipped = 0

    def __init__(
        self, journal: Journal, parts: Sequence[Sequence[Sequence[int]]], fails_at: int | None, bad: Any
    ) -> None:
        self._journal = journal
        self._parts = parts
        self._fails_at = fails_at
        self._bad = bad

    def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
        """The parts."""
        return self._journal.watched([partial(self._batches, number) for number in range(len(self._parts))])

    def _batches(self, number: int) -> Iterator[Batch]:
        batches = [(np.array(rows), np.array(rows)) for rows in self._parts[number]]
        return self._journal.watched(batches, min(1, len(batches)) if number == self._fails_at else None, self._bad)


# --- sinks ------------------------------------------------------------------------------------------------------------


class WatchedSink:
    """A sink that notes how it is used, and whether that is right.

    Args:
        journal: notes what it gets.
        name: of the sink.
        fails_at: the call that fails: `open`, `commit`, or none.
        refused: the row that it fails for.
    """

    def __init__(self, journal: Journal, name: str, fails_at: str = "", refused: int | None = None) -> None:
        self.name = name
        self.done: list[str] = []
        self._journal = journal
        self._fails_at = fails_at
        self._refused = refused
        self._used = threading.Lock()
        journal.sinks.append(self)

    def call(self, what: str, work: Callable[[], object] = int) -> None:
        """Do something while nobody else does, and note it."""
        if not self._used.acquire(blocking=False):
            self._journal.problems.append(f"{what} of {self.name} while it is used")
            return
        try:
            self._check(what)
            self.done.append(f"{what}...")
            work()
            if what == self._fails_at:
                self._journal.fail(f"{what} of {self.name}")
            self.done[-1] = what
        finally:
            self._used.release()

    def _check(self, what: str) -> None:
        last = self.done[-1] if self.done else ""
        is_ended = "commit" in self.done or "abort" in self.done
        if (what == "open") != (not self.done) or is_ended or (last.endswith("...") and what != "abort"):
            self._journal.problems.append(f"{what} of {self.name} after {self.done}")

    @property
    def is_committed(self) -> bool:
        """Whether what it got is to be seen."""
        return "commit" in self.done

    @property
    def is_left_open(self) -> bool:
        """Whether it was opened, and nobody has ended it."""
        return bool(self.done) and not {"commit", "abort"} & set(self.done)

    def open(self) -> None:
        """Begin."""
        self.call("open")

    def write(self, columns: Sequence[Any]) -> None:
        """Take a record."""
        self.call("write", partial(self._take, *columns))

    def commit(self) -> None:
        """End well."""
        self.call("commit")

    def abort(self) -> None:
        """End after a failure."""
        self.call("abort")

    def _take(self, numbers: Any, values: Any) -> None:
        if self._refused is not None and self._refused in numbers:
            self._journal.fail(f"row {self._refused} is not wanted in {self.name}")
        self._journal.take(self.name, numbers, values)


class FileSink(WatchedSink):
    """A sink that writes a file, a row a line.

    Args:
        folder: where the file is, under the name of the sink.
    """

    def __init__(
        self, journal: Journal, name: str, fails_at: str = "", refused: int | None = None, *, folder: Path
    ) -> None:
        super().__init__(journal, name, fails_at, refused)
        self._unfinished = UnfinishedFile(folder / name)
        self._file: Any = None

    def open(self) -> None:
        """Begin."""
        self.call("open", self._open)

    def _open(self) -> None:
        self._file = self._unfinished.open()

    def commit(self) -> None:
        """Give the file its name."""

        def commit() -> None:
            if self._fails_at != "commit" or not self._journal.armed:
                self._unfinished.commit()

        self.call("commit", commit)

    def abort(self) -> None:
        """Remove it."""
        self.call("abort", self._unfinished.abort)

    def _take(self, numbers: Any, values: Any) -> None:
        super()._take(numbers, values)
        pairs = zip(numbers.tolist(), values.tolist(), strict=True)
        self._file.write("".join([f"{number} {value}\n" for number, value in pairs]).encode())
        self._file.flush()  # meanwhile other threads run, and may come here


def rows_of_file(path: Path) -> Rows:
    """The rows in the file of a sink."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return [(int(number), int(value)) for number, value in lines]
