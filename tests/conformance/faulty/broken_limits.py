"""Runs that are ended: by a time limit, or by a function that wants the whole program to end."""

from __future__ import annotations

from tests.conformance.faulty.broken_pieces import (
    LIMIT_S,
    SHORT_MS,
    close,
    node_queue,
    node_rows,
    put,
    put_rows,
    raising,
    receive_all,
    send,
    take,
    take_all,
    take_rows,
    together,
)
from tests.conformance.faulty.corpus import broken
from tests.conformance.programs import call, wait_for_nothing

import taskplan as tp
from taskplan import ops

RUN_LIMIT = "time limit of a run"
BLOCK_LIMIT = "time limit of a block"
WAIT_LIMIT = "time limit of a wait"
INTERRUPTED = "a function ends the program"

TOO_LONG = "the run took longer than 0.05 s"


# --- time limits of runs ----------------------------------------------------------------------------------------------


@broken(RUN_LIMIT, tp.TimedOutError, TOO_LONG, timeout_s=LIMIT_S)
def run_of_one_task() -> tp.TaskGroup:
    """The one task waits, in the workspace of the session, for a record that may come from outside."""
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group, tp.Task(name="wait"):
        wait_for_nothing()
    return group


@broken(RUN_LIMIT, tp.TimedOutError, TOO_LONG, timeout_s=LIMIT_S)
def run_of_three_nodes() -> tp.TaskGroup:
    """The first of three nodes that hand a record on waits for the world, and so do all."""
    first, second = tp.Channel("first", capacity=1), tp.Channel("second", capacity=1)
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="make"):
            wait_for_nothing()
            send(first)
        with tp.Node("b"), tp.Task(name="pass on"):
            _, record = first.reader().read()
            second.writer().write(None, record)
        with tp.Node("c"), tp.Task(name="use"):
            receive_all(second)
    return group


@broken(RUN_LIMIT, tp.TimedOutError, TOO_LONG, timeout_s=LIMIT_S)
def run_with_a_reporter() -> tp.TaskGroup:
    """Two instances wait, and a reporter goes on reporting, which is no progress."""
    with tp.TaskGroup() as group, tp.Task(name="wait", num_instances=2):
        with ops.task_reporter(interval_ms=SHORT_MS):
            ops.Const(1)
        with ops.loop(2):
            wait_for_nothing()
    return group


@broken(RUN_LIMIT, tp.TimedOutError, TOO_LONG, timeout_s=LIMIT_S)
def run_with_an_exit_that_waits() -> tp.TaskGroup:
    """All the work is done, and the exit of the node waits."""
    with tp.TaskGroup() as group:
        with tp.Task(name="work"):
            with ops.local_exit():
                wait_for_nothing()
            ops.Const(1)
        with tp.Task(name="work too"):
            with ops.task_finally():
                ops.Const(1)
            ops.Const(1)
    return group


@broken(RUN_LIMIT, tp.TimedOutError, TOO_LONG, timeout_s=LIMIT_S)
def run_within_the_limit_of_a_block() -> tp.TaskGroup:
    """Of two blocks that run at once one waits, within a limit that is longer than that of the run."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with tp.NetBuilder("waits") as waits:
            with ops.timeout(60.0):
                wait_for_nothing()
        with tp.NetBuilder("works") as works:
            ops.Const(1)
        together(waits, works)
    return group


# --- time limits of blocks --------------------------------------------------------------------------------------------


@broken(BLOCK_LIMIT, tp.TimedOutError, "block 'local/work/timeout' took longer than 0.05 s", "task 'local/work'")
def block_that_waits_for_the_world() -> tp.TaskGroup:
    """What is limited waits for a record that may come from outside."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.timeout(LIMIT_S):
            wait_for_nothing()
    return group


@broken(BLOCK_LIMIT, tp.TimedOutError, "block 'local/work/short/read' took longer than 0.05 s")
def third_read_of_a_loop() -> tp.TaskGroup:
    """In the third iteration of a loop nothing is left to be read within the limit, while the writer waits for the
    world."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs", capacity=2)
            put("jobs")
            put("jobs")
            wait_for_nothing()
            put("jobs")
        with tp.Task(name="work"):
            with ops.loop(3, name="short"):
                with ops.timeout(LIMIT_S, name="read"):
                    take("jobs")
    return group


@broken(BLOCK_LIMIT, tp.TimedOutError, "block 'local/work/outer/inner' took longer than 0.05 s")
def inner_of_two_limits() -> tp.TaskGroup:
    """Of a block in a block, the inner one has the shorter limit."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.timeout(60.0, name="outer"):
            ops.Const(1)
            with ops.timeout(LIMIT_S, name="inner"):
                wait_for_nothing()
    return group


