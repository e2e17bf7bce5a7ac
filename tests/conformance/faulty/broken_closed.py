"""Writing to a queue that has been closed, and reading behind its end."""

from __future__ import annotations

from tests.conformance.faulty.broken_pieces import close, node_queue, node_rows, put, put_many, put_rows, send, take
from tests.conformance.faulty.corpus import broken

import taskplan as tp
from taskplan import ops

CLOSED = "write to a closed queue"
ENDED = "read behind the end"


# --- writing ----------------------------------------------------------------------------------------------------------


@broken(CLOSED, tp.QueueClosedError, "EnqueueBlobs: queue 'jobs' is closed, 1 in it are left for readers")
def closed_one_record_too_early() -> tp.TaskGroup:
    """A task writes, closes and writes again."""
    with tp.TaskGroup() as group, tp.Task(name="write"):
        jobs = node_queue("jobs", capacity=3)
        put(jobs)
        close(jobs)
        put(jobs)
    return group


@broken(CLOSED, tp.QueueClosedError, "EnqueueBlobs: queue 'jobs' is closed", "task 'local/slow'")
def closed_by_the_first_of_two_writers() -> tp.TaskGroup:
    """The first writer closes the queue of both, and then lets the second one write."""
    with tp.TaskGroup() as group:
        with tp.Task(name="quick"):
            node_queue("jobs", capacity=3)
            node_queue("turn")
            put("jobs")
            close("jobs")
            put("turn")
        with tp.Task(name="slow"):
            take("turn")
            put_many("jobs", 2)
    return group


@broken(CLOSED, tp.QueueClosedError, "EnqueueRebatchingQueue: queue 'rows' is closed", "iteration 2")
def rows_behind_the_end() -> tp.TaskGroup:
    """Rows are written in a loop that closes their queue at the end of each iteration."""
    with tp.TaskGroup() as group, tp.Task(name="write"):
        ops.CreateRebatchingQueue([], ["rows"], capacity=9)
        with ops.loop(3):
            with ops.loop(2):
                put_rows("rows", 1)
            ops.CloseRebatchingQueue(["rows"], [])
    return group


@broken(CLOSED, tp.QueueClosedError, "EnqueueBlobs: queue 'channel:rows' is closed", "task 'a/write' on node 'a'")
def channel_closed_by_its_reader() -> tp.TaskGroup:
    """The reader closes a channel when it has what it wants, and the writer, which waits to hear of that, goes on."""
    rows, answers = tp.Channel("rows", capacity=4), tp.Channel("answers", capacity=1)
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="write"):
            send(rows)
            with ops.task_exit():
                ops.DequeueBlobs([answers.queue()], 1)
                put(rows.queue())
            answers.reader()
        with tp.Node("b"), tp.Task(name="read"):
            rows.reader().read()
            close(rows.queue())
            send(answers)
    return group


@broken(CLOSED, tp.QueueClosedError, "EnqueueBlobs: queue 'jobs' is closed", "of 3")
def closed_by_each_instance() -> tp.TaskGroup:
    """Each instance closes the queue that all of them write to, and all want to write twice."""
    with tp.TaskGroup() as group, tp.Task(name="write", num_instances=3):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["jobs"], capacity=9)
        with ops.loop(2):
            put("jobs")
            close("jobs")
    return group


# --- reading ----------------------------------------------------------------------------------------------------------


@broken(ENDED, tp.QueueClosedError, "DequeueBlobs: queue 'jobs' is closed", "iteration 3")
def third_of_two_records() -> tp.TaskGroup:
    """A loop reads one record more than the closed queue has."""
    with tp.TaskGroup() as group, tp.Task(name="alone"):
        jobs = node_queue("jobs", capacity=2)
        put(jobs)
        put(jobs)
        close(jobs)
        with ops.loop(3):
            take(jobs)
    return group


@broken(ENDED, tp.QueueClosedError, "DequeueBlobs: queue 'jobs' is closed", "task 'local/read'")
def reader_that_does_not_ask_for_the_end() -> tp.TaskGroup:
    """The reader goes on until it fails: its loop has no other way out."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            put_many("jobs", 3)
            with ops.task_exit():
                close("jobs")
        with tp.Task(name="read"):
            never = ops.Const(False)
            with ops.loop():
                take("jobs")
                ops.stop_if(never)
    return group


@broken(ENDED, tp.QueueClosedError, "DequeueRebatchingQueue: queue 'rows' is closed", "of 2")
def more_readers_than_batches() -> tp.TaskGroup:
    """Two instances take a batch each, and there are rows for one."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_rows("rows", 4)
            put_rows("rows", 3)
            ops.CloseRebatchingQueue(["rows"], [])
        with tp.Task(name="read", num_instances=2):
            ops.DequeueRebatchingQueue(["rows"], 1, num_elements=3)
    return group


@broken(ENDED, tp.QueueClosedError, "DequeueBlobs: queue 'channel:rows' is closed", "task 'b/read' on node 'b'")
def channel_read_as_a_queue() -> tp.TaskGroup:
    """The exit of the reader wants one record more; that the channel has ended is no record."""
    rows = tp.Channel("rows", capacity=1)
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="write"):
            with ops.loop(2):
                send(rows)
        with tp.Node("b"), tp.Task(name="read"):
            rows.reader()
            with ops.loop(2):
                take(rows.queue())
            with ops.task_exit():
                take(rows.queue())
    return group
