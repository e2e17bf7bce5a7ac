"""`pipe`: what it makes, what processors may return, how it ends."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from tests.data.conftest import Kept

import taskplan as tp
from taskplan import ops
from taskplan.builder.dataio import Reader
from taskplan.builder.fields import Scalar
from taskplan.data.batch_function import BatchFunction
from taskplan.data.net_processor import NetProcessor
from taskplan.data.pipeline import DEFAULT_QUEUE_CAPACITY, pipe, pipe_and_output
from taskplan.data.processors import Output
from taskplan.data.queues import Queue
from taskplan.data.readers import CounterReader, CountUntil, ReaderWithLimit
from taskplan.testing import simulate

Struct = tp.schema.Struct


def doubled(record):
    return Struct(("iter", ops.Add([record.iter(), record.iter()])))


def step_names(step):
    return [
        step.Name(),
        *(name for child in (step.Substeps() if step.HasSubsteps() else ()) for name in step_names(child)),
    ]


# --- what it makes ----------------------------------------------------------------------------------------------------


def test_without_an_output_it_makes_a_queue_and_returns_it():
    """Items 79 and 81."""
    with tp.TaskGroup():
        made = pipe(CountUntil(3))

    assert isinstance(made, Queue)
    assert made.capacity == DEFAULT_QUEUE_CAPACITY == 100


def test_it_returns_what_was_written_to_unless_that_is_a_bare_writer(kept):
    """Item 79."""
    queue = Queue(5)
    with tp.TaskGroup():
        assert pipe(CountUntil(3), queue) is queue
        assert pipe(queue, kept) is None
        assert pipe(CountUntil(3), processor=lambda record: None) is None


@pytest.mark.parametrize("threads", [{"num_threads": 0}, {"num_runtime_threads": 0}], ids=str)
def test_without_threads_it_returns_a_reader_and_makes_no_task(threads, session, kept):
    """Item 79."""
    with tp.TaskGroup() as group:
        reader = pipe(CountUntil(4), processor=doubled, **threads)
        assert group.num_registered_tasks() == 0
        pipe(reader, kept)

    session.run(group)

    assert isinstance(reader, Reader)
    assert kept.rows == [0, 2, 4, 6]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"output": Queue(1), "capacity": 3}, AssertionError, "capacity=3"),
        ({"num_threads": 2, "num_runtime_threads": 2}, AssertionError, "only one"),
        ({"num_threads": -1}, ValueError, "num_threads"),
        ({"num_runtime_threads": -2}, ValueError, "num_runtime_threads"),
        ({"num_threads": 0, "output": Queue(1)}, AssertionError, "no task"),
        ({"output": 7}, ValueError, "expected a writer"),
    ],
    ids=["capacity and output", "both threads", "negative", "negative runtime", "output without task", "no writer"],
)
def test_arguments_that_contradict_each_other_are_refused(options, error, words):
    """Item 80."""
    with tp.TaskGroup() as group, pytest.raises(error, match=words):
        pipe(CountUntil(3), **options)
    assert group.num_registered_tasks() == 0


def test_what_cannot_be_read_is_refused():
    with tp.TaskGroup(), pytest.raises(ValueError, match="expected a reader"):
        pipe([1, 2, 3])


def test_outputs_need_a_task():
    with tp.TaskGroup(), pytest.raises(AssertionError, match="outputs need a task"):
        pipe_and_output(CountUntil(3), num_runtime_threads=0, final_outputs="x")


def test_tasks_are_named_after_processor_output_or_input():
    """Item 82."""

    class Sink(Kept):
        pass

    class Named:
        name = "cleaning"

        def __call__(self, record):
            return record

    with tp.Node("n"), tp.TaskGroup() as group:
        queue = pipe(CountUntil(1), name="mine")
        pipe(queue, processor=doubled, output=Sink())
        pipe(CountUntil(1), processor=Named(), output=Sink())
        pipe(CountUntil(1), Sink())
        pipe(CountUntil(1), processor=lambda record: None)
        pipe(CounterReader())
        pipe(CountUntil(1), Sink())

    assert [task.name for task in group.tasks()] == [
        "n/mine",
        "n/doubled",
        "n/cleaning",
        "n/pipe_into:Sink",
        "n/lambda",
        "n/pipe_from:CounterReader",
        "n/pipe_into:Sink:1",
    ]


def test_a_task_of_one_body_has_steps_around_it_and_instances():
    with tp.TaskGroup() as group:
        queue = pipe(CountUntil(3), name="count")
        pipe(queue, Kept(), name="keep", num_runtime_threads=2)

    _, keep = group.tasks()

    assert str(queue.queue()) == "local/count/queue/handler"
    assert [name.removeprefix("local/keep") for name in step_names(keep.get_step()) if ":" in name] == [
        ":init",
        ":parallel",
        ":instance",
        ":instance:init",
        ":instance:exit",
        ":exit",
    ]


def test_bodies_that_are_built_apart_are_concurrent_steps():
    with tp.TaskGroup() as group:
        pipe(CountUntil(3), Kept(), name="keep", num_threads=2)

    names = step_names(group.tasks()[0].get_step())

    assert [name for name in names if "/t:" in name] == ["local/keep/t:0", "local/keep/t:1"]


def test_a_pipe_joins_the_group_that_it_is_given():
    group = tp.TaskGroup()

    pipe(CountUntil(3), Kept(), group=group)

    assert group.num_registered_tasks() == 1


def test_the_time_of_iterations_is_published_under_names_of_what_is_moved(session, ws, kept):
    """With real names of input and output; the last iteration, which is not complete, counts too."""
    with tp.TaskGroup() as group:
        queue = pipe(CountUntil(3), name="count")
        pipe(queue, kept, name="keep")
    tp.RunOperatorOnce(tp.CreateOperator("StatRegistryExport", [], ["k", "v", "t"]))

    session.run(group)

    tp.RunOperatorOnce(tp.CreateOperator("StatRegistryExport", [], ["k", "v", "t"]))
    found = dict(zip(ws.fetch_blob("k").tolist(), ws.fetch_blob("v").tolist(), strict=True))
    assert found[b"local/pipe/count/ReaderWithLimit/NoOutput/time_ns/count"] == 4
    assert found[b"local/pipe/keep/Queue/Kept/time_ns/count"] == 4


# --- processors -------------------------------------------------------------------------------------------------------


def a_net(record):
    net = tp.Net("double")
    return net, Struct(("iter", net.Add([record.iter(), record.iter()])))


FORMS = {
    "record": doubled,
    "record and stop": lambda record: (doubled(record), ops.Const(False)),
    "net and record": a_net,
    "list of nets and record": lambda record: (lambda net, made: ([net], made))(*a_net(record)),
    "nets, record and no stop": lambda record: (*a_net(record), None),
    "net and dict": lambda record: (lambda net, made: (net, {"iter": made.iter()}))(*a_net(record)),
    "net, dict and stop": lambda record: (
        lambda net, made: (net, {"iter": made.iter()}, net.Const(False, dtype=np.bool_))
    )(*a_net(record)),
    "output": lambda record: Output(record=doubled(record)),
    "output of a dict": lambda record: Output(record={"iter": ops.Add([record.iter(), record.iter()])}),
    "output of nets": lambda record: Output(*a_net(record)),
    "function of arrays": BatchFunction(lambda batch: {"iter": 2 * batch["iter"]}),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_processor_may_return_a_record_in_many_forms(form, session, kept):
    """Item 83."""
    with tp.TaskGroup() as group:
        pipe(CountUntil(4), kept, processor=FORMS[form])

    session.run(group)

    assert kept.rows == [0, 2, 4, 6]


SEEN: list[int] = []
SILENT = {
    "net": lambda record: a_net(record)[0],
    "list of nets": lambda record: [a_net(record)[0]],
    "None": lambda record: None,
    "None after operators": lambda record: ops.call(lambda n: SEEN.append(int(n)), record.iter(), outputs=0),
    "empty output": lambda record: Output(),
    "record without fields": lambda record: Struct(),
    "record without fields after operators": lambda record: (
        ops.call(lambda n: SEEN.append(int(n)), record.iter(), outputs=0) or Struct()
    ),
    "nets and record without fields": lambda record: (a_net(record)[0], Struct()),
    "output of a record without fields": lambda record: Output(record={}),
}


@pytest.mark.parametrize("form", SILENT)
def test_a_processor_may_return_no_record(form, session):
    """Item 83."""
    SEEN.clear()
    with tp.TaskGroup() as group:
        made = pipe(CountUntil(3), processor=SILENT[form])

    session.run(group)

    assert made is None
    assert ([0, 1, 2] if "operators" in form else []) == SEEN


WRONG: dict[str, Any] = {
    "a bare blob": (lambda record: record.iter(), TypeError),
    "a number": (lambda record: 3, TypeError),
    "a bare dict": (lambda record: {"iter": record.iter()}, (TypeError, ValueError)),
    "a stop that is no blob": (lambda record: (doubled(record), True), TypeError),
    "a schema without blobs": (lambda record: Struct(("iter", np.int64)), AssertionError),
}


@pytest.mark.parametrize("what", WRONG)
def test_other_returns_are_refused_when_the_pipe_is_written(what):
    """Item 83."""
    processor, error = WRONG[what]
    with tp.TaskGroup() as group, pytest.raises(error):
        pipe(CountUntil(3), Kept(), processor=processor)
    assert group.num_registered_tasks() == 0


def test_operators_of_ops_and_returned_nets_do_not_go_together():
    """Item 83."""

    def both(record):
        ops.Const(1)
        return a_net(record)

    with tp.TaskGroup(), pytest.raises(AssertionError, match="both"):
        pipe(CountUntil(3), processor=both)


def test_an_output_is_made_in_a_processor_only():
    with pytest.raises(AssertionError):
        Output()


STOPS = {
    "returned": lambda record: (record, ops.GE([record.iter(), ops.Const(4, dtype=np.int64)])),
    "stop_if": lambda record: ops.stop_if(ops.GE([record.iter(), ops.Const(4, dtype=np.int64)])) or record,
    "Output": lambda record: Output(record=record, should_stop=ops.GE([record.iter(), ops.Const(4, dtype=np.int64)])),
    "stop_all": lambda record: Output(record=record, stop_all=ops.GE([record.iter(), ops.Const(4, dtype=np.int64)])),
}


@pytest.mark.parametrize("form", STOPS)
def test_the_record_on_which_a_processor_stops_is_not_written(form, session, kept):
    """Item 84."""
    with tp.TaskGroup() as group:
        pipe(CounterReader(), kept, processor=STOPS[form])

    session.run(group)

    assert kept.rows == [0, 1, 2, 3]


def test_what_follows_a_stop_in_a_processor_still_runs_for_that_record(session, kept):
    seen = []

    def processor(record):
        ops.stop_if(ops.GE([record.iter(), ops.Const(2, dtype=np.int64)]))
        ops.call(lambda n: seen.append(int(n)), record.iter(), outputs=0)
        return record

    with tp.TaskGroup() as group:
        pipe(CounterReader(), kept, processor=processor)

    session.run(group)

    assert seen == [0, 1, 2]


def test_a_stop_ends_the_instance_that_computed_it_and_no_other(session, kept):
    """Of four instances one is left out after its stop; the others read the rest."""

    def processor(record):
        return record, ops.EQ([record.iter(), ops.Const(5, dtype=np.int64)])

    with tp.TaskGroup() as group:
        pipe(CountUntil(40), kept, processor=processor, num_runtime_threads=4)

    session.run(group)

    assert sorted(kept.rows) == [n for n in range(40) if n != 5]


@pytest.mark.parametrize("threads", [{"num_threads": 3}, {"num_runtime_threads": 3}], ids=str)
def test_a_stop_of_all_ends_all_instances_each_with_what_it_has_in_hand(threads, session, kept):
    """Item 92: the source never ends, and the run does."""

    def processor(record):
        return Output(record=record, stop_all=ops.EQ([record.iter(), ops.Const(20, dtype=np.int64)]))

    with tp.TaskGroup() as group:
        pipe(CounterReader(), kept, processor=processor, **threads)

    session.run(group)

    assert 20 not in kept.rows
    assert set(range(20)) <= set(kept.rows)


def test_the_processor_never_sees_the_end(session):
    """A reader in front of a limit has several nets; none of the processor's runs once the source has ended."""
    seen = []

    def processor(record):
        ops.call(lambda n: seen.append(int(n)), record.iter(), outputs=0)
        return record

    inner = pipe(CountUntil(3), processor=processor, num_threads=0)
    with tp.TaskGroup() as group:
        pipe(ReaderWithLimit(inner, 10), Kept())

    session.run(group)

    assert seen == [0, 1, 2]


