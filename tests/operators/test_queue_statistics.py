"""What queues count: for reporters, and among the statistics of the process."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
from tests.operators.fake_run import Bench, FakeRun

from taskplan import LocalSession, SimulatedSession, Task, TaskGroup, final_output, ops
from taskplan.operators import statistic_objects
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.operators.statistic_objects import PROCESS, StatRegistry

KEYS = {
    "queue_balance",
    "queue_dequeued_records",
    "queue_dequeued_bytes",
    "read_time_ns/sum",
    "read_time_ns/count",
    "write_time_ns/sum",
    "write_time_ns/count",
    "queue_refused_records",
    "queue_undelivered_records",
}


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A queue's name that no other test uses, since the process has one registry for all."""
    return f"{request.node.nodeid} queue"


def make(bench: Bench, name: str, kind: str = "CreateBlobsQueue", **arguments: Any) -> None:
    bench.run(kind, [], [name], **arguments)


def put(bench: Bench, name: str, value: Any = None) -> None:
    bench.blobs["in"] = np.zeros(4, np.float32) if value is None else value
    bench.run("SafeEnqueueBlobs", [name, "in"], ["in", "refused"])


def take(bench: Bench, name: str, columns: int = 1) -> None:
    bench.run("SafeDequeueBlobs", [name], [*map(str, range(columns)), "ended"])


def exported(name: str, **arguments: Any) -> dict[str, int]:
    """The statistics of the queues of that name, as an operator gives them."""
    bench = Bench()
    keys, values, _ = bench.run("StatRegistryExport", [], ["k", "v", "t"], **arguments)
    found = {key.decode(): value for key, value in zip(keys.tolist(), values.tolist(), strict=True)}
    return {key.removeprefix(f"{name}/"): value for key, value in found.items() if key.startswith(f"{name}/")}


def test_the_statistics_of_the_process_show_each_queue(bench: Bench, name: str) -> None:
    """Item 38."""
    make(bench, name, capacity=3)
    put(bench, name)
    put(bench, name)
    take(bench, name)

    shown = exported(name)

    assert shown.keys() == KEYS
    assert (shown["queue_balance"], shown["queue_dequeued_records"], shown["queue_dequeued_bytes"]) == (1, 1, 16)
    assert (shown["read_time_ns/count"], shown["write_time_ns/count"]) == (1, 2)


def test_named_columns_have_statistics_of_their_own(bench: Bench, name: str) -> None:
    """Item 38."""
    make(bench, name, num_blobs=2, field_names=["label", "image"])
    bench.blobs |= {"a": np.zeros(1, np.int32), "b": np.zeros(4, np.float64)}
    bench.run("EnqueueBlobs", [name, "a", "b"], ["a", "b"])
    take(bench, name, columns=2)

    shown = exported(name)

    assert shown["queue_dequeued_bytes"] == 36
    assert (shown["queue_dequeued_bytes/label"], shown["queue_dequeued_bytes/image"]) == (4, 32)


def test_an_export_lets_the_statistics_of_queues_begin_again(bench: Bench, name: str) -> None:
    """Item 38."""
    make(bench, name, capacity=3)
    put(bench, name)
    first = exported(name, reset=False)
    again = exported(name)
    put(bench, name)
    put(bench, name)

    seen = [shown["queue_balance"] for shown in (first, again, exported(name), exported(name))]

    assert seen == [1, 1, 2, 0]


def test_queues_of_one_name_share_their_statistics(bench: Bench, name: str) -> None:
    other = Bench()
    for each in (bench, other):
        make(each, name, capacity=3)
        put(each, name)

    assert exported(name)["write_time_ns/count"] == 2


def test_what_a_queue_counted_outlives_it(bench: Bench, name: str) -> None:
    make(bench, name, capacity=3)
    put(bench, name)
    put(bench, name)
    take(bench, name)

    del bench.blobs[name]
    shown = exported(name)

    assert (shown["write_time_ns/count"], shown["queue_undelivered_records"]) == (2, 1)


