"""Normalisation over batches, images, groups of channels and layers, and dropout."""

from __future__ import annotations

import math

import numpy as np

from taskplan.errors import ArityError, ShapeError
from taskplan.operators.inference import Inferred, TensorSpec
from taskplan.operators.operands import (
    BOOL,
    FLOATS,
    Tensor,
    argument_error,
    axis_within,
    refuse,
    require_dtype,
    require_least_rank,
    require_one_dtype,
    settled,
)
from taskplan.operators.registry import RANDOM, operator
from taskplan.operators.run import OpRun
from taskplan.operators.windows import back_in_order, channel_axis, channels_first, check_least, check_order


def _moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """X less its means, the means and the variances, over the first and the last of three axes; 0 over nothing."""
    count = max(x.shape[0] * x.shape[2], 1)
    means = x.sum((0, 2)) / count
    centred = x - means[:, None]
    return centred, means, np.vecdot(centred, centred).sum(0) / count


def _inverse_deviations(variances: Tensor, epsilon: float) -> Tensor:
    return 1 / np.sqrt(variances + epsilon)


def _scaled(centred: Tensor, factors: Tensor, shifts: Tensor) -> Tensor:
    """Centred * factors + shifts, written over it."""
    centred *= factors
    centred += shifts
    return centred


def _require_operands(name: str, slot: str, x: Tensor, **others: Tensor) -> None:
    require_dtype(name, slot, x, FLOATS)
    require_least_rank(name, slot, x, 2)
    require_one_dtype(name, **{slot: x}, **others)


def _require_vectors(name: str, channels: int, **vectors: Tensor) -> None:
    for slot, each in vectors.items():
        if each.shape != (channels,):
            msg = f"{name}: {slot} has shape {each.shape}, expected {(channels,)}, one element a channel of X"
            raise ShapeError(msg, operator=name)


# --- over a batch ----------------------------------------------------------------------------------------------------


def _by_channel(x: Tensor, order: str) -> Tensor:
    """X as images, channels, and all else."""
    moved = channels_first(x, order)
    return np.ascontiguousarray(moved).reshape(*moved.shape[:2], math.prod(moved.shape[2:]))


def _as_before(y: Tensor, x: Tensor, order: str) -> Tensor:
    """What was made of `_by_channel(x)`, in X's shape."""
    return back_in_order(y.reshape(channels_first(x, order).shape), order)


def _check_batch(*, epsilon: float, momentum: float, order: str, num_batches: int, **_: object) -> None:
    check_order("SpatialBN", order)
    check_least("SpatialBN", "epsilon", epsilon, 0.0)
    check_least("SpatialBN", "num_batches", num_batches, 1)
    if not 0 <= momentum <= 1:
        raise argument_error("SpatialBN", "momentum", f"must be from 0 to 1, got {momentum}")


def _by_batch(x: TensorSpec, scale: TensorSpec, *_: TensorSpec | None) -> Inferred:
    vector = TensorSpec(x.dtype, scale.shape)
    return x, vector, vector, vector, vector


