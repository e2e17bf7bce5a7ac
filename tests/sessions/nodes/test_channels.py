"""Channels whose nodes are apart, as a whole: any schedule, the end, and the operators on both ends."""

from __future__ import annotations

import numpy as np
import pytest
from tests.operators.fake_run import Bench
from tests.sessions.nodes.channel_network import OWNER, Network
from tests.sessions.nodes.channel_schedules import Schedule

from taskplan.errors import QueueClosedError, ReportedError


@pytest.mark.parametrize("block", range(8))
def test_nothing_is_lost_and_nobody_waits_in_vain_in_any_order_of_steps_and_messages(block: int) -> None:
    """The seed that fails is the number of the schedule."""
    for seed in range(100 * block, 100 * block + 100):
        try:
            Schedule(seed).run()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


# --- the end ---


def test_the_channel_ends_with_the_last_writer_of_all_nodes() -> None:
    network = Network("ab", writers=3)
    network.change(OWNER, "end_writes")
    network.change("a", "end_writes")
    network.settle()

    assert not network.owner.closed
    network.change("b", "end_writes")
    network.settle()
    assert [network.channel(node).closed for node in (OWNER, "a", "b")] == [True, True, True]


def test_a_writer_that_began_on_another_node_is_waited_for() -> None:
    network = Network("a")
    assert network.change(OWNER, "begin_writes")
    assert network.change("a", "begin_writes")
    network.settle()
    network.change(OWNER, "end_writes")

    assert not network.owner.closed
    network.change("a", "end_writes")
    network.settle()
    assert network.owner.closed
    assert not network.change("a", "begin_writes")


def test_writers_are_refused_once_the_last_reader_has_gone() -> None:
    network = Network("ab", readers=1)
    network.change("a", "begin_reads")
    network.settle()
    network.change("a", "end_reads")
    network.change(OWNER, "end_reads")
    network.settle()

    assert network.put("b", 1).answer() is False
    assert network.channel("b").statistics().refused == 1


def test_writers_that_wait_are_refused_when_the_channel_is_closed_elsewhere() -> None:
    network = Network("ab", capacity=1)
    network.put(OWNER, 0)
    call = network.put("a", 1)
    network.settle()

    network.change("b", "close")
    network.settle()

    assert call.answer() is False


def test_what_a_stand_in_took_before_it_knew_of_the_end_is_delivered() -> None:
    network = Network("ab", capacity=4)
    network.put("a", 1)
    network.settle()
    network.change(OWNER, "close")
    assert network.put("a", 2).answer() is True
    calls = [network.take("b") for _ in range(3)]
    network.deliver("b", OWNER)

    network.settle()

    assert [call.answer() for call in calls] == [(1,), (2,), None]


def test_a_local_reader_sees_the_end_when_nothing_can_come_any_more() -> None:
    network = Network("a", capacity=4)
    network.put("a", 1)
    network.settle()
    network.change(OWNER, "close")
    assert network.take(OWNER).answer() == (1,)

    call = network.take(OWNER)

    assert not call.done
    network.settle()
    assert call.answer() is None


def test_at_the_end_a_reader_of_several_gets_what_is_left() -> None:
    network = Network("a", capacity=4)
    call = network.take_many("a", 3)
    network.put(OWNER, 1)
    network.settle()
    network.change(OWNER, "close")

    network.settle()

    assert call.answer() == [(1,)]
    assert network.take_many("a", 3).answer() is None


def test_after_a_failure_nothing_more_is_given_out() -> None:
    network = Network("ab", capacity=4)
    network.put(OWNER, 1)
    call = network.take_many("b", 2)
    network.settle()

    network.change("a", "close", failed=True)

    assert network.take("a").answer() is None
    network.settle()
    assert call.answer() is None
    assert network.take(OWNER).answer() is None
    assert network.take("b").answer() is None
    assert network.owner.statistics().undelivered == 1


