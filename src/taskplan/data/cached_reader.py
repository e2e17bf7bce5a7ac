"""A reader of records that another reader has read before, and that are kept in a file."""

from __future__ import annotations

import os

from taskplan.builder.cluster import Cluster
from taskplan.builder.dataio import Reader, shown
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.records import blobs_of
from taskplan.builder.scope import NameScope
from taskplan.builder.step import ExecutionStep
from taskplan.builder.steps import execution_step
from taskplan.builder.task_group import TaskGroup
from taskplan.data.dataset import Dataset
from taskplan.data.dataset_readers import new_blob
from taskplan.data.db_file_reader import DBFileReader
from taskplan.data.pipeline import pipe
from taskplan.data.stored_columns import SCHEMA_BLOB, schema_text, stored_columns
from taskplan.errors import BuildValueError

_THREADS = 16


class CachedReader(DBFileReader):
    """Reads what another reader has, from a file that is written once.

    The file says of which schema its records are. One of another schema, or one that is no cache at all, is not used::

        reader = CachedReader(slow_reader, "cache.db", "minidb")
        session.run(reader.build_cache_step())          # does nothing if the file is there
        with TaskGroup() as group:
            pipe(reader, sink)                          # never asks `slow_reader` again

    Args:
        original_reader: has the records.
        db_path: the file; see `DBFileReader`, and so all others.
        db_type: see there.
        name: see there.
        batch_size: see there.
        loop_over: see there.
        seed: see there.

    Raises:
        BuildValueError: there is no reader, no path, or no such type of databases.
        BuildError: the schema of the reader is not known.
    """

    default_name_suffix = "cached_reader"

    def __init__(
        self,
        original_reader: Reader,
        db_path: str | os.PathLike[str],
        db_type: str = "minidb",
        name: str | None = None,
        batch_size: int = 100,
        loop_over: bool = False,
        seed: int | None = None,
    ) -> None:
        if original_reader is None:
            msg = "original_reader must be a reader, got None"
            raise BuildValueError(msg)
        self.original_reader = original_reader
        super().__init__(db_path, db_type, name, batch_size, loop_over, seed=seed)

    def build_cache_step(self, overwrite: bool = False) -> ExecutionStep:
        """A step that reads all records and writes the file; an empty one if the file is there already.

        The file appears when it is complete; if the step fails, an older one stays. Records stand in no certain order.
        A cache of another schema, or one of which a part is missing, is written anew.

        Args:
            overwrite: write the file in any case.

        Raises:
            BuildValueError: there is a file that is no cache.
            WorkspaceError: the file cannot be read.
        """
        if not overwrite and self._is_built():
            return execution_step("build_step", [])
        init_net, save_net = Net("init"), Net("save")
        content = Dataset(self.schema().clone_schema(), name=self.name)  # type: ignore[arg-type]  # it refuses the rest
        with NameScope(self.name):
            content.init_empty(init_net)
            with Cluster(), TaskGroup() as group:
                pipe(self.original_reader, content.writer(), num_threads=_THREADS)
            copy_step = group.to_task().get_step()
            self._add_save(save_net, content)
        return execution_step("build_cache", [init_net, copy_step, save_net])

    def _add_save(self, save_net: Net, content: Dataset) -> None:
        blobs = blobs_of(content.content())
        schema = new_blob(save_net, SCHEMA_BLOB)
        save_net.GivenTensorStringFill([], [schema], shape=[1], values=[schema_text(self.schema())])
        save_net.Save(
            [schema, *blobs],
            [],
            db=self.db_path,
            db_type=self.db_type,
            absolute_path=True,
            blob_name_overrides=[SCHEMA_BLOB, *content.fields],
            checksums=True,
        )
        save_net.Free(blobs, blobs)

    def _is_built(self) -> bool:
        """Whether the file is there, complete and of this schema."""
        if not os.path.exists(self.db_path):
            return False
        stored = stored_columns(self.db_type, self.db_path)
        if stored.schema is None and (stored.names or stored.fault is not None):
            why = f" ({stored.fault})" if stored.fault is not None else ""
            msg = f"{self.db_path!r} is no cache{why}; give another db_path, or overwrite=True to replace it"
            raise BuildValueError(msg)
        return stored.fault is None and stored.schema == schema_text(self.schema())

    def _known_schema(self) -> Field:
        return self.original_reader.schema()

    def _check_file(self, init_net: Net) -> None:
        with NameScope(self.name):
            found = new_blob(init_net, SCHEMA_BLOB)
        init_net.GivenTensorStringFill([], [found], shape=[1], values=[""])
        init_net.Load(
            [],
            [found],
            db=self.db_path,
            db_type=self.db_type,
            absolute_path=True,
            source_blob_names=[SCHEMA_BLOB],
            allow_incomplete=True,
        )
        what = f"{self.db_path!r} is no cache of {shown(self.schema())}; run build_cache_step() first"
        init_net.Assert([init_net.StringEquals([found], text=schema_text(self.schema()))], [], error_msg=what)
