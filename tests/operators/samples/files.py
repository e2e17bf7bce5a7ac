"""Calls of the operators on files."""

from __future__ import annotations

from functools import cache

import numpy as np
from tests.operators.samples import Sample
from tests.operators.samples.databases import folder

from taskplan.operators.storage.minidb import MinidbWriter
from taskplan.plan.stored_blobs import tensor_pieces


def _place(name: str) -> dict[str, object]:
    return {"db": str(folder() / name).encode(), "db_type": b"minidb", "absolute_path": 1}


@cache
def _saved() -> dict[str, object]:
    place = _place("saved.db")
    writer = MinidbWriter(str(folder() / "saved.db"))
    for piece in tensor_pieces("out0", np.array([1, 2], np.float32), 0):
        writer.put(b"out0#%0", piece)
    writer.publish()
    return place


def _checkpoint() -> Sample:
    return Sample([np.array([4]), np.array([1, 2], np.float32)], {**_place("checkpoint_%d.db"), "every": 2}, 0)


SAMPLES = {
    "Save": lambda: Sample([np.array([1, 2], np.float32)], _place("written.db"), 0),
    "Load": lambda: Sample((), _saved()),
    "Checkpoint": _checkpoint,
    "Snapshot": _checkpoint,
}
