"""Vectors of lengths, segment numbers and ranges, turned into one another.

Lengths split the first axis of a tensor into segments, one behind the other.
"""

from __future__ import annotations

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import Inferred, Size, TensorSpec, always
from taskplan.operators.operands import (
    F32,
    F64,
    I32,
    I64,
    INDICES,
    Tensor,
    refuse,
    require_dtype,
    require_least_rank,
    require_rank,
    require_tensor,
    sole_element,
)
from taskplan.operators.registry import operator

LARGEST = 2**31 - 1
"""The greatest length, and the greatest segment number."""

_BY_SUM = "the sum of the lengths"


def sum_of_lengths(name: str, slot: str, lengths: Tensor) -> int:
    """The sum of a vector of lengths.

    Raises:
        OperatorError: one is negative, or does not fit int32.
    """
    require_dtype(name, slot, lengths, INDICES)
    require_rank(name, slot, lengths, 1)
    if lengths.min(initial=0) < 0 or (lengths.dtype == I64 and lengths.max(initial=0) > LARGEST):
        wrong = lengths.min() if lengths.min() < 0 else lengths.max()
        raise refuse(name, f"{slot} holds {wrong}, expected lengths from 0 to {LARGEST}")
    return int(lengths.sum(dtype=I64))


def require_lengths_of(name: str, slot: str, lengths: Tensor, of: str, size: int) -> None:
    """Raise an error unless `lengths` are lengths that add up to `size`, the number of rows of the input `of`."""
    total = sum_of_lengths(name, slot, lengths)
    if total != size:
        msg = f"{name}: {slot} adds up to {total}, {of} has {size} rows; they must be equal"
        raise ShapeError(msg, operator=name)


def starts_of(lengths: Tensor) -> Tensor:
    """Where each segment begins, int64."""
    starts: Tensor = np.cumsum(lengths, dtype=I64) - lengths
    return starts


def within_stretches(starts: Tensor, lengths: Tensor) -> Tensor:
    """The numbers of all stretches of `lengths` from `starts` on, one stretch behind the other.

    Example:
        >>> within_stretches(np.array([7, 0]), np.array([2, 3]))
        array([7, 8, 0, 1, 2])
    """
    shifts = np.repeat(starts - starts_of(lengths), lengths)
    shifts += np.arange(len(shifts))
    return shifts


def first_size(spec: TensorSpec | None) -> Size:
    """The size of the first axis, as far as it is known."""
    return None if spec is None or not spec.shape else spec.shape[0]


def _offsets(name: str, lengths: Tensor) -> Tensor:
    """Starts of segments and their end, int32."""
    total = sum_of_lengths(name, "lengths", lengths)
    if total > LARGEST:
        raise refuse(name, f"lengths adds up to {total}, which does not fit int32")
    offsets = np.zeros(len(lengths) + 1, I32)
    np.cumsum(lengths, dtype=I32, out=offsets[1:])
    return offsets


# --- from lengths ----------------------------------------------------------------------------------------------------


@operator(
    "LengthsToSegmentIds",
    inputs=("lengths",),
    outputs=("segment_ids",),
    infer=always(TensorSpec(I32, (None,))),
    inexact=_BY_SUM,
)
def lengths_to_segment_ids(lengths: Tensor) -> Tensor:
    """The number of its segment for every row.

    Inputs:
        lengths: int32 or int64 vector.
    Outputs:
        segment_ids: int32 vector, as long as the sum of the lengths.
    Raises:
        OperatorError: a length is negative.
    Example:
        LengthsToSegmentIds([2 0 1]:i32) -> [0 0 2]:i32
    """
    sum_of_lengths("LengthsToSegmentIds", "lengths", lengths)
    return np.repeat(np.arange(len(lengths), dtype=I32), lengths)


def _infer_ranges(lengths: TensorSpec | None) -> TensorSpec:
    return TensorSpec(I32, (first_size(lengths), 2))


@operator("LengthsToRanges", inputs=("lengths",), outputs=("ranges",), infer=_infer_ranges)
def lengths_to_ranges(lengths: Tensor) -> Tensor:
    """Start and length of every segment.

    Inputs:
        lengths: int32 or int64 vector.
    Outputs:
        ranges: int32, shape (number of lengths, 2).
    Raises:
        OperatorError: a length is negative, or the sum does not fit int32.
    Example:
        LengthsToRanges([2 0 1]:i32) -> [[0 2] [2 0] [2 1]]:i32
    """
    starts = _offsets("LengthsToRanges", lengths)[:-1]
    return np.stack([starts, lengths.astype(I32, copy=False)], 1)


def _infer_offsets(lengths: TensorSpec | None, *, include_last_offset: bool) -> TensorSpec:
    count = first_size(lengths)
    return TensorSpec(I32, (None if count is None else count + include_last_offset,))


