"""Taking records from several queues, by weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.operators.fake_run import Bench

from taskplan.errors import ArgumentError
from taskplan.operators.queue_objects import BlobsQueue


@pytest.fixture
def bench() -> Bench:
    return Bench()


def make_queue(bench: Bench, name: str, **arguments: Any) -> BlobsQueue:
    queue: BlobsQueue = bench.run("CreateBlobsQueue", [], [name], **arguments)
    return queue


def fill_two(bench: Bench, count: int) -> None:
    for number, name in enumerate(("p", "q")):
        queue = make_queue(bench, name, capacity=count)
        for _ in range(count):
            queue.try_put((np.int32(number),))
        queue.close()


def sample(bench: Bench, **arguments: Any) -> list[int]:
    """What comes out until the end."""
    dequeue = bench.instance("WeightedSampleDequeueBlobs", ["p", "q"], ["out", "ended"], **arguments)
    drawn = []
    while True:
        dequeue()
        if bench.blobs["ended"]:
            return drawn
        drawn.append(int(np.reshape(bench.blobs["out"], -1)[0]))


def test_queues_are_drawn_by_their_weights(bench: Bench) -> None:
    fill_two(bench, 4000)

    drawn = Counter(sample(bench, weights=[3.0, 1.0]))

    assert drawn[0] == 4000
    assert 1100 < drawn[1] < 1600


def test_sampling_ends_with_the_first_end_that_is_met(bench: Bench) -> None:
    fill_two(bench, 20)

    assert len(sample(bench, weights=[3.0, 1.0])) < 40


def test_sampling_until_all_end_delivers_every_record(bench: Bench) -> None:
    fill_two(bench, 20)

    assert Counter(sample(bench, weights=[3.0, 1.0], until_all_end=True)) == {0: 20, 1: 20}


def test_a_queue_without_weight_is_never_drawn(bench: Bench) -> None:
    fill_two(bench, 20)

    assert sample(bench, weights=[0.0, 2.0], until_all_end=True) == [1] * 20


def test_the_number_of_the_queue_drawn_can_replace_an_output(bench: Bench) -> None:
    for name in ("p", "q"):
        make_queue(bench, name).try_put((np.float32(9),))

    value, ended = bench.run(
        "WeightedSampleDequeueBlobs", ["p", "q"], ["out", "ended"], weights=[0.0, 1.0], table_idx_blob=0
    )

    assert (value.tolist(), value.dtype, bool(ended)) == ([1], np.int32, False)


@pytest.mark.parametrize("weights", [[-1.0, 2.0], [0.0, 0.0], [float("inf"), 1.0]])
def test_weights_are_shares_of_something(bench: Bench, weights: Sequence[float]) -> None:
    """Item 40."""
    with pytest.raises(ArgumentError, match=r"weights"):
        bench.instance("WeightedSampleDequeueBlobs", ["p", "q"], ["a", "ended"], weights=list(weights))


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"weights": [1.0]}, r"'weights' must have one for each of the 2 queues, got 1, \[1\.0\]"),
        (
            {"table_idx_blob": 1},
            "'table_idx_blob' must be the number of one of the 1 outputs before the status, from 0 on, got 1",
        ),
    ],
)
def test_sampling_takes_one_weight_a_queue_and_an_output_that_exists(
    bench: Bench, arguments: dict[str, Any], fault: str
) -> None:
    """Item 40."""
    with pytest.raises(ArgumentError, match=f"^WeightedSampleDequeueBlobs: argument {fault}$"):
        bench.instance("WeightedSampleDequeueBlobs", ["p", "q"], ["a", "ended"], **arguments)
