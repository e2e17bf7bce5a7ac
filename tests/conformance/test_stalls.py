"""Stalls end with the chain of who waits for whom, at once; what may still go on is never accused. (Design D7.)"""

from __future__ import annotations

import logging
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.programs import (
    LONG_MS,
    SOON_S,
    TIMEOUT_S,
    BoomError,
    awaits,
    call,
    fail,
    forever,
    here,
    notes,
    wait_for_nothing,
)

import taskplan as tp
from taskplan import ops


def reader_of_nothing(group: tp.TaskGroup, name: str = "read") -> int:
    """A task that reads a queue which nobody writes; returns the line of the read."""
    with group, tp.Task(name=name):
        queue = ops.CreateBlobsQueue([], ["jobs"], capacity=4)
        line = here() + 1
        ops.DequeueBlobs([queue], ["job"])
    return line


def test_the_error_says_who_waits_for_what_since_when_and_where(session):
    group = tp.TaskGroup()
    line = reader_of_nothing(group)

    with pytest.raises(tp.StalledError) as caught:
        session.run(group)

    [wait] = caught.value.why.waits
    assert wait.who == "task 'local/read' on node 'local'"
    assert wait.path == "task 'local/read' on node 'local' > net 'local/read' > op 2 DequeueBlobs"
    assert (wait.operator, wait.verb, wait.name) == ("DequeueBlobs", "take from", "jobs")
    assert wait.subject == "queue 'jobs' (0 of 4)"
    assert wait.for_s < TIMEOUT_S
    assert wait.site.line == line
    assert wait.ends == "when something is put into it, or it is closed"
    assert [(user.does, user.who, user.state) for user in wait.users] == [("reads", wait.who, "waits")]
    said = str(caught.value)
    assert said.startswith("nothing can go on: nobody writes queue 'jobs'\n")
    assert "written by nobody" in said
    assert f"test_stalls.py:{line}" in said


def test_the_error_pickles_with_its_chain(session):
    group = tp.TaskGroup()
    reader_of_nothing(group)
    with pytest.raises(tp.StalledError) as caught:
        session.run(group)

    copied = pickle.loads(pickle.dumps(caught.value))

    assert str(copied) == str(caught.value)
    assert copied.why == caught.value.why


def test_a_stall_is_a_failure_like_any_other(session, trace):
    group = tp.TaskGroup()
    reader_of_nothing(group)
    with group, tp.Task(name="other"):
        with ops.task_exit():
            trace.mark("exit")
        with ops.task_finally():
            trace.mark("finally")
        ops.DequeueBlobs([ops.CreateBlobsQueue([], 1)], 1)

    with pytest.raises(tp.StalledError):
        session.run(group)

    assert trace == ["finally"]


def test_a_stall_is_found_though_a_reporter_runs_at_intervals(session, trace):
    group = tp.TaskGroup()
    reader_of_nothing(group)
    with group, tp.Task(name="reports"):
        with ops.local_reporter(interval_ms=1):
            trace.mark("report")
        ops.Const(1)

    with pytest.raises(tp.StalledError, match="nobody writes"):
        session.run(group)

    assert trace[-1] == "report"


def test_a_reporter_that_may_write_what_is_waited_for_keeps_it_from_being_a_stall(session):
    """It wakes by itself, and what it does then ends the wait."""
    with tp.TaskGroup() as group:
        with tp.Task(name="make"), ops.local_init():
            ops.CreateBlobsQueue([], ["jobs"], capacity=1)
            ops.Const(0, blob_out="reports")
        with tp.Task(name="reports"):
            with ops.local_reporter(interval_ms=1):
                item = ops.Const(7)
                ops.SafeEnqueueBlobs(["jobs", item], [item, "refused"])
            ops.Const(1)
        with tp.Task(name="read"):
            value = ops.DequeueBlobs(["jobs"], ["value"])
            ops.CloseBlobsQueue(["jobs"], [])
            tp.final_output(value)

    session.run(group)

    assert session.outputs(group)["value"] == 7


def test_a_time_limit_does_not_count_as_something_that_goes_on(session):
    group = tp.TaskGroup()
    reader_of_nothing(group)

    began = time.monotonic()
    with pytest.raises(tp.StalledError):
        session.run(group, timeout_s=TIMEOUT_S)

    assert time.monotonic() - began < TIMEOUT_S / 2


def test_a_wait_with_a_limit_of_its_own_ends_by_itself(session):
    with tp.TaskGroup() as group, tp.Task():
        queue = ops.CreateBlobsQueue([], ["jobs"])
        ops.DequeueBlobs([queue], 1, timeout_secs=SOON_S)

    with pytest.raises(tp.ReportedError, match="gave up after"):
        session.run(group)


def test_a_failure_that_comes_counts_though_a_sibling_waits_for_good(session):
    """As long as somebody runs there is no stall."""
    group = tp.TaskGroup()
    reader_of_nothing(group)
    with group, tp.Task(name="fails"):
        with ops.loop(50):
            ops.Const(1)
        fail()

    with pytest.raises(BoomError):
        session.run(group)


