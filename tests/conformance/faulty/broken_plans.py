"""What is wrong with the plan itself: outputs and blobs that nothing writes, conditions that are none."""

from __future__ import annotations

import numpy as np
from tests.conformance.faulty.broken_pieces import SHORT_MS, put, send, take
from tests.conformance.faulty.corpus import broken

import taskplan as tp
from taskplan import ops

UNWRITTEN_OUTPUT = "an output that is never written"
UNDEFINED_BLOB = "a blob read before it is written"
NO_CONDITION = "a stop blob that is no bool"


# --- outputs ----------------------------------------------------------------------------------------------------------


@broken(UNWRITTEN_OUTPUT, tp.PlanError, "TP108", "output 'los' of task 'local/train'", "did you mean 'loss'")
def output_with_a_slip() -> tp.TaskGroup:
    """The output has one letter less than the blob."""
    with tp.TaskGroup() as group, tp.Task(name="train"):
        ops.Const(0.5, blob_out="loss")
        tp.final_output("los")
    return group


@broken(UNWRITTEN_OUTPUT, tp.PlanError, "TP108", "'loss' of task 'b/fetch' is written by no operator on node 'b'")
def output_of_another_node() -> tp.TaskGroup:
    """The blob is written on one node and declared as an output on another."""
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="train"):
            loss = ops.Const(0.5, blob_out="loss")
        with tp.Node("b"), tp.Task(name="fetch"):
            ops.Const(1)
            tp.final_output(loss)
    return group


@broken(UNWRITTEN_OUTPUT, tp.PlanError, "2 problems", "output 'left'", "output 'right'")
def two_outputs_of_instances() -> tp.TaskGroup:
    """Of three outputs of instances two are never written, and both are told."""
    with tp.TaskGroup() as group, tp.Task(name="train", num_instances=2):
        with ops.loop(2):
            ops.Const(0.5, blob_out="middle")
        tp.final_output(["left", "middle", "right"])
    return group


@broken(UNWRITTEN_OUTPUT, tp.PlanError, "TP108", "'trained'")
def output_of_a_task_without_a_body() -> tp.TaskGroup:
    """The task that declares the output consists of a step that does something else; a reporter looks on."""
    net = tp.Net("train")
    net.Const(1, blob_out="training")
    with tp.TaskGroup() as group:
        tp.Task(step=tp.execution_step("train", net, num_iter=3), outputs=["trained"], name="train")
        group.report_step(tp.Net("report"), interval_ms=SHORT_MS)
        group.report_step(net, interval_ms=SHORT_MS)
    return group


# --- blobs ------------------------------------------------------------------------------------------------------------


@broken(UNDEFINED_BLOB, tp.PlanError, "TP106", "Add reads 'grad', which nothing writes before it", "'grads'")
def blob_with_a_slip() -> tp.TaskGroup:
    """The blob has one letter less than the one that is written."""
    with tp.TaskGroup() as group, tp.Task(name="train"):
        weights = ops.Const(1.0, blob_out="weights")
        with ops.loop(3):
            ops.Const(0.1, blob_out="grads")
            ops.Add([weights, "grad"], [weights])
        tp.final_output(weights)
    return group


@broken(UNDEFINED_BLOB, tp.PlanError, "TP106", "Copy reads 'weights'", "task 'local/train'")
def setup_that_reads_from_the_body() -> tp.TaskGroup:
    """The setup of one of two tasks reads what its body writes."""
    with tp.TaskGroup() as group:
        with tp.Task(name="train"):
            with ops.task_init():
                ops.Copy(["weights"], ["saved"])
            with ops.loop(2):
                ops.Const(1.0, blob_out="weights")
        with tp.Task(name="store"):
            ops.Const(1)
    return group


@broken(UNDEFINED_BLOB, tp.PlanError, "TP107", "Print reads 'weights', which is written on node 'a'", "Channel")
def blob_of_another_node() -> tp.TaskGroup:
    """One node writes a blob, and the other one reads it as if it were there."""
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="train"):
            with ops.loop(2):
                weights = ops.Const(1.0, blob_out="weights")
        with tp.Node("b"), tp.Task(name="store"):
            with ops.task_exit():
                ops.Print([weights], [])
    return group


