"""Losses and metrics.

Probabilities below 1e-20 count as 1e-20 under logarithms, so no loss is infinite.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import Inferred, TensorSpec, always, like, product
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    F64,
    I32,
    INDICES,
    Tensor,
    argument_error,
    axis_within,
    refuse,
    require_alike,
    require_dtype,
    require_one_shape,
    require_rank,
    settled,
)
from taskplan.operators.registry import operator

_LEAST_PROBABILITY = np.float32(1e-20)
_MOST_LOSS = -np.log(_LEAST_PROBABILITY)
_ZERO, _ONE, _HALF = map(np.float32, (0, 1, 0.5))


def _f32(value: float) -> Tensor:
    """A result of rank 0."""
    return cast(Tensor, np.float32(value))


def _log(probabilities: Tensor) -> Tensor:
    kept: Tensor = np.maximum(probabilities, _LEAST_PROBABILITY)
    return np.log(kept, out=kept) if kept.ndim else np.log(kept)


def _require_labels(name: str, slot: str, labels: Tensor, classes: int) -> None:
    """Raise an error unless all labels are numbers of classes."""
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise refuse(name, f"{slot} holds {wrong}, expected labels from 0 to below {classes}, the number of classes")


def _require_shape(name: str, slot: str, x: Tensor, *allowed: tuple[int, ...]) -> None:
    if x.shape not in allowed:
        expected = " or ".join(map(str, dict.fromkeys(allowed)))
        msg = f"{name}: {slot} has shape {x.shape}, expected {expected}"
        raise ShapeError(msg, operator=name)


def _picked(rows: Tensor, labels: Tensor) -> Tensor:
    """The element of each row that its label names."""
    found: Tensor = rows[np.arange(len(rows)), labels]
    return found


# --- over classes ----------------------------------------------------------------------------------------------------


def _infer_softmax(logits: TensorSpec, *_: object, axis: int) -> Inferred:
    count = None if logits.shape is None else product(logits.shape[: axis % logits.rank])
    return TensorSpec(F32, logits.shape), TensorSpec(F32), TensorSpec(F32, (count,))


@operator(
    "SoftmaxWithLoss",
    inputs=("logits", "labels", "weight_tensor?"),
    outputs=("softmax", "loss", "losses?"),
    infer=_infer_softmax,
)
def softmax_with_loss(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor | None = None,
    *,
    axis: int = 1,
    scale: float = 1.0,
    label_prob: bool = False,
    average_by_batch_size: bool = False,
    order: str = "NCHW",  # noqa: ARG001 - programs pass it, and it changes nothing
) -> tuple[Tensor, Tensor, Tensor]:
    """The softmax of each row of logits, and the mean over the rows of -ln of what it gives to the row's label.

    The axes before ``axis`` make the rows; everything from it on is one row. The mean is weighted: the sum of the
    weighted losses is divided by that of the weights, or with ``average_by_batch_size`` by the number of rows, and then
    multiplied by ``scale``. With ``label_prob`` labels are distributions t, and the loss of a row is -sum t ln p. The
    logarithms are taken of the logits less the log-sum-exp of their row, not of the rounded probabilities.

    Inputs:
        logits: float32, rank above ``axis``.
        labels: int32 or int64, one a row: the shape of the logits before ``axis``, or a vector, or one of them with an
            axis of size 1 behind. With ``label_prob`` float32 of the logits' shape.
        weight_tensor: float32, one a row, shaped as labels are; 1 each if it is not given.
    Outputs:
        softmax: float32, the logits' shape.
        loss: float32, rank 0; 0 if there are no rows, or the weights add up to 0.
        losses: float32 vector, the weighted loss of each row.
    Raises:
        OperatorError: a label is not the number of an element of its row.
        ShapeError: there is no such axis, or not one label or weight a row.
    Example:
        SoftmaxWithLoss([[0 0] [0 0]], [0 1]:i32; scale=2.0) -> [[0.5 0.5] [0.5 0.5]], 1.3862944 ()
    """
    name = "SoftmaxWithLoss"
    require_dtype(name, "logits", logits, F32_ONLY)
    split = axis_within(name, axis, logits.ndim)
    outer, inner = logits.shape[:split], logits.shape[split:]
    rows = logits.reshape(math.prod(outer), math.prod(inner))
    count, classes = rows.shape
    one_a_row = (outer, (*outer, 1), (count,), (count, 1))
    if label_prob:
        require_dtype(name, "labels", labels, F32_ONLY)
        require_one_shape(name, logits=logits, labels=labels)
    else:
        require_dtype(name, "labels", labels, INDICES)
        _require_shape(name, "labels", labels, *one_a_row)
        _require_labels(name, "labels", labels, classes)
    if weights is not None:
        require_dtype(name, "weight_tensor", weights, F32_ONLY)
        _require_shape(name, "weight_tensor", weights, *one_a_row)

    shifted = rows - rows.max(1, keepdims=True, initial=-np.inf)
    shares: Tensor = np.exp(shifted)
    sums = shares.sum(1, keepdims=True)
    shares /= sums
    if label_prob:
        np.subtract(np.log(sums), shifted, out=shifted)
        np.minimum(shifted, _MOST_LOSS, out=shifted)
        losses: Tensor = np.vecdot(labels.reshape(rows.shape), shifted)
    else:
        losses = np.log(sums[:, 0]) - _picked(shifted, labels.reshape(-1))
        np.minimum(losses, _MOST_LOSS, out=losses)
    divisor = float(count)
    if weights is not None:
        losses *= weights.reshape(-1)
        if not average_by_batch_size:
            divisor = float(weights.sum(dtype=F64))
    loss = losses.sum(dtype=F64) * scale / divisor if divisor else 0.0
    return shares.reshape(logits.shape), _f32(loss), losses


def _rows(name: str, x: Tensor) -> Tensor:
    """X as rows of probabilities; a vector is one row."""
    require_dtype(name, "X", x, F32_ONLY)
    if x.ndim == 0:
        msg = f"{name}: X has shape {x.shape}, expected rank 1 or more"
        raise ShapeError(msg, operator=name)
    return x.reshape(len(x), math.prod(x.shape[1:])) if x.ndim > 1 else x[np.newaxis]


def _by_row(x: TensorSpec, _label: object) -> TensorSpec:
    return TensorSpec(F32, (x.sizes[0] if x.rank > 1 else 1,))


@operator("CrossEntropy", inputs=("X", "label"), outputs=("Y",), infer=_by_row)
def cross_entropy(x: Tensor, label: Tensor) -> Tensor:
    """-sum t ln p for each row, with the probabilities p in X and the distribution t in label.

    Inputs:
        X: float32, [n, ...]; a vector is one row.
        label: float32, X's shape, or that of its rows, [n, D].
    Outputs:
        Y: float32, [n].
    Example:
        CrossEntropy([[0.5 0.5]], [[1 0]]) -> [0.6931472]
    """
    rows = _rows("CrossEntropy", x)
    require_dtype("CrossEntropy", "label", label, F32_ONLY)
    _require_shape("CrossEntropy", "label", label, *((x.shape,) if x.ndim > 1 else ()), rows.shape)
    entropies: Tensor = _ZERO - np.vecdot(label.reshape(rows.shape), _log(rows))
    return entropies


@operator("LabelCrossEntropy", inputs=("X", "label"), outputs=("Y",), infer=_by_row)
def label_cross_entropy(x: Tensor, label: Tensor) -> Tensor:
    """-ln of the probability of each row's label.

    Inputs:
        X: float32, [n, ...]; a vector is one row.
        label: int32 or int64, [n] or [n, 1].
    Outputs:
        Y: float32, [n].
    Raises:
        OperatorError: a label is not the number of an element of its row.
    Example:
        LabelCrossEntropy([[0.5 0.5]], [1]:i32) -> [0.6931472]
    """
    rows = _rows("LabelCrossEntropy", x)
    require_dtype("LabelCrossEntropy", "label", label, INDICES)
    _require_shape("LabelCrossEntropy", "label", label, (len(rows),), (len(rows), 1))
    _require_labels("LabelCrossEntropy", "label", label, rows.shape[1])
    entropies: Tensor = _ZERO - _log(_picked(rows, label.reshape(-1)))
    return entropies


@operator("Perplexity", inputs=("probabilities",), outputs=("output",), infer=always(TensorSpec(F32)))
def perplexity(probabilities: Tensor) -> Tensor:
    """The product of p^(-1/n) over all n probabilities, which is e to the mean of -ln p.

    Inputs:
        probabilities: float32, any shape.
    Outputs:
        output: float32, rank 0; 1 over nothing, infinity if a probability is 0.
    Example:
        Perplexity([0.5 0.5]) -> 2 ()
    """
    require_dtype("Perplexity", "probabilities", probabilities, F32_ONLY)
    if not probabilities.size:
        return _f32(1)
    return _f32(math.exp(-float(np.log(probabilities).mean())))


# --- over pairs of yes and no ----------------------------------------------------------------------------------------


def _bend(x: Tensor) -> Tensor:
    """ln(1 + e^-|x|), which is ln(1 + e^x) less the part of x above 0; nothing overflows."""
    y = np.absolute(x)
    np.negative(y, out=y)
    np.exp(y, out=y)
    return np.log1p(y, out=y)


def _by_element(x: Tensor, t: Tensor) -> Tensor:
    """-(t ln s(x) + (1 - t) ln(1 - s(x))); small ones keep their digits, since large parts meet each other first."""
    losses: Tensor = np.maximum(x, _ZERO)
    losses -= x * t
    losses += _bend(x)
    return losses


def _mean_over_last(losses: Tensor) -> Tensor:
    """The mean over the last axis; 0 over nothing."""
    losses *= np.float32(1 / max(losses.shape[-1], 1))
    total: Tensor = losses.sum(-1)
    return total


def _infer_by_pair(logits: TensorSpec, *_: object) -> TensorSpec:
    return TensorSpec(F32, logits.sizes[:-1])


def _check_forms(*, log_D_trick: bool, unjoined_lr_loss: bool) -> None:  # noqa: N803 - the name programs use
    if log_D_trick and unjoined_lr_loss:
        text = "cannot be set together with 'unjoined_lr_loss'; choose one"
        raise argument_error("SigmoidCrossEntropyWithLogits", "log_D_trick", text)


@operator(
    "SigmoidCrossEntropyWithLogits",
    inputs=("logits", "targets"),
    outputs=("xentropy",),
    check=_check_forms,
    infer=_infer_by_pair,
)
def sigmoid_cross_entropy_with_logits(
    logits: Tensor,
    targets: Tensor,
    *,
    log_D_trick: bool = False,  # noqa: N803 - the name programs use
    unjoined_lr_loss: bool = False,
) -> Tensor:
    """The mean over the last axis of -(t ln s(x) + (1 - t) ln(1 - s(x))), for logits x, targets t, s the sigmoid.

    With ``log_D_trick`` it is that of -(2t - 1) ln s(x), with ``unjoined_lr_loss`` that of (1 - t) ln(1 + e^x) - t x.
    Large logits neither overflow nor lose digits.

    Inputs:
        logits: float32, any shape; rank 0 is one element.
        targets: float32, the logits' shape.
    Outputs:
        xentropy: float32, the logits' shape without the last axis; 0 over nothing.
    Raises:
        ArgumentError: both forms are asked for.
    Example:
        SigmoidCrossEntropyWithLogits([[0 100] [0 -100]], [[1 1] [0 1]]) -> [0.3465736 50.346573]
    """
    require_alike("SigmoidCrossEntropyWithLogits", logits=logits, targets=targets)
    x, t = np.atleast_1d(logits), np.atleast_1d(targets)
    if log_D_trick:
        losses = _bend(x)
        losses -= np.minimum(x, _ZERO)
        losses *= 2 * t - 1
    elif unjoined_lr_loss:
        losses = _bend(x)
        losses += np.maximum(x, _ZERO)
        losses *= 1 - t
        losses -= x * t
    else:
        losses = _by_element(x, t)
    return _mean_over_last(losses)


@operator(
    "WeightedSigmoidCrossEntropyWithLogits",
    inputs=("logits", "targets", "weights"),
    outputs=("xentropy",),
    infer=_infer_by_pair,
)
def weighted_sigmoid_cross_entropy_with_logits(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The mean over the last axis of -w (t ln s(x) + (1 - t) ln(1 - s(x))), for logits x, targets t, s the sigmoid.

    It is divided by the number of elements, not by the sum of the weights w.

    Inputs:
        logits: float32, any shape; rank 0 is one element.
        targets, weights: float32, the logits' shape.
    Outputs:
        xentropy: float32, the logits' shape without the last axis; 0 over nothing.
    Example:
        WeightedSigmoidCrossEntropyWithLogits([[0 0]], [[1 0]], [[2 4]]) -> [2.0794415]
    """
    require_alike("WeightedSigmoidCrossEntropyWithLogits", logits=logits, targets=targets, weights=weights)
    losses = _by_element(np.atleast_1d(logits), targets)
    losses *= weights
    return _mean_over_last(losses)


