"""Calls of the operators on rebatching queues, which hold rows or have room, so that nothing waits."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.queue_objects import RebatchingQueue, Rows


def a_queue(rows: int = 0) -> RebatchingQueue:
    made = RebatchingQueue("rq", 1000, 2)
    if rows:
        made.try_put_rows(Rows((np.arange(rows), np.zeros((rows, 2), np.float32)), 0, rows))
    return made


SAMPLES = {
    "CreateRebatchingQueue": lambda: Sample(arguments={"capacity": 10, "num_blobs": 2}),
    "EnqueueRebatchingQueue": lambda: Sample([a_queue(), np.arange(3), np.ones((3, 2))], {"enqueue_batch": 1}, 0),
    "DequeueRebatchingQueue": lambda: Sample([a_queue(3)], {"num_elements": 2}, 2),
    "CloseRebatchingQueue": lambda: Sample([a_queue()], outputs=0),
}
