"""Calls of the operators on datasets: three records, with lists of 2, 0 and 1 entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tests.operators.calling import held
from tests.operators.fake_run import f32, i32
from tests.operators.samples import Sample

from taskplan.operators.cursors import TreeCursor

FIELDS = ("key", "list:lengths", "list:values")


def i64(data: Any) -> Any:
    """An array of int64."""
    return np.array(data, np.int64)


def columns() -> list[Any]:
    return [held(i32([3, 1, 2])), held(i32([2, 0, 1])), held(f32([[5, 5], [6, 6], [7, 7]]))]


def on_cursor(*inputs: Any, outputs: int = 1, **arguments: int) -> Sample:
    return Sample([TreeCursor(FIELDS, name="cur"), *inputs, *columns()], arguments, outputs)


def names(fields: Sequence[str]) -> tuple[bytes, ...]:
    return tuple([name.encode() for name in fields])


OFFSETS = i64([[0, 0], [1, 2], [2, 2], [3, 3]])

SAMPLES = {
    "CreateTreeCursor": lambda: Sample(arguments={"fields": names(FIELDS)}),
    "ResetCursor": lambda: Sample([TreeCursor(FIELDS)], outputs=0),
    "GetCursorOffset": lambda: Sample([TreeCursor(FIELDS, (2, 2))]),
    "ReadNextBatch": lambda: on_cursor(batch_size=2, outputs=3),
    "ComputeOffset": on_cursor,
    "SortAndShuffle": lambda: on_cursor(sort_by_field_idx=0),
    "ReadRandomBatch": lambda: on_cursor(held(i64([2, 0, 1])), held(OFFSETS), batch_size=2, outputs=3),
    "CheckDatasetConsistency": lambda: Sample(columns(), {"fields": names(FIELDS)}, outputs=0),
}
