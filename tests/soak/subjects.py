"""What the soak runs: random programs, and the small examples with random faults."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from examples import parameter_server
from tests.soak.draws import Draws, Mistake
from tests.soak.plans import Plan

import taskplan as tp
from taskplan.plan.model import ProgramDef
from taskplan.testing import Fault

EXAMPLES = Path(__file__).parents[2] / "examples"

EXAMPLE_EVERY = 20
"""Among so many programs one is an example."""


Build = Callable[[], ProgramDef | tp.TaskGroup]


@dataclass(frozen=True)
class Subject:
    """A program with all that is known of it.

    Attributes:
        name: what it is.
        build: builds it anew.
        program: as it was built first.
        expected: its outputs, by name; of examples, whose outputs have no names of their own, in their order.
        faults: what may go wrong in it.
        mistake: what is wrong with it.
        features: what it has.
    """

    name: str
    build: Build
    program: ProgramDef | tp.TaskGroup
    expected: Mapping[str, int] | Sequence[int]
    faults: Sequence[Fault] = ()
    mistake: Mistake | None = None
    features: frozenset[str] | None = None

    def is_right(self, outputs: Mapping[str, int]) -> bool:
        """Whether these are its outputs."""
        return self.expected == (outputs if isinstance(self.expected, Mapping) else list(outputs.values()))


def subject(number: int) -> Subject:
    """The program of that number."""
    if number % EXAMPLE_EVERY == EXAMPLE_EVERY - 1:
        return _example(number)
    with tp.fresh_names():
        plan = Plan(number)
        program = plan.group
    build = partial(_build_plan, number)
    features = frozenset(plan.features)
    return Subject("a random program", build, program, plan.expected, plan.faults, plan.mistake, features)


def _build_plan(number: int) -> ProgramDef | tp.TaskGroup:
    with tp.fresh_names():
        return Plan(number).group


def _example(number: int) -> Subject:
    name, build, expected, tasks, nodes = EXAMPLE_PROGRAMS[number // EXAMPLE_EVERY % len(EXAMPLE_PROGRAMS)]
    ops = ["SafeEnqueueBlobs", "SafeDequeueBlobs", "Const", "Call"]
    faults = Draws(f"example {number}").faults(tasks, nodes, ops)
    return Subject(f"example {name}", build, build(), expected, faults)


def _run_file(name: str) -> ProgramDef | tp.TaskGroup:
    with tp.fresh_names():
        program: tp.TaskGroup = runpy.run_path(str(EXAMPLES / f"{name}.py"))["program"]
        return program


def _build_parameter_server() -> ProgramDef | tp.TaskGroup:
    with tp.fresh_names():
        program: tp.TaskGroup = parameter_server.build(steps=12)
        return program


EXAMPLE_PROGRAMS: list[tuple[str, Build, list[int], list[str], list[str]]] = [
    ("hello", partial(_run_file, "hello"), [10], ["read", "add"], ["reader", "adder"]),
    ("parameter_server", _build_parameter_server, [], ["serve", "work"], ["server", "workers"]),
    ("retry_branches", partial(_run_file, "retry_branches"), [2, 4, 2], ["send"], ["local"]),
]
"""Each with a name, a way to build it, its outputs, its tasks and its nodes."""
