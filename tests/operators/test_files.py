"""Blobs saved to databases, loaded from them, and checkpoints."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import held
from tests.operators.fake_run import Bench, f32, i32

from taskplan import LocalSession, Net, Node, Task, TaskGroup, Workspace, WorkspaceType, ops
from taskplan.errors import ArgumentError, DtypeError, OperatorError, PlanError, ShapeError
from taskplan.operators.cursors import TreeCursor
from taskplan.operators.dictionaries import Index, Map
from taskplan.operators.objects import AtomicBool, Counter, Mutex
from taskplan.operators.operands import I32, I64, string_tensor
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.operators.run import UNSET, ByteString
from taskplan.operators.storage.database_readers import DatabaseReader
from taskplan.operators.storage.database_types import new_database, open_database
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.stored_blobs import pack_tensors, stored
from taskplan.plan.types import STRING_DTYPE

DB: Mapping[str, Any] = {"db": "x.db", "db_type": "minidb"}


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., Bench]:
    """A place to run operators with these blobs, whose root folder is the test's."""

    def make(**blobs: Any) -> Bench:
        return Bench(blobs, workspace=SimpleNamespace(root_folder=str(tmp_path)))

    return make


def entries(path: Path | str, db_type: str = "minidb") -> list[tuple[bytes, bytes]]:
    reader = open_database(db_type, str(path))
    found = [(key, value or b"") for key, value in iter(reader.entry, None)]
    reader.close()
    return found


def rewrite(path: Path | str, found: list[tuple[bytes, bytes]], db_type: str = "minidb") -> None:
    with new_database(db_type, str(path)) as database:
        for entry in found:
            database.put(*entry)


def names(path: Path | str) -> list[str]:
    return [key.decode() for key, _ in entries(path)]


def there_and_back(bench: Callable[..., Bench], value: Any, **arguments: Any) -> Any:
    bench(b=value).run("Save", ["b"], **{**DB, **arguments})
    return bench().run("Load", [], ["b"], **{**DB, "db_type": arguments.get("db_type", "minidb")})


def assert_same(got: Any, wanted: Any) -> None:
    assert type(got) is type(wanted)
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    assert np.asarray(got).tobytes() == np.asarray(wanted).tobytes() or got.dtype == STRING_DTYPE
    assert np.asarray(got).tolist() == np.asarray(wanted).tolist() or got.dtype.kind == "f"


# --- bytes -----------------------------------------------------------------------------------------------------------


def test_a_file_is_bit_for_bit_what_caffe2_writes(bench, tmp_path):
    """Item 93. A tensor of three elements in pieces of two, then a byte string."""
    bench(w=f32([[1, 2, 3]]), s=ByteString(b"hi")).run("Save", ["w", "s"], chunk_size=2, **DB)

    def piece(begin: int, *values: float) -> bytes:
        data = struct.pack(f"<{len(values)}f", *values)
        tensor = b"\x08\x01\x08\x03" + b"\x10\x01" + b"\x1a" + bytes([len(data)]) + data + b"\x3a\x01w"
        tensor += b"\x42\x02\x08\x00" + b"\x5a\x04\x08" + bytes([begin]) + b"\x10" + bytes([begin + len(values)])
        return b"\x0a\x01w" + b"\x12\x06Tensor" + b"\x1a" + bytes([len(tensor)]) + tensor

    string = b"\x0a\x01s" + b"\x12\x0bstd::string" + b"\x22\x02hi"
    expected = [(b"w#%0", piece(0, 1, 2)), (b"w#%1", piece(2, 3)), (b"s", string)]
    whole = b"".join(struct.pack("=ii", len(key), len(value)) + key + value for key, value in expected)
    assert (tmp_path / "x.db").read_bytes() == whole


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (f32([1]), "float_data"),
        (np.array([1.0]), "double_data"),
        (np.array([-1], np.int64), "int64_data"),
        *((np.array([1], kind), "int32_data") for kind in ("i4", "i2", "i1", "u1", "u2", "?", "f2")),
        (string_tensor([b"\xff"], [1]), "string_data"),
    ],
)
def test_elements_stand_where_caffe2_puts_them(bench, tmp_path, value, field):
    bench(b=value).run("Save", ["b"], **DB)

    tensor = pb.BlobProto.FromString(entries(tmp_path / "x.db")[0][1]).tensor

    filled = {each.name for each, _ in tensor.ListFields()}
    assert filled == {"dims", "data_type", "name", "device_detail", "segment", field}


# --- there and back --------------------------------------------------------------------------------------------------

DTYPES = ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "?"]


