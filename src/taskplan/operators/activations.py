"""Activations of neural networks. In the formulas s(x) = 1 / (1 + e^-x)."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.operands import (
    F32_ONLY,
    FLOATS,
    Tensor,
    argument_error,
    axis_within,
    require_dtype,
    require_least_rank,
    settled,
)
from taskplan.operators.registry import operator
from taskplan.operators.unary import error_function

_IN_PLACE = (("X", "Y"),)


def _f32(value: float) -> Tensor:
    """A number as a tensor of rank 0."""
    return cast(Tensor, np.float32(value))


_ZERO, _ONE = _f32(0), _f32(1)


def _logistic(x: Tensor) -> Tensor:
    y: Tensor = _ONE / (_ONE + np.exp(-x))
    return y


def _scaled_exponential(x: Tensor, alpha: float) -> Tensor:
    return settled(np.where(x > 0, x, _f32(alpha) * np.expm1(x)))


@operator("Relu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def relu(x: Tensor) -> Tensor:
    """Y = max(X, 0), element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Relu([-1 2]) -> [0 2]
    """
    require_dtype("Relu", "X", x, F32_ONLY)
    return np.maximum(x, _ZERO)


def _check_limit(*, n: float) -> None:
    if not n > 0:
        raise argument_error("ReluN", "n", f"must be greater than 0, got {n}")


@operator("ReluN", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, check=_check_limit)
def relu_n(x: Tensor, *, n: float = 6.0) -> Tensor:
    """Y = min(max(X, 0), ``n``), element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("ReluN", "X", x, F32_ONLY)
    return np.minimum(np.maximum(x, _ZERO), _f32(n))


