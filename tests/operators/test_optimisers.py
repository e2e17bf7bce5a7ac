"""Dense and sparse updates of parameters: against plain formulas in double precision, and against one another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call, call_in_place, held
from tests.operators.fake_run import f32, i32

from taskplan.errors import ArgumentError, ArityError, DtypeError, OperatorError, ShapeError

few = settings(max_examples=20)
SEEDS = st.integers(0, 10_000)
RATE = f32([-0.1])
STEP = np.array([3])


def drawn(seed: int, *shape: int, count: int = 4) -> list[Any]:
    """Arrays of normal numbers, and then as many of positive ones."""
    rng = np.random.default_rng(seed)
    signed = [rng.standard_normal(shape).astype(np.float32) for _ in range(count)]
    return [*signed, *(rng.random(shape).astype(np.float32) + np.float32(0.1) for _ in range(count))]


def close(got: Any, expected: Any) -> None:
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)


# --- formulas, in double precision ------------------------------------------------------------------------------------


@given(seed=SEEDS, nesterov=st.booleans())
@few
def test_momentum_follows_its_formula(seed: int, nesterov: bool) -> None:
    g, m, p, *_ = drawn(seed, 5)
    results = call("MomentumSGDUpdate", g, m, f32([0.1]), p, outputs=3, momentum=0.9, nesterov=nesterov)

    g64, m64 = g.astype(float), m.astype(float)
    after = 0.9 * m64 + 0.1 * g64
    step = 1.9 * after - 0.9 * m64 if nesterov else after
    for got, expected in zip(results, (step, after, p - step), strict=True):
        close(got, expected)


@given(seed=SEEDS, decay=st.sampled_from([1.0, 0.5]))
@few
def test_adagrad_follows_its_formula(seed: int, decay: float) -> None:
    p, g, _, _, m, *_ = drawn(seed, 5)
    results = call("Adagrad", p, m, g, RATE, outputs=4, decay=decay, epsilon=0.01)

    moment = decay * m.astype(float) + g.astype(float) ** 2
    rate = -0.1 / (np.sqrt(moment) + 0.01)
    for got, expected in zip(results, (p + rate * g, moment, rate, rate * g), strict=True):
        close(got, expected)


@given(seed=SEEDS)
@few
def test_adam_follows_its_formula(seed: int) -> None:
    p, m, g, _, v, *_ = drawn(seed, 5)
    results = call("Adam", p, m, v, g, RATE, STEP, outputs=4, beta1=0.8, beta2=0.9, epsilon=0.01)

    first = 0.8 * m.astype(float) + 0.2 * g
    second = 0.9 * v.astype(float) + 0.1 * g.astype(float) ** 2
    update = math.sqrt(1 - 0.9**4) / (1 - 0.8**4) * first / (np.sqrt(second) + 0.01)
    for got, expected in zip(results, (p - 0.1 * update, first, second, update), strict=True):
        close(got, expected)


@pytest.mark.parametrize("step", [0, 50])
def test_rectified_adam_follows_its_formula(step: int) -> None:
    p, m, g, _, v, *_ = drawn(1, 1, 5)
    results = call(
        "SparseAdam", p, m, v, i32([0]), g, RATE, np.array([step]), outputs=4, enableRAdam=True, epsilon=0.01
    )

    t, first = step + 1, 0.9 * m.astype(float) + 0.1 * g
    second = 0.999 * v.astype(float) + 0.001 * g.astype(float) ** 2
    bound = 2 / (1 - 0.999) - 1
    length = bound - 2 * t * 0.999**t / (1 - 0.999**t)
    update = first / (1 - 0.9**t)
    if length >= 5:
        share = (length - 4) * (length - 2) * bound / ((bound - 4) * (bound - 2) * length)
        update = math.sqrt(share) * update / (np.sqrt(second / (1 - 0.999**t)) + 0.01)
    assert (step == 0) == (length < 5)
    np.testing.assert_allclose(results[3], update, rtol=1e-3)


@given(seed=SEEDS)
@few
def test_a_group_of_one_row_is_ordinary_ftrl(seed: int) -> None:
    p, z, g, _, n, *_ = drawn(seed, 1, 5)
    nz = np.stack([n, z], -1)
    arguments: dict[str, Any] = {"alpha": 0.1, "lambda1": 0.5}

    grouped = call("GFtrl", p, nz, g, outputs=2, **arguments)
    ordinary = call("Ftrl", p, nz, g, outputs=2, **arguments)

    close(grouped[0], ordinary[0])
    close(grouped[1], ordinary[1])


def test_blocks_of_big_parameters_are_updated_as_a_whole() -> None:
    p, m, g, _, v, *_ = drawn(3, 300_001)

    whole = call("Adam", p, m, v, g, RATE, STEP, outputs=4)
    parts = [
        call("Adam", *(x[k : k + 100_000] for x in (p, m, v, g)), RATE, STEP, outputs=4)
        for k in range(0, 300_001, 100_000)
    ]

    for place, got in enumerate(whole):
        assert got.tolist() == np.concatenate([part[place] for part in parts]).tolist()


def test_parameters_may_be_of_any_layout_and_of_rank_0() -> None:
    p, m, g, _, v, *_ = drawn(4, 3, 4)
    turned = call_in_place("Adam", [held(x.T) for x in (p, m, v, g)] + [RATE, STEP], {0: 0, 1: 1, 2: 2}, 3, {})

    for got, expected in zip(turned, call("Adam", p, m, v, g, RATE, STEP, outputs=3), strict=True):
        assert got.tolist() == expected.T.tolist()
    assert isinstance(call("Adagrad", f32(1), f32(1), f32(1), RATE, outputs=2)[0], np.float32)


# --- sparse ones ------------------------------------------------------------------------------------------------------

SPARSE: dict[str, tuple[str, list[str]]] = {
    "SparseAdagrad": ("Adagrad", ["p", "v", "at", "g", "lr"]),
    "SparseAdam": ("Adam", ["p", "m", "v", "at", "g", "lr", "step"]),
    "SparseAdadelta": ("Adadelta", ["p", "v", "w", "at", "g", "lr"]),
    "SparseMomentumSGDUpdate": ("MomentumSGDUpdate", ["g", "m", "lr", "p", "at"]),
    "SparseFtrl": ("Ftrl", ["p", "nz", "at", "g"]),
    "SparseStorm": ("Storm", ["p", "m", "s", "g", "at", "lr"]),
}
OTHER_SPARSE: dict[str, list[str]] = {
    "RowWiseSparseAdagrad": ["p", "row", "at", "g", "lr"],
    "RowWiseSparseAdam": ["p", "m", "row", "at", "g", "lr", "step"],
    "SparseLpRegularizer": ["p", "at"],
    "SparseNormalize": ["p", "at"],
}
UPDATED = {"p", "m", "v", "w", "nz", "row"}
EVERY = {**{name: slots for name, (_, slots) in SPARSE.items()}, **OTHER_SPARSE}


def values(seed: int, rows: int, indices: list[int]) -> dict[str, Any]:
    p, m, *_, v, w = drawn(seed, rows, 3)
    g = drawn(seed + 1, len(indices), 3)[0]
    return {
        "p": p, "m": m, "v": v, "w": w, "row": v[:, 0].copy(), "nz": np.stack([v, m], -1),
        "g": g, "at": np.array(indices, np.int64), "lr": RATE, "step": STEP, "s": f32([0.5]),
    }  # fmt: skip


def updated(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the blobs hold after a call, by what they are."""
    slots = EVERY[kind]
    made = call(kind, *(given[slot] for slot in slots), outputs=outputs_of(kind))
    made = made if isinstance(made, list) else [made]
    kept = [
        slot for slot in slots if slot in UPDATED or (slot == "s") or (slot == "g" and kind.startswith("SparseMom"))
    ]
    order = ["g", "m", "p"] if kind == "SparseMomentumSGDUpdate" else kept
    return dict(zip(order, made, strict=True))


