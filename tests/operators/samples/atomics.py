"""Calls of the operators on mutexes and flags."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.objects import AtomicBool, Mutex

SAMPLES = {
    "CreateMutex": Sample,
    "AtomicFetchAdd": lambda: Sample([Mutex(), np.int32(5), np.int32(3)], outputs=2, in_place={0: 1}),
    "AtomicFetchAdd64": lambda: Sample([Mutex(), np.array([5]), np.array([3])], outputs=2, in_place={0: 1}),
    "AtomicIter": lambda: Sample([Mutex(), np.array([41])], in_place={0: 1}),
    "CreateAtomicBool": Sample,
    "LatchIf": lambda: Sample([np.False_, np.True_], in_place={0: 0}),
    "ConditionalSetAtomicBool": lambda: Sample([AtomicBool(), np.array([True])], outputs=0),
    "CheckAtomicBool": lambda: Sample([AtomicBool()]),
}
