"""Claims about failures: what is raised, what it says, and what else stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from taskplan import (
    Channel,
    NetBuilder,
    Node,
    OperatorError,
    PlanError,
    ReportedError,
    Task,
    TaskGroup,
    execution_step,
    ops,
    to_execution_step,
)
from taskplan.testing.claims import (
    BoomError,
    Make,
    Marks,
    claim,
    expect,
    expect_equal,
    expect_raises,
    fail,
    put,
    queue_of_node,
    raise_in_run,
    run_function,
    take,
    wait_for_nothing,
    work_on,
)

# --- what is raised ---------------------------------------------------------------------------------------------------


@claim
def a_users_exception_is_raised_itself(make: Make) -> None:
    """With its class, its message and what else it carries; no error of ours is around it."""

    def throw() -> None:
        raise BoomError("mine", code=7)

    with TaskGroup() as group, Task():
        run_function(throw)

    with make() as session:
        with expect_raises(BoomError) as caught:
            session.run(group)

        expect(type(caught.error) is BoomError, f"a BoomError, got {type(caught.error)!r}")
        expect_equal("its message and code", (str(caught.error), caught.error.code), ("mine", 7))


@claim
def notes_name_task_node_and_line(make: Make) -> None:
    """So a failure of a large program is found in it."""
    with TaskGroup() as group, Node("trainer"), Task(name="sgd") as task:
        fail()

    with make() as session, expect_raises(BoomError, "task 'trainer/sgd' on node 'trainer'", str(task.site)):
        session.run(group)


@claim
def notes_name_operator_iteration_and_inputs(make: Make) -> None:
    """What had happened before, and with which values."""

    def check(weights: Any, number: Any) -> None:
        if number == 4:
            raise BoomError(f"cannot do {weights.shape}")

    with TaskGroup() as group, Task(name="job"):
        weights = ops.Const(np.zeros((2, 3), np.float32), blob_out="weights")
        with ops.loop(9) as loop:
            ops.call(check, weights, loop.iter(), outputs=0)

    with make() as session, expect_raises(BoomError, "iteration 5", "Call", "'weights' float32", "(2, 3)"):
        session.run(group)


@claim
def notes_name_the_instance(make: Make) -> None:
    """Instances run the same operators, so the place alone does not say which of them it was."""
    with TaskGroup() as group, Task(num_instances=2):
        with ops.task_init():
            numbers = ops.CreateCounter([], 1)
        with ops.If(ops.EQ([ops.CountUp([numbers]), ops.Const(1, dtype=np.int64)])):
            fail()

    with make() as session:
        with expect_raises(BoomError) as caught:
            session.run(group)

        expect("instance 1 of 2" in caught.text or "instance 2 of 2" in caught.text, "a note with the instance")


@claim
def an_operator_that_refuses_its_inputs_fails_the_run(make: Make) -> None:
    """It is a RuntimeError too, and says where, as all failures do."""
    with TaskGroup() as group, Task(name="sum"):
        ops.Add([ops.Const(np.zeros(size, np.float32)) for size in (3, 4)])

    with make() as session:
        with expect_raises(OperatorError, "Add", "(3,)", "(4,)", "task 'local/sum'") as caught:
            session.run(group)

        expect(isinstance(caught.error, RuntimeError), "an error that programs catch as RuntimeError")


@claim
def an_operator_can_report_failure(make: Make) -> None:
    """`Fail` is one that does nothing else."""
    with TaskGroup() as group, Task(name="job"):
        ops.Fail([], [])

    with make() as session, expect_raises(ReportedError, "Fail", "task 'local/job'"):
        session.run(group)


@claim
def what_is_wrong_beforehand_is_a_plan_error(make: Make) -> None:
    """It is raised before anything has run, with all problems that were found."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task():
            marks.mark("ran")
            ops.Copy(["missing"], ["copy"])
            ops.Copy(["also missing"], ["another copy"])

        with expect_raises(PlanError, "'missing'", "'also missing'") as caught:
            session.run(group)

        expect_equal("the number of problems", len(caught.error.problems), 2)
        expect_equal("what ran", marks.seen, [])


