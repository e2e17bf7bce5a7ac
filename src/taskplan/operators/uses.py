"""Which shared objects a net uses, and for what, as the declared effects of its operators say.

An object is known by the blob that holds it. Checker, engine and `taskplan show` read the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import CellType, CodeType, FunctionType
from typing import NamedTuple

from taskplan.operators.registry import USER_CODE, WORKSPACE, declaration, is_operator, slot_names
from taskplan.operators.waiting import Reason
from taskplan.plan.archive import SealedFunction
from taskplan.plan.model import NetDef, OpDef

Names = Callable[[str], str]
"""Gives the name of a blob in the plan for its name in a net."""

LAZY_SUBNETS = frozenset({"Do"})
"""Operators whose nets are made when they run, in workspaces of their own."""


_FEEDERS = frozenset(
    {
        *("FeedBlob", "feed_blob", "CreateBlob", "create_blob", "FeedRecord", "DeserializeBlob"),
        *("RunNet", "RunNetOnce", "RunOperatorOnce", "RunOperatorsOnce", "RunPlan", "CreateNet"),
    }
)
"""What a function of the user names when it makes or uses blobs of a workspace that it was not handed."""


_DEPTH = 3
"""How far calls are followed."""

_EMPTY = CellType()


class Use(NamedTuple):
    """One operator acts on one object.

    Attributes:
        kind: the class of the reason: `Takes`, `Puts`, `Closes`, ...
        blob: the blob that holds the object, by its name in the net of the plan.
        op: the operator.
    """

    kind: type[Reason]
    blob: str
    op: OpDef


def uses(net: NetDef) -> Iterator[Use]:
    """What the operators of a net, and of the nets in it, do to shared objects."""
    for op, outer in ops_with_names(net):
        if not is_operator(op.type):
            continue
        declared = declaration(op.type)
        reasons = [effect for effect in declared.effects if isinstance(effect, Reason)]
        reasons.sort(key=lambda reason: type(reason).__name__)  # a set has no order of its own
        slots = slot_names(declared.inputs, len(op.inputs)) if reasons else ()
        for reason in reasons:
            for slot, blob in zip(slots, op.inputs, strict=False):
                if slot == reason.subject:
                    yield Use(type(reason), outer(blob), op)


def ops_with_names(net: NetDef, outer: Names = str) -> Iterator[tuple[OpDef, Names]]:
    """The operators of a net and of the nets in it, each with what gives the names of its blobs in the plan.

    Args:
        net: the net.
        outer: gives the name of a blob in the plan for its name in the net.
    """
    for op in net.ops:
        yield op, outer
        if op.arguments and not net.calls_checked:
            inside = _names_outside(op, outer) if op.type in LAZY_SUBNETS else outer
            for subnet in subnets(op):
                yield from ops_with_names(subnet, inside)


def subnets(op: OpDef) -> Sequence[NetDef]:
    """The nets that an operator runs."""
    nets = [(name, value) for name, value in op.arguments.items() if type(value) is NetDef]
    if not nets:
        return ()
    declared = declaration(op.type) if is_operator(op.type) else None
    return [net for name, net in nets if declared is None or (declared.wants_run and name in declared.arguments)]


def _names_outside(op: OpDef, outer: Names) -> Names:
    """For a `Do`, whose net has names of its own: each inner name that is bound, as the name outside."""
    inner, numbers = op.arguments.get("inner_blobs", ()), op.arguments.get("outer_blobs_idx", ())
    blobs = op.inputs[:-1] + op.outputs[:-1]
    if not isinstance(inner, tuple) or not isinstance(numbers, tuple):
        return outer
    names = {
        name.decode(): outer(blobs[number])
        for name, number in zip(inner, numbers, strict=False)
        if 0 <= number < len(blobs)
    }
    return lambda name: names.get(name, name)


def reaches_workspace(op: OpDef) -> bool:
    """Whether an operator may use anything in its workspace.

    It is handed that, or it calls a function that names another which feeds blobs or runs nets, or that cannot be
    looked at, since the program was loaded without its code.
    """
    if op.type == "Python":  # it gets the workspace only if the call asks for that
        return bool(op.arguments.get("pass_workspace")) or _may_feed(op)
    if op.type == "Load":
        return bool(op.arguments.get("load_all"))
    if not is_operator(op.type):
        return False
    effects = declaration(op.type).effects
    return WORKSPACE in effects or (USER_CODE in effects and _may_feed(op))


def _may_feed(op: OpDef) -> bool:
    """Whether the function of a call, as far as it can be seen, names a function that feeds blobs."""
    if isinstance(op.function, SealedFunction):
        return True
    builder = op.arguments.get("pickled_builder")
    if isinstance(builder, bytes):
        return any(name.encode() in builder for name in _FEEDERS)
    return any(not _FEEDERS.isdisjoint(_names(code)) for code in _codes(op.function, _DEPTH, set()))


def _codes(function: object, depth: int, seen: set[int]) -> Iterator[CodeType]:
    """The code of a function of the user, and of the functions that it calls, as far as these can be seen in it."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType) or id(code) in seen:
        return
    seen.add(id(code))
    yield code
    if depth:
        enclosed = [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if cell != _EMPTY]
        known = getattr(function, "__globals__", {})
        for called in (*enclosed, *(known[name] for name in code.co_names if name in known)):
            if isinstance(called, FunctionType) and not (called.__module__ or "").startswith("taskplan."):
                yield from _codes(called, depth - 1, seen)


def _names(code: CodeType) -> Iterator[str]:
    """Globals and attributes that a function refers to, and those of the functions in it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
