"""Files that tasks of a group write: each is written by one task, through one writer."""

from __future__ import annotations

import gc
import os
import re
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.moving import ONE_COLUMN, Numbers

import taskplan as tp
from taskplan.data.files.csv_files import CsvReader, CsvWriter
from taskplan.data.files.numpy_files import NumpyReader, NumpyWriter
from taskplan.data.files.parquet import ParquetReader, ParquetWriter
from taskplan.data.pipeline import pipe
from taskplan.data.sources import SourceReader

KINDS = [
    pytest.param(CsvWriter, CsvReader, "rows.csv", id="csv"),
    pytest.param(ParquetWriter, ParquetReader, "rows.parquet", id="parquet"),
    pytest.param(NumpyWriter, NumpyReader, "rows.npz", id="numpy"),
]
TWICE = "is written twice in one group"


def numbers(**options: Any) -> SourceReader:
    return SourceReader(Numbers(**options), ONE_COLUMN)


def line() -> int:
    """The line of the caller."""
    return sys._getframe(1).f_lineno


def read_rows(reader: Any, session: Any) -> list[int]:
    rows: list[int] = []
    with tp.TaskGroup() as group:
        pipe(reader, tp.CallbackWriter(lambda record: rows.extend(next(iter(record.values())).tolist())))
    session.run(group)
    return rows


@pytest.mark.parametrize(("writer", "reader", "name"), KINDS)
def test_two_pipes_that_write_one_file_are_refused_by_both_lines_and_the_file(
    tmp_path: Path, writer: Callable[[Path], Any], reader: Any, name: str
):
    path = tmp_path / name

    with tp.TaskGroup(), pytest.raises(tp.BuildValueError) as caught:
        pipe(numbers(), writer(path), name="a")
        first = line() - 1
        pipe(numbers(), writer(path), name="b")
    second = line() - 1

    here = rf"{re.escape(__file__)}:%d, in test_\w+"
    kind = rf"{writer.__name__}\('\w+'\)"
    assert re.fullmatch(
        rf"file '{re.escape(str(path))}' {TWICE}: "
        rf"by {kind} \({here % first}\) in task 'local/a' "
        rf"and by {kind} \({here % second}\) in task 'local/b'; "
        r"what ends last would replace all that the other wrote, so give them two files, or write to one queue, "
        r"and from that to the file",
        str(caught.value),
    )


@pytest.mark.parametrize(("writer", "reader", "name"), KINDS)
def test_one_writer_in_two_tasks_is_refused(tmp_path: Path, writer: Callable[[Path], Any], reader: Any, name: str):
    shared = writer(tmp_path / name)

    with tp.TaskGroup(), pytest.raises(tp.BuildValueError, match=TWICE) as caught:
        pipe(numbers(), shared, name="a")
        first = line() - 1
        pipe(numbers(), shared, name="b")
    second = line() - 1

    assert f"in task 'local/a' ({__file__}:{first}, in test_" in str(caught.value)
    assert f"in task 'local/b' ({__file__}:{second}, in test_" in str(caught.value)


def test_two_writers_of_one_file_in_one_task_are_refused(tmp_path: Path):
    init, exit_ = tp.Net("init"), tp.Net("exit")

    with tp.TaskGroup(), tp.Task(), pytest.raises(tp.BuildValueError, match=TWICE):
        CsvWriter(tmp_path / "rows.csv").setup_ex(init, exit_)
        CsvWriter(tmp_path / "rows.csv").setup_ex(init, exit_)


def test_a_writer_may_be_set_up_twice_in_one_task(tmp_path: Path):
    writer, init = CsvWriter(tmp_path / "rows.csv"), tp.Net("init")

    with tp.TaskGroup(), tp.Task():
        writer.setup_ex(init, tp.Net("exit"))
        writer.setup_ex(init, tp.Net("exit"))

    assert [op.type for op in init.Proto().op] == ["OpenSink"] * 2


@pytest.mark.parametrize("threads", [{"num_threads": 3}, {"num_runtime_threads": 3}], ids=str)
@pytest.mark.parametrize(("writer", "reader", "name"), KINDS)
def test_bodies_and_instances_of_one_pipe_share_a_writer(
    session: Any, tmp_path: Path, writer: Any, reader: Any, name: str, threads: Any
):
    with tp.TaskGroup() as group:
        pipe(numbers(parts=6), writer(tmp_path / name), **threads)

    session.run(group)

    assert sorted(read_rows(reader(tmp_path / name), session)) == Numbers(parts=6).all


