"""Tasks that move records from a reader to a writer, as `pipe` makes them, and sources and sinks that tell all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

import taskplan as tp
from taskplan import ops
from taskplan.builder.containers import Struct
from taskplan.builder.dataio import Reader, Writer
from taskplan.operators.sources import Batch
from taskplan.plan.types import Array

TIMEOUT_S = 10
"""How long something may take that takes no time: for hangs only."""

ONE_COLUMN = Struct(("n", np.int64))


class BoomError(Exception):
    """What the user's own code raises."""


def task(
    reader: Reader,
    work: Callable[..., object] | Writer | tp.Net,
    instances: int = 1,
    at_exit: Callable[[tp.Net], object] = id,
) -> None:
    """Add a task to the open group that reads to the end.

    `work` is a writer, a net, or is called with the arrays of each record. `at_exit` adds to the net that runs last.
    """
    with tp.Task(name="move", num_instances=instances):
        init, local, exit_ = tp.Net("init"), tp.Net("local"), tp.Net("exit")
        reader.setup_ex(init, exit_)
        nets, stop, record = reader.read_record_ex(local, exit_)
        if isinstance(work, Writer):
            work.setup_ex(init, exit_)
            more, _ = work.write_record_ex(record, local, exit_, stop)
        elif isinstance(work, tp.Net):
            more = [work]
        else:
            more = [tp.Net("work")]
            more[0].Python(lambda inputs, outputs: work(*[each.fetch() for each in inputs]))(record.field_blobs(), [])
        at_exit(exit_)
        local.ConstantFill([], [stop], shape=[], value=False, dtype=tp.DataType.BOOL)
        with ops.task_init():
            ops.net(init)
        with ops.task_instance_init():
            ops.net(local)
        ops.net(tp.execution_step("body", [*nets, *more], should_stop_blob=stop))
        with ops.task_exit():
            ops.net(exit_)


def group_of(reader: Reader, work: Callable[..., object] | Writer, **options: Any) -> tp.TaskGroup:
    """A group of one such task."""
    with tp.TaskGroup() as group:
        task(reader, work, **options)
    return group


def rows_read(session: Any, reader: Reader, **options: Any) -> list[Any]:
    """The rows of a reader of one column, in the order in which they came."""
    rows: list[Any] = []
    session.run(group_of(reader, lambda column: rows.extend(column.tolist()), **options))
    return rows


class Numbers:
    """A source that counts, in parts of so many batches of so many rows, and knows which of its parts are open."""

    def __init__(self, parts: int = 1, batches: int = 4, rows: int = 3, fails_at: int | None = None) -> None:
        self.shape = parts, batches, rows
        self.fails_at = fails_at
        self.skipped = 0
        self.open: set[int] = set()
        self.opened: list[int] = []
        self.asking = False

    def __call__(self) -> Numbers:
        return self

    @property
    def all(self) -> list[int]:
        parts, batches, rows = self.shape
        return list(range(parts * batches * rows))

    def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
        self.asking = True
        try:
            for part in range(self.shape[0]):
                yield partial(self.batches, part)
        finally:
            self.asking = False

    def batches(self, part: int) -> Iterator[Batch]:
        _, batches, rows = self.shape
        self.open.add(part)
        self.opened.append(part)
        try:
            for number in range(part * batches, (part + 1) * batches):
                if number == self.fails_at:
                    raise BoomError(f"batch {number}")
                yield (np.arange(number * rows, (number + 1) * rows),)
        finally:
            self.open.remove(part)


class Told:
    """A sink that keeps what it is told."""

    def __init__(self, fails_at: str = "") -> None:
        self.calls: list[str] = []
        self.rows: list[Any] = []
        self.fails_at = fails_at

    def __call__(self) -> Told:
        return self

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call == self.fails_at:
            raise BoomError(call)

    def open(self) -> None:
        self._note("open")

    def write(self, columns: Sequence[Array]) -> None:
        self._note("write")
        self.rows += columns[0].tolist()

    def commit(self) -> None:
        self._note("commit")

    def abort(self) -> None:
        self._note("abort")
