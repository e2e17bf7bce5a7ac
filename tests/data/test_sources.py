"""Sources: objects of the user that yield batches, read by tasks."""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.moving import ONE_COLUMN, TIMEOUT_S, BoomError, Numbers, Told, group_of, rows_read, task
from tests.operators.fake_run import Bench

import taskplan as tp
from taskplan.builder.containers import List, Struct
from taskplan.builder.fields import Scalar
from taskplan.data.sinks import SinkWriter
from taskplan.data.sources import SourceReader
from taskplan.operators.sources import Batch

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


@pytest.fixture
def threads() -> Iterator[tp.LocalSession]:
    """For what has to happen at once."""
    with tp.fresh_names(), tp.LocalSession(tp.Workspace()) as opened:
        yield opened
    assert [each.name for each in threading.enumerate() if each.name.startswith("taskplan-")] == []


class Batches:
    """A source of one part with given batches."""

    def __init__(self, *batches: Any) -> None:
        self.given = batches
        self.skipped = 0

    def __call__(self) -> Batches:
        return self

    def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
        yield lambda: iter(self.given)


# --- what is read -----------------------------------------------------------------------------------------------------


def test_one_instance_reads_in_the_order_of_the_source(session):
    source = Numbers(parts=3)

    assert rows_read(session, SourceReader(source, ONE_COLUMN)) == source.all
    assert source.opened == [0, 1, 2]


@pytest.mark.parametrize("parts", [1, 8])
def test_several_instances_read_each_row_once(session, parts):
    source = Numbers(parts=parts, batches=5)

    rows = rows_read(session, SourceReader(source, ONE_COLUMN), instances=4)

    assert sorted(rows) == source.all
    assert sorted(source.opened) == list(range(parts))


def test_several_parts_are_read_at_once(threads):
    together = threading.Barrier(2)

    class Meeting(Numbers):
        def batches(self, part: int) -> Iterator[Batch]:
            together.wait(TIMEOUT_S)
            yield from super().batches(part)

    source = Meeting(parts=2)

    assert sorted(rows_read(threads, SourceReader(source, ONE_COLUMN), instances=2)) == source.all


def test_a_part_is_read_by_one_instance_at_a_time(threads):
    """A generator that is asked twice at once raises a ValueError, as this one would."""
    source = Numbers(batches=2000, rows=1)

    assert sorted(rows_read(threads, SourceReader(source, ONE_COLUMN), instances=4)) == source.all


def test_the_source_is_asked_for_its_parts_by_one_instance_at_a_time(threads):
    """A generator that is asked twice at once raises a ValueError, as this one would."""
    source = Numbers(parts=2000, batches=1, rows=1)

    assert sorted(rows_read(threads, SourceReader(source, ONE_COLUMN), instances=4)) == source.all


def test_a_source_without_parts_is_at_its_end_at_once(session):
    assert rows_read(session, SourceReader(Numbers(parts=0), ONE_COLUMN), instances=2) == []


def test_batches_without_rows_are_passed_over(session):
    empty = (np.zeros(0, np.int64),)
    source = Batches(empty, (np.array([1]),), empty, empty, (np.array([2]),), empty)
    seen: list[Any] = []

    session.run(group_of(SourceReader(source, ONE_COLUMN), lambda column: seen.append(column.tolist())))

    assert seen == [[1], [2]]


def test_a_group_that_is_run_twice_reads_twice(session):
    rows: list[int] = []
    group = group_of(SourceReader(Numbers, ONE_COLUMN), lambda column: rows.extend(column.tolist()))

    session.run(group)
    session.run(group)

    assert rows == Numbers().all * 2


def test_a_reader_is_used_by_several_tasks_each_of_which_reads_everything(session):
    reader = SourceReader(Numbers, ONE_COLUMN)
    rows: list[int] = []
    with tp.TaskGroup() as group:
        for _ in range(2):
            task(reader, lambda column: rows.extend(column.tolist()))

    session.run(group)

    assert sorted(rows) == sorted(Numbers().all * 2)


