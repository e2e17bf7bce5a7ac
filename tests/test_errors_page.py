"""`docs/errors.md` is made here: of the classes, of programs that fail, and of the checker's rules.

To write it anew: `TASKPLAN_UPDATE_DOCS=1 python -m pytest tests/test_errors_page.py`
"""

from __future__ import annotations

import inspect
import os
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import taskplan
from taskplan import errors
from taskplan.checker.rules import RULES

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"
UPDATE = "TASKPLAN_UPDATE_DOCS"
TREE = r"::\n\n((?: +.*\n|\n)+)"

HEAD = f"""\
# Errors

<!-- Made by tests/test_errors_page.py. To write it anew: {UPDATE}=1 python -m pytest tests/test_errors_page.py -->

An error says what was expected, what came, where in the plan that is, which line of your program it comes from, and
what to do. Below are [the classes](#the-classes), [four programs](#four-programs-and-what-they-are-told) with what they
are told, and [what the checker finds](#what-the-checker-finds) before a run.
"""

PROGRAMS_HEAD = """\
## Four programs and what they are told

Each program is a file `train.py`. What follows it is what Python prints below the traceback.
"""

CODES_HEAD = """\
## What the checker finds

A session checks the whole program before it runs anything of it; `taskplan check FILE` does so without running it. All
problems are told at once, in one `PlanError`, whose attribute `problems` has them one by one. Nothing is said of what
cannot be known before the run.

| code | what is wrong |
| --- | --- |
"""


@dataclass(frozen=True)
class Program:
    """A program that fails, and what there is to say about its failure."""

    title: str
    remark: str
    source: str


PROGRAMS = [
    Program(
        "A wrong argument of an operator",
        "Builders know all operators, so this is raised on the very line, and the net stays as it was.",
        """\
from taskplan import DataType, Task, TaskGroup, ops

with TaskGroup() as program, Task(name="train"):
    steps = ops.Const([1.0, 2.0])
    ops.Cast(steps, too=DataType.INT64)
""",
    ),
    Program(
        "A blob that nothing writes",
        "The checker finds this before the run. The last line has a similar name, and who writes that.",
        """\
from taskplan import LocalSession, Task, TaskGroup, ops

with TaskGroup() as program, Task(name="train"):
    weights = ops.Const(1.0, blob_out="weights")
    ops.Const(0.1, blob_out="grads")
    ops.Add([weights, "grad"], [weights])

with LocalSession() as session:
    session.run(program)
""",
    ),
    Program(
        "A function that raises",
        "An exception of your own code is raised as it is, here a `ValueError`, and all other steps are stopped. Its\n"
        "traceback shows the line that raised it. Its notes show where in the plan that was, what the operator got,\n"
        "and the line that added it.",
        """\
from itertools import count

from taskplan import LocalSession, Task, TaskGroup, ops

numbers = count(1)


def check(inputs, outputs):
    instance, iteration = inputs[0].data, inputs[1].data
    if instance == 2 and iteration == 16:
        raise ValueError("the loss is not a number")


with TaskGroup() as program, Task(name="train", num_instances=2):
    with ops.task_instance_init():
        instance = ops.call(lambda: next(numbers))
    with ops.loop(20, name="epochs") as loop:
        ops.Python(check)([instance, loop.iter()], [])

with LocalSession() as session:
    session.run(program)
""",
    ),
    Program(
        "An output that nothing writes",
        "Nothing could be fetched after the run, so there is none.",
        """\
from taskplan import LocalSession, Task, TaskGroup, final_output, ops

with TaskGroup() as program, Task(name="train"):
    ops.Const(0.5, blob_out="loss")
    result = final_output("los")

with LocalSession() as session:
    session.run(program)
print(result.fetch())
""",
    ),
]


def page() -> str:
    """The whole page."""
    parts = [HEAD, classes(), PROGRAMS_HEAD, *map(section, PROGRAMS), CODES_HEAD + "\n".join(codes())]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def classes() -> str:
    """The docstring of `taskplan.errors`, with the tree that it sets off by two colons as a block."""
    text = inspect.cleandoc(errors.__doc__ or "")
    fenced = re.sub(TREE, lambda tree: block("text", inspect.cleandoc(f"\n{tree[1]}")) + "\n\n", text)
    return f"## The classes\n\n{fenced}"


def section(program: Program) -> str:
    """A program and what it is told."""
    parts = [
        f"### {program.title}",
        program.remark,
        "<!-- not run: it is to fail, and tests/test_errors_page.py runs it -->",
        block("python", program.source),
        block("text", message_of(program)),
    ]
    return "\n\n".join(parts)


def block(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


def codes() -> Iterator[str]:
    """The rows of the table of rules."""
    for rule in RULES:
        yield f"| {', '.join(f'`{code}`' for code in rule.codes)} | {rule.meaning} |"


def message_of(program: Program) -> str:
    """What Python prints below the traceback of a program that is a file `train.py`."""
    code = compile(program.source, "train.py", "exec")
    with taskplan.fresh_names(), taskplan.WorkspaceGuard(taskplan.Workspace()):
        try:
            exec(code, {"__name__": "__main__"})
        except Exception as error:
            told = "".join(traceback.format_exception_only(error))
            # Instances take their numbers in the order in which their threads come to it, so the second may be either.
            return told.replace("instance 1 of 2", "instance 2 of 2")
    pytest.fail(f"the program on {program.title!r} is to fail, and did not")


def entries_of_the_tree() -> Iterator[tuple[int, list[str]]]:
    """How far each line of the tree is indented, and the classes that it begins with."""
    tree = re.search(TREE, inspect.cleandoc(errors.__doc__ or ""))
    for indent, names in re.findall(r"^( +)([A-Z]\w+(?:, [A-Z]\w+)*)", tree[1] if tree else "", re.MULTILINE):
        yield len(indent), names.split(", ")


# --- the tests --------------------------------------------------------------------------------------------------------


def test_the_page_on_errors_shows_what_is():
    made = page()
    if os.environ.get(UPDATE) == "1":
        PAGE.write_text(made, encoding="utf-8")

    found = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""

    assert found == made, f"docs/errors.md is stale; run {UPDATE}=1 python -m pytest tests/test_errors_page.py"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.title)
def test_each_message_on_the_page_shows_the_line_of_the_program(program):
    assert re.search(r"train\.py:\d+, in <module>", message_of(program))


def test_the_tree_of_errors_has_every_class_below_a_base_of_it():
    known = dict(inspect.getmembers(errors, lambda each: inspect.isclass(each) and issubclass(each, BaseException)))
    above: list[tuple[int, str]] = []
    shown: list[str] = []
    for indent, names in entries_of_the_tree():
        while above and above[-1][0] >= indent:
            above.pop()
        for name in names:
            assert not above or issubclass(known[name], known[above[-1][1]]), name
        above.append((indent, names[-1]))
        shown += names

    assert sorted(shown) == sorted(known)


def test_every_code_of_the_checker_belongs_to_one_rule():
    found = [code for rule in RULES for code in rule.codes]

    assert found == sorted(set(found))
