"""Calls of the operators on shapes that have no recorded ones."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

SAMPLES = {"HasNoRows": lambda: Sample([np.array([[1, 2]], np.float32)])}
