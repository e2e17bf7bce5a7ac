"""Blobs written to database files and read back; checkpoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from taskplan.errors import WorkspaceError
from taskplan.operators.inference import no_tensors
from taskplan.operators.operands import (
    I64,
    Tensor,
    argument_error,
    is_tensor,
    refuse,
    require_dtype,
    require_tensor,
    sole_element,
)
from taskplan.operators.registry import BLOCKS, IO, MAKES, WORKSPACE, operator
from taskplan.operators.run import UNSET, OpRun
from taskplan.operators.storage.database_readers import DatabaseReader, QueueReader
from taskplan.operators.storage.database_types import (
    faults_told_by,
    has_keys_once,
    new_database,
    open_database,
    path_of,
    require_type,
)
from taskplan.operators.storage.entries import Entry, EntryReader
from taskplan.operators.storage.loaded_blobs import PIECE_MARK, LoadedBlobs
from taskplan.operators.storage.seals import SealCheck, sealed
from taskplan.operators.storage.stored_kinds import NO_SERIALIZER, kind_of
from taskplan.operators.waiting import Changes, Reads, Shared
from taskplan.plan.names import did_you_mean
from taskplan.plan.stored_blobs import DEFAULT_PIECE, piece_count, read_stored, stored, tensor_pieces

# --- writing ---------------------------------------------------------------------------------------------------------


def _check_save(
    name: str,
    *,
    db: str,
    db_type: str,
    strip_prefix: str,
    blob_name_overrides: Sequence[str],
    chunk_size: int,
    **_: Any,
) -> None:
    if not db:
        raise argument_error(name, "db", "must name a database")
    require_type(name, db_type)
    if strip_prefix and blob_name_overrides:
        raise argument_error(name, "blob_name_overrides", "cannot be given together with strip_prefix")
    if has_keys_once(db_type) and len(set(blob_name_overrides)) != len(blob_name_overrides):
        text = f"must be different names, as {db_type} holds each once, got {list(blob_name_overrides)}"
        raise argument_error(name, "blob_name_overrides", text)
    if chunk_size < -1:
        text = f"must be a number of elements, 0 for no limit, or -1 for {DEFAULT_PIECE}; got {chunk_size}"
        raise argument_error(name, "chunk_size", text)


def _prepare_save(*, run: OpRun, strip_prefix: str = "", blob_name_overrides: Sequence[str] = (), **_: object) -> None:
    _stored_names(run, strip_prefix, blob_name_overrides)


@operator(
    "Save",
    inputs=("X+",),
    effects=(Reads("X"), IO),
    check=partial(_check_save, "Save"),
    prepare=_prepare_save,
    infer=no_tensors,
)
def save(
    *values: object,
    db: str = "",
    db_type: str = "",
    absolute_path: bool = False,
    strip_prefix: str = "",
    blob_name_overrides: Sequence[str] = (),
    chunk_size: int = -1,
    checksums: bool = False,
    run: OpRun,
) -> None:
    """Write blobs to a new database, which takes the place of an older one when it is complete.

    ``db`` begins in the root folder of the workspace, or with ``absolute_path`` is used as it is; ``db_type`` is minidb
    or lmdb. The blobs keep their names there, without all up to the first ``strip_prefix``, or get those of
    ``blob_name_overrides``. Tensors are cut into pieces of ``chunk_size`` elements (-1: a million, 0: one piece). With
    ``checksums`` the entries hold some, so that `Load` notices damage; Caffe2 reads such files too.

    Inputs:
        X: tensors, byte strings, counters, mutexes, cursors, indices, maps or database readers.
    Raises:
        OperatorError: a blob is empty or of another kind, names are wrong or there twice, or the database cannot be
            written. The old one stays as it was.
    Example:
        Save([1 2], [3]:i32; db="x.db", db_type="minidb", blob_name_overrides=["a","b"])
        Load(; db="x.db", db_type="minidb", source_blob_names=["b"]) -> [3]:i32
    """
    where = path_of(db, absolute_path, run)
    _write(values, where, db_type, strip_prefix, blob_name_overrides, chunk_size, checksums, run)


def _write(
    values: Sequence[object],
    where: tuple[str, str],
    db_type: str,
    strip_prefix: str,
    overrides: Sequence[str],
    chunk_size: int,
    checksums: bool,
    run: OpRun,
) -> None:
    name, (path, hint) = run.op.type, where
    names = _stored_names(run, strip_prefix, overrides)
    most = DEFAULT_PIECE if chunk_size == -1 else chunk_size
    blobs = [_entries(run, *each, most) for each in zip(run.op.inputs, values, names, strict=True)]
    total, place = sum(count for count, _ in blobs), 0
    with faults_told_by(name, f"write {path!r}", hint), new_database(db_type, path) as database:
        for _, entries in blobs:
            for key, value in entries:
                database.put(key, sealed(key, value, place, total) if checksums else value)
                place += 1


def _stored_names(run: OpRun, strip_prefix: str, overrides: Sequence[str]) -> Sequence[str]:
    """What the inputs are called in the database."""
    name, blobs = run.op.type, run.op.inputs
    if overrides and len(overrides) != len(blobs):
        raise refuse(name, f"got {len(overrides)} blob_name_overrides for {len(blobs)} blobs; give one for each")
    names = overrides or [_stripped(blob, strip_prefix) for blob in blobs]
    for blob, stored_name in zip(blobs, names, strict=True):
        if not stored_name or PIECE_MARK in stored_name:
            text = f"blob {blob!r} would be called {stored_name!r}; a name may not be empty or hold {PIECE_MARK!r}"
            raise refuse(name, text)
    if not overrides and len(set(names)) != len(names):
        twice = next(each for each in names if names.count(each) > 1)
        same = [repr(blob) for blob, each in zip(blobs, names, strict=True) if each == twice]
        raise refuse(name, f"blobs {' and '.join(same)} would both be called {twice!r}")
    return names


def _stripped(name: str, prefix: str) -> str:
    """The name without all up to the first `prefix` in it."""
    _, found, rest = name.partition(prefix) if prefix else ("", "", "")
    return rest if found else name


def _entries(run: OpRun, blob: str, value: Any, name: str, most: int) -> tuple[int, Iterator[tuple[bytes, bytes]]]:
    """How many entries a blob makes, and the entries, of its value as it is now."""
    key = name.encode("utf-8", "surrogateescape")
    if is_tensor(value):
        pieces = tensor_pieces(name, np.asarray(value), most)
        keyed = ((key + f"{PIECE_MARK}{number}".encode(), piece) for number, piece in enumerate(pieces))
        return piece_count(value.size, most), keyed
    kind = kind_of(value)
    if kind is None:
        what = "nothing" if value is UNSET else f"a {type(value).__name__}"
        text = f"blob {blob!r} holds {what}, which cannot be stored: {NO_SERIALIZER}"
        raise refuse(run.op.type, f"{text}; leave it out, and make it anew after loading")
    with faults_told_by(run.op.type, f"store blob {blob!r}"):
        pack = partial(kind.pack, value)
        type_name, content, tensor = run.wait(Reads(value), pack) if isinstance(value, Shared) else pack()
        return 1, iter([(key, stored(name, type_name, content, tensor=tensor))])


# --- checkpoints -----------------------------------------------------------------------------------------------------

_DIRECTIVE = re.compile(r"%(?:%|([-+ 0]*)(\d{0,3})(?:hh|h|ll|l|j|z|t)?[diu])")


def _filled_in(pattern: str, iteration: int) -> str:
    """The pattern with the number in place of `%d`, which may have flags and a width."""

    def filled(found: re.Match[str]) -> str:
        return "%" if found[1] is None else f"%{found[1]}{found[2]}d" % iteration

    return _DIRECTIVE.sub(filled, pattern)


def _check_checkpoint(name: str, *, db: str, every: int, **others: Any) -> None:
    _check_save(name, db=db, **others)
    if "%" in _DIRECTIVE.sub("", db) or sum(found[1] is not None for found in _DIRECTIVE.finditer(db)) > 1:
        text = f"must have one %d at the most, and %% for each other percent sign; got {db!r}"
        raise argument_error(name, "db", text)
    if every < 1:
        raise argument_error(name, "every", f"must be 1 or more, got {every}")


_CHECKPOINT_DOC = """{definition}

