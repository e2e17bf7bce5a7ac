"""How values that are no tensors are stored in databases, for each kind that can be.

The names of the types are Caffe2's, and so is what stands in the entries, as far as Caffe2 reads back what it wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from taskplan.errors import WorkspaceError
from taskplan.operators.cursors import TreeCursor
from taskplan.operators.dictionaries import Index, Map
from taskplan.operators.objects import Counter, Mutex
from taskplan.operators.operands import (
    I32,
    I64,
    INDICES,
    Tensor,
    is_tensor,
    settled,
    string_tensor,
)
from taskplan.operators.run import UNSET, ByteString
from taskplan.operators.storage.database_readers import DatabaseReader
from taskplan.operators.storage.database_types import is_database_type
from taskplan.plan.stored_blobs import StoredBlob, pack_tensors, read_stored, stored, unpack_tensors
from taskplan.plan.types import STRING_DTYPE, DType

NO_SERIALIZER = "No known serializer"
"""Caffe2's words, which programs look for."""


class Packed(NamedTuple):
    """What is stored of a value."""

    type_name: str
    content: bytes | None = None
    tensor: Tensor | None = None


class Kind(NamedTuple):
    """A kind of values that can be stored.

    Attributes:
        type: the class of the values.
        type_names: what entries call it.
        pack: what is stored of a value; answers at once, so that it can be an attempt.
        unpack: the value of an entry, for a blob of this name; raises WorkspaceError.
    """

    type: type
    type_names: Collection[str]
    pack: Callable[[Any], Packed]
    unpack: Callable[[StoredBlob, str], Any]


# --- each kind -------------------------------------------------------------------------------------------------------

_STRING = "std::string"
_COUNTER = "std::unique_ptr<Counter<int64_t>>"
_MUTEX = "std::unique_ptr<std::mutex>"
_CURSOR = "std::unique_ptr<TreeCursor>"
_INDEX = "std::unique_ptr<caffe2::IndexBase>"
_READER = "DBReader"
_C_TYPES = {I32: "int32_t", I64: "int64_t"}
_MAPS = {
    f"(std::unordered_map<{key_type}, {value_type}>)": (key_dtype, value_dtype)
    for key_dtype, key_type in _C_TYPES.items()
    for value_dtype, value_type in _C_TYPES.items()
}


def _vector(blob: StoredBlob, dtypes: Collection[DType]) -> Tensor:
    """The elements of the tensor in an entry, which must be whole and of one of these types."""
    elements = blob.elements
    if elements is None or len(elements) != blob.size or elements.dtype not in dtypes:
        raise _malformed(blob)
    return elements


def _malformed(blob: StoredBlob) -> WorkspaceError:
    return WorkspaceError(f"blob {blob.name!r} is of type {blob.type_name!r}, and the entry does not hold one")


def _pack_string(value: ByteString) -> Packed:
    return Packed(_STRING, bytes(value))


def _unpack_string(blob: StoredBlob, _name: str) -> ByteString:
    return ByteString(blob.content)


def _pack_counter(counter: Counter) -> Packed:
    return Packed(_COUNTER, tensor=np.array([counter.count], I64))


def _unpack_counter(blob: StoredBlob, name: str) -> Counter:
    counts = _vector(blob, {I64})
    if len(counts) != 1:
        raise _malformed(blob)
    return Counter(int(counts[0]), name)


def _pack_mutex(_mutex: Mutex) -> Packed:
    return Packed(_MUTEX, b"")


def _unpack_mutex(_blob: StoredBlob, name: str) -> Mutex:
    return Mutex(name)


def _pack_cursor(cursor: TreeCursor) -> Packed:
    """The names with a space behind each, and the offsets if there are any."""
    if any(" " in field for field in cursor.fields):
        msg = f"{cursor.describe()} cannot be stored, since fields have spaces in their names: {list(cursor.fields)}"
        raise WorkspaceError(msg)
    names = "".join([f"{field} " for field in cursor.fields]).encode()
    offsets = np.array(cursor.offsets, I64)
    fitting = offsets.astype(I32)
    return Packed(_CURSOR, names, (fitting if (fitting == offsets).all() else offsets) if len(offsets) else None)


def _unpack_cursor(blob: StoredBlob, name: str) -> TreeCursor:
    offsets: Sequence[int] = () if blob.elements is None else _vector(blob, INDICES).tolist()
    return TreeCursor(blob.content.decode().split(" ")[:-1], offsets, name)


def _pack_index(index: Index) -> Packed:
    """The keys; how many there may be and whether it is frozen, in words."""
    return Packed(_INDEX, f"{index.max_elements} {int(index.frozen)}".encode(), index.keys())


