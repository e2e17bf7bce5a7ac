"""Calls of the fills with random numbers of which none is recorded, or none with a shape as an argument."""

from __future__ import annotations

from tests.operators.samples import Sample

SAMPLES = {
    "XavierFill": lambda: Sample(arguments={"shape": (4, 3)}),
    "MSRAFill": lambda: Sample(arguments={"shape": (4, 3)}),
    "UniformIntFill": lambda: Sample(arguments={"shape": (4,), "min": 1, "max": 3}),
}
