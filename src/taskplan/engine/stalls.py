"""Which strands can go on, by the declared effects of what the others may still do; and who waits for whom.

A strand that waits for an object can go on only if another strand, not itself stuck, may do to the object what ends the
wait. A strand that runs may do all that its steps do; one that runs a function of the user may do anything. A reporter
wakes by itself, but that helps only those whose object its operators may change. What cannot be reached from those that
run, by these rules, can never go on.

Rather too few are called stuck than too many: an object that may be used from outside of the run, and a blob of which
it is not known what it will hold, count for those who wait.
"""

from __future__ import annotations

import math
import sys
import threading
import traceback
from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from taskplan.engine.cells import CellSpace
from taskplan.engine.failures import Place
from taskplan.engine.parking import Waiter
from taskplan.engine.reach import PlacedUse, Reach
from taskplan.engine.strand import Role, Strand
from taskplan.engine.why import Call, User, Wait, Why
from taskplan.operators.collective_objects import Meets, Seat
from taskplan.operators.run import UNSET
from taskplan.operators.waiting import (
    Acquires,
    Changes,
    Closes,
    Follows,
    Interval,
    Joins,
    Puts,
    Reason,
    Releases,
    Shared,
    Takes,
)

if TYPE_CHECKING:
    from taskplan.engine.attempted import Attempted

_ENDED_BY: dict[type[Reason], frozenset[type[Reason]]] = {
    Takes: frozenset((Puts, Closes, Changes)),
    Puts: frozenset((Takes, Closes, Changes)),
    Acquires: frozenset((Releases, Closes, Changes)),
    Follows: frozenset((Releases, Closes, Changes)),
}
"""What another strand must do to the object for the wait to end. For reasons of the user's own: anything."""

WANTS: dict[type[Reason], tuple[str, str]] = {
    Takes: ("take from", "when something is put into it, or it is closed"),
    Puts: ("put into", "when something is taken from it, or it is closed"),
    Acquires: ("have for itself", "when whoever has it releases it"),
    Follows: ("have its turn at", "when those before it release it"),
    Meets: ("meet the others at", "when all of them are there"),
    Joins: ("see the end of", "when they have ended"),
    Interval: ("report on", "after the interval, or when what it reports on has ended"),
}

DOES: dict[type[Reason], str] = {
    Puts: "writes",
    Takes: "reads",
    Closes: "closes",
    Acquires: "acquires",
    Releases: "releases",
    Meets: "meets",
}
"""What those who use an object do to it, in the order in which they are listed."""
_IN_ORDER = list(DOES.values())


