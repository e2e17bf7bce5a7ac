"""Rows of text files."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.fake_run import Bench

from taskplan import LocalSession, Task, TaskGroup, ops
from taskplan.errors import ArgumentError, OperatorError
from taskplan.operators import (
    catalogue,  # noqa: F401 - declares the operators
    text_reader,
)
from taskplan.operators.text_reader import TextReader
from taskplan.operators.text_rows import NoNumberError, end_of_rows, numbers, split_rows

FLOAT, INT32, STRING, INT64, DOUBLE = 1, 2, 4, 10, 13
F32, F64, I32, I64 = map(np.dtype, (np.float32, np.float64, np.int32, np.int64))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "t.txt"


def floats(texts: list[bytes]) -> Any:
    return numbers(texts, F32)


@pytest.fixture(params=[1, 7, 1 << 18])
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that end anywhere within a row, and one that holds the file."""
    monkeypatch.setattr(text_reader, "_BLOCK_BYTES", request.param)


def open_reader(path: Path, *field_types: int, **arguments: Any) -> Bench:
    bench = Bench()
    bench.run("CreateTextFileReader", [], ["r"], filename=str(path), field_types=list(field_types), **arguments)
    return bench


def read(bench: Bench, fields: int = 1, batch_size: int = 2) -> list[list[Any]]:
    got = bench.run("TextFileReaderRead", ["r"], [f"x{k}" for k in range(fields)], batch_size=batch_size)
    return [each.tolist() for each in (got if fields > 1 else [got])]


def rows_of(path: Path, width: int, batch_size: int, **arguments: Any) -> tuple[list[list[bytes]], list[int]]:
    """All rows of strings, and the sizes of the batches."""
    bench = open_reader(path, *[STRING] * width, **arguments)
    rows, sizes = [], [1]
    while sizes[-1]:
        columns = read(bench, width, batch_size)
        rows += [list(row) for row in zip(*columns, strict=True)]
        sizes.append(len(columns[0]))
    return rows, sizes[1:]


@pytest.mark.usefixtures("_blocks")
def test_rows_are_read_in_batches_then_a_short_one_then_empty_ones(file: Path) -> None:
    """Item 99."""
    file.write_bytes(b"a\t1.5\nb\t2\nc\t-3e2\n")
    bench = open_reader(file, STRING, FLOAT)

    assert read(bench, 2) == [[b"a", b"b"], [1.5, 2]]
    assert read(bench, 2) == [[b"c"], [-300]]
    assert read(bench, 2) == read(bench, 2) == [[], []]
    assert [bench.blobs[name].dtype for name in ("x0", "x1")] == [object, np.float32]
    assert [bench.blobs[name].shape for name in ("x0", "x1")] == [(0,), (0,)]


@pytest.mark.usefixtures("_blocks")
def test_batches_run_across_the_joints_between_passes(file: Path) -> None:
    """Item 99."""
    file.write_bytes(b"a\nb\nc\n")

    rows, sizes = rows_of(file, 1, 2, num_passes=3)

    assert b"".join(field for (field,) in rows) == b"abcabcabc"
    assert sizes == [2, 2, 2, 2, 1, 0]


@pytest.mark.parametrize(("content", "passes"), [(b"a\n", 0), (b"a\n", -1), (b"", 1), (b"", 1 << 60)])
def test_without_a_pass_or_a_row_the_end_comes_at_once(file: Path, content: bytes, passes: int) -> None:
    """Item 99."""
    file.write_bytes(content)

    assert rows_of(file, 1, 2, num_passes=passes) == ([], [0])


@pytest.mark.usefixtures("_blocks")
def test_the_last_row_may_lack_its_newline(file: Path) -> None:
    """Item 107. Caffe2 loses it, or refuses it if it has several fields."""
    file.write_bytes(b"a\t1\nb\t2")
    assert rows_of(file, 2, 1, num_passes=2)[0] == [[b"a", b"1"], [b"b", b"2"]] * 2
    file.write_bytes(b"a\nb")
    assert rows_of(file, 1, 1, num_passes=2)[0] == [[b"a"], [b"b"]] * 2