@broken(UNDEFINED_BLOB, tp.PlanError, "TP106", "Print reads 'loss'", "task 'local/store'")
def blob_of_another_task() -> tp.TaskGroup:
    """Each task has a workspace of its own, so the one does not see what the other one wrote."""
    with tp.TaskGroup(tp.WorkspaceType.PRIVATE) as group:
        with tp.Task(name="train"):
            ops.Const(0.5, blob_out="loss")
        with tp.Task(name="store"):
            with ops.If(ops.Const(True)):
                ops.Print(["loss"], [])
    return group


@broken(UNDEFINED_BLOB, tp.PlanError, "TP106", "step 'rounds' stops on 'done', which nothing makes")
def stop_blob_that_nothing_makes() -> tp.TaskGroup:
    """A loop of two nets goes on until a blob is true that nobody writes."""
    nets = [tp.Net("one"), tp.Net("two")]
    for net in nets:
        net.Const(1)
    with tp.TaskGroup() as group:
        tp.Task(step=tp.execution_step("rounds", nets, should_stop_blob=tp.BlobReference("done")), name="work")
    return group


@broken(UNDEFINED_BLOB, tp.PlanError, "TP110", "channel 'rows' has readers and no writer")
def channel_without_a_writer() -> tp.TaskGroup:
    """Both nodes read a channel, and one of them sends what it read through another."""
    rows, sums = tp.Channel("rows", 4, ["x"]), tp.Channel("sums", 4, ["x"])
    with tp.TaskGroup() as group:
        with tp.Node("a"), tp.Task(name="add", num_instances=2):
            _, record = rows.reader().read()
            sums.writer().write(None, record)
        with tp.Node("b"), tp.Task(name="store"):
            rows.reader().read()
            sums.reader().read()
            with ops.task_exit():
                send(sums)
    return group


# --- stop blobs -------------------------------------------------------------------------------------------------------


@broken(NO_CONDITION, tp.StepError, "stop blob 'local/work_1/stop_blob' must be one bool", "task 'local/work'")
def number_as_a_stop() -> tp.TaskGroup:
    """A loop's stop blob is overwritten by the number of jobs that are left."""
    with tp.TaskGroup() as group, tp.Task(name="work"):
        left = ops.Const(3)
        with ops.loop() as loop:
            ops.Copy([left], [loop.stop_blob()])
    return group


@broken(NO_CONDITION, tp.StepError, "stop blob 'done' must be one bool", "step 'rounds'")
def one_bool_for_each_row() -> tp.TaskGroup:
    """A loop of one net stops on a comparison of two vectors."""
    net = tp.Net("compare")
    numbers = net.Const(np.zeros(3, np.float32))
    net.EQ([numbers, numbers], ["done"])
    with tp.TaskGroup() as group:
        tp.Task(step=tp.execution_step("rounds", net, should_stop_blob=tp.BlobReference("done")), name="work")
    return group


@broken(NO_CONDITION, tp.StepError, "stop blob 'done' must be one bool", "step 'rounds'")
def text_behind_two_blocks() -> tp.TaskGroup:
    """Two nets that run at once, until one of them has written a text into the stop blob."""
    left, right = tp.Net("left"), tp.Net("right")
    left.Const("yes", blob_out="done")
    right.Const(1)
    steps = [tp.execution_step(net.Name(), net) for net in (left, right)]
    done = tp.BlobReference("done")
    with tp.TaskGroup() as group:
        step = tp.execution_step("rounds", steps, concurrent_substeps=True, should_stop_blob=done)
        tp.Task(step=step, name="work")
    return group


@broken(NO_CONDITION, tp.StepError, "stop blob 'jobs' must be one bool", "of 2")
def queue_as_a_stop() -> tp.TaskGroup:
    """Instances go round until the queue itself, and not its end, is true."""
    with tp.TaskGroup() as group, tp.Task(name="work", num_instances=2):
        with ops.task_init():
            ops.CreateBlobsQueue([], ["jobs"], capacity=9)
        with tp.NetBuilder("round") as body:
            put("jobs")
            take("jobs")
        steps = [tp.to_execution_step(body), tp.to_execution_step(tp.Net("rest"))]
        ops.net(tp.execution_step("rounds", steps, should_stop_blob=tp.BlobReference("jobs")))
    return group
