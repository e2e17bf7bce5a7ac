"""Valid calls of the operators that have no recorded ones, a module for each family: `SAMPLES` maps names to makers."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass
class Sample:
    """A call that succeeds at once on a fresh instance.

    Attributes:
        inputs: the values of the inputs, tensors or handles.
        arguments: as plans hold them: bools are integers, texts bytes, lists tuples.
        outputs: how many outputs to ask for.
        in_place: outputs that are the blob of an input, by positions.
        function: what an operator that runs a user's function runs.
    """

    inputs: Sequence[Any] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    in_place: Mapping[int, int] = field(default_factory=dict)
    function: object = None


SAMPLES: dict[str, Callable[[], Sample]] = {}

for _found in pkgutil.iter_modules(__path__):
    SAMPLES.update(import_module(f"{__name__}.{_found.name}").SAMPLES)
