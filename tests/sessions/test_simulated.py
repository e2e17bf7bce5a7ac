"""Simulated sessions: one seed is one execution; tokens bring it back, also in another process's program."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import taskplan as tp
from taskplan import ops
from taskplan.engine import fibers
from taskplan.events import Event, RunEnded
from taskplan.sessions.schedules import Seeded
from taskplan.testing import Fault

GLOBAL = tp.WorkspaceType.GLOBAL


@pytest.fixture(autouse=True)
def own_names() -> Iterator[None]:
    with tp.fresh_names():
        yield


def pipeline(transform: Callable[[Any], Any] | None = None) -> tp.TaskGroup:
    """Two readers of one channel add up what a writer writes; which of them gets what depends on the schedule."""
    numbers = tp.Channel("numbers", capacity=2, schema=["n"])
    with tp.TaskGroup() as group:
        with tp.Task(name="write"), ops.loop(6) as loop:
            n = ops.call(transform, loop.iter()) if transform else ops.Copy(loop.iter())
            numbers.writer().write(None, [n])
        for name in ("a", "b"):
            with tp.Task(name=name):
                total = ops.Const(0)
                with ops.loop():
                    ended, record = numbers.reader().read()
                    ops.stop_if(ended)
                    ops.Add([total, record.n()], [total])
                tp.final_output(ops.Copy(total, f"total_{name}"))
    return group


def run(group: object, **options: Any) -> tuple[tp.SimulatedSession, dict[str, int]]:
    with tp.SimulatedSession(tp.Workspace(), traced=True, **options) as session:
        session.run(group)
        return session, {name: int(value) for name, value in session.outputs(group).items()}


def trace_of(session: tp.SimulatedSession) -> list[str]:
    return list(map(str, session.trace))


# --- replaying --------------------------------------------------------------------------------------------------------


def test_one_seed_is_one_execution():
    group = pipeline()

    first, values = run(group, seed=3)
    second, same = run(group, seed=3)

    assert values == same
    assert trace_of(first) == trace_of(second)
    assert first.token == second.token


def test_different_seeds_are_different_executions_with_one_sum():
    group = pipeline()

    runs = [run(group, seed=seed) for seed in range(20)]

    assert len({str(values) for _, values in runs}) > 3
    assert {sum(values.values()) for _, values in runs} == {15}


def test_a_token_brings_a_run_back_also_when_the_program_was_saved_and_loaded(tmp_path):
    group = pipeline(lambda n: n + 0)
    recorded, values = run(group, seed=11)
    tp.save(group, tmp_path / "program")
    loaded = tp.load(tmp_path / "program", allow_code=True)

    replayed, same = run(loaded, replay=recorded.token)

    assert same == values
    assert [turn.place for turn in replayed.trace] == [turn.place for turn in recorded.trace]
    assert [turn.at_s for turn in replayed.trace] == [turn.at_s for turn in recorded.trace]
    assert replayed.token == recorded.token


def test_a_token_brings_a_run_back_of_the_program_built_again():
    recorded, values = run(pipeline(), seed=5)

    with tp.fresh_names():
        _, same = run(pipeline(), replay=recorded.token)

    assert same == values


def test_a_token_has_less_than_100_letters_with_many_functions_and_a_large_seed():
    with tp.TaskGroup() as group:
        for name in ("a", "b", "c"):
            with tp.Task(name=name):
                for number in range(10):
                    ops.call(lambda x, add=number: x + add, ops.Const(1))

    session, _ = run(group, seed=2**63)

    assert len(session.token) < 100


def test_the_token_is_a_note_of_a_failure_and_brings_it_back():
    def fail_at_4(n: Any) -> Any:
        if n == 4:
            msg = "four"
            raise ValueError(msg)
        return n

    group = pipeline(fail_at_4)
    session = tp.SimulatedSession(tp.Workspace(), seed=9)
    with pytest.raises(ValueError, match="four") as caught:
        session.run(group)
    [note] = [note for note in caught.value.__notes__ if note.startswith("  token  ")]

    with pytest.raises(ValueError, match="four"):
        tp.SimulatedSession(tp.Workspace(), replay=note.removeprefix("  token  ")).run(group)

    assert note.endswith(session.token)


def test_a_function_that_returns_something_else_is_named():
    drawn = random.Random(1)

    def unsteady(n: Any) -> Any:
        return n * drawn.randrange(1000)

    group = pipeline(unsteady)
    recorded, _ = run(group, seed=2)

    with pytest.raises(tp.ReplayDivergedError, match=r"unsteady \(net .*\) returned something else") as caught:
        run(group, replay=recorded.token)

    assert "unsteady" in caught.value.function


def test_a_token_of_another_program_is_refused():
    recorded, _ = run(pipeline(), seed=2)
    with tp.TaskGroup() as other, tp.Task():
        ops.Const(1)

    with pytest.raises(tp.ReplayDivergedError, match="the token is of another program"):
        run(other, replay=recorded.token)


def test_a_token_that_was_recorded_with_other_faults_is_refused():
    group = pipeline()
    recorded, _ = run(group, seed=2, faults=[Fault("Add", "delay")])

    with pytest.raises(tp.ReplayDivergedError, match="other faults"):
        run(group, replay=recorded.token)


def test_without_greenlets_threads_pass_a_baton_and_nothing_changes(monkeypatch):
    group = pipeline()
    with_greenlets, values = run(group, seed=4)

    monkeypatch.setattr("taskplan.engine.virtual.switcher", fibers.ThreadSwitcher)
    with_threads, same = run(group, seed=4)

    assert values == same
    assert trace_of(with_greenlets) == trace_of(with_threads)


# --- virtual time -----------------------------------------------------------------------------------------------------


class Ends:
    """Keeps when runs ended."""

    def __init__(self) -> None:
        self.at_s: list[float] = []

    def observe(self, event: Event) -> None:
        if isinstance(event, RunEnded):
            self.at_s.append(event.at_s)


def test_an_hour_takes_no_time():
    ends = Ends()
    with tp.TaskGroup() as group, tp.Task():
        queue = ops.CreateBlobsQueue([], 1)
        ops.SafeDequeueBlobs([queue], 2, timeout_secs=3600.0)

    with pytest.raises(tp.ReportedError, match="gave up after 3600 s"):
        run(group, observers=[ends])

    assert 3600 <= ends.at_s[0] < 3601


def test_reporters_run_at_their_intervals_of_virtual_time():
    seen = []
    with tp.TaskGroup() as group, tp.Task():
        with ops.task_reporter(interval_ms=1000):
            ops.call(lambda: seen.append(1), outputs=0)
        queue = ops.CreateBlobsQueue([], 1)
        ops.Python(lambda inputs, outputs, space: None, pass_workspace=True)([], [])
        with ops.stop_guard():
            ops.DequeueBlobs([queue], 1, timeout_secs=10.5)

    with pytest.raises(tp.ReportedError):
        run(group)

    assert len(seen) == 11  # ten at intervals, and the last


def test_a_program_that_computes_for_ever_is_ended_by_its_time_limit():
    with tp.TaskGroup() as group, tp.Task(), ops.loop(10**12):
        ops.Const(1)

    with pytest.raises(tp.TimedOutError):
        run(group, timeout_s=0.05)


def test_a_program_that_computes_for_ever_is_ended_by_its_number_of_operators():
    with tp.TaskGroup() as group, tp.Task(), ops.loop(10**12):
        ops.Const(1)

    with pytest.raises(tp.RunError, match="more than max_operators=20000 operators"):
        run(group, max_operators=20_000)


def test_nothing_comes_from_outside_of_a_simulation():
    space = tp.Workspace()
    space.run(tp.CreateOperator("CreateBlobsQueue", [], ["jobs"]))
    with tp.TaskGroup() as group, tp.Task(name="read"):
        ops.DequeueBlobs(["jobs"], 1)

    with pytest.raises(tp.StalledError, match="in a simulation nothing comes from outside of the run") as caught:
        tp.SimulatedSession(space).run(group)

    assert "queue 'jobs'" in str(caught.value)


def test_random_operators_draw_from_the_seed():
    with tp.TaskGroup() as group, tp.Task():
        tp.final_output(ops.UniformFill([], ["drawn"], shape=[4]))

    def drawn(seed: int) -> list[float]:
        with tp.SimulatedSession(tp.Workspace(), seed=seed) as session:
            session.run(group)
            values: list[float] = session.outputs(group)["drawn"].tolist()
            return values

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at", ["SafeEnqueueBlobs", "task:write", "task:local/write", "node:*", "local/write*", "test_simulated.py:*"]
)
def test_a_fault_is_placed_by_operator_net_task_node_or_line(at):
    with pytest.raises(tp.InjectedFaultError, match="injected fault"):
        run(pipeline(), faults=[Fault(at)])


def test_a_fault_names_the_function():
    def twice(n: Any) -> Any:
        return 2 * n

    with pytest.raises(tp.InjectedFaultError, match="Call in task 'local/write'"):
        run(pipeline(twice), faults=[Fault("*twice")])


def test_a_fault_that_strikes_nobody_changes_nothing():
    session, values = run(pipeline(), faults=[Fault("DequeueBlobs"), Fault("SafeEnqueueBlobs", nth=100)])

    assert sum(values.values()) == 15
    assert session.faults_happened == ()


def test_the_nth_time_is_counted_from_one():
    session = tp.SimulatedSession(tp.Workspace(), faults=[Fault("SafeEnqueueBlobs", nth=3)], traced=True)
    with pytest.raises(tp.InjectedFaultError):
        session.run(pipeline())

    assert sum("SafeEnqueueBlobs" in turn.place for turn in session.trace) == 2
    assert len(session.faults_happened) == 1


def test_a_delay_moves_the_clock_and_not_the_result():
    ends = Ends()

    session, values = run(
        pipeline(), faults=[Fault("SafeEnqueueBlobs", "delay", delay_s=60, times=2)], observers=[ends]
    )

    assert sum(values.values()) == 15
    assert 120 <= ends.at_s[0] < 121
    assert len(session.faults_happened) == 2


def closing(marks: list[str]) -> tp.TaskGroup:
    with tp.TaskGroup() as group:
        for node in ("one", "two"):
            with tp.Node(node), tp.Task(name="job"):
                with ops.task_finally():
                    ops.call(lambda node=node: marks.append(node), outputs=0)
                with ops.loop(3):
                    ops.call(lambda: None, outputs=0)
    return group


def test_a_task_that_is_killed_is_closed():
    marks: list[str] = []

    with pytest.raises(tp.InjectedFaultError, match=r"killed at .* in task 'one/job'"):
        run(closing(marks), faults=[Fault("task:one/job", "kill")])

    assert sorted(marks) == ["one", "two"]


def test_of_a_node_that_is_killed_nothing_runs_any_more_not_even_closing_blocks():
    marks: list[str] = []

    with pytest.raises(tp.InjectedFaultError, match="node 'one' was lost"):
        run(closing(marks), faults=[Fault("node:one", "kill", nth=2)])

    assert marks == ["two"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("fail@EnqueueBlobs", Fault("EnqueueBlobs")),
        ("kill@node:a,nth=3", Fault("node:a", "kill", nth=3)),
        ("delay@*,probability=0.25,delay_s=2,times=9", Fault("*", "delay", 0.25, None, 2.0, 9)),
    ],
)
def test_a_fault_can_be_written_in_one_word(text, fault):
    assert Fault.parse(text) == fault


@pytest.mark.parametrize("text", ["", "fail", "fail@", "burn@x", "fail@x,nth", "fail@x,nth=a", "fail@x,speed=3"])
def test_what_is_no_fault_is_refused(text):
    with pytest.raises(tp.BuildError, match="fault"):
        Fault.parse(text)


@pytest.mark.parametrize("wrong", [{"probability": 1.5}, {"nth": 0}, {"delay_s": -1}, {"times": 0}, {"kind": "kil"}])
def test_a_fault_with_numbers_out_of_range_is_refused(wrong):
    with pytest.raises(tp.BuildError, match="fault"):
        Fault("Add", **wrong)


# --- races ------------------------------------------------------------------------------------------------------------


def racing(*, shared: bool = False) -> tp.TaskGroup:
    with tp.TaskGroup(GLOBAL) as group:
        with tp.Task(name="make"), ops.local_init():
            ops.Const(0, blob_out="x")
        for name in ("a", "b"):
            with tp.Task(name=name):
                if shared:
                    ops.shared("x")
                ops.Add(["x", ops.Const(1)], ["x"])
    return group


def test_two_steps_that_write_one_blob_at_once_are_a_race_with_both_lines(caplog):
    session, _ = run(racing(), seed=1)

    [race] = session.races
    assert race.blob == "x"
    assert {race.first.task, race.second.task} == {"local/a", "local/b"}
    assert race.first.writes
    assert race.second.writes
    assert "race on blob 'x'" in caplog.text
    assert session.token in caplog.text
    assert caplog.text.count("test_simulated.py:") >= 2


def test_a_blob_that_is_shared_on_purpose_is_in_no_race():
    assert run(racing(shared=True))[0].races == ()


def test_a_shared_blob_is_known_after_saving_and_loading(tmp_path: Path):
    tp.save(racing(shared=True), tmp_path / "program")

    assert run(tp.load(tmp_path / "program"))[0].races == ()


def test_what_a_queue_orders_is_no_race():
    """The writer writes `x` before it puts the record; the reader reads it when it has taken that."""
    with tp.TaskGroup(GLOBAL) as group:
        with tp.Task(name="make"), ops.local_init():
            ops.Const(0, blob_out="x")
            ops.CreateBlobsQueue([], ["ready"])
        with tp.Task(name="write"):
            ops.Const(5, blob_out="x")
            word = ops.Const(True)
            ops.EnqueueBlobs(["ready", word], [word])
        with tp.Task(name="read"):
            ops.DequeueBlobs(["ready"], 1)
            tp.final_output(ops.Copy("x", "got"))

    for seed in range(20):
        session, values = run(group, seed=seed)
        assert session.races == ()
        assert values == {"got": 5}


def test_what_a_join_orders_is_no_race():
    with tp.TaskGroup(GLOBAL) as group:
        for name in ("a", "b"):
            with tp.Task(name=name):
                ops.Const(1, blob_out=f"x_{name}")
        with tp.Task(name="after"), ops.local_exit():
            tp.final_output(ops.Add(["x_a", "x_b"], ["sum"]))

    session, values = run(group)

    assert session.races == ()
    assert values == {"sum": 2}


def test_an_output_that_instances_of_its_own_task_write_is_in_no_race():
    with tp.TaskGroup(GLOBAL) as group, tp.Task(num_instances=3):
        with ops.task_init():
            x = ops.Const(0, blob_out="x")
        ops.Add([x, ops.Const(1)], [x])
        tp.final_output(x)

    assert all(run(group, seed=seed)[0].races == () for seed in range(10))


def test_writes_under_a_mutex_are_no_race():
    with tp.TaskGroup(GLOBAL) as group:
        with tp.Task(name="make"), ops.local_init():
            mutex = ops.CreateMutex([], ["mutex"])
            ops.GivenTensorIntFill([], ["x"], shape=[1], values=[0])
        for name in ("a", "b"):
            with tp.Task(name=name):
                one = ops.GivenTensorIntFill([], shape=[1], values=[1])
                ops.AtomicFetchAdd([mutex, "x", one], ["x", f"before_{name}"])

    assert all(run(group, seed=seed)[0].races == () for seed in range(10))


def test_values_that_functions_return_are_arrays_strings_or_anything():
    """All of them count for the token."""
    with tp.TaskGroup() as group, tp.Task():
        ops.call(lambda: np.array([b"one", b"two"], object))
        ops.call(lambda: np.arange(4, dtype=np.float32))
        ops.Python(lambda inputs, outputs: outputs[0].feed("text"))([], 1)

    first, _ = run(group)
    second, _ = run(group, replay=first.token)

    assert second.token == first.token


# --- turns ------------------------------------------------------------------------------------------------------------


def test_a_step_that_computes_for_ever_does_not_keep_others_from_their_turn():
    """It would write the queue later, so the other's write is a choice; that comes before the end of time."""
    with tp.TaskGroup() as group:
        with tp.Task(name="computes"):
            with ops.local_init():
                ops.CreateBlobsQueue([], ["jobs"], capacity=1)
            with ops.loop(10**12):
                ops.Const(1)
            job = ops.Const(1)
            ops.EnqueueBlobs(["jobs", job], [job])
        with tp.Task(name="fails"):
            job = ops.Const(1)
            ops.EnqueueBlobs(["jobs", job], [job])
            ops.Fail([], [])

    for seed in range(5):
        with pytest.raises(tp.ReportedError, match="Fail"):
            run(group, seed=seed)


