"""The command line, as a user meets it: what is printed where, and the exit code."""

from __future__ import annotations

import logging
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

import taskplan as tp
from taskplan import ops
from taskplan.cli import main

Command = Callable[..., Result]

TWO_NODES = """
    import numpy as np
    from taskplan import Channel, Node, Task, TaskGroup, final_output, ops

    with TaskGroup() as program:
        rows = Channel("rows", capacity=2, schema=["n"])
        with Node("reader"), Task(name="read"):
            with ops.loop(3) as loop:
                rows.writer().write(None, [ops.Copy(loop.iter())])
        with Node("adder"), Task(name="add"):
            total = ops.Const(0, blob_out="total")
            with ops.loop():
                done, record = rows.reader().read()
                ops.stop_if(done)
                ops.Print(record.n(), [])
                ops.Add([total, record.n()], [total])
            final_output(total)

    if __name__ == "__main__":
        raise SystemExit("the main part ran")
"""

FAILING = """
    import json
    from taskplan import Task, ops

    def parse(number):
        return json.loads("{")

    with Task(name="parser") as program:
        with ops.loop(20) as loop:
            ops.call(parse, loop.iter())
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with tp.WorkspaceGuard(tp.Workspace()), tp.fresh_names():
        yield


@pytest.fixture
def taskplan(monkeypatch: pytest.MonkeyPatch) -> Command:
    def command(*arguments: str) -> Result:
        with monkeypatch.context() as patch:
            patch.setattr(logging.getLogger("taskplan"), "propagate", False)  # pytest listens at the root
            return CliRunner().invoke(main, arguments, catch_exceptions=False)

    return command


def write(name: str, text: str) -> str:
    Path(name).write_text(dedent(text), encoding="utf-8")
    return name


def constant_plan() -> tp.Plan:
    init, double = tp.Net("init"), tp.Net("double")
    init.ConstantFill([], "x", shape=[2], value=1.5)
    double.Add(["x", "x"], "x")
    double.Print("x", [])
    plan = tp.Plan("caffe")
    plan.AddStep(tp.execution_step("first", init))
    plan.AddStep(tp.execution_step("then", double, num_iter=2))
    return plan


# --- run --------------------------------------------------------------------------------------------------------------


def test_run_prints_the_outputs_and_sends_the_log_to_standard_error(taskplan):
    result = taskplan("run", write("p.py", TWO_NODES))

    assert result.exit_code == 0
    assert result.stdout == "total = 3\n"
    assert result.stderr.count("Tensor adder/add_1/n of type long") == 3


def test_run_quietly_leaves_the_log_out(taskplan):
    result = taskplan("run", "-q", write("p.py", TWO_NODES))

    assert (result.stdout, result.stderr) == ("total = 3\n", "")


def test_run_on_processes_prints_the_same_and_logs_with_the_names_of_nodes(taskplan):
    result = taskplan("run", "--session", "process", write("p.py", TWO_NODES))

    assert result.exit_code == 0
    assert result.stdout == "total = 3\n"
    assert result.stderr.count("[adder] Tensor adder/add_1/n of type long") == 3


def test_run_on_processes_tells_of_a_function_of_the_file_as_run_does(taskplan):
    write(
        "p.py",
        """
        from taskplan import Node, Task, ops

        def refuse(number):
            raise LookupError(f"no {number}")

        with Node("a"), Task(name="parser") as program:
            ops.call(refuse, ops.Const(3), outputs=0)
        """,
    )

    result = taskplan("run", "--session", "process", "p.py")

    assert result.exit_code == 1
    assert result.stderr.startswith("LookupError: no 3\n  in     task 'a/parser' on node 'a'")
    assert 'File "p.py", line 5, in refuse' in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--address", "auto"], "--address is that of a Ray cluster, for --session ray, and the session is local"),
        (["--session", "process", "--shared-nodes"], "nodes with --shared-nodes are all one, in this process"),
    ],
)
def test_run_refuses_options_that_contradict_each_other(taskplan, options, said):
    result = taskplan("run", *options, write("p.py", TWO_NODES))

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_matrix_among_the_outputs_stays_aligned(taskplan):
    write(
        "p.py",
        """
        import numpy as np
        from taskplan import Task, final_output, ops
        with Task() as program:
            final_output(ops.Const(np.eye(2, dtype=np.float32), blob_out="eye"))
        """,
    )

    assert taskplan("run", "p.py").stdout == "eye = [[1. 0.]\n       [0. 1.]]\n"


def test_a_program_without_outputs_says_that_it_is_done(taskplan):
    result = taskplan("run", write("p.py", "import taskplan; net = taskplan.Net('n'); net.Const(1, 'x')"))

    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "done; the program has no outputs\n"


def test_modules_beside_the_file_can_be_imported_and_the_path_is_left_as_it_was(taskplan, tmp_path):
    before = list(sys.path)
    write("beside_the_program.py", "SIZE = 7")
    write(
        "p.py",
        """
        from beside_the_program import SIZE
        from taskplan import Task, final_output, ops
        with Task() as program:
            final_output(ops.Const(SIZE, blob_out="size"))
        """,
    )

    assert taskplan("run", str(tmp_path / "p.py")).stdout == "size = 7\n"
    assert sys.path == before


SEVERAL = """
    from taskplan import Net, Task, final_output, ops
    first, second = Net("first"), Net("second")
    first.Const(1, blob_out="x")
    second.Const(2, blob_out="x")

    def build_third():
        with Task() as task:
            final_output(ops.Const(3, blob_out="x"))
        return task

    def build_sized(size):
        return first

    def number():
        return 3
