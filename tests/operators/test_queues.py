"""Blob queues: their operators, one by one, and the queue itself against a simple model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.operators.fake_run import Bench, WouldWaitError, f32, i32

from taskplan import LocalSession, Net, Task, TaskGroup, Workspace, final_output, ops
from taskplan.errors import (
    ArgumentError,
    ArityError,
    DtypeError,
    OperatorError,
    QueueClosedError,
    ReportedError,
    ShapeError,
)
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.operators.run import UNSET
from taskplan.operators.waiting import NOT_YET


@pytest.fixture
def bench() -> Bench:
    return Bench()


def make_queue(bench: Bench, name: str = "q", **arguments: Any) -> BlobsQueue:
    queue: BlobsQueue = bench.run("CreateBlobsQueue", [], [name], **arguments)
    return queue


def put(bench: Bench, value: Any, queue: str = "q") -> bool:
    """Whether the queue took the value."""
    bench.blobs["in"] = value
    _, refused = bench.run("SafeEnqueueBlobs", [queue, "in"], ["in", "refused"])
    return not refused


def take(bench: Bench, queue: str = "q", **arguments: Any) -> Any:
    """The record's only value, None at the end."""
    value, ended = bench.run("SafeDequeueBlobs", [queue], ["out", "ended"], **arguments)
    return None if ended else value


# --- putting and taking -----------------------------------------------------------------------------------------------


def test_a_queue_takes_as_many_records_as_its_capacity_and_then_lets_writers_wait(bench: Bench) -> None:
    """Item 29."""
    make_queue(bench, capacity=2)

    assert put(bench, np.int32(1))
    assert put(bench, np.int32(2))
    with pytest.raises(WouldWaitError):
        put(bench, np.int32(3))

    take(bench)
    assert put(bench, np.int32(3))


def test_records_come_out_in_the_order_in_which_they_went_in(bench: Bench) -> None:
    """Item 30."""
    make_queue(bench, capacity=5)
    for number in range(5):
        put(bench, np.int32(number))

    assert [int(take(bench)) for _ in range(5)] == [0, 1, 2, 3, 4]


def test_a_record_is_handed_over_and_leaves_the_writers_blobs_empty(bench: Bench) -> None:
    make_queue(bench, num_blobs=2)
    bench.blobs |= {"a": (a := np.ones(3)), "b": (b := bench.run("CreateMutex", [], ["m"]))}

    bench.run("EnqueueBlobs", ["q", "a", "b"], ["a", "b"])

    assert bench.blobs["a"] is bench.blobs["b"] is UNSET
    c, d = bench.run("DequeueBlobs", ["q"], ["c", "d"])
    assert c is a
    assert d is b


def test_an_empty_queue_lets_readers_wait(bench: Bench) -> None:
    make_queue(bench)

    with pytest.raises(WouldWaitError):
        take(bench)


def test_a_blob_whose_value_was_handed_on_cannot_be_put_again(bench: Bench) -> None:
    make_queue(bench, capacity=2)
    bench.blobs["a"] = np.int32(1)
    enqueue = bench.instance("EnqueueBlobs", ["q", "a"], ["a"])
    enqueue()

    with pytest.raises(
        OperatorError, match=r"blob 'a' holds nothing: .* was handed on; write it anew, or hand on a copy"
    ):
        enqueue()


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs"),
    [
        ("EnqueueBlobs", ["q", "a"], ["a"]),
        ("SafeEnqueueBlobs", ["q", "a"], ["a", "status"]),
        ("DequeueBlobs", ["q"], ["a"]),
        ("DequeueBlobs", ["q"], ["a", "b", "c"]),
        ("SafeDequeueBlobs", ["q"], ["a", "status"]),
        ("WeightedSampleDequeueBlobs", ["q"], ["a", "status"]),
    ],
)
def test_a_wrong_number_of_blobs_for_the_queue_is_refused(
    bench: Bench, kind: str, inputs: list[str], outputs: list[str]
) -> None:
    """Items 36 and 46."""
    queue = make_queue(bench, num_blobs=2)
    queue.try_put((np.int32(1), np.int32(2)))
    bench.blobs["a"] = np.int32(0)

    with pytest.raises(OperatorError, match=rf"^{kind}: queue 'q' carries 2 blobs"):
        bench.run(kind, inputs, outputs)

    assert queue.fill == 1