@operator("LengthsToOffsets", inputs=("lengths",), outputs=("offsets",), infer=_infer_offsets)
def lengths_to_offsets(lengths: Tensor, *, include_last_offset: bool = False) -> Tensor:
    """Where every segment begins, and with ``include_last_offset`` where the last one ends.

    Inputs:
        lengths: int32 or int64 vector.
    Outputs:
        offsets: int32 vector.
    Raises:
        OperatorError: a length is negative, or the sum does not fit int32.
    Example:
        LengthsToOffsets([2 0 1]:i32; include_last_offset=1) -> [0 2 2 3]:i32
    """
    offsets = _offsets("LengthsToOffsets", lengths)
    return offsets if include_last_offset else offsets[:-1]


@operator(
    "LengthsToWeights",
    inputs=("lengths",),
    outputs=("weights",),
    infer=always(TensorSpec(F32, (None,))),
    inexact=_BY_SUM,
)
def lengths_to_weights(lengths: Tensor, *, power: float = 0.5) -> Tensor:
    """For every row 1 by the length of its segment to the ``power``.

    Inputs:
        lengths: int32 or int64 vector.
    Outputs:
        weights: float32 vector, as long as the sum of the lengths.
    Raises:
        OperatorError: a length is negative.
    Example:
        LengthsToWeights([4 1]:i32) -> [0.5 0.5 0.5 0.5 1]
    """
    sum_of_lengths("LengthsToWeights", "lengths", lengths)
    return np.repeat(np.power(lengths.astype(F64), -power).astype(F32), lengths)


@operator("LengthsToShape", inputs=("X",), outputs=("Y",), infer=always(TensorSpec(I32, (2,))))
def lengths_to_shape(lengths: Tensor) -> Tensor:
    """The shape of the matrix whose rows are the segments: how many there are, and the length that all have.

    Inputs:
        X: int32 or int64 vector.
    Outputs:
        Y: int32 vector of two.
    Raises:
        OperatorError: the lengths differ, there are none, or they are negative.
    Example:
        LengthsToShape([3 3]:i32) -> [2 3]:i32
    """
    sum_of_lengths("LengthsToShape", "X", lengths)
    if not len(lengths) or lengths.min() != lengths.max():
        held = f"lengths from {lengths.min()} to {lengths.max()}" if len(lengths) else "no lengths"
        raise refuse("LengthsToShape", f"X holds {held}, expected one or more that are equal")
    return np.array([len(lengths), lengths[0]], I32)


# --- from segment numbers --------------------------------------------------------------------------------------------


def _counts(name: str, ids: Tensor, like: Tensor | None) -> Tensor:
    """How many rows each segment has, of as many segments as `like` has rows if it is given, int64."""
    require_dtype(name, "segment_ids", ids, INDICES)
    if ids.ndim == 2 and ids.shape[1] == 1:
        ids = ids[:, 0]
    require_rank(name, "segment_ids", ids, 1)
    if (ids[1:] < ids[:-1]).any():
        place = int((ids[1:] < ids[:-1]).argmax())
        raise refuse(name, f"segment_ids must ascend, but {ids[place + 1]} comes after {ids[place]}")
    limit = LARGEST
    if like is not None:
        require_tensor(name, "data", like)
        require_least_rank(name, "data", like, 1)
        limit = len(like)
    if len(ids) and not 0 <= ids[0] <= ids[-1] < limit:
        wrong = ids[0] if ids[0] < 0 else ids[-1]
        raise refuse(name, f"segment_ids holds {wrong}, expected numbers from 0 to below {limit}")
    return np.bincount(ids, minlength=0 if like is None else limit)


def _infer_counts(_: object, like: TensorSpec | None = None) -> TensorSpec:
    return TensorSpec(I32, (first_size(like),))


@operator(
    "SegmentIdsToLengths",
    inputs=("segment_ids", "data?"),
    outputs=("lengths",),
    infer=_infer_counts,
    inexact="the last segment number, without a second input",
)
def segment_ids_to_lengths(ids: Tensor, like: Tensor | None = None) -> Tensor:
    """How many rows every segment has, from 0 to the last that is named, or as many segments as data has rows.

    Inputs:
        segment_ids: int32 or int64, ascending; a vector, or of shape (n, 1).
        data: any dtype, rank 1 or more.
    Outputs:
        lengths: int32 vector.
    Raises:
        OperatorError: the numbers do not ascend, or one is negative or not below the number of segments.
    Example:
        SegmentIdsToLengths([0 0 2]:i32) -> [2 0 1]:i32
    """
    return _counts("SegmentIdsToLengths", ids, like).astype(I32)


def _infer_id_ranges(_: object, like: TensorSpec | None = None) -> TensorSpec:
    return TensorSpec(I32, (first_size(like), 2))


@operator(
    "SegmentIdsToRanges",
    inputs=("segment_ids", "data?"),
    outputs=("lengths",),
    infer=_infer_id_ranges,
    inexact="the last segment number, without a second input",
)
def segment_ids_to_ranges(ids: Tensor, like: Tensor | None = None) -> Tensor:
    """Start and length of every segment, from 0 to the last that is named, or of as many segments as data has rows.

    A segment that is not named has length 0, and starts where the next one does; after the last one that is 0.

    Inputs:
        segment_ids: int32 or int64, ascending; a vector, or of shape (n, 1).
        data: any dtype, rank 1 or more.
    Outputs:
        lengths: int32, shape (number of segments, 2): the ranges.
    Raises:
        OperatorError: the numbers do not ascend, or one is negative or not below the number of segments.
    Example:
        SegmentIdsToRanges([0 0 2]:i32) -> [[0 2] [2 0] [2 1]]:i32
    """
    counts = _counts("SegmentIdsToRanges", ids, like)
    starts = starts_of(counts)
    starts[starts == ids.size] = 0
    return np.stack([starts, counts], 1).astype(I32)


