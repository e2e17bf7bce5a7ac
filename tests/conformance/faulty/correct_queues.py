"""Queues of one node: rings that are primed, queues that are read late, early, or by their own writers."""

from __future__ import annotations

from tests.conformance.faulty.corpus import correct
from tests.conformance.faulty.correct_pieces import (
    add_up,
    close,
    copy_of,
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


@correct("a ring in which each waits for the other", {"token": 10})
def ring_of_two_with_a_token() -> tp.TaskGroup:
    """One of the queues holds a record before both start."""
    with tp.TaskGroup() as group:
        with tp.Task(name="ping"):
            to_ping, to_pong = queue("to_ping"), queue("to_pong")
            with ops.local_init():
                put(to_ping, 0)
            with ops.loop(5):
                put(to_pong, plus(take(to_ping), 1))
            with ops.local_exit():
                output("token", take(to_ping))
        with tp.Task(name="pong"), ops.loop(5):
            put(to_ping, plus(take(to_pong), 1))
    return group


@correct("a ring of full queues", {"sum": 16})
def ring_of_four_with_two_tokens() -> tp.TaskGroup:
    """Of its four queues two are always empty, so somebody can always go on."""
    with tp.TaskGroup() as group:
        with tp.Task(name="make"):
            ring = [queue(f"ring{index}") for index in range(4)]
            with ops.local_init():
                put(ring[0], 0)
                put(ring[1], 0)
            with ops.local_exit():
                output("sum", ops.Add([take(ring[0]), take(ring[1])]))
        for index in range(4):
            with tp.Task(name=f"member{index}"), ops.loop(4):
                put(ring[(index + 1) % 4], plus(take(ring[index]), 1))
    return group


@correct("a task that waits for itself", {"sum": 6})
def written_and_read_in_turn() -> tp.TaskGroup:
    """It writes before it reads, and there is room for one record."""
    with tp.TaskGroup() as group, tp.Task():
        own = queue("own")
        total = ops.Const(0)
        with ops.loop(4) as loop:
            put(own, loop.iter())
            ops.Add([total, take(own)], [total])
        output("sum", total)
    return group


@correct("a task that fills its own queue before it reads it", {"first": 0, "rest": 3})
def filled_to_the_brim() -> tp.TaskGroup:
    """The queue holds just as many records, and is closed before its rest is read to the end."""
    with tp.TaskGroup() as group, tp.Task():
        own = queue("own", capacity=3)
        with ops.loop(3) as loop:
            put(own, loop.iter())
        output("first", take(own))
        close(own)
        output("rest", add_up(own))
    return group


@correct("a queue that is closed three times", {"sum": 1})
def closed_again_and_again() -> tp.TaskGroup:
    """Closing a closed queue changes nothing, and what it holds is still read."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers = queue("numbers")
            with ops.loop(2) as loop:
                put(numbers, loop.iter())
            close(numbers, numbers)
            with ops.task_exit():
                close(numbers)
        with tp.Task(name="read"):
            output("sum", add_up(numbers))
    return group


@correct("a reader of a queue that nobody writes", {"sum": 0, "ended": True})
def closed_and_never_written() -> tp.TaskGroup:
    """Another task closes it, and that is the end of its data."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            nothing = queue("nothing")
            output("sum", add_up(nothing))
            output("ended", take_or_end(nothing)[1])
        with tp.Task(name="close"):
            close(nothing)
    return group


@correct("a read from a queue that was closed long ago", {"sum": 7, "status": [True, True, True]})
def read_long_after_the_end() -> tp.TaskGroup:
    """A closed queue gives out what it holds, and then says each time that this was all."""
    with tp.TaskGroup() as group, tp.Task():
        old = queue("old", capacity=2)
        with ops.local_init():
            put(old, 3)
            put(old, 4)
            close(old)
        output("sum", add_up(old))
        statuses = [ops.ExpandDims(take_or_end(old)[1], dims=[0]) for _ in range(3)]
        output("status", ops.Concat(statuses, 2, axis=0)[0])
    return group


@correct("a queue that nobody reads", {"written": 3})
def never_read() -> tp.TaskGroup:
    """All records have room in it."""
    with tp.TaskGroup() as group, tp.Task():
        bin_ = queue("bin", capacity=3)
        with ops.loop(3) as loop:
            put(bin_, loop.iter())
        with ops.task_exit():
            output("written", loop.iter())
    return group


@correct("a reader that goes before its writer has written all", {"sum": 3, "written": 6})
def read_in_part() -> tp.TaskGroup:
    """What it leaves behind has room in the queue."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers = queue("numbers", capacity=4)
            with ops.loop(6) as loop:
                put(numbers, plus(loop.iter(), 1))
            with ops.task_exit():
                output("written", loop.iter())
        with tp.Task(name="read"):
            output("sum", ops.Add([take(numbers), take(numbers)]))
    return group


@correct("two tasks that each wait for the other's record", {"left": 2, "right": 1})
def exchange() -> tp.TaskGroup:
    """Each writes before it reads."""
    with tp.TaskGroup() as group:
        with tp.Task(name="left"):
            to_left, to_right = queue("to_left"), queue("to_right")
            put(to_right, 1)
            output("left", take(to_left))
        with tp.Task(name="right"):
            put(to_left, 2)
            output("right", take(to_right))
    return group


@correct("philosophers who each hold what others want", {"taken": [6, 6, 6]})
def locks_taken_in_one_order() -> tp.TaskGroup:
    """The queues are locks of one record each, and all take the lock with the lower number first."""
    with tp.TaskGroup() as group:
        with tp.Task(name="lay"):
            forks = [queue(f"fork{index}") for index in range(3)]
            with ops.local_init():
                for fork in forks:
                    put(fork, [0])
            with ops.local_exit():
                output("taken", ops.Concat([take(fork) for fork in forks], 2, axis=0)[0])
        for low, high in ((0, 1), (1, 2), (0, 2)):
            with tp.Task(name=f"philosopher_of_{low}_and_{high}"), ops.loop(3):
                first, second = take(forks[low]), take(forks[high])
                put(forks[high], plus(second, 1))
                put(forks[low], plus(first, 1))
    return group


@correct("more tasks than there are permits, which nobody else writes", {"permits": 2})
def permits_are_returned() -> tp.TaskGroup:
    """Whoever takes a permit puts it back before it ends."""
    with tp.TaskGroup() as group:
        with tp.Task(name="permit"):
            permits = queue("permits", capacity=2)
            with ops.local_init():
                put(permits, 1)
                put(permits, 1)
            with ops.local_exit():
                close(permits)
                output("permits", add_up(permits))
        for name in ("one", "two", "three", "four"):
            with tp.Task(name=name):
                permit = take(permits)
                with ops.task_exit():
                    put(permits, permit)
    return group


@correct("a request and an answer that wait for each other", {"answers": 12})
def request_and_answer() -> tp.TaskGroup:
    """Only one of both waits at a time; the end of the requests is the end of the server."""
    with tp.TaskGroup() as group:
        with tp.Task(name="client"):
            asked, answered = queue("asked"), queue("answered")
            total = ops.Const(0)
            with ops.loop(4) as loop:
                put(asked, loop.iter())
                ops.Add([total, take(answered)], [total])
            close(asked)
            output("answers", total)
        with tp.Task(name="server"), records(asked) as question:
            put(answered, ops.Add([question, question]))
    return group


@correct("a queue that is read by the task which has given it away", {"sum": 30})
def queue_sent_through_a_queue() -> tp.TaskGroup:
    """The queue comes back through another one, with the answer in it instead of the question."""
    with tp.TaskGroup() as group:
        with tp.Task(name="answer"):
            calls, returns = queue("calls"), queue("returns")
            with ops.loop(2):
                called = take(calls)
                put(called, ops.Mul([take(called), ops.Const(10)]))
                ops.EnqueueBlobs([returns, called], [called])
        with tp.Task(name="ask"):
            total = ops.Const(0)
            with ops.loop(2) as loop:
                mine = ops.CreateBlobsQueue([], "mine")
                put(mine, plus(loop.iter(), 1))
                ops.EnqueueBlobs([calls, mine], [mine])
                ops.Add([total, take(take(returns))], [total])
            output("sum", total)
    return group


@correct("a reader that takes from one queue while its writer waits for room in the other", {"left": 6, "right": 60})
def one_queue_holds_all_of_its_side() -> tp.TaskGroup:
    """The queue that is read last has room for everything."""
    with tp.TaskGroup() as group:
        with tp.Task(name="deal"):
            left, right = queue("left_side"), queue("right_side", capacity=4)
            with ops.loop(4) as loop:
                put(right, ops.Mul([loop.iter(), ops.Const(10)]))
                put(left, loop.iter())
            close(left, right)
        with tp.Task(name="read"):
            output("left", add_up(left))
            output("right", add_up(right))
    return group


@correct("records that are left in a queue while its blob gets another", {"sum": 3})
def queue_replaced_each_time() -> tp.TaskGroup:
    """Each iteration has a queue of its own, and needs only the first of its two records."""
    with tp.TaskGroup() as group, tp.Task():
        total = ops.Const(0)
        with ops.loop(3) as loop:
            fresh = ops.CreateBlobsQueue([], "fresh", capacity=2)
            put(fresh, loop.iter())
            put(fresh, 100)
            ops.Add([total, take(fresh)], [total])
        output("sum", total)
    return group


@correct("blobs that are read after they were handed to a queue", {"pairs": 12})
def moved_and_written_anew() -> tp.TaskGroup:
    """Each iteration writes them before it hands them on again."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            pairs = queue("pairs", num_blobs=2)
            first, second = ops.Const(0), ops.Const(0)
            with ops.loop(3) as loop:
                ops.Copy(loop.iter(), first)
                ops.Add([loop.iter(), loop.iter()], second)
                ops.Add([first, second], [second])
                ops.EnqueueBlobs([pairs, first, second], [first, second])
            close(pairs)
        with tp.Task(name="read"):
            total = ops.Const(0)
            with ops.loop():
                one, three, ended = ops.SafeDequeueBlobs([pairs], 3)
                ops.stop_if(ended)
                both = ops.Add([one, three])
                ops.Add([total, both], [total])
            output("pairs", total)
    return group


@correct("a read that gives up too early", {"sum": 5, "stopped": True})
def limit_on_a_read_in_a_stop_guard() -> tp.TaskGroup:
    """Its time limit is longer than the writer takes, and the end of the data stops the guarded block."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            few = queue("few")
            total = ops.Const(0)
            with ops.stop_guard() as guard:
                for _ in range(3):
                    number, ended = take_or_end(few, timeout_secs=3600.0)
                    ops.stop_if(ended)
                    ops.Add([total, number], [total])
            output("sum", total)
            output("stopped", guard.has_stopped())
        with tp.Task(name="write"):
            put(few, 2)
            put(few, 3)
            close(few)
    return group


@correct("one that writes all into one queue before it looks at the other", {"out": 10})
def pipeline_that_feeds_itself() -> tp.TaskGroup:
    """Both queues and the worker between them hold just as many records as are under way."""
    with tp.TaskGroup() as group:
        with tp.Task(name="outside"):
            inward, outward = queue("inward", capacity=2), queue("outward", capacity=2)
            with ops.loop(4) as loop:
                put(inward, plus(loop.iter(), 1))
            close(inward)
            output("out", add_up(outward))
        with tp.Task(name="worker"):
            with records(inward) as number:
                put(outward, copy_of(number))
            with ops.task_exit():
                close(outward)
    return group
