"""The threads that fetch the data of one source, and the thread that makes batches of it."""

from __future__ import annotations

import inspect
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from taskplan.builder.blobs import BlobReference
from taskplan.builder.net import Net
from taskplan.builder.scope import CurrentNameScope
from taskplan.data.data_chunks import Batches, Chunk, ChunkBuffer, as_values
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.sessions.outside import OutsideWriter
from taskplan.sessions.parallel_workers import JOIN_S, InitFunction, WorkerCoordinator

logger = logging.getLogger("taskplan")

LOG_EVERY_S = 60.0

FetchFunction = Callable[..., Any]
"""`fetch(worker_id, batch_size)`; gets `stop_event=` too if it has a parameter of that name."""


class MeasurementLogger(Protocol):
    """Gets measurements, as a `taskplan.ExternalLogger` does."""

    def log(self, log_dict: Mapping[str, Any]) -> object:
        """Take what was measured since the last call."""


class Metrics:
    """Adds up what the threads of one coordinator measure, and tells its loggers once a minute, and at the end.

    Args:
        name: of the source, for the log.
        loggers: are told.
    """

    def __init__(self, name: str, loggers: Iterable[MeasurementLogger]) -> None:
        self._name = name
        self._loggers = list(loggers)
        self._lock = threading.Lock()
        self._sums: Counter[str] = Counter()
        self._inputs = 0
        self._since_s = time.monotonic()

    def add(self, name: str, duration_s: float) -> None:
        """One thing more took so long."""
        with self._lock:
            self._sums[name] += duration_s  # type: ignore[assignment] # a Counter counts seconds as well
            self._sums[f"{name}_count"] += 1

    def fetched(self, rows: int, chunks_buffered: int) -> None:
        """So many rows more were fetched; tells the loggers if it is time to."""
        with self._lock:
            self._inputs += rows
            due = time.monotonic() - self._since_s >= LOG_EVERY_S
        if due:
            self.tell(chunks_buffered)

    def tell(self, chunks_buffered: int) -> None:
        """Tell the loggers, and begin again."""
        with self._lock:
            elapsed_s = time.monotonic() - self._since_s
            measured = {
                **self._sums,
                "inputs_per_sec": int(self._inputs / elapsed_s) if elapsed_s else 0,
                "queue_size": chunks_buffered,
                "time_elapsed": elapsed_s,
            }
            self._sums.clear()
            self._inputs = 0
            self._since_s = time.monotonic()
        logger.info("data source %r: %d rows a second", self._name, measured["inputs_per_sec"])
        for each in self._loggers:
            try:
                each.log(dict(measured))
            except Exception:
                logger.exception("%r raised and goes on to be called", each)


