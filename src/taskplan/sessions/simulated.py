"""`SimulatedSession`: a program under virtual time, one step at a time, in an order that can be had again."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from taskplan.engine.attempted import Attempted
from taskplan.engine.failures import add_note
from taskplan.engine.faults import Fault, FaultPlan, fault_digest
from taskplan.engine.turns import Access, Race, Turn, Turns
from taskplan.engine.virtual import VirtualDriver
from taskplan.errors import ReplayDivergedError
from taskplan.events import Observer
from taskplan.plan.model import ProgramDef
from taskplan.plan.names import Site
from taskplan.plan.order import stands
from taskplan.sessions.local import LOCAL, LocalProgram, LocalSession
from taskplan.sessions.schedules import GROUPS, Recording, Schedule, Seeded, Token, results_of, shortest
from taskplan.sessions.workspaces import Workspace, WorkspaceGuard

logger = logging.getLogger("taskplan")


class SimulatedSession(LocalSession):
    """Runs programs one step at a time under virtual time: one seed is one execution.

    Results and errors are those of `LocalSession`. Waits, timers and time limits take no real time: the clock is put to
    the moment at which the next step wakes. Random operators draw from the seed.

    Example:
        >>> from taskplan import SimulatedSession, Task, TaskGroup, Workspace, final_output, fresh_names, ops
        >>> with fresh_names(), TaskGroup() as group, Task(name="three"):
        ...     three = final_output(ops.Add([ops.Const(1), ops.Const(2)]))
        >>> with SimulatedSession(Workspace(), seed=7) as session:
        ...     session.run(group)
        ...     print(three.fetch(), session.token)
        3 tp1.kzLdd0yj.0000.s7.

    Args:
        ws: as for `LocalSession`.
        seed: of the order of steps, and of all that is random.
        replay: the token of a run; it is run again exactly so, and `seed` does not count.
        faults: what is to go wrong (`taskplan.testing.Fault`).
        shared_nodes: as for `LocalSession`.
        timeout_s: how long a run may take, in virtual time; each operator takes a microsecond.
        max_threads: as for `LocalSession`.
        grace_s: as for `LocalSession`, in virtual time.
        stall_warning_s: as for `LocalSession`; here nobody is outside, so a wait that no step can end fails at once.
        observers: as for `LocalSession`.
        tier: as for `LocalSession`, so that one program of options fits all sessions; a simulation always interprets,
            since at each operator it chooses who goes on.
        max_operators: a run that executes more is ended.
        traced: keep the operators that touch what others touch, in `trace`.
        warns: write each race to the log, once.

    Attributes:
        token: brings the last run back: under 100 letters; empty before the first.
        races: the races that the last run met.
        trace: the operators of the last run that touch what others touch, in their order, if `traced`.
        faults_happened: what went wrong on demand in the last run.

    Raises:
        BuildValueError: `replay` is no token.
    """

    def __init__(
        self,
        ws: Workspace | None = None,
        *,
        seed: int = 0,
        replay: str | None = None,
        faults: Sequence[Fault] = (),
        shared_nodes: bool = False,
        timeout_s: float = math.inf,
        max_threads: int = 4096,
        grace_s: float = 10.0,
        stall_warning_s: float = 10.0,
        observers: Sequence[Observer] = (),
        tier: str | None = None,
        max_operators: int = 10_000_000,
        traced: bool = False,
        warns: bool = True,
    ) -> None:
        super().__init__(
            ws,
            shared_nodes=shared_nodes,
            timeout_s=timeout_s,
            max_threads=max_threads,
            grace_s=grace_s,
            stall_warning_s=stall_warning_s,
            observers=observers,
            tier=tier,
        )
        self._limits = {"grace_s": grace_s, "stall_warning_s": stall_warning_s}
        self._simulated_seed = seed
        self._replayed = Token.parse(replay) if replay is not None else None
        self._faults = tuple(faults)
        self._max_operators = max_operators
        self._traced = traced
        self._warns = warns
        self._next_schedule: Schedule | None = None
        self._warned: set[tuple[str, frozenset[Site]]] = set()
        self.token = ""
        self.races: tuple[Race, ...] = ()
        self.trace: tuple[Turn, ...] = ()
        self.faults_happened: tuple[str, ...] = ()
        self.recording = Recording(Seeded(seed))
        """The choices of the last run."""

    def follow(self, schedule: Schedule) -> None:
        """Let the next run follow a schedule."""
        self._next_schedule = schedule

    def begin_anew(self, feed: Mapping[str, Any]) -> None:
        """Forget all workspaces; the next run finds fresh ones, with these blobs on node `local`."""
        fresh = Workspace(name=LOCAL)
        for name, value in feed.items():
            fresh.feed_blob(name, value)
        self._nodes = {LOCAL: fresh}
        self.token = ""

    def _attempt(self, compiled: LocalProgram) -> Attempted:  # noqa: ARG002 - as its base
        replayed = self._replayed
        schedule: Schedule
        if replayed is not None:
            schedule = replayed.made_schedule()
        else:
            schedule = self._next_schedule or Seeded(self._simulated_seed)
        self._next_schedule = None
        seed = replayed.seed if replayed is not None else schedule.seed if isinstance(schedule, Seeded) else 0
        turns = Turns(FaultPlan(self._faults, seed), traced=self._traced)
        driver = VirtualDriver(Recording(schedule), turns, max_operators=self._max_operators, **self._limits)
        observe = self._observe if self._observers else None
        return Attempted(driver, seed=seed, observe=observe, within=WorkspaceGuard)

    def _run_compiled(
        self,
        compiled: LocalProgram,
        timeout_s: float = math.inf,
        *,
        attempt: Attempted | None = None,
        beside: bool = False,
    ) -> None:
        attempt = attempt or self._attempt(compiled)
        driver = cast(VirtualDriver, attempt.driver)
        turns = cast(Turns, driver.turns)
        turns.exempt = Exemptions(compiled.program)
        self._require_recorded(compiled)
        driver.begin()
        error: BaseException | None = None
        try:
            super()._run_compiled(compiled, timeout_s, attempt=attempt, beside=beside)
        except BaseException as failure:
            error = failure
        finally:
            driver.close()
        self.recording = cast(Recording, driver.chooser)
        self._keep(compiled, turns)
        diverged = self._diverged(turns)
        if diverged is not None and not isinstance(error, ReplayDivergedError):
            raise diverged from error
        if error is not None:
            add_note(error, f"  token  {self.token}")
            raise error
        logger.info("simulated as %s", self.token)

    def _keep(self, compiled: LocalProgram, turns: Turns) -> None:
        results = results_of([digest.digest() for digest in turns.returned.values()])
        schedule = shortest(self.recording.schedule, self.recording.made)
        if self._replayed is not None:
            schedule = self._replayed.schedule
        self.token = str(Token(compiled.digest, fault_digest(self._faults), schedule, results))
        self.races = tuple(turns.races)
        self.trace = tuple(turns.trace)
        self.faults_happened = tuple(turns.faults.happened)
        for race in self.races if self._warns else ():
            lines = race.blob, frozenset((race.first.site, race.second.site))
            if lines not in self._warned:
                self._warned.add(lines)
                logger.warning("%s\n  token  %s", race, self.token)

    def _require_recorded(self, compiled: LocalProgram) -> None:
        """Raises: ReplayDivergedError: the token is of another program, or of other faults."""
        if self._replayed is None:
            return
        if self._replayed.plan != compiled.digest:
            was, now = self._replayed.plan, compiled.digest
            msg = f"the token is of another program: its digest is {was}, that of this one is {now}"
            raise ReplayDivergedError(msg)
        if self._replayed.faults != fault_digest(self._faults):
            msg = "the token was recorded with other faults; give the same ones"
            raise ReplayDivergedError(msg)

    def _diverged(self, turns: Turns) -> ReplayDivergedError | None:
        if self._replayed is None:
            return None
        recorded = self._replayed.results
        names = list(turns.returned)
        now = results_of([turns.returned[name].digest() for name in names])
        if now == recorded:
            return None
        if len(now) != len(recorded):
            msg = f"replay: other functions were called than when it was recorded: now {', '.join(names) or 'none'}"
            return ReplayDivergedError(msg)
        wrong = next(group for group in range(len(now) // 2) if now[2 * group :][:2] != recorded[2 * group :][:2])
        function = " or ".join(names[wrong::GROUPS])
        msg = (
            f"replay: {function} returned something else than when it was recorded; a function in a simulation must "
            "depend on what it is given alone, so take times and random numbers from operators"
        )
        return ReplayDivergedError(msg, function=function)


class Exemptions:
    """What is no race: `ops.shared` blobs, stop blobs, and outputs that instances of their own task write."""

    def __init__(self, program: ProgramDef) -> None:
        self._named = set(program.shared_blobs)
        for plan in program.plans.values():
            self._named.update(step.until for step, *_ in stands(plan.steps) if step.until is not None)
        self._outputs = {(output.blob, output.task) for output in program.outputs}

    def __call__(self, blob: str, first: Access, second: Access) -> bool:
        """Whether two accesses to a blob are no race, though nothing orders them."""
        if blob in self._named:
            return True
        same = first.task is not None and first.task == second.task
        return same and (blob, first.task) in self._outputs


def outcome_of(values: dict[str, Any]) -> str:
    """The outputs of a run in one line."""
    return ", ".join(f"{name} = {value!s}".replace("\n", " ") for name, value in values.items()) or "no outputs"
