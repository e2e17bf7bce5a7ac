"""Optimisers with one rate for all parameters that follows the gradients, and what rescales rates and gradients."""

from __future__ import annotations

import math

import numpy as np

from taskplan.operators.inference import Inferred, TensorSpec, always, like
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    F64,
    Tensor,
    argument_error,
    refuse,
    require_alike,
    require_dtype,
    settled,
)
from taskplan.operators.optimisers import Scalar, blocks, one_number
from taskplan.operators.registry import operator
from taskplan.operators.run import OpRun


def sum_of_squares(g: Tensor) -> Scalar:
    """The sum of the squares of all elements, kept in double precision meanwhile."""
    flat = g.reshape(-1)
    return Scalar(sum(float(np.dot(part, part)) for (part,) in blocks(flat)))


def _product(a: Tensor, b: Tensor) -> float:
    """The sum of the products of all elements; in double precision where float32 is too narrow for it."""
    total = sum(float(np.dot(x, y)) for x, y in blocks(a, b))
    if math.isfinite(total) and abs(total) > _NARROW:
        return total
    return sum(float(np.dot(x.astype(F64), y.astype(F64))) for x, y in blocks(a, b))


_NARROW = 1e-30
"""A sum of products that is smaller has lost digits in float32, or all of them."""


def _rates(p: TensorSpec, b: TensorSpec, *_: TensorSpec, outputs: int) -> Inferred:
    return [p, b, TensorSpec(F32, (1,)), p][:outputs]


@operator(
    "Wngrad",
    inputs=("param", "seq_b", "grad", "lr"),
    outputs=("output_param", "output_seq_b", "output_effective_lr?", "output_update?"),
    in_place=(("param", "output_param"), ("seq_b", "output_seq_b")),
    updates=("param",),
    infer=_rates,
)
def wngrad(p: Tensor, b: Tensor, g: Tensor, lr: Tensor, *, epsilon: float = 1e-5, run: OpRun) -> tuple[Tensor, ...]:
    """One rate that falls as gradients come: lr / (b + ``epsilon``).

    After Wu, Ward and Bottou, "WNGrad", 2018.

    param' = param + lr / (b + epsilon) grad; b' = b + sum(grad^2) / (b + epsilon).

    Inputs:
        param, grad: float32, one shape.
        seq_b: float32, one element, above 0.
        lr: float32, one element, negative to descend.
    Outputs:
        output_param, output_seq_b: what they are afterwards.
        output_effective_lr: float32 vector of one element, lr / (b + epsilon).
        output_update: that times grad.
    Example:
        Wngrad([1 2], [0.5], [1 -1], [1]; epsilon=0.0) -> [3 0], [4.5]
    """
    name = "Wngrad"
    require_alike(name, param=p, grad=g)
    base = one_number(name, "seq_b", b) + Scalar(epsilon)
    rate = one_number(name, "lr", lr) / base
    asked = len(run.op.outputs) - 2
    update = rate * g if asked > 1 else None
    for parameter, gradient in blocks(p, g):
        parameter += rate * gradient
    grown = settled(np.full(b.shape, b.reshape(()) + sum_of_squares(g) / base, F32))
    extra = (np.full(1, rate, F32), update)
    return p, grown, *(each for each in extra[:asked] if each is not None)


@operator(
    "Storm",
    inputs=("param", "moment", "grad_sq_sum", "grad", "lr"),
    outputs=("output_param", "output_moment", "output_grad_sq_sum"),
    in_place=(("param", "output_param"), ("moment", "output_moment"), ("grad_sq_sum", "output_grad_sq_sum")),
    updates=("param", "moment"),
    infer=like(0, 1, 2),
)
def storm(
    p: Tensor, m: Tensor, s: Tensor, g: Tensor, lr: Tensor, *, momentum: float = 10.0, beta: float = 0.1
) -> tuple[Tensor, Tensor, Tensor]:
    """Momentum that corrects itself.

    After Cutkosky and Orabona, "Momentum-based variance reduction", 2019.

    s' = s + sum(grad^2); r = lr (``beta`` + s')^(-1/3); a = ``momentum`` r^2; m' = grad + (1 - a) (m - grad);
    param' = param + r m'.

    Inputs:
        param, moment, grad: float32, one shape.
        grad_sq_sum: float32, one element.
        lr: float32, one element, negative to descend.
    Outputs:
        output_param, output_moment, output_grad_sq_sum: what they are afterwards.
    Example:
        Storm([1], [0], [7], [1], [1]; momentum=4.0, beta=0.0) -> [1.5], [1], [8]
    """
    name = "Storm"
    require_alike(name, param=p, moment=m, grad=g)
    total, rate, kept = storm_rates(name, s, g, lr, momentum, beta)
    for parameter, moment, gradient in blocks(p, m, g):
        moment -= gradient
        moment *= kept
        moment += gradient
        parameter += rate * moment
    return p, m, settled(np.full(s.shape, total, F32))


