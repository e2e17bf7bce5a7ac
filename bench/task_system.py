"""The workloads that the design sets figures for, but loops, each beside a yardstick that runs in turn with it.

The column `Caffe2` is what its C++ executor took on a machine of this size; times move with the machine, ratios hardly.

Usage: python bench/task_system.py [NAME]
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _paired import Paired, paired
from rich.console import Console
from rich.table import Table

from taskplan import (
    Channel,
    LocalSession,
    Net,
    Node,
    Task,
    TaskGroup,
    Workspace,
    check_program,
    compile_program,
    fresh_names,
    ops,
    save,
)

SMALL = np.arange(16, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Workload:
    """What is timed: `ours` does `units` of work a call."""

    name: str
    caffe2: str
    aim: str
    ours: Callable[[], object]
    units: int
    yardstick_name: str
    yardstick: Callable[[], object]
    yardstick_units: int = 1
    rounds: int = 15


def numpy_adds() -> None:
    """1,000 additions of 16 floats, the unit of work of small operators."""
    for _ in range(1000):
        np.add(SMALL, SMALL)


def runner(group: TaskGroup, ws: Workspace | None = None) -> Callable[[], None]:
    """Runs a group, again and again, in one session."""
    session = LocalSession(ws or Workspace())
    return lambda: session.run(group)


def straight_net(data: np.ndarray, length: int) -> Callable[[], None]:
    """A kept net of additions, each of what the one before gave."""
    ws = Workspace()
    ws.feed_blob("x", data)
    ws.feed_blob("y", data)
    net = Net("straight")
    net.AddExternalInput("x")
    net.AddExternalInput("y")
    for _ in range(length):
        net.Add(["y", "x"], ["y"])
    kept = ws.create_net(net)
    return kept.run


def hot_net(data: np.ndarray, length: int) -> Callable[[], None]:
    """The same net when it has run for so long that its operators are fused, if they can be."""
    run = straight_net(data, length)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        run()
    return run


def build_and_compile(tasks: int) -> Callable[[], None]:
    """A group of tasks with one Const and one Add each, from nothing to the compiled program."""

    def build() -> None:
        with fresh_names(), TaskGroup() as group:
            for _ in range(tasks):
                with Task():
                    a = ops.Const(1)
                    ops.Add([a, a], "sum")
            compile_program(group)

    return build


def many_nodes(file: Path, nodes: int = 1000, instances: int = 100) -> Callable[[], int]:
    """A group of as many nodes, each with two tasks and a channel, all of which end in one: built, checked and saved.

    Returns:
        How to do that; it says how many bytes there are in the file.
    """

    def build_and_save() -> int:
        with fresh_names(), TaskGroup() as group:
            home = Channel("home", capacity=10, schema=["x"])
            for number in range(nodes):
                with Node(f"node:{number}"):
                    channel = Channel(f"channel {number}", capacity=10, schema=["x"])
                    with Task(num_instances=instances):
                        writer = channel.writer()
                        with ops.loop(100):
                            writer.write(None, [ops.Const(1)])
                    with Task(num_instances=instances):
                        hand_on(channel, home)
            with Node("home"), Task():
                reader = home.reader()
                with ops.loop():
                    should_stop, record = reader.read()
                    ops.stop_if(should_stop)
                    ops.Copy(record.x(), "seen")
        program = compile_program(group)
        assert not check_program(program)
        save(program, file)
        return file.stat().st_size

    return build_and_save


def hand_on(source: Channel, target: Channel) -> None:
    """What a task does that reads one channel and writes another."""
    reader, writer = source.reader(), target.writer()
    with ops.loop():
        should_stop, record = reader.read()
        ops.stop_if(should_stop)
        writer.write(None, [ops.Copy(record.x())])


def many_tasks(tasks: int) -> TaskGroup:
    """Small tasks that run at once."""
    with TaskGroup() as group:
        for _ in range(tasks):
            with Task():
                a = ops.Const(1)
                ops.Add([a, a], "sum")
    return group


def pool_of_tasks(tasks: int) -> Callable[[], None]:
    """As many calls of a small function through an executor."""

    def run() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: SMALL + SMALL, range(tasks)))

    return run


def pipeline(rows: int, batches: int) -> TaskGroup:
    """Two stages that hand batches on through a bounded channel."""
    with TaskGroup() as group:
        channel = Channel("batches", capacity=10, schema=["data"])
        with Node("reader"), Task():
            batch = ops.ConstantFill([], 1, shape=[rows], value=1.0)
            writer = channel.writer()
            with ops.loop(batches):
                writer.write(None, [ops.Copy(batch)])
        with Node("trainer"), Task():
            reader = channel.reader()
            with ops.loop():
                should_stop, record = reader.read()
                ops.stop_if(should_stop)
                ops.Copy(record.data(), "seen")
    return group


def plain_queue(rows: int, batches: int) -> Callable[[], None]:
    """The same with `queue.Queue` and two threads."""
    batch = np.ones(rows, np.float32)

    def run() -> None:
        line: queue.Queue[np.ndarray | None] = queue.Queue(10)

        def write() -> None:
            for _ in range(batches):
                line.put(batch)
            line.put(None)

        thread = threading.Thread(target=write)
        thread.start()
        while line.get() is not None:
            pass
        thread.join()

    return run


def workloads() -> Iterator[Workload]:
    """All of them, in the order of the table."""
    add = ("numpy.add of 16 floats", numpy_adds, 1000)
    yield Workload(
        "straight net of 16-float Adds, an operator", "0.7", "numpy.add + 0.3", straight_net(SMALL, 1000), 1000, *add
    )
    yield Workload(
        "the same net, hot, an operator", "0.7", "5 times less than Caffe2", hot_net(SMALL, 1000), 1000, *add
    )  # fmt: skip
    big = np.ones(4_000_000, np.float32)
    buffer = np.empty_like(big)
    yield Workload(
        "element-wise on 4M floats, an operator", "1700", "numpy.add into a buffer", straight_net(big, 5), 5,
        "numpy.add into a buffer", lambda: np.add(big, big, out=buffer),
    )  # fmt: skip
    with TaskGroup() as empty:
        Task()
    run_empty = runner(empty)
    yield Workload("session.run of an empty task", "76", "20", lambda: [run_empty() for _ in range(200)], 200, *add)
    for tasks, caffe2 in ((250, "800"), (1000, "1600"), (2000, "2700"), (20_000, "")):
        rounds = 15 if tasks < 5000 else 3
        yield Workload(
            f"build and compile, {tasks:,} tasks, a task", caffe2, "120", build_and_compile(tasks), tasks, *add, rounds
        )
    with TemporaryDirectory() as folder:
        build_and_save = many_nodes(Path(folder) / "program")
        yield Workload(
            f"1,000 nodes x 100 instances: build, check and save {build_and_save() / 1e6:.1f} MB (aim 10)", "",
            "2,000,000", build_and_save, 1, *add, rounds=3,
        )  # fmt: skip
    yield Workload(
        "400 small concurrent tasks, a task", "150", "50", runner(many_tasks(400)), 400,
        "ThreadPoolExecutor(2).map", pool_of_tasks(400), 400,
    )  # fmt: skip
    for rows, batches, caffe2 in ((1, 5000, "7"), (100, 5000, "18"), (10_000, 2000, "1000")):
        yield Workload(
            f"two stages, batches of {rows:,} rows, a batch", caffe2, "1.5 x queue.Queue",
            runner(pipeline(rows, batches)), batches,
            "queue.Queue and two threads", plain_queue(rows, batches), batches,
        )  # fmt: skip


def main() -> None:
    """Time and print every workload whose name holds the first argument."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    table = Table(
        "workload",
        "ours µs",
        "yardstick",
        "its µs",
        "ratio",
        "half of the pairs",
        "Caffe2 µs",
        "aim µs",
        title="medians",
    )
    for each in workloads():
        if wanted in each.name:
            result: Paired = paired(each.ours, each.units, each.yardstick, each.yardstick_units, each.rounds)
            table.add_row(
                each.name, f"{result.ours_us:.2f}", each.yardstick_name, f"{result.yardstick_us:.2f}",
                f"{result.ratio:.2f}", f"{result.low:.2f} to {result.high:.2f}", each.caffe2, each.aim,
            )  # fmt: skip
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