"""


@pytest.mark.parametrize("name", ["first", "build_third"])
def test_a_name_says_which_variable_or_function_is_meant(taskplan, name):
    assert taskplan("run", f"{write('p.py', SEVERAL)}:{name}").exit_code == 0


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("p.py", "p.py builds several programs: first, second; say which, as in p.py:first"),
        ("p.py:secnd", "p.py defines no 'secnd'; did you mean 'second'?"),
        ("p.py:zzz", "p.py defines no 'zzz'; it has first, second, build_third, build_sized, number"),
        ("p.py:build_sized", "p.py:build_sized needs arguments: size; name a function that can be called without"),
        ("p.py:number", "p.py:number returned 3; expected a TaskGroup, Task, Plan, step or Net"),
        ("p.py:ops", "expected a TaskGroup, Task, Plan, step or Net, or a function that builds one"),
        ("empty.py", "empty.py has a TaskGroup, Task, Plan, step or Net in none of its variables; name a function"),
        ("builder.py", "as in builder.py:build_it"),
        ("empty.bin", "empty.bin is empty"),
        ("nowhere.py", "'nowhere.py' is no file; give a Python file, a saved program or a PlanDef"),
        ("folder", "'folder' is a folder, not a file"),
        ("garbage.bin", "garbage.bin holds neither a program that taskplan.save wrote nor a PlanDef"),
        ("plan.pbtxt", "this text is no PlanDef: line 2:1 : Message type"),
        ("net.pbtxt", "this is no PlanDef with steps to run"),
        ("garbage.bin:x", "garbage.bin is no Python file, so there is no 'x' in it; leave out the name"),
    ],
)
def test_a_file_without_one_program_says_what_to_do(taskplan, target, message):
    write("p.py", SEVERAL)
    write("builder.py", "def other(): ...\ndef build_it(): ...")
    write("empty.py", "")
    write("empty.bin", "")
    write("plan.pbtxt", 'name: "x"\nstep {}')
    write("net.pbtxt", 'name: "x"')
    Path("folder").mkdir()
    Path("garbage.bin").write_bytes(bytes(range(200, 256)))

    result = taskplan("run", target)

    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stdout == ""


def test_a_failing_program_shows_its_first_failure_its_place_and_the_users_frames(taskplan):
    result = taskplan("run", write("p.py", FAILING))

    assert result.exit_code == 1
    assert result.stdout == ""
    headline, *lines = result.stderr.splitlines()
    assert headline == (
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )
    assert lines[0].startswith("  in     task 'local/parser' on node 'local' > ")
    assert "iteration 1" in lines[0]
    assert lines[-3:] == [
        "  added  p.py:10, in <module>",
        "  raised p.py:6, in parse",
        '             return json.loads("{")',
    ]


def test_what_caused_a_failure_is_shown_below_it(taskplan):
    write(
        "p.py",
        """
        def load():
            try:
                {}["rate"]
            except KeyError as error:
                raise ValueError("no settings") from error
        load()
        """,
    )

    lines = taskplan("run", "p.py").stderr.splitlines()

    assert lines[0] == "ValueError: no settings"
    assert "caused by KeyError: 'rate'" in lines
    assert lines[-2:] == ["  raised p.py:4, in load", '             {}["rate"]']


def test_a_syntax_error_is_shown_with_its_line(taskplan):
    result = taskplan("run", write("p.py", "x = 1\ny = ("))

    assert result.exit_code == 1
    assert 'File "p.py", line 2' in result.stderr
    assert "SyntaxError" in result.stderr


def test_a_wrong_argument_shows_the_users_own_line_once(taskplan):
    write(
        "p.py",
        """
        from taskplan import Task, ops
        with Task() as program:
            ops.Cast(ops.Const(1), too=3)
        """,
    )

    result = taskplan("run", "p.py")

    assert result.exit_code == 1
    assert result.stderr == (
        "taskplan.ArgumentError: Cast has no argument 'too'; did you mean 'to'?\n  added  p.py:4, in <module>\n"
    )


def test_run_ends_after_its_time(taskplan):
    write(
        "p.py",
        """
        from taskplan import Task, ops
        with Task() as program:
            queue = ops.CreateBlobsQueue([], "q")
            ops.Python(lambda inputs, outputs, workspace: None, pass_workspace=True)([], [])
            ops.DequeueBlobs(queue, "x")
        """,
    )

    result = taskplan("run", "--timeout", "0.05", "p.py")

    assert result.exit_code == 1
    assert result.stderr.startswith("taskplan.TimedOutError: the run took longer than 0.05 s")


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_time_that_is_none_is_a_usage_error(taskplan, seconds):
    assert taskplan("run", "--timeout", seconds, write("p.py", TWO_NODES)).exit_code == 2


def test_a_seed_makes_random_operators_repeat_themselves(taskplan):
    write(
        "p.py",
        """
        from taskplan import Task, final_output, ops
        with Task() as program:
            final_output(ops.UniformFill([], "u", shape=[4]))
        """,
    )

    first, same, other = (taskplan("run", "--seed", seed, "p.py").stdout for seed in ("3", "3", "4"))

    assert first == same != other


def test_ctrl_c_ends_the_program_with_130_and_says_where_it_was():
    write(
        "p.py",
        """
        import threading
        from taskplan import Task, ops

        def wait():
            print("started", flush=True)
            threading.Event().wait(100)

        with Task(name="waiter") as program:
            ops.call(wait, outputs=0)
        """,
    )
    command = [sys.executable, "-m", "taskplan", "run", "p.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"

        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 130
    assert errors.splitlines()[0] == "interrupted"
    assert "  in     task 'local/waiter' on node 'local'" in errors
    assert ", in wait\n" in errors
    assert "Traceback" not in errors


# --- saved programs and plans of Caffe2's -----------------------------------------------------------------------------


def double(x):
    return 2 * x


def saved_with_a_function() -> None:
    with tp.Task(name="doubler") as task:
        tp.final_output(ops.Copy(ops.call(lambda x: double(x), ops.Const(4)), "y"))
    tp.save(task, "saved")


def test_a_saved_program_runs_its_functions_only_if_allowed(taskplan):
    saved_with_a_function()

    refused, allowed = taskplan("run", "saved"), taskplan("run", "--allow-code", "saved")

    assert refused.exit_code == 1
    assert "came with a saved program; if you trust the file, load it with allow_code=True" in refused.stderr
    assert f"added  {__file__}:" in refused.stderr
    assert allowed.stdout == "y = 8\n"


def test_a_saved_program_shows_and_checks_without_its_functions(taskplan):
    saved_with_a_function()

    assert "Call(" in taskplan("show", "saved").stdout
    assert taskplan("check", "saved").stdout == "no problems\n"


@pytest.mark.parametrize("form", ["bytes", "text"])
def test_a_plan_of_caffe2_runs_from_bytes_and_from_text(taskplan, form):
    plan = constant_plan()
    Path("plan").write_bytes(tp.export_caffe2(plan) if form == "bytes" else str(plan.Proto()).encode())

    result = taskplan("run", "plan")

    assert result.exit_code == 0
    assert "6,6" in result.stderr.splitlines()[1]


def test_a_program_of_a_newer_format_is_refused_by_its_file(taskplan):
    tp.save(constant_plan(), "saved")
    Path("saved").write_bytes(b"\x08\x07" + Path("saved").read_bytes()[2:])

    message = taskplan("run", "saved").stderr

    assert message == (
        "taskplan.BuildValueError: 'saved': this program has format 7, and this version of taskplan reads format 1; "
        "a newer taskplan wrote it\n"
    )


# --- show -------------------------------------------------------------------------------------------------------------

TREE = """\
program
  node reader, private workspace
    plan task_group_plan
      [reader/read] num_iter=1 create_workspace=true (task reader/read on reader)
        [reader/read] num_iter=1
          [step] num_iter=1 nets=reader/read
          [reader/read] should_stop_blob=reader/read_1/stop_blob nets=reader/read_1,reader/read_2
        [reader/read:exit] num_iter=1 nets=channel:rows/end,reader/read:output
  node adder, private workspace
    plan task_group_plan
      [adder/add] num_iter=1 create_workspace=true (task adder/add on adder)
        [step_1] num_iter=1 nets=adder/add
        [adder/add] should_stop_blob=adder/add_1/stop_blob nets=adder/add_1,adder/add_2
  channel rows: capacity 2, 1 column (n), 1 writer, used on reader, adder
  output total from adder (task adder/add)
