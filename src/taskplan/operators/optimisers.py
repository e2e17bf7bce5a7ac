"""Updates of dense parameters from their gradients.

Parameters and moments are written where they are, block by block, so that what is computed in between stays in the
cache. The families of Adagrad, Adam, Adadelta, Wngrad and Storm **add** the rate times the update, so programs pass a
negative rate; the momentum family subtracts, and takes a positive one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from taskplan.operators.inference import Inferred, TensorSpec, like
from taskplan.operators.operands import (
    F32_ONLY,
    I64,
    Tensor,
    argument_error,
    refuse,
    require_alike,
    require_dtype,
    sole_element,
)
from taskplan.operators.registry import operator
from taskplan.operators.run import OpRun

BLOCK = 1 << 16
"""How many elements are updated at a time."""

Scalar = np.float32


def one_number(name: str, slot: str, x: Tensor) -> Scalar:
    """The element of a float32 tensor that has one."""
    require_dtype(name, slot, x, F32_ONLY)
    return Scalar(sole_element(name, slot, x))


def blocks(*arrays: Tensor) -> Iterator[list[Tensor]]:
    """The same stretch of several arrays, as vectors, one stretch after the other.

    Those that are written into must be in C order.
    """
    flat = [each.reshape(-1) for each in arrays]
    for begin in range(0, flat[0].size, BLOCK):
        yield [each[begin : begin + BLOCK] for each in flat]


def decay_check(name: str, argument: str = "decay") -> Callable[..., None]:
    """A check that an argument is a share, above 0 and not above 1."""

    def check(**given: float) -> None:
        if not 0 < given[argument] <= 1:
            raise argument_error(name, argument, f"must be above 0 and at most 1, got {given[argument]}")

    return check


# --- momentum --------------------------------------------------------------------------------------------------------


def momentum_step(step: Tensor, m: Tensor, lr: Scalar, momentum: Scalar, *, nesterov: bool) -> None:
    """Turn a gradient into the step to subtract, and update its momentum."""
    step *= lr
    if not nesterov:
        m *= momentum
        m += step
        step[...] = m
        return
    before = momentum * m
    m[...] = before + step
    step[...] = (Scalar(1) + momentum) * m - before


@operator(
    "MomentumSGD",
    inputs=("grad", "moment", "lr"),
    outputs=("output_grad", "output_moment"),
    in_place=(("grad", "output_grad"), ("moment", "output_moment")),
    updates=("grad", "moment"),
    infer=like(0, 1),
)
def momentum_sgd(
    g: Tensor, m: Tensor, lr: Tensor, *, momentum: float = 0.0, nesterov: bool = False
) -> tuple[Tensor, Tensor]:
    """The step of gradient descent with momentum: m' = ``momentum`` m + lr grad, which is the step.

    With ``nesterov`` the step is (1 + ``momentum``) m' - ``momentum`` m. (Sutskever and others, 2013.)

    Inputs:
        grad, moment: float32, one shape.
        lr: float32, one element, positive to descend.
    Outputs:
        output_grad: the step, which is to be subtracted from the parameter.
        output_moment: m'.
    Example:
        MomentumSGD([0.5 -1], [0.1 0.2], [0.1]; momentum=0.9) -> [0.14 0.08], [0.14 0.08]
    """
    name = "MomentumSGD"
    require_alike(name, grad=g, moment=m)
    rate = one_number(name, "lr", lr)
    for step, moment in blocks(g, m):
        momentum_step(step, moment, rate, Scalar(momentum), nesterov=nesterov)
    return g, m


@operator(
    "MomentumSGDUpdate",
    inputs=("grad", "moment", "lr", "param"),
    outputs=("output_grad", "output_moment", "output_param"),
    in_place=(("grad", "output_grad"), ("moment", "output_moment"), ("param", "output_param")),
    updates=("grad", "moment", "param"),
    infer=like(0, 1, 3),
)
def momentum_sgd_update(
    g: Tensor, m: Tensor, lr: Tensor, p: Tensor, *, momentum: float = 0.0, nesterov: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """As `MomentumSGD`, and the step subtracted from the parameter.

    Inputs:
        grad, moment, param: float32, one shape.
        lr: float32, one element, positive to descend.
    Outputs:
        output_grad: the step.
        output_moment, output_param: the momentum and the parameter afterwards.
    Example:
        MomentumSGDUpdate([0.5 -1], [0.1 0.2], [0.1], [1 2]) -> [0.05 -0.1], [0.05 -0.1], [0.95 2.1]
    """
    name = "MomentumSGDUpdate"
    require_alike(name, grad=g, moment=m, param=p)
    rate = one_number(name, "lr", lr)
    for step, moment, parameter in blocks(g, m, p):
        momentum_step(step, moment, rate, Scalar(momentum), nesterov=nesterov)
        parameter -= step
    return g, m, p


# --- adaptive rates --------------------------------------------------------------------------------------------------


def _like_params(*inputs: TensorSpec, outputs: int) -> Inferred:
    return [inputs[0], inputs[1], inputs[0], inputs[0]][:outputs]


@operator(
    "Adagrad",
    inputs=("param", "moment", "grad", "lr"),
    outputs=("output_param", "output_moment", "output_effective_lr?", "output_update?"),
    in_place=(("param", "output_param"), ("moment", "output_moment")),
    updates=("param", "moment"),
    infer=_like_params,
)
def adagrad(
    p: Tensor, m: Tensor, g: Tensor, lr: Tensor, *, epsilon: float = 1e-5, decay: float = 1.0, run: OpRun
) -> tuple[Tensor, ...]:
    """Steps by the root of the sum of all squared gradients.

    After Duchi and others, 2011.

    m' = ``decay`` m + grad^2; param' = param + lr grad / (sqrt(m') + ``epsilon``).

    Inputs:
        param, moment, grad: float32, one shape.
        lr: float32, one element, negative to descend.
    Outputs:
        output_param, output_moment: the parameter and the moment afterwards.
        output_effective_lr: lr / (sqrt(m') + epsilon).
        output_update: that times grad.
    Example:
        Adagrad([1 2], [0.1 0.2], [0.5 -1], [-0.1]) -> [0.915486 2.0912862], [0.35 1.2]
    """
    name = "Adagrad"
    require_alike(name, param=p, moment=m, grad=g)
    rate, small, kept = one_number(name, "lr", lr), Scalar(epsilon), Scalar(decay)
    extra = [np.empty_like(p, order="C") for _ in range(len(run.op.outputs) - 2)]
    for parameter, moment, gradient, *asked in blocks(p, m, g, *extra):
        if decay != 1:
            moment *= kept
        moment += gradient * gradient
        update = np.sqrt(moment)
        update += small
        if asked:
            np.divide(rate, update, out=asked[0])
            np.multiply(asked[0], gradient, out=update)
        else:
            np.divide(gradient, update, out=update)
            update *= rate
        parameter += update
        if len(asked) > 1:
            asked[1][...] = update
    return p, m, *extra


def betas_check(name: str) -> Callable[..., None]:
    """A check that the shares of the moments that are kept are from 0 to below 1."""

    def check(*, beta1: float, beta2: float, **_: object) -> None:
        for argument, value in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= value < 1:
                raise argument_error(name, argument, f"must be from 0.0 to below 1.0, got {value}")

    return check


def _moments_and_params(*inputs: TensorSpec, outputs: int) -> Inferred:
    return [*inputs[:3], inputs[0]][:outputs]


def adam_rate(iteration: Tensor, name: str, beta1: float, beta2: float) -> Scalar:
    """sqrt(1 - beta2^t) / (1 - beta1^t), where the iteration is t - 1."""
    require_dtype(name, "iter", iteration, {I64})
    t = int(sole_element(name, "iter", iteration)) + 1
    if t < 1:
        raise refuse(name, f"iter is {t - 1}, expected an iteration from 0 on")
    return Scalar(math.sqrt(1 - beta2**t) / (1 - beta1**t))


@operator(
    "Adam",
    inputs=("param", "moment_1", "moment_2", "grad", "lr", "iter"),
    outputs=("output_param", "output_moment_1", "output_moment_2", "output_grad?"),
    in_place=(("param", "output_param"), ("moment_1", "output_moment_1"), ("moment_2", "output_moment_2")),
    updates=("param", "moment_1", "moment_2"),
    check=betas_check("Adam"),
    infer=_moments_and_params,
)
def adam(
    p: Tensor,
    m: Tensor,
    v: Tensor,
    g: Tensor,
    lr: Tensor,
    iteration: Tensor,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-5,
    run: OpRun,
) -> tuple[Tensor, ...]:
    """Moments of the gradient and of its square that decay, and a step by their proportion.

    After Kingma and Ba, 2014.

    m' = ``beta1`` m + (1 - beta1) grad; v' = ``beta2`` v + (1 - beta2) grad^2; with t = iter + 1,
    u = sqrt(1 - beta2^t) / (1 - beta1^t) m' / (sqrt(v') + ``epsilon``); param' = param + lr u.

    Inputs:
        param, moment_1, moment_2, grad: float32, one shape.
        lr: float32, one element, negative to descend.
        iter: int64, one element, from 0 on.
    Outputs:
        output_param, output_moment_1, output_moment_2: what they are afterwards.
        output_grad: u.
    Example:
        Adam([1 2], [0.1 0.2], [0.3 0.4], [0.5 -1], [0.1], [0]:i64) -> p, m, v
        Copy(m) -> [0.14 0.08]
    """
    name = "Adam"
    require_alike(name, param=p, moment_1=m, moment_2=v, grad=g)
    rate, correction = one_number(name, "lr", lr), adam_rate(iteration, name, beta1, beta2)
    extra = [np.empty_like(p, order="C") for _ in range(len(run.op.outputs) - 3)]
    for parameter, first, second, gradient, *asked in blocks(p, m, v, g, *extra):
        adam_moments(first, second, gradient, beta1, beta2)
        update = np.sqrt(second)
        update += Scalar(epsilon)
        np.divide(first, update, out=update)
        update *= correction
        if asked:
            asked[0][...] = update
        update *= rate
        parameter += update
    return p, m, v, *extra


def adam_moments(m: Tensor, v: Tensor, g: Tensor, beta1: float, beta2: float) -> None:
    """Update both moments."""
    m *= Scalar(beta1)
    m += Scalar(1 - beta1) * g
    v *= Scalar(beta2)
    squares = g * g
    squares *= Scalar(1 - beta2)
    v += squares


@operator(
    "RmsProp",
    inputs=("grad", "mean_squares", "moment", "lr"),
    outputs=("output_grad", "output_mean_squares", "output_moment"),
    in_place=(("grad", "output_grad"), ("mean_squares", "output_mean_squares"), ("moment", "output_moment")),
    updates=("grad", "mean_squares", "moment"),
    infer=like(0, 1, 2),
)
def rms_prop(
    g: Tensor,
    ms: Tensor,
    mom: Tensor,
    lr: Tensor,
    *,
    decay: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """The step of RMSProp: the gradient by the root of its mean square, with momentum.

    After Tieleman and Hinton, 2012.

    ms' = ms + (1 - ``decay``) (grad^2 - ms); mom' = ``momentum`` mom + lr grad / sqrt(ms' + ``epsilon``), the step.

    Inputs:
        grad, mean_squares, moment: float32, one shape.
        lr: float32, one element, positive to descend.
    Outputs:
        output_grad: the step, which is to be subtracted from the parameter.
        output_mean_squares, output_moment: ms' and mom'.
    Example:
        RmsProp([1], [1], [0], [0.1]; epsilon=0.0) -> [0.1], [1], [0.1]
    """
    name = "RmsProp"
    require_alike(name, grad=g, mean_squares=ms, moment=mom)
    rate = one_number(name, "lr", lr)
    for step, squares, moment in blocks(g, ms, mom):
        squares += Scalar(1 - decay) * (step * step - squares)
        update = squares + Scalar(epsilon)
        np.sqrt(update, out=update)
        np.divide(step, update, out=update)
        update *= rate
        moment *= Scalar(momentum)
        moment += update
        step[...] = moment
    return g, ms, mom


@operator(
    "Adadelta",
    inputs=("param", "moment", "moment_delta", "grad", "lr"),
    outputs=("output_param", "output_moment", "output_moment_delta"),
    in_place=(("param", "output_param"), ("moment", "output_moment"), ("moment_delta", "output_moment_delta")),
    check=decay_check("Adadelta"),
    updates=("param", "moment", "moment_delta"),
    infer=like(0, 1, 2),
)
def adadelta(
    p: Tensor, m: Tensor, d: Tensor, g: Tensor, lr: Tensor, *, epsilon: float = 1e-5, decay: float = 0.95
) -> tuple[Tensor, Tensor, Tensor]:
    """Steps in proportion to those before, by the roots of decaying mean squares.

    After Zeiler, 2012.

    m' = ``decay`` m + (1 - decay) grad^2; u = sqrt(d + ``epsilon``) / sqrt(m' + epsilon) grad;
    d' = decay d + (1 - decay) u^2; param' = param + lr u.

    Inputs:
        param, moment, moment_delta, grad: float32, one shape.
        lr: float32, one element, negative to descend.
    Outputs:
        output_param, output_moment, output_moment_delta: what they are afterwards.
    Example:
        Adadelta([1], [1], [1], [1], [0.5]; epsilon=0.0) -> [1.5], [1], [1]
    """
    name = "Adadelta"
    require_alike(name, param=p, moment=m, moment_delta=d, grad=g)
    rate = one_number(name, "lr", lr)
    for parameter, moment, delta, gradient in blocks(p, m, d, g):
        parameter += rate * adadelta_update(moment, delta, gradient, epsilon, decay)
    return p, m, d


def adadelta_update(m: Tensor, d: Tensor, g: Tensor, epsilon: float, decay: float) -> Tensor:
    """Update both moments; the update of the parameter."""
    kept, share = Scalar(decay), Scalar(1 - decay)
    m *= kept
    m += share * (g * g)
    update: Tensor = np.sqrt((d + Scalar(epsilon)) / (m + Scalar(epsilon))) * g
    d *= kept
    d += share * (update * update)
    return update
