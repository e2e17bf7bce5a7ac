"""Tasks on several nodes, and the channels between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.conformance.faulty.corpus import correct
from tests.conformance.faulty.correct_pieces import (
    close,
    copy_of,
    counter,
    equal,
    output,
    plus,
    put,
    queue,
    records,
)

import taskplan as tp
from taskplan import ops


def channel(name: str, capacity: int = 1, **options: Any) -> tp.Channel:
    """A channel of records of one number."""
    return tp.Channel(name, capacity, schema=["number"], **options)


def send(to: tp.Channel, number: Any) -> Any:
    """Write a record; the blob that says whether it was refused."""
    return to.writer().write(None, [copy_of(number)])


def receive(out_of: tp.Channel) -> Any:
    """Read a record."""
    return out_of.reader().read()[1].number()


@contextmanager
def received(out_of: tp.Channel) -> Iterator[Any]:
    """A block for each record until the end."""
    with ops.loop():
        ended, record = out_of.reader().read()
        ops.stop_if(ended)
        yield record.number()


def sum_of(out_of: tp.Channel) -> Any:
    """The sum of all records until the end."""
    total = ops.Const(0)
    with received(out_of) as number:
        ops.Add([total, number], [total])
    return total


@correct("nodes that wait for each other's answers", {"answers": 20})
def requests_and_replies() -> tp.TaskGroup:
    """The server waits for the end of the requests, and the client does not wait for the end of the replies."""
    requests, replies = channel("requests"), channel("replies")
    with tp.TaskGroup() as group:
        with tp.Node("client"), tp.Task():
            total = ops.Const(0)
            with ops.loop(5) as loop:
                send(requests, loop.iter())
                ops.Add([total, receive(replies)], [total])
            output("answers", total)
        with tp.Node("server"), tp.Task(), received(requests) as number:
            send(replies, ops.Add([number, number]))
    return group


@correct("a ring of nodes in which each reads before it writes", {"token": 12})
def ring_of_nodes() -> tp.TaskGroup:
    """The first of them writes before the rounds begin, and reads once more after them."""
    links = [channel(f"link{index}") for index in range(3)]
    with tp.TaskGroup() as group:
        for index in range(3):
            with tp.Node(f"node{index}"), tp.Task():
                if index == 0:
                    send(links[1], 0)
                with ops.loop(3 if index == 0 else 4):
                    send(links[(index + 1) % 3], plus(receive(links[index]), 1))
                if index == 0:
                    output("token", plus(receive(links[0]), 1))
    return group


@correct("a chain of ten nodes with room for one record between them", {"sum": 30})
def chain_of_ten_nodes() -> tp.TaskGroup:
    """Each ends when the one before it has ended."""
    links = [channel(f"link{index}") for index in range(9)]
    with tp.TaskGroup() as group:
        with tp.Node("node9"), tp.Task():
            output("sum", sum_of(links[8]))
        for index in range(1, 9):
            with tp.Node(f"node{index}"), tp.Task(), received(links[index - 1]) as number:
                send(links[index], plus(number, 1))
        with tp.Node("node0"), tp.Task(), ops.loop(3) as loop:
            send(links[0], plus(loop.iter(), 1))
    return group


@correct("readers of which none may get anything", {"read": 7})
def one_writer_many_readers() -> tp.TaskGroup:
    """However the records fall to them, each gets the end; what each got is summed on a fourth node."""
    numbers, counts = channel("numbers"), channel("counts", 3)
    with tp.TaskGroup() as group:
        with tp.Node("writer"), tp.Task(), ops.loop(7) as loop:
            send(numbers, loop.iter())
        for index in range(3):
            with tp.Node(f"reader{index}"), tp.Task():
                count = ops.Const(0)
                with received(numbers):
                    ops.Add([count, ops.Const(1)], [count])
                send(counts, count)
        with tp.Node("counter"), tp.Task():
            output("read", sum_of(counts))
    return group


@correct("a reader that cannot know which writer is the last", {"sum": 30})
def many_writers_one_reader() -> tp.TaskGroup:
    """The channel ends when all of its writers have ended; each writes another number of records."""
    numbers = channel("numbers")
    with tp.TaskGroup() as group:
        with tp.Node("reader"), tp.Task():
            output("sum", sum_of(numbers))
        for index in range(4):
            with tp.Node(f"writer{index}"), tp.Task(num_instances=index + 1), ops.loop(index):
                send(numbers, index - 1)
    return group


@correct("a channel whose writer writes nothing", {"sum": 0, "ended": True})
def writer_only_by_name() -> tp.TaskGroup:
    """It ends when that task has ended."""
    nothing = channel("nothing")
    with tp.TaskGroup() as group:
        with tp.Node("reader"), tp.Task():
            output("sum", sum_of(nothing))
            output("ended", nothing.reader().read()[0])
        with tp.Node("writer"), tp.Task():
            nothing.writer()
    return group


@correct("an endless writer on another node", {"number": 1, "refused": True})
def reader_closes_the_channel() -> tp.TaskGroup:
    """The reader closes the channel's queue, and the writer stops at the first record that is refused."""
    numbers = channel("numbers")
    with tp.TaskGroup() as group:
        with tp.Node("writer"), tp.Task():
            with ops.loop():
                refused = send(numbers, 1)
                ops.stop_if(refused)
            output("refused", refused)
        with tp.Node("reader"), tp.Task():
            output("number", receive(numbers))
            close(numbers.queue())
    return group


