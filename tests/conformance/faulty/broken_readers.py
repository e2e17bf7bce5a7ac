"""Writers that find no room: nobody reads, the readers have ended, or the queue is too small for their order."""

from __future__ import annotations

from tests.conformance.faulty.broken_pieces import (
    SHORT_MS,
    node_queue,
    node_rows,
    put,
    put_many,
    put_rows,
    send,
    take,
    take_many,
    take_rows,
    together,
)
from tests.conformance.faulty.corpus import broken

import taskplan as tp
from taskplan import ops

NOBODY_READS = "nobody reads"
READERS_ENDED = "the readers ended"
TOO_SMALL = "capacity too small"


# --- nobody reads -----------------------------------------------------------------------------------------------------


@broken(NOBODY_READS, tp.StalledError, "nobody reads queue 'jobs'", "(1 of 1)", "iteration 2")
def second_record_into_a_queue_of_one() -> tp.TaskGroup:
    """A task writes more than there is room for, and nobody takes anything out."""
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group, tp.Task(name="write"):
        ops.CreateBlobsQueue([], ["jobs"])
        with ops.loop(2):
            put("jobs")
    return group


@broken(NOBODY_READS, tp.StalledError, "nobody reads queue 'channel:log'", "on node 'worker'")
def log_that_nobody_reads() -> tp.TaskGroup:
    """Each node writes to a channel of its own; one of the two has a reader."""
    log, rows = tp.Channel("log", capacity=2), tp.Channel("rows", capacity=2)
    with tp.TaskGroup() as group:
        with tp.Node("worker"), tp.Task(name="work"):
            with ops.loop(3):
                send(log)
        with tp.Node("source"), tp.Task(name="read"):
            with ops.loop(3):
                send(rows)
        with tp.Node("sink"), tp.Task(name="store"):
            with ops.loop(3):
                rows.reader().read()
    return group


@broken(NOBODY_READS, tp.StalledError, "nobody reads queue 'rows'", "(4 of 4)", "EnqueueRebatchingQueue")
def batch_larger_than_its_queue() -> tp.TaskGroup:
    """A batch goes in row by row as readers make room; there are none."""
    with tp.TaskGroup() as group, tp.Task(name="write", num_instances=2):
        with ops.task_init():
            ops.CreateRebatchingQueue([], ["rows"], capacity=4)
        put_rows("rows", 6)
        with ops.task_instance_exit():
            put_rows("rows", 1)
    return group


@broken(NOBODY_READS, tp.StalledError, "nobody reads queue 'committed'", "step 'local/write:exit'")
def exit_into_a_full_queue() -> tp.TaskGroup:
    """The exit says twice that the work is done, into a queue of one that is for nobody."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("committed")
            ops.Const(1)
            with ops.task_exit():
                with ops.loop(2):
                    put("committed")
        with tp.Task(name="work"):
            ops.Const(1)
    return group


@broken(NOBODY_READS, tp.StalledError, "nobody reads queue 'jobs'", "step 'together'")
def two_writers_in_one_step() -> tp.TaskGroup:
    """Two blocks of a step write one record each, into a queue for one, while a reporter looks on."""
    with tp.TaskGroup() as group, tp.Task(name="write"):
        node_queue("jobs")
        with ops.task_reporter(interval_ms=SHORT_MS):
            ops.Const(1)
        with tp.NetBuilder("left") as left:
            put("jobs")
        with tp.NetBuilder("right") as right:
            put("jobs")
        together(left, right)
    return group


# --- the readers ended ------------------------------------------------------------------------------------------------


@broken(READERS_ENDED, tp.StalledError, "all readers of queue 'jobs' have ended", "task 'local/write'")
def reader_of_one() -> tp.TaskGroup:
    """The reader takes one record, the writer has five."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            put_many("jobs", 5)
        with tp.Task(name="read"):
            take("jobs")
    return group


@broken(READERS_ENDED, tp.StalledError, "all readers of queue 'channel:rows' have ended", "task 'source/write'")
def other_node_has_enough() -> tp.TaskGroup:
    """The reader on the other node takes two records of a channel and ends."""
    rows = tp.Channel("rows", capacity=1, schema=["number"])
    with tp.TaskGroup() as group:
        with tp.Node("source"), tp.Task(name="write"):
            with ops.loop(9):
                send(rows)
        with tp.Node("sink"), tp.Task(name="read"):
            reader = rows.reader()
            reader.read()
            with ops.task_exit():
                reader.read()
    return group


