"""Schedules: how the choices of a simulated run are made, and the token that brings one of them back.

A token is `tp1.PLAN.FAULTS.SCHEDULE.RESULTS`: the format, digests of the program and of the faults, the schedule, and
two letters for each of up to ten groups of the user's functions, which stand for what these returned. A schedule is a
seed (`s7`), or the choices in which it deviates from the default one, in the shorter of two ways to write them (`d...`,
`m...`).
"""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from taskplan.errors import BuildValueError, ReplayDivergedError

FORMAT = "tp1"
MAX_TOKEN = 99
GROUPS = 10
"""So many groups of functions have their results in a token, two letters each."""


class Choice(NamedTuple):
    """One choice that was made: of how many, which, and whether another one would have taken the turn from a strand."""

    options: int
    chosen: int
    preempts: bool


class Schedule(Protocol):
    """Makes the choices of one run."""

    def choose(self, options: int, *, preempts: bool) -> int:
        """See `taskplan.engine.virtual.Chooser`."""

    def __str__(self) -> str: ...


class Recording:
    """Makes the choices as a schedule says, and keeps them.

    Raises:
        ReplayDivergedError: the schedule chooses what is not there.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.made: list[Choice] = []

    def choose(self, options: int, *, preempts: bool) -> int:
        """See `taskplan.engine.virtual.Chooser`."""
        chosen = self.schedule.choose(options, preempts=preempts)
        if chosen >= options:
            msg = f"replay: choice {len(self.made) + 1} was between more than {options} steps when it was recorded"
            raise ReplayDivergedError(msg)
        self.made.append(Choice(options, chosen, preempts))
        return chosen

    @property
    def preemptions(self) -> int:
        """How often a strand that could go on had to wait for another."""
        return sum(choice.preempts and choice.chosen > 0 for choice in self.made)


class Seeded:
    """Choices drawn from a seed. Some seeds let strands run on for long, others change them all the time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = random.Random(seed)
        self._stays = self._random.choice((0.0, 0.5, 0.9))

    def choose(self, options: int, *, preempts: bool) -> int:
        """See `taskplan.engine.virtual.Chooser`."""
        if preempts and self._random.random() < self._stays:
            return 0
        return self._random.randrange(options)

    def __str__(self) -> str:
        return f"s{self.seed}"


class Deviating:
    """The default schedule, in which a strand runs on while it can, but for some choices, by their number."""

    def __init__(self, deviations: Mapping[int, int]) -> None:
        self._deviations = dict(deviations)
        self._made = 0

    @classmethod
    def after(cls, choices: Sequence[int]) -> Deviating:
        """The schedule that begins with these choices."""
        return cls({number: choice for number, choice in enumerate(choices) if choice})

    @property
    def beginning(self) -> tuple[int, ...]:
        """The choices up to the last that is not 0."""
        return tuple(self._deviations.get(number, 0) for number in range(max(self._deviations, default=-1) + 1))

    def choose(self, options: int, *, preempts: bool) -> int:  # noqa: ARG002 - the protocol's
        """See `taskplan.engine.virtual.Chooser`."""
        number, self._made = self._made, self._made + 1
        return self._deviations.get(number, 0)

    def __str__(self) -> str:
        numbers: list[int] = []
        last = -1
        for number, choice in sorted(self._deviations.items()):
            numbers += [number - last - 1, choice - 1]
            last = number
        return "d" + _letters(b"".join(map(_varint, numbers)))


class Mixed:
    """Choices as the digits of one number, the first choice lowest; the base of each digit is its number of options."""

    def __init__(self, code: int) -> None:
        self._code = code
        self._left = code

    @classmethod
    def of(cls, made: Sequence[Choice]) -> Mixed:
        """The number for choices that were made."""
        code = 0
        for choice in reversed(made):
            code = code * choice.options + choice.chosen
        return cls(code)

    def choose(self, options: int, *, preempts: bool) -> int:  # noqa: ARG002 - the protocol's
        """See `taskplan.engine.virtual.Chooser`."""
        self._left, chosen = divmod(self._left, options)
        return chosen

    def __str__(self) -> str:
        return "m" + _letters(self._code.to_bytes((self._code.bit_length() + 7) // 8, "big"))


def shortest(schedule: Schedule, made: Sequence[Choice]) -> str:
    """A schedule for a token; of two ways to write its choices the shorter one."""
    if isinstance(schedule, Seeded):
        return str(schedule)
    deviating = Deviating.after([choice.chosen for choice in made])
    return min(str(deviating), str(Mixed.of(made)), key=len)


@dataclass(frozen=True, slots=True)
class Token:
    """What brings a simulated run back. See the module's text.

    Example:
        >>> str(Token("q2Hn3vQp", "0000", "s7", "Ab9_"))
        'tp1.q2Hn3vQp.0000.s7.Ab9_'
    """

    plan: str
    faults: str
    schedule: str
    results: str

    def __str__(self) -> str:
        return ".".join((FORMAT, self.plan, self.faults, self.schedule, self.results))

    @classmethod
    def parse(cls, text: str) -> Token:
        """The token that a text is.

        Raises:
            BuildValueError: it is none, or one of another version.
        """
        parts = text.strip().split(".")
        if len(parts) != 5 or not parts[0].startswith("tp") or parts[3][:1] not in ("s", "d", "m"):
            msg = f"this is no token of a simulated run: {text!r}; one looks like 'tp1.q2Hn3vQp.0000.s7.'"
            raise BuildValueError(msg)
        if parts[0] != FORMAT:
            msg = f"the token has format {parts[0]!r}, and this version of taskplan reads {FORMAT!r}"
            raise BuildValueError(msg)
        token = cls(*parts[1:])
        try:
            token.made_schedule()
        except ValueError:
            msg = f"the schedule in token {text!r} is damaged"
            raise BuildValueError(msg) from None
        return token

    @property
    def seed(self) -> int:
        """The seed of random operators and faults: that of the schedule, 0 if it has none."""
        return int(self.schedule[1:]) if self.schedule[0] == "s" else 0

    def made_schedule(self) -> Schedule:
        """The schedule, from its beginning."""
        kind, rest = self.schedule[0], self.schedule[1:]
        if kind == "s":
            return Seeded(int(rest))
        data = _from_letters(rest)
        if kind == "m":
            return Mixed(int.from_bytes(data, "big"))
        numbers = _varints(data)
        deviations, at = {}, -1
        for gap, choice in zip(numbers[::2], numbers[1::2], strict=True):
            at += gap + 1
            deviations[at] = choice + 1
        return Deviating(deviations)


def results_of(digests: Sequence[bytes]) -> str:
    """Two letters for each group of functions, in the order in which they were first called."""
    groups = [digests[group::GROUPS] for group in range(min(GROUPS, len(digests)))]
    return "".join(_letters(_folded(group))[:2] for group in groups)


def _folded(digests: Sequence[bytes]) -> bytes:
    folded = bytes(3)
    for digest in digests:
        folded = bytes(a ^ b for a, b in zip(folded, digest, strict=False))
    return folded


def _letters(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _from_letters(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _varint(number: int) -> bytes:
    data = bytearray()
    while number >= 0x80:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def _varints(data: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number, shift = 0, 0
    if shift:
        raise ValueError
    return numbers
