"""The examples in the documentation of operators on tensors are true.

Notation: `Op(input, input; argument=value) -> output, output`. `[1 2]` is a float32 vector, `[1 2]:i64` one of int64,
`T` and `F` are bools, `()` marks rank 0.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from tests.operators.calling import call, held

from taskplan.operators.registry import declarations

DTYPES = {
    "f16": "float16",
    "f64": "float64",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "str": "object",
}
TENSOR = r"(?:\[[^,;:=]*\]|[-\dTF.]+ \(\))(?::\w+)?"
TENSORS = rf"(?:{TENSOR}(?:, {TENSOR})*)?"
EXAMPLE = re.compile(rf"(\w+)\(({TENSORS})(?:; (.*?))?\) ->(?: ({TENSORS}))?")
UNLIKE_EXAMPLES = {"MSRAFill", "UniqueUniformFill", "XavierFill"}
FAMILIES = {
    "activations",
    "arithmetic",
    "cast",
    "compare",
    "copies",
    "fills",
    "gather",
    "linear",
    "masks",
    "pieces",
    "random_fills",
    "reductions",
    "scatter",
    "shapes",
    "totals",
    "unary",
}


def examples() -> list[Any]:
    """The line after `Example:`, of each operator of tensors that has one."""
    lines = [
        (each.name, line)
        for each in declarations()
        for line in re.findall(r"Example:\n +(.*)", each.doc)
        if each.family in FAMILIES and each.name not in UNLIKE_EXAMPLES
    ]
    return [pytest.param(line, id=name) for name, line in lines]


def tensor(text: str) -> Any:
    content, _, kind = text.partition(":")
    content, is_scalar = re.sub(r" \(\)$", "", content), content.endswith("()")
    data = json.loads(re.sub(r" +", ", ", content.replace("T", "true").replace("F", "false")))
    is_bool = "T" in content or "F" in content
    made = np.array(data, DTYPES[kind] if kind else "bool" if is_bool else "float32")
    assert (made.ndim == 0) == is_scalar
    return held(made)


def tensors(text: str | None) -> list[Any]:
    return [tensor(each) for each in re.findall(TENSOR, text or "")]


def arguments(text: str | None) -> dict[str, Any]:
    given = re.findall(r'(\w+)=(\[.*?\]|"[^"]*"|[^,]+)', text or "")
    return {name: json.loads(value) for name, value in given}


@pytest.mark.parametrize("line", examples())
def test_an_example_is_true(line: str) -> None:
    parsed = EXAMPLE.fullmatch(line)
    assert parsed, "the example is not in the notation"
    name, inputs, given, outputs = parsed.groups()
    expected = tensors(outputs)
    in_place = name in ("ScatterAssign", "ScatterWeightedSum")

    results = call(name, *tensors(inputs), outputs=len(expected), in_place=in_place, **arguments(given))

    for got, wanted in zip(results if len(expected) != 1 else [results], expected, strict=True):
        assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
        if got.dtype.kind == "f":
            np.testing.assert_allclose(got, wanted, rtol=1e-6)
        else:
            assert got.tolist() == wanted.tolist()
