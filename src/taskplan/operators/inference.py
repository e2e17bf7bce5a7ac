"""What an operator's outputs will be, worked out from the types and shapes of its inputs and from its arguments.

A declaration names a function of specs, with the parameters of the body::

    def _taken(data: TensorSpec, indices: TensorSpec) -> TensorSpec:
        return TensorSpec(data.dtype, indices.sizes + data.sizes[1:])

    @operator("Gather", inputs=("DATA", "INDICES"), outputs=("OUTPUT",), infer=_taken)

It is asked about calls that the body would accept, so it checks nothing. Of the arguments it takes those that it names,
and `outputs`, the number of outputs, if it names that. What it cannot work out it leaves `None`: a size, all sizes, or
a whole output. Where sizes depend on the values of inputs, the declaration says so in `inexact`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taskplan.plan.types import STRING_DTYPE, DType

Size = int | None
"""The size of an axis, `None` if it is not known."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """The element type and the shape of a tensor, as far as they are known.

    Attributes:
        dtype: the element type; of strings, that of objects.
        shape: the size of each axis, `None` where it is not known; `None` altogether if not even the rank is known.

    Example:
        >>> print(TensorSpec(np.dtype("float32"), (None, 3)))
        float32 [?, 3]
    """

    dtype: DType
    shape: tuple[Size, ...] | None = ()

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The shape, for functions that are only asked where the rank is known."""
        if self.shape is None:
            raise UnknownRankError
        return self.shape

    @property
    def rank(self) -> int:
        """The number of axes, for functions that are only asked where it is known."""
        return len(self.sizes)

    @property
    def is_exact(self) -> bool:
        """Whether every size is known."""
        return self.shape is not None and None not in self.shape

    def allows(self, dtype: DType, shape: Sequence[int]) -> bool:
        """Whether a tensor of this type and shape is one that the spec describes."""
        if dtype != self.dtype:
            return False
        if self.shape is None:
            return True
        same_rank = len(shape) == len(self.shape)
        return same_rank and all(known in (None, size) for known, size in zip(self.shape, shape, strict=True))

    def __str__(self) -> str:
        dtype = "string" if self.dtype == STRING_DTYPE else str(self.dtype)
        if self.shape is None:
            return f"{dtype} of any rank"
        return f"{dtype} [{', '.join('?' if size is None else str(size) for size in self.shape)}]"


class UnknownRankError(Exception):
    """Not even the rank of an input is known; nothing is inferred then."""


Inferred = TensorSpec | Sequence[TensorSpec | None] | None
InferenceFunction = Callable[..., Inferred]


@dataclass(frozen=True, slots=True)
class Inference:
    """A function of specs, and the keywords that it takes."""

    function: InferenceFunction
    keywords: frozenset[str]

    @classmethod
    def of(cls, function: InferenceFunction) -> Inference:
        """The function with the keywords that its signature names."""
        parameters = inspect.signature(function).parameters.values()
        return cls(function, frozenset(each.name for each in parameters if each.kind is each.KEYWORD_ONLY))

    def __call__(
        self, inputs: Sequence[TensorSpec | None], arguments: Mapping[str, Any], outputs: int
    ) -> tuple[TensorSpec | None, ...]:
        """The specs of the outputs.

        Args:
            inputs: the specs of the inputs, `None` for what is no tensor or not known.
            arguments: all arguments, decoded.
            outputs: how many outputs are asked for.
        """
        given = {name: value for name, value in {**arguments, "outputs": outputs}.items() if name in self.keywords}
        try:
            found = self.function(*inputs, **given)
        except (ArithmeticError, AttributeError, LookupError, TypeError, UnknownRankError, ValueError):
            # Sizes that are not known do not add up, and inputs that do not fit have no axis where one is expected.
            found = None
        specs = (found,) if found is None or isinstance(found, TensorSpec) else tuple(found)
        return (*specs, *(None,) * outputs)[:outputs]


# --- what many operators have in common --------


def like(*places: int, dtype: DType | None = None) -> InferenceFunction:
    """Output k is as the input number `places[k]`; with `dtype` of that element type instead."""

    def infer(*inputs: TensorSpec) -> Inferred:
        given = [inputs[place] for place in places]
        return given if dtype is None else [TensorSpec(dtype, each.shape) for each in given]

    return infer


def always(*specs: TensorSpec) -> InferenceFunction:
    """The outputs are of these types and shapes, whatever the inputs are."""

    def infer(*_: object) -> Inferred:
        return specs

    return infer


def no_tensors(*_: object) -> Inferred:
    """Nothing to infer: the operator has no outputs, or what it makes are no tensors."""
    return None


def product(sizes: Iterable[Size]) -> Size:
    """The product of sizes, `None` if one is not known."""
    known = list(sizes)
    return None if None in known else math.prod(known)  # type: ignore[arg-type]


def total(sizes: Iterable[Size]) -> Size:
    """The sum of sizes, `None` if one is not known."""
    known = list(sizes)
    return None if None in known else sum(known)  # type: ignore[arg-type]


def broadcast(*shapes: Sequence[Size]) -> tuple[Size, ...]:
    """The shape that shapes broadcast to by NumPy's rule.

    Example:
        >>> broadcast((4, 1), (None,)), broadcast((1, 3), (2, None))
        ((4, None), (2, 3))
    """
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(map(_common, zip(*padded, strict=True)))


def _common(sizes: tuple[Size, ...]) -> Size:
    """A size above 1 (or 0) decides; else all are 1, or it is not known."""
    decided = [size for size in sizes if size not in (None, 1)]
    return decided[0] if decided else None if None in sizes else 1
