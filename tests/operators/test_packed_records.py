"""Datasets that grow and shrink, and records packed into one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call
from tests.operators.fake_run import Bench, f32, f64, i32
from tests.operators.samples.datasets import i64

from taskplan import Workspace
from taskplan.errors import ArgumentError, ArityError, DtypeError, OperatorError, ShapeError
from taskplan.operators import catalogue  # noqa: F401 - declares the operators
from taskplan.operators.objects import Mutex
from taskplan.operators.packed_records import grown
from taskplan.operators.registry import declaration
from taskplan.operators.waiting import Changes
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef

FIELDS = ["a", "b:lengths", "b:values"]
A, LENGTHS, VALUES = i64([1, 2, 3]), i32([2, 0, 1]), f32([[5], [6], [7]])


def listed(values: Any) -> list[Any]:
    return [value.tolist() for value in values]


def texts(*values: bytes) -> Any:
    made = np.empty(len(values), object)
    made[:] = values
    return made


# --- appending --------------------------------------------------------------------------------------------------------


def test_rows_of_texts_are_appended_too() -> None:
    assert call("Append", texts(b"a"), texts(b"b", b"c"), in_place=True).tolist() == [b"a", b"b", b"c"]


def test_a_store_without_rows_takes_on_type_and_rank_and_one_with_rows_of_no_size_does_not() -> None:
    assert call("Append", np.zeros((0, 5), np.int64), f32([1])).dtype == np.float32
    assert call("Append", f32(np.zeros((2, 0))), f32(np.zeros((3, 0)))).shape == (5, 0)
    with pytest.raises(ShapeError):
        call("Append", f32(np.zeros((2, 0))), f32([1]))


@pytest.mark.parametrize(
    ("store", "addition", "error", "message"),
    [
        (f32([1]), f64([2]), DtypeError, "B has dtype float64, A has dtype float32; cast one of them"),
        (
            f32([[1, 2]]),
            f32([[3]]),
            ShapeError,
            r"B has shape \(1, 1\), A has shape \(1, 2\); they may differ along the",
        ),
        (f32([1]), f32([[2]]), ShapeError, r"B has shape \(1, 1\), A has shape \(1,\)"),
        (f32([1]), np.float32(2), ShapeError, r"B has shape \(\), expected rank 1 or more"),
        (np.float32(1), f32([2]), ShapeError, r"A has shape \(\), expected rank 1 or more"),
    ],
)
def test_what_does_not_fit_is_refused(store: Any, addition: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"Append: {message}"):
        call("Append", store, addition)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4)), max_size=30))
def test_values_that_somebody_holds_never_change_whatever_is_appended_to_which(steps: list[tuple[int, int]]) -> None:
    """Each step appends some rows to one of the values there are: the newest, an old one, the same one again."""
    values, models = [f32([])], [[]]
    for number, (choice, count) in enumerate(steps):
        place = choice % len(values)
        rows = [float(number * 10 + k) for k in range(count)]
        values.append(grown(values[place], f32(rows)))
        models.append(models[place] + rows)

    assert listed(values) == models


def test_a_view_of_a_store_is_not_taken_for_the_store() -> None:
    store = grown(f32([1]), f32([2, 3]))
    part = store[1:]

    longer = grown(part, f32([9]))
    longest = grown(store, f32([4]))

    assert (longer.tolist(), longest.tolist(), store.tolist()) == ([2, 3, 9], [1, 2, 3, 4], [1, 2, 3])


def test_a_store_is_an_ordinary_array() -> None:
    assert type(grown(f32([1]), f32([2]))) is np.ndarray


def test_a_store_that_grows_row_by_row_is_seldom_copied() -> None:
    """Each copy makes room for two fifths more, so 1000 rows need no more than about log(1000) / log(1.4) of them."""
    workspace, copies = Workspace(), 0
    workspace.feed_blob("store", np.zeros((0, 64), np.float32))
    workspace.feed_blob("row", np.ones((1, 64), np.float32))
    net = workspace.create_net(NetDef("append", (OpDef("Append", ("store", "row"), ("store",), {}),)))
    for _ in range(1000):
        before = workspace.cell("store").value
        net.run()
        copies += not np.shares_memory(before, workspace.cell("store").value)

    assert workspace.fetch_blob("store").shape == (1000, 64)
    assert copies < 25


def test_two_operators_that_append_in_turn_share_the_spare_room() -> None:
    bench = Bench({"store": f32([0]), "row": f32([1])})
    first, second = (bench.instance("Append", ["store", "row"], ["store"]) for _ in range(2))
    first()
    second()
    before = bench.blobs["store"]
    first()

    assert np.shares_memory(before, bench.blobs["store"])


# --- appending under a mutex ------------------------------------------------------------------------------------------


def atomic_bench() -> Bench:
    return Bench({"m": Mutex("m"), "a": i32([1]), "b": f32([]), "a2": i32([5, 6]), "b2": f32([[1, 1]])})


def test_all_stores_get_their_additions() -> None:
    bench = atomic_bench()

    a, b = bench.run("AtomicAppend", ["m", "a", "b", "a2", "b2"], ["a", "b"])

    assert (a.tolist(), b.tolist()) == ([1, 5, 6], [[1, 1]])


def test_no_store_changes_if_one_addition_does_not_fit() -> None:
    """Item 68."""
    bench = atomic_bench()
    bench.blobs["b"] = f32([3])

    with pytest.raises(
        ShapeError, match=r"AtomicAppend: additions\[1\] has shape \(1, 2\), stores\[1\] has shape \(1,\)"
    ):
        bench.run("AtomicAppend", ["m", "a", "b", "a2", "b2"], ["a", "b"])

    assert bench.blobs["a"].tolist() == [1]


def test_outputs_must_be_the_stores_one_each() -> None:
    bench = atomic_bench()

    with pytest.raises(ArityError, match="output 1 must be the same blob as input 2"):
        bench.instance("AtomicAppend", ["m", "a", "b", "a2", "b2"], ["a", "c"])
    with pytest.raises(ArityError, match="an output for each of the 2 stores, got 1; give each on both sides"):
        bench.instance("AtomicAppend", ["m", "a", "b", "a2", "b2"], ["a"])
    with pytest.raises(ArityError, match=r"AtomicAppend takes 3, 5, 7, \.\.\. inputs"):
        bench.instance("AtomicAppend", ["m", "a", "b", "a2"], ["a"])
    with pytest.raises(ArityError, match="blob 'a' stands twice among the stores; append to it twice instead"):
        bench.instance("AtomicAppend", ["m", "a", "a", "a2", "a2"], ["a", "a"])


def test_entries_are_stored_before_the_lengths_that_ask_for_them() -> None:
    """A reader does not hold the mutex, and reads the fields in their order."""
    bench, stored = atomic_bench(), []
    instance = bench.instance("AtomicAppend", ["m", "a", "b", "a2", "b2"], ["a", "b"])
    instance.store = lambda index, value: stored.append(index)  # type: ignore[method-assign]

    instance()

    assert stored == [1, 0]
    assert declaration("AtomicAppend").effects == {Changes("mutex")}


def test_steps_that_append_at_once_lose_no_row_and_keep_fields_in_step() -> None:
    workspace = Workspace()
    for name, value in (("a", i64([])), ("b", f32([])), ("a2", i64([1, 2])), ("b2", f32([1, 2]))):
        workspace.feed_blob(name, value)
    make = NetDef("make", (OpDef("CreateMutex", (), ("m",), {}),))
    append = NetDef("append", (OpDef("AtomicAppend", ("m", "a", "b", "a2", "b2"), ("a", "b"), {}),))
    begin = StepDef("begin", nets=("make",))
    writers = StepDef("writers", steps=(StepDef("writer", nets=("append",), times=100),), instances=4)

    workspace.run_definition(PlanDef("p", (make, append), (begin, writers)))

    assert workspace.fetch_blob("a").tolist() == [1, 2] * 400
    assert workspace.fetch_blob("b").tolist() == [1, 2] * 400


# --- trimming ---------------------------------------------------------------------------------------------------------


def trimmed(*columns: Any, fields: Sequence[str] = FIELDS, **arguments: Any) -> Any:
    outputs = len(columns)
    results = call("TrimDataset", *columns, fields=list(fields), outputs=outputs, **arguments)
    return listed(results if outputs > 1 else [results])


def test_nested_fields_are_trimmed_to_the_records_that_are_left() -> None:
    """Item 71."""
    fields = ["b:lengths", "b:values:lengths", "b:values:values"]

    assert trimmed(i32([1, 2, 1]), i32([1, 0, 2, 1]), f32([1, 2, 3, 4]), fields=fields, multiple_of=2) == [
        [1, 2],
        [1, 0, 2],
        [1, 2, 3],
    ]


def test_five_records_trimmed_to_a_multiple_of_two_are_four() -> None:
    """Item 71."""
    assert trimmed(i64([1, 2, 3, 4, 5]), fields=["a"], multiple_of=2) == [[1, 2, 3, 4]]


def test_a_dataset_that_is_a_multiple_stays_but_for_what_belongs_to_no_record() -> None:
    assert trimmed(A, LENGTHS, VALUES) == listed([A, LENGTHS, VALUES])
    assert trimmed(A, LENGTHS[:2], VALUES) == [[1, 2], [2, 0], [[5], [6]]]


def test_trimming_refuses_what_is_no_dataset() -> None:
    with pytest.raises(OperatorError, match=r"'b:lengths' asks for 3 entries of its domain, which has only 2"):
        trimmed(A, LENGTHS, VALUES[:2])
    with pytest.raises(OperatorError, match="got 2 tensors for 3 fields"):
        trimmed(A, LENGTHS)
    with pytest.raises(OperatorError, match="TrimDataset: got 2 outputs for 3 fields"):
        call("TrimDataset", A, LENGTHS, VALUES, fields=FIELDS, outputs=2)


def test_a_multiple_of_less_than_one_is_refused() -> None:
    with pytest.raises(ArgumentError, match="argument 'multiple_of' must be at least 1 record, got 0"):
        trimmed(A, LENGTHS, VALUES, multiple_of=0)


# --- packing ----------------------------------------------------------------------------------------------------------


def packed(**arguments: Any) -> Any:
    return call("PackRecords", A, LENGTHS, VALUES, fields=FIELDS, **arguments)


def unpacked(records: Any, *prototypes: Any, fields: Sequence[str] = FIELDS) -> list[Any]:
    bench = Bench({"packed": records, **{f"p{k}": value for k, value in enumerate(prototypes)}})
    names = ["packed", *(f"p{k}" for k in range(len(prototypes)))]
    outputs = [f"out{k}" for k in range(len(fields))]
    bench.run("UnPackRecords", names, outputs, fields=list(fields))
    return [bench.blobs[name] for name in outputs]


def test_each_record_is_the_tuple_of_its_slices() -> None:
    records = packed()

    assert records.shape == (3,)
    assert [listed(record) for record in records] == [[[1], [2], [[5], [6]]], [[2], [0], []], [[3], [1], [[7]]]]
    assert records[1][2].shape == (0, 1)


def test_all_records_can_be_packed_into_one_element() -> None:
    records = packed(pack_to_single_shared_ptr=True)

    assert records.shape == (1,)
    assert listed(unpacked(records)) == listed([A, LENGTHS, VALUES])


def test_a_dataset_of_one_field_is_packed_too() -> None:
    records = call("PackRecords", A, fields=["a"])

    assert [listed(record) for record in records] == [[[1]], [[2]], [[3]]]


@pytest.mark.parametrize("single", [False, True])
def test_unpacking_is_the_inverse_of_packing(single: bool) -> None:
    """Item 72."""
    columns = unpacked(packed(pack_to_single_shared_ptr=single))

    for got, column in zip(columns, (A, LENGTHS, VALUES), strict=True):
        assert (got.dtype, got.tolist()) == (column.dtype, column.tolist())


def test_records_travel_through_operators_that_move_elements() -> None:
    records = packed()

    gathered = call("Gather", records, i32([2, 0]))
    sliced = call("Slice", records, starts=[1], ends=[-1])
    joined = call("Concat", gathered, sliced, axis=0, outputs=2)[0]

    assert listed(unpacked(gathered)) == [[3, 1], [1, 2], [[7], [5], [6]]]
    assert listed(unpacked(sliced)) == [[2, 3], [0, 1], [[7]]]
    assert unpacked(joined)[0].tolist() == [3, 1, 2, 3]


def test_one_record_travels_through_gather_as_a_tensor_of_rank_0() -> None:
    assert listed(unpacked(call("Gather", packed(), np.int32(2)))) == [[3], [1], [[7]]]


def test_records_travel_through_a_queue() -> None:
    bench = Bench({"packed": packed()})
    bench.run("CreateBlobsQueue", [], ["q"], capacity=1)
    bench.run("EnqueueBlobs", ["q", "packed"], ["packed"])

    received = bench.run("DequeueBlobs", ["q"], ["received"])

    assert listed(unpacked(received)) == listed([A, LENGTHS, VALUES])


def test_no_records_take_types_and_inner_shapes_of_the_prototypes() -> None:
    """Item 72."""
    columns = unpacked(packed()[:0], i64([9]), i32([]), f32([[3]]))

    assert [(column.dtype, column.shape) for column in columns] == [
        (np.int64, (0,)),
        (np.int32, (0,)),
        (np.float32, (0, 1)),
    ]


def test_no_records_without_prototypes_are_refused() -> None:
    """Item 72."""
    with pytest.raises(OperatorError, match=r"there are no records, and no prototypes .*; give them"):
        unpacked(packed()[:0])


def test_records_that_differ_in_type_or_inner_shape_are_refused() -> None:
    records = packed()
    doubles = call("PackRecords", A, LENGTHS, VALUES.astype(np.float64), fields=FIELDS)
    pairs = call("PackRecords", A, LENGTHS, f32(np.zeros((3, 2))), fields=FIELDS)

    with pytest.raises(DtypeError, match="field 'b:values' has dtype float32 in number 0 and float64 in number 3"):
        unpacked(np.concatenate([records, doubles]))
    with pytest.raises(ShapeError, match=r"field 'b:values' has shape \(2, 1\) in number 0 and \(2, 2\) in number 3"):
        unpacked(np.concatenate([records, pairs]))


def test_what_holds_no_packed_records_is_refused() -> None:
    with pytest.raises(OperatorError, match=r"element 0 is b'x', expected a packed record of 3 fields"):
        unpacked(texts(b"x"))
    with pytest.raises(OperatorError, match=r"element 1 is None, expected a packed record"):
        unpacked(np.array([*packed()[:1], None], object))
    with pytest.raises(OperatorError, match="element 0 is a record of 3 fields, expected a packed record of 2"):
        unpacked(packed(), fields=FIELDS[:2])
    with pytest.raises(DtypeError, match="packed_tensor has dtype float32, expected string"):
        unpacked(f32([1]))


def test_outputs_and_prototypes_are_one_a_field() -> None:
    with pytest.raises(OperatorError, match="got 1 outputs for 3 fields; give one for each"):
        Bench({"p": packed()}).run("UnPackRecords", ["p"], ["a"], fields=FIELDS)
    with pytest.raises(OperatorError, match="got 2 prototypes for 3 fields; give one for each, or none"):
        unpacked(packed(), A, LENGTHS)


def test_packing_refuses_lengths_that_ask_for_too_much() -> None:
    with pytest.raises(OperatorError, match="PackRecords: field 'b:lengths' asks for 3 entries"):
        call("PackRecords", A, LENGTHS, VALUES[:2], fields=FIELDS)


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=6))
def test_any_dataset_survives_packing(lists: list[list[int]]) -> None:
    columns = [
        np.arange(len(lists)),
        np.array([len(each) for each in lists], np.int32),
        np.array([value for each in lists for value in each], np.int64),
    ]
    records = call("PackRecords", *columns, fields=FIELDS)

    assert listed(unpacked(records)) == listed(columns)
