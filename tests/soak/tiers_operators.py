"""Operators of random programs for the comparison of tiers: what stands in their loops and branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.soak.draws import Draws

Writer = Any
"""What has operators as methods: `ops`, or a net."""

DTYPES = {"f": np.float32, "d": np.float64, "i": np.int32, "l": np.int64, "b": np.bool_}
"""The element types of scalars, each by the first letter of its blobs."""

NAMES = {"f": "float", "d": "double", "i": "int32", "l": "int64", "b": "bool"}
"""As `Cast` calls them."""

ARRAY = 4
"""So many elements has an array."""

FLOATS = (0.0, -0.0, 1.0, -1.5, 0.1, 3.0e38, 1.0e-45, 1.0e30, float("inf"), float("-inf"), float("nan"), 16777217.0)
INTS = {
    "i": (0, 1, -1, 2, 7, -3, 1 << 24, (1 << 31) - 1, -(1 << 31)),
    "l": (0, 1, -1, 2, 5, -7, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63)),
}
DIVISORS = (1, 2, 3, -3, 7, 1009, -(1 << 31), (1 << 31) - 1)


def some_value(draws: Draws, letter: str) -> Any:
    """A value of an element type, often one at which something is special."""
    if letter == "b":
        return np.bool_(draws.chance(0.5))
    if letter in INTS:
        small = draws.chance(0.5)
        return DTYPES[letter](draws.randint(-9, 9) if small else draws.choice(INTS[letter]))
    with np.errstate(all="ignore"):
        value = draws.choice(FLOATS) if draws.chance(0.5) else draws.uniform(-4.0, 4.0)
        return DTYPES[letter](value * (1e250 if letter == "d" and draws.chance(0.1) else 1.0))


def digest(*values: Any) -> Any:
    """A number that says which bits the values have; all nans count as one."""
    total = 0
    for value in values:
        array = np.array(value)
        if array.dtype.kind == "f":
            array = np.where(np.isnan(array), array.dtype.type(1234.5), array)
        total = (total * 31 + int.from_bytes(array.tobytes()[:64], "little") + array.dtype.num) % (1 << 31)
    return np.int64(total)


def halved(value: Any) -> Any:
    """What a user's function makes of a number."""
    return value / 2 if value.dtype.kind == "f" else value // 2


