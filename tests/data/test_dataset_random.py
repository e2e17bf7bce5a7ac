"""Datasets read in the order of indices: given ones, and shuffled ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.data.reading import all_read, reading

import taskplan as tp
from taskplan.builder.schema import List, Scalar, Struct
from taskplan.data.dataset import Dataset
from taskplan.data.pipeline import pipe
from taskplan.errors import BuildAttributeError, OperatorError

RECORDS = 20


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    with tp.fresh_names(), tp.WorkspaceGuard(tp.Workspace()):
        yield


@pytest.fixture
def session() -> Iterator[Any]:
    with tp.LocalSession(tp.Workspace.current) as made:
        yield made


def dataset_of(name: str = "D", **columns: Any) -> Dataset:
    """A dataset on blobs that are fed."""
    fields = []
    for column, values in columns.items():
        tp.FeedBlob(f"{name}/{column}", np.array(values))
        fields.append((column, Scalar(blob=tp.BlobReference(f"{name}/{column}"))))
    return Dataset(Struct(*fields), name=name)


def numbers(name: str = "D", count: int = RECORDS, first: int = 0) -> Dataset:
    return dataset_of(name, n=np.arange(first, first + count))


def order_of(seen: list[Any]) -> list[int]:
    return [n for [batch] in seen for n in batch]


def indexed(dataset: Dataset, session: Any, indices: list[int], **options: Any) -> Any:
    """A reader of these records, set up."""
    tp.FeedBlob("order", np.array(indices))
    init = tp.Net("init")
    reader = dataset.random_reader(init, indices=tp.BlobReference("order"), **options)
    reader.computeoffset(init)
    session.run(init)
    return reader


def batches(reader: Any, count: int) -> list[Any]:
    """What the next reads of a reader give, the end after each."""
    net = tp.Net("read")
    stop, record = reader.read_record(net)
    tp.CreateNet(net)
    got = []
    for _ in range(count):
        tp.RunNet(net)
        got.append(([tp.FetchBlob(blob).tolist() for blob in record.field_blobs()], bool(tp.FetchBlob(stop))))
    return got


# --- in the order of indices ------------------------------------------------------------------------------------------


def test_records_come_in_the_order_of_the_indices_which_may_repeat(session: Any) -> None:
    """Item 70."""
    tp.FeedBlob("lengths", np.array([2, 0, 1], np.int32))
    tp.FeedBlob("values", np.array([1.0, 2, 3], np.float32))
    tp.FeedBlob("user", np.array([7, 8, 9]))
    blob = tp.BlobReference
    prices = List(Scalar(np.float32, blob=blob("values")), lengths_blob=blob("lengths"))
    dataset = Dataset(Struct(("user", Scalar(np.int64, blob=blob("user"))), ("prices", prices)))

    seen = all_read(indexed(dataset, session, [2, 0, 2], batch_size=2), session)

    assert seen == [[[9, 7], [1, 2], [3, 1, 2]], [[9], [1], [3]]]


def test_looping_over_repeats_without_a_batch_across_the_seam(session: Any) -> None:
    """Item 70."""
    reader = indexed(numbers(count=3), session, [2, 0, 1], batch_size=2, loop_over=True)

    assert batches(reader, 4) == [([[2, 0]], False), ([[1]], False)] * 2


def test_an_enforced_batch_size_makes_a_short_remainder_the_end(session: Any) -> None:
    """Item 69."""
    reader = indexed(numbers(count=3), session, [2, 0, 1], batch_size=2, enforce_batch_size=True)

    assert batches(reader, 3) == [([[2, 0]], False), ([[]], True), ([[]], True)]


def test_whole_batches_for_ever_of_too_few_records_are_refused(session: Any) -> None:
    """Caffe2 returns batches of 3 where batches of 4 were enforced."""
    reader = indexed(numbers(count=3), session, [2, 0, 1], batch_size=4, enforce_batch_size=True, loop_over=True)

    with pytest.raises(OperatorError, match="whole batches of 4 for ever, but there are only 3 indices"):
        all_read(reader, session)


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_that_is_no_record_is_refused(session: Any, index: int) -> None:
    """Item 76."""
    with pytest.raises(OperatorError, match=f"index {index} is out of range for 3 records"):
        all_read(indexed(numbers(count=3), session, [0, index], batch_size=2), session)


def test_columns_that_were_emptied_meanwhile_are_refused(session: Any) -> None:
    """Item 76. Caffe2 divides by zero there, which ends the process."""
    reader = indexed(numbers(count=3), session, [1], batch_size=2)
    tp.FeedBlob("D/n", np.zeros(0, np.int64))

    with pytest.raises(OperatorError, match="asks for 2 entries of field 'n', which has only 0"):
        all_read(reader, session)


def test_a_first_column_without_elements_in_its_rows_does_not_end_the_data(session: Any) -> None:
    dataset = dataset_of(wide=np.zeros((3, 0), np.float32), n=[0, 1, 2])

    seen = all_read(indexed(dataset, session, [2, 1], batch_size=1), session)

    assert [n for _, n in seen] == [[2], [1]]


def test_two_readers_in_one_workspace_do_not_affect_each_other(session: Any) -> None:
    """Item 77. Caffe2 gives both the same indices and offsets: one reads raw memory."""
    readers = [numbers("long", 40).random_reader(), numbers("short", 3, first=100).random_reader()]
    long: list[Any] = []
    short: list[Any] = []
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        reading(readers[0], long, name="long")
        reading(readers[1], short, name="short")

    session.run(group)

    assert sorted(order_of(long)) == [*range(40)]
    assert sorted(order_of(short)) == [100, 101, 102]


def test_two_readers_of_one_dataset_do_not_affect_each_other(session: Any) -> None:
    """Item 77."""
    dataset, init = numbers(), tp.Net("init")
    readers = [dataset.random_reader(init, batch_size=3) for _ in range(2)]
    for reader in readers:
        reader.sort_and_shuffle(init)
        reader.computeoffset(init)
    session.run(init)

    first, second = (order_of(all_read(reader, session)) for reader in readers)

    assert sorted(first) == sorted(second) == [*range(RECORDS)]
    assert first != second


# --- shuffled ---------------------------------------------------------------------------------------------------------


def orders_of_runs(session: Any, runs: int, seed: int | None = None) -> list[list[int]]:
    """The orders in which runs of one group read."""
    reader = numbers().random_reader(seed=seed)
    seen: list[Any] = []
    with tp.TaskGroup() as group:
        reading(reader, seen)
    orders = []
    for _ in range(runs):
        session.run(group)
        orders.append(order_of(seen))
        seen.clear()
    return orders


def test_without_an_init_net_each_run_shuffles_all_records_anew(session: Any) -> None:
    """Item 74. Caffe2 has the same order in every run of every program."""
    orders = orders_of_runs(session, 3)

    assert all(sorted(order) == [*range(RECORDS)] for order in orders)
    assert len(set(map(tuple, orders))) == 3


def test_with_a_seed_every_run_that_makes_its_cursor_has_the_same_order(session: Any) -> None:
    """Item 74."""
    orders = orders_of_runs(session, 2, seed=7)

    assert orders[0] == orders[1] != [*range(RECORDS)]
    assert orders_of_runs(session, 1, seed=8) != orders[:1]


def orders_of_epochs(session: Any, epochs: int, seed: int | None, at: str) -> list[list[int]]:
    """The orders of a reader whose cursor stays, when a net is run before each epoch."""
    init, begin = tp.Net("init"), tp.Net("begin")
    reader = numbers(at).random_reader(init, batch_size=3, seed=seed)
    reader.sort_and_shuffle(begin)
    reader.computeoffset(begin)
    session.run(init)
    orders = []
    for _ in range(epochs):
        session.run(begin)
        orders.append(order_of(all_read(reader, session)))
    return orders


@pytest.mark.parametrize("seed", [None, 0, 7])
def test_epochs_have_different_orders(session: Any, seed: int | None) -> None:
    """Item 74."""
    orders = orders_of_epochs(session, 4, seed, "D")

    assert all(sorted(order) == [*range(RECORDS)] for order in orders)
    assert len(set(map(tuple, orders))) == 4


def test_epochs_with_a_seed_have_the_same_orders_again(session: Any) -> None:
    """Item 74."""
    assert orders_of_epochs(session, 3, 7, "first") == orders_of_epochs(session, 3, 7, "again")


def test_records_are_sorted_by_a_field_and_batches_of_neighbours_change_places(session: Any) -> None:
    keys = np.random.default_rng(1).permutation(12).astype(np.int32)
    dataset, init = dataset_of(key=keys, n=np.arange(12)), tp.Net("init")
    reader = dataset.random_reader(init, batch_size=3)
    reader.sort_and_shuffle(init, sort_by_field="key", batch_size=3, seed=3)
    reader.computeoffset(init)
    session.run(init)

    seen = all_read(reader, session)

    assert sorted(sorted(batch) for batch, _ in seen) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert all((keys[n] == key).all() for key, n in seen)


def test_a_field_to_sort_by_must_be_there() -> None:
    reader, net = numbers().random_reader(tp.Net("init")), tp.Net("net")

    with pytest.raises(AssertionError, match=r"sort_by_field='m' is no field of the dataset, which has \['n'\]"):
        reader.sort_and_shuffle(net, sort_by_field="m")


def test_indices_that_were_given_are_used_by_every_task(session: Any) -> None:
    tp.FeedBlob("order", np.array([3, 1]))
    reader = numbers().random_reader(indices=tp.BlobReference("order"))

    assert [order_of(all_read(reader, session)) for _ in range(2)] == [[3, 1], [3, 1]]


def test_a_reset_lets_a_reader_begin_with_the_same_order_again(session: Any) -> None:
    reader, again = indexed(numbers(), session, [5, 2]), tp.Net("again")
    reader.reset(again)
    first = all_read(reader, session)
    assert all_read(reader, session) == []

    session.run(again)

    assert all_read(reader, session) == first == [[[5]], [[2]]]


def test_a_reader_says_what_is_missing() -> None:
    init, net = tp.Net("init"), tp.Net("net")
    bare = numbers().random_reader()
    reader = numbers().random_reader(init)

    with pytest.raises(AssertionError, match="setup not called"):
        bare.computeoffset(net)
    with pytest.raises(AssertionError, match="has no indices; call sort_and_shuffle"):
        reader.read(net)
    reader.sort_and_shuffle(init)
    with pytest.raises(BuildAttributeError, match=r"has no offsets; call computeoffset\(net\)"):
        reader.read(net)
    reader.computeoffset(init)
    reader.read(net)


def test_what_was_made_by_hand_is_kept_by_later_tasks(session: Any) -> None:
    dataset, init = numbers(), tp.Net("init")
    reader = dataset.random_reader()
    reader.setup_ex(init, init)
    reader.sort_and_shuffle(init, seed=1)
    reader.computeoffset(init)
    session.run(init)
    made = tp.FetchBlob(reader.indices).tolist()

    assert [order_of(all_read(reader, session)) for _ in range(2)] == [made, made]


def test_a_pipe_reads_all_records_in_random_order(session: Any) -> None:
    target, init = Dataset(Struct(("n", np.int64))), tp.Net("init")
    target.init_empty(init)
    session.run(init)
    with tp.TaskGroup() as group:
        pipe(numbers().random_reader(batch_size=3), target)

    session.run(group)

    order = tp.FetchBlob((target.get_blobs() or [""])[0]).tolist()
    assert sorted(order) == [*range(RECORDS)] != order
