"""`RaySession`: what it must do as every session, and what only it does."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import textwrap
import types
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from tests.sessions.process.programs import BoomError, StubbornError, boom, pid
from tests.sessions.ray.conftest import in_use

import taskplan as tp
from taskplan import ops
from taskplan.testing import check_session

CLAIMS = [
    "tasks_of_several_nodes_exchange_through_channels",
    "a_channel_ends_when_its_last_writer_has_ended",
    "a_channel_is_empty_when_its_program_runs_again",
    "channels_carry_records_between_nodes",
    "nodes_are_apart",
    "a_node_keeps_its_workspace_as_long_as_the_session",
    "the_setup_of_a_node_precedes_all_its_tasks",
    "notes_name_task_node_and_line",
    "a_failure_on_one_node_ends_the_others",
    "waiting_for_what_nobody_writes_is_a_stall",
    "nodes_that_wait_for_each_other_are_a_stall",
    "outputs_of_a_session_are_found_by_name",
    "the_same_group_runs_twice",
    "closing_a_session_cancels_its_runs",
    "a_session_may_be_closed_twice",
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_it_does_what_every_session_must(cluster, claim):
    def make(**options):
        return tp.RaySession(tp.Workspace(), **options)

    assert claim in check_session(make, only=claim)


@pytest.mark.parametrize(
    "claim",
    [
        "tasks_of_several_nodes_exchange_through_channels",
        "channels_carry_records_between_nodes",
        "nodes_that_wait_for_each_other_are_a_stall",
    ],
)
def test_it_does_that_over_calls_too(cluster, claim):
    def make(**options):
        return tp.RaySession(tp.Workspace(), direct=False, **options)

    assert claim in check_session(make, only=claim)


def test_nodes_have_processes_of_their_own(shared_session):
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


def test_an_exception_of_the_user_comes_home_as_itself_with_its_place(shared_session):
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task(name="job"):
        ops.call(boom)

    with pytest.raises(BoomError) as raised:
        shared_session.run(group)

    assert "  in     task 'a/job' on node 'a' > net 'a/job' > op 1 Call (boom)" in raised.value.__notes__
    assert any("test_ray_session.py" in note for note in raised.value.__notes__)


def test_an_exception_that_cannot_be_pickled_comes_home_as_its_text(shared_session):
    def fail() -> None:
        raise StubbornError("as stubborn as ever")

    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.call(fail)

    with pytest.raises(tp.RemoteError, match="StubbornError: as stubborn as ever"):
        shared_session.run(group)


def test_a_module_that_a_node_cannot_import_is_named_before_the_run(shared_session, monkeypatch):
    module = types.ModuleType("known_at_home_only")
    exec("def job():\n    return 1\n", module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.call(module.job)

    with pytest.raises(tp.PlacementError, match=r"node 'a' .* 'known_at_home_only:job' .* cannot be imported"):
        shared_session.run(group)


def test_a_module_without_which_a_node_cannot_start_is_named(cluster, monkeypatch):
    """As taskplan itself, where that is not installed."""
    module = types.ModuleType("known_at_home_only")
    exec("class Level(int): pass", module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with tp.RaySession(tp.Workspace()) as session:
        ticket = session._home._ticket
        session._home._ticket = lambda *args: replace(ticket(*args), levels={"": module.Level(30)})

        with pytest.raises(tp.PlacementError) as raised:
            session.feed("a", "x", 1)

    assert str(raised.value) == (
        "node 'a' could not be started: its process cannot import module 'known_at_home_only', "
        "which must be installed on all machines, or be given as code"
    )


def test_a_node_works_in_the_folder_of_home_and_finds_its_modules(shared_session):
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        folder = tp.final_output(ops.call(lambda: np.array(os.getcwd().encode())))
        path = tp.final_output(ops.call(lambda: np.array(sys.path, dtype=object)))

    shared_session.run(group)

    assert folder.fetch().item() == os.getcwd().encode()
    assert {os.path.abspath(each) for each in sys.path} <= {each.decode() for each in path.fetch()}


def test_what_a_node_logs_and_prints_comes_home_with_its_name(shared_session, caplog, capsys):
    def speak() -> np.int64:
        print("printed there")
        logging.getLogger("user").warning("logged there")
        return np.int64(0)

    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.call(speak)

    shared_session.run(group)

    assert "[a] printed there" in capsys.readouterr().out
    assert "[a] logged there" in caplog.messages


@pytest.mark.parametrize("direct", [True, False], ids=["connections", "calls"])
def test_large_arrays_arrive_whole(cluster, direct):
    channel = tp.Channel("arrays", capacity=2, schema=["array"])
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task():
            writer = channel.writer()
            writer.write(None, [ops.call(lambda: np.arange(500_000.0))])
        with tp.Node("b"), tp.Task():
            _, record = channel.reader().read()
            got = tp.final_output(ops.call(lambda array: array + 1, record.array()))
    with tp.RaySession(tp.Workspace(), direct=direct) as session:
        session.run(group)

        np.testing.assert_array_equal(got.fetch(), np.arange(500_000.0) + 1)


def test_nodes_that_cannot_connect_to_home_use_calls_and_say_so(cluster, caplog):
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        there = tp.final_output(ops.call(pid))
    with tp.RaySession(tp.Workspace()) as session:
        ticket = session._home._ticket
        session._home._ticket = lambda *args: replace(ticket(*args), home=("127.0.0.1", 1))

        session.run(group)

        assert int(there.fetch()) == session.pids()["a"]
    assert "node 'a' cannot connect to home, so all they say goes over Ray's calls, which is slower" in caplog.messages


def test_a_session_that_is_closed_leaves_no_actor_no_thread_and_no_place(cluster):
    before = in_use(cluster)
    with tp.RaySession(tp.Workspace()) as session:
        session.feed("a", "x", 1)
        [actor] = set(cluster.util.list_named_actors()).difference(before)

    assert re.fullmatch(r"taskplan:[0-9a-f]{8}:a", actor)
    assert in_use(cluster) - before == set()


def test_ray_that_was_there_before_stays(cluster):
    with tp.RaySession(tp.Workspace()) as session:
        session.feed("a", "x", 1)

    assert cluster.is_initialized()


def test_the_address_of_the_ray_that_is_in_use_is_taken_and_no_other(cluster):
    here = cluster.get_runtime_context().gcs_address
    tp.RaySession(tp.Workspace(), address=here).close()

    with pytest.raises(
        tp.BuildValueError, match=f"address is '10.0.0.1:6379', and this process uses the Ray at '{here}'"
    ):
        tp.RaySession(tp.Workspace(), address="10.0.0.1:6379")


def test_code_cannot_be_sent_to_a_ray_that_is_in_use(cluster):
    with pytest.raises(tp.BuildValueError, match="code was given, and Ray is in use in this process already"):
        tp.RaySession(tp.Workspace(), code=[tp])


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_clusters_and_code_that_are_not_there_are_refused_at_once(tmp_path):
    """In a process of its own, which has no Ray yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(NOT_THERE))

    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), address], cwd="/", capture_output=True, text=True, timeout=120
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"cannot join the Ray cluster at '{address}': [Errno 111] Connection refused",
        "code has '/missing', which is neither a module nor a folder that is there",
    ]


