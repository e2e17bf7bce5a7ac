"""The nodes of a schema: `Field`, what all of them share; `Container`, with named children; and `Scalar`, the leaf."""

from __future__ import annotations

import builtins
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from taskplan.builder.blobs import BlobReference
from taskplan.builder.column_types import UNTYPED, check_exact, leaf_array, leaf_dtype, refined_dtype
from taskplan.errors import BuildError, BuildTypeError, BuildValueError
from taskplan.plan.types import Array, DType

if TYPE_CHECKING:
    import numpy.typing as npt

FIELD_SEPARATOR = ":"
"""Joins the names on the way from the root to a leaf."""

logger = logging.getLogger(__name__)


class FeatureSpec(NamedTuple):
    """What a column of features stands for; carried along, never read by taskplan."""

    feature_type: object = None
    feature_names: object = None
    feature_ids: object = None
    feature_is_request_only: object = None
    desired_hash_size: object = None
    feature_to_index: object = None


class Metadata(NamedTuple):
    """What is known of a leaf beyond its dtype.

    Attributes:
        categorical_limit: integers of this leaf are categories in `[0, categorical_limit)`; for integer dtypes only.
        expected_value: a value to expect, as a default or as the mean.
        feature_specs: a `FeatureSpec`.
    """

    categorical_limit: int | None = None
    expected_value: object = None
    feature_specs: object = None


