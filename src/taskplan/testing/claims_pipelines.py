"""Claims about records that move through stages: what arrives, in which order, and how stages end each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from taskplan import (
    BatchFunction,
    Channel,
    CountUntil,
    IterableReader,
    Net,
    Node,
    Output,
    Queue,
    ReaderWithLimit,
    Struct,
    TaskGroup,
    TaskOutput,
    Writer,
    final_output,
    ops,
    pipe,
)
from taskplan.testing.claims import BoomError, Make, claim, expect, expect_equal, expect_raises

_HOW_OFTEN = 1_000_000
"""So many records end no claim by themselves."""


class _Sum(Writer):
    """Adds up the only field, and counts records; both are outputs of its task, which runs alone."""

    total: TaskOutput
    count: TaskOutput

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        self._sum = init_net.Const(0, dtype=np.int64)
        self._count = init_net.Const(0, dtype=np.int64)
        super().setup_ex(init_net, finish_net)

    def write(self, writer_net: Net, fields: Any) -> None:
        writer_net.Add([self._sum, writer_net.ReduceSum([fields[0]], keepdims=False)], [self._sum])
        writer_net.Add([self._count, writer_net.Const(1, dtype=np.int64)], [self._count])

    def commit(self, finish_net: Net) -> None:
        self.total = final_output(finish_net.Copy(self._sum))
        self.count = final_output(finish_net.Copy(self._count))


def _kept(source: Any) -> TaskOutput:
    """All rows of the only field, in the order in which they arrive."""
    outputs: list[TaskOutput] = []

    def keep(record: Any) -> None:
        with ops.task_init():
            rows = ops.Const(np.zeros(0, np.int64))
        ops.Copy(ops.call(np.append, rows, record.field_blobs()[0]), rows)
        with ops.task_exit():
            outputs.append(final_output(ops.Copy(rows)))

    pipe(source, processor=keep)
    return outputs[0]


def _numbers() -> Iterator[np.ndarray[Any, Any]]:
    return (np.array([number]) for number in range(_HOW_OFTEN))


def _doubled(batch: dict[str, Any]) -> dict[str, Any]:
    return {"iter": batch["iter"] * 2}


@claim
def records_arrive_once_each_and_in_order(make: Make) -> None:
    """One writer, one reader: the queue is first in, first out, and closes when its writer is done."""
    with TaskGroup() as group:
        rows = _kept(pipe(CountUntil(20), capacity=2))

    with make() as session:
        session.run(group)

        expect_equal("the rows", rows.fetch(), list(range(20)))


@claim
def a_pipeline_runs_again_from_its_beginning(make: Make) -> None:
    """Queues are made anew for each run, and readers begin again."""
    with TaskGroup() as group:
        rows = _kept(pipe(CountUntil(5), capacity=2))

    with make() as session:
        session.run(group)
        session.run(group)

        expect_equal("the rows", rows.fetch(), list(range(5)))


@claim
def instances_share_the_records_among_them(make: Make) -> None:
    """Each record is read by one of them."""
    target = _Sum()
    with TaskGroup() as group:
        doubled = pipe(CountUntil(40), processor=BatchFunction(_doubled), num_runtime_threads=4, capacity=3)
        pipe(doubled, target)

    with make() as session:
        session.run(group)

        expect_equal(
            "the records and their sum", [target.count.fetch(), target.total.fetch()], [40, 2 * sum(range(40))]
        )


@claim
def ordered_instances_keep_the_order(make: Make) -> None:
    """They compute at once, and write in the order in which they read."""
    with TaskGroup() as group:
        doubled = pipe(CountUntil(30), processor=BatchFunction(_doubled), num_runtime_threads=3, ordered=True)
        rows = _kept(doubled)

    with make() as session:
        session.run(group)

        expect_equal("the rows", rows.fetch(), [2 * number for number in range(30)])


@claim
def a_queue_closes_with_the_last_of_its_writers(make: Make) -> None:
    """A writer that is done early ends it for nobody."""
    queue, target = Queue(2), _Sum()
    with TaskGroup() as group:
        pipe(CountUntil(1), queue)
        pipe(CountUntil(50), queue)
        pipe(queue, target)

    with make() as session:
        session.run(group)

        expect_equal("the records and their sum", [target.count.fetch(), target.total.fetch()], [51, sum(range(50))])


@claim
def writers_end_when_the_last_reader_has_left(make: Make) -> None:
    """The source would go on for long."""
    target = _Sum()
    with TaskGroup() as group:
        queue = pipe(CountUntil(_HOW_OFTEN), capacity=2)
        pipe(ReaderWithLimit(queue.reader(), 5), target)

    with make() as session:
        session.run(group)

        expect_equal("the sum", target.total.fetch(), sum(range(5)))


@claim
def one_instance_may_stop_all(make: Make) -> None:
    """The record on which it stops is not written."""
    target = _Sum()

    def until_ten(record: Any) -> Output:
        return Output(record=record, stop_all=ops.EQ([record.iter(), ops.Const(10, dtype=np.int64)]))

    with TaskGroup() as group:
        pipe(pipe(CountUntil(_HOW_OFTEN), processor=until_ten, num_runtime_threads=2, capacity=2), target)

    with make() as session:
        session.run(group)

        count, total = int(target.count.fetch()), int(target.total.fetch())
        expect(count >= 10 and total >= sum(range(10)), f"at least the ten records before, got {count}")
        expect(count < _HOW_OFTEN / 2, f"far fewer records than the source has, got {count}")


@claim
def channels_carry_records_between_nodes(make: Make) -> None:
    """Two nodes write, a third reads; the channel closes with the last writer."""
    rows, target = Channel("rows", capacity=3), _Sum()
    with TaskGroup() as group:
        for name in ("a", "b"):
            with Node(name):
                pipe(CountUntil(20), rows)
        with Node("c"):
            pipe(rows, target)

    with make() as session:
        session.run(group)

        expect_equal(
            "the records and their sum", [target.count.fetch(), target.total.fetch()], [40, 2 * sum(range(20))]
        )


@claim
def a_processor_that_fails_ends_all_stages(make: Make) -> None:
    """The caller gets its error, though sources and sinks would go on."""

    def fails_at_seven(batch: dict[str, Any]) -> dict[str, Any]:
        if batch["n"][0] == 7:
            raise BoomError("row 7")
        return batch

    source = IterableReader(_numbers, Struct(("n", np.int64)))
    with TaskGroup() as group:
        pipe(pipe(pipe(source, capacity=1), processor=BatchFunction(fails_at_seven), capacity=1), _Sum())

    with make() as session, expect_raises(BoomError, "row 7"):
        session.run(group)
