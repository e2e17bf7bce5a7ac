"""Caffe2's modules in a process, and what its programs notice besides."""

from __future__ import annotations

from pathlib import Path

from tests.caffe2.running import INSTALLED, printed, python

import taskplan as tp
from taskplan.caffe2.modules import MODULES


def test_modules_are_imported_in_every_way_that_python_has():
    lines = printed("""
        import caffe2.python.core
        import caffe2.python.workspace as ws
        from caffe2.proto import caffe2_pb2
        from caffe2.python import core, workspace, task, session, schema, net_builder, context, control, scope
        from caffe2.python import net_printer, timeout_guard, parallel_workers, experiment_util, utils
        from caffe2.python.net_builder import ops, NetBuilder
        from caffe2.python.session import LocalSession
        from caffe2.python.task import *

        print(caffe2.python.core is core, ws is workspace, task.Task is Task)
    """)

    assert lines == ["True True True"]


def test_names_are_taskplans_own():
    core, workspace = MODULES["caffe2.python.core"], MODULES["caffe2.python.workspace"]

    assert core["Net"] is tp.Net
    assert workspace["blobs"] is tp.blobs
    assert MODULES["caffe2.python.net_builder"]["ops"] is tp.ops
    assert MODULES["caffe2.python._import_c_extension"]["Workspace"] is tp.Workspace
    assert MODULES["caffe2.python.queue_util"]["_QueueReader"] is type(tp.Queue(1).reader())
    assert MODULES["caffe2.python.schema"].keys() >= {"Struct", "FeedRecord", "FetchRecord"}


def test_modules_are_names_of_those_that_import_them_in_caffe2():
    lines = printed("""
        from caffe2.proto import caffe2_pb2
        from caffe2.python import core, scope, utils, workspace
        import caffe2.python._import_c_extension as C

        print(core.workspace is workspace, core.scope is scope, core.utils is utils, core.caffe2_pb2 is caffe2_pb2)
        print(workspace.C is C, C.Workspace is workspace.Workspace)
        core.workspace.FeedBlob("x", [1.0])
        print(workspace.FetchBlob("x"))
    """)

    assert lines == ["True True True True", "True True", "[1.]"]


def test_the_c_extension_opens_databases_and_workspaces(tmp_path: Path):
    lines = printed(f"""
        import caffe2.python._import_c_extension as C

        db = C.create_db("minidb", {str(tmp_path / "x.db")!r}, C.Mode.write)
        transaction = db.new_transaction()
        transaction.put("key", "value")
        transaction.commit()
        del transaction, db
        cursor = C.create_db("minidb", {str(tmp_path / "x.db")!r}, C.Mode.read).new_cursor()
        print(cursor.key(), cursor.value())
        print(C.Workspace().has_blob("x"))
    """)

    assert lines == ["b'key' b'value'", "False"]


def test_messages_have_caffe2s_names_for_types_of_elements_and_devices():
    messages = MODULES["caffe2.proto.caffe2_pb2"]

    assert messages["TensorProto"].FLOAT == 1  # type: ignore[attr-defined]
    assert (messages["CPU"], messages["CUDA"], messages["PROTO_CUDA"]) == (0, 1, 1)
    assert messages["NetDef"] is type(tp.Net("n").Proto())


def test_a_module_that_is_not_there_is_said_to_be_missing_with_those_that_are():
    lines = printed("""
        for statement in "import caffe2.python.brew", "from caffe2.python import brew":
            try:
                exec(statement)
            except ImportError as error:
                print(error)
    """)

    assert len(lines) == 2
    for line in lines:
        assert line.startswith("taskplan does not have Caffe2's module 'caffe2.python.brew'; it has caffe2.proto.")
        assert "caffe2.python.net_builder" in line


def test_a_name_that_is_not_there_is_said_to_be_missing_with_near_ones():
    lines = printed("""
        from caffe2.python import core
        print(hasattr(core, "GradientRegistry"))
        try:
            core.Nett
        except AttributeError as error:
            print(error)
    """)

    assert lines == ["False", "taskplan has no 'Nett' for Caffe2's module 'caffe2.python.core'; did you mean 'Net'?"]


