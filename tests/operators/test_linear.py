"""Products, weighted sums, and distances between rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call
from tests.operators.fake_run import f32

from taskplan import Net, Workspace
from taskplan.errors import ArityError, ShapeError
from taskplan.operators.registry import declaration

few = settings(max_examples=30)


def some(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).standard_normal(shape, np.float32)


# --- products ---------------------------------------------------------------------------------------------------------


@given(sizes=st.lists(st.integers(0, 3), min_size=2, max_size=4), data=st.data(), outputs=st.integers(0, 3))
@few
def test_a_layer_is_a_sum_of_products(sizes: list[int], data: st.DataObject, outputs: int) -> None:
    axis = data.draw(st.integers(1, len(sizes) - 1))
    x = some(*sizes)
    w, b = some(outputs, *sizes[axis:], seed=1), some(outputs, seed=2)
    rows = x.reshape(math.prod(sizes[:axis]), math.prod(sizes[axis:]))
    weights = w.reshape(outputs, rows.shape[1])
    expected = [[math.fsum([*(u * v for u, v in zip(row, each, strict=True)), bias]) for each, bias in
                 zip(weights.tolist(), b.tolist(), strict=True)] for row in rows.tolist()]  # fmt: skip

    got = call("FC", x, w, b, axis=axis)
    transposed = call("FCTransposed", x, weights.T, b, axis=axis)

    assert got.shape == (*sizes[:axis], outputs)
    np.testing.assert_allclose(got, np.reshape(expected, got.shape), atol=1e-5)
    np.testing.assert_allclose(transposed, got, atol=1e-6)


def test_matrices_that_do_not_fit_are_shown() -> None:
    with pytest.raises(ShapeError, match=r"FC: the matrices have shapes \(2, 3\) and \(4, 1\)"):
        call("FC", some(2, 3), some(1, 4), some(1))
    with pytest.raises(ShapeError, match=r"FC: b has shape \(2,\), expected \(1,\), one element for each output of W"):
        call("FC", some(2, 3), some(1, 3), some(2))


@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize("trans_b", [False, True])
def test_batches_are_multiplied_one_by_one(trans_a: bool, trans_b: bool) -> None:
    a, b = some(4, 2, 3), some(4, 3, 5)

    got = call(
        "BatchMatMul",
        a.swapaxes(1, 2) if trans_a else a,
        b.swapaxes(1, 2) if trans_b else b,
        trans_a=trans_a,
        trans_b=trans_b,
    )

    np.testing.assert_allclose(got, [x @ y for x, y in zip(a, b, strict=True)], rtol=1e-5)


def test_batches_broadcast_if_they_are_told_to() -> None:
    a, b = some(4, 1, 2, 3), some(5, 3, 2)

    np.testing.assert_allclose(call("BatchMatMul", a, b, broadcast=True), a @ b, rtol=1e-5)
    np.testing.assert_allclose(call("BatchMatMul", a[:, 0], b[0, :, 0], broadcast=True), a[:, 0] @ b[0, :, 0])
    with pytest.raises(ShapeError, match="their batch axes differ, pass broadcast=True"):
        call("BatchMatMul", a, b)


# --- weighted sums ----------------------------------------------------------------------------------------------------


@given(weights=st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=4), shape=st.sampled_from([(), (1,), (2, 3)]))
@few
def test_a_weighted_sum_is_what_its_name_says(weights: list[float], shape: tuple[int, ...]) -> None:
    tensors = [some(*shape, seed=rank) for rank in range(len(weights))]
    pairs = [each for pair in zip(tensors, map(np.float32, weights), strict=True) for each in pair]

    got = call("WeightedSum", *pairs)

    np.testing.assert_allclose(got, sum(x * w for x, w in zip(tensors, weights, strict=True)), atol=1e-5)
    assert got.shape == shape


def test_a_weighted_sum_in_place_goes_on_in_the_same_array() -> None:
    workspace, net = Workspace(), Net("step")
    workspace.feed_blob("param", np.ones((1000, 16), np.float32))
    workspace.feed_blob("grad", np.full((1000, 16), 2, np.float32))
    workspace.feed_blob("one", f32([1]))
    workspace.feed_blob("rate", f32([-0.25]))
    net.WeightedSum(["param", "one", "grad", "rate"], "param")
    run = workspace.create_net(net).run

    run()
    first = workspace.cell("param").value
    run()

    assert workspace.cell("param").value is first
    assert (first == 0).all()


def test_a_weighted_sum_leaves_its_input_alone_if_it_has_another_output() -> None:
    x = f32([1, 2])

    assert call("WeightedSum", x, f32([3])).tolist() == [3, 6]
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize("kind", ["WeightedSum", "BooleanUnmask", "ScatterWeightedSum"])
def test_pairs_are_told_by_their_number(kind: str) -> None:
    counts = declaration(kind).input_counts

    assert counts is not None
    assert [count for count in range(12) if count in counts] == [*range(5 if kind[0] == "S" else 2, 12, 2)]


def test_a_tensor_without_a_weight_is_refused() -> None:
    with pytest.raises(ArityError, match=r"WeightedSum takes 2, 4, 6, \.\.\. inputs .*, got 3"):
        call("WeightedSum", f32([1]), f32([1]), f32([1]))


# --- between rows -----------------------------------------------------------------------------------------------------


@given(rows=st.integers(0, 4), width=st.integers(0, 5))
@few
def test_distances_are_those_of_each_row(rows: int, width: int) -> None:
    x, y = some(rows, width), some(rows, width, seed=1)
    pairs = list(zip(x.astype(float), y.astype(float), strict=True))
    norms = [max(math.dist(a, 0 * a) * math.dist(b, 0 * b), 1e-12) for a, b in pairs]

    expected = {
        "DotProduct": [sum(a * b) for a, b in pairs],
        "L1Distance": [sum(abs(a - b)) for a, b in pairs],
        "SquaredL2Distance": [math.dist(a, b) ** 2 / 2 for a, b in pairs],
        "CosineSimilarity": [sum(a * b) / norm for (a, b), norm in zip(pairs, norms, strict=True)],
    }
    for kind, values in expected.items():
        np.testing.assert_allclose(call(kind, x, y), values, rtol=1e-5, atol=1e-6)


def test_the_dot_product_of_long_rows_is_nearly_exact() -> None:
    x, y = some(2, 100_001), some(2, 100_001, seed=1)

    exact = (x.astype(float) * y).sum(1)

    np.testing.assert_allclose(call("DotProduct", x, y), exact, atol=1e-3)


@pytest.mark.parametrize("kind", ["DotProduct", "L1Distance", "SquaredL2Distance", "CosineSimilarity"])
def test_a_scalar_counts_as_one_row(kind: str) -> None:
    assert call(kind, np.float32(2), np.float32(3)).shape == (1,)


@given(wide=st.integers(0, 7), narrow=st.integers(0, 7), pad=st.sampled_from([0.0, 1.5]), replicate=st.booleans())
@few
def test_the_narrower_matrix_is_widened(wide: int, narrow: int, pad: float, replicate: bool) -> None:
    x, y = some(3, wide), some(3, narrow, seed=1)
    wider, other = (x, y) if wide >= narrow else (y, x)
    width, times = wider.shape[1], wider.shape[1] // max(other.shape[1], 1)
    tiled = np.tile(other, (1, times)) if replicate else other
    filled = np.pad(tiled, ((0, 0), (0, width - tiled.shape[1])), constant_values=0 if replicate else pad)

    got = call("DotProductWithPadding", x, y, pad_value=pad, replicate=replicate)

    np.testing.assert_allclose(got, (wider.astype(float) * filled).sum(1), rtol=1e-5, atol=1e-5)
