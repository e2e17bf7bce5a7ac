"""Every error that taskplan raises, divided by whose doing it was.

::

    TaskplanError
      BuildError        a line of the user's program is wrong; raised on that line
        NoContextError      something needs an enclosing `with` block that is not there
        ClosedError         a finished object is changed
        UnknownOperatorError  no operator has that name
        ArityError          an operator gets too few or too many blobs
        ArgumentError       an operator's argument is unknown, missing or of the wrong kind
        BuildTypeError, BuildValueError, BuildKeyError, BuildIndexError, BuildAttributeError, BuildRuntimeError
                            the same family, where Python's own class is what programs catch
      PlanError         the plan as a whole is unsound; holds every problem found, not just the first
      WorkspaceError    a blob, net or workspace that was asked for is not there, or is of another kind
        MissingBlobError    there is no blob of that name; also a KeyError
      RunError          taskplan itself says that a run failed
        OperatorError       an operator refused its inputs
          DtypeError, ShapeError
          ReportedError     an operator said that it failed, as `Fail` does
            QueueClosedError    a read from a closed, drained queue or a write to a closed one
        TimedOutError       a run or a wait took longer than it was given
        StalledError        no step can go on: says who waits for whom
        RunCancelledError   a run was ended by `run.cancel()`, or by closing its session
        InjectedFaultError  a fault that a simulation was asked for
        ReplayDivergedError a replay is not what was recorded, as a function returned something else
        StepError           a step cannot go on as it stands (its stop blob is missing or no bool)
        NodeError           something about a node that runs in another process
            NodeLostError       its process died, or does not answer
            PlacementError      it cannot be started: no room, or a module that it cannot import
        RemoteError         stands for an error of another process that cannot be brought here
      InternalError     a bug in taskplan: please report it
    Cancelled           a signal, so a BaseException without the suffix: let it pass

Classes that existing programs catch under a builtin name inherit that too: misuse is an `AssertionError`, what fails in
a run is a `RuntimeError`. An exception of the user's own code is raised as it is, with notes that say where.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from typing import Any


class TaskplanError(Exception):
    """The root of all errors here. The message is `args[0]`; further parts are attributes, and survive pickling."""

    def __init__(self, message: str = "", **parts: Any) -> None:
        super().__init__(message)
        self.__dict__.update(parts)

    def __str__(self) -> str:
        # KeyError would show the repr of the message; every class here shows the message itself.
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        # Not Exception.__reduce__: subclasses may take other arguments than the ones kept in `args`.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class BuildError(TaskplanError, AssertionError):
    """A line of the user's program is wrong; raised on that line."""


class NoContextError(BuildError):
    """Something needs an enclosing `with` block that is not there."""


class ClosedError(BuildError):
    """A finished object is changed: a used step, a consumed group, a frozen builder, a closed session."""


class BuildTypeError(BuildError, TypeError):
    """An object of the wrong class was given."""


class BuildValueError(BuildError, ValueError):
    """A value is outside of what is allowed."""


class BuildKeyError(BuildError, KeyError):
    """A name is not defined where it was looked up."""


class BuildIndexError(BuildError, IndexError):
    """A position is out of range."""


class BuildAttributeError(BuildError, AttributeError):
    """An attribute does not exist."""


class BuildRuntimeError(BuildError, RuntimeError):
    """A misuse that programs written for Caffe2 meet as a `RuntimeError`."""


class UnknownOperatorError(BuildAttributeError, RuntimeError):
    """No operator has that name; the message has the three nearest."""


class ArityError(BuildRuntimeError):
    """An operator gets too few or too many inputs or outputs, or an in-place pair that it refuses."""


class ArgumentError(BuildRuntimeError, ValueError):
    """An operator's argument is unknown, missing, of the wrong kind or out of range."""


class PlanError(TaskplanError, AssertionError, RuntimeError):
    """The plan as a whole is unsound.

    Attributes:
        problems: every problem that was found (`taskplan.checker.problems.Problem`), in the order of the plan.
    """

    problems: tuple[Any, ...] = ()


class WorkspaceError(TaskplanError, RuntimeError):
    """A blob, net or workspace that was asked for is not there, or is of another kind."""


class MissingBlobError(WorkspaceError, KeyError):
    """There is no blob of that name where it was looked up."""


class RunError(TaskplanError, RuntimeError):
    """taskplan itself says that the run failed."""


class OperatorError(RunError):
    """An operator refused its inputs; the message starts with the operator's name."""


class DtypeError(OperatorError):
    """An input has an element type that the operator does not take."""


class ShapeError(OperatorError):
    """An input has a shape that the operator does not take."""


class ReportedError(OperatorError):
    """An operator said that it failed, as `Fail` does, or a dequeue at the end."""


class QueueClosedError(ReportedError):
    """A read from a closed and drained queue, or a write to a closed one."""


class TimedOutError(RunError):
    """A run or a wait took longer than it was given.

    Attributes:
        why: who waited for whom then (`taskplan.Why`), as far as that is known.
    """

    why: Any = None


class StalledError(RunError):
    """No step can go on, and nothing that still runs can change that.

    Attributes:
        why: who waits for whom (`taskplan.Why`).
    """

    why: Any = None


class RunCancelledError(RunError):
    """A run was ended by `run.cancel()`, or by closing the session that it ran in."""


class InjectedFaultError(RunError):
    """A fault that a simulation was asked for.

    Attributes:
        fault: what was asked for (`taskplan.testing.Fault`).
    """

    fault: Any = None


class ReplayDivergedError(RunError):
    """A replay is not what was recorded: a function returned something else, or the program or the faults differ.

    Attributes:
        function: the function that returned something else; empty if that is not the reason.
    """

    function: str = ""


class StepError(RunError):
    """A step cannot go on as it stands: its stop blob is missing, is no bool, or has several elements."""


class NodeError(RunError):
    """Something about a node that runs in a process of its own.

    Attributes:
        node: its name.
    """

    node: str = ""


class NodeLostError(NodeError):
    """The process of a node died or does not answer, so what it had in its workspace is gone.

    Attributes:
        node: its name.
        tasks: the tasks that it had to do in the run.
    """

    tasks: tuple[str, ...] = ()


class PlacementError(NodeError):
    """A node cannot be started: there is no room for it, or it lacks a module that the program needs."""


class RemoteError(RunError):
    """Stands for an error that was raised in the process of a node and cannot be pickled.

    Attributes:
        kind: the name of its class.
        text: its message.
        traceback: where it was raised, as Python shows that.
    """

    kind: str = ""
    text: str = ""
    traceback: str = ""


class InternalError(TaskplanError):
    """A bug in taskplan: please report it."""


class Cancelled(BaseException):
    """The run is ending: raised inside whatever waits or is about to start. Let it pass."""
