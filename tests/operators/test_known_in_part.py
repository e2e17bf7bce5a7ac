"""What is inferred where sizes are not known: all that follows from those that are, and nothing else.

A row is an operator, its inputs (sizes of float32 or `int:` sizes of int64, `?` for a size that is not known, `??` for
nothing known), its arguments, and what is printed of each output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from taskplan.operators.inference import TensorSpec
from taskplan.operators.registry import declaration, decode_arguments

F32, INT64, INT32 = "float32", "int64", "int32"

ROWS: list[tuple[str, str, Mapping[str, Any], str]] = [
    ("Add", "? 3 | 4 1", {}, f"{F32} [4, 3]"),
    ("Add", "? | ?", {}, f"{F32} [?]"),
    ("Add", "? 3 | ??", {"broadcast": 1}, f"{F32} [?, 3]"),
    ("EQ", "? 3 | 1", {}, "bool [?, 3]"),
    ("Relu", "? 3", {}, f"{F32} [?, 3]"),
    ("Glu", "? 6", {}, f"{F32} [?, 3]"),
    ("Glu", "6 ?", {"dim": 0}, f"{F32} [3, ?]"),
    ("Cast", "? 3", {"to": 2}, f"{INT32} [?, 3]"),
    ("ConstantFill", "? 3", {"extra_shape": (2,)}, f"{F32} [?, 3, 2]"),
    ("ConstantFill", "int: 2", {"input_as_shape": 1, "extra_shape": (5,), "value": 1}, f"{INT64} [?, ?, 5]"),
    ("ConstantFill", "int: ?", {"input_as_shape": 1, "dtype": 2}, f"{INT32} of any rank"),
    ("GaussianFill", "??", {}, f"{F32} of any rank"),
    ("UniformFill", "2 3 |  | ", {}, f"{F32} [?, 3]"),
    ("Range", "int:  | int: ", {}, f"{INT64} [?]"),
    ("Gather", "5 ? 3 | int: 2 ?", {}, f"{F32} [2, ?, ?, 3]"),
    ("Gather", "5 ? 3 | int: 2", {"axis": -1}, f"{F32} [5, ?, 2]"),
    ("BatchGather", "? 4 3 | int: ? 2", {"match_outer": 1}, f"{F32} [?, 2, 3]"),
    ("Unique", "int: 5", {}, f"{INT64} [?] | {INT32} [5]"),
    ("FC", "? 8 | 5 8 | 5", {}, f"{F32} [?, 5]"),
    ("MatMul", "? 2 3 | 6 ?", {}, f"{F32} [?, ?]"),
    ("MatMul", "4 ? | ? 7", {}, f"{F32} [4, 7]"),
    ("BatchMatMul", "? 2 3 | 4 3 5", {}, f"{F32} [4, 2, 5]"),
    ("BatchMatMul", "2 3 | 7 3 ?", {"broadcast": 1}, f"{F32} [7, 2, ?]"),
    ("DotProduct", "? 3 | 4 3", {}, f"{F32} [?]"),
    ("BooleanMask", "4 3 | int: 4", {}, f"{F32} [?, 3] | {INT64} [?]"),
    ("Slice", "? 8", {"starts": (0, 2), "ends": (-1, -2)}, f"{F32} [?, 5]"),
    ("Slice", "4 5 6 | int: 2 | int: 2", {}, f"{F32} [?, ?, 6]"),
    ("Concat", "2 ? | ? 3", {}, f"{F32} [2, ?] | {INT32} [2]"),
    ("Concat", "? 4 | 2 3", {}, f"{F32} [2, 7] | {INT32} [2]"),
    ("Concat", "? 3 | 2 3", {"add_axis": 1}, f"{F32} [2, 2, 3] | {INT32} [2]"),
    ("Split", "? 6", {}, f"{F32} [?, 3] | {F32} [?, 3]"),
    ("Split", "6 ?", {"split": (2, 4)}, f"{F32} [6, 2] | {F32} [6, 4]"),
    ("Split", "6 ?", {}, f"{F32} [6, ?] | {F32} [6, ?]"),
    ("Tile", "? 3", {"tiles": 2, "axis": 1}, f"{F32} [?, 6]"),
    ("Tile", "2 3 | int: 1", {"axis": 1}, f"{F32} [2, ?]"),
    ("Expand", "4 1 ? | int: 2", {}, f"{F32} [4, ?, ?]"),
    ("Expand", "5 | int: 3", {}, f"{F32} [?, ?, 5]"),
    ("Reshape", "2 6", {"shape": (3, -1)}, f"{F32} [3, 4] | {INT64} [2]"),
    ("Reshape", "? 6", {"shape": (0, 3, -1)}, f"{F32} [?, 3, ?] | {INT64} [2]"),
    ("Reshape", "? 6 | int: 3", {}, f"{F32} [?, ?, ?] | {INT64} [2]"),
    ("Flatten", "? 2 3", {}, f"{F32} [?, 6]"),
    ("Squeeze", "? 1 3", {"dims": (1,)}, f"{F32} [?, 3]"),
    ("ExpandDims", "?", {"dims": (0, 2)}, f"{F32} [1, ?, 1]"),
    ("PrependDim", "? 3", {"dim_size": 2}, f"{F32} [2, ?, 3]"),
    ("MergeDim", "? 3 4", {}, f"{F32} [?, 4]"),
    ("Transpose", "? 3 4", {"axes": (2, 0, 1)}, f"{F32} [4, ?, 3]"),
    ("Shape", "? 3", {}, f"{INT64} [2]"),
    ("Size", "??", {}, f"{INT64} []"),
    ("ReduceSum", "? 3 4", {"axes": (0, -1)}, f"{F32} [1, 3, 1]"),
    ("ReduceSum", "? 3 4", {"axes": (2,), "keepdims": 0}, f"{F32} [?, 3]"),
    ("ReduceBackMean", "? 3 4", {"num_reduce_dim": 2}, f"{F32} [?]"),
    ("ArgMax", "? 3", {"keepdims": 0}, f"{INT64} [?]"),
    ("TopK", "? 30", {"k": 5}, f"{F32} [?, 5] | {INT64} [?, 5] | {INT64} [?]"),
    ("TopK", "2 30 | int: ", {}, f"{F32} [2, ?] | {INT64} [2, ?] | {INT64} [?]"),
    ("AtomicIter", "?? | int: 1", {}, f"{INT64} [1]"),
    ("CountUp", "??", {}, f"{INT64} []"),
]


def spec(text: str) -> TensorSpec | None:
    if text.strip() == "??":
        return None
    kind, _, sizes = text.rpartition(":")
    shape = tuple(None if size == "?" else int(size) for size in sizes.split())
    return TensorSpec(np.dtype("int64" if kind else "float32"), shape)


@pytest.mark.parametrize(("kind", "inputs", "arguments", "expected"), ROWS)
def test_what_is_known_of_the_outputs(kind: str, inputs: str, arguments: Mapping[str, Any], expected: str) -> None:
    declared = declaration(kind)
    assert declared.infer is not None
    outputs = expected.count("|") + 1

    got = declared.infer([spec(each) for each in inputs.split("|")], decode_arguments(declared, arguments), outputs)

    assert " | ".join(map(str, got)) == expected
