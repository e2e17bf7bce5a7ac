"""What tasks of random programs exchange numbers through: channels, queues of blobs, rebatching queues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.soak.functions import added_up, spread

import taskplan as tp
from taskplan import ops

Blob = Any


class Pipe:
    """Numbers go in at one end, and out at the other.

    Args:
        name: of its blob.
        capacity: how many records it holds.
    """

    def __init__(self, name: str, capacity: int) -> None:
        self.name = name
        self.capacity = capacity

    def attach(self) -> None:
        """Called in each task that writes or reads, at its beginning."""

    def put(self, value: Blob) -> None:
        """Write the number on."""
        raise NotImplementedError

    def passes(self, value: int) -> list[int]:
        """What comes out for a number that went in."""
        return [value]

    def end(self) -> None:
        """Called in each task that writes: write what says that the task has written all."""

    @contextmanager
    def records(self) -> Iterator[Blob]:
        """A block for each record, in a task that reads."""
        raise NotImplementedError
        yield


class ChannelPipe(Pipe):
    """A channel, which tasks on any nodes may use, and which ends by itself."""

    def __init__(self, name: str, capacity: int) -> None:
        super().__init__(name, capacity)
        self._channel = tp.Channel(name, capacity, ["number"])

    def put(self, value: Blob) -> None:
        self._channel.writer().write(None, [ops.Copy(value)])

    @contextmanager
    def records(self) -> Iterator[Blob]:
        reader = self._channel.reader()
        with ops.loop():
            ended, record = reader.read()
            ops.stop_if(ended)
            yield record.number()


class QueuePipe(Pipe):
    """A queue of one node, which the last of its writers closes.

    Args:
        name: of its blob.
        capacity: how many records it holds.
        writers: how many say that they are done.
        each_instance: instances say so, and not tasks.
        safely: write so that a closed queue is no error.
    """

    def __init__(self, name: str, capacity: int, writers: int, *, each_instance: bool, safely: bool) -> None:
        super().__init__(name, capacity)
        self._writers = writers
        self._each_instance = each_instance
        self._safely = safely
        self._queue: Blob = None

    def attach(self) -> None:
        if self._queue is None:
            with ops.local_init():
                self._queue = ops.CreateBlobsQueue([], self.name, capacity=self.capacity, writers=self._writers)

    def put(self, value: Blob) -> None:
        record = ops.Copy(value)
        if self._safely:
            ops.SafeEnqueueBlobs([self._queue, record], [record, ops.net().NextName("refused")])
        else:
            ops.EnqueueBlobs([self._queue, record], [record])

    def close_early(self) -> None:
        """Close it, and write on: a mistake."""
        record = ops.Const(1)
        ops.CloseBlobsQueue([self._queue], [])
        ops.EnqueueBlobs([self._queue, record], [record])

    def end(self) -> None:
        with ops.task_instance_exit() if self._each_instance else ops.task_exit():
            ops.EndWrites([self._queue], [])

    @contextmanager
    def records(self) -> Iterator[Blob]:
        with ops.loop():
            record, ended = ops.SafeDequeueBlobs([self._queue], 2)
            ops.stop_if(ended)
            yield record


class RebatchingPipe(Pipe):
    """A queue of rows, in batches of three, which one task writes; one reader takes them in batches of another size.

    Args:
        name: of its blob.
        capacity: how many rows it holds.
        records: how many numbers are written.
        size: of the batches that come out, which are added up.
    """

    def __init__(self, name: str, capacity: int, records: int, size: int) -> None:
        super().__init__(name, capacity)
        self._batches = -(-3 * records // size)
        self._size = size
        self._queue: Blob = None

    def attach(self) -> None:
        if self._queue is None:
            with ops.local_init():
                self._queue = ops.CreateRebatchingQueue([], self.name, capacity=self.capacity)

    def put(self, value: Blob) -> None:
        batch = ops.call(spread, value)
        ops.EnqueueRebatchingQueue([self._queue, batch], [], enqueue_batch=True)

    def passes(self, value: int) -> list[int]:
        return [value, value + 1, value + 2]

    def end(self) -> None:
        with ops.task_exit():
            ops.CloseRebatchingQueue([self._queue], [])

    @contextmanager
    def records(self) -> Iterator[Blob]:
        with ops.loop(self._batches):
            yield ops.call(added_up, ops.DequeueRebatchingQueue([self._queue], 1, num_elements=self._size))
