"""CSV files, read and written."""

from __future__ import annotations

import errno
import gzip
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskplan as tp
from taskplan.builder.containers import List, Struct
from taskplan.builder.fields import Scalar
from taskplan.data.files import csv_blocks
from taskplan.data.files.csv_files import CsvReader, CsvSink, CsvSource, CsvWriter
from taskplan.data.pipeline import pipe
from taskplan.data.sinks import CallbackWriter
from taskplan.operators.storage.unfinished_file import UnfinishedFile

SESSIONS = [
    pytest.param(tp.LocalSession, id="threads"),
    *[pytest.param(partial(tp.SimulatedSession, seed=seed), id=f"seed {seed}") for seed in range(2)],
]
PAIR = Struct(("n", np.int64), ("s", str))
COLLECTED = Struct(("line", np.int64), ("reason", str), ("text", str))


@pytest.fixture(params=SESSIONS)
def session(request: pytest.FixtureRequest) -> Iterator[Any]:
    with tp.fresh_names(), request.param(tp.Workspace()) as opened:
        yield opened


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few bytes, so that rows and quotes are cut everywhere."""
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 8)


def saved(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def columns_of(source: CsvSource) -> list[list[Any]]:
    batches = [[column.tolist() for column in batch] for part in source.parts() for batch in part()]
    return [[value for piece in pieces for value in piece] for pieces in zip(*batches, strict=True)]


def no_leftovers(folder: Path) -> bool:
    return not [path for path in folder.iterdir() if path.name.startswith(".")]


# Reading


def test_types_are_inferred_from_the_first_block(tmp_path: Path):
    rows = "i,f,b,s,gaps,nothing,day\n1,1.5,true,x,7,,2013-01-01\n2,3,false,,NA,NA,2013-01-02\n"
    source = CsvSource(saved(tmp_path / "t.csv", rows))

    columns = columns_of(source)

    assert source.schema == Struct(
        *(("i", np.int64), ("f", np.float64), ("b", np.bool_), ("s", str)),
        *(("gaps", np.float64), ("nothing", str), ("day", str)),
    )
    assert columns[:4] == [[1, 2], [1.5, 3.0], [True, False], [b"x", b""]]
    np.testing.assert_array_equal(columns[4], [7, np.nan])
    assert columns[5:] == [[b"", b"NA"], [b"2013-01-01", b"2013-01-02"]]


@pytest.mark.parametrize("options", [{"fill_nulls": {"n": -1}}, {"drop_nulls": True}])
def test_integers_with_gaps_that_do_not_stay_are_inferred_as_integers(tmp_path: Path, options: dict[str, Any]):
    path = saved(tmp_path / "t.csv", "n,s\n1,x\n,y\n")

    assert CsvSource(path, **options).schema == PAIR


def test_integers_that_doubles_do_not_hold_are_never_inferred_as_floats(tmp_path: Path):
    path = saved(tmp_path / "t.csv", f"n,s\n{(1 << 53) + 1},x\n,y\n")

    source = CsvSource(path)

    assert source.schema == PAIR
    with pytest.raises(tp.BuildValueError, match="line 3: column 'n' has no value"):
        columns_of(source)


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        *((dtype, "-7", -7) for dtype in (np.int8, np.int16, np.int32, np.int64)),
        *((dtype, "7", 7) for dtype in (np.uint8, np.uint16)),
        *((dtype, " 1.5 ", 1.5) for dtype in (np.float16, np.float32, np.float64)),
        *((np.bool_, text, True) for text in ("1", "true", "True", "TRUE")),
        (str, " é ", " é ".encode()),
    ],
)
def test_columns_have_the_types_of_a_schema(tmp_path: Path, dtype: Any, text: str, value: Any):
    path = saved(tmp_path / "t.csv", f"other,x\n1,{text}\n")

    [[[column]]] = [list(part()) for part in CsvSource(path, Struct(("x", dtype))).parts()]

    assert column.dtype == (object if dtype is str else dtype)
    assert column.tolist() == [value]


def test_batches_have_the_size_that_was_asked_for_across_blocks(tmp_path: Path, small_blocks: None):
    path = saved(tmp_path / "t.csv", "n\n" + "\n".join(map(str, range(20))))

    [part] = CsvSource(path, Struct(("n", np.int64)), batch_size=7).parts()

    assert [batch[0].tolist() for batch in part()] == [[*range(7)], [*range(7, 14)], [*range(14, 20)]]


def test_columns_are_found_by_name_in_each_file(tmp_path: Path):
    saved(tmp_path / "1.csv", "a,b,c\n1,x,2.5\n")
    saved(tmp_path / "2.csv", "c,a\n3.5,4\n")

    source = CsvSource(tmp_path, columns=["c", "a"])

    assert source.schema == Struct(("c", np.float64), ("a", np.int64))
    assert columns_of(source) == [[2.5, 3.5], [1, 4]]


def test_names_with_separators_are_fields_of_structs(tmp_path: Path):
    source = CsvSource(saved(tmp_path / "t.csv", "a:x,b,a:y\n1,2,3\n"))

    assert source.schema.field_names() == ["a:x", "a:y", "b"]
    assert columns_of(source) == [[1], [3], [2]]


def test_names_may_be_given_for_files_without_a_header(tmp_path: Path):
    path = saved(tmp_path / "t.csv", "1;x\n2;y\n")

    assert columns_of(CsvSource(path, header=["n", "s"], delimiter=";")) == [[1, 2], [b"x", b"y"]]


ODD_ROWS = {
    "quotes": ('n,s\n1,"a\nb"\n2,"c, ""d"""\n3,""\n', [[1, 2, 3], [b"a\nb", b'c, "d"', b""]]),
    "a quote in the middle": ('n,s\n1,5" pipe\n2,6" pipe\n3,"x"\n', [[1, 2, 3], [b'5" pipe', b'6" pipe', b"x"]]),
    "text behind a quote": ('n,s\n1,"a"b"c\n2,x\n', [[1, 2], [b'ab"c', b"x"]]),
    "carriage returns": ('n,s\r\n1,"a\r\nb"\r\n2,c\r\n', [[1, 2], [b"a\r\nb", b"c"]]),
    "carriage returns alone": ("n,s\r1,a\r2,b", [[1, 2], [b"a", b"b"]]),
    "a byte order mark": ("\ufeffn,s\n1,a\n", [[1], [b"a"]]),
    "blank lines": ("\n\nn,s\n\n1,a\n\n\n2,b\n\n", [[1, 2], [b"a", b"b"]]),
    "no end of line": ("n,s\n1,a\n2,b", [[1, 2], [b"a", b"b"]]),
    "a header with quotes": ('"n","s"\n1,a\n', [[1], [b"a"]]),
}


