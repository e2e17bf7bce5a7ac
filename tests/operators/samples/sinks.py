"""Calls of the operators on sinks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.sinks import SinkHandle
from taskplan.plan.types import Array


class Nowhere:
    """A sink that keeps nothing."""

    def open(self) -> None: ...

    def write(self, columns: Sequence[Array]) -> None: ...

    def commit(self) -> None: ...

    def abort(self) -> None: ...


def a_sink() -> SinkHandle:
    return SinkHandle(Nowhere(), "sink")


SAMPLES = {
    "OpenSink": lambda: Sample(function=Nowhere),
    "WriteSink": lambda: Sample([a_sink(), np.array([1, 2]), np.array([0.5, 1.5])], outputs=0),
    "CommitSink": lambda: Sample([a_sink()], outputs=0),
    "CloseSink": lambda: Sample([a_sink()], outputs=0),
    "SinkCounts": lambda: Sample([a_sink()], outputs=2),
}
