"""The declarations against the schemas of Caffe2's operators: counts, in-place pairs, and names of arguments.

`schema.json` has one operator a line. `inputs` and `outputs` are the least and the greatest count (null: no limit),
`input_counts` and `output_counts` the legal ones where some between them are not, up to a dozen more than the least.
`may` and `must` are pairs (input, output) that may or have to be one blob, looked for among the first eight of each;
`needs` are arguments without which an operator is refused, `takes` all that it knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.operators.recorded import ours

from taskplan.operators.registry import ANY_PAIR, Declaration, slot_names

SCHEMAS: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("schema.json").read_text("utf-8"))
DECLARED = [pytest.param(each, id=each.name) for each in ours() if each.name in SCHEMAS]

_QUEUE = "any count passes Caffe2's schema and fails in the run"
_STATUS = "the schema pairs all positions; the last output is the status, which is the blob of no input"
_CHECKPOINT = "it has no schema in Caffe2; it is the same as Checkpoint, which has one"
_ONE_BLOB = "Caffe2 leaves the output half made, or fails, if it is another blob"

DEVIATIONS = {
    ("inputs", "AtomicAppend"): "Caffe2 refuses what is not a mutex and pairs in the run",
    ("must", "AtomicAppend"): _ONE_BLOB,
    ("takes", "AveragePut"): "the schema's name of stat_name, which is the one that is read",
    ("inputs", "DequeueBlobs"): _QUEUE,
    ("outputs", "DequeueBlobs"): _QUEUE,
    ("must", "Do"): "Caffe2 refuses another last output than the last input in the run",
    ("inputs", "EnqueueBlobs"): _QUEUE,
    ("outputs", "EnqueueBlobs"): _QUEUE,
    ("takes", "LearningRate"): "arguments of policies that are not described, which are refused",
    ("outputs", "NumpyTile"): "the schema sets no limit, and there is one result",
    ("inputs", "Partition"): _QUEUE,
    ("outputs", "Partition"): _QUEUE,
    ("inputs", "SafeDequeueBlobs"): _QUEUE,
    ("outputs", "SafeDequeueBlobs"): _QUEUE,
    ("inputs", "SafeEnqueueBlobs"): _QUEUE,
    ("outputs", "SafeEnqueueBlobs"): _QUEUE,
    ("may", "SafeEnqueueBlobs"): _STATUS,
    ("must", "SafeEnqueueBlobs"): _STATUS,
    ("inputs", "Slice"): "with two there would be starts and no ends",
    ("inputs", "Snapshot"): _CHECKPOINT,
    ("outputs", "Snapshot"): _CHECKPOINT,
    ("outputs", "SparseDropoutWithReplacement"): _QUEUE,
    ("takes", "IncrementPut"): "the schema's name of stat_name, which is the one that is read",
    ("takes", "StdDevPut"): "the schema's name of stat_name, which is the one that is read",
}
"""What differs on purpose, and why."""

NEEDED = {
    "ClipTensorByScaling": ("threshold",),
    "CollectTensor": ("num_to_collect",),
    "Do": ("net",),
    "ExpandDims": ("dims",),
    "FeedBlob": ("value",),
    "If": ("then_net",),
    "KeySplit": ("categorical_limit",),
    "LastNWindowCollector": ("num_to_collect",),
    "Mod": ("divisor",),
    "PrependDim": ("dim_size",),
    "ReservoirSampling": ("num_to_collect",),
    "SparseToDenseMask": ("mask",),
    "Squeeze": ("dims",),
    "UniqueUniformFill": ("min", "max"),
    "While": ("loop_net",),
}
"""Arguments that are needed here, and that Caffe2's schemas let be absent: it refuses them later."""

