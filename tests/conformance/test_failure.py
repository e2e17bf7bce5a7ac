"""How a run fails: as one, with the first failure itself, its place, and the closing phase. (Design D6; beyond the checklist.)

Statements 69 to 75 of the checklist are in `test_plan_execution.py`.
"""

from __future__ import annotations

import inspect
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import taskplan as tp
from taskplan import ops

TIMEOUT_S = 10
LONG_MS = 3_600_000
SOON_S = 0.05

PRIVATE, GLOBAL = tp.WorkspaceType.PRIVATE, tp.WorkspaceType.GLOBAL


class BoomError(Exception):
    """What the user's own code raises."""


def boom(message: str = "boom") -> None:
    raise BoomError(message)


def fail(message: str = "boom") -> None:
    """Add an operator that raises."""
    ops.Python(lambda inputs, outputs: boom(message))([], [])


def call(function: Callable[[], object]) -> None:
    """Add an operator that calls a function."""
    ops.Python(lambda inputs, outputs: function())([], [])


def awaits(event: threading.Event) -> Callable[[], None]:
    def wait() -> None:
        assert event.wait(TIMEOUT_S)

    return wait


def wait_for_nothing() -> None:
    """Add operators that wait for ever, as far as the program knows."""
    ops.DequeueBlobs([ops.CreateBlobsQueue([], 1)], 1)


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", []))


def here() -> int:
    """The line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


# --- (b) the failure and its place --------------------------------------------------------------------------------------


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


def test_failures_of_siblings_are_notes_of_the_first(session):
    """Both raise, since both run when the first of them does."""
    barrier = threading.Barrier(2)
    with tp.TaskGroup() as group:
        for name in ("one", "two"):
            with tp.Task(name=name):
                call(lambda name=name: barrier.wait(TIMEOUT_S) is None or boom(f"failure of {name}"))

    with pytest.raises(BoomError) as caught:
        session.run(group)

    first = str(caught.value).rpartition(" ")[2]
    other = {"one": "two", "two": "one"}[first]
    assert f"BoomError: failure of {other}" in notes(caught.value)
    assert f"task 'local/{other}'" in notes(caught.value)


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


# --- (c) exit steps, (d) the closing phase ------------------------------------------------------------------------------


def write_blocks_around(trace: Any) -> None:
    """In the order in which they are to run on success, but for each kind's two closing blocks: the last one runs first."""
    for number in (1, 2):
        for kind in ("task_instance", "task", "local"):
            with getattr(ops, f"{kind}_finally")():
                trace.mark(f"{kind} finally {number}")
    for kind in ("local", "task", "task_instance"):
        with getattr(ops, f"{kind}_init")():
            trace.mark(f"{kind} init")
        with getattr(ops, f"{kind}_exit")():
            trace.mark(f"{kind} exit")


INITS = ["local init", "task init", "task_instance init"]


def finallies(kind: str) -> list[str]:
    return [f"{kind} finally 2", f"{kind} finally 1"]


def test_on_success_closing_blocks_follow_the_exit_steps_innermost_first_and_in_reverse_order(session, trace):
    with tp.TaskGroup() as group, tp.Task():
        write_blocks_around(trace)
        trace.mark("body")

    session.run(group)

    ends = [mark for kind in ("task_instance", "task", "local") for mark in (f"{kind} exit", *finallies(kind))]
    assert trace == [*INITS, "body", *ends]


def test_on_failure_closing_blocks_run_instead_of_the_exit_steps(session, trace):
    """(c): exit steps are part of success; a writer must not commit half its data."""
    with tp.TaskGroup() as group, tp.Task():
        write_blocks_around(trace)
        trace.mark("body")
        fail()

    with pytest.raises(BoomError):
        session.run(group)

    assert trace == [*INITS, "body", *finallies("task_instance"), *finallies("task"), *finallies("local")]


