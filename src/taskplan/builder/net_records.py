"""Records of a net: which of its blobs are the columns of what comes in, and of what goes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.calls import OperatorCalls
from taskplan.builder.columns import equal_schemas, from_column_list
from taskplan.builder.containers import Struct
from taskplan.builder.fields import Field
from taskplan.builder.records import NewRecord, blobs_of
from taskplan.builder.scope import NameScope
from taskplan.errors import BuildError


class NetRecords(OperatorCalls):
    """A net with an input record and an output record.

    The blobs of the input record are external inputs of the net, those of the output record external outputs.
    """

    _input_record: Field | None = None
    _output_record: Field | None = None

    def input_record(self) -> Field | None:
        """The record of what comes in, or None if it was not set."""
        return self._input_record

    def output_record(self) -> Field | None:
        """The record of what goes out, or None if it was not set."""
        return self._output_record

    # Which fields it has is known to whoever gave it.
    def set_input_record(self, input_record: Field) -> Any:
        """Say what comes in, once.

        Args:
            input_record: a record; or a schema, which gets new blobs named after the net.

        Raises:
            BuildError: another one was set before.
        """
        if self._input_record is not None:
            if not _same(self._input_record, input_record):
                msg = f"the input record of net {self.Name()!r} is set already and cannot be replaced"
                raise BuildError(msg)
            return self._input_record
        if not input_record.has_blobs():
            with NameScope(self.Name()):
                input_record = NewRecord(self, input_record)
        new = [blob for blob in dict.fromkeys(blobs_of(input_record)) if not self.is_external_input(blob)]
        if new:
            self.AddExternalInput(*new)
        self._input_record = input_record
        return input_record

    def set_output_record(self, record: Field) -> None:
        """Say what goes out, once.

        Raises:
            BuildError: another one was set before, or a blob of it is not defined in this net.
        """
        if self._output_record is not None and not _same(self._output_record, record):
            msg = f"the output record of net {self.Name()!r} is set already; see AppendOutputRecordField"
            raise BuildError(msg)
        self._put_out(record)
        self._output_record = record

    def AppendOutputRecordField(self, field_name: str, record: Field) -> None:
        """Add a field to the output record.

        Raises:
            BuildError: there is no output record yet, or a blob of `record` is not defined in this net.
        """
        if not isinstance(self._output_record, Struct):
            msg = f"net {self.Name()!r} has no output record of fields to append {field_name!r} to, but "
            raise BuildError(msg + repr(self._output_record))
        self._put_out(record)
        self._output_record = self._output_record + Struct((field_name, record))

    def recover_input_record_by_prefix(self, prefix: str) -> None:
        """Make an input record of the external inputs named `<prefix><column>`, if there are any."""
        record = _by_prefix(self.to_model().external_inputs, prefix)
        if record is not None:
            self.set_input_record(record)

    def recover_output_record_by_prefix(self, prefix: str) -> None:
        """Make an output record of the external outputs named `<prefix><column>`, if there are any."""
        record = _by_prefix(self.to_model().external_outputs, prefix)
        if record is not None:
            self.set_output_record(record)

    def _put_out(self, record: Field) -> None:
        present = set(self.to_model().external_outputs)
        self.AddExternalOutput(*(blob for blob in dict.fromkeys(blobs_of(record)) if str(blob) not in present))


def _same(one: Field, other: Field) -> bool:
    """Whether two records have the same fields, and the same blobs as far as the second has any."""
    return equal_schemas(one, other) and (not other.has_blobs() or blobs_of(one) == blobs_of(other))


def _by_prefix(names: Iterable[str], prefix: str) -> Field | None:
    found = [name for name in names if name.startswith(prefix)]
    if not found:
        return None
    columns = [name.removeprefix(prefix) for name in found]
    return from_column_list(columns, col_blobs=[BlobReference(name) for name in found])
