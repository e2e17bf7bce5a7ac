"""Programs as values: saved, loaded, shown, checked, run, and exported to Caffe2."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskplan as tp
from taskplan import ops
from taskplan.operators.registry import declarations, operator
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.archive import program_from_bytes, program_to_bytes
from taskplan.plan.model import NetDef, OpDef, PlanDef, ProgramDef, StepDef
from taskplan.plan.text import program_text
from taskplan.sessions.caffe2_export import OWN_ARGUMENTS, OWN_OPERATORS

Runnable = tp.TaskGroup | tp.Task | tp.Plan | tp.ExecutionStep | tp.Net


@pytest.fixture(autouse=True)
def apart() -> Iterator[None]:
    with tp.WorkspaceGuard(tp.Workspace()), tp.fresh_names():
        yield


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "program"


def double(x):
    return 2 * x


def feed_seven(inputs, outputs):
    outputs[0].feed(np.array([7]))


def make_feeder(number):
    def feed(inputs, outputs):
        outputs[0].feed(np.array([number]))

    return feed


# --- the programs -----------------------------------------------------------------------------------------------------


def channels_and_setup() -> tp.TaskGroup:
    with tp.TaskGroup() as group:
        rows = tp.Channel("rows", capacity=3, schema=["n"], node="adder")
        with tp.Node("reader"), tp.Task(name="read", num_instances=2):
            with ops.task_init():
                one = ops.Const(1)
            with ops.task_instance_finally():
                ops.Copy(one, "mine")
            with ops.loop(4):
                rows.writer().write(None, [ops.Copy(one)])
        with tp.Node("adder"), tp.Task(name="add"):
            with ops.task_reporter(interval_ms=5):
                ops.Const(2)
            with ops.task_finally():
                ops.Const(3)
            total = ops.Const(0, blob_out="total")
            with ops.loop():
                done, record = rows.reader().read()
                ops.stop_if(done)
                ops.Add([total, record.n()], [total])
            tp.final_output(total)
    return group


def branches() -> tp.Task:
    with tp.Task(name="choose", workspace_type=tp.WorkspaceType.GLOBAL) as task:
        with ops.local_finally():
            ops.Const(0)
        picked = ops.Const(1, blob_out="picked")
        with ops.If(ops.Const(True)) as branch:
            ops.Add([picked, ops.Const(5)], [picked])
        with branch.Else():
            ops.Add([picked, ops.Const(50)], [picked])
        tp.final_output(picked)
    return task


def nested_nets() -> tp.Net:
    then, otherwise, net = tp.Net("then"), tp.Net("otherwise"), tp.Net("outer")
    then.Const(1, blob_out="r")
    otherwise.Const(2, blob_out="r")
    net.Const(True, blob_out="c")
    net.If(["c"], ["r"], then_net=then, else_net=otherwise)
    return net


def functions_of_the_user() -> tp.Task:
    with tp.Task(name="functions") as task:
        doubled = ops.call(double, ops.Const(4))
        seven = ops.Python(feed_seven)([], 1)
        built = ops.Python((make_feeder, (9,), {}))([], 1)
        tp.final_output([ops.Copy(blob, name) for blob, name in ((doubled, "d"), (seven, "s"), (built, "b"))])
    return task


def steps_of_every_kind() -> tp.Plan:
    init, work, report = tp.Net("init"), tp.Net("work"), tp.Net("report")
    stop = init.Const(True, blob_out="stop")
    init.UniformFill([], "u", shape=[2], device_option=tp.DeviceOption(0, random_seed=5))
    work.Copy("u", "v")
    report.Copy("u", "w")
    plan = tp.Plan("kinds")
    plan.AddStep(tp.execution_step("init", init))
    body = tp.execution_step("body", work, num_iter=3)
    body.SetReportNet(report, 1)
    once = tp.execution_step("once", tp.execution_step("work", work), should_stop_blob=stop, only_once=True)
    plan.AddStep(tp.execution_step("all", [body, once], concurrent_substeps=True, num_concurrent_instances=2))
    return plan


PROGRAMS: list[Callable[[], Runnable]] = [
    channels_and_setup,
    branches,
    nested_nets,
    functions_of_the_user,
    steps_of_every_kind,
]

every_program = pytest.mark.parametrize("build", PROGRAMS, ids=lambda build: build.__name__)


def outputs_of(runnable: object) -> dict[str, Any]:
    with tp.LocalSession(tp.Workspace()) as session:
        session.run(runnable)
        return {name: np.asarray(value).tolist() for name, value in session.outputs(runnable).items()}


# --- save and load ----------------------------------------------------------------------------------------------------


@every_program
def test_a_loaded_program_equals_the_one_that_was_saved(build, file):
    """Lines, closing blocks, channels, seeds and functions that can be imported are all part of the value."""
    program = tp.compile_program(build())

    tp.save(program, file)

    assert tp.load(file, allow_code=True) == program


@every_program
def test_saving_what_was_loaded_gives_the_same_bytes(build, file):
    tp.save(build(), file)

    assert program_to_bytes(tp.load(file, allow_code=True)) == file.read_bytes()


@every_program
def test_a_loaded_program_gives_the_same_outputs(build, file):
    program = build()
    tp.save(program, file)

    assert outputs_of(tp.load(file, allow_code=True)) == outputs_of(program)


@every_program
def test_a_program_shows_and_checks_without_its_code(build, file):
    program = build()
    tp.save(program, file)

    sealed = tp.load(file)

    def without_functions(program: object) -> list[str]:
        text = program_text(tp.compile_program(program), lines=True)
        return [line.partition(" [function ")[0].partition("  # ")[0] for line in text.splitlines()]

    assert without_functions(sealed) == without_functions(program)
    assert tp.check_program(sealed) == []


def test_a_function_is_shown_by_its_name_without_its_code(file):
    tp.save(functions_of_the_user(), file)

    shown = program_text(tp.load(file))

    assert f"[function {double.__module__}:double]" in shown
    assert f"[function {feed_seven.__module__}:feed_seven]" in shown


def test_lines_of_nets_among_arguments_survive(file):
    net = nested_nets()
    tp.save(net, file)

    [outer] = [net for net in tp.load(file).plans["local"].nets if net.name == "outer"]

    inner = outer.ops[1].arguments["then_net"]
    assert isinstance(inner, NetDef)
    assert inner.ops[0].site.file == __file__
    assert inner.ops[0].site.function == "nested_nets"


def test_a_function_that_no_module_has_is_saved_whole(file):
    offset = 30
    with tp.Task() as task:
        tp.final_output(ops.Copy(ops.call(lambda x: x + offset, ops.Const(4)), "y"))
    tp.save(task, file)

    assert outputs_of(tp.load(file, allow_code=True)) == {"y": 34}


def test_without_its_code_a_program_that_has_functions_is_refused_before_it_runs(file):
    tp.save(functions_of_the_user(), file)

    with tp.LocalSession() as session, pytest.raises(tp.PlanError) as caught:
        session.run(tp.load(file))

    assert (
        "test_programs:double' came with a saved program; if you trust the file, load it with allow_code=True"
        in str(caught.value)
    )
    assert f"added  {__file__}:" in str(caught.value)


def test_a_program_without_functions_runs_without_allow_code(file):
    tp.save(channels_and_setup(), file)

    assert outputs_of(tp.load(file)) == {"total": 8}


def test_a_pickled_builder_is_sealed_as_well(file):
    """It is bytes among the operator's arguments; to run the operator would be to unpickle it."""
    with tp.Task() as task:
        ops.Python((make_feeder, (9,), {}))([], 1)
    tp.save(task, file)

    with tp.LocalSession() as session, pytest.raises(tp.PlanError, match="'Python:pickled_builder' came with a saved"):
        session.run(tp.load(file))


