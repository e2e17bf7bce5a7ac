"""Random programs that fail, time out and are interrupted at random.

What is raised is what went wrong, nothing hangs or stays behind, what has begun is closed, and the session goes on.
"""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import taskplan as tp
from taskplan import ops

PROGRAMS = 100
HANGS_AFTER_S = 30.0

Block = Callable[[], Any]
Role = Callable[[int], None]
"""Writes what the instances of a task, as many as it is told, do besides their random work."""


class InjectedError(Exception):
    """What the user's own code raises."""


@dataclass
class Witness:
    """What happened in one run, as told by its operators."""

    faults: list[type[BaseException]] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    records_read: list[int] = field(default_factory=list)
    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call_number(self) -> int:
        """How many times this has been called, by all threads."""
        with self.lock:
            self.calls += 1
            return self.calls


@pytest.fixture(autouse=True)
def no_thread_stays():
    yield
    assert [thread for thread in threading.enumerate() if thread.name.startswith("taskplan-")] == []


def call(function: Callable[[], object]) -> None:
    """Add an operator that calls a function."""
    ops.Python(lambda inputs, outputs: function())([], [])


def raise_injected_error() -> None:
    raise InjectedError


def interrupt() -> None:
    """Ctrl-C, on another thread than the main one; returns when it has come."""
    thread = threading.Thread(target=signal.raise_signal, args=(signal.SIGINT,))
    thread.start()
    thread.join()


