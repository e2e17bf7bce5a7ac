"""Timers, registries, and statistics of values."""

from __future__ import annotations

from itertools import count
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import held
from tests.operators.fake_run import Bench, FakeRun, f32

from taskplan import LocalSession, Task, TaskGroup, final_output, ops
from taskplan.errors import ArgumentError, DtypeError, OperatorError, ShapeError
from taskplan.operators.objects import Mutex
from taskplan.operators.statistic_objects import PROCESS

MOST = np.iinfo(np.int64).max
LEAST = np.iinfo(np.int64).min


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def stat(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses, since the process has one registry for all."""
    return str(request.node.nodeid)


def of_process(prefix: str) -> dict[str, int]:
    """The statistics of the process whose names begin so, by the rest of their names."""
    names, values = PROCESS.export(False)
    found = {name.decode(): value for name, value in zip(names.tolist(), values.tolist(), strict=True)}
    return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}


# --- timers -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock takes 10 nanoseconds."""
    ticks = count(1000, 10)
    monkeypatch.setattr(FakeRun, "wall_clock_ns", lambda _: next(ticks))


@pytest.mark.usefixtures("_clock")
def test_a_timer_goes_on_until_it_is_ended_and_then_counts(bench: Bench, stat: str) -> None:
    begin = bench.instance("TimerBegin", [], ["tm"], counter_name=stat)
    begin()
    seen = [bench.run("TimerGet", ["tm"], ["ns"]) for _ in range(2)]
    bench.run("TimerEnd", ["tm"])
    begin()
    last = bench.run("TimerGetAndEnd", ["tm"], ["ns"])

    assert seen == [10, 20]
    assert type(seen[0]) is np.int64
    assert (last.dtype, last.tolist()) == (np.int64, [10])
    assert of_process(stat) == {"/time_ns/sum": 40, "/time_ns/count": 2}


def test_a_timer_is_called_like_its_blob_unless_told_otherwise(bench: Bench, stat: str) -> None:
    bench.run("TimerBegin", [], [stat])

    bench.run("TimerEnd", [stat])

    assert of_process(stat)["/time_ns/count"] == 1


def test_a_timer_that_runs_is_not_begun_again(bench: Bench) -> None:
    begin = bench.instance("TimerBegin", [], ["tm"])
    begin()

    with pytest.raises(OperatorError, match="TimerBegin: timer 'tm' runs; end it first"):
        begin()


@pytest.mark.parametrize(("kind", "outputs"), [("TimerGet", ["ns"]), ("TimerEnd", []), ("TimerGetAndEnd", ["ns"])])
def test_a_timer_that_was_ended_has_no_time(bench: Bench, stat: str, kind: str, outputs: list[str]) -> None:
    bench.run("TimerBegin", [], ["tm"], counter_name=stat)
    bench.run("TimerEnd", ["tm"])

    with pytest.raises(OperatorError, match=f"{kind}: timer 'tm' does not run; begin it first"):
        bench.run(kind, ["tm"], outputs)

    assert of_process(stat)["/time_ns/count"] == 1


def test_a_clock_that_is_put_back_makes_no_negative_times(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([1000, 900])
    monkeypatch.setattr(FakeRun, "wall_clock_ns", lambda _: next(ticks))
    bench.run("TimerBegin", [], ["tm"])

    assert bench.run("TimerGet", ["tm"], ["ns"]) == 0


def test_each_operator_has_a_timer_of_its_own_that_lives_as_long_as_a_blob_holds_it(bench: Bench) -> None:
    for name in ("a", "b"):
        bench.run("TimerBegin", [], [name])

    bench.run("TimerEnd", ["a"])

    assert bench.run("TimerGet", ["b"], ["ns"]) == 0


# --- registries -------------------------------------------------------------------------------------------------------


def update(bench: Bench, keys: Any, values: Any, *registry: str) -> None:
    bench.blobs |= {"keys": held(np.array(keys, object)), "values": np.array(values, np.int64)}
    bench.run("StatRegistryUpdate", ["keys", "values", *registry])


def export(bench: Bench, *registry: str, **arguments: Any) -> dict[bytes, int]:
    keys, values, times = bench.run("StatRegistryExport", registry, ["k", "v", "t"], **arguments)
    assert values.dtype == times.dtype == np.int64
    assert keys.shape == values.shape == times.shape
    return dict(zip(keys.tolist(), values.tolist(), strict=True))


@settings(max_examples=30)
@given(st.lists(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(LEAST, MOST)), max_size=5), max_size=3))
def test_a_registry_adds_up_by_name_and_wraps_as_int64(calls: list[list[tuple[str, int]]]) -> None:
    bench = Bench()
    bench.run("StatRegistryCreate", [], ["r"])
    expected: dict[bytes, int] = {}
    for pairs in calls:
        update(bench, [key for key, _ in pairs], [value for _, value in pairs], "r")
        for key, value in pairs:
            expected[key.encode()] = (expected.get(key.encode(), 0) + value - LEAST) % 2**64 + LEAST

    assert export(bench, "r", reset=False) == expected