queues
  channel rows: capacity 2
    written by task reader/read on reader
    read by task adder/add on adder
    closed by task reader/read on reader
"""


def test_show_as_a_tree_has_a_line_for_each_step_and_the_users_of_queues(taskplan):
    result = taskplan("show", "--tree", write("p.py", TWO_NODES))

    assert result.exit_code == 0
    assert result.stdout == TREE


def test_show_prints_every_operator(taskplan):
    shown = taskplan("show", write("p.py", TWO_NODES)).stdout

    assert "adder/add_1/n, adder/add_1/should_stop = SafeDequeueBlobs(channel:rows)" in shown
    assert "p.py:" not in shown


def test_show_with_lines_says_where_operators_and_queues_come_from(taskplan):
    shown = taskplan("show", "--lines", write("p.py", TWO_NODES)).stdout

    assert "SafeDequeueBlobs(channel:rows)  # p.py:13, in <module>" in shown
    assert "channel rows: capacity 2  # p.py:6, in <module>" in shown


def test_show_lists_queues_with_the_tasks_that_write_read_and_close_them(taskplan):
    write(
        "p.py",
        """
        from taskplan import Task, TaskGroup, ops
        with TaskGroup() as program:
            with Task(name="fill"):
                with ops.local_init():
                    queue = ops.CreateBlobsQueue([], "q", capacity=5, num_blobs=1)
                x = ops.Const(1)
                with ops.loop(3):
                    ops.SafeEnqueueBlobs([queue, x], [x, "full"])
                ops.CloseBlobsQueue(queue, [])
            with Task(name="drain"):
                with ops.If(ops.Const(True)):
                    ops.SafeDequeueBlobs([queue], ["y", "empty"])
        """,
    )

    shown = taskplan("show", "p.py").stdout

    assert shown.partition("queues\n")[2].splitlines() == [
        "  queue q on local: capacity 5",
        "    written by task local/fill on local",
        "    read by task local/drain on local",
        "    closed by task local/fill on local",
    ]


def test_show_with_shared_nodes_has_one_node(taskplan):
    shown = taskplan("show", "--tree", "--shared-nodes", write("p.py", TWO_NODES)).stdout

    assert [line for line in shown.splitlines() if "workspace" in line and "node" in line.split()] == [
        "  node local, private workspace"
    ]


# --- check ------------------------------------------------------------------------------------------------------------

WRONG = """
    from taskplan import BlobReference, Task, TaskGroup, final_output, ops
    with TaskGroup() as program:
        with Task(name="a"):
            ops.Const(1.0, blob_out="grads")
            ops.Copy("grad", "x")
        with Task(name="b"):
            final_output(BlobReference("los"))
            ops.Const(1.0, blob_out="loss")
