"""Records of plain Python, read by tasks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.data.moving import ONE_COLUMN, BoomError, group_of, rows_read

import taskplan as tp
from taskplan.builder.containers import List, Struct
from taskplan.builder.fields import Scalar
from taskplan.data.iterables import IterableReader


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
        Unlike([1, 2], ["a", "b"]),
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
        ({"user": [1]}, tp.OperatorError, r"item 0 of source 'pairs' lacks 'name'; it has \['user'\]"),
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


def test_rows_cannot_have_lists():
    with pytest.raises(tp.BuildValueError, match="single rows cannot have lists"):
        IterableReader([], Struct(("carts", List(np.float32))), rows=True)


def test_what_cannot_be_iterated_over_is_refused():
    with pytest.raises(tp.BuildTypeError, match=r"iterable must yield records, or be a function .*; got 5"):
        IterableReader(5, PAIRS)  # type: ignore[arg-type]
