"""Parquet files, read and written."""

from __future__ import annotations

import datetime
import decimal
import errno
import gc
import pickle
import re
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

import taskplan as tp
from taskplan.builder.containers import List, Struct
from taskplan.builder.fields import Scalar
from taskplan.data.files import arrow
from taskplan.data.files.parquet import ParquetReader, ParquetSink, ParquetSource, ParquetWriter
from taskplan.data.pipeline import pipe
from taskplan.data.sinks import CallbackWriter
from taskplan.operators.storage.unfinished_file import UnfinishedFile

SESSIONS = [
    pytest.param(tp.LocalSession, id="threads"),
    *[pytest.param(partial(tp.SimulatedSession, seed=seed), id=f"seed {seed}") for seed in range(2)],
]


@pytest.fixture(params=SESSIONS)
def session(request: pytest.FixtureRequest) -> Iterator[Any]:
    with tp.fresh_names(), request.param(tp.Workspace()) as opened:
        yield opened


def saved(path: Path, columns: dict[str, Any], row_group_size: int | None = None) -> str:
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return str(path)


def batches_of(source: ParquetSource) -> list[list[Any]]:
    return [[column.tolist() for column in batch] for part in source.parts() for batch in part()]


def columns_of(source: ParquetSource) -> list[list[Any]]:
    return [[value for piece in pieces for value in piece] for pieces in zip(*batches_of(source), strict=True)]


def no_leftovers(folder: Path) -> bool:
    return not [path for path in folder.iterdir() if path.name.startswith(".")]


# Reading


def test_each_row_group_is_a_part_and_is_cut_into_batches(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"n": np.arange(7)}, row_group_size=4)

    parts = list(ParquetSource(path, batch_size=3).parts())

    assert [[batch[0].tolist() for batch in part()] for part in parts] == [[[0, 1, 2], [3]], [[4, 5, 6]]]


EVERY_TYPE: dict[str, tuple[Any, Any, list[Any]]] = {
    **{
        name: (pa.array([1, 2], getattr(pa, name)()), getattr(np, name), [1, 2])
        for name in ("int8", "int16", "int32", "int64", "uint8", "uint16")
    },
    "bool": (pa.array([True, False]), np.bool_, [True, False]),
    "half": (pa.array([1.5, 2.0], pa.float16()), np.float16, [1.5, 2.0]),
    "float": (pa.array([1.5, 2.0], pa.float32()), np.float32, [1.5, 2.0]),
    "double": (pa.array([1.5, 2.0]), np.float64, [1.5, 2.0]),
    "text": (pa.array(["a", "é"]), str, [b"a", "é".encode()]),
    "large": (pa.array(["a", "b"], pa.large_string()), str, [b"a", b"b"]),
    "words": (pa.array(["a", "a"]).dictionary_encode(), str, [b"a", b"a"]),
    "unsigned": (pa.array([1, (1 << 32) - 1], pa.uint32()), np.int64, [1, (1 << 32) - 1]),
    "day": (pa.array([datetime.date(1970, 1, 3), datetime.date(1969, 12, 31)]), np.int32, [2, -1]),
    "at": (pa.array([5, -7], pa.timestamp("us", tz="UTC")), np.int64, [5, -7]),
    "time": (pa.array([datetime.time(0, 0, 1), datetime.time(1)], pa.time32("ms")), np.int32, [1000, 3_600_000]),
    "vector": (pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2)), Scalar((np.int8, 2)), [[1, 2], [3, 4]]),
}


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_every_type_that_a_tensor_holds_is_read_exactly(tmp_path: Path, name: str):
    stored, dtype, values = EVERY_TYPE[name]
    path = saved(tmp_path / "t.parquet", {"x": stored})

    source = ParquetSource(path)

    assert source.schema == Struct(("x", dtype))
    assert columns_of(source) == [values]


def test_lists_and_structs_are_read_as_their_columns(tmp_path: Path):
    rows = [[{"id": 1, "at": [1.5]}, {"id": 2, "at": []}], [], [{"id": 3, "at": [2.5, 3.5]}]]
    path = saved(tmp_path / "t.parquet", {"n": [7, 8, 9], "carts": pa.array(rows)})

    source = ParquetSource(path, batch_size=2)

    assert source.schema == Struct(("n", np.int64), ("carts", List(Struct(("id", np.int64), ("at", List(np.float64))))))
    assert columns_of(source) == [[7, 8, 9], [2, 0, 1], [1, 2, 3], [1, 0, 2], [1.5, 2.5, 3.5]]


