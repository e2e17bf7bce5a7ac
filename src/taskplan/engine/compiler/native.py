"""Native code for numeric regions: compiled by Numba in a process of its own, kept on disk, loaded without Numba.

The process, `python -m taskplan.engine.compiler.native FILE`, takes the source of a region from a file of the cache and
puts machine code beside it; the program goes on meanwhile, and looks now and then whether it is there. Loading takes
LLVM alone (`llvmlite`, which Numba brings), so the program never waits for the import of Numba. A file of the cache is
named for all that its content depends on.

The code is a function of pointers only: to places, fuel and counters, and to the variables of each kind. It touches
nothing of Python, so it runs without the interpreter's lock.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import hashlib
import math
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from taskplan.engine.cells import Cell
from taskplan.engine.compiler.kinds import Kind, Typing, element_of, holds_still
from taskplan.engine.compiler.source import Source
from taskplan.plan.types import DType

KINDS = ("float32", "float64", "int32", "int64", "bool")
"""The kinds of variables, in the order of the function's pointers."""

FORMAT = 1
"""To be counted up when machine code of today would mean something else tomorrow."""

ENTRY = "taskplan_region"

CACHE = "TASKPLAN_CACHE"
"""The environment variable that names the folder of the cache."""


class NotNativeError(Exception):
    """Why a region has no native code."""


def is_available() -> bool:
    """Whether the packages of the extra `fast` are installed."""
    return find_spec("numba") is not None and find_spec("llvmlite") is not None


def cache_folder() -> Path:
    """Where native code is kept."""
    chosen = os.environ.get(CACHE)
    if chosen:
        return Path(chosen)
    root = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(root) if root else Path.home() / ".cache") / "taskplan"


# --- what is compiled -------------------------------------------------------------------------------------------------


class Slots:
    """Where native code finds the variables of a region: each scalar has a kind and a number among those of its kind.

    Attributes:
        scalars: the places of the scalars, in their order.
        marks: the places of the marks among the bools, by variable.
        counts: how many there are of each kind.
    """

    def __init__(self, typing: Typing, source: Source) -> None:
        self.source = source
        self.counts = dict.fromkeys(KINDS, 0)
        self.kinds = {cell: _name_of(typing.kind(cell)) for cell in source.variables}
        self.scalars = [(self.kinds[cell], self._next(self.kinds[cell])) for cell in source.scalars]
        self.marks = {cell: self._next("bool") for cell in source.marked}
        self.numbers = 2 + len(source.counters) + len(source.sizes)

    def _next(self, kind: str) -> int:
        self.counts[kind] += 1
        return self.counts[kind] - 1

    def entry(self) -> str:
        """The text of the function that is called from outside: it takes variables from memory and puts them back."""
        source = self.source
        arrays = [source.variables[cell] for cell in source.arrays]
        parameters = ["at_numbers", *(f"at_{kind}" for kind in KINDS), *(f"at_{name}" for name in arrays)]
        sizes = [f"numbers[{2 + len(source.counters) + number}]" for number in range(len(source.sizes))]
        size_of = dict(zip(source.sizes, sizes, strict=True))
        lines = [f"def entry({', '.join(parameters)}):", f"    numbers = carray(at_numbers, {self.numbers})"]
        lines += [f"    of_{kind} = carray(at_{kind}, {self.counts[kind]})" for kind in KINDS if self.counts[kind]]
        lines += [
            f"    {source.variables[cell]} = carray(at_{source.variables[cell]}, {size_of[source.groups[cell]]})"
            for cell in source.arrays
        ]
        places = [f"numbers[{number}]" for number in range(2 + len(source.counters))]
        places += [f"of_{kind}[{number}]" for kind, number in self.scalars]
        places += [f"of_bool[{number}]" for number in self.marks.values()]
        results = [f"new_{number}" for number in range(len(places))]
        lines.append(f"    {', '.join(results)} = region({', '.join([*places, *arrays, *sizes])})")
        lines += [f"    {place} = {name}" for place, name in zip(places, results, strict=True)]
        return "\n".join(lines) + "\n"

    def kinds_of_arrays(self) -> str:
        """The kinds of the arrays, as a line of the text, for whoever compiles it."""
        return f"ARRAYS = {tuple(self.kinds[cell] for cell in self.source.arrays)!r}\n"


def _name_of(kind: Kind | None) -> str:
    assert kind is not None, "nothing is known of a blob that is read, and was found to be a scalar or an array"
    return element_of(kind).__name__.removesuffix("_")


