"""Activations of neural networks. In the formulas s(x) = 1 / (1 + e^-x)."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import TensorSpec, like
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


# A sum of the part above 0 and the part below takes a tenth of the time of a choice by `where`.


def _scaled_exponential(x: Tensor, alpha: float) -> Tensor:
    y: Tensor = np.expm1(np.minimum(x, _ZERO))
    y *= _f32(alpha)
    y += np.maximum(x, _ZERO)
    return y


def _bent(x: Tensor, slope: Tensor) -> Tensor:
    """X where that is above 0, slope X elsewhere."""
    y: Tensor = np.minimum(x, _ZERO) * slope
    y += np.maximum(x, _ZERO)
    return y


def _finite_below(x: Tensor) -> Tensor:
    """`x`, but the least finite number in place of minus infinity, so that the product with 0 is 0."""
    if x.min(initial=0) > -np.inf:
        return x
    finite: Tensor = np.maximum(x, np.finfo(x.dtype.type).min)
    return finite


@operator("Relu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
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


@operator("ReluN", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, check=_check_limit, infer=like(0))
def relu_n(x: Tensor, *, n: float = 6.0) -> Tensor:
    """Y = min(max(X, 0), ``n``), element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        ReluN([-1 2 9]; n=6.0) -> [0 2 6]
    """
    require_dtype("ReluN", "X", x, F32_ONLY)
    return np.clip(x, _ZERO, _f32(n))


@operator("LeakyRelu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
def leaky_relu(x: Tensor, *, alpha: float = 0.01) -> Tensor:
    """Y = X where that is 0 or more, ``alpha`` X elsewhere.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        LeakyRelu([-2 3]; alpha=0.5) -> [-1 3]
    """
    require_dtype("LeakyRelu", "X", x, F32_ONLY)
    return _bent(x, _f32(alpha))


@operator("ThresholdedRelu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
def thresholded_relu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Y = X where that is above ``alpha``, 0 elsewhere.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        ThresholdedRelu([0.5 1 2]) -> [0 0 2]
    """
    require_dtype("ThresholdedRelu", "X", x, F32_ONLY)
    return settled(np.where(x > _f32(alpha), x, _ZERO))


