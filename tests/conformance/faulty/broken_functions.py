"""Work that fails: a function of the user raises, an operator refuses its inputs, one of several instances fails."""

from __future__ import annotations

import numpy as np
from tests.conformance.faulty.broken_pieces import (
    LIMIT_S,
    fails_at,
    node_queue,
    node_rows,
    put,
    put_many,
    raising,
    receive_all,
    send,
    take,
    take_all,
    take_rows,
    together,
)
from tests.conformance.faulty.corpus import broken
from tests.conformance.programs import BoomError, call, fail, wait_for_nothing

import taskplan as tp
from taskplan import ops

FUNCTION_RAISES = "a function raises"
OPERATOR_FAILS = "an operator fails"
INSTANCE_FAILS = "one of several instances fails"


# --- a function of the user raises ------------------------------------------------------------------------------------


@broken(FUNCTION_RAISES, BoomError, "cannot do 2", "iteration 3", "int64 scalar 2", "Call (check)")
def third_iteration() -> tp.TaskGroup:
    """A function raises in the third iteration of a loop."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.loop(5, name="rounds") as loop:
            ops.call(fails_at(2), loop.iter(), outputs=0)
    return group


@broken(FUNCTION_RAISES, BoomError, "boom", "task 'local/write'")
def writer_raises_while_its_reader_waits() -> tp.TaskGroup:
    """The writer raises before it writes; whoever waits for its record is woken."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            fail()
            put("jobs")
        with tp.Task(name="read"):
            node_queue("jobs")
            take("jobs")
    return group


@broken(FUNCTION_RAISES, BoomError, "cannot do 3", "task 'sink/read' on node 'sink'", "iteration 4")
def reader_raises_while_its_writer_waits() -> tp.TaskGroup:
    """The reader on the other node cannot do with the fourth record; the writer waits for room."""
    rows = tp.Channel("rows", 1, ["number"])
    with tp.TaskGroup() as group:
        with tp.Node("source"), tp.Task(name="write"):
            with ops.loop(99) as loop:
                rows.writer().write(None, [ops.Copy([loop.iter()])])
        with tp.Node("sink"), tp.Task(name="read"):
            with ops.loop():
                ended, record = rows.reader().read()
                ops.stop_if(ended)
                ops.call(fails_at(3), record.number(), outputs=0)
    return group


@broken(FUNCTION_RAISES, BoomError, "boom", "step 'local/work/rare'")
def branch_that_is_rarely_taken() -> tp.TaskGroup:
    """What raises stands in a branch, in a guarded block, in a nested loop."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.loop(3) as outer:
            with ops.loop(3) as inner:
                with ops.stop_guard() as guard:
                    ops.stop_if(ops.NE([outer.iter(), inner.iter()]))
                with ops.If(guard.has_stopped()):
                    ops.Const(1)
                with ops.If(ops.GE([inner.iter(), ops.Const(2)]), name="rare"):
                    fail()
    return group


@broken(FUNCTION_RAISES, BoomError, "cannot do 4", "local/work/while_net", "Call (check)")
def loop_that_is_one_operator() -> tp.TaskGroup:
    """The function is called by an operator of a net that is run by another operator."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        count, one, limit = ops.Const(0), ops.Const(1), ops.Const(9)
        with ops.WhileNet():
            with ops.Condition():
                ops.LT([count, limit])
            ops.call(fails_at(4), count, outputs=0)
            ops.Add([count, one], [count])
        tp.final_output(count)
    return group


@broken(FUNCTION_RAISES, BoomError, "boom", "task 'local/pass on'")
def middle_of_a_pipeline() -> tp.TaskGroup:
    """The middle of three stages raises when it has read the first record; before it one waits for room, behind it
    one waits for a record."""
    with tp.TaskGroup() as group:
        with tp.Task(name="make"):
            node_queue("first")
            node_queue("second")
            put_many("first", 9)
            ops.CloseBlobsQueue(["first"], [])
        with tp.Task(name="pass on"):
            item = take("first")
            fail()
            ops.EnqueueBlobs(["second", item], [item])
        with tp.Task(name="use"):
            take_all("second")
    return group


# --- an operator fails ------------------------------------------------------------------------------------------------


@broken(OPERATOR_FAILS, tp.ShapeError, "Add", "(3,)", "(4,)", "task 'local/add'")
def shapes_that_do_not_fit() -> tp.TaskGroup:
    """Two tasks add a vector of three elements to theirs, and that of one of them has four."""
    with tp.TaskGroup() as group:
        for name, size in (("fits", 3), ("add", 4)):
            with tp.Task(name=name):
                total = ops.Add([ops.Const(np.zeros(3, np.float32)), ops.Const(np.zeros(size, np.float32))])
                tp.final_output(total)
    return group


@broken(OPERATOR_FAILS, tp.ReportedError, "Fail", "task 'b/work' on node 'b'")
def fail_operator_on_one_of_two_nodes() -> tp.TaskGroup:
    """One node fails on purpose in a loop, while the other one waits for what may come from outside."""
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="wait"):
            wait_for_nothing()
        with tp.Node("b"), tp.Task(name="work"):
            with ops.loop(3):
                ops.Fail([], [])
    return group


