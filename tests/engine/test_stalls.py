"""What the search for stalls knows of objects that operators of a user's own acquire and release."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

import taskplan as tp
from taskplan import ops
from taskplan.operators import registry
from taskplan.operators.registry import BLOCKS, MAKES, operator
from taskplan.operators.run import OpRun
from taskplan.operators.waiting import NOT_YET, Acquires, NotYet, Releases, Shared
from taskplan.testing import simulate


class Lock(Shared):
    """What one at a time may have."""

    __slots__ = ("taken",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.taken = False

    def try_take(self) -> bool | NotYet:
        if self.taken:
            return NOT_YET
        self.taken = True
        return True

    def release(self) -> None:
        self.taken = False

    def describe(self) -> str:
        return f"lock {self.name!r} ({'taken' if self.taken else 'free'})"


@pytest.fixture(autouse=True)
def lock_operators() -> Iterator[None]:
    """Operators that make, take and release a lock, declared as a user would, and gone after the test."""

    @operator("MakeLock", outputs=("lock",), effects=(MAKES,))
    def make_lock(*, run: OpRun) -> Lock:
        """A lock."""
        return Lock(run.op.outputs[0])

    @operator("TakeLock", inputs=("lock",), effects=(Acquires("lock"), BLOCKS))
    def take_lock(lock: Lock, *, run: OpRun) -> None:
        """Take a lock."""
        run.wait(Acquires(lock), lock.try_take)

    @operator("ReleaseLock", inputs=("lock",), effects=(Releases("lock"),))
    def release_lock(lock: Lock, *, run: OpRun) -> None:
        """Release a lock."""
        run.wait(Releases(lock), partial(lock.release))

    with tp.fresh_names():
        yield
    for name in ("MakeLock", "TakeLock", "ReleaseLock"):
        del registry._REGISTRY[name]


@pytest.fixture(params=[tp.LocalSession, tp.SimulatedSession])
def session(request: pytest.FixtureRequest) -> Iterator[tp.LocalSession]:
    with request.param(tp.Workspace()) as opened:
        yield opened


def take(lock: str) -> None:
    ops.TakeLock([lock], [])


def release(lock: str) -> None:
    ops.ReleaseLock([lock], [])


def group_with(*locks: str) -> tp.TaskGroup:
    with tp.TaskGroup() as group, tp.Task(name="make"), ops.local_init():
        for lock in locks:
            ops.MakeLock([], [lock])
    return group


def test_locks_that_are_released_are_no_stall(session):
    group = group_with("door")
    with group:
        for _ in range(3):
            with tp.Task(), ops.loop(20):
                take("door")
                release("door")

    session.run(group)


def test_a_lock_that_is_taken_twice_is_named(session):
    group = group_with("door")
    with group, tp.Task(name="job"):
        take("door")
        take("door")
        release("door")

    with pytest.raises(tp.StalledError) as caught:
        session.run(group)

    assert (
        caught.value.why.hints[0]
        == "task 'local/job' on node 'local' takes lock 'door' twice, and has to release it in between"
    )
    assert "waits   to have for itself lock 'door' (taken)" in str(caught.value)


def test_a_lock_that_nobody_releases_is_named(session):
    group = group_with("door")
    with group:
        for name in ("a", "b"):
            with tp.Task(name=name):
                take("door")

    with pytest.raises(tp.StalledError, match="nothing can go on: nobody releases lock 'door'"):
        session.run(group)


def test_two_locks_taken_in_different_order_are_a_ring_in_some_schedules_only():
    group = group_with("left", "right")
    with group:
        for name, first, second in (("a", "left", "right"), ("b", "right", "left")):
            with tp.Task(name=name):
                take(first)
                take(second)
                release(second)
                release(first)

    found = simulate(group)

    assert found.complete
    assert {outcome.what.partition(":")[0] for outcome in found.outcomes} == {"no outputs", "StalledError"}
    assert found.failure is not None
    assert "task 'local/a' on node 'local' and task 'local/b' on node 'local' wait for each other" in found.failure.what
