"""Images: padding, resizing, the order of channels, and normalisation across them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import Size, TensorSpec, like, total
from taskplan.operators.operands import (
    F32_ONLY,
    FLOATS,
    I32,
    Tensor,
    argument_error,
    refuse,
    require_dtype,
    require_least_rank,
    require_one_dtype,
    require_rank,
    require_tensor,
)
from taskplan.operators.registry import operator
from taskplan.operators.run import OpRun
from taskplan.operators.windows import (
    KERNEL,
    PAD,
    STRIDE,
    Span,
    Window,
    channel_axis,
    check_least,
    check_order,
    check_window,
    require_window_fits,
    shaped,
    spatial_sizes,
    windowed,
    with_pads,
)

# --- padding ---------------------------------------------------------------------------------------------------------

_MODES = ("constant", "reflect", "edge")
_PADDING = (KERNEL, STRIDE, PAD)


def _check_padding(*, mode: str, **arguments: Any) -> None:
    if mode not in _MODES:
        raise argument_error("PadImage", "mode", f"must be 'constant', 'reflect' or 'edge', got {mode!r}")
    window = check_window("PadImage", _PADDING, arguments, needs_kernel=False)
    if any(span.stride != 1 for span in window.spans(max(window.counts(), default=1))):
        raise argument_error("PadImage", "stride", "must be 1, as nothing moves")


@windowed(*_PADDING)
def _padded(x: TensorSpec, *, window: Window) -> TensorSpec:
    channels = x.sizes[channel_axis(window.order, x.rank)]
    return TensorSpec(x.dtype, shaped(x.sizes[0], channels, window.resized(x.sizes, Span.padded), window.order))


@operator("PadImage", inputs=("X",), outputs=("Y",), check=_check_padding, infer=_padded)
@windowed(*_PADDING)
def pad_image(x: Tensor, *, mode: str = "constant", value: float = 0.0, window: Window) -> Tensor:
    """X with ``value`` around it; or, by ``mode``, its mirror image (reflect) or its outermost elements again (edge).

    Pads are given as for `Conv`. Kernels are accepted and change nothing, as do strides of 1.

    Inputs:
        X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
    Outputs:
        Y: X's dtype and rank.
    Raises:
        ShapeError: X has no spatial axes, or too few elements along one to be mirrored or repeated.
    Example:
        PadImage([[[1 2 3]]]; pads=[1,2], mode="reflect") -> [[[2 1 2 3 2 1]]]
    """
    require_dtype("PadImage", "X", x, FLOATS)
    spans = require_window_fits("PadImage", x, window)
    if mode == "constant":
        return with_pads(x, spans, window.order, value)
    for span, size in zip(spans, spatial_sizes(x.shape, window.order), strict=True):
        pad, least = max(span.head, span.tail), max(span.head, span.tail) + 1 if mode == "reflect" else 1
        if pad and size < least:
            msg = f"PadImage: X has shape {x.shape}, expected size {least} or more for pads of {pad} by mode={mode!r}"
            raise ShapeError(msg, operator="PadImage")
    widths = shaped((0, 0), (0, 0), [(span.head, span.tail) for span in spans], window.order)
    return np.pad(x, widths, "reflect" if mode == "reflect" else "edge")


# --- resizing --------------------------------------------------------------------------------------------------------

_LARGEST = 2**31


def _check_scales(*, width_scale: float, height_scale: float) -> None:
    for argument, scale in (("width_scale", width_scale), ("height_scale", height_scale)):
        if not 0 < scale < np.inf:
            raise argument_error("ResizeNearest", argument, f"must be above 0 and finite, got {scale}")


def _scaled(size: Size, scale: float) -> Size:
    return None if size is None else int(np.float32(size) * np.float32(scale))


def _resized(
    x: TensorSpec, *scales: TensorSpec | None, width_scale: float = 1.0, height_scale: float = 1.0
) -> TensorSpec:
    count, channels, height, width = x.sizes
    if scales:
        return TensorSpec(x.dtype, (count, channels, None, None))
    return TensorSpec(x.dtype, (count, channels, _scaled(height, height_scale), _scaled(width, width_scale)))


@operator(
    "ResizeNearest",
    inputs=("X", "scales?"),
    outputs=("Y",),
    check=_check_scales,
    infer=_resized,
    inexact="height and width, if the scales are an input",
)
def resize_nearest(
    x: Tensor, scales: Tensor | None = None, *, width_scale: float = 1.0, height_scale: float = 1.0
) -> Tensor:
    """X made ``height_scale`` times as high and ``width_scale`` times as wide: row i is row floor(i / scale) of X.

    Heights and widths are rounded down, and all is reckoned in float32.

    Inputs:
        X: any dtype, [N, C, H, W].
        scales: float32, those of height and width, in place of the arguments.
    Outputs:
        Y: X's dtype, [N, C, floor(H * height_scale), floor(W * width_scale)].
    Raises:
        OperatorError: a scale is not above 0, or not finite.
        ShapeError: X is not of rank 4, there are not two scales, or Y would be too large.
    Example:
        ResizeNearest([[[[1 2]]]]; width_scale=1.5) -> [[[[1 1 2]]]]
    """
    name = "ResizeNearest"
    require_tensor(name, "X", x)
    require_rank(name, "X", x, 4)
    if scales is not None:
        require_dtype(name, "scales", scales, F32_ONLY)
        if scales.shape != (2,):
            msg = f"{name}: scales has shape {scales.shape}, expected (2,): of height and width"
            raise ShapeError(msg, operator=name)
        height_scale, width_scale = scales.tolist()
        if not (0 < height_scale < np.inf and 0 < width_scale < np.inf):
            raise refuse(name, f"scales are {[height_scale, width_scale]}, expected them above 0 and finite")
    rows, columns = _sources(name, x.shape[2], height_scale), _sources(name, x.shape[3], width_scale)
    # The axis that shrinks goes first, so that the other has less to copy.
    if len(rows) < x.shape[2]:
        return x.take(rows, 2).take(columns, 3)
    return x.take(columns, 3).take(rows, 2)


def _sources(name: str, size: int, scale: float) -> Tensor:
    """Which row, or column, each one of the result is."""
    # In float32, as in Caffe2: what a scale such as 1.1 leaves after rounding decides which row is taken.
    wanted = np.float32(size) * np.float32(scale)
    if wanted >= _LARGEST:
        msg = f"{name}: size {size} times {scale} is too large"
        raise ShapeError(msg, operator=name)
    # The quotient of the last ones may be rounded up to the size.
    places = (np.arange(int(wanted), dtype=np.float32) / np.float32(scale)).astype(np.intp)
    return np.minimum(places, size - 1)


# --- channels --------------------------------------------------------------------------------------------------------


def _moved(source: int, target: int) -> Callable[[TensorSpec], TensorSpec]:
    def infer(data: TensorSpec) -> TensorSpec:
        sizes = list(data.sizes)
        sizes.insert(target % len(sizes), sizes.pop(source))
        return TensorSpec(data.dtype, tuple(sizes))

    return infer


@operator("NHWC2NCHW", inputs=("data",), outputs=("output",), infer=_moved(-1, 1))
def nhwc_to_nchw(data: Tensor) -> Tensor:
    """Data with its last axis, that of channels, moved to the second place.

    Inputs:
        data: any dtype, rank 3 or more.
    Outputs:
        output: data's dtype.
    Example:
        NHWC2NCHW([[[1 2] [3 4] [5 6]]]) -> [[[1 3 5] [2 4 6]]]
    """
    require_tensor("NHWC2NCHW", "data", data)
    require_least_rank("NHWC2NCHW", "data", data, 3)
    return np.moveaxis(data, -1, 1)


@operator("NCHW2NHWC", inputs=("data",), outputs=("output",), infer=_moved(1, -1))
def nchw_to_nhwc(data: Tensor) -> Tensor:
    """Data with its second axis, that of channels, moved to the end.

    Inputs:
        data: any dtype, rank 3 or more.
    Outputs:
        output: data's dtype.
    Example:
        NCHW2NHWC([[[1 3 5] [2 4 6]]]) -> [[[1 2] [3 4] [5 6]]]
    """
    require_tensor("NCHW2NHWC", "data", data)
    require_least_rank("NCHW2NHWC", "data", data, 3)
    return np.moveaxis(data, 1, -1)


def _check_shuffle(*, group: int, order: str) -> None:
    check_least("ChannelShuffle", "group", group, 1)
    check_order("ChannelShuffle", order)


@operator("ChannelShuffle", inputs=("X",), outputs=("Y",), check=_check_shuffle, infer=like(0))
def channel_shuffle(x: Tensor, *, group: int = 1, order: str = "NCHW") -> Tensor:
    """X with its channels dealt out: of ``group`` equal runs first the first channel of each, then the second.

    Zhang et al., ShuffleNet (2018), section 3.1.

    Inputs:
        X: any dtype, rank 2 or more.
    Outputs:
        Y: X's dtype and shape.
    Raises:
        ShapeError: the channels do not make that many groups.
    Example:
        ChannelShuffle([[[1] [2] [3] [4]]]; group=2) -> [[[1] [3] [2] [4]]]
    """
    name = "ChannelShuffle"
    require_tensor(name, "X", x)
    require_least_rank(name, "X", x, 2)
    axis = channel_axis(order, x.ndim)
    if x.shape[axis] % group:
        msg = f"{name}: X has shape {x.shape}, whose {x.shape[axis]} channels do not make {group} equal groups"
        raise ShapeError(msg, operator=name)
    runs = x.reshape(*x.shape[:axis], group, x.shape[axis] // group, *x.shape[axis + 1 :])
    return runs.swapaxes(axis, axis + 1).reshape(x.shape)


def _check_lrn(*, size: int, order: str, **_: object) -> None:
    check_order("LRN", order)
    if size < 1 or size % 2 == 0:
        raise argument_error("LRN", "size", f"must be odd and above 0, got {size}")


@operator("LRN", inputs=("X",), outputs=("Y", "Y_scale?"), check=_check_lrn, infer=like(0, 0))
def lrn(
    x: Tensor, *, size: int = 0, alpha: float = 0.0, beta: float = 0.0, bias: float = 1.0, order: str = "NCHW"
) -> tuple[Tensor, Tensor]:
    """X * scale ** -beta, where scale = bias + alpha / size * (sum of squares of the ``size`` nearest channels).

    The channels are those from size // 2 before to size // 2 after; those that are not there count 0.
    Krizhevsky, Sutskever, Hinton, ImageNet classification (2012), section 3.3.

    Inputs:
        X: float32 or float64, rank 2 or more.
    Outputs:
        Y: X's dtype and shape.
        Y_scale: the same; the scale.
    Example:
        LRN([[[1 2 3]]]; size=3, alpha=3.0, beta=1.0, order="NHWC") -> [[[0.16666667 0.13333333 0.21428571]]]
    """
    require_dtype("LRN", "X", x, FLOATS)
    require_least_rank("LRN", "X", x, 2)
    axis = channel_axis(order, x.ndim)
    shares = x * (alpha / size)  # before squaring, so that no share of 0 makes a nan of a square that overflows
    shares *= x
    scale = shares + bias
    for offset in range(1, min(size // 2, x.shape[axis] - 1) + 1):
        ahead = (slice(None),) * axis + (slice(offset, None),)
        behind = (slice(None),) * axis + (slice(None, -offset),)
        scale[behind] += shares[ahead]
        scale[ahead] += shares[behind]
    return x * scale**-beta, scale


# --- along the second axis -------------------------------------------------------------------------------------------


def _joined(*inputs: TensorSpec | None) -> tuple[TensorSpec, TensorSpec]:
    known = [each.shape for each in inputs if each is not None and each.shape is not None]
    [dtype] = {each.dtype for each in inputs if each is not None}
    sizes = [next((size for size in along if size is not None), None) for along in zip(*known, strict=True)]
    channels = total(shape[1] for shape in known) if len(known) == len(inputs) else None
    shape = (sizes[0], channels, *sizes[2:]) if sizes else None
    return TensorSpec(dtype, shape), TensorSpec(np.dtype(I32), (len(inputs),))


@operator("DepthConcat", inputs=("inputs+",), outputs=("concat_result", "split_info"), infer=_joined)
def depth_concat(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The inputs one behind the other along axis 1, as by `Concat`.

    Inputs:
        inputs: one dtype, any; rank 2 or more; equal sizes but for that of axis 1.
    Outputs:
        concat_result: that dtype.
        split_info: int32 vector, the size of each input along axis 1.
    Raises:
        DtypeError: the dtypes differ.
        ShapeError: ranks or sizes differ.
    Example:
        DepthConcat([[1]], [[2 3]]) -> [[1 2 3]], [1 2]:i32
    """
    name, first = "DepthConcat", inputs[0]
    require_tensor(name, "inputs[0]", first)
    require_least_rank(name, "inputs[0]", first, 2)
    require_one_dtype(name, **{f"inputs[{rank}]": each for rank, each in enumerate(inputs)})
    for rank, each in enumerate(inputs):
        if (each.shape[:1], each.shape[2:], each.ndim) != (first.shape[:1], first.shape[2:], first.ndim):
            msg = f"{name}: inputs[{rank}] has shape {each.shape}, which does not fit {first.shape} along axis 1"
            raise ShapeError(msg, operator=name)
    return np.concatenate(inputs, 1), np.array([each.shape[1] for each in inputs], I32)