@claim
def the_failures_of_others_are_notes_of_the_first(make: Make) -> None:
    """Of a closing block that failed behind the first failure, the caller hears too."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task(name="job"):
            for number in (1, 2, 3):
                with ops.task_finally():
                    marks.mark(f"closing {number}")
                    if number == 2:
                        fail("in the closing block")
            fail("in the body")

        with expect_raises(BoomError, "also", "BoomError: in the closing block") as caught:
            session.run(group)

        expect_equal("the message", str(caught.error), "in the body")
        expect_equal("what ran", marks.seen, ["closing 3", "closing 2", "closing 1"])


@claim
def a_keyboard_interrupt_in_a_function_ends_the_run(make: Make) -> None:
    """It is a failure like any other, and raised as it is."""
    _ends_like_any_other(make, KeyboardInterrupt)


@claim
def a_system_exit_in_a_function_ends_the_run(make: Make) -> None:
    """It is a failure like any other, and raised as it is."""
    _ends_like_any_other(make, SystemExit)


def _ends_like_any_other(make: Make, kind: type[BaseException]) -> None:
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group:
            with Task(name="ends"):
                with ops.task_finally():
                    marks.mark("closed")
                with ops.task_exit():
                    marks.mark("exit")
                raise_in_run(kind)
            with Task(name="waits"):
                wait_for_nothing()

        with expect_raises(kind, "enough", "task 'local/ends'"):
            session.run(group)

        expect_equal("what ran", marks.seen, ["closed"])


# --- what else stops --------------------------------------------------------------------------------------------------


@claim
def the_first_failure_wakes_siblings_that_wait(make: Make) -> None:
    """They would wait for good: who would have written has failed."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group:
            with Task(name="fails"):
                queue_of_node("never filled")
                fail()
                put("never filled")
            for name in ("waits", "waits too"):
                with Task(name=name):
                    take("never filled")
                    marks.mark("read")

        with expect_raises(BoomError, "task 'local/fails'"):
            session.run(group)

        expect_equal("what ran", marks.seen, [])


@claim
def the_first_failure_stops_siblings_that_work(make: Make) -> None:
    """They stop before their next operator."""
    with TaskGroup() as group:
        with Task(name="fails"):
            fail()
        with Task(name="works", num_instances=2):
            work_on()

    with make() as session, expect_raises(BoomError, "task 'local/fails'"):
        session.run(group)


@claim
def a_failure_on_one_node_ends_the_others(make: Make) -> None:
    """Also if they wait for its channels, or for those of a third one."""
    first, second = (Channel(name, capacity=1, schema=["x"]) for name in ("first", "second"))
    with TaskGroup() as group:
        with Node("a"), Task():
            first.writer().write(None, [ops.Const(1)])
            fail()
            first.writer().write(None, [ops.Const(2)])
        with Node("b"), Task():
            reader, writer = first.reader(), second.writer()
            with ops.loop(2):
                _, record = reader.read()
                writer.write(None, record)
        with Node("c"), Task():
            with ops.loop(9):
                second.reader().read()

    with make() as session, expect_raises(BoomError, "on node 'a'"):
        session.run(group)


@claim
def a_failure_in_nested_concurrency_ends_all_of_it(make: Make) -> None:
    """Concurrent steps in instances of a task: all are ended, however deep they are, and the run with them."""

    def block(name: str, body: Callable[[], object]) -> Any:
        with NetBuilder(name) as builder:
            body()
        return to_execution_step(builder)

    def together(name: str, *bodies: Callable[[], object]) -> Any:
        steps = [block(f"{name} {number}", body) for number, body in enumerate(bodies)]
        return execution_step(name, steps, concurrent_substeps=True)

    with TaskGroup() as group:
        with Task(name="outer", num_instances=2):
            inner = together("inner", wait_for_nothing, fail)
            waits = block("waits", wait_for_nothing)
            ops.net(execution_step("middle", [inner, waits], concurrent_substeps=True))
        with Task(name="beside"):
            wait_for_nothing()

    with make() as session, expect_raises(BoomError, "task 'local/outer'", "'inner'"):
        session.run(group)
