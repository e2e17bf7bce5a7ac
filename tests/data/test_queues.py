"""Queues between tasks: who closes them, what is delivered, what schemas must agree."""

from __future__ import annotations

import logging
import re
import sys

import numpy as np
import pytest
from tests.data.conftest import Kept

import taskplan as tp
from taskplan import ops
from taskplan.builder.fields import Scalar
from taskplan.builder.program import compile_group
from taskplan.builder.queue_nets import close_queue, dequeue, enqueue
from taskplan.data.ends import writer_of
from taskplan.data.pipeline import pipe
from taskplan.data.queues import Queue, QueueWrapper
from taskplan.data.readers import CounterReader, CountUntil, ReaderWithLimit
from taskplan.data.record_queue import RecordQueue

Struct = tp.schema.Struct


def as_vectors(record):
    """Records of one row, which can be concatenated."""
    return Struct(("iter", ops.ExpandDims([record.iter()], 1, dims=[0])))


# --- making -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Queue, lambda capacity: RecordQueue(["x"], capacity=capacity)])
def test_a_queue_holds_at_least_one_record(make, ws):
    """Item 49."""
    with pytest.raises(ValueError, match="capacity"):
        make(0)


def test_a_queue_is_named_after_what_it_is_made_in():
    assert str(Queue(1).queue()) == "queue/handler"
    assert str(Queue(1).queue()) == "queue/handler"
    kept = [Queue(1), Queue(1)]
    assert [str(queue.queue()) for queue in kept] == ["queue/handler", "queue_1/handler"]
    with tp.NameScope("scope"), tp.Node("n"), tp.TaskGroup(), tp.Task(name="tt"):
        assert str(Queue(1).queue()) == "n/tt/queue/handler"


def test_a_queue_without_a_schema_cannot_be_made(session):
    queue = Queue(1)
    with tp.TaskGroup() as group, tp.Task():
        x = ops.Const(1)
        queue.writer().write(ops.net(), [x])

    with pytest.raises(AssertionError, match="This queue does not have a schema"):
        session.run(group)


def test_a_reader_of_a_queue_needs_a_schema():
    with tp.TaskGroup(), pytest.raises(AssertionError, match="Schema not provided"):
        pipe(Queue(1), Kept())


@pytest.mark.parametrize(
    "make",
    [lambda schema: Queue(3, schema), lambda schema: QueueWrapper(tp.BlobReference("jobs"), schema)],
    ids=["made", "wrapped"],
)
def test_a_queue_of_records_without_fields_is_refused_where_it_is_made(make):
    with pytest.raises(tp.BuildValueError, match=r"queue '.*' needs records of at least one field, got a schema wi"):
        make(Struct())


@pytest.mark.parametrize("schema", [3, ["x"], np.int64], ids=repr)
def test_a_queue_has_a_schema_or_none(schema):
    with pytest.raises(tp.BuildTypeError, match="expected a schema or record, got"):
        Queue(3, schema)


def test_a_queue_takes_several_records_at_once_or_refuses_to_take_none():
    with pytest.raises(ValueError, match="num_dequeue_records"):
        Queue(1, num_dequeue_records=0)


def test_operators_around_a_queue_have_the_lines_of_the_queue_and_of_its_pipes():
    """And not the line that compiles the group."""
    first = sys._getframe().f_lineno + 1
    queue = Queue(3)
    with tp.TaskGroup() as group:
        pipe(CountUntil(3), queue)
        pipe(queue, tp.CallbackWriter(len))
        with tp.Task():
            by_hand = queue.reader().read_record(ops.net())

    program, _ = compile_group(group, shared_nodes=False)

    operators = [op for net in program.plans["local"].nets for op in net.ops]
    assert by_hand is not None
    assert {op.site.file for op in operators} == {__file__}
    assert [
        (op.type, op.site.line - first) for op in operators if op.type.startswith(("CreateBlobs", "Begin", "End"))
    ] == [
        ("CreateBlobsQueue", 0),
        ("BeginWrites", 2),
        ("BeginReads", 3),
        ("BeginReads", 5),
        ("EndWrites", 2),
        ("EndReads", 3),
        ("EndReads", 5),
    ]


# --- what is delivered ------------------------------------------------------------------------------------------------


def test_readers_see_the_end_when_the_last_writer_has_ended(session, kept):
    """Item 41: a writer of one row and one of two hundred."""
    queue = Queue(3)
    with tp.TaskGroup() as group:
        pipe(CountUntil(1), queue)
        pipe(CountUntil(200), queue)
        pipe(queue, kept)

    session.run(group)

    assert sorted(kept.rows) == sorted([0, *range(200)])


