"""Readers that count, limit, delay and join; what readers and writers are."""

from __future__ import annotations

import gc
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.conftest import Kept

import taskplan as tp
from taskplan import ops
from taskplan.builder.dataio import Pipe, Reader, ReaderBuilder, Writer
from taskplan.data.pipeline import pipe, pipe_and_output
from taskplan.data.queues import Queue
from taskplan.data.readers import (
    CompositeReader,
    CompositeReaderBuilder,
    CounterReader,
    CountUntil,
    PipedReaderBuilder,
    ReaderWithDelay,
    ReaderWithLimit,
    ReaderWithLimitBase,
    ReaderWithTimeLimit,
)

Struct = tp.schema.Struct

THREADS = [{}, {"num_threads": 3}, {"num_runtime_threads": 4}]


def finished(reader, session, **threads):
    """Read all of a reader; the rows, and whether it says that the data is finished."""
    kept = Kept()
    with tp.TaskGroup() as group:
        _, output = pipe_and_output(reader, kept, final_outputs=reader.data_finished(), **threads)
    session.run(group)
    return sorted(kept.rows), bool(output.fetch())


# --- the protocol -----------------------------------------------------------------------------------------------------


def test_abstract_methods_say_what_is_missing():
    """Item 59."""
    net = tp.Net("n")
    for call in (
        lambda: Reader().read(net),
        lambda: Reader().reset(net),
        lambda: Writer().write(net, []),
        lambda: Pipe().reader(),
        lambda: Pipe().writer(),
        lambda: ReaderBuilder().schema(),
        lambda: ReaderBuilder().setup(),
        lambda: ReaderBuilder().new_reader(),
        lambda: ReaderWithLimitBase(CounterReader()).setup_limiter(net, net),
        lambda: ReaderWithLimitBase(CounterReader()).check_limiter_condition(net),
    ):
        with pytest.raises(NotImplementedError):
            call()


def test_a_schema_that_is_missing_or_none_is_an_error():
    """Item 59."""
    with pytest.raises(AssertionError, match="Schema not provided"):
        Reader().schema()
    with pytest.raises(AssertionError):
        Reader(["x"])  # type: ignore[arg-type]


def test_when_the_stop_blob_is_true_after_the_read_nothing_else_runs(session):
    """Item 50."""
    order = []

    class Two(Reader):
        def __init__(self):
            super().__init__(Struct(("n", np.int64)))

        def setup_ex(self, init_net, finish_net):
            self.counter = init_net.CreateCounter([], "two", init_count=2)

        def read(self, read_net):
            stop = read_net.CountDown([self.counter], 1)
            read_net.call(lambda at_end: order.append("end" if at_end else "read"), stop, outputs=0)
            return stop, [read_net.Const(1, dtype=np.int64)]

    def processor(record):
        ops.call(lambda: order.append("process"), outputs=0)
        return record

    kept = Kept()
    with tp.TaskGroup() as group:
        pipe(Two(), kept, processor=processor)

    session.run(group)

    assert order == ["read", "process", "read", "process", "end"]
    assert kept.rows == [1, 1]


def test_setup_runs_in_the_order_task_instance_loop_instance_exit_task_exit(session):
    """Item 51."""
    order = []

    def note(net, text):
        net.call(lambda: order.append(text), outputs=0)

    class Noting(CounterReader):
        def setup_ex(self, init_net, finish_net):
            super().setup_ex(init_net, finish_net)
            note(init_net, "task init")
            note(finish_net, "task exit")

        def read_ex(self, local_init_net, local_finish_net):
            note(local_init_net, "instance init")
            note(local_finish_net, "instance exit")
            nets, stop, fields = super().read_ex(local_init_net, local_finish_net)
            note(nets[0], "read")
            return nets, stop, fields

    with tp.TaskGroup() as group:
        pipe(ReaderWithLimit(Noting(), 2), Kept())

    session.run(group)

    assert order == ["task init", "instance init", "read", "read", "instance exit", "task exit"]


