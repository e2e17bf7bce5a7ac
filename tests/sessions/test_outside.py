"""Writing into queues from threads that are in no run."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import taskplan as tp
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.operators.waiting import Puts
from taskplan.sessions.outside import OutsideWriter

TIMEOUT_S = 20.0


def reading(queue: BlobsQueue) -> tp.TaskGroup:
    """A group that takes all records, and adds them up in `total`."""
    with tp.TaskGroup() as group, tp.Task():
        total = tp.ops.Const(0)
        tp.final_output(total)
        with tp.ops.loop():
            value, ended = tp.ops.SafeDequeueBlobs([queue.name], 2)
            tp.ops.stop_if(ended)
            tp.ops.Add([total, value], [total])
    return group


def session_with(queue: BlobsQueue) -> tp.LocalSession:
    space = tp.Workspace()
    space.local_cell(queue.name).value = queue
    return tp.LocalSession(space)


def test_a_writer_outside_waits_for_readers_of_a_run_and_they_for_it():
    queue = BlobsQueue("q", 1, 1)
    writer = OutsideWriter(queue)
    group = reading(queue)
    taken: list[bool] = []

    def write() -> None:
        taken.extend(writer.put((np.int64(number),)) for number in range(100))
        writer.end()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    with session_with(queue) as session:
        session.run(group, timeout_s=TIMEOUT_S)
        [total] = session.outputs(group).values()
    thread.join(TIMEOUT_S)

    assert total == sum(range(100))
    assert taken == [True] * 100


def test_a_writer_that_waits_goes_on_when_the_queue_is_closed():
    queue = BlobsQueue("q", 1, 1)
    writer = OutsideWriter(queue)
    writer.put((1,))
    taken: list[bool] = []
    thread = threading.Thread(target=lambda: taken.append(writer.put((2,))), daemon=True)
    thread.start()
    while Puts not in queue.parked:
        thread.join(0)

    OutsideWriter(queue).close()
    thread.join(TIMEOUT_S)

    assert taken == [False]
    assert queue.statistics().refused == 1


def test_the_last_of_the_writers_outside_closes_the_queue_and_says_why():
    queue = BlobsQueue("q", 1, 1)
    first, last = OutsideWriter(queue), OutsideWriter(queue)
    group = reading(queue)

    first.end()
    is_open = not queue.closed
    last.end(OSError("the disk is gone"))

    assert is_open
    with session_with(queue) as session, pytest.raises(OSError, match="the disk is gone"):
        session.run(group)


def test_nobody_begins_to_write_into_a_closed_queue():
    queue = BlobsQueue("q", 1, 1)
    queue.close()

    with pytest.raises(tp.QueueClosedError, match=r"queue 'q' \(0 of 1, closed\) takes no more writers"):
        OutsideWriter(queue)