@pytest.mark.parametrize("shares_writer", [False, True])
@pytest.mark.parametrize(("writer", "reader", "name"), KINDS)
def test_two_groups_may_write_one_file_one_after_the_other(
    session: Any, tmp_path: Path, writer: Any, reader: Any, name: str, shares_writer: bool
):
    first = writer(tmp_path / name)
    second = first if shares_writer else writer(tmp_path / name)

    for source, output in ((numbers(batches=9), first), (numbers(), second)):
        with tp.TaskGroup() as group:
            pipe(source, output)
        session.run(group)

    assert read_rows(reader(tmp_path / name), session) == Numbers().all


@pytest.mark.parametrize("path", ["inner/../rows.csv", "link.csv", "file://{folder}/rows.csv"])
def test_other_paths_of_one_file_are_refused(tmp_path: Path, path: str):
    (tmp_path / "inner").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "rows.csv")
    other = path.format(folder=tmp_path) if "{" in path else os.path.join(tmp_path, path)

    with tp.TaskGroup(), pytest.raises(tp.BuildValueError, match=TWICE):
        pipe(numbers(), CsvWriter(tmp_path / "rows.csv"))
        pipe(numbers(), CsvWriter(other))


def test_urls_of_one_object_are_refused():
    with tp.TaskGroup(), pytest.raises(tp.BuildValueError, match=TWICE):
        pipe(numbers(), ParquetWriter("memory://written/rows.parquet"))
        pipe(numbers(), ParquetWriter("memory:///written/rows.parquet"))


def test_two_files_are_no_harm(session: Any, tmp_path: Path):
    with tp.TaskGroup() as group:
        pipe(numbers(), CsvWriter(tmp_path / "a.csv"))
        pipe(numbers(), CsvWriter(tmp_path / "b.csv"))

    session.run(group)

    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_two_pipes_through_one_queue_fill_one_file(session: Any, tmp_path: Path):
    rows = tp.Queue(4)
    with tp.TaskGroup() as group:
        pipe(numbers(), rows)
        pipe(numbers(), rows)
        pipe(rows, CsvWriter(tmp_path / "rows.csv"))

    session.run(group)

    assert sorted(read_rows(CsvReader(tmp_path / "rows.csv"), session)) == sorted(Numbers().all * 2)


def test_a_task_whose_block_failed_writes_nothing(session: Any, tmp_path: Path):
    failed = None
    with tp.TaskGroup() as group:
        with suppress(ArithmeticError), tp.Task() as failed:
            CsvWriter(tmp_path / "rows.csv").setup_ex(tp.Net("init"), tp.Net("exit"))
            raise ArithmeticError
        pipe(numbers(), CsvWriter(tmp_path / "rows.csv"))

    session.run(group)

    assert failed is not None
    assert read_rows(CsvReader(tmp_path / "rows.csv"), session) == Numbers().all


def test_what_is_known_of_the_files_of_a_group_goes_with_it(tmp_path: Path):
    with tp.TaskGroup() as group:
        pipe(numbers(), CsvWriter(tmp_path / "rows.csv"))
    gone = weakref.ref(group)

    del group
    gc.collect()

    assert gone() is None


# --- bad rows ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "in" / "rows.csv"
    path.parent.mkdir()
    path.write_text("n\n1\nx\n2\n")
    return str(path)


SCHEMA = tp.Struct(("n", np.int64))


def test_a_file_for_bad_rows_that_a_writer_writes_is_refused_by_both_lines(tmp_path: Path, rows: str):
    reader = CsvReader(rows, SCHEMA, bad_rows=tmp_path / "out.csv")
    first = line() - 1
    writer = CsvWriter(tmp_path / "out.csv")
    second = line() - 1

    with tp.TaskGroup(), pytest.raises(tp.BuildValueError, match=f"out.csv' {TWICE}") as caught:
        pipe(reader, writer)

    assert f"CsvReader('csv') ({__file__}:{first}, in " in str(caught.value)
    assert f"CsvWriter('csv') ({__file__}:{second}, in " in str(caught.value)


def test_two_readers_with_one_file_for_bad_rows_are_refused(tmp_path: Path, rows: str):
    with tp.TaskGroup(), pytest.raises(tp.BuildValueError, match=f"bad.csv' {TWICE}"):
        pipe(CsvReader(rows, SCHEMA, bad_rows=tmp_path / "bad.csv"), tp.CallbackWriter(len))
        pipe(CsvReader(rows, SCHEMA, bad_rows=tmp_path / "bad.csv"), tp.CallbackWriter(len))


def test_bad_rows_may_stand_beside_the_good_ones(session: Any, tmp_path: Path, rows: str):
    with tp.TaskGroup() as group:
        pipe(CsvReader(rows, SCHEMA, bad_rows=tmp_path / "bad.csv"), CsvWriter(tmp_path / "out.csv"))

    session.run(group)

    assert (tmp_path / "out.csv").read_text() == "n\n1\n2\n"
    assert "x" in (tmp_path / "bad.csv").read_text()