Inputs:
    iteration: int64, one element.
    blobs: as X of `Save`.
Raises:
    OperatorError: as `Save` does.
Example:
    {name}([4]:i64, [1 2]; db="ck_%d.db", db_type="minidb", every=2)
    {name}([5]:i64, [1 2]; db="ck_%d.db", db_type="minidb", every=2)
    DBExists(; db_name="ck_4.db", db_type="minidb") -> T ()
    DBExists(; db_name="ck_5.db", db_type="minidb") -> F ()
"""


def _declare_checkpoint(name: str, definition: str) -> None:
    """Declare the operator under one of its names."""

    def body(
        iteration: Tensor,
        *values: object,
        db: str = "",
        db_type: str = "",
        absolute_path: bool = False,
        every: int = 1,
        strip_prefix: str = "",
        blob_name_overrides: Sequence[str] = (),
        chunk_size: int = -1,
        checksums: bool = False,
        run: OpRun,
    ) -> None:
        number = _iteration(name, iteration)
        if number % every == 0:
            where = path_of(_filled_in(db, number), absolute_path, run)
            _write((iteration, *values), where, db_type, strip_prefix, blob_name_overrides, chunk_size, checksums, run)

    body.__name__ = body.__qualname__ = name.lower()
    body.__doc__ = _CHECKPOINT_DOC.format(name=name, definition=definition)
    declared = operator(
        name,
        inputs=("iteration", "blobs*"),
        effects=(Reads("blobs"), IO),
        check=partial(_check_checkpoint, name),
        prepare=_prepare_save,
        infer=no_tensors,
    )
    declared(body)


_declare_checkpoint(
    "Checkpoint",
    """`Save` all inputs, the iteration among them, if its number is a multiple of ``every``; else nothing.

