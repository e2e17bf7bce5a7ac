"""Calls of the operators that make datasets grow and shrink, and pack records."""

from __future__ import annotations

from tests.operators.calling import call, held
from tests.operators.fake_run import f32, i32
from tests.operators.samples import Sample
from tests.operators.samples.datasets import FIELDS, columns, names

from taskplan.operators.objects import Mutex

IN_PLACE = {0: 0, 1: 1, 2: 2}


def packed() -> Sample:
    return Sample([call("PackRecords", *columns(), fields=list(FIELDS)), *columns()], {"fields": names(FIELDS)}, 3)


def appended_under_mutex() -> Sample:
    stores = [held(f32([1, 2])), held(i32([[1, 2]]))]
    additions = [held(f32([3])), held(i32([[3, 4], [5, 6]]))]
    return Sample([Mutex(), *stores, *additions], outputs=2, in_place={0: 1, 1: 2})


SAMPLES = {
    "Append": lambda: Sample([held(f32([[1, 2]])), held(f32([[3, 4]]))], in_place={0: 0}),
    "AtomicAppend": appended_under_mutex,
    "TrimDataset": lambda: Sample(columns(), {"fields": names(FIELDS), "multiple_of": 2}, 3, IN_PLACE),
    "PackRecords": lambda: Sample(columns(), {"fields": names(FIELDS)}),
    "UnPackRecords": packed,
}
