"""Records kept in a file: when it is built, when it is used, and when it is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.reading import all_read
from tests.data.test_db_file_reader import rows_of, saved

import taskplan as tp
from taskplan.builder.dataio import Fields, Reader
from taskplan.builder.schema import Field, List, Scalar, Struct
from taskplan.data.cached_reader import CachedReader
from taskplan.data.dataset import Dataset
from taskplan.data.db_file_reader import DBFileReader
from taskplan.data.pipeline import pipe
from taskplan.errors import BuildValueError, OperatorError
from taskplan.operators.storage.database_types import new_database, open_database


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    with tp.fresh_names(), tp.WorkspaceGuard(tp.Workspace()):
        yield


@pytest.fixture
def session() -> Iterator[Any]:
    with tp.LocalSession(tp.Workspace.current) as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


def source(*values: int, column: str = "n", dtype: Any = np.int64) -> Reader:
    blob = f"source/{column}"
    tp.FeedBlob(blob, np.array(values, dtype))
    fields = Struct((column, Scalar(dtype, blob=tp.BlobReference(blob))))
    return Dataset(fields, name="source").reader(batch_size=3)


class Broken(Reader):
    """Gives some records, and fails."""

    def __init__(self, schema: Field) -> None:
        super().__init__(schema)

    def read(self, read_net: tp.Net) -> tuple[tp.BlobReference, Fields]:
        read_net.ThrowException([], [], message="the line is cut")
        return read_net.Const(False), [read_net.Const([1])]


def built(session: Any, reader: CachedReader, **options: Any) -> CachedReader:
    session.run(reader.build_cache_step(**options))
    return reader


def cut(path: Path, entries: int) -> None:
    """Keep so many entries of a database, as a build that was interrupted would."""
    reader = open_database("minidb", str(path))
    found = [entry for entry, _ in zip(iter(reader.entry, None), range(entries), strict=False)]
    reader.close()
    with new_database("minidb", str(path)) as database:
        for key, value in found:
            database.put(key, value or b"")


@pytest.mark.parametrize("db_type", ["minidb", "lmdb"])
def test_the_step_copies_all_records_and_readers_then_use_the_file_only(session: Any, path: Path, db_type: str) -> None:
    """Item 100."""
    reader = built(session, CachedReader(source(*range(50)), path, db_type, batch_size=7))
    tp.FeedBlob("source/n", np.array([99]))

    seen = all_read(reader, session)

    assert rows_of(seen) == [(n,) for n in range(50)]
    assert reader.schema() == Struct(("n", np.int64))
    assert reader.name == "cache_cached_reader"


def test_lists_and_strings_stay_with_their_records(session: Any, path: Path) -> None:
    columns = {"name": ["é", "b"], "tags:lengths": np.array([2, 1], np.int32), "tags:values": [1.0, 2.0, 3.0]}
    for name, values in columns.items():
        tp.FeedBlob(name, np.array(values, object) if name == "name" else np.array(values))
    blob = tp.BlobReference
    tags = List(Scalar(np.float64, blob=blob("tags:values")), lengths_blob=blob("tags:lengths"))
    fields = Struct(("name", Scalar(str, blob=blob("name"))), ("tags", tags))

    reader = built(session, CachedReader(Dataset(fields).reader(), path, "minidb", batch_size=1))

    assert sorted(all_read(reader, session)) == [[[b"b"], [1], [3]], [["é".encode()], [2], [1, 2]]]


def test_the_step_is_empty_if_the_cache_is_there(session: Any, path: Path) -> None:
    """Item 100."""
    built(session, CachedReader(source(1, 2), path, "minidb"))

    step = CachedReader(source(3), path, "minidb").build_cache_step()

    assert step.Name() == "build_step"
    assert [*step.Nets(), *step.Substeps()] == []


def test_overwriting_builds_it_again(session: Any, path: Path) -> None:
    """Item 100."""
    built(session, CachedReader(source(1, 2), path, "minidb"))

    reader = CachedReader(source(3, 4), path, "minidb")
    assert reader.build_cache_step(overwrite=True).Name() == "build_cache"
    built(session, reader, overwrite=True)

    assert rows_of(all_read(reader, session)) == [(3,), (4,)]


def test_nothing_is_left_in_memory_of_what_was_copied(session: Any, path: Path) -> None:
    built(session, CachedReader(source(*range(50)), path, "minidb"))

    assert [name for name in tp.Blobs() if np.size(tp.FetchBlob(name)) == 50] == ["source/n"]


def test_a_build_that_fails_leaves_no_file(session: Any, path: Path) -> None:
    """Item 108."""
    reader = CachedReader(Broken(Struct(("n", np.int64))), path, "minidb")

    with pytest.raises(OperatorError, match="the line is cut"):
        built(session, reader)

    assert os.listdir(path.parent) == []
    assert reader.build_cache_step().Name() == "build_cache"


def test_a_build_that_fails_leaves_the_old_file(session: Any, path: Path) -> None:
    """Item 108."""
    built(session, CachedReader(source(1, 2), path, "minidb"))
    before = path.read_bytes()

    with pytest.raises(OperatorError, match="the line is cut"):
        built(session, CachedReader(Broken(Struct(("n", np.int64))), path, "minidb"), overwrite=True)

    assert path.read_bytes() == before


def test_a_cache_that_was_cut_between_entries_is_built_again(session: Any, path: Path) -> None:
    """Item 108."""
    reader = built(session, CachedReader(source(1, 2), path, "minidb"))
    cut(path, 1)
    with pytest.raises(OperatorError, match=r"only 0 of 1 blobs are in '.*cache\.db', and 'n' not"):
        all_read(reader, session)

    assert rows_of(all_read(built(session, reader), session)) == [(1,), (2,)]


def test_a_cache_that_was_cut_within_an_entry_is_built_again(session: Any, path: Path) -> None:
    """Item 108."""
    reader = built(session, CachedReader(source(1, 2), path, "minidb"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OperatorError, match=r"cache\.db' is no minidb file, or not a whole one"):
        all_read(reader, session)

    assert rows_of(all_read(built(session, reader), session)) == [(1,), (2,)]


def test_a_damaged_cache_fails_the_run_that_reads_it(session: Any, path: Path) -> None:
    reader = built(session, CachedReader(source(1, 2), path, "minidb"))
    content = path.read_bytes()
    place = content.index(b"n#%0", content.index(b"\n")) + 30
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])

    with pytest.raises(OperatorError):
        all_read(reader, session)


@pytest.mark.parametrize(("column", "dtype"), [("n", np.float32), ("m", np.int64)])
def test_a_cache_of_another_schema_is_not_used(session: Any, path: Path, column: str, dtype: Any) -> None:
    """Item 108."""
    built(session, CachedReader(source(1, 2, column=column, dtype=dtype), path, "minidb"))
    reader = CachedReader(source(3), path, "minidb")
    with pytest.raises(OperatorError, match=r"cache\.db' is no cache of fields \(n: int64\); run build_cache_step\(\)"):
        all_read(reader, session)

    assert rows_of(all_read(built(session, reader), session)) == [(3,)]


def test_a_file_that_is_no_cache_is_neither_used_nor_replaced(session: Any, path: Path) -> None:
    """Item 108."""
    saved(path, n=[1, 2])
    before = path.read_bytes()
    reader = CachedReader(source(3), path, "minidb")

    with pytest.raises(BuildValueError, match=r"cache\.db' is no cache; give another db_path, or overwrite=True"):
        reader.build_cache_step()
    with pytest.raises(OperatorError, match=r"cache\.db' is no cache of fields"):
        all_read(reader, session)
    assert path.read_bytes() == before

    assert rows_of(all_read(built(session, reader, overwrite=True), session)) == [(3,)]


def test_a_file_that_is_no_database_is_neither_used_nor_replaced(session: Any, path: Path) -> None:
    """Item 108."""
    path.write_text("something else")

    with pytest.raises(BuildValueError, match=r"is no cache \(.*is no minidb file.*\); give another db_path"):
        CachedReader(source(3), path, "minidb").build_cache_step()

    assert path.read_text() == "something else"


def test_an_empty_file_is_replaced(session: Any, path: Path) -> None:
    """Item 108. A build of Caffe2's that fails leaves one."""
    path.touch()

    reader = built(session, CachedReader(source(3), path, "minidb"))

    assert rows_of(all_read(reader, session)) == [(3,)]