def test_what_is_left_in_a_queue_that_is_replaced_was_not_delivered(bench: Bench, name: str) -> None:
    """Item 44."""
    make(bench, name, capacity=3)
    put(bench, name)

    make(bench, name, capacity=3)

    assert exported(name)["queue_undelivered_records"] == 1


def test_what_a_failed_queue_holds_was_not_delivered(bench: Bench, name: str) -> None:
    """Item 44."""
    make(bench, name, capacity=3)
    put(bench, name)

    bench.blobs[name].close(failed=True)

    assert exported(name)["queue_undelivered_records"] == 1


def test_every_record_that_writers_brought_is_counted_somewhere(name: str) -> None:
    """Item 44: a reader leaves after 5 records, and each of two writers goes on until it is refused."""
    counted = []
    with TaskGroup() as group:
        for number in range(2):
            with Task(name=f"write {number}"):
                with ops.local_init():
                    ops.CreateBlobsQueue([], [name], capacity=7)
                brought = ops.Const(0)
                counted.append(final_output(brought))
                with ops.loop(100):
                    ops.Add([brought, ops.Const(1)], [brought])
                    item = ops.Const(1)
                    _, refused = ops.SafeEnqueueBlobs([name, item], [item, f"refused {number}"])
                    ops.stop_if(refused)
        with Task(name="read"):
            with ops.task_init():
                ops.BeginReads([name], [])
            with ops.loop(5):
                ops.SafeDequeueBlobs([name], 2)
            with ops.task_exit():
                ops.EndReads([name], [])

    with SimulatedSession(seed=3) as session:
        session.run(group)
        brought_in_all = sum(int(each.fetch()) for each in counted)
    shown = exported(name)

    assert shown["queue_dequeued_records"] == 5
    assert shown["queue_refused_records"] == 2
    assert 5 + 2 + shown["queue_undelivered_records"] == brought_in_all


def test_after_a_clean_run_with_one_reader_the_balance_is_minus_one(name: str) -> None:
    with TaskGroup() as group:
        with Task(name="write"):
            with ops.local_init():
                ops.CreateBlobsQueue([], [name], capacity=2, writers=1)
            with ops.loop(10):
                item = ops.Const(np.zeros(3, np.float32))
                ops.EnqueueBlobs([name, item], [item])
            with ops.task_exit():
                ops.EndWrites([name], [])
        with Task(name="read"), ops.loop():
            *_, ended = ops.SafeDequeueBlobs([name], 2)
            ops.stop_if(ended)

    with LocalSession() as session:
        session.run(group)

    shown = exported(name)
    assert (shown["queue_balance"], shown["queue_dequeued_records"], shown["queue_dequeued_bytes"]) == (-1, 10, 120)


