"""Collecting nets and blocks in the order in which they are written: builders, loops and branches made of steps."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Self, TypeVar

import numpy as np

from taskplan.builder.blobs import BlobReference
from taskplan.builder.context import NetNaming
from taskplan.builder.net import Net
from taskplan.builder.sites import here
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import execution_step
from taskplan.errors import BuildError, BuildTypeError, BuildValueError, ClosedError, NoContextError
from taskplan.plan.names import Site

SESSION_BLOBS = "session_blobs"
"""The attribute of nets that holds blobs which the session makes: they are there before every block."""

SHARED = "shared"
"""The attribute of nets that holds the blobs which `ops.shared` names."""

_NOTHING: frozenset[str] = frozenset()

Child = TypeVar("Child", bound="Net | NetBuilder | ExecutionStep")


class NetBuilder(NetNaming):
    """An ordered list of nets, of blocks that are builders themselves, and of steps.

    While it is open, operators that are written with `ops` go to its open net. It becomes a step whose children run
    one after the other. A builder that is no loop runs its children at most once, also if something in it stops it.

    Example:
        >>> with NetBuilder("load") as builder:
        ...     rows = ops.Const(0)
        ...     total = ops.Add([rows, ops.Const(1)])
        >>> [net.Name() for net in builder.get()]
        ['load']

    Args:
        name: its name, after that of the enclosing builder.
        initial_scope: blobs that operator-based blocks inside may take as outer ones, besides those used before.
        _stop_blob_required: whether it is a loop: it repeats until its stop blob is true, and must have one.
        _stop_blob: the stop blob to use.
        _fullname: its name, whatever encloses it.
        _use_control_ops: whether it becomes an operator, and so may hold nets and operator-based blocks only.
        _site: the line that it counts as opened on; that of the caller if not given.

    Attributes:
        site: the line of the user's program that opened it.
    """

    def __init__(
        self,
        name: str | None = None,
        initial_scope: Iterable[str | BlobReference] | None = None,
        _stop_blob_required: bool = False,
        _stop_blob: BlobReference | None = None,
        _fullname: str | None = None,
        _use_control_ops: bool = False,
        _site: Site | None = None,
    ) -> None:
        if name and _fullname:
            msg = f"a builder has a name or a full name, got {name!r} and {_fullname!r}"
            raise BuildError(msg)
        parent = NetBuilder.current(required=False)
        self.name = _fullname or "/".join(part for part in (parent.name if parent else None, name) if part)
        self.site = _site or here()
        self._children: list[Net | NetBuilder | ExecutionStep] = []
        self._open_net: Net | None = None
        self._frozen = False
        self._is_loop = _stop_blob_required
        self._stop_blob = _stop_blob
        self._stop_reset: Net | None = None
        self._uses_control_ops = _use_control_ops
        # Names in scope: the first child here that uses each, and how many children of the parent came before.
        self._initial_scope = frozenset(map(str, initial_scope)) if initial_scope else _NOTHING
        self._scope: dict[str, int] = {}
        self._children_read = 0
        self._parent = weakref.ref(parent) if parent is not None else None
        self._came_after = len(parent._children) if parent is not None else 0

    @classmethod
    def _without_block(cls) -> NetBuilder:
        msg = "no task or builder is open here; write this inside `with Task():` or `with NetBuilder():`"
        raise NoContextError(msg)

    def add(self, child: Child) -> Child:
        """Put `child` behind what is there; a net becomes the open net.

        Raises:
            ClosedError: the builder has been closed.
            BuildError: a block or step that is no operator is put into an operator-based block.
            BuildTypeError: `child` is no net, builder or step.
        """
        self._check_open()
        if not isinstance(child, Net | NetBuilder | ExecutionStep):
            msg = f"a builder takes nets, builders and steps, got {child!r}"
            raise BuildTypeError(msg)
        if not isinstance(child, Net) and not (isinstance(child, NetBuilder) and child._uses_control_ops):
            self.check_takes_steps("a block or step")
        self._children.append(child)
        self._open_net = child if isinstance(child, Net) else None
        return child

    def current_net(self, name: str | None = None) -> Net:
        """The open net; a new one if there is none, or if a name is given."""
        self._check_open()
        if self._open_net is None or name is not None:
            return self.add(Net(name))
        return self._open_net

    def stop_blob(self) -> BlobReference:
        """The bool blob that ends this builder when it is true; it is false at the start of each iteration."""
        self.check_takes_steps("a stop")
        if self._stop_blob is None:
            net = self.current_net()
            self._stop_blob = BlobReference(net.NextName("stop_blob"), net)
            net.Const(False, blob_out=self._stop_blob)
            if net is not self._children[0]:
                self._stop_reset = Net("stop_blob_init")
                self._stop_reset.Const(False, blob_out=self._stop_blob)
        return self._stop_blob

    def stop_if(self, blob: BlobReference | str) -> None:
        """Leave this builder here if `blob` is true: what follows in it is skipped."""
        stop = self.stop_blob()
        self.current_net().Or([stop, blob], [stop])
        # Stop blobs are looked at between nets.
        self._open_net = None

    def stop(self) -> None:
        """Leave this builder here."""
        self.check_takes_steps("a stop")
        self.stop_if(self.current_net().Const(True))

    def freeze(self) -> None:
        """Take nothing more, nor let any block inside do so."""
        if self._frozen:
            return
        self._frozen = True
        self._open_net = None
        for child in self._children:
            if isinstance(child, NetBuilder):
                child.freeze()

    def get(self) -> list[Net | NetBuilder | ExecutionStep]:
        """The children, in order; this closes the builder."""
        self.freeze()
        return [*([self._stop_reset] if self._stop_reset else []), *self._children]

    def children(self) -> list[Net | NetBuilder | ExecutionStep]:
        """What was added so far."""
        return list(self._children)

    def replace_children(self, children: list[Net]) -> None:
        """Have these nets instead of what was added so far; none is open."""
        self._children = [*children]
        self._children_read = 0
        self._scope = {}
        self._open_net = None

    def to_step(self, name: str | None = None) -> ExecutionStep:
        """The step that runs the children; this closes the builder, and may be done any number of times."""
        return execution_step(
            name or self.name,
            self.get(),
            should_stop_blob=self._stop_blob,
            only_once=True if self._stop_blob is not None and not self._is_loop else None,
            site=self.site,
        )

    def check_takes_steps(self, what: str) -> None:
        """Raise `BuildError` if this builder becomes an operator, which holds no `what`."""
        if self._uses_control_ops:
            msg = (
                f"{what} cannot be inside the operator-based block {self.name!r} ({self.site}); "
                "use ops.IfNet and ops.WhileNet in it, or ops.If and ops.loop around it"
            )
            raise BuildError(msg)

    def is_outer(self, blob: str) -> bool:
        """Whether `blob` was in use before this builder began, so that an operator-based block shares it."""
        if blob in self._initial_scope:
            return True
        parent = self._parent() if self._parent is not None else None
        return parent is not None and parent._used_before(blob, self._came_after)

    def _used_before(self, blob: str, child: int) -> bool:
        self._read_children(child)
        return self._scope.get(blob, child) < child or self.is_outer(blob)

    def _read_children(self, end: int) -> None:
        # Not those from `end` on: what a block is writing now is its own until it has ended.
        for index in range(self._children_read, end):
            for blob in _used_blobs(self._children[index]):
                self._scope.setdefault(blob, index)
        # The last one may be a net that is still open, so it is read again the next time.
        self._children_read = max(self._children_read, end - 1)

    def exported_blobs(self) -> Iterable[str]:
        """Blobs that operator-based blocks after this one share with it: none, if it is made of steps."""
        return [blob for child in self._children for blob in _used_blobs(child)] if self._uses_control_ops else ()

    def _check_open(self) -> None:
        if self._frozen:
            msg = f"builder {self.name!r} ({self.site}) is closed; write this inside its `with` block"
            raise ClosedError(msg)

    def _begin(self) -> None:
        """Called when the block is entered, with this builder current."""

    def _finish(self) -> None:
        """Called when the body has ended well, with this builder still current."""

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._begin()
        except BaseException:
            super().__exit__()
            raise
        return self

    def __exit__(self, *args: object) -> None:
        ended_well = not any(args)
        try:
            if ended_well:
                self._finish()
        finally:
            super().__exit__(*args)
            self.freeze()
        if ended_well and self._is_loop and self._stop_blob is None:
            msg = (
                f"loop {self.name!r} ({self.site}) would never end: "
                "give it a count, or leave it by ops.stop() or ops.stop_if()"
            )
            raise BuildError(msg)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, children={len(self._children)})"


def _used_blobs(child: Net | NetBuilder | ExecutionStep) -> Iterable[str]:
    if isinstance(child, Net):
        return child.UsedBlobNames()
    return child.exported_blobs() if isinstance(child, NetBuilder) else ()


class LoopBuilder(NetBuilder):
    """See `ops.loop`."""

    def __init__(self, iters: int | BlobReference | None = None, name: str | None = None) -> None:
        parent = NetBuilder.current()
        parent.check_takes_steps("a loop")
        super().__init__(name, _stop_blob_required=True)
        self._iterator: BlobReference | None = None
        if iters is None:
            return
        # In the parent's net, so that an enclosing loop starts this one anew each time.
        net = parent.current_net()
        self._increment: BlobReference = net.Const(1)
        self._iterator = net.Const(0)
        self._bound: BlobReference = iters if isinstance(iters, BlobReference) else net.Const(_count(iters))

    def iter(self) -> BlobReference:
        """The blob that counts the iterations: 0 in the first.

        Raises:
            BuildError: the loop has no count.
        """
        if self._iterator is None:
            msg = f"loop {self.name!r} counts no iterations; write ops.loop(n), or keep a counter"
            raise BuildError(msg)
        return self._iterator

    def _begin(self) -> None:
        if self._iterator is not None:
            self.stop_if(self.current_net().GE([self._iterator, self._bound]))

    def _finish(self) -> None:
        if self._iterator is not None:
            self.current_net().Add([self._iterator, self._increment], [self._iterator])


def _count(iters: object) -> int:
    if not isinstance(iters, int | np.integer):
        msg = f"a loop's count is an int or a BlobReference, got {iters!r}"
        raise BuildTypeError(msg)
    return int(iters)


class _OnceBuilder(NetBuilder):
    """A block that runs once, and that stops in it leave."""

    def __init__(self, what: str, name: str | None = None) -> None:
        NetBuilder.current().check_takes_steps(what)
        super().__init__(name)

    def _finish(self) -> None:
        if self._stop_blob is not None:
            self.stop()


class TimeoutBuilder(_OnceBuilder):
    """See `ops.timeout`."""

    def __init__(self, seconds: float, name: str | None = None) -> None:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float | np.number) or not seconds > 0:
            msg = f"ops.timeout takes a number of seconds above 0, got {seconds!r}"
            raise BuildValueError(msg)
        super().__init__("a time limit", name)
        self._limit_s = float(seconds)

    def to_step(self, name: str | None = None) -> ExecutionStep:
        """The step that runs the children and has the limit; this closes the builder."""
        step = super().to_step(name)
        step.timeout_s = self._limit_s
        return step


class StopGuardBuilder(_OnceBuilder):
    """See `ops.stop_guard`."""

    def __init__(self, has_stopped_blob: BlobReference | str | None = None, name: str | None = None) -> None:
        super().__init__("a stop guard", name)
        self._stopped = has_stopped_blob
        self._ended = False

    def has_stopped(self) -> BlobReference:
        """The bool blob that is true if the block was left early.

        Raises:
            BuildError: the block has not ended.
        """
        if not self._ended or not isinstance(self._stopped, BlobReference):
            msg = f"has_stopped() of stop guard {self.name!r} is known after its `with` block only"
            raise BuildError(msg)
        return self._stopped

    def _begin(self) -> None:
        self._stopped = self.current_net().Const(True, blob_out=self._stopped)

    def _finish(self) -> None:
        self.current_net().Const(False, blob_out=self._stopped)
        self._ended = True
        super()._finish()


class IfBuilder(_OnceBuilder):
    """See `ops.If`.

    The branches share a flag that says whether one of them has run. A branch starts with a stop, if it is not its turn.
    """

    def __init__(
        self, cond: BlobReference | str | None, name: str | None = None, _already_ran: BlobReference | None = None
    ) -> None:
        super().__init__("ops.If", name)
        self._given_name = name
        self._is_else = cond is None
        if cond is None:
            if _already_ran is None:
                msg = "ops.If needs a condition, got None"
                raise BuildError(msg)
            self._skipped = self._already_ran = _already_ran
            return
        net = NetBuilder.current().current_net()
        skipped: BlobReference = net.Not(cond)
        if _already_ran is None:
            self._already_ran = net.Const(False)
            self._skipped = skipped
        else:
            self._already_ran = _already_ran
            self._skipped = net.Or([_already_ran, skipped])

    def Elif(self, cond: BlobReference | str, name: str | None = None) -> IfBuilder:
        """The branch that runs if `cond` is true and no branch before it ran; `cond` is computed in any case."""
        if cond is None:
            msg = "Elif needs a condition, got None; write Else() for a branch without one"
            raise BuildError(msg)
        return self._next_branch("Elif", cond, name)

    def Else(self, name: str | None = None) -> IfBuilder:
        """The branch that runs if no branch before it ran."""
        return self._next_branch("Else", None, name)

    def _next_branch(self, kind: str, cond: BlobReference | str | None, name: str | None) -> IfBuilder:
        if self._is_else:
            msg = f"{kind} cannot follow the Else at {self.site}"
            raise BuildError(msg)
        return NetBuilder.current().add(IfBuilder(cond, name or self._given_name, self._already_ran))

    def _begin(self) -> None:
        self.stop_if(self._skipped)
        self.current_net().Const(True, blob_out=self._already_ran)
