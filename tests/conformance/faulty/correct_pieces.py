"""Small pieces of which the programs of the corpus are made: queues of a node, and what is done with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import taskplan as tp
from taskplan import ops


def queue(name: str, capacity: int = 1, **arguments: Any) -> Any:
    """A queue that is made on the node of the open task, before all tasks there."""
    with ops.local_init():
        return ops.CreateBlobsQueue([], name, capacity=capacity, **arguments)


def put(into: Any, *values: Any) -> None:
    """Write a record of constants, and of copies of blobs."""
    blobs = [copy_of(value) for value in values]
    ops.EnqueueBlobs([into, *blobs], blobs)


def offer(into: Any, value: Any) -> Any:
    """Write a record, or be refused; the blob that says whether it was."""
    blob = copy_of(value)
    return ops.SafeEnqueueBlobs([into, blob], [blob, ops.net().NextName("refused")])[1]


def copy_of(value: Any) -> Any:
    """A blob whose value may be handed on."""
    return ops.Copy(value) if isinstance(value, tp.BlobReference) else ops.Const(value)


def take(out_of: Any, **arguments: Any) -> Any:
    """Read a record of one blob."""
    return ops.DequeueBlobs([out_of], 1, **arguments)


def take_or_end(out_of: Any, **arguments: Any) -> Any:
    """Read a record of one blob, or find the end: the record, and whether it is none."""
    return ops.SafeDequeueBlobs([out_of], 2, **arguments)


def close(*queues: Any) -> None:
    """Close queues."""
    for each in queues:
        ops.CloseBlobsQueue([each], [])


def end(of: Any) -> None:
    """Say that one of the writers is done."""
    ops.EndWrites([of], [])


def plus(blob: Any, number: int) -> Any:
    """A blob that is larger by that."""
    return ops.Add([blob, ops.Const(number)])


def equal(blob: Any, number: int) -> Any:
    """Whether a blob is this number."""
    return ops.EQ([blob, ops.Const(number)])


@contextmanager
def records(out_of: Any, **arguments: Any) -> Iterator[Any]:
    """A block for each record until the end."""
    with ops.loop():
        record, ended = take_or_end(out_of, **arguments)
        ops.stop_if(ended)
        yield record


def add_up(out_of: Any) -> Any:
    """The sum of the records until the end."""
    total = ops.Const(0)
    with records(out_of) as number:
        ops.Add([total, number], [total])
    return total


def counter(name: str) -> Any:
    """A counter that is made on the node of the open task, before all tasks there."""
    with ops.local_init():
        return ops.CreateCounter([], name)


def shared_sum(name: str) -> tuple[Any, Any]:
    """A mutex and a sum, to be used with `add_shared`, which are made on the node before all tasks there."""
    with ops.local_init():
        mutex, total = ops.CreateMutex([], f"{name}_mutex"), ops.Const(0, name)
    return mutex, total


def add_shared(shared: tuple[Any, Any], number: Any) -> Any:
    """Add a blob to a sum to which others add too; the blob with the sum before."""
    mutex, total = shared
    before = ops.net().NextName("before")
    ops.AtomicFetchAdd64([mutex, total, number], [total, before])
    return tp.BlobReference(before)


def output(name: str, blob: Any) -> None:
    """Declare an output of that name with the value of a blob."""
    tp.final_output(ops.Copy(blob, name))
