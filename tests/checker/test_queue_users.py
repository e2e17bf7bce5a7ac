"""Who writes, reads and closes which queue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.checker.touch import call, net, program, step

import taskplan as tp
from taskplan import ops
from taskplan.checker.queue_users import QueueUsers, queue_lines, queue_users


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    with tp.fresh_names():
        yield


def summary(queue: QueueUsers) -> tuple[str, list[str], list[str], list[str]]:
    return queue.name, list(queue.writers), list(queue.readers), list(queue.closers)


def test_a_queue_has_its_users_by_task_and_step():
    with tp.TaskGroup() as group, tp.Node("n"):
        with tp.Task(name="fill"):
            with ops.local_init():
                queue = ops.CreateBlobsQueue([], "queue", capacity=7, num_blobs=2)
            a, b = ops.Const(1), ops.Const(2)
            with ops.loop(3):
                ops.EnqueueBlobs([queue, a, b], [a, b])
            with ops.task_exit():
                ops.CloseBlobsQueue(queue, [])
        with tp.Task(name="drain", num_instances=2):
            ops.SafeDequeueBlobs([queue], ["c", "d", "end"])

    [found] = queue_users(tp.compile_program(group))

    assert summary(found) == ("queue", ["task n/fill on n"], ["task n/drain on n"], ["task n/fill on n"])
    assert (found.node, found.capacity, found.columns) == ("n", 7, 2)
    assert found.site.file == __file__


def test_a_channel_is_one_queue_for_all_nodes():
    with tp.TaskGroup() as group:
        rows = tp.Channel("rows", capacity=4, schema=["x"])
        for node in ("a", "b"):
            with tp.Node(node), tp.Task(name="send"):
                rows.writer().write(None, [ops.Const(1)])
        with tp.Node("c"), tp.Task(name="receive"):
            rows.reader().read()

    [found] = queue_users(tp.compile_program(group))

    senders = ["task a/send on a", "task b/send on b"]
    assert summary(found) == ("rows", senders, ["task c/receive on c"], senders)
    assert (found.node, found.capacity) == (None, 4)


def test_queues_of_one_name_on_two_nodes_are_two():
    with tp.TaskGroup() as group:
        for node in ("a", "b"):
            with tp.Node(node), tp.Task():
                ops.CreateBlobsQueue([], "queue")

    assert [queue.node for queue in queue_users(tp.compile_program(group))] == ["a", "b"]


def test_a_queue_that_the_program_does_not_make_was_there_before():
    plan = program([net("n", call("CloseBlobsQueue", "fed"))], step("s", "n"))

    assert list(queue_lines(plan)) == [
        "queue fed on local: made before the run",
        "  written by nobody",
        "  read by nobody",
        "  closed by step s on local",
    ]


def test_all_queues_that_one_operator_reads_have_it_as_a_reader():
    plan = program([net("n", call("WeightedSampleDequeueBlobs", "p q", "x end"))], step("s", "n"))

    assert [summary(queue) for queue in queue_users(plan)] == [
        ("p", [], ["step s on local"], []),
        ("q", [], ["step s on local"], []),
    ]


def test_nets_among_arguments_use_queues_too_and_a_do_by_other_names():
    then = net("then", call("EnqueueBlobs", "queue x", "x"))
    inner = net("inner", call("DequeueBlobs", "mine", "y"))
    do = call("Do", "queue scope", "scope", net=inner, inner_blobs=(b"mine",), outer_blobs_idx=(0,))
    plan = program([net("n", call("If", "c", "", then_net=then), do)], step("s", "n"))

    assert [summary(queue) for queue in queue_users(plan)] == [("queue", ["step s on local"], ["step s on local"], [])]


def test_closing_blocks_and_reporters_are_users():
    closed = step("closed", "n", closing=(step("end", "close"),))
    report = step("report", "look", every_ms=10)
    nets = [
        net("n"),
        net("close", call("CloseRebatchingQueue", "q")),
        net("look", call("DequeueRebatchingQueue", "q", "x")),
    ]

    [found] = queue_users(program(nets, step("all", report, closed)))

    assert summary(found) == ("q", [], ["step report on local"], ["step end on local"])


def test_other_shared_objects_are_no_queues():
    plan = program(
        [net("n", call("CreateMutex", "", "m"), call("CreateCounter", "", "c"), call("CountUp", "c"))], step("s", "n")
    )

    assert queue_users(plan) == []


def test_the_default_capacity_is_that_of_the_operator():
    [found] = queue_users(program([net("n", call("CreateBlobsQueue", "", "q"))], step("s", "n")))

    assert (found.capacity, found.columns) == (1, 1)


def test_lines_are_shown_as_far_as_known():
    plan = program([net("n", call("CreateBlobsQueue", "", "q", capacity=3))], step("s", "n"))

    assert list(queue_lines(plan, lines=True)) == [
        "queue q on local: capacity 3  # train.py:48, in build",
        "  written by nobody",
        "  read by nobody",
        "  closed by nobody",
    ]
