"""Element types of tensors: Caffe2's numbers, NumPy's dtypes, and how they correspond.

String tensors are NumPy arrays of dtype `object` whose elements are `bytes`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.generic]]
DType = np.dtype[np.generic]


class DataType:
    """The numbers of element types, as arguments such as `dtype` and `to` use them."""

    UNDEFINED = 0
    FLOAT = 1
    INT32 = 2
    BYTE = 3
    STRING = 4
    BOOL = 5
    UINT8 = 6
    INT8 = 7
    UINT16 = 8
    INT16 = 9
    INT64 = 10
    FLOAT16 = 12
    DOUBLE = 13
    ZERO_COLLISION_HASH = 14


STRING_DTYPE: DType = np.dtype(object)

NUMPY_DTYPES: dict[int, DType] = {
    DataType.FLOAT: np.dtype(np.float32),
    DataType.INT32: np.dtype(np.int32),
    DataType.BYTE: np.dtype(np.uint8),
    DataType.STRING: STRING_DTYPE,
    DataType.BOOL: np.dtype(np.bool_),
    DataType.UINT8: np.dtype(np.uint8),
    DataType.INT8: np.dtype(np.int8),
    DataType.UINT16: np.dtype(np.uint16),
    DataType.INT16: np.dtype(np.int16),
    DataType.INT64: np.dtype(np.int64),
    DataType.FLOAT16: np.dtype(np.float16),
    DataType.DOUBLE: np.dtype(np.float64),
}
"""The NumPy dtype of each type number; `STRING` is object (of bytes)."""

TYPE_NUMBERS: dict[DType, int] = {dtype: number for number, dtype in NUMPY_DTYPES.items() if number != DataType.BYTE}
"""The type number of each NumPy dtype that a tensor can have."""

TYPE_NAMES: dict[int, str] = {number: name for name, number in vars(DataType).items() if isinstance(number, int)}
