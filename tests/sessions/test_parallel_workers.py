"""Functions that are called again and again on threads beside whatever runs."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import taskplan as tp
from taskplan.sessions import parallel_workers
from taskplan.sessions.experiment_util import ExternalLogger
from taskplan.sessions.parallel_workers import WorkerCoordinator, global_coordinator, init_workers

TIMEOUT_S = 20.0


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    yield
    assert global_coordinator.stop()


class Calls:
    """A worker's function that tells of each call, and goes on when it is let."""

    def __init__(self) -> None:
        self.ids: queue.Queue[int] = queue.Queue()
        self.may_go_on = threading.Event()

    def __call__(self, worker_id: int) -> None:
        self.ids.put(worker_id)
        self.may_go_on.wait(TIMEOUT_S)

    def next_id(self) -> int:
        return self.ids.get(timeout=TIMEOUT_S)


def test_each_worker_calls_the_function_with_its_id_until_it_is_stopped():
    calls = Calls()
    workers = init_workers(calls, num_worker_threads=2)

    workers.start()
    first = {calls.next_id(), calls.next_id()}
    calls.may_go_on.set()
    again = calls.next_id()
    ended = workers.stop()

    assert ended
    assert len(first) == 2
    assert again in first
    assert first <= set(workers.get_worker_ids())


def test_nothing_is_called_before_the_start():
    calls = Calls()

    init_workers(calls)

    assert calls.ids.empty()


def test_there_is_one_coordinator_and_ids_are_unique_in_the_process():
    calls = Calls()
    calls.may_go_on.set()

    first = init_workers(calls, num_worker_threads=3, worker_name="a")
    used = len(first.get_worker_ids())
    second = init_workers(calls, num_worker_threads=2, worker_name="b")

    assert first is second is global_coordinator
    assert len(second.get_worker_ids()) == used + 2
    assert second.get_new_worker_id() == used + 2


def test_all_init_functions_are_called_before_any_thread_starts():
    order: list[str] = []
    calls = Calls()

    def init(name: str) -> Any:
        def initialise(coordinator: WorkerCoordinator, everything: object) -> None:
            order.append(f"init {name}")
            assert (coordinator.worker_name, everything) == (name, global_coordinator)
            assert calls.ids.empty()

        return initialise

    init_workers(calls, 1, "a", init_fun=init("a"))
    workers = init_workers(calls, 1, "b", init_fun=init("b"))
    workers.start()
    calls.next_id()
    calls.may_go_on.set()

    assert order == ["init a", "init b"]


def test_a_failing_worker_stops_all_of_its_coordinator_and_is_logged(caplog):
    has_failed = threading.Event()
    coordinators: list[WorkerCoordinator] = []

    def fail(worker_id: int) -> None:
        raise ValueError(f"worker {worker_id} is broken")

    workers = init_workers(
        fail,
        num_worker_threads=2,
        init_fun=lambda coordinator, _: coordinators.append(coordinator),
        shutdown_fun=has_failed.set,
    )
    workers.start()

    assert has_failed.wait(TIMEOUT_S)
    assert not coordinators[0].is_active()
    assert workers.stop()
    assert "is broken" in caplog.text


def test_the_shutdown_function_is_called_once():
    stops: list[str] = []
    calls = Calls()
    calls.may_go_on.set()
    workers = init_workers(calls, shutdown_fun=lambda: stops.append("stop"))
    workers.start()

    workers.stop()
    workers.stop()

    assert stops == ["stop"]


def test_a_worker_that_does_not_end_is_reported(monkeypatch, caplog):
    monkeypatch.setattr(parallel_workers, "JOIN_S", 0.01)
    calls = Calls()
    workers = init_workers(calls, 1, "stuck")
    workers.start()
    worker_id = calls.next_id()

    ended = workers.stop()
    calls.may_go_on.set()

    assert not ended
    assert f"workers stuck-{worker_id} of 'stuck' have not ended" in caplog.text


def test_one_coordinator_can_be_stopped_by_name():
    first, second = Calls(), Calls()
    init_workers(first, 1, "first")
    workers = init_workers(second, 1, "second")
    workers.start()
    first.next_id()
    second.next_id()
    first.may_go_on.set()

    ended = workers.stop_coordinator("first")
    second.may_go_on.set()

    assert ended
    assert second.next_id() >= 0


def test_external_loggers_get_the_times_of_calls_and_what_they_raise_is_only_logged(caplog):
    rows: queue.Queue[Mapping[str, Any]] = queue.Queue()

    class Kept(ExternalLogger):
        def set_runtime_args(self, runtime_args: Mapping[str, Any]) -> None: ...

        def log(self, log_dict: Mapping[str, Any]) -> None:
            rows.put(log_dict)
            raise OSError("no connection")

    calls = Calls()
    calls.may_go_on.set()
    workers = init_workers(calls, 1, external_loggers=[Kept()])
    workers.start()

    first, second = rows.get(timeout=TIMEOUT_S), rows.get(timeout=TIMEOUT_S)
    workers.stop()

    assert (first["worker_time_count"], second["worker_time_count"]) == (1, 2)
    assert 0 <= first["worker_time"] <= second["worker_time"]
    assert "no connection" in caplog.text


def test_workers_fill_a_queue_from_which_a_net_reads():
    ws = tp.Workspace()
    ws.run(tp.CreateOperator("CreateBlobsQueue", [], ["queue"], capacity=2, num_blobs=1))

    def feed(worker_id: int) -> None:
        blob = f"batch_{worker_id}"
        ws.feed_blob(blob, np.array([7]))
        ws.run(tp.CreateOperator("SafeEnqueueBlobs", ["queue", blob], [blob, f"is_closed_{worker_id}"]))

    def close() -> None:
        ws.run(tp.CreateOperator("CloseBlobsQueue", ["queue"], []))

    workers = init_workers(feed, num_worker_threads=2, shutdown_fun=close)
    workers.start()
    ws.run(tp.CreateOperator("DequeueBlobs", ["queue"], ["batch"]))
    ended = workers.stop()

    assert ended
    assert ws.fetch_blob("batch") == [7]


def test_workers_are_stopped_when_the_interpreter_ends():
    program = """
import threading
from taskplan.sessions.parallel_workers import init_workers

called = threading.Event()
init_workers(lambda worker_id: called.set(), shutdown_fun=lambda: print("stopped")).start()
print(called.wait(20))
"""

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(tp.__file__).parents[1])},
    )

    assert (done.returncode, done.stdout) == (0, "True\nstopped\n"), done.stderr
