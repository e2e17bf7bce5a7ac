"""Arithmetic of numbers: two operands, sums, extremes, remainders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from taskplan.operators.elementwise import elementwise
from taskplan.operators.exact import Written, alike
from taskplan.operators.inference import like
from taskplan.operators.operands import (
    F32_ONLY,
    FLOATS,
    I64,
    INDICES,
    NUMBERS,
    Tensor,
    argument_error,
    fits,
    refuse,
    require_dtype,
    require_one_dtype,
    require_one_shape,
)
from taskplan.operators.registry import operator
from taskplan.plan.types import DType

_EITHER = (("A", "C"), ("B", "C"))
_FIRST = (("A", "C"),)


@elementwise("Add", dtypes=NUMBERS, ufunc=np.add, in_place=_EITHER, expression="{0} + {1}")
def add(a: Tensor, b: Tensor) -> Tensor:
    """C = A + B, element by element; integers wrap.

    Example:
        Add([[1] [2]], [10 20]) -> [[11 21] [12 22]]
    """
    return a + b


@elementwise("Sub", dtypes=NUMBERS, ufunc=np.subtract, in_place=_EITHER, expression="{0} - {1}")
def sub(a: Tensor, b: Tensor) -> Tensor:
    """C = A - B, element by element; integers wrap.

    Example:
        Sub([7 -7]:i32, [2 2]:i32) -> [5 -9]:i32
    """
    return a - b


@elementwise("Mul", dtypes=NUMBERS, ufunc=np.multiply, in_place=_EITHER, expression="{0} * {1}")
def mul(a: Tensor, b: Tensor) -> Tensor:
    """C = A * B, element by element; integers wrap.

    Example:
        Mul([1 2], [3 4]) -> [3 8]
    """
    return a * b


_AWAY_FROM_FLOOR = "1 if {0} % {1} != 0 and ({0} < 0) != ({1} < 0) else 0"


def _written_div(arguments: Mapping[str, Any], dtypes: Sequence[DType]) -> Written | None:
    if dtypes[0] in FLOATS:
        return alike("{0} / {1}", FLOATS, ignores="broadcast")(arguments, dtypes)
    # The least integer by -1 is no quotient of the processor's.
    truncated = f"-{{0}} if {{1}} == -1 else {{0}} // {{1}} + ({_AWAY_FROM_FLOOR})"
    written = alike(truncated, INDICES, ignores="broadcast")(arguments, dtypes)
    return written and replace(written, fails="{1} == 0")


@elementwise(
    "Div",
    dtypes=NUMBERS,
    ufunc=np.true_divide,
    ufunc_dtypes=FLOATS,
    in_place=_FIRST,
    exact_native=_written_div,
)
def div(a: Tensor, b: Tensor) -> Tensor:
    """C = A / B, element by element; integers truncate toward zero, and raise OperatorError where B is 0.

    Example:
        Div([7 -7]:i32, [2 2]:i32) -> [3 -3]:i32
    """
    if a.dtype in FLOATS:
        return a / b
    if not (b.all() if b.ndim else b) and a.size:
        raise refuse("Div", "B holds a 0, and integers cannot be divided by it")
    return truncated_quotient(a, b)


def truncated_quotient(a: Tensor, b: Tensor) -> Tensor:
    """A / B of integers, truncated toward zero. It divides magnitudes, which takes half as long as signed numbers."""
    unsigned = np.dtype(f"u{a.dtype.itemsize}")
    quotient: Tensor = (np.absolute(a).view(unsigned) // np.absolute(b).view(unsigned)).view(a.dtype)
    # -1, which has all bits set, where the signs differ; and (q ^ -1) - -1 is -q.
    sign: Tensor = a ^ b
    sign >>= 8 * a.dtype.itemsize - 1
    quotient ^= sign
    quotient -= sign
    return quotient


def _check_divisor(*, divisor: int, **_: object) -> None:
    if divisor == 0:
        raise argument_error("Mod", "divisor", "must not be 0")


def _written_mod(arguments: Mapping[str, Any], dtypes: Sequence[DType]) -> Written | None:
    (kind,), divisor = dtypes, arguments["divisor"]
    if kind not in INDICES or not fits(divisor, kind) or divisor in (0, -1):
        return None
    floored = f"{{0}} % {kind}({divisor})"
    if arguments.get("sign_follow_divisor"):
        return Written(floored, floored, kind)
    differs = f"({floored} != 0 and ({{0}} < 0) != ({divisor} < 0))"
    return Written(f"fmod({{0}}, {kind}({divisor}))", f"({floored}) - {divisor} if {differs} else {floored}", kind)


@operator(
    "Mod",
    inputs=("X",),
    outputs=("Y",),
    in_place=(("X", "Y"),),
    check=_check_divisor,
    infer=like(0),
    exact_native=_written_mod,
)
def mod(x: Tensor, *, divisor: int, sign_follow_divisor: bool = False) -> Tensor:
    """The remainder of each element, with the sign of X, or with ``sign_follow_divisor`` that of the divisor.

    Inputs:
        X: int32 or int64, any shape.
    Outputs:
        Y: X's dtype and shape.
    Example:
        Mod([7 -7]:i64; divisor=3) -> [1 -1]:i64
    """
    require_dtype("Mod", "X", x, INDICES)
    remainder = np.mod if sign_follow_divisor else np.fmod
    wide = x.dtype if fits(divisor, x.dtype) else I64
    left: Tensor = remainder(x.astype(wide, copy=False), wide.type(divisor)).astype(x.dtype, copy=False)
    return left


@operator(
    "Negative",
    inputs=("X",),
    outputs=("Y",),
    in_place=(("X", "Y"),),
    ufunc=np.negative,
    ufunc_dtypes=NUMBERS,
    infer=like(0),
    exact_native=alike("-{0}", NUMBERS),
)
def negative(x: Tensor) -> Tensor:
    """Y = -X, element by element; integers wrap.

    Inputs:
        X: float32, float64, int32 or int64, any shape.
    Outputs:
        Y: X's dtype and shape.
    Example:
        Negative([1 -2]) -> [-1 2]
    """
    if x.dtype not in NUMBERS:
        require_dtype("Negative", "X", x, NUMBERS)
    return -x


def _written_sum(arguments: Mapping[str, Any], dtypes: Sequence[DType]) -> Written | None:
    return alike(" + ".join(f"{{{place}}}" for place in range(len(dtypes))), NUMBERS)(arguments, dtypes)


@operator(
    "Sum",
    inputs=("A", "rest*"),
    outputs=("C",),
    in_place=_FIRST,
    ufunc=np.add,
    ufunc_dtypes=NUMBERS,
    infer=like(0),
    exact_native=_written_sum,
)
def sum_of(first: Tensor, second: Tensor | None = None, *rest: Tensor) -> Tensor:
    """The sum of all inputs, element by element; integers wrap, nothing broadcasts.

    Inputs:
        A: float32, float64, int32 or int64, any shape.
        rest: A's dtype and shape.
    Outputs:
        C: A's dtype and shape.
    Raises:
        DtypeError: A has another dtype, or one of the rest has not A's.
        ShapeError: shapes differ.
    Example:
        Sum([1 2], [3 4], [5 6]) -> [9 12]
    """
    if second is None:
        require_dtype("Sum", "A", first, NUMBERS)
        return first
    kind, shape = first.dtype, first.shape
    if kind is not second.dtype or shape != second.shape or kind not in NUMBERS:
        _require_alike("Sum", first, (second,), NUMBERS)
    total = first + second
    if rest:
        _require_alike("Sum", first, (second, *rest), NUMBERS)
        for each in rest:
            total += each
    return total


@operator(
    "Max",
    inputs=("A", "rest*"),
    outputs=("M",),
    in_place=(("A", "M"),),
    ufunc=np.maximum,
    ufunc_dtypes=F32_ONLY,
    infer=like(0),
)
def largest(first: Tensor, *rest: Tensor) -> Tensor:
    """The largest of all inputs, element by element; nan where one of them is nan.

    Inputs:
        A: float32, any shape.
        rest: A's dtype and shape; nothing broadcasts.
    Outputs:
        M: A's dtype and shape.
    Raises:
        DtypeError: an input is not float32.
        ShapeError: shapes differ.
    Example:
        Max([1 5], [4 2]) -> [4 5]
    """
    _require_alike("Max", first, rest, F32_ONLY)
    return _folded(np.maximum, first, rest)


@operator(
    "Min",
    inputs=("A", "rest*"),
    outputs=("M",),
    in_place=(("A", "M"),),
    ufunc=np.minimum,
    ufunc_dtypes=F32_ONLY,
    infer=like(0),
)
def smallest(first: Tensor, *rest: Tensor) -> Tensor:
    """The smallest of all inputs, element by element; nan where one of them is nan.

    Inputs:
        A: float32, any shape.
        rest: A's dtype and shape; nothing broadcasts.
    Outputs:
        M: A's dtype and shape.
    Raises:
        DtypeError: an input is not float32.
        ShapeError: shapes differ.
    Example:
        Min([1 5], [4 2]) -> [1 2]
    """
    _require_alike("Min", first, rest, F32_ONLY)
    return _folded(np.minimum, first, rest)


def _folded(ufunc: np.ufunc, first: Tensor, rest: Sequence[Tensor]) -> Tensor:
    if not rest:
        return first
    result: Tensor = ufunc(first, rest[0])
    into = result if result.ndim else None  # a NumPy scalar cannot be written into
    for each in rest[1:]:
        result = ufunc(result, each, out=into)
    return result


def _require_alike(name: str, first: Tensor, rest: tuple[Tensor, ...], allowed: frozenset[DType]) -> None:
    """Raise DtypeError or ShapeError if the operands are not all of one allowed dtype and one shape."""
    if all(each.dtype is first.dtype and each.shape == first.shape for each in rest) and first.dtype in allowed:
        return
    others = {f"input {place}": each for place, each in enumerate(rest, start=1)}
    require_dtype(name, "A", first, allowed)
    require_one_dtype(name, A=first, **others)
    require_one_shape(name, A=first, **others)
