"""Segments in rows of one length, and stretches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call, held
from tests.operators.fake_run import Bench, f32, i32

from taskplan.errors import ArgumentError, ArityError, OperatorError, ShapeError

LENGTHS = st.lists(st.integers(0, 4), max_size=5)
SHAPES = st.sampled_from([(), (3,), (2, 2), (0,)])
DTYPES = st.sampled_from(["float32", "float16", "int64", "uint8", "bool"])


@settings(max_examples=60)
@given(LENGTHS, SHAPES, DTYPES, st.integers(0, 5))
def test_a_packed_row_is_a_segment_filled_up_or_cut(
    lengths: list[int], shape: tuple[int, ...], dtype: str, width: int
) -> None:
    x = np.arange(1, 1 + sum(lengths) * int(np.prod(shape))).reshape(sum(lengths), *shape).astype(dtype)
    expected = np.zeros((len(lengths), width, *shape), dtype)
    present = np.zeros((len(lengths), width), bool)
    for segment, rows in enumerate(np.split(x, np.cumsum(lengths)[:-1]) if lengths else []):
        expected[segment, : len(rows)] = rows[:width]
        present[segment, : len(rows)] = True

    packed, mask = call("PackSegments", i32(lengths), x, outputs=2, max_length=width, return_presence_mask=True)

    assert packed.dtype == dtype
    np.testing.assert_array_equal(packed, expected)
    np.testing.assert_array_equal(mask, present)


@settings(max_examples=40)
@given(LENGTHS, st.sampled_from(["int32", "int64"]))
def test_unpacking_undoes_packing(lengths: list[int], dtype: str) -> None:
    given_lengths = np.array(lengths, dtype)
    for x in (np.arange(sum(lengths) * 6).reshape(-1, 3, 2), held([f"s{k}" for k in range(sum(lengths))])):
        packed = call("PackSegments", given_lengths, x)

        unpacked = call("UnpackSegments", given_lengths, packed)

        assert unpacked.tolist() == x.tolist()
        assert packed.shape == (len(lengths), max(lengths, default=0), *x.shape[1:])


def test_rows_of_strings_are_filled_up_with_empty_ones() -> None:
    packed = call("PackSegments", i32([1, 2]), [["a", "b"], ["c", "d"], ["e", "f"]])

    assert packed.tolist() == [[[b"a", b"b"], [b"", b""]], [[b"c", b"d"], [b"e", b"f"]]]


def test_data_that_is_a_view_is_packed_as_it_looks() -> None:
    columns = np.arange(6, dtype=np.float32).reshape(2, 3).T

    assert call("PackSegments", i32([1, 2]), columns).tolist() == [[[0, 3], [0, 0]], [[1, 4], [2, 5]]]


def test_minus_infinity_fills_up_floats_alone() -> None:
    assert call("PackSegments", i32([0, 1]), f32([1]), pad_minf=True).tolist() == [[-np.inf], [1]]
    assert call("PackSegments", i32([0, 1]), i32([1]), pad_minf=True).tolist() == [[0], [1]]


def test_the_presence_mask_is_there_for_whoever_gives_it_an_output() -> None:
    _, mask = call("PackSegments", i32([0, 1]), f32([1]), outputs=2)

    assert mask.tolist() == [[False], [True]]
    assert call("PackSegments", i32([1]), f32([1]), return_presence_mask=True).tolist() == [[1]]


@pytest.mark.parametrize("name", ["PackSegments", "UnpackSegments"])
def test_a_negative_limit_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=f"{name}: argument 'max_length' must be 0 or more, or -1"):
        call(name, i32([1]), f32([[1]]), max_length=-2)


@pytest.mark.parametrize(
    ("lengths", "max_length", "text"),
    [
        ([1], -1, r"lengths has shape \(1,\), tensor has 2 rows; expected one length a row"),
        ([1, 2], 4, r"tensor has shape \(2, 3\), but max_length=4; the second size must be that"),
        ([1, 4], -1, "lengths holds 4, but the rows of tensor are only 3 long"),
    ],
)
def test_unpacking_takes_nothing_that_is_not_there(lengths: list[int], max_length: int, text: str) -> None:
    """Caffe2 reads beyond its input where a length is greater than the row."""
    with pytest.raises(ShapeError, match=f"^UnpackSegments: {text}$"):
        call("UnpackSegments", i32(lengths), np.zeros((2, 3)), max_length=max_length)


# --- lengths made equal, or split ------------------------------------------------------------------------------------


def test_whole_rows_are_padded() -> None:
    padded = call("LengthsPad", f32([[1, 2], [3, 4]]), i32([0, 2]), target_length=2, padding_value=0.5)

    assert padded.tolist() == [[0.5, 0.5], [0.5, 0.5], [1, 2], [3, 4]]
    assert call("LengthsPad", i32([7]), i32([1, 0]), target_length=1).tolist() == [7, -1]


@pytest.mark.parametrize(("dtype", "value"), [("int32", 0.5), ("uint8", -1.0), ("bool", 2.0), ("int64", float("nan"))])
def test_padding_that_the_type_cannot_hold_is_refused(dtype: str, value: float) -> None:
    with pytest.raises(OperatorError, match=f"padding_value={value} is no value of DATA's dtype, {dtype}"):
        call("LengthsPad", np.ones(1, dtype), i32([1]), target_length=2, padding_value=value)


def test_a_segment_longer_than_the_target_is_refused() -> None:
    with pytest.raises(OperatorError, match="LengthsPad: LENGTHS holds 3, which is above target_length=2"):
        call("LengthsPad", f32([1, 2, 3]), i32([3]), target_length=2)
    with pytest.raises(ArgumentError, match="'target_length' must be given, and be 1 or more; got -1"):
        call("LengthsPad", f32([1, 2, 3]), i32([3]))


@settings(max_examples=40)
@given(st.lists(st.integers(0, 20), max_size=5), st.integers(1, 6), st.booleans())
def test_parts_of_a_length_differ_by_one_at_most(lengths: list[int], count: int, as_input: bool) -> None:
    split = [np.array([count])] if as_input else []
    arguments: Any = {} if as_input else {"n_split": count}

    parts = call("LengthsSplit", i32(lengths), *split, **arguments).reshape(-1, count)

    assert parts.sum(1).tolist() == lengths
    assert (np.diff(parts, axis=1) <= 0).all()
    assert not len(parts) or (parts[:, 0] - parts[:, -1] <= 1).all()


def test_the_number_of_parts_is_given_once() -> None:
    with pytest.raises(ArgumentError, match="'n_split' is needed where no input gives it"):
        call("LengthsSplit", i32([1]))
    with pytest.raises(ArgumentError, match="'n_split' may not be given beside the input"):
        call("LengthsSplit", i32([1]), i32([2]), n_split=2)
    with pytest.raises(ArgumentError, match="'n_split' must be 1 or more, got 0"):
        call("LengthsSplit", i32([1]), n_split=0)
    with pytest.raises(OperatorError, match="n_split is 0, expected 1 or more"):
        call("LengthsSplit", i32([1]), i32([0]))


# --- ranges ----------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.data())
def test_stretches_are_gathered_in_their_order(data: st.DataObject) -> None:
    values = list(range(10, 16))
    pair = st.integers(0, 6).flatmap(lambda start: st.tuples(st.just(start), st.integers(0, 6 - start)))
    rows = data.draw(st.lists(st.lists(pair, min_size=2, max_size=2), max_size=3))
    expected = [[each for start, length in row for each in values[start : start + length]] for row in rows]

    gathered, totals = call("GatherRanges", i32(values), np.array(rows, np.int64).reshape(-1, 2, 2), outputs=2)

    assert gathered.tolist() == [each for row in expected for each in row]
    assert totals.tolist() == [len(row) for row in expected]


@pytest.mark.parametrize("pair", [(-1, 1), (0, -1), (2, 2), (4, 0), (2**62, 2**62), (1, 2**63 - 1)])
def test_a_stretch_stays_inside_of_the_data(pair: tuple[int, int]) -> None:
    with pytest.raises(OperatorError, match=rf"the range \({pair[0]}, {pair[1]}\) reaches outside of DATA"):
        call("GatherRanges", f32([1, 2, 3]), np.array([[pair]]), outputs=2)


@pytest.mark.parametrize("ranges", [np.zeros((1, 2), int), np.zeros((1, 2, 3), int)])
def test_ranges_are_pairs(ranges: Any) -> None:
    with pytest.raises(ShapeError, match=r"GatherRanges: RANGES has shape .*, expected \(rows, ranges, 2\)"):
        call("GatherRanges", f32([1, 2, 3]), ranges, outputs=2)


def test_stretches_of_other_lengths_are_zeros_or_empty_strings() -> None:
    ranges = i32([[[1, 2], [0, 1]], [[0, 1], [0, 0]]])

    numbers = call("GatherRangesToDense", f32([1, 2, 3]), ranges, outputs=2, lengths=[2, 1])
    texts = call("GatherRangesToDense", ["a", "b", "c"], ranges, outputs=2, lengths=[2, 1])

    assert [each.tolist() for each in numbers] == [[[2, 3], [0, 0]], [[1], [0]]]
    assert [each.tolist() for each in texts] == [[[b"b", b"c"], [b"", b""]], [[b"a"], [b""]]]


def test_keys_put_each_stretch_in_order() -> None:
    ranges = i32([[[0, 3]], [[3, 3]]])

    got = call("GatherRangesToDense", i32([1, 2, 3, 4, 5, 6]), ranges, np.array([9, 7, 8, 1, 1, 0]), lengths=[3])

    assert got.tolist() == [[2, 3, 1], [6, 4, 5]]


def test_a_stretch_that_is_read_stays_inside_of_the_data() -> None:
    with pytest.raises(OperatorError, match=r"the range \(2, 2\) reaches outside of DATA"):
        call("GatherRangesToDense", f32([1, 2, 3]), i32([[[2, 2]]]), lengths=[2])


def counted(ranges: list[list[list[int]]], **arguments: Any) -> Any:
    """An instance on stretches of 1 and 2 elements that counts from the first one on."""
    bench = Bench({"data": f32([1, 2, 3]), "ranges": i32(ranges)})
    return bench.instance(
        "GatherRangesToDense", ["data", "ranges"], ["a", "b"], lengths=[1, 2], min_observation=4, **arguments
    )


def test_too_many_stretches_of_other_lengths_fail_over_the_life_of_an_instance() -> None:
    instance = counted([[[0, 1], [0, 1]], [[0, 1], [0, 2]]], max_mismatched_ratio=0.25)
    instance()

    with pytest.raises(
        OperatorError,
        match=r"2 of 4 ranges for output 1 had another length instead of 2; at most 0.25 of 4 may",
    ):
        instance()


def test_too_many_empty_stretches_fail_if_they_may() -> None:
    ranges = [[[0, 0], [0, 2]], [[0, 0], [0, 2]]]
    counted(ranges, max_empty_ratio=0.5)()
    lenient, strict = counted(ranges), counted(ranges, max_empty_ratio=0.25)
    for _ in range(5):
        lenient()

    with pytest.raises(OperatorError, match=r"2 of 2 ranges for output 0 had length 0 instead of 1; at most 0.25 of 4"):
        strict()


def test_a_ratio_of_one_allows_all() -> None:
    instance = counted([[[0, 2], [0, 1]]], max_mismatched_ratio=1.0)

    for _ in range(9):
        instance()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"lengths": [0]},
        {"lengths": [1], "min_observation": 0},
        {"lengths": [1], "max_mismatched_ratio": -0.5},
        {"lengths": [1], "max_empty_ratio": float("nan")},
    ],
)
def test_wrong_limits_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"GatherRangesToDense: argument '\w+' must be"):
        call("GatherRangesToDense", f32([1]), i32([[[0, 1]]]), **arguments)


def test_there_is_a_length_for_each_output_a_range_for_each_length_and_a_key_for_each_element() -> None:
    data, ranges = f32([1, 2]), i32([[[0, 1], [0, 1]]])

    with pytest.raises(ArityError, match=r"lengths=\[1, 1\] are for 2 outputs, got 1"):
        call("GatherRangesToDense", data, ranges, lengths=[1, 1])
    with pytest.raises(ShapeError, match=r"RANGES has shape \(1, 2, 2\), expected 1 ranges a row"):
        call("GatherRangesToDense", data, ranges, lengths=[1])
    with pytest.raises(ShapeError, match=r"KEY has shape \(1,\), DATA has shape \(2,\)"):
        call("GatherRangesToDense", data, ranges, np.array([1]), lengths=[1, 1], outputs=2)