class Analysis:
    """What can be said of the strands of a run at one moment."""

    def __init__(self, shared: Attempted) -> None:
        self._shared = shared
        self.strands = shared.strands.snapshot()
        self._waiters = {strand: strand.waiter for strand in self.strands}
        self._live = {strand for strand in self.strands if goes_on_by_itself(strand, self._waiters[strand])}
        self._rings: dict[Strand, list[str]] = {}
        self._spread()

    @cached_property
    def stuck(self) -> list[Strand]:
        """The strands that can never go on by themselves, but for reporters and watches that wait for others' end."""
        return [strand for strand in self.strands if strand not in self._live and not self._looks_on(strand)]

    @property
    def nothing_goes_on(self) -> bool:
        """Whether no step of the run can go on."""
        work = [strand for strand in self.strands if strand.role is Role.WORK]
        return bool(work) and self._live.isdisjoint(work)

    # --- the fixpoint -------------------------------------------------------------------------------------------------

    def _spread(self) -> None:
        waiting = [strand for strand in self.strands if strand not in self._live]
        grown = True
        while grown:
            grown = False
            for strand in list(waiting):
                if self._can_go_on(strand):
                    self._live.add(strand)
                    waiting.remove(strand)
                    grown = True

    def _can_go_on(self, strand: Strand) -> bool:
        waiter = self._waiters[strand]
        assert waiter is not None
        if isinstance(waiter.reason, Joins | Interval):
            return all(member in self._live for member in self._members(waiter, strand))
        helpers = [other for other in self._concerned(waiter) if other is not strand and self._acts(other)]
        return any(self._may_help(other, waiter) for other in helpers)

    def _members(self, waiter: Waiter, strand: Strand) -> list[Strand]:
        """The strands whose end is waited for; a reporter or a watch waits for the strand that started it."""
        subject: Shared = waiter.reason.subject
        if isinstance(waiter.reason, Interval):
            return [strand.parent] if strand.parent is not None and strand.parent in self._waiters else []
        if subject is self._shared.jobs:
            return [other for other in self.strands if other is not strand and other.group is not None]
        return [other for other in self.strands if other.group is subject]

    def _acts(self, strand: Strand) -> bool:
        """Whether a strand will do something: it goes on, or is a reporter between two reports, which wakes itself."""
        return strand in self._live or (strand.role is Role.REPORT and self._looks_on(strand))

    def _looks_on(self, strand: Strand) -> bool:
        """Whether it is a reporter between two reports, or a watch."""
        waiter = self._waiters[strand]
        return strand.role is not Role.WORK and waiter is not None and isinstance(waiter.reason, Interval)

    @cached_property
    def _by_object(self) -> dict[int | None, dict[Strand, None]]:
        """The strands that may use an object, by its id; under None those that may use any, as far as is known."""
        found: dict[int | None, dict[Strand, None]] = {None: {}}
        for strand in self.strands:
            if strand.calling or strand.plan is None or strand.space is None:
                found[None][strand] = None
                continue
            reach = strand.plan.reach(strand.steps)
            if reach.anything:
                found[None][strand] = None
            for use, *_ in reach.uses:
                found.setdefault(_object_in(strand.space, use.blob, reach), {})[strand] = None
        return found

    def _concerned(self, waiter: Waiter) -> list[Strand]:
        """The strands that may use what is waited for, in their order; no other strand may help."""
        using = self._by_object[None] | self._by_object.get(id(waiter.reason.subject), {})
        return sorted(using, key=attrgetter("number"))

    def _may_help(self, strand: Strand, waiter: Waiter) -> bool:
        """Whether what a strand does from beginning to end may end a wait."""
        if strand.calling:
            return True
        if strand.plan is None or strand.space is None:
            return strand.role is Role.WORK  # it is not known what it does
        reach = strand.plan.reach(strand.steps)
        wanted = _ENDED_BY.get(type(waiter.reason))
        if reach.anything and self._shares_workspace(strand, waiter):
            return True
        return any(
            _object_in(strand.space, use.blob, reach) in (None, id(waiter.reason.subject))
            for use, *_ in reach.uses
            if wanted is None or use.kind in wanted
        )

    def _shares_workspace(self, strand: Strand, waiter: Waiter) -> bool:
        """Whether a function that is handed a workspace of `strand` may come upon what is waited for."""
        space, other = strand.space, waiter.strand.space if waiter.strand is not None else None
        return space is None or other is None or space.root is other.root or space.holds(waiter.reason.subject)

    # --- the report ---------------------------------------------------------------------------------------------------

    def why(self) -> Why:
        """What the strands wait for, the stuck ones first."""
        stuck = set(self.stuck)
        waits = [
            self._wait(strand, waiter, strand in stuck)
            for strand, waiter in self._waiters.items()
            if waiter is not None and strand.role is not Role.WATCH
        ]
        waits.sort(key=lambda wait: (not wait.stuck, not wait.operator))
        calls = tuple([_call(strand) for strand in self.strands if strand.calling and not self._waiters[strand]])
        running = sum(
            self._waiters[strand] is None and not strand.calling and strand.role is not Role.WATCH
            for strand in self.strands
        )
        return Why(tuple(waits), calls, running)

    def _wait(self, strand: Strand, waiter: Waiter, stuck: bool) -> Wait:
        reason, subject = waiter.reason, waiter.reason.subject
        verb, ends = WANTS.get(type(reason), (f"go on with ({type(reason).__name__.lower()})", "when it is changed"))
        place = place_of(strand, waiter)
        joins = isinstance(reason, Joins | Interval)
        users = () if joins else tuple(sorted(self._users(subject), key=lambda user: _IN_ORDER.index(user.does)))
        return Wait(
            who=who_is(strand),
            path=place.path(),
            operator=waiter.by.op.type if waiter.by is not None else "",
            site=place.site,
            verb=verb,
            subject=subject.describe(),
            name=subject.name,
            for_s=max(0.0, self._shared.driver.now() - waiter.since_s),
            timeout_s=waiter.timeout_s,
            ends=ends,
            users=users,
            open=not joins and self._shared.is_open(subject),
            stuck=stuck,
            hint=self._hint(strand, waiter, users) if stuck and not joins else "",
        )

    @cached_property
    def _uses(self) -> dict[int | str, list[tuple[PlacedUse, str]]]:
        """All uses in the plans, with who that is: by the id of the object, or the name of a blob that is not there."""
        found: dict[int | str, list[tuple[PlacedUse, str]]] = {}
        for node in self._shared.placed:
            for each in node.plan.reach(node.plan.plan.steps).uses:
                cell = node.space.find(each.use.blob)
                key = _identity(cell.value) if cell is not None else each.use.blob
                found.setdefault(key, []).append((each, user_text(each, node.space.name)))
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[Strand]]:
        """The strands, by who they are."""
        found: dict[str, list[Strand]] = {}
        for strand in self.strands:
            found.setdefault(who_is(strand), []).append(strand)
        return found

    def _users(self, subject: Shared) -> Iterable[User]:
        seen = set()
        for each, who in (*self._uses.get(id(subject), ()), *self._uses.get(subject.name, ())):
            does = DOES.get(each.use.kind)
            if does and (does, who) not in seen:
                seen.add((does, who))
                yield User(does, who, self._state(each, who), each.use.op.site)

    def _state(self, use: PlacedUse, who: str) -> str:
        strands = [strand for strand in self._by_name.get(who, ()) if strand.role is Role.WORK]
        if any(self._waiters[strand] is None for strand in strands):
            return "runs"
        if strands:
            return "waits"
        return "has ended" if (use.task, use.node) in self._shared.ended_tasks else "has not begun"

    def _hint(self, strand: Strand, waiter: Waiter, users: Sequence[User]) -> str:
        """The mistake that a wait which never ends looks like."""
        subject, me = waiter.reason.subject.describe().partition(" (")[0], who_is(strand)
        by = {does: [user for user in users if user.does == does] for does in DOES.values()}
        if isinstance(waiter.reason, Takes):
            if not by["writes"]:
                return f"nobody writes {subject}"
            if all(user.state == "has ended" for user in by["writes"]):
                return f"all writers of {subject} have ended, and {_unclosed(waiter.reason.subject, by['closes'])}"
            if all(user.who == me for user in by["writes"]) and self._alone(me):
                return f"{me} reads {subject} before it writes it, and nobody else does"
        if isinstance(waiter.reason, Puts):
            if not by["reads"]:
                return f"nobody reads {subject}"
            if all(user.state == "has ended" for user in by["reads"]):
                return f"all readers of {subject} have ended"
            if all(user.who == me for user in by["reads"]) and self._alone(me):
                return f"{me} writes more into {subject} than it holds before it reads it; raise the capacity"
        if isinstance(waiter.reason, Acquires) and self._alone(me):
            if not by["releases"]:
                return f"nobody releases {subject}"
            if all(user.who == me for user in by["releases"]):
                return f"{me} takes {subject} twice, and has to release it in between"
        if isinstance(waiter.reason, Meets):
            return str(waiter.reason.subject.lonely())
        ring = self._rings[strand] if strand in self._rings else self._ring(strand)
        if not ring:
            return ""
        return ring_hint(ring, for_room=isinstance(waiter.reason, Puts) and self._all_want_room)

    def _alone(self, who: str) -> bool:
        """Whether one strand is all that is meant by a name (a task may have many instances)."""
        return sum(strand in self._stuck for strand in self._by_name.get(who, ())) == 1

    @cached_property
    def _stuck(self) -> frozenset[Strand]:
        return frozenset(self.stuck)

    @cached_property
    def _all_want_room(self) -> bool:
        waiters = [waiter for strand in self.stuck if (waiter := self._waiters[strand]) and waiter.by]
        return all(isinstance(waiter.reason, Puts) for waiter in waiters)

    def _ring(self, start: Strand) -> list[str]:
        """Who waits for whom, from one strand back to itself; empty if it never comes back."""
        chain = {start: None}
        last = start
        while True:
            following = self._waited_for(last)
            if start in following and len(chain) > 1:
                ring = list(dict.fromkeys(map(who_is, chain)))
                self._rings.update(dict.fromkeys(chain, ring))
                return ring
            fresh = [other for other in following if other not in chain]
            if not fresh:
                return []
            last = fresh[0]
            chain[last] = None

    def _waited_for(self, strand: Strand) -> list[Strand]:
        """The stuck strands that might end the wait of a strand if they went on; not those that wait for steps."""
        waiter = self._waiters[strand]
        assert waiter is not None
        return [
            other
            for other in self._concerned(waiter)
            if other is not strand
            and other in self._stuck
            and (its := self._waiters[other]) is not None
            and not isinstance(its.reason, Joins | Interval)
            and self._may_help(other, waiter)
        ]


