"""Sparse updates with repeated indices, against plain loops in double precision; rounds; what a refusal leaves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call
from tests.operators.fake_run import f32, i32

from taskplan.errors import ArgumentError, OperatorError, ShapeError
from taskplan.operators.registry import declaration
from taskplan.operators.sparse_optimisers import rounds

few = settings(max_examples=20)
SEEDS = st.integers(0, 10_000)
INDICES = st.lists(st.integers(0, 3), max_size=7)
RATE = -0.1


def drawn(seed: int, indices: list[int]) -> tuple[Any, ...]:
    """A parameter and a moment, a positive moment, one number a row, indices, and their gradients."""
    rng = np.random.default_rng(seed)
    p, m = rng.standard_normal((2, 4, 3)).astype(np.float32)
    v = (rng.random((4, 3)) + 0.1).astype(np.float32)
    g = rng.standard_normal((len(indices), 3)).astype(np.float32)
    return p, m, v, v[:, 0].copy(), np.array(indices, np.int64), g


def doubles(*arrays: Any) -> list[Any]:
    return [each.astype(np.float64) for each in arrays]


def close(results: list[Any], expected: list[Any]) -> None:
    for got, wanted in zip(results, expected, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@given(seed=SEEDS, indices=INDICES)
@few
def test_the_moment_of_a_row_grows_by_the_mean_of_the_squared_gradient(seed: int, indices: list[int]) -> None:
    p, _, _, row, at, g = drawn(seed, indices)
    results = call("RowWiseSparseAdagrad", p, row, at, g, f32([RATE]), outputs=2, epsilon=0.01)

    p, row, g = doubles(p, row, g)
    for index, gradient in zip(indices, g, strict=True):
        row[index] += (gradient**2).mean()
        p[index] += RATE / (math.sqrt(row[index]) + 0.01) * gradient
    close(results, [p, row])


@given(seed=SEEDS, indices=INDICES, by_row=st.booleans())
@few
def test_each_index_takes_a_step_of_adam_and_tells_it(seed: int, indices: list[int], by_row: bool) -> None:
    p, m, v, row, at, g = drawn(seed, indices)
    second = row if by_row else v
    kind = "RowWiseSparseAdam" if by_row else "SparseAdam"
    given_arguments: dict[str, Any] = {"beta1": 0.8, "beta2": 0.9, "epsilon": 0.01}
    results = call(kind, p, m, second, at, g, f32([RATE]), np.array([3]), outputs=4, **given_arguments)

    p, m, second, g = doubles(p, m, second, g)
    steps = np.zeros_like(g)
    for place, (index, gradient) in enumerate(zip(indices, g, strict=True)):
        squares = gradient**2
        m[index] = 0.8 * m[index] + 0.2 * gradient
        second[index] = 0.9 * second[index] + 0.1 * (squares.mean() if by_row else squares)
        steps[place] = math.sqrt(1 - 0.9**4) / (1 - 0.8**4) * m[index] / (np.sqrt(second[index]) + 0.01)
        p[index] += RATE * steps[place]
    close(results, [p, m, second, steps])


@given(seed=SEEDS, indices=INDICES, nesterov=st.booleans())
@few
def test_each_index_takes_a_step_with_momentum_and_tells_it(seed: int, indices: list[int], nesterov: bool) -> None:
    p, m, _, _, at, g = drawn(seed, indices)
    results = call("SparseMomentumSGDUpdate", g, m, f32([0.1]), p, at, outputs=3, momentum=0.9, nesterov=nesterov)

    p, m, g = doubles(p, m, g)
    for place, index in enumerate(indices):
        before = m[index].copy()
        m[index] = 0.9 * before + 0.1 * g[place]
        g[place] = 1.9 * m[index] - 0.9 * before if nesterov else m[index]
        p[index] -= g[place]
    close(results, [g, m, p])


@given(seed=SEEDS, indices=INDICES)
@few
def test_all_rows_of_wngrad_use_the_rate_from_before(seed: int, indices: list[int]) -> None:
    p, _, _, _, at, g = drawn(seed, indices)
    results = call("SparseWngrad", p, f32([0.5]), at, g, f32([RATE]), outputs=2, epsilon=0.1)

    p, g = doubles(p, g)
    for index, gradient in zip(indices, g, strict=True):
        p[index] += RATE / 0.6 * gradient
    close(results, [p, np.array([0.5 + (g**2).sum() / 0.5])])


@given(seed=SEEDS, indices=INDICES)
@few
def test_all_rows_of_storm_use_the_rate_of_the_whole_gradient(seed: int, indices: list[int]) -> None:
    p, m, _, _, at, g = drawn(seed, indices)
    results = call("SparseStorm", p, m, f32([0.5]), g, at, f32([RATE]), outputs=3, momentum=2.0)

    p, m, g = doubles(p, m, g)
    total = 0.5 + (g**2).sum()
    rate = RATE * (0.1 + total) ** (-1 / 3)
    for index, gradient in zip(indices, g, strict=True):
        m[index] = gradient + (1 - 2 * rate**2) * (m[index] - gradient)
        p[index] += rate * m[index]
    close(results, [p, m, np.array([total])])


@given(indices=st.lists(st.integers(0, 5), max_size=20))
@few
def test_rounds_name_each_row_once_and_keep_the_order_of_its_mentions(indices: list[int]) -> None:
    flat = np.array(indices, np.int32)
    seen: dict[int, list[int]] = {}
    for rows, places in rounds(flat):
        assert len(set(rows.tolist())) == len(rows)
        for row, place in zip(rows.tolist(), np.arange(len(flat))[places].tolist(), strict=True):
            seen.setdefault(row, []).append(place)

    assert seen == {row: [k for k, each in enumerate(indices) if each == row] for row in set(indices)}


def test_indices_without_repeats_are_one_round() -> None:
    assert len(list(rounds(np.random.default_rng(1).permutation(1000)))) == 1


@pytest.mark.parametrize("kind", ["SparseAdagrad", "RowWiseSparseAdagrad"])
@pytest.mark.parametrize("index", [[0, 4], [-1, 0]])
def test_an_index_that_is_refused_leaves_all_rows_as_they_were(kind: str, index: list[int]) -> None:
    p, _, v, row, at, g = drawn(1, index)
    moment = row if kind.startswith("RowWise") else v
    before = p.tobytes(), moment.tobytes()

    with pytest.raises(OperatorError, match="is out of range for 4 rows"):
        declaration(kind).body(p, moment, at, g, f32([RATE]))

    assert (p.tobytes(), moment.tobytes()) == before


def test_the_blob_is_written_where_it_is() -> None:
    p, _, v, _, at, g = drawn(1, [2, 2])
    start = p.copy()

    made = declaration("SparseAdagrad").body(p, v, at, g, f32([RATE]))

    assert made[0] is p
    assert made[1] is v
    assert (p[2] != start[2]).all()


def test_an_index_of_rank_0_names_one_row() -> None:
    p, _, v, _, at, g = drawn(1, [2])

    alone = call("SparseAdagrad", p, v, at[0], g[0], f32([RATE]), outputs=2)

    for got, expected in zip(alone, call("SparseAdagrad", p, v, at, g, f32([RATE]), outputs=2), strict=True):
        assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", ["RowWiseSparseAdagrad", "RowWiseSparseAdam"])
def test_a_moment_by_row_has_one_number_for_each_row(kind: str) -> None:
    p, m, v, _, at, g = drawn(1, [2])
    moments = [v] if kind == "RowWiseSparseAdagrad" else [m, v]
    rest = [f32([RATE])] if kind == "RowWiseSparseAdagrad" else [f32([RATE]), np.array([0])]

    with pytest.raises(ShapeError, match=r"has shape \(4, 3\), expected \(4,\), one number for each row of param"):
        call(kind, p, *moments, at, g, *rest, outputs=len(moments) + 1)


@given(seed=SEEDS, indices=INDICES)
@few
def test_elements_shrink_toward_0_once_for_each_mention(seed: int, indices: list[int]) -> None:
    p, _, _, _, at, _ = drawn(seed, indices)
    got = call("SparseLpRegularizer", p, at, p=1.0, reg_lambda=0.3)

    (expected,) = doubles(p)
    for index in indices:
        expected[index] = np.sign(expected[index]) * np.maximum(abs(expected[index]) - 0.3, 0)
    close([got], [expected])


def test_rows_of_any_length_are_normalised_and_none_is_lost() -> None:
    rows = f32([[3e25, 4e25], [3e-30, 4e-30]])

    scaled = call("SparseNormalize", rows, i32([0, 1]), use_max_norm=False)

    np.testing.assert_allclose(scaled, [[0.6, 0.8], [0.6, 0.8]], rtol=1e-6)
    with pytest.raises(ArgumentError, match="'norm' must be above 0"):
        call("SparseNormalize", rows, i32([0]), norm=-1.0)


def test_rows_of_no_width_have_a_mean_of_0() -> None:
    nothing = np.zeros((2, 0), np.float32)

    _, moment = call("RowWiseSparseAdagrad", nothing, f32([1, 2]), i32([1]), nothing[:1], f32([1]), outputs=2)

    assert moment.tolist() == [1, 2]
