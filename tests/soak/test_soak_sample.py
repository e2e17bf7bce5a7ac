"""A sample of the soak: random programs end as they must, under simulation and on threads."""

from __future__ import annotations

import itertools
import math

from tests.soak.simulating import soak_simulated
from tests.soak.soaking_pipelines import PipelineTally, soak_pipelines_on_threads, soak_pipelines_simulated
from tests.soak.tally import Tally, WrongError
from tests.soak.threads import soak_threads


def test_random_programs_end_as_they_must_and_replay(record_property):
    tally = Tally(math.inf, runs=2000)

    _soaked(lambda: soak_simulated(itertools.count(), tally, replay_every=2), tally, "")

    tally.check_shares()
    assert tally.replays >= tally.runs / 2 == 1000
    record_property("report", f"soak: {' '.join(tally.lines())}")


def test_random_programs_on_threads_end_soon_after_a_failure_or_a_cancel(record_property):
    tally = Tally(math.inf, runs=60)

    _soaked(lambda: soak_threads(itertools.count(), tally), tally, " --threads")

    tally.check_shares(with_faults=False)
    assert len(tally.delays_ms) >= 30
    record_property("report", f"soak on threads: {' '.join(tally.lines())}")


def test_random_pipelines_under_simulation_deliver_each_row_once_or_raise_what_failed_and_replay(record_property):
    tally = PipelineTally(math.inf, runs=200)

    _soaked(lambda: soak_pipelines_simulated(itertools.count(), tally, replay_every=10), tally, " --pipelines")

    assert tally.replays == 20
    record_property("report", f"soak of pipelines: {' '.join(tally.lines())}")


def test_random_pipelines_on_threads_deliver_each_row_once_or_raise_what_failed_and_leave_nothing(record_property):
    tally = PipelineTally(math.inf, runs=100)

    _soaked(lambda: soak_pipelines_on_threads(itertools.count(), tally), tally, " --pipelines --threads")

    assert len(tally.failure_ms) >= 15
    assert len(tally.cancel_ms) >= 5
    record_property("report", f"soak of pipelines on threads: {' '.join(tally.lines())}")


def _soaked(soak, tally: Tally, option: str) -> None:
    """Do what is to be done; a failure says how to have it again."""
    try:
        soak()
    except WrongError as error:
        error.add_note(f"python -m tests.soak --seed {tally.number} --runs 1{option}")
        raise
