"""Waits that reporters end, and reporters that wait themselves."""

from __future__ import annotations

from typing import Any

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

HOUR_MS = 3_600_000


def first_time(count: Any) -> Any:
    """A block that runs the first time that it is come to."""
    return ops.If(equal(ops.CountUp([count], 1), 0))


@correct("a task that waits for a record which no body writes", {"got": 7})
def reporter_writes_the_record() -> tp.TaskGroup:
    """The task's own reporter writes it, the first time that it runs."""
    with tp.TaskGroup() as group, tp.Task():
        reports, reported = counter("reports"), queue("reported")
        with ops.task_reporter(interval_ms=2), first_time(reports):
            put(reported, 7)
        output("got", take(reported))
    return group


@correct("a reader of a queue that no body closes", {"sum": 5})
def reporter_closes_the_queue() -> tp.TaskGroup:
    """The reporter of another task closes it, perhaps several times, but not before its body has told it to."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            numbers, told = queue("numbers"), queue("told")
            output("sum", add_up(numbers))
        with tp.Task(name="write"):
            with ops.task_reporter(interval_ms=2):
                ops.Copy(take_or_end(told)[1], "ended")
                close(numbers)
            put(numbers, 5)
            close(told)
    return group


@correct("tasks on a node that all wait", {"left": 1, "right": 2})
def reporter_of_the_node_writes() -> tp.TaskGroup:
    """The reporter of the node writes a record for each of them, the first time that it runs."""
    with tp.TaskGroup() as group:
        with tp.Task(name="left"):
            to_left, to_right, reports = queue("to_left"), queue("to_right"), counter("reports")
            with ops.local_reporter(interval_ms=2), first_time(reports):
                put(to_left, 1)
                put(to_right, 2)
            output("left", take(to_left))
        with tp.Task(name="right"):
            output("right", take(to_right))
    return group


@correct("an exit that would have to wait for an hour", {"got": 3})
def last_report_comes_at_once() -> tp.TaskGroup:
    """When the body has ended its reporter runs once more, and before the exit."""
    with tp.TaskGroup() as group, tp.Task():
        reports, reported = counter("reports"), queue("reported")
        with ops.task_reporter(interval_ms=HOUR_MS), first_time(reports):
            put(reported, 3)
        with ops.task_instance_exit():
            output("got", take(reported))
        ops.Const(0)
    return group


@correct("a writer that waits for a reader which is none of the tasks", {"read": 3, "written": 3})
def reporter_is_the_only_reader() -> tp.TaskGroup:
    """The task's own reporter reads to the end, and finds it again whenever it runs later."""
    with tp.TaskGroup() as group, tp.Task():
        numbers, count = queue("numbers"), counter("count")
        with ops.task_reporter(interval_ms=2):
            with records(numbers):
                ops.CountUp([count], 1)
        with ops.loop(3) as loop:
            put(numbers, loop.iter())
        close(numbers)
        output("written", loop.iter())
        with ops.task_exit():
            output("read", ops.RetrieveCount(count))
    return group


@correct("a reporter that waits while its task has long ended", {"seen": 4})
def last_report_waits_for_another_task() -> tp.TaskGroup:
    """The record for which it waits comes from a task that waits for nobody."""
    with tp.TaskGroup() as group:
        with tp.Task(name="report"):
            numbers, seen = queue("numbers"), queue("seen_numbers")
            with ops.task_reporter(interval_ms=HOUR_MS):
                number, ended = take_or_end(numbers)
                with ops.If(ops.Not(ended)):
                    put(seen, number)
            with ops.local_exit():
                output("seen", take(seen))
        with tp.Task(name="write"):
            put(numbers, 4)
            close(numbers)
    return group


@correct("a reporter that looks into what is never full", {"count": 5, "looked": True})
def reporter_looks_on() -> tp.TaskGroup:
    """It only reads a counter, and runs at least once."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers, count, looks = queue("numbers"), counter("count"), counter("looks")
            with ops.task_reporter(interval_ms=2):
                ops.RetrieveCount(count)
                ops.CountUp([looks], 1)
            with ops.loop(5) as loop:
                put(numbers, loop.iter())
            with ops.task_exit():
                close(numbers)
                output("looked", ops.GT([ops.RetrieveCount(looks), ops.Const(0)]))
        with tp.Task(name="count"):
            with records(numbers):
                ops.CountUp([count], 1)
            output("count", ops.RetrieveCount(count))
    return group


@correct("a reporter that writes into a queue again and again, and nobody reads it", {"got": 1})
def reporter_is_refused() -> tp.TaskGroup:
    """The queue is closed after the first record, and what the reporter writes then is refused."""
    with tp.TaskGroup() as group, tp.Task():
        reported = queue("reported")
        with ops.task_reporter(interval_ms=2):
            offer(reported, 1)
        output("got", take(reported))
        close(reported)
    return group


@correct("a reporter that waits for the reporter of another task", {"end": 5})
def reporters_hand_over() -> tp.TaskGroup:
    """The first of them writes once, and closes the queue."""
    with tp.TaskGroup() as group:
        with tp.Task(name="first"):
            between, end_of_all = queue("between"), queue("end_of_all")
            with ops.task_reporter(interval_ms=2):
                offer(between, 5)
                close(between)
        with tp.Task(name="second"):
            with ops.task_reporter(interval_ms=HOUR_MS):
                number, ended = take_or_end(between)
                with ops.If(ended):
                    close(end_of_all)
                with ops.If(ops.Not(ended)):
                    put(end_of_all, number)
            with ops.task_exit():
                output("end", take(end_of_all))
    return group


@correct("two instances that wait for one record each", {"sum": 2})
def each_instance_has_its_reporter() -> tp.TaskGroup:
    """The reporter runs in each instance, beside its body."""
    with tp.TaskGroup() as group, tp.Task(num_instances=2):
        through = queue("through", capacity=2)
        with ops.task_instance_init():
            own = ops.CreateBlobsQueue([], "own")
            reports = ops.CreateCounter([], "reports")
        with ops.task_reporter(interval_ms=2), first_time(reports):
            put(own, 1)
        put(through, take(own))
        with ops.task_exit():
            close(through)
            output("sum", add_up(through))
    return group


@correct("a reporter of the node that nobody waits for", {"after": 6})
def report_between_tasks_and_exits() -> tp.TaskGroup:
    """The last report of the node is before its exit blocks, and so the exit finds the record."""
    with tp.TaskGroup() as group:
        with tp.Task(name="work"):
            numbers, reports = queue("numbers"), counter("reports")
            ops.Const(1)
            with ops.local_exit():
                output("after", plus(take(numbers), 1))
        with tp.Task(name="more work"):
            with ops.local_reporter(interval_ms=HOUR_MS), first_time(reports):
                put(numbers, 5)
            ops.Const(2)
    return group


@correct("a reporter from outside of the group's tasks, for whose record they wait", {"got": 2})
def report_step_writes() -> tp.TaskGroup:
    """The group's reporter is a net that offers a record, and the reader closes the queue when it has one."""
    report = tp.Net("report")
    report.Const(2, blob_out="reported")
    report.SafeEnqueueBlobs(["offers", "reported"], ["reported", "refused"])
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            offers = queue("offers")
            output("got", take(offers))
            close(offers)
        group.report_step(report, interval_ms=2)
    return group