@correct("a reader that comes when all writers have gone", {"sum": 10})
def read_when_all_have_ended() -> tp.TaskGroup:
    """All records have room, and what a channel holds outlives its writers."""
    numbers, gate = channel("numbers", 5), channel("gate")
    with tp.TaskGroup() as group:
        with tp.Node("writer"), tp.Task():
            with ops.loop(5) as loop:
                send(numbers, loop.iter())
            with ops.task_exit():
                gate.writer()
        with tp.Node("reader"), tp.Task():
            sum_of(gate)
            output("sum", sum_of(numbers))
    return group


@correct("a channel that is written by no body", {"sum": 7})
def written_by_exits_only() -> tp.TaskGroup:
    """The exits of the task and of its instances write, and the channel ends behind them."""
    numbers = channel("numbers")
    with tp.TaskGroup() as group:
        with tp.Node("writer"), tp.Task(num_instances=2):
            with ops.task_exit():
                send(numbers, 5)
            with ops.task_instance_exit():
                send(numbers, 1)
        with tp.Node("reader"), tp.Task():
            output("sum", sum_of(numbers))
    return group


@correct("a channel that nobody reads", {"sent": 3})
def channel_without_a_reader() -> tp.TaskGroup:
    """It has room for all records."""
    unread = channel("unread", 3)
    with tp.TaskGroup() as group, tp.Node("writer"), tp.Task():
        with ops.loop(3) as loop:
            send(unread, loop.iter())
        with ops.task_exit():
            output("sent", loop.iter())
    return group


@correct("a task that reads the channel which it keeps open itself", {"last": 4})
def task_that_is_its_own_reader() -> tp.TaskGroup:
    """It reads as much as it has written, and does not wait for the end."""
    own = channel("own")
    with tp.TaskGroup() as group, tp.Node("alone"), tp.Task():
        send(own, 0)
        with ops.loop(4):
            send(own, plus(receive(own), 1))
        output("last", receive(own))
    return group


@correct("a barrier of three nodes", {"a": 2, "b": 2, "c": 2})
def barrier_between_nodes() -> tp.TaskGroup:
    """A fourth node lets them go on when all have come, in both rounds."""
    arrived = channel("arrived")
    leave = {name: channel(f"leave_{name}") for name in "abc"}
    with tp.TaskGroup() as group:
        for name in leave:
            with tp.Node(name), tp.Task():
                rounds = ops.Const(0)
                with ops.loop(2):
                    send(arrived, 1)
                    ops.Add([rounds, receive(leave[name])], [rounds])
                output(name, rounds)
        with tp.Node("gate"), tp.Task(), ops.loop(2):
            for _ in leave:
                receive(arrived)
            for each in leave.values():
                send(each, 1)
    return group


@correct("a channel written in an operator block that may not run", {"sum": 4})
def channel_in_an_if_net() -> tp.TaskGroup:
    """What is not written is not waited for: the channel ends all the same."""
    numbers = channel("numbers")
    with tp.TaskGroup() as group:
        with tp.Node("writer"), tp.Task(), ops.loop(5) as loop:
            number = ops.Copy(loop.iter())
            with ops.IfNet(equal(number, 4)):
                numbers.writer().write(None, [number])
        with tp.Node("reader"), tp.Task():
            output("sum", sum_of(numbers))
    return group


@correct("two channels that are read in another order than they are written", {"order": 210})
def channels_read_in_another_order() -> tp.TaskGroup:
    """The one that is written first has room for all of it, so the writer gets to the other."""
    first, second = channel("first", 2), channel("second")
    with tp.TaskGroup() as group:
        with tp.Node("writer"), tp.Task():
            send(first, 5)
            send(first, 5)
            send(second, 200)
        with tp.Node("reader"), tp.Task():
            sums = [sum_of(second), sum_of(first)]
            output("order", ops.Sum(sums))
    return group


