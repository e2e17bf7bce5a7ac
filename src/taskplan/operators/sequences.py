"""Padded and packed sequences, masks over them, and recurrent cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from taskplan.errors import ArityError, ShapeError
from taskplan.operators.activations import sigmoid
from taskplan.operators.inference import Inferred, TensorSpec, like
from taskplan.operators.operands import (
    F32_ONLY,
    FLOATS,
    I32,
    I64,
    INDICES,
    NUMBERS,
    Tensor,
    argument_error,
    axis_within,
    refuse,
    require_dtype,
    require_in_range,
    require_least_rank,
    require_one_dtype,
    require_rank,
    require_tensor,
    settled,
    sole_element,
)
from taskplan.operators.registry import operator
from taskplan.operators.run import OpRun

# --- masks -----------------------------------------------------------------------------------------------------------

_Mask = Callable[[Tensor, Tensor, Tensor, int], Tensor]

_MASKS: dict[str, _Mask] = {
    "sequence": lambda _rows, columns, bounds, _radius: columns >= bounds,
    "window": lambda _rows, columns, bounds, radius: np.abs(columns - bounds) > radius,
    "upper": lambda rows, columns, _bounds, _radius: columns > rows,
    "lower": lambda rows, columns, _bounds, _radius: columns < rows,
    "upperdiag": lambda rows, columns, _bounds, _radius: columns >= rows,
    "lowerdiag": lambda rows, columns, _bounds, _radius: columns <= rows,
}
_WITH_BOUNDS = ("sequence", "window")


def _check_mask(*, mode: str, batch: int, repeat_from_axis: int, **_: object) -> None:
    if mode not in _MASKS:
        raise argument_error("SequenceMask", "mode", f"must be one of {', '.join(_MASKS)}, got {mode!r}")
    for name, value in (("batch", batch), ("repeat_from_axis", repeat_from_axis)):
        if value != -1:
            raise argument_error("SequenceMask", name, "is not provided; use Reshape or Transpose before and after")


@operator(
    "SequenceMask", inputs=("input", "sequence_lengths?"), outputs=("masked_tensor",), check=_check_mask, infer=like(0)
)
def sequence_mask(
    x: Tensor,
    bounds: Tensor | None = None,
    *,
    mode: str = "",
    axis: int = 1,
    radius: int = 10,
    fill_val: float = -math.inf,
    grad: bool = False,  # noqa: ARG001 - it matters to gradients only
    batch: int = -1,  # noqa: ARG001 - the check refuses it
    repeat_from_axis: int = -1,  # noqa: ARG001 - the check refuses it
) -> Tensor:
    """The input as a matrix split at ``axis``, with ``fill_val`` where ``mode`` says.

    These are, at row r and column c:

    - ``sequence``: c >= sequence_lengths[r]
    - ``window``: |c - sequence_lengths[r]| > ``radius``
    - ``upper``: c > r; ``lower``: c < r; ``upperdiag``: c >= r; ``lowerdiag``: c <= r

    Inputs:
        input: float32 or float64, rank above ``axis``.
        sequence_lengths: int32 vector, one a row: lengths, or for ``window`` centres; other modes take none.
    Outputs:
        masked_tensor: the input's dtype and shape.
    Raises:
        ShapeError: there is not one length a row.
    Example:
        SequenceMask([[1 2 3] [4 5 6]], [1 2]:i32; mode="sequence", fill_val=-1.0) -> [[1 -1 -1] [4 5 -1]]
    """
    name = "SequenceMask"
    require_dtype(name, "input", x, FLOATS)
    split = axis_within(name, axis, x.ndim)
    shape = (math.prod(x.shape[:split]), math.prod(x.shape[split:]))
    rows, columns = np.arange(shape[0])[:, np.newaxis], np.arange(shape[1])
    limits: Tensor = rows
    if mode in _WITH_BOUNDS:
        if bounds is None:
            msg = f"{name}: the mode {mode!r} needs sequence_lengths, one for each of {shape[0]} rows"
            raise ShapeError(msg, operator=name)
        require_dtype(name, "sequence_lengths", bounds, {I32})
        if bounds.shape != shape[:1]:
            msg = f"{name}: sequence_lengths has shape {bounds.shape}, expected {shape[:1]}, one for each row"
            raise ShapeError(msg, operator=name)
        limits = bounds.astype(I64)[:, np.newaxis]
    mask = _MASKS[mode](rows, columns, limits, radius).reshape(x.shape)
    return settled(np.where(mask, x.dtype.type(fill_val), x))


# --- packed segments -------------------------------------------------------------------------------------------------


@operator("ReversePackedSegs", inputs=("data", "lengths"), outputs=("reversed data",), infer=like(0))
def reverse_packed_segments(data: Tensor, lengths: Tensor) -> Tensor:
    """For each column, its first so many steps in reverse, and the others as they are.

    Inputs:
        data: any dtype, rank 3: steps, columns, and what belongs to them.
        lengths: int32 or int64 vector, one a column, at most the number of steps.
    Outputs:
        reversed data: data's dtype and shape.
    Raises:
        OperatorError: a length is negative, or more than there are steps.
        ShapeError: there is not one length a column.
    Example:
        ReversePackedSegs([[[1] [2]] [[3] [4]]], [2 1]:i32) -> [[[3] [2]] [[1] [4]]]
    """
    name = "ReversePackedSegs"
    require_tensor(name, "data", data)
    require_rank(name, "data", data, 3)
    require_dtype(name, "lengths", lengths, INDICES)
    steps, columns = data.shape[:2]
    if lengths.shape != (columns,):
        msg = f"{name}: lengths has shape {lengths.shape}, expected ({columns},), one for each column of data"
        raise ShapeError(msg, operator=name)
    require_in_range(name, "length", lengths, steps + 1, f"{steps} steps")
    places = np.arange(steps)[:, np.newaxis]
    return data[np.where(places < lengths, lengths - 1 - places, places), np.arange(columns)]


# --- padding ---------------------------------------------------------------------------------------------------------


_WIDEST = 1 << 20
"""Lengths are int32, so padding cannot be of any width."""


def _padding_check(name: str) -> Callable[..., None]:
    def check(*, padding_width: int, end_padding_width: int) -> None:
        if not 0 <= padding_width <= _WIDEST:
            raise argument_error(name, "padding_width", f"must be from 0 to {_WIDEST}, got {padding_width}")
        if not -1 <= end_padding_width <= _WIDEST:
            text = f"must be from 0 to {_WIDEST}, or -1 for the same as before, got {end_padding_width}"
            raise argument_error(name, "end_padding_width", text)

    return check


def _widths(before: int, behind: int) -> tuple[int, int]:
    return before, before if behind == -1 else behind


def _segments(name: str, data: Tensor, lengths: Tensor | None, least: int) -> Tensor:
    """The lengths, each at least so much; those of all of the data in one segment if none are given."""
    require_tensor(name, "data_in", data)
    require_least_rank(name, "data_in", data, 1)
    if lengths is None:
        lengths = np.array([len(data)], I32)
    require_dtype(name, "lengths", lengths, {I32})
    require_rank(name, "lengths", lengths, 1)
    if (lengths < least).any():
        text = "expected 0 or more" if not least else f"which has no room for {least} rows of padding"
        raise refuse(name, f"lengths has a length of {lengths.min()}, {text}")
    if lengths.sum(dtype=I64) != len(data):
        msg = f"{name}: the lengths add up to {lengths.sum(dtype=I64)}, and data_in has {len(data)} rows"
        raise ShapeError(msg, operator=name)
    return lengths


def _shifts(lengths: Tensor, width: int) -> Tensor:
    """For each row of segments of these lengths, how many rows of padding stand before it."""
    return np.repeat(np.arange(len(lengths)) * width, lengths)


def _resized(data: TensorSpec, lengths: Sequence[TensorSpec], more: int) -> Inferred:
    """What becomes of rows if every segment gets so many more."""
    count = lengths[0].sizes[0] if lengths else 1
    size = data.sizes[0]
    rows = None if size is None or count is None else size + count * more
    return [TensorSpec(data.dtype, (rows, *data.sizes[1:])), TensorSpec(I32, (count,))]


def _padded(data: TensorSpec, *lengths: TensorSpec, padding_width: int, end_padding_width: int) -> Inferred:
    return _resized(data, lengths, sum(_widths(padding_width, end_padding_width)))


@operator(
    "AddPadding",
    inputs=("data_in", "lengths?", "start_padding?", "end_padding?"),
    outputs=("data_out", "lengths_out?"),
    check=_padding_check("AddPadding"),
    infer=_padded,
)
def add_padding(
    data: Tensor,
    lengths: Tensor | None = None,
    start: Tensor | None = None,
    end: Tensor | None = None,
    *,
    padding_width: int = 1,
    end_padding_width: int = -1,
) -> tuple[Tensor, Tensor]:
    """Rows of padding before and behind every segment: ``padding_width`` and ``end_padding_width`` (-1: as many).

    Inputs:
        data_in: any dtype, rank 1 or more.
        lengths: int32 vector; without it all rows are one segment.
        start_padding, end_padding: a row each, of data_in's dtype; zeros, or empty texts, if not given. Without an
            end_padding the start_padding stands at both ends.
    Outputs:
        data_out: data_in's dtype.
        lengths_out: int32 vector.
    Raises:
        OperatorError: a length is negative.
        ShapeError: the lengths do not add up to the rows, or padding is not of the shape of a row.
    Example:
        AddPadding([1 2 3], [1 2]:i32) -> [0 1 0 0 2 3 0], [3 4]:i32
    """
    name = "AddPadding"
    lengths = _segments(name, data, lengths, 0)
    before, behind = _widths(padding_width, end_padding_width)
    for slot, row in (("start_padding", start), ("end_padding", end)):
        if row is not None:
            require_one_dtype(name, data_in=data, **{slot: row})
            if row.shape != data.shape[1:]:
                msg = f"{name}: {slot} has shape {row.shape}, expected {data.shape[1:]}, that of a row of data_in"
                raise ShapeError(msg, operator=name)
    made = np.empty((len(data) + len(lengths) * (before + behind), *data.shape[1:]), data.dtype)
    made[...] = b"" if data.dtype.hasobject else 0
    made[np.arange(len(data)) + _shifts(lengths, before + behind) + before] = data
    grown = lengths + np.int32(before + behind)
    if start is not None:
        ends = np.cumsum(grown)
        made[((ends - grown)[:, np.newaxis] + np.arange(before)).reshape(-1)] = start
        made[((ends - behind)[:, np.newaxis] + np.arange(behind)).reshape(-1)] = start if end is None else end
    return made, grown


def _unpadded(data: TensorSpec, *lengths: TensorSpec, padding_width: int, end_padding_width: int) -> Inferred:
    return _resized(data, lengths, -sum(_widths(padding_width, end_padding_width)))


@operator(
    "RemovePadding",
    inputs=("data_in", "lengths?"),
    outputs=("data_out", "lengths_out?"),
    check=_padding_check("RemovePadding"),
    infer=_unpadded,
)
def remove_padding(
    data: Tensor, lengths: Tensor | None = None, *, padding_width: int = 1, end_padding_width: int = -1
) -> tuple[Tensor, Tensor]:
    """The inverse of `AddPadding`: every segment without its first and its last rows.

    Inputs:
        data_in: any dtype, rank 1 or more.
        lengths: int32 vector, of segments with their padding; without it all rows are one segment.
    Outputs:
        data_out: data_in's dtype.
        lengths_out: int32 vector.
    Raises:
        OperatorError: a segment is shorter than its padding.
        ShapeError: the lengths do not add up to the rows.
    Example:
        RemovePadding([0 1 0 0 2 3 0], [3 4]:i32) -> [1 2 3], [1 2]:i32
    """
    before, behind = _widths(padding_width, end_padding_width)
    lengths = _segments("RemovePadding", data, lengths, before + behind)
    left = lengths - np.int32(before + behind)
    return data[np.arange(left.sum()) + _shifts(left, before + behind) + before], left


def _rows_of_padding(data: TensorSpec, _lengths: TensorSpec, *, outputs: int) -> Inferred:
    return [TensorSpec(data.dtype, data.sizes[1:])] * outputs


@operator(
    "GatherPadding",
    inputs=("data_in", "lengths"),
    outputs=("padding_sum", "end_padding_sum?"),
    check=_padding_check("GatherPadding"),
    infer=_rows_of_padding,
)
def gather_padding(
    data: Tensor, lengths: Tensor, *, padding_width: int = 1, end_padding_width: int = -1, run: OpRun
) -> tuple[Tensor, ...]:
    """The sum of all rows of padding; of those before and those behind the segments apart if two outputs are asked for.

    Inputs:
        data_in: float32, float64, int32 or int64, rank 1 or more.
        lengths: int32 vector, of segments with their padding.
    Outputs:
        padding_sum, end_padding_sum: data_in's dtype, the shape of a row.
    Raises:
        OperatorError: a segment is shorter than its padding.
        ShapeError: the lengths do not add up to the rows.
    Example:
        GatherPadding([[1 1] [2 2] [3 3]], [3]:i32) -> [4 4]
    """
    name = "GatherPadding"
    before, behind = _widths(padding_width, end_padding_width)
    lengths = _segments(name, data, lengths, before + behind)
    require_dtype(name, "data_in", data, NUMBERS)
    ends = np.cumsum(lengths)
    first = data[((ends - lengths)[:, np.newaxis] + np.arange(before)).reshape(-1)].sum(0, dtype=data.dtype)
    last = data[((ends - behind)[:, np.newaxis] + np.arange(behind)).reshape(-1)].sum(0, dtype=data.dtype)
    if len(run.op.outputs) == 1:
        return (first + last,)
    return first, last


# --- recurrent cells -------------------------------------------------------------------------------------------------


def _gates(name: str, gates: Tensor, state: Tensor, count: int) -> list[Tensor]:
    """The gates one by one, each of the state's shape."""
    require_dtype(name, "gates", gates, F32_ONLY)
    batch, size = state.shape[1:]
    if gates.shape != (1, batch, count * size):
        expected = (1, batch, count * size)
        msg = f"{name}: gates has shape {gates.shape}, hidden_prev has shape {state.shape}; expected {expected}"
        raise ShapeError(msg, operator=name)
    return [gates[:, :, place * size : (place + 1) * size] for place in range(count)]


