"""Convolutions, pools and the other operators on images."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.operators.calling import call
from tests.operators.fake_run import f32

from taskplan.errors import ArgumentError, ArityError, DtypeError, OperatorError, ShapeError
from taskplan.operators.inference import TensorSpec
from taskplan.operators.registry import declaration, decode_arguments

few = settings(max_examples=30)
ORDERS = st.sampled_from(["NCHW", "NHWC"])


def filled(*shape: int) -> Any:
    """Small whole numbers, so that sums of products are exact in any order."""
    return np.random.default_rng(len(shape) + sum(shape)).integers(-4, 5, shape).astype(np.float32)


def in_order(x: Any, order: str) -> Any:
    return x if order == "NCHW" else np.moveaxis(x, 1, -1)


def in_nchw(x: Any, order: str) -> Any:
    return x if order == "NCHW" else np.moveaxis(x, -1, 1)


@st.composite
def windows(draw: st.DrawFn, *, dilated: bool = True, pad_below_kernel: bool = False) -> tuple[Any, ...]:
    """Sizes of an image along one to three axes, and the arguments of a window that fits."""
    sizes, kernels, strides, dilations, heads, tails = [], [], [], [], [], []
    for _ in range(draw(st.integers(1, 3))):
        kernels.append(draw(st.integers(1, 3)))
        strides.append(draw(st.integers(1, 3)))
        dilations.append(draw(st.integers(1, 2)) if dilated else 1)
        most = kernels[-1] - 1 if pad_below_kernel else 2
        heads.append(draw(st.integers(0, most)))
        tails.append(draw(st.integers(0, most)))
        least = max(dilations[-1] * (kernels[-1] - 1) + 1 - heads[-1] - tails[-1], 1)
        sizes.append(draw(st.integers(least, least + 2)))
    arguments = {"kernels": kernels, "strides": strides, "pads": [*heads, *tails]}
    return sizes, arguments | ({"dilations": dilations} if dilated else {})


def cells_of(sizes: Sequence[int], arguments: dict[str, Any]) -> Any:
    """For each place of the window, in order: the place, and its cells as pairs of one in the kernel and one in X."""
    kernels, strides, pads = arguments["kernels"], arguments["strides"], arguments["pads"]
    axes = range(len(kernels))
    dilations = arguments.get("dilations", [1] * len(kernels))
    padded = [sizes[k] + pads[k] + pads[k + len(kernels)] for k in axes]
    counts = [(padded[k] - dilations[k] * (kernels[k] - 1) - 1) // strides[k] + 1 for k in axes]
    for place in np.ndindex(*counts):
        cells = []
        for cell in np.ndindex(*kernels):
            at = tuple(place[k] * strides[k] + cell[k] * dilations[k] - pads[k] for k in axes)
            if all(0 <= at[k] < sizes[k] for k in axes):
                cells.append((cell, at))
        yield place, cells


def looped_conv(x: Any, filters: Any, bias: Any, group: int, arguments: dict[str, Any]) -> Any:
    places = list(cells_of(x.shape[2:], arguments))
    y = np.zeros((len(x), len(filters), *(last + 1 for last in places[-1][0])))
    share, outputs = filters.shape[1], len(filters) // group
    for image, m, c in itertools.product(range(len(x)), range(len(filters)), range(share)):
        for place, cells in places:
            for cell, at in cells:
                y[(image, m, *place)] += filters[(m, c, *cell)] * x[(image, m // outputs * share + c, *at)]
    return y + bias.reshape(-1, *(1,) * (x.ndim - 2))


# --- convolution -----------------------------------------------------------------------------------------------------


@few
@given(windows(), ORDERS, st.integers(0, 2), st.integers(1, 2), st.integers(1, 2), st.integers(1, 2))
def test_a_convolution_is_a_loop_over_windows(
    window: Any, order: str, images: int, group: int, share: int, each: int
) -> None:
    sizes, arguments = window
    x, bias = filled(images, group * share, *sizes), filled(group * each)
    filters = filled(group * each, share, *arguments["kernels"])

    given_x, given_filters = in_order(x, order), in_order(filters, order)
    got = call("Conv", given_x, given_filters, bias, group=group, order=order, **arguments)
    without = call("Conv", given_x, given_filters, group=group, order=order, **arguments)

    expected = looped_conv(x, filters, bias, group, arguments)
    assert got.dtype == np.float32
    assert np.array_equal(in_nchw(got, order), expected)
    assert np.array_equal(in_nchw(without, order), expected - bias.reshape(-1, *(1,) * len(sizes)))
    inputs = [TensorSpec(each.dtype, each.shape) for each in (given_x, given_filters)]
    declared = declaration("Conv")
    assert declared.infer is not None
    plain = {name: tuple(value) for name, value in arguments.items()} | {"order": order.encode(), "group": group}
    assert declared.infer(inputs, decode_arguments(declared, plain), 1) == (TensorSpec(got.dtype, got.shape),)


@few
@given(windows(dilated=False), ORDERS, st.integers(1, 2), st.integers(1, 2), st.integers(1, 2))
def test_a_transposed_convolution_is_the_adjoint(window: Any, order: str, group: int, share: int, each: int) -> None:
    """The inner product of Conv(x) with y is that of x with ConvTranspose(y), by the same filters."""
    sizes, arguments = window
    x = in_order(filled(2, group * share, *sizes), order)
    filters = in_order(filled(group * each, share, *arguments["kernels"]), order)
    convolved = call("Conv", x, filters, group=group, order=order, **arguments)
    y = filled(*convolved.shape)
    axes = len(sizes)
    pads = [arguments["pads"][k] + arguments["pads"][k + axes] for k in range(axes)]
    left = [
        (size + pad - kernel) % stride
        for size, pad, kernel, stride in zip(sizes, pads, arguments["kernels"], arguments["strides"], strict=True)
    ]

    back = call("ConvTranspose", y, filters, group=group, order=order, adjs=left, **arguments)

    assert back.shape == x.shape
    assert np.vdot(convolved, y) == np.vdot(x, back)


def test_a_bias_is_added_to_every_channel_of_a_transposed_convolution() -> None:
    x, filters = filled(2, 3, 4), filled(3, 2, 2)

    got = call("ConvTranspose", x, filters, f32([10, 20]), kernels=[2])

    without = call("ConvTranspose", x, filters, kernels=[2], no_bias=True)
    assert np.array_equal(got, without + f32([[10], [20]]))


def test_no_bias_and_a_bias_contradict_each_other() -> None:
    with pytest.raises(ArityError, match="ConvTranspose takes no bias with no_bias"):
        call("ConvTranspose", filled(1, 1, 2), filled(1, 1, 2), f32([1]), kernels=[2], no_bias=True)


def test_pads_may_leave_nothing_of_a_transposed_convolution() -> None:
    with pytest.raises(ShapeError, match=r"ConvTranspose: X has shape .* leave nothing"):
        call("ConvTranspose", filled(1, 1, 1), filled(1, 1, 2), kernels=[2], pad=1)


def test_a_transposed_convolution_adds_less_than_a_stride() -> None:
    with pytest.raises(ArgumentError, match="'adj' must be less than the stride, 2, got 2"):
        call("ConvTranspose", filled(1, 1, 1), filled(1, 1, 2), kernels=[2], stride=2, adj=2)


@pytest.mark.parametrize(
    ("x", "filters", "arguments", "message"),
    [
        ((1, 3, 4), (2, 1, 2), {"group": 2}, "3 channels of X do not make 2 equal groups"),
        ((1, 2, 4), (3, 1, 2), {"group": 2}, "3 filters do not make 2 equal groups"),
        ((1, 2, 4), (3, 2, 3), {}, r"filter has shape \(3, 2, 3\), expected \(3, 2, 2\)"),
        ((1, 2, 4), (), {}, r"filter has shape \(\)"),
        ((1, 2, 1), (3, 2, 2), {}, "size 1 has no room for a window of 2"),
        ((1, 2, 2), (3, 2, 2), {"dilation": 3, "pad": 0}, "size 2 has no room for a window of 4"),
        ((1, 2), (3, 2, 2), {}, "expected rank 3 or more"),
        ((1, 2, 4, 4), (3, 2, 2), {}, "expected rank 3, as the window has 1 axes"),
    ],
)
def test_shapes_that_do_not_fit_a_convolution_are_named(
    x: Any, filters: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ShapeError, match=f"Conv: .*{message}"):
        call("Conv", np.ones(x, np.float32), np.ones(filters, np.float32), kernels=[2], **arguments)


def test_a_bias_needs_an_element_a_filter() -> None:
    with pytest.raises(ShapeError, match="Conv: bias has shape"):
        call("Conv", filled(1, 2, 4), filled(3, 2, 2), filled(2), kernels=[2])


def test_a_convolution_takes_one_type() -> None:
    x, filters = filled(1, 2, 4), filled(3, 2, 2)

    assert call("Conv", x.astype("float64"), filters.astype("float64"), kernels=[2]).dtype == np.float64
    with pytest.raises(DtypeError, match="Conv: X has dtype float32, filter has dtype float64"):
        call("Conv", x, filters.astype("float64"), kernels=[2])


# --- the ways to give a window ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel": 2, "stride": 2, "dilation": 2, "pad": 1},
        {"kernel_h": 2, "kernel_w": 2, "stride_h": 2, "stride_w": 2, "dilation_h": 2, "dilation_w": 2, "pad": 1},
        {"kernel": 2, "stride": 2, "dilation": 2, "pad_t": 1, "pad_l": 1, "pad_b": 1, "pad_r": 1},
        {"kernels": [2, 2], "strides": [2, 2], "dilations": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernels": [2, 2], "stride": 2, "dilations": [2, 2], "pad": 1},
    ],
)
def test_all_ways_to_give_a_window_are_one(arguments: dict[str, Any]) -> None:
    x, filters = filled(1, 2, 5, 5), filled(3, 2, 2, 2)

    got = call("Conv", x, filters, **arguments)

    expected = {"kernels": [2, 2], "strides": [2, 2], "dilations": [2, 2], "pads": [1, 1, 1, 1]}
    assert np.array_equal(got, looped_conv(x, filters, np.zeros(3), 1, expected))


def test_pads_of_an_image_are_top_left_bottom_right() -> None:
    padded = call("PadImage", np.ones((1, 1, 1, 1), np.float32), pad_t=1, pad_l=2, pad_b=0, pad_r=1)

    assert padded[0, 0].tolist() == [[0, 0, 0, 0], [0, 0, 1, 0]]
    assert np.array_equal(padded, call("PadImage", np.ones((1, 1, 1, 1), np.float32), pads=[1, 2, 0, 1]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "'kernel' is needed, or 'kernel_h' and 'kernel_w', or 'kernels'"),
        ({"kernel": -1}, "'kernel' must be 1 or more, got -1"),
        ({"kernels": [2, 0]}, r"'kernels' must be 1 or more, got \[2, 0\]"),
        ({"kernel": 2, "kernels": [2, 2]}, "'kernels' does not go with 'kernel'; give one of them"),
        ({"kernel": 2, "kernel_h": 2, "kernel_w": 2}, "'kernel_h' does not go with 'kernel'"),
        ({"kernel_h": 2}, "'kernel_w' is needed beside 'kernel_h'"),
        ({"kernel": 2, "stride": 0}, "'stride' must be 1 or more, got 0"),
        ({"kernel": 2, "stride_w": 2}, "'stride_h' is needed beside 'stride_w'"),
        ({"kernel": 2, "pad_t": 1, "pad_b": 1}, "'pad_l' is needed beside 'pad_t'"),
        ({"kernel": 2, "pad": -1}, "'pad' must be 0 or more, got -1"),
        ({"kernel": 2, "pads": [1, 1, 1]}, "'pads' must have a head and a tail for each axis"),
        ({"kernels": [2], "stride_h": 1, "stride_w": 1}, "'stride_h' is for 2 axes, but 'kernels' is for 1"),
        ({"kernel": 2, "order": "CHWN"}, "'order' must be 'NCHW' or 'NHWC', got 'CHWN'"),
        ({"kernel": 2, "legacy_pad": 1}, "'legacy_pad' must be 0, got 1; give the pads themselves"),
    ],
)
@pytest.mark.parametrize("name", ["Conv", "ConvTranspose", "MaxPool", "AveragePool"])
def test_windows_that_make_no_sense_are_refused_when_the_operator_is_made(
    name: str, arguments: dict[str, Any], message: str
) -> None:
    operands = [filled(1, 1, 4, 4)] if "Pool" in name else [filled(1, 1, 4, 4), filled(1, 1, 2, 2)]

    with pytest.raises(ArgumentError, match=f"{name}: argument {message}"):
        call(name, *operands, **arguments)


@pytest.mark.parametrize("name", ["Conv", "ConvTranspose", "ChannelShuffle"])
def test_there_is_at_least_one_group(name: str) -> None:
    operands = [filled(1, 1, 4)] if name == "ChannelShuffle" else [filled(1, 1, 4), filled(1, 1, 2)]

    with pytest.raises(ArgumentError, match=f"{name}: argument 'group' must be 1 or more, got 0"):
        call(name, *operands, group=0)


# --- pools -----------------------------------------------------------------------------------------------------------


@few
@given(windows(dilated=False, pad_below_kernel=True), ORDERS)
def test_pools_are_loops_over_windows(window: Any, order: str) -> None:
    sizes, arguments = window
    x = filled(2, 2, *sizes)

    greatest, average, average_of_all = (
        in_nchw(call(name, in_order(x, order), order=order, **arguments, **more), order)
        for name, more in (("MaxPool", {}), ("AveragePool", {}), ("AveragePool", {"count_include_pad": True}))
    )

    for place, cells in cells_of(sizes, arguments):
        elements = np.array([x[(..., *at)] for _, at in cells])
        assert np.array_equal(greatest[(..., *place)], elements.max(0))
        np.testing.assert_allclose(average[(..., *place)], elements.mean(0), rtol=1e-5, atol=1e-6)
        of_all = elements.sum(0) / np.prod(arguments["kernels"])
        np.testing.assert_allclose(average_of_all[(..., *place)], of_all, rtol=1e-5, atol=1e-6)


@given(arrays.arrays("float32", arrays.array_shapes(min_dims=3, max_dims=5, max_side=3), elements=st.integers(-9, 9)))
@few
def test_a_global_pool_has_one_window_the_image(x: Any) -> None:
    axes = tuple(range(2, x.ndim))

    assert np.array_equal(call("MaxPool", x, global_pooling=True), x.max(axes, keepdims=True))
    np.testing.assert_allclose(
        call("AveragePool", x, global_pooling=True), x.mean(axes, keepdims=True), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("name", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("arguments", [{"stride": 2}, {"pad": 1}, {"kernel": 2, "pads": [0, 0, 0, 1]}])
def test_a_global_pool_neither_moves_nor_is_padded(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="'global_pooling' does not go with strides or pads"):
        call(name, filled(1, 1, 4, 4), global_pooling=True, **arguments)


@pytest.mark.parametrize("name", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("arguments", [{"kernel": 2, "pad": 1}, {"global_pooling": True}])
def test_a_pool_over_nothing_is_refused(name: str, arguments: dict[str, Any]) -> None:
    """Every window would lie in the pads: the greatest of nothing is -inf, the mean nan."""
    with pytest.raises(ShapeError, match=f"{name}: X has shape .* expected elements along every spatial axis"):
        call(name, filled(1, 1, 4, 0), **arguments)
    assert call(name, filled(0, 1, 4, 4), **arguments).shape[:2] == (0, 1)


@pytest.mark.parametrize("name", ["MaxPool", "AveragePool"])
def test_nan_and_infinity_stay_in_their_windows(name: str) -> None:
    got = call(name, f32([[[np.nan, 1, 2, 2, np.inf, 1]]]), kernels=[2], stride=2)

    assert np.array_equal(got, [[[np.nan, 2, np.inf]]], equal_nan=True)


def test_pads_are_less_than_all_that_is_there() -> None:
    """A window in which -inf is the only element gives that, and not what pads are filled with."""
    assert call("MaxPool", f32([[[-np.inf, -5]]]), kernels=[2], pads=[1, 0]).tolist() == [[[-np.inf, -5]]]


# --- padding and resizing --------------------------------------------------------------------------------------------


@few
@given(windows(dilated=False), ORDERS, st.sampled_from(["constant", "reflect", "edge"]))
def test_pads_surround_an_image_that_is_left_as_it_is(window: Any, order: str, mode: str) -> None:
    sizes, arguments = window
    pads = arguments["pads"]
    heads, tails = pads[: len(sizes)], pads[len(sizes) :]
    sizes = [size + 2 for size in sizes]  # enough to be mirrored
    x = filled(2, 2, *sizes)

    got = in_nchw(
        call("PadImage", in_order(x, order), order=order, mode=mode, value=7.0, pads=arguments["pads"]), order
    )

    inside = tuple(slice(head, head + size) for head, size in zip(heads, sizes, strict=True))
    assert got.shape[2:] == tuple(head + size + tail for head, size, tail in zip(heads, sizes, tails, strict=True))
    assert np.array_equal(got[(..., *inside)], x)
    for place in np.ndindex(*got.shape[2:]):
        at = [where - head for where, head in zip(place, heads, strict=True)]
        if mode == "constant" and any(not 0 <= k < size for k, size in zip(at, sizes, strict=True)):
            assert (got[(..., *place)] == 7).all()
            continue
        if mode == "reflect":
            at = [size - 1 - abs(size - 1 - abs(k)) for k, size in zip(at, sizes, strict=True)]
        nearest = [min(max(k, 0), size - 1) for k, size in zip(at, sizes, strict=True)]
        assert np.array_equal(got[(..., *place)], x[(..., *nearest)])


@pytest.mark.parametrize(("mode", "size", "least"), [("reflect", 2, 3), ("edge", 0, 1)])
def test_an_image_too_small_to_be_mirrored_or_repeated_is_refused(mode: str, size: int, least: int) -> None:
    with pytest.raises(ShapeError, match=f"PadImage: X has shape .* expected size {least} or more for pads of 2"):
        call("PadImage", filled(1, 1, size), pads=[0, 2], mode=mode)


def test_padding_knows_three_modes_and_no_strides() -> None:
    with pytest.raises(ArgumentError, match="'mode' must be 'constant', 'reflect' or 'edge', got 'wrap'"):
        call("PadImage", filled(1, 1, 2), pad=1, mode="wrap")
    with pytest.raises(ArgumentError, match="'stride' must be 1"):
        call("PadImage", filled(1, 1, 2), pad=1, strides=[2])
    assert call("PadImage", filled(1, 1, 2, 2), pad=1, kernel=7, stride=1).shape == (1, 1, 4, 4)


@few
@given(
    st.integers(0, 4), st.integers(1, 4), st.sampled_from([0.3, 0.5, 1.0, 1.5, 2.0, 3.7]), st.sampled_from([0.6, 2.1])
)
def test_a_resized_image_has_the_rows_and_columns_that_its_scales_say(
    height: int, width: int, height_scale: float, width_scale: float
) -> None:
    x = filled(2, 1, height, width)

    got = call("ResizeNearest", x, height_scale=height_scale, width_scale=width_scale)
    same = call("ResizeNearest", x, f32([height_scale, width_scale]))

    assert np.array_equal(got, same)
    assert got.shape == (2, 1, int(height * height_scale), int(width * width_scale))
    for row, column in np.ndindex(*got.shape[2:]):
        at = min(int(row / height_scale), height - 1), min(int(column / width_scale), width - 1)
        assert np.array_equal(got[(..., row, column)], x[(..., *at)])


def test_sizes_and_rows_are_rounded_in_float32() -> None:
    """30 * 2.1 and 9 / 0.3 are whole numbers, or a little less: Caffe2 finds out in float32."""
    x = np.arange(40, dtype=np.float32).reshape(1, 1, 40, 1)

    assert call("ResizeNearest", x[:, :, :30], height_scale=2.1).shape == (1, 1, 62, 1)
    assert call("ResizeNearest", x, height_scale=0.3)[0, 0, 9, 0] == 29


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan")])
def test_scales_are_above_0_and_finite(scale: float) -> None:
    x = filled(1, 1, 2, 2)

    with pytest.raises(ArgumentError, match="'height_scale' must be above 0 and finite"):
        call("ResizeNearest", x, height_scale=scale)
    with pytest.raises(OperatorError, match=r"ResizeNearest: scales are .* expected them above 0 and finite"):
        call("ResizeNearest", x, f32([1, scale]))


def test_an_image_is_not_made_larger_than_indices_go() -> None:
    with pytest.raises(ShapeError, match="ResizeNearest: size 2 times 1e\\+30 is too large"):
        call("ResizeNearest", filled(1, 1, 2, 2), width_scale=1e30)


# --- channels --------------------------------------------------------------------------------------------------------


@few
@given(arrays.arrays("int16", arrays.array_shapes(min_dims=3, max_dims=5, max_side=3)))
def test_the_two_moves_of_channels_undo_each_other(x: Any) -> None:
    last = call("NCHW2NHWC", x)

    assert last.shape == (x.shape[0], *x.shape[2:], x.shape[1])
    assert np.array_equal(call("NHWC2NCHW", last), x)
    assert np.array_equal(call("NCHW2NHWC", call("NHWC2NCHW", x)), x)


@few
@given(st.integers(1, 3), st.integers(1, 3), ORDERS)
def test_channels_are_dealt_out_and_gathered_again(group: int, each: int, order: str) -> None:
    x = in_order(np.arange(group * each).reshape(1, -1, 1) * np.ones((2, 1, 2), np.int64), order)

    shuffled = call("ChannelShuffle", x, group=group, order=order)

    dealt = in_nchw(shuffled, order)[0, :, 0].tolist()
    assert [dealt[k * group + g] for g in range(group) for k in range(each)] == list(range(group * each))
    assert np.array_equal(call("ChannelShuffle", shuffled, group=each, order=order), x)


@few
@given(st.integers(1, 6), st.sampled_from([1, 3, 5, 9]), ORDERS)
def test_responses_are_scaled_by_their_neighbours(channels: int, size: int, order: str) -> None:
    x = filled(2, channels, 2)

    y, scale = call("LRN", in_order(x, order), size=size, alpha=0.5, beta=0.75, bias=2.0, order=order, outputs=2)

    for c in range(channels):
        near = x[:, max(c - size // 2, 0) : c + size // 2 + 1]
        expected = 2 + 0.5 / size * np.square(near).sum(1)
        np.testing.assert_allclose(in_nchw(scale, order)[:, c], expected, rtol=1e-5)
        np.testing.assert_allclose(in_nchw(y, order)[:, c], x[:, c] * expected**-0.75, rtol=1e-5)
    assert (y.dtype, scale.dtype) == (np.float32, np.float32)


def test_squares_that_overflow_count_nothing_with_a_share_of_0() -> None:
    assert call("LRN", f32([[[1e30]]]), size=1, beta=0.5).tolist() == f32([[[1e30]]]).tolist()


@pytest.mark.parametrize("size", [0, -1, 2])
def test_neighbours_are_an_odd_number(size: int) -> None:
    with pytest.raises(ArgumentError, match=f"LRN: argument 'size' must be odd and above 0, got {size}"):
        call("LRN", filled(1, 1, 1), size=size)


# --- along the second axis -------------------------------------------------------------------------------------------


@few
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_what_was_joined_is_split_by_the_sizes_that_joining_gave(sizes: list[int]) -> None:
    parts = [filled(2, size, 2) for size in sizes]

    whole, split_info = call("DepthConcat", *parts, outputs=2)
    by_input = call("DepthSplit", whole, split_info, outputs=len(sizes))
    by_argument = call("DepthSplit", whole, split=sizes, outputs=len(sizes))

    assert np.array_equal(whole, np.concatenate(parts, 1))
    for pieces in (by_input, by_argument):
        for got, part in zip(pieces if len(sizes) > 1 else [pieces], parts, strict=True):
            assert np.array_equal(got, part)


@pytest.mark.parametrize("split", [[1, 1], [1, 1, 1, 0], [4, -1]])
def test_pieces_make_up_the_whole(split: list[int]) -> None:
    with pytest.raises(ShapeError, match=r"DepthSplit: input has shape .* do not make up"):
        call("DepthSplit", filled(1, 3), split=split, outputs=2)
    with pytest.raises(ShapeError, match=r"DepthSplit: input has shape .* do not make up"):
        call("DepthSplit", filled(1, 3), np.array(split, np.int32), outputs=2)


def test_an_empty_list_of_sizes_is_one_when_it_is_an_input() -> None:
    with pytest.raises(ShapeError, match=r"split=\[\] along axis 1 do not make up"):
        call("DepthSplit", filled(1, 2), np.array([], np.int32), outputs=2)


def test_only_the_second_axis_may_differ() -> None:
    with pytest.raises(
        ShapeError, match=r"DepthConcat: inputs\[1\] has shape \(2, 1, 2\), which does not fit \(1, 1, 2\)"
    ):
        call("DepthConcat", filled(1, 1, 2), filled(2, 1, 2), outputs=2)