# --- rows by segment -------------------------------------------------------------------------------------------------


def _infer_some_rows(items: TensorSpec, *_: object) -> TensorSpec:
    return TensorSpec(items.dtype, (None, *items.sizes[1:]))


@operator(
    "LengthsGather",
    inputs=("ITEMS", "LENGTHS", "INDICES"),
    outputs=("OUTPUT",),
    infer=_infer_some_rows,
    inexact="the sum of the lengths that are picked",
)
def lengths_gather(items: Tensor, lengths: Tensor, indices: Tensor) -> Tensor:
    """The segments that INDICES name, one behind the other.

    Inputs:
        ITEMS: any dtype, rank 1 or more.
        LENGTHS: int32 or int64 vector that adds up to the number of items.
        INDICES: int32 or int64 vector of segment numbers.
    Outputs:
        OUTPUT: ITEMS' dtype.
    Raises:
        OperatorError: an index is negative or too large, or a length is negative.
        ShapeError: the lengths do not add up to the number of items.
    Example:
        LengthsGather([1 2 3], [2 1]:i32, [1 0]:i32) -> [3 1 2]
    """
    name = "LengthsGather"
    require_tensor(name, "ITEMS", items)
    require_least_rank(name, "ITEMS", items, 1)
    require_lengths_of(name, "LENGTHS", lengths, "ITEMS", len(items))
    require_rank(name, "INDICES", indices, 1)
    require_indices(name, "INDICES", indices, len(lengths))
    return items.take(within_stretches(starts_of(lengths)[indices], lengths[indices]), 0)


def require_indices(name: str, slot: str, indices: Tensor, size: int) -> None:
    """Raise an error unless `indices` are integers from 0 to below `size`."""
    require_dtype(name, slot, indices, INDICES)
    if indices.size and not 0 <= indices.min() <= indices.max() < size:
        wrong = indices.min() if indices.min() < 0 else indices.max()
        raise refuse(name, f"{slot} holds {wrong}, expected numbers from 0 to below {size}")


@operator("LengthsTile", inputs=("DATA", "LENGTHS"), outputs=("OUTPUT",), infer=_infer_some_rows, inexact=_BY_SUM)
def lengths_tile(data: Tensor, lengths: Tensor) -> Tensor:
    """Each row as often as its length says.

    Inputs:
        DATA: any dtype, rank 1 or more.
        LENGTHS: int32 or int64 vector, one a row.
    Outputs:
        OUTPUT: DATA's dtype.
    Raises:
        OperatorError: a length is negative.
        ShapeError: there are not as many lengths as rows.
    Example:
        LengthsTile([1 2], [2 0]:i32) -> [1 1]
    """
    name = "LengthsTile"
    require_tensor(name, "DATA", data)
    require_least_rank(name, "DATA", data, 1)
    sum_of_lengths(name, "LENGTHS", lengths)
    if len(lengths) != len(data):
        msg = f"{name}: LENGTHS has shape {lengths.shape}, DATA has {len(data)} rows; expected one length a row"
        raise ShapeError(msg, operator=name)
    return np.repeat(data, lengths, 0)


def _infer_one_hot(indices: TensorSpec | None, _: object) -> Inferred:
    return TensorSpec(F32, (first_size(indices), None))


@operator(
    "OneHot",
    inputs=("indices", "index_size_tensor"),
    outputs=("one_hots",),
    infer=_infer_one_hot,
    inexact="the value of index_size_tensor",
)
def one_hot(indices: Tensor, size_tensor: Tensor) -> Tensor:
    """For each index a row that is 1 there and 0 elsewhere.

    Inputs:
        indices: int32 or int64 vector.
        index_size_tensor: int32 or int64, one element: the width of a row.
    Outputs:
        one_hots: float32, shape (number of indices, width).
    Raises:
        OperatorError: an index is negative or not below the width, or the width is negative.
    Example:
        OneHot([1 0]:i64, [3]:i64) -> [[0 1 0] [1 0 0]]
    """
    require_dtype("OneHot", "indices", indices, INDICES)
    require_rank("OneHot", "indices", indices, 1)
    require_dtype("OneHot", "index_size_tensor", size_tensor, INDICES)
    width = int(sole_element("OneHot", "index_size_tensor", size_tensor))
    if width < 0:
        raise refuse("OneHot", f"index_size_tensor is {width}, expected 0 or more")
    require_indices("OneHot", "indices", indices, width)
    rows = np.zeros((len(indices), width), F32)
    rows.reshape(-1)[np.arange(len(indices)) * width + indices] = 1
    return rows