def test_an_export_begins_again_at_zero_and_keeps_the_names(bench: Bench) -> None:
    bench.run("StatRegistryCreate", [], ["r"])
    update(bench, ["x"], [3], "r")

    assert [export(bench, "r") for _ in range(2)] == [{b"x": 3}, {b"x": 0}]


def test_an_export_without_reset_changes_nothing(bench: Bench) -> None:
    bench.run("StatRegistryCreate", [], ["r"])
    update(bench, ["x"], [3], "r")

    assert [export(bench, "r", reset=False) for _ in range(2)] == [{b"x": 3}] * 2
    assert bench.blobs["t"].tolist() == [1_577_836_800_000_000_000]


def test_an_empty_registry_exports_empty_vectors(bench: Bench) -> None:
    bench.run("StatRegistryCreate", [], ["r"])

    assert export(bench, "r") == {}


def test_without_a_handle_the_registry_is_that_of_the_process(bench: Bench, stat: str) -> None:
    update(bench, [stat], [5])

    assert of_process(stat) == {"": 5}
    assert export(Bench(), reset=False)[stat.encode()] == 5


def test_names_and_values_must_be_strings_and_int64_and_equally_many(bench: Bench) -> None:
    with pytest.raises(ShapeError, match=r"keys has shape \(1,\), values has shape \(2,\)"):
        update(bench, ["x"], [1, 2])
    bench.blobs |= {"keys": held(["x"]), "ones": f32([1])}
    with pytest.raises(DtypeError, match="StatRegistryUpdate: values has dtype float32, expected int64"):
        bench.run("StatRegistryUpdate", ["keys", "ones"])
    with pytest.raises(DtypeError, match="StatRegistryUpdate: keys has dtype float32, expected string"):
        bench.run("StatRegistryUpdate", ["ones", "ones"])


def test_instances_that_run_at_once_lose_no_count() -> None:
    with TaskGroup() as group, Task(num_instances=3):
        with ops.task_init():
            registry = ops.StatRegistryCreate([])
            name = ops.GivenTensorStringFill([], shape=[1], values=["n"])
            one = ops.Const(np.array([1], np.int64))
        with ops.loop(50):
            ops.StatRegistryUpdate([name, one, registry], [])
        with ops.task_exit():
            counts = final_output(ops.StatRegistryExport([registry], 3)[1])

    with LocalSession() as session:
        session.run(group)

    assert counts.fetch().tolist() == [150]


# --- statistics of values ---------------------------------------------------------------------------------------------


def test_an_increment_is_the_first_element_expanded_and_truncated(bench: Bench, stat: str) -> None:
    """5.1 in float32 is less than 5.1, and 10 times that in float32 is 51."""
    bench.blobs["x"] = f32([5.1, 100])

    bench.run("IncrementPut", ["x"], stat_name=stat, magnitude_expand=10)

    assert of_process(stat) == {"/stat_value": 51}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.float64(-2.9), -2), (np.int32(-3), -3), (np.int64(2**62 + 1), 2**62 + 1), (np.array([[7]], np.int32), 7)],
)
def test_numbers_of_any_shape_are_truncated_toward_zero(bench: Bench, stat: str, value: Any, expected: int) -> None:
    bench.blobs["x"] = value

    for _ in range(2):
        bench.run("IncrementPut", ["x"], stat_name=stat)

    assert of_process(stat)["/stat_value"] in (2 * expected, 2 * expected - 2**64)


