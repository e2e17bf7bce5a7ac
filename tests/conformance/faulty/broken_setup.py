"""What fails around the work of a task: setup, exit, and closing blocks."""

from __future__ import annotations

from tests.conformance.faulty.broken_pieces import (
    LIMIT_S,
    close,
    fails_at,
    node_queue,
    put,
    receive_all,
    send,
    take,
)
from tests.conformance.faulty.corpus import broken
from tests.conformance.programs import BoomError, boom, call, fail, wait_for_nothing

import taskplan as tp
from taskplan import ops

SETUP_FAILS = "setup fails"
EXIT_FAILS = "exit fails"
CLOSING_FAILS = "a closing block fails"
CLOSING_WAITS = "a closing block waits for nobody"


# --- setup ------------------------------------------------------------------------------------------------------------


@broken(SETUP_FAILS, tp.ReportedError, "Fail", "step 'local/work:init'")
def task_setup_fails() -> tp.TaskGroup:
    """The setup of the one task fails."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_init():
            with ops.loop(2):
                ops.Fail([], [])
        ops.Const(1)
    return group


@broken(SETUP_FAILS, BoomError, "boom", "step 'local:init'")
def node_setup_fails() -> tp.TaskGroup:
    """The setup of the node fails, so that none of its tasks begins."""
    with tp.TaskGroup() as group:
        for name in ("one", "two", "three"):
            with tp.Task(name=name):
                if name == "two":
                    with ops.local_init():
                        fail()
                wait_for_nothing()
    return group


@broken(SETUP_FAILS, BoomError, "cannot do 1", "of 2", "step 'local/work:instance:init'")
def setup_of_one_instance_fails() -> tp.TaskGroup:
    """Of the setups of two instances one fails."""
    with tp.TaskGroup() as group, tp.Task(name="work", num_instances=2):
        with ops.task_init():
            counter = ops.CreateCounter([], 1)
        with ops.task_instance_init():
            ops.call(fails_at(1), ops.CountUp([counter]), outputs=0)
        ops.Const(1)
    return group


@broken(SETUP_FAILS, BoomError, "boom", "task 'local/write'")
def setup_fails_while_another_task_waits() -> tp.TaskGroup:
    """A reader waits for a writer that does not get beyond its setup."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            with ops.task_init():
                with ops.loop(2):
                    fail()
            put("jobs")
        with tp.Task(name="read"):
            with ops.task_instance_init():
                take("jobs")
            ops.Const(1)
    return group


class Table:
    """A setup object that fails at one of its moments."""

    def __init__(self, moment: str) -> None:
        self._moment = moment

    def setup(self, init_net: tp.Net) -> None:
        """Before."""
        self._act("setup", init_net)

    def exit(self, exit_net: tp.Net) -> None:
        """After success."""
        self._act("exit", exit_net)

    def cleanup(self, cleanup_net: tp.Net) -> None:
        """At the end in any case."""
        self._act("cleanup", cleanup_net)

    def _act(self, moment: str, net: tp.Net) -> None:
        if moment == self._moment:
            net.Python(lambda inputs, outputs: boom(f"no {moment}"))([], [])
        else:
            net.Const(1)


@broken(SETUP_FAILS, BoomError, "no setup", "task 'far/use' on node 'far'")
def setup_object_fails() -> tp.TaskGroup:
    """A setup object of a task fails on one node, and the other one waits for a channel of it."""
    rows = tp.Channel("rows", capacity=1)
    with tp.TaskGroup() as group:
        with tp.Node("far"), tp.Task(name="use"):
            send(rows)
            ops.net().add_attribute(tp.Task.TASK_SETUP, Table("setup"))
        with tp.Node("near"), tp.Task(name="read"):
            receive_all(rows)
    return group


# --- exit -------------------------------------------------------------------------------------------------------------


@broken(EXIT_FAILS, BoomError, "boom", "step 'local/work:exit'")
def task_exit_fails() -> tp.TaskGroup:
    """The exit fails when the work is done."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_exit():
            fail()
        with ops.loop(3):
            ops.Const(1)
    return group


@broken(EXIT_FAILS, tp.ReportedError, "Fail", "step 'local:exit'")
def node_exit_fails() -> tp.TaskGroup:
    """The exit of the node fails, when its two tasks have ended and have written their outputs."""
    with tp.TaskGroup() as group:
        with tp.Task(name="one"):
            tp.final_output(ops.Const(1))
            with ops.local_exit():
                ops.Fail([], [])
        with tp.Task(name="two"):
            tp.final_output(ops.Const(2))
    return group


@broken(EXIT_FAILS, BoomError, "boom", "step 'local/work:instance:exit'", "of 3")
def instance_exit_fails() -> tp.TaskGroup:
    """Each of three instances fails at its exit."""
    with tp.TaskGroup() as group, tp.Task(name="work", num_instances=3):
        with ops.task_instance_exit():
            fail()
        ops.Const(1)
    return group


@broken(EXIT_FAILS, tp.QueueClosedError, "EnqueueBlobs: queue 'jobs' is closed", "step 'local/write:exit'")
def exit_writes_into_what_it_has_closed() -> tp.TaskGroup:
    """The exit closes the queue, and then writes its last record."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs", capacity=9)
            with ops.loop(3):
                put("jobs")
            with ops.task_exit():
                close("jobs")
                put("jobs")
        with tp.Task(name="other", num_instances=2):
            ops.Const(1)
    return group