@operator("MakeTwoClass", inputs=("X",), outputs=("Y",), infer=lambda x: TensorSpec(F32, (*x.sizes, 2)))
def make_two_class(x: Tensor) -> Tensor:
    """The probabilities 1 - X and X of no and yes, side by side along a new last axis.

    Inputs:
        X: float32, any shape.
    Outputs:
        Y: float32, X's shape and a 2.
    Example:
        MakeTwoClass([0.25 1]) -> [[0.75 0.25] [0 1]]
    """
    require_dtype("MakeTwoClass", "X", x, F32_ONLY)
    both = np.empty((*x.shape, 2), F32)
    np.subtract(_ONE, x, out=both[..., 0])
    both[..., 1] = x
    return both


@operator("BernoulliJSD", inputs=("T", "X"), outputs=("L",), infer=like(0))
def bernoulli_jsd(t: Tensor, x: Tensor) -> Tensor:
    """The Jensen-Shannon divergence of coins, h((t + x) / 2) - (h(t) + h(x)) / 2, element by element.

    h(p) = -p ln p - (1 - p) ln(1 - p) is the entropy of a coin. Lin, Divergence measures based on the Shannon entropy
    (1991), section 4.

    Inputs:
        T, X: float32, one shape, probabilities.
    Outputs:
        L: float32, that shape, from 0 to ln 2.
    Example:
        BernoulliJSD([0 1], [0 0]) -> [0 0.6931472]
    """
    require_alike("BernoulliJSD", T=t, X=x)
    divergences = _entropy((t + x) * _HALF)
    divergences -= _HALF * (_entropy(t) + _entropy(x))
    # Rounding may leave less than nothing where the two are close.
    return settled(np.maximum(divergences, _ZERO))


