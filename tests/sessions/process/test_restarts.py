"""Runs that begin again when a node is lost, and what nodes are to have."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.sessions.process.programs import HANG_S, begun, endless, eventually

import taskplan as tp
from taskplan import ops


def once(folder: Path, workspace_type: str, **options: bool) -> tuple[tp.TaskGroup, tp.TaskOutput]:
    """A group whose task ends its process the first time, and says how often its node was set up since it started."""

    def die_at_first() -> None:
        if not (folder / "tried").exists():
            (folder / "tried").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    with tp.TaskGroup(workspace_type, **options) as group:
        with tp.Node("a"), tp.Task():
            with ops.local_init():
                counter = ops.CreateCounter([], ["setups"])
                ops.CountUp([counter])
            ops.call(die_at_first, outputs=0)
            output = tp.final_output(ops.RetrieveCount(["setups"]))
        with tp.Node("b"), tp.Task():
            ops.Const(1)
    return group, output


def test_a_run_whose_node_was_lost_begins_again_from_its_start(tmp_path):
    group, output = once(tmp_path, tp.WorkspaceType.PRIVATE)

    with tp.ProcessSession(tp.Workspace(), max_restarts=1) as session:
        session.run(group)

        assert output.fetch() == 1


def test_a_run_is_not_begun_again_more_often_than_it_may():
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.call(lambda: os.kill(os.getpid(), signal.SIGKILL), outputs=0)

    with tp.ProcessSession(tp.Workspace(), max_restarts=2) as session:
        with pytest.raises(tp.NodeLostError, match="was killed by SIGKILL"):
            session.run(group)


def test_tasks_that_leave_blobs_are_not_run_again_unless_their_group_says_so(tmp_path):
    group, _ = once(tmp_path, tp.WorkspaceType.GLOBAL)

    with tp.ProcessSession(tp.Workspace(), max_restarts=1) as session:
        with pytest.raises(tp.NodeLostError) as raised:
            session.run(group)

    assert any("make the group by TaskGroup(restartable=True)" in note for note in raised.value.__notes__)


def test_a_group_may_say_that_it_can_run_again(tmp_path):
    group, output = once(tmp_path, tp.WorkspaceType.GLOBAL, restartable=True)

    with tp.ProcessSession(tp.Workspace(), max_restarts=1) as session:
        session.run(group)

        assert output.fetch() == 1


def test_a_started_run_that_began_again_can_be_cancelled():
    with tp.ProcessSession(tp.Workspace(), max_restarts=1) as session:
        with tp.TaskGroup(tp.WorkspaceType.GLOBAL, restartable=True) as group:
            group.add(endless().tasks()[0])
        run = session.start(group)
        eventually(begun(session), "the task to begin")
        os.kill(session.pids()["a"], signal.SIGKILL)
        eventually(lambda: session.pids().get("a") and begun(session)(), "the task to begin again")

        assert run.cancel()

        with pytest.raises(tp.RunCancelledError):
            run.wait(timeout_s=HANG_S)


def test_fewer_than_no_restarts_are_refused():
    with pytest.raises(tp.BuildValueError, match="max_restarts must be 0 or more, got -1"):
        tp.ProcessSession(max_restarts=-1)


# --- keywords of nodes ------------------------------------------------------------------------------------------------


def test_two_uses_of_a_node_that_contradict_each_other_are_refused_with_both_lines():
    with tp.TaskGroup() as group:
        for count in (1, 2):
            with tp.Node("a", num_cpus=count), tp.Task():
                ops.Const(1)

    with tp.ProcessSession(tp.Workspace()) as session:
        with pytest.raises(
            tp.BuildValueError, match=r"node 'a' is to have num_cpus=1, as said at .*, and num_cpus=2, as"
        ):
            session.run(group)


def test_where_keywords_have_no_effect_a_node_that_runs_may_have_others():
    with tp.TaskGroup() as group, tp.Node("a", num_cpus=1), tp.Task():
        ops.Const(1)

    with tp.ProcessSession(tp.Workspace()) as session:
        session.feed("a", "x", 1)  # starts the node, when its keywords are not known
        session.run(group)


def test_what_nodes_are_to_have_is_part_of_a_saved_program(tmp_path):
    with tp.TaskGroup(restartable=True) as group, tp.Node("a", num_cpus=2, resources={"x": 1}), tp.Task():
        ops.Const(1)

    tp.save(group, tmp_path / "program")
    loaded = tp.load(tmp_path / "program")

    assert [(need.node, need.keyword, need.value) for need in loaded.needs] == [
        ("a", "num_cpus", 2),
        ("a", "resources", {"x": 1}),
    ]
    assert loaded.restartable


def test_a_keyword_that_cannot_be_saved_is_named(tmp_path):
    with tp.TaskGroup() as group, tp.Node("a", near=object()), tp.Task():
        ops.Const(1)

    with pytest.raises(tp.PlanError, match="keyword 'near' of node 'a' is <object object"):
        tp.save(group, tmp_path / "program")
