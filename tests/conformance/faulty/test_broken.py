"""Broken programs: each ends with the error that it must give, and so it does when it is run again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.faulty import (
    broken_closed,
    broken_functions,
    broken_limits,
    broken_parts,
    broken_plans,
    broken_readers,
    broken_rings,
    broken_setup,
    broken_writers,
)
from tests.conformance.faulty.corpus import BROKEN, Broken
from tests.conformance.programs import notes

import taskplan as tp
from taskplan.plan.text import program_tree

FILES = (
    broken_closed,
    broken_functions,
    broken_limits,
    broken_parts,
    broken_plans,
    broken_readers,
    broken_rings,
    broken_setup,
    broken_writers,
)
"""All that have programs; importing them enters these into the corpus."""

LIMIT_S = 30
"""How long a run may take that takes no time: for hangs only."""


def failure_of(session: Any, group: tp.TaskGroup, program: Broken) -> BaseException:
    """What a run of the program raises."""
    with pytest.raises(program.raises) as caught:
        session.run(group, timeout_s=program.timeout_s or LIMIT_S)
    return caught.value


@pytest.mark.parametrize("program", BROKEN, ids=lambda program: program.name)
def test_a_broken_program_ends_with_its_error_each_time(program: Broken, open_session: Callable[..., Any]) -> None:
    session = open_session(**program.options)
    group = program.build()

    first = failure_of(session, group, program)
    second = failure_of(session, group, program)

    assert [said for said in program.says if said not in f"{first}\n{notes(first)}"] == []
    assert type(second) is type(first)


# --- the corpus itself ------------------------------------------------------------------------------------------------


def test_the_corpus_has_many_broken_programs_of_many_causes() -> None:
    causes = Counter(program.cause for program in BROKEN)

    assert len(BROKEN) >= 60
    assert len(causes) >= 12
    assert [cause for cause, count in causes.items() if count < 3] == []


def test_every_broken_program_has_a_name_of_its_own_and_says_what_is_wrong() -> None:
    names = Counter(program.name for program in BROKEN)

    assert [name for name, count in names.items() if count > 1] == []
    assert [program.name for program in BROKEN if not program.build.__doc__] == []


def test_the_broken_programs_of_all_files_are_in_the_corpus() -> None:
    assert {program.build.__module__ for program in BROKEN} == {file.__name__ for file in FILES}


def shape_of(program: Broken) -> str:
    """The tree of a program's steps, channels and outputs, without names and numbers."""
    with tp.fresh_names():
        tree = program_tree(tp.compile_program(program.build()))
    tree = re.sub(r"'[^'\n]*'", "name", tree)
    tree = re.sub(r"\[[^\]\n]*\]", "[]", tree)
    tree = re.sub(r"\(task [^)\n]*\)", "(task)", tree)
    tree = re.sub(r"^( *)(node|plan|channel|output)\b.*", r"\1\2", tree, flags=re.MULTILINE)
    return re.sub(r"(?<=[=,])[^\s,]+", "_", tree)  # of a flag's values, how many there are is left


def test_no_two_broken_programs_are_alike_but_for_names_and_numbers() -> None:
    by_shape: dict[str, list[str]] = {}
    for program in BROKEN:
        by_shape.setdefault(shape_of(program), []).append(program.name)

    assert [names for names in by_shape.values() if len(names) > 1] == []
