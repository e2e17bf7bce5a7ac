"""Claims about sessions themselves: runs that go on beside the caller, asking them why, cancelling, and closing."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from taskplan import (
    PlanError,
    RunCancelledError,
    StalledError,
    Task,
    TaskGroup,
    TimedOutError,
    Why,
    WorkspaceType,
    final_output,
    ops,
)
from taskplan.testing.claims import (
    HANG_S,
    SOON_S,
    BoomError,
    Make,
    Marks,
    add_to,
    claim,
    expect,
    expect_equal,
    expect_raises,
    fail,
    put,
    queue_of_node,
    take,
    until,
    wait_for_nothing,
    work_on,
)

# --- started runs -----------------------------------------------------------------------------------------------------


@claim
def a_started_run_goes_on_beside_its_caller(make: Make) -> None:
    """Its outputs are there when it has ended; asking for them waits for that."""
    with TaskGroup() as group, Task():
        total = ops.Const(0)
        with ops.loop(1000):
            add_to(total, 1)
        output = final_output(ops.Copy(total, "total"))

    with make() as session:
        run = session.start(group)
        outputs = run.outputs

        expect_equal("the outputs", {name: int(value) for name, value in outputs.items()}, {"total": 1000})
        expect_equal("the output", output.fetch(), 1000)
        expect(run.ended, "a run that has ended")
        expect(run.wait(), "waiting for a run that has ended to be true")


@claim
def waiting_for_a_started_run_may_be_given_up(make: Make) -> None:
    """The answer is false then, and the run goes on."""
    with TaskGroup() as group, Task():
        work_on()

    with make() as session:
        run = session.start(group)

        expect(not run.wait(timeout_s=SOON_S), "waiting for a run that goes on to be false")
        expect(not run.wait(timeout_s=0), "looking at a run that goes on to be false")
        expect(not run.ended, "a run that goes on")
        run.cancel()


@claim
def the_failure_of_a_started_run_is_raised_to_those_who_wait(make: Make) -> None:
    """Each time, and by its outputs too; never anywhere else."""
    with TaskGroup() as group, Task(name="job"):
        output = final_output(ops.Const(1))
        fail()

    with make() as session:
        run = session.start(group)

        for _ in range(2):
            with expect_raises(BoomError, "task 'local/job'"):
                run.wait(timeout_s=HANG_S)
        with expect_raises(BoomError):
            dict(run.outputs)
        with expect_raises(RuntimeError, "failed"):
            output.fetch()


@claim
def a_started_run_that_stalls_fails(make: Make) -> None:
    """As `run` does, nobody has to ask first."""
    with TaskGroup() as group, Task():
        take(ops.CreateBlobsQueue([], ["jobs"]))

    with make() as session:
        with expect_raises(StalledError, "jobs"):
            session.start(group).wait(timeout_s=HANG_S)


@claim
def a_started_run_has_a_limit_too(make: Make) -> None:
    """`session.start` takes it as `session.run` does."""
    with TaskGroup() as group, Task():
        wait_for_nothing()

    with make() as session:
        with expect_raises(TimedOutError):
            session.start(group, timeout_s=SOON_S).wait(timeout_s=HANG_S)


@claim
def what_is_wrong_beforehand_is_raised_by_start(make: Make) -> None:
    """There is no run then."""
    with TaskGroup() as group, Task():
        ops.Copy(["missing"], ["copy"])

    with make() as session, expect_raises(PlanError, "'missing'"):
        session.start(group)


def _going_on(marks: Marks) -> TaskGroup:
    """A group that goes on until it is ended, and says when it has begun."""
    with TaskGroup() as group, Task(name="job"):
        with ops.task_exit():
            marks.mark("exit")
        with ops.task_finally():
            marks.mark("closing")
        marks.mark("begun")
        work_on()
    return group


@claim
def a_cancelled_run_closes(make: Make) -> None:
    """Cancelling is a failure: closing blocks run, exit blocks do not, and whoever waits hears of it."""
    with make() as session:
        marks = Marks(session)
        run = session.start(_going_on(marks))
        until(lambda: marks.seen, run)

        expect(run.cancel("as told"), "cancelling a run that goes on to be true")
        with expect_raises(RunCancelledError, "as told"):
            run.wait(timeout_s=HANG_S)

        expect_equal("what ran", marks.seen, ["begun", "closing"])
        with expect_raises(RunCancelledError):
            dict(run.outputs)


@claim
def cancelling_a_run_that_has_ended_changes_nothing(make: Make) -> None:
    """The answer is false, and the outputs stay."""
    with TaskGroup() as group, Task():
        output = final_output(ops.Const(1))

    with make() as session:
        run = session.start(group)
        expect(run.wait(timeout_s=HANG_S), "the run to end")

        expect(not run.cancel(), "cancelling a run that has ended to be false")
        expect(run.wait(), "waiting for it to be true")
        expect_equal("the output", output.fetch(), 1)


@claim
def a_session_goes_on_after_a_run_was_cancelled(make: Make) -> None:
    """What follows does not hear of it."""
    with TaskGroup() as group, Task():
        output = final_output(ops.Const(1))

    with make() as session:
        run = session.start(_going_on(Marks(session)))
        run.cancel()
        with expect_raises(RunCancelledError):
            run.wait(timeout_s=HANG_S)
        session.run(group)

        expect_equal("the output", output.fetch(), 1)


# --- why --------------------------------------------------------------------------------------------------------------


@claim
def a_run_and_its_session_say_who_waits_for_whom(make: Make) -> None:
    """At any moment, from another thread; one who may still be helped is not called stuck."""
    with TaskGroup() as group:
        with Task(name="works"):
            queue_of_node("jobs")
            with ops.local_init():
                steps = ops.CreateCounter([], ["steps"])
            with ops.loop(10**12):
                ops.CountUp([steps])
            put("jobs")
        with Task(name="waits") as task:
            ops.CountUp(["steps"])
            take("jobs")

    with make() as session:
        run = session.start(group)
        until(lambda: _takers(run.why()), run)
        [wait] = _takers(run.why())

        expect_equal("who waits for what", (wait.who, wait.name), ("task 'local/waits' on node 'local'", "jobs"))
        expect_equal("the line", str(wait.site), str(task.site))
        expect(not wait.stuck, "a wait that may end")
        writers = [user.who for user in wait.users if user.does == "writes"]
        expect_equal("the writers", writers, ["task 'local/works' on node 'local'"])
        expect_equal("who waits, as the session has it", [wait.who for wait in _takers(session.why())], [wait.who])
        run.cancel()


def _takers(why: Why) -> list[Any]:
    return [wait for wait in why.waits if wait.verb == "take from"]


@claim
def where_nothing_runs_nobody_waits(make: Make) -> None:
    """Before a run, and after it."""
    with TaskGroup() as group, Task():
        ops.Const(1)

    with make() as session:
        before = session.why()
        run = session.start(group)
        run.wait(timeout_s=HANG_S)

        for why in (before, session.why()):
            expect_equal("what the session does", (why.waits, why.calls, why.running), ((), (), 0))


# --- closing ----------------------------------------------------------------------------------------------------------


@claim
def a_session_may_be_closed_twice(make: Make) -> None:
    """The second time has no effect."""
    session = make()
    expect(session.is_open(), "a new session to be open")

    session.close()
    session.close()

    expect(not session.is_open(), "a closed session")


@claim
def a_closed_session_refuses_to_run(make: Make) -> None:
    """Running, starting and opening it again are mistakes of whoever calls."""
    with TaskGroup() as group, Task():
        ops.Const(1)
    with make() as session:
        session.run(group)

    for action in (lambda: session.run(group), lambda: session.start(group), session.__enter__):
        with expect_raises(AssertionError, "closed"):
            action()


@claim
def a_session_closes_with_its_block_even_if_that_fails(make: Make) -> None:
    """And what the block raises is raised."""
    session = make()

    with expect_raises(BoomError), session:
        raise BoomError

    expect(not session.is_open(), "a closed session")


@claim
def outputs_can_be_fetched_from_a_closed_session(make: Make) -> None:
    """Programs run in a `with` block and look at the result behind it."""
    with TaskGroup() as group, Task():
        output = final_output(ops.Const(np.array([1, 2])))
    with make() as session:
        session.run(group)

    expect_equal("the output", output.fetch(), [1, 2])


@claim
def closing_a_session_cancels_its_runs(make: Make) -> None:
    """They end as a cancelled run does, before `close` returns."""
    with make() as session:
        marks = Marks(session)
        run = session.start(_going_on(marks))
        until(lambda: marks.seen, run)

    expect(run.ended, "a run that has ended")
    expect_equal("what ran", marks.seen, ["begun", "closing"])
    with expect_raises(RunCancelledError, "closed"):
        run.wait()


@claim
def closing_a_session_leaves_no_thread_behind(make: Make) -> None:
    """Whatever has run in it: good runs, failed ones, and those that were started."""
    before = set(threading.enumerate())
    with TaskGroup() as good, Task(num_instances=3):
        ops.Const(1)
    with TaskGroup(WorkspaceType.GLOBAL) as bad:
        for body in (fail, wait_for_nothing, work_on):
            with Task():
                body()

    with make() as session:
        session.run(good)
        with expect_raises(BoomError):
            session.run(bad)
        session.start(good).wait(timeout_s=HANG_S)
        marks = Marks(session)
        run = session.start(_going_on(marks))
        until(lambda: marks.seen, run)

    left = [thread.name for thread in threading.enumerate() if thread not in before]
    expect_equal("threads that are left", left, [])
