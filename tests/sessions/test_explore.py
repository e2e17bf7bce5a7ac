"""Exploring schedules: the number of interleavings, counted by hand; outcomes, races and tokens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest

import taskplan as tp
from taskplan import ops
from taskplan.testing import Fault, simulate

GLOBAL = tp.WorkspaceType.GLOBAL


@pytest.fixture(autouse=True)
def own_names() -> Iterator[None]:
    with tp.fresh_names():
        yield


def counting(*bodies: Callable[[], object]) -> tp.TaskGroup:
    """A task for each body, all of which may use blob `x`, which begins at 0."""
    with tp.TaskGroup(GLOBAL) as group:
        with tp.Task(name="first"), ops.local_init():
            ops.Const(0, blob_out="x")
        for number, body in enumerate(bodies):
            with tp.Task(name=f"task_{number}"):
                body()
    return group


def update_in_two() -> None:
    """Read `x`, then write one more: two operators."""
    old = ops.Copy("x")
    ops.Add([old, ops.Const(1)], ["x"])


def update_in_one() -> None:
    ops.Add(["x", ops.Const(1)], ["x"])


def outcomes_of(group: tp.TaskGroup, runs: int = 1000) -> tuple[int, set[str]]:
    found = simulate(group, runs=runs)
    assert found.complete
    return found.runs, {outcome.what for outcome in found.outcomes}


# --- counted by hand --------------------------------------------------------------------------------------------------


def test_two_tasks_of_two_operators_have_six_interleavings_and_the_lost_update_is_found():
    """(2 + 2)! / (2! 2!) = 6."""
    group = counting(update_in_two, update_in_two)
    with group, tp.Task(name="after"), ops.local_exit():
        tp.final_output(ops.Copy("x", "result"))

    assert outcomes_of(group) == (6, {"result = 1", "result = 2"})


def test_three_tasks_of_one_operator_have_six_interleavings():
    """3! = 6."""
    group = counting(update_in_one, update_in_one, update_in_one)
    with group, tp.Task(name="after"), ops.local_exit():
        tp.final_output(ops.Copy("x", "result"))

    assert outcomes_of(group) == (6, {"result = 3"})


def test_tasks_of_three_and_of_two_operators_have_ten_interleavings():
    """(3 + 2)! / (3! 2!) = 10."""

    def three() -> None:
        update_in_two()
        update_in_one()

    found = simulate(counting(three, update_in_two))

    assert (found.complete, found.runs) == (True, 10)


def test_three_instances_of_two_operators_have_ninety_interleavings():
    """6! / (2! 2! 2!) = 90."""
    with tp.TaskGroup(GLOBAL) as group, tp.Task(name="count", num_instances=3):
        with ops.task_init():
            x = ops.Const(0, blob_out="x")
        old = ops.Copy(x)
        ops.Add([old, ops.Const(1)], [x])
        tp.final_output(x)

    assert outcomes_of(group) == (90, {"x = 1", "x = 2", "x = 3"})


def test_operators_under_a_mutex_interleave_as_wholes():
    """Two each: 4! / (2! 2!) = 6, and nothing is lost."""
    with tp.TaskGroup(GLOBAL) as group:
        with tp.Task(name="first"), ops.local_init():
            mutex = ops.CreateMutex([], "mutex")
            ops.GivenTensorIntFill([], "x", shape=[1], values=[0])
        for name in ("a", "b"):
            with tp.Task(name=name):
                for _ in range(2):
                    ops.AtomicFetchAdd([mutex, "x", ops.GivenTensorIntFill([], shape=[1], values=[1])], ["x", "before"])
        with tp.Task(name="after"), ops.local_exit():
            tp.final_output(ops.Copy("x", "result"))

    assert outcomes_of(group) == (6, {"result = 4"})


def test_a_record_through_a_channel_has_five_interleavings():
    """The writer puts (P) and ends (E), the reader takes (T) and finds the end (F); a reader that comes too early waits
    (w), and goes on when it can: PETF, PTEF, PTwE, wPEF, wPwE."""
    channel = tp.Channel("numbers", capacity=1, schema=["n"])
    with tp.TaskGroup() as group:
        with tp.Task(name="write"):
            channel.writer().write(None, [ops.Const(5)])
        with tp.Task(name="read"):
            with ops.loop():
                ended, record = channel.reader().read()
                ops.stop_if(ended)
                value = ops.Copy(record.n(), "value")
            tp.final_output(value)

    assert outcomes_of(group) == (5, {"value = 5"})


def test_steps_inside_a_step_interleave_with_its_siblings():
    """Two children of one task, one of another: 3! = 6."""
    inner = [tp.Net(f"inner {number}") for number in range(2)]
    for net in inner:
        net.Add(["x", net.Const(1)], ["x"])
    steps = [tp.execution_step(net.Name(), net) for net in inner]
    group = counting(lambda: ops.net(tp.execution_step("both", steps, concurrent_substeps=True)), update_in_one)

    found = simulate(group)

    assert (found.complete, found.runs) == (True, 6)


def test_what_touches_nothing_of_others_has_one_schedule():
    def on_its_own() -> None:
        mine = ops.Const(1)
        for _ in range(5):
            ops.Add([mine, mine], [mine])

    found = simulate(counting(on_its_own, on_its_own, on_its_own))

    assert (found.complete, found.runs) == (True, 1)
    assert str(found).startswith("the only schedule, if functions touch nothing but the blobs")


# --- what is said of it -----------------------------------------------------------------------------------------------


def test_a_program_with_more_schedules_than_runs_is_explored_by_rising_numbers_of_preemptions():
    body = [update_in_two] * 3
    group = counting(*[lambda: [part() for part in body]] * 3)

    found = simulate(group, runs=60)

    assert (found.runs, found.complete) == (60, False)
    assert found.preemptions >= 0
    assert "there are more" in str(found)


def test_all_schedules_without_preemption_are_the_orders_of_the_tasks():
    """None of them waits, so each runs to its end: 3! orders; more than that are left."""
    group = counting(update_in_two, update_in_two, update_in_two)
    seen = []

    found = simulate(group, runs=90, progress=seen.append)

    assert found.complete
    assert found.runs == math.factorial(6) // 2**3
    assert seen == list(range(1, 91))


def test_an_exploration_ends_at_the_first_failure_if_asked_to():
    def fail() -> None:
        ops.Fail([], [])

    found = simulate(counting(update_in_two, update_in_two, fail), stop_at_failure=True)

    assert found.runs == 1
    assert found.failure is not None
    with pytest.raises(RuntimeError, match="Fail"):
        found.raise_failure()


def test_outcomes_come_with_a_token_that_brings_them_back():
    group = counting(update_in_two, update_in_two)
    with group, tp.Task(name="after"), ops.local_exit():
        tp.final_output(ops.Copy("x", "result"))

    found = simulate(group)

    for outcome in found.outcomes:
        with tp.SimulatedSession(tp.Workspace(), replay=outcome.token) as session:
            session.run(group)
            assert f"result = {session.outputs(group)['result']}" == outcome.what


def test_the_first_failure_comes_with_what_was_done_before_it():
    def check(value: int) -> None:
        if value == 1:
            msg = "lost an update"
            raise ValueError(msg)

    group = counting(update_in_two, update_in_two)
    with group, tp.Task(name="after"), ops.local_exit():
        ops.call(check, "x", outputs=0)

    found = simulate(group)

    assert {(outcome.what, outcome.runs) for outcome in found.outcomes} == {
        ("no outputs", 2),
        ("ValueError: lost an update", 4),
    }
    assert [turn.who for turn in found.trace].count("task 'local/task_0' on node 'local'") == 2
    assert found.failure is not None
    assert len(found.failure.token) < 100


def test_a_race_is_told_once_with_both_lines():
    found = simulate(counting(update_in_two, update_in_two))

    said = [str(race) for race, _ in found.races]
    assert len(said) == 2  # write against read, and write against write
    assert all("race on blob 'x'" in text and "test_explore.py" in text for text in said)


def test_a_function_that_builds_the_program_is_called_for_each_run():
    built = []

    def build() -> tp.TaskGroup:
        built.append(1)
        with tp.fresh_names():
            return counting(update_in_two, update_in_two)

    assert simulate(build).runs == 6
    assert len(built) >= 6


def test_blobs_that_are_fed_are_there_in_each_run():
    with tp.TaskGroup(GLOBAL) as group:
        for name in ("a", "b"):
            with tp.Task(name=name):
                update_in_one()
        with tp.Task(name="after"), ops.local_exit():
            tp.final_output(ops.Copy("x", "result"))

    found = simulate(group, feed={"x": 40})

    assert [outcome.what for outcome in found.outcomes] == ["result = 42"]


def test_with_a_probable_fault_some_runs_fail_and_some_do_not():
    found = simulate(counting(update_in_two, update_in_two), runs=60, faults=[Fault("Add", probability=0.3)])

    assert found.faults is not None
    assert 5 < found.faults < 55
    assert {outcome.failed for outcome in found.outcomes} == {True, False}


def test_faults_that_are_nowhere_are_told():
    found = simulate(counting(update_in_one), faults=[Fault("Addition")])

    assert found.faults == 0
    assert "0 runs met a fault: no operator that was executed is at the places given" in str(found)


def test_a_program_that_the_checks_refuse_is_refused():
    with tp.TaskGroup() as group, tp.Task():
        ops.Copy("missing", "copy")

    with pytest.raises(tp.PlanError):
        simulate(group)


def test_at_least_one_run_is_asked_for():
    with pytest.raises(tp.BuildError, match="runs must be at least 1, got 0"):
        simulate(counting(update_in_one), runs=0)


def test_a_failure_that_does_not_come_again_is_told():
    """The function counts from run to run, so that a replay is another execution."""
    calls = []

    def fails_once(x: int) -> int:
        calls.append(x)
        if len(calls) == 2:
            raise ValueError("the second time")
        return len(calls)

    with tp.TaskGroup() as group, tp.Task():
        ops.call(fails_once, ops.call(fails_once, ops.Const(1)))

    found = simulate(group)

    assert found.failure is not None
    assert "fails_once" in found.diverged
    assert "warning: a schedule was not the same when it was run again: replay:" in str(found)


def test_a_program_that_changes_from_run_to_run_is_explored_at_random_and_that_is_told():
    """After the first run all tasks leave the blob alone, so a schedule that was found is not there any more."""
    runs = []

    def count() -> bool:
        runs.append(1)
        return len(runs) <= 3

    with tp.TaskGroup(GLOBAL) as group:
        with tp.Task(name="first"), ops.local_init():
            ops.Const(0, blob_out="x")
        for name in ("a", "b", "c"):
            with tp.Task(name=name), ops.If(ops.call(count)):
                update_in_one()

    found = simulate(group, runs=40)

    assert found.runs == 40
    assert not found.complete
    assert found.diverged
