"""Sinks: objects of the user that tasks write batches to."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.moving import ONE_COLUMN, TIMEOUT_S, BoomError, Numbers, Told, group_of, task
from tests.operators.fake_run import Bench, WouldWaitError

import taskplan as tp
from taskplan.builder.blobs import BlobReference
from taskplan.builder.containers import List, Struct
from taskplan.builder.fields import Scalar
from taskplan.data.pipeline import pipe
from taskplan.data.sinks import CallbackWriter, ColumnsWriter, SinkWriter
from taskplan.data.sources import SourceReader
from taskplan.plan.types import Array

SESSIONS = [
    pytest.param(tp.LocalSession, id="threads"),
    *[pytest.param(lambda ws, seed=seed: tp.SimulatedSession(ws, seed=seed), id=f"seed {seed}") for seed in range(4)],
]
SOON_S = 0.05


@pytest.fixture(params=SESSIONS)
def session(request: pytest.FixtureRequest) -> Iterator[Any]:
    with tp.fresh_names(), tp.WorkspaceGuard(tp.Workspace()) as workspace, request.param(workspace) as opened:
        yield opened
    assert [each.name for each in threading.enumerate() if each.name.startswith("taskplan-")] == []


def numbers(**options: Any) -> SourceReader:
    return SourceReader(Numbers(**options), ONE_COLUMN)


def test_a_sink_is_opened_gets_all_batches_in_order_and_is_committed(session):
    sink = Told()

    session.run(group_of(numbers(), SinkWriter(sink)))

    assert sink.calls == ["open", *["write"] * 4, "commit"]
    assert sink.rows == Numbers().all


def test_a_sink_is_used_by_one_instance_at_a_time(session):
    class Alone(Told):
        used = 0
        most = 0

        def write(self, columns: Sequence[Array]) -> None:
            self.used += 1
            self.most = max(self.most, self.used)
            super().write(columns)
            self.used -= 1

    sink = Alone()

    session.run(group_of(numbers(parts=8, batches=30), SinkWriter(sink), instances=4))

    assert sink.most == 1
    assert sorted(sink.rows) == Numbers(parts=8, batches=30).all
    assert sink.calls == ["open", *["write"] * 240, "commit"]


def test_a_group_that_is_run_twice_makes_two_sinks(session):
    sinks: list[Told] = []

    def make() -> Told:
        sinks.append(Told())
        return sinks[-1]

    group = group_of(numbers(), SinkWriter(make))

    session.run(group)
    session.run(group)

    assert [sink.rows for sink in sinks] == [Numbers().all] * 2


def test_a_writer_is_used_by_several_tasks_each_with_a_sink_of_its_own(session):
    sinks: list[Told] = []

    def make() -> Told:
        sinks.append(Told())
        return sinks[-1]

    writer = SinkWriter(make)
    with tp.TaskGroup() as group:
        task(numbers(), writer)
        task(numbers(), writer)

    session.run(group)

    assert [sink.rows for sink in sinks] == [Numbers().all] * 2


def test_a_sink_gets_arrays_that_cannot_be_written_into(session):
    class Writing(Told):
        def write(self, columns: Sequence[Array]) -> None:
            columns[0][0] = 7

    with pytest.raises(ValueError, match="read-only"):
        session.run(group_of(numbers(), SinkWriter(Writing())))


def test_a_batch_without_rows_is_passed_over_and_single_values_are_a_row():
    bench, sink = Bench({"none": np.zeros(0), "one": np.float64(3), "text": np.array(b"a", object)}), Told()
    bench.run("OpenSink", [], ["s"], sink)

    bench.run("WriteSink", ["s", "none"], [])
    bench.run("WriteSink", ["s", "one", "text"], [])

    assert sink.rows == [3]
    assert bench.run("SinkCounts", ["s"], ["b", "r"]) == [1, 1]


def test_counts_say_what_was_written(session):
    writer = SinkWriter(Told())
    counts: list[tp.TaskOutput] = []

    with tp.TaskGroup() as group:
        task(
            numbers(batches=3, rows=5),
            writer,
            at_exit=lambda net: counts.extend(map(tp.final_output, writer.counts(net))),
        )
    session.run(group)

    assert [each.fetch().tolist() for each in counts] == [3, 15]


def file_sink(path: Path) -> Callable[[], Any]:
    class FileSink(Told):
        def open(self) -> None:
            path.write_text("begun")

        def commit(self) -> None:
            path.write_text("committed")

        def abort(self) -> None:
            path.write_text("aborted")

    return FileSink


@pytest.mark.parametrize("is_builder", [False, True], ids=["function", "builder"])
def test_a_program_that_was_saved_and_loaded_writes(session, tmp_path: Path, is_builder):
    out = tmp_path / "out"
    make = (file_sink, (out,), {}) if is_builder else file_sink(out)
    tp.save(group_of(numbers(), SinkWriter(make)), tmp_path / "program")
    del make
    gc.collect()

    session.run(tp.load(tmp_path / "program", allow_code=True))

    assert out.read_text() == "committed"


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("instances", [1, 4])
def test_if_something_fails_the_sink_is_aborted_and_never_committed(session, instances):
    sink = Told()

    with pytest.raises(BoomError):
        session.run(group_of(numbers(fails_at=2), SinkWriter(sink), instances=instances))

    assert sink.calls[-1] == "abort"
    assert sink.calls.count("abort") == 1
    assert "commit" not in sink.calls


@pytest.mark.parametrize("step", ["open", "write", "commit"])
def test_a_sink_that_fails_raises_its_own_error_and_is_aborted(session, step):
    sink = Told(fails_at=step)

    with pytest.raises(BoomError, match=step):
        session.run(group_of(numbers(), SinkWriter(sink)))

    assert sink.calls[-2:] == [step, "abort"]


def test_a_sink_that_cannot_abort_says_so_beside_the_failure(session):
    sink = Told(fails_at="abort")

    with pytest.raises(BoomError, match="batch 2") as caught:
        session.run(group_of(numbers(fails_at=2), SinkWriter(sink)))

    assert "BoomError: abort" in "\n".join(caught.value.__notes__)


def test_what_is_no_sink_is_refused(session):
    with pytest.raises(tp.OperatorError, match=r"OpenSink: the function must return a sink, .*; it returned \[\]"):
        session.run(group_of(numbers(), SinkWriter(list)))  # type: ignore[arg-type]


def test_what_makes_no_sink_is_refused_while_the_program_is_made():
    with pytest.raises(tp.BuildTypeError, match=r"make_sink must be a function without arguments, or .*; got 'x'"):
        SinkWriter("x")  # type: ignore[arg-type]


def test_a_writer_that_is_not_set_up_is_told_so():
    with pytest.raises(tp.BuildError, match=r"sink 'out' is not set up; call setup_ex\(init_net, finish_net\)"):
        SinkWriter(Told, "out").write(tp.Net("net"), ["x"])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ((np.zeros(2), np.zeros(3)), tp.ShapeError, "'a' has 2 rows and 'b' has 3 in a batch for sink 's'"),
        ((np.zeros(2), np.float64(3)), tp.ShapeError, "column 'b' of a batch for sink 's' is of rank 0"),
        ((np.zeros(2), object()), tp.OperatorError, "WriteSink: input 'b' holds"),
    ],
)
def test_columns_that_make_no_batch_are_refused(values, error, message):
    bench, sink = Bench(dict(zip("ab", values, strict=True))), Told()
    bench.run("OpenSink", [], ["s"], sink)

    with pytest.raises(error, match=message):
        bench.run("WriteSink", ["s", "a", "b"], [])

    assert sink.calls == ["open"]


@pytest.mark.parametrize(("end", "state"), [("CommitSink", "committed"), ("CloseSink", "closed")])
def test_a_sink_that_is_committed_or_closed_takes_nothing_more(end, state):
    bench, sink = Bench({"x": np.zeros(2)}), Told()
    bench.run("OpenSink", [], ["s"], sink)
    bench.run(end, ["s"], [])
    calls = list(sink.calls)

    for operator in ("WriteSink", "CommitSink"):
        with pytest.raises(tp.OperatorError, match=f"{operator}: sink 's' is {state} already"):
            bench.run(operator, ["s", "x"] if operator == "WriteSink" else ["s"], [])
    bench.run("CloseSink", ["s"], [])

    assert sink.calls == calls


def test_a_sink_that_is_closed_while_it_is_used_is_aborted_by_who_uses_it():
    """As when a sink ignores for `grace_s` that the run has ended, and is left behind."""
    bench, sink = Bench({"x": np.zeros(2)}), Told()

    class Closing(Told):
        def write(self, columns: Sequence[Array]) -> None:
            with pytest.raises(WouldWaitError):
                bench.run("WriteSink", ["s", "x"], [])
            bench.run("CloseSink", ["s"], [])
            self.calls.append("written")

    sink = Closing()
    bench.run("OpenSink", [], ["s"], sink)

    bench.run("WriteSink", ["s", "x"], [])

    assert sink.calls == ["open", "written", "abort"]


def test_a_sink_that_blocks_is_no_stall():
    release, blocks = threading.Event(), threading.Event()

    class Blocking(Told):
        def write(self, columns: Sequence[Array]) -> None:
            blocks.set()
            assert release.wait(TIMEOUT_S)
            super().write(columns)

    sink = Blocking()
    with tp.fresh_names(), tp.LocalSession(tp.Workspace(), stall_warning_s=SOON_S / 5) as session:
        run = session.start(group_of(numbers(), SinkWriter(sink), instances=3))
        assert blocks.wait(TIMEOUT_S)

        assert not run.wait(SOON_S)
        release.set()

        assert run.wait(TIMEOUT_S)
    assert sorted(sink.rows) == Numbers().all


# --- through pipe -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [{}, {"num_threads": 3}, {"num_runtime_threads": 3}], ids=str)
def test_a_pipe_moves_from_a_source_to_a_sink(session, threads):
    source, sink = Numbers(parts=4), Told()
    with tp.TaskGroup() as group:
        queue = pipe(SourceReader(source, ONE_COLUMN), **threads)
        pipe(queue, SinkWriter(sink))

    session.run(group)

    assert sorted(sink.rows) == source.all
    assert (sink.calls[0], sink.calls[-1], sink.calls.count("commit")) == ("open", "commit", 1)


def test_a_failure_behind_a_queue_closes_the_source_and_aborts_the_sink(session):
    source, sink = Numbers(parts=2, batches=1000), Told(fails_at="write")
    with tp.TaskGroup() as group:
        queue = pipe(SourceReader(source, ONE_COLUMN), capacity=2, num_runtime_threads=2)
        pipe(queue, SinkWriter(sink))

    with pytest.raises(BoomError, match="write"):
        session.run(group)

    assert sink.calls == ["open", "write", "abort"]
    assert source.open == set()
    assert not source.asking


# --- callbacks --------------------------------------------------------------------------------------------------------


def test_a_callback_gets_each_record_by_field_name(session):
    seen: list[Any] = []
    ends: list[str] = []
    writer = CallbackWriter(
        lambda record: seen.append({name: column.tolist() for name, column in record.items()}),
        on_commit=lambda: ends.append("commit"),
        on_abort=lambda: ends.append("abort"),
    )

    session.run(group_of(numbers(batches=2, rows=2), writer))

    assert seen == [{"n": [0, 1]}, {"n": [2, 3]}]
    assert ends == ["commit"]


def test_a_callback_is_told_of_a_failure(session):
    ends: list[str] = []
    writer = CallbackWriter(len, on_commit=lambda: ends.append("commit"), on_abort=lambda: ends.append("abort"))

    with pytest.raises(BoomError):
        session.run(group_of(numbers(fails_at=1), writer))

    assert ends == ["abort"]


def test_a_callback_that_fails_ends_the_run_with_its_own_error(session):
    def refuse(record: Any) -> None:
        raise ValueError(f"no {record['n'][0]}")

    with pytest.raises(ValueError, match="no 0"):
        session.run(group_of(numbers(), CallbackWriter(refuse)))


def test_a_callback_has_to_be_a_function():
    with pytest.raises(tp.BuildTypeError, match="expected a function, got 5"):
        CallbackWriter(len, on_abort=5)  # type: ignore[arg-type]


def written_by(writer: ColumnsWriter, record: Any) -> None:
    init = tp.Net("init")
    writer.setup_ex(init, tp.Net("exit"))
    writer.write_record_ex(record, init, init)


@pytest.mark.parametrize(
    ("record", "columns"),
    [
        (Struct(("a", np.int64), ("b", List(str))), {"a": "int64", "b:lengths": "int32", "b:values": "<U0"}),
        (Struct(("a", Scalar((np.float32, 3)))), {"a": "('<f4', (3,))"}),
        ([None, None], {"field_0": "|V0", "field_1": "|V0"}),
    ],
)
def test_a_sink_may_be_told_which_columns_it_gets(record, columns):
    told: list[Any] = []
    writer = ColumnsWriter(lambda given: told.append(given) or Told())
    names = record.field_names() if isinstance(record, Struct) else ["x", "y"]
    blobs = [BlobReference(name) for name in names]

    written_by(writer, tp.schema.from_blob_list(record, blobs) if isinstance(record, Struct) else blobs)
    writer._maker_of_task()

    assert [{name: str(dtype) for name, dtype in given.items()} for given in told] == [columns]


def test_records_for_one_sink_have_the_same_columns():
    writer = CallbackWriter(len, name="out")
    written_by(writer, tp.schema.from_blob_list(Struct(("a", np.int64)), [BlobReference("x")]))

    with pytest.raises(tp.BuildError, match=r"sink 'out' gets records of \['a'\], and cannot get one of \['b'\] too"):
        writer.write_record(tp.Net("w"), tp.schema.from_blob_list(Struct(("b", np.int64)), [BlobReference("x")]))


class _FailsTwice:
    """Fails with an error of its own each time that it is written to after the fifth."""

    def __init__(self) -> None:
        self.written = 0

    def open(self) -> None:
        pass

    def write(self, columns: Any) -> None:
        self.written += 1
        if self.written >= 5:
            msg = f"write {self.written}"
            raise ArithmeticError(msg)

    def commit(self) -> None:
        pass

    def abort(self) -> None:
        pass


def test_a_sink_that_failed_is_not_written_to_again_by_those_that_wait_for_it() -> None:
    """Else their failure could come first, and be the one that the caller sees."""
    with tp.TaskGroup() as group:
        tp.pipe(tp.CounterReader(), SinkWriter(_FailsTwice), num_runtime_threads=4)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with tp.LocalSession(tp.Workspace()) as session:
            for _ in range(50):
                with pytest.raises(ArithmeticError, match="write 5"):
                    session.run(group)
    finally:
        sys.setswitchinterval(before)