# --- never accused ----------------------------------------------------------------------------------------------------


@pytest.mark.overlap
def test_a_queue_that_was_there_before_the_run_may_be_written_by_somebody_else(session, ws):
    """Another thread writes it while the run waits."""
    ws.run(tp.CreateOperator("CreateBlobsQueue", [], ["jobs"]))
    ws.feed_blob("job", 5)
    begun = threading.Event()

    def write() -> None:
        begun.wait(TIMEOUT_S)
        ws.run(tp.CreateOperator("EnqueueBlobs", ["jobs", "job"], ["job"]))

    with tp.TaskGroup() as group, tp.Task():
        call(begun.set)
        tp.final_output(ops.DequeueBlobs(["jobs"], ["got"]))
    writer = threading.Thread(target=write)
    writer.start()

    session.run(group, timeout_s=TIMEOUT_S)
    writer.join()

    assert session.outputs(group)["got"] == 5


@pytest.mark.overlap
def test_two_runs_of_one_workspace_may_wait_for_each_other(session, ws):
    """While another run uses the workspace, what one of them has made there may be used by the other."""
    begun = threading.Barrier(2)
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as reading, tp.Task():
        ops.CreateBlobsQueue([], ["jobs"])
        call(lambda: begun.wait(TIMEOUT_S))
        tp.final_output(ops.DequeueBlobs(["jobs"], ["got"]))
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as writing, tp.Task():
        call(lambda: begun.wait(TIMEOUT_S))
        ops.Python(lambda inputs, outputs, space: write_slowly(space), pass_workspace=True)([], [])

    def write_slowly(space: Any) -> None:
        while not any(wait.operator for wait in run.why().waits):
            pass  # until the other run waits
        space.feed_blob("job", 5)
        space.run(tp.CreateOperator("EnqueueBlobs", ["jobs", "job"], ["job"]))

    run = session.start(reading)
    session.run(writing, timeout_s=TIMEOUT_S)

    assert run.outputs["got"] == 5


@pytest.mark.overlap
def test_who_waits_for_a_function_that_runs_is_not_accused(session):
    begun, release = threading.Event(), threading.Event()
    channel = tp.Channel("numbers", capacity=1, schema=["n"])
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            channel.writer().write(None, [ops.call(lambda: begun.set() or awaits(release)() or 5)])
        with tp.Task(name="read"):
            tp.final_output(ops.Copy(channel.reader().read()[1].n(), "got"))
    run = session.start(group)
    begun.wait(TIMEOUT_S)
    while not any(wait.operator for wait in run.why().waits):
        pass  # until the reader waits
    release.set()

    assert run.outputs["got"] == 5


def test_a_queue_in_a_workspace_that_a_function_was_handed_is_open(session):
    with tp.TaskGroup() as group, tp.Task():
        wait_for_nothing()

    with pytest.raises((tp.TimedOutError, tp.StalledError)) as caught:
        session.run(group, timeout_s=SOON_S)

    assert isinstance(caught.value, tp.TimedOutError)
    assert caught.value.why.waits[0].open
    assert "it may be used from outside of the run" in str(caught.value)


def write_a_job() -> None:
    tp.FeedBlob("job", 7)
    tp.RunOperatorOnce(tp.CreateOperator("SafeEnqueueBlobs", ["jobs", "job"], ["job", "refused"]))


def test_a_reporter_whose_function_runs_operators_may_write_what_is_waited_for(session):
    """It is handed nothing, and names what runs operators in the current workspace."""
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Task(name="make"):
            with ops.local_init():
                ops.CreateBlobsQueue([], ["jobs"], capacity=9)
            with ops.local_reporter(interval_ms=1):
                call(write_a_job)
            ops.Const(1)
        with tp.Task(name="read"):
            tp.final_output(ops.DequeueBlobs(["jobs"], ["got"]))

    session.run(group, timeout_s=TIMEOUT_S)

    assert session.outputs(group)["got"] == 7


# --- while others go on -----------------------------------------------------------------------------------------------


@pytest.mark.overlap
def test_who_is_stuck_for_good_fails_the_run_after_a_while_also_while_others_go_on(open_session):
    session = open_session(stall_warning_s=SOON_S)
    group = tp.TaskGroup()
    reader_of_nothing(group)
    busy = tp.Net("busy")
    busy.Const(1)
    with group:
        tp.Task(name="busy", step=forever("busy", busy))

    with pytest.raises(tp.StalledError, match="task 'local/read' on node 'local' can never go on: nobody writes"):
        session.run(group, timeout_s=TIMEOUT_S)


