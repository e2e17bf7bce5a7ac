"""`python -m taskplan.caffe2 script.py`: programs run as they were written."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from tests.caffe2.running import python

PROGRAM = '''\
"""Readers put batches into a queue, and a trainer adds up what comes out of it."""

import sys

import numpy as np
from caffe2.proto import caffe2_pb2
from caffe2.python import core, workspace
from caffe2.python.net_builder import ops
from caffe2.python.session import LocalSession
from caffe2.python.task import Node, Task, TaskGroup, final_output


def triple(inputs, outputs):
    outputs[0].feed(inputs[0].data * 3)


def read(queue, init, readers, batches):
    with Node("reader"), Task(name="read", num_instances=readers):
        with ops.local_init():
            ops.net(init)
        with ops.task_exit():
            ops.CloseBlobsQueue([queue], 0)
        with ops.loop(batches) as batch:
            number = ops.Cast(batch.iter(), to=core.DataType.FLOAT)
            ops.SafeEnqueueBlobs([queue, number], [number, "full"])


def train(queue):
    with Node("trainer"), Task(name="train"):
        total = ops.Const(0.0)
        seen = ops.Const(0)
        with ops.loop():
            value, is_empty = ops.SafeDequeueBlobs([queue], 2)
            ops.stop_if(is_empty)
            tripled = ops.net().Python(triple)([value], 1)
            ops.Add([total, tripled], [total])
            ops.Add([seen, ops.Const(1)], [seen])
        with ops.If(ops.GT([total, ops.Const(10.0)])):
            ops.Copy(ops.Const("much"), "verdict")
        return final_output([total, seen]), final_output("verdict")


def main(readers, batches):
    workspace.GlobalInit(["caffe2", "--caffe2_log_level=2"])
    init = core.Net("init")
    queue = init.CreateBlobsQueue([], 1, capacity=2, num_blobs=1)
    with TaskGroup() as group:
        read(queue, init, readers, batches)
        figures, verdict = train(queue)
    with LocalSession() as session:
        session.run(group)
    print("total and count:", *figures.fetch(), verdict.fetch())

    workspace.FeedBlob("x", np.array([1, 2], dtype=np.float32), core.DeviceOption(caffe2_pb2.CPU))
    double = core.Net("double")
    double.Add(["x", "x"], ["x"])
    workspace.RunPlan(core.Plan(core.execution_step("twice", double, num_iter=2)))
    print("x:", workspace.FetchBlob("x"))


if __name__ == "__main__":
    main(readers=int(sys.argv[1]), batches=int(sys.argv[2]))
'''


def run(script: Path, *arguments: str, cwd: Path | None = None) -> tuple[int, str, str]:
    done = python("-m", "taskplan.caffe2", str(script), *arguments, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.py"


def test_a_program_of_caffe2s_runs_unmodified(script):
    script.write_text(PROGRAM)

    code, output, errors = run(script, "2", "4")

    assert (code, errors) == (0, "")
    assert output == "total and count: 36.0 8 b'much'\nx: [4. 8.]\n"


def test_a_script_finds_what_it_would_find_without_the_layer(script, tmp_path):
    """Its arguments, also those that look like ours; its name; what lies beside it, and not around the caller."""
    (tmp_path / "beside.py").write_text("WHERE = 'beside'")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "around.py").touch()
    script.write_text(
        dedent("""
            import importlib.util, sys
            import beside
            print(__name__, __file__ == sys.argv[0], sys.argv[1:], beside.WHERE)
            print(sys.modules["__main__"].beside is beside, importlib.util.find_spec("around"))
        """)
    )

    code, output, errors = run(script, "-h", "--flag", "x", cwd=elsewhere)

    assert (code, errors) == (0, "")
    assert output == "__main__ True ['-h', '--flag', 'x'] beside\nTrue None\n"


def test_the_exit_code_is_that_of_the_script(script):
    script.write_text("raise SystemExit(7)")

    code, _, _ = run(script)

    assert code == 7


def test_an_error_of_the_script_is_shown_with_its_line_and_notes(script):
    script.write_text(
        dedent("""\
            from caffe2.python import core, workspace
            net = core.Net("n")
            net.Copy("x", "y")
            workspace.RunNetOnce(net)
        """)
    )

    code, _, errors = run(script)

    assert code == 1
    assert "there is no blob 'x' in the workspace" in errors
    assert f"added  {script}:3, in <module>" in errors


def test_a_script_that_is_not_there_is_a_wrong_call(script):
    code, _, errors = run(script)

    assert code == 2
    assert f"there is no file {str(script)!r}" in errors
