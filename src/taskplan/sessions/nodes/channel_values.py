"""Which values a channel between processes carries."""

from __future__ import annotations

import numpy as np

from taskplan.errors import OperatorError
from taskplan.operators.queue_objects import BlobsQueue, Record
from taskplan.operators.run import ByteString
from taskplan.operators.waiting import Shared
from taskplan.sessions.nodes.travel import kind_name, pickling_fault

_TRAVEL = frozenset((bytes, ByteString, str, bool, int, float, type(None)))


def require_travels(channel: str, queue: BlobsQueue, record: Record) -> None:
    """Hold that all values of a record can go to another process.

    Raises:
        OperatorError: one cannot; the message has its column, its kind and the channel.
    """
    for column, value in enumerate(record):
        if isinstance(value, np.ndarray):
            if not value.dtype.hasobject:
                continue
            if value.dtype == object and all(type(element) is bytes for element in value.flat):
                continue
        elif type(value) in _TRAVEL or isinstance(value, np.generic):
            continue
        fault = _fault(value)
        if fault:
            where = f"field {queue.field_names[column]!r}" if queue.field_names else f"column {column}"
            msg = (
                f"channel {channel!r} goes to other processes, and its {where} holds {fault}; "
                "write tensors, or objects that can be pickled"
            )
            raise OperatorError(msg, channel=channel, column=column)


def _fault(value: object) -> str:
    """Why a value cannot travel, as a phrase; nothing if it can."""
    if isinstance(value, Shared):
        return f"{value.describe()}, which stays in the process where it was made"
    error = pickling_fault(value)
    return f"a value of kind {kind_name(type(value))}, which cannot be pickled: {error}" if error is not None else ""