@pytest.mark.parametrize("name", ODD_ROWS)
@pytest.mark.parametrize("size", [4, 7, 1 << 20])
def test_odd_rows_are_read_wherever_blocks_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int
):
    text, expected = ODD_ROWS[name]
    path = saved(tmp_path / "t.csv", text)
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", size)

    assert columns_of(CsvSource(path, PAIR)) == expected


@given(st.text('ab",\n\r', max_size=40), st.integers(1, 9))
def test_blocks_are_the_text_cut_between_rows(text: str, size: int):
    """Whatever the quotes are: nothing is lost, and a block of many rows holds the rows of the whole."""
    stream = _Stream(text.encode(), size)

    blocks = list(csv_blocks.RowText(stream, ",").blocks())  # type: ignore[arg-type] # it has what is needed of one

    assert b"".join(block.text for block in blocks) == text.encode()
    for block in blocks:
        assert not csv_blocks._is_quote_open(block.text, ",") or block.fault
        rows = block.rows(",")
        assert b"".join(row.text.strip(b"\r\n") for row in rows).replace(b"\n", b"").replace(b"\r", b"") == (
            block.text.replace(b"\n", b"").replace(b"\r", b"")
        )


@given(st.text('ab",\n', max_size=60))
def test_quotes_are_found_as_a_reader_of_one_character_after_another_finds_them(text: str):
    assert csv_blocks._quotes(text.encode(), ",").tolist() == _quotes_one_by_one(text)


