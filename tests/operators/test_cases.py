"""Recorded calls of Caffe2's operators, one test each, for every operator that is declared.

A case gives inputs, arguments and either the outputs or the stage at which the call failed. Shapes, dtypes, integers,
bools and strings must agree exactly, floats within the file's tolerance. An element type that Caffe2's operator refused
may be taken here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.operators.calling import call_in_place, plain
from tests.operators.recorded import RECORD, tensor

from taskplan.errors import TaskplanError
from taskplan.operators.registry import is_operator
from taskplan.operators.run import UNSET


def declared_cases(*, fails: bool) -> list[Any]:
    return [
        pytest.param(case, id=case["id"])
        for case in RECORD["cases"]
        if is_operator(case["op"]) and case.get("fails", False) is fails
    ]


def outputs_of(case: Mapping[str, Any], *, unset: int | None = None) -> list[Any]:
    """What a case's call gives, if the input number `unset` holds nothing."""
    values = [UNSET if place == unset else tensor(each) for place, each in enumerate(case["inputs"])]
    in_place = {output: source for source, output in case.get("inplace", ())}
    arguments = {name: plain(value) for name, value in case["args"].items()}
    return call_in_place(case["op"], values, in_place, case["num_outputs"], arguments)


def assert_matches(got: Any, recorded: Mapping[str, Any]) -> None:
    expected = tensor(recorded)
    assert isinstance(got, np.generic) or got.ndim or got.dtype == object, "rank 0 must be a NumPy scalar"
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    if got.dtype.kind == "f":
        tolerance = RECORD["float16_tolerance" if got.dtype == np.float16 else "float_tolerance"]
        np.testing.assert_allclose(got, expected, **tolerance)
    else:
        assert got.tolist() == expected.tolist()


@pytest.mark.parametrize("case", declared_cases(fails=False))
def test_an_operator_gives_what_was_recorded(case: Mapping[str, Any]) -> None:
    outputs = outputs_of(case)

    assert len(outputs) == len(case["outputs"])
    for got, recorded in zip(outputs, case["outputs"], strict=True):
        assert_matches(got, recorded)


@pytest.mark.parametrize("case", declared_cases(fails=True))
def test_an_operator_refuses_what_was_refused_by_an_error_of_our_own(case: Mapping[str, Any]) -> None:
    may_succeed = case["fail_kind"] == "dtype"

    with contextlib.suppress(TaskplanError) if may_succeed else pytest.raises(TaskplanError):
        outputs_of(case)


@pytest.mark.parametrize("case", declared_cases(fails=False))
def test_an_operator_never_succeeds_on_a_blob_that_holds_nothing(case: Mapping[str, Any]) -> None:
    """The error need not say much: the engine looks at the blobs afterwards and names the one."""
    for place in range(len(case["inputs"])):
        with pytest.raises((AttributeError, TypeError, TaskplanError)):
            outputs_of(case, unset=place)
