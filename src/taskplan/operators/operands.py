"""What bodies check and convert alike: element types, ranks, axes, and results of rank 0."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeGuard

import numpy as np

from taskplan.errors import ArgumentError, DtypeError, OperatorError, ShapeError
from taskplan.plan.types import NUMPY_DTYPES, STRING_DTYPE, DType

Tensor = np.ndarray[tuple[Any, ...], np.dtype[Any]]
"""A tensor as a body sees it: an array, or a NumPy scalar if the rank is 0; of strings, an object array at any rank."""

_TENSOR_CLASSES = (np.ndarray, np.generic)

F32: DType = np.dtype(np.float32)
F64: DType = np.dtype(np.float64)
F16: DType = np.dtype(np.float16)
I8: DType = np.dtype(np.int8)
I16: DType = np.dtype(np.int16)
I32: DType = np.dtype(np.int32)
I64: DType = np.dtype(np.int64)
U8: DType = np.dtype(np.uint8)
U16: DType = np.dtype(np.uint16)
BOOL: DType = np.dtype(np.bool_)

ANY: frozenset[DType] = frozenset(NUMPY_DTYPES.values())
NUMBERS: frozenset[DType] = frozenset({F32, F64, I32, I64})
FLOATS: frozenset[DType] = frozenset({F32, F64})
INDICES: frozenset[DType] = frozenset({I32, I64})
BOOLS: frozenset[DType] = frozenset({BOOL})
F32_ONLY: frozenset[DType] = frozenset({F32})


def dtype_name(dtype: DType) -> str:
    """What messages call an element type: NumPy's name, or `string`."""
    return "string" if dtype == STRING_DTYPE else str(dtype)


def one_of(dtypes: Collection[DType]) -> str:
    """The names of element types as a phrase.

    Example:
        >>> one_of({I32, I64})
        'int32 or int64'
    """
    *names, last = sorted(map(dtype_name, dtypes))
    return f"{', '.join(names)} or {last}" if names else last


def fits(value: int, dtype: DType) -> bool:
    """Whether an integer element type can hold `value`."""
    span: int = 1 << 8 * dtype.itemsize
    least = 0 if dtype.kind == "u" else -span // 2
    return least <= value < least + span


def settled(x: Tensor) -> Tensor:
    """`x` in the form that values have: a NumPy scalar if it is of rank 0 and no string tensor."""
    return x if x.ndim or x.dtype == STRING_DTYPE else x[()]


def string_tensor(values: Sequence[bytes], shape: Sequence[int]) -> Tensor:
    """A string tensor of these elements, row-major."""
    made = np.empty(len(values), STRING_DTYPE)
    made[:] = values
    return made.reshape(shape)


def is_tensor(value: object) -> TypeGuard[Tensor]:
    """Whether a blob's value is a tensor (of any rank)."""
    return isinstance(value, _TENSOR_CLASSES)


def require_tensor(operator: str, slot: str, x: object) -> None:
    """Raise TypeError if `x` is a handle, or no value at all. Whoever ran the body knows the blob and will name it."""
    if not isinstance(x, _TENSOR_CLASSES):
        msg = f"{operator}: {slot} is {x!r}, expected a tensor"
        raise TypeError(msg)


def require_dtype(operator: str, slot: str, x: Tensor, allowed: Collection[DType]) -> None:
    """Raise DtypeError if `x`, the input called `slot`, has none of the `allowed` element types."""
    if x.dtype not in allowed:
        msg = f"{operator}: {slot} has dtype {dtype_name(x.dtype)}, expected {one_of(allowed)}"
        raise DtypeError(msg, operator=operator)


def require_one_dtype(operator: str, **operands: Tensor) -> None:
    """Raise DtypeError if the operands, given by slot name, differ in element type."""
    (first, a), *rest = operands.items()
    for slot, b in rest:
        if b.dtype != a.dtype:
            types = f"{first} has dtype {dtype_name(a.dtype)}, {slot} has dtype {dtype_name(b.dtype)}"
            msg = f"{operator}: {types}; cast one of them"
            raise DtypeError(msg, operator=operator)


def require_rank(operator: str, slot: str, x: Tensor, rank: int) -> None:
    """Raise ShapeError if `x` has another rank."""
    if x.ndim != rank:
        expected = "a vector" if rank == 1 else f"rank {rank}"
        msg = f"{operator}: {slot} has shape {x.shape}, expected {expected}"
        raise ShapeError(msg, operator=operator)


def require_least_rank(operator: str, slot: str, x: Tensor, least: int) -> None:
    """Raise ShapeError if `x` has a rank below `least`."""
    if x.ndim < least:
        msg = f"{operator}: {slot} has shape {x.shape}, expected rank {least} or more"
        raise ShapeError(msg, operator=operator)


def require_one_shape(operator: str, **operands: Tensor) -> None:
    """Raise ShapeError if the operands, given by slot name, differ in shape."""
    (first, a), *rest = operands.items()
    for slot, b in rest:
        if b.shape != a.shape:
            msg = f"{operator}: {slot} has shape {b.shape}, {first} has shape {a.shape}; they must be equal"
            raise ShapeError(msg, operator=operator)


def require_alike(operator: str, **operands: Tensor) -> None:
    """Raise DtypeError or ShapeError unless all are float32 and of one shape."""
    for slot, each in operands.items():
        require_dtype(operator, slot, each, F32_ONLY)
    require_one_shape(operator, **operands)


def axis_within(operator: str, axis: int, rank: int) -> int:
    """The axis counted from the front.

    Raises:
        ShapeError: a tensor of that rank has no such axis.
    """
    if not -rank <= axis < rank:
        msg = f"{operator}: axis={axis} is out of range for rank {rank}"
        raise ShapeError(msg, operator=operator)
    return axis % rank


def require_in_range(operator: str, what: str, values: Tensor, size: int, among: str) -> None:
    """Raise OperatorError if one of the integers is negative or not below `size`; the message names the first.

    Example:
        >>> require_in_range("Gather", "index", np.array([1, 7]), 3, "3 rows")
        Traceback (most recent call last):
        ...
        taskplan.OperatorError: Gather: index 7 is out of range for 3 rows
    """
    if values.size and (int(values.min()) < 0 or int(values.max()) >= size):
        outside = np.ravel(values)[np.ravel((values < 0) | (values >= size))]
        raise refuse(operator, f"{what} {outside[0]} is out of range for {among}")


def sole_element(operator: str, slot: str, x: Tensor) -> Any:
    """The element of a one-element tensor of any rank, as a NumPy scalar (bytes of a string tensor).

    Raises:
        ShapeError: there is not exactly one.
    """
    if x.size != 1:
        msg = f"{operator}: {slot} has shape {x.shape}, expected one element"
        raise ShapeError(msg, operator=operator)
    return x.reshape(-1)[0] if x.ndim else x[()]


def refuse(operator: str, text: str) -> OperatorError:
    """The error of an operator that refuses its inputs for what they hold."""
    return OperatorError(f"{operator}: {text}", operator=operator)


def argument_error(operator: str, argument: str, text: str) -> ArgumentError:
    """The error about an argument of an operator."""
    return ArgumentError(f"{operator}: argument {argument!r} {text}", operator=operator, argument=argument)