def test_a_reader_makes_a_step_of_its_own(session):
    reader = CountUntil(3).reader
    init = tp.Net("init")
    reader.setup_ex(init, tp.Net("exit"))
    step, record = reader.execution_step("counting")
    unnamed, _ = reader.execution_step()
    limited, _ = reader.execution_step("limited", external_should_stop=init.Const(True))

    session.run([init, limited])

    assert (step.Name(), unnamed.Name()) == ("counting_step", "None_step")
    assert record.field_names() == ["iter"]
    assert session.workspace().fetch_blob(str(record.iter()).replace("counting", "limited")) == 0


def test_the_queue_reader_honours_the_contract_of_readers(ws):
    """W-Q12."""
    queue = Queue(2, Struct(("x", np.int64)))
    stop, (field,) = queue.reader().read(tp.Net("read"))

    step, record = queue.reader().execution_step("rows")

    assert (str(stop), str(field)) == ("read/status", "read/x")
    assert step.Name() == "rows_step"
    assert record.field_names() == ["x"]


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", THREADS, ids=str)
@pytest.mark.parametrize("limit", [0, 1, 9, 10, 11])
def test_a_limit_delivers_as_many_as_it_says_or_as_there_are(limit, threads, session):
    """Items 52 and 53, and 54 for the limit of 0."""
    rows, is_finished = finished(ReaderWithLimit(CountUntil(10), limit), session, **threads)

    assert len(rows) == min(limit, 10)
    if not threads:
        assert is_finished == (limit > 10)


@pytest.mark.parametrize("limit", [None, -1, -7])
def test_no_limit_reads_everything_and_says_that_the_data_is_finished(limit, session):
    """Items 54 and 64."""
    assert finished(ReaderWithLimit(CountUntil(10), limit), session) == (list(range(10)), True)


@pytest.mark.parametrize("limit", [2.0, np.int64(2), np.float32(2)], ids=repr)
def test_a_limit_may_be_a_whole_number_of_any_type(limit, session):
    assert finished(ReaderWithLimit(CountUntil(10), limit), session) == ([0, 1], False)


@pytest.mark.parametrize(
    ("limit", "error", "words"),
    [
        (2.5, tp.BuildValueError, "num_iter is a whole number of records, or None for all, got 2.5"),
        (-0.5, tp.BuildValueError, "whole number"),
        (float("nan"), tp.BuildValueError, "whole number"),
        (float("inf"), tp.BuildValueError, "whole number"),
        ("3", tp.BuildTypeError, "num_iter is a number of records, or None for all, got '3'"),
    ],
)
def test_a_limit_that_is_no_whole_number_is_refused(limit, error, words):
    with pytest.raises(error, match=words):
        ReaderWithLimit(CounterReader(), limit)


def test_data_that_is_finished_stays_so_whatever_other_instances_find(session):
    reader = ReaderWithLimit(CountUntil(10), None)

    assert finished(reader, session, num_runtime_threads=4) == (list(range(10)), True)


@pytest.mark.parametrize("threads", THREADS, ids=str)
def test_a_count_is_shared_by_all_threads_and_begins_again_with_each_run(threads, session):
    """Item 56."""
    kept = Kept()
    with tp.TaskGroup() as group:
        pipe(CountUntil(12), kept, **threads)

    session.run(group)
    session.run(group)

    assert sorted(kept.rows) == sorted([*range(12), *range(12)])


def test_a_time_limit_is_looked_at_before_each_read_and_interrupts_none():
    """Item 55, in virtual time: reads of 0.5 s, and a limit of 0.2 s."""
    with tp.SimulatedSession(tp.Workspace()) as session:
        rows, _ = finished(ReaderWithTimeLimit(ReaderWithDelay(CounterReader(), 0.5), 0.2), session)

    assert rows == [0]


@pytest.mark.parametrize("duration", [0, None, -3])
def test_a_time_of_nothing_or_less_is_no_limit(duration, session):
    """Item 64."""
    assert finished(ReaderWithTimeLimit(CountUntil(4), duration), session) == ([0, 1, 2, 3], True)


def test_two_time_limits_act_independently():
    """Item 62, in virtual time."""
    kept = [Kept(), Kept()]
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        for writer, seconds in zip(kept, (1.05, 6.05), strict=True):
            pipe(ReaderWithTimeLimit(ReaderWithDelay(CounterReader(), 0.1), seconds), writer, num_runtime_threads=2)

    with tp.SimulatedSession(tp.Workspace()) as session:
        session.run(group)

    short, long = (len(writer.rows) for writer in kept)
    assert 20 <= short <= 24
    assert 120 <= long <= 124


