"""Sums and means of everything, of several tensors, and down to another tensor's shape; norms; places of extremes."""

from __future__ import annotations

import math

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.elementwise import letter_check
from taskplan.operators.inference import TensorSpec, always, like, product
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    FLOATS,
    I32,
    I64,
    NUMBERS,
    Tensor,
    argument_error,
    axis_within,
    require_dtype,
    require_one_dtype,
    require_one_shape,
    settled,
    sole_element,
)
from taskplan.operators.registry import operator


def _total(x: Tensor, *, average: bool = False) -> Tensor:
    total: Tensor = x.sum(dtype=x.dtype) / x.dtype.type(max(x.size, 1) if average else 1)
    return total


# --- over everything -------------------------------------------------------------------------------------------------


def _alone(x: TensorSpec) -> TensorSpec:
    return TensorSpec(x.dtype)


@operator("SumElements", inputs=("X",), outputs=("sum",), infer=_alone)
def sum_elements(x: Tensor, *, average: bool = False) -> Tensor:
    """The sum of all elements, or with ``average`` their mean.

    Inputs:
        X: float32 or float64, any shape.
    Outputs:
        sum: X's dtype, rank 0; 0 over nothing.
    Example:
        SumElements([1 2 3]) -> 6 ()
    """
    require_dtype("SumElements", "X", x, FLOATS)
    return _total(x, average=average)


@operator("SumSqrElements", inputs=("X",), outputs=("sum",), infer=_alone)
def sum_sqr_elements(x: Tensor, *, average: bool = False) -> Tensor:
    """The sum of the squares of all elements, or with ``average`` their mean.

    Inputs:
        X: float32 or float64, any shape.
    Outputs:
        sum: X's dtype, rank 0; 0 over nothing.
    Example:
        SumSqrElements([1 2 3]) -> 14 ()
    """
    require_dtype("SumSqrElements", "X", x, FLOATS)
    return _total(np.square(x), average=average)


@operator("SumElementsInt", inputs=("X",), outputs=("sum",), infer=always(TensorSpec(I32)))
def sum_elements_int(x: Tensor) -> Tensor:
    """The sum of all elements, which wraps.

    Inputs:
        X: int32, any shape.
    Outputs:
        sum: int32, rank 0.
    Example:
        SumElementsInt([1 2 3]:i32) -> 6 ():i32
    """
    require_dtype("SumElementsInt", "X", x, {I32})
    total: Tensor = x.sum(dtype=I32)
    return total


@operator("AveragedLoss", inputs=("input",), outputs=("output",), infer=always(TensorSpec(F32)))
def averaged_loss(x: Tensor) -> Tensor:
    """The mean of all elements.

    Inputs:
        input: float32, any shape.
    Outputs:
        output: float32, rank 0; 0 over nothing.
    Example:
        AveragedLoss([1 2 6]) -> 3 ()
    """
    require_dtype("AveragedLoss", "input", x, F32_ONLY)
    return _total(x, average=True)


def _check_norm(*, p: int, **_: object) -> None:
    if p not in (1, 2):
        raise argument_error("LpNorm", "p", f"must be 1 or 2, got {p}")


@operator("LpNorm", inputs=("X",), outputs=("Z",), check=_check_norm, infer=always(TensorSpec(F32, (1,))))
def lp_norm(x: Tensor, *, p: int = 2, average: bool = False) -> Tensor:
    """The sum of the squares of all elements, **without a root**; with ``p=1`` that of their magnitudes.

    Inputs:
        X: float32, any shape.
    Outputs:
        Z: float32 vector of one element; with ``average`` divided by the number of elements, 0 over nothing.
    Example:
        LpNorm([3 -4]) -> [25]
    """
    require_dtype("LpNorm", "X", x, F32_ONLY)
    return _total(np.square(x) if p == 2 else np.absolute(x), average=average).reshape(1)


# --- over several tensors --------------------------------------------------------------------------------------------


@operator("Mean", inputs=("A", "rest*"), outputs=("M",), in_place=(("A", "M"),), infer=like(0))
def mean(first: Tensor, *rest: Tensor) -> Tensor:
    """The mean of the inputs, element by element.

    Inputs:
        A: float32 or float64, any shape.
        rest: A's dtype and shape.
    Outputs:
        M: A's dtype and shape.
    Example:
        Mean([1 2], [3 4]) -> [2 3]
    """
    require_dtype("Mean", "A", first, FLOATS)
    for rank, each in enumerate(rest):
        require_one_dtype("Mean", A=first, **{f"rest[{rank}]": each})
        require_one_shape("Mean", A=first, **{f"rest[{rank}]": each})
    if not rest:
        return first
    total: Tensor = first + rest[0]
    for each in rest[1:]:
        total += each
    total /= first.dtype.type(1 + len(rest))
    return total


