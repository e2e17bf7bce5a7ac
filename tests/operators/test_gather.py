"""Gather, scatter and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.operators.calling import call, call_in_place, held

from taskplan.errors import ArityError, OperatorError, ShapeError

TENSORS = arrays.arrays("int32", arrays.array_shapes(min_dims=1, max_dims=3))


@given(TENSORS, st.data())
def test_gather_takes_slices_along_an_axis(x: Any, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, x.ndim - 1))
    places = st.integers(-x.shape[axis], x.shape[axis] - 1)
    indices = data.draw(arrays.arrays("int64", arrays.array_shapes(min_dims=0, max_dims=2), elements=places))

    got = call("Gather", x, indices, axis=axis)

    assert np.array_equal(got, np.take(x, indices, axis))
    if axis == 1:
        assert np.array_equal(call("BatchGather", x, indices), got)


@given(st.data())
def test_each_row_may_have_indices_of_its_own(data: st.DataObject) -> None:
    x = data.draw(arrays.arrays("int32", st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2))))
    places = st.integers(-x.shape[1], x.shape[1] - 1)
    indices = data.draw(arrays.arrays("int32", (len(x), 2), elements=places))

    got = call("BatchGather", x, indices, match_outer=True)

    assert np.array_equal(got, np.stack([row[own] for row, own in zip(x, indices, strict=True)]))


def test_one_index_of_a_vector_gives_a_scalar() -> None:
    assert type(call("Gather", np.ones(3, np.float32), np.int64(1))) is np.float32
    assert call("Gather", ["a", "b"], np.int64(1)).item() == b"b"


@pytest.mark.parametrize("index", [3, -4])
@pytest.mark.parametrize("shape", [(), (1,), (2, 2)])
def test_an_index_out_of_range_is_named(index: int, shape: tuple[int, ...]) -> None:
    with pytest.raises(OperatorError, match=f"Gather: index {index} is out of range for size 3 of axis 0"):
        call("Gather", np.ones((3, 2)), np.full(shape, index))


def test_indices_of_each_row_need_as_many_rows() -> None:
    with pytest.raises(ShapeError, match="axes before 1 must be equal"):
        call("BatchGather", np.ones((3, 2)), np.zeros((2, 1), np.int64), match_outer=True)


@given(arrays.arrays("int32", st.integers(0, 6), elements=st.integers(-3, 3)))
def test_distinct_values_and_the_way_back(x: Any) -> None:
    distinct, places = call("Unique", x, outputs=2)

    assert distinct.tolist() == sorted(set(x.tolist()))
    assert np.array_equal(distinct[places], x)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("spread", [10, 5_000, 1 << 30])
def test_distinct_values_are_found_near_each_other_and_far_apart(dtype: str, spread: int) -> None:
    x = np.random.default_rng(5).integers(-spread, spread, 1000).astype(dtype)
    x[0] = np.iinfo(dtype).min if spread == 1 << 30 else -spread

    distinct, places = call("Unique", x, outputs=2)

    expected, at = np.unique(x, return_inverse=True)
    assert (distinct.dtype, places.dtype) == (x.dtype, np.int32)
    assert distinct.tolist() == expected.tolist()
    assert places.tolist() == at.tolist()
    assert call("Unique", x).tolist() == expected.tolist()


@given(st.data())
def test_find_names_the_last_place(data: st.DataObject) -> None:
    numbers = st.integers(-3, 3)
    index = data.draw(st.lists(numbers, max_size=6))
    query = data.draw(st.lists(numbers, max_size=4))
    places = {each: place for place, each in enumerate(index)}

    got = call("Find", np.array(index, np.int64), np.array(query, np.int64), missing_value=-7)

    assert got.tolist() == [places.get(each, -7) for each in query]


def test_duplicates_are_those_seen_before_and_nan_is_none() -> None:
    nan = float("nan")

    assert call("FindDuplicateElements", ["a", "b", "a"]).tolist() == [2]
    assert call("FindDuplicateElements", np.array([nan, 1.0, nan, -0.0, 0.0])).tolist() == [4]


# --- scatter ---------------------------------------------------------------------------------------------------------


@given(st.data())
def test_scattered_slices_are_what_gather_finds(data: st.DataObject) -> None:
    x = data.draw(arrays.arrays("int32", st.tuples(st.integers(1, 5), st.integers(0, 2))))
    places = data.draw(st.lists(st.integers(0, len(x) - 1), unique=True))
    indices = np.array(places, np.int32)
    slices = data.draw(arrays.arrays("int32", (len(places), x.shape[1])))

    [written] = call_in_place("ScatterAssign", [held(x), held(indices), held(slices)], {0: 0}, 1, {})

    assert np.array_equal(call("Gather", written, indices), slices)
    untouched = np.delete(np.arange(len(x)), places)
    assert np.array_equal(written[untouched], x[untouched])


@pytest.mark.parametrize("index", [-1, 2])
@pytest.mark.parametrize("name", ["ScatterAssign", "Scatter", "RemoveDataBlocks"])
def test_writing_out_of_range_is_an_error(name: str, index: int) -> None:
    values = [held(np.ones(2)), held(np.array([index])), held(np.ones(1))]
    arguments = {"axis": 0} if name == "Scatter" else {}

    with pytest.raises(OperatorError, match=f"{name}: index {index} is out of range"):
        call_in_place(
            name, values[: 2 if name == "RemoveDataBlocks" else 3], {0: 0} if "S" in name else {}, 1, arguments
        )


def test_a_repeated_index_is_scaled_and_added_to_again() -> None:
    values = [np.array([1, 2]), [2], np.array([0, 0]), np.array([10, 20]), [0.5]]
    x, w0, indices, rows, w1 = (
        held(np.array(each, np.int64 if place == 2 else np.float32)) for place, each in enumerate(values)
    )

    [written] = call_in_place("ScatterWeightedSum", [x, w0, indices, rows, w1], {0: 0}, 1, {})

    assert written.tolist() == [19, 2]


@given(
    st.lists(st.integers(0, 4), max_size=8),
    st.sampled_from([(), (2,), (2, 3)]),
    st.sampled_from([1.0, 0.5]),
    st.integers(1, 3),
)
def test_weighted_rows_are_added_one_by_one(indices: list[int], row: tuple[int, ...], scale: float, count: int) -> None:
    rng = np.random.default_rng(len(indices))
    x = rng.integers(-9, 9, (5, *row)).astype(np.float32)
    parts = [rng.integers(-9, 9, (len(indices), *row)).astype(np.float32) for _ in range(count)]
    weights = [np.float32(2.0**rank) for rank in range(count)]
    expected = x.copy()
    for index in indices:
        expected[index] *= scale
    for part, weight in zip(parts, weights, strict=True):
        for index, each in zip(indices, part, strict=True):
            expected[index] += each * weight
    pairs = [each for pair in zip(parts, weights, strict=True) for each in pair]

    got = call("ScatterWeightedSum", x, np.float32(scale), np.array(indices, np.int64), *pairs)

    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_weighted_rows_come_in_pairs() -> None:
    values = [held(np.ones(1, np.float32))] * 6

    with pytest.raises(ArityError, match=r"ScatterWeightedSum takes 5, 7, 9, \.\.\. inputs"):
        call_in_place("ScatterWeightedSum", values, {0: 0}, 1, {})


# --- masks -----------------------------------------------------------------------------------------------------------


@given(st.data())
def test_masks_that_cover_everything_can_be_undone(data: st.DataObject) -> None:
    x = data.draw(arrays.arrays("int64", st.integers(0, 6)))
    mask = data.draw(arrays.arrays("bool", x.shape))

    some, places = call("BooleanMask", x, mask, outputs=2)
    rest = call("BooleanMask", x, ~mask)

    assert places.tolist() == np.flatnonzero(mask).tolist()
    assert np.array_equal(call("BooleanUnmask", mask, some, ~mask, rest), x)
    assert np.array_equal(call("RemoveDataBlocks", x, places), rest)


def test_the_first_mask_that_is_true_gives_the_value() -> None:
    got = call("BooleanUnmask", [True, False], np.array([1]), [True, True], np.array([2]))

    assert got.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("mask", "values", "error"),
    [([True, False], [1], "no mask is true at position 1"), ([True, True], [1], "expected 2 values")],
)
def test_positions_and_values_must_match(mask: list[bool], values: list[int], error: str) -> None:
    with pytest.raises(OperatorError, match=error):
        call("BooleanUnmask", mask, np.array(values))


@given(st.lists(st.lists(st.booleans(), max_size=3), max_size=4))
def test_trues_are_counted_in_each_stretch(stretches: list[list[bool]]) -> None:
    lengths = np.array([len(stretch) for stretch in stretches], np.int32)
    mask = np.array([each for stretch in stretches for each in stretch], bool)

    assert call("BooleanMaskLengths", lengths, mask).tolist() == [sum(stretch) for stretch in stretches]