@given(
    st.sampled_from(DTYPES),
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(-1, 7),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_tensors_of_every_type_and_shape_come_back_bit_for_bit(tmp_path_factory, kind, shape, chunk, seals, seed):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(kind)
    bits = np.frombuffer(rng.bytes(int(np.prod(shape, dtype=int)) * dtype.itemsize), np.uint8)
    value = held((bits & 1 if kind == "?" else bits).view(dtype).reshape(shape))
    folder = SimpleNamespace(root_folder=str(tmp_path_factory.mktemp("db")))

    Bench({"b": value}, workspace=folder).run("Save", ["b"], chunk_size=chunk, checksums=seals, **DB)

    assert_same(Bench(workspace=folder).run("Load", [], ["b"], **DB), value)


@pytest.mark.parametrize("db_type", ["minidb", "lmdb"])
@pytest.mark.parametrize("shape", [[], [3], [0], [1, 3, 1], [2, 0]])
def test_strings_come_back(bench, db_type, shape):
    texts = string_tensor([b"a\0", b"", "ä".encode()][: int(np.prod(shape, dtype=int))], shape)

    assert_same(there_and_back(bench, texts, db_type=db_type, chunk_size=2), texts)


def test_a_byte_string_comes_back_as_one(bench):
    got = there_and_back(bench, ByteString(b"\0\xff"))

    assert isinstance(got, ByteString)
    assert got == b"\0\xff"


def test_more_than_a_million_elements_make_several_entries(bench, tmp_path):
    value = np.arange(2_000_001, dtype=np.float32)

    got = there_and_back(bench, value)

    assert names(tmp_path / "x.db") == ["b#%0", "b#%1", "b#%2"]
    assert (got == value).all()


def test_pieces_come_in_any_order(bench, tmp_path):
    """Item 95. Caffe2 writes them with several threads."""
    value = np.arange(25, dtype=np.float32).reshape(5, 5)
    bench(b=value, c=i32([1, 2, 3])).run("Save", ["b", "c"], chunk_size=10, **DB)
    found = entries(tmp_path / "x.db")
    assert len(found) == 4

    for seed in range(5):
        random.Random(seed).shuffle(found)
        rewrite(tmp_path / "x.db", found)
        b, c = bench().run("Load", [], ["b", "c"], **DB)
        assert (b.tolist(), c.tolist()) == (value.tolist(), [1, 2, 3])


# --- handles ---------------------------------------------------------------------------------------------------------


def test_a_counter_comes_back_with_its_count(bench):
    got = there_and_back(bench, Counter(7, "other"))

    assert isinstance(got, Counter)
    assert (got.count, got.name) == (7, "b")


def test_a_mutex_comes_back_fresh(bench):
    assert isinstance(there_and_back(bench, Mutex("m")), Mutex)


@pytest.mark.parametrize("offsets", [(), (3,), (3, 0, 2**40)])
@pytest.mark.parametrize("fields", [("a", "b:lengths", "b:values", "c:lengths", "c:values"), ("",)])
def test_a_cursor_comes_back_with_fields_and_offsets(bench, fields, offsets):
    got = there_and_back(bench, TreeCursor(fields, offsets))

    assert isinstance(got, TreeCursor)
    assert (got.fields, got.offsets) == (fields, offsets)


def test_a_cursor_whose_fields_hold_spaces_is_refused(bench, tmp_path):
    with pytest.raises(OperatorError, match=r"^Save: cursor 'c' .* spaces in their names: \['a b'\]"):
        bench(b=TreeCursor(["a b"], name="c")).run("Save", ["b"], **DB)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("keys", [i32([7, 8]), np.array([2**40]), string_tensor([b"x", b"y z"], [2]), i32([])])
def test_an_index_comes_back_with_keys_capacity_and_whether_it_is_frozen(bench, keys, frozen):
    index = Index(keys.dtype, 10)
    index.load(keys)
    if frozen:
        index.freeze()

    got = there_and_back(bench, index)

    assert isinstance(got, Index)
    assert (got.keys().tolist(), got.dtype, got.max_elements, got.frozen) == (keys.tolist(), keys.dtype, 10, frozen)


@pytest.mark.parametrize("key_dtype", [I32, I64])
@pytest.mark.parametrize("value_dtype", [I32, I64])
def test_a_map_comes_back(bench, key_dtype, value_dtype):
    held_map = Map(key_dtype, value_dtype)
    held_map.insert(np.array([3, 1], key_dtype), np.array([30, 10], value_dtype))

    got = there_and_back(bench, held_map)

    assert isinstance(got, Map)
    assert [each.tolist() for each in got.entries()] == [[3, 1], [30, 10]]
    assert (got.key_dtype, got.value_dtype) == (key_dtype, value_dtype)


@pytest.mark.parametrize("db_type", ["minidb", "lmdb"])
def test_a_database_reader_comes_back_at_its_place(bench, tmp_path, db_type):
    rewrite(tmp_path / "data", [(b"%d" % k, b"v%d" % k) for k in range(6)], db_type)
    reader = DatabaseReader(db_type, str(tmp_path / "data"), 2, 1)
    assert reader.next() == (b"1", b"v1")

    got = there_and_back(bench, reader)

    assert isinstance(got, DatabaseReader)
    assert [got.next(), got.next(), got.next()] == [(b"3", b"v3"), (b"5", b"v5"), None]
    assert got.around(1) == [b"v1"], "it begins again at its shard"


def test_a_database_reader_whose_file_is_gone_is_told(bench, tmp_path):
    rewrite(tmp_path / "data", [(b"k", b"v")])
    bench(b=DatabaseReader("minidb", str(tmp_path / "data"))).run("Save", ["b"], **DB)
    os.unlink(tmp_path / "data")

    with pytest.raises(OperatorError, match=r"^Load: .*x\.db', entry b'b': blob 'b' reads '.*data', which cannot be"):
        bench().run("Load", [], ["b"], **DB)


def test_packed_records_come_back_with_their_contents(bench):
    """Caffe2 loads them empty, and the process ends when they are unpacked."""
    fields = ["a", "b:lengths", "b:values"]
    maker = bench(a=f32([1, 2]), n=i32([2, 1]), v=string_tensor([b"x", b"y", b"z"], [3]))
    maker.run("PackRecords", ["a", "n", "v"], ["packed"], fields=fields)
    maker.run("PackRecords", ["a", "n", "v"], ["one"], fields=fields, pack_to_single_shared_ptr=True)
    maker.run("Save", ["packed", "one"], chunk_size=1, **DB)

    loaded = bench()
    loaded.run("Load", [], ["packed", "one"], **DB)

    for blob in ("packed", "one"):
        got = loaded.run("UnPackRecords", [blob], ["a", "n", "v"], fields=fields)
        assert [each.tolist() for each in got] == [[1, 2], [2, 1], [b"x", b"y", b"z"]]


def test_packed_records_of_caffe2_are_read_and_cannot_be_unpacked(bench, tmp_path):
    """Their elements are there, without contents."""
    blob = pb.BlobProto(name="b", type="Tensor")
    blob.tensor.dims.append(1)
    blob.tensor.data_type = pb.TensorProto.UNDEFINED
    empty = pb.BlobProto(type="std::shared_ptr<std::vector<TensorCPU>>", content=b"")
    blob.tensor.string_data.append(empty.SerializeToString())
    rewrite(tmp_path / "x.db", [(b"b#%0", blob.SerializeToString())])

    loaded = bench()

    assert loaded.run("Load", [], ["b"], **DB).shape == (1,)
    with pytest.raises(OperatorError, match="element 0 is a record of 0 fields, expected a packed record of 1"):
        loaded.run("UnPackRecords", ["b"], ["a"], fields=["a"])


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (UNSET, "holds nothing"),
        (AtomicBool("f"), "holds a AtomicBool"),
        (BlobsQueue("q", 1, 1), "holds a BlobsQueue"),
        (object(), "holds a object"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_the_file_is_touched(bench, tmp_path, value, what):
    """Item 102."""
    bench(b=f32([1])).run("Save", ["b"], **DB)
    before = (tmp_path / "x.db").read_bytes()

    with pytest.raises(
        OperatorError, match=f"^Save: blob 'b' {what}, which cannot be stored: No known serializer; leave"
    ):
        bench(a=f32([2]), b=value).run("Save", ["a", "b"], **DB)

    assert (tmp_path / "x.db").read_bytes() == before
    assert os.listdir(tmp_path) == ["x.db"]


# --- names and places ------------------------------------------------------------------------------------------------


def test_strip_prefix_removes_all_up_to_its_first_occurrence(bench, tmp_path):
    """Item 97."""
    blobs = {"scope/in/w": f32([1]), "deep/in/in/b": f32([2]), "out": f32([3])}
    bench(**blobs).run("Save", [*blobs], strip_prefix="in/", **DB)

    assert names(tmp_path / "x.db") == ["w#%0", "in/b#%0", "out#%0"]


def test_overrides_name_the_blobs_and_may_repeat(bench, tmp_path):
    bench(a=f32([1]), b=f32([2])).run("Save", ["a", "b"], blob_name_overrides=["n", "n"], **DB)

    assert names(tmp_path / "x.db") == ["n#%0", "n#%0"]
    assert bench().run("Load", [], ["n"], **DB) == 1, "reading stops when all is there"


@pytest.mark.parametrize(
    ("inputs", "arguments", "message"),
    [
        (["a", "a"], {}, "blobs 'a' and 'a' would both be called 'a'"),
        (["x/a", "a"], {"strip_prefix": "x/"}, "blobs 'x/a' and 'a' would both be called 'a'"),
        (["a"], {"strip_prefix": "a"}, "blob 'a' would be called ''; a name may not be empty"),
        (["a#%b"], {}, "a name may not be empty or hold '#%'"),
        (["a", "x/a"], {"blob_name_overrides": ["n"]}, "got 1 blob_name_overrides for 2 blobs"),
    ],
)
def test_names_that_could_not_be_loaded_are_refused_when_the_operator_is_created(bench, inputs, arguments, message):
    """Items 94 and 105."""
    for kind in ("Save", "Checkpoint"):
        with pytest.raises(OperatorError, match=f"^{kind}: .*{message}"):
            bench().instance(kind, inputs, **arguments, **DB)


@pytest.mark.parametrize(
    ("outputs", "arguments", "message"),
    [
        (["a", "a"], {}, "blob 'a' stands twice among the outputs"),
        (["a"], {"source_blob_names": ["a", "s"]}, "got 2 source_blob_names for 1 outputs; give one for each"),
    ],
)
def test_outputs_that_cannot_be_loaded_are_refused_when_the_operator_is_created(bench, outputs, arguments, message):
    with pytest.raises(OperatorError, match=f"^Load: {message}$"):
        bench().instance("Load", [], outputs, **arguments, **DB)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"db": ""}, "'db' must name a database"),
        ({"db_type": ""}, "'db_type' must be 'minidb' or 'lmdb', got ''"),
        ({"db_type": "leveldb"}, "'db_type' must be 'minidb' or 'lmdb', got 'leveldb'"),
        ({"strip_prefix": "a", "blob_name_overrides": ["b"]}, "cannot be given together with strip_prefix"),
        (
            {"db_type": "lmdb", "blob_name_overrides": ["n", "n"]},
            r"'blob_name_overrides' must be different names, as lmdb holds each once, got \['n', 'n'\]",
        ),
        ({"chunk_size": -2}, "'chunk_size' must be a number of elements, 0 for no limit"),
    ],
)
def test_arguments_of_save_and_its_relatives_are_checked_beforehand(bench, arguments, message):
    """Item 94."""
    for kind in ("Save", "Checkpoint", "Snapshot"):
        with pytest.raises(ArgumentError, match=f"^{kind}: argument {message}|^{kind}: .*{message}"):
            bench(a=np.array([1])).run(kind, ["a"], **{**DB, **arguments})