def _quotes_one_by_one(text: str) -> list[int]:
    """A doubled quote counts as none here, and as two where all quotes are where they should be."""
    found: list[int] = []
    doubled: list[int] = []
    state, place = "begin", 0
    while place < len(text):
        character = text[place]
        if state == "inside" and character == '"' and text[place + 1 : place + 2] == '"':
            doubled += [place, place + 1]
            place += 1
        elif character == '"' and state in ("begin", "inside"):
            found.append(place)
            state = "inside" if state == "begin" else "outside"
        elif state != "inside":
            state = "begin" if character in ",\n" else "outside"
        place += 1
    every = [place for place, character in enumerate(text) if character == '"']
    return every if sorted(found + doubled) == every else found


class _Stream:
    def __init__(self, text: bytes, size: int) -> None:
        self._text = text
        self._size = size

    def read(self, size: int) -> bytes:
        part, self._text = self._text[: self._size], self._text[self._size :]
        return part


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.zip"])
def test_compressed_files_are_read(tmp_path: Path, ending: str):
    path = tmp_path / f"t{ending}"
    if ending == ".csv.gz":
        path.write_bytes(gzip.compress(b"n,s\n1,a\n"))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.mkdir("in")
            archive.writestr("in/t.csv", "n,s\n1,a\n")

    assert columns_of(CsvSource(tmp_path)) == [[1], [b"a"]]


def test_urls_are_read_and_written_through_fsspec(tmp_path: Path):
    url = f"memory://{tmp_path.name}/t.csv"
    sink = CsvSink(url, {"n": np.dtype(np.int64)})
    sink.open()
    sink.write([np.arange(3)])
    sink.commit()

    assert columns_of(CsvSource(url)) == [[0, 1, 2]]


# Nulls


def test_words_for_nothing_are_text_in_columns_of_text(tmp_path: Path):
    path = saved(tmp_path / "t.csv", 'n,s\n1,NA\n2,""\n3,\n')

    assert columns_of(CsvSource(path, PAIR)) == [[1, 2, 3], [b"NA", b"", b""]]


def test_missing_values_are_filled(tmp_path: Path):
    path = saved(tmp_path / "t.csv", "n,s,x\nNA,NA,1\n2,,nan\n")
    schema = Struct(("n", np.int32), ("s", str), ("x", np.float32))

    source = CsvSource(path, schema, fill_nulls={"n": 7, "s": "none", "x": -1})

    assert columns_of(source) == [[7, 2], [b"none", b"none"], [1.0, -1.0]]


def test_rows_with_missing_values_are_dropped_and_counted(tmp_path: Path):
    path = saved(tmp_path / "t.csv", "n,s,x\n1,a,1\n,b,1\n3,,1\n4,d,NaN\n5,e,2\n")

    source = CsvSource(path, drop_nulls=True)

    assert columns_of(source) == [[1, 5], [b"a", b"e"], [1, 2]]
    assert source.skipped == 3


def test_other_words_may_stand_for_nothing(tmp_path: Path):
    path = saved(tmp_path / "t.csv", "n,x\n-,1.5\n3,-\n")

    source = CsvSource(path, null_values=["-"], fill_nulls={"n": 0})

    [ns, xs] = columns_of(source)
    assert ns == [0, 3]
    np.testing.assert_array_equal(xs, [1.5, np.nan])


# Bad rows

