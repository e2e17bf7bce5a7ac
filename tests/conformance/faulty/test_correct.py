"""Programs that look broken and are not: they end well, each time, and nothing is said against them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.conformance.faulty import (
    correct_batches,
    correct_control,
    correct_functions,
    correct_instances,
    correct_nodes,
    correct_queues,
    correct_reporters,
    correct_setup,
    correct_steps,
    correct_writers,
)
from tests.conformance.faulty.corpus import CORRECT, Correct

import taskplan as tp
from taskplan.plan.text import program_tree

FILES = (
    correct_batches,
    correct_control,
    correct_functions,
    correct_instances,
    correct_nodes,
    correct_queues,
    correct_reporters,
    correct_setup,
    correct_steps,
    correct_writers,
)
"""All that have programs; importing them enters these into the corpus."""

LIMIT_S = 30
"""How long a run may take that takes no time: for hangs only."""


def as_said(outputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs as the corpus writes them: arrays as lists."""
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in outputs.items()}


PROGRAMS = [
    pytest.param(program, marks=[pytest.mark.one_process] * ("shared_nodes" in program.options), id=program.name)
    for program in CORRECT
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_correct_program_that_looks_suspicious_ends_well(
    program: Correct, open_session: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="taskplan")
    session = open_session(**program.options)
    group = program.build()

    session.run(group, timeout_s=LIMIT_S)
    first = as_said(session.outputs(group))
    session.run(group, timeout_s=LIMIT_S)
    second = as_said(session.outputs(group))

    assert first == program.outputs
    assert second == program.outputs
    assert [record.getMessage() for record in caplog.records if record.name.startswith("taskplan")] == []


def test_the_corpus_has_many_correct_programs() -> None:
    assert len(CORRECT) >= 60


def test_every_correct_program_has_a_name_of_its_own_and_a_reason() -> None:
    names = [program.name for program in CORRECT]
    assert len(set(names)) == len(names)
    assert [program.name for program in CORRECT if not program.looks_like or not program.build.__doc__] == []
    assert [program.name for program in CORRECT if not program.outputs] == []


def test_the_programs_of_all_files_are_in_the_corpus() -> None:
    assert {program.build.__module__ for program in CORRECT} == {file.__name__ for file in FILES}


NAME = re.compile(r"'[^']*'|\[[^]]*\]|[^\s,=()]+")

WORDS = re.compile(
    "program|node|plan|private|global|workspace|task|finally|on|step|nets|output|from|channel|capacity|kept|used|true"
    "|num_iter|should_stop_blob|concurrent_substeps|num_concurrent_instances|create_workspace|only_once|run_every_ms"
    "|timeout_s"
)
"""What is no name in what `program_tree` shows."""


def shape_of(program: Correct) -> str:
    """A program's tree with all names and numbers alike."""
    shared_nodes = bool(program.options.get("shared_nodes"))
    tree = program_tree(tp.compile_program(program.build(), shared_nodes=shared_nodes))
    return NAME.sub(lambda found: found[0] if WORDS.fullmatch(found[0]) else "x", tree)


def test_no_two_correct_programs_are_alike_but_for_names_and_numbers() -> None:
    by_shape: dict[str, list[str]] = {}
    for program in CORRECT:
        by_shape.setdefault(shape_of(program), []).append(program.name)

    assert [names for names in by_shape.values() if len(names) > 1] == []
