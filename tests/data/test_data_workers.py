"""Functions that fetch data on threads, and the nets that use it."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import taskplan as tp
from taskplan.data import data_chunks, data_coordinator
from taskplan.data.data_chunks import Batches, Layout
from taskplan.data.data_workers import GlobalCoordinator, global_coordinator, init_data_input_workers
from taskplan.operators.queue_objects import BlobsQueue

TIMEOUT_S = 20.0


@pytest.fixture
def space() -> Iterator[tp.Workspace]:
    """The current workspace."""
    space = tp.Workspace()
    with tp.WorkspaceGuard(space):
        yield space


@pytest.fixture
def workers(space: tp.Workspace) -> Iterator[GlobalCoordinator]:
    """A coordinator of the test's own, of which no thread is left."""
    with GlobalCoordinator() as workers:
        yield workers
    assert not [each.name for each in threading.enumerate() if each.name.startswith("taskplan-")]


class Rows:
    """Fetches chunks of rows that are numbered on from 0, whoever calls; fails after the last chunk, if it is given.

    A row is a number in the first array and the same number, negative and twice, in the second one.
    """

    def __init__(self, *sizes: int, then: BaseException | None = None) -> None:
        self._sizes = iter(sizes)
        self._numbers = count()
        self._lock = threading.Lock()
        self._then = then
        self.fetched = 0

    def __call__(self, worker_id: int, batch_size: int) -> list[Any]:
        with self._lock:
            size = next(self._sizes, None)
            if size is None:
                raise self._then or AssertionError("fetched too often")
            numbers = np.array([next(self._numbers) for _ in range(size)])
            self.fetched += size
        return [numbers, np.stack([-numbers, -numbers], axis=1)]


def endless(size: int) -> Rows:
    rows = Rows()
    rows._sizes = iter(lambda: size, None)
    return rows


def net_of(fetch: Callable[..., Any], coordinator: GlobalCoordinator | None, **arguments: Any) -> tp.Net:
    """A net that takes batches of four rows of what a function fetches into the blobs `x` and `y`."""
    net = tp.Net("net")
    given = {"input_blob_names": ["x", "y"], "batch_size": 4, "timeout": TIMEOUT_S, **arguments}
    init_data_input_workers(net, given.pop("input_blob_names"), fetch, coordinator=coordinator, **given)
    return net


def run(space: tp.Workspace, net: tp.Net) -> tuple[Any, Any]:
    """What one run of the net takes."""
    space.run(net)
    return space.fetch_blob("x"), space.fetch_blob("y")


def runs(space: tp.Workspace, net: tp.Net) -> tuple[list[Any], BaseException]:
    """What the net takes until it fails, and how it does."""
    taken = []
    while True:
        try:
            taken.append(run(space, net))
        except Exception as error:
            return taken, error