class Field:
    """A node of a schema: a leaf, or a container whose children are nodes.

    A container owns copies of the fields it is made of, so every node has one place in one tree, and `slice()` knows
    it. Fields compare by the names, types and metadata of their leaves; values do not count, and fields do not hash.

    This class is abstract; the nodes are `Scalar`, `Struct` and `List`.
    """

    def __init__(self, children: dict[str, Field]) -> None:
        self._children = children
        self._start = 0  # how many leaves of the root are to the left of this node

    def field_names(self) -> list[str]:
        """The full name of each leaf, depth first, in the order of declaration."""
        return [name for name, _ in self._leaves()]

    def field_types(self) -> list[DType]:
        """The dtype of each leaf."""
        return [leaf.dtype for leaf in self.all_scalars()]

    def field_metadata(self) -> list[Metadata | None]:
        """The metadata of each leaf."""
        return [leaf.metadata for leaf in self.all_scalars()]

    def field_blobs(self) -> list[BlobReference | Array]:
        """The value of each leaf.

        Raises:
            BuildError: a leaf has none.
        """
        values = []
        for name, leaf in self._leaves():
            if leaf._blob is None:
                msg = f"Value is not set for field {name!r}; bind the schema with NewRecord or from_blob_list"
                raise BuildError(msg)
            values.append(leaf._blob)
        return values

    def all_scalars(self) -> list[Scalar]:
        """The leaves themselves, in the order of `field_names()`."""
        return [leaf for _, leaf in self._leaves()]

    def has_blobs(self) -> bool:
        """Whether every leaf has a value."""
        return all(leaf._blob is not None for leaf in self.all_scalars())

    def clone(self, keep_blobs: bool = True) -> Self:
        """A copy of this subtree, arrays included; without values if `keep_blobs` is false."""
        made = self._copy(keep_blobs)
        made._number()
        return made

    def clone_schema(self) -> Self:
        """A copy of this subtree without values; dtypes and metadata stay."""
        return self.clone(keep_blobs=False)

    def slice(self) -> builtins.slice:
        """Where the leaves of this subtree are among the leaves of the root."""
        return builtins.slice(self._start, self._start + len(self.all_scalars()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Field):
            return NotImplemented
        return (
            self.field_names() == other.field_names()
            and self.field_types() == other.field_types()
            and self.field_metadata() == other.field_metadata()
        )

    def _leaves(self) -> Iterable[tuple[str, Scalar]]:
        """The leaves with their full names, in order."""
        raise NotImplementedError("Field is abstract; use Scalar, Struct or List")

    def _copy(self, keep_blobs: bool) -> Self:
        """A copy whose nodes are not numbered yet, so that copying a tree takes one pass."""
        raise NotImplementedError("Field is abstract; use Scalar, Struct or List")

    def _number(self) -> None:
        """Give each node its place in the tree, with this node as the root."""
        raise NotImplementedError("Field is abstract; use Scalar, Struct or List")

    def _find(self, nested_name: str) -> Field | None:
        """The node at `nested_name` below this one, if there is one."""
        found: Field | None = self
        for name in nested_name.split(FIELD_SEPARATOR):
            if found is None:
                break
            found = found._children.get(name)
        return found


class Scalar(Field):
    """A leaf: one column, whose first axis runs over the entries of its domain.

    It knows the type of the column (a dtype, with the inner shape of an entry), and may be bound to a value: the blob
    that holds the column, or an array::

        price = Scalar(np.float32)
        embedding = Scalar((np.float32, 64))              # a (n, 64) tensor
        bound = Scalar(np.int64, blob=BlobReference("user"))
        filled = Scalar(np.int64, blob=[7, 8, 9])

    Values that are no `BlobReference` are converted to the declared element type, by value: floats are truncated in a
    leaf of integers. `set_value(..., throw_on_type_mismatch=True)` refuses them instead. An array of several axes
    gives its inner shape to a leaf that declares none, and is refused where it contradicts the declared one.

    Args:
        dtype: an element type, or `(element type, inner shape)`; untyped if `None`.
        blob: a `BlobReference` or an array; if the leaf is typed, whatever NumPy makes an array of.
        metadata: what else is known of the column.

    Raises:
        BuildValueError: the blob is a `str` (a name, or text?), cannot be converted, or has another inner shape.
        BuildTypeError: the dtype is none.
        BuildError: the dtype is structured, an untyped leaf is given something else than an array, or a
            `categorical_limit` is given for a dtype that is no integer.
    """

    def __init__(
        self, dtype: npt.DTypeLike | None = None, blob: object = None, metadata: Metadata | None = None
    ) -> None:
        super().__init__({})
        self._metadata: Metadata | None = None
        self.set(dtype, blob, metadata, unsafe=True)

    @property
    def dtype(self) -> DType:
        """The element type with the inner shape; void if the leaf is untyped."""
        return self._dtype

    @property
    def metadata(self) -> Metadata | None:
        """What is known of the column beyond its type."""
        return self._metadata

    def field_type(self) -> DType:
        """The dtype, as a method."""
        return self._dtype

    def get(self) -> BlobReference | Array:
        """The value.

        Raises:
            BuildError: there is none.
        """
        if self._blob is None:
            msg = "Value is not set; bind the leaf to a blob or an array first"
            raise BuildError(msg)
        return self._blob

    __call__ = get

    def id(self) -> int:
        """The index of this leaf among the leaves of its root, and so among the values that a reader returns."""
        return self._start

    def set(
        self,
        dtype: npt.DTypeLike | None = None,
        blob: object = None,
        metadata: Metadata | None = None,
        unsafe: bool = False,
    ) -> None:
        """Replace type and value, and the metadata if some is given.

        Leaves are meant to stay as they were made: without `unsafe=True` a warning is logged.
        """
        if not unsafe:
            _warn_of_change("set")
        declared = leaf_dtype(dtype)
        value, refined = _bound(blob, declared)
        _check_metadata(self._metadata if metadata is None else metadata, refined)
        self._declared, self._dtype, self._blob = declared, refined, value
        self._metadata = self._metadata if metadata is None else metadata

    def set_value(self, blob: object, throw_on_type_mismatch: bool = False, unsafe: bool = False) -> None:
        """Replace the value; type and metadata stay.

        Args:
            blob: as for the constructor.
            throw_on_type_mismatch: if the leaf is typed, take only an array of exactly its element type.
            unsafe: do not log a warning that leaves are meant to stay as they were made.
        """
        if not unsafe:
            _warn_of_change("set_value")
        if throw_on_type_mismatch:
            check_exact(blob, self._dtype)
        value, refined = _bound(blob, self._declared)
        self._blob = value
        if isinstance(value, np.ndarray):
            self._dtype = refined

    def set_type(self, dtype: npt.DTypeLike | None) -> None:
        """Replace the type; the value stays as it is."""
        declared = leaf_dtype(dtype)
        _check_metadata(self._metadata, declared)
        self._declared = self._dtype = declared

    def set_metadata(self, metadata: Metadata) -> None:
        """Replace the metadata.

        Raises:
            BuildError: this is no `Metadata`, or it has a `categorical_limit` and the leaf is no integer.
        """
        if metadata is None:
            msg = "expected a Metadata, got None"
            raise BuildTypeError(msg)
        _check_metadata(metadata, self._dtype)
        self._metadata = metadata

    def __repr__(self) -> str:
        parts = [] if self._dtype == UNTYPED else [str(self._dtype)]
        if isinstance(self._blob, np.ndarray):
            parts.append(f"blob=<array of shape {self._blob.shape}>")
        elif self._blob is not None:
            parts.append(f"blob={self._blob!r}")
        if self._metadata is not None:
            parts.append(f"metadata={self._metadata!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def _leaves(self) -> Iterable[tuple[str, Scalar]]:
        return [("", self)]

    def _number(self) -> None:
        self._start = 0

    def _copy(self, keep_blobs: bool) -> Self:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        if not keep_blobs:
            made._blob = None
        elif isinstance(self._blob, np.ndarray) and self._dtype.base != UNTYPED:
            made._blob = self._blob.copy()
        return made


class Container(Field):
    """A field with named children, which it owns: copies, or fields that nobody else has."""

    def __repr__(self) -> str:
        # Not by the repr of the children, which takes several frames of Python's stack a level.
        lines: list[str] = []
        pending: list[str | tuple[str, str, Field]] = [("", "", self)]
        while pending:
            entry = pending.pop()
            if isinstance(entry, str):
                lines.append(entry)
                continue
            indent, label, field = entry
            if isinstance(field, Scalar):
                lines.append(f"{indent}{label}{field!r},")
                continue
            lines.append(f"{indent}{label}{type(field).__name__}(")
            pending.append(f"{indent}),")
            pending.extend((indent + "  ", f"{name}: ", child) for name, child in reversed(field._children.items()))
        return "\n".join(lines).removesuffix(",")

    def _leaves(self) -> Iterator[tuple[str, Scalar]]:
        pending: list[tuple[str, Field]] = [("", self)]
        while pending:
            name, field = pending.pop()
            if isinstance(field, Scalar):
                yield name, field
            pending.extend((_joined(name, part), child) for part, child in reversed(field._children.items()))

    def _number(self) -> None:
        leaves = 0
        pending: list[Field] = [self]
        while pending:
            field = pending.pop()
            field._start = leaves
            if isinstance(field, Scalar):
                leaves += 1
            pending.extend(reversed(field._children.values()))

    def _copy(self, keep_blobs: bool) -> Self:
        children: dict[str, Field] = {}
        for name, child in self._children.items():
            children[name] = child._copy(keep_blobs)
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, _children=children)
        return made


def require_field(value: object) -> None:
    """Refuse what is no field.

    Raises:
        BuildTypeError: it is none.
    """
    if not isinstance(value, Field):
        msg = f"expected a schema or record, got {value!r}"
        raise BuildTypeError(msg)


def attach_metadata_to_scalars(field: Field, metadata: Metadata) -> None:
    """Set the metadata of every leaf of `field`."""
    require_field(field)
    for leaf in field.all_scalars():
        leaf.set_metadata(metadata)


def _bound(blob: object, declared: DType) -> tuple[BlobReference | Array | None, DType]:
    """The value that a leaf declared as `declared` keeps for `blob`, and the dtype it then has."""
    if blob is None or isinstance(blob, BlobReference):
        return blob, declared
    if isinstance(blob, str):
        msg = f"the blob {blob!r} is ambiguous: wrap a name in BlobReference, text in an array"
        raise BuildValueError(msg)
    array = leaf_array(blob, declared)
    return array, declared if declared == UNTYPED else refined_dtype(declared, array)


def _check_metadata(metadata: Metadata | None, dtype: DType) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, Metadata):
        msg = f"expected a Metadata, got {metadata!r}"
        raise BuildTypeError(msg)
    if metadata.categorical_limit is not None and dtype.base.kind not in "iu":
        msg = f"categorical_limit={metadata.categorical_limit!r} needs a leaf of integers, this one has dtype {dtype}"
        raise BuildError(msg)


def _warn_of_change(method: str) -> None:
    logger.warning("Scalar.%s changes a leaf that others may rely on; pass unsafe=True if nobody has it yet", method)


def _joined(left: str, right: str) -> str:
    return f"{left}{FIELD_SEPARATOR}{right}" if left and right else left or right
