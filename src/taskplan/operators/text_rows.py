"""Text files of rows that end with a newline and whose fields stand between tabs.

There are no quotes. The byte 0 takes the special meaning from the byte behind it, and is not part of the field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from taskplan.operators.operands import F32, Tensor

_NO_SEPARATORS = bytes(set(range(256)) - set(b"\t\n"))
_FIELD = re.compile(rb"((?:[^\0\t\n]+|\0.)*+)([\t\n])", re.DOTALL)
_ESCAPE = re.compile(rb"\0(.)", re.DOTALL)
_NUMBER = re.compile(
    rb"\s*([+-]?)(infinity|inf|nan|0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?\d+)?"
    rb"|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)",
    re.IGNORECASE,
)


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
    """A text does not begin with a number; the text is `args[0]`."""


def floats(texts: Sequence[bytes]) -> Tensor:
    """The number that each text begins with, as C's `strtod` reads it; in float32.

    Raises:
        NoNumberError: one begins with none.
    """
    if b"_" not in b"\t".join(texts):  # Python reads 1_0 as 10
        try:
            return np.fromiter(map(float, texts), F32, len(texts))
        except ValueError:  # one has something behind its number, or none
            pass
    return np.fromiter(map(_leading_number, texts), F32, len(texts))


def _leading_number(text: bytes) -> float:
    found = _NUMBER.match(text)
    if found is None:
        raise NoNumberError(text)
    sign, digits = found[1].decode(), found[2].decode()
    if digits[:2] not in ("0x", "0X"):
        return float(sign + digits)
    try:
        return float.fromhex(sign + digits)
    except OverflowError:
        return float(sign + "inf")
