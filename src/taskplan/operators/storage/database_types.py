"""The types of databases, by the names that the argument `db_type` takes, and how operators use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from taskplan.errors import WorkspaceError
from taskplan.operators.operands import argument_error, refuse
from taskplan.operators.run import OpRun
from taskplan.operators.storage.entries import EntryReader, EntryWriter
from taskplan.operators.storage.lmdb_folder import LmdbReader, LmdbWriter
from taskplan.operators.storage.minidb import MinidbReader, MinidbWriter
from taskplan.plan.names import did_you_mean


class _DatabaseType(NamedTuple):
    reader: Callable[[str], EntryReader]
    writer: Callable[[str], EntryWriter]


_MINIDB, _LMDB = _DatabaseType(MinidbReader, MinidbWriter), _DatabaseType(LmdbReader, LmdbWriter)
_TYPES = {"minidb": _MINIDB, "MiniDB": _MINIDB, "lmdb": _LMDB, "LMDB": _LMDB}


def is_database_type(db_type: str) -> bool:
    """Whether there are databases of that type."""
    return db_type in _TYPES


def has_keys_once(db_type: str) -> bool:
    """Whether databases of that type hold each key once, with the value that was put last."""
    return _TYPES.get(db_type) is _LMDB


def require_type(operator: str, db_type: str) -> None:
    """Raise ArgumentError if there is no such type of databases."""
    if db_type not in _TYPES:
        text = f"must be 'minidb' or 'lmdb', got {db_type!r}{did_you_mean(db_type, _TYPES)}"
        raise argument_error(operator, "db_type", text)


def open_database(db_type: str, path: str) -> EntryReader:
    """A reader at the beginning of a database.

    Raises:
        BadDatabaseError, OSError: there is none, or it cannot be opened.
    """
    return _TYPES[db_type].reader(path)


@contextmanager
def new_database(db_type: str, path: str) -> Iterator[EntryWriter]:
    """A database that takes the place of an older one when the block ends well; else nothing has happened.

    Raises:
        BadDatabaseError, OSError: it cannot be written.
    """
    writer = _TYPES[db_type].writer(path)
    try:
        yield writer
        writer.publish()
    except BaseException:
        writer.discard()
        raise


@contextmanager
def faults_told_by(operator: str, doing: str, hint: str = "") -> Iterator[None]:
    """What is wrong with a database, or keeps it from being used, is an error of the operator.

    Args:
        operator: who tells.
        doing: what cannot be done then, as `"read 'x.db'"`.
        hint: what may help if the system refuses it.

    Raises:
        OperatorError: something was wrong.
    """
    try:
        yield
    except WorkspaceError as error:
        raise refuse(operator, str(error)) from None
    except OSError as error:
        raise refuse(operator, f"cannot {doing}: {error.strerror or error}{hint}") from None


def path_of(db: str, absolute_path: bool, run: OpRun) -> tuple[str, str]:
    """Where a database is, and a hint for those who looked elsewhere.

    That is in the root folder of the workspace, unless its path is to be taken as it is.
    """
    if absolute_path:
        return db, ""
    hint = "; db begins in the root folder of the workspace, unless absolute_path is given" if db[:1] == "/" else ""
    return f"{run.workspace.root_folder}/{db}", hint
