"""Pipelines over three nodes that do what they are told while they run: note a record, fail at one, go on for ever.

What a run is to do stands in a file, which the nodes read again and again: so one program is run in several ways.
"""

from __future__ import annotations

import csv
import json
import os
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from tests.soak.draws import Draws

import taskplan as tp
from taskplan import ops

ENDLESS = 10**9
"""So many records end no run."""

NODES = ("reader", "worker", "writer")


class HurtError(Exception):
    """What a function raises that was told to.

    Attributes:
        at_s: when, by a clock that all processes of the machine have in common.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.at_s = time.monotonic()


@dataclass(frozen=True)
class Order:
    """What a run is to do.

    Attributes:
        limit: how many records there are.
        node: where something happens as record `record` passes; nowhere if empty.
        raises: what happens there is an error; else home is told.
        stalls: two tasks on different nodes wait for each other in the end.
    """

    limit: int
    node: str = ""
    record: int = -1
    raises: bool = False
    stalls: bool = False


class Desk:
    """A folder in which home and the nodes find what they have to say to each other; it pickles.

    Args:
        folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self._order = str(folder / "order.json")
        self._news = str(folder / "news")

    def give(self, order: Order) -> None:
        """Say what the next run is to do."""
        new = f"{self._order}.new"
        Path(new).write_text(json.dumps(asdict(order)))
        os.replace(new, self._order)

    def order(self) -> Order:
        """What the run is to do."""
        return Order(**json.loads(Path(self._order).read_text()))

    def open_news(self) -> int:
        """At home: the end of a pipe at which news arrive; the caller closes it."""
        if not Path(self._news).exists():
            os.mkfifo(self._news)
        return os.open(self._news, os.O_RDWR | os.O_NONBLOCK)

    def tell(self) -> None:
        """On a node: the record has passed."""
        with suppress(OSError):  # home does not listen any more
            news = os.open(self._news, os.O_WRONLY | os.O_NONBLOCK)
            os.write(news, b"!")
            os.close(news)

    def passes(self, node: str, number: int) -> None:
        """A record passes on a node."""
        order = self.order()
        if (order.node, order.record) == (node, number):
            if order.raises:
                msg = f"record {number} on node {node!r}"
                raise HurtError(msg)
            self.tell()

    def goes_on(self) -> np.int64:
        """Whether the run is an endless one."""
        return np.int64(self.order().limit == ENDLESS)

    def stalls(self) -> np.bool_:
        """Whether the run is to stall."""
        return np.bool_(self.order().stalls)


def has_news(news: int, limit_s: float) -> bool:
    """Wait until news are there, at the most so long; whether there are."""
    return bool(select.select([news], [], [], limit_s)[0])


