"""Every operator refuses wrong calls in its own words, and what it does not refuse it computes as it infers.

Each declaration is tried with wrong counts, missing, unknown and mistyped arguments, and, from a call that succeeds,
with other element types, other shapes, handles for tensors and tensors for handles. The engine wraps the exceptions of
NumPy that bodies let out; the wrapped one is its cause, and here that is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.operators.recorded import ours, valid_call
from tests.operators.samples import Sample

from taskplan.engine.workspace import Workspace
from taskplan.errors import ArgumentError, ArityError, TaskplanError
from taskplan.operators.inference import TensorSpec
from taskplan.operators.objects import Counter
from taskplan.operators.operands import is_tensor
from taskplan.operators.registry import USER_CODE, Declaration, check_arity, decode_arguments
from taskplan.plan.model import OpDef
from taskplan.plan.types import STRING_DTYPE

EVERY = [pytest.param(each, id=each.name) for each in ours()]
DTYPES = [np.dtype(name) for name in ("float32", "float64", "float16", "int32", "int64", "uint8", "bool")]

FAILING = {"Crash", "Fail", "LogFatal", "StoreAdd", "ThrowChildThreadException", "ThrowException"}


class Stranger:
    """An object that no operator wants."""


def names_of(sample: Sample) -> tuple[tuple[str, ...], tuple[str, ...]]:
    inputs = tuple(f"in{place}" for place in range(len(sample.inputs)))
    places = range(sample.outputs)
    return inputs, tuple(inputs[sample.in_place[k]] if k in sample.in_place else f"out{k}" for k in places)


def outcome(declared: Declaration, sample: Sample) -> list[Any] | TaskplanError:
    """The outputs of a call, or the error of ours that it raises."""
    workspace = Workspace()
    inputs, outputs = names_of(sample)
    for name, value in zip(inputs, sample.inputs, strict=True):
        workspace.cell(name).value = value
    op = OpDef(declared.name, inputs, outputs, sample.arguments, function=sample.function)
    try:
        workspace.run_definition(op)
    except TaskplanError as error:
        return error
    return [workspace.cell(name).value for name in outputs]


def assert_told_well(declared: Declaration, sample: Sample, changed: str) -> None:
    """The changed call is refused in the operator's own words, or gives what was inferred."""
    got = outcome(declared, sample)
    if isinstance(got, TaskplanError):
        assert got.__cause__ is None, f"{changed}: a bare {got.__cause__!r}"
        assert declared.name in str(got), f"{changed}: {got} does not name the operator"
        return
    if declared.infer is None:
        return
    specs = [TensorSpec(x.dtype, x.shape) if is_tensor(x) else None for x in sample.inputs]
    arguments = decode_arguments(declared, sample.arguments)
    for spec, value in zip(declared.infer(specs, arguments, sample.outputs), got, strict=True):
        if spec is not None:
            assert is_tensor(value)
            assert spec.allows(value.dtype, value.shape), f"{changed}: gave {value!r} where {spec} was inferred"


def replaced(sample: Sample, place: int, value: object) -> Sample:
    inputs = [*sample.inputs]
    inputs[place] = value
    return Sample(inputs, sample.arguments, sample.outputs, sample.in_place, sample.function)


def converted(x: Any, dtype: Any) -> Any:
    with np.errstate(all="ignore"):  # nan and infinity become some number
        return x.astype(dtype)


def of_other_dtypes(x: Any) -> Iterator[Any]:
    for dtype in DTYPES:
        if dtype != x.dtype:
            # bytes do not convert to numbers
            yield np.ones(x.shape, dtype)[()] if x.dtype == STRING_DTYPE else converted(x, dtype)
    if x.dtype != STRING_DTYPE:
        texts = np.empty(x.shape, STRING_DTYPE)
        texts[...] = b"a"
        yield texts


