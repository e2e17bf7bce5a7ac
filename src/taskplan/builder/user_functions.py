"""Operators that call functions of the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from taskplan.builder.calls import OperatorCalls
from taskplan.builder.draft import Blob
from taskplan.builder.held_functions import HeldFunction, hold
from taskplan.errors import BuildError
from taskplan.plan import functions

Builder = tuple[Callable[..., Callable[..., Any]], tuple[Any, ...], dict[str, Any]]
"""`(builder, args, kwargs)`: `builder(*args, **kwargs)` makes the function."""


class UserFunctions(OperatorCalls):
    """A net that calls functions of the user."""

    def Python(
        self,
        f: Callable[..., object] | Builder,
        grad_f: Callable[..., object] | Builder | None = None,
        python_func_type: Callable[[Any], Any] | None = None,
        pass_workspace: bool = False,
        grad_output_indices: Iterable[int] | None = None,
        grad_input_indices: Iterable[int] | None = None,
    ) -> Callable[..., Any]:
        """A way to add operators that call `f(inputs, outputs)`, lists of handles of tensors.

        What `f` returns is ignored; it fails by raising, and its error reaches whoever runs the net. See `call` for
        functions of arrays.

        Args:
            f: the function. Or `(builder, args, kwargs)`, which is pickled: `builder(*args, **kwargs)` then makes the
                function whenever the net is instantiated, so once in each instance and child workspace.
            grad_f: of the same form; it is carried along and never called.
            python_func_type: is given `f` and has `.forward`, which is what gets called, and `.backward`.
            pass_workspace: call `f(inputs, outputs, workspace)`.
            grad_output_indices: carried along.
            grad_input_indices: carried along.

        Returns:
            A function of inputs and outputs, as the operator methods are.

        Raises:
            BuildError: one of `f` and `grad_f` is a tuple and the other is not, or a tuple is no triple.
            BuildTypeError: `f` cannot be called, or the tuple cannot be pickled.

        Example:
            >>> from taskplan import Net
            >>> net = Net("train")
            >>> def double(inputs, outputs):
            ...     outputs[0].feed(inputs[0].data * 2)
            >>> net.Python(double)("x", "y")
            BlobReference("y")
        """
        if python_func_type is not None:
            made = python_func_type(f)
            f, grad_f = made.forward, made.backward
        arguments: dict[str, Any] = {
            "grad_output_indices": list(grad_output_indices or ()),
            "grad_input_indices": list(grad_input_indices or ()),
        }
        if isinstance(f, tuple):
            arguments |= _pickled(f, grad_f)
            arguments["pass_workspace"] = pass_workspace
            return partial(self._add_operator, "Python", **arguments)
        if isinstance(grad_f, tuple):
            msg = "f and grad_f must both be functions or both be (builder, args, kwargs); only grad_f is a tuple"
            raise BuildError(msg)
        # Absent unless it is set, as Caffe2's own messages have it.
        arguments["pass_workspace"] = pass_workspace or None
        return partial(self._add_call, hold(f), "Python", **arguments)

    def call(self, fn: Callable[..., Any], *blobs: Blob, outputs: int | Blob | Sequence[Blob] = 1) -> Any:
        """Add an operator that calls a plain function: it gets the arrays of `blobs` and returns those of the outputs.

        Args:
            fn: returns an array, or a tuple of as many as there are outputs; for no output, what it likes.
            *blobs: its arguments.
            outputs: how many there are, or their names.

        Returns:
            None, a reference, or a tuple of references, by the number of outputs.

        Example:
            >>> from taskplan import Net
            >>> net = Net("train")
            >>> net.call(lambda x: (x.mean(), x.std()), "batch", outputs=["mean", "spread"])
            (BlobReference("mean"), BlobReference("spread"))
        """
        return self._add_call(hold(fn), "Call", list(blobs), outputs)

    def _add_call(
        self, held: HeldFunction, op_type: str, inputs: object, outputs: object = None, **options: Any
    ) -> Any:
        token = held.token.name
        added = self._add_operator(op_type, inputs, outputs, **options, token=token)
        self._functions[token] = held
        return added


def _pickled(f: tuple[Any, ...], grad_f: object) -> dict[str, bytes]:
    given = {"pickled_builder": f} | ({"pickled_grad_builder": grad_f} if grad_f is not None else {})
    for name, builder in given.items():
        if not isinstance(builder, tuple) or len(builder) != 3:
            msg = f"{'f' if builder is f else 'grad_f'} must be (builder, args, kwargs), got {builder!r} as {name}"
            raise BuildError(msg)
    return {name: functions.dumps_for_here(builder) for name, builder in given.items()}