@pytest.mark.parametrize(
    ("where", "begun"), [("local_init", ["local"]), ("task_init", ["task", "local"]), ("task_exit", ["task_instance", "task", "local"])]
)
def test_closing_blocks_of_what_has_begun_run(session, trace, where, begun):
    with tp.TaskGroup() as group, tp.Task():
        for kind in ("task_instance", "task", "local"):
            with getattr(ops, f"{kind}_finally")():
                trace.mark(kind)
        with getattr(ops, where)():
            fail()
        ops.Const(1)

    with pytest.raises(BoomError):
        session.run(group)

    assert trace == begun


def test_each_instance_has_its_closing_blocks_and_they_see_its_blobs(session):
    closed, numbers = [], iter(range(3))
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        with ops.task_instance_init():
            number = ops.Python(lambda inputs, outputs: outputs[0].feed(np.array(next(numbers))))([], 1)
        barrier = threading.Barrier(3)
        call(lambda: barrier.wait(TIMEOUT_S))
        ops.Python(lambda inputs, outputs: boom() if inputs[0].data == 1 else None)([number], [])
        with ops.task_instance_finally():
            ops.Python(lambda inputs, outputs: closed.append(int(inputs[0].data)))([number], [])

    with pytest.raises(BoomError):
        session.run(group)

    assert sorted(closed) == [0, 1, 2]


def test_a_task_that_is_stopped_by_the_failure_of_another_closes_too(session, trace):
    begun = threading.Event()
    with tp.TaskGroup() as group:
        with tp.Task():
            with ops.task_finally():
                trace.mark("closed")
            with ops.task_exit():
                trace.mark("exit")
            call(begun.set)
            wait_for_nothing()
        with tp.Task():
            call(awaits(begun))
            fail()

    with pytest.raises(BoomError):
        session.run(group)

    assert trace == ["closed"]


class Table:
    """A setup object with all methods of the protocol."""

    def __init__(self, trace: Any) -> None:
        self.trace = trace

    def setup(self, init_net: tp.Net) -> None:
        self.trace.mark("setup", net=init_net)

    def exit(self, exit_net: tp.Net) -> None:
        self.trace.mark("exit", net=exit_net)

    def cleanup(self, cleanup_net: tp.Net) -> Any:
        self.trace.mark("cleanup", net=cleanup_net)
        return self.trace.net("more cleanup")


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("key", [tp.Task.TASK_SETUP, tp.Task.TASK_INSTANCE_SETUP, tp.TaskGroup.LOCAL_SETUP])
def test_setup_objects_clean_up(session, trace, key, fails):
    nets = tp.SetupNets(cleanup_nets=[trace.net("cleanup net")])
    with tp.TaskGroup() as group, tp.Task():
        net = ops.net()
        net.add_attribute(key, Table(trace))
        net.add_attribute(key, nets)
        trace.mark("body")
        if fails:
            fail()

    if fails:
        with pytest.raises(BoomError):
            session.run(group)
    else:
        session.run(group)

    exits = [] if fails else ["exit"]
    assert trace == ["setup", "body", *exits, "cleanup net", "cleanup", "more cleanup"]


def test_a_closing_block_may_wait_though_the_run_is_cancelled(session, trace):
    with tp.TaskGroup() as group, tp.Task():
        with ops.task_init():
            queue = ops.CreateBlobsQueue([], 1, capacity=1)
        with ops.task_finally():
            item = ops.Const(3)
            ops.EnqueueBlobs([queue, item], [item])
            ops.DequeueBlobs([queue], 1)
            trace.mark("closed")
        fail()

    with pytest.raises(BoomError):
        session.run(group)

    assert trace == ["closed"]


def test_what_fails_in_a_closing_block_is_a_note_of_the_failure_before_and_the_others_run(session, trace):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        for number in (1, 2, 3):
            with ops.task_finally():
                trace.mark(f"finally {number}")
                if number == 2:
                    fail("in the closing block")
        fail()

    with pytest.raises(BoomError, match="boom") as caught:
        session.run(group)

    assert trace == ["finally 3", "finally 2", "finally 1"]
    assert "BoomError: in the closing block" in notes(caught.value)


