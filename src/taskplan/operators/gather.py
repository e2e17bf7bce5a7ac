"""Slices picked by index, and what is where among values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.exact import SCALARS, Written
from taskplan.operators.inference import TensorSpec, always, like
from taskplan.operators.operands import (
    I32,
    I64,
    INDICES,
    NUMBERS,
    Tensor,
    axis_within,
    refuse,
    require_dtype,
    require_least_rank,
    require_one_dtype,
    require_rank,
    require_tensor,
    settled,
)
from taskplan.operators.registry import operator
from taskplan.operators.run import OpRun
from taskplan.plan.types import STRING_DTYPE, DType


def _taken(data: TensorSpec, indices: TensorSpec, *, axis: int, match_outer: bool) -> TensorSpec:
    along = axis % data.rank
    outer = () if match_outer else data.sizes[:along]
    return TensorSpec(data.dtype, outer + indices.sizes + data.sizes[along + 1 :])


def _written_lookup(arguments: Mapping[str, Any], dtypes: Sequence[DType]) -> Written | None:
    data, index = dtypes
    if data not in SCALARS or index not in INDICES or arguments.get("axis", 0) or arguments.get("match_outer"):
        return None
    return Written("{0}[{1}]", "{0}[{1}]", data, fails="{1} < -len({0}) or {1} >= len({0})")


@operator("Gather", inputs=("DATA", "INDICES"), outputs=("OUTPUT",), infer=_taken, exact_lookup=_written_lookup)
def gather(
    data: Tensor,
    indices: Tensor,
    *,
    axis: int = 0,
    match_outer: bool = False,
    wrap_indices: bool = False,  # noqa: ARG001 - programs pass it, and it changes nothing
) -> Tensor:
    """The slices of DATA along ``axis`` that INDICES name; negative indices count from the end.

    With ``match_outer`` DATA and INDICES share the axes before ``axis``, and each place there has indices of its own.
    ``wrap_indices`` is accepted and changes nothing.

    Inputs:
        DATA: any dtype, rank above ``axis``.
        INDICES: int32 or int64, any shape.
    Outputs:
        OUTPUT: DATA's dtype; DATA's shape with the size of ``axis`` replaced by the shape of INDICES.
    Raises:
        OperatorError: an index is out of range.
        ShapeError: DATA has no such axis, or the axes before it differ with ``match_outer``.
    Example:
        Gather([5 6 7], [2 0]:i32) -> [7 5]
    """
    require_tensor("Gather", "DATA", data)
    along = axis_within("Gather", axis, data.ndim)
    return _gathered("Gather", data, indices, along, match_outer)


def _taken_of_rows(data: TensorSpec, indices: TensorSpec, *, match_outer: bool) -> TensorSpec:
    return _taken(data, indices, axis=1, match_outer=match_outer)


@operator("BatchGather", inputs=("DATA", "INDICES"), outputs=("OUTPUT",), infer=_taken_of_rows)
def batch_gather(data: Tensor, indices: Tensor, *, match_outer: bool = False) -> Tensor:
    """`Gather` along axis 1: the same slices of every row, or with ``match_outer`` for each row its own.

    Inputs:
        DATA: any dtype, rank 2 or more.
        INDICES: int32 or int64, any shape; with ``match_outer`` one row for each row of DATA.
    Outputs:
        OUTPUT: DATA's dtype.
    Raises:
        OperatorError: an index is out of range.
    Example:
        BatchGather([[1 2 3]], [0 2]:i32) -> [[1 3]]
    """
    require_tensor("BatchGather", "DATA", data)
    require_least_rank("BatchGather", "DATA", data, 2)
    return _gathered("BatchGather", data, indices, 1, match_outer)


def _gathered(name: str, data: Tensor, indices: Tensor, axis: int, match_outer: bool) -> Tensor:
    require_dtype(name, "INDICES", indices, INDICES)
    if match_outer and indices.shape[:axis] != data.shape[:axis]:
        msg = (
            f"{name}: INDICES has shape {indices.shape}, DATA has shape {data.shape}; axes before {axis} must be equal"
        )
        raise ShapeError(msg, operator=name)
    try:
        if match_outer:
            return _gathered_each(data, indices, axis)
        return data.take(indices, axis) if indices.ndim else settled(data[(slice(None),) * axis + (indices, ...)])
    except IndexError:
        size = data.shape[axis]
        outside = np.ravel(indices)[np.ravel((indices < -size) | (indices >= size))]
        raise refuse(name, f"index {outside[0]} is out of range for size {size} of axis {axis}") from None


def _gathered_each(data: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Gather where each place of the first `axis` axes has indices of its own."""
    outer, inner = data.shape[:axis], data.shape[axis + 1 :]
    rows = data.reshape((math.prod(outer), data.shape[axis], *inner))
    own = np.reshape(indices, (len(rows), math.prod(indices.shape[axis:])))
    picked = rows[np.arange(len(rows))[:, None], own]
    return settled(picked.reshape(indices.shape + inner))


