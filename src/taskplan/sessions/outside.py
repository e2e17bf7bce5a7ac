"""Queues, used by threads that are in no run.

What waits for a queue is parked on it, and whoever changes the queue wakes it. So a thread beside all runs goes through
a driver too, and a closed queue lets it go on at once.
"""

from __future__ import annotations

from functools import partial

from taskplan.cancel import CancelToken
from taskplan.engine.threads import ThreadDriver, ThreadPool
from taskplan.errors import QueueClosedError
from taskplan.operators.queue_objects import BlobsQueue, Record
from taskplan.operators.waiting import Changes, Closes, Puts


class OutsideWriter:
    """Writes into a queue from a thread that is in no run.

    Example::

        writer = OutsideWriter(queue)
        while writer.put((next_image(), next_label())):
            ...
        writer.end()

    Args:
        queue: must not be closed; it is told that it has one more writer.

    Raises:
        QueueClosedError: the queue is closed.
    """

    def __init__(self, queue: BlobsQueue) -> None:
        self.queue = queue
        self._driver = ThreadDriver(ThreadPool())
        self._token = CancelToken(self._driver.cancel)
        if not self._driver.wait(Changes(queue), queue.begin_writes, self._token):
            msg = f"{queue.describe()} takes no more writers"
            raise QueueClosedError(msg, queue=queue.name)

    def put(self, record: Record) -> bool:
        """Append a record; wait while the queue is full. Says whether the queue took it: not if it is closed."""
        taken: bool = self._driver.wait(Puts(self.queue), partial(self.queue.try_put, record), self._token)
        return taken

    def end(self, cause: BaseException | None = None) -> None:
        """Say that this writer is done; the last of them closes the queue.

        Args:
            cause: why there is no more, if that is a failure: raised where readers would find the end.
        """
        self._driver.wait(Closes(self.queue), partial(self.queue.end_writes, cause), self._token)

    def close(self) -> None:
        """Close the queue, whoever else writes to it."""
        self._driver.wait(Closes(self.queue), self.queue.close, self._token)