@pytest.mark.usefixtures("_blocks")
def test_fields_may_be_empty_and_an_empty_line_is_a_row_of_one_empty_field(file: Path) -> None:
    """Item 99."""
    file.write_bytes(b"\n\t\n\n")
    with pytest.raises(OperatorError, match=r"row 1 of .* has 1 fields, expected 2"):
        rows_of(file, 2, 1)
    file.write_bytes(b"a\n\n\nb\r\n")

    assert rows_of(file, 1, 3)[0] == [[b"a"], [b""], [b""], [b"b\r"]]


@pytest.mark.usefixtures("_blocks")
def test_a_byte_0_makes_a_separator_behind_it_a_part_of_the_field(file: Path) -> None:
    """Item 99."""
    file.write_bytes(b"a\0\tb\0\n\0\0\tc\\\t\nd\t\0e\t\n")

    assert rows_of(file, 3, 1)[0] == [[b"a\tb\n\0", b"c\\", b""], [b"d", b"e", b""]]


def test_a_byte_0_at_the_end_of_a_file_is_refused_after_the_rows_before_it(file: Path) -> None:
    file.write_bytes(b"a\nb\0")
    bench = open_reader(file, STRING)

    assert read(bench, 1, 1) == [[b"a"]]
    with pytest.raises(OperatorError, match=r"t.txt' ends with a byte 0"):
        read(bench, 1, 1)


FIELDS = st.binary(max_size=4)


def escaped(field: bytes) -> bytes:
    return b"".join(b"\0" + bytes([each]) if each in b"\0\t\n" else bytes([each]) for each in field)


@settings(max_examples=40)
@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=6), st.integers(1, 9), st.integers(1, 4))
def test_what_was_written_with_escapes_is_read_whatever_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[bytes, bytes]], block: int, batch_size: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "escapes.txt"
    file.write_bytes(b"".join(escaped(first) + b"\t" + escaped(second) + b"\n" for first, second in rows))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_reader, "_BLOCK_BYTES", block)
        got, _ = rows_of(file, 2, batch_size)

    assert got == [list(row) for row in rows]


@pytest.mark.usefixtures("_blocks")
def test_a_row_with_another_number_of_fields_is_told_by_its_number(file: Path) -> None:
    """Item 99."""
    file.write_bytes(b"a\t1\nb\t2\nc\nd\t4\n")
    bench = open_reader(file, STRING, STRING)

    assert read(bench, 2, 2) == [[b"a", b"b"], [b"1", b"2"]]
    for _ in range(2):
        with pytest.raises(OperatorError, match=r"row 3 of '.*t.txt' has 1 fields, expected 2"):
            read(bench, 2, 2)


def test_rows_are_counted_anew_in_each_pass(file: Path) -> None:
    file.write_bytes(b"a\nb\n")
    bench = open_reader(file, STRING, num_passes=2)
    read(bench, 1, 2)
    file.write_bytes(b"a\tb\n")

    with pytest.raises(OperatorError, match=r"row 1 of .* has 2 fields, expected 1"):
        read(bench, 1, 2)


NUMBERS = {
    b"1x": 1,
    b"1_0": 1,
    b"0x10": 16,
    b"-0X1.8p1": -3,
    b"0x": 0,
    b" 2.5 ": 2.5,
    b"+.5e1e": 5,
    b"1e": 1,
    b"1.": 1,
    b"-Inf": -np.inf,
    b"infinit": np.inf,
    b"1e99": np.inf,
    b"-0x1p9999": -np.inf,
    b"7\t": 7,
}


@pytest.mark.parametrize(("text", "number"), NUMBERS.items())
def test_the_number_that_a_field_begins_with_counts(text: bytes, number: float) -> None:
    with np.errstate(over="ignore"):
        assert floats([text]).tolist() == [number]
        assert floats([b"2", text, b"3"]).tolist() == [2, number, 3]


def test_nan_is_a_number() -> None:
    assert np.isnan(floats([b"nan", b"-NaN", b"nanx"])).all()


@given(st.lists(st.floats(width=32, allow_nan=False)))
@settings(max_examples=30)
def test_numbers_are_read_as_they_were_written(written: list[float]) -> None:
    assert floats([repr(each).encode() for each in written]).tolist() == written


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1)))
@settings(max_examples=30)
def test_integers_and_doubles_are_read_as_they_were_written(written: list[int]) -> None:
    doubles = [each / 7 for each in written]

    assert numbers([b"%d" % each for each in written], I64).tolist() == written
    assert numbers([repr(each).encode() for each in doubles], F64).tolist() == doubles


