"""NumPy's files, read and written by tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.moving import ONE_COLUMN, BoomError, Numbers, group_of

import taskplan as tp
from taskplan.builder.containers import List, Struct
from taskplan.builder.fields import Scalar
from taskplan.data.files.numpy_files import NumpyReader, NumpyWriter
from taskplan.data.iterables import IterableReader
from taskplan.data.sources import SourceReader


@pytest.fixture(params=[tp.LocalSession, tp.SimulatedSession])
def session(request: pytest.FixtureRequest) -> Iterator[Any]:
    with tp.fresh_names(), request.param(tp.Workspace()) as opened:
        yield opened


def batches(session: Any, reader: NumpyReader) -> list[Any]:
    seen: list[Any] = []
    session.run(group_of(reader, lambda *columns: seen.append([each.tolist() for each in columns])))
    return seen


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_arrays_of_an_archive_are_its_columns(session, tmp_path: Path, save):
    save(tmp_path / "a.npz", day=np.arange(3, dtype=np.int32), price=np.ones((3, 2)), name=np.array(["a", "bc", "ä"]))

    reader = NumpyReader(tmp_path / "a.npz", 2)

    schema = reader.schema()
    assert schema == Struct(("day", np.int32), ("price", Scalar((np.float64, 2))), ("name", str))
    assert batches(session, reader) == [
        [[0, 1], [[1, 1], [1, 1]], [b"a", b"bc"]],
        [[2], [[1, 1]], ["ä".encode()]],
    ]


def test_the_fields_of_a_structured_array_are_its_columns(session, tmp_path: Path):
    array = np.zeros(3, [("n", ">i4"), ("v", np.float32, (2,)), ("s", "S3")])
    array["n"], array["s"] = [1, 2, 3], [b"a", b"b", b"c"]
    np.save(tmp_path / "a.npy", array)

    reader = NumpyReader(tmp_path / "a.npy", 3)

    assert reader.schema() == Struct(("n", np.int32), ("v", Scalar((np.float32, 2))), ("s", str))
    assert batches(session, reader) == [[[1, 2, 3], [[0, 0]] * 3, [b"a", b"b", b"c"]]]


def test_a_plain_array_is_the_column_value(session, tmp_path: Path):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(3, 2))

    reader = NumpyReader(tmp_path / "a.npy", 2)

    assert reader.schema() == Struct(("value", Scalar((np.float64, 2))))
    assert batches(session, reader) == [[[[0, 1], [2, 3]]], [[[4, 5]]]]


def test_columns_may_be_chosen(session, tmp_path: Path):
    np.savez(tmp_path / "a.npz", a=[1, 2], b=[3, 4], c=[5])

    reader = NumpyReader(tmp_path / "a.npz", 5, columns=["b", "a"])

    assert batches(session, reader) == [[[3, 4], [1, 2]]]


def test_an_array_without_rows_has_no_batches(session, tmp_path: Path):
    np.save(tmp_path / "a.npy", np.zeros(0))

    assert batches(session, NumpyReader(tmp_path / "a.npy", 5)) == []


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": [1, 2], "b": [1, 2, 3]}, r"column 'a' of '.*a.npz' has 2 rows and column 'b' has 3; all columns need"),
        ({"a": 5}, r"column 'a' of '.*a.npz' is a single value, expected an array of rows"),
        (
            {"a": np.array(["2020"], "M8[D]")},
            r"column 'a' of '.*a.npz' has elements of datetime64\[D\], which no tensor",
        ),
        ({"a": np.array([1, None])}, r"column 'a' of '.*a.npz' has elements of object, which no tensor has; convert"),
        ({}, r"no column of '.*a.npz' is to be read; it has \[\]"),
    ],
)
def test_a_file_that_is_no_table_is_refused_when_the_reader_is_made(tmp_path: Path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)

    with pytest.raises(tp.BuildValueError, match=message):
        NumpyReader(tmp_path / "a.npz", 5)


def test_a_column_that_there_is_not_is_refused(tmp_path: Path):
    np.savez(tmp_path / "a.npz", price=[1, 2])

    with pytest.raises(tp.BuildKeyError, match=r"has no column 'prize'; did you mean 'price'\?; it has \['price'\]"):
        NumpyReader(tmp_path / "a.npz", 5, columns=["prize"])


def test_a_file_of_something_else_is_refused(tmp_path: Path):
    (tmp_path / "a.npy").write_text("no array at all")

    with pytest.raises(tp.BuildValueError, match=r"'.*a.npy' is no file of NumPy's: the magic string is not correct"):
        NumpyReader(tmp_path / "a.npy", 5)


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize("kept", [-1, 200, 20, 4, 0], ids=["last byte", "values", "header", "magic", "all"])
def test_a_npy_file_that_is_cut_is_refused(tmp_path: Path, kept: int):
    np.save(tmp_path / "a.npy", np.arange(100))
    cut(tmp_path / "a.npy", kept)

    with pytest.raises(tp.BuildValueError, match=r"'.*a.npy' is damaged, or not whole: ") as caught:
        NumpyReader(tmp_path / "a.npy")

    assert vars(caught.value) == {"path": str(tmp_path / "a.npy")}


def test_a_npy_file_that_is_cut_later_is_an_error_that_names_it(session, tmp_path: Path):
    np.save(tmp_path / "a.npy", np.arange(100))
    reader = NumpyReader(tmp_path / "a.npy")
    cut(tmp_path / "a.npy", 200)

    with pytest.raises(tp.BuildValueError, match=r"'.*a.npy' is damaged, or not whole: mmap length is greater"):
        batches(session, reader)


@pytest.mark.parametrize("kept", [-1, 500, 50], ids=["last byte", "values", "header"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_npz_file_that_is_cut_is_refused(tmp_path: Path, save, kept: int):
    save(tmp_path / "a.npz", n=np.random.default_rng(1).integers(0, 1 << 60, 100))
    cut(tmp_path / "a.npz", kept)

    with pytest.raises(tp.BuildValueError, match=r"'.*a.npz' is damaged, or not whole: File is not a zip file"):
        NumpyReader(tmp_path / "a.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage_within_a_npz_file_is_an_error_that_names_it(session, tmp_path: Path, save):
    save(tmp_path / "a.npz", n=np.random.default_rng(1).integers(0, 1 << 60, 10_000))
    reader = NumpyReader(tmp_path / "a.npz")
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[40_000:40_008] = bytes(each ^ 255 for each in content[40_000:40_008])
    (tmp_path / "a.npz").write_bytes(content)

    with pytest.raises(tp.BuildValueError, match=r"'.*a.npz' is damaged, or not whole: .*(CRC|decompressing)"):
        batches(session, reader)


def test_a_small_npz_file_that_is_damaged_is_refused_when_the_reader_is_made(tmp_path: Path):
    np.savez(tmp_path / "a.npz", n=np.arange(9))
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content.replace(np.arange(9).tobytes(), np.arange(1, 10).tobytes()))

    with pytest.raises(tp.BuildValueError, match=r"'.*a.npz' is damaged, or not whole: Bad CRC-32 for file 'n.npy'"):
        NumpyReader(tmp_path / "a.npz")


def test_a_batch_has_10_000_rows_if_nothing_is_said(session, tmp_path: Path):
    np.save(tmp_path / "a.npy", np.zeros(10_001, np.int8))

    sizes = [len(column) for [column] in batches(session, NumpyReader(tmp_path / "a.npy"))]

    assert sizes == [10_000, 1]


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"missing.npz"):
        NumpyReader(tmp_path / "missing.npz", 5)


def test_a_file_whose_columns_have_changed_since_is_an_error(session, tmp_path: Path):
    np.savez(tmp_path / "a.npz", a=[1, 2], b=[1, 2])
    reader = NumpyReader(tmp_path / "a.npz", 5)
    np.savez(tmp_path / "a.npz", a=[1, 2], b=[1, 2, 3])

    with pytest.raises(tp.OperatorError, match=r"column 'a' of '.*a.npz' has 2 rows and column 'b' has 3"):
        batches(session, reader)


# --- writing ----------------------------------------------------------------------------------------------------------


def written(path: Path) -> dict[str, Any]:
    with np.load(path) as archive:
        return {name: archive[name].tolist() for name in archive}


def test_the_columns_of_all_batches_are_written(session, tmp_path: Path):
    schema = Struct(("file", np.int64), ("s", str), ("v", List(np.float32)))
    records = [([1, 2], ["a", "ä"], [1, 2], [1, 2, 3]), ([3], ["c"], [0], [])]

    session.run(group_of(IterableReader(records, schema), NumpyWriter(tmp_path / "out.npz")))

    assert written(tmp_path / "out.npz") == {
        "file": [1, 2, 3],
        "s": ["a", "ä", "c"],
        "v:lengths": [1, 2, 0],
        "v:values": [1, 2, 3],
    }


def test_what_was_written_can_be_read(session, tmp_path: Path):
    schema = Struct(("n", np.int64), ("s", str), ("v", Scalar((np.float32, 2))))
    record = ([1, 2], ["a", "ä"], [[1, 2], [3, 4]])
    session.run(group_of(IterableReader([record], schema), NumpyWriter(tmp_path / "out.npz")))

    reader = NumpyReader(tmp_path / "out.npz", 10)

    assert reader.schema() == schema
    assert batches(session, reader) == [[[1, 2], [b"a", "ä".encode()], [[1, 2], [3, 4]]]]


def test_without_records_the_columns_are_empty(session, tmp_path: Path):
    schema = Struct(("n", np.int64), ("s", str), ("v", Scalar((np.float32, 2))))

    session.run(group_of(IterableReader([], schema), NumpyWriter(tmp_path / "out.npz")))

    assert NumpyReader(tmp_path / "out.npz", 1).schema() == schema
    assert written(tmp_path / "out.npz") == {"n": [], "s": [], "v": []}


def test_after_a_failure_there_is_no_file_and_an_older_one_is_as_it_was(session, tmp_path: Path):
    np.savez(tmp_path / "old.npz", n=[7])
    for name in ("old", "new"):
        with pytest.raises(BoomError):
            reader = SourceReader(Numbers(fails_at=2), ONE_COLUMN)
            session.run(group_of(reader, NumpyWriter(tmp_path / f"{name}.npz")))

    assert [each.name for each in tmp_path.iterdir()] == ["old.npz"]
    assert written(tmp_path / "old.npz") == {"n": [7]}


def test_a_successful_run_replaces_an_older_file(session, tmp_path: Path):
    np.savez(tmp_path / "out.npz", old=[7])

    session.run(group_of(SourceReader(Numbers(), ONE_COLUMN), NumpyWriter(tmp_path / "out.npz")))

    assert [each.name for each in tmp_path.iterdir()] == ["out.npz"]
    assert written(tmp_path / "out.npz") == {"n": Numbers().all}


def test_a_string_that_ends_with_a_byte_0_is_refused(session, tmp_path: Path):
    reader = IterableReader([(["a\0"],)], Struct(("s", str)))

    with pytest.raises(tp.OperatorError, match=r"column 's' has 'a\\x00'; strings of NumPy's files cannot end with"):
        session.run(group_of(reader, NumpyWriter(tmp_path / "out.npz")))


def test_a_folder_that_is_missing_is_an_error_before_anything_is_read(session, tmp_path: Path):
    source = Numbers()

    with pytest.raises(FileNotFoundError):
        session.run(group_of(SourceReader(source, ONE_COLUMN), NumpyWriter(tmp_path / "missing" / "out.npz")))

    assert source.opened == []


def test_the_name_of_the_file_ends_in_npz():
    with pytest.raises(tp.BuildValueError, match=r"path must end in '.npz', got 'out.csv'"):
        NumpyWriter("out.csv")
