"""What the value of a blob is, as far as compiled code cares: a scalar, a small array, or anything else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from taskplan.engine.cells import Cell
from taskplan.operators.exact import SCALARS

Scalar = type[np.generic]
"""The class of a NumPy scalar."""

SCALAR_KINDS: frozenset[Scalar] = frozenset(dtype.type for dtype in SCALARS)

BOOL: Scalar = np.bool_

MOST_BYTES = 1 << 15
"""Larger arrays are left to NumPy, which writes into arrays that their blobs own."""


@dataclass(frozen=True, slots=True)
class Array:
    """A small array. Those of one `group` have one shape."""

    element: Scalar
    rank: int
    group: int


Kind = Scalar | Array

Shape = tuple[int, ...]

Known = dict[Cell, Kind]
"""Blobs that hold a scalar or a small array, with its kind; of others nothing is known."""


def scalars_of(cells: Iterable[Cell]) -> Known:
    """What is known of blobs by what they hold, if only scalars count."""
    held = {cell: type(cell.value) for cell in cells}
    return {cell: kind for cell, kind in held.items() if kind in SCALAR_KINDS}


def known_of(cells: Iterable[Cell], groups: dict[Shape, int] | None = None) -> Known:
    """What is known of blobs by what they hold. `groups`: of the shapes that were met before; takes up new ones."""
    found: Known = {}
    groups = {} if groups is None else groups
    for cell in cells:
        value = cell.value
        kind = type(value)
        if kind in SCALAR_KINDS:
            found[cell] = kind
        elif is_small(value):
            found[cell] = Array(value.dtype.type, value.ndim, groups.setdefault(value.shape, len(groups)))
    return found


def is_small(value: Any) -> bool:
    """Whether a value is an array that native code works on."""
    return (
        type(value) is np.ndarray
        and value.dtype.type in SCALAR_KINDS
        and 0 < value.nbytes <= MOST_BYTES
        and value.ndim > 0
        and value.flags.c_contiguous
    )


def holds_still(known: Known) -> bool:
    """Whether blobs hold now what is known of them; arrays may have another shape, if all of a group have the same."""
    shapes: dict[int, tuple[int, ...]] = {}
    for cell, kind in known.items():
        value = cell.value
        if type(kind) is not Array:
            if type(value) is not kind:
                return False
        elif (
            not is_small(value)
            or value.dtype.type is not kind.element
            or value.ndim != kind.rank
            or value.shape != shapes.setdefault(kind.group, value.shape)
        ):
            return False
    return True


def element_of(kind: Kind) -> Scalar:
    """The kind of a scalar itself, or of the elements of an array."""
    return kind.element if isinstance(kind, Array) else kind
