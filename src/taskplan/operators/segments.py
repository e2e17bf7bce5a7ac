"""Sums, means, maxima and logarithms of sums over segments of rows.

Segments are told by their lengths, or by the number of its segment for each row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.by_segment import Rows, means, reduced, rows_of, scattered_means, scattered_sums, sums
from taskplan.operators.inference import Inferred, TensorSpec
from taskplan.operators.lengths import LARGEST, first_size, require_lengths_of
from taskplan.operators.operands import (
    FLOATS,
    INDICES,
    Tensor,
    argument_error,
    refuse,
    require_dtype,
    require_least_rank,
    require_one_dtype,
    require_rank,
)
from taskplan.operators.registry import operator

Reduction = Callable[[Rows, Tensor], Tensor]

BY_LAST = "the last segment number"
BY_GREATEST = "the greatest segment number, without num_segments"


def _require_rows(name: str, data: Tensor) -> None:
    require_dtype(name, "DATA", data, FLOATS)
    require_least_rank(name, "DATA", data, 1)


def require_one_each(name: str, slot: str, given: Tensor, of: str, count: int) -> None:
    """Raise ShapeError unless `given` is a vector with one element for each of the `count` that `of` has."""
    require_rank(name, slot, given, 1)
    if len(given) != count:
        msg = f"{name}: {slot} has shape {given.shape}, expected {count} elements, as many as {of} has"
        raise ShapeError(msg, operator=name)


def _require_weights(name: str, data: Tensor, weights: Tensor) -> None:
    require_one_dtype(name, DATA=data, SCALARS=weights)
    require_one_each(name, "SCALARS", weights, "DATA", len(data))


def _maxima(rows: Rows, lengths: Tensor) -> Tensor:
    return reduced(np.maximum, rows, lengths)


def _log_sums(rows: Rows, lengths: Tensor) -> Tensor:
    """log(sum(exp(x))) as m + log(sum(exp(x - m))), where m is the maximum: no exponential overflows.

    Where m is infinite, or nan, 0 does as well: the answer is m then, and no infinities are subtracted.
    """
    peaks = _maxima(rows, lengths)
    peaks[~np.isfinite(peaks)] = 0
    segments = np.repeat(np.arange(len(lengths)), lengths)

    def shifted(begin: int, end: int) -> Tensor:
        lowered = rows.read(begin, end) - peaks.take(segments[begin:end], 0)
        exponentials: Tensor = np.exp(lowered, out=lowered)
        return exponentials

    totals = sums(Rows(rows.count, shifted, rows.shape, rows.dtype), lengths)
    found: Tensor = np.log(totals) + peaks
    return found


def _log_means(rows: Rows, lengths: Tensor) -> Tensor:
    found = _log_sums(rows, lengths)
    found -= np.log(lengths).astype(found.dtype).reshape(-1, *(1,) * (found.ndim - 1))
    return found


# --- by lengths ------------------------------------------------------------------------------------------------------


def infer_by_lengths(data: TensorSpec, *others: TensorSpec | None) -> Inferred:
    """A row of data for each element of the last input, which are lengths."""
    return TensorSpec(data.dtype, (first_size(others[-1]), *data.sizes[1:]))


def _require_split(name: str, data: Tensor, lengths: Tensor) -> None:
    _require_rows(name, data)
    require_lengths_of(name, "LENGTHS", lengths, "DATA", len(data))


def _declare_by_lengths(name: str, compute: Reduction, what: str, example: str) -> None:
    def body(data: Tensor, lengths: Tensor) -> Tensor:
        _require_split(name, data, lengths)
        return compute(rows_of(data), lengths)

    body.__name__ = body.__qualname__ = name.lower()
    body.__doc__ = f"""The {what} of each segment of rows, column by column; 0 of an empty one.

    Inputs:
        DATA: float32 or float64, rank 1 or more.
        LENGTHS: int32 or int64 vector that adds up to the number of rows.
    Outputs:
        OUTPUT: DATA's dtype, a row for each length.
    Raises:
        OperatorError: a length is negative.
        ShapeError: the lengths do not add up to the number of rows.
    Example:
        {name}([1 5 3], [2 1 0]:i32) -> {example}
    """
    operator(name, inputs=("DATA", "LENGTHS"), outputs=("OUTPUT",), infer=infer_by_lengths)(body)


_declare_by_lengths("LengthsSum", sums, "sum", "[6 3 0]")
_declare_by_lengths("LengthsMean", means, "mean", "[3 3 0]")
_declare_by_lengths("LengthsMax", _maxima, "maximum", "[5 3 0]")


@operator("LengthsWeightedSum", inputs=("DATA", "SCALARS", "LENGTHS"), outputs=("OUTPUT",), infer=infer_by_lengths)
def lengths_weighted_sum(
    data: Tensor,
    weights: Tensor,
    lengths: Tensor,
    *,
    grad_on_weights: bool = False,  # noqa: ARG001 - programs pass it, and it concerns gradients
) -> Tensor:
    """The sum of each segment of rows, each row times its weight; 0 of an empty segment.

    Inputs:
        DATA: float32 or float64, rank 1 or more.
        SCALARS: vector of DATA's dtype, a weight for each row.
        LENGTHS: int32 or int64 vector that adds up to the number of rows.
    Outputs:
        OUTPUT: DATA's dtype, a row for each length.
    Raises:
        OperatorError: a length is negative.
        ShapeError: weights or lengths do not fit the rows.
    Example:
        LengthsWeightedSum([1 2 3], [1 0.5 2], [2 1]:i32) -> [2 6]
    """
    _require_split("LengthsWeightedSum", data, lengths)
    _require_weights("LengthsWeightedSum", data, weights)
    return sums(rows_of(data, weights=weights), lengths)


# --- by ascending segment numbers ------------------------------------------------------------------------------------


def lengths_of_sorted(name: str, ids: Tensor, of: str, count: int) -> Tensor:
    """The lengths of segments, from segment numbers that ascend without gaps, one for each of `count`."""
    require_dtype(name, "SEGMENT_IDS", ids, INDICES)
    require_one_each(name, "SEGMENT_IDS", ids, of, count)
    begins = np.concatenate([np.zeros(min(count, 1), int), np.flatnonzero(ids[1:] != ids[:-1]) + 1])
    wrong = ids[begins] != np.arange(len(begins))
    if wrong.any():
        place = begins[wrong.argmax()]
        before = f"goes from {ids[place - 1]} to" if place else "begins with"
        raise refuse(name, f"SEGMENT_IDS {before} {ids[place]}, expected numbers that ascend from 0 without gaps")
    return np.diff(begins, append=count)


def infer_by_ids(data: TensorSpec, *_: object) -> Inferred:
    """A row of data for each of an unknown number of segments."""
    return TensorSpec(data.dtype, (None, *data.sizes[1:]))


def _declare_by_sorted(name: str, compute: Reduction, what: str, example: str) -> None:
    def body(data: Tensor, ids: Tensor) -> Tensor:
        _require_rows(name, data)
        return compute(rows_of(data), lengths_of_sorted(name, ids, "DATA", len(data)))

    body.__name__ = body.__qualname__ = name.lower()
    body.__doc__ = f"""The {what} of each segment of rows, column by column.

    Inputs:
        DATA: float32 or float64, rank 1 or more.
        SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
    Outputs:
        OUTPUT: DATA's dtype, a row for each segment.
    Raises:
        OperatorError: the numbers of the segments do not ascend, or have gaps.
        ShapeError: there are not as many as rows.
    Example:
        {name}([1 5 3], [0 0 1]:i32) -> {example}
    """
    declared = operator(name, inputs=("DATA", "SEGMENT_IDS"), outputs=("OUTPUT",), infer=infer_by_ids, inexact=BY_LAST)
    declared(body)


_declare_by_sorted("SortedSegmentSum", sums, "sum", "[6 3]")
_declare_by_sorted("SortedSegmentMean", means, "mean", "[3 3]")
_declare_by_sorted("SortedSegmentRangeSum", sums, "sum", "[6 3]")
_declare_by_sorted("SortedSegmentRangeMean", means, "mean", "[3 3]")
_declare_by_sorted("SortedSegmentRangeMax", _maxima, "maximum", "[5 3]")
_declare_by_sorted(
    "SortedSegmentRangeLogSumExp", _log_sums, "logarithm of the sum of the exponentials", "[5.0181499 3]"
)
_declare_by_sorted(
    "SortedSegmentRangeLogMeanExp", _log_means, "logarithm of the mean of the exponentials", "[4.3250027 3]"
)


@operator(
    "SortedSegmentWeightedSum",
    inputs=("DATA", "SCALARS", "SEGMENT_IDS"),
    outputs=("OUTPUT",),
    infer=infer_by_ids,
    inexact=BY_LAST,
)
def sorted_segment_weighted_sum(
    data: Tensor,
    weights: Tensor,
    ids: Tensor,
    *,
    grad_on_weights: bool = False,  # noqa: ARG001 - programs pass it, and it concerns gradients
) -> Tensor:
    """The sum of each segment of rows, each row times its weight.

    Inputs:
        DATA: float32 or float64, rank 1 or more.
        SCALARS: vector of DATA's dtype, a weight for each row.
        SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
    Outputs:
        OUTPUT: DATA's dtype, a row for each segment.
    Raises:
        OperatorError: the numbers of the segments do not ascend, or have gaps.
        ShapeError: there are not as many of them, or of weights, as rows.
    Example:
        SortedSegmentWeightedSum([1 2 3], [1 0.5 2], [0 0 1]:i32) -> [2 6]
    """
    name = "SortedSegmentWeightedSum"
    _require_rows(name, data)
    _require_weights(name, data, weights)
    return sums(rows_of(data, weights=weights), lengths_of_sorted(name, ids, "DATA", len(data)))


# --- by segment numbers in any order ---------------------------------------------------------------------------------


def count_of_unsorted(name: str, ids: Tensor, of: str, count: int, num_segments: int = -1) -> int:
    """The number of segments, from segment numbers in any order, one for each of `count`."""
    require_dtype(name, "SEGMENT_IDS", ids, INDICES)
    require_one_each(name, "SEGMENT_IDS", ids, of, count)
    limit = num_segments if num_segments >= 0 else LARGEST
    if not len(ids):
        return max(num_segments, 0)
    greatest = int(ids.max())
    if ids.min() < 0 or greatest >= limit:
        wrong = ids.min() if ids.min() < 0 else greatest
        raise refuse(name, f"SEGMENT_IDS holds {wrong}, expected numbers from 0 to below {limit}")
    return num_segments if num_segments >= 0 else greatest + 1


def _check_num_segments(name: str) -> Callable[..., None]:
    def check(*, num_segments: int, **_: object) -> None:
        if num_segments < -1:
            raise argument_error(name, "num_segments", f"must be 0 or more, or -1 for as needed, got {num_segments}")

    return check


def _infer_unsorted(data: TensorSpec, *_: object, num_segments: int) -> Inferred:
    return TensorSpec(data.dtype, (None if num_segments < 0 else num_segments, *data.sizes[1:]))


@operator(
    "UnsortedSegmentSum",
    inputs=("DATA", "SEGMENT_IDS"),
    outputs=("OUTPUT",),
    check=_check_num_segments("UnsortedSegmentSum"),
    infer=_infer_unsorted,
    inexact=BY_GREATEST,
)
def unsorted_segment_sum(data: Tensor, ids: Tensor, *, num_segments: int = -1) -> Tensor:
    """The sum of the rows of each segment; 0 of one that is not named.

    There are ``num_segments``; if that is -1, as many as the greatest number says.

    Inputs:
        DATA: float32 or float64, rank 1 or more.
        SEGMENT_IDS: int32 or int64 vector, the segment of each row.
    Outputs:
        OUTPUT: DATA's dtype, a row for each segment.
    Raises:
        OperatorError: the number of a segment is negative, or not below ``num_segments``.
        ShapeError: there are not as many as rows.
    Example:
        UnsortedSegmentSum([1 2 3], [2 0 2]:i32) -> [2 0 4]
    """
    name = "UnsortedSegmentSum"
    _require_rows(name, data)
    return scattered_sums(data, ids, count_of_unsorted(name, ids, "DATA", len(data), num_segments))


@operator(
    "UnsortedSegmentMean",
    inputs=("DATA", "SEGMENT_IDS"),
    outputs=("OUTPUT",),
    check=_check_num_segments("UnsortedSegmentMean"),
    infer=_infer_unsorted,
    inexact=BY_GREATEST,
)
def unsorted_segment_mean(data: Tensor, ids: Tensor, *, num_segments: int = -1) -> Tensor:
    """The mean of the rows of each segment; 0 of one that is not named.

    There are ``num_segments``; if that is -1, as many as the greatest number says.

    Inputs:
        DATA: float32 or float64, rank 1 or more.
        SEGMENT_IDS: int32 or int64 vector, the segment of each row.
    Outputs:
        OUTPUT: DATA's dtype, a row for each segment.
    Raises:
        OperatorError: the number of a segment is negative, or not below ``num_segments``.
        ShapeError: there are not as many as rows.
    Example:
        UnsortedSegmentMean([1 2 3], [2 0 2]:i32) -> [2 0 2]
    """
    name = "UnsortedSegmentMean"
    _require_rows(name, data)
    return scattered_means(data, ids, count_of_unsorted(name, ids, "DATA", len(data), num_segments))


@operator(
    "UnsortedSegmentWeightedSum",
    inputs=("DATA", "SCALARS", "SEGMENT_IDS"),
    outputs=("OUTPUT",),
    check=_check_num_segments("UnsortedSegmentWeightedSum"),
    infer=_infer_unsorted,
    inexact=BY_GREATEST,
)
def unsorted_segment_weighted_sum(
    data: Tensor,
    weights: Tensor,
    ids: Tensor,
    *,
    num_segments: int = -1,
    grad_on_weights: bool = False,  # noqa: ARG001 - programs pass it, and it concerns gradients
) -> Tensor:
    """The sum of the rows of each segment, each row times its weight; 0 of a segment that is not named.

    There are ``num_segments``; if that is -1, as many as the greatest number says.

    Inputs:
        DATA: float32 or float64, rank 1 or more.
        SCALARS: vector of DATA's dtype, a weight for each row.
        SEGMENT_IDS: int32 or int64 vector, the segment of each row.
    Outputs:
        OUTPUT: DATA's dtype, a row for each segment.
    Raises:
        OperatorError: the number of a segment is negative, or not below ``num_segments``.
        ShapeError: there are not as many of them, or of weights, as rows.
    Example:
        UnsortedSegmentWeightedSum([1 2 3], [1 0.5 2], [1 0 1]:i32) -> [1 7]
    """
    name = "UnsortedSegmentWeightedSum"
    _require_rows(name, data)
    _require_weights(name, data, weights)
    count = count_of_unsorted(name, ids, "DATA", len(data), num_segments)
    return scattered_sums(data, ids, count, weights=weights)