def test_only_the_columns_that_are_named_are_read_in_the_order_given(tmp_path: Path):
    unreadable = pa.array([decimal.Decimal("1.5")])
    path = saved(tmp_path / "t.parquet", {"a": [1], "b": ["x"], "c.d": [2.5], "e": unreadable, "c": [9]})

    source = ParquetSource(path, columns=["c.d", "a"])

    assert source.schema.field_names() == ["c.d", "a"]
    assert columns_of(source) == [[2.5], [1]]


def twice(path: Path) -> Path:
    """A file with two columns `a`, and one `b`."""
    schema = pa.schema([("a", pa.int64()), ("a", pa.int64()), ("b", pa.int64())])
    pq.write_table(pa.Table.from_arrays([pa.array([number]) for number in range(3)], schema=schema), path)
    return path


@pytest.mark.parametrize("columns", [None, ["a"], ["b", "a"]])
def test_two_columns_of_one_name_are_refused_by_file_and_name(tmp_path: Path, columns: list[str] | None):
    path = twice(tmp_path / "t.parquet")

    with pytest.raises(tp.BuildValueError, match=r"'.*t\.parquet' has 2 columns 'a'; name others with") as caught:
        ParquetReader(path, columns=columns)

    assert vars(caught.value) == {"path": str(path), "column": "a"}


def test_two_columns_of_one_name_do_no_harm_to_others(tmp_path: Path):
    path = twice(tmp_path / "t.parquet")

    assert columns_of(ParquetSource(path, columns=["b"])) == [[2]]
    assert columns_of(ParquetSource(path, schema=Struct(("b", np.int64)))) == [[2]]


def test_two_columns_of_one_name_are_refused_when_the_schema_wants_them(tmp_path: Path):
    source = ParquetSource(twice(tmp_path / "t.parquet"), schema=Struct(("a", np.int64)))

    with pytest.raises(tp.BuildValueError, match=r"'.*t\.parquet' has 2 columns 'a'"):
        batches_of(source)


@pytest.mark.parametrize("column", ["s:a", "s:b", "l:values"])
@pytest.mark.parametrize("schema", [None, Struct(("s", Struct(("a", np.int64))), ("l", List(np.int64)))])
def test_only_whole_columns_can_be_chosen(tmp_path: Path, column: str, schema: Struct | None):
    path = saved(tmp_path / "t.parquet", {"s": [{"a": 1}], "l": [[1]]})

    text = f"has '{column}' within the column '{column[0]}', and only whole columns can be chosen; name '{column[0]}'"
    with pytest.raises(tp.BuildValueError, match=text) as caught:
        ParquetReader(path, columns=[column], schema=schema)

    assert vars(caught.value) == {"column": column}


@pytest.mark.parametrize(
    "table", [{"n": [1]}, [1], None, Struct(("n", np.int64))], ids=lambda each: type(each).__name__
)
def test_what_is_no_table_is_refused(table: Any):
    with pytest.raises(tp.BuildTypeError, match=r"^table must be a pyarrow\.Table or RecordBatch, got "):
        arrow.from_table(table)


@pytest.mark.parametrize(
    "schema", [{"n": "int64"}, [1], 5, None, pa.table({"n": [1]})], ids=lambda each: str(type(each))
)
def test_what_is_no_arrow_schema_is_refused(schema: Any):
    with pytest.raises(tp.BuildTypeError, match=r"^schema must be a pyarrow\.Schema, got "):
        arrow.schema_from_arrow(schema)


def test_a_record_batch_is_a_table():
    record = arrow.from_table(pa.RecordBatch.from_pydict({"n": [1, 2]}))

    assert [column.tolist() for column in record.field_blobs()] == [[1, 2]]