def test_a_reader_that_leaves_early_leaves_the_rest_to_the_others(session):
    """Item 42."""
    few, rest = Kept(), Kept()
    queue = Queue(2)
    with tp.TaskGroup() as group:
        pipe(CountUntil(300), queue)
        pipe(ReaderWithLimit(queue.reader(), 5), few)
        pipe(queue, rest)

    session.run(group)

    assert len(few.rows) <= 5
    assert sorted(few.rows + rest.rows) == list(range(300))


def test_writers_stop_when_the_last_reader_has_left(session):
    """The source never ends."""
    few, others = Kept(), Kept()
    queue = Queue(2)
    with tp.TaskGroup() as group:
        pipe(CounterReader(), queue, num_runtime_threads=2)
        pipe(CounterReader(), queue)
        pipe(ReaderWithLimit(queue.reader(), 5), few)
        pipe(ReaderWithLimit(queue.reader(), 7), others)

    session.run(group)

    assert len(few.rows + others.rows) == 12


def test_what_was_taken_from_a_source_and_not_delivered_is_counted(session, ws):
    """Item 44: of what the source counted, some was read, some is left in the queue, some was turned away."""
    taken = Kept()
    queue = Queue(4, name="q")
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        pipe(CountUntil(100), queue, num_runtime_threads=2)
        pipe(ReaderWithLimit(queue.reader(), 5), taken, name="five")
        with tp.Task(name="look"), ops.local_exit():
            seen = queue.statistics(ops.net())
            counts = tp.final_output([seen.fill(), seen.put(), seen.taken(), seen.refused()])

    session.run(group)

    fill, put, got, refused = (int(count) for count in counts.fetch())
    assert got == 5 == len(taken.rows)
    assert fill == put - got
    assert fill + refused + got <= 100


def test_records_are_taken_several_at_a_time(session, kept):
    """Item 35."""
    queue = Queue(4, num_dequeue_records=3)
    with tp.TaskGroup() as group:
        pipe(CountUntil(10), queue, processor=as_vectors)
        pipe(queue, kept)

    session.run(group)

    assert [record[0] for record in kept.records] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def test_a_queue_serves_one_group_after_another(session, kept):
    """Item 48."""
    queue = Queue(2, name="shared")
    groups = []
    for count in (3, 4):
        with tp.TaskGroup() as group:
            pipe(CountUntil(count), queue)
            pipe(queue, kept)
        groups.append(group)

    for group in (*groups, groups[0]):
        session.run(group)

    assert kept.rows == [0, 1, 2, 0, 1, 2, 3, 0, 1, 2]


def test_a_queue_that_is_there_already_is_wrapped(session, ws, kept):
    init = tp.Net("init")
    handler = init.CreateBlobsQueue([], capacity=5, num_blobs=1)
    jobs = QueueWrapper(handler, Struct(("iter", np.int64)))
    ws.run(init)
    with tp.TaskGroup() as group:
        pipe(CountUntil(8), jobs)
        pipe(CountUntil(2), jobs)
        pipe(jobs, kept)

    session.run(group)

    assert sorted(kept.rows) == [0, 0, 1, 1, 2, 3, 4, 5, 6, 7]


def test_writing_to_a_queue_that_an_earlier_run_closed_is_an_error(session, ws, kept):
    init = tp.Net("init")
    jobs = QueueWrapper(init.CreateBlobsQueue([], capacity=5, num_blobs=1), Struct(("iter", np.int64)))
    ws.run(init)
    with tp.TaskGroup() as group:
        pipe(CountUntil(2), jobs)
        pipe(jobs, kept)
    session.run(group)

    with pytest.raises(tp.QueueClosedError, match="BeginWrites"):
        session.run(group)


# --- schemas ----------------------------------------------------------------------------------------------------------


def test_a_second_writer_of_other_records_is_refused_where_it_is_written():
    """Item 47."""
    queue = Queue(2)
    with tp.TaskGroup():
        pipe(CountUntil(3), queue)
        with pytest.raises(ValueError, match=r"fields \(iter: int64\), as said at .*test_queues.py"):
            pipe(CountUntil(3), queue, processor=lambda record: Struct(("label", Scalar(np.int64, record.iter()))))
        with pytest.raises(ValueError, match=r"got fields \(iter: float32\)"):
            pipe(CountUntil(3), queue, processor=lambda record: Struct(("iter", Scalar(np.float32, record.iter()))))


