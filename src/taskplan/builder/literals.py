"""Operators that bring values of the program into a net: constants, and messages for the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from taskplan.builder.blobs import BlobReference
from taskplan.builder.calls import OperatorCalls
from taskplan.builder.draft import Blob
from taskplan.errors import BuildTypeError
from taskplan.plan.types import DataType

if TYPE_CHECKING:
    import numpy.typing as npt

_FILLS = {
    np.dtype(np.int32): "GivenTensorIntFill",
    np.dtype(np.int64): "GivenTensorInt64Fill",
    np.dtype(np.bool_): "GivenTensorBoolFill",
}
"""The operators that make tensors of given values, where it is not `GivenTensorFill`, which makes float32."""

_STRINGS = "OSU"
_NUMBERS = "iuf"


class Literals(OperatorCalls):
    """A net that takes values of the program as constants."""

    def Const(
        self, array: npt.ArrayLike, blob_out: Blob | None = None, dtype: npt.DTypeLike | None = None
    ) -> BlobReference:
        """Add an operator that makes a blob of a value.

        Args:
            array: a number, bool, string, array or nested list. Integers become int64, bools bool, text a string,
                floats float32; an array of int32, int64, bool or strings keeps its type, other numbers become float32.
            blob_out: the blob; named here if not given.
            dtype: what `array` is made before all this.

        Raises:
            BuildTypeError: the value is no array of numbers, bools or strings.

        Example:
            >>> from taskplan import Net
            >>> net = Net("train")
            >>> net.Const(1.5), net.Const([1, 2], "steps")
            (BlobReference("train/GivenTensorFill:0"), BlobReference("steps"))
        """
        output: Any = 1 if blob_out is None else blob_out
        # What is written here fits; to check a long list would take as long as all the rest.
        if isinstance(array, bool):
            made = self._add_operator("ConstantFill", [], output, _fits=True, dtype=DataType.BOOL, value=array)
        else:
            values = _array(array, dtype)
            fill = _fill_for(values, array)
            made = self._add_operator(fill, [], output, _fits=True, shape=values.shape, values=values)
        return made  # type: ignore[no-any-return]  # one output, so one reference

    def LogInfo(self, *msg_or_blobs: object) -> None:
        """Add operators that write messages, and the values of blobs, to the log."""
        for each in msg_or_blobs:
            blob = each
            if not isinstance(blob, BlobReference):
                blob = self._add_operator(
                    "GivenTensorStringFill", [], self.NextName("log"), shape=[], values=[str(each)]
                )
            self._add_operator("Print", blob, [])


def _array(given: npt.ArrayLike, dtype: npt.DTypeLike | None) -> npt.NDArray[Any]:
    """The value as an array of a type that a fill makes, if there is one."""
    array = np.array(given, dtype=dtype)
    # NumPy's own strings drop zero bytes at the end.
    if array.dtype.kind in "SU" and dtype is None and not isinstance(given, np.ndarray):
        array = np.array(given, dtype=object)
    if array.dtype.kind in _STRINGS or array.dtype in _FILLS:
        return array
    return array.astype(np.float32) if array.dtype.kind in _NUMBERS else array


def _fill_for(values: npt.NDArray[Any], given: object) -> str:
    if values.dtype in _FILLS:
        return _FILLS[values.dtype]
    if values.dtype == np.float32:
        return "GivenTensorFill"
    if values.dtype.kind in _STRINGS and all(isinstance(value, (str, bytes)) for value in values.flat):
        return "GivenTensorStringFill"
    msg = f"a constant must be a number, a bool, a string, or an array of one of these, got {given!r:.200}"
    raise BuildTypeError(msg)