def test_folders_globs_and_lists_are_read_in_the_order_of_names(tmp_path: Path):
    for place, name in enumerate(["b.parquet", "a.parquet", "in/c.parquet", "_hidden.parquet", "x.txt"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        saved(tmp_path / name, {"n": [place]})

    read = [
        columns_of(ParquetSource(path))
        for path in (tmp_path, str(tmp_path / "[ab].parquet"), [tmp_path / "b.parquet", tmp_path / "in"])
    ]

    assert read == [[[1, 0, 2]], [[1, 0]], [[0, 2]]]


def test_a_file_whose_name_looks_like_a_glob_is_found(tmp_path: Path):
    path = saved(tmp_path / "[ab].parquet", {"n": [1]})

    assert columns_of(ParquetSource(path)) == [[1]]


def test_urls_are_read_and_written_through_fsspec(tmp_path: Path):
    url = f"memory://{tmp_path.name}/out/t.parquet"
    sink = ParquetSink(url, Struct(("n", np.int64)))
    sink.open()
    sink.write([np.arange(3)])
    sink.commit()

    read = [columns_of(ParquetSource(path)) for path in (url, url.removesuffix("/t.parquet"), url.replace("t.", "*."))]

    assert read == [[[0, 1, 2]]] * 3


def test_a_file_url_is_a_path(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"n": [1]})

    assert columns_of(ParquetSource(f"file://{path}")) == [[1]]


def test_columns_take_the_types_of_a_schema_where_that_is_exact(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"a": pa.array([1], pa.int8()), "b": pa.array([1.5], pa.float32()), "c": [0]})

    source = ParquetSource(path, schema=Struct(("b", np.float64), ("a", np.int32)))

    [[b, a]] = [batch for part in source.parts() for batch in part()]
    assert [str(b.dtype), str(a.dtype), *b, *a] == ["float64", "int32", 1.5, 1]


def test_a_schema_is_believed_until_the_files_are_read(tmp_path: Path):
    path = tmp_path / "later.parquet"
    source = ParquetSource(path, schema=Struct(("n", np.int64)))
    saved(path, {"n": [1, 2]})

    assert columns_of(source) == [[1, 2]]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (Struct(("n", np.int32)), "has column 'n' of int64, and the schema wants int32"),
        (Struct(("n", str)), "has column 'n' of int64, and the schema wants <U0"),
        (Struct(("nn", np.int64)), "has no column 'nn'; did you mean 'n'?"),
    ],
)
def test_a_schema_that_a_file_does_not_have_is_refused_when_it_is_read(tmp_path: Path, schema: Struct, message: str):
    path = saved(tmp_path / "t.parquet", {"n": [1]})

    with pytest.raises(tp.BuildValueError, match=re.escape(f"{path!r} {message}")):
        columns_of(ParquetSource(path, schema=schema))


# Nulls


def test_missing_floats_are_nan(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"x": pa.array([1.5, None], pa.float32())})

    [[batch]] = [list(part()) for part in ParquetSource(path).parts()]

    assert batch[0].dtype == np.float32
    np.testing.assert_array_equal(batch[0], [1.5, np.nan])


def test_a_null_elsewhere_is_told_by_file_column_and_row(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"n": [*range(5), None, None]}, row_group_size=4)

    with pytest.raises(tp.BuildValueError) as caught:
        columns_of(ParquetSource(path, batch_size=1))

    advice = "pass fill_nulls={'n': 0} (or another value), or drop_nulls=True to leave such rows out"
    assert str(caught.value) == f"{path!r} has a null in column 'n', row 5 (from 0); {advice}"
    assert vars(caught.value) == {"path": path, "column": "n", "row": 5}


def test_nulls_are_filled(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"n": [1, None], "s": [None, "b"], "x": [None, 0.5]})

    source = ParquetSource(path, fill_nulls={"n": -1, "s": "none", "x": 0})

    assert columns_of(source) == [[1, -1], [b"none", b"b"], [0.0, 0.5]]
    assert source.skipped == 0


def test_rows_with_nulls_are_dropped_and_counted(tmp_path: Path):
    columns = {"n": [1, None, 3, 4], "x": [0.5, 0.5, None, 0.5], "other": [None] * 4}
    path = saved(tmp_path / "t.parquet", columns, row_group_size=3)

    source = ParquetSource(path, columns=["n", "x"], drop_nulls=True, batch_size=1)

    assert batches_of(source) == [[[1], [0.5]], [[4], [0.5]]]
    assert source.skipped == 2


# Bad input


@pytest.mark.parametrize("kept", [0, 3, 20, -9])
def test_a_truncated_file_is_refused_when_the_program_is_made(tmp_path: Path, kept: int):
    path = tmp_path / "t.parquet"
    saved(path, {"n": np.arange(100)})
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(tp.BuildValueError, match=r"'.*t\.parquet' is no Parquet file, or not a whole one: .*[^.]$"):
        ParquetReader(path)


