"""Runs that go on beside their caller: waiting for them, cancelling them, asking what they wait for."""

from __future__ import annotations

import threading

import pytest
from tests.conformance.programs import (
    SOON_S,
    TIMEOUT_S,
    BoomError,
    awaits,
    call,
    fail,
    notes,
    wait_for_nothing,
)

import taskplan as tp
from taskplan import ops


def adding(name: str = "sum") -> tp.TaskGroup:
    with tp.TaskGroup() as group, tp.Task(name=name):
        tp.final_output(ops.Add([ops.Const(1), ops.Const(2)], [name]))
    return group


def test_a_started_run_gives_its_outputs_when_it_has_ended(session):
    run = session.start(adding())

    assert run.wait(TIMEOUT_S)
    assert run.ended
    assert run.outputs["sum"] == 3


def test_outputs_wait_for_the_end(session):
    assert session.start(adding()).outputs["sum"] == 3


def test_a_failure_is_raised_each_time_that_the_run_is_waited_for(session):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        fail()
    run = session.start(group)

    for _ in range(2):
        with pytest.raises(BoomError, match="boom") as caught:
            run.wait(TIMEOUT_S)
        assert "task 'local/job'" in notes(caught.value)
    with pytest.raises(BoomError):
        _ = run.outputs


def test_what_the_checks_find_is_raised_by_start(session):
    with tp.TaskGroup() as group, tp.Task():
        ops.Copy("missing", "copy")

    with pytest.raises(tp.PlanError):
        session.start(group)


def test_a_closed_session_starts_nothing(session):
    session.close()

    with pytest.raises(tp.ClosedError):
        session.start(adding())


def test_a_run_that_has_ended_cannot_be_cancelled(session):
    run = session.start(adding())
    run.wait(TIMEOUT_S)

    assert not run.cancel()
    assert run.wait()


def test_several_runs_go_on_at_once(session):
    runs = [session.start(adding(f"sum_{number}")) for number in range(5)]

    assert [list(run.outputs.values()) for run in runs] == [[3]] * 5


@pytest.mark.overlap
def test_waiting_with_a_limit_says_whether_the_run_has_ended(session):
    release = threading.Event()
    with tp.TaskGroup() as group, tp.Task():
        call(awaits(release))
    run = session.start(group)

    assert not run.wait(SOON_S)
    release.set()
    assert run.wait(TIMEOUT_S)


@pytest.mark.overlap
@pytest.mark.parametrize("tasks", [1, 3])
def test_a_cancelled_run_closes_and_says_that_it_was_cancelled(session, trace, tasks):
    begun = threading.Semaphore(0)
    with tp.TaskGroup() as group:
        for _ in range(tasks):
            with tp.Task():
                with ops.task_exit():
                    trace.mark("exit")
                with ops.task_finally():
                    trace.mark("finally")
                call(begun.release)
                wait_for_nothing()
    run = session.start(group)
    for _ in range(tasks):
        assert begun.acquire(timeout=TIMEOUT_S)

    assert run.cancel("enough")

    with pytest.raises(tp.RunCancelledError, match="the run was cancelled: enough"):
        run.wait(TIMEOUT_S)
    assert trace == ["finally"] * tasks


@pytest.mark.overlap
def test_closing_the_session_cancels_what_it_has_started(session, trace):
    begun = threading.Event()
    with tp.TaskGroup() as group, tp.Task():
        with ops.task_finally():
            trace.mark("finally")
        call(begun.set)
        wait_for_nothing()
    run = session.start(group)
    begun.wait(TIMEOUT_S)

    session.close()

    with pytest.raises(tp.RunCancelledError, match="its session was closed"):
        run.wait(TIMEOUT_S)
    assert trace == ["finally"]


@pytest.mark.overlap
def test_a_function_that_ignores_a_cancellation_is_left_behind(open_session):
    """Also in a program without concurrency, since its caller does not stand in it."""
    session = open_session(grace_s=SOON_S)
    begun, release = threading.Event(), threading.Event()
    with tp.TaskGroup() as group, tp.Task(name="deaf"):
        call(lambda: begun.set() or awaits(release)())
    run = session.start(group)
    begun.wait(TIMEOUT_S)

    run.cancel()
    try:
        with pytest.raises(tp.RunCancelledError):
            run.wait(TIMEOUT_S)
        abandoned = session.abandoned()
    finally:
        release.set()

    assert len(abandoned) == 1
    assert "awaits" in abandoned[0]


@pytest.mark.one_process
@pytest.mark.overlap
def test_a_node_whose_function_ignores_the_end_is_left_behind(open_session):
    session = open_session(grace_s=SOON_S)
    begun, release = threading.Event(), threading.Event()
    with tp.TaskGroup() as group:
        with tp.Node("deaf"), tp.Task():
            call(lambda: begun.set() or awaits(release)())
        with tp.Node("fails"), tp.Task():
            call(awaits(begun))
            fail()

    try:
        with pytest.raises(BoomError):
            session.run(group)
        abandoned = session.abandoned()
    finally:
        release.set()

    assert len(abandoned) == 1
    assert "node 'deaf'" in abandoned[0]


@pytest.mark.overlap
def test_a_run_tells_what_it_waits_for_and_which_function_runs(session):
    begun, release = threading.Event(), threading.Event()
    channel = tp.Channel("numbers", capacity=3, schema=["n"])

    def slow() -> int:
        begun.set()
        awaits(release)()
        return 5

    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            channel.writer().write(None, [ops.call(slow)])
        with tp.Task(name="read"):
            _ended, record = channel.reader().read()
            tp.final_output(record.n())
    run = session.start(group)
    begun.wait(TIMEOUT_S)
    while not any(wait.operator for wait in run.why().waits):
        pass  # until the reader has come to the channel

    why = run.why()
    release.set()

    [wait] = [wait for wait in why.waits if wait.operator]
    assert (wait.who, wait.verb) == ("task 'local/read' on node 'local'", "take from")
    assert wait.subject == "queue 'channel:numbers' (0 of 3)"
    assert [(user.does, user.state) for user in wait.users] == [
        ("writes", "runs"),
        ("reads", "waits"),
        ("closes", "runs"),
    ]
    assert not wait.stuck
    [running] = why.calls
    assert "task 'local/write'" in running.path
    assert "in slow" in running.stack
    assert "awaits" in str(why)
    assert list(run.outputs.values()) == [5]
    assert str(session.why()) == "  nothing runs"


def test_closing_a_session_leaves_no_thread_of_a_run_that_has_just_begun(open_session):
    """A cancelled run still closes its tasks, and needs threads for that; `nothing_left_behind` looks after each."""
    for _ in range(30):
        session = open_session()
        with tp.TaskGroup() as group:
            for _ in range(2):
                with tp.Task():
                    with ops.task_finally():
                        ops.Const(1)
                    wait_for_nothing()
        run = session.start(group)
        session.close()

        assert run.ended
        assert [thread for thread in threading.enumerate() if thread.name.startswith("taskplan-")] == []
