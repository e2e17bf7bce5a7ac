"""What nodes in processes of their own cost: to start them, to pass records between them, to reduce arrays over them.

`ProcessSession` runs beside processes of `multiprocessing` with a `Pipe`, which do no more than what is measured; the
same channels in a `LocalSession` show what the loops around them cost. `RaySession` runs beside actors written by hand
and `ray.util.queue.Queue`, and once with everything over Ray's calls. Without ray (`pip install taskplan[ray]`) these
rows are left out.

The yardstick of an allreduce is one process that gets the arrays of the others over pipes, adds them up with NumPy, and
sends all of them the sum.

Usage: python bench/cluster.py
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _paired import Paired, paired, paired_cold
from rich.console import Console
from rich.table import Table

import taskplan as tp
from taskplan import ops

MIB = 1 << 20
BARE_PROCESS = Path(__file__).parent / "_bare_process.py"

WHAT_NODES_IMPORT = "taskplan.sessions.nodes.host"

ITEMS = {1: 300, 16: 3_000, 256: 8_000}
"""How many records one measurement passes, by the capacity of the channel."""

ITEMS_OVER_CALLS = {1: 50, 16: 500, 256: 3_000}
TURNS = 300
FEW_TURNS = 50
QUEUED = 50
COMPARED_OVER_CALLS = 16
ARRAYS = {MIB: 32, 100 * MIB: 2}
"""How many arrays one measurement passes, by their size."""

REDUCTIONS = {MIB: 8, 100 * MIB: 1}
STARTS = {1: 3, 4: 2, 16: 1}
"""How many pairs are measured, by the number of nodes."""

ROUNDS = 7
FEW_ROUNDS = 3

LIMIT_S = 3.0
"""On a machine that does other things too, there are fewer pairs than that."""

Action = Callable[[], object]


# --- programs ---------------------------------------------------------------------------------------------------------


def nothing(nodes: int) -> tp.TaskGroup:
    """A task on each node, with one operator."""
    with tp.fresh_names(), tp.TaskGroup() as group:
        for number in range(nodes):
            with tp.Node(f"node{number}"), tp.Task():
                ops.Const(1)
    return group


def stream(capacity: int, items: int) -> tp.TaskGroup:
    """One node writes so many scalars, another reads them."""
    with tp.fresh_names(), tp.TaskGroup() as group:
        channel = tp.Channel("items", capacity=capacity, schema=["item"])
        with tp.Node("writer"), tp.Task(), ops.loop(items) as loop:
            channel.writer().write(None, [ops.Copy(loop.iter())])
        with tp.Node("reader"), tp.Task(), ops.loop(items):
            channel.reader().read()
    return group


def arrays(size: int, count: int) -> tp.TaskGroup:
    """One node writes so many arrays of so many bytes, another reads them."""
    with tp.fresh_names(), tp.TaskGroup() as group:
        channel = tp.Channel("arrays", capacity=4, schema=["array"])
        with tp.Node("writer"), tp.Task():
            given = ops.ConstantFill([], "given", shape=[size // 4], value=1.0)
            with ops.loop(count):
                channel.writer().write(None, [ops.Copy(given)])
        with tp.Node("reader"), tp.Task(), ops.loop(count):
            channel.reader().read()
    return group


def turns(count: int) -> tp.TaskGroup:
    """A scalar goes from one node to another and back."""
    with tp.fresh_names(), tp.TaskGroup() as group:
        there = tp.Channel("there", capacity=1, schema=["item"])
        back = tp.Channel("back", capacity=1, schema=["item"])
        with tp.Node("writer"), tp.Task(), ops.loop(count) as loop:
            there.writer().write(None, [ops.Copy(loop.iter())])
            back.reader().read()
        with tp.Node("reader"), tp.Task(), ops.loop(count):
            _, record = there.reader().read()
            back.writer().write(None, [record.item()])
    return group


def reductions(nodes: int, size: int, count: int) -> tp.TaskGroup:
    """All nodes reduce arrays of so many bytes to their sum."""
    with tp.fresh_names(), tp.TaskGroup() as group:
        for number in range(nodes):
            with tp.Node(f"node{number}"), tp.Task():
                given = ops.ConstantFill([], "given", shape=[size // 4], value=1.0)
                with ops.loop(count):
                    ops.allreduce(given, "sum", name="sum")
    return group


# --- processes by hand ------------------------------------------------------------------------------------------------


class Processes:
    """So many processes at the other ends of pipes, which import numpy, and perhaps another module."""

    def __init__(self, count: int, module: str = "") -> None:
        self.pipes: list[Any] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = multiprocessing.Pipe()
            number = theirs.fileno()
            command = [sys.executable, str(BARE_PROCESS), str(number), *([module] if module else [])]
            self._processes.append(subprocess.Popen(command, pass_fds=[number]))
            theirs.close()
            self.pipes.append(ours)
        self.ask("answer")

    def ask(self, job: str, count: int = 0, size: int = 0) -> None:
        """Have all do a job that needs nothing from here."""
        for pipe in self.pipes:
            pipe.send((job, count, size))
        for pipe in self.pipes if job != "end" else ():
            pipe.recv()

    def take_in(self, item: object, count: int) -> None:
        """Send an item so many times to the first."""
        [pipe] = self.pipes
        pipe.send(("take", count, 0))
        for _ in range(count):
            pipe.send(item)
        pipe.recv()

    def echo(self, count: int) -> None:
        """Send a scalar to the first, and get it back, so many times."""
        [pipe] = self.pipes
        pipe.send(("echo", count, 0))
        for number in range(count):
            pipe.send(number)
            pipe.recv()
        pipe.recv()

    def reduce(self, given: np.ndarray[Any, Any], count: int) -> None:
        """Add up the arrays of all, so many times."""
        for pipe in self.pipes:
            pipe.send(("reduce", count, given.nbytes))
        for _ in range(count):
            total = given
            for pipe in self.pipes:
                total = np.add(total, pipe.recv())
            for pipe in self.pipes:
                pipe.send(total)
        for pipe in self.pipes:
            pipe.recv()

    def end(self) -> None:
        """End them."""
        self.ask("end")
        for process in self._processes:
            process.wait()


# --- actors by hand ---------------------------------------------------------------------------------------------------


class Consumer:
    """An actor that is pushed items, and takes them from a queue."""

    def answer(self, module: str) -> int:
        """Say that it is there, once it has imported a module."""
        if module:
            importlib.import_module(module)
        return os.getpid()

    def push(self, item: object) -> object:
        """Take one in; what comes back is the room for the next."""
        return item

    def drain(self, queue: Any, count: int) -> None:
        """Take so many from a queue."""
        for _ in range(count):
            queue.get()


class Producer:
    """An actor that pushes items to another, or puts them into a queue."""

    def __init__(self, ray: Any, consumer: Any) -> None:
        self._ray = ray
        self._consumer = consumer

    def push(self, items: int, capacity: int, size: int) -> None:
        """Push so many, of which at most `capacity` are under way."""
        item = np.ones(size // 4, np.float32) if size else 1
        under_way: list[Any] = []
        for _ in range(items):
            if len(under_way) == capacity:
                _, under_way = self._ray.wait(under_way, num_returns=1)
            under_way.append(self._consumer.push.remote(item))
        self._ray.get(under_way)

    def fill(self, queue: Any, items: int) -> None:
        """Put so many into a queue."""
        for number in range(items):
            queue.put(number)


def begin_ray(opened: ExitStack) -> Any:
    """The module, with a Ray of our own that listens on this machine alone; None if it is not installed."""
    os.environ |= {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
    }
    try:
        import ray
        import ray.util.queue
    except ImportError:
        print("without ray: pip install taskplan[ray]")
        return None
    ray.init(address="local", include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    opened.callback(ray.shutdown)
    return ray


# --- the tables -------------------------------------------------------------------------------------------------------


def digits(value: float) -> str:
    """About three of them."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Report:
    """The rows of the tables, as they are measured, and what was aimed at."""

    def __init__(self) -> None:
        self._console = Console(width=130)
        self._table = Table()
        self.aims: list[str] = []

    def begin(self, title: str, unit: str) -> None:
        """Begin a table."""
        self._table = Table("what", "beside", "ours", "theirs", "times as much as theirs", title=f"{title} ({unit})")

    def row(self, what: str, beside: str, found: Paired, *, rates: bool = True) -> float:
        """Add a row; returns how many times as much as the yardstick ours is."""
        ratio, low, high = found.ratio, found.low, found.high
        ours, theirs = found.ours_us / 1e6, found.yardstick_us / 1e6
        if rates:
            ours, theirs, ratio, low, high = 1 / ours, 1 / theirs, 1 / ratio, 1 / high, 1 / low
        self._table.add_row(what, beside, digits(ours), digits(theirs), f"{ratio:.2f} ({low:.2f} to {high:.2f})")
        return ratio

    def end(self) -> None:
        """Print the table."""
        self._console.print(self._table)

    def aim(self, text: str, met: bool) -> None:
        """Note whether an aim is met."""
        self.aims.append(f"{'met   ' if met else 'MISSED'} {text}")


