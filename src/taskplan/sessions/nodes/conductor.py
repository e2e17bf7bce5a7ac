"""A run whose nodes are in several processes, as home sees it: its parts, who waits for whom, how it ends.

Each part is attended by a strand at home. The first failure of a part fails the run at home, which ends the others; a
time limit and Ctrl-C are failures at home. That nothing can go on is found by asking all parts twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from taskplan.engine.attempted import Attempted, Driver
from taskplan.engine.execute import conduct
from taskplan.engine.failures import Failed
from taskplan.engine.groups import Group, join, member, start
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.run import Run
from taskplan.engine.strand import CURRENT, Strand
from taskplan.engine.why import Why
from taskplan.errors import Cancelled, StalledError
from taskplan.operators.waiting import NOT_YET, TIMED_OUT, Changes, Joins, NotYet, Shared
from taskplan.sessions.nodes.messages import Begin, Cancel, Census, Ended, Forget, PartWhy
from taskplan.sessions.nodes.part import Part
from taskplan.sessions.nodes.remote import RemoteNode
from taskplan.sessions.nodes.travel import unpacked
from taskplan.sessions.nodes.whole_why import whole_why

logger = logging.getLogger("taskplan")

ANSWER_S = 2.0
"""How long a node may take to say who waits for whom in it, before the others' answers are shown without it."""

BEYOND_GRACE_S = 2.0
"""A part that has not ended so long after its grace is over is killed with its process."""


class AnyPart(Protocol):
    """A part as its run sees it, wherever it runs."""

    node: str

    @property
    def ended_well(self) -> bool:
        """Whether it is known here that it has ended, and did not fail."""

    def begin(self) -> None:
        """Let it run, if that takes no thread here."""

    def attend(self, conductor: Conductor) -> None:
        """Return when it has ended. Raises `Failed` if it failed."""

    def cancel(self, *, skip_closing: bool = False) -> None:
        """End it."""

    def forget(self) -> None:
        """The run is over."""

    def census(self) -> Future[Census]:
        """How it stands."""

    def why(self) -> Future[PartWhy]:
        """Who waits for whom in it."""


class PartAtHome:
    """The part of node `local`."""

    def __init__(self, part: Part) -> None:
        self.node = part.node
        self.part = part
        self.ended_well = False

    def begin(self) -> None:
        """It runs on the strand that attends it."""
        self.part.began = True

    def attend(self, conductor: Conductor) -> None:
        """Run it."""
        try:
            self.part.perform()
            self.ended_well = True
        except BaseException as error:  # of the part: it has all its notes
            raise Failed(error) from None
        finally:
            conductor.abandoned += self.part.shared.abandoned

    def cancel(self, *, skip_closing: bool = False) -> None:
        """End it."""
        self.part.cancel(skip_closing=skip_closing)

    def forget(self) -> None:
        """The run is over."""
        self.part.forget()

    def census(self) -> Future[Census]:
        """How it stands."""
        return _answered(self.part.census)

    def why(self) -> Future[PartWhy]:
        """Who waits for whom in it."""
        return _answered(self.part.why)


