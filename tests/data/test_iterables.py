"""Records of plain Python, read by tasks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
import pytest
from tests.data.moving import ONE_COLUMN, BoomError, group_of, rows_read

import taskplan as tp
from taskplan.builder.containers import List, ListWithEvicted, Map, Struct
from taskplan.builder.fields import Scalar
from taskplan.data.iterables import IterableReader
from taskplan.data.record_types import schema_from_dataclass


@pytest.fixture(params=[tp.LocalSession, tp.SimulatedSession])
def session(request: pytest.FixtureRequest) -> Iterator[Any]:
    with tp.fresh_names(), request.param(tp.Workspace()) as opened:
        yield opened
    assert [each.name for each in threading.enumerate() if each.name.startswith("taskplan-")] == []


def batches(session: Any, reader: IterableReader, **options: Any) -> list[Any]:
    """What a reader reads: of each batch the columns."""
    seen: list[Any] = []
    session.run(group_of(reader, lambda *columns: seen.append([each.tolist() for each in columns]), **options))
    return seen


PAIRS = Struct(("user", np.int64), ("name", str))


class Pair(NamedTuple):
    user: Any
    name: Any


class Unlike(NamedTuple):
    number: Any
    text: Any


@dataclass
class UnlikeData:
    first: Any
    second: Any


class Turned(NamedTuple):
    name: Any
    user: Any


@dataclass
class PairData:
    name: Any
    user: Any
    more: int = 0


@pytest.mark.parametrize(
    "record",
    [
        ([1, 2], ["a", "b"]),
        [[1, 2], [b"a", b"b"]],
        {"name": np.array(["a", "b"]), "user": np.array([1, 2], np.int32), "more": None},
        Pair([1, 2], ["a", "b"]),
        Turned(["a", "b"], [1, 2]),
        PairData(["a", "b"], [1, 2]),
    ],
    ids=lambda record: type(record).__name__,
)
def test_each_item_is_a_batch(session, record):
    assert batches(session, IterableReader([record, record], PAIRS)) == [[[1, 2], [b"a", b"b"]]] * 2


@pytest.mark.parametrize(
    "record",
    [(1, "a"), [1, b"a"], {"user": np.int32(1), "name": "a"}, Pair(1, "a"), PairData("a", 1)],
    ids=lambda record: type(record).__name__,
)
def test_items_that_are_rows_are_stacked(session, record):
    reader = IterableReader([record] * 5, PAIRS, rows=True, batch_size=2)

    assert batches(session, reader) == [[[1, 1], [b"a", b"a"]]] * 2 + [[[1], [b"a"]]]


def test_single_values_are_a_batch_of_one_row(session):
    assert batches(session, IterableReader([(1, "a"), (2, "b")], PAIRS)) == [[[1], [b"a"]], [[2], [b"b"]]]


@pytest.mark.parametrize("item", [np.array([1, 2, 3]), [1, 2, 3], ([1, 2, 3],), {"n": [1, 2, 3]}])
def test_with_one_column_an_item_may_be_its_values(session, item):
    assert batches(session, IterableReader([item], ONE_COLUMN)) == [[[1, 2, 3]]]


def test_rows_of_one_column_may_be_values(session):
    assert batches(session, IterableReader(range(5), ONE_COLUMN, rows=True)) == [[[0, 1, 2, 3, 4]]]


def test_a_row_of_an_inner_shape_is_a_row(session):
    schema = Struct(("v", Scalar((np.float32, 2))))

    assert batches(session, IterableReader([(np.ones(2),), (np.ones((3, 2)),)], schema)) == [
        [[[1, 1]]],
        [[[1, 1]] * 3],
    ]
    assert batches(session, IterableReader([([1, 2],), ([3, 4],)], schema, rows=True)) == [[[[1, 2], [3, 4]]]]


def test_lists_come_as_lengths_and_values(session):
    schema = Struct(("user", np.int64), ("carts", List(np.float32)))

    assert batches(session, IterableReader([([1, 2], [2, 1], [1, 2, 3])], schema)) == [[[1, 2], [2, 1], [1, 2, 3]]]


@pytest.mark.parametrize(
    ("dtype", "values"),
    [(np.float32, [1.5, 2]), (np.float32, [1, 2]), (np.uint8, [0, 255]), (np.int64, [True, False]), (np.float16, [1])],
)
def test_values_are_converted_to_the_types_of_the_schema(session, dtype, values):
    seen: list[Any] = []

    session.run(group_of(IterableReader([(values,)], Struct(("x", dtype))), seen.append))

    assert seen[0].dtype == dtype
    assert seen[0].tolist() == values


def test_a_leaf_without_a_type_takes_what_comes(session):
    seen: list[Any] = []

    session.run(group_of(IterableReader([[1.5], ["a"]], Struct(("x", Scalar()))), seen.append))

    assert [(each.dtype, each.tolist()) for each in seen] == [(np.float64, [1.5]), (object, [b"a"])]


@pytest.mark.parametrize(
    ("record", "error", "message"),
    [
        (([1], ["a"], [2]), tp.OperatorError, r"item 0 of source 'pairs' has 3 values, expected one for each of \['u"),
        (
            {"user": [1]},
            tp.OperatorError,
            r"item 0 of source 'pairs' lacks 'name'; it has \['user'\], expected \['user', 'name'\]",
        ),
        (
            Unlike([1], ["a"]),
            tp.OperatorError,
            r"lacks 'user', 'name'; it has \['number', 'text'\], expected \['user', 'name'\]",
        ),
        (
            UnlikeData([1], ["a"]),
            tp.OperatorError,
            r"lacks 'user', 'name'; it has \['first', 'second'\], expected \['user', 'name'\]",
        ),
        (
            5,
            tp.OperatorError,
            r"item 0 of source 'pairs' is 5, expected a tuple, dict or dataclass of \['user', 'name'",
        ),
        (([1.5], ["a"]), tp.DtypeError, r"field 'user' of item 0 of source 'pairs' is float64, expected int64"),
        (
            ([2**63], ["a"]),
            tp.DtypeError,
            r"field 'user' of item 0 of source 'pairs' has 922337203685477580\d+, which is no in",
        ),
        (
            ([2**70], ["a"]),
            tp.DtypeError,
            r"field 'user' of item 0 of source 'pairs' is made of objects such as 11805\d+, exp",
        ),
        (([[1], [1, 2]], ["a"]), tp.ShapeError, r"field 'user' of item 0 of source 'pairs' is no array"),
        (
            ([1], np.array([1])),
            tp.DtypeError,
            r"field 'name' of item 0 of source 'pairs' is int64, expected string",
        ),
        (([1], [1]), tp.DtypeError, r"got 1; a tensor holds numbers, or str and bytes"),
        (([1, 2], ["a"]), tp.ShapeError, r"'.*/user' has 2 rows and '.*/name' has 1 in a batch of source '.*/pairs'"),
    ],
)
def test_a_record_that_does_not_fit_is_an_error_that_names_the_source(session, record, error, message):
    with pytest.raises(error, match=f"ReadSource: .*{message}"):
        batches(session, IterableReader([record], PAIRS, name="pairs"))


def test_a_row_that_does_not_fit_is_named(session):
    rows = [(1, "a")] * 3

    with pytest.raises(tp.OperatorError, match="item 3 of source 'iterable' has 1 values"):
        batches(session, IterableReader([*rows, (1,)], PAIRS, rows=True, batch_size=2))
    with pytest.raises(tp.DtypeError, match="field 'user' of items 2 to 3 of source 'iterable' is float64"):
        batches(session, IterableReader([*rows, (1.5, "a")], PAIRS, rows=True, batch_size=2))


def test_an_inner_shape_that_does_not_fit_is_refused(session):
    reader = IterableReader([(np.ones((3, 4)),)], Struct(("v", Scalar((np.float64, 2)))))

    with pytest.raises(tp.ShapeError, match=r"field 'v' of item 0 .* has rows of shape \(4,\), expected \(2,\)"):
        batches(session, reader)


# --- what is nested ---------------------------------------------------------------------------------------------------


@dataclass
class Place:
    name: str
    at: Annotated[np.ndarray, (np.float32, 2)]


@dataclass
class Flight:
    day: int
    origin: Place


class PlaceTuple(NamedTuple):
    name: str
    at: Any


@dataclass
class Stop:
    code: str
    delays: list[float]


@dataclass
class Trip:
    number: int
    stops: list[Stop]
    fares: dict[str, float]


FLIGHT = schema_from_dataclass(Flight)
TRIP = schema_from_dataclass(Trip)


@pytest.mark.parametrize(
    "row",
    [
        Flight(1, Place("x", np.array([1, 2]))),
        {"day": 1, "origin": {"at": [1, 2], "name": "x"}},
        {"day": 1, "origin:name": "x", "origin:at": [1, 2]},
        {"day": 1, "origin": PlaceTuple("x", [1, 2])},
        (1, ("x", [1, 2])),
        (1, "x", [1, 2]),
    ],
    ids=["dataclass", "dict", "flat names", "NamedTuple", "tuple", "flat tuple"],
)
def test_rows_are_nested_as_the_schema_is(session, row):
    assert batches(session, IterableReader([row] * 2, FLIGHT, rows=True)) == [[[1] * 2, [b"x"] * 2, [[1, 2]] * 2]]


@pytest.mark.parametrize(
    "item",
    [
        Flight([1, 2], Place(["x", "y"], [[1, 2], [3, 4]])),  # type: ignore[arg-type]
        {"day": [1, 2], "origin": {"name": ["x", "y"], "at": [[1, 2], [3, 4]]}},
        {"day": [1, 2], "origin:name": ["x", "y"], "origin:at": [[1, 2], [3, 4]]},
        ([1, 2], ["x", "y"], [[1, 2], [3, 4]]),
    ],
    ids=["dataclass", "dict", "flat names", "flat tuple"],
)
def test_columns_are_nested_as_the_schema_is(session, item):
    assert batches(session, IterableReader([item], FLIGHT)) == [[[1, 2], [b"x", b"y"], [[1, 2], [3, 4]]]]


def test_lists_in_rows_become_lengths_and_values(session):
    rows = [
        Trip(1, [Stop("a", [1.5, 2.5]), Stop("b", [])], {"low": 9.5}),
        Trip(2, [], {}),
        {"number": 3, "stops": [("c", (3.5,))], "fares": [("low", 7.5), ("high", 8.5)]},
    ]

    [batch] = batches(session, IterableReader(rows, TRIP, rows=True))

    assert dict(zip(TRIP.field_names(), batch, strict=True)) == {
        "number": [1, 2, 3],
        "stops:lengths": [2, 0, 1],
        "stops:values:code": [b"a", b"b", b"c"],
        "stops:values:delays:lengths": [2, 0, 1],
        "stops:values:delays:values": [1.5, 2.5, 3.5],
        "fares:lengths": [1, 0, 2],
        "fares:values:keys": [b"low", b"low", b"high"],
        "fares:values:values": [9.5, 7.5, 8.5],
    }


def test_lists_that_are_all_empty_are_columns_without_values(session):
    seen: list[Any] = []
    schema = Struct(("ids", List(np.int32)), ("seen", Map(str, np.bool_)), ("at", List(Scalar((np.float32, 2)))))

    session.run(group_of(IterableReader([([], {}, [])], schema, rows=True), lambda *columns: seen.extend(columns)))

    assert [(each.dtype, each.shape) for each in seen] == [
        (np.int32, (1,)),
        (np.int32, (0,)),
        (np.int32, (1,)),
        (object, (0,)),
        (np.bool_, (0,)),
        (np.int32, (1,)),
        (np.float32, (0, 2)),
    ]


def test_an_array_may_be_the_list_of_a_row(session):
    reader = IterableReader([(np.array([1, 2]),), ([3],)], Struct(("v", List(np.int64))), rows=True)

    assert batches(session, reader) == [[[2, 1], [1, 2, 3]]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Flight(1, None), r"field 'origin' of item 1 of source 'r' is None, expected a .* of \['name', 'at'\]"),  # type: ignore[arg-type]
        (
            {"day": 1, "origin": {"name": "x", "where": [1, 2]}},
            r"field 'origin' of item 1 of source 'r' lacks 'at'; it has \['name', 'where'\], expected \['name', 'at'\]",
        ),
        ((1, ("x",)), r"field 'origin' of item 1 of source 'r' has 1 values, expected one for each of \['name', 'at'"),
    ],
)
def test_what_does_not_fit_inside_of_a_row_is_named(session, row, message):
    rows = [(1, ("x", [1, 2])), row]

    with pytest.raises(tp.OperatorError, match=f"ReadSource: {message}"):
        batches(session, IterableReader(rows, FLIGHT, rows=True, name="r"))


@pytest.mark.parametrize("value", [5, "text", None, np.array(3), {"a": 1}], ids=repr)
def test_what_is_no_list_is_refused_in_a_row(session, value):
    reader = IterableReader([{"v": value}], Struct(("v", List(np.int64))), rows=True)

    with pytest.raises(tp.OperatorError, match=r"field 'v' of item 0 .* expected a list of values"):
        batches(session, reader)


def test_entries_of_lists_are_told_by_the_row_that_they_are_in(session):
    rows = [(1, [("a", [])], {}), (2, [("b", []), "c"], {})]

    with pytest.raises(tp.OperatorError, match=r"field 'stops:values' of item 1 of source 'iterable' is 'c', expected"):
        batches(session, IterableReader(rows, TRIP, rows=True))


def test_a_list_among_columns_has_lengths_and_values(session):
    reader = IterableReader([{"v": [[1], [2, 3]]}], Struct(("v", List(np.int64))))

    with pytest.raises(tp.OperatorError, match=r"field 'v' of item 0 .* expected a dict of \['lengths', 'values'\]"):
        batches(session, reader)


# --- what would get lost ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int32, np.bool_, (np.int64, (2,)), (np.float32, (2, 3)), str])
def test_an_empty_list_is_a_column_without_values(session, dtype):
    seen: list[Any] = []
    schema = Struct(("n", np.int64), ("v", List(Scalar(dtype))))

    session.run(group_of(IterableReader([([7], [0], [])], schema), lambda *columns: seen.append(columns[2])))

    declared = schema.field_types()[2]
    assert seen[0].shape == (0, *declared.shape)
    assert seen[0].dtype == (object if dtype is str else declared.base)


@pytest.mark.parametrize(
    ("dtype", "values", "message"),
    [
        (np.float32, [1.5, 1e300], "has 1e[+]300, which is too large for float32"),
        (np.float16, np.array([1e5], np.float32), "has 100000.0, which is too large for float16"),
        (np.complex64, [1e300 + 1j], r"has \(1e[+]300[+]1j\), which is too large for complex64"),
        (np.float64, [2**60 + 1], "has 1152921504606846977, which no float64 is exactly"),
        (np.float64, [2**60 + 1, 0.5], "has 1152921504606846977, which no float64 is exactly"),
        (np.float64, [2**63 - 1], "has 9223372036854775807, which no float64 is exactly"),
        (np.float32, np.array([-(2**24) - 1]), "has -16777217, which no float32 is exactly"),
        (np.float16, [70000], "has 70000, which no float16 is exactly"),
    ],
)
def test_numbers_that_would_become_others_are_refused(session, dtype, values, message):
    with pytest.raises(tp.DtypeError, match=f"field 'x' of item 0 of source 'iterable' {message}"):
        batches(session, IterableReader([(values,)], Struct(("x", dtype))))


@pytest.mark.parametrize(
    ("dtype", "values"),
    [(np.float32, [2**24, -(2**24), 2**40]), (np.float64, [2**60, 0.5, -(2**63)]), (np.float32, [np.inf, -np.inf])],
)
def test_numbers_that_stay_the_same_are_converted(session, dtype, values):
    assert batches(session, IterableReader([(values,)], Struct(("x", dtype)))) == [[values]]


# --- what is iterated over --------------------------------------------------------------------------------------------


def counting() -> Iterator[Any]:
    for number in range(3):
        yield (number,)


@pytest.mark.parametrize("iterable", [[(0,), (1,), (2,)], counting, range(3)], ids=["list", "function", "range"])
def test_a_second_run_reads_again(session, iterable):
    reader = IterableReader(iterable, ONE_COLUMN)

    assert rows_read(session, reader) == rows_read(session, reader) == [0, 1, 2]


def test_what_can_be_read_only_once_is_refused_the_second_time(session):
    reader = IterableReader(counting(), ONE_COLUMN, name="numbers")

    assert rows_read(session, reader) == [0, 1, 2]
    with pytest.raises(
        tp.OperatorError, match=r"source 'numbers' is <generator .*> which can be|read only once"
    ) as caught:
        rows_read(session, reader)
    assert "pass a function that makes it" in str(caught.value)


def test_several_instances_take_turns(session):
    reader = IterableReader(range(100), ONE_COLUMN, rows=True, batch_size=3)

    assert sorted(rows_read(session, reader, instances=4)) == list(range(100))


def test_a_generator_that_fails_raises_its_own_error(session):
    def failing() -> Iterator[Any]:
        yield (1,)
        raise BoomError("mine")

    with pytest.raises(BoomError, match="mine"):
        rows_read(session, IterableReader(failing, ONE_COLUMN))


def test_a_generator_is_closed_if_something_else_fails(session):
    closed: list[bool] = []

    def endless() -> Iterator[Any]:
        try:
            while True:
                yield (1,)
        finally:
            closed.append(True)

    def fail(_column: Any) -> None:
        raise BoomError

    with pytest.raises(BoomError):
        session.run(group_of(IterableReader(endless, ONE_COLUMN), fail))

    assert closed == [True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 5}, "batch_size=5 is for rows=True; without it each item is a batch"),
        ({"batch_size": 0, "rows": True}, "batch_size must be at least 1 row, got 0"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(options, message):
    with pytest.raises(tp.BuildValueError, match=message):
        IterableReader([], PAIRS, **options)


def test_rows_cannot_have_evicted_values():
    with pytest.raises(tp.BuildValueError, match=r"single rows cannot have evicted values; .* \['c:_evicted_values'\]"):
        IterableReader([], Struct(("c", ListWithEvicted(np.float32))), rows=True)


def test_what_cannot_be_iterated_over_is_refused():
    with pytest.raises(tp.BuildTypeError, match=r"iterable must yield records, or be a function .*; got 5"):
        IterableReader(5, PAIRS)  # type: ignore[arg-type]
