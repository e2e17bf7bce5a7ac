"""The named workspaces of the process, which of them is current, and Caffe2's functions on the current one.

`SwitchWorkspace` sets the current workspace of the process; `WorkspaceGuard` overrides it for its own thread while it
is open. That is all the state there is, and both live here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, MutableMapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.net import Net
from taskplan.builder.plan import Plan
from taskplan.builder.scope import CurrentNameScope
from taskplan.builder.steps import ExecutionStep
from taskplan.engine import workspace as engine_workspace
from taskplan.engine.cells import Blob
from taskplan.engine.workspace import as_plan
from taskplan.errors import BuildTypeError, BuildValueError, ReportedError, WorkspaceError
from taskplan.operators import registry
from taskplan.operators.run import UNSET
from taskplan.plan.intake import definition_of, net_from_bytes, op_from_bytes, plan_from_bytes
from taskplan.plan.names import did_you_mean

DEFAULT = "default"


class _CurrentWorkspace:
    """`Workspace.current`: the workspace that the functions of this module use."""

    def __get__(self, _instance: object, _owner: type) -> Workspace:
        return current_workspace()


class Workspace(engine_workspace.Workspace):  # noqa: D101 - the docstring is the other class's
    __doc__ = engine_workspace.Workspace.__doc__

    current = _CurrentWorkspace()


class _Table:
    """Name to workspace, and the process's current one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.named: dict[str, Workspace] = {DEFAULT: Workspace(name=DEFAULT)}
        self.current: Workspace = self.named[DEFAULT]


_TABLE = _Table()

_guards: ContextVar[tuple[Workspace, ...]] = ContextVar("taskplan workspaces", default=())
"""The workspaces of the open guards of this thread, innermost last. A run's threads begin with the caller's."""


def current_workspace() -> Workspace:
    """The current workspace: the innermost `WorkspaceGuard`'s of this thread, else the process's."""
    guards = _guards.get()
    return guards[-1] if guards else _TABLE.current


def _resolve(name: object, create_if_missing: bool) -> Workspace:
    if isinstance(name, Workspace):
        return name
    with _TABLE.lock:
        found = _TABLE.named.get(str(name))
        if found is None:
            if not create_if_missing:
                near = did_you_mean(str(name), _TABLE.named)
                msg = f"there is no workspace {name!r}{near}; pass create_if_missing=True to make it"
                raise WorkspaceError(msg)
            found = _TABLE.named[str(name)] = Workspace(name=str(name))
        return found


def CurrentWorkspace() -> str:
    """The name of the current workspace."""
    return current_workspace().name


def Workspaces() -> list[str]:
    """The names of all named workspaces."""
    return list(_TABLE.named)


def SwitchWorkspace(name: str | Workspace, create_if_missing: bool | None = None) -> None:
    """Make a named workspace, or a workspace object, the current one of the process.

    Raises:
        WorkspaceError: there is none of that name and it is not to be made.
    """
    target = _resolve(name, bool(create_if_missing))
    guards = _guards.get()
    if guards:
        _guards.set((*guards[:-1], target))
    else:
        _TABLE.current = target


class WorkspaceGuard:
    """Make a workspace the current one of this thread for a `with` block.

    The old one comes back however the block ends. Steps of a run that begins inside it see it too, on any thread.

    Example:
        >>> with WorkspaceGuard("scratch"):
        ...     CurrentWorkspace()
        'scratch'
    """

    def __init__(self, workspace: str | Workspace) -> None:
        self._workspace = workspace
        self._tokens: list[Token[tuple[Workspace, ...]]] = []

    def __enter__(self) -> Workspace:
        space = _resolve(self._workspace, create_if_missing=True)
        self._tokens.append(_guards.set((*_guards.get(), space)))
        return space

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        _guards.reset(self._tokens.pop())


def ResetWorkspace(root_folder: str | None = None) -> bool:
    """Replace the current workspace by an empty one of the same name. Handles to the old one say so when they are used.

    Args:
        root_folder: where relative file names of operators begin; made if missing. The old one is kept if not given.
    """
    old = current_workspace()
    fresh = Workspace(old.parent if isinstance(old.parent, Workspace) else None, name=old.name)
    fresh.root_folder = old.root_folder
    if root_folder is not None:
        os.makedirs(root_folder, exist_ok=True)
        fresh.root_folder = root_folder
    with _TABLE.lock:
        if _TABLE.named.get(old.name) is old:
            _TABLE.named[old.name] = fresh
        if _TABLE.current is old:
            _TABLE.current = fresh
    _guards.set(tuple([fresh if guarded is old else guarded for guarded in _guards.get()]))
    old.drop()
    return True


