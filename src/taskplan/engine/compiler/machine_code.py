"""Native code for numeric regions: compiled by Numba in a process of its own, kept on disk, loaded without Numba.

The process, `python -m taskplan.engine.compiler.machine_code FILE`, takes the source of a region from a file of the
cache and puts machine code beside it; the program goes on meanwhile, and looks now and then whether it is there.
Loading takes LLVM alone (`llvmlite`, which Numba brings), so the program never waits for the import of Numba. A file of
the cache is named for all that its content depends on.

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
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("float32", "float64", "int32", "int64", "bool")
"""The kinds of variables, in the order of the function's pointers."""

FORMAT = 2
"""To be counted up when machine code of today would mean something else tomorrow."""

ENTRY = "taskplan_region"

CACHE = "TASKPLAN_CACHE"
"""The environment variable that names the folder of the cache."""


class NotNativeError(Exception):
    """Why a region has no native code."""


def cache_folder() -> Path:
    """Where native code is kept."""
    chosen = os.environ.get(CACHE)
    if chosen:
        return Path(chosen)
    root = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(root) if root else Path.home() / ".cache") / "taskplan"


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
                content = _opened(self.path.with_suffix(".o").read_bytes())
                if content is None:
                    self.path.with_suffix(".o").unlink()
            except FileNotFoundError:
                self._look_for_errors()
                return None
            except OSError as error:
                msg = f"{self.path.with_suffix('.o')} cannot be read: {error}"
                raise NotNativeError(msg) from error
            if content is None:
                return None
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
                    _write_whole(self.path.with_suffix(".o"), _sealed(content))
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


def _sealed(content: bytes) -> bytes:
    """Machine code as it is kept. LLVM crashes on an object file that is not whole, so a digest stands before it."""
    return hashlib.sha256(content).digest() + content


def _opened(kept: bytes) -> bytes | None:
    """The machine code in a file of the cache; None if it is not as it was written."""
    size = hashlib.sha256().digest_size
    content = kept[size:]
    return content if hashlib.sha256(content).digest() == kept[:size] else None


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)


@cache
def _toolchain() -> tuple[str, ...]:
    """What machine code depends on beside its source."""
    from importlib.metadata import version

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


class Callee:
    """A native function, with the memory through which it gets numbers and scalars.

    Args:
        code: its address.
        numbers: how many numbers it takes.
        counts: how many scalars it takes, by kind.
        arrays: how many arrays it takes.

    Attributes:
        numbers: the memory for numbers.
        scalars: that for scalars, by kind.
        call: calls it with pointers to the arrays.
    """

    def __init__(self, code: int, numbers: int, counts: Mapping[str, int], arrays: int) -> None:
        self.numbers = np.zeros(numbers, np.int64)
        self.scalars = {kind: np.zeros(max(1, counts[kind]), kind) for kind in KINDS}
        self._unused = np.zeros(2, np.int64)  # for Numba's results and errors, of which there are none
        memory = (self._unused, self._unused, self.numbers, *self.scalars.values())
        pointers = [ctypes.c_void_p(each.ctypes.data) for each in memory]
        self.call = partial(_prototype(len(pointers) + arrays)(code), *pointers)


def pointer_to(array: Any) -> int:
    """Where the elements of an array are."""
    address: int = array.__array_interface__["data"][0]
    return address


# --- the process that compiles ----------------------------------------------------------------------------------------


def make(text: str) -> bytes:
    """Machine code of the source of a region.

    Raises:
        NotNativeError: the code would need Numba when it runs.
    """
    import numba

    names: dict[str, Any] = {
        "TRUE": True,
        "FALSE": False,
        "nan": np.nan,
        "inf": np.inf,
        "carray": numba.carray,
        "sqrt": math.sqrt,
    }
    names |= {name: getattr(np, name) for name in ("float32", "float64", "int32", "int64", "bool_")}
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
    # Roots are an instruction of the processor; Numba would call a library.
    assembly = re.sub(r"@sqrt\b", "@llvm.sqrt.f64", re.sub(r"@sqrtf\b", "@llvm.sqrt.f32", assembly))
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
        content, suffix = _sealed(make(path.read_text())), ".o"
    except Exception as error:
        content, suffix = _said(error).encode(), ".error"
    _write_whole(path.with_suffix(suffix), content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