def test_blocks_around_the_task_belong_to_the_task_of_the_pipe(session, kept):
    order = []

    def note(text):
        ops.call(lambda: order.append(text), outputs=0)

    def processor(record):
        with ops.task_init():
            note("task")
        with ops.task_instance_init():
            note("instance")
        with ops.task_instance_exit():
            note("instance exit")
        with ops.task_exit():
            note("task exit")
        note("record")
        return record

    with tp.TaskGroup() as group:
        pipe(CountUntil(2), kept, processor=processor)

    session.run(group)

    assert order == ["task", "instance", "record", "record", "instance exit", "task exit"]


def test_a_processor_with_a_setup_is_local_setup(session, ws, kept):
    class Adds:
        def setup(self, init_net):
            init_net.Const(100, blob_out="offset", dtype=np.int64)

        def __call__(self, record):
            return Struct(("iter", ops.Add([record.iter(), "offset"])))

    with tp.TaskGroup() as group:
        pipe(CountUntil(2), kept, processor=Adds())

    session.run(group)

    assert kept.rows == [100, 101]


def test_a_processor_that_knows_its_schema_tells_it():
    class Knows:
        def schema_func(self, reader):
            return Struct(("wide", np.float64)) + reader.schema()

        def __call__(self, record):
            return record

    reader = pipe(CountUntil(2), processor=Knows(), num_threads=0)

    assert reader.schema().field_names() == ["wide", "iter"]