def test_a_damaged_row_group_is_told_in_our_words(tmp_path: Path, session: Any):
    path = tmp_path / "t.parquet"
    saved(path, {"n": np.arange(100)})
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56
    path.write_bytes(content)
    with tp.TaskGroup() as group:
        pipe(ParquetReader(path), CallbackWriter(lambda record: None))

    with pytest.raises(tp.BuildValueError, match=r"'.*t\.parquet' is no Parquet file, or not a whole one"):
        session.run(group)


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"n": np.arange(10)}, row_group_size=5)
    first, second = ParquetSource(path).parts()
    list(first())
    saved(tmp_path / "t.parquet", {"n": np.arange(1000)}, row_group_size=5)

    with pytest.raises(tp.BuildValueError, match=r"t\.parquet' was changed while it was read"):
        list(second())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.parquet", "there is no such file or folder: '.*no.parquet'"),
        ("no*.parquet", r"no file has a name like that: '.*no\*.parquet'"),
        ("empty", "no file in this folder has a name that ends with .parquet or .parq or .pq: '.*empty'"),
        ("", "no file in this folder"),
        ("memory://nowhere/no.parquet", "there is no such file or folder: 'memory://nowhere/no.parquet'"),
    ],
)
def test_what_is_not_there_is_told_when_the_program_is_made(tmp_path: Path, name: str, message: str):
    (tmp_path / "empty").mkdir()
    path = name if "://" in name else str(tmp_path / name)

    with pytest.raises(FileNotFoundError, match=message):
        ParquetReader(path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"n": [1.5]}, "has column 'n' of float64, and it is of int64 in"),
        ({"m": [1]}, "has column 'm' of int64, and it is missing in"),
        ({"n": [1], "m": [1]}, "has column 'm' of int64, and it is missing in"),
    ],
)
def test_files_that_differ_in_their_columns_are_refused(tmp_path: Path, columns: dict[str, Any], message: str):
    paths = [saved(tmp_path / "1.parquet", {"n": [1]}), saved(tmp_path / "2.parquet", {"n": [2]})]
    odd = saved(tmp_path / "3.parquet", columns)

    with pytest.raises(tp.BuildValueError, match=re.escape(f"{odd!r} {message} {paths[0]!r}")):
        ParquetReader([*paths, odd])


def test_a_column_that_no_tensor_holds_is_refused_by_file_and_name(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"n": [1], "price": pa.array([decimal.Decimal("1.50")])})

    with pytest.raises(tp.BuildValueError, match=r"t\.parquet': column 'price' has .*'decimal128\(3, 2\)'.*columns="):
        ParquetReader(path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"columns": ["prize"]}, ValueError, "has no column 'prize'; did you mean 'price'?"),
        ({"columns": "price"}, TypeError, "columns must be a list of names, got 'price'"),
        ({"columns": []}, ValueError, "has no columns to read"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1 row, got 0"),
        ({"fill_nulls": {"prize": 0}}, ValueError, "fill_nulls names the column 'prize', which is not read"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
):
    path = saved(tmp_path / "t.parquet", {"price": [1.5]})

    with pytest.raises(error, match=re.escape(message)) as caught:
        ParquetReader(path, **options)

    assert isinstance(caught.value, tp.BuildError)


@pytest.mark.parametrize("path", [b"t.parquet", 3, None, [], ["t.parquet", 3], ""])
def test_what_is_no_path_is_refused(path: Any):
    with pytest.raises(tp.BuildError, match=r"expected a path|at least one path|path must name a file"):
        ParquetReader(path)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(tp.BuildValueError, match=r"'nowhere://t.parquet' cannot be opened: .*nowhere"):
        ParquetReader("nowhere://t.parquet")


def test_nested_records_are_written_and_read_and_cut_in_all_columns_alike(tmp_path: Path):
    carts = Struct(("user", np.int64), ("carts", List(List(np.float32))))
    columns = ([7, 8, 9], [2, 0, 2], [2, 1, 0, 1], [1.5, 2.0, 3.0, 4.0])
    rows = tuple([np.array(each, dtype.base) for each, dtype in zip(columns, carts.field_types(), strict=True)])
    read: list[list[Any]] = []
    with tp.TaskGroup() as write:
        pipe(tp.IterableReader([rows, rows], carts), ParquetWriter(tmp_path / "t.parquet"))
    with tp.LocalSession(tp.Workspace()) as session:
        session.run(write)
        reader = ParquetReader(tmp_path / "t.parquet", batch_size=4)
        with tp.TaskGroup() as group:
            pipe(reader, CallbackWriter(lambda record: read.append([column.tolist() for column in record.values()])))
        session.run(group)

    assert reader.schema() == carts
    assert read == [
        [[7, 8, 9, 7], [2, 0, 2, 2], [2, 1, 0, 1, 2, 1], [1.5, 2.0, 3.0, 4.0, 1.5, 2.0, 3.0]],
        [[8, 9], [0, 2], [0, 1], [4.0]],
    ]


@pytest.mark.parametrize(
    ("package", "make"),
    [
        ("pyarrow", lambda: ParquetSink("t.parquet", Struct(("n", np.int64)))),
        ("fsspec", lambda: ParquetSink("memory://t.parquet", Struct(("n", np.int64)))),
    ],
)
def test_a_missing_package_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, package: str, make: Callable[[], object]
):
    arrow.package.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(tp.BuildError, match=f"needs? the package {package}: pip install taskplan\\[arrow\\]"):
        make()


