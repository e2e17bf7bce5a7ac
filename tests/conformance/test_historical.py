"""Programs that hang Caffe2, or abort its process, end with a message here. (The spec's weaknesses, by number.)"""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.programs import SOON_S, TIMEOUT_S, BoomError, boom, call, fail, forever, writing

import taskplan as tp
from taskplan import ops


def run(session: Any, group: tp.TaskGroup) -> None:
    session.run(group, timeout_s=TIMEOUT_S)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (fail, BoomError),
        (lambda: ops.Fail([], []), RuntimeError),
        (lambda: ops.Add([ops.Const([1.0, 2.0]), ops.Const([1.0, 2.0, 3.0])]), RuntimeError),
    ],
    ids=["Python error", "reported failure", "wrong shapes"],
)
def test_w6_an_error_in_a_worker_is_raised_instead_of_aborting_the_process(session, body, error):
    with tp.TaskGroup() as group:
        for _ in range(3):
            with tp.Task():
                body()

    with pytest.raises(error):
        run(session, group)


def test_w7_a_sibling_that_waits_in_a_dequeue_ends_with_the_failure_of_another(session):
    with tp.TaskGroup() as group:
        with tp.Task():
            ops.DequeueBlobs([ops.CreateBlobsQueue([], 1)], 1)
        with tp.Task():
            ops.Fail([], [])

    with pytest.raises(RuntimeError, match="Fail"):
        run(session, group)


def test_w13_a_task_with_a_stop_that_does_not_come_ends_when_its_body_does(session, trace):
    with tp.TaskGroup() as group, tp.Task():
        ops.stop_if(ops.Const(False))
        trace.mark("body")

    run(session, group)

    assert trace == ["body"]


def test_w5_a_stop_blob_and_nothing_but_a_reporter_is_refused(session):
    reporter = tp.execution_step("report", writing("x"), run_every_ms=1)
    step = tp.execution_step("alone", [reporter], should_stop_blob=tp.BlobReference("stop"))

    with pytest.raises((tp.PlanError, tp.StepError)):
        session.run(step, timeout_s=TIMEOUT_S)


def test_w12_ctrl_c_ends_a_loop_with_a_loop_in_it(session):
    inner = tp.Net("inner")
    inner.Python(lambda inputs, outputs: boom_later())([], [])
    calls = []

    def boom_later() -> None:
        calls.append(1)
        if len(calls) == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.run(forever("outer", forever("inner", inner)), timeout_s=TIMEOUT_S)


def test_w31_a_step_that_is_to_run_once_or_not_without_a_stop_blob_is_refused_or_runs():
    step = tp.execution_step("once", writing("x"), only_once=False)

    assert not step.Proto().HasField("only_once")


def test_wq5_a_dequeue_with_too_few_outputs_is_an_error_instead_of_a_crash(session):
    with tp.TaskGroup() as group, tp.Task():
        queue = ops.CreateRebatchingQueue([], 1, capacity=4, num_blobs=2)
        ops.EnqueueRebatchingQueue([queue, ops.Const([1.0]), ops.Const([2.0])], [], enqueue_batch=True)
        ops.DequeueRebatchingQueue([queue], 1, num_elements=1)

    with pytest.raises(RuntimeError, match="carries 2 blobs"):
        run(session, group)


@pytest.mark.parametrize("side", ["reader", "writer"])
def test_wq9_a_queue_with_one_side_only_says_so(session, side):
    with tp.TaskGroup() as group, tp.Task(name=side):
        queue = ops.CreateBlobsQueue([], ["jobs"], capacity=5)
        with ops.loop(200):
            if side == "reader":
                ops.DequeueBlobs([queue], 1)
            else:
                item = ops.Const(1)
                ops.EnqueueBlobs([queue, item], [item])

    with pytest.raises(tp.StalledError, match=f"nobody {'writes' if side == 'reader' else 'reads'} queue 'jobs'"):
        run(session, group)


def test_wq13_a_queue_without_room_is_refused(session):
    with pytest.raises(RuntimeError, match="capacity"), tp.TaskGroup() as group, tp.Task():
        ops.CreateBlobsQueue([], 1, capacity=0)
        run(session, group)


def test_wp1_a_failed_processor_neither_kills_the_process_nor_hangs_its_readers(session):
    rows = tp.Channel("rows", capacity=2, schema=["n"])
    with tp.TaskGroup() as group:
        with tp.Task(name="read"), ops.loop(10) as loop:
            rows.writer().write(None, [ops.call(lambda n: boom() if n == 3 else n, loop.iter())])
        with tp.Task(name="process"), ops.loop():
            ended, _record = rows.reader().read()
            ops.stop_if(ended)

    with pytest.raises(BoomError):
        run(session, group)


def test_w17_using_a_workspace_that_was_reset_is_an_error_instead_of_a_crash():
    space = tp.Workspace()
    space.feed_blob("x", 1)
    blob = space.create_blob("x")
    space.drop()

    with pytest.raises(RuntimeError, match="reset or closed"):
        blob.fetch()


def test_w43_a_body_that_raises_within_its_time_is_not_interrupted_later():
    with pytest.raises(BoomError), tp.timeout_guard.CompleteInTimeOrDie(SOON_S):
        boom()


def test_w10_a_reporter_that_raises_fails_the_step(session):
    with tp.TaskGroup() as group, tp.Task():
        with ops.task_reporter(interval_ms=1):
            call(boom)
        ops.Const(1)

    with pytest.raises(BoomError):
        run(session, group)
