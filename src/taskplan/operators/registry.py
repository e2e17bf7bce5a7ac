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
import re
import sys
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import FunctionType, MappingProxyType
from typing import Any, Literal, TypeVar

import numpy as np

from taskplan.errors import ArgumentError, ArityError, InternalError, UnknownOperatorError
from taskplan.operators.inference import Inference, InferenceFunction
from taskplan.operators.waiting import Reason
from taskplan.plan.model import NetDef
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

_REQUIRED = inspect.Parameter.empty

Converter = Callable[[object], Any]
"""Makes an argument's value what the body takes; None says that it is of another kind."""


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
class ArgumentSpec:
    """A keyword argument: its type and default.

    Types are `int`, `float`, `bool`, `str`, `bytes`, `NetDef`, or a `Sequence` of one of these.
    """

    name: str
    type: Any
    default: Any = _REQUIRED
    convert: Converter = lambda value: value

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is _REQUIRED

    def shown(self) -> str:
        """The type as a reader would write it."""
        if isinstance(self.type, type):
            return self.type.__name__
        return re.sub(r"\w+\.", "", str(self.type))


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
        updates: input slots, each the first of an in-place pair, of which the body is given arrays of its own (of rank
            0 too): it writes into them and returns them as the outputs of their pairs.
        infer: the specs of the outputs from those of the inputs; see `taskplan.operators.inference`.
        inexact: why the sizes, or anything at all, cannot be inferred, if so.
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
    doc: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    input_range: range = field(init=False)
    output_range: range = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_range", _count_range(self.inputs))
        object.__setattr__(self, "output_range", _count_range(self.outputs))

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

    Raises:
        InternalError: the name is taken.
    """

    def declare(body: Body) -> Body:
        if name in _REGISTRY:
            msg = f"operator {name!r} is declared twice"
            raise InternalError(msg)
        arguments, wants_run = _keyword_arguments(body)
        _REGISTRY[name] = Declaration(
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
            doc=inspect.getdoc(body) or "",
            defaults={spec.name: spec.default for spec in arguments.values() if not spec.required},
        )
        return body

    return declare


def _keyword_arguments(body: Callable[..., Any]) -> tuple[Mapping[str, ArgumentSpec], bool]:
    specs: dict[str, ArgumentSpec] = {}
    wants_run = False
    for parameter in inspect.signature(body).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            if parameter.name == "run":
                wants_run = True
                continue
            kind = _evaluated(parameter.annotation, body)
            specs[parameter.name] = ArgumentSpec(parameter.name, kind, parameter.default, _converter(kind))
    return MappingProxyType(specs), wants_run


_evaluated_kinds: dict[tuple[str, str], Any] = {}


def _evaluated(annotation: Any, body: Callable[..., Any]) -> Any:
    """The type of a keyword; each text is evaluated once a module, since that takes long."""
    if annotation is inspect.Parameter.empty:
        return object
    if not isinstance(annotation, str):
        return annotation
    key = (body.__module__, annotation)
    if key not in _evaluated_kinds:
        _evaluated_kinds[key] = typing.get_type_hints(_annotated(annotation, body))["kind"]
    return _evaluated_kinds[key]


def _annotated(annotation: str, body: Callable[..., Any]) -> Callable[..., Any]:
    """A stand-in function with one annotation, in the module of `body`."""
    stand_in = FunctionType(_annotated.__code__, inspect.unwrap(body).__globals__)
    stand_in.__annotations__ = {"kind": annotation}
    return stand_in


def declaration(name: str) -> Declaration:
    """The declaration of the operator called `name`.

    Raises:
        UnknownOperatorError: there is none; the message has the nearest names.
    """
    found = _REGISTRY.get(name)
    if found is None:
        msg = f"there is no operator {name!r}{did_you_mean(name, _REGISTRY)}"
        raise UnknownOperatorError(msg, operator=name)
    return found


def is_operator(name: str) -> bool:
    """Whether an operator of that name is declared."""
    return name in _REGISTRY


def declarations() -> Iterator[Declaration]:
    """All declarations, by name."""
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


def _converter(kind: Any) -> Converter:
    """What makes a value what an annotation allows."""
    origin = typing.get_origin(kind)
    if origin in (Sequence, tuple, list):
        return _list_converter(_converter(typing.get_args(kind)[0]))
    if origin is None:
        return _SIMPLE.get(kind, lambda value: value)
    return _first_of([_converter(option) for option in typing.get_args(kind) if option is not type(None)])


def _first_of(converters: Sequence[Converter]) -> Converter:
    """The first answer that is one."""
    if len(converters) == 1:
        return converters[0]
    return lambda value: next((answer for convert in converters if (answer := convert(value)) is not None), None)


def _list_converter(element: Converter) -> Converter:
    def convert(value: object) -> Any:
        if not isinstance(value, tuple):
            return None
        items = tuple(map(element, value))
        return None if None in items else items

    return convert


# Integers serve as bools; kinds do not mix otherwise.
_SIMPLE: dict[Any, Converter] = {
    bool: lambda value: bool(value) if isinstance(value, int) else None,
    int: lambda value: int(value) if isinstance(value, int) else None,
    float: lambda value: value if isinstance(value, float) else None,
    str: lambda value: value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else None,
    bytes: lambda value: value if isinstance(value, bytes) else None,
    NetDef: lambda value: value if isinstance(value, NetDef) else None,
}
