"""Nodes that die, hang, or do not start; and homes that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from tests.sessions.process.programs import HANG_S, begun, endless, eventually, is_alive, is_stopped, pid, work_on

import taskplan as tp
from taskplan import ops


def test_a_killed_node_ends_the_run_within_a_second(session):
    run = session.start(endless(name="job"))
    eventually(begun(session), "the task to begin")

    killed_at = time.monotonic()
    os.kill(session.pids()["a"], signal.SIGKILL)

    with pytest.raises(tp.NodeLostError, match="node 'a' is lost: its process was killed by SIGKILL") as raised:
        run.wait(timeout_s=HANG_S)
    assert time.monotonic() - killed_at < HANG_S
    assert (raised.value.node, raised.value.tasks) == ("a", ("a/job",))
    assert "it had to do task 'a/job'" in str(raised.value)


def test_a_node_that_hangs_ends_the_run_and_is_killed(session):
    run = session.start(endless())
    eventually(begun(session), "the task to begin")
    hung = session.pids()["a"]

    os.kill(hung, signal.SIGSTOP)

    with pytest.raises(tp.NodeLostError, match="node 'a' did not answer for 1 s, so its process was killed"):
        run.wait(timeout_s=HANG_S)
    assert not is_alive(hung)


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


def test_a_node_that_ends_itself_is_lost_with_its_exit_code(session):
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.call(lambda: os._exit(3), outputs=0)

    with pytest.raises(tp.NodeLostError, match="node 'a' is lost: its process ended with exit code 3"):
        session.run(group)


def test_what_a_crashing_node_says_is_part_of_the_error(session):
    def crash() -> None:
        os.write(2, b"out of luck\n")
        os.abort()

    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.call(crash, outputs=0)

    with pytest.raises(tp.NodeLostError, match="was killed by SIGABRT and said:") as raised:
        session.run(group)

    assert "  | out of luck" in str(raised.value)
    assert " in crash" in str(raised.value)


def test_functions_that_ignore_the_end_are_killed_with_their_process(session):
    def deaf() -> None:
        while True:
            time.sleep(0.01)

    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="deaf"):
            ops.call(deaf, outputs=0)
        with tp.Node("b"), tp.Task():
            work_on()
    run = session.start(group)
    eventually(lambda: run.why().calls, "the function to run")
    killed = session.pids()["a"]

    run.cancel()

    with pytest.raises(tp.RunCancelledError):
        run.wait(timeout_s=HANG_S)
    assert not is_alive(killed)
    assert "b" in session.pids()
    [abandoned] = session.abandoned()
    assert abandoned.startswith("node 'a': ")
    assert ", in deaf" in abandoned


def test_a_node_that_cannot_be_started_is_said_to(session, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(tp.PlacementError, match="node 'a' could not be started: its process ended with exit code 1"):
        session.run(endless())


def test_a_module_that_a_node_lacks_is_named_before_anything_runs(session, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def one():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here  # type: ignore[import-not-found]

    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.call(only_here.one, outputs=0)
    session.feed("a", "x", 1)  # starts the node, with the path of now
    (tmp_path / "only_here.py").unlink()

    with pytest.raises(tp.PlacementError, match="node 'a' lacks what the program needs: function 'only_here:one'"):
        session.run(group)


# --- homes ------------------------------------------------------------------------------------------------------------

SCRIPT = """
import os, sys
from pathlib import Path
import taskplan as tp
from taskplan import ops

def note(name):
    Path(name).write_text(str(os.getpid()))

with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
    for node in ("local", "a"):
        with tp.Node(node), tp.Task():
            with ops.task_finally():
                ops.call(lambda node=node: note(f"{node}.closed"), outputs=0)
            ops.call(lambda node=node: note(f"{node}.begun"), outputs=0)
            with ops.loop(10**12):
                ops.Const(1)

with tp.ProcessSession(tp.Workspace()) as session:
    session.run(group)
"""


@pytest.fixture
def script(tmp_path):
    """A script that runs in a process of its own, with a node of which the process id is told."""
    (tmp_path / "app.py").write_text(textwrap.dedent(SCRIPT))
    with subprocess.Popen([sys.executable, "app.py"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        eventually(
            lambda: (tmp_path / "a.begun").exists() and (tmp_path / "local.begun").exists(), "the tasks to begin"
        )
        eventually(lambda: (tmp_path / "a.begun").read_text(), "the process id")
        yield process
        process.kill()


def test_a_node_ends_itself_when_its_home_dies(script, tmp_path):
    node = int((tmp_path / "a.begun").read_text())

    script.kill()

    eventually(lambda: not is_alive(node), "the node to end itself")
    assert Path(tmp_path / "a.closed").exists()


def test_ctrl_c_ends_the_run_on_all_nodes_and_closing_blocks_run(script, tmp_path):
    node = int((tmp_path / "a.begun").read_text())

    script.send_signal(signal.SIGINT)

    _, said = script.communicate(timeout=HANG_S)
    assert "KeyboardInterrupt" in said
    assert not is_alive(node)
    assert {path.name for path in tmp_path.glob("*.closed")} == {"local.closed", "a.closed"}


def test_the_limit_of_a_run_counts_while_its_nodes_get_ready():
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.Const(1)
    with tp.ProcessSession(tp.Workspace(), node_timeout_s=60) as session:
        session.run(group)
        hung = session.pids()["a"]
        os.kill(hung, signal.SIGSTOP)
        eventually(lambda: is_stopped(hung), "the node to stop")
        try:
            with pytest.raises(tp.TimedOutError, match=r"the run took longer than 0\.05 s"):
                session.start(group, timeout_s=0.05).wait(timeout_s=HANG_S)
        finally:
            os.kill(hung, signal.SIGCONT)

        session.run(group)