def _entropy(p: Tensor) -> Tensor:
    q = _ONE - p
    entropies: Tensor = p * _log(p)
    entropies += q * _log(q)
    return -entropies


# --- over pairs of scores --------------------------------------------------------------------------------------------


@operator("MarginRankingCriterion", inputs=("X1", "X2", "Y"), outputs=("loss",), infer=like(0))
def margin_ranking_criterion(x1: Tensor, x2: Tensor, y: Tensor, *, margin: float = 1.0) -> Tensor:
    """max(0, ``margin`` - Y (X1 - X2)), element by element: how much is missing until the better score leads by that.

    Inputs:
        X1, X2: float32, one shape, scores.
        Y: int32 or int64, the same shape: 1 where X1 should be the higher one, -1 where X2 should.
    Outputs:
        loss: float32, the same shape.
    Example:
        MarginRankingCriterion([1 2], [2 1], [1 1]:i32; margin=0.5) -> [1.5 0]
    """
    require_alike("MarginRankingCriterion", X1=x1, X2=x2)
    require_dtype("MarginRankingCriterion", "Y", y, INDICES)
    require_one_shape("MarginRankingCriterion", X1=x1, Y=y)
    losses = x2 - x1
    losses *= y.astype(F32)
    losses += np.float32(margin)
    return settled(np.maximum(losses, _ZERO))


