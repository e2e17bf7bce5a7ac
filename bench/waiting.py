"""What it costs to know who waits for whom, and how fast executions are simulated.

Two threads pass scalars through a bounded queue, which makes them wait all the time; the same with the recorder of
waits swapped out runs in turn with it. Simulations run in turn with the same program on threads.

Usage: python bench/waiting.py
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from _paired import Paired, paired
from rich.console import Console
from rich.table import Table

from taskplan import (
    LocalSession,
    SimulatedSession,
    Task,
    TaskGroup,
    Workspace,
    fresh_names,
    ops,
)
from taskplan.engine import threads
from taskplan.sessions.schedules import Seeded

ITEMS = 20_000
CAPACITIES = (1, 16)
ROUNDS = 41
SMALL = 5


RECORDER = "CURRENT"
"""What says to the driver of threads who waits."""


class NoStrand:
    """Says that nobody in particular waits, so that nothing is recorded."""

    @staticmethod
    def get() -> None:
        """No strand."""


@contextmanager
def without_recorder() -> Iterator[None]:
    """Waits are not recorded, and stalls not found."""
    known = getattr(threads, RECORDER)
    setattr(threads, RECORDER, NoStrand)
    try:
        yield
    finally:
        setattr(threads, RECORDER, known)


def pipeline(capacity: int, items: int = ITEMS) -> TaskGroup:
    """One task writes as many scalars as `items` says, another reads them."""
    with fresh_names(), TaskGroup() as group:
        with Task(name="write"):
            with ops.local_init():
                ops.CreateBlobsQueue([], ["items"], capacity=capacity)
            with ops.loop(items) as loop:
                item = ops.Copy(loop.iter())
                ops.EnqueueBlobs(["items", item], [item])
        with Task(name="read"):
            total = ops.Const(0)
            with ops.loop(items):
                ops.Add([total, ops.DequeueBlobs(["items"], 1)], [total])
    return group


def plain_threads(capacity: int) -> None:
    """The same with `queue.Queue` and two threads."""
    items: queue.Queue[np.int64] = queue.Queue(capacity)

    def write() -> None:
        for number in range(ITEMS):
            items.put(np.int64(number))

    writer = threading.Thread(target=write)
    writer.start()
    total = np.int64(0)
    for _ in range(ITEMS):
        total = total + items.get()
    writer.join()


def recorded(session: LocalSession, group: TaskGroup) -> Callable[[], None]:
    """A run with waits recorded."""
    return lambda: session.run(group)


def bare(session: LocalSession, group: TaskGroup) -> Callable[[], None]:
    """A run without that."""

    def run() -> None:
        with without_recorder():
            session.run(group)

    return run


def simulating(group: TaskGroup) -> Callable[[], None]:
    """A hundred executions of a small pipeline, each with a seed of its own."""
    session = SimulatedSession(Workspace(), warns=False)

    def run() -> None:
        for seed in range(100):
            session.begin_anew({})
            session.follow(Seeded(seed))
            session.run(group)

    return run


def rows(session: LocalSession) -> Iterator[tuple[str, str, Paired]]:
    """What is compared, in what unit, and what came of it."""
    for capacity in CAPACITIES:
        group = pipeline(capacity)
        yield (
            f"queue of {capacity}: waits known / not known",
            "an item",
            paired(recorded(session, group), ITEMS, bare(session, group), ITEMS, ROUNDS),
        )
        yield (
            f"queue of {capacity}: waits known / queue.Queue",
            "an item",
            paired(recorded(session, group), ITEMS, lambda capacity=capacity: plain_threads(capacity), ITEMS, 9),  # type: ignore[misc]
        )
    small = pipeline(2, SMALL)
    yield (
        f"pipeline of {SMALL} items: simulated / on threads",
        "a run",
        paired(simulating(small), 100, recorded(session, small), 1, ROUNDS),
    )


def main() -> None:
    """Print the table."""
    table = Table("what", "unit", "us", "beside it, us", "ratio", "half of the ratios")
    with LocalSession(Workspace()) as session:
        for what, unit, found in rows(session):
            table.add_row(
                what,
                unit,
                f"{found.ours_us:.2f}",
                f"{found.yardstick_us:.2f}",
                f"{found.ratio:.3f}",
                f"{found.low:.3f}-{found.high:.3f}",
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
