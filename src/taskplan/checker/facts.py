"""What several rules want to know about a plan, gathered in one pass."""

from __future__ import annotations

from collections.abc import Mapping

from taskplan.checker.walk import all_ops, steps_below
from taskplan.operators.registry import USER_CODE, WORKSPACE, declaration, is_operator
from taskplan.operators.uses import reaches_workspace
from taskplan.plan.model import NetDef, PlanDef


class PlanFacts:
    """A plan, and what is in it.

    Attributes:
        nets: by name; the first of several with one name.
        ops: every operator, also in subnets.
        used: the names of the nets that steps run.
        written: every blob that an operator writes.
        makes_any_blob: a user function or an operator may make any blob: it is handed the workspace, or it names a
            function that feeds one, or it cannot be looked at, since the program was loaded without its code.
    """

    def __init__(self, plan: PlanDef) -> None:
        self.plan = plan
        self.nets: Mapping[str, NetDef] = {net.name: net for net in reversed(plan.nets)}
        self.ops = [op for net in plan.nets for op in all_ops(net)]
        self.used = {name for step in plan.steps for each in steps_below(step) for name in each.net_names()}
        self.written = {name for op in self.ops for name in op.outputs}
        # Few operators can do that, so most are not looked at one by one.
        suspects = {op_type for op_type in {op.type for op in self.ops} if _is_suspect(op_type)}
        self.makes_any_blob = any(op.type in suspects and reaches_workspace(op) for op in self.ops)


def _is_suspect(op_type: str) -> bool:
    return is_operator(op_type) and not declaration(op_type).effects.isdisjoint((WORKSPACE, USER_CODE))
