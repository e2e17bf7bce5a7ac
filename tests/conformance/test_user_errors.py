"""What goes wrong is told with the user's own line: in the message, or in the notes below it.

The four programs of the page on errors (`docs/errors.md`), and what else comes of the same mistakes.
"""

from __future__ import annotations

import itertools
import traceback
from typing import Any

import pytest
from tests.conformance.programs import BoomError, here, notes

import taskplan as tp
from taskplan import ops

INSTANCES = 2
"""How many instances the task with the failing operator has."""


def said(error: BaseException) -> str:
    """What the user reads below the traceback: the message and the notes."""
    return f"{error}\n{notes(error)}"


def place(line: int, function: str) -> str:
    """A line of this file, as messages show it."""
    return f"{__file__}:{line}, in {function}"


# --- a wrong argument -------------------------------------------------------------------------------------------------


def test_an_unknown_argument_is_told_on_its_line_with_near_names():
    with tp.TaskGroup(), tp.Task():
        x = ops.Const([1.0, 2.0])
        with pytest.raises(tp.ArgumentError, match="Cast has no argument 'too'; did you mean 'to'") as caught:
            line = here() + 1
            ops.Cast(x, too=tp.DataType.INT64)  # type: ignore[call-arg]

    assert place(line, "test_an_unknown_argument_is_told_on_its_line_with_near_names") in said(caught.value)


def test_an_argument_of_the_wrong_kind_is_told_on_its_line():
    net = tp.Net("net")

    with pytest.raises(tp.ArgumentError, match=r"ConstantFill.*'shape'.*'wide'") as caught:
        line = here() + 1
        net.ConstantFill([], shape="wide")  # type: ignore[arg-type]

    assert place(line, "test_an_argument_of_the_wrong_kind_is_told_on_its_line") in said(caught.value)


def test_an_unknown_operator_and_a_wrong_count_are_told_on_their_line():
    net = tp.Net("net")

    with pytest.raises(tp.UnknownOperatorError, match="did you mean 'Copy'") as unknown:
        first = here() + 1
        net.Copi("x")
    with pytest.raises(tp.ArityError, match="Add takes 2 inputs") as count:
        second = here() + 1
        net.Add("x")

    function = "test_an_unknown_operator_and_a_wrong_count_are_told_on_their_line"
    assert place(first, function) in said(unknown.value)
    assert place(second, function) in said(count.value)


# --- an undefined blob ------------------------------------------------------------------------------------------------


def test_an_undefined_blob_is_told_with_the_line_that_reads_it_and_the_line_of_a_near_name(session):
    with tp.TaskGroup() as group, tp.Task(name="sgd"):
        weights = ops.Const(1.0, blob_out="weights")
        near = here() + 1
        ops.Const(0.1, blob_out="grads")
        line = here() + 1
        ops.Add([weights, "grad"], [weights])

    with pytest.raises(tp.PlanError, match="Add reads 'grad', which nothing writes before it") as caught:
        session.run(group)

    function = "test_an_undefined_blob_is_told_with_the_line_that_reads_it_and_the_line_of_a_near_name"
    assert f"added  {place(line, function)}" in said(caught.value)
    assert f"'grads', written by op 2 of net 'local/sgd' ({place(near, function)})" in said(caught.value)
    assert "task 'local/sgd' on node 'local'" in said(caught.value)
    assert caught.value.problems[0].site[:2] == (__file__, line)


def test_an_undefined_blob_of_a_net_that_is_run_at_once_is_told_with_the_line_that_reads_it(ws):
    net = tp.Net("net")
    line = here() + 1
    net.Copy("x", "y")
    told = place(line, "test_an_undefined_blob_of_a_net_that_is_run_at_once_is_told_with_the_line_that_reads_it")

    with pytest.raises(RuntimeError, match="Copy reads 'x'") as at_once:
        tp.RunNetOnce(net)
    with pytest.raises(RuntimeError, match="Copy reads 'x'") as kept:
        tp.CreateNet(net)
    with pytest.raises(RuntimeError, match="Copy reads 'x'") as planned:
        tp.RunPlan(tp.execution_step("step", net))

    assert told in said(at_once.value)
    assert told in said(kept.value)
    assert told in said(planned.value)


# --- a function that raises -------------------------------------------------------------------------------------------


@pytest.mark.one_process
def test_an_exception_in_the_17th_iteration_of_the_second_instance_is_told_with_all_of_these(session):
    """Which instance is the second to take a number depends on the schedule; the notes say which one it was."""
    numbers = itertools.count(1)

    def check(inputs: Any, outputs: Any) -> None:
        instance, iteration = inputs[0].data, inputs[1].data
        if instance == 2 and iteration == 16:
            raise BoomError("the loss is not a number")

    with tp.TaskGroup() as group, tp.Node("trainer"), tp.Task(name="train", num_instances=INSTANCES):
        with ops.task_instance_init():
            number = ops.call(lambda: next(numbers))
        with ops.loop(20, name="epochs") as loop:
            line = here() + 1
            ops.Python(check)([number, loop.iter()], [])

    with pytest.raises(BoomError, match="the loss is not a number") as caught:
        session.run(group)

    told = said(caught.value)
    function = "test_an_exception_in_the_17th_iteration_of_the_second_instance_is_told_with_all_of_these"
    assert f"added  {place(line, function)}" in told
    assert "task 'trainer/train' on node 'trainer'" in told
    assert any(f"instance {each} of {INSTANCES}" in told for each in (1, 2))
    assert "epochs', iteration 17" in told
    assert "int64 scalar 2" in told
    assert "int64 scalar 16" in told
    assert next(numbers) == INSTANCES + 1
    raised_in = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (raised_in.filename, raised_in.name) == (__file__, "check")


# --- an output that cannot be fetched ---------------------------------------------------------------------------------


def test_an_output_that_nothing_writes_is_told_with_the_line_that_asked_for_it(session):
    with tp.TaskGroup() as group, tp.Task(name="train"):
        ops.Const(0.5, blob_out="loss")
        line = here() + 1
        tp.final_output("los")

    with pytest.raises(tp.PlanError, match=r"output 'los'.*written by no operator.*did you mean 'loss'") as caught:
        session.run(group)

    function = "test_an_output_that_nothing_writes_is_told_with_the_line_that_asked_for_it"
    assert f"added  {place(line, function)}" in said(caught.value)
    assert "task 'local/train'" in said(caught.value)


def test_an_output_that_turns_out_to_be_unwritten_is_told_with_the_line_that_asked_for_it(session):
    """A function that is handed the workspace may write any blob in it, so nothing is known before the run."""
    with tp.TaskGroup() as group, tp.Task(name="train"):
        ops.Python(lambda inputs, outputs, workspace: None, pass_workspace=True)([], [])
        line = here() + 1
        output = tp.final_output("loss")

    session.run(group)
    with pytest.raises(RuntimeError, match="'loss'") as caught:
        output.fetch()

    function = "test_an_output_that_turns_out_to_be_unwritten_is_told_with_the_line_that_asked_for_it"
    assert place(line, function) in said(caught.value)


def test_an_output_that_holds_a_handle_is_told_with_the_line_that_asked_for_it(session):
    with tp.TaskGroup() as group, tp.Task(name="train"):
        line = here() + 1
        output = tp.final_output(ops.CreateMutex([], "lock"))

    session.run(group)
    with pytest.raises(RuntimeError, match=r"'lock'.*Mutex") as caught:
        output.fetch()

    function = "test_an_output_that_holds_a_handle_is_told_with_the_line_that_asked_for_it"
    assert place(line, function) in said(caught.value)
