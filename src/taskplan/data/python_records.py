"""Records of plain Python as columns: tuples, dicts, dataclass instances, of arrays or of numbers and strings."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from taskplan.builder.column_types import UNTYPED
from taskplan.builder.containers import List, ListWithEvicted, Struct
from taskplan.builder.fields import FIELD_SEPARATOR, Field
from taskplan.errors import DtypeError, OperatorError, ShapeError
from taskplan.operators.operands import dtype_name, fits
from taskplan.plan.types import STRING_DTYPE, Array, DType


class RecordColumns:
    """Makes columns of records, as a schema has them.

    Args:
        schema: names and types of the columns.
        origin: what messages call the place that records come from.
    """

    def __init__(self, schema: Field, origin: str) -> None:
        self._names = schema.field_names()
        self._types = schema.field_types()
        self._root = _node_of("", schema)
        self._origin = origin

    def of_batch(self, record: object, number: int) -> tuple[Array, ...]:
        """The columns of a record whose values are columns; a value without rows is one row.

        Args:
            record: the record; the columns of a list in it are called `lengths` and `values`.
            number: its place, for messages.

        Raises:
            OperatorError: it is no record of the schema; DtypeError and ShapeError say so of one value.
        """
        made = []
        for place, value in enumerate(self._leaves(self._root, record, number)):
            array = self._array(place, value, f"item {number}")
            made.append(array.reshape((1, *array.shape)) if array.ndim == len(self._types[place].shape) else array)
        self._require_shapes(made, f"item {number}")
        return tuple(made)

    def of_rows(self, records: Sequence[object], first: int) -> tuple[Array, ...]:
        """The columns of records that are a row each.

        Args:
            records: at least one.
            first: the place of the first, for messages.

        Raises:
            OperatorError: one is no record of the schema; DtypeError and ShapeError say so of its values.
        """
        where = f"items {first} to {first + len(records) - 1}"
        columns = self._stacked(self._root, records, range(first, first + len(records)))
        made = [self._array(place, column, where) for place, column in enumerate(columns)]
        self._require_shapes(made, where)
        return tuple(made)

    def of_columns(self, batch: Any) -> Any:
        """The columns of a batch that has an array for each leaf; what is no such batch as it is.

        Raises:
            DtypeError, ShapeError: a column is of another type, or has rows of another shape.
        """
        if not isinstance(batch, tuple | list) or len(batch) != len(self._names):
            return batch
        made = [self._array(place, column, "a batch") for place, column in enumerate(batch)]
        self._require_shapes(made, "a batch")
        return tuple(made)

    def _leaves(self, node: _Node, value: Any, number: int) -> Iterator[Any]:
        """The values of the leaves of a node, whose values are columns."""
        is_plain = isinstance(value, tuple | list) and _named(value) is None
        if is_plain and len(value) == node.leaves and (node.kind == "struct" or node is self._root):
            yield from value
        elif node.kind == "leaf":
            yield value
        else:
            for child, inner in zip(node.children, self._children(node, value, number, node.columns), strict=True):
                yield from self._leaves(child, inner, number)

    def _stacked(self, node: _Node, values: Sequence[Any], places: Sequence[int]) -> Iterator[list[Any]]:
        """The columns of the leaves of a node, whose values are entries.

        Args:
            node: the node.
            values: its value in each entry.
            places: for each of them the place of the record that it belongs to, for messages.
        """
        if node.kind == "leaf":
            is_row = node is self._root
            yield [each[0] if is_row and isinstance(each, tuple | list) and len(each) == 1 else each for each in values]
        elif node.kind == "list":
            entries = [self._entries(node, value, place) for value, place in zip(values, places, strict=True)]
            yield [len(each) for each in entries]
            inside = [place for place, each in zip(places, entries, strict=True) for _ in each]
            yield from self._stacked(node.children[1], [entry for each in entries for entry in each], inside)
        else:
            rows = [self._children(node, value, place, node.names) for value, place in zip(values, places, strict=True)]
            for index, child in enumerate(node.children):
                yield from self._stacked(child, [row[index] for row in rows], places)

    def _entries(self, node: _Node, value: Any, place: int) -> Collection[Any]:
        """The entries of a list; of a dict its pairs of key and value, where the list is a Map."""
        if isinstance(value, Mapping) and len(node.children[1].children) == 2:
            return value.items()
        is_array = isinstance(value, np.ndarray) and value.ndim > 0
        if is_array or (isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping | np.ndarray)):
            return value  # type: ignore[no-any-return] # a collection, which an array is too
        raise self._error(node, place, f"is {value!r:.80}, expected a list of values")

    def _children(self, node: _Node, value: Any, place: int, expected: Sequence[str]) -> Sequence[Any]:
        """The values of the children of a node: by name if the value has names, else by position."""
        named = _named(value)
        if named is not None:
            found = [_child(named, name) for name in node.names]
            if any(each is _MISSING for each in found):
                missing = [name for name, each in zip(node.names, found, strict=True) if each is _MISSING]
                lacking = [each for each in expected if each.split(FIELD_SEPARATOR)[0] in missing]
                text = f"lacks {', '.join(map(repr, lacking))}; it has {list(named)}, expected {list(expected)}"
                raise self._error(node, place, text)
            return found
        if isinstance(value, tuple | list) and node.kind == "struct":
            if len(value) == len(node.children):
                return value
            if node is self._root and len(value) == node.leaves and not node.has_lists:
                return _nested(node, iter(value))
            if node.leaves != 1:
                count = f"has {len(value)} values, expected one for each of {list(expected)}"
                raise self._error(node, place, count)
        if node.leaves == 1:
            return (value,)
        what = "a dict" if node.kind == "list" else "a tuple, dict or dataclass"
        raise self._error(node, place, f"is {value!r:.80}, expected {what} of {list(expected)}")

    def _array(self, place: int, value: Any, where: str) -> Array:
        declared = self._types[place]
        base = declared.base
        is_array = isinstance(value, np.ndarray)
        if base.kind in "USO" and not is_array:
            base = STRING_DTYPE
        try:
            array = np.array(value, STRING_DTYPE) if base == STRING_DTYPE else np.asarray(value)
        except ValueError as error:
            msg = f"{self._text(where, place)} is no array: {error}"
            raise ShapeError(msg, operator="ReadSource") from None
        if declared.base == UNTYPED:
            is_text = array.dtype.kind in "SU" and not is_array
            return np.array(value, STRING_DTYPE) if is_text else array
        if not array.size:
            return np.empty((0, *declared.shape) if array.shape == (0,) else array.shape, base)
        if array.dtype.kind in "USO" and base.kind in "USO":
            return array
        if base.kind in "US":  # NumPy would make text of anything
            raise _of_other_type(array, base, self._text(where, place))
        converted = _converted(array, base, self._text(where, place))
        if not is_array and array.dtype.kind in "fc":
            _require_exact(value, converted, self._text(where, place))
        return converted

    def _require_shapes(self, columns: Sequence[Array], where: str) -> None:
        for place, (column, declared) in enumerate(zip(columns, self._types, strict=True)):
            if declared.shape and column.shape[1:] != declared.shape:
                msg = f"{self._text(where, place)} has rows of shape {column.shape[1:]}, expected {declared.shape}"
                raise ShapeError(msg, operator="ReadSource")

    def _text(self, where: str, place: int) -> str:
        return f"ReadSource: {_field_of(self._names[place])}{where} of {self._origin}"

    def _error(self, node: _Node, place: int, text: str) -> OperatorError:
        msg = f"ReadSource: {_field_of(node.path)}item {place} of {self._origin} {text}"
        return OperatorError(msg, operator="ReadSource")


# Schemas and records


@dataclasses.dataclass(frozen=True, eq=False)
class _Node:
    """A field of a schema, without the parts of it that have no leaves.

    Attributes:
        path: its name.
        kind: `leaf`, `struct` or `list`.
        names: of its children.
        children: the fields inside.
        columns: the names of its leaves, seen from here.
        has_lists: whether it is a list, or has one inside.
    """

    path: str
    kind: str
    names: tuple[str, ...]
    children: tuple[_Node, ...]
    columns: tuple[str, ...]
    has_lists: bool

    @property
    def leaves(self) -> int:
        """How many there are inside."""
        return len(self.columns)


def _node_of(path: str, field: Field) -> _Node:
    named: list[tuple[str, Field]] = []
    if isinstance(field, Struct):
        named = [(name, child) for name, child in field.get_children() if child.field_names()]
    elif isinstance(field, List):
        names = ["lengths", "values", *(["_evicted_values"] if isinstance(field, ListWithEvicted) else [])]
        named = [(name, field[name]) for name in names]
    children = [_node_of(f"{path}{FIELD_SEPARATOR}{name}" if path else name, child) for name, child in named]
    is_list = isinstance(field, List)
    kind = "list" if is_list else "struct" if isinstance(field, Struct) else "leaf"
    has_lists = is_list or any(child.has_lists for child in children)
    return _Node(path, kind, tuple(name for name, _ in named), tuple(children), tuple(field.field_names()), has_lists)


def _field_of(path: str) -> str:
    return f"field {path!r} of " if path else ""


class _Missing:
    """Stands for the value of a field that a record has not."""


_MISSING = _Missing()


def _named(record: object) -> Mapping[Any, Any] | None:
    """The values of a record by the names of its fields, if these have names."""
    if isinstance(record, Mapping):
        return record
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    if isinstance(record, tuple) and hasattr(record, "_fields"):
        return dict(zip(record._fields, record, strict=True))
    return None


def _child(named: Mapping[Any, Any], name: str) -> Any:
    """The value of a field; of a nested one it may be in parts, under names such as `origin:at`."""
    if name in named:
        return named[name]
    start = f"{name}{FIELD_SEPARATOR}"
    parts = {key.removeprefix(start): named[key] for key in named if isinstance(key, str) and key.startswith(start)}
    return parts or _MISSING


def _nested(node: _Node, waiting: Iterator[Any]) -> list[Any]:
    """The values of the children of a node, from those of its leaves in order."""
    return [next(waiting) if child.kind == "leaf" else _nested(child, waiting) for child in node.children]


# Values


def _converted(array: Array, dtype: DType, what: str) -> Array:
    """`array` as another type.

    Raises:
        DtypeError: it is of another kind, or something would get lost.
    """
    if array.dtype == dtype:
        return array
    if array.dtype.kind in "iu" and dtype.kind in "iu":
        ends = (array.min(), array.max()) if array.size else ()
        outside = [number for number in ends if not fits(int(number), dtype)]
        if outside:
            msg = f"{what} has {outside[0]}, which is no {dtype}"
            raise DtypeError(msg, operator="ReadSource")
    elif not np.can_cast(array.dtype, dtype, "same_kind"):
        raise _of_other_type(array, dtype, what)
    with np.errstate(over="ignore"):
        made = array.astype(dtype)
    if dtype.kind in "fc":
        if array.dtype.kind in "iu":
            _require_exact(array, made, what)
        elif array.dtype.kind in "fc":
            _require_finite(array, made, what)
    return made


def _of_other_type(array: Array, dtype: DType, what: str) -> DtypeError:
    is_objects = array.dtype == STRING_DTYPE and array.size and not isinstance(array.flat[0], str | bytes)
    kind = f"made of objects such as {array.flat[0]!r:.40}" if is_objects else dtype_name(array.dtype)
    expected = "string" if dtype.kind in "US" else dtype_name(dtype)
    return DtypeError(f"{what} is {kind}, expected {expected}", operator="ReadSource")


def _require_finite(array: Array, made: Array, what: str) -> None:
    """Refuse numbers that are too large for the type they were converted to."""
    lost = ~np.isfinite(made)
    if lost.any() and (lost := lost & np.isfinite(array)).any():
        msg = f"{what} has {array[lost][0].item()!r}, which is too large for {made.dtype}"
        raise DtypeError(msg, operator="ReadSource")


def _require_exact(values: Any, made: Array, what: str) -> None:
    """Refuse integers in `values`, perhaps among other numbers, that are others in `made`, which is of floats."""
    dtype: Any = made.dtype
    least = 2.0 ** (np.finfo(dtype).nmant + 1)  # all integers up to it are floats
    suspicious = np.abs(made) >= least
    if not suspicious.any():
        return
    given = values if isinstance(values, np.ndarray) else np.array(values, object)
    for value, became in zip(given[suspicious].tolist(), made[suspicious].real.tolist(), strict=True):
        if isinstance(value, numbers.Integral) and (not np.isfinite(became) or int(became) != int(value)):
            msg = f"{what} has {value}, which no {made.dtype} is exactly"
            raise DtypeError(msg, operator="ReadSource")