@operator(
    "SpatialBN",
    inputs=("X", "scale", "bias", "mean", "var", "sums?", "sumsq?"),
    outputs=("Y", "mean?", "var?", "saved_mean?", "saved_var?"),
    input_counts=(5, 7),
    output_counts=(1, 5),
    in_place=(("X", "Y"), ("sums", "saved_mean"), ("sumsq", "saved_var")),
    must_in_place=(("mean", "mean"), ("var", "var")),
    check=_check_batch,
    infer=_by_batch,
)
def spatial_bn(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    sums: Tensor | None = None,
    sumsq: Tensor | None = None,
    *,
    is_test: bool,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    order: str = "NCHW",
    num_batches: int = 1,
    run: OpRun,
) -> tuple[Tensor, ...]:
    """(X - mean) / sqrt(variance + ``epsilon``) * scale + bias, channel by channel.

    In a test, mean and variance are those given. In training they are those of the batch, and the given ones, which
    run along, become old * ``momentum`` + new * (1 - ``momentum``); the new variance is divided by n - 1 for that, by n
    for X. With sums and sumsq the batch is ``num_batches`` ones of X's size, and they are its sums. Ioffe and Szegedy,
    Batch normalization (2015), algorithms 1 and 2.

    Inputs:
        X: float32 or float64, [N, C, ...], in the order NHWC [N, ..., C].
        scale, bias, mean, var: X's dtype, [C].
        sums, sumsq: X's dtype, [C]: sums of elements, and of their squares.
    Outputs:
        Y: X's dtype and shape. A test has no further output, training all.
        mean, var: the same blobs; as they were if X has no elements.
        saved_mean: X's dtype, [C]: that of the batch.
        saved_var: the same: 1 / sqrt(variance + ``epsilon``), **not** the variance.
    Raises:
        ArityError: a test has not one output, or training not five.
        OperatorError: there is one element a channel only, whose variance cannot be divided by n - 1.
        ShapeError: vectors do not have an element a channel.
    Example:
        SpatialBN([[1 2] [3 4]], [1 2], [0 1], [0 0], [1 1]; is_test=true, epsilon=0.0) -> [[1 5] [3 9]]
    """
    name = "SpatialBN"
    vectors = {"scale": scale, "bias": bias, "mean": mean, "var": var}
    if sums is not None and sumsq is not None:
        vectors.update(sums=sums, sumsq=sumsq)
    _require_operands(name, "X", x, **vectors)
    _require_vectors(name, x.shape[channel_axis(order, x.ndim)], **vectors)
    if len(run.op.outputs) != (1 if is_test else 5):
        outputs = len(run.op.outputs)
        msg = f"{name} has 1 output with is_test and 5 without, got is_test={is_test} and {outputs}"
        raise ArityError(msg, operator=name)
    if is_test:
        factors = _inverse_deviations(var, epsilon) * scale
        places = (-1, *(1,) * (x.ndim - 1 - channel_axis(order, x.ndim)))
        centred = x - mean.reshape(places)
        return (_scaled(centred, factors.reshape(places), bias.reshape(places)),)
    if x.size == 0:
        nothing = np.zeros_like(scale)
        return x, mean, var, nothing, nothing

    count = x.size // len(scale)
    if sums is None or sumsq is None:
        if num_batches > 1:
            raise refuse(name, f"num_batches={num_batches} needs the inputs sums and sumsq")
        centred, means, variances = _moments(_by_channel(x, order))
    else:
        count *= num_batches
        means = sums / count
        # Rounding may leave less than nothing.
        variances = np.maximum(sumsq / count - np.square(means), 0)
        centred = _by_channel(x, order) - means[:, None]
    if count == 1:
        raise refuse(name, f"X has shape {x.shape}, expected more than one element a channel for training")
    inverses = _inverse_deviations(variances, epsilon)
    y = _scaled(centred, (inverses * scale)[:, None], bias[:, None])
    running_mean = mean * momentum + means * (1 - momentum)
    running_var = var * momentum + variances * (count / (count - 1) * (1 - momentum))
    return _as_before(y, x, order), running_mean, running_var, means, inverses


# --- over an image or a part of it -----------------------------------------------------------------------------------


def _check_instance(*, epsilon: float, order: str) -> None:
    check_order("InstanceNorm", order)
    check_least("InstanceNorm", "epsilon", epsilon, 0.0)


def _by_instance(x: TensorSpec, scale: TensorSpec, _bias: TensorSpec | None) -> Inferred:
    moments = TensorSpec(x.dtype, (x.shape[0] if x.shape else None, *scale.sizes))
    return x, moments, moments


@operator(
    "InstanceNorm",
    inputs=("input", "scale", "bias"),
    outputs=("output", "saved_mean?", "saved_inv_stdev?"),
    in_place=(("input", "output"),),
    check=_check_instance,
    infer=_by_instance,
)
def instance_norm(
    x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float = 1e-5, order: str = "NCHW"
) -> tuple[Tensor, ...]:
    """(input - mean) / sqrt(variance + ``epsilon``) * scale + bias, by the mean and variance of each image and channel.

    Ulyanov, Vedaldi, Lempitsky, Instance normalization (2016).

    Inputs:
        input: float32 or float64, [N, C, ...], in the order NHWC [N, ..., C].
        scale, bias: the input's dtype, [C].
    Outputs:
        output: the input's dtype and shape.
        saved_mean: that dtype, [N, C].
        saved_inv_stdev: the same: 1 / sqrt(variance + ``epsilon``).
    Raises:
        ShapeError: scale or bias do not have an element a channel.
    Example:
        InstanceNorm([[[1 3]]], [1], [10]; epsilon=3.0) -> [[[9.5 10.5]]], [[2]], [[0.5]]
    """
    name = "InstanceNorm"
    _require_operands(name, "input", x, scale=scale, bias=bias)
    images = _by_channel(x, order)
    _require_vectors(name, images.shape[1], scale=scale, bias=bias)
    y, means, inverses = _normalised(images, images.shape[1], scale, bias, epsilon)
    return _as_before(y, x, order), means, inverses


