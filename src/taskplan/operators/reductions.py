"""Sums, means, extremes and norms over axes or over everything."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.arithmetic import truncated_quotient
from taskplan.operators.inference import TensorSpec
from taskplan.operators.operands import (
    F32_ONLY,
    FLOATS,
    I32,
    NUMBERS,
    Tensor,
    axis_within,
    one_of,
    require_dtype,
    require_least_rank,
    require_rank,
    settled,
)
from taskplan.operators.registry import operator
from taskplan.plan.types import DType


def _axes(name: str, x: Tensor, axes: Sequence[int]) -> tuple[int, ...]:
    """The axes counted from the front; all if none are given."""
    return tuple({axis_within(name, axis, x.ndim): None for axis in axes}) or tuple(range(x.ndim))


def _count(x: Tensor, axes: Sequence[int]) -> int:
    """How many elements go into one of the result."""
    return math.prod(x.shape[axis] for axis in axes)


def _sum(x: Tensor, axes: tuple[int, ...], *, keepdims: bool = False) -> Tensor:
    total: Tensor = np.sum(x, axis=axes, dtype=x.dtype, keepdims=keepdims)
    return total


def _mean(x: Tensor, axes: tuple[int, ...], *, keepdims: bool = False) -> Tensor:
    total: Tensor = _sum(x, axes, keepdims=keepdims) / x.dtype.type(max(_count(x, axes), 1))
    return total


def _max(x: Tensor, axes: tuple[int, ...], *, keepdims: bool = False) -> Tensor:
    """The maximum; over nothing the least finite number."""
    if not _count(x, axes):
        return np.full_like(_sum(x, axes, keepdims=keepdims), _limits(x).min)[()]
    found: Tensor = np.max(x, axis=axes, keepdims=keepdims)
    return found


def _min(x: Tensor, axes: tuple[int, ...], *, keepdims: bool = False) -> Tensor:
    """The minimum; over nothing the greatest finite number."""
    if not _count(x, axes):
        return np.full_like(_sum(x, axes, keepdims=keepdims), _limits(x).max)[()]
    found: Tensor = np.min(x, axis=axes, keepdims=keepdims)
    return found


def _limits(x: Tensor) -> Any:
    return np.finfo(x.dtype.type) if x.dtype.kind == "f" else np.iinfo(x.dtype.type)


# --- over given axes -------------------------------------------------------------------------------------------------


def _reduced(x: TensorSpec, *, axes: Sequence[int], keepdims: bool) -> TensorSpec:
    over = {axis % x.rank for axis in axes} or range(x.rank)
    sizes = [1 if axis in over else size for axis, size in enumerate(x.sizes) if keepdims or axis not in over]
    return TensorSpec(x.dtype, tuple(sizes))


@operator("ReduceSum", inputs=("X",), outputs=("Y",), infer=_reduced)
def reduce_sum(x: Tensor, *, axes: Sequence[int] = (), keepdims: bool = True) -> Tensor:
    """The sum over ``axes``, by default all; integers wrap. The axes stay, with size 1, unless ``keepdims`` is false.

    Inputs:
        X: float32, float64, int32 or int64, any shape.
    Outputs:
        Y: X's dtype; 0 over nothing.
    Raises:
        ShapeError: X has no such axis.
    Example:
        ReduceSum([[1 2] [3 4]]; axes=[0], keepdims=0) -> [4 6]
    """
    require_dtype("ReduceSum", "X", x, NUMBERS)
    return _sum(x, _axes("ReduceSum", x, axes), keepdims=keepdims)


@operator("ReduceMean", inputs=("X",), outputs=("Y",), infer=_reduced)
def reduce_mean(x: Tensor, *, axes: Sequence[int] = (), keepdims: bool = True) -> Tensor:
    """The mean over ``axes``, which are taken as by `ReduceSum`.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32; 0 over nothing.
    Example:
        ReduceMean([[1 2] [3 4]]; axes=[0], keepdims=0) -> [2 3]
    """
    require_dtype("ReduceMean", "X", x, F32_ONLY)
    return _mean(x, _axes("ReduceMean", x, axes), keepdims=keepdims)


@operator("ReduceMax", inputs=("data",), outputs=("reduced",), infer=_reduced)
def reduce_max(x: Tensor, *, axes: Sequence[int] = (), keepdims: bool = True) -> Tensor:
    """The maximum over ``axes``, which are taken as by `ReduceSum`.

    Inputs:
        data: float32, float64, int32 or int64, any shape.
    Outputs:
        reduced: data's dtype; over nothing the least finite number.
    Example:
        ReduceMax([[1 2] [3 4]]; axes=[0], keepdims=0) -> [3 4]
    """
    require_dtype("ReduceMax", "data", x, NUMBERS)
    return _max(x, _axes("ReduceMax", x, axes), keepdims=keepdims)


@operator("ReduceMin", inputs=("data",), outputs=("reduced",), infer=_reduced)
def reduce_min(x: Tensor, *, axes: Sequence[int] = (), keepdims: bool = True) -> Tensor:
    """The minimum over ``axes``, which are taken as by `ReduceSum`.

    Inputs:
        data: float32, float64, int32 or int64, any shape.
    Outputs:
        reduced: data's dtype; over nothing the greatest finite number.
    Example:
        ReduceMin([[1 2] [3 4]]; axes=[0], keepdims=0) -> [1 2]
    """
    require_dtype("ReduceMin", "data", x, NUMBERS)
    return _min(x, _axes("ReduceMin", x, axes), keepdims=keepdims)


@operator("ReduceL1", inputs=("X",), outputs=("Y",), infer=_reduced)
def reduce_l1(x: Tensor, *, axes: Sequence[int] = (), keepdims: bool = True) -> Tensor:
    """The sum of magnitudes over ``axes``, which are taken as by `ReduceSum`.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32; 0 over nothing.
    Example:
        ReduceL1([3 -4]) -> [7]
    """
    require_dtype("ReduceL1", "X", x, F32_ONLY)
    return _sum(np.absolute(x), _axes("ReduceL1", x, axes), keepdims=keepdims)


@operator("ReduceL2", inputs=("X",), outputs=("Y",), infer=_reduced)
def reduce_l2(x: Tensor, *, axes: Sequence[int] = (), keepdims: bool = True) -> Tensor:
    """The root of the sum of squares over ``axes``, which are taken as by `ReduceSum`.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32; 0 over nothing.
    Example:
        ReduceL2([3 -4]) -> [5]
    """
    require_dtype("ReduceL2", "X", x, F32_ONLY)
    return np.sqrt(_sum(np.square(x), _axes("ReduceL2", x, axes), keepdims=keepdims))


def _two_reduced(x: TensorSpec, *, axes: Sequence[int], keepdims: bool) -> tuple[TensorSpec, ...]:
    return (_reduced(x, axes=axes, keepdims=keepdims),) * 2


@operator("Moments", inputs=("data",), outputs=("mean", "variance"), infer=_two_reduced)
def moments(x: Tensor, *, axes: Sequence[int] = (), keepdims: bool = True) -> tuple[Tensor, Tensor]:
    """Mean, and variance divided by the count, over ``axes``, which are taken as by `ReduceSum`.

    Inputs:
        data: float32, any shape.
    Outputs:
        mean, variance: float32; 0 over nothing.
    Example:
        Moments([1 3]) -> [2], [1]
    """
    require_dtype("Moments", "data", x, F32_ONLY)
    over = _axes("Moments", x, axes)
    mean = _mean(x, over, keepdims=True)
    difference: Tensor = x - mean
    variance = _mean(np.square(difference, out=difference if x.ndim else None), over, keepdims=keepdims)
    return mean if keepdims else settled(np.squeeze(mean, over)), variance


# --- over the first or last axes -------------------------------------------------------------------------------------


def _leading_or_trailing(
    name: str, x: Tensor, lengths: Tensor | None, count: int, *, front: bool
) -> tuple[Tensor, tuple[int, ...]]:
    """What the `ReduceFront...` and `ReduceBack...` operators reduce.

    Returns:
        One row for each element of the result, and the result's shape.

    Raises:
        ShapeError: X has fewer axes than are reduced, or the lengths do not fit.
    """
    if not 0 <= count <= x.ndim:
        msg = f"{name}: X has shape {x.shape}, expected rank {count} or more, for num_reduce_dim={count}"
        raise ShapeError(msg, operator=name)
    split = count if front else x.ndim - count
    first, last = x.shape[:split], x.shape[split:]
    matrix = x.reshape((math.prod(first), math.prod(last)))
    rows, kept = (matrix.T, last) if front else (matrix, first)
    if lengths is None:
        return rows, kept
    require_dtype(name, "lengths", lengths, {I32})
    if lengths.shape != (len(rows),) or (lengths < 0).any() or (lengths > rows.shape[1]).any():
        msg = f"{name}: lengths are {lengths.tolist()}, expected {len(rows)} lengths of 0 to {rows.shape[1]}"
        raise ShapeError(msg, operator=name)
    return rows, kept


# How many of the leading elements of each row count; all of them if there are no lengths.
Lengths = Tensor | None


def _counted(rows: Tensor, lengths: Lengths) -> Tensor | bool:
    places: Tensor | bool = True if lengths is None else np.arange(rows.shape[1]) < lengths[:, None]
    return places


def _sum_of_rows(rows: Tensor, lengths: Lengths) -> Tensor:
    total: Tensor = np.add.reduce(rows, axis=1, dtype=rows.dtype, where=_counted(rows, lengths))
    return total


def _mean_of_rows(rows: Tensor, lengths: Lengths) -> Tensor:
    counts: Tensor = np.maximum(rows.shape[1] if lengths is None else lengths, 1).astype(rows.dtype)
    total = _sum_of_rows(rows, lengths)
    return total / counts if rows.dtype in FLOATS else truncated_quotient(total, counts)


def _max_of_rows(rows: Tensor, lengths: Lengths) -> Tensor:
    found: Tensor = np.maximum.reduce(rows, axis=1, where=_counted(rows, lengths), initial=-np.inf)
    if lengths is not None:
        found[lengths == 0] = 0
    return found if rows.shape[1] else np.zeros_like(found)


def _declare_partial(
    name: str,
    reduce_rows: Callable[[Tensor, Lengths], Tensor],
    what: str,
    dtypes: frozenset[DType],
    example: str,
    *,
    front: bool,
) -> None:
    """Declare an operator that reduces the first or the last axes."""

    def body(
        x: Tensor,
        lengths: Tensor | None = None,
        *,
        num_reduce_dim: int = 1,
        num_reduce_dims: int = 1,  # noqa: ARG001 - programs pass it, and it has never been read
    ) -> Tensor:
        require_dtype(name, "X", x, dtypes)
        rows, shape = _leading_or_trailing(name, x, lengths, num_reduce_dim, front=front)
        return settled(reduce_rows(rows, lengths).reshape(shape))

    body.__name__ = body.__qualname__ = name.lower()
    body.__doc__ = f"""The {what} over the {"first" if front else "last"} ``num_reduce_dim`` axes.

    ``num_reduce_dims`` is accepted and changes nothing.

    Inputs:
        X: {one_of(dtypes)}.
        lengths: int32 vector, one entry for each element of the result: how many of the leading elements count.
    Outputs:
        Y: X's dtype, the other axes; 0 over nothing.
    Raises:
        ShapeError: X has fewer axes than that, or the lengths do not fit.
    Example:
        {name}([[1 2] [3 6]]) -> {example}
    """

    def infer(x: TensorSpec, *_: object, num_reduce_dim: int) -> TensorSpec:
        return TensorSpec(x.dtype, x.sizes[num_reduce_dim:] if front else x.sizes[: x.rank - num_reduce_dim])

    operator(name, inputs=("X", "lengths?"), outputs=("Y",), infer=infer)(body)


_declare_partial("ReduceFrontSum", _sum_of_rows, "sum", NUMBERS, "[4 8]", front=True)
_declare_partial("ReduceBackSum", _sum_of_rows, "sum", NUMBERS, "[3 9]", front=False)
_declare_partial("ReduceFrontMean", _mean_of_rows, "mean, truncated for integers,", NUMBERS, "[2 4]", front=True)
_declare_partial("ReduceBackMean", _mean_of_rows, "mean, truncated for integers,", NUMBERS, "[1.5 4.5]", front=False)
_declare_partial("ReduceFrontMax", _max_of_rows, "maximum", F32_ONLY, "[3 6]", front=True)
_declare_partial("ReduceBackMax", _max_of_rows, "maximum", F32_ONLY, "[2 6]", front=False)


def _one_a_row(x: TensorSpec) -> TensorSpec:
    return TensorSpec(x.dtype, x.sizes[:1])


@operator("ReduceTailSum", inputs=("mat",), outputs=("output",), infer=_one_a_row)
def reduce_tail_sum(x: Tensor) -> Tensor:
    """The sum of each row.

    Inputs:
        mat: float32, rank 1 or more.
    Outputs:
        output: float32 vector.
    Example:
        ReduceTailSum([[1 2] [3 4]]) -> [3 7]
    """
    require_dtype("ReduceTailSum", "mat", x, F32_ONLY)
    require_least_rank("ReduceTailSum", "mat", x, 1)
    return _sum(x, tuple(range(1, x.ndim)))


def _row_extremes(x: TensorSpec) -> TensorSpec:
    return TensorSpec(x.dtype, x.sizes[:2])


@operator("RowwiseMax", inputs=("X",), outputs=("Y",), infer=_row_extremes)
def rowwise_max(x: Tensor) -> Tensor:
    """The maximum over the last of three axes.

    Inputs:
        X: float32, rank 3.
    Outputs:
        Y: float32, rank 2.
    Example:
        RowwiseMax([[[1 2] [4 3]]]) -> [[2 4]]
    """
    require_dtype("RowwiseMax", "X", x, F32_ONLY)
    require_rank("RowwiseMax", "X", x, 3)
    return _max(x, (2,))


def _column_extremes(x: TensorSpec) -> TensorSpec:
    return TensorSpec(x.dtype, x.sizes[::2])


@operator("ColwiseMax", inputs=("X",), outputs=("Y",), infer=_column_extremes)
def colwise_max(x: Tensor) -> Tensor:
    """The maximum over the middle one of three axes.

    Inputs:
        X: float32, rank 3.
    Outputs:
        Y: float32, rank 2.
    Example:
        ColwiseMax([[[1 2] [4 3]]]) -> [[4 3]]
    """
    require_dtype("ColwiseMax", "X", x, F32_ONLY)
    require_rank("ColwiseMax", "X", x, 3)
    return _max(x, (1,))
