"""What a failed run raises and says, and what works after it. (Design D6; beyond the checklist.)

That a failure ends everything is shown by statements 69 to 74 of the checklist, in `test_plan_failure.py`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import (
    GLOBAL,
    SOON_S,
    TIMEOUT_S,
    BoomError,
    awaits,
    boom,
    call,
    fail,
    here,
    meets,
    notes,
    wait_for_nothing,
)

import taskplan as tp
from taskplan import ops

# --- (b) the failure and its place ------------------------------------------------------------------------------------


def test_the_first_failure_is_raised_itself(session):
    error = BoomError("mine")

    def throw() -> None:
        raise error

    with tp.TaskGroup() as group, tp.Task():
        call(throw)

    with pytest.raises(BoomError) as caught:
        session.run(group)

    assert caught.value is error
    assert caught.value.args == ("mine",)


def test_notes_name_task_node_step_iteration_net_operator_inputs_and_line(session):
    with tp.TaskGroup() as group, tp.Node("trainer"), tp.Task(name="sgd"):
        weights = ops.Const(np.zeros((2, 3), np.float32), blob_out="weights")
        with ops.loop(20, name="epochs") as loop:
            line = here() + 1
            ops.Python(lambda inputs, outputs: boom() if inputs[1].data == 16 else None)([weights, loop.iter()], [])

    with pytest.raises(BoomError, match="boom") as caught:
        session.run(group)

    said = notes(caught.value)
    assert "task 'trainer/sgd' on node 'trainer'" in said
    assert "step 'trainer/sgd/epochs', iteration 17" in said
    assert "net 'trainer/sgd/epochs" in said
    assert "op 1 Python" in said
    assert "'weights' float32" in said
    assert "(2, 3)" in said
    assert "int64" in said
    assert f"test_failure.py:{line}, in test_notes_name" in said


def test_notes_name_the_instance(session):
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        fail()

    with pytest.raises(BoomError) as caught:
        session.run(group)

    assert any(f"instance {number} of 3" in notes(caught.value) for number in (1, 2, 3))


def test_an_operator_that_refuses_its_inputs_has_the_same_notes(session):
    with tp.TaskGroup() as group, tp.Task(name="sum"):
        a, b = (ops.Const(np.zeros(size, np.float32)) for size in (3, 4))
        line = here() + 1
        ops.Add([a, b])

    with pytest.raises(tp.OperatorError, match="Add") as caught:
        session.run(group)

    assert isinstance(caught.value, RuntimeError)
    said = notes(caught.value)
    assert "task 'local/sum' on node 'local'" in said
    assert "(3,)" in said
    assert "(4,)" in said
    assert f"test_failure.py:{line}" in said


def test_a_failure_in_a_setup_block_says_where_it_is(session):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        with ops.task_init():
            line = here() + 1
            ops.Fail([], [])

    with pytest.raises(RuntimeError, match="Fail") as caught:
        session.run(group)

    assert "step 'local/job:init'" in notes(caught.value)
    assert f"test_failure.py:{line}" in notes(caught.value)


def meets_and_fails(barrier: threading.Barrier, message: str) -> Callable[[], None]:
    def meet_and_fail() -> None:
        barrier.wait(TIMEOUT_S)
        boom(message)

    return meet_and_fail


@pytest.mark.overlap
def test_failures_of_siblings_are_notes_of_the_first(session):
    """Both raise, since both run when the first of them does; each is said once, whatever it passes on its way."""
    barrier = threading.Barrier(2)
    with tp.TaskGroup() as group:
        for name in ("one", "two"):
            with tp.Task(name=name):
                with ops.task_finally():
                    ops.Const(1)
                call(meets_and_fails(barrier, f"failure of {name}"))

    with pytest.raises(BoomError) as caught:
        session.run(group)

    first = str(caught.value).rpartition(" ")[2]
    other = {"one": "two", "two": "one"}[first]
    assert notes(caught.value).count(f"BoomError: failure of {other}") == 1
    assert f"task 'local/{other}'" in notes(caught.value)


class UnshowableError(Exception):
    def __str__(self) -> str:
        msg = "no message"
        raise AttributeError(msg)

    __repr__ = __str__


@pytest.mark.overlap
def test_failures_that_cannot_be_shown_are_raised_themselves(session):
    """The second one is a note of the first, and the output tells of the first."""
    barrier = threading.Barrier(2)

    def throw() -> None:
        barrier.wait(TIMEOUT_S)
        raise UnshowableError

    with tp.TaskGroup() as group:
        with tp.Task():
            output = tp.final_output(ops.Const(1))
            call(throw)
        with tp.Task():
            call(throw)

    with pytest.raises(UnshowableError) as caught:
        session.run(group)

    assert "UnshowableError, which cannot be shown" in notes(caught.value)
    with pytest.raises(RuntimeError, match="the run failed: UnshowableError"):
        output.fetch()


def test_a_missing_blob_says_near_names_and_the_line(session):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        ops.Const(1, blob_out="grads")
        line = here() + 1
        ops.Copy(["grad"], ["copy"])

    with pytest.raises(RuntimeError, match="'grad'") as caught:
        session.run(group)

    said = f"{caught.value}\n{notes(caught.value)}"
    assert "'grads'" in said
    assert f"test_failure.py:{line}" in said


# --- after a failure --------------------------------------------------------------------------------------------------


@pytest.mark.overlap
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (fail, BoomError),
        (lambda: ops.Fail([], []), RuntimeError),
        (lambda: call(lambda: signal.raise_signal(signal.SIGINT)), KeyboardInterrupt),
        (wait_for_nothing, tp.TimedOutError),
    ],
    ids=["exception", "reported failure", "Ctrl-C", "time limit"],
)
def test_the_next_run_on_the_same_session_works(session, trace, body, error):
    with tp.TaskGroup() as bad, tp.Task():
        body()
    barrier = threading.Barrier(2)
    with tp.TaskGroup() as good:
        for name in ("a", "b"):
            with tp.Task():
                trace.mark(name, do=meets(barrier))

    with pytest.raises(error):
        session.run(bad, timeout_s=SOON_S if error is tp.TimedOutError else TIMEOUT_S)
    session.run(good)

    assert sorted(trace) == ["a", "b"]


def test_the_same_group_can_succeed_after_it_has_failed(session, trace):
    fails = [True]
    with tp.TaskGroup() as group, tp.Task():
        output = tp.final_output(ops.Const(3))
        call(lambda: boom() if fails else None)

    with pytest.raises(BoomError):
        session.run(group)
    fails.clear()
    session.run(group)

    assert output.fetch() == 3


@pytest.mark.overlap
def test_a_user_function_that_ignores_the_end_of_its_run_is_abandoned(open_session, ws):
    """(f): after `grace_s` it is left behind and named, and what it writes later is discarded."""
    session = open_session(grace_s=SOON_S)
    begun, release = threading.Event(), threading.Event()

    def ignores(_inputs: Any, outputs: Any) -> None:
        begun.set()
        awaits(release)()
        outputs[0].feed(np.array(1))

    with tp.TaskGroup(GLOBAL) as group:
        with tp.Task(name="deaf"):
            ops.Python(ignores)([], ["written late"])
        with tp.Task(name="fails"):
            call(awaits(begun))
            fail()

    try:
        with pytest.raises(BoomError):
            session.run(group)
        abandoned = session.abandoned()
    finally:
        release.set()
    session.close()

    assert len(abandoned) == 1
    assert "deaf" in abandoned[0]
    assert b"uninitialised" in ws.fetch_blob("written late")
