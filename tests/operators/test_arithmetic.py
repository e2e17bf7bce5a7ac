from __future__ import annotations

import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.operators.calling import call, call_in_place, held

from taskplan.errors import ArgumentError, DtypeError, OperatorError, ShapeError
from taskplan.operators.registry import declaration

NUMBERS = ["float32", "float64", "int32", "int64"]
TWO_OPERANDS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "LT": operator.lt,
    "LE": operator.le,
    "GT": operator.gt,
    "GE": operator.ge,
    "EQ": operator.eq,
    "NE": operator.ne,
}
SHAPES = arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0)


@st.composite
def operands(draw: st.DrawFn, dtypes: list[str] = NUMBERS) -> tuple[Any, Any]:
    dtype = draw(st.sampled_from(dtypes))
    first, second = draw(SHAPES).input_shapes
    return draw(arrays.arrays(dtype, first)), draw(arrays.arrays(dtype, second))


def same(got: Any, expected: Any) -> bool:
    equal = np.array_equal(got, expected, equal_nan=got.dtype.kind == "f")
    return equal and got.dtype == expected.dtype and got.shape == expected.shape


# --- two operands ----------------------------------------------------------------------------------------------------


@given(name=st.sampled_from(list(TWO_OPERANDS)), pair=operands())
def test_two_operands_broadcast_as_in_numpy(name: str, pair: tuple[Any, Any]) -> None:
    a, b = pair
    with np.errstate(all="ignore"):
        expected = TWO_OPERANDS[name](a, b)

    assert same(call(name, a, b), expected)


@given(name=st.sampled_from(["Add", "Sub", "Mul"]), pair=operands())
def test_in_place_gives_what_the_separate_form_gives(name: str, pair: tuple[Any, Any]) -> None:
    a, b = (held(each) for each in pair)
    separate = call(name, a, b)

    for place, operand in enumerate((a, b)):
        if operand.shape == separate.shape:
            [written] = call_in_place(name, [a, b], {0: place}, 1, {})
            assert same(written, separate)


@given(pair=operands(["float32", "float64", "int32", "int64"]))
def test_the_ufunc_of_a_declaration_computes_what_the_body_computes(pair: tuple[Any, Any]) -> None:
    a = pair[0]
    for name in [*TWO_OPERANDS, "Sum"]:
        declared = declaration(name)
        assert declared.ufunc is not None
        assert a.dtype in declared.ufunc_dtypes
        with np.errstate(all="ignore"):
            assert same(call(name, a, a), np.asarray(declared.ufunc(a, a)))


@given(st.data())
def test_integers_wrap(data: st.DataObject) -> None:
    dtype, name = data.draw(st.sampled_from(["int32", "int64"])), data.draw(st.sampled_from(["Add", "Sub", "Mul"]))
    limits = np.iinfo(dtype)
    numbers = st.integers(int(limits.min), int(limits.max))
    a, b = data.draw(numbers), data.draw(numbers)
    span = 2**limits.bits
    exact = TWO_OPERANDS[name](a, b)

    got = call(name, np.array(a, dtype), np.array(b, dtype))

    assert int(got) == (exact - int(limits.min)) % span + int(limits.min)


@given(st.data())
def test_integer_division_truncates_toward_zero(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(["int32", "int64"]))
    limits = np.iinfo(dtype)
    a = data.draw(st.integers(int(limits.min) + 1, int(limits.max)))
    b = data.draw(st.integers(-10, 10).filter(bool))

    exact = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)

    assert int(call("Div", np.array(a, dtype), np.array(b, dtype))) == exact
    assert call("Div", np.array([a, a], dtype), np.array([b, b], dtype)).tolist() == [exact, exact]


@pytest.mark.parametrize("shape", [(), (2,)])
def test_integer_division_by_zero_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(OperatorError, match="Div: B holds a 0"):
        call("Div", np.ones(shape, np.int32), np.zeros(shape, np.int32))


def test_integer_division_of_nothing_by_zero_is_nothing() -> None:
    assert call("Div", np.zeros((0, 2), np.int64), np.zeros(2, np.int64)).shape == (0, 2)


def test_scalars_stay_scalars() -> None:
    got = call("Mul", np.float32(3), np.float32(0.5))

    assert type(got) is np.float32
    assert got == 1.5


# --- the old form of broadcasting -------------------------------------------------------------------------------------


@given(st.data())
def test_the_second_operand_is_laid_along_a_run_of_axes(data: st.DataObject) -> None:
    shape = data.draw(arrays.array_shapes(min_dims=1, max_dims=4, max_side=3))
    begin = data.draw(st.integers(0, len(shape) - 1))
    end = data.draw(st.integers(begin + 1, len(shape)))
    a = data.draw(arrays.arrays("int32", shape))
    b = data.draw(arrays.arrays("int32", shape[begin:end]))

    got = call("Add", a, b, broadcast=True, axis=begin)

    assert same(got, a + b.reshape(b.shape + (1,) * (len(shape) - end)))