@operator("SumReduceLike", inputs=("A", "B"), outputs=("C",), check=letter_check("SumReduceLike"), infer=like(1))
def sum_reduce_like(
    a: Tensor,
    b: Tensor,
    *,
    axis: int = -1,
    axis_str: str = "",
    order: str = "NCHW",
    broadcast: bool = False,  # noqa: ARG001 - programs pass it, and it changes nothing
) -> Tensor:
    """The sum of A down to the shape of B, which is the inverse of broadcasting.

    Inputs:
        A: float32 or float64.
        B: A's dtype; a run of A's axes that begins at ``axis`` (-1: ends at the last), where sizes of 1 are summed.
    Outputs:
        C: A's dtype, B's shape.
    Raises:
        ShapeError: B is no such run.
    Example:
        SumReduceLike([[1 2] [3 4]], [0 0]) -> [4 6]
    """
    require_dtype("SumReduceLike", "A", a, FLOATS)
    require_one_dtype("SumReduceLike", A=a, B=b)
    wanted = order.index(axis_str) if axis_str else axis
    begin = a.ndim - b.ndim if wanted == -1 else wanted
    covered = dict(zip(range(begin, begin + b.ndim), b.shape, strict=True))
    fits = begin >= 0 and begin + b.ndim <= a.ndim
    if not fits or any(size not in (1, a.shape[place]) for place, size in covered.items()):
        msg = f"SumReduceLike: B has shape {b.shape}, A has shape {a.shape}; from axis={wanted} B is no run of A's axes"
        raise ShapeError(msg, operator="SumReduceLike")
    summed = tuple(place for place, size in enumerate(a.shape) if covered.get(place) != size)
    total: Tensor = np.add.reduce(a, axis=summed, dtype=a.dtype)
    return settled(np.reshape(total, b.shape))


# --- along one axis --------------------------------------------------------------------------------------------------


@operator("Normalize", inputs=("input",), outputs=("output",), infer=like(0))
def normalize(x: Tensor, *, axis: int = -1) -> Tensor:
    """The input divided by its Euclidean norm along ``axis``, which counts as 1e-12 at least.

    Inputs:
        input: float32, rank 1 or more.
    Outputs:
        output: float32, the same shape.
    Example:
        Normalize([3 4]) -> [0.6 0.8]
    """
    require_dtype("Normalize", "input", x, F32_ONLY)
    along = axis_within("Normalize", axis, x.ndim)
    norm = np.sqrt(np.add.reduce(np.square(x), axis=along, keepdims=True))
    y: Tensor = x / np.maximum(norm, np.float32(1e-12))
    return y


@operator("NormalizeL1", inputs=("input",), outputs=("output",), infer=like(0))
def normalize_l1(x: Tensor, *, axis: int = -1) -> Tensor:
    """The input divided by the sum of its magnitudes along ``axis``; 0 where that is 0.

    Inputs:
        input: float32, rank 1 or more.
    Outputs:
        output: float32, the same shape.
    Example:
        NormalizeL1([2 -2]) -> [0.5 -0.5]
    """
    require_dtype("NormalizeL1", "input", x, F32_ONLY)
    along = axis_within("NormalizeL1", axis, x.ndim)
    norm = np.add.reduce(np.absolute(x), axis=along, keepdims=True)
    y: Tensor = x / np.where(norm == 0, np.float32(1), norm)
    return y


def _place(x: TensorSpec, *, axis: int, keepdims: bool) -> TensorSpec:
    along = axis % x.rank
    return TensorSpec(I64, (*x.sizes[:along], *((1,) if keepdims else ()), *x.sizes[along + 1 :]))


@operator("ArgMax", inputs=("X",), outputs=("Indices",), infer=_place)
def arg_max(x: Tensor, *, axis: int = -1, keepdims: bool = True) -> Tensor:
    """Where along ``axis`` the maximum is, the first of equals.

    Inputs:
        X: float32, float64, int32 or int64, rank 1 or more.
    Outputs:
        Indices: int64; the axis stays, with size 1, unless ``keepdims`` is false.
    Raises:
        ShapeError: X has no such axis, or it has size 0.
    Example:
        ArgMax([1 3 2]) -> [1]:i64
    """
    places: Tensor = np.argmax(x, _searched("ArgMax", x, axis), keepdims=keepdims)
    return places


