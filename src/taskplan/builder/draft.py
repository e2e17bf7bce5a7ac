"""The draft of a net: a NetDef message, what it cannot hold, and questions about its blobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taskplan.builder.blob_table import BlobTable
from taskplan.builder.blobs import BlobReference, ScopedName, blob_name
from taskplan.builder.context import NetNaming
from taskplan.builder.held_functions import HeldFunction
from taskplan.builder.naming import TakenName, current_names
from taskplan.builder.origins import reread
from taskplan.builder.scope import SEPARATOR
from taskplan.builder.sites import here
from taskplan.errors import BuildError, BuildKeyError, BuildTypeError
from taskplan.plan import codec
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef, OpDef
from taskplan.plan.names import Site, did_you_mean

Blob = str | bytes | BlobReference
"""How users name a blob."""


class NetDraft:
    """A net without the operator calls: names, blobs, attributes, and the way to the model.

    Args:
        name_or_proto: a name, or a message; see `Net`.
        site: the line that it counts as made on; that of the caller if not given.

    Attributes:
        site: the line that made it.
    """

    def __init__(self, name_or_proto: str | pb.NetDef | None, *, site: Site | None = None) -> None:
        if not (name_or_proto is None or isinstance(name_or_proto, (str, pb.NetDef))):
            msg = f"a net is made of a name or a NetDef message, got {name_or_proto!r}"
            raise BuildTypeError(msg)
        self.site = site or here()
        self._ops: list[OpDef] = []
        self._external_outputs: tuple[str, ...] = ()
        self._functions: dict[str, HeldFunction] = {}
        self._attributes: dict[str, list[Any]] = {}
        self._name_counters: dict[str, int] = {}
        self._next_number = 0
        self._blobs: BlobTable | None = None
        self._model: NetDef | None = None
        self._calls_checked = True
        # Once somebody has asked for the message, it rules, and what is added here is written to it too.
        self._message: pb.NetDef | None = None
        # Once others have it: what it was when it was last read.
        self._seen: bytes | None = None
        if isinstance(name_or_proto, pb.NetDef):
            self._take_over(name_or_proto)
        else:
            self._taken_name = _take_name(name_or_proto or "")

    def _take_over(self, proto: pb.NetDef) -> None:
        self._message = pb.NetDef()
        self._message.CopyFrom(proto)
        self._taken_name = _take_name(proto.name)
        self._message.name = self._taken_name.name
        self._table.read(self._message)
        self._ops = list(codec.net_from_proto(self._message, site=self.site).ops)
        self._next_number = _first_free_number(self._message)

    @property
    def _table(self) -> BlobTable:
        """Made when it is first needed, as it never is for nets that are made of operators with known blobs."""
        if self._blobs is None:
            self._blobs = BlobTable(self._ops)
        return self._blobs

    # --- the message and the model ---

    def Name(self) -> str:
        """The net's name."""
        return self._taken_name.name if self._message is None else self._message.name

    def __str__(self) -> str:
        return self.Name()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.Name()!r})"

    def Proto(self) -> pb.NetDef:
        """The live message: what is changed in it is changed in the net. To read only, `peek` is cheaper."""
        message = self._ruling_message()
        if self._seen is None:
            self._seen = b""
            self._table.doubt(message)
        return message

    def peek(self) -> pb.NetDef:
        """The message, for those who do not change it and do not pass it on."""
        return self._assembled() if self._message is None else self._message

    def _ruling_message(self) -> pb.NetDef:
        if self._message is None:
            self._message = self._assembled()
        return self._message

    def _assembled(self) -> pb.NetDef:
        message = pb.NetDef(
            name=self.Name(), external_input=self._external_inputs(), external_output=self._external_outputs
        )
        message.op.extend(map(codec.op_to_proto, self._ops))
        return message

    def to_model(self) -> NetDef:
        """The net as a value, with the line that added each operator. It is kept until the net changes.

        Operators that were added through `Proto()` have no line; one that was moved or changed there keeps its own if
        it still has its type and outputs.
        """
        self._settle()
        if self._model is None:
            self._model = self._value()
        return self._model

    def _value(self) -> NetDef:
        functions = self._functions_by_token()
        ops = [codec.with_function(op, functions) for op in self._ops] if functions else self._ops
        if self._message is not None:
            return codec.net_shell(self._message, ops, self.site, functions)
        return NetDef(
            self.Name(),
            tuple(ops),
            self._external_inputs(),
            self._external_outputs,
            site=self.site,
            calls_checked=self._calls_checked,
        )

    def _external_inputs(self) -> tuple[str, ...]:
        return self._blobs.external_inputs() if self._blobs is not None else ()

    def _functions_by_token(self) -> dict[str, object]:
        return {token: held.function for token, held in self._functions.items()}

    def _settle(self) -> None:
        """Take over what others have changed in the message."""
        if self._message is None or self._seen is None:
            return
        seen = self._message.SerializeToString()
        if seen != self._seen:
            self._seen = seen
            self._reread(self._message)

    def _reread(self, message: pb.NetDef) -> None:
        """Take over what was changed in the message."""
        self._ops = list(reread(message, self._ops, self._functions_by_token(), self.site).ops)
        self._model = None

    def add_op(self, op: OpDef, message: pb.OperatorDef | None = None, *, checked: bool = False) -> None:
        """Append an operator as it is; no external input is added.

        Args:
            op: the operator.
            message: the same, if there is more in it than in `op`, as when there are nets among its arguments.
            checked: the call is known to fit the declaration.
        """
        self._calls_checked &= checked
        if message is not None or self._message is not None:
            self._ruling_message().op.append(message if message is not None else codec.op_to_proto(op))
        if self._blobs is not None:
            self._blobs.add_outputs(op.outputs, len(self._ops))
        self._ops.append(op)
        self._model = None

    def _op_messages(self) -> list[pb.OperatorDef | None]:
        """The messages of its operators, None for those that need none; see `add_op`."""
        return [None] * len(self._ops) if self._message is None else list(self._message.op)

    def _add_external(self, names: Sequence[str]) -> None:
        self._table.add_external(names)
        if self._message is not None:
            self._message.external_input.extend(names)
        self._model = None

    def _add_external_outputs(self, names: Sequence[str]) -> None:
        self._external_outputs += tuple(names)
        if self._message is not None:
            self._message.external_output.extend(names)
        self._model = None

    def functions(self) -> dict[str, HeldFunction]:
        """The functions that its `Python` and `Call` operators call, by token. The net keeps them alive."""
        return self._functions

    # --- fresh names ---

    def NextName(self, prefix: str | None = None, output_id: int | None = None) -> str:
        """A name that no blob of this net has yet. It is not reserved, and no name scope is put before it.

        Args:
            prefix: the name is `<net>/<prefix>`, later `<net>/<prefix>_2` and so on; without one, `<net>_blob_<k>`.
            output_id: is put behind the name, with a colon.
        """
        if not prefix:
            name = f"{self.Name()}_blob_{self._next_number}"
            self._next_number += 1
            return name
        name, counter = self._fresh_name(prefix, output_id)
        self._name_counters.update(counter)
        return name

    def _fresh_name(self, prefix: str, output_id: int | None) -> tuple[str, dict[str, int]]:
        """A free name, and what its counter becomes when it is used."""
        base = f"{self.Name()}{SEPARATOR}{prefix}"
        ending = "" if output_id is None else f":{output_id}"
        first = base + ending
        if not self._table.is_defined(ScopedName(first)):
            return first, {}
        count = self._name_counters.get(first, 1)
        while True:
            count += 1
            name = f"{base}_{count}{ending}"
            if not self._table.is_taken(ScopedName(name)):
                return name, {first: count}

    def NextBlob(self, prefix: str = "unnamed") -> BlobReference:
        """A blob of this name, else `<prefix>_auto_0`, ...; it is reserved, and no name scope is put before it."""
        name = prefix
        while f"reserved:{name}" in self._name_counters or self._table.is_defined(name):
            count = self._name_counters.get(f"auto:{prefix}", 0)
            self._name_counters[f"auto:{prefix}"] = count + 1
            name = f"{prefix}_auto_{count}"
        self._name_counters[f"reserved:{name}"] = 1
        return BlobReference(name)

    def NextScopedBlob(self, prefix: str = "unnamed") -> BlobReference:
        """As `NextBlob`, in the current name scope."""
        return self.NextBlob(ScopedName(prefix))

    # --- blobs ---

    def BlobIsDefined(self, blob: Blob) -> bool:
        """Whether an operator writes the blob, or it is an external input."""
        return self._table.is_defined(blob_name(blob))

    def UsesBlob(self, blob: Blob) -> bool:
        """Whether an operator reads the blob, or it is an external input."""
        name = blob_name(blob)
        net = self.to_model()
        return name in net.external_inputs or any(name in op.inputs for op in net.ops)

    def UsedBlobNames(self) -> set[str]:
        """The names of all blobs that operators read or write, and of external inputs and outputs."""
        net = self.to_model()
        names = {*net.external_inputs, *net.external_outputs}
        for op in net.ops:
            names.update(op.inputs, op.outputs)
        return names

    def GetBlobRef(self, name: Blob) -> BlobReference:
        """A reference to a blob of this net.

        Raises:
            BuildKeyError: it is not defined here.
        """
        found = blob_name(name)
        if not self._table.is_defined(found):
            near = did_you_mean(found, self.UsedBlobNames())
            msg = f"blob {found!r} is not defined in net {self.Name()!r}{near}"
            raise BuildKeyError(msg)
        return BlobReference(found, self)

    def is_external_input(self, blob: Blob) -> bool:
        """Whether the blob is an external input."""
        return self._table.is_external(blob_name(blob))

    @property
    def external_inputs(self) -> list[BlobReference]:
        """References to the external inputs, without a net."""
        return [BlobReference(name) for name in self.to_model().external_inputs]

    @property
    def external_outputs(self) -> list[BlobReference]:
        """References to the external outputs, without a net."""
        return [BlobReference(name) for name in self.to_model().external_outputs]

    def AddExternalInput(self, *inputs: Blob) -> BlobReference | list[BlobReference]:
        """Say that blobs come from outside of the net. No name scope is put before their names.

        Returns:
            A reference without a net, or a list of them if there are several.

        Raises:
            BuildError: none is given, or one is an external input already.
        """
        if not inputs:
            msg = f"net {self.Name()!r}: AddExternalInput needs at least one blob, got none"
            raise BuildError(msg)
        names = [blob_name(blob) for blob in inputs]
        for index, name in enumerate(names):
            if self._table.is_external(name) or name in names[:index]:
                msg = f"{name!r} is an external input of net {self.Name()!r} already"
                raise BuildError(msg)
        self._add_external(names)
        references = [BlobReference(name) for name in names]
        return references[0] if len(references) == 1 else references

    def AddExternalOutput(self, *outputs: BlobReference) -> None:
        """Say that blobs are read outside of the net.

        Raises:
            BuildError: one is no reference, or not defined in this net.
        """
        for output in outputs:
            if not isinstance(output, BlobReference):
                msg = f"an external output of net {self.Name()!r} must be a BlobReference, got {output!r}"
                raise BuildError(msg)
            if not self._table.is_defined(str(output)):
                near = did_you_mean(str(output), self.UsedBlobNames())
                msg = f"external output {str(output)!r} is not defined in net {self.Name()!r}{near}"
                raise BuildError(msg)
        self._add_external_outputs([str(output) for output in outputs])

    def AddScopedExternalInputs(self, *inputs: Blob) -> list[BlobReference]:
        """As `AddExternalInput`, with the current name scope before the names; the result is always a list."""
        added = self.AddExternalInput(*(ScopedName(blob_name(blob)) for blob in inputs))
        return added if isinstance(added, list) else [added]

    def AddScopedExternalOutputs(self, *outputs: Blob) -> None:
        """As `AddExternalOutput`, with the current name scope before the names."""
        self.AddExternalOutput(*(BlobReference(ScopedName(blob_name(blob))) for blob in outputs))

    AddExternalInputs = AddExternalInput
    AddExternalOutputs = AddExternalOutput

    # --- attributes ---

    def add_attribute(self, name: str, obj: object) -> None:
        """Attach an object to the net under a name; several may share one. It stays in this process."""
        self._attributes.setdefault(name, []).append(obj)

    def get_attributes(self, name: str) -> list[Any]:
        """The objects that were attached under the name, in order."""
        return list(self._attributes.get(name, ()))


def _take_name(base: str) -> TakenName:
    """A name for a net: `base` after the name of the enclosing builder, made unique."""
    builder = NetNaming.current(required=False)
    if builder is not None and builder.name:
        base = f"{builder.name}{SEPARATOR}{base}" if base else builder.name
    return current_names().net(base)


def _first_free_number(net: pb.NetDef) -> int:
    """The number that comes after those of blobs that were named without a prefix: see `NextName`."""
    start = f"{net.name}_blob_"
    numbers = [name.removeprefix(start) for op in net.op for name in op.output if name.startswith(start)]
    return max((int(number) + 1 for number in numbers if number.isdecimal()), default=0)