def test_without_an_axis_the_run_ends_at_the_last() -> None:
    got = call("Sub", np.zeros((2, 2, 3), np.float32), np.array([1, 2, 3], np.float32), broadcast=1)

    assert got[1, 1].tolist() == [-1, -2, -3]


def test_a_letter_names_the_axis() -> None:
    a, b = np.zeros((2, 3, 2, 2), np.float32), np.array([1, 2, 3], np.float32)

    got = call("Add", a, b, broadcast=1, axis_str="C")

    assert got[0, :, 0, 0].tolist() == [1, 2, 3]


def test_one_element_always_fits_and_the_first_shape_stays() -> None:
    assert call("Add", np.float32(1), np.ones((1, 1), np.float32), broadcast=1).shape == ()


def test_a_letter_outside_the_order_is_refused() -> None:
    with pytest.raises(ArgumentError, match="axis_str"):
        call("Add", np.ones(2), np.ones(2), broadcast=1, axis_str="D")


@pytest.mark.parametrize(("shape", "axis"), [((3,), 0), ((4, 3, 1), -1), ((3, 4), 0), ((3,), 5), ((3,), -2)])
def test_what_is_no_run_of_axes_is_refused(shape: tuple[int, ...], axis: int) -> None:
    with pytest.raises(ShapeError, match=r"Add: B has shape .*, A has shape \(4, 3\)"):
        call("Add", np.ones((4, 3)), np.ones(shape), broadcast=1, axis=axis)


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_shapes_that_do_not_broadcast_are_shown_with_a_remedy() -> None:
    with pytest.raises(ShapeError) as caught:
        call("Add", np.ones((4, 3)), np.ones(4))

    assert str(caught.value) == (
        "Add: B has shape (4,), A has shape (4, 3); "
        "reshape one of them, or pass broadcast=True and the axis of A at which B begins"
    )


def test_nothing_is_promoted() -> None:
    with pytest.raises(DtypeError, match="A has dtype float32, B has dtype int32; cast one of them"):
        call("Mul", np.ones(2, np.float32), np.ones(2, np.int32))


def test_arithmetic_takes_numbers_only() -> None:
    with pytest.raises(DtypeError, match="A has dtype bool, expected float32, float64, int32 or int64"):
        call("Add", np.array([True]), np.array([True]))


def test_an_element_type_that_came_through_a_pickle_is_the_same() -> None:
    """Such an array has a dtype object of its own."""
    thawed = pickle.loads(pickle.dumps(np.ones(2, np.float32)))

    assert call("Add", thawed, np.ones(2, np.float32)).tolist() == [2, 2]


# --- several operands, one operand ------------------------------------------------------------------------------------


@given(st.lists(arrays.arrays("int32", (2, 2)), min_size=1, max_size=4))
def test_a_sum_is_what_repeated_addition_gives(parts: list[Any]) -> None:
    with np.errstate(all="ignore"):
        assert same(call("Sum", *parts), np.sum(parts, axis=0, dtype=np.int32))


def test_a_sum_leaves_its_inputs_alone() -> None:
    first = np.ones(2, np.float32)

    call("Sum", first, first, first)

    assert first.tolist() == [1, 1]


@pytest.mark.parametrize("name", ["Sum", "Max", "Min"])
def test_piles_do_not_broadcast(name: str) -> None:
    with pytest.raises(ShapeError, match=rf"{name}: input 2 has shape \(1,\), A has shape \(2,\)"):
        call(name, np.ones(2, np.float32), np.ones(2, np.float32), np.ones(1, np.float32))


@given(arrays.arrays("int64", arrays.array_shapes(min_dims=0)), st.integers(-9, 9).filter(bool), st.booleans())
def test_a_remainder_has_the_sign_that_was_asked_for(x: Any, divisor: int, follow: bool) -> None:
    expected = np.mod(x, divisor) if follow else np.fmod(x, divisor)

    assert same(call("Mod", x, divisor=divisor, sign_follow_divisor=follow), expected)


def test_a_divisor_may_be_larger_than_the_numbers_can_be() -> None:
    x = np.array([7, -7], np.int32)

    assert call("Mod", x, divisor=1 << 40).tolist() == [7, -7]
    assert call("Mod", np.array([7], np.int32), divisor=1 << 40, sign_follow_divisor=True).tolist() == [7]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_the_least_integer_is_divided_as_the_others(dtype: str) -> None:
    least = np.iinfo(dtype).min

    got = call("Div", np.array([least] * 5, dtype), np.array([-1, 1, 3, -3, least], dtype))

    assert got.tolist() == [least, least, -(-least // 3), -least // 3, 1]


def test_the_negative_of_the_least_integer_is_itself() -> None:
    assert call("Negative", np.array([-(2**31), 1], np.int32)).tolist() == [-(2**31), -1]