# --- metrics ---------------------------------------------------------------------------------------------------------


def _require_scores(name: str, slot: str, scores: Tensor, labels: Tensor) -> None:
    require_dtype(name, slot, scores, F32_ONLY)
    require_rank(name, slot, scores, 2)
    require_dtype(name, "labels", labels, INDICES)
    require_rank(name, "labels", labels, 1)


def _hits(scores: Tensor, labels: Tensor, top_k: int = 1) -> Tensor:
    """Whether each label is among the `top_k` best of its row; of equals the first is the best. A nan beats all."""
    if not scores.size:
        return np.zeros(len(scores), np.bool_)
    if top_k == 1:
        best = scores.argmax(1)
        hits: Tensor = best == labels
        hits &= ~np.isnan(_picked(scores, best))
        return hits
    own = _picked(scores, labels)[:, np.newaxis]
    better = ~(scores <= own)
    better |= (scores == own) & (np.arange(scores.shape[1]) < labels[:, np.newaxis])
    hits = better.sum(1) < top_k
    hits &= ~np.isnan(own[:, 0])
    return hits


def _check_top_k(*, top_k: int) -> None:
    if top_k < 1:
        raise argument_error("Accuracy", "top_k", f"must be at least 1, got {top_k}")


@operator(
    "Accuracy",
    inputs=("predictions", "labels"),
    outputs=("accuracy",),
    check=_check_top_k,
    infer=always(TensorSpec(F32)),
)
def accuracy(predictions: Tensor, labels: Tensor, *, top_k: int = 1) -> Tensor:
    """The share of the rows whose label has one of the ``top_k`` highest scores; of equal ones the first is higher.

    Inputs:
        predictions: float32, [n, D], scores. A row whose label has the score nan is never right.
        labels: int32 or int64, [n].
    Outputs:
        accuracy: float32, rank 0; 0 without rows.
    Raises:
        OperatorError: a label is not the number of an element of its row.
    Example:
        Accuracy([[0.1 0.9] [0.8 0.2]], [1 1]:i32) -> 0.5 ()
    """
    _require_scores("Accuracy", "predictions", predictions, labels)
    count, classes = predictions.shape
    _require_shape("Accuracy", "labels", labels, (count,))
    _require_labels("Accuracy", "labels", labels, classes)
    return _f32(np.count_nonzero(_hits(predictions, labels, top_k)) / max(count, 1))


