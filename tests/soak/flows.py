"""Random pipelines as data: what they read, which stages they have, how they end, and what has to arrive then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate, count, islice

PRIME = 1_000_003
SPAN = 20_000_000
"""The numbers of the rows of one source begin at a multiple of this."""

SHIFT = 10_000_000
"""The rows of the second part of a composite are so much higher than those of the first."""


class End(Enum):
    """How a pipeline is to end."""

    RIGHT = "right"
    FAIL = "fail"
    STOP = "stop"
    CANCEL = "cancel"


@dataclass
class Source:
    """What the first tasks read.

    Attributes:
        name: of it.
        kind: `count`, `items`, `rows`, `parts`, `dataset` or `composite`.
        first: the number of its first row.
        sizes: of its batches.
        size: of those behind them, if it goes on.
        endless: it goes on.
        parts: how many there are of the batches; of a composite, how many batches the second part has.
        queued: the parts of a composite come through queues.
        wraps: limits and delays around the reader: what it is, and how much.
        fails_at: the place of the item, or the part, where it fails.
        is_bad: it fails by giving a batch that is none.
    """

    name: str
    kind: str
    first: int
    sizes: list[int]
    size: int = 1
    endless: bool = False
    parts: int = 1
    queued: bool = False
    wraps: list[tuple[str, float]] = field(default_factory=list)
    fails_at: int | None = None
    is_bad: bool = False

    @property
    def batches(self) -> list[list[int]]:
        """The rows of the batches."""
        starts = accumulate(self.sizes, initial=self.first)
        return [list(range(start, start + size)) for start, size in zip(starts, self.sizes, strict=False)]

    @property
    def limits(self) -> list[int]:
        """How many batches may be read."""
        return [int(much) for what, much in self.wraps if what == "limit"]

    @property
    def is_timed(self) -> bool:
        """Whether it may end at any moment."""
        return any(what == "time" for what, _ in self.wraps)

    def readable(self) -> list[list[int]]:
        """The rows of the batches that can be read: the first ones, for those that have an end or a limit."""
        ready = self.batches
        if self.kind == "composite":
            ready = ready[: self.parts]
        if self.endless and self.limits:
            begins = islice(count(self.first + sum(self.sizes), self.size), max(0, min(self.limits) - len(ready)))
            ready += [list(range(begin, begin + self.size)) for begin in begins]
        return ready[: min(self.limits)] if self.limits else ready


@dataclass
class Job:
    """A task of a stage: how many threads it has, and what it does.

    Attributes:
        form: how the processor is written: `none`, `batch`, `ops`, `output`, `net`.
        inlined: the processor stands in a reader without threads.
        wraps: limits and delays around its reader, behind a queue.
        sink: what it writes to, if the stage is the last.
    """

    name: str
    threads: int = 1
    static: bool = False
    ordered: bool = False
    form: str = "none"
    inlined: bool = False
    wraps: list[tuple[str, float]] = field(default_factory=list)
    sink: str = ""
    sink_fails_at: str = ""


@dataclass
class Stage:
    """Tasks that read from the same, do the same and write to the same.

    Attributes:
        change: factor and summand for the values; none if they stay.
        keeps: rows whose number is no multiple of this; all if 0.
        refused: a row that the processors fail for.
        sink_refused: a row that the sinks fail for.
        stops_at: a row at which a processor stops, and how it says so.
        link: the queue to the next stage: `pipe`, `queue` or `channel`; empty if there is none.
        dequeues: how many records are taken from that queue at once.
    """

    name: str
    node: str
    jobs: list[Job]
    change: tuple[int, int] | None = None
    keeps: int = 0
    refused: int | None = None
    sink_refused: int | None = None
    stops_at: tuple[int, str] | None = None
    link: str = ""
    capacity: int = 1
    dequeues: int = 1

    @property
    def threads(self) -> int:
        """Of all its tasks."""
        return sum(job.threads for job in self.jobs)

    @property
    def is_limited(self) -> bool:
        """Whether it may stop before its input has ended."""
        return any(what != "delay" for job in self.jobs for what, _ in job.wraps)


@dataclass
class Flow:
    """One pipeline.

    Attributes:
        may_fail: something in it raises, if it comes so far.
        kind: in one word, what makes it end.
    """

    name: str
    end: End
    sources: list[Source]
    stages: list[Stage]
    may_fail: bool = False
    kind: str = "right"

    @property
    def is_endless(self) -> bool:
        """Whether it ends only if something happens."""
        return any(source.endless and not source.limits and not source.is_timed for source in self.sources)

    def passing(self, stage: int) -> list[int]:
        """The rows that reach a stage if nothing stops before; of endless sources the first ones."""
        rows = [row for source in self.sources for batch in source.readable() for row in batch]
        for before in self.stages[:stage]:
            rows = [row for row in rows if not before.keeps or row % before.keeps]
        return rows

    def value(self, row: int) -> int:
        """What the stages make of the value of a row, which is its number."""
        value = row
        for stage in self.stages:
            if stage.change is not None:
                value = (value * stage.change[0] + stage.change[1]) % PRIME
        return value

    def lets_pass(self, row: int) -> bool:
        """Whether no stage drops a row."""
        return all(not stage.keeps or row % stage.keeps for stage in self.stages)

    def has_all(self) -> bool:
        """Whether all rows arrive that can be read, but those of the record at which it was stopped."""
        if any(source.is_timed for source in self.sources) or any(stage.is_limited for stage in self.stages):
            return False
        if any(source.limits and source.kind == "parts" for source in self.sources):
            return False
        return all(self._goes_on(number) for number, stage in enumerate(self.stages) if stage.stops_at is not None)

    def _goes_on(self, number: int) -> bool:
        """Whether others read on when a processor of a stage stops."""
        stage = self.stages[number]
        assert stage.stops_at is not None
        if stage.stops_at[1] == "stop_all":
            return number > 0 and len(stage.jobs) > 1
        return stage.threads > 1 if number else all(job.threads > 1 for job in stage.jobs)

    def keeps_order(self) -> bool:
        """Whether the rows of each source arrive in order."""
        return all(
            (number == 0 or len(stage.jobs) == 1)
            and all(job.threads == 1 or (job.ordered and job.sink != "eaten") for job in stage.jobs)
            for number, stage in enumerate(self.stages)
        )

    def invented(self, rows: Sequence[int]) -> list[int]:
        """Those that no source has."""
        known = {row for source in self.sources for batch in source.batches for row in batch}
        begun = [source.first for source in self.sources if source.endless]
        return [row for row in rows if row not in known and not any(0 <= row - first < SHIFT for first in begun)]
