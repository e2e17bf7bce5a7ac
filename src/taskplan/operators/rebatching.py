"""Rebatching queues: rows that come in batches of one size and go in batches of another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from taskplan.errors import DtypeError, OperatorError, ShapeError
from taskplan.operators.inference import no_tensors
from taskplan.operators.operands import Tensor, argument_error, dtype_name, require_tensor
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
from taskplan.operators.queue_objects import RebatchingQueue, Refusal, Rows
from taskplan.operators.registry import MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import Closes, Puts


def _check_rebatching_queue(*, capacity: int, num_blobs: int) -> None:
    if capacity < 1:
        raise argument_error("CreateRebatchingQueue", "capacity", f"must be at least 1 row, got {capacity}")
    if num_blobs < 1:
        raise argument_error("CreateRebatchingQueue", "num_blobs", f"must be at least 1, got {num_blobs}")


@operator(
    "CreateRebatchingQueue", outputs=("queue",), effects=(MAKES,), check=_check_rebatching_queue, infer=no_tensors
)
def create_rebatching_queue(*, capacity: int = 1, num_blobs: int = 1, run: OpRun) -> RebatchingQueue:
    """A new, empty queue of up to ``capacity`` rows, each of ``num_blobs`` tensors, to change the size of batches.

    Outputs:
        queue: a rebatching queue.
    Example:
        CreateRebatchingQueue(; capacity=100) -> rq
    """
    return RebatchingQueue(run.op.outputs[0], capacity, num_blobs)


@operator("EnqueueRebatchingQueue", inputs=("queue", "tensors+"), effects=PUTS, check=check_timeout, infer=no_tensors)
def enqueue_rebatching_queue(
    queue: RebatchingQueue, *tensors: Tensor, enqueue_batch: bool = False, timeout_secs: float = 0.0, run: OpRun
) -> None:
    """Append one row, or with ``enqueue_batch`` one for each index along the first axis; wait while the queue is full.

    A batch may exceed the capacity: it goes in as readers make room.

    Inputs:
        queue: a rebatching queue.
        tensors: as many as the queue has columns, of any dtype; of a batch all have the same first size.
    Raises:
        DtypeError, ShapeError: the rows are not like those that the queue got before, or make no batch.
        QueueClosedError: the queue is closed. Rows of a batch that were in by then stay in.
        ReportedError: there was no room for ``timeout_secs`` (0: no limit). The same holds for rows that were in.
    Example:
        CreateRebatchingQueue(; capacity=10) -> rq
        EnqueueRebatchingQueue(rq, [1 2 3]; enqueue_batch=1)
        DequeueRebatchingQueue(rq; num_elements=2) -> [1 2]
    """
    name = "EnqueueRebatchingQueue"
    require_columns(name, queue, len(tensors))
    for index, tensor in enumerate(tensors):
        require_tensor(name, f"tensor {index}", tensor)
    rows = _batch(tensors) if enqueue_batch else Rows(tuple([np.asarray(x)[np.newaxis] for x in tensors]), 0, 1)
    while True:
        taken = answer(name, run, Puts(queue), partial(queue.try_put_rows, rows), timeout_secs)
        if taken is Refusal.CLOSED:
            raise ended(name, queue)
        if taken is Refusal.OTHER_KIND:
            raise _other_kind(queue, rows)
        rows = rows.split(taken)[1]
        if not len(rows):
            return


def _batch(tensors: Sequence[Tensor]) -> Rows:
    sizes = {tensor.shape[:1] for tensor in tensors}
    if len(sizes) > 1 or () in sizes:
        shapes = ", ".join(str(tensor.shape) for tensor in tensors)
        advice = "; give those of rank 0 a first axis by ops.ExpandDims with dims=[0]" if () in sizes else ""
        text = f"the tensors of a batch have shapes {shapes}; they must have the same first size{advice}"
        msg = f"EnqueueRebatchingQueue: {text}"
        raise ShapeError(msg, operator="EnqueueRebatchingQueue")
    return Rows(tuple(tensors), 0, len(tensors[0]))


def _other_kind(queue: RebatchingQueue, rows: Rows) -> OperatorError:
    expected = queue.kind or ()
    got = rows.kind()
    column = next(index for index, pair in enumerate(zip(expected, got, strict=True)) if pair[0] != pair[1])
    was, now = (f"{dtype_name(dtype)} {shape}" for dtype, shape in (expected[column], got[column]))
    refused = ShapeError if expected[column][0] == got[column][0] else DtypeError
    text = f"tensor {column} of a row is {now}, queue {queue.name!r} has rows with {was} there"
    return refused(f"EnqueueRebatchingQueue: {text}", operator="EnqueueRebatchingQueue")


def _check_rebatching_dequeue(*, num_elements: int, timeout_secs: float) -> None:
    check_timeout(timeout_secs=timeout_secs)
    if num_elements < 1:
        raise argument_error("DequeueRebatchingQueue", "num_elements", f"must be at least 1, got {num_elements}")


@operator(
    "DequeueRebatchingQueue",
    inputs=("queue",),
    outputs=("tensors+",),
    effects=TAKES,
    check=_check_rebatching_dequeue,
    inexact="what was put into the queue",
)
def dequeue_rebatching_queue(
    queue: RebatchingQueue, *, num_elements: int = 1, timeout_secs: float = 0.0, run: OpRun
) -> tuple[Tensor, ...]:
    """Take ``num_elements`` rows, stacked along a new first axis; wait for so many. At the end there may be fewer.

    Inputs:
        queue: a rebatching queue.
    Outputs:
        tensors: as many as the queue has columns.
    Raises:
        QueueClosedError: the queue is closed and nothing is left.
        ReportedError: not enough came for ``timeout_secs`` (0: no limit).
    Example:
        CreateRebatchingQueue(; capacity=10) -> rq
        EnqueueRebatchingQueue(rq, [1 2 3]; enqueue_batch=1)
        DequeueRebatchingQueue(rq; num_elements=2) -> [1 2]
    """
    name = "DequeueRebatchingQueue"
    require_columns(name, queue, len(run.op.outputs))
    attempt = partial(queue.try_take_rows, num_elements)
    taken: list[Rows] | None = answer_of_many(name, run, queue, num_elements, attempt, timeout_secs)
    if taken is None:
        raise ended(name, queue)
    if len(taken) == 1:
        return tuple(map(taken[0].column, range(queue.columns)))
    return tuple([np.concatenate([rows.column(index) for rows in taken]) for index in range(queue.columns)])


@operator("CloseRebatchingQueue", inputs=("queue",), effects=CLOSES, infer=no_tensors)
def close_rebatching_queue(queue: RebatchingQueue, *, run: OpRun) -> None:
    """Close a queue: writers are refused from now on, readers get what it still holds. Closing again changes nothing.

    Inputs:
        queue: a rebatching queue.
    Example:
        CreateRebatchingQueue(; capacity=10) -> rq
        CloseRebatchingQueue(rq)
    """
    require_kind(queue, RebatchingQueue)
    run.wait(Closes(queue), queue.close)
