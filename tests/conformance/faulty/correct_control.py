"""Queue operators inside loops, branches, stops and limits, many of which are never come to."""

from __future__ import annotations

from tests.conformance.faulty.corpus import correct
from tests.conformance.faulty.correct_pieces import (
    add_up,
    close,
    copy_of,
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


@correct("a reader of a queue whose only write is in a loop of no iterations", {"sum": 0, "ended": True})
def loop_around_the_write_runs_never() -> tp.TaskGroup:
    """The writer's exit closes the queue, and its end is there for whoever comes later."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers = queue("numbers")
            with ops.loop(ops.Const(0)) as loop:
                put(numbers, loop.iter())
            with ops.task_exit():
                close(numbers)
        with tp.Task(name="read"):
            total = add_up(numbers)
            with ops.local_exit():
                output("ended", take_or_end(numbers)[1])
            output("sum", total)
    return group


@correct("a read from a queue that nobody writes", {"done": 1})
def loop_around_the_read_runs_never() -> tp.TaskGroup:
    """The read is in a loop of no iterations, inside one of three."""
    with tp.TaskGroup() as group, tp.Task():
        never, total = queue("never"), ops.Const(1)
        with ops.loop(3):
            with ops.loop(0):
                ops.Add([total, take(never)], [total])
        output("done", total)
    return group


@correct("a branch that waits for ever", {"taken": 2})
def branch_that_is_not_taken() -> tp.TaskGroup:
    """Of three branches the one that does not wait is taken."""
    with tp.TaskGroup() as group, tp.Task():
        never, two = queue("never"), ops.Const(2)
        result = ops.Const(0)
        with ops.If(equal(two, 1)) as branch:
            ops.Copy(take(never), result)
        with branch.Elif(equal(two, 2)):
            ops.Copy(two, result)
        with branch.Else():
            take(never)
            close(never)
        output("taken", result)
    return group


@correct("an operator block that writes into a full queue", {"sum": 6})
def if_net_writes_what_is_even() -> tp.TaskGroup:
    """The queue is read meanwhile; what is odd is not written."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            evens = queue("evens")
            put(evens, 0)
            with ops.loop(6) as loop:
                number = ops.Copy(loop.iter())
                with ops.IfNet(equal(ops.Mod(number, divisor=2), 0)):
                    ops.EnqueueBlobs([evens, number], [number])
            close(evens)
        with tp.Task(name="read"):
            output("sum", add_up(evens))
    return group


@correct("a branch of an operator that waits for ever", {"result": 3})
def else_net_waits_for_nothing() -> tp.TaskGroup:
    """The operator's other branch is the one that is taken, and it writes what is read after it."""
    with tp.TaskGroup() as group, tp.Task():
        own, never = ops.CreateBlobsQueue([], "own"), ops.CreateBlobsQueue([], "never")
        with ops.loop(2):
            three = ops.Const(3)
            result = ops.Const(0)
            with ops.IfNet(ops.LT([three, result])):
                ops.Copy(take(never), result)
            with ops.Else():
                ops.EnqueueBlobs([own, three], [three])
            ops.Copy(take(own), result)
        output("result", result)
    return group


@correct("a loop inside of an operator that reads for ever", {"sum": 10})
def while_net_reads_to_the_end() -> tp.TaskGroup:
    """The status of the read is the condition of the loop."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            numbers = queue("numbers")
            total = ops.Const(0)
            number, ended = take_or_end(numbers)
            with ops.WhileNet():
                with ops.Condition():
                    ops.Not(ended)
                ops.Add([total, number], [total])
                ops.SafeDequeueBlobs([numbers], [number, ended])
            output("sum", total)
        with tp.Task(name="write"):
            with ops.loop(5) as loop:
                put(numbers, loop.iter())
            with ops.task_exit():
                close(numbers)
    return group


@correct("a wait behind a stop", {"before": 1})
def stop_before_the_wait() -> tp.TaskGroup:
    """What follows a stop is skipped, and nobody else needs the record."""
    with tp.TaskGroup() as group:
        with tp.Task(name="stop"):
            never = queue("never")
            output("before", ops.Const(1))
            ops.stop()
            take(never)
        with tp.Task(name="never"), ops.loop(0):
            put(never, 1)
    return group


@correct("a wait with a limit that is nearly over", {"got": 9})
def limit_that_is_kept() -> tp.TaskGroup:
    """The record comes at once; the limits are there for other days."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            single = queue("single")
            with ops.timeout(3600):
                with ops.timeout(1800):
                    number = take(single)
                output("got", number)
        with tp.Task(name="write"), ops.timeout(600):
            put(single, 9)
    return group


@correct("a limit around a wait for a task which waits for that one's end", {"late": 4})
def limit_around_a_wait_for_an_exit() -> tp.TaskGroup:
    """The exit of the other task comes within it, since its body waits for nobody."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            late = queue("late")
            with ops.loop(2) as loop, ops.timeout(3600):
                number = take(late)
            output("late", ops.Add([number, loop.iter()]))
        with tp.Task(name="write"):
            put(late, 1)
            with ops.task_exit():
                with ops.timeout(3600):
                    put(late, 2)
    return group


@correct("three readers of which some never get anything", {"large": 6, "small": 3, "others": 0})
def branch_chooses_the_queue() -> tp.TaskGroup:
    """All queues are closed in the end, also the one that no branch wrote."""
    with tp.TaskGroup() as group:
        with tp.Task(name="sort"):
            queues = [queue(name) for name in ("to_large", "to_small", "to_others")]
            with ops.loop(3) as loop:
                with ops.If(ops.GE([loop.iter(), ops.Const(1)])) as branch:
                    put(queues[0], 3)
                with branch.Elif(ops.LT([loop.iter(), ops.Const(5)])):
                    put(queues[1], 3)
                with branch.Else():
                    put(queues[2], 3)
            close(*queues)
        for name, each in zip(("large", "small", "others"), queues, strict=True):
            with tp.Task(name=name):
                output(name, add_up(each))
    return group


@correct("a reader whose inner loop has no end of data to stop at", {"rounds": [1, 2, 3]})
def rounds_with_a_sentinel() -> tp.TaskGroup:
    """A round ends at a sentinel; only after the last one does the queue end."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers = queue("numbers")
            with ops.loop(3) as loop:
                with ops.loop(plus(loop.iter(), 1)):
                    put(numbers, 1)
                put(numbers, -1)
            close(numbers)
        with tp.Task(name="read"):
            rounds = ops.GivenTensorInt64Fill([], 1, values=[], shape=[0])
            with ops.loop(3):
                total = ops.Const([0])
                with ops.loop():
                    number = take(numbers)
                    ops.stop_if(equal(number, -1))
                    ops.Add([total, number], [total])
                ops.Copy(ops.Concat([rounds, total], 2, axis=0)[0], rounds)
            output("rounds", rounds)
    return group


@correct("two loops that stop on the same blob", {"first": 3, "second": 1})
def stop_blob_of_two_loops() -> tp.TaskGroup:
    """The second loop runs once, since a stop is looked at after something has run; so it reads what is left."""
    with tp.TaskGroup() as group, tp.Task():
        left = queue("left", capacity=4)
        first, second, stop = ops.Const(0), ops.Const(0), ops.Const(False)
        with ops.loop(4):
            put(left, 1)
        until = tp.Net("until stop")
        until.Add([first, until.DequeueBlobs([left], 1)], [first])
        until.EQ([first, until.Const(3)], [stop])
        ops.net(tp.execution_step("until stop", until, should_stop_blob=stop))
        again = tp.Net("again")
        again.Add([second, again.DequeueBlobs([left], 1)], [second])
        ops.net(tp.execution_step("once more", again, should_stop_blob=stop))
        output("first", first)
        output("second", second)
    return group


@correct("a stop in a guard in a loop, with a write between them that nobody reads", {"kept": 4, "left": 2})
def guards_inside_of_each_other() -> tp.TaskGroup:
    """Every second iteration leaves the guard before the write; what is written has room."""
    with tp.TaskGroup() as group, tp.Task():
        kept, total = queue("kept_numbers", capacity=2), ops.Const(0)
        with ops.loop(4) as loop:
            with ops.stop_guard() as outer:
                with ops.stop_guard() as inner:
                    ops.stop_if(equal(ops.Mod(loop.iter(), divisor=2), 0))
                    put(kept, loop.iter())
                ops.stop_if(inner.has_stopped())
                ops.Add([total, loop.iter()], [total])
            with ops.If(outer.has_stopped()):
                ops.Copy(total, "total_so_far")
        with ops.task_exit():
            output("kept", total)
            close(kept)
            with ops.loop(2) as left:
                take(kept)
            output("left", left.iter())
    return group


@correct("a loop count that arrives later than the loop begins", {"sum": 6, "more": True})
def loop_count_comes_through_a_queue() -> tp.TaskGroup:
    """The count is read before the loop, and before each iteration anew."""
    with tp.TaskGroup() as group:
        with tp.Task(name="loop"):
            counts, numbers = queue("counts"), queue("numbers")
            total, count = ops.Const(0), take(counts)
            with ops.loop(count):
                ops.Add([total, take(numbers)], [total])
                ops.Copy(take(counts), count)
            output("sum", total)
        with tp.Task(name="say how often"):
            put(counts, 1)
            for number in range(1, 4):
                put(numbers, number)
                put(counts, copy_of(min(number + 1, 3)))
            output("more", ops.Not(offer(counts, 0)))
    return group


@correct("a search that stops in the middle and leaves the writer behind", {"found": 4, "sent": 10})
def search_ends_early() -> tp.TaskGroup:
    """The rest is read and thrown away, so that the writer comes to its end."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers = queue("numbers")
            with ops.loop(10) as loop:
                put(numbers, loop.iter())
            close(numbers)
            output("sent", loop.iter())
        with tp.Task(name="search"):
            with ops.loop():
                number, ended = take_or_end(numbers)
                ops.stop_if(ended)
                ops.stop_if(equal(number, 4))
            output("found", number)
            with ops.task_exit(), records(numbers) as unused:
                ops.Copy(unused)
    return group