class PartAway(Shared):
    """The part of a node in another process."""

    __slots__ = ("_begun", "_ended", "_lost", "_remote", "_run", "node", "tasks")

    def __init__(self, remote: RemoteNode, run: int, tasks: tuple[str, ...]) -> None:
        super().__init__(f"node {remote.name!r}")
        self.node = remote.name
        self.tasks = tasks
        self._remote = remote
        self._run = run
        self._begun = False
        self._ended: Ended | None = None
        self._lost = False

    @property
    def ended_well(self) -> bool:
        """Whether it is known here that it has ended, and did not fail."""
        return self._ended is not None and self._ended.error is None

    def begin(self) -> None:
        """Tell the node to run it."""
        self._begun = True
        self._remote.link.send(Begin(self._run))

    def note_end(self, ended: Ended | None) -> None:
        """An attempt: the part has ended, or its node was lost."""
        if ended is not None:
            self._ended = ended
        else:
            self._lost = True

    def has_ended(self) -> bool | NotYet:
        """An attempt: true once it has ended, or was lost."""
        return True if self._ended is not None or self._lost else NOT_YET

    def attend(self, conductor: Conductor) -> None:
        """Wait for its end."""
        driver = conductor.driver
        reason = Joins(self)
        try:
            driver.wait(reason, self.has_ended, conductor.token)
        except Cancelled:
            limit_s = 2 * driver.grace_s + BEYOND_GRACE_S  # for what it runs now, and for its closing blocks
            if driver.wait(reason, self.has_ended, conductor.new_token(), limit_s) is TIMED_OUT:
                conductor.kill(self._remote, f"went on for {limit_s:g} s after the run had ended, and was killed")
                driver.wait(reason, self.has_ended, conductor.new_token())
        if self._ended is None:
            raise Failed(self._remote.lost_error(self.tasks))
        if self._ended.abandoned:
            conductor.abandoned += [f"node {self.node!r}: {each}" for each in self._ended.abandoned]
            conductor.kill(self._remote, "was killed, since a function ignored that the run had ended")
        if self._ended.error is not None:
            raise Failed(unpacked(self._ended.error))

    def cancel(self, *, skip_closing: bool = False) -> None:
        """Tell the node to end it."""
        self._remote.link.send(Cancel(self._run, skip_closing))

    def forget(self) -> None:
        """Tell the node that the run is over."""
        self._remote.link.send(Forget(self._run))

    def census(self) -> Future[Census]:
        """How it stands."""
        return self._remote.ask("census", self._run)

    def why(self) -> Future[PartWhy]:
        """Who waits for whom in it."""
        return self._remote.ask("why", self._run) if self._begun else _answered(_nobody_waits)


