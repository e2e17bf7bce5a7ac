"""References to blobs: a name, and the net that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Self

from taskplan.builder.scope import SEPARATOR, CurrentNameScope
from taskplan.errors import BuildAttributeError, BuildRuntimeError, BuildTypeError, UnknownOperatorError
from taskplan.operators.registry import instead_of, is_operator


class OperatorNet(Protocol):
    """What a reference knows of its net: it has a name, and operators are methods of it."""

    def Name(self) -> str:
        """The net's name."""


class BlobReference:
    """A blob's name, and the net that produces it if that is known.

    A reference equals its name, so that the two are the same key of a dict. Operators of the net are methods of the
    reference, which becomes their first input::

        x = net.Const(1.0)
        y = x.Add(x)              # net.Add([x, x])

    Copies share the net; a pickle leaves it behind.

    Args:
        name: a string; bytes are decoded as UTF-8, of anything else `str()` is taken. No name scope is put before it.
        net: the net that produces it.

    Attributes:
        meta: a dict for notes of one's own.
    """

    __slots__ = ("__weakref__", "_name", "_net", "meta")

    def __init__(self, name: object, net: OperatorNet | None = None) -> None:
        self._name: str = name if type(name) is str else name.decode() if isinstance(name, bytes) else str(name)
        self._net = net
        self.meta: dict[Any, Any] = {}

    def __str__(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f'BlobReference("{self._name}")'

    def __hash__(self) -> int:
        return hash(self._name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BlobReference):
            return self._name == other._name
        if isinstance(other, str):
            return self._name == other
        return isinstance(other, bytes) and self._name.encode() == other

    def __add__(self, other: str) -> BlobReference:
        return BlobReference(self._name + self._checked_part(other), self._net)

    def __radd__(self, other: str) -> BlobReference:
        return BlobReference(self._checked_part(other) + self._name, self._net)

    def _checked_part(self, part: object) -> str:
        if not isinstance(part, str):
            msg = f"only a string can be added to a blob's name; got {part!r} with {self!r}"
            raise BuildRuntimeError(msg)
        return part

    def __reduce__(self) -> tuple[type[BlobReference], tuple[str], tuple[None, dict[str, Any]]]:
        return BlobReference, (self._name,), (None, {"meta": self.meta})

    def __copy__(self) -> Self:
        copied = type(self)(self._name, self._net)
        copied.meta = self.meta
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = type(self)(self._name, self._net)
        copied.meta = dict(self.meta)
        return copied

    def Net(self) -> Any:
        """The net that produces the blob, or None if that is not known."""
        return self._net

    def GetNameScope(self) -> str:
        """The name up to and including its last slash; empty if it has none."""
        return self._name[: self._name.rfind(SEPARATOR) + 1]

    def GetUnscopedName(self) -> str:
        """The name after its last slash."""
        return self._name[self._name.rfind(SEPARATOR) + 1 :]

    def __getattr__(self, op_type: str) -> Callable[..., Any]:
        if op_type.startswith("__") or op_type in BlobReference.__slots__:
            msg = f"BlobReference has no attribute {op_type!r}"
            raise BuildAttributeError(msg)
        if not is_operator(op_type):
            raise no_such_operator("BlobReference", op_type)
        net = self._net
        if net is None:
            msg = f"{self!r} has no net that {op_type} could be added to; write net.{op_type}({str(self)!r}, ...)"
            raise BuildAttributeError(msg)

        def add_operator(inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
            others = [] if inputs is None else list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            return getattr(net, op_type)([self, *others], *args, **kwargs)

        return add_operator


def no_such_operator(owner: str, op_type: str) -> UnknownOperatorError:
    """The error for an attribute that is no operator either."""
    msg = f"{owner} has no attribute {op_type!r}, and there is no operator of that name{instead_of(op_type)}"
    return UnknownOperatorError(msg, operator=op_type)


def ScopedName(name: str) -> str:
    """The name with the current name scope before it."""
    return CurrentNameScope() + name


def ScopedBlobReference(name: str, net: OperatorNet | None = None) -> BlobReference:
    """A reference to the name with the current name scope before it."""
    return BlobReference(CurrentNameScope() + name, net)


def blob_name(blob: str | bytes | BlobReference) -> str:
    """The name of a blob as users give it; no name scope is put before it.

    Raises:
        BuildTypeError: it is neither a string nor a reference.
    """
    if isinstance(blob, (str, BlobReference)):
        return str(blob)
    if isinstance(blob, bytes):
        return blob.decode()
    msg = f"expected a blob, which is a string or a BlobReference, got {blob!r}"
    raise BuildTypeError(msg)


def scoped_names(blobs: object) -> list[str]:
    """The names of one blob or of a list of them; plain strings get the current name scope.

    Raises:
        BuildTypeError: there is something else among them.
    """
    scope = CurrentNameScope()
    names = []
    for blob in blobs if isinstance(blobs, (list, tuple)) else (blobs,):
        if isinstance(blob, BlobReference):
            names.append(str(blob))
        elif isinstance(blob, str):
            names.append(scope + blob)
        elif isinstance(blob, bytes):
            names.append(scope + blob.decode())
        else:
            msg = f"expected a blob, which is a string or a BlobReference, or a list of them, got {blob!r}"
            raise BuildTypeError(msg)
    return names