def test_a_reader_can_be_made_in_another_process(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"n": [1, 2]})

    make = pickle.loads(pickle.dumps(ParquetReader(path)._make_source))

    assert columns_of(make()) == [[1, 2]]


# Writing


def written(path: str | Path, schema: Struct, *batches: list[Any], **options: Any) -> None:
    sink = ParquetSink(path, schema, **options)
    sink.open()
    for batch in batches:
        sink.write(batch)
    sink.commit()


def test_what_was_written_is_read_again(tmp_path: Path):
    schema = Struct(
        ("n", np.int16),
        ("h", np.float16),
        ("s", str),
        ("v", Scalar((np.float32, (2, 2)))),
        ("in", Struct(("b", np.bool_))),
        ("l", List(Struct(("id", np.int64), ("name", str)))),
    )
    texts = np.array([b"a", "é".encode()], object)
    batch: list[Any] = [
        *(np.array([1, 2], np.int16), np.array([0.5, np.nan], np.float16), texts),
        *(np.arange(8, dtype=np.float32).reshape(2, 2, 2), np.array([True, False])),
        *(np.array([0, 2], np.int32), np.array([7, 8]), texts),
    ]

    written(tmp_path / "t.parquet", schema, batch, batch)

    source = ParquetSource(tmp_path / "t.parquet")
    [[again]] = [list(part()) for part in source.parts()]
    assert source.schema == schema
    for column, original in zip(again, batch, strict=True):
        np.testing.assert_array_equal(column, np.concatenate([original, original]))
        assert column.dtype == original.dtype


def test_row_groups_have_the_rows_that_were_asked_for(tmp_path: Path):
    batches = [[np.arange(start, start + 4)] for start in range(0, 20, 4)]

    written(tmp_path / "t.parquet", Struct(("n", np.int64)), *batches, row_group_rows=9)

    metadata = pq.ParquetFile(tmp_path / "t.parquet").metadata
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [9, 9, 2]
    assert columns_of(ParquetSource(tmp_path / "t.parquet")) == [list(range(20))]


@pytest.mark.parametrize("compression", ["snappy", "gzip", "brotli", "zstd", "lz4", "none"])
def test_files_are_compressed_as_asked_for(tmp_path: Path, compression: str):
    written(tmp_path / "t.parquet", Struct(("n", np.int64)), [np.arange(9)], compression=compression)

    stored = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(0).compression
    assert stored.lower().replace("uncompressed", "none") == compression
    assert columns_of(ParquetSource(tmp_path / "t.parquet")) == [list(range(9))]


def test_no_rows_make_a_file_with_the_columns(tmp_path: Path):
    schema = Struct(("n", np.int64), ("s", str), ("l", List(np.float32)))

    written(tmp_path / "t.parquet", schema)

    source = ParquetSource(tmp_path / "t.parquet")
    assert source.schema == schema
    assert batches_of(source) == []


def test_untyped_columns_have_the_types_of_the_first_batch(tmp_path: Path):
    schema = Struct(("n", None), ("s", None), ("v", np.float32))
    batch = [np.array([1], np.uint8), np.array([b"a"], object), np.ones((1, 3), np.float32)]

    written(tmp_path / "t.parquet", schema, batch)

    expected = Struct(("n", np.uint8), ("s", str), ("v", Scalar((np.float32, 3))))
    assert ParquetSource(tmp_path / "t.parquet").schema == expected


