"""Functions of one number, element by element, and tests for what is no number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from taskplan.operators.elementwise import laid_along
from taskplan.operators.exact import alike
from taskplan.operators.inference import like, no_tensors
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    F64,
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
_LONG_NAMES = ("input", "output")


def _declare(
    name: str,
    compute: np.ufunc,
    formula: str,
    example: str,
    *,
    slots: tuple[str, str] = ("X", "Y"),
    in_place: bool = False,
    dtypes: frozenset[DType] = F32_ONLY,
    expression: str = "",
) -> None:
    """Declare an operator that is one function of NumPy.

    `example` is what follows the name in one; `expression` is it, of a scalar `{0}`, with the same bits.
    """

    def body(x: Tensor) -> Tensor:
        require_dtype(name, slots[0], x, dtypes)
        y: Tensor = compute(x)
        return y

    body.__name__ = body.__qualname__ = name.lower()
    body.__doc__ = f"""{slots[1]} = {formula.replace("X", slots[0])}, element by element; nan where that is not defined.

    Inputs:
        {slots[0]}: {one_of(dtypes)}, any shape.
    Outputs:
        {slots[1]}: {slots[0]}'s dtype and shape.
    Example:
        {name}{example}
    """
    declared = operator(
        name,
        inputs=slots[:1],
        outputs=slots[1:],
        in_place=(slots,) if in_place else (),
        ufunc=compute,
        ufunc_dtypes=dtypes,
        infer=like(0),
        exact_native=alike(expression, dtypes) if expression else None,
    )
    declared(body)


_declare("Abs", np.absolute, "|X|", "([-1 2]) -> [1 2]", expression="abs({0})")
_declare("Exp", np.exp, "e^X", "([0 1]) -> [1 2.718282]", in_place=True)
_declare("Log", np.log, "ln X", "([1 2]) -> [0 0.6931472]", in_place=True)
_declare("Sin", np.sin, "sin X", "([0 1]) -> [0 0.841471]")
_declare("Cos", np.cos, "cos X", "([0 1]) -> [1 0.5403023]")
_declare("Tan", np.tan, "tan X", "([0 1]) -> [0 1.557408]", slots=_LONG_NAMES)
_declare("Asin", np.arcsin, "arcsin X", "([0 1]) -> [0 1.570796]", slots=_LONG_NAMES)
_declare("Acos", np.arccos, "arccos X", "([1 0]) -> [0 1.570796]", slots=_LONG_NAMES)
_declare("Atan", np.arctan, "arctan X", "([0 1]) -> [0 0.7853982]", slots=_LONG_NAMES)
_declare("Sinh", np.sinh, "sinh X", "([0 1]) -> [0 1.175201]", slots=_LONG_NAMES)
_declare("Cosh", np.cosh, "cosh X", "([0 1]) -> [1 1.543081]", slots=_LONG_NAMES)
_declare("Tanh", np.tanh, "tanh X", "([0 1]) -> [0 0.7615942]", slots=_LONG_NAMES, in_place=True)
_declare("Sqr", np.square, "X squared", "([2 -3]) -> [4 9]", in_place=True, expression="{0} * {0}")
_declare(
    "Sqrt",
    np.sqrt,
    "the square root of X",
    "([4 9]) -> [2 3]",
    in_place=True,
    dtypes=FLOATS,
    expression="sqrt({0})",
)
_declare("Cbrt", np.cbrt, "the cube root of X", "([8 -27]) -> [2 -3]", in_place=True)
_declare("Reciprocal", np.reciprocal, "1 / X", "([2 4]) -> [0.5 0.25]", in_place=True)
_declare("Ceil", np.ceil, "the least whole number not below X", "([1.2 -1.2]) -> [2 -1]", in_place=True)
_declare("Floor", np.floor, "the greatest whole number not above X", "([1.2 -1.2]) -> [1 -2]", in_place=True)
_declare("Sign", np.sign, "-1, 0 or 1, the sign of X", "([-3 0 2]) -> [-1 0 1]", dtypes=NUMBERS)


_ERF_IS_ONE = 3.925
_ERF_ABOVE = (2.0460093765e-6, 2.8484464369e-4, 3.7726193567e-3, 5.2769515495e-2, 0.19059542445, 1.1283791458)
_ERF_BELOW = (3.8047644926e-5, 1.1638736236e-3, 1.4983338865e-2, 0.11418340767, 0.50224352743, 1.0)
_ERF_BLOCK = 1 << 14
"""So many elements of float64, four times, stay in the cache."""


def error_function(x: Tensor) -> Tensor:
    """The error function of float32 data, to less than a unit in the last place; NumPy has none.

    It is x P(x²) / Q(x²) as in Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23, 1969;
    the coefficients are fitted anew for |x| < 3.925, and from there on it rounds to 1.
    """
    flat = np.ravel(x)
    result = np.empty(flat.size, F32)
    for begin in range(0, flat.size, _ERF_BLOCK):
        near = np.clip(flat[begin : begin + _ERF_BLOCK], -_ERF_IS_ONE, _ERF_IS_ONE, dtype=F64)
        square = np.square(near)
        near *= _polynomial(_ERF_ABOVE, square)
        near /= _polynomial(_ERF_BELOW, square)
        result[begin : begin + _ERF_BLOCK] = near
    return settled(result.reshape(np.shape(x)))


def _polynomial(coefficients: Sequence[float], x: Tensor) -> Tensor:
    """Its value by Horner's rule; the coefficient of the highest power comes first."""
    highest, *others, last = coefficients
    value = highest * x
    for each in others:
        value += each
        value *= x
    value += last
    return value


