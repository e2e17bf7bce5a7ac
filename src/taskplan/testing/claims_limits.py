"""Claims about runs that would not end: stalls, and limits of time."""

from __future__ import annotations

from typing import Any

import numpy as np

from taskplan import (
    Channel,
    Node,
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
    SHORT_MS,
    SOON_S,
    Make,
    Marks,
    add_to,
    claim,
    each_record,
    expect,
    expect_equal,
    expect_raises,
    put,
    queue_of_node,
    run_function,
    take,
    wait_for_nothing,
    work_on,
)

# --- stalls -----------------------------------------------------------------------------------------------------------


def _why_stalled(make: Make, group: TaskGroup, *said: str) -> Why:
    """Who waited for whom when the run stalled."""
    with make() as session, expect_raises(StalledError, *said) as caught:
        session.run(group)
    why = caught.error.why
    expect(isinstance(why, Why), f"an error that says why, got {why!r}")
    expect(why.waits, "an answer with those who wait")
    expect(all(wait.stuck for wait in why.waits), f"all of them to be stuck for certain, got\n{why}")
    return why  # type: ignore[no-any-return] # an attribute of errors, which is Any there


def _waiting(why: Why) -> list[tuple[str, str, str]]:
    """Who waits to do what with which object, in order."""
    return sorted((wait.who, wait.verb, wait.name) for wait in why.waits)


@claim
def waiting_for_what_nobody_writes_is_a_stall(make: Make) -> None:
    """The answer has the task, the operator, the queue, the line, and the mistake that this looks like."""
    with TaskGroup() as group, Node("a"), Task(name="read") as task:
        take(ops.CreateBlobsQueue([], ["jobs"]))

    why = _why_stalled(make, group, "jobs", "task 'a/read' on node 'a'")

    [wait] = why.waits
    expect_equal("who waits for what", _waiting(why), [("task 'a/read' on node 'a'", "take from", "jobs")])
    expect_equal("the operator", wait.operator, "DequeueBlobs")
    expect_equal("the line", str(wait.site), str(task.site))
    expect_equal("who writes", [user.who for user in wait.users if user.does == "writes"], [])
    expect(any("nobody writes" in hint for hint in why.hints), f"a hint that nobody writes it, got {why.hints!r}")


@claim
def waiting_for_the_end_of_what_nobody_closes_is_a_stall(make: Make) -> None:
    """All writers have ended, and the reader has read all that there was."""
    with TaskGroup() as group:
        with Task(name="write"):
            queue_of_node("jobs", capacity=3)
            with ops.loop(3):
                put("jobs")
        with Task(name="read"):
            with each_record("jobs"):
                ops.Const(1)

    why = _why_stalled(make, group, "jobs")

    expect_equal("who waits for what", _waiting(why), [("task 'local/read' on node 'local'", "take from", "jobs")])
    expect_equal("the writers", [user.state for user in why.waits[0].users if user.does == "writes"], ["has ended"])
    expect(any("nobody closes" in hint for hint in why.hints), f"a hint that nobody closes it, got {why.hints!r}")


@claim
def waiting_for_room_that_nobody_makes_is_a_stall(make: Make) -> None:
    """The queue is full, and no task reads it."""
    with TaskGroup() as group, Task(name="write", num_instances=2):
        with ops.task_init():
            queue = ops.CreateBlobsQueue([], ["jobs"], capacity=3)
        with ops.loop(2):
            put(queue)

    why = _why_stalled(make, group, "jobs")

    expect_equal("who waits for what", _waiting(why), [("task 'local/write' on node 'local'", "put into", "jobs")])


