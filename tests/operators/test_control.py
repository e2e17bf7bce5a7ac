"""Operators that run nets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.operators.fake_run import Bench, f32

from taskplan.errors import ArgumentError, ArityError, DtypeError, OperatorError, ShapeError
from taskplan.operators.run import Scope
from taskplan.plan.model import NetDef

NET = NetDef("body")


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [(np.True_, "then"), (np.array([[True]]), "then"), (np.False_, "else"), (np.array([False]), "else")],
)
def test_if_runs_the_net_that_its_condition_picks(bench: Bench, condition: Any, expected: str) -> None:
    ran: list[str] = []
    bench.blobs["c"] = condition
    bench.nets = {"then_net": lambda: ran.append("then"), "else_net": lambda: ran.append("else")}

    bench.run("If", ["c"], [], then_net=NET, else_net=NET)

    assert ran == [expected]


def test_if_without_else_does_nothing_when_the_condition_is_false(bench: Bench) -> None:
    bench.blobs["c"] = np.False_

    bench.run("If", ["c"], [], then_net=NET)


def test_if_reads_its_condition_each_time_it_runs(bench: Bench) -> None:
    ran: list[str] = []
    bench.nets = {"then_net": lambda: ran.append("then")}
    branch = bench.instance("If", ["c"], [], then_net=NET)

    for condition in (False, True, True):
        bench.blobs["c"] = np.bool_(condition)
        branch()

    assert ran == ["then", "then"]


def test_if_leaves_its_outputs_to_its_nets(bench: Bench) -> None:
    bench.blobs |= {"c": np.True_, "r": np.int32(0)}
    bench.nets = {"then_net": lambda: bench.blobs.update(r=np.int32(7))}

    bench.run("If", ["c", "r"], ["r"], then_net=NET)

    assert bench.blobs["r"] == 7


@pytest.mark.parametrize(
    ("condition", "error"),
    [(np.int32(1), DtypeError), (np.array([True, True]), ShapeError), (np.zeros(0, bool), ShapeError)],
)
@pytest.mark.parametrize("kind", ["If", "While"])
def test_a_condition_is_one_bool(bench: Bench, kind: str, condition: Any, error: type[Exception]) -> None:
    bench.blobs["c"] = condition
    net = "then_net" if kind == "If" else "loop_net"

    with pytest.raises(error, match=rf"^{kind}: condition"):
        bench.run(kind, ["c"], [], **{net: NET})


@pytest.mark.parametrize(("kind", "net"), [("If", "then_net"), ("While", "loop_net"), ("Do", "net")])
def test_a_control_operator_needs_its_net(bench: Bench, kind: str, net: str) -> None:
    with pytest.raises(ArgumentError, match=net):
        bench.instance(kind, ["c"], ["c"])


def test_while_reads_its_condition_before_each_turn(bench: Bench) -> None:
    turns: list[int] = []

    def loop() -> None:
        turns.append(len(turns))
        bench.blobs["c"] = np.bool_(len(turns) < 3)

    bench.blobs["c"] = np.True_
    bench.nets = {"loop_net": loop}

    bench.run("While", ["c"], ["c"], loop_net=NET)

    assert turns == [0, 1, 2]


def test_while_runs_the_condition_net_before_each_test(bench: Bench) -> None:
    ran: list[str] = []

    def condition() -> None:
        ran.append("condition")
        bench.blobs["c"] = np.bool_(ran.count("loop") < 2)

    bench.nets = {"cond_net": condition, "loop_net": lambda: ran.append("loop")}

    bench.run("While", ["c"], ["c"], loop_net=NET, cond_net=NET)

    assert ran == ["condition", "loop", "condition", "loop", "condition"]


def test_while_whose_condition_is_false_runs_nothing(bench: Bench) -> None:
    bench.blobs["c"] = np.False_

    bench.run("While", ["c"], [], loop_net=NET)


def test_do_binds_inner_names_to_inputs_and_then_outputs(bench: Bench) -> None:
    bench.blobs["scope"] = Scope()

    bench.run("Do", ["x", "scope"], ["y", "scope"], net=NET, inner_blobs=["b", "a"], outer_blobs_idx=[1, 0])

    [asked] = bench.scoped
    assert asked.net is NET
    assert asked.bound == {"a": "x", "b": "y"}
    assert (asked.reuse, asked.keep_copies) == (False, False)


def test_do_passes_on_what_is_to_become_of_its_workspace(bench: Bench) -> None:
    bench.blobs["scope"] = Scope()

    bench.run("Do", ["scope"], ["scope"], net=NET, reuse_workspace=True)
    bench.run("Do", ["scope"], ["scope"], net=NET, copy_external_blobs=True)

    assert [(asked.reuse, asked.keep_copies) for asked in bench.scoped] == [(True, False), (False, True)]


def test_a_blob_on_both_sides_of_do_is_bound_through_one_of_them(bench: Bench) -> None:
    bench.blobs["scope"] = Scope()

    bench.run("Do", ["x", "scope"], ["x", "scope"], net=NET, inner_blobs=["a"], outer_blobs_idx=[1])

    assert bench.scoped[0].bound == {"a": "x"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"inner_blobs": ["a"], "outer_blobs_idx": [0, 1]}, "1 names for 2"),
        ({"inner_blobs": ["a", "a"], "outer_blobs_idx": [0, 1]}, "twice"),
        ({"inner_blobs": ["a", "b"], "outer_blobs_idx": [0, 0]}, "different numbers"),
        ({"inner_blobs": ["a"], "outer_blobs_idx": [-1]}, "counted from 0"),
        ({"reuse_workspace": True, "copy_external_blobs": True}, "does not go together"),
    ],
)
def test_do_refuses_contradictory_arguments_when_it_is_created(
    bench: Bench, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(ArgumentError, match=text):
        bench.instance("Do", ["x", "scope"], ["y", "scope"], net=NET, **arguments)


@pytest.mark.parametrize(
    ("inputs", "outputs", "numbers", "text"),
    [
        (["x", "x"], [], [0, 1], "twice among the inputs"),
        ([], ["y", "y"], [0, 1], "twice among the outputs"),
        (["x"], ["y"], [0, 2], "beyond the 2 inputs and outputs"),
        (["x"], ["x"], [0, 1], "binds 'x' twice"),
        (["x"], ["y"], [1], "binds 'x' to no inner blob"),
    ],
)
def test_do_binds_each_outer_blob_once(
    bench: Bench, inputs: list[str], outputs: list[str], numbers: list[int], text: str
) -> None:
    bench.blobs["scope"] = Scope()
    names = [f"inner{number}" for number in numbers]

    with pytest.raises(OperatorError, match=text):
        bench.run("Do", [*inputs, "scope"], [*outputs, "scope"], net=NET, inner_blobs=names, outer_blobs_idx=numbers)

    assert not bench.scoped


def test_the_last_input_and_output_of_do_are_one_scope(bench: Bench) -> None:
    with pytest.raises(ArityError, match=r"same blob"):
        bench.instance("Do", ["scope"], ["other"], net=NET)


def test_do_needs_a_scope(bench: Bench) -> None:
    bench.blobs["scope"] = f32([1])

    with pytest.raises(OperatorError, match=r"'scope', must be a scope"):
        bench.run("Do", ["scope"], ["scope"], net=NET)


def test_a_scope_holds_a_workspace_once_do_has_run(bench: Bench) -> None:
    bench.run("CreateScope", [], ["scope"])
    before = bench.run("HasScope", ["scope"], ["has"])
    bench.run("Do", ["scope"], ["scope"], net=NET)

    assert before.tolist() == [False]
    assert bench.run("HasScope", ["scope"], ["has"]).tolist() == [True]


def test_creating_a_scope_again_empties_it(bench: Bench) -> None:
    bench.run("CreateScope", [], ["scope"])
    bench.run("Do", ["scope"], ["scope"], net=NET)

    bench.run("CreateScope", [], ["scope"])

    assert bench.run("HasScope", ["scope"], ["has"]).tolist() == [False]
