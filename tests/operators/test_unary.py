"""Functions of one number, and tests for what is no number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.operators.calling import call
from tests.operators.fake_run import f32, f64, i32

from taskplan.errors import ArgumentError, DtypeError, OperatorError, ShapeError

FORMULAS: dict[str, Callable[[float], float]] = {
    "Abs": abs,
    "Exp": math.exp,
    "Log": math.log,
    "Sin": math.sin,
    "Cos": math.cos,
    "Tan": math.tan,
    "Asin": math.asin,
    "Acos": math.acos,
    "Atan": math.atan,
    "Sinh": math.sinh,
    "Cosh": math.cosh,
    "Tanh": math.tanh,
    "Sqr": lambda x: x * x,
    "Sqrt": math.sqrt,
    "Cbrt": math.cbrt,
    "Reciprocal": lambda x: 1 / x,
    "Ceil": math.ceil,
    "Floor": math.floor,
    "Sign": lambda x: math.copysign(1, x),
    "Erf": math.erf,
    "Rsqrt": lambda x: 1 / math.sqrt(x),
    "Cube": lambda x: x**3,
    "Logit": lambda x: math.log(x / (1 - x)),
}


@pytest.mark.parametrize("kind", FORMULAS)
def test_a_function_is_that_of_its_name(kind: str) -> None:
    x = f32([1e-3, 0.125, 0.4, 0.77, 0.99])

    np.testing.assert_allclose(call(kind, x), [FORMULAS[kind](each) for each in x.tolist()], rtol=2e-6)


@pytest.mark.parametrize("kind", ["Log", "Asin", "Acos", "Sqrt", "Rsqrt"])
def test_outside_its_domain_a_function_is_nan(kind: str) -> None:
    assert np.isnan(call(kind, f32([-2])))[0]


def test_the_error_function_is_right_to_a_unit_in_the_last_place() -> None:
    x = np.concatenate([np.linspace(-5, 5, 20_001), np.logspace(-40, 0, 2_001)]).astype(np.float32)
    exact = np.array([math.erf(each) for each in x.tolist()])

    got = call("Erf", x)

    assert (np.abs(got - exact) <= np.spacing(np.abs(exact).astype(np.float32))).all()
    assert (np.abs(got) <= 1).all()


def test_the_error_function_of_what_is_no_number_and_of_infinity() -> None:
    got = call("Erf", f32([-math.inf, math.inf, math.nan]))

    assert got[:2].tolist() == [-1, 1]
    assert np.isnan(got[2])


def test_powers_come_from_an_argument_or_an_input() -> None:
    x = f32([[1, 2, 3], [4, 5, 6]])

    assert call("Pow", x, exponent=2.0).tolist() == [[1, 4, 9], [16, 25, 36]]
    assert call("Pow", x, x * 0 + 3).tolist() == [[1, 8, 27], [64, 125, 216]]
    assert call("Pow", x, f32([1, 2]), broadcast=True, axis=0).tolist() == [[1, 2, 3], [16, 25, 36]]
    assert call("Pow", f32([-8, 9]), exponent=0.5).tolist() == pytest.approx([math.nan, 3], nan_ok=True)


def test_a_power_needs_an_exponent() -> None:
    with pytest.raises(ArgumentError, match="Pow: argument 'exponent' is needed where no second input gives it"):
        call("Pow", f32([1]))
    with pytest.raises(ShapeError, match="they must be equal"):
        call("Pow", f32([1, 2]), f32([1]))


def test_clipping_leaves_nan_and_has_no_bounds_unless_told() -> None:
    x = f32([-math.inf, -2, math.nan, 2, math.inf])

    assert call("Clip", x).tolist() == pytest.approx(x.tolist(), nan_ok=True)
    assert call("Clip", x, min=-1.0, max=1.0).tolist() == pytest.approx([-1, -1, math.nan, 1, 1], nan_ok=True)


def test_shares_are_clipped_before_their_logit() -> None:
    low, half, high = call("Logit", f32([-3, 0.5, 7]), eps=0.25)

    assert (low, half, high) == pytest.approx((-math.log(3), 0, math.log(3)))


@pytest.mark.parametrize("eps", [0.0, 0.5])
def test_eps_of_a_logit_leaves_something_between(eps: float) -> None:
    with pytest.raises(ArgumentError, match=r"must lie between 0 and 0\.5"):
        call("Logit", f32([0.5]), eps=eps)


@pytest.mark.parametrize("scale", [f32([4, 0, -4]), i32([4, 0, -4])])
def test_rows_whose_scale_is_not_positive_stay(scale: Any) -> None:
    assert call("SquareRootDivide", f32([[2, 4], [2, 4], [2, 4]]), scale).tolist() == [[1, 2], [2, 4], [2, 4]]


def test_a_scale_for_each_row_is_needed() -> None:
    with pytest.raises(OperatorError, match="expected one entry a row"):
        call("SquareRootDivide", f32([[1], [2]]), f32([1]))


# --- what is no number ------------------------------------------------------------------------------------------------


def test_only_nan_is_replaced() -> None:
    x = f64([math.nan, 1, math.inf])

    assert call("ReplaceNaN", x, value=7.0).tolist() == [7, 1, math.inf]
    assert call("IsNaN", x).tolist() == [1, 0, 0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", ["NanCheck", "EnforceFinite"])
def test_the_first_that_is_not_finite_is_named(kind: str, bad: float) -> None:
    outputs = 1 if kind == "NanCheck" else 0

    with pytest.raises(OperatorError, match=f"{kind}: element 2 is {bad}, expected finite numbers"):
        call(kind, f32([[0, 1], [bad, bad]]), outputs=outputs)


def test_only_the_first_input_is_checked_for_nan() -> None:
    assert call("NanCheck", f32([1]), f32([math.nan])).tolist() == [1]


def test_other_element_types_are_named() -> None:
    with pytest.raises(DtypeError, match="Tanh: input has dtype int32, expected float32"):
        call("Tanh", i32([1]))
