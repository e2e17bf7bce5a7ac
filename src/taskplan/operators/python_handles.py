"""Tensors as functions of the user see them: arrays, or the handles of `Python` operators.

Values in blobs are immutable, so what a function gets of an input cannot be written into, and what it hands over is
copied, or was made for it here and cannot be written into any more when the function has returned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from taskplan.errors import DtypeError, OperatorError
from taskplan.operators.operands import dtype_name, settled
from taskplan.operators.run import UNSET
from taskplan.plan.types import NUMPY_DTYPES, STRING_DTYPE, TYPE_NUMBERS, Array, DType

if TYPE_CHECKING:
    import numpy.typing as npt

Value = Array | np.generic
"""A tensor as a blob holds it."""


def shown(value: Value) -> Array:
    """A tensor's value as an array of its rank that cannot be written into; no copy unless it is of rank 0."""
    array = value.view() if isinstance(value, np.ndarray) else np.asarray(value)
    array.flags.writeable = False
    return array


def tensors_for_user(operator: str, names: Sequence[str], values: Sequence[object]) -> list[Value]:
    """The values of the inputs of a user's function.

    Raises:
        OperatorError: one of them is no tensor.
    """
    tensors: list[Value] = []
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, np.ndarray | np.generic):
            fault = "was never written, or its value was handed on" if value is UNSET else f"holds {value!r}"
            msg = f"{operator}: input {name!r} {fault}; a function gets tensors only"
            raise OperatorError(msg, operator=operator, blob=name)
        tensors.append(value)
    return tensors


def tensor_from_user(operator: str, blob: str, data: object) -> Array:
    """A fresh array with what a user gave: an array, a number, a string, or a list of these.

    Raises:
        DtypeError: the elements are of no type that a tensor has.
    """
    try:
        array = np.array(data, order="C")
        if array.dtype.kind in "SU" and not isinstance(data, np.ndarray):
            array = np.array(data, dtype=object)  # NumPy's own strings end at the first zero byte
    except ValueError as error:
        msg = f"{operator}: {data!r:.80} for blob {blob!r} is no tensor: {error}"
        raise DtypeError(msg, operator=operator, blob=blob) from error
    if array.dtype.kind in "SUO":
        return _strings(operator, blob, array)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype not in TYPE_NUMBERS:
        known = ", ".join(sorted(map(dtype_name, TYPE_NUMBERS)))
        msg = f"{operator}: blob {blob!r} cannot hold {array.dtype}; convert it to one of {known}"
        raise DtypeError(msg, operator=operator, blob=blob)
    return array


def tensor_handed_over(operator: str, blob: str, data: object) -> Array:
    """As `tensor_from_user`, but an array that nobody can write into is taken as it is.

    Raises:
        DtypeError: the elements are of no type that a tensor has.
    """
    if isinstance(data, np.ndarray) and data.flags.c_contiguous and _is_read_only(data) and data.dtype.isnative:
        if data.dtype in TYPE_NUMBERS and data.dtype != STRING_DTYPE:
            return data
        if data.dtype == STRING_DTYPE and data.ndim and set(map(type, data.reshape(-1).tolist())) <= {bytes}:
            return data
    return tensor_from_user(operator, blob, data)


def _is_read_only(array: Array) -> bool:
    """Whether an array cannot be written into, nor any that it is a view of."""
    each: object = array
    while isinstance(each, np.ndarray):
        if each.flags.writeable:
            return False
        each = each.base
    return not isinstance(each, bytearray | memoryview)


def _strings(operator: str, blob: str, array: Array) -> Array:
    made = np.empty(array.shape, STRING_DTYPE)
    for index, element in enumerate(array.ravel().tolist()):
        if not isinstance(element, str | bytes):
            msg = f"{operator}: blob {blob!r} got {element!r:.80}; a tensor holds numbers, or str and bytes"
            raise DtypeError(msg, operator=operator, blob=blob)
        made.flat[index] = element.encode() if isinstance(element, str) else element
    return made


class InputTensor:
    """An input of a `Python` operator.

    Its array cannot be written into. Of a blob that is an output too, the function gets the output's handle for both.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        self._value = value

    @property
    def data(self) -> Array:
        """The content, read-only."""
        return shown(self._value)

    @property
    def shape(self) -> tuple[int, ...]:
        """The content's shape."""
        return self._value.shape

    def fetch(self) -> Array:
        """A copy of the content."""
        return np.array(self._value)


class OutputTensor:
    """An output of a `Python` operator: a buffer of its own, which becomes the blob's value when the function returns.

    It begins as a copy of what the blob holds (float32 of shape (0,) if that is no tensor), made when it is first asked
    for. If the function never touches it the blob keeps its value.

    Args:
        blob: the blob's name, for messages.
        before: what the blob holds.
    """

    __slots__ = ("_before", "_blob", "_buffer")

    def __init__(self, blob: str, before: object) -> None:
        self._blob = blob
        self._before: Value = before if isinstance(before, np.ndarray | np.generic) else np.zeros(0, np.float32)
        self._buffer: Array | None = None

    @property
    def data(self) -> Array:
        """The buffer; writing into it changes the output."""
        if self._buffer is None:
            self._buffer = np.array(self._before)
        return self._buffer

    @property
    def shape(self) -> tuple[int, ...]:
        """The buffer's shape."""
        return self._content.shape

    def fetch(self) -> Array:
        """A copy of the buffer."""
        return np.array(self._content)

    def feed(self, array: npt.ArrayLike) -> None:
        """Make a copy of `array` the output.

        Raises:
            DtypeError: its elements are of no type that a tensor has.
        """
        self._buffer = tensor_from_user("Python", self._blob, array)

    def init(self, dims: Sequence[int], dtype: int | npt.DTypeLike) -> None:
        """Make zeros (of strings: empty ones) the output, to be written into through `data`.

        Args:
            dims: the shape.
            dtype: a number of `taskplan.DataType`, or whatever NumPy takes.

        Raises:
            DtypeError: a tensor cannot have that type.
        """
        known = NUMPY_DTYPES.get(dtype) if isinstance(dtype, int) else np.dtype(dtype)
        if known is None or known not in TYPE_NUMBERS:
            msg = f"Python: output {self._blob!r} cannot have the element type {dtype!r}"
            raise DtypeError(msg, operator="Python", blob=self._blob)
        self._buffer = _zeros(dims, known)

    def reshape(self, dims: Sequence[int]) -> None:
        """Give the buffer another shape: the same elements if there are as many, else zeros of the same type."""
        shape, old = tuple(map(int, dims)), self._content
        self._buffer = self.data.reshape(shape) if math.prod(shape) == old.size else _zeros(shape, old.dtype)

    def value(self, otherwise: Any) -> Any:
        """The blob's value when the function has returned; `otherwise` if it left the output alone."""
        if self._buffer is None:
            return otherwise
        self._buffer.flags.writeable = False
        return settled(self._buffer)

    @property
    def _content(self) -> Value:
        return self._before if self._buffer is None else self._buffer


def _zeros(dims: Sequence[int], dtype: DType) -> Array:
    made: Array = np.zeros(tuple(map(int, dims)), dtype)
    if dtype == STRING_DTYPE:
        made.fill(b"")
    return made
