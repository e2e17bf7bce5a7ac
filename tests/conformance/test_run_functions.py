"""What runs things in the current workspace: from messages and bytes, and in the background."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import TIMEOUT_S, BoomError, awaits, boom

import taskplan as tp


@pytest.fixture
def five() -> tp.Net:
    """A net that makes blob `five`."""
    net = tp.Net("makes_five")
    net.Const(np.int64(5), "five")
    return net


def ended(running: Any) -> Any:
    """The handle of a plan in the background, when that has ended."""
    give_up = time.monotonic() + TIMEOUT_S
    while not running.is_done():
        assert time.monotonic() < give_up
        time.sleep(0)
    return running


def test_a_net_an_operator_and_a_plan_run_from_their_bytes(ws, five):
    plan = tp.Plan(tp.execution_step("all", five))
    copy = tp.CreateOperator("Copy", "five", "copy")

    assert tp.RunNetOnce(five.Proto().SerializeToString())
    assert tp.RunOperatorOnce(copy.SerializeToString())
    assert tp.CreateNet(five.Proto().SerializeToString())
    assert tp.RunNet("makes_five")
    assert tp.RunPlan(plan.Proto().SerializeToString())

    assert ws.fetch_blob("copy") == 5


@pytest.mark.parametrize("function", [tp.RunNetOnce, tp.RunOperatorOnce, tp.CreateNet, tp.RunPlan])
def test_bytes_that_hold_no_message_are_refused(ws, function):
    with pytest.raises(ValueError, match="these 2 bytes are no"):
        function(b"\xff\xff")


def test_a_workspace_does_not_run_a_step_which_only_names_its_nets(ws, five):
    with pytest.raises(ValueError, match="step 'all' by itself only names its nets; wrap it in a Plan"):
        ws.run(tp.execution_step("all", five))


def test_a_plan_in_the_background_runs_beside_the_caller(ws, trace):
    go_on = threading.Event()
    running = tp.RunPlanInBackground(trace.step("waits", awaits(go_on)))

    assert not running.is_done()
    with pytest.raises(RuntimeError, match="still runs"):
        running.is_succeeded()
    go_on.set()

    assert ended(running).is_succeeded() is True
    assert trace == ["waits"]


def test_a_failure_that_an_operator_reports_in_the_background_is_false(ws):
    net = tp.Net("fails")
    net.Fail([], [])

    running = tp.RunPlanInBackground(tp.execution_step("all", net))

    assert ended(running).is_succeeded() is False


def test_an_exception_in_the_background_is_raised_where_success_is_asked_for(ws, trace):
    running = tp.RunPlanInBackground(trace.step("raises", boom))

    with pytest.raises(BoomError):
        ended(running).is_succeeded()