class HurtPipeline:
    """A pipeline from a reader over a worker to a writer, each on a node of its own, and what runs beside it.

    Args:
        draws: say what it looks like.
        folder: for what it writes, and the orders.
        needs: the keywords of the nodes, by name.

    Attributes:
        desk: where runs are told what to do.
        group: the program.
        away: the nodes in other processes.
        tasks: the names of the tasks, by node.
        is_private: its tasks have workspaces of their own.
        can_stall: two of its tasks can be told to wait for each other.
    """

    def __init__(self, draws: Draws, folder: Path, needs: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.desk = Desk(folder)
        self._needs = needs or {}
        last = "local" if draws.chance(0.15) else NODES[-1]
        self._nodes = (*NODES[:-1], last)
        self.away = [node for node in self._nodes if node != "local"]
        self.tasks: dict[str, list[str]] = {node: [] for node in self._nodes}
        self.is_private = draws.chance(0.7)
        self.can_stall = draws.chance(0.6)
        self._width = draws.choice([1, 1, 1, 200, 20_000])
        self._path = self._drawn_path(draws, folder)
        self._found: list[tp.TaskOutput] = []
        self._met: list[tp.TaskOutput] = []
        kind = tp.WorkspaceType.PRIVATE if self.is_private else tp.WorkspaceType.GLOBAL
        with tp.fresh_names(), tp.TaskGroup(kind) as self.group:
            self._write_pipes(draws)
            if draws.chance(0.4):
                self._write_meetings()
            if self.can_stall:
                self._write_barriers()

    def _drawn_path(self, draws: Draws, folder: Path) -> Path | None:
        name = draws.choice(["rows.csv", "rows.parquet", ""])
        if name.endswith("csv"):
            self._width = 1  # a CSV file has no columns of several values
        return folder / name if name else None

    def node(self, name: str) -> tp.Node:
        """The node of that name, with its keywords."""
        return tp.Node(name, **self._needs.get(name, {}))

    def _task(self, node: str, name: str) -> str:
        self.tasks[node].append(f"{node}/{name}")
        return name

    # --- the program --------------------------------------------------------------------------------------------------

    def _write_pipes(self, draws: Draws) -> None:
        first, second, third = self._nodes
        raw, done = (tp.Channel(name, capacity=draws.choice([1, 3, 50])) for name in ("raw", "done"))
        source = tp.IterableReader(partial(_records, self.desk, self._width), self._schema())
        with self.node(first):
            pipe(source, raw, self._passes(first), self._task(first, "read"), draws.choice([1, 1, 2]))
        with self.node(second):
            pipe(raw, done, self._passes(second), self._task(second, "work"), draws.choice([1, 2, 3]))
            if draws.chance(0.4):
                self._write_reporter(second)
        with self.node(third):
            name = self._task(third, "write")
            if self._path is None:
                tp.pipe(done, processor=partial(self._added_up, third), name=name)
            else:
                kind = tp.CsvWriter if self._path.suffix == ".csv" else tp.ParquetWriter
                pipe(done, kind(self._path), self._passes(third), name, draws.choice([1, 2]))

    def _schema(self) -> tp.Struct:
        x = np.float64 if self._width == 1 else (np.float64, self._width)
        return tp.Struct(("n", np.int64), ("x", tp.Scalar(x)))

    def _passes(self, node: str) -> tp.BatchFunction:
        return tp.BatchFunction(partial(_pass, self.desk, node))

    def _added_up(self, node: str, record: Any) -> None:
        with ops.task_init():
            count, total = ops.Const(0), ops.Const(0)
        ops.Copy(ops.call(partial(_pass_numbers, self.desk, node), count, record.n()), count)
        ops.Add([total, ops.ReduceSum([record.n()], keepdims=False)], [total])
        with ops.task_exit():
            self._found += [tp.final_output(ops.Copy(count)), tp.final_output(ops.Copy(total))]

    def _write_reporter(self, node: str) -> None:
        with tp.Task(name=self._task(node, "report")):
            with ops.task_reporter(interval_ms=20):
                ops.Const(1)
            ops.Const(1)

    def _write_meetings(self) -> None:
        """A task on each node; they add up, and go on to meet as long as the run is an endless one."""
        for node in self._nodes:
            with self.node(node), tp.Task(name=self._task(node, "meet")):
                with ops.task_init():
                    total, one = ops.Const(0), ops.Const(1)
                with ops.loop(5):
                    ops.Add([total, ops.allreduce(one, name="one")], [total])
                with ops.loop():
                    more = ops.allreduce(ops.call(self.desk.goes_on), "max", name="more")
                    ops.stop_if(ops.EQ([more, ops.Const(0)]))
                self._met.append(tp.final_output(ops.Copy(total)))

    def _write_barriers(self) -> None:
        """Two tasks on different nodes pass two barriers, each in its own order if it is told so."""
        for number, node in enumerate(self._nodes[:2]):
            with self.node(node), tp.Task(name=self._task(node, "agree")):
                disagrees = ops.call(self.desk.stalls)
                branch: Any = ops.If(disagrees)
                with branch:
                    for name in ("here", "there") if number else ("there", "here"):
                        ops.barrier(name)
                with branch.Else():
                    for name in ("here", "there"):
                        ops.barrier(name)

    # --- what came of it ----------------------------------------------------------------------------------------------

    def mistake(self, limit: int) -> str:
        """What is wrong with the result of a run with so many records; empty if it is right."""
        met = [int(output.fetch()) for output in self._met]
        if any(total != 5 * len(self._nodes) for total in met):
            return f"the nodes met and added up to {met}, not to {5 * len(self._nodes)}"
        if self._path is None:
            found = [int(output.fetch()) for output in self._found]
            right = [limit, sum(range(limit))]
            return "" if found == right else f"the number of records and their sum are {found}, not {right}"
        numbers = sorted(_numbers_in(self._path))
        self._path.unlink()
        return "" if numbers == list(range(limit)) else f"the file has the records {numbers}, not {limit}"


def pipe(source: Any, target: Any, processor: Any, name: str, instances: int) -> None:
    """A pipe of so many instances."""
    tp.pipe(source, target, processor=processor, name=name, num_runtime_threads=instances)


def _records(desk: Desk, width: int) -> Iterator[dict[str, Any]]:
    limit = desk.order().limit
    for number in range(limit):
        x = np.zeros(1) if width == 1 else np.zeros((1, width))
        yield {"n": np.array([number]), "x": x}


def _pass(desk: Desk, node: str, batch: dict[str, Any]) -> dict[str, Any]:
    desk.passes(node, int(batch["n"][0]))
    return batch


def _pass_numbers(desk: Desk, node: str, count: Any, numbers: Any) -> Any:
    desk.passes(node, int(numbers[0]))
    return count + len(numbers)


def _numbers_in(path: Path) -> list[int]:
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [int(row["n"]) for row in csv.DictReader(file)]
    found: list[int] = pq.read_table(path).column("n").to_pylist()
    return found