# --- nets as processors -----------------------------------------------------------------------------------------------


def doubling_net():
    net = tp.Net("double")
    record = net.set_input_record(Struct(("iter", np.int64)))
    net.set_output_record(Struct(("iter", net.Add([record.iter(), record.iter()]))))
    return net


@pytest.mark.parametrize("make", [doubling_net, lambda: NetProcessor(doubling_net())], ids=["net", "NetProcessor"])
def test_a_net_is_a_processor(make, session, kept):
    with tp.TaskGroup() as group:
        pipe(CountUntil(4), kept, processor=make(), num_threads=2)

    session.run(group)

    assert sorted(kept.rows) == [0, 2, 4, 6]


def test_a_net_processor_is_copied_for_each_body_and_refuses_more_once_it_was_compiled():
    """Item 86."""
    processor = NetProcessor(doubling_net())
    with tp.TaskGroup():
        pipe(CountUntil(4), Kept(), processor=processor, num_threads=2)

    maps = processor.blob_maps()

    assert len(maps) == 2
    assert maps[0]["double/Add"] != maps[1]["double/Add"]
    with tp.TaskGroup(), pytest.raises(AssertionError, match="another NetProcessor"):
        pipe(CountUntil(4), Kept(), processor=processor)


def test_a_net_processor_runs_its_own_nets_first_and_stops_by_its_signal(session, kept):
    init = tp.Net("init")
    limit = init.Const(3, dtype=np.int64)
    net = tp.Net("until")
    record = net.set_input_record(Struct(("iter", np.int64)))
    stop = net.GE([record.iter(), limit])
    net.set_output_record(Struct(("iter", net.Copy(record.iter()))))
    with tp.TaskGroup() as group:
        pipe(CounterReader(), kept, processor=NetProcessor(net, stop, [init], name="until three"))

    session.run(group)

    assert kept.rows == [0, 1, 2]
    assert group.tasks()[0].name == "local/until three"