ADVICE = "bad_rows='skip' leaves such rows out, and a path for it collects them"
BAD_ROWS: dict[str, tuple[Any, str, str]] = {
    "too few fields": ("2", "the row has 1 fields, expected 2", ""),
    "too many fields": ("2,b,c", "the row has 3 fields, expected 2", ""),
    "no number": ("abc,b", "column 'n' is 'abc', expected int64", "n"),
    "a fraction": ("2.5,b", "column 'n' is '2.5', expected int64", "n"),
    "too large": ("99999999999999999999,b", "column 'n' is '99999999999999999999', expected int64", "n"),
    "several lines": ('"2\nx",b', r"column 'n' is '2\nx', expected int64", "n"),
    "no UTF-8": (b"2,\xff", "column 's' is no UTF-8", "s"),
    "an open quote": ('2,"b', "a quote is opened here and never closed", ""),
    "no value": (
        ",b",
        "column 'n' has no value; pass fill_nulls={'n': 0} (or another value), "
        "or drop_nulls=True to leave such rows out",
        "n",
    ),
}


def with_bad_row(path: Path, bad: str | bytes) -> str:
    row = bad if isinstance(bad, bytes) else bad.encode()
    return saved(path, b'n,s\n1,"a\nA"\n\n' + row + b"\n3,c\n4,d\n")


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_told_by_file_line_column_value_and_type(tmp_path: Path, name: str):
    bad, reason, column = BAD_ROWS[name]
    path = with_bad_row(tmp_path / "t.csv", bad)

    with pytest.raises(tp.BuildValueError) as caught:
        columns_of(CsvSource(path, PAIR))

    assert str(caught.value) == f"{path!r}, line 5: {reason}; {ADVICE}"
    row = (bad if isinstance(bad, bytes) else bad.encode()) + b"\n"
    assert vars(caught.value) == {"path": path, "line": 5, "column": column, "row": row}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_skipped_and_counted(tmp_path: Path, name: str):
    path = with_bad_row(tmp_path / "t.csv", BAD_ROWS[name][0])

    source = CsvSource(path, PAIR, bad_rows="skip")

    assert columns_of(source) == [[1, 3, 4], [b"a\nA", b"c", b"d"]]
    assert source.skipped == 1


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_collected_as_they_stand_in_the_file(tmp_path: Path, name: str):
    bad, reason, _ = BAD_ROWS[name]
    path = with_bad_row(tmp_path / "t.csv", bad)

    source = CsvSource(path, PAIR, bad_rows=tmp_path / "bad.csv")

    assert columns_of(source) == [[1, 3, 4], [b"a\nA", b"c", b"d"]]
    assert source.skipped == 1
    if isinstance(bad, bytes):
        assert b',"' + bad + b'"\n' in (tmp_path / "bad.csv").read_bytes()
        return
    collected = CsvSource(tmp_path / "bad.csv", COLLECTED)
    assert columns_of(collected) == [[5], [f"{reason}, in {path!r}".encode()], [bad.encode()]]
    assert no_leftovers(tmp_path)


def test_the_first_bad_row_is_the_one_that_is_told(tmp_path: Path):
    """Though pyarrow finds fields that are too few before any other fault, and missing values after them."""
    path = saved(tmp_path / "t.csv", "n,s\n" + "0,a\n" * 50 + ",b\n" + "0,c\n" * 50 + "x,d\n9\n")

    with pytest.raises(tp.BuildValueError, match="line 52: column 'n' has no value"):
        columns_of(CsvSource(path, PAIR))


def test_all_bad_rows_are_collected_in_the_order_of_their_lines(tmp_path: Path, small_blocks: None):
    rows = ["0,a", "1", ",b", "x,c", "4,d", "5,e,f", "6,g", ",h"] * 20
    path = saved(tmp_path / "t.csv", "\n".join(["n,s", *rows]))

    source = CsvSource(path, PAIR, bad_rows=tmp_path / "bad.csv")

    assert columns_of(source) == [[0, 4, 6] * 20, [b"a", b"d", b"g"] * 20]
    assert source.skipped == 100
    [lines, _, texts] = columns_of(CsvSource(tmp_path / "bad.csv", COLLECTED))
    assert lines == [line for line, row in enumerate(rows, 2) if row not in ("0,a", "4,d", "6,g")]
    assert texts == [rows[line - 2].encode() for line in lines]


