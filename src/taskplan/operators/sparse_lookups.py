"""Rows of a table looked up by index and added up by segment."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.by_segment import Rows, means, rows_of, scattered_means, scattered_sums, sums
from taskplan.operators.inference import Inferred, TensorSpec
from taskplan.operators.lengths import first_size, require_indices, require_lengths_of, starts_of
from taskplan.operators.operands import (
    F16,
    F32,
    FLOATS,
    Tensor,
    require_dtype,
    require_least_rank,
    require_rank,
)
from taskplan.operators.registry import operator
from taskplan.operators.segments import BY_LAST, count_of_unsorted, lengths_of_sorted, require_one_each
from taskplan.plan.types import DType

_TABLES = FLOATS | {F16}


def _dtype_of_sums(table: DType) -> DType:
    return F32 if table == F16 else table


def _require_lookup(name: str, data: Tensor, indices: Tensor) -> None:
    require_dtype(name, "DATA", data, _TABLES)
    require_least_rank(name, "DATA", data, 1)
    require_rank(name, "INDICES", indices, 1)
    require_indices(name, "INDICES", indices, len(data))


def _require_split_lookup(name: str, data: Tensor, indices: Tensor, lengths: Tensor) -> None:
    _require_lookup(name, data, indices)
    require_lengths_of(name, "LENGTHS", lengths, "INDICES", len(indices))


# --- by lengths ------------------------------------------------------------------------------------------------------


def _infer_by_lengths(data: TensorSpec, *others: TensorSpec | None) -> Inferred:
    return TensorSpec(_dtype_of_sums(data.dtype), (first_size(others[-1]), *data.sizes[1:]))


def _declare_by_lengths(name: str, compute: Callable[[Rows, Tensor], Tensor], what: str, example: str) -> None:
    def body(data: Tensor, indices: Tensor, lengths: Tensor) -> Tensor:
        _require_split_lookup(name, data, indices, lengths)
        return compute(rows_of(data, indices), lengths)

    body.__name__ = body.__qualname__ = name.lower()
    body.__doc__ = f"""The {what} of the rows of DATA that each segment of INDICES names; 0 of an empty segment.

    Inputs:
        DATA: float32, float64 or float16, rank 1 or more.
        INDICES: int32 or int64 vector, rows of DATA.
        LENGTHS: int32 or int64 vector that adds up to the number of indices.
    Outputs:
        OUTPUT: DATA's dtype, float32 for float16; a row for each length.
    Raises:
        OperatorError: an index is negative or too large, or a length is negative.
        ShapeError: the lengths do not add up to the number of indices.
    Example:
        {name}([1 2 4], [0 2 1]:i32, [2 1 0]:i32) -> {example}
    """
    operator(name, inputs=("DATA", "INDICES", "LENGTHS"), outputs=("OUTPUT",), infer=_infer_by_lengths)(body)


_declare_by_lengths("SparseLengthsSum", sums, "sum", "[5 2 0]")
_declare_by_lengths("SparseLengthsMean", means, "mean", "[2.5 2 0]")


@operator(
    "SparseLengthsWeightedSum",
    inputs=("DATA", "SCALARS", "INDICES", "LENGTHS"),
    outputs=("OUTPUT",),
    infer=_infer_by_lengths,
)
def sparse_lengths_weighted_sum(
    data: Tensor,
    weights: Tensor,
    indices: Tensor,
    lengths: Tensor,
    *,
    grad_on_weights: bool = False,  # noqa: ARG001 - programs pass it, and it concerns gradients
) -> Tensor:
    """The sum of the rows of DATA that each segment of INDICES names, each times the weight of its index.

    Inputs:
        DATA: float32, float64 or float16, rank 1 or more.
        SCALARS: vector of OUTPUT's dtype, a weight for each index.
        INDICES: int32 or int64 vector, rows of DATA.
        LENGTHS: int32 or int64 vector that adds up to the number of indices.
    Outputs:
        OUTPUT: DATA's dtype, float32 for float16; a row for each length, 0 for an empty segment.
    Raises:
        OperatorError: an index is negative or too large, or a length is negative.
        ShapeError: weights or lengths do not fit the indices.
    Example:
        SparseLengthsWeightedSum([1 2 4], [1 0.5 3], [0 2 1]:i32, [2 1]:i32) -> [3 6]
    """
    name = "SparseLengthsWeightedSum"
    _require_split_lookup(name, data, indices, lengths)
    require_dtype(name, "SCALARS", weights, {_dtype_of_sums(data.dtype)})
    require_one_each(name, "SCALARS", weights, "INDICES", len(indices))
    return sums(rows_of(data, indices, weights), lengths)


@operator(
    "SparseLengthsPositionalWeightedSum",
    inputs=("DATA", "WEIGHT", "INDICES", "LENGTHS"),
    outputs=("output",),
    infer=_infer_by_lengths,
)
def sparse_lengths_positional_weighted_sum(data: Tensor, weights: Tensor, indices: Tensor, lengths: Tensor) -> Tensor:
    """The sum of the rows of DATA that each segment of INDICES names, the k-th of each segment times weight k.

    Inputs:
        DATA: float32, float64 or float16, rank 1 or more.
        WEIGHT: vector of the output's dtype, at least as long as the longest segment.
        INDICES: int32 or int64 vector, rows of DATA.
        LENGTHS: int32 or int64 vector that adds up to the number of indices.
    Outputs:
        output: DATA's dtype, float32 for float16; a row for each length, 0 for an empty segment.
    Raises:
        OperatorError: an index is negative or too large, or a length is negative.
        ShapeError: the lengths do not fit the indices, or there are fewer weights than indices in a segment.
    Example:
        SparseLengthsPositionalWeightedSum([1 2 4], [1 10], [0 2 1]:i32, [2 1]:i32) -> [41 2]
    """
    name = "SparseLengthsPositionalWeightedSum"
    _require_split_lookup(name, data, indices, lengths)
    require_dtype(name, "WEIGHT", weights, {_dtype_of_sums(data.dtype)})
    require_rank(name, "WEIGHT", weights, 1)
    if lengths.max(initial=0) > len(weights):
        msg = f"{name}: WEIGHT has shape {weights.shape}, but a segment has {lengths.max()} indices"
        raise ShapeError(msg, operator=name)
    places = np.arange(len(indices)) - np.repeat(starts_of(lengths), lengths)
    return sums(rows_of(data, indices, weights.take(places)), lengths)


# --- by segment numbers ----------------------------------------------------------------------------------------------


def _infer_by_ids(data: TensorSpec, *_: object) -> Inferred:
    return TensorSpec(_dtype_of_sums(data.dtype), (None, *data.sizes[1:]))


@operator(
    "SparseSortedSegmentSum",
    inputs=("DATA", "INDICES", "SEGMENT_IDS"),
    outputs=("OUTPUT",),
    infer=_infer_by_ids,
    inexact=BY_LAST,
)
def sparse_sorted_segment_sum(data: Tensor, indices: Tensor, ids: Tensor) -> Tensor:
    """`SortedSegmentSum` of the rows of DATA that INDICES name.

    Inputs:
        DATA: float32, float64 or float16, rank 1 or more.
        INDICES: int32 or int64 vector, rows of DATA.
        SEGMENT_IDS: int32 or int64 vector, the segment of each index: 0 first, and each as the one before or 1 more.
    Outputs:
        OUTPUT: DATA's dtype, float32 for float16; a row for each segment.
    Raises:
        OperatorError: an index is negative or too large, or the numbers of the segments do not ascend, or have gaps.
        ShapeError: there are not as many of them as indices.
    Example:
        SparseSortedSegmentSum([1 2 4], [0 2 1]:i32, [0 0 1]:i32) -> [5 2]
    """
    return sums(*_sorted_lookup("SparseSortedSegmentSum", data, indices, ids))


@operator(
    "SparseSortedSegmentMean",
    inputs=("DATA", "INDICES", "SEGMENT_IDS"),
    outputs=("OUTPUT",),
    infer=_infer_by_ids,
    inexact=BY_LAST,
)
def sparse_sorted_segment_mean(data: Tensor, indices: Tensor, ids: Tensor) -> Tensor:
    """`SortedSegmentMean` of the rows of DATA that INDICES name.

    Inputs:
        DATA: float32, float64 or float16, rank 1 or more.
        INDICES: int32 or int64 vector, rows of DATA.
        SEGMENT_IDS: int32 or int64 vector, the segment of each index: 0 first, and each as the one before or 1 more.
    Outputs:
        OUTPUT: DATA's dtype, float32 for float16; a row for each segment.
    Raises:
        OperatorError: an index is negative or too large, or the numbers of the segments do not ascend, or have gaps.
        ShapeError: there are not as many of them as indices.
    Example:
        SparseSortedSegmentMean([1 2 4], [0 2 1]:i32, [0 0 1]:i32) -> [2.5 2]
    """
    return means(*_sorted_lookup("SparseSortedSegmentMean", data, indices, ids))


def _sorted_lookup(name: str, data: Tensor, indices: Tensor, ids: Tensor) -> tuple[Rows, Tensor]:
    _require_lookup(name, data, indices)
    return rows_of(data, indices), lengths_of_sorted(name, ids, "INDICES", len(indices))


@operator(
    "SparseUnsortedSegmentSum",
    inputs=("DATA", "INDICES", "SEGMENT_IDS"),
    outputs=("OUTPUT",),
    infer=_infer_by_ids,
    inexact="the greatest segment number",
)
def sparse_unsorted_segment_sum(data: Tensor, indices: Tensor, ids: Tensor) -> Tensor:
    """`UnsortedSegmentSum` of the rows of DATA that INDICES name.

    Inputs:
        DATA: float32, float64 or float16, rank 1 or more.
        INDICES: int32 or int64 vector, rows of DATA.
        SEGMENT_IDS: int32 or int64 vector, the segment of each index.
    Outputs:
        OUTPUT: DATA's dtype, float32 for float16; a row for each segment, up to the last that is named.
    Raises:
        OperatorError: an index is negative or too large, or the number of a segment is negative.
        ShapeError: there are not as many of these as indices.
    Example:
        SparseUnsortedSegmentSum([1 2 4], [0 2 1]:i32, [2 0 2]:i32) -> [4 0 3]
    """
    _require_lookup("SparseUnsortedSegmentSum", data, indices)
    count = count_of_unsorted("SparseUnsortedSegmentSum", ids, "INDICES", len(indices))
    return scattered_sums(data, ids, count, indices=indices)


@operator(
    "SparseUnsortedSegmentMean",
    inputs=("DATA", "INDICES", "SEGMENT_IDS"),
    outputs=("OUTPUT",),
    infer=_infer_by_ids,
    inexact="the greatest segment number",
)
def sparse_unsorted_segment_mean(data: Tensor, indices: Tensor, ids: Tensor) -> Tensor:
    """`UnsortedSegmentMean` of the rows of DATA that INDICES name.

    Inputs:
        DATA: float32, float64 or float16, rank 1 or more.
        INDICES: int32 or int64 vector, rows of DATA.
        SEGMENT_IDS: int32 or int64 vector, the segment of each index.
    Outputs:
        OUTPUT: DATA's dtype, float32 for float16; a row for each segment, up to the last that is named.
    Raises:
        OperatorError: an index is negative or too large, or the number of a segment is negative.
        ShapeError: there are not as many of these as indices.
    Example:
        SparseUnsortedSegmentMean([1 2 4], [0 2 1]:i32, [2 0 2]:i32) -> [4 0 1.5]
    """
    _require_lookup("SparseUnsortedSegmentMean", data, indices)
    count = count_of_unsorted("SparseUnsortedSegmentMean", ids, "INDICES", len(indices))
    return scattered_means(data, ids, count, indices=indices)
