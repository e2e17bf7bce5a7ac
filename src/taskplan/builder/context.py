"""Objects that are current inside their `with` block: clusters, nodes, groups, tasks, builders."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, ClassVar, Literal, ParamSpec, Self, TypeVar, cast, overload

from taskplan.errors import BuildError, BuildTypeError, NoContextError

P = ParamSpec("P")
R = TypeVar("R")


class _Stacks(threading.local):
    """The stacks of one thread, by class; the last object of a stack is the current one."""

    def __init__(self) -> None:
        self.by_class: dict[type[Managed], list[Any]] = {}


_STACKS = _Stacks()


def stack_of(cls: type[Managed]) -> list[Any]:
    """The objects of `cls` whose blocks this thread is in, the innermost last.

    Raises:
        BuildTypeError: `cls` is no subclass of `Managed`.
    """
    found = _STACKS.by_class.get(cls)
    if found is None:
        if not (isinstance(cls, type) and issubclass(cls, Managed)):
            msg = f"only subclasses of Managed have a current object, and {cls!r} is none"
            raise BuildTypeError(msg)
        found = _STACKS.by_class[cls] = []
    return found


class cleared_contexts:  # noqa: N801 - reads as a context manager; compiling opens one a task, so it is no generator
    """Nothing is current inside this block: what is built there joins no enclosing group, task or builder."""

    __slots__ = ("_outer",)

    def __enter__(self) -> None:
        self._outer = _STACKS.by_class
        _STACKS.by_class = {}

    def __exit__(self, *error: object) -> None:
        _STACKS.by_class = self._outer


class Managed:
    """An object that is current while its block is open, for its class and each managed base of it.

    Each thread has its own blocks. An object may be entered again while it is open, and used as a decorator: it is then
    current during each call of the function::

        with TaskGroup() as group:
            TaskGroup.current()         # group

        @group
        def add_tasks(): ...            # the same during a call of add_tasks()
    """

    _entered_as: ClassVar[tuple[type[Managed], ...]] = ()

    def __init_subclass__(cls, *, has_current: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        inherited = [base for base in cls.__mro__[1:] if issubclass(base, Managed) and base in base._entered_as]
        cls._entered_as = (cls, *inherited) if has_current else ()

    @overload
    @classmethod
    def current(cls, value: Self | None = None, required: Literal[True] = True) -> Self: ...

    @overload
    @classmethod
    def current(cls, value: Self | None = None, required: bool = True) -> Self | None: ...

    @classmethod
    def current(cls, value: Self | None = None, required: bool = True) -> Self | None:
        """`value` if it is given, else the object of this class whose block is the innermost open one.

        Args:
            value: an object that was given explicitly; None means that none was.
            required: whether having neither is an error.

        Raises:
            BuildTypeError: `value` is no object of this class.
            NoContextError: no block is open, and one is required.
        """
        if value is not None:
            if not isinstance(value, cls):
                msg = f"expected {cls.__name__} or None, got {value!r}"
                raise BuildTypeError(msg)
            return value
        stack = _STACKS.by_class.get(cls)
        if stack:
            return cast("Self", stack[-1])
        return cls._without_block() if required else None

    @classmethod
    def _without_block(cls) -> Self:
        msg = f"no {cls.__name__} is open here; write this inside `with {cls.__name__}(...)`, or pass one"
        raise NoContextError(msg)

    def __enter__(self) -> Self:
        for cls in self._entered_as:
            stack_of(cls).append(self)
        return self

    def __exit__(self, *args: object) -> None:
        stacks = [stack_of(cls) for cls in self._entered_as]
        # All are looked at before one is changed: a block that is closed out of order leaves the others as they were.
        for stack in stacks:
            if not stack:
                msg = f"{self!r} is closed, but it is not open in this thread"
                raise BuildError(msg)
            if stack[-1] is not self and stack[-1] != self:
                msg = f"{self!r} is closed before {stack[-1]!r}, which was opened inside it"
                raise BuildError(msg)
        for stack in stacks:
            stack.pop()

    def __call__(self, func: Callable[P, R]) -> Callable[P, R]:
        """`func`, run inside this object's block at each call."""

        @functools.wraps(func)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return func(*args, **kwargs)

        return inside


class DefaultManaged(Managed, has_current=False):
    """A managed object that comes into being when it is needed and no block is open.

    There is one for each class and thread, and it stays until the thread ends.
    """

    @classmethod
    def _without_block(cls) -> Self:
        default = cls()
        stack_of(cls).append(default)
        return default


class NetNaming(Managed):
    """A managed object in whose block nets are named after it: its `name`, a slash, and theirs."""

    name: str
