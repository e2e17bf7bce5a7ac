"""The containers of a schema: `Struct`, `List` and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from taskplan.builder.fields import FIELD_SEPARATOR, Container, Field, Scalar
from taskplan.errors import (
    BuildAttributeError,
    BuildError,
    BuildIndexError,
    BuildKeyError,
    BuildTypeError,
    BuildValueError,
)
from taskplan.plan.names import did_you_mean

if TYPE_CHECKING:
    import numpy.typing as npt


class Struct(Container):
    """Named children that share one domain.

    Children are given as `(name, field)` pairs; what is no `Field` makes a leaf: a type or a dtype is its dtype,
    anything else its value. A name with separators builds the Structs on its way, and Structs of one name merge::

        Struct(("user", np.int64), ("cart:id", np.int64), ("cart:price", np.float32))
        Struct(("user", np.int64), ("cart", Struct(("id", np.int64), ("price", np.float32))))     # the same

    Children are found as attributes (`s.cart.id`), by name (`s["cart:id"]`) and by position (`s[0]`); several at
    once make a new Struct (`s["user", 1]`). `a + b` has the children of both, `a - b` those of `a` that `b` has not.

    Raises:
        BuildError: this is no pair, or a name is empty or has a part `lengths`, which marks the domain of a List.
        BuildValueError: two children have one name and are not both Structs.
        BuildTypeError: two Structs of one name have a leaf in common.
    """

    def __init__(self, *fields: tuple[str, object]) -> None:
        branch = _Branch()
        for pair in fields:
            name, value = _named_child(pair)
            if name in branch and not (_is_struct(branch[name]) and _is_struct(value)):
                msg = f"Duplicate field name: {name!r} is given twice; only Structs of one name merge"
                raise BuildValueError(msg)
            _put(branch, name, value)
        super().__init__(_grown(branch))
        self._number()

    @property
    def fields(self) -> Mapping[str, Field]:
        """The children by name, in order."""
        return MappingProxyType(self._children)

    def get_children(self) -> list[tuple[str, Field]]:
        """The children as `(name, field)` pairs, in order."""
        return list(self._children.items())

    def get(self, name: str, default: Any = None) -> Any:
        """The child `name` (not a nested name), or `default`."""
        return self._children.get(name, default)

    # What a name finds, a leaf or which container, is known to the reader of the schema only: hence Any.
    def __getattr__(self, name: str) -> Any:
        children = {} if name.startswith("__") else self.__dict__.get("_children", {})
        if name not in children:
            msg = f"the Struct has no field {name!r}{did_you_mean(name, children)}"
            raise BuildAttributeError(msg)
        return children[name]

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            msg = f"cannot set {name!r}: the fields of a Struct are fixed; make a new Struct with +"
            raise BuildTypeError(msg)
        super().__setattr__(name, value)

    def __getitem__(self, item: str | int | list[str | int] | tuple[str | int, ...]) -> Any:
        if isinstance(item, list | tuple):
            return Struct(*((self._name_of(one), self[one]) for one in item))
        if isinstance(item, str):
            found = self._find(item)
            if found is None:
                msg = f"field {item!r} not found{did_you_mean(item, self._children)}"
                raise BuildKeyError(msg)
            return found
        return self._children[self._name_of(item)]

    def __contains__(self, item: object) -> bool:
        return isinstance(item, str) and self._find(item) is not None

    def __iter__(self) -> Iterator[Field]:
        return iter(self._children.values())

    def __len__(self) -> int:
        return len(self._children)

    def __add__(self, other: object) -> Struct:
        if not isinstance(other, Struct):
            return NotImplemented
        branch = _Branch(self._children)
        for name, child in other._children.items():
            _put(branch, name, child)
        return _planted(branch)

    def __sub__(self, other: object) -> Struct:
        if not isinstance(other, Struct):
            return NotImplemented
        return _planted(_difference(self, other))

    def _name_of(self, item: str | int) -> str:
        """The name of the child at position `item`; a name is returned as it is."""
        if isinstance(item, str):
            return item
        if not isinstance(item, int | np.integer):
            msg = f"a field is found by name or position, got {item!r}"
            raise BuildTypeError(msg)
        if not 0 <= item < len(self._children):
            msg = f"there is no field {item!r} in a Struct of {len(self._children)}"
            raise BuildIndexError(msg)
        return list(self._children)[item]


class _Branch(dict[str, "Field | _Branch"]):
    """A Struct while it is put together. Its fields still belong to others: growing it copies each of them once."""


def _is_struct(node: object) -> TypeGuard[Struct | _Branch]:
    return isinstance(node, Struct | _Branch)


def _named_child(pair: tuple[str, object]) -> tuple[str, Field | _Branch]:
    """The first part of the name of a child, and the child wrapped into Structs for the other parts."""
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        msg = f"expected a (name, field) pair, got {pair!r}"
        raise BuildError(msg)
    name, field = pair
    if not isinstance(name, str):
        msg = f"a field name is a str, got {name!r}"
        raise BuildTypeError(msg)
    first, *others = name.split(FIELD_SEPARATOR)
    if not name or not all(others):
        msg = f"the field name {name!r} has an empty part"
        raise BuildError(msg)
    if "lengths" in (first, *others):
        msg = f"the field name {name!r} is reserved: 'lengths' marks the domain of a List"
        raise BuildError(msg)
    child: Field | _Branch = as_field(field)
    for part in reversed(others):
        child = _Branch({part: child})
    return first, child


def _put(branch: _Branch, name: str, child: Field | _Branch) -> None:
    """Add `child` as `name`, merging Structs in place, so that a child costs the same however many there are."""
    if name not in branch:
        branch[name] = child
        return
    here = branch[name]
    if not (_is_struct(here) and _is_struct(child)):
        msg = f"two fields are called {name!r}, and only Structs of one name merge"
        raise BuildTypeError(msg)
    if isinstance(here, Struct):
        here = branch[name] = _Branch(here._children)
    for inner, grandchild in (child if isinstance(child, _Branch) else child._children).items():
        _put(here, inner, grandchild)


def _difference(left: Struct, right: Struct) -> _Branch:
    rest = _Branch(left._children)
    for name, taken in right._children.items():
        kept = left._children.get(name)
        if kept is None:
            continue
        if isinstance(kept, Struct) and isinstance(taken, Struct):
            remainder = _difference(kept, taken)
            if remainder:
                rest[name] = remainder
                continue
        elif type(kept) is not type(taken):
            msg = f"cannot subtract the {type(taken).__name__} {name!r} from the {type(kept).__name__} of that name"
            raise BuildTypeError(msg)
        del rest[name]
    return rest


def _grown(branch: _Branch) -> dict[str, Field]:
    children: dict[str, Field] = {}
    for name, node in branch.items():
        children[name] = _struct_of(_grown(node)) if isinstance(node, _Branch) else node._copy(keep_blobs=True)
    return children


def _struct_of(children: dict[str, Field]) -> Struct:
    """A Struct, not numbered yet, that owns exactly these fields."""
    made = object.__new__(Struct)
    Container.__init__(made, children)
    return made


def _planted(branch: _Branch) -> Struct:
    made = _struct_of(_grown(branch))
    made._number()
    return made


class List(Container):
    """A varying number of values a record: a column of lengths, and the values in a domain of their own.

    `lengths` is a leaf of int32. The values are found as `l["values"]`; as `l.items` or `l.value` unless they are a
    Struct, whose fields are then reached as attributes of the list itself::

        prices = List(np.float32)                                       # lengths, values
        carts = List(Struct(("id", np.int64), ("price", np.float32)))   # lengths, values:id, values:price
        prices.items, carts.price, carts["values:price"]

    Args:
        values: what an entry is, as for a child of a `Struct`.
        lengths_blob: the value of the lengths, or a Scalar to use for them.

    Raises:
        BuildError: `lengths_blob` is a field but no Scalar.
    """

    def __init__(self, values: object, lengths_blob: object = None) -> None:
        super().__init__({"lengths": _leaf(lengths_blob, np.int32), "values": _owned(values)})
        self._number()

    @property
    def lengths(self) -> Scalar:
        """The leaf that has the number of values of each record."""
        return self._scalar("lengths")

    # What the values are is known to the reader of the schema only: hence Any.
    def __getattr__(self, name: str) -> Any:
        children = {} if name.startswith("__") else self.__dict__.get("_children", {})
        values = children.get("values")
        if isinstance(values, Struct):
            return getattr(values, name)
        if values is not None and name in ("items", "value"):
            return values
        msg = f"the List has no field {name!r}; its values are at .items"
        raise BuildAttributeError(msg)

    def __getitem__(self, item: str) -> Any:
        found = self._find(item) if isinstance(item, str) else None
        if found is None:
            msg = f"field {item!r} not found{did_you_mean(str(item), self._children)}"
            raise BuildKeyError(msg)
        return found

    def _scalar(self, name: str) -> Scalar:
        leaf = self._children[name]
        assert isinstance(leaf, Scalar)
        return leaf


class ListWithEvicted(List):
    """A `List` with one more leaf, `_evicted_values`: ids (int64) that have been dropped from it."""

    def __init__(self, values: object, lengths_blob: object = None, evicted_values: object = None) -> None:
        super().__init__(values, lengths_blob)
        self._children = {**self._children, "_evicted_values": _leaf(evicted_values, np.int64)}
        self._number()

    @property
    def _evicted_values(self) -> Scalar:
        return self._scalar("_evicted_values")


def Map(
    keys: object,
    values: object,
    keys_name: str = "keys",
    values_name: str = "values",
    lengths_blob: object = None,
) -> List:
    """A `List` of key and value: `lengths, values:keys, values:values`."""
    return List(Struct((keys_name, keys), (values_name, values)), lengths_blob)


def MapWithEvicted(
    keys: object,
    values: object,
    keys_name: str = "keys",
    values_name: str = "values",
    lengths_blob: object = None,
    evicted_values: object = None,
) -> ListWithEvicted:
    """A `Map` with the leaf `_evicted_values` of `ListWithEvicted`."""
    return ListWithEvicted(Struct((keys_name, keys), (values_name, values)), lengths_blob, evicted_values)


def NamedTuple(name_prefix: str, *fields: object) -> Struct:
    """A Struct of children without names: `<name_prefix>_0, <name_prefix>_1, ...`."""
    return Struct(*((f"{name_prefix}_{index}", field) for index, field in enumerate(fields)))


def Tuple(*fields: object) -> Struct:
    """A Struct of children without names: `field_0, field_1, ...`."""
    return NamedTuple("field", *fields)


def RawTuple(num_fields: int, name_prefix: str = "field") -> Struct:
    """A Struct of `num_fields` untyped leaves: `<name_prefix>_0, <name_prefix>_1, ...`.

    Raises:
        BuildError: `num_fields` is no int or is negative.
    """
    if not isinstance(num_fields, int) or num_fields < 0:
        msg = f"expected a number of fields, at least 0, got {num_fields!r}"
        raise BuildError(msg)
    return NamedTuple(name_prefix, *[None] * num_fields)


def from_dtype(dtype: npt.DTypeLike, _outer_shape: tuple[int, ...] = ()) -> Scalar | Struct:
    """The schema of arrays of `dtype`: a leaf, or for a structured dtype a Struct of its fields.

    Example:
        >>> from_dtype(np.dtype([("id", np.int64), ("at", np.float32, (2,))])).field_names()
        ['id', 'at']
    """
    whole: np.dtype[Any] = np.dtype(dtype)
    base, shape = whole.base, _outer_shape + whole.shape
    if base.names is None or base.fields is None:
        return Scalar((base, shape) if shape else base)
    return Struct(*((name, from_dtype(base.fields[name][0], shape)) for name in base.names))


def as_field(value: object) -> Field:
    """`value` as a field: a field as it is, a type or dtype as a leaf of it, else a leaf that holds the value.

    A structured dtype makes a Struct.
    """
    if isinstance(value, Field):
        return value
    if isinstance(value, np.dtype):
        return from_dtype(value)
    if isinstance(value, type):
        return Scalar(value)
    return Scalar(blob=value)


def _owned(value: object) -> Field:
    """A field that a container can own: a copy, not numbered yet."""
    return as_field(value)._copy(keep_blobs=True)


def _leaf(given: object, dtype: npt.DTypeLike) -> Field:
    if not isinstance(given, Field):
        return Scalar(dtype, given)
    if not isinstance(given, Scalar):
        msg = f"a column such as the lengths of a List is a blob or a Scalar, got {given!r}"
        raise BuildError(msg)
    return given._copy(keep_blobs=True)