@pytest.mark.parametrize(("kind", "status"), [("EnqueueBlobs", []), ("SafeEnqueueBlobs", ["refused"])])
def test_the_same_blob_twice_makes_no_record(bench: Bench, kind: str, status: list[str]) -> None:
    fault = f"{kind}: blob 'a' stands twice among the blobs; its value can move only once, so enqueue a copy"
    with pytest.raises(ArityError, match=f"^{fault} that ops.Copy makes$"):
        bench.instance(kind, ["q", "a", "a"], ["a", "a", *status])


@pytest.mark.parametrize(("kind", "status"), [("EnqueueBlobs", []), ("SafeEnqueueBlobs", ["refused"])])
def test_blobs_that_are_put_stand_on_both_sides(bench: Bench, kind: str, status: list[str]) -> None:
    with pytest.raises(ArityError, match=r"takes an output for each of the 2 blobs, got 1; give each on both sides"):
        bench.instance(kind, ["q", "a", "b"], ["a", *status])
    with pytest.raises(ArityError, match=r"same blob"):
        bench.instance(kind, ["q", "a", "b"], ["b", "a", *status])


def test_a_record_that_cannot_be_put_is_refused_when_its_net_is_made_with_the_line_of_the_call() -> None:
    workspace, net = Workspace(), Net("put")
    queue, value = net.CreateBlobsQueue([], "q", num_blobs=2), net.Const(1, blob_out="a")
    net.EnqueueBlobs([queue, value, value], [value, value])

    with pytest.raises(ArityError, match="blob 'a' stands twice") as caught:
        workspace.create_net(net)

    assert any("added" in note and __file__ in note for note in caught.value.__notes__)


def test_creating_a_queue_again_replaces_it(bench: Bench) -> None:
    first = make_queue(bench)
    put(bench, np.int32(1))

    assert make_queue(bench) is not first
    assert bench.blobs["q"].fill == 0


@pytest.mark.parametrize(
    "arguments",
    [{"capacity": 0}, {"capacity": -1}, {"num_blobs": 0}, {"field_names": ["a", "b"]}, {"writers": -1}],
)
def test_a_degenerate_queue_is_refused_when_its_operator_is_created(bench: Bench, arguments: dict[str, Any]) -> None:
    """Item 49."""
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        bench.instance("CreateBlobsQueue", [], ["q"], **arguments)


def test_nothing_but_a_queue_serves_as_one(bench: Bench) -> None:
    bench.run("CreateRebatchingQueue", [], ["q"])
    bench.blobs["a"] = np.int32(0)

    for kind, inputs, outputs in [
        ("EnqueueBlobs", ["q", "a"], ["a"]),
        ("DequeueBlobs", ["q"], ["b"]),
        ("CloseBlobsQueue", ["q"], []),
        ("EndWrites", ["q"], []),
    ]:
        with pytest.raises((AttributeError, TypeError)):
            bench.run(kind, inputs, outputs)

    assert not bench.blobs["q"].closed


# --- the end ----------------------------------------------------------------------------------------------------------


def test_a_closed_queue_refuses_records_though_it_has_room_and_the_value_stays(bench: Bench) -> None:
    """Items 34 and 43."""
    queue = make_queue(bench, capacity=4)
    bench.run("CloseBlobsQueue", ["q"])

    assert not put(bench, value := np.ones(2))
    assert bench.blobs["in"] is value
    assert queue.statistics().refused == 1


def test_an_unsafe_write_to_a_closed_queue_fails_and_the_value_stays(bench: Bench) -> None:
    """Item 34."""
    make_queue(bench, capacity=4)
    bench.run("CloseBlobsQueue", ["q"])
    bench.blobs["a"] = value = np.ones(2)

    with pytest.raises(QueueClosedError, match=r"^EnqueueBlobs: queue 'q' is closed$"):
        bench.run("EnqueueBlobs", ["q", "a"], ["a"])

    assert bench.blobs["a"] is value


def test_a_closed_queue_gives_out_what_it_holds_and_then_the_outputs_keep_their_values(bench: Bench) -> None:
    """Item 32."""
    make_queue(bench, capacity=2)
    put(bench, np.int32(1))
    put(bench, np.int32(2))
    bench.run("CloseBlobsQueue", ["q"])

    assert [take(bench), take(bench), take(bench)] == [1, 2, None]
    assert bench.blobs["out"] == 2


