"""Blobs as they are put together again from the entries of databases, which come in any order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from taskplan.errors import WorkspaceError
from taskplan.operators.operands import Tensor, dtype_name, settled
from taskplan.operators.storage.stored_kinds import unpacked
from taskplan.plan.stored_blobs import StoredBlob

PIECE_MARK = "#%"
"""Stands between the name of a tensor and the number of a piece in the key of an entry."""


class _Pieces:
    """A tensor of which some elements have come.

    Args:
        first: the entry that came first; `add` takes it in too.
        elements: what it holds.
    """

    def __init__(self, first: StoredBlob, elements: Tensor) -> None:
        self._shape = first.shape
        self._size = first.size
        self._come = 0
        self._ends: dict[int, int] = {}
        self._whole = elements
        if len(elements) < self._size:
            try:
                self._whole = np.empty(self._size, elements.dtype)
            except (MemoryError, ValueError):
                msg = f"it claims the shape {self._shape}, for which there is no memory"
                raise WorkspaceError(msg) from None

    def add(self, blob: StoredBlob, elements: Tensor) -> None:
        """Put a piece in its place.

        Raises:
            WorkspaceError: it is of another tensor, or elements of it have come already.
        """
        if blob.shape != self._shape or elements.dtype != self._whole.dtype:
            one = f"{dtype_name(self._whole.dtype)} {self._shape}"
            msg = f"it is a piece of a tensor of {dtype_name(elements.dtype)} {blob.shape}, others are of {one}"
            raise WorkspaceError(msg)
        end = blob.begin + len(elements)
        again = blob.begin in self._ends
        self._ends[blob.begin] = end
        self._come += len(elements)
        if again or self._come > self._size or (self.is_complete and self._overlap()):
            msg = f"it brings elements {blob.begin} to {end} of {self._size}, and some have come before"
            raise WorkspaceError(msg)
        if elements is not self._whole:
            self._whole[blob.begin : end] = elements

    def _overlap(self) -> bool:
        """Whether pieces that are as long as the tensor together do not follow each other."""
        begins = sorted(self._ends)
        return [self._ends[begin] for begin in begins] != [*begins[1:], self._size]

    @property
    def is_complete(self) -> bool:
        """Whether as many elements have come as there are."""
        return self._come == self._size

    def value(self) -> Tensor:
        """The tensor.

        Raises:
            WorkspaceError: elements are missing.
        """
        if not self.is_complete:
            msg = f"{self._come} of its {self._size} elements are there"
            raise WorkspaceError(msg)
        return settled(self._whole.reshape(self._shape))


class LoadedBlobs:
    """The blobs that have come, by the names under which they are looked for.

    Args:
        outputs: the name of the blob that each will be in, by these names; None if all that come are wanted, which keep
            their names.
        add_prefix: stands in front of every name.
        strip_prefix: is taken from names, with all before it.

    Attributes:
        seen: the names of all blobs that were come upon, wanted or not.
    """

    def __init__(self, outputs: Mapping[str, str] | None, add_prefix: str, strip_prefix: str) -> None:
        self.seen: set[str] = set()
        self._outputs = outputs
        self._add_prefix = add_prefix
        self._strip_prefix = strip_prefix
        self._found: dict[str, Any] = {}
        self._origins: dict[str, str] = {}
        self._left = len(outputs) if outputs is not None else -1

    def name_of(self, key: bytes) -> str:
        """The name under which the blob of an entry is looked for."""
        name = key.decode("utf-8", "surrogateescape").partition(PIECE_MARK)[0]
        _, found, rest = name.partition(self._strip_prefix) if self._strip_prefix else ("", "", "")
        return self._add_prefix + (rest if found else name)

    def wants(self, key: bytes) -> bool:
        """Whether an entry is of a blob that is wanted."""
        name = self.name_of(key)
        self.seen.add(name)
        return self._outputs is None or name in self._outputs

    @property
    def are_complete(self) -> bool:
        """Whether all that is wanted has come; never if everything is."""
        return not self._left

    def add(self, origin: str, key: bytes, blob: StoredBlob) -> None:
        """Take in an entry.

        Args:
            origin: the database, for messages.
            key: the entry's key.
            blob: what it holds.

        Raises:
            WorkspaceError: it contradicts what has come before, or cannot be read.
        """
        name = self.name_of(key)
        if self._origins.setdefault(name, origin) != origin:
            msg = f"{self._origins[name]} holds {name!r} too"
            raise WorkspaceError(msg)
        found = self._found.get(name)
        if not blob.type_name.startswith("Tensor"):
            if found is not None:
                msg = f"{name!r} is there twice"
                raise WorkspaceError(msg)
            self._found[name] = unpacked(blob, name if self._outputs is None else self._outputs[name])
            self._left -= 1
            return
        if blob.elements is None or not isinstance(found, _Pieces | None):
            msg = f"{name!r} is there twice" if found is not None else f"{name!r} is called a tensor and is none"
            raise WorkspaceError(msg)
        if found is None:
            found = self._found[name] = _Pieces(blob, blob.elements)
        found.add(blob, blob.elements)
        self._left -= found.is_complete

    def values(self) -> dict[str, Any]:
        """What has come, by name.

        Raises:
            WorkspaceError: pieces of a tensor are missing.
        """
        return {name: self._value(name, found) for name, found in self._found.items()}

    def _value(self, name: str, found: Any) -> Any:
        if not isinstance(found, _Pieces):
            return found
        try:
            return found.value()
        except WorkspaceError as error:
            msg = f"{self._origins[name]} holds only a part of {name!r}: {error}"
            raise WorkspaceError(msg) from None