@correct("nodes that share what only one of them makes", {"sum": 3}, shared_nodes=True)
def queue_in_a_shared_workspace() -> tp.TaskGroup:
    """All nodes are in one workspace, and only the node that makes the queue uses it; the other reads a channel."""
    numbers = channel("numbers", node="one")
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Node("one"), tp.Task(name="pass on"):
            inner = queue("inner")
            with records(inner) as number:
                send(numbers, number)
        with tp.Node("one"), tp.Task(name="write"):
            with ops.loop(3) as loop:
                put(inner, loop.iter())
            close(inner)
        with tp.Node("two"), tp.Task():
            output("sum", sum_of(numbers))
    return group


@correct("records of parts that come from two nodes", {"pairs": 33})
def records_joined_from_two_nodes() -> tp.TaskGroup:
    """A third node reads one part of each, by turns, and sends on what has several fields."""
    ones, tens = channel("ones"), channel("tens")
    pairs = tp.Channel("pairs", 1, schema=["one", "ten"])
    with tp.TaskGroup() as group:
        for each, number in ((ones, 1), (tens, 10)):
            with tp.Node(each.name), tp.Task(), ops.loop(3):
                send(each, number)
        with tp.Node("join"), tp.Task(), ops.loop(3):
            pairs.writer().write(None, [receive(ones), receive(tens)])
        with tp.Node("add"), tp.Task():
            total = ops.Const(0)
            with ops.loop():
                ended, pair = pairs.reader().read()
                ops.stop_if(ended)
                both = ops.Add([pair.one(), pair.ten()])
                ops.Add([total, both], [total])
            output("pairs", total)
    return group


@correct("a run with a limit, in which a node waits for almost all of it", {"got": 3}, timeout_s=3600.0)
def run_within_its_limit() -> tp.TaskGroup:
    """The record comes by way of a queue, the exit of its reader, and a channel."""
    late = channel("late")
    with tp.TaskGroup() as group:
        with tp.Node("waits"), tp.Task():
            output("got", receive(late))
        with tp.Node("works"), tp.Task(name="read"):
            inner, kept = queue("inner"), counter("kept")
            with records(inner):
                ops.CountUp([kept], 1)
            with ops.task_exit():
                send(late, ops.RetrieveCount(kept))
        with tp.Node("works"), tp.Task(name="write"):
            with ops.loop(3):
                put(inner, 0)
            with ops.task_finally():
                close(inner)
    return group


@correct("a channel with readers only", {"got": 3, "rest": 4})
def written_by_the_exit_of_a_node() -> tp.TaskGroup:
    """The exit block of the other node writes it, when all tasks there have ended, and its closing block ends it."""
    numbers = channel("numbers")
    with tp.TaskGroup() as group:
        with tp.Node("waits"), tp.Task():
            output("got", receive(numbers))
            output("rest", sum_of(numbers))
        with tp.Node("works"), tp.Task():
            numbers.reader()
            with ops.local_exit():
                put(numbers.queue(), 3)
                put(numbers.queue(), 4)
            with ops.local_finally():
                close(numbers.queue())
    return group


@correct("a node that waits for a step of another which runs only in the second round", {"rounds": 3})
def second_round_of_steps_at_once() -> tp.TaskGroup:
    """In each round steps run at once there, one of them for what the other node needs."""
    rounds, answers = channel("rounds"), channel("answers")
    with tp.TaskGroup() as group:
        with tp.Node("works"), tp.Task():
            with ops.loop(3):
                with tp.NetBuilder(name="say") as say:
                    send(rounds, 1)
                with tp.NetBuilder(name="hear") as hear:
                    receive(answers)
                ops.net(tp.control.DoParallel("both", tp.to_execution_step(say), tp.to_execution_step(hear)))
        with tp.Node("waits"), tp.Task():
            total = ops.Const(0)
            with received(rounds) as one:
                ops.Add([total, one], [total])
                send(answers, 0)
            output("rounds", total)
    return group


@correct("a task that waits for the task which it keeps waiting", {"got": 5})
def closing_block_of_another_node_closes() -> tp.TaskGroup:
    """The closing block of the only other user ends the channel, whose reader asks that one for nothing more."""
    numbers, told = channel("numbers", 2), channel("told")
    with tp.TaskGroup() as group:
        with tp.Node("reads"), tp.Task():
            send(told, 5)
            output("got", sum_of(numbers))
        with tp.Node("closes"), tp.Task():
            numbers.reader()
            number = receive(told)
            put(numbers.queue(), number)
            with ops.task_finally():
                close(numbers.queue())
    return group
