"""Learning rates: what the recorded cases do not show of the policies, and the calls that are refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.operators.calling import call

from taskplan.errors import ArgumentError, OperatorError


def rate(t: int, policy: str, **arguments: Any) -> float:
    return float(call("LearningRate", np.array([t]), **{"base_lr": 2.0, "policy": policy, **arguments}))


def rates(count: int, policy: str, **arguments: Any) -> list[float]:
    return [rate(t, policy, **arguments) for t in range(count)]


@pytest.mark.parametrize(
    ("policy", "arguments", "expected"),
    [
        ("linearWarmup", {"start_multiplier": 0.5, "num_iter": 2}, [1, 1.5, 2, 2]),
        ("constantWarmup", {"num_iter": 2}, [1, 1, 2, 2]),
        (
            "constantThenLinearWarmup",
            {"start_warmup_multiplier": 0.5, "constant_warmup_num_iter": 1, "linear_warmup_num_iter": 2},
            [1, 1, 1.5, 2, 2],
        ),
        ("alter", {"active_period": 2, "inactive_period": 1}, [2, 2, 0, 2, 2, 0]),
        ("alter", {"active_period": 2, "inactive_period": 1, "active_first": False}, [0, 2, 2, 0]),
        ("hill", {"num_iter": 2, "gamma": 1.0, "power": 1.0, "end_multiplier": 0.4}, [0, 1, 2, 1, 0.8, 0.8]),
        ("gate", {"num_iter": 1, "multiplier_1": 0.5, "multiplier_2": 0.25}, [1, 0.5, 0.5]),
        ("cyclical", {"max_lr": 4.0, "stepsize": 2, "decay": 0.5}, [2, 3, 4, 3, 2, 2.5, 3, 2.5, 2]),
        ("poly", {"max_iter": 2, "power": 0.5}, [2, math.sqrt(2), 0, 0]),
        ("cosine", {"max_lr": 1.0, "min_lr": 0.5, "period": 2, "lr_shrink": 0.5}, [1, 0.75, 0.5, 0.375]),
        (
            "cosine",
            {"max_lr": 1.0, "period": 1, "t_mult": 2.0, "lr_shrink": 1.0},
            [1, 1, 0.5, 1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125), 1],
        ),
    ],
)
def test_a_policy_follows_its_formula(policy: str, arguments: dict[str, Any], expected: list[float]) -> None:
    assert rates(len(expected), policy, **arguments) == pytest.approx(expected, abs=1e-6)


def test_a_schedule_may_be_asked_about_late_iterations() -> None:
    for grows in (1.0, 1.0000001, 1.5):
        assert 0 <= rate(10**15, "cosine", max_lr=1.0, period=1, t_mult=grows) <= 1
    assert rate(10**12, "exp", gamma=0.5) == 0
    assert rate(10**12, "exp", gamma=1.5) == math.inf


@pytest.mark.parametrize(
    ("policy", "arguments", "message"),
    [
        ("wavy", {}, "argument 'policy' must be one of .*cosine.*, got 'wavy'"),
        ("slope", {}, "'slope' is one of Caffe2's that is not provided"),
        ("compositeCosine", {}, "'compositeCosine' is one of Caffe2's that is not provided"),
        ("step", {"gamma": 0.5}, "argument 'stepsize' is needed by the policy 'step'"),
        ("step", {"gamma": 0.5, "stepsize": 0}, "argument 'stepsize' must be at least 1, got 0"),
        ("linearWarmup", {"num_iter": -1}, "argument 'num_iter' must be at least 0, got -1"),
        ("alter", {"active_period": 0, "inactive_period": 0}, "may not both be 0"),
        ("inv", {"gamma": -1.0, "power": 0.5}, "argument 'gamma' must be at least 0"),
        ("cosine", {"max_lr": 1.0, "period": 2, "t_mult": 0.5}, "argument 't_mult' must be at least 1"),
        ("cyclical", {"max_lr": 1.0, "stepsize": 2, "base_lr": 0.0}, "argument 'base_lr' may not be 0"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_beforehand(
    policy: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=f"LearningRate: .*{message}"):
        rate(0, policy, **arguments)


def test_the_base_rate_is_needed() -> None:
    with pytest.raises(ArgumentError, match="argument 'base_lr' is needed"):
        call("LearningRate", np.array([0]), policy="fixed")


def test_there_is_no_iteration_before_the_first() -> None:
    with pytest.raises(OperatorError, match="input is -1"):
        rate(-1, "fixed")


def test_weights_are_scaled_at_every_stepsize_th_iteration_below_the_bound() -> None:
    scaled = [
        call(
            "WeightScale", np.array([1], np.float32), np.array([t]), stepsize=2, upper_bound_iter=5, scale=0.5
        ).tolist()
        for t in range(6)
    ]

    assert scaled == [[1], [0.5], [1], [0.5], [1], [1]]
