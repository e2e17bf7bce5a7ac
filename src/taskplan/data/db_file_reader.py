"""A reader of columns that were saved to a database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.columns import from_column_list
from taskplan.builder.dataio import Fields, Reader
from taskplan.builder.fields import Field
from taskplan.builder.net import Net
from taskplan.builder.records import NewRecord, blobs_of
from taskplan.builder.scope import NameScope
from taskplan.data.dataset_readers import DatasetRandomReader
from taskplan.data.dataset_writer import name_of_dtype
from taskplan.data.stored_columns import stored_columns
from taskplan.errors import BuildError, BuildValueError
from taskplan.operators.storage.database_types import is_database_type


class DBFileReader(Reader):
    """Reads records whose columns `Save` wrote to a database, in random order.

    Each task that reads loads the columns when it begins, checks that they make records, and shuffles these anew::

        with TaskGroup() as group:
            pipe(DBFileReader("sales.db", "minidb", batch_size=100), sink)

    Args:
        db_path: the database; a relative path begins in the working directory, `~` is the home folder.
        db_type: `"minidb"` or `"lmdb"`.
        name: begins the names of blobs; made of the file's name if not given.
        batch_size: how many records a read takes.
        loop_over: begin again after the last record, in the same order, and never end.
        field_names: the columns to read. If not given they are looked up in the database now: all that it has, in
            alphabetical order.
        seed: 0 or more; every run of the program has the same order then.

    Attributes:
        db_path, db_type, name, batch_size, loop_over: see there.

    Raises:
        BuildValueError: there is no path, or no such type of databases.
        WorkspaceError: the columns cannot be looked up.
    """

    default_name_suffix = "db_file_reader"

    def __init__(
        self,
        db_path: str | os.PathLike[str],
        db_type: str,
        name: str | None = None,
        batch_size: int = 100,
        loop_over: bool = False,
        field_names: Sequence[str] | None = None,
        seed: int | None = None,
    ) -> None:
        if db_path is None:
            msg = "db_path must name a database, got None"
            raise BuildValueError(msg)
        if not is_database_type(db_type):
            msg = f"db_type must be 'minidb' or 'lmdb', got {db_type!r}"
            raise BuildValueError(msg)
        self.db_path = os.path.expanduser(db_path)
        self.db_type = db_type
        stem, _ = os.path.splitext(os.path.basename(self.db_path))
        self.name = name or f"{stem}_{self.default_name_suffix}"
        self.batch_size = batch_size
        self.loop_over = loop_over
        self._seed = seed
        self._reader: DatasetRandomReader | None = None
        super().__init__(self._known_schema() if field_names is None else from_column_list(field_names))

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Load the columns and shuffle the records; see `Reader`.

        The run fails if a column is not in the file, or is not as long as the others, or of another dtype than the
        file said when the schema was looked up.
        """
        schema = self.schema()
        with NameScope(self.name):
            content = NewRecord(init_net, schema)
        columns, names = blobs_of(content), schema.field_names()
        self._check_file(init_net)
        init_net.Load(
            [],
            columns,
            db=self.db_path,
            db_type=self.db_type,
            absolute_path=True,
            source_blob_names=names,
        )
        dtypes = [name_of_dtype(dtype) for dtype in schema.field_types()]
        known: dict[str, Any] = {"dtypes": dtypes} if any(dtypes) else {}
        init_net.CheckDatasetConsistency(columns, [], fields=names, **known)
        cursor = f"{self.name}_cursor"
        self._reader = DatasetRandomReader(content, cursor, None, self.batch_size, self.loop_over, False, self._seed)
        self._reader.setup_ex(init_net, finish_net)

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Read the next batch; see `Reader`."""
        return self._made_reader().read(read_net)

    def reset(self, net: Net) -> None:
        """Go back to the first record of the order."""
        self._made_reader().reset(net)

    def _made_reader(self) -> DatasetRandomReader:
        if self._reader is None:
            msg = f"setup not called. Reader {self.name!r} has loaded nothing; call setup_ex"
            raise BuildError(msg)
        return self._reader

    def _known_schema(self) -> Field:
        """The schema of the columns, if none are named."""
        stored = stored_columns(self.db_type, self.db_path)
        if stored.fault is not None:
            raise stored.fault
        names, dtypes = sorted(stored.names), stored.dtypes()
        return from_column_list(names, [dtypes.get(name) for name in names])

    def _check_file(self, init_net: Net) -> None:
        """Add what must hold before columns are loaded."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.db_path!r}, {self.db_type!r})"