def test_an_unsafe_read_at_the_end_fails_and_the_output_keeps_its_value(bench: Bench) -> None:
    """Item 33."""
    make_queue(bench)
    bench.run("CloseBlobsQueue", ["q"])
    bench.blobs["a"] = np.int32(7)

    with pytest.raises(QueueClosedError, match=r"^DequeueBlobs: queue 'q' is closed$"):
        bench.run("DequeueBlobs", ["q"], ["a"])

    assert bench.blobs["a"] == 7


def test_closing_again_changes_nothing(bench: Bench) -> None:
    """Item 31."""
    queue = make_queue(bench)
    close = bench.instance("CloseBlobsQueue", ["q"])
    put(bench, np.int32(1))

    close()
    close()

    assert take(bench) == 1
    assert queue.closed


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs"),
    [
        ("EnqueueBlobs", ["q", "a"], ["a"]),
        ("SafeEnqueueBlobs", ["q", "a"], ["a", "status"]),
        ("DequeueBlobs", ["q"], ["b"]),
        ("SafeDequeueBlobs", ["q"], ["b", "status"]),
        ("WeightedSampleDequeueBlobs", ["q"], ["b", "status"]),
    ],
)
def test_a_queue_that_was_closed_as_failed_is_an_error_for_everybody(
    bench: Bench, kind: str, inputs: list[str], outputs: list[str]
) -> None:
    """Half of the data must not pass for the whole, so even what it holds is not given out."""
    queue = make_queue(bench, capacity=4)
    put(bench, np.int32(1))
    queue.close(failed=True)
    bench.blobs["a"] = np.int32(0)

    with pytest.raises(QueueClosedError, match=r"because the run that used it failed"):
        bench.run(kind, inputs, outputs)


def test_a_queue_that_was_complete_before_the_failure_stays_complete(bench: Bench) -> None:
    queue = make_queue(bench)
    put(bench, np.int32(1))
    queue.close()
    queue.close(failed=True)

    assert [take(bench), take(bench)] == [1, None]


@pytest.mark.parametrize(("writers", "closed"), [(0, [True, True]), (1, [True, True]), (2, [False, True])])
def test_the_last_of_the_writers_closes_the_queue(bench: Bench, writers: int, closed: list[bool]) -> None:
    queue = make_queue(bench, writers=writers)
    end = bench.instance("EndWrites", ["q"])
    seen = []
    for _ in range(2):
        end()
        seen.append(queue.closed)

    assert seen == closed


def test_one_writer_that_ends_twice_ends_once_more_for_nobody(bench: Bench) -> None:
    queue = make_queue(bench, writers=1)

    for _ in range(3):
        queue.end_writes()

    queue.check_invariants()
    assert queue.closed


def test_a_writer_that_begins_is_waited_for(bench: Bench) -> None:
    queue = make_queue(bench, writers=1)
    bench.run("BeginWrites", ["q"])
    end = bench.instance("EndWrites", ["q"])
    seen = []
    for _ in range(2):
        end()
        seen.append(queue.closed)

    assert seen == [False, True]


def test_the_last_of_the_readers_closes_the_queue_for_writers(bench: Bench) -> None:
    queue = make_queue(bench, capacity=4)
    begin, end = bench.instance("BeginReads", ["q"]), bench.instance("EndReads", ["q"])
    begin()
    begin()
    end()
    taken = put(bench, np.int32(1))
    end()

    assert taken
    assert not put(bench, np.int32(2))
    assert queue.statistics().undelivered == 1


def test_where_it_is_not_known_how_many_readers_there_are_any_of_them_closes_the_queue(bench: Bench) -> None:
    queue = make_queue(bench)

    bench.run("EndReads", ["q"])

    assert queue.closed


def test_nobody_begins_to_write_to_a_closed_queue(bench: Bench) -> None:
    make_queue(bench, writers=1)
    bench.run("EndWrites", ["q"])

    with pytest.raises(QueueClosedError, match=r"^BeginWrites: queue 'q' is closed$"):
        bench.run("BeginWrites", ["q"])