def _require_state(name: str, slot: str, x: Tensor) -> None:
    require_dtype(name, slot, x, F32_ONLY)
    if x.ndim != 3 or x.shape[0] != 1:
        msg = f"{name}: {slot} has shape {x.shape}, expected (1, batch, size)"
        raise ShapeError(msg, operator=name)


def _over(name: str, rest: tuple[Tensor, ...], batch: int, *, has_lengths: bool) -> Tensor | None:
    """Which rows of the batch have no more steps; None where there are no lengths.

    `rest` is what follows the gates: the lengths, if there are any, and the step.
    """
    if len(rest) != 1 + has_lengths:
        expected = "lengths and the step" if has_lengths else "the step alone, as sequence_lengths is false"
        msg = f"{name} takes {expected}, got {len(rest)} inputs behind the gates"
        raise ArityError(msg, operator=name)
    require_dtype(name, "timestep", rest[-1], {I32})
    step = int(sole_element(name, "timestep", rest[-1]))
    if not has_lengths:
        return None
    lengths = rest[0]
    require_dtype(name, "seq_lengths", lengths, {I32})
    if lengths.shape != (batch,):
        msg = f"{name}: seq_lengths has shape {lengths.shape}, expected ({batch},), one for each row of the batch"
        raise ShapeError(msg, operator=name)
    over: Tensor = (step >= lengths)[np.newaxis, :, np.newaxis]
    return over