@pytest.mark.overlap
def test_who_waits_long_for_what_may_come_is_reported_in_the_log(open_session, caplog):
    session = open_session(stall_warning_s=SOON_S)
    release = threading.Event()
    channel = tp.Channel("numbers", capacity=1, schema=["n"])

    class Releases(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            release.set()

    def takes_long() -> int:
        awaits(release)()
        return 5

    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            channel.writer().write(None, [ops.call(takes_long)])
        with tp.Task(name="read"):
            tp.final_output(ops.Copy(channel.reader().read()[1].n(), "got"))
    logger, handler = logging.getLogger("taskplan"), Releases(logging.WARNING)
    logger.addHandler(handler)
    try:
        session.run(group, timeout_s=TIMEOUT_S)
    finally:
        logger.removeHandler(handler)

    said = caplog.text
    assert "a step has waited for" in said
    assert "queue 'channel:numbers' (0 of 1)" in said
    assert "in takes_long" in said
    assert session.outputs(group)["got"] == 5


# --- mistakes that are recognised -------------------------------------------------------------------------------------


def nobody_closes() -> None:
    with tp.Task(name="write"):
        with ops.local_init():
            ops.CreateBlobsQueue([], ["jobs"], capacity=2)
        item = ops.Const(1)
        ops.EnqueueBlobs(["jobs", item], [item])
    with tp.Task(name="read"), ops.loop():
        _, ended = ops.SafeDequeueBlobs(["jobs"], 2)
        ops.stop_if(ended)


def nobody_reads() -> None:
    with tp.Task(name="write"):
        queue = ops.CreateBlobsQueue([], ["jobs"], capacity=2)
        with ops.loop(3):
            item = ops.Const(1)
            ops.EnqueueBlobs([queue, item], [item])


def too_small() -> None:
    nobody_reads()
    with tp.Task(name="read later"), ops.local_exit():
        ops.DequeueBlobs(["jobs"], 1)


def ring_of_full_queues() -> None:
    with tp.Task(name="make"), ops.local_init():
        for name in ("left", "right"):
            ops.CreateBlobsQueue([], [name], capacity=1)
    for name, mine, other in (("a", "left", "right"), ("b", "right", "left")):
        with tp.Task(name=name):
            for _ in range(2):
                item = ops.Const(1)
                ops.EnqueueBlobs([mine, item], [item])
            ops.DequeueBlobs([other], 1)


def alone_with_its_queue() -> None:
    with tp.Task(name="both"):
        queue = ops.CreateBlobsQueue([], ["jobs"], capacity=1)
        ops.DequeueBlobs([queue], 1)
        item = ops.Const(1)
        ops.EnqueueBlobs([queue, item], [item])


@pytest.mark.parametrize(
    ("write", "hint"),
    [
        (nobody_closes, "all writers of queue 'jobs' have ended, and nobody closes it"),
        (nobody_reads, "nobody reads queue 'jobs'"),
        (ring_of_full_queues, "wait for each other, all for room in full queues"),
        (alone_with_its_queue, "reads queue 'jobs' before it writes it, and nobody else does"),
    ],
)
def test_typical_mistakes_are_named(session, write: Callable[[], None], hint: str):
    with tp.TaskGroup() as group:
        write()

    with pytest.raises(tp.StalledError, match="nothing can go on") as caught:
        session.run(group)

    assert hint in str(caught.value).splitlines()[0]
    assert any(hint in each for each in caught.value.why.hints)


def test_a_stall_in_a_closing_block_ends_it_at_once(session, trace):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        with ops.local_finally():
            trace.mark("local finally")
        with ops.task_finally():
            ops.DequeueBlobs([ops.CreateBlobsQueue([], ["jobs"])], 1)
        fail()

    with pytest.raises(BoomError) as caught:
        session.run(group)

    assert "StalledError: nothing can go on: nobody writes queue 'jobs'" in notes(caught.value)
    assert trace == ["local finally"]


def test_reporters_that_never_come_again_do_not_delay_the_stall(session):
    group = tp.TaskGroup()
    reader_of_nothing(group)
    with group, tp.Task(name="reports"):
        with ops.task_reporter(interval_ms=LONG_MS):
            ops.Const(1)
        ops.DequeueBlobs([ops.CreateBlobsQueue([], 1)], 1)

    with pytest.raises(tp.StalledError):
        session.run(group)


def test_a_stall_of_many_steps_is_told_like_one_of_two(session):
    """Each waits for the one before it, all around."""
    channels = [tp.Channel(f"c{number}", capacity=1, schema=["n"]) for number in range(300)]
    with tp.TaskGroup() as group:
        for number, channel in enumerate(channels):
            with tp.Task(name=f"t{number}"):
                writer = channels[number - 1].writer()
                with ops.loop():
                    ended, record = channel.reader().read()
                    ops.stop_if(ended)
                    writer.write(None, [record.n()])

    with pytest.raises(tp.StalledError) as caught:
        session.run(group)

    [hint] = caught.value.why.hints
    assert hint.endswith("wait for each other")
    assert len(caught.value.why.waits) == 300
