from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.operators.calling import call

from taskplan.errors import ArgumentError, DtypeError, ShapeError

SHAPES = arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)
TENSORS = arrays.arrays("int32", SHAPES)


# --- sizes -----------------------------------------------------------------------------------------------------------


@given(arrays.arrays("int32", arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)))
def test_sizes_are_those_of_numpy(x: Any) -> None:
    assert call("Shape", x).tolist() == list(x.shape)
    assert call("Size", x) == x.size
    assert bool(call("IsEmpty", x)) is (x.size == 0)
    assert bool(call("HasElements", x, np.empty(0))) is (x.size > 0)


def test_sizes_are_of_axes_in_the_order_asked_for() -> None:
    assert call("Shape", np.empty((2, 3, 4)), axes=[2, 0]).tolist() == [4, 2]


def test_answers_about_sizes_are_scalars() -> None:
    assert [type(call(name, np.ones(3))) for name in ("Size", "IsEmpty", "HasElements")] == [
        np.int64,
        np.bool_,
        np.bool_,
    ]


# --- other shapes ----------------------------------------------------------------------------------------------------


@given(TENSORS, st.data())
def test_reshaping_and_back_gives_the_same(x: Any, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, x.ndim))
    flat = call("Flatten", x, axis=axis)

    back, old = call("Reshape", flat, np.array(x.shape), outputs=2)

    assert np.array_equal(back, x)
    assert old.tolist() == [math.prod(x.shape[:axis]), math.prod(x.shape[axis:])]
    assert np.array_equal(call("ResizeLike", call("FlattenToVec", x), x), x)


@pytest.mark.parametrize(
    ("asked", "shape"), [([-1], (6,)), ([0, -1], (2, 3)), ([3, -1, 1], (3, 2, 1)), ([-1, 0], (2, 3)), ([0, 0], (2, 3))]
)
def test_a_size_is_inferred_or_kept(asked: list[int], shape: tuple[int, ...]) -> None:
    assert call("Reshape", np.arange(6).reshape(2, 3), shape=asked, outputs=2)[0].shape == shape


@pytest.mark.parametrize("asked", [[4], [-1, -1], [4, -1], [6, 1, 0], [-2, -3], [-6, -1]])
def test_a_shape_that_does_not_fit_is_refused(asked: list[int]) -> None:
    with pytest.raises(ShapeError, match=r"Reshape: data has shape \(2, 3\), which does not fit shape="):
        call("Reshape", np.arange(6).reshape(2, 3), shape=asked, outputs=2)


def test_for_nothing_zero_means_zero() -> None:
    assert call("Reshape", np.empty((0, 3)), shape=[3, 0], outputs=2)[0].shape == (3, 0)


def test_a_new_shape_comes_from_one_place() -> None:
    with pytest.raises(ArgumentError, match="not both"):
        call("Reshape", np.ones(2), np.array([2]), shape=[2], outputs=2)
    with pytest.raises(ArgumentError, match="must give the shape"):
        call("Reshape", np.ones(2), outputs=2)


@given(TENSORS, st.sets(st.integers(0, 4), min_size=1, max_size=2))
def test_axes_that_were_added_can_be_removed(x: Any, dims: set[int]) -> None:
    if max(dims) >= x.ndim + len(dims):
        return
    wide = call("ExpandDims", x, dims=sorted(dims))

    assert np.array_equal(wide, np.expand_dims(x, tuple(dims)))
    assert np.array_equal(call("Squeeze", wide, dims=[*dims, *dims]), x)


@given(arrays.arrays("int32", st.tuples(st.integers(0, 4), st.integers(0, 3))), st.integers(1, 3))
def test_a_dimension_that_was_prepended_can_be_merged(rows: Any, times: int) -> None:
    x = np.concatenate([rows] * times)

    split = call("PrependDim", x, dim_size=times)

    assert split.shape == (times, *rows.shape)
    assert np.array_equal(call("MergeDim", split), x)


@given(arrays.arrays("float32", arrays.array_shapes(min_dims=0, max_dims=4, min_side=0)), st.randoms())
def test_transposing_back_gives_the_same(x: Any, random: Any) -> None:
    axes = list(range(x.ndim))
    random.shuffle(axes)
    back = np.argsort(axes).tolist()

    assert np.array_equal(call("Transpose", call("Transpose", x, axes=axes), axes=back), x, equal_nan=True)
    assert np.array_equal(call("Transpose", x), x.T, equal_nan=True)


def test_what_loses_all_axes_is_a_scalar() -> None:
    one = np.ones(1, np.float32)

    assert type(call("Squeeze", one, dims=[0])) is np.float32
    assert type(call("Reshape", one, shape=[], outputs=2)[0]) is np.float32
    assert call("Squeeze", ["a"], dims=[0]).item() == b"a"


# --- pieces ----------------------------------------------------------------------------------------------------------