# --- tasks by hand ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [lambda: Queue(2), lambda: tp.Channel("rows", 2), lambda: tp.CallbackWriter(len)],
    ids=["queue", "channel", "callback"],
)
def test_the_schema_of_a_writer_is_that_of_the_first_record(target):
    first, second = Struct(("n", np.int64)), Struct(("n", Scalar()))
    with tp.TaskGroup(), tp.Task():
        writer = writer_of(target())
        writer.setup_ex(ops.net(), tp.Net("exit"))
        for schema in (first, second):
            writer.write_record_ex(tp.schema.from_blob_list(schema, [ops.Const(1)]), ops.net(), ops.net())

    assert writer.schema() == first


def test_each_record_of_a_writer_is_compared_with_the_first():
    writer = Queue(2).writer()
    with tp.TaskGroup(), tp.Task(), pytest.raises(tp.BuildValueError, match=r"has records of fields \(a: int64\)"):
        for name in ("a", "b"):
            record = tp.schema.from_blob_list(Struct((name, np.int64)), [ops.Const(1)])
            writer.write_record_ex(record, ops.net(), ops.net())


def test_tasks_that_are_written_by_hand_count_among_readers_and_writers(session):
    rows = Queue(2, Struct(("n", np.int64)))
    total = []
    with tp.TaskGroup() as group:
        for count in (3, 200):
            with tp.Task(), ops.loop(count) as loop:
                number = ops.Cast(loop.iter(), to=tp.DataType.INT64)
                rows.writer().write_record(ops.net(), Struct(("n", number)))
        with tp.Task():
            reader = rows.reader()
            with ops.loop():
                ended, record = reader.read_record(ops.net())
                ops.stop_if(ended)
                ops.call(lambda n: total.append(int(n)), record.n(), outputs=0)

    session.run(group)

    assert sorted(total) == sorted([*range(3), *range(200)])


def test_a_reader_by_hand_that_leaves_ends_the_writers(session):
    rows = Queue(2)
    with tp.TaskGroup() as group:
        pipe(CounterReader(), rows)
        with tp.Task(), ops.loop(3):
            rows.reader().read(ops.net())

    session.run(group)


def test_a_queue_between_two_nodes_is_refused_with_the_advice_to_use_a_channel(session, kept):
    with tp.TaskGroup() as group:
        with tp.Node("a"):
            rows = pipe(CountUntil(3))
        with tp.Node("b"):
            pipe(rows, kept)

    with pytest.raises(tp.PlanError, match=r"read on node 'b' and written on node 'a'.* use a Channel"):
        session.run(group)


# --- nets by hand -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [[1, 2], 3], ids=str)
def test_a_blob_that_is_enqueued_twice_is_copied(ws, caplog, value):
    """Item 37."""
    init, net = tp.Net("init"), tp.Net("put")
    queue = init.CreateBlobsQueue([], capacity=1, num_blobs=2)
    x = init.Const(value)
    with caplog.at_level(logging.WARNING):
        status = enqueue(net, queue, [x, x])
    fields, ended = dequeue(net, queue, 2)
    ws.run(init)

    ws.run(net)

    [message] = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(
        rf"blob '{x}' is written twice in one record, at {re.escape(__file__)}:\d+, in test_\w+; "
        r"the second time a copy is: write ops.Copy\(blob\) there",
        message,
    )
    assert not ws.fetch_blob(str(status))
    assert [ws.fetch_blob(str(field)).tolist() for field in fields] == [value, value]
    assert [str(field) for field in fields] == ["put/data:0", "put/data:1"]
    assert str(ended) == "put/status_2"


def test_fields_that_are_called_status_do_not_clash_with_the_status(ws):
    init, net = tp.Net("init"), tp.Net("put")
    queue = init.CreateBlobsQueue([], capacity=1, num_blobs=1)

    fields, status = dequeue(net, queue, 1, field_names=["status"])

    assert str(fields[0]) != str(status)


def test_each_field_needs_a_name():
    with pytest.raises(AssertionError, match="as many field names"):
        dequeue(tp.Net("n"), tp.BlobReference("q"), 2, field_names=["only"])


def test_queues_are_closed_after_a_step(ws):
    init, net = tp.Net("init"), tp.Net("work")
    queues = [init.CreateBlobsQueue([], 1, capacity=1, num_blobs=1) for _ in range(2)]
    step = close_queue(tp.execution_step("work", net), *queues)
    ws.run(init)

    with tp.LocalSession(ws) as session:
        session.run(step)

    assert step.Name() == "work/wrapper_step"
    look = tp.Net("look")
    ended = [dequeue(look, queue, 1)[1] for queue in queues]
    ws.run(look)
    assert [bool(ws.fetch_blob(str(blob))) for blob in ended] == [True, True]


