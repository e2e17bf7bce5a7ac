"""Growing lists of tensors, windows and reservoirs of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.fake_run import Bench, f32, f64, i32
from tests.operators.samples.datasets import i64

from taskplan import Workspace
from taskplan.errors import ArgumentError, ArityError, DtypeError, OperatorError, ShapeError
from taskplan.operators import catalogue  # noqa: F401 - declares the operators
from taskplan.operators.dictionaries import Map
from taskplan.operators.inference import TensorSpec
from taskplan.operators.objects import Mutex
from taskplan.operators.operands import F32, I32, I64
from taskplan.operators.registry import RANDOM, declaration
from taskplan.operators.waiting import Changes
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef

# --- tensor vectors ---------------------------------------------------------------------------------------------------


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    for name in ("tv", "other"):
        made.run("CreateTensorVector", [], [name])
    return made


def collector(bench: Bench, *vectors: str, num_to_collect: int) -> Any:
    tensors = [f"tensor{k}" for k in range(len(vectors))]
    return bench.instance("CollectTensor", [*vectors, *tensors], vectors, num_to_collect=num_to_collect)


def collect(bench: Bench, instance: Any, *values: Any) -> None:
    bench.blobs.update({f"tensor{k}": value for k, value in enumerate(values)})
    instance()


def test_a_vector_counts_and_joins_what_was_collected(bench: Bench) -> None:
    instance = collector(bench, "tv", num_to_collect=5)
    for rows in ([[1, 2]], [[3, 4], [5, 6]], []):
        collect(bench, instance, f32(rows).reshape(-1, 2))

    size = bench.run("TensorVectorSize", ["tv"], ["size"])

    assert (type(size), size) == (np.int32, 3)
    assert bench.run("ConcatTensorVector", ["tv"], ["all"]).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_an_empty_vector_cannot_be_joined(bench: Bench) -> None:
    with pytest.raises(OperatorError, match="ConcatTensorVector: tensor vector 'tv' is empty"):
        bench.run("ConcatTensorVector", ["tv"], ["all"])


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        (f64([[3, 4]]), DtypeError, "has dtype float32 in number 0 and float64 in number 1"),
        (f32([[3]]), ShapeError, r"has shape \(1, 2\) in number 0 and \(1, 1\) in number 1"),
        (np.float32(3), ShapeError, r"has shape \(1, 2\) in number 0 and \(\) in number 1"),
    ],
)
def test_tensors_of_different_kinds_cannot_be_joined(
    bench: Bench, second: Any, error: type[Exception], message: str
) -> None:
    instance = collector(bench, "tv", num_to_collect=5)
    collect(bench, instance, f32([[1, 2]]))
    collect(bench, instance, second)

    with pytest.raises(error, match=f"ConcatTensorVector: tensor vector 'tv' {message}"):
        bench.run("ConcatTensorVector", ["tv"], ["all"])


def test_tensors_of_rank_0_cannot_be_joined(bench: Bench) -> None:
    collect(bench, collector(bench, "tv", num_to_collect=5), np.float32(1))

    with pytest.raises(ShapeError, match=r"tensor vector 'tv', number 0, has shape \(\)"):
        bench.run("ConcatTensorVector", ["tv"], ["all"])


def test_a_reservoir_of_calls_keeps_the_same_calls_in_all_vectors(bench: Bench) -> None:
    """Item 73."""
    instance = collector(bench, "tv", "other", num_to_collect=3)
    for call in range(60):
        collect(bench, instance, i64([call]), i64([-call]))

    kept = bench.run("ConcatTensorVector", ["tv"], ["all"]).tolist()

    assert len(kept) == 3
    assert max(kept) > 2
    assert bench.run("ConcatTensorVector", ["other"], ["all"]).tolist() == [-call for call in kept]


def test_every_call_is_kept_with_the_same_chance(bench: Bench) -> None:
    """With 2 of 6 kept, each is in a third of 900 samples, give or take four deviations."""
    counts = np.zeros(6, int)
    rng = np.random.default_rng(3)
    for _ in range(900):
        bench.run("CreateTensorVector", [], ["tv"])
        instance = collector(bench, "tv", num_to_collect=2)
        instance.rng = rng
        for call in range(6):
            collect(bench, instance, i64([call]))
        counts[[tensor[0] for tensor in bench.blobs["tv"].tensors]] += 1

    assert counts.sum() == 1800
    assert abs(counts - 300).max() < 4 * 14.2


def test_calls_are_counted_by_the_instance(bench: Bench) -> None:
    for call in range(3):
        collect(bench, collector(bench, "tv", num_to_collect=1), i64([call]))

    assert bench.blobs["tv"].size() == 3


def test_a_vector_that_was_made_anew_meanwhile_is_refused(bench: Bench) -> None:
    instance = collector(bench, "tv", "other", num_to_collect=1)
    collect(bench, instance, i64([0]), i64([0]))
    bench.run("CreateTensorVector", [], ["other"])

    with pytest.raises(OperatorError, match="tensor vector 'other' of 0 has no position 0"):
        for call in range(50):
            collect(bench, instance, i64([call]), i64([call]))

    assert bench.blobs["tv"].tensors == [i64([0])]


def test_vectors_come_first_and_tensors_then_and_each_vector_is_an_output(bench: Bench) -> None:
    bench.blobs["x"] = f32([1])

    with pytest.raises(OperatorError, match="expected 1 tensor vectors and then 1 tensors, got ndarray, TensorVector"):
        bench.run("CollectTensor", ["x", "tv"], ["x"], num_to_collect=1)
    with pytest.raises(ArityError, match="an output for each of the 2 vectors, got 1"):
        bench.instance("CollectTensor", ["tv", "other", "x", "x"], ["tv"], num_to_collect=1)
    with pytest.raises(ArityError, match="output 0 must be the same blob as input 0"):
        bench.run("CollectTensor", ["tv", "x"], ["y"], num_to_collect=1)


@pytest.mark.parametrize("kind", ["CollectTensor", "LastNWindowCollector", "ReservoirSampling"])
def test_less_than_one_cannot_be_collected(kind: str) -> None:
    inputs = {"CollectTensor": ["a", "b"], "LastNWindowCollector": ["a", "b", "c"]}.get(kind, ["a", "b", "c", "d"])
    outputs = inputs[:1] if kind == "CollectTensor" else inputs[:2]

    with pytest.raises(ArgumentError, match=f"{kind}: argument 'num_to_collect' must be at least 1, got 0"):
        Bench().instance(kind, inputs, outputs, num_to_collect=0)


def test_collectors_say_what_they_change() -> None:
    assert declaration("CollectTensor").effects == {Changes("vectors"), RANDOM}
    assert declaration("LastNWindowCollector").effects == {Changes("MUTEX")}
    assert declaration("ReservoirSampling").effects == {Changes("MUTEX"), Changes("OBJECT_TO_POS_MAP_IN"), RANDOM}


# --- windows ----------------------------------------------------------------------------------------------------------


def window_of(num_to_collect: int, **blobs: Any) -> tuple[Bench, Any]:
    bench = Bench({"window": f32([]), "next": np.int32(0), "data": f32([]), **blobs})
    return bench, bench.instance(
        "LastNWindowCollector", ["window", "next", "data"], ["window", "next"], num_to_collect=num_to_collect
    )


@settings(max_examples=60)
@given(st.integers(1, 5), st.lists(st.integers(0, 12), max_size=8))
def test_a_window_holds_the_last_rows_with_the_oldest_at_next(size: int, batches: list[int]) -> None:
    bench, instance = window_of(size)
    seen: list[int] = []
    for count in batches:
        rows = list(range(len(seen), len(seen) + count))
        seen += rows
        bench.blobs["data"] = f32(rows)
        instance()

    window, begin = bench.blobs["window"].tolist(), int(bench.blobs["next"])
    assert type(bench.blobs["next"]) is np.int32
    assert window[begin:] + window[:begin] == seen[-size:]


def test_a_window_that_somebody_holds_never_changes() -> None:
    bench, instance = window_of(2, data=f32([[1], [2]]))
    instance()
    before = bench.blobs["window"]
    bench.blobs["data"] = f32([[3]])

    instance()

    assert before.tolist() == [[1], [2]]
    assert bench.blobs["window"].tolist() == [[3], [2]]


def test_an_empty_window_begins_anew_at_0() -> None:
    bench, instance = window_of(3, next=np.int32(2), data=np.array([[7]]))

    instance()

    assert (bench.blobs["window"].tolist(), bench.blobs["window"].dtype) == ([[7]], np.int64)
    assert bench.blobs["next"] == 1


@pytest.mark.parametrize(("rows", "begin"), [(3, 0), (1, 0), (1, 2), (2, 2), (2, -1)])
def test_a_window_and_a_position_that_make_no_ring_are_refused(rows: int, begin: int) -> None:
    _, instance = window_of(2, window=np.zeros(rows, np.float32), next=np.int32(begin))

    with pytest.raises(OperatorError, match=f"last-N buffer has {rows} rows and next cursor is {begin}, no ring of"):
        instance()


def test_rows_of_another_kind_are_refused_and_the_window_stays() -> None:
    bench, instance = window_of(2, window=f32([[1]]), next=np.int32(1), data=f64([[2]]))
    with pytest.raises(DtypeError, match="DATA has dtype float64, last-N buffer has dtype float32"):
        instance()
    bench.blobs["data"] = f32([[2, 3]])
    with pytest.raises(ShapeError, match=r"DATA has shape \(1, 2\), last-N buffer has shape \(1, 1\)"):
        instance()

    assert bench.blobs["window"].tolist() == [[1]]


def test_rows_that_were_visited_are_counted_in_the_shape_of_the_count() -> None:
    bench = Bench({"w": f32([]), "n": np.int32(0), "d": f32([1, 2, 3]), "m": Mutex(), "v": i64([10])})
    instance = bench.instance("LastNWindowCollector", ["w", "n", "d", "m", "v"], ["w", "n", "v"], num_to_collect=2)

    instance()
    instance()

    assert bench.blobs["v"].tolist() == [16]


@pytest.mark.parametrize("count", [-1, np.iinfo(np.int64).max])
def test_a_count_that_cannot_be_is_refused(count: int) -> None:
    bench = Bench({"w": f32([]), "n": np.int32(0), "d": f32([1]), "m": Mutex(), "v": np.int64(count)})

    with pytest.raises(OperatorError, match=f"NUM_VISITED is {count}, expected 0 or more"):
        bench.run("LastNWindowCollector", ["w", "n", "d", "m", "v"], ["w", "n", "v"], num_to_collect=2)


def test_a_count_that_nobody_gives_cannot_be_an_output() -> None:
    with pytest.raises(ArityError, match="the output NUM_VISITED needs the input NUM_VISITED"):
        Bench().instance("LastNWindowCollector", ["w", "n", "d", "m"], ["w", "n", "v"], num_to_collect=2)


def test_a_window_that_no_other_step_uses_is_inferred_exactly() -> None:
    infer = declaration("LastNWindowCollector").infer
    assert infer is not None
    specs = [TensorSpec(F32, (2, 4)), TensorSpec(I32), TensorSpec(F32, (5, 4))]

    assert infer(specs, {"num_to_collect": 6}, 2) == (TensorSpec(F32, (6, 4)), TensorSpec(I32))
    assert infer([*specs, None], {"num_to_collect": 6}, 2)[0] == TensorSpec(F32, (None, 4))


def run_at_once(op: OpDef, workspace: Workspace, instances: int, times: int) -> None:
    net = NetDef("collect", (op,))
    step = StepDef("all", steps=(StepDef("one", nets=("collect",), times=times),), instances=instances)
    workspace.run_definition(PlanDef("p", (net,), (step,)))


def test_steps_that_collect_under_a_mutex_lose_no_row() -> None:
    workspace = Workspace()
    blobs = {"w": f32([]), "n": np.int32(0), "d": f32([1, 2, 3]), "m": Mutex(), "v": np.int64(0)}
    for name, value in blobs.items():
        workspace.feed_blob(name, value)

    op = OpDef("LastNWindowCollector", ("w", "n", "d", "m", "v"), ("w", "n", "v"), {"num_to_collect": 7})
    run_at_once(op, workspace, instances=4, times=50)

    assert workspace.fetch_blob("v") == 600
    assert workspace.fetch_blob("n") == 600 % 7
    assert np.roll(workspace.fetch_blob("w"), -(600 % 7)).tolist() == [3, 1, 2, 3, 1, 2, 3]


# --- reservoirs of rows -----------------------------------------------------------------------------------------------


def reservoir_of(num_to_collect: int, **blobs: Any) -> tuple[Bench, Any]:
    bench = Bench({"rows": f32([]), "seen": np.int64(0), "data": f32([]), "m": Mutex(), **blobs})
    inputs, outputs = ["rows", "seen", "data", "m"], ["rows", "seen"]
    if "ids" in blobs:
        bench.blobs |= {"places": Map(I64, I32, "places"), "by_place": i64([])} | blobs
        inputs, outputs = [*inputs, "ids", "places", "by_place"], [*outputs, "places", "by_place"]
    return bench, bench.instance("ReservoirSampling", inputs, outputs, num_to_collect=num_to_collect)


def test_a_reservoir_takes_all_rows_until_it_is_full() -> None:
    bench, instance = reservoir_of(3, data=f32([[1], [2]]))

    instance()

    assert bench.blobs["rows"].tolist() == [[1], [2]]
    assert (type(bench.blobs["seen"]), bench.blobs["seen"]) == (np.int64, 2)


@pytest.mark.parametrize("batch", [1, 4, 12])
def test_every_row_is_kept_with_the_same_chance_however_rows_come(batch: int) -> None:
    """With 3 of 12 kept, each is in a quarter of 800 samples, give or take four deviations."""
    counts = np.zeros(12, int)
    bench, instance = reservoir_of(3)
    for _ in range(800):
        bench.blobs |= {"rows": i64([]), "seen": np.int64(0)}
        for begin in range(0, 12, batch):
            bench.blobs["data"] = np.arange(begin, begin + batch)
            instance()
        counts[bench.blobs["rows"]] += 1

    assert counts.sum() == 2400
    assert abs(counts - 200).max() < 4 * 12.3


def test_a_reservoir_that_somebody_holds_never_changes() -> None:
    bench, instance = reservoir_of(2, data=np.arange(2))
    instance()
    before = bench.blobs["rows"]
    bench.blobs["data"] = np.arange(10, 60)

    instance()

    assert before.tolist() == [0, 1]
    assert bench.blobs["rows"].tolist() != [0, 1]


def test_an_empty_reservoir_counts_from_0() -> None:
    bench, instance = reservoir_of(3, seen=np.int64(99), data=f32([[1, 1]]))

    instance()

    assert (bench.blobs["rows"].tolist(), bench.blobs["seen"]) == ([[1, 1]], 1)


@pytest.mark.parametrize(("rows", "seen"), [(1, 2), (2, 1), (4, 4), (2, 9)])
def test_a_reservoir_that_does_not_fit_its_count_is_refused(rows: int, seen: int) -> None:
    _, instance = reservoir_of(3, rows=np.zeros(rows, np.float32), seen=np.int64(seen), data=f32([1]))

    with pytest.raises(OperatorError, match=f"RESERVOIR has {rows} rows and NUM_VISITED is {seen}, which do not fit"):
        instance()


def test_ids_are_for_all_or_for_none() -> None:
    with pytest.raises(ArityError, match="4 inputs and gives 2 outputs, or 7 and 4 with ids; got 4 inputs and 4"):
        Bench().instance("ReservoirSampling", ["r", "v", "d", "m"], ["r", "v", "p", "b"], num_to_collect=3)


def ids_are_in_step(bench: Bench, size: int) -> bool:
    """Whether map, vector and reservoir agree; a row holds its id here."""
    rows, by_place = bench.blobs["rows"].tolist(), bench.blobs["by_place"].tolist()
    keys, places = bench.blobs["places"].entries()
    return (
        rows == by_place
        and dict(zip(keys.tolist(), places.tolist(), strict=True)) == {key: k for k, key in enumerate(by_place)}
        and len(rows) == min(int(bench.blobs["seen"]), size)
    )


@settings(max_examples=60)
@given(st.integers(1, 4), st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=8))
def test_no_id_is_twice_in_a_reservoir_and_map_and_vector_agree_with_it(size: int, batches: list[list[int]]) -> None:
    bench, instance = reservoir_of(size, ids=i64([]), rows=i64([]))
    for batch in batches:
        bench.blobs |= {"ids": i64(batch), "data": i64(batch)}
        instance()
        assert ids_are_in_step(bench, size)


def test_a_row_whose_id_is_there_already_is_skipped_and_not_counted() -> None:
    bench, instance = reservoir_of(5, ids=i64([4, 5, 4]), data=f32([1, 2, 3]))

    instance()
    instance()

    assert (bench.blobs["rows"].tolist(), bench.blobs["seen"]) == ([1, 2], 2)
    assert bench.blobs["by_place"].tolist() == [4, 5]


def test_ids_that_do_not_fit_the_reservoir_are_refused() -> None:
    bench, instance = reservoir_of(5, ids=i64([4]), data=f32([1, 2]))
    with pytest.raises(ShapeError, match=r"OBJECT_ID has shape \(1,\), expected \(2,\), an id for each row"):
        instance()
    bench.blobs |= {"ids": i64([4, 5]), "by_place": i64([3])}
    with pytest.raises(ShapeError, match=r"POS_TO_OBJECT_IN has shape \(1,\), expected \(0,\)"):
        instance()
    bench.blobs |= {"by_place": i64([]), "ids": i32([4, 5])}
    with pytest.raises(DtypeError, match="OBJECT_ID has dtype int32, expected int64"):
        instance()


def test_a_map_that_does_not_fit_the_reservoir_is_refused() -> None:
    stale, foreign = Map(I64, I32), Map(I64, I64)
    stale.insert(i64([8]), i32([0]))
    bench, instance = reservoir_of(5, ids=i64([4]), data=f32([1]), places=stale)
    with pytest.raises(OperatorError, match="OBJECT_TO_POS_MAP_IN has 1 ids for a reservoir of 0 rows"):
        instance()
    bench.blobs["places"] = foreign
    with pytest.raises(DtypeError, match="OBJECT_TO_POS_MAP_IN is of int64 to int64, expected int64 to int32"):
        instance()


def test_steps_that_fill_a_reservoir_at_once_lose_no_row() -> None:
    workspace = Workspace()
    for name, value in (("r", i64([])), ("v", np.int64(0)), ("d", np.arange(3)), ("m", Mutex())):
        workspace.feed_blob(name, value)

    op = OpDef("ReservoirSampling", ("r", "v", "d", "m"), ("r", "v"), {"num_to_collect": 700})
    run_at_once(op, workspace, instances=4, times=50)

    assert workspace.fetch_blob("v") == 600
    assert np.bincount(workspace.fetch_blob("r")).tolist() == [200, 200, 200]
