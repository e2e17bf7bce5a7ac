"""Runs on processes that are hurt: what the soak counts of them, and how long they take to end."""

from __future__ import annotations

import logging
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.sessions.process.kills import SIGNALS, Ending, Hurt, hurt_run
from tests.soak.tally import Tally, WrongError

SOON_S = 1.0
"""The median time from the end of a process to the end of the run."""

ENOUGH = 20
"""A median of fewer runs says nothing."""


class KillTally(Tally):
    """Counts runs that are hurt.

    Attributes:
        hurts: how many there were of each kind, at each moment.
        end_s: how long runs took to end, by what ended them.
        close_s: how long sessions took to be closed.
        unfinished: how many hidden files writers that were killed have left.
    """

    def __init__(self, minutes: float, runs: int | None = None, begins: Callable[[int], None] | None = None) -> None:
        super().__init__(minutes, runs, begins)
        self.hurts: Counter[str] = Counter()
        self.end_s: dict[str, list[float]] = {}
        self.close_s: list[float] = []
        self.unfinished = 0

    def lines(self) -> Iterator[str]:
        """What is to be told."""
        seconds = time.monotonic() - self._begun
        yield f"{self.runs} runs were hurt in {seconds:.1f} s"
        yield f"hurt: {', '.join(f'{what} {count}' for what, count in self.hurts.most_common())}"
        yield f"outcomes: {', '.join(f'{what} {count}' for what, count in self.outcomes.most_common())}"
        for what, times in [*sorted(self.end_s.items()), ("closing a session", self.close_s)]:
            if times:
                yield f"from {what} to end: {_median_and_late(times)}"
        yield f"unfinished files that writers which were killed have left: {self.unfinished}"

    def check_medians(self) -> None:
        """A run whose node is killed ends soon.

        Raises:
            WrongError: it does not.
        """
        times = self.end_s.get("kill", [])
        if len(times) >= ENOUGH and statistics.median(times) > SOON_S:
            msg = f"runs end too late after a kill: {_median_and_late(times)}"
            raise WrongError(msg)


def hurt_on_processes(number: int) -> tuple[Hurt, Ending]:
    """Hurt a run on processes; two in three by killing or stopping a node."""
    return hurt_run(number, signals=number % 3 != 2)


def soak_kills(
    numbers: Iterator[int], tally: KillTally, hurt_one: Callable[[int], tuple[Hurt, Ending]] = hurt_on_processes
) -> None:
    """Hurt runs.

    Args:
        numbers: of the runs; each has a program, a session, and a harm of its own.
        tally: counts what came of it, and says when to end.
        hurt_one: performs the run of a number.

    Raises:
        WrongError: something is not as it must be.
    """
    with quiet():
        for number in numbers:
            if tally.is_over():
                break
            tally.begins(number)
            try:
                hurt, ending = hurt_one(number)
            except AssertionError as error:
                msg = "\n".join([str(error), *getattr(error, "__notes__", ())])
                raise WrongError(msg) from error
            tally.hurts[str(hurt)] += 1
            if ending.end_s is not None:
                moment = " between runs" if hurt.what in SIGNALS and hurt.when == "over" else ""
                tally.end_s.setdefault(f"{hurt.what}{moment}", []).append(ending.end_s)
            tally.close_s.append(ending.close_s)
            tally.unfinished += ending.unfinished
            tally.ended(ending.what)
    tally.check_medians()


@contextmanager
def quiet() -> Iterator[None]:
    """Losses are what this is about; nobody has to be warned of them."""
    logger = logging.getLogger("taskplan")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _median_and_late(times: list[float]) -> str:
    ordered = sorted(times)
    median, late = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
    most = ordered[-1]
    return f"median {median * 1e3:.0f} ms, p99 {late * 1e3:.0f} ms, max {most * 1e3:.0f} ms, of {len(ordered)} runs"
