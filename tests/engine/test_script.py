"""The policy of steps, on a driver that records what it was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from taskplan.cancel import CancelToken
from taskplan.engine.attempted import Attempted
from taskplan.engine.bound import bind
from taskplan.engine.cells import CellSpace
from taskplan.engine.failures import Failed
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.run import Run
from taskplan.engine.script import perform
from taskplan.engine.turns import Turns
from taskplan.errors import Cancelled, StepError
from taskplan.operators.waiting import NOT_YET, TIMED_OUT, Attempt, Reason
from taskplan.plan.model import NetDef, OpDef, PlanDef, StepDef


class RecordingDriver:
    """Jobs run one after the other, first spawned first, whenever somebody waits; time passes only in time-outs."""

    grace_s = 10.0
    stall_warning_s = 10.0
    turns: Turns | None = None

    def __init__(self) -> None:
        self.record: list[str] = []
        self._jobs: list[Callable[[], None]] = []
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def wall_clock_ns(self) -> int:
        return 0

    def spawn(self, job: Callable[[], None], *, brief: bool) -> None:
        self.record.append(f"spawn {'brief' if brief else 'own'}")
        self._jobs.append(job)

    def wait(
        self,
        reason: Reason,
        attempt: Attempt,
        token: CancelToken,
        timeout_s: float = math.inf,
        shielded: bool = False,
        by: object = None,
    ) -> Any:
        result = attempt()
        if result is NOT_YET:
            self.record.append(f"wait {type(reason).__name__} {reason.subject.name}")
        while result is NOT_YET:
            if token.cancelled and not shielded:
                raise Cancelled
            if not self._jobs:
                if timeout_s == math.inf:
                    msg = f"everybody waits: {self.record}"
                    raise RuntimeError(msg)
                self._now += timeout_s
                return TIMED_OUT
            self._jobs.pop(0)()
            result = attempt()
        return result

    def cancel(self, token: CancelToken) -> None:
        self.record.append("cancel")


def constant(blob: str, value: object) -> OpDef:
    return OpDef("ConstantFill", (), (blob,), {"value": value, **({"dtype": 5} if isinstance(value, bool) else {})})


def run_steps(nets: Sequence[NetDef], *steps: StepDef) -> tuple[RecordingDriver, CellSpace, Attempted]:
    driver, space = RecordingDriver(), CellSpace()
    shared = Attempted(driver)
    run = Run(shared, PreparedPlan(PlanDef("plan", tuple(nets), steps)))
    for step in steps:
        perform(bind(step, space, run), run)
    return driver, space, shared


COUNT = NetDef("count", (OpDef("Add", ("i", "one"), ("i",), {}),))
INIT = NetDef("init", (constant("i", 0), constant("one", 1)))


def test_a_sequential_step_asks_the_driver_for_nothing():
    driver, space, _ = run_steps([INIT, COUNT], StepDef("a", nets=("init",)), StepDef("b", nets=("count",), times=5))

    assert driver.record == []
    assert space.cell("i").value == 5


def test_concurrent_children_are_spawned_then_joined():
    children = (StepDef("x", nets=("init",)), StepDef("y", nets=("init",)))

    driver, _, _ = run_steps([INIT], StepDef("both", children, concurrent=True))

    assert driver.record == ["spawn brief", "spawn brief", "wait Joins both"]


def test_instances_times_children_are_spawned():
    children = (StepDef("x", nets=("init",)), StepDef("y", nets=("init",)))

    driver, _, _ = run_steps([INIT], StepDef("all", children, instances=3))

    assert driver.record.count("spawn brief") == 6


def test_no_instances_mean_one():
    driver, space, _ = run_steps(
        [INIT, COUNT],
        StepDef("a", nets=("init",)),
        StepDef("all", (StepDef("x", nets=("count",)), StepDef("y", nets=("count",))), concurrent=True, instances=0),
    )

    assert driver.record.count("spawn brief") == 2
    assert space.cell("i").value == 2


def test_a_step_that_waits_has_a_thread_of_its_own():
    loop = StepDef("open", nets=("init",), until="stop")
    stop = NetDef("stop", (constant("stop", True),))

    driver, _, _ = run_steps(
        [INIT, stop],
        StepDef("pre", nets=("stop",)),
        StepDef("both", (loop, StepDef("y", nets=("init",))), concurrent=True),
    )

    assert driver.record == ["spawn own", "spawn brief", "wait Joins both"]


def test_a_reporter_runs_once_after_its_siblings():
    reporter = StepDef("reporter", nets=("count",), every_ms=1000)

    _, space, _ = run_steps([INIT, COUNT], StepDef("parent", (reporter, StepDef("work", nets=("init",)))))

    assert space.cell("i").value == 1


def test_a_stop_blob_and_nothing_but_reporters_is_refused():
    stop = NetDef("stop", (constant("stop", False),))
    lone = StepDef("lone", (StepDef("reporter", nets=("stop",), every_ms=5),), until="stop")

    with pytest.raises(Failed) as caught:
        run_steps([stop], StepDef("pre", nets=("stop",)), lone)

    assert isinstance(caught.value.error, StepError)


def test_the_first_failure_of_concurrent_children_cancels_the_run():
    fail = NetDef("fail", (OpDef("Fail", (), (), {}),))
    children = (StepDef("x", nets=("fail",)), StepDef("y", nets=("count",)))
    driver, space = RecordingDriver(), CellSpace()
    shared = Attempted(driver)
    step = StepDef("both", children, concurrent=True)
    run = Run(shared, PreparedPlan(PlanDef("plan", (INIT, COUNT, fail), (step,))))
    run.net("init", space).perform()
    bound = bind(step, space, run)

    with pytest.raises(Cancelled):
        perform(bound, run)

    assert shared.token.cancelled
    assert space.cell("i").value == 0
    assert "op 1 Fail" in shared.outcome.first.place.path()  # type: ignore[union-attr]