def test_the_function_may_be_made_by_a_builder(session):
    reader = SourceReader((numbers_maker, (3,), {"batches": 1}), ONE_COLUMN)

    assert rows_read(session, reader) == Numbers(parts=3, batches=1).all


def numbers_maker(parts: int, *, batches: int) -> Callable[[], Numbers]:
    return lambda: Numbers(parts, batches)


def saved_program(path: Path, is_builder: bool) -> None:
    """A program whose function nobody holds any more when it is loaded."""
    reader = SourceReader(
        (numbers_maker, (2,), {"batches": 4}) if is_builder else numbers_maker(2, batches=4), ONE_COLUMN
    )
    with tp.TaskGroup() as group:
        task(reader, tp.Net("nothing"), at_exit=lambda net: [tp.final_output(each) for each in reader.counts(net)])
    tp.save(group, path)


@pytest.mark.parametrize("is_builder", [False, True], ids=["function", "builder"])
def test_a_program_that_was_saved_and_loaded_reads(session, tmp_path: Path, is_builder):
    saved_program(tmp_path / "program", is_builder)
    gc.collect()
    program = tp.load(tmp_path / "program", allow_code=True)

    session.run(program)

    assert [tp.FetchBlob(output.blob).tolist() for output in program.outputs] == [8, 24, 0]


@pytest.mark.parametrize("is_builder", [False, True], ids=["function", "builder"])
def test_a_program_that_was_loaded_without_its_code_calls_none(session, tmp_path: Path, is_builder):
    saved_program(tmp_path / "program", is_builder)
    gc.collect()

    with pytest.raises(tp.PlanError, match="allow_code=True"):
        session.run(tp.load(tmp_path / "program"))


def test_lists_have_a_column_of_all_their_elements(session):
    schema = Struct(("user", np.int64), ("carts", List(np.float32)))
    source = Batches((np.array([7, 8]), np.array([2, 1], np.int32), np.array([1, 2, 3], np.float32)))
    seen: list[Any] = []

    session.run(group_of(SourceReader(source, schema), lambda *columns: seen.append([c.tolist() for c in columns])))

    assert seen == [[[7, 8], [2, 1], [1, 2, 3]]]


def test_a_field_may_be_called_as_the_stop_blob_would_be(session):
    schema = Struct(("should_stop", np.int64))

    assert rows_read(session, SourceReader(Numbers, schema)) == Numbers().all


def test_strings_may_be_bytes_or_str(session):
    source = Batches((np.array(["ä", b"b\0"], object),), (["c"],), (np.array(["d"]),))

    assert rows_read(session, SourceReader(source, Struct(("s", str)))) == ["ä".encode(), b"b\0", b"c", b"d"]


def test_the_source_may_go_on_using_its_arrays(session):
    buffer = np.array([0])

    def batches() -> Iterator[Batch]:
        for number in range(3):
            buffer[0] = number
            yield (buffer,)

    class Reusing(Batches):
        def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
            yield batches

    kept: list[Any] = []

    session.run(group_of(SourceReader(Reusing, ONE_COLUMN), kept.append))

    assert [each.tolist() for each in kept] == [[0], [1], [2]]


def test_counts_say_what_was_read_and_left_out(session):
    source = Numbers(parts=2, batches=3, rows=5)
    source.skipped = 4
    reader = SourceReader(source, ONE_COLUMN)
    counts: list[tp.TaskOutput] = []

    with tp.TaskGroup() as group:
        task(reader, len, at_exit=lambda net: counts.extend(map(tp.final_output, reader.counts(net))))
    session.run(group)

    assert [each.fetch().tolist() for each in counts] == [6, 30, 4]


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [1, 8])
@pytest.mark.parametrize("instances", [1, 4])
def test_a_source_that_fails_raises_its_own_error_and_nothing_stays_open(session, parts, instances):
    source = Numbers(parts=parts, batches=4, fails_at=2)

    with pytest.raises(BoomError, match="batch 2") as caught:
        rows_read(session, SourceReader(source, ONE_COLUMN), instances=instances)

    assert "ReadSource" in "\n".join(caught.value.__notes__)
    assert source.open == set()
    assert not source.asking