def test_a_missing_folder_is_told_with_the_path_and_what_to_do(bench, tmp_path):
    made = bench(a=f32([1]))

    with pytest.raises(OperatorError, match=r"^Save: cannot write '.*/none/x\.db': No such file or directory$"):
        made.run("Save", ["a"], db="none/x.db", db_type="minidb")
    with pytest.raises(
        OperatorError, match=r"No such file .*; db begins in the root folder .* unless absolute_path is"
    ):
        made.run("Save", ["a"], db=f"{tmp_path}/x.db", db_type="minidb")
    made.run("Save", ["a"], db=f"{tmp_path}/x.db", db_type="minidb", absolute_path=True)
    assert os.listdir(tmp_path) == ["x.db"]


def test_a_full_disk_leaves_the_old_file(bench, tmp_path, monkeypatch):
    """Item 102."""
    bench(a=f32([1])).run("Save", ["a"], **DB)
    before = (tmp_path / "x.db").read_bytes()

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OperatorError, match=r"^Save: cannot write '.*x\.db': No space left on device"):
        bench(a=f32([2])).run("Save", ["a"], **DB)

    assert (tmp_path / "x.db").read_bytes() == before
    assert os.listdir(tmp_path) == ["x.db"]


# --- loading ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(bench: Callable[..., Bench]) -> Callable[..., Bench]:
    """As `bench`, beside a file of `a`, `p/b` and the byte string `s`."""
    blobs = {"a": f32([1, 2]), "p/b": i32([3]), "s": ByteString(b"text")}
    bench(**blobs).run("Save", [*blobs], **DB)
    return bench


