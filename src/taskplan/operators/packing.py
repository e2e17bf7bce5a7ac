"""Segments packed into rows of one length, and taken out again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from taskplan.errors import ArityError, ShapeError
from taskplan.operators.inference import Inferred, TensorSpec
from taskplan.operators.lengths import (
    first_size,
    require_lengths_of,
    starts_of,
    sum_of_lengths,
    within_stretches,
)
from taskplan.operators.operands import (
    ANY,
    BOOL,
    I32,
    I64,
    INDICES,
    Tensor,
    argument_error,
    refuse,
    require_dtype,
    require_least_rank,
    require_rank,
    require_tensor,
    sole_element,
)
from taskplan.operators.registry import operator
from taskplan.operators.run import OpRun
from taskplan.plan.types import STRING_DTYPE


def _check_max_length(name: str, max_length: int) -> None:
    if max_length < -1:
        raise argument_error(name, "max_length", f"must be 0 or more, or -1 for no limit, got {max_length}")


def _merged(x: Tensor) -> Tensor:
    """A view of a contiguous array in which each row is one element, so that indices move it at once.

    Strings are no bytes that could be moved; their rows stay what they are.
    """
    width = math.prod(x.shape[1:])
    if x.dtype == STRING_DTYPE or not width or x.ndim == 1:
        return x
    return x.reshape(len(x), width).view(np.dtype((np.void, width * x.dtype.itemsize)))[:, 0]


def _laid_out(data: Tensor, lengths: Tensor, width: int, filling: object) -> Tensor:
    """The segments one behind the other, each filled up or cut to `width` rows."""
    shape = (len(lengths) * width, *data.shape[1:])
    packed = np.full(shape, filling, data.dtype) if filling != 0 else np.zeros(shape, data.dtype)
    rows, kept = _merged(np.ascontiguousarray(data)), lengths
    if lengths.max(initial=0) > width:
        kept = np.minimum(lengths, width)
        rows = rows[within_stretches(starts_of(lengths), kept)]
    _merged(packed)[_places(kept, width)] = rows
    return packed


def _places(lengths: Tensor, width: int) -> Tensor:
    """Which rows hold something, if each segment has `width` of them and `lengths` are filled from the first on."""
    return within_stretches(np.arange(len(lengths)) * width, lengths)


# --- packing ---------------------------------------------------------------------------------------------------------


def _check_pack_segments(*, max_length: int, **_: object) -> None:
    _check_max_length("PackSegments", max_length)


def _infer_packed(lengths: TensorSpec | None, data: TensorSpec, *, max_length: int) -> Inferred:
    shape = (first_size(lengths), None if max_length < 0 else max_length)
    packed = None if data.shape is None else TensorSpec(data.dtype, shape + data.sizes[1:])
    return packed, TensorSpec(BOOL, shape)


@operator(
    "PackSegments",
    inputs=("lengths", "tensor"),
    outputs=("packed_tensor", "presence_mask?"),
    check=_check_pack_segments,
    infer=_infer_packed,
    inexact="the greatest length, without max_length",
)
def pack_segments(
    lengths: Tensor,
    data: Tensor,
    *,
    max_length: int = -1,
    pad_minf: bool = False,
    return_presence_mask: bool = False,  # noqa: ARG001 - programs pass it, and the second output says the same
    run: OpRun,
) -> tuple[Tensor, ...]:
    """Each segment in a row of its own; rows are as long as the longest segment, or ``max_length``.

    What is missing is 0 or an empty string, with ``pad_minf`` minus infinity where the dtype has that. Segments
    that are longer than ``max_length`` are **cut**.

    Inputs:
        lengths: int32 or int64 vector that adds up to the number of rows of tensor.
        tensor: any dtype, rank 1 or more.
    Outputs:
        packed_tensor: tensor's dtype, shape (number of segments, length of rows, ...).
        presence_mask: bool, shape (number of segments, length of rows): what is not missing.
    Raises:
        OperatorError: a length is negative.
        ShapeError: the lengths do not add up to the number of rows.
    Example:
        PackSegments([1 2]:i32, [1 2 3]) -> [[1 0] [2 3]], [[T F] [T T]]
    """
    name = "PackSegments"
    require_tensor(name, "tensor", data)
    require_least_rank(name, "tensor", data, 1)
    require_lengths_of(name, "lengths", lengths, "tensor", len(data))
    width = max_length if max_length >= 0 else int(lengths.max(initial=0))
    filling = b"" if data.dtype == STRING_DTYPE else -np.inf if pad_minf and data.dtype.kind == "f" else 0
    packed = _laid_out(data, lengths, width, filling).reshape(len(lengths), width, *data.shape[1:])
    return (packed,) if len(run.op.outputs) == 1 else (packed, np.arange(width) < lengths[:, None])


def _check_unpack_segments(*, max_length: int) -> None:
    _check_max_length("UnpackSegments", max_length)


def _infer_unpacked(_: object, packed: TensorSpec) -> Inferred:
    return TensorSpec(packed.dtype, (None, *packed.sizes[2:]))


@operator(
    "UnpackSegments",
    inputs=("lengths", "tensor"),
    outputs=("packed_tensor",),
    check=_check_unpack_segments,
    infer=_infer_unpacked,
    inexact="the sum of the lengths",
)
def unpack_segments(lengths: Tensor, packed: Tensor, *, max_length: int = -1) -> Tensor:
    """The segments that `PackSegments` packed, one behind the other. Lengths above ``max_length`` count as that.

    Inputs:
        lengths: int32 or int64 vector, one for each row of tensor.
        tensor: any dtype, shape (number of segments, length of rows, ...).
    Outputs:
        packed_tensor: tensor's dtype, of one rank less: the unpacked segments.
    Raises:
        OperatorError: a length is negative.
        ShapeError: there are not as many lengths as rows, rows are not ``max_length`` long, or a segment is longer
            than its row.
    Example:
        UnpackSegments([1 2]:i32, [[1 0] [2 3]]) -> [1 2 3]
    """
    name = "UnpackSegments"
    require_tensor(name, "tensor", packed)
    require_least_rank(name, "tensor", packed, 2)
    sum_of_lengths(name, "lengths", lengths)
    if len(lengths) != len(packed):
        msg = f"{name}: lengths has shape {lengths.shape}, tensor has {len(packed)} rows; expected one length a row"
        raise ShapeError(msg, operator=name)
    width = packed.shape[1]
    if max_length not in (-1, width):
        msg = f"{name}: tensor has shape {packed.shape}, but max_length={max_length}; the second size must be that"
        raise ShapeError(msg, operator=name)
    if max_length < 0 and lengths.max(initial=0) > width:
        msg = f"{name}: lengths holds {lengths.max()}, but the rows of tensor are only {width} long"
        raise ShapeError(msg, operator=name)
    rows = packed.reshape(len(packed) * width, *packed.shape[2:])
    return rows.take(_places(np.minimum(lengths, width), width), 0)


# --- lengths made equal, or split ------------------------------------------------------------------------------------


def _check_lengths_pad(*, target_length: int, **_: object) -> None:
    if target_length < 1:
        raise argument_error("LengthsPad", "target_length", f"must be given, and be 1 or more; got {target_length}")


def _infer_padded(data: TensorSpec, lengths: TensorSpec | None, *, target_length: int) -> Inferred:
    count = first_size(lengths)
    return TensorSpec(data.dtype, (None if count is None else count * target_length, *data.sizes[1:]))


@operator("LengthsPad", inputs=("DATA", "LENGTHS"), outputs=("OUTPUT",), check=_check_lengths_pad, infer=_infer_padded)
def lengths_pad(data: Tensor, lengths: Tensor, *, padding_value: float = -1.0, target_length: int = -1) -> Tensor:
    """The segments one behind the other, each filled up to ``target_length`` with ``padding_value``.

    Inputs:
        DATA: any dtype that holds ``padding_value``, no strings; rank 1 or more.
        LENGTHS: int32 or int64 vector that adds up to the number of rows of DATA.
    Outputs:
        OUTPUT: DATA's dtype; ``target_length`` rows for each segment.
    Raises:
        ArgumentError: ``target_length`` is below 1, or missing.
        OperatorError: a length is negative, or above ``target_length``.
        ShapeError: the lengths do not add up to the number of rows.
    Example:
        LengthsPad([1 2 3], [2 1]:i32; target_length=2) -> [1 2 3 -1]
    """
    name = "LengthsPad"
    require_tensor(name, "DATA", data)
    require_dtype(name, "DATA", data, ANY - {STRING_DTYPE})
    require_least_rank(name, "DATA", data, 1)
    require_lengths_of(name, "LENGTHS", lengths, "DATA", len(data))
    if lengths.max(initial=0) > target_length:
        raise refuse(name, f"LENGTHS holds {lengths.max()}, which is above target_length={target_length}")
    if data.dtype.kind != "f" and np.float64(padding_value).astype(data.dtype) != padding_value:
        raise refuse(name, f"padding_value={padding_value} is no value of DATA's dtype, {data.dtype}")
    return _laid_out(data, lengths, target_length, padding_value)


def _check_lengths_split(*, n_split: int | None) -> None:
    if n_split is not None and n_split < 1:
        raise argument_error("LengthsSplit", "n_split", f"must be 1 or more, got {n_split}")


def _infer_split(lengths: TensorSpec | None, _: object = None, *, n_split: int | None) -> Inferred:
    count = first_size(lengths)
    return TensorSpec(I32, (None if count is None or n_split is None else count * n_split,))


@operator(
    "LengthsSplit",
    inputs=("LENGTHS", "n_split?"),
    outputs=("Y",),
    check=_check_lengths_split,
    infer=_infer_split,
    inexact="the value of n_split, where an input gives it",
)
def lengths_split(lengths: Tensor, count: Tensor | None = None, *, n_split: int | None = None) -> Tensor:
    """Each length cut into ``n_split`` parts that differ by 1 at most, the greater ones first.

    Inputs:
        LENGTHS: int32 or int64 vector.
        n_split: int32 or int64, one element, in place of the argument.
    Outputs:
        Y: int32 vector, ``n_split`` parts for each length.
    Raises:
        ArgumentError: both or none of argument and input give ``n_split``.
        OperatorError: a length is negative, or the input is below 1.
    Example:
        LengthsSplit([4 5]:i32; n_split=3) -> [2 1 1 2 2 1]:i32
    """
    name = "LengthsSplit"
    sum_of_lengths(name, "LENGTHS", lengths)
    parts = _number_of_parts(count, n_split)
    least, more = np.divmod(lengths[:, None].astype(I64), parts)
    return (least + (np.arange(parts) < more)).astype(I32).reshape(-1)


def _number_of_parts(given: Tensor | None, argument: int | None) -> int:
    name = "LengthsSplit"
    if given is None:
        if argument is None:
            raise argument_error(name, "n_split", "is needed where no input gives it")
        return argument
    if argument is not None:
        raise argument_error(name, "n_split", "may not be given beside the input")
    require_dtype(name, "n_split", given, INDICES)
    parts = int(sole_element(name, "n_split", given))
    if parts < 1:
        raise refuse(name, f"n_split is {parts}, expected 1 or more")
    return parts


# --- ranges ----------------------------------------------------------------------------------------------------------


def _stretches(name: str, data: Tensor, ranges: Tensor) -> tuple[Tensor, Tensor]:
    """Starts and lengths, int64 of shape (n, m)."""
    require_tensor(name, "DATA", data)
    require_rank(name, "DATA", data, 1)
    require_dtype(name, "RANGES", ranges, INDICES)
    if ranges.ndim != 3 or ranges.shape[2] != 2:
        msg = f"{name}: RANGES has shape {ranges.shape}, expected (rows, ranges, 2)"
        raise ShapeError(msg, operator=name)
    starts, lengths = ranges[..., 0].astype(I64), ranges[..., 1].astype(I64)
    return starts, lengths


def _require_within(name: str, starts: Tensor, lengths: Tensor, size: int) -> None:
    """Raise OperatorError if a stretch reaches outside of data."""
    # Written so that no sum of large numbers is needed, which could wrap.
    outside = (starts < 0) | (starts > size) | (lengths < 0) | (lengths > size - starts)
    if outside.any():
        start, length = starts[outside][0], lengths[outside][0]
        raise refuse(name, f"the range ({start}, {length}) reaches outside of DATA, which has {size} elements")


def _infer_gathered(data: TensorSpec, ranges: TensorSpec | None) -> Inferred:
    return TensorSpec(data.dtype, (None,)), TensorSpec(I32, (first_size(ranges),))


@operator(
    "GatherRanges",
    inputs=("DATA", "RANGES"),
    outputs=("OUTPUT", "LENGTHS"),
    infer=_infer_gathered,
    inexact="the sum of the ranges' lengths",
)
def gather_ranges(data: Tensor, ranges: Tensor) -> tuple[Tensor, Tensor]:
    """The stretches of DATA that RANGES give by start and length, one behind the other.

    Inputs:
        DATA: vector of any dtype.
        RANGES: int32 or int64, shape (n, m, 2).
    Outputs:
        OUTPUT: vector of DATA's dtype.
        LENGTHS: int32 vector, how many elements each of the n rows gave.
    Raises:
        OperatorError: a range reaches outside of DATA.
    Example:
        GatherRanges([1 2 3], [[[2 1] [0 1]]]:i32) -> [3 1], [2]:i32
    """
    starts, lengths = _stretches("GatherRanges", data, ranges)
    _require_within("GatherRanges", starts, lengths, len(data))
    picked = within_stretches(starts.reshape(-1), lengths.reshape(-1))
    return data.take(picked), lengths.sum(1).astype(I32)


def _check_dense(
    *, lengths: Sequence[int], min_observation: int, max_mismatched_ratio: float, max_empty_ratio: float
) -> None:
    name = "GatherRangesToDense"
    if not lengths or min(lengths) < 1:
        raise argument_error(name, "lengths", f"must be a list of one or more, each 1 or more, got {list(lengths)}")
    if min_observation < 1:
        raise argument_error(name, "min_observation", f"must be 1 or more, got {min_observation}")
    for argument, ratio in (("max_mismatched_ratio", max_mismatched_ratio), ("max_empty_ratio", max_empty_ratio)):
        if not ratio >= 0:
            raise argument_error(name, argument, f"must be 0 or more, got {ratio}")


def _infer_dense(data: TensorSpec, ranges: TensorSpec | None, *_: object, lengths: Sequence[int]) -> Inferred:
    return [TensorSpec(data.dtype, (first_size(ranges), length)) for length in lengths]


@operator(
    "GatherRangesToDense",
    inputs=("DATA", "RANGES", "KEY?"),
    outputs=("OUTPUT+",),
    check=_check_dense,
    infer=_infer_dense,
)
def gather_ranges_to_dense(
    data: Tensor,
    ranges: Tensor,
    keys: Tensor | None = None,
    *,
    lengths: Sequence[int] = (),
    min_observation: int = 10000,
    max_mismatched_ratio: float = 0.01,
    max_empty_ratio: float = 1.0,
    run: OpRun,
) -> tuple[Tensor, ...]:
    """Output k has the k-th stretch of each row of RANGES if that is ``lengths[k]`` long, else zeros.

    The instance counts stretches from call to call. It fails when of some output more than ``max_mismatched_ratio``
    have another length, or more than ``max_empty_ratio`` have length 0, as parts of all that it has seen, or of
    ``min_observation`` if that is more. A ratio of 1 or more allows all.

    Inputs:
        DATA: vector of any dtype.
        RANGES: int32 or int64, shape (n, m, 2): m stretches by start and length, one for each output.
        KEY: int32 or int64 vector, one for each element of DATA: stretches are put into the order of their keys.
    Outputs:
        OUTPUT: m matrices of DATA's dtype, shape (n, ``lengths[k]``); of strings, empty ones stand for zeros.
    Raises:
        ArgumentError: ``lengths`` is missing, or a ratio is out of range.
        OperatorError: a stretch reaches outside of DATA, or too many have another length or none.
        ShapeError: there are not as many stretches in a row as lengths, or as many keys as elements.
    Example:
        GatherRangesToDense([1 2 3], [[[1 2] [0 1]]]:i32; lengths=[2,1]) -> [[2 3]], [[1]]
    """
    name = "GatherRangesToDense"
    starts, sizes = _stretches(name, data, ranges)
    if len(lengths) != len(run.op.outputs):
        msg = f"{name}: lengths={list(lengths)} are for {len(lengths)} outputs, got {len(run.op.outputs)}"
        raise ArityError(msg, operator=name)
    if ranges.shape[1] != len(lengths):
        msg = f"{name}: RANGES has shape {ranges.shape}, expected {len(lengths)} ranges a row, one for each length"
        raise ShapeError(msg, operator=name)
    if keys is not None:
        require_dtype(name, "KEY", keys, INDICES)
        if keys.shape != data.shape:
            msg = f"{name}: KEY has shape {keys.shape}, DATA has shape {data.shape}; they must be equal"
            raise ShapeError(msg, operator=name)
    fitting = sizes == lengths
    _require_within(name, starts[fitting], sizes[fitting], len(data))
    outputs = tuple(
        _dense(data, keys, starts[:, place], fitting[:, place], length) for place, length in enumerate(lengths)
    )
    empty = sizes == 0
    seen, *counts = run.state["seen"] = [
        before + now
        for before, now in zip(
            run.state.get("seen", (0, 0, 0)),
            (len(ranges), (~fitting & ~empty).sum(0), empty.sum(0)),
            strict=True,
        )
    ]
    observed = max(seen, min_observation)
    kinds = ("another length", max_mismatched_ratio), ("length 0", max_empty_ratio)
    for (kind, ratio), count in zip(kinds, counts, strict=True):
        if ratio < 1 and count.max() > observed * ratio:
            place = int(count.argmax())
            text = f"{count[place]} of {seen} ranges for output {place} had {kind} instead of {lengths[place]}"
            raise refuse(name, f"{text}; at most {ratio:g} of {observed} may")
    return outputs


def _dense(data: Tensor, keys: Tensor | None, starts: Tensor, fitting: Tensor, length: int) -> Tensor:
    """A row for each start: the stretch from there if it is fitting, in the order of its keys."""
    places = starts[fitting][:, None] + np.arange(length)
    if keys is not None:
        places = np.take_along_axis(places, keys.take(places).argsort(1, kind="stable"), 1)
    rows = np.full((len(starts), length), b"" if data.dtype == STRING_DTYPE else 0, data.dtype)
    rows[fitting] = data.take(places)
    return rows
