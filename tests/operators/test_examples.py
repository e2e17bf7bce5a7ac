"""The examples in the documentation of operators are true.

An example is one or more calls, each on a line of its own: `Op(input, input; argument=value) -> output, output`.
`[1 2]` is a float32 vector, `[1 2]:i64` one of int64, `T` and `F` are bools, `()` marks rank 0, `["a" "b"]:str` are
strings. Any other word names a blob: one that an earlier line made, or that this line makes. What a line gives is
compared where it is written as a tensor.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.operators.calling import held, musts, plain
from tests.operators.recorded import ours

from taskplan import Workspace
from taskplan.operators.registry import Declaration
from taskplan.plan.model import OpDef

DTYPES = {
    "f16": "float16",
    "f64": "float64",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "u16": "uint16",
    "str": "object",
}
CALL = re.compile(r"(?P<op>\w+)\((?P<inputs>[^;]*?)(?:; (?P<arguments>.*?))?\)(?: -> (?P<outputs>[^:]*?.*?))?")
NOT_RUN = {
    "Call": "calls a Python function",
    "CloseSink": "calls a Python function",
    "CloseSource": "calls a Python function",
    "CollectiveAllReduce": "takes what a session makes",
    "CollectiveBarrier": "takes what a session makes",
    "CollectiveBroadcast": "takes what a session makes",
    "CommitSink": "calls a Python function",
    "OpenSink": "calls a Python function",
    "OpenSource": "calls a Python function",
    "ReadSource": "calls a Python function",
    "SinkCounts": "calls a Python function",
    "SourceCounts": "calls a Python function",
    "WriteSink": "calls a Python function",
    "Python": "calls a Python function",
    "Do": "takes a net",
    "If": "takes a net",
    "While": "takes a net",
    "Assert": "fails",
    "Crash": "fails",
    "Fail": "fails",
    "LogFatal": "fails",
    "StoreAdd": "fails",
    "TensorProtosDBInput": "reads a file that no operator writes",
    "ThrowChildThreadException": "fails",
    "ThrowException": "fails",
}


def lines_of(declared: Declaration) -> list[str]:
    """The calls after `Example:`."""
    found = re.search(r"^Example:\n((?: +.*\n?)+)", declared.doc, re.MULTILINE)
    return [line.strip() for line in found[1].splitlines()] if found else []


def parts(text: str | None) -> list[str]:
    """The items of a list that is separated by commas; those inside brackets and quotes do not count."""
    return [part.strip() for part in re.findall(r'(?:\[[^]\[]*(?:\[[^]]*\][^]\[]*)*\]|"[^"]*"|[^,])+', text or "")]


def is_tensor(text: str) -> bool:
    return text[0] in "[-0123456789" or text.endswith("()") or "():" in text


def tensor(text: str) -> Any:
    content, _, kind = (
        text.partition(":") if ":" in text.rpartition("]")[2] + text.rpartition(")")[2] else (text, "", "")
    )
    is_scalar = content.endswith("()")
    content = content.removesuffix("()").strip()
    data = json.loads(re.sub(r" +", ", ", content.replace("T", "true").replace("F", "false")))
    is_bool = not kind and ("T" in content or "F" in content)
    made = np.array(data, DTYPES[kind] if kind else "bool" if is_bool else "float32")
    assert (made.ndim == 0) == is_scalar
    return held(made)


def arguments(text: str | None) -> dict[str, Any]:
    given = re.findall(r'(\w+)=(\[.*?\]|"[^"]*"|[^,]+)', text or "")
    return {name: plain(json.loads(value)) for name, value in given}


def run_line(line: str, workspace: Workspace, number: int) -> None:
    """Make the call, and compare what the line says of its outputs."""
    call = CALL.fullmatch(line)
    assert call, f"not in the notation: {line}"
    blobs = []
    for place, text in enumerate(parts(call["inputs"])):
        if is_tensor(text):
            blobs.append(f"line{number}_in{place}")
            workspace.feed_blob(blobs[-1], tensor(text))
        else:
            blobs.append(text)
    outputs = parts(call["outputs"])
    same = musts(call["op"], len(blobs), len(outputs))
    made = [
        blobs[same[k]] if k in same else f"line{number}_out{k}" if is_tensor(text) else text
        for k, text in enumerate(outputs)
    ]

    workspace.run_definition(OpDef(call["op"], tuple(blobs), tuple(made), arguments(call["arguments"])))

    for blob, text in zip(made, outputs, strict=True):
        if is_tensor(text):
            assert_same(workspace.cell(blob).value, tensor(text))


def assert_same(got: Any, wanted: Any) -> None:
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    if got.dtype.kind == "f":
        np.testing.assert_allclose(got, wanted, rtol=1e-5)
    else:
        assert got.tolist() == wanted.tolist()


@pytest.mark.parametrize("declared", [pytest.param(each, id=each.name) for each in ours()])
def test_every_operator_has_an_example_of_a_call(declared: Declaration) -> None:
    assert any(line.startswith(f"{declared.name}(") for line in lines_of(declared))


@pytest.mark.parametrize("declared", [pytest.param(each, id=each.name) for each in ours() if each.name not in NOT_RUN])
def test_an_example_is_true(declared: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("a\t1.5\nb\t2\n")  # the file that the examples of text readers read
    workspace = Workspace()
    for number, line in enumerate(lines_of(declared)):
        run_line(line, workspace, number)
