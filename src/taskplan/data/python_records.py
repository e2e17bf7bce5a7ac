"""Records of plain Python as columns: tuples, dicts, dataclass instances, of arrays or of numbers and strings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from taskplan.builder.column_types import UNTYPED
from taskplan.builder.fields import Field
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
        self._origin = origin

    def of_batch(self, record: object, number: int) -> tuple[Array, ...]:
        """The columns of a record whose values are columns; a value without rows is one row.

        Args:
            record: the record.
            number: its place, for messages.

        Raises:
            OperatorError: it is no record of the schema; DtypeError and ShapeError say so of one value.
        """
        made = []
        for place, value in enumerate(self._values(record, number)):
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
        rows = [self._values(record, first + offset) for offset, record in enumerate(records)]
        where = f"items {first} to {first + len(records) - 1}"
        made = [self._array(place, list(column), where) for place, column in enumerate(zip(*rows, strict=True))]
        self._require_shapes(made, where)
        return tuple(made)

    def _values(self, record: object, number: int) -> Sequence[Any]:
        named = _named(record)
        if named is not None and named.keys() >= set(self._names):
            return [named[name] for name in self._names]
        if isinstance(record, Mapping):
            missing = [name for name in self._names if name not in record]
            raise self._error(f"item {number}", f"lacks {', '.join(map(repr, missing))}; it has {list(record)}")
        values = [*named.values()] if named is not None else record
        if isinstance(values, tuple | list):
            if len(values) == len(self._names):
                return values
            if named is not None or len(self._names) > 1:
                raise self._error(f"item {number}", f"has {len(values)} values, expected one for each of {self._names}")
        if len(self._names) == 1:
            return (record,)
        raise self._error(f"item {number}", f"is {record!r:.80}, expected a tuple, dict or dataclass of {self._names}")

    def _array(self, place: int, value: Any, where: str) -> Array:
        declared = self._types[place]
        base = declared.base
        if base.kind in "USO" and not isinstance(value, np.ndarray):
            base = STRING_DTYPE
        try:
            array = np.array(value, STRING_DTYPE) if base == STRING_DTYPE else np.asarray(value)
        except ValueError as error:
            msg = f"{self._text(where, place)} is no array: {error}"
            raise ShapeError(msg, operator="ReadSource") from None
        if declared.base == UNTYPED:
            is_text = array.dtype.kind in "SU" and not isinstance(value, np.ndarray)
            return np.array(value, STRING_DTYPE) if is_text else array
        if array.dtype.kind in "USO" and base.kind in "USO":
            return array
        return self._converted(array, base, self._text(where, place))

    def _converted(self, array: Array, dtype: DType, what: str) -> Array:
        if array.dtype == dtype:
            return array
        if array.dtype.kind in "iu" and dtype.kind in "iu":
            outside = (
                [number for number in (array.min(), array.max()) if not fits(int(number), dtype)] if array.size else []
            )
            if outside:
                msg = f"{what} has {outside[0]}, which is no {dtype}"
                raise DtypeError(msg, operator="ReadSource")
        elif not np.can_cast(array.dtype, dtype, "same_kind"):
            is_objects = array.dtype == STRING_DTYPE and not isinstance(array.flat[0], str | bytes)
            kind = f"made of objects such as {array.flat[0]!r:.40}" if is_objects else dtype_name(array.dtype)
            msg = f"{what} is {kind}, expected {dtype_name(dtype)}"
            raise DtypeError(msg, operator="ReadSource")
        return array.astype(dtype)

    def _require_shapes(self, columns: Sequence[Array], where: str) -> None:
        for place, (column, declared) in enumerate(zip(columns, self._types, strict=True)):
            if declared.shape and column.shape[1:] != declared.shape:
                msg = f"{self._text(where, place)} has rows of shape {column.shape[1:]}, expected {declared.shape}"
                raise ShapeError(msg, operator="ReadSource")

    def _text(self, where: str, place: int) -> str:
        field = self._names[place]
        return f"ReadSource: {f'field {field!r} of ' if field else ''}{where} of {self._origin}"

    def _error(self, where: str, text: str) -> OperatorError:
        return OperatorError(f"ReadSource: {where} of {self._origin} {text}", operator="ReadSource")


def _named(record: object) -> Mapping[Any, Any] | None:
    """The values of a record by the names of its fields, if these have names."""
    if isinstance(record, Mapping):
        return record
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    if isinstance(record, tuple) and hasattr(record, "_fields"):
        return dict(zip(record._fields, record, strict=True))
    return None
