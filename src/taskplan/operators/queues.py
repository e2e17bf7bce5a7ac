"""Blob queues: records of several blobs, put, taken, and closed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from taskplan.errors import DtypeError, OperatorError, ShapeError
from taskplan.operators.both_sides import require_once, require_output_each
from taskplan.operators.inference import Inferred, TensorSpec, always, no_tensors
from taskplan.operators.operands import BOOL, I64, argument_error, dtype_name, refuse
from taskplan.operators.queue_access import (
    CLOSES,
    PUTS,
    TAKES,
    answer,
    answer_of_many,
    check_timeout,
    ended,
    require_columns,
    require_kind,
)
from taskplan.operators.queue_objects import BlobsQueue, BoundedQueue, Record
from taskplan.operators.registry import BLOCKS, MAKES, RANDOM, operator
from taskplan.operators.run import UNSET, OpRun
from taskplan.operators.waiting import Changes, Closes, Puts, Reads, Takes


def _check_blobs_queue(*, capacity: int, num_blobs: int, field_names: Sequence[str], writers: int, **_: object) -> None:
    if capacity < 1:
        raise argument_error("CreateBlobsQueue", "capacity", f"must be at least 1 record, got {capacity}")
    if num_blobs < 1:
        raise argument_error("CreateBlobsQueue", "num_blobs", f"must be at least 1, got {num_blobs}")
    if field_names and len(field_names) != num_blobs:
        text = f"must have one name for each of num_blobs={num_blobs}, got {field_names!r}"
        raise argument_error("CreateBlobsQueue", "field_names", text)
    if writers < 0:
        raise argument_error("CreateBlobsQueue", "writers", f"must be 0 (not known) or more, got {writers}")


@operator("CreateBlobsQueue", outputs=("queue",), effects=(MAKES,), check=_check_blobs_queue, infer=no_tensors)
def create_blobs_queue(
    *,
    capacity: int = 1,
    num_blobs: int = 1,
    enforce_unique_name: bool = False,  # noqa: ARG001 - Caffe2's; records are no blobs here, so none can clash
    field_names: Sequence[str] = (),
    writers: int = 0,
    run: OpRun,
) -> BlobsQueue:
    """A new, empty queue of records, each of ``num_blobs`` blobs; one that the blob held before is replaced.

    It holds up to ``capacity`` records. ``field_names`` names the columns for statistics. ``writers`` says how many
    writers end with `EndWrites`; the last of them closes the queue.

    Outputs:
        queue: a blob queue.
    Example:
        CreateBlobsQueue(; capacity=4, num_blobs=2) -> q
    """
    return BlobsQueue(run.op.outputs[0], capacity, num_blobs, field_names, writers)


def _enqueue_preparation(name: str, statuses: int) -> Callable[..., None]:
    """What looks at the blobs of a call when its instance is created; `statuses` are the outputs behind them."""

    def prepare(*, run: OpRun, **_: object) -> None:
        blobs, outputs = run.op.inputs[1:], run.op.outputs
        require_output_each(name, "blobs", blobs, outputs[: len(outputs) - statuses])
        require_once(name, "blobs", blobs, "its value can move only once, so enqueue a copy that ops.Copy makes")

    return prepare


def _require_record(operator: str, queue: BlobsQueue, values: Record, run: OpRun) -> None:
    """Raises: OperatorError: the values make no record of the queue."""
    if len(values) != queue.columns:
        require_columns(operator, queue, len(values))
    for value in values:
        if value is UNSET:
            raise _nothing_to_put(operator, values, run)


def _nothing_to_put(operator: str, values: Record, run: OpRun) -> OperatorError:
    blob = next(blob for blob, value in zip(run.op.inputs[1:], values, strict=True) if value is UNSET)
    text = f"blob {blob!r} holds nothing: it was never written, or its value was handed on"
    return refuse(operator, f"{text}; write it anew, or hand on a copy that ops.Copy makes")


@operator(
    "EnqueueBlobs",
    inputs=("queue", "blobs+"),
    outputs=("blobs+",),
    must_in_place=(("blobs", "blobs"),),
    effects=PUTS,
    check=check_timeout,
    prepare=_enqueue_preparation("EnqueueBlobs", statuses=0),
    infer=no_tensors,
)
def enqueue_blobs(queue: BlobsQueue, *values: object, timeout_secs: float = 0.0, run: OpRun) -> tuple[object, ...]:
    """Append a record; wait while the queue is full. The values move: the blobs are empty afterwards.

    Inputs:
        queue: a blob queue.
        blobs: as many as the queue has columns, of any kind, no blob twice.
    Outputs:
        blobs: the same blobs, in the same order; they hold nothing until something writes them.
    Raises:
        QueueClosedError: the queue is closed; the values stay.
        ReportedError: the queue was full for ``timeout_secs`` (0: no limit); the values stay.
    Example:
        CreateBlobsQueue(; capacity=2) -> q
        Copy([1 2]) -> a
        EnqueueBlobs(q, a) -> a
        DequeueBlobs(q) -> [1 2]
    """
    _require_record("EnqueueBlobs", queue, values, run)
    if not answer("EnqueueBlobs", run, Puts(queue), partial(queue.try_put, values), timeout_secs):
        raise ended("EnqueueBlobs", queue)
    return (UNSET,) * len(values)


def _status_last(*_: object, outputs: int) -> Inferred:
    return (*(None,) * (outputs - 1), TensorSpec(BOOL))


@operator(
    "SafeEnqueueBlobs",
    inputs=("queue", "blobs+"),
    outputs=("blobs+", "status"),
    must_in_place=(("blobs", "blobs"),),
    effects=PUTS,
    check=check_timeout,
    prepare=_enqueue_preparation("SafeEnqueueBlobs", statuses=1),
    infer=_status_last,
)
def safe_enqueue_blobs(queue: BlobsQueue, *values: object, timeout_secs: float = 0.0, run: OpRun) -> tuple[object, ...]:
    """As `EnqueueBlobs`, but where the queue is closed a status says so.

    Inputs:
        queue: a blob queue.
        blobs: as many as the queue has columns, of any kind, no blob twice.
    Outputs:
        blobs: the same blobs, in the same order; they hold nothing afterwards, or what they held if it was refused.
        status: bool of rank 0; true means "not written".
    Raises:
        QueueClosedError: the queue was closed because a run failed.
        ReportedError: the queue was full for ``timeout_secs`` (0: no limit); the values stay.
    Example:
        CreateBlobsQueue(; capacity=2) -> q
        Copy([1 2]) -> a
        SafeEnqueueBlobs(q, a) -> a, F ()
    """
    _require_record("SafeEnqueueBlobs", queue, values, run)
    if answer("SafeEnqueueBlobs", run, Puts(queue), partial(queue.try_put, values), timeout_secs):
        return (*((UNSET,) * len(values)), np.False_)
    if queue.broken:
        raise ended("SafeEnqueueBlobs", queue)
    return (*values, np.True_)


@operator(
    "DequeueBlobs",
    inputs=("queue",),
    outputs=("blobs+",),
    effects=TAKES,
    check=check_timeout,
    inexact="what was put into the queue",
)
def dequeue_blobs(queue: BlobsQueue, *, timeout_secs: float = 0.0, run: OpRun) -> Record:
    """Take the oldest record; wait while the queue is empty.

    Inputs:
        queue: a blob queue.
    Outputs:
        blobs: as many as the queue has columns.
    Raises:
        QueueClosedError: the queue is closed and nothing is left.
        ReportedError: nothing came for ``timeout_secs`` (0: no limit).
    Example:
        CreateBlobsQueue(; capacity=2) -> q
        Copy([1 2]) -> a
        EnqueueBlobs(q, a) -> a
        DequeueBlobs(q) -> [1 2]
    """
    require_columns("DequeueBlobs", queue, len(run.op.outputs))
    record: Record | None = answer("DequeueBlobs", run, Takes(queue), queue.try_take, timeout_secs)
    if record is None:
        raise ended("DequeueBlobs", queue)
    return record


def _check_safe_dequeue(*, num_records: int, timeout_secs: float) -> None:
    check_timeout(timeout_secs=timeout_secs)
    if num_records < 1:
        raise argument_error("SafeDequeueBlobs", "num_records", f"must be at least 1, got {num_records}")


@operator(
    "SafeDequeueBlobs",
    inputs=("queue",),
    outputs=("blobs+", "status"),
    effects=TAKES,
    check=_check_safe_dequeue,
    infer=_status_last,
    inexact="what was put into the queue",
)
def safe_dequeue_blobs(
    queue: BlobsQueue, *, num_records: int = 1, timeout_secs: float = 0.0, run: OpRun
) -> tuple[object, ...]:
    """As `DequeueBlobs`, but at the end a status says so.

    With ``num_records`` above 1 it waits for that many records and concatenates each column along its first axis; at
    the end there may be fewer.

    Inputs:
        queue: a blob queue.
    Outputs:
        blobs: as many as the queue has columns; at the end they keep what they hold.
        status: bool of rank 0; true means "nothing read".
    Raises:
        DtypeError, ShapeError: records cannot be concatenated; they all stay in the queue.
        QueueClosedError: the queue was closed because a run failed.
        ReportedError: not enough came for ``timeout_secs`` (0: no limit).
    Example:
        CreateBlobsQueue(; capacity=2) -> q
        Copy([1 2]) -> a
        EnqueueBlobs(q, a) -> a
        CloseBlobsQueue(q)
        SafeDequeueBlobs(q) -> [1 2], F ()
        SafeDequeueBlobs(q) -> b, T ()
    """
    require_columns("SafeDequeueBlobs", queue, len(run.op.outputs) - 1)
    record: Record | None
    if num_records == 1:
        record = answer("SafeDequeueBlobs", run, Takes(queue), queue.try_take, timeout_secs)
    else:
        attempt = partial(queue.try_take_many, num_records, partial(_require_joinable, queue))
        records = answer_of_many("SafeDequeueBlobs", run, queue, num_records, attempt, timeout_secs)
        record = None if records is None else _joined(records)
    return _with_status("SafeDequeueBlobs", run, queue, record)


def _with_status(operator: str, run: OpRun, queue: BlobsQueue, record: Record | None) -> tuple[object, ...]:
    if record is not None:
        return (*record, np.False_)
    if queue.broken:
        raise ended(operator, queue)
    return (*map(run.previous, range(queue.columns)), np.True_)


def _require_joinable(queue: BlobsQueue, records: Sequence[Record]) -> None:
    """Raises: DtypeError, ShapeError: a column of these records cannot be concatenated."""
    for index, (first, *others) in enumerate(zip(*records, strict=True)):
        slot = f"column {queue.field_names[index]!r}" if queue.field_names else f"column {index}"
        for value in (first, *others):
            if not isinstance(value, np.ndarray | np.generic):
                msg = f"SafeDequeueBlobs: {slot} holds {value!r}; only tensors can be taken several at a time"
                raise DtypeError(msg, operator="SafeDequeueBlobs")
            if value.ndim == 0:
                rank = f"{slot} holds a tensor of rank 0, which has no axis along which several can be joined"
                msg = f"SafeDequeueBlobs: {rank}; give it one by ops.ExpandDims with dims=[0] before it is enqueued"
                raise ShapeError(msg, operator="SafeDequeueBlobs")
            if value.shape[1:] != first.shape[1:]:
                shapes = f"{slot} holds tensors of shapes {first.shape} and {value.shape}"
                msg = f"SafeDequeueBlobs: {shapes}; to take several records they must be alike but for their first axis"
                raise ShapeError(msg, operator="SafeDequeueBlobs")
            if value.dtype != first.dtype:
                types = f"{slot} holds tensors of {dtype_name(first.dtype)} and {dtype_name(value.dtype)}"
                msg = f"SafeDequeueBlobs: {types}; to take several records they must be of one dtype"
                raise DtypeError(msg, operator="SafeDequeueBlobs")


def _joined(records: Sequence[Record]) -> Record:
    if len(records) == 1:
        return records[0]
    return tuple([np.concatenate(column) for column in zip(*records, strict=True)])


def _check_weighted(*, weights: Sequence[float], table_idx_blob: int, timeout_secs: float, **_: object) -> None:
    check_timeout(timeout_secs=timeout_secs)
    if weights and (min(weights) < 0 or not 0 < sum(weights) < math.inf):
        text = f"must be 0 or more, not all 0, got {list(weights)}"
        raise argument_error("WeightedSampleDequeueBlobs", "weights", text)
    if table_idx_blob < -1:
        text = f"must be the number of an output, or -1 for none, got {table_idx_blob}"
        raise argument_error("WeightedSampleDequeueBlobs", "table_idx_blob", text)


def _prepare_weighted(*, run: OpRun, weights: Sequence[float] = (), table_idx_blob: int = -1, **_: object) -> None:
    name, queues, columns = "WeightedSampleDequeueBlobs", len(run.op.inputs), len(run.op.outputs) - 1
    if weights and len(weights) != queues:
        text = f"must have one for each of the {queues} queues, got {len(weights)}, {list(weights)}"
        raise argument_error(name, "weights", text)
    if table_idx_blob >= columns:
        text = f"must be the number of one of the {columns} outputs before the status, from 0 on, got {table_idx_blob}"
        raise argument_error(name, "table_idx_blob", text)


@operator(
    "WeightedSampleDequeueBlobs",
    inputs=("queues+",),
    outputs=("blobs+", "status"),
    effects=(Takes("queues"), BLOCKS, RANDOM),
    check=_check_weighted,
    prepare=_prepare_weighted,
    infer=_status_last,
    inexact="what was put into the queues",
)
def weighted_sample_dequeue_blobs(
    *queues: BlobsQueue,
    weights: Sequence[float] = (),
    table_idx_blob: int = -1,
    until_all_end: bool = False,
    timeout_secs: float = 0.0,
    run: OpRun,
) -> tuple[object, ...]:
    """Draw a queue by weight and take its oldest record; wait for it while it is empty, even if others are not.

    With ``until_all_end`` a queue that has come to its end is left out and another is drawn, until all have; without it
    the first end that is met is the end.

    Inputs:
        queues: blob queues, all of as many columns.
    Outputs:
        blobs: the record; at the end they keep what they hold. With ``table_idx_blob`` that output is overwritten by
            the number of the queue, int32 of shape (1,).
        status: bool of rank 0; true means "nothing read".
    Raises:
        ArgumentError: not one weight a queue (all 1 if not given), or no such output.
        QueueClosedError: the queue drawn was closed because a run failed.
        ReportedError: nothing came for ``timeout_secs`` (0: no limit).
    Example:
        CreateBlobsQueue() -> p
        CreateBlobsQueue(; capacity=2) -> q
        Copy([1 2]) -> a
        EnqueueBlobs(q, a) -> a
        WeightedSampleDequeueBlobs(p, q; weights=[0.0, 1.0]) -> [1 2], F ()
    """
    name, columns = "WeightedSampleDequeueBlobs", len(run.op.outputs) - 1
    left = list(weights or [1.0] * len(queues))
    for queue in queues:
        require_columns(name, queue, columns)
    while True:
        drawn = _draw(left, run.rng.random())
        queue = queues[drawn]
        record: Record | None = answer(name, run, Takes(queue), queue.try_take, timeout_secs)
        left[drawn] = 0.0
        if record is not None or queue.broken or not until_all_end or not any(left):
            break
    outputs = list(_with_status(name, run, queue, record))
    if record is not None and table_idx_blob >= 0:
        outputs[table_idx_blob] = np.array([drawn], np.int32)
    return tuple(outputs)


def _draw(weights: Sequence[float], chance: float) -> int:
    """The index on which `chance`, from 0 to below 1, falls if each has a share as large as its weight."""
    point = chance * sum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return max(index for index, weight in enumerate(weights) if weight)


@operator("CloseBlobsQueue", inputs=("queue",), effects=CLOSES, infer=no_tensors)
def close_blobs_queue(queue: BlobsQueue, *, run: OpRun) -> None:
    """Close a queue: writers are refused from now on, readers get what it still holds. Closing again changes nothing.

    Inputs:
        queue: a blob queue.
    Example:
        CreateBlobsQueue() -> q
        CloseBlobsQueue(q)
        Copy([1 2]) -> a
        SafeEnqueueBlobs(q, a) -> a, T ()
    """
    require_kind(queue, BlobsQueue)
    run.wait(Closes(queue), queue.close)


_COUNTED = ("fill", "put", "taken", "refused", "putting", "taking")


@operator(
    "QueueStatistics",
    inputs=("queue",),
    outputs=(*_COUNTED, "closed"),
    effects=(Reads("queue"),),
    infer=always(*[TensorSpec(I64)] * len(_COUNTED), TensorSpec(BOOL)),
)
def queue_statistics(queue: BoundedQueue, *, run: OpRun) -> tuple[np.generic, ...]:
    """What went through a queue since it was made, in records or rows, and who waits for it now.

    Inputs:
        queue: a blob queue or a rebatching queue.
    Outputs:
        fill: int64 of rank 0, as all of these: how many it holds.
        put: how many it took from writers.
        taken: how many it gave to readers.
        refused: how many it did not take from writers, since it was closed.
        putting: how many writers wait.
        taking: how many readers wait.
        closed: bool of rank 0.
    Example:
        CreateBlobsQueue(; capacity=2) -> q
        Copy([1 2]) -> a
        EnqueueBlobs(q, a) -> a
        QueueStatistics(q) -> 1 ():i64, 1 ():i64, 0 ():i64, 0 ():i64, 0 ():i64, 0 ():i64, F ()
    """
    seen = run.wait(Reads(queue), queue.statistics)
    return (*[np.int64(getattr(seen, name)) for name in _COUNTED], np.bool_(seen.closed))


@operator("EndWrites", inputs=("queue",), effects=CLOSES, infer=no_tensors)
def end_writes(queue: BlobsQueue, *, run: OpRun) -> None:
    """Say that one of a queue's writers is done; the last of them closes it.

    How many there are was said when the queue was made, or by `BeginWrites`; if it was not, the queue is closed.

    Inputs:
        queue: a blob queue.
    Example:
        CreateBlobsQueue(; writers=1) -> q
        EndWrites(q)
        SafeDequeueBlobs(q) -> a, T ()
    """
    run.wait(Closes(queue), queue.end_writes)


@operator("EndReads", inputs=("queue",), effects=CLOSES, infer=no_tensors)
def end_reads(queue: BlobsQueue, *, run: OpRun) -> None:
    """Say that one of a queue's readers is done; the last of them closes it, so that writers are refused.

    How many there are was said by `BeginReads`; if it was not, the queue is closed.

    Inputs:
        queue: a blob queue.
    Example:
        CreateBlobsQueue() -> q
        EndReads(q)
        Copy([1 2]) -> a
        SafeEnqueueBlobs(q, a) -> a, T ()
    """
    run.wait(Closes(queue), queue.end_reads)


@operator("BeginWrites", inputs=("queue",), effects=(Changes("queue"),), infer=no_tensors)
def begin_writes(queue: BlobsQueue, *, run: OpRun) -> None:
    """Say that a queue has one more writer, which will end with `EndWrites`.

    Inputs:
        queue: a blob queue.
    Raises:
        QueueClosedError: the queue is closed.
    Example:
        CreateBlobsQueue() -> q
        BeginWrites(q)
        BeginWrites(q)
        EndWrites(q)
        Copy([1 2]) -> a
        SafeEnqueueBlobs(q, a) -> a, F ()
    """
    if not run.wait(Changes(queue), queue.begin_writes):
        raise ended("BeginWrites", queue)


@operator("BeginReads", inputs=("queue",), effects=(Changes("queue"),), infer=no_tensors)
def begin_reads(queue: BlobsQueue, *, run: OpRun) -> None:
    """Say that a queue has one more reader, which will end with `EndReads`.

    Inputs:
        queue: a blob queue.
    Example:
        CreateBlobsQueue() -> q
        BeginReads(q)
        EndReads(q)
        Copy([1 2]) -> a
        SafeEnqueueBlobs(q, a) -> a, T ()
    """
    run.wait(Changes(queue), queue.begin_reads)
