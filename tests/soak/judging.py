"""Whether a run of random pipelines ended as it must: the error, the rows, the counts, and what is left behind."""

from __future__ import annotations

from collections.abc import Sequence

from tests.soak.flows import SPAN, End, Flow, Source
from tests.soak.functions import SoakError
from tests.soak.journal import FileSink, Rows, WatchedSink, rows_of_file
from tests.soak.pipelines import Pipelines
from tests.soak.tally import WrongError

import taskplan as tp


def judge(
    program: Pipelines,
    raised: BaseException | None,
    may_be: Sequence[type[BaseException]] = (),
    faults: Sequence[str] = (),
) -> str:
    """The class of how a run ended.

    Args:
        program: what was run.
        raised: what the run raised.
        may_be: what it may raise besides the error that is built in.
        faults: what went wrong on demand.

    Raises:
        WrongError: it must not end so.
    """
    struck = [fault for fault in faults if not fault.startswith("delay")]
    may_be = [*may_be, *([tp.InjectedFaultError] if struck else [])]
    must_fail = program.journal.armed and any(flow.end is End.FAIL for flow in program.flows)
    may_not_end = (
        bool(struck)
        or must_fail
        or any(flow.is_endless and flow.end in (End.CANCEL, End.FAIL) for flow in program.flows)
    )
    if raised is None:
        _require(not may_not_end, "the run ended well, which it cannot")
    elif isinstance(raised, SoakError):
        _require(raised in program.journal.raised[:1], f"it raised {raised!r}, not what was raised first", raised)
    elif isinstance(raised, tp.ShapeError):
        _require(program.journal.gave_bad, f"it raised {raised!r}", raised)
    else:
        _require(type(raised) in may_be, f"it raised {raised!r}", raised)
    _Look(program, raised).at_all(closed=not any("Close" in fault for fault in struck))
    return type(raised).__name__ if raised is not None else "right"


def _require(is_so: bool, problem: str, cause: BaseException | None = None) -> None:
    if not is_so:
        raise WrongError(problem) from cause


