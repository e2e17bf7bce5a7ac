from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.operators.calling import call, held, plain
from tests.operators.fake_run import Bench, FakeRun

from taskplan.errors import ArgumentError, DtypeError, OperatorError, ShapeError, TaskplanError
from taskplan.operators.registry import RANDOM, declaration
from taskplan.plan.model import OpDef
from taskplan.plan.types import NUMPY_DTYPES, DataType

SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
RANDOM_FILLS: dict[str, dict[str, Any]] = {
    "GaussianFill": {},
    "UniformFill": {},
    "UniformIntFill": {"min": -5, "max": 1000},
    "UniqueUniformFill": {"min": 0, "max": 100},
    "XavierFill": {},
    "MSRAFill": {},
}


# --- shapes ----------------------------------------------------------------------------------------------------------


@given(shape=SHAPES, extra=SHAPES)
def test_a_shape_comes_from_arguments_an_input_or_its_values(shape: tuple[int, ...], extra: tuple[int, ...]) -> None:
    sizes = np.array(shape, np.int64)

    assert call("ConstantFill", shape=shape).shape == shape
    assert call("ConstantFill", np.empty(shape, bool), extra_shape=extra).shape == shape + extra
    assert call("ConstantFill", sizes, input_as_shape=True, extra_shape=extra).shape == shape + extra


def test_a_string_tensor_gives_its_shape_too() -> None:
    assert call("RangeFill", ["a", "b"]).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("inputs", "arguments"),
    [
        ([], {"shape": [2], "extra_shape": [2]}),
        ([], {"extra_shape": [2]}),
        ([], {"input_as_shape": True}),
        ([np.ones(2)], {"shape": [2]}),
        ([], {"shape": [2, -1]}),
        ([], {"shape": 2}),
        ([np.ones(2)], {"extra_shape": [-1]}),
    ],
)
@pytest.mark.parametrize("name", ["ConstantFill", "GaussianFill", "RangeFill"])
def test_ways_to_say_a_shape_do_not_mix(name: str, inputs: list[Any], arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"{name}: argument '(shape|extra_shape|input_as_shape)'"):
        call(name, *inputs, **arguments)


def test_a_shape_among_values_has_no_negative_size() -> None:
    with pytest.raises(ShapeError, match=r"the shape \[2, -1\], which has a negative size"):
        call("ConstantFill", np.array([2, -1]), input_as_shape=True)


# --- one value -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "dtype"),
    [({}, np.float32), ({"value": 1.5}, np.float32), ({"value": 1}, np.int64), ({"value": True}, np.int64)],
)
def test_the_type_of_a_constant_follows_its_value(value: dict[str, Any], dtype: Any) -> None:
    assert call("ConstantFill", shape=[2], **value).dtype == dtype


@pytest.mark.parametrize("number", sorted(set(NUMPY_DTYPES) - {DataType.STRING, DataType.FLOAT16}))
def test_a_constant_has_any_type_of_numbers(number: int) -> None:
    value = 3.0 if NUMPY_DTYPES[number].kind == "f" else 1

    filled = call("ConstantFill", shape=[2], value=value, dtype=number)

    assert filled.dtype == NUMPY_DTYPES[number]
    assert filled.tolist() == [value, value]


def test_a_constant_may_be_a_text() -> None:
    assert call("ConstantFill", shape=[2], value="ab", dtype=DataType.STRING).tolist() == [b"ab", b"ab"]
    assert call("ConstantFill", dtype=DataType.STRING).item() == b""


def test_a_constant_may_be_minus_zero() -> None:
    assert np.signbit(call("ConstantFill", shape=[2], value=-0.0)).all()
    assert not np.signbit(call("ConstantFill", shape=[2], value=0.0)).any()


def test_a_constant_without_a_shape_is_a_scalar() -> None:
    assert type(call("ConstantFill", value=7, dtype=DataType.INT32)) is np.int32


def test_a_second_input_takes_the_place_of_the_value() -> None:
    assert call("ConstantFill", np.zeros(2), np.float32(4), value=1.0).tolist() == [4, 4]


