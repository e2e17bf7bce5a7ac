"""Changing a net as a whole: operators that are messages already, their order, seeds and labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from taskplan.builder.arguments import MakeArgument
from taskplan.builder.blobs import blob_name
from taskplan.builder.calls import OperatorCalls
from taskplan.builder.draft import Blob
from taskplan.builder.renaming import rename
from taskplan.builder.sites import here
from taskplan.errors import BuildError, BuildIndexError, BuildTypeError
from taskplan.plan import codec
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.names import UNKNOWN_SITE


class NetEdits(OperatorCalls):
    """A net whose operators can be given as messages, moved, seeded and labelled."""

    def AddArgument(self, name: str, value: object) -> None:
        """Give the net itself an argument; see `MakeArgument` for what it may be."""
        self._ruling_message().arg.append(MakeArgument(name, value))
        self._model = None

    def extend_ops(self, ops: Iterable[pb.OperatorDef]) -> None:
        """Append operators that are messages already. Their outputs become known, their inputs no external inputs."""
        site = here()
        for op in ops:
            self.add_op(codec.op_from_proto(op, site), op)

    def insert_op_at_idx(self, op: pb.OperatorDef, op_idx: int) -> None:
        """Put an operator before the one at `op_idx`; inputs that are not defined become external inputs.

        Raises:
            BuildIndexError: there is no such place.
        """
        message = self._ruling_message()
        count = len(message.op)
        if not 0 <= op_idx <= count:
            msg = f"net {self.Name()!r} has {count} operators; an operator cannot be put at {op_idx}"
            raise BuildIndexError(msg)
        self._settle()
        external = [name for name in dict.fromkeys(op.input) if not self._table.is_defined(name)]
        message.op.insert(op_idx, op)
        self._ops.insert(op_idx, codec.op_from_proto(op, here()))
        self._add_external(external)
        self._table.read(message)

    def reroute_tensor(
        self, tensor: Blob, new_producer: pb.OperatorDef, can_modify: Sequence[pb.OperatorDef] | None = None
    ) -> int:
        """Put an operator right behind what it reads, and let others read its output instead of `tensor`.

        Args:
            tensor: the blob that was read so far; an external output of this name becomes the new one.
            new_producer: the operator; its first output takes the place of `tensor`.
            can_modify: the only operators that may be changed; all that come later if not given.

        Returns:
            How many operators were changed.

        Raises:
            BuildError: `new_producer` does not read `tensor`, has no output, or reads what is not defined.
        """
        name = blob_name(tensor)
        if not isinstance(new_producer, pb.OperatorDef):
            msg = f"reroute_tensor takes the new producer as an OperatorDef, got {new_producer!r}"
            raise BuildTypeError(msg)
        if name not in new_producer.input or not new_producer.output:
            msg = f"{new_producer.type} must read {name!r} and have an output to take its place"
            raise BuildError(msg)
        new_name = new_producer.output[0]
        index = 1 + max(map(self._last_writer, new_producer.input))
        allowed = None if can_modify is None else [op.SerializeToString() for op in can_modify]
        self.insert_op_at_idx(new_producer, index)
        changed = 0
        message = self._ruling_message()
        for op in message.op[index + 1 :]:
            if name in op.input and (allowed is None or op.SerializeToString() in allowed):
                rename(op.input, {name: new_name})
                changed += 1
        rename(message.external_output, {name: new_name})
        self._reread(message)
        return changed

    def _last_writer(self, name: str) -> int:
        """The index of the last operator that writes the blob; -1 for an external input."""
        writers = [index for index, op in enumerate(self.to_model().ops) if name in op.outputs]
        if writers:
            return writers[-1]
        if self._table.is_external(name):
            return -1
        msg = f"blob {name!r} is not defined in net {self.Name()!r}"
        raise BuildError(msg)

    def set_rand_seed(self, seed: int = 100, sequence_seed: bool = True, seed_on_op_def: bool = False) -> None:
        """Give each operator a seed for its random numbers, in its device option.

        Args:
            seed: the number to begin with.
            sequence_seed: operator i gets `seed + i`; otherwise all get `seed`.
            seed_on_op_def: it gets a number that depends on `seed` and on what it is, wherever it stands.

        Raises:
            BuildError: both ways are asked for.
        """
        if sequence_seed and seed_on_op_def:
            msg = "set_rand_seed: sequence_seed and seed_on_op_def exclude one another; set one of them to False"
            raise BuildError(msg)
        message = self._ruling_message()
        for index, op in enumerate(message.op):
            if seed_on_op_def:
                op.device_option.ClearField("random_seed")
                digest = hashlib.sha256(f"{seed}:".encode() + op.SerializeToString(deterministic=True)).digest()
                op.device_option.random_seed = int.from_bytes(digest[:4])
            else:
                op.device_option.random_seed = (seed + index if sequence_seed else seed) % (1 << 32)
        self._reread(message)

    def PopulateProtoWithFileName(self) -> None:
        """Name each operator after the line that added it, `file:line:function`, where that is known."""
        self._settle()
        message = self._ruling_message()
        for named, op in zip(message.op, self._ops, strict=True):
            if op.site != UNKNOWN_SITE:
                named.name = ":".join(map(str, op.site))
        self._reread(message)