ADDED = {
    "CheckDatasetConsistency": ("dtypes",),
    "Checkpoint": ("checksums",),
    "Conv": ("dilation_h", "dilation_w"),
    "CreateBlobsQueue": ("writers",),
    "CreateTextFileReader": ("strict",),
    "DequeueRebatchingQueue": ("timeout_secs",),
    "EnqueueBlobs": ("timeout_secs",),
    "EnqueueRebatchingQueue": ("timeout_secs",),
    "FCTransposed": ("axis", "axis_w"),
    "Python": ("pickled_builder", "pickled_grad_builder"),
    "SafeDequeueBlobs": ("timeout_secs",),
    "SafeEnqueueBlobs": ("timeout_secs",),
    "Save": ("checksums",),
    "Snapshot": ("checksums",),
    "SortAndShuffle": ("seed",),
    "WeightedSampleDequeueBlobs": ("timeout_secs", "until_all_end"),
}
"""Arguments of our own: limits of waits, writers that close a queue, sums over files, functions that travel, seeds,
what is refused, and those that Caffe2 has for a sister operator only."""

PROBED = 8
"""So many inputs were tried for pairs."""

FEW = 4
"""Of runs of outputs so many are looked at, since some runs of inputs are two for each output."""

TRIED = 12
"""So many counts were tried."""


def counts(schema: Mapping[str, Any], side: str) -> set[int]:
    least, most = schema[f"{side}puts"]
    legal = schema.get(f"{side}put_counts", range(least, TRIED if most is None else most + 1))
    return {count for count in range(TRIED) if count in legal}


def declared_counts(declared: Declaration, side: str) -> set[int]:
    legal = getattr(declared, f"{side}put_counts") or getattr(declared, f"{side}put_range")
    return {count for count in range(TRIED) if count in legal}


def pairs(declared: Declaration, slots: Sequence[tuple[str, str]], inputs: int, outputs: int) -> set[tuple[int, int]]:
    """Positions of the pairs of slots; of runs, those of one rank."""
    given, made = slot_names(declared.inputs, inputs), slot_names(declared.outputs, outputs)
    places = [
        zip(
            [place for place, name in enumerate(given) if name == source],
            [place for place, name in enumerate(made) if name == result],
            strict=False,
        )
        for source, result in slots
    ]
    return {pair for each in places for pair in each}


def known(declared: Declaration) -> dict[str, Any]:
    """What a schema says, of a declaration."""
    inputs = max(count for count in declared_counts(declared, "in") if count <= PROBED)
    outputs = max(count for count in declared_counts(declared, "out") if count <= FEW)
    must = pairs(declared, declared.must_in_place, inputs, outputs)
    may: Any = "any"
    if declared.in_place != ANY_PAIR:
        may = must | pairs(declared, [*declared.in_place], inputs, outputs)
    return {
        "inputs": declared_counts(declared, "in"),
        "outputs": declared_counts(declared, "out"),
        "may": may,
        "must": must,
        "needs": {name for name, spec in declared.arguments.items() if spec.required},
        "takes": set(declared.arguments),
    }


def expected(declared: Declaration) -> dict[str, Any]:
    """The same of the schema, with what is needed and taken here besides."""
    schema = SCHEMAS[declared.name]
    inputs = max(count for count in declared_counts(declared, "in") if count <= PROBED)
    outputs = max(count for count in declared_counts(declared, "out") if count <= FEW)

    def within(listed: Any) -> Any:
        return "any" if listed == "any" else {(i, j) for i, j in listed if i < inputs and j < outputs}

    return {
        "inputs": counts(schema, "in"),
        "outputs": counts(schema, "out"),
        "may": within(schema.get("may", ())),
        "must": within(schema.get("must", ())),
        "needs": {*schema.get("needs", ()), *NEEDED.get(declared.name, ())},
        "takes": {*schema.get("takes", ()), *ADDED.get(declared.name, ())},
    }


@pytest.mark.parametrize("declared", DECLARED)
def test_a_declaration_agrees_with_the_schema_but_for_what_is_listed(declared: Declaration) -> None:
    mine, theirs = known(declared), expected(declared)

    differing = {(what, declared.name) for what in mine if mine[what] != theirs[what]}

    assert differing == {each for each in DEVIATIONS if each[1] == declared.name}, (mine, theirs)


def test_what_is_listed_is_about_operators_that_the_schemas_have() -> None:
    named = {name for _, name in DEVIATIONS} | set(NEEDED) | set(ADDED)

    assert named <= set(SCHEMAS)
