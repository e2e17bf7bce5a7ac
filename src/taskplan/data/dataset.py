"""Datasets: nested records in blobs, read in order or at random, and appended to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from taskplan.builder.blobs import BlobReference
from taskplan.builder.column_types import UNTYPED
from taskplan.builder.columns import from_blob_list, from_column_list
from taskplan.builder.containers import List, Struct
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.records import InitEmptyRecord, NewRecord, blobs_of
from taskplan.builder.sites import here
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import Runnable, execution_step
from taskplan.data.dataset_readers import DatasetRandomReader, DatasetReader
from taskplan.data.dataset_writer import AppendMutex, DatasetWriter
from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.plan.types import STRING_DTYPE, Array, DType
from taskplan.sessions.workspaces import FeedBlob

_PROGRESS_EVERY_S = 5


class FieldTypes(list[DType]):
    """The dtypes of columns, as an attribute; called, it answers too, as the method of that name does elsewhere."""

    def __call__(self) -> list[DType]:
        """The dtypes."""
        return list(self)


@runtime_checkable
class _ToNumPy(Protocol):
    """A column of a data frame, as of pandas."""

    def to_numpy(self) -> Array:
        """The column as an array."""


class Frame(Protocol):
    """What a dataset takes of a data frame, as of pandas."""

    @property
    def columns(self) -> Iterable[Any]:
        """The names of the columns."""

    def __getitem__(self, name: Any) -> Any:
        """A column: an array, or what has `to_numpy()`."""


def Const(  # noqa: N802 - the task system's name
    net: Net, value: object, dtype: npt.DTypeLike | None = None, name: str | None = None
) -> BlobReference:
    """A blob that holds a value now, in the current workspace: the value is fed, and no operator added.

    Args:
        net: gets the blob as an external input, and gives it its name.
        value: a number, string, array or nested list.
        dtype: what it is made before.
        name: the end of the blob's name.

    Raises:
        BuildTypeError: `net` is none.
    """
    if not isinstance(net, Net):
        msg = f"expected a Net, got {net!r}"
        raise BuildTypeError(msg)
    return _fed(net, BlobReference(net.NextName(name)), np.array(value, dtype=dtype))


def _fed(net: Net, blob: BlobReference, array: Array) -> BlobReference:
    net.AddExternalInput(blob)
    FeedBlob(blob, array)
    return blob


class Dataset:
    """Nested records in blobs, one blob a column; to be read and appended to.

    Example::

        ds = Dataset(Struct(("user", np.int64), ("prices", List(np.float32))), name="sales")
        ds.init_empty(init_net)
        with TaskGroup() as group:
            pipe(source, ds.writer())
        session.run(init_net)
        session.run(group)                  # the records of `source` are in the dataset
        pipe(ds.reader(batch_size=100), sink)

    Lengths must come before what they are the lengths of.

    Args:
        fields: a schema; a record, whose blobs then are the columns; or the names of columns.
        name: begins the names of cursors.

    Attributes:
        schema: what a record is.
        fields: the names of the columns.
        field_types: their dtypes.
        name: see there.
        field_blobs: the blobs of the columns; None before there are any.

    Raises:
        BuildTypeError: `fields` is none of these.
    """

    def __init__(self, fields: Struct | List | Sequence[str], name: str | None = None) -> None:
        schema: Struct | List
        if isinstance(fields, Struct | List):
            schema = fields
        elif isinstance(fields, list | tuple) and all(isinstance(each, str) for each in fields):
            schema = from_column_list(fields)
        else:
            msg = f"a dataset is made of a Struct or a list of names of columns, got {fields!r}"
            raise BuildTypeError(msg)
        self.schema = schema
        self.fields = schema.field_names()
        self.field_types = FieldTypes(schema.field_types())
        self.name = name or "dataset"
        self.field_blobs: list[Any] | None = schema.field_blobs() if schema.has_blobs() else None
        self._declared = here()
        self._mutex: AppendMutex | None = None

    def init_empty(self, init_net: Net) -> None:
        """Let a net make new columns, without records. Dtypes that no tensor has become float, with a warning."""
        self._take(init_net, InitEmptyRecord(init_net, self.schema.clone_schema()))

    def init_from_dataframe(self, net: Net, dataframe: Frame) -> None:
        """Feed the columns of a data frame to new blobs of the current workspace, now.

        Args:
            net: gets the blobs as external inputs.
            dataframe: as of pandas; its columns are taken in their order, whatever their names.

        Raises:
            BuildValueError: it has more or fewer columns than the dataset.
            BuildTypeError: a column cannot have the dtype that the schema declares.
        """
        names = list(dataframe.columns)
        if len(names) != len(self.fields):
            msg = f"the data frame has {len(names)} columns, {names!r}, for {len(self.fields)} fields, {self.fields!r}"
            raise BuildValueError(msg)
        arrays = [
            _column(dataframe[name], field, dtype)
            for name, field, dtype in zip(names, self.fields, self.field_types, strict=True)
        ]
        record = NewRecord(net, self.schema.clone_schema())
        for blob, array in zip(blobs_of(record), arrays, strict=True):
            _fed(net, blob, array)
        self._take(net, record)

    def content(self) -> Struct | List:
        """The record of the columns.

        Raises:
            BuildTypeError: there are none yet.
        """
        if self.field_blobs is None:
            msg = f"dataset {self.name!r} has no blobs yet; call init_empty(init_net)"
            raise BuildTypeError(msg)
        return from_blob_list(self.schema, self.field_blobs)

    def get_blobs(self) -> list[Any] | None:
        """The blobs of the columns; None before there are any."""
        return self.field_blobs

    def field_names(self) -> list[str]:
        """The names of the columns."""
        return self.fields

    def reader(
        self,
        init_net: Net | None = None,
        cursor_name: str | None = None,
        batch_size: int = 1,
        enforce_batch_size: bool = False,
    ) -> DatasetReader:
        """A reader of the records, from the first to the last.

        Args:
            init_net: makes the cursor, which then stays where it is from run to run. Without it each task that reads
                makes its own, and begins at the first record.
            cursor_name: the blob of the cursor; `<name>_cursor` if not given.
            batch_size: how many records a read takes.
            enforce_batch_size: skip an incomplete last batch.

        Raises:
            BuildError: the dataset has no blobs yet.
        """
        made = DatasetReader(self._initialized(), self._cursor(cursor_name), batch_size, enforce_batch_size)
        if init_net is not None:
            made.set_up(init_net)
        return made

    def random_reader(
        self,
        init_net: Net | None = None,
        indices: BlobReference | None = None,
        cursor_name: str | None = None,
        batch_size: int = 1,
        loop_over: bool = False,
        enforce_batch_size: bool = False,
        seed: int | None = None,
    ) -> DatasetRandomReader:
        """A reader of the records in the order of indices.

        With an init net, indices are made by `sort_and_shuffle(net)`, and `computeoffset(net)` is to be called too.
        Without, each task that reads shuffles all records, if no indices are given, and does the rest.

        Args:
            init_net: as for `reader`.
            indices: a blob of int64 numbers of records, which may repeat.
            cursor_name: as for `reader`.
            batch_size: how many records a read takes.
            loop_over: begin again after the last index, and never end.
            enforce_batch_size: skip an incomplete last batch.
            seed: 0 or more. The orders that are drawn for one cursor then differ from each other, and each is the same
                in every run of the program. If not given, the session's seed decides, or chance.

        Raises:
            BuildError: the dataset has no blobs yet.
        """
        content, name = self._initialized(), self._cursor(cursor_name)
        made = DatasetRandomReader(content, name, indices, batch_size, loop_over, enforce_batch_size, seed)
        if init_net is not None:
            made.set_up(init_net)
        return made

    def writer(self, init_net: Net | None = None) -> DatasetWriter:
        """A writer that appends records. Any number of tasks may write at once.

        Args:
            init_net: is set up for writing; without it each group of tasks is that writes.

        Raises:
            BuildError: the dataset has no blobs yet.
        """
        content = self._initialized()
        if self._mutex is None:
            self._mutex = AppendMutex(self.name)
        made = DatasetWriter(self.name, content, self._declared, self._mutex)
        if init_net is not None:
            made.set_up(init_net)
        return made

    def trim(self, net: Net, multiple_of: int) -> None:
        """Drop records from the end, so that their number is a multiple.

        Raises:
            BuildError: the dataset has no blobs yet.
        """
        blobs = blobs_of(self._initialized())
        net.TrimDataset(blobs, blobs, fields=self.fields, multiple_of=multiple_of)

    def _take(self, net: Net, record: Field) -> None:
        # References that hold the net, since the names of the blobs are taken while it lives.
        self.field_blobs = [BlobReference(str(blob), net) for blob in blobs_of(record)]

    def _cursor(self, cursor_name: str | None) -> str:
        return cursor_name or f"{self.name}_cursor"

    def _initialized(self) -> Field:
        if self.field_blobs is None:
            msg = f"Dataset not initialized. {self.name!r} has no blobs yet; call init_empty(init_net)"
            raise BuildError(msg)
        return self.content()

    def __repr__(self) -> str:
        return f"Dataset({self.fields!r}, name={self.name!r})"


def execution_step_with_progress(
    name: str,
    init_net: Net,  # noqa: ARG001 - existing programs give it
    substeps: Runnable,
    rows_read: BlobReference,
) -> ExecutionStep:
    """A step that runs substeps at once, and meanwhile prints a blob every 5 seconds."""
    report_net = Net("report_net")
    report_net.Print([rows_read], [])
    return execution_step(
        name, substeps, report_net=report_net, report_interval=_PROGRESS_EVERY_S, concurrent_substeps=True
    )


def _column(column: object, field: str, dtype: DType) -> Array:
    """The column of a data frame, with the dtype that the schema declares."""
    array: Array = np.asarray(column.to_numpy() if isinstance(column, _ToNumPy) else column)
    is_text = dtype.kind in "SU" or dtype == STRING_DTYPE
    if dtype == UNTYPED or is_text or array.dtype == dtype.base:
        return array
    if not np.can_cast(array.dtype, dtype.base, "same_kind"):
        msg = f"field {field!r} is declared as {dtype.base}, got a column of {array.dtype}; convert it first"
        raise BuildTypeError(msg)
    return array.astype(dtype.base)
