"""Copies, and marks for gradients. Values are immutable, so the copy of a value is the value itself."""

from __future__ import annotations

from taskplan.operators.exact import SCALARS, moved
from taskplan.operators.inference import like, no_tensors
from taskplan.operators.operands import Tensor, require_least_rank, require_tensor
from taskplan.operators.registry import operator


@operator("Copy", inputs=("input",), outputs=("output",), infer=like(0), exact_native=moved(SCALARS))
def copy(x: Tensor) -> Tensor:
    """The input under a second name; later writes to either blob leave the other alone.

    Inputs:
        input: any dtype and shape.
    Outputs:
        output: equal to input.
    Example:
        Copy([1 2]) -> [1 2]
    """
    require_tensor("Copy", "input", x)
    return x


@operator("CopyFromCPUInput", inputs=("input",), outputs=("output",), infer=like(0), exact_native=moved(SCALARS))
def copy_from_cpu_input(x: Tensor) -> Tensor:
    """The same as `Copy`: there is no other device.

    Inputs:
        input: any dtype and shape.
    Outputs:
        output: equal to input.
    Example:
        CopyFromCPUInput([1 2]) -> [1 2]
    """
    require_tensor("CopyFromCPUInput", "input", x)
    return x


@operator("EnsureCPUOutput", inputs=("input",), outputs=("output",), infer=like(0), exact_native=moved(SCALARS))
def ensure_cpu_output(x: Tensor) -> Tensor:
    """The same as `Copy`: there is no other device.

    Inputs:
        input: any dtype and shape.
    Outputs:
        output: equal to input.
    Example:
        EnsureCPUOutput([1 2]) -> [1 2]
    """
    require_tensor("EnsureCPUOutput", "input", x)
    return x


@operator("CopyOnDeviceLike", inputs=("input", "dst"), outputs=("output",), infer=like(0))
def copy_on_device_like(x: Tensor, like: Tensor) -> Tensor:
    """The same as `Copy`: there is no other device.

    Inputs:
        input: any dtype and shape.
        dst: any tensor; it names the device.
    Outputs:
        output: equal to input.
    Example:
        CopyOnDeviceLike([1 2], [[9]]:i32) -> [1 2]
    """
    require_tensor("CopyOnDeviceLike", "input", x)
    require_tensor("CopyOnDeviceLike", "dst", like)
    return x


@operator("EnsureDense", inputs=("input",), outputs=("output",), in_place=(("input", "output"),), infer=like(0))
def ensure_dense(x: Tensor) -> Tensor:
    """The input; marks a place where a sparse gradient becomes dense.

    Inputs:
        input: any dtype, at least rank 1.
    Outputs:
        output: equal to input.
    Raises:
        ShapeError: input is of rank 0.
    Example:
        EnsureDense([1 2]) -> [1 2]
    """
    require_tensor("EnsureDense", "input", x)
    require_least_rank("EnsureDense", "input", x, 1)
    return x


@operator(
    "StopGradient",
    inputs=("input",),
    outputs=("output",),
    in_place=(("input", "output"),),
    infer=like(0),
    exact_native=moved(SCALARS),
)
def stop_gradient(x: Tensor) -> Tensor:
    """The input; marks a place that no gradient passes.

    Inputs:
        input: any dtype and shape.
    Outputs:
        output: equal to input.
    Example:
        StopGradient([1 2]) -> [1 2]
    """
    require_tensor("StopGradient", "input", x)
    return x


@operator("ZeroGradient", inputs=("input",), infer=no_tensors)
def zero_gradient(x: Tensor) -> None:
    """Nothing; marks a blob whose gradient is zero.

    Inputs:
        input: any dtype and shape.
    Example:
        ZeroGradient([1])
    """
    require_tensor("ZeroGradient", "input", x)