NOT_THERE = """
    import sys
    import taskplan as tp

    with tp.RaySession(address=sys.argv[1]) as session:
        try:
            session.feed("a", "x", 1)
        except tp.PlacementError as error:
            print(error)
    try:
        tp.RaySession(code=["/missing"])
    except tp.BuildValueError as error:
        print(error)
"""


@pytest.mark.parametrize("address", ["ray://head:10001", "local", "head"])
def test_addresses_of_other_kinds_are_refused(cluster, address):
    with pytest.raises(tp.BuildValueError, match="address must be 'auto' or 'host:port', got"):
        tp.RaySession(tp.Workspace(), address=address)


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_a_ray_of_its_own_is_for_this_machine_alone_and_ends_with_the_session(tmp_path, short_folder):
    """In a process of its own, since ray decides what it binds when it is imported."""
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / "__init__.py").write_text("NAME = 'sent'")
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(OWN_RAY))

    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(tmp_path / "sent")],
        cwd="/",
        env=os.environ | {"RAY_AUTH_TOKEN": "of this test", "RAY_TMPDIR": str(short_folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (done.stdout.splitlines(), done.stderr) == (["{'127.0.0.1'}", "b'sent'", "left: []"], "")


OWN_RAY = """
    import os, socket, sys, threading

    import numpy as np
    import psutil
    import taskplan as tp
    from taskplan import ops

    def name():
        import sent
        return np.array(sent.NAME.encode())

    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        output = tp.final_output(ops.call(name))
    with tp.RaySession(code=[sys.argv[1]]) as session:
        session.run(group)
        started = psutil.Process().children(recursive=True)
        print({
            each.laddr.ip.removeprefix("::ffff:")
            for process in [psutil.Process(), *started]
            for each in process.net_connections()
            if each.status == psutil.CONN_LISTEN
        })
        print(output.fetch().item())
    print("left:", [*psutil.wait_procs(started, timeout=20)[1], *threading.enumerate()[1:]])
"""
