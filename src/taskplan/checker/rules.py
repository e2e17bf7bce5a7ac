"""The law: one row a rule.

A rule is a pure function of the program, of facts gathered from it, and of the blobs that exist before it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from taskplan.checker.calls import wrong_calls
from taskplan.checker.defined import (
    Facts,
    Known,
    undefined_reads,
    unwritten_channels,
    unwritten_outputs,
    unwritten_queues,
    wrong_externals,
    wrong_nets,
)
from taskplan.checker.problems import Problem
from taskplan.plan.model import ProgramDef


@dataclass(frozen=True, slots=True)
class Rule:
    """Codes, what they mean, and the function that finds them."""

    codes: tuple[str, ...]
    meaning: str
    find: Callable[[ProgramDef, Facts, Known], Iterable[Problem]]


RULES = (
    Rule(
        ("TP101", "TP102", "TP103"),
        "an operator is unknown, or gets wrong numbers of blobs or wrong arguments",
        lambda _program, facts, _known: wrong_calls(facts),
    ),
    Rule(
        ("TP104", "TP105"),
        "a step runs a net that the plan does not have, or has twice",
        lambda _program, facts, _known: wrong_nets(facts),
    ),
    Rule(("TP106", "TP107"), "a blob is read before anything makes it, or lives on another node", undefined_reads),
    Rule(("TP108",), "an output is written by nobody", unwritten_outputs),
    Rule(
        ("TP109",),
        "a net lists its external blobs, and not all of them",
        lambda _program, facts, _known: wrong_externals(facts),
    ),
    Rule(
        ("TP110",),
        "a channel or a queue is read and written by nobody",
        lambda program, facts, _known: (*unwritten_channels(program, facts), *unwritten_queues(facts)),
    ),
)
