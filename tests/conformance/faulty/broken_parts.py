"""What fails beside, below and behind other work: reporters, blocks that run at once, and a second failure."""

from __future__ import annotations

from tests.conformance.faulty.broken_pieces import (
    LIMIT_S,
    SHORT_MS,
    fails_at,
    node_queue,
    put,
    raising,
    receive_all,
    send,
    take,
    together,
)
from tests.conformance.faulty.corpus import broken
from tests.conformance.programs import LONG_MS, BoomError, call, fail, wait_for_nothing

import taskplan as tp
from taskplan import ops

REPORTER_FAILS = "a reporter fails"
NESTED_FAILS = "nested concurrency fails"
TWO_FAILURES = "two failures"


# --- reporters --------------------------------------------------------------------------------------------------------


@broken(REPORTER_FAILS, BoomError, "boom", "task 'local/work' on node 'local'")
def report_on_a_task_fails() -> tp.TaskGroup:
    """The report fails when the work is done, if not before."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_reporter(interval_ms=SHORT_MS):
            fail()
        with ops.loop(3):
            ops.Const(1)
    return group


@broken(REPORTER_FAILS, BoomError, "boom", "task 'local/work'")
def report_fails_while_the_work_waits() -> tp.TaskGroup:
    """The work waits for what may come from outside, and a report on it fails."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_reporter(interval_ms=SHORT_MS):
            fail()
        wait_for_nothing()
    return group


@broken(REPORTER_FAILS, tp.ReportedError, "Fail", "op 2 Fail")
def one_of_two_reports_on_a_node() -> tp.TaskGroup:
    """Of two reporters of a node one fails in its last report, behind the two tasks."""
    with tp.TaskGroup() as group:
        with tp.Task(name="one"):
            with ops.local_reporter(interval_ms=LONG_MS):
                ops.Const(1)
            ops.Const(1)
        with tp.Task(name="two"):
            with ops.local_reporter(interval_ms=LONG_MS):
                ops.Const(1)
                ops.Fail([], [])
            ops.Const(1)
    return group


@broken(REPORTER_FAILS, BoomError, "boom", "task 'far/read' on node 'far'")
def report_on_instances_of_another_node() -> tp.TaskGroup:
    """Two instances read what another node writes, and the report on them fails; the channel may be open still."""
    rows = tp.Channel("rows", capacity=1)
    with tp.TaskGroup() as group:
        with tp.Node("near"), tp.Task(name="write"):
            with ops.loop(5):
                send(rows)
        with tp.Node("far"), tp.Task(name="read", num_instances=2):
            with ops.task_reporter(interval_ms=LONG_MS):
                with ops.If(ops.Const(True)):
                    fail()
            receive_all(rows)
    return group


@broken(REPORTER_FAILS, tp.StalledError, "nothing can go on: nobody writes queue 'progress'", "op 1 DequeueBlobs")
def report_waits_for_nobody() -> tp.TaskGroup:
    """The last report waits for a record that nobody writes, and so does not end."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["progress"])
        with ops.task_reporter(interval_ms=LONG_MS):
            take("progress")
        ops.Const(1)
    return group


@broken(REPORTER_FAILS, tp.StalledError, "nobody writes queue 'orders'", "task 'local/work'")
def report_that_would_write_waits_itself() -> tp.TaskGroup:
    """The work waits for what the report writes once it has read a record, which nobody writes."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        node_queue("orders")
        node_queue("rows")
        with ops.task_reporter(interval_ms=SHORT_MS):
            take("orders")
            put("rows")
        take("rows")
    return group


@broken(REPORTER_FAILS, BoomError, "boom")
def report_net_of_a_step() -> tp.TaskGroup:
    """The report net of a loop fails when its last iteration is over, if not before."""
    work, report = tp.Net("work"), tp.Net("report")
    work.Const(1)
    report.Python(lambda inputs, outputs: raising(BoomError, "boom")())([], [])
    with tp.TaskGroup() as group:
        step = tp.execution_step("rounds", work, num_iter=3, report_net=report, report_interval=1)
        tp.Task(step=step, name="work")
    return group


# --- nested concurrency -----------------------------------------------------------------------------------------------


@broken(NESTED_FAILS, BoomError, "boom", "step 'together'", "net 'local/work/right'")
def one_of_two_blocks() -> tp.TaskGroup:
    """Of two blocks that run at once one raises."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with tp.NetBuilder("left") as left:
            ops.Const(1)
        with tp.NetBuilder("right") as right:
            fail()
        together(left, right)
    return group


@broken(NESTED_FAILS, BoomError, "cannot do 2", "step 'together', iteration 3")
def third_round_of_two_blocks() -> tp.TaskGroup:
    """Two blocks run at once, three times, and one of them fails in the third round while the other one waits."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_init():
            rounds, numbers = ops.CreateCounter([], 1), ops.CreateBlobsQueue([], ["numbers"])
        with tp.NetBuilder("count") as count:
            number = ops.CountUp([rounds])
            ops.call(fails_at(2), number, outputs=0)
            ops.EnqueueBlobs([numbers, number], [number])
        with tp.NetBuilder("wait") as wait:
            take(numbers)
        together(count, wait, times=5)
    return group