def run(session: Any, group: tp.TaskGroup) -> Action:
    """Run a group again and again."""
    return lambda: session.run(group)


def pairs(ours: Action, our_units: int, theirs: Action, their_units: int, rounds: int = ROUNDS) -> Paired:
    """Time both in turn, for a limited time."""
    return paired(ours, our_units, theirs, their_units, rounds, LIMIT_S)


def starts(report: Report, ray: Any) -> None:
    """How long it takes until all nodes have run something and are gone again."""

    def ours(kind: Callable[..., Any], nodes: int) -> Action:
        def start() -> None:
            with kind(tp.Workspace()) as session:
                session.run(nothing(nodes))

        return start

    def processes(nodes: int, module: str = "") -> Action:
        return lambda: Processes(nodes, module).end()

    def actors(nodes: int, module: str = "") -> Action:
        def start() -> None:
            started = [ray.remote(num_cpus=0)(Consumer).remote() for _ in range(nodes)]
            ray.get([actor.answer.remote(module) for actor in started])
            for actor in started:
                ray.kill(actor)

        return start

    kinds: list[tuple[str, Callable[..., Any], str, Callable[..., Action]]]
    kinds = [("ProcessSession", tp.ProcessSession, "processes", processes)]
    if ray is not None:
        kinds.append(("RaySession", tp.RaySession, "actors", actors))
    report.begin("Start, run once and end", "seconds")
    for name, kind, them, bare in kinds:
        for nodes, rounds in STARTS.items():
            found = paired_cold(ours(kind, nodes), 1, bare(nodes), 1, rounds)
            ratio = report.row(f"{name}, nodes: {nodes}", f"bare {them}", found, rates=False)
            report.aim(f"start of {nodes} {them} within 1.2 times of bare ones: {ratio:.2f}", ratio <= 1.2)
        found = paired_cold(ours(kind, 1), 1, bare(1, WHAT_NODES_IMPORT), 1, FEW_ROUNDS)
        report.row(f"{name}, nodes: 1", f"{them} that import taskplan", found, rates=False)
    report.end()