def test_another_caffe2_that_was_imported_before_is_left_alone(tmp_path: Path):
    (tmp_path / "caffe2").mkdir()
    (tmp_path / "caffe2" / "__init__.py").touch()

    lines = printed(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import caffe2
        try:
            {INSTALLED.replace(chr(10), ";")}
        except taskplan.errors.BuildError as error:
            print(error)
        print(caffe2.__file__ == sys.modules["caffe2"].__file__)
    """,
        before="",
    )

    where = repr(str(tmp_path / "caffe2" / "__init__.py"))
    assert lines == [
        f"another package 'caffe2' has been imported, from {where}; install before anything imports it",
        "True",
    ]


def test_uninstalling_leaves_python_as_it_was():
    lines = printed("""
        import sys
        taskplan.caffe2.install()
        from caffe2.python import core

        taskplan.caffe2.uninstall()

        print([name for name in sys.modules if name.partition(".")[0] == "caffe2"])
        try:
            import caffe2.python
        except ImportError as error:
            print(error)
        try:
            core.Net("n").Add(["x"], "y")
        except AssertionError as error:
            print(error)
    """)

    assert lines == ["[]", "No module named 'caffe2'", "Add takes 2 inputs (A, B), got 1"]


# --- what is as Caffe2 has it -----------------------------------------------------------------------------------------


def test_wrong_calls_are_found_when_their_net_is_made_and_not_on_their_line():
    lines = printed("""
        from caffe2.python import core, workspace
        from caffe2.python.session import LocalSession

        def build():
            wrong_count, wrong_argument = core.Net("count"), core.Net("argument")
            wrong_count.Add(["x"], "y")
            wrong_argument.ConstantFill([], "y", shape="wide")
            return wrong_count, wrong_argument

        for net in build():
            for run in workspace.RunNetOnce, LocalSession().run:
                try:
                    run(net)
                except RuntimeError as error:
                    print(error, [note.rpartition(" ")[2] for note in error.__notes__ if "added" in note])
    """)

    assert len(lines) == 4
    assert lines[:2] == ["Add takes 2 inputs (A, B), got 1 ['build']"] * 2
    assert all(line.startswith("ConstantFill: argument 'shape' must be ") for line in lines[2:])


def test_records_and_weights_that_cannot_be_are_found_when_their_net_is_made():
    """Nothing of the net has run then."""
    lines = printed("""
        from caffe2.python import core, workspace

        twice, weights = core.Net("twice"), core.Net("weights")
        for net in twice, weights:
            net.CreateBlobsQueue([], "q", num_blobs=2)
            net.Const(1, blob_out="a")
        twice.SafeEnqueueBlobs(["q", "a", "a"], ["a", "a", "refused"])
        weights.WeightedSampleDequeueBlobs(["q"], ["x", "y", "ended"], weights=[0.5, 0.5])
        for net in twice, weights:
            try:
                workspace.CreateNet(net)
            except RuntimeError as error:
                print(str(error).partition(";")[0])
    """)

    assert lines == [
        "SafeEnqueueBlobs: blob 'a' stands twice among the blobs",
        "WeightedSampleDequeueBlobs: argument 'weights' must have one for each of the 1 queues, got 2, [0.5, 0.5]",
    ]


def test_a_blob_that_is_not_there_is_found_when_its_net_is_made():
    """A session of taskplan's own raises `PlanError` before it runs anything."""
    lines = printed("""
        from caffe2.python import core, workspace
        from caffe2.python.session import LocalSession

        first, second = core.Net("first"), core.Net("second")
        first.Const(1, blob_out="made")
        second.Copy("missing", "copy")
        plan = core.Plan("plan")
        plan.AddStep(core.execution_step("first", first))
        plan.AddStep(core.execution_step("second", second))

        try:
            workspace.RunPlan(plan)
        except RuntimeError as error:
            print(type(error).__name__, workspace.HasBlob("made"))
        try:
            LocalSession().run(second)
        except RuntimeError as error:
            print(type(error).__name__)
    """)

    assert lines == ["WorkspaceError True", "WorkspaceError"]


def test_unknown_arguments_are_let_pass():
    lines = printed("""
        from caffe2.python import core, workspace

        net = core.Net("net")
        net.ConstantFill([], "x", shape=[2], value=3.0, of_another_version=1)
        workspace.RunNetOnce(net)
        print(workspace.FetchBlob("x"))
    """)

    assert lines == ["[3. 3.]"]


def test_nodes_of_a_session_share_its_workspace():
    lines = printed("""
        from caffe2.python import core, workspace
        from caffe2.python.session import LocalSession
        from caffe2.python.task import Node, Task, TaskGroup, WorkspaceType

        def on(node, net):
            with TaskGroup(WorkspaceType.GLOBAL) as group:
                Task(step=net, node=Node(node))
            return group

        make, copy = core.Net("make"), core.Net("copy")
        make.Const(5, blob_out="x")
        copy.Copy("x", "y")
        ws = workspace.C.Workspace()
        with LocalSession(ws) as session:
            session.run(on("a", make))
            session.run(on("b", copy))
        print(ws.fetch_blob("y"), ws.blobs["y"].fetch())
    """)

    assert lines == ["5 5"]


def test_flags_of_the_engine_are_taken_and_have_no_effect():
    lines = printed("""
        from caffe2.python import core, workspace
        flags = ["caffe2", "--caffe2_handle_executor_threads_exceptions=1"]
        print(core.GlobalInit(flags), workspace.GlobalInit(flags), workspace.has_gpu_support)
    """)

    assert lines == ["True True False"]


def test_the_layer_is_imported_without_a_change_to_the_process():
    done = python("-c", "import sys, taskplan.caffe2; print('caffe2' in sys.modules)")

    assert done.stdout == "False\n"