class Operators:
    """Writes random operators over some blobs.

    Args:
        draws: the random numbers.
        prefix: of the names of the blobs.
        numeric: only operators that compiled code computes by itself.
        arrays: some blobs hold arrays.
        most: so many blobs of each element type at the most, and one more of one.

    Attributes:
        scalars: names of blobs, by the letter of their element type.
        arrays: blobs with arrays of float32.
        mixed: blobs that may have any element type.
    """

    def __init__(self, draws: Draws, prefix: str, *, numeric: bool, arrays: bool, most: int = 3) -> None:
        self._draws = draws
        self.prefix = prefix
        self.numeric = numeric
        twice = draws.choice(list(DTYPES))
        self.scalars = {
            letter: [f"{prefix}{letter}{number}" for number in range(draws.randint(1, most) + (letter == twice))]
            for letter in DTYPES
        }
        self.arrays = [f"{prefix}a{number}" for number in range(2)] if arrays else []
        self.mixed = [] if numeric else [f"{prefix}m{number}" for number in range(draws.randint(0, 2))]
        self._number = 0

    def names(self) -> list[str]:
        """All blobs that have a value from the beginning on."""
        return [*(name for names in self.scalars.values() for name in names), *self.arrays, *self.mixed]

    def new_name(self, kind: str) -> str:
        """The name of another blob."""
        self._number += 1
        return f"{self.prefix}{kind}_{self._number}"

    def begin(self, writer: Writer, inputs: dict[str, list[str]]) -> None:
        """Give each blob its first value.

        Args:
            writer: writes it.
            inputs: blobs that hold some, by the letter of their element type.
        """
        draws = self._draws
        for letter, names in self.scalars.items():
            for name in names:
                if inputs.get(letter) and (letter == "d" or draws.chance(0.4)):
                    writer.Copy([draws.choice(inputs[letter])], [name])
                elif letter == "d":
                    writer.Cast([writer.Const(some_value(draws, "f"))], [name], to="double")
                else:
                    writer.Const(some_value(draws, letter), blob_out=name)
        if not self.numeric and draws.chance(0.3):
            other = f"{self.prefix}l_alias"
            writer.Alias([self.scalars["l"][0]], [other])
            self.scalars["l"].append(other)
        for name in self.arrays:
            writer.Const(np.array([some_value(draws, "f") for _ in range(ARRAY)], np.float32), blob_out=name)
        for name in self.mixed:
            writer.Copy([self.a(draws.choice("fil"))], [name])

    def a(self, letter: str) -> str:
        """A blob of an element type."""
        return self._draws.choice(self.scalars[letter])

    def operator(self, writer: Writer) -> None:
        """Write an operator, or a few."""
        draws = self._draws
        kinds: list[Callable[[Writer], None]] = [
            *[self._arithmetic] * 5,
            *[self._comparison] * 2,
            self._logic,
            self._unary,
            self._choice,
            self._remainder,
            self._cast,
            self._constant,
            self._move,
        ]
        if self.arrays:
            kinds += [self._of_arrays] * 2
        if self.mixed:
            kinds.append(self._of_any_type)
        if not self.numeric:
            kinds += [self._in_numpy, self._quotient_of_integers]
            kinds += [self._many_of_arrays] if self.arrays else []
        draws.choice(kinds)(writer)

    # --- exact ones ---------------------------------------------------------------------------------------------------

    def _arithmetic(self, writer: Writer) -> None:
        draws = self._draws
        letter = draws.choice("ffddiill")
        kind = draws.choice(["Add", "Sub", "Mul", "Sum", *(["Div"] if letter in "fd" else [])])
        sources = [self.a(letter) for _ in range(draws.randint(1, 4) if kind == "Sum" else 2)]
        options = {"broadcast": True} if kind != "Sum" and draws.chance(0.1) else {}
        # What an operator may write over: its first operand, and of some the second.
        target = sources[0] if draws.chance(0.5) else draws.choice(self.scalars[letter])
        if target in sources[1:] and target != sources[0] and kind in ("Div", "Sum"):
            target = sources[0]
        if kind == "Sum":
            sources = [sources[0], *(each for each in sources[1:] if each != target)]
        getattr(writer, kind)(sources, [target], **options)

    def _comparison(self, writer: Writer) -> None:
        letter = self._draws.choice("fdilb")
        kind = self._draws.choice(["LT", "LE", "GT", "GE", "EQ", "NE"])
        sources = [self.a(letter), self.a(letter)]
        self._to_new_or(writer, kind, sources, "b")

    def _logic(self, writer: Writer) -> None:
        draws = self._draws
        if draws.chance(0.3):
            letter = draws.choice("ilb")
            kind, first = draws.choice(["BitwiseAnd", "BitwiseOr", "BitwiseXor"]), self.a(letter)
        else:
            letter, first = "b", self.a("b")
            kind = draws.choice(["And", "Or", "Xor", "Not"])
        sources = [first] if kind == "Not" else [first, self.a(letter)]
        self._to_new_or(writer, kind, sources, letter)

    def _to_new_or(self, writer: Writer, kind: str, sources: list[str], letter: str) -> None:
        """Write an operator that may not write over its operands."""
        targets = [name for name in self.scalars[letter] if name not in sources]
        if targets:
            getattr(writer, kind)(sources, [self._draws.choice(targets)])
        else:
            result = self.new_name("t")
            getattr(writer, kind)(sources, [result])
            writer.Copy([result], [self.a(letter)])

    def _unary(self, writer: Writer) -> None:
        kind, letters = self._draws.choice([("Negative", "fdil"), ("Sqr", "f"), ("Abs", "f"), ("Sqrt", "fd")])
        letter = self._draws.choice(letters)
        self._to_new_or(writer, kind, [self.a(letter)], letter)

    def _choice(self, writer: Writer) -> None:
        letter = self._draws.choice("fdil")
        self._to_new_or(writer, "Where", [self.a("b"), self.a(letter), self.a(letter)], letter)

    def _remainder(self, writer: Writer) -> None:
        draws = self._draws
        letter = draws.choice("il")
        options = {"sign_follow_divisor": True} if draws.chance(0.5) else {}
        source = self.a(letter)
        writer.Mod([source], [source], divisor=draws.choice(DIVISORS), **options)

    def _cast(self, writer: Writer) -> None:
        source = self._draws.choice("ilb" if self.numeric else "ilbfd")
        target = self._draws.choice("fdilb" if source in "ilb" else "fdb")
        self._to_new_or_cast(writer, self.a(source), target)

    def _to_new_or_cast(self, writer: Writer, source: str, letter: str) -> None:
        result = self.new_name("t")
        writer.Cast([source], [result], to=NAMES[letter])
        writer.Copy([result], [self.a(letter)])

    def _constant(self, writer: Writer) -> None:
        letter = self._draws.choice("filb")
        writer.Const(some_value(self._draws, letter), blob_out=self.a(letter))

    def _move(self, writer: Writer) -> None:
        letter = self._draws.choice("fdilb")
        self._to_new_or(writer, self._draws.choice(["Copy", "Copy", "StopGradient"]), [self.a(letter)], letter)

    # --- others -------------------------------------------------------------------------------------------------------

    def _of_arrays(self, writer: Writer) -> None:
        draws = self._draws
        first, second = draws.choice(self.arrays), draws.choice(self.arrays)
        which = draws.randint(0, 3)
        if which == 0:
            getattr(writer, draws.choice(["Add", "Sub", "Mul", "Div"]))([first, second], [first])
        elif which == 1:
            options = {"broadcast": True} if draws.chance(0.5) else {}
            getattr(writer, draws.choice(["Add", "Mul"]))([first, self.a("f")], [first], **options)
        elif which == 2:
            getattr(writer, draws.choice(["Negative", "Sqrt"]))([first], [first])
        else:
            place = self.new_name("t")
            writer.Mod([self.a(draws.choice("il"))], [place], divisor=ARRAY, sign_follow_divisor=True)
            writer.Gather([first, place], [self.a("f")])

    def _many_of_arrays(self, writer: Writer) -> None:
        """Enough in a row to be worth a native loop of their own."""
        draws = self._draws
        for _ in range(draws.randint(8, 14)):
            first, second = draws.choice(self.arrays), draws.choice([*self.arrays, self.a("f")])
            getattr(writer, draws.choice(["Add", "Sub", "Mul"]))([first, second], [first])

    def _of_any_type(self, writer: Writer) -> None:
        draws = self._draws
        blob = draws.choice(self.mixed)
        if draws.chance(0.5):
            writer.Copy([self.a(draws.choice("fdilb"))], [blob])
        else:
            self._to_new_or_cast(writer, blob, draws.choice("fdb"))

    def _in_numpy(self, writer: Writer) -> None:
        draws = self._draws
        source, target = self.a("f"), self.a("f")
        which = draws.randint(0, 2)
        if which == 0:
            getattr(writer, draws.choice(["Exp", "Tanh"]))([source], [source])
        elif which == 1:
            writer.Copy([writer.call(halved, source)], [target])
        else:
            result = self.new_name("t")
            writer.Max([source, target], [result])
            writer.Copy([result], [target])

    def _quotient_of_integers(self, writer: Writer) -> None:
        letter = self._draws.choice("il")
        divisor = self.new_name("t")
        writer.BitwiseOr([self.a(letter), writer.Const(DTYPES[letter](1))], [divisor])
        source = self.a(letter)
        writer.Div([source, divisor], [source])