``db`` is the name of the database, with ``%d`` for the number. The other arguments are those of `Save`.""",
)
_declare_checkpoint("Snapshot", "The old name of `Checkpoint`.")


def _iteration(name: str, iteration: Tensor) -> int:
    require_tensor(name, "iteration", iteration)
    require_dtype(name, "iteration", iteration, {I64})
    return int(sole_element(name, "iteration", iteration))


# --- reading ---------------------------------------------------------------------------------------------------------


def _check_load(
    *, dbs: Sequence[str], db_type: str, strip_prefix: str, load_all: bool, source_blob_names: Sequence[str], **_: Any
) -> None:
    name = "Load"
    if db_type:
        require_type(name, db_type)
    if not all(dbs) or len(set(dbs)) != len(dbs):
        raise argument_error(name, "dbs", f"must name different databases, got {list(dbs)}")
    if source_blob_names and (strip_prefix or load_all):
        other = "strip_prefix" if strip_prefix else "load_all"
        raise argument_error(name, "source_blob_names", f"cannot be given together with {other}")
    if len(set(source_blob_names)) != len(source_blob_names):
        raise argument_error(name, "source_blob_names", f"must be different names, got {list(source_blob_names)}")


def _prepare_load(*, run: OpRun, source_blob_names: Sequence[str] = (), **_: object) -> None:
    _wanted_names(run.op.outputs, source_blob_names)


@operator(
    "Load",
    inputs=("readers*",),
    outputs=("blobs*",),
    effects=(Changes("readers"), BLOCKS, IO, MAKES, WORKSPACE),
    check=_check_load,
    prepare=_prepare_load,
    inexact="the types and shapes of what the database holds",
)
def load(
    *readers: DatabaseReader | QueueReader,
    db: str = "",
    dbs: Sequence[str] = (),
    db_type: str = "",
    absolute_path: bool = False,
    add_prefix: str = "",
    strip_prefix: str = "",
    load_all: bool = False,
    allow_incomplete: bool = False,
    source_blob_names: Sequence[str] = (),
    keep_device: bool = False,  # noqa: ARG001 - there is one kind of device
    run: OpRun,
) -> tuple[object, ...]:
    """Read blobs from the readers, or else from the databases ``dbs``, or else from ``db``: all, or none if one fails.

    A blob of a database is called as it is there, without all up to the first ``strip_prefix``, with ``add_prefix`` in
    front. By these names the outputs are found, or ``source_blob_names``, one for each output. With ``load_all`` all
    blobs are read, and blobs of these names get them. Paths are as for `Save`. A reader goes on as far as it is read.

    Inputs:
        readers: database readers.
    Outputs:
        blobs: whatever was saved. With ``allow_incomplete`` those that are not there keep what they hold.
    Raises:
        OperatorError: a blob is not there, or in two databases, or only a part of it; names are there twice; or a
            database cannot be read.
    Example:
        Save([1 2], [3]:i32; db="x.db", db_type="minidb", blob_name_overrides=["a","b"])
        Load(; db="x.db", db_type="minidb") -> b, a
        Load(; db="x.db", db_type="minidb", source_blob_names=["a","b"]) -> [1 2], [3]:i32
    """
    outputs = run.op.outputs
    wanted = _wanted_names(outputs, source_blob_names)
    blobs = LoadedBlobs(None if load_all else dict(zip(wanted, outputs, strict=True)), add_prefix, strip_prefix)
    if not readers:
        require_type("Load", db_type)
        if not (dbs or db):
            raise argument_error("Load", "db", "must name a database, unless a reader is given")
    places = [] if readers else [path_of(each, absolute_path, run) for each in dbs or (db,)]
    for reader in readers:
        _take_in(blobs, reader.origin, partial(reader.entries, "Load", run, blobs.wants))
    for path, hint in places:
        with faults_told_by("Load", f"read {path!r}", hint), closing(open_database(db_type, path)) as database:
            _take_in(blobs, repr(path), partial(_entries_of, database, blobs), to_the_end=load_all)
    with faults_told_by("Load", "put the blobs together"):
        found = blobs.values()
    if not allow_incomplete:
        origins = [reader.origin for reader in readers] or [repr(path) for path, _ in places]
        _require_found(found, wanted, " or ".join(origins), blobs.seen)
    if load_all:
        for blob, value in found.items():
            run.store_named(blob, value)
    return tuple([found[each] if each in found else run.previous(place) for place, each in enumerate(wanted)])


def _wanted_names(outputs: Sequence[str], source_blob_names: Sequence[str]) -> Sequence[str]:
    """The names by which the outputs are looked for."""
    if source_blob_names and len(source_blob_names) != len(outputs):
        text = f"got {len(source_blob_names)} source_blob_names for {len(outputs)} outputs; give one for each"
        raise refuse("Load", text)
    if len(set(outputs)) != len(outputs):
        twice = next(each for each in outputs if outputs.count(each) > 1)
        raise refuse("Load", f"blob {twice!r} stands twice among the outputs")
    return source_blob_names or outputs


def _entries_of(database: EntryReader, blobs: LoadedBlobs) -> Iterator[Entry]:
    while (entry := database.entry(blobs.wants)) is not None:
        yield entry


def _take_in(
    blobs: LoadedBlobs, origin: str, entries: Callable[[], Iterator[Entry]], *, to_the_end: bool = False
) -> None:
    """Read entries until all blobs that are wanted are complete, or there are no more.

    Args:
        blobs: what takes them in.
        origin: the database, for messages.
        entries: begins to read them; the value of each is there if it is wanted.
        to_the_end: all entries are read, from the first to the last.
    """
    if blobs.are_complete:
        return
    seals = SealCheck()
    for key, value in entries():
        if value is not None and blobs.wants(key):
            try:
                blobs.add(origin, key, read_stored(seals.opened(key, value)))
            except WorkspaceError as error:
                raise refuse("Load", f"{origin}, entry {key!r}: {error}") from None
        if blobs.are_complete:
            return
    if to_the_end:
        try:
            seals.require_all()
        except WorkspaceError as error:
            raise refuse("Load", f"{origin}: {error}") from None


def _require_found(found: Collection[str], wanted: Sequence[str], origin: str, seen: Collection[str]) -> None:
    """Raise OperatorError if a blob that is wanted was not found among those that were seen."""
    missing = [each for each in wanted if each not in found]
    if missing:
        shown = ", ".join(map(repr, missing[:3])) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        here = len(wanted) - len(missing)
        counts = f"Expected to load {len(wanted)} blobs, got {here} only"
        text = f"{counts}: only {here} of {len(wanted)} blobs are in {origin}, and {shown} not"
        raise refuse("Load", f"{text}{did_you_mean(missing[0], seen)}")
