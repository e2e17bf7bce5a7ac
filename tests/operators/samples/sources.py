"""Calls of the operators on sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.sources import Batch, SourceHandle


class Pairs:
    """Two batches of two columns."""

    skipped = 3

    def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
        yield lambda: iter([(np.array([1, 2]), np.array([0.5, 1.5])), (np.array([3]), np.array([2.5]))])


def a_source() -> SourceHandle:
    return SourceHandle(Pairs(), Pairs().parts(), "source")


SAMPLES = {
    "OpenSource": lambda: Sample(function=Pairs),
    "ReadSource": lambda: Sample([a_source()], outputs=3),
    "CloseSource": lambda: Sample([a_source()], outputs=0),
    "SourceCounts": lambda: Sample([a_source()], outputs=3),
}
