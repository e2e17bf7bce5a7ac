"""Text files of rows that end with a newline and whose fields stand between tabs.

There are no quotes. The byte 0 takes the special meaning from the byte behind it, and is not part of the field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from taskplan.operators.operands import Tensor
from taskplan.plan.types import DType

_NO_SEPARATORS = bytes(set(range(256)) - set(b"\t\n"))
_FIELD = re.compile(rb"((?:[^\0\t\n]+|\0.)*+)([\t\n])", re.DOTALL)
_ESCAPE = re.compile(rb"\0(.)", re.DOTALL)
_NUMBER = re.compile(
    rb"\s*([+-]?)(infinity|inf|nan|0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?\d+)?"
    rb"|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)",
    re.IGNORECASE,
)
_INTEGER = re.compile(rb"\s*([+-]?\d+)")


def end_of_rows(text: bytes) -> int:
    """Where the last row of `text` that has its newline ends; 0 if none has. `text` begins with a row."""
    place = text.rfind(b"\n")
    while place >= 0 and is_escaped(text, place):
        place = text.rfind(b"\n", 0, place)
    return place + 1


def is_escaped(text: bytes, place: int) -> bool:
    """Whether the byte at `place` has lost its special meaning. `text` begins with a row."""
    before = place
    while before and text[before - 1] == 0:
        before -= 1
    return (place - before) % 2 == 1


def split_rows(text: bytes) -> tuple[list[bytes], bytes]:
    """The fields of whole rows, and for each of them the tab or newline behind it."""
    if b"\0" in text:
        found = _FIELD.findall(text)
        return [_ESCAPE.sub(rb"\1", field) for field, _ in found], b"".join([separator for _, separator in found])
    fields = text.replace(b"\n", b"\t").split(b"\t")
    fields.pop()
    return fields, text.translate(None, _NO_SEPARATORS)


class NoNumberError(ValueError):
    """A text is no number; it is `args[0]`, its place among the others `args[1]`."""


def numbers(texts: Sequence[bytes], dtype: DType, *, strict: bool = False) -> Tensor:
    """The numbers that texts begin with, as C's `strtod` and `strtoll` read them.

    Args:
        texts: one for each number.
        dtype: int32, int64, float32 or float64.
        strict: texts must be numbers as a whole, but for blanks around them.

    Raises:
        NoNumberError: a text is none, or an integer that the dtype has no room for.
    """
    is_float = dtype.kind == "f"
    if b"_" not in b"\t".join(texts):  # Python reads 1_0 as 10
        try:
            return np.fromiter(map(float if is_float else int, texts), dtype, len(texts))
        except (ValueError, OverflowError):  # one has something behind its number, or is none
            pass
    made = np.empty(len(texts), dtype)
    parse = _number if is_float else _integer
    for place, text in enumerate(texts):
        try:
            made[place] = parse(text, strict)
        except (ValueError, OverflowError):
            raise NoNumberError(text, place) from None
    return made


def _number(text: bytes, strict: bool) -> float:
    sign, digits = [part.decode() for part in _found(_NUMBER, text, strict)]
    if digits[:2] not in ("0x", "0X"):
        return float(sign + digits)
    try:
        return float.fromhex(sign + digits)
    except OverflowError:
        return float(sign + "inf")


def _integer(text: bytes, strict: bool) -> int:
    [digits] = _found(_INTEGER, text, strict)
    return int(digits)


def _found(pattern: re.Pattern[bytes], text: bytes, strict: bool) -> Sequence[bytes]:
    found = pattern.match(text)
    if found is None or (strict and text[found.end() :].strip()):
        raise ValueError
    return found.groups()