@claim
def a_ring_of_tasks_that_wait_for_each_other_is_a_stall(make: Make) -> None:
    """Each would write what the next one waits for, and all read first."""
    names = ("a", "b", "c")
    with TaskGroup() as group:
        for name, following in zip(names, ("b", "c", "a"), strict=True):
            with Task(name=name):
                queue_of_node(f"to {name}")
                take(f"to {name}")
                put(f"to {following}")

    why = _why_stalled(make, group, "wait for each other")

    waits = [(f"task 'local/{name}' on node 'local'", "take from", f"to {name}") for name in names]
    expect_equal("who waits for what", _waiting(why), waits)


@claim
def nodes_that_wait_for_each_other_are_a_stall(make: Make) -> None:
    """The channels between them are as well known as queues."""
    to_a, to_b = (Channel(name, capacity=1, schema=["x"]) for name in ("to a", "to b"))
    with TaskGroup() as group:
        for node, own, other in (("a", to_a, to_b), ("b", to_b, to_a)):
            with Node(node), Task(name="answer"):
                _, record = own.reader().read()
                other.writer().write(None, record)

    why = _why_stalled(make, group)

    waits = [(f"task '{node}/answer' on node '{node}'", "take from", f"channel:to {node}") for node in "ab"]
    expect_equal("who waits for what", _waiting(why), waits)


@claim
def a_stall_is_seen_beside_a_reporter(make: Make) -> None:
    """A reporter wakes again and again, which helps nobody whose queue it does not touch."""
    with TaskGroup() as group, Task(name="read"):
        with ops.task_init():
            done = ops.CreateCounter([], 1)
            queue = ops.CreateBlobsQueue([], ["jobs"])
        with ops.task_reporter(interval_ms=SHORT_MS):
            ops.RetrieveCount([done])
        take(queue)
        ops.CountUp([done])

    _why_stalled(make, group, "jobs")


@claim
def a_reporter_that_writes_is_waited_for(make: Make) -> None:
    """Who waits for what a reporter writes can go on, so that is no stall."""
    with TaskGroup() as group, Task():
        with ops.task_init():
            queue = ops.CreateBlobsQueue([], ["jobs"], capacity=9)
        with ops.task_reporter(interval_ms=SHORT_MS):
            item = ops.Const(5)
            ops.SafeEnqueueBlobs([queue, item], [item, "refused"])
        output = final_output(take(queue))
        ops.CloseBlobsQueue([queue], [])

    with make() as session:
        session.run(group)

        expect_equal("the output", output.fetch(), 5)


