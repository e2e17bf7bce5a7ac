"""Arrow's types, arrays and file formats, for the other files of this room.

This is the only file that imports pyarrow (`pip install taskplan[arrow]`). What Arrow's types are here:

====================================================  ==========================================================
bool, int8 ... int64, uint8, uint16, float16 ... 64   the same
uint32                                                int64
string, large_string, string_view                     str
date32, time32                                        int32: days since 1970; units of the type since midnight
date64, timestamp, time64, duration                   int64, in the unit of the type; timestamps count from 1970, UTC
dictionary                                            what its values are
fixed_size_list                                       an inner shape, if its values are numbers
list, large_list; map                                 `List`; `Map`
struct                                                `Struct`
====================================================  ==========================================================

All of these are exact. The others (uint64, decimals, binary, ...) have no tensor that holds them, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from taskplan.builder.column_types import TEXT, UNTYPED, data_type_for_dtype
from taskplan.builder.columns import from_blob_list
from taskplan.builder.containers import List, ListWithEvicted, Map, Struct
from taskplan.builder.fields import FIELD_SEPARATOR, Field, Scalar
from taskplan.data.files.missing_values import MissingValueError, Nulls, checked_fills
from taskplan.data.record_types import with_types_of
from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.plan.types import STRING_DTYPE, Array, DType

# What pyarrow makes has no types that mypy knows: hence Any for its schemas, types, arrays and tables.
Arrow = Any

_INT32_MOST = (1 << 31) - 1

_LEAVES: dict[str, type] = {
    "bool": np.bool_,
    **{name: getattr(np, name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint16")},
    **{"uint32": np.int64, "halffloat": np.float16, "float": np.float32, "double": np.float64},
    **dict.fromkeys(("string", "large_string", "string_view"), str),
    **dict.fromkeys(("date32", "time32"), np.int32),
    **dict.fromkeys(("date64", "time64", "timestamp", "duration"), np.int64),
}
"""What the leaves of Arrow's types are, by the first word of what they are called."""

_TEXTS = ("string", "large_string")

_NUMBERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "halffloat", "float", "double"})
"""Types of numbers that are the same here."""

_COUNTED = {
    "date32": "int32",
    "time32": "int32",
    **dict.fromkeys(("date64", "time64", "timestamp", "duration"), "int64"),
}
"""Types that are integers underneath."""


