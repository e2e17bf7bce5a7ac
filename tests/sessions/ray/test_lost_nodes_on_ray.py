"""Nodes on Ray that die, hang, or find no place."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
from tests.sessions.process.programs import HANG_S, endless, eventually, is_alive, pid

import taskplan as tp
from taskplan import ops


@pytest.mark.parametrize("direct", [True, False], ids=["connections", "calls"])
def test_a_killed_node_ends_the_run_within_a_second(cluster, direct, record_property):
    with tp.RaySession(tp.Workspace(), direct=direct, timeout_s=60) as session:
        run = session.start(endless(name="job"))
        eventually(lambda: session.workspace("a").has_blob("begun"), "the task to begin")

        killed_at = time.monotonic()
        os.kill(session.pids()["a"], signal.SIGKILL)

        with pytest.raises(tp.NodeLostError, match=r"node 'a' is lost: its process died \(") as raised:
            run.wait(timeout_s=HANG_S)
        took_s = time.monotonic() - killed_at
    record_property("report", f"a node killed on Ray was seen after {took_s * 1000:.0f} ms")
    assert took_s < 5
    assert (raised.value.node, raised.value.tasks) == ("a", ("a/job",))
    assert "it had to do task 'a/job'" in str(raised.value)


def test_a_node_that_hangs_ends_the_run_and_is_killed(session):
    run = session.start(endless())
    eventually(lambda: session.workspace("a").has_blob("begun"), "the task to begin")
    hung = session.pids()["a"]

    os.kill(hung, signal.SIGSTOP)

    with pytest.raises(tp.NodeLostError, match="node 'a' did not answer for 2 s, so its process was killed"):
        run.wait(timeout_s=HANG_S)
    eventually(lambda: not is_alive(hung), "the process to be killed")


def test_the_next_run_starts_a_lost_node_anew_and_others_keep_what_they_have(session):
    with tp.TaskGroup() as group:
        outputs = {}
        for node in ("a", "b"):
            with tp.Node(node), tp.Task():
                outputs[node] = tp.final_output(ops.call(pid))
    session.run(group)
    before = {node: int(output.fetch()) for node, output in outputs.items()}
    for node in ("a", "b"):
        session.feed(node, "kept", 1)

    os.kill(before["a"], signal.SIGKILL)
    eventually(lambda: "a" not in session.pids(), "the loss to be noticed")
    session.run(group)

    after = {node: int(output.fetch()) for node, output in outputs.items()}
    assert after["a"] != before["a"]
    assert after["b"] == before["b"]
    assert [session.workspace(node).has_blob("kept") for node in ("a", "b")] == [False, True]


def test_a_lost_node_gets_the_place_back_that_it_had(session):
    """Its place stays its own, so nobody else can take the CPUs that it asked for."""
    session._home.ensure({"a": {"num_cpus": 2}})

    os.kill(session.pids()["a"], signal.SIGKILL)
    eventually(lambda: "a" not in session.pids(), "the loss to be noticed")
    session._home.ensure({"a": {"num_cpus": 2}})

    assert "a" in session.pids()


def test_a_function_that_ignores_the_end_of_its_run_is_killed_with_its_process(session, tmp_path):
    begun = tmp_path / "begun"

    def stubborn() -> np.int64:
        begun.touch()
        while True:
            time.sleep(0.01)

    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group, tp.Node("a"), tp.Task():
        ops.call(stubborn)
    run = session.start(group)
    eventually(begun.exists, "the function to begin")
    there = session.pids()["a"]

    run.cancel()

    with pytest.raises(tp.RunCancelledError):
        run.wait(timeout_s=HANG_S)
    eventually(lambda: not is_alive(there), "the process to be killed")


def test_what_the_cluster_does_not_have_is_refused_before_anything_starts(session):
    with pytest.raises(tp.PlacementError, match="node 'trainer' asks for 2 GPUs; the cluster has none") as raised:
        session._home.ensure({"reader": {}, "trainer": {"num_gpus": 2}})

    assert raised.value.node == "trainer"
    assert session.pids().keys() == {"local"}


def test_what_is_in_use_is_waited_for_and_then_refused(session):
    session._home.ensure({"a": {"num_cpus": 2}})

    with pytest.raises(
        tp.PlacementError,
        match=r"there was no room within 1 s: node 'b' asks for 1 CPU; free in the cluster: 0 CPUs",
    ):
        session._home.ensure({"b": {"num_cpus": 1}})


def test_a_place_that_was_not_found_is_looked_for_again(session, cluster):
    with tp.RaySession(tp.Workspace()) as other:
        other._home.ensure({"a": {"num_cpus": 2}})
        with pytest.raises(tp.PlacementError, match="there was no room"):
            session._home.ensure({"b": {"num_cpus": 1}})

    eventually(lambda: cluster.available_resources().get("CPU") == 2, "the CPUs to be given back")
    session._home.ensure({"b": {"num_cpus": 1}})

    assert "b" in session.pids()


def test_an_unknown_keyword_is_refused_before_anything_starts(session):
    with pytest.raises(tp.BuildTypeError, match="node 'a' has num_gpu=1; RaySession knows num_cpus, num_gpus, memory"):
        session._home.ensure({"a": {"num_gpu": 1}})

    assert session.pids().keys() == {"local"}