@pytest.mark.parametrize("bad", ["9", "x,b", ",b"])
def test_a_file_of_bad_rows_only_has_no_batches(tmp_path: Path, bad: str):
    path = saved(tmp_path / "t.csv", "n,s\n" + f"{bad}\n" * 30)

    source = CsvSource(path, PAIR, bad_rows="skip")

    assert columns_of(source) == []
    assert source.skipped == 30


def test_the_file_of_bad_rows_is_there_if_no_row_was_bad(tmp_path: Path):
    path = saved(tmp_path / "t.csv", "n,s\n1,a\n")

    columns_of(CsvSource(path, PAIR, bad_rows=tmp_path / "bad.csv"))

    assert (tmp_path / "bad.csv").read_text() == "line,reason,text\n"


def test_the_file_of_bad_rows_is_not_there_before_all_is_read(tmp_path: Path):
    for number in range(2):
        saved(tmp_path / f"{number}.csv", "n,s\n1,a\nx,b\n")
    source = CsvSource([tmp_path / "0.csv", tmp_path / "1.csv"], PAIR, bad_rows=tmp_path / "bad.csv")
    parts = source.parts()

    seen = []
    for part in parts:
        list(part())
        seen.append((tmp_path / "bad.csv").exists())

    assert seen == [False, False]
    assert len(columns_of(CsvSource(tmp_path / "bad.csv", COLLECTED))[0]) == 2


def test_reading_that_is_given_up_leaves_no_file_of_bad_rows(tmp_path: Path):
    path = saved(tmp_path / "t.csv", "n,s\nx,b\n1,a\n2,b\n")
    source = CsvSource(path, PAIR, batch_size=1, bad_rows=tmp_path / "bad.csv")
    parts = source.parts()
    batches: Any = next(parts)()
    next(batches)

    batches.close()
    parts.close()  # type: ignore[attr-defined] # a generator

    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]


def test_parts_that_nobody_reads_leave_nothing_behind(tmp_path: Path):
    for number in range(2):
        saved(tmp_path / f"{number}.csv", "n,s\nx,a\n")
    source = CsvSource([tmp_path / "0.csv", tmp_path / "1.csv"], PAIR, bad_rows=tmp_path / "bad.csv")
    first, unread = source.parts()
    list(first())

    del source, first, unread

    assert sorted(each.name for each in tmp_path.iterdir()) == ["0.csv", "1.csv"]


def test_a_file_of_bad_rows_among_the_files_that_are_read_is_refused(tmp_path: Path):
    saved(tmp_path / "t.csv", "n,s\nx,a\n")
    columns_of(CsvSource(tmp_path, PAIR, bad_rows=tmp_path / "bad.csv"))

    with pytest.raises(tp.BuildValueError, match=r"bad\.csv' is read, and bad_rows would write it"):
        columns_of(CsvSource(tmp_path, PAIR, bad_rows=tmp_path / "bad.csv"))


# Bad files


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty, and its first row should have the names of the columns"),
        ("t.csv", b"\xff\xfen\x00", "is no text in UTF-8"),
        ("t.csv", b"n,n\n1,2\n", "has 2 columns 'n'"),
        ("t.csv", b",n\n1,2\n", "the field name '' has an empty part; name other columns with columns=[...]"),
        ("t.csv", b"lengths\n1\n", "the field name 'lengths' is reserved"),
        ("t.csv.gz", gzip.compress(b"n,s\n1,a\n", mtime=0)[:-9], "is no whole compressed file"),
        ("t.csv.gz", b"n,s\n1,a\n", "is no whole compressed file: Not a gzipped file"),
        ("t.csv.zip", b"n,s\n1,a\n", "is no whole compressed file: File is not a zip file"),
    ],
)
def test_a_file_that_is_none_is_refused_when_the_program_is_made(
    tmp_path: Path, name: str, content: bytes, message: str
):
    path = saved(tmp_path / name, content)

    with pytest.raises(tp.BuildValueError, match=re.escape(repr(path)) + ".*" + re.escape(message)):
        CsvReader(path)