@broken(BLOCK_LIMIT, tp.TimedOutError, "block 'local/work/outer' took longer than 0.05 s")
def outer_of_two_limits() -> tp.TaskGroup:
    """Here the outer one is shorter, and it stands in the exit."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_exit():
            with ops.timeout(LIMIT_S, name="outer"):
                with ops.timeout(60.0, name="inner"):
                    wait_for_nothing()
        ops.Const(1)
    return group


@broken(BLOCK_LIMIT, tp.TimedOutError, "took longer than 0.05 s", "of 3")
def block_in_each_instance() -> tp.TaskGroup:
    """Three instances wait, each within its limit; a task beside them waits without any."""
    with tp.TaskGroup() as group:
        with tp.Task(name="work", num_instances=3):
            with ops.timeout(LIMIT_S):
                with ops.loop(2):
                    wait_for_nothing()
        with tp.Task(name="wait"):
            wait_for_nothing()
    return group


# --- time limits of waits ---------------------------------------------------------------------------------------------


@broken(WAIT_LIMIT, tp.ReportedError, "DequeueBlobs: gave up after 0.05 s of waiting for queue 'jobs' (0 of 1)")
def read_that_gives_up() -> tp.TaskGroup:
    """The exit of a task gives up its wait for a record that nobody writes."""
    with tp.TaskGroup() as group, tp.Task(name="read"):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["jobs"])
        with ops.task_exit():
            ops.DequeueBlobs(["jobs"], 1, timeout_secs=LIMIT_S)
        ops.Const(1)
    return group


@broken(WAIT_LIMIT, tp.ReportedError, "EnqueueBlobs: gave up after 0.05 s of waiting for queue 'jobs' (1 of 1)")
def write_that_gives_up() -> tp.TaskGroup:
    """The second record finds no room in time; there is a reader, which waits for the world first."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            with ops.loop(2):
                item = ops.Const(1)
                ops.EnqueueBlobs(["jobs", item], [item], timeout_secs=LIMIT_S)
        with tp.Task(name="read"):
            wait_for_nothing()
            with ops.stop_guard():
                take("jobs")
    return group


@broken(WAIT_LIMIT, tp.ReportedError, "gave up after 0.05 s of waiting for queue 'rows' (2 of 4)", "of 2")
def batch_that_does_not_fill() -> tp.TaskGroup:
    """Of three rows the setup of the reader takes one, and its two instances await a batch of three, for a moment."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            put_rows(node_rows("rows", 4), 3)
        with tp.Task(name="read", num_instances=2):
            with ops.task_init():
                take_rows("rows", 1)
            with ops.loop(2):
                ops.DequeueRebatchingQueue(["rows"], 1, num_elements=3, timeout_secs=LIMIT_S)
    return group


@broken(WAIT_LIMIT, tp.ReportedError, "SafeDequeueBlobs: gave up after 0.05 s", "task 'near/read' on node 'near'")
def channel_that_is_slow() -> tp.TaskGroup:
    """A channel stays empty while its writer, on another node, waits for the world."""
    rows = tp.Channel("rows", capacity=1)
    with tp.TaskGroup() as group:
        with tp.Node("far"), tp.Task(name="write"):
            wait_for_nothing()
            send(rows)
        with tp.Node("near"), tp.Task(name="read"):
            rows.reader()
            with ops.loop():
                _, ended = ops.SafeDequeueBlobs([rows.queue()], 2, timeout_secs=LIMIT_S)
                ops.stop_if(ended)
    return group


# --- functions that end the program -----------------------------------------------------------------------------------


@broken(INTERRUPTED, KeyboardInterrupt, "task 'local/work'")
def interrupt_in_the_only_task() -> tp.TaskGroup:
    """A function raises what Ctrl-C does."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.loop(2):
            with ops.If(ops.Const(True)):
                call(raising(KeyboardInterrupt))
    return group


@broken(INTERRUPTED, KeyboardInterrupt, "task 'local/work'")
def interrupt_beside_a_task_that_waits() -> tp.TaskGroup:
    """One task raises it, the other one waits for the world."""
    with tp.TaskGroup() as group:
        with tp.Task(name="work"):
            call(raising(KeyboardInterrupt))
        with tp.Task(name="wait"):
            with ops.task_finally():
                ops.Const(1)
            wait_for_nothing()
    return group


@broken(INTERRUPTED, SystemExit, "enough", "of 2")
def exit_in_instances() -> tp.TaskGroup:
    """Both instances want the program to exit when they have read their record."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            with ops.loop(2):
                put("jobs")
            close("jobs")
        with tp.Task(name="read", num_instances=2):
            take_all("jobs")
            call(raising(SystemExit))
    return group


@broken(INTERRUPTED, SystemExit, "enough", "step 'far/work:init'")
def exit_in_the_setup_of_a_node() -> tp.TaskGroup:
    """The setup of a task on one node wants the program to exit; the other node waits for that task's channel."""
    rows = tp.Channel("rows", capacity=1)
    with tp.TaskGroup() as group:
        with tp.Node("far"), tp.Task(name="work"):
            with ops.task_init():
                call(raising(SystemExit))
            send(rows)
        with tp.Node("near"), tp.Task(name="read"):
            with ops.task_instance_init():
                receive_all(rows)
            ops.Const(1)
    return group


@broken(INTERRUPTED, KeyboardInterrupt, "Python (<lambda>)")
def interrupt_in_a_report() -> tp.TaskGroup:
    """A report raises it, behind two blocks that have run at once."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.local_reporter(interval_ms=SHORT_MS):
            call(raising(KeyboardInterrupt))
        with tp.NetBuilder("left") as left:
            take_rows(node_rows("rows", 2), 2)
        with tp.NetBuilder("right") as right:
            put_rows("rows", 2)
        together(left, right)
    return group


@broken(INTERRUPTED, SystemExit, "enough", "also   KeyboardInterrupt: enough", "task 'local/work'")
def exit_and_then_an_interrupt() -> tp.TaskGroup:
    """The body wants the program to exit, and so does the closing block, in its own way."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_finally():
            with ops.loop(2):
                call(raising(KeyboardInterrupt))
        call(raising(SystemExit))
    return group
