"""Convolutions and pools: windows that move over images, sequences or volumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from taskplan.errors import ArityError, ShapeError
from taskplan.operators.inference import Size, TensorSpec
from taskplan.operators.operands import FLOATS, Tensor, argument_error, require_dtype, require_one_dtype
from taskplan.operators.registry import operator
from taskplan.operators.windows import (
    ADJ,
    DILATION,
    KERNEL,
    PAD,
    STRIDE,
    Span,
    Window,
    back_in_order,
    channel_axis,
    channels_first,
    check_least,
    check_window,
    require_places,
    require_window_fits,
    shaped,
    spatial_sizes,
    spatial_start,
    windowed,
    with_pads,
)

_CONVOLUTION = (KERNEL, STRIDE, DILATION, PAD)
_TRANSPOSED = (KERNEL, STRIDE, PAD, ADJ)
_POOL = (KERNEL, STRIDE, PAD)


def _require_operands(name: str, x: Tensor, filters: Tensor, bias: Tensor | None) -> None:
    require_dtype(name, "X", x, FLOATS)
    require_one_dtype(name, X=x, filter=filters, **({} if bias is None else {"bias": bias}))


def _require_shape(name: str, slot: str, x: Tensor, expected: tuple[int, ...], reason: str) -> None:
    if x.shape != expected:
        msg = f"{name}: {slot} has shape {x.shape}, expected {expected}, {reason}"
        raise ShapeError(msg, operator=name)


def _require_groups(name: str, what: str, count: int, group: int) -> None:
    if count % group:
        msg = f"{name}: {count} {what} do not make {group} equal groups"
        raise ShapeError(msg, operator=name)


# --- convolution -----------------------------------------------------------------------------------------------------


def _check_convolution(*, group: int, **arguments: Any) -> None:
    check_least("Conv", "group", group, 1)
    check_window("Conv", _CONVOLUTION, arguments)


@windowed(*_CONVOLUTION)
def _convolved(x: TensorSpec, filters: TensorSpec, _bias: TensorSpec | None = None, *, window: Window) -> TensorSpec:
    sizes = window.resized(x.sizes, Span.places)
    return TensorSpec(x.dtype, shaped(x.sizes[0], filters.sizes[0], sizes, window.order))


@operator("Conv", inputs=("X", "filter", "bias?"), outputs=("Y",), check=_check_convolution, infer=_convolved)
@windowed(*_CONVOLUTION)
def conv(x: Tensor, filters: Tensor, bias: Tensor | None = None, *, group: int = 1, window: Window) -> Tensor:
    """Each filter's product with every window of X, summed (cross-correlation: filters are not turned round).

    A window is given by ``kernel``, ``stride``, ``dilation`` and ``pad``, of zeros, for all spatial axes alike; or by
    ``kernel_h``, ``kernel_w`` and so on for the two axes of an image; or by lists with an entry for each axis, where
    ``pads`` has all heads and then all tails. With ``group`` the channels and the filters make that many groups, and
    filters see the channels of their own group.

    Inputs:
        X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
        filter: X's dtype, [M, C / group, kernel...], in the order NHWC [M, kernel..., C / group].
        bias: X's dtype, [M]; is added.
    Outputs:
        Y: X's dtype, [N, M, places...] or [N, places..., M].
    Raises:
        ShapeError: shapes do not fit, or a window is larger than X with its pads.
    Example:
        Conv([[[1 2 3]]], [[[1 10]]]; kernels=[2]) -> [[[21 32]]]
    """
    name, order = "Conv", window.order
    _require_operands(name, x, filters, bias)
    spans = require_window_fits(name, x, window)
    channels, count = x.shape[channel_axis(order, x.ndim)], len(filters) if filters.ndim else 0
    _require_groups(name, "channels of X", channels, group)
    expected = shaped(count, channels // group, [span.kernel for span in spans], order)
    _require_shape(name, "filter", filters, expected, f"as X has {channels} channels, in {group} groups")
    _require_groups(name, "filters", count, group)
    if bias is not None:
        _require_shape(name, "bias", bias, (count,), "one element a filter")
    places = require_places(name, x, spans, order)

    cells = channels // group * math.prod(span.kernel for span in spans)
    columns = _columns(with_pads(channels_first(x, order), spans, "NCHW", 0.0), spans)
    y = np.matmul(
        channels_first(filters, order).reshape(group, count // group, cells),
        columns.reshape(len(x), group, cells, math.prod(places)),
    ).reshape(len(x), count, *places)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * len(places))
    return back_in_order(y, order)


def _columns(x: Tensor, spans: Sequence[Span]) -> Tensor:
    """A view of X: images, channels, the cells of the window along each axis, and its places along each axis."""
    axes = len(spans)
    views = sliding_window_view(np.ascontiguousarray(x), [span.extent for span in spans], tuple(range(2, 2 + axes)))
    moved = (slice(None, None, span.stride) for span in spans)
    cells = (slice(None, None, span.dilation) for span in spans)
    view: Tensor = views[(slice(None), slice(None), *moved, *cells)]
    return view.transpose(0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes))


# --- transposed ------------------------------------------------------------------------------------------------------


def _check_transposed(*, group: int, **arguments: Any) -> None:
    name = "ConvTranspose"
    check_least(name, "group", group, 1)
    window = check_window(name, _TRANSPOSED, arguments)
    for span in window.spans(max(window.counts(), default=1)):
        if span.adj >= span.stride:
            raise argument_error(name, "adj", f"must be less than the stride, {span.stride}, got {span.adj}")


@windowed(*_TRANSPOSED)
def _transposed(
    x: TensorSpec, filters: TensorSpec, _bias: TensorSpec | None = None, *, group: int = 1, window: Window
) -> TensorSpec:
    sizes = window.resized(x.sizes, Span.covered)
    share = filters.sizes[channel_axis(window.order, filters.rank)]
    return TensorSpec(x.dtype, shaped(x.sizes[0], None if share is None else share * group, sizes, window.order))


@operator("ConvTranspose", inputs=("X", "filter", "bias?"), outputs=("Y",), check=_check_transposed, infer=_transposed)
@windowed(*_TRANSPOSED)
def conv_transpose(
    x: Tensor,
    filters: Tensor,
    bias: Tensor | None = None,
    *,
    group: int = 1,
    no_bias: bool = False,
    shared_buffer: bool = False,  # noqa: ARG001 - programs pass it, and it changes nothing
    window: Window,
) -> Tensor:
    """X spread out: each element times its channel's filters, summed where these overlap. The adjoint of `Conv`.

    Windows are given as for `Conv`, without dilation. Along each axis Y has (size - 1) * stride + kernel - pads +
    ``adj`` elements; ``adj``, below the stride, may be given as ``adj_h`` and ``adj_w`` or ``adjs`` too.

    Inputs:
        X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
        filter: X's dtype, [C, M / group, kernel...], in the order NHWC [C, kernel..., M / group].
        bias: X's dtype, [M]; is added. With ``no_bias`` there is none.
    Outputs:
        Y: X's dtype, M channels.
    Raises:
        ShapeError: shapes do not fit, X has no elements along an axis, or pads leave none of Y.
    Example:
        ConvTranspose([[[1 2 3]]], [[[1 10]]]; kernels=[2]) -> [[[1 12 23 30]]]
    """
    name, order = "ConvTranspose", window.order
    _require_operands(name, x, filters, bias)
    spans = require_window_fits(name, x, window)
    channels, share = x.shape[channel_axis(order, x.ndim)], _share(filters, order)
    expected = shaped(channels, share, [span.kernel for span in spans], order)
    _require_shape(name, "filter", filters, expected, f"as X has {channels} channels")
    _require_groups(name, "channels of X", channels, group)
    if bias is not None:
        if no_bias:
            msg = f"{name} takes no bias with no_bias; drop one of them"
            raise ArityError(msg, operator=name)
        _require_shape(name, "bias", bias, (share * group,), "one element a channel of Y")
    sizes = spatial_sizes(x.shape, order)
    if not all(sizes) or any((span.covered(size) or 0) < 1 for span, size in zip(spans, sizes, strict=True)):
        msg = f"{name}: X has shape {x.shape}, of which windows and pads leave nothing along an axis"
        raise ShapeError(msg, operator=name)

    cells = share * math.prod(span.kernel for span in spans)
    by_group = channels_first(filters, order).reshape(group, channels // group, cells)
    spread = np.matmul(
        by_group.transpose(0, 2, 1),
        channels_first(x, order).reshape(len(x), group, channels // group, math.prod(sizes)),
    ).reshape(len(x), share * group, *(span.kernel for span in spans), *sizes)
    y = _overlapped(spread, spans, sizes)
    return back_in_order(y if bias is None else y + bias.reshape(-1, *(1,) * len(sizes)), order)


def _share(filters: Tensor, order: str) -> int:
    """The channels that each filter gives."""
    return filters.shape[channel_axis(order, filters.ndim)] if filters.ndim > 1 else 0


def _overlapped(spread: Tensor, spans: Sequence[Span], sizes: Sequence[int]) -> Tensor:
    """The sum of windows, given as images, channels, the cells of the window and its places; without the pads."""
    whole = [(size - 1) * span.stride + span.extent + span.adj for span, size in zip(spans, sizes, strict=True)]
    y = np.zeros((*spread.shape[:2], *whole), spread.dtype)
    for cell in np.ndindex(*(span.kernel for span in spans)):
        steps = (span.steps(place, size) for span, place, size in zip(spans, cell, sizes, strict=True))
        y[(slice(None), slice(None), *steps)] += spread[(slice(None), slice(None), *cell)]
    inside = (slice(span.head, size - span.tail) for span, size in zip(spans, whole, strict=True))
    return y[(slice(None), slice(None), *inside)]


# --- pools -----------------------------------------------------------------------------------------------------------


def _pool_check(name: str) -> Callable[..., None]:
    def check(*, global_pooling: bool, **arguments: Any) -> None:
        window = check_window(name, _POOL, arguments, needs_kernel=not global_pooling)
        for span in window.spans(max(window.counts(), default=1)):
            pad = max(span.head, span.tail)
            if global_pooling and (span.stride > 1 or pad):
                text = "does not go with strides or pads: the window is the image"
                raise argument_error(name, "global_pooling", text)
            if not global_pooling and pad >= span.kernel:
                raise argument_error(name, "pad", f"must be less than the kernel, {span.kernel}, got {pad}")

    return check


@windowed(*_POOL)
def _pooled(x: TensorSpec, *, global_pooling: bool = False, window: Window) -> TensorSpec:
    axis = channel_axis(window.order, x.rank)
    sizes: list[Size] = [1] * (x.rank - 2) if global_pooling else window.resized(x.sizes, Span.places)
    return TensorSpec(x.dtype, shaped(x.sizes[0], x.sizes[axis], sizes, window.order))


@operator("MaxPool", inputs=("X",), outputs=("Y",), check=_pool_check("MaxPool"), infer=_pooled)
@windowed(*_POOL)
def max_pool(x: Tensor, *, global_pooling: bool = False, window: Window) -> Tensor:
    """The greatest element of every window; pads do not count.

    Windows are given as for `Conv`, without dilation; with ``global_pooling`` there is one, the whole image.

    Inputs:
        X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
    Outputs:
        Y: X's dtype, [N, C, places...] or [N, places..., C]; nan where a window holds one.
    Raises:
        ShapeError: X has no spatial axes or no elements along one, or a window is larger than X with its pads.
    Example:
        MaxPool([[[1 3 2 0]]]; kernels=[2], strides=[2]) -> [[[3 2]]]
    """
    spans, axes = _require_pool("MaxPool", x, window)
    if global_pooling:
        greatest: Tensor = x.max(axes, keepdims=True)
        return greatest
    places = require_places("MaxPool", x, spans, window.order)
    return _over_cells(np.maximum, with_pads(x, spans, window.order, -np.inf), spans, places, axes)


@operator("AveragePool", inputs=("X",), outputs=("Y",), check=_pool_check("AveragePool"), infer=_pooled)
@windowed(*_POOL)
def average_pool(x: Tensor, *, global_pooling: bool = False, count_include_pad: bool = False, window: Window) -> Tensor:
    """The mean of the elements of every window; pads count with ``count_include_pad`` only, as zeros.

    Windows are given as for `Conv`, without dilation; with ``global_pooling`` there is one, the whole image.

    Inputs:
        X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
    Outputs:
        Y: X's dtype, [N, C, places...] or [N, places..., C].
    Raises:
        ShapeError: X has no spatial axes or no elements along one, or a window is larger than X with its pads.
    Example:
        AveragePool([[[1 3 2 0]]]; kernels=[2], strides=[2]) -> [[[2 1]]]
    """
    spans, axes = _require_pool("AveragePool", x, window)
    if global_pooling:
        average: Tensor = x.mean(axes, keepdims=True)
        return average
    places = require_places("AveragePool", x, spans, window.order)
    totals = _over_cells(np.add, with_pads(x, spans, window.order, 0.0), spans, places, axes)
    if count_include_pad or not any(span.head or span.tail for span in spans):
        return totals / math.prod(span.kernel for span in spans)
    counts = np.ones((), x.dtype)
    for span, count, axis in zip(spans, places, axes, strict=True):
        counts = counts * _inside(span, count, x.shape[axis]).astype(x.dtype).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    return totals / counts


def _require_pool(name: str, x: Tensor, window: Window) -> tuple[tuple[Span, ...], tuple[int, ...]]:
    """The window along each spatial axis of X, and these axes."""
    require_dtype(name, "X", x, FLOATS)
    spans = require_window_fits(name, x, window)
    if not all(spatial_sizes(x.shape, window.order)):
        msg = f"{name}: X has shape {x.shape}, expected elements along every spatial axis"
        raise ShapeError(msg, operator=name)
    start = spatial_start(window.order)
    return spans, tuple(range(start, start + len(spans)))


def _over_cells(
    combine: np.ufunc, x: Tensor, spans: Sequence[Span], places: Sequence[int], axes: Sequence[int]
) -> Tensor:
    """The cells of every window combined, along one axis after the other."""
    for span, count, axis in zip(spans, places, axes, strict=True):
        first, *others = (x[(slice(None),) * axis + (span.steps(cell, count),)] for cell in range(span.kernel))
        x = first
        for rank, cell in enumerate(others):
            x = combine(x, cell, out=x if rank else None)
    return x


def _inside(span: Span, places: int, size: int) -> Tensor:
    """How many cells of each window along an axis of that size lie between the pads."""
    begins = np.arange(places) * span.stride - span.head
    return np.minimum(begins + span.kernel, size) - np.maximum(begins, 0)
