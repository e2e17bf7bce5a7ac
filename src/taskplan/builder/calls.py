"""Operators as methods of a net: `net.Add([x, y], z)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from taskplan.builder.arguments import operator_call
from taskplan.builder.blobs import BlobReference, no_such_operator, scoped_names
from taskplan.builder.draft import NetDraft
from taskplan.builder.naming import current_names
from taskplan.builder.operator_methods import OperatorMethod, OperatorMethods
from taskplan.builder.scope import CurrentNameScope
from taskplan.builder.sites import here, on_users_line
from taskplan.errors import BuildAttributeError, BuildError
from taskplan.operators.registry import check_arity, declaration, declarations, decode_arguments, is_operator


def IsOperator(op_type: str) -> bool:
    """Whether there is an operator of that name."""
    return is_operator(op_type)


def IsOperatorWithEngine(op_type: str, engine: str) -> bool:
    """Whether there is an operator of that name in that implementation: `""` or `DEFAULT`, as there is one of each."""
    return is_operator(op_type) and engine in ("", "DEFAULT")


class OperatorCalls(OperatorMethods, NetDraft):
    """A net to which operators are added by calling methods of their names."""

    # What comes back depends on the outputs that are asked for: None, a BlobReference, or a tuple of them.
    def __getattr__(self, op_type: str) -> Callable[..., Any]:
        if op_type.startswith("__"):
            msg = f"{type(self).__name__} has no attribute {op_type!r}"
            raise BuildAttributeError(msg)
        if not is_operator(op_type):
            raise on_users_line(no_such_operator(type(self).__name__, op_type))
        return OperatorMethod(self._add_operator, op_type)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(each.name for each in declarations())})

    def _add_operator(
        self, op_type: str, inputs: object, outputs: object = None, _fits: bool = False, **options: Any
    ) -> Any:
        """Add one operator, or nothing at all if something about it is wrong.

        Args:
            op_type: what it does.
            inputs: a blob or a list of them. What this net does not define becomes an external input.
            outputs: a blob or a list of them, a number of outputs to be named here, or None for one.
            _fits: the arguments are known to be right.
            **options: as for `CreateOperator`.

        Returns:
            None, a reference, or a tuple of references, by the number of outputs.

        Raises:
            ArityError: the number of inputs or outputs is wrong, or a blob stands on both sides where it may not.
            ArgumentError: an argument is unknown, missing or of the wrong kind.
            BuildError: an input is a reference to a blob of this very net, which does not define it.
        """
        try:
            return self._added(op_type, inputs, outputs, options, fits=_fits)
        except BuildError as error:
            on_users_line(error)
            raise

    def _added(self, op_type: str, inputs: object, outputs: object, options: dict[str, Any], *, fits: bool) -> Any:
        input_names = scoped_names(inputs)
        external = self._not_yet_defined(inputs, input_names)
        output_names, counters = self._output_names(op_type, outputs)
        op, message = operator_call(op_type, input_names, output_names, options, here())
        checked = not current_names().caffe2
        if checked:
            declared = declaration(op_type)
            check_arity(declared, input_names, output_names)
            if not fits:
                decode_arguments(declared, op.arguments)

        self._name_counters.update(counters)
        if external:
            self._add_external(external)
        if message is not None:  # as there is if it holds nets
            self._adopt_functions(options)
        self.add_op(op, message, checked=checked)
        if len(output_names) == 1:
            return BlobReference(output_names[0], self)
        return tuple([BlobReference(name, self) for name in output_names]) or None

    def _not_yet_defined(self, inputs: object, names: list[str]) -> list[str]:
        is_defined = self._table.is_defined
        unknown = [name for name in names if not is_defined(name)]
        if not unknown:
            return unknown
        for blob in inputs if isinstance(inputs, (list, tuple)) else (inputs,):
            if isinstance(blob, BlobReference) and blob.Net() is self and str(blob) in unknown:
                msg = f"{blob!r} is said to be a blob of net {self.Name()!r}, which does not define it"
                raise BuildError(msg)
        return list(dict.fromkeys(unknown))

    def _output_names(self, op_type: str, outputs: object) -> tuple[list[str], Mapping[str, int]]:
        """The names of the outputs, and the counters that go on if they are used."""
        if outputs is not None and not isinstance(outputs, int):
            return scoped_names(outputs), {}
        ids = [None] if outputs is None else range(outputs)
        scope = CurrentNameScope()
        names: list[str] = []
        counters: dict[str, int] = {}
        for output_id in ids:
            name, counter = self._fresh_name(op_type, output_id)
            names.append(scope + name)
            counters.update(counter)
        return names, counters

    def _adopt_functions(self, options: Mapping[str, object]) -> None:
        """Hold the functions of the nets among the arguments for as long as this net lives."""
        for value in options.values():
            for net in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(net, NetDraft):
                    self._functions.update(net.functions())
