"""Operators on queues of records, as readers and writers add them to nets."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from taskplan.builder.blobs import BlobReference
from taskplan.builder.containers import Struct
from taskplan.builder.fields import Scalar
from taskplan.builder.net import Net
from taskplan.builder.sites import here
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import execution_step
from taskplan.errors import BuildError

logger = logging.getLogger(__name__)


def enqueue(
    net: Net, queue: BlobReference, data_blobs: Sequence[BlobReference], status: BlobReference | str | None = None
) -> BlobReference:
    """Add an operator that puts a record into a queue, and waits while that is full. The values move there.

    Args:
        net: gets the operator.
        queue: the blob that holds the queue.
        data_blobs: the record. A blob that is given twice is copied, and a warning is logged.
        status: is made true if the queue is closed, and false otherwise; made up if not given.

    Returns:
        The status.
    """
    seen: set[str] = set()
    blobs: list[BlobReference] = []
    for blob in data_blobs:
        if str(blob) in seen:
            logger.warning(
                "blob %r is written twice in one record, at %s; the second time a copy is: write ops.Copy(blob) there",
                str(blob),
                here(),
            )
            blob = net.Copy([blob])
        seen.add(str(blob))
        blobs.append(blob)
    outcome = status if status is not None else net.NextName("status")
    put: list[BlobReference] = net.SafeEnqueueBlobs([queue, *blobs], [*blobs, outcome])
    return put[-1]


def dequeue(
    net: Net,
    queue: BlobReference,
    num_blobs: int,
    status: BlobReference | str | None = None,
    field_names: Sequence[str] | None = None,
    num_records: int = 1,
) -> tuple[list[BlobReference], BlobReference]:
    """Add an operator that takes a record from a queue, and waits while that is empty.

    Args:
        net: gets the operator.
        queue: the blob that holds the queue.
        num_blobs: how many blobs a record has.
        status: is made true at the end of the queue, and false otherwise; made up if not given.
        field_names: what the blobs are called; `data:0`, `data:1`, ... if not given.
        num_records: how many records are taken at once, and concatenated.

    Returns:
        The blobs of the record, and the status.

    Raises:
        BuildError: there is not one name for each blob.
    """
    if field_names is not None and len(field_names) != num_blobs:
        msg = f"a record of {num_blobs} blobs needs as many field names, got {list(field_names)!r}"
        raise BuildError(msg)
    if field_names is not None:
        names = [net.NextName(name or "data") for name in field_names]
    else:
        names = [net.NextName("data", index) for index in range(num_blobs)]
    outcome = status if status is not None else _name_beside(net, "status", names)
    several: dict[str, Any] = {"num_records": num_records} if num_records != 1 else {}
    *fields, taken = net.SafeDequeueBlobs([queue], [*names, outcome], **several)
    return fields, taken


def queue_statistics(net: Net, queue: BlobReference) -> Struct:
    """Add an operator that says what went through a queue up to now, and who waits for it; for reporters.

    Returns:
        A record of int64 scalars: `fill`, what it holds; `put`, `taken` and `refused`, in records; `putting` and
        `taking`, how many writers and readers wait; and the bool `closed`.
    """
    names = ("fill", "put", "taken", "refused", "putting", "taking", "closed")
    blobs = net.QueueStatistics([queue], [net.NextName(name) for name in names])
    types = (*(np.int64,) * 6, np.bool_)
    return Struct(*((name, Scalar(dtype, blob)) for name, dtype, blob in zip(names, types, blobs, strict=True)))


def close_queue(step: ExecutionStep | Net, *queues: BlobReference) -> ExecutionStep:
    """A step that runs `step`, and then closes queues in the order given."""
    net = Net("close_queue_net")
    for queue in queues:
        net.CloseBlobsQueue([queue], [])
    return execution_step(f"{step}/wrapper_step", [step, net])


def _name_beside(net: Net, prefix: str, names: Collection[str]) -> str:
    """A fresh name that is none of `names`, which the net does not have yet."""
    while (name := net.NextName(prefix)) in names:
        prefix += "_"
    return name
