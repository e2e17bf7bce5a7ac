"""Recorded calls of operators, each in a loop of two rounds: on every tier the same bits come out, or one error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.operators.calling import plain
from tests.operators.recorded import RECORD, tensor

import taskplan as tp
from taskplan.engine.tier import can_be_native
from taskplan.operators.registry import declaration, is_operator

OPERATORS = sorted({case["op"] for case in RECORD["cases"] if is_operator(case["op"])})

ELSEWHERE = frozenset({"Gather", "MSRAFill", "XavierFill"})
"""Of `Gather` no case has a scalar index, without which it is not native; the fills have no case that may be built."""


def ended(case: Mapping[str, Any], tier: str, reached: set[str]) -> dict[str, str]:
    """What all blobs hold in the end, or what was raised; notes the tier that the loop has `reached`."""
    ws = tp.Workspace()
    inputs = [f"input_{place}" for place in range(len(case["inputs"]))]
    for name, recorded in zip(inputs, case["inputs"], strict=True):
        ws.cell(name).value = tensor(recorded)
    in_place = {output: source for source, output in case.get("inplace", ())}
    outputs = [
        inputs[in_place[place]] if place in in_place else f"output_{place}" for place in range(case["num_outputs"])
    ]
    with tp.fresh_names():
        net = tp.Net("net")
        arguments = {name: plain(value) for name, value in case["args"].items()}
        try:
            getattr(net, case["op"])(inputs, outputs, **arguments)
            plan = tp.Plan("plan")
            plan.AddStep(tp.execution_step("twice", net, num_iter=2))
            with tp.LocalSession(ws, tier=tier, seed=1) as session:
                session.run(plan)
                reached.update(each.tier for each in session.tiers(plan))
        except tp.TaskplanError as error:
            return {"error": "\n".join([repr(error), *getattr(error, "__notes__", ())])}
    return {name: _shown(ws.find(name)) for name in ws.names()}


def _shown(cell: Any) -> str:
    value = cell.value
    if isinstance(value, np.ndarray | np.generic):
        content = repr(value.tolist()) if value.dtype == object else value.tobytes().hex()
        return f"{type(value).__name__} {value.dtype} {value.shape} {content}"
    return type(value).__name__


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_in_a_loop_does_the_same_on_every_tier(operator):
    declared = declaration(operator)
    may_be_native = declared.exact_native is not None or declared.exact_lookup is not None
    tiers = ["python", *(["native"] if may_be_native and can_be_native() else [])]

    reached: set[str] = set()
    for case in (each for each in RECORD["cases"] if each["op"] == operator):
        right = ended(case, "interpret", set())
        for tier in tiers:
            assert ended(case, tier, reached) == right, f"case {case['id']} on tier {tier!r}"

    assert reached >= set(tiers) or operator in ELSEWHERE, "falling back is not agreeing"
