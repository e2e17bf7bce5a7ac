"""Nets as processors: a copy of the net for each body, bound to the record that it gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.columns import equal_schemas
from taskplan.builder.dataflow import get_ssa, get_undefined_blobs
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.records import blobs_of
from taskplan.errors import BuildError, BuildTypeError, ClosedError


def clone_and_bind_net(
    net: Net,
    name: str,
    prefix: str,
    blob_remap: dict[str, str] | None = None,
    inputs: Field | None = None,
    keep_schema: bool = True,
) -> tuple[Net, dict[str, str]]:
    """A copy of a net whose blobs have a prefix, except those that it does not make.

    Args:
        net: the net.
        name: of the copy; made unique.
        prefix: of the blobs that the net makes.
        blob_remap: names that are settled already; what is found here is added to it.
        inputs: a record in place of the net's input record.
        keep_schema: let the copy have the records of the net, renamed.

    Returns:
        The copy, and `blob_remap`: the names in the net to those in the copy.

    Raises:
        BuildError: the net has no input record, or one of other fields.
    """
    ssa, versions = get_ssa(net)
    undefined = get_undefined_blobs(ssa)
    remap = blob_remap if blob_remap is not None else {}
    if inputs is not None:
        expected = net.input_record()
        if expected is None or not equal_schemas(inputs, expected, check_field_types=False):
            got = inputs.field_names()
            fields = expected.field_names() if expected is not None else "no input record"
            msg = f"net {net.Name()!r} takes {fields}, it is given {got}; see Net.set_input_record"
            raise BuildError(msg)
        remap.update(zip(map(str, blobs_of(expected)), map(str, blobs_of(inputs)), strict=True))
    for blob in versions:
        if blob not in remap and blob not in undefined:
            remap[blob] = prefix + blob
    cloned = net.Clone(name, remap, keep_schema=keep_schema)
    if not keep_schema and inputs is not None:
        cloned.set_input_record(inputs)
    return cloned, remap


class NetProcessor:
    """A processor that runs a net: a copy for each body, bound to the record that is read.

    The input record of the net says which of its blobs are the fields; its output record is what is written.

    Example::

        net = Net("square")
        record = net.set_input_record(Struct(("x", np.float32)))
        net.set_output_record(Struct(("x", net.Sqr(record.x()))))
        pipe(source, sink, processor=NetProcessor(net))

    Args:
        net: the net.
        stop_signal: a bool blob, of the net or of another; where it is true, the body ends.
        thread_init_nets: are copied too, and run once before the tasks of the group.
        name: of the task; that of the net if not given.

    Raises:
        BuildTypeError: `net` is no net, or `stop_signal` no blob.
    """

    def __init__(
        self,
        net: Net,
        stop_signal: BlobReference | None = None,
        thread_init_nets: Sequence[Net] | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(net, Net):
            msg = f"a NetProcessor runs a net, got {net!r}"
            raise BuildTypeError(msg)
        if stop_signal is not None and not isinstance(stop_signal, BlobReference):
            msg = f"a stop signal is a BlobReference, got {stop_signal!r}"
            raise BuildTypeError(msg)
        self.name = name or str(net)
        self.net = net
        self.thread_init_nets = list(thread_init_nets or ())
        self._stop_signal = stop_signal
        self._blob_maps: list[dict[str, str]] = []
        self._frozen = False
        self._init_nets: list[Net] = []

    def setup(self, init_net: Net) -> list[Net]:  # noqa: ARG002 - the setup protocol's
        """The copies of the nets that run before; no more copies are made from now on."""
        self._frozen = True
        return list(self._init_nets)

    def __call__(self, record: Any) -> Any:
        """A copy of the net, its output record, and its stop signal.

        Raises:
            ClosedError: a group with this processor has been compiled, or its `blob_maps` were asked for.
        """
        if self._frozen:
            msg = f"processor {self.name!r} has been compiled with a group; make another NetProcessor of the net"
            raise ClosedError(msg)
        prefix = f"{NetBuilder.current().name}/"
        remap: dict[str, str] = {}
        for net in self.thread_init_nets:
            self._init_nets.append(clone_and_bind_net(net, f"{net}{prefix}", prefix, remap)[0])
        cloned, remap = clone_and_bind_net(self.net, f"{self.net}{prefix}", prefix, remap, record)
        stop = self._stop_signal
        if stop is not None and str(stop) in remap:
            stop = BlobReference(remap[str(stop)], cloned)
        self._blob_maps.append(remap)
        return [cloned], cloned.output_record(), stop

    def blob_maps(self) -> list[dict[str, str]]:
        """For each copy the names in the net to those in the copy; no more copies are made from now on."""
        self._frozen = True
        return self._blob_maps
