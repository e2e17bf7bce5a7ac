"""What the soak counts, and how it is told: runs, programs, outcomes, shares."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator

from tests.soak.plans import FAULT_FIRED, FEATURES

LEAST_SHARE = 0.3
"""Of the programs, with each feature."""

ENOUGH = 50
"""Shares of fewer programs say nothing."""


class WrongError(Exception):
    """A run is not as it must be."""


class Tally:
    """Counts runs and programs.

    Args:
        minutes: how long it may go on.
        runs: how many runs there are at most; any number if None.
        begins: called with the number of each run, before it.

    Attributes:
        number: of the last run that has begun.
        runs: how many have ended.
        delays_ms: from failures and cancels to the ends of the runs, on threads.
    """

    def __init__(self, minutes: float, runs: int | None = None, begins: Callable[[int], None] | None = None) -> None:
        self._begun = time.monotonic()
        self._minutes = minutes
        self._most = runs
        self.number = 0
        self.runs = 0
        self.replays = 0
        self.loaded = 0
        self.programs = 0
        self.outcomes: Counter[str] = Counter()
        self.with_feature: Counter[str] = Counter()
        self.runs_with_fault = 0
        self.delays_ms: list[float] = []
        self._begins = begins

    def is_over(self) -> bool:
        """Whether enough has been done."""
        return self.runs == self._most or time.monotonic() - self._begun >= self._minutes * 60

    def begins(self, number: int) -> None:
        """The run of that number begins."""
        self.number = number
        if self._begins is not None:
            self._begins(number)

    def ended(self, what: str, *, fired: bool = False) -> None:
        """A run has ended so."""
        self.runs += 1
        self.outcomes[what] += 1
        self.runs_with_fault += fired

    def program(self, features: frozenset[str]) -> None:
        """A random program was run that has these features."""
        self.programs += 1
        self.with_feature.update(features)

    def shares(self) -> dict[str, float]:
        """For each feature, how many programs of all have it."""
        return {feature: self.with_feature[feature] / max(1, self.programs) for feature in FEATURES}

    def check_shares(self, *, with_faults: bool = True) -> None:
        """Hold the shares against what they must be at least; on threads there are no faults.

        Raises:
            WrongError: one is less.
        """
        shares = self.shares()
        if not with_faults:
            del shares[FAULT_FIRED]
        low = {feature: f"{share:.0%}" for feature, share in shares.items() if share < LEAST_SHARE}
        if self.programs >= ENOUGH and low:
            msg = f"too few programs have {low}"
            raise WrongError(msg)

    def lines(self) -> Iterator[str]:
        """What is to be told."""
        seconds = time.monotonic() - self._begun
        rate = self.runs / seconds
        yield f"{self.runs} runs of {self.programs} random programs in {seconds:.1f} s, {rate:.0f} a second"
        yield f"outcomes: {', '.join(f'{what} {count}' for what, count in self.outcomes.most_common())}"
        shares = [f"{feature} {share:.0%}" for feature, share in self.shares().items() if share]
        yield f"of the programs have {', '.join(shares)}"
        if self.delays_ms:
            yield self._delays()
        else:
            yield f"of the runs have {FAULT_FIRED} {self.runs_with_fault / max(1, self.runs):.0%}"
            yield f"{self.replays} replays, {self.loaded} of them after save and load, the others built anew"

    def _delays(self) -> str:
        delays = sorted(self.delays_ms)
        middle, late = statistics.median(delays), delays[int(len(delays) * 0.99)]
        return f"from failure or cancel to end: median {middle:.2f} ms, p99 {late:.2f} ms, of {len(delays)} runs"
