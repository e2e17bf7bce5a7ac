"""Tasks on several nodes meet, hand each other values, and reduce them: the same in every session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pytest
from tests.conformance.programs import (
    SOON_S,
    TIMEOUT_S,
    BoomError,
    awaits,
    call,
    fail,
    here,
    notes,
    raises,
    wait_for_nothing,
)

import taskplan as tp
from taskplan import ops
from taskplan.plan.archive import program_from_bytes, program_to_bytes
from taskplan.testing import simulate

ENOUGH_TO_BEGIN_S = 1.0
"""A time limit that is to pass, but not before nodes in other processes are ready."""

NODES = ("trainer:0", "trainer:1", "trainer:2")


def f32(*values: float) -> Any:
    return np.array(values, np.float32)


def on_each_node(body: Callable[[int], Any], count: int = 3, **task: Any) -> tuple[tp.TaskGroup, list[tp.TaskOutput]]:
    """A group with a task on each node, with what `body` returns for its number as outputs."""
    outputs = []
    with tp.TaskGroup() as group:
        for number in range(count):
            with tp.Node(f"trainer:{number}"), tp.Task(name="train", **task):
                made = body(number)
                if made is not None:
                    outputs.append(tp.final_output(made))
    return group, outputs


def fetched(outputs: Sequence[tp.TaskOutput]) -> list[Any]:
    return [np.asarray(output.fetch()).tolist() for output in outputs]


# --- allreduce --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reduction", "expected"), [("sum", [3, 30]), ("mean", [1, 10]), ("min", [0, 0]), ("max", [2, 20])]
)
def test_every_party_gets_what_all_parties_give_reduced(session, reduction, expected):
    group, outputs = on_each_node(lambda number: ops.allreduce(ops.Const(f32(number, 10 * number)), reduction))

    session.run(group)

    assert fetched(outputs) == [expected] * 3


def test_the_result_is_a_new_blob(session):
    def body(number: int) -> Any:
        given = ops.Const(f32(number))
        ops.allreduce(given)
        return given

    group, outputs = on_each_node(body)

    session.run(group)

    assert fetched(outputs) == [[0], [1], [2]]


def test_a_result_may_be_updated_in_place_by_each_party_for_itself(session):
    def body(number: int) -> Any:
        total = ops.allreduce(ops.Const(f32(number)))
        ops.Add([total, ops.Const(f32(10 * number))], [total])
        return total

    group, outputs = on_each_node(body)

    session.run(group)

    assert fetched(outputs) == [[3], [13], [23]]


def test_a_list_is_reduced_in_one_round(session):
    def body(number: int) -> Any:
        totals = ops.allreduce([ops.Const(f32(number)), ops.Const(number)])
        assert isinstance(totals, list)
        return totals

    group, outputs = on_each_node(body)

    session.run(group)

    assert [[value.tolist() for value in output.fetch()] for output in outputs] == [[[3.0], 3]] * 3


def test_a_record_is_reduced_to_a_record(session):
    def body(number: int) -> Any:
        schema = tp.Struct(("x", np.float32), ("inner", tp.Struct(("y", np.int64))))
        record = tp.schema.from_blob_list(schema, [ops.Const(f32(number)), ops.Const(number)])
        return ops.allreduce(record, "max").inner.y()

    group, outputs = on_each_node(body)

    session.run(group)

    assert fetched(outputs) == [2, 2, 2]


def test_each_instance_is_a_party(session):
    def body(_: int) -> Any:
        with ops.task_init():
            total = ops.Const(0)
        ops.Copy(ops.allreduce(ops.Const(1)), total)
        return total

    group, outputs = on_each_node(body, count=2, num_instances=3)

    session.run(group)

    assert fetched(outputs) == [6, 6]


def test_tasks_of_one_node_are_parties_of_their_own(session):
    with tp.TaskGroup() as group:
        outputs = [one_task(number) for number in range(4)]

    session.run(group)

    assert fetched(outputs) == [6] * 4


def one_task(number: int) -> tp.TaskOutput:
    with tp.Task(name="adds"):
        return tp.final_output(ops.allreduce(ops.Const(number)))


def test_operators_of_one_name_in_one_task_are_rounds_after_each_other(session):
    def body(number: int) -> Any:
        first = ops.allreduce(ops.Const(number), name="n")
        second = ops.allreduce(ops.Const(f32(1, number)), name="n")
        return [first, second]

    group, outputs = on_each_node(body)

    session.run(group)

    assert [[value.tolist() for value in output.fetch()] for output in outputs] == [[3, [3, 3]]] * 3


def test_a_loop_has_a_round_for_each_iteration(session):
    def body(number: int) -> Any:
        total = ops.Const(0)
        with ops.loop(50) as loop:
            ops.Add([total, ops.allreduce(loop.iter(), "max")], [total])
        return total

    group, outputs = on_each_node(body)

    session.run(group)

    assert fetched(outputs) == [sum(range(50))] * 3


def test_operators_that_run_nets_may_hold_them(session):
    def body(number: int) -> Any:
        yes, given, made = ops.Const(True), ops.Const(number), ops.Const(0)
        with ops.IfNet(yes):
            ops.Copy(ops.allreduce(given), made)
        return made

    group, outputs = on_each_node(body)

    session.run(group)

    assert fetched(outputs) == [3, 3, 3]


def test_a_party_may_be_alone(session):
    group, outputs = on_each_node(lambda number: ops.allreduce(ops.Const(f32(7)), "mean"), count=1)

    session.run(group)

    assert fetched(outputs) == [[7]]


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("seed", range(4))
def test_the_bits_do_not_depend_on_the_session_nor_on_who_comes_first(open_session, seed, reduction):
    """The values of one node come from a queue, so another instance has another of them each time."""
    rng = np.random.default_rng(seed)
    given = [
        [(rng.standard_normal(5) * 10.0 ** rng.integers(-5, 6, 5)).astype(np.float32) for _ in range(3)] for _ in NODES
    ]

    def body(number: int) -> Any:
        with ops.task_init():
            result, queue = ops.Const(f32(0)), ops.CreateBlobsQueue([], capacity=3)
            for value in given[number]:
                row = ops.Const(value)
                ops.EnqueueBlobs([queue, row], [row])
        ops.Copy(ops.allreduce(ops.DequeueBlobs([queue], 1), reduction), result)
        return result

    group, outputs = on_each_node(body, num_instances=3)
    parts = [reduce(np.add, sorted(values, key=lambda value: value.tobytes())) for values in given]
    total = reduce(np.add, parts)
    expected = total / np.float32(9) if reduction == "mean" else total

    open_session().run(group)

    assert [output.fetch().tobytes() for output in outputs] == [expected.tobytes()] * 3


# --- barrier ----------------------------------------------------------------------------------------------------------


@pytest.mark.one_process
def test_nobody_passes_a_barrier_before_all_are_there(session, trace):
    def body(_: int) -> None:
        for round_ in range(3):
            trace.mark(f"round {round_}")
            ops.barrier()

    group, _ = on_each_node(body)

    session.run(group)

    assert trace == [f"round {round_}" for round_ in range(3) for _ in NODES]


@pytest.mark.one_process
def test_barriers_of_different_names_have_nothing_to_do_with_each_other(session, trace):
    with tp.TaskGroup() as group:
        for name in ("a", "b"):
            with tp.Node(name), tp.Task():
                ops.barrier(name=name)
                trace.mark(name)

    session.run(group)

    assert sorted(trace) == ["a", "b"]


# --- broadcast --------------------------------------------------------------------------------------------------------


def test_everybody_gets_the_value_of_the_root(session):
    group, outputs = on_each_node(lambda number: ops.broadcast(ops.Const(f32(number, number)), root="trainer:1"))

    session.run(group)

    assert fetched(outputs) == [[1, 1]] * 3


def test_all_but_the_root_may_pass_none(session):
    group, outputs = on_each_node(
        lambda number: ops.broadcast(ops.Const(b"text") if number == 2 else None, root=tp.Node("trainer:2"))
    )

    session.run(group)

    assert fetched(outputs) == [b"text"] * 3


def test_each_round_sends_the_value_that_the_root_has_then(session):
    def body(number: int) -> Any:
        total = ops.Const(0)
        with ops.loop(5) as loop:
            mine = ops.Mul([loop.iter(), ops.Const(number)])
            ops.Add([total, ops.broadcast(mine, root="trainer:1")], [total])
        return total

    group, outputs = on_each_node(body)

    session.run(group)

    assert fetched(outputs) == [10, 10, 10]


@pytest.mark.one_process
def test_the_root_is_known_where_nodes_share_a_workspace(open_session):
    group, outputs = on_each_node(lambda number: ops.broadcast(ops.Const(number), root="trainer:1"))

    open_session(shared_nodes=True).run(group)

    assert fetched(outputs) == [1, 1, 1]


# --- programs ---------------------------------------------------------------------------------------------------------


def test_a_program_runs_again_with_rounds_of_its_own(session):
    group, outputs = on_each_node(lambda number: ops.allreduce(ops.Const(number)))

    for _ in range(3):
        session.run(group)

    assert fetched(outputs) == [3, 3, 3]


@pytest.mark.one_process
@pytest.mark.overlap
def test_runs_at_once_have_parties_of_their_own(session):
    """The first run waits at its barrier while the second one passes that of the same name."""
    release = threading.Event()

    def late(number: int) -> None:
        if number:
            call(awaits(release))
        ops.barrier()

    first = session.start(on_each_node(late, count=2)[0])
    session.run(on_each_node(lambda _: ops.barrier(), count=2)[0])
    release.set()

    assert first.wait(TIMEOUT_S)


@pytest.mark.one_process
@pytest.mark.overlap
def test_runs_at_once_in_one_workspace_do_not_meet_by_one_name(session):
    begun, release = threading.Event(), threading.Event()
    shared = {"workspace_type": tp.WorkspaceType.GLOBAL}
    group, _ = on_each_node(lambda _: (call(begun.set), call(awaits(release)), ops.barrier())[-1], count=2, **shared)
    first = session.start(group)
    assert begun.wait(TIMEOUT_S)

    with pytest.raises(tp.WorkspaceError) as caught:
        session.run(on_each_node(lambda _: ops.barrier(), count=2, **shared)[0])

    release.set()
    assert first.wait(TIMEOUT_S)
    assert str(caught.value) == (
        "another run uses barrier 'barrier' in the workspace of node 'trainer:0' now; give one of them another name, "
        "or their tasks private workspaces"
    )


def test_all_orders_of_steps_end_alike():
    """Who comes first makes no difference, so there is one outcome."""
    group, _ = on_each_node(lambda number: ops.allreduce(ops.Const(f32(1 + number)), "mean"), count=2, num_instances=2)

    found = simulate(group, runs=100)

    assert (found.failure, len(found.outcomes), found.races) == (None, 1, ())


def test_nothing_of_them_is_left_in_the_workspaces(session):
    group, _ = on_each_node(lambda number: ops.allreduce(ops.Const(number), name="n"))

    session.run(group)

    assert not any(session.workspace(node).has_blob("collective:n") for node in NODES)


def test_a_program_that_was_saved_runs_as_the_one_that_was_built(session):
    group, _ = on_each_node(lambda number: ops.Copy(ops.allreduce(ops.Const(number), name="n"), "total"))
    program = tp.compile_program(group)

    read = program_from_bytes(program_to_bytes(program))
    session.run(read)

    assert read.collectives == program.collectives
    assert [session.workspace(node).fetch_blob("total").item() for node in NODES] == [3, 3, 3]


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_party_that_does_not_come_any_more_is_a_stall(session):
    def body(number: int) -> None:
        with ops.loop(2 if number else 1):
            ops.barrier(name="epoch")

    group, _ = on_each_node(body)

    with pytest.raises(tp.StalledError) as caught:
        session.run(group)

    text = "nothing can go on: nobody comes to barrier 'epoch' any more: 2 of 3 are there\n"
    assert str(caught.value).startswith(text)
    wait = caught.value.why.waits[0]
    assert wait.verb == "meet the others at"
    assert wait.subject == "barrier 'epoch' (2 of 3 there, round 2)"
    assert wait.ends == "when all of them are there"
    states = {user.who: (user.does, user.state) for user in wait.users}
    assert states["task 'trainer:0/train' on node 'trainer:0'"] == ("meets", "has ended")
    assert states["task 'trainer:1/train' on node 'trainer:1'"] == ("meets", "waits")


def test_parties_that_wait_at_different_barriers_stall(session):
    group, _ = on_each_node(
        lambda number: [ops.barrier(name=name) for name in (("a", "b") if number else ("b", "a"))] and None, count=2
    )

    with pytest.raises(tp.StalledError) as caught:
        session.run(group)

    assert "nobody comes to barrier 'a' any more: 1 of 2 are there" in str(caught.value)
    assert "nobody comes to barrier 'b' any more: 1 of 2 are there" in str(caught.value)


def test_to_wait_long_for_a_party_of_another_node_is_no_stall(open_session):
    session = open_session(stall_warning_s=0.001)

    def body(number: int) -> None:
        if not number:
            ops.Sleep([], [], seconds=SOON_S)
        ops.barrier()

    group, _ = on_each_node(body)

    session.run(group)


def test_a_party_that_fails_ends_the_wait_of_the_others(session, trace):
    def body(number: int) -> None:
        with ops.task_finally():
            trace.mark("finally")
        if number == 1:
            fail()
        ops.barrier()
        trace.mark("passed")

    group, _ = on_each_node(body)

    with pytest.raises(BoomError):
        session.run(group)

    assert "passed" not in trace


def test_a_time_limit_ends_the_wait(session):
    def body(number: int) -> None:
        if number == 1:
            wait_for_nothing()
        ops.barrier()

    group, _ = on_each_node(body)

    with pytest.raises(tp.TimedOutError) as caught:
        session.run(group, timeout_s=ENOUGH_TO_BEGIN_S)

    assert "waits   to meet the others at barrier 'barrier' (2 of 3 there, round 1)" in str(caught.value)


@pytest.mark.one_process
@pytest.mark.overlap
def test_a_cancelled_run_waits_no_longer(session, trace):
    begun = threading.Semaphore(0)

    def body(number: int) -> None:
        with ops.task_finally():
            trace.mark("finally")
        call(begun.release)
        if number == 1:
            wait_for_nothing()
        ops.barrier()

    group, _ = on_each_node(body)
    run = session.start(group)
    for _ in NODES:
        assert begun.acquire(timeout=TIMEOUT_S)

    run.cancel("enough")

    with pytest.raises(tp.RunCancelledError, match="enough"):
        run.wait(TIMEOUT_S)
    assert trace == ["finally"] * 3


def test_an_interrupted_run_waits_no_longer(session):
    """The third party interrupts the run and does not come; the others wait, or come to the barrier later."""

    def body(number: int) -> None:
        if number == 2:
            call(raises(KeyboardInterrupt()))
        ops.barrier()

    group, _ = on_each_node(body)

    with pytest.raises(KeyboardInterrupt):
        session.run(group)


def test_shapes_that_differ_are_named_with_their_parties(session):
    line = here() + 2
    group, _ = on_each_node(
        lambda number: ops.allreduce(ops.Const(f32(*range(number))), name="grads"),
        count=2,
    )

    with pytest.raises(tp.ShapeError) as caught:
        session.run(group)

    text = str(caught.value)
    assert text.startswith("CollectiveAllReduce: allreduce 'grads': node 'trainer:0' (")
    assert f"test_collectives.py:{line}, in <lambda>) gives shape (0,), node 'trainer:1' (" in text
    assert f"test_collectives.py:{line}, in <lambda>) gives shape (1,); all parties must give" in text
    assert "task 'trainer:" in notes(caught.value)


def test_shapes_that_differ_between_instances_are_named_too(session):
    def body(_: int) -> None:
        with ops.task_init():
            queue = ops.CreateBlobsQueue([], capacity=2)
            for value in (f32(1), f32(1, 2)):
                row = ops.Const(value)
                ops.EnqueueBlobs([queue, row], [row])
        ops.allreduce(ops.DequeueBlobs([queue], 1))

    group, _ = on_each_node(body, num_instances=2)

    with pytest.raises(tp.ShapeError, match=r"\) gives shape .*\) gives shape"):
        session.run(group)


def test_dtypes_that_differ_are_named_with_their_parties(session):
    group, _ = on_each_node(lambda number: ops.allreduce(ops.Const(number if number else 1.5)), count=2)

    with pytest.raises(tp.DtypeError, match=r"'trainer:0' .* gives float32, node 'trainer:1' .* gives int64"):
        session.run(group)


def test_a_mean_of_integers_is_refused(session):
    group, _ = on_each_node(lambda number: ops.allreduce(ops.Const(number), "mean"))

    with pytest.raises(tp.DtypeError, match="the input of 'mean' has dtype int64, expected float16, float32"):
        session.run(group)
