"""Lengths, segment numbers and ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call
from tests.operators.fake_run import f32, i32

from taskplan.errors import OperatorError, ShapeError

LENGTHS = st.lists(st.integers(0, 4), max_size=6)
FROM_LENGTHS = ("LengthsToSegmentIds", "LengthsToRanges", "LengthsToOffsets", "LengthsToWeights", "LengthsToShape")


@settings(max_examples=40)
@given(LENGTHS)
def test_all_that_is_made_of_lengths_tells_the_same_segments(lengths: list[int]) -> None:
    given_lengths, starts = i32(lengths), [sum(lengths[:place]) for place in range(len(lengths))]

    assert call("LengthsToSegmentIds", given_lengths).tolist() == [
        segment for segment, length in enumerate(lengths) for _ in range(length)
    ]
    assert call("LengthsToRanges", given_lengths).tolist() == [list(pair) for pair in zip(starts, lengths, strict=True)]
    assert call("LengthsToOffsets", given_lengths).tolist() == starts
    assert call("LengthsToOffsets", given_lengths, include_last_offset=True).tolist() == [*starts, sum(lengths)]


@settings(max_examples=40)
@given(LENGTHS)
def test_segment_numbers_lead_back_to_lengths_if_the_number_of_segments_is_known(lengths: list[int]) -> None:
    like = np.zeros((len(lengths), 2))
    ids = call("LengthsToSegmentIds", i32(lengths))

    assert call("SegmentIdsToLengths", ids, like).tolist() == lengths
    assert call("SegmentIdsToRanges", ids, like)[:, 1].tolist() == lengths


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_lengths_may_be_of_either_type_of_integers_and_give_int32(dtype: str) -> None:
    lengths = np.array([2, 1], dtype)

    assert [call(name, lengths).dtype for name in FROM_LENGTHS[:3]] == [np.int32] * 3
    assert call("LengthsSplit", lengths, n_split=2).dtype == np.int32


@pytest.mark.parametrize("name", FROM_LENGTHS)
def test_a_negative_length_is_refused(name: str) -> None:
    with pytest.raises(OperatorError, match=f"^{name}: .* holds -2, expected lengths from 0 to 2147483647"):
        call(name, i32([1, -2]))


@pytest.mark.parametrize("name", ["LengthsToOffsets", "LengthsToRanges"])
def test_offsets_that_do_not_fit_their_type_are_refused(name: str) -> None:
    with pytest.raises(OperatorError, match=f"{name}: lengths adds up to 2147483648, which does not fit int32"):
        call(name, i32([2**31 - 1, 1]))


def test_lengths_that_would_wrap_when_added_are_refused() -> None:
    with pytest.raises(OperatorError, match="LengthsSum: LENGTHS holds 9223372036854775807"):
        call("LengthsSum", f32([1, 2]), np.array([2**63 - 1, 2**63 - 1, 4]))


def test_weights_of_a_power_of_zero_are_one() -> None:
    assert call("LengthsToWeights", i32([3, 0, 1]), power=0.0).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(("lengths", "held"), [([], "no lengths"), ([1, 3, 2], "lengths from 1 to 3")])
def test_lengths_make_a_shape_only_if_all_are_equal(lengths: list[int], held: str) -> None:
    with pytest.raises(OperatorError, match=f"LengthsToShape: X holds {held}, expected one or more that are equal"):
        call("LengthsToShape", i32(lengths))


def test_a_segment_that_is_not_named_starts_where_the_next_one_does() -> None:
    ranges = call("SegmentIdsToRanges", i32([1, 1, 3]), np.zeros(6))

    assert ranges.tolist() == [[0, 0], [0, 2], [2, 0], [2, 1], [0, 0], [0, 0]]


def test_no_segment_numbers_give_zeros_for_as_many_rows_as_the_second_input_has() -> None:
    assert call("SegmentIdsToRanges", i32([]), np.zeros(2)).tolist() == [[0, 0], [0, 0]]
    assert call("SegmentIdsToRanges", i32([])).shape == (0, 2)


@pytest.mark.parametrize("name", ["SegmentIdsToLengths", "SegmentIdsToRanges"])
@pytest.mark.parametrize(
    ("ids", "like", "text"),
    [
        ([0, 2, 1], 5, "segment_ids must ascend, but 1 comes after 2"),
        ([-1, 0], 5, "segment_ids holds -1, expected numbers from 0 to below 5"),
        ([0, 5], 5, "segment_ids holds 5, expected numbers from 0 to below 5"),
    ],
)
def test_segment_numbers_that_are_no_order_are_refused(name: str, ids: list[int], like: int, text: str) -> None:
    with pytest.raises(OperatorError, match=f"^{name}: {text}$"):
        call(name, i32(ids), np.zeros(like))


@settings(max_examples=40)
@given(st.data())
def test_segments_are_gathered_by_number(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=5))
    picked = data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=5))
    items = np.arange(sum(lengths) * 2).reshape(-1, 2)
    segments = np.split(items, np.cumsum(lengths)[:-1])

    got = call("LengthsGather", items, i32(lengths), np.array(picked, np.int64))

    assert got.tolist() == [row for segment in picked for row in segments[segment].tolist()]


@pytest.mark.parametrize("index", [2, -1])
def test_a_segment_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(OperatorError, match=f"INDICES holds {index}, expected numbers from 0 to below 2"):
        call("LengthsGather", f32([1, 2]), i32([1, 1]), i32([0, index]))


def test_whole_rows_are_tiled_and_strings_too() -> None:
    assert call("LengthsTile", f32([[1, 2], [3, 4]]), i32([0, 2])).tolist() == [[3, 4], [3, 4]]
    assert call("LengthsTile", ["a", "b"], i32([2, 1])).tolist() == [b"a", b"a", b"b"]


def test_tiling_needs_a_length_for_each_row() -> None:
    with pytest.raises(ShapeError, match=r"LengthsTile: LENGTHS has shape \(1,\), DATA has 2 rows"):
        call("LengthsTile", f32([1, 2]), i32([1]))
    with pytest.raises(OperatorError, match="LengthsTile: LENGTHS holds -1"):
        call("LengthsTile", f32([1, 2]), i32([1, -1]))


@pytest.mark.parametrize("index", [3, -1])
def test_one_hot_rows_have_a_place_for_each_index(index: int) -> None:
    """Caffe2 writes outside of its output here."""
    with pytest.raises(OperatorError, match=f"OneHot: indices holds {index}, expected numbers from 0 to below 3"):
        call("OneHot", np.array([0, index]), np.array([3]))


def test_one_hot_rows_may_have_no_width_if_there_are_no_indices() -> None:
    nothing = np.array([], np.int64)

    assert call("OneHot", nothing, np.array([0])).shape == (0, 0)
    with pytest.raises(OperatorError, match="OneHot: index_size_tensor is -1, expected 0 or more"):
        call("OneHot", nothing, np.array([-1]))


@pytest.mark.parametrize("name", ["LengthsSum", "LengthsMax", "LengthsGather", "PackSegments"])
def test_lengths_have_to_add_up_to_the_rows(name: str) -> None:
    inputs: dict[str, list[Any]] = {
        "PackSegments": [i32([1, 1]), f32([1, 2, 3])],
        "LengthsGather": [f32([1, 2, 3]), i32([1, 1]), i32([0])],
    }

    with pytest.raises(ShapeError, match=rf"{name}: \w+ adds up to 2, \w+ has 3 rows; they must be equal"):
        call(name, *inputs.get(name, [f32([1, 2, 3]), i32([1, 1])]))
