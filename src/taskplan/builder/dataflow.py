"""Which operator of a net writes the value that another one reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from taskplan.builder.draft import NetDraft
from taskplan.errors import BuildTypeError
from taskplan.plan import taskplan_pb2 as pb

Version = tuple[str, int]
"""A blob, and how many times it was written before."""

Ssa = list[tuple[list[Version], list[Version]]]
"""For each operator, the versions that it reads and the versions that it writes."""


def get_ssa(net: NetDraft | pb.NetDef, blob_versions: Mapping[str, int] | None = None) -> tuple[Ssa, dict[str, int]]:
    """Number the values of each blob: 0 is what it holds beforehand, each operator that writes it makes the next.

    Args:
        net: a net, or its message.
        blob_versions: versions to begin with.

    Returns:
        For each operator the lists of `(blob, version)` that it reads and writes; and the last version of each blob.

    Example:
        >>> from taskplan import Net
        >>> net = Net("n")
        >>> _ = net.Add(["a", "b"], "a")
        >>> get_ssa(net)
        ([([('a', 0), ('b', 0)], [('a', 1)])], {'a': 1, 'b': 0})
    """
    proto = net.peek() if isinstance(net, NetDraft) else net
    if not isinstance(proto, pb.NetDef):
        msg = f"expected a net or a NetDef message, got {net!r}"
        raise BuildTypeError(msg)
    versions = dict(blob_versions or {})
    for name in proto.external_input:
        versions.setdefault(name, 0)
    ssa: Ssa = []
    for op in proto.op:
        reads = [(name, versions.setdefault(name, 0)) for name in op.input]
        for name in op.output:
            versions[name] = versions.get(name, 0) + 1
        ssa.append((reads, [(name, versions[name]) for name in op.output]))
    return ssa, versions


def get_undefined_blobs(ssa: Ssa) -> set[str]:
    """The blobs that are read as they are beforehand."""
    return {name for reads, _ in ssa for name, version in reads if version == 0}


def read_before_written(ops: Iterable[pb.OperatorDef]) -> list[str]:
    """The blobs that these operators, alone and in this order, need beforehand; in the order of their first use."""
    written: set[str] = set()
    needed: dict[str, None] = {}
    for op in ops:
        needed.update((name, None) for name in op.input if name not in written)
        written.update(op.output)
    return list(needed)


def needed_ops(ssa: Ssa, given: set[Version], wanted: Sequence[Version]) -> set[int]:
    """The indices of the operators that have to run to have the `wanted` values, if the `given` ones are there."""
    producers = {version: index for index, (_, writes) in enumerate(ssa) for version in writes}
    needed: set[int] = set()
    pending = list(wanted)
    while pending:
        version = pending.pop()
        index = producers.get(version)
        if version in given or index is None or index in needed:
            continue
        needed.add(index)
        pending.extend(ssa[index][0])
    return needed
