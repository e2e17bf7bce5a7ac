"""A store of blobs in a folder that several programs share.

A blob is one file, which appears whole: it is written under another name and then renamed. Who waits for a blob looks
for its file again and again, since nothing else tells that another program wrote it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import numpy as np

from taskplan.errors import WorkspaceError
from taskplan.operators.inference import TensorSpec, always, no_tensors
from taskplan.operators.operands import I64, Tensor, argument_error, refuse, require_dtype
from taskplan.operators.registry import BLOCKS, IO, MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.storage.stored_kinds import deserialized, serialized
from taskplan.operators.waiting import NOT_YET, Changes, NotYet, Reads, Shared, Takes
from taskplan.plan.types import STRING_DTYPE

_LOOKS_EVERY_S = 0.02
_TELLS_AFTER_LOOKS = 500


class FileStore(Shared):
    """Blobs by name, in a folder.

    Args:
        folder: where the files are.
        prefix: begins the names of all files; stores of different prefixes do not see each other's blobs.
        name: the blob that holds the store, for messages.
    """

    __slots__ = ("folder", "prefix")

    def __init__(self, folder: Path, prefix: bytes = b"", name: str = "") -> None:
        super().__init__(name)
        self.folder = folder
        self.prefix = prefix

    def path(self, blob: bytes) -> Path:
        """The file of a blob. Different prefixes and blobs have different files, whatever characters they hold."""
        return self.folder / f"{quote(self.prefix, safe='')}@{quote(blob, safe='')}"

    def write(self, blob: bytes, content: bytes) -> None:
        """An attempt: let a blob have this content, in one step for whoever reads it.

        Raises:
            OSError: the file cannot be written; an older one stays.
        """
        path = self.path(blob)
        unfinished = self.folder / f".{uuid4().hex}.unfinished"
        try:
            unfinished.write_bytes(content)
            os.replace(unfinished, path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def read(self, blob: bytes) -> bytes:
        """An attempt: the content of a blob.

        Raises:
            OSError: the file cannot be read.
        """
        return self.path(blob).read_bytes()

    def first_missing(self, blobs: Iterable[bytes]) -> bytes | None:
        """An attempt: the first of these blobs that is not there."""
        return next((blob for blob in blobs if not self.path(blob).exists()), None)

    def describe(self) -> str:
        """One phrase about the store."""
        return f"file store {self.name!r} in {str(self.folder)!r}"


class _Absent(Shared):
    """A blob that has not come yet. Nothing of this program ever changes that, so the wait for it ends by its time."""

    __slots__ = ()

    def attempt(self) -> NotYet:
        """An attempt that never succeeds."""
        return NOT_YET

    def describe(self) -> str:
        """One phrase about the blob."""
        return f"{self.name!r}, which is not there"


def _wait_for(operator: str, run: OpRun, store: FileStore, blobs: Sequence[bytes]) -> None:
    """Return when all blobs are there. Once, after a while, say in the log which one is not."""
    for looks in count(1):
        try:
            missing: bytes | None = run.wait(Reads(store), partial(store.first_missing, blobs))
        except OSError as error:
            raise refuse(operator, f"cannot look for {error.filename!r}: {error.strerror}") from None
        if missing is None:
            return
        absent = _Absent(str(store.path(missing)))
        run.wait(Takes(absent), absent.attempt, _LOOKS_EVERY_S)
        if looks == _TELLS_AFTER_LOOKS:
            run.log(f"{operator}: has waited for {looks * _LOOKS_EVERY_S:g} s for {absent.describe()}")


def _check_folder(*, path: str, **_: object) -> None:
    if not path:
        raise argument_error("FileStoreHandlerCreate", "path", "must name a folder")


@operator("FileStoreHandlerCreate", outputs=("handler",), effects=(MAKES, IO), check=_check_folder, infer=no_tensors)
def file_store_handler_create(*, path: str = "", prefix: bytes = b"", run: OpRun) -> FileStore:
    """A store in a folder, for this program and all others that name the same folder and prefix.

    ``path`` is used as it is: a relative one begins in the working directory. ``prefix`` begins the names of all files
    of the store.

    Outputs:
        handler: a store.
    Raises:
        OperatorError: there is no such folder.
    Example:
        FileStoreHandlerCreate(; path=".", prefix="job") -> s
    """
    folder = Path(path)
    if not folder.is_dir():
        raise refuse("FileStoreHandlerCreate", f"{path!r} is no folder; make it before the run")
    return FileStore(folder, prefix, run.op.outputs[0])


@operator("StoreSet", inputs=("handler", "data"), effects=(Changes("handler"), IO), infer=no_tensors)
def store_set(store: FileStore, data: object, *, blob_name: bytes = b"", run: OpRun) -> None:
    """Put a blob into a store, in place of an older one of that name.

    Inputs:
        handler: a store.
        data: what can be saved, as a tensor or a byte string; in the store it is called ``blob_name``, or as here.
    Raises:
        OperatorError: the blob holds a handle, or the file cannot be written.
    Example:
        FileStoreHandlerCreate(; path=".") -> s
        StoreSet(s, [1 2]; blob_name="w")
    """
    blob = blob_name or _held(run.op.inputs[1])
    try:
        content = serialized(blob.decode("utf-8", "replace"), data)
    except WorkspaceError as error:
        raise refuse("StoreSet", str(error)) from None
    try:
        run.wait(Changes(store), partial(store.write, blob, content))
    except OSError as error:
        raise refuse("StoreSet", f"cannot write {str(store.path(blob))!r}: {error.strerror}") from None


def _held(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


@operator(
    "StoreGet",
    inputs=("handler",),
    outputs=("data",),
    effects=(Reads("handler"), BLOCKS, IO),
    inexact="the type and the shape of what is in the store",
)
def store_get(store: FileStore, *, blob_name: bytes = b"", run: OpRun) -> Any:
    """Get a blob from a store; wait until it is there.

    Inputs:
        handler: a store.
    Outputs:
        data: the blob that is called ``blob_name`` in the store, or else like this output.
    Raises:
        OperatorError: the file cannot be read, or holds no blob.
    Example:
        FileStoreHandlerCreate(; path=".") -> s
        StoreSet(s, [1 2]; blob_name="w")
        StoreGet(s; blob_name="w") -> [1 2]
    """
    blob = blob_name or _held(run.op.outputs[0])
    _wait_for("StoreGet", run, store, [blob])
    path = str(store.path(blob))
    try:
        content: bytes = run.wait(Reads(store), partial(store.read, blob))
    except OSError as error:
        raise refuse("StoreGet", f"cannot read {path!r}: {error.strerror}") from None
    try:
        return deserialized(content, run.op.outputs[0])
    except WorkspaceError as error:
        raise refuse("StoreGet", f"{path!r} holds no blob: {error}") from None


@operator("StoreWait", inputs=("handler", "names?"), effects=(Reads("handler"), BLOCKS, IO), infer=no_tensors)
def store_wait(store: FileStore, names: Tensor | None = None, *, blob_names: Sequence[bytes] = (), run: OpRun) -> None:
    """Wait until several blobs are in a store.

    Inputs:
        handler: a store.
        names: string, any shape, in place of ``blob_names``: what the blobs are called in the store.
    Raises:
        OperatorError: both names and ``blob_names`` are given, or neither is.
    Example:
        FileStoreHandlerCreate(; path=".") -> s
        StoreSet(s, [1 2]; blob_name="w")
        StoreWait(s; blob_names=["w"])
    """
    if names is not None:
        require_dtype("StoreWait", "names", names, {STRING_DTYPE})
    if (names is None) == (not blob_names):
        raise refuse("StoreWait", "expected names as an input or as the argument blob_names, one of both")
    _wait_for("StoreWait", run, store, blob_names if names is None else names.reshape(-1).tolist())


@operator(
    "StoreAdd",
    inputs=("handler",),
    outputs=("value",),
    effects=(Changes("handler"),),
    infer=always(TensorSpec(I64)),
)
def store_add(
    store: FileStore,
    *,
    blob_name: bytes = b"",  # noqa: ARG001 - for other kinds of stores
    add_value: int = 1,  # noqa: ARG001 - as above
) -> np.int64:
    """Add to a number that programs share. The stores that there are, those in folders, do not offer that.

    Inputs:
        handler: a store.
    Outputs:
        value: int64 of rank 0.
    Raises:
        OperatorError: always.
    Example:
        FileStoreHandlerCreate(; path=".") -> s
        StoreAdd(s; blob_name="n", add_value=2) -> value
    """
    raise refuse("StoreAdd", f"{store.describe()} cannot add; let one program count, or use a Channel")