WRAPPERS = {
    "limit": lambda reader: ReaderWithLimit(reader, 5),
    "no limit": lambda reader: ReaderWithLimit(reader, None),
    "time": lambda reader: ReaderWithTimeLimit(reader, 1000.0),
    "delay": lambda reader: ReaderWithDelay(reader, 0.01),
    "processor": lambda reader: pipe(reader, processor=lambda record: record, num_threads=0),
}


@given(st.lists(st.sampled_from(sorted(WRAPPERS)), max_size=4), st.booleans())
def test_wrappers_compose_in_any_order_over_any_reader(names, over_queue):
    """Item 63."""
    kept = Kept()
    with tp.fresh_names(), tp.SimulatedSession(tp.Workspace()) as session:
        with tp.TaskGroup() as group:
            reader = pipe(CountUntil(8)).reader() if over_queue else CountUntil(8)
            for name in names:
                reader = WRAPPERS[name](reader)
            pipe(reader, kept)
        session.run(group)

    assert kept.rows == list(range(5 if "limit" in names else 8))


def test_a_delay_is_by_the_clock_of_the_session():
    kept = Kept()
    with tp.TaskGroup() as group:
        pipe(ReaderWithDelay(CountUntil(3), 100.0), kept)

    with tp.SimulatedSession(tp.Workspace()) as session:
        session.run(group)

        assert kept.rows == [0, 1, 2]


def test_a_reader_may_be_used_by_several_tasks_and_groups(session):
    """W-D6: each task begins at the beginning."""
    reader = CountUntil(3)
    kept = [Kept(), Kept(), Kept()]
    with tp.TaskGroup() as group:
        pipe(reader, kept[0])
        pipe(reader, kept[1])
    with tp.TaskGroup() as other:
        pipe(reader, kept[2])

    session.run(group)
    session.run(other)

    assert [writer.rows for writer in kept] == [[0, 1, 2]] * 3


def test_a_reader_that_is_not_set_up_says_so():
    with pytest.raises(AssertionError, match="setup_ex"):
        CounterReader().read(tp.Net("n"))


def test_readers_that_are_gone_when_their_group_runs_keep_the_names_of_their_blobs(ws):
    """Two limits in one workspace: with one name for both, the flag of one would be that of the other."""
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        for count in (3, 30):
            pipe(ReaderWithLimit(CountUntil(count), 10), Kept())
            gc.collect()

    nets = {net.Name(): net for task in group.tasks() for net in task.get_step().Nets()}
    written = {str(name) for net in nets.values() for op in net.Proto().op for name in op.output}

    assert len([name for name in written if name.endswith("data_finished")]) == 4


# --- composites -------------------------------------------------------------------------------------------------------


def parts(**counts):
    return CompositeReader(list(counts), [CountUntil(count) for count in counts.values()])


def test_a_composite_presents_the_records_of_its_parts_under_their_names(session):
    """Item 57."""
    kept = Kept()
    reader = parts(a=5, b=3)
    with tp.TaskGroup() as group:
        pipe(reader, kept)

    session.run(group)

    assert reader.schema().field_names() == ["a:iter", "b:iter"]
    assert kept.records == [[[n], [n]] for n in range(3)]


@pytest.mark.parametrize("threads", [{"num_threads": 8}, {"num_runtime_threads": 8}], ids=str)
def test_rows_of_a_composite_stay_paired_among_many_threads(threads):
    """Item 60."""
    kept = Kept()
    with tp.TaskGroup() as group:
        pipe(parts(a=2000, b=2000), kept, **threads)

    with tp.LocalSession(tp.Workspace()) as session:
        session.run(group)

    assert sorted(a for (a,), _ in kept.records) == list(range(2000))
    assert all(a == b for a, b in kept.records)