def test_a_source_that_fails_to_give_a_part_raises_its_own_error(session):
    class Failing(Numbers):
        def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
            yield from super().parts()
            raise BoomError("no part")

    source = Failing(parts=2)

    with pytest.raises(BoomError, match="no part"):
        rows_read(session, SourceReader(source, ONE_COLUMN), instances=3)

    assert source.open == set()


def test_a_function_that_fails_to_make_a_source_raises_its_own_error(session):
    def make() -> Any:
        raise ValueError("no source")

    with pytest.raises(ValueError, match=r"^no source"):
        rows_read(session, SourceReader(make, ONE_COLUMN))


def test_the_source_is_closed_if_something_else_fails(session):
    source = Numbers(parts=2)

    def work(_column: Any) -> None:
        assert source.open
        assert source.asking
        raise BoomError

    with pytest.raises(BoomError):
        session.run(group_of(SourceReader(source, ONE_COLUMN), work))

    assert source.open == set()
    assert not source.asking


def test_a_source_that_is_read_to_the_end_is_closed_while_the_rest_is_read(session):
    source = Numbers(parts=3)
    open_at_once: list[int] = []

    session.run(group_of(SourceReader(source, ONE_COLUMN), lambda column: open_at_once.append(len(source.open))))

    assert max(open_at_once) == 1


X, Y = np.array([1, 2]), np.array([1, 2, 3])


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ((X,), tp.OperatorError, r"a batch of source '.*/pairs' has 1 columns, expected 2"),
        ((X, X, X), tp.OperatorError, r"a batch of source '.*/pairs' has 3 columns, expected 2"),
        (X, tp.OperatorError, r"source '.*/pairs' gave array\(\[1, 2\]\), expected a tuple with an array for each"),
        ((X, Y), tp.ShapeError, r"'.*/x' has 2 rows and '.*/y' has 3 in a batch of source '.*/pairs'; the columns of"),
        ((X, np.zeros(0)), tp.ShapeError, r"'.*/x' has 2 rows and '.*/y' has 0"),
        ((X, 5), tp.ShapeError, r"column '.*/y' of a batch of source '.*/pairs' is of rank 0, expected a row for each"),
        (
            (X, np.array([1j, 2])),
            tp.DtypeError,
            r"field 'y' of a batch of source 'pairs' is complex128, expected int64",
        ),
        ((X, [object(), 1]), tp.DtypeError, r"field 'y' of a batch of source 'pairs' is made of objects such as <obj"),
    ],
)
def test_a_batch_that_does_not_fit_is_an_error_that_names_the_source(session, batch, error, message):
    schema = Struct(("x", np.int64), ("y", np.int64))

    with pytest.raises(error, match=message):
        rows_read(session, SourceReader(Batches(batch), schema, name="pairs"))


@pytest.mark.parametrize(
    ("declared", "column", "text"),
    [
        (np.int64, np.array([1.5]), "is float64, expected int64"),
        (np.int32, np.array([1, 2**40]), "has 1099511627776, which is no int32"),
        (np.float32, np.array([2**24 + 1]), "has 16777217, which no float32 is exactly"),
        (np.float32, np.array([1e300]), "has 1e[+]300, which is too large for float32"),
        (np.bool_, np.array([1]), "is int64, expected bool"),
        (np.int64, np.array(["1"]), "is <U1, expected int64"),
        (str, np.array([1]), "is int64, expected string"),
        ((np.float32, 3), np.zeros((2, 2), np.float32), r"has rows of shape \(2,\), expected \(3,\)"),
    ],
)
def test_a_column_of_another_type_than_the_schema_says_is_an_error_that_names_the_field(
    session, declared, column, text
):
    reader = SourceReader(Batches((column,)), Struct(("n", Scalar(declared))), name="numbers")

    with pytest.raises((tp.DtypeError, tp.ShapeError)) as caught:
        session.run(group_of(reader, tp.CallbackWriter(len)))

    assert re.match(f"ReadSource: field 'n' of a batch of source 'numbers' {text}", str(caught.value))