@pytest.mark.parametrize(("text", "number"), {b" +7 ": 7, b"-7x": -7, b"1_0": 1, b"0x10": 0, b"1.9": 1}.items())
def test_the_integer_that_a_field_begins_with_counts(text: bytes, number: int) -> None:
    assert numbers([b"2", text], I32).tolist() == [2, number]


@pytest.mark.parametrize("text", [b"1x", b"1_0", b"0x", b"1e", b"+.5e1e", b"1 2"])
def test_strict_numbers_are_the_whole_field(text: bytes) -> None:
    """Caffe2 takes `1abc` for 1."""
    with pytest.raises(NoNumberError):
        numbers([text], F32, strict=True)
    assert numbers([b" 0x10 ", b"1"], F32, strict=True).tolist() == [16, 1]


@pytest.mark.parametrize("text", [b"1.5", b"0x10", b"2147483648", b"", b"1 2"])
def test_strict_integers_are_the_whole_field_and_fit(text: bytes) -> None:
    with pytest.raises(NoNumberError):
        numbers([text], I32, strict=True)


def test_an_integer_that_has_no_room_is_refused_by_its_type(file: Path) -> None:
    file.write_bytes(b"2147483648\n")

    with pytest.raises(OperatorError, match=r"is b'2147483648', expected an int32"):
        read(open_reader(file, INT32))


def test_fields_have_the_types_that_were_asked_for(file: Path) -> None:
    """Item 99. Caffe2 has floats and strings only."""
    file.write_bytes("é\t1\t-2\t3\t0.1\n".encode())
    bench = open_reader(file, STRING, FLOAT, INT32, INT64, DOUBLE)

    assert read(bench, 5) == [["é".encode()], [1], [-2], [3], [0.1]]
    assert [bench.blobs[f"x{k}"].dtype for k in range(5)] == [object, np.float32, np.int32, np.int64, np.float64]


@pytest.mark.parametrize("bad", [b"c\n", b"c\tx\n"])
def test_the_rows_before_a_bad_one_come_first(file: Path, bad: bytes) -> None:
    """Item 99. Caffe2 throws away the rows of that batch."""
    file.write_bytes(b"a\t1\nb\t2\n" + bad + b"d\t4\n")
    bench = open_reader(file, STRING, FLOAT)

    assert read(bench, 2, 4) == [[b"a", b"b"], [1, 2]]
    for _ in range(2):
        with pytest.raises(OperatorError, match="TextFileReaderRead: "):
            read(bench, 2, 4)


def test_of_two_bad_fields_the_one_in_the_earlier_row_counts(file: Path) -> None:
    file.write_bytes(b"1\t1\n2\tx\ny\t3\n")
    bench = open_reader(file, FLOAT, FLOAT)

    assert read(bench, 2, 3) == [[1], [1]]
    with pytest.raises(OperatorError, match=r"field 1 of a row of .* is b'x'"):
        read(bench, 2, 3)


@pytest.mark.usefixtures("_blocks")
def test_a_bad_float_is_told_with_the_number_of_its_row(file: Path) -> None:
    """Rows are counted from 1 on in each pass, whatever the batches and blocks are."""
    file.write_bytes(b"1\n2\n3\nx\n")
    bench = open_reader(file, FLOAT, num_passes=2)

    assert [read(bench), read(bench)] == [[[1, 2]], [[3]]]
    with pytest.raises(OperatorError) as caught:
        read(bench)

    fault = f"Invalid float in row 4: field 0 of a row of {str(file)!r} is b'x', expected a number"
    assert str(caught.value) == f"TextFileReaderRead: {fault}"


def test_rows_of_the_second_pass_are_counted_anew(file: Path) -> None:
    file.write_bytes(b"1\n2\n")
    bench = open_reader(file, FLOAT, num_passes=2)
    read(bench, batch_size=1)
    file.write_bytes(b"1\nx\n")

    assert read(bench, batch_size=9) == [[2, 1]]
    with pytest.raises(OperatorError, match="Invalid float in row 2: "):
        read(bench)


def test_a_strict_reader_refuses_what_only_begins_with_a_number(file: Path) -> None:
    """Item 99."""
    file.write_bytes(b"1\n1abc\n")
    bench = open_reader(file, FLOAT, strict=True)

    assert read(bench) == [[1]]
    with pytest.raises(OperatorError, match="is b'1abc', expected a number"):
        read(bench)