def test_what_fails_in_a_closing_block_is_the_failure_if_there_was_none(session, trace):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        with ops.local_finally():
            trace.mark("local finally")
        with ops.task_finally():
            line = here() + 1
            fail("in the closing block")

    with pytest.raises(BoomError, match="in the closing block") as caught:
        session.run(group)

    assert trace == ["local finally"]
    assert "task 'local/job'" in notes(caught.value)
    assert f"test_failure.py:{line}" not in notes(caught.value)  # the line is that of `fail` itself
    assert "in fail" in notes(caught.value)


def test_a_closing_block_that_does_not_end_is_given_up(open_session, trace):
    session = open_session(grace_s=SOON_S)
    with tp.TaskGroup() as group, tp.Task():
        with ops.local_finally():
            trace.mark("local finally")
        with ops.task_finally():
            wait_for_nothing()
        fail()

    with pytest.raises(BoomError, match="boom") as caught:
        session.run(group)

    assert "TimedOutError: closing block" in notes(caught.value)
    assert trace == ["local finally"]


@pytest.mark.parametrize("fails", [False, True])
def test_reporters_run_their_last_time_and_after_a_failure_behind_all_closing_blocks(session, trace, fails):
    with tp.TaskGroup() as group, tp.Task():
        with ops.local_reporter(interval_ms=LONG_MS):
            trace.mark("local report")
        with ops.task_reporter(interval_ms=LONG_MS):
            trace.mark("report")
        with ops.task_finally():
            trace.mark("finally")
        with ops.local_finally():
            trace.mark("local finally")
        trace.mark("body")
        if fails:
            fail()

    if fails:
        with pytest.raises(BoomError):
            session.run(group)
        assert trace == ["body", "finally", "local finally", "report", "local report"]
    else:
        session.run(group)
        assert trace == ["body", "report", "finally", "local report", "local finally"]


def test_queues_of_a_failed_run_are_closed_as_failed(session, ws):
    """Whoever reads on gets an error, and neither waits nor takes half of the data for the whole."""
    with tp.TaskGroup(GLOBAL) as group, tp.Task():
        queue = ops.CreateBlobsQueue([], ["queue"], capacity=5)
        item = ops.Const(1)
        ops.EnqueueBlobs([queue, item], [item])
        fail()
    with pytest.raises(BoomError):
        session.run(group)

    read = tp.Net("read")
    read.DequeueBlobs(["queue"], ["item"])
    with pytest.raises(tp.QueueClosedError):
        ws.run(read)


def test_a_run_that_fails_twice_says_each_time_where(session):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        fail()

    for _ in range(2):
        with pytest.raises(BoomError) as caught:
            session.run(group)
        assert notes(caught.value).count("task 'local/job'") == 1


# --- (e) time limits ----------------------------------------------------------------------------------------------------


def waiting_group(trace: Any) -> tp.TaskGroup:
    with tp.TaskGroup() as group, tp.Task(name="waits"):
        with ops.task_exit():
            trace.mark("exit")
        with ops.task_finally():
            trace.mark("finally")
        wait_for_nothing()
    return group


def busy_group(trace: Any) -> tp.TaskGroup:
    with tp.TaskGroup() as group, tp.Task(name="busy"):
        with ops.task_exit():
            trace.mark("exit")
        with ops.task_finally():
            trace.mark("finally")
        with ops.loop(10**12):
            ops.Const(1)
    return group


@pytest.mark.parametrize("make", [waiting_group, busy_group])
def test_a_run_that_takes_too_long_raises_timed_out_error_and_closes(session, trace, make):
    with pytest.raises(tp.TimedOutError, match=f"{SOON_S}"):
        session.run(make(trace), timeout_s=SOON_S)

    assert trace == ["finally"]


def test_a_session_has_a_time_limit_for_all_its_runs(open_session, trace):
    session = open_session(timeout_s=SOON_S)

    with pytest.raises(tp.TimedOutError):
        session.run(waiting_group(trace))

    assert trace == ["finally"]


def test_a_time_limit_that_is_kept_changes_nothing(session, trace):
    session.run(trace.net("net"), timeout_s=3600)

    assert trace == ["net"]


# --- (e) Ctrl-C ---------------------------------------------------------------------------------------------------------


def interrupt() -> None:
    """Send Ctrl-C, and return when it is on its way."""
    os.kill(os.getpid(), signal.SIGINT)


