"""The file format minidb, bit for bit; and seals, which entries of any database may have."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskplan.operators.storage.database_types import new_database
from taskplan.operators.storage.entries import BadDatabaseError
from taskplan.operators.storage.minidb import MinidbReader, MinidbWriter
from taskplan.operators.storage.seals import SealCheck, sealed

ENTRIES = [(b"a", b"one"), (b"long key", b"\0\n"), (b"a", b"again")]


def frame(key: bytes, value: bytes) -> bytes:
    return struct.pack("=i", len(key)) + struct.pack("=i", len(value)) + key + value


def whole(entries: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join([frame(*entry) for entry in entries])


def read(path: Path) -> list[tuple[bytes, bytes | None]]:
    reader = MinidbReader(str(path))
    try:
        return [reader.entry() or (b"", None) for _ in iter(lambda: reader.at_end, True)]
    finally:
        reader.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


def test_an_entry_is_two_lengths_in_native_order_then_key_then_value(path):
    """Item 93."""
    with new_database("minidb", str(path)) as database:
        for entry in ENTRIES:
            database.put(*entry)

    assert path.read_bytes() == whole(ENTRIES)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(min_size=1, max_size=30)), max_size=6))
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read_in_the_same_order(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("db") / "x.db"
    with new_database("minidb", str(path)) as database:
        for entry in entries:
            database.put(*entry)

    assert read(path) == entries


def test_a_value_that_is_not_wanted_is_passed_over(path):
    path.write_bytes(whole(ENTRIES))
    reader = MinidbReader(str(path))

    found = [reader.entry(lambda key: key == b"a") for _ in range(4)]

    assert found == [(b"a", b"one"), (b"long key", None), (b"a", b"again"), None]
    reader.close()


def test_skipping_says_how_many_entries_there_were(path):
    path.write_bytes(whole(ENTRIES))
    reader = MinidbReader(str(path))

    assert reader.skip(2) == 2
    assert reader.entry() == ENTRIES[2]
    assert reader.skip(5) == 0
    reader.rewind()
    assert reader.skip(5) == 3
    assert reader.at_end
    reader.close()


@pytest.mark.parametrize("cut", [3, 8, 11, 13, 25, len(whole(ENTRIES)) - 1])
def test_a_file_that_is_cut_within_an_entry_is_refused_by_name(path, cut):
    path.write_bytes(whole(ENTRIES)[:cut])

    with pytest.raises(BadDatabaseError, match=r"x\.db' is no minidb file, or not a whole one: entry \d, at byte \d"):
        read(path)


def test_damage_is_found_again_by_the_next_attempt(path):
    path.write_bytes(frame(b"a", b"one") + b"rest")
    reader = MinidbReader(str(path))
    assert reader.entry() == (b"a", b"one")

    for attempt in (reader.entry, lambda: reader.skip(1), reader.entry):
        with pytest.raises(BadDatabaseError, match="entry 1, at byte 12 of 16, is cut off after 4 bytes"):
            attempt()
    reader.close()


@pytest.mark.parametrize(
    ("key_size", "value_size"), [(0, 3), (3, 0), (-1, 3), (3, -1), (1 << 30, 3), (3, 1 << 30), (2**31 - 1, 2**31 - 1)]
)
def test_lengths_that_the_file_has_no_room_for_are_not_believed(path, key_size, value_size):
    """Item 103. Caffe2 made room for a value of 1 GiB in a file of 9 bytes."""
    path.write_bytes(struct.pack("=ii", key_size, value_size) + b"abcdef")
    began = time.perf_counter()

    with pytest.raises(BadDatabaseError, match=rf"claims a key of {key_size} and a value of {value_size} bytes"):
        read(path)
    assert time.perf_counter() - began < 0.5


def test_text_is_no_database(path):
    path.write_text("hello, I am a text and no database\n")

    with pytest.raises(BadDatabaseError, match="is no minidb file"):
        read(path)


def test_an_empty_file_is_a_database_without_entries(path):
    path.write_bytes(b"")

    assert read(path) == []


@pytest.mark.parametrize("entry", [(b"", b"value"), (b"key", b"")])
def test_what_could_not_be_read_back_is_not_written(path, entry):
    with pytest.raises(BadDatabaseError, match="cannot hold an entry whose key or value is empty"):
        with new_database("minidb", str(path)) as database:
            database.put(*entry)

    assert os.listdir(path.parent) == []


def test_a_file_that_is_not_finished_leaves_the_old_one_and_nothing_else(path):
    """Item 102."""
    path.write_bytes(b"old")

    with pytest.raises(ZeroDivisionError):
        with new_database("minidb", str(path)) as database:
            database.put(b"a", b"b" * 100_000)
            assert path.read_bytes() == b"old"
            raise ZeroDivisionError

    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["x.db"]


def test_a_folder_of_that_name_stays_and_nothing_is_left_beside_it(path):
    path.mkdir()

    with pytest.raises(OSError, match="directory"):
        with new_database("minidb", str(path)) as database:
            database.put(b"a", b"b")

    assert os.listdir(path.parent) == ["x.db"]


def test_a_link_still_points_to_the_file_that_is_replaced(path, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path.symlink_to(tmp_path / "elsewhere" / "real.db")

    with new_database("minidb", str(path)) as database:
        database.put(b"a", b"b")

    assert path.is_symlink()
    assert read(tmp_path / "elsewhere" / "real.db") == [(b"a", b"b")]


def test_whoever_reads_goes_on_reading_the_old_file(path):
    path.write_bytes(whole(ENTRIES))
    reader = MinidbReader(str(path))
    reader.entry()

    writer = MinidbWriter(str(path))
    writer.put(b"new", b"new")
    writer.publish()

    assert reader.entry() == ENTRIES[1]
    reader.close()
    assert read(path) == [(b"new", b"new")]


# --- seals -----------------------------------------------------------------------------------------------------------


def seal_all(entries: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(key, sealed(key, value, place, len(entries))) for place, (key, value) in enumerate(entries)]


def open_all(entries: list[tuple[bytes, bytes]]) -> list[bytes]:
    check = SealCheck()
    values = [check.opened(key, value) for key, value in entries]
    check.require_all()
    return values


def test_seals_come_off_again():
    assert open_all(seal_all(ENTRIES)) == [value for _, value in ENTRIES]
    assert open_all(ENTRIES) == [value for _, value in ENTRIES]


def test_a_flipped_bit_anywhere_in_an_entry_is_noticed():
    """Item 103."""
    key, value = seal_all(ENTRIES)[0]

    for place in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(BadDatabaseError):
            open_all([(key, bytes(flipped)), *seal_all(ENTRIES)[1:]])
    with pytest.raises(BadDatabaseError, match="b'b' is damaged"):
        open_all([(b"b", value)])


def test_entries_that_are_missing_repeated_or_of_another_database_are_noticed():
    """Item 103."""
    first, second, third = seal_all(ENTRIES)

    with pytest.raises(BadDatabaseError, match="only 2 of 3 entries are there"):
        open_all([first, second])
    with pytest.raises(BadDatabaseError, match="out of place: it is number 1 of 3"):
        open_all([first, second, first])
    with pytest.raises(BadDatabaseError, match="out of place"):
        open_all([first, seal_all(ENTRIES[:2])[1], third])
    with pytest.raises(BadDatabaseError, match="has no checksum, and others have one"):
        open_all([first, ENTRIES[1], third])
    with pytest.raises(BadDatabaseError, match="out of place"):
        open_all([ENTRIES[0], second, third])
