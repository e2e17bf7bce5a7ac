"""Many records at once: rebatching queues, several records in one read, sampling of several queues."""

from __future__ import annotations

from typing import Any

from tests.conformance.faulty.corpus import correct
from tests.conformance.faulty.correct_pieces import (
    add_shared,
    add_up,
    close,
    offer,
    output,
    plus,
    put,
    queue,
    shared_sum,
    take,
)

import taskplan as tp
from taskplan import ops


def rows(name: str, capacity: int) -> Any:
    """A rebatching queue that is made on the node of the open task, before all tasks there."""
    with ops.local_init():
        return ops.CreateRebatchingQueue([], name, capacity=capacity)


def put_rows(into: Any, values: Any) -> None:
    """Write a batch."""
    batch = values if isinstance(values, tp.BlobReference) else ops.Const(values)
    ops.EnqueueRebatchingQueue([into, batch], [], enqueue_batch=True)


def take_rows(out_of: Any, count: int) -> Any:
    """Read a batch."""
    return ops.DequeueRebatchingQueue([out_of], 1, num_elements=count)


def close_rows(of: Any) -> None:
    """Close a rebatching queue."""
    ops.CloseRebatchingQueue([of], [])


def joined(*blobs: Any) -> Any:
    """Blobs behind each other."""
    return ops.Concat(list(blobs), 2, axis=0)[0]


@correct("a read of more rows than the queue holds", {"batch": [0, 1, 2, 3, 4]})
def batch_larger_than_the_queue() -> tp.TaskGroup:
    """The queue makes room for as many as its reader wants."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            narrow = rows("narrow", 2)
            output("batch", take_rows(narrow, 5))
        with tp.Task(name="write"), ops.loop(5) as loop:
            row = ops.Copy(loop.iter())
            ops.EnqueueRebatchingQueue([narrow, row], [])
    return group


@correct("a batch that does not fit into the queue", {"first": [7], "others": [8, 9, 10]})
def batch_goes_in_by_and_by() -> tp.TaskGroup:
    """Its rows go in as the reader takes others out."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            narrow = rows("narrow", 1)
            put_rows(narrow, [7, 8, 9, 10])
        with tp.Task(name="read"):
            first = take_rows(narrow, 1)
            others = joined(take_rows(narrow, 1), take_rows(narrow, 1), take_rows(narrow, 1))
            with ops.task_exit():
                output("first", first)
                output("others", others)
    return group


@correct("a last batch that never gets full", {"sizes": [2, 2, 1]})
def rest_of_the_rows() -> tp.TaskGroup:
    """The queue is closed, and gives out what it has."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            narrow = rows("narrow", 2)
            put_rows(narrow, [1, 2, 3, 4, 5])
            with ops.task_exit():
                close_rows(narrow)
        with tp.Task(name="read"):
            sizes = [ops.Shape(take_rows(narrow, 2)) for _ in range(3)]
            output("sizes", joined(*sizes))
    return group


@correct("a write into a full queue that nobody reads", {"left": [1, 2]})
def batch_without_rows() -> tp.TaskGroup:
    """A batch without rows needs no room."""
    with tp.TaskGroup() as group, tp.Task():
        full = rows("full", 2)
        put_rows(full, [1, 2])
        with ops.loop(3):
            put_rows(full, ops.GivenTensorInt64Fill([], 1, values=[], shape=[0]))
        with ops.local_exit():
            output("left", take_rows(full, 2))
    return group


@correct("two readers of which each takes what the other waits for", {"sum": 78})
def readers_of_twos_and_threes() -> tp.TaskGroup:
    """A reader takes nothing before it can have all; in the end there is enough for both."""
    with tp.TaskGroup() as group:
        with tp.Task(name="twos"):
            narrow, total = rows("narrow", 4), shared_sum("total")
            with ops.loop(3):
                add_shared(total, ops.call(sum, take_rows(narrow, 2)))
            with ops.local_exit():
                output("sum", total[1])
        with tp.Task(name="threes"):
            with ops.loop(2):
                add_shared(total, ops.call(sum, take_rows(narrow, 3)))
        with tp.Task(name="write"), ops.loop(3) as loop:
            start = ops.Mul([loop.iter(), ops.Const(4)])
            put_rows(narrow, ops.Add([ops.Const([1, 2, 3, 4]), start]))
    return group


@correct("three sizes of batches in a row that do not divide each other", {"batches": [10, 35, 33]})
def batches_of_another_size() -> tp.TaskGroup:
    """The rows that are left of a batch go on into the next one."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            fours, threes = rows("fours", 3), rows("threes", 2)
            with ops.loop(3) as loop:
                start = ops.Mul([loop.iter(), ops.Const(4)])
                put_rows(fours, ops.Add([ops.Const([1, 2, 3, 4]), start]))
            close_rows(fours)
        with tp.Task(name="pass on"):
            with ops.loop(4):
                put_rows(threes, take_rows(fours, 3))
            with ops.task_exit():
                close_rows(threes)
        with tp.Task(name="read"):
            sums = [ops.ExpandDims(ops.call(sum, take_rows(threes, count)), dims=[0]) for count in (4, 5, 9)]
            output("batches", joined(*sums))
    return group


