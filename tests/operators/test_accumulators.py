"""Running sums and histograms, and summaries."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call
from tests.operators.fake_run import Bench, f32

from taskplan.errors import ArgumentError, OperatorError


def test_the_output_is_the_state_of_a_running_sum() -> None:
    bench = Bench({"x": f32([1, 2])})
    accumulate = bench.instance("Accumulate", ["x"], ["y"], gamma=0.5)

    accumulate()
    first = bench.blobs["y"]
    accumulate()

    assert first.tolist() == [1, 2]
    assert bench.blobs["y"].tolist() == [1.5, 3]
    bench.blobs["y"] = f32([10, 10])
    accumulate()
    assert bench.blobs["y"].tolist() == [6, 7]


def test_a_running_sum_of_another_shape_begins_anew() -> None:
    bench = Bench({"x": f32([1, 2])})
    accumulate = bench.instance("Accumulate", ["x"], ["y"])
    accumulate()
    bench.blobs["x"] = f32([[3]])

    accumulate()

    assert bench.blobs["y"].tolist() == [[3]]


def test_a_histogram_counts_this_call_and_all_of_its_instance() -> None:
    bench = Bench({"x": f32([-5, 0, 0.49, 0.5, 1, np.inf, -np.inf, np.nan])})
    count = bench.instance("AccumulateHistogram", ["x"], ["now", "ever"], num_buckets=2)

    count()
    first = bench.blobs["ever"]
    count()

    assert bench.blobs["now"].tolist() == [2, 2, 1, 2]
    assert bench.blobs["ever"].tolist() == [4, 4, 2, 4]
    assert first.tolist() == [2, 2, 1, 2]


@given(
    values=st.lists(st.floats(-3, 3, width=32), max_size=20),
    low=st.floats(-2, 0, width=32),
    width=st.floats(0.5, 3, width=32),
    buckets=st.integers(1, 5),
)
@settings(max_examples=40)
def test_every_number_is_counted_in_the_bucket_whose_bounds_it_lies_between(
    values: list[float], low: float, width: float, buckets: int
) -> None:
    high = low + width

    counts, _ = call(
        "AccumulateHistogram", f32(values), outputs=2, lower_bound=low, upper_bound=high, num_buckets=buckets
    )

    assert counts.sum() == len(values)
    assert counts[0] == sum(value < low for value in values)
    assert counts[-1] == sum(value >= high for value in values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_buckets": 0}, "'num_buckets' must be at least 1"),
        ({"lower_bound": 2.0}, r"'upper_bound' must be above lower_bound=2\.0"),
        ({"upper_bound": float("inf")}, "'upper_bound' must be finite"),
        ({"lower_bound": float("nan")}, "as lower_bound, got 1.0 and nan"),
    ],
)
def test_bounds_that_make_no_buckets_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call("AccumulateHistogram", f32([1]), outputs=2, **arguments)


def test_a_summary_of_one_number_has_no_deviation() -> None:
    assert call("Summarize", f32(3)).tolist() == [3, 3, 3, 0]


def test_there_is_no_summary_of_nothing() -> None:
    with pytest.raises(OperatorError, match=r"Summarize: data has shape \(0,\)"):
        call("Summarize", f32([]))


def test_a_summary_without_an_output_is_logged() -> None:
    bench = Bench({"a/x": f32([1, 3])})

    bench.run("Summarize", ["a/x"])

    assert bench.logged == ["a/x: min 1, max 3, mean 2, std 1.41421"]


def test_a_summary_goes_behind_those_in_the_file(tmp_path: Path) -> None:
    bench = Bench({"a/x": f32([1, 3])}, workspace=SimpleNamespace(root_folder=str(tmp_path)))

    for _ in range(2):
        bench.run("Summarize", ["a/x"], to_file=True)

    assert (tmp_path / "a" / "x.summary").read_text() == "min 1, max 3, mean 2, std 1.41421\n" * 2


def test_a_summary_that_cannot_be_written_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file where a folder should be")
    bench = Bench({"a/x": f32([1, 3])}, workspace=SimpleNamespace(root_folder=str(tmp_path)))

    with pytest.raises(OperatorError, match=r"cannot write '.*x\.summary'"):
        bench.run("Summarize", ["a/x"], to_file=True)