class _Look:
    """Looks at what a run has done."""

    def __init__(self, program: Pipelines, raised: BaseException | None) -> None:
        self._program = program
        self._journal = program.journal
        self._raised = raised

    def at_all(self, *, closed: bool) -> None:
        """Look at all of it.

        Args:
            closed: no fault was in the way of what closes sources and sinks.
        """
        journal = self._journal
        _require(not journal.problems, "; ".join(journal.problems), self._raised)
        if closed:
            _require(not journal.open, f"{len(journal.open)} iterators were left open", self._raised)
            left = [(sink.name, sink.done) for sink in journal.sinks if sink.is_left_open]
            _require(not left, f"sinks were left open: {left}", self._raised)
            self._at_files()
        else:
            journal.close_all()
        for flow in self._program.flows:
            self._at_rows(flow)
            if self._raised is None:
                self._at_counts(flow)
            elif flow.may_fail and isinstance(self._raised, SoakError | tp.ShapeError):
                self._at_sinks_of_failure(flow)

    def _at_files(self) -> None:
        committed = [sink for sink in self._journal.sinks if sink.is_committed and isinstance(sink, FileSink)]
        expected, found = {sink.name for sink in committed}, {path.name for path in self._program.folder.iterdir()}
        _require(found == expected, f"there are the files {sorted(found)}, expected {sorted(expected)}", self._raised)
        for sink in committed:
            rows = rows_of_file(self._program.folder / sink.name)
            _require(rows == self._journal.rows.get(sink.name, []), f"file {sink.name} has other rows than it got")

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _at_rows(self, flow: Flow) -> None:
        last = flow.stages[-1]
        names = sorted({self._sink_name(flow, place) for place in range(len(last.jobs))})
        arrived = [row for name in names for row in self._journal.rows.get(name, [])]
        numbers = [number for number, _ in arrived]
        what = f"{flow.name} ({flow.kind})"
        twice = sorted({number for number in numbers if numbers.count(number) > 1}) if _repeats(numbers) else []
        _require(not twice, f"{what}: rows came twice: {twice}", self._raised)
        invented = flow.invented(numbers)
        _require(not invented, f"{what}: no source has {invented}", self._raised)
        wrong = [row for row in arrived if row[1] != flow.value(row[0]) or not flow.lets_pass(row[0])]
        _require(not wrong, f"{what}: wrong rows {wrong}", self._raised)
        if flow.keeps_order():
            self._at_order(what, arrived)
        if self._raised is None or self._is_complete(flow, names):
            self._at_completeness(flow, what, numbers)
        if self._raised is None:
            ends = [sink.name for sink in self._sinks(names) if not sink.is_committed]
            wanted = [f"{job.name}_out" for job in last.jobs if job.sink in ("file", "sink")]
            missing = set(wanted) - {sink.name for sink in self._sinks(names)}
            _require(not ends and not missing, f"{what}: sinks {ends} were not committed, {missing} not made")

    def _sink_name(self, flow: Flow, place: int) -> str:
        last = flow.stages[-1]
        return f"{last.name}_stored" if last.jobs[place].sink == "dataset" else f"{last.jobs[place].name}_out"

    def _sinks(self, names: Sequence[str]) -> list[WatchedSink]:
        return [sink for sink in self._journal.sinks if sink.name in names]

    def _is_complete(self, flow: Flow, names: Sequence[str]) -> bool:
        """Whether the only sink was committed, though the run did not end well; then the pipeline did."""
        sinks = self._sinks(names)
        return len(names) == 1 and len(sinks) == 1 and sinks[0].is_committed

    def _at_completeness(self, flow: Flow, what: str, numbers: Sequence[int]) -> None:
        if not flow.has_all():
            return
        lost = {row for stage in flow.stages for row in self._journal.lost.get(stage.name, [])}
        expected = {row for row in flow.passing(len(flow.stages)) if row not in lost}
        missing, more = sorted(expected - set(numbers)), sorted(set(numbers) - expected)
        _require(not missing and not more, f"{what}: rows {missing} are missing, {more} too many", self._raised)

    def _at_order(self, what: str, arrived: Rows) -> None:
        last: dict[int, int] = {}
        for number, _ in arrived:
            source = number // SPAN
            _require(number > last.get(source, -1), f"{what}: {number} came after {last.get(source)}", self._raised)
            last[source] = number

    def _at_sinks_of_failure(self, flow: Flow) -> None:
        """Nothing is committed behind what has failed."""
        jobs = flow.stages[-1].jobs
        committed = {sink.name for sink in self._journal.sinks if sink.is_committed}
        there = [name for place in range(len(jobs)) if (name := self._sink_name(flow, place)) in committed]
        failed = [f"{job.name}_out" for job in jobs if job.sink_fails_at]
        _require(not set(failed) & set(there), f"{failed} failed, and was committed", self._raised)
        if flow.end is not End.FAIL:
            return  # what is behind may have stopped, and ended well, before
        begins = len(flow.stages) > 1 and any(source.fails_at is not None for source in flow.sources)
        if begins or any(stage.refused is not None for stage in flow.stages[:-1]):
            _require(not there, f"{flow.name} ({flow.kind}) failed, and {there} were committed", self._raised)
        else:
            _require(len(there) < len(jobs), f"{flow.name} ({flow.kind}) failed, and all its sinks were committed")

    # --- counts -------------------------------------------------------------------------------------------------------

    def _at_counts(self, flow: Flow) -> None:
        for source in flow.sources:
            self._at_source(flow, source)
        came = self._came_from_sources(flow)
        for stage in flow.stages:
            counts = self._journal.counts.get(stage.name)
            left = self._left(flow, counts) if stage.link else self._arrived(flow)
            if came is not None and left is not None:
                stopped = stage.name in self._journal.lost
                text = f"{stage.name}: {came} records came, {left} were written or refused, at {stopped} it stopped"
                _require(came == left + stopped, f"{flow.kind}: {text}")
            came = counts[1] if counts is not None and stage.dequeues == 1 else None

    def _left(self, flow: Flow, counts: Sequence[int] | None) -> int | None:
        if counts is None:
            return None
        put, taken, refused, fill, closed = counts
        _require(put - taken == fill and closed == 1, f"{flow.kind}: a queue has counted {counts}")
        _require(flow.end is not End.RIGHT or (refused, fill) == (0, 0), f"{flow.kind}: a queue has counted {counts}")
        return put + refused

    def _arrived(self, flow: Flow) -> int | None:
        """How many records the sinks got, where that is known: records without rows are not counted."""
        jobs = flow.stages[-1].jobs
        if any(job.sink == "dataset" for job in jobs) or any(stage.keeps for stage in flow.stages):
            return None
        return sum(self._journal.calls[f"{job.name}_out"] for job in jobs)

    def _came_from_sources(self, flow: Flow) -> int | None:
        found = [self._journal.counts.get(source.name) for source in flow.sources]
        return None if None in found else sum(counts[0] for counts in found if counts is not None)

    def _at_source(self, flow: Flow, source: Source) -> None:
        counts, ended = self._journal.counts.get(source.name), self._journal.ended.get(source.name)
        if counts is not None and flow.end is End.RIGHT:
            expected = [len(source.sizes), sum(source.sizes), 0]
            _require(counts == expected, f"source {source.name} has counted {counts}, expected {expected}")
        if ended is None or len(source.limits) != 1 or source.is_timed or flow.kind not in ("right", "limit"):
            return
        whole = Source(source.name, source.kind, source.first, source.sizes, parts=source.parts)
        expected_end = not source.endless and source.limits[0] > len(whole.readable())
        _require(ended == expected_end, f"source {source.name} has data_finished={ended}, expected {expected_end}")


def _repeats(numbers: Sequence[int]) -> bool:
    return len(set(numbers)) != len(numbers)
