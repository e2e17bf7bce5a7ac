"""Learning rates that follow the iteration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from taskplan.operators.inference import TensorSpec, always, like
from taskplan.operators.operands import F32, F32_ONLY, I64, Tensor, argument_error, refuse, require_dtype, sole_element
from taskplan.operators.registry import operator

_RATE = TensorSpec(F32, ())
_NEVER = (1 << 63) - 1


# --- policies: the factor at iteration t, and the arguments that it needs --------------------------------------------


def _fixed(_t: int, **_: Any) -> float:
    return 1.0


def _step(t: int, *, stepsize: int, gamma: float, **_: Any) -> float:
    return float(np.power(gamma, t // stepsize))


def _exp(t: int, *, gamma: float, **_: Any) -> float:
    return float(np.power(gamma, t))


def _inv(t: int, *, gamma: float, power: float, **_: Any) -> float:
    return float(np.power(1 + gamma * t, -power))


def _poly(t: int, *, max_iter: int, power: float, **_: Any) -> float:
    return float(np.power(max(1 - t / max_iter, 0.0), power))


def _linear_warmup(t: int, *, start_multiplier: float, num_iter: int, **_: Any) -> float:
    return 1.0 if t >= num_iter else start_multiplier + (1 - start_multiplier) * t / num_iter


def _constant_warmup(t: int, *, multiplier: float, num_iter: int, **_: Any) -> float:
    return 1.0 if t >= num_iter else multiplier


def _constant_then_linear(
    t: int,
    *,
    start_warmup_multiplier: float,
    constant_warmup_num_iter: int,
    linear_warmup_num_iter: int,
    **_: Any,
) -> float:
    into = t - constant_warmup_num_iter
    if into < 0:
        return start_warmup_multiplier
    return _linear_warmup(into, start_multiplier=start_warmup_multiplier, num_iter=linear_warmup_num_iter)


def _alter(t: int, *, active_first: bool, active_period: int, inactive_period: int, **_: Any) -> float:
    place = t % (active_period + inactive_period)
    is_active = place < active_period if active_first else place >= inactive_period
    return float(is_active)


def _hill(
    t: int,
    *,
    num_iter: int,
    start_multiplier: float,
    gamma: float,
    power: float,
    end_multiplier: float,
    **_: Any,
) -> float:
    if t < num_iter:
        return _linear_warmup(t, start_multiplier=start_multiplier, num_iter=num_iter)
    return max(end_multiplier, _inv(t - num_iter, gamma=gamma, power=power))


def _gate(t: int, *, num_iter: int, multiplier_1: float, multiplier_2: float, **_: Any) -> float:
    return multiplier_1 if t < num_iter else multiplier_2


def _cyclical(t: int, *, base_lr: float, max_lr: float, stepsize: int, decay: float, **_: Any) -> float:
    """The triangular policy of Smith, "Cyclical learning rates for training neural networks", section 3.2."""
    cycle = t // (2 * stepsize) + 1
    height = max(0.0, 1 - abs(t / stepsize - 2 * cycle + 1))
    return 1 + (max_lr / base_lr - 1) * height * float(np.power(decay, cycle - 1)) if height else 1.0


def _cosine(
    t: int, *, base_lr: float, min_lr: float, max_lr: float, period: int, t_mult: float, lr_shrink: float, **_: Any
) -> float:
    """Warm restarts after Loshchilov and Hutter, "SGDR", equation 5, each cycle `t_mult` times as long."""
    if t_mult == 1:
        cycle, place, length = t // period, float(t % period), float(period)
    else:  # cycle k begins at period (t_mult^k - 1) / (t_mult - 1)
        cycle = math.floor(math.log1p(t / period * (t_mult - 1)) / math.log(t_mult))
        length = period * t_mult**cycle
        place = t - (length - period) / (t_mult - 1)
        if place >= length:
            cycle, place, length = cycle + 1, place - length, length * t_mult
    shrunk = float(np.power(lr_shrink, cycle))
    between = min_lr + 0.5 * (max_lr - min_lr) * (1 + math.cos(math.pi * place / length))
    return between * shrunk / base_lr if between else 0.0


_Policy = tuple[Callable[..., float], tuple[str, ...]]

_POLICIES: Mapping[str, _Policy] = {
    "fixed": (_fixed, ()),
    "step": (_step, ("stepsize", "gamma")),
    "exp": (_exp, ("gamma",)),
    "inv": (_inv, ("gamma", "power")),
    "poly": (_poly, ("power", "max_iter")),
    "linearWarmup": (_linear_warmup, ("num_iter",)),
    "constantWarmup": (_constant_warmup, ("num_iter",)),
    "constantThenLinearWarmup": (
        _constant_then_linear,
        ("constant_warmup_num_iter", "linear_warmup_num_iter"),
    ),
    "alter": (_alter, ("active_period", "inactive_period")),
    "hill": (_hill, ("num_iter", "gamma", "power")),
    "gate": (_gate, ("num_iter",)),
    "cyclical": (_cyclical, ("max_lr", "stepsize")),
    "cosine": (_cosine, ("max_lr", "period")),
}

_KNOWN_ONLY_BY_NAME = ("slope", "composite", "compositeCyclical", "compositeCosine")

_ABOVE_0 = ("stepsize", "max_iter", "period")
_NOT_NEGATIVE = (
    "num_iter",
    "active_period",
    "inactive_period",
    "constant_warmup_num_iter",
    "linear_warmup_num_iter",
)


def _check(*, base_lr: float | None, policy: str, **given: Any) -> None:
    if base_lr is None:
        raise argument_error("LearningRate", "base_lr", "is needed: the rate that the policy's factor multiplies")
    if policy in _KNOWN_ONLY_BY_NAME:
        text = f"{policy!r} is one of Caffe2's that is not provided; there are {', '.join(sorted(_POLICIES))}"
        raise argument_error("LearningRate", "policy", text)
    if policy not in _POLICIES:
        raise argument_error("LearningRate", "policy", f"must be one of {', '.join(sorted(_POLICIES))}, got {policy!r}")
    needed = _POLICIES[policy][1]
    for name in needed:
        if given[name] is None:
            raise argument_error("LearningRate", name, f"is needed by the policy {policy!r}")
    for name in needed:
        least = 1 if name in _ABOVE_0 else 0
        if name in (*_ABOVE_0, *_NOT_NEGATIVE) and given[name] < least:
            raise argument_error("LearningRate", name, f"must be at least {least}, got {given[name]}")
    if policy == "alter" and given["active_period"] + given["inactive_period"] == 0:
        raise argument_error("LearningRate", "active_period", "and inactive_period may not both be 0")
    if policy in ("inv", "hill") and not given["gamma"] >= 0:
        raise argument_error("LearningRate", "gamma", f"must be at least 0, got {given['gamma']}")
    if not given["t_mult"] >= 1:
        raise argument_error("LearningRate", "t_mult", f"must be at least 1, got {given['t_mult']}")
    if policy in ("cyclical", "cosine") and base_lr == 0:
        raise argument_error("LearningRate", "base_lr", f"may not be 0 with the policy {policy!r}")


@operator("LearningRate", inputs=("input",), outputs=("output",), check=_check, infer=always(_RATE))
def learning_rate(
    iteration: Tensor,
    *,
    base_lr: float | None = None,
    policy: str = "fixed",
    gamma: float | None = None,
    power: float | None = None,
    stepsize: int | None = None,
    max_iter: int | None = None,
    num_iter: int | None = None,
    start_multiplier: float = 0.0,
    end_multiplier: float = 0.0,
    multiplier: float = 0.5,
    multiplier_1: float = 1.0,
    multiplier_2: float = 1.0,
    start_warmup_multiplier: float = 0.1,
    constant_warmup_num_iter: int | None = None,
    linear_warmup_num_iter: int | None = None,
    active_first: bool = True,
    active_period: int | None = None,
    inactive_period: int | None = None,
    max_lr: float | None = None,
    min_lr: float = 0.0,
    decay: float = 1.0,
    period: int | None = None,
    t_mult: float = 1.0,
    lr_shrink: float = 0.99,
) -> np.float32:
    """``base_lr`` times the factor of a policy at this iteration.

    At iteration t the factors are:

    - ``fixed``: 1
    - ``step``: gamma^floor(t / stepsize)
    - ``exp``: gamma^t
    - ``inv``: (1 + gamma t)^-power
    - ``poly``: (1 - t / max_iter)^power, 0 from max_iter on
    - ``linearWarmup``: from start_multiplier up to 1 in num_iter iterations
    - ``constantWarmup``: multiplier before num_iter, then 1
    - ``constantThenLinearWarmup``: start_warmup_multiplier for constant_warmup_num_iter, then up to 1 in
      linear_warmup_num_iter
    - ``alter``: 1 for active_period, 0 for inactive_period, in turn, beginning as active_first says
    - ``hill``: linearWarmup before num_iter, then as inv from there, but at least end_multiplier
    - ``gate``: multiplier_1 before num_iter, multiplier_2 from there on
    - ``cyclical``: triangles between base_lr and max_lr, up in stepsize iterations and down again, each decay times as
      high as the one before
    - ``cosine``: half a cosine from max_lr to min_lr, in cycles of period, each t_mult times as long as the one before
      and between bounds lr_shrink times as high; base_lr does not matter then

    Inputs:
        input: int64, one element, the iteration.
    Outputs:
        output: float32 of rank 0.
    Raises:
        ArgumentError: the policy is unknown, or an argument that it needs is not given or makes no sense.
        OperatorError: the iteration is negative.
    Example:
        LearningRate([5]:i64; base_lr=0.5, policy="step", stepsize=2, gamma=0.5) -> 0.125 ()
    """
    require_dtype("LearningRate", "input", iteration, {I64})
    t = int(sole_element("LearningRate", "input", iteration))
    if t < 0:
        raise refuse("LearningRate", f"input is {t}, expected an iteration from 0 on")
    factor = _POLICIES[policy][0](
        t,
        base_lr=base_lr,
        gamma=gamma,
        power=power,
        stepsize=stepsize,
        max_iter=max_iter,
        num_iter=num_iter,
        start_multiplier=start_multiplier,
        end_multiplier=end_multiplier,
        multiplier=multiplier,
        multiplier_1=multiplier_1,
        multiplier_2=multiplier_2,
        start_warmup_multiplier=start_warmup_multiplier,
        constant_warmup_num_iter=constant_warmup_num_iter,
        linear_warmup_num_iter=linear_warmup_num_iter,
        active_first=active_first,
        active_period=active_period,
        inactive_period=inactive_period,
        max_lr=max_lr,
        min_lr=min_lr,
        decay=decay,
        period=period,
        t_mult=t_mult,
        lr_shrink=lr_shrink,
    )
    return np.float32(base_lr * factor if base_lr else 0.0)


def _check_scale(*, stepsize: int, **_: object) -> None:
    if stepsize < 1:
        raise argument_error("WeightScale", "stepsize", f"must be at least 1, got {stepsize}")


@operator(
    "WeightScale",
    inputs=("w", "iter"),
    outputs=("nw",),
    in_place=(("w", "nw"),),
    check=_check_scale,
    infer=like(0),
)
def weight_scale(
    w: Tensor, iteration: Tensor, *, stepsize: int = _NEVER, upper_bound_iter: int = _NEVER, scale: float = 1.0
) -> Tensor:
    """The weights times ``scale`` at every ``stepsize``-th iteration before ``upper_bound_iter``; else as they are.

    Inputs:
        w: float32, any shape.
        iter: int64, one element, the iteration; the first one is 0.
    Outputs:
        nw: float32, w's shape.
    Example:
        WeightScale([1 2], [3]:i64; stepsize=2, upper_bound_iter=10, scale=0.5) -> [0.5 1]
    """
    require_dtype("WeightScale", "w", w, F32_ONLY)
    require_dtype("WeightScale", "iter", iteration, {I64})
    count = int(sole_element("WeightScale", "iter", iteration)) + 1
    if count < 1:
        raise refuse("WeightScale", f"iter is {count - 1}, expected an iteration from 0 on")
    return w * np.float32(scale) if count % stepsize == 0 and count < upper_bound_iter else w
