"""Loops on each tier: interpreted, as generated Python, as native code; each beside a yardstick, in turn with it.

Every loop has a result that depends on each round, so that no compiler can leave rounds out; before it is timed, ten
times as many rounds are seen to take ten times as long. The column `Caffe2` is what its C++ executor took on a machine
on which the addition of 16 floats by NumPy took 0.55 µs; `times less` is scaled by what that takes here.

Usage: python bench/loops.py [NAME]
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from _paired import paired, seconds_of
from rich.console import Console
from rich.table import Table

from taskplan import LocalSession, Task, TaskGroup, Workspace, ops

SMALL = np.arange(16, dtype=np.float32)
CAFFE2_ADD_US = 0.55
ROUNDS = {"interpret": 10_000, "python": 100_000, "native": 20_000_000}
TIERS = tuple(ROUNDS)


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop that is timed; `build` makes it with so many rounds."""

    name: str
    caffe2_us: float | None
    aims: dict[str, str]
    build: Callable[[int], TaskGroup]


def numpy_adds() -> None:
    """1,000 additions of 16 floats."""
    for _ in range(1000):
        np.add(SMALL, SMALL)


def one_add(rounds: int) -> TaskGroup:
    """A float32 sum, whose rounding depends on each addend."""
    with TaskGroup() as group, Task():
        total, one = ops.Const(np.float32(0)), ops.Const(np.float32(1.1))
        with ops.loop(rounds):
            ops.Add([total, one], [total])
    return group


