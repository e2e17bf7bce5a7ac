"""What compiled code keeps in variables, and what others see of it while it runs."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from tests.engine.compiler.programs import COMPILED, counting, numbers, space_with
from tests.engine.eventually import HANGS_AFTER_S, eventually

import taskplan as tp
from taskplan import ops
from taskplan.engine.compiler import native
from taskplan.engine.prepare import PreparedPlan
from taskplan.plan.model import PlanDef, StepDef


def variables_of(runnable, *, blobs=None):
    """The names of all variables of all functions that a program has become."""
    with tp.LocalSession(space_with(**(blobs or {})), tier="python") as session:
        session.run(runnable)
        heads = re.findall(r"def region\((.*)\):", "\n".join(each.python for each in session.tiers(runnable)))
    return {name for head in heads for name in head.split(", ")}


def beside(step, net):
    return tp.execution_step("beside", [step, tp.execution_step("other", net)], concurrent_substeps=True)


def copying(source, target):
    net = tp.Net("copying")
    net.Copy([source], [target])
    return net


def test_blobs_that_only_one_strand_touches_are_in_variables():
    assert {"n", "m", "h", "one"} <= variables_of(counting(rounds=3), blobs=numbers())


def test_what_a_step_beside_reads_is_in_no_variable_and_the_rest_is():
    found = variables_of(beside(counting(rounds=3), copying("n", "seen")), blobs=numbers())

    assert "n" not in found
    assert "h" in found


def test_what_a_step_beside_writes_is_in_no_variable():
    found = variables_of(beside(counting(rounds=3), copying("two", "one")), blobs=numbers(two=np.int64(2)))

    assert not {"one", "n", "h"} & found


def test_what_all_only_read_is_in_a_variable():
    found = variables_of(beside(counting(rounds=3), copying("one", "seen")), blobs=numbers())

    assert {"n", "h"} <= found


def test_what_a_reporter_reads_is_in_no_variable():
    with tp.TaskGroup() as group, tp.Task(name="task"):
        with ops.task_init():
            ops.Const(0, blob_out="total"), ops.Const(1, blob_out="by")
        with ops.task_reporter(1):
            ops.Copy("total", "seen")
        with ops.loop(3):
            ops.Add(["total", "by"], ["total"])
            ops.Add(["by", "by"], ["twice"])

    with tp.LocalSession(tp.Workspace(), tier="python") as session:
        session.run(group)
        [text] = [each.python for each in session.tiers(group) if "twice" in each.python]

    assert "twice = cell_by.value + cell_by.value  # Add" in text
    assert "call_Add()" in text
    assert "total" not in text


def test_two_strands_may_ask_at_the_same_time_what_is_exposed():
    """The second one found some steps noted already, took that for all, and missed its own."""

    class AskedMeanwhile(tuple[StepDef, ...]):
        def __iter__(self):
            for number, step in enumerate(super().__iter__()):
                yield step
                if number == 0 and not answers:
                    answers.append("asked")
                    answers.append(plan.exposed(self[1]))

    answers = []
    plan = PreparedPlan(PlanDef("plan", steps=AskedMeanwhile([StepDef("first"), StepDef("second")])))

    assert plan.exposed(plan.plan.steps[0]) == frozenset()
    assert answers == ["asked", frozenset()]


@pytest.mark.parametrize("tier", COMPILED)
def test_loops_beside_each_other_see_at_once_what_the_other_writes(tier):
    """Each waits for the flag of the other, back and forth."""
    steps = []
    for mine, other in (("a", "b"), ("b", "a")):
        net = tp.Net(f"turns {mine}")
        net.LE([mine, other], ["may" + mine]) if mine == "a" else net.LT([mine, other], ["may" + mine])
        net.Cast(["may" + mine], ["by" + mine], to="int64")
        net.Add([mine, "by" + mine], [mine])
        net.GE([mine, "limit"], ["stop" + mine])
        steps.append(tp.execution_step(f"turns {mine}", net, should_stop_blob=tp.BlobReference("stop" + mine)))
    blobs = dict.fromkeys("ab", np.int64(0)) | dict.fromkeys(("stopa", "stopb"), np.False_) | {"limit": np.int64(5)}

    with tp.LocalSession(space_with(**blobs), tier=tier) as session:
        session.run(tp.execution_step("both", steps, concurrent_substeps=True), timeout_s=HANGS_AFTER_S)

        assert [session.workspace().fetch_blob(name) for name in "ab"] == [5, 5]


@pytest.mark.parametrize("tier", COMPILED)
def test_a_running_compiled_loop_sees_what_is_fed_from_outside(tier):
    space = space_with(**numbers(stop=np.False_))
    with tp.LocalSession(space, tier=tier) as session:
        run = session.start(counting(until="stop"))
        eventually(lambda: space.fetch_blob("n") > 0)
        space.feed_blob("stop", True)

        assert run.wait(HANGS_AFTER_S)

    assert space.fetch_blob("m") == 2 * space.fetch_blob("n") > 0


@pytest.mark.parametrize("tier", COMPILED)
def test_a_running_compiled_loop_takes_a_fed_blob_of_another_type_as_the_interpreter_does(tier):
    space = space_with(**numbers(stop=np.False_))
    with tp.LocalSession(space, tier=tier) as session:
        run = session.start(counting(until="stop"))
        eventually(lambda: space.fetch_blob("n") > 0)
        space.feed_blob("one", np.float32(1))

        with pytest.raises(tp.TaskplanError, match="A has dtype int64, B has dtype float32"):
            run.wait(HANGS_AFTER_S)


@pytest.mark.parametrize("tier", COMPILED)
def test_a_cancelled_compiled_loop_ends_soon(tier):
    space = space_with(**numbers())
    program = counting(rounds=10**12)
    ended_after_s = []
    with tp.LocalSession(space, tier=tier) as session:
        for _ in range(3):
            space.feed_blob("n", np.int64(0))
            run = session.start(program)
            eventually(lambda: space.fetch_blob("n") > 0)
            cancelled_s = time.monotonic()
            run.cancel()
            with pytest.raises(tp.RunCancelledError):
                run.wait(HANGS_AFTER_S)
            ended_after_s.append(time.monotonic() - cancelled_s)

    assert min(ended_after_s) < 0.1


@pytest.mark.parametrize("tier", ["interpret", *COMPILED])
def test_a_function_of_the_user_that_fetches_a_blob_sees_what_was_written_last(tier):
    ws = tp.Workspace()
    ws.feed_blob("total", np.array(0))
    ws.feed_blob("one", np.array(1))
    net = tp.Net("count")
    net.Add(["total", "one"], ["total"])
    seen = []
    net.Python(lambda inputs, outputs: seen.append(int(ws.fetch_blob("total"))))([], [])
    plan = tp.Plan("plan")
    plan.AddStep(tp.execution_step("loop", net, num_iter=300))

    with tp.LocalSession(ws, tier=tier) as session:
        session.run(plan)

    assert seen == list(range(1, 301))


@pytest.mark.skipif("native" not in COMPILED, reason="Numba is not installed")
@pytest.mark.parametrize(("name", "value"), [("x", np.ones(3)), ("y", np.ones(2)), ("k", np.int32(1))])
def test_a_blob_that_is_fed_just_before_native_code_begins_is_taken_as_the_interpreter_takes_it(
    name, value, monkeypatch
):
    """Else native code would read beyond the end of an array, or write over what was fed."""
    net = tp.Net("adds")
    net.Add(["x", "y"], ["x"])
    net.Add(["k", "by"], ["k"])
    space = space_with(x=np.ones(4), y=np.ones(4), k=np.int64(0), by=np.int64(1))
    fits, asked = native.NativeFunction.fits, []

    def fits_and_feeds(self, at):
        fitted = fits(self, at)
        asked.append(at)
        if len(asked) == 2:
            space.feed_blob(name, value)
        return fitted

    monkeypatch.setattr(native.NativeFunction, "fits", fits_and_feeds)
    with tp.LocalSession(space, tier="native") as session, pytest.raises(tp.TaskplanError, match="Add: "):
        session.run(tp.execution_step("loop", net, num_iter=1000))

    assert space.fetch_blob(name).tolist() == value.tolist()
    assert len(asked) >= 2
