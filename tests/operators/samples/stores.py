"""Calls of the operators on stores."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.storage.stored_kinds import serialized
from taskplan.operators.stores import FileStore


@cache
def folder() -> Path:
    made = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, made)
    return Path(made)


def a_store() -> FileStore:
    """A store that holds the blob w."""
    made = FileStore(folder())
    made.write(b"w", serialized("w", np.array([1, 2], np.float32)))
    return made


SAMPLES = {
    "FileStoreHandlerCreate": lambda: Sample(arguments={"path": str(folder()).encode()}),
    "StoreSet": lambda: Sample([a_store(), np.array([1, 2])], outputs=0),
    "StoreGet": lambda: Sample([a_store()], {"blob_name": b"w"}),
    "StoreWait": lambda: Sample([a_store()], {"blob_names": (b"w",)}, 0),
    "StoreAdd": lambda: Sample([a_store()]),
}
