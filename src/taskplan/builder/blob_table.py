"""Which blobs a net defines, known without reading the whole net for each question."""

from __future__ import annotations

from collections.abc import Iterable

from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import OpDef


class BlobTable:
    """The blobs of one net: its external inputs, and what its operators write.

    Once the net has a message that others may change, the table is in doubt: from then on a "yes" is looked up in the
    message where the blob was seen last, which takes no time, and a "no" reads the message anew.

    Args:
        ops: the operators that are there.
    """

    def __init__(self, ops: Iterable[OpDef]) -> None:
        self._written = {name: index for index, op in enumerate(ops) for name in op.outputs}
        self._external: dict[str, int] = {}
        self._doubted: pb.NetDef | None = None
        self._ops_read = 0
        self._external_read = 0

    def doubt(self, net: pb.NetDef) -> None:
        """From now on the net is what this message says."""
        self._doubted = net

    def read(self, net: pb.NetDef) -> None:
        """Forget everything, and read the message."""
        self._written.clear()
        self._external.clear()
        self._ops_read = self._external_read = 0
        self._read_on(net)

    def is_defined(self, name: str) -> bool:
        """Whether an operator writes the blob, or it is an external input."""
        if self._doubted is not None and not self._still_defined(name, self._doubted):
            self.read(self._doubted)
        return name in self._written or name in self._external

    def is_taken(self, name: str) -> bool:
        """Whether a name cannot be given to a new blob.

        In doubt, what was appended to the message is read, but not what was renamed in it: names are made up too often.
        """
        if self._doubted is not None:
            self._read_on(self._doubted)
        return name in self._written or name in self._external

    def is_external(self, name: str) -> bool:
        """Whether the blob is an external input."""
        if self._doubted is not None and not self._still_external(name, self._doubted):
            self.read(self._doubted)
        return name in self._external

    def external_inputs(self) -> tuple[str, ...]:
        """The external inputs, as they were added."""
        return tuple(self._external)

    def add_external(self, names: Iterable[str]) -> None:
        """Learn of new external inputs."""
        for name in names:
            self._external[name] = len(self._external)

    def add_outputs(self, outputs: Iterable[str], index: int) -> None:
        """Learn that the operator at `index` writes blobs."""
        for name in outputs:
            self._written[name] = index

    def _read_on(self, net: pb.NetDef) -> None:
        """Read what was appended since; all, if something went."""
        ops, external = net.op, net.external_input
        if len(ops) < self._ops_read or len(external) < self._external_read:
            self.read(net)
            return
        for index in range(self._ops_read, len(ops)):
            self.add_outputs(ops[index].output, index)
        for index in range(self._external_read, len(external)):
            self._external[external[index]] = index
        self._ops_read, self._external_read = len(ops), len(external)

    def _still_defined(self, name: str, net: pb.NetDef) -> bool:
        index = self._written.get(name)
        is_written = index is not None and index < len(net.op) and name in net.op[index].output
        return is_written or self._still_external(name, net)

    def _still_external(self, name: str, net: pb.NetDef) -> bool:
        index = self._external.get(name)
        inputs = net.external_input
        return index is not None and index < len(inputs) and inputs[index] == name