"""


def test_check_prints_every_problem_with_its_line_and_exits_with_1(taskplan):
    result = taskplan("check", write("p.py", WRONG))

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "TP106 undefined blob: Copy reads 'grad', which nothing writes before it",
        "  in     task 'local/a' on node 'local' > net 'local/a' > op 2",
        "  added  p.py:6, in <module>",
        "  near   'grads', written by op 1 of net 'local/a' (p.py:5, in <module>)",
        "TP108 unwritten output: output 'los' of task 'local/b' is written by no operator on node 'local'; "
        "did you mean 'loss'?",
        "  added  p.py:8, in <module>",
        "2 errors, 0 warnings",
    ]


def test_run_refuses_what_check_finds(taskplan):
    result = taskplan("run", write("p.py", WRONG))

    assert result.exit_code == 1
    assert result.stderr.startswith("taskplan.PlanError: 2 problems in plan 'task_group_plan'\nTP106 undefined blob")


def test_check_runs_nothing(taskplan):
    assert taskplan("check", write("p.py", FAILING)).stdout == "no problems\n"


def test_check_knows_what_the_file_has_fed(taskplan):
    write(
        "p.py",
        """
        import numpy as np
        from taskplan import FeedBlob, Net
        FeedBlob("x", np.float32(1))
        net = Net("n")
        net.Copy("x", "y")
        """,
    )

    assert taskplan("check", "p.py").stdout == "no problems\n"
    assert taskplan("run", "p.py").exit_code == 0


def test_strict_takes_warnings_for_errors(taskplan):
    plan = constant_plan()
    plan.Proto().network[0].op[0].arg.add(name="vlue", f=1.0)
    Path("plan.pbtxt").write_text(str(plan.Proto()), encoding="utf-8")

    lenient, strict = taskplan("check", "plan.pbtxt"), taskplan("check", "--strict", "plan.pbtxt")

    assert lenient.exit_code == 0
    assert lenient.stdout.splitlines()[0] == (
        "warning: TP103 unknown argument: ConstantFill has no argument 'vlue'; did you mean 'value'?"
    )
    assert lenient.stdout.splitlines()[-1] == "0 errors, 1 warning"
    assert strict.exit_code == 1
    assert strict.stdout.splitlines()[-1] == "1 error, 0 warnings"


# --- ops --------------------------------------------------------------------------------------------------------------


def test_ops_lists_all_operators_by_family(taskplan):
    listed = taskplan("ops").stdout

    assert re.search(r"^arithmetic  \S.*\n  Add Div", listed, re.MULTILINE)
    assert re.search(r"^queues  \S", listed, re.MULTILINE)


def test_ops_searches_by_a_part_of_a_name(taskplan):
    listed = taskplan("ops", "dequeue").stdout.splitlines()

    names = [line.split()[0] for line in listed if line.startswith(" ")]
    assert names == ["DequeueBlobs", "SafeDequeueBlobs", "WeightedSampleDequeueBlobs", "DequeueRebatchingQueue"]


def test_ops_searches_summaries_when_no_name_has_the_word(taskplan):
    assert "Concat " in taskplan("ops", "one behind").stdout


def test_ops_says_what_to_use_instead_of_what_is_not_provided(taskplan):
    result = taskplan("ops", "Conv2D")

    assert result.exit_code == 1
    assert "it is one of Caffe2's that taskplan does not provide; use Conv" in result.stderr


def test_ops_says_whether_shapes_are_known_beforehand(taskplan):
    assert "Types and shapes of outputs: inferred before the run" in taskplan("ops", "ScatterAssign").stdout
    assert "Types and shapes of outputs: not known beforehand: " in taskplan("ops", "BooleanMask").stdout


def test_ops_describes_one_operator_whole(taskplan):
    described = taskplan("ops", "enqueueblobs").stdout

    assert described.startswith("EnqueueBlobs(queue, blobs...) -> blobs...\n  Append a record;")
    assert "      timeout_secs: float, 0.0 if not given\n" in described
    assert "  Outputs that must be inputs: blobs = blobs\n" in described
    assert "  Effects: may wait, puts into queue\n" in described


def test_ops_says_what_an_unknown_name_may_mean(taskplan):
    result = taskplan("ops", "DequeBlob")

    assert result.exit_code == 1
    assert "there is no operator 'DequeBlob'; did you mean 'DequeueBlobs'" in result.stderr


def test_every_command_explains_itself(taskplan):
    for command in ("run", "show", "check", "ops"):
        assert taskplan(command, "--help").exit_code == 0
    assert taskplan("--version").stdout == f"taskplan, version {tp.__version__}\n"


# --- simulating -------------------------------------------------------------------------------------------------------

COUNTS = """
from taskplan import Task, TaskGroup, WorkspaceType, final_output, ops

