"""Optimisers: several steps against plain loops, big parameters, what is written in place, and refused calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from tests.operators.calling import call, call_in_place, held

from taskplan import Net, Workspace
from taskplan.errors import ArgumentError, DtypeError, OperatorError, ShapeError
from taskplan.operators.registry import declaration, slot_names

Array = np.ndarray[Any, np.dtype[np.float32]]


def f32(*values: Any) -> Array:
    return np.array(values, np.float32)


def numbers(shape: int | tuple[int, ...], seed: int, least: float = -1.0) -> Array:
    return np.random.default_rng(seed).uniform(least, 1, shape).astype(np.float32)


# --- formulas, one element at a time, in double precision -------------------------------------------------------------


def momentum_sgd(g: float, m: float, *, lr: float, momentum: float, nesterov: bool) -> tuple[float, float]:
    after = momentum * m + lr * g
    return ((1 + momentum) * after - momentum * m if nesterov else after), after


def adagrad(p: float, m: float, g: float, *, lr: float, epsilon: float, decay: float) -> tuple[float, ...]:
    after = decay * m + g * g
    rate = lr / (math.sqrt(after) + epsilon)
    return p + rate * g, after, rate, rate * g


def adam(
    p: float, m: float, v: float, g: float, *, lr: float, t: int, beta1: float, beta2: float, epsilon: float
) -> tuple[float, ...]:
    first = beta1 * m + (1 - beta1) * g
    second = beta2 * v + (1 - beta2) * g * g
    update = math.sqrt(1 - beta2**t) / (1 - beta1**t) * first / (math.sqrt(second) + epsilon)
    return p + lr * update, first, second, update


def rms_prop(
    g: float, ms: float, mom: float, *, lr: float, decay: float, momentum: float, epsilon: float
) -> tuple[float, ...]:
    squares = ms + (1 - decay) * (g * g - ms)
    step = momentum * mom + lr * g / math.sqrt(squares + epsilon)
    return step, squares, step


def adadelta(
    p: float, m: float, d: float, g: float, *, lr: float, epsilon: float, decay: float
) -> tuple[float, float, float]:
    moment = decay * m + (1 - decay) * g * g
    update = math.sqrt(d + epsilon) / math.sqrt(moment + epsilon) * g
    return p + lr * update, moment, decay * d + (1 - decay) * update**2


def ftrl(
    p: float, n: float, z: float, g: float, *, alpha: float, beta: float, lambda1: float, lambda2: float
) -> tuple[float, float, float]:
    grown = n + g * g
    moved = z + g - (math.sqrt(grown) - math.sqrt(n)) / alpha * p
    if abs(moved) <= lambda1:
        return 0.0, grown, moved
    scale = (beta + math.sqrt(grown)) / alpha + lambda2
    return (math.copysign(lambda1, moved) - moved) / scale, grown, moved


def each(formula: Callable[..., tuple[float, ...]], *operands: Array, **arguments: Any) -> list[Array]:
    """The outputs of a formula for every element."""
    rows = [formula(*map(float, row), **arguments) for row in zip(*map(np.ravel, operands), strict=True)]
    return [f32(*column).reshape(operands[0].shape) for column in zip(*rows, strict=True)]


def assert_close(got: Sequence[Any], expected: Sequence[Any]) -> None:
    assert [np.shape(one) for one in got] == [np.shape(one) for one in expected]
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


# --- several steps ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_gathers_over_steps(nesterov: bool) -> None:
    p, m = numbers(5, 1), numbers(5, 2)
    expected_p, expected_m = p, m
    for step in range(3):
        g = numbers(5, 3 + step)
        out, m, p = call("MomentumSGDUpdate", g, m, f32(0.1), p, outputs=3, momentum=0.75, nesterov=nesterov)
        expected, expected_m = each(momentum_sgd, g, expected_m, lr=0.1, momentum=0.75, nesterov=nesterov)
        expected_p = expected_p - expected
        assert_close([out, m, p], [expected, expected_m, expected_p])


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_step_alone_is_that_of_the_update(nesterov: bool) -> None:
    g, m, p, lr = numbers(4, 1), numbers(4, 2), numbers(4, 3), f32(0.5)

    alone = call("MomentumSGD", g, m, lr, outputs=2, momentum=0.5, nesterov=nesterov)
    step, moment, parameter = call("MomentumSGDUpdate", g, m, lr, p, outputs=3, momentum=0.5, nesterov=nesterov)

    assert_close(alone, [step, moment])
    assert_close([parameter], [p - step])


@pytest.mark.parametrize("outputs", [2, 3, 4])
def test_adagrad_gives_the_rate_and_the_update_if_asked(outputs: int) -> None:
    p, m, g = numbers((2, 3), 1), numbers((2, 3), 2, 0.0), numbers((2, 3), 3)

    got = call("Adagrad", p, m, g, f32(-0.1), outputs=outputs, epsilon=0.25, decay=0.5)

    expected = each(adagrad, p, m, g, lr=-0.1, epsilon=0.25, decay=0.5)[:outputs]
    assert_close(got if outputs > 1 else [got], expected)


def test_adam_corrects_its_moments_by_the_iteration() -> None:
    p, m, v = numbers(4, 1), f32(0, 0, 0, 0), f32(0, 0, 0, 0)
    expected = [p, m, v]
    for iteration in range(4):
        g = numbers(4, 10 + iteration)
        p, m, v, update = call(
            "Adam", p, m, v, g, f32(-0.01), np.array([iteration]), outputs=4, beta1=0.75, beta2=0.5, epsilon=0.125
        )
        *expected, wanted = each(adam, *expected, g, lr=-0.01, t=iteration + 1, beta1=0.75, beta2=0.5, epsilon=0.125)
        assert_close([p, m, v, update], [*expected, wanted])


def test_adam_moves_by_the_rate_at_first_whatever_the_gradient() -> None:
    zeros = f32(0, 0, 0)

    p, *_ = call("Adam", zeros, zeros, zeros, f32(1e-3, 1, -1e3), f32(-0.5), np.array([0]), outputs=3, epsilon=0.0)

    assert_close([p], [f32(-0.5, -0.5, 0.5)])


def test_adam_late_in_training_needs_no_correction() -> None:
    ones = f32(1.0)

    *_, update = call("Adam", ones, ones, ones, ones, f32(1.0), np.array([2**40]), outputs=4, epsilon=0.0)

    assert_close([update], [ones])


def test_rms_prop_keeps_the_mean_square_and_the_momentum() -> None:
    ms, mom = numbers(5, 1, 0.0), numbers(5, 2)
    expected = [ms, mom]
    for step in range(3):
        g = numbers(5, 5 + step)
        out, ms, mom = call("RmsProp", g, ms, mom, f32(0.1), outputs=3, decay=0.75, momentum=0.5, epsilon=0.125)
        wanted, *expected = each(rms_prop, g, *expected, lr=0.1, decay=0.75, momentum=0.5, epsilon=0.125)
        assert_close([out, ms, mom], [wanted, *expected])


def test_adadelta_follows_its_own_steps() -> None:
    state = [numbers(5, 1), numbers(5, 2, 0.0), numbers(5, 3, 0.0)]
    expected = list(state)
    for step in range(3):
        g = numbers(5, 7 + step)
        state = call("Adadelta", *state, g, f32(-0.5), outputs=3, epsilon=0.125, decay=0.5)
        expected = each(adadelta, *expected, g, lr=-0.5, epsilon=0.125, decay=0.5)
        assert_close(state, expected)


# --- Ftrl -------------------------------------------------------------------------------------------------------------


def test_ftrl_makes_small_parameters_0() -> None:
    p, nz, g = f32(0, 0, 0), np.zeros((3, 2), np.float32), f32(0.5, -0.5, 3)

    weights, state = call("Ftrl", p, nz, g, outputs=2, alpha=1.0, beta=0.0, lambda1=1.0, lambda2=0.0)

    assert weights.tolist() == [0, 0, pytest.approx(-2 / 3)]
    assert state.tolist() == [[0.25, 0.5], [0.25, -0.5], [9, 3]]


def test_ftrl_takes_any_rank_and_keeps_n_and_z_side_by_side() -> None:
    p, g = numbers((2, 3), 1), numbers((2, 3), 2)
    n, z = numbers((2, 3), 3, 0.0), numbers((2, 3), 4)
    arguments: dict[str, Any] = {"alpha": 0.5, "beta": 0.25, "lambda1": 0.25, "lambda2": 0.125}

    weights, state = call("Ftrl", p, np.stack([n, z], -1), g, outputs=2, **arguments)

    assert_close([weights, state[..., 0], state[..., 1]], each(ftrl, p, n, z, g, **arguments))


@pytest.mark.parametrize("kind", ["Ftrl", "GFtrl"])
def test_alpha_as_an_input_wins(kind: str) -> None:
    p, nz, g = numbers((2, 2), 1), numbers((2, 2, 2), 2, 0.0), numbers((2, 2), 3)

    given = call(kind, p, nz, g, f32(0.25), outputs=2, alpha=7.0)

    assert_close(given, call(kind, p, nz, g, outputs=2, alpha=0.25))


def test_a_column_becomes_0_as_a_whole() -> None:
    p, nz = np.zeros((2, 2), np.float32), np.zeros((2, 2, 2), np.float32)
    g = f32([0.9, 3], [0.9, 4])

    weights, _ = call("GFtrl", p, nz, g, outputs=2, alpha=1.0, beta=0.0, lambda1=1.0, lambda2=0.0)

    shrunk = math.sqrt(2) / 5 - 1
    assert_close([weights], [f32([0, shrunk], [0, shrunk])])


def test_a_column_of_zeros_stays_without_a_limit() -> None:
    p, nz = np.zeros((2, 2), np.float32), np.zeros((2, 2, 2), np.float32)

    weights, _ = call("GFtrl", p, nz, p, outputs=2, lambda1=0.0)

    assert not weights.any()


# --- one rate for all parameters, and rescaling -----------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [2, 3, 4])
def test_the_rate_of_wngrad_falls_as_gradients_come(outputs: int) -> None:
    p, g = f32([1, 2], [3, 4]), f32([1, -1], [2, 0])

    got = call("Wngrad", p, f32(1.5), g, f32(1), outputs=outputs, epsilon=0.5)

    assert_close(got, [p + g / 2, f32(1.5 + 6 / 2), f32(0.5), g / 2][:outputs])


def test_storm_takes_the_gradient_of_now_for_that_of_before() -> None:
    p, m, g = numbers(4, 1), numbers(4, 2), numbers(4, 3)
    total = 0.5 + sum(float(one) ** 2 for one in g)
    rate = -0.25 * (0.25 + total) ** (-1 / 3)
    moment = g + (1 - 2 * rate**2) * (m - g)

    got = call("Storm", p, m, f32(0.5), g, f32(-0.25), outputs=3, momentum=2.0, beta=0.25)

    assert_close(got, [p + np.float32(rate) * moment, moment, f32(total)])


@pytest.mark.parametrize(("most", "least", "expected"), [(10, 0.0, 0.25), (0.125, 0.0, 0.125), (10, 0.5, 0.5)])
def test_the_rate_of_lars_stays_within_its_limits(most: float, least: float, expected: float) -> None:
    x, dx = f32(3, 4), f32(6, 8)

    rate = call("Lars", x, dx, f32(1), f32(1), f32(most), offset=1.0, lr_min=least)

    assert_close([rate], [f32(expected)])


def test_the_rate_falls_if_the_gradient_points_the_same_way_as_before_and_rises_if_not() -> None:
    lr, g = f32(0.5), f32(3, 4)

    assert_close([call("LearningRateAdaption", lr, g, 2 * g, lr_alpha=0.5)], [f32(0.25)])
    assert_close([call("LearningRateAdaption", lr, g, -g, lr_alpha=0.5)], [f32(0.75)])
    assert_close([call("LearningRateAdaption", lr, g, f32(4, -3), lr_alpha=0.5)], [lr])


def test_a_gradient_of_zeros_leaves_the_rate() -> None:
    assert_close([call("LearningRateAdaption", f32(0.5), f32(0, 0), f32(1, 1))], [f32(0.5)])


def test_a_norm_at_the_threshold_is_not_clipped() -> None:
    assert call("ClipTensorByScaling", f32(3, 4), f32(5), threshold=5.0).tolist() == [3, 4]


def test_the_threshold_is_multiplied_by_the_additional_one() -> None:
    assert_close([call("ClipTensorByScaling", f32(3, 4), f32(5), f32(0.5), threshold=2.0)], [f32(0.6, 0.8)])


def test_tensors_are_clipped_by_a_threshold_above_0_only() -> None:
    with pytest.raises(ArgumentError, match="ClipTensorByScaling: argument 'threshold' must be above 0, got 0"):
        call("ClipTensorByScaling", f32(3, 4), f32(5), threshold=0.0)


# --- all of them ------------------------------------------------------------------------------------------------------

LR, T = f32(-0.125), np.array([2])

CALLS: dict[str, tuple[Callable[[tuple[int, ...]], list[Any]], int]] = {
    "MomentumSGD": (lambda shape: [*positive(shape, 2), LR], 2),
    "MomentumSGDUpdate": (lambda shape: [*positive(shape, 2), LR, *positive(shape, 1)], 3),
    "Adagrad": (lambda shape: [*positive(shape, 3), LR], 4),
    "Adam": (lambda shape: [*positive(shape, 4), LR, T], 4),
    "RmsProp": (lambda shape: [*positive(shape, 3), LR], 3),
    "Adadelta": (lambda shape: [*positive(shape, 4), LR], 3),
    "Ftrl": (lambda shape: [*positive(shape, 1), positive((*shape, 2), 1)[0], *positive(shape, 1)], 2),
}
"""Optimisers that treat every element alike: their inputs for a shape, and how many outputs they have."""


def positive(shape: tuple[int, ...], count: int) -> list[Array]:
    return [numbers(shape, seed, 0.0) for seed in range(count)]


@pytest.mark.parametrize("kind", CALLS)
def test_big_parameters_are_updated_as_small_ones(kind: str) -> None:
    inputs, outputs = CALLS[kind]
    size = 150_001
    big = inputs((size,))

    whole = call(kind, *big, outputs=outputs)

    for begin in (0, 65_530, size - 10):
        part = [x[begin : begin + 10] if len(x) == size else x for x in big]
        for got, expected in zip(whole, call(kind, *part, outputs=outputs), strict=True):
            assert got[begin : begin + 10].tolist() == expected.tolist()


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 3, 2)], ids=str)
@pytest.mark.parametrize("kind", CALLS)
def test_every_shape_is_kept(kind: str, shape: tuple[int, ...]) -> None:
    inputs, outputs = CALLS[kind]
    made = inputs(shape)

    results = call(kind, *made, outputs=outputs)

    assert {result.dtype for result in results} == {np.dtype(np.float32)}
    assert {result.shape for result in results} <= {x.shape for x in made}
    assert results[0].shape == shape


def net_in_place(kind: str, inputs: Sequence[str], outputs: int) -> Net:
    """A net with one optimiser that writes over all that it may."""
    declared = declaration(kind)
    slots, made = slot_names(declared.inputs, len(inputs)), slot_names(declared.outputs, outputs)
    assert not isinstance(declared.in_place, str)
    sources = {result: inputs[slots.index(given)] for given, result in declared.in_place}
    net = Net("optimise")
    getattr(net, kind)(list(inputs), [sources.get(name, name) for name in made])
    return net


@pytest.mark.parametrize("kind", CALLS)
def test_parameters_and_moments_keep_their_arrays_from_step_to_step(kind: str) -> None:
    inputs, outputs = CALLS[kind]
    made = inputs((5000,))
    names = [f"in{i}" for i in range(len(made))]
    workspace = Workspace()
    for name, value in zip(names, made, strict=True):
        workspace.feed_blob(name, value)
    kept = workspace.create_net(net_in_place(kind, names, outputs))
    kept.run()
    before = [workspace.cell(name).value for name in names]

    kept.run()

    assert all(workspace.cell(name).value is value for name, value in zip(names, before, strict=True))
    assert all((x == y).all() for x, y in zip(made, inputs((5000,)), strict=True))


@pytest.mark.parametrize("kind", CALLS)
def test_one_blob_may_be_the_parameter_and_all_else(kind: str) -> None:
    inputs, outputs = CALLS[kind]
    made = inputs((5000,))
    names = [f"in{i}" if np.shape(x) != (5000,) else "same" for i, x in enumerate(made)]
    same = [x if np.shape(x) != (5000,) else made[0] for x in made]
    workspace = Workspace()
    for name, value in zip(names, same, strict=True):
        workspace.feed_blob(name, value)
    results = ["same", *(f"out{i}" for i in range(1, outputs))]
    net = Net("optimise")
    getattr(net, kind)(names, results)

    workspace.run(net)

    assert_close([workspace.fetch_blob(name) for name in results], call(kind, *same, outputs=outputs))


@pytest.mark.parametrize("kind", CALLS)
def test_double_precision_is_refused(kind: str) -> None:
    inputs, outputs = CALLS[kind]
    first, *rest = inputs((3,))

    with pytest.raises(DtypeError, match=f"^{kind}: .* has dtype float64, expected float32"):
        call(kind, first.astype(np.float64), *rest, outputs=outputs)


@pytest.mark.parametrize("kind", CALLS)
def test_moments_of_another_shape_are_refused(kind: str) -> None:
    inputs, outputs = CALLS[kind]
    first, second, *rest = inputs((3,))

    with pytest.raises(ShapeError, match=f"^{kind}: .* has shape "):
        call(kind, first, second[:-1], *rest, outputs=outputs)


@pytest.mark.parametrize("kind", sorted(CALLS.keys() - {"Ftrl"}))
def test_a_rate_is_one_number(kind: str) -> None:
    inputs, outputs = CALLS[kind]
    made = [f32(1, 1) if x is LR else x for x in inputs((2,))]

    with pytest.raises(ShapeError, match=rf"^{kind}: lr has shape \(2,\), expected one element"):
        call(kind, *made, outputs=outputs)


def test_n_and_z_are_two_numbers_for_each_parameter() -> None:
    with pytest.raises(ShapeError, match=r"Ftrl: n_z has shape \(2,\), var has shape \(2,\); expected \(2, 2\)"):
        call("Ftrl", f32(1, 2), f32(1, 2), f32(1, 2), outputs=2)


def test_groups_are_the_columns_of_matrices() -> None:
    with pytest.raises(ShapeError, match=r"GFtrl: var has shape \(2,\), expected rank 2"):
        call("GFtrl", f32(1, 2), f32([0, 0], [0, 0]), f32(1, 2), outputs=2)


@pytest.mark.parametrize("decay", [0.0, -0.5, 1.5, math.nan])
def test_adadelta_needs_a_decay_that_is_a_share(decay: float) -> None:
    with pytest.raises(ArgumentError, match="Adadelta: argument 'decay' must be above 0 and at most 1"):
        call("Adadelta", *positive((1,), 4), LR, outputs=3, decay=decay)


def array(data: Any) -> Any:
    return np.array(data, np.float32)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_rates_by_norms_hold_for_gradients_of_any_size(size: float) -> None:
    x, dx = array([3 * size, 4 * size]), array([6 * size, 8 * size])

    assert call("Lars", x, dx, array([0]), array([1]), array([9]), offset=0.5).tolist() == pytest.approx([0.4])
    assert call("LearningRateAdaption", array([1]), x, dx, lr_alpha=0.5).tolist() == pytest.approx([0.5])


def test_factors_that_would_turn_or_stop_what_they_scale_are_refused() -> None:
    with pytest.raises(OperatorError, match=r"ClipTensorByScaling: additional_threshold is -1\.0"):
        call("ClipTensorByScaling", array([4]), array([4]), array([-1]), threshold=1.0)
    for kind, p, nz in (("Ftrl", array([1]), array([[1, 1]])), ("GFtrl", array([[1]]), array([[[1, 1]]]))):
        with pytest.raises(OperatorError, match=rf"{kind}: alpha is 0\.0"):
            call(kind, p, nz, p, array([0]), outputs=2)


def test_a_sparse_rate_for_all_refuses_an_index_that_names_no_row() -> None:
    with pytest.raises(OperatorError, match="SparseWngrad: index 2 is out of range for 2 rows"):
        call("SparseWngrad", array([1, 2]), array([1]), np.array([2]), array([1]), array([1]), outputs=2)


def test_momentum_under_new_names_leaves_its_inputs() -> None:
    g, m, p = array([0.5]), array([0.25]), array([1])

    together = call_in_place("MomentumSGDUpdate", [held(x) for x in (g, m, array([0.5]), p)], {0: 0, 1: 1, 2: 3}, 3, {})
    apart = call("MomentumSGDUpdate", g, m, array([0.5]), p, outputs=3)

    assert [x.tolist() for x in apart] == [x.tolist() for x in together]
    assert (g.tolist(), m.tolist(), p.tolist()) == ([0.5], [0.25], [1])
