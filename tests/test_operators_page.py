"""`docs/operators.md` is made here, of the declarations of all operators.

To write it anew: `TASKPLAN_UPDATE_DOCS=1 python -m pytest tests/test_operators_page.py`
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from tests.operators.recorded import ours
from tests.operators.test_examples import lines_of

from taskplan.operators.absent import ABSENT
from taskplan.operators.arguments import ArgumentSpec
from taskplan.operators.registry import Declaration, Effect, Slot
from taskplan.operators.waiting import Reason

PAGE = Path(__file__).parents[1] / "docs" / "operators.md"
UPDATE = "TASKPLAN_UPDATE_DOCS"
ESCAPED_BAR = "\\|"

HEAD = f"""\
# Operators

<!-- Made by tests/test_operators_page.py; {UPDATE}=1 python -m pytest tests/test_operators_page.py writes it anew -->

Every operator is a method of a [net](nets.md), and of `ops` inside a [task](tasks.md): `net.Add([a, b], "c")`. Here is
what each takes and gives. `taskplan ops NAME` says all about one: the types and shapes that it takes, what it refuses,
an example.

- **Call**: inputs and outputs. `[X]` may be left out, `X...` stands for any number, `X, ...` for at least one.
- **In place**: which output may be the same blob as which input, and then overwrites it; or must be.
- **Arguments** are keywords, with their type and what they are if not given.
- **Effects**: what an operator does besides computing its outputs. Without any it is a function of its inputs.
- **Examples** are run by the tests. `[1 2]` is a float32 vector, `[1 2]:i64` one of int64, `T` and `F` are bools, `()`
  marks rank 0, `["a" "b"]:str` are strings; other words are names of blobs. Arguments stand behind the semicolon.
"""

NOT_INFERRED = """\
## What is not known before the run

`infer_shapes(net, specs)` works out the types and shapes of a net's blobs. Of these operators something, mostly the
first size of an output, is known only when they run.
"""

NOT_PROVIDED = """\
## What is not provided

Operators of Caffe2 that taskplan knows by name; calling one is an error that says what stands here.
"""

COLUMNS = ("call", "in place", "arguments", "effects", "what it does")


def page() -> str:
    """The whole page."""
    every = sorted(ours(), key=lambda declared: (declared.family, declared.name))
    families = groupby(every, key=lambda declared: declared.family)
    sections = [section(name, list(members)) for name, members in families]
    return "\n\n".join([HEAD.strip(), *sections, not_inferred(), not_provided()]) + "\n"


def section(family: str, members: list[Declaration]) -> str:
    """A family: what its file says about it, a row for each operator, and their examples."""
    about = (sys.modules[members[0].body.__module__].__doc__ or "").partition("\n")[0]
    lines = [row(COLUMNS), row(["---"] * len(COLUMNS)), *(row(cells(declared)) for declared in members)]
    examples = [line for declared in members for line in lines_of(declared)]
    return "\n".join([f"## {family}", "", about, "", *lines, "", "```text", *examples, "```"])


def not_inferred() -> str:
    """The operators whose outputs' sizes depend on more than shapes and arguments."""
    inexact = [declared for declared in ours() if declared.inexact]
    lines = [row([f"`{declared.name}`", declared.inexact]) for declared in inexact]
    return "\n".join([NOT_INFERRED, row(("operator", "it depends on")), row(("---", "---")), *lines])


def not_provided() -> str:
    """Caffe2's operators that are not here, by what to use instead."""
    by_advice: dict[str, list[str]] = {}
    for name, advice in ABSENT.items():
        by_advice.setdefault(advice, []).append(name)
    lines = [row([", ".join(f"`{name}`" for name in names), advice]) for advice, names in by_advice.items()]
    return "\n".join([NOT_PROVIDED, row(("operators", "instead")), row(("---", "---")), *lines])


def row(texts: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(text.replace('|', ESCAPED_BAR) for text in texts)} |"


def cells(declared: Declaration) -> list[str]:
    """What is told about one operator."""
    return [
        call(declared),
        in_place(declared),
        "<br>".join(map(argument, declared.arguments.values())),
        "<br>".join(sorted(map(effect, declared.effects))),
        declared.doc.partition("\n")[0],
    ]


def call(declared: Declaration) -> str:
    """The operator with its inputs and outputs."""
    inputs = ", ".join(map(slot, declared.inputs))
    outputs = ", ".join(map(slot, declared.outputs))
    return f"`{declared.name}`({inputs})" + (f" → {outputs}" if outputs else "")


def slot(each: Slot) -> str:
    """A place for blobs: `X`, `[X]` if it may be left out, `X...` for any number, `X, ...` for at least one."""
    if each.most is None:
        return f"{each.name}, ..." if each.least else f"{each.name}..."
    return each.name if each.least else f"[{each.name}]"


def in_place(declared: Declaration) -> str:
    """The pairs of output and input that must be one blob, and those that may."""
    must = [f"must: {to} = {given}" for given, to in declared.must_in_place]
    may = ["any"] if declared.in_place == "any" else [f"{to} = {given}" for given, to in declared.in_place]
    return "<br>".join(must + may)


def argument(spec: ArgumentSpec) -> str:
    """`name: type = default`, or without a default where it is required."""
    default = "" if spec.required else f" = {spec.default!r}"
    return f"`{spec.name}: {spec.shown()}{default}`"


def effect(each: Effect | Reason) -> str:
    """What an operator does besides computing."""
    return each.value if isinstance(each, Effect) else f"{type(each).__name__.lower()} {each.subject}"


def operators_on(text: str) -> Iterator[str]:
    """The operators that have a row in the section of a family."""
    for line in text.partition(NOT_INFERRED)[0].splitlines():
        if line.startswith("| `"):
            yield line.split("`")[1]


# --- the tests --------------------------------------------------------------------------------------------------------


def test_the_page_on_operators_shows_what_is_declared() -> None:
    made = page()
    if os.environ.get(UPDATE) == "1":
        PAGE.write_text(made, encoding="utf-8")

    found = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""

    assert found == made, f"docs/operators.md is stale; run {UPDATE}=1 python -m pytest tests/test_operators_page.py"


def test_every_operator_has_one_row() -> None:
    assert sorted(operators_on(page())) == [declared.name for declared in ours()]


def test_the_first_line_about_an_operator_is_a_sentence() -> None:
    """It stands alone in the table, so it must not end in the middle of one."""
    first_lines = {declared.name: declared.doc.partition("\n")[0] for declared in ours()}

    assert [name for name, line in first_lines.items() if not line.endswith(".")] == []
