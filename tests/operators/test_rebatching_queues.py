"""Rebatching queues: their operators, one by one, and the queue itself against a simple model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.operators.fake_run import Bench, WouldWaitError, f32, f64, i32

from taskplan.errors import ArgumentError, DtypeError, OperatorError, QueueClosedError, ReportedError, ShapeError
from taskplan.operators.queue_objects import RebatchingQueue, Refusal, Rows
from taskplan.operators.waiting import NOT_YET


@pytest.fixture
def bench() -> Bench:
    return Bench()


def make_queue(bench: Bench, **arguments: Any) -> RebatchingQueue:
    queue: RebatchingQueue = bench.run("CreateRebatchingQueue", [], ["q"], **arguments)
    return queue


def put(bench: Bench, *tensors: Any, **arguments: Any) -> None:
    names = [f"in{index}" for index in range(len(tensors))]
    bench.blobs.update(zip(names, tensors, strict=True))
    bench.run("EnqueueRebatchingQueue", ["q", *names], **arguments)


def take(bench: Bench, num_elements: int = 1) -> Any:
    return bench.run("DequeueRebatchingQueue", ["q"], ["out"], num_elements=num_elements)


def test_batches_of_one_size_come_out_as_batches_of_another(bench: Bench) -> None:
    """Item 39."""
    queue = make_queue(bench, capacity=10)
    put(bench, f32([1, 2, 3]), enqueue_batch=True)
    put(bench, np.float32(4))
    queue.close()

    assert [take(bench, count).tolist() for count in (2, 1, 5)] == [[1, 2], [3], [4]]


def test_rows_are_stacked_along_a_new_first_axis_also_a_single_one(bench: Bench) -> None:
    """Item 39."""
    make_queue(bench, capacity=10)
    put(bench, f32([1, 2]))

    assert take(bench).tolist() == [[1, 2]]


def test_columns_of_a_row_stay_together(bench: Bench) -> None:
    make_queue(bench, capacity=10, num_blobs=2)
    words = np.array([b"a", b"b"], object)
    put(bench, i32([1, 2]), words, enqueue_batch=True)
    put(bench, i32([3, 4]), words, enqueue_batch=True)

    numbers, letters = bench.run("DequeueRebatchingQueue", ["q"], ["numbers", "letters"], num_elements=3)

    assert numbers.tolist() == [1, 2, 3]
    assert letters.tolist() == [b"a", b"b", b"a"]


def test_the_writers_tensors_stay_valid(bench: Bench) -> None:
    make_queue(bench, capacity=10)

    put(bench, value := f32([1, 2]))

    assert bench.blobs["in0"] is value


def test_rows_of_strings_are_strings(bench: Bench) -> None:
    make_queue(bench, capacity=10)
    row = np.empty((), object)
    row[()] = b"text"
    put(bench, row)

    taken = take(bench)

    assert (taken.dtype, taken.tolist()) == (object, [b"text"])


def test_a_reader_waits_for_as_many_rows_as_it_wants(bench: Bench) -> None:
    """Item 39."""
    queue = make_queue(bench, capacity=10)
    put(bench, f32([1, 2]), enqueue_batch=True)

    with pytest.raises(WouldWaitError):
        take(bench, 3)

    assert queue.fill == 2


def test_a_batch_goes_in_as_far_as_there_is_room_and_stays_in_when_the_queue_is_closed() -> None:
    queue = RebatchingQueue("q", capacity=2, columns=1)
    rows = Rows((np.arange(5),), 0, 5)

    assert queue.try_put_rows(rows) == 2
    _, rest = rows.split(2)
    assert queue.try_put_rows(rest) is NOT_YET
    queue.close()
    assert queue.try_put_rows(rest) is Refusal.CLOSED

    taken = queue.try_take_rows(5)
    assert isinstance(taken, list)
    assert [each.column(0).tolist() for each in taken] == [[0, 1]]
    assert queue.statistics().refused == 3


def test_a_reader_may_want_more_rows_than_the_queue_holds() -> None:
    queue = RebatchingQueue("q", capacity=2, columns=1)
    queue.expect(5)

    assert queue.try_put_rows(Rows((np.arange(9),), 0, 9)) == 5


def test_an_empty_batch_puts_nothing_and_waits_for_nothing(bench: Bench) -> None:
    queue = make_queue(bench, capacity=1)
    put(bench, f32([1]), enqueue_batch=True)

    put(bench, np.zeros(0, np.float32), enqueue_batch=True)

    assert queue.fill == 1


@pytest.mark.parametrize("value", [f32([1]), np.zeros(0, np.float32)])
def test_a_closed_queue_refuses_rows_though_it_has_room(bench: Bench, value: Any) -> None:
    """Item 43."""
    make_queue(bench, capacity=10)
    bench.run("CloseRebatchingQueue", ["q"])

    with pytest.raises(QueueClosedError, match=r"^EnqueueRebatchingQueue: queue 'q' is closed$"):
        put(bench, value, enqueue_batch=True)


def test_reading_at_the_end_fails(bench: Bench) -> None:
    make_queue(bench)
    bench.run("CloseRebatchingQueue", ["q"])

    with pytest.raises(QueueClosedError, match=r"^DequeueRebatchingQueue: queue 'q' is closed$"):
        take(bench)


def test_a_queue_that_was_closed_as_failed_gives_out_nothing(bench: Bench) -> None:
    queue = make_queue(bench)
    put(bench, np.float32(1))
    queue.close(failed=True)

    with pytest.raises(QueueClosedError, match=r"because the run that used it failed"):
        take(bench)


@pytest.mark.parametrize(
    ("row", "error"), [(f64([1, 2]), DtypeError), (f32([1]), ShapeError), (np.float32(1), ShapeError)]
)
def test_rows_of_another_kind_are_refused_and_nothing_is_lost(bench: Bench, row: Any, error: type[Exception]) -> None:
    """Item 45."""
    queue = make_queue(bench, capacity=10)
    put(bench, f32([1, 2]))

    with pytest.raises(
        error, match=r"^EnqueueRebatchingQueue: tensor 0 of a row is .*, queue 'q' has rows with float32"
    ):
        put(bench, row)

    assert queue.fill == 1
    assert take(bench).tolist() == [[1, 2]]


@pytest.mark.parametrize("tensors", [(np.zeros(2), np.zeros(3)), (np.zeros(2), np.float64(1))])
def test_the_tensors_of_a_batch_have_one_first_size(bench: Bench, tensors: tuple[Any, ...]) -> None:
    make_queue(bench, capacity=10, num_blobs=2)

    with pytest.raises(ShapeError, match=r"same first size"):
        put(bench, *tensors, enqueue_batch=True)


def test_a_tensor_of_a_batch_that_has_no_rows_is_told_how_to_get_them(bench: Bench) -> None:
    make_queue(bench, capacity=10)

    with pytest.raises(ShapeError, match=r"; give those of rank 0 a first axis by ops\.ExpandDims with dims=\[0\]$"):
        put(bench, np.float64(1), enqueue_batch=True)


def test_a_wrong_number_of_blobs_is_refused_on_both_sides(bench: Bench) -> None:
    """Item 46."""
    make_queue(bench, capacity=10, num_blobs=2)

    with pytest.raises(OperatorError, match=r"carries 2 blobs at a time, got 1"):
        put(bench, np.float32(1))
    with pytest.raises(OperatorError, match=r"carries 2 blobs at a time, got 1"):
        take(bench)


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs", "argument"),
    [
        ("CreateRebatchingQueue", [], ["q"], "capacity"),
        ("CreateRebatchingQueue", [], ["q"], "num_blobs"),
        ("DequeueRebatchingQueue", ["q"], ["a"], "num_elements"),
    ],
)
def test_counts_below_one_are_refused_when_an_operator_is_created(
    bench: Bench, kind: str, inputs: list[str], outputs: list[str], argument: str
) -> None:
    """Item 49."""
    with pytest.raises(ArgumentError, match=argument):
        bench.instance(kind, inputs, outputs, **{argument: 0})


def test_a_wait_with_a_limit_ends_in_a_reported_failure(bench: Bench) -> None:
    make_queue(bench)

    with pytest.raises(ReportedError, match=r"gave up after 0.5 s"):
        bench.run("DequeueRebatchingQueue", ["q"], ["a"], timeout_secs=0.5)


def test_a_blob_queue_is_not_closed_as_a_rebatching_one(bench: Bench) -> None:
    bench.run("CreateBlobsQueue", [], ["q"])

    with pytest.raises(TypeError):
        bench.run("CloseRebatchingQueue", ["q"])

    assert not bench.blobs["q"].closed
