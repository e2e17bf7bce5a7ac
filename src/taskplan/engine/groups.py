"""Groups: steps that were started together. Starting them, telling that one has ended, waiting for all, limiting time.

Like the policy of steps this is written over a driver: joining a group, a reporter's interval and a time limit are
waits on the group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from taskplan.engine.attempted import Attempted
from taskplan.engine.failures import Failed
from taskplan.engine.run import Run
from taskplan.engine.strand import CURRENT, Role, Strand
from taskplan.errors import Cancelled, RunError
from taskplan.operators.waiting import NOT_YET, TIMED_OUT, Changes, Interval, Joins, NotYet, Shared

if TYPE_CHECKING:
    from taskplan.engine.bound import BoundStep


class Group(Shared):
    """Steps that were started together.

    Args:
        name: of what they are the parts.
        members: what each is called; the members that still run are in `running`, by number.
    """

    __slots__ = ("running",)

    def __init__(self, name: str, members: Iterable[str]) -> None:
        super().__init__(name)
        self.running = dict(enumerate(members))

    def one_ended(self, number: int) -> None:
        """An attempt that always succeeds: a member has ended."""
        del self.running[number]

    def all_ended(self) -> bool | NotYet:
        """An attempt: true once no member runs."""
        return NOT_YET if self.running else True

    def describe(self) -> str:
        """One phrase about the group's state."""
        return f"{', '.join(self.running.values())} of {self.name!r}"


def start(group: Group, jobs: Sequence[tuple[Callable[[], None], Strand, bool]], shared: Attempted) -> None:
    """Start the members of a group: each a job, its strand and whether it is brief; each tells the group when it ends.

    If there are no more threads to be had, the run fails, and those that were not started count as ended.
    """
    for number, (job, strand, brief) in enumerate(jobs):
        try:
            shared.spawn(job, strand, brief=brief)
        except RuntimeError as error:
            shared.fail(Failed(error))
            for missing in range(number, len(jobs)):
                end_member(group, missing, shared)
            return


def end_member(group: Group, number: int, shared: Attempted) -> None:
    """Tell a group that one of its members has ended."""
    shared.driver.wait(Changes(group), partial(group.one_ended, number), shared.token)


def member(group: Group, number: int, run: Run, action: Callable[[], None], parent: BoundStep | None = None) -> None:
    """The job of a member: its failure, which went through `parent`, ends the run, and its end is told to the group."""
    try:
        action()
    except Cancelled:
        pass
    except Failed as failure:
        if parent is not None:
            parent.tell_path(failure)
        run.shared.fail(failure)
    except BaseException as error:  # a bug of ours must end the run, not vanish with a thread
        run.shared.fail(Failed(error))
    finally:
        end_member(group, number, run.shared)


def join(group: Group, run: Run) -> bool:
    """Wait for all members, also when the run is ending; false if some ignore that for `grace_s`.

    What a signal's handler raises meanwhile ends the run, which goes on until all that it started has ended.
    """
    wait = partial(run.driver.wait, Joins(group), group.all_ended, run.token, shielded=True)
    try:
        return wait() is not TIMED_OUT
    except BaseException as error:
        run.shared.fail(Failed(error))
        return wait() is not TIMED_OUT


def join_or_abandon(group: Group, run: Run) -> None:
    """Wait for all members, also when the run is ending; those that ignore that for `grace_s` are abandoned.

    Closing blocks have a limit of their own.
    """
    while not join(group, run):
        # Members that wait for steps of their own leave these to themselves.
        if any(strand.group is group and strand.ignores_the_end for strand in list(run.shared.strands.alive)):
            run.shared.abandon(group.describe())
            raise Failed(RunError(f"{group.describe()} went on for {run.driver.grace_s:g} s after the run had ended"))


def with_time_limit(
    action: Callable[[], None], run: Run, limit_s: float, what: str, step: BoundStep | None = None
) -> None:
    """Perform `action`, of a step; after `limit_s` its run fails with `TimedOutError`. Without a limit, perform it."""
    if limit_s == math.inf:
        action()
        return
    from_outside = Group(what, [what])
    watch = Group(f"time limit of {what}", ["watch"])

    def watching() -> None:
        try:
            if run.driver.wait(Interval(from_outside), from_outside.all_ended, run.token, limit_s) is TIMED_OUT:
                failure = run.shared.timed_out(what, limit_s)
                if step is not None:
                    step.tell_path(failure)
                run.shared.fail(failure, run.token)
        except Cancelled:
            pass
        finally:
            end_member(watch, 0, run.shared)

    run.shared.spawn(watching, Strand(run.shared, watch.name, Role.WATCH, watch, CURRENT.get()), brief=False)
    try:
        action()
    finally:
        end_member(from_outside, 0, run.shared)
        join(watch, run)