def test_an_average_is_kept_as_sum_and_count(bench: Bench, stat: str) -> None:
    for value in (2.9, -1.5):
        bench.blobs["x"] = f32([value])
        bench.run("AveragePut", ["x"], stat_name=stat)

    assert of_process(stat) == {"/stat_value/sum": 1, "/stat_value/count": 2}


@settings(max_examples=30)
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=8))
def test_the_variance_follows_from_what_is_kept(values: list[int]) -> None:
    """Caffe2 moves the value that distances are taken from at every other call."""
    bench, name = Bench(), str(uuid4())
    put = bench.instance("StdDevPut", ["x"], stat_name=name)
    for value in values:
        bench.blobs["x"] = np.int64(value)
        put()

    kept = of_process(f"{name}/stat_value/")
    assert (kept["sum"], kept["count"]) == (sum(values), len(values))
    offset = kept["sumoffset"] ** 2 / kept["count"]
    assert (kept["sumsqoffset"] - offset) / (kept["count"] - 1) == pytest.approx(np.var(values, ddof=1))


def test_a_statistic_is_called_like_the_input_unless_told_otherwise(bench: Bench, stat: str) -> None:
    bench.blobs[stat] = f32([3])

    bench.run("AveragePut", [stat])

    assert of_process(stat) == {"/stat_value/sum": 3, "/stat_value/count": 1}


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_without_an_element_the_default_counts(bench: Bench, stat: str, dtype: str) -> None:
    bench.blobs["x"] = np.zeros(0, dtype)
    with pytest.raises(ShapeError, match=r"IncrementPut: value has shape \(0,\), expected an element; or pass default"):
        bench.run("IncrementPut", ["x"], stat_name=stat)

    bench.run("IncrementPut", ["x"], stat_name=stat, default_value=2.5, magnitude_expand=10)

    assert of_process(stat) == {"/stat_value": 25}


@pytest.mark.parametrize(
    ("value", "magnitude", "expected"),
    [
        (np.float32(1e30), 1, MOST),
        (np.float32(3e38), 1000, MOST),
        (np.float64(-np.inf), 1, LEAST),
        (np.float64(2.0**63), 1, MOST),
        (np.int64(LEAST), 2, LEAST),
    ],
)
def test_what_is_beyond_int64_is_refused_or_with_bound_the_nearest(
    bench: Bench, stat: str, value: Any, magnitude: int, expected: int
) -> None:
    bench.blobs["x"] = value
    arguments: dict[str, Any] = {"stat_name": stat, "magnitude_expand": magnitude}
    with np.errstate(over="ignore"):
        with pytest.raises(OperatorError, match=r"IncrementPut: value is .* no int64; pass bound=True"):
            bench.run("IncrementPut", ["x"], has_bound=True, **arguments)
        assert of_process(stat) == {}

        bench.run("IncrementPut", ["x"], bound=True, **arguments)

    assert of_process(stat) == {"/stat_value": expected}


@pytest.mark.parametrize("kind", ["IncrementPut", "AveragePut", "StdDevPut"])
def test_nan_counts_nowhere(bench: Bench, stat: str, kind: str) -> None:
    bench.blobs["x"] = f32([np.nan])

    with pytest.raises(OperatorError, match=f"{kind}: value is nan"):
        bench.run(kind, ["x"], stat_name=stat, bound=True)

    assert of_process(stat) == {}


@pytest.mark.parametrize("kind", ["IncrementPut", "AveragePut", "StdDevPut"])
def test_values_are_expanded_not_shrunk(bench: Bench, kind: str) -> None:
    with pytest.raises(ArgumentError, match=f"{kind}: argument 'magnitude_expand' must be at least 1, got 0"):
        bench.instance(kind, ["x"], magnitude_expand=0)


def test_atomic_iterations_are_counted_by_blob() -> None:
    bench = Bench({"m": Mutex("m"), "step": np.array([4])})
    count = bench.instance("AtomicIter", ["m", "step"], ["step"])
    bench.run("StatRegistryExport", [], ["keys", "values", "times"])

    count()
    count()

    keys, values, _ = bench.run("StatRegistryExport", [], ["keys", "values", "times"])
    assert values[keys.tolist().index(b"atomic_iter/stats/step/num_iter")] == 2
