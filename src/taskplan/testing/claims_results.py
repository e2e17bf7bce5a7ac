"""Claims about what a run leaves: outputs, workspaces, channels between nodes, draws of random numbers, events."""

from __future__ import annotations

from typing import Any

import numpy as np

from taskplan import (
    BlobReference,
    Channel,
    Net,
    Node,
    Plan,
    PlanError,
    Task,
    TaskGroup,
    TaskOutput,
    WorkspaceType,
    execution_step,
    final_output,
    ops,
    schema,
)
from taskplan.events import Event, RunEnded, RunStarted
from taskplan.testing.claims import BoomError, Make, Marks, add_to, claim, expect, expect_equal, expect_raises, fail

# --- outputs ----------------------------------------------------------------------------------------------------------


@claim
def outputs_come_home(make: Make) -> None:
    """An output has the value that its blob had when the group ended."""
    with TaskGroup() as group, Task():
        total = final_output(ops.Add([ops.Const(1), ops.Const(2)]))

    with make() as session:
        session.run(group)

        expect_equal("the output", total.fetch(), 3)


@claim
def outputs_are_arrays_lists_and_records(make: Make) -> None:
    """What is declared as an output comes back in the same form."""
    with TaskGroup() as group, Task():
        one, two = (ops.Const(np.array([number], np.int64)) for number in (1, 2))
        both = final_output([one, two])
        record = final_output(schema.Struct(("a", schema.Scalar(np.int64, one)), ("b", two)))

    with make() as session:
        session.run(group)

        expect_equal("the list", [array.tolist() for array in both.fetch()], [[1], [2]])
        fetched = record.fetch()
        expect_equal("the names of the fields", fetched.field_names(), ["a", "b"])
        expect_equal("the fields", [fetched.a().tolist(), fetched.b().tolist()], [[1], [2]])


@claim
def outputs_keep_their_type_and_shape(make: Make) -> None:
    """Values travel as they are, wherever they are computed."""
    values: list[Any] = [np.zeros((2, 0), np.float32), np.array(7, np.int8), np.array([[True, False]])]
    with TaskGroup() as group, Task():
        outputs = [final_output(ops.Copy(f"fed {index}")) for index in range(len(values))]

    with make() as session:
        for index, value in enumerate(values):
            session.feed("local", f"fed {index}", value)
        session.run(group)

        for output, value in zip(outputs, values, strict=True):
            found = np.asarray(output.fetch())
            expect_equal("type and shape", (found.dtype, found.shape), (value.dtype, value.shape))
            expect_equal("the value", found, value.tolist())


@claim
def outputs_of_a_session_are_found_by_name(make: Make) -> None:
    """`session.outputs` has them all in order; those of one name say their node too."""
    with TaskGroup() as group:
        for node, value in (("a", 1), ("b", 2)):
            with Node(node), Task():
                final_output(ops.Const(value, blob_out="same"))
        with Task():
            final_output(ops.Const(3, blob_out="other"))

    with make() as session:
        session.run(group)
        found = {name: int(value) for name, value in session.outputs(group).items()}

        expect_equal("the outputs", found, {"a:same": 1, "b:same": 2, "other": 3})


@claim
def outputs_have_no_value_before_a_run(make: Make) -> None:
    """Fetching one says so, and does not give what some other run has left."""
    with TaskGroup() as group, Task():
        output = final_output(ops.Const(1))

    with make() as session:
        with expect_raises(AttributeError, "run"):
            output.fetch()
        session.run(group)

        expect_equal("the output", output.fetch(), 1)


@claim
def what_is_fetched_belongs_to_whoever_fetches_it(make: Make) -> None:
    """Nobody can write into a session from outside, since feeding and fetching copy."""
    with TaskGroup() as group, Task():
        output = final_output(ops.Copy("fed"))
    array = np.array([1, 2])

    with make() as session:
        session.feed("local", "fed", array)
        array[0] = 9
        session.run(group)
        fetched = np.asarray(output.fetch())
        if fetched.flags.writeable:
            fetched[0] = 9

        expect_equal("the output, fetched again", output.fetch(), [1, 2])


# --- nodes and channels -----------------------------------------------------------------------------------------------


def _numbers(channel: Channel, count: int, node: str) -> None:
    """A task that writes the numbers below `count`."""
    with Node(node), Task():
        writer = channel.writer()
        with ops.loop(count) as loop:
            writer.write(None, [ops.Copy(loop.iter())])


