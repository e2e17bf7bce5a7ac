"""Indices, which number keys in the order of first sight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import held
from tests.operators.fake_run import Bench, i32

from taskplan.errors import ArgumentError, ArityError, DtypeError, OperatorError

KINDS = {"IntIndexCreate": np.int32, "LongIndexCreate": np.int64}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def make(bench: Bench, kind: str = "LongIndexCreate", **arguments: Any) -> None:
    bench.run(kind, [], ["ix"], **arguments)


def get(bench: Bench, keys: Any) -> Any:
    bench.blobs["keys"] = keys if isinstance(keys, np.ndarray | np.generic) else np.array(keys, np.int64)
    return bench.run("IndexGet", ["ix", "keys"], ["numbers"])


def load(bench: Bench, items: Any, **arguments: Any) -> None:
    bench.blobs["items"] = np.array(items, np.int64)
    bench.run("IndexLoad", ["ix", "items"], ["ix"], **arguments)


def stored(bench: Bench) -> Any:
    return bench.run("IndexStore", ["ix"], ["items"]).tolist()


def size(bench: Bench) -> Any:
    return bench.run("IndexSize", ["ix"], ["size"])


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(-4, 4), max_size=8), max_size=4))
def test_keys_are_numbered_in_the_order_of_first_sight(calls: list[list[int]]) -> None:
    bench = Bench()
    make(bench)
    known: dict[int, int] = {}
    for keys in calls:
        for key in keys:
            known.setdefault(key, len(known) + 1)

        assert get(bench, keys).tolist() == [known[key] for key in keys]

    assert stored(bench) == list(known)
    assert size(bench) == len(known) + 1


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_have_the_shape_of_the_keys_and_are_int64(bench: Bench, kind: str) -> None:
    make(bench, kind)

    numbers = get(bench, np.array([[7, 8], [7, 9]], KINDS[kind]))

    assert numbers.dtype == np.int64
    assert numbers.tolist() == [[1, 2], [1, 3]]
    assert type(get(bench, KINDS[kind](9))) is np.int64
    assert get(bench, np.zeros((0, 2), KINDS[kind])).shape == (0, 2)
    assert bench.run("IndexStore", ["ix"], ["items"]).dtype == KINDS[kind]


def test_strings_are_keys_too(bench: Bench) -> None:
    make(bench, "StringIndexCreate")

    assert get(bench, held(["b", "a", "b", ""])).tolist() == [1, 2, 1, 3]
    assert stored(bench) == [b"b", b"a", b""]
    assert type(get(bench, held("a"))) is np.int64


@pytest.mark.parametrize("keys", [i32([1]), np.array([1.0]), held(["1"])])
def test_keys_of_another_type_are_refused(bench: Bench, keys: Any) -> None:
    make(bench)

    with pytest.raises(DtypeError, match=r"^IndexGet: keys has dtype .*, expected int64"):
        get(bench, keys)


def test_the_numbers_end_below_max_elements_and_keys_before_the_last_stay_in(bench: Bench) -> None:
    make(bench, max_elements=3)

    with pytest.raises(OperatorError, match=r"IndexGet: no number is left for key 30: index 'ix' of 2 int64 keys"):
        get(bench, [10, 20, 10, 30, 40])

    assert stored(bench) == [10, 20]
    assert get(bench, [20, 10]).tolist() == [2, 1]
    with pytest.raises(OperatorError, match="no number is left for key 40"):
        get(bench, [40])


def test_a_frozen_index_answers_zero_for_unknown_keys_and_keeps_none(bench: Bench) -> None:
    make(bench, max_elements=3)
    get(bench, [10, 20])
    bench.run("IndexFreeze", ["ix"], ["ix"])

    assert get(bench, [[30, 20], [40, 10]]).tolist() == [[0, 2], [0, 1]]
    assert size(bench) == 3
    assert bench.blobs["ix"].describe() == "index 'ix' of 2 int64 keys, frozen"


@pytest.mark.parametrize("frozen", [False, True])
def test_loading_replaces_the_contents_frozen_or_not(bench: Bench, frozen: bool) -> None:
    make(bench)
    get(bench, [1, 2, 3])
    if frozen:
        bench.run("IndexFreeze", ["ix"], ["ix"])

    load(bench, [30, 1])

    assert stored(bench) == [30, 1]
    assert get(bench, [1, 2]).tolist() == [2, 0 if frozen else 3]


def test_the_first_entry_is_skipped_on_request(bench: Bench) -> None:
    make(bench)

    load(bench, [1, 1, 2], skip_first_entry=True)

    assert stored(bench) == [1, 2]


def test_there_must_be_a_first_entry_to_skip(bench: Bench) -> None:
    make(bench)

    with pytest.raises(OperatorError, match="there is no first entry to skip"):
        load(bench, [], skip_first_entry=True)


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        ([7, 8, 7], "key 7 at position 2 is repeated"),
        ([6, 7, 8, 9], r"got 4 keys, index 'ix' of 1 int64 keys holds at most max_elements=3"),
    ],
)
def test_a_load_that_is_refused_leaves_the_index_as_it_was(bench: Bench, items: list[int], fault: str) -> None:
    make(bench, max_elements=3)
    get(bench, [1])

    with pytest.raises(OperatorError, match=f"IndexLoad: {fault}"):
        load(bench, items)

    assert stored(bench) == [1]
    assert get(bench, [5]).tolist() == [2]


def test_as_many_keys_as_max_elements_can_be_loaded_one_more_than_are_ever_added(bench: Bench) -> None:
    make(bench, max_elements=3)

    load(bench, [7, 8, 9])

    assert get(bench, [9]).tolist() == [3]
    assert size(bench) == 4
    with pytest.raises(OperatorError, match="no number is left for key 1"):
        get(bench, [1])


def test_an_index_without_keys_has_size_one(bench: Bench) -> None:
    make(bench)

    assert size(bench) == 1
    assert type(size(bench)) is np.int64


@pytest.mark.parametrize("kind", [*KINDS, "StringIndexCreate"])
def test_an_index_needs_room_for_the_number_zero(bench: Bench, kind: str) -> None:
    with pytest.raises(ArgumentError, match="max_elements=0"):
        make(bench, kind, max_elements=0)


def test_an_index_is_changed_in_place_only(bench: Bench) -> None:
    with pytest.raises(ArityError, match="same blob"):
        bench.instance("IndexFreeze", ["ix"], ["other"])