def load(made: Bench, outputs: list[str], **arguments: Any) -> dict[str, Any]:
    """The blobs afterwards, tensors as lists."""
    made.run("Load", [], outputs, **{**DB, **arguments})
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in made.blobs.items()}


@pytest.mark.parametrize(
    ("outputs", "arguments", "found"),
    [
        (["a"], {}, {"a": [1, 2]}),
        (["s", "a"], {}, {"s": b"text", "a": [1, 2]}),
        (["b"], {"strip_prefix": "p/"}, {"b": [3]}),
        (["q/a", "q/p/b"], {"add_prefix": "q/"}, {"q/a": [1, 2], "q/p/b": [3]}),
        (["q/b"], {"add_prefix": "q/", "strip_prefix": "p/"}, {"q/b": [3]}),
        (["x", "y"], {"source_blob_names": ["p/b", "a"]}, {"x": [3], "y": [1, 2]}),
        (["x"], {"source_blob_names": ["q/a"], "add_prefix": "q/"}, {"x": [1, 2]}),
        ([], {"load_all": True}, {"a": [1, 2], "p/b": [3], "s": b"text"}),
        (["q/a"], {"load_all": True, "add_prefix": "q/"}, {"q/a": [1, 2], "q/p/b": [3], "q/s": b"text"}),
        (["b"], {"load_all": True, "strip_prefix": "p/"}, {"a": [1, 2], "b": [3], "s": b"text"}),
    ],
)
def test_blobs_are_found_by_their_names(saved, outputs, arguments, found):
    """Item 97."""
    assert load(saved(), outputs, **arguments, keep_device=1) == found


