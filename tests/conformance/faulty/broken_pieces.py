"""What broken programs are put together from. All of it is written into the open task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.conformance.programs import boom

import taskplan as tp
from taskplan import ops

SHORT_MS = 1
"""A reporter's interval that passes during a run that waits."""

LIMIT_S = 0.05
"""A time limit that is to pass."""


def node_queue(name: str, capacity: int = 1, columns: int = 1) -> tp.BlobReference:
    """A queue of all tasks of the node, made before any of them begins."""
    with ops.local_init():
        queue: tp.BlobReference = ops.CreateBlobsQueue([], [name], capacity=capacity, num_blobs=columns)
    return queue


def node_rows(name: str, capacity: int = 1) -> tp.BlobReference:
    """The same, a rebatching queue of one column."""
    with ops.local_init():
        queue: tp.BlobReference = ops.CreateRebatchingQueue([], [name], capacity=capacity)
    return queue


def put(queue: tp.BlobReference | str, value: Any = 1) -> None:
    """Write one record."""
    item = ops.Const(value)
    ops.EnqueueBlobs([queue, item], [item])


def take(queue: tp.BlobReference | str) -> tp.BlobReference:
    """Read one record."""
    item: tp.BlobReference = ops.DequeueBlobs([queue], 1)
    return item


def put_many(queue: tp.BlobReference | str, count: int) -> None:
    """Write so many records in a loop."""
    with ops.loop(count):
        put(queue)


def take_many(queue: tp.BlobReference | str, count: int) -> None:
    """Read so many records in a loop."""
    with ops.loop(count):
        take(queue)


def take_all(queue: tp.BlobReference | str) -> None:
    """Read until the queue ends."""
    with ops.loop():
        _, ended = ops.SafeDequeueBlobs([queue], 2)
        ops.stop_if(ended)


def put_rows(queue: tp.BlobReference | str, count: int) -> None:
    """Write a batch of so many rows."""
    ops.EnqueueRebatchingQueue([queue, ops.Const(np.zeros(count, np.float32))], [], enqueue_batch=True)


def take_rows(queue: tp.BlobReference | str, count: int) -> None:
    """Read a batch of so many rows."""
    ops.DequeueRebatchingQueue([queue], 1, num_elements=count)


def close(queue: tp.BlobReference | str) -> None:
    """Close a blob queue."""
    ops.CloseBlobsQueue([queue], [])


def send(channel: tp.Channel, value: Any = 1) -> None:
    """Write one record to a channel."""
    channel.writer().write(None, [ops.Const(value)])


def receive_all(channel: tp.Channel) -> None:
    """Read a channel until it ends."""
    reader = channel.reader()
    with ops.loop():
        ended, _ = reader.read()
        ops.stop_if(ended)


def together(*blocks: tp.NetBuilder, times: int | None = None) -> None:
    """Run blocks at once, in one step of the task."""
    steps = [tp.to_execution_step(block) for block in blocks]
    ops.net(tp.execution_step("together", steps, num_iter=times, concurrent_substeps=True))


def fails_at(number: int) -> Callable[[Any], None]:
    """A function that cannot do with this number."""

    def check(value: Any) -> None:
        if value == number:
            boom(f"cannot do {number}")

    return check


def raising(error: type[BaseException], message: str = "enough") -> Callable[[], None]:
    """A function that raises an error of this class, a new one each time."""

    def throw() -> None:
        raise error(message)

    return throw