def storm_rates(
    name: str, s: Tensor, g: Tensor, lr: Tensor, momentum: float, beta: float
) -> tuple[Scalar, Scalar, Scalar]:
    """s', r, and 1 - a."""
    total = one_number(name, "grad_sq_sum", s) + sum_of_squares(g)
    rate = one_number(name, "lr", lr) * Scalar(np.power(Scalar(beta) + total, Scalar(-1 / 3)))
    return Scalar(total), Scalar(rate), Scalar(Scalar(1) - Scalar(momentum) * rate * rate)


@operator(
    "Lars",
    inputs=("X", "dX", "wd", "trust", "lr_max"),
    outputs=("lr_rescaled",),
    infer=always(TensorSpec(F32, (1,))),
)
def lars(
    x: Tensor,
    dx: Tensor,
    wd: Tensor,
    trust: Tensor,
    lr_max: Tensor,
    *,
    offset: float = 0.5,
    lr_min: float = 0.02,
) -> Tensor:
    """The rate of a layer: trust / (norm(dX) / norm(X) + wd + ``offset``), at most lr_max, at least ``lr_min``.

    Where X is 0 everywhere the norms count as equal. (You, Gitman and Ginsburg, 2017.)

    Inputs:
        X, dX: float32, one shape, the parameter and its gradient.
        wd, trust, lr_max: float32, one element each.
    Outputs:
        lr_rescaled: float32 vector of one element.
    Example:
        Lars([3 4], [3 4], [0], [1], [10]; offset=1.0) -> [0.5]
    """
    name = "Lars"
    require_alike(name, X=x, dX=dx)
    decay, share, most = (
        one_number(name, slot, each) for slot, each in (("wd", wd), ("trust", trust), ("lr_max", lr_max))
    )
    size, slope = math.sqrt(_product(x, x)), math.sqrt(_product(dx, dx))
    proportion = Scalar(slope / size) if size else Scalar(1)
    rate = share / (proportion + decay + Scalar(offset))
    return np.array([max(min(rate, most), Scalar(lr_min))], F32)


@operator(
    "LearningRateAdaption",
    inputs=("lr", "grad", "effgrad"),
    outputs=("output_lr",),
    in_place=(("lr", "output_lr"),),
    infer=like(0),
)
def learning_rate_adaption(
    lr: Tensor, g: Tensor, e: Tensor, *, lr_alpha: float = 0.01, normalized_lr_adaption: bool = True
) -> Tensor:
    """The rate by how far the gradient points the same way as the update that was made with it.

    lr (1 - ``lr_alpha`` cos(grad, effgrad)), or lr - lr_alpha (grad . effgrad) with ``normalized_lr_adaption`` false.
    (Baydin and others, "Online learning rate adaptation with hypergradient descent", 2017.)

    Inputs:
        lr: float32, one element.
        grad, effgrad: float32, one shape.
    Outputs:
        output_lr: float32, lr's shape.
    Example:
        LearningRateAdaption([0.5], [3 4], [3 4]; lr_alpha=0.5) -> [0.25]
    """
    name = "LearningRateAdaption"
    require_alike(name, grad=g, effgrad=e)
    one_number(name, "lr", lr)
    product = _product(g, e)
    if not normalized_lr_adaption:
        return settled(np.asarray(lr - Scalar(lr_alpha) * Scalar(product)))
    norms = math.sqrt(_product(g, g)) * math.sqrt(_product(e, e))
    cosine = Scalar(product / norms) if norms else Scalar(0)
    return settled(np.asarray(lr * (Scalar(1) - Scalar(lr_alpha) * cosine)))


def _check_threshold(*, threshold: float) -> None:
    if not threshold > 0:
        raise argument_error("ClipTensorByScaling", "threshold", f"must be above 0, got {threshold}")


@operator(
    "ClipTensorByScaling",
    inputs=("input_tensor", "val", "additional_threshold?"),
    outputs=("clipped",),
    in_place=(("input_tensor", "clipped"),),
    check=_check_threshold,
    infer=like(0),
)
def clip_tensor_by_scaling(x: Tensor, norm: Tensor, factor: Tensor | None = None, *, threshold: float) -> Tensor:
    """The input scaled down by threshold / val where val, mostly its norm, is above the threshold; else as it is.

    Inputs:
        input_tensor: float32, any shape.
        val: float32, one element.
        additional_threshold: float32, one element; the threshold is multiplied by it.
    Outputs:
        clipped: float32, the input's shape.
    Example:
        ClipTensorByScaling([3 4], [5]; threshold=2.5) -> [1.5 2]
    """
    name = "ClipTensorByScaling"
    require_dtype(name, "input_tensor", x, F32_ONLY)
    size, most = one_number(name, "val", norm), Scalar(threshold)
    if factor is not None:
        share = one_number(name, "additional_threshold", factor)
        if share <= 0:
            raise refuse(name, f"additional_threshold is {share}, expected a number above 0")
        most *= share
    return settled(np.asarray(x * (most / size))) if size > most else x
