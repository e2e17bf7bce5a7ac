"""Stores of blobs in folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import held
from tests.operators.fake_run import Bench, FakeRun, f32

from taskplan import LocalSession, ReportedError, Task, TaskGroup, TimedOutError, final_output, ops
from taskplan.errors import ArgumentError, DtypeError, OperatorError
from taskplan.operators.objects import AtomicBool, Counter
from taskplan.operators.run import ByteString
from taskplan.operators.storage.stored_kinds import serialized
from taskplan.operators.stores import FileStore
from taskplan.operators.waiting import Takes
from taskplan.plan.stored_blobs import stored


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with the store s."""
    made = Bench()
    open_store(made, tmp_path)
    return made


def open_store(bench: Bench, folder: Path, name: str = "s", **arguments: Any) -> None:
    bench.run("FileStoreHandlerCreate", [], [name], path=str(folder), **arguments)


@pytest.fixture
def while_waiting(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What others do while an operator waits: at each look the next."""
    happens: list[Callable[[], object]] = []
    wait = FakeRun.wait

    def waiting(run: FakeRun, reason: Any, attempt: Any, timeout_s: float = np.inf) -> Any:
        if isinstance(reason, Takes):
            assert 0 < timeout_s < 1
            happens.pop(0)()
        return wait(run, reason, attempt, timeout_s)

    monkeypatch.setattr(FakeRun, "wait", waiting)
    return happens


@pytest.mark.parametrize(
    "value",
    [
        f32([[1, 2], [3, 4]]),
        np.float32(2.5),
        np.zeros((0, 3), np.int64),
        np.array([True, False]),
        np.array([1, -2], np.float16),
        held(["a", ""]),
        held("a"),
        ByteString(b"\0text"),
    ],
)
def test_a_blob_comes_back_as_it_was(bench: Bench, value: Any) -> None:
    bench.blobs["x"] = value
    bench.run("StoreSet", ["s", "x"])

    got = bench.run("StoreGet", ["s"], ["x"])

    assert type(got) is type(value)
    if isinstance(value, np.ndarray | np.generic):
        assert (got.dtype, got.shape, got.tolist()) == (value.dtype, value.shape, value.tolist())
    else:
        assert got == value


def test_blobs_have_their_own_names_in_a_store_or_others(bench: Bench) -> None:
    bench.blobs["x"] = f32([1])
    bench.run("StoreSet", ["s", "x"], blob_name="w")
    bench.blobs["x"] = f32([2])
    bench.run("StoreSet", ["s", "x"])

    assert bench.run("StoreGet", ["s"], ["w"]).tolist() == [1]
    assert bench.run("StoreGet", ["s"], ["y"], blob_name="x").tolist() == [2]


def test_setting_a_blob_again_replaces_it_in_one_step_and_leaves_nothing_else(bench: Bench, tmp_path: Path) -> None:
    for value in (1, 2):
        bench.blobs["x"] = f32([value])
        bench.run("StoreSet", ["s", "x"])

    assert bench.run("StoreGet", ["s"], ["x"]).tolist() == [2]
    assert os.listdir(tmp_path) == ["@x"]


def test_a_write_that_fails_leaves_the_old_blob_and_no_unfinished_one(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.blobs["x"] = f32([1])
    bench.run("StoreSet", ["s", "x"])

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    bench.blobs["x"] = f32([2])
    with pytest.raises(OperatorError, match=r"StoreSet: cannot write '.*@x': No space left on device"):
        bench.run("StoreSet", ["s", "x"])

    assert bench.run("StoreGet", ["s"], ["x"]).tolist() == [1]
    assert os.listdir(tmp_path) == ["@x"]


def test_programs_that_name_one_folder_and_prefix_share_a_store(tmp_path: Path) -> None:
    writer, reader, other = Bench(), Bench(), Bench()
    for bench, prefix in ((writer, "job"), (reader, "job"), (other, "job2")):
        open_store(bench, tmp_path, prefix=prefix)
    writer.blobs["x"] = f32([1])
    writer.run("StoreSet", ["s", "x"])

    assert reader.run("StoreGet", ["s"], ["x"]).tolist() == [1]
    assert other.blobs["s"].first_missing([b"x"]) == b"x"


NAMES = st.binary(max_size=6) | st.sampled_from([b".", b"..", b"/", b"a/b", b"@", b"a@b", b"../x", b"%2F"])


@settings(max_examples=50)
@given(st.tuples(NAMES, NAMES), st.tuples(NAMES, NAMES))
def test_different_names_have_different_files_in_the_folder(
    one: tuple[bytes, bytes], other: tuple[bytes, bytes]
) -> None:
    paths = [FileStore(Path("folder"), prefix).path(blob) for prefix, blob in (one, other)]

    assert (paths[0] == paths[1]) == (one == other)
    assert all(path.parent == Path("folder") and path.name not in (".", "..") for path in paths)


def test_a_reader_waits_until_the_blob_is_there(
    bench: Bench, tmp_path: Path, while_waiting: list[Callable[[], object]]
) -> None:
    content = serialized("x", f32([7]))
    while_waiting += [lambda: None, lambda: FileStore(tmp_path).write(b"x", content)]

    assert bench.run("StoreGet", ["s"], ["x"]).tolist() == [7]
    assert not while_waiting


@pytest.mark.parametrize("by_input", [True, False])
def test_waiting_for_several_blobs_ends_when_all_are_there(
    bench: Bench, tmp_path: Path, while_waiting: list[Callable[[], object]], by_input: bool
) -> None:
    other = FileStore(tmp_path)
    while_waiting += [lambda: other.write(b"b", b""), lambda: other.write(b"a", b"")]
    bench.blobs["names"] = held([["a"], ["b"]])

    if by_input:
        bench.run("StoreWait", ["s", "names"])
    else:
        bench.run("StoreWait", ["s"], blob_names=["a", "b"])

    assert not while_waiting


def test_a_long_wait_is_told_once_with_the_file(
    bench: Bench, tmp_path: Path, while_waiting: list[Callable[[], object]]
) -> None:
    while_waiting += [lambda: None] * 1999 + [lambda: FileStore(tmp_path).write(b"x", b"")]

    bench.run("StoreWait", ["s"], blob_names=["x"])

    assert bench.logged == [f"StoreWait: has waited for 10 s for '{tmp_path}/@x', which is not there"]


def test_what_to_wait_for_is_said_once(bench: Bench) -> None:
    bench.blobs["names"] = held(["a"])

    with pytest.raises(OperatorError, match="StoreWait: expected names as an input or as the argument blob_names"):
        bench.run("StoreWait", ["s"])
    with pytest.raises(OperatorError, match="one of both"):
        bench.run("StoreWait", ["s", "names"], blob_names=["b"])
    bench.blobs["names"] = f32([1])
    with pytest.raises(DtypeError, match="StoreWait: names has dtype float32, expected string"):
        bench.run("StoreWait", ["s", "names"])


def test_waiting_for_no_names_ends_at_once(bench: Bench) -> None:
    bench.blobs["names"] = held(np.zeros(0, object))

    bench.run("StoreWait", ["s", "names"])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"\xff\xff", "holds no blob"),
        (b"", "holds no blob: blob '' is of type '', which cannot be read"),
        (stored("x", "Tensor", tensor=f32([1, 2]), end=1), "holds no blob: blob 'x' is a piece of 1 elements"),
    ],
)
def test_a_file_that_holds_no_tensor_is_named(bench: Bench, tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "@x").write_bytes(content)

    with pytest.raises(OperatorError, match=f"StoreGet: '.*@x' {fault}"):
        bench.run("StoreGet", ["s"], ["x"])


def test_what_cannot_be_looked_for_or_read_is_named(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"StoreGet: cannot look for '.*xxx': File name too long"):
        bench.run("StoreGet", ["s"], ["y"], blob_name="x" * 300)
    (tmp_path / "@d").mkdir()
    with pytest.raises(OperatorError, match=r"StoreGet: cannot read '.*@d': Is a directory"):
        bench.run("StoreGet", ["s"], ["d"])


def test_handles_that_can_be_saved_are_stored_and_others_are_not(bench: Bench) -> None:
    bench.blobs["c"], bench.blobs["flag"] = Counter(3), AtomicBool("flag")

    bench.run("StoreSet", ["s", "c"])
    assert bench.run("StoreGet", ["s"], ["d"], blob_name="c").count == 3
    with pytest.raises(OperatorError, match=r"StoreSet: blob 'flag' holds a AtomicBool, which cannot be serialised"):
        bench.run("StoreSet", ["s", "flag"])
    with pytest.raises(OperatorError, match=r"blob 'never' holds nothing"):
        bench.run("StoreSet", ["s", "never"])


def test_a_store_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="FileStoreHandlerCreate: argument 'path' must name a folder"):
        Bench().instance("FileStoreHandlerCreate", [], ["s"])
    with pytest.raises(OperatorError, match=r"FileStoreHandlerCreate: '.*none' is no folder; make it before the run"):
        open_store(Bench(), tmp_path / "none")


def test_adding_is_refused(bench: Bench) -> None:
    """In Caffe2 it ends the process."""
    with pytest.raises(OperatorError, match=r"StoreAdd: file store 's' in .* cannot add"):
        bench.run("StoreAdd", ["s"], ["n"], blob_name="n", add_value=2)


# --- in runs ----------------------------------------------------------------------------------------------------------


def test_one_task_gets_what_another_sets(tmp_path: Path) -> None:
    with TaskGroup() as group:
        with Task(name="reader"):
            store = ops.FileStoreHandlerCreate([], path=str(tmp_path))
            got = final_output(ops.StoreGet([store], blob_name="w"))
        with Task(name="writer"):
            store = ops.FileStoreHandlerCreate([], path=str(tmp_path))
            ops.StoreSet([store, ops.Const(5)], [], blob_name="w")

    with LocalSession() as session:
        session.run(group)

    assert got.fetch() == 5


def test_a_wait_for_a_blob_ends_with_the_run(tmp_path: Path) -> None:
    with TaskGroup() as group:
        with Task(name="reader"):
            ops.StoreGet([ops.FileStoreHandlerCreate([], path=str(tmp_path))], blob_name="w")
        with Task(name="failing"):
            ops.Fail([], [])

    with LocalSession() as session, pytest.raises(ReportedError):
        session.run(group)


def test_a_run_that_takes_too_long_says_which_blob_it_waits_for(tmp_path: Path) -> None:
    with TaskGroup() as group, Task(name="reader"):
        store = ops.FileStoreHandlerCreate([], path=str(tmp_path))
        ops.StoreWait([store], [], blob_names=["w"])

    with LocalSession() as session, pytest.raises(TimedOutError, match="@w"):
        session.run(group, timeout_s=0.1)
