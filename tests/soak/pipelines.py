"""Random pipelines as programs: a seed makes one, the same one each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from tests.soak.drawing_flows import Flows
from tests.soak.flows import PRIME, SHIFT, End, Flow, Job, Source, Stage
from tests.soak.journal import FileSink, Journal, Parts, WatchedSink

import taskplan as tp
from taskplan import ops
from taskplan.builder.queue_nets import queue_statistics

Struct = tp.schema.Struct
Record = Any
Blob = Any

ROW = Struct(("n", np.int64), ("v", np.int64))

BAD = (np.array([1, 2]), np.array([1]))
"""No batch, since its columns differ in length."""

WRAPS = {"limit": tp.ReaderWithLimit, "time": tp.ReaderWithTimeLimit, "delay": tp.ReaderWithDelay}


class Pipelines:
    """A program of pipelines, drawn from a seed and written at once, so inside `fresh_names()`.

    Args:
        seed: says what is drawn.
        folder: where its sinks write files.

    Attributes:
        end: how it is to end.
        flows: what was drawn.
        faults: what goes wrong in simulations.
        group: the program.
        journal: notes what runs of it do.
    """

    def __init__(self, seed: object, folder: Path) -> None:
        drawn = Flows(seed)
        self.end, self.flows, self.faults = drawn.end, drawn.flows, drawn.faults
        self.journal = Journal()
        self.folder = folder
        self._exits: dict[str, list[Any]] = {}
        kind = tp.WorkspaceType.PRIVATE if drawn.is_private else tp.WorkspaceType.GLOBAL
        with tp.TaskGroup(kind) as self.group:
            for flow in self.flows:
                self._write(flow)
            for node, queues in self._exits.items():
                self._look_at(node, queues)

    def can_be_right(self) -> bool:
        """Whether a run ends well if nobody ends it and nothing fails."""
        return not any(flow.is_endless and flow.end in (End.CANCEL, End.FAIL) for flow in self.flows)

    def begin_anew(self, *, armed: bool) -> None:
        """Forget what was done.

        Args:
            armed: what is to fail does so in the next run.
        """
        self.journal.clear()
        self.journal.armed = armed
        for path in self.folder.iterdir():
            path.unlink()

    def _write(self, flow: Flow) -> None:
        sources: list[Any] = []
        for stage in flow.stages:
            with tp.Node(stage.node):
                if not sources:
                    sources = [self._reader(source) for source in flow.sources]
                readers = sources if stage is flow.stages[0] else [*map(partial(_wrapped, sources[0]), stage.jobs)]
                output = self._link(stage)
                outputs = [output] * len(stage.jobs) if stage.link else self._sinks(stage)
                for job, reader, target in zip(stage.jobs, readers, outputs, strict=True):
                    source = next((each for each in flow.sources if each.name == f"{job.name}_in"), None)
                    made = self._pipe(stage, job, source, reader, target)
                    output = output or made
                self._note_queue(flow, stage, output)
            sources = [output]

    def _pipe(self, stage: Stage, job: Job, source: Source | None, reader: Any, target: Any) -> Any:
        options: dict[str, Any] = {"name": job.name, "ordered": job.ordered}
        options["num_threads" if job.static else "num_runtime_threads"] = job.threads
        if stage.link == "pipe":
            options["capacity"] = stage.capacity
        processor = self._processor(stage, job, source, reader)
        if job.sink == "eaten":
            reader, processor = tp.pipe(reader, processor=processor, num_threads=0), self._eating(job.name)
        elif job.inlined:
            reader, processor = tp.pipe(reader, processor=processor, num_threads=0), None
        return tp.pipe(reader, target, processor=processor, **options)

    # --- between stages -----------------------------------------------------------------------------------------------

    def _link(self, stage: Stage) -> Any:
        if stage.link == "queue":
            return tp.Queue(stage.capacity, name=f"{stage.name}_queue", num_dequeue_records=stage.dequeues)
        return tp.Channel(f"{stage.name}_channel", stage.capacity) if stage.link == "channel" else None

    def _note_queue(self, flow: Flow, stage: Stage, queue: Any) -> None:
        """Look at its counts at the end, where all who use it are on one node."""
        place = flow.stages.index(stage)
        if stage.link and flow.stages[place + 1].node == stage.node:
            self._exits.setdefault(stage.node, []).append((stage.name, queue.queue()))

    def _look_at(self, node: str, queues: Sequence[tuple[str, Blob]]) -> None:
        with tp.Node(node), tp.Task(name=f"{node}_counts"):
            with ops.local_exit():
                for name, queue in queues:
                    found = queue_statistics(ops.net(), queue)
                    counts = [found.put(), found.taken(), found.refused(), found.fill(), found.closed()]
                    ops.call(partial(self.journal.count, name), *counts, outputs=0)

    # --- sources ------------------------------------------------------------------------------------------------------

    def _reader(self, source: Source) -> tp.Reader:
        reader: tp.Reader = _wrapped_in(self._bare(source), source.wraps)
        if source.kind == "count":
            return self._numbered(reader, source.first)
        if source.kind == "composite":
            joined = tp.BatchFunction(partial(self.journal.joined, SHIFT), ROW, name="joined")
            return tp.pipe(reader, processor=joined, num_threads=0)  # type: ignore[no-any-return] # without threads
        return reader

    def _numbered(self, reader: tp.Reader, first: int) -> tp.Reader:
        """Rows of what counts."""

        def number(batch: dict[str, Any]) -> dict[str, Any]:
            self.journal.tick()
            rows = np.atleast_1d(batch["iter"] + first)
            return {"n": rows, "v": rows}

        numbered: tp.Reader = tp.pipe(reader, processor=tp.BatchFunction(number, ROW), num_threads=0)
        return numbered

    def _bare(self, source: Source) -> tp.Reader:
        if source.kind == "count":
            return tp.CounterReader() if source.endless else tp.CountUntil(len(source.sizes))
        if source.kind == "dataset":
            return self._stored(source)
        if source.kind == "parts":
            batches, ends = source.batches, np.linspace(0, len(source.sizes), source.parts + 1, dtype=int)
            parts = [batches[begin:end] for begin, end in pairwise(ends)]
            bad = BAD if source.is_bad else None
            return tp.SourceReader(lambda: Parts(self.journal, parts, source.fails_at, bad), ROW, name=source.name)
        if source.kind == "rows":
            rows = lambda: self.journal.watched(_rows_of(source), source.fails_at)  # noqa: E731 - called in each run
            return tp.IterableReader(rows, ROW, rows=True, batch_size=source.size, name=source.name)
        if source.kind == "composite":
            return self._composite(source)
        return self._items(source.name, source, 0)

    def _items(self, name: str, source: Source, shift: int) -> tp.Reader:
        bad = BAD if source.is_bad else None
        items = lambda: self.journal.watched(_batches_of(source, shift), source.fails_at, bad)  # noqa: E731 - as above
        return tp.IterableReader(items, ROW, name=name)

    def _composite(self, source: Source) -> tp.Reader:
        """Two parts that belong together, one of them maybe shorter."""
        readers: list[Any] = [self._items(f"{source.name}{shift}", source, shift) for shift in (0, SHIFT)]
        shorter = source.parts % 2
        readers[shorter] = tp.ReaderWithLimit(readers[shorter], source.parts)
        if source.queued:
            readers = [
                tp.pipe(reader, capacity=2, name=f"{source.name}_part{place}") for place, reader in enumerate(readers)
            ]
        return tp.CompositeReader(["one", "two"], readers)

    def _stored(self, source: Source) -> tp.Reader:
        """A reader of a dataset that is filled before."""
        rows = np.array([row for batch in source.batches for row in batch], np.int64)
        stored = tp.Dataset(ROW, name=source.name)
        with tp.Task(name=f"{source.name}_filled"), ops.local_init():
            stored.init_empty(ops.net())
            for blob in stored.field_blobs or ():
                ops.net().GivenTensorInt64Fill([], [blob], shape=rows.shape, values=rows.tolist())
        return stored.reader(batch_size=source.size)

    # --- sinks --------------------------------------------------------------------------------------------------------

    def _sinks(self, stage: Stage) -> list[Any]:
        stored = self._dataset(f"{stage.name}_stored") if any(job.sink == "dataset" for job in stage.jobs) else None
        return [self._sink(stage, job, stored) for job in stage.jobs]

    def _sink(self, stage: Stage, job: Job, stored: tp.Dataset | None) -> Any:
        if job.sink == "eaten":
            return None
        if job.sink == "dataset":
            return stored
        refused, name = stage.sink_refused, f"{job.name}_out"
        if job.sink == "file":
            make = partial(FileSink, self.journal, name, job.sink_fails_at, refused, folder=self.folder)
            return tp.SinkWriter(make, name=name)
        make_plain = partial(WatchedSink, self.journal, name, job.sink_fails_at, refused)
        if job.sink == "sink":
            return tp.SinkWriter(make_plain, name=name)
        found = partial(self.journal.sink_of, make_plain, name)
        return tp.CallbackWriter(
            lambda record: found().write([record["n"], record["v"]]),
            on_commit=lambda: found().commit(),
            on_abort=lambda: found().abort(),
        )

    def _dataset(self, name: str) -> tp.Dataset:
        stored = tp.Dataset(ROW, name=name)
        with tp.Task(name=f"{name}_made"):
            with ops.local_init():
                stored.init_empty(ops.net())
            with ops.local_finally():
                ops.call(partial(self.journal.keep, name), *(stored.field_blobs or ()), outputs=0)
        return stored

    def _eating(self, name: str) -> Any:
        """A processor that takes records and writes nothing."""

        def eat(record: Record) -> None:
            ops.call(partial(self.journal.take, f"{name}_out"), record.n(), record.v(), outputs=0)

        return eat

    # --- processors ---------------------------------------------------------------------------------------------------

    def _processor(self, stage: Stage, job: Job, source: Source | None, reader: Any) -> Any:
        form = job.form
        if stage.stops_at is not None:
            form = {"returned": "ops", "stop_if": "ops", "net": "net"}.get(stage.stops_at[1], "output")
        if form == "none" and stage.refused is None:
            return None
        if form == "batch":
            return tp.BatchFunction(partial(self._changed, stage), name=job.name)
        if form == "net":
            return self._net(stage)
        return partial(self._with_ops, stage, job, source, reader, form)

    def _changed(self, stage: Stage, batch: dict[str, Any]) -> dict[str, Any]:
        numbers, values = batch["n"], batch["v"]
        if stage.refused is not None:
            self.journal.refuses(stage.refused)(numbers)
        if stage.change is not None:
            values = (values * stage.change[0] + stage.change[1]) % PRIME
        kept = numbers % stage.keeps != 0 if stage.keeps else slice(None)
        return {"n": numbers[kept], "v": values[kept]}

    def _with_ops(self, stage: Stage, job: Job, source: Source | None, reader: Any, form: str, record: Record) -> Any:
        if source is not None:
            self._count_source(source, reader)
        made, stop = self._made(stage, record, ops)
        if stop is None:
            return tp.Output(record=made) if form == "output" else made
        assert stage.stops_at is not None
        how = stage.stops_at[1]
        if how == "stop_if":
            ops.stop_if(stop)
            return made
        if how == "returned":
            return made, stop
        return tp.Output(record=made, stop_all=stop) if how == "stop_all" else tp.Output(record=made, should_stop=stop)

    def _made(self, stage: Stage, record: Record, net: Any) -> tuple[Record, Blob | None]:
        """What a stage makes of a record, and whether it stops there."""
        numbers, values, stop = record.n(), record.v(), None
        if stage.stops_at is not None:
            stop = net.call(self.journal.stops_at(stage.name, stage.stops_at[0]), numbers)
        if stage.refused is not None:
            numbers = net.call(self.journal.refuses(stage.refused), numbers)
        if stage.change is not None:
            factor, summand = (net.Const(number, dtype=np.int64) for number in stage.change)
            values = net.Add([net.Mul([values, factor], broadcast=1), summand], broadcast=1)
            values = net.Mod(values, divisor=PRIME, sign_follow_divisor=True)
        return Struct(("n", net.Copy(numbers)), ("v", net.Copy(values))), stop

    def _net(self, stage: Stage) -> tp.NetProcessor:
        net = tp.Net(f"{stage.name}_net")
        made, stop = self._made(stage, net.set_input_record(ROW.clone_schema()), net)
        net.set_output_record(made)
        return tp.NetProcessor(net, stop)

    def _count_source(self, source: Source, reader: Any) -> None:
        """Note at the end of the task what its source has counted, and whether a limit has met its end."""
        with ops.task_exit():
            if isinstance(reader, tp.SourceReader):
                ops.call(partial(self.journal.count, source.name), *reader.counts(ops.net()), outputs=0)
            if isinstance(reader, tp.ReaderWithLimit):
                ops.call(partial(self.journal.end, source.name), reader.data_finished(), outputs=0)


def _wrapped(source: Any, job: Job) -> Any:
    return _wrapped_in(source, job.wraps)


def _wrapped_in(reader: Any, wraps: Sequence[tuple[str, float]]) -> Any:
    for what, much in wraps:
        reader = WRAPS[what](reader, much)
    return reader


def _batches_of(source: Source, shift: int) -> Iterator[dict[str, Any]]:
    for batch in source.batches:
        yield {"n": np.array(batch) + shift, "v": np.array(batch)}
    for begin in count(source.first + sum(source.sizes), source.size) if source.endless else ():
        rows = np.arange(begin, begin + source.size)
        yield {"n": rows + shift, "v": rows}


def _rows_of(source: Source) -> Iterator[tuple[int, int]]:
    begin = source.first
    for row in count(begin) if source.endless else range(begin, begin + sum(source.sizes)):
        yield row, row