def on_processes(report: Report, opened: ExitStack) -> None:
    """Channels of `ProcessSession`, and reductions."""
    session = opened.enter_context(tp.ProcessSession(tp.Workspace()))
    local = opened.enter_context(tp.LocalSession(tp.Workspace()))
    bare = Processes(1)
    report.begin("Small records", "a second")
    for capacity, items in ITEMS.items():
        ours, here = run(session, stream(capacity, items)), run(local, stream(capacity, items))
        found = pairs(ours, items, partial(bare.take_in, 1, items), items)
        report.row(f"channel, capacity {capacity}", "Pipe", found)
        report.row("", "LocalSession", pairs(ours, items, here, items))
    report.row("there and back", "Pipe", pairs(run(session, turns(TURNS)), TURNS, partial(bare.echo, TURNS), TURNS))
    report.end()
    report.begin("Arrays", "MB a second")
    for size, count in ARRAYS.items():
        given, mb = np.ones(size // 4, np.float32), size * count // 10**6
        found = pairs(run(session, arrays(size, count)), mb, partial(bare.take_in, given, count), mb)
        ratio = report.row(f"channel, {size // MIB} MiB", "Pipe", found)
        report.aim(f"arrays of {size // MIB} MiB at half of what a Pipe carries: {ratio:.2f}", ratio >= 0.5)
    bare.end()
    report.end()
    report.begin("Allreduce", "seconds")
    for nodes in (2, 4):
        bare = Processes(nodes - 1)
        for size, count in REDUCTIONS.items():
            given, ours = np.ones(size // 4, np.float32), run(session, reductions(nodes, size, count))
            found = pairs(ours, count, partial(bare.reduce, given, count), count, FEW_ROUNDS)
            report.row(f"{size // MIB} MiB over {nodes} nodes", "Pipe and numpy.add", found, rates=False)
        bare.end()
    report.end()


def on_ray(report: Report, ray: Any, opened: ExitStack) -> None:
    """Channels of `RaySession`."""
    direct = opened.enter_context(tp.RaySession(tp.Workspace()))
    calls = opened.enter_context(tp.RaySession(tp.Workspace(), direct=False))
    consumer = ray.remote(num_cpus=0)(Consumer).remote()
    producer = ray.remote(num_cpus=0)(Producer).remote(ray, consumer)

    def push(count: int, capacity: int, size: int) -> Action:
        return lambda: ray.get(producer.push.remote(count, capacity, size))

    def through(queue: Any, count: int) -> Action:
        return lambda: ray.get([producer.fill.remote(queue, count), consumer.drain.remote(queue, count)])

    report.begin("Small records on Ray", "a second")
    for capacity, items in ITEMS.items():
        few, ours = ITEMS_OVER_CALLS[capacity], run(direct, stream(capacity, items))
        found = pairs(ours, items, run(calls, stream(capacity, few)), few)
        ratio = report.row(f"capacity {capacity}", "the same over Ray's calls", found)
        if capacity == COMPARED_OVER_CALLS:
            report.aim(
                f"8 times the records of the same over Ray's calls, capacity {capacity}: {ratio:.1f}", ratio >= 8
            )
        report.row("", "actors by hand", pairs(ours, items, push(few, capacity, 0), few, FEW_ROUNDS))
        queue = ray.util.queue.Queue(capacity, actor_options={"num_cpus": 0})
        report.row("", "ray.util.queue.Queue", pairs(ours, items, through(queue, QUEUED), QUEUED, FEW_ROUNDS))
        queue.shutdown()
    ours, over_calls = run(direct, turns(TURNS)), run(calls, turns(FEW_TURNS))
    report.row("there and back", "over Ray's calls", pairs(ours, TURNS, over_calls, FEW_TURNS, FEW_ROUNDS))
    echo: Action = partial(call_in_turn, ray, consumer, FEW_TURNS)
    report.row("", "a call of an actor", pairs(ours, TURNS, echo, FEW_TURNS, FEW_ROUNDS))
    report.end()
    report.begin("Arrays on Ray", "MB a second")
    for size, count in ARRAYS.items():
        ours, mb = run(direct, arrays(size, count)), size * count // 10**6
        found = pairs(ours, mb, push(count, 4, size), mb, FEW_ROUNDS)
        report.row(f"channel, {size // MIB} MiB", "actors by hand", found)
    report.end()


def call_in_turn(ray: Any, actor: Any, count: int) -> None:
    """Call an actor so many times, each time after the last one was answered."""
    for number in range(count):
        ray.get(actor.push.remote(number))


def main() -> None:
    """Print the tables, and what is reached."""
    began = time.monotonic()
    report = Report()
    with ExitStack() as opened:
        ray = begin_ray(opened)
        starts(report, ray)
        on_processes(report, opened)
        if ray is not None:
            on_ray(report, ray, opened)
    print(*report.aims, sep="\n")
    print(f"medians; half of the pairs in brackets; {time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
