"""Rows divided among shards: what the recorded cases do not show, and what puts them together again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.operators.calling import call

from taskplan.errors import ArgumentError, ArityError, OperatorError, ShapeError

KEYS = st.lists(st.integers(-50, 50) | st.sampled_from([-(2**63), 2**63 - 1]), max_size=12)


@given(keys=KEYS, shards=st.integers(1, 4), packed=st.booleans(), seed=st.integers(0, 99))
@settings(max_examples=40)
def test_gathering_by_key_undoes_partitioning(keys: list[int], shards: int, packed: bool, seed: int) -> None:
    ids = np.array(keys, np.int64)
    rows = np.random.default_rng(seed).random((len(ids), 2), np.float32)

    parts = call("Partition", ids, rows, outputs=2 * shards, pack_first_input=packed)
    rows_again = call("GatherByKey", ids, *parts[1::2])
    keys_again = call("GatherByKey", ids, *parts[::2])

    assert rows_again.tolist() == rows.tolist()
    assert keys_again.tolist() == ([key // shards for key in keys] if packed else keys)


@given(lengths=st.lists(st.integers(0, 3), max_size=5), shards=st.integers(1, 3), data=st.data())
@settings(max_examples=40)
def test_lengths_of_shards_count_the_rows_that_each_segment_has_there(
    lengths: list[int], shards: int, data: Any
) -> None:
    size = sum(lengths)
    keys = np.array(data.draw(st.lists(st.integers(0, 9), min_size=size, max_size=size)), np.int64)

    parts = call("LengthsPartition", np.array(lengths, np.int32), keys, outputs=2 * shards)

    segments = np.split(keys, np.cumsum(lengths)[:-1]) if lengths else []
    for shard in range(shards):
        assert parts[2 * shard].tolist() == [int((each % shards == shard).sum()) for each in segments]
        assert parts[2 * shard + 1].tolist() == keys[keys % shards == shard].tolist()


def test_keys_may_have_several_axes() -> None:
    keys, rows = np.array([[0, 1], [3, 2]]), np.arange(8, dtype=np.float32).reshape(2, 2, 2)

    parts = call("Partition", keys, rows, outputs=4)

    assert [each.tolist() for each in parts] == [[0, 2], [[0, 1], [6, 7]], [1, 3], [[2, 3], [4, 5]]]
    assert call("GatherByKey", keys, parts[1], parts[3]).tolist() == rows.tolist()


def test_outputs_are_a_multiple_of_the_inputs() -> None:
    with pytest.raises(ArityError, match="got 3 outputs for 2 inputs"):
        call("Partition", np.array([1, 2]), np.array([1.0, 2.0]), outputs=3)
    with pytest.raises(ArityError, match="got 0 outputs for 2 inputs"):
        call("LengthsPartition", np.array([1], np.int32), np.array([1]), outputs=0)
    with pytest.raises(ArityError, match="takes lengths, keys and more, got 1 inputs"):
        call("LengthsPartition", np.array([1], np.int32))


def test_rows_may_have_no_width() -> None:
    parts = call("Partition", np.array([1, 2]), np.zeros((2, 0)), outputs=4)

    assert [each.shape for each in parts] == [(1,), (1, 0), (1,), (1, 0)]
    assert call("GatherByKey", np.array([1, 2]), *parts[1::2]).shape == (2, 0)


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(OperatorError, match=r"LengthsPartition: input\[0\] holds -1, expected lengths from 0"):
        call("LengthsPartition", np.array([2, -1], np.int32), np.array([4]), outputs=2)


def test_a_shard_with_too_few_rows_is_named() -> None:
    with pytest.raises(ShapeError, match=r"sharded_values\[1\] has 1 rows, and 2 keys are of that shard"):
        call("GatherByKey", np.array([1, 3]), np.zeros(0), np.zeros(1))


def test_every_key_has_its_output() -> None:
    with pytest.raises(ArityError, match="categorical_limit=3 outputs, got 2"):
        call("KeySplit", np.array([1]), outputs=2, categorical_limit=3)
    with pytest.raises(OperatorError, match="key -1 is out of range"):
        call("KeySplit", np.array([-1]), categorical_limit=1)
    with pytest.raises(ArgumentError, match="must be at least 1, got 0"):
        call("KeySplit", np.array([1]), categorical_limit=0)
