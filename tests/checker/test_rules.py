"""Each rule of the checker: what it says, where it says it is, and when it says nothing."""

from __future__ import annotations

import pytest
from tests.checker.touch import TOUCH, call, net, op, program, step

import taskplan as tp
from taskplan.checker.problems import Problem, Severity, raise_problems
from taskplan.checker.rules import RULES
from taskplan.plan.model import NetDef, OpDef, OutputDef, PlanDef, ProgramDef
from taskplan.plan.names import Site

SITE = Site("train.py", 48, "build")


def problems_of_call(operator: OpDef) -> list[Problem]:
    """Those of a plan with one operator, all of whose inputs are there."""
    return tp.check_program(program([net("n", operator)], step("s", "n")), {"local": set(operator.inputs)})


def of_one_net(*ops: OpDef) -> list[Problem]:
    return tp.check_program(program([net("update", *ops)], step("s", "update")))


# --- calls ------------------------------------------------------------------------------------------------------------


def test_an_unknown_operator_has_the_three_nearest_names():
    [problem] = problems_of_call(call("EnqueBlobs", "q a", "a"))

    assert str(problem) == (
        "TP101 unknown operator: there is no operator 'EnqueBlobs'; did you mean 'EnqueueBlobs' or 'DequeueBlobs' or "
        "'SafeEnqueueBlobs'?\n"
        "  in     net 'n' > op 1\n"
        "  added  train.py:48, in build"
    )


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (call("Add", "a", "b"), "Add takes 2 inputs (A, B), got 1"),
        (call("Copy", "a", "b c"), "Copy takes 1 output (output), got 2"),
        (call("EnqueueBlobs", "q", ""), "EnqueueBlobs takes at least 2 inputs (queue, blobs), got 1"),
    ],
)
def test_a_wrong_number_of_blobs_is_counted(operator, message):
    [problem] = problems_of_call(operator)

    assert (problem.code, problem.title) == ("TP102", "wrong number of blobs")
    assert problem.message == message


def test_a_blob_on_both_sides_where_it_may_not_be_is_told():
    [problem] = problems_of_call(call("EnqueueBlobs", "q a", "b"))

    assert problem.code == "TP102"
    assert "must be the same blob as input 1, 'a'" in problem.message


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (call("Scale", "a", "b", scale=b"five"), "Scale: argument 'scale' must be float, got b'five'"),
        (call("If", "c"), "If needs the argument 'then_net'"),
        (
            call("CreateBlobsQueue", "", "q", capacity=0),
            "CreateBlobsQueue: argument 'capacity' must be at least 1 record, got 0",
        ),
    ],
)
def test_a_wrong_argument_is_an_error(operator, message):
    [problem] = problems_of_call(operator)

    assert (problem.code, problem.title, problem.severity) == ("TP103", "wrong argument", Severity.ERROR)
    assert problem.message == message


def test_an_unknown_argument_of_a_plan_that_came_as_bytes_is_a_warning():
    """Caffe2 ignores these, and its programs may rely on it."""
    init = tp.Net("init")
    init.ConstantFill([], "x", shape=[1])
    init.Proto().op[0].arg.add(name="vlaue", f=2.0)

    [problem] = tp.check_program(tp.compile_program(init))

    assert (problem.code, problem.title, problem.severity) == ("TP103", "unknown argument", Severity.WARNING)
    assert problem.message == "ConstantFill has no argument 'vlaue'; did you mean 'value'?"
    with tp.LocalSession(tp.Workspace()) as session:
        session.run(init)


def test_a_wrong_call_in_a_net_that_no_step_runs_is_a_warning():
    [problem] = tp.check_program(program([net("used", op()), net("unused", call("Nonsuch"))], step("s", "used")))

    assert (problem.code, problem.severity) == ("TP101", Severity.WARNING)


def test_a_wrong_call_in_a_net_among_arguments_has_the_whole_path():
    inner = net("then", call("Nonsuch"))

    [problem] = problems_of_call(call("If", "c", "", then_net=inner))

    assert problem.where == "net 'n' > op 1 > net 'then' > op 1"


# --- nets -------------------------------------------------------------------------------------------------------------


