"""Python functions that fetch data on threads of their own, beside the nets that use it.

For example, to train on what a function reads::

    def fetch(worker_id, batch_size):
        return [next_images(batch_size), next_labels(batch_size)]

    with GlobalCoordinator() as workers:
        init_data_input_workers(net, ["image", "label"], fetch, batch_size=64, coordinator=workers)
        workers.start()
        session.run(training)

Fetchers put chunks of rows into a buffer, one for each *source*; an enqueuer makes batches of them and puts these into
a queue, from which an operator in the net takes one batch at a time. The arrays of a chunk stay together all the way.

When a function raises, or returns what is no chunk, its source ends: the net gets all rows that were fetched, the last
batch may be short, and then the error itself is raised in the net.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from types import TracebackType

from taskplan.builder.blobs import ScopedName
from taskplan.builder.net import Net
from taskplan.data.data_chunks import ChunkBuffer, Layout
from taskplan.data.data_coordinator import (
    DataCoordinator,
    FetchFunction,
    MeasurementLogger,
    Metrics,
    add_dequeue,
)
from taskplan.errors import BuildTypeError, BuildValueError
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.sessions.parallel_workers import JOIN_S, GlobalWorkerCoordinator, InitFunction, WorkerCoordinator
from taskplan.sessions.workspaces import current_workspace

QUEUED_BATCHES = 4
"""How many batches wait for the net, besides the chunks in the buffer."""


class GlobalCoordinator(GlobalWorkerCoordinator):
    """Data sources that are started and stopped together: those of the process, or of a `with` block.

    Example::

        with GlobalCoordinator() as workers:
            init_data_input_workers(net, ["x"], fetch, batch_size=8, coordinator=workers)
            workers.start()
            ...
    """

    def __enter__(self) -> GlobalCoordinator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self, timeout_s: float = JOIN_S) -> bool:
        """Stop all sources and forget them.

        Args:
            timeout_s: how long their threads may take to end, in all. A function that waits for long can be told to end
                by its `stop_event`.

        Returns:
            Whether all threads have ended.
        """
        with self._lock:
            coordinators, self._coordinators = self._coordinators, []
            self._stops_at_exit = False
        atexit.unregister(self.stop)
        return _stop(coordinators, timeout_s)

    def stop_coordinator(self, name: str, timeout_s: float = JOIN_S) -> bool:
        """Stop one source and forget it; says whether its threads have ended. An unknown name changes nothing."""
        with self._lock:
            named = [each for each in self._coordinators if each.worker_name == name]
            self._coordinators = [each for each in self._coordinators if each.worker_name != name]
        return _stop(named, timeout_s)

    def sources(self) -> list[DataCoordinator]:
        """The coordinators that there are now, one for each call of `init_data_input_workers`."""
        return [each for each in self._coordinators if isinstance(each, DataCoordinator)]

    def buffer(self, layout: Layout, capacity: int) -> ChunkBuffer:
        """The buffer of a source: that of the calls before, or a new one of this capacity.

        Raises:
            BuildValueError: the calls do not agree on what a chunk is.
        """
        made_before = [each.buffer for each in self.sources() if each.worker_name == layout.source]
        known = next((each for each in made_before if not each.ending.is_set()), None)
        if known is None:
            return ChunkBuffer(layout, capacity)
        if (known.layout.axes, known.layout.rebatched) != (layout.axes, layout.rebatched):
            msg = (
                f"{layout} gives {len(known.layout.axes)} arrays with rows along axes {known.layout.axes} already; "
                "calls with one input_source_name must have as many blobs, the same batch_columns and dont_rebatch"
            )
            raise BuildValueError(msg)
        return known

    def queue(self, name: str, blobs: Sequence[str]) -> BlobsQueue:
        """The queue of that name in the current workspace, which an earlier call made; or a new one, to be put there.

        Raises:
            BuildValueError: the queue is in use by somebody else, or for other blobs.
        """
        cell = current_workspace().find(name)
        held = cell.value if cell is not None else None
        if isinstance(held, BlobsQueue) and not held.closed:
            if all(each.queue is not held for each in self.sources()):
                msg = f"queue {name!r} is in use by others; stop them, or choose another input_source_name"
                raise BuildValueError(msg)
            if held.field_names != tuple(blobs):
                msg = (
                    f"queue {name!r} holds {', '.join(held.field_names)} already, so it cannot hold {', '.join(blobs)}"
                )
                raise BuildValueError(f"{msg}; choose another input_source_name")
            return held
        return BlobsQueue(name, QUEUED_BATCHES, len(blobs), blobs)

    def reset_data_input(self, namescope: str, name: str, net: Net, batch_size: int) -> None:
        """Let a source make batches of another size, and another net take them.

        Args:
            namescope: the name scope in which the source was made.
            name: of the source.
            net: gets an operator that takes batches, besides the nets that have one.
            batch_size: of the batches that are made from now on; some of the old size may be in the queue.

        Raises:
            BuildTypeError: the size is no integer.
            BuildValueError: there is no such source, or the size is below 1.
        """
        batch_size = _at_least_one("batch_size", batch_size)
        found = [each for each in self.sources() if (each.worker_name, each.namescope) == (name, namescope)]
        if not found:
            known = ", ".join(sorted({f"{each.worker_name!r} in {each.namescope!r}" for each in self.sources()}))
            msg = f"there is no data source {name!r} made in the name scope {namescope!r}; there are: {known or 'none'}"
            raise BuildValueError(msg)
        for each in found:
            each.batch_size = batch_size
            each.add_dequeue(net)


def _stop(coordinators: Sequence[WorkerCoordinator], timeout_s: float) -> bool:
    """Stop all of them at once, and wait for their threads, for so long in all; says whether all ended."""
    for each in coordinators:
        each.stop()
    deadline_s = time.monotonic() + timeout_s
    ended = [
        each.wait(max(0.0, deadline_s - time.monotonic())) if isinstance(each, DataCoordinator) else each.wait()
        for each in coordinators
    ]
    return all(ended)


global_coordinator = GlobalCoordinator()
"""The data sources of this process."""


def init_data_input_workers(
    net: Net,
    input_blob_names: Sequence[str],
    fetch_fun: FetchFunction,
    batch_size: int,
    num_worker_threads: int = 2,
    input_source_name: str = "train",
    max_buffered_batches: int = 800,
    init_fun: InitFunction | None = None,
    external_loggers: Iterable[MeasurementLogger] | None = None,
    dont_rebatch: bool = False,
    batch_columns: Sequence[int] | None = None,
    timeout: float = 600,
    *,
    coordinator: GlobalCoordinator | None = None,
) -> GlobalCoordinator:
    """Add an operator to a net that takes a batch, and make the threads that fetch what it takes.

    Calls with one `input_source_name` share what their functions fetch: each row goes into one batch of one of them.

    Args:
        net: gets the operator, before those that use the blobs.
        input_blob_names: of the blobs of a batch, in the current name scope.
        fetch_fun: `fetch_fun(worker_id, batch_size)` returns a list of arrays, one for each blob, with any number of
            rows; they are copied. If it has a parameter `stop_event`, it is passed a `threading.Event` that is set when
            it should end, so that it need not be waited for.
        batch_size: how many rows a batch has.
        num_worker_threads: how many threads call the function.
        input_source_name: the name of the source.
        max_buffered_batches: how many chunks wait at most; that of the first call counts.
        init_fun: is called with the coordinator of this call and that of all, before any thread starts.
        external_loggers: get measurements once a minute, and at the end: `inputs_per_sec`, `queue_size` (chunks that
            wait), `time_elapsed`, and the times `fetcher_time` and `enqueue_time` in seconds with `..._count`.
        dont_rebatch: hand chunks on as they are, whatever their rows.
        batch_columns: the axis of each array along which its rows are; 0 if not given.
        timeout: how long the operator waits for a batch, in seconds; 0 for no limit.
        coordinator: what starts and stops the threads; that of the process if not given.

    Returns:
        That coordinator; nothing runs before its `start()`.

    Raises:
        BuildTypeError, BuildValueError: an argument is of another type, or out of range, or the calls for one source do
            not fit together.
    """
    batch_size = _at_least_one("batch_size", batch_size)
    num_worker_threads = _at_least_one("num_worker_threads", num_worker_threads)
    max_buffered_batches = _at_least_one("max_buffered_batches", max_buffered_batches)
    _check_functions(fetch_fun, init_fun)
    _check_timeout(timeout)
    if isinstance(input_blob_names, str) or not input_blob_names:
        msg = f"input_blob_names must be a list of names, one for each array of a chunk, got {input_blob_names!r}"
        raise BuildTypeError(msg)
    axes = _axes(batch_columns, len(input_blob_names))
    workers = global_coordinator if coordinator is None else coordinator
    layout = Layout(input_source_name, list(map(str, input_blob_names)), axes, rebatched=not dont_rebatch)
    buffer = workers.buffer(layout, max_buffered_batches)
    queue_name = ScopedName(f"{layout.blobs[0]}_c2queue_{input_source_name}")
    blobs = list(map(ScopedName, layout.blobs))
    queue = workers.queue(queue_name, blobs)
    metrics = Metrics(input_source_name, external_loggers or ())
    # Up to here something may be refused, and then nothing has changed.
    add_dequeue(net, queue_name, blobs, timeout)
    current_workspace().local_cell(queue_name).value = queue
    worker_ids = [workers.get_new_worker_id() for _ in range(num_worker_threads)]
    made = DataCoordinator(
        input_source_name, fetch_fun, worker_ids, batch_size, buffer, queue, metrics, init_fun, timeout
    )
    workers.add(made)
    return workers


def _at_least_one(name: str, value: object) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        msg = f"{name} must be an int, got {value!r}"
        raise BuildTypeError(msg)
    if value < 1:
        msg = f"{name} must be at least 1, got {value!r}"
        raise BuildValueError(msg)
    return int(value)


def _check_functions(fetch_fun: object, init_fun: object) -> None:
    if not callable(fetch_fun):
        msg = f"fetch_fun must be a function of worker_id and batch_size that returns arrays, got {fetch_fun!r:.80}"
        raise BuildTypeError(msg)
    if init_fun is not None and not callable(init_fun):
        msg = f"init_fun must be a function of two coordinators, or None, got {init_fun!r:.80}"
        raise BuildTypeError(msg)


def _check_timeout(timeout: object) -> None:
    if not isinstance(timeout, Real):
        msg = f"timeout must be a number of seconds, got {timeout!r:.80}"
        raise BuildTypeError(msg)


def _axes(batch_columns: Sequence[int] | None, blobs: int) -> list[int]:
    axes = [0] * blobs if batch_columns is None else list(batch_columns)
    if len(axes) != blobs or any(not isinstance(axis, Integral) or axis < 0 for axis in axes):
        msg = f"batch_columns must be an axis for each of the {blobs} blobs, counted from 0, got {batch_columns!r}"
        raise BuildValueError(msg)
    return list(map(int, axes))
