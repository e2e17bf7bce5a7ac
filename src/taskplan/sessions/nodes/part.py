"""One node's part of a run whose nodes are in several processes.

A part is a run of its own, with the executor of `LocalSession`. What it shares with the other parts are the objects of
channels and collectives, which talk to their like on other nodes. Only home can say that the whole run stalls: a part
says when none of its steps can go on unless something comes from another node.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import starmap
from typing import Any, Protocol, TypeVar

from taskplan.engine.attempted import Attempted, Driver, Placed
from taskplan.engine.compiler.hot import Compiler, compiler_of
from taskplan.engine.execute import execute
from taskplan.engine.parking import Waiter
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.stalls import Analysis, goes_on_by_itself, task_text, who_is
from taskplan.engine.strand import Role
from taskplan.events import Event
from taskplan.operators.waiting import Changes, Shared
from taskplan.plan.model import ProgramDef
from taskplan.sessions.nodes.messages import Carried, Census, Idle, PartOrder, PartWhy, WaitsLong
from taskplan.sessions.nodes.objects import open_shared_objects
from taskplan.sessions.nodes.owned_channel import Send
from taskplan.sessions.run_blobs import close_queues, forget_run_blobs
from taskplan.sessions.workspaces import Workspace, WorkspaceGuard

T = TypeVar("T")

LOOK_AFTER_S = 0.005
"""A part that seems idle is looked at so much later: one that waits for another node all the time mostly goes on."""

SendCarried = Callable[[str, Carried], None]
"""Sends to another node; never blocks, and keeps the order."""


class Spread(Protocol):
    """An object that several parts share: each has one of its own, and they talk to each other."""

    def receive(self, source: str, message: Any) -> None:
        """An attempt that always succeeds: take note of what the object of node `source` says."""


class Part:
    """One node's part of a run.

    Args:
        order: what home says of it.
        node: which node this is.
        program: the node's part of the program.
        plan: the node's plan, prepared.
        space: the node's workspace.
        driver: of the node.
        send: sends to the other nodes.
        flush: sends what may wait for what is said next.
        tell_home: is told when no step can go on by itself, perhaps often, and when one waits long for other nodes.
        observe: is told of events, if somebody listens.

    Attributes:
        began: whether it was told to begin.
        ended: whether none of its steps runs any more.
    """

    def __init__(
        self,
        order: PartOrder,
        node: str,
        program: ProgramDef,
        plan: PreparedPlan,
        space: Workspace,
        driver: Driver,
        *,
        send: SendCarried,
        flush: Callable[[], None] | None = None,
        tell_home: Callable[[Idle | WaitsLong], None],
        observe: Callable[[Event], None] | None,
    ) -> None:
        self.order = order
        self.node = node
        self.began = self.ended = False
        self._program = program
        self._space = space
        self._send = send
        self._count_lock = threading.Lock()
        self._sent = self._received = 0
        self.shared = _PartAttempted(
            driver,
            order.run,
            tell_home,
            self._traffic,
            flush or _nothing,
            seed=order.entropy,
            observe=observe,
            compiler=compiler_of(order.tier),
        )
        space.check_alive()
        hidden = set(program.hidden_blobs)
        for output in program.outputs:
            if output.blob not in hidden:
                space.cell(output.blob)
        inner = Workspace(space) if program.is_private(node) else space
        self._placed = Placed(node, plan, inner)
        self._objects: dict[str, Any] = open_shared_objects(
            program, self._placed, order.owners, self.shared, self._sender
        )
        self.shared.outer = frozenset(id(each) for each in self._objects.values() if hasattr(each, "receive"))

    def perform(self) -> None:
        """Run it; return when all has ended.

        Raises:
            the first failure, with notes that say where.
        """
        try:
            execute([self._placed], self.shared, beside=True)
        except BaseException:
            # What other nodes use too is left as it is: they are told that the run has failed, and not by a queue.
            own = {name: each for name, each in self._objects.items() if id(each) not in self.shared.outer}
            close_queues([self._placed], own, self.shared)
            raise
        finally:
            self.ended = True
            self._clean_up()
            self.shared.tell_home(Idle(self.order.run))

    def cancel(self, *, skip_closing: bool = False) -> None:
        """End it, from another thread."""
        self.shared.end_from_outside(skip_closing=skip_closing)

    def forget(self) -> None:
        """The run is over everywhere; if this part never began, take away what was made for it."""
        if not self.began:
            self._clean_up()

    def receive(self, source: str, *messages: Carried) -> None:
        """Hand messages of another node to the object that all of them are for."""
        found = self._objects.get(messages[0].blob)
        if found is not None:
            token = self.shared.new_token()
            self.shared.driver.wait(Changes(found), partial(_receive_all, found, source, messages), token)
        # Only now: whoever counts messages must not find the run idle while somebody is just being woken.
        with self._count_lock:
            self._received += len(messages)

    def census(self) -> Census:
        """How it stands now."""
        traffic = self._traffic()  # first: what comes in later wakes somebody, or is not counted
        # One that fails is not idle before it has ended: home is told then.
        idle = self.ended or (self.began and not self.shared.token.cancelled and self.shared.is_idle())
        return Census(idle and traffic == self._traffic(), self.ended, *traffic)

    def why(self) -> PartWhy:
        """Who waits for whom in it."""
        return self.shared.part_why()

    def _traffic(self) -> tuple[int, int]:
        """How many messages it has sent and dealt with, ever."""
        with self._count_lock:
            return self._sent, self._received

    def _clean_up(self) -> None:
        forget_run_blobs(self._program, [self._placed], {self.node: self._space})

    def _sender(self, blob: str) -> Send:
        def send(node: str, message: Any, *, soon: bool = False) -> None:
            with self._count_lock:
                self._sent += 1
            self._send(node, Carried(self.order.run, blob, message, soon))

        return send


class _PartAttempted(Attempted):
    """The run of a part. Objects that other nodes use too are open, but when it is asked what happens if nobody does.

    Attributes:
        outer: the ids of these objects.
        tell_home: see `Part`.
        traffic: says how many messages went out and came in, ever.
        flush: sends what may wait for what is said next.
    """

    def __init__(
        self,
        driver: Driver,
        run: int,
        tell_home: Callable[[Idle | WaitsLong], None],
        traffic: Callable[[], object],
        flush: Callable[[], None],
        *,
        seed: int,
        observe: Any,
        compiler: Compiler | None,
    ) -> None:
        super().__init__(driver, seed=seed, observe=observe, within=WorkspaceGuard, compiler=compiler)
        self.outer: frozenset[int] = frozenset()
        self.tell_home = tell_home
        self._run = run
        self.traffic = traffic
        self.flush = flush
        self._alone = False
        self._to_be_looked_at = False

    def is_open(self, subject: Shared) -> bool:
        """Whether an object may be used from outside of this part."""
        return (not self._alone and id(subject) in self.outer) or super().is_open(subject)

    def look_for_stall(self) -> None:
        """No strand runs; whether that is for good is for home to say, if it lasts."""
        self.flush()
        if not self._to_be_looked_at:
            self._to_be_looked_at = True
            self.driver.spawn(self._look, brief=False)

    def _look(self) -> None:
        before = None
        while before != (before := self.traffic()):
            time.sleep(LOOK_AFTER_S)
        self._to_be_looked_at = False  # first: whoever parks from now on asks for another look
        if self.is_idle():
            self.tell_home(Idle(self._run))

    def waits_long(self, waiter: Waiter) -> None:
        """Somebody has waited for long; of what other nodes use too, home knows who could end that."""
        if id(waiter.reason.subject) in self.outer:
            self.tell_home(WaitsLong(self._run, self.driver.now() - waiter.since_s))
        else:
            super().waits_long(waiter)

    def is_idle(self) -> bool:
        """Whether no step can go on unless something comes from another node."""
        with self._stall_lock:
            return self._quietly(self._nothing_goes_on)

    def part_why(self) -> PartWhy:
        """Who waits for whom, as if nothing came from another node."""
        with self._stall_lock:
            return self._quietly(self._whole_why)

    def end_from_outside(self, *, skip_closing: bool) -> None:
        """The run has ended elsewhere."""
        self.token.cancel()
        if skip_closing:
            self.end_closing()

    def _quietly(self, question: Callable[[], T]) -> T:
        self._alone = True
        try:
            return question()
        finally:
            self._alone = False

    def _nothing_goes_on(self) -> bool:
        if not self.strands.all_parked():
            return False
        strands = self.strands.snapshot()
        if any(each.role is Role.WORK and goes_on_by_itself(each, each.waiter) for each in strands):
            return False
        if any(each.role is Role.REPORT and self._touches_others(each) for each in strands):
            return False  # it wakes by itself, and then may help somebody on another node
        return not strands or Analysis(self).nothing_goes_on

    def _touches_others(self, strand: Any) -> bool:
        reach = strand.plan.reach(strand.steps)
        cells = [strand.space.find(use.blob) for use, *_ in reach.uses]
        return reach.anything or any(cell is not None and id(cell.value) in self.outer for cell in cells)

    def _whole_why(self) -> PartWhy:
        analysis = Analysis(self)
        states = dict.fromkeys(starmap(task_text, self.ended_tasks), "has ended")
        for strand in analysis.strands:
            if strand.role is Role.WORK:
                waits = strand.waiter is not None and states.get(who_is(strand)) != "runs"
                states[who_is(strand)] = "waits" if waits else "runs"
        return PartWhy(analysis.why(), states)


def _nothing() -> None:
    """All is sent at once."""


def _receive_all(subject: Spread, source: str, messages: Sequence[Carried]) -> None:
    for message in messages:
        subject.receive(source, message.content)