@claim
def closing_blocks_run_after_a_stall(make: Make) -> None:
    """It is a failure like any other."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task():
            with ops.task_exit():
                marks.mark("exit")
            with ops.task_finally():
                marks.mark("closing")
            take(ops.CreateBlobsQueue([], 1))

        with expect_raises(StalledError):
            session.run(group)

        expect_equal("what ran", marks.seen, ["closing"])


@claim
def a_task_that_works_for_long_is_no_stall(make: Make) -> None:
    """As long as somebody may still write, the others wait."""

    def later(value: Any) -> Any:
        return sum(range(200_000)) * 0 + value

    with TaskGroup() as group:
        with Task():
            queue_of_node("jobs")
            item = ops.call(later, ops.Const(5))
            put("jobs", item)
        with Task():
            output = final_output(take("jobs"))

    with make() as session:
        session.run(group)

        expect_equal("the output", output.fetch(), 5)


@claim
def a_queue_that_user_code_was_handed_is_not_accused(make: Make) -> None:
    """Somebody outside of the run might write it, so only a limit of time ends the wait."""
    with TaskGroup() as group, Task(name="read"):
        wait_for_nothing()

    with make() as session, expect_raises(TimedOutError) as caught:
        session.run(group, timeout_s=SOON_S)

    _expect_open(caught.error.why)


@claim
def a_queue_that_was_there_before_the_run_is_not_accused(make: Make) -> None:
    """It belongs to the session, and others may have it."""
    with TaskGroup(WorkspaceType.GLOBAL) as makes, Task():
        ops.CreateBlobsQueue([], ["jobs"])
    with TaskGroup() as group, Task(name="read"):
        take("jobs")

    with make() as session:
        session.run(makes)

        with expect_raises(TimedOutError) as caught:
            session.run(group, timeout_s=SOON_S)

    _expect_open(caught.error.why)


def _expect_open(why: Any) -> None:
    waits = [wait for wait in why.waits if wait.operator]
    expect_equal("who waits", [wait.operator for wait in waits], ["DequeueBlobs"])
    expect(all(wait.open and not wait.stuck for wait in waits), f"a wait that is open and not stuck, got\n{why}")


# --- limits of time ---------------------------------------------------------------------------------------------------


def _timed_out(session: Any, marks: Marks, waits: bool, **options: Any) -> None:
    """Run something that does not end; it is to be ended, and closed."""
    with TaskGroup() as group, Task():
        with ops.task_exit():
            marks.mark("exit")
        with ops.task_finally():
            marks.mark("closing")
        if waits:
            wait_for_nothing()
        else:
            work_on()

    with expect_raises(TimedOutError, f"{SOON_S:g} s"):
        session.run(group, **options)

    expect_equal("what ran", marks.seen, ["closing"])


@claim
def a_run_that_takes_too_long_is_ended(make: Make) -> None:
    """Whether it waits or works; closing blocks run."""
    for waits in (True, False):
        with make() as session:
            _timed_out(session, Marks(session), waits, timeout_s=SOON_S)


@claim
def a_session_limits_all_its_runs(make: Make) -> None:
    """`timeout_s` of the session holds for each run that says nothing else."""
    with make(timeout_s=SOON_S) as session:
        for _ in range(2):
            _timed_out(session, Marks(session), waits=True)


@claim
def a_limit_of_a_run_counts_and_not_that_of_its_session(make: Make) -> None:
    """Here it is longer."""
    with TaskGroup() as group, Task():
        with ops.task_init():
            reports = ops.CreateCounter([], 1)
        with ops.task_reporter(interval_ms=SHORT_MS):
            ops.CountUp([reports])
        with ops.loop():
            ops.stop_if(ops.GE([ops.RetrieveCount([reports]), ops.Const(5, dtype=np.int64)]))

    with make(timeout_s=SHORT_MS / 1000) as session:
        session.run(group, timeout_s=30.0)


@claim
def a_block_that_takes_too_long_ends_the_run(make: Make) -> None:
    """The error names the block, and its task."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group, Task(name="job"):
            with ops.task_finally():
                marks.mark("closing")
            with ops.timeout(SOON_S, name="too short"):
                wait_for_nothing()
            marks.mark("behind the block")

        with expect_raises(TimedOutError, "too short", f"{SOON_S:g} s", "task 'local/job'"):
            session.run(group)

        expect_equal("what ran", marks.seen, ["closing"])


@claim
def of_limits_within_each_other_the_shorter_one_counts(make: Make) -> None:
    """Whichever of them is inside."""
    for outer_s, inner_s, name in ((SOON_S, 20.0, "outer"), (20.0, SOON_S, "inner")):
        with TaskGroup() as group, Task():
            with ops.timeout(outer_s, name="outer"), ops.timeout(inner_s, name="inner"):
                wait_for_nothing()

        with make() as session:
            with expect_raises(TimedOutError) as caught:
                session.run(group)

            line = str(caught.error).partition("\n")[0]
            expect(f"{name}'" in line, f"the limit of block {name!r} to be named, got {line!r}")


@claim
def limits_that_are_kept_change_nothing(make: Make) -> None:
    """Of a run as of a block."""
    with TaskGroup() as group, Task():
        total = ops.Const(0)
        with ops.loop(3):
            with ops.timeout(20.0):
                add_to(total, 1)
        run_function(lambda: None)
        output = final_output(total)

    with make() as session:
        session.run(group, timeout_s=20.0)

        expect_equal("the output", output.fetch(), 3)