def RootFolder() -> str:
    """The folder in which relative file names of the current workspace begin."""
    return current_workspace().root_folder


# --- blobs
# --------------------------------------------------------------------------------------------------------------


def StringifyBlobName(name: object, argument: str = "blob") -> str:
    """The name of a blob given as str or BlobReference.

    Raises:
        BuildTypeError: it is neither.
    """
    if isinstance(name, str):
        return name
    if isinstance(name, BlobReference):
        return str(name)
    msg = f"{argument} must be a str or a BlobReference, got {name!r}"
    raise BuildTypeError(msg)


def StringifyNetName(name: object) -> str:
    """The name of a net given as str or Net.

    Raises:
        BuildTypeError: it is neither.
    """
    return GetNetName(name)


def GetNetName(net: object) -> str:
    """The name of a net given as str, Net or message.

    Raises:
        BuildTypeError: it is none of these.
    """
    if isinstance(net, str):
        return net
    if isinstance(net, Net):
        return net.Name()
    name = getattr(net, "name", None)
    if isinstance(name, str):
        return name
    msg = f"net must be a str or a Net, got {net!r}"
    raise BuildTypeError(msg)


def GetNameScope() -> str:
    """The current name scope."""
    return CurrentNameScope()


def Blobs() -> list[str]:
    """The names of all blobs visible in the current workspace."""
    return current_workspace().names()


def HasBlob(name: object) -> bool:
    """Whether the current workspace sees a blob of that name."""
    return current_workspace().has_blob(StringifyBlobName(name))


def CreateBlob(name: object) -> Blob:
    """Make an empty blob unless it exists; its handle."""
    return current_workspace().create_blob(StringifyBlobName(name))


def ResetBlob(name: object) -> None:
    """Empty a blob.

    Raises:
        MissingBlobError: there is none of that name.
    """
    space = current_workspace()
    cell = space.find(StringifyBlobName(name))
    if cell is None:
        raise space.missing(StringifyBlobName(name))
    cell.value = UNSET


def FeedBlob(name: object, arr: object, device_option: object = None) -> bool:
    """Copy a value into a blob of the current workspace.

    Args:
        name: str or BlobReference.
        arr: an array, a number, a list of them, str or bytes (a string blob), a TensorProto; other objects are kept as
            handles.
        device_option: accepted, and without effect.

    Raises:
        WorkspaceError: the element type has no tensor type (uint32, uint64, complex, dates).
    """
    return current_workspace().feed_blob(StringifyBlobName(name), arr, device_option)


def FetchBlob(name: object) -> Any:
    """The content of a blob: an array of the caller's own, bytes for a string blob.

    Any other handle is described, as bytes.

    Raises:
        MissingBlobError: there is no such blob.
    """
    return current_workspace().fetch_blob(StringifyBlobName(name))


def FetchBlobs(names: Iterable[object]) -> list[Any]:
    """The content of several blobs."""
    return [FetchBlob(name) for name in names]


def SerializeBlob(name: object) -> bytes:
    """The bytes of a BlobProto with the content of a blob."""
    blob = StringifyBlobName(name)
    if not HasBlob(blob):
        raise current_workspace().missing(blob)
    return CreateBlob(blob).serialize(blob)


def DeserializeBlob(name: object, serialized: bytes) -> None:
    """Fill a blob from the bytes of a BlobProto."""
    CreateBlob(name).deserialize(serialized)


class _BlobMapping(MutableMapping[str, Any]):
    """The blobs of the current workspace: reading fetches, writing feeds."""

    def __getitem__(self, name: str) -> Any:
        return FetchBlob(name)

    def __setitem__(self, name: str, value: object) -> None:
        FeedBlob(name, value)

    def __delitem__(self, name: str) -> None:
        if not current_workspace().remove_blob(name):
            raise current_workspace().missing(name)

    def __iter__(self) -> Iterator[str]:
        return iter(Blobs())

    def __len__(self) -> int:
        return len(Blobs())

    def __contains__(self, name: object) -> bool:
        return HasBlob(name)


blobs = _BlobMapping()


# --- running
# ------------------------------------------------------------------------------------------------------------


