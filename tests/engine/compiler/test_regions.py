"""Regions that run as generated Python, and where asked as native code, do what the interpreter does."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.engine.compiler.programs import (
    COMPILED,
    TIERS,
    counting,
    numbers,
    outcome,
    space_with,
    tier_of,
)
from tests.engine.eventually import HANGS_AFTER_S, eventually

import taskplan as tp
from taskplan import ops
from taskplan.engine.compiler import region, tree


def nested(*inner, rounds, name="outer"):
    """A loop around steps."""
    return tp.execution_step(name, list(inner), num_iter=rounds)


def assert_alike(runnable, blobs, tiers=COMPILED):
    """All tiers end as the interpreter does; returns how that is."""
    right = outcome(runnable, "interpret", blobs)
    for tier in tiers:
        assert outcome(runnable, tier, blobs) == right
    return right


# --- failures ---------------------------------------------------------------------------------------------------------


def failing_in_round(number):
    """Two loops in each other, of which the inner one divides by 0 when `n`, which counts its rounds, has a value."""
    net = tp.Net("divides")
    net.Add(["n", "one"], ["n"])
    net.Sub(["n", "wrong"], ["left"])
    net.Div(["one", "left"], ["share"])
    return nested(tp.execution_step("inner", net, num_iter=10), rounds=3), numbers(wrong=np.int64(number))


def test_an_error_in_nested_compiled_loops_names_operator_step_round_and_line_as_the_interpreter_does():
    error, blobs = assert_alike(*failing_in_round(24))

    assert "step 'outer', iteration 3 > step 'inner', iteration 4 > net 'divides' > op 3 Div" in error
    assert "inputs 'one' int64 scalar 1; 'left' int64 scalar 0" in error
    assert "test_regions.py" in error
    assert blobs["n"][1] == 24


def test_an_error_in_a_net_that_an_operator_runs_names_both_nets():
    inner = tp.Net("inside")
    inner.Div(["one", "n"], ["share"])
    net = tp.Net("around")
    net.If(["go"], [], then_net=inner)
    program = tp.execution_step("loop", net, num_iter=2)

    error, _ = assert_alike(program, numbers(go=np.True_))

    assert "net 'around' > net 'inside' > op 1 Div" in error.replace(" > op 1 If", "")


def test_a_condition_that_is_no_bool_is_refused_as_the_interpreter_refuses_it():
    then = tp.Net("then")
    then.Copy(["n"], ["m"])
    net = tp.Net("around")
    net.If(["odd"], [], then_net=then)
    net.Cast(["n"], ["odd"], to="int64")

    error, _ = assert_alike(tp.execution_step("loop", net, num_iter=5), numbers(odd=np.True_))

    assert "condition has dtype int64, expected bool" in error
    assert "iteration 2" in error


def test_a_stop_blob_that_is_no_bool_is_refused_as_the_interpreter_refuses_it():
    net = tp.Net("around")
    net.Cast(["n"], ["odd"], to="int64")
    stop = tp.BlobReference("odd")

    error, _ = assert_alike(tp.execution_step("loop", net, should_stop_blob=stop), numbers(odd=np.False_))

    assert "stop blob 'odd' must be one bool" in error


def test_a_function_that_raises_in_a_compiled_loop_raises_itself_and_leaves_the_blobs_of_that_round():
    def wrong(value):
        if value == 7:
            raise ValueError(value)

    with tp.NetBuilder("program") as builder:
        ops.Const(0, blob_out="k")
        with ops.loop(10):
            ops.Add(["k", ops.Const(1)], ["k"])
            ops.call(wrong, "k", outputs=0)

    error, blobs = assert_alike(tp.to_execution_step(builder), {})

    assert error.startswith("ValueError(")
    assert blobs["k"][1] == 7


# --- waiting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", TIERS)
def test_whoever_asks_why_a_loop_waits_is_told_its_step_and_round_in_every_tier(tier):
    release = threading.Event()
    with tp.TaskGroup() as group, tp.Task(name="task"):
        with ops.task_init():
            queue = ops.CreateBlobsQueue([], 1, capacity=10, num_blobs=1)
        read, write = tp.Net("read"), tp.Net("write")
        read.DequeueBlobs([queue], ["record"])
        write.Const(1, blob_out="one")
        write.EnqueueBlobs([queue, "one"], ["one"])
        held = tp.Net("held")
        held.call(lambda: release.wait(HANGS_AFTER_S) and None, outputs=0)
        held.Const(1, blob_out="one")
        held.EnqueueBlobs([queue, "one"], ["one"])
        reads = nested(tp.execution_step("reads", read, num_iter=4), rounds=1, name="around")
        writes = [tp.execution_step("first", write, num_iter=3), tp.execution_step("last", held)]
        ops.net(tp.execution_step("both", [reads, tp.execution_step("writes", writes)], concurrent_substeps=True))

    with tp.LocalSession(tp.Workspace(), tier=tier) as session:
        run = session.start(group)
        try:
            eventually(lambda: any(wait.operator and "iteration 4" in wait.path for wait in run.why().waits))
            [wait] = [wait for wait in run.why().waits if wait.operator]
        finally:
            release.set()
        assert run.wait(HANGS_AFTER_S)

    assert "step 'around' > step 'reads', iteration 4" in wait.path


# --- kinds of values --------------------------------------------------------------------------------------------------


def test_a_blob_may_change_its_type_in_the_middle_of_a_loop():
    with tp.NetBuilder("program") as builder:
        ops.Const(np.float32(2.5), blob_out="x")
        with ops.loop(10) as loop:
            with ops.If(ops.EQ([loop.iter(), ops.Const(4)])):
                ops.Cast(["x"], ["x2"], to="int32")
                ops.Copy(["x2"], ["x"])
            ops.Cast(["x"], ["y"], to="double")
            ops.Copy(["y"], ["last"])
        ops.Copy(["x"], ["z"])

    error, blobs = assert_alike(tp.to_execution_step(builder), {})

    assert not error
    assert blobs["z"] == (np.int32, 2)


def several_kinds():
    """A loop that begins with a value of another kind each time it is run, and a program that runs it so."""
    kinds = [np.float32, np.float64, np.int32, np.int64, np.bool_]

    def pick(place, *, round_of=5):
        return lambda number: kinds[int(number) // place % round_of](1)

    choose, work, watch = tp.Net("choose"), tp.Net("work"), tp.Net("watch")
    choose.Add(["n", "one"], ["n"])
    choose.Copy([choose.call(pick(1), "n")], ["x"])
    choose.Copy([choose.call(pick(5), "n")], ["y"])
    work.Copy(["x"], ["x2"])
    work.Copy(["y"], ["y2"])
    work.Cast(["x2"], ["x3"], to="float")
    work.Add(["sum", "x3"], ["sum"])
    watch.Copy(["one"], ["watched"])
    inner = tp.execution_step("inner", work, num_iter=3)
    reporter = tp.execution_step("watch", watch, run_every_ms=1000)
    steps = [tp.execution_step("choose", choose), inner, reporter]  # a step with a reporter is interpreted
    return nested(*steps, rounds=25), numbers(sum=np.float32(0))


def test_a_region_that_begins_with_ever_other_kinds_has_so_many_functions_and_no_more(monkeypatch):
    made = []

    class Counted(region.Function):
        def __init__(self, typing, *more):
            made.append(typing)
            super().__init__(typing, *more)

    monkeypatch.setattr(region, "Function", Counted)
    program, blobs = several_kinds()

    right = outcome(program, "interpret", blobs)
    found = outcome(program, "python", blobs)

    assert found == right
    assert right[1]["sum"][1] == 75
    of_inner = [each for each in made if each.region.root.step.definition.name == "inner"]
    assert len(of_inner) == region.MAX_FUNCTIONS + 1


# --- size -------------------------------------------------------------------------------------------------------------


def test_a_step_with_too_many_operators_is_interpreted_and_the_loops_in_it_are_compiled():
    long = tp.Net("long")
    for _ in range(tree.MAX_OPERATORS):
        long.Add(["n", "one"], ["n"])
    program = nested(tp.execution_step("straight", long), counting("small", rounds=4), rounds=2)

    with tp.LocalSession(space_with(**numbers()), tier="python") as session:
        session.run(program)
        outer, small = tier_of(session, program, "outer"), tier_of(session, program, "small")

        assert session.workspace().fetch_blob("n") == 2 * (tree.MAX_OPERATORS + 4)
    assert (outer.tier, outer.why) == ("interpreted", "it has more than 4,000 operators")
    assert small.tier == "python"


def test_loops_too_deep_in_each_other_are_interpreted_outside_and_compiled_inside():
    program = counting("0", rounds=1)
    for number in range(1, tree.MAX_LOOPS + 3):
        program = nested(program, rounds=2 if number < 4 else 1, name=f"{number}")
        program = nested(program, rounds=2, name=f"{number} again") if number > 7 else program
    for number in range(60):
        program = nested(program, rounds=1, name=f"deep {number}")

    error, blobs = assert_alike(program, numbers(), ["python"])

    assert not error
    assert blobs["n"][1] == 2**10
    with tp.LocalSession(space_with(**numbers()), tier="python") as session:
        session.run(program)
        found = {each.step: each for each in session.tiers(program)}
    assert found["deep 59"].why == "more than 12 loops or 40 steps and branches stand in each other"
    assert "python" in {each.tier for each in found.values()}


# --- leaving and entering ---------------------------------------------------------------------------------------------


def many_places():
    """Loops of all kinds in each other, next to each other, and behind branches."""
    with tp.NetBuilder("program") as builder:
        ops.Const(0, blob_out="n"), ops.Const(1, blob_out="one"), ops.Const(500, blob_out="limit")
        with ops.loop(3) as outer:
            with ops.If(ops.EQ([outer.iter(), ops.Const(1)])) as branch:
                with ops.loop(300):
                    ops.Add(["n", "one"], ["n"])
                with ops.loop(2), ops.loop(290):
                    ops.Add(["n", "one"], ["n"])
            with branch.Else():
                going = ops.LT(["one", "limit"])
                body = tp.Net("body")
                body.Add(["n", "one"], ["n"])
                body.LT(["n", "limit"], [going])
                ops.net().While([going], [], loop_net=body)
            ops.net(tp.execution_step("never", counting("not", rounds=2), num_iter=0))
            with ops.stop_guard() as guard:
                with ops.loop(270):
                    ops.Add(["n", "one"], ["n"])
                ops.stop_if(ops.GT(["n", "limit"]))
                with ops.loop(260):
                    ops.Add(["n", "one"], ["n"])
            ops.Copy([guard.has_stopped()], ["stopped"])
    return tp.to_execution_step(builder)


@pytest.mark.parametrize("tier", COMPILED)
@pytest.mark.parametrize("slice_s", [0.0, 1e-5])
def test_a_function_that_is_left_at_any_place_goes_on_there(tier, slice_s, monkeypatch):
    blobs = {"m": np.int64(0), "h": np.int64(0)}
    program = many_places()
    right = outcome(program, "interpret", blobs)
    monkeypatch.setattr(region, "SLICE_S", slice_s)

    assert outcome(program, tier, blobs) == right


@pytest.mark.parametrize("fuel", [1, 2, 7])
def test_a_while_in_a_loop_of_no_rounds_lets_the_loop_around_it_be_left(fuel, monkeypatch):
    """A loop whose rounds were not a number had no place, and began anew where it should have gone on."""
    body, net = tp.Net("body"), tp.Net("net")
    body.Add(["n", "one"], ["n"])
    body.LT(["n", "limit"], ["go"])
    net.LT(["n", "limit"], ["go"])
    net.While(["go"], [], loop_net=body)
    net.Sub(["n", "n"], ["n"])
    count = tp.Net("counts")
    count.Add(["m", "one"], ["m"])
    never = tp.execution_step("never", net, num_iter=0)
    program = nested(tp.execution_step("some", net), never, tp.execution_step("counts", count), rounds=5)
    monkeypatch.setattr(region, "FIRST_FUEL", fuel)
    monkeypatch.setattr(region, "SLICE_S", 0.0)

    _, blobs = assert_alike(program, numbers(limit=np.int64(20), go=np.True_), ["python"])

    assert blobs["m"][1] == 5
