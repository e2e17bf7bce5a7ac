"""All operators that Caffe2 has: those of the first two tiers are here and answer, the others are named."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from tests.operators.test_schema import SCHEMAS

from taskplan import Net, UnknownOperatorError, ops
from taskplan.cli import main
from taskplan.operators import declaration
from taskplan.operators.absent import ABSENT

PROVIDED = sorted(SCHEMAS)


def test_there_are_as_many_as_the_two_tiers_have() -> None:
    assert len(PROVIDED) == 199 + 198
    assert not ABSENT.keys() & SCHEMAS.keys()


@pytest.mark.parametrize("name", PROVIDED)
def test_the_command_answers_for_every_operator(name: str) -> None:
    shown = CliRunner().invoke(main, ["ops", name])

    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"{name}(")
    for part in ("Example:", "Family: "):
        assert part in shown.stdout
    for argument in declaration(name).arguments:
        assert re.search(rf"^      {argument}: ", shown.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_an_operator_that_is_not_provided_says_so_and_what_to_use(name: str) -> None:
    for call in (lambda: getattr(Net("net"), name), lambda: declaration(name)):
        with pytest.raises(UnknownOperatorError, match="is one of Caffe2's that taskplan does not provide") as caught:
            call()
        assert ABSENT[name] in str(caught.value)


def test_what_to_use_instead_is_there() -> None:
    words = {word for advice in ABSENT.values() for word in re.findall(r"\b[A-Z]\w+", advice)}
    members = {word for word in words if word in SCHEMAS or hasattr(ops, word)}

    assert words - members == {"Channel", "DLPack", "True"}