@operator("LeakyRelu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def leaky_relu(x: Tensor, *, alpha: float = 0.01) -> Tensor:
    """Y = X where that is 0 or more, ``alpha`` X elsewhere.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("LeakyRelu", "X", x, F32_ONLY)
    return settled(np.where(x >= 0, x, _f32(alpha) * x))


@operator("ThresholdedRelu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def thresholded_relu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Y = X where that is above ``alpha``, 0 elsewhere.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("ThresholdedRelu", "X", x, F32_ONLY)
    return settled(np.where(x > _f32(alpha), x, _ZERO))


@operator("PRelu", inputs=("X", "Slope"), outputs=("Y",), in_place=_IN_PLACE)
def prelu(x: Tensor, slope: Tensor, *, order: str = "NCHW") -> Tensor:
    """Y = X where that is above 0, Slope X elsewhere.

    Inputs:
        X: float32, rank 2 or more.
        Slope: float32 vector of one element, or of one a channel: axis 1, with ``order="NHWC"`` the last.
    Outputs:
        Y: float32, X's shape.
    Raises:
        ShapeError: Slope has another number of elements.
    """
    require_dtype("PRelu", "X", x, F32_ONLY)
    require_dtype("PRelu", "Slope", slope, F32_ONLY)
    require_least_rank("PRelu", "X", x, 2)
    axis = x.ndim - 1 if order == "NHWC" else 1
    if slope.size not in (1, x.shape[axis]):
        msg = f"PRelu: Slope has shape {slope.shape}, expected one element, or {x.shape[axis]} for axis {axis} of X"
        raise ShapeError(msg, operator="PRelu")
    steepness = slope.reshape((-1,) + (1,) * (x.ndim - 1 - axis))
    return np.where(x > 0, x, steepness * x)


@operator("Elu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Y = X where that is above 0, ``alpha`` (e^X - 1) elsewhere.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("Elu", "X", x, F32_ONLY)
    return _scaled_exponential(x, alpha)


@operator("Selu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def selu(x: Tensor, *, alpha: float = 1.6732632423543772, scale: float = 1.0507009873554805) -> Tensor:
    """Y = ``scale`` times the `Elu` of X with ``alpha``.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("Selu", "X", x, F32_ONLY)
    return _f32(scale) * _scaled_exponential(x, alpha)


@operator("Sigmoid", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def sigmoid(x: Tensor) -> Tensor:
    """Y = s(X), element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Sigmoid([0]) -> [0.5]
    """
    require_dtype("Sigmoid", "X", x, F32_ONLY)
    return _logistic(x)


@operator("HardSigmoid", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def hard_sigmoid(x: Tensor, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    """Y = ``alpha`` X + ``beta``, clipped to 0 to 1.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("HardSigmoid", "X", x, F32_ONLY)
    y: Tensor = np.minimum(np.maximum(_f32(alpha) * x + _f32(beta), _ZERO), _ONE)
    return y


@operator("Softplus", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def softplus(x: Tensor) -> Tensor:
    """Y = ln(1 + e^X), element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("Softplus", "X", x, F32_ONLY)
    return np.logaddexp(_ZERO, x)


@operator("Softsign", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def softsign(x: Tensor) -> Tensor:
    """Y = X / (1 + |X|), element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("Softsign", "X", x, F32_ONLY)
    y: Tensor = x / (_ONE + np.absolute(x))
    return y


@operator("Swish", inputs=("X",), outputs=("Y",))
def swish(x: Tensor) -> Tensor:
    """Y = X s(X), element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("Swish", "X", x, F32_ONLY)
    return x * _logistic(x)


@operator("Mish", inputs=("X",), outputs=("Y",))
def mish(x: Tensor) -> Tensor:
    """Y = X tanh(ln(1 + e^X)), element by element.

    Inputs:
        X: float32 or float64, any shape.
    Outputs:
        Y: X's dtype and shape.
    """
    require_dtype("Mish", "X", x, FLOATS)
    bend: Tensor = np.tanh(np.logaddexp(x.dtype.type(0), x))
    return x * bend


@operator("Gelu", inputs=("X",), outputs=("Y",))
def gelu(x: Tensor, *, fast_gelu: bool = False) -> Tensor:
    """Y = X times the normal distribution function of X, with ``fast_gelu`` approximated by a tanh.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("Gelu", "X", x, F32_ONLY)
    if fast_gelu:
        bend: Tensor = np.tanh(_f32(math.sqrt(2 / math.pi)) * (x + _f32(0.044715) * x * x * x))
    else:
        bend = error_function(x * _f32(math.sqrt(0.5)))
    y: Tensor = _f32(0.5) * x * (_ONE + bend)
    return y


@operator("Glu", inputs=("X",), outputs=("Y",))
def glu(x: Tensor, *, dim: int = -1) -> Tensor:
    """Y = a s(b), where a and b are the halves of X along ``dim``.

    Inputs:
        X: float32, an even size of axis ``dim``.
    Outputs:
        Y: float32, half as large.
    Raises:
        ShapeError: there is no such axis, or its size is odd.
    """
    require_dtype("Glu", "X", x, F32_ONLY)
    axis = axis_within("Glu", dim, x.ndim)
    if x.shape[axis] % 2:
        msg = f"Glu: X has shape {x.shape}, expected an even size of axis {axis}"
        raise ShapeError(msg, operator="Glu")
    first, second = np.split(x, 2, axis)
    return first * _logistic(second)


@operator("Softmax", inputs=("X",), outputs=("Y",))
def softmax(x: Tensor, *, axis: int = 1) -> Tensor:
    """Rows of positive numbers that add up to 1, in the proportions of e^X.

    The axes before ``axis`` make the rows; everything from it on is one row. So vectors need ``axis=0``.

    Inputs:
        X: float32, rank above ``axis``.
    Outputs:
        Y: float32, X's shape.
    Example:
        Softmax([[0 0]]) -> [[0.5 0.5]]
    """
    require_dtype("Softmax", "X", x, F32_ONLY)
    split = axis_within("Softmax", axis, x.ndim)
    if not x.size:
        return x
    rows = x.reshape((math.prod(x.shape[:split]), -1))
    powers: Tensor = np.exp(rows - rows.max(1, keepdims=True))
    shares: Tensor = powers / powers.sum(1, keepdims=True)
    return shares.reshape(x.shape)
