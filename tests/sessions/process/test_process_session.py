"""`ProcessSession`: what differs for a user when nodes are processes, and what must not."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from tests.sessions.process.programs import (
    HANG_S,
    BoomError,
    StubbornError,
    begun,
    boom,
    endless,
    eventually,
    pid,
    work_on,
)

import taskplan as tp
from taskplan import ops
from taskplan.testing import check_session


@tp.operator("TripledForTest", inputs=("X",), outputs=("Y",), inexact="a test")
def tripled(x: Any) -> Any:
    """Three times X, by an operator that the test declares.

    Inputs:
        X: any number dtype.
    Outputs:
        Y: the same.
    """
    return x * 3


def test_tasks_of_different_nodes_have_different_processes(shared_session):
    with tp.TaskGroup() as group:
        outputs = []
        for node in ("local", "a", "b"):
            with tp.Node(node), tp.Task():
                outputs.append(tp.final_output(ops.call(pid)))

    shared_session.run(group)

    pids = [int(output.fetch()) for output in outputs]
    assert pids[0] == os.getpid()
    assert len(set(pids)) == 3
    assert shared_session.pids() == dict(zip(("local", "a", "b"), pids, strict=True))


def test_a_node_keeps_its_process_and_its_workspace_from_run_to_run(shared_session):
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as first, tp.Node("a"), tp.Task():
        ops.Const(5, blob_out="kept")
        before = tp.final_output(ops.call(pid))
    with tp.TaskGroup() as second, tp.Node("a"), tp.Task():
        doubled = tp.final_output(ops.Add(["kept", "kept"], 1))
        after = tp.final_output(ops.call(pid))

    shared_session.run(first)
    shared_session.run(second)

    assert doubled.fetch() == 10
    assert before.fetch() == after.fetch()


def test_blobs_are_fed_to_a_node_and_fetched_from_it(shared_session):
    values = {"numbers": np.arange(6.0).reshape(2, 3), "one": np.float32(2), "text": b"words"}
    for name, value in values.items():
        shared_session.feed("a", name, value)

    fetched = {name: shared_session.fetch("a", name) for name in values}

    space = shared_session.workspace("a")
    assert {name: np.asarray(value).tolist() for name, value in fetched.items()} == {
        name: np.asarray(value).tolist() for name, value in values.items()
    }
    assert set(values) <= set(space.names()) == set(space.blobs) == set(space)
    assert space.has_blob("one")
    assert space.remove_blob("one")
    assert not space.has_blob("one")
    with pytest.raises(tp.MissingBlobError, match="there is no blob 'one' in the workspace"):
        space.fetch_blob("one")


def test_what_cannot_be_pickled_is_neither_fed_to_a_node_nor_fetched(shared_session):
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        queue = tp.final_output(ops.CreateBlobsQueue([], 1))
    shared_session.run(group)

    with pytest.raises(tp.WorkspaceError, match="blob 'lock' of node 'a' holds a lock, which stays in its process"):
        shared_session.feed("a", "lock", threading.Lock())
    with pytest.raises(tp.WorkspaceError, match="holds a BlobsQueue, which cannot be fetched"):
        queue.fetch()


def test_what_a_node_prints_without_a_line_break_arrives_when_its_part_is_over(shared_session, capsys):
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.call(lambda: print("no more", end=""), outputs=0)

    shared_session.run(group)

    assert "[a] no more\n" in capsys.readouterr().out


def test_a_blob_of_another_node_is_said_to_be_there(shared_session):
    shared_session.feed("a", "far", 1)

    with pytest.raises(tp.MissingBlobError, match="blob 'far' is on node 'a'"):
        shared_session.workspace().fetch_blob("far")


def test_operators_that_a_program_declares_run_on_nodes(shared_session):
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        output = tp.final_output(ops.TripledForTest([ops.Const(7)], 1))

    shared_session.run(group)

    assert output.fetch() == 21


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_failure_on_a_node_is_raised_itself_with_its_place_and_the_remote_traceback(shared_session):
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task(name="job"):
        output = tp.final_output(ops.Const(1))
        ops.call(boom, outputs=0)

    with pytest.raises(BoomError, match="boom") as raised:
        shared_session.run(group)

    notes = "\n".join(raised.value.__notes__)
    assert "  in     task 'a/job' on node 'a' > " in notes
    assert re.search(r"  added  .*test_process_session.py:\d+, in test_a_failure", notes)
    assert ", in boom\n    raise BoomError(msg)" in str(raised.value.__cause__)
    with pytest.raises(RuntimeError, match="the run failed"):
        output.fetch()


def test_an_error_of_taskplan_on_a_node_is_raised_itself(shared_session):
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.Add([ops.Const(np.zeros(2)), ops.call(lambda: np.zeros(3, np.float32))], 1)

    with pytest.raises(tp.ShapeError, match=re.escape("A has shape (2,)")):
        shared_session.run(group)


def test_an_error_that_cannot_be_pickled_arrives_as_what_it_was(shared_session):
    def stubborn() -> None:
        msg = "hard to move"
        raise StubbornError(msg)

    with tp.TaskGroup() as group, tp.Node("a"), tp.Task(name="job"):
        ops.call(stubborn, outputs=0)

    with pytest.raises(tp.RemoteError, match=re.escape("programs.StubbornError: hard to move")) as raised:
        shared_session.run(group)

    assert raised.value.kind.endswith("StubbornError")
    assert raised.value.text == "hard to move"
    assert ", in stubborn" in raised.value.traceback
    assert any("task 'a/job' on node 'a'" in note for note in raised.value.__notes__)


def test_a_failure_on_one_node_ends_all_others_and_their_closing_blocks_run(shared_session):
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Node("a"), tp.Task():
            ops.call(boom, outputs=0)
        for node in ("local", "b"):
            with tp.Node(node), tp.Task():
                with ops.task_exit():
                    ops.Const(1, blob_out="left")
                with ops.task_finally():
                    ops.Const(1, blob_out="closed")
                work_on()
    for node in ("local", "b"):
        shared_session.workspace(node).remove_blob("closed")

    with pytest.raises(BoomError):
        shared_session.run(group)

    for node in ("local", "b"):
        assert shared_session.workspace(node).has_blob("closed")
        with pytest.raises((tp.WorkspaceError, KeyError)):
            shared_session.workspace(node).create_blob("left").fetch()


def test_failures_of_other_nodes_are_notes(shared_session):
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="first"):
            ops.call(boom, outputs=0)
        with tp.Node("b"), tp.Task(name="second"):
            with ops.task_finally():
                ops.call(lambda: 1 / 0, outputs=0)
            work_on()

    with pytest.raises(BoomError) as raised:
        shared_session.run(group)

    [also] = [note for note in raised.value.__notes__ if note.startswith("  also")]
    assert "ZeroDivisionError: division by zero (in task 'b/second' on node 'b'" in also


def test_a_limit_of_time_ends_all_nodes_and_says_who_waited(shared_session):
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="waits"):
            queue = ops.CreateBlobsQueue([], ["jobs"])
            ops.Python(lambda *_: None, pass_workspace=True)([], [])
            ops.DequeueBlobs([queue], 1)
        with tp.Node("b"), tp.Task():
            work_on()

    with pytest.raises(tp.TimedOutError, match=re.escape("the run took longer than 1 s")) as raised:
        shared_session.run(group, timeout_s=1.0)

    [wait] = [wait for wait in raised.value.why.waits if wait.operator]
    assert (wait.who, wait.name) == ("task 'a/waits' on node 'a'", "jobs")


def test_a_stall_within_a_node_is_found(shared_session):
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="waits"):
            ops.DequeueBlobs([ops.CreateBlobsQueue([], ["jobs"])], 1)
        with tp.Node("b"), tp.Task():
            ops.Const(1)

    with pytest.raises(tp.StalledError, match="nothing can go on: nobody writes queue 'jobs'") as raised:
        shared_session.run(group)

    assert [wait.who for wait in raised.value.why.waits] == ["task 'a/waits' on node 'a'"]


def test_a_stall_of_one_node_is_none_while_another_works(shared_session):
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="waits"):
            ops.DequeueBlobs([ops.CreateBlobsQueue([], ["jobs"])], 1)
        with tp.Node("b"), tp.Task():
            work_on()

    with pytest.raises(tp.TimedOutError):
        shared_session.run(group, timeout_s=0.2)


def test_cancelling_a_run_reaches_every_node(shared_session):
    run = shared_session.start(endless())
    eventually(begun(shared_session), "the task to begin")

    run.cancel("as told")

    with pytest.raises(tp.RunCancelledError, match="as told"):
        run.wait(timeout_s=HANG_S)
    shared_session.workspace("a").remove_blob("begun")


def test_a_session_says_what_all_nodes_wait_for(shared_session):
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Node("a"), tp.Task(name="waits"):
            queue = ops.CreateBlobsQueue([], ["jobs"])
            ops.DequeueBlobs([queue], 1)
        with tp.Node("b"), tp.Task():
            work_on()
    run = shared_session.start(group)

    eventually(lambda: any(wait.operator for wait in run.why().waits), "somebody to wait")

    why = shared_session.why()
    assert [(wait.who, wait.stuck) for wait in why.waits if wait.operator] == [("task 'a/waits' on node 'a'", False)]
    run.cancel()
    run.settle(HANG_S)


def test_a_long_wait_for_another_node_is_reported_with_who_could_end_it(caplog):
    rows = tp.Channel("rows", 2, ["x"])
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="reads"):
            rows.reader().read()
        with tp.Node("b"), tp.Task(name="writes"):
            work_on()
            rows.writer().write(None, [ops.Const(1)])

    with tp.ProcessSession(tp.Workspace(), stall_warning_s=0.1) as session:
        run = session.start(group)
        eventually(lambda: "a step has waited for" in caplog.text, "a warning")
        run.cancel()
        run.settle(HANG_S)

    [warning] = [record.message for record in caplog.records if "a step has waited" in record.message]
    assert "task 'a/reads' on node 'a'" in warning
    assert "written by task 'b/writes' on node 'b' (runs)" in warning


# --- seen from home ---------------------------------------------------------------------------------------------------


def test_what_nodes_print_and_log_appears_at_home_with_their_names(shared_session, capsys, caplog):
    def say() -> None:
        print("first\nsecond")
        logging.getLogger("app").warning("third")

    with tp.TaskGroup() as group:
        for node in ("a", "b"):
            with tp.Node(node), tp.Task():
                ops.call(say, outputs=0)

    shared_session.run(group)

    lines = capsys.readouterr().out.splitlines()
    for node in ("a", "b"):
        assert [line for line in lines if line.startswith(f"[{node}]")] == [f"[{node}] first", f"[{node}] second"]
        assert [record.message for record in caplog.records if record.node == node] == [f"[{node}] third"]


def test_the_events_of_all_nodes_come_in_one_stream():
    class Listener:
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def observe(self, event: Any) -> None:
            self.heard.append(event)

    listener = Listener()
    with tp.TaskGroup() as group:
        for node in ("local", "a"):
            with tp.Node(node), tp.Task(name="job"):
                ops.Const(1)

    with tp.ProcessSession(tp.Workspace(), observers=[listener]) as session:
        session.run(group)

    names = [type(event).__name__ for event in listener.heard]
    assert (names[0], names[-1]) == ("RunStarted", "RunEnded")
    tasks = {(type(event).__name__, event.node) for event in listener.heard[1:-1]}
    assert tasks == {(name, node) for name in ("TaskStarted", "TaskEnded") for node in ("local", "a")}
    assert all(listener.heard[0].at_s <= event.at_s <= listener.heard[-1].at_s for event in listener.heard)


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_outputs_can_be_fetched_when_the_session_is_closed():
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        output = tp.final_output(ops.Const(np.arange(3)))

    with tp.ProcessSession(tp.Workspace()) as session:
        session.run(group)

    assert output.fetch().tolist() == [0, 1, 2]


def test_the_same_seed_draws_the_same_numbers_as_on_threads():
    def drawn(make: Any) -> list[float]:
        with tp.fresh_names(), tp.TaskGroup() as group, tp.Node("a"), tp.Task():
            output = tp.final_output(ops.UniformFill([], 1, shape=[4]))
        with make(tp.Workspace(), seed=7) as session:
            session.run(group)
        return list(output.fetch())

    assert drawn(tp.ProcessSession) == drawn(tp.LocalSession)


def test_a_program_of_node_local_alone_starts_no_process():
    with tp.TaskGroup() as group, tp.Task():
        output = tp.final_output(ops.call(pid))

    with tp.ProcessSession(tp.Workspace()) as session:
        session.run(group)

        assert session.pids() == {"local": os.getpid()}
    assert output.fetch() == os.getpid()


def test_a_node_time_limit_of_no_time_is_refused():
    with pytest.raises(tp.BuildValueError, match="node_timeout_s must be more than 0 seconds, got 0"):
        tp.ProcessSession(node_timeout_s=0)


def test_process_sessions_do_what_every_session_must():
    def make(**options: Any) -> tp.ProcessSession:
        return tp.ProcessSession(tp.Workspace(), **options)

    assert len(check_session(make)) > 100


SCRIPT = """
import taskplan as tp
from taskplan import ops

FACTOR = 3

class OwnError(Exception):
    pass

@tp.operator("ScaledByScript", inputs=("X",), outputs=("Y",), inexact="a test")
def scaled(x):
    return x * FACTOR

def refuse(x):
    raise OwnError(f"{x} is refused")

with tp.ProcessSession() as session:
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.call(refuse, ops.ScaledByScript([ops.Const(7)], 1), outputs=0)
    try:
        session.run(group)
    except OwnError as error:
        print(error, error.__cause__)
"""


def test_a_script_without_a_main_part_may_use_its_own_operators_functions_and_errors_on_nodes(tmp_path):
    script = tmp_path / "app.py"
    script.write_text(SCRIPT)

    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)

    assert (ended.stderr, ended.returncode) == ("", 0)
    assert ended.stdout.startswith("21 is refused")
    assert f'File "{script}", line 15, in refuse' in ended.stdout
