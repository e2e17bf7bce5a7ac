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

FENCE = re.compile(r"^```(?P<language>\w*) *$(?P<body>.*?)^``` *$", re.MULTILINE | re.DOTALL)
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
    """The blocks that run, in order: a ```python fence, unless `<!-- not run: reason -->` stands right before it.

    A ```text fence that follows with nothing but blank lines between is what the block prints.
    """
    text = page.read_text(encoding="utf-8")
    fences = list(FENCE.finditer(text))
    found = []
    for fence, following in zip(fences, [*fences[1:], None], strict=True):
        if fence["language"] != "python" or NOT_RUN.search(text, 0, fence.start()):
            continue
        shows_output = (
            following is not None
            and following["language"] == "text"
            and not text[fence.end() : following.start()].strip()
        )
        printed = following["body"].strip() if shows_output and following else None
        found.append(Example(fence["body"], text.count("\n", 0, fence.start("body")), printed))
    return found


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
            printed = "\n".join(line.rstrip() for line in output.getvalue().splitlines()).strip()
            assert printed == example.printed, f"{name_of(page)}, line {example.line + 1}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_of_a_page_lead_to_files_that_exist(page):
    targets = [link["target"] for link in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8")))]

    assert not [target for target in targets if not SCHEME.match(target) and not (page.parent / target).exists()]


@pytest.mark.parametrize("module", MODULES_WITH_EXAMPLES)
def test_examples_in_docstrings_print_what_they_show(module):
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)

    assert result.failed == 0, f"{result.failed} of {result.attempted} examples"