def interrupt_from_outside(after: threading.Event) -> threading.Thread:
    """Send Ctrl-C from another thread, once something has happened."""

    def send() -> None:
        if after.wait(TIMEOUT_S):
            interrupt()

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_ctrl_c_is_raised_inside_a_user_function_on_the_main_thread(session, trace):
    seen = []

    def interrupted() -> None:
        sender = interrupt_from_outside(begun)
        try:
            begun.set()
            threading.Event().wait(TIMEOUT_S)
        except KeyboardInterrupt as error:
            seen.append(error)
            raise
        finally:
            sender.join()

    begun = threading.Event()
    with tp.TaskGroup() as group, tp.Task(name="job"):
        with ops.task_exit():
            trace.mark("exit")
        with ops.task_finally():
            trace.mark("finally")
        call(interrupted)
        trace.mark("next operator")

    with pytest.raises(KeyboardInterrupt) as caught:
        session.run(group)

    assert seen == [caught.value]
    assert trace == ["finally"]
    assert "task 'local/job'" in notes(caught.value)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("tasks", [1, 2])
def test_ctrl_c_ends_what_waits(session, trace, tasks):
    """On the main thread if there is one task, else on threads of the session while the main thread waits for them."""
    begun = threading.Event()
    with tp.TaskGroup() as group:
        for _ in range(tasks):
            with tp.Task():
                with ops.task_exit():
                    trace.mark("exit")
                with ops.task_finally():
                    trace.mark("finally")
                call(begun.set)
                wait_for_nothing()
    sender = interrupt_from_outside(begun)

    with pytest.raises(KeyboardInterrupt):
        session.run(group)

    sender.join()
    assert trace == ["finally"] * tasks
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_skips_the_closing_phase(session, trace):
    begun, closing = threading.Event(), threading.Event()
    with tp.TaskGroup() as group, tp.Task():
        with ops.local_finally():
            trace.mark("local finally")
        with ops.task_finally():
            trace.mark("finally", do=closing.set)
            wait_for_nothing()
        call(begun.set)
        wait_for_nothing()
    senders = [interrupt_from_outside(begun), interrupt_from_outside(closing)]

    with pytest.raises(KeyboardInterrupt):
        session.run(group)

    for sender in senders:
        sender.join()
    assert trace == ["finally"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_programs_own_is_there_again_after_a_run(session, trace):
    def handler(_signal: int, _frame: object) -> None:
        trace.append("handled")

    before = signal.signal(signal.SIGINT, handler)
    try:
        session.run(trace.net("net"))
        after = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert after is handler


def test_a_session_runs_beside_the_main_thread_too(open_session, trace):
    """Signals belong to the main thread; elsewhere they are left alone."""
    session = open_session()
    thread = threading.Thread(target=session.run, args=(trace.net("net"),))

    thread.start()
    thread.join(TIMEOUT_S)

    assert trace == ["net"]


# --- after a failure ----------------------------------------------------------------------------------------------------


def raising(_trace: Any) -> tp.TaskGroup:
    with tp.TaskGroup() as group, tp.Task():
        fail()
    return group


def reporting_failure(_trace: Any) -> tp.TaskGroup:
    with tp.TaskGroup() as group, tp.Task():
        ops.Fail([], [])
    return group


def interrupting(_trace: Any) -> tp.TaskGroup:
    with tp.TaskGroup() as group, tp.Task():
        call(lambda: interrupt() or threading.Event().wait(TIMEOUT_S))
    return group


@pytest.mark.parametrize("make", [raising, reporting_failure, interrupting, waiting_group], ids=lambda make: make.__name__)
def test_the_next_run_on_the_same_session_works(session, trace, make):
    group = make(trace)
    with pytest.raises((BoomError, RuntimeError, KeyboardInterrupt)):
        session.run(group, timeout_s=1 if make is not waiting_group else SOON_S)
    trace.clear()
    barrier = threading.Barrier(2)
    with tp.TaskGroup() as good:
        for name in ("a", "b"):
            with tp.Task():
                trace.mark(name, do=lambda: barrier.wait(TIMEOUT_S))

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
