"""Readers on nodes that have a stand-in for the queue of a channel."""

from __future__ import annotations

import pytest
from tests.sessions.nodes.channel_network import OWNER, Network

from taskplan.errors import ShapeError
from taskplan.sessions.nodes.channel_messages import Delivers


def test_a_reader_on_another_node_asks_and_gets_the_oldest_record() -> None:
    network = Network("a")
    network.put(OWNER, 1)
    network.put(OWNER, 2)

    call = network.take("a")
    network.settle()

    assert call.answer() == (1,)
    assert network.kinds() == ["a: Asks", "a: Delivers", "a: Accepts"]


def test_nothing_is_fetched_before_somebody_wants_it() -> None:
    network = Network("a")
    network.put(OWNER, 1)
    network.put(OWNER, 2)
    network.take("a")
    network.settle()

    assert network.owner.statistics().fill == 1


def test_readers_that_wait_together_are_served_by_one_request() -> None:
    network = Network("a")
    calls = [network.take("a") for _ in range(3)]
    network.settle()
    network.put(OWNER, 0)
    network.settle()
    before = len(network.sent)

    network.put(OWNER, 1)
    network.put(OWNER, 2)
    network.settle()

    assert [call.answer() for call in calls] == [(0,), (1,), (2,)]
    assert network.kinds(before).count("a: Asks") == 1


def test_a_record_that_nobody_waits_for_any_more_goes_back_to_the_front() -> None:
    network = Network("a")
    call = network.take("a")
    network.settle()
    network.put(OWNER, 1)
    network.put(OWNER, 2)
    call.give_up()

    network.settle()

    assert [network.take(OWNER).answer() for _ in range(2)] == [(1,), (2,)]


def test_a_record_that_is_lent_takes_up_room_until_it_was_taken() -> None:
    """So it has a place when it comes back."""
    network = Network("a", capacity=1)
    network.take("a")
    network.settle()
    network.put(OWNER, 1)

    call = network.put(OWNER, 2)

    assert not call.done
    network.settle()
    assert call.answer() is True


def test_records_that_come_back_keep_their_order_before_those_that_were_lent_later() -> None:
    network = Network("a", capacity=8)
    many = network.take_many("a", 2)
    network.settle()
    for number in range(4):
        network.put(OWNER, number)  # delivers 0 and 1
    many.give_up()
    network.take("a").give_up()
    network.deliver("a", OWNER)  # delivers 2, while 0 and 1 are still under way

    network.settle()

    assert [network.take(OWNER).answer()[0] for _ in range(4)] == [0, 1, 2, 3]


def test_what_was_asked_for_is_void_when_records_come_back() -> None:
    network = Network("a", capacity=8)
    many = network.take_many("a", 2)
    network.settle()
    network.put(OWNER, 0)
    many.give_up()
    network.take("a").give_up()
    network.deliver("a", OWNER)
    network.take_many("a", 3).give_up()
    network.settle()

    network.put(OWNER, 1)
    network.put(OWNER, 2)

    assert network.ways() == []


def test_several_records_are_delivered_together_or_not_at_all() -> None:
    network = Network("ab", capacity=4)
    calls = [network.take_many(node, 3) for node in "ab"]
    network.put(OWNER, 0)
    network.put(OWNER, 1)
    network.settle()

    assert not any(isinstance(message, Delivers) for _, _, message in network.sent)
    network.put(OWNER, 2)
    network.settle()
    assert [call.done for call in calls] == [True, False]
    assert calls[0].answer() == [(0,), (1,), (2,)]


def test_a_reader_on_another_node_may_want_more_than_the_capacity() -> None:
    network = Network("ab", capacity=2)
    network.change("a", "expect", 5)
    call = network.take_many("a", 5)
    writers = [network.put("b", number) for number in range(5)]

    network.settle()

    assert call.answer() == [(number,) for number in range(5)]
    assert all(writer.answer() for writer in writers)


def test_records_that_a_check_refuses_stay_in_the_queue() -> None:
    network = Network("a")
    network.put(OWNER, 1)
    network.put(OWNER, 2)

    def refuse(records: object) -> None:
        raise ShapeError("they do not fit together")

    call = network.take_many("a", 2, refuse)
    network.settle()

    with pytest.raises(ShapeError, match="they do not fit together"):
        call.answer()
    assert network.owner.statistics().fill == 2


def test_what_a_check_refuses_on_the_owners_node_goes_to_those_who_wait_elsewhere() -> None:
    network = Network("a")

    def refuse(records: object) -> None:
        raise ShapeError("they do not fit together")

    local = network.take_many(OWNER, 2, refuse)
    call = network.take_many("a", 2)
    network.settle()

    network.put(OWNER, 1)
    network.put(OWNER, 2)
    network.settle()

    assert isinstance(local.error, ShapeError)
    assert call.answer() == [(1,), (2,)]


@pytest.mark.parametrize("nodes", [(OWNER, "a"), ("a", "b")])
def test_records_go_in_turn_to_those_who_wait(nodes: tuple[str, str]) -> None:
    network = Network("ab", capacity=8)
    found = dict.fromkeys(nodes, 0)
    calls = {node: network.take(node) for node in nodes}
    network.settle()

    for number in range(8):
        network.put(OWNER, number)
        network.settle()
        for node, call in calls.items():
            if call.done:
                found[node] += 1
                calls[node] = network.take(node)
        network.settle()

    assert list(found.values()) == [4, 4]


def test_records_may_wait_for_others_until_half_of_the_room_is_used() -> None:
    network = Network("a", capacity=8)
    network.put("a", 0)
    network.settle()
    before = len(network.sent)

    for number in range(7):
        network.put("a", number)

    kinds = network.kinds(before)
    assert kinds == ["a: Records"] * 7
    assert network.soon[before:] == [True, True, False, True, True, True, False]


def test_room_that_is_little_may_wait_until_there_is_more() -> None:
    network = Network("a", capacity=8)
    for number in range(9):
        network.put("a", number)
    network.settle()
    before = len(network.sent)

    for _ in range(8):
        network.take(OWNER)

    granted = [message.number for _, _, message in network.sent[before:]]
    assert list(zip(granted, network.soon[before:], strict=True)) == [(1, True), (4, False)]
