"""Every test that `docs/differences.md` names exists, so that no difference stands there unproved."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "differences.md"
NAMED = sorted(set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8"))))


@cache
def names_of_tests() -> frozenset[str]:
    sources = (path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    return frozenset(name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE))


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_the_page_names_exists(name):
    """`test_116` is short for the test of the checklist with that number."""
    is_number = re.fullmatch(r"test_\d{3}[a-z]*", name)

    assert any(each.startswith(f"{name}_") if is_number else each == name for each in names_of_tests())