class Conductor(Attempted):
    """The run at home.

    Args:
        driver: of home.
        plans: the plans of all nodes, prepared, by node.
        kill: gives up a node and kills its process.
        examine: has `look_at_all` called on another thread, soon.

    Attributes:
        parts: by node; empty before they are prepared.
        to_end: is done once the run is to end, as something has failed or it was cancelled.
        over: whether all has ended.
    """

    def __init__(
        self,
        driver: Driver,
        plans: Mapping[str, PreparedPlan],
        *,
        kill: Callable[[RemoteNode, str], None],
        examine: Callable[[Conductor], None],
    ) -> None:
        super().__init__(driver)
        self.parts: dict[str, AnyPart] = {}
        self.to_end: Future[None] = Future()
        self.kill = kill
        self._examine = examine
        self._plans = plans
        self.over = False
        self._idle: set[str] = set()
        self._examined = False
        self._idle_lock = threading.Lock()

    def perform(self, plan: PreparedPlan, prepare: Callable[[], None], timeout_s: float) -> None:
        """Run all parts; return when all have ended.

        Args:
            plan: one of the run, for messages.
            prepare: makes the parts, and returns when all are ready.
            timeout_s: how long all that may take.

        Raises:
            the first failure itself, with notes that say where it happened and what else failed.
        """
        conduct(partial(self._run_parts, plan, prepare), plan, (), self, timeout_s=timeout_s)

    def _run_parts(self, plan: PreparedPlan, prepare: Callable[[], None]) -> None:
        prepare()
        run = Run(self, plan)
        group = Group("the run", [f"node {node!r}" for node in self.parts])
        jobs = []
        for number, part in enumerate(self.parts.values()):
            strand = Strand(self, f"node {part.node!r}", group=group, parent=CURRENT.get())
            jobs.append((partial(member, group, number, run, partial(part.attend, self)), strand, False))
        for part in self.parts.values():
            part.begin()
        if self.token.cancelled:  # before they could be told so
            self._tell_all()
        start(group, jobs, self)
        while not join(group, run):
            pass  # each part is given up in its own time

    # --- the end ------------------------------------------------------------------------------------------------------

    def fail(self, failure: Failed, token: Any = None) -> None:
        """Record a failure, and end the run on all nodes."""
        news = not self.token.cancelled
        super().fail(failure, token)
        if news and self.token.cancelled:
            with suppress(InvalidStateError):  # another thread was faster
                self.to_end.set_result(None)
            self._tell_all()

    def end_closing(self) -> None:
        """End the closing blocks on all nodes, as after a second Ctrl-C."""
        super().end_closing()
        self._tell_all()

    def _tell_all(self) -> None:
        for part in list(self.parts.values()):
            part.cancel(skip_closing=self.skip_closing)

    def note_end(self, node: str, ended: Ended | None) -> None:
        """A part has ended, or its node was lost."""
        part = self.parts.get(node)
        if isinstance(part, PartAway):
            self.driver.wait(Changes(part), partial(part.note_end, ended), self.new_token())
            self.note_idle(node)

    # --- stalls -------------------------------------------------------------------------------------------------------

    def note_idle(self, node: str) -> None:
        """No step of a part can go on by itself, for the moment."""
        with self._idle_lock:
            self._idle.add(node)
            news = self._idle.issuperset(self.parts) and not self._examined
            self._examined = self._examined or news
        if news:
            self._examine(self)

    def look_at_all(self) -> bool:
        """Fail the run if none of its parts can ever go on; whether to look again soon, as messages are under way."""
        with self._idle_lock:
            self._examined = False  # whoever becomes idle from now on is to be asked again
        if self.token.cancelled or self.over:
            return False
        first = self._census()
        if first is None:
            return False
        with self._idle_lock:
            self._idle = {node for node, census in first.items() if census.idle}
        if not all(census.idle for census in first.values()) or all(census.ended for census in first.values()):
            return False
        if any(census.ended and not self.parts[node].ended_well for node, census in first.items()):
            return True  # its failure, which ends the run, is under way
        if sum(census.sent for census in first.values()) != sum(census.received for census in first.values()):
            return True
        if self._census() != first:
            return True
        why = self._whole(stuck=True)
        hints = "; ".join(why.hints)
        text = f"nothing can go on{f': {hints}' if hints else ''}\n{why}"
        self.fail(Failed(StalledError(text, why=why)))
        return False

    def report_long_wait(self, for_s: float) -> None:
        """A step has waited for so long for what several nodes use: write to the log who waits for whom."""
        now = self.driver.now()
        with self._idle_lock:
            if now < self._quiet_until_s or self.over:
                return
            self._quiet_until_s = now + self.driver.stall_warning_s / 2
        logger.warning("a step has waited for %.3g s:\n%s", for_s, self.why())

    def _census(self) -> dict[str, Census] | None:
        """How all parts stand; None if one did not say so."""
        return _all_of({node: part.census() for node, part in self.parts.items()}, whole=True)

    def why(self) -> Why:
        """Who waits for whom now, on all nodes."""
        return self._whole(stuck=False) if self.parts else super().why()

    def _whole(self, *, stuck: bool) -> Why:
        found: dict[str, PartWhy] = _all_of({node: part.why() for node, part in self.parts.items()}) or {}
        return whole_why(found, self._plans, stuck=stuck)


def _all_of(asked: Mapping[str, Future[Any]], *, whole: bool = False) -> dict[str, Any] | None:
    """The answers that come within `ANSWER_S`; None if one is missing and all are wanted."""
    done, _ = wait(asked.values(), ANSWER_S)
    answers = {node: future.result() for node, future in asked.items() if future in done and not future.exception()}
    return None if whole and len(answers) < len(asked) else answers


def _nobody_waits() -> PartWhy:
    return PartWhy(Why(), {})


def _answered(question: Callable[[], Any]) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(question())
    except Exception as error:
        future.set_exception(error)
    return future