@pytest.mark.parametrize("arguments", [("net",), (tp.Net("n"), "stop")], ids=["no net", "no blob"])
def test_a_net_processor_takes_a_net_and_a_blob(arguments):
    with pytest.raises(AssertionError):
        NetProcessor(*arguments)


def test_a_net_that_takes_other_fields_is_refused():
    with tp.TaskGroup(), pytest.raises(AssertionError, match="iter"):
        pipe(CountUntil(4), Kept(), processor=tp.Net("no record"))


# --- functions of arrays ----------------------------------------------------------------------------------------------


def test_a_function_of_arrays_gets_text_and_returns_other_fields(session, ws, kept):
    batches = [np.array([b"a", "\u00e4".encode()], object)]

    class Texts(Reader):
        def __init__(self):
            super().__init__(Struct(("text", str)))

        def setup_ex(self, init_net, finish_net):
            self.counter = init_net.CreateCounter([], "counter", init_count=1)

        def read(self, read_net):
            return read_net.CountDown([self.counter], 1), [read_net.call(lambda: batches[0])]

    lengths = BatchFunction(
        lambda batch: {"length": np.char.str_len(batch["text"])}, Struct(("length", np.int64)), name="lengths"
    )
    with tp.TaskGroup() as group:
        pipe(Texts(), kept, processor=lengths)

    session.run(group)

    assert kept.rows == [1, 1]
    assert group.tasks()[0].name == "local/lengths"