def test_untyped_columns_without_a_batch_have_no_type(tmp_path: Path):
    written(tmp_path / "t.parquet", Struct(("n", None)))

    assert pq.read_schema(tmp_path / "t.parquet").field("n").type == pa.null()


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path: Path):
    path = tmp_path / "t.parquet"
    saved(path, {"n": [1]})
    sink = ParquetSink(path, Struct(("n", np.int64)), row_group_rows=1)
    sink.open()
    sink.write([np.arange(5)])

    before = pq.read_table(path)["n"].to_pylist()
    sink.commit()

    assert (before, pq.read_table(path)["n"].to_pylist()) == ([1], [0, 1, 2, 3, 4])


@pytest.mark.parametrize("batches", [0, 3])
def test_an_aborted_file_leaves_nothing(tmp_path: Path, batches: int):
    sink = ParquetSink(tmp_path / "t.parquet", Struct(("n", np.int64)), row_group_rows=2)
    sink.open()
    for _ in range(batches):
        sink.write([np.arange(3)])

    sink.abort()

    del sink
    gc.collect()  # pyarrow would write the end of the file then, to a file that is closed
    assert list(tmp_path.iterdir()) == []


def test_an_aborted_object_leaves_nothing(tmp_path: Path):
    url = f"memory://{tmp_path.name}/t.parquet"
    sink = ParquetSink(url, Struct(("n", np.int64)))
    sink.open()
    sink.write([np.arange(3)])

    sink.abort()

    with pytest.raises(FileNotFoundError):
        ParquetSource(f"memory://{tmp_path.name}/*")


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


@pytest.mark.parametrize("room", [2, 100, 600])
def test_a_full_disk_ends_the_run_and_leaves_the_old_file(
    tmp_path: Path, session: Any, fill_disk: Callable[[int], None], room: int
):
    """At the magic bytes, in a row group, at the end of the file."""
    source = saved(tmp_path / "in.parquet", {"n": np.arange(50)})
    target = saved(tmp_path / "out.parquet", {"n": [1]})
    fill_disk(room)
    with tp.TaskGroup() as group:
        pipe(ParquetReader(source), ParquetWriter(target))

    with pytest.raises(OSError, match=r"cannot write: No space left on device: '.*out\.parquet'") as caught:
        session.run(group)

    assert caught.value.errno == errno.ENOSPC
    assert pq.read_table(target)["n"].to_pylist() == [1]
    assert no_leftovers(tmp_path)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (
            [np.array([1.5]), np.array([b""], object)],
            "field 'n' got an array of float64 of shape (1,), expected one of",
        ),
        ([np.array([1]), np.array([1])], "field 's' got an array of int64 of shape (1,), expected one of str"),
        ([np.ones((1, 2), int), np.array([b""], object)], "field 'n' got an array of int64 of shape (1, 2)"),
        ([np.array([1]), np.array([b"\xff"], object)], "field 's' cannot be stored as <U0"),
        ([np.array([1, 2]), np.array([b""], object)], "as many rows each, got {'n': 2, 's': 1}"),
        ([np.array([1])], "has the columns ['n', 's'], got a batch of 1"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(tmp_path: Path, batch: list[Any], message: str):
    sink = ParquetSink(tmp_path / "t.parquet", Struct(("n", np.int64), ("s", str)))
    sink.open()
    sink.write([np.array([1]), np.array([b"a"], object)])

    with pytest.raises(tp.BuildValueError, match=re.escape(message)):
        sink.write(batch)
    sink.abort()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"row_group_rows": 0}, "row_group_rows must be at least 1 row, got 0"),
        ({"compression": "snapy"}, "compression 'snapy' is not known, .*; did you mean 'snappy'?"),
        ({"schema": Struct(("n", np.uint64))}, "field 'n' has dtype uint64"),
    ],
)
def test_a_writer_refuses_what_does_not_fit(tmp_path: Path, options: dict[str, Any], message: str):
    with pytest.raises(tp.BuildValueError, match=message):
        ParquetWriter(tmp_path / "t.parquet", **options)


# Through tasks