def test_a_net_that_the_plan_does_not_have_is_told_with_near_names():
    [problem] = tp.check_program(program([net("update", op())], step("body", "updaet")))

    assert str(problem) == (
        "TP104 undefined net: step 'body' runs net 'updaet', which the plan does not have; did you mean 'update'?\n"
        "  in     step 'body'\n"
        "  added  train.py:99, in body"
    )


@pytest.mark.parametrize(
    "wrapped",
    [
        step("s", report_net="gone", report_interval_s=1),
        step("s", "n", closing=(step("end", "gone"),)),
        step("s", step("own", "gone", create_workspace=True), until="b"),
    ],
)
def test_an_undefined_net_is_found_wherever_a_step_names_it(wrapped):
    problems = tp.check_program(program([net("n", op("", "b"))], step("first", "n"), wrapped))

    assert [problem.code for problem in problems] == ["TP104"]


def test_two_nets_of_one_name_are_told_with_both_lines():
    nets = [net("n", op()), NetDef("n", (op(),), site=SITE)]

    [problem] = tp.check_program(program(nets, step("s", "n")))

    assert (problem.code, problem.site) == ("TP105", SITE)
    assert problem.message == "the plan has two nets 'n'; the other was made at train.py"


# --- blobs ------------------------------------------------------------------------------------------------------------


def test_an_undefined_blob_is_told_with_near_names_and_who_writes_them():
    problems = tp.check_program(
        program(
            [net("backward", op("", "grads", line=31)), net("update", op(), op("grad", "w", line=48))],
            step("s", "backward", "update"),
        )
    )

    assert [str(problem) for problem in problems] == [
        f"TP106 undefined blob: {TOUCH} reads 'grad', which nothing writes before it\n"
        "  in     net 'update' > op 2\n"
        "  added  train.py:48, in build\n"
        "  near   'grads', written by op 1 of net 'backward' (train.py:31, in build)"
    ]


def test_a_task_and_its_node_are_part_of_the_path():
    task = step("sgd", "n", task="sgd", node="trainer:0")

    [problem] = tp.check_program(program([net("n", op("x"))], step("all", task)))

    assert problem.where == "task 'sgd' on node 'trainer:0' > net 'n' > op 1"


def test_an_undefined_blob_is_told_once_however_often_it_is_read():
    problems = tp.check_program(
        program([net("n", op("x", "y"), op("x", "z")), net("m", op("x"))], step("s", "n", "m", times=5))
    )

    assert [problem.where for problem in problems] == ["net 'n' > op 1"]


def test_a_net_that_several_workspaces_make_is_told_once():
    own = [step(f"own{number}", "n", create_workspace=True) for number in range(3)]

    problems = tp.check_program(program([net("n", op("x"))], step("s", *own, concurrent=True)))

    assert [problem.code for problem in problems] == ["TP106"]


def test_a_blob_that_is_written_after_it_is_read_is_undefined():
    [problem] = of_one_net(op("x"), op("", "x"))

    assert problem.code == "TP106"
    assert problem.near == ""


def test_a_stop_blob_that_nothing_makes_is_told():
    [problem] = tp.check_program(program([net("n", op("", "stopp"))], step("loop", "n", until="stop")))

    assert str(problem) == (
        "TP106 undefined stop blob: step 'loop' stops on 'stop', which nothing makes; did you mean 'stopp'?\n"
        "  in     step 'loop'\n"
        "  added  train.py:99, in loop"
    )


def test_the_condition_of_an_if_is_not_made_by_its_own_branch():
    [problem] = of_one_net(call("If", "c", "", then_net=net("then", op("", "c"))))

    assert (problem.code, problem.where) == ("TP106", "net 'update' > op 1")


def test_a_blob_of_a_workspace_that_is_gone_is_undefined():
    [problem] = tp.check_program(
        program(
            [net("write", op("", "x")), net("read", op("x"))],
            step("own", "write", create_workspace=True),
            step("after", "read"),
        )
    )

    assert problem.where == "net 'read' > op 1"


def test_a_closing_block_reads_what_is_defined_like_others():
    [problem] = tp.check_program(
        program([net("n", op()), net("end", op("x"))], step("s", "n", closing=(step("c", "end"),)))
    )

    assert problem.where == "net 'end' > op 1"


