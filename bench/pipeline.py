"""Rows a second through two stages with a queue between them, beside plain threads and beside pyarrow alone.

Two columns, float32 and int64. In memory: a dataset is read in batches, and taken from the queue at its other end;
beside it two threads do the same with slices of arrays and a `queue.Queue` of the same capacity. From a file: the same
rows in Parquet, beside two threads and a `queue.Queue` again, of which one reads with pyarrow; and beside pyarrow
alone, which reads them into arrays and does nothing more: the upper limit.

Usage: python bench/pipeline.py
"""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from _paired import Paired, paired
from rich.console import Console
from rich.table import Table

import taskplan as tp

CAPACITY = 100
ROUNDS = 11
ROWS = {1: 20_000, 100: 1_000_000, 10_000: 10_000_000}
"""How many rows one measurement moves, by the size of the batches."""

FILE_ROWS = {1: 20_000, 100: 1_000_000, 10_000: 4_000_000}
ROW_GROUP = 1_000_000

SCHEMA = tp.Struct(("x", np.float32), ("id", np.int64))

Columns = tuple[np.ndarray[Any, Any], ...]


def columns(rows: int) -> Columns:
    """So many rows."""
    return np.arange(rows, dtype=np.float32), np.arange(rows, dtype=np.int64)


def through_pipes(source: Any, session: tp.LocalSession) -> Callable[[], None]:
    """Two tasks, with a queue between them."""
    with tp.TaskGroup() as group:
        tp.pipe(tp.pipe(source, capacity=CAPACITY), processor=lambda _: None)
    return lambda: session.run(group)


def through_threads(batches: Callable[[], Iterator[Columns]]) -> Callable[[], None]:
    """Two threads, with a queue between them."""

    def run() -> None:
        between: queue.Queue[Columns | None] = queue.Queue(CAPACITY)

        def write() -> None:
            for batch in batches():
                between.put(batch)
            between.put(None)

        def read() -> None:
            while between.get() is not None:
                pass

        threads = [threading.Thread(target=write), threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


def in_memory(batch: int, opened: ExitStack) -> Paired:
    """Ours beside threads, on rows in memory."""
    given = columns(ROWS[batch])
    space = tp.Workspace()
    session = opened.enter_context(tp.LocalSession(space))
    record = tp.NewRecord(tp.Net("rows"), SCHEMA)
    tp.FeedRecord(record, list(given), space)
    ours = through_pipes(tp.Dataset(record).reader(batch_size=batch), session)

    def slices() -> Iterator[Columns]:
        for start in range(0, len(given[0]), batch):
            yield tuple([column[start : start + batch] for column in given])

    return paired(ours, ROWS[batch], through_threads(slices), ROWS[batch], ROUNDS)


def from_file(batch: int, folder: Path, opened: ExitStack) -> tuple[Paired, Paired]:
    """Ours beside threads, and beside pyarrow alone, on rows in a file."""
    path = str(folder / f"{batch}.parquet")
    session = opened.enter_context(tp.LocalSession(tp.Workspace()))
    with tp.TaskGroup() as group:
        given = tp.IterableReader([columns(FILE_ROWS[batch])], SCHEMA)
        tp.pipe(given, tp.ParquetWriter(path, row_group_rows=ROW_GROUP))
    session.run(group)
    ours = through_pipes(tp.ParquetReader(path, batch_size=batch), session)

    def batches() -> Iterator[Columns]:
        with pq.ParquetFile(path) as file:
            for read in file.iter_batches(batch):
                yield tuple([column.to_numpy(zero_copy_only=False) for column in read.columns])

    def alone() -> None:
        for _ in batches():
            pass

    rows = FILE_ROWS[batch]
    return (
        paired(ours, rows, through_threads(batches), rows, ROUNDS),
        paired(ours, rows, alone, rows, ROUNDS),
    )


def shown(found: Paired) -> list[str]:
    """Rows a second of both, and how many times longer ours takes."""
    return [
        f"{1 / found.ours_us:,.2f}",
        f"{1 / found.yardstick_us:,.2f}",
        f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})",
    ]


def main() -> None:
    """Print the table."""
    table = Table("rows in a batch", "source", "beside", "ours", "theirs", "ratio")
    table.caption = f"million rows a second, medians of {ROUNDS} pairs; ratios of times, half of the pairs in brackets"
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        for batch in ROWS:
            table.add_row(f"{batch:,}", "memory", "queue.Queue and threads", *shown(in_memory(batch, opened)))
            threads, alone = from_file(batch, Path(folder), opened)
            table.add_row("", "Parquet", "queue.Queue and threads", *shown(threads))
            table.add_row("", "Parquet", "pyarrow alone", *shown(alone), end_section=True)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
