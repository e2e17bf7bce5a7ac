"""Claims about what runs when: setup and exit blocks, instances, loops and branches, queues, reporters, functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from taskplan import Node, Task, TaskGroup, final_output, ops
from taskplan.testing.claims import (
    LONG_MS,
    SHORT_MS,
    Make,
    Marks,
    add_to,
    claim,
    each_record,
    expect,
    expect_equal,
    put,
    queue_of_node,
)

KINDS = ("local", "task", "task_instance")

# --- blocks around tasks ----------------------------------------------------------------------------------------------


@claim
def setup_and_exit_blocks_stand_around_the_body(make: Make) -> None:
    """Those of the node are outermost, then those of the task, then those of the instance."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task():
            marks.mark("body")
            for kind in reversed(KINDS):
                for when in ("exit", "init"):
                    with getattr(ops, f"{kind}_{when}")():
                        marks.mark(f"{kind} {when}")

        session.run(group)

        before = [f"{kind} init" for kind in KINDS]
        after = [f"{kind} exit" for kind in reversed(KINDS)]
        expect_equal("what ran", marks.seen, [*before, "body", *after])


@claim
def closing_blocks_follow_the_exit_blocks_of_their_kind(make: Make) -> None:
    """On success they close what the exit blocks have still used; the last one written comes first."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task():
            for kind in KINDS:
                for number in (1, 2):
                    with getattr(ops, f"{kind}_finally")():
                        marks.mark(f"{kind} finally {number}")
                with getattr(ops, f"{kind}_exit")():
                    marks.mark(f"{kind} exit")
            marks.mark("body")

        session.run(group)

        ends = [mark for kind in reversed(KINDS) for mark in (f"{kind} exit", f"{kind} finally 2", f"{kind} finally 1")]
        expect_equal("what ran", marks.seen, ["body", *ends])


@claim
def the_setup_of_a_node_precedes_all_its_tasks(make: Make) -> None:
    """All tasks of the node see what it made, and its exit sees what all tasks did."""
    with TaskGroup() as group, Node("a"):
        with Task():
            with ops.local_init():
                counter = ops.CreateCounter([], ["counter"], init_count=100)
            with ops.local_exit():
                count = final_output(ops.RetrieveCount([counter], "count"))
            ops.CountUp([counter])
        for _ in range(3):
            with Task():
                ops.CountUp(["counter"])

    with make() as session:
        session.run(group)

        expect_equal("the count", count.fetch(), 104)


@claim
def each_instance_has_blobs_of_its_own(make: Make) -> None:
    """What an instance writes in its setup and body, only it sees."""
    with TaskGroup() as group, Task(num_instances=4):
        with ops.task_init():
            results = ops.CreateBlobsQueue([], 1, capacity=4)
            numbers = ops.CreateCounter([], 1)
        with ops.task_instance_init():
            number = ops.CountUp([numbers])
        with ops.loop(9):
            add_to(number, ops.Const(10, dtype=np.int64))
        with ops.task_instance_exit():
            put(results, number)
        with ops.task_exit():
            read = [final_output(ops.DequeueBlobs([results], [f"result {index}"])) for index in range(4)]

    with make() as session:
        session.run(group)

        expect_equal("the results", sorted(int(result.fetch()) for result in read), [90, 91, 92, 93])


@claim
def instances_share_what_the_setup_of_their_task_made(make: Make) -> None:
    """It runs once, before all of them; the exit of the task runs once, after all of them."""
    with TaskGroup() as group, Task(num_instances=3):
        with ops.task_init():
            counter = ops.CreateCounter([], 1)
        with ops.loop(5):
            ops.CountUp([counter])
        with ops.task_exit():
            count = final_output(ops.RetrieveCount([counter]))

    with make() as session:
        session.run(group)

        expect_equal("the count", count.fetch(), 15)


# --- control ----------------------------------------------------------------------------------------------------------


@claim
def loops_repeat_their_body(make: Make) -> None:
    """As often as they say, also within each other and also not at all."""
    with TaskGroup() as group, Task():
        total, never = ops.Const(0), ops.Const(0)
        with ops.loop(3):
            with ops.loop(ops.Const(4)):
                add_to(total, 1)
        with ops.loop(0):
            add_to(never, 1)
        outputs = [final_output(total), final_output(never)]

    with make() as session:
        session.run(group)

        expect_equal("how often the bodies ran", [int(output.fetch()) for output in outputs], [12, 0])


@claim
def a_loop_ends_when_it_is_stopped(make: Make) -> None:
    """What follows the stop in the block is skipped, and what follows the loop runs."""
    with TaskGroup() as group, Task():
        total, skipped = ops.Const(1), ops.Const(0)
        with ops.loop():
            add_to(total, total)
            ops.stop_if(ops.GT([total, ops.Const(100)]))
            add_to(skipped, 1)
        add_to(total, 1000)
        outputs = [final_output(total), final_output(skipped)]

    with make() as session:
        session.run(group)

        expect_equal("the outputs", [int(output.fetch()) for output in outputs], [1128, 6])


@claim
def the_first_branch_runs_whose_condition_holds(make: Make) -> None:
    """The conditions are read in their order; without any, the last branch runs."""
    with TaskGroup() as group, Task():
        total = ops.Const(0)
        with ops.loop(3) as loop:
            with ops.If(ops.EQ([loop.iter(), ops.Const(0)])) as branch:
                add_to(total, 1)
            with branch.Elif(ops.LE([loop.iter(), ops.Const(1)])):
                add_to(total, 10)
            with branch.Else():
                add_to(total, 100)
        output = final_output(total)

    with make() as session:
        session.run(group)

        expect_equal("the sum", output.fetch(), 111)


@claim
def a_stop_ends_the_body_of_the_task_only(make: Make) -> None:
    """Its exit blocks follow, since nothing has failed."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task():
            with ops.task_exit():
                marks.mark("exit")
            marks.mark("body")
            ops.stop()
            marks.mark("behind the stop")

        session.run(group)

        expect_equal("what ran", marks.seen, ["body", "exit"])


