"""The house as a law: which room may import which, where foreign packages may appear, what the front door shows."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import taskplan

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "src" / "taskplan"

MAX_FILE_LINES = 500

GROUND = {"errors", "events", "cancel", "clock"}
FRONT_DOOR = "__init__"

# What each room, a folder or file of the package, may import besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "events": {"errors"},
    "cancel": {"errors"},
    "clock": {"errors", "cancel"},
    "plan": GROUND,
    "operators": GROUND | {"plan"},
    "builder": GROUND | {"plan", "operators"},
    "checker": GROUND | {"plan", "operators"},
    "engine": GROUND | {"plan", "operators"},
    "sessions": GROUND | {"plan", "operators", "builder", "checker", "engine"},
    "data": GROUND | {"plan", "operators", "builder", "sessions"},
    "jobs": GROUND | {"builder", "sessions", "data"},
    "observe": {"errors", "events", "plan"},
    FRONT_DOOR: GROUND | {"plan", "operators", "builder", "checker", "engine", "sessions", "data", "jobs", "observe"},
    "testing": GROUND | {FRONT_DOOR, "operators", "sessions"},
    # The command looks at what it is shown: see docs/decisions/0002-command-line.md.
    "cli": GROUND | {FRONT_DOOR, "plan", "operators", "checker", "sessions"},
    # Caffe2 shows more than the front door does: docs/decisions/0001-import-layer.md.
    "caffe2": GROUND | {FRONT_DOOR, "plan", "builder", "sessions", "data"},
    "__main__": {"cli"},
}

# Foreign packages that every user has, and the rooms that may import them.
REQUIRED_PACKAGES: dict[str, set[str]] = {
    "numpy": {
        *("plan", "operators", "builder", "checker", "engine", "sessions"),
        *("data", "jobs", "observe", "testing", "caffe2"),
    },
    "google": {"plan", "builder"},
    "click": {"cli"},
    "rich": {"cli", "observe"},
}

# Packages of the extras: each is known to one file only, and may be imported inside a function.
OPTIONAL_PACKAGES = {
    "cloudpickle",
    "fsspec",
    "greenlet",
    "llvmlite",
    "lmdb",
    "numba",
    "opentelemetry",
    "pyarrow",
    "ray",
}

# Modules that take long to import and are rarely needed: `import taskplan` is to take 60 ms. Of the compiler most is
# needed when a loop is hot.
SLOW_TO_IMPORT = {
    "importlib.metadata",
    *("taskplan.engine.compiler.chains", "taskplan.engine.compiler.region", "taskplan.engine.compiler.tree"),
}


@dataclass(frozen=True)
class Import:
    """One imported module, with the place where the import stands."""

    importer: str
    imported: str
    line: int
    in_function: bool
    for_types_only: bool

    @property
    def room(self) -> str:
        return room_of(self.importer)

    @property
    def foreign(self) -> str | None:
        """The package that it comes from, if that is neither ours nor Python's."""
        package = self.imported.partition(".")[0]
        return None if package == "taskplan" or package in sys.stdlib_module_names else package

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}: imports {self.imported}"


def room_of(module: str) -> str:
    """The room of `taskplan.plan.model` is `plan`; that of `taskplan` itself is the front door."""
    _, _, inside = module.partition(".")
    return inside.partition(".")[0] or FRONT_DOOR


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def sources() -> dict[str, Path]:
    """Every module that people wrote, by its full name."""
    return {module_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if not path.stem.endswith("_pb2")}


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for module, path in sources().items() for found in imports_in(module, path))


