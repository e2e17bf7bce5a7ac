"""Waits that blocks around tasks end: init blocks, exits, closing blocks."""

from __future__ import annotations

from tests.conformance.faulty.corpus import correct
from tests.conformance.faulty.correct_pieces import (
    add_up,
    close,
    counter,
    equal,
    offer,
    output,
    plus,
    put,
    queue,
    records,
    take,
    take_or_end,
)

import taskplan as tp
from taskplan import ops


@correct("a reader whose writer's body writes nothing", {"got": 5})
def written_by_the_exit_of_another_task() -> tp.TaskGroup:
    """The exit block of the other task writes the record."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            late = queue("late")
            output("got", take(late))
        with tp.Task(name="write"):
            five = ops.Const(5)
            with ops.task_exit():
                put(late, five)
    return group


@correct("a reader that waits for more than the one writer there is", {"sum": 3})
def written_by_the_exits_of_instances() -> tp.TaskGroup:
    """The exit block runs in each of the instances."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write", num_instances=3):
            late = queue("late")
            with ops.task_instance_exit():
                put(late, 1)
        with tp.Task(name="read"):
            output("sum", ops.Sum([take(late), take(late), take(late)]))
    return group


@correct("a task without any work, for which another waits", {"got": 4})
def only_an_init_block() -> tp.TaskGroup:
    """Its work is in its init block."""
    with tp.TaskGroup() as group:
        with tp.Task(name="idle"):
            early = queue("early")
            with ops.task_init():
                put(early, 4)
        with tp.Task(name="read"), ops.task_exit():
            output("got", take(early))
    return group


@correct("a task that cannot begin before another is at work", {"both": 9})
def init_waits_for_the_body_of_another() -> tp.TaskGroup:
    """All tasks of a node start at once, so the body for which the init block waits is at work."""
    with tp.TaskGroup() as group:
        with tp.Task(name="late"):
            gate, back = queue("gate"), queue("back")
            with ops.task_init():
                key = take(gate)
            put(back, plus(key, 1))
        with tp.Task(name="early"):
            put(gate, 4)
            output("both", plus(take(back), 4))
    return group


@correct("tasks whose ends wait for each other", {"end": 3})
def exits_that_follow_each_other() -> tp.TaskGroup:
    """Each exit waits for the one before it, and the first waits for nobody."""
    with tp.TaskGroup() as group:
        with tp.Task(name="third"):
            one, two = queue("one"), queue("two")
            with ops.task_exit():
                output("end", plus(take(two), 1))
        with tp.Task(name="second"), ops.task_exit():
            put(two, plus(take(one), 1))
        with tp.Task(name="first"), ops.task_exit():
            put(one, 1)
    return group


@correct("an exit that waits for a task which waits for its body", {"body": 1, "exit": 2})
def body_and_exit_talk_with_another() -> tp.TaskGroup:
    """The body writes before it ends, and the answer comes when it has ended."""
    with tp.TaskGroup() as group:
        with tp.Task(name="ask"):
            asked, answered = queue("asked"), queue("answered")
            put(asked, 1)
            with ops.task_exit():
                output("exit", take(answered))
        with tp.Task(name="answer"):
            question = take(asked)
            output("body", question)
            put(answered, plus(question, 1))
    return group


@correct("a queue that is read when all its users have ended", {"left": 6})
def local_exit_reads_what_is_left() -> tp.TaskGroup:
    """The exit blocks of the node come after all tasks; the first closes the queue, and what is in it stays."""
    with tp.TaskGroup() as group:
        with tp.Task(name="one"):
            left = queue("left", capacity=4)
            put(left, 1)
            put(left, 2)
            with ops.local_exit():
                close(left)
        with tp.Task(name="two"):
            put(left, 3)
            with ops.local_exit():
                output("left", add_up(left))
    return group


@correct("a closing block that waits for records which nobody writes any more", {"drained": 3})
def closing_block_drains_a_queue() -> tp.TaskGroup:
    """It closes the queue first, and so finds its end."""
    with tp.TaskGroup() as group, tp.Task():
        with ops.task_init():
            own = ops.CreateBlobsQueue([], "own", capacity=4)
        with ops.loop(3) as loop:
            put(own, loop.iter())
        with ops.task_finally():
            close(own)
            output("drained", add_up(own))
    return group