class NativeFunction:
    """The native code of a region, bound to the region's blobs, with the memory through which it gets them."""

    def __init__(self, typing: Typing, source: Source, slots: Slots, code: int) -> None:
        self.source = source
        self._typing = typing
        self._groups = {source.groups[cell]: cell for cell in typing.at_first if cell in source.groups}
        self._numbers = np.zeros(slots.numbers, np.int64)
        memory = {kind: np.zeros(max(1, slots.counts[kind]), kind) for kind in KINDS}
        self._scalars = [
            (cell, memory[kind], number, memory[kind].dtype.type)
            for cell, (kind, number) in zip(source.scalars, slots.scalars, strict=True)
        ]
        self._marks = {cell: (memory["bool"], number) for cell, number in slots.marks.items()}
        self._arrays = [(cell, np.dtype(slots.kinds[cell]), cell in typing.kinds) for cell in source.arrays]
        self._unused = np.zeros(2, np.int64)  # for Numba's results and errors, of which there are none
        fixed = (self._unused, self._unused, self._numbers, *memory.values())
        self._arguments = [ctypes.c_void_p(each.ctypes.data) for each in fixed]
        count = len(fixed) + len(self._arrays)
        self._code = _prototype(count)(code)

    def fits(self, at: int) -> bool:
        """Whether blobs hold now what it takes for granted when it is entered there."""
        return holds_still(self._typing.known[at])

    def slice(self, at: int, fuel: int, counters: list[int]) -> tuple[int, int, list[int]]:
        """Enter the function at a place; see `taskplan.engine.compiler.source`."""
        numbers = self._numbers
        shapes = {group: cell.value.shape for group, cell in self._groups.items()}
        end = 2 + len(counters)
        numbers[0], numbers[1], numbers[2:end] = at, fuel, counters
        numbers[end:] = [math.prod(shapes[group]) for group in self.source.sizes]
        before = [self._load(*place) for place in self._scalars]
        arrays = [self._array(*array, shapes) for array in self._arrays]
        self._code(*self._arguments, *[array.__array_interface__["data"][0] for array in arrays])
        for value, (cell, memory, number, kind) in zip(before, self._scalars, strict=True):
            new = memory[number]
            if self._is_set(cell) and (type(value) is not kind or new.tobytes() != value.tobytes()):
                cell.value, cell.owned = new, None
        for array, (cell, _, is_written) in zip(arrays, self._arrays, strict=True):
            if is_written and self._is_set(cell):
                cell.value, cell.owned = array, None
        return int(numbers[0]), int(numbers[1]), numbers[2:end].tolist()

    def _load(self, cell: Cell, memory: Any, number: int, kind: type[np.generic]) -> Any:
        value = cell.value
        held = type(value) is kind
        if held:
            memory[number] = value
        self._set_mark(cell, held)
        return value

    def _array(self, cell: Cell, dtype: DType, is_written: bool, shapes: Mapping[int, tuple[int, ...]]) -> Any:
        """The array that native code reads, or an array of its own that it writes into."""
        value = cell.value
        if not is_written:
            return value
        shape = shapes[self.source.groups[cell]]
        held = type(value) is np.ndarray and value.dtype == dtype and value.shape == shape
        self._set_mark(cell, held)
        return np.array(value, order="C") if held else np.empty(shape, dtype)

    def _set_mark(self, cell: Cell, held: bool) -> None:
        mark = self._marks.get(cell)
        if mark is not None:
            mark[0][mark[1]] = held

    def _is_set(self, cell: Cell) -> bool:
        mark = self._marks.get(cell)
        return mark is None or bool(mark[0][mark[1]])


# --- the cache --------------------------------------------------------------------------------------------------------


class Order:
    """Native code that is wanted: in the cache already, or being made."""

    def __init__(self, text: str) -> None:
        key = "\n".join([str(FORMAT), *_toolchain(), text])
        self.path = cache_folder() / hashlib.sha256(key.encode()).hexdigest()[:32]
        self.text = text

    def code(self) -> int | None:
        """The address of the function, or None if it is not there yet.

        Raises:
            NotNativeError: it could not be made.
        """
        loaded = _LOADED.get(self.path.name)
        if loaded is None:
            try:
                content = self.path.with_suffix(".o").read_bytes()
            except FileNotFoundError:
                self._look_for_errors()
                return None
            except OSError as error:
                msg = f"{self.path.with_suffix('.o')} cannot be read: {error}"
                raise NotNativeError(msg) from error
            loaded = _load(self.path.name, content)
        return loaded

    def _look_for_errors(self) -> None:
        said = self.path.with_suffix(".error")
        with contextlib.suppress(FileNotFoundError):
            message = said.read_text()
            said.unlink()  # the next program may have better luck
            raise NotNativeError(message)

    def place(self) -> None:
        """Have it made in a process of its own, unless somebody is at it; one at a time."""
        _WORKSHOP.begin(self)

    def make(self) -> int:
        """The address of the function; if it is not there, it is made here and now.

        Raises:
            NotNativeError: it could not be made.
        """
        with _MAKING:
            found = self.code()
            if found is None:
                try:
                    content = make(self.text)
                except Exception as error:
                    raise NotNativeError(_said(error)) from error
                with contextlib.suppress(OSError):  # then the next program makes it again
                    self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    _write_whole(self.path.with_suffix(".py"), self.text.encode())
                    _write_whole(self.path.with_suffix(".o"), content)
                found = _load(self.path.name, content)
            return found


