"""Strings, element by element. They are bytes, whatever text these may stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from taskplan.operators.inference import TensorSpec, like
from taskplan.operators.operands import (
    BOOL,
    Tensor,
    argument_error,
    refuse,
    require_dtype,
    settled,
    string_tensor,
)
from taskplan.operators.registry import operator
from taskplan.plan.types import STRING_DTYPE

_STRINGS = frozenset({STRING_DTYPE})
_FORMATS = {"O": b"%b", "f": b"%g"}
_LIKE_STRINGS = like(0)
_BOOLS_LIKE_STRINGS = like(0, dtype=BOOL)


def _elements(operator: str, strings: Tensor) -> list[bytes]:
    require_dtype(operator, "strings", strings, _STRINGS)
    elements: list[bytes] = strings.reshape(-1).tolist()
    return elements


def _bools(answers: Iterable[bool], strings: Tensor) -> Tensor:
    return settled(np.fromiter(answers, BOOL, strings.size).reshape(strings.shape))


def _checks_length(operator: str) -> Callable[..., None]:
    def check(*, length: int) -> None:
        if length < 0:
            raise argument_error(operator, "length", f"must be a number of bytes, 0 or more, got {length}")

    return check


@operator(
    "StringPrefix",
    inputs=("strings",),
    outputs=("prefixes",),
    check=_checks_length("StringPrefix"),
    infer=_LIKE_STRINGS,
)
def string_prefix(strings: Tensor, *, length: int = 3) -> Tensor:
    """The first ``length`` bytes of each string; shorter ones stay as they are.

    Inputs:
        strings: string, any shape.
    Outputs:
        prefixes: string, the same shape.
    Example:
        StringPrefix(["abcdef" "ab"]:str) -> ["abc" "ab"]:str
    """
    return string_tensor([each[:length] for each in _elements("StringPrefix", strings)], strings.shape)


@operator(
    "StringSuffix",
    inputs=("strings",),
    outputs=("suffixes",),
    check=_checks_length("StringSuffix"),
    infer=_LIKE_STRINGS,
)
def string_suffix(strings: Tensor, *, length: int = 3) -> Tensor:
    """The last ``length`` bytes of each string; shorter ones stay as they are.

    Inputs:
        strings: string, any shape.
    Outputs:
        suffixes: string, the same shape.
    Example:
        StringSuffix(["abcd"]:str; length=2) -> ["cd"]:str
    """
    elements = _elements("StringSuffix", strings)
    return string_tensor([each[-length:] if length else b"" for each in elements], strings.shape)


@operator("StringStartsWith", inputs=("strings",), outputs=("bools",), infer=_BOOLS_LIKE_STRINGS)
def string_starts_with(strings: Tensor, *, prefix: bytes = b"") -> Tensor:
    """Whether each string begins with ``prefix``; with nothing each does.

    Inputs:
        strings: string, any shape.
    Outputs:
        bools: bool, the same shape.
    Example:
        StringStartsWith(["ab" "b"]:str; prefix="a") -> [T F]
    """
    return _bools([each.startswith(prefix) for each in _elements("StringStartsWith", strings)], strings)


@operator("StringEndsWith", inputs=("strings",), outputs=("bools",), infer=_BOOLS_LIKE_STRINGS)
def string_ends_with(strings: Tensor, *, suffix: bytes = b"") -> Tensor:
    """Whether each string ends with ``suffix``; with nothing each does.

    Inputs:
        strings: string, any shape.
    Outputs:
        bools: bool, the same shape.
    Example:
        StringEndsWith(["abc" "b"]:str; suffix="bc") -> [T F]
    """
    return _bools([each.endswith(suffix) for each in _elements("StringEndsWith", strings)], strings)


@operator("StringEquals", inputs=("strings",), outputs=("bools",), infer=_BOOLS_LIKE_STRINGS)
def string_equals(strings: Tensor, *, text: bytes = b"") -> Tensor:
    """Whether each string is ``text``.

    Inputs:
        strings: string, any shape.
    Outputs:
        bools: bool, the same shape.
    Example:
        StringEquals(["a" "b"]:str; text="b") -> [F T]
    """
    return _bools([each == text for each in _elements("StringEquals", strings)], strings)


# --- StringJoin -------------------------------------------------------------------------------------------------------


def _check_axis(*, axis: int, **_: object) -> None:
    if axis not in (0, 1):
        raise argument_error(
            "StringJoin", "axis", f"must be 0, for a text a row, or 1, for a text a column; got {axis}"
        )


def _one_each(x: TensorSpec, *, axis: int) -> TensorSpec:
    return TensorSpec(STRING_DTYPE, ((*x.sizes, 1)[axis],))


@operator("StringJoin", inputs=("input",), outputs=("strings",), check=_check_axis, infer=_one_each)
def string_join(x: Tensor, *, delimiter: bytes = b",", axis: int = 0) -> Tensor:
    """One text for each row, or with ``axis=1`` for each column: its elements, and ``delimiter`` behind each of them.

    Numbers are written in decimal, floats with up to six digits, bools as 1 and 0.

    Inputs:
        input: any dtype, rank 2, or a vector, which counts as one column; at least one element.
    Outputs:
        strings: string vector.
    Raises:
        OperatorError: there are no elements, or the rank is not 1 or 2.
    Example:
        StringJoin([["a" "b"] ["c" "d"]]:str; delimiter="-") -> ["a-b-" "c-d-"]:str
    """
    if x.ndim not in (1, 2) or not x.size:
        raise refuse("StringJoin", f"input has shape {x.shape}, expected rank 1 or 2, and an element at least")
    table = x.reshape(len(x), -1)
    texts, width = (table if axis == 0 else table.T), table.shape[1 - axis]
    form = (_FORMATS.get(x.dtype.kind, b"%d") + delimiter.replace(b"%", b"%%")) * width
    elements = iter(texts.reshape(-1).tolist())
    rows = zip(*[elements] * width, strict=True)
    return string_tensor([form % row for row in rows], [len(texts)])