@pytest.mark.parametrize(
    ("declared", "column"),
    [
        (np.int64, np.array([1, 2], np.int32)),
        (np.int32, np.array([1, 2])),
        (np.int64, np.array([1, 2], ">i8")),
        (np.float32, np.array([1.0, 2.0])),
        (np.float64, np.array([1, 2])),
        (np.int64, np.array([True, True])),
        (np.int64, [1, 2]),
        (np.int64, np.array([])),
    ],
)
def test_a_column_that_loses_nothing_becomes_what_the_schema_says(session, declared, column):
    found: list[Any] = []
    reader = SourceReader(Batches((column,)), Struct(("n", declared)))

    session.run(group_of(reader, lambda made: found.append(made)))

    assert [(each.dtype, each.tolist()) for each in found] == [(np.dtype(declared), list(column))] * bool(len(column))


def test_a_field_without_a_type_has_what_comes(session):
    found: list[Any] = []
    reader = SourceReader(Batches((np.array([1.5]),), (np.array([1, 2], np.int32),)), Struct(("n", Scalar())))

    session.run(group_of(reader, lambda made: found.append((str(made.dtype), made.tolist()))))

    assert found == [("float64", [1.5]), ("int32", [1, 2])]


@pytest.mark.parametrize("is_builder", [False, True], ids=["function", "builder"])
def test_the_types_of_a_saved_program_are_compared_too(session, tmp_path: Path, is_builder):
    make = (halves_maker, (), {}) if is_builder else halves_maker()
    tp.save(group_of(SourceReader(make, ONE_COLUMN, "halves"), tp.CallbackWriter(len)), tmp_path / "program")
    program = tp.load(tmp_path / "program", allow_code=True)

    with pytest.raises(tp.DtypeError, match="field 'n' of a batch of source 'halves' is float64, expected int64"):
        session.run(program)


def halves_maker() -> Callable[[], Batches]:
    return lambda: Batches((np.array([0.5]),))


def test_what_is_no_source_is_refused(session):
    with pytest.raises(tp.OperatorError, match=r"OpenSource: the function must return a source, .*; it returned \[\]"):
        rows_read(session, SourceReader(list, ONE_COLUMN))  # type: ignore[arg-type]


def test_what_makes_no_source_is_refused_while_the_program_is_made():
    with pytest.raises(tp.BuildTypeError, match=r"make_source must be a function without arguments, or .*; got 5"):
        SourceReader(5, ONE_COLUMN)  # type: ignore[arg-type]


def test_a_reader_that_is_not_set_up_is_told_so():
    with pytest.raises(tp.BuildError, match=r"source 'numbers' is not set up; call setup_ex\(init_net, finish_net\)"):
        SourceReader(Numbers, ONE_COLUMN, "numbers").read(tp.Net("net"))


# --- waiting, cancelling ----------------------------------------------------------------------------------------------


class Blocking(Numbers):
    """Blocks before its second batch."""

    def __init__(self, parts: int = 1) -> None:
        super().__init__(parts)
        self.blocks, self.release, self.closed = threading.Event(), threading.Event(), threading.Event()

    def batches(self, part: int) -> Iterator[Batch]:
        try:
            yield (np.array([1]),)
            self.blocks.set()
            assert self.release.wait(TIMEOUT_S)
            yield (np.array([2]),)
        finally:
            self.closed.set()


@pytest.mark.parametrize("instances", [1, 3])
def test_a_source_that_blocks_is_no_stall(instances):
    source = Blocking()
    rows: list[int] = []
    group = group_of(SourceReader(source, ONE_COLUMN), lambda column: rows.extend(column.tolist()), instances=instances)
    with tp.LocalSession(tp.Workspace(), stall_warning_s=SOON_S / 5) as session:
        run = session.start(group)
        assert source.blocks.wait(TIMEOUT_S)

        assert not run.wait(SOON_S)
        why = run.why()
        source.release.set()

        assert run.wait(TIMEOUT_S)
    assert len(why.calls) == 1
    assert not [wait for wait in why.waits if wait.stuck]
    assert rows == [1, 2]


