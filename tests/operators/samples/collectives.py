"""Calls of the collective operators by the only party that there is, so that nothing waits."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.collective_objects import Collective, Seat
from taskplan.plan.model import CollectiveDef


def alone(kind: str, reduction: str = "") -> Seat:
    return Seat(Collective(CollectiveDef("c", kind, ("local",), (1,), reduction), "local"), "local")


SAMPLES = {
    "CollectiveBarrier": lambda: Sample([alone("barrier")], outputs=0),
    "CollectiveBroadcast": lambda: Sample([alone("broadcast"), np.array([1.0, 2.0])], {"root": b"local"}),
    "CollectiveAllReduce": lambda: Sample(
        [alone("allreduce", "mean"), np.array([1.0, 2.0]), np.array([3.0])], {"reduction": b"mean"}, outputs=2
    ),
}