def test_the_time_that_a_reader_waited_is_counted(name: str) -> None:
    """The record comes after two seconds of virtual time, of which each operator takes one microsecond."""
    with TaskGroup() as group:
        with Task(name="write"):
            with ops.local_init():
                ops.CreateBlobsQueue([], [name])
            ops.Sleep([], [], seconds=2.0)
            item = ops.Const(1)
            ops.EnqueueBlobs([name, item], [item])
        with Task(name="read"):
            ops.DequeueBlobs([name], 1)

    with SimulatedSession(seed=1) as session:
        session.run(group)

    shown = exported(name)
    assert (shown["read_time_ns/sum"] // 1_000_000, shown["read_time_ns/count"]) == (2000, 1)
    assert (shown["write_time_ns/sum"], shown["write_time_ns/count"]) == (0, 1)


def test_a_wait_that_came_to_nothing_is_not_counted(bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(1000, 10)
    monkeypatch.setattr(FakeRun, "wall_clock_ns", lambda _: next(ticks))
    make(bench, name)
    with pytest.raises(RuntimeError, match="gave up"):
        bench.run("DequeueBlobs", [name], ["out"], timeout_secs=0.5)

    assert exported(name)["read_time_ns/sum"] == 0


def test_rows_of_rebatching_queues_are_counted(bench: Bench, name: str) -> None:
    make(bench, name, "CreateRebatchingQueue", capacity=5)
    bench.blobs["rows"] = np.zeros(4, np.float32)
    bench.run("EnqueueRebatchingQueue", [name, "rows"], enqueue_batch=True)
    bench.run("DequeueRebatchingQueue", [name], ["out"], num_elements=3)

    shown = exported(name)

    assert shown.keys() == KEYS
    assert (shown["queue_balance"], shown["queue_dequeued_records"], shown["queue_dequeued_bytes"]) == (1, 3, 12)


def test_queues_that_have_gone_are_let_go_though_nobody_asks_for_statistics(name: str) -> None:
    """A server may make queues for ever and never export."""
    registry, queue = StatRegistry(), BlobsQueue(name, 1, 1)
    for _ in range(20 * statistic_objects._UNSEEN_AT_MOST):
        gone = BlobsQueue(name, 1, 1)
        gone.try_put((1,))
        registry.watch(gone, gone.counts)
        del gone
    registry.watch(queue, queue.counts)

    kept = len(registry._watched) + len(registry._fresh)
    keys, sums = registry.export(True)

    assert kept <= statistic_objects._UNSEEN_AT_MOST + 1
    total = dict(zip(keys.tolist(), sums.tolist(), strict=True))[f"{name}/write_time_ns/count".encode()]
    assert total == 20 * statistic_objects._UNSEEN_AT_MOST


def test_a_registry_that_is_in_use_takes_on_queues_all_the_same(name: str) -> None:
    registry = StatRegistry()
    queues = [BlobsQueue(name, 1, 1) for _ in range(statistic_objects._UNSEEN_AT_MOST + 10)]

    with registry.lock:
        for queue in queues:
            registry.watch(queue, queue.counts)
        queues[0].try_put((1,))

    keys, sums = registry.export(True)
    assert dict(zip(keys.tolist(), sums.tolist(), strict=True))[f"{name}/write_time_ns/count".encode()] == 1


def test_statistics_keep_no_record_alive(bench: Bench, name: str) -> None:
    make(bench, name)
    value = np.zeros(3)
    held = weakref.ref(value)
    put(bench, name, value)
    exported(name)

    del value
    bench.blobs.clear()

    assert held() is None


# --- for reporters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("create", "enqueue"),
    [
        ("CreateBlobsQueue", lambda bench, name: bench.run("EnqueueBlobs", [name, "in"], ["in"])),
        ("CreateRebatchingQueue", lambda bench, name: bench.run("EnqueueRebatchingQueue", [name, "in"])),
    ],
)
def test_an_operator_says_what_went_through_a_queue(
    bench: Bench, create: str, enqueue: Callable[[Bench, str], None]
) -> None:
    make(bench, "q", create, capacity=3)
    for _ in range(2):
        bench.blobs["in"] = np.float32(1)
        enqueue(bench, "q")
    bench.run(create.replace("Create", "Dequeue").replace("BlobsQueue", "Blobs"), ["q"], ["out"])
    bench.blobs["q"].close()

    seen = bench.run("QueueStatistics", ["q"], ["fill", "put", "taken", "refused", "putting", "taking", "closed"])

    assert [int(each) for each in seen] == [1, 2, 1, 0, 0, 0, 1]
    assert [each.dtype for each in seen] == [np.int64] * 6 + [np.bool_]


def test_the_registry_of_the_process_is_what_queues_are_counted_in(name: str) -> None:
    queue = BlobsQueue(name, 1, 1)

    keys, _ = PROCESS.export(False)

    assert f"{queue.name}/queue_balance".encode() in keys.tolist()