@pytest.mark.parametrize("threads", THREADS, ids=str)
def test_a_record_of_which_a_part_is_missing_is_reported(threads, session, ws, caplog):
    """Item 61: one, however many instances meet the end."""
    kept = Kept()
    with tp.TaskGroup() as group:
        pipe(parts(first=10, last=3), kept, name="both", **threads)
    tp.RunOperatorOnce(tp.CreateOperator("StatRegistryExport", [], ["k", "v", "t"]))

    with caplog.at_level(logging.INFO):
        session.run(group)

    tp.RunOperatorOnce(tp.CreateOperator("StatRegistryExport", [], ["k", "v", "t"]))
    found = dict(zip(ws.fetch_blob("k").tolist(), ws.fetch_blob("v").tolist(), strict=True))
    assert len(kept.records) == 3
    assert sum(count for name, count in found.items() if name.endswith(b"/incomplete_records")) == 1
    assert "part 'last' has ended; what was read of 'first' with it is no record" in caplog.text


def test_composites_are_parts_of_limits_and_of_composites(session):
    kept = Kept()
    inner = ReaderWithLimit(parts(a=9, b=9), 4)
    with tp.TaskGroup() as group:
        pipe(CompositeReader(["one", "two"], [inner, CountUntil(6)]), kept, num_runtime_threads=2)

    session.run(group)

    assert sorted(kept.records) == [[[n]] * 3 for n in range(4)]


@pytest.mark.parametrize("arguments", [(["a"], []), ([], [])], ids=["too many names", "none"])
def test_a_composite_has_a_name_for_each_part(arguments):
    with pytest.raises(AssertionError):
        CompositeReader(*arguments)


def test_parts_of_a_composite_have_schemas():
    with pytest.raises(AssertionError, match="Schema not provided"):
        CompositeReader(["a"], [Reader()])


# --- builders ---------------------------------------------------------------------------------------------------------


class Building(ReaderBuilder):
    """Builds counters that may be limited; `setup` says with what it was called."""

    def __init__(self, name, reader=None):
        self.name = name
        self.reader = reader
        self.given = {}

    def schema(self):
        return Struct(("iter", np.int64))

    def setup(self, **kwargs):
        self.given = kwargs
        return {self.name: tp.BlobReference(self.name)}

    def new_reader(self, **kwargs):
        return self.reader if self.reader is not None else CountUntil(3)


def test_the_limiter_goes_to_the_last_builder_only():
    """Item 58."""
    first, last = Building("first"), Building("last")
    composite = CompositeReaderBuilder(["a", "b"], [first, last])

    blobs = composite.setup(limiter="limit", other=1)

    assert first.given == {"other": 1}
    assert last.given == {"other": 1, "limiter": "limit"}
    assert list(blobs) == ["first", "last"]
    assert composite.schema().field_names() == ["a:iter", "b:iter"]


def test_names_that_two_builders_return_are_refused():
    """Item 58."""
    with pytest.raises(AssertionError, match="'same'"):
        CompositeReaderBuilder(["a", "b"], [Building("same"), Building("same")]).setup()


def test_builders_build_a_composite(session):
    kept = Kept()
    with tp.TaskGroup() as group:
        queue = pipe(CountUntil(3))
        builder = CompositeReaderBuilder(["a", "b"], [Building("a"), Building("b", queue)])
        pipe(builder.new_reader(), kept)

    session.run(group)

    assert kept.records == [[[n], [n]] for n in range(3)]


def test_what_a_builder_makes_has_a_reader():
    with pytest.raises(ValueError, match="part 'b'"):
        CompositeReaderBuilder(["a", "b"], [Building("a"), Building("b", 3)]).new_reader()


def test_a_piper_gets_the_reader_and_all_that_the_builder_was_given(session):
    kept = Kept()
    given = {}

    def piper(reader, **kwargs):
        given.update(kwargs)
        return pipe(reader, processor=lambda record: Struct(("iter", ops.Add([record.iter(), record.iter()]))))

    builder = PipedReaderBuilder(Building("x"), piper)
    with tp.TaskGroup() as group:
        pipe(builder.new_reader(extra=3), kept)

    session.run(group)

    assert given == {"extra": 3}
    assert kept.rows == [0, 2, 4]
    assert builder.schema().field_names() == ["iter"]


def test_a_piper_returns_a_reader():
    with pytest.raises(AssertionError, match="piper"):
        PipedReaderBuilder(Building("x"), lambda reader: 3).new_reader()
