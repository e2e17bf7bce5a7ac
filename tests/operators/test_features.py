"""Features made ready: against plain loops, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from tests.operators.calling import call
from tests.operators.fake_run import Bench, f32, i32

from taskplan.errors import ArgumentError, OperatorError, ShapeError

few = settings(max_examples=30)
IDS = st.integers(0, 5) | st.sampled_from([-(2**63), 2**63 - 1])


def i64(data: Any) -> Any:
    return np.array(data, np.int64)


@given(
    values=st.lists(st.floats(-5, 5, width=32), max_size=8),
    boundaries=st.lists(st.floats(-5, 5, width=32), max_size=4).map(sorted),
)
@few
def test_a_bucket_is_the_number_of_boundaries_below(values: list[float], boundaries: list[float]) -> None:
    assert call("Bucketize", f32(values), boundaries=boundaries).tolist() == [
        sum(boundary < value for boundary in boundaries) for value in values
    ]


@pytest.mark.parametrize("boundaries", [[2.0, 1.0], [math.nan], [1.0, math.nan, 0.0]])
def test_boundaries_ascend(boundaries: list[float]) -> None:
    with pytest.raises(ArgumentError, match="'boundaries' must ascend"):
        call("Bucketize", f32([1]), boundaries=boundaries)


def test_a_boundary_is_compared_in_single_precision() -> None:
    """0.1 as float32 is above 0.1 as float64, and belongs to the bucket below the boundary 0.1 all the same."""
    assert call("Bucketize", f32([0.1, math.nan]), boundaries=[0.1]).tolist() == [0, 1]


def plain_hash(value: int, bits: int, seed: int, modulo: int) -> int:
    h, wrap = seed * 0xDEADBEEF, 1 << bits
    for byte in value.to_bytes(bits // 8, "little", signed=True):
        h = (h * 65537 + (byte - 256 if byte > 127 else byte)) % wrap
    return (h - wrap if h >= wrap // 2 else h) % modulo


@given(
    values=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6),
    bits=st.sampled_from([32, 64]),
    seed=st.integers(-99, 99),
    modulo=st.integers(1, 2**31),
)
@few
def test_a_hash_is_a_loop_over_bytes(values: list[int], bits: int, seed: int, modulo: int) -> None:
    hashed = call("IndexHash", np.array(values, f"int{bits}"), seed=seed, modulo=modulo)

    assert hashed.tolist() == [plain_hash(value, bits, seed, modulo) for value in values]


def test_a_hash_fits_the_type_of_what_is_hashed() -> None:
    assert call("IndexHash", i32([-7]), modulo=2**31).tolist() == [plain_hash(-7, 32, 0, 2**31)]
    with pytest.raises(OperatorError, match="int32, which does not hold all numbers below modulo=2147483649"):
        call("IndexHash", i32([1]), modulo=2**31 + 1)
    with pytest.raises(ArgumentError, match="'modulo' must be at least 1, got 0"):
        call("IndexHash", i32([1]))


@given(rows=st.lists(st.tuples(st.integers(0, 3), st.integers(-9, 9)), max_size=10), width=st.sampled_from([0, 1, 20]))
@few
def test_values_are_added_at_their_index(rows: list[tuple[int, int]], width: int) -> None:
    indices = i64([index for index, _ in rows])
    values = f32([[value] * width for _, value in rows]).reshape(len(rows), width)

    dense = call("SparseToDense", indices, values, np.zeros(5))

    expected = np.zeros((5, width), np.float32)
    for index, value in zip(indices, values, strict=True):
        expected[index] += value
    assert dense.tolist() == expected.tolist()


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_beyond_the_dense_rows_is_refused(index: int) -> None:
    with pytest.raises(OperatorError, match=f"indices holds {index}, expected numbers from 0 to below 2"):
        call("SparseToDense", i64([0, index]), f32([1, 2]), f32([0, 0]))


def test_an_index_that_no_memory_has_room_for_is_refused() -> None:
    with pytest.raises(OperatorError, match="SparseToDense: indices holds 4294967296"):
        call("SparseToDense", i64([1 << 32]), f32([1]))


@given(lists=st.lists(st.lists(st.lists(IDS, max_size=4), min_size=3, max_size=3), min_size=1, max_size=3))
@few
def test_merged_lists_are_the_sorted_unions(lists: list[list[list[int]]]) -> None:
    inputs: list[Any] = []
    for examples in lists:
        inputs += [i32([len(each) for each in examples]), i64([value for each in examples for value in each])]

    lengths, values = call("MergeIdLists", *inputs, outputs=2)

    unions = [sorted(set().union(*(examples[k] for examples in lists))) for k in range(3)]
    assert lengths.tolist() == [len(each) for each in unions]
    assert values.tolist() == [value for each in unions for value in each]


@given(
    examples=st.lists(st.lists(st.tuples(st.integers(-1, 4), st.integers(1, 9)), max_size=5), max_size=3),
    mask=st.lists(st.integers(0, 4), unique=True, max_size=4),
)
@few
def test_of_masked_ids_the_last_value_counts(examples: list[list[tuple[int, int]]], mask: list[int]) -> None:
    flat = [pair for pairs in examples for pair in pairs]
    ids, values = i64([key for key, _ in flat]), f32([value for _, value in flat])

    found, present = call(
        "SparseToDenseMask", ids, values, f32(-1), i32([len(pairs) for pairs in examples]), outputs=2, mask=mask
    )

    assert found.tolist() == [[dict(pairs).get(key, -1) for key in mask] for pairs in examples]
    assert present.tolist() == [[key in dict(pairs) for key in mask] for pairs in examples]


@pytest.mark.parametrize("mask", [[1, 1], [-1]])
def test_a_mask_has_each_id_once_and_no_negative_ones(mask: list[int]) -> None:
    with pytest.raises(ArgumentError, match="must be ids that differ and are not negative"):
        call("SparseToDenseMask", i64([1]), f32([1]), f32(0), mask=mask)


def test_texts_are_masked_too() -> None:
    texts, default = np.array([b"a", b"b"], object), np.array(b"-", object)

    assert call("SparseToDenseMask", i64([1, 5]), texts, default, mask=[5, 3]).tolist() == [b"b", b"-"]


@given(npst.arrays(np.float32, st.tuples(st.integers(0, 3), st.integers(0, 4)), elements=st.sampled_from([0.0, 2.0])))
@few
def test_a_list_of_ids_names_the_columns_that_are_not_0(matrix: Any) -> None:
    lengths, ids = call("DenseVectorToIdList", matrix, outputs=2)

    by_hand = [[column for column, value in enumerate(row) if value] for row in matrix.tolist()]
    assert lengths.tolist() == [len(row) for row in by_hand]
    assert ids.tolist() == [column for row in by_hand for column in row]


@given(st.data(), st.integers(0, 3), st.lists(st.integers(0, 2), max_size=3))
@few
def test_a_batch_is_compared_with_the_values_of_each_column(data: Any, rows: int, lengths: list[int]) -> None:
    matrix = data.draw(npst.arrays(np.int64, (rows, len(lengths)), elements=st.integers(0, 2)))
    values = data.draw(npst.arrays(np.int64, sum(lengths), elements=st.integers(0, 2)))

    found = call("BatchOneHot", matrix, i32(lengths), values)

    columns = [column for column, length in enumerate(lengths) for _ in range(length)]
    assert found.shape == (rows, len(columns))
    assert found.tolist() == [
        [int(row[column] == value) for column, value in zip(columns, values, strict=True)] for row in matrix
    ]


@pytest.mark.parametrize(
    ("kind", "inputs", "message"),
    [
        ("SegmentOneHot", [i32([2]), i64([0]), i64([1])], "lengths adds up to 2, indices has 1 rows"),
        ("MergeIdLists", [i32([1]), i64([1, 2])], "lengths_0 adds up to 1, values_0 has 2 rows"),
        ("SparseToDenseMask", [i64([1]), f32([1]), f32(0), i32([3])], "lengths adds up to 3"),
        ("BatchOneHot", [i32([[1, 5]]), i32([2]), i32([1, 2])], "expected one for each column"),
        ("SparseDropoutWithReplacement", [i64([1]), i32([2])], "Lengths adds up to 2"),
    ],
)
def test_lengths_that_do_not_match_are_refused(kind: str, inputs: list[Any], message: str) -> None:
    arguments: dict[str, Any] = {"mask": [1]} if kind == "SparseToDenseMask" else {}
    with pytest.raises(ShapeError, match=f"{kind}: .*{message}"):
        call(kind, *inputs, outputs=2 if kind.startswith(("Merge", "SparseDrop")) else 1, **arguments)


def test_an_index_beyond_the_columns_or_rows_is_refused() -> None:
    with pytest.raises(OperatorError, match="SegmentOneHot: indices holds 1, expected numbers from 0 to below 1"):
        call("SegmentOneHot", i32([1]), i64([1]), i64([1]))
    with pytest.raises(OperatorError, match="CopyRowsToTensor: indices holds -1, expected numbers from 0 to below 2"):
        call("CopyRowsToTensor", f32([[1], [2]]), i64([-1]), f32([9]))


def test_dropped_ids_are_about_as_many_as_asked_for_and_the_rest_keeps_its_order() -> None:
    bench = Bench({"ids": np.arange(10_000), "lengths": np.full(1000, 10, np.int32)})
    bench.run("SparseDropoutWithReplacement", ["ids", "lengths"], ["kept", "counts"], ratio=0.3, replacement_value=-1)
    kept, counts = bench.blobs["kept"], bench.blobs["counts"]

    assert 6_700 < len(kept) < 7_300
    assert (np.diff(kept) > 0).all()
    assert (kept // 10 == np.repeat(np.arange(1000), counts)).all()


@pytest.mark.parametrize(("ratio", "ids", "lengths"), [(0.0, [1, 2, 3], [2, 0, 1]), (1.0, [9, 9, 9], [1, 1, 1])])
def test_a_ratio_of_0_changes_nothing_and_of_1_everything(ratio: float, ids: list[int], lengths: list[int]) -> None:
    found = call(
        "SparseDropoutWithReplacement",
        i64([1, 2, 3]),
        i32([2, 0, 1]),
        outputs=2,
        ratio=ratio,
        replacement_value=9,
    )

    assert [each.tolist() for each in found] == [ids, lengths]


def test_rows_are_copied_over_those_of_the_blob_only() -> None:
    """The value that the blob had before stays as it was."""
    before = np.zeros((3, 2), np.int64)
    bench = Bench({"table": before, "rows": i32([2, 0, 2]), "row": i64([7, 8])})

    bench.run("CopyRowsToTensor", ["table", "rows", "row"], ["table"])

    assert bench.blobs["table"].tolist() == [[7, 8], [0, 0], [7, 8]]
    assert not before.any()