def branching(rounds: int) -> TaskGroup:
    """Two nested loops around If / Elif / Else on data that changes with each round."""
    with TaskGroup() as group, Task():
        zero, one, two = ops.Const(0), ops.Const(1), ops.Const(2)
        total, state = ops.Const(0), ops.Const(12345)
        factor, step = ops.Const(6364136223846793005), ops.Const(1442695040888963407)
        with ops.loop(max(1, rounds // 20)), ops.loop(20):
            ops.Mul([state, factor], [state])
            ops.Add([state, step], [state])
            rest = ops.Mod(state, divisor=3)
            with ops.If(ops.EQ([rest, zero])) as first:
                ops.Add([total, one], [total])
            with first.Elif(ops.LT([rest, zero])) as second:
                ops.Add([total, two], [total])
            with second.Else():
                ops.Sub([total, one], [total])
    return group


def table_lookups(rounds: int, instances: int = 1) -> TaskGroup:
    """A float32 sum of elements of a small table, each picked by the one before, which also move weights."""
    with TaskGroup() as group, Task(num_instances=instances):
        table = ops.GivenTensorFill([], 1, shape=[16], values=[0.1 * each for each in range(16)])
        weights = ops.GivenTensorFill([], 1, shape=[4], values=[1.0, 2.0, 3.0, 4.0])
        rate, total, place = ops.Const(np.float32(0.01)), ops.Const(np.float32(0)), ops.Const(1)
        five = ops.Const(5)
        with ops.loop(rounds):
            ops.Mul([place, five], [place])
            ops.Add([place, five], [place])
            ops.Mod([place], [place], divisor=16)
            element = ops.Gather([table, place])
            ops.Add([total, element], [total])
            ops.Sub([weights, ops.Mul([weights, rate])], [weights])
            ops.Add([weights, element], [weights])
    return group


def memory_bound(rounds: int) -> TaskGroup:
    """Sums of 4 million floats."""
    with TaskGroup() as group, Task():
        total, addend = (ops.ConstantFill([], 1, shape=[4_000_000], value=1.0) for _ in range(2))
        with ops.loop(rounds):
            ops.Add([total, addend], [total])
    return group


def runner(group: TaskGroup, tier: str) -> Callable[[], None]:
    """Runs a group, again and again, in one session, after it ran once."""
    session = LocalSession(Workspace(), tier=tier)
    session.run(group)
    return lambda: session.run(group)


def loops() -> Iterator[Loop]:
    """All of them, in the order of the table."""
    fast = {"interpret": "not more", "python": "10 times less", "native": "100 times less"}
    yield Loop("one scalar Add, a round", 4.4, fast, one_add)
    yield Loop("nested loops, If/Elif/Else, an inner round", 27.0, fast, branching)
    yield Loop("look-ups in a table, weights moved, a round", None, dict.fromkeys(TIERS, ""), table_lookups)


def growth(build: Callable[[int], TaskGroup], rounds: int) -> float:
    """How many times as long ten times as many rounds take."""
    few, many = runner(build(rounds), "native"), runner(build(rounds * 10), "native")
    return statistics.median(seconds_of(many) / seconds_of(few) for _ in range(3))


# --- two cores --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Ratios:
    """Ratios of interleaved measurements."""

    found: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        ordered = sorted(self.found)
        low, high = ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
        return f"{statistics.median(ordered):.3f} (half of {len(ordered)} between {low:.3f} and {high:.3f})"


def two_instances() -> Ratios:
    """How fast two instances are, relative to two bare threads with as much of the same native code each."""
    rounds = 20_000_000
    both, alone = runner(table_lookups(rounds, 2), "native"), runner(table_lookups(rounds), "native")
    other = runner(table_lookups(rounds), "native")
    found = Ratios()
    for _ in range(9):
        ours = seconds_of(both)
        began = time.perf_counter()
        threads = [threading.Thread(target=each) for each in (alone, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found.found.append((time.perf_counter() - began) / ours)
    return found


def memory() -> Ratios:
    """How long additions of 4 million floats take in a loop of ours, relative to a loop in Python."""
    ours = runner(memory_bound(600), "auto")

    def by_hand() -> None:
        total, addend = (np.full(4_000_000, 1.0, np.float32) for _ in range(2))
        for _ in range(600):
            np.add(total, addend, out=total)

    by_hand()
    found = Ratios()
    for _ in range(11):
        mine = seconds_of(ours)
        found.found.append(mine / seconds_of(by_hand))
    return found


# --- what gains nothing -----------------------------------------------------------------------------------------------


def calls(rounds: int) -> TaskGroup:
    """A loop of operators that are called, whichever way the loop runs."""
    with TaskGroup() as group, Task():
        data = ops.ConstantFill([], 1, shape=[20_000], value=0.5)
        with ops.loop(rounds):
            ops.Tanh(ops.Exp(data))
    return group


def short_loops(rounds: int) -> TaskGroup:
    """Many loops that end just after they were compiled."""
    with TaskGroup() as group:
        for _ in range(100):
            with Task():
                total, one = ops.Const(0), ops.Const(1)
                with ops.loop(rounds):
                    ops.Add([total, one], [total])
    return group


def against_the_interpreter(group: TaskGroup) -> tuple[Ratios, float]:
    """How long the first run takes in tier `auto`, relative to the interpreter, and by how many seconds at the most."""
    found, most_s = Ratios(), 0.0
    for _ in range(9):
        taken = []
        for tier in ("auto", "interpret"):
            with LocalSession(Workspace(), tier=tier) as session:
                taken.append(seconds_of(partial(session.run, group)))
        found.found.append(taken[0] / taken[1])
        most_s = max(most_s, taken[0] - taken[1])
    return found, most_s


def main() -> None:
    """Time every loop whose name holds the first argument, on all tiers."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    titles = ("loop", "tier", "ours µs", "numpy.add µs", "ratio", "half of the pairs", "Caffe2 µs", "times less", "aim")
    table = Table(*titles, title="medians")
    notes = []
    for each in loops():
        if wanted not in each.name:
            continue
        notes.append(f"{each.name}: 10 times the rounds take {growth(each.build, ROUNDS['native']):.2f} times as long")
        for tier, rounds in ROUNDS.items():
            found = paired(runner(each.build(rounds), tier), rounds, numpy_adds, 1000, 11)
            caffe2 = "" if each.caffe2_us is None else f"{each.caffe2_us:.1f}"
            less = (each.caffe2_us or 0.0) * found.yardstick_us / CAFFE2_ADD_US / found.ours_us
            table.add_row(
                each.name, tier, f"{found.ours_us:.4f}", f"{found.yardstick_us:.2f}", f"{found.ratio:.4f}",
                f"{found.low:.4f} to {found.high:.4f}", caffe2, f"{less:.1f}" if caffe2 else "", each.aims[tier],
            )  # fmt: skip
    console = Console(width=170)
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
    if wanted in "two instances":
        console.print(f"two instances, of what two bare threads reach: {two_instances()}; aim 0.95", highlight=False)
    if wanted in "memory":
        console.print(f"additions of 4M floats, of a loop by hand: {memory()}; aim 1.05", highlight=False)
    for name, group in (("calls of NumPy", calls(2_000)), ("100 short loops", short_loops(220))):
        if wanted in name:
            ratios, most_s = against_the_interpreter(group)
            taken = f"{ratios}, at the most {most_s:.3f} s more; aim 1.05, or 0.1 s more"
            console.print(f"{name}, in a first run, of what the interpreter takes: {taken}", highlight=False)


if __name__ == "__main__":
    main()