@operator("ArgMin", inputs=("X",), outputs=("Indices",), infer=_place)
def arg_min(x: Tensor, *, axis: int = -1, keepdims: bool = True) -> Tensor:
    """Where along ``axis`` the minimum is, the first of equals.

    Inputs:
        X: float32, float64, int32 or int64, rank 1 or more.
    Outputs:
        Indices: int64; the axis stays, with size 1, unless ``keepdims`` is false.
    Raises:
        ShapeError: X has no such axis, or it has size 0.
    Example:
        ArgMin([1 3 2]) -> [0]:i64
    """
    places: Tensor = np.argmin(x, _searched("ArgMin", x, axis), keepdims=keepdims)
    return places


def _searched(name: str, x: Tensor, axis: int) -> int:
    require_dtype(name, "X", x, NUMBERS)
    along = axis_within(name, axis, x.ndim)
    if x.shape[along] == 0:
        msg = f"{name}: X has shape {x.shape}, expected an element along axis {along}"
        raise ShapeError(msg, operator=name)
    return along


def _check_top(*, k: int | None, **_: object) -> None:
    if k is not None and k < 1:
        raise argument_error("TopK", "k", f"must be 1 or more, got {k}")


def _best(x: TensorSpec, *inputs: TensorSpec, k: int | None, axis: int) -> tuple[TensorSpec, ...]:
    sizes = list(x.sizes)
    sizes[axis] = None if inputs else k
    shape = tuple(sizes)
    return TensorSpec(F32, shape), TensorSpec(I64, shape), TensorSpec(I64, (product(shape),))


@operator(
    "TopK",
    inputs=("X", "k?"),
    outputs=("Values", "Indices", "Flattened_indices?"),
    check=_check_top,
    infer=_best,
    inexact="the value of k, where it is an input",
)
def top_k(x: Tensor, k_input: Tensor | None = None, *, k: int | None = None, axis: int = -1) -> tuple[Tensor, ...]:
    """The ``k`` largest along ``axis``, descending, equals by position; and where they are.

    Inputs:
        X: float32, rank 1 or more.
        k: int64, one element, in place of the argument.
    Outputs:
        Values: float32; 0 where there are fewer than k.
        Indices: int64, along the axis; -1 where there are fewer than k.
        Flattened_indices: int64 vector, the positions in the whole of X.
    Example:
        TopK([1 3 2]; k=2) -> [3 2], [1 2]:i64
    """
    require_dtype("TopK", "X", x, {F32})
    along = axis_within("TopK", axis, x.ndim)
    if k_input is not None:
        require_dtype("TopK", "k", k_input, {I64})
        k = int(sole_element("TopK", "k", k_input))
    if k is None or k < 1:
        raise argument_error("TopK", "k", f"or a second input must give a number of 1 or more, got {k}")
    found = min(k, x.shape[along])
    # Of the reversed order of numbers, so that equals stay in their order.
    best = _least_places(np.moveaxis(-x, along, -1), found)
    indices = np.moveaxis(best, -1, along)
    before, size, after = math.prod(x.shape[:along]), x.shape[along], math.prod(x.shape[along + 1 :])
    rows = indices.reshape((before, found, after)) + size * np.arange(before).reshape((-1, 1, 1))
    flat = (rows * after + np.arange(after)).reshape(indices.shape)
    values = np.take_along_axis(x, indices, along)
    if k > found:
        missing = [(0, k - found if place == along else 0) for place in range(x.ndim)]
        values = np.pad(values, missing)
        indices, flat = (np.pad(each, missing, constant_values=-1) for each in (indices, flat))
    return values, indices, flat.reshape(-1)


_SMALL = 1024
"""Up to so many elements, sorting all takes less time than to find the k least."""


def _least_places(x: Tensor, k: int) -> Tensor:
    """Where along the last axis the k least are, ascending, equals by position, nan last."""
    if 2 * k >= x.shape[-1] or x.size <= _SMALL:
        return np.argsort(x, axis=-1, kind="stable")[..., :k]
    is_least = x <= np.partition(x, k - 1, axis=-1)[..., k - 1 : k]
    # There are more than k if others equal the last one, and fewer if it is nan: then all of the row is sorted.
    are_k = np.count_nonzero(is_least, -1) == k
    places = np.empty((*x.shape[:-1], k), I64)
    places[are_k] = (np.flatnonzero(is_least[are_k]) % x.shape[-1]).reshape((-1, k))
    places[~are_k] = np.argsort(x[~are_k], axis=-1, kind="stable")[..., :k]
    order = np.argsort(np.take_along_axis(x, places, -1), axis=-1, kind="stable")
    return np.take_along_axis(places, order, -1)
