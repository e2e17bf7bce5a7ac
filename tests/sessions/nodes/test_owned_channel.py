"""How the owner of a channel gives out room."""

from __future__ import annotations

import pytest
from tests.sessions.nodes.channel_network import OWNER, Network

from taskplan.sessions.nodes.channel_messages import Grants, Records, Wants


def test_the_first_put_of_a_node_waits_until_the_owner_grants_room() -> None:
    network = Network("a")

    call = network.put("a", 1)

    assert not call.done
    network.settle()
    assert call.answer() is True
    assert network.kinds() == ["a: Wants", "a: Grants", "a: Records"]


def test_nothing_is_said_before_somebody_uses_the_channel() -> None:
    network = Network("ab")

    assert network.sent == []


def test_the_only_node_that_writes_is_granted_all_room_ahead() -> None:
    network = Network("ab", capacity=8)

    network.put("a", 1)
    network.settle()

    assert [message for _, _, message in network.sent if isinstance(message, Grants)] == [Grants("rows", 8)]


def test_with_a_credit_a_put_is_one_message() -> None:
    network = Network("a", capacity=8)
    network.put("a", 1)
    network.settle()
    before = len(network.sent)

    assert network.put("a", 2).answer() is True

    assert network.sent[before:] == [("a", OWNER, Records("rows", ((2,),)))]


def test_credits_come_back_in_lumps_of_half_the_capacity() -> None:
    network = Network("a", capacity=8)
    for number in range(6):
        network.put("a", number)
        network.settle()
    before = len(network.sent)

    for _ in range(5):
        network.take(OWNER).answer()
        network.settle()

    assert network.kinds(before) == ["a: Grants"]
    assert network.sent[-1][2] == Grants("rows", 4)


def test_a_writer_that_is_out_of_credits_gets_the_first_room_there_is() -> None:
    network = Network("a", capacity=8)
    for number in range(8):
        network.put("a", number)
        network.settle()
    call = network.put("a", 8)
    network.settle()

    network.take(OWNER).answer()
    network.settle()

    assert call.answer() is True


def test_of_several_nodes_that_write_each_has_a_share_ahead_and_the_rest_is_for_who_asks() -> None:
    network = Network("ab", capacity=8)
    network.put("a", 0)
    network.settle()
    network.put("b", 0)
    network.settle()
    granted = network.sent[-2]
    before = len(network.sent)

    call = network.put("a", 1)
    network.settle()

    assert granted == (OWNER, "b", Grants("rows", 4))
    assert call.answer() is True
    assert network.kinds(before) == ["a: Wants", "a: Grants", "a: Records"]


def test_who_gave_room_back_unused_gets_none_ahead_before_it_writes_again() -> None:
    """Else two nodes, one of which writes, would send the same room back and forth for each record."""
    network = Network("ab", capacity=4)
    network.put("a", 0)
    network.settle()
    before = len(network.sent)

    for number in range(8):
        network.put("b", number)
        network.settle()
        network.take(OWNER)
        network.settle()

    assert network.kinds(before).count("a: Recalls") == 1


def test_a_second_request_for_room_is_made_only_for_more_writers() -> None:
    network = Network("a", capacity=1)
    network.put("a", 0)
    network.settle()
    waiting = [network.put("a", number) for number in (1, 2, 3)]
    network.settle()
    before = len(network.sent)

    network.take(OWNER).answer()
    network.settle()

    assert [call.done for call in waiting] == [True, False, False]
    assert [message for _, _, message in network.sent[before:]] == [
        Grants("rows", 1),
        Records("rows", ((1,),)),
        Wants("rows", 2),
    ]


def test_a_local_writer_gets_room_that_a_node_holds_and_does_not_use() -> None:
    network = Network("a", capacity=2)
    network.put("a", 1)
    network.settle()

    call = network.put(OWNER, 2)

    assert not call.done
    network.settle()
    assert call.answer() is True
    assert network.kinds(3) == ["a: Recalls", "a: GivesBack"]


def test_a_node_gets_room_that_another_holds_and_does_not_use() -> None:
    network = Network("ab", capacity=2)
    network.put("a", 1)
    network.settle()

    call = network.put("b", 2)
    network.settle()

    assert call.answer() is True


def test_room_is_recalled_also_from_a_node_whose_request_outlived_its_writers() -> None:
    network = Network("ab", capacity=2)
    network.put(OWNER, 0)
    network.put(OWNER, 0)
    hasty = [network.put("a", number) for number in range(3)]
    network.settle()
    network.take(OWNER)
    network.settle()  # the first is done, and the others have said that they are two
    for call in hasty[:0:-1]:
        call.give_up()
    network.take(OWNER)
    network.settle()

    call = network.put("b", 1)
    network.settle()

    assert call.answer() is True


def test_a_node_that_is_out_of_credits_gets_the_first_room_before_it_asks() -> None:
    network = Network("a", capacity=8)
    for number in range(8):
        network.put("a", number)
        network.settle()
    before = len(network.sent)

    network.take(OWNER)

    assert network.sent[before:] == [(OWNER, "a", Grants("rows", 1))]


def test_a_grant_for_a_writer_that_gave_up_is_kept_and_used_by_the_next() -> None:
    network = Network("ab", capacity=4)
    network.put("a", 1).give_up()
    network.settle()

    assert network.put("a", 2).answer() is True
    network.settle()
    assert network.take(OWNER).answer() == (2,)


@pytest.mark.parametrize("first", [OWNER, "a"])
def test_room_goes_in_turn_to_local_writers_and_to_nodes(first: str) -> None:
    network = Network("a", capacity=1)
    network.put(OWNER, -1)
    nodes = [first, "a" if first == OWNER else OWNER]
    calls = [network.put(node, number) for number in range(3) for node in nodes]
    network.settle()

    taken = []
    for _ in range(7):
        taken.append(network.take(OWNER).answer()[0])
        network.settle()

    assert all(call.answer() for call in calls)
    assert taken == [-1, 0, 0, 1, 1, 2, 2]


def test_room_that_was_expected_beyond_the_capacity_is_recalled_when_the_reader_is_gone() -> None:
    network = Network("a", capacity=2)
    network.change(OWNER, "expect", 6)
    calls = [network.put("a", number) for number in range(3)]
    network.settle()
    calls += [network.put("a", number) for number in range(3)]
    for call in calls:
        if not call.done:
            call.give_up()
    network.settle()

    network.change(OWNER, "settle", 6)
    network.settle()

    assert network.owner._credits == 0 or network.owner._free() >= 0