@pytest.mark.parametrize(
    ("made", "words"),
    [(lambda batch: [1], "must return a dict"), (lambda batch: {"other": 1}, "without 'iter'")],
    ids=["no dict", "other fields"],
)
def test_a_function_that_returns_something_else_is_an_error_that_says_so(made, words, session):
    with tp.TaskGroup() as group:
        pipe(CountUntil(2), Kept(), processor=BatchFunction(made))

    with pytest.raises(RuntimeError, match=words):
        session.run(group)


def test_a_function_is_needed():
    with pytest.raises(TypeError):
        BatchFunction(3)  # type: ignore[arg-type]


# --- outputs, order, runs ---------------------------------------------------------------------------------------------


def test_final_outputs_are_one_or_a_list(session):
    """Item 85."""

    def summing(name):
        def processor(record):
            with ops.task_init():
                ops.Const(0, blob_out=name, dtype=np.int64)
            ops.Add([name, record.iter()], [name])

        return processor

    with tp.TaskGroup() as group:
        nothing, one = pipe_and_output(CountUntil(5), processor=summing("a"), final_outputs="a")
        _, several = pipe_and_output(CountUntil(4), processor=summing("b"), final_outputs=["b", "a"])
        _, none = pipe_and_output(CountUntil(4), processor=summing("c"))

    session.run(group)

    assert nothing is None
    assert none is None
    assert one.fetch() == 10
    assert [output.fetch().item() for output in several] == [6, 10]


@pytest.mark.parametrize("threads", [{"num_threads": 4}, {"num_runtime_threads": 4}], ids=str)
def test_ordered_instances_write_in_the_order_in_which_they_read(threads, session, kept):
    with tp.TaskGroup() as group:
        queue = pipe(CountUntil(50), capacity=3)
        pipe(pipe(queue, processor=doubled, ordered=True, **threads), kept)

    session.run(group)

    assert kept.rows == [2 * n for n in range(50)]


def test_an_ordered_instance_that_stops_leaves_the_others_in_order(session, kept):
    def processor(record):
        return record, ops.EQ([record.iter(), ops.Const(5, dtype=np.int64)])

    with tp.TaskGroup() as group:
        pipe(CountUntil(30), kept, processor=processor, num_runtime_threads=3, ordered=True)

    session.run(group)

    assert kept.rows == [n for n in range(30) if n != 5]


@pytest.mark.parametrize(("ordered", "ends"), [(False, {"rows = [0 2]", "rows = [2 0]"}), (True, {"rows = [0 2]"})])
def test_in_all_schedules_that_are_tried_order_is_kept_if_asked_for(ordered, ends):
    def keep(record):
        with ops.task_init():
            rows = ops.Const(np.zeros(0, np.int64))
        ops.Copy(ops.call(np.append, rows, record.iter()), rows)
        with ops.task_exit():
            tp.final_output(ops.Copy(rows, "rows"))

    with tp.TaskGroup() as group:
        queue = pipe(CountUntil(2), capacity=1)
        pipe(pipe(queue, processor=doubled, num_runtime_threads=2, ordered=ordered, capacity=1), processor=keep)

    found = simulate(group, runs=600)

    assert {outcome.what for outcome in found.outcomes} == ends


def test_a_slow_record_holds_up_those_behind_it_and_is_not_overtaken(kept):
    """On real threads: the first record waits until another instance has computed the second."""
    second = threading.Event()

    def compute(batch):
        if batch["iter"] == 0:
            assert second.wait(30)
        else:
            second.set()
        return batch

    with tp.TaskGroup() as group:
        pipe(CountUntil(4), kept, processor=BatchFunction(compute), num_runtime_threads=2, ordered=True)

    with tp.LocalSession(tp.Workspace()) as session:
        session.run(group)

    assert kept.rows == [0, 1, 2, 3]


def test_a_group_that_runs_twice_delivers_its_source_twice(session, kept):
    """Item 87."""
    with tp.TaskGroup() as group:
        pipe(pipe(CountUntil(3)), kept)

    session.run(group)
    session.run(group)

    assert kept.rows == [0, 1, 2, 0, 1, 2]


def test_several_pipelines_in_one_group_do_not_touch_each_other(session):
    kept = [Kept() for _ in range(3)]
    with tp.TaskGroup() as group:
        for number, writer in enumerate(kept):
            pipe(pipe(CountUntil(number + 2), capacity=1), writer)

    session.run(group)

    assert [writer.rows for writer in kept] == [[0, 1], [0, 1, 2], [0, 1, 2, 3]]


