"""Nets: ordered lists of operator calls, and what can be made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from taskplan.builder.blobs import BlobReference, blob_name
from taskplan.builder.dataflow import get_ssa, get_undefined_blobs, needed_ops, read_before_written
from taskplan.builder.draft import Blob
from taskplan.builder.edits import NetEdits
from taskplan.builder.literals import Literals
from taskplan.builder.net_records import NetRecords
from taskplan.builder.renaming import RemapFunction, rename_net, renamed_record
from taskplan.builder.user_functions import UserFunctions
from taskplan.errors import BuildError, BuildTypeError
from taskplan.plan import taskplan_pb2 as pb
from taskplan.plan.model import OpDef


class Net(Literals, UserFunctions, NetEdits, NetRecords):
    """An ordered list of operator calls.

    Operators are methods. They take blobs, which are names or what other operators returned, and return references to
    their outputs::

        net = Net("train")
        x = net.Const([1.0, 2.0])
        y = net.Add([x, x])                          # one output, named train/Add
        net.Copy(y, "result")                        # named by the caller
        parts = net.Split(y, 2)                      # two outputs: train/Split:0 and train/Split:1

    A blob that the net does not define becomes an external input. Plain strings get the current `NameScope`. A wrong
    count of blobs and a wrong argument are errors on the line of the call, and leave the net as it was.

    Args:
        name_or_proto: a name, made unique (`train`, `train_1`, ...) and put after that of the enclosing builder; None
            and `""` are names too. Or a NetDef message, which is copied; its name is made unique in the same way.

    Raises:
        BuildTypeError: it is neither.
    """

    def AppendNet(self, net: Net, device_option: pb.DeviceOption | None = None) -> Self:
        """Append copies of another net's operators, and take over its external inputs and outputs.

        External inputs that this net defines already come from here. Attributes are not taken over.

        Args:
            net: the other net; it is not changed.
            device_option: replaces those of the copies.
        """
        if not isinstance(net, Net):
            msg = f"AppendNet takes a Net, got {net!r}"
            raise BuildTypeError(msg)
        added = net.to_model()
        self._add_external([name for name in added.external_inputs if not self._table.is_defined(name)])
        present = set(self.to_model().external_outputs)
        self._add_external_outputs([name for name in added.external_outputs if name not in present])
        # Counted beforehand: a net may be appended to itself.
        for op, message in zip(list(net._ops), net._op_messages(), strict=True):
            self.add_op(op, message, checked=net._calls_checked)
            if device_option is not None:
                self._ruling_message().op[-1].device_option.CopyFrom(device_option)
        self._functions.update(net.functions())
        has_device = net._message is not None and net._message.HasField("device_option")
        if device_option is not None or has_device:
            self._reread(self._ruling_message())
        return self

    def Clone(
        self,
        name: str | None,
        blob_remap: Mapping[str, str] | None = None,
        op_id_mask: Iterable[int] | None = None,
        remap_funcs: Mapping[str, RemapFunction] | None = None,
        keep_schema: bool = True,
        update_external_list: bool = False,
    ) -> Net:
        """A new net of the same operators, or some of them, with blobs renamed.

        Args:
            name: is made unique.
            blob_remap: old names (or references) to new ones, for inputs, outputs and external lists; also inside the
                nets that `If`, `While` and `AsyncIf` hold.
            op_id_mask: the indices of the operators to take; all if not given.
            remap_funcs: for types of operators, how blobs in their arguments are renamed: `f(operator, blob_remap)`
                changes the copy.
            keep_schema: take over the input and output records, renamed.
            update_external_list: external inputs become what the operators taken need beforehand, and external outputs
                that they do not write go.

        Returns:
            The net. Its lists of attributes hold the same objects and are its own.
        """
        self._settle()
        remap = {str(old): str(new) for old, new in (blob_remap or {}).items()}
        message = self.peek()
        indices = range(len(message.op)) if op_id_mask is None else list(op_id_mask)
        proto = pb.NetDef()
        proto.CopyFrom(message)
        proto.name = name or ""
        del proto.op[:]
        proto.op.extend([message.op[index] for index in indices])
        rename_net(proto, remap, remap_funcs or {})
        if update_external_list:
            _update_external(proto)
        return self._cloned(proto, [self._ops[index] for index in indices], remap, keep_schema)

    def _cloned(self, proto: pb.NetDef, ops: Sequence[OpDef], remap: Mapping[str, str], records: bool) -> Net:
        new_net = Net(proto)
        new_net._functions = dict(self._functions)
        new_net._ops = [op._replace(outputs=tuple(renamed.output)) for op, renamed in zip(ops, proto.op, strict=True)]
        new_net._reread(new_net._ruling_message())
        new_net._attributes = {name: list(objects) for name, objects in self._attributes.items()}
        if records:
            new_net._input_record = renamed_record(self._input_record, remap, new_net)
            new_net._output_record = renamed_record(self._output_record, remap, new_net)
        return new_net

    def ClonePartial(
        self,
        name: str | None,
        inputs: Iterable[Blob] | Mapping[Blob, Blob] | Iterable[tuple[Blob, Blob]],
        outputs: Iterable[Blob],
        remap_funcs: Mapping[str, RemapFunction] | None = None,
    ) -> tuple[Net, list[BlobReference]]:
        """A new net of those operators that are needed to compute `outputs` from `inputs`.

        Blobs in between get the prefix `<name>/`. What is neither given nor made becomes an external input.

        Args:
            name: is made unique.
            inputs: blobs that are given; as a dict or as pairs, with the names that they have in the new net.
            outputs: blobs of this net.
            remap_funcs: as for `Clone`.

        Returns:
            The net, and references to the outputs in it.

        Raises:
            BuildError: an output is not defined here, or an operator that is needed would write a given input.
        """
        given = _given_inputs(inputs)
        wanted = [str(self.GetBlobRef(output)) for output in outputs]
        ssa, versions = get_ssa(self)
        given_versions = [(old, versions.get(old, 0)) for old in given]
        used = needed_ops(ssa, set(given_versions), [(output, versions[output]) for output in wanted])
        forbidden = used & needed_ops(ssa, set(), given_versions)
        if forbidden:
            first = self.to_model().ops[min(forbidden)]
            msg = (
                f"{first.type}, which writes {list(first.outputs)!r}, is needed for {wanted!r} and for the given inputs"
            )
            raise BuildError(msg)
        kept = sorted(used)
        undefined = get_undefined_blobs([ssa[index] for index in kept]).difference(given)
        outer = [blob for blob in read_before_written(self.peek().op[index] for index in kept) if blob in undefined]
        prefix = f"{name}/" if name else ""
        mapping = {blob: given.get(blob, blob if blob in undefined else prefix + blob) for blob in versions}
        new_net = self.Clone(name, mapping, kept, remap_funcs, keep_schema=False)
        new_net._set_external([*given.values(), *outer], [mapping[output] for output in wanted])
        return new_net, [BlobReference(mapping[output], new_net) for output in wanted]

    def _set_external(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        message = self._ruling_message()
        message.external_input[:] = dict.fromkeys(inputs)
        message.external_output[:] = outputs
        self._table.read(message)
        self._model = None


def _update_external(proto: pb.NetDef) -> None:
    needed = read_before_written(proto.op)
    known = [name for name in proto.external_input if name in needed]
    proto.external_input[:] = known + [name for name in needed if name not in known]
    written = {name for op in proto.op for name in op.output}
    proto.external_output[:] = [name for name in proto.external_output if name in written]


def _given_inputs(inputs: Iterable[Any]) -> dict[str, str]:
    """Names in the old net to names in the new one."""
    if isinstance(inputs, Mapping):
        return {str(old): str(new) for old, new in inputs.items()}
    listed = list(inputs)
    if all(isinstance(each, tuple) and len(each) == 2 for each in listed):
        return {str(old): str(new) for old, new in listed}
    return {blob_name(blob): blob_name(blob) for blob in listed}
