"""The element types and shapes of a net's blobs, worked out without running it."""

from __future__ import annotations

from collections.abc import Mapping

from taskplan.operators.inference import TensorSpec
from taskplan.operators.registry import SUBNETS, check_arity, declaration, decode_arguments
from taskplan.operators.uses import reaches_workspace
from taskplan.plan.intake import definition_of
from taskplan.plan.model import NetDef, OpDef


def infer_shapes(net: object, inputs: Mapping[str, TensorSpec] | None = None) -> dict[str, TensorSpec]:
    """Go through a net, from what is known of its inputs to what can be known of its outputs.

    Args:
        net: a net, or its message.
        inputs: type and shape of blobs that are there before; sizes that are not known are `None`.

    Returns:
        By name, every blob of which the element type is known: those of `inputs`, and what operators make of them.
        Handles, and what cannot be worked out, are left out.

    Raises:
        BuildError: an operator is unknown, or its counts or arguments are wrong.

    Example:
        >>> from taskplan import Net, TensorSpec
        >>> net = Net("layer")
        >>> y = net.FC(["x", "w", "b"], "y")
        >>> f32 = np.dtype("float32")
        >>> specs = {"x": TensorSpec(f32, (None, 3)), "w": TensorSpec(f32, (5, 3)), "b": TensorSpec(f32, (5,))}
        >>> print(infer_shapes(net, specs)["y"])
        float32 [?, 5]
    """
    definition = definition_of(net)
    known = dict(inputs or {})
    for op in definition.ops if isinstance(definition, NetDef) else ():
        _step(op, known)
    return known


def _step(op: OpDef, known: dict[str, TensorSpec]) -> None:
    """What is known after an operator has run."""
    declared = declaration(op.type)
    check_arity(declared, op.inputs, op.outputs)
    arguments = decode_arguments(declared, op.arguments, ignore_unknown=True)
    if reaches_workspace(op) or SUBNETS in declared.effects:  # it may have written any blob
        known.clear()
        return
    specs: tuple[TensorSpec | None, ...] = (None,) * len(op.outputs)
    if declared.infer is not None:
        specs = declared.infer([known.get(name) for name in op.inputs], arguments, len(op.outputs))
    for name, spec in zip(op.outputs, specs, strict=True):
        if spec is None:
            known.pop(name, None)
        else:
            known[name] = spec