def _object_in(space: CellSpace, blob: str, reach: Reach) -> int | None:
    """The id of the object that steps find in a blob; None if another may be there when they come to it."""
    cell = space.find(blob)
    return None if cell is None or cell.value is UNSET or blob in reach.written else _identity(cell.value)


def _identity(value: object) -> int:
    """The id of the object that a blob holds, or in which it is a seat."""
    return id(value.collective if isinstance(value, Seat) else value)


def goes_on_by_itself(strand: Strand, waiter: Waiter | None) -> bool:
    """Whether a strand needs nobody else: it runs, is being woken, has a time limit, or may hear from outside.

    Args:
        strand: who.
        waiter: what it is parked on, if it is.
    """
    if waiter is None or waiter.done:
        return True
    if waiter.token.cancelled and not waiter.shielded:
        return True
    if isinstance(waiter.reason, Joins | Interval):
        return False
    return waiter.timeout_s < math.inf or strand.shared.is_open(waiter.reason.subject)


def _unclosed(subject: Shared, closers: Sequence[User]) -> str:
    """Why a queue whose writers have ended is still open."""
    if not closers:
        return "nobody closes it"
    waiting = [user.who for user in closers if user.state == "waits"]
    if waiting:
        return f"{waiting[0]}, which would close it, waits itself"
    expected = getattr(subject, "writers", 0)
    if expected:
        return f"it was told of {expected} more that would say that they are done (EndWrites)"
    return f"{closers[0].who} {closers[0].state} without closing it"


