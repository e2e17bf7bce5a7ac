"""Operators as methods, for editors and type checkers.

At run a method is found by the operator's name; the stub beside this file has all signatures. It is made from the
declarations: `TASKPLAN_UPDATE_DOCS=1 python -m pytest tests/test_operator_stubs.py` writes it anew.
"""

from __future__ import annotations

import inspect
from functools import partial

from taskplan.operators.registry import Declaration, declaration


class OperatorMethods:
    """What has the operators as methods: nets and `ops`."""

    __slots__ = ()


class OperatorMethod(partial):  # type: ignore[type-arg]
    """The method that an operator is; it shows the operator's own signature and text (`help(net.Gather)`)."""

    __slots__ = ()

    @property
    def _declared(self) -> Declaration:
        return declaration(self.args[0])

    @property
    def __name__(self) -> str:
        return self._declared.name

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return self._declared.doc

    @property
    def __signature__(self) -> inspect.Signature:
        keyword = inspect.Parameter.KEYWORD_ONLY
        either = inspect.Parameter.POSITIONAL_OR_KEYWORD
        arguments = [
            inspect.Parameter(spec.name, keyword, default=spec.default, annotation=spec.type)
            for spec in self._declared.arguments.values()
        ]
        blobs = [inspect.Parameter("inputs", either), inspect.Parameter("outputs", either, default=None)]
        return inspect.Signature([*blobs, *arguments])