class Workshop:
    """Starts the processes that compile, one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._working_on: Order | None = None

    def begin(self, order: Order) -> None:
        """Start a process for an order, unless one runs.

        Raises:
            NotNativeError: the process for it has ended and left nothing, or cannot be started.
        """
        with self._lock:
            if self._process is not None:
                if self._process.poll() is None:
                    return
                ended, self._process = self._working_on, None
                if ended is not None and ended.path == order.path and not self._has_answer(order):
                    msg = "the process that was to compile it ended without saying why"
                    raise NotNativeError(msg)
            if not self._has_answer(order):
                self._start(order)

    def _has_answer(self, order: Order) -> bool:
        return order.path.with_suffix(".o").exists() or order.path.with_suffix(".error").exists()

    def _start(self, order: Order) -> None:
        try:
            order.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            source = order.path.with_suffix(".py")
            _write_whole(source, order.text.encode())
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(source)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        except OSError as error:
            msg = f"native code cannot be kept in {order.path.parent}: {error}"
            raise NotNativeError(msg) from error
        self._working_on = order

    def close(self) -> None:
        """End what still runs."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self._process.wait()


_LOADED: dict[str, int] = {}
_WORKSHOP = Workshop()
atexit.register(_WORKSHOP.close)


_MAKING = threading.Lock()
"""Held by whoever compiles in this process: Numba does one thing at a time anyway."""


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, NotNativeError) else f"{type(error).__name__}: {error}"


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)


@cache
def _toolchain() -> tuple[str, ...]:
    """What machine code depends on beside its source."""
    llvm = _llvm()
    return (version("numba"), version("llvmlite"), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())


# --- LLVM -------------------------------------------------------------------------------------------------------------


@cache
def _llvm() -> Any:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


def _machine() -> Any:
    llvm = _llvm()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )


_ENGINES: list[Any] = []
_LOADING = threading.Lock()


def _load(name: str, content: bytes) -> int:
    """The address of the function."""
    llvm = _llvm()
    with _LOADING:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        engine.add_object_file(llvm.ObjectFileRef.from_data(content))
        engine.finalize_object()
        _ENGINES.append(engine)  # it owns the code
        address: int = engine.get_function_address(ENTRY)
        _LOADED[name] = address
    return address


@cache
def _prototype(pointers: int) -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * pointers)


# --- the process that compiles ----------------------------------------------------------------------------------------


def make(text: str) -> bytes:
    """Machine code of the source of a region.

    Raises:
        NotNativeError: the code would need Numba when it runs.
    """
    import numba

    names: dict[str, Any] = {"TRUE": True, "FALSE": False, "nan": np.nan, "inf": np.inf, "carray": numba.carray}
    names |= {name: getattr(np, name) for name in ("float32", "float64", "int32", "int64", "bool_", "sqrt")}
    exec(text, names)  # of our own text
    options = {"nogil": True, "error_model": "numpy"}
    names["region"] = numba.njit(**options)(names["region"])
    types = {kind: getattr(numba.types, "boolean" if kind == "bool" else kind) for kind in KINDS}
    pointers = [numba.types.CPointer(types[kind]) for kind in ("int64", *KINDS, *names["ARRAYS"])]
    signature = numba.types.void(*pointers)
    compiled = numba.njit(signature, **options)(names["entry"])
    return _object_of(compiled.inspect_llvm(compiled.signatures[0]))


def _object_of(assembly: str) -> bytes:
    """Machine code of the function itself, without what Numba puts around it for Python."""
    llvm = _llvm()
    # It makes no arrays, and nobody counts references to those that it gets.
    counting = r"(define [^\n]*@NRT_(?:incref|decref)\([^\n]*\{\n).*?\n\}"
    module = llvm.parse_assembly(re.sub(counting, r"\1  ret void\n}", assembly, flags=re.DOTALL))
    for function in module.functions:
        if not function.is_declaration:
            if function.name.startswith("_ZN") and not function.name.startswith("_ZN7cpython"):
                function.name = ENTRY
            else:
                function.linkage = "internal"
    machine = _machine()
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=0)))
    needed = [each.name for each in module.functions if each.is_declaration and not each.name.startswith("llvm.")]
    if needed:
        msg = f"its code would call {', '.join(needed)}"
        raise NotNativeError(msg)
    content: bytes = machine.emit_object(module)
    return content


def main(path: Path) -> None:
    """Compile the source in a file of the cache, and put the code, or why there is none, beside it."""
    if hasattr(os, "nice"):
        os.nice(19)  # the program goes first
    try:
        content, suffix = make(path.read_text()), ".o"
    except Exception as error:
        content, suffix = _said(error).encode(), ".error"
    _write_whole(path.with_suffix(suffix), content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
