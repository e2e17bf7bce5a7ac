"""Arrays and TensorProto, as Caffe2 writes them.

Element types go where Caffe2 puts them: float32, float64 and int64 into lists of their own, strings into `string_data`,
all other types into `int32_data` (float16 as its bit pattern).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from taskplan.errors import WorkspaceError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.types import NUMPY_DTYPES, STRING_DTYPE, TYPE_NAMES, TYPE_NUMBERS, Array, DataType

_FLOAT_FIELDS = {np.dtype(np.float32): b"\x1a", np.dtype(np.float64): b"\x4a"}
"""The head of the list in a TensorProto in which the elements stand as they do in memory."""


def tensor_to_proto(array: Array, name: str = "") -> Any:
    """The TensorProto of an array of any rank."""
    proto = pb.TensorProto(name=name, dims=array.shape, data_type=TYPE_NAMES[TYPE_NUMBERS[array.dtype]])
    proto.device_detail.device_type = 0
    proto.segment.begin, proto.segment.end = 0, array.size
    flat = array.ravel()
    if array.dtype == STRING_DTYPE:
        proto.string_data.extend(flat.tolist())
    elif array.dtype in _FLOAT_FIELDS:  # forty times faster than a list of numbers
        if flat.size:
            elements = flat.astype(flat.dtype.newbyteorder("<"), copy=False).tobytes()
            proto.MergeFromString(_FLOAT_FIELDS[array.dtype] + _varint(len(elements)) + elements)
    elif array.dtype == np.int64:
        proto.int64_data.extend(flat.tolist())
    elif array.dtype == np.float16:
        proto.int32_data.extend(flat.view(np.uint16).tolist())
    else:
        proto.int32_data.extend(flat.astype(np.int32).tolist())
    return proto


def _varint(number: int) -> bytes:
    """A length in the notation of protobuf: seven bits a byte, the lowest first."""
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def tensor_from_proto(proto: Any) -> Array:
    """The array of a TensorProto; rank 0 stays rank 0.

    Raises:
        WorkspaceError: the element type is unknown, or the number of values does not fit the shape.
    """
    dtype = NUMPY_DTYPES.get(proto.data_type)
    if dtype is None:
        kind = TYPE_NAMES.get(proto.data_type, proto.data_type)
        msg = f"tensor {proto.name!r} has element type {kind}, which cannot be read"
        raise WorkspaceError(msg)
    flat: Array
    if proto.data_type == DataType.STRING:
        flat = np.empty(len(proto.string_data), dtype=object)
        flat[:] = list(proto.string_data)
    elif proto.data_type == DataType.BYTE or (proto.data_type == DataType.UINT8 and proto.byte_data):
        flat = np.frombuffer(proto.byte_data, np.uint8).copy()
    elif proto.raw_data:
        flat = np.frombuffer(proto.raw_data, dtype).copy()
    elif proto.data_type == DataType.FLOAT16:
        flat = np.array(proto.int32_data, np.int32).astype(np.uint16).view(np.float16)
    else:
        lists = {DataType.FLOAT: proto.float_data, DataType.DOUBLE: proto.double_data, DataType.INT64: proto.int64_data}
        flat = np.array(lists.get(proto.data_type, proto.int32_data), dtype)
    shape = tuple(proto.dims)
    if flat.size != int(np.prod(shape, dtype=np.int64)):
        msg = f"tensor {proto.name!r} has {flat.size} values for shape {shape}"
        raise WorkspaceError(msg)
    return flat.reshape(shape)
