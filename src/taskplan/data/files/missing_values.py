"""What becomes of missing values in files and tables, as no tensor has any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from taskplan.builder.column_types import TEXT, UNTYPED
from taskplan.builder.fields import FIELD_SEPARATOR, Field
from taskplan.errors import BuildValueError
from taskplan.plan.names import did_you_mean
from taskplan.plan.types import Array, DType


@dataclass(frozen=True)
class Nulls:
    """What becomes of missing values. In columns of floats they are nan, if nothing else is said; elsewhere an error.

    Attributes:
        fill: by the full name of a leaf, what takes their place. That of lengths is 0: a missing list is empty.
        drop: leave out records in which something else is missing, floats included.
    """

    fill: Mapping[str, object] = field(default_factory=dict)
    drop: bool = False


class MissingValueError(Exception):
    """Something is missing where no rule says what takes its place; whoever knows the file says where.

    Args:
        column: the full name of the leaf.
        rows: the rows of the batch, from 0, in which that column has something missing.
        example: a value of the column, for the message.
    """

    def __init__(self, column: str, rows: Array, example: object = 0) -> None:
        super().__init__(column, rows, example)
        self.column = column
        self.rows = rows
        self._example = example

    @property
    def advice(self) -> str:
        """What there is to do about it."""
        filled = {self.column: self._example}
        return f"pass fill_nulls={filled} (or another value), or drop_nulls=True to leave such rows out"


def checked_fills(schema: Field, fill_nulls: Mapping[str, object] | None) -> dict[str, object]:
    """`fill_nulls` with its values as the leaves of `schema` have them.

    Raises:
        BuildValueError: there is no such column, or the value is none of its type.

    Example:
        >>> from taskplan import Scalar, Struct
        >>> checked_fills(Struct(("n", np.int32), ("x", np.float32)), {"n": 7.0})
        {'n': 7}
    """
    types = dict(zip(schema.field_names(), schema.field_types(), strict=True))
    checked = {}
    for name, value in (fill_nulls or {}).items():
        if name not in types:
            msg = f"fill_nulls names the column {name!r}, which is not read{did_you_mean(str(name), types)}"
            raise BuildValueError(msg)
        checked[name] = _filling(name, types[name], value)
    return checked


def _filling(name: str, dtype: DType, value: object) -> object:
    if dtype.base == UNTYPED:
        return value
    if dtype.base == TEXT:
        if isinstance(value, str | bytes):
            return value.decode() if isinstance(value, bytes) else value
        made = None
    else:
        try:
            made = np.array(value, dtype.base)
        except (TypeError, ValueError, OverflowError):
            made = None
    is_lengths = name.split(FIELD_SEPARATOR)[-1] == "lengths"
    if made is None or made.ndim or (dtype.base.kind in "iub" and made != value) or (is_lengths and made != 0):
        expected = "0" if is_lengths else "text" if dtype.base == TEXT else f"a value of {dtype.base.name}"
        msg = f"fill_nulls has {value!r} for column {name!r}, expected {expected}"
        raise BuildValueError(msg)
    return made.item()
