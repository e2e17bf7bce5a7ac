"""Checking a program: every rule, all problems at once."""

from __future__ import annotations

from collections.abc import Mapping

from taskplan.checker.facts import PlanFacts
from taskplan.checker.problems import Problem
from taskplan.checker.rules import RULES
from taskplan.plan.model import ProgramDef
from taskplan.plan.names import channel_blob, collective_blob


def check_program(program: ProgramDef, known: Mapping[str, set[str]] | None = None) -> list[Problem]:
    """All problems of a program, errors and warnings, rule by rule in the order of the plan.

    Args:
        program: what a session would run.
        known: for each node, the blobs that exist before the run.
    """
    existing = {node: set((known or {}).get(node, ())) for node in program.plans}
    for channel in program.channels:
        for node in existing.keys() & set(channel.nodes):
            existing[node].add(channel_blob(channel.name))
    for collective in program.collectives:
        for node in existing.keys() & set(collective.nodes):
            existing[node].add(collective_blob(collective.name))
    facts = {node: PlanFacts(plan) for node, plan in program.plans.items()}
    return [problem for rule in RULES for problem in rule.find(program, facts, existing)]