def test_records_go_from_file_to_file(tmp_path: Path, session: Any):
    columns = {"n": np.arange(10), "s": [str(n) for n in range(10)], "x": np.linspace(0, 1, 10, dtype=np.float32)}
    source, target = saved(tmp_path / "in.parquet", columns), tmp_path / "out.parquet"
    with tp.TaskGroup() as group:
        pipe(ParquetReader(source, batch_size=4), ParquetWriter(target))

    session.run(group)

    assert pq.read_table(target).equals(pq.read_table(source))
    assert no_leftovers(tmp_path)


def test_a_program_reads_and_writes_anew_each_time_it_runs(tmp_path: Path, session: Any):
    source, target = saved(tmp_path / "in.parquet", {"n": [1]}), tmp_path / "out.parquet"
    with tp.TaskGroup() as group:
        pipe(ParquetReader(source), ParquetWriter(target))
    session.run(group)
    saved(tmp_path / "in.parquet", {"n": [2, 3]})

    session.run(group)

    assert pq.read_table(target)["n"].to_pylist() == [2, 3]


def test_an_empty_file_makes_an_empty_file_of_the_same_columns(tmp_path: Path, session: Any):
    source = saved(tmp_path / "in.parquet", {"n": pa.array([], pa.int16()), "s": pa.array([], pa.string())})
    target = tmp_path / "out.parquet"
    with tp.TaskGroup() as group:
        pipe(ParquetReader(source), ParquetWriter(target))

    session.run(group)

    assert pq.read_table(target).equals(pq.read_table(source))


def test_a_declared_schema_says_the_types_of_untyped_records(tmp_path: Path, session: Any):
    source = saved(tmp_path / "in.parquet", {"n": pa.array([], pa.int16())})
    target = tmp_path / "out.parquet"
    with tp.TaskGroup() as group:
        untyped = ParquetReader(source, schema=Struct(("n", None)))
        pipe(untyped, ParquetWriter(target, schema=Struct(("n", np.int32))))

    session.run(group)

    assert pq.read_schema(target).field("n").type == pa.int32()


def test_a_record_of_other_columns_than_the_declared_ones_is_refused(tmp_path: Path):
    source = saved(tmp_path / "in.parquet", {"n": [1]})

    with pytest.raises(tp.BuildError, match=r"has the columns \['m'\], and cannot get a record of \['n'\]"):
        with tp.fresh_names(), tp.TaskGroup():
            pipe(ParquetReader(source), ParquetWriter(tmp_path / "out.parquet", schema=Struct(("m", np.int64))))


@pytest.mark.parametrize("instances", [1, 4])
def test_several_instances_read_all_rows_once(tmp_path: Path, session: Any, instances: int):
    for number in range(3):
        saved(tmp_path / f"{number}.parquet", {"n": np.arange(100) + number * 100}, row_group_size=30)
    rows: list[int] = []
    with tp.TaskGroup() as group:
        write = CallbackWriter(lambda record: rows.extend(record["n"].tolist()))
        pipe(ParquetReader(tmp_path, batch_size=7), write, num_runtime_threads=instances)

    session.run(group)

    assert sorted(rows) == list(range(300))
    assert instances > 1 or rows == sorted(rows)


def test_rows_that_were_left_out_are_told_by_the_counts_of_the_reader(tmp_path: Path, session: Any):
    path = saved(tmp_path / "t.parquet", {"n": [1, None, 3]})
    reader = ParquetReader(path, drop_nulls=True)
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        pipe(reader, CallbackWriter(lambda record: None))
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as after, tp.Task():
        net = tp.Net("after")
        _, rows, skipped = reader.counts(net)
        tp.ops.net(net)
        outputs = [tp.final_output(rows), tp.final_output(skipped)]

    session.run(group)
    session.run(after)

    assert [output.fetch() for output in outputs] == [2, 1]


def test_several_threads_read_row_groups_of_one_source_at_once(tmp_path: Path):
    path = saved(tmp_path / "t.parquet", {"n": [*range(99), None] * 4}, row_group_size=50)
    source = ParquetSource(path, drop_nulls=True, batch_size=3)
    parts, rows = list(source.parts()), []

    def read(part: Callable[[], Iterator[Any]]) -> None:
        rows.extend([value for batch in part() for value in batch[0].tolist()])

    threads = [threading.Thread(target=read, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(rows) == sorted([*range(99)] * 4)
    assert source.skipped == 4