def test_a_second_input_has_the_type_of_the_result() -> None:
    with pytest.raises(DtypeError, match="V has dtype int32, expected float32"):
        call("ConstantFill", np.zeros(2), np.int32(4), value=1.0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"dtype": 0},
        {"dtype": 77},
        {"dtype": DataType.FLOAT16},
        {"value": "a"},
        {"value": 1, "dtype": DataType.FLOAT},
        {"value": 1.0, "dtype": DataType.INT32},
        {"value": 300, "dtype": DataType.UINT8},
        {"value": -1, "dtype": DataType.UINT16},
    ],
)
def test_a_constant_that_does_not_fit_its_type_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"ConstantFill: argument '(value|dtype)'"):
        call("ConstantFill", shape=[1], **arguments)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4, 4), (0, 2)])
def test_a_diagonal_stands_where_all_positions_are_equal(shape: tuple[int, ...]) -> None:
    filled = call("DiagonalFill", shape=shape, value=2.0)

    assert filled.shape == shape
    assert all((x == 2) == (len(set(place)) == 1) for place, x in np.ndenumerate(filled))


# --- given values ----------------------------------------------------------------------------------------------------


@given(arrays.arrays("int64", SHAPES), st.sampled_from(["GivenTensorInt64Fill", "GivenTensorFill"]))
def test_given_values_are_laid_out_row_by_row(wanted: Any, name: str) -> None:
    dtype: dict[str, Any] = {"dtype": DataType.INT64} if name == "GivenTensorFill" else {}

    filled = call(name, shape=wanted.shape, values=wanted.reshape(-1).tolist(), **dtype)

    assert np.array_equal(filled, wanted)
    assert filled.dtype == np.int64


def test_too_few_values_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"shape \(3,\) has 3 elements, argument 'values' has 2"):
        call("GivenTensorIntFill", shape=[3], values=[1, 2])


def test_values_are_needed() -> None:
    with pytest.raises(ArgumentError, match="GivenTensorFill needs the argument 'values'"):
        call("GivenTensorFill", shape=[1])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("GivenTensorInt16Fill", {"values": [70_000]}),
        ("GivenTensorIntFill", {"values": [2**31]}),
        ("GivenTensorFill", {"values": [1]}),
        ("GivenTensorFill", {"values": [1.0], "dtype": DataType.INT32}),
        ("GivenTensorFill", {"values": [1.0], "dtype": DataType.UINT8}),
        ("GivenTensorByteStringToUInt8Fill", {"values": ["a", "b"]}),
    ],
)
def test_values_of_another_kind_or_size_are_refused(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"{name}: argument"):
        call(name, shape=[1], **arguments)


def test_too_short_a_text_is_refused() -> None:
    with pytest.raises(ShapeError):
        call("GivenTensorByteStringToUInt8Fill", shape=[3], values=["ab"])


# --- positions -------------------------------------------------------------------------------------------------------


@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-5, 5).filter(bool), st.sampled_from(["int32", "int64"]))
def test_a_range_is_that_of_python(start: int, stop: int, step: int, dtype: str) -> None:
    numbers = call("Range", *(np.array(each, dtype) for each in (start, stop, step)))

    assert numbers.dtype == dtype
    assert numbers.tolist() == list(range(start, stop, step))


@pytest.mark.parametrize("numbers", [(0.0, 1.0, 0.0), (0.0, np.inf, 1.0), (np.nan, 1.0, 1.0)])
def test_a_range_without_an_end_is_refused(numbers: tuple[float, ...]) -> None:
    with pytest.raises(OperatorError, match="Range: "):
        call("Range", *map(np.float32, numbers))


@given(st.lists(st.integers(0, 4)))
def test_lengths_give_a_range_each(lengths: list[int]) -> None:
    expected = [place for length in lengths for place in range(length)]

    assert call("LengthsRangeFill", np.array(lengths, np.int32)).tolist() == expected


# --- random numbers --------------------------------------------------------------------------------------------------


def instance(name: str, seed: int, **arguments: Any) -> tuple[FakeRun, Bench]:
    bench = Bench()
    run = FakeRun(bench, OpDef(name, (), ("x",), {key: plain(value) for key, value in arguments.items()}))
    run.rng = np.random.default_rng(seed)
    return run, bench


@pytest.mark.parametrize("name", RANDOM_FILLS)
def test_random_fills_draw_from_the_generator_of_their_instance(name: str) -> None:
    first, blobs = instance(name, 3, shape=[4, 5], **RANDOM_FILLS[name])
    again, others = instance(name, 3, shape=[4, 5], **RANDOM_FILLS[name])

    first()
    again()
    drawn = blobs.blobs["x"]
    first()

    assert drawn.tolist() == others.blobs["x"].tolist()
    assert drawn.tolist() != blobs.blobs["x"].tolist()
    assert RANDOM in declaration(name).effects


