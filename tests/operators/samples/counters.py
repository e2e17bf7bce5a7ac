"""Calls of the operators on counters."""

from __future__ import annotations

from tests.operators.samples import Sample

from taskplan.operators.objects import Counter

SAMPLES = {
    "CreateCounter": Sample,
    "ResetCounter": lambda: Sample([Counter(2)]),
    "CountDown": lambda: Sample([Counter(2)]),
    "CountUp": lambda: Sample([Counter(2)]),
    "CheckCounterDone": lambda: Sample([Counter(2)]),
    "RetrieveCount": lambda: Sample([Counter(2)]),
}
