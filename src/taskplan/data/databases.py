"""Databases by hand: ordered entries of key and value, both bytes, in the files that `Save` and `Load` use."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from taskplan.errors import BuildValueError, ClosedError, WorkspaceError
from taskplan.operators.storage.database_types import is_database_type, new_database, open_database
from taskplan.operators.storage.entries import Entry

MODES = ("new", "write", "read")


# Any, since who names a type that there is need not look for None.
def create_db(db_type: str, path: str | os.PathLike[str], mode: str) -> Any:
    """Open a database.

    Example::

        with create_db("minidb", "rows.db", "new") as db:
            transaction = db.new_transaction()
            transaction.put(b"first", b"1")
            transaction.commit()
        with create_db("minidb", "rows.db", "read") as db:
            print(list(db.new_cursor()))

    Args:
        db_type: `"minidb"` or `"lmdb"`, or their older spellings.
        path: the file or folder.
        mode: `"new"` for an empty database, which takes the place of an older one with the first commit; `"write"` to
            add entries; `"read"`.

    Returns:
        The `Database`; None for an unknown type.

    Raises:
        BuildValueError: there is no such mode.
        WorkspaceError: there is no database to read, or what is there is none.
    """
    if mode not in MODES:
        msg = f"a database is opened with mode 'new', 'write' or 'read', got {mode!r}"
        raise BuildValueError(msg)
    if not is_database_type(db_type):
        return None
    return Database(db_type, os.fspath(path), mode)


class Database:
    """An open database; see `create_db`."""

    def __init__(self, db_type: str, path: str, mode: str) -> None:
        self.db_type = db_type
        self.path = path
        self.mode = mode
        self._keeps = mode == "write" and os.path.exists(path)
        self._is_open = True
        self._transaction: weakref.ref[Transaction] | None = None
        if mode == "read":
            self.new_cursor().close()

    def new_cursor(self) -> Cursor:
        """A cursor at the first entry; any number of them may be open.

        Raises:
            WorkspaceError: the database is open for writing, or cannot be read.
            ClosedError: it has been closed.
        """
        self._require("read")
        return Cursor(self.db_type, self.path)

    def new_transaction(self) -> Transaction:
        """Entries that are added together.

        Raises:
            WorkspaceError: the database is open for reading, or another transaction is open.
            ClosedError: it has been closed.
        """
        self._require("new", "write")
        earlier = self._transaction() if self._transaction is not None else None
        if earlier is not None and earlier.is_open:
            msg = f"{self.path!r} has an open transaction; commit it before another is begun"
            raise WorkspaceError(msg)
        made = Transaction(self)
        self._transaction = weakref.ref(made)
        return made

    def close(self) -> None:
        """Commit what is open, and close; closing again has no effect."""
        transaction = self._transaction() if self._transaction is not None else None
        if transaction is not None and transaction.is_open:
            transaction.commit()
        self._is_open = False

    def _add(self, entries: list[tuple[bytes, bytes]]) -> None:
        """Write a database of what was there and these entries; it takes the place of the old one when it is whole."""
        try:
            with new_database(self.db_type, self.path) as writer:
                if self._keeps:
                    reader = open_database(self.db_type, self.path)
                    try:
                        while (entry := reader.entry()) is not None:
                            writer.put(entry[0], entry[1] or b"")
                    finally:
                        reader.close()
                for key, value in entries:
                    writer.put(key, value)
        except OSError as error:
            msg = f"cannot write {self.path!r}: {error.strerror or error}"
            raise WorkspaceError(msg) from error
        self._keeps = True

    def _require(self, *modes: str) -> None:
        if not self._is_open:
            msg = f"database {self.path!r} has been closed"
            raise ClosedError(msg)
        if self.mode not in modes:
            msg = f"{self.path!r} was opened with mode {self.mode!r}; this needs {' or '.join(map(repr, modes))}"
            raise WorkspaceError(msg)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Transaction:
    """Entries that are added to a database together; see `Database.new_transaction`.

    What was put is committed when the transaction goes, too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: list[tuple[bytes, bytes]] = []
        self._end = ""  # how it ended; empty as long as it is open

    @property
    def is_open(self) -> bool:
        """Whether entries can be put: no commit has been tried."""
        return not self._end

    def put(self, key: bytes | str, value: bytes | str) -> None:
        """Add an entry; a str is taken as UTF-8.

        Where the database has each key once, as lmdb does, the last value that was put is that of the key.

        Raises:
            WorkspaceError: the transaction is over; or key or value is empty.
        """
        self._require_open()
        entry = (_bytes(key), _bytes(value))
        if not all(entry):
            msg = f"an entry of a database needs a key and a value, got {key!r} and {value!r:.40}"
            raise WorkspaceError(msg)
        self._entries.append(entry)

    def commit(self) -> None:
        """Make the entries part of the database: all of them, or none if this fails. It is over then in any case.

        Raises:
            WorkspaceError: the transaction is over already; or the database cannot be written.
        """
        self._require_open()
        self._end = "its commit failed, and nothing of it was written"
        self._database._add(self._entries)
        self._end = "it has been committed"

    def _require_open(self) -> None:
        if not self.is_open:
            msg = f"the transaction of {self._database.path!r} is over: {self._end}; begin another by new_transaction()"
            raise WorkspaceError(msg)

    def __del__(self) -> None:
        if self.is_open and self._entries:
            self.commit()


class Cursor:
    """A place in a database; it stands at the first entry. Iterating gives pairs of key and value.

    Raises:
        WorkspaceError: there is no database, or what is there is none.
    """

    def __init__(self, db_type: str, path: str) -> None:
        try:
            self._reader = open_database(db_type, path)
        except OSError as error:
            msg = f"cannot read {path!r}: {error.strerror or error}"
            raise WorkspaceError(msg) from error
        self._path = path
        self.close = weakref.finalize(self, self._reader.close)
        self._entry: Entry | None = self._reader.entry()

    def valid(self) -> bool:
        """Whether it stands at an entry."""
        return self._entry is not None

    def key(self) -> bytes:
        """The key of the entry. Raises WorkspaceError: it is at the end."""
        return self._at()[0]

    def value(self) -> bytes:
        """The value of the entry. Raises WorkspaceError: it is at the end."""
        return self._at()[1] or b""

    def next(self) -> None:
        """Go to the next entry; at the end this changes nothing."""
        if self._entry is not None:
            self._entry = self._reader.entry()

    def seek_to_first(self) -> None:
        """Go to the first entry."""
        self._reader.rewind()
        self._entry = self._reader.entry()

    def supports_seek(self) -> bool:
        """Whether it can go to an entry by its key: none can, yet `seek_to_first` works for all."""
        return False

    def _at(self) -> Entry:
        if self._entry is None:
            msg = f"the cursor of {self._path!r} is at the end"
            raise WorkspaceError(msg)
        return self._entry

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        while self.valid():
            yield self.key(), self.value()
            self.next()


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)
