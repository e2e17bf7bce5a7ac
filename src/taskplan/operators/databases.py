"""Databases of keys and values: readers over files and queues."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from taskplan.errors import DtypeError, ReportedError, ShapeError, WorkspaceError
from taskplan.operators.inference import TensorSpec, always, no_tensors
from taskplan.operators.operands import BOOL, Tensor, argument_error, dtype_name, refuse, settled
from taskplan.operators.queue_access import check_timeout, require_kind
from taskplan.operators.queue_objects import BlobsQueue
from taskplan.operators.registry import BLOCKS, IO, MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.storage.database_readers import DatabaseReader, QueueReader
from taskplan.operators.storage.database_types import (
    faults_told_by,
    is_database_type,
    open_database,
    path_of,
    require_type,
)
from taskplan.operators.storage.entries import BadDatabaseError, MissingPackageError
from taskplan.operators.waiting import Changes, Takes
from taskplan.plan.stored_blobs import unpack_tensors


def _check_exists(*, db_name: str, **_: object) -> None:
    if not db_name:
        raise argument_error("DBExists", "db_name", "must name a database")


@operator("DBExists", outputs=("exists",), effects=(IO,), check=_check_exists, infer=always(TensorSpec(BOOL)))
def db_exists(*, db_name: str = "", db_type: str = "", absolute_path: bool = False, run: OpRun) -> np.bool_:
    """Whether there is a database that is not empty, and whole as far as lengths tell.

    ``db_name`` begins in the root folder of the workspace, or with ``absolute_path`` is used as it is.

    Outputs:
        exists: bool of rank 0; false also if the file is something else, or no type of databases is called ``db_type``.
    Raises:
        OperatorError: the package for that type of databases is not installed.
    Example:
        Save([1 2]; db="x.db", db_type="minidb")
        DBExists(; db_name="x.db", db_type="minidb") -> T ()
    """
    path, _ = path_of(db_name, absolute_path, run)
    return np.bool_(is_database_type(db_type) and _holds_entries(db_type, path))


def _holds_entries(db_type: str, path: str) -> bool:
    try:
        reader = open_database(db_type, path)
    except MissingPackageError as error:
        raise refuse("DBExists", str(error)) from None
    except (BadDatabaseError, OSError):
        return False
    try:
        return reader.skip(sys.maxsize) > 0
    except (BadDatabaseError, OSError):
        return False
    finally:
        reader.close()


def _check_create(*, db: str, db_type: str, num_shards: int, shard_id: int) -> None:
    if not db:
        raise argument_error("CreateDB", "db", "must name a database")
    require_type("CreateDB", db_type)
    if num_shards < 1:
        raise argument_error("CreateDB", "num_shards", f"must be 1 or more, got {num_shards}")
    if not 0 <= shard_id < num_shards:
        text = f"must be 0 or more and less than num_shards={num_shards}, got {shard_id}"
        raise argument_error("CreateDB", "shard_id", text)


@operator("CreateDB", outputs=("reader",), effects=(MAKES, IO), check=_check_create, infer=no_tensors)
def create_db(*, db: str = "", db_type: str = "", num_shards: int = 1, shard_id: int = 0, run: OpRun) -> DatabaseReader:
    """A reader at the beginning of a database.

    ``db`` is used as it is: a relative path begins in the working directory. With ``num_shards`` the reader sees the
    entries number ``shard_id``, ``shard_id + num_shards``, and so on.

    Outputs:
        reader: a database reader.
    Raises:
        OperatorError: there is no such database, or none of its entries is for this shard.
    Example:
        Copy([1 2]) -> a
        Save(a; db="x.db", db_type="minidb")
        CreateDB(; db="x.db", db_type="minidb") -> r
        Load(r; source_blob_names=["a"]) -> [1 2]
    """
    with faults_told_by("CreateDB", f"read {db!r}"):
        return DatabaseReader(db_type, db, num_shards, shard_id, run.op.outputs[0])


def _check_queue_db(*, key_blob_index: int, value_blob_index: int, timeout_secs: float) -> None:
    check_timeout(timeout_secs=timeout_secs)
    if key_blob_index < -1:
        text = f"must be the number of a blob, or -1 for none, got {key_blob_index}"
        raise argument_error("CreateBlobsQueueDB", "key_blob_index", text)
    if value_blob_index < 0:
        text = f"must be the number of a blob, got {value_blob_index}"
        raise argument_error("CreateBlobsQueueDB", "value_blob_index", text)


@operator(
    "CreateBlobsQueueDB",
    inputs=("queue",),
    outputs=("reader",),
    effects=(Takes("queue"), MAKES),
    check=_check_queue_db,
    infer=no_tensors,
)
def create_blobs_queue_db(
    queue: BlobsQueue,
    *,
    key_blob_index: int = -1,
    value_blob_index: int = 0,
    timeout_secs: float = 0.0,
    run: OpRun,
) -> QueueReader:
    """A database reader whose entries are the records of a queue, which it takes when it is read.

    Blob number ``value_blob_index`` of a record is the value, ``key_blob_index`` the key: byte strings, or string
    tensors of one element. ``timeout_secs`` is how long reading waits (0: no limit).

    Inputs:
        queue: a blob queue.
    Outputs:
        reader: a database reader.
    Raises:
        OperatorError: the records of the queue have no blob of such a number.
    Example:
        CreateBlobsQueue(; capacity=4, num_blobs=2) -> q
        CreateBlobsQueueDB(q; key_blob_index=0, value_blob_index=1) -> r
    """
    require_kind(queue, BlobsQueue)
    for argument, place in (("key_blob_index", key_blob_index), ("value_blob_index", value_blob_index)):
        if place >= queue.columns:
            text = f"{argument}={place} is the number of no blob; records of queue {queue.name!r} have {queue.columns}"
            raise refuse("CreateBlobsQueueDB", text)
    # From now on it is read through a handle, so the run cannot tell from the blobs that steps name who may read it.
    queue.made_in = None
    return QueueReader(queue, key_blob_index, value_blob_index, timeout_secs, run.op.outputs[0])


def _check_db_input(*, batch_size: int, **_: object) -> None:
    if batch_size < 0:
        raise argument_error("TensorProtosDBInput", "batch_size", f"must be 0 or more, got {batch_size}")


@operator(
    "TensorProtosDBInput",
    inputs=("data",),
    outputs=("output+",),
    effects=(Changes("data"), BLOCKS, IO),
    check=_check_db_input,
    inexact="the types and shapes of what the database holds",
)
def tensor_protos_db_input(
    reader: DatabaseReader | QueueReader,
    *,
    batch_size: int = 0,
    no_prefetch: bool = False,  # noqa: ARG001 - nothing is read ahead here
    run: OpRun,
) -> tuple[Tensor, ...]:
    """The tensors of the next entries of a database: each entry holds one for each output.

    After the last entry comes the first again, within a batch too. A reader over a queue waits for records, and ends
    with the queue, the last time maybe with fewer.

    Inputs:
        data: a database reader; the value of each entry is a TensorProtos message.
    Outputs:
        output: without ``batch_size`` the tensors of one entry as they are; else those of so many entries, stacked
            along a new first axis.
    Raises:
        DtypeError, ShapeError: entries of one batch differ in the type or shape of a tensor.
        OperatorError: the database has no entries, or cannot be read, or an entry holds something else.
        QueueClosedError: the queue is closed and nothing is left.
        ReportedError: an entry holds another number of tensors, or no record came in time.
    Example:
        CreateDB(; db="images.db", db_type="minidb") -> r
        TensorProtosDBInput(r; batch_size=2) -> [[0 0.5] [1 1.5]], [0 1]:i32
    """
    name = "TensorProtosDBInput"
    rows = [_tensors(reader, value, len(run.op.outputs)) for value in reader.batch(name, run, batch_size or 1)]
    if not batch_size:
        return tuple(map(settled, rows[0]))
    return tuple([_stacked(place, column) for place, column in enumerate(zip(*rows, strict=True))])


def _tensors(reader: DatabaseReader | QueueReader, value: bytes, count: int) -> Sequence[Tensor]:
    name = "TensorProtosDBInput"
    try:
        tensors = unpack_tensors(value)
    except WorkspaceError as error:
        raise refuse(name, f"an entry of {reader.origin} is no list of tensors: {error}") from None
    if len(tensors) != count:
        msg = f"{name}: an entry of {reader.origin} holds {len(tensors)} tensors, got {count} outputs for them"
        raise ReportedError(msg, operator=name)
    return tensors


def _stacked(place: int, tensors: Sequence[Tensor]) -> Tensor:
    name, first = "TensorProtosDBInput", tensors[0]
    for other in tensors:
        if other.dtype != first.dtype:
            types = f"{dtype_name(first.dtype)} and {dtype_name(other.dtype)}"
            msg = f"{name}: tensor {place} has dtypes {types} in entries of one batch"
            raise DtypeError(msg, operator=name)
        if other.shape != first.shape:
            msg = f"{name}: tensor {place} has shapes {first.shape} and {other.shape} in entries of one batch"
            raise ShapeError(msg, operator=name)
    return np.stack(tensors)