def test_reading_may_begin_when_the_queue_is_closed_already(bench: Bench) -> None:
    """Its writers may have been quick; what they left is there to be read."""
    make_queue(bench, capacity=2, writers=1)
    put(bench, np.int32(1))
    bench.run("EndWrites", ["q"])

    bench.run("BeginReads", ["q"])

    assert take(bench) == 1


@pytest.mark.parametrize(
    ("kind", "outputs"),
    [
        ("DequeueBlobs", ["b"]),
        ("SafeDequeueBlobs", ["b", "status"]),
        ("WeightedSampleDequeueBlobs", ["b", "status"]),
    ],
)
def test_a_cause_is_raised_where_the_end_would_be_found(bench: Bench, kind: str, outputs: list[str]) -> None:
    queue = make_queue(bench, capacity=4)
    put(bench, np.int32(1))
    queue.close(cause=OSError("the disk is gone"))
    read = bench.instance(kind, ["q"], outputs)

    read()
    with pytest.raises(OSError, match="the disk is gone"):
        read()

    assert bench.blobs["b"] == 1


def test_a_failure_that_comes_out_of_a_queue_keeps_its_class_and_says_where_it_came_out() -> None:
    with TaskGroup() as group, Task(name="read"):
        ops.DequeueBlobs(["q"], ["b"])
    space = Workspace()
    queue = BlobsQueue("q", 1, 1)
    queue.close(cause=ValueError("row 7 is broken"))
    space.local_cell("q").value = queue

    with LocalSession(space) as session, pytest.raises(ValueError, match=r"^row 7 is broken\n") as caught:
        session.run(group)

    assert any("op 1 DequeueBlobs" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("blocked", ["reader", "writer"])
def test_closing_lets_whoever_waits_go_on(blocked: str) -> None:
    """Item 31: the task that closes first sees that the other waits."""
    with TaskGroup() as group:
        with Task(name="blocked"):
            with ops.local_init():
                ops.CreateBlobsQueue([], ["q"], capacity=1)
            value = ops.Const(1)
            if blocked == "reader":
                _, status = ops.SafeDequeueBlobs(["q"], 2)
            else:
                ops.EnqueueBlobs(["q", value], [value])
                another = ops.Const(2)
                _, status = ops.SafeEnqueueBlobs(["q", another], [another, "refused"])
            ended = final_output(status)
        with Task(name="closes"):
            with ops.loop():
                *_, putting, taking, _ = ops.QueueStatistics(["q"], 7)
                ops.stop_if(ops.GT([ops.Add([putting, taking]), ops.Const(np.int64(0))]))
            ops.CloseBlobsQueue(["q"], [])

    with LocalSession() as session:
        session.run(group, timeout_s=60)

    assert ended.fetch()


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs"),
    [
        ("EnqueueBlobs", ["full", "a"], ["a"]),
        ("SafeEnqueueBlobs", ["full", "a"], ["a", "status"]),
        ("DequeueBlobs", ["empty"], ["b"]),
        ("SafeDequeueBlobs", ["empty"], ["b", "status"]),
        ("WeightedSampleDequeueBlobs", ["empty"], ["b", "status"]),
    ],
)
def test_a_wait_with_a_limit_ends_in_a_reported_failure(
    bench: Bench, kind: str, inputs: list[str], outputs: list[str]
) -> None:
    """Item 33."""
    make_queue(bench, "empty")
    put(bench, np.int32(1), queue=make_queue(bench, "full").name)
    bench.blobs |= {"a": np.int32(5), "b": np.int32(6)}

    with pytest.raises(ReportedError, match=rf"^{kind}: gave up after 0.5 s of waiting for queue '{inputs[0]}'"):
        bench.run(kind, inputs, outputs, timeout_secs=0.5)

    assert (bench.blobs["a"], bench.blobs["b"]) == (5, 6)


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_a_limit_is_a_number_of_seconds(bench: Bench, seconds: float) -> None:
    with pytest.raises(ArgumentError, match=r"timeout_secs"):
        bench.instance("DequeueBlobs", ["q"], ["a"], timeout_secs=seconds)


# --- several records at once ------------------------------------------------------------------------------------------


