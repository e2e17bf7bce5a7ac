"""What runs at the end: exit steps, closing blocks and last reports. (Design D6 (c) and (d); beyond the checklist.)"""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import (
    GLOBAL,
    LONG_MS,
    SOON_S,
    TIMEOUT_S,
    BoomError,
    awaits,
    boom,
    call,
    fail,
    here,
    notes,
    wait_for_nothing,
)

import taskplan as tp
from taskplan import ops

# --- (c) exit steps, (d) the closing phase ----------------------------------------------------------------------------


def write_blocks_around(trace: Any) -> None:
    """All kinds of blocks; of closing blocks, two each."""
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
    ("where", "begun"),
    [("local_init", ["local"]), ("task_init", ["task", "local"]), ("task_exit", ["task_instance", "task", "local"])],
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


@pytest.mark.overlap
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
            ops.Python(lambda inputs, outputs: boom("in the closing block"))([], [])

    with pytest.raises(BoomError, match="in the closing block") as caught:
        session.run(group)

    assert trace == ["local finally"]
    assert "task 'local/job'" in notes(caught.value)
    assert f"test_closing.py:{line}" in notes(caught.value)


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


def test_a_last_report_that_fails_is_a_note_that_says_where(session):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        with ops.task_reporter(interval_ms=LONG_MS):
            fail("in the report")
        fail()

    with pytest.raises(BoomError, match="boom") as caught:
        session.run(group)

    [line] = [line for line in notes(caught.value).splitlines() if "BoomError: in the report" in line]
    assert "task 'local/job' on node 'local'" in line


def test_what_fails_in_a_closing_block_of_an_instance_names_the_instance(session):
    with tp.TaskGroup() as group, tp.Task(name="job", num_instances=2):
        with ops.task_instance_finally():
            fail("in the closing block")

    with pytest.raises(BoomError, match="in the closing block") as caught:
        session.run(group)

    assert any(f"instance {number} of 2" in notes(caught.value) for number in (1, 2))


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


@pytest.mark.parametrize("closes", [False, True])
def test_private_workspaces_go_when_the_run_ends(session, closes):
    """At once, with all that they hold; not when the garbage collector comes by."""
    spaces: list[Any] = []
    with tp.TaskGroup(tp.WorkspaceType.PRIVATE) as group, tp.Task(num_instances=2):
        ops.Python(lambda inputs, outputs, space: spaces.append(weakref.ref(space)), pass_workspace=True)([], [])
        if closes:
            with ops.task_instance_finally():
                ops.Const(1)
    gc.disable()
    try:
        session.run(group)
        kept = [space for space in spaces if space() is not None]
    finally:
        gc.enable()

    assert len(spaces) == 2
    assert kept == []


def test_a_run_that_fails_twice_says_each_time_where(session):
    with tp.TaskGroup() as group, tp.Task(name="job"):
        fail()

    for _ in range(2):
        with pytest.raises(BoomError) as caught:
            session.run(group)
        assert notes(caught.value).count("task 'local/job'") == 1