def _kept(new: Tensor, old: Tensor, over: Tensor | None, *, drop: bool) -> Tensor:
    """The new state, but for rows without a step: there the old one, or zeros."""
    if over is None or not over.any():
        return new
    return np.where(over, np.float32(0) if drop else old, new)


@operator(
    "LSTMUnit",
    inputs=("hidden_prev", "cell_prev", "gates", "seq_lengths?", "timestep"),
    outputs=("hidden", "cell"),
    infer=like(0, 1),
)
def lstm_unit(
    hidden: Tensor,
    cell: Tensor,
    gates: Tensor,
    *rest: Tensor,
    forget_bias: float = 0.0,
    sequence_lengths: bool = True,
    drop_states: bool = False,
) -> tuple[Tensor, Tensor]:
    """One step of a long short-term memory, from gates that are computed already.

    With s(x) = 1 / (1 + e^-x): cell = s(f + ``forget_bias``) cell_prev + s(i) tanh(g), hidden = s(o) tanh(cell). Rows
    whose length is reached keep their states, or with ``drop_states`` have zeros. (Hochreiter and Schmidhuber, 1997;
    the forget gate after Gers, 2000.)

    Inputs:
        hidden_prev, cell_prev: float32, (1, batch, size).
        gates: float32, (1, batch, 4 size): i, f, o, g.
        seq_lengths: int32 vector, one a row of the batch; not there with ``sequence_lengths`` false.
        timestep: int32, one element.
    Outputs:
        hidden, cell: float32, (1, batch, size).
    Example:
        LSTMUnit([[[0]]], [[[1]]], [[[0 0 0 0]]], [1]:i32, [0]:i32) -> [[[0.23105858]]], [[[0.5]]]
    """
    name = "LSTMUnit"
    _require_state(name, "hidden_prev", hidden)
    _require_state(name, "cell_prev", cell)
    if cell.shape != hidden.shape:
        msg = f"{name}: cell_prev has shape {cell.shape}, hidden_prev has shape {hidden.shape}; they must be equal"
        raise ShapeError(msg, operator=name)
    i, f, o, g = _gates(name, gates, hidden, 4)
    over = _over(name, rest, hidden.shape[1], has_lengths=sequence_lengths)
    new_cell = sigmoid(f + np.float32(forget_bias)) * cell + sigmoid(i) * np.tanh(g)
    new_hidden = sigmoid(o) * np.tanh(new_cell)
    return _kept(new_hidden, hidden, over, drop=drop_states), _kept(new_cell, cell, over, drop=drop_states)


