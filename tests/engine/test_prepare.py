"""What is known about a plan before it has a workspace: which steps are brief, how many threads it may need."""

from __future__ import annotations

import pytest

import taskplan as tp
from taskplan import ops
from taskplan.engine.prepare import BRIEF_ROUNDS, PreparedPlan
from taskplan.errors import PlanError, WorkspaceError
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef

NETS = {
    "pure": NetDef("pure", (OpDef("ConstantFill", (), ("x",), {}),)),
    "takes": NetDef("takes", (OpDef("DequeueBlobs", ("q",), ("x",), {}),)),
    "calls": NetDef("calls", (OpDef("Call", (), (), {"token": b"f"}),)),
    "branches": NetDef("branches", (OpDef("If", ("c",), (), {"then_net": NetDef("then")}),)),
    "unknown": NetDef("unknown", (OpDef("Nonsuch", (), (), {}),)),
}

PURE = StepDef("pure", nets=("pure",))
TAKES = StepDef("takes", nets=("takes",))


def prepared(*steps: StepDef) -> PreparedPlan:
    return PreparedPlan(PlanDef("p", tuple(NETS.values()), steps))


def at_once(*children: StepDef, **fields: object) -> StepDef:
    return StepDef("at_once", children, concurrent=True, **fields)  # type: ignore[arg-type]


# --- brief steps ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        PURE,
        StepDef("counted", nets=("pure",), times=BRIEF_ROUNDS),
        StepDef("nested", (StepDef("inner", nets=("pure",), times=10), PURE), times=10),
        StepDef("once", nets=("pure",), until="stop", only_once=True),
        StepDef("own", nets=("pure",), create_workspace=True),
        StepDef("one child is nothing concurrent", (PURE,), concurrent=True),
    ],
    ids=lambda step: step.name,
)
def test_a_step_that_must_end_by_itself_is_brief(step):
    assert prepared(step).is_brief(step)


@pytest.mark.parametrize(
    "step",
    [
        TAKES,
        StepDef("user code", nets=("calls",)),
        StepDef("subnets", nets=("branches",)),
        StepDef("open loop", nets=("pure",), until="stop"),
        StepDef("many rounds", nets=("pure",), times=BRIEF_ROUNDS + 1),
        StepDef("many rounds below", (StepDef("inner", nets=("pure",), times=BRIEF_ROUNDS),), times=2),
        StepDef("waits below", (PURE, StepDef("inner", (TAKES,)))),
        at_once(PURE, PURE),
        StepDef("concurrent below", (at_once(PURE, PURE),)),
        StepDef("instances", (PURE,), instances=2),
        StepDef("reporter", (PURE, StepDef("r", nets=("pure",), every_ms=5))),
        StepDef("report net", nets=("pure",), report_net="pure", report_interval_s=1),
        StepDef("undefined net", nets=("nowhere",)),
        StepDef("unknown operator", nets=("unknown",)),
    ],
    ids=lambda step: step.name,
)
def test_a_step_that_may_wait_run_long_or_branch_out_is_not_brief(step):
    assert not prepared(step).is_brief(step)


# --- threads ----------------------------------------------------------------------------------------------------------

REPORTER = StepDef("reporter", nets=("pure",), every_ms=5)


@pytest.mark.parametrize(
    ("expected", "step"),
    [
        (0, TAKES),
        (0, StepDef("all brief", (PURE, PURE, PURE), concurrent=True)),
        (0, StepDef("alone", (TAKES,), concurrent=True)),
        (2, StepDef("some brief", (PURE, TAKES, TAKES), concurrent=True)),
        (7, StepDef("instances", (TAKES,), instances=7)),
        (7, StepDef("instances of both", (PURE, TAKES), concurrent=True, instances=7)),
        (4, StepDef("nested", (TAKES, at_once(TAKES, TAKES)), concurrent=True)),
        (3, StepDef("in sequence", (at_once(TAKES, TAKES), at_once(TAKES, TAKES, TAKES)))),
        (1, StepDef("reporter", (TAKES, REPORTER))),
        (4, StepDef("two reporters", (at_once(TAKES, TAKES), REPORTER, REPORTER))),
        (1, StepDef("report net", nets=("takes",), report_net="pure", report_interval_s=1)),
        (3, StepDef("busy reporter", (PURE, StepDef("r", (at_once(TAKES, TAKES),), every_ms=5)))),
        (3, StepDef("busy closing block", nets=("pure",), closing=(at_once(TAKES, TAKES),))),
        (3, StepDef("small closing block", (at_once(TAKES, TAKES, TAKES),), closing=(PURE,))),
    ],
    ids=lambda case: case.name if isinstance(case, StepDef) else "",
)
def test_threads_are_counted_where_they_may_be_needed_at_once(expected, step):
    assert prepared(step).threads() == expected


def test_of_top_level_steps_the_hungriest_counts():
    assert prepared(at_once(TAKES, TAKES), at_once(TAKES, TAKES, TAKES), PURE).threads() == 3


def waiting_tasks(count: int, *nodes: str) -> tp.TaskGroup:
    """Tasks that each wait for one record, which the first of them has put there."""
    with tp.TaskGroup() as group:
        for node in nodes:
            with tp.Node(node):
                for _ in range(count):
                    with tp.Task():
                        queue = ops.CreateBlobsQueue([])
                        token = ops.Const(1)
                        ops.EnqueueBlobs([queue, token], [token])
                        ops.DequeueBlobs(queue)
    return group


def test_a_session_refuses_a_plan_that_may_need_too_many_threads():
    with tp.LocalSession(tp.Workspace(), max_threads=4) as session:
        session.run(waiting_tasks(4, "n"))
        with pytest.raises(
            PlanError, match="5 threads at once, more than max_threads=4; use fewer instances, or raise"
        ):
            session.run(waiting_tasks(5, "n"))


def test_the_threads_of_all_nodes_count_and_those_of_the_nodes_themselves():
    with tp.LocalSession(tp.Workspace(), max_threads=6) as session:
        session.run(waiting_tasks(2, "a", "b"))
        with pytest.raises(PlanError, match="9 threads at once"):
            session.run(waiting_tasks(2, "a", "b", "c"))


def test_pure_tasks_need_no_threads_of_their_own():
    with tp.fresh_names(), tp.TaskGroup() as group:
        for _ in range(50):
            with tp.Task():
                ops.Const(1)

    with tp.LocalSession(tp.Workspace(), max_threads=0) as session:
        session.run(group)


# --- nets -------------------------------------------------------------------------------------------------------------


def test_two_nets_of_one_name_are_refused():
    with pytest.raises(PlanError, match="plan 'p' has several nets called 'pure'"):
        PreparedPlan(PlanDef("p", (NETS["pure"], NETS["pure"])))


def test_a_net_that_is_not_there_is_named():
    with pytest.raises(WorkspaceError, match="a step of plan 'p' runs net 'nowhere', which the plan does not have"):
        prepared().net("nowhere")


def test_a_wrong_operator_is_told_when_its_net_is_needed_and_not_before():
    plan = prepared(PURE)

    with pytest.raises(AttributeError, match="there is no operator 'Nonsuch'"):
        plan.net("unknown")