def test_a_cache_that_was_never_built_fails_the_run(session: Any, path: Path) -> None:
    with pytest.raises(OperatorError, match=r"cannot read '.*cache\.db': No such file"):
        all_read(CachedReader(source(3), path, "minidb"), session)


def test_whoever_loads_all_columns_of_a_cache_finds_them_with_their_types(session: Any, path: Path) -> None:
    built(session, CachedReader(source(1, 2), path, "minidb"))

    reader = DBFileReader(path, "minidb")

    assert reader.schema() == Struct(("n", np.int64))
    assert rows_of(all_read(reader, session)) == [(1,), (2,)]


def test_a_cache_is_read_by_several_threads_of_a_pipe(session: Any, path: Path) -> None:
    reader = built(session, CachedReader(source(*range(50)), path, "minidb", batch_size=2))
    target, init = Dataset(Struct(("n", np.int64))), tp.Net("init")
    target.init_empty(init)
    session.run(init)
    with tp.TaskGroup() as group:
        pipe(pipe(reader, num_runtime_threads=3), target)

    session.run(group)

    assert sorted(tp.FetchBlob((target.get_blobs() or [""])[0]).tolist()) == [*range(50)]


def test_wrong_arguments_are_refused() -> None:
    reader = source(1)

    with pytest.raises(AssertionError, match="original_reader must be a reader, got None"):
        CachedReader(None, "x.db", "minidb")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="db_type must be 'minidb' or 'lmdb', got 'LevelDB'"):
        CachedReader(reader, "x.db", "LevelDB")
