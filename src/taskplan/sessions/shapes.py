"""Caffe2's function for the shapes and types of nets that are not run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taskplan.checker.shapes import infer_shapes
from taskplan.operators.inference import TensorSpec
from taskplan.operators.operands import is_tensor
from taskplan.plan.types import NUMPY_DTYPES, TYPE_NUMBERS, DataType
from taskplan.sessions.workspaces import current_workspace


def InferShapesAndTypes(
    nets: Sequence[object],
    blob_dimensions: Mapping[object, Sequence[int]] | None = None,
    nets_proto: bool = False,  # noqa: ARG001 - both nets and messages are taken
    blob_types: Mapping[object, int] | None = None,
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """The shapes and types of the blobs of nets that follow one another; see also `infer_shapes`.

    Args:
        nets: nets, or their messages.
        blob_dimensions: the shapes of blobs that are there before; those of the current workspace if not given.
        nets_proto: has no effect: messages are recognised.
        blob_types: their type numbers, where they are not `DataType.FLOAT`.

    Returns:
        The shapes and the type numbers by name. Blobs are left out of both if a size or the type is not known.

    Example:
        >>> from taskplan import Net
        >>> net = Net("sums")
        >>> y = net.ReduceSum("x", "y", axes=[0], keepdims=False)
        >>> InferShapesAndTypes([net], {"x": [4, 3]})
        ({'x': [4, 3], 'y': [3]}, {'x': 1, 'y': 1})
    """
    if blob_dimensions is None:
        space = current_workspace()
        values = {name: cell.value for name in space.names() if (cell := space.find(name)) is not None}
        known = {name: TensorSpec(value.dtype, value.shape) for name, value in values.items() if is_tensor(value)}
    else:
        types = {str(name): number for name, number in (blob_types or {}).items()}
        known = {
            str(name): TensorSpec(NUMPY_DTYPES[types.get(str(name), DataType.FLOAT)], tuple(shape))
            for name, shape in blob_dimensions.items()
        }
    for net in nets:
        known = infer_shapes(net, known)
    exact = {name: spec for name, spec in known.items() if spec.is_exact}
    shapes = {name: [int(size or 0) for size in spec.sizes] for name, spec in exact.items()}
    return shapes, {name: TYPE_NUMBERS[spec.dtype] for name, spec in exact.items()}
