"""Instances of a task: what they share, what they wait for, and where their blobs live."""

from __future__ import annotations

import numpy as np
from tests.conformance.faulty.corpus import correct
from tests.conformance.faulty.correct_pieces import (
    add_shared,
    add_up,
    close,
    counter,
    output,
    plus,
    put,
    queue,
    records,
    shared_sum,
    take,
)

import taskplan as tp
from taskplan import ops


@correct("instances that race for a sum", {"sum": 300})
def hogwild_under_a_mutex() -> tp.TaskGroup:
    """Each addition is alone under the mutex."""
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        with ops.task_init():
            mutex, total = ops.CreateMutex([]), ops.Const(np.int32(0))
        with ops.loop(100):
            one = ops.Const(np.int32(1))
            ops.AtomicFetchAdd([mutex, total, one], [total, "before"])
        with ops.task_exit():
            output("sum", total)
    return group


@correct("instances that count down below zero", {"taken": 10, "left": -4})
def work_dealt_out_by_a_counter() -> tp.TaskGroup:
    """However the ten pieces fall to the four instances, each is taken once, and each instance finds nothing once."""
    with tp.TaskGroup() as group, tp.Task(num_instances=4):
        with ops.task_init():
            left, taken = ops.CreateCounter([], init_count=10), ops.CreateCounter([])
        with ops.loop():
            ops.stop_if(ops.CountDown(left))
            ops.CountUp(taken)
        with ops.task_exit():
            output("taken", ops.RetrieveCount(taken))
            output("left", ops.RetrieveCount(left))
    return group


@correct("instances that write the same output", {"same": 8})
def instances_write_one_output() -> tp.TaskGroup:
    """All of them write the same value."""
    with tp.TaskGroup() as group, tp.Task(num_instances=3):
        tokens = queue("tokens", capacity=3)
        put(tokens, 8)
        tp.final_output(ops.Copy(take(tokens), "same"))
    return group


