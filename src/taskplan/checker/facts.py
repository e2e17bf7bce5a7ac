"""What several rules want to know about a plan, gathered in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import CodeType

from taskplan.checker.walk import OpPlace, nets_of, operators
from taskplan.operators.registry import WORKSPACE, declaration, is_operator
from taskplan.plan.model import NetDef, OpDef, PlanDef

_FEEDERS = frozenset(
    {
        *("FeedBlob", "feed_blob", "CreateBlob", "create_blob", "FeedRecord", "DeserializeBlob"),
        *("RunNetOnce", "RunOperatorOnce", "RunOperatorsOnce", "RunPlan", "CreateNet"),
    }
)
"""What a function of the user says when it makes blobs in a workspace that it was not handed."""


class PlanFacts:
    """A plan, and what is in it.

    Attributes:
        nets: by name; the first of several with one name.
        places: every operator, also in subnets.
        used: the names of the nets that steps run.
        written: every blob that an operator writes.
        makes_any_blob: a user function or an operator may make any blob: it is handed the workspace, or names a
            function that feeds one.
    """

    def __init__(self, plan: PlanDef) -> None:
        self.plan = plan
        self.nets: Mapping[str, NetDef] = {net.name: net for net in reversed(plan.nets)}
        self.places: list[OpPlace] = [place for net in plan.nets for place in operators(net, lazy=True)]
        self.used = frozenset(name for step in plan.steps for name in nets_of(step))
        self.written = {name for place in self.places for name in place.op.outputs}
        self.makes_any_blob = any(_may_make_any_blob(place.op) for place in self.places)


def _may_make_any_blob(op: OpDef) -> bool:
    if op.type == "Python":  # it gets the workspace only if the call asks for that
        return bool(op.arguments.get("pass_workspace")) or _names_a_feeder(op.function)
    if op.type == "Call":
        return _names_a_feeder(op.function)
    return is_operator(op.type) and WORKSPACE in declaration(op.type).effects


def _names_a_feeder(function: object) -> bool:
    code = getattr(function, "__code__", None)
    return isinstance(code, CodeType) and not _FEEDERS.isdisjoint(_names(code))


def _names(code: CodeType) -> Iterator[str]:
    """Globals and attributes that a function refers to, and those of the functions in it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
