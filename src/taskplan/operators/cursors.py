"""What the operators on datasets share: the tree of a dataset's fields, and the handles for cursors and tensor vectors.

A dataset is a list of tensors, its fields. The names say how they belong together. A field whose name ends in the part
`lengths` opens a *domain*, and holds how many entries of it each entry of the field's own domain has. In that domain
are all fields whose names begin with its other parts (the longest such beginning decides). Fields in no domain are at
the top level, where an entry is a record::

    user                      top level, an entry a record
    carts:lengths             top level; opens the domain "carts"
    carts:values:lengths      in "carts"; opens the domain "carts:values"
    carts:values:values       in "carts:values"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from taskplan.errors import BuildValueError, DtypeError, ShapeError
from taskplan.operators.inference import TensorSpec
from taskplan.operators.operands import I32, I64, Tensor, argument_error, dtype_name, refuse
from taskplan.operators.waiting import Shared
from taskplan.plan.types import DType

_SEPARATOR, _LENGTHS = ":", "lengths"
_I32_MAX = np.iinfo(np.int32).max


class FieldTree:
    """The fields of a dataset and their domains.

    Attributes:
        fields: the names.
        domains: how many domains there are, the top level included.
        domain_of: the number of each field's domain; that of the top level is 0.
        lengths: for each domain but the top level, which field opens it.

    Raises:
        BuildValueError: a field comes before the lengths of its domain, or lengths are there twice.
    """

    __slots__ = ("domain_of", "domains", "fields", "lengths")

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        parts = [name.split(_SEPARATOR) for name in self.fields]
        self.lengths = tuple([place for place, each in enumerate(parts) if each[-1] == _LENGTHS])
        self.domains = 1 + len(self.lengths)
        self.domain_of = tuple([self._domain(place, parts) for place in range(len(parts))])

    def _domain(self, place: int, parts: Sequence[Sequence[str]]) -> int:
        domain, depth = 0, -1
        for number, opener in enumerate(self.lengths, 1):
            prefix = parts[opener][:-1]
            if opener != place and len(prefix) > depth and list(parts[place][: len(prefix)]) == prefix:
                domain, depth = number, len(prefix)
        if domain and self.lengths[domain - 1] > place:
            name, opener_name = self.fields[place], self.fields[self.lengths[domain - 1]]
            fault = "is there twice" if name == opener_name else f"comes before {opener_name!r}, its lengths"
            msg = f"field {name!r} {fault}"
            raise BuildValueError(msg)
        return domain

    def require_columns(self, operator: str, columns: Sequence[Tensor]) -> None:
        """Raise OperatorError unless there is a tensor for each field, of a kind that can be the field."""
        if len(columns) != len(self.fields) or not columns:
            raise refuse(operator, f"got {len(columns)} tensors for {len(self.fields)} fields; give one for each")
        ranks = [column.ndim for column in columns]
        if 0 in ranks:
            msg = f"{operator}: field {self.fields[ranks.index(0)]!r} has shape (), expected rank 1 or more"
            raise ShapeError(msg, operator=operator)
        for place in self.lengths:
            column = columns[place]
            if column.dtype != I32:
                msg = f"{operator}: field {self.fields[place]!r} has dtype {dtype_name(column.dtype)}, expected int32"
                raise DtypeError(msg, operator=operator)
            if ranks[place] != 1:
                msg = f"{operator}: field {self.fields[place]!r} has shape {column.shape}, expected a vector"
                raise ShapeError(msg, operator=operator)

    def limits(self, columns: Sequence[Tensor]) -> list[int | None]:
        """For each domain, how many entries all its fields have; None for one without fields."""
        limits: list[int | None] = [None] * self.domains
        for domain, column in zip(self.domain_of, columns, strict=True):
            limit, size = limits[domain], len(column)
            limits[domain] = size if limit is None or size < limit else limit
        return limits

    def records(self, columns: Sequence[Tensor]) -> int:
        """How many records all top-level fields have."""
        return self.limits(columns)[0] or 0

    def after(self, operator: str, columns: Sequence[Tensor], begins: Sequence[int], count: int) -> list[int]:
        """The offsets after the next `count` records, or after the last, from the offsets `begins` on.

        Raises:
            OperatorError: the data ends before `begins`, lengths are negative, or ask for more than there is.
        """
        limits = self.limits(columns)
        records = limits[0] or 0
        if begins[0] > records:
            raise refuse(operator, f"the cursor stands at record {begins[0]}, but the dataset has only {records}")
        ends = [min(begins[0] + count, records)]
        for domain, place in enumerate(self.lengths, 1):
            parent = self.domain_of[place]
            end = begins[domain] + self._sum(operator, place, columns[place][begins[parent] : ends[parent]])
            self._require_within(operator, place, end, limits[domain])
            ends.append(end)
        return ends

    def boundaries(self, operator: str, columns: Sequence[Tensor], begins: Sequence[int]) -> Tensor:
        """The offsets before each record and after the last: int64 of shape (records + 1, domains).

        Raises:
            OperatorError: as `after` does.
        """
        limits = self.limits(columns)
        ends = self.after(operator, columns, begins, limits[0] or 0)
        made = np.empty((ends[0] - begins[0] + 1, self.domains), I64)
        made[:, 0] = np.arange(begins[0], ends[0] + 1)
        for domain, place in enumerate(self.lengths, 1):
            parent = self.domain_of[place]
            sums: Tensor = np.full(ends[parent] - begins[parent] + 1, begins[domain], I64)
            sums[1:] += columns[place][begins[parent] : ends[parent]].cumsum(dtype=I64)
            made[:, domain] = sums[made[:, parent] - begins[parent]] if parent else sums
        return made

    def require_types(self, operator: str, columns: Sequence[Tensor], dtypes: Sequence[DType | None]) -> None:
        """Raise DtypeError or ShapeError unless each field has its dtype, and the inner shape if the dtype has one."""
        for name, column, dtype in zip(self.fields, columns, dtypes, strict=True):
            if dtype is None:
                continue
            if column.dtype != dtype.base:
                types = f"has dtype {dtype_name(column.dtype)}, expected {dtype_name(dtype.base)}"
                msg = f"{operator}: field {name!r} {types}; cast it"
                raise DtypeError(msg, operator=operator)
            if dtype.shape and column.shape[1:] != dtype.shape:
                expected = ", ".join(["n", *map(str, dtype.shape)])
                msg = f"{operator}: field {name!r} has shape {column.shape}, expected ({expected})"
                raise ShapeError(msg, operator=operator)

    def require_consistent(self, operator: str, columns: Sequence[Tensor]) -> None:
        """Raise OperatorError unless fields of one domain are equally long, and lengths make up their domains."""
        sizes: list[int | None] = [len(columns[0]), *([None] * len(self.lengths))]
        for domain, place in enumerate(self.lengths, 1):
            sizes[domain] = self._sum(operator, place, columns[place])
        for name, domain, column in zip(self.fields, self.domain_of, columns, strict=True):
            if len(column) != sizes[domain]:
                other = f"the sum of {self.fields[self.lengths[domain - 1]]!r}" if domain else repr(self.fields[0])
                what = f"{'that is' if domain else 'which has'} {sizes[domain]}"
                msg = f"{operator}: field {name!r} has {len(column)} entries and does not fit {other}, {what}"
                raise ShapeError(msg, operator=operator)

    def _sum(self, operator: str, place: int, lengths: Tensor) -> int:
        """The sum of lengths. A negative one, read as unsigned, is so large that it shows in the sum."""
        total = int(np.add.reduce(lengths.view(np.uint32), dtype=I64))
        if total > _I32_MAX and lengths.min() < 0:
            raise refuse(operator, f"field {self.fields[place]!r} holds a negative length, {lengths.min()}")
        return total

    def _require_within(self, operator: str, place: int, end: int, limit: int | None) -> None:
        if limit is not None and end > limit:
            text = f"field {self.fields[place]!r} asks for {end} entries of its domain, which has only {limit}"
            raise refuse(operator, text)


@lru_cache(maxsize=256)
def field_tree(fields: tuple[str, ...]) -> FieldTree:
    """The tree of these fields; kept, since operators ask for it on every call."""
    return FieldTree(fields)


def field_check(name: str) -> Callable[..., None]:
    """A check of the argument `fields`: each field must come behind the lengths of its domain."""

    def check(*, fields: Sequence[str], **_: object) -> None:
        try:
            field_tree(tuple(fields))
        except BuildValueError as error:
            raise argument_error(name, "fields", f"is not in order: {error}") from None

    return check


def some_rows(spec: TensorSpec | None) -> TensorSpec | None:
    """As many rows of a tensor as the values say."""
    if spec is None or spec.shape is None:
        return spec
    return TensorSpec(spec.dtype, (None, *spec.shape[1:]))


class TreeCursor(Shared):
    """A position in a dataset. It holds no data.

    Attributes:
        fields: the names of the dataset's fields.
        tree: their domains.
        offsets: the next entry of each domain, the top level first. Empty before the first read, which counts as all
            0; just one, a position among the indices, where a random reader uses the cursor.
        shuffles: how many orders were drawn for it from a seed.

    Args:
        fields: the names of the dataset's fields.
        offsets: where it begins.
        name: the blob that holds it, for messages.

    Raises:
        BuildValueError: the fields are not in order, or an offset is negative.
    """

    __slots__ = ("fields", "offsets", "shuffles", "tree")

    def __init__(self, fields: Sequence[str], offsets: Sequence[int] = (), name: str = "") -> None:
        super().__init__(name)
        self.fields = tuple(fields)
        self.tree = field_tree(self.fields)
        self.offsets = tuple(offsets)
        self.shuffles = 0
        if min(self.offsets, default=0) < 0:
            msg = f"a cursor cannot stand at the offsets {list(self.offsets)}; they are 0 or more"
            raise BuildValueError(msg)

    def reset(self) -> None:
        """Go to the start."""
        self.offsets = ()

    def read(self) -> tuple[int, ...]:
        """The offsets."""
        return self.offsets

    def next_shuffle(self) -> int:
        """An attempt: the number of the order that is drawn next."""
        self.shuffles += 1
        return self.shuffles - 1

    def begins(self, operator: str) -> tuple[int, ...]:
        """The offset of each domain.

        Raises:
            OperatorError: the cursor is a random reader's.
        """
        offsets, domains = self.offsets, self.tree.domains
        if not offsets:
            return (0,) * domains
        if len(offsets) != domains:
            text = f"cursor {self.name!r} has {len(offsets)} offsets for {domains} domains; reset it, or use another"
            raise refuse(operator, text)
        return offsets

    def describe(self) -> str:
        """One phrase about the cursor's state."""
        return f"cursor {self.name!r} at record {self.offsets[0] if self.offsets else 0}"


class TensorVector(Shared):
    """A list of tensors that grows, up to what its collectors allow.

    Attributes:
        tensors: what it holds.
    """

    __slots__ = ("tensors",)

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.tensors: list[Tensor] = []

    def size(self) -> int:
        """How many tensors it holds."""
        return len(self.tensors)

    def snapshot(self) -> list[Tensor]:
        """The tensors that it holds now."""
        return list(self.tensors)

    def describe(self) -> str:
        """One phrase about the vector's state."""
        return f"tensor vector {self.name!r} of {len(self.tensors)}"