@broken(NESTED_FAILS, tp.ReportedError, "Fail", "step 'inner'", "step 'outer'")
def block_in_a_block_in_a_loop() -> tp.TaskGroup:
    """A block that fails runs at once with another, in a block that runs at once with a third."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with tp.NetBuilder("fails") as fails:
            ops.Fail([], [])
        with tp.NetBuilder("waits") as waits:
            wait_for_nothing()
        with tp.NetBuilder("waits too") as waits_too:
            wait_for_nothing()
        inner = tp.execution_step("inner", [fails, waits], concurrent_substeps=True)
        outer = tp.execution_step("outer", [inner, tp.to_execution_step(waits_too)], concurrent_substeps=True)
        with ops.loop(2):
            ops.net(outer)
    return group


@broken(NESTED_FAILS, BoomError, "boom", "step 'many'", "of 4")
def instances_of_a_step() -> tp.TaskGroup:
    """A step of the task runs four times at once, and each of them fails."""
    net = tp.Net("one of many")
    net.Python(lambda inputs, outputs: raising(BoomError, "boom")())([], [])
    with tp.TaskGroup() as group:
        many = tp.execution_step("many", [tp.execution_step("one", net)], num_concurrent_instances=4)
        tp.Task(step=many, name="work")
    return group


@broken(NESTED_FAILS, BoomError, "boom", "task 'local/work'", "net 'local/work/reads'")
def block_that_another_task_feeds() -> tp.TaskGroup:
    """One of two blocks raises when it has read a record of another task, which waits for room by then."""
    with tp.TaskGroup() as group:
        with tp.Task(name="work"):
            node_queue("jobs")
            with tp.NetBuilder("reads") as reads:
                take("jobs")
                fail()
            with tp.NetBuilder("loops") as loops:
                with ops.loop(3):
                    ops.Const(1)
            together(reads, loops)
        with tp.Task(name="feed"):
            with ops.loop(3):
                put("jobs")
    return group


# --- two failures -----------------------------------------------------------------------------------------------------


@broken(TWO_FAILURES, BoomError, "first", "also   BoomError: second")
def body_and_closing_block() -> tp.TaskGroup:
    """The body fails, and then the closing block, which is to tidy up behind it."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_instance_finally():
            fail("second")
        fail("first")
    return group


@broken(TWO_FAILURES, BoomError, "first", "also   BoomError: second", "task 'local/work'")
def body_and_last_report() -> tp.TaskGroup:
    """The body fails, and then the last report, behind all closing blocks."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_reporter(interval_ms=LONG_MS):
            fail("second")
        with ops.task_finally():
            ops.Const(1)
        fail("first")
    return group


@broken(TWO_FAILURES, tp.StalledError, "nobody writes queue 'jobs'", "also   BoomError: second")
def stall_and_closing_block() -> tp.TaskGroup:
    """A task waits for a record that nobody writes; its closing block fails when that wait has been ended."""
    with tp.TaskGroup() as group:
        with tp.Task(name="wait"):
            node_queue("jobs")
            with ops.task_instance_finally():
                fail("second")
            take("jobs")
        with tp.Task(name="work"):
            ops.Const(1)
    return group


@broken(TWO_FAILURES, BoomError, "first", "also   StalledError: nothing can go on: nobody writes queue 'jobs'")
def body_and_a_closing_block_that_waits() -> tp.TaskGroup:
    """The body fails, and its closing block waits for the record that it has not written."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["jobs"])
        with ops.task_finally():
            with ops.loop(2):
                take("jobs")
        with ops.loop(2):
            fail("first")
    return group


@broken(TWO_FAILURES, tp.TimedOutError, "block 'local/work/timeout' took longer", "also   BoomError: second")
def time_limit_and_closing_blocks() -> tp.TaskGroup:
    """A block takes too long, and then two closing blocks fail, on one of two nodes."""
    with tp.TaskGroup() as group:
        with tp.Node("far"), tp.Task(name="work"):
            ops.Const(1)
        with tp.Task(name="work"):
            with ops.local_finally():
                fail("third")
            with ops.task_finally():
                fail("second")
            with ops.timeout(LIMIT_S):
                wait_for_nothing()
    return group


@broken(TWO_FAILURES, BoomError, "first", "also   QueueClosedError", "step 'local/work:exit'")
def exit_and_closing_block() -> tp.TaskGroup:
    """The exit fails, and the closing block reads from a queue that has ended."""
    with tp.TaskGroup() as group, tp.Task(name="work", num_instances=2):
        with ops.task_init():
            jobs = ops.CreateBlobsQueue([], ["jobs"])
            ops.CloseBlobsQueue([jobs], [])
        with ops.task_exit():
            fail("first")
        with ops.task_finally():
            take(jobs)
        call(lambda: None)
    return group
