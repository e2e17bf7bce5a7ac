"""Readers whose record never comes: nobody writes it, nobody closes the queue, or its writer ended without it."""

from __future__ import annotations

from tests.conformance.faulty.broken_pieces import (
    SHORT_MS,
    close,
    node_queue,
    node_rows,
    put,
    put_many,
    put_rows,
    take,
    take_all,
    take_many,
    take_rows,
    together,
)
from tests.conformance.faulty.corpus import broken

import taskplan as tp
from taskplan import ops

NOBODY_WRITES = "nobody writes"
NOBODY_CLOSES = "nobody closes"
ENDED_WITHOUT = "the writer ended without writing"


# --- nobody writes ----------------------------------------------------------------------------------------------------


@broken(NOBODY_WRITES, tp.StalledError, "nobody writes queue 'jobs'", "DequeueBlobs", "written by nobody")
def alone_with_its_queue() -> tp.TaskGroup:
    """A task makes a queue and reads from it at once."""
    with tp.TaskGroup() as group, tp.Task(name="read"):
        ops.CreateBlobsQueue([], ["jobs"])
        take("jobs")
    return group


@broken(NOBODY_WRITES, tp.StalledError, "nobody writes queue 'jobs'", "task 'local/read'")
def writer_of_another_queue() -> tp.TaskGroup:
    """The writer fills `results`, the reader waits for `jobs`."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("results", capacity=9)
            put_many("results", 3)
        with tp.Task(name="read"):
            node_queue("jobs")
            take_all("jobs")
    return group


@broken(NOBODY_WRITES, tp.StalledError, "nobody writes queue 'jobs'", "of 3")
def three_instances_of_a_reader() -> tp.TaskGroup:
    """The setup of each instance waits for the task's own queue."""
    with tp.TaskGroup() as group, tp.Task(name="read", num_instances=3):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["jobs"])
        with ops.task_instance_init():
            take_many("jobs", 2)
        ops.Const(1)
    return group


@broken(NOBODY_WRITES, tp.StalledError, "nobody writes queue 'rows'", "on node 'far'")
def rows_on_another_node() -> tp.TaskGroup:
    """Rows are written on one node and awaited on another; queues of two nodes are two, whatever they are called."""
    with tp.TaskGroup() as group:
        with tp.Node("near"), tp.Task(name="write"):
            put_rows(node_rows("rows", 8), 4)
        with tp.Node("far"), tp.Task(name="read"):
            take_rows(node_rows("rows", 8), 4)
    return group


@broken(NOBODY_WRITES, tp.StalledError, "nobody writes queue 'acknowledged'", "step 'local/write:exit'")
def exit_waits_for_an_answer() -> tp.TaskGroup:
    """The exit of the writer waits to hear that its record has arrived, which the reader never says."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            node_queue("acknowledged")
            put("jobs")
            with ops.task_exit():
                take("acknowledged")
        with tp.Task(name="read"):
            take("jobs")
    return group


@broken(NOBODY_WRITES, tp.StalledError, "nobody writes queue 'empty'", "WeightedSampleDequeueBlobs", "iteration 1")
def all_weight_on_the_empty_queue() -> tp.TaskGroup:
    """Of two queues the one that has all the weight is filled by nobody."""
    with tp.TaskGroup() as group, tp.Task(name="sample"):
        filled, empty = node_queue("filled"), node_queue("empty")
        put(filled)
        with ops.loop():
            _, ended = ops.WeightedSampleDequeueBlobs([filled, empty], 2, weights=[0.0, 1.0])
            ops.stop_if(ended)
    return group


# --- nobody closes ----------------------------------------------------------------------------------------------------


@broken(NOBODY_CLOSES, tp.StalledError, "all writers of queue 'jobs' have ended, and nobody closes it")
def writer_forgets_to_close() -> tp.TaskGroup:
    """The reader has read all that there is, and waits for more."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            put_many("jobs", 3)
        with tp.Task(name="read"):
            take_all("jobs")
    return group


@broken(NOBODY_CLOSES, tp.StalledError, "all writers of queue 'jobs' have ended, and nobody closes it")
def reader_reports_its_progress() -> tp.TaskGroup:
    """As the reporter of the waiting task wakes again and again, something always seems to go on."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            put_many("jobs", 3)
        with tp.Task(name="read"):
            with ops.task_init():
                done = ops.CreateCounter([], 1)
            with ops.task_reporter(interval_ms=SHORT_MS):
                ops.RetrieveCount([done])
            with ops.loop():
                _, ended = ops.SafeDequeueBlobs(["jobs"], 2)
                ops.stop_if(ended)
                ops.CountUp([done])
    return group


@broken(NOBODY_CLOSES, tp.StalledError, "all writers of queue 'jobs' have ended, and nobody closes it", "of 2")
def node_reports_on_two_readers() -> tp.TaskGroup:
    """Two instances write, two read to the end that nobody sets, and a reporter of the node calls a function."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write", num_instances=2):
            node_queue("jobs", capacity=2)
            put("jobs")
        with tp.Task(name="read", num_instances=2):
            with ops.local_reporter(interval_ms=SHORT_MS):
                ops.call(lambda: 1)
            take_all("jobs")
    return group


