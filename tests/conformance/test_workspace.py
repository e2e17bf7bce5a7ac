"""Statements 39 to 41 and 47 to 50 of the checklist: workspaces, their children, their nets, and which is current."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import TIMEOUT_S, BoomError, reading, writing

import taskplan as tp

BUILT: list[str] = []
"""What builders of Python operators made; a module's global, since builders are pickled into their operators."""


def noting_builder(name: str) -> Callable[[Any, Any], None]:
    BUILT.append(name)
    return lambda inputs, outputs: None


@pytest.fixture
def built() -> Iterator[list[str]]:
    BUILT.clear()
    yield BUILT
    BUILT.clear()


@pytest.fixture
def child(ws: tp.Workspace) -> tp.Workspace:
    return tp.Workspace(ws)


@pytest.fixture
def _switches_back() -> Iterator[None]:
    """After the test the workspace that it switched to is empty, and the process is in the one in which it was."""
    before = tp.CurrentWorkspace()
    yield
    tp.ResetWorkspace()
    tp.SwitchWorkspace(before)


def raising() -> tp.Net:
    """A net whose operator raises."""

    def throw(inputs: Any, outputs: Any) -> None:
        raise BoomError("mine")

    net = tp.Net("raising")
    net.Python(throw)([], [])
    return net


def failing() -> tp.Net:
    """A net whose operator reports failure."""
    net = tp.Net("failing")
    net.Fail([], [])
    return net


# --- parents and children ---------------------------------------------------------------------------------------------


def test_039_a_child_reads_the_blobs_of_its_parents(ws, child):
    ws.feed_blob("x", np.int64(1))
    grandchild = tp.Workspace(child)

    child.run(reading("x"))

    assert grandchild.fetch_blob("x") == 1
    assert child.fetch_blob("copy of x") == 1
    assert "x" in child.blobs


def test_039a_an_operator_in_a_child_writes_the_parent_s_blob_where_there_is_one(ws, child):
    ws.feed_blob("x", np.int64(1))

    child.run(writing("x", 2))

    assert ws.fetch_blob("x") == 2
    assert not child.remove_blob("x")


def test_039b_feeding_a_child_writes_the_parent_s_blob_where_there_is_one(ws, child):
    ws.feed_blob("x", np.int64(1))

    child.feed_blob("x", np.int64(2))

    assert ws.fetch_blob("x") == 2


def test_039c_a_blob_of_the_child_hides_one_that_its_parent_gets_later(ws, child):
    child.feed_blob("x", np.int64(1))
    ws.feed_blob("x", np.int64(2))

    child.run(writing("x", 3))

    assert (child.fetch_blob("x"), ws.fetch_blob("x")) == (3, 2)


def test_040_what_a_child_writes_anew_is_its_own_and_goes_with_it(ws):
    child = tp.Workspace(ws)
    child.run(writing("x"))

    assert child.has_blob("x")
    assert not ws.has_blob("x")
    with pytest.raises(RuntimeError, match="'x'"):
        ws.fetch_blob("x")
    assert not tp.Workspace(ws).has_blob("x")


def test_040a_two_children_do_not_see_each_other_s_blobs(ws, child):
    other = tp.Workspace(ws)
    child.run(writing("x", 1))
    other.run(writing("x", 2))

    assert (child.fetch_blob("x"), other.fetch_blob("x")) == (1, 2)


def test_040b_a_child_keeps_its_parent_alive():
    """W-17: in Caffe2 the child of a parent that is gone shows some other workspace's blobs."""
    parent = tp.Workspace()
    parent.feed_blob("x", np.int64(1))
    child = tp.Workspace(parent)
    del parent

    assert child.fetch_blob("x") == 1


def test_040c_nets_are_not_inherited(ws, child):
    ws.create_net(writing("x"))

    assert list(ws.nets) == ["write x"]
    assert list(child.nets) == []


def test_041_remove_blob_never_removes_a_parent_s_blob(ws, child):
    ws.feed_blob("x", np.int64(1))

    assert not child.remove_blob("x")

    assert ws.fetch_blob("x") == child.fetch_blob("x") == 1


def test_041a_remove_blob_removes_a_blob_of_its_own_and_says_whether_there_was_one(ws, child):
    child.feed_blob("x", np.int64(1))

    assert child.remove_blob("x")
    assert not child.has_blob("x")
    assert not child.remove_blob("x")