def _distinct(indices: TensorSpec) -> tuple[TensorSpec, ...]:
    return TensorSpec(indices.dtype, (None,)), TensorSpec(I32, indices.shape)


@operator(
    "Unique",
    inputs=("indices",),
    outputs=("unique_indices", "remapping?"),
    infer=_distinct,
    inexact="the number of distinct values",
)
def unique(indices: Tensor, *, run: OpRun) -> tuple[Tensor, ...]:
    """The distinct values, ascending, and where among them each element went.

    Inputs:
        indices: int32 or int64 vector.
    Outputs:
        unique_indices: that dtype.
        remapping: int32 vector, as long as indices.
    Example:
        Unique([3 1 3]:i32) -> [1 3]:i32, [1 0 1]:i32
    """
    require_dtype("Unique", "indices", indices, INDICES)
    require_rank("Unique", "indices", indices, 1)
    least, most = (int(indices.min()), int(indices.max())) if indices.size else (0, 0)
    with_places = len(run.op.outputs) > 1
    if most - least > min(_SPREAD * indices.size, np.iinfo(np.int32).max):
        if not with_places:
            ranked = np.sort(indices)
            return (ranked[np.append(True, ranked[1:] != ranked[:-1])],)
        distinct, places = np.unique(indices, return_inverse=True)
        return distinct, places.astype(I32)
    # A table of all values between: no sorting.
    offsets = indices - least
    there = np.zeros(most - least + 1, np.bool_)
    there[offsets] = True
    distinct = (np.flatnonzero(there) + least).astype(indices.dtype) if indices.size else indices
    if not with_places:
        return (distinct,)
    ranks: Tensor = np.cumsum(there, dtype=I32)
    return distinct, ranks[offsets] - 1


_SPREAD = 8
"""Up to so many possible values for each index, a table is faster than sorting."""


@operator("Find", inputs=("index", "query"), outputs=("query_indices",), infer=like(1, dtype=I32))
def find(index: Tensor, query: Tensor, *, missing_value: int = -1) -> Tensor:
    """Where in index each element of query is: its flat position, the last one of repeats.

    Inputs:
        index: int32 or int64, any shape.
        query: index's dtype, any shape.
    Outputs:
        query_indices: int32, query's shape; ``missing_value`` for what is not there.
    Example:
        Find([10 20]:i32, [20 5]:i32) -> [1 -1]:i32
    """
    require_dtype("Find", "index", index, INDICES)
    require_one_dtype("Find", index=index, query=query)
    known = np.ravel(index)
    order = np.argsort(known, kind="stable")
    ranks = np.searchsorted(known[order], query, side="right") - 1
    # A rank of -1 means that all known values are greater; it reads the appended place, which is missing anyway.
    places = np.append(order, -1)[ranks]
    found = (places >= 0) & (np.append(known, 0)[places] == query)
    return settled(np.where(found, places, missing_value).astype(I32))


_FOUND = NUMBERS | {STRING_DTYPE}


@operator(
    "FindDuplicateElements",
    inputs=("data",),
    outputs=("indices",),
    infer=always(TensorSpec(I64, (None,))),
    inexact="the number of repeats",
)
def find_duplicate_elements(data: Tensor) -> Tensor:
    """The positions of elements that were there before, ascending.

    Inputs:
        data: float32, float64, int32, int64 or string vector; no nan equals another.
    Outputs:
        indices: int64 vector.
    Example:
        FindDuplicateElements([1 2 1]) -> [2]:i64
    """
    require_dtype("FindDuplicateElements", "data", data, _FOUND)
    require_rank("FindDuplicateElements", "data", data, 1)
    if data.dtype != STRING_DTYPE:
        order = np.argsort(data, kind="stable")
        ranked = data[order]
        return np.sort(order[1:][ranked[1:] == ranked[:-1]]).astype(I64, copy=False)
    firsts: dict[bytes, int] = {}
    repeats = [place for place, each in enumerate(data.tolist()) if firsts.setdefault(each, place) != place]
    return np.array(repeats, I64)
