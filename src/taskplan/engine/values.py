"""The border between users and blobs: what may be fed, what is kept, what comes back.

Inside, a tensor of rank 0 is a NumPy scalar of its dtype (ten times faster than a 0-d array), a string tensor an object
array of bytes at any rank, a string blob a `ByteString`. Outside, a tensor is an array of its own, and a string blob is
bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from taskplan.errors import WorkspaceError
from taskplan.operators.operands import is_tensor
from taskplan.operators.run import UNSET, ByteString
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.tensors import tensor_from_proto
from taskplan.plan.types import STRING_DTYPE, TYPE_NUMBERS, Array


def to_value(data: object, *, blob: str) -> Any:
    """The value to keep for `data` fed into `blob`; a copy, so that nobody can write into a run from outside.

    Args:
        blob: its name, for messages.
        data: an array of a tensor dtype, of strings or of objects that are all str or bytes; a NumPy or Python scalar;
            a list of these; a TensorProto; str or bytes (a string blob); or any other Python object, which is kept as
            it is if it is no plain data.

    Raises:
        WorkspaceError: the element type has no tensor type.
    """
    if isinstance(data, str | bytes):
        return ByteString(data.encode() if isinstance(data, str) else data)
    if isinstance(data, pb.TensorProto):
        return normalised(tensor_from_proto(data), blob=blob)
    if isinstance(data, np.ndarray | np.generic | bool | int | float | list | tuple):
        try:
            return normalised(np.array(data), blob=blob)
        except ValueError as error:
            msg = f"cannot feed {data!r} into blob {blob!r}: {error}"
            raise WorkspaceError(msg, blob=blob) from error
    if data is None or isinstance(data, complex | bytearray | memoryview):
        msg = f"cannot feed {data!r} into blob {blob!r}: feed an array, a number, a list of them, str or bytes"
        raise WorkspaceError(msg, blob=blob)
    return data


def from_body(result: Any, operator: str) -> Any:
    """What the body of a user's operator returned, as the engine keeps it: one value, or a tuple of them.

    Raises:
        WorkspaceError: it returned a number or a list of Python's, or an array of an element type that has no tensors.
    """
    if isinstance(result, tuple):
        return tuple([from_body(each, operator) for each in result])
    if isinstance(result, np.ndarray | np.generic):
        if result.ndim and result.dtype in TYPE_NUMBERS and result.flags.c_contiguous:
            return result
        return normalised(np.asarray(result), blob=f"an output of {operator}")
    if isinstance(result, bool | int | float | complex | list):
        msg = f"{operator} returned {result!r}, which has no element type; return an array, as np.float32({result!r})"
        raise WorkspaceError(msg)
    return result


def normalised(array: Array, *, blob: str) -> Any:
    """A fresh `array` as the engine keeps it: native byte order, contiguous, strings as objects, rank 0 as a scalar.

    Raises:
        WorkspaceError: the element type has no tensor type.
    """
    if array.dtype.kind in "SU" or array.dtype == STRING_DTYPE:
        array = _encoded(array, blob)
    else:
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        if array.dtype not in TYPE_NUMBERS:
            known = ", ".join(sorted(str(dtype) for dtype in TYPE_NUMBERS if dtype != STRING_DTYPE))
            msg = f"blob {blob!r} cannot hold {array.dtype}; convert it to one of {known}, or strings"
            raise WorkspaceError(msg, blob=blob)
    array = np.ascontiguousarray(array).reshape(array.shape)
    return array if array.ndim or array.dtype == STRING_DTYPE else array[()]


def _encoded(array: Array, blob: str) -> Array:
    encoded = np.empty(array.shape, dtype=object)
    for index, item in np.ndenumerate(array):
        if not isinstance(item, str | bytes):
            msg = f"blob {blob!r}: a string tensor holds str or bytes, element {index} is {item!r}"
            raise WorkspaceError(msg, blob=blob)
        encoded[index] = item.encode() if isinstance(item, str) else bytes(item)
    return encoded


def from_value(value: Any, *, blob: str) -> Any:
    """What the user gets: an array of its own for a tensor, bytes for a string blob, else the object itself.

    Raises:
        WorkspaceError: the blob holds nothing.
    """
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, np.generic):
        return np.array(value)
    if isinstance(value, ByteString):
        return bytes(value)
    if value is UNSET:
        why = "no operator has written it, or its value was handed on, as to a queue; then output a Copy made before"
        msg = f"blob {blob!r} exists and holds nothing: {why}"
        raise WorkspaceError(msg, blob=blob)
    return value


def describe(value: Any) -> str:
    """One phrase about a value, for messages.

    Example:
        >>> describe(np.zeros((2, 3), np.float32))
        'float32 (2, 3)'
    """
    if value is UNSET:
        return "nothing"
    if is_tensor(value):
        name = "string" if value.dtype == STRING_DTYPE else str(value.dtype)
        return f"{name} {value.shape}" if value.ndim else f"{name} scalar {value!s:.40}"
    return type(value).__name__
