"""Caffe2's modules as Python's import system finds them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NoReturn

from taskplan.builder.naming import NamingContext, current_names
from taskplan.caffe2 import modules
from taskplan.caffe2.modules import MODULES
from taskplan.errors import BuildError
from taskplan.plan.names import did_you_mean

ROOT = "caffe2"


class Caffe2Finder(MetaPathFinder, Loader):
    """Finds and fills the modules of the table.

    Args:
        names: the naming context of the programs that import them.
    """

    def __init__(self, names: NamingContext) -> None:
        self.names = names

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's, as is the next
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The specification of one of Caffe2's modules, None for any other.

        Raises:
            ModuleNotFoundError: taskplan does not have it.
        """
        if fullname.partition(".")[0] != ROOT:
            return None
        if fullname not in MODULES:
            there = ", ".join(name for name in MODULES if not _is_package(name))
            msg = f"taskplan does not have Caffe2's module {fullname!r}; it has {there}"
            # Without its `name`: `from caffe2.python import x` would put a message of its own in the place of this one.
            raise ModuleNotFoundError(msg)
        spec = ModuleSpec(fullname, self, origin=modules.__file__, is_package=_is_package(fullname))
        # Python then shows that file when it says that a name is not in the module.
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Give a module its names."""
        name = module.__name__

        def missing(attribute: str) -> NoReturn:
            near = did_you_mean(attribute, MODULES[name])
            msg = f"taskplan has no {attribute!r} for Caffe2's module {name!r}{near}"
            raise AttributeError(msg, name=attribute, obj=module)

        vars(module).update(MODULES[name], __getattr__=missing)


def _is_package(name: str) -> bool:
    return any(other.startswith(f"{name}.") for other in MODULES)


def install() -> None:
    """Let `caffe2.python` and `caffe2.proto` be imported, from now on and everywhere in this process.

    What programs build in the current naming context from now on is taken as written for Caffe2. Installing again has
    no effect.

    Raises:
        BuildError: another package of that name has been imported.
    """
    if any(isinstance(finder, Caffe2Finder) for finder in sys.meta_path):
        return
    other = sys.modules.get(ROOT)
    if other is not None:
        where = getattr(other, "__file__", None) or list(getattr(other, "__path__", []))
        msg = f"another package {ROOT!r} has been imported, from {where!r}; install before anything imports it"
        raise BuildError(msg)
    names = current_names()
    names.caffe2 = True
    sys.meta_path.insert(0, Caffe2Finder(names))


def uninstall() -> None:
    """Undo `install`. Programs keep what they have imported."""
    for finder in [each for each in sys.meta_path if isinstance(each, Caffe2Finder)]:
        sys.meta_path.remove(finder)
        finder.names.caffe2 = False
        for name in MODULES:
            sys.modules.pop(name, None)
