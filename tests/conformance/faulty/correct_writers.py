"""Queues of one node with several writers and readers: who ends them, who is refused, who leaves early."""

from __future__ import annotations

from tests.conformance.faulty.corpus import correct
from tests.conformance.faulty.correct_pieces import (
    add_shared,
    add_up,
    close,
    counter,
    end,
    equal,
    offer,
    output,
    plus,
    put,
    queue,
    records,
    shared_sum,
    take,
    take_or_end,
)

import taskplan as tp
from taskplan import ops


@correct("a queue that each of its writers ends", {"count": 6})
def writers_counted_out() -> tp.TaskGroup:
    """It was told how many writers it has, and only the last of them closes it."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read", num_instances=2):
            numbers, count = queue("numbers", writers=3), counter("count")
            with records(numbers):
                ops.CountUp([count], 1)
            with ops.task_exit():
                output("count", ops.RetrieveCount(count))
        for index in range(3):
            with tp.Task(name=f"write{index}"):
                with ops.loop(2) as loop:
                    put(numbers, loop.iter())
                end(numbers)
    return group


@correct("a writer that ends more often than there are writers", {"sum": 3})
def one_writer_ends_twice() -> tp.TaskGroup:
    """It does so after its last record, and the end of what has ended changes nothing."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers = queue("numbers", writers=1)
            with ops.loop(3) as loop:
                put(numbers, loop.iter())
            end(numbers)
            with ops.task_instance_exit():
                end(numbers)
        with tp.Task(name="read"):
            output("sum", add_up(numbers))
    return group


@correct("writers that are never counted out", {"sum": 30})
def last_writer_closes_for_all() -> tp.TaskGroup:
    """Three writers were announced and two end so; the third waits for both and closes the queue."""
    with tp.TaskGroup() as group:
        with tp.Task(name="third"):
            numbers, ready = queue("numbers", writers=3), queue("ready")
            take(ready)
            take(ready)
            put(numbers, 10)
            close(numbers)
        for index in range(2):
            with tp.Task(name=f"other{index}"):
                put(numbers, 10)
                end(numbers)
                put(ready, 1)
        with tp.Task(name="read"):
            output("sum", add_up(numbers))
    return group


@correct("an endless writer", {"sum": 3, "stopped": True})
def writer_stops_when_refused() -> tp.TaskGroup:
    """Its reader closes the queue when it has enough, and the writer looks at what came of its record."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers = queue("numbers", capacity=2)
            number = ops.Const(0)
            with ops.stop_guard() as guard:
                with ops.loop():
                    ops.Add([number, ops.Const(1)], [number])
                    refused = offer(numbers, number)
                    ops.stop_if(refused)
                ops.stop_if(refused)
                put(numbers, 100)
            output("stopped", guard.has_stopped())
        with tp.Task(name="read"):
            output("sum", ops.Add([take(numbers), take(numbers)]))
            close(numbers)
    return group


@correct("a writer that waits for a reader that has gone", {"read": 6, "offered": 10})
def reader_closes_at_its_exit() -> tp.TaskGroup:
    """The reader's exit closes the queue, so the writer goes through the rest of its records without waiting."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            numbers = queue("numbers", capacity=3)
            total = ops.Const(0)
            with ops.loop(4):
                ops.Add([total, take(numbers)], [total])
            with ops.task_exit():
                close(numbers)
                output("read", total)
        with tp.Task(name="write"):
            with ops.loop(10) as loop:
                offer(numbers, loop.iter())
            output("offered", loop.iter())
    return group


@correct("a reader that nobody tells of the end", {"sum": 3})
def closed_by_a_third_task() -> tp.TaskGroup:
    """The writer says that it is done through another queue, and the exit of a third task closes the first one."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            numbers, done = queue("numbers"), queue("done")
            output("sum", add_up(numbers))
        with tp.Task(name="write"):
            with ops.loop(3) as loop:
                put(numbers, loop.iter())
            put(done, 0)
        with tp.Task(name="close"):
            take(done)
            with ops.task_exit():
                close(numbers)
    return group


@correct("a queue closed under a writer that waits for room", {"first": False, "second": True, "left": 1})
def closed_while_somebody_may_wait() -> tp.TaskGroup:
    """The second record is refused, be it that the writer waits by then or not; the first is still there."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            narrow, begun = queue("narrow"), queue("begun")
            output("first", offer(narrow, 1))
            put(begun, 0)
            output("second", offer(narrow, 2))
            with ops.local_exit():
                output("left", add_up(narrow))
        with tp.Task(name="close"):
            take(begun)
            close(narrow)
    return group


