"""Flags that instances of a task have in common: any of them raises one, and none lowers it."""

from __future__ import annotations

from taskplan.builder.blobs import BlobReference
from taskplan.builder.net import Net
from taskplan.builder.net_builder import SHARED


def latch(net: Net, flag: BlobReference, condition: BlobReference) -> None:
    """Add an operator that makes a flag true where a condition is.

    Several instances may do so at once, and one that reads it may find it a little late: both on purpose.
    """
    net.LatchIf([flag, condition], [flag])
    net.add_attribute(SHARED, flag)