@operator("Erf", inputs=("input",), outputs=("output",), infer=like(0))
def erf(x: Tensor) -> Tensor:
    """The error function of each element.

    Inputs:
        input: float32, any shape.
    Outputs:
        output: float32, the same shape.
    Example:
        Erf([0 1]) -> [0 0.8427008]
    """
    require_dtype("Erf", "input", x, F32_ONLY)
    return error_function(x)


@operator("Rsqrt", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
def rsqrt(x: Tensor) -> Tensor:
    """Y = 1 / the square root of X, element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Rsqrt([4 0.25]) -> [0.5 2]
    """
    require_dtype("Rsqrt", "X", x, F32_ONLY)
    return np.float32(1) / np.sqrt(x)


@operator("Cube", inputs=("X",), outputs=("Y",), infer=like(0))
def cube(x: Tensor) -> Tensor:
    """Y = X to the third power, element by element; integers wrap.

    Inputs:
        X: float32, float64, int32 or int64, any shape.
    Outputs:
        Y: X's dtype and shape.
    Example:
        Cube([2 -3]:i32) -> [8 -27]:i32
    """
    require_dtype("Cube", "X", x, NUMBERS)
    return x * x * x


@operator("Pow", inputs=("X", "exponent?"), outputs=("Y",), in_place=(("X", "Y"), ("exponent", "Y")), infer=like(0))
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
        return np.square(x) if exponent == 2 else np.power(x, np.float32(exponent))
    require_dtype("Pow", "exponent", exponent_input, F32_ONLY)
    if broadcast:
        return np.power(x, laid_along("Pow", x, exponent_input, axis))
    require_one_shape("Pow", X=x, exponent=exponent_input)
    return np.power(x, exponent_input)


@operator("Clip", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, infer=like(0))
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
    return np.clip(x, np.float32(min), np.float32(max))


def _check_eps(*, eps: float) -> None:
    if not 0 < eps < 0.5:
        raise argument_error("Logit", "eps", f"must lie between 0 and 0.5, got {eps}")


@operator("Logit", inputs=("X",), outputs=("Y",), in_place=_IN_PLACE, check=_check_eps, infer=like(0))
def logit(x: Tensor, *, eps: float = 1e-6) -> Tensor:
    """Y = ln(X / (1 - X)) of X clipped to ``eps`` to ``1 - eps``, element by element.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        Logit([0.5 0.9]) -> [0 2.197225]
    """
    require_dtype("Logit", "X", x, F32_ONLY)
    share = np.clip(x, np.float32(eps), np.float32(1) - np.float32(eps))
    return np.log(share / (np.float32(1) - share))


@operator(
    "SquareRootDivide", inputs=("data", "scale"), outputs=("output",), in_place=(("data", "output"),), infer=like(0)
)
def square_root_divide(data: Tensor, scale: Tensor) -> Tensor:
    """Each row divided by the square root of its scale; unchanged where that is 0 or less.

    Inputs:
        data: float32, rank 1 or more.
        scale: float32, int32 or int64 vector, one entry a row.
    Outputs:
        output: float32, data's shape.
    Example:
        SquareRootDivide([[2 4] [2 4]], [4 0]) -> [[1 2] [2 4]]
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


@operator("IsNaN", inputs=("tensor",), outputs=("output",), infer=like(0, dtype=U8))
def is_nan(x: Tensor) -> Tensor:
    """1 where the element is nan, 0 elsewhere.

    Inputs:
        tensor: float32 or float64, any shape.
    Outputs:
        output: uint8, the same shape.
    Example:
        IsNaN([1 NaN]) -> [0 1]:u8
    """
    require_dtype("IsNaN", "tensor", x, FLOATS)
    return np.isnan(x).astype(U8)


@operator("ReplaceNaN", inputs=("input",), outputs=("output",), in_place=(("input", "output"),), infer=like(0))
def replace_nan(x: Tensor, *, value: float = 0.0) -> Tensor:
    """The input with ``value`` in place of nan.

    Inputs:
        input: float32 or float64, any shape.
    Outputs:
        output: the input's dtype and shape.
    Example:
        ReplaceNaN([1 NaN]; value=2.0) -> [1 2]
    """
    require_dtype("ReplaceNaN", "input", x, FLOATS)
    return settled(np.where(np.isnan(x), x.dtype.type(value), x))


@operator("NanCheck", inputs=("tensor", "more*"), outputs=("output",), in_place=(("tensor", "output"),), infer=like(0))
def nan_check(x: Tensor, *more: Tensor) -> Tensor:
    """The first input, if all of it is finite; the others are not looked at.

    Inputs:
        tensor: float32, any shape.
        more: float32.
    Outputs:
        output: equal to tensor.
    Raises:
        OperatorError: an element is nan or infinite.
    Example:
        NanCheck([1 2]) -> [1 2]
    """
    for each in (x, *more):
        require_dtype("NanCheck", "tensor", each, F32_ONLY)
    _require_finite("NanCheck", x)
    return x


@operator("EnforceFinite", inputs=("input",), infer=no_tensors)
def enforce_finite(x: Tensor) -> None:
    """Nothing, if all of the input is finite.

    Inputs:
        input: float32 or float64, any shape.
    Raises:
        OperatorError: an element is nan or infinite; the message has its flat position.
    Example:
        EnforceFinite([1 2])
    """
    require_dtype("EnforceFinite", "input", x, FLOATS)
    _require_finite("EnforceFinite", x)


def _require_finite(name: str, x: Tensor) -> None:
    finite = np.isfinite(x)
    if not np.all(finite):
        place = int(np.argmin(np.ravel(finite)))
        raise refuse(name, f"element {place} is {np.ravel(x)[place]}, expected finite numbers")