class DataCoordinator(WorkerCoordinator):
    """The threads of one call of `init_data_input_workers`, and the queue between them and the net.

    Args:
        name: of the source.
        fetch_fun: fetches chunks.
        worker_ids: of the fetchers.
        batch_size: how many rows a batch has.
        buffer: of the source.
        queue: what the net takes batches from; written to by this coordinator, perhaps among others.
        metrics: what is measured.
        init_fun: called once before any thread starts.
        timeout_s: how long the net waits for a batch; 0 for no limit.
    """

    def __init__(
        self,
        name: str,
        fetch_fun: FetchFunction,
        worker_ids: Sequence[int],
        batch_size: int,
        buffer: ChunkBuffer,
        queue: BlobsQueue,
        metrics: Metrics,
        init_fun: InitFunction | None = None,
        timeout_s: float = 0.0,
    ) -> None:
        super().__init__(name, init_fun)
        self.batch_size = batch_size
        self.buffer = buffer
        self.queue = queue
        self.namescope = CurrentNameScope()
        self._fetch_fun = fetch_fun
        self._takes_event = _takes_event(fetch_fun)
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._refused_rows = 0
        self._writer = OutsideWriter(queue)
        buffer.open_for(len(worker_ids))
        # Daemons, since a fetcher may be stuck in its function when the process ends.
        for worker_id in worker_ids:
            thread = f"taskplan-{name}-fetch-{worker_id}"
            self._threads.append(threading.Thread(target=self._fetch, args=[worker_id], name=thread, daemon=True))
        thread = f"taskplan-{name}-enqueue-{worker_ids[0]}"
        self._threads.append(threading.Thread(target=self._enqueue, name=thread, daemon=True))

    def is_active(self) -> bool:
        """Whether data is being fetched, or will be: it was not stopped, and its source has not failed."""
        return self._active and not self.buffer.ending.is_set()

    @property
    def undelivered_rows(self) -> int:
        """How many rows of the source were fetched and will not come out of a queue, since it was stopped."""
        return self.buffer.undelivered_rows

    def add_dequeue(self, net: Net) -> None:
        """Add an operator to a net that takes a batch."""
        add_dequeue(net, self.queue.name, self.queue.field_names, self._timeout_s)

    def stop(self) -> None:
        """Let each thread end after the call that it is in. The net may still take what is in the queue."""
        with self._lock:
            was_active, self._active = self._active, False
        if was_active:
            self.buffer.stop()
            self._writer.close()

    def wait(self, timeout_s: float = JOIN_S) -> bool:
        """Wait for the threads to end, for so long in all; says whether all did."""
        deadline_s = time.monotonic() + timeout_s
        others = [thread for thread in self._threads if thread is not threading.current_thread()]
        for thread in others if self._started else ():
            thread.join(max(0.0, deadline_s - time.monotonic()))
        stuck = [thread.name for thread in others if thread.is_alive()]
        if stuck:
            logger.warning("%s of %s have not ended", ", ".join(stuck), self.buffer.layout)
        elif self._started:
            self._metrics.tell(len(self.buffer))
            if self.undelivered_rows:
                logger.info("%s: %d rows were fetched and not delivered", self.buffer.layout, self.undelivered_rows)
        return not stuck

    # --- the threads --------------------------------------------------------------------------------------------------

    def _fetch(self, worker_id: int) -> None:
        """A fetcher: fetch until no more is to be fetched, or something is wrong."""
        try:
            while not self.buffer.ending.is_set():
                started_s = time.monotonic()
                given = self._call(worker_id)
                self._metrics.add("fetcher_time", time.monotonic() - started_s)
                if given is None:
                    logger.warning("%s: fetch_fun of worker %d returned None", self.buffer.layout, worker_id)
                else:
                    self._put(self.buffer.layout.taken(given))
        except BaseException as error:  # raised again in the net
            logger.exception("%s: worker %d failed, so the source ends", self.buffer.layout, worker_id)
            self._fail(error, f"worker {worker_id}")
        finally:
            self.buffer.end_fetching()

    def _call(self, worker_id: int) -> Any:
        if self._takes_event:
            return self._fetch_fun(worker_id, self.batch_size, stop_event=self.buffer.ending)
        return self._fetch_fun(worker_id, self.batch_size)

    def _put(self, chunk: Chunk) -> None:
        rows = self.buffer.layout.rows(chunk)
        if rows or not self.buffer.layout.rebatched:
            self._metrics.fetched(rows, len(self.buffer))
            self.buffer.put(chunk)

    def _fail(self, error: BaseException, who: str) -> None:
        try:
            error.add_note(f"  from   {who} of {self.buffer.layout}")
        except Exception:
            logger.debug("%r takes no notes", error)
        self.buffer.fail(error)

    def _enqueue(self) -> None:
        """The enqueuer: make batches, until there are no more chunks or the queue takes no more."""
        batches = Batches(self.buffer.layout)
        try:
            while (chunk := self.buffer.get()) is not None:
                if not self._deliver(batches, chunk):
                    return
            rest = batches.take(batches.rows) if self.buffer.error is not None else None
            if rest is not None:
                self._send(rest)
        except BaseException as error:  # as in _fetch
            logger.exception("%s: the enqueuer failed, so the source ends", self.buffer.layout)
            self._fail(error, "the enqueuer")
        finally:
            self.buffer.end_taking(self._refused_rows + batches.rows)
            self._writer.end(self.buffer.error)

    def _deliver(self, batches: Batches, chunk: Chunk) -> bool:
        """Put the batches that are complete now into the queue; whether it took them."""
        if not self.buffer.layout.rebatched:
            return self._send(chunk)
        batches.add(chunk)
        while (batch := batches.take(self.batch_size)) is not None:
            if not self._send(batch):
                return False
        return True

    def _send(self, batch: Chunk) -> bool:
        started_s = time.monotonic()
        taken = self._writer.put(as_values(batch))
        self._metrics.add("enqueue_time", time.monotonic() - started_s)
        if not taken:
            self._refused_rows += self.buffer.layout.rows(batch)
        return taken


def add_dequeue(net: Net, queue: str, blobs: Sequence[str], timeout_s: float) -> None:
    """Add the operator to a net that takes a batch from a queue, and waits for it for so long at most."""
    outputs = [BlobReference(name, net) for name in blobs]
    net.DequeueBlobs([BlobReference(queue)], outputs, timeout_secs=float(timeout_s))


def _takes_event(fetch_fun: FetchFunction) -> bool:
    try:
        return "stop_event" in inspect.signature(fetch_fun).parameters
    except (TypeError, ValueError):  # some that are written in C
        return False
