"""Cursors over datasets of nested fields, batches in order and at random, consistency."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.fake_run import Bench, f32, i32
from tests.operators.samples.datasets import i64

from taskplan.errors import ArgumentError, ArityError, BuildValueError, DtypeError, OperatorError, ShapeError
from taskplan.operators import catalogue  # noqa: F401 - declares the operators
from taskplan.operators.cursors import FieldTree, TreeCursor
from taskplan.operators.registry import RANDOM, declaration
from taskplan.operators.waiting import Changes, Reads

# Three records with a user and a list of lists of prices.
CARTS = ("user", "carts:lengths", "carts:values:lengths", "carts:values:values")
USERS, CART_LENGTHS, PRICE_LENGTHS, PRICES = i64([7, 8, 9]), i32([2, 0, 2]), i32([2, 1, 0, 1]), f32([1.5, 2, 3, 4])
OFFSETS = [[0, 0, 0], [1, 2, 3], [2, 2, 3], [3, 4, 4]]
COLUMNS = ["user", "carts", "lists", "prices"]
BATCH = ["a", "b", "c", "d"]


@pytest.fixture
def bench() -> Bench:
    values = dict(zip(COLUMNS, (USERS, CART_LENGTHS, PRICE_LENGTHS, PRICES), strict=True))
    return Bench({"cur": TreeCursor(CARTS, name="cur"), **values})


def listed(values: Any) -> list[Any]:
    return [value.tolist() for value in values]


def read(bench: Bench, **arguments: Any) -> list[Any]:
    return listed(bench.run("ReadNextBatch", ["cur", *COLUMNS], BATCH, **arguments))


def random_reader(bench: Bench, indices: Any, **arguments: Any) -> Any:
    bench.blobs["cur"].reset()
    bench.run("ComputeOffset", ["cur", *COLUMNS], ["offsets"])
    bench.blobs["idx"] = i64(indices)
    return bench.instance("ReadRandomBatch", ["cur", "idx", "offsets", *COLUMNS], BATCH, **arguments)


def users(bench: Bench, reader: Any, reads: int) -> list[Any]:
    got = []
    for _ in range(reads):
        reader()
        got.append(bench.blobs["a"].tolist())
    return got


# --- the tree of fields -----------------------------------------------------------------------------------------------


def test_the_longest_beginning_decides_about_the_domain_of_a_field() -> None:
    tree = FieldTree((*CARTS, "cartsize", "carts:other"))

    assert tree.domain_of == (0, 0, 1, 2, 0, 1)
    assert tree.lengths == (1, 2)


def test_the_fields_of_a_lone_list_are_in_its_domain() -> None:
    tree = FieldTree(("lengths", "values:lengths", "values:values"))

    assert tree.domain_of == (0, 1, 2)


def test_lengths_behind_their_values_are_refused_when_the_cursor_is_made(bench: Bench) -> None:
    """Item 66."""
    with pytest.raises(ArgumentError, match=r"CreateTreeCursor: .* field 'b:values' comes before 'b:lengths'"):
        bench.run("CreateTreeCursor", [], ["c"], fields=["b:values", "b:lengths"])


def test_a_list_within_a_list_before_the_outer_one_is_refused(bench: Bench) -> None:
    with pytest.raises(ArgumentError, match="field 'b:values:lengths' comes before 'b:lengths'"):
        bench.run("CheckDatasetConsistency", ["user"], [], fields=["b:values:lengths", "b:lengths"])


def test_lengths_that_are_there_twice_are_refused(bench: Bench) -> None:
    with pytest.raises(ArgumentError, match="field 'b:lengths' is there twice"):
        bench.run("CreateTreeCursor", [], ["c"], fields=["b:lengths", "b:lengths"])


# --- batches in order -------------------------------------------------------------------------------------------------


def test_batches_cut_all_fields_alike_and_the_end_comes_again_and_again(bench: Bench) -> None:
    """Item 65."""
    assert read(bench, batch_size=2) == [[7, 8], [2, 0], [2, 1], [1.5, 2, 3]]
    assert read(bench, batch_size=2) == [[9], [2], [0, 1], [4]]
    assert read(bench, batch_size=2) == [[], [], [], []]
    assert read(bench, batch_size=2) == [[], [], [], []]


def test_empty_batches_keep_types_and_inner_shapes(bench: Bench) -> None:
    bench.blobs |= {
        "cur": TreeCursor(("m", "s")),
        "m": np.zeros((2, 3), np.float16),
        "s": np.array([b"x", b"y"], object),
    }
    reader = bench.instance("ReadNextBatch", ["cur", "m", "s"], ["a", "b"], batch_size=2)

    reader()
    reader()

    assert (bench.blobs["a"].dtype, bench.blobs["a"].shape) == (np.float16, (0, 3))
    assert (bench.blobs["b"].dtype, bench.blobs["b"].shape) == (object, (0,))


def test_a_batch_of_none_moves_nothing(bench: Bench) -> None:
    assert read(bench, batch_size=0) == [[], [], [], []]
    assert read(bench)[0] == [7]


def test_an_enforced_batch_size_skips_the_incomplete_last_batch(bench: Bench) -> None:
    """Item 69."""
    assert read(bench, batch_size=2, enforce_batch_size=True)[0] == [7, 8]
    assert read(bench, batch_size=2, enforce_batch_size=True) == [[], [], [], []]
    assert read(bench, batch_size=1) == [[], [], [], []]


def test_the_shortest_top_level_field_counts(bench: Bench) -> None:
    bench.blobs["user"] = USERS[:2]

    assert read(bench, batch_size=5) == [[7, 8], [2, 0], [2, 1], [1.5, 2, 3]]


def test_what_is_appended_after_the_end_can_be_read_then(bench: Bench) -> None:
    bench.blobs |= {"cur": TreeCursor(("user",)), "user": USERS[:1]}
    reader = bench.instance("ReadNextBatch", ["cur", "user"], ["a"], batch_size=2)
    assert users(bench, reader, 2) == [[7], []]

    bench.blobs["user"] = USERS

    assert users(bench, reader, 2) == [[8, 9], []]


def test_a_dataset_that_shrank_below_the_cursor_is_refused(bench: Bench) -> None:
    read(bench, batch_size=3)
    bench.blobs["user"] = USERS[:1]

    with pytest.raises(OperatorError, match="the cursor stands at record 3, but the dataset has only 1"):
        read(bench)


def test_lengths_that_ask_for_too_much_are_refused_and_the_cursor_stays(bench: Bench) -> None:
    bench.blobs["prices"] = PRICES[:2]

    with pytest.raises(OperatorError, match=r"'carts:values:lengths' asks for 3 entries .* only 2"):
        read(bench)

    bench.blobs["prices"] = PRICES
    assert read(bench)[0] == [7]


def test_negative_lengths_are_refused(bench: Bench) -> None:
    """Item 78."""
    bench.blobs["lists"] = i32([4, -1, 0, 1])

    with pytest.raises(OperatorError, match="'carts:values:lengths' holds a negative length, -1"):
        read(bench)


def test_lengths_must_be_int32_vectors(bench: Bench) -> None:
    bench.blobs["carts"] = CART_LENGTHS.astype(np.int64)
    with pytest.raises(DtypeError, match="ReadNextBatch: field 'carts:lengths' has dtype int64, expected int32"):
        read(bench)
    bench.blobs["carts"] = np.int32(2)
    with pytest.raises(ShapeError, match=r"field 'carts:lengths' has shape \(\)"):
        read(bench)


def test_a_wrong_number_of_fields_or_outputs_is_refused(bench: Bench) -> None:
    with pytest.raises(OperatorError, match="got 3 tensors for 4 fields"):
        bench.run("ReadNextBatch", ["cur", *COLUMNS[:3]], BATCH)
    with pytest.raises(OperatorError, match="got 3 outputs for 4 fields of cursor 'cur'"):
        bench.run("ReadNextBatch", ["cur", *COLUMNS], BATCH[:3])


def test_a_negative_batch_size_is_refused(bench: Bench) -> None:
    for kind in ("ReadNextBatch", "ReadRandomBatch"):
        with pytest.raises(ArgumentError, match="argument 'batch_size' must be 0 or more records, got -1"):
            bench.instance(kind, ["cur", *COLUMNS], BATCH, batch_size=-1)


def test_a_batch_is_a_view_of_the_data(bench: Bench) -> None:
    read(bench)

    assert bench.blobs["a"].base is USERS


def test_a_reader_looks_at_the_fields_as_they_are_once_it_holds_the_cursor(bench: Bench) -> None:
    """Else one that had to wait would mix old fields with the position that another reader left."""
    cursor, grown = bench.blobs["cur"], USERS
    bench.blobs |= {"cur": cursor, "user": USERS[:1], "carts": CART_LENGTHS[:1]}
    reader = bench.instance("ReadNextBatch", ["cur", *COLUMNS], BATCH, batch_size=3)

    class Waiting:
        """The attempt comes when another reader has read what was appended meanwhile."""

        def wait(self, _reason: object, attempt: Any) -> Any:
            bench.blobs |= {"user": grown, "carts": CART_LENGTHS}
            cursor.offsets = (2, 2, 3)
            return attempt()

    reader.wait = Waiting().wait  # type: ignore[method-assign, assignment]
    reader()

    assert bench.blobs["a"].tolist() == [9]


# --- cursors ----------------------------------------------------------------------------------------------------------


def test_offsets_are_an_int32_for_each_domain_and_none_before_the_first_read(bench: Bench) -> None:
    fresh = bench.run("GetCursorOffset", ["cur"], ["offsets"])
    read(bench, batch_size=2)
    moved = bench.run("GetCursorOffset", ["cur"], ["offsets"])
    bench.run("ResetCursor", ["cur"])
    reset = bench.run("GetCursorOffset", ["cur"], ["offsets"])

    assert (fresh.dtype, fresh.shape, reset.shape) == (np.int32, (0,), (0,))
    assert moved.tolist() == [2, 2, 3]
    assert read(bench)[0] == [7]


def test_offsets_beyond_int32_are_refused_where_they_are_asked_for(bench: Bench) -> None:
    bench.blobs["cur"] = TreeCursor(("user",), (1 << 31,))

    with pytest.raises(OperatorError, match=r"GetCursorOffset: .* more than the int32"):
        bench.run("GetCursorOffset", ["cur"], ["offsets"])


def test_a_cursor_shows_its_fields_and_offsets_and_can_be_made_from_them(bench: Bench) -> None:
    read(bench, batch_size=2)
    cursor = bench.blobs["cur"]

    bench.blobs["cur"] = TreeCursor(cursor.fields, cursor.offsets)

    assert (cursor.fields, cursor.offsets) == (CARTS, (2, 2, 3))
    assert read(bench)[0] == [9]


def test_a_cursor_cannot_stand_before_the_start() -> None:
    with pytest.raises(BuildValueError, match=r"a cursor cannot stand at the offsets \[-1\]"):
        TreeCursor(("user",), (-1,))


def test_reading_changes_the_cursor_and_looking_does_not() -> None:
    changing = ("ReadNextBatch", "ReadRandomBatch", "ComputeOffset", "ResetCursor")

    assert all(declaration(kind).effects == {Changes("cursor")} for kind in changing)
    assert declaration("GetCursorOffset").effects == {Reads("cursor")}
    assert declaration("SortAndShuffle").effects == {RANDOM, Changes("cursor")}
    assert declaration("CheckDatasetConsistency").effects == frozenset()


# --- batches at random ------------------------------------------------------------------------------------------------


def test_offsets_are_computed_for_each_record_and_the_cursor_then_stands_at_zeros(bench: Bench) -> None:
    offsets = bench.run("ComputeOffset", ["cur", *COLUMNS], ["offsets"])

    assert (offsets.dtype, offsets.tolist()) == (np.int64, OFFSETS)
    assert bench.run("GetCursorOffset", ["cur"], ["at"]).tolist() == [0, 0, 0]


def test_offsets_computed_from_a_moved_cursor_on_repeat_the_end(bench: Bench) -> None:
    read(bench, batch_size=2)

    offsets = bench.run("ComputeOffset", ["cur", *COLUMNS], ["offsets"])

    assert offsets.tolist() == [OFFSETS[2], OFFSETS[3], OFFSETS[3], OFFSETS[3]]


def test_records_come_in_the_order_of_the_indices_which_may_repeat(bench: Bench) -> None:
    """Item 70."""
    reader = random_reader(bench, [2, 0, 2, 1], batch_size=3)

    reader()
    first = listed(bench.blobs[name] for name in BATCH)
    reader()
    second = listed(bench.blobs[name] for name in BATCH)

    assert first == [[9, 7, 9], [2, 2, 2], [0, 1, 2, 1, 0, 1], [4, 1.5, 2, 3, 4]]
    assert second == [[8], [0], [], []]


def test_at_the_end_of_the_indices_batches_are_empty_and_the_position_goes_on(bench: Bench) -> None:
    reader = random_reader(bench, [2, 0], batch_size=2)

    assert users(bench, reader, 3) == [[9, 7], [], []]
    assert bench.blobs["cur"].offsets == (6,)


def test_looping_over_begins_anew_but_never_within_a_batch(bench: Bench) -> None:
    """Item 70."""
    reader = random_reader(bench, [2, 0, 1], batch_size=2, loop_over=True)

    assert users(bench, reader, 4) == [[9, 7], [8], [9, 7], [8]]


def test_an_enforced_batch_size_makes_the_short_last_batch_the_end(bench: Bench) -> None:
    ending = random_reader(bench, [2, 0, 1], batch_size=2, enforce_batch_size=True)
    assert users(bench, ending, 3) == [[9, 7], [], []]

    looping = random_reader(bench, [2, 0, 1], batch_size=2, enforce_batch_size=True, loop_over=True)
    assert users(bench, looping, 3) == [[9, 7], [9, 7], [9, 7]]


def test_whole_batches_for_ever_of_too_few_indices_are_refused(bench: Bench) -> None:
    reader = random_reader(bench, [2, 0, 1], batch_size=4, enforce_batch_size=True, loop_over=True)

    with pytest.raises(OperatorError, match="whole batches of 4 for ever, but there are only 3 indices"):
        reader()


def test_looping_over_nothing_gives_nothing(bench: Bench) -> None:
    assert users(bench, random_reader(bench, [], batch_size=2, loop_over=True), 2) == [[], []]


@pytest.mark.parametrize("index", [-1, 3, 1 << 40])
def test_an_index_that_is_no_record_is_refused(bench: Bench, index: int) -> None:
    """Item 76."""
    with pytest.raises(OperatorError, match=f"ReadRandomBatch: index {index} is out of range for 3 records"):
        random_reader(bench, [0, index], batch_size=2)()


def test_fields_that_were_emptied_since_their_offsets_were_computed_are_refused(bench: Bench) -> None:
    """Item 76."""
    for batch_size in (1, 2):
        reader = random_reader(bench, [0, 2], batch_size=batch_size)
        bench.blobs["prices"] = PRICES[:0]
        with pytest.raises(
            OperatorError, match=r"asks for \d entries of field 'carts:values:values', which has only 0"
        ):
            reader()
        bench.blobs["prices"] = PRICES


def test_a_matrix_of_negative_or_falling_offsets_is_refused(bench: Bench) -> None:
    for row in ([-1, 0, 0], [1, 3, 9]):
        reader = random_reader(bench, [1, 0], batch_size=2)
        bench.blobs["offsets"] = i64([[0, 0, 0], row, [2, 2, 3], [3, 4, 4]])
        with pytest.raises(OperatorError, match="negative or falling offsets"):
            reader()


def test_a_matrix_for_other_domains_is_refused(bench: Bench) -> None:
    reader = random_reader(bench, [0])
    bench.blobs["offsets"] = i64(OFFSETS)[:, :2]

    with pytest.raises(ShapeError, match=r"offsetsmat has shape \(4, 2\), expected \(records \+ 1, 3\)"):
        reader()


def test_reading_at_random_needs_indices_and_offsets(bench: Bench) -> None:
    with pytest.raises(ArityError, match="takes a cursor, idx, offsetsmat and the fields, got 2 inputs"):
        bench.run("ReadRandomBatch", ["cur", "user"], ["a"])


def test_a_cursor_of_a_random_reader_cannot_go_on_in_order(bench: Bench) -> None:
    random_reader(bench, [0])()

    with pytest.raises(OperatorError, match="cursor 'cur' has 1 offsets for 3 domains; reset it"):
        read(bench)


def shuffled(bench: Bench, records: int, **arguments: Any) -> list[int]:
    bench.blobs |= {"cur": TreeCursor(("key",)), "keys": np.arange(records, 0, -1, dtype=np.int32)}
    order: Any = bench.run("SortAndShuffle", ["cur", "keys"], ["order"], **arguments)
    assert order.dtype == np.int64
    return list(order.tolist())


def test_batches_of_neighbours_change_places_and_the_remainder_stays_last(bench: Bench) -> None:
    order = shuffled(bench, 11, sort_by_field_idx=0, batch_size=3)

    batches = [sorted(order[k : k + 3]) for k in (0, 3, 6)]
    assert sorted(batches) == [[2, 3, 4], [5, 6, 7], [8, 9, 10]]
    assert sorted(order[9:]) == [0, 1]
    assert batches != sorted(batches, reverse=True)


def test_records_mix_within_a_stretch_of_batches_and_no_further(bench: Bench) -> None:
    order = shuffled(bench, 400, sort_by_field_idx=-1, batch_size=10, shuffle_size=4)

    stretches = [{record // 40 for record in order[k : k + 10]} for k in range(0, 400, 10)]
    assert all(len(each) == 1 for each in stretches)
    assert any(max(order[k : k + 10]) - min(order[k : k + 10]) >= 10 for k in range(0, 400, 10))


@settings(max_examples=40)
@given(st.integers(0, 30), st.integers(1, 40), st.sampled_from([1, 2, 7, 1 << 60]), st.sampled_from([-1, 0]))
def test_an_order_has_each_record_once(records: int, batch_size: int, shuffle_size: int, field: int) -> None:
    order = shuffled(Bench(), records, batch_size=batch_size, shuffle_size=shuffle_size, sort_by_field_idx=field)

    assert sorted(order) == list(range(records))


def test_one_instance_draws_another_order_each_time_and_seeds_repeat(bench: Bench) -> None:
    """Item 74."""
    bench.blobs |= {"cur": TreeCursor(("key",)), "keys": np.arange(50, dtype=np.int32)}
    once, again = (bench.instance("SortAndShuffle", ["cur", "keys"], ["order"], sort_by_field_idx=-1) for _ in range(2))
    orders = []
    for instance in (once, once, again):
        instance()
        orders.append(bench.blobs["order"].tolist())

    assert orders[0] != orders[1]
    assert orders[0] == orders[2]


def seeded(cursor: TreeCursor, seed: int, orders: int) -> list[Any]:
    bench = Bench({"cur": cursor, "keys": np.arange(50, dtype=np.int32)})
    arguments = {"sort_by_field_idx": -1, "seed": seed}
    return [bench.run("SortAndShuffle", ["cur", "keys"], ["order"], **arguments).tolist() for _ in range(orders)]


def test_the_orders_of_a_seed_differ_from_each_other_and_repeat_with_a_new_cursor() -> None:
    """Item 74. Each is drawn by an operator of its own, as in nets that are made anew for each epoch."""
    orders = seeded(TreeCursor(("key",)), 7, 3)

    assert len(set(map(tuple, orders))) == 3
    assert seeded(TreeCursor(("key",)), 7, 3) == orders
    assert seeded(TreeCursor(("key",)), 8, 1) != orders[:1]


def test_drawing_from_a_seed_leaves_the_cursor_where_it_is() -> None:
    cursor = TreeCursor(("key",), (4,))

    seeded(cursor, 0, 1)

    assert cursor.offsets == (4,)


def test_a_seed_is_not_negative(bench: Bench) -> None:
    with pytest.raises(ArgumentError, match="argument 'seed' must be 0 or more, or -1 for none, got -2"):
        bench.instance("SortAndShuffle", ["cur", *COLUMNS], ["order"], seed=-2)


def test_what_cannot_be_sorted_by_is_refused(bench: Bench) -> None:
    def order(field: int) -> None:
        bench.run("SortAndShuffle", ["cur", *COLUMNS], ["order"], sort_by_field_idx=field)

    with pytest.raises(OperatorError, match="sort_by_field_idx=4 is none of the 4 fields"):
        order(4)
    with pytest.raises(OperatorError, match="field 'carts:values:lengths' is not at the top level"):
        order(2)
    with pytest.raises(DtypeError, match="field 'user' has dtype int64, expected int32"):
        order(0)
    with pytest.raises(ArgumentError, match="must be the number of a field, or -1 for no order, got -2"):
        order(-2)


def test_sizes_of_a_shuffle_must_be_positive(bench: Bench) -> None:
    for argument in ("batch_size", "shuffle_size"):
        with pytest.raises(ArgumentError, match=f"argument '{argument}' must be at least 1, got 0"):
            bench.instance("SortAndShuffle", ["cur", *COLUMNS], ["order"], **{argument: 0})


# --- consistency ------------------------------------------------------------------------------------------------------


def consistent(bench: Bench, **columns: Any) -> None:
    bench.blobs |= columns
    bench.run("CheckDatasetConsistency", COLUMNS, [], fields=list(CARTS))


def test_a_consistent_dataset_passes(bench: Bench) -> None:
    consistent(bench)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("user", USERS[:2], "field 'carts:lengths' has 3 entries and does not fit 'user', which has 2"),
        ("lists", i32([1]), "field 'carts:values:lengths' has 1 entries and does not fit the sum of 'carts:lengths'"),
        ("prices", f32([1] * 5), "field 'carts:values:values' has 5 entries and .* 'carts:values:lengths', that is 4"),
        ("lists", i32([2, 3, -1, 0]), "'carts:values:lengths' holds a negative length, -1"),
        ("lists", f32([2, 1, 0, 1]), "'carts:values:lengths' has dtype float32, expected int32"),
        ("lists", i32([[2], [1], [0], [1]]), r"'carts:values:lengths' has shape \(4, 1\), expected a vector"),
        ("prices", np.float32(1), r"'carts:values:values' has shape \(\), expected rank 1 or more"),
    ],
)
def test_an_inconsistent_dataset_is_refused(bench: Bench, column: str, value: Any, message: str) -> None:
    """Items 67 and 78."""
    with pytest.raises(OperatorError, match=f"CheckDatasetConsistency: .*{message}"):
        consistent(bench, **{column: value})


def test_fields_have_the_dtypes_that_are_named_and_any_where_none_is(bench: Bench) -> None:
    bench.blobs |= {"m": np.zeros((2, 3), np.float32), "s": np.array([b"x", b"y"], object)}

    bench.run("CheckDatasetConsistency", ["m", "s", "m"], [], fields=["m", "s", "n"], dtypes=["(3,)float32", "str", ""])


@pytest.mark.parametrize(
    ("column", "dtype", "message"),
    [
        ("user", "float64", "field 'x' has dtype int64, expected float64; cast it"),
        ("user", "str", "field 'x' has dtype int64, expected string"),
        ("prices", "(2,)float32", r"field 'x' has shape \(4,\), expected \(n, 2\)"),
    ],
)
def test_fields_of_other_dtypes_are_refused(bench: Bench, column: str, dtype: str, message: str) -> None:
    """Item 75."""
    with pytest.raises(OperatorError, match=f"^CheckDatasetConsistency: {message}"):
        bench.run("CheckDatasetConsistency", [column], [], fields=["x"], dtypes=[dtype])


@pytest.mark.parametrize("dtypes", [["int64"], ["int64", "whole number"]])
def test_dtypes_are_names_one_a_field(bench: Bench, dtypes: list[str]) -> None:
    with pytest.raises(ArgumentError, match="argument 'dtypes' must "):
        bench.instance("CheckDatasetConsistency", ["user", "prices"], [], fields=["x", "y"], dtypes=dtypes)


# --- laws -------------------------------------------------------------------------------------------------------------

RECORDS = st.lists(st.lists(st.lists(st.integers(0, 99), max_size=3), max_size=3), max_size=8)


def dataset_of(records: list[list[list[int]]]) -> Bench:
    lists = [each for record in records for each in record]
    columns = (
        np.arange(len(records)),
        np.array([len(record) for record in records], np.int32),
        np.array([len(each) for each in lists], np.int32),
        np.array([value for each in lists for value in each], np.int64),
    )
    return Bench({"cur": TreeCursor(CARTS), **dict(zip(COLUMNS, columns, strict=True))})


def records_of(bench: Bench) -> list[list[list[int]]]:
    """The records of a batch, by a plain loop."""
    _, carts, lists, prices = (bench.blobs[name].tolist() for name in BATCH)
    records = []
    for length in carts:
        records.append([[prices.pop(0) for _ in range(lists.pop(0))] for _ in range(length)])
    assert (lists, prices) == ([], [])
    return records


@settings(max_examples=40)
@given(RECORDS, st.integers(1, 4))
def test_batches_in_order_are_the_dataset(records: list[list[list[int]]], size: int) -> None:
    bench = dataset_of(records)
    reader = bench.instance("ReadNextBatch", ["cur", *COLUMNS], BATCH, batch_size=size)

    got: list[Any] = []
    while True:
        reader()
        if not len(bench.blobs["a"]):
            break
        got += records_of(bench)

    assert got == records


@settings(max_examples=40)
@given(RECORDS, st.integers(1, 4), st.data())
def test_batches_at_random_are_the_records_of_the_indices(
    records: list[list[list[int]]], size: int, data: st.DataObject
) -> None:
    bench = dataset_of(records)
    indices = data.draw(st.lists(st.integers(0, len(records) - 1))) if records else []
    reader = random_reader(bench, indices, batch_size=size)

    got: list[Any] = []
    while len(got) < len(indices):
        reader()
        got += records_of(bench)

    assert got == [records[index] for index in indices]
