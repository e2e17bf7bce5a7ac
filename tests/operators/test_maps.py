"""Maps from integers to integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.fake_run import Bench, i32

from taskplan import Net, Workspace
from taskplan.errors import ArgumentError, DtypeError, OperatorError, ShapeError
from taskplan.operators.dictionaries import Map

INT64 = 10


@pytest.fixture
def bench() -> Bench:
    return Bench()


def put(bench: Bench, keys: Any, values: Any) -> None:
    bench.blobs |= {"keys": np.asarray(keys), "values": np.asarray(values)}
    bench.run("KeyValueToMap", ["keys", "values"], ["m"])


def entries(bench: Bench) -> dict[int, int]:
    keys, values = bench.run("MapToKeyValue", ["m"], ["k", "v"])
    return dict(zip(keys.tolist(), values.tolist(), strict=True))


PAIRS = st.lists(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 9)), max_size=6), max_size=3)


@settings(max_examples=30)
@given(PAIRS)
def test_the_first_value_of_a_key_stays_within_a_call_and_from_call_to_call(calls: list[list[tuple[int, int]]]) -> None:
    bench = Bench()
    bench.run("CreateMap", [], ["m"], key_dtype=INT64, value_dtype=INT64)
    expected: dict[int, int] = {}
    for pairs in calls:
        put(bench, np.array([key for key, _ in pairs], np.int64), np.array([value for _, value in pairs], np.int64))
        for key, value in pairs:
            expected.setdefault(key, value)

    assert entries(bench) == expected


@pytest.mark.parametrize("keys", [np.int32, np.int64])
@pytest.mark.parametrize("values", [np.int32, np.int64])
def test_entries_have_the_types_of_the_map(bench: Bench, keys: type, values: type) -> None:
    put(bench, np.array([1], keys), np.array([2], values))

    got = bench.run("MapToKeyValue", ["m"], ["k", "v"])

    assert [each.dtype for each in got] == [keys, values]
    assert [each.shape for each in got] == [(1,), (1,)]


def test_a_map_without_entries_gives_empty_vectors_of_int32_unless_told_otherwise(bench: Bench) -> None:
    bench.run("CreateMap", [], ["m"], value_dtype=INT64)

    keys, values = bench.run("MapToKeyValue", ["m"], ["k", "v"])

    assert (keys.dtype, keys.shape, values.dtype, values.shape) == (np.int32, (0,), np.int64, (0,))


def test_a_map_is_made_if_the_output_holds_none(bench: Bench) -> None:
    put(bench, i32([1]), i32([10]))

    assert entries(bench) == {1: 10}


def test_entries_of_another_kind_make_a_new_map(bench: Bench) -> None:
    put(bench, i32([1]), i32([10]))
    old = bench.blobs["m"]

    put(bench, [2], i32([20]))

    assert entries(bench) == {2: 20}
    assert bench.blobs["m"] is not old


def test_entries_of_the_same_kind_go_into_the_map_that_is_there(bench: Bench) -> None:
    put(bench, i32([1]), i32([10]))
    old = bench.blobs["m"]

    put(bench, i32([[2, 3]]), i32([[20], [30]]))

    assert bench.blobs["m"] is old
    assert entries(bench) == {1: 10, 2: 20, 3: 30}


def test_creating_a_map_again_empties_it(bench: Bench) -> None:
    create = bench.instance("CreateMap", [], ["m"])
    create()
    put(bench, i32([1]), i32([10]))

    create()

    assert entries(bench) == {}


@pytest.mark.parametrize("argument", ["key_dtype", "value_dtype"])
def test_a_map_holds_int32_and_int64_only(bench: Bench, argument: str) -> None:
    with pytest.raises(
        ArgumentError, match=rf"CreateMap: argument '{argument}' must be INT32 \(2\) or INT64 \(10\), got 1"
    ):
        bench.instance("CreateMap", [], ["m"], **{argument: 1})


def test_keys_and_values_must_be_integers_and_equally_many(bench: Bench) -> None:
    with pytest.raises(DtypeError, match=r"^KeyValueToMap: key blob has dtype float64"):
        put(bench, [1.0], [1])
    with pytest.raises(DtypeError, match=r"^KeyValueToMap: value blob has dtype float64"):
        put(bench, [1], [1.0])
    with pytest.raises(ShapeError, match=r"key blob has shape \(2,\), value blob has shape \(1,\)"):
        put(bench, [1, 2], [1])


def test_a_map_says_what_it_holds(bench: Bench) -> None:
    put(bench, [1, 2], i32([10, 20]))

    assert bench.blobs["m"].describe() == "map 'm' of 2 int64 keys to int32"


def test_a_net_fills_the_map_that_an_earlier_net_made() -> None:
    workspace = Workspace()
    workspace.feed_blob("keys", np.array([1, 2]))
    for value in (10, 20):
        workspace.feed_blob("values", np.array([value, value]))
        net = Net("fill")
        net.KeyValueToMap(["keys", "values"], "m")
        workspace.run(net)
        workspace.feed_blob("keys", np.array([2, 3]))
    net = Net("look")
    net.MapToKeyValue("m", ["k", "v"])
    workspace.run(net)

    assert isinstance(workspace.cell("m").value, Map)
    assert workspace.fetch_blob("k").tolist() == [1, 2, 3]
    assert workspace.fetch_blob("v").tolist() == [10, 10, 20]


def test_a_tensor_is_no_map() -> None:
    workspace = Workspace()
    workspace.feed_blob("x", np.array([1, 2]))
    net = Net("look")
    net.MapToKeyValue("x", ["k", "v"])

    with pytest.raises(OperatorError, match=r"MapToKeyValue: input map blob \(blob 'x'\) must be a Map, got int64"):
        workspace.run(net)