@pytest.mark.parametrize("kind", [tp.WorkspaceType.PRIVATE, tp.WorkspaceType.GLOBAL])
def test_records_of_instances_are_their_own_in_every_kind_of_workspace(kind, session, kept):
    with tp.TaskGroup(kind) as group:
        pipe(pipe(CountUntil(60), processor=doubled, num_runtime_threads=3, capacity=2), kept)

    session.run(group)
    session.run(group)

    assert sorted(kept.rows) == sorted([2 * n for n in range(60)] * 2)


# --- failures ---------------------------------------------------------------------------------------------------------


def failing(record):
    def fail_at_seven(n):
        if n == 7:
            raise ZeroDivisionError(f"row {n}")
        return n

    return Struct(("iter", ops.call(fail_at_seven, record.iter())))


def test_an_exception_of_one_of_several_tasks_is_raised_as_it_is(session, kept):
    """Item 88; that no thread is left is checked after each test."""
    with tp.TaskGroup() as group:
        queue = pipe(CounterReader(), capacity=2)
        pipe(pipe(queue, processor=failing, num_runtime_threads=2, capacity=1), kept)

    with pytest.raises(ZeroDivisionError, match="row 7") as caught:
        session.run(group)

    assert any("task 'local/failing'" in note for note in caught.value.__notes__)


def test_an_operator_that_reports_failure_ends_the_run(session):
    """Item 89."""
    with tp.TaskGroup() as group:
        queue = pipe(CounterReader(), capacity=2)
        pipe(queue, processor=lambda record: ops.Fail([], []))

    with pytest.raises(tp.ReportedError):
        session.run(group)


def test_closing_blocks_run_after_a_failure_and_exits_do_not(session):
    """Item 90, as design decision D6 has it: what must run in any case is a closing block."""
    order = []

    def processor(record):
        with ops.task_exit():
            ops.call(lambda: order.append("exit"), outputs=0)
        with ops.task_finally():
            ops.call(lambda: order.append("finally"), outputs=0)
        return failing(record)

    with tp.TaskGroup() as group:
        pipe(CounterReader(), Kept(), processor=processor)

    with pytest.raises(ZeroDivisionError):
        session.run(group)

    assert order == ["finally"]


def test_the_next_run_after_a_failure_is_as_if_nothing_had_happened(session):
    kept = Kept(fail_at=2)
    with tp.TaskGroup() as group:
        pipe(pipe(CountUntil(4), capacity=1), kept)
    with pytest.raises(ArithmeticError):
        session.run(group)
    kept.fail_at, kept.records = None, []

    session.run(group)

    assert kept.rows == [0, 1, 2, 3]


def test_a_failed_writer_ends_its_source(session):
    """The source never ends by itself."""
    with tp.TaskGroup() as group:
        pipe(pipe(CounterReader(), capacity=1), Kept(fail_at=3))

    with pytest.raises(ArithmeticError, match="record 3"):
        session.run(group)


def test_a_queue_that_nobody_reads_is_reported(session):
    """Item 91."""
    with tp.TaskGroup() as group:
        pipe(CountUntil(5), capacity=2, name="fill")

    with pytest.raises(tp.StalledError, match="nobody reads queue 'local/fill/queue/handler'"):
        session.run(group)


def test_a_queue_that_nobody_writes_is_reported_before_the_run(session):
    """Item 91."""
    queue = Queue(2, Struct(("x", np.int64)), name="lonely")
    with tp.TaskGroup() as group:
        pipe(queue, Kept())

    with pytest.raises(tp.PlanError, match="TP110"):
        session.run(group)


def test_a_leaf_stays_what_its_schema_says():
    with tp.TaskGroup():
        queue = pipe(CountUntil(3))

    assert queue.schema() == Struct(("iter", Scalar(np.int64)))


@pytest.mark.parametrize("count", [-1, "2", 1.5])
def test_a_number_of_threads_that_is_none_is_refused(count, kept):
    with pytest.raises(ValueError, match="num_runtime_threads is a number of threads, 0 or more; got"):
        tp.pipe_and_output(CounterReader(), kept, num_runtime_threads=count)


def test_without_threads_and_outputs_there_is_a_reader_and_no_output():
    reader, output = tp.pipe_and_output(CounterReader(), num_runtime_threads=0)

    assert isinstance(reader, tp.Reader)
    assert output is None
