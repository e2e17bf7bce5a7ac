"""Functions of one number, element by element, and tests for what is no number."""

from __future__ import annotations

import math

import numpy as np

from taskplan.operators.elementwise import laid_along
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    FLOATS,
    INDICES,
    NUMBERS,
    U8,
    Tensor,
    argument_error,
    one_of,
    refuse,
    require_dtype,
    require_least_rank,
    require_one_shape,
    settled,
)
from taskplan.operators.registry import operator
from taskplan.plan.types import DType

_IN_PLACE = (("X", "Y"),)


def _declare(
    name: str, compute: np.ufunc, formula: str, *, in_place: bool = False, dtypes: frozenset[DType] = F32_ONLY
) -> None:
    """Declare an operator that is one function of NumPy."""

    def body(x: Tensor) -> Tensor:
        require_dtype(name, "X", x, dtypes)
        y: Tensor = compute(x)
        return y

    body.__name__ = body.__qualname__ = name.lower()
    body.__doc__ = f"""Y = {formula}, element by element; nan where that is not defined.

    Inputs:
        X: {one_of(dtypes)}, any shape.
    Outputs:
        Y: X's dtype and shape.
    """
    declared = operator(
        name,
        inputs=("X",),
        outputs=("Y",),
        in_place=_IN_PLACE if in_place else (),
        ufunc=compute,
        ufunc_dtypes=dtypes,
    )
    declared(body)


_declare("Abs", np.absolute, "|X|")
_declare("Exp", np.exp, "e^X", in_place=True)
_declare("Log", np.log, "ln X", in_place=True)
_declare("Sin", np.sin, "sin X")
_declare("Cos", np.cos, "cos X")
_declare("Tan", np.tan, "tan X")
_declare("Asin", np.arcsin, "arcsin X")
_declare("Acos", np.arccos, "arccos X")
_declare("Atan", np.arctan, "arctan X")
_declare("Sinh", np.sinh, "sinh X")
_declare("Cosh", np.cosh, "cosh X")
_declare("Tanh", np.tanh, "tanh X", in_place=True)
_declare("Sqr", np.square, "X squared", in_place=True)
_declare("Sqrt", np.sqrt, "the square root of X", in_place=True, dtypes=FLOATS)
_declare("Cbrt", np.cbrt, "the cube root of X", in_place=True)
_declare("Reciprocal", np.reciprocal, "1 / X", in_place=True)
_declare("Ceil", np.ceil, "the least whole number not below X", in_place=True)
_declare("Floor", np.floor, "the greatest whole number not above X", in_place=True)
_declare("Sign", np.sign, "-1, 0 or 1, the sign of X", dtypes=NUMBERS)


def error_function(x: Tensor) -> Tensor:
    """The error function of float32 data; NumPy has none."""
    return settled(np.asarray(_ERF(x)).astype(F32))


_ERF = np.frompyfunc(math.erf, 1, 1)


@operator("Erf", inputs=("X",), outputs=("Y",))
def erf(x: Tensor) -> Tensor:
    """Y = the error function of X, element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("Erf", "X", x, F32_ONLY)
    return error_function(x)


@operator("Rsqrt", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def rsqrt(x: Tensor) -> Tensor:
    """Y = 1 / the square root of X, element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("Rsqrt", "X", x, F32_ONLY)
    return np.float32(1) / np.sqrt(x)


@operator("Cube", inputs=("X",), outputs=("Y",))
def cube(x: Tensor) -> Tensor:
    """Y = X to the third power, element by element; integers wrap.

    Inputs:
        X: float32, float64, int32 or int64, any shape.
    Outputs:
        Y: X's dtype and shape.
    """
    require_dtype("Cube", "X", x, NUMBERS)
    return x * x * x


@operator("Pow", inputs=("X", "exponent?"), outputs=("Y",), in_place=(("X", "Y"), ("exponent", "Y")))
def power(
    x: Tensor,
    exponent_input: Tensor | None = None,
    *,
    exponent: float | None = None,
    broadcast: bool = False,
    axis: int = -1,
) -> Tensor:
    """Y = X to the power of ``exponent``, or of the second input, element by element.

    Inputs:
        X: float32, any shape.
        exponent: float32, X's shape; or with ``broadcast`` a run of X's axes that begins at ``axis``, or one element.
    Outputs:
        Y: float32, X's shape.
    Example:
        Pow([1 2 3]; exponent=2.0) -> [1 4 9]
    """
    require_dtype("Pow", "X", x, F32_ONLY)
    if exponent_input is None:
        if exponent is None:
            raise argument_error("Pow", "exponent", "is needed where no second input gives it")
        return np.power(x, np.float32(exponent))
    require_dtype("Pow", "exponent", exponent_input, F32_ONLY)
    if broadcast:
        return np.power(x, laid_along("Pow", x, exponent_input, axis))
    require_one_shape("Pow", X=x, exponent=exponent_input)
    return np.power(x, exponent_input)


