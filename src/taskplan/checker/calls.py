"""TP101 to TP103: calls of operators that no run could make: unknown names, wrong counts, wrong arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from taskplan.checker.facts import PlanFacts
from taskplan.checker.problems import Problem, Severity
from taskplan.checker.walk import OpPlace, operators
from taskplan.errors import ArgumentError, ArityError, UnknownOperatorError
from taskplan.operators.registry import check_arity, declaration, decode_arguments


def wrong_calls(facts: Mapping[str, PlanFacts]) -> Iterator[Problem]:
    """Every call whose operator, counts or arguments cannot be right, whatever the blobs hold.

    In a net that no step runs, that is a warning.
    """
    for plan in facts.values():
        unchecked = [net for net in plan.plan.nets if not net.calls_checked]
        for place in [place for net in unchecked for place in operators(net)]:
            problem = _wrong_call(place)
            if problem is not None:
                runs = place.outermost().net.name in plan.used
                yield problem if runs else replace(problem, severity=Severity.WARNING)


def _wrong_call(place: OpPlace) -> Problem | None:
    op = place.op
    try:
        declared = declaration(op.type)
        check_arity(declared, op.inputs, op.outputs)
        decode_arguments(declared, op.arguments, ignore_unknown=True)
    except UnknownOperatorError as error:
        return Problem("TP101", "unknown operator", str(error), place.where(), op.site)
    except ArityError as error:
        return Problem("TP102", "wrong number of blobs", str(error), place.where(), op.site)
    except ArgumentError as error:
        return Problem("TP103", "wrong argument", str(error), place.where(), op.site)
    if op.arguments.keys() <= declared.arguments.keys():
        return None
    try:
        decode_arguments(declared, op.arguments)
    except ArgumentError as error:
        # The original ignores these, and plans that come as bytes may rely on it.
        return Problem("TP103", "unknown argument", str(error), place.where(), op.site, severity=Severity.WARNING)
    return None
