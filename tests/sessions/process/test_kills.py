"""A sample of runs on processes that are hurt; `python -m tests.soak --kills` runs more of them.

In each a pipeline runs over three nodes; the session is its own, and nothing may be left of it. The numbers are chosen
so that all that can happen does.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
from tests.sessions.process.kills import hurt_run
from tests.sessions.process.programs import HANG_S, eventually, pid

import taskplan as tp
from taskplan import ops
from taskplan.sessions.nodes.conductor import Conductor
from taskplan.sessions.nodes.messages import Census


@pytest.mark.parametrize("number", [0, 1, 5, 9, 10, 18, 25, 28, 32, 35])
def test_a_run_whose_node_is_killed_or_stopped_ends_with_its_loss_and_the_next_run_is_right(number):
    hurt_run(number, signals=True, waits=False)


@pytest.mark.parametrize("number", [5, 6, 8, 9, 11])
def test_a_run_that_fails_or_is_ended_ends_so_on_all_nodes_and_the_next_run_is_right(number):
    hurt_run(number, signals=False, waits=False)


def test_the_end_of_a_process_that_is_heard_late_is_not_that_of_the_one_that_was_started_anew(session, monkeypatch):
    launcher = session._home._launcher
    start, heard, tell = launcher.start, [], []

    def start_and_tell_late(tickets, needs, on_end):
        processes = start(tickets, needs, heard.append)
        tell.append(on_end)
        for node in heard:
            tell[0](node)
        return processes

    monkeypatch.setattr(launcher, "start", start_and_tell_late)
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        output = tp.final_output(ops.call(pid))
    session.run(group)
    killed = int(output.fetch())

    os.kill(killed, signal.SIGKILL)
    eventually(lambda: heard, "the end of the process to be heard")
    eventually(lambda: "a" not in session.pids(), "the loss to be noticed")
    session.run(group)

    assert int(output.fetch()) != killed


def test_a_node_waits_until_the_others_are_there_however_long_home_says_nothing(session, monkeypatch):
    home = session._home
    start, ends = home._launcher.start, []

    def start_and_look(tickets, needs, on_end):
        processes = start([replace(ticket, node_timeout_s=0.05) for ticket in tickets], needs, on_end)
        eventually(lambda: not home._awaited, "the node to be there")
        ends.append(processes["a"].epitaph(timeout_s=0.5))
        processes["a"].kill()
        raise tp.PlacementError("enough was seen", node="a")

    monkeypatch.setattr(home._launcher, "start", start_and_look)

    with pytest.raises(tp.PlacementError, match="enough was seen"):
        session.feed("a", "x", 1)

    assert ends == [""]


def test_a_cancel_ends_a_run_that_waits_for_a_hung_node_to_be_ready():
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.Const(1)
    with tp.ProcessSession(tp.Workspace(), node_timeout_s=2 * HANG_S) as session:
        session.run(group)
        hung = session.pids()["a"]
        os.kill(hung, signal.SIGSTOP)
        run = session.start(group)

        run.cancel()

        with pytest.raises(tp.RunCancelledError):
            run.wait(timeout_s=HANG_S)
        os.kill(hung, signal.SIGCONT)
        session.run(group)


def test_an_output_of_a_node_that_is_lost_raises_the_loss_and_starts_nothing():
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        output = tp.final_output(ops.Const(1))
    with tp.ProcessSession(tp.Workspace()) as session:
        session.run(group)
        os.kill(session.pids()["a"], signal.SIGKILL)
        eventually(lambda: "a" not in session.pids(), "the loss to be noticed")

        with pytest.raises(tp.NodeLostError, match="node 'a' is lost: its process was killed by SIGKILL"):
            output.fetch()

        assert "a" not in session.pids()
    with pytest.raises(tp.NodeLostError, match="node 'a' is lost: its process was killed by SIGKILL"):
        output.fetch()


class _Asked:
    """A part whose node says how it stands."""

    def __init__(self, *, ended: bool) -> None:
        self.ended, self.ended_well = ended, False

    def census(self) -> Future[Census]:
        answer: Future[Census] = Future()
        answer.set_result(Census(idle=True, ended=self.ended, sent=0, received=0))
        return answer


def test_nothing_stalls_while_word_of_the_failure_of_a_part_that_has_ended_is_on_its_way(session):
    conductor = Conductor(session._driver, {}, kill=session._home.lose, examine=lambda _: None)
    parts: Any = {"failed": _Asked(ended=True), "waits": _Asked(ended=False)}
    conductor.parts.update(parts)

    looks_again = conductor.look_at_all()

    assert looks_again
    assert not conductor.token.cancelled
