"""The table of families is true; it is written anew by `TASKPLAN_UPDATE_DOCS=1 python -m pytest` of this file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from tests.operators.recorded import ours

import taskplan
from taskplan import operators
from taskplan.operators import catalogue

FILE = Path(catalogue.__file__)
TABLE = re.compile(r"^FAMILIES: dict\[str, str\] = \{\n.*?^\}\n", re.MULTILINE | re.DOTALL)


def declared() -> dict[str, str]:
    """By module, the operators that it declares."""
    for found in iter_modules(operators.__path__, f"{operators.__name__}."):
        import_module(found.name)
    families: dict[str, list[str]] = {}
    for each in ours():
        families.setdefault(each.family, []).append(each.name)
    return {family: " ".join(sorted(names)) for family, names in sorted(families.items())}


def table() -> str:
    return "".join(["FAMILIES: dict[str, str] = {\n", *rows(), "}\n"])


def rows() -> Iterator[str]:
    for family, names in declared().items():
        lines = [names] if len(f'        "{names}"') <= 120 else textwrap.wrap(names, 105)
        if len(f'    "{family}": "{names}",') <= 120:
            yield f'    "{family}": "{names}",\n'
        else:
            yield f'    "{family}": (\n'
            yield from (f'        "{line} "\n' for line in lines[:-1])
            yield f'        "{lines[-1]}"\n    ),\n'


def test_the_table_has_every_operator_under_the_module_that_declares_it() -> None:
    if "TASKPLAN_UPDATE_DOCS" in os.environ:
        text = FILE.read_text(encoding="utf-8")
        FILE.write_text(TABLE.sub(table().replace("\\", r"\\"), text), encoding="utf-8")
        return

    assert declared() == catalogue.FAMILIES


def test_importing_taskplan_imports_few_families() -> None:
    code = "import sys, taskplan; print(sum(f'taskplan.operators.{each}' in sys.modules for each in sys.argv[1:]))"

    ran = subprocess.run(
        [sys.executable, "-c", code, *catalogue.FAMILIES], capture_output=True, text=True, timeout=60, check=True
    )

    assert int(ran.stdout) <= 5


def test_an_operator_is_there_when_it_is_asked_for() -> None:
    code = "import taskplan as tp; n = tp.Net('n'); n.Relu('x'); print(tp.IsOperator('Adam'), hasattr(n, 'NoSuch'))"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert ran.stdout.split() == ["True", "False"]
    assert taskplan.IsOperator("Relu")
