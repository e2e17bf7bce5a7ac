"""Functions of the user as operators: `Python`, as Caffe2 has it, and `Call`, for plain functions of arrays.

An operator's function comes from its definition. Where that has none, as when it was read from a message, the argument
`token` names a function that was registered in this process, or `pickled_builder` holds what makes one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from taskplan.operators.operands import refuse, settled
from taskplan.operators.python_handles import InputTensor, OutputTensor, shown, tensor_from_user, tensors_for_user
from taskplan.operators.registry import ANY_PAIR, USER_CODE, WORKSPACE, operator
from taskplan.operators.run import OpRun
from taskplan.plan import functions

Function = Callable[..., Any]

_functions: WeakValueDictionary[str, Function] = WeakValueDictionary()
_kept_functions: dict[str, Function] = {}


def register_function(token: str, function: Function) -> None:
    """Let operators that have only `token` find `function`, as long as somebody else holds it.

    A function object that cannot be held weakly is kept for good. Of two functions with one token the later one counts.
    """
    try:
        _functions[token] = function
        _kept_functions.pop(token, None)
    except TypeError:
        _kept_functions[token] = function


def registered_function(token: str) -> Function | None:
    """The function that was registered under `token` and is still alive."""
    return _kept_functions[token] if token in _kept_functions else _functions.get(token)


def function_of(run: OpRun, token: str, pickled_builder: bytes) -> Function:
    """The function of this instance of an operator. A builder is called once an instance, before the first call."""
    known: Function | None = run.state.get("function")
    if known is None:
        known = run.state["function"] = _built(run, _given(run, token, pickled_builder))
    return known


def _given(run: OpRun, token: str, pickled_builder: bytes) -> object:
    if run.op.function is not None:
        return run.op.function
    if pickled_builder:
        return functions.loads(pickled_builder)
    found = registered_function(token)
    if found is None:
        text = f"no function is known by token {token!r}; a function lives as long as the net that was given it"
        raise refuse(run.op.type, text)
    return found


def _built(run: OpRun, given: object) -> Function:
    """`given` itself if it is a function; what it builds if it is a builder with its arguments."""
    if isinstance(given, tuple):
        builder, args, kwargs = given
        given = run.user_call(partial(builder, *args, **kwargs))
    if not callable(given):
        raise refuse(run.op.type, f"expected a function, got {given!r:.80}; a builder has to return one")
    return given


def build_function(*, run: OpRun, token: str = "", pickled_builder: bytes = b"", **_: object) -> None:
    """Call the builder, if there is one, when the instance is created."""
    if pickled_builder or isinstance(run.op.function, tuple):
        function_of(run, token, pickled_builder)


@operator(
    "Python",
    inputs=("inputs*",),
    outputs=("outputs*",),
    in_place=ANY_PAIR,
    effects=(USER_CODE, WORKSPACE),
    prepare=build_function,
    inexact="what the function makes",
)
def python(
    *inputs: object,
    token: str = "",
    pickled_builder: bytes = b"",
    pass_workspace: bool = False,
    pickled_grad_builder: bytes = b"",  # noqa: ARG001 - Caffe2's, for gradients
    grad_input_indices: Sequence[int] = (),  # noqa: ARG001 - as above
    grad_output_indices: Sequence[int] = (),  # noqa: ARG001 - as above
    run: OpRun,
) -> tuple[Any, ...]:
    """Call ``f(inputs, outputs)``, or with ``pass_workspace`` ``f(inputs, outputs, workspace)``.

    It gets lists of handles; what it returns is ignored. All handles have ``.data`` (an array), ``.shape`` and
    ``.fetch()`` (a copy). Those of outputs also have ``.feed(array)``, ``.init(dims, dtype)`` and ``.reshape(dims)``.
    An output becomes the blob's value when the function returns; a blob whose handle was left alone keeps what it
    holds. An input cannot be written into, unless it is an output too.

    Inputs:
        inputs: tensors.
    Outputs:
        outputs: what the function makes of them.
    Raises:
        OperatorError: an input is no tensor, or the function is not known.
        Exception: whatever the function raises, as it is.
    Example:
        Python(x; token="f") -> y
    """
    op = run.op
    tensors = tensors_for_user("Python", op.inputs, inputs)
    function = function_of(run, token, pickled_builder)
    outputs = [OutputTensor(name, run.previous(index)) for index, name in enumerate(op.outputs)]
    by_name = dict(zip(op.outputs, outputs, strict=True))
    given = [
        by_name[name] if name in by_name else InputTensor(tensor)
        for name, tensor in zip(op.inputs, tensors, strict=True)
    ]
    if pass_workspace:
        run.user_call(function, given, outputs, run.workspace)
    else:
        run.user_call(function, given, outputs)
    return tuple([output.value(otherwise=run.previous(index)) for index, output in enumerate(outputs)])


@operator(
    "Call",
    inputs=("inputs*",),
    outputs=("outputs*",),
    in_place=ANY_PAIR,
    effects=(USER_CODE,),
    inexact="what the function returns",
)
def call(*inputs: object, token: str = "", run: OpRun) -> tuple[Any, ...]:
    """Call a plain function, which gets arrays and returns one array or number, or a tuple of them.

    It cannot write into the arrays that it gets. What it returns is copied, so it may go on using that.

    Inputs:
        inputs: tensors; of rank 0 too they are arrays for the function.
    Outputs:
        outputs: what the function returns, as many.
    Raises:
        OperatorError: an input is no tensor, the function is not known, or it returned another number of values.
        DtypeError: it returned what no tensor can hold.
        Exception: whatever the function raises, as it is.
    Example:
        Call(x) -> y
    """
    op = run.op
    tensors = tensors_for_user("Call", op.inputs, inputs)
    function = function_of(run, token, b"")
    returned = run.user_call(function, *map(shown, tensors))
    values = _values(returned, len(op.outputs))
    return tuple(
        [settled(tensor_from_user("Call", name, value)) for name, value in zip(op.outputs, values, strict=True)]
    )


def _values(returned: object, wanted: int) -> tuple[object, ...]:
    alone = () if returned is None else (returned,)
    values = returned if isinstance(returned, tuple) else alone
    if len(values) != wanted:
        expected = {0: "None", 1: "one array or number"}.get(wanted, f"a tuple of {wanted}")
        raise refuse("Call", f"the function must return {expected}, it returned {returned!r:.80}")
    return values
