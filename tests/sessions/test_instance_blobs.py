"""What instances have for themselves does not depend on what earlier runs left in the session's workspace."""

import gc

import numpy as np
import pytest

import taskplan as tp
from taskplan import ops
from taskplan.plan.archive import program_from_bytes, program_to_bytes
from taskplan.sessions.programs import compile_program


def counting(instances: int, workspace_type: str, *, rounds: int = 200) -> tp.TaskGroup:
    """Instances that each count to `rounds` in a blob of their own, and add the count to a shared total."""
    with tp.TaskGroup(workspace_type) as group, tp.Task(name="count", num_instances=instances) as task:
        with ops.task_init():
            total = ops.Const(np.int32(0))
            mutex = ops.CreateMutex([])
        count = ops.Const(np.int32(0))
        with ops.loop(rounds):
            ops.Add([count, ops.Const(np.int32(1))], [count])
        ops.AtomicFetchAdd([mutex, total, count], [total, ops.Const(np.int32(0))])
        task.add_output(total)
    return group


def copying(threads: int, workspace_type: str, found: list[int]) -> tp.TaskGroup:
    """A pipe of so many threads from 100 records into a list."""
    schema = tp.Struct(("x", tp.Scalar("int64")))
    reader = tp.IterableReader([{"x": [number]} for number in range(100)], schema)
    with tp.TaskGroup(workspace_type) as group:
        tp.pipe(reader, tp.CallbackWriter(lambda record: found.extend(record["x"])), num_threads=threads)
    return group


def ran_before_with_one(session: tp.Session, build) -> None:
    """Run a program of one instance in the session's own workspace, and drop it, so that its names are free."""
    group = build(1, tp.WorkspaceType.GLOBAL)
    session.run(group)
    del group
    gc.collect()


@pytest.mark.parametrize("workspace_type", [tp.WorkspaceType.PRIVATE, tp.WorkspaceType.GLOBAL])
@pytest.mark.parametrize("seed", range(5))
def test_instances_count_alone_after_a_run_of_the_same_program_with_one(workspace_type, seed):
    session = tp.SimulatedSession(seed=seed)
    ran_before_with_one(session, counting)
    group = counting(4, workspace_type)

    session.run(group)

    (total,) = [output.fetch() for task in group.tasks() for output in task.outputs()]
    assert total == 800


@pytest.mark.parametrize("workspace_type", [tp.WorkspaceType.PRIVATE, tp.WorkspaceType.GLOBAL])
def test_instances_count_alone_on_threads_after_a_run_with_one(workspace_type):
    session = tp.LocalSession()
    ran_before_with_one(session, counting)
    group = counting(4, workspace_type)

    session.run(group)

    (total,) = [output.fetch() for task in group.tasks() for output in task.outputs()]
    assert total == 800


@pytest.mark.parametrize("workspace_type", [tp.WorkspaceType.PRIVATE, tp.WorkspaceType.GLOBAL])
@pytest.mark.parametrize("seed", range(10))
def test_a_pipe_of_several_threads_loses_no_record_after_a_run_of_the_same_pipe_with_one(workspace_type, seed):
    session = tp.SimulatedSession(seed=seed)
    ran_before_with_one(session, lambda threads, type_: copying(threads, type_, []))
    found: list[int] = []

    session.run(copying(3, workspace_type, found))

    assert sorted(found) == list(range(100))


def test_an_archive_keeps_which_blobs_instances_have_for_themselves():
    program = compile_program(counting(2, tp.WorkspaceType.GLOBAL))

    assert own_blobs(program_from_bytes(program_to_bytes(program))) == own_blobs(program)
    assert any("count" in name for name in own_blobs(program))


def own_blobs(program) -> set[str]:
    """All blobs that instances have for themselves in some step."""
    waiting = [step for plan in program.plans.values() for step in plan.steps]
    found: set[str] = set()
    for step in waiting:  # grows
        found.update(step.own)
        waiting += step.steps
    return found