def _unpack_index(blob: StoredBlob, name: str) -> Index:
    keys = _vector(blob, {I32, I64, STRING_DTYPE})
    most, frozen = map(int, blob.content.split())
    index = Index(keys.dtype, most, name)
    index.load(keys)
    if frozen:
        index.freeze()
    return index


def _pack_map(held: Map) -> Packed:
    key_type, value_type = _C_TYPES[held.key_dtype], _C_TYPES[held.value_dtype]
    return Packed(f"(std::unordered_map<{key_type}, {value_type}>)", pack_tensors(held.entries()))


def _unpack_map(blob: StoredBlob, name: str) -> Map:
    keys, values = unpack_tensors(blob.content)
    dtypes = _MAPS[blob.type_name]
    if (keys.dtype, values.dtype) != dtypes or keys.shape != values.shape:
        raise _malformed(blob)
    held = Map(*dtypes, name)
    held.insert(keys, values)
    return held


def _pack_reader(reader: DatabaseReader) -> Packed:
    names = string_tensor([reader.db_type.encode(), reader.path.encode("utf-8", "surrogateescape")], [2])
    return Packed(_READER, pack_tensors([names, np.array([reader.shards, reader.shard, reader.position], I64)]))


def _unpack_reader(blob: StoredBlob, name: str) -> DatabaseReader:
    names, numbers = unpack_tensors(blob.content)
    if names.dtype != STRING_DTYPE or numbers.dtype != I64:
        raise _malformed(blob)
    db_type, path = [text.decode("utf-8", "surrogateescape") for text in names]
    shards, shard, position = numbers.tolist()
    if not is_database_type(db_type) or not 0 <= shard < shards or position < 0:
        raise _malformed(blob)
    try:
        reader = DatabaseReader(db_type, path, shards, shard, name)
    except OSError as error:
        msg = f"blob {blob.name!r} reads {path!r}, which cannot be opened: {error.strerror}"
        raise WorkspaceError(msg) from None
    reader.go_to(position)
    return reader


KINDS = (
    Kind(ByteString, {_STRING}, _pack_string, _unpack_string),
    Kind(Counter, {_COUNTER}, _pack_counter, _unpack_counter),
    Kind(Mutex, {_MUTEX}, _pack_mutex, _unpack_mutex),
    Kind(TreeCursor, {_CURSOR}, _pack_cursor, _unpack_cursor),
    Kind(Index, {_INDEX}, _pack_index, _unpack_index),
    Kind(Map, _MAPS, _pack_map, _unpack_map),
    Kind(DatabaseReader, {_READER}, _pack_reader, _unpack_reader),
)

_BY_TYPE_NAME = {type_name: kind for kind in KINDS for type_name in kind.type_names}


def serialized(name: str, value: Any) -> bytes:
    """The bytes of the BlobProto of a whole value.

    Raises:
        WorkspaceError: values of its kind cannot be stored.
    """
    if is_tensor(value):
        return stored(name, "Tensor", tensor=np.asarray(value))
    kind = kind_of(value)
    if kind is None:
        what = "nothing" if value is UNSET else f"a {type(value).__name__}"
        msg = f"blob {name!r} holds {what}, which cannot be serialised: {NO_SERIALIZER}"
        raise WorkspaceError(msg, blob=name)
    packed = kind.pack(value)
    return stored(name, packed.type_name, packed.content, tensor=packed.tensor)


def deserialized(content: bytes, name: str = "") -> Any:
    """The value that the bytes of a BlobProto hold, for a blob of that name.

    Raises:
        WorkspaceError: they are no BlobProto, of a type that cannot be read, or only a piece of a tensor.
    """
    blob = read_stored(content)
    if blob.type_name in _BY_TYPE_NAME or blob.elements is None:
        return unpacked(blob, name)
    if len(blob.elements) != blob.size:
        msg = f"blob {blob.name!r} is a piece of {len(blob.elements)} elements of a tensor of shape {blob.shape}"
        raise WorkspaceError(msg)
    return settled(blob.elements.reshape(blob.shape))


def kind_of(value: object) -> Kind | None:
    """How a value is stored; None if it cannot be."""
    return next((kind for kind in KINDS if isinstance(value, kind.type)), None)


def unpacked(blob: StoredBlob, name: str) -> Any:
    """The value of an entry that is no tensor.

    Args:
        blob: what the entry holds.
        name: the blob that will hold the value.

    Raises:
        WorkspaceError: values of that type are not known, or the entry does not hold one.
    """
    kind = _BY_TYPE_NAME.get(blob.type_name)
    if kind is None:
        msg = f"blob {blob.name!r} is of type {blob.type_name!r}, which cannot be read"
        raise WorkspaceError(msg)
    try:
        return kind.unpack(blob, name)
    except (ValueError, RuntimeError) as error:
        if isinstance(error, WorkspaceError):
            raise
        raise _malformed(blob) from None
