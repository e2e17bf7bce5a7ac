"""Rows reduced segment by segment: how the operators on segments, lengths and looked-up rows compute."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from taskplan.operators.operands import F16, F32, I64, Tensor
from taskplan.plan.types import DType

_BLOCK_BYTES = 1 << 19
"""How much is reduced at a time. `reduceat` goes over the rows column by column, so they should stay in the cache."""

_WIDE = 64
_LARGE = 1 << 12
"""A call for each segment adds whole rows at once. It pays from about this width and this many elements a segment."""

_NARROW = 8
"""Below this width, adding column by column is faster than sorting the rows first."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are made when they are asked for, so that no more of them exist at a time than fit the cache.

    Attributes:
        count: how many there are.
        read: makes those from one number to before another.
        shape: that of one row.
        dtype: their element type.
    """

    count: int
    read: Callable[[int, int], Tensor]
    shape: tuple[int, ...]
    dtype: DType

    @property
    def width(self) -> int:
        """The number of elements of a row."""
        return math.prod(self.shape)


def rows_of(data: Tensor, indices: Tensor | None = None, weights: Tensor | None = None) -> Rows:
    """The rows of `data`, or those that `indices` name, each times its weight; those of float16 as float32.

    Indices and weights must fit.
    """
    dtype = F32 if data.dtype == F16 else data.dtype
    factors = None if weights is None else weights.reshape(-1, *(1,) * (data.ndim - 1))

    def read(begin: int, end: int) -> Tensor:
        found = data[begin:end] if indices is None else data.take(indices[begin:end], 0)
        found = found.astype(dtype, copy=False)
        return found if factors is None else found * factors[begin:end]

    return Rows(len(data) if indices is None else len(indices), read, data.shape[1:], dtype)


def reduced(ufunc: np.ufunc, rows: Rows, lengths: Tensor) -> Tensor:
    """The reduction of each segment of rows, 0 of an empty one. The lengths must add up to the number of rows."""
    if not rows.count or not rows.width:
        return np.zeros((len(lengths), *rows.shape), rows.dtype)
    if lengths.all():
        return _reduced_filled(ufunc, rows, lengths)
    filled = lengths > 0
    result = np.zeros((len(lengths), *rows.shape), rows.dtype)
    result[filled] = _reduced_filled(ufunc, rows, lengths[filled])
    return result


def _reduced_filled(ufunc: np.ufunc, rows: Rows, lengths: Tensor) -> Tensor:
    """`reduced`, where no segment is empty. A segment that is longer than a block is cut, and put together again."""
    # Columns of one element are stored one behind the other, so there a block has no advantage.
    at_once = rows.count if rows.width == 1 else max(_BLOCK_BYTES // (rows.width * rows.dtype.itemsize), 1)
    if rows.count <= at_once or lengths.max() <= at_once:
        return _reduced_short(ufunc, rows, lengths, at_once)
    counts = -(-lengths // at_once)
    pieces = np.full(counts.sum(), at_once, I64)
    pieces[np.cumsum(counts) - 1] = lengths - (counts - 1) * at_once
    return reduced(ufunc, rows_of(_reduced_short(ufunc, rows, pieces, at_once)), counts)


def _reduced_short(ufunc: np.ufunc, rows: Rows, lengths: Tensor, at_once: int) -> Tensor:
    """`reduced`, where every segment has 1 to `at_once` rows."""
    result = np.empty((len(lengths), *rows.shape), rows.dtype)
    ends = np.cumsum(lengths, dtype=I64)
    starts: Any = ends - lengths
    by_call = rows.width >= _WIDE and rows.width * (rows.count / len(lengths) + 10) >= _LARGE
    first = begin = 0
    while first < len(lengths):
        last = int(np.searchsorted(ends, begin + at_once, "right")) if rows.count > at_once else len(lengths)
        end = int(ends[last - 1])
        block, places, into = rows.read(begin, end), starts[first:last] - begin, result[first:last]
        if by_call:
            bounds = [*places.tolist(), end - begin]
            for place, row in enumerate(into):
                ufunc.reduce(block[bounds[place] : bounds[place + 1]], axis=0, out=row)
        else:
            ufunc.reduceat(block, places, axis=0, out=into)
        first, begin = last, end
    return result


def sums(rows: Rows, lengths: Tensor) -> Tensor:
    """The sum of each segment."""
    return reduced(np.add, rows, lengths)


def means(rows: Rows, lengths: Tensor) -> Tensor:
    """The mean of each segment, 0 of an empty one."""
    return _divided(sums(rows, lengths), lengths)


def _divided(totals: Tensor, lengths: Tensor) -> Tensor:
    """The totals, which are ours, by the number of rows of each; those of no rows stay 0."""
    counts = np.maximum(lengths, 1).astype(totals.dtype)
    totals /= counts.reshape(-1, *(1,) * (totals.ndim - 1))
    return totals


def scattered_sums(
    data: Tensor, ids: Tensor, count: int, *, indices: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """The sums of rows, as of `rows_of`, by segment, where `ids` names the segment of each; 0 of an absent one."""
    rows = rows_of(data, indices, weights)
    if rows.width >= _NARROW:
        order = _sorting(ids)
        picked = order if indices is None else indices[order]
        weighted = None if weights is None else weights[order]
        return sums(rows_of(data, picked, weighted), np.bincount(ids, minlength=count))
    totals = np.zeros((count, *rows.shape), rows.dtype)
    into, values = totals.reshape(count, rows.width), rows.read(0, rows.count).reshape(rows.count, rows.width)
    for column in range(rows.width):
        np.add.at(into[:, column], ids, values[:, column])
    return totals


def scattered_means(data: Tensor, ids: Tensor, count: int, *, indices: Tensor | None = None) -> Tensor:
    """The means of rows by segment, as `scattered_sums`."""
    return _divided(scattered_sums(data, ids, count, indices=indices), np.bincount(ids, minlength=count))


def _sorting(ids: Tensor) -> Tensor:
    """The stable permutation that sorts ids from 0 to below 2**31."""
    # Each id and its place as one number: sorting these is faster than `argsort`, whose stable kind is a merge sort.
    pairs = (ids.astype(np.int64) << 32) | np.arange(len(ids))
    pairs.sort()
    order: Tensor = pairs & 0xFFFF_FFFF
    return order
