"""Handles that look keys up: maps from integers to integers, and indices that number keys.

Their methods are attempts, as `taskplan.operators.waiting` describes them; none of them ever has to wait.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from taskplan.operators.operands import I64, Tensor, dtype_name, refuse, string_tensor
from taskplan.operators.waiting import Shared
from taskplan.plan.types import STRING_DTYPE, DType


class Map(Shared):
    """A map from keys of one integer type to values of one.

    Args:
        key_dtype: int32 or int64.
        value_dtype: int32 or int64.
        name: the blob that holds it, for messages.
    """

    __slots__ = ("key_dtype", "value_dtype", "values")

    def __init__(self, key_dtype: DType, value_dtype: DType, name: str = "") -> None:
        super().__init__(name)
        self.key_dtype = key_dtype
        self.value_dtype = value_dtype
        self.values: dict[int, int] = {}

    def insert(self, keys: Tensor, values: Tensor) -> None:
        """Add as many values as keys; the first value of a key stays."""
        pairs = map(self.values.setdefault, np.ravel(keys).tolist(), np.ravel(values).tolist())
        deque(pairs, maxlen=0)

    def entries(self) -> tuple[Tensor, Tensor]:
        """The keys, and their values in the same order."""
        size = len(self.values)
        keys = np.fromiter(self.values, self.key_dtype, size)
        return keys, np.fromiter(self.values.values(), self.value_dtype, size)

    def describe(self) -> str:
        """One phrase about the map."""
        return f"map {self.name!r} of {len(self.values)} {self.key_dtype} keys to {self.value_dtype}"


class Index(Shared):
    """Numbers keys 1, 2, 3, ... in the order of first sight; 0 stands for an unknown one.

    Args:
        dtype: int32, int64 or string, that of the keys.
        max_elements: how many numbers there may be, 0 among them.
        name: the blob that holds it, for messages.
    """

    __slots__ = ("_numbers", "dtype", "frozen", "max_elements")

    def __init__(self, dtype: DType, max_elements: int, name: str = "") -> None:
        super().__init__(name)
        self.dtype = dtype
        self.max_elements = max_elements
        self.frozen = False
        self._numbers = self._numbered(())

    def _numbered(self, keys: Sequence[Any]) -> defaultdict[Any, int]:
        """These keys, numbered; one that is looked up and not there gets the next number, as long as there is one."""
        fresh = iter(range(len(keys) + 1, self.max_elements))
        return defaultdict(fresh.__next__, zip(keys, range(1, len(keys) + 1), strict=True))

    def numbers_of(self, keys: Tensor) -> Tensor:
        """The number of each key. Unknown keys get new ones; in a frozen index they are 0.

        Raises:
            OperatorError: there is no number left for a key; those before it stay in.
        """
        wanted = np.ravel(keys).tolist()
        # Where no number is left, the look-up raises StopIteration, which ends the list.
        one_by_one: Iterable[int] = (
            map(self._numbers.get, wanted, repeat(0)) if self.frozen else map(self._numbers.__getitem__, wanted)
        )
        found = list(one_by_one)
        if len(found) < len(wanted):
            text = f"no number is left for key {wanted[len(found)]!r}: {self.describe()}"
            raise refuse("IndexGet", f"{text}, and max_elements={self.max_elements} counts the 0 for unknown keys")
        return np.array(found, I64).reshape(keys.shape)

    def load(self, keys: Tensor) -> None:
        """Hold these keys and no others, the first with number 1, frozen or not.

        Raises:
            OperatorError: a key is repeated, or there are too many; the index is as before.
        """
        wanted = keys.tolist()
        if len(wanted) > self.max_elements:
            text = f"got {len(wanted)} keys, {self.describe()} holds at most max_elements={self.max_elements}"
            raise refuse("IndexLoad", text)
        numbers = self._numbered(wanted)
        if len(numbers) < len(wanted):
            place = _first_repeated(wanted)
            text = f"key {wanted[place]!r} at position {place} is repeated; a key has one number"
            raise refuse("IndexLoad", text)
        self._numbers = numbers

    def freeze(self) -> None:
        """Add no more keys."""
        self.frozen = True

    def keys(self) -> Tensor:
        """The keys, in the order of their numbers."""
        if self.dtype == STRING_DTYPE:
            return string_tensor(list(self._numbers), [len(self._numbers)])
        return np.fromiter(self._numbers, self.dtype, len(self._numbers))

    def size(self) -> int:
        """How many numbers are in use, 0 among them."""
        return len(self._numbers) + 1

    def describe(self) -> str:
        """One phrase about the index's state."""
        ending = ", frozen" if self.frozen else ""
        return f"index {self.name!r} of {len(self._numbers)} {dtype_name(self.dtype)} keys{ending}"


def _first_repeated(keys: Sequence[Any]) -> int:
    """The first place at which a key stands that stood before; there is one."""
    first: dict[Any, int] = {}
    return next(place for place, key in enumerate(keys) if first.setdefault(key, place) != place)
