"""Which blobs a net defines, known without reading the whole message for each question."""

from __future__ import annotations

from collections.abc import Iterable

from taskplan.plan import taskplan_pb2 as pb


class BlobTable:
    """The blobs of one NetDef message: its external inputs, and what its operators write.

    The message may be changed behind its back, by whoever got hold of it. `doubt` says so; from then on a "yes" is
    looked up where the blob was seen last, which takes no time, and a "no" reads the message anew.
    """

    def __init__(self, net: pb.NetDef) -> None:
        self._net = net
        self._in_doubt = False
        self._written: dict[str, int] = {}
        self._external: dict[str, int] = {}
        self._ops_read = 0
        self._external_read = 0
        self._read_on()

    def rebuild(self) -> None:
        """Read the message anew."""
        self._in_doubt = False
        self._written.clear()
        self._external.clear()
        self._ops_read = self._external_read = 0
        self._read_on()

    def doubt(self) -> None:
        """From now on the message may be another than was read."""
        self._in_doubt = True

    def is_defined(self, name: str) -> bool:
        """Whether an operator writes the blob, or it is an external input."""
        if not self._in_doubt:
            return name in self._written or name in self._external
        if self._still_written(name) or self._still_external(name):
            return True
        self.rebuild()
        return self.is_defined(name)

    def is_taken(self, name: str) -> bool:
        """Whether a name cannot be given to a new blob.

        In doubt, what was appended to the message is read, but not what was renamed in it: names are made up too often.
        """
        if self._in_doubt:
            self._read_on()
        return name in self._written or name in self._external

    def is_external(self, name: str) -> bool:
        """Whether the blob is an external input."""
        if self._in_doubt and not self._still_external(name):
            self.rebuild()
        return name in self._external

    def add_external(self, names: Iterable[str]) -> None:
        """Make blobs external inputs."""
        for name in names:
            self._external[name] = len(self._net.external_input)
            self._net.external_input.append(name)

    def add_op(self, op: pb.OperatorDef, outputs: Iterable[str]) -> None:
        """Append a copy of the operator, which has these outputs."""
        index = len(self._net.op)
        self._net.op.append(op)
        for name in outputs:
            self._written[name] = index

    def _read_on(self) -> None:
        """Read what was appended since; all, if something went."""
        ops, external = self._net.op, self._net.external_input
        if len(ops) < self._ops_read or len(external) < self._external_read:
            self.rebuild()
            return
        for index in range(self._ops_read, len(ops)):
            for name in ops[index].output:
                self._written[name] = index
        for index in range(self._external_read, len(external)):
            self._external[external[index]] = index
        self._ops_read, self._external_read = len(ops), len(external)

    def _still_written(self, name: str) -> bool:
        index = self._written.get(name)
        return index is not None and index < len(self._net.op) and name in self._net.op[index].output

    def _still_external(self, name: str) -> bool:
        index = self._external.get(name)
        inputs = self._net.external_input
        return index is not None and index < len(inputs) and inputs[index] == name
