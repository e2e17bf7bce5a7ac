"""Reductions over axes and over everything, along one axis, and the best of a row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.operators.calling import call
from tests.operators.fake_run import f32, i32

from taskplan.errors import ArgumentError, ShapeError

few = settings(max_examples=30)
SMALL = st.integers(-9, 9)
TENSORS = arrays.arrays("int32", arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4), elements=SMALL)


def truncated_mean(values: list[int]) -> int:
    return int(sum(values) / len(values)) if values else 0


# --- over the first or last axes --------------------------------------------------------------------------------------

BY_HAND: dict[str, Callable[[list[Any]], Any]] = {
    "Sum": sum,
    "Mean": truncated_mean,
    "Max": lambda values: max(values, default=0),
}


@pytest.mark.parametrize("what", BY_HAND)
@given(data=st.data(), x=TENSORS, front=st.booleans(), with_lengths=st.booleans())
@few
def test_the_first_or_last_axes_are_reduced(
    what: str, data: st.DataObject, x: Any, front: bool, with_lengths: bool
) -> None:
    count = data.draw(st.integers(0, x.ndim))
    split = count if front else x.ndim - count
    first, last = x.shape[:split], x.shape[split:]
    rows = x.reshape(math.prod(first), math.prod(last))
    rows, kept = (rows.T, last) if front else (rows, first)
    lengths = data.draw(st.lists(st.integers(0, rows.shape[1]), min_size=len(rows), max_size=len(rows)))
    used = lengths if with_lengths else [rows.shape[1]] * len(rows)
    given_x = x.astype(np.float32) if what == "Max" else x

    got = call(
        f"Reduce{'Front' if front else 'Back'}{what}",
        given_x,
        *([i32(lengths)] if with_lengths else []),
        num_reduce_dim=count,
    )

    expected = [BY_HAND[what](row[:length].tolist()) for row, length in zip(rows, used, strict=True)]
    assert got.dtype == given_x.dtype
    assert got.tolist() == np.reshape(expected, kept).tolist()


def test_more_axes_than_there_are_cannot_be_reduced() -> None:
    with pytest.raises(ShapeError, match=r"ReduceBackSum: X has shape \(2,\), expected rank 2 or more"):
        call("ReduceBackSum", f32([1, 2]), num_reduce_dim=2)


@pytest.mark.parametrize("lengths", [[3, 1], [-1, 1], [1]])
def test_lengths_must_fit_what_is_reduced(lengths: list[int]) -> None:
    with pytest.raises(ShapeError, match="expected 2 lengths of 0 to 2"):
        call("ReduceBackMax", f32([[1, 2], [3, 4]]), i32(lengths))


# --- over given axes --------------------------------------------------------------------------------------------------


@given(data=st.data(), x=TENSORS, keepdims=st.booleans())
@few
def test_mean_and_variance_are_those_of_numpy(data: st.DataObject, x: Any, keepdims: bool) -> None:
    axes = data.draw(st.lists(st.integers(0, x.ndim - 1), unique=True))
    over = tuple(axes) or tuple(range(x.ndim))

    mean, variance = call("Moments", x.astype(np.float32), outputs=2, axes=axes, keepdims=keepdims)

    if math.prod(x.shape[axis] for axis in over):
        np.testing.assert_allclose(mean, x.mean(over, keepdims=keepdims), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(variance, x.var(over, keepdims=keepdims), rtol=1e-5, atol=1e-5)
    else:
        assert not np.any(mean)
        assert not np.any(variance)


def test_the_variance_of_numbers_far_from_0_is_exact() -> None:
    assert call("Moments", f32([10_000, 10_001, 10_002]), outputs=2, keepdims=False) == [
        10_001,
        pytest.approx(2 / 3),
    ]


def test_over_nothing_extremes_are_the_least_and_greatest_numbers() -> None:
    nothing = np.zeros((0, 2), np.float32)
    least, greatest = np.finfo(np.float32).min, np.finfo(np.float32).max

    assert call("ReduceMax", nothing, axes=[0]).tolist() == [[least, least]]
    assert call("ReduceMin", nothing, axes=[0], keepdims=False).tolist() == [greatest, greatest]
    assert call("ReduceMean", nothing, keepdims=False) == 0


def test_integer_sums_wrap() -> None:
    assert call("ReduceSum", i32([2**31 - 1, 1]), keepdims=False) == -(2**31)
    assert call("SumElementsInt", i32([2**31 - 1, 1])) == -(2**31)


def test_an_axis_out_of_range_is_refused() -> None:
    with pytest.raises(ShapeError, match="ReduceL2: axis=2 is out of range for rank 2"):
        call("ReduceL2", f32([[1]]), axes=[2])


# --- over everything, and down to a shape -----------------------------------------------------------------------------


def test_norms_are_sums_without_a_root() -> None:
    x = f32([[3, -4], [0, 1]])

    assert call("LpNorm", x).tolist() == [26]
    assert call("LpNorm", x, p=1, average=True).tolist() == [2]
    assert call("SumSqrElements", x, average=True) == 6.5
    with pytest.raises(ArgumentError, match="LpNorm: argument 'p' must be 1 or 2, got 3"):
        call("LpNorm", x, p=3)


@given(shape=arrays.array_shapes(min_dims=1, max_dims=4, max_side=3), data=st.data())
@few
def test_summing_down_is_the_inverse_of_broadcasting(shape: tuple[int, ...], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(shape) - 1))
    end = data.draw(st.integers(begin, len(shape)))
    kept = [data.draw(st.sampled_from([1, size])) for size in shape[begin:end]]
    a = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)

    got = call("SumReduceLike", a, np.zeros(kept, np.float32), axis=begin)

    expected = a.sum(axis=tuple(place for place in range(len(shape)) if not begin <= place < end))
    expected = expected.sum(axis=tuple(k for k, size in enumerate(kept) if size == 1), keepdims=True)
    np.testing.assert_allclose(got, expected.reshape(kept))


def test_a_row_of_zeros_stays_when_it_is_normalised() -> None:
    x = f32([[0, 0], [3, -4]])

    assert call("NormalizeL1", x).tolist() == [[0, 0], pytest.approx([3 / 7, -4 / 7])]
    assert call("Normalize", x).tolist() == [[0, 0], pytest.approx([0.6, -0.8])]


# --- along one axis ---------------------------------------------------------------------------------------------------


def test_the_place_of_an_extreme_needs_an_element() -> None:
    with pytest.raises(ShapeError, match=r"ArgMax: X has shape \(2, 0\), expected an element along axis 1"):
        call("ArgMax", np.zeros((2, 0), np.float32))


@given(
    x=arrays.arrays(
        "float32",
        arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=12),
        elements=st.sampled_from([-1.0, 0.0, 1.0, 2.0, math.nan, math.inf]),
    ),
    k=st.integers(1, 6),
    data=st.data(),
)
@settings(max_examples=60)
def test_the_best_are_those_of_a_stable_sort(x: Any, k: int, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    found = min(k, x.shape[axis])

    values, places, flat = call("TopK", x, outputs=3, k=k, axis=axis)

    head = [slice(None)] * x.ndim
    head[axis] = slice(0, found)
    expected = np.argsort(-x, axis=axis, kind="stable")[tuple(head)]
    np.testing.assert_array_equal(places[tuple(head)], expected)
    np.testing.assert_array_equal(values[tuple(head)], np.take_along_axis(x, expected, axis))
    at = flat.reshape(places.shape)[tuple(head)]
    np.testing.assert_array_equal(x.reshape(-1)[at], np.take_along_axis(x, expected, axis))
    head[axis] = slice(found, None)
    assert not values[tuple(head)].any()
    assert (places[tuple(head)] == -1).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_best_of_long_rows_are_those_of_a_stable_sort(axis: int) -> None:
    """Some rows have equals that are cut, some have not, and some have too few numbers."""
    x = np.random.default_rng(3).integers(0, 300, (40, 40, 40)).astype(np.float32)
    x[:30, :30, :30] = math.nan

    _, places = call("TopK", x, outputs=2, k=12, axis=axis)

    expected = np.argsort(-x, axis=axis, kind="stable")
    np.testing.assert_array_equal(places, expected.take(range(12), axis))


def test_equals_that_are_cut_are_those_further_behind() -> None:
    x = np.zeros((2, 3000), np.float32)
    x[0, [100, 2000]] = 1
    x[1] = np.arange(3000)

    _, places = call("TopK", x, outputs=2, k=4)

    assert places.tolist() == [[100, 2000, 0, 1], [2999, 2998, 2997, 2996]]


def test_the_number_of_the_best_comes_from_one_place() -> None:
    x = f32([3, 1, 2])

    assert call("TopK", x, np.array([2]), outputs=2)[0].tolist() == [3, 2]
    with pytest.raises(ArgumentError, match="TopK: argument 'k' or a second input must give a number of 1 or more"):
        call("TopK", x, outputs=2)