def test_a_blob_is_replaced_whatever_it_held(saved):
    assert load(saved(a=Counter(3)), ["a"])["a"] == [1, 2]


def test_a_missing_blob_is_named_with_near_ones_and_nothing_is_loaded(saved):
    """Item 96."""
    made = saved(a="old")

    with pytest.raises(OperatorError) as caught:
        load(made, ["a", "p/bb", "x1", "x2", "x3"])

    assert str(caught.value).startswith("Load: Expected to load 5 blobs, got 1 only: only 1 of 5 blobs are in '")
    assert str(caught.value).endswith("x.db', and 'p/bb', 'x1', 'x2' and 1 more not; did you mean 'p/b'?")
    assert made.blobs == {"a": "old"}


def test_with_allow_incomplete_what_is_missing_stays_as_it_was(saved):
    """Item 96."""
    got = load(saved(old="old"), ["a", "old", "new"], allow_incomplete=True)

    assert got == {"a": [1, 2], "old": "old", "new": UNSET}


@pytest.mark.parametrize(
    ("outputs", "arguments", "message"),
    [
        (["a", "b"], {"source_blob_names": ["a", "a"]}, "must be different names"),
        (["a"], {"source_blob_names": ["a"], "strip_prefix": "p"}, "cannot be given together with strip_prefix"),
        (["a"], {"source_blob_names": ["a"], "load_all": True}, "cannot be given together with load_all"),
        (["a"], {"dbs": ["x.db", "x.db"]}, "'dbs' must name different databases"),
        (["a"], {"dbs": ["x.db", ""]}, "'dbs' must name different databases"),
        (["a"], {"db": ""}, "'db' must name a database, unless a reader is given"),
        (["a"], {"db_type": ""}, "'db_type' must be"),
        (["a"], {"db_type": "leveldb"}, "'db_type' must be"),
        (["a"], {"db": "y.db"}, r"cannot read '.*/y\.db': No such file"),
    ],
)
def test_wrong_calls_of_load_are_refused(saved, outputs, arguments, message):
    with pytest.raises((OperatorError, ArgumentError), match=f"^Load: .*{message}"):
        load(saved(), outputs, **arguments)


def test_several_databases_are_read_as_one_as_long_as_they_share_no_blob(saved):
    saved(c=f32([4])).run("Save", ["c"], db="y.db", db_type="minidb")
    saved(a=f32([5]), c=f32([5])).run("Save", ["a", "c"], db="z.db", db_type="minidb")

    assert load(saved(), ["c", "a"], db="none", dbs=["x.db", "y.db"]) == {"c": [4], "a": [1, 2]}
    with pytest.raises(OperatorError, match=r"z\.db', entry b'a#%0': '.*x\.db' holds 'a' too"):
        load(saved(), ["c", "a"], dbs=["x.db", "z.db"])


