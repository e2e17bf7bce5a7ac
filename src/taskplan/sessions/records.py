"""Records in a workspace: feeding arrays to the blobs of a record, and fetching them."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np

from taskplan.builder.column_types import check_exact, refined_dtype
from taskplan.builder.columns import from_blob_list, matching_values
from taskplan.builder.fields import Field
from taskplan.builder.records import blobs_of
from taskplan.errors import BuildError
from taskplan.sessions.workspaces import current_workspace

_Record = TypeVar("_Record", bound=Field)


class RecordWorkspace(Protocol):
    """What records need of a workspace."""

    def feed_blob(self, name: str, value: Any) -> bool:
        """Replace the content of a blob."""

    def fetch_blob(self, name: str) -> Any:
        """The content of a blob."""


def FeedRecord(
    blob_record: Field,
    arrays: object,
    ws: RecordWorkspace | None = None,
    throw_on_type_mismatch: bool = False,
) -> None:
    """Feed one array to each blob of a record; all are looked at before the first is fed.

    Args:
        blob_record: a record of blobs, as `NewRecord` makes it.
        arrays: a list with one array a leaf, in the order of `field_names()`, or a record of arrays of the same names.
        ws: the workspace, the current one if not given.
        throw_on_type_mismatch: for typed leaves take only arrays of exactly the declared element type. Otherwise arrays
            are fed as they are, whatever their element type.

    Raises:
        BuildError: the number of arrays or the names differ, a leaf is bound to no blob, or the strict mode refuses an
            array.
        BuildValueError: an array has another inner shape than its leaf declares.

    Example::

        FeedRecord(record, [np.array([7, 8]), np.array([2, 0], np.int32)])
    """
    blobs = blobs_of(blob_record)
    values = matching_values(blob_record, arrays)
    for name, leaf, value in zip(blob_record.field_names(), blob_record.all_scalars(), values, strict=True):
        try:
            if throw_on_type_mismatch:
                check_exact(value, leaf.dtype)
            if isinstance(value, np.ndarray):
                refined_dtype(leaf.dtype, value)
        except BuildError as error:
            error.add_note(f"in field {name!r}")
            raise
    target = current_workspace() if ws is None else ws
    for blob, value in zip(blobs, values, strict=True):
        target.feed_blob(str(blob), value)


def FetchRecord(
    blob_record: _Record, ws: RecordWorkspace | None = None, throw_on_type_mismatch: bool = False
) -> _Record:
    """The record with its arrays in the place of its blobs, converted to the dtypes that its leaves declare.

    Strings come as unicode arrays through leaves of `str`, else as arrays of bytes.

    Args:
        blob_record: a record of blobs, as `NewRecord` makes it.
        ws: the workspace, the current one if not given.
        throw_on_type_mismatch: refuse arrays that would be converted (floats in a leaf of integers are truncated).

    Raises:
        WorkspaceError: a blob is missing.
        BuildError: a leaf is bound to no blob, or the strict mode refuses an array.
        BuildValueError: an array cannot be converted, or has another inner shape than its leaf declares.
    """
    source = current_workspace() if ws is None else ws
    arrays = [source.fetch_blob(str(blob)) for blob in blobs_of(blob_record)]
    return from_blob_list(blob_record, arrays, throw_on_type_mismatch)
