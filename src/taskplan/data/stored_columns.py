"""What a database says of the columns that are stored in it.

Beside the columns there may be an entry with their schema: names in order, and dtypes. It is a blob as any other, so
Caffe2 reads such files too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from taskplan.builder.fields import Field
from taskplan.data.dataset_writer import name_of_dtype
from taskplan.errors import WorkspaceError
from taskplan.operators.storage.database_types import open_database
from taskplan.operators.storage.entries import BadDatabaseError
from taskplan.operators.storage.loaded_blobs import LoadedBlobs
from taskplan.operators.storage.seals import SealCheck
from taskplan.plan.stored_blobs import read_stored
from taskplan.plan.types import DType

SCHEMA_BLOB = "__taskplan_schema__"
"""The blob that holds the schema, a string."""


def schema_text(schema: Field) -> str:
    """A schema as it is stored."""
    names = map(name_of_dtype, schema.field_types())
    return json.dumps({"columns": [*zip(schema.field_names(), names, strict=True)], "version": 1})


@dataclass(frozen=True, slots=True)
class StoredColumns:
    """What was found in a database.

    Attributes:
        names: of all blobs but the schema.
        schema: the text of the schema; None if there is none.
        fault: why not all entries could be read; None if they could, and none is missing.
    """

    names: frozenset[str]
    schema: str | None
    fault: WorkspaceError | None

    def dtypes(self) -> dict[str, DType | None]:
        """The dtype of each column by name, None where any will do; empty if no schema that we know is there."""
        try:
            stored = json.loads(self.schema or "")
            return {name: np.dtype(dtype) if dtype else None for name, dtype in stored["columns"]}
        except (ValueError, TypeError, KeyError):
            return {}


def stored_columns(db_type: str, path: str) -> StoredColumns:
    """Look at the keys of a database, and at its schema. The values of columns are not read.

    Raises:
        WorkspaceError: it cannot be opened.
    """
    blobs = LoadedBlobs({SCHEMA_BLOB: SCHEMA_BLOB}, "", "")
    fault: WorkspaceError | None = None
    try:
        with closing(open_database(db_type, path)) as database:
            seals, entries = SealCheck(), 0
            while (entry := database.entry(blobs.wants)) is not None:
                entries += 1
                key, value = entry
                if value is not None:
                    blobs.add(repr(path), key, read_stored(seals.opened(key, value)))
            if seals.total not in (None, entries):
                fault = BadDatabaseError(f"only {entries} of {seals.total} entries are there")
    except OSError as error:
        msg = f"cannot read {path!r}: {error.strerror or error}"
        raise WorkspaceError(msg) from None
    except WorkspaceError as error:
        fault = error
    return StoredColumns(frozenset(blobs.seen - {SCHEMA_BLOB}), _schema(blobs), fault)


def _schema(blobs: LoadedBlobs) -> str | None:
    try:
        value = blobs.values().get(SCHEMA_BLOB)
    except WorkspaceError:
        return None
    elements: Sequence[object] = np.asarray(value).ravel().tolist()
    return elements[0].decode("utf-8", "replace") if len(elements) == 1 and isinstance(elements[0], bytes) else None
