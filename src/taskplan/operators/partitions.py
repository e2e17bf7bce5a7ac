"""Rows divided among shards by their keys, and put together again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from taskplan.errors import ArityError, ShapeError
from taskplan.operators.inference import Inferred, TensorSpec
from taskplan.operators.lengths import require_lengths_of
from taskplan.operators.operands import (
    I32,
    I64,
    INDICES,
    Tensor,
    argument_error,
    require_dtype,
    require_in_range,
    require_one_dtype,
    require_rank,
    require_tensor,
)
from taskplan.operators.registry import operator
from taskplan.operators.run import OpRun

_BY_KEYS = "how many keys go to each shard"


def _shard_count(name: str, inputs: int, outputs: int) -> int:
    if not outputs or outputs % inputs:
        msg = f"{name} has one output an input for each shard, got {outputs} outputs for {inputs} inputs"
        raise ArityError(msg, operator=name)
    return outputs // inputs


def _require_leading(name: str, keys: Tensor, others: Sequence[Tensor]) -> None:
    for rank, each in enumerate(others, start=1):
        require_tensor(name, f"input[{rank}]", each)
        if each.shape[: keys.ndim] != keys.shape:
            msg = f"{name}: input[{rank}] has shape {each.shape}, expected one that begins with {keys.shape}, the keys'"
            raise ShapeError(msg, operator=name)


def _placed(shards: Tensor, count: int) -> list[Tensor]:
    """For each shard, the positions of its keys, ascending."""
    # Numbers of 16 bits and less are sorted digit by digit, several times as fast as longer ones.
    order = np.argsort(shards.astype(np.min_scalar_type(count - 1)), kind="stable")
    return np.split(order, np.cumsum(np.bincount(shards, minlength=count))[:-1])


def _divided(keys: Tensor, others: Sequence[Tensor], count: int, *, pack: bool) -> list[list[Tensor]]:
    """For each shard, its rows of the keys and of all others."""
    flat = keys.reshape(-1)
    shards = flat % count
    first = flat // count if pack else flat
    rows = [first, *(each.reshape(len(flat), *each.shape[keys.ndim :]) for each in others)]
    return [[each[places] for each in rows] for places in _placed(shards, count)]


def _parts(*inputs: TensorSpec, outputs: int) -> Inferred:
    keys = inputs[0]
    one_shard = [TensorSpec(each.dtype, (None, *each.sizes[keys.rank :])) for each in inputs]
    return one_shard * (outputs // len(inputs))


@operator("Partition", inputs=("input+",), outputs=("partitions+",), infer=_parts, inexact=_BY_KEYS)
def partition(*inputs: Tensor, pack_first_input: bool = False, run: OpRun) -> tuple[Tensor, ...]:
    """The rows of all inputs divided among n shards: those whose key is k modulo n go to shard k.

    The remainder is never negative. With ``pack_first_input`` the keys become (key - shard) / n.

    Inputs:
        input: the keys, int32 or int64, of any shape; then any tensors whose shapes begin with that of the keys.
    Outputs:
        partitions: n times as many as inputs: all of shard 0, then all of shard 1, and so on; in the order of the keys.
    Raises:
        ArityError: the outputs are not a multiple of the inputs.
        ShapeError: a shape does not begin with that of the keys.
    Example:
        Partition([0 1 2 3 4]:i32) -> [0 2 4]:i32, [1 3]:i32
    """
    keys, others = inputs[0], inputs[1:]
    require_dtype("Partition", "input[0]", keys, INDICES)
    _require_leading("Partition", keys, others)
    count = _shard_count("Partition", len(inputs), len(run.op.outputs))
    return tuple(each for shard in _divided(keys, others, count, pack=pack_first_input) for each in shard)


def _parts_of_lengths(lengths: TensorSpec, *others: TensorSpec, outputs: int) -> Inferred:
    keys = others[0]
    rows = [TensorSpec(each.dtype, (None, *each.sizes[keys.rank :])) for each in others]
    return [TensorSpec(I32, lengths.shape), *rows] * (outputs // (len(others) + 1))


@operator("LengthsPartition", inputs=("input*",), outputs=("partitions*",), infer=_parts_of_lengths, inexact=_BY_KEYS)
def lengths_partition(*inputs: Tensor, pack_first_input: bool = False, run: OpRun) -> tuple[Tensor, ...]:
    """Segments divided among n shards, row by row, as by `Partition`; each shard has the lengths of what is left.

    Inputs:
        input: the lengths, an int32 or int64 vector; the keys, another; then tensors of as many rows.
    Outputs:
        partitions: n times as many as inputs, lengths first, as int32: all of shard 0, then all of shard 1, and so on.
    Raises:
        ArityError: there are no keys, or the outputs are not a multiple of the inputs.
        OperatorError: a length is negative.
        ShapeError: the lengths do not add up to the keys, or a tensor has not as many rows.
    Example:
        LengthsPartition([1 1]:i32, [4 7]:i64) -> [1 0]:i32, [4]:i64, [0 1]:i32, [7]:i64
    """
    name = "LengthsPartition"
    if len(inputs) < 2:
        msg = f"{name} takes lengths, keys and more, got {len(inputs)} inputs"
        raise ArityError(msg, operator=name)
    lengths, keys, others = inputs[0], inputs[1], inputs[2:]
    require_dtype(name, "input[1]", keys, INDICES)
    require_rank(name, "input[1]", keys, 1)
    _require_leading(name, keys, others)
    require_lengths_of(name, "input[0]", lengths, "input[1]", len(keys))
    count = _shard_count(name, len(inputs), len(run.op.outputs))
    segments = np.repeat(np.arange(len(lengths)), lengths)
    made: list[Tensor] = []
    for own, *rows in _divided(keys, [*others, segments], count, pack=pack_first_input):
        counts = np.bincount(rows.pop(), minlength=len(lengths))
        made += [counts.astype(I32), own, *rows]
    return tuple(made)


def _gathered(keys: TensorSpec, *shards: TensorSpec) -> TensorSpec:
    return TensorSpec(shards[0].dtype, (*keys.sizes, *shards[0].sizes[1:]))


@operator("GatherByKey", inputs=("keys", "sharded_values+"), outputs=("values",), infer=_gathered)
def gather_by_key(keys: Tensor, *shards: Tensor) -> Tensor:
    """The inverse of `Partition` for one tensor: for each key, the next row of its shard.

    Inputs:
        keys: int32 or int64, of any shape, as they were before they were divided among n shards.
        sharded_values: n tensors of one dtype and inner shape, the rows of each shard in the order of their keys.
    Outputs:
        values: that dtype; the shape of the keys, then the inner shape.
    Raises:
        DtypeError: the shards differ in dtype.
        ShapeError: they differ in inner shape, or a shard has not as many rows as keys.
    Example:
        GatherByKey([2 1 4]:i32, [5 7], [6]) -> [5 6 7]
    """
    name, count = "GatherByKey", len(shards)
    require_dtype(name, "keys", keys, INDICES)
    require_one_dtype(name, **{f"sharded_values[{rank}]": each for rank, each in enumerate(shards)})
    for rank, each in enumerate(shards):
        if not each.ndim or each.shape[1:] != shards[0].shape[1:]:
            shapes = f"sharded_values[{rank}] has shape {each.shape}, sharded_values[0] has shape {shards[0].shape}"
            msg = f"{name}: {shapes}; expected rows of one inner shape"
            raise ShapeError(msg, operator=name)
    flat = keys.reshape(-1)
    values = np.empty((len(flat), *shards[0].shape[1:]), shards[0].dtype)
    for rank, (each, places) in enumerate(zip(shards, _placed(flat % count, count), strict=True)):
        if len(each) != len(places):
            msg = f"{name}: sharded_values[{rank}] has {len(each)} rows, and {len(places)} keys are of that shard"
            raise ShapeError(msg, operator=name)
        values[places] = each
    return values.reshape(keys.shape + shards[0].shape[1:])


def _positions(_keys: TensorSpec, *, outputs: int) -> Inferred:
    return [TensorSpec(I32, (None,))] * outputs


def _check_limit(*, categorical_limit: int) -> None:
    if categorical_limit < 1:
        raise argument_error("KeySplit", "categorical_limit", f"must be at least 1, got {categorical_limit}")


@operator("KeySplit", inputs=("keys",), outputs=("positions+",), check=_check_limit, infer=_positions, inexact=_BY_KEYS)
def key_split(keys: Tensor, *, categorical_limit: int, run: OpRun) -> tuple[Tensor, ...]:
    """For each key from 0 to before ``categorical_limit``, the positions where it stands.

    Inputs:
        keys: int64 vector.
    Outputs:
        positions: ``categorical_limit`` int32 vectors, ascending.
    Raises:
        ArityError: there is not one output for each key.
        OperatorError: a key is out of range.
    Example:
        KeySplit([1 0 1]:i64; categorical_limit=2) -> [1]:i32, [0 2]:i32
    """
    name = "KeySplit"
    require_dtype(name, "keys", keys, {I64})
    require_rank(name, "keys", keys, 1)
    if len(run.op.outputs) != categorical_limit:
        msg = f"{name} has categorical_limit={categorical_limit} outputs, got {len(run.op.outputs)}"
        raise ArityError(msg, operator=name)
    require_in_range(name, "key", keys, categorical_limit, f"categorical_limit={categorical_limit}")
    return tuple(places.astype(I32) for places in _placed(keys, categorical_limit))
