"""Sizes of tensors, and the same elements in another shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import Size, TensorSpec, always, product
from taskplan.operators.operands import (
    BOOL,
    I64,
    INDICES,
    NUMBERS,
    Tensor,
    argument_error,
    require_dtype,
    require_least_rank,
    require_rank,
    require_tensor,
    settled,
)
from taskplan.operators.registry import operator

AnySize = TypeVar("AnySize", int, int | None)

# --- sizes -----------------------------------------------------------------------------------------------------------


def _sizes_spec(x: TensorSpec, *, axes: Sequence[int]) -> TensorSpec:
    return TensorSpec(I64, (len(axes) or x.rank,))


@operator("Shape", inputs=("X",), outputs=("shape",), infer=_sizes_spec)
def shape_of(x: Tensor, *, axes: Sequence[int] = ()) -> Tensor:
    """The sizes of X, of all axes or of ``axes`` in that order.

    Inputs:
        X: any dtype and shape.
    Outputs:
        shape: int64 vector.
    Raises:
        ShapeError: X has no such axis; axes do not count from the end.
    Example:
        Shape([[1 2 3]]) -> [1 3]:i64
    """
    require_tensor("Shape", "X", x)
    for axis in axes:
        if not 0 <= axis < x.ndim:
            msg = f"Shape: argument 'axes' holds {axis}, X has shape {x.shape}"
            raise ShapeError(msg, operator="Shape")
    return np.array([x.shape[axis] for axis in axes] if axes else x.shape, I64)


@operator("Size", inputs=("X",), outputs=("size",), infer=always(TensorSpec(I64)))
def size_of(x: Tensor) -> np.int64:
    """The number of elements of X.

    Inputs:
        X: any dtype and shape.
    Outputs:
        size: int64, rank 0.
    Example:
        Size([[1 2]]) -> 2 ():i64
    """
    require_tensor("Size", "X", x)
    return np.int64(x.size)


@operator("IsEmpty", inputs=("tensor",), outputs=("is_empty",), infer=always(TensorSpec(BOOL)))
def is_empty(x: Tensor) -> np.bool_:
    """Whether the tensor has no element.

    Inputs:
        tensor: any dtype and shape.
    Outputs:
        is_empty: bool, rank 0.
    Example:
        IsEmpty([1 2]) -> F ()
    """
    require_tensor("IsEmpty", "tensor", x)
    return np.bool_(x.size == 0)


@operator("HasNoRows", inputs=("tensor",), outputs=("has_no_rows",), infer=always(TensorSpec(BOOL)))
def has_no_rows(x: Tensor) -> np.bool_:
    """Whether the first axis of the tensor has size 0, whatever its other axes.

    Inputs:
        tensor: any dtype, at least one axis.
    Outputs:
        has_no_rows: bool, rank 0.
    Example:
        HasNoRows([1 2]) -> F ()
    """
    require_tensor("HasNoRows", "tensor", x)
    require_least_rank("HasNoRows", "tensor", x, 1)
    return np.bool_(x.shape[0] == 0)


@operator("HasElements", inputs=("tensors+",), outputs=("has_elements",), infer=always(TensorSpec(BOOL)))
def has_elements(*tensors: Tensor) -> np.bool_:
    """Whether any of the tensors has an element.

    Inputs:
        tensors: any dtypes and shapes.
    Outputs:
        has_elements: bool, rank 0.
    Example:
        HasElements([], [1]) -> T ()
    """
    for x in tensors:
        require_tensor("HasElements", "an input", x)
    return np.bool_(any(x.size for x in tensors))


# --- other shapes ----------------------------------------------------------------------------------------------------


def _reshaped_specs(
    data: TensorSpec, *inputs: TensorSpec, shape: Sequence[int] | None
) -> tuple[TensorSpec | None, TensorSpec | None]:
    if inputs:
        rank, old = inputs[0].sizes[0], TensorSpec(inputs[0].dtype, (data.rank,))
        return TensorSpec(data.dtype, None if rank is None else (None,) * rank), old
    known = [size for size in data.sizes if size is not None]
    sizes: Sequence[Size] = [size if size > 0 else None for size in shape or ()]
    if len(known) == data.rank:
        sizes = _sizes_asked_for(known, shape or ())
    return TensorSpec(data.dtype, tuple(sizes)), TensorSpec(I64, (data.rank,))


@operator(
    "Reshape",
    inputs=("data", "new_shape?"),
    outputs=("reshaped", "old_shape"),
    in_place=(("data", "reshaped"),),
    infer=_reshaped_specs,
    inexact="the values of new_shape, where it is an input",
)
def reshape(
    data: Tensor, new_shape: Tensor | None = None, *, shape: Sequence[int] | None = None
) -> tuple[Tensor, Tensor]:
    """The same elements in the shape ``shape``, or that of the second input.

    A size of -1, at most one, is inferred; 0 keeps the size at that position (if data has no elements, it means 0).

    Inputs:
        data: any dtype and shape.
        new_shape: int32 or int64 vector, in place of ``shape``.
    Outputs:
        reshaped: data's dtype.
        old_shape: data's shape; int64, or the dtype of new_shape.
    Raises:
        ShapeError: the elements do not fit the shape.
    Example:
        Reshape([[1 2] [3 4]]; shape=[4]) -> [1 2 3 4], [2 2]:i64
    """
    require_tensor("Reshape", "data", data)
    if (new_shape is None) is (shape is None):
        raise argument_error("Reshape", "shape", "or a second input must give the shape, not both")
    if new_shape is None:
        return _reshaped(data, shape or ()), np.array(data.shape, I64)
    require_dtype("Reshape", "new_shape", new_shape, INDICES)
    require_rank("Reshape", "new_shape", new_shape, 1)
    return _reshaped(data, new_shape.tolist()), np.array(data.shape, new_shape.dtype)


def _sizes_asked_for(shape: Sequence[int], asked: Sequence[int]) -> list[int]:
    """The sizes that `asked` stands for, where data has a shape."""
    count = math.prod(shape)
    kept = shape if count else (0,) * len(asked)
    sizes = [kept[i] if size == 0 and i < len(kept) else size for i, size in enumerate(asked)]
    if sizes.count(-1) == 1:
        others = -math.prod(sizes)
        sizes[sizes.index(-1)] = count // others if others else -1
    return sizes


def _reshaped(data: Tensor, asked: Sequence[int]) -> Tensor:
    sizes = _sizes_asked_for(data.shape, asked)
    if min(sizes, default=0) < 0 or math.prod(sizes) != data.size:
        msg = f"Reshape: data has shape {data.shape}, which does not fit shape={list(asked)}"
        raise ShapeError(msg, operator="Reshape")
    return settled(data.reshape(sizes))


def _resized_spec(data: TensorSpec, like: TensorSpec) -> TensorSpec:
    return TensorSpec(data.dtype, like.shape)


@operator("ResizeLike", inputs=("data", "shape_tensor"), outputs=("output",), infer=_resized_spec)
def resize_like(data: Tensor, like: Tensor) -> Tensor:
    """The elements of data in the shape of another tensor.

    Inputs:
        data: any dtype and shape.
        shape_tensor: any dtype, as many elements as data.
    Outputs:
        output: data's dtype, shape_tensor's shape.
    Raises:
        ShapeError: the numbers of elements differ.
    Example:
        ResizeLike([[1 2] [3 4]], [0 0 0 0]) -> [1 2 3 4]
    """
    require_tensor("ResizeLike", "data", data)
    require_tensor("ResizeLike", "shape_tensor", like)
    if data.size != like.size:
        msg = f"ResizeLike: data has shape {data.shape}, shape_tensor has shape {like.shape}; the sizes differ"
        raise ShapeError(msg, operator="ResizeLike")
    return settled(data.reshape(like.shape))


def _matrix_spec(x: TensorSpec, *, axis: int) -> TensorSpec:
    return TensorSpec(x.dtype, (product(x.sizes[:axis]), product(x.sizes[axis:])))


@operator("Flatten", inputs=("X",), outputs=("Y",), infer=_matrix_spec)
def flatten(x: Tensor, *, axis: int = 1) -> Tensor:
    """X as a matrix: the axes before ``axis`` become the first, the others the second.

    Inputs:
        X: any dtype, of rank ``axis`` or more.
    Outputs:
        Y: X's dtype, rank 2.
    Raises:
        ShapeError: ``axis`` is negative or above the rank.
    Example:
        Flatten([[[1 2]] [[3 4]]]) -> [[1 2] [3 4]]
    """
    require_tensor("Flatten", "X", x)
    if not 0 <= axis <= x.ndim:
        msg = f"Flatten: X has shape {x.shape}, expected rank {axis} or more, for axis={axis}"
        raise ShapeError(msg, operator="Flatten")
    return x.reshape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def _vector_spec(x: TensorSpec) -> TensorSpec:
    return TensorSpec(x.dtype, (product(x.sizes),))


@operator("FlattenToVec", inputs=("input",), outputs=("output",), infer=_vector_spec)
def flatten_to_vec(x: Tensor) -> Tensor:
    """All elements as a vector, row-major.

    Inputs:
        input: any dtype, rank 1 or more.
    Outputs:
        output: that dtype, a vector.
    Example:
        FlattenToVec([[1 2] [3 4]]) -> [1 2 3 4]
    """
    require_tensor("FlattenToVec", "input", x)
    require_least_rank("FlattenToVec", "input", x, 1)
    return x.reshape(-1)


def _dims_check(name: str) -> Callable[..., None]:
    def check(*, dims: Sequence[int]) -> None:
        if not dims or min(dims) < 0:
            raise argument_error(name, "dims", f"must hold positions of 0 or more, got {list(dims)}")

    return check


def _squeezed_spec(data: TensorSpec, *, dims: Sequence[int]) -> TensorSpec:
    return TensorSpec(data.dtype, tuple([size for axis, size in enumerate(data.sizes) if axis not in dims]))


@operator(
    "Squeeze",
    inputs=("data",),
    outputs=("squeezed",),
    in_place=(("data", "squeezed"),),
    check=_dims_check("Squeeze"),
    infer=_squeezed_spec,
)
def squeeze(data: Tensor, *, dims: Sequence[int]) -> Tensor:
    """Data without the axes ``dims``, which have size 1; repeats in ``dims`` mean nothing.

    Inputs:
        data: any dtype.
    Outputs:
        squeezed: data's dtype.
    Raises:
        ShapeError: there is no such axis, or its size is not 1.
    Example:
        Squeeze([[[1] [2]]]; dims=[0,2]) -> [1 2]
    """
    require_tensor("Squeeze", "data", data)
    if max(dims) >= data.ndim or any(data.shape[axis] != 1 for axis in dims):
        msg = f"Squeeze: data has shape {data.shape}, expected size 1 at dims={list(dims)}"
        raise ShapeError(msg, operator="Squeeze")
    return settled(data.reshape([size for axis, size in enumerate(data.shape) if axis not in dims]))


def _with_ones(sizes: Sequence[AnySize], dims: Sequence[int]) -> tuple[AnySize, ...]:
    made = list(sizes)
    for axis in sorted(set(dims)):
        made.insert(axis, 1)
    return tuple(made)


def _expanded_spec(data: TensorSpec, *, dims: Sequence[int]) -> TensorSpec:
    return TensorSpec(data.dtype, _with_ones(data.sizes, dims))


@operator(
    "ExpandDims",
    inputs=("data",),
    outputs=("expanded",),
    in_place=(("data", "expanded"),),
    check=_dims_check("ExpandDims"),
    infer=_expanded_spec,
)
def expand_dims(data: Tensor, *, dims: Sequence[int]) -> Tensor:
    """Data with axes of size 1 at the positions ``dims`` of the result; repeats in ``dims`` mean nothing.

    Inputs:
        data: any dtype and shape.
    Outputs:
        expanded: data's dtype.
    Raises:
        ShapeError: a position is not within the result.
    Example:
        ExpandDims([1 2]; dims=[0,2]) -> [[[1] [2]]]
    """
    require_tensor("ExpandDims", "data", data)
    if max(dims) >= data.ndim + len(set(dims)):
        msg = f"ExpandDims: data has shape {data.shape}, and dims={list(dims)} lie beyond its last axis"
        raise ShapeError(msg, operator="ExpandDims")
    return data.reshape(_with_ones(data.shape, dims))


def _check_dim_size(*, dim_size: int) -> None:
    if dim_size < 1:
        raise argument_error("PrependDim", "dim_size", f"must be 1 or more, got {dim_size}")


def _split_spec(data: TensorSpec, *, dim_size: int) -> TensorSpec:
    first, *others = data.sizes
    return TensorSpec(data.dtype, (dim_size, None if first is None else first // dim_size, *others))


@operator(
    "PrependDim",
    inputs=("data",),
    outputs=("reshaped",),
    in_place=(("data", "reshaped"),),
    check=_check_dim_size,
    infer=_split_spec,
)
def prepend_dim(data: Tensor, *, dim_size: int) -> Tensor:
    """Data with its first axis, of size n, split into two of sizes ``dim_size`` and ``n / dim_size``.

    Inputs:
        data: any dtype, rank 1 or more.
    Outputs:
        reshaped: data's dtype.
    Raises:
        ShapeError: the first size is no multiple of ``dim_size``.
    Example:
        PrependDim([1 2 3 4]; dim_size=2) -> [[1 2] [3 4]]
    """
    require_tensor("PrependDim", "data", data)
    require_least_rank("PrependDim", "data", data, 1)
    if len(data) % dim_size:
        msg = f"PrependDim: data has shape {data.shape}, expected a first size that dim_size={dim_size} divides"
        raise ShapeError(msg, operator="PrependDim")
    return data.reshape((dim_size, len(data) // dim_size, *data.shape[1:]))


def _merged_spec(data: TensorSpec) -> TensorSpec:
    return TensorSpec(data.dtype, (product(data.sizes[:2]), *data.sizes[2:]))


@operator("MergeDim", inputs=("data",), outputs=("reshaped",), in_place=(("data", "reshaped"),), infer=_merged_spec)
def merge_dim(data: Tensor) -> Tensor:
    """Data with its first two axes made one.

    Inputs:
        data: any dtype, rank 2 or more.
    Outputs:
        reshaped: data's dtype.
    Example:
        MergeDim([[1 2] [3 4]]) -> [1 2 3 4]
    """
    require_tensor("MergeDim", "data", data)
    require_least_rank("MergeDim", "data", data, 2)
    return data.reshape((data.shape[0] * data.shape[1], *data.shape[2:]))


def _check_axes(*, axes: Sequence[int]) -> None:
    if sorted(axes) != list(range(len(axes))):
        raise argument_error("Transpose", "axes", f"must hold each axis once, got {list(axes)}")


def _transposed_spec(x: TensorSpec, *, axes: Sequence[int]) -> TensorSpec:
    return TensorSpec(x.dtype, tuple([x.sizes[axis] for axis in axes or reversed(range(x.rank))]))


@operator("Transpose", inputs=("X",), outputs=("Y",), check=_check_axes, infer=_transposed_spec)
def transpose(x: Tensor, *, axes: Sequence[int] = ()) -> Tensor:
    """X with its axes in the order ``axes``, by default reversed.

    Inputs:
        X: float32, float64, int32 or int64, any shape.
    Outputs:
        Y: X's dtype.
    Raises:
        ShapeError: ``axes`` has not as many entries as X has axes.
    Example:
        Transpose([[1 3] [2 4]]) -> [[1 2] [3 4]]
    """
    require_dtype("Transpose", "X", x, NUMBERS)
    if axes and len(axes) != x.ndim:
        msg = f"Transpose: X has shape {x.shape}, argument 'axes' has {len(axes)} entries, {list(axes)}"
        raise ShapeError(msg, operator="Transpose")
    return settled(x.transpose(axes or None))
