"""Losses and metrics against plain loops, at their limits, and where they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from tests.operators.calling import call
from tests.operators.fake_run import f32, i32

from taskplan.errors import ArgumentError, DtypeError, OperatorError, ShapeError

few = settings(max_examples=30)
SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4))
ORDINARY = st.floats(-8, 8, width=32)
EXTREME = st.sampled_from([0.0, 1.0, -1.0, 88.0, -104.0, 1e4, -1e4, float(np.finfo("f").max), float(np.finfo("f").min)])
SHARES = st.floats(0, 1, width=32)
LEAST = 1e-20


def drawn(data: Any, shape: Any, elements: Any) -> Any:
    return data.draw(npst.arrays(np.float32, shape, elements=elements))


def labels_for(data: Any, shape: tuple[int, int]) -> Any:
    return i32(data.draw(st.lists(st.integers(0, shape[1] - 1), min_size=shape[0], max_size=shape[0])))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def softmax_by_hand(row: Any) -> list[float]:
    top = max(float(x) for x in row)
    powers = [math.exp(float(x) - top) for x in row]
    return [power / sum(powers) for power in powers]


def log(p: float) -> float:
    return math.log(max(p, LEAST))


# --- over classes -----------------------------------------------------------------------------------------------------


@few
@given(st.data(), SHAPES, st.booleans(), st.booleans(), st.sampled_from([ORDINARY, EXTREME]))
def test_softmax_with_loss_is_the_weighted_mean_of_the_logarithms(
    data: Any, shape: Any, is_weighted: bool, by_size: bool, elements: Any
) -> None:
    x, labels = drawn(data, shape, elements), labels_for(data, shape)
    weights = drawn(data, shape[0], st.floats(0.5, 2, width=32)) if is_weighted else np.ones(shape[0], "f")
    inputs = [x, labels, weights] if is_weighted else [x, labels]

    softmax, loss, losses = call("SoftmaxWithLoss", *inputs, outputs=3, scale=3.0, average_by_batch_size=by_size)

    by_hand = [softmax_by_hand(row) for row in x]
    expected = [-w * log(row[label]) for row, label, w in zip(by_hand, labels, weights.tolist(), strict=True)]
    np.testing.assert_allclose(softmax, by_hand, rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)
    divisor = shape[0] if by_size else float(weights.sum())
    assert loss == pytest.approx(3 * sum(expected) / divisor, rel=1e-5, abs=1e-6)


@few
@given(st.data(), SHAPES, st.sampled_from([ORDINARY, EXTREME]))
def test_softmax_with_loss_takes_distributions_as_labels(data: Any, shape: Any, elements: Any) -> None:
    x, t = drawn(data, shape, elements), drawn(data, shape, SHARES)

    softmax, loss = call("SoftmaxWithLoss", x, t, outputs=2, label_prob=True)

    by_hand = [softmax_by_hand(row) for row in x]
    expected = [
        -sum(share * log(p) for share, p in zip(row.tolist(), ps, strict=True))
        for row, ps in zip(t, by_hand, strict=True)
    ]
    assert np.isfinite(softmax).all()
    assert loss == pytest.approx(sum(expected) / shape[0], rel=1e-5, abs=1e-6)


def test_logits_are_split_into_rows_at_the_axis() -> None:
    x = np.random.default_rng(1).standard_normal((2, 3, 4), np.float32)
    labels = i32([[0, 1, 2], [3, 2, 1]])

    softmax, loss = call("SoftmaxWithLoss", x, labels, outputs=2, axis=2)

    rows, flat_loss = call("SoftmaxWithLoss", x.reshape(6, 4), labels.reshape(6), outputs=2)
    assert softmax.tolist() == rows.reshape(2, 3, 4).tolist()
    assert loss == flat_loss
    assert call("SoftmaxWithLoss", x, labels[..., np.newaxis], outputs=2, axis=-1)[1] == loss


def test_the_loss_over_no_rows_or_no_weight_is_0() -> None:
    assert call("SoftmaxWithLoss", np.zeros((0, 3), "f"), i32([]), outputs=2)[1] == 0
    assert call("SoftmaxWithLoss", f32([[1, 2]]), i32([0]), f32([0]), outputs=2)[1] == 0


@pytest.mark.parametrize("label", [-1, 2])
@pytest.mark.parametrize("kind", ["SoftmaxWithLoss", "LabelCrossEntropy", "Accuracy", "MultiClassAccuracy"])
def test_a_label_that_is_no_class_is_refused(kind: str, label: int) -> None:
    outputs = 2 if kind in ("SoftmaxWithLoss", "MultiClassAccuracy") else 1

    with pytest.raises(OperatorError, match=f"^{kind}: labels? holds {label}, expected labels from 0 to below 2"):
        call(kind, f32([[0.5, 0.5], [1, 0]]), i32([1, label]), outputs=outputs)


def test_weights_and_distributions_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"weight_tensor has shape \(2,\), expected \(1,\) or \(1, 1\)"):
        call("SoftmaxWithLoss", f32([[1, 2]]), i32([0]), f32([1, 1]), outputs=2)
    with pytest.raises(ShapeError, match=r"labels has shape \(1,\), logits has shape \(1, 2\)"):
        call("SoftmaxWithLoss", f32([[1, 2]]), f32([0]), outputs=2, label_prob=True)
    with pytest.raises(DtypeError, match="labels has dtype int32, expected float32"):
        call("SoftmaxWithLoss", f32([[1, 2]]), i32([[0, 1]]), outputs=2, label_prob=True)


@few
@given(st.data(), SHAPES)
def test_cross_entropies_are_sums_of_logarithms(data: Any, shape: Any) -> None:
    p, t, labels = drawn(data, shape, SHARES), drawn(data, shape, SHARES), labels_for(data, shape)

    by_distribution = call("CrossEntropy", p, t)
    by_label = call("LabelCrossEntropy", p, labels)

    expected = [
        -sum(b * log(a) for a, b in zip(*rows, strict=True)) for rows in zip(p.tolist(), t.tolist(), strict=True)
    ]
    np.testing.assert_allclose(by_distribution, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(by_label, [-log(p[k, label]) for k, label in enumerate(labels)], rtol=1e-5, atol=1e-6)


def test_certainty_costs_0_and_not_minus_0() -> None:
    certain = f32([[0, 1]])
    found = [
        call("SoftmaxWithLoss", f32([[0, 999]]), i32([1]), outputs=2)[1],
        call("SoftmaxWithLoss", f32([[0, 999]]), certain, outputs=2, label_prob=True)[1],
        call("LabelCrossEntropy", certain, i32([1]))[0],
        call("CrossEntropy", certain, certain)[0],
    ]

    assert list(map(str, found)) == ["0.0"] * 4


def test_a_vector_of_probabilities_is_one_row() -> None:
    assert call("LabelCrossEntropy", f32([0.5, 0.25]), i32([0])) == pytest.approx([math.log(2)])
    assert call("CrossEntropy", f32([0.5, 0.25]), f32([[0, 0.5]])) == pytest.approx([math.log(2)])


@pytest.mark.parametrize(("p", "expected"), [([], 1), ([0, 1], math.inf), ([0.25] * 1000, 4), ([1e-30] * 5, 1e30)])
def test_perplexity_is_a_geometric_mean(p: list[float], expected: float) -> None:
    """Products of many small numbers are never formed."""
    assert call("Perplexity", f32(p)) == pytest.approx(expected)


# --- over pairs of yes and no -----------------------------------------------------------------------------------------


def plain_form(x: float, t: float) -> float:
    return -(t * math.log(sigmoid(x)) + (1 - t) * math.log(sigmoid(-x)))


def log_d_form(x: float, t: float) -> float:
    return -(2 * t - 1) * math.log(sigmoid(x))


def unjoined_form(x: float, t: float) -> float:
    return -(t * x + (t - 1) * max(x, 0) - (1 - t) * math.log(1 + math.exp(-abs(x))))


@pytest.mark.parametrize(
    ("arguments", "form"),
    [({}, plain_form), ({"log_D_trick": True}, log_d_form), ({"unjoined_lr_loss": True}, unjoined_form)],
)
@given(st.data(), SHAPES)
@few
def test_sigmoid_cross_entropy_is_a_mean_over_the_last_axis(arguments: Any, form: Any, data: Any, shape: Any) -> None:
    x, t = drawn(data, shape, ORDINARY), drawn(data, shape, SHARES)

    got = call("SigmoidCrossEntropyWithLogits", x, t, **arguments)

    expected = [
        np.mean([form(a, b) for a, b in zip(*rows, strict=True)]) for rows in zip(x.tolist(), t.tolist(), strict=True)
    ]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-6)


@few
@given(st.data(), SHAPES)
def test_weights_multiply_each_element(data: Any, shape: Any) -> None:
    x, t, w = drawn(data, shape, ORDINARY), drawn(data, shape, SHARES), drawn(data, shape, SHARES)

    got = call("WeightedSigmoidCrossEntropyWithLogits", x, t, w)

    forms = np.vectorize(plain_form, otypes=[float])(x.astype(float), t.astype(float))
    np.testing.assert_allclose(got, (forms * w).mean(1), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("arguments", [{}, {"log_D_trick": True}, {"unjoined_lr_loss": True}])
@given(st.lists(st.tuples(EXTREME, st.sampled_from([0.0, 1.0])), min_size=1, max_size=1))
@few
def test_sigmoid_cross_entropy_of_extreme_logits_is_finite(arguments: Any, pairs: Any) -> None:
    x, t = f32(pairs).T

    assert np.isfinite(call("SigmoidCrossEntropyWithLogits", x, t, **arguments))


def test_a_small_loss_keeps_its_digits() -> None:
    got = call("SigmoidCrossEntropyWithLogits", f32([12]), f32([1]))

    assert got == pytest.approx(math.log1p(math.exp(-12)), rel=1e-6)


def test_the_mean_over_an_empty_axis_is_0() -> None:
    nothing = np.zeros((2, 0), "f")

    assert call("SigmoidCrossEntropyWithLogits", nothing, nothing).tolist() == [0, 0]
    assert call("WeightedSigmoidCrossEntropyWithLogits", nothing, nothing, nothing).tolist() == [0, 0]


def test_two_forms_at_once_are_refused_when_the_instance_is_made() -> None:
    with pytest.raises(ArgumentError, match="'log_D_trick' cannot be set together with 'unjoined_lr_loss'"):
        call("SigmoidCrossEntropyWithLogits", f32([1]), f32([1]), log_D_trick=True, unjoined_lr_loss=True)


def test_two_classes_of_one_probability() -> None:
    assert call("MakeTwoClass", f32(0.25)).tolist() == [0.75, 0.25]


@few
@given(npst.arrays(np.float32, (2, 5), elements=SHARES))
def test_the_divergence_of_coins_is_symmetric_and_between_0_and_ln_2(pair: Any) -> None:
    def entropy(p: float) -> float:
        return -p * log(p) - (1 - p) * log(1 - p)

    one, other = pair

    got = call("BernoulliJSD", one, other)

    assert (got >= 0).all()
    assert (got <= math.log(2) + 1e-6).all()
    np.testing.assert_allclose(got, call("BernoulliJSD", other, one), atol=1e-6)
    expected = [
        entropy((t + x) / 2) - (entropy(t) + entropy(x)) / 2 for t, x in zip(one.tolist(), other.tolist(), strict=True)
    ]
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert not call("BernoulliJSD", one, one).any()


@few
@given(npst.arrays(np.float32, (2, 5), elements=ORDINARY), st.lists(st.sampled_from([-1, 1]), min_size=5, max_size=5))
def test_a_ranking_loses_what_is_missing_to_the_margin(pair: Any, y: Any) -> None:
    got = call("MarginRankingCriterion", *pair, i32(y), margin=2.0)

    expected = [max(0, -s * (a - b) + 2) for a, b, s in zip(*pair.tolist(), y, strict=True)]
    np.testing.assert_allclose(got, expected, atol=1e-5)


# --- metrics ----------------------------------------------------------------------------------------------------------

TIED = st.sampled_from([0.0, 0.5, 1.0])


@few
@given(st.data(), SHAPES, st.integers(1, 5))
def test_accuracy_counts_labels_among_the_best(data: Any, shape: Any, top_k: int) -> None:
    scores, labels = drawn(data, shape, TIED), labels_for(data, shape)

    got = call("Accuracy", scores, labels, top_k=top_k)

    right = 0
    for row, label in zip(scores.tolist(), labels, strict=True):
        best = sorted(range(len(row)), key=lambda place: (-row[place], place))
        right += label in best[:top_k]
    assert got == pytest.approx(right / shape[0])


@few
@given(st.data(), SHAPES)
def test_accuracy_by_class_counts_each_class_for_itself(data: Any, shape: Any) -> None:
    scores, labels = drawn(data, shape, TIED), labels_for(data, shape)

    accuracies, amounts = call("MultiClassAccuracy", scores, labels, outputs=2)

    for number in range(shape[1]):
        of_it = [row for row, label in zip(scores.tolist(), labels, strict=True) if label == number]
        right = sum(row.index(max(row)) == number for row in of_it)
        assert amounts[number] == len(of_it)
        assert accuracies[number] == pytest.approx(right / len(of_it) if of_it else 0)


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_a_score_of_nan_is_never_right(top_k: int) -> None:
    """In Caffe2 nothing is above nan, so a model that has diverged looks perfect."""
    assert call("Accuracy", f32([[0, np.nan, 1]]), i32([1]), top_k=top_k) == 0


def test_accuracies_without_rows_are_0() -> None:
    accuracies, amounts = call("MultiClassAccuracy", np.zeros((0, 2), "f"), i32([]), outputs=2)

    assert (accuracies.tolist(), amounts.tolist()) == ([0, 0], [0, 0])
    assert call("Accuracy", np.zeros((0, 0), "f"), i32([])) == 0


def test_fewer_labels_than_rows_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"labels has shape \(1,\), expected at least 2"):
        call("MultiClassAccuracy", np.zeros((2, 2), "f"), i32([0]), outputs=2)


def test_none_of_the_best_is_no_choice() -> None:
    with pytest.raises(ArgumentError, match="'top_k' must be at least 1, got 0"):
        call("Accuracy", f32([[1]]), i32([0]), top_k=0)
