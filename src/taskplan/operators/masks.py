"""Elements chosen by truth values, and left out by index."""

from __future__ import annotations

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import TensorSpec, like
from taskplan.operators.operands import (
    BOOLS,
    I64,
    INDICES,
    Tensor,
    refuse,
    require_dtype,
    require_in_range,
    require_least_rank,
    require_one_dtype,
    require_rank,
    require_tensor,
)
from taskplan.operators.registry import UNLIMITED, operator


def _some_rows(data: TensorSpec, _chosen_by: object) -> TensorSpec:
    return TensorSpec(data.dtype, (None, *data.sizes[1:]))


def _chosen(data: TensorSpec, mask: object) -> tuple[TensorSpec, ...]:
    return _some_rows(data, mask), TensorSpec(I64, (None,))


@operator(
    "BooleanMask",
    inputs=("data", "mask"),
    outputs=("masked_data", "masked_indices?"),
    infer=_chosen,
    inexact="how often the mask is true",
)
def boolean_mask(data: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The rows where the mask is true, and their positions.

    Inputs:
        data: any dtype, rank 1 or more.
        mask: bool vector, one entry a row.
    Outputs:
        masked_data: data's dtype.
        masked_indices: int64 vector.
    Raises:
        ShapeError: the mask has not one entry for each row.
    Example:
        BooleanMask([[1 2] [3 4]], [F T]) -> [[3 4]], [1]:i64
    """
    require_tensor("BooleanMask", "data", data)
    require_least_rank("BooleanMask", "data", data, 1)
    require_dtype("BooleanMask", "mask", mask, BOOLS)
    if mask.shape != data.shape[:1]:
        msg = f"BooleanMask: mask has shape {mask.shape}, data has shape {data.shape}; expected one entry for each row"
        raise ShapeError(msg, operator="BooleanMask")
    places = np.flatnonzero(mask)
    return data.take(places, 0), places.astype(I64, copy=False)


def _merged(mask: TensorSpec, values: TensorSpec, *_: object) -> TensorSpec:
    return TensorSpec(values.dtype, mask.shape)


@operator(
    "BooleanUnmask",
    inputs=("mask", "values", "more*"),
    outputs=("unmasked_data",),
    infer=_merged,
    input_counts=range(2, UNLIMITED, 2),
)
def boolean_unmask(*pairs: Tensor) -> Tensor:
    """The inverse of several masks: each position has the next value of the first pair whose mask is true there.

    Inputs:
        mask: bool vector.
        values: vector, any dtype; as many as positions take one of them.
        more: further masks and values, of the same length and dtype.
    Outputs:
        unmasked_data: vector of the values' dtype, as long as a mask.
    Raises:
        OperatorError: no mask is true at a position.
        ShapeError: masks differ in length, or there are more or fewer values than positions that take one.
    Example:
        BooleanUnmask([T F], [1], [F T], [2]) -> [1 2]
    """
    name, masks, values = "BooleanUnmask", pairs[::2], pairs[1::2]
    require_one_dtype(name, **{f"values[{rank}]": each for rank, each in enumerate(values)})
    result = np.empty(masks[0].shape, values[0].dtype)
    open_places = np.ones(masks[0].shape, np.bool_)
    for rank, (mask, each) in enumerate(zip(masks, values, strict=True)):
        require_dtype(name, f"mask[{rank}]", mask, BOOLS)
        require_rank(name, f"mask[{rank}]", mask, 1)
        require_rank(name, f"values[{rank}]", each, 1)
        places = np.flatnonzero(mask & open_places) if mask.shape == open_places.shape else None
        if places is None or len(places) != each.size:
            expected = f"a mask of shape {open_places.shape}" if places is None else f"{len(places)} values"
            shapes = f"mask[{rank}] has shape {mask.shape}, values[{rank}] has shape {each.shape}"
            msg = f"{name}: {shapes}; expected {expected}"
            raise ShapeError(msg, operator=name)
        result[places] = each
        open_places &= ~mask
    if open_places.any():
        raise refuse(name, f"no mask is true at position {np.flatnonzero(open_places)[0]}")
    return result


@operator("BooleanMaskLengths", inputs=("lengths", "mask"), outputs=("masked_lengths",), infer=like(0))
def boolean_mask_lengths(lengths: Tensor, mask: Tensor) -> Tensor:
    """How many entries of the mask are true in each stretch.

    Inputs:
        lengths: int32 or int64 vector, the lengths of consecutive stretches.
        mask: bool vector, as long as the lengths together.
    Outputs:
        masked_lengths: the dtype and shape of lengths.
    Raises:
        ShapeError: the lengths do not add up to the size of the mask.
    Example:
        BooleanMaskLengths([2 1]:i32, [T F T]) -> [1 1]:i32
    """
    name = "BooleanMaskLengths"
    require_dtype(name, "lengths", lengths, INDICES)
    require_dtype(name, "mask", mask, BOOLS)
    require_rank(name, "lengths", lengths, 1)
    require_rank(name, "mask", mask, 1)
    ends = np.cumsum(lengths, dtype=I64)
    if (lengths < 0).any() or (ends[-1] if ends.size else 0) != mask.size:
        msg = f"{name}: lengths are {lengths.tolist()}, expected a sum of {mask.size}, the size of mask"
        raise ShapeError(msg, operator=name)
    counts: Tensor = np.concatenate(([0], np.cumsum(mask)))
    trues: Tensor = counts[ends] - counts[ends - lengths]
    return trues.astype(lengths.dtype)


@operator(
    "RemoveDataBlocks",
    inputs=("data", "indices"),
    outputs=("shrunk_data",),
    infer=_some_rows,
    inexact="how many rows the indices name",
)
def remove_data_blocks(data: Tensor, indices: Tensor) -> Tensor:
    """Data without the rows that the indices name; repeats do no harm.

    Inputs:
        data: any dtype, rank 1 or more.
        indices: int32 or int64 vector.
    Outputs:
        shrunk_data: data's dtype.
    Raises:
        OperatorError: an index is out of range.
    Example:
        RemoveDataBlocks([1 2 3], [0 2]:i64) -> [2]
    """
    name = "RemoveDataBlocks"
    require_tensor(name, "data", data)
    require_least_rank(name, "data", data, 1)
    require_dtype(name, "indices", indices, INDICES)
    require_rank(name, "indices", indices, 1)
    require_in_range(name, "index", indices, len(data), f"{len(data)} rows")
    kept = np.ones(len(data), np.bool_)
    kept[indices] = False
    return data.compress(kept, 0)
