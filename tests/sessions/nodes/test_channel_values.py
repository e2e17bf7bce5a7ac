"""Which values a channel between processes carries."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sessions.nodes.channel_network import OWNER, Network

from taskplan.errors import OperatorError
from taskplan.operators.objects import Mutex


@pytest.mark.parametrize("node", [OWNER, "a"])
def test_a_shared_object_is_refused(node: str) -> None:
    network = Network("a", columns=2, fields=("features", "lock"))

    with pytest.raises(OperatorError) as caught:
        network.put(node, np.ones(2), Mutex("m")).answer()

    assert str(caught.value) == (
        "channel 'rows' goes to other processes, and its field 'lock' holds mutex 'm', which stays in the process "
        "where it was made; write tensors, or objects that can be pickled"
    )
    assert network.sent == []


def test_a_value_that_cannot_be_pickled_is_refused() -> None:
    network = Network("a")

    class Odd:
        def __reduce__(self) -> str:
            raise TypeError("an odd one has no bytes")

    with pytest.raises(OperatorError) as caught:
        network.put("a", Odd()).answer()

    assert str(caught.value) == (
        "channel 'rows' goes to other processes, and its column 0 holds a value of kind "
        f"{__name__}.{Odd.__qualname__}, which cannot be pickled: an odd one has no bytes; write tensors, or objects "
        "that can be pickled"
    )


def test_strings_and_objects_that_can_be_pickled_travel() -> None:
    network = Network("a", capacity=4)
    values = [np.array([b"x", b"yz"], object), np.array([{"a": 1}], object), {"b": [2]}, b"text", np.int64(3)]
    calls = [network.put("a", value) for value in values]
    network.settle()
    for _ in values:
        assert network.take(OWNER).answer()[0] is not None
        network.settle()

    assert all(call.answer() for call in calls)


def test_records_travel_as_they_are() -> None:
    network = Network("a", capacity=4)
    array = np.ones(3)
    network.put("a", array)
    network.settle()

    assert network.take(OWNER).answer()[0] is array
