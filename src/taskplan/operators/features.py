"""Features made ready for models: buckets, hashes, dense and sparse forms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.by_segment import scattered_sums
from taskplan.operators.inference import Inferred, TensorSpec, like
from taskplan.operators.lengths import LARGEST, first_size, require_indices, require_lengths_of
from taskplan.operators.operands import (
    BOOL,
    F32,
    F32_ONLY,
    I8,
    I32,
    I64,
    INDICES,
    NUMBERS,
    Tensor,
    argument_error,
    fits,
    refuse,
    require_dtype,
    require_least_rank,
    require_one_dtype,
    require_rank,
    require_tensor,
    settled,
    sole_element,
)
from taskplan.operators.registry import RANDOM, UNLIMITED, operator
from taskplan.operators.run import OpRun

# --- element by element ----------------------------------------------------------------------------------------------


def _check_boundaries(*, boundaries: Sequence[float]) -> None:
    if not all(a <= b for a, b in pairwise(boundaries)) or any(map(math.isnan, boundaries)):
        raise argument_error("Bucketize", "boundaries", f"must ascend, got {list(boundaries)}")


@operator("Bucketize", inputs=("data",), outputs=("output",), check=_check_boundaries, infer=like(0, dtype=I32))
def bucketize(x: Tensor, *, boundaries: Sequence[float] = ()) -> Tensor:
    """The number of ``boundaries`` below each element, so that a boundary belongs to the bucket below it.

    nan counts as above all of them.

    Inputs:
        data: float32, any shape.
    Outputs:
        output: int32, data's shape.
    Raises:
        ArgumentError: the boundaries do not ascend.
    Example:
        Bucketize([0.1 1 2.5 9]; boundaries=[1.0,2.0]) -> [0 0 2 2]:i32
    """
    require_dtype("Bucketize", "data", x, F32_ONLY)
    return settled(np.searchsorted(np.array(boundaries, F32), x).astype(I32))


def _check_hash(*, modulo: int, **_: int) -> None:
    if modulo < 1:
        raise argument_error("IndexHash", "modulo", f"must be at least 1, got {modulo}")


@operator(
    "IndexHash",
    inputs=("Indices",),
    outputs=("HashedIndices",),
    in_place=(("Indices", "HashedIndices"),),
    check=_check_hash,
    infer=like(0),
)
def index_hash(x: Tensor, *, seed: int = 0, modulo: int = 0) -> Tensor:
    """A hash of each element, from 0 to below ``modulo``, which must be given.

    It begins as ``seed`` times 0xDEADBEEF, and for each byte of the element from the lowest up, as a signed number,
    h becomes h 65537 + byte, in the wrapping arithmetic of the type.

    Inputs:
        Indices: int32 or int64, any shape.
    Outputs:
        HashedIndices: Indices' dtype and shape.
    Raises:
        OperatorError: the type of Indices does not hold all numbers below ``modulo``.
    Example:
        IndexHash([1 2 1]:i32; modulo=10) -> [9 8 9]:i32
    """
    require_dtype("IndexHash", "Indices", x, INDICES)
    if not fits(modulo - 1, x.dtype):
        raise refuse("IndexHash", f"Indices has dtype {x.dtype}, which does not hold all numbers below modulo={modulo}")
    size = x.dtype.itemsize
    signed = x.astype(x.dtype.newbyteorder("<"), "C", copy=False).reshape(-1, 1).view(I8)
    hashes: Tensor = np.full(x.size, seed * 0xDEADBEEF % (1 << 8 * size), f"u{size}").view(x.dtype)
    for place in range(size):
        hashes *= 65537
        hashes += signed[:, place]
    if fits(modulo, x.dtype):
        hashes %= modulo
    else:
        hashes &= modulo - 1
    return settled(hashes.reshape(x.shape))


@operator("StumpFunc", inputs=("X",), outputs=("Y",), infer=like(0))
def stump(x: Tensor, *, threshold: float = 0.0, low_value: float = 0.0, high_value: float = 0.0) -> Tensor:
    """``low_value`` where X is at most ``threshold``, ``high_value`` elsewhere.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape.
    Example:
        StumpFunc([0.5 1 2]; threshold=1.0, low_value=-1.0, high_value=5.0) -> [-1 -1 5]
    """
    require_dtype("StumpFunc", "X", x, F32_ONLY)
    return settled(np.where(x <= np.float32(threshold), np.float32(low_value), np.float32(high_value)))


# --- one-hot ---------------------------------------------------------------------------------------------------------


def _columns_of_values(data: TensorSpec, _lengths: TensorSpec, values: TensorSpec) -> Inferred:
    return TensorSpec(data.dtype, (data.sizes[0], *values.sizes))


@operator("BatchOneHot", inputs=("data", "lengths", "values"), outputs=("output",), infer=_columns_of_values)
def batch_one_hot(data: Tensor, lengths: Tensor, values: Tensor) -> Tensor:
    """Each column compared with each of its values: 1 where they are equal, else 0.

    Inputs:
        data: int32 or int64 matrix.
        lengths: int32 or int64 vector, how many values each column has.
        values: data's dtype, vector, those of the first column, then of the second, and so on.
    Outputs:
        output: data's dtype, a row for each of data, a column for each value.
    Raises:
        ShapeError: there is not one length a column, or they do not add up to the values.
    Example:
        BatchOneHot([[1 5]]:i32, [2 1]:i32, [1 2 5]:i32) -> [[1 0 1]]:i32
    """
    name = "BatchOneHot"
    require_dtype(name, "data", data, INDICES)
    require_rank(name, "data", data, 2)
    require_one_dtype(name, data=data, values=values)
    require_rank(name, "values", values, 1)
    require_lengths_of(name, "lengths", lengths, "values", len(values))
    if len(lengths) != data.shape[1]:
        msg = f"{name}: lengths has shape {lengths.shape}, data has shape {data.shape}; expected one for each column"
        raise ShapeError(msg, operator=name)
    same: Tensor = np.repeat(data, lengths, 1) == values
    return same.astype(data.dtype)


def _segments_by_size(lengths: TensorSpec | None, *_: object) -> Inferred:
    return TensorSpec(F32, (first_size(lengths), None))


@operator(
    "SegmentOneHot",
    inputs=("lengths", "indices", "index_size_tensor"),
    outputs=("one_hots",),
    infer=_segments_by_size,
    inexact="the value of index_size_tensor",
)
def segment_one_hot(lengths: Tensor, indices: Tensor, size: Tensor) -> Tensor:
    """A row for each segment of indices, with 1 at those that are in it.

    Inputs:
        lengths: int32 or int64 vector, of the segments.
        indices: int32 or int64 vector.
        index_size_tensor: int32 or int64, one element, how many columns there are.
    Outputs:
        one_hots: float32 matrix.
    Raises:
        OperatorError: an index is out of range.
        ShapeError: the lengths do not add up to the indices.
    Example:
        SegmentOneHot([1 2]:i32, [0 1 2]:i64, [3]:i64) -> [[1 0 0] [0 1 1]]
    """
    name = "SegmentOneHot"
    require_dtype(name, "indices", indices, INDICES)
    require_rank(name, "indices", indices, 1)
    require_lengths_of(name, "lengths", lengths, "indices", len(indices))
    require_dtype(name, "index_size_tensor", size, INDICES)
    columns = int(sole_element(name, "index_size_tensor", size))
    if columns < 0:
        raise refuse(name, f"index_size_tensor is {columns}, expected 0 or more")
    require_indices(name, "indices", indices, columns)
    made = np.zeros((len(lengths), columns), F32)
    made[np.repeat(np.arange(len(lengths)), lengths), indices] = 1
    return made


# --- sparse and dense ------------------------------------------------------------------------------------------------


def _merged(*pairs: TensorSpec | None) -> Inferred:
    count = next((size for each in pairs[::2] if (size := first_size(each)) is not None), None)
    dtypes = [each.dtype for each in pairs[1::2] if each is not None]
    return [TensorSpec(I32, (count,)), TensorSpec(dtypes[0], (None,)) if dtypes else None]


@operator(
    "MergeIdLists",
    inputs=("lengths_0", "values_0", "more*"),
    outputs=("merged_lengths", "merged_values"),
    input_counts=range(2, UNLIMITED, 2),
    infer=_merged,
    inexact="how many ids the lists share",
)
def merge_id_lists(*pairs: Tensor) -> tuple[Tensor, Tensor]:
    """For each example the sorted union of its lists of ids, each id once.

    Inputs:
        lengths_0: int32 or int64 vector, how many ids each example has in the first list.
        values_0: int32 or int64 vector, these ids.
        more: further pairs of lengths and ids, of as many examples and the same dtype.
    Outputs:
        merged_lengths: int32 vector, one an example.
        merged_values: the ids' dtype.
    Raises:
        DtypeError: the lists differ in dtype.
        ShapeError: lists have other numbers of examples, or lengths do not add up to the ids.
    Example:
        MergeIdLists([1 2]:i32, [5 6 7]:i64, [2 0]:i32, [5 9]:i64) -> [2 2]:i32, [5 9 6 7]:i64
    """
    name, lengths, values = "MergeIdLists", pairs[::2], pairs[1::2]
    require_dtype(name, "values_0", values[0], INDICES)
    require_one_dtype(name, **{f"values_{rank}": each for rank, each in enumerate(values)})
    for rank, (counts, own) in enumerate(zip(lengths, values, strict=True)):
        require_rank(name, f"values_{rank}", own, 1)
        require_lengths_of(name, f"lengths_{rank}", counts, f"values_{rank}", len(own))
        if len(counts) != len(lengths[0]):
            msg = f"{name}: lengths_{rank} is of {len(counts)} examples, lengths_0 of {len(lengths[0])}"
            raise ShapeError(msg, operator=name)
    count = len(lengths[0])
    owners = np.concatenate([np.repeat(np.arange(count), each) for each in lengths])
    # An example and the rank of an id are one number, which is sorted much faster than pairs are.
    ids, ranks = np.unique(np.concatenate(values), return_inverse=True)
    owned = np.sort(owners * len(ids) + ranks)
    is_new = np.ones(len(owned), BOOL)
    np.not_equal(owned[1:], owned[:-1], out=is_new[1:])
    examples, places = np.divmod(owned[is_new], max(len(ids), 1))
    return np.bincount(examples, minlength=count).astype(I32), ids[places]


def _dense(_indices: object, values: TensorSpec, other: TensorSpec | None = None) -> Inferred:
    return TensorSpec(values.dtype, (first_size(other), *values.sizes[1:]))


@operator(
    "SparseToDense",
    inputs=("indices", "values", "data_to_infer_dim?"),
    outputs=("output",),
    infer=_dense,
    inexact="the greatest index, without data_to_infer_dim",
)
def sparse_to_dense(indices: Tensor, values: Tensor, other: Tensor | None = None) -> Tensor:
    """Rows of zeros to which each value is added at its index.

    Inputs:
        indices: int32 or int64 vector.
        values: float32, float64, int32 or int64, one row an index.
        data_to_infer_dim: any tensor; there are as many rows as it has, else as many as the greatest index needs.
    Outputs:
        output: values' dtype and inner shape.
    Raises:
        OperatorError: an index is negative, or beyond the rows; without data_to_infer_dim, above 2^31 - 2.
        ShapeError: there is not one value an index.
    Example:
        SparseToDense([0 2 0]:i32, [1 5 2]) -> [3 0 5]
    """
    name = "SparseToDense"
    require_dtype(name, "indices", indices, INDICES)
    require_rank(name, "indices", indices, 1)
    require_dtype(name, "values", values, NUMBERS)
    require_least_rank(name, "values", values, 1)
    if len(values) != len(indices):
        msg = f"{name}: values has shape {values.shape}, expected {len(indices)} rows, one for each index"
        raise ShapeError(msg, operator=name)
    if other is None:
        require_indices(name, "indices", indices, LARGEST)
        return scattered_sums(values, indices, int(indices.max(initial=-1)) + 1)
    require_tensor(name, "data_to_infer_dim", other)
    require_least_rank(name, "data_to_infer_dim", other, 1)
    require_indices(name, "indices", indices, len(other))
    return scattered_sums(values, indices, len(other))


def _masked(
    _ids: TensorSpec,
    _values: TensorSpec,
    default: TensorSpec,
    *lengths: TensorSpec | None,
    mask: Sequence[int],
    outputs: int,
) -> Inferred:
    rows = (*map(first_size, lengths), len(mask))
    return [TensorSpec(default.dtype, (*rows, *default.sizes)), TensorSpec(BOOL, rows)][:outputs]


def _check_mask(*, mask: Sequence[int], **_: object) -> None:
    if len(set(mask)) < len(mask) or any(each < 0 for each in mask):
        text = f"must be ids that differ and are not negative, got {list(mask)}"
        raise argument_error("SparseToDenseMask", "mask", text)


@operator(
    "SparseToDenseMask",
    inputs=("indices", "values", "default_value", "lengths?"),
    outputs=("output", "presence_mask?"),
    check=_check_mask,
    infer=_masked,
)
def sparse_to_dense_mask(
    ids: Tensor,
    values: Tensor,
    default: Tensor,
    lengths: Tensor | None = None,
    *,
    mask: Sequence[int],
    return_presence_mask: bool = False,  # noqa: ARG001 - a second output asks for it
    max_skipped_indices: int = 50,  # noqa: ARG001 - what is skipped is skipped
) -> tuple[Tensor, Tensor]:
    """For each example and each id of ``mask`` the value that the example has for it, or the default.

    Of an id that comes several times the last value counts; other ids are left out.

    Inputs:
        indices: int32 or int64 vector, ids.
        values: any dtype, one row an id.
        default_value: values' dtype, the shape of a row.
        lengths: int32 or int64 vector, how many ids each example has; without it there is one example, and no axis
            for it.
    Outputs:
        output: values' dtype: examples, ids of the mask, then the inner shape.
        presence_mask: bool: examples, ids of the mask; whether the example had it.
    Raises:
        ShapeError: there is not one value an id, or the lengths do not add up.
    Example:
        SparseToDenseMask([1 5 2]:i64, [10 50 20], -1 (), [2 1]:i32; mask=[5,1]) -> [[50 10] [-1 -1]]
    """
    name = "SparseToDenseMask"
    require_dtype(name, "indices", ids, INDICES)
    require_rank(name, "indices", ids, 1)
    require_tensor(name, "values", values)
    require_tensor(name, "default_value", default)
    require_one_dtype(name, values=values, default_value=default)
    if values.shape[:1] != ids.shape or values.shape[1:] != default.shape:
        shapes = f"values has shape {values.shape}, default_value has shape {default.shape}"
        msg = f"{name}: {shapes}; expected {len(ids)} rows of the default's shape"
        raise ShapeError(msg, operator=name)
    counts: Any = np.array([len(ids)], I32) if lengths is None else lengths
    require_lengths_of(name, "lengths", counts, "indices", len(ids))
    order = np.argsort(np.array(mask, I64))
    wanted = np.array(mask, I64)[order]
    places = np.searchsorted(wanted, ids)
    known = places < len(wanted)
    known[known] = wanted[places[known]] == ids[known]
    examples, columns = np.repeat(np.arange(len(counts)), counts)[known], order[places[known]]
    made = np.empty((len(counts), len(mask), *default.shape), values.dtype)
    made[...] = default
    present = np.zeros(made.shape[:2], BOOL)
    made[examples, columns] = values[known]
    present[examples, columns] = True
    return (made[0], present[0]) if lengths is None else (made, present)


def _id_lists(matrix: TensorSpec) -> Inferred:
    return [TensorSpec(I32, matrix.sizes[:1]), TensorSpec(I32, (None,))]


@operator(
    "DenseVectorToIdList",
    inputs=("values",),
    outputs=("out_lengths", "out_values"),
    infer=_id_lists,
    inexact="how many elements are not 0",
)
def dense_vector_to_id_list(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The columns where each row is not 0, and how many there are.

    Inputs:
        values: float32 matrix.
    Outputs:
        out_lengths: int32 vector, one a row.
        out_values: int32 vector, the columns, ascending in each row.
    Example:
        DenseVectorToIdList([[0 1 0 1] [0 0 0 0]]) -> [2 0]:i32, [1 3]:i32
    """
    require_dtype("DenseVectorToIdList", "values", matrix, F32_ONLY)
    require_rank("DenseVectorToIdList", "values", matrix, 2)
    # Of bools these are several times as fast as of numbers, and one flat position as fast again as two.
    is_there = matrix != 0
    columns = np.flatnonzero(is_there) % max(matrix.shape[1], 1)
    return np.count_nonzero(is_there, axis=1).astype(I32), columns.astype(I32)


