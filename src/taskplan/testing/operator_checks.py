"""One operator called in all the ways that it promises to bear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from taskplan import Net, TensorSpec, Workspace, infer_shapes
from taskplan.operators.operands import is_tensor
from taskplan.operators.registry import ANY_PAIR, RANDOM, Declaration, declaration


class OperatorCheckError(AssertionError):
    """An operator does not keep what its declaration says."""


def check_operator(name: str, *inputs: Any, outputs: int = 1, **arguments: Any) -> Any:
    """Call an operator as programs may call it, and check that it keeps what its declaration says.

    It must leave its inputs as they are, and give the types and shapes that it infers. If all inputs are tensors it is
    called again and must give the same, unless it draws random numbers, and the same in place where it may be in place.

    Args:
        name: the operator.
        *inputs: the values of its inputs: arrays, or handles such as counters.
        outputs: how many outputs to ask for.
        **arguments: its arguments.

    Returns:
        The output, a list of them if several are asked for, None if none; for assertions about the values.

    Raises:
        OperatorCheckError: it does not keep it; the message says what.
        TaskplanError: the call itself is wrong, or refused.

    Example:
        >>> check_operator("Sub", np.float32([5, 7]), np.float32([1, 2]))
        array([4., 5.], dtype=float32)
    """
    call = _Call(declaration(name), inputs, outputs, arguments)
    results = call.results(call.musts())
    repeats = RANDOM not in call.declared.effects and all(map(is_tensor, map(np.asarray, inputs)))
    if repeats and not any(np.asarray(each).dtype.hasobject for each in inputs):
        call.require_equal(call.results(call.musts()), results, "when called again")
        for given, made in call.optional_pairs():
            if np.shape(inputs[given]) == np.shape(results[made]):
                again = call.results({**call.musts(), made: given})
                call.require_equal(again, results, f"when output {made} was the blob of input {given}")
    return results[0] if outputs == 1 else results or None


@dataclass
class _Call:
    """A call of an operator that can be made again and again, each time on a new instance and workspace."""

    declared: Declaration
    inputs: Sequence[Any]
    outputs: int
    arguments: Mapping[str, Any]

    def results(self, same_blob: Mapping[int, int]) -> list[Any]:
        """The outputs; `same_blob` maps those that are the blob of an input to it. Inference is checked, and inputs."""
        workspace, net = Workspace(), Net("check_operator")
        names = [f"input_{place}" for place in range(len(self.inputs))]
        for blob, value in zip(names, self.inputs, strict=True):
            workspace.feed_blob(blob, value)
        before = [workspace.cell(blob).value for blob in names]
        copies = [value.copy() if is_tensor(value) else value for value in before]
        made = [names[same_blob[place]] if place in same_blob else f"output_{place}" for place in range(self.outputs)]
        getattr(net, self.declared.name)(names, made, **self.arguments)
        workspace.run(net)

        for place, (value, copy) in enumerate(zip(before, copies, strict=True)):
            if is_tensor(value) and not _equal(value, copy):
                msg = f"{self.declared.name} wrote into its input {place}; `updates` says which ones it may write into"
                raise OperatorCheckError(msg)
        after = [workspace.cell(blob).value for blob in made]
        self._check_inference(net, names, before, made, after)
        return [
            workspace.fetch_blob(blob) if is_tensor(value) else value for blob, value in zip(made, after, strict=True)
        ]

    def _check_inference(
        self, net: Net, names: Sequence[str], given: Sequence[Any], made: Sequence[str], results: Sequence[Any]
    ) -> None:
        known = {blob: _spec_of(value) for blob, value in zip(names, given, strict=True) if is_tensor(value)}
        inferred = infer_shapes(net, known)
        for blob, value in zip(made, results, strict=True):
            spec = inferred.get(blob)
            if spec is not None and not (is_tensor(value) and spec.allows(value.dtype, value.shape)):
                got = _spec_of(value) if is_tensor(value) else value
                msg = f"{self.declared.name} infers {spec} for output {made.index(blob)}, and gave {got}"
                raise OperatorCheckError(msg)

    def require_equal(self, got: Sequence[Any], expected: Sequence[Any], when: str) -> None:
        """Raise OperatorCheckError if two calls gave different outputs."""
        for place, (a, b) in enumerate(zip(got, expected, strict=True)):
            if is_tensor(a) and not _equal(a, b):
                msg = f"{self.declared.name} gave {a!r} for output {place} {when}, and {b!r} before"
                raise OperatorCheckError(msg)

    def musts(self) -> dict[int, int]:
        """By output, the input whose blob it has to be."""
        return {made: given for given, made in self._places(self.declared.must_in_place)}

    def optional_pairs(self) -> list[tuple[int, int]]:
        """Inputs and outputs that may be one blob."""
        return [] if self.declared.in_place == ANY_PAIR else self._places(self.declared.in_place)

    def _places(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
        return self.declared.places(pairs, len(self.inputs), self.outputs)


def _spec_of(value: Any) -> TensorSpec:
    return TensorSpec(value.dtype, value.shape)


def _equal(a: Any, b: Any) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
