"""Python functions that are called again and again on threads of their own, beside whatever runs.

For example, to fill a queue of the current workspace from Python::

    def read(worker_id):
        blob = f"batch_{worker_id}"
        FeedBlob(blob, next_batch())
        RunOperatorOnce(CreateOperator("SafeEnqueueBlobs", ["queue", blob], [blob, "status"]))

    workers = init_workers(read, num_worker_threads=4)
    workers.start()
    ...
    workers.stop()

Coordinators belong to the process: `start` and `stop` act on all that were made. What belongs to one program is better
    written as tasks.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Iterable

from taskplan.sessions.experiment_util import ExternalLogger

JOIN_S = 5.0
"""How long a thread may take to end its last call."""

logger = logging.getLogger("taskplan")

WorkerFunction = Callable[[int], object]
InitFunction = Callable[["WorkerCoordinator", "GlobalWorkerCoordinator"], object]


class WorkerCoordinator:
    """The threads of one call of `init_workers`.

    Args:
        worker_name: its name.
        init_fun: called once before the threads start.
        shutdown_fun: called when they are to stop.
    """

    def __init__(
        self,
        worker_name: str,
        init_fun: InitFunction | None = None,
        shutdown_fun: Callable[[], object] | None = None,
    ) -> None:
        self.worker_name = worker_name
        self._init_fun = init_fun
        self._shutdown_fun = shutdown_fun
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._active = True
        self._started = False

    def add_worker(self, worker_id: int, worker_fun: WorkerFunction, log_metrics: Callable[[float], None]) -> None:
        """Add a thread, which is started with the others.

        Args:
            worker_id: what `worker_fun` is given.
            worker_fun: is called until the coordinator stops.
            log_metrics: is given the time that each call took, in seconds.
        """

        def work() -> None:
            while self._active:
                started_s = time.monotonic()
                try:
                    worker_fun(worker_id)
                except Exception:
                    logger.exception("worker %d of %r failed, so all of them stop", worker_id, self.worker_name)
                    self.stop()
                finally:
                    log_metrics(time.monotonic() - started_s)

        # A daemon, since it may be stuck in its function when the process ends.
        self._threads.append(threading.Thread(target=work, name=f"{self.worker_name}-{worker_id}", daemon=True))

    def is_active(self) -> bool:
        """Whether its workers go on: they have not been stopped, and none has failed."""
        return self._active

    def init(self, global_coordinator: GlobalWorkerCoordinator) -> None:
        """Call the init function, unless the threads have been started."""
        if self._init_fun is not None and not self._started:
            self._init_fun(self, global_coordinator)

    def start(self) -> None:
        """Start the threads, unless that has been done."""
        if not self._started:
            self._started = True
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """Let each thread end after the call that it is in; only the first call has an effect."""
        with self._lock:
            was_active, self._active = self._active, False
        if was_active and self._started and self._shutdown_fun is not None:
            self._shutdown_fun()

    def wait(self) -> bool:
        """Wait for the threads to end, 5 s for each; says whether all did."""
        others = [thread for thread in self._threads if thread is not threading.current_thread()]
        if self._started:
            for thread in others:
                thread.join(JOIN_S)
        stuck = [thread.name for thread in others if thread.is_alive()]
        if stuck:
            logger.warning("workers %s of %r have not ended", ", ".join(stuck), self.worker_name)
        return not stuck


class GlobalWorkerCoordinator:
    """All coordinators of the process."""

    def __init__(self) -> None:
        self._coordinators: list[WorkerCoordinator] = []
        self._next_id = 0
        self._lock = threading.Lock()
        self._stops_at_exit = False

    def add(self, coordinator: WorkerCoordinator) -> None:
        """Take a coordinator, to be started and stopped with the others, at the latest when the interpreter ends."""
        with self._lock:
            self._coordinators.append(coordinator)
            if not self._stops_at_exit:
                self._stops_at_exit = True
                atexit.register(self.stop)

    def get_new_worker_id(self) -> int:
        """An id that no other worker of the process has."""
        with self._lock:
            self._next_id += 1
            return self._next_id - 1

    def get_worker_ids(self) -> range:
        """All ids that were given out."""
        return range(self._next_id)

    def start(self) -> None:
        """Call all init functions, one after the other, and then start the threads of all coordinators."""
        coordinators = list(self._coordinators)
        for coordinator in coordinators:
            coordinator.init(self)
        for coordinator in coordinators:
            coordinator.start()

    def stop(self) -> bool:
        """Stop all coordinators and forget them; says whether all threads have ended."""
        with self._lock:
            coordinators, self._coordinators = self._coordinators, []
        return _stop(coordinators)

    def stop_coordinator(self, name: str) -> bool:
        """Stop the coordinators of that name and forget them; says whether their threads have ended."""
        with self._lock:
            named = [each for each in self._coordinators if each.worker_name == name]
            self._coordinators = [each for each in self._coordinators if each.worker_name != name]
        return _stop(named)


def _stop(coordinators: Iterable[WorkerCoordinator]) -> bool:
    stopped = list(coordinators)
    for coordinator in stopped:
        coordinator.stop()
    have_ended = [coordinator.wait() for coordinator in stopped]
    return all(have_ended)


global_coordinator = GlobalWorkerCoordinator()
"""The coordinators of this process."""


def init_workers(
    worker_fun: WorkerFunction,
    num_worker_threads: int = 2,
    worker_name: str = "train",
    init_fun: InitFunction | None = None,
    external_loggers: Iterable[ExternalLogger] | None = None,
    shutdown_fun: Callable[[], object] | None = None,
) -> GlobalWorkerCoordinator:
    """Make threads that call a function again and again, until they are stopped or one of them fails.

    Args:
        worker_fun: is given the id of its worker.
        num_worker_threads: how many threads.
        worker_name: the name of their coordinator.
        init_fun: is called with that coordinator and the process's, before any thread starts.
        external_loggers: get the times that calls took, added up: `worker_time` in seconds, and `worker_time_count`.
        shutdown_fun: is called when the threads are to stop; it may wake what they wait for.

    Returns:
        The coordinator of the process; its `start()` starts the threads.
    """
    coordinator = WorkerCoordinator(worker_name, init_fun, shutdown_fun)
    log_metrics = _metrics_logger(list(external_loggers or ()))
    for _ in range(num_worker_threads):
        coordinator.add_worker(global_coordinator.get_new_worker_id(), worker_fun, log_metrics)
    global_coordinator.add(coordinator)
    return global_coordinator


def _metrics_logger(external_loggers: list[ExternalLogger]) -> Callable[[float], None]:
    """Adds up the times of calls and tells the loggers, one call at a time."""
    metrics = {"worker_time": 0.0, "worker_time_count": 0}
    lock = threading.Lock()

    def log(worker_time_s: float) -> None:
        with lock:
            metrics["worker_time"] += worker_time_s
            metrics["worker_time_count"] += 1
            for external in external_loggers:
                try:
                    external.log(dict(metrics))
                except Exception:
                    logger.exception("%r raised and goes on to be called", external)

    return log
