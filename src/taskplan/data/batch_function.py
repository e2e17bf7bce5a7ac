"""Plain functions of arrays as processors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from taskplan.builder.column_types import TEXT, leaf_array
from taskplan.builder.columns import from_blob_list
from taskplan.builder.dataio import Record
from taskplan.builder.fields import Field, require_field
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.records import blobs_of
from taskplan.data.processors import processor_name
from taskplan.errors import BuildTypeError, OperatorError
from taskplan.plan.types import Array

# Arrays of any type: what they hold is known to the function only.
Function = Callable[[dict[str, Any]], Mapping[str, Any]]


class BatchFunction:
    """A processor that calls a plain function of arrays when the program runs.

    Example::

        def centred(batch):
            return {"x": batch["x"] - batch["x"].mean(axis=0), "label": batch["label"]}

        pipe(source, sink, processor=BatchFunction(centred), num_runtime_threads=2)

    Args:
        function: takes a dict of arrays by field name, and returns one. Fields that are declared as `str` come as
            arrays of unicode. It cannot write into the arrays that it gets; other keys than the fields are left out.
        schema: what the function returns; the same as what it is given, if left out.
        name: of the task; that of the function if not given.

    Raises:
        BuildTypeError: `function` cannot be called, or `schema` is none.
    """

    def __init__(self, function: Function, schema: Field | None = None, name: str = "") -> None:
        if not callable(function):
            msg = f"expected a function of a dict of arrays, got {function!r}"
            raise BuildTypeError(msg)
        if schema is not None:
            require_field(schema)
        self.function = function
        self.name = name or processor_name(function)
        self._schema = schema

    def schema_func(self, reader: Any) -> Field:
        """What its records are."""
        schema: Field = self._schema if self._schema is not None else reader.schema()
        return schema

    def __call__(self, record: Record) -> Field:
        """Add the operator that calls the function.

        Raises:
            BuildTypeError: what is read has no schema.
        """
        require_field(record)
        schema = (self._schema if self._schema is not None else record).clone_schema()
        given = [(name, dtype == TEXT) for name, dtype in zip(record.field_names(), record.field_types(), strict=True)]
        net = NetBuilder.current().current_net()
        called = _OnColumns(self.function, tuple(given), tuple(schema.field_names()))
        outputs = [net.NextName(name or "value") for name in schema.field_names()]
        made = net.call(called, *blobs_of(record), outputs=outputs)
        bound: Field = from_blob_list(schema, list(made) if isinstance(made, tuple) else [made])
        return bound


@dataclass(frozen=True)
class _OnColumns:
    """Calls a function of a dict with columns.

    Attributes:
        function: the function.
        given: for each column its name, and whether it is text.
        wanted: the names of the columns that it has to return.
    """

    function: Function
    given: tuple[tuple[str, bool], ...]
    wanted: tuple[str, ...]

    @property
    def __name__(self) -> str:
        return processor_name(self.function) or "function"

    def __call__(self, *columns: Array) -> tuple[Any, ...]:
        batch = {
            name: leaf_array(column, TEXT) if is_text else column
            for (name, is_text), column in zip(self.given, columns, strict=True)
        }
        made = self.function(batch)
        if not isinstance(made, Mapping):
            msg = f"function {self.__name__!r} must return a dict of arrays by field name, it returned {made!r:.80}"
            raise OperatorError(msg, operator="Call")
        missing = [name for name in self.wanted if name not in made]
        if missing:
            lacks = ", ".join(map(repr, missing))
            msg = f"function {self.__name__!r} returned the fields {list(made)}, without {lacks}"
            raise OperatorError(f"{msg}; give the schema of what it returns", operator="Call")
        return tuple([np.asarray(made[name]) for name in self.wanted])
