"""Calls of the operators on databases."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.queue_objects import BlobsQueue
from taskplan.operators.storage.database_readers import DatabaseReader
from taskplan.operators.storage.minidb import MinidbWriter
from taskplan.plan.stored_blobs import pack_tensors


@cache
def folder() -> Path:
    """Where samples put their files; it goes when the tests end."""
    made = Path(mkdtemp())
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@cache
def database() -> str:
    """A database of two entries, each with an image and its number."""
    path = str(folder() / "images.db")
    writer = MinidbWriter(path)
    for number in range(2):
        image = np.array([number, number / 2], np.float32)
        writer.put(f"{number}".encode(), pack_tensors([image, np.array(number, np.int32)]))
    writer.publish()
    return path


SAMPLES = {
    "DBExists": lambda: Sample((), {"db_name": database().encode(), "db_type": b"minidb", "absolute_path": 1}),
    "CreateDB": lambda: Sample((), {"db": database().encode(), "db_type": b"minidb"}),
    "CreateBlobsQueueDB": lambda: Sample([BlobsQueue("q", 2, 1)]),
    "TensorProtosDBInput": lambda: Sample([DatabaseReader("minidb", database())], {"batch_size": 2}, 2),
}
