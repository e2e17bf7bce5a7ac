"""The recorded calls of Caffe2's operators, and one valid call of each operator for tests about all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tests.operators.calling import held, plain
from tests.operators.samples import SAMPLES, Sample

from taskplan.operators.registry import Declaration, declarations

RECORD = json.loads(Path(__file__).with_name("cases.json").read_text("utf-8"))


def tensor(recorded: Mapping[str, Any]) -> Any:
    """The value of a recorded tensor, as blobs hold it."""
    dtype = object if recorded["dtype"] == "string" else recorded["dtype"]
    return held(np.array(recorded["data"], dtype).reshape(recorded["shape"]))


def sample_of(case: Mapping[str, Any]) -> Sample:
    """The call of a recorded case."""
    in_place = {output: source for source, output in case.get("inplace", ())}
    arguments = {name: plain(value) for name, value in case["args"].items()}
    return Sample([tensor(each) for each in case["inputs"]], arguments, case["num_outputs"], in_place)


def successful_cases() -> list[Mapping[str, Any]]:
    """The cases that gave outputs."""
    return [case for case in RECORD["cases"] if not case.get("fails")]


def ours() -> list[Declaration]:
    """The operators of taskplan itself: other tests declare some of their own in the same process."""
    return [each for each in declarations() if each.body.__module__.startswith("taskplan.")]


_FIRST_CASES = {case["op"]: case for case in reversed(successful_cases()) if case["inputs"]}
_ANY_CASES = {case["op"]: case for case in reversed(successful_cases())}


def valid_call(name: str) -> Sample | None:
    """A call that succeeds: the first recorded one with inputs if there is one, else the one given by hand, if any."""
    if name in SAMPLES:
        return SAMPLES[name]()
    case = _FIRST_CASES.get(name) or _ANY_CASES.get(name)
    return sample_of(case) if case else None