def test_a_function_of_this_process_is_not_found_by_a_program_without_its_code():
    """The token of a program from elsewhere says nothing about a function that was registered here under it."""
    net = tp.Net("n")
    net.call(lambda: pytest.fail("called"), outputs=0)
    unknown = OpDef("Call", (), (), {"token": net.to_model().ops[0].arguments["token"]})
    program = ProgramDef({"local": PlanDef("p", (NetDef("m", (unknown,)),), (StepDef("s", nets=("m",)),))})

    with tp.LocalSession() as session, pytest.raises(tp.PlanError, match="came with a saved program"):
        session.run(program_from_bytes(program_to_bytes(program)))


def test_what_was_loaded_without_its_code_cannot_be_saved(file):
    tp.save(functions_of_the_user(), file)

    with pytest.raises(tp.PlanError, match="came with a saved program"):
        tp.save(tp.load(file), file)


def test_a_function_that_cannot_be_pickled_is_named_with_its_line(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with tp.Task() as task:
        ops.call(lambda: 0)

    with pytest.raises(tp.PlanError) as caught:
        tp.save(task, file)

    assert "<lambda>' can be neither imported by name nor pickled" in str(caught.value)
    assert "pip install taskplan[process]" in str(caught.value)
    assert f"added  {__file__}:" in str(caught.value)
    assert not file.exists()


def test_two_functions_with_one_token_cannot_be_told_apart(file):
    nets = []
    for number in (1, 2):
        with tp.fresh_names():
            net = tp.Net(f"net{number}")
            net.call(lambda: 0, outputs="x")
            nets.append(net)

    with pytest.raises(tp.PlanError, match="two different functions have the token '<lambda>'"):
        tp.save(tp.execution_step("both", nets), file)


def test_a_module_that_is_gone_is_named(file, tmp_path, monkeypatch):
    (tmp_path / "module_that_goes.py").write_text("def one():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("module_that_goes")
    with tp.Task() as task:
        ops.call(module.one)
    tp.save(task, file)
    (tmp_path / "module_that_goes.py").unlink()
    del sys.modules["module_that_goes"]
    importlib.invalidate_caches()

    with pytest.raises(tp.PlanError, match="function 'module_that_goes:one' of the program cannot be imported"):
        tp.load(file, allow_code=True)


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_newer_format_is_refused_by_its_number(file):
    tp.save(branches(), file)
    file.write_bytes(b"\x08\x02" + file.read_bytes()[2:])

    with pytest.raises(
        ValueError, match="this program has format 2, and this version of taskplan reads format 1; a newer"
    ):
        tp.load(file)


@pytest.mark.parametrize(
    "data", [b"", b"name: 'x'", bytes(range(100, 200)), pb.PlanDef(name="plan").SerializeToString()]
)
def test_what_is_no_program_is_refused(file, data):
    file.write_bytes(data)

    with pytest.raises(tp.BuildError, match=f"these {len(data)} bytes are no program of taskplan") as caught:
        tp.load(file)

    assert repr(str(file)) in str(caught.value)


@pytest.fixture(scope="module")
def saved_bytes() -> bytes:
    with tp.fresh_names():
        return program_to_bytes(tp.compile_program(channels_and_setup()))


@given(where=st.floats(0, 1), cut=st.integers(0, 40), put=st.binary(max_size=8))
def test_damaged_bytes_load_or_are_refused_and_nothing_else(saved_bytes, where, cut, put):
    start = int(where * len(saved_bytes))
    damaged = saved_bytes[:start] + put + saved_bytes[start + cut :]

    with suppress(tp.BuildError):
        assert isinstance(program_from_bytes(damaged), ProgramDef)


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(file, monkeypatch):
    file.write_bytes(b"old")

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as half:
            half.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        tp.save(branches(), file)
    monkeypatch.undo()

    assert file.read_bytes() == b"old"
    assert os.listdir(file.parent) == [file.name]


def test_saving_over_a_link_writes_the_file_behind_it(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file)

    tp.save(branches(), link)

    assert link.is_symlink()
    assert tp.load(file) == tp.load(link)


def test_a_missing_file_is_what_python_calls_it(file):
    with pytest.raises(FileNotFoundError):
        tp.load(file)


# --- Caffe2 -----------------------------------------------------------------------------------------------------------


def refusal(runnable: object) -> list[str]:
    with pytest.raises(tp.PlanError) as caught:
        tp.export_caffe2(runnable)
    headline, *things = str(caught.value).splitlines()
    plural = "s" if len(things) > 1 else ""
    assert headline == (f"the program has {len(things)} thing{plural} that Caffe2 would refuse, or drop in silence:")
    return [thing.strip() for thing in things]


@pytest.mark.parametrize("build", [nested_nets, steps_of_every_kind], ids=lambda build: build.__name__)
def test_exported_bytes_are_a_plan_that_runs_the_same(build):
    """Through the front door of bytes, as Caffe2's own executor would get them."""
    data = tp.export_caffe2(build())

    with tp.WorkspaceGuard(tp.Workspace()) as exported:
        tp.RunPlan(data)
    with tp.WorkspaceGuard(tp.Workspace()) as original, tp.LocalSession(original) as session:
        session.run(build())

    for blob in original.blobs:
        assert np.array_equal(exported.fetch_blob(blob), original.fetch_blob(blob))


def test_an_exported_group_runs_on_one_node():
    with tp.TaskGroup(tp.WorkspaceType.GLOBAL) as group:
        with tp.Node("a"), tp.Task():
            ops.Const(1, blob_out="x")
        with tp.Node("b"), tp.Task():
            ops.Const(2, blob_out="y")

    tp.RunPlan(tp.export_caffe2(group))

    assert (tp.FetchBlob("x"), tp.FetchBlob("y")) == (1, 2)


def test_an_exported_plan_is_the_message_itself():
    plan = steps_of_every_kind()

    assert pb.PlanDef.FromString(tp.export_caffe2(plan)) == plan.Proto()


def test_what_the_model_has_no_place_for_is_exported_all_the_same():
    net = tp.Net("n")
    net.Proto().op.append(pb.OperatorDef(type="CopyGPUToCPU", input=["x"], output=["y"], debug_info="kept"))
    net.Proto().op[0].device_option.device_type = 1

    [op] = pb.PlanDef.FromString(tp.export_caffe2(net)).network[0].op

    assert (op.device_option.device_type, op.debug_info) == (1, "kept")


def test_a_group_can_be_exported_run_and_exported_again():
    with tp.Task() as task:
        tp.final_output(ops.Const(1, blob_out="x"))

    first = tp.export_caffe2(task)

    assert outputs_of(task) == {"x": 1}
    assert tp.export_caffe2(task) == first


def test_a_compiled_program_is_exported_from_its_value():
    program = tp.compile_program(nested_nets())

    tp.RunPlan(tp.export_caffe2(program))

    assert tp.FetchBlob("r") == 1


def test_a_program_compiled_for_several_nodes_is_not_one_plan():
    with tp.TaskGroup() as group:
        for node in ("a", "b"):
            with tp.Node(node), tp.Task():
                ops.Const(1)

    with pytest.raises(tp.PlanError, match=r"compiled for \['a', 'b'\]; compile it with shared_nodes=True"):
        tp.export_caffe2(tp.compile_program(group))


def test_everything_of_ours_is_refused_by_name_at_once():
    things = refusal(channels_and_setup())

    assert [thing.partition(" '")[0].partition(" in net")[0] for thing in things] == [
        "channel",
        "closing block",
        "closing block",
        "operator EndWrites",
    ]
    assert all(f"{__file__}:" in thing for thing in things)


def test_a_function_of_this_process_is_refused_and_a_builder_is_not():
    with tp.Task() as task:
        ops.Python(feed_seven)([], 1)
        ops.Python((make_feeder, (9,), {}))([], 1)
        ops.call(double, ops.Const(1))

    things = refusal(task)

    assert [thing.partition(" in net")[0] for thing in things] == ["a function of this process", "operator Call"]
    assert things[0].endswith("; give Python a (builder, args, kwargs) tuple")


def test_an_operator_of_the_users_own_is_refused():
    if "TripleForExport" not in {each.name for each in declarations()}:

        @operator("TripleForExport", inputs=("x",), outputs=("y",))
        def triple(x: Any) -> Any:
            return 3 * x

    net = tp.Net("n")
    net.TripleForExport(net.Const(1), "y")

    [thing] = refusal(net)

    assert thing.startswith("operator TripleForExport in net 'n'")


def test_things_in_nets_among_arguments_are_found():
    inner, net = tp.Net("inner"), tp.Net("outer")
    inner.call(double, inner.Const(1), outputs="r")
    net.If([net.Const(True)], ["r"], then_net=inner)

    [thing] = refusal(net)

    assert thing.startswith("operator Call in net 'inner'")


OURS: dict[str, Callable[[tp.Net], object]] = {
    "CreateBlobsQueue.writers": lambda net: net.CreateBlobsQueue([], "q", writers=2),
    "EnqueueBlobs.timeout_secs": lambda net: net.EnqueueBlobs(["q", "a"], ["a"], timeout_secs=0.5),
    "SafeEnqueueBlobs.timeout_secs": lambda net: net.SafeEnqueueBlobs(["q", "a"], ["a", "s"], timeout_secs=0.5),
    "SafeDequeueBlobs.timeout_secs": lambda net: net.SafeDequeueBlobs("q", ["a", "s"], timeout_secs=0.5),
    "WeightedSampleDequeueBlobs.timeout_secs": lambda net: net.WeightedSampleDequeueBlobs(
        ["p", "q"], ["a", "s"], timeout_secs=0.5
    ),
    "WeightedSampleDequeueBlobs.until_all_end": lambda net: net.WeightedSampleDequeueBlobs(
        ["p", "q"], ["a", "s"], until_all_end=True
    ),
    "EnqueueRebatchingQueue.timeout_secs": lambda net: net.EnqueueRebatchingQueue(["q", "a"], [], timeout_secs=0.5),
    "DequeueRebatchingQueue.timeout_secs": lambda net: net.DequeueRebatchingQueue("q", "a", timeout_secs=0.5),
}


@pytest.mark.parametrize("name", OURS)
def test_an_argument_that_caffe2_would_ignore_is_refused(name):
    operator_type, _, argument = name.partition(".")
    net = tp.Net("n")
    OURS[name](net)

    [thing] = refusal(net)

    assert thing.startswith(f"argument {argument!r} of {operator_type} in net 'n' ({__file__}:")


def test_every_argument_in_the_table_of_ours_has_a_test():
    assert {f"{name}.{argument}" for name, arguments in OWN_ARGUMENTS.items() for argument in arguments} == OURS.keys()


def test_an_argument_of_ours_that_changes_nothing_may_stay():
    net = tp.Net("n")
    net.CreateBlobsQueue([], "q", writers=0, capacity=2)
    net.SafeDequeueBlobs("q", ["a", "s"], timeout_secs=0.0)

    assert len(pb.PlanDef.FromString(tp.export_caffe2(net)).network[0].op) == 2


def test_the_timeout_that_caffe2_has_is_exported():
    net = tp.Net("n")
    net.DequeueBlobs("q", "a", timeout_secs=0.5)

    [op] = pb.PlanDef.FromString(tp.export_caffe2(net)).network[0].op

    assert op.arg[0].f == 0.5


def test_the_operators_of_ours_are_declared():
    assert {each.name for each in declarations()} >= OWN_OPERATORS