def test_started_runs_are_simulated_on_a_thread_of_their_own():
    group = pipeline()
    with tp.SimulatedSession(tp.Workspace(), seed=3) as session:
        started = session.start(group)

        assert sum(int(value) for value in started.outputs.values()) == 15


def test_what_is_drawn_depends_on_the_seed_and_the_place_and_not_on_the_order_of_steps():
    with tp.TaskGroup() as group:
        for name in ("a", "b"):
            with tp.Task(name=name, num_instances=2):
                with ops.task_init():
                    total = ops.Const(0.0, blob_out=f"total_{name}")
                    mutex = ops.CreateBlobsQueue([], capacity=1)
                    word = ops.Const(True)
                    ops.EnqueueBlobs([mutex, word], [word])
                drawn = ops.UniformFill([], shape=[])
                word = ops.DequeueBlobs([mutex], 1)
                ops.Add([total, drawn], [total])
                ops.EnqueueBlobs([mutex, word], [word])
                tp.final_output(total)

    def totals(seed: int, schedule: int) -> list[float]:
        with tp.SimulatedSession(tp.Workspace(), warns=False) as session:
            session.follow(Shuffled(schedule, seed))
            session.run(group)
            return sorted(float(np.float32(value).round(4)) for value in session.outputs(group).values())

    assert len({str(totals(1, schedule)) for schedule in range(10)}) == 1
    assert totals(1, 0) != totals(2, 0)