@broken(NOBODY_CLOSES, tp.StalledError, "all writers of queue 'rows' have ended, and nobody closes it", "(2 of 8)")
def rest_of_the_rows() -> tp.TaskGroup:
    """Ten rows in batches of four: two are left, and without an end they are no batch."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            rows = node_rows("rows", 8)
            with ops.loop(2):
                put_rows(rows, 5)
        with tp.Task(name="read"):
            with ops.loop(3):
                take_rows("rows", 4)
    return group


@broken(NOBODY_CLOSES, tp.StalledError, "all writers of queue 'jobs' have ended", "task 'local/read'")
def reader_closes_when_it_is_done() -> tp.TaskGroup:
    """The one to close the queue is the reader, at its exit, which it reaches when the queue has been closed."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            put("jobs")
        with tp.Task(name="read"):
            take_all("jobs")
            with ops.task_exit():
                close("jobs")
    return group


@broken(NOBODY_CLOSES, tp.StalledError, "all writers of queue 'second' have ended, and nobody closes it")
def second_stage_is_left_open() -> tp.TaskGroup:
    """Of the two queues of a pipeline only the first one is closed."""
    with tp.TaskGroup() as group:
        with tp.Task(name="make"):
            node_queue("first")
            node_queue("second")
            put_many("first", 3)
            close("first")
        with tp.Task(name="pass on"):
            with ops.loop():
                item, ended = ops.SafeDequeueBlobs(["first"], 2)
                ops.stop_if(ended)
                ops.EnqueueBlobs(["second", item], [item])
        with tp.Task(name="use"):
            take_all("second")
    return group


@broken(NOBODY_CLOSES, tp.StalledError, "all writers of queue 'jobs' have ended", "told of 1 more")
def one_writer_too_many_is_expected() -> tp.TaskGroup:
    """The queue closes when three writers are done, and there are two."""
    with tp.TaskGroup() as group:
        for name in ("write", "write too"):
            with tp.Task(name=name):
                put("jobs")
                with ops.task_exit():
                    ops.EndWrites(["jobs"], [])
        with tp.Task(name="read"):
            with ops.local_init():
                ops.CreateBlobsQueue([], ["jobs"], writers=3)
            take_all("jobs")
    return group


# --- the writer ended without writing ---------------------------------------------------------------------------------


@broken(ENDED_WITHOUT, tp.StalledError, "all writers of queue 'jobs' have ended")
def branch_not_taken() -> tp.TaskGroup:
    """The record is written in a branch that is skipped."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            with ops.If(ops.Const(False)):
                put("jobs")
        with tp.Task(name="read"):
            take("jobs")
    return group


@broken(ENDED_WITHOUT, tp.StalledError, "all writers of queue 'jobs' have ended", "iteration 4")
def fourth_of_three_records() -> tp.TaskGroup:
    """Three instances write one record each, and four are awaited."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write", num_instances=3):
            put("jobs")
        with tp.Task(name="read"):
            node_queue("jobs")
            take_many("jobs", 4)
    return group


@broken(ENDED_WITHOUT, tp.StalledError, "all writers of queue 'labels' have ended", "'labels' (0 of 9)")
def columns_of_different_length() -> tp.TaskGroup:
    """Two queues are read in step, and one of them got fewer records."""
    with tp.TaskGroup() as group:
        for name, count in (("features", 3), ("labels", 2)):
            with tp.Task(name=name):
                node_queue(name, capacity=9)
                put_many(name, count)
        with tp.Task(name="join"):
            with ops.loop(3):
                take("features")
                take("labels")
    return group


@broken(ENDED_WITHOUT, tp.StalledError, "all writers of queue 'jobs' have ended", "task 'local/read'")
def writer_leaves_its_loop_early() -> tp.TaskGroup:
    """The writer stops at its second record, before it writes that; a guard notices, and nobody asks it."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            node_queue("jobs")
            take("jobs")
            take("jobs")
        with tp.Task(name="write"):
            with ops.stop_guard():
                with ops.loop(5) as loop:
                    ops.stop_if(ops.EQ([loop.iter(), ops.Const(1)]))
                    put("jobs")
    return group


@broken(ENDED_WITHOUT, tp.StalledError, "nothing can go on", "all writers of queue 'totals' have ended")
def half_of_a_step_has_nothing_to_write() -> tp.TaskGroup:
    """Of two blocks that run at once one writes its total and one does not, and both totals are awaited."""
    with tp.TaskGroup() as group:
        with tp.Task(name="add"):
            node_queue("totals", capacity=2)
            with tp.NetBuilder("odd") as odd:
                put("totals")
            with tp.NetBuilder("even") as even:
                ops.Const(2)
            together(odd, even)
        with tp.Task(name="collect"):
            with ops.task_init():
                take("totals")
            take("totals")
    return group