def _sum_of(channel: Channel, node: str) -> TaskOutput:
    """A task that adds up what it reads."""
    with Node(node), Task():
        total = ops.Const(0)
        reader = channel.reader()
        with ops.loop():
            ended, record = reader.read()
            ops.stop_if(ended)
            add_to(total, record.number())
        return final_output(total)


@claim
def tasks_of_several_nodes_exchange_through_channels(make: Make) -> None:
    """A channel carries records in order from node to node, and holds back whoever is too fast."""
    numbers, doubled = (Channel(name, capacity=1, schema=["number"]) for name in ("numbers", "doubled"))
    with TaskGroup() as group:
        _numbers(numbers, 10, "first")
        with Node("second"), Task():
            reader, writer = numbers.reader(), doubled.writer()
            with ops.loop():
                ended, record = reader.read()
                ops.stop_if(ended)
                writer.write(None, [ops.Add([record.number(), record.number()])])
        total = _sum_of(doubled, "third")

    with make() as session:
        session.run(group)

        expect_equal("the sum", total.fetch(), 90)


@claim
def a_channel_ends_when_its_last_writer_has_ended(make: Make) -> None:
    """Readers get all that was written by anybody, and then stop."""
    numbers = Channel("numbers", capacity=2, schema=["number"])
    with TaskGroup() as group:
        for node, count in (("a", 3), ("b", 20), ("c", 0)):
            _numbers(numbers, count, node)
        totals = [_sum_of(numbers, node) for node in ("a", "d")]

    with make() as session:
        session.run(group)

        expect_equal("what all readers have read", sum(int(total.fetch()) for total in totals), 3 + 190)


@claim
def a_channel_is_empty_when_its_program_runs_again(make: Make) -> None:
    """It is part of the program, so each run has its own."""
    numbers = Channel("numbers", capacity=5, schema=["number"])
    with TaskGroup() as group:
        with Node("writer"), Task():
            with ops.loop(3) as loop:
                numbers.writer().write(None, [ops.Copy(loop.iter())])
        with Node("reader"), Task():
            _, record = numbers.reader().read()
            first = final_output(record.number())

    with make() as session:
        for _ in range(2):
            session.run(group)
            expect_equal("the first record", first.fetch(), 0)


@claim
def nodes_are_apart(make: Make) -> None:
    """Blobs of one name on two nodes are two, and each output is fetched from the node of its task."""
    outputs = {}
    with TaskGroup(WorkspaceType.GLOBAL) as group:
        for node, value in (("a", 1), ("b", 2), ("local", 3)):
            with Node(node), Task():
                outputs[node] = final_output(ops.Const(value, blob_out="same"))

    with make() as session:
        session.run(group)

        for node, value in (("a", 1), ("b", 2), ("local", 3)):
            expect_equal(f"the output of node {node!r}", outputs[node].fetch(), value)
            expect_equal(f"the blob of node {node!r}", session.workspace(node).fetch_blob("same"), value)


@claim
def a_node_keeps_its_workspace_as_long_as_the_session(make: Make) -> None:
    """What one run leaves on a node, or somebody feeds there, the next run finds."""
    with TaskGroup(WorkspaceType.GLOBAL) as group, Node("a"), Task():
        add_to(ops.Copy("fed", "kept"), 1)
    with TaskGroup() as later, Node("a"), Task():
        output = final_output(ops.Copy("kept"))

    with make() as session:
        session.feed("a", "fed", np.array(5))
        session.run(group)
        session.run(later)

        expect_equal("the output", output.fetch(), 6)


@claim
def reading_a_blob_of_another_node_is_refused_before_the_run(make: Make) -> None:
    """What can be known beforehand is said beforehand, and nothing has run then."""
    with make() as session:
        marks = Marks(session)
        with TaskGroup() as group:
            with Task():
                ops.Const(1, blob_out="theirs")
                marks.mark("ran")
            with Node("b"), Task():
                ops.Copy(["theirs"], ["mine"])

        with expect_raises(PlanError, "'theirs'", "'local'"):
            session.run(group)

        expect_equal("what ran", marks.seen, [])


# --- workspaces, and what can be run ----------------------------------------------------------------------------------


def _leaving(workspace_type: str) -> TaskGroup:
    with TaskGroup(workspace_type) as group, Task():
        final_output(ops.Copy(ops.Const(1, blob_out="inner"), "outer"))
    return group