class Shuffled(Seeded):
    """Draws the order of steps from one seed, and gives another to random operators."""

    def __init__(self, order: int, seed: int) -> None:
        super().__init__(order)
        self.seed = seed


@pytest.mark.parametrize("fibers_are", [fibers.switcher, fibers.ThreadSwitcher])
def test_many_steps_may_run_at_once_and_one_after_the_other(monkeypatch, fibers_are):
    """Each is begun and ended by another, and none stands deeper in calls for that."""
    monkeypatch.setattr("taskplan.engine.virtual.switcher", fibers_are)
    both = [tp.execution_step(f"part {number}", tp.Net(f"part {number}")) for number in range(2)]
    with tp.TaskGroup() as group:
        channels = [tp.Channel(f"c{number}", capacity=1, schema=["n"]) for number in range(100)]
        with tp.Task(name="write"):
            channels[0].writer().write(None, [ops.Const(7)])
        for source, target in pairwise(channels):
            with tp.Task():
                _, record = source.reader().read()
                target.writer().write(None, [record.n()])
        with tp.Task(name="read"):
            _, record = channels[-1].reader().read()
            tp.final_output(ops.Copy(record.n(), "got"))
        with tp.Task(name="again and again"), ops.loop(200):
            ops.net(tp.execution_step("both", both, concurrent_substeps=True))

    assert run(group)[1] == {"got": 7}
