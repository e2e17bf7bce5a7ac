"""Record types from dataclasses and NumPy's structured dtypes, and back; records to structured arrays, and back.

A leaf is in a dataclass an annotation:

=============================================  ========================================
`int`, `float`, `bool`, `str`                  int64, float64, bool, str
`np.float32` and the like                      that
`Annotated[np.ndarray, (np.float32, 64)]`      that, with the inner shape
`Any`                                          untyped
`list[T]`; `dict[K, V]`                        `List`; `Map`
`tuple[A, B]`                                  `Tuple`
a dataclass                                    `Struct`
`Annotated[T, Metadata(...)]`                  as `T`, with the metadata
=============================================  ========================================

The dtypes for Arrow are in `taskplan.data.files.arrow`.
"""

from __future__ import annotations

import dataclasses
import keyword
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from taskplan.builder.column_types import TEXT, UNTYPED
from taskplan.builder.columns import from_blob_list
from taskplan.builder.containers import List, ListWithEvicted, Map, Struct, Tuple, from_dtype
from taskplan.builder.fields import FIELD_SEPARATOR, Field, Metadata, Scalar
from taskplan.errors import BuildTypeError, BuildValueError
from taskplan.plan.names import did_you_mean
from taskplan.plan.types import Array, DType

_PLAIN: dict[object, type] = {int: np.int64, float: np.float64, bool: np.bool_, str: str}
_ANNOTATIONS: dict[DType, type] = {np.dtype(dtype): plain for plain, dtype in _PLAIN.items() if isinstance(plain, type)}

_ELEMENTS = {np.dtype(code).type for code in np.typecodes["All"]} - {np.void, np.object_}
"""NumPy's types that are dtypes."""


# Dataclasses


def schema_from_dataclass(cls: type) -> Struct:
    """The record type that a dataclass describes; the table at the top of this file has what its fields may be.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Flight:
        ...     day: int
        ...     delay: np.float32
        ...     stops: list[str]
        >>> schema_from_dataclass(Flight).field_names()
        ['day', 'delay', 'stops:lengths', 'stops:values']

    Raises:
        BuildTypeError: it is no dataclass, or a field is annotated as what no record has: something optional, a class
            of another kind, itself.
    """
    return _struct_of(cls, ())


def _struct_of(cls: object, outer: tuple[object, ...]) -> Struct:
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        msg = f"expected a dataclass, got {cls!r}"
        raise BuildTypeError(msg)
    if cls in outer:
        msg = f"{cls.__qualname__} contains itself; a record has a fixed depth"
        raise BuildTypeError(msg)
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        msg = f"an annotation of {cls.__qualname__} is not known where the class was defined: {error}"
        raise BuildTypeError(msg) from None
    names = [each.name for each in dataclasses.fields(cls)]
    return Struct(*((name, _annotated(f"{cls.__qualname__}.{name}", hints[name], (*outer, cls))) for name in names))


