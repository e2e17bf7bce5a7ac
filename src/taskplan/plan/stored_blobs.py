"""Blobs as the entries of a database hold them: a tensor in one or more pieces, any other value in one.

Each entry is a BlobProto. That of a piece has the shape of the whole tensor, and the elements of one segment of it.
Elements of a packed record are BlobProtos in turn, as Caffe2 writes elements of foreign types; what stands in them is
taskplan's own, since Caffe2 leaves them empty.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError, EncodeError

from taskplan.errors import WorkspaceError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.tensors import tensor_from_proto, tensor_to_proto
from taskplan.plan.types import STRING_DTYPE, Array, DataType

DEFAULT_PIECE = 1_000_000
"""How many elements Caffe2 puts into one entry."""

_RECORD = "std::shared_ptr<std::vector<TensorCPU>>"


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What one entry holds.

    Attributes:
        name: what the blob was called.
        type_name: `"Tensor"`, or Caffe2's name of another kind.
        content: what a value that is no tensor consists of.
        elements: those from `begin` on of a tensor, as a vector; None if there is no tensor.
        shape: of the whole tensor.
    """

    name: str
    type_name: str
    content: bytes
    elements: Array | None
    shape: tuple[int, ...] = ()
    begin: int = 0

    @property
    def size(self) -> int:
        """How many elements the whole tensor has."""
        return math.prod(self.shape)


def piece_count(size: int, most: int) -> int:
    """In how many pieces a tensor of `size` elements is stored, with at most `most` in each; 0 is no limit."""
    return max(1, -(-size // most)) if most else 1


def tensor_pieces(name: str, array: Array, most: int) -> Iterator[bytes]:
    """The entries of a tensor, in order, with at most `most` elements in each; 0 is no limit.

    Raises:
        WorkspaceError: an entry would exceed what protobuf can hold, or there are elements of no tensor type.
    """
    step = most or array.size
    for place in range(piece_count(array.size, most)):
        begin = place * step
        yield stored(name, "Tensor", tensor=array, begin=begin, end=min(begin + step, array.size))


def stored(
    name: str,
    type_name: str,
    content: bytes | None = None,
    *,
    tensor: Array | None = None,
    begin: int = 0,
    end: int | None = None,
) -> bytes:
    """The bytes of one entry.

    Raises:
        WorkspaceError: it would exceed what protobuf can hold, or there are elements of no tensor type.
    """
    proto = pb.BlobProto(name=_as_text(name), type=type_name)
    try:
        if tensor is not None:
            proto.tensor.CopyFrom(_tensor_proto(tensor, _as_text(name), begin, tensor.size if end is None else end))
        if content is not None:
            proto.content = content
        return bytes(proto.SerializeToString())
    except (DecodeError, EncodeError, MemoryError) as error:
        msg = f"blob {name!r} does not fit into an entry of 2 GiB ({error}); store it in smaller pieces"
        raise WorkspaceError(msg) from None


def _as_text(name: str) -> str:
    """A name from a plan as protobuf takes it: what is no text there is replaced."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _tensor_proto(array: Array, name: str, begin: int, end: int) -> Any:
    """The TensorProto of the elements `begin` to `end` of an array."""
    part = array.reshape(-1)[begin:end]
    proto = _objects_proto(part, name) if part.dtype == STRING_DTYPE else tensor_to_proto(part, name)
    proto.dims[:] = array.shape
    proto.segment.begin, proto.segment.end = begin, end
    return proto


def _objects_proto(part: Array, name: str) -> Any:
    """The TensorProto of strings, or of packed records."""
    kinds = set(map(type, part))
    if kinds <= {bytes}:
        return tensor_to_proto(part, name)
    if kinds != {tuple}:
        shown = ", ".join(sorted(kind.__name__ for kind in kinds))
        msg = f"tensor {name!r} holds elements of the types {shown}, which cannot be stored"
        raise WorkspaceError(msg)
    proto = tensor_to_proto(part[:0], name)
    proto.data_type = pb.TensorProto.UNDEFINED
    proto.string_data.extend([stored("", _RECORD, pack_tensors(record)) for record in part])
    return proto


def read_stored(data: bytes) -> StoredBlob:
    """What the bytes of an entry hold.

    Raises:
        WorkspaceError: they are no BlobProto, or contradict themselves.
    """
    proto = pb.BlobProto()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        msg = f"these {len(data)} bytes are no BlobProto: {error}"
        raise WorkspaceError(msg) from None
    if not proto.HasField("tensor"):
        return StoredBlob(proto.name, proto.type, proto.content, None)
    tensor = proto.tensor
    shape = tuple(tensor.dims)
    size = math.prod(shape)
    begin, end = (tensor.segment.begin, tensor.segment.end) if tensor.HasField("segment") else (0, size)
    if any(length < 0 for length in shape) or not 0 <= begin <= end <= size:
        msg = f"tensor {tensor.name!r} claims the elements {begin} to {end} of the shape {shape}"
        raise WorkspaceError(msg)
    return StoredBlob(proto.name, proto.type, proto.content, _elements(tensor, end - begin), shape, begin)


def _elements(proto: Any, count: int) -> Array:
    """The elements of a TensorProto, which must be `count`, as a vector."""
    proto.dims[:] = [count]
    if proto.data_type != DataType.UNDEFINED or len(proto.string_data) != count:
        return tensor_from_proto(proto)
    records = np.empty(count, STRING_DTYPE)
    for place, element in enumerate(proto.string_data):
        records[place] = tuple(unpack_tensors(read_stored(element).content))
    return records


def pack_tensors(tensors: Iterable[Array]) -> bytes:
    """The bytes of a TensorProtos: several tensors, one after the other."""
    protos = pb.TensorProtos()
    for tensor in tensors:
        array = np.asarray(tensor)
        protos.protos.append(_tensor_proto(array, "", 0, array.size))
    return bytes(protos.SerializeToString())


def unpack_tensors(data: bytes) -> Sequence[Array]:
    """The tensors in the bytes of a TensorProtos.

    Raises:
        WorkspaceError: they are no TensorProtos, or contradict themselves.
    """
    protos = pb.TensorProtos()
    try:
        protos.ParseFromString(data)
    except DecodeError as error:
        msg = f"these {len(data)} bytes are no TensorProtos: {error}"
        raise WorkspaceError(msg) from None
    return list(map(_whole, protos.protos))


def _whole(proto: Any) -> Array:
    shape = tuple(proto.dims)
    if any(length < 0 for length in shape):
        msg = f"tensor {proto.name!r} claims the shape {shape}"
        raise WorkspaceError(msg)
    return _elements(proto, math.prod(shape)).reshape(shape)