@pytest.mark.parametrize("text", [b"", b" ", b"abc", b"-", b".", b"e5", b"_1"])
def test_a_field_without_a_number_is_refused(file: Path, text: bytes) -> None:
    file.write_bytes(b"1\ta\n" + text + b"\tb\n")
    bench = open_reader(file, FLOAT, STRING)
    with pytest.raises(NoNumberError):
        floats([text])

    assert read(bench, 2, 2) == [[1], [b"a"]]
    with pytest.raises(OperatorError, match=r"field 0 of a row of '.*t.txt' is b'.*', expected a number"):
        read(bench, 2, 2)


def test_a_row_longer_than_a_block_is_read_whole(file: Path) -> None:
    long = b"x" * 1_000_000
    file.write_bytes(long + b"\nb\n")

    assert rows_of(file, 1, 1)[0] == [[long], [b"b"]]


def test_the_number_of_outputs_is_that_of_the_fields(file: Path) -> None:
    file.write_bytes(b"a\tb\n")

    with pytest.raises(OperatorError, match=r"rows of '.*t.txt' have 2 fields, got 1 outputs"):
        read(open_reader(file, STRING, STRING), 1)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"CreateTextFileReader: cannot open '.*nothing': No such file"):
        open_reader(tmp_path / "nothing", STRING)
    with pytest.raises(OperatorError, match="Is a directory"):
        open_reader(tmp_path, STRING)


def test_a_file_that_cannot_be_read_any_more_is_named(file: Path) -> None:
    file.write_bytes(b"a\n")
    bench = open_reader(file, STRING)
    bench.blobs["r"]._file = Unreadable()

    for _ in range(2):
        with pytest.raises(OperatorError, match=r"TextFileReaderRead: cannot read '.*t.txt': worn out"):
            read(bench)


class Unreadable:
    def read(self, size: int) -> bytes:
        raise OSError(5, "worn out")


def test_a_type_that_cannot_be_read_is_refused_in_caffe2s_words(file: Path) -> None:
    with pytest.raises(ArgumentError, match=r"for each field of a row, got \[1, 5\]: Unsupported type\.$"):
        open_reader(file, FLOAT, 5)


@pytest.mark.parametrize("field_types", [[], [FLOAT, 5]])
def test_fields_are_numbers_or_strings(file: Path, field_types: list[int]) -> None:
    expected = r"FLOAT \(1\), INT32 \(2\), STRING \(4\), INT64 \(10\), DOUBLE \(13\) for each field"
    with pytest.raises(ArgumentError, match=rf"'field_types' must have one of {expected}"):
        open_reader(file, *field_types)


def test_a_reader_needs_a_file_and_a_read_a_size(file: Path) -> None:
    with pytest.raises(ArgumentError, match="must name a file"):
        Bench().instance("CreateTextFileReader", [], ["r"], field_types=[FLOAT])
    with pytest.raises(ArgumentError, match="must be at least 1, got 0"):
        Bench().instance("TextFileReaderRead", ["r"], ["x"], batch_size=0)


def test_the_file_is_closed_at_the_end_and_when_nobody_has_the_reader(file: Path) -> None:
    file.write_bytes(b"a\nb\n")
    finished, dropped = (TextReader(str(file), [STRING], 1) for _ in range(2))
    files = finished._file, dropped._file

    finished.take(3)
    del dropped
    gc.collect()

    assert [each.closed for each in files] == [True, True]


def test_instances_that_read_at_once_get_each_row_once(file: Path) -> None:
    """Item 99."""
    file.write_bytes(b"".join(b"%d\n" % row for row in range(200)))
    seen: list[float] = []
    with TaskGroup() as group, Task(num_instances=3):
        with ops.task_init():
            reader = ops.CreateTextFileReader([], filename=str(file), field_types=[FLOAT])
        with ops.loop(30):
            ops.call(
                lambda rows: seen.extend(rows.tolist()), ops.TextFileReaderRead([reader], 1, batch_size=3), outputs=0
            )

    with LocalSession() as session:
        session.run(group)

    assert sorted(seen) == [*range(200)]


def test_the_end_of_the_last_whole_row_is_found_behind_escapes() -> None:
    assert [end_of_rows(text) for text in (b"", b"a", b"a\nb", b"a\n\0\n", b"\0\n", b"\0\0\n")] == [0, 0, 2, 2, 0, 3]
    assert split_rows(b"") == ([], b"")
