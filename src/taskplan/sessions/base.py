"""What all sessions share: what can be run, compiling it once, opening and closing."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

from taskplan.builder.cluster import Cluster
from taskplan.builder.context import cleared_contexts
from taskplan.builder.net import Net
from taskplan.builder.outputs import TaskOutput
from taskplan.builder.plan import Plan
from taskplan.builder.steps import ExecutionStep, Runnable, execution_step
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.builder.workspace_type import WorkspaceType
from taskplan.errors import BuildError, ClosedError
from taskplan.plan.archive import require_code
from taskplan.plan.model import NetDef, ProgramDef


@dataclass(eq=False)
class CompiledRunnable:
    """The result of compiling: what one class of sessions needs to run a program again and again.

    Attributes:
        obj: what the session's class made of the program.
        session_class: the class; others refuse it.
        workspace_type: of the tasks, if neither they nor their group say it.
    """

    obj: Any
    session_class: type[Session]
    workspace_type: str | None = None


class Session:
    """Compiles, checks, places and runs programs; a context manager that always closes.

    A subclass supplies `_compile_task_group` (a class method, as jobs compile before there is a session),
    `_run_compiled`, `fetch_output` and `_do_close`.
    """

    def __init__(self) -> None:
        self._open = True
        self._cache: dict[int, _Cached] = {}

    @classmethod
    def compile(
        cls, runnable: object, workspace_type: str | None = None, setup_net_list: list[Any] | None = None
    ) -> CompiledRunnable:
        """Compile a program for this class of sessions.

        Args:
            runnable: a TaskGroup, Task, ExecutionStep, Plan, Net, or what `execution_step` takes; a loaded program; or
                a result of this method.
            workspace_type: `WorkspaceType.PRIVATE` or `GLOBAL`, for groups that do not say.
            setup_net_list: nets that a distributed session runs on its master first.

        Raises:
            BuildError: it was compiled for another class, or the workspace types contradict each other.
            PlanError: it was loaded without the functions that it calls.
        """
        if isinstance(runnable, CompiledRunnable):
            if runnable.session_class is not cls:
                msg = f"this runnable was compiled for {runnable.session_class.__name__}, not for {cls.__name__}"
                raise BuildError(msg)
            return runnable
        if isinstance(runnable, ProgramDef):
            require_code(runnable)
            return CompiledRunnable(runnable, cls)
        with cleared_contexts(), Cluster():
            group = as_group(runnable, workspace_type)
            return CompiledRunnable(cls._compile_task_group(group, setup_net_list), cls, workspace_type)

    def run(self, runnable: object, workspace_type: str | None = None, setup_net_list: list[Any] | None = None) -> None:
        """Compile (once per object) and run a program; return when it has ended.

        Raises:
            ClosedError: the session is closed.
            BuildError: there is nothing to run, or it cannot be compiled.
            PlanError: the checks before the run found problems.
            the first failure of the run itself, with notes that say where.
        """
        self._run_compiled(self._prepared_for(runnable, workspace_type, setup_net_list))

    def _prepare(self, compiled: CompiledRunnable) -> Any:
        """What this session keeps of a compiled program, for `_run_compiled`; it must not hold the user's objects."""
        return compiled.obj

    def _prepared_for(self, runnable: object, workspace_type: str | None, setup_net_list: list[Any] | None) -> Any:
        if not self._open:
            msg = "the session is closed"
            raise ClosedError(msg)
        if runnable is None:
            msg = "there is nothing to run: got None"
            raise BuildError(msg)
        cached = self._cache.get(id(runnable))
        if cached is not None and cached.workspace_type == workspace_type and cached.is_current():
            return cached.prepared
        prepared = self._prepare(self.compile(runnable, workspace_type, setup_net_list))
        key, cache = id(runnable), self._cache
        try:
            reference = weakref.ref(runnable, lambda _: cache.pop(key, None))
        except TypeError:
            return prepared  # a list or the like: compiled anew each time
        models = [(weakref.ref(net), net.to_model()) for net in _nets_of(runnable)]
        self._cache[key] = _Cached(reference, workspace_type, models, prepared)
        return prepared

    def is_open(self) -> bool:
        """Whether the session can still run programs."""
        return self._open

    def close(self) -> None:
        """End the session; closing again has no effect."""
        if self._open:
            self._open = False
            self._cache.clear()
            self._do_close()

    def __enter__(self) -> Self:
        if not self._open:
            msg = "the session is closed"
            raise ClosedError(msg)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @classmethod
    def _compile_task_group(cls, task_group: TaskGroup, setup_net_list: list[Any] | None = None) -> Any:
        raise NotImplementedError

    def _run_compiled(self, compiled: Any) -> None:
        raise NotImplementedError

    def fetch_output(self, output: TaskOutput) -> Any:
        """The value of an output, read where it lives."""
        return output.fetch()

    def _do_close(self) -> None:
        """Give back what the session holds."""


@dataclass(slots=True)
class _Cached:
    """A prepared program, good as long as none of its nets has changed. It keeps nothing of the user's alive."""

    reference: weakref.ref[Any]
    workspace_type: str | None
    models: list[tuple[weakref.ref[Net], NetDef]]
    prepared: Any

    def is_current(self) -> bool:
        nets = ((reference(), model) for reference, model in self.models)
        return all(net is None or net.to_model() is model for net, model in nets)


def _nets_of(runnable: object) -> list[Net]:
    if isinstance(runnable, Net):
        return [runnable]
    if isinstance(runnable, ExecutionStep | Plan):
        return runnable.Nets()
    tasks = runnable.members() if isinstance(runnable, TaskGroup) else [runnable] if isinstance(runnable, Task) else []
    return [net for task in tasks for net in task.get_step().Nets()]


def as_group(runnable: object, workspace_type: str | None) -> TaskGroup:
    """The group that a runnable is, or stands in by itself."""
    if isinstance(runnable, TaskGroup):
        return runnable
    group = TaskGroup(workspace_type or WorkspaceType.GLOBAL)
    if isinstance(runnable, Task):
        group.add(runnable)
        return group
    if isinstance(runnable, ExecutionStep):
        step = runnable
    elif isinstance(runnable, Plan):
        steps = runnable.Steps()
        if not steps:
            msg = f"plan {runnable.Name()!r} has no steps to run"
            raise BuildError(msg)
        step = steps[0] if len(steps) == 1 else execution_step(runnable.Name() or "plan", steps)
    else:
        step = execution_step("runnable", cast(Runnable, runnable))  # which refuses what it does not take
    with group:
        Task(step=step)
    return group