class RandomProgram:
    """A group of tasks, drawn from a seed and written at once, with up to three faults somewhere in it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.witness = Witness()
        self.timeout_s = self._random.choice([0.002, 0.01]) if self._chance(0.1) else HANGS_AFTER_S
        self.records_written = 0
        self.hogwild: list[tuple[tp.TaskOutput, int]] = []
        kinds = [
            self._raises,
            self._interrupts,
            self._fails,
            self._throws,
            self._adds_a_bool,
            self._reads_what_is_not_written,
            self._stops_on_a_number,
        ]
        # Each comes after some more pieces than the one behind it in the list.
        faults = self._random.choice([0, 1, 1, 1, 2, 3])
        self._faults = [(self._random.randint(1, 25), self._random.choice(kinds)) for _ in range(faults)]
        self.group = self._group()

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    # --- faults: an operator tells the witness before each ------------------------------------------------------------

    def _expect(self, error: type[BaseException]) -> None:
        call(lambda: self.witness.faults.append(error))

    def _raises(self) -> None:
        self._happens_at_a_call(InjectedError, raise_injected_error)

    def _interrupts(self) -> None:
        self._happens_at_a_call(KeyboardInterrupt, interrupt)

    def _happens_at_a_call(self, error: type[BaseException], fault: Callable[[], object]) -> None:
        at = self._random.randint(1, 8)

        def function() -> None:
            if self.witness.call_number() == at:
                self.witness.faults.append(error)
                fault()

        call(function)

    def _fails(self) -> None:
        self._expect(tp.OperatorError)
        ops.Fail([], [])

    def _throws(self) -> None:
        self._expect(tp.OperatorError)
        ops.ThrowException([], [])

    def _adds_a_bool(self) -> None:
        self._expect(tp.OperatorError)
        ops.Add([ops.Const(1), ops.Const(True)])

    def _reads_what_is_not_written(self) -> None:
        with ops.If(ops.Const(False)):
            blob = ops.Const(1)
        self._expect(tp.OperatorError)
        ops.Copy(blob)

    def _stops_on_a_number(self) -> None:
        self._expect(tp.StepError)
        ops.net(tp.execution_step("stopped", [tp.Net("before"), tp.Net("after")], should_stop_blob=ops.Const(3)))

    # --- work ---------------------------------------------------------------------------------------------------------

    def _body(self, depth: int) -> None:
        for _ in range(self._random.randint(1, 3)):
            self._piece(depth)

    def _piece(self, depth: int) -> None:
        if self._faults:
            pieces, fault = self._faults.pop()
            if pieces <= 1:
                fault()
                return
            self._faults.append((pieces - self._random.randint(1, 6), fault))
        small: list[Block] = [lambda: ops.Add([ops.Const(1), ops.Const(2)]), lambda: call(self.witness.call_number)]
        blocks = [self._loop, self._branches, self._stop_guard, self._at_once]
        if depth and self._chance(0.6):
            self._random.choice(blocks)(depth - 1)
        else:
            self._random.choice(small)()

    def _loop(self, depth: int) -> None:
        with ops.loop(self._random.randint(0, 4)):
            self._body(depth)

    def _branches(self, depth: int) -> None:
        with ops.If(ops.Const(self._chance(0.7))) as branch:
            self._body(depth)
        with branch.Else():
            self._body(depth)

    def _stop_guard(self, depth: int) -> None:
        with ops.stop_guard():
            self._body(depth)
            ops.stop_if(ops.Const(self._chance(0.3)))
            self._body(depth)

    def _at_once(self, depth: int) -> None:
        steps = []
        for _ in range(self._random.randint(1, 3)):
            with tp.NetBuilder("branch") as builder:
                self._body(depth)
            steps.append(builder.to_step())
        instances = self._random.choice([None, None, 2])
        ops.net(tp.execution_step("at_once", steps, concurrent_substeps=True, num_concurrent_instances=instances))

    # --- tasks --------------------------------------------------------------------------------------------------------

    def _task(self, name: str, role: Role | None) -> None:
        instances = self._random.choice([1, 1, 2, 3])
        with tp.Node(self._random.choice(["local", "a", "b"])), tp.Task(name=name, num_instances=instances):
            self._surroundings(name)
            if self._chance(0.6):
                self._body(2)
            if role is not None:
                role(instances)
            if self._chance(0.3):
                self._body(2)

    def _surroundings(self, name: str) -> None:
        for init, finally_, probability in (
            (ops.task_init, ops.task_finally, 0.5),
            (ops.task_instance_init, ops.task_instance_finally, 0.5),
            (ops.local_init, ops.local_finally, 0.3),
        ):
            if self._chance(probability):
                self._opens_and_closes(init, finally_, f"{init.__name__} of {name}")
        for block, probability in (
            (ops.task_exit, 0.15),
            (ops.task_instance_exit, 0.15),
            (ops.local_exit, 0.15),
            (lambda: ops.task_reporter(self._random.choice([1, 5, 1000])), 0.3),
            (lambda: ops.local_reporter(self._random.choice([1, 5, 1000])), 0.2),
        ):
            if self._chance(probability):
                with block():
                    self._piece(1)

    def _opens_and_closes(self, init: Block, finally_: Block, name: str) -> None:
        with init():
            call(lambda: self.witness.begun.append(name))
            if self._chance(0.2):
                self._piece(1)
        with finally_():
            call(lambda: self.witness.closed.append(name))

    def _group(self) -> tp.TaskGroup:
        roles: list[Role | None] = [None] * self._random.randint(0, 2)
        for number in range(self._random.choice([0, 1, 1, 2])):
            roles += self._channel_roles(number)
        if self._chance(0.3):
            roles.append(self._writes_one_output)
        roles = roles or [None]
        self._random.shuffle(roles)
        with tp.TaskGroup() as group:
            for number, role in enumerate(roles):
                self._task(f"task{number}", role)
            if self._chance(0.3):
                self._queue_tasks()
        return group

    def _reads(self, record: tp.BlobReference) -> None:
        ops.Python(lambda inputs, outputs: self.witness.records_read.append(inputs[0].data.item()))([record], [])
        if self._chance(0.3):
            self._piece(0)

    def _channel_roles(self, number: int) -> list[Role]:
        channel = tp.Channel(f"numbers{number}", self._random.randint(1, 4), ["number"])

        def writes(instances: int) -> None:
            writer, count = channel.writer(), self._random.randint(0, 12)
            self.records_written += count * instances
            with ops.loop(count):
                if self._chance(0.3):
                    self._piece(0)
                writer.write(None, [ops.Const(1)])

        def reads(_instances: int) -> None:
            reader = channel.reader()
            with ops.loop():
                ended, record = reader.read()
                ops.stop_if(ended)
                self._reads(*record.field_blobs())

        return [writes] * self._random.randint(1, 3) + [reads] * self._random.randint(1, 2)

    def _queue_tasks(self) -> None:
        """Tasks that share a plain queue, and would wait forever if it were not for the end of the run."""
        count = self._random.randint(0, 6)
        self.records_written += 2 * count
        with tp.Node("queue"):
            with tp.Task(name="writer", num_instances=2):
                with ops.local_init():
                    queue = ops.CreateBlobsQueue([], ["queue"], capacity=self._random.randint(1, 4), num_blobs=1)
                self._surroundings("writer")
                with ops.loop(count):
                    record = ops.Const(1)
                    ops.EnqueueBlobs([queue, record], [record])
            with tp.Task(name="reader", num_instances=2), ops.loop(count):
                self._reads(ops.DequeueBlobs([queue], 1))

    def _writes_one_output(self, instances: int) -> None:
        """Instances add to one blob without regard for one another, so additions may be lost: hogwild."""
        with ops.task_init():
            total, one = ops.Const(0), ops.Const(1)
        with ops.loop(5):
            ops.Add([total, one], [total])
        self.hogwild.append((tp.final_output(total), 5 * instances))


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_whatever_goes_wrong_is_raised_and_the_session_goes_on(seed):
    raised: BaseException | None = None
    with tp.fresh_names(), tp.LocalSession(tp.Workspace()) as session:
        program = RandomProgram(seed)
        witness = program.witness

        try:
            session.run(program.group, timeout_s=program.timeout_s)
        except (Exception, KeyboardInterrupt) as error:
            raised = error

        if raised is None:
            assert witness.faults == []
            assert len(witness.records_read) == program.records_written
            assert all(2 <= output.fetch() <= most for output, most in program.hogwild)
        else:
            too_slow = [tp.TimedOutError] if program.timeout_s < HANGS_AFTER_S else []
            assert isinstance(raised, (*witness.faults, *too_slow))
        assert all(witness.closed.count(name) >= witness.begun.count(name) for name in witness.begun)
        assert session.abandoned() == []
        with tp.TaskGroup() as group, tp.Task():
            five = tp.final_output(ops.Add([ops.Const(2), ops.Const(3)]))
        session.run(group)
        assert five.fetch() == 5
