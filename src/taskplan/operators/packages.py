"""Operators from installed packages: modules that they name in the entry-point group `taskplan.operators`."""

from __future__ import annotations

import warnings

GROUP = "taskplan.operators"

_pending = True


def load_packages() -> bool:
    """Import the modules, which declares their operators; says whether it did, which is the first time only.

    It is done when a name is asked for that no loaded module declares, since looking through all installed packages
    takes longer than importing taskplan. A module that fails to load is told of by a warning, and the others load.
    """
    global _pending
    if not _pending:
        return False
    _pending = False
    from importlib.metadata import entry_points  # takes a quarter of the time that importing taskplan does

    for each in entry_points(group=GROUP):
        try:
            each.load()
        except Exception as error:
            package = each.dist.name if each.dist else each.value
            msg = f"the operators of package {package!r} (module {each.value!r}) could not be loaded: {error!r}"
            warnings.warn(msg, ImportWarning, stacklevel=2)
    return True