def _split(
    x: TensorSpec, *sizes_input: TensorSpec | None, split: Sequence[int] = (), outputs: int
) -> tuple[TensorSpec, ...]:
    before, channels, *after = x.sizes
    equal = None if channels is None else channels // outputs
    sizes: Sequence[Size] = (None,) * outputs if sizes_input else tuple(split) or (equal,) * outputs
    return tuple(TensorSpec(x.dtype, (before, size, *after)) for size in sizes)


@operator(
    "DepthSplit",
    inputs=("input", "split?"),
    outputs=("outputs+",),
    infer=_split,
    inexact="the size of axis 1, if the sizes are an input",
)
def depth_split(
    x: Tensor, split_input: Tensor | None = None, *, split: Sequence[int] = (), run: OpRun
) -> tuple[Tensor, ...]:
    """The input in as many pieces along axis 1 as there are outputs, as by `Split`: of sizes ``split``, or equal.

    Inputs:
        input: any dtype, rank 2 or more.
        split: int32 vector, in place of the argument.
    Outputs:
        outputs: the input's dtype.
    Raises:
        ShapeError: the sizes do not add up, or no equal ones do.
    Example:
        DepthSplit([[1 2 3]]; split=[1,2]) -> [[1]], [[2 3]]
    """
    name, count = "DepthSplit", len(run.op.outputs)
    require_tensor(name, "input", x)
    require_least_rank(name, "input", x, 2)
    if split_input is not None:
        require_dtype(name, "split", split_input, {I32})
        require_rank(name, "split", split_input, 1)
        split = split_input.tolist()
    sizes = split if split or split_input is not None else [x.shape[1] // count] * count
    if len(sizes) != count or sum(sizes) != x.shape[1] or min(sizes) < 0:
        asked = "equal pieces" if sizes is not split else f"split={list(split)}"
        msg = f"{name}: input has shape {x.shape}, which {count} {asked} along axis 1 do not make up"
        raise ShapeError(msg, operator=name)
    return tuple(x[:, end - size : end] for size, end in zip(sizes, itertools.accumulate(sizes), strict=True))