def who_is(strand: Strand) -> str:
    """The task and node of a strand, or the name of its step."""
    each: Strand | None = strand
    while each is not None:
        step = each.step
        while step is not None:
            if step.definition.task is not None:
                return task_text(step.definition.task, step.definition.node)
            step = step.parent
        if len(each.steps) == 1 and each.steps[0].task is not None:
            return task_text(each.steps[0].task, each.steps[0].node)
        each = each.parent
    return strand.name


def task_text(task: str | None, node: str | None) -> str:
    """What a task is called in messages."""
    return f"task {task!r} on node {node!r}"


def user_text(use: PlacedUse, node: str) -> str:
    """Who uses something: its task, or where it is in none, its step; `node` is its node, as far as that is known."""
    if use.task is not None:
        return task_text(use.task, use.node)
    return f"step {use.step.name!r}{f' on node {node!r}' if node else ''}"


def ring_hint(ring: Sequence[str], *, for_room: bool) -> str:
    """That some wait for each other, which is told in one way from whichever of them it is found.

    Args:
        ring: who waits for whom, each once.
        for_room: all of them wait for room in queues.
    """
    if len(ring) == 1:
        return f"steps of {ring[0]} wait for each other"
    first = ring.index(min(ring))
    *names, last = *ring[first:], *ring[:first]
    return f"{', '.join(names)} and {last} wait for each other{', all for room in full queues' * for_room}"


def place_of(strand: Strand, waiter: Waiter | None = None) -> Place:
    """Where a strand stands: at the operator that waits, or whose function runs, or in its innermost step."""
    by = waiter.by if waiter is not None else strand.calling[-1] if strand.calling else None
    place = by.place() if by is not None else Place()
    iterations: dict[int, int] = {}
    loop = strand.loop
    while loop is not None:
        iterations[id(loop.step)] = loop.iteration
        loop = loop.outer
    step = strand.step
    while step is not None:
        place.passed_step(step.definition, iterations.get(id(step), step.iteration), step.label)
        step = step.parent
    return place


def _call(strand: Strand) -> Call:
    place = place_of(strand)
    return Call(who_is(strand), place.path(), place.site, stack_of(strand.thread))


def stack_of(thread: int) -> str:
    """Where the functions of the user on a thread stand, as Python shows a stack; empty if the thread is not there."""
    frame: Any = sys._current_frames().get(thread)
    if frame is None or thread == threading.get_ident():
        return ""
    frames = traceback.extract_stack(frame)
    inner = [index for index, each in enumerate(frames) if each.name == "user_call"]
    return "".join(traceback.format_list(frames[inner[-1] + 1 :] if inner else frames))