def test_a_reader_is_read_as_far_as_it_has_to_be_and_goes_on_from_there(saved, tmp_path):
    made = saved(r=DatabaseReader("minidb", str(tmp_path / "x.db")))

    assert made.run("Load", ["r"], ["a"]).tolist() == [1, 2]
    assert made.run("Load", ["r"], ["p/b"]).tolist() == [3]
    with pytest.raises(OperatorError, match=r"only 0 of 1 blobs are in '.*x\.db', and 'a' not"):
        made.run("Load", ["r"], ["a"])


# --- damage ----------------------------------------------------------------------------------------------------------


def reshaped(value: bytes, shape: list[int]) -> bytes:
    blob = pb.BlobProto.FromString(value)
    blob.tensor.dims[:] = shape
    return bytes(blob.SerializeToString())


def first_as(value: bytes) -> Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]]:
    return lambda found: [(found[0][0], value), *found[1:]]


def first_reshaped(*shape: int) -> Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]]:
    return lambda found: first_as(reshaped(found[0][1], list(shape)))(found)


STRING = (b"c", stored("c", "std::string", b"text"))
DAMAGE: dict[str, tuple[Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]], str]] = {
    "a piece is missing": (lambda found: found[:-1], "holds only a part of 'b': 4 of its 6 elements are there"),
    "a piece is there twice": (lambda found: [found[0], *found], "elements 0 to 2 of 6, and some have come before"),
    "a piece stands in for another": (lambda found: [found[0], found[1], found[0]], "elements 0 to 2 of 6, and some"),
    "pieces overlap": (
        lambda found: [
            (b"b#%0", stored("b", "Tensor", tensor=f32([[1, 2, 3], [4, 5, 6]]), begin=1, end=3)),
            *found[1:],
        ],
        "it brings elements 4 to 6 of 6, and some have come before",
    ),
    "a piece is of another shape": (first_reshaped(3, 2), r"a piece of a tensor of float32 \(2, 3\), others are of"),
    "a piece is of another type": (
        lambda found: [*found[:2], (b"b#%2", stored("b", "Tensor", tensor=i32([[1, 2, 3], [4, 5, 6]]), begin=4))],
        r"a piece of a tensor of int32 \(2, 3\), others are of float32 \(2, 3\)",
    ),
    "the shape is beyond all memory": (first_reshaped(2**50, 2**12), "claims the shape .* there is no memory"),
    "the shape is negative": (first_reshaped(-1), r"claims the elements 0 to 2 of the shape \(-1,\)"),
    "the shape is too small": (first_reshaped(1), r"claims the elements 0 to 2 of the shape \(1,\)"),
    "an entry is no blob": (first_as(b"\xff\xff"), "these 2 bytes are no BlobProto"),
    "an entry is of an unknown type": (first_as(stored("b", "SomeClass", b"")), "type 'SomeClass', which cannot be"),
    "a tensor is none": (first_as(stored("b", "Tensor")), "'b' is called a tensor and is none"),
    "a tensor is a string too": (
        lambda found: [found[0], (b"b", stored("b", "std::string", b"")), *found[1:]],
        "'b' is there twice",
    ),
    "a string is there twice": (lambda found: [STRING, STRING, *found], "'c' is there twice"),
    "a string is a tensor too": (lambda found: [STRING, (b"c#%0", found[0][1]), *found], "'c' is there twice"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_does_not_fit_together_is_refused_and_changes_nothing(bench, tmp_path, damage):
    """Items 96, 103 and 104."""
    change, message = DAMAGE[damage]
    bench(b=f32([[1, 2, 3], [4, 5, 6]])).run("Save", ["b"], chunk_size=2, **DB)
    rewrite(tmp_path / "x.db", change(entries(tmp_path / "x.db")))
    made = bench(d="old")

    with pytest.raises(OperatorError, match=rf"^Load: .*x\.db'.*{message}"):
        made.run("Load", [], ["b", "c", "d"], allow_incomplete=True, **DB)
    assert made.blobs == {"d": "old"}


@pytest.mark.parametrize(
    "entry",
    [
        stored("b", "std::unique_ptr<Counter<int64_t>>"),
        stored("b", "std::unique_ptr<Counter<int64_t>>", tensor=np.array([1, 2])),
        stored("b", "std::unique_ptr<Counter<int64_t>>", tensor=f32([1])),
        stored("b", "std::unique_ptr<Counter<int64_t>>", tensor=np.array([1, 2]), end=1),
        stored("b", "std::unique_ptr<TreeCursor>", b"a:values a:lengths "),
        stored("b", "std::unique_ptr<TreeCursor>", b"\xff "),
        stored("b", "std::unique_ptr<TreeCursor>", b"a ", tensor=f32([1])),
        stored("b", "std::unique_ptr<caffe2::IndexBase>", b"10 0"),
        stored("b", "std::unique_ptr<caffe2::IndexBase>", b"ten", tensor=i32([1])),
        stored("b", "std::unique_ptr<caffe2::IndexBase>", b"10 0", tensor=i32([1, 1])),
        stored("b", "std::unique_ptr<caffe2::IndexBase>", b"1 0", tensor=i32([1, 2])),
        stored("b", "(std::unordered_map<int32_t, int64_t>)", b""),
        stored("b", "(std::unordered_map<int32_t, int64_t>)", pack_tensors([i32([1]), i32([1])])),
        stored("b", "(std::unordered_map<int32_t, int32_t>)", pack_tensors([i32([1, 2]), i32([1])])),
        stored("b", "DBReader", pack_tensors([i32([1]), i32([1])])),
        stored("b", "DBReader", pack_tensors([string_tensor([b"none", b"x"], [2]), np.array([1, 0, 0])])),
        stored("b", "DBReader", pack_tensors([string_tensor([b"minidb", b"x"], [2]), np.array([1, 2, 0])])),
    ],
)
def test_an_entry_that_does_not_hold_what_it_says_is_refused(bench, tmp_path, entry):
    rewrite(tmp_path / "x.db", [(b"b", entry)])

    with pytest.raises(OperatorError, match=r"x\.db', entry b'b': blob 'b' is of type '.*', and the entry does not"):
        bench().run("Load", [], ["b"], **DB)


def test_with_checksums_a_flipped_byte_shows_wherever_it_is(bench, tmp_path):
    """Item 103."""
    path = tmp_path / "x.db"
    bench(a=f32([1, 2]), s=ByteString(b"text")).run("Save", ["a", "s"], checksums=True, **DB)
    content = path.read_bytes()

    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(OperatorError):
            bench().run("Load", [], [], load_all=True, **DB)


@pytest.mark.parametrize("db_type", ["minidb", "lmdb"])
def test_with_checksums_an_entry_that_is_missing_shows_when_all_is_loaded(bench, tmp_path, db_type):
    """Item 103."""
    bench(a=f32([1, 2]), b=f32([3])).run("Save", ["a", "b"], db="x", db_type=db_type, checksums=True)
    assert bench().run("Load", [], ["b"], db="x", db_type=db_type).tolist() == [3]
    rewrite(tmp_path / "y", entries(tmp_path / "x", db_type)[:1], db_type)

    with pytest.raises(OperatorError, match=r"^Load: '.*y': only 1 of 2 entries are there"):
        bench().run("Load", [], [], db="y", db_type=db_type, load_all=True)


def test_caffe2_reads_entries_with_checksums_as_ever(bench, tmp_path):
    """To it they are a field that it does not know."""
    bench(a=f32([1, 2])).run("Save", ["a"], **DB)
    [(_, plain)] = entries(tmp_path / "x.db")
    bench(a=f32([1, 2])).run("Save", ["a"], checksums=True, **DB)
    [(_, with_seal)] = entries(tmp_path / "x.db")

    blob = pb.BlobProto.FromString(with_seal)
    blob.DiscardUnknownFields()

    assert with_seal != plain
    assert blob.SerializeToString() == plain


# --- checkpoints -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Checkpoint", "Snapshot"])
def test_a_checkpoint_is_saved_at_multiples_with_the_iteration_in_it(bench, tmp_path, kind):
    """Item 98."""
    made = bench(iteration=np.array([0]), w=f32([1]))
    instance = made.instance(kind, ["iteration", "w"], db="ck_%d.db", db_type="minidb", every=2)

    for number in (0, 3, 4, 2**33):
        made.blobs["iteration"] = np.array([number])
        instance()

    assert sorted(os.listdir(tmp_path)) == ["ck_0.db", "ck_4.db", f"ck_{2**33}.db"]
    assert bench().run("Load", [], ["iteration"], db="ck_4.db", db_type="minidb").tolist() == [4]
    assert names(tmp_path / "ck_4.db") == ["iteration#%0", "w#%0"]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("%d", "7"),
        ("ck_%05d.db", "ck_00007.db"),
        ("%lld-%%", "7-%"),
        ("%+i", "+7"),
        ("fixed", "fixed"),
        ("%3u", "  7"),
    ],
)
def test_patterns_are_filled_in_as_c_does(bench, tmp_path, pattern, name):
    bench(i=np.int64(7)).run("Checkpoint", ["i"], db=pattern, db_type="minidb")

    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("pattern", ["%s", "%d_%d", "50%", "%x", "%1000d", "%*d", "%n"])