def test_what_a_closing_block_makes_is_not_there_for_the_steps_beside_it():
    closed = step("closed", "n", closing=(step("c", "end"),))
    nets = [net("n", op()), net("end", op("", "x")), net("read", op("x"))]

    [problem] = tp.check_program(program(nets, step("all", closed, step("next", "read"))))

    assert problem.where == "net 'read' > op 1"


def test_a_step_that_may_never_begin_is_not_blamed():
    """What is below a step with a workspace of its own is made when that step begins."""
    own = step("own", "read", create_workspace=True)

    assert tp.check_program(program([net("read", op("x"))], step("never", own, times=0))) == []


def test_a_blob_of_another_node_is_told_with_that_node():
    plans = {
        "reader": PlanDef("p", (net("write", op("", "rows")),), (step("s", "write"),)),
        "trainer": PlanDef("p", (net("read", op("rows")),), (step("s", "read"),)),
    }

    [problem] = tp.check_program(ProgramDef(plans))

    assert str(problem) == (
        f"TP107 blob of another node: {TOUCH} reads 'rows', which is written on node 'reader': nodes share no blobs; "
        "send it through a Channel, or use LocalSession(ws, shared_nodes=True)\n"
        "  in     net 'read' > op 1\n"
        "  added  train.py:1, in build"
    )


def test_an_output_that_nothing_writes_is_told_with_near_names():
    outputs = (OutputDef("local", "los", "sgd", SITE),)

    [problem] = tp.check_program(program([net("n", op("", "loss"))], step("s", "n"), outputs=outputs))

    assert str(problem) == (
        "TP108 unwritten output: output 'los' of task 'sgd' is written by no operator on node 'local'; "
        "did you mean 'loss'?\n"
        "  added  train.py:48, in build"
    )


def test_a_net_that_lists_its_inputs_must_list_all_of_them():
    nets = [net("make", op("", "x y")), net("n", op("x"), op("y"), external_inputs=("x",))]

    [problem] = tp.check_program(program(nets, step("s", "make", "n")))

    assert str(problem) == (
        f"TP109 no external input: {TOUCH} reads 'y', which its net neither writes before it nor has as an input\n"
        "  in     step 's' > net 'n' > op 2\n"
        "  added  train.py:1, in build"
    )


def test_a_net_that_declares_an_output_must_have_it():
    [problem] = tp.check_program(program([net("n", op("", "x"), external_outputs=("y",))], step("s", "n")))

    assert problem.code == "TP109"
    assert problem.message == "net 'n' declares the output 'y', which it neither writes nor takes as an input"


def test_the_external_blobs_of_a_net_that_no_step_runs_are_its_own_affair():
    nets = [net("n", op()), net("unused", op("y"), external_inputs=("x",))]

    assert tp.check_program(program(nets, step("s", "n"))) == []


# --- together ---------------------------------------------------------------------------------------------------------


def everything_wrong() -> ProgramDef:
    nets = [net("n", call("Nonsuch"), call("Add", "x", "y")), net("n", op())]
    return program(nets, step("s", "n", "m"), outputs=(OutputDef("local", "loss"),))


def test_all_problems_are_told_at_once():
    problems = tp.check_program(everything_wrong())

    assert [problem.code for problem in problems] == ["TP101", "TP102", "TP105", "TP104", "TP106", "TP108"]


def test_the_error_before_a_run_holds_all_problems():
    with pytest.raises(tp.PlanError) as caught:
        raise_problems(tp.check_program(everything_wrong()), "train")

    assert str(caught.value).startswith("6 problems in plan 'train'\nTP101 unknown operator")
    assert [problem.code for problem in caught.value.problems] == [
        "TP101",
        "TP102",
        "TP105",
        "TP104",
        "TP106",
        "TP108",
    ]


def test_warnings_do_not_keep_a_plan_from_running():
    raise_problems([Problem("TP103", "unknown argument", "ignored", severity=Severity.WARNING)])


def test_every_code_has_one_row():
    codes = [code for rule in RULES for code in rule.codes]

    assert codes == sorted(set(codes))