def StringifyProto(obj: object) -> bytes | str:
    """The bytes of a message or of an object with `Proto()`; str and bytes come back unchanged.

    Raises:
        BuildValueError: it is none of these.
    """
    if isinstance(obj, str | bytes):
        return obj
    message: Any = obj.Proto() if isinstance(obj, Net | Plan | ExecutionStep) else obj
    serialise = getattr(message, "SerializeToString", None)
    if serialise is None:
        msg = f"expected a message or an object with Proto(), got {obj!r}"
        raise BuildValueError(msg)
    return bytes(serialise())


def CreateNet(net: object, overwrite: bool = False, input_blobs: Iterable[object] | None = None) -> bool:
    """Make a net in the current workspace and keep it.

    Args:
        net: a Net, a NetDef or its bytes.
        overwrite: replace a net of the same name.
        input_blobs: made empty first, if they do not exist.

    Raises:
        WorkspaceError: the name is taken, or a blob that the net reads does not exist.
    """
    for name in input_blobs or ():
        CreateBlob(name)
    current_workspace().create_net(net_from_bytes(net) if isinstance(net, bytes) else net, overwrite)
    return True


def RunNet(name: object, num_iter: int = 1, allow_fail: bool = False) -> bool:
    """Run a net that `CreateNet` made.

    Args:
        name: the net, or its name.
        num_iter: how many times.
        allow_fail: return False when an operator reports failure (as `Fail` does); exceptions are raised all the same.

    Raises:
        WorkspaceError: the net was not made.
        the failure itself, annotated.
    """
    return current_workspace().run_net(GetNetName(name), num_iter, allow_fail=allow_fail)


def RunNetOnce(net: object) -> bool:
    """Make a net, run it once and drop it."""
    current_workspace().run(net_from_bytes(net) if isinstance(net, bytes) else net)
    return True


def RunOperatorOnce(operator: object) -> bool:
    """Make an operator, run it once and drop it."""
    current_workspace().run(op_from_bytes(operator) if isinstance(operator, bytes) else operator)
    return True


def RunOperatorsOnce(operators: Iterable[object]) -> bool:
    """Run operators once each, in order."""
    for operator in operators:
        RunOperatorOnce(operator)
    return True


def RunOperatorMultiple(operator: object, num_runs: int) -> bool:
    """Make and run an operator `num_runs` times."""
    for _ in range(num_runs):
        RunOperatorOnce(operator)
    return True


def RunPlan(plan_or_step: object) -> bool:
    """Run a plan in the current workspace.

    Args:
        plan_or_step: a Plan, a PlanDef, its bytes, or an ExecutionStep (whose nets come along).

    Raises:
        the first failure itself, with notes that say where it happened.
    """
    space = current_workspace()
    if isinstance(plan_or_step, bytes):
        space.run_definition(plan_from_bytes(plan_or_step))
    elif isinstance(plan_or_step, ExecutionStep):
        space.run(Plan(plan_or_step))
    else:
        space.run_definition(as_plan(definition_of(plan_or_step)))
    return True


class BackgroundPlan:
    """A plan that runs on a thread of its own; see `RunPlanInBackground`."""

    def __init__(self, plan_or_step: object) -> None:
        self._error: BaseException | None = None
        self._space = current_workspace()
        self._thread = threading.Thread(target=self._main, args=(plan_or_step,), name="taskplan-background")
        self._thread.start()

    def _main(self, plan_or_step: object) -> None:
        try:
            with WorkspaceGuard(self._space):
                RunPlan(plan_or_step)
        except BaseException as error:  # kept for is_succeeded(), which raises it where the caller asks
            self._error = error

    def is_done(self) -> bool:
        """Whether the plan has ended."""
        return not self._thread.is_alive()

    def is_succeeded(self) -> bool:
        """True if the plan ended well, False if an operator reported failure (as `Fail` does).

        Raises:
            WorkspaceError: the plan still runs.
            the plan's failure, if it is another.
        """
        if not self.is_done():
            msg = "the plan still runs; ask is_succeeded() once is_done() says so"
            raise WorkspaceError(msg)
        if isinstance(self._error, ReportedError):
            return False
        if self._error is not None:
            raise self._error
        return True


def RunPlanInBackground(plan_or_step: object) -> BackgroundPlan:
    """Start a plan beside the caller; a handle with `is_done()` and `is_succeeded()`."""
    return BackgroundPlan(plan_or_step)


def RegisteredOperators() -> list[str]:
    """The names of all operators."""
    return [each.name for each in registry.declarations()]