def of_other_shapes(x: Any) -> Iterator[Any]:
    array = np.asarray(x)
    yield array[np.newaxis]
    yield array[..., np.newaxis]
    yield np.resize(array, ()) if array.size else np.zeros((), array.dtype)
    for axis in range(array.ndim):
        yield np.concatenate([array, array], axis)
        yield array[(slice(None),) * axis + (slice(0, 0),)]
        if array.shape[axis]:
            yield array[(slice(None),) * axis + (0, ...)]


def settled(x: Any) -> Any:
    return x if x.ndim or x.dtype == STRING_DTYPE else x[()]


def least(counts: frozenset[int] | range) -> int:
    return counts.start if isinstance(counts, range) else min(counts)


@pytest.mark.parametrize("declared", EVERY)
def test_wrong_counts_are_refused(declared: Declaration) -> None:
    legal_inputs = declared.input_counts or declared.input_range
    legal_outputs = declared.output_counts or declared.output_range
    inputs, outputs = ([f"{side}{k}" for k in range(60)] for side in ("in", "out"))
    few_inputs, few_outputs = inputs[: least(legal_inputs)], outputs[: least(legal_outputs)]

    for count in (least(legal_inputs) - 1, 51):
        if count >= 0 and count not in legal_inputs:
            with pytest.raises(ArityError, match=rf"^{declared.name} takes .* got {count}"):
                check_arity(declared, inputs[:count], few_outputs)
    for count in (least(legal_outputs) - 1, 51):
        if count >= 0 and count not in legal_outputs:
            with pytest.raises(ArityError, match=rf"^{declared.name} takes .* got {count}"):
                check_arity(declared, few_inputs, outputs[:count])


@pytest.mark.parametrize("declared", EVERY)
def test_a_missing_an_unknown_and_a_mistyped_argument_are_refused(declared: Declaration) -> None:
    sample = valid_call(declared.name)
    given = dict(sample.arguments) if sample else {}
    for name, spec in declared.arguments.items():
        if spec.type is not object:
            with pytest.raises(ArgumentError, match=name):
                decode_arguments(declared, {**given, name: Stranger()})
        if spec.required:
            with pytest.raises(ArgumentError, match=f"{declared.name} needs the argument"):
                decode_arguments(declared, {key: value for key, value in given.items() if key != name})
    with pytest.raises(ArgumentError, match=f"{declared.name} has no argument 'no_such_thing'"):
        decode_arguments(declared, {**given, "no_such_thing": 1})


@pytest.mark.parametrize("declared", EVERY)
def test_the_call_that_the_others_are_made_from_succeeds(declared: Declaration) -> None:
    sample = valid_call(declared.name)

    assert sample is not None, "there is no recorded case and no sample in tests/operators/samples"
    if USER_CODE not in declared.effects:
        got = outcome(declared, sample)
        assert isinstance(got, TaskplanError) is (declared.name in FAILING), got


@pytest.mark.parametrize("declared", EVERY)
def test_other_element_types_are_refused_or_taken_well(declared: Declaration) -> None:
    sample = valid_call(declared.name)
    assert sample is not None
    for place, value in enumerate(sample.inputs):
        for other in of_other_dtypes(value) if is_tensor(value) else ():
            assert_told_well(declared, replaced(sample, place, settled(other)), f"input {place} as {other.dtype}")


@pytest.mark.parametrize("declared", EVERY)
def test_other_shapes_are_refused_or_taken_well(declared: Declaration) -> None:
    sample = valid_call(declared.name)
    assert sample is not None
    for place, value in enumerate(sample.inputs):
        for other in of_other_shapes(value) if is_tensor(value) else ():
            assert_told_well(declared, replaced(sample, place, settled(other)), f"input {place} of shape {other.shape}")


@pytest.mark.parametrize("declared", EVERY)
def test_handles_and_tensors_are_not_mistaken_for_each_other(declared: Declaration) -> None:
    sample = valid_call(declared.name)
    assert sample is not None
    for place, value in enumerate(sample.inputs):
        other = Counter(3) if is_tensor(value) else np.ones(2, np.float32)
        assert_told_well(declared, replaced(sample, place, other), f"input {place} as {type(other).__name__}")
