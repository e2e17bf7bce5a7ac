"""The registry: `@operator`, the declaration it makes, and look-up.

An operator is one declaration. Builder, checker, engine, `taskplan ops` and the operator page all read it::

    @operator("Sub", inputs=("A", "B"), outputs=("C",), in_place=(("A", "C"),))
    def sub(a: Array, b: Array, *, broadcast: bool = False, axis: int = -1) -> Array:
        '''C = A - B, element by element.'''

The body takes the values of the inputs by position and the arguments by keyword, and returns the values of the outputs:
one value, a tuple, or None for no output. What it returns beyond the outputs that were asked for is dropped. A body
with a keyword `run` gets the `OpRun` of its instance. Values are never written into, but for those of the slots that
`updates` names: they are arrays that nobody else sees, so the body may write into them, and returns them.

Slots are names with a mark: `"B?"` may be absent (the body gets None), `"rest*"` stands for any number, `"rest+"` for
at least one.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, TypeVar

import numpy as np

from taskplan.errors import ArgumentError, ArityError, BuildValueError, UnknownOperatorError
from taskplan.operators.absent import ABSENT
from taskplan.operators.arguments import ArgumentSpec, keyword_arguments
from taskplan.operators.catalogue import load, load_all
from taskplan.operators.exact import ExactNative
from taskplan.operators.inference import Inference, InferenceFunction
from taskplan.operators.packages import load_packages
from taskplan.operators.waiting import Reason
from taskplan.plan.names import did_you_mean
from taskplan.plan.types import DType


class Effect(Enum):
    """What an operator does besides computing its outputs; see also `taskplan.operators.waiting.Reason`."""

    BLOCKS = "may wait"
    RANDOM = "draws random numbers"
    IO = "reads or writes files or logs"
    USER_CODE = "calls a function of the user"
    WORKSPACE = "may read or make any blob of its workspace"
    SUBNETS = "runs nets that it is given as arguments"
    MAKES = "makes a new object each time, not a value"


BLOCKS, RANDOM, IO, USER_CODE, WORKSPACE, SUBNETS, MAKES = Effect

ANY_PAIR: Literal["any"] = "any"

Counts = frozenset[int] | range
"""The legal numbers of inputs or outputs; a range up to `UNLIMITED` has no limit."""

UNLIMITED = sys.maxsize


@dataclass(frozen=True, slots=True)
class Slot:
    """A position, or a run of positions, among the inputs or outputs."""

    name: str
    least: int = 1
    most: int | None = 1

    @classmethod
    def parse(cls, text: str) -> Slot:
        """A slot from its notation: `"A"`, `"B?"`, `"rest*"`, `"rest+"`."""
        marks: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}
        if text[-1] in marks:
            least, most = marks[text[-1]]
            return cls(text[:-1], least, most)
        return cls(text)


@dataclass(frozen=True, slots=True)
class Declaration:
    """All that is known about an operator.

    Attributes:
        in_place: pairs (input slot, output slot) that may be one blob, or `"any"`.
        must_in_place: pairs that have to be one blob.
        effects: `Effect`s and `Reason`s (with the input's name as subject); none means a pure function.
        check: called with the arguments when an instance is created; raises `ArgumentError`.
        prepare: called once when an instance is created, with the same keywords as the body.
        wants_run: whether the body takes `run`.
        stores: the body returns nothing (its annotation says None) and stores its outputs itself, if it has any.
        ufunc: computes the operator when there are as many inputs as it takes, all of one dtype in `ufunc_dtypes` and
            of one shape, and no arguments are given. It lets the engine write into a buffer that it owns.
        updates: input slots, each the first of an in-place pair, of which the body is given arrays of its own (in C
            order, of rank 0 too): it writes into them and returns them as the outputs of their pairs.
        infer: the specs of the outputs from those of the inputs; see `taskplan.operators.inference`.
        inexact: why the sizes, or anything at all, cannot be inferred, if so.
        exact_native: writes a call on scalars as an expression with the same bits; see `taskplan.operators.exact`. It
            holds for each element of arrays of one shape too, and if the operator has an argument `broadcast`, for
            arrays and scalars.
        exact_lookup: the same for a vector and a scalar index.
    """

    name: str
    family: str
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    arguments: Mapping[str, ArgumentSpec]
    body: Callable[..., Any]
    in_place: tuple[tuple[str, str], ...] | Literal["any"] = ()
    must_in_place: tuple[tuple[str, str], ...] = ()
    effects: frozenset[Effect | Reason] = frozenset()
    check: Callable[..., None] | None = None
    prepare: Callable[..., None] | None = None
    input_counts: Counts | None = None
    output_counts: Counts | None = None
    wants_run: bool = False
    stores: bool = False
    ufunc: np.ufunc | None = None
    ufunc_dtypes: frozenset[DType] = frozenset()
    updates: tuple[str, ...] = ()
    infer: Inference | None = None
    inexact: str = ""
    exact_native: ExactNative | None = None
    exact_lookup: ExactNative | None = None
    doc: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    input_range: range = field(init=False)
    output_range: range = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_range", _count_range(self.inputs))
        object.__setattr__(self, "output_range", _count_range(self.outputs))

    @property
    def is_builtin(self) -> bool:
        """Whether it is taskplan's own, and not of a user or of an installed package."""
        return self.body.__module__.startswith("taskplan.")

    def places(self, pairs: Sequence[tuple[str, str]], inputs: int, outputs: int) -> list[tuple[int, int]]:
        """The positions (input, output) of pairs of slots in a call with so many; runs of blobs in their order."""
        given, made = slot_names(self.inputs, inputs), slot_names(self.outputs, outputs)
        found: list[tuple[int, int]] = []
        for source, result in pairs:
            found += zip(_places_of(source, given), _places_of(result, made), strict=False)
        return found

    @property
    def may_wait(self) -> bool:
        """Whether an instance may wait, or run as long as user code likes."""
        return BLOCKS in self.effects or USER_CODE in self.effects


def _counts(given: Sequence[int] | None) -> Counts | None:
    return given if given is None or isinstance(given, range) else frozenset(given)


def _count_range(slots: tuple[Slot, ...]) -> range:
    """The counts from least to most; without a limit, as far as lists go."""
    least = sum(slot.least for slot in slots)
    most = UNLIMITED - 1 if any(slot.most is None for slot in slots) else sum(slot.most or 0 for slot in slots)
    return range(least, most + 1)


_REGISTRY: dict[str, Declaration] = {}

Body = TypeVar("Body", bound=Callable[..., Any])


def operator(
    name: str,
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    in_place: Sequence[tuple[str, str]] | Literal["any"] = (),
    must_in_place: Sequence[tuple[str, str]] = (),
    effects: Sequence[Effect | Reason] = (),
    check: Callable[..., None] | None = None,
    prepare: Callable[..., None] | None = None,
    input_counts: Sequence[int] | None = None,
    output_counts: Sequence[int] | None = None,
    ufunc: np.ufunc | None = None,
    ufunc_dtypes: Collection[DType] = (),
    updates: Sequence[str] = (),
    infer: InferenceFunction | None = None,
    inexact: str = "",
    exact_native: ExactNative | None = None,
    exact_lookup: ExactNative | None = None,
) -> Callable[[Body], Body]:
    """Declare an operator; the decorated function is its body. See the module's text for the notation.

    Args:
        name: what users call it.
        inputs: slots of the inputs.
        outputs: slots of the outputs.
        in_place: pairs of slot names that may be one blob; `"any"` allows all.
        must_in_place: pairs of slot names that have to be one blob.
        effects: what it does besides computing.
        check: looks at the arguments when an instance is created: `check(**arguments)` raises `ArgumentError`.
        prepare: called once when an instance is created, with the same keywords as the body.
        input_counts: the legal counts of inputs, where not all between least and most are; `range(2, UNLIMITED, 2)`
            for pairs.
        output_counts: the same for outputs.
        ufunc: computes the operator for operands of one dtype and shape, without arguments; see `Declaration`.
        ufunc_dtypes: the dtypes for which it does.
        updates: input slots whose arrays the body may write into, and returns; see `Declaration`.
        infer: works out the outputs' types and shapes; see `taskplan.operators.inference`.
        inexact: why it cannot do so exactly, for the operator's page.
        exact_native: writes a call on scalars as an expression; see `Declaration`.
        exact_lookup: writes a call on a vector and an index as one; see `Declaration`.

    Raises:
        BuildValueError: the name is taken by another function, or body and declaration do not fit together. (A function
            of the same module and name may declare its operator anew, as when a cell of a notebook runs again.)
    """

    def declare(body: Body) -> Body:
        parameters = inspect.signature(body).parameters.values()
        arguments, wants_run = keyword_arguments(body, parameters)
        declared = Declaration(
            name=name,
            family=body.__module__.rpartition(".")[2],
            inputs=tuple(map(Slot.parse, inputs)),
            outputs=tuple(map(Slot.parse, outputs)),
            arguments=arguments,
            body=body,
            in_place=in_place if isinstance(in_place, str) else tuple(in_place),
            must_in_place=tuple(must_in_place),
            effects=frozenset(effects),
            check=check,
            prepare=prepare,
            input_counts=_counts(input_counts),
            output_counts=_counts(output_counts),
            wants_run=wants_run,
            stores=body.__annotations__.get("return") in (None, "None") and "return" in body.__annotations__,
            ufunc=ufunc,
            ufunc_dtypes=frozenset(ufunc_dtypes),
            updates=tuple(updates),
            infer=Inference.of(infer) if infer is not None else None,
            inexact=inexact,
            exact_native=exact_native,
            exact_lookup=exact_lookup,
            doc=inspect.getdoc(body) or "",
            defaults={spec.name: spec.default for spec in arguments.values() if not spec.required},
        )
        _require_sound(declared, [each for each in parameters if each.kind <= each.VAR_POSITIONAL])
        _REGISTRY[name] = declared
        return body

    return declare


def adopt(declared: Declaration) -> None:
    """Know an operator that was declared in another process, by a script that is no module here."""
    _REGISTRY[declared.name] = declared


def _require_sound(declared: Declaration, positional: Sequence[inspect.Parameter]) -> None:
    """Raise BuildValueError if the name is taken or the declaration contradicts itself or its body."""
    name, body = declared.name, declared.body
    other = _REGISTRY.get(name)
    if other is not None and _origin(other.body) != _origin(body):
        msg = f"operator {name!r} of {_origin(body)} is already declared by {_origin(other.body)}; choose another name"
        raise BuildValueError(msg)
    inputs, outputs = ({slot.name for slot in slots} for slots in (declared.inputs, declared.outputs))
    pairs = [*(() if isinstance(declared.in_place, str) else declared.in_place), *declared.must_in_place]
    for given, made in pairs:
        if given not in inputs or made not in outputs:
            msg = f"operator {name!r}: the in-place pair {(given, made)} is none of an input slot and an output slot"
            raise BuildValueError(msg)
    for slot in declared.updates:
        if slot not in [given for given, _ in pairs]:
            msg = f"operator {name!r} updates {slot!r}, which is the input of no in-place pair"
            raise BuildValueError(msg)
    for effect in declared.effects:
        if isinstance(effect, Reason) and effect.subject not in inputs:
            msg = f"operator {name!r}: the effect {type(effect).__name__}({effect.subject!r}) names no input slot"
            raise BuildValueError(msg)
    least = sum(each.default is each.empty and each.kind != each.VAR_POSITIONAL for each in positional)
    takes_all = any(each.kind == each.VAR_POSITIONAL for each in positional)
    if least > declared.input_range.start or (len(positional) < declared.input_range.stop - 1 and not takes_all):
        msg = f"operator {name!r}: the body takes {len(positional)} inputs by position, which are not its input slots"
        raise BuildValueError(msg)


def _origin(body: Callable[..., Any]) -> str:
    return f"{body.__module__}.{body.__qualname__}"


def declaration(name: str) -> Declaration:
    """The declaration of the operator called `name`.

    Raises:
        UnknownOperatorError: there is none; the message has the nearest names, or what to use instead.
    """
    load(name)  # always: a module that another thread imports just now declares its operators before it is complete
    found = _REGISTRY.get(name) or _load(name)
    if found is None:
        msg = f"there is no operator {name!r}{instead_of(name)}"
        raise UnknownOperatorError(msg, operator=name)
    return found


def _load(name: str) -> Declaration | None:
    """The declaration of an operator whose module has not been imported yet."""
    if not load(name):
        load_packages()
    return _REGISTRY.get(name)


# Kept, since `hasattr` may ask for the same name very often, and finding near ones takes a millisecond.
@lru_cache(maxsize=256)
def instead_of(name: str) -> str:
    """A clause about a name that is no operator: what to use instead of one that Caffe2 has, or the nearest names."""
    if name in ABSENT:
        return "; it is one of Caffe2's that taskplan does not provide" + (ABSENT[name] and f"; {ABSENT[name]}")
    load_all()
    return did_you_mean(name, _REGISTRY)


def is_operator(name: str) -> bool:
    """Whether an operator of that name is declared, here or by an installed package."""
    return name in _REGISTRY or _load(name) is not None


def declarations() -> Iterator[Declaration]:
    """All declarations, also of installed packages, by name."""
    load_all()
    return iter(sorted(_REGISTRY.values(), key=lambda each: each.name))


# --- counts and in-place pairs
# -----------------------------------------------------------------------------------------


def check_arity(declared: Declaration, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Check counts and in-place pairs of one call.

    Raises:
        ArityError: a count is not allowed, or a blob stands on both sides where it may not.
    """
    counts = declared.input_counts or declared.input_range
    if len(inputs) not in counts:
        raise _wrong_count(declared, "input", declared.inputs, counts, len(inputs))
    counts = declared.output_counts or declared.output_range
    if len(outputs) not in counts:
        raise _wrong_count(declared, "output", declared.outputs, counts, len(outputs))
    if declared.must_in_place or (declared.in_place != ANY_PAIR and not set(inputs).isdisjoint(outputs)):
        _check_in_place(declared, inputs, outputs)


def _wrong_count(declared: Declaration, side: str, slots: tuple[Slot, ...], counts: Counts, got: int) -> ArityError:
    if isinstance(counts, frozenset):
        expected = " or ".join(map(str, sorted(counts)))
    elif counts.step > 1:
        expected = f"{counts[0]}, {counts[1]}, {counts[2]}, ..."
    elif counts.stop == UNLIMITED:
        expected = f"at least {counts.start}"
    else:
        expected = str(counts.start) if len(counts) == 1 else f"{counts.start} to {counts.stop - 1}"
    names = ", ".join(slot.name for slot in slots)
    plural = "" if expected == "1" else "s"
    msg = f"{declared.name} takes {expected} {side}{plural}{f' ({names})' if names else ''}, got {got}"
    return ArityError(msg, operator=declared.name)


def slot_names(slots: Sequence[Slot], count: int) -> list[str]:
    """The slot name of each of `count` positions.

    Example:
        >>> slot_names([Slot("queue"), Slot("rest", 0, None)], 3)
        ['queue', 'rest', 'rest']
    """
    names: list[str] = []
    spare = count - sum(slot.least for slot in slots)
    for slot in slots:
        extra = spare if slot.most is None else min(spare, slot.most - slot.least)
        spare -= max(extra, 0)
        names += [slot.name] * (slot.least + max(extra, 0))
    return names


def _places_of(slot: str, names: Sequence[str]) -> list[int]:
    return [place for place, name in enumerate(names) if name == slot]


def _check_in_place(declared: Declaration, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Variadic slots pair up by rank: the k-th blob of the input slot with the k-th of the output slot."""
    in_names, out_names = slot_names(declared.inputs, len(inputs)), slot_names(declared.outputs, len(outputs))
    in_rank, out_rank = _ranks(in_names), _ranks(out_names)
    for i, blob in enumerate(inputs):
        for j, output in enumerate(outputs):
            pair = (in_names[i], out_names[j])
            same_rank = in_rank[i] == out_rank[j]
            if pair in declared.must_in_place and same_rank and blob != output:
                msg = f"{declared.name}: output {j} must be the same blob as input {i}, {blob!r}; got {output!r}"
                raise ArityError(msg, operator=declared.name)
            if blob != output or declared.in_place == ANY_PAIR:
                continue
            if inputs.index(blob) != i and output in inputs[:i]:
                continue  # the same blob twice among the inputs: one legal pair is enough
            legal = [
                k
                for k, other in enumerate(inputs)
                if other == output
                and (in_names[k], out_names[j]) in (*declared.in_place, *declared.must_in_place)
                and in_rank[k] == out_rank[j]
            ]
            if not legal:
                msg = f"{declared.name} cannot write output {j} over its input {i}, {blob!r}; give it another name"
                raise ArityError(msg, operator=declared.name)


def _ranks(names: Sequence[str]) -> list[int]:
    seen: dict[str, int] = {}
    ranks = []
    for name in names:
        ranks.append(seen.get(name, 0))
        seen[name] = ranks[-1] + 1
    return ranks


# --- arguments
# ---------------------------------------------------------------------------------------------------------


def decode_arguments(
    declared: Declaration, arguments: Mapping[str, object], *, ignore_unknown: bool = False
) -> dict[str, Any]:
    """The keyword arguments for the body from the decoded arguments of a call, checked and converted.

    Raises:
        ArgumentError: an argument is unknown, missing, or of the wrong kind; or the declaration's own check refuses.
    """
    decoded: dict[str, Any] = dict(declared.defaults)
    for name, value in arguments.items():
        spec = declared.arguments.get(name)
        if spec is None:
            if ignore_unknown:
                continue
            known = ", ".join(map(repr, declared.arguments)) or "none"
            hint = did_you_mean(name, declared.arguments) or f"; it takes {known}"
            msg = f"{declared.name} has no argument {name!r}{hint}"
            raise ArgumentError(msg, operator=declared.name, argument=name)
        converted = decoded[name] = spec.convert(value)
        if converted is None:
            msg = f"{declared.name}: argument {name!r} must be {spec.shown()}, got {value!r}"
            raise ArgumentError(msg, operator=declared.name, argument=name)
    if len(decoded) < len(declared.arguments):
        missing = next(name for name in declared.arguments if name not in decoded)
        msg = f"{declared.name} needs the argument {missing!r}"
        raise ArgumentError(msg, operator=declared.name, argument=missing)
    if declared.check is not None:
        declared.check(**decoded)
    return decoded