@operator("GRUUnit", inputs=("hidden_prev", "gates", "seq_lengths?", "timestep"), outputs=("hidden",), infer=like(0))
def gru_unit(
    hidden: Tensor, gates: Tensor, *rest: Tensor, sequence_lengths: bool = True, drop_states: bool = False
) -> Tensor:
    """One step of a gated recurrent unit, from gates that are computed already.

    With s(x) = 1 / (1 + e^-x): hidden = s(u) hidden_prev + (1 - s(u)) tanh(n). Rows whose length is reached keep their
    states, or with ``drop_states`` have zeros. (Cho and others, 2014.)

    Inputs:
        hidden_prev: float32, (1, batch, size).
        gates: float32, (1, batch, 3 size): reset, which is not used here, u and n.
        seq_lengths: int32 vector, one a row of the batch; not there with ``sequence_lengths`` false.
        timestep: int32, one element.
    Outputs:
        hidden: float32, (1, batch, size).
    Example:
        GRUUnit([[[1]]], [[[0 0 0]]], [1]:i32, [0]:i32) -> [[[0.5]]]
    """
    name = "GRUUnit"
    _require_state(name, "hidden_prev", hidden)
    _reset, u, n = _gates(name, gates, hidden, 3)
    over = _over(name, rest, hidden.shape[1], has_lengths=sequence_lengths)
    update = sigmoid(u)
    return _kept(update * hidden + (np.float32(1) - update) * np.tanh(n), hidden, over, drop=drop_states)
