"""Printing, checking, failing on purpose, and asking."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.operators.fake_run import Bench, f32

from taskplan.errors import ArgumentError, DtypeError, OperatorError, ReportedError
from taskplan.operators.run import ByteString


@pytest.fixture
def bench() -> Bench:
    return Bench()


def strings(*texts: str) -> Any:
    made = np.empty(len(texts), object)
    made[:] = [text.encode() for text in texts]
    return made


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (f32([[0, 1], [2, 3]]), "Tensor p of type float. Dims: (2,2,): 0,1,2,3"),
        (np.float32(0.1), "Tensor p of type float. Dims: (): 0.1"),
        (np.array([1, -2], np.int64), "Tensor p of type long. Dims: (2,): 1,-2"),
        (np.array([True, False]), "Tensor p of type bool. Dims: (2,): 1,0"),
        (np.zeros((0, 3), np.int32), "Tensor p of type int. Dims: (0,3,)"),
        (strings("hello", "you"), "Tensor p of type std::string. Dims: (2,): hello,you"),
        (ByteString(b"text"), "Blob p holds ByteString"),
    ],
)
def test_print_shows_name_type_shape_and_elements(bench: Bench, value: Any, line: str) -> None:
    bench.blobs["p"] = value

    bench.run("Print", ["p"])

    assert bench.logged == [line]


def test_print_of_a_handle_says_what_it_is(bench: Bench) -> None:
    bench.run("CreateBlobsQueue", [], ["q"], capacity=3)

    bench.run("Print", ["q"])

    assert bench.logged == ["Blob q holds queue 'q' (0 of 3)"]


@pytest.mark.parametrize(("limit", "shown"), [(0, 1000), (2, 2)])
def test_print_shows_a_thousand_elements_unless_told_otherwise(bench: Bench, limit: int, shown: int) -> None:
    bench.blobs["p"] = np.zeros(2000, np.int32)

    bench.run("Print", ["p"], limit=limit)

    assert bench.logged[0].count("0,") - 1 == shown - 1


def test_print_speaks_at_the_first_of_every_n_calls(bench: Bench) -> None:
    printer = bench.instance("Print", ["p"], every_n=3)
    for number in range(7):
        bench.blobs["p"] = np.int32(number)
        printer()

    assert [line[-1] for line in bench.logged] == ["0", "3", "6"]


def test_print_to_a_file_appends_to_it(bench: Bench, tmp_path: Path) -> None:
    bench.workspace = SimpleNamespace(root_folder=str(tmp_path))
    bench.blobs["net/p"] = np.int32(1)
    printer = bench.instance("Print", ["net/p"], to_file=True)

    printer()
    printer()

    assert (tmp_path / "net" / "p.log").read_text() == "Tensor net/p of type int. Dims: (): 1\n" * 2
    assert not bench.logged


def test_print_refuses_a_blob_that_holds_nothing(bench: Bench) -> None:
    with pytest.raises(OperatorError, match=r"'p' was never written"):
        bench.run("Print", ["p"])


@pytest.mark.parametrize("arguments", [{"every_n": 0}, {"limit": -1}])
def test_print_refuses_counts_out_of_range_when_it_is_created(bench: Bench, arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        bench.instance("Print", ["p"], **arguments)


def test_assert_names_the_first_offender_and_ends_with_the_message(bench: Bench) -> None:
    bench.blobs["x"] = np.array([[1, 2], [0, 0]], np.int32)

    with pytest.raises(OperatorError, match=r"^Assert: element 2 of X is 0; no zeros please$"):
        bench.run("Assert", ["x"], error_msg="no zeros please")


@pytest.mark.parametrize("value", [np.True_, np.array([3, -1], np.int64), np.zeros((0, 2), bool)])
def test_assert_passes_what_is_true_everywhere(bench: Bench, value: Any) -> None:
    bench.blobs["x"] = value

    bench.run("Assert", ["x"])


def test_assert_refuses_floats(bench: Bench) -> None:
    bench.blobs["x"] = np.ones(1, np.float32)

    with pytest.raises(DtypeError, match=r"^Assert: X has dtype float32"):
        bench.run("Assert", ["x"])


def test_fail_reports_failure(bench: Bench) -> None:
    with pytest.raises(ReportedError, match=r"^Fail: "):
        bench.run("Fail")


def test_throw_exception_raises_its_message(bench: Bench) -> None:
    with pytest.raises(OperatorError, match=r"^ThrowException: no more$"):
        bench.run("ThrowException", message="no more")


@pytest.mark.parametrize("kind", ["ThrowChildThreadException", "LogFatal", "Crash"])
def test_what_ends_the_process_in_caffe2_ends_the_run_here(bench: Bench, kind: str) -> None:
    with pytest.raises(OperatorError, match=rf"^{kind}: .*ends the process in Caffe2"):
        bench.run(kind)


def test_the_time_is_an_int64_of_nanoseconds(bench: Bench) -> None:
    time = bench.run("WallClockTime", [], ["t"])

    assert type(time) is np.int64
    assert time == 1_577_836_800_000_000_000


@pytest.mark.parametrize(("include_shared", "expected"), [(True, [b"parent", b"own"]), (False, [b"own"])])
def test_all_blob_names_are_those_of_parents_too_unless_told_otherwise(
    bench: Bench, include_shared: bool, expected: list[bytes]
) -> None:
    bench.workspace = SimpleNamespace(names=lambda: ["parent", "own"], local_names=lambda: ["own"])

    names = bench.run("GetAllBlobNames", [], ["names"], include_shared=include_shared)

    assert names.tolist() == expected
    assert names.dtype == object