def must_be_2(x):
    if x != 2:
        raise ValueError("lost an update")

def build():
    with TaskGroup(WorkspaceType.GLOBAL) as group:
        with Task(name="first"), ops.local_init():
            ops.Const(0, blob_out="x")
        for name in ("a", "b"):
            with Task(name=name):
                old = ops.Copy("x")
                ops.Add([old, ops.Const(1)], ["x"])
        with Task(name="after"), ops.local_exit():
            CHECK
            final_output(ops.Copy("x", "result"))
    return group
"""
LOSES = COUNTS.replace("CHECK", "pass")
FAILS = COUNTS.replace("CHECK", 'ops.call(must_be_2, "x", outputs=0)')


def token_in(text: str) -> str:
    return text.rpartition("first with token ")[2].split()[0]


def test_simulate_runs_all_schedules_of_a_small_program_and_tells_the_outcomes(taskplan):
    result = taskplan("simulate", f"{write('p.py', LOSES)}:build")

    assert result.exit_code == 0
    assert result.stdout.startswith("all 6 schedules, if functions touch nothing but")
    assert "2 times  result = 2" in result.stdout
    assert "4 times  result = 1" in result.stdout
    assert "warning: race on blob 'x'" in result.stdout


def test_simulate_shows_the_first_failure_with_its_token_and_what_was_done(taskplan):
    result = taskplan("simulate", f"{write('p.py', FAILS)}:build")

    assert result.exit_code == 1
    assert "4 times  ValueError: lost an update" in result.stdout
    assert "the first failure:\nValueError: lost an update" in result.stderr
    assert "  token  tp1." in result.stderr
    assert "what steps did to what others use, in order:" in result.stderr
    assert result.stderr.count("op 1 Copy") >= 2


def test_a_token_that_simulate_printed_brings_the_failure_back(taskplan):
    file = f"{write('p.py', FAILS)}:build"
    token = token_in(taskplan("simulate", file).stdout)

    result = taskplan("simulate", file, "--replay", token)

    assert result.exit_code == 1
    assert "ValueError: lost an update" in result.stderr


def test_a_token_of_another_program_is_refused_by_simulate(taskplan):
    token = token_in(taskplan("simulate", f"{write('p.py', LOSES)}:build").stdout)

    result = taskplan("simulate", f"{write('q.py', FAILS)}:build", "--replay", token)

    assert result.exit_code == 1
    assert "ReplayDivergedError: the token is of another program" in result.stderr


def test_simulate_takes_races_for_errors_if_it_is_to_be_strict(taskplan):
    assert taskplan("simulate", f"{write('p.py', LOSES)}:build", "--strict").exit_code == 1


def test_simulate_injects_faults(taskplan):
    file = f"{write('p.py', LOSES)}:build"

    result = taskplan("simulate", file, "--runs", "40", "--faults", "fail@Add,probability=0.5", "--seed", "3")

    assert result.exit_code == 1
    assert "runs met a fault" in result.stdout
    assert "InjectedFaultError: injected fault: failed at Add in task 'local/" in result.stdout


def test_faults_without_a_value_are_anything_anywhere(taskplan):
    result = taskplan("simulate", f"{write('p.py', LOSES)}:build", "--runs", "300", "--faults")

    assert result.exit_code == 1
    assert "runs met a fault" in result.stdout
    assert "injected fault: killed at" in result.stdout
    assert "injected fault: node 'local' was lost" in result.stdout


def test_a_fault_that_is_none_is_an_error(taskplan):
    result = taskplan("simulate", f"{write('p.py', LOSES)}:build", "--faults", "explode@Add")

    assert result.exit_code == 1
    assert "a fault's kind is one of kill, delay, fail, got 'explode'" in result.stderr


def test_simulate_says_who_waits_for_whom(taskplan):
    write(
        "p.py",
        """
        from taskplan import Task, ops
        with Task(name="read") as program:
            ops.DequeueBlobs(ops.CreateBlobsQueue([], "jobs"), "x")
        """,
    )

    result = taskplan("simulate", "p.py")

    assert result.exit_code == 1
    assert "the only schedule" in result.stdout
    assert "StalledError: nothing can go on: nobody writes queue 'jobs'" in result.stdout


LOOPS = """
    import numpy as np
    from taskplan import Task, TaskGroup, ops
    def shout(inputs, outputs):
        print("ran")
    with TaskGroup() as program:
        with Task(name="sum"):
            total, tenth = ops.Const(np.float32(0), blob_out="total"), ops.Const(np.float32(0.1), blob_out="tenth")
            with ops.loop(1000):
                ops.Add([total, tenth], [total])
        with Task(name="mixed"):
            with ops.loop(1000):
                ops.Python(shout)([], [])
        with Task(name="pair", num_instances=2):
            ops.Const(1)
"""


def test_show_compiled_prints_the_function_of_each_step_and_runs_nothing(taskplan):
    result = taskplan("show", "--compiled", write("p.py", LOOPS))

    assert result.exit_code == 0
    assert "ran" not in result.stdout.split()
    assert "    total = total + tenth  # Add" in result.stdout
    assert "def region(at, fuel, " in result.stdout


def test_show_compiled_says_what_may_be_native_and_why_something_may_not(taskplan):
    lines = taskplan("show", "--compiled", write("p.py", LOOPS)).stdout.splitlines()

    after = {line.split("'")[1]: lines[number + 1].strip() for number, line in enumerate(lines) if line[:6] == "step '"}
    assert after["local/sum"] == "native code: yes, when it is hot"
    assert after["local/mixed"] == "native code: no, it calls operator Python (p.py:13, in <module>)"
    assert "  is interpreted: 2 instances of it run at once" in lines
