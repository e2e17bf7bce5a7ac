"""Tensors cut into pieces, put together, and repeated."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import Size, TensorSpec, product, total
from taskplan.operators.operands import (
    I32,
    I64,
    INDICES,
    NUMBERS,
    U8,
    Tensor,
    argument_error,
    axis_within,
    require_dtype,
    require_one_dtype,
    require_rank,
    require_tensor,
    settled,
    sole_element,
)
from taskplan.operators.registry import operator
from taskplan.operators.run import OpRun
from taskplan.plan.types import STRING_DTYPE

_ORDERS = {"NCHW": 1, "NHWC": 3}


def _channel_axis(axis: int | None, order: str) -> int:
    return _ORDERS[order] if axis is None else axis


def _order_check(name: str) -> Callable[..., None]:
    def check(*, order: str, **_: object) -> None:
        if order not in _ORDERS:
            raise argument_error(name, "order", f"must be 'NCHW' or 'NHWC', got {order!r}")

    return check


def _part(x: Tensor, axis: int, begin: int, end: int) -> Tensor:
    return x[(slice(None),) * axis + (slice(begin, end),)]


# --- slice -----------------------------------------------------------------------------------------------------------


def _slice_spec(x: TensorSpec, *inputs: TensorSpec, starts: Sequence[int], ends: Sequence[int]) -> TensorSpec:
    if inputs:
        cut: Sequence[Size] = (None,) * (x.rank if inputs[0].sizes[0] is None else inputs[0].sizes[0])
    else:
        cut = [
            None if size is None else _clipped(end, size) - _clipped(start, size)
            for start, end, size in zip(starts, ends, x.sizes, strict=False)
        ]
    return TensorSpec(x.dtype, (*cut, *x.sizes[len(cut) :]))


@operator(
    "Slice",
    inputs=("X", "starts?", "ends?"),
    outputs=("Y",),
    input_counts=(1, 3),
    infer=_slice_spec,
    inexact="the values of starts and ends, where they are inputs",
)
def slice_of(
    x: Tensor,
    start_input: Tensor | None = None,
    end_input: Tensor | None = None,
    *,
    starts: Sequence[int] = (),
    ends: Sequence[int] = (),
) -> Tensor:
    """X from ``starts`` to before ``ends``, axis by axis from the first on; the axes left over stay whole.

    Negative numbers count from **size + 1**: an end of -1 is the end, -2 leaves out the last. Only one axis may be cut.

    Inputs:
        X: any dtype.
        starts, ends: int32 or int64 vectors, in place of the arguments.
    Outputs:
        Y: X's dtype and rank.
    Raises:
        ShapeError: there are more entries than axes, an end lies before its start, or two axes are cut.
    Example:
        Slice([1 2 3]; starts=[1], ends=[-1]) -> [2 3]
    """
    require_tensor("Slice", "X", x)
    if start_input is not None and end_input is not None:
        starts, ends = _positions("starts", start_input), _positions("ends", end_input)
    if len(starts) != len(ends) or len(starts) > x.ndim:
        msg = f"Slice: X has shape {x.shape}, got {len(starts)} starts and {len(ends)} ends"
        raise ShapeError(msg, operator="Slice")
    bounds = [(_clipped(s, size), _clipped(e, size)) for s, e, size in zip(starts, ends, x.shape, strict=False)]
    cut = [axis for axis, (begin, end) in enumerate(bounds) if (begin, end) != (0, x.shape[axis])]
    if len(cut) > 1 or any(not 0 <= begin <= end for begin, end in bounds):
        expected = "starts before ends, and at most one axis cut" if len(cut) < 2 else "at most one axis cut"
        msg = f"Slice: X has shape {x.shape}, starts={list(starts)}, ends={list(ends)}; expected {expected}"
        raise ShapeError(msg, operator="Slice")
    return _part(x, cut[0], *bounds[cut[0]]) if cut else x


def _positions(slot: str, x: Tensor) -> list[int]:
    require_dtype("Slice", slot, x, INDICES)
    require_rank("Slice", slot, x, 1)
    positions: list[int] = x.tolist()
    return positions


def _clipped(position: int, size: int) -> int:
    return min(position + size + 1 if position < 0 else position, size)


# --- concatenation ---------------------------------------------------------------------------------------------------


def _joined_specs(*inputs: TensorSpec, axis: int | None, order: str, add_axis: bool) -> tuple[TensorSpec, TensorSpec]:
    first = inputs[0]
    along = _channel_axis(axis, order) % (first.rank + add_axis)
    by_axis = list(zip(*[each.sizes for each in inputs], strict=True))
    sizes = [next((size for size in given if size is not None), None) for given in by_axis]
    if add_axis:
        sizes.insert(along, len(inputs))
    else:
        sizes[along] = total(by_axis[along])
    return TensorSpec(first.dtype, tuple(sizes)), TensorSpec(I32, (len(inputs),))


@operator(
    "Concat",
    inputs=("inputs+",),
    outputs=("concat_result", "split_info"),
    check=_order_check("Concat"),
    infer=_joined_specs,
)
def concat(
    *inputs: Tensor, axis: int | None = None, order: str = "NCHW", add_axis: bool = False
) -> tuple[Tensor, Tensor]:
    """The inputs one behind the other along ``axis``, or with ``add_axis`` stacked along a new axis of that number.

    ``axis`` is that of channels in ``order`` if it is not given: 1 for NCHW, 3 for NHWC. So vectors need ``axis=0``.

    Inputs:
        inputs: one dtype, any; equal sizes but for that of ``axis``, with ``add_axis`` all sizes.
    Outputs:
        concat_result: that dtype.
        split_info: int32 vector, the size of each input along the axis.
    Raises:
        DtypeError: the dtypes differ.
        ShapeError: ranks or sizes differ, or there is no such axis.
    Example:
        Concat([1], [2 3]; axis=0) -> [1 2 3], [1 2]:i32
    """
    first = inputs[0]
    if any(each.dtype is not first.dtype for each in inputs):
        require_one_dtype("Concat", **{f"inputs[{rank}]": each for rank, each in enumerate(inputs)})
    along = axis_within("Concat", _channel_axis(axis, order), first.ndim + add_axis)
    for rank, each in enumerate(inputs):
        sizes, expected = list(each.shape), list(first.shape)
        if not add_axis and len(sizes) == len(expected):
            sizes[along] = expected[along]
        if sizes != expected:
            msg = f"Concat: inputs[{rank}] has shape {each.shape}, which does not fit {first.shape} along axis {along}"
            raise ShapeError(msg, operator="Concat")
    if add_axis:
        return np.stack(inputs, along), np.ones(len(inputs), I32)
    return np.concatenate(inputs, along), np.array([each.shape[along] for each in inputs], I32)


# --- splits ----------------------------------------------------------------------------------------------------------


def _cut_up(x: Tensor, axis: int, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    ends = list(itertools.accumulate(sizes, initial=0))
    return tuple(_part(x, axis, begin, end) for begin, end in itertools.pairwise(ends))


def _with_sizes(x: TensorSpec, axis: int, sizes: Sequence[Size]) -> list[TensorSpec]:
    """As `x`, but with each of `sizes` along the axis."""
    before, after = x.sizes[:axis], x.sizes[axis + 1 :]
    return [TensorSpec(x.dtype, (*before, size, *after)) for size in sizes]


def _piece_specs(
    x: TensorSpec,
    *inputs: TensorSpec,
    axis: int | None,
    split: Sequence[int],
    add_axis: bool,
    order: str,
    outputs: int,
) -> list[TensorSpec]:
    along = _channel_axis(axis, order) % x.rank
    if add_axis:
        return [TensorSpec(x.dtype, x.sizes[:along] + x.sizes[along + 1 :])] * outputs
    whole = x.sizes[along]
    unknown = bool(inputs) or (whole is None and not split)
    return _with_sizes(x, along, [None] * outputs if unknown else split or [(whole or 0) // outputs] * outputs)


@operator(
    "Split",
    inputs=("input", "split?"),
    outputs=("outputs+",),
    check=_order_check("Split"),
    infer=_piece_specs,
    inexact="the values of split, where it is an input",
)
def split_up(
    x: Tensor,
    split_input: Tensor | None = None,
    *,
    axis: int | None = None,
    split: Sequence[int] = (),
    add_axis: bool = False,
    order: str = "NCHW",
    run: OpRun,
) -> tuple[Tensor, ...]:
    """The input in as many pieces along ``axis`` as there are outputs: of the sizes ``split``, or of equal ones.

    With ``add_axis`` every piece is one slice, without that axis. ``axis`` is found as by `Concat` if it is not given.

    Inputs:
        input: any dtype, rank 1 or more.
        split: int32 vector, in place of the argument.
    Outputs:
        outputs: the input's dtype.
    Raises:
        ShapeError: the sizes do not add up, or no equal ones do.
    Example:
        Split([[1 2 3]]; axis=1, split=[1,2]) -> [[1]], [[2 3]]
    """
    require_tensor("Split", "input", x)
    along, count = axis_within("Split", _channel_axis(axis, order), x.ndim), len(run.op.outputs)
    if split_input is not None:
        require_dtype("Split", "split", split_input, {I32})
        require_rank("Split", "split", split_input, 1)
        split = split_input.tolist()
    sizes = split or [x.shape[along] // count] * count
    wrong_for_slices = add_axis and any(size != 1 for size in sizes)
    if len(sizes) != count or sum(sizes) != x.shape[along] or min(sizes) < 0 or wrong_for_slices:
        asked = f"split={list(split)}" if split else "slices" if add_axis else "equal pieces"
        msg = f"Split: input has shape {x.shape}, which {count} {asked} along axis {along} do not make up"
        raise ShapeError(msg, operator="Split")
    if add_axis:
        return tuple(settled(x[(slice(None),) * along + (place, ...)]) for place in range(count))
    return _cut_up(x, along, sizes)


def _run_specs(x: TensorSpec, _lengths: object, *, axis: int | None, order: str, outputs: int) -> list[TensorSpec]:
    return _with_sizes(x, _channel_axis(axis, order) % x.rank, [None] * outputs)


@operator(
    "SplitByLengths",
    inputs=("input", "lengths"),
    outputs=("outputs+",),
    check=_order_check("SplitByLengths"),
    infer=_run_specs,
    inexact="the values of lengths",
)
def split_by_lengths(
    x: Tensor,
    lengths: Tensor,
    *,
    axis: int | None = None,
    order: str = "NCHW",
    use_scaling_lengths: bool = False,
    run: OpRun,
) -> tuple[Tensor, ...]:
    """The input in as many pieces along ``axis`` as there are outputs, each as long as the sum of a run of lengths.

    The lengths make n runs of one length each, for n outputs. With ``use_scaling_lengths`` they are proportions.

    Inputs:
        input: any dtype, rank 1 or more.
        lengths: int32 vector.
    Outputs:
        outputs: the input's dtype.
    Raises:
        ShapeError: the lengths do not make n runs, or do not add up to the size.
    Example:
        SplitByLengths([1 2 3], [1 1 1 0]:i32; axis=0) -> [1 2], [3]
    """
    name = "SplitByLengths"
    require_tensor(name, "input", x)
    require_dtype(name, "lengths", lengths, {I32})
    require_rank(name, "lengths", lengths, 1)
    along, count = axis_within(name, _channel_axis(axis, order), x.ndim), len(run.op.outputs)
    size, total = x.shape[along], int(lengths.sum(dtype=I64))
    if use_scaling_lengths and total > 0 and size % total == 0:
        lengths, total = lengths * (size // total), size
    if len(lengths) % count or total != size or (lengths < 0).any():
        msg = f"{name}: lengths are {lengths.tolist()}, expected {count} runs that make up size {size} of axis {along}"
        raise ShapeError(msg, operator=name)
    return _cut_up(x, along, lengths.reshape(count, -1).sum(1).tolist())


# --- repetition ------------------------------------------------------------------------------------------------------


def _tiled_spec(x: TensorSpec, *inputs: TensorSpec, tiles: int | None, axis: int) -> TensorSpec:
    if len(inputs) == 2:
        return TensorSpec(x.dtype, (None,) * x.rank)
    along = axis % x.rank
    return _with_sizes(x, along, [product([x.sizes[along], None if inputs else tiles])])[0]


@operator(
    "Tile",
    inputs=("X", "tiles?", "axis?"),
    outputs=("Y",),
    infer=_tiled_spec,
    inexact="the values of tiles and axis, where they are inputs",
)
def tile(
    x: Tensor,
    tiles_input: Tensor | None = None,
    axis_input: Tensor | None = None,
    *,
    tiles: int | None = None,
    axis: int | None = None,
) -> Tensor:
    """X ``tiles`` times, one behind the other along ``axis``.

    Inputs:
        X: float32, float64, int32, int64, uint8 or string, rank 1 or more.
        tiles, axis: one int32 or int64 element each, in place of the arguments.
    Outputs:
        Y: X's dtype.
    Example:
        Tile([[1 2]]; tiles=2, axis=1) -> [[1 2 1 2]]
    """
    require_dtype("Tile", "X", x, NUMBERS | {U8, STRING_DTYPE})
    count = _whole_number("tiles", tiles_input, tiles)
    along = axis_within("Tile", _whole_number("axis", axis_input, axis), x.ndim)
    if count < 0:
        raise argument_error("Tile", "tiles", f"must be 0 or more, got {count}")
    return np.tile(x, [count if place == along else 1 for place in range(x.ndim)])


def _whole_number(slot: str, given: Tensor | None, argument: int | None) -> int:
    if given is not None:
        require_dtype("Tile", slot, given, INDICES)
        return int(sole_element("Tile", slot, given))
    if argument is None:
        raise argument_error("Tile", slot, "is needed where no input gives it")
    return argument


def _numpy_tiled_spec(data: TensorSpec, _repeats: object) -> TensorSpec:
    return TensorSpec(data.dtype, (None,) * data.rank)


@operator(
    "NumpyTile",
    inputs=("data", "repeats"),
    outputs=("tiled_data",),
    infer=_numpy_tiled_spec,
    inexact="the values of repeats",
)
def numpy_tile(data: Tensor, repeats: Tensor) -> Tensor:
    """Data repeated along every axis.

    Inputs:
        data: any dtype.
        repeats: int64 vector, a count for each axis.
    Outputs:
        tiled_data: data's dtype.
    Raises:
        ShapeError: there are not as many counts as axes, or one is negative.
    Example:
        NumpyTile([[1 2] [3 4]], [1 2]:i64) -> [[1 2 1 2] [3 4 3 4]]
    """
    require_tensor("NumpyTile", "data", data)
    require_dtype("NumpyTile", "repeats", repeats, {I64})
    require_rank("NumpyTile", "repeats", repeats, 1)
    if len(repeats) != data.ndim or (repeats < 0).any():
        counts = repeats.tolist()
        msg = f"NumpyTile: data has shape {data.shape}, repeats are {counts}; expected a count for each axis"
        raise ShapeError(msg, operator="NumpyTile")
    return np.tile(data, repeats) if data.ndim else data


def _expanded_spec(x: TensorSpec, shape: TensorSpec) -> TensorSpec:
    """Only sizes of 1 can change."""
    given = shape.sizes[0]
    if given is None:
        return TensorSpec(x.dtype, None)
    rank = max(x.rank, given)
    sizes = (1,) * (rank - x.rank) + x.sizes
    asked = sizes[rank - given :]
    return TensorSpec(x.dtype, (*sizes[: rank - given], *(None if size == 1 else size for size in asked)))


@operator("Expand", inputs=("X", "shape"), outputs=("Y",), infer=_expanded_spec, inexact="the values of shape")
def expand(x: Tensor, shape: Tensor) -> Tensor:
    """X repeated along axes of size 1 so that it gets the given shape, where 1, 0 or -1 keep the size of X.

    Inputs:
        X: float32, float64, int32 or int64.
        shape: int64 vector. Axes missing on the left, here or there, have size 1.
    Outputs:
        Y: X's dtype.
    Raises:
        ShapeError: a size differs, and is not 1 in X; or X has nothing to repeat.
    Example:
        Expand([1 2], [2 1]:i64) -> [[1 2] [1 2]]
    """
    require_dtype("Expand", "X", x, NUMBERS)
    require_dtype("Expand", "shape", shape, {I64})
    require_rank("Expand", "shape", shape, 1)
    asked = shape.tolist()
    rank = max(x.ndim, len(asked))
    sizes = (1,) * (rank - x.ndim) + x.shape
    wanted = [
        size if want in (1, 0, -1) else want for size, want in zip(sizes[rank - len(asked) :], asked, strict=True)
    ]
    result = (*sizes[: rank - len(asked)], *wanted)
    fits = all(want == size or (size == 1 and want > 1) for size, want in zip(sizes, result, strict=True))
    if not fits or (result != sizes and x.size == 0):
        msg = f"Expand: X has shape {x.shape}, which cannot be repeated to make shape {asked}"
        raise ShapeError(msg, operator="Expand")
    return np.broadcast_to(x, result).copy() if result != x.shape else x