def wait_until(true: Callable[[], object]) -> None:
    """Let threads go on until something is so."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while not true():
        assert time.monotonic() < deadline_s
        os.sched_yield()


# --- batches ----------------------------------------------------------------------------------------------------------


def test_chunks_of_any_size_come_out_as_batches_of_one_size_in_their_order(space, workers):
    net = net_of(Rows(3, 1, 9, 0, 5), workers, num_worker_threads=1)
    workers.start()

    taken = [run(space, net)[0].tolist() for _ in range(4)]

    assert taken == [[4 * k, 4 * k + 1, 4 * k + 2, 4 * k + 3] for k in range(4)]


@pytest.mark.parametrize("max_buffered_batches", [1, 800])
def test_each_row_comes_out_once_whatever_the_fetchers_and_the_buffer(space, workers, max_buffered_batches):
    """Item 119. Caffe2 lost rows where the rest of a chunk found no room in the buffer."""
    fetch = Rows(*[7, 1, 5, 3] * 30, then=OSError("the end"))
    net = net_of(fetch, workers, num_worker_threads=4, max_buffered_batches=max_buffered_batches)
    workers.start()

    taken, error = runs(space, net)

    assert isinstance(error, OSError)
    assert Counter(row for x, _ in taken for row in x.tolist()) == Counter(range(480))
    assert {len(x) for x, _ in taken} == {4}


def test_the_arrays_of_a_row_stay_together_also_with_two_initialisations_of_a_source(space, workers):
    """Item 119. Caffe2 paired data with labels of other rows, since each blob went through a queue of its own."""
    fetch = Rows(*[3, 2, 6] * 40, then=OSError("the end"))
    net = net_of(fetch, workers)
    net_of(fetch, workers)
    workers.start()

    taken, error = runs(space, net)

    assert isinstance(error, OSError)
    assert len(workers.sources()) == 2
    assert all((y == np.stack([-x, -x], axis=1)).all() for x, y in taken)
    assert sorted(row for x, _ in taken for row in x.tolist()) == list(range(440))


def test_two_name_scopes_share_what_a_source_fetches(space, workers):
    """As for two devices: each has a queue, and each row goes to one of them."""
    net = tp.Net("net")
    fetch = Rows(*[5] * 16, then=OSError("the end"))
    for device in range(2):
        with tp.NameScope(f"gpu_{device}"):
            init_data_input_workers(net, ["x", "y"], fetch, 4, 1, timeout=TIMEOUT_S, coordinator=workers)
    workers.start()
    seen: list[int] = []

    with pytest.raises(OSError, match="the end"):
        while True:
            space.run(net)
            for device in range(2):
                x, y = space.fetch_blob(f"gpu_{device}/x"), space.fetch_blob(f"gpu_{device}/y")
                assert (y[:, 0] == -x).all()
                seen += x.tolist()

    assert len(seen) == len(set(seen))


def test_rows_may_lie_along_another_axis(space, workers):
    def fetch(worker_id, batch_size):
        numbers = np.arange(3)
        return [np.stack([numbers, -numbers]), numbers]

    net = net_of(fetch, workers, batch_columns=[1, 0])
    workers.start()

    x, y = run(space, net)

    assert x.tolist() == [[0, 1, 2, 0], [0, -1, -2, 0]]
    assert y.tolist() == [0, 1, 2, 0]


def test_chunks_are_handed_on_as_they_are_if_that_is_wanted(space, workers):
    chunks = iter([[np.arange(3), np.zeros((1, 2))], [np.array(7.0), np.array([b"a"], object)]])
    net = net_of(lambda worker_id, batch_size: next(chunks), workers, dont_rebatch=True, num_worker_threads=1)
    workers.start()

    first, second = run(space, net), run(space, net)

    assert [each.tolist() for each in (*first, *second)] == [[0, 1, 2], [[0.0, 0.0]], 7.0, [b"a"]]


def test_strings_come_out_as_strings(space, workers):
    net = net_of(lambda worker_id, batch_size: [np.array(["a", "bc"])], workers, input_blob_names=["x"])
    workers.start()

    space.run(net)

    assert space.fetch_blob("x").tolist() == [b"a", b"bc", b"a", b"bc"]


def test_a_function_may_use_its_arrays_again(space, workers):
    """What it returned is copied before it is called again."""
    numbers = np.zeros(2, np.int64)

    def fetch(worker_id, batch_size):
        numbers[:] += 1
        return [numbers, np.zeros(2)]

    net = net_of(fetch, workers, num_worker_threads=1)
    workers.start()

    assert [run(space, net)[0].tolist() for _ in range(2)] == [[1, 1, 2, 2], [3, 3, 4, 4]]


def test_nothing_and_no_rows_are_passed_over(space, workers, caplog):
    chunks = iter([None, [np.zeros(0), np.zeros((0, 2))], [np.zeros(4), np.zeros((4, 2))]])
    net = net_of(lambda worker_id, batch_size: next(chunks), workers, num_worker_threads=1)
    workers.start()

    x, _ = run(space, net)

    assert len(x) == 4
    assert "data source 'train': fetch_fun of worker 0 returned None" in caplog.text


@pytest.mark.parametrize("rows", [1000, 4000])
def test_a_batch_of_many_small_chunks_is_put_together_once(monkeypatch, rows):
    """Item 120: each row is copied once, by one call for each column."""
    joined: list[int] = []
    concatenate = np.concatenate

    def counted(pieces: Any, axis: int) -> Any:
        joined.append(len(pieces))
        return concatenate(pieces, axis)

    monkeypatch.setattr(np, "concatenate", counted)
    batches = Batches(Layout("train", ["x", "y"], [0, 0], rebatched=True))
    for number in range(rows):
        batches.add((np.array([number]), np.array([[number]])))

    batch = batches.take(rows)

    assert batch is not None
    assert batch[0].tolist() == list(range(rows))
    assert joined == [rows, rows]


def test_a_session_takes_batches_in_a_loop(space, workers):
    net = net_of(Rows(*[3] * 8), workers)
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group, tp.Task():
        total = tp.ops.Const(0)
        with tp.ops.loop(6):
            tp.ops.net(net)
            tp.ops.Add([total, tp.ops.call(lambda x: x.sum(), "x")], [total])
        summed = tp.final_output(total)
    workers.start()

    with tp.LocalSession(space) as session:
        session.run(group, timeout_s=TIMEOUT_S)

    assert summed.fetch() == sum(range(24))


# --- failures ---------------------------------------------------------------------------------------------------------


def test_what_a_function_raises_is_raised_in_the_net_after_all_that_was_fetched(space, workers):
    """Item 119: the last batch is short, so that no row is lost."""
    failure = ValueError("record 10 is broken")
    net = net_of(Rows(3, 7, then=failure), workers, num_worker_threads=1, input_source_name="images")
    workers.start()

    taken, error = runs(space, net)

    assert [x.tolist() for x, _ in taken] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert error is failure
    notes = "\n".join(error.__notes__)
    assert "from   worker 0 of data source 'images'" in notes
    assert "DequeueBlobs" in notes
    assert not workers.sources()[0].is_active()


def test_rows_of_calls_that_had_begun_when_another_failed_come_out_too(space, workers):
    begun = threading.Event()

    def fetch(worker_id, batch_size, stop_event):
        if worker_id == 1:
            begun.wait(TIMEOUT_S)
            raise OSError("worker 1")
        begun.set()
        stop_event.wait(TIMEOUT_S)
        return [np.arange(4), np.zeros(4)]

    net = net_of(fetch, workers)
    workers.start()

    taken, error = runs(space, net)

    assert isinstance(error, OSError)
    assert [x.tolist() for x, _ in taken] == [[0, 1, 2, 3]]


def test_a_call_that_never_ends_does_not_hold_a_failure_back(space, workers, monkeypatch):
    monkeypatch.setattr(data_chunks, "LAST_CALLS_S", 0.01)
    begun, may_end = threading.Event(), threading.Event()

    def fetch(worker_id, batch_size):
        if worker_id == 1:
            begun.wait(TIMEOUT_S)
            raise OSError("worker 1")
        begun.set()
        may_end.wait(TIMEOUT_S)
        return [np.arange(4), np.zeros(4)]

    net = net_of(fetch, workers)
    workers.start()

    taken, error = runs(space, net)
    may_end.set()

    assert isinstance(error, OSError)
    assert taken == []


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([np.zeros(2)], "must return a list of 2 arrays, one for each blob, got 1 of them"),
        (7, "must return a list of 2 arrays, one for each blob, got 7"),
        ([np.zeros(2), [0, 0]], r"must return arrays, got \[0, 0\] for blob 'y'"),
        ([np.zeros(2), np.zeros(3)], r"must have equally many rows, got 'x' \(2,\), 'y' \(3,\)"),
        ([np.zeros(2), np.array(0)], r"the array for blob 'y' has shape \(\), and no axis 0"),
        ([np.zeros(2), np.zeros(2, "M8[s]")], "blob 'y' cannot hold datetime64"),
    ],
)
def test_what_is_no_chunk_fails_and_names_the_source(space, workers, given, text):
    net = net_of(lambda worker_id, batch_size: given, workers, input_source_name="images")
    workers.start()

    with pytest.raises(tp.RunError, match=f"^data source 'images': .*{text}"):
        space.run(net)


@pytest.mark.parametrize(
    ("second", "error", "text"),
    [
        (np.zeros((2, 2)), tp.ShapeError, r"'x' must be alike but for axis 0, got \(2,\) first, and now \(2, 2\)"),
        (np.zeros(2, np.int32), tp.DtypeError, "'x' must be of one dtype, got float64 first, and now int32"),
    ],
)
def test_a_chunk_that_is_not_like_the_first_fails_at_once_and_names_the_source(space, workers, second, error, text):
    """In Caffe2 the enqueuer died alone, and the net waited for ten minutes."""
    chunks = iter([[np.zeros(2), np.zeros(2)], [second, np.zeros(2)]])
    net = net_of(lambda worker_id, batch_size: next(chunks), workers, num_worker_threads=1)
    workers.start()

    taken, caught = runs(space, net)

    assert [len(x) for x, _ in taken] == [2]
    assert isinstance(caught, error)
    with pytest.raises(error, match=f"^data source 'train': the arrays for blob {text}"):
        raise caught


def test_a_net_that_gets_no_data_fails_after_its_time(space, workers):
    may_end = threading.Event()

    def fetch(worker_id, batch_size):
        may_end.wait(TIMEOUT_S)

    net = net_of(fetch, workers, timeout=0.01)
    workers.start()

    with pytest.raises(tp.ReportedError, match=r"gave up after 0.01 s of waiting for queue 'x_c2queue_train' \(0 of 4"):
        space.run(net)
    may_end.set()


def test_a_run_that_waits_for_data_can_be_cancelled(space, workers):
    net = net_of(Rows(), workers, timeout=0)
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group, tp.Task():
        tp.ops.net(net)

    with tp.LocalSession(space) as session:
        run = session.start(group)
        wait_until(lambda: run.why().waits)
        run.cancel()
        with pytest.raises(tp.RunCancelledError):
            run.wait(TIMEOUT_S)


# --- starting and stopping --------------------------------------------------------------------------------------------


def test_nothing_runs_before_the_start(space, workers):
    fetch = endless(4)
    before = threading.active_count()

    net_of(fetch, workers, init_fun=lambda *_: pytest.fail("called"))

    assert (threading.active_count(), fetch.fetched) == (before, 0)


def test_all_init_functions_are_called_in_their_order_before_any_thread_starts(space, workers):
    order: list[str] = []
    fetch = endless(4)

    def init(coordinator: Any, everything: Any) -> None:
        order.append(coordinator.worker_name)
        assert everything is workers
        assert fetch.fetched == 0

    for name in ("a", "b"):
        net_of(fetch, workers, input_source_name=name, init_fun=init)
    workers.start()
    workers.start()

    assert order == ["a", "b"]


def test_workers_have_ids_that_no_other_has(space, workers):
    seen: queue.Queue[int] = queue.Queue()

    def fetch(worker_id, batch_size, stop_event):
        seen.put(worker_id)
        stop_event.wait(TIMEOUT_S)

    for name in ("a", "b"):
        net_of(fetch, workers, input_source_name=name, num_worker_threads=2)
    workers.start()

    assert sorted(seen.get(timeout=TIMEOUT_S) for _ in range(4)) == list(workers.get_worker_ids()) == [0, 1, 2, 3]
    assert workers.get_new_worker_id() == 4


def test_threads_are_named_after_their_source_and_gone_after_the_stop(space, workers):
    net = net_of(endless(3), workers, input_source_name="images")
    workers.start()
    run(space, net)
    running = sorted(each.name for each in threading.enumerate() if "images" in each.name)

    ended = workers.stop()

    assert ended
    assert running == ["taskplan-images-enqueue-0", "taskplan-images-fetch-0", "taskplan-images-fetch-1"]
    assert not [each.name for each in threading.enumerate() if "images" in each.name]


def test_batches_that_are_in_the_queue_can_be_taken_after_the_stop(space, workers):
    fetch = endless(4)
    net = net_of(fetch, workers)
    workers.start()
    [source] = workers.sources()
    wait_until(lambda: source.queue.fill == 4)

    workers.stop()
    taken, error = runs(space, net)

    assert len(taken) == 4
    assert isinstance(error, tp.QueueClosedError)


def test_rows_that_were_fetched_and_not_delivered_are_counted(space, workers, caplog):
    caplog.set_level(logging.INFO, "taskplan")
    fetch = endless(3)
    net = net_of(fetch, workers, max_buffered_batches=2)
    workers.start()
    [source] = workers.sources()
    run(space, net)

    workers.stop()
    taken, _ = runs(space, net)

    assert source.undelivered_rows == fetch.fetched - 4 * (1 + len(taken))
    assert f"data source 'train': {source.undelivered_rows} rows were fetched and not delivered" in caplog.text


def test_stopping_again_changes_nothing_and_a_start_after_it_starts_nothing(space, workers):
    net_of(endless(3), workers)
    workers.start()

    ended = [workers.stop(), workers.stop()]
    workers.start()

    assert ended == [True, True]
    assert workers.sources() == []


def test_a_function_that_waits_is_told_to_end(space, workers):
    begun = threading.Event()

    def fetch(worker_id, batch_size, *, stop_event):
        begun.set()
        assert stop_event.wait(TIMEOUT_S)

    net_of(fetch, workers)
    workers.start()
    begun.wait(TIMEOUT_S)

    assert workers.stop()


def test_what_a_function_raises_when_it_is_told_to_end_is_no_failure_of_the_net(space, workers):
    begun = threading.Event()

    def fetch(worker_id, batch_size, stop_event):
        begun.set()
        stop_event.wait(TIMEOUT_S)
        raise OSError("interrupted")

    net = net_of(fetch, workers)
    workers.start()
    begun.wait(TIMEOUT_S)
    workers.stop()

    with pytest.raises(tp.QueueClosedError):
        space.run(net)


def test_all_threads_together_get_one_time_to_end(space, workers, caplog):
    """Caffe2 waited five seconds for each."""
    may_end, begun = threading.Event(), threading.Barrier(9)

    def fetch(worker_id, batch_size):
        begun.wait(TIMEOUT_S)
        may_end.wait(TIMEOUT_S)

    for name in ("a", "b"):
        net_of(fetch, workers, input_source_name=name, num_worker_threads=4)
    workers.start()
    begun.wait(TIMEOUT_S)
    threads = [each for each in threading.enumerate() if each.name.startswith("taskplan-")]

    began_s = time.monotonic()
    ended = workers.stop(timeout_s=0.05)
    took_s = time.monotonic() - began_s
    may_end.set()
    for thread in threads:
        thread.join(TIMEOUT_S)

    assert not ended
    assert took_s < 8 * 0.05
    assert "taskplan-a-fetch-0" in caplog.text
    assert "of data source 'a' have not ended" in caplog.text


def test_one_source_can_be_stopped_by_name(space, workers):
    stopped = net_of(endless(3), workers, input_source_name="a")
    goes_on = net_of(endless(3), workers, input_source_name="b")
    workers.start()

    ended = workers.stop_coordinator("a")
    unknown = workers.stop_coordinator("c")

    assert ended
    assert unknown
    assert isinstance(runs(space, stopped)[1], tp.QueueClosedError)
    assert [len(run(space, goes_on)[0]) for _ in range(10)] == [4] * 10


def test_a_source_can_be_made_anew_after_the_stop(space, workers):
    for _ in range(2):
        net = net_of(Rows(4, 4), workers, num_worker_threads=1)
        workers.start()
        assert run(space, net)[0].tolist() == [0, 1, 2, 3]
        workers.stop()


def test_the_coordinator_of_the_process_is_used_unless_another_is_given(space):
    net = tp.Net("net")

    returned = init_data_input_workers(net, ["x", "y"], endless(4), 4)
    returned.start()
    taken = run(space, net)
    ended = returned.stop()

    assert returned is global_coordinator
    assert ended
    assert len(taken[0]) == 4


def test_fetchers_stop_when_the_queue_is_closed_by_the_net(space, workers):
    net = net_of(endless(4), workers)
    workers.start()
    [source] = workers.sources()
    run(space, net)

    space.run(tp.CreateOperator("CloseBlobsQueue", ["x_c2queue_train"], []))
    wait_until(lambda: not source.is_active())

    assert workers.stop()


def test_threads_are_stopped_when_the_interpreter_ends():
    program = """