def test_an_archive_of_several_files_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.csv", "n\n1\n")
        archive.writestr("b.csv", "n\n1\n")

    with pytest.raises(tp.BuildValueError, match=r"has 2 members, \['a.csv', 'b.csv'\], expected one"):
        CsvReader(tmp_path / "t.zip")


def test_a_compressed_file_that_ends_early_is_told_when_it_is_read(tmp_path: Path, session: Any):
    path = tmp_path / "t.csv.gz"
    text = b"n,s\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(1 << 19))
    path.write_bytes(gzip.compress(text, 1)[:-1000])
    with tp.TaskGroup() as group:
        pipe(CsvReader(path), CallbackWriter(lambda record: None))

    with pytest.raises(tp.BuildValueError, match=r"t\.csv\.gz' is no whole compressed file"):
        session.run(group)


def test_a_column_that_a_later_file_lacks_is_told_when_the_program_is_made(tmp_path: Path):
    paths = [saved(tmp_path / "1.csv", "n,s\n1,a\n"), saved(tmp_path / "2.csv", "n,t\n1,a\n")]

    with pytest.raises(tp.BuildValueError, match=r"2\.csv' has no column 's'"):
        CsvReader(paths)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"columns": ["nn"]}, ValueError, "has no column 'nn'; did you mean 'n'?"),
        ({"columns": "n"}, TypeError, "columns must be a list of names, got 'n'"),
        ({"columns": []}, ValueError, "expected at least one column to read"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1 row, got 0"),
        ({"delimiter": ";;"}, ValueError, "delimiter must be one ASCII character"),
        ({"delimiter": '"'}, ValueError, "delimiter must be one ASCII character"),
        ({"header": False}, TypeError, "header must be True, or a list with the names of the columns, got False"),
        ({"header": "n"}, TypeError, "header must be True, or a list"),
        ({"bad_rows": "raise"}, ValueError, "bad_rows must be 'error', 'skip', or the path of a .csv file"),
        ({"fill_nulls": {"n": "x"}}, ValueError, "fill_nulls has 'x' for column 'n', expected a value of int64"),
        ({"schema": Struct(("l", List(np.int8)))}, ValueError, "'l:lengths' is of a list"),
        ({"schema": Struct(("v", Scalar((np.int8, 2))))}, ValueError, "column 'v' has the inner shape (2,)"),
        ({"schema": Struct(("n", None))}, ValueError, "column 'n' has no type"),
        ({"schema": Struct(("n", np.uint64))}, TypeError, "no tensor has elements of dtype('uint64')"),
        ({"schema": PAIR, "columns": ["x"]}, ValueError, "the schema has no column 'x'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
):
    path = saved(tmp_path / "t.csv", "n,s\n1,a\n")

    with pytest.raises(error, match=re.escape(message)) as caught:
        CsvReader(path, **options)

    assert isinstance(caught.value, tp.BuildError)


def test_a_missing_file_is_told_when_the_program_is_made(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"there is no such file or folder: '.*no\.csv'"):
        CsvReader(tmp_path / "no.csv")


def test_a_reader_can_be_made_in_another_process(tmp_path: Path):
    path = saved(tmp_path / "t.csv", "n,s\n1,a\n")

    make = pickle.loads(pickle.dumps(CsvReader(path)._make_source))

    assert columns_of(make()) == [[1], [b"a"]]


# Writing


def written(path: Path, columns: dict[str, Any], *batches: list[Any], **options: Any) -> None:
    sink = CsvSink(path, {name: np.dtype(dtype or np.void) for name, dtype in columns.items()}, **options)
    sink.open()
    for batch in batches:
        sink.write(batch)
    sink.commit()


def test_a_file_has_a_header_and_a_line_for_each_row(tmp_path: Path):
    columns = {"i": np.int8, "in:f": np.float32, "b": np.bool_, "s, t": str, "h": np.float16}
    texts = np.array([b'a"b', "é\n,".encode()], object)
    batch = [np.array([1, -2], np.int8), np.array([0.1, np.nan], np.float32), np.array([True, False]), texts]

    written(tmp_path / "t.csv", columns, [*batch, np.array([0.5, np.inf], np.float16)])

    expected = 'i,in:f,b,"s, t",h\n1,0.1,true,"a""b",0.5\n-2,nan,false,"é\n,",inf\n'
    assert (tmp_path / "t.csv").read_text() == expected


@given(
    st.lists(
        st.tuples(
            st.integers(-(1 << 63), (1 << 63) - 1),
            st.floats(),
            st.floats(width=32),
            st.booleans(),
            st.text(st.characters(codec="utf-8")),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_was_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    schema = Struct(("i", np.int64), ("f", np.float64), ("g", np.float32), ("b", np.bool_), ("s", str))
    types: list[Any] = [np.int64, np.float64, np.float32, np.bool_]
    columns = [np.array(column, dtype) for column, dtype in zip(zip(*rows, strict=True), [*types, object], strict=True)]

    written(path, dict(zip(schema.field_names(), [*types, str], strict=True)), columns)

    again = columns_of(CsvSource(path, schema))
    for column, original in zip(again[:4], columns, strict=False):
        np.testing.assert_array_equal(column, original)
    assert [text.decode() for text in again[4]] == [row[4] for row in rows]


def test_a_delimiter_no_header_and_compression_are_as_asked_for(tmp_path: Path):
    path = tmp_path / "t.csv.gz"

    written(path, {"a": None, "b": None}, [np.array([1]), np.array([b"x"], object)], delimiter="\t", header=False)

    assert gzip.decompress(path.read_bytes()) == b'1\t"x"\n'
    assert columns_of(CsvSource(path, header=["a", "b"], delimiter="\t")) == [[1], [b"x"]]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_no_rows_make_a_file_with_a_header(tmp_path: Path, name: str):
    written(tmp_path / name, {"a": None, "b": np.int64})

    content = (tmp_path / name).read_bytes()
    assert (gzip.decompress(content) if name.endswith(".gz") else content) == b"a,b\n"


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_an_aborted_file_leaves_the_old_one(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"old")
    sink = CsvSink(tmp_path / name, {"n": np.dtype(np.int64)})
    sink.open()
    sink.write([np.arange(3)])

    sink.abort()

    del sink
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [(name, b"old")]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([np.array([1.5])], "field 'n' got an array of float64 of shape (1,), expected one of int64"),
        ([np.ones((1, 2), np.int64)], "field 'n' got an array of int64 of shape (1, 2)"),
        ([np.array([1]), np.array([2])], "has the columns ['n'], got a batch of 2"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(tmp_path: Path, batch: list[Any], message: str):
    sink = CsvSink(tmp_path / "t.csv", {"n": np.dtype(np.int64)})
    sink.open()

    with pytest.raises(tp.BuildValueError, match=re.escape(message)):
        sink.write(batch)
    sink.abort()


class FullDisk:
    """A file on a disk that has room for so many bytes."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file = file
        self._room = room

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.fixture
def fill_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Call it with the room that there is in each new file."""
    opened = UnfinishedFile.open

    def fill(room: int) -> None:
        monkeypatch.setattr(UnfinishedFile, "open", lambda file: FullDisk(opened(file), room))

    return fill


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
@pytest.mark.parametrize("room", [1, 20])
def test_a_full_disk_ends_the_run_and_leaves_the_old_file(
    tmp_path: Path, session: Any, fill_disk: Callable[[int], None], name: str, room: int
):
    """At the header, and at the rows."""
    source = saved(tmp_path / "in.csv", "n\n" + "123456\n" * 9)
    (tmp_path / name).write_bytes(b"old")
    fill_disk(room)
    with tp.TaskGroup() as group:
        pipe(CsvReader(source), CsvWriter(tmp_path / name))

    with pytest.raises(OSError, match=r"cannot write: No space left on device: '.*out\.csv.*'") as caught:
        session.run(group)

    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / name).read_bytes() == b"old"
    assert no_leftovers(tmp_path)


def test_a_full_disk_under_the_file_of_bad_rows_ends_the_run(
    tmp_path: Path, session: Any, fill_disk: Callable[[int], None]
):
    source = saved(tmp_path / "in.csv", "n\n1\nx\n2\n")
    fill_disk(20)
    with tp.TaskGroup() as group:
        reader = CsvReader(source, Struct(("n", np.int64)), bad_rows=tmp_path / "bad.csv")
        pipe(reader, CallbackWriter(lambda record: None))

    with pytest.raises(OSError, match=r"cannot write: No space left on device: '.*bad\.csv'"):
        session.run(group)

    assert [each.name for each in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (Struct(("v", Scalar((np.float32, 2)))), r"column 'v' has the inner shape \(2,\)"),
        (Struct(("l", List(np.float32))), "'l:lengths' is of a list"),
    ],
)
def test_records_that_are_no_rows_are_refused_when_the_program_is_made(tmp_path: Path, schema: Struct, message: str):
    with tp.fresh_names():
        record, net = tp.NewRecord(tp.Net("net"), schema), tp.Net("local")

        with pytest.raises(tp.BuildValueError, match=message):
            CsvWriter(tmp_path / "t.csv").write_record_ex(record, net, net)


# Through tasks


def test_records_go_from_file_to_file(tmp_path: Path, session: Any):
    text = "n,s,x\n" + "".join(f'{n},"{n * n}",{n / 8}\n' for n in range(1, 30))
    source, target = saved(tmp_path / "in.csv", text), tmp_path / "out.csv"
    with tp.TaskGroup() as group:
        pipe(CsvReader(source, Struct(("n", np.int64), ("s", str), ("x", np.float64)), batch_size=4), CsvWriter(target))

    session.run(group)

    assert target.read_text() == text.replace(".0\n", "\n")
    assert no_leftovers(tmp_path)


@pytest.mark.parametrize("instances", [1, 4])
def test_several_instances_read_all_rows_once_and_collect_the_bad_ones(tmp_path: Path, session: Any, instances: int):
    (tmp_path / "in").mkdir()
    for number in range(5):
        lines = [str(n) if n % 10 else "bad" for n in range(number * 50, number * 50 + 50)]
        saved(tmp_path / "in" / f"{number}.csv", "\n".join(["n", *lines]))
    rows: list[int] = []
    with tp.TaskGroup() as group:
        reader = CsvReader(tmp_path / "in", Struct(("n", np.int64)), batch_size=7, bad_rows=tmp_path / "bad.csv")
        write = CallbackWriter(lambda record: rows.extend(record["n"].tolist()))
        pipe(reader, write, num_runtime_threads=instances)

    session.run(group)

    assert sorted(rows) == [n for n in range(250) if n % 10]
    assert instances > 1 or rows == sorted(rows)
    assert len(columns_of(CsvSource(tmp_path / "bad.csv", COLLECTED))[0]) == 25
    assert no_leftovers(tmp_path)


def test_a_run_that_fails_leaves_no_file_of_bad_rows(tmp_path: Path, session: Any):
    source = saved(tmp_path / "in.csv", "n\nx\n" + "1\n" * 10)

    def fail(record: object) -> None:
        raise ZeroDivisionError("the user's own")

    with tp.TaskGroup() as group:
        reader = CsvReader(source, Struct(("n", np.int64)), batch_size=2, bad_rows=tmp_path / "bad.csv")
        pipe(reader, CallbackWriter(fail))

    with pytest.raises(ZeroDivisionError):
        session.run(group)

    assert [each.name for each in tmp_path.iterdir()] == ["in.csv"]
