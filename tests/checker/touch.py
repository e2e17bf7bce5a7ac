"""An operator that runs whatever its inputs hold, so that a plan of it can fail for undefined blobs only; and plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from taskplan.operators.registry import is_operator, operator
from taskplan.plan.model import NetDef, OpDef, PlanDef, ProgramDef, StepDef
from taskplan.plan.names import Site

TOUCH = "TouchForTests"

if not is_operator(TOUCH):

    @operator(TOUCH, inputs=("xs*",), outputs=("ys*",), in_place="any")
    def touch(*_values: Any) -> tuple[np.bool_, ...]:
        """Looks at nothing, makes true."""
        return (np.True_,) * 8


def op(reads: str = "", writes: str = "", line: int = 1) -> OpDef:
    """An operator that reads and writes blobs, by their names with spaces between."""
    return OpDef(TOUCH, tuple(reads.split()), tuple(writes.split()), {}, site=Site("train.py", line, "build"))


def call(op_type: str, reads: str = "", writes: str = "", **arguments: object) -> OpDef:
    """A call of any operator."""
    return OpDef(op_type, tuple(reads.split()), tuple(writes.split()), arguments, site=Site("train.py", 48, "build"))


def net(name: str, *ops: OpDef, **fields: Any) -> NetDef:
    """A net."""
    return NetDef(name, ops, site=Site("train.py", 0, name), **fields)


def step(name: str, *parts: StepDef | str, **fields: Any) -> StepDef:
    """A step over steps or over nets, by their names."""
    steps = tuple(part for part in parts if isinstance(part, StepDef))
    nets = tuple(part for part in parts if isinstance(part, str))
    return StepDef(name, steps, nets, site=Site("train.py", 99, name), **fields)


def program(nets: Sequence[NetDef], *steps: StepDef, **fields: Any) -> ProgramDef:
    """A program of one plan on node `local`."""
    return ProgramDef({"local": PlanDef("train", tuple(nets), steps)}, **fields)
