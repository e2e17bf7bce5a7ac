"""Rows of a table, looked up and added up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call
from tests.operators.fake_run import f32, f64, i32

from taskplan.errors import DtypeError, OperatorError, ShapeError

RNG = np.random.default_rng(3)
TABLES = {shape: RNG.standard_normal((6, *shape), np.float32) for shape in [(), (2,), (2, 5), (70,)]}


@st.composite
def lookups(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """A table, indices into it, and lengths of their segments."""
    lengths = draw(st.lists(st.integers(0, 4), max_size=5))
    indices = draw(st.lists(st.integers(0, 5), min_size=sum(lengths), max_size=sum(lengths)))
    return TABLES[draw(st.sampled_from(sorted(TABLES)))], np.array(indices, np.int64), i32(lengths)


def by_loop(table: Any, weights: Any, indices: Any, lengths: Any) -> Any:
    sums = np.zeros((len(lengths), *table.shape[1:]))
    place = 0
    for segment, length in enumerate(lengths):
        for _ in range(length):
            sums[segment] += weights[place] * table[indices[place]].astype(np.float64)
            place += 1
    return sums


def assert_close(got: Any, expected: Any) -> None:
    assert got.dtype == np.float32
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=60)
@given(lookups())
def test_rows_are_looked_up_and_added_by_segment(lookup: tuple[Any, Any, Any]) -> None:
    table, indices, lengths = lookup
    sums = by_loop(table, np.ones(len(indices)), indices, lengths)
    counts = np.maximum(lengths, 1).reshape(-1, *(1,) * (table.ndim - 1))

    assert_close(call("SparseLengthsSum", table, indices, lengths), sums)
    assert_close(call("SparseLengthsMean", table, indices, lengths), sums / counts)


@settings(max_examples=60)
@given(lookups())
def test_weights_belong_to_indices_or_to_places_within_segments(lookup: tuple[Any, Any, Any]) -> None:
    table, indices, lengths = lookup
    weights = f32(np.arange(len(indices)) - 2)
    places = [place for length in lengths for place in range(length)]

    by_index = call("SparseLengthsWeightedSum", table, weights, indices, lengths, grad_on_weights=True)
    by_place = call("SparseLengthsPositionalWeightedSum", table, f32([1, 0.5, -3, 7]), indices, lengths)

    assert_close(by_index, by_loop(table, weights, indices, lengths))
    assert_close(by_place, by_loop(table, f32([1, 0.5, -3, 7])[places], indices, lengths))


@settings(max_examples=60)
@given(lookups(), st.integers(0, 99))
def test_segments_may_be_told_by_number(lookup: tuple[Any, Any, Any], seed: int) -> None:
    table, indices, lengths = lookup
    lengths = lengths[lengths > 0]
    ids = call("LengthsToSegmentIds", lengths)
    order = np.random.default_rng(seed).permutation(len(ids))

    for kind in ("Sum", "Mean"):
        expected = call(f"SparseLengths{kind}", table, indices, lengths)
        assert_close(call(f"SparseSortedSegment{kind}", table, indices, ids), expected)
        assert_close(call(f"SparseUnsortedSegment{kind}", table, indices[order], ids[order]), expected)


def test_a_large_lookup_goes_through_in_blocks() -> None:
    rng = np.random.default_rng(4)
    table, indices = rng.standard_normal((500, 16), np.float32), rng.integers(0, 500, 40_000)
    lengths, weights = i32([30_000, 0, 9_990, 10]), rng.standard_normal(40_000, np.float32)
    ids = call("LengthsToSegmentIds", lengths[lengths > 0])
    expected = by_loop(table, weights, indices, lengths)

    np.testing.assert_allclose(call("SparseLengthsWeightedSum", table, weights, indices, lengths), expected, atol=1e-2)
    np.testing.assert_allclose(
        call("SparseUnsortedSegmentSum", table, indices[::-1], ids[::-1]),
        call("SparseSortedSegmentSum", table, indices, ids),
        atol=1e-2,
    )


def test_halves_are_added_as_floats() -> None:
    table = np.array([[60000, 1], [60000, 2]], np.float16)

    got = call("SparseLengthsSum", table, i32([0, 1, 1]), i32([3]))

    assert (got.dtype, got.tolist()) == (np.float32, [[180000, 5]])
    assert call("SparseLengthsWeightedSum", table, f32([2]), i32([0]), i32([1])).tolist() == [[120000, 2]]
    assert call("SparseUnsortedSegmentMean", table, i32([1]), i32([0])).dtype == np.float32


def test_an_empty_table_has_sums_of_nothing() -> None:
    nothing = np.zeros((0, 2), np.float32)

    assert call("SparseLengthsSum", nothing, i32([]), i32([0, 0])).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("index", [-1, 3])
@pytest.mark.parametrize(
    ("name", "last"),
    [("SparseLengthsSum", [2]), ("SparseSortedSegmentMean", [0, 0]), ("SparseUnsortedSegmentSum", [1, 0])],
)
def test_an_index_that_is_not_in_the_table_is_refused(name: str, last: list[int], index: int) -> None:
    with pytest.raises(OperatorError, match=f"^{name}: INDICES holds {index}, expected numbers from 0 to below 3$"):
        call(name, f32([1, 2, 3]), i32([0, index]), i32(last))


def test_lengths_are_those_of_the_indices() -> None:
    with pytest.raises(ShapeError, match="SparseLengthsMean: LENGTHS adds up to 3, INDICES has 2 rows"):
        call("SparseLengthsMean", f32([1, 2, 3]), i32([0, 1]), i32([3]))


def test_there_is_a_weight_for_each_index_or_for_each_place() -> None:
    table = f32([1, 2, 3])

    with pytest.raises(ShapeError, match=r"SparseLengthsWeightedSum: SCALARS has shape \(1,\), expected 2 elements"):
        call("SparseLengthsWeightedSum", table, f32([1]), i32([0, 1]), i32([2]))
    with pytest.raises(ShapeError, match=r"WEIGHT has shape \(1,\), but a segment has 2 indices"):
        call("SparseLengthsPositionalWeightedSum", table, f32([1]), i32([0, 1]), i32([2]))
    with pytest.raises(DtypeError, match="WEIGHT has dtype float64, expected float32"):
        call("SparseLengthsPositionalWeightedSum", table, f64([1, 2]), i32([0, 1]), i32([2]))


@pytest.mark.parametrize(
    ("name", "ids", "text"),
    [
        ("SparseSortedSegmentSum", [1, 1], "begins with 1"),
        ("SparseUnsortedSegmentSum", [0, -1], "holds -1"),
    ],
)
def test_wrong_segment_numbers_are_refused(name: str, ids: list[int], text: str) -> None:
    with pytest.raises(OperatorError, match=f"{name}: SEGMENT_IDS {text}"):
        call(name, f32([1, 2, 3]), i32([0, 1]), i32(ids))