def outputs_of(kind: str) -> int:
    return {
        "SparseAdagrad": 2,
        "RowWiseSparseAdagrad": 2,
        "SparseFtrl": 2,
        "SparseLpRegularizer": 1,
        "SparseNormalize": 1,
    }.get(kind, 3)


@pytest.mark.parametrize("kind", SPARSE)
@given(seed=SEEDS)
@few
def test_a_sparse_update_of_all_rows_is_the_dense_one(kind: str, seed: int) -> None:
    dense, slots = SPARSE[kind]
    order = np.random.default_rng(seed).permutation(4).tolist()
    given_values = values(seed, 4, order)
    by_row = {**given_values, "g": given_values["g"][np.argsort(order)]}

    sparse = updated(kind, given_values)
    whole = call(dense, *(by_row[slot] for slot in slots if slot != "at"), outputs=outputs_of(kind))

    names = ["g", "m", "p"] if kind == "SparseMomentumSGDUpdate" else list(sparse)
    for name, expected in zip(names, whole, strict=True):
        got = sparse[name][np.argsort(order)] if name == "g" else sparse[name]
        close(got, expected)


@pytest.mark.parametrize("kind", [name for name in EVERY if name != "SparseStorm"])
@given(seed=SEEDS, indices=st.lists(st.integers(0, 3), min_size=1, max_size=7))
@few
def test_a_row_that_is_named_again_is_updated_again(kind: str, seed: int, indices: list[int]) -> None:
    given_values = values(seed, 4, indices)
    at_once = updated(kind, given_values)

    state = dict(given_values)
    for place, index in enumerate(indices):
        one = {**state, "g": given_values["g"][place : place + 1], "at": np.array([index])}
        state.update({name: value for name, value in updated(kind, one).items() if name != "g"})

    for name, got in at_once.items():
        if name != "g":
            close(got, state[name])