def test_a_cancelled_run_closes_its_source_and_aborts_its_sink(threads):
    source, sink = Numbers(parts=2, batches=10**9), Told()
    begun = threading.Event()

    class Telling(Told):
        def write(self, columns: Any) -> None:
            super().write(columns)
            begun.set()

    sink = Telling()
    run = threads.start(group_of(SourceReader(source, ONE_COLUMN), SinkWriter(sink), instances=3))
    assert begun.wait(TIMEOUT_S)

    run.cancel()

    with pytest.raises(tp.RunCancelledError):
        run.wait(TIMEOUT_S)
    assert source.open == set()
    assert not source.asking
    assert sink.calls[-1] == "abort"
    assert "commit" not in sink.calls


def test_a_part_that_is_read_when_the_source_is_closed_is_closed_by_who_reads_it():
    """As when a source ignores for `grace_s` that the run has ended, and is left behind."""
    source = Blocking()
    with tp.fresh_names(), tp.LocalSession(tp.Workspace(), grace_s=SOON_S) as session:
        run = session.start(group_of(SourceReader(source, ONE_COLUMN), len))
        assert source.blocks.wait(TIMEOUT_S)
        run.cancel()
        with pytest.raises(tp.RunCancelledError):
            run.wait(TIMEOUT_S)
        was_closed = source.closed.is_set()

        source.release.set()

        assert source.closed.wait(TIMEOUT_S)
    assert not was_closed


# --- the operators, one by one ----------------------------------------------------------------------------------------


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_closed_source_refuses_readers_and_can_be_closed_again(bench):
    source = Numbers(parts=2)
    bench.run("OpenSource", [], ["s"], source)
    bench.run("ReadSource", ["s"], ["x", "stop"])

    bench.run("CloseSource", ["s"], [])
    bench.run("CloseSource", ["s"], [])

    assert source.open == set()
    with pytest.raises(tp.OperatorError, match="ReadSource: source 's' is closed"):
        bench.run("ReadSource", ["s"], ["x", "stop"])
    assert bench.run("SourceCounts", ["s"], ["b", "r", "k"]) == [1, 3, 0]


def test_at_the_end_the_columns_keep_what_they_hold(bench):
    bench.run("OpenSource", [], ["s"], Batches((np.array([5]),)))
    bench.run("ReadSource", ["s"], ["x", "stop"])

    for _ in range(2):
        column, stop = bench.run("ReadSource", ["s"], ["x", "stop"])

        assert (column.tolist(), stop.item()) == ([5], True)


def test_closing_a_source_closes_everything_and_then_raises_the_first_failure(bench):
    closed: list[str] = []

    class Part:
        def __iter__(self) -> Part:
            return self

        def __next__(self) -> Batch:
            return (np.array([1]),)

        def close(self) -> None:
            closed.append("part")
            raise BoomError("part")

    class Failing(Batches):
        def parts(self) -> Iterator[Any]:
            try:
                yield Part
            finally:
                closed.append("parts")
                raise BoomError("parts")

    bench.run("OpenSource", [], ["s"], Failing())
    bench.run("ReadSource", ["s"], ["x", "stop"])

    with pytest.raises(BoomError, match=r"^part$"):
        bench.run("CloseSource", ["s"], [])
    assert closed == ["part", "parts"]


def test_skipped_has_to_be_a_number(bench):
    source = Batches()
    source.skipped = "many"  # type: ignore[assignment]
    bench.run("OpenSource", [], ["s"], source)

    with pytest.raises(tp.OperatorError, match="SourceCounts: skipped of source 's' is 'many', expected a number"):
        bench.run("SourceCounts", ["s"], ["b", "r", "k"])


def test_columns_of_rows_have_to_be_there(bench):
    bench.run("OpenSource", [], ["s"], Batches((X,)))

    with pytest.raises(tp.ArgumentError, match=r"'row_columns' is \[1\], and a batch of source 's' has 1 columns"):
        bench.run("ReadSource", ["s"], ["x", "stop"], row_columns=[1])