@operator("Clip", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE)
def clip(
    x: Tensor,
    *,
    min: float = -math.inf,  # noqa: A002 - what users call it
    max: float = math.inf,  # noqa: A002
) -> Tensor:
    """Y = X, but ``min`` where X is below it and ``max`` where that is above it; nan stays.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Clip([-2 0.5 9]; min=-1.0, max=1.0) -> [-1 0.5 1]
    """
    require_dtype("Clip", "X", x, F32_ONLY)
    return np.minimum(np.maximum(x, np.float32(min)), np.float32(max))


def _check_eps(*, eps: float) -> None:
    if not 0 < eps < 0.5:
        raise argument_error("Logit", "eps", f"must lie between 0 and 0.5, got {eps}")


@operator("Logit", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, check=_check_eps)
def logit(x: Tensor, *, eps: float = 1e-6) -> Tensor:
    """Y = ln(X / (1 - X)) of X clipped to ``eps`` to ``1 - eps``, element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    """
    require_dtype("Logit", "X", x, F32_ONLY)
    share = np.minimum(np.maximum(x, np.float32(eps)), np.float32(1) - np.float32(eps))
    return np.log(share / (np.float32(1) - share))


@operator("SquareRootDivide", inputs=("data", "scale"), outputs=("output",), in_place=(("data", "output"),))
def square_root_divide(data: Tensor, scale: Tensor) -> Tensor:
    """Each row divided by the square root of its scale; unchanged where that is 0 or less.

    Inputs:
        data: float32, rank 1 or more.
        scale: float32, int32 or int64 vector, one entry a row.
    Outputs:
        output: float32, data's shape.
    """
    name = "SquareRootDivide"
    require_dtype(name, "data", data, F32_ONLY)
    require_dtype(name, "scale", scale, INDICES | F32_ONLY)
    require_least_rank(name, "data", data, 1)
    if scale.shape != data.shape[:1]:
        raise refuse(name, f"scale has shape {scale.shape}, data has shape {data.shape}; expected one entry a row")
    roots = np.sqrt(np.where(scale > 0, scale, 1).astype(F32))
    return data / roots.reshape((-1,) + (1,) * (data.ndim - 1))


# --- what is no number -----------------------------------------------------------------------------------------------


@operator("IsNaN", inputs=("tensor",), outputs=("output",))
def is_nan(x: Tensor) -> Tensor:
    """1 where the element is nan, 0 elsewhere.

    Inputs:
        tensor: float32 or float64, any shape.
    Outputs:
        output: uint8, the same shape.
    """
    require_dtype("IsNaN", "tensor", x, FLOATS)
    return np.isnan(x).astype(U8)


@operator("ReplaceNaN", inputs=("input",), outputs=("output",), in_place=(("input", "output"),))
def replace_nan(x: Tensor, *, value: float = 0.0) -> Tensor:
    """The input with ``value`` in place of nan.

    Inputs:
        input: float32 or float64, any shape.
    Outputs:
        output: the input's dtype and shape.
    """
    require_dtype("ReplaceNaN", "input", x, FLOATS)
    return settled(np.where(np.isnan(x), x.dtype.type(value), x))


@operator("NanCheck", inputs=("tensor", "more*"), outputs=("output",), in_place=(("tensor", "output"),))
def nan_check(x: Tensor, *more: Tensor) -> Tensor:
    """The first input, if all of it is finite; the others are not looked at.

    Inputs:
        tensor: float32, any shape.
        more: float32.
    Outputs:
        output: equal to tensor.
    Raises:
        OperatorError: an element is nan or infinite.
    """
    for each in (x, *more):
        require_dtype("NanCheck", "tensor", each, F32_ONLY)
    _require_finite("NanCheck", x)
    return x


@operator("EnforceFinite", inputs=("input",))
def enforce_finite(x: Tensor) -> None:
    """Nothing, if all of the input is finite.

    Inputs:
        input: float32 or float64, any shape.
    Raises:
        OperatorError: an element is nan or infinite; the message has its flat position.
    """
    require_dtype("EnforceFinite", "input", x, FLOATS)
    _require_finite("EnforceFinite", x)


def _require_finite(name: str, x: Tensor) -> None:
    finite = np.isfinite(x)
    if not np.all(finite):
        place = int(np.argmin(np.ravel(finite)))
        raise refuse(name, f"element {place} is {np.ravel(x)[place]}, expected finite numbers")