@correct("more readers than sentinels at any time", {"sum": 6})
def one_sentinel_for_each_instance() -> tp.TaskGroup:
    """The writer writes as many as there are instances, one after the other."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read", num_instances=3):
            numbers, total = queue("numbers"), shared_sum("total")
            with ops.loop():
                number = take(numbers)
                ops.stop_if(ops.LT([number, ops.Const(0)]))
                add_shared(total, number)
            with ops.task_exit():
                output("sum", total[1])
        with tp.Task(name="write"):
            with ops.loop(4) as loop:
                put(numbers, loop.iter())
            with ops.loop(3):
                put(numbers, -1)
    return group


@correct("instances of which all but one go on without a token", {"leaders": 1, "followers": 3})
def first_instance_leads() -> tp.TaskGroup:
    """The leader writes what all the others wait for, however many that are."""
    with tp.TaskGroup() as group, tp.Task(num_instances=4):
        order, leaders, followers, orders = (
            counter("order"),
            counter("leaders"),
            counter("followers"),
            queue("orders"),
        )
        with ops.If(ops.EQ([ops.CountUp(order), ops.Const(0)])) as branch:
            ops.CountUp(leaders)
            with ops.loop(3):
                put(orders, 1)
        with branch.Else():
            take(orders)
            ops.CountUp(followers)
        with ops.task_exit():
            output("leaders", ops.RetrieveCount(leaders))
            output("followers", ops.RetrieveCount(followers))
    return group


@correct("a flag that one instance raises and others look at", {"raised": [True], "through": 2})
def flag_is_raised_before_it_is_read() -> tp.TaskGroup:
    """A record is written behind the flag, and read before the flag is."""
    with tp.TaskGroup() as group:
        with tp.Task(name="raise"):
            with ops.local_init():
                flag = ops.CreateAtomicBool([], "flag")
            after, through = queue("after"), counter("through")
            ops.ConditionalSetAtomicBool([flag, ops.Const([True])], [])
            put(after, 0)
            put(after, 0)
            with ops.local_exit():
                output("through", ops.RetrieveCount(through))
                output("raised", ops.CheckAtomicBool(flag))
        with tp.Task(name="look", num_instances=2):
            take(after)
            raised = ops.Squeeze(ops.CheckAtomicBool(flag), dims=[0])
            with ops.If(raised) as branch:
                ops.CountUp(through)
            with branch.Else():
                take(after)
    return group


@correct("an exit that waits for all instances of another task", {"iterations": [6]})
def iterations_are_numbered_by_all() -> tp.TaskGroup:
    """Each instance ends its writing, and the last of them closes the queue that the exit reads."""
    with tp.TaskGroup() as group:
        with tp.Task(name="wait"):
            done = queue("done", writers=3)
            with ops.local_init():
                mutex, iteration = ops.CreateMutex([], "mutex"), ops.Const([0], "iteration")
            ops.Const(0)
            with ops.task_exit():
                add_up(done)
                output("iterations", iteration)
        with tp.Task(name="count", num_instances=3):
            with ops.loop(2):
                ops.AtomicIter([mutex, iteration], [iteration])
            with ops.task_instance_exit():
                ops.EndWrites([done], [])
    return group


@correct("instances of two tasks that wait crosswise", {"even": 9, "odd": 9})
def instances_wait_crosswise() -> tp.TaskGroup:
    """Both tasks write before they read, as many records as the other one reads."""
    with tp.TaskGroup() as group:
        with tp.Task(name="even", num_instances=3):
            to_even, to_odd = queue("to_even", capacity=9), queue("to_odd", capacity=9)
            even, odd = shared_sum("even_total"), shared_sum("odd_total")
            with ops.loop(3):
                put(to_odd, 1)
            with ops.loop(3):
                add_shared(even, take(to_even))
            with ops.local_exit():
                output("even", even[1])
                output("odd", odd[1])
        with tp.Task(name="odd", num_instances=9):
            put(to_even, 1)
            add_shared(odd, take(to_odd))
    return group


@correct("tasks that read blobs which only others write", {"sum": 12})
def global_workspace_holds_what_is_handed_over() -> tp.TaskGroup:
    """A record says when the blob may be read, and tasks of a global group share their blobs."""
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Task(name="write"):
            ready = queue("ready")
            with ops.local_init():
                ops.Const(0, "handed_over")
            ops.Const(12, "handed_over")
            put(ready, 0)
        with tp.Task(name="read"):
            take(ready)
            output("sum", tp.BlobReference("handed_over"))
    return group


@correct("a queue of the last run, closed and half full", {"sum": 1, "left": 2})
def global_queue_is_made_anew() -> tp.TaskGroup:
    """It stays in the node's workspace after a run, and the next one replaces it."""
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Task(name="write"):
            kept = queue("kept", capacity=2)
            with ops.loop(3) as loop:
                put(kept, plus(loop.iter(), 1))
            close(kept)
            output("left", ops.Sub([loop.iter(), ops.Const(1)]))
        with tp.Task(name="read"):
            output("sum", take(kept))
    return group


@correct("one instance too few for a barrier", {"met": 4})
def barrier_of_instances_of_instances() -> tp.TaskGroup:
    """In each of the two instances two copies of a step meet, so that four arrive."""
    with tp.TaskGroup() as group, tp.Task(num_instances=2):
        arrived, met, gate = counter("arrived"), counter("met"), queue("gate", capacity=4)
        with tp.NetBuilder(name="copy") as copy:
            with ops.If(ops.EQ([ops.CountUp(arrived), ops.Const(3)])):
                for _ in range(4):
                    put(gate, 0)
            take(gate)
            ops.CountUp(met)
        alone = tp.execution_step("alone", [tp.to_execution_step(copy)], create_workspace=True)
        ops.net(tp.execution_step("copies", [alone], num_concurrent_instances=2))
        with ops.local_exit():
            output("met", ops.RetrieveCount(met))
    return group


@correct("instances that read a queue which their siblings may have closed", {"sum": 10, "closed": True})
def whoever_finds_the_last_record_closes() -> tp.TaskGroup:
    """The last record carries a mark; all others were taken before, since a queue keeps their order."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read", num_instances=2):
            numbers, total = queue("numbers"), shared_sum("total")
            with records(numbers) as number:
                add_shared(total, number)
                with ops.If(ops.EQ([number, ops.Const(4)])):
                    close(numbers)
            with ops.local_exit():
                output("sum", total[1])
                output("closed", ops.SafeDequeueBlobs([numbers], 2)[1])
        with tp.Task(name="write"), ops.loop(5) as loop:
            put(numbers, loop.iter())
    return group