@correct("a reader of a queue that no exit closes", {"sum": 7})
def closed_by_a_closing_block() -> tp.TaskGroup:
    """Closing blocks run after success too."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            numbers = queue("numbers")
            output("sum", add_up(numbers))
        with tp.Task(name="write", num_instances=1):
            put(numbers, 7)
            with ops.task_instance_finally():
                close(numbers)
    return group


@correct("a closing block that waits for another task", {"last": 8})
def closing_blocks_hand_over() -> tp.TaskGroup:
    """The record comes from the closing block of a task that waits for nobody."""
    with tp.TaskGroup() as group:
        with tp.Task(name="after"):
            relay = queue("relay")
            with ops.task_finally():
                output("last", take(relay))
        with tp.Task(name="before"):
            with ops.task_finally():
                put(relay, 8)
    return group


@correct("instances that wait for more tickets than there are", {"tickets": 2, "served": 5})
def tickets_of_instances() -> tp.TaskGroup:
    """Each instance takes a ticket before its body, and gives it back at its end."""
    with tp.TaskGroup() as group, tp.Task(num_instances=5):
        tickets, served = queue("tickets", capacity=2), counter("served")
        with ops.local_init():
            put(tickets, 1)
            put(tickets, 1)
        with ops.task_instance_init():
            ticket = take(tickets)
        ops.CountUp([served], 1)
        with ops.task_instance_exit():
            put(tickets, ticket)
        with ops.local_exit():
            close(tickets)
            output("tickets", add_up(tickets))
            output("served", ops.RetrieveCount(served))
    return group


@correct("an init block that needs what a later init block makes", {"sum": 3})
def init_inside_an_init() -> tp.TaskGroup:
    """A block inside a block of the same kind runs before it."""
    with tp.TaskGroup() as group, tp.Task():
        with ops.task_init():
            with ops.task_init():
                nested = ops.CreateBlobsQueue([], "nested", capacity=2)
                put(nested, 1)
            put(nested, 2)
            close(nested)
        output("sum", add_up(nested))
    return group


@correct("a queue that no operator of a task makes or closes", {"sum": 5})
def setup_object_makes_and_closes() -> tp.TaskGroup:
    """A setup object on the writer's net makes it, and closes it at the writer's exit."""
    make, finish = tp.Net("make"), tp.Net("finish")
    make.CreateBlobsQueue([], "behind", capacity=1)
    finish.CloseBlobsQueue(["behind"], [])
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            ops.net().add_attribute(tp.TaskGroup.LOCAL_SETUP, tp.SetupNets(make))
            ops.net().add_attribute(tp.Task.TASK_SETUP, tp.SetupNets(exit_nets=finish))
            put("behind", 2)
            put("behind", 3)
        with tp.Task(name="read"):
            output("sum", add_up("behind"))
    return group


@correct("an empty task beside one that waits", {"got": 2})
def empty_tasks_beside_a_waiting_one() -> tp.TaskGroup:
    """The empty ones end at once, and the record comes from a task that is not empty."""
    with tp.TaskGroup() as group:
        with tp.Task(name="empty"):
            pass
        with tp.Task(name="read"):
            single = queue("single")
            output("got", take(single))
        tp.Task(name="empty too", step=[])
        with tp.Task(name="write"), ops.task_init():
            put(single, 2)
        with tp.Task(name="empty as well", num_instances=2):
            pass
    return group


@correct("an exit that reads what its own body wrote", {"sum": 2})
def exit_reads_its_own_body() -> tp.TaskGroup:
    """The queue has room for all of it."""
    with tp.TaskGroup() as group, tp.Task(num_instances=2):
        own = queue("own", capacity=4)
        put(own, 1)
        with ops.task_instance_exit():
            put(own, 0)
        with ops.task_exit():
            output("sum", ops.Sum([take(own), take(own), take(own), take(own)]))
    return group


@correct("a closing block that closes what an exit has closed", {"sum": 4, "refused": True})
def closed_by_everybody() -> tp.TaskGroup:
    """Closing twice changes nothing, and who writes later is told."""
    with tp.TaskGroup() as group, tp.Task():
        own = queue("own", capacity=2)
        put(own, 4)
        with ops.task_exit():
            close(own)
        with ops.task_finally():
            close(own)
            output("refused", offer(own, 5))
        with ops.local_finally():
            close(own)
            output("sum", add_up(own))
    return group


@correct("feeds that come from nowhere", {"fed": 6})
def fed_by_the_setup_of_the_node() -> tp.TaskGroup:
    """The node's init blocks, in two tasks, fill and close what both tasks read."""
    with tp.TaskGroup() as group:
        with tp.Task(name="left"):
            feed, sums = queue("feed", capacity=3), queue("sums", capacity=2)
            with ops.local_init():
                put(feed, 1)
                put(feed, 2)
            put(sums, add_up(feed))
            with ops.local_exit():
                output("fed", ops.Add([take(sums), take(sums)]))
        with tp.Task(name="right"):
            with ops.local_init():
                put(feed, 3)
                close(feed)
            put(sums, add_up(feed))
    return group


@correct("a body that stops before it has closed its queue", {"sum": 1, "status": True})
def stopped_body_has_its_exit() -> tp.TaskGroup:
    """A body that is left early has its exit all the same, and that closes the queue."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers = queue("numbers")
            one = ops.Const(1)
            put(numbers, one)
            ops.stop_if(equal(one, 1))
            put(numbers, 2)
            put(numbers, 3)
            with ops.task_exit():
                close(numbers)
        with tp.Task(name="read"):
            with ops.stop_guard() as guard:
                with records(numbers) as number:
                    output("sum", number)
                ops.stop_if(take_or_end(numbers)[1])
                ops.Const(0)
            output("status", guard.has_stopped())
    return group
