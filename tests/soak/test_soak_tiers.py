"""A sample of the soak of tiers: random programs end the same, interpreted, as Python and as native code."""

from __future__ import annotations

import math

import pytest
from tests.soak.tally import WrongError
from tests.soak.tiers import TierTally, soak_tiers

PROGRAMS = 100


@pytest.mark.parametrize("first", range(0, 500, PROGRAMS))
def test_random_programs_end_the_same_in_all_tiers(first, record_property):
    tally = TierTally(math.inf, runs=PROGRAMS)

    try:
        soak_tiers(iter(range(first, first + PROGRAMS)), tally)
    except WrongError as error:
        error.add_note(f"python -m tests.soak --seed {tally.number} --runs 1 --tiers")
        raise

    record_property("report", f"soak of tiers: {' '.join(tally.lines())}")