import numpy as np
import taskplan as tp
from taskplan.data.data_workers import init_data_input_workers

class Told:
    def log(self, measured):
        print("stopped", sorted(measured)[0])

def fetch(worker_id, batch_size, stop_event):
    return [np.zeros(3)]

net = tp.Net("net")
init_data_input_workers(net, ["x"], fetch, 4, external_loggers=[Told()]).start()
tp.RunNetOnce(net)
print(tp.FetchBlob("x").shape)
"""

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(tp.__file__).parents[1])},
    )

    assert (done.returncode, done.stdout) == (0, "(4,)\nstopped enqueue_time\n"), done.stderr


# --- resetting, measuring, and mistakes -------------------------------------------------------------------------------


def test_a_source_can_go_on_with_batches_of_another_size_for_another_net(space, workers):
    asked: list[int] = []
    rows = endless(3)

    def fetch(worker_id, batch_size):
        asked.append(batch_size)
        return rows(worker_id, batch_size)

    with tp.NameScope("scope"):
        init_data_input_workers(tp.Net("net"), ["x", "y"], fetch, 4, 1, "train", 2, coordinator=workers)
    other = tp.Net("other")
    workers.start()

    workers.reset_data_input("scope/", "train", other, 6)
    sizes = []
    while 6 not in sizes or 6 not in asked:
        space.run(other)
        sizes.append(len(space.fetch_blob("scope/x")))

    assert set(sizes) <= {4, 6}
    assert sizes == sorted(sizes)


def test_there_must_be_a_source_to_be_reset(space, workers):
    net_of(endless(3), workers)

    with pytest.raises(tp.BuildValueError, match=r"no data source 'test' made in .* ''; there are: 'train' in ''"):
        workers.reset_data_input("", "test", tp.Net("other"), 6)


class Kept:
    def __init__(self) -> None:
        self.rows: list[Mapping[str, Any]] = []

    def log(self, log_dict: Mapping[str, Any]) -> None:
        self.rows.append(log_dict)
        raise OSError("no connection")


def test_loggers_are_told_at_the_end_and_what_they_raise_is_only_logged(space, workers, caplog):
    kept = Kept()
    fetch = endless(3)
    net = net_of(fetch, workers, external_loggers=[kept])
    workers.start()
    run(space, net)

    workers.stop()

    [row] = kept.rows
    assert row["fetcher_time_count"] * 3 == fetch.fetched
    assert row["enqueue_time_count"] >= 1
    assert min(row["fetcher_time"], row["enqueue_time"], row["inputs_per_sec"], row["queue_size"]) >= 0
    assert row["time_elapsed"] > 0
    assert "no connection" in caplog.text


def test_loggers_are_told_from_time_to_time_and_measuring_begins_again(space, workers, monkeypatch):
    monkeypatch.setattr(data_coordinator, "LOG_EVERY_S", 0.0)
    kept = Kept()
    net = net_of(Rows(4, 4, 4), workers, num_worker_threads=1, external_loggers=[kept])
    workers.start()
    for _ in range(3):
        run(space, net)

    assert [row["fetcher_time_count"] for row in kept.rows[:3]] == [1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"max_buffered_batches": 2.5}, tp.BuildTypeError, "max_buffered_batches must be an int, got 2.5"),
        ({"max_buffered_batches": 0}, tp.BuildValueError, "max_buffered_batches must be at least 1, got 0"),
        ({"batch_size": 0}, tp.BuildValueError, "batch_size must be at least 1, got 0"),
        ({"num_worker_threads": 0}, tp.BuildValueError, "num_worker_threads must be at least 1, got 0"),
        ({"batch_columns": [0]}, tp.BuildValueError, r"an axis for each of the 2 blobs, counted from 0, got \[0\]"),
        ({"batch_columns": [0, -1]}, tp.BuildValueError, "counted from 0"),
        ({"input_blob_names": "x"}, tp.BuildTypeError, "must be a list of names, .* got 'x'"),
        ({"input_blob_names": []}, tp.BuildTypeError, "must be a list of names"),
        ({"batch_size": True}, tp.BuildTypeError, "batch_size must be an int, got True"),
        ({"timeout": "soon"}, tp.BuildTypeError, "timeout must be a number of seconds, got 'soon'"),
        ({"init_fun": 3}, tp.BuildTypeError, "init_fun must be a function of two coordinators, or None, got 3"),
    ],
)
def test_wrong_arguments_are_refused(space, workers, arguments, error, text):
    with pytest.raises(error, match=text):
        net_of(endless(3), workers, **arguments)


def test_what_is_no_function_fetches_nothing(space, workers):
    words = r"fetch_fun must be a function of worker_id and batch_size that returns arrays, got \[1, 2\]"
    with pytest.raises(tp.BuildTypeError, match=words):
        net_of([1, 2], workers)  # type: ignore[arg-type]


def test_sizes_may_be_integers_of_numpy(space, workers):
    sizes = {"batch_size": np.int64(2), "num_worker_threads": np.int32(1), "max_buffered_batches": np.uint8(3)}
    net = net_of(Rows(4), workers, **sizes, batch_columns=np.array([0, 0]))
    workers.start()

    space.run(net)

    assert space.fetch_blob("x").tolist() == [0, 1]


@pytest.mark.parametrize(
    "refused",
    [
        {"fetch_fun": 3},
        {"batch_size": 0},
        {"timeout": "soon"},
        {"external_loggers": 3},
        {"input_blob_names": ["x"]},
        {"input_blob_names": ["x", "z"]},
        {"input_source_name": "taken"},
    ],
    ids=str,
)
def test_what_is_refused_changes_nothing(space, workers, refused):
    net_of(endless(3), workers)
    space.local_cell("x_c2queue_taken").value = BlobsQueue("x_c2queue_taken", 1, 2)
    blobs, net = list(space.blobs), tp.Net("other")
    given = {"input_blob_names": ["x", "y"], "fetch_fun": endless(3), "batch_size": 4, **refused}

    with pytest.raises((tp.BuildError, TypeError)):
        init_data_input_workers(net, **given, coordinator=workers)

    assert list(net.Proto().op) == []
    assert list(space.blobs) == blobs
    assert len(workers.sources()) == 1


def test_a_source_that_was_refused_can_be_made_in_another_way(space, workers):
    space.local_cell("x_c2queue_train").value = BlobsQueue("x_c2queue_train", 1, 2)
    with pytest.raises(tp.BuildValueError, match="in use by others"):
        net_of(endless(3), workers)

    net_of(endless(3), workers, input_blob_names=["z"])

    assert [source.buffer.layout.blobs for source in workers.sources()] == [("z",)]


def test_calls_for_one_source_must_fit_together(space, workers):
    net_of(endless(3), workers)

    with pytest.raises(tp.BuildValueError, match=r"data source 'train' gives 2 arrays .* axes \(0, 0\) already"):
        net_of(endless(3), workers, input_blob_names=["x"])
    with pytest.raises(tp.BuildValueError, match="queue 'x_c2queue_train' holds x, y already"):
        net_of(endless(3), workers, input_blob_names=["x", "z"])


def test_a_queue_of_others_is_left_alone(space, workers):
    net_of(endless(3), workers)

    with pytest.raises(tp.BuildValueError, match="queue 'x_c2queue_train' is in use by others"):
        net_of(endless(3), GlobalCoordinator())
