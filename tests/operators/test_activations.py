"""Activations, against formulas in double precision, and where they come to their limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.operators.calling import call
from tests.operators.fake_run import f32

from taskplan.errors import ArgumentError, ShapeError

INFINITY = math.inf
NUMBERS = f32([-80, -12.5, -3, -1, -0.5, -1e-6, 0, 1e-6, 0.3, 1, 2.5, 7, 19, 80])


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def normal_share(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def gelu_by_tanh(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


FORMULAS: dict[str, tuple[dict[str, Any], Callable[[float], float]]] = {
    "Relu": ({}, lambda x: max(x, 0)),
    "ReluN": ({"n": 2.0}, lambda x: min(max(x, 0), 2)),
    "LeakyRelu": ({"alpha": 1.5}, lambda x: x if x >= 0 else 1.5 * x),
    "ThresholdedRelu": ({"alpha": -2.0}, lambda x: x if x > -2 else 0),
    "Elu": ({"alpha": 0.7}, lambda x: x if x > 0 else 0.7 * math.expm1(x)),
    "Selu": ({"alpha": 1.5, "scale": 2.0}, lambda x: 2 * (x if x > 0 else 1.5 * math.expm1(x))),
    "Sigmoid": ({}, logistic),
    "HardSigmoid": ({"alpha": 0.3, "beta": 0.4}, lambda x: min(max(0.3 * x + 0.4, 0), 1)),
    "Softplus": ({}, lambda x: max(x, 0) + math.log1p(math.exp(-abs(x)))),
    "Softsign": ({}, lambda x: x / (1 + abs(x))),
    "Swish": ({}, lambda x: x * logistic(x)),
    "Mish": ({}, lambda x: x * math.tanh(math.log1p(math.exp(x)))),
    "Gelu": ({}, lambda x: x * normal_share(x)),
}


@pytest.mark.parametrize("kind", FORMULAS)
def test_an_activation_is_its_formula(kind: str) -> None:
    arguments, formula = FORMULAS[kind]

    got = call(kind, NUMBERS, **arguments)

    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [formula(x) for x in NUMBERS.tolist()], rtol=2e-6, atol=1e-7)


def test_the_fast_gelu_is_that_of_a_tanh() -> None:
    got = call("Gelu", NUMBERS, fast_gelu=True)

    np.testing.assert_allclose(got, [gelu_by_tanh(x) for x in NUMBERS.tolist()], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("kind", "lower", "upper"),
    [
        ("Relu", 0, INFINITY),
        ("ReluN", 0, 6),
        ("LeakyRelu", -INFINITY, INFINITY),
        ("ThresholdedRelu", 0, INFINITY),
        ("Elu", -1, INFINITY),
        ("Selu", -1.7580993408473766, INFINITY),
        ("Sigmoid", 0, 1),
        ("HardSigmoid", 0, 1),
        ("Softplus", 0, INFINITY),
        ("Swish", 0, INFINITY),
        ("Mish", 0, INFINITY),
        ("Gelu", 0, INFINITY),
    ],
)
def test_an_activation_of_infinity_is_its_limit(kind: str, lower: float, upper: float) -> None:
    assert call(kind, f32([-INFINITY, INFINITY])).tolist() == pytest.approx([lower, upper])


@pytest.mark.parametrize("kind", sorted({*FORMULAS} - {"ThresholdedRelu"}))
def test_nan_stays(kind: str) -> None:
    assert np.isnan(call(kind, f32([math.nan, 1]))).tolist() == [True, False]


@pytest.mark.parametrize("kind", FORMULAS)
def test_an_activation_of_a_scalar_is_a_scalar(kind: str) -> None:
    assert type(call(kind, np.float32(0.5))) is np.float32


def test_slopes_are_of_channels() -> None:
    x = f32(np.arange(-6, 6).reshape(1, 2, 3, 2))
    by_channel, by_last = f32([0.5, 2]), f32([10, 100])

    first, last = call("PRelu", x, by_channel), call("PRelu", x, by_last, order="NHWC")

    np.testing.assert_array_equal(first, np.where(x > 0, x, x * by_channel.reshape(2, 1, 1)))
    np.testing.assert_array_equal(last, np.where(x > 0, x, x * by_last))
    np.testing.assert_array_equal(call("PRelu", x, f32([3])), np.where(x > 0, x, x * 3))


def test_a_slope_for_each_channel_is_needed() -> None:
    with pytest.raises(ShapeError, match=r"PRelu: Slope has shape \(3,\), expected one element, or 2 for axis 1 of X"):
        call("PRelu", f32([[1, 2]]), f32([1, 2, 3]))


def test_rows_of_softmax_begin_at_the_axis_and_add_up_to_1() -> None:
    x = f32(np.arange(12).reshape(2, 3, 2) * 40)

    one, two = call("Softmax", x), call("Softmax", x, axis=-1)

    np.testing.assert_allclose(one.reshape(2, 6).sum(1), [1, 1], rtol=1e-6)
    np.testing.assert_allclose(two.sum(-1), np.ones((2, 3)), rtol=1e-6)
    assert one[0, 2, 1] == 1


def test_a_vector_has_no_axis_1() -> None:
    with pytest.raises(ShapeError, match="Softmax: axis=1 is out of range for rank 1"):
        call("Softmax", f32([1, 2]))


def test_an_odd_axis_has_no_halves() -> None:
    with pytest.raises(ShapeError, match=r"Glu: X has shape \(1, 3\), expected an even size of axis 1"):
        call("Glu", f32([[1, 2, 3]]))


def test_a_limit_is_positive() -> None:
    with pytest.raises(ArgumentError, match="ReluN: argument 'n' must be greater than 0"):
        call("ReluN", f32([1]), n=0.0)
