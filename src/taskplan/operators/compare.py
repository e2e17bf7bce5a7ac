"""Comparison, logic, and choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from taskplan.errors import DtypeError, ShapeError
from taskplan.operators.elementwise import elementwise
from taskplan.operators.exact import Written, alike
from taskplan.operators.inference import like
from taskplan.operators.operands import (
    BOOL,
    BOOLS,
    I32,
    I64,
    INDICES,
    NUMBERS,
    Tensor,
    argument_error,
    dtype_name,
    one_of,
    require_dtype,
    require_one_dtype,
    require_one_shape,
    require_rank,
    settled,
)
from taskplan.operators.registry import operator
from taskplan.plan.types import NUMPY_DTYPES, STRING_DTYPE, DType

_COMPARABLE = NUMBERS | BOOLS
_BITS = INDICES | BOOLS
_FIRST = (("A", "C"),)
_TRUE, _FALSE = cast(Tensor, np.True_), cast(Tensor, np.False_)


# --- comparison -------------------------------------------------------------------------------------------------------


@elementwise("LT", dtypes=_COMPARABLE, ufunc=np.less, result=BOOL, expression="{0} < {1}")
def less(a: Tensor, b: Tensor) -> Tensor:
    """C = A < B, element by element; false where one is nan.

    Example:
        LT([1 2 3], [2 2 2]) -> [T F F]
    """
    return a < b


@elementwise("LE", dtypes=_COMPARABLE, ufunc=np.less_equal, result=BOOL, expression="{0} <= {1}")
def less_or_equal(a: Tensor, b: Tensor) -> Tensor:
    """C = A <= B, element by element; false where one is nan.

    Example:
        LE([1 2 3], [2 2 2]) -> [T T F]
    """
    return a <= b


@elementwise("GT", dtypes=_COMPARABLE, ufunc=np.greater, result=BOOL, expression="{0} > {1}")
def greater(a: Tensor, b: Tensor) -> Tensor:
    """C = A > B, element by element; false where one is nan.

    Example:
        GT([1 2 3], [2 2 2]) -> [F F T]
    """
    return a > b


@elementwise("GE", dtypes=_COMPARABLE, ufunc=np.greater_equal, result=BOOL, expression="{0} >= {1}")
def greater_or_equal(a: Tensor, b: Tensor) -> Tensor:
    """C = A >= B, element by element; false where one is nan.

    Example:
        GE([1 2 3], [2 2 2]) -> [F T T]
    """
    return a >= b


@elementwise("EQ", dtypes=_COMPARABLE, ufunc=np.equal, result=BOOL, expression="{0} == {1}")
def equal(a: Tensor, b: Tensor) -> Tensor:
    """C = whether A equals B, element by element; false where one is nan.

    Example:
        EQ([1 2]:i32, [2 2]:i32) -> [F T]
    """
    equals: Tensor = a == b
    return equals


@elementwise("NE", dtypes=_COMPARABLE, ufunc=np.not_equal, result=BOOL, expression="{0} != {1}")
def not_equal(a: Tensor, b: Tensor) -> Tensor:
    """C = whether A differs from B, element by element; true where one is nan.

    Example:
        NE([1 2]:i32, [2 2]:i32) -> [T F]
    """
    differs: Tensor = a != b
    return differs


# --- logic ------------------------------------------------------------------------------------------------------------


@elementwise("And", dtypes=BOOLS, ufunc=np.logical_and, in_place=_FIRST, expression="{0} & {1}")
def both(a: Tensor, b: Tensor) -> Tensor:
    """C = A and B, element by element.

    Example:
        And([T T], [T F]) -> [T F]
    """
    return a & b


@elementwise("Or", dtypes=BOOLS, ufunc=np.logical_or, in_place=_FIRST, expression="{0} | {1}")
def either(a: Tensor, b: Tensor) -> Tensor:
    """C = A or B, element by element.

    Example:
        Or([T F], [F F]) -> [T F]
    """
    return a | b


@elementwise("Xor", dtypes=BOOLS, ufunc=np.logical_xor, in_place=_FIRST, expression="{0} ^ {1}")
def one_alone(a: Tensor, b: Tensor) -> Tensor:
    """C = whether just one of A and B is true, element by element.

    Example:
        Xor([T F], [T T]) -> [F T]
    """
    return a ^ b


@operator(
    "Not",
    inputs=("X",),
    outputs=("Y",),
    ufunc=np.logical_not,
    ufunc_dtypes=BOOLS,
    infer=like(0),
    exact_native=alike("FALSE if {0} else TRUE", BOOLS),
)
def negated(x: Tensor) -> Tensor:
    """Y = whether X is false, element by element.

    Inputs:
        X: bool, any shape.
    Outputs:
        Y: bool, X's shape.
    Example:
        Not([T F]) -> [F T]
    """
    if x.dtype is not BOOL:
        require_dtype("Not", "X", x, BOOLS)
    if x.ndim:
        return ~x
    return _FALSE if x else _TRUE  # NumPy takes ten times as long to negate a scalar


@elementwise("BitwiseAnd", dtypes=_BITS, ufunc=np.bitwise_and, in_place=_FIRST, expression="{0} & {1}")
def bitwise_and(a: Tensor, b: Tensor) -> Tensor:
    """C = the bits that are set in both A and B, element by element.

    Example:
        BitwiseAnd([12]:i32, [10]:i32) -> [8]:i32
    """
    return a & b


@elementwise("BitwiseOr", dtypes=_BITS, ufunc=np.bitwise_or, in_place=_FIRST, expression="{0} | {1}")
def bitwise_or(a: Tensor, b: Tensor) -> Tensor:
    """C = the bits that are set in A, B or both, element by element.

    Example:
        BitwiseOr([12]:i32, [10]:i32) -> [14]:i32
    """
    return a | b


@elementwise("BitwiseXor", dtypes=_BITS, ufunc=np.bitwise_xor, in_place=_FIRST, expression="{0} ^ {1}")
def bitwise_xor(a: Tensor, b: Tensor) -> Tensor:
    """C = the bits that are set in just one of A and B, element by element.

    Example:
        BitwiseXor([12]:i32, [10]:i32) -> [6]:i32
    """
    return a ^ b


_CHOSEN = _COMPARABLE | {STRING_DTYPE}


# --- choice -----------------------------------------------------------------------------------------------------------


def _written_where(arguments: Mapping[str, Any], dtypes: Sequence[DType]) -> Written | None:
    condition, kind, other = dtypes
    if condition is not BOOL or kind is not other or kind not in _COMPARABLE or arguments.get("broadcast_on_rows"):
        return None
    return Written("{1} if {0} else {2}", "{1} if {0} else {2}", kind)


@operator("Where", inputs=("C", "X", "Y"), outputs=("Z",), infer=like(1), exact_native=_written_where)
def where(c: Tensor, x: Tensor, y: Tensor, *, broadcast_on_rows: bool = False) -> Tensor:
    """Elements of X where C is true, of Y elsewhere.

    Inputs:
        C: bool; X's shape, or with ``broadcast_on_rows`` a vector with one entry a row of X.
        X: float32, float64, int32, int64, bool or string, any shape.
        Y: X's dtype and shape.
    Outputs:
        Z: X's dtype and shape.
    Raises:
        DtypeError: C is not bool, or X and Y differ in dtype.
        ShapeError: shapes do not agree.
    Example:
        Where([T F], [1 2], [3 4]) -> [1 4]
    """
    require_dtype("Where", "C", c, BOOLS)
    require_dtype("Where", "X", x, _CHOSEN)
    if x.dtype is not y.dtype or x.shape != y.shape:
        require_one_dtype("Where", X=x, Y=y)
        require_one_shape("Where", X=x, Y=y)
    if broadcast_on_rows:
        return _rows_chosen("Where", "C", c, x, y)
    if c.shape != x.shape:
        require_one_shape("Where", X=x, C=c)
    if not c.ndim:
        return x if c else y
    return np.where(c, x, y)


@operator("Conditional", inputs=("Condition", "DataT", "DataF"), outputs=("DataO",), infer=like(1))
def conditional(condition: Tensor, then: Tensor, otherwise: Tensor) -> Tensor:
    """Rows of DataT where Condition is true, of DataF elsewhere.

    Inputs:
        Condition: bool vector, one entry a row.
        DataT: any dtype, at least rank 1.
        DataF: DataT's dtype and shape.
    Outputs:
        DataO: DataT's dtype and shape.
    Raises:
        DtypeError: Condition is not bool, or the data differ in dtype.
        ShapeError: shapes do not agree.
    Example:
        Conditional([T F], [[1 2] [3 4]], [[5 6] [7 8]]) -> [[1 2] [7 8]]
    """
    require_dtype("Conditional", "Condition", condition, BOOLS)
    require_one_dtype("Conditional", DataT=then, DataF=otherwise)
    require_one_shape("Conditional", DataT=then, DataF=otherwise)
    return _rows_chosen("Conditional", "Condition", condition, then, otherwise)


def _rows_chosen(name: str, slot: str, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    require_rank(name, slot, condition, 1)
    if not x.ndim or len(condition) != len(x):
        msg = f"{name}: {slot} has shape {condition.shape}, expected one entry for each row of data of shape {x.shape}"
        raise ShapeError(msg, operator=name)
    return np.where(condition.reshape((-1,) + (1,) * (x.ndim - 1)), x, y)


_MEMBER_DTYPES = frozenset({I32, I64, BOOL, STRING_DTYPE})


def _check_member_dtype(*, dtype: int, **_: object) -> None:
    if dtype and NUMPY_DTYPES.get(dtype) not in _MEMBER_DTYPES:
        raise argument_error("IsMemberOf", "dtype", f"must be the number of {one_of(_MEMBER_DTYPES)}, got {dtype}")


@operator("IsMemberOf", inputs=("X",), outputs=("Y",), check=_check_member_dtype, infer=like(0, dtype=BOOL))
def is_member_of(x: Tensor, *, value: Sequence[int] | Sequence[bytes] = (), dtype: int = 0) -> Tensor:
    """Whether each element is in the list ``value``; false everywhere if there is none.

    Inputs:
        X: int32, int64, bool or string, any shape; the type that ``dtype`` names, if it is given.
    Outputs:
        Y: bool, X's shape.
    Raises:
        DtypeError: X has another dtype, or ``value`` holds another kind.
    Example:
        IsMemberOf([1 2]:i32; value=[2]) -> [F T]
    """
    require_dtype("IsMemberOf", "X", x, {NUMPY_DTYPES[dtype]} if dtype else _MEMBER_DTYPES)
    is_text = x.dtype == STRING_DTYPE
    if any(isinstance(member, bytes) is not is_text for member in value):
        msg = f"IsMemberOf: X has dtype {dtype_name(x.dtype)}, argument 'value' holds {value!r}"
        raise DtypeError(msg, operator="IsMemberOf")
    if is_text:
        members = frozenset(value)
        found = np.fromiter((each in members for each in x.flat), BOOL, x.size).reshape(x.shape)
    else:
        found = np.isin(x, np.array(value, I64))
    return settled(found)