def _infer_by_class(prediction: TensorSpec, _labels: object) -> Inferred:
    return TensorSpec(F32, prediction.sizes[1:2]), TensorSpec(I32, prediction.sizes[1:2])


@operator(
    "MultiClassAccuracy", inputs=("prediction", "labels"), outputs=("accuracies", "amounts"), infer=_infer_by_class
)
def multi_class_accuracy(prediction: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """For each class the share of its examples in which it has the highest score, and how many examples it has.

    Of equal scores the first is the highest.

    Inputs:
        prediction: float32, [n, D], scores. A row with a nan is never right.
        labels: int32 or int64 vector, n or more; what follows the first n is not looked at.
    Outputs:
        accuracies: float32, [D]; 0 for a class without examples.
        amounts: int32, [D].
    Raises:
        OperatorError: a label is not the number of a class.
        ShapeError: there are fewer labels than rows.
    Example:
        MultiClassAccuracy([[0.1 0.9] [0.6 0.4]], [1 1]:i32) -> [0 0.5], [0 2]:i32
    """
    _require_scores("MultiClassAccuracy", "prediction", prediction, labels)
    count, classes = prediction.shape
    if len(labels) < count:
        msg = f"MultiClassAccuracy: labels has shape {labels.shape}, expected at least {count}, one a row"
        raise ShapeError(msg, operator="MultiClassAccuracy")
    labels = labels[:count]
    _require_labels("MultiClassAccuracy", "labels", labels, classes)
    amounts = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[_hits(prediction, labels)], minlength=classes)
    accuracies: Tensor = right / np.maximum(amounts, 1)
    return accuracies.astype(F32), amounts.astype(I32)
