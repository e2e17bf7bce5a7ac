"""Claims about what a failure leaves: the blocks that still run and those that do not, outputs, queues, the session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from taskplan import Net, QueueClosedError, Task, TaskGroup, WorkspaceType, final_output, ops
from taskplan.testing.claims import (
    LONG_MS,
    SHORT_MS,
    BoomError,
    Make,
    Marks,
    claim,
    expect_equal,
    expect_raises,
    fail,
    put,
    queue_of_node,
    take,
    wait_for_nothing,
    work_on,
)

# --- blocks that run, and blocks that do not --------------------------------------------------------------------------


@contextmanager
def _closing_blocks(marks: Marks) -> Iterator[None]:
    """A group of one task with closing and exit blocks of all kinds; what is written inside is its body."""
    with Task(name="job"):
        for kind in ("local", "task", "task_instance"):
            for number in (1, 2):
                with getattr(ops, f"{kind}_finally")():
                    marks.mark(f"{kind} closing {number}")
            with getattr(ops, f"{kind}_exit")():
                marks.mark(f"{kind} exit")
        yield


def _closed(*kinds: str) -> list[str]:
    return [f"{kind} closing {number}" for kind in kinds for number in (2, 1)]


@claim
def exit_blocks_do_not_run_after_a_failure(make: Make) -> None:
    """They are part of success: a writer must not commit half of its data."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, _closing_blocks(marks):
            fail()

        with expect_raises(BoomError):
            session.run(group)

        expect_equal("exit blocks that ran", [mark for mark in marks.seen if "exit" in mark], [])


@claim
def closing_blocks_run_after_a_failure_innermost_first(make: Make) -> None:
    """What was opened last is closed first."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, _closing_blocks(marks):
            fail()

        with expect_raises(BoomError):
            session.run(group)

        expect_equal("what ran", marks.seen, _closed("task_instance", "task", "local"))


@claim
def a_failure_in_a_setup_block_closes_what_has_begun(make: Make) -> None:
    """The body does not run then, and the blocks of what never began do not either."""
    for kind, begun in (("local", ("local",)), ("task", ("task", "local"))):
        with make() as session:
            marks = Marks(session)
            with TaskGroup() as group, _closing_blocks(marks):
                with getattr(ops, f"{kind}_init")():
                    fail()
                marks.mark("body")

            with expect_raises(BoomError, "task 'local/job'" if kind == "task" else "node 'local'"):
                session.run(group)

            expect_equal(f"what ran after a failure in {kind}_init", marks.seen, _closed(*begun))


@claim
def a_failure_in_an_exit_block_is_one_of_the_run(make: Make) -> None:
    """The exit blocks behind it do not run, and all closing blocks do."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task(name="job"):
            for kind in ("local", "task"):
                with getattr(ops, f"{kind}_finally")():
                    marks.mark(f"{kind} closing")
            with ops.local_exit():
                marks.mark("local exit")
            with ops.task_exit():
                fail("in the exit")
            marks.mark("body")

        with expect_raises(BoomError, "in the exit", "task 'local/job'"):
            session.run(group)

        expect_equal("what ran", marks.seen, ["body", "task closing", "local closing"])


@claim
def a_failure_in_a_closing_block_is_one_of_the_run(make: Make) -> None:
    """If nothing has failed before; the closing blocks further out run."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task(name="job"):
            with ops.local_finally():
                marks.mark("local closing")
            with ops.task_finally():
                fail("in the closing block")
            marks.mark("body")

        with expect_raises(BoomError, "in the closing block", "task 'local/job'"):
            session.run(group)

        expect_equal("what ran", marks.seen, ["body", "local closing"])


@claim
def a_failure_in_a_reporter_is_one_of_the_run(make: Make) -> None:
    """The task that it reports on is ended."""
    for report, interval_ms in ((ops.task_reporter, SHORT_MS), (ops.local_reporter, SHORT_MS)):
        with TaskGroup() as group, Task(name="job"):
            with report(interval_ms=interval_ms):
                fail("in the report")
            work_on()

        with make() as session, expect_raises(BoomError, "in the report"):
            session.run(group)


@claim
def a_failure_in_the_last_report_is_one_of_the_run(make: Make) -> None:
    """All the work is done then, and the run fails all the same."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task():
            with ops.task_reporter(interval_ms=LONG_MS):
                fail("in the report")
            with ops.task_exit():
                marks.mark("exit")
            with ops.task_finally():
                marks.mark("closing")
            marks.mark("body")

        with expect_raises(BoomError, "in the report"):
            session.run(group)

        expect_equal("what ran", marks.seen, ["body", "closing"])


@claim
def siblings_that_are_stopped_close_too(make: Make) -> None:
    """Their closing blocks run, as they have begun, and their exit blocks do not."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group:
            with Task(name="waits"):
                queue = queue_of_node("begun")
                with ops.task_finally():
                    marks.mark("closing")
                with ops.task_exit():
                    marks.mark("exit")
                put(queue)
                wait_for_nothing()
            with Task(name="fails"):
                take("begun")
                fail()

        with expect_raises(BoomError, "task 'local/fails'"):
            session.run(group)

        expect_equal("what ran", marks.seen, ["closing"])


# --- what is left -----------------------------------------------------------------------------------------------------


@claim
def outputs_have_no_value_after_a_failure(make: Make) -> None:
    """Neither a half-done one nor that of the run before; fetching them tells of the failure."""
    fails = Net("fails if told")
    fails.call(_boom_if, "told", outputs=0)
    with TaskGroup() as group, Task():
        output = final_output(ops.Copy("told"))
        ops.net(fails)

    with make() as session:
        session.feed("local", "told", np.array(0))
        session.run(group)
        expect_equal("the output", output.fetch(), 0)

        session.feed("local", "told", np.array(1))
        with expect_raises(BoomError):
            session.run(group)

        with expect_raises(RuntimeError, "failed", "as told"):
            output.fetch()


def _boom_if(told: Any) -> None:
    if told:
        raise BoomError("as told")


@claim
def queues_of_a_failed_run_are_closed_as_failed(make: Make) -> None:
    """Whoever reads on gets an error, and neither waits nor takes half of the data for the whole."""
    with TaskGroup(WorkspaceType.GLOBAL) as group, Task():
        queue = ops.CreateBlobsQueue([], ["left"], capacity=3)
        put(queue)
        fail()
    later = Net("later")
    later.DequeueBlobs(["left"], ["item"])

    with make() as session:
        with expect_raises(BoomError):
            session.run(group)

        with expect_raises(QueueClosedError):
            session.run(later)


@claim
def a_session_goes_on_after_a_failure(make: Make) -> None:
    """The next run begins at the beginning, also one of the same group, and nothing of the failure is left."""
    with TaskGroup() as group, Task(num_instances=2):
        with ops.task_init():
            numbers = ops.CreateCounter([], 1)
        ops.call(_boom_if, "told", outputs=0)
        ops.CountUp([numbers])
        with ops.task_exit():
            output = final_output(ops.RetrieveCount([numbers]))

    with make() as session:
        for told in (1, 0, 1, 0):
            session.feed("local", "told", np.array(told))
            if told:
                with expect_raises(BoomError) as caught:
                    session.run(group)
                expect_equal("how often the place is said", caught.text.count("  in     "), 1)
            else:
                session.run(group)
                expect_equal("the output", output.fetch(), 2)
