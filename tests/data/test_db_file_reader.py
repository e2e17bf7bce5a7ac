"""Records read from databases."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.reading import all_read, reading

import taskplan as tp
from taskplan.data.db_file_reader import DBFileReader
from taskplan.data.stored_columns import SCHEMA_BLOB, schema_text
from taskplan.errors import BuildValueError, DtypeError, OperatorError, ShapeError, WorkspaceError


@pytest.fixture
def session() -> Iterator[Any]:
    with tp.fresh_names(), tp.LocalSession(tp.Workspace()) as made:
        yield made


def saved(path: Path, db_type: str = "minidb", schema: str = "", **columns: Any) -> str:
    """A database of columns; `__` in a name stands for a colon."""
    workspace, net = tp.Workspace(), tp.Net("save")
    named = {name.replace("__", ":"): value for name, value in columns.items()}
    if schema:
        named[SCHEMA_BLOB] = [schema]
    for name, value in named.items():
        workspace.feed_blob(name, np.array(value))
    net.Save([*map(tp.BlobReference, named)], [], db=str(path), db_type=db_type, absolute_path=True)
    workspace.run(net)
    return str(path)


def rows_of(seen: list[Any]) -> list[Any]:
    return sorted(row for batch in seen for row in zip(*batch, strict=True))


LISTS: dict[str, Any] = {
    "user": [7, 8, 9],
    "carts__values": [1.5, 2.5, 3.5],
    "carts__lengths": np.array([2, 0, 1], np.int32),
}


@pytest.mark.parametrize("db_type", ["minidb", "lmdb"])
def test_columns_come_in_alphabetical_order_named_as_stored(session: Any, tmp_path: Path, db_type: str) -> None:
    """Item 101."""
    path = saved(tmp_path / "x.db", db_type, b=[1, 2], c=[3, 4], a=[5, 6])
    reader = DBFileReader(path, db_type)

    assert reader.schema().field_names() == ["a", "b", "c"]
    assert rows_of(all_read(reader, session)) == [(5, 1, 3), (6, 2, 4)]


def test_lists_stay_with_their_records(session: Any, tmp_path: Path) -> None:
    reader = DBFileReader(saved(tmp_path / "x.db", **LISTS), "minidb", batch_size=1)

    seen = all_read(reader, session)

    assert reader.schema().field_names() == ["carts:lengths", "carts:values", "user"]
    assert sorted(seen, key=lambda record: record[2]) == [[[2], [1.5, 2.5], [7]], [[0], [], [8]], [[1], [3.5], [9]]]


def test_some_columns_may_be_named_and_only_they_are_loaded(session: Any, tmp_path: Path) -> None:
    reader = DBFileReader(saved(tmp_path / "x.db", b=[1, 2], a=[5, 6]), "minidb", field_names=["b"])

    assert rows_of(all_read(reader, session)) == [(1,), (2,)]


def test_a_column_that_is_not_there_fails_the_run(session: Any, tmp_path: Path) -> None:
    reader = DBFileReader(saved(tmp_path / "x.db", b=[1, 2]), "minidb", field_names=["bb"])

    with pytest.raises(
        OperatorError, match=r"Expected to load 1 blobs, got 0 only: .*, and 'bb' not; did you mean 'b'"
    ):
        all_read(reader, session)


def test_columns_of_different_lengths_fail_the_run(session: Any, tmp_path: Path) -> None:
    """Caffe2 reads as many records as the shortest column has, and says nothing of the rest."""
    reader = DBFileReader(saved(tmp_path / "x.db", a=[1, 2, 3], b=[1, 2]), "minidb")

    with pytest.raises(ShapeError, match="field 'b' has 2 entries and does not fit 'a', which has 3"):
        all_read(reader, session)


def test_lists_that_are_read_without_their_lengths_fail_the_run(session: Any, tmp_path: Path) -> None:
    path = saved(tmp_path / "x.db", **LISTS | {"carts__values": [1.5, 2.5], "carts__lengths": np.array([2, 0, 0], "i")})
    reader = DBFileReader(path, "minidb", field_names=["user", "carts:values"])

    with pytest.raises(ShapeError, match="field 'carts:values' has 2 entries and does not fit 'user', which has 3"):
        all_read(reader, session)


def test_a_file_that_came_to_hold_another_type_since_it_was_looked_up_fails_the_run(
    session: Any, tmp_path: Path
) -> None:
    schema = schema_text(tp.Struct(("n", np.int64)))
    path = saved(tmp_path / "x.db", n=[1, 2], schema=schema)
    reader = DBFileReader(path, "minidb")
    saved(tmp_path / "x.db", n=[1.5, 2.5])

    with pytest.raises(DtypeError, match="field 'n' has dtype float64, expected int64"):
        all_read(reader, session)


def test_named_columns_are_not_looked_up(tmp_path: Path) -> None:
    reader = DBFileReader(tmp_path / "none.db", "minidb", field_names=["a", "b"])

    assert reader.schema().field_names() == ["a", "b"]


def test_looking_columns_up_does_not_load_them(tmp_path: Path) -> None:
    """Caffe2 loads the whole file, and leaves it in the current workspace."""
    path = saved(tmp_path / "x.db", a=np.zeros(1_000_000))
    with tp.WorkspaceGuard(tp.Workspace()):
        tracemalloc.start()
        DBFileReader(path, "minidb")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert tp.Blobs() == []
    assert peak < 1_000_000


@pytest.mark.parametrize("kind", [tp.WorkspaceType.GLOBAL, tp.WorkspaceType.PRIVATE])
def test_one_reader_serves_several_tasks_and_groups(session: Any, tmp_path: Path, kind: str) -> None:
    reader = DBFileReader(saved(tmp_path / "x.db", n=[*range(30)]), "minidb", batch_size=7)
    seen: list[list[Any]] = [[], [], []]
    for names in (["first", "second"], ["third"]):
        with tp.TaskGroup(kind) as group:
            for name in names:
                reading(reader, seen[["first", "second", "third"].index(name)], name=name)
        session.run(group)

    assert [rows_of(each) for each in seen] == [[(n,) for n in range(30)]] * 3


def test_two_files_in_one_workspace_do_not_affect_each_other(session: Any, tmp_path: Path) -> None:
    """Item 77. Caffe2 delivers 3 of 40 rows of one, or 40 of the other that has 3."""
    readers = [
        DBFileReader(saved(tmp_path / f"{count}.db", n=[*range(count)]), "minidb", name="same") for count in (40, 3)
    ]
    long: list[Any] = []
    short: list[Any] = []
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        reading(readers[0], long, name="long")
        reading(readers[1], short, name="short")

    session.run(group)

    assert (len(rows_of(long)), len(rows_of(short))) == (40, 3)


def orders(session: Any, path: str, seed: int | None) -> list[Any]:
    reader = DBFileReader(path, "minidb", batch_size=20, seed=seed)
    return [all_read(reader, session) for _ in range(3)]


def test_each_run_has_another_order_unless_there_is_a_seed(session: Any, tmp_path: Path) -> None:
    """Item 74."""
    path = saved(tmp_path / "x.db", n=[*range(20)])

    first, second, third = orders(session, path, None)
    seeded = orders(session, path, 3)

    assert first != second != third != first
    assert seeded[0] == seeded[1] == seeded[2]


def test_looping_over_never_ends(session: Any, tmp_path: Path) -> None:
    reader = DBFileReader(saved(tmp_path / "x.db", n=[1, 2, 3]), "minidb", batch_size=2, loop_over=True)
    init, net = tp.Net("init"), tp.Net("read")
    reader.setup_ex(init, init)
    stop, record = reader.read_record(net)
    session.run(init)
    session.workspace().create_net(net)

    got = []
    for _ in range(4):
        session.workspace().run_net(net.Name())
        got.append(session.workspace().fetch_blob(str(record.n())).tolist())
        assert not session.workspace().fetch_blob(str(stop))

    assert got[:2] == got[2:]
    assert sorted(got[0] + got[1]) == [1, 2, 3]


def test_a_reset_begins_the_order_again(session: Any, tmp_path: Path) -> None:
    reader = DBFileReader(saved(tmp_path / "x.db", n=[1, 2, 3]), "minidb", batch_size=3)
    init, net = tp.Net("init"), tp.Net("read")
    reader.setup_ex(init, init)
    _, record = reader.read_record(net)
    reader.reset(net)
    session.run(init)

    got = []
    for _ in range(2):
        session.run(net)
        got.append(session.workspace().fetch_blob(str(record.n())).tolist())

    assert got[0] == got[1]


def test_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    saved(tmp_path / "my.sales.db", n=[1])

    reader = DBFileReader("~/my.sales.db", "minidb")

    assert (reader.db_path, reader.name) == (f"{tmp_path}/my.sales.db", "my.sales_db_file_reader")
    assert DBFileReader(reader.db_path, "minidb", name="mine").name == "mine"


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildValueError, match="db_path must name a database, got None"):
        DBFileReader(None, "minidb")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="db_type must be 'minidb' or 'lmdb', got 'leveldb'"):
        DBFileReader("x.db", "leveldb")
    with pytest.raises(RuntimeError, match=r"cannot read '.*none\.db': No such file"):
        DBFileReader(tmp_path / "none.db", "minidb")
    (tmp_path / "text.db").write_text("this is no database")
    with pytest.raises(WorkspaceError, match="is no minidb file"):
        DBFileReader(tmp_path / "text.db", "minidb")


def test_a_reader_that_is_not_set_up_says_so() -> None:
    reader = DBFileReader("x.db", "minidb", field_names=["a"])

    with pytest.raises(AssertionError, match="setup not called"):
        reader.read(tp.Net("read"))
