"""Rows of text files, read by tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.reading import all_read, reading

import taskplan as tp
from taskplan.builder.schema import List, Scalar, Struct
from taskplan.data.text_file_reader import TextFileReader
from taskplan.errors import OperatorError

PEOPLE = Struct(("name", str), ("age", np.float32))


@pytest.fixture
def session() -> Iterator[Any]:
    with tp.fresh_names(), tp.LocalSession(tp.Workspace()) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.tsv"


def opened(session: Any, file: Path, schema: Struct = PEOPLE, **options: Any) -> TextFileReader:
    init = tp.Net("init")
    reader = TextFileReader(init, str(file), schema, **options)
    session.run(init)
    return reader


def test_rows_come_in_batches_of_typed_columns(session: Any, file: Path) -> None:
    """Item 99."""
    file.write_text("é\t1.5\nb\t2\nc\t3\n", "utf-8")

    seen = all_read(opened(session, file, batch_size=2), session)

    assert seen == [[["é".encode(), b"b"], [1.5, 2]], [[b"c"], [3]]]


def test_batches_run_across_passes(session: Any, file: Path) -> None:
    """Item 99."""
    file.write_text("a\nb\nc\n")

    seen = all_read(opened(session, file, Struct(("x", str)), num_passes=2, batch_size=2), session)

    assert seen == [[[b"a", b"b"]], [[b"c", b"a"]], [[b"b", b"c"]]]


@pytest.mark.parametrize(
    ("content", "schema", "rows"),
    [
        ("a\nb", Struct(("x", str)), [[[b"a"]], [[b"b"]]]),
        ("a\t1\nb\t2", PEOPLE, [[[b"a"], [1]], [[b"b"], [2]]]),
    ],
)
def test_the_last_line_may_lack_its_newline(
    session: Any, file: Path, content: str, schema: Struct, rows: list[Any]
) -> None:
    """Item 107."""
    file.write_text(content)

    assert all_read(opened(session, file, schema), session) == rows


def test_integers_and_doubles_are_read_in_full(session: Any, file: Path) -> None:
    file.write_text(f"{1 << 62}\t-7\t0.1\n")

    seen = all_read(opened(session, file, Struct(("a", np.int64), ("b", np.int32), ("c", np.float64))), session)

    assert seen == [[[1 << 62], [-7], [0.1]]]


def test_rows_are_shared_out_among_instances(session: Any, file: Path) -> None:
    """Item 99."""
    file.write_text("".join(f"{n}\n" for n in range(100)))
    reader = opened(session, file, Struct(("n", np.int64)), batch_size=3)

    seen = all_read(reader, session, instances=4)

    assert sorted(n for [batch] in seen for n in batch) == [*range(100)]


def test_the_place_in_the_file_is_kept_from_run_to_run_until_it_is_reset(session: Any, file: Path) -> None:
    file.write_text("a\t1\nb\t2\n")
    reader, again = opened(session, file), tp.Net("again")
    reader.reset(again)
    first = all_read(reader, session)
    assert all_read(reader, session) == []

    session.run(again)

    assert all_read(reader, session) == first == [[[b"a"], [1]], [[b"b"], [2]]]


def test_a_field_that_only_begins_with_a_number_fails_the_run_after_the_rows_before_it(
    session: Any, file: Path
) -> None:
    file.write_text("a\t1\nb\t1abc\n")
    seen: list[Any] = []
    with tp.TaskGroup() as group:
        reading(opened(session, file, batch_size=5), seen)

    with pytest.raises(OperatorError, match=r"field 1 of a row of '.*people\.tsv' is b'1abc', expected a number"):
        session.run(group)

    assert seen == [[[b"a"], [1]]]


def test_a_lenient_reader_takes_the_number_that_a_field_begins_with(session: Any, file: Path) -> None:
    file.write_text("b\t1abc\n")

    assert all_read(opened(session, file, lenient=True), session) == [[[b"b"], [1]]]


def test_a_wrong_number_of_columns_fails_the_run_with_the_row(session: Any, file: Path) -> None:
    """Item 99."""
    file.write_text("a\t1\n\n")

    with pytest.raises(RuntimeError, match=r"row 2 of '.*people\.tsv' has 1 fields, expected 2"):
        all_read(opened(session, file), session)


@pytest.mark.parametrize("schema", [None, Scalar(str), Struct(), Struct(("x", List(str)))])
def test_the_schema_is_a_struct_of_leaves(schema: Any) -> None:
    with pytest.raises(AssertionError, match="the schema of a text file is a Struct with a leaf for each field"):
        TextFileReader(tp.Net("init"), "x.tsv", schema)


@pytest.mark.parametrize(("dtype", "error"), [(np.uint64, TypeError), (np.bool_, RuntimeError)])
def test_fields_of_other_types_are_refused_while_building(dtype: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        TextFileReader(tp.Net("init"), "x.tsv", Struct(("x", dtype)))


def test_two_readers_of_one_net_do_not_affect_each_other(session: Any, file: Path) -> None:
    file.write_text("a\nb\n")
    init, schema = tp.Net("init"), Struct(("x", str))
    readers = [TextFileReader(init, str(file), schema) for _ in range(2)]
    session.run(init)

    assert all_read(readers[0], session) == all_read(readers[1], session) == [[[b"a"]], [[b"b"]]]
