"""Operators that normalise, and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call, call_in_place, held
from tests.operators.fake_run import Bench, f32, f64

from taskplan.errors import ArgumentError, ArityError, DtypeError, OperatorError, ShapeError

few = settings(max_examples=25)
ORDERS = st.sampled_from(["NCHW", "NHWC"])
SHAPES = st.tuples(st.integers(1, 3), st.sampled_from([2, 4]), st.integers(2, 4), st.integers(2, 3))


def drawn(*shape: int, seed: int = 1) -> Any:
    """Normal numbers that are far from 0, where a variance reckoned carelessly loses its digits."""
    return (np.random.default_rng(seed).standard_normal(shape) * 2 + 300).astype(np.float32)


def in_order(x: Any, order: str) -> Any:
    return x if order == "NCHW" else np.moveaxis(x, 1, -1)


def in_nchw(x: Any, order: str) -> Any:
    return x if order == "NCHW" else np.moveaxis(x, -1, 1)


def assert_standard(y: Any, axes: tuple[int, ...]) -> None:
    np.testing.assert_allclose(y.mean(axes, np.float64), 0, atol=1e-4)
    np.testing.assert_allclose(y.var(axes, np.float64), 1, atol=1e-3)


def trained(x: Any, scale: Any, bias: Any, mean: Any, var: Any, *sums: Any, **arguments: Any) -> list[Any]:
    """The five outputs of `SpatialBN` in training."""
    values = [held(each) for each in (x, scale, bias, mean, var, *sums)]
    plain = {name: value.encode() if isinstance(value, str) else value for name, value in arguments.items()}
    return call_in_place("SpatialBN", values, {1: 3, 2: 4}, 5, {"is_test": 0, **plain})


# --- the law ---------------------------------------------------------------------------------------------------------


@few
@given(SHAPES, ORDERS)
def test_a_batch_gets_mean_0_and_variance_1_in_every_channel(shape: Any, order: str) -> None:
    x, c = drawn(*shape), shape[1]

    y, _, _, mean, inverse = trained(
        in_order(x, order), np.ones(c, "f"), np.zeros(c, "f"), np.zeros(c, "f"), np.ones(c, "f"), order=order
    )

    assert_standard(in_nchw(y, order), (0, 2, 3))
    np.testing.assert_allclose(mean, x.mean((0, 2, 3), np.float64), rtol=1e-6)
    np.testing.assert_allclose(inverse, 1 / np.sqrt(x.var((0, 2, 3), np.float64) + 1e-5), rtol=1e-4)


@few
@given(SHAPES, ORDERS, st.sampled_from([1, 2]))
def test_groups_of_channels_get_mean_0_and_variance_1_in_every_image(shape: Any, order: str, group: int) -> None:
    x, c = drawn(*shape), shape[1]

    y, mean, inverse = call(
        "GroupNorm", in_order(x, order), np.ones(c, "f"), np.zeros(c, "f"), group=group, order=order, outputs=3
    )

    parts = in_nchw(y, order).reshape(shape[0], group, -1)
    assert_standard(parts, (2,))
    np.testing.assert_allclose(mean, x.reshape(shape[0], group, -1).mean(2, np.float64), rtol=1e-6)
    deviation = np.sqrt(x.reshape(shape[0], group, -1).var(2, np.float64) + 1e-5)
    np.testing.assert_allclose(inverse, 1 / deviation, rtol=1e-4)


@few
@given(SHAPES, ORDERS)
def test_an_instance_is_a_group_of_one_channel(shape: Any, order: str) -> None:
    x, c = in_order(drawn(*shape), order), shape[1]
    scale, bias = drawn(c, seed=2), drawn(c, seed=3)

    instances = call("InstanceNorm", x, scale, bias, order=order, outputs=3)
    groups = call("GroupNorm", x, scale, bias, group=c, order=order, outputs=3)

    for got, expected in zip(instances, groups, strict=True):
        assert np.array_equal(got, expected)


@few
@given(SHAPES, st.integers(-4, 3))
def test_a_layer_gets_mean_0_and_variance_1_from_the_axis_on(shape: Any, axis: int) -> None:
    x = drawn(*shape)
    if axis % 4 == 3:
        x = np.concatenate([x, x + 1], 3)  # of two elements nearly alike little is left
    gamma, beta = drawn(*x.shape[axis % 4 :], seed=2), drawn(*x.shape[axis % 4 :], seed=3)

    y, mean, deviation = call("LayerNorm", x, axis=axis, outputs=3)
    affine = call("LayerNorm", x, gamma, beta, axis=axis, elementwise_affine=True, outputs=3)[0]

    inner = tuple(range(axis % 4, 4))
    assert_standard(y, inner)
    assert mean.shape == deviation.shape == (*x.shape[: axis % 4], 1)
    np.testing.assert_allclose(mean.reshape(-1), x.mean(inner, np.float64).reshape(-1), rtol=1e-6)
    np.testing.assert_allclose(deviation.reshape(-1), np.sqrt(x.var(inner, np.float64) + 1e-5).reshape(-1), rtol=1e-4)
    np.testing.assert_allclose(affine, y * gamma + beta, rtol=1e-5)


# --- a batch ---------------------------------------------------------------------------------------------------------


@few
@given(SHAPES, ORDERS, st.sampled_from([0.0, 0.25, 1.0]))
def test_running_values_move_towards_those_of_the_batch(shape: Any, order: str, momentum: float) -> None:
    x, c = drawn(*shape), shape[1]
    scale, bias, mean, var = (drawn(c, seed=seed) for seed in range(2, 6))

    y, new_mean, new_var, *_ = trained(in_order(x, order), scale, bias, mean, var, momentum=momentum, order=order)

    batch_mean, batch_var = x.mean((0, 2, 3), np.float64), x.var((0, 2, 3), np.float64)
    normal = (x - batch_mean[:, None, None]) / np.sqrt(batch_var + 1e-5)[:, None, None]
    np.testing.assert_allclose(
        in_nchw(y, order), normal * scale[:, None, None] + bias[:, None, None], rtol=1e-3, atol=0.05
    )
    np.testing.assert_allclose(new_mean, mean * momentum + batch_mean * (1 - momentum), rtol=1e-5)
    unbiased = x.var((0, 2, 3), np.float64, ddof=1)
    np.testing.assert_allclose(new_var, var * momentum + unbiased * (1 - momentum), rtol=1e-4)


@few
@given(SHAPES, ORDERS)
def test_a_test_uses_the_values_that_are_given(shape: Any, order: str) -> None:
    x, c = drawn(*shape), shape[1]
    scale, bias, mean, var = (drawn(c, seed=seed) for seed in range(2, 6))

    got = call("SpatialBN", in_order(x, order), scale, bias, mean, var, is_test=True, order=order, epsilon=1.0)

    scale, bias, mean, var = (each.astype(np.float64)[:, None, None] for each in (scale, bias, mean, var))
    np.testing.assert_allclose(in_nchw(got, order), (x - mean) / np.sqrt(var + 1) * scale + bias, rtol=1e-4)


def test_sums_of_several_batches_stand_for_the_batch() -> None:
    """Each of several workers normalises its part by the sums over all parts."""
    parts = [drawn(2, 2, 3, seed=seed).astype(np.float64) for seed in (1, 2)]
    whole, vectors = np.concatenate(parts), [f64([1, 2]), f64([3, 4]), f64([5, 6]), f64([7, 8])]
    sums, squares = whole.sum((0, 2)), np.square(whole).sum((0, 2))

    expected = trained(whole, *vectors)
    got = trained(parts[1], *vectors, sums, squares, num_batches=2)

    np.testing.assert_allclose(got[0], expected[0][2:], rtol=1e-6)
    for one, other in zip(got[1:], expected[1:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_several_batches_need_their_sums() -> None:
    with pytest.raises(OperatorError, match="SpatialBN: num_batches=2 needs the inputs sums and sumsq"):
        trained(drawn(2, 1), *[f32([1])] * 4, num_batches=2)


@pytest.mark.parametrize("shape", [(0, 2, 3), (3, 2, 0)])
def test_without_elements_running_values_stay(shape: Any) -> None:
    y, mean, var, batch_mean, batch_inverse = trained(np.ones(shape, "f"), *[f32([1, 2])] * 2, f32([3, 4]), f32([5, 6]))

    assert y.shape == shape
    assert (mean.tolist(), var.tolist()) == ([3, 4], [5, 6])
    assert (batch_mean.tolist(), batch_inverse.tolist()) == ([0, 0], [0, 0])


def test_one_element_a_channel_has_no_variance_to_run_along() -> None:
    with pytest.raises(OperatorError, match=r"SpatialBN: X has shape .* more than one element a channel for training"):
        trained(drawn(1, 2), *[f32([1, 2])] * 4)


@pytest.mark.parametrize(("is_test", "outputs"), [(True, 5), (False, 1)])
def test_a_test_has_one_output_and_training_five(is_test: bool, outputs: int) -> None:
    values = [held(drawn(2, 1)), *[held(f32([1]))] * 4]

    with pytest.raises(ArityError, match="SpatialBN has 1 output with is_test and 5 without"):
        call_in_place("SpatialBN", values, {1: 3, 2: 4} if outputs > 1 else {}, outputs, {"is_test": int(is_test)})


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("SpatialBN", {"is_test": True, "momentum": 1.5}, "'momentum' must be from 0 to 1, got 1.5"),
        ("SpatialBN", {"is_test": True, "epsilon": -1.0}, "'epsilon' must be 0.0 or more, got -1.0"),
        ("SpatialBN", {"is_test": True, "num_batches": 0}, "'num_batches' must be 1 or more, got 0"),
        ("SpatialBN", {"is_test": True, "order": "HW"}, "'order' must be 'NCHW' or 'NHWC', got 'HW'"),
        ("InstanceNorm", {"epsilon": -1.0}, "'epsilon' must be 0.0 or more"),
        ("InstanceNorm", {"order": "HW"}, "'order' must be"),
        ("GroupNorm", {"group": 0}, "'group' must be 1 or more"),
        ("GroupNorm", {"epsilon": -1.0}, "'epsilon' must be 0.0 or more"),
        ("LayerNorm", {"epsilon": float("nan")}, "'epsilon' must be 0.0 or more, got nan"),
        ("Dropout", {"is_test": True, "ratio": 1.0}, "'ratio' must be from 0 to below 1, got 1.0"),
    ],
)
def test_arguments_out_of_range_are_refused(name: str, arguments: dict[str, Any], message: str) -> None:
    vectors = {"SpatialBN": 4, "InstanceNorm": 2, "GroupNorm": 2}.get(name, 0)

    with pytest.raises(ArgumentError, match=f"{name}: argument {message}"):
        call(name, drawn(2, 1), *[f32([1])] * vectors, outputs=3 if name == "LayerNorm" else 1, **arguments)


# --- images, groups, layers ------------------------------------------------------------------------------------------


def test_the_number_of_groups_is_group_and_not_num_groups() -> None:
    ones, zeros = np.ones(4, "f"), np.zeros(4, "f")

    with pytest.raises(ShapeError, match="whose 4 channels do not make 32 equal groups; pass 'group'"):
        call("GroupNorm", drawn(1, 4, 2), ones, zeros, num_groups=2)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("InstanceNorm", (2, 3, 0)), ("InstanceNorm", (0, 3, 2)), ("GroupNorm", (2, 3, 0)), ("GroupNorm", (2, 0))],
)
def test_what_has_no_elements_has_mean_0_and_no_nan(name: str, shape: Any) -> None:
    vectors = [np.ones(shape[1], "f")] * 2
    arguments: dict[str, Any] = {} if name == "InstanceNorm" else {"group": 3}

    y, mean, inverse = call(name, np.ones(shape, "f"), *vectors, outputs=3, **arguments)

    assert y.shape == shape
    assert not mean.any()
    np.testing.assert_allclose(inverse, 1 / np.sqrt(1e-5), rtol=1e-5)


def test_an_image_may_be_normalised_in_place() -> None:
    x, vectors = drawn(2, 3, 2), [drawn(3, seed=2), drawn(3, seed=3)]

    assert np.array_equal(call("InstanceNorm", x, *vectors, in_place=True), call("InstanceNorm", x, *vectors))


@pytest.mark.parametrize("affine", [True, False])
def test_gamma_and_beta_come_with_elementwise_affine_only(affine: bool) -> None:
    vectors = [] if affine else [f32([1, 1]), f32([1, 1])]

    with pytest.raises(ArityError, match="LayerNorm takes gamma and beta with elementwise_affine only"):
        call("LayerNorm", drawn(2, 2), *vectors, outputs=3, elementwise_affine=affine)


def test_a_layer_has_an_axis_and_fitting_factors() -> None:
    with pytest.raises(ShapeError, match="LayerNorm: axis=2 is out of range for rank 2"):
        call("LayerNorm", drawn(2, 2), axis=2, outputs=3)
    with pytest.raises(ShapeError, match=r"LayerNorm: beta has shape \(3,\), expected 2 elements"):
        call("LayerNorm", drawn(2, 2), f32([1, 1]), f32([1, 1, 1]), elementwise_affine=True, outputs=3)


@pytest.mark.parametrize("name", ["SpatialBN", "InstanceNorm", "GroupNorm"])
def test_vectors_have_xs_type_and_an_element_a_channel(name: str) -> None:
    count = 4 if name == "SpatialBN" else 2
    arguments: dict[str, Any] = {"is_test": True} if name == "SpatialBN" else {}
    arguments |= {"group": 1} if name == "GroupNorm" else {}

    with pytest.raises(ShapeError, match=f"{name}: .* has shape .* expected .* one element a channel"):
        call(name, drawn(2, 2, 2), *[f32([1])] * count, **arguments)
    with pytest.raises(DtypeError, match=f"{name}: .* cast one of them"):
        call(name, drawn(2, 2, 2), *[f64([1, 1])] * count, **arguments)


# --- dropout ---------------------------------------------------------------------------------------------------------


def test_dropout_keeps_a_share_and_makes_up_for_the_rest() -> None:
    x = np.arange(1, 20_001, dtype=np.float32)

    y, kept = call("Dropout", x, is_test=False, ratio=0.25, outputs=2)

    assert kept.dtype == bool
    assert abs(kept.mean() - 0.75) < 0.02
    np.testing.assert_allclose(y[kept], x[kept] / 0.75, rtol=1e-6)
    assert not y[~kept].any()


def test_dropping_infinity_and_nan_leaves_0() -> None:
    y, kept = call("Dropout", np.full(100, np.inf, "f"), is_test=False, outputs=2)

    assert y[~kept].tolist() == [0] * (~kept).sum()
    assert np.isinf(y[kept]).all()


def test_every_call_drops_others() -> None:
    bench = Bench({"x": held(np.ones(100, "f"))})
    instance = bench.instance("Dropout", ["x"], ["y", "mask"], is_test=False)
    instance()
    first = bench.blobs["mask"]

    instance()

    assert not np.array_equal(bench.blobs["mask"], first)


def test_a_test_drops_nothing_and_training_needs_a_mask() -> None:
    y, kept = call("Dropout", f32([1, 2]), is_test=True, ratio=0.9, outputs=2)

    assert (y.tolist(), kept.tolist()) == ([1, 2], [True, True])
    with pytest.raises(ArityError, match="Dropout has 2 outputs without is_test, Y and mask, got 1"):
        call("Dropout", f32([1, 2]), is_test=False)


def test_dropout_of_a_scalar_is_a_scalar() -> None:
    y, kept = call("Dropout", np.float32(3), is_test=False, ratio=0.0, outputs=2)

    assert (type(y), y, kept) == (np.float32, 3, True)