@operator(
    "CopyRowsToTensor",
    inputs=("input_tensor", "indices", "row"),
    outputs=("output_tensor",),
    must_in_place=(("input_tensor", "output_tensor"),),
    updates=("input_tensor",),
    infer=like(0),
)
def copy_rows_to_tensor(data: Tensor, indices: Tensor, row: Tensor) -> Tensor:
    """The matrix with the rows that the indices name replaced by one row.

    Inputs:
        input_tensor: any dtype, matrix.
        indices: int32 or int64 vector.
        row: input_tensor's dtype, vector of its width.
    Outputs:
        output_tensor: the same blob.
    Raises:
        OperatorError: an index is out of range.
        ShapeError: the row has another width.
    Example:
        CopyRowsToTensor([[0 0] [0 0]], [1]:i64, [7 8]) -> [[0 0] [7 8]]
    """
    name = "CopyRowsToTensor"
    require_tensor(name, "input_tensor", data)
    require_rank(name, "input_tensor", data, 2)
    require_rank(name, "indices", indices, 1)
    require_indices(name, "indices", indices, len(data))
    require_one_dtype(name, input_tensor=data, row=row)
    if row.shape != data.shape[1:]:
        msg = f"{name}: row has shape {row.shape}, input_tensor has shape {data.shape}; expected {data.shape[1:]}"
        raise ShapeError(msg, operator=name)
    data[indices] = row
    return data