def imports_in(module: str, path: Path) -> Iterator[Import]:
    def visit(node: ast.AST, in_function: bool, for_types_only: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in imported_modules(node, module, is_package=path.name == "__init__.py"):
                yield Import(module, name, node.lineno, in_function, for_types_only)
        in_function = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_types_only = for_types_only or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for child in ast.iter_child_nodes(node):
            yield from visit(child, in_function, for_types_only)

    yield from visit(ast.parse(path.read_bytes(), str(path)), in_function=False, for_types_only=False)


def imported_modules(node: ast.Import | ast.ImportFrom, importer: str, is_package: bool) -> Iterator[str]:
    """Full module names; `from taskplan.plan import names` names the module `taskplan.plan.names`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        parents = importer.split(".")
        kept = parents[: len(parents) - node.level + is_package]
        base = ".".join([*kept, base] if base else kept)
    for alias in node.names:
        full = f"{base}.{alias.name}"
        yield full if is_module(full) else base


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def test_every_room_has_a_row_in_the_table():
    assert {room_of(module) for module in sources()} <= MAY_IMPORT.keys()


def test_imports_between_rooms_flow_one_way():
    wrong = [
        str(found)
        for found in imports()
        if found.imported.partition(".")[0] == "taskplan"
        and room_of(found.imported) not in MAY_IMPORT.get(found.room, set()) | {found.room}
    ]

    assert not wrong


def test_the_table_itself_has_no_ring():
    TopologicalSorter(MAY_IMPORT).prepare()


def test_modules_import_each_other_without_a_ring():
    """Between rooms not even a type may point back; within one, two modules may name each other's types."""
    graph: dict[str, set[str]] = {}
    for found in imports():
        if not found.for_types_only:
            graph.setdefault(found.importer, set()).add(found.imported)

    TopologicalSorter(graph).prepare()


def test_required_packages_stay_in_their_rooms():
    wrong = [
        str(found)
        for found in imports()
        if found.foreign
        and found.foreign not in OPTIONAL_PACKAGES
        and found.room not in REQUIRED_PACKAGES.get(found.foreign, set())
    ]

    assert not wrong


@pytest.mark.parametrize("package", sorted(OPTIONAL_PACKAGES))
def test_an_optional_package_is_imported_by_one_file_at_most(package):
    importers = {found.importer for found in imports() if found.foreign == package}

    assert len(importers) <= 1, importers


def test_imports_stand_at_the_top_except_those_of_optional_packages_and_slow_modules():
    inside = [found for found in imports() if found.in_function and found.imported not in SLOW_TO_IMPORT]
    wrong = [str(found) for found in inside if found.foreign not in OPTIONAL_PACKAGES]

    assert not wrong


def test_no_file_is_a_drawer_for_odds_and_ends():
    drawers = {"util", "utils", "helper", "helpers", "common", "misc"}

    assert not [module for module, path in sources().items() if path.stem.strip("_") in drawers]


def test_files_stay_short(record_property):
    lines = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in sources().items()}
    longest = max(lines, key=lines.__getitem__)
    total = sum(lines.values())
    record_property("report", f"{total:,} lines in {len(lines)} files; the longest is {longest}, {lines[longest]}")

    assert not {module: count for module, count in lines.items() if count > MAX_FILE_LINES}


def test_every_public_name_is_listed_once_in_order_and_is_there():
    assert taskplan.__all__ == sorted(set(taskplan.__all__))
    assert not [name for name in taskplan.__all__ if not hasattr(taskplan, name)]


def test_every_name_at_the_front_door_is_listed():
    shown = {name for name, value in vars(taskplan).items() if not name.startswith("_") and not inspect.ismodule(value)}

    assert shown - {"TYPE_CHECKING", "Any"} <= set(taskplan.__all__)


def modules_after(script: str) -> set[str]:
    """What another Python has imported when it has run the script."""
    command = [sys.executable, "-c", f"{script}; import sys; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())


def test_the_front_door_imports_late_what_it_shows_to_type_checkers():
    [shown] = [node for node in ast.parse(sources()["taskplan"].read_text()).body if isinstance(node, ast.If)]

    homes = {
        name.name: node.module for node in ast.walk(shown) if isinstance(node, ast.ImportFrom) for name in node.names
    }
    late = {**taskplan._HOMES, **{name: home.rpartition(".")[0] for name, home in taskplan._MODULES.items()}}

    assert {name: f"taskplan.{home}" for name, home in late.items()} == homes


def test_importing_taskplan_imports_no_room():
    ours = {module for module in modules_after("import taskplan") if module.startswith("taskplan.")}

    assert ours == {"taskplan.errors"}


def test_importing_taskplan_brings_in_nothing_that_a_run_may_not_need():
    late = {"click", "rich", "pandas", *OPTIONAL_PACKAGES}

    modules = modules_after("from taskplan import LocalSession, Net, Task, TaskGroup, ops")

    assert not late & {module.partition(".")[0] for module in modules}
