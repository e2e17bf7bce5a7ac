"""Fills of one value, of given values, and of positions. How they are told a shape is said in `fill_shapes`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.fill_shapes import Shape, fill, named_dtype
from taskplan.operators.inference import TensorSpec, always
from taskplan.operators.operands import (
    BOOL,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    NUMBERS,
    U8,
    U16,
    Tensor,
    argument_error,
    dtype_name,
    fits,
    one_of,
    refuse,
    require_dtype,
    require_one_dtype,
    require_rank,
    sole_element,
    string_tensor,
)
from taskplan.operators.registry import operator
from taskplan.plan.types import NUMPY_DTYPES, STRING_DTYPE, DataType, DType

_DIAGONAL_DTYPES = frozenset({F32, F64, BOOL, I8, I16, I32, I64, U8, U16})
_CONSTANT_DTYPES = _DIAGONAL_DTYPES | {STRING_DTYPE}
_GIVEN_DTYPES = frozenset({F32, F64, BOOL, I32, I64, STRING_DTYPE})


# --- one value --------------------------------------------------------------------------------------------------------


def _constant_dtype(name: str, value: float | bytes | None, dtype: int | None, allowed: frozenset[DType]) -> DType:
    """The element type that `value` and `dtype` ask for.

    Raises:
        ArgumentError: they ask for none of the allowed, or `value` is not of that type.
    """
    if dtype is None:
        if isinstance(value, bytes):
            raise argument_error(name, "value", f"is a text, {value!r}; pass dtype=DataType.STRING with it")
        return F32 if value is None or isinstance(value, float) else I64
    kind = _named_dtype(name, dtype, allowed)
    if value is not None:
        _check_values(name, "value", (value,), kind)
    return kind


def _named_dtype(name: str, number: int, allowed: frozenset[DType]) -> DType:
    kind = NUMPY_DTYPES.get(number)
    if kind is None or kind not in allowed:
        raise argument_error(name, "dtype", f"must be the number of {one_of(allowed)}, got {number}")
    return kind


def _check_values(name: str, argument: str, values: Sequence[Any], dtype: DType) -> None:
    """Check values, all of one kind as they came in one list, against the element type that they are for.

    Raises:
        ArgumentError: they are of another kind, or out of its range.
    """
    kind = bytes if dtype == STRING_DTYPE else float if dtype.kind == "f" else int
    if values and not isinstance(values[0], kind):
        raise argument_error(name, argument, f"must be {kind.__name__} for {dtype_name(dtype)}, got {values[0]!r}")
    if values and dtype.kind in "iu":
        outside = [each for each in (min(values), max(values)) if not fits(each, dtype)]
        if outside:
            raise argument_error(name, argument, f"must be in the range of {dtype_name(dtype)}, got {outside[0]}")


def _constant_kind(value: float | bytes | None, dtype: int | None) -> DType:
    return _constant_dtype("ConstantFill", value, dtype, _CONSTANT_DTYPES)


def _check_constant(*, value: float | bytes | None, dtype: int | None) -> None:
    _constant_kind(value, dtype)


@fill("ConstantFill", _constant_kind, slots=("X", "Y"), more_inputs=("V?",), check=_check_constant)
def constant_fill(
    shape: Shape,
    replacement: Tensor | None = None,
    *,
    value: int | float | bytes | None = None,
    dtype: int | None = None,
) -> Tensor:
    """One value everywhere. Without ``dtype`` a float gives float32, an int or bool **int64**, no value float32 zeros.

    Inputs:
        X: gives the shape, any dtype.
        V: one element of the output's dtype; takes the place of ``value``.
    Outputs:
        Y: of ``dtype``: float32, float64, bool, int8, int16, int32, int64, uint8, uint16 or string.
    Raises:
        ArgumentError: ``value`` is not of the kind of ``dtype``, or out of its range.
    Example:
        ConstantFill(; shape=[2], value=3) -> [3 3]:i64
    """
    kind = _constant_kind(value, dtype)
    content: Any = value if value is not None else b"" if kind == STRING_DTYPE else 0
    if replacement is not None:
        require_dtype("ConstantFill", "V", replacement, {kind})
        content = sole_element("ConstantFill", "V", replacement)
    if content == 0 and math.copysign(1, content) > 0:
        return np.zeros(shape, kind)
    filled = np.empty(shape, kind)
    filled[...] = content
    return filled


def _diagonal_kind(value: float | None, dtype: int | None) -> DType:
    return _constant_dtype("DiagonalFill", value, dtype, _DIAGONAL_DTYPES)


def _check_diagonal(*, value: float | None, dtype: int | None) -> None:
    _diagonal_kind(value, dtype)


@fill("DiagonalFill", _diagonal_kind, check=_check_diagonal)
def diagonal_fill(shape: Shape, *, value: int | float | None = None, dtype: int | None = None) -> Tensor:
    """Zeros, but ``value`` where all positions are equal. ``dtype`` is found as by `ConstantFill`.

    Inputs:
        input: gives the shape, any dtype.
    Outputs:
        output: rank 2, or a higher rank with all sizes equal; any dtype of `ConstantFill` but string.
    Raises:
        ShapeError: the rank is below 2, or above it with unequal sizes.
    Example:
        DiagonalFill(; shape=[2,3], value=1.0) -> [[1 0 0] [0 1 0]]
    """
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        msg = f"DiagonalFill: the shape is {shape}, expected rank 2, or a higher rank with equal sizes"
        raise ShapeError(msg, operator="DiagonalFill")
    filled = np.zeros(shape, _diagonal_kind(value, dtype))
    filled[(np.arange(min(shape)),) * len(shape)] = 0 if value is None else value
    return filled


# --- given values -----------------------------------------------------------------------------------------------------


def _given(name: str, values: Sequence[Any], dtype: DType, shape: Shape) -> Tensor:
    if len(values) != math.prod(shape):
        msg = f"{name}: shape {shape} has {math.prod(shape)} elements, argument 'values' has {len(values)}"
        raise ShapeError(msg, operator=name)
    if dtype == STRING_DTYPE:
        return string_tensor(values, shape)
    return np.array(values, dtype).reshape(shape)


def _values_check(name: str, dtype: DType) -> Callable[..., None]:
    def check(*, values: Sequence[Any]) -> None:
        _check_values(name, "values", values, dtype)

    return check


def _check_given(*, values: Sequence[Any], dtype: int) -> None:
    _check_values("GivenTensorFill", "values", values, _named_dtype("GivenTensorFill", dtype, _GIVEN_DTYPES))


@fill("GivenTensorFill", named_dtype, check=_check_given)
def given_tensor_fill(
    shape: Shape, *, values: Sequence[float] | Sequence[int] | Sequence[bytes], dtype: int = DataType.FLOAT
) -> Tensor:
    """Literal contents, row-major.

    Inputs:
        input: gives the shape, any dtype.
    Outputs:
        output: of ``dtype``: float32, float64, bool, int32, int64 or string.
    Raises:
        ArgumentError: the values are not of the kind of ``dtype``.
        ShapeError: there are more or fewer values than elements.
    Example:
        GivenTensorFill(; shape=[2,1], values=[1.0,2.5]) -> [[1] [2.5]]
    """
    return _given("GivenTensorFill", values, NUMPY_DTYPES[dtype], shape)


@fill("GivenTensorDoubleFill", F64)
def given_tensor_double_fill(shape: Shape, *, values: Sequence[float]) -> Tensor:
    """Literal contents, row-major, as `GivenTensorFill` with float64.

    Example:
        GivenTensorDoubleFill(; shape=[1,2], values=[0.25,3.0]) -> [[0.25 3]]:f64
    """
    return _given("GivenTensorDoubleFill", values, F64, shape)


@fill("GivenTensorBoolFill", BOOL)
def given_tensor_bool_fill(shape: Shape, *, values: Sequence[bool]) -> Tensor:
    """Literal contents, row-major, as `GivenTensorFill` with bool.

    Example:
        GivenTensorBoolFill(; shape=[3], values=[true,false,true]) -> [T F T]
    """
    return _given("GivenTensorBoolFill", values, BOOL, shape)


@fill("GivenTensorInt16Fill", I16, check=_values_check("GivenTensorInt16Fill", I16))
def given_tensor_int16_fill(shape: Shape, *, values: Sequence[int]) -> Tensor:
    """Literal contents, row-major, as `GivenTensorFill` with int16.

    Example:
        GivenTensorInt16Fill(; shape=[3], values=[1,-2,300]) -> [1 -2 300]:i16
    """
    return _given("GivenTensorInt16Fill", values, I16, shape)


@fill("GivenTensorIntFill", I32, check=_values_check("GivenTensorIntFill", I32))
def given_tensor_int_fill(shape: Shape, *, values: Sequence[int]) -> Tensor:
    """Literal contents, row-major, as `GivenTensorFill` with int32.

    Example:
        GivenTensorIntFill(; shape=[], values=[1]) -> 1 ():i32
    """
    return _given("GivenTensorIntFill", values, I32, shape)


@fill("GivenTensorInt64Fill", I64, check=_values_check("GivenTensorInt64Fill", I64))
def given_tensor_int64_fill(shape: Shape, *, values: Sequence[int]) -> Tensor:
    """Literal contents, row-major, as `GivenTensorFill` with int64.

    Example:
        GivenTensorInt64Fill(; shape=[2], values=[1,2]) -> [1 2]:i64
    """
    return _given("GivenTensorInt64Fill", values, I64, shape)


@fill("GivenTensorStringFill", STRING_DTYPE)
def given_tensor_string_fill(shape: Shape, *, values: Sequence[bytes]) -> Tensor:
    """Literal contents, row-major, as `GivenTensorFill` with string.

    Example:
        GivenTensorStringFill(; shape=[2], values=["a",""]) -> ["a" ""]:str
    """
    return _given("GivenTensorStringFill", values, STRING_DTYPE, shape)


def _check_one_text(*, values: Sequence[bytes]) -> None:
    if len(values) != 1:
        name = "GivenTensorByteStringToUInt8Fill"
        raise argument_error(name, "values", f"must be a list of one byte string, got {len(values)}")


@fill("GivenTensorByteStringToUInt8Fill", U8, check=_check_one_text)
def given_tensor_byte_string_to_uint8_fill(shape: Shape, *, values: Sequence[bytes]) -> Tensor:
    """The bytes of the one text in ``values``, row-major.

    Inputs:
        input: gives the shape, any dtype.
    Outputs:
        output: uint8.
    Raises:
        ShapeError: there are more or fewer bytes than elements.
    Example:
        GivenTensorByteStringToUInt8Fill(; shape=[3], values=["abc"]) -> [97 98 99]:u8
    """
    return _given("GivenTensorByteStringToUInt8Fill", tuple(values[0]), U8, shape)


# --- positions --------------------------------------------------------------------------------------------------------


@fill("RangeFill", F32)
def range_fill(shape: Shape) -> Tensor:
    """0, 1, 2, ... in row-major order.

    Inputs:
        input: gives the shape, any dtype.
    Outputs:
        output: float32.
    Example:
        RangeFill(; shape=[2,2]) -> [[0 1] [2 3]]
    """
    return np.arange(math.prod(shape), dtype=F32).reshape(shape)


def _numbers_of(start: TensorSpec, *_: object) -> TensorSpec:
    return TensorSpec(start.dtype, (None,))


@operator(
    "Range",
    inputs=("start", "stop?", "step?"),
    outputs=("output",),
    infer=_numbers_of,
    inexact="how many numbers there are up to stop",
)
def range_of(start: Tensor, stop: Tensor | None = None, step: Tensor | None = None) -> Tensor:
    """The numbers from ``start`` (0 if only one input is given, which is ``stop`` then) up to before ``stop``.

    Inputs:
        start, stop, step: one element each, one dtype of float32, float64, int32 and int64.
    Outputs:
        output: that dtype, ``ceil((stop - start) / step)`` elements, at least none.
    Raises:
        OperatorError: step is 0, or the count is no finite number.
    Example:
        Range(1 (), 7 (), 2 ()) -> [1 3 5]
    """
    require_dtype("Range", "start", start, NUMBERS)
    given = {slot: each for slot, each in (("start", start), ("stop", stop), ("step", step)) if each is not None}
    require_one_dtype("Range", **given)
    bounds = [sole_element("Range", slot, each) for slot, each in given.items()]
    kind = start.dtype.type
    begin, end, stride = kind(0), bounds[0], kind(1)
    if len(bounds) > 1:
        begin, end, *strides = bounds
        stride = strides[0] if strides else stride
    if stride == 0:
        raise refuse("Range", "step is 0")
    if kind(0).dtype.kind == "i":
        count = -((int(begin) - int(end)) // int(stride))
    else:
        length = np.ceil((end - begin) / stride)
        if not np.isfinite(length):
            raise refuse("Range", f"there is no end to the numbers from {begin} to {end} by {stride}")
        count = int(length)
    numbers: Tensor = np.arange(max(count, 0), dtype=start.dtype)
    if stride != 1:
        numbers *= stride
    if begin != 0:
        numbers += begin
    return numbers


@operator(
    "LengthsRangeFill",
    inputs=("lengths",),
    outputs=("range_sequence",),
    infer=always(TensorSpec(I32, (None,))),
    inexact="the sum of the lengths",
)
def lengths_range_fill(lengths: Tensor) -> Tensor:
    """0 to l-1 for each length l in turn.

    Inputs:
        lengths: int32 vector, nothing negative.
    Outputs:
        range_sequence: int32 vector, as long as the lengths together.
    Example:
        LengthsRangeFill([3 1]:i32) -> [0 1 2 0]:i32
    """
    require_dtype("LengthsRangeFill", "lengths", lengths, {I32})
    require_rank("LengthsRangeFill", "lengths", lengths, 1)
    if (lengths < 0).any():
        raise refuse("LengthsRangeFill", f"lengths holds {lengths.min()}, expected nothing negative")
    ends = np.cumsum(lengths, dtype=I64)
    total = int(ends[-1]) if ends.size else 0
    return (np.arange(total) - np.repeat(ends - lengths, lengths)).astype(I32)