@claim
def private_tasks_leave_their_outputs_only(make: Make) -> None:
    """A private task has a workspace of its own, which goes with the run."""
    with make() as session:
        session.run(_leaving(WorkspaceType.PRIVATE))

        found = [session.workspace().has_blob(name) for name in ("inner", "outer")]
        expect_equal("whether inner and outer blob are there", found, [False, True])


@claim
def global_tasks_leave_all_their_blobs(make: Make) -> None:
    """A global task runs in the workspace of its node."""
    with make() as session:
        session.run(_leaving(WorkspaceType.GLOBAL))

        found = [session.workspace().has_blob(name) for name in ("inner", "outer")]
        expect_equal("whether inner and outer blob are there", found, [True, True])


@claim
def private_tasks_do_not_see_each_others_blobs(make: Make) -> None:
    """Each has blobs of its own, also under the same name."""
    outputs = []
    with TaskGroup(WorkspaceType.PRIVATE) as group:
        for number in (1, 2, 3):
            with Task():
                own = ops.Const(number, blob_out="own")
                add_to(own, own)
                outputs.append(final_output(ops.Copy(own, f"result {number}")))

    with make() as session:
        session.run(group)

        expect_equal("the outputs", [int(output.fetch()) for output in outputs], [2, 4, 6])


@claim
def the_same_group_runs_twice(make: Make) -> None:
    """Each run begins at the beginning, and refreshes the outputs."""
    with TaskGroup() as group, Task():
        total = ops.Const(0)
        with ops.loop(3):
            add_to(total, BlobReference("step"))
        output = final_output(total)

    with make() as session:
        for step in (1, 10):
            session.feed("local", "step", np.array(step))
            session.run(group)
            expect_equal("the output", output.fetch(), 3 * step)


@claim
def nets_steps_and_plans_run_by_themselves(make: Make) -> None:
    """What is no group runs in the workspace of node `local`, and stays there."""
    net = Net("count")
    net.Add(["count", net.Const(1)], ["count"])

    with make() as session:
        session.feed("local", "count", np.array(0))
        for program in (net, execution_step("twice", net, num_iter=2), Plan(execution_step("step", net))):
            session.run(program)

        expect_equal("how often it ran", session.workspace().fetch_blob("count"), 4)


@claim
def what_is_no_program_is_refused(make: Make) -> None:
    """It is a mistake of whoever calls, and told apart from failures of runs."""
    with make() as session:
        for wrong in (None, "net", 7):
            with expect_raises((AssertionError, ValueError)):
                session.run(wrong)


# --- random numbers and events ----------------------------------------------------------------------------------------


@claim
def the_seed_of_a_session_decides_what_is_drawn(make: Make) -> None:
    """Two sessions with one seed draw the same numbers; with another seed, others."""

    def draw(seed: int) -> Any:
        with TaskGroup() as group, Task():
            output = final_output(ops.UniformFill([], shape=[8]))
        with make(seed=seed) as session:
            session.run(group)
            return output.fetch().tolist()

    first, again, other = draw(1), draw(1), draw(2)
    expect_equal("what the same seed draws", again, first)
    expect(other != first, "another seed to draw other numbers")


class _Listener:
    def __init__(self, *, fails: bool = False) -> None:
        self.heard: list[Event] = []
        self._fails = fails

    def observe(self, event: Event) -> None:
        self.heard.append(event)
        if self._fails:
            raise BoomError


@claim
def observers_hear_how_each_run_begins_and_ends(make: Make) -> None:
    """The first event of a run is its beginning, the last its end, which says the failure if there was one."""
    with TaskGroup() as good, Task():
        ops.Const(1)
    with TaskGroup() as bad, Task():
        fail("as told")
    listener = _Listener()

    with make(observers=[listener]) as session:
        session.run(good)
        with expect_raises(BoomError):
            session.run(bad)

    ends = [event for event in listener.heard if isinstance(event, RunStarted | RunEnded)]
    expect_equal("the kinds of events", [type(event) for event in ends], [RunStarted, RunEnded] * 2)
    errors = [event.error for event in ends if isinstance(event, RunEnded)]
    expect(not errors[0] and "as told" in errors[1], f"only the second run to end with the failure, got {errors!r}")


@claim
def an_observer_that_raises_cannot_hurt_the_run(make: Make) -> None:
    """It is dropped, and the others hear on."""
    with TaskGroup() as group, Task():
        output = final_output(ops.Const(1))
    listener = _Listener()

    with make(observers=[_Listener(fails=True), listener]) as session:
        session.run(group)

        expect_equal("the output", output.fetch(), 1)
        expect(listener.heard, "the other observer to hear of the run")
