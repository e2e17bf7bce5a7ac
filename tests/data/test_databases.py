"""Databases by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskplan as tp

TYPES = ["minidb", "lmdb"]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "rows.db")


def written(db_type, path, mode, *entries):
    with tp.create_db(db_type, path, mode) as db:
        transaction = db.new_transaction()
        for key, value in entries:
            transaction.put(key, value)
        transaction.commit()


def entries_of(db_type, path):
    with tp.create_db(db_type, path, "read") as db:
        return list(db.new_cursor())


@pytest.mark.parametrize("db_type", TYPES)
def test_what_is_written_is_read(db_type, path):
    written(db_type, path, "new", (b"a", b"1"), ("b", "2"))

    assert entries_of(db_type, path) == [(b"a", b"1"), (b"b", b"2")]


@pytest.mark.parametrize("db_type", TYPES)
def test_writing_adds_and_a_new_database_takes_the_place_of_the_old_one(db_type, path):
    written(db_type, path, "new", (b"a", b"1"))
    written(db_type, path, "write", (b"b", b"2"))
    both = entries_of(db_type, path)
    written(db_type, path, "new", (b"c", b"3"))

    assert both == [(b"a", b"1"), (b"b", b"2")]
    assert entries_of(db_type, path) == [(b"c", b"3")]


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(min_size=1, max_size=40)), max_size=8))
def test_minidb_keeps_the_order_and_repeated_keys(tmp_path_factory, entries):
    path = str(tmp_path_factory.mktemp("db") / "rows.db")

    written("minidb", path, "new", *entries)

    assert entries_of("minidb", path) == entries


def test_an_unknown_type_is_none(path):
    assert tp.create_db("leveldb", path, "new") is None


@pytest.mark.parametrize("mode", ["append", ""])
def test_other_modes_are_refused(mode, path):
    with pytest.raises(ValueError, match="mode"):
        tp.create_db("minidb", path, mode)


def test_reading_needs_a_database(path):
    with pytest.raises(RuntimeError, match=r"cannot read .*rows\.db"):
        tp.create_db("minidb", path, "read")


def test_cursors_are_for_reading_and_transactions_for_writing(path):
    with tp.create_db("minidb", path, "new") as db, pytest.raises(RuntimeError, match="'read'"):
        db.new_cursor()
    written("minidb", path, "new", (b"a", b"1"))
    with tp.create_db("minidb", path, "read") as db, pytest.raises(RuntimeError, match="'write'"):
        db.new_transaction()


def test_several_cursors_are_open_at_once_and_go_their_own_ways(path):
    """W-F7: the second one blocked for ever."""
    written("minidb", path, "new", (b"a", b"1"), (b"b", b"2"))
    with tp.create_db("minidb", path, "read") as db:
        first, second = db.new_cursor(), db.new_cursor()
        first.next()

        assert (first.key(), second.key()) == (b"b", b"a")
        first.next()
        first.next()
        assert not first.valid()
        with pytest.raises(RuntimeError, match="at the end"):
            first.key()
        first.seek_to_first()
        assert first.value() == b"1"
        assert not first.supports_seek()


def test_a_second_transaction_waits_for_nobody_and_is_refused(path):
    """W-F7: it blocked for ever."""
    with tp.create_db("minidb", path, "new") as db:
        transaction = db.new_transaction()
        with pytest.raises(RuntimeError, match="open transaction"):
            db.new_transaction()
        transaction.put(b"a", b"1")

    assert entries_of("minidb", path) == [(b"a", b"1")]


def test_a_transaction_takes_nothing_after_its_commit(path):
    """W-F7: it took the process down."""
    over = r"the transaction of '.*rows\.db' is over: it has been committed; begin another by new_transaction\(\)"
    with tp.create_db("minidb", path, "new") as db:
        transaction = db.new_transaction()
        transaction.commit()

        with pytest.raises(RuntimeError, match=over):
            transaction.put(b"a", b"1")
        with pytest.raises(RuntimeError, match=over):
            transaction.commit()


@pytest.mark.parametrize("db_type", TYPES)
def test_a_transaction_is_over_when_its_commit_fails_and_is_not_tried_again(db_type, path, tmp_path):
    db = tp.create_db(db_type, f"{tmp_path}/missing/rows.db", "new")
    transaction = db.new_transaction()
    transaction.put(b"a", b"1")
    with pytest.raises(RuntimeError, match=r"cannot write .*: No such file"):
        transaction.commit()

    with pytest.raises(RuntimeError, match="is over: its commit failed, and nothing of it was written; begin another"):
        transaction.put(b"b", b"2")
    with pytest.raises(RuntimeError, match="is over: its commit failed"):
        transaction.commit()
    db.close()
    del transaction


def test_another_transaction_may_follow_one_that_failed(path, tmp_path):
    folder = tmp_path / "later"
    with tp.create_db("minidb", str(folder / "rows.db"), "new") as db:
        failed = db.new_transaction()
        failed.put(b"a", b"1")
        with pytest.raises(RuntimeError):
            failed.commit()
        folder.mkdir()

        db.new_transaction().put(b"b", b"2")

    assert entries_of("minidb", str(folder / "rows.db")) == [(b"b", b"2")]


def test_lmdb_has_each_key_once_with_the_value_that_was_put_last(path):
    written("lmdb", path, "new", (b"b", b"1"), (b"a", b"2"), (b"b", b"3"))
    once = entries_of("lmdb", path)

    written("lmdb", path, "write", (b"a", b"4"))

    assert once == [(b"a", b"2"), (b"b", b"3")]
    assert entries_of("lmdb", path) == [(b"a", b"4"), (b"b", b"3")]


def test_a_transaction_that_goes_is_committed(path):
    db = tp.create_db("minidb", path, "new")
    transaction = db.new_transaction()
    transaction.put(b"a", b"1")
    del transaction

    assert entries_of("minidb", path) == [(b"a", b"1")]


@pytest.mark.parametrize("entry", [(b"", b"1"), (b"a", b"")], ids=["key", "value"])
def test_empty_keys_and_values_are_refused_and_the_old_database_stays(entry, path):
    written("minidb", path, "new", (b"old", b"1"))

    with pytest.raises(RuntimeError, match="needs a key and a value"):
        written("minidb", path, "write", entry)

    assert entries_of("minidb", path) == [(b"old", b"1")]


def test_a_closed_database_gives_nothing(path):
    db = tp.create_db("minidb", path, "new")
    db.close()

    with pytest.raises(AssertionError, match="closed"):
        db.new_transaction()


def test_blobs_that_were_saved_are_entries(path):
    ws = tp.Workspace()
    ws.feed_blob("x", [1.0, 2.0])
    ws.run(tp.CreateOperator("Save", ["x"], [], db=path, db_type="minidb", absolute_path=1))

    assert [key for key, _ in entries_of("minidb", path)] == [b"x#%0"]
