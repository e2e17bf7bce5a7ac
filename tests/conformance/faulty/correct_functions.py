"""Functions of the user that write, close, make or read queues, behind the back of the plan."""

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


def run_with_workspace(function: Any) -> None:
    """Call a function with the workspace."""
    ops.Python(lambda _inputs, _outputs, workspace: function(workspace), pass_workspace=True)([], [])


def put_by_hand(workspace: Any, into: str, number: int) -> None:
    """Write a record, in a function of the user."""
    workspace.feed_blob("by_hand", number)
    workspace.run(tp.CreateOperator("EnqueueBlobs", [into, "by_hand"], ["by_hand"]))


def close_by_hand(workspace: Any, of: str) -> None:
    """Close a queue, in a function of the user."""
    workspace.run(tp.CreateOperator("CloseBlobsQueue", [of], []))


@correct("a reader of a queue that no operator writes", {"sum": 6})
def function_fills_the_queue() -> tp.TaskGroup:
    """A function that is handed the workspace of another task writes and closes it."""

    def fill(workspace: Any) -> None:
        for number in (1, 2, 3):
            put_by_hand(workspace, "numbers", number)
        close_by_hand(workspace, "numbers")

    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            output("sum", add_up(queue("numbers", capacity=3)))
        with tp.Task(name="fill"):
            run_with_workspace(fill)
    return group


@correct("a writer into a full queue that no operator reads", {"taken": 3, "written": 3})
def function_empties_the_queue() -> tp.TaskGroup:
    """Each time that a record is in it, a function takes it out."""

    def empty(workspace: Any) -> None:
        workspace.run(tp.CreateOperator("DequeueBlobs", ["numbers"], ["number"]))

    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers, ready = queue("numbers"), queue("ready")
            with ops.loop(3) as loop:
                put(numbers, 1)
                put(ready, 1)
            output("written", loop.iter())
        with tp.Task(name="empty"):
            total = ops.Const(0)
            with ops.loop(3):
                ready_number = take(ready)
                run_with_workspace(empty)
                ops.Add([total, ready_number], [total])
            output("taken", total)
    return group


@correct("a queue that nothing closes", {"sum": 2})
def function_closes_the_queue() -> tp.TaskGroup:
    """A function in the exit of its writer does."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            numbers = queue("numbers")
            total = add_up(numbers)
            with ops.task_exit():
                output("sum", total)
        with tp.Task(name="write"):
            put(numbers, 2)
            with ops.task_exit():
                run_with_workspace(lambda workspace: close_by_hand(workspace, "numbers"))
    return group


@correct("a queue that nothing makes", {"got": 3})
def function_makes_the_queue() -> tp.TaskGroup:
    """A function makes it before the tasks, in the workspace that they share."""

    def make(workspace: Any) -> None:
        workspace.run(tp.CreateOperator("CreateBlobsQueue", [], ["made_by_hand"], capacity=1))

    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            with ops.local_init():
                run_with_workspace(make)
            put("made_by_hand", 3)
        with tp.Task(name="read"):
            output("got", take("made_by_hand"))
    return group


@correct("a task that waits for its own reporter's function", {"got": 9})
def function_in_a_reporter_writes() -> tp.TaskGroup:
    """The reporter's function writes when nothing has been written yet."""

    def report(workspace: Any) -> None:
        if workspace.fetch_blob("reports") == 1:
            put_by_hand(workspace, "numbers", 9)

    with tp.TaskGroup() as group, tp.Task():
        numbers = queue("numbers")
        with ops.task_instance_init():
            reports = ops.Const(0, "reports")
        with ops.task_reporter(interval_ms=2):
            ops.Add([reports, ops.Const(1)], [reports])
            run_with_workspace(report)
        output("got", take(numbers))
    return group


