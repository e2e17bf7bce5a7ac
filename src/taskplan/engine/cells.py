"""Workspaces: names mapped to cells, and the handles through which users see them.

A blob is a cell; a cell holds one value, and values are immutable. An operator's instance is bound to cells, not to
names. A child workspace sees its parent's cells and makes new ones of its own; it keeps its parent alive.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from taskplan.engine.values import from_value, to_value
from taskplan.errors import MissingBlobError, WorkspaceError
from taskplan.operators.operands import is_tensor
from taskplan.operators.run import UNSET, ByteString
from taskplan.plan.names import did_you_mean


class Cell:
    """One blob.

    `owned` is the array that the engine itself made for this cell and nobody else has seen, so that it may be written
    into again; it is dropped as soon as a reader may have kept the value.
    """

    __slots__ = ("name", "owned", "value")

    def __init__(self, name: str, value: Any = UNSET) -> None:
        self.name = name
        self.value = value
        self.owned: Any = None

    def own(self) -> Any:
        """The value as an array that only this blob has, to write into; a copy if somebody else may have it.

        Scalars and what is no tensor are given as a fresh array, or as they are; they cannot be owned.
        """
        value = self.value
        if value is self.owned:
            return value
        with _OWNING:
            value = self.value
            if value is not self.owned and is_tensor(value):
                value = np.array(value, order="C")
                if value.ndim:
                    self.value = self.owned = value
            return value


_OWNING = threading.Lock()
"""Held while an array is copied for its blob, so that threads which update one blob at once all get the same array."""


class Blob:
    """A user's handle on one blob of a workspace. When that was reset, each use of the handle says so."""

    def __init__(self, cell: Cell, space: BlobSpace) -> None:
        self._seen = cell
        self._space = space

    @property
    def _cell(self) -> Cell:
        self._space.check_alive()
        return self._seen

    def feed(self, value: object, device_option: object = None) -> bool:  # noqa: ARG002 - Caffe2's signature
        """Replace the content; see `Workspace.feed_blob`."""
        self._cell.value = to_value(value, blob=self._cell.name)
        self._cell.owned = None
        return True

    def fetch(self) -> Any:
        """The content: an array, or bytes for a string blob.

        Raises:
            WorkspaceError: the blob holds nothing, or a handle such as a queue or a counter.
        """
        value = from_value(self._cell.value, blob=self._cell.name)
        if not isinstance(value, np.ndarray | bytes):
            msg = f"blob {self._cell.name!r} holds a {type(value).__name__}, which cannot be fetched"
            raise WorkspaceError(msg, blob=self._cell.name)
        return value

    def is_tensor(self) -> bool:
        """Whether the blob holds a tensor."""
        return is_tensor(self._cell.value)

    def tensor(self) -> Any:
        """The content as an array; an empty float32 one if the blob holds no tensor, which it then is."""
        if not self.is_tensor():
            self._cell.value = np.zeros((0,), np.float32)
        return from_value(self._cell.value, blob=self._cell.name)

    def as_tensor(self) -> Any:
        """The content as an array.

        Raises:
            WorkspaceError: the blob holds no tensor.
        """
        if not self.is_tensor():
            msg = f"blob {self._cell.name!r} holds no tensor"
            raise WorkspaceError(msg, blob=self._cell.name)
        return self.fetch()

    def serialize(self, name: str) -> bytes:
        """The content as the bytes of a BlobProto with that name."""
        content: bytes = _stored_kinds().serialized(name, self._cell.value)
        return content

    def deserialize(self, content: bytes) -> None:
        """Replace the content by what the bytes of a BlobProto hold."""
        cell = self._cell
        cell.value, cell.owned = _stored_kinds().deserialized(content, cell.name), None


def _stored_kinds() -> Any:
    """The module that knows how each kind of handle is stored; imported on demand, as families of operators are."""
    return import_module("taskplan.operators.storage.stored_kinds")