def _annotated(where: str, hint: Any, outer: tuple[object, ...]) -> Field:
    """The field that an annotation stands for."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _with_notes(where, args[0], args[1:], outer)
    if origin in (Union, UnionType):
        advice = "records have no missing values; say None by a value, such as nan" if NoneType in args else "name one"
        msg = f"{where} is {hint}, which a column cannot be: {advice}"
        raise BuildTypeError(msg)
    if origin is list and len(args) == 1:
        return List(_annotated(where, args[0], outer))
    if origin is dict and len(args) == 2:
        return Map(_annotated(where, args[0], outer), _annotated(where, args[1], outer))
    if origin is tuple and args and Ellipsis not in args:
        return Tuple(*(_annotated(where, arg, outer) for arg in args))
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _struct_of(hint, outer)
    if hint is Any:
        return Scalar()
    if hint in _PLAIN:
        return Scalar(_PLAIN[hint])
    if hint in _ELEMENTS:
        return Scalar(hint)
    msg = (
        f"{where} is annotated {hint!r}; expected int, float, bool, str, a type of NumPy, list[...], dict[..., ...], "
        "tuple[..., ...], a dataclass, or Annotated[np.ndarray, (dtype, shape)]"
    )
    raise BuildTypeError(msg)


def _with_notes(where: str, hint: object, notes: Sequence[object], outer: tuple[object, ...]) -> Field:
    """The field of `Annotated`: what a dtype or a field among the notes says, else what the annotation itself does."""
    known = [note for note in notes if isinstance(note, Metadata)]
    given = [note for note in notes if _is_column_type(note)]
    made = _given_field(given[0]) if given else _annotated(where, hint, outer)
    if known:
        if not isinstance(made, Scalar):
            msg = f"{where} has Metadata, which only a leaf has, and is {made!r}"
            raise BuildTypeError(msg)
        made.set_metadata(known[0])
    return made


def _is_column_type(note: object) -> bool:
    if isinstance(note, tuple) and len(note) == 2:
        return note[0] in _PLAIN or _is_column_type(note[0])
    return isinstance(note, Field | np.dtype) or (isinstance(note, type) and note in _ELEMENTS)


def _given_field(note: Any) -> Field:
    if isinstance(note, Field):
        return note.clone_schema()
    return from_dtype(note) if isinstance(note, np.dtype) and note.names else Scalar(note)


def dataclass_from_schema(schema: Field, name: str) -> type:
    """A dataclass whose record type is `schema`: the inverse of `schema_from_dataclass`.

    The dataclasses inside of it are called after their fields: `<name>_<field>`.

    Raises:
        BuildTypeError: it is no Struct, or has something in it that no annotation says: a list with evicted values, or
            lengths that are not int32.
        BuildValueError: the name of a field is none in Python.

    Example:
        >>> made = dataclass_from_schema(Struct(("id", np.int64), ("prices", List(np.float32))), "Cart")
        >>> made(id=7, prices=[])
        Cart(id=7, prices=[])
    """
    if not isinstance(schema, Struct):
        msg = f"a dataclass has named fields, so its schema is a Struct, got {schema!r}"
        raise BuildTypeError(msg)
    fields = schema.get_children()
    for field, _ in fields:
        if not field.isidentifier() or keyword.iskeyword(field):
            msg = f"the field {field!r} of {name} cannot be an attribute in Python; rename it"
            raise BuildValueError(msg)
    return dataclasses.make_dataclass(name, [(field, _annotation(child, f"{name}_{field}")) for field, child in fields])


def _annotation(node: Field, name: str) -> Any:
    if isinstance(node, Struct):
        return dataclass_from_schema(node, name)
    if isinstance(node, List):
        if isinstance(node, ListWithEvicted) or node.lengths.dtype != np.int32 or node.lengths.metadata is not None:
            msg = f"no annotation says what {name} is; expected a List whose lengths are plain int32, got {node!r}"
            raise BuildTypeError(msg)
        return list[_annotation(node["values"], name)]  # type: ignore[misc] # known at run time only
    assert isinstance(node, Scalar)
    dtype = node.dtype
    if dtype == UNTYPED:
        plain: Any = Any
    elif dtype in _ANNOTATIONS:
        plain = _ANNOTATIONS[dtype]
    elif dtype.shape or dtype.base.kind in "US":
        plain = Annotated[np.ndarray, dtype]
    else:
        plain = dtype.type
    return plain if node.metadata is None else Annotated[plain, node.metadata]


# Structured dtypes and arrays


def dtype_from_schema(schema: Field) -> DType:
    """The structured dtype of a record type: the inverse of `from_dtype`. A lone leaf has its own.

    Raises:
        BuildTypeError: there is a List in it, whose records differ in size.
        BuildValueError: a leaf is untyped, or holds text of any length.

    Example:
        >>> dtype_from_schema(Struct(("id", np.int64), ("at", Scalar((np.float32, 2)))))
        dtype([('id', '<i8'), ('at', '<f4', (2,))])
    """
    return _dtype_of("", schema)


def _dtype_of(name: str, node: Field) -> DType:
    if isinstance(node, Struct):
        return np.dtype([(child, _dtype_of(_joined(name, child), inner)) for child, inner in node.get_children()])
    if not isinstance(node, Scalar):
        msg = f"field {name!r} is a list, and all records of a structured dtype have one size; leave it out"
        raise BuildTypeError(msg)
    if node.dtype.base in (UNTYPED, TEXT):
        what = "is untyped" if node.dtype.base == UNTYPED else "holds text of any length; Scalar('U10') says how much"
        msg = f"field {name!r} {what}; a structured dtype needs a type with a size"
        raise BuildValueError(msg)
    return node.dtype


def _joined(left: str, right: str) -> str:
    return f"{left}{FIELD_SEPARATOR}{right}" if left else right


def to_structured(record: Field) -> Array:
    """A structured array of a record that holds arrays. Text takes as much room as the longest of its column.

    Raises:
        BuildTypeError: there is a List in it.
        BuildValueError: its arrays differ in size.
        BuildError: a leaf holds no array.
    """
    columns = [np.asarray(value) for value in record.field_blobs()]
    typed = with_types_of(record, columns)
    for leaf, column in zip(typed.all_scalars(), columns, strict=True):
        if leaf.dtype.base == TEXT and column.dtype.kind in "US":
            leaf.set_type((column.dtype, leaf.dtype.shape) if leaf.dtype.shape else column.dtype)
    dtype = dtype_from_schema(typed)
    sizes = dict(zip(record.field_names(), map(len, columns), strict=True))
    if len(set(sizes.values())) > 1:
        msg = f"the columns of a record have as many rows each, got {sizes}"
        raise BuildValueError(msg)
    made: Array = np.empty(next(iter(sizes.values()), 0), dtype)
    for name, column in zip(record.field_names(), columns, strict=True):
        _column(made, name)[...] = column
    return made


def from_structured(array: Array, schema: Field | None = None) -> Field:
    """The record of arrays that a structured array holds: the inverse of `to_structured`.

    Args:
        array: one record an entry.
        schema: the record type, whose leaves are named as those of the array; `from_dtype` of it if not given.

    Raises:
        BuildValueError: the array has not exactly one axis, or the fields of `schema` have other names than its own.
    """
    found = from_dtype(array.dtype)
    wanted = found if schema is None else schema
    if array.ndim != 1 or wanted.field_names() != found.field_names():
        msg = (
            f"expected an array of one axis with the fields {wanted.field_names()}, "
            f"got one of shape {array.shape} with {found.field_names()}"
        )
        raise BuildValueError(msg)
    return from_blob_list(wanted, [_column(array, name) for name in wanted.field_names()])


def _column(array: Any, name: str) -> Any:
    for part in filter(None, name.split(FIELD_SEPARATOR)):
        array = array[part]
    return array


def with_types_of(schema: Any, columns: Sequence[Array]) -> Any:
    """A copy of `schema` whose untyped leaves have the types of arrays, and those without an inner shape that, too."""
    made = schema.clone_schema()
    for leaf, array in zip(made.all_scalars(), columns, strict=True):
        base = leaf.dtype.base
        if base == UNTYPED:
            base = TEXT if array.dtype.kind in "USO" else array.dtype
        if base != leaf.dtype.base or (array.ndim > 1 and not leaf.dtype.shape):
            leaf.set_type((base, array.shape[1:]) if array.ndim > 1 else base)
    return made


# Columns of files


def with_columns(where: str, schema: Struct, columns: Sequence[str]) -> Struct:
    """`schema` with only these of its columns, in this order.

    Raises:
        BuildValueError: there is no such column; the message says where, and has near names.
    """
    for column in columns:
        if column not in schema.fields:
            raise unknown_column(where, column, list(schema.fields))
    return schema[list(columns)]  # type: ignore[no-any-return] # a Struct


def unknown_column(where: str, column: str, names: Sequence[str]) -> BuildValueError:
    """The error that a column is not there."""
    return BuildValueError(f"{where} has no column {column!r}{did_you_mean(str(column), names)}", column=column)


def refuse_lists(schema: Field, advice: str) -> None:
    """Refuse record types whose columns differ in their number of rows.

    Raises:
        BuildValueError: there is a List in it; the message ends with the advice.
    """
    for name in schema.field_names():
        if "lengths" in name.split(FIELD_SEPARATOR):
            msg = f"column {name!r} is of a list, and the columns of a batch have as many rows each; {advice}"
            raise BuildValueError(msg, column=name)