@operator("PRelu", inputs=("X", "Slope"), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
def prelu(x: Tensor, slope: Tensor, *, order: str = "NCHW") -> Tensor:
    """Y = X where that is above 0, Slope X elsewhere.

    Inputs:
        X: float32, rank 2 or more.
        Slope: float32 vector of one element, or of one a channel: axis 1, with ``order="NHWC"`` the last.
    Outputs:
        Y: float32, X's shape.
    Raises:
        ShapeError: Slope has another number of elements.
    Example:
        PRelu([[-1 2] [-1 -2]], [0.5 2]) -> [[-0.5 2] [-0.5 -4]]
    """
    require_dtype("PRelu", "X", x, F32_ONLY)
    require_dtype("PRelu", "Slope", slope, F32_ONLY)
    require_least_rank("PRelu", "X", x, 2)
    axis = x.ndim - 1 if order == "NHWC" else 1
    if slope.size not in (1, x.shape[axis]):
        msg = f"PRelu: Slope has shape {slope.shape}, expected one element, or {x.shape[axis]} for axis {axis} of X"
        raise ShapeError(msg, operator="PRelu")
    return _bent(x, slope.reshape((-1,) + (1,) * (x.ndim - 1 - axis)))


@operator("Elu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Y = X where that is above 0, ``alpha`` (e^X - 1) elsewhere.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Elu([-1 2]) -> [-0.6321206 2]
    """
    require_dtype("Elu", "X", x, F32_ONLY)
    return _scaled_exponential(x, alpha)


@operator("Selu", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
def selu(x: Tensor, *, alpha: float = 1.6732632423543772, scale: float = 1.0507009873554805) -> Tensor:
    """Y = ``scale`` times the `Elu` of X with ``alpha``.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Selu([-1 2]) -> [-1.111331 2.101402]
    """
    require_dtype("Selu", "X", x, F32_ONLY)
    return _f32(scale) * _scaled_exponential(x, alpha)


@operator("Sigmoid", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
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


@operator("HardSigmoid", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
def hard_sigmoid(x: Tensor, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    """Y = ``alpha`` X + ``beta``, clipped to 0 to 1.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        HardSigmoid([-5 0 1]) -> [0 0.5 0.7]
    """
    require_dtype("HardSigmoid", "X", x, F32_ONLY)
    y: Tensor = _f32(alpha) * x
    y += _f32(beta)
    return np.clip(y, _ZERO, _ONE)


@operator("Softplus", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
def softplus(x: Tensor) -> Tensor:
    """Y = ln(1 + e^X), element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Softplus([0 1]) -> [0.6931472 1.313262]
    """
    require_dtype("Softplus", "X", x, F32_ONLY)
    y: Tensor = np.log1p(np.exp(-np.absolute(x)))
    y += np.maximum(x, _ZERO)
    return y


@operator("Softsign", inputs=("input",), outputs=("output",), in_place=(("input", "output"),), infer=like(0))
def softsign(x: Tensor) -> Tensor:
    """X / (1 + |x|) of each element x.

    Inputs:
        input: float32, any shape.
    Outputs:
        output: float32, the same shape.
    Example:
        Softsign([-1 3]) -> [-0.5 0.75]
    """
    require_dtype("Softsign", "input", x, F32_ONLY)
    y: Tensor = x / (_ONE + np.absolute(x))
    return y


@operator("Swish", inputs=("X",), outputs=("Y",), infer=like(0))
def swish(x: Tensor) -> Tensor:
    """Y = X s(X), element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Swish([0 1]) -> [0 0.7310586]
    """
    require_dtype("Swish", "X", x, F32_ONLY)
    y = _logistic(x)
    y *= _finite_below(x)
    return y


@operator("Mish", inputs=("X",), outputs=("Y",), infer=like(0))
def mish(x: Tensor) -> Tensor:
    """Y = X tanh(ln(1 + e^X)), element by element.

    Inputs:
        X: float32 or float64, any shape.
    Outputs:
        Y: X's dtype and shape.
    Example:
        Mish([0 1]) -> [0 0.8650984]
    """
    require_dtype("Mish", "X", x, FLOATS)
    y: Tensor = np.tanh(np.log1p(np.exp(x)))
    y *= _finite_below(x)
    return y


@operator("Gelu", inputs=("X",), outputs=("Y",), infer=like(0))
def gelu(x: Tensor, *, fast_gelu: bool = False) -> Tensor:
    """Y = X times the normal distribution function of X, with ``fast_gelu`` approximated by a tanh.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Gelu([0 1]) -> [0 0.8413447]
    """
    require_dtype("Gelu", "X", x, F32_ONLY)
    x = _finite_below(x)
    if fast_gelu:
        bend: Tensor = np.tanh(_f32(math.sqrt(2 / math.pi)) * (x + _f32(0.044715) * x * x * x))
    else:
        bend = error_function(x * _f32(math.sqrt(0.5)))
    bend += _ONE
    bend *= x
    bend *= _f32(0.5)
    return bend


def _half(x: TensorSpec, *, dim: int) -> TensorSpec:
    sizes = list(x.sizes)
    whole = sizes[dim]
    sizes[dim] = None if whole is None else whole // 2
    return TensorSpec(x.dtype, tuple(sizes))


@operator("Glu", inputs=("X",), outputs=("Y",), infer=_half)
def glu(x: Tensor, *, dim: int = -1) -> Tensor:
    """Y = a s(b), where a and b are the halves of X along ``dim``.

    Inputs:
        X: float32, an even size of axis ``dim``.
    Outputs:
        Y: float32, half as large.
    Raises:
        ShapeError: there is no such axis, or its size is odd.
    Example:
        Glu([2 0]) -> [1]
    """
    require_dtype("Glu", "X", x, F32_ONLY)
    axis = axis_within("Glu", dim, x.ndim)
    if x.shape[axis] % 2:
        msg = f"Glu: X has shape {x.shape}, expected an even size of axis {axis}"
        raise ShapeError(msg, operator="Glu")
    first, second = np.split(x, 2, axis)
    return first * _logistic(second)


@operator("Softmax", inputs=("X",), outputs=("Y",), infer=like(0))
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
    shares: Tensor = rows - rows.max(1, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(1, keepdims=True)
    return shares.reshape(x.shape)
