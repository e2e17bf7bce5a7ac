"""One call of an operator as a function: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tests.operators.fake_run import Bench, FakeRun

from taskplan.operators.registry import declaration
from taskplan.plan.model import OpDef


def held(value: object) -> Any:
    """A value as blobs hold it: a NumPy scalar at rank 0, of strings an object array; and nobody may write into it."""
    array = np.asarray(value)
    if array.dtype.kind in "SU" or array.dtype == object:
        texts = array.astype(object)
        array = np.empty(texts.shape, object)
        array.reshape(-1)[:] = [text.encode() if isinstance(text, str) else text for text in texts.reshape(-1)]
    else:
        array = array.copy()
    array.setflags(write=False)
    return array if array.ndim or array.dtype == object else array[()]


def call_in_place(
    kind: str, values: Sequence[Any], in_place: Mapping[int, int], outputs: int, arguments: Mapping[str, object]
) -> list[Any]:
    """Run an operator once on a fresh instance. `in_place` maps outputs to the inputs whose blob they are."""
    inputs = [f"in{i}" for i in range(len(values))]
    names = [inputs[in_place[i]] if i in in_place else f"out{i}" for i in range(outputs)]
    bench = Bench(dict(zip(inputs, values, strict=True)))
    with np.errstate(all="ignore"):
        FakeRun(bench, OpDef(kind, tuple(inputs), tuple(names), arguments))()
    return [bench.blobs[name] for name in names]


def call(kind: str, *values: object, outputs: int = 1, in_place: bool = False, **arguments: Any) -> Any:
    """Run an operator once; arguments are Python values. Returns the output, or a list of them.

    With `in_place` the first output has the blob of the first input. Outputs that must be the blob of an input are.
    """
    given = {name: plain(value) for name, value in arguments.items()}
    same = {0: 0} if in_place else musts(kind, len(values), outputs)
    results = call_in_place(kind, [held(value) for value in values], same, outputs, given)
    return results[0] if outputs == 1 else results


def musts(kind: str, inputs: int, outputs: int) -> dict[int, int]:
    """Which output has to be the blob of which input; runs of blobs in their order."""
    declared = declaration(kind)
    return {result: source for source, result in declared.places(declared.must_in_place, inputs, outputs)}


def plain(value: Any) -> Any:
    """An argument as plans hold it: bools are integers, texts are bytes, lists are tuples."""
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    if isinstance(value, bool):
        return int(value)
    return value.encode() if isinstance(value, str) else value
