"""Recorded calls of Caffe2's operators, one test each, for every operator that is declared.

A case gives inputs, arguments and either the outputs or the stage at which the call failed. Shapes, dtypes, integers,
bools and strings must agree exactly, floats within the file's tolerance. An element type that Caffe2's operator refused
may be taken here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import taskplan.operators.catalogue  # noqa: F401 - declares the operators
from taskplan.errors import TaskplanError
from taskplan.operators.registry import check_arity, declaration, decode_arguments, is_operator
from taskplan.operators.run import UNSET
from taskplan.plan.model import OpDef

RECORD = json.loads(Path(__file__).with_name("cases.json").read_text("utf-8"))


def declared_cases(*, fails: bool) -> list[Any]:
    return [
        pytest.param(case, id=case["id"])
        for case in RECORD["cases"]
        if is_operator(case["op"]) and case.get("fails", False) is fails
    ]


def tensor(recorded: Mapping[str, Any]) -> Any:
    """A value as the engine holds it: rank 0 is a NumPy scalar, and nothing may be written to."""
    if recorded["dtype"] == "string":
        made = np.empty(recorded["shape"], object)
        texts: Any = np.array(recorded["data"], object).ravel() if made.size else ()
        made.reshape(-1)[:] = [text.encode() for text in texts]
    else:
        made = np.array(recorded["data"], recorded["dtype"]).reshape(recorded["shape"])
    made.setflags(write=False)
    return made if made.ndim or made.dtype == object else made[()]


def argument(value: Any) -> Any:
    """An argument as plans hold it: bools are integers, texts are bytes, lists are tuples."""
    if isinstance(value, list):
        return tuple(map(argument, value))
    if isinstance(value, bool):
        return int(value)
    return value.encode() if isinstance(value, str) else value


class Call:
    """One call of an operator, and the `OpRun` of it."""

    def __init__(self, case: Mapping[str, Any]) -> None:
        self.values = [tensor(each) for each in case["inputs"]]
        inputs = tuple(f"in{i}" for i in range(len(self.values)))
        outputs = [f"out{i}" for i in range(case["num_outputs"])]
        for i, j in case.get("inplace", []):
            outputs[j] = inputs[i]
        arguments = {name: argument(value) for name, value in case["args"].items()}
        self.op = OpDef(case["op"], inputs, tuple(outputs), arguments)
        self.state: dict[str, Any] = {}
        self.rng = np.random.default_rng(1)
        self.workspace = SimpleNamespace()

    def wait(self, reason: object, attempt: Any, timeout_s: float = 0) -> Any:
        return attempt()

    def previous(self, index: int) -> Any:
        """What an output's blob held before: the input, if they are one blob."""
        blob = self.op.outputs[index]
        return self.values[self.op.inputs.index(blob)] if blob in self.op.inputs else UNSET

    def log(self, message: str) -> None:
        pass

    def result(self) -> list[Any]:
        declared = declaration(self.op.type)
        check_arity(declared, self.op.inputs, self.op.outputs)
        keywords = decode_arguments(declared, self.op.arguments)
        if declared.wants_run:
            keywords["run"] = self
        with np.errstate(all="ignore"):
            returned = declared.body(*self.values, **keywords)
        values = [] if returned is None else list(returned) if isinstance(returned, tuple) else [returned]
        return values[: len(self.op.outputs)]


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
    outputs = Call(case).result()

    assert len(outputs) == len(case["outputs"])
    for got, recorded in zip(outputs, case["outputs"], strict=True):
        assert_matches(got, recorded)


@pytest.mark.parametrize("case", declared_cases(fails=True))
def test_an_operator_refuses_what_was_refused_by_an_error_of_our_own(case: Mapping[str, Any]) -> None:
    may_succeed = case["fail_kind"] == "dtype"

    with contextlib.suppress(TaskplanError) if may_succeed else pytest.raises(TaskplanError):
        Call(case).result()
