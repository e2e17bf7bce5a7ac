"""Time limits and Ctrl-C are failures like any other. (Design D6 (e); beyond the checklist.)"""

from __future__ import annotations

import signal
import threading
from typing import Any

import pytest
from tests.conformance.programs import SOON_S, TIMEOUT_S, call, hand_out, interrupt, notes, wait_for_nothing

import taskplan as tp
from taskplan import ops

# --- (e) time limits --------------------------------------------------------------------------------------------------


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


# --- (e) Ctrl-C -------------------------------------------------------------------------------------------------------


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
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            seen.append(error)
            raise

    with tp.TaskGroup() as group, tp.Task(name="job"):
        with ops.task_exit():
            trace.mark("exit")
        with ops.task_finally():
            trace.mark("finally")
        call(interrupted)
        trace.mark("next operator")

    with pytest.raises(KeyboardInterrupt) as caught:
        session.run(group, timeout_s=TIMEOUT_S)

    assert seen == [caught.value]
    assert trace == ["finally"]
    assert "task 'local/job'" in notes(caught.value)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.overlap
@pytest.mark.parametrize("tasks", [1, 2])
def test_ctrl_c_ends_what_waits(session, trace, tasks):
    """On the main thread if there is one task, else on threads of the session while the main thread waits for them."""
    begun = threading.Event()
    all_begun = threading.Barrier(tasks, action=begun.set)
    with tp.TaskGroup() as group:
        for _ in range(tasks):
            with tp.Task():
                with ops.task_exit():
                    trace.mark("exit")
                with ops.task_finally():
                    trace.mark("finally")
                call(lambda: all_begun.wait(TIMEOUT_S))
                wait_for_nothing()
    sender = interrupt_from_outside(begun)

    with pytest.raises(KeyboardInterrupt):
        session.run(group, timeout_s=TIMEOUT_S)

    sender.join()
    assert trace == ["finally"] * tasks
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_the_last_moment_of_a_run_is_not_lost(session):
    """The main thread waits for two tasks, and hears of their end and of Ctrl-C at the same time."""
    with tp.TaskGroup() as group:
        for _ in range(2):
            with tp.Task():
                call(interrupt)
    not_raised = []

    for attempt in range(20):
        try:
            session.run(group, timeout_s=TIMEOUT_S)
            not_raised.append(attempt)
        except KeyboardInterrupt:
            pass

    assert not_raised == []


def test_ctrl_c_ends_a_kept_net_that_waits(ws):
    begun = threading.Event()
    net = tp.Net("waits")
    net.Python(lambda inputs, outputs: begun.set())([], [])
    queue = net.CreateBlobsQueue([], 1)
    hand_out(net)
    net.DequeueBlobs([queue], 1)
    kept = ws.create_net(net)
    sender = interrupt_from_outside(begun)

    with pytest.raises(KeyboardInterrupt):
        kept.run()

    sender.join()


@pytest.mark.overlap
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
        session.run(group, timeout_s=TIMEOUT_S)

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