def test_other_patterns_are_refused(bench, pattern):
    """Caffe2 crashes on `%s`."""
    with pytest.raises(ArgumentError, match=r"^Checkpoint: argument 'db' must have one %d at the most"):
        bench(i=np.int64(7)).run("Checkpoint", ["i"], db=pattern, db_type="minidb")


def test_the_iteration_and_every_are_checked(bench):
    with pytest.raises(DtypeError, match="Checkpoint: iteration has dtype int32, expected int64"):
        bench(i=i32([1])).run("Checkpoint", ["i"], **DB)
    with pytest.raises(ShapeError, match="Snapshot: iteration has shape"):
        bench(i=np.array([1, 2])).run("Snapshot", ["i"], **DB)
    with pytest.raises(ArgumentError, match="'every' must be 1 or more, got 0"):
        bench(i=np.array([1])).run("Checkpoint", ["i"], every=0, **DB)


def test_overrides_of_a_checkpoint_name_the_iteration_too(bench, tmp_path):
    made = bench(i=np.array([1]), w=f32([1]))

    made.run("Checkpoint", ["i", "w"], blob_name_overrides=["step", "weights"], **DB)

    assert names(tmp_path / "x.db") == ["step#%0", "weights#%0"]


# --- in a run --------------------------------------------------------------------------------------------------------


