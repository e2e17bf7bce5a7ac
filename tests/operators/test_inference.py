"""What declarations say about the types and shapes of outputs, against what the bodies give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from tests.operators.recorded import ours, sample_of, successful_cases, tensor
from tests.operators.samples import SAMPLES, Sample

from taskplan.operators.inference import TensorSpec
from taskplan.operators.operands import is_tensor
from taskplan.operators.registry import SUBNETS, USER_CODE, Declaration, declaration, decode_arguments, is_operator
from taskplan.operators.waiting import Takes

CASES = [pytest.param(case, id=case["id"]) for case in successful_cases() if is_operator(case["op"])]
EXCEPTIONS_AT_MOST = 0.15


def specs_of(values: Sequence[Any]) -> list[TensorSpec | None]:
    return [TensorSpec(x.dtype, x.shape) if is_tensor(x) else None for x in values]


def inferred(
    name: str, sample: Sample, inputs: Sequence[TensorSpec | None] | None = None
) -> tuple[TensorSpec | None, ...]:
    declared = declaration(name)
    assert declared.infer is not None
    specs = specs_of(sample.inputs) if inputs is None else inputs
    return declared.infer(specs, decode_arguments(declared, sample.arguments), sample.outputs)


@pytest.mark.parametrize("declared", [pytest.param(each, id=each.name) for each in ours()])
def test_an_operator_infers_its_outputs_or_says_why_it_cannot(declared: Any) -> None:
    assert declared.infer is not None or declared.inexact


def calls_of(name: str) -> Iterator[Sample]:
    yield from (sample_of(case) for case in successful_cases() if case["op"] == name)
    if name in SAMPLES:
        yield SAMPLES[name]()


def infers_some_call_exactly(declared: Declaration) -> bool:
    if declared.infer is None:
        return False
    for sample in calls_of(declared.name):
        specs = inferred(declared.name, sample)
        if all(spec is not None and spec.is_exact for spec in specs) or not declared.inexact:
            return True
    return False


def hands_on(declared: Declaration) -> bool:
    """Whether its outputs are what others made: a function of the user, a net, or whoever wrote into a queue."""
    made_by_others = declared.effects & {USER_CODE, SUBNETS}
    return bool(made_by_others) or any(isinstance(effect, Takes) for effect in declared.effects)


def test_few_operators_have_no_form_whose_outputs_follow_from_shapes_and_arguments() -> None:
    with_outputs = [each for each in ours() if each.outputs and not hands_on(each)]
    exceptions = [each.name for each in with_outputs if not infers_some_call_exactly(each)]

    assert len(exceptions) <= EXCEPTIONS_AT_MOST * len(with_outputs), exceptions


@pytest.mark.parametrize("case", CASES)
def test_inference_agrees_with_what_was_recorded(case: Mapping[str, Any]) -> None:
    declared = declaration(case["op"])
    if declared.infer is None:
        return
    specs = inferred(case["op"], sample_of(case))

    for spec, recorded in zip(specs, case["outputs"], strict=True):
        assert spec is not None or declared.inexact, "nothing was inferred, and `inexact` does not say why"
        if spec is not None:
            assert spec.is_exact or declared.inexact, "a size is missing, and `inexact` does not say why"
            assert spec.allows(tensor(recorded).dtype, recorded["shape"]), f"inferred {spec}"


@pytest.mark.parametrize("case", CASES)
def test_knowing_less_never_makes_inference_wrong(case: Mapping[str, Any]) -> None:
    """Each size, each shape and each input is hidden in turn."""
    if declaration(case["op"]).infer is None:
        return
    sample = sample_of(case)
    known = specs_of(sample.inputs)
    for place, spec in enumerate(known):
        assert spec is not None
        hidden: list[TensorSpec | None] = [None, TensorSpec(spec.dtype, None)]
        for axis in range(spec.rank):
            hidden.append(TensorSpec(spec.dtype, (*spec.sizes[:axis], None, *spec.sizes[axis + 1 :])))
        for each in hidden:
            specs = inferred(case["op"], sample, [*known[:place], each, *known[place + 1 :]])
            for got, recorded in zip(specs, case["outputs"], strict=True):
                assert got is None or got.allows(tensor(recorded).dtype, recorded["shape"]), f"{each} gave {got}"