@pytest.mark.parametrize("kind", EVERY)
@given(seed=SEEDS)
@few
def test_rows_that_are_not_named_keep_their_bits(kind: str, seed: int) -> None:
    given_values = values(seed, 5, [1, 3, 1])

    for name, got in updated(kind, given_values).items():
        if name not in ("g", "s"):
            assert got[[0, 2, 4]].tobytes() == given_values[name][[0, 2, 4]].tobytes()


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("index", [-1, 4])
def test_an_index_that_names_no_row_is_refused(kind: str, index: int) -> None:
    with pytest.raises(OperatorError, match=f"{kind}: index {index} is out of range for 4 rows"):
        updated(kind, values(1, 4, [index]))


def test_a_gradient_has_a_row_for_each_index() -> None:
    with pytest.raises(ShapeError, match=r"grad has shape \(2, 3\), param has shape \(4, 3\); expected \(1, 3\)"):
        updated("SparseAdagrad", {**values(1, 4, [1]), "g": np.zeros((2, 3), np.float32)})


def test_one_rate_falls_for_all_parameters_as_gradients_come() -> None:
    p, b, rate, update = call("Wngrad", f32([1, 2]), f32([0.5]), f32([1, -1]), f32([1]), outputs=4, epsilon=0.0)

    assert (p.tolist(), b.tolist(), rate.tolist(), update.tolist()) == ([3, 0], [4.5], [2], [2, -2])


def test_a_layer_of_zeros_has_a_rate() -> None:
    rate = call("Lars", f32([0, 0]), f32([1, 1]), f32([0]), f32([1]), f32([9]), offset=1.0)

    assert rate.tolist() == [0.5]


def test_a_gradient_of_zeros_leaves_the_rate() -> None:
    assert call("LearningRateAdaption", f32([0.5]), f32([0, 0]), f32([1, 2])).tolist() == [0.5]


def test_a_threshold_may_be_multiplied() -> None:
    clip: dict[str, Any] = {"threshold": 1.0}

    assert call("ClipTensorByScaling", f32([4]), f32([4]), f32([2]), **clip).tolist() == [2]
    assert call("ClipTensorByScaling", f32([4]), f32([4]), f32([5]), **clip).tolist() == [4]
    with pytest.raises(ArgumentError, match="'threshold' must be above 0"):
        call("ClipTensorByScaling", f32([4]), f32([4]), threshold=0.0)


def test_used_rows_are_counted_and_fade() -> None:
    last, counts = call(
        "RowWiseCounter", np.array([0, 3]), np.array([0.0, 1.0]), i32([1, 1]), np.array([5]), outputs=2,
        counter_halflife=2,
    )  # fmt: skip

    assert last.tolist() == [0, 5]
    assert counts.tolist() == [0, 1 + 1.5 * 2**-0.5]


def test_rows_are_scaled_to_a_length() -> None:
    rows = f32([[3, 4], [0.3, 0.4], [0, 0]])

    close(call("SparseNormalize", rows, i32([0, 1, 2])), f32([[0.6, 0.8], [0.3, 0.4], [0, 0]]))
    close(call("SparseNormalize", rows, i32([0, 1, 2]), use_max_norm=False), f32([[0.6, 0.8], [0.6, 0.8], [0, 0]]))


def test_the_whole_parameter_or_the_rows_of_a_gradient_are_clipped() -> None:
    assert call("EnsureClipped", f32([-2, 2]), min=-1.0).tolist() == [-1, 2]
    with pytest.raises(ArityError, match="takes param alone, or with indices and grad"):
        call("EnsureClipped", f32([-2, 2]), i32([0]))
    with pytest.raises(ArgumentError, match=r"must be at most max=0\.0"):
        call("EnsureClipped", f32([1]), min=1.0, max=0.0)


@pytest.mark.parametrize(
    ("kind", "inputs", "error", "message"),
    [
        ("Adam", [f32([1])] * 5 + [f32([1])], DtypeError, "iter has dtype float32"),
        ("Adagrad", [f32([1]), f32([1, 2]), f32([1]), RATE], ShapeError, r"moment has shape \(2,\)"),
        ("Adagrad", [f32([1]), f32([1]), f32([1]), f32([1, 2])], ShapeError, "lr has shape"),
        ("Ftrl", [f32([1]), f32([1]), f32([1])], ShapeError, r"n_z has shape \(1,\)"),
    ],
)
def test_what_does_not_fit_is_named(kind: str, inputs: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"{kind}: {message}"):
        call(kind, *inputs, outputs=3 if kind == "Adam" else 2)


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ArgumentError, match="Adadelta: argument 'decay' must be above 0"):
        call("Adadelta", *[f32([1])] * 5, outputs=3, decay=0.0)
