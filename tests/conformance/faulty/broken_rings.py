"""Tasks that wait for each other, and a task that waits for itself."""

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

EMPTY_RING = "ring of empty queues"
FULL_RING = "ring of full queues"
READS_FIRST = "reads before it writes"


# --- rings of empty queues --------------------------------------------------------------------------------------------


@broken(
    EMPTY_RING, tp.StalledError, "task 'local/a' on node 'local' and task 'local/b' on node 'local' wait for each other"
)
def each_waits_for_the_other() -> tp.TaskGroup:
    """Each of two tasks reads first and then writes what the other one reads."""
    with tp.TaskGroup() as group:
        with tp.Task(name="a"):
            node_queue("to a")
            node_queue("to b")
            take("to a")
            put("to b")
        with tp.Task(name="b"):
            take("to b")
            put("to a")
    return group


@broken(EMPTY_RING, tp.StalledError, "'local/a'", "'local/c'", "'local/b' on node 'local' wait for each other")
def three_in_a_ring_of_loops() -> tp.TaskGroup:
    """Three tasks pass records round, and nobody puts the first one in."""
    names = ("a", "b", "c")
    with tp.TaskGroup() as group:
        for name, following in zip(names, ("b", "c", "a"), strict=True):
            with tp.Task(name=name):
                node_queue(f"to {name}")
                with ops.loop(5):
                    item = take(f"to {name}")
                    ops.EnqueueBlobs([f"to {following}", item], [item])
    return group


@broken(EMPTY_RING, tp.StalledError, "wait for each other", "on node 'east'", "on node 'west'", "channel:eastward")
def neither_node_begins() -> tp.TaskGroup:
    """Two nodes answer each other through channels, and each waits to be asked."""
    eastward, westward = tp.Channel("eastward", 1, ["x"]), tp.Channel("westward", 1, ["x"])
    with tp.TaskGroup() as group:
        for name, incoming, outgoing in (("east", eastward, westward), ("west", westward, eastward)):
            with tp.Node(name), tp.Task(name="answer"):
                _, record = incoming.reader().read()
                outgoing.writer().write(None, record)
    return group


@broken(EMPTY_RING, tp.StalledError, "steps of task 'local/both' on node 'local' wait for each other", "'to left'")
def two_blocks_of_one_step() -> tp.TaskGroup:
    """Two blocks that run at once in one task wait for each other."""
    with tp.TaskGroup() as group, tp.Task(name="both"):
        node_queue("to left")
        node_queue("to right")
        with tp.NetBuilder("left") as left:
            take("to left")
            put("to right")
        with tp.NetBuilder("right") as right:
            take("to right")
            put("to left")
        together(left, right)
    return group


@broken(EMPTY_RING, tp.StalledError, "wait for each other", "'rows'", "'orders'")
def orders_for_rows() -> tp.TaskGroup:
    """Rows are made to order, and ordered when they have come; a reporter counts what was done so far."""
    with tp.TaskGroup() as group:
        with tp.Task(name="make"):
            node_queue("orders")
            take("orders")
            put_rows("rows", 4)
        with tp.Task(name="use"):
            node_rows("rows", 4)
            with ops.local_reporter(interval_ms=SHORT_MS):
                ops.Const(1)
            take_rows("rows", 4)
            put("orders")
    return group


@broken(EMPTY_RING, tp.StalledError, "wait for each other", "step 'local/b:init'")
def setup_waits_for_a_body() -> tp.TaskGroup:
    """The setup of one task waits for the body of another, whose setup waits for the body of the first."""
    with tp.TaskGroup() as group:
        for name, other in (("a", "b"), ("b", "a")):
            with tp.Task(name=name):
                node_queue(f"from {name}")
                with ops.task_init():
                    take(f"from {other}")
                put(f"from {name}")
    return group


# --- rings of full queues ---------------------------------------------------------------------------------------------


@broken(FULL_RING, tp.StalledError, "wait for each other, all for room in full queues")
def both_write_first() -> tp.TaskGroup:
    """Two tasks swap two records each through queues for one, and both write before they read."""
    with tp.TaskGroup() as group:
        for name, other in (("a", "b"), ("b", "a")):
            with tp.Task(name=name):
                node_queue(f"from {name}")
                put_many(f"from {name}", 2)
                take_many(f"from {other}", 2)
    return group