@correct("a read of more records than the queue holds", {"records": [0, 1, 1, 2, 2, 3]})
def records_of_many_writes_at_once() -> tp.TaskGroup:
    """The queue makes room for as many records as its reader wants."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"), ops.loop(3) as loop:
            single = queue("single")
            record = ops.Add([ops.Const([0, 1]), loop.iter()])
            ops.EnqueueBlobs([single, record], [record])
        with tp.Task(name="read"):
            output("records", ops.SafeDequeueBlobs([single], 2, num_records=3)[0])
    return group


@correct("a loop that wants four records each time, and six are written", {"sizes": [4, 2]})
def fewer_records_at_the_end() -> tp.TaskGroup:
    """At the end of a closed queue it gets those that are left, and after them the end."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            single = queue("single")
            sizes = ops.GivenTensorInt64Fill([], 1, values=[], shape=[0])
            with ops.loop():
                several, ended = ops.SafeDequeueBlobs([single], 2, num_records=4)
                ops.stop_if(ended)
                size = ops.Cast(ops.Shape(several), to=tp.DataType.INT64)
                ops.Copy(joined(sizes, size), sizes)
            output("sizes", sizes)
        with tp.Task(name="write"):
            for number in range(6):
                put(single, [number])
            with ops.task_finally():
                close(single)
    return group


@correct("a reader of three queues of which one never gets a record", {"sum": 33})
def samples_until_all_have_ended() -> tp.TaskGroup:
    """Each queue has a writer of its own, and all are closed; the one that is empty is left out."""
    with tp.TaskGroup() as group:
        with tp.Task(name="sample"):
            ones, tens, none = queue("ones"), queue("tens"), queue("none")
            total = ops.Const(0)
            with ops.loop():
                number, ended = ops.WeightedSampleDequeueBlobs([ones, none, tens], 2, until_all_end=True)
                ops.stop_if(ended)
                ops.Add([total, number], [total])
            output("sum", total)
        for each, number in ((ones, 1), (tens, 10)):
            with tp.Task(name=f"write {number}"):
                with ops.loop(3):
                    put(each, number)
                close(each)
        with tp.Task(name="write nothing"):
            close(none)
    return group


@correct("a draw of a queue that is never written nor closed", {"sum": 3})
def queue_of_no_weight() -> tp.TaskGroup:
    """Its weight is 0, so that it is never drawn."""
    with tp.TaskGroup() as group:
        with tp.Task(name="sample"):
            drawn, never = queue("drawn"), queue("never")
            total = ops.Const(0)
            with ops.loop():
                number, ended = ops.WeightedSampleDequeueBlobs(
                    [never, drawn], 2, weights=[0.0, 2.0], until_all_end=True
                )
                ops.stop_if(ended)
                ops.Add([total, number], [total])
            with ops.task_exit():
                output("sum", total)
        with tp.Task(name="write"):
            with ops.loop(3) as loop:
                put(drawn, loop.iter())
            with ops.task_exit():
                close(drawn)
    return group


@correct("a writer into two queues by turns, whose reader draws at random", {"drawn": [1, 2]})
def drawn_queue_is_ready() -> tp.TaskGroup:
    """Each queue has room for all of its records, so the writer gets to fill both."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            heads, tails = queue("heads", capacity=2), queue("tails", capacity=2)
            with ops.loop(2):
                put(heads, 1)
                put(tails, 2)
            with ops.local_exit():
                output("drawn", joined(*[ops.ExpandDims(take(each), dims=[0]) for each in (heads, tails)]))
        with tp.Task(name="sample"):
            # Twice, and one of each in the end: the first draw decides the second.
            first = ops.WeightedSampleDequeueBlobs([heads, tails], 2)[0]
            with ops.If(ops.EQ([first, ops.Const(1)])) as branch:
                take(tails)
            with branch.Else():
                take(heads)
    return group


@correct("a writer that goes on while its batches are refused", {"first": [1, 2, 3], "refused": True})
def batch_reader_has_enough() -> tp.TaskGroup:
    """It reads one large batch and closes the queue; what comes later is refused, and says so."""
    with tp.TaskGroup() as group:
        with tp.Task(name="read"):
            single = queue("single")
            output("first", ops.SafeDequeueBlobs([single], 2, num_records=3)[0])
            close(single)
        with tp.Task(name="write"):
            number, refused = ops.Const([0]), ops.Const(False)
            with ops.loop():
                ops.Add([number, ops.Const([1])], [number])
                ops.Copy(offer(single, number), refused)
                ops.stop_if(refused)
            output("refused", refused)
    return group


@correct("a batch whose rows wait for different queues", {"sums": 21})
def batch_made_of_three_queues() -> tp.TaskGroup:
    """Each queue gets a record in its turn, and no queue is waited for before the one that is filled first."""
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            parts = [queue(f"part{index}") for index in range(3)]
            whole = queue("whole")
            with ops.loop(2) as loop:
                for index, part in enumerate(parts):
                    put(part, plus(loop.iter(), index + 2))
        with tp.Task(name="join"):
            with ops.loop(2):
                put(whole, ops.Sum([take(part) for part in parts]))
            with ops.task_exit():
                close(whole)
        with tp.Task(name="read"):
            output("sums", add_up(whole))
    return group
