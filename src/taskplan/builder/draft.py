"""The draft of a net: a NetDef message, what it cannot hold, and questions about its blobs."""

from __future__ import annotations

from typing import Any

from taskplan.builder.blob_table import BlobTable
from taskplan.builder.blobs import BlobReference, ScopedName, blob_name
from taskplan.builder.context import NetNaming
from taskplan.builder.held_functions import HeldFunction
from taskplan.builder.naming import TakenName, current_names
from taskplan.builder.origins import Origin, realigned, with_nested_lines
from taskplan.builder.scope import SEPARATOR
from taskplan.builder.sites import here
from taskplan.errors import BuildError, BuildKeyError, BuildTypeError
from taskplan.plan import codec
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import NetDef
from taskplan.plan.names import did_you_mean

Blob = str | bytes | BlobReference
"""How users name a blob."""


class NetDraft:
    """A net without the operator calls: names, blobs, attributes, and the way to the model.

    Args:
        name_or_proto: a name, or a message; see `Net`.

    Attributes:
        site: the line that made it.
    """

    def __init__(self, name_or_proto: str | pb.NetDef | None) -> None:
        if not (name_or_proto is None or isinstance(name_or_proto, (str, pb.NetDef))):
            msg = f"a net is made of a name or a NetDef message, got {name_or_proto!r}"
            raise BuildTypeError(msg)
        self.site = here()
        self._origins: list[Origin] = []
        self._functions: dict[str, HeldFunction] = {}
        self._attributes: dict[str, list[Any]] = {}
        self._name_counters: dict[str, int] = {}
        self._next_number = 0
        self._reserved: set[str] = set()
        self._changes = 0
        self._handed_out = False
        self._model: tuple[int, bytes, NetDef] | None = None
        self._net = pb.NetDef()
        if isinstance(name_or_proto, pb.NetDef):
            self._net.CopyFrom(name_or_proto)
            name_or_proto = name_or_proto.name
        self._taken_name = _take_name(name_or_proto or "")
        self._net.name = self._taken_name.name
        self._table = BlobTable(self._net)
        if self._net.op:
            self._origins = [Origin(op.type, tuple(op.output), self.site) for op in self._net.op]
            self._next_number = _first_free_number(self._net)

    # --- the message and the model ---

    def Name(self) -> str:
        """The net's name."""
        return self._net.name

    def __str__(self) -> str:
        return self._net.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._net.name!r})"

    def Proto(self) -> pb.NetDef:
        """The live message: what is changed in it is changed in the net. To read only, `peek` is cheaper."""
        self._handed_out = True
        self._table.doubt()
        return self._net

    def peek(self) -> pb.NetDef:
        """The message, for those who do not change it and do not pass it on."""
        return self._net

    def to_model(self) -> NetDef:
        """The net as a value, with the line that added each operator. It is kept until the net changes.

        Operators that were added through `Proto()` have no line; one that was moved or changed there keeps its own if
        it still has its type and outputs.
        """
        seen = self._net.SerializeToString() if self._handed_out else b""
        if self._model is not None and self._model[:2] == (self._changes, seen):
            return self._model[2]
        self._settle()
        sites = [origin.site for origin in self._origins]
        functions = {token: held.function for token, held in self._functions.items()}
        model = with_nested_lines(codec.net_from_proto(self._net, sites, functions, self.site), self._origins)
        self._model = (self._changes, seen, model)
        return model

    def _settle(self) -> None:
        """Find the origin of each operator again, in case that the message was edited."""
        if self._handed_out:
            self._origins = realigned(self._origins, self._net.op)

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
        base = f"{self._net.name}{SEPARATOR}{prefix}"
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
        while name in self._reserved or self._table.is_defined(name):
            count = self._name_counters.get(f"auto:{prefix}", 0)
            self._name_counters[f"auto:{prefix}"] = count + 1
            name = f"{prefix}_auto_{count}"
        self._reserved.add(name)
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
        return name in self._net.external_input or any(name in op.input for op in self._net.op)

    def UsedBlobNames(self) -> set[str]:
        """The names of all blobs that operators read or write, and of external inputs and outputs."""
        names = {*self._net.external_input, *self._net.external_output}
        for op in self._net.op:
            names.update(op.input, op.output)
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
        return [BlobReference(name) for name in self._net.external_input]

    @property
    def external_outputs(self) -> list[BlobReference]:
        """References to the external outputs, without a net."""
        return [BlobReference(name) for name in self._net.external_output]

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
        self._table.add_external(names)
        self._changes += 1
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
        self._net.external_output.extend(map(str, outputs))
        self._changes += 1

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
    parts = (builder.name, base) if builder is not None else (base,)
    return current_names().net(SEPARATOR.join(filter(None, parts)))


def _first_free_number(net: pb.NetDef) -> int:
    """The number that comes after those of blobs that were named without a prefix: see `NextName`."""
    start = f"{net.name}_blob_"
    numbers = [name.removeprefix(start) for op in net.op for name in op.output if name.startswith(start)]
    return max((int(number) + 1 for number in numbers if number.isdecimal()), default=0)