@correct("a wait that depends on what a function says", {"chosen": 2})
def function_decides_who_is_written_to() -> tp.TaskGroup:
    """The function knows the answer; the reader of the other queue is told by its end."""
    with tp.TaskGroup() as group:
        with tp.Task(name="decide"):
            left, right = queue("left_side"), queue("right_side")
            with ops.If(ops.call(lambda: 2 > 1)) as branch:
                put(left, 2)
            with branch.Else():
                put(right, 1)
            close(left, right)
        with tp.Task(name="gather"):
            chosen = ops.Const(0)
            for side in (left, right):
                number, ended = take_or_end(side)
                with ops.If(ops.Not(ended)):
                    ops.Copy(number, chosen)
            output("chosen", chosen)
    return group


@correct("a function between two queues that keep each other waiting", {"squares": 14})
def function_between_two_queues() -> tp.TaskGroup:
    """The function does not wait, and gives one record for each."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            numbers, squares = queue("numbers"), queue("squares")
            with ops.loop(4) as loop:
                put(numbers, loop.iter())
            with ops.task_exit():
                close(numbers)
        with tp.Task(name="square", num_instances=2):
            with records(numbers) as number:
                put(squares, ops.call(lambda value: value * value, number))
            with ops.task_exit():
                close(squares)
        with tp.Task(name="add"):
            output("squares", add_up(squares))
    return group


@correct("a function that is handed the workspace, and does nothing", {"got": 4})
def function_only_looks_around() -> tp.TaskGroup:
    """The record comes from an operator all the same."""
    with tp.TaskGroup() as group:
        with tp.Task(name="look"):
            with ops.task_reporter(interval_ms=2):
                run_with_workspace(lambda workspace: workspace.fetch_blob("looked_at"))
            single = queue("looked_at")
            output("got", take(single))
        with tp.Task(name="write"):
            put(single, 4)
    return group


@correct("a queue that is handed on under another name by a function", {"sum": 7})
def function_runs_a_net() -> tp.TaskGroup:
    """The function runs a net with a read and a write; there is something to read, and room for the write."""
    move = tp.Net("move")
    move.DequeueBlobs(["first_queue"], ["moved"])
    move.EnqueueBlobs(["second_queue", "moved"], ["moved"])
    with tp.TaskGroup() as group:
        with tp.Task(name="move"):
            first, second, full = queue("first_queue"), queue("second_queue", capacity=2), queue("full")
            with ops.loop(2):
                take(full)
                run_with_workspace(lambda workspace: workspace.run(move))
            close(second)
        with tp.Task(name="write"):
            for number in (3, 4):
                put(first, number)
                put(full, 0)
        with tp.Task(name="read"):
            output("sum", add_up(second))
    return group


@correct("a reader that a function feeds what it needs to go on", {"fed": 11})
def function_feeds_what_a_condition_reads() -> tp.TaskGroup:
    """The function feeds the blob at which the loop stops, before the queue is empty for good."""

    def feed(workspace: Any) -> None:
        if workspace.fetch_blob("number_seen") == 3:
            workspace.feed_blob("seen_enough", True)

    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            numbers, total, enough = queue("numbers"), ops.Const(5), ops.Const(False, "seen_enough")
            with ops.loop():
                number = ops.Copy(take(numbers), "number_seen")
                ops.Add([total, number], [total])
                run_with_workspace(feed)
                ops.stop_if(enough)
            output("fed", total)
            close(numbers)
        with tp.Task(name="write"):
            with ops.loop(100) as loop:
                refused = offer(numbers, loop.iter())
                ops.stop_if(refused)
    return group


@correct("a record that a function holds back", {"held": 5, "calls": 2})
def function_writes_the_second_time() -> tp.TaskGroup:
    """The function is called until it has written, and the reader waits until then."""

    def write_the_second_time(workspace: Any) -> None:
        if workspace.fetch_blob("calls_up_to_now") == 2:
            put_by_hand(workspace, "held_back", 5)

    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            held, count = queue("held_back"), counter("count")
            calls = ops.Const(0, "calls_up_to_now")
            with ops.loop():
                ops.CountUp([count], 1)
                ops.Copy(plus(calls, 1), calls)
                run_with_workspace(write_the_second_time)
                ops.stop_if(equal(calls, 2))
            with ops.task_exit():
                output("calls", ops.RetrieveCount(count))
        with tp.Task(name="read"):
            output("held", take(held))
    return group