def test_041b_a_handle_of_a_removed_blob_is_harmless(ws):
    """W-17: in Caffe2 it ends the process."""
    blob = ws.create_blob("x")
    blob.feed(np.int64(1))
    ws.remove_blob("x")

    blob.feed(np.int64(2))

    assert blob.fetch() == 2
    assert not ws.has_blob("x")


# --- nets -------------------------------------------------------------------------------------------------------------


def test_047_a_net_s_name_can_be_created_once(ws):
    net = writing("x", 1)
    tp.CreateNet(net)

    with pytest.raises(RuntimeError, match="'write x'"):
        tp.CreateNet(net)


def test_047a_overwrite_replaces_a_net(ws):
    tp.CreateNet(writing("x", 1))
    with tp.fresh_names():
        tp.CreateNet(writing("x", 2), overwrite=True)

    tp.RunNet("write x")

    assert ws.fetch_blob("x") == 2


def test_047b_a_net_that_is_kept_needs_a_name(ws):
    with pytest.raises(RuntimeError, match="name"):
        tp.CreateNet(tp.Net(""))


def test_047c_input_blobs_are_created_first(ws):
    net = reading("x")
    with pytest.raises(RuntimeError, match="'x'"):
        tp.CreateNet(net)

    tp.CreateNet(net, input_blobs=["x"])
    tp.FeedBlob("x", np.int64(1))
    tp.RunNet(net)

    assert ws.fetch_blob("copy of x") == 1


def test_047d_a_net_that_could_not_be_created_is_not_kept(ws):
    net = reading("x")
    with pytest.raises(RuntimeError, match="'x'"):
        tp.CreateNet(net)
    tp.FeedBlob("x", np.int64(1))

    tp.CreateNet(net)
    tp.RunNet(net)

    assert ws.fetch_blob("copy of x") == 1


def test_047e_a_net_is_created_once_and_run_often(ws, built):
    net = tp.Net("net")
    net.Python((noting_builder, ("f",), {}))([], [])

    tp.CreateNet(net)
    tp.RunNet("net", 2)
    tp.RunNet(net)

    assert built == ["f"]


def test_048_a_reported_failure_is_false_where_failing_is_allowed(ws):
    net = failing()
    tp.CreateNet(net)

    assert tp.RunNet(net, allow_fail=True) is False
    with pytest.raises(RuntimeError, match="Fail"):
        tp.RunNet(net)


def test_048a_an_exception_is_raised_though_failing_is_allowed(ws):
    net = raising()
    tp.CreateNet(net)

    with pytest.raises(BoomError, match="mine"):
        tp.RunNet(net, allow_fail=True)


def test_048b_a_net_that_succeeds_is_true(ws):
    net = writing("x")
    tp.CreateNet(net)

    assert tp.RunNet(net, allow_fail=True) is True
    assert tp.RunNet(net) is True


def test_048c_a_net_must_have_been_created(ws):
    with pytest.raises(RuntimeError, match="'write x'"):
        tp.RunNet(writing("x"))
    with pytest.raises(RuntimeError, match="'write x'"):
        tp.RunNet("write x", allow_fail=True)


# --- named workspaces -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_switches_back")
def test_049_switching_to_a_missing_workspace_raises_unless_it_is_to_be_made():
    with pytest.raises(RuntimeError, match="'test_049'"):
        tp.SwitchWorkspace("test_049")
    with pytest.raises(RuntimeError, match="'test_049'"):
        tp.SwitchWorkspace("test_049", False)
    assert "test_049" not in tp.Workspaces()

    tp.SwitchWorkspace("test_049", True)

    assert tp.CurrentWorkspace() == "test_049"
    assert "test_049" in tp.Workspaces()


@pytest.mark.usefixtures("_switches_back")
def test_049a_each_named_workspace_has_its_own_blobs():
    tp.SwitchWorkspace("test_049a other", True)
    tp.SwitchWorkspace("test_049a", True)
    tp.FeedBlob("x", np.int64(1))

    tp.SwitchWorkspace("test_049a other")
    assert not tp.HasBlob("x")
    tp.SwitchWorkspace("test_049a")
    assert tp.FetchBlob("x") == 1


