"""Steps at once inside of a task: queues between them, and what comes after them."""

from __future__ import annotations

from tests.conformance.faulty.corpus import correct
from tests.conformance.faulty.correct_pieces import (
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
from taskplan import control, ops


def writer(to: str, name: str, numbers: int, *, closes: bool = True) -> tp.ExecutionStep:
    """A step that writes 0, 1, ... to a queue."""
    with tp.NetBuilder(name=name) as builder:
        with ops.loop(numbers) as loop:
            put(tp.BlobReference(to), loop.iter())
        if closes:
            close(to)
    return tp.to_execution_step(builder)


def adder(out_of: str, name: str, total: str) -> tp.ExecutionStep:
    """A step that adds up what is in a queue until its end."""
    with tp.NetBuilder(name=name) as builder:
        found = add_up(tp.BlobReference(out_of))
        ops.Copy(found, total)
    return tp.to_execution_step(builder)


@correct("one step that waits for another of the same task", {"sum": 6})
def inner_steps_at_once() -> tp.TaskGroup:
    """They run at once."""
    with tp.TaskGroup() as group, tp.Task():
        inner = queue("inner")
        both = [adder(str(inner), "add", "inner_total"), writer(str(inner), "write", 4)]
        ops.net(tp.execution_step("both", both, concurrent_substeps=True))
        output("sum", "inner_total")
    return group


@correct("a task that waits for a step which waits for all of its siblings", {"sum": 1, "got": 2})
def written_behind_nested_concurrency() -> tp.TaskGroup:
    """When the steps that run at once have ended the next step writes the record."""
    with tp.TaskGroup() as group:
        with tp.Task(name="wait"):
            inner, late = queue("inner"), queue("late")
            output("got", take(late))
        with tp.Task(name="work"):
            both = [writer(str(inner), "write", 2), adder(str(inner), "add", "inner_total")]
            ops.net(control.DoParallel("both", *both))
            output("sum", "inner_total")
            put(late, 2)
    return group


@correct("pairs of steps whose queue is closed by the first pair", {"sum": 9})
def concurrency_in_a_loop() -> tp.TaskGroup:
    """Each iteration makes its queue anew before its steps start."""
    with tp.TaskGroup() as group, tp.Task():
        total = ops.Const(0)
        with ops.loop(3):
            ops.CreateBlobsQueue([], "of_this_round")
            both = [adder("of_this_round", "add", "round_total"), writer("of_this_round", "write", 3)]
            ops.net(control.DoParallel("both", *both))
            ops.Add([total, "round_total"], [total])
        output("sum", total)
    return group


@correct("steps at once inside of steps at once, in a circle of waits", {"left": 6, "right": 15})
def two_levels_of_concurrency() -> tp.TaskGroup:
    """All of them run at once, so it does not matter on which level the other side of a queue is."""
    with tp.TaskGroup() as group, tp.Task():
        left, right = queue("to_left"), queue("to_right")
        one = control.DoParallel("one", writer(str(left), "write left", 4), adder(str(right), "add right", "right_sum"))
        two = control.DoParallel("two", adder(str(left), "add left", "left_sum"), writer(str(right), "write right", 6))
        ops.net(control.DoParallel("all", one, two))
        output("left", "left_sum")
        output("right", "right_sum")
    return group


@correct("copies of a step that all wait for the same few records", {"count": 6})
def copies_of_a_step() -> tp.TaskGroup:
    """As many records are written as the copies read, all of them together."""
    take_one = tp.Net("take one")
    take_one.DequeueBlobs(["tokens"], ["token"])
    take_one.CountUp(["count_of_tokens"], ["before"])
    copy = tp.execution_step("copy", take_one, create_workspace=True, num_iter=2)
    copies = tp.execution_step("copies", [copy], num_concurrent_instances=3)
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            tokens, count = queue("tokens"), counter("count_of_tokens")
            ops.net(copies)
            output("count", ops.RetrieveCount(count))
        with tp.Task(name="write"), ops.loop(6):
            put(tokens, 1)
    return group


@correct("a step by itself that waits for the step behind it", {"sum": 12})
def branches_of_a_diamond() -> tp.TaskGroup:
    """What looks like the step behind it runs at once with it: one source, two ways, one end."""
    with tp.TaskGroup() as group, tp.Task():
        source, ways, joined = queue("source"), [queue("way0"), queue("way1")], queue("joined", writers=2)
        with tp.NetBuilder(name="split") as split:
            with records(source) as number:
                put(ways[0], number)
                put(ways[1], plus(number, 2))
            close(*ways)
        steps = [tp.to_execution_step(split), writer(str(source), "begin", 3)]
        for index, way in enumerate(ways):
            with tp.NetBuilder(name=f"go{index}") as go:
                with records(way) as number:
                    put(joined, number)
                ops.EndWrites([joined], [])
            steps.append(tp.to_execution_step(go))
        steps.append(adder(str(joined), "end", "sum_of_both"))
        ops.net(tp.execution_step("diamond", steps, concurrent_substeps=True))
        output("sum", "sum_of_both")
    return group


@correct("a loop on a condition that nobody writes", {"rounds": 3})
def while_condition_is_read_from_a_queue() -> tp.TaskGroup:
    """The condition net takes it from a queue into which all conditions were written."""
    go_on = tp.Net("go on")
    go_on.AddExternalOutput(go_on.DequeueBlobs(["conditions"], ["condition"]))
    count = tp.Net("count")
    count.Add(["rounds_up_to_now", count.Const(1)], ["rounds_up_to_now"])
    with tp.TaskGroup() as group:
        with tp.Task(name="loop"):
            conditions = queue("conditions")
            ops.Const(0, "rounds_up_to_now")
            ops.net(control.While("while", go_on, count))
            output("rounds", "rounds_up_to_now")
        with tp.Task(name="decide"):
            for condition in (True, True, True, False):
                put(conditions, condition)
    return group


@correct("branches of a switch that wait for each other", {"sum": 6})
def switch_runs_several_in_order() -> tp.TaskGroup:
    """Those whose condition holds run one after the other, the one that writes before the one that reads."""
    writes, waits, reads = tp.Net("writes"), tp.Net("waits"), tp.Net("reads")
    number = writes.Const(6)
    writes.EnqueueBlobs(["switched", number], [number])
    waits.DequeueBlobs(["switched"], ["never_taken"])
    reads.DequeueBlobs(["switched"], ["switched_number"])
    with tp.TaskGroup() as group, tp.Task():
        queue("switched")
        conditions = [ops.Const(True), ops.Const(False), ops.Const(True)]
        ops.net(control.Switch("switch", *zip(conditions, (writes, waits, reads), strict=True)))
        output("sum", "switched_number")
    return group


@correct("steps of which one stops its siblings' loop for ever", {"sum": 4})
def stop_blob_is_true_from_the_start() -> tp.TaskGroup:
    """Both loops share a stop blob that nobody writes; each runs its first child once, which is enough."""
    loops = []
    for index in range(2):
        once, never = tp.Net(f"once{index}"), tp.Net(f"never{index}")
        two = once.Const(2)
        once.EnqueueBlobs(["twos", two], [two])
        never.DequeueBlobs(["nothing"], ["nothing_taken"])
        loops.append(tp.execution_step(f"loop{index}", [once, never], should_stop_blob=tp.BlobReference("stop")))
    with tp.TaskGroup() as group, tp.Task():
        twos, _ = queue("twos", capacity=2), queue("nothing")
        ops.Const(True, "stop")
        ops.net(tp.execution_step("loops", loops, concurrent_substeps=True))
        output("sum", ops.Add([take(twos), take(twos)]))
    return group


@correct("a step of which many copies write, and nobody knows when the last is done", {"sum": 12})
def closed_behind_all_copies() -> tp.TaskGroup:
    """The step behind them closes the queue, while the reader runs beside all of that."""
    add = tp.Net("write three")
    three = add.Const(3)
    add.EnqueueBlobs(["threes", three], [three])
    finish = tp.Net("finish")
    finish.CloseBlobsQueue(["threes"], [])
    copies = tp.execution_step("copies", [tp.execution_step("copy", add, create_workspace=True)], num_iter=2)
    copies.SetNumConcurrentInstances(2)
    with tp.TaskGroup() as group, tp.Task():
        threes = queue("threes")
        in_order = tp.execution_step("in order", [copies, tp.execution_step("finish", finish)])
        ops.net(control.DoParallel("all", in_order, adder(str(threes), "add", "sum_of_threes")))
        with ops.task_exit():
            output("sum", "sum_of_threes")
    return group


@correct("a pool of steps that begins with one reading from a queue which the last one fills", {"sums": [3, 3]})
def parallel_steps_in_each_instance() -> tp.TaskGroup:
    """In both instances, all steps of the pool run at once, each on its instance's own queue."""
    with tp.TaskGroup() as group, tp.Task(num_instances=2):
        sums = queue("sums", capacity=2)
        with ops.task_instance_init():
            ops.CreateBlobsQueue([], "of_the_instance")
        pool = [adder("of_the_instance", "add", "own_sum"), writer("of_the_instance", "write", 3)]
        ops.net(tp.execution_step("pool", pool, concurrent_substeps=True))
        own = ops.ExpandDims("own_sum", dims=[0])
        ops.EnqueueBlobs([sums, own], [own])
        with ops.task_exit():
            output("sums", ops.Concat([take(sums), take(sums)], 2, axis=0)[0])
    return group


@correct("a reporter of a step, without which that step would wait for ever", {"got": 1})
def step_with_a_reporter_inside() -> tp.TaskGroup:
    """It runs at intervals beside its siblings, and its offers are refused when there is enough."""
    offer, read = tp.Net("offer"), tp.Net("read")
    offer.Const(1, blob_out="offered")
    offer.SafeEnqueueBlobs(["offers", "offered"], ["offered", "refused"])
    read.DequeueBlobs(["offers"], ["offer_taken"])
    read.CloseBlobsQueue(["offers"], [])
    reporting = tp.execution_step("offer", offer, run_every_ms=2)
    with tp.TaskGroup() as group, tp.Task():
        queue("offers")
        ops.net(tp.execution_step("with a reporter", [tp.execution_step("read", read), reporting]))
        output("got", "offer_taken")
    return group


@correct("a mutex that copies of a step hold while they wait for others", {"sum": 30})
def sums_under_a_mutex_beside_a_queue() -> tp.TaskGroup:
    """The mutex is held for one addition only, never while something is waited for."""
    with tp.TaskGroup() as group:
        with tp.Task(name="add"):
            numbers, total = queue("numbers"), shared_sum("total_of_all")
            with tp.NetBuilder(name="adding") as adding:
                with records(numbers) as number:
                    ops.AtomicFetchAdd64([*total, number], [total[1], "before"])
            copy = tp.execution_step("copy", [tp.to_execution_step(adding)], create_workspace=True)
            ops.net(tp.execution_step("copies", [copy], num_concurrent_instances=2))
            output("sum", total[1])
        with tp.Task(name="write"):
            with ops.loop(5) as loop:
                put(numbers, ops.Mul([loop.iter(), ops.Const(3)]))
            close(numbers)
    return group
