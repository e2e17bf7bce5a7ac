"""What is done to blobs rather than to their values: freeing, sharing, and string blobs."""

from __future__ import annotations

from taskplan.operators.exact import SCALARS, moved
from taskplan.operators.inference import like, no_tensors
from taskplan.operators.operands import Tensor, refuse, require_tensor
from taskplan.operators.registry import operator
from taskplan.operators.run import UNSET, ByteString, OpRun, Unset


@operator("Free", inputs=("blobs+",), outputs=("blobs+",), must_in_place=(("blobs", "blobs"),), infer=no_tensors)
def free(*values: object, run: OpRun) -> tuple[Unset, ...]:
    """Empty the blobs: they stay in the workspace and hold nothing until something writes them.

    Inputs:
        blobs: anything, also what is empty already.
    Outputs:
        blobs: the same blobs, in the same order.
    Example:
        Copy([1 2]) -> a
        Free(a) -> a
    """
    if len(run.op.outputs) != len(values):
        text = f"got {len(values)} inputs and {len(run.op.outputs)} outputs; give each blob on both sides"
        raise refuse("Free", text)
    return (UNSET,) * len(values)


@operator("Alias", inputs=("input",), outputs=("output",), infer=like(0), exact_native=moved(SCALARS))
def alias(x: Tensor) -> Tensor:
    """A second name for the input's blob: what is written through either name shows in both.

    Inputs:
        input: any dtype and shape.
    Outputs:
        output: the same blob.
    Example:
        Copy([1 2]) -> p
        Alias(p) -> a
        ConstantFill(a; value=7.0) -> a
        Copy(p) -> [7 7]
    """
    require_tensor("Alias", "input", x)
    return x


@operator("FeedBlob", outputs=("blob",), infer=no_tensors)
def feed_blob(*, value: bytes) -> ByteString:
    """A string blob, which is not a tensor.

    Outputs:
        blob: the bytes of ``value``.
    Example:
        FeedBlob(; value="hello") -> name
    """
    return ByteString(value)
