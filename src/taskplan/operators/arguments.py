"""Keyword arguments of operators: their types, read from the signatures of bodies, and the values that these allow."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, MappingProxyType, UnionType
from typing import Any

from taskplan.errors import BuildValueError
from taskplan.plan.model import NetDef

_REQUIRED = inspect.Parameter.empty

Converter = Callable[[object], Any]
"""Makes an argument's value what the body takes; None says that it is of another kind."""


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


def keyword_arguments(
    body: Callable[..., Any], parameters: Iterable[inspect.Parameter]
) -> tuple[Mapping[str, ArgumentSpec], bool]:
    """The arguments of an operator, by the keywords of its body; and whether the body takes `run`.

    Raises:
        BuildValueError: a keyword is of a type that plans cannot hold.
    """
    specs: dict[str, ArgumentSpec] = {}
    wants_run = False
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            if parameter.name == "run":
                wants_run = True
                continue
            kind = _evaluated(parameter.annotation, body)
            try:
                convert = _converter(kind)
            except KeyError:
                known = "int, float, bool, str, bytes, NetDef, Sequence[...] of one of these, or a union"
                msg = f"argument {parameter.name!r} of {body.__qualname__} has type {kind!r}; a plan holds {known}"
                raise BuildValueError(msg) from None
            specs[parameter.name] = ArgumentSpec(parameter.name, kind, parameter.default, convert)
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


def _converter(kind: Any) -> Converter:
    """What makes a value what an annotation allows."""
    origin = typing.get_origin(kind)
    if origin in (Sequence, tuple, list):
        return _list_converter(_converter(typing.get_args(kind)[0]))
    if origin not in (typing.Union, UnionType):
        return _SIMPLE[kind]
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
    object: lambda value: value,
    Any: lambda value: value,
}