@broken(EXIT_FAILS, BoomError, "no exit", "task 'far/write' on node 'far'")
def exit_object_fails_before_the_channel_ends() -> tp.TaskGroup:
    """The exit of a setup object fails, and so the channel that ends after it has no end for its reader."""
    rows = tp.Channel("rows", capacity=2)
    with tp.TaskGroup() as group:
        with tp.Node("far"), tp.Task(name="write"):
            with ops.loop(5):
                send(rows)
            ops.net().add_attribute(tp.Task.TASK_SETUP, Table("exit"))
        with tp.Node("near"), tp.Task(name="read"):
            receive_all(rows)
    return group


# --- closing blocks that fail -----------------------------------------------------------------------------------------


@broken(CLOSING_FAILS, BoomError, "boom", "task 'local/work'")
def closing_block_of_a_task() -> tp.TaskGroup:
    """All went well, and then the closing block fails."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_finally():
            fail()
        ops.Const(1)
    return group


@broken(CLOSING_FAILS, BoomError, "boom", "of 2")
def closing_blocks_of_instances() -> tp.TaskGroup:
    """The closing blocks of both instances fail; each instance has two, and the other one is fine."""
    with tp.TaskGroup() as group, tp.Task(name="work", num_instances=2):
        with ops.task_instance_finally():
            ops.Const(1)
        with ops.task_instance_finally():
            fail()
        ops.Const(1)
    return group


@broken(CLOSING_FAILS, tp.ReportedError, "Fail", "step 'local/write'")
def closing_block_of_a_node() -> tp.TaskGroup:
    """The closing block of the node fails behind its exit, when a writer and its reader have ended."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            node_queue("jobs")
            put("jobs")
            with ops.local_exit():
                ops.Const(1)
            with ops.local_finally():
                ops.Fail([], [])
        with tp.Task(name="read"):
            take("jobs")
    return group


@broken(CLOSING_FAILS, BoomError, "no cleanup", "task 'far/work' on node 'far'")
def cleanup_of_an_object() -> tp.TaskGroup:
    """The cleanup of a setup object fails on one of two nodes."""
    with tp.TaskGroup() as group:
        with tp.Node("far"), tp.Task(name="work"):
            with ops.loop(2):
                ops.net().add_attribute(tp.Task.TASK_SETUP, Table("cleanup"))
                ops.Const(1)
        with tp.Node("near"), tp.Task(name="work"):
            ops.Const(1)
    return group


@broken(CLOSING_FAILS, BoomError, "third", "also   BoomError: second", "also   BoomError: first")
def three_closing_blocks_of_one_task() -> tp.TaskGroup:
    """Three closing blocks fail: the one that was written last runs first, and is the failure."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        for number in ("first", "second", "third"):
            with ops.task_finally():
                fail(number)
        call(lambda: None)
    return group


# --- closing blocks that wait for nobody ------------------------------------------------------------------------------


@broken(CLOSING_WAITS, tp.StalledError, "nobody writes queue 'jobs'", "DequeueBlobs")
def closing_block_of_the_only_task() -> tp.TaskGroup:
    """The closing block waits for a record when there is nobody left."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        with ops.task_init():
            jobs = ops.CreateBlobsQueue([], ["jobs"])
        with ops.task_finally():
            take(jobs)
        ops.Const(1)
    return group


@broken(CLOSING_WAITS, tp.StalledError, "nobody reads queue 'ended'", "EnqueueBlobs")
def closing_blocks_that_report_their_end() -> tp.TaskGroup:
    """Each instance says at its very end that it has ended, into a queue for one of them, which nobody reads."""
    with tp.TaskGroup() as group, tp.Task(name="work", num_instances=2):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["ended"])
        with ops.task_instance_finally():
            put("ended")
        ops.Const(1)
    return group


@broken(CLOSING_WAITS, tp.StalledError, "all writers of queue 'jobs' have ended")
def closing_block_of_the_node_reads_on() -> tp.TaskGroup:
    """The closing block of a node wants a record more than its task has written; the other node has long ended."""
    with tp.TaskGroup() as group:
        with tp.Node("far"), tp.Task(name="write"):
            node_queue("jobs", capacity=2)
            put("jobs")
            with ops.local_finally():
                take("jobs")
                take("jobs")
        with tp.Node("near"), tp.Task(name="work"):
            with ops.local_finally():
                ops.Const(1)
            ops.Const(1)
    return group


@broken(CLOSING_WAITS, tp.StalledError, "wait for each other", "task 'local/a'", "task 'local/b'")
def closing_blocks_that_wait_for_each_other() -> tp.TaskGroup:
    """Each of two tasks reads at its end what the other one writes behind that."""
    with tp.TaskGroup() as group:
        for name, other in (("a", "b"), ("b", "a")):
            with tp.Task(name=name):
                node_queue(f"from {name}")
                with ops.task_finally():
                    take(f"from {other}")
                    put(f"from {name}")
                ops.Const(1)
    return group


@broken(CLOSING_WAITS, tp.TimedOutError, "closing block", "took longer than 0.05 s", grace_s=LIMIT_S)
def closing_block_that_waits_for_the_world() -> tp.TaskGroup:
    """The closing block waits for a record that may come from outside, longer than closing blocks may take."""
    with tp.TaskGroup() as group:
        with tp.Task(name="work"):
            with ops.task_finally():
                wait_for_nothing()
            with ops.loop(2):
                ops.Const(1)
    return group