def test_a_checkpoint_of_a_net_is_loaded_into_a_fresh_workspace(tmp_path):
    before, after = Workspace(), Workspace()
    before.root_folder = after.root_folder = str(tmp_path)
    before.feed_blob("iteration", np.array([0]))
    before.feed_blob("w", f32([1, 2]))
    train = Net("train")
    train.Iter("iteration", "iteration")
    train.Add(["w", "w"], "w")
    train.CreateCounter([], "counter", init_count=5)
    train.Checkpoint(["iteration", "w", "counter"], [], db="ck_%d.db", db_type="minidb", every=2)
    before.create_net(train)
    before.run_net("train", 5)

    restore = Net("restore")
    restore.Load([], ["w", "iteration", "counter"], db="ck_4.db", db_type="minidb")
    restore.RetrieveCount("counter", "count")
    after.run(restore)

    assert sorted(os.listdir(tmp_path)) == ["ck_2.db", "ck_4.db"]
    assert after.fetch_blob("w").tolist() == [16, 32]
    assert after.fetch_blob("iteration").tolist() == [4]
    assert after.fetch_blob("count") == 5


def test_load_all_makes_blobs_in_the_workspace_of_the_run(tmp_path):
    path = str(tmp_path / "x.db")
    with TaskGroup() as saving:
        with Node("local"), Task():
            a = ops.GivenTensorFill([], shape=[2], values=[1.0, 2.0])
            ops.Save(a, [], db=path, db_type="minidb", absolute_path=True, blob_name_overrides=["a"])
    with TaskGroup(WorkspaceType.GLOBAL) as loading:
        with Node("local"), Task():
            ops.Load([], [], db=path, db_type="minidb", absolute_path=True, load_all=True, add_prefix="old/")
    with TaskGroup() as reading:
        with Node("local"), Task() as task:
            task.add_output(ops.Add(["old/a", "old/a"]))
    with LocalSession() as session:
        for group in (saving, loading, reading):
            session.run(group)

    assert task.outputs()[0].fetch().tolist() == [2, 4]


def test_a_load_that_fails_in_a_run_leaves_the_workspace_as_it_was(tmp_path):
    """Item 104."""
    workspace = Workspace()
    workspace.root_folder = str(tmp_path)
    workspace.feed_blob("a", f32([77]))
    workspace.feed_blob("b", f32([77]))
    net = Net("save")
    net.Save(["a"], [], db="x.db", db_type="minidb")
    workspace.run(net)
    workspace.feed_blob("a", f32([5]))
    failing = Net("load")
    failing.Load([], ["a", "b"], db="x.db", db_type="minidb")

    with pytest.raises(OperatorError, match="Load: Expected to load 2 blobs, got 1 only: "):
        workspace.run(failing)

    assert workspace.fetch_blob("a") == 5


def test_wrong_arguments_are_told_on_the_line_of_the_call():
    with pytest.raises((ArgumentError, PlanError), match="'db_type' must be 'minidb' or 'lmdb', got 'levledb'"):
        Net("n").Save(["a"], [], db="x", db_type="levledb")
