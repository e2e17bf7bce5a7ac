"""Random programs with known right results: a seed makes one, the same one each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tests.soak.changes import Blob, Change, Total
from tests.soak.draws import READS, WRITES, Draws, Mistake, runs_at_once, shares_queue
from tests.soak.functions import fails_at, glance
from tests.soak.pipes import ChannelPipe, Pipe, QueuePipe, RebatchingPipe

import taskplan as tp
from taskplan import ops

TWO_STEPS_ON_ONE_QUEUE = "two steps on one queue"
NESTED_CONCURRENCY = "nested concurrency"
REPORTER = "a reporter"
CLOSING_BLOCK = "a closing block"
FAULT_FIRED = "a fault that fired"
FEATURES = (TWO_STEPS_ON_ONE_QUEUE, NESTED_CONCURRENCY, REPORTER, CLOSING_BLOCK, FAULT_FIRED)

INTERVALS_MS = (1, 50, 50, 200, 200, 1000, 1000)
"""Of reporters. Short ones are few, since a delay lets them run a thousand times."""

NODES = ("local", "a", "b")


@dataclass
class Member:
    """A task that is to be written, with what stands in it."""

    name: str
    node: str
    instances: int
    write: Callable[[Member], None]


class Plan:
    """A program, drawn from a seed and written at once, so inside `fresh_names()`.

    Args:
        seed: says what is drawn.
        mistakes: what may be built in; None is no mistake. One is drawn.
        endless: it ends only when it is cancelled.

    Attributes:
        group: the program.
        expected: its outputs, by name.
        features: what it has, of `FEATURES`.
        faults: what may go wrong in it.
        mistake: what is wrong with it.
    """

    def __init__(
        self,
        seed: int,
        mistakes: Sequence[Mistake | None] = (*[None] * 9, Mistake.RAISES, Mistake.NEVER_CLOSED, Mistake.CLOSED_EARLY),
        *,
        endless: bool = False,
    ) -> None:
        self._draws = Draws(seed)
        self.expected: dict[str, int] = {}
        self.features: set[str] = set()
        self.mistake = self._draws.choice(mistakes)
        self._pending = self.mistake
        self._nodes = self._draws.sample(NODES, self._draws.randint(1, len(NODES)))
        self._members: list[Member] = []
        self._operators: set[str] = set()
        self._closed: dict[str, Blob] = {}
        self._closings: dict[str, int] = {}
        self._draw_members(endless)
        self.group = self._written()
        self.faults = self._draws.faults(
            [member.name for member in self._members], self._nodes, sorted(self._operators) or ["Const"]
        )

    def _draw_members(self, endless: bool) -> None:
        draws = self._draws
        on_one_node = self._pending in (Mistake.NEVER_CLOSED, Mistake.CLOSED_EARLY)
        pipelines = draws.choice([1, 1, 1, 2]) if on_one_node or draws.chance(0.8) else 0
        for number in range(pipelines):
            self._pipeline(f"p{number}", apart=not on_one_node and draws.chance(0.45))
        for number in range(draws.choice([0, 1, 1]) if pipelines else draws.randint(1, 3)):
            self._add(f"alone{number}", draws.choice(self._nodes), self._alone)
        if endless:
            self._add("endless", draws.choice(self._nodes), _waits_for_nothing)
        draws.shuffle(self._members)

    def _add(self, name: str, node: str, write: Callable[[Member], None], instances: int = 1) -> None:
        self._members.append(Member(name, node, instances, write))

    def _written(self) -> tp.TaskGroup:
        with tp.TaskGroup() as group:
            for member in self._members:
                with tp.Node(member.node), tp.Task(name=member.name, num_instances=member.instances):
                    self._surround(member)
                    member.write(member)
            if self._pending is Mistake.RAISES:
                with tp.Node(self._nodes[0]), tp.Task(name="wrong"):
                    self._checked(ops.Const(1), [1], 1.0)
        return group

    # --- mistakes -----------------------------------------------------------------------------------------------------

    def _takes(self, mistake: Mistake, probability: float = 1.0) -> bool:
        """Whether the mistake is to be made here."""
        if self._pending is not mistake or not self._draws.chance(probability):
            return False
        self._pending = None
        return True

    def _checked(self, value: Blob, values: Sequence[int], probability: float = 0.3) -> Blob:
        """A blob that will have these values, maybe looked at by a function that fails for one of them."""
        if not values or not self._takes(Mistake.RAISES, probability):
            return value
        return ops.call(fails_at(self._draws.choice(values)), value)

    # --- blocks around tasks ------------------------------------------------------------------------------------------

    def _surround(self, member: Member) -> None:
        draws = self._draws
        for block in (ops.task_init, ops.task_instance_init, ops.local_init, ops.task_exit, ops.local_exit):
            if draws.chance(0.08):
                with block():
                    self._glance()
        if draws.chance(0.2):
            self._counts_closings(member)
        if draws.chance(0.1):
            self.features.add(CLOSING_BLOCK)
            with ops.local_finally():
                self._glance()
        for reporter, probability in ((ops.task_reporter, 0.12), (ops.local_reporter, 0.08)):
            if draws.chance(probability):
                self.features.add(REPORTER)
                with reporter(draws.choice(INTERVALS_MS)):
                    self._glance()

    def _glance(self) -> None:
        number = self._draws.randint(0, 9)
        ops.call(glance, self._checked(ops.Const(number), [number], 0.15), outputs=0)

    def _counts_closings(self, member: Member) -> None:
        """A closing block that is counted; how often is an output."""
        self.features.add(CLOSING_BLOCK)
        node, name = member.node, f"closed_{member.node}"
        if node not in self._closed:
            with ops.local_init():
                self._closed[node] = ops.CreateCounter([], f"{name}_count")
            with ops.local_exit():
                tp.final_output(ops.RetrieveCount(self._closed[node], name))
        each_instance = self._draws.chance(0.5)
        with ops.task_instance_finally() if each_instance else ops.task_finally():
            ops.CountUp(self._closed[node])
            if self._draws.chance(0.3):
                self._glance()
        self.expected[name] = self.expected.get(name, 0) + (member.instances if each_instance else 1)

    # --- tasks that are alone -----------------------------------------------------------------------------------------

    def _alone(self, member: Member) -> None:
        start = self._draws.randint(-50, 50)
        change = self._draws.nested() if self._draws.chance(0.7) else self._draws.change(2)
        blob = self._changed(ops.Const(start), [start], change)
        tp.final_output(ops.Copy(blob, member.name))
        self.expected[member.name] = change.result(start)

    def _changed(self, blob: Blob, values: Sequence[int], change: Change) -> Blob:
        """What a change makes of a blob that will have these values, as far as it is known who gets them."""
        if runs_at_once(change):
            self.features.add(NESTED_CONCURRENCY)
        if shares_queue(change):
            self.features.add(TWO_STEPS_ON_ONE_QUEUE)
            self._operators.update(("EnqueueBlobs", "SafeDequeueBlobs"))
        self._operators.update(("Const", "Copy"))
        return change.write(self._checked(blob, values))

    def _some_change(self) -> Change | None:
        draws = self._draws
        if draws.chance(0.12):
            return draws.nested()
        return draws.change(1) if draws.chance(0.5) else None

    # --- pipelines ----------------------------------------------------------------------------------------------------

    def _pipeline(self, name: str, *, apart: bool) -> None:
        """Tasks that write numbers, maybe tasks that turn them into others, and tasks that add them up."""
        draws = self._draws
        home = draws.choice(self._nodes)
        stages = [self._stage(f"{name}_{role}", home, apart) for role in ("source", "middle", "sink")]
        if draws.chance(0.6):
            del stages[1]
        sources = stages[0]
        counts = [draws.randint(0, 3) for _ in sources]
        starts = [draws.randint(0, 99) for _ in sources]
        values = [
            start + index
            for source, start, count in zip(sources, starts, counts, strict=True)
            for index in range(count)
            for _ in range(source.instances)
        ]
        pipe = self._pipe(f"{name}_pipe0", apart, sources, stages[1], len(values), last=len(stages) == 2)
        for source, start, count in zip(sources, starts, counts, strict=True):
            source.write = partial(self._source, pipe, start, count, source is sources[0])
        values = [passed for value in values for passed in pipe.passes(value)]
        if len(stages) == 3:
            change, middle, sinks = draws.nested() if draws.chance(0.1) else draws.change(1), stages[1], stages[2]
            changed = [change.result(value) for value in values]
            further = self._pipe(f"{name}_pipe1", apart, middle, sinks, len(values), last=True)
            for task in middle:
                task.write = partial(self._middle, pipe, further, change, values if len(middle) == 1 else [])
            values, pipe = [passed for value in changed for passed in further.passes(value)], further
        self._sinks(name, pipe, values, stages[-1], apart)
        for stage in stages:
            self._members += stage

    def _stage(self, name: str, home: str, apart: bool) -> list[Member]:
        draws = self._draws
        return [
            Member(
                f"{name}{number}", draws.choice(self._nodes) if apart else home, draws.choice([1, 1, 2]), lambda _: None
            )
            for number in range(draws.choice([1, 1, 2]))
        ]

    def _pipe(
        self, name: str, apart: bool, writers: list[Member], readers: list[Member], records: int, *, last: bool
    ) -> Pipe:
        draws = self._draws
        capacity = draws.randint(1, 3)
        if any(sum(member.instances for member in end) > 1 for end in (writers, readers)):
            self.features.add(TWO_STEPS_ON_ONE_QUEUE)
        broken = self._pending in (Mistake.NEVER_CLOSED, Mistake.CLOSED_EARLY)
        if apart or (not broken and draws.chance(0.2)):
            self._operators.update(("SafeEnqueueBlobs", "SafeDequeueBlobs"))
            return ChannelPipe(name, capacity)
        if last and len(writers) == 1 and draws.chance(0.3) and not broken:
            readers[:] = readers[:1]
            readers[0].instances = 1
            self._operators.update(("EnqueueRebatchingQueue", "DequeueRebatchingQueue"))
            return RebatchingPipe(name, capacity, records, draws.randint(1, 5))
        each_instance, safely = draws.chance(0.5), draws.chance(0.4)
        ends = sum(member.instances for member in writers) if each_instance else len(writers)
        self._operators.update((WRITES[safely], READS[1]))
        return QueuePipe(name, capacity, ends, each_instance=each_instance, safely=safely)

    def _source(self, pipe: Pipe, start: int, count: int, first: bool, member: Member) -> None:
        pipe.attach()
        number = ops.Const(start)
        with ops.loop(count):
            pipe.put(self._checked(number, range(start, start + count)))
            ops.Add([number, ops.Const(1)], [number])
        if first and isinstance(pipe, QueuePipe) and self._takes(Mistake.CLOSED_EARLY):
            pipe.close_early()
        if not (first and isinstance(pipe, QueuePipe) and self._takes(Mistake.NEVER_CLOSED)):
            pipe.end()

    def _middle(self, pipe: Pipe, further: Pipe, change: Change, values: Sequence[int], member: Member) -> None:
        pipe.attach()
        further.attach()
        with pipe.records() as number:
            further.put(self._changed(number, values, change))
        further.end()

    def _sinks(self, name: str, pipe: Pipe, values: list[int], members: list[Member], apart: bool) -> None:
        change = None if isinstance(pipe, RebatchingPipe) else self._some_change()
        self.expected[f"{name}_sum"] = sum(change.result(value) if change else value for value in values)
        totals: ChannelPipe | None = None
        if len(members) > 1:
            totals = ChannelPipe(f"{name}_totals", self._draws.randint(1, 2))
            self._add(f"{name}_collect", self._draws.choice(self._nodes), partial(self._collect, name, totals))
        known = values if len(members) == 1 else []
        for member in members:
            member.write = partial(self._sink, name, pipe, totals, change, known)

    def _sink(
        self, name: str, pipe: Pipe, totals: Pipe | None, change: Change | None, values: list[int], member: Member
    ) -> None:
        pipe.attach()
        with ops.task_init():
            total = Total()
        self._reports_on(total)
        with pipe.records() as number:
            total.add(self._changed(number, values, change) if change else number)
        with ops.task_exit():
            if totals is None:
                tp.final_output(ops.Copy(total.blob, f"{name}_sum"))
            else:
                totals.put(total.blob)

    def _reports_on(self, total: Total) -> None:
        if self._draws.chance(0.25):
            self.features.add(REPORTER)
            with ops.task_reporter(self._draws.choice(INTERVALS_MS)):
                ops.call(glance, ops.Copy(total.blob), outputs=0)

    def _collect(self, name: str, totals: Pipe, member: Member) -> None:
        total = ops.Const(0)
        with totals.records() as number:
            ops.Add([total, number], [total])
        tp.final_output(ops.Copy(total, f"{name}_sum"))


def _waits_for_nothing(_member: Member) -> None:
    """Wait for a record that nobody writes, from a queue that a user's function has seen, so that it is no stall."""
    queue = ops.CreateBlobsQueue([], 1)
    ops.Python(_sees_all, pass_workspace=True)([], [])
    ops.DequeueBlobs([queue], 1)


def _sees_all(_inputs: object, _outputs: object, _space: object) -> None:
    """Is handed the workspace."""
