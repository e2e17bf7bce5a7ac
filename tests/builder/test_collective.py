"""Collective operations as parts of a program: who takes part, and what is refused when it is compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from inspect import getsourcelines

import numpy as np
import pytest
from tests.conformance.programs import here

import taskplan as tp
from taskplan import BuildTypeError, BuildValueError, NoContextError, ops
from taskplan.plan.archive import program_from_bytes, program_to_bytes
from taskplan.plan.model import CollectiveDef
from taskplan.plan.text import net_text


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with tp.fresh_names():
        yield


def collectives(group: tp.TaskGroup, *, shared_nodes: bool = False) -> tuple[CollectiveDef, ...]:
    return tp.compile_program(group, shared_nodes=shared_nodes).collectives


def refusal(group: tp.TaskGroup) -> str:
    """Why a group is not compiled; the files of lines are left out."""
    with pytest.raises(BuildValueError) as caught:
        tp.compile_program(group)
    return re.sub(r"[^ (]*test_collective\.py:(\d+), in \w+", r"line \1", str(caught.value))


# --- who takes part ---------------------------------------------------------------------------------------------------


def test_a_definition_says_who_takes_part() -> None:
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(num_instances=3):
            ops.barrier(name="epoch")
        with tp.Node("b"):
            for _ in range(2):
                with tp.Task():
                    ops.barrier(name="epoch")
        with tp.Node("c"), tp.Task():
            ops.Const(1)

    [definition] = collectives(group)

    assert (definition.name, definition.kind) == ("epoch", "barrier")
    assert (definition.nodes, definition.parties) == (("a", "b"), (3, 2))
    assert definition.site.function == "test_a_definition_says_who_takes_part"


def test_an_operator_in_a_loop_or_branch_or_block_is_of_one_party() -> None:
    with tp.TaskGroup() as group, tp.Task():
        with ops.loop(3):
            ops.barrier()
        with ops.If(ops.Const(True)):
            ops.barrier()
        with ops.IfNet(ops.Const(True)):
            ops.barrier()
        with ops.task_finally():
            ops.barrier()

    [definition] = collectives(group)

    assert definition.parties == (1,)


def test_nodes_that_share_a_workspace_are_one_node_with_all_parties() -> None:
    with tp.TaskGroup() as group:
        for name in ("a", "b"):
            with tp.Node(name), tp.Task():
                ops.allreduce(ops.Const(1), "max")

    [definition] = collectives(group, shared_nodes=True)

    assert (definition.nodes, definition.parties, definition.reduction) == (("local",), (2,), "max")


def test_a_net_that_two_tasks_share_has_two_parties() -> None:
    with tp.NetBuilder() as builder:
        ops.barrier()
    with tp.TaskGroup() as group:
        tp.Task(step=builder, node="a")
        tp.Task(step=builder, node="b")

    [definition] = collectives(group)

    assert (definition.nodes, definition.parties) == (("a", "b"), (1, 1))


def test_instances_of_a_step_are_parties_as_those_of_a_task() -> None:
    with tp.NetBuilder() as builder:
        ops.barrier()
    step = tp.execution_step("four", builder.to_step(), num_concurrent_instances=4)
    with tp.TaskGroup() as group:
        tp.Task(step=step)

    [definition] = collectives(group)

    assert definition.parties == (4,)


def test_a_program_without_any_has_none() -> None:
    with tp.TaskGroup() as group, tp.Task():
        ops.Const(1)

    assert collectives(group) == ()


def test_definitions_are_saved_with_their_program() -> None:
    with tp.TaskGroup() as group:
        for name in ("a", "b"):
            with tp.Node(name), tp.Task(num_instances=1 if name == "a" else 2):
                value = ops.broadcast(ops.Const(1.5), root="a", name="w")
                ops.allreduce(value, "mean", name="g")
    program = tp.compile_program(group)

    read = program_from_bytes(program_to_bytes(program))

    assert read.collectives == program.collectives
    assert [(each.kind, each.root, each.reduction, each.parties) for each in read.collectives] == [
        ("broadcast", "a", "", (1, 2)),
        ("allreduce", "", "mean", (1, 2)),
    ]


# --- how they are written ---------------------------------------------------------------------------------------------


def test_the_name_is_that_of_the_kind_if_none_is_given() -> None:
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task():
        ops.barrier()
        ops.broadcast(ops.Const(1), root="a")
        ops.allreduce(ops.Const(1))

    assert [each.name for each in collectives(group)] == ["barrier", "broadcast", "allreduce"]


def test_only_the_root_reads_what_is_broadcast() -> None:
    lines = []
    for name in ("a", "b"):
        with tp.Node(name), tp.Task():
            ops.broadcast("weights", root="a", name="w")
            lines.append(net_text(ops.net().to_model()))

    assert "CollectiveBroadcast(collective:w, weights" in lines[0]
    assert "CollectiveBroadcast(collective:w;" in lines[1]


def test_the_form_of_what_is_reduced_is_kept() -> None:
    with tp.Task():
        one, other = ops.Const(1), ops.Const(2)
        schema = tp.Struct(("x", np.int64), ("y", np.int64))

        alone = ops.allreduce(one)
        listed = ops.allreduce([one])
        several = ops.allreduce((one, other))
        record = ops.allreduce(tp.schema.from_blob_list(schema, [one, other]))

    assert isinstance(alone, tp.BlobReference)
    assert (len(listed), len(several)) == (1, 2)
    assert record.field_names() == ["x", "y"]
    assert len({str(blob) for blob in [one, other, alone, *listed, *several, *record.field_blobs()]}) == 8


@pytest.mark.parametrize("name", ["barrier", "broadcast", "allreduce"])
def test_they_need_an_open_task(name: str) -> None:
    arguments = {"barrier": (), "broadcast": ("x", "a"), "allreduce": ("x",)}[name]

    with pytest.raises(NoContextError, match="no task or builder is open here"):
        getattr(ops, name)(*arguments)


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("", BuildValueError, "a collective operation needs a name, got an empty string"),
        (3, BuildTypeError, "the name of a collective operation is a string, got 3"),
    ],
)
def test_a_name_is_a_string_that_is_not_empty(name: object, error: type[Exception], text: str) -> None:
    with tp.Task(), pytest.raises(error, match=text):
        ops.barrier(name=name)  # type: ignore[arg-type]


def test_an_unknown_reduction_is_refused_where_it_is_written() -> None:
    with tp.Task():
        line = here() + 2
        with pytest.raises(BuildValueError) as caught:
            ops.allreduce("x", "product")

    assert str(caught.value).startswith("allreduce 'allreduce' has no reduction 'product', at ")
    assert f":{line}, in" in str(caught.value)
    assert str(caught.value).endswith("; use one of 'sum', 'mean', 'min', 'max'")


def test_an_empty_list_is_refused() -> None:
    with (
        tp.Task(),
        pytest.raises(BuildValueError, match=r"gets no blobs, at .*; pass at least one"),
    ):
        ops.allreduce([])


def test_the_root_gives_a_value() -> None:
    with tp.Node("a"), tp.Task(), pytest.raises(BuildValueError) as caught:
        ops.broadcast(None, root="a", name="w")

    assert "broadcast 'w' gets no blob on its root, node 'a', at " in str(caught.value)


# --- what is refused when it is compiled ------------------------------------------------------------------------------


def two_tasks(first: Callable[[], None], second: Callable[[], None]) -> tuple[tp.TaskGroup, int, int]:
    """Two tasks on nodes `a` and `b`, and the lines of what is written in them: one line each."""
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task():
            first()
        with tp.Node("b"), tp.Task():
            second()
    return group, getsourcelines(first)[1] + 1, getsourcelines(second)[1] + 1


def test_one_name_has_one_kind() -> None:
    def one() -> None:
        ops.barrier(name="x")

    def other() -> None:
        ops.allreduce("y", name="x")

    group, first, second = two_tasks(one, other)

    assert refusal(group) == (
        f"a collective operation 'x' has the kind 'barrier' at line {first} and 'allreduce' at line {second}; "
        "give one of them another name"
    )


def test_one_name_has_one_reduction() -> None:
    def one() -> None:
        ops.allreduce("y", "sum", name="x")

    def other() -> None:
        ops.allreduce("y", "mean", name="x")

    group, first, second = two_tasks(one, other)

    assert refusal(group) == (
        f"allreduce 'x' has the reduction 'sum' at line {first} and 'mean' at line {second}; "
        "give one of them another name"
    )


def test_one_name_has_one_root() -> None:
    def one() -> None:
        ops.broadcast("y", root="a", name="x")

    def other() -> None:
        ops.broadcast("y", root="b", name="x")

    group, first, second = two_tasks(one, other)

    assert refusal(group) == (
        f"broadcast 'x' has the root 'a' at line {first} and 'b' at line {second}; give one of them another name"
    )


def test_there_is_a_task_on_the_node_of_the_root() -> None:
    def one() -> None:
        ops.broadcast("y", root="c", name="x")

    group, first, _ = two_tasks(one, one)

    assert refusal(group) == (
        f"broadcast 'x' (line {first}) has its root on node 'c', where no task takes part in it; "
        "the root is one task with one instance"
    )


def test_the_root_has_one_instance() -> None:
    with tp.TaskGroup() as group, tp.Node("a"), tp.Task(num_instances=2):
        line = here() + 1
        ops.broadcast("y", root="a", name="x")

    assert refusal(group) == (
        f"broadcast 'x' (line {line}) has its root on node 'a', which has 2 parties there; "
        "the root is one task with one instance"
    )


def test_a_net_of_a_task_elsewhere_that_gives_a_value_is_refused() -> None:
    """Only a task that is open says where it is; a builder may come to any node."""
    with tp.NetBuilder() as builder:
        line = here() + 1
        ops.broadcast("y", root="a", name="x")
    with tp.TaskGroup() as group:
        tp.Task(step=builder, node="b")

    assert refusal(group) == (
        f"broadcast 'x' at line {line} gets a blob in task 'b/task', which is not on its root, node 'a'; "
        "write it inside `with Task()`, or pass None"
    )


def test_a_net_of_the_root_that_gives_none_is_refused() -> None:
    with tp.NetBuilder() as builder:
        line = here() + 1
        ops.broadcast(None, root="a", name="x")
    with tp.TaskGroup() as group:
        tp.Task(step=builder, node="a")

    assert refusal(group) == f"broadcast 'x' gets no blob on its root, node 'a', at line {line}; pass the blob to send"


def test_steps_of_one_task_that_run_at_once_do_not_take_part_in_one() -> None:
    """Nobody could say which of their rounds belong together."""
    line = here() + 3
    with tp.NetBuilder() as one, tp.NetBuilder() as other:
        for builder in (one, other):
            builder.current_net().CollectiveBarrier(["collective:x"], [])
    both = tp.execution_step("both", [one.to_step(), other.to_step()], concurrent_substeps=True)
    with tp.TaskGroup() as group:
        tp.Task(step=both, name="t")

    assert refusal(group) == (
        f"two steps of task 'local/t' that run at once take part in barrier 'x', at line {line} and line {line}; "
        "give one of them another name, or a task of its own"
    )


def test_a_reporter_does_not_take_part_in_what_its_task_does() -> None:
    with tp.TaskGroup() as group, tp.Task(name="t"):
        ops.barrier(name="x")
        with ops.task_reporter():
            ops.barrier(name="x")

    assert refusal(group).startswith("two steps of task 'local/t' that run at once take part in barrier 'x', at line ")


def test_what_is_around_the_instances_is_no_round_of_theirs() -> None:
    with tp.TaskGroup() as group, tp.Task(name="t", num_instances=2):
        with ops.task_init():
            first = here() + 1
            ops.barrier(name="x")
        second = here() + 1
        ops.barrier(name="x")

    assert refusal(group) == (
        f"barrier 'x' has 1 parties at line {first} and then 2 at line {second} in task 'local/t'; "
        "give one of them another name"
    )