def test_a_step_of_a_reader_takes_from_the_queue_that_was_set_up_by_hand(session, ws, kept):
    rows = Queue(4, Struct(("x", np.int64)))
    fill, keep = tp.Net("fill"), tp.Net("keep")
    rows.setup(fill)
    for n in range(3):
        enqueue(fill, rows.queue(), [fill.Const([n], dtype=np.int64)])
    fill.CloseBlobsQueue([rows.queue()], [])
    session.run(fill)
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        step, record = rows.reader().execution_step("read")
        kept.write(keep, record.field_blobs())
        tp.Task(step=tp.execution_step("all", [step, keep]))

    session.run(group)

    assert kept.rows == [2]
    assert rows.num_readers() == 0
    assert step.Proto().name == "read_step"


# --- RecordQueue ------------------------------------------------------------------------------------------------------


def test_a_record_queue_is_filled_by_steps_and_read_by_others(session, ws):
    rows = RecordQueue(Struct(("x", np.int64)), capacity=2, num_threads=2)
    source = CountUntil(9).reader
    counter = tp.Net("counter")
    source.setup_ex(counter, tp.Net("end"))
    ws.run(counter)
    seen = Kept()

    class UpTo(CounterReader):
        def read(self, read_net):
            _, (n,) = source.read(read_net)
            return read_net.GE([n, read_net.Const(9, dtype=np.int64)]), [read_net.ExpandDims([n], 1, dims=[0])]

    def process(net, record):
        return Struct(("x", net.Add([record.iter(), record.iter()])))

    reader, producers, close, schema = rows.build(UpTo(), process)
    read_net = tp.Net("read")
    stop, record = reader.read_record(read_net)
    keep = tp.Net("keep")
    seen.write(keep, record.field_blobs())
    consumer = tp.execution_step("consume", [read_net, keep], should_stop_blob=stop)
    filled = tp.execution_step("fill", [producers, close])

    session.run(tp.execution_step("both", [filled, consumer], concurrent_substeps=True))

    assert schema == Struct(("x", np.int64))
    assert sorted(seen.rows) == [2 * n for n in range(9)]


@pytest.mark.parametrize(
    "arguments", [("x",), (Struct(("x", np.int64)), None, 1, False, 0)], ids=["no list", "threads"]
)
def test_a_record_queue_takes_a_struct_or_names(arguments, ws):
    with pytest.raises(AssertionError):
        RecordQueue(*arguments)


# --- channels ---------------------------------------------------------------------------------------------------------


def test_a_channel_serves_wherever_a_queue_does(session, kept):
    rows = tp.Channel("rows", capacity=3)
    with tp.TaskGroup() as group:
        with tp.Node("a"):
            pipe(CountUntil(20), rows)
            pipe(CountUntil(10), rows, num_runtime_threads=2)
        with tp.Node("b"):
            pipe(rows, kept, num_runtime_threads=2)

    session.run(group)

    assert sorted(kept.rows) == sorted([*range(20), *range(10)])


def test_a_limit_on_a_channel_ends_its_writers(session, kept):
    rows = tp.Channel("rows", capacity=3)
    with tp.TaskGroup() as group:
        with tp.Node("a"):
            pipe(CounterReader(), rows)
        with tp.Node("b"):
            pipe(ReaderWithLimit(rows, 6), kept)

    session.run(group)

    assert kept.rows == [0, 1, 2, 3, 4, 5]


def test_a_channel_that_a_task_reads_by_hand_is_not_ended_by_the_pipes_that_read_it(session):
    few, rest = Kept(), []
    rows = tp.Channel("rows", capacity=2)
    with tp.TaskGroup() as group:
        with tp.Node("a"):
            pipe(CountUntil(30), rows)
        with tp.Node("b"):
            pipe(ReaderWithLimit(rows, 2), few)
        with tp.Node("c"), tp.Task():
            reader = rows.reader()
            with ops.loop():
                ended, record = reader.read()
                ops.stop_if(ended)
                ops.call(lambda n: rest.append(int(n)), record.iter(), outputs=0)

    session.run(group)

    assert sorted(few.rows + rest) == list(range(30))


def test_a_channel_tells_what_went_through_it(session, kept):
    rows = tp.Channel("rows", capacity=3)
    with tp.TaskGroup() as group:
        pipe(CountUntil(20), rows)
        pipe(rows, kept)
        with tp.Task(), ops.local_exit():
            seen = tp.final_output(rows.statistics(ops.net()))

    session.run(group)

    record = seen.fetch()
    assert (int(record.put()), int(record.taken()), int(record.fill()), bool(record.closed())) == (20, 20, 0, True)


def test_a_channel_of_other_records_is_refused_where_it_is_written():
    rows = tp.Channel("rows", 1, Struct(("other", np.int64)))
    with tp.TaskGroup(), pytest.raises(ValueError, match="channel 'rows' has records of fields"):
        pipe(CountUntil(3), rows)
