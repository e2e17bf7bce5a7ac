"""What databases of all types offer: entries, read in their order or written one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from taskplan.errors import WorkspaceError

Entry = tuple[bytes, bytes | None]
"""Key and value; None in place of a value that was not wanted."""

Wants = Callable[[bytes], bool]
"""Says of a key whether its value is wanted."""


class BadDatabaseError(WorkspaceError):
    """A database is damaged, or none at all, or cannot hold what it is given; the message names it."""


class MissingPackageError(BadDatabaseError):
    """Databases of that type need a package that is not installed."""


class EntryReader(Protocol):
    """Stands before an entry of a database, or at its end."""

    @property
    def at_end(self) -> bool:
        """Whether no entry is left."""

    def entry(self, wants: Wants | None = None) -> Entry | None:
        """The next entry; its value too if `wants` says so, or is not given. None at the end.

        Raises:
            BadDatabaseError, OSError: it cannot be read; nor can it the next time.
        """

    def skip(self, count: int) -> int:
        """Pass `count` entries, or all that are left: how many that was. Raises what `entry` does."""

    def rewind(self) -> None:
        """Go back to the first entry."""

    def close(self) -> None:
        """Give up what the reader holds; it is not used afterwards."""


class EntryWriter(Protocol):
    """Writes a new database under a name that nobody knows, and gives it its own when it is complete."""

    def put(self, key: bytes, value: bytes) -> None:
        """Add an entry. Where keys are kept once, one that is there gets this value.

        Raises:
            BadDatabaseError, OSError: it cannot be written.
        """

    def publish(self) -> None:
        """Put the database in the place of the old one, if there is one, in one step.

        Raises:
            BadDatabaseError, OSError: that cannot be; the old one stays.
        """

    def discard(self) -> None:
        """Leave nothing behind. The old database stays."""
