"""Plans printed for people. What a whole plan looks like is in tests/golden/."""

import math
from pathlib import Path

import pytest

from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import (
    ChannelDef,
    CollectiveDef,
    NetDef,
    OpDef,
    OutputDef,
    PlanDef,
    ProgramDef,
    StepDef,
)
from taskplan.plan.names import Site
from taskplan.plan.text import net_text, plan_text, plan_tree, program_text, program_tree, step_text, step_tree

GOLDEN = Path(__file__).parent.parent / "golden"


def _line(number):
    return Site("train.py", number, "build")


def _plan():
    """Two instances of a loop with a reporter, set up before and tidied up after."""
    init = NetDef(
        "trainer/sgd:init",
        (
            OpDef("ConstantFill", (), ("rate",), {"shape": (), "value": 0.1}, site=_line(3)),
            OpDef("CreateCounter", (), ("left",), {"init_count": 20}, site=_line(4)),
        ),
    )
    update = NetDef(
        "trainer/sgd",
        (
            OpDef("CountDown", ("left",), ("done",), {}, site=_line(7)),
            OpDef("Python", ("batch",), ("grad",), {"token": b"gradient"}, function=math.exp, site=_line(8)),
            OpDef("Mul", ("grad", "rate"), ("change",), {"broadcast": 1}, site=_line(9)),
            OpDef("If", ("done",), (), {"then_net": NetDef("last", (OpDef("Print", ("grad",), (), {}),))}),
        ),
        external_inputs=("batch", "rate", "left"),
        external_outputs=("change",),
        site=_line(6),
    )
    report = NetDef("report", (OpDef("Print", ("change",), (), {}, site=_line(12)),))
    instance = StepDef(
        "trainer/sgd:instance",
        (
            StepDef("report", nets=("report",), times=1, every_ms=70, site=_line(11)),
            StepDef("loop", nets=("trainer/sgd",), until="done", site=_line(6)),
        ),
        times=1,
        create_workspace=True,
        closing=(StepDef("close", nets=("report",), times=1),),
        timeout_s=2.5,
    )
    task = StepDef(
        "trainer/sgd",
        (
            StepDef("trainer/sgd:init", nets=("trainer/sgd:init",), times=1),
            StepDef("trainer/sgd:parallel", (instance,), times=1, instances=2),
        ),
        times=1,
        task="trainer/sgd",
        node="trainer",
        site=_line(1),
    )
    return PlanDef("train", (init, update, report, NetDef("spare", type="dag")), (task,))


def _program():
    output = OutputDef("trainer", "rate", "trainer/sgd")
    channel = ChannelDef("batches", 4, 2, ("x", "y"), writers=1, node="reader", nodes=("reader", "trainer"))
    collectives = (
        CollectiveDef("epoch", "barrier", ("reader", "trainer"), (1, 2)),
        CollectiveDef("weights", "broadcast", ("reader", "trainer"), (1, 2), root="reader"),
        CollectiveDef("gradients", "allreduce", ("trainer",), (1,), reduction="mean"),
    )
    hidden = OutputDef("reader", "dummy")
    plans = {"reader": PlanDef("read"), "trainer": _plan()}
    return ProgramDef(
        plans,
        (output, hidden),
        (channel,),
        private_nodes=("trainer",),
        hidden_blobs=("dummy",),
        collectives=collectives,
    )


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("plan.txt", plan_text(_plan())),
        ("plan_with_lines.txt", plan_text(_plan(), lines=True)),
        ("plan_tree.txt", plan_tree(_plan())),
        ("program.txt", program_text(_program())),
        ("program_tree.txt", program_tree(_program())),
    ],
)
def test_a_plan_is_printed_as_in_the_golden_file(file, text):
    assert text + "\n" == (GOLDEN / file).read_text()


def test_equal_plans_print_alike():
    assert plan_text(_plan(), lines=True) == plan_text(_plan(), lines=True)


@pytest.mark.parametrize(
    ("op", "line"),
    [
        (OpDef("Print", ("x",), (), {}), "Print(x)"),
        (OpDef("Stop", (), (), {}), "Stop()"),
        (OpDef("Split", ("x",), ("a", "b"), {"axis": 0}), "a, b = Split(x; axis=0)"),
        (OpDef("Fill", (), ("a",), {"shape": (), "values": (1.0, 2.5)}), "a = Fill(shape=[], values=[1.0, 2.5])"),
        (OpDef("Op", ("a blob, with (marks)",), (), {}), "Op('a blob, with (marks)')"),
        (
            OpDef("Op", (), (), {}, name="n", control_inputs=("a", "b"), engine="CUDNN", random_seed=0, node_name="w"),
            "Op() [name n, after a, b, engine CUDNN, seed 0, node w]",
        ),
    ],
)
def test_an_operator_is_one_line(op, line):
    assert net_text(NetDef("n", (op,))) == f"net n\n  {line}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, "1"),
        (True, "1"),
        (1.0, "1.0"),
        (0.10000000149011612, "0.1"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (b"it's", '"it\'s"'),
        (b"\xff\x00", "<2 bytes>"),
        (b"\xff", "<1 byte>"),
        (b"a" * 81, "'" + "a" * 80 + "'... 81 characters"),
        (tuple(range(16)), "[" + ", ".join(map(str, range(16))) + "]"),
        (tuple(range(17)), "[" + ", ".join(map(str, range(16))) + ", ... 17 values]"),
        (pb.Argument(name="t"), "<Argument>"),
    ],
)
def test_a_value_is_short_and_shows_its_kind(value, shown):
    assert net_text(NetDef("n", (OpDef("Op", (), (), {"a": value}),))) == f"net n\n  Op(a={shown})"


def test_a_function_is_shown_by_name_and_never_by_address():
    class Callback:
        def __call__(self, inputs, outputs):
            """Do nothing."""

    ops = [OpDef("Python", (), (), {}, function=each) for each in (math.exp, (print, (), {}), Callback())]

    text = net_text(NetDef("n", tuple(ops)))

    assert "[function math:exp]" in text
    assert "[function builtins:print]" in text
    assert "<locals>.Callback]" in text
    assert "0x" not in text


def test_what_has_no_known_line_is_printed_without_one():
    op = OpDef("Print", ("x",), (), {}, site=_line(5))

    text = net_text(NetDef("n", (op, OpDef("Print", ("y",), (), {}))), lines=True)

    assert text == "net n\n  Print(x)  # train.py:5, in build\n  Print(y)"


def test_a_step_shows_its_nets_by_name_unless_they_are_given():
    step = StepDef("s", nets=("n", "n"))

    assert step_text(step) == "[s]\n  net n\n  net n"
    assert step_text(step, [NetDef("n", (OpDef("Fail", (), (), {}),))]) == "[s]\n  net n\n    Fail()\n  net n, as above"


def test_flags_that_are_set_to_false_or_zero_are_shown():
    assert step_tree(StepDef("s", times=0, only_once=False, until="b")) == (
        "[s] num_iter=0 should_stop_blob=b only_once=false"
    )


def test_a_report_net_is_shown_below_its_step():
    step = StepDef("s", nets=("n",), report_net="r", report_interval_s=5)

    assert step_text(step) == "[s] report_net=r report_interval=5\n  net n\n  report net r"