def test_several_records_are_concatenated_and_the_last_batch_may_be_short(bench: Bench) -> None:
    """Item 35."""
    make_queue(bench, capacity=10)
    for number in range(10):
        put(bench, np.array([number]))
    bench.run("CloseBlobsQueue", ["q"])

    batches = []
    while (batch := take(bench, num_records=3)) is not None:
        batches.append(batch.tolist())

    assert batches == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def test_several_records_are_waited_for_and_stay_until_they_are_there(bench: Bench) -> None:
    queue = make_queue(bench, capacity=4)
    put(bench, np.array([1]))

    with pytest.raises(WouldWaitError):
        take(bench, num_records=2)

    assert queue.fill == 1


def test_a_reader_may_want_more_records_than_the_queue_holds() -> None:
    """While it waits the queue has room for all of them: it takes them at once, and loses none if it is cancelled."""
    queue = BlobsQueue("q", capacity=1, columns=1)
    queue.expect(3)

    assert [queue.try_put((number,)) for number in range(4)] == [True, True, True, NOT_YET]
    assert queue.try_take_many(3, lambda records: None) == [(0,), (1,), (2,)]

    queue.settle(3)
    assert [queue.try_put((number,)) for number in range(2)] == [True, NOT_YET]


def test_a_reader_that_gives_up_takes_its_room_away(bench: Bench) -> None:
    queue = make_queue(bench, capacity=1)

    with pytest.raises(WouldWaitError):
        take(bench, num_records=3)

    queue.check_invariants()
    assert [queue.try_put((number,)) for number in range(2)] == [True, NOT_YET]


@pytest.mark.parametrize(
    ("second", "error", "text"),
    [
        (f32([1]), DtypeError, "int32 and float32"),
        (i32([[1]]), ShapeError, r"shapes \(1,\) and \(1, 1\)"),
        (
            np.int32(1),
            ShapeError,
            r"holds a tensor of rank 0, .*; give it one by ops\.ExpandDims with dims=\[0\] before",
        ),
        (b"text", DtypeError, "only tensors"),
    ],
)
def test_records_that_cannot_be_concatenated_are_refused_and_none_is_lost(
    bench: Bench, second: Any, error: type[Exception], text: str
) -> None:
    """Item 45."""
    queue = make_queue(bench, capacity=2, field_names=["label"])
    queue.try_put((i32([1]),))
    queue.try_put((second,))

    with pytest.raises(error, match=rf"^SafeDequeueBlobs: column 'label'.*{text}"):
        take(bench, num_records=2)

    assert queue.fill == 2
    assert take(bench).tolist() == [1]


def test_a_record_of_scalars_is_refused_also_where_it_is_the_only_one(bench: Bench) -> None:
    queue = make_queue(bench, capacity=2)
    put(bench, np.int32(1))
    queue.close()

    with pytest.raises(ShapeError, match=r"column 0"):
        take(bench, num_records=2)

    assert queue.fill == 1


def test_fewer_than_one_record_cannot_be_asked_for(bench: Bench) -> None:
    with pytest.raises(ArgumentError, match=r"num_records"):
        bench.instance("SafeDequeueBlobs", ["q"], ["a", "status"], num_records=0)


# --- counting ---------------------------------------------------------------------------------------------------------


def test_statistics_count_what_went_through(bench: Bench) -> None:
    queue = make_queue(bench, capacity=4)
    for _ in range(3):
        put(bench, np.zeros(4, np.float32))
    take(bench)
    queue.close()
    put(bench, np.zeros(4, np.float32))

    statistics = queue.statistics()

    assert (statistics.put, statistics.taken, statistics.fill, statistics.refused) == (3, 1, 2, 1)
    assert statistics.bytes_taken == (16,)
    assert statistics.closed


def test_after_a_clean_run_with_one_reader_the_balance_is_minus_one(bench: Bench) -> None:
    """The read that saw the end has no write of its own."""
    queue = make_queue(bench, capacity=3)
    for _ in range(3):
        put(bench, np.int32(0))
    queue.close()
    while take(bench) is not None:
        pass

    assert queue.statistics().balance == -1


def test_a_capacity_out_of_range_is_a_value_error_too():
    with pytest.raises(ValueError, match="argument 'capacity' must be at least 1 record, got -1"):
        Net("queues").CreateBlobsQueue([], 1, capacity=-1)