# --- queues -----------------------------------------------------------------------------------------------------------


@claim
def a_queue_hands_records_on_in_their_order(make: Make) -> None:
    """Each record arrives once, and the reader stops when the closed queue is empty."""
    with TaskGroup() as group:
        with Task():
            queue = queue_of_node("numbers", capacity=2)
            with ops.loop(20) as loop:
                put(queue, loop.iter())
            ops.CloseBlobsQueue([queue], [])
        with Task():
            digits, ten = ops.Const(0.0), ops.Const(10.0)
            with each_record("numbers") as number:
                ops.Mul([digits, ten], [digits])
                add_to(digits, ops.Cast([number], to="float"))
                ops.stop_if(ops.EQ([number, ops.Const(5, dtype=np.int64)]))
            left = ops.Const(0, dtype=np.int64)
            with each_record("numbers") as number:
                add_to(left, number)
            outputs = [final_output(digits), final_output(left)]

    with make() as session:
        session.run(group)

        expect_equal("the outputs", [int(output.fetch()) for output in outputs], [12345, sum(range(6, 20))])


@claim
def several_readers_share_the_records_of_a_queue(make: Make) -> None:
    """However they take turns, no record is lost and none is read twice."""
    with TaskGroup() as group:
        with Task(num_instances=2):
            queue = queue_of_node("numbers")
            with ops.loop(10) as loop:
                put(queue, loop.iter())
            with ops.task_exit():
                ops.CloseBlobsQueue([queue], [])
        with Task(num_instances=3):
            with ops.task_init():
                mutex, total = ops.CreateMutex([], 1), ops.Const(0, dtype=np.int64)
            with each_record("numbers") as number:
                ops.AtomicFetchAdd64([mutex, total, number], [total, ops.net().NextName("before")])
            with ops.task_exit():
                output = final_output(ops.Copy(total))

    with make() as session:
        session.run(group)

        expect_equal("the sum", output.fetch(), 90)


# --- reporters --------------------------------------------------------------------------------------------------------


@claim
def reporters_report_once_more_when_all_is_done(make: Make) -> None:
    """That of the task before its exit, that of the node before the exit of the node."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task():
            for kind in ("task", "local"):
                with getattr(ops, f"{kind}_reporter")(interval_ms=LONG_MS):
                    marks.mark(f"{kind} report")
                with getattr(ops, f"{kind}_exit")():
                    marks.mark(f"{kind} exit")
            marks.mark("body")

        session.run(group)

        expect_equal("what ran", marks.seen, ["body", "task report", "task exit", "local report", "local exit"])


@claim
def reporters_report_while_what_they_watch_goes_on(make: Make) -> None:
    """Here it goes on until it has been reported on three times."""
    with TaskGroup() as group, Task():
        with ops.task_init():
            reports = ops.CreateCounter([], 1)
        with ops.task_reporter(interval_ms=SHORT_MS):
            ops.CountUp([reports])
        with ops.loop():
            ops.stop_if(ops.GE([ops.RetrieveCount([reports]), ops.Const(3, dtype=np.int64)]))
        with ops.task_exit():
            count = final_output(ops.RetrieveCount([reports]))

    with make() as session:
        session.run(group)

        expect(int(count.fetch()) >= 4, f"three reports and the last one, got {count.fetch()}")


# --- functions of the user --------------------------------------------------------------------------------------------


@claim
def functions_take_and_return_arrays(make: Make) -> None:
    """What they return becomes blobs."""
    with TaskGroup() as group, Task():
        lowest, highest = ops.call(lambda x: (x.min(), x.max()), ops.Const(np.array([3, 1, 2])), outputs=2)
        outputs = [final_output(lowest), final_output(highest)]

    with make() as session:
        session.run(group)

        expect_equal("what was returned", [int(output.fetch()) for output in outputs], [1, 3])


@claim
def functions_run_as_often_as_their_operator(make: Make) -> None:
    """One that keeps something from call to call counts its calls."""
    calls: list[int] = []

    def number(_inputs: Any, outputs: Any) -> None:
        calls.append(1)
        outputs[0].feed(np.array(len(calls)))

    with TaskGroup() as group, Task():
        with ops.loop(5):
            ops.Python(number)([], ["number"])
        output = final_output("number")

    with make() as session:
        session.run(group)

        expect_equal("the number of calls", output.fetch(), 5)
