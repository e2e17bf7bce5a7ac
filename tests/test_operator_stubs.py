"""The stub that lets editors complete operators is made here, of the declarations of all operators.

To write it anew: `TASKPLAN_UPDATE_DOCS=1 python -m pytest tests/test_operator_stubs.py`
"""

from __future__ import annotations

import ast
import inspect
import math
import os
import re
import textwrap
from pathlib import Path
from typing import Any

from tests.operators.recorded import ours

from taskplan import Net, ops
from taskplan.builder import operator_methods
from taskplan.operators.arguments import ArgumentSpec
from taskplan.operators.registry import Declaration

STUB = Path(inspect.getfile(operator_methods)).with_suffix(".pyi")
UPDATE = "TASKPLAN_UPDATE_DOCS"
TYPES = {"str": "str | bytes", "bytes": "str | bytes", "bool": "bool | int", "NetDef": "Net | NetDef", "object": "Any"}

HEAD = f'''\
# Made by tests/test_operator_stubs.py; {UPDATE}=1 python -m pytest tests/test_operator_stubs.py writes it anew.
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypedDict, Unpack

from taskplan.builder.blobs import BlobReference
from taskplan.builder.net import Net
from taskplan.plan.model import NetDef
from taskplan.plan.taskplan_pb2 import Argument, DeviceOption

Blob = BlobReference | str
Inputs = Blob | Sequence[Blob]
Outputs = Blob | Sequence[Blob] | int | None

class CallFields(TypedDict, total=False):
    """What every call takes beside the operator's own arguments; see `taskplan.CreateOperator`."""

    name: str
    control_input: Inputs
    device_option: DeviceOption
    random_seed: int
    engine: str
    debug_info: str
    arg: Sequence[Argument]

class OperatorMethod(partial[Any]): ...

class OperatorMethods:
'''


def stub() -> str:
    """The whole stub."""
    # What nets and `ops` have as members of their own is not the bare operator.
    listed = [each for each in ours() if not hasattr(Net, each.name) and not hasattr(type(ops), each.name)]
    return HEAD + "\n".join(method(each) for each in listed)


def method(declared: Declaration) -> str:
    counts = declared.output_counts or declared.output_range
    nothing = max(counts) == 0 if isinstance(counts, frozenset) else counts == range(1)
    many_outputs = 0 not in counts and 1 not in counts
    outputs = (
        "outputs: Sequence[Blob]" if nothing else "outputs: Outputs" if many_outputs else "outputs: Outputs = None"
    )
    arguments = [argument(spec) for spec in declared.arguments.values()]
    keywords = ["*", *arguments] if arguments else []
    parameters = ["self", "inputs: Inputs", outputs, *keywords, "**call: Unpack[CallFields]"]
    returns = "None" if nothing else "BlobReference" if counts == range(1, 2) else "Any"
    text = escaped(declared.doc) + ("\n" if "\n" in declared.doc else "")
    doc = textwrap.indent(f'"""{text}"""', " " * 8)
    lines = "".join(f"        {each},\n" for each in parameters)
    return f"    def {declared.name}(\n{lines}    ) -> {returns}:\n{re.sub(r'(?m)^ +$', '', doc)}\n"


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\")


def argument(spec: ArgumentSpec) -> str:
    shown = re.sub(r"\w+", lambda word: TYPES.get(word[0], word[0]), spec.shown())
    if spec.required:
        return f"{spec.name}: {shown}"
    return f"{spec.name}: {shown}{'' if 'None' in shown else ' | None'} = {default(spec.default)}"


def default(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "..."
    return repr(value) if isinstance(value, int | float | str | bytes | tuple | None) else "..."


def test_the_stub_shows_the_declarations() -> None:
    if UPDATE in os.environ:
        STUB.write_text(stub(), encoding="utf-8")

    assert STUB.read_text(encoding="utf-8") == stub(), f"set {UPDATE}=1 to write {STUB.name} anew"


def test_the_stub_is_python() -> None:
    ast.parse(stub())


def test_an_operator_method_shows_its_arguments_and_text() -> None:
    for owner in (Net("n"), Net("m")):
        signature = inspect.signature(owner.Gather)

        assert list(signature.parameters) == ["inputs", "outputs", "axis", "match_outer", "wrap_indices"]
        assert "Inputs:" in (inspect.getdoc(owner.Gather) or "")
