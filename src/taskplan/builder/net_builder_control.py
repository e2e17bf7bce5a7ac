"""Branches and loops that become one operator: `IfNet`, `Else`, `WhileNet`, `Condition`.

A body is merged into one net, which runs in a workspace of its own, inside the operator. Blobs that were in use
before the block are outer ones: they are bound to that workspace. All others are local to the body.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from taskplan.builder.blobs import BlobReference
from taskplan.builder.net import Net
from taskplan.builder.net_builder import SESSION_BLOBS, NetBuilder
from taskplan.builder.setup import hand_over_attributes
from taskplan.builder.step import ExecutionStep
from taskplan.errors import BuildError


@dataclass(frozen=True, slots=True)
class _Body:
    """A merged net, and the outer blobs that it reads before it writes them, and that it writes, by first use."""

    net: Net
    reads: tuple[str, ...]
    writes: tuple[str, ...]


class OperatorBlock(NetBuilder):
    """A builder that becomes one net with an operator around its body."""

    def __init__(self, name: str | None = None) -> None:
        NetBuilder.current()
        super().__init__(name, _use_control_ops=True)

    def _merged(self, name: str, also_outer: str = "") -> _Body:
        """The nets of the body in one.

        Raises:
            BuildError: it reads a blob that nothing has defined, as far as known here.
        """
        net = Net(name)
        made_by_session: set[str] = set()
        for child in _nets(self.children()):
            net.AppendNet(child)
            made_by_session.update(map(str, child.get_attributes(SESSION_BLOBS)))
        reads: dict[str, None] = {}
        writes: dict[str, None] = {}
        written: set[str] = set()
        for op in net.to_model().ops:
            for blob in op.inputs:
                if blob in written:
                    continue
                if blob != also_outer and blob not in made_by_session and not self.is_outer(blob):
                    msg = (
                        f"{op.type} in block {self.name!r} ({op.site}) reads {blob!r}, which nothing before the block "
                        "uses, nor the block writes before; define it first, or name it in the builder's initial_scope"
                    )
                    raise BuildError(msg, blob=blob)
                reads[blob] = None
            written.update(op.outputs)
            writes.update((blob, None) for blob in op.outputs if self.is_outer(blob))
        return _Body(net, tuple(reads), tuple(writes))

    def _become(self, kind: str) -> Net:
        """The net that stands for the block, in place of its body."""
        net = Net("/".join(part for part in (self.name, kind) if part))
        for child in _nets(self.children()):
            hand_over_attributes(child, net)
        self.replace_children([net])
        return net


def _nets(children: Iterable[Net | NetBuilder | ExecutionStep]) -> Iterable[Net]:
    for child in children:
        if isinstance(child, Net):
            yield child
        elif isinstance(child, NetBuilder):
            yield from _nets(child.children())


class IfNetBuilder(OperatorBlock):
    """See `ops.IfNet`."""

    def __init__(self, cond: BlobReference | str | None, name: str | None = None) -> None:
        if cond is None:
            msg = "ops.IfNet needs a condition, got None"
            raise BuildError(msg)
        super().__init__(name)
        self.cond = cond
        self.then: _Body | None = None

    def _finish(self) -> None:
        self.then = self._merged("then")
        add_if(self._become("if_net"), self.cond, self.then, None)

    def give_way(self) -> _Body:
        """Leave it to the `Else` behind to be the operator; returns the branch."""
        then = self.then
        if then is None:
            msg = f"Else follows IfNet {self.name!r} ({self.site}), whose block has not ended well"
            raise BuildError(msg)
        return then


class ElseNetBuilder(OperatorBlock):
    """See `ops.Else`."""

    def __init__(self, name: str | None = None) -> None:
        parent = NetBuilder.current()
        before = parent.children()[-1:]
        if not before or not isinstance(before[0], IfNetBuilder):
            msg = f"Else must follow an IfNet directly, in the same block, but in {parent!r} it comes after {before!r}"
            raise BuildError(msg)
        super().__init__(name)
        self._if_builder = before[0]
        self._then = self._if_builder.give_way()

    def _finish(self) -> None:
        otherwise = self._merged("else")
        net = self._become("if_else_net")
        for child in _nets(self._if_builder.children()):
            hand_over_attributes(child, net)
        add_if(net, self._if_builder.cond, self._then, otherwise)
        self._if_builder.replace_children([])


class ConditionBuilder(OperatorBlock):
    """See `ops.Condition`."""

    def __init__(self, name: str | None = None) -> None:
        parent = NetBuilder.current()
        if not isinstance(parent, WhileNetBuilder):
            msg = f"a Condition stands inside a WhileNet, got one in {parent!r}"
            raise BuildError(msg)
        if parent.children():
            msg = (
                f"WhileNet {parent.name!r} ({parent.site}) has one Condition, before its body; "
                f"got one after {parent.children()[-1]!r}"
            )
            raise BuildError(msg)
        super().__init__(name)
        self.blob = ""
        self.body: _Body | None = None

    def _finish(self) -> None:
        body = self._merged("condition")
        ops = body.net.to_model().ops
        if not ops or len(ops[-1].outputs) != 1:
            got = f"{ops[-1].type} with {len(ops[-1].outputs)} outputs" if ops else "nothing"
            msg = f"the Condition of {self.name!r} ({self.site}) must end in an operator with one output, got {got}"
            raise BuildError(msg)
        [self.blob] = ops[-1].outputs
        self.body = body

    def exported_blobs(self) -> Iterable[str]:
        """The condition; what else it writes is local."""
        return [self.blob]


class WhileNetBuilder(OperatorBlock):
    """See `ops.WhileNet`."""

    def _finish(self) -> None:
        first = self.children()[:1]
        condition = first[0] if first else None
        if not isinstance(condition, ConditionBuilder) or condition.body is None:
            msg = f"WhileNet {self.name!r} ({self.site}) must begin with a Condition"
            raise BuildError(msg)
        nets = list(_nets(condition.children()))
        self.replace_children(list(_nets(self.children()[1:])))
        body = self._merged("loop", also_outer=condition.blob)
        net = self._become("while_net")
        for child in nets:
            hand_over_attributes(child, net)
        add_while(net, condition.blob, condition.body, body, known=self.is_outer(condition.blob))


def add_if(net: Net, cond: BlobReference | str, then: _Body, otherwise: _Body | None) -> None:
    """Add an `If` to `net` that runs one of two bodies."""
    branches = [("then", then)] if otherwise is None else [("then", then), ("else", otherwise)]
    scopes, subnets = [], {}
    for kind, body in branches:
        scope = net.CreateScope([], [BlobReference(net.NextName(f"{kind}_scope"))])
        scopes.append(scope)
        subnets[f"{kind}_net"] = _do(f"do_{kind}", body, scope)
    reads = _union(*(body.reads for _, body in branches))
    writes = _union(*(body.writes for _, body in branches))
    net.If([cond, *map(BlobReference, reads), *scopes], [*map(BlobReference, writes), *scopes], **subnets)


def add_while(net: Net, cond: str, condition: _Body, loop: _Body, *, known: bool) -> None:
    """Add a `While` to `net`. `known`: the condition is an outer blob, so it is there already."""
    scopes = [net.CreateScope([], [BlobReference(net.NextName(f"{kind}_scope"))]) for kind in ("condition", "loop")]
    test = _Body(condition.net, condition.reads, _union(condition.writes, [cond]))
    if not known:
        # The operator reads the blob that the condition's net, which is part of it, writes first.
        net.Const(False, blob_out=BlobReference(cond))
    reads = [blob for blob in _union(test.reads, loop.reads) if blob != cond]
    writes = _union(test.writes, loop.writes)
    net.While(
        [BlobReference(cond), *reads, *scopes],
        [*map(BlobReference, writes), *scopes],
        cond_net=_do("do_condition", test, scopes[0], reuse=True),
        # One workspace for all iterations: memory does not grow with their number.
        loop_net=_do("do_loop", loop, scopes[1], reuse=True),
    )


def _do(name: str, body: _Body, scope: BlobReference, *, reuse: bool = False) -> Net:
    """A net that runs `body` in a workspace of its own, bound to its outer blobs."""
    net = Net(name)
    position: dict[str, int] = {}
    for index, blob in enumerate((*body.reads, *body.writes)):
        position.setdefault(blob, index)
    net.Do(
        [*map(BlobReference, body.reads), scope],
        [*map(BlobReference, body.writes), scope],
        net=body.net,
        inner_blobs=list(position),
        outer_blobs_idx=list(position.values()),
        reuse_workspace=reuse or None,
    )
    return net


def _union(*groups: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(blob for group in groups for blob in group))
