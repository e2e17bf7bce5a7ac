"""Calls of the operators on blob queues, which hold records or have room, so that nothing waits."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.queue_objects import BlobsQueue


def record(key: int = 1) -> tuple[Any, Any]:
    return np.array([key, key]), np.full((1, 2), key, np.float32)


def a_queue(records: int = 0) -> BlobsQueue:
    made = BlobsQueue("q", 100, 2, (), 1)
    for key in range(records):
        made.try_put(record(key))
    return made


SAMPLES = {
    "CreateBlobsQueue": lambda: Sample(arguments={"capacity": 4, "num_blobs": 2}),
    "EnqueueBlobs": lambda: Sample([a_queue(), *record()], outputs=2, in_place={0: 1, 1: 2}),
    "SafeEnqueueBlobs": lambda: Sample([a_queue(), *record()], outputs=3, in_place={0: 1, 1: 2}),
    "DequeueBlobs": lambda: Sample([a_queue(1)], outputs=2),
    "SafeDequeueBlobs": lambda: Sample([a_queue(2)], {"num_records": 2}, outputs=3),
    "WeightedSampleDequeueBlobs": lambda: Sample([a_queue(1), a_queue(1)], {"table_idx_blob": 1}, outputs=3),
    "CloseBlobsQueue": lambda: Sample([a_queue()], outputs=0),
    "QueueStatistics": lambda: Sample([a_queue(2)], outputs=7),
    "BeginReads": lambda: Sample([a_queue()], outputs=0),
    "BeginWrites": lambda: Sample([a_queue()], outputs=0),
    "EndReads": lambda: Sample([a_queue()], outputs=0),
    "EndWrites": lambda: Sample([a_queue()], outputs=0),
}
