"""Reductions over segments, against plain loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call
from tests.operators.fake_run import f32, f64, i32

from taskplan.errors import ArgumentError, DtypeError, OperatorError, ShapeError

LENGTHS = st.lists(st.integers(0, 4), max_size=6)
ROWS = st.sampled_from([(), (3,), (2, 2), (9,), (0,)])


def by_loop(reduce: Callable[[Any], Any], x: Any, lengths: Any) -> Any:
    """The reduction of each segment in float64, 0 of an empty one."""
    ends = np.cumsum(lengths)
    segments = [x[end - length : end].astype(np.float64) for end, length in zip(ends, lengths, strict=True)]
    rows = [reduce(segment) if len(segment) else np.zeros(x.shape[1:]) for segment in segments]
    return np.array(rows).reshape(len(lengths), *x.shape[1:])


def summed(rows: Any) -> Any:
    return rows.sum(0)


def mean(rows: Any) -> Any:
    return rows.mean(0)


def greatest(rows: Any) -> Any:
    return rows.max(0)


def log_sum(rows: Any) -> Any:
    return np.log(np.exp(rows).sum(0))


def log_mean(rows: Any) -> Any:
    return np.log(np.exp(rows).mean(0))


BY_LENGTHS = [("LengthsSum", summed), ("LengthsMean", mean), ("LengthsMax", greatest)]
BY_SORTED_IDS = [
    ("SortedSegmentSum", summed),
    ("SortedSegmentMean", mean),
    ("SortedSegmentRangeSum", summed),
    ("SortedSegmentRangeMean", mean),
    ("SortedSegmentRangeMax", greatest),
    ("SortedSegmentRangeLogSumExp", log_sum),
    ("SortedSegmentRangeLogMeanExp", log_mean),
]
BY_ANY_IDS = [("UnsortedSegmentSum", summed), ("UnsortedSegmentMean", mean)]


def rows_for(lengths: Any, shape: tuple[int, ...], seed: int = 1) -> Any:
    return np.random.default_rng(seed).standard_normal((int(np.sum(lengths)), *shape), np.float32)


def assert_close(got: Any, expected: Any) -> None:
    assert got.dtype == np.float32
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("name", "reduce"), BY_LENGTHS)
@settings(max_examples=30)
@given(lengths=LENGTHS, shape=ROWS)
def test_segments_of_lengths_are_reduced(name: str, reduce: Any, lengths: list[int], shape: tuple[int, ...]) -> None:
    x = rows_for(lengths, shape)

    assert_close(call(name, x, i32(lengths)), by_loop(reduce, x, lengths))


@pytest.mark.parametrize(("name", "reduce"), BY_SORTED_IDS)
@settings(max_examples=15)
@given(lengths=st.lists(st.integers(1, 4), max_size=6), shape=ROWS)
def test_segments_of_ascending_numbers_are_reduced(
    name: str, reduce: Any, lengths: list[int], shape: tuple[int, ...]
) -> None:
    x = rows_for(lengths, shape)

    assert_close(call(name, x, call("LengthsToSegmentIds", i32(lengths))), by_loop(reduce, x, lengths))


@pytest.mark.parametrize(("name", "reduce"), BY_ANY_IDS)
@settings(max_examples=30)
@given(lengths=LENGTHS, shape=ROWS, seed=st.integers(0, 99))
def test_segments_of_numbers_in_any_order_are_reduced(
    name: str, reduce: Any, lengths: list[int], shape: tuple[int, ...], seed: int
) -> None:
    x = rows_for(lengths, shape)
    order = np.random.default_rng(seed).permutation(len(x))
    ids = call("LengthsToSegmentIds", i32(lengths))

    got = call(name, x[order], ids[order], num_segments=len(lengths))

    assert_close(got, by_loop(reduce, x, lengths))


@pytest.mark.parametrize("shape", [(), (3,), (4, 8), (100,), (1100,)])
@pytest.mark.parametrize("longest", [6, 300_000])
def test_many_rows_are_reduced_in_blocks(shape: tuple[int, ...], longest: int) -> None:
    """As whole columns, by blocks, or with a call for each segment; a segment may be longer than a block."""
    width = int(np.prod(shape))
    lengths = np.random.default_rng(2).integers(0, 7, min(200_000 // width, 20_000))
    lengths[len(lengths) // 2] = longest // width
    x = rows_for(lengths, shape)

    assert_close(call("LengthsSum", x, lengths), by_loop(summed, x, lengths))
    assert_close(call("LengthsMax", x, lengths), by_loop(greatest, x, lengths))


@pytest.mark.parametrize("shape", [(), (3,), (20,)])
def test_each_row_is_taken_times_its_weight(shape: tuple[int, ...]) -> None:
    lengths, ids = i32([2, 3]), i32([0, 0, 1, 1, 1])
    x, weights = rows_for(lengths, shape), f32([1, -2, 0.5, 3, 0])
    expected = by_loop(summed, x * weights.reshape(-1, *(1,) * len(shape)), lengths)

    assert_close(call("LengthsWeightedSum", x, weights, lengths, grad_on_weights=True), expected)
    assert_close(call("SortedSegmentWeightedSum", x, weights, ids, grad_on_weights=True), expected)
    assert_close(call("UnsortedSegmentWeightedSum", x[::-1], weights[::-1], ids[::-1]), expected)
    assert_close(
        call("UnsortedSegmentWeightedSum", x[::-1], weights[::-1], ids[::-1], num_segments=3),
        np.concatenate([expected, np.zeros((1, *shape))]),
    )


def test_float64_stays() -> None:
    x = f64([1, 1e-12, 4])

    assert call("LengthsSum", x, i32([2, 1])).tolist() == [1 + 1e-12, 4]
    assert call("UnsortedSegmentMean", x, i32([1, 0, 1])).tolist() == [1e-12, 2.5]


def test_a_nan_is_the_maximum_of_its_segment_only() -> None:
    got = call("LengthsMax", f32([1, np.nan, -2, -3]), i32([2, 0, 2]))

    np.testing.assert_array_equal(got, f32([np.nan, 0, -2]))


def test_exponentials_do_not_overflow() -> None:
    x, ids = f32([1000, 1000, -1000, -1000]), i32([0, 0, 1, 1])

    np.testing.assert_allclose(call("SortedSegmentRangeLogSumExp", x, ids), np.log(2) + f64([1000, -1000]))
    np.testing.assert_allclose(call("SortedSegmentRangeLogMeanExp", x, ids), [1000, -1000])


def test_infinities_are_no_reason_for_nan() -> None:
    x, ids = f32([-np.inf, -np.inf, np.inf, np.inf, -np.inf, 1, np.nan, 1]), i32([0, 0, 1, 1, 2, 2, 3, 3])

    np.testing.assert_allclose(call("SortedSegmentRangeLogSumExp", x, ids), [-np.inf, np.inf, 1, np.nan])
    np.testing.assert_allclose(
        call("SortedSegmentRangeLogMeanExp", x, ids), [-np.inf, np.inf, 1 - np.log(2), np.nan], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([1, 1, 2], "begins with 1"),
        ([-1, 0, 1], "begins with -1"),
        ([0, 2, 2], "goes from 0 to 2"),
        ([0, 1, 0], "goes from 1 to 0"),
        ([0, 2**31 - 1, -(2**31)], "goes from 0 to 2147483647"),
    ],
)
def test_sorted_segments_begin_at_0_and_have_no_gaps(ids: list[int], text: str) -> None:
    with pytest.raises(
        OperatorError,
        match=f"^SortedSegmentSum: SEGMENT_IDS {text}, expected numbers that ascend from 0 without gaps$",
    ):
        call("SortedSegmentSum", f32([1, 2, 3]), i32(ids))


@pytest.mark.parametrize("wrong", [-1, 3])
def test_unsorted_segments_are_among_the_number_that_is_given(wrong: int) -> None:
    with pytest.raises(OperatorError, match=f"SEGMENT_IDS holds {wrong}, expected numbers from 0 to below 3$"):
        call("UnsortedSegmentSum", f32([1, 2]), i32([0, wrong]), num_segments=3)


def test_no_rows_give_as_many_segments_as_are_asked_for() -> None:
    nothing = np.zeros((0, 2), np.float32)

    assert call("UnsortedSegmentSum", nothing, i32([])).shape == (0, 2)
    assert call("UnsortedSegmentMean", nothing, i32([]), num_segments=2).tolist() == [[0, 0], [0, 0]]
    assert call("UnsortedSegmentSum", nothing, i32([]), num_segments=0).shape == (0, 2)
    with pytest.raises(ArgumentError, match="UnsortedSegmentSum: argument 'num_segments' must be 0 or more"):
        call("UnsortedSegmentSum", nothing, i32([]), num_segments=-2)


def test_there_is_one_number_and_one_weight_for_each_row() -> None:
    x = f32([1, 2, 3])

    with pytest.raises(ShapeError, match=r"SortedSegmentSum: SEGMENT_IDS has shape \(2,\), expected 3 elements"):
        call("SortedSegmentSum", x, i32([0, 1]))
    with pytest.raises(ShapeError, match=r"UnsortedSegmentMean: SEGMENT_IDS has shape \(2,\), expected 3 elements"):
        call("UnsortedSegmentMean", x, i32([0, 1]))
    with pytest.raises(ShapeError, match=r"LengthsWeightedSum: SCALARS has shape \(4,\), expected 3 elements"):
        call("LengthsWeightedSum", x, f32([1, 2, 3, 4]), i32([3]))
    with pytest.raises(DtypeError, match="cast one of them"):
        call("SortedSegmentWeightedSum", x, f64([1, 2, 3]), i32([0, 0, 0]))
