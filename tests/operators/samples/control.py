"""Calls of the operators that run nets."""

from __future__ import annotations

import numpy as np
from tests.operators.samples import Sample

from taskplan.operators.run import Scope
from taskplan.plan.model import NetDef, OpDef


def net(*ops: OpDef) -> NetDef:
    return NetDef("inner", ops)


def lowering() -> NetDef:
    """Makes the condition of a loop, its first input, false."""
    return net(OpDef("ConstantFill", (), ("in0",), {"value": 0, "dtype": 5}))


def bound() -> Sample:
    """One blob that is bound and not read, and one that is written."""
    arguments = {
        "net": net(OpDef("ConstantFill", (), ("y",), {"value": 1})),
        "inner_blobs": (b"x", b"y"),
        "outer_blobs_idx": (0, 1),
    }
    return Sample([np.array([1, 2]), Scope()], arguments, 2, {1: 1})


SAMPLES = {
    "CountIf": lambda: Sample([np.True_], {"stat_name": b"odd"}, outputs=0),
    "Sleep": lambda: Sample(arguments={"seconds": 0.0}, outputs=0),
    "If": lambda: Sample([np.True_], {"then_net": net(OpDef("ConstantFill", (), ("out0",), {"value": 1}))}),
    "While": lambda: Sample([np.array([True])], {"loop_net": lowering()}, in_place={0: 0}),
    "Do": bound,
    "CreateScope": Sample,
    "HasScope": lambda: Sample([Scope()]),
}