class CellSpace:
    """The cells of one workspace and their look-up; what operators and the engine see."""

    def __init__(self, parent: CellSpace | None = None, *, name: str = "") -> None:
        self.parent = parent
        self.name: str = name or (parent.name if parent else "")
        self.root_folder: str = parent.root_folder if parent else "."
        self.elsewhere: Mapping[str, CellSpace] = parent.elsewhere if parent else {}
        self._cells: dict[str, Cell] = {}
        self.runs: set[object] = parent.runs if parent else set()
        """The marks of the runs that use this workspace or its children now."""
        self.dropped = False

    @property
    def root(self) -> CellSpace:
        """The workspace at the top, of which this one is a child, or this one itself."""
        space = self
        while space.parent is not None:
            space = space.parent
        return space

    def find(self, name: str) -> Cell | None:
        """The cell of a name here or in a parent."""
        space: CellSpace | None = self
        while space is not None:
            cell = space._cells.get(name)
            if cell is not None:
                return cell
            space = space.parent
        return None

    def cell(self, name: str) -> Cell:
        """The cell that `find` finds, else a new one here."""
        return self.find(name) or self._cells.setdefault(name, Cell(name))

    def local_cell(self, name: str) -> Cell:
        """A cell of this workspace itself, hiding the parent's."""
        return self._cells.setdefault(name, Cell(name))

    def owns(self, cell: Cell) -> bool:
        """Whether a cell is this workspace's own."""
        return self._cells.get(cell.name) is cell

    def bind(self, name: str, cell: Cell) -> None:
        """Let a name here stand for a cell of another workspace."""
        self._cells[name] = cell

    def holds(self, value: object) -> bool:
        """Whether a blob that is visible here holds this very object."""
        return any((cell := self.find(name)) is not None and cell.value is value for name in self.names())

    def names(self) -> list[str]:
        """All names visible here, the parents' first."""
        inherited = self.parent.names() if self.parent else []
        seen = set(inherited)
        return inherited + [name for name in list(self._cells) if name not in seen]

    def local_names(self) -> list[str]:
        """The names of this workspace alone."""
        return list(self._cells)

    def forget(self, name: str) -> bool:
        """Remove a blob of this workspace itself; says whether there was one."""
        return self._cells.pop(name, None) is not None

    def drop(self) -> None:
        """Give up all blobs; whoever uses the workspace later is told so."""
        self._cells.clear()
        self.dropped = True

    def missing(self, name: str) -> MissingBlobError:
        """The error for a name that is not here, with the node that has it or near names."""
        elsewhere = on_another_node(name, self, self.elsewhere)
        if elsewhere is not None:
            return elsewhere
        msg = f"there is no blob {name!r} in the workspace{did_you_mean(name, self.names())}"
        return MissingBlobError(msg, blob=name)


def on_another_node(name: str, here: object, elsewhere: Mapping[str, Any]) -> MissingBlobError | None:
    """The error for a blob that is not `here` and on another node; None if that has none of its name either."""
    for node, space in elsewhere.items():
        if space is not here and space.find(name) is not None:
            msg = (
                f"blob {name!r} is on node {node!r}, not in this workspace: use session.workspace({node!r}), a "
                "Channel between nodes, or LocalSession(ws, shared_nodes=True)"
            )
            return MissingBlobError(msg, blob=name, node=node)
    return None


class BlobSpace(CellSpace):
    """Feeding and fetching by name."""

    def check_alive(self) -> None:
        """Raise `WorkspaceError` if the workspace was reset or closed."""
        if self.dropped:
            msg = f"workspace {self.name!r} was reset or closed, and this handle is of the old one; take the new one"
            raise WorkspaceError(msg)

    def create_blob(self, name: str) -> Blob:
        """The blob of that name, made here if neither this workspace nor a parent has it."""
        self.check_alive()
        return Blob(self.cell(str(name)), self)

    def has_blob(self, name: object) -> bool:
        """Whether the name is visible here."""
        self.check_alive()
        return self.find(str(name)) is not None

    def feed_blob(self, name: object, value: object, device_option: object = None) -> bool:  # noqa: ARG002
        """Copy `value` into the blob; see `taskplan.FeedBlob`."""
        self.check_alive()
        kept = to_value(value, blob=str(name))  # first, so that a value which is refused leaves no blob behind
        cell = self.cell(str(name))
        cell.value, cell.owned = kept, None
        return True

    def fetch_blob(self, name: object) -> Any:
        """The content of a blob: an array of the caller's own, bytes for a string blob.

        Any other handle is described, as bytes.

        Raises:
            MissingBlobError: there is no such blob; the message says on which node it is, if on another.
        """
        self.check_alive()
        cell = self.find(str(name))
        if cell is None:
            raise self.missing(str(name))
        value = cell.value
        if is_tensor(value) or isinstance(value, ByteString):
            return from_value(value, blob=cell.name)
        shown = "is uninitialised" if value is UNSET else f"holds a {type(value).__module__}.{type(value).__qualname__}"
        return f"{cell.name}, a blob that {shown}".encode()

    def remove_blob(self, name: object) -> bool:
        """Remove a blob of this workspace itself, never of a parent; says whether there was one."""
        self.check_alive()
        return self.forget(str(name))

    @property
    def blobs(self) -> Mapping[str, Blob]:
        """All blobs visible here, by name."""
        return {name: self.create_blob(name) for name in self.names()}

    # Caffe2's short names for the same.
    feed = feed_blob
    fetch = fetch_blob

    def fetch_blobs(self, names: Iterable[object]) -> list[Any]:
        """The content of several blobs."""
        return [self.fetch_blob(name) for name in names]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())
