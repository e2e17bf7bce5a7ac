"""Counters, operators under a mutex, flags and iteration numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.operators.fake_run import Bench, FakeRun

from taskplan.errors import ArgumentError, ArityError, DtypeError, OperatorError, ShapeError


@pytest.fixture
def bench() -> Bench:
    return Bench()


def make(bench: Bench, kind: str, name: str, **arguments: Any) -> None:
    bench.run(kind, [], [name], **arguments)


def test_counting_down_answers_about_the_count_before_and_goes_below_zero(bench: Bench) -> None:
    make(bench, "CreateCounter", "c", init_count=2)

    answers = [bench.run("CountDown", ["c"], ["done"]) for _ in range(4)]

    assert answers == [False, False, True, True]
    assert bench.run("RetrieveCount", ["c"], ["count"]) == -2


def test_counting_up_answers_the_count_before(bench: Bench) -> None:
    make(bench, "CreateCounter", "c")

    assert [bench.run("CountUp", ["c"], ["before"]) for _ in range(3)] == [0, 1, 2]


def test_answers_of_counters_are_numpy_scalars_of_their_types(bench: Bench) -> None:
    make(bench, "CreateCounter", "c")

    assert type(bench.run("CountDown", ["c"], ["done"])) is np.bool_
    assert type(bench.run("CheckCounterDone", ["c"], ["done"])) is np.bool_
    for kind in ("CountUp", "RetrieveCount", "ResetCounter"):
        assert type(bench.run(kind, ["c"], ["count"])) is np.int64


@pytest.mark.parametrize(("count", "done"), [(1, False), (0, True)])
def test_a_counter_is_done_at_zero_and_asking_changes_nothing(bench: Bench, count: int, done: bool) -> None:
    make(bench, "CreateCounter", "c", init_count=count)

    assert bench.run("CheckCounterDone", ["c"], ["done"]) == done
    assert bench.run("RetrieveCount", ["c"], ["count"]) == count


def test_resetting_a_counter_answers_the_count_before_if_asked_to(bench: Bench) -> None:
    make(bench, "CreateCounter", "c", init_count=2)

    assert bench.run("ResetCounter", ["c"], ["before"], init_count=5) == 2
    assert bench.run("ResetCounter", ["c"], init_count=7) is None
    assert bench.run("RetrieveCount", ["c"], ["count"]) == 7


@pytest.mark.parametrize("kind", ["CreateCounter", "ResetCounter"])
def test_a_counter_does_not_begin_below_zero(bench: Bench, kind: str) -> None:
    make(bench, "CreateCounter", "c")
    inputs = ["c"] if kind == "ResetCounter" else []

    with pytest.raises(ArgumentError, match=r"init_count=-1"):
        bench.instance(kind, inputs, ["c2"], init_count=-1)


def test_creating_a_counter_again_replaces_it(bench: Bench) -> None:
    create = bench.instance("CreateCounter", [], ["c"], init_count=1)
    create()
    bench.run("CountUp", ["c"], ["before"])

    create()

    assert bench.run("RetrieveCount", ["c"], ["count"]) == 1


@pytest.mark.parametrize(("kind", "dtype"), [("AtomicFetchAdd", np.int32), ("AtomicFetchAdd64", np.int64)])
def test_an_atomic_addition_gives_the_sum_and_the_value_before_as_scalars(
    bench: Bench, kind: str, dtype: type[np.integer[Any]]
) -> None:
    make(bench, "CreateMutex", "m")
    bench.blobs |= {"x": np.array([5, 99], dtype), "by": dtype(3)}

    total, before = bench.run(kind, ["m", "x", "by"], ["x", "before"])

    assert (total, before) == (8, 5)
    assert type(total) is type(before) is dtype


@pytest.mark.parametrize(("kind", "other"), [("AtomicFetchAdd", np.int64), ("AtomicFetchAdd64", np.int32)])
def test_an_atomic_addition_refuses_other_element_types_and_changes_nothing(
    bench: Bench, kind: str, other: type[np.integer[Any]]
) -> None:
    make(bench, "CreateMutex", "m")
    bench.blobs |= {"x": other(5), "by": other(3)}

    with pytest.raises(DtypeError, match=rf"^{kind}: mut_value has dtype"):
        bench.run(kind, ["m", "x", "by"], ["x", "before"])

    assert bench.blobs["x"] == 5
    assert "before" not in bench.blobs


def test_an_operator_under_a_mutex_reads_when_it_is_alone() -> None:
    """The engine reads inputs before the body runs; by the time of the lock another instance may have written them."""

    class Overtaken(FakeRun):
        def wait(self, reason: object, attempt: Any, timeout_s: float = 0.0) -> Any:
            self.bench.blobs["x"] = np.int32(100)
            return super().wait(reason, attempt, timeout_s)

    bench = Bench({"x": np.int32(5), "by": np.int32(1)})
    make(bench, "CreateMutex", "m")
    operation = Overtaken(bench, bench.instance("AtomicFetchAdd", ["m", "x", "by"], ["x", "before"]).op)

    operation()

    assert (bench.blobs["x"], bench.blobs["before"]) == (101, 100)


def test_only_a_mutex_serves_as_a_mutex(bench: Bench) -> None:
    make(bench, "CreateCounter", "c")
    bench.blobs |= {"x": np.int32(5), "by": np.int32(3)}

    with pytest.raises(AttributeError):
        bench.run("AtomicFetchAdd", ["c", "x", "by"], ["x", "before"])


def test_a_flag_is_raised_once_and_stays_up(bench: Bench) -> None:
    make(bench, "CreateAtomicBool", "flag")
    seen = []
    for condition in ([False, True], [True, False], [False]):
        bench.blobs["condition"] = np.array(condition)
        bench.run("ConditionalSetAtomicBool", ["flag", "condition"])
        seen.append(bench.run("CheckAtomicBool", ["flag"], ["up"]))

    assert [each.tolist() for each in seen] == [[False], [True], [True]]
    assert seen[0].dtype == np.bool_


def test_a_flag_takes_a_scalar_condition(bench: Bench) -> None:
    make(bench, "CreateAtomicBool", "flag")
    bench.blobs["condition"] = np.True_

    bench.run("ConditionalSetAtomicBool", ["flag", "condition"])

    assert bench.run("CheckAtomicBool", ["flag"], ["up"]).tolist() == [True]


@pytest.mark.parametrize(("condition", "error"), [(np.ones(1), DtypeError), (np.ones(0, bool), ShapeError)])
def test_a_flag_refuses_a_condition_that_says_nothing(bench: Bench, condition: Any, error: type[Exception]) -> None:
    make(bench, "CreateAtomicBool", "flag")
    bench.blobs["condition"] = condition

    with pytest.raises(error, match=r"ConditionalSetAtomicBool"):
        bench.run("ConditionalSetAtomicBool", ["flag", "condition"])


def test_an_iteration_number_without_input_begins_at_one_and_goes_on(bench: Bench) -> None:
    iteration = bench.instance("Iter", [], ["i"])

    iteration()
    iteration()

    assert bench.blobs["i"].tolist() == [2]


@pytest.mark.parametrize("value", [-1, np.iinfo(np.int64).max])
def test_an_iteration_number_stays_within_its_type(bench: Bench, value: int) -> None:
    bench.blobs["i"] = np.array([value], np.int64)

    with pytest.raises(OperatorError, match=str(value)):
        bench.run("Iter", ["i"], ["i"])


def test_an_atomic_iteration_number_keeps_its_shape(bench: Bench) -> None:
    make(bench, "CreateMutex", "m")
    bench.blobs |= {"i": np.array([[41]], np.int64), "j": np.int64(1)}

    assert bench.run("AtomicIter", ["m", "i"], ["i"]).tolist() == [[42]]
    assert type(bench.run("AtomicIter", ["m", "j"], ["j"])) is np.int64


def test_an_iteration_number_is_counted_in_place_only(bench: Bench) -> None:
    with pytest.raises(ArityError, match=r"same blob"):
        bench.instance("AtomicIter", ["m", "i"], ["j"])