def test_a_cause_is_raised_on_all_nodes_behind_the_last_record() -> None:
    network = Network("ab", writers=1)
    network.put("a", np.float32(1))
    network.settle()
    network.change("a", "end_writes", ValueError("the source broke"))
    bench = Bench({"q": network.channel("b")})
    call = network.take("b")
    network.settle()

    assert call.answer() == (np.float32(1),)
    with pytest.raises(ValueError, match="the source broke"):
        bench.run("SafeDequeueBlobs", ["q"], ["x", "status"])


def test_closing_twice_changes_nothing() -> None:
    network = Network("a")
    network.change("a", "close")
    network.settle()
    before = len(network.sent)

    network.change("a", "close", failed=True)
    network.change(OWNER, "close", failed=True)

    assert len(network.sent) == before
    assert not network.owner.failed
    assert not network.channel("a").failed


# --- operators ---


def test_the_operators_of_queues_work_on_a_stand_in() -> None:
    network = Network("a", capacity=4)
    network.put("a", np.float32(0))
    network.settle()
    bench = Bench({"q": network.channel("a"), "x": np.ones(3, np.float32)})

    bench.run("SafeEnqueueBlobs", ["q", "x"], ["x", "status"])
    network.settle()
    names = ["fill", "put", "taken", "refused", "putting", "taking", "closed"]
    bench.run("QueueStatistics", ["q"], names)
    bench.run("CloseBlobsQueue", ["q"], [])
    network.settle()

    assert [int(bench.blobs[name]) for name in names] == [0, 2, 0, 0, 0, 0, 0]
    assert network.owner.statistics().put == 2
    assert network.owner.closed


def test_a_writer_that_gives_up_is_told_what_it_waited_for() -> None:
    network = Network("a", capacity=1)
    bench = Bench({"q": network.channel("a"), "x": np.ones(3, np.float32)})

    with pytest.raises(ReportedError) as caught:
        bench.run("EnqueueBlobs", ["q", "x"], ["x"], timeout_secs=2.0)

    assert str(caught.value) == (
        "EnqueueBlobs: gave up after 2 s of waiting for queue 'channel:rows' of node 'home' (wants room for 1)"
    )


def test_a_write_to_a_closed_stand_in_is_refused_as_to_any_queue() -> None:
    network = Network("a")
    network.change("a", "close")
    bench = Bench({"q": network.channel("a"), "x": np.ones(3, np.float32)})

    with pytest.raises(QueueClosedError) as caught:
        bench.run("EnqueueBlobs", ["q", "x"], ["x"])

    assert str(caught.value) == "EnqueueBlobs: queue 'channel:rows' is closed"


def test_the_owner_says_what_it_holds_and_what_it_has_granted() -> None:
    network = Network("a", capacity=4)
    network.put("a", 1)
    network.settle()

    assert network.owner.describe() == "queue 'channel:rows' (1 of 4, room for 3 granted to other nodes)"
    network.change(OWNER, "close", failed=True)
    network.settle()
    assert network.owner.describe() == "queue 'channel:rows' (1 of 4, closed as failed)"


def test_a_stand_in_says_what_it_may_do_and_what_it_waits_for() -> None:
    network = Network("a", capacity=4)
    channel = network.channel("a")

    seen = [channel.describe()]
    network.put("a", 1)
    seen.append(channel.describe())
    network.settle()
    seen.append(channel.describe())
    network.take_many("a", 3)
    seen.append(channel.describe())
    network.change("a", "close")
    seen.append(channel.describe())

    assert seen == [
        "queue 'channel:rows' of node 'home' (open)",
        "queue 'channel:rows' of node 'home' (wants room for 1)",
        "queue 'channel:rows' of node 'home' (may put 3)",
        "queue 'channel:rows' of node 'home' (may put 3, asked for 3)",
        "queue 'channel:rows' of node 'home' (asked for 3, closed)",
    ]


def test_what_a_stand_in_took_is_not_undelivered_when_it_has_gone() -> None:
    network = Network("a", capacity=4)
    network.put("a", 1)
    network.settle()
    counts = network.channel("a").counts

    totals = dict(zip(counts.keys, counts.totals(gone=True), strict=True))

    assert totals[b"channel:rows/queue_undelivered_records"] == 0