@broken(FULL_RING, tp.StalledError, "'local/c' on node 'local' wait for each other, all for room in full queues")
def three_pass_on_more_than_they_take() -> tp.TaskGroup:
    """In a ring of three, everybody puts two records in for each that is taken out."""
    with tp.TaskGroup() as group:
        for name, following in (("a", "b"), ("b", "c"), ("c", "a")):
            with tp.Task(name=name):
                node_queue(f"to {name}", capacity=3)
                with ops.loop(9):
                    put_many(f"to {following}", 2)
                    take(f"to {name}")
    return group


@broken(FULL_RING, tp.StalledError, "wait for each other, all for room in full queues", "on node 'east'")
def swap_between_nodes() -> tp.TaskGroup:
    """Two nodes swap what they have through channels that hold less."""
    eastward, westward = tp.Channel("eastward", 2, ["x"]), tp.Channel("westward", 2, ["x"])
    with tp.TaskGroup() as group:
        for name, incoming, outgoing in (("east", eastward, westward), ("west", westward, eastward)):
            with tp.Node(name), tp.Task(name="swap"):
                with ops.loop(3):
                    send(outgoing)
                with ops.loop(3):
                    incoming.reader().read()
    return group


@broken(FULL_RING, tp.StalledError, "wait for each other, all for room in full queues", "of 2")
def instances_on_both_sides() -> tp.TaskGroup:
    """Two instances on each side write one record each into queues for one, before any of them reads."""
    with tp.TaskGroup() as group:
        for name, other in (("a", "b"), ("b", "a")):
            with tp.Task(name=name, num_instances=2):
                node_queue(f"from {name}")
                put(f"from {name}")
                put(f"from {name}")
                take(f"from {other}")
    return group


@broken(FULL_RING, tp.StalledError, "wait for each other, all for room in full queues", "EnqueueRebatchingQueue")
def batches_against_records() -> tp.TaskGroup:
    """One side writes a batch of rows, the other one records, and each reads only when it has written all."""
    with tp.TaskGroup() as group:
        with tp.Task(name="rows"):
            node_rows("rows", 2)
            put_rows("rows", 3)
            take_many("records", 3)
        with tp.Task(name="records"):
            node_queue("records")
            put_many("records", 2)
            take_rows("rows", 3)
    return group


# --- reads before it writes -------------------------------------------------------------------------------------------


@broken(READS_FIRST, tp.StalledError, "task 'local/alone' on node 'local' reads queue 'jobs' before it writes it")
def takes_and_then_puts() -> tp.TaskGroup:
    """One task reads a queue and writes it afterwards."""
    with tp.TaskGroup() as group, tp.Task(name="alone"):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["jobs"])
        take("jobs")
        put("jobs")
    return group


@broken(READS_FIRST, tp.StalledError, "reads queue 'state' before it writes it, and nobody else does", "iteration 1")
def feedback_without_a_start() -> tp.TaskGroup:
    """Each iteration begins with what the one before has left, the first one too."""
    with tp.TaskGroup() as group, tp.Task(name="alone"):
        node_queue("state")
        with ops.loop(3):
            state = take("state")
            ops.Add([state, ops.Const(1)], [state])
            ops.EnqueueBlobs(["state", state], [state])
        tp.final_output(take("state"))
    return group


@broken(READS_FIRST, tp.StalledError, "reads queue 'jobs' before it writes it", "step 'local/alone:init'")
def setup_reads_what_the_body_writes() -> tp.TaskGroup:
    """The setup wants the record that the body writes when the setup has ended; another task is of no help."""
    with tp.TaskGroup() as group:
        with tp.Task(name="alone"):
            with ops.task_init():
                node = ops.CreateBlobsQueue([], ["jobs"])
                take(node)
            put("jobs")
        with tp.Task(name="other"):
            ops.Const(1)
    return group


@broken(READS_FIRST, tp.StalledError, "reads queue 'rows' before it writes it, and nobody else does", "(2 of 9)")
def third_row_comes_after_the_batch() -> tp.TaskGroup:
    """A batch of three is read when two rows have been written; the third one comes at the exit."""
    with tp.TaskGroup() as group, tp.Task(name="alone"):
        node_rows("rows", 9)
        put_rows("rows", 2)
        take_rows("rows", 3)
        with ops.task_exit():
            put_rows("rows", 1)
    return group


@broken(READS_FIRST, tp.StalledError, "task 'b/alone' on node 'b' reads queue 'channel:own' before it writes it")
def channel_to_oneself_read_first() -> tp.TaskGroup:
    """A task is the one writer of a channel, and reads it before; the other node has ended by then."""
    own = tp.Channel("own", 1, ["x"])
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="other"):
            ops.Const(1)
        with tp.Node("b"), tp.Task(name="alone"):
            _, record = own.reader().read()
            own.writer().write(None, record)
    return group
