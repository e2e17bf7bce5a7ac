"""Writing at indices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.by_segment import reduced, rows_of
from taskplan.operators.inference import like
from taskplan.operators.operands import (
    F16,
    F32,
    F32_ONLY,
    INDICES,
    NUMBERS,
    Tensor,
    axis_within,
    require_dtype,
    require_in_range,
    require_least_rank,
    require_one_dtype,
    sole_element,
)
from taskplan.operators.registry import UNLIMITED, operator

_ASSIGNED = NUMBERS | {F16}


def _rows(name: str, slot: str, values: Tensor, indices: Tensor, data: Tensor) -> Tensor:
    """`values` as one row for each index; only the number of elements must fit."""
    shape = (indices.size, *data.shape[1:])
    if values.size != math.prod(shape):
        msg = f"{name}: {slot} has shape {values.shape}, expected {math.prod(shape)} elements, as of shape {shape}"
        raise ShapeError(msg, operator=name)
    return values.reshape(shape)


@operator(
    "ScatterAssign",
    inputs=("DATA", "INDICES", "SLICES"),
    outputs=("DATA",),
    must_in_place=(("DATA", "DATA"),),
    updates=("DATA",),
    infer=like(0),
)
def scatter_assign(data: Tensor, indices: Tensor, slices: Tensor) -> Tensor:
    """DATA with the rows that INDICES name replaced by SLICES; of a repeated index the last wins.

    Inputs:
        DATA: float32, float64, float16, int32 or int64, rank 1 or more.
        INDICES: int32 or int64.
        SLICES: DATA's dtype, as many elements as the rows have.
    Outputs:
        DATA: the same blob.
    Raises:
        OperatorError: an index is out of range.
        ShapeError: SLICES has another number of elements.
    Example:
        ScatterAssign([1 2 3], [1]:i32, [9]) -> [1 9 3]
    """
    name = "ScatterAssign"
    require_dtype(name, "DATA", data, _ASSIGNED)
    require_dtype(name, "INDICES", indices, INDICES)
    if slices.dtype is not data.dtype:
        require_one_dtype(name, DATA=data, SLICES=slices)
    require_least_rank(name, "DATA", data, 1)
    places = np.ravel(indices)
    require_in_range(name, "index", places, len(data), f"size {len(data)}")
    data[places] = _rows(name, "SLICES", slices, indices, data)
    return data


@operator(
    "Scatter",
    inputs=("DATA", "INDICES", "UPDATES"),
    outputs=("OUTPUT",),
    in_place=(("DATA", "OUTPUT"),),
    updates=("DATA",),
    infer=like(0),
)
def scatter(data: Tensor, indices: Tensor, updates: Tensor, *, axis: int = 1) -> Tensor:
    """DATA with UPDATES written at INDICES along ``axis``; of a repeated index the last wins.

    Inputs:
        DATA: any dtype.
        INDICES: int32 or int64; DATA's shape but for the size of ``axis``.
        UPDATES: DATA's dtype, the shape of INDICES.
    Outputs:
        OUTPUT: DATA's dtype and shape.
    Raises:
        OperatorError: an index is out of range.
        ShapeError: shapes do not fit, or there is no such axis.
    Example:
        Scatter([[1 2 3]], [[2 0]]:i32, [[7 8]]) -> [[8 2 7]]
    """
    require_dtype("Scatter", "INDICES", indices, INDICES)
    require_one_dtype("Scatter", DATA=data, UPDATES=updates)
    along = axis_within("Scatter", axis, data.ndim)
    others = [size for place, size in enumerate(data.shape) if place != along]
    own = [size for place, size in enumerate(indices.shape) if place != along]
    if indices.ndim != data.ndim or own != others or updates.shape != indices.shape:
        shapes = f"INDICES has shape {indices.shape}, UPDATES has shape {updates.shape}, DATA has shape {data.shape}"
        msg = f"Scatter: {shapes}; they may differ from DATA along axis {along} only"
        raise ShapeError(msg, operator="Scatter")
    require_in_range("Scatter", "index", indices, data.shape[along], f"size {data.shape[along]}")
    np.put_along_axis(data, indices, updates, along)
    return data


@operator(
    "ScatterWeightedSum",
    inputs=("X_0", "Weight_0", "INDICES", "X_1", "Weight_1", "more*"),
    outputs=("X_0",),
    must_in_place=(("X_0", "X_0"),),
    updates=("X_0",),
    infer=like(0),
    input_counts=range(5, UNLIMITED, 2),
)
def scatter_weighted_sum(x: Tensor, weight: Tensor, indices: Tensor, *pairs: Tensor) -> Tensor:
    """X_0 with the rows that INDICES name multiplied by Weight_0, and weighted rows added to them.

    A repeated index multiplies again, and adds again.

    Inputs:
        X_0: float32, rank 1 or more.
        Weight_0: float32, one element.
        INDICES: int32 or int64.
        X_1: float32, a row for each index.
        Weight_1: float32, one element.
        more: further pairs of rows and weight.
    Outputs:
        X_0: the same blob.
    Raises:
        OperatorError: an index is out of range.
        ShapeError: rows have another number of elements.
    Example:
        ScatterWeightedSum([1 2], [1], [0]:i32, [10], [0.5]) -> [6 2]
    """
    name = "ScatterWeightedSum"
    require_dtype(name, "X_0", x, F32_ONLY)
    require_dtype(name, "INDICES", indices, INDICES)
    require_least_rank(name, "X_0", x, 1)
    places = np.ravel(indices)
    require_in_range(name, "index", places, len(x), f"size {len(x)}")
    scale = _weight(name, "Weight_0", weight)
    shares = []
    for rank, (rows, share) in enumerate(zip(pairs[::2], pairs[1::2], strict=True), start=1):
        require_dtype(name, f"X_{rank}", rows, F32_ONLY)
        shares.append((_rows(name, f"X_{rank}", rows, indices, x), _weight(name, f"Weight_{rank}", share)))
    if x.ndim == 1:
        if scale != 1:
            np.multiply.at(x, places, scale)
        for elements, factor in shares:
            np.add.at(x, places, elements * factor)
    else:
        _add_rows(x, places, scale, shares)
    return x


def _add_rows(x: Tensor, places: Tensor, scale: np.float32, shares: Sequence[tuple[Tensor, np.float32]]) -> None:
    """Take the rows out, each once, and put them back: ten times as fast as `add.at`."""
    ranked, factors = np.sort(places), np.asarray(scale)
    if (ranked[1:] == ranked[:-1]).any():
        order = np.argsort(places, kind="stable")
        places, lengths = np.unique(ranked, return_counts=True)
        shares = [(reduced(np.add, rows_of(rows, order), lengths), share) for rows, share in shares]
        factors = np.power(scale, lengths.astype(F32)).reshape((-1,) + (1,) * (x.ndim - 1))
    changed = x.take(places, 0)
    if scale != 1:
        changed *= factors
    for rows, share in shares:
        changed += rows * share
    x[places] = changed


def _weight(name: str, slot: str, x: Tensor) -> np.float32:
    require_dtype(name, slot, x, {F32})
    return np.float32(sole_element(name, slot, x))
