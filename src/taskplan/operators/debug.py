"""Looking at values, checking them, failing on purpose, and asking for the time and for names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from taskplan.errors import OperatorError, ReportedError
from taskplan.operators.inference import TensorSpec, always, no_tensors
from taskplan.operators.operands import (
    BOOL,
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    Tensor,
    argument_error,
    refuse,
    require_dtype,
    string_tensor,
)
from taskplan.operators.registry import IO, WORKSPACE, operator
from taskplan.operators.run import UNSET, OpRun
from taskplan.operators.waiting import Shared
from taskplan.plan.types import STRING_DTYPE, DType

_PRINTED_ELEMENTS = 1000

_PRINTED_TYPES: dict[DType, str] = {
    BOOL: "bool",
    I8: "signed char",
    I16: "short",
    I32: "int",
    I64: "long",
    U8: "unsigned char",
    U16: "unsigned short",
    F16: "half",
    F32: "float",
    F64: "double",
    STRING_DTYPE: "std::string",
}


# --- Print ------------------------------------------------------------------------------------------------------------


def _check_print(*, limit: int, every_n: int, **_: object) -> None:
    if limit < 0:
        raise argument_error(
            "Print", "limit", f"must be a number of elements, or 0 for {_PRINTED_ELEMENTS}, got {limit}"
        )
    if every_n < 1:
        raise argument_error("Print", "every_n", f"must be at least 1, got {every_n}")


@operator("Print", inputs=("tensor",), effects=(IO,), check=_check_print, infer=no_tensors)
def print_(value: object, *, to_file: bool = False, limit: int = 0, every_n: int = 1, run: OpRun) -> None:
    """Write a blob's name, element type, shape and first elements to the log; of a handle, what it is.

    It does so at the first of every ``every_n`` calls. ``limit`` is how many elements are shown (0: 1000). With
    ``to_file`` the line is appended to ``<blob>.log`` in the root folder of the workspace instead.

    Inputs:
        tensor: anything.
    Example:
        Print([1 2])
    """
    name = run.op.inputs[0]
    if value is UNSET:
        raise refuse("Print", f"blob {name!r} was never written, or its value was handed on")
    calls: int = run.state.get("calls", 0)
    run.state["calls"] = calls + 1
    if calls % every_n:
        return
    line = _line(name, value, limit or _PRINTED_ELEMENTS)
    if not to_file:
        run.log(line)
        return
    path = Path(run.workspace.root_folder, f"{name}.log")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _line(name: str, value: object, limit: int) -> str:
    if not isinstance(value, np.ndarray | np.generic):
        what = value.describe() if isinstance(value, Shared) else type(value).__name__
        return f"Blob {name} holds {what}"
    dims = "".join(f"{size}," for size in value.shape)
    kind = f"Tensor {name} of type {_PRINTED_TYPES[value.dtype]}. Dims: ({dims})"
    return f"{kind}: {','.join(map(_text, value.flat[:limit].tolist()))}" if value.size else kind


def _text(element: bytes | float) -> str:
    if isinstance(element, bytes):
        return element.decode("utf-8", "replace")
    return f"{element:g}" if isinstance(element, float) else str(int(element))


# --- failing ----------------------------------------------------------------------------------------------------------


@operator("Assert", inputs=("X",), infer=no_tensors)
def assert_(x: Tensor, *, error_msg: str = "") -> None:
    """Fail unless all elements are true, or not 0.

    Inputs:
        X: bool, int32 or int64, any shape; an empty one passes.
    Raises:
        OperatorError: an element is false or 0; the message has the place of the first, row-major, and ``error_msg``.
    Example:
        Assert([T T])
    """
    require_dtype("Assert", "X", x, {BOOL, I32, I64})
    if not np.all(x):
        index = int(np.flatnonzero(np.logical_not(x))[0])
        element = x.reshape(-1)[index]
        raise refuse("Assert", f"element {index} of X is {element}{f'; {error_msg}' if error_msg else ''}")


@operator("Fail", infer=no_tensors)
def fail() -> None:
    """Report failure.

    Raises:
        ReportedError: always.
    Example:
        Fail()
    """
    raise ReportedError("Fail: this operator always reports failure", operator="Fail")


@operator("ThrowException", infer=no_tensors)
def throw_exception(*, message: str = "this operator always fails") -> None:
    """Fail with a message.

    Raises:
        OperatorError: always, with ``message``.
    Example:
        ThrowException(; message="no more")
    """
    raise refuse("ThrowException", message)


def _would_end_the_process(operator: str) -> OperatorError:
    return refuse(operator, "this operator ends the process in Caffe2; here it ends the run")


@operator("ThrowChildThreadException", infer=no_tensors)
def throw_child_thread_exception() -> None:
    """Fail, where Caffe2 raises in a thread of its own, which ends the process.

    Raises:
        OperatorError: always.
    Example:
        ThrowChildThreadException()
    """
    raise _would_end_the_process("ThrowChildThreadException")


@operator("LogFatal", infer=no_tensors)
def log_fatal() -> None:
    """Fail, where Caffe2 ends the process.

    Raises:
        OperatorError: always.
    Example:
        LogFatal()
    """
    raise _would_end_the_process("LogFatal")


@operator("Crash", infer=no_tensors)
def crash() -> None:
    """Fail, where Caffe2 ends the process.

    Raises:
        OperatorError: always.
    Example:
        Crash()
    """
    raise _would_end_the_process("Crash")


# --- asking -----------------------------------------------------------------------------------------------------------


@operator("WallClockTime", outputs=("time",), effects=(IO,), infer=always(TensorSpec(I64)))
def wall_clock_time(*, run: OpRun) -> np.int64:
    """The time.

    Outputs:
        time: int64 of rank 0, nanoseconds since 1970.
    Example:
        WallClockTime() -> now
    """
    return np.int64(run.wall_clock_ns())


@operator(
    "GetAllBlobNames",
    outputs=("blob_names",),
    effects=(WORKSPACE,),
    infer=always(TensorSpec(STRING_DTYPE, (None,))),
    inexact="the number of blobs",
)
def get_all_blob_names(*, include_shared: bool = True, run: OpRun) -> Tensor:
    """The names of all blobs of the workspace, that of the output among them.

    Outputs:
        blob_names: string vector; without ``include_shared`` the names that parents have are left out.
    Example:
        Copy([1 2]) -> a
        GetAllBlobNames() -> n
    """
    names = run.workspace.names() if include_shared else run.workspace.local_names()
    return string_tensor([name.encode() for name in names], [len(names)])
