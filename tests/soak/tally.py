"""What the soak counts, and how it is told: runs, programs, outcomes, shares."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator

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
    """

    def __init__(self, minutes: float, runs: int | None = None) -> None:
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
        self.since_s = self._begun

    def is_over(self) -> bool:
        """Whether enough has been done."""
        return self.runs == self._most or time.monotonic() - self._begun >= self._minutes * 60

    def begins(self, number: int) -> None:
        """The run of that number begins."""
        self.number, self.since_s = number, time.monotonic()

    def ended(self, what: str, *, fired: bool = False, replayed: int = 0) -> None:
        """A run has ended so."""
        self.runs += 1
        self.replays += replayed
        self.outcomes[what] += 1
        self.runs_with_fault += fired

    def program(self, features: frozenset[str]) -> None:
        """A random program was run that has these features."""
        self.programs += 1
        self.with_feature.update(features)

    def shares(self) -> dict[str, float]:
        """For each feature, how many programs of all have it."""
        return {feature: self.with_feature[feature] / max(1, self.programs) for feature in FEATURES}

    def check_shares(self) -> None:
        """Hold the shares against what they must be at least.

        Raises:
            WrongError: one is less.
        """
        low = {feature: share for feature, share in self.shares().items() if share < LEAST_SHARE}
        if self.programs >= ENOUGH and low:
            msg = f"too few programs have {low}"
            raise WrongError(msg)

    def lines(self) -> Iterator[str]:
        """What is to be told."""
        seconds = time.monotonic() - self._begun
        yield f"{self.runs} runs of {self.programs} random programs and the examples in {seconds:.1f} s, "
        yield f"{self.runs / seconds:.0f} runs a second; {self.replays} replays, {self.loaded} of them after save and load"
        yield f"outcomes: {', '.join(f'{what} {count}' for what, count in self.outcomes.most_common())}"
        if self.delays_ms:
            yield self._delays()
            return
        yield f"of the programs have {', '.join(f'{feature} {share:.0%}' for feature, share in self.shares().items())}"
        yield f"of the runs have {FAULT_FIRED} {self.runs_with_fault / max(1, self.runs):.0%}"

    def _delays(self) -> str:
        delays = sorted(self.delays_ms)
        late = delays[min(len(delays) - 1, int(len(delays) * 0.99))]
        middle = statistics.median(delays)
        return f"from failure or cancel to the end of the run: median {middle:.2f} ms, p99 {late:.2f} ms, of {len(delays)}"