@broken(READERS_ENDED, tp.StalledError, "all readers of queue 'jobs' have ended", "of 2")
def three_readers_of_one_each() -> tp.TaskGroup:
    """Three instances take one record each; two writers have three each."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read", num_instances=3):
            take("jobs")
        with tp.Task(name="write", num_instances=2):
            node_queue("jobs")
            put_many("jobs", 3)
    return group


@broken(READERS_ENDED, tp.StalledError, "all readers of queue 'rows' have ended", "(3 of 3)")
def batches_with_a_rest() -> tp.TaskGroup:
    """Ten rows, of which the reader takes two batches of three, and three more have room."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_rows("rows", 3)
            put_rows("rows", 10)
        with tp.Task(name="read"):
            with ops.task_init():
                take_rows("rows", 3)
            take_rows("rows", 3)
    return group


@broken(READERS_ENDED, tp.StalledError, "all readers of queue 'jobs' have ended", "SafeEnqueueBlobs")
def reader_has_found_what_it_sought() -> tp.TaskGroup:
    """The reader stops at the number that it seeks; the writer, on which a reporter looks, has more of them."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            with ops.task_reporter(interval_ms=SHORT_MS):
                ops.call(lambda: 1)
            with ops.loop(9) as loop:
                number = ops.Copy([loop.iter()])
                ops.SafeEnqueueBlobs(["jobs", number], [number, "refused"])
        with tp.Task(name="seek"):
            sought = ops.Const(2)
            with ops.loop():
                ops.stop_if(ops.EQ([ops.Cast([take("jobs")], 1, to=tp.DataType.INT64), sought]))
    return group


# --- capacity too small -----------------------------------------------------------------------------------------------


@broken(TOO_SMALL, tp.StalledError, "writes more into queue 'jobs' than it holds before it reads it", "iteration 3")
def all_written_before_any_is_read() -> tp.TaskGroup:
    """One task fills a queue of two with three records, to read them afterwards."""
    with tp.TaskGroup() as group, tp.Task(name="alone"):
        node_queue("jobs", capacity=2)
        put_many("jobs", 3)
        take_many("jobs", 3)
    return group


@broken(TOO_SMALL, tp.StalledError, "writes more into queue 'rows' than it holds before it reads it", "(3 of 3)")
def rows_of_a_nested_loop() -> tp.TaskGroup:
    """Two times two rows for a queue of three, which is emptied at the end of each outer iteration."""
    with tp.TaskGroup() as group, tp.Task(name="alone"):
        node_rows("rows", 3)
        with ops.loop(4):
            with ops.loop(2):
                put_rows("rows", 2)
            take_rows("rows", 4)
    return group


@broken(TOO_SMALL, tp.StalledError, "writes more into queue 'jobs' than it holds", "step 'local/alone:init'")
def setup_fills_more_than_fits() -> tp.TaskGroup:
    """The setup of the task fills the queue that its body reads, with one record too many."""
    with tp.TaskGroup() as group, tp.Task(name="alone"):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["jobs"], capacity=2)
            for _ in range(3):
                put("jobs")
        take_many("jobs", 3)
    return group


@broken(TOO_SMALL, tp.StalledError, "wait for each other", "queue 'first' (2 of 2)", "queue 'second' (0 of 2)")
def read_in_another_order() -> tp.TaskGroup:
    """One task fills the first queue, and the second one at its exit; the other task reads the second one first."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("first", capacity=2)
            node_queue("second", capacity=2)
            put_many("first", 3)
            with ops.task_exit():
                put_many("second", 3)
        with tp.Task(name="read"):
            take_many("second", 3)
            take_many("first", 3)
    return group


@broken(TOO_SMALL, tp.StalledError, "wait for each other", "channel:first", "channel:second", "on node 'sink'")
def diamond_of_two_channels() -> tp.TaskGroup:
    """A relay passes one channel on only when it has ended, and the sink wants its record before."""
    first, second = tp.Channel("first", capacity=1), tp.Channel("second", capacity=1)
    with tp.TaskGroup() as group:
        with tp.Node("source"), tp.Task(name="write"):
            with ops.loop(3):
                send(first)
            send(second)
        with tp.Node("sink"), tp.Task(name="read"):
            second.reader().read()
            with ops.loop(3):
                first.reader().read()
    return group


@broken(TOO_SMALL, tp.StalledError, "writes more into queue 'channel:own' than it holds before it reads it")
def channel_to_oneself() -> tp.TaskGroup:
    """A task sends itself two records through a channel for one."""
    own = tp.Channel("own", capacity=1)
    with tp.TaskGroup() as group, tp.Task(name="alone"):
        send(own)
        send(own)
        own.reader().read()
    return group
