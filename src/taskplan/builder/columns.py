"""Schemas from other things and back: flat columns, lists of values, plain Python containers; and comparing schemas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from taskplan.builder.blobs import BlobReference
from taskplan.builder.containers import List, ListWithEvicted, Map, MapWithEvicted, Struct, Tuple, as_field
from taskplan.builder.fields import FIELD_SEPARATOR, Field, Metadata, Scalar, require_field
from taskplan.errors import BuildError, BuildTypeError, BuildValueError

if TYPE_CHECKING:
    import numpy.typing as npt

_T = TypeVar("_T")
_Record = TypeVar("_Record", bound=Field)


class _Node(dict[str, "_Node | Scalar"]):
    """What the names of columns say of one level: its leaves and the levels below."""


def from_column_list(
    col_names: Sequence[str],
    col_types: Sequence[npt.DTypeLike | None] | None = None,
    col_blobs: Sequence[object] | None = None,
    col_metadata: Sequence[Metadata | None] | None = None,
) -> Struct | List:
    """The schema whose leaves have these full names: the inverse of `Field.field_names()`.

    A level of exactly `lengths` and `values` is a `List`, one of `lengths`, `keys` and `values` a `Map`; with
    `_evicted_values` these are their evicted forms. The order is that of first appearance, lengths first in a list. A
    column that is given twice with one type counts once, with the last value.

    Raises:
        BuildError: the lists differ in length, a name has an empty part, or `lengths` has other neighbours than the
            ones above.
        BuildValueError: a name is both a leaf and a level, or is given twice with different types.

    Example:
        >>> from_column_list(["user", "carts:values", "carts:lengths"]).field_names()
        ['user', 'carts:lengths', 'carts:values']
    """
    types = _listed("col_types", col_types, len(col_names))
    blobs = _listed("col_blobs", col_blobs, len(col_names))
    metadata = _listed("col_metadata", col_metadata, len(col_names))
    root = _Node()
    for name, dtype, blob, known in zip(col_names, types, blobs, metadata, strict=True):
        _place(root, name, Scalar(dtype, blob, known))
    return _shaped(root)


def _listed(name: str, values: Sequence[_T] | None, count: int) -> Sequence[_T | None]:
    if values is None:
        return [None] * count
    if len(values) != count:
        msg = f"expected {count} {name}, one a column, got {len(values)}"
        raise BuildError(msg)
    return values


def _place(root: _Node, name: str, leaf: Scalar) -> None:
    *levels, last = name.split(FIELD_SEPARATOR)
    if not (last and all(levels)):
        msg = f"the column name {name!r} has an empty part"
        raise BuildError(msg)
    node = root
    for level in levels:
        below = node.setdefault(level, _Node())
        if isinstance(below, Scalar):
            msg = f"{level!r} in the column name {name!r} is a column itself"
            raise BuildValueError(msg)
        node = below
    known = node.get(last, leaf)
    if isinstance(known, _Node):
        msg = f"the column name {name!r} is also the first part of other names"
        raise BuildValueError(msg)
    if known.dtype != leaf.dtype:
        msg = f"the column {name!r} is given twice, with dtypes {known.dtype} and {leaf.dtype}"
        raise BuildValueError(msg)
    node[last] = leaf


def _shaped(node: _Node) -> Struct | List:
    children = {name: _shaped(child) if isinstance(child, _Node) else child for name, child in node.items()}
    return _list_of(children) if "lengths" in children else Struct(*children.items())


def _list_of(children: dict[str, Struct | List | Scalar]) -> List:
    lengths, evicted = children["lengths"], children.get("_evicted_values")
    match sorted(children):
        case ["lengths", "values"]:
            return List(children["values"], lengths)
        case ["_evicted_values", "lengths", "values"]:
            return ListWithEvicted(children["values"], lengths, evicted)
        case ["keys", "lengths", "values"]:
            return Map(children["keys"], children["values"], lengths_blob=lengths)
        case ["_evicted_values", "keys", "lengths", "values"]:
            return MapWithEvicted(children["keys"], children["values"], lengths_blob=lengths, evicted_values=evicted)
    msg = f"expected 'values', or 'keys' and 'values', with 'lengths' in the names of columns, got {list(children)}"
    raise BuildError(msg)


def from_blob_list(schema: _Record, values: object, throw_on_type_mismatch: bool = False) -> _Record:
    """A copy of `schema` whose leaves have these values; dtypes and metadata stay, and so does `schema` itself.

    Values are converted to the declared dtypes as `Scalar` does it, which truncates floats in a leaf of integers and
    the like; the strict mode refuses them.

    Args:
        schema: the record type.
        values: one value a leaf, in the order of `field_names()`; a lone BlobReference is a list of itself; a record
            gives its values if its leaves have the same names.
        throw_on_type_mismatch: the strict mode: for typed leaves take only arrays of exactly the declared element type.

    Raises:
        BuildError: the number of values or the names differ, or the strict mode refuses a value.
        BuildValueError: a value cannot be converted, or has another inner shape than its leaf declares.
    """
    require_field(schema)
    record = schema.clone_schema()
    matched = matching_values(schema, values)
    for name, leaf, value in zip(record.field_names(), record.all_scalars(), matched, strict=True):
        try:
            leaf.set_value(value, throw_on_type_mismatch, unsafe=True)
        except BuildError as error:
            error.add_note(f"in field {name!r}")
            raise
    return record


def matching_values(schema: Field, values: object) -> list[object]:
    """`values`, a list, record or lone BlobReference, as a list with one value for each leaf of `schema`.

    Raises:
        BuildError: the count differs, or the values are a record with other names.
        BuildTypeError: these are no values.
    """
    if isinstance(values, BlobReference):
        given: list[object] = [values]
    elif isinstance(values, Field):
        if values.field_names() != schema.field_names():
            msg = f"expected a record of fields {schema.field_names()}, got one of {values.field_names()}"
            raise BuildError(msg)
        given = [*values.field_blobs()]
    elif isinstance(values, Iterable):
        given = list(values)
    else:
        msg = f"expected a list of values or a record, got {values!r}"
        raise BuildTypeError(msg)
    names = schema.field_names()
    if len(given) != len(names):
        msg = f"expected {len(names)} values, one for each of {names}, got {len(given)}"
        raise BuildError(msg)
    return given


def as_record(value: object) -> Field:
    """A schema from plain Python: a dict or a list of `(name, field)` pairs is a `Struct`, another list a `Tuple`.

    Works at every level; a `Field` is returned as it is, and anything else makes a leaf.

    Example:
        >>> import numpy as np
        >>> as_record({"user": np.int64, "at": [np.float32, np.float32]}).field_names()
        ['user', 'at:field_0', 'at:field_1']
    """
    if isinstance(value, dict):
        return Struct(*((name, as_record(child)) for name, child in value.items()))
    if isinstance(value, list | tuple):
        if all(isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) for item in value):
            return Struct(*((name, as_record(child)) for name, child in value))
        return Tuple(*(as_record(item) for item in value))
    return as_field(value)


def schema_check(schema: object, previous: Field | None = None) -> Field:
    """`as_record(schema)`, which has the names and types of `previous` if that is given.

    Raises:
        BuildError: the names or types differ.
    """
    record = as_record(schema)
    if previous is not None and not equal_schemas(record, previous):
        msg = f"expected the schema\n{previous!r}\ngot\n{record!r}"
        raise BuildError(msg)
    return record


def is_schema_subset(schema: Field, original_schema: Field) -> bool:
    """Whether every leaf of `schema` has a namesake in `original_schema`; types do not count."""
    return set(schema.field_names()) <= set(original_schema.field_names())


def equal_schemas(
    schema: Field,
    original_schema: Field,
    check_field_names: bool = True,
    check_field_types: bool = True,
    check_field_metas: bool = False,
) -> bool:
    """Whether the leaves of two schemas agree in names, types and metadata, as far as asked for.

    Raises:
        BuildTypeError: one of them is no `Field`.
    """
    require_field(schema)
    require_field(original_schema)
    return (
        (not check_field_names or schema.field_names() == original_schema.field_names())
        and (not check_field_types or schema.field_types() == original_schema.field_types())
        and (not check_field_metas or schema.field_metadata() == original_schema.field_metadata())
    )
