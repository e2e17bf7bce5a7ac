"""The law of `exact_native`: body, Python expression and native code of an operator give the same bits and type."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskplan.engine.compiler import machine_code
from taskplan.engine.compiler.region import NAMES
from taskplan.engine.tier import can_be_native
from taskplan.errors import OperatorError
from taskplan.operators.exact import SCALARS, Written
from taskplan.operators.registry import Declaration, declarations
from taskplan.plan.types import DType

BATCH = 256
"""So many calls has a case; the first two operands are all pairs of 16 values."""

DIVISORS = (1, 2, 3, -3, 7, -1009, (1 << 31) - 1, -(1 << 31), 1 << 40)

ARGUMENTS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "Cast": {"to": (1, 2, 5, 10, 13, "float", "Int64", "BOOL", 3, "string")},
    "Mod": {"divisor": (*DIVISORS, -1), "sign_follow_divisor": (False, True)},
}
"""Of operators, arguments to try; of all others those of `USUAL`, by their type."""

USUAL: Mapping[type, tuple[Any, ...]] = {bool: (False, True), int: (0, 1), str: ("", "C")}

MOST_OPERANDS = 4

VALUES: Mapping[str, tuple[Any, ...]] = {
    "float32": (
        *(0.0, -0.0, 1.0, -1.0, 0.1, -2.5, 3.0e38, -3.4028235e38, 1.0e-45, -1.0e-38),
        *(math.inf, -math.inf, math.nan, 16777217.0, 2147483648.0, 9.2233720368547758e18),
    ),
    "float64": (
        *(0.0, -0.0, 1.0, -1.0, 0.1, -2.5, 1.7e308, -1.7e308, 5.0e-324, 3.5e38),
        *(math.inf, -math.inf, math.nan, 9007199254740993.0, 1.0000000596046448, 7.0e-46),
    ),
    "int32": (
        *(0, 1, -1, 2, -2, 3, -7, 1009, 46341, -46341, 16777217, -16777217),
        *((1 << 31) - 1, -(1 << 31), (1 << 30) + 1, -(1 << 31) + 1),
    ),
    "int64": (
        *(0, 1, -1, 2, -7, 1009, 16777217, (1 << 53) + 1, -(1 << 53) - 1, 1 << 31, -(1 << 31) - 1),
        *((1 << 63) - 1, -(1 << 63), (1 << 62) + 1, 3037000500, (1 << 62) + (1 << 38) + 1),
    ),
    "bool": (False, True) * 8,
}


@dataclass(frozen=True)
class Case:
    """A declaration with arguments and element types for which it says how it is written."""

    declaration: Declaration
    arguments: Mapping[str, Any]
    dtypes: tuple[DType, ...]
    written: Written

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.declaration.name}({', '.join(map(str, self.dtypes))}{'; ' if options else ''}{options})"

    @property
    def native_key(self) -> tuple[Any, ...]:
        """Cases that are written alike are compiled once."""
        return (self.dtypes, self.written.native, self.written.result)


def _options(declaration: Declaration) -> Iterator[dict[str, Any]]:
    """Nothing, each argument alone, and all combinations of what `ARGUMENTS` names."""
    if declaration.name in ARGUMENTS:
        named = ARGUMENTS[declaration.name]
        for values in itertools.product(*named.values()):
            yield dict(zip(named, values, strict=True))
        return
    yield {}
    for name, argument in declaration.arguments.items():
        for value in USUAL.get(type(argument.default), ()):
            yield {name: value}


def _arities(declaration: Declaration) -> range:
    return range(max(1, declaration.input_range.start), min(declaration.input_range.stop, MOST_OPERANDS + 1))


def _cases() -> Iterator[Case]:
    for declaration in declarations():
        if declaration.exact_native is None:
            continue
        for options in _options(declaration):
            for arity in _arities(declaration):
                for dtypes in itertools.product(sorted(SCALARS, key=str), repeat=arity):
                    written = declaration.exact_native(options, dtypes)
                    if written is not None:
                        yield Case(declaration, options, dtypes, written)


CASES = list(_cases())


def _operands(case: Case, values: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
    """For each operand a vector: pairs of all values of the last two, others in between."""
    steps = np.arange(BATCH)
    places = [(steps // 16 ** (len(case.dtypes) - 1 - place)) % 16 for place in range(len(case.dtypes))]
    if len(case.dtypes) > 2:
        places[:-2] = [(steps * 7 + steps // 16 + place) % 16 for place in range(len(case.dtypes) - 2)]
    with np.errstate(all="ignore"):
        found = [np.array(values[str(dtype)], dtype)[place] for dtype, place in zip(case.dtypes, places, strict=True)]
    if case.written.fails:
        found[-1][_fails(case)(*found)] = 3
    return found


def _fails(case: Case) -> Any:
    """Says of operands whether the operator fails."""
    names = [f"x{place}" for place in range(len(case.dtypes))]
    return eval(f"lambda {', '.join(names)}: {case.written.fails.format(*names)}", dict(NAMES))


def _bits(value: Any) -> tuple[type, bytes]:
    """What must agree; which nan it is need not."""
    return type(value), b"nan" if value != value else value.tobytes()


def _by_body(case: Case, rows: list[tuple[Any, ...]]) -> list[Any]:
    with np.errstate(all="ignore"):
        results = [case.declaration.body(*row, **case.arguments) for row in rows]
    return [result[()] if isinstance(result, np.ndarray) else result for result in results]


def _by_python(case: Case, rows: list[tuple[Any, ...]]) -> list[Any]:
    names = [f"x{place}" for place in range(len(case.dtypes))]
    compute = eval(f"lambda {', '.join(names)}: {case.written.python.format(*names)}", dict(NAMES))
    with np.errstate(all="ignore"):
        return [compute(*row) for row in rows]


def _compare(case: Case, how: str, found: list[Any], right: list[Any], rows: list[tuple[Any, ...]]) -> None:
    for result, expected, row in zip(found, right, rows, strict=True):
        assert _bits(result) == _bits(expected), f"{case} of {row} is {expected!r}, {how} gives {result!r}"


def _check_python(case: Case, values: Mapping[str, Any]) -> None:
    rows = list(zip(*_operands(case, values), strict=True))
    right = _by_body(case, rows)
    assert {type(result) for result in right} == {case.written.result.type}
    _compare(case, "Python", _by_python(case, rows), right, rows)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_python_expression_of_an_operator_gives_the_bits_of_its_body(case):
    _check_python(case, VALUES)


@pytest.mark.parametrize("case", [case for case in CASES if case.written.fails], ids=str)
def test_an_operator_says_of_just_those_operands_that_it_fails_at_which_its_body_fails(case):
    kinds = [dtype.type for dtype in case.dtypes]
    for row in itertools.product(VALUES[str(case.dtypes[0])], repeat=len(case.dtypes)):
        operands = [kind(value) for kind, value in zip(kinds, row, strict=True)]
        if _fails(case)(*operands):
            with pytest.raises(OperatorError):
                case.declaration.body(*operands, **case.arguments)
        else:
            with np.errstate(all="ignore"):
                case.declaration.body(*operands, **case.arguments)


def test_many_operators_have_an_expression():
    assert len({case.declaration.name for case in CASES}) >= 30


# --- native code ------------------------------------------------------------------------------------------------------


class Batch:
    """Native code of all cases: one function, with a loop over the calls of each case."""

    def __init__(self, cases: list[Case]) -> None:
        self.cases = list({case.native_key: case for case in cases}.values())
        self._sizes = dict.fromkeys(machine_code.KINDS, 0)
        self._places = [
            ([self._room(str(dtype)) for dtype in case.dtypes], self._room(str(case.written.result)))
            for case in self.cases
        ]
        lines = ["ARRAYS = ()", "def region():", "    return 0", ""]
        kinds = ", ".join(f"at_{kind}" for kind in machine_code.KINDS)
        lines.append(f"def entry(at_numbers, {kinds}):")
        lines += [f"    of_{kind} = carray(at_{kind}, {size})" for kind, size in self._sizes.items()]
        for case, (sources, target) in zip(self.cases, self._places, strict=True):
            lines += self._loop(case, sources, target)
        address = machine_code._load(f"batch of {len(cases)}", machine_code.make("\n".join(lines) + "\n"))
        self._callee = machine_code.Callee(address, 1, self._sizes, 0)

    def _room(self, kind: str) -> int:
        place = self._sizes[kind]
        self._sizes[kind] += BATCH
        return place

    def _loop(self, case: Case, sources: list[int], target: int) -> Iterator[str]:
        names = [f"x{place}_{dtype}" for place, dtype in enumerate(case.dtypes)]
        yield f"    for k in range({BATCH}):"
        for name, dtype, place in zip(names, case.dtypes, sources, strict=True):
            yield f"        {name} = of_{dtype}[{place} + k]"
        yield f"        of_{case.written.result}[{target} + k] = {case.written.as_native(names)}"

    def results(self, operands: list[list[np.ndarray[Any, Any]]]) -> list[np.ndarray[Any, Any]]:
        """What native code gives for operands of each case."""
        memory = self._callee.scalars
        for case, vectors, (sources, _) in zip(self.cases, operands, self._places, strict=True):
            for dtype, vector, place in zip(case.dtypes, vectors, sources, strict=True):
                memory[str(dtype)][place : place + BATCH] = vector
        self._callee.call()
        return [
            memory[str(case.written.result)][target : target + BATCH].copy()
            for case, (_, target) in zip(self.cases, self._places, strict=True)
        ]


native = pytest.mark.skipif(not can_be_native(), reason="Numba is not installed")


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Batch(CASES)


def _check_native(batch: Batch, values: Mapping[str, Any]) -> None:
    operands = [_operands(case, values) for case in batch.cases]
    for case, vectors, found in zip(batch.cases, operands, batch.results(operands), strict=True):
        rows = list(zip(*vectors, strict=True))
        _compare(case, "native code", list(found), _by_body(case, rows), rows)


@native
def test_native_code_of_operators_gives_the_bits_of_their_bodies(batch):
    _check_native(batch, VALUES)


_DRAWN = st.fixed_dictionaries(
    {
        "float32": st.lists(st.floats(width=32), min_size=16, max_size=16),
        "float64": st.lists(st.floats(), min_size=16, max_size=16),
        "int32": st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=16, max_size=16),
        "int64": st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=16, max_size=16),
        "bool": st.lists(st.booleans(), min_size=16, max_size=16),
    }
)


@native
@settings(max_examples=10)
@given(values=_DRAWN)
def test_all_three_agree_on_any_values(batch, values):
    for case in batch.cases:
        _check_python(case, values)
    _check_native(batch, values)


# --- lookups ----------------------------------------------------------------------------------------------------------


def _lookups() -> Iterator[tuple[Declaration, DType, DType, Written]]:
    for declaration in declarations():
        if declaration.exact_lookup is not None:
            for data, index in itertools.product(sorted(SCALARS, key=str), repeat=2):
                written = declaration.exact_lookup({}, (data, index))
                if written is not None:
                    yield declaration, data, index, written


def _name_of(value: object) -> str:
    return value.name if isinstance(value, Declaration) else value.native if isinstance(value, Written) else str(value)


@pytest.mark.parametrize(("declaration", "data", "index", "written"), [*_lookups()], ids=_name_of)
def test_a_lookup_says_of_just_those_indices_that_it_fails_at_which_its_body_fails(declaration, data, index, written):
    table = np.array(VALUES[str(data)][:3], data)
    fails = eval(f"lambda x, k: {written.fails.format('x', 'k')}", dict(NAMES))
    look_up = eval(f"lambda x, k: {written.python.format('x', 'k')}", dict(NAMES))

    for place in map(index.type, (*range(-5, 6), np.iinfo(index).max, np.iinfo(index).min)):
        if fails(table, place):
            with pytest.raises(Exception, match="out of range"):
                declaration.body(table, place)
        else:
            assert _bits(look_up(table, place)) == _bits(declaration.body(table, place))


def test_a_lookup_along_another_axis_is_left_to_the_body():
    for declaration, data, index, _ in _lookups():
        assert declaration.exact_lookup is not None
        assert declaration.exact_lookup({"axis": 1}, (data, index)) is None
        assert declaration.exact_lookup({"match_outer": True}, (data, index)) is None