@correct("readers of which one may starve", {"sum": 45})
def two_readers_share_what_comes() -> tp.TaskGroup:
    """However the records fall to them, the end comes to both."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers, total = queue("numbers"), shared_sum("total")
            with ops.loop(10) as loop:
                put(numbers, loop.iter())
            with ops.task_finally():
                close(numbers)
            with ops.local_exit():
                output("sum", total[1])
        for name in ("left", "right"):
            with tp.Task(name=name), records(numbers) as number:
                add_shared(total, number)
    return group


@correct("a task that reads from the end of a chain before its beginning", {"sum": 36})
def long_chain_in_one_node() -> tp.TaskGroup:
    """Tasks start together, so it does not matter that the last of the chain is written first."""
    with tp.TaskGroup() as group:
        with tp.Task(name="last"):
            links = [queue(f"link{index}") for index in range(10)]
            output("sum", add_up(links[-1]))
        for index in reversed(range(9)):
            with tp.Task(name=f"link{index}"):
                with records(links[index]) as number:
                    put(links[index + 1], plus(number, 1))
                close(links[index + 1])
        with tp.Task(name="first"):
            with ops.loop(3) as loop:
                put(links[0], plus(loop.iter(), 2))
            close(links[0])
    return group


@correct("a splitter and a joiner in a cycle of waits", {"joined": 15})
def dealt_out_and_gathered_again() -> tp.TaskGroup:
    """Both go through the three workers in the same order."""
    with tp.TaskGroup() as group:
        with tp.Task(name="deal"):
            to_workers = [queue(f"to{index}") for index in range(3)]
            from_workers = [queue(f"from{index}") for index in range(3)]
            with ops.loop(2) as loop:
                for to_worker in to_workers:
                    put(to_worker, loop.iter())
            close(*to_workers)
        for index in range(3):
            with tp.Task(name=f"work{index}"):
                with records(to_workers[index]) as number:
                    put(from_workers[index], plus(number, index + 1))
                with ops.task_exit():
                    close(from_workers[index])
        with tp.Task(name="gather"):
            total = ops.Const(0)
            with ops.loop(2):
                for from_worker in from_workers:
                    ops.Add([total, take(from_worker)], [total])
            output("joined", total)
    return group


@correct("a worker that waits for jobs which only workers write", {"jobs": 15})
def workers_that_make_their_own_jobs() -> tp.TaskGroup:
    """All jobs have room in the queue, and whoever has done the last one closes it."""
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        jobs, done, pending = queue("jobs", capacity=16), counter("done"), shared_sum("pending")
        with ops.local_init():
            put(jobs, 3)
            ops.Const(1, "pending")
        with records(jobs) as depth:
            ops.CountUp([done], 1)
            with ops.If(ops.GT([depth, ops.Const(0)])):
                add_shared(pending, ops.Const(2))
                put(jobs, plus(depth, -1))
                put(jobs, plus(depth, -1))
            before = add_shared(pending, ops.Const(-1))
            with ops.If(equal(before, 1)):
                close(jobs)
        with ops.task_exit():
            output("jobs", ops.RetrieveCount(done))
    return group


@correct("a barrier that the tasks at it must open themselves", {"through": 4})
def last_one_opens_the_barrier() -> tp.TaskGroup:
    """Whoever arrives last writes a permit for each of them."""
    with tp.TaskGroup() as group, tp.Task(num_instances=4):
        arrived, through, gate = counter("arrived"), counter("through"), queue("gate", capacity=4)
        before = ops.CountUp([arrived], 1)
        with ops.If(ops.EQ([before, ops.Const(3)])), ops.loop(4):
            put(gate, 0)
        take(gate)
        with ops.task_instance_exit():
            ops.CountUp([through], 1)
        with ops.local_exit():
            output("through", ops.RetrieveCount(through))
    return group


@correct("two readers that stop at the same sentinel", {"sum": 10})
def sentinel_is_put_back() -> tp.TaskGroup:
    """Whoever finds the sentinel writes it again for the next reader; there is room, since it has just been taken."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers, total = queue("numbers"), shared_sum("total")
            with ops.loop(5) as loop:
                put(numbers, loop.iter())
            put(numbers, -1)
        with tp.Task(name="read", num_instances=3):
            with ops.loop():
                number = take(numbers)
                with ops.stop_guard() as guard:
                    ops.stop_if(ops.LT([number, ops.Const(0)]))
                    add_shared(total, number)
                ops.stop_if(guard.has_stopped())
            with ops.task_instance_exit():
                put(numbers, -1)
            with ops.local_exit():
                output("sum", total[1])
    return group


@correct("a read of many at once that can never be full", {"sum": 8, "ended": True})
def readers_of_the_rest() -> tp.TaskGroup:
    """It finds less than it wants only when the queue is closed, and then it takes that."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            parts = queue("parts", capacity=5)
            for number in (1, 3, 4):
                put(parts, [number])
            with ops.task_exit():
                end(parts)
        with tp.Task(name="read"):
            rest, ended = ops.SafeDequeueBlobs([parts], 2, num_records=5)
            output("sum", ops.call(sum, rest))
            ops.Copy(ended, "first_status")
            output("ended", take_or_end(parts)[1])
    return group