@given(st.data())
def test_what_is_split_can_be_concatenated(data: st.DataObject) -> None:
    x = data.draw(TENSORS)
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    cuts = sorted(data.draw(st.lists(st.integers(0, x.shape[axis]), min_size=1, max_size=3)))
    sizes = np.diff([0, *cuts, x.shape[axis]]).tolist()

    pieces = call("Split", x, axis=axis, split=sizes, outputs=len(sizes))
    whole, lengths = call("Concat", *pieces, axis=axis, outputs=2)

    assert np.array_equal(whole, x)
    assert lengths.tolist() == sizes
    assert lengths.dtype == np.int32


@given(arrays.arrays("float64", st.tuples(st.integers(1, 3), st.integers(2, 3))), st.integers(0, 1))
def test_what_is_sliced_can_be_stacked(x: Any, axis: int) -> None:
    slices = call("Split", x, axis=axis, add_axis=True, outputs=x.shape[axis])
    slices = slices if isinstance(slices, list) else [slices]

    whole, lengths = call("Concat", *slices, axis=axis, add_axis=True, outputs=2)

    assert np.array_equal(whole, x, equal_nan=True)
    assert lengths.tolist() == [1] * x.shape[axis]


def test_slices_of_a_string_vector_are_string_tensors() -> None:
    first, second = call("Split", ["a", "b"], axis=0, add_axis=True, outputs=2)

    assert (first.shape, first.item(), second.item()) == ((), b"a", b"b")


@pytest.mark.parametrize(
    ("arguments", "outputs"),
    [({}, 3), ({"split": [1, 2]}, 2), ({"split": [4]}, 2), ({"split": [-1, 5]}, 2), ({"add_axis": True}, 2)],
)
def test_pieces_that_do_not_make_up_the_axis_are_refused(arguments: dict[str, Any], outputs: int) -> None:
    with pytest.raises(ShapeError, match=r"Split: input has shape \(2, 4\)"):
        call("Split", np.ones((2, 4)), outputs=outputs, **arguments)


def test_pieces_of_different_types_are_refused() -> None:
    with pytest.raises(DtypeError, match=r"inputs\[0\] has dtype float32, inputs\[1\] has dtype int32"):
        call("Concat", np.ones(1, np.float32), np.ones(1, np.int32), axis=0, outputs=2)


@pytest.mark.parametrize("shape", [(2, 3), (3,), (2, 2, 1)])
def test_pieces_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"Concat: inputs\[1\] has shape"):
        call("Concat", np.ones((2, 2)), np.ones(shape), axis=0, outputs=2)


@given(st.data())
def test_a_slice_is_that_of_python(data: st.DataObject) -> None:
    x = data.draw(TENSORS)
    axis = data.draw(st.integers(0, x.ndim - 1))
    size = x.shape[axis]
    begin = data.draw(st.integers(0, size + 2))
    end = data.draw(st.integers(min(begin, size), size + 2))
    expected = x[(slice(None),) * axis + (slice(begin, end),)]
    starts, ends = [0] * axis + [begin], [-1] * axis + [end]

    assert np.array_equal(call("Slice", x, starts=starts, ends=ends), expected)
    assert np.array_equal(call("Slice", x, np.array(starts), np.array(ends)), expected)


@pytest.mark.parametrize(("end", "length"), [(-1, 3), (-2, 2), (-4, 0)])
def test_negative_ends_count_from_one_past_the_size(end: int, length: int) -> None:
    assert len(call("Slice", np.ones(3), starts=[0], ends=[end])) == length


@pytest.mark.parametrize(
    ("starts", "ends"), [([0, 1], [2, 3]), ([2], [1]), ([0], [-5]), ([0], []), ([0, 0, 0], [-1, -1, -1])]
)
def test_slices_that_cut_twice_or_backwards_are_refused(starts: list[int], ends: list[int]) -> None:
    with pytest.raises(ShapeError, match=r"Slice: X has shape \(3, 3\)"):
        call("Slice", np.ones((3, 3)), starts=starts, ends=ends)


@given(TENSORS, st.integers(0, 3), st.data())
def test_tiles_stand_one_behind_the_other(x: Any, tiles: int, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    counts = data.draw(st.lists(st.integers(0, 2), min_size=x.ndim, max_size=x.ndim))
    expected = np.concatenate([x[(slice(None),) * (axis % x.ndim) + (slice(0, 0),)], *[x] * tiles], axis)

    assert np.array_equal(call("Tile", x, tiles=tiles, axis=axis), expected)
    assert np.array_equal(call("NumpyTile", x, np.array(counts, np.int64)), np.tile(x, counts))


@given(arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), st.data())
def test_expansion_broadcasts_both_ways(shapes: Any, data: st.DataObject) -> None:
    shape, asked = shapes.input_shapes
    x = data.draw(arrays.arrays("int32", shape))

    assert np.array_equal(call("Expand", x, np.array(asked, np.int64)), np.broadcast_to(x, shapes.result_shape))