def _check_ratio(*, ratio: float, **_: object) -> None:
    if not 0 <= ratio <= 1:
        raise argument_error("SparseDropoutWithReplacement", "ratio", f"must be from 0.0 to 1.0, got {ratio}")


def _dropped(_ids: object, lengths: TensorSpec | None) -> Inferred:
    return [TensorSpec(I64, (None,)), TensorSpec(I32, (first_size(lengths),))]


@operator(
    "SparseDropoutWithReplacement",
    inputs=("X", "Lengths"),
    outputs=("Y", "OutputLengths"),
    effects=(RANDOM,),
    check=_check_ratio,
    infer=_dropped,
    inexact="how many ids are dropped",
)
def sparse_dropout_with_replacement(
    ids: Tensor, lengths: Tensor, *, ratio: float = 0.0, replacement_value: int = 0, run: OpRun
) -> tuple[Tensor, Tensor]:
    """Ids of which each is dropped with probability ``ratio``; a segment left empty gets ``replacement_value`` alone.

    A segment that was empty before gets it with that probability: a ratio of 0 changes nothing, and of 1 everything.

    Inputs:
        X: int64 vector.
        Lengths: int32 or int64 vector, of its segments.
    Outputs:
        Y: int64 vector.
        OutputLengths: int32 vector.
    Raises:
        OperatorError: a length is negative.
        ShapeError: the lengths do not add up to the ids.
    Example:
        SparseDropoutWithReplacement([1 2 3]:i64, [2 1]:i32; ratio=1.0, replacement_value=9) -> [9 9]:i64, [1 1]:i32
    """
    name = "SparseDropoutWithReplacement"
    require_dtype(name, "X", ids, {I64})
    require_rank(name, "X", ids, 1)
    require_lengths_of(name, "Lengths", lengths, "X", len(ids))
    kept = run.rng.random(len(ids)) >= ratio
    segments = np.repeat(np.arange(len(lengths)), lengths)[kept]
    counts = np.bincount(segments, minlength=len(lengths))
    is_replaced = (counts == 0) & ((lengths > 0) | (run.rng.random(len(lengths)) < ratio))
    left: Tensor = counts + is_replaced
    made = np.full(left.sum(), replacement_value, I64)
    made[np.repeat(~is_replaced, left)] = ids[kept]
    return made, left.astype(I32)