def _normalised(
    images: Tensor, group: int, scale: Tensor, bias: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Images normalised by groups of channels, the means, and the inverse deviations, [images, group] each."""
    count, channels, size = images.shape
    each = channels // group if group else 0
    centred, means, variances = _moments(images.reshape(1, count * group, each * size))
    inverses = _inverse_deviations(variances, epsilon).reshape(count, group)
    factors = np.repeat(inverses, each, 1) * scale
    y = _scaled(centred.reshape(images.shape), factors[..., None], bias[:, None])
    return y, means.reshape(count, group), inverses


def _check_group(*, group: int, epsilon: float, order: str, **_: object) -> None:
    check_order("GroupNorm", order)
    check_least("GroupNorm", "group", group, 1)
    check_least("GroupNorm", "epsilon", epsilon, 0.0)


def _by_group(x: TensorSpec, *_: TensorSpec | None, group: int = 32) -> Inferred:
    moments = TensorSpec(x.dtype, (x.shape[0] if x.shape else None, group))
    return x, moments, moments


@operator(
    "GroupNorm",
    inputs=("X", "gamma", "beta"),
    outputs=("Y", "mean?", "std?"),
    output_counts=(1, 3),
    check=_check_group,
    infer=_by_group,
)
def group_norm(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    *,
    group: int = 32,
    epsilon: float = 1e-5,
    order: str = "NCHW",
    is_test: bool = False,  # noqa: ARG001 - says that only Y is wanted, and so does the number of outputs
    num_groups: int = 32,  # noqa: ARG001 - programs pass it, and it changes nothing
) -> tuple[Tensor, ...]:
    """(X - mean) / sqrt(variance + ``epsilon``) * gamma + beta, by the mean and variance of each image's groups.

    The number of groups is ``group``; ``num_groups`` is accepted and changes nothing. Wu and He, Group normalization
    (2018).

    Inputs:
        X: float32 or float64, [N, C, ...], in the order NHWC [N, ..., C].
        gamma, beta: X's dtype, [C].
    Outputs:
        Y: X's dtype and shape.
        mean: X's dtype, [N, group].
        std: the same: 1 / sqrt(variance + ``epsilon``), **not** the deviation.
    Raises:
        ShapeError: the channels do not make that many groups, or gamma or beta do not have an element a channel.
    Example:
        GroupNorm([[1 3 5 7]], [1 1 1 1], [0 0 0 9]; group=2, epsilon=3.0) -> [[-0.5 0.5 -0.5 9.5]]
    """
    name = "GroupNorm"
    _require_operands(name, "X", x, gamma=gamma, beta=beta)
    images = _by_channel(x, order)
    channels = images.shape[1]
    if channels % group:
        msg = f"{name}: X has shape {x.shape}, whose {channels} channels do not make {group} equal groups; pass 'group'"
        raise ShapeError(msg, operator=name)
    _require_vectors(name, channels, gamma=gamma, beta=beta)
    y, means, inverses = _normalised(images, group, gamma, beta, epsilon)
    return _as_before(y, x, order), means, inverses


# --- over a layer ----------------------------------------------------------------------------------------------------


def _check_layer(*, epsilon: float, **_: object) -> None:
    check_least("LayerNorm", "epsilon", epsilon, 0.0)


def _by_layer(x: TensorSpec, *_: TensorSpec | None, axis: int = 1) -> Inferred:
    if x.shape is None:
        return x
    moments = TensorSpec(x.dtype, (*x.shape[: axis % x.rank], 1))
    return x, moments, moments


@operator(
    "LayerNorm",
    inputs=("input", "gamma?", "beta?"),
    outputs=("output", "mean", "stddev"),
    input_counts=(1, 3),
    check=_check_layer,
    infer=_by_layer,
)
def layer_norm(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    axis: int = 1,
    epsilon: float = 1e-5,
    elementwise_affine: bool = False,
) -> tuple[Tensor, ...]:
    """(input - mean) / sqrt(variance + ``epsilon``), by the mean and variance of everything from ``axis`` on.

    With ``elementwise_affine`` that is multiplied by gamma, and beta added. Ba, Kiros, Hinton, Layer normalization
    (2016).

    Inputs:
        input: float32 or float64, rank 2 or more.
        gamma, beta: the input's dtype, as many elements as what is normalised at a time.
    Outputs:
        output: the input's dtype and shape.
        mean: that dtype; the sizes before ``axis``, and a 1.
        stddev: the same: sqrt(variance + ``epsilon``).
    Raises:
        ArityError: gamma and beta are given without ``elementwise_affine``, or not given with it.
        ShapeError: there is no such axis, or gamma or beta have another number of elements.
    Example:
        LayerNorm([[1 3]]; epsilon=3.0) -> [[-0.5 0.5]], [[2]], [[2]]
    """
    name = "LayerNorm"
    affine = {"gamma": gamma, "beta": beta} if gamma is not None and beta is not None else {}
    _require_operands(name, "input", x, **affine)
    if elementwise_affine != bool(affine):
        msg = f"{name} takes gamma and beta with elementwise_affine only; got elementwise_affine={elementwise_affine}"
        raise ArityError(msg, operator=name)
    along = axis_within(name, axis, x.ndim)
    inner = x.shape[along:]
    shape = (math.prod(x.shape[:along]), math.prod(inner))
    for slot, each in affine.items():
        if each.size != shape[1]:
            msg = f"{name}: {slot} has shape {each.shape}, expected {shape[1]} elements, as of shape {inner}"
            raise ShapeError(msg, operator=name)
    centred, means, variances = _moments(x.reshape(1, *shape))
    deviations = np.sqrt(variances + epsilon)
    y = centred[0]
    y *= (1 / deviations)[:, None]
    if affine:
        y = _scaled(y, affine["gamma"].reshape(-1), affine["beta"].reshape(-1))
    outer = (*x.shape[:along], 1)
    return y.reshape(x.shape), means.reshape(outer), deviations.reshape(outer)


# --- dropout ---------------------------------------------------------------------------------------------------------


def _check_dropout(*, ratio: float, **_: object) -> None:
    if not 0 <= ratio < 1:
        raise argument_error("Dropout", "ratio", f"must be from 0 to below 1, got {ratio}")


@operator(
    "Dropout",
    inputs=("X",),
    outputs=("Y", "mask?"),
    in_place=(("X", "Y"),),
    effects=(RANDOM,),
    check=_check_dropout,
    infer=lambda x: (x, TensorSpec(BOOL, x.shape)),
)
def dropout(x: Tensor, *, is_test: bool, ratio: float = 0.5, run: OpRun) -> tuple[Tensor, ...]:
    """X with elements set to 0 at random, each with probability ``ratio``, and the others divided by 1 - ``ratio``.

    In a test it is X as it is. Srivastava et al., Dropout (2014), section 10.

    Inputs:
        X: float32 or float64, any shape.
    Outputs:
        Y: X's dtype and shape.
        mask: bool, X's shape: what was kept. Training needs it.
    Raises:
        ArityError: in training, there is no output for the mask.
    Example:
        Dropout([1 2]; is_test=true) -> [1 2]
    """
    require_dtype("Dropout", "X", x, FLOATS)
    if is_test:
        return (x, settled(np.ones(x.shape, BOOL))) if len(run.op.outputs) > 1 else (x,)
    if len(run.op.outputs) < 2:
        msg = "Dropout has 2 outputs without is_test, Y and mask, got 1"
        raise ArityError(msg, operator="Dropout")
    y = np.atleast_1d(x) / (1 - ratio)
    kept = run.rng.random(y.shape, np.float32) >= ratio
    # The bits of what is dropped are cleared, since 0 times infinity would be nan, and `np.where` takes twice as long.
    bits = y.view(f"i{y.itemsize}")
    bits &= -kept.astype(bits.dtype)
    return settled(y.reshape(x.shape)), settled(kept.reshape(x.shape))
