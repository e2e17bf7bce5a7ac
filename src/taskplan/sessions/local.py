"""`LocalSession`: a program on the threads of this process."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from taskplan.builder.outputs import TaskOutput, TaskOutputList
from taskplan.builder.program import compile_group
from taskplan.builder.task_group import TaskGroup
from taskplan.checker.check import check_program
from taskplan.checker.problems import raise_problems
from taskplan.engine.attempted import Attempted, Placed
from taskplan.engine.cells import CellSpace
from taskplan.engine.compiler.hot import compiler_of
from taskplan.engine.execute import execute
from taskplan.engine.failures import shown
from taskplan.engine.prepare import PreparedPlan
from taskplan.engine.threads import ThreadDriver, ThreadPool
from taskplan.engine.tier import Tier
from taskplan.engine.why import Why
from taskplan.errors import PlanError, WorkspaceError
from taskplan.events import Event, Observer, RunEnded, RunStarted
from taskplan.plan.archive import program_digest
from taskplan.plan.model import ProgramDef
from taskplan.plan.names import Site
from taskplan.sessions.base import CompiledRunnable, Session
from taskplan.sessions.run_blobs import close_queues, forget_run_blobs, open_run_blobs
from taskplan.sessions.started import StartedRun
from taskplan.sessions.tiers import StepTier, tiers_of
from taskplan.sessions.workspaces import Workspace, WorkspaceGuard, current_workspace

LOCAL = "local"

logger = logging.getLogger("taskplan")


@dataclass(eq=False)
class LocalProgram:
    """A program compiled for `LocalSession`."""

    program: ProgramDef
    outputs: TaskOutputList
    plans: dict[str, PreparedPlan] = field(init=False)
    checked: bool = False

    @cached_property
    def digest(self) -> str:
        """Stands for the program in the tokens of simulated runs."""
        return program_digest(self.program)

    def __post_init__(self) -> None:
        hidden = set(self.program.hidden_blobs)
        self.plans = {node: PreparedPlan(plan) for node, plan in self.program.plans.items()}
        self.shown = [output for output in self.program.outputs if output.blob not in hidden]
        self.bound = [output for output in self.outputs.outputs if not hidden.issuperset(map(str, output.names))]


class LocalSession(Session):
    """Runs programs on threads of this process. No server, no set-up.

    Node `local` is the session's workspace; every other node has a workspace of its own that lasts as long as the
    session.

    Example:
        >>> import numpy as np
        >>> from taskplan import LocalSession, Net, Workspace
        >>> net = Net("double")
        >>> y = net.Add(["x", "x"], "y")
        >>> with LocalSession(Workspace()) as session:
        ...     session.feed("local", "x", np.float32([1, 2]))
        ...     session.run(net)
        ...     session.workspace().fetch_blob("y")
        array([2., 4.], dtype=float32)

    Args:
        ws: the workspace of node `local`; the current one if not given.
        shared_nodes: put all nodes into `ws`, as Caffe2 did.
        timeout_s: how long a run may take.
        max_threads: a plan that may need more threads of its own at once is refused before it runs.
        grace_s: how long closing blocks, and user code after a failure, may take.
        stall_warning_s: whoever waits longer than this for an object is reported in the log, with who could end that; a
            step of which it is certain that it waits for good fails the run then, also while others go on.
        seed: of the random operators that the plan does not seed.
        observers: receive the events of each run.
        tier: how steps run: "auto" compiles loops that run long; "interpret", "python" and "native" run all that can be
            in one way. Results are the same. If not given, what the environment variable `TASKPLAN_TIER` says.
    """

    checks = True

    def __init__(
        self,
        ws: Workspace | None = None,
        *,
        shared_nodes: bool = False,
        timeout_s: float = math.inf,
        max_threads: int = 4096,
        grace_s: float = 10.0,
        stall_warning_s: float = 10.0,
        seed: int | None = None,
        observers: Sequence[Observer] = (),
        tier: str | None = None,
    ) -> None:
        super().__init__()
        self._nodes: dict[str, Workspace] = {LOCAL: ws if ws is not None else current_workspace()}
        self._shared_nodes = shared_nodes
        self._timeout_s = timeout_s
        self._max_threads = max_threads
        self._seed = seed
        self._observers = list(observers)
        self._tier = Tier.of(tier)
        self._compiler = compiler_of(self._tier)
        self._pool = ThreadPool()
        self._driver = ThreadDriver(self._pool, grace_s=grace_s, stall_warning_s=stall_warning_s)
        self._abandoned: list[str] = []
        self._attempts: list[Attempted] = []
        self._started: list[StartedRun] = []

    # --- workspaces ---------------------------------------------------------------------------------------------------

    def workspace(self, node: str = LOCAL) -> Workspace:
        """The workspace of a node; made on first use."""
        space = self._nodes.get(node)
        if space is None:
            if self._shared_nodes:
                return self._nodes[LOCAL]
            space = self._nodes[node] = Workspace(name=node)
            for each in self._nodes.values():
                each.elsewhere = self._nodes
        return space

    def feed(self, node: str, name: str, value: object) -> None:
        """Copy a value into a blob of a node's workspace."""
        self.workspace(node).feed_blob(name, value)

    def abandoned(self) -> list[str]:
        """User functions that ignored cancellation and were left behind, by the step that ran them."""
        return list(self._abandoned)

    def outputs(self, runnable: object) -> dict[str, Any]:
        """The values of all outputs of a program that this session has run, by blob name, in the order of the program.

        A name that several nodes have is `node:name`.
        """
        return self._outputs_of(self._prepared_for(runnable, None, None))

    def tiers(self, runnable: object) -> list[StepTier]:
        """How the loops of a program, and what was compiled of it, have run in this session so far; nodes here alone.

        Example:
            >>> from taskplan import TaskGroup, Task, ops
            >>> with TaskGroup() as group, Task():
            ...     total, one = ops.Const(0), ops.Const(1)
            ...     with ops.loop(10_000):
            ...         _ = ops.Add([total, one], [total])
            >>> with LocalSession(Workspace(), tier="python") as session:
            ...     session.run(group)
            ...     [found.tier for found in session.tiers(group)]
            ['python']
        """
        return tiers_of(self._prepared_for(runnable, None, None).plans)

    def _outputs_of(self, compiled: LocalProgram) -> dict[str, Any]:
        nodes_of: dict[str, set[str]] = {}
        for output in compiled.shown:
            nodes_of.setdefault(output.blob, set()).add(output.node)
        return {
            (output.blob if len(nodes_of[output.blob]) == 1 else f"{output.node}:{output.blob}"): _fetch(
                self.workspace(output.node), output.site, output.blob
            )
            for output in compiled.shown
        }

    # --- running ------------------------------------------------------------------------------------------------------

    def run(
        self,
        runnable: object,
        workspace_type: str | None = None,
        setup_net_list: list[Any] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> None:
        """Compile (once per object), check and run a program; return when it has ended.

        Args:
            runnable: a TaskGroup, Task, ExecutionStep, Plan, Net, or what `execution_step` takes.
            workspace_type: for groups that do not say; see `WorkspaceType`.
            setup_net_list: nets to run on node `local` first.
            timeout_s: how long this run may take; the session's limit if not given.

        Raises:
            PlanError: the checks before the run found problems.
            TimedOutError: it took too long.
            the first failure itself, with notes that say where it happened and what else failed.
        """
        program = self._prepared_for(runnable, workspace_type, setup_net_list)
        for net in setup_net_list or ():
            self.workspace().run(net)
        self._run_compiled(program, self._timeout_s if timeout_s is None else timeout_s)

    def start(
        self, runnable: object, workspace_type: str | None = None, *, timeout_s: float | None = None
    ) -> StartedRun:
        """Run a program beside the caller, on threads of the session. `close()` cancels it if it still runs then.

        Example::

            run = session.start(program)
            run.cancel()
            run.wait()      # raises RunCancelledError

        Args:
            runnable: as for `run`.
            workspace_type: as for `run`.
            timeout_s: as for `run`.

        Raises:
            PlanError: the checks before the run found problems. All that happens later is raised by `run.wait()`.
        """
        program = self._prepared_for(runnable, workspace_type, None)
        self._check_once(program)
        attempt = self._attempt(program)
        started = StartedRun(attempt, partial(self._outputs_of, program))
        self._started = [run for run in self._started if not run.ended] + [started]
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        action = partial(self._run_compiled, program, limit_s, attempt=attempt, beside=True)
        context = copy_context()
        self._pool.submit(partial(context.run, started.perform, action))
        return started

    def why(self) -> Why:
        """Who waits for whom now, in all runs of this session; from another thread than theirs.

        Example::

            >>> print(LocalSession(Workspace()).why())
              nothing runs
        """
        found = [attempt.why() for attempt in list(self._attempts)]
        return Why(
            tuple([wait for why in found for wait in why.waits]),
            tuple([call for why in found for call in why.calls]),
            sum(why.running for why in found),
        )

    @classmethod
    def _compile_task_group(cls, task_group: TaskGroup, setup_net_list: list[Any] | None = None) -> Any:  # noqa: ARG003
        return task_group  # where its nodes go is for the session to say: see `_prepare`

    def _prepare(self, compiled: CompiledRunnable) -> LocalProgram:
        if isinstance(compiled.obj, ProgramDef):
            return LocalProgram(compiled.obj, TaskOutputList())
        kind = compiled.workspace_type
        return LocalProgram(*compile_group(compiled.obj, shared_nodes=self._shared_nodes, workspace_type=kind))

    def _attempt(self, compiled: LocalProgram) -> Attempted:  # noqa: ARG002 - for sessions to which it matters
        observe = self._observe if self._observers else None
        return Attempted(self._driver, seed=self._seed, observe=observe, within=WorkspaceGuard, compiler=self._compiler)

    def _check_once(self, compiled: LocalProgram) -> dict[str, Workspace]:
        """The workspaces of a program's nodes; the first time it is checked against what is in them."""
        spaces = {node: self.workspace(node) for node in compiled.plans}
        for space in spaces.values():
            space.check_alive()
        if not compiled.checked:
            self._check(compiled, spaces)
        return spaces

    def _run_compiled(
        self,
        compiled: LocalProgram,
        timeout_s: float = math.inf,
        *,
        attempt: Attempted | None = None,
        beside: bool = False,
    ) -> None:
        if not compiled.plans:
            return
        spaces = self._check_once(compiled)
        program = compiled.program
        for output in compiled.shown:
            spaces[output.node].cell(output.blob)
        placed = [Placed(node, plan, self._space(program, node, spaces[node])) for node, plan in compiled.plans.items()]
        shared = attempt or self._attempt(compiled)
        channels = open_run_blobs(program, placed, shared)
        self._attempts.append(shared)
        try:
            if self._observers:
                self._observe(RunStarted(placed[0].plan.plan.name, shared.driver.now()))
            execute(placed, shared, timeout_s=timeout_s, beside=beside)
        except BaseException as error:
            close_queues(placed, channels, shared)
            for task_output in compiled.bound:
                task_output.invalidate(f"the run failed: {shown(error)}")
            if self._observers:
                self._observe(RunEnded(placed[0].plan.plan.name, shared.driver.now(), shown(error)))
            raise
        finally:
            self._attempts.remove(shared)
            self._abandoned += shared.abandoned
            forget_run_blobs(program, placed, spaces)
        for task_output in compiled.bound:
            self._bind_output(task_output, spaces)
        if self._observers:
            self._observe(RunEnded(placed[0].plan.plan.name, shared.driver.now()))

    def _check(self, compiled: LocalProgram, spaces: dict[str, Workspace]) -> None:
        plans = compiled.plans
        threads = sum(plan.threads() for plan in plans.values()) + (len(plans) if len(plans) > 1 else 0)
        if threads > self._max_threads:
            msg = (
                f"the program may need {threads} threads at once, more than max_threads={self._max_threads}; use fewer "
                "instances, or raise the limit of the session"
            )
            raise PlanError(msg)
        if self.checks:
            raise_problems(
                check_program(compiled.program, {node: set(space.names()) for node, space in spaces.items()})
            )
        compiled.checked = True

    def _space(self, program: ProgramDef, node: str, space: Workspace) -> CellSpace:
        return Workspace(space) if program.is_private(node) else space

    def _bind_output(self, output: TaskOutput, spaces: dict[str, Workspace]) -> None:
        node = output.node if output.node in spaces else LOCAL
        output.set(output.names, partial(_fetch, spaces.get(node, self.workspace()), output.site))

    def _observe(self, event: Event) -> None:
        observe_all(self._observers, event)

    def _do_close(self) -> None:
        for run in self._started:
            run.cancel("its session was closed")
        for run in self._started:
            run.settle(self._driver.grace_s)
        self._pool.close()


def observe_all(observers: list[Observer], event: Event) -> None:
    """Tell all observers; one that raises is dropped and reported once, since it must not hurt the run."""
    for observer in list(observers):
        try:
            observer.observe(event)
        except Exception:
            observers.remove(observer)
            logger.exception("observer %r raised and was dropped", observer)


def _fetch(space: Workspace, site: Site, name: object) -> Any:
    try:
        return space.create_blob(str(name)).fetch()
    except WorkspaceError as error:
        error.add_note(f"  output {site}")
        raise