@pytest.mark.parametrize("name", ["GaussianFill", "UniformFill", "UniformIntFill", "UniqueUniformFill"])
def test_random_fills_make_scalars_too(name: str) -> None:
    assert isinstance(call(name, **RANDOM_FILLS[name]), np.generic)


@given(st.floats(-1e6, 1e6, width=32), st.floats(2**-10, 1e6, width=32))
def test_uniform_numbers_leave_out_the_upper_end(least: float, width: float) -> None:
    most = float(np.float32(least + width))
    if most <= least:
        return

    drawn = call("UniformFill", shape=[100], min=least, max=most)

    assert drawn.dtype == np.float32
    assert least <= drawn.min()
    assert drawn.max() < most


def test_uniform_integers_include_both_ends() -> None:
    assert set(call("UniformIntFill", shape=[200], min=1, max=3).tolist()) == {1, 2, 3}


def test_bounds_that_cross_make_the_first_axis_empty_if_they_are_inputs() -> None:
    sizes = np.array([3, 2])

    assert call("UniformFill", sizes, np.float32(2), np.float32(1), input_as_shape=True).shape == (0, 2)


def test_bounds_come_from_inputs_or_arguments() -> None:
    with pytest.raises(ArgumentError, match="do not go with bounds given as inputs"):
        call("UniformFill", np.zeros(3), np.float32(1), np.float32(2), min=0.0)


@given(st.sets(st.integers(-5, 30)), st.data())
def test_unique_numbers_are_distinct_and_avoid_what_they_should(avoided: set[int], data: st.DataObject) -> None:
    left = set(range(21)) - avoided
    count = data.draw(st.integers(0, len(left)))
    shape, avoid = np.array([count]), np.array(sorted(avoided), np.int32)

    drawn = call("UniqueUniformFill", shape, avoid, input_as_shape=True, min=0, max=20)

    assert len(set(drawn.tolist())) == count
    assert set(drawn.tolist()) <= left


def test_all_numbers_that_are_left_can_be_drawn() -> None:
    avoid = np.array([2, 3, 7, 99], np.int64)

    drawn = call("UniqueUniformFill", np.array([7]), avoid, input_as_shape=True, min=0, max=9, dtype=DataType.INT64)

    assert sorted(drawn.tolist()) == [0, 1, 4, 5, 6, 8, 9]


def test_unique_numbers_come_from_huge_ranges() -> None:
    drawn = call("UniqueUniformFill", shape=[3], min=-(2**62), max=2**62 - 2, dtype=DataType.INT64)

    assert len(set(drawn.tolist())) == 3


def test_more_unique_numbers_than_there_are_is_an_error() -> None:
    with pytest.raises(OperatorError, match="9 distinct integers were asked for, but 6 are left from 0 to 5"):
        call("UniqueUniformFill", shape=[9], min=0, max=5)


def test_initial_weights_spread_with_the_fan() -> None:
    assert np.abs(call("XavierFill", shape=[4, 3000])).max() <= np.sqrt(3 / 3000)
    assert call("MSRAFill", shape=[3000, 4]).std() == pytest.approx(np.sqrt(2 / 3000), rel=0.05)


@pytest.mark.parametrize(("name", "shape"), [("XavierFill", []), ("XavierFill", [0, 2]), ("MSRAFill", [3])])
def test_weights_without_a_fan_are_refused(name: str, shape: list[int]) -> None:
    with pytest.raises(ShapeError, match=f"{name}: the shape is"):
        call(name, shape=shape)


@pytest.mark.parametrize("bound", ["min", "max"])
def test_bounds_must_be_in_order_before_anything_runs(bound: str) -> None:
    with pytest.raises(TaskplanError, match="must be less than 'max'"):
        FakeRun(Bench(), OpDef("UniformFill", (), ("x",), {bound: 5.0 if bound == "min" else -5.0}))


def test_a_fill_leaves_its_input_alone() -> None:
    source = held(np.ones(2))

    call("ConstantFill", source, value=5.0)

    assert source.tolist() == [1, 1]
