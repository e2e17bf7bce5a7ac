"""What the pages and docstrings show is what happens: their Python examples run, and print what they say."""

from __future__ import annotations

import doctest
import importlib
import io
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import taskplan

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "src" / "taskplan"
MODULES_WITH_EXAMPLES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("examples/**/*.md")])

FENCE = re.compile(
    r"^```(?P<language>\w*) *\n(?P<body>.*?)^``` *$"  # a block, and
    r"(?:\s*^```text *\n(?P<printed>.*?)^``` *$)?",  # if it follows at once, what the block prints
    re.MULTILINE | re.DOTALL,
)
NOT_RUN = re.compile(r"<!-- not run: [^>]+ -->\s*\Z")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)#\s]+)[^)]*\)")
SCHEME = re.compile(r"[a-z]+:")


@dataclass(frozen=True)
class Example:
    """A fenced block of Python, and what the page says it prints (None if it does not say)."""

    code: str
    line: int
    printed: str | None


def examples_of(page: Path) -> list[Example]:
    """The blocks that run, in order: those marked `python`, unless `<!-- not run: reason -->` stands right before."""
    text = page.read_text(encoding="utf-8")
    return [
        Example(fence["body"], text.count("\n", 0, fence.start("body")), fence["printed"])
        for fence in FENCE.finditer(text)
        if fence["language"] == "python" and not NOT_RUN.search(text, 0, fence.start())
    ]


def trimmed(text: str) -> str:
    """The text without the blanks at its ends and at the ends of its lines, which no page shows."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def name_of(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@pytest.fixture(autouse=True)
def _like_a_new_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder, unused names and an empty workspace, as a reader who tries an example has."""
    monkeypatch.chdir(tmp_path)
    with taskplan.fresh_names():
        yield
    taskplan.ResetWorkspace()


@pytest.mark.parametrize("page", [page for page in PAGES if examples_of(page)], ids=name_of)
def test_examples_of_a_page_run_from_top_to_bottom_and_print_what_it_shows(page, monkeypatch):
    script = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", script)

    for example in examples_of(page):
        output = io.StringIO()
        # Compiled with the page's own lines, so that failures, and messages of taskplan, point into the page.
        code = compile("\n" * example.line + example.code, name_of(page), "exec")
        with redirect_stdout(output):
            exec(code, script.__dict__)

        if example.printed is not None:
            assert trimmed(output.getvalue()) == trimmed(example.printed), f"{name_of(page)}, line {example.line + 1}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_of_a_page_lead_to_files_that_exist(page):
    targets = [link["target"] for link in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8")))]

    assert not [target for target in targets if not SCHEME.match(target) and not (page.parent / target).exists()]


@pytest.mark.parametrize("module", MODULES_WITH_EXAMPLES)
def test_examples_in_docstrings_print_what_they_show(module):
    """A reader is expected to have written `from taskplan import *` and `import numpy as np`."""
    owner = importlib.import_module(module)
    public = {name: getattr(taskplan, name) for name in taskplan.__all__}

    result = doctest.testmod(owner, globs={"np": np, **public, **vars(owner)}, optionflags=doctest.ELLIPSIS)

    assert result.failed == 0, f"{result.failed} of {result.attempted} examples"
