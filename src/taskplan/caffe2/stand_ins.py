"""The names whose behaviour under the import layer is not that of a public name."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import taskplan

logger = logging.getLogger("taskplan")


class LocalSession(taskplan.LocalSession):
    """As Caffe2 has it: all nodes share one workspace, and what is wrong with a plan is found when its nets are made.

    Args:
        ws: the workspace; the current one if not given.
    """

    checks = False

    def __init__(self, ws: taskplan.Workspace | None = None) -> None:
        super().__init__(ws, shared_nodes=True)


def GlobalInit(args: Sequence[str]) -> bool:
    """Take the name of the program and the flags of Caffe2's engine, none of which has an effect here."""
    if args[1:]:
        logger.info("these flags of Caffe2's have no effect: %s", " ".join(args[1:]))
    return True
