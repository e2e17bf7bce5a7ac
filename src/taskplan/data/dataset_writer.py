"""The writer of a dataset."""

from __future__ import annotations

from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.column_types import data_type_for_dtype
from taskplan.builder.dataio import Fields, Record, Writer, require_agreement
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.records import blobs_of
from taskplan.builder.sites import here, written_at
from taskplan.builder.task import Task
from taskplan.builder.task_group import TaskGroup
from taskplan.data.dataset_readers import HELD, new_blob
from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.plan.names import UNKNOWN_SITE, Site
from taskplan.plan.types import DType


class AppendMutex:
    """The mutex under which all writers of a dataset append, since they read and write the same blobs.

    Args:
        name: of the dataset.

    Attributes:
        blob: what holds it; None before there is one.
    """

    def __init__(self, name: str) -> None:
        self.blob: BlobReference | None = None
        self._name = f"{name}_mutex"
        self._made_in: Net | None = None  # held, since the name of the blob is taken while it lives
        self._site = UNKNOWN_SITE

    def make(self, init_net: Net) -> None:
        """Make a new mutex in this net; one that is there is replaced."""
        init_net.CreateMutex([], [self._taken_blob(init_net)])

    def provide(self, init_net: Net) -> None:
        """See that there is one when the task begins whose init net this is.

        All tasks of a group that write at once need the same, so none of them makes it.
        """
        if Task.current(required=False) is None:
            self.make(init_net)
            return
        self._taken_blob(init_net)
        self._site = here()
        init_net.add_attribute(TaskGroup.LOCAL_SETUP, self)

    def setup(self, init_net: Net) -> None:
        """Make it once for all tasks of a group on one node: see `taskplan.builder.setup`."""
        with written_at(self._site):
            self.make(init_net)

    def _taken_blob(self, init_net: Net) -> BlobReference:
        if self.blob is None:
            self.blob, self._made_in = new_blob(init_net, self._name), init_net
        return self.blob


class DatasetWriter(Writer):
    """Appends records to a dataset, each with all of its columns or not at all; see `Dataset.writer`."""

    def __init__(self, name: str, content: Field, declared: Site, mutex: AppendMutex) -> None:
        self._name = name
        self._content = content
        self._declared = declared
        self._mutex = mutex
        self._is_ready = False
        self._is_set_up = False
        dtypes = [name_of_dtype(dtype) for dtype in content.field_types()]
        self._dtypes: dict[str, Any] = {"dtypes": dtypes} if any(dtypes) else {}

    def set_up(self, init_net: Net) -> None:
        """Make what writing needs in this net, for all tasks that will write; `setup_ex` adds nothing from now on."""
        self._mutex.make(init_net)
        self._is_ready = self._is_set_up = True

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Make what writing needs for a task, unless it was made for all; see `Writer`."""
        if not self._is_set_up:
            self._mutex.provide(init_net)
            self._is_ready = True
        self.commit(finish_net)

    def write(self, writer_net: Net, fields: Fields) -> None:
        """Append a record; see `Writer`.

        Raises:
            BuildError: `setup_ex` was not called.
            BuildValueError: it has more or fewer fields than the dataset.
        """
        if not self._is_ready or self._mutex.blob is None:
            msg = f"setup not called. Make the writer of dataset {self._name!r} with an init_net, or call setup_ex"
            raise BuildError(msg)
        names = self._content.field_names()
        if len(fields) != len(names):
            msg = f"dataset {self._name!r} has the {len(names)} fields {names!r}, got {len(fields)} blobs, {fields!r}"
            raise BuildValueError(msg)
        columns = blobs_of(self._content)
        writer_net.add_attribute(HELD, self)
        writer_net.CheckDatasetConsistency(list(fields), [], fields=names, **self._dtypes)
        writer_net.AtomicAppend([self._mutex.blob, *columns, *fields], columns)

    def _take_record(self, fields: Record) -> Fields:
        if isinstance(fields, Field):
            require_agreement(f"dataset {self._name!r}", self._content, self._declared, fields)
        return super()._take_record(fields)


def name_of_dtype(dtype: DType) -> str:
    """What NumPy calls a dtype; empty if columns of it may hold anything."""
    try:
        data_type_for_dtype(dtype)
    except BuildTypeError:
        return ""
    name = "str" if dtype.base.kind == "U" else dtype.base.name
    return f"{dtype.shape}{name}" if dtype.shape else name