@pytest.mark.usefixtures("_switches_back")
def test_049b_the_switch_counts_for_all_threads():
    tp.SwitchWorkspace("test_049b", True)

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(tp.CurrentWorkspace).result(TIMEOUT_S) == "test_049b"


@pytest.mark.usefixtures("_switches_back")
def test_049c_a_reset_workspace_is_empty_and_old_handles_say_so():
    """W-17: in Caffe2 they write into some other workspace."""
    tp.SwitchWorkspace("test_049c", True)
    tp.FeedBlob("x", np.int64(1))
    old = tp.Workspace.current
    blob = old.create_blob("x")

    assert tp.ResetWorkspace() is True

    assert tp.CurrentWorkspace() == "test_049c"
    assert tp.Blobs() == []
    with pytest.raises(RuntimeError, match="reset"):
        old.feed_blob("x", np.int64(2))
    with pytest.raises(RuntimeError, match="reset"):
        blob.fetch()


@pytest.mark.usefixtures("_switches_back")
def test_049c_a_session_of_a_workspace_that_was_reset_refuses_to_run():
    tp.SwitchWorkspace("test_049c", True)
    with tp.LocalSession() as session:
        tp.ResetWorkspace()

        with pytest.raises(RuntimeError, match="reset"):
            session.run(tp.Net("net"))


@pytest.mark.usefixtures("_switches_back")
def test_049d_a_reset_may_name_a_root_folder(tmp_path):
    folder = tmp_path / "made" / "here"
    tp.SwitchWorkspace("test_049d", True)
    assert tp.RootFolder() == "."

    tp.ResetWorkspace(str(folder))
    tp.ResetWorkspace()

    assert tp.RootFolder() == str(folder)
    assert folder.is_dir()


@pytest.mark.parametrize("inner", ["test_050", tp.Workspace()], ids=["name", "object"])
def test_050_a_guard_restores_the_workspace_after_an_exception(inner):
    before = tp.Workspace.current

    with pytest.raises(BoomError, match="mine"), tp.WorkspaceGuard(inner):
        assert tp.Workspace.current is not before
        raise BoomError("mine")

    assert tp.Workspace.current is before


def test_050a_inside_a_guard_there_is_one_current_workspace_for_everything(ws):
    """W-16: under Caffe2's guard of an object, feeding and fetching use different workspaces."""
    inner = tp.Workspace()

    with tp.WorkspaceGuard(inner):
        tp.FeedBlob("x", np.int64(1))
        tp.RunNetOnce(writing("y", 2))

        assert tp.Workspace.current is inner
        assert tp.FetchBlobs(["x", "y"]) == [1, 2]
        assert not ws.has_blob("x")

    assert inner.fetch_blob("y") == 2
    assert tp.Blobs() == []


def test_050b_guards_nest():
    first, second = tp.Workspace(), tp.Workspace()

    with tp.WorkspaceGuard(first):
        with tp.WorkspaceGuard(second):
            assert tp.Workspace.current is second
        assert tp.Workspace.current is first


def test_050c_a_guard_counts_for_its_own_thread():
    """W-16: one current workspace for each thread. (In Caffe2 a guard switches the whole process.)"""
    outside = tp.Workspace.current
    inside: list[bool] = []
    guarded, seen = threading.Event(), threading.Event()

    def guard() -> None:
        with tp.WorkspaceGuard(tp.Workspace()):
            guarded.set()
            inside.append(seen.wait(TIMEOUT_S))

    thread = threading.Thread(target=guard)
    thread.start()
    assert guarded.wait(TIMEOUT_S)
    assert tp.Workspace.current is outside
    seen.set()
    thread.join()

    assert inside == [True]


def test_050d_a_run_that_fails_leaves_the_current_workspace_as_it_was(ws, session):
    """W-15: in Caffe2 the current workspace is then one that is gone."""
    with tp.TaskGroup(tp.WorkspaceType.PRIVATE) as group, tp.Task():
        tp.ops.Python(lambda inputs, outputs: 1 // 0)([], [])

    with pytest.raises(ZeroDivisionError):
        session.run(group)

    assert tp.Workspace.current is ws
    tp.RunNetOnce(writing("x"))
    assert ws.has_blob("x")
