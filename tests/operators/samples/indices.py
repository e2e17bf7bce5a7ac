"""Calls of the operators on indices."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.dictionaries import Index


def an_index() -> Index:
    made = Index(np.dtype("int32"), 100)
    made.load(np.array([7, 8], np.int32))
    return made


SAMPLES = {
    "IntIndexCreate": lambda: Sample(arguments={"max_elements": 4}),
    "LongIndexCreate": Sample,
    "StringIndexCreate": Sample,
    "IndexGet": lambda: Sample([an_index(), np.array([8, 9, 8], np.int32)]),
    "IndexLoad": lambda: Sample([an_index(), np.array([3, 1, 2], np.int32)], in_place={0: 0}),
    "IndexFreeze": lambda: Sample([an_index()], in_place={0: 0}),
    "IndexStore": lambda: Sample([an_index()]),
    "IndexSize": lambda: Sample([an_index()]),
}