@cache
def package() -> Any:
    """The package pyarrow, imported when it is first needed.

    Raises:
        BuildError: it is not installed.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.compute  # type: ignore[import-untyped]
        import pyarrow.csv  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError as error:
        msg = f"Parquet, CSV and Arrow tables need the package pyarrow: pip install taskplan[arrow] ({error})"
        raise BuildError(msg) from None
    return pyarrow


def arrow_errors() -> tuple[type[Exception], ...]:
    """What pyarrow raises where it cannot read something; not what the file that it reads from raises."""
    return (package().ArrowException, OSError, UnicodeDecodeError)


# Schemas


def schema_from_arrow(schema: Arrow) -> Struct:
    """The record type that an Arrow schema describes; see the table at the top of this file.

    Whether a field may be null is not kept, as no record here has nulls; nor is Arrow's metadata.

    Raises:
        BuildTypeError: it is no pyarrow.Schema, nor another collection of pyarrow.Fields.
        BuildValueError: a column has a type that no tensor holds, or two columns have one name.
        BuildError: a column has a name that none can have here, such as `lengths`.

    Example:
        >>> import pyarrow
        >>> schema_from_arrow(pyarrow.schema([("id", pyarrow.int64()), ("prices", pyarrow.list_(pyarrow.float32()))]))
        Struct(
          id: Scalar(int64),
          prices: List(
            lengths: Scalar(int32),
            values: Scalar(float32),
          ),
        )
    """
    columns = list(schema) if isinstance(schema, Iterable) else [schema]
    if not all(isinstance(column, package().Field) for column in columns):
        msg = f"schema must be a pyarrow.Schema, got {schema!r:.80}"
        raise BuildTypeError(msg)
    return Struct(*((column.name, _field_of(column.name, column.type)) for column in columns))


def _field_of(name: str, arrow_type: Arrow) -> Field:
    """The schema of a column, or of what is inside of one."""
    kind = _kind(arrow_type)
    if kind in _LEAVES:
        return Scalar(_LEAVES[kind])
    match kind:
        case "dictionary":
            return _field_of(name, arrow_type.value_type)
        case "list" | "large_list":
            return List(_field_of(f"{name}:values", arrow_type.value_type))
        case "map":
            keys = _field_of(f"{name}:keys", arrow_type.key_type)
            return Map(keys, _field_of(f"{name}:values", arrow_type.item_type))
        case "struct":
            children = [arrow_type.field(index) for index in range(arrow_type.num_fields)]
            return Struct(*((child.name, _field_of(f"{name}:{child.name}", child.type)) for child in children))
        case "fixed_size_list":
            inner = _field_of(name, arrow_type.value_type)
            if isinstance(inner, Scalar) and inner.dtype.base != TEXT and arrow_type.list_size > 0:
                return Scalar((inner.dtype.base, (arrow_type.list_size, *inner.dtype.shape)))
    msg = (
        f"column {name!r} has the Arrow type {str(arrow_type)!r}, which no tensor holds; "
        "read only other columns (columns=[...]), or store it as another type"
    )
    raise BuildValueError(msg, column=name)


@lru_cache(maxsize=256)
def _is_number(arrow_type: Arrow) -> bool:
    """Whether entries of the type are numbers that NumPy has too, and are taken as they are."""
    return _kind(arrow_type) in _NUMBERS


@lru_cache(maxsize=256)
def _kind(arrow_type: Arrow) -> str:
    """The first word of what a type is called: `list` of `list<item: int64>`."""
    found = re.match(r"\w+", str(arrow_type))
    return found[0] if found else ""


def arrow_from_schema(schema: Field, untyped_as_null: bool = False) -> Arrow:
    """The Arrow schema of a record type: the inverse of `schema_from_arrow`, as far as that goes.

    Metadata of leaves is not kept, and a Map is a list of its keys and values.

    Args:
        schema: the record type.
        untyped_as_null: untyped leaves have Arrow's type `null`; else they are refused.

    Raises:
        BuildValueError: a leaf is untyped or of a type that no tensor has, or lengths are no int32.
        BuildTypeError: it is no Struct, or has a list with evicted values in it.
    """
    return _arrow_schema(schema, package().null() if untyped_as_null else None)


def _arrow_schema(schema: Field, if_untyped: Arrow) -> Arrow:
    if not isinstance(schema, Struct):
        msg = f"a table has named columns, so its schema is a Struct, got {schema!r}"
        raise BuildTypeError(msg)
    return package().schema([(name, _type_of(name, child, if_untyped)) for name, child in _stored(schema)])


def _stored(schema: Struct) -> list[tuple[str, Field]]:
    """The children that have a leaf; Arrow cannot tell the size of the others, and they hold nothing."""
    return [(name, child) for name, child in schema.get_children() if child.field_names()]


def _type_of(name: str, node: Field, if_untyped: Arrow) -> Arrow:
    arrow = package()
    if isinstance(node, ListWithEvicted):
        msg = f"field {name!r} is a list with evicted values, which Arrow has no type for; use a List"
        raise BuildTypeError(msg)
    if isinstance(node, List):
        if node.lengths.dtype not in (np.dtype(np.int32), UNTYPED):
            msg = f"field '{name}:lengths' has dtype {node.lengths.dtype}, expected int32"
            raise BuildValueError(msg)
        return arrow.list_(_type_of(f"{name}:values", node["values"], if_untyped))
    if isinstance(node, Struct):
        return arrow.struct([(child, _type_of(f"{name}:{child}", inner, if_untyped)) for child, inner in _stored(node)])
    assert isinstance(node, Scalar)
    return _leaf_type(name, node.dtype, if_untyped)


def _leaf_type(name: str, dtype: DType, if_untyped: Arrow) -> Arrow:
    arrow = package()
    base = dtype.base
    if base == UNTYPED:
        if if_untyped is None:
            msg = f"field {name!r} has no type; give its leaf a dtype, as in Scalar(np.float32)"
            raise BuildValueError(msg)
        return if_untyped
    try:
        arrow_type = arrow.string() if base.kind in "US" or base == STRING_DTYPE else arrow.from_numpy_dtype(base)
        if base.kind not in "USO":
            data_type_for_dtype(base)
    except (BuildTypeError, arrow.ArrowException) as error:
        msg = f"field {name!r} has dtype {dtype}: {error}"
        raise BuildValueError(msg) from None
    for size in reversed(dtype.shape):
        arrow_type = arrow.list_(arrow_type, size)
    return arrow_type


# Tables to columns


@dataclass(frozen=True)
class _Leaf:
    """One column of a batch; `rows` says for each of its entries in which row of the batch it is."""

    name: str
    array: Arrow
    rows: Callable[[], Any]


def columns_of(batch: Arrow, names: Sequence[str], nulls: Nulls) -> tuple[list[Array], int]:
    """The columns of a record batch or table, one array for each of the leaves `names`, in that order.

    Returns:
        The arrays, and how many rows were left out since something is missing in them.

    Raises:
        MissingValueError: something is missing, and nothing says what takes its place.
    """
    arrays = batch.columns
    if all(_is_number(each.type) and not each.null_count for each in arrays) and batch.schema.names == list(names):
        return [_read_only(each) for each in arrays], 0
    leaves = {leaf.name: leaf for leaf in _leaves_of(batch)}
    bad: Array | None = None
    for name in names:
        leaf = leaves[name]
        missing = _missing(leaf.array)
        if missing is None or name in nulls.fill or (not nulls.drop and _is_float(leaf.array.type)):
            continue
        rows = leaf.rows()[missing]
        if not nulls.drop:
            raise MissingValueError(name, np.unique(rows), "" if _kind(leaf.array.type) in _TEXTS else 0)
        bad = np.zeros(batch.num_rows, bool) if bad is None else bad
        bad[rows] = True
    dropped = 0
    if bad is not None:
        dropped = int(bad.sum())
        kept = batch.filter(package().array(np.logical_not(bad)))
        leaves = {leaf.name: leaf for leaf in _leaves_of(kept)}
    return [_values(leaves[name].array, nulls.fill.get(name)) for name in names], dropped


def _leaves_of(batch: Arrow) -> Iterator[_Leaf]:
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        whole = array.combine_chunks() if hasattr(array, "combine_chunks") else array
        yield from _leaves(name, whole, lambda: np.arange(batch.num_rows))


def _leaves(name: str, array: Arrow, rows: Callable[[], Any]) -> Iterator[_Leaf]:
    array = _simplified(array)
    match _kind(array.type):
        case "struct":
            for index, child in enumerate(array.flatten()):  # a child is missing where its struct is
                yield from _leaves(f"{name}{FIELD_SEPARATOR}{array.type.field(index).name}", child, rows)
        case "list" | "large_list":
            lengths = array.value_lengths()
            yield _Leaf(f"{name}:lengths", lengths.cast(package().int32()), rows)
            yield from _leaves(f"{name}:values", array.flatten(), lambda: rows().repeat(_values(lengths, 0)))
        case _:
            yield _Leaf(name, array, rows)


def _simplified(array: Arrow) -> Arrow:
    """The same values, as the type that they have here."""
    arrow = package()
    kind = _kind(array.type)
    if kind in _COUNTED:
        return array.view(getattr(arrow, _COUNTED[kind])())
    match kind:
        case "dictionary":
            return _simplified(array.dictionary_decode())
        case "string_view":
            return array.cast(arrow.large_string())
        case "uint32":
            return array.cast(arrow.int64())
        case "map":
            entry = arrow.struct([("keys", array.type.key_type), ("values", array.type.item_type)])
            return array.cast(arrow.list_(entry))
        case "fixed_size_list" if _kind(array.type.value_type) in {*_COUNTED, "uint32"}:
            as_integers = arrow.int32() if _LEAVES[_kind(array.type.value_type)] is np.int32 else arrow.int64()
            return array.cast(arrow.list_(as_integers, array.type.list_size))
    return array


def _missing(array: Arrow) -> Array | None:
    """Which entries of a leaf are missing, as a whole or in part; None if no entry is."""
    found = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if _kind(array.type) != "fixed_size_list":
        return found
    inner = _missing(array.flatten())
    if inner is None:
        return found
    present = np.ones(len(array), bool) if found is None else ~found
    result = ~present
    result[present] = inner.reshape(-1, array.type.list_size).any(axis=1)
    return result


def _is_float(arrow_type: Arrow) -> bool:
    while _kind(arrow_type) == "fixed_size_list":
        arrow_type = arrow_type.value_type
    return _kind(arrow_type) in ("halffloat", "float", "double")


def _values(array: Arrow, fill: object) -> Array:
    """A leaf as an array of NumPy, with `fill` where something is missing, or nan."""
    if _kind(array.type) == "fixed_size_list":
        inner = _values(array.flatten(), fill)  # of the entries that are there
        present = inner.reshape(-1, array.type.list_size, *inner.shape[1:])
        if not array.null_count:
            return present
        whole = np.full((len(array), *present.shape[1:]), np.nan if fill is None else fill, present.dtype)
        whole[array.is_valid().to_numpy(zero_copy_only=False)] = present
        return whole
    if array.null_count and fill is not None:
        array = array.fill_null(fill)
    if _kind(array.type) in _TEXTS:
        arrow = package()
        array = array.cast(arrow.binary() if _kind(array.type) == "string" else arrow.large_binary())
    return _read_only(array)


def _read_only(array: Arrow) -> Array:
    """The entries, which nobody will write into; so nobody need copy them."""
    made: Array = array.to_numpy(zero_copy_only=False)
    made.flags.writeable = False
    return made


# Columns to tables


def table_of(schema: Struct, columns: Sequence[Array]) -> Arrow:
    """A table of the columns of a batch, one array for each leaf of `schema`, whose leaves are typed.

    Strings are bytes or str.

    Raises:
        BuildValueError: an array does not fit its leaf, or lengths do not add up to their values.
    """
    arrow_schema = _arrow_schema(schema, None)
    waiting = iter(columns)
    stored = _stored(schema)
    arrays = [_array_of(name, child, waiting) for name, child in stored]
    sizes = {name: len(array) for (name, _), array in zip(stored, arrays, strict=True)}
    if len(set(sizes.values())) > 1:
        msg = f"the columns of a batch have as many rows each, got {sizes}"
        raise BuildValueError(msg)
    return package().table(dict(zip(sizes, arrays, strict=True)), schema=arrow_schema)


def _array_of(name: str, node: Field, waiting: Iterator[Array]) -> Arrow:
    """The array of one node, from the columns that wait for their leaves."""
    arrow = package()
    if isinstance(node, List):
        lengths = _leaf_values(f"{name}:lengths", np.dtype(np.int32), next(waiting))
        values = _array_of(f"{name}:values", node["values"], waiting)
        ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        if (len(lengths) and lengths.min() < 0) or ends[-1] != len(values) or ends[-1] > _INT32_MOST:
            msg = f"field '{name}:lengths' adds up to {ends[-1]}, but there are {len(values)} values"
            raise BuildValueError(msg)
        return arrow.ListArray.from_arrays(arrow.array(ends, arrow.int32()), values)
    if isinstance(node, Struct):
        children = [(child, _array_of(f"{name}:{child}", inner, waiting)) for child, inner in _stored(node)]
        return arrow.StructArray.from_arrays([array for _, array in children], names=[child for child, _ in children])
    assert isinstance(node, Scalar)
    return leaf_array(name, node.dtype, next(waiting))


def leaf_array(name: str, dtype: DType, array: Array) -> Arrow:
    """The Arrow array of one leaf.

    Raises:
        BuildValueError: the array does not fit the leaf.
    """
    arrow = package()
    values = _leaf_values(name, dtype, array)
    flat = values.reshape(-1)
    try:
        # NumPy pads bytes of a fixed size with zeros, which are no part of the text.
        made = arrow.array(flat.astype(object), arrow.string()) if flat.dtype.kind in "SO" else arrow.array(flat)
    except (arrow.ArrowException, TypeError, ValueError) as error:
        msg = f"field {name!r} cannot be stored as {dtype}: {error}"
        raise BuildValueError(msg, column=name) from None
    for size in reversed(values.shape[1:]):
        made = arrow.FixedSizeListArray.from_arrays(made, size)
    return made


def _leaf_values(name: str, dtype: DType, array: Array) -> Array:
    """`array`, of the element type that the leaf declares.

    Raises:
        BuildValueError: not each of its values has its like in that type, or it has another inner shape.
    """
    wants_text = dtype.base.kind in "USO"
    fits = array.dtype.kind in "USO" if wants_text else np.can_cast(array.dtype, dtype.base, "safe")
    if array.ndim == 0 or array.shape[1:] != dtype.shape or not fits:
        msg = (
            f"field {name!r} got an array of {array.dtype} of shape {array.shape}, expected one of "
            f"{dtype.base if dtype.base != TEXT else 'str'} with inner shape {dtype.shape}"
        )
        raise BuildValueError(msg, column=name)
    return array if wants_text else array.astype(dtype.base, copy=False)


# Records


def to_table(record: Field) -> Arrow:
    """A pyarrow.Table of a record that holds arrays.

    Raises:
        BuildError: a leaf holds no array.
        BuildValueError: an array does not fit its leaf, or lengths do not add up to their values.
    """
    columns = [np.asarray(value) for value in record.field_blobs()]
    return table_of(with_types_of(record, columns), columns)


def from_table(table: Arrow, fill_nulls: Mapping[str, object] | None = None, drop_nulls: bool = False) -> Struct:
    """The record of arrays that a pyarrow.Table holds: the inverse of `to_table`.

    Args:
        table: the table, or a pyarrow.RecordBatch.
        fill_nulls: by column, what takes the place of nulls.
        drop_nulls: leave out rows with other nulls; if false, they are nan in columns of floats, and else refused.

    Raises:
        BuildTypeError: it is neither.
        BuildValueError: a column has a type that no tensor holds, or nulls.
    """
    if not isinstance(table, (package().Table, package().RecordBatch)):
        msg = f"table must be a pyarrow.Table or RecordBatch, got {table!r:.80}"
        raise BuildTypeError(msg)
    schema = schema_from_arrow(table.schema)
    nulls = Nulls(checked_fills(schema, fill_nulls), drop_nulls)
    try:
        columns, _ = columns_of(table, schema.field_names(), nulls)
    except MissingValueError as missing:
        msg = f"column {missing.column!r} has a null in row {missing.rows[0]}; {missing.advice}"
        raise BuildValueError(msg, column=missing.column) from None
    return from_blob_list(schema, columns)
