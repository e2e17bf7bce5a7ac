"""Database readers: over files, over queues, and batches of tensors from them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.operators.fake_run import Bench, WouldWaitError, f32, i32

from taskplan import LocalSession, Net, Node, Task, TaskGroup, Workspace, ops
from taskplan.errors import (
    ArgumentError,
    DtypeError,
    OperatorError,
    QueueClosedError,
    ReportedError,
    ShapeError,
)
from taskplan.operators.operands import string_tensor
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.operators.run import ByteString
from taskplan.operators.storage.database_readers import DatabaseReader
from taskplan.operators.storage.database_types import new_database, open_database
from taskplan.plan.stored_blobs import pack_tensors

TYPES = ["minidb", "lmdb"]


def write(path: Path | str, entries: Sequence[tuple[bytes, bytes]], db_type: str = "minidb") -> str:
    with new_database(db_type, str(path)) as database:
        for key, value in entries:
            database.put(key, value)
    return str(path)


def numbered(count: int) -> list[tuple[bytes, bytes]]:
    """Entries with a vector, a number and a string."""
    return [
        (f"{k:03}".encode(), pack_tensors([f32([k, k / 2]), np.array(k, np.int32), string_tensor([b"t%d" % k], [])]))
        for k in range(count)
    ]


def reader_of(path: Path, count: int, **shards: int) -> Bench:
    bench = Bench()
    bench.run("CreateDB", [], ["r"], db=write(path / "x.db", numbered(count)), db_type="minidb", **shards)
    return bench


def numbers(bench: Bench, batch_size: int = 0) -> list[int]:
    """The numbers of the next entries."""
    _, found, _ = bench.run("TensorProtosDBInput", ["r"], ["v", "n", "s"], batch_size=batch_size)
    return list(np.ravel(found))


# --- reading entries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("db_type", TYPES)
def test_a_reader_gives_the_entries_one_by_one_and_begins_again(tmp_path, db_type):
    bench = Bench()
    bench.run("CreateDB", [], ["r"], db=write(tmp_path / "x", numbered(3), db_type), db_type=db_type)

    assert [numbers(bench) for _ in range(5)] == [[0], [1], [2], [0], [1]]


def test_tensors_of_one_entry_come_as_they_are(tmp_path):
    bench = reader_of(tmp_path, 1)

    vector, number, text = bench.run("TensorProtosDBInput", ["r"], ["v", "n", "s"])

    assert vector.dtype == np.float32
    assert vector.tolist() == [0, 0]
    assert isinstance(number, np.int32)
    assert (text.shape, text[()]) == ((), b"t0")


def test_a_batch_is_stacked_along_a_new_first_axis_and_runs_over_the_end(tmp_path):
    bench = reader_of(tmp_path, 3)

    vectors, found, texts = bench.run("TensorProtosDBInput", ["r"], ["v", "n", "s"], batch_size=4, no_prefetch=True)

    assert vectors.tolist() == [[0, 0], [1, 0.5], [2, 1], [0, 0]]
    assert (found.dtype, found.tolist()) == (np.int32, [0, 1, 2, 0])
    assert texts.tolist() == [b"t0", b"t1", b"t2", b"t0"]
    assert numbers(bench) == [1]


def test_a_batch_of_one_has_the_new_axis_too(tmp_path):
    bench = reader_of(tmp_path, 2)

    vectors, found, _ = bench.run("TensorProtosDBInput", ["r"], ["v", "n", "s"], batch_size=1)

    assert (vectors.shape, found.shape) == ((1, 2), (1,))


def test_shards_share_the_entries_out_and_each_begins_again_at_its_own(tmp_path):
    shards = [reader_of(tmp_path, 5, num_shards=2, shard_id=k) for k in range(2)]

    assert [numbers(shards[0]) for _ in range(4)] == [[0], [2], [4], [0]]
    assert [numbers(shards[1]) for _ in range(4)] == [[1], [3], [1], [3]]


def test_a_shard_without_entries_is_refused(tmp_path):
    with pytest.raises(OperatorError, match=r"^CreateDB: .*x\.db' has only 2 entries, none of which is for shard_id=2"):
        reader_of(tmp_path, 2, num_shards=3, shard_id=2)


def test_an_empty_database_has_nothing_to_give(tmp_path):
    bench = reader_of(tmp_path, 0)

    with pytest.raises(OperatorError, match=r"^TensorProtosDBInput: .*x\.db' has no entries"):
        numbers(bench)


def test_two_instances_share_the_place_of_one_reader(tmp_path):
    bench = reader_of(tmp_path, 3)
    first, second = (bench.instance("TensorProtosDBInput", ["r"], ["v", "n", "s"]) for _ in range(2))

    found = []
    for each in (first, second, first):
        each()
        found.append(int(bench.blobs["n"]))

    assert found == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"db": "", "db_type": "minidb"}, "'db' must name a database"),
        ({"db": "x", "db_type": "mindb"}, "must be 'minidb' or 'lmdb', got 'mindb'; did you mean 'minidb'"),
        ({"db": "x"}, "'db_type' must be"),
        ({"db": "x", "db_type": "minidb", "num_shards": 0}, "'num_shards' must be 1 or more"),
        ({"db": "x", "db_type": "minidb", "num_shards": 2, "shard_id": 2}, "less than num_shards=2, got 2"),
    ],
)
def test_arguments_of_a_reader_are_checked(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Bench().run("CreateDB", [], ["r"], **arguments)


def test_a_database_that_is_not_there_is_told_with_its_name(tmp_path):
    with pytest.raises(OperatorError, match=r"CreateDB: cannot read '.*none\.db': No such file"):
        Bench().run("CreateDB", [], ["r"], db=str(tmp_path / "none.db"), db_type="minidb")
    with pytest.raises(OperatorError, match=r"CreateDB: cannot read '.*none': No such file"):
        Bench().run("CreateDB", [], ["r"], db=str(tmp_path / "none"), db_type="lmdb")


def test_damage_is_told_when_it_is_come_upon(tmp_path):
    path = write(tmp_path / "x.db", numbered(2))
    with open(path, "ab") as file:
        file.write(b"junk that is no entry")
    bench = Bench({"r": DatabaseReader("minidb", path)})

    assert numbers(bench) == [0]
    assert numbers(bench) == [1]
    with pytest.raises(OperatorError, match=r"^TensorProtosDBInput: .*x\.db' is no minidb file, or not a whole one"):
        numbers(bench)


def test_an_entry_with_another_number_of_tensors_is_a_reported_failure(tmp_path):
    bench = reader_of(tmp_path, 1)

    with pytest.raises(ReportedError, match="holds 3 tensors, got 2 outputs"):
        bench.run("TensorProtosDBInput", ["r"], ["v", "n"])


def test_an_entry_that_is_no_list_of_tensors_is_refused(tmp_path):
    bench = Bench({"r": DatabaseReader("minidb", write(tmp_path / "x.db", [(b"k", b"\xff\xff")]))})

    with pytest.raises(OperatorError, match=r"an entry of '.*x\.db' is no list of tensors: these 2 bytes"):
        bench.run("TensorProtosDBInput", ["r"], ["v"])


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        (f32([1, 2, 3]), ShapeError, r"tensor 0 has shapes \(2,\) and \(3,\) in entries of one batch"),
        (i32([1, 2]), DtypeError, "tensor 0 has dtypes float32 and int32 in entries of one batch"),
    ],
)
def test_entries_of_one_batch_must_be_alike(tmp_path, other, error, message):
    entries = [(b"a", pack_tensors([f32([1, 2])])), (b"b", pack_tensors([other]))]
    bench = Bench({"r": DatabaseReader("minidb", write(tmp_path / "x.db", entries))})

    with pytest.raises(error, match=message):
        bench.run("TensorProtosDBInput", ["r"], ["v"], batch_size=2)
    with pytest.raises(ArgumentError, match="'batch_size' must be 0 or more"):
        bench.run("TensorProtosDBInput", ["r"], ["v"], batch_size=-1)


# --- whether there is one --------------------------------------------------------------------------------------------


def exists(path: Path | str, db_type: str = "minidb", **others: Any) -> bool:
    bench = Bench(workspace=SimpleNamespace(root_folder=others.pop("root", ".")))
    return bool(bench.run("DBExists", [], ["e"], db_name=str(path), db_type=db_type, **others))


@pytest.mark.parametrize("db_type", [*TYPES, "MiniDB", "LMDB"])
def test_a_database_exists_once_it_is_written(tmp_path, db_type):
    path = tmp_path / "x"

    assert not exists(path, db_type, absolute_path=True)
    write(path, numbered(2), db_type)
    assert exists(path, db_type, absolute_path=True)


def test_without_absolute_path_the_name_begins_in_the_root_folder(tmp_path):
    write(tmp_path / "x.db", numbered(1))

    assert exists("x.db", root=str(tmp_path))
    assert not exists("x.db", root=str(tmp_path), absolute_path=True)


@pytest.mark.parametrize("content", [b"", b"text that is long enough for lengths", b"\0" * 40])
def test_what_is_no_database_does_not_exist_as_one(tmp_path, content):
    """Item 106."""
    path = tmp_path / "x.db"
    path.write_bytes(content)

    assert not exists(path, absolute_path=True)
    assert not exists(path, "lmdb", absolute_path=True)
    assert not exists(tmp_path, absolute_path=True)
    assert not exists(tmp_path, "lmdb", absolute_path=True)


def test_a_database_that_was_cut_and_one_of_an_unknown_type_do_not_exist(tmp_path):
    """Item 106."""
    path = Path(write(tmp_path / "x.db", numbered(2)))

    assert not exists(path, "leveldb", absolute_path=True)
    path.write_bytes(path.read_bytes()[:-1])
    assert not exists(path, absolute_path=True)


# --- lmdb ------------------------------------------------------------------------------------------------------------


def test_lmdb_has_its_entries_in_the_order_of_keys_and_each_key_once(tmp_path):
    path = write(tmp_path / "x", [(b"b", b"2"), (b"a", b"1")], "lmdb")
    reader = open_database("lmdb", path)

    assert [reader.entry(), reader.entry(), reader.entry()] == [(b"a", b"1"), (b"b", b"2"), None]
    reader.rewind()
    assert reader.entry(lambda key: key != b"a") == (b"a", None)
    assert reader.skip(9) == 1
    reader.close()


def test_lmdb_keeps_the_value_of_a_key_that_was_put_last(tmp_path):
    path = write(tmp_path / "x", [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")], "lmdb")
    reader = open_database("lmdb", path)

    assert [reader.entry(), reader.entry(), reader.entry()] == [(b"a", b"3"), (b"b", b"2"), None]
    reader.close()


def test_an_lmdb_folder_is_replaced_in_one_step_and_readers_keep_what_they_read(tmp_path):
    path = write(tmp_path / "x", [(b"a", b"old"), (b"b", b"old")], "lmdb")
    before, beside = open_database("lmdb", path), open_database("lmdb", path)

    write(path, [(b"a", b"new")], "lmdb")
    after = open_database("lmdb", path)

    assert (before.entry(), beside.skip(1), after.entry()) == ((b"a", b"old"), 1, (b"a", b"new"))
    for reader in (before, after):
        reader.close()
    assert beside.entry() == (b"b", b"old")
    beside.close()
    assert os.listdir(path) == ["data.mdb"]
    assert os.listdir(tmp_path) == ["x"]


def test_a_failed_lmdb_write_leaves_the_old_one_and_nothing_else(tmp_path):
    path = write(tmp_path / "x", [(b"a", b"old")], "lmdb")

    with pytest.raises(Exception, match="lmdb: mdb_put: MDB_BAD_VALSIZE"):
        write(path, [(b"k" * 600, b"key too long")], "lmdb")

    reader = open_database("lmdb", path)
    assert reader.entry() == (b"a", b"old")
    reader.close()
    assert os.listdir(tmp_path) == ["x"]


def test_lmdb_takes_neither_the_place_of_a_file_nor_of_a_folder_with_other_things(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_bytes(b"mine")

    with pytest.raises(OSError, match="directory"):
        write(tmp_path / "file", [(b"a", b"b")], "lmdb")
    with pytest.raises(Exception, match="is a folder that holds other things than an lmdb database"):
        write(tmp_path / "folder", [(b"a", b"b")], "lmdb")

    assert (tmp_path / "file").read_bytes() == b"mine"
    assert os.listdir(tmp_path / "folder") == ["mine"]
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_an_lmdb_file_that_was_cut_is_refused_and_does_not_end_the_process(tmp_path):
    path = write(tmp_path / "x", [(b"a", b"b" * 100_000)], "lmdb")
    data = Path(path, "data.mdb")
    content = data.read_bytes()

    for size in (len(content) // 2, 10_000, 5_000, 10):
        shutil.rmtree(path)
        data.parent.mkdir()
        data.write_bytes(content[:size])
        with pytest.raises(OperatorError, match=r"^CreateDB: '.*x'"):
            Bench().run("CreateDB", [], ["r"], db=path, db_type="lmdb")
        assert not exists(path, "lmdb", absolute_path=True)


def test_without_the_package_the_error_names_the_extra(tmp_path, monkeypatch):
    path = write(tmp_path / "x", numbered(1), "lmdb")
    monkeypatch.setitem(sys.modules, "lmdb", None)

    message = r"need the package lmdb: pip install 'taskplan\[lmdb\]'"
    with pytest.raises(OperatorError, match=rf"^CreateDB: .*{message}"):
        Bench().run("CreateDB", [], ["r"], db=path, db_type="lmdb")
    with pytest.raises(OperatorError, match=rf"^DBExists: .*{message}"):
        exists(path, "lmdb", absolute_path=True)
    with pytest.raises(OperatorError, match=rf"^Save: .*{message}"):
        Bench({"x": f32([1])}).run("Save", ["x"], db=str(tmp_path / "y"), db_type="lmdb", absolute_path=True)
    assert os.listdir(tmp_path) == ["x"]


# --- over a queue ----------------------------------------------------------------------------------------------------


def queue_of(*records: tuple[Any, ...], capacity: int = 4) -> BlobsQueue:
    queue = BlobsQueue("q", capacity, len(records[0]))
    for record in records:
        assert queue.try_put(record) is True
    return queue


def text(content: bytes) -> Any:
    return string_tensor([content], [1])


def test_a_queue_gives_the_value_blob_of_each_record(tmp_path):
    records = [(ByteString(key), text(value)) for key, value in numbered(3)]
    queue = queue_of(*records)
    queue.close()
    bench = Bench({"q": queue})
    bench.run("CreateBlobsQueueDB", ["q"], ["r"], key_blob_index=0, value_blob_index=1)

    assert numbers(bench) == [0]
    assert numbers(bench, batch_size=5) == [1, 2]
    with pytest.raises(QueueClosedError, match="queue 'q' is closed"):
        numbers(bench)


def test_reading_waits_for_records_and_gives_up_in_time():
    bench = Bench({"q": BlobsQueue("q", 1, 1)})
    bench.run("CreateBlobsQueueDB", ["q"], ["r"])
    bench.run("CreateBlobsQueueDB", ["q"], ["hasty"], timeout_secs=0.5)

    with pytest.raises(WouldWaitError):
        bench.run("TensorProtosDBInput", ["r"], ["v"])
    with pytest.raises(ReportedError, match=r"gave up after 0\.5 s of waiting for queue 'q'"):
        bench.run("TensorProtosDBInput", ["hasty"], ["v"])


@pytest.mark.parametrize("record", [f32([1, 2]), string_tensor([b"a", b"b"], [2]), i32([1])])
def test_a_record_that_holds_no_byte_string_stays_in_the_queue(record):
    queue = queue_of((record,))
    bench = Bench({"q": queue})
    bench.run("CreateBlobsQueueDB", ["q"], ["r"])

    with pytest.raises(DtypeError, match=r"blob 0 of a record of queue 'q' .* expected a byte string"):
        bench.run("TensorProtosDBInput", ["r"], ["v"])
    assert queue.fill == 1


def test_the_numbers_of_blobs_are_checked():
    bench = Bench({"q": BlobsQueue("q", 1, 2)})

    with pytest.raises(OperatorError, match="value_blob_index=2 is the number of no blob; records of queue 'q' have 2"):
        bench.run("CreateBlobsQueueDB", ["q"], ["r"], value_blob_index=2)
    with pytest.raises(ArgumentError, match="'key_blob_index' must be the number of a blob, or -1"):
        bench.run("CreateBlobsQueueDB", ["q"], ["r"], key_blob_index=-2)
    with pytest.raises(ArgumentError, match="'value_blob_index' must be the number of a blob, got -1"):
        bench.run("CreateBlobsQueueDB", ["q"], ["r"], value_blob_index=-1)
    with pytest.raises(ArgumentError, match="timeout_secs=-1"):
        bench.run("CreateBlobsQueueDB", ["q"], ["r"], timeout_secs=-1.0)


def test_blobs_are_loaded_from_a_queue_by_their_keys(tmp_path):
    bench = Bench({"a": f32([1, 2]), "b": i32([3])}, workspace=SimpleNamespace(root_folder=str(tmp_path)))
    bench.run("Save", ["a", "b"], db="x.db", db_type="minidb")
    stored = open_database("minidb", str(tmp_path / "x.db"))
    records = [(ByteString(key), ByteString(value or b"")) for key, value in iter(stored.entry, None)]
    stored.close()
    queue = queue_of(*records, (ByteString(b"later"), ByteString(b"later")))
    bench = Bench({"q": queue})
    bench.run("CreateBlobsQueueDB", ["q"], ["r"], key_blob_index=0, value_blob_index=1)
    bench.run("CreateBlobsQueueDB", ["q"], ["keyless"], value_blob_index=1)

    b, a = bench.run("Load", ["r"], ["b", "a"])

    assert (a.tolist(), b.tolist()) == ([1, 2], [3])
    assert queue.fill == 1, "it reads no further than it has to"
    with pytest.raises(OperatorError, match="have no keys; give key_blob_index"):
        bench.run("Load", ["keyless"], ["a"])


# --- in a run --------------------------------------------------------------------------------------------------------


def test_a_net_that_is_run_again_and_again_reads_on(tmp_path):
    path = write(tmp_path / "x.db", numbered(3))
    workspace = Workspace()
    setup, net = Net("setup"), Net("read")
    reader = setup.CreateDB([], "reader", db=path, db_type="minidb")
    net.TensorProtosDBInput(reader, ["vector", "number", "text"], batch_size=2)
    workspace.run(setup)
    workspace.create_net(net)

    found = []
    for _ in range(3):
        workspace.run_net("read")
        found.append(workspace.fetch_blob("number").tolist())

    assert found == [[0, 1], [2, 0], [1, 2]]


def test_waiting_for_a_queue_behind_a_reader_never_counts_as_a_stall():
    """Steps that read it name the reader, not the queue, so the run cannot tell that they do."""
    queue = BlobsQueue("q", 1, 1)
    queue.made_in = object()

    Bench({"q": queue}).run("CreateBlobsQueueDB", ["q"], ["r"])

    assert queue.made_in is None


def test_a_task_reads_through_a_database_reader_what_another_puts_into_the_queue():
    values = [pack_tensors([i32([k])]) for k in range(20)]
    seen: list[int] = []
    with TaskGroup() as group:
        with Node("local"):
            with Task(name="write"):
                with ops.local_init():
                    queue = ops.CreateBlobsQueue([], "queue", capacity=1, num_blobs=1)
                    reader = ops.CreateBlobsQueueDB(queue, "reader")
                for value in values:
                    blob = ops.FeedBlob([], value=value)
                    ops.EnqueueBlobs([queue, blob], [blob])
            with Task(name="read"):
                with ops.loop(20):
                    number = ops.TensorProtosDBInput(reader, 1)
                    ops.Python(lambda inputs, _: seen.append(inputs[0].data.item()))([number], [])
    with LocalSession() as session:
        session.run(group, timeout_s=20)

    assert seen == list(range(20))