@broken(OPERATOR_FAILS, tp.OperatorError, "carries 2 blobs at a time, got 1", "EnqueueBlobs")
def record_of_the_wrong_width() -> tp.TaskGroup:
    """One blob is written into a queue of pairs, and a reader waits for a pair."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            node_queue("pairs", columns=2)
            ops.DequeueBlobs(["pairs"], 2)
        with tp.Task(name="write"):
            with ops.loop(2):
                put("pairs")
    return group


@broken(OPERATOR_FAILS, tp.ShapeError, "EnqueueRebatchingQueue", "has rows with", "iteration 2")
def rows_of_two_shapes() -> tp.TaskGroup:
    """The second batch has rows of another shape than the first."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_rows("rows", 9)
            rows = ops.Const(np.zeros((3, 2), np.float32))
            with ops.loop(2):
                ops.EnqueueRebatchingQueue(["rows", rows], [], enqueue_batch=True)
                ops.Copy([ops.Const(np.zeros((3, 5), np.float32))], [rows])
        with tp.Task(name="read", num_instances=2):
            take_rows("rows", 3)
    return group


@broken(OPERATOR_FAILS, tp.OperatorError, "must return a tuple of 2", "Call")
def function_of_too_few_results() -> tp.TaskGroup:
    """A function returns one value where the program has two blobs for what it returns."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.If(ops.Const(True)) as branch:
            one, two = ops.call(lambda: 1, outputs=2)
            ops.Add([one, two])
        with branch.Else():
            ops.Const(1)
    return group


@broken(OPERATOR_FAILS, tp.OperatorError, "Add", "was never written, or was freed")
def value_that_was_handed_on() -> tp.TaskGroup:
    """A branch reads a blob that has gone into a queue."""
    with tp.TaskGroup() as group, tp.Task(name="write"):
        jobs = node_queue("jobs", capacity=3)
        item = ops.Const(1)
        ops.EnqueueBlobs([jobs, item], [item])
        with ops.If(ops.Const(True)):
            ops.Add([item, item])
    return group


@broken(OPERATOR_FAILS, tp.OperatorError, "DequeueBlobs", "must be a BlobsQueue")
def number_in_the_place_of_a_queue() -> tp.TaskGroup:
    """What the setup calls `jobs` is a number, and the body reads it as a queue."""
    with tp.TaskGroup() as group, tp.Task(name="read", num_instances=2):
        with ops.task_init():
            ops.Const(1, blob_out="jobs")
        with ops.If(ops.Const(True)):
            take("jobs")
    return group


# --- one of several instances fails -----------------------------------------------------------------------------------


@broken(INSTANCE_FAILS, BoomError, "cannot do 1", "of 3")
def one_of_three() -> tp.TaskGroup:
    """Each instance draws a number, and one of them cannot do with its own."""
    with tp.TaskGroup() as group, tp.Task(name="work", num_instances=3):
        with ops.task_init():
            counter = ops.CreateCounter([], 1)
        ops.call(fails_at(1), ops.CountUp([counter]), outputs=0)
    return group


@broken(INSTANCE_FAILS, BoomError, "cannot do 1", "of 3", "iteration 1")
def others_wait_for_the_one_that_fails() -> tp.TaskGroup:
    """The instance that fails is the one whose records the others wait for."""
    with tp.TaskGroup() as group, tp.Task(name="work", num_instances=3):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["jobs"])
            counter = ops.CreateCounter([], 1)
        with ops.task_instance_init():
            number = ops.CountUp([counter])
        with ops.loop(2):
            ops.call(fails_at(1), number, outputs=0)
            take("jobs")
            put("jobs")
    return group


@broken(INSTANCE_FAILS, BoomError, "cannot do 1", "task 'local/write'", "of 2")
def one_of_two_writers() -> tp.TaskGroup:
    """One of two writers fails, so that the channel has no end; the readers must not take it for one."""
    rows = tp.Channel("rows", capacity=1)
    with tp.TaskGroup() as group:
        with tp.Task(name="write", num_instances=2):
            with ops.task_init():
                counter = ops.CreateCounter([], 1)
            send(rows)
            ops.call(fails_at(1), ops.CountUp([counter]), outputs=0)
        with tp.Task(name="read", num_instances=2):
            receive_all(rows)
            with ops.task_exit():
                wait_for_nothing()
    return group


@broken(INSTANCE_FAILS, tp.ReportedError, "Fail", "of 2", "step 'together'")
def block_in_an_instance() -> tp.TaskGroup:
    """In each of two instances two blocks run at once, and one of these fails when it has heard from the other."""
    with tp.TaskGroup() as group, tp.Task(name="work", num_instances=2):
        with ops.task_instance_init():
            ops.CreateBlobsQueue([], ["ready"])
        with tp.NetBuilder("fails") as fails:
            take("ready")
            ops.Fail([], [])
        with tp.NetBuilder("waits") as waits:
            put("ready")
            wait_for_nothing()
        together(fails, waits)
    return group


@broken(INSTANCE_FAILS, BoomError, "boom", "of 2", "task 'local/all'")
def each_of_them() -> tp.TaskGroup:
    """All instances fail, some of them perhaps before others have begun; a second task has ended, or not."""
    with tp.TaskGroup() as group:
        with tp.Task(name="all", num_instances=2):
            call(lambda: None)
            fail()
        with tp.Task(name="other"):
            with ops.timeout(LIMIT_S * 1000):
                ops.Const(1)
    return group


@broken(FUNCTION_RAISES, tp.RunError, "a function raised taskplan.Cancelled", "task 'local/work'")
def function_cancels() -> tp.TaskGroup:
    """A function raises what only the engine may raise; what follows would silently not run."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.stop_guard() as guard, ops.loop(2):
            call(raising(tp.Cancelled))
        tp.final_output(guard.has_stopped())
    return group
