"""`check_operator` finds operators that do not keep what they declare."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.conftest import Declare

from taskplan.errors import ShapeError
from taskplan.operators import RANDOM, OpRun, TensorSpec, like
from taskplan.operators.objects import Counter
from taskplan.testing import OperatorCheckError, check_operator

X = np.array([1, 2, 3], np.float32)


def test_a_sound_operator_passes_and_gives_its_output(declare: Declare) -> None:
    @declare("Twice", inputs=("X",), outputs=("Y",), in_place=(("X", "Y"),), infer=like(0))
    def twice(x: Any) -> Any:
        return x + x

    assert check_operator("Twice", X).tolist() == [2, 4, 6]


def test_writing_into_an_input_is_found(declare: Declare) -> None:
    @declare("Doubling", inputs=("X",), outputs=("Y",))
    def doubling(x: Any) -> Any:
        x *= 2
        return x

    with pytest.raises(OperatorCheckError, match="wrote into its input 0"):
        check_operator("Doubling", X)


def test_updates_may_be_written_into(declare: Declare) -> None:
    @declare("Doubling", inputs=("X",), outputs=("Y",), in_place=(("X", "Y"),), updates=("X",), infer=like(0))
    def doubling(x: Any) -> Any:
        x *= 2
        return x

    assert check_operator("Doubling", X).tolist() == [2, 4, 6]
    assert check_operator("Doubling", np.float32(4)) == 8


def test_a_wrong_inference_is_found(declare: Declare) -> None:
    @declare("Head", inputs=("X",), outputs=("Y",), infer=like(0))
    def head(x: Any) -> Any:
        return x[:1]

    with pytest.raises(OperatorCheckError, match=r"infers float32 \[3\] for output 0, and gave float32 \[1\]"):
        check_operator("Head", X)


def test_answers_that_differ_from_call_to_call_are_found(declare: Declare) -> None:
    calls: list[int] = []

    @declare("Counting", inputs=("X",), outputs=("Y",))
    def counting(x: Any) -> Any:
        calls.append(1)
        return x + len(calls)

    with pytest.raises(OperatorCheckError, match="when called again"):
        check_operator("Counting", X)


def test_random_operators_may_differ(declare: Declare) -> None:
    @declare("Noise", inputs=("X",), outputs=("Y",), effects=(RANDOM,), infer=like(0))
    def noise(x: Any, *, run: OpRun) -> Any:
        return x + run.rng.random(x.shape, np.float32)

    assert check_operator("Noise", X).shape == (3,)


def test_arguments_and_several_outputs_are_passed_through() -> None:
    pieces = check_operator("Split", X, outputs=2, axis=0, split=[1, 2])

    assert [piece.tolist() for piece in pieces] == [[1], [2, 3]]


def test_operators_on_handles_are_called_once() -> None:
    counter = Counter(5)

    assert check_operator("CountUp", counter) == 5
    assert counter.count == 6


def test_operators_that_must_be_in_place_are() -> None:
    assert check_operator("ScatterAssign", X, np.array([1], np.int32), np.array([9], np.float32)).tolist() == [1, 9, 3]


def test_what_the_operator_refuses_is_its_own_error() -> None:
    with pytest.raises(ShapeError):
        check_operator("Add", X, np.array([1, 2], np.float32))


def test_an_output_that_is_no_tensor_where_one_was_inferred_is_found(declare: Declare) -> None:
    @declare("Odd", inputs=("X",), outputs=("Y",), infer=lambda x: TensorSpec(x.dtype, x.shape))
    def odd(_x: Any) -> Any:
        return Counter(1)

    with pytest.raises(OperatorCheckError, match="infers"):
        check_operator("Odd", X)
