"""Renaming blobs in messages, and in the nets that operators hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from google.protobuf.internal.containers import RepeatedScalarFieldContainer

from taskplan.builder.blobs import BlobReference
from taskplan.builder.columns import from_blob_list
from taskplan.builder.draft import NetDraft
from taskplan.builder.fields import Field
from taskplan.plan import taskplan_pb2 as pb

RemapFunction = Callable[[pb.OperatorDef, Mapping[str, str]], None]
"""Renames blobs in the arguments of an operator, in place; its inputs and outputs are renamed already."""


def rename(names: RepeatedScalarFieldContainer[str], remap: Mapping[str, str]) -> None:
    """Replace those of the names that `remap` has."""
    names[:] = [remap.get(name, name) for name in names]


def rename_net(net: pb.NetDef, remap: Mapping[str, str], functions: Mapping[str, RemapFunction]) -> None:
    """Rename blobs in all operators of a net and in its external lists; `functions` does the arguments, by type."""
    if not remap and not functions:
        return
    rename(net.external_input, remap)
    rename(net.external_output, remap)
    known = {**_NESTED, **functions}
    for op in net.op:
        rename(op.input, remap)
        rename(op.output, remap)
        if op.type in known:
            known[op.type](op, remap)


def renamed_record(record: Field | None, remap: Mapping[str, str], net: NetDraft) -> Field | None:
    """A copy of a record with the renamed blobs of `net`."""
    if record is None:
        return None
    return from_blob_list(record, [BlobReference(remap.get(str(b), str(b)), net) for b in record.field_blobs()])


def _rename_held(op: pb.OperatorDef, remap: Mapping[str, str]) -> None:
    """Rename in the nets that the operator holds, which run in its own workspace, so with the same blobs."""
    for arg in op.arg:
        if arg.HasField("n"):
            rename_net(arg.n, remap, {})


_NESTED: Mapping[str, RemapFunction] = {"If": _rename_held, "While": _rename_held, "AsyncIf": _rename_held}
