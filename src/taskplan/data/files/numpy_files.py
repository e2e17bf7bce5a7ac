"""Readers and writers of NumPy's files: `.npy` and `.npz`."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import IO, Any

import numpy as np

from taskplan.builder.containers import Struct
from taskplan.builder.fields import Scalar
from taskplan.data.files.written_files import FileWriter
from taskplan.data.iterables import require_batch_size
from taskplan.data.sinks import Columns
from taskplan.data.sources import SourceReader
from taskplan.errors import BuildError, BuildKeyError, BuildValueError, OperatorError
from taskplan.operators.sources import Batch
from taskplan.operators.storage.unfinished_file import UnfinishedFile
from taskplan.plan.names import did_you_mean
from taskplan.plan.types import STRING_DTYPE, TYPE_NUMBERS, Array, DType

_Shapes = Mapping[str, tuple[tuple[int, ...], DType]]
"""Of each column its shape and element type."""

_SUFFIX = ".npy"
_ZIP_BEGINS = b"PK\x03\x04"
_VALUE = "value"


class NumpyReader(SourceReader):
    """Reads the rows of a `.npz` file, whose arrays are the columns, or of a `.npy` file.

    A structured array has a column for each of its fields, any other the single column `value`. The file is looked at
    when the reader is made, since that gives the schema. A `.npy` file is mapped into memory; the columns of a `.npz`
    file are read whole when the first batch is, and held until the last one::

        np.savez("days.npz", day=days, price=prices)
        reader = NumpyReader("days.npz", batch_size=100)

    Args:
        path: the file.
        batch_size: how many rows make a batch; the last one may have fewer.
        columns: which columns to read, in this order; all if not given.
        name: what messages call it.

    Raises:
        BuildValueError: the file is none of NumPy's, damaged or not whole; columns differ in their number of rows or
            have element types that no tensor has; or `batch_size` is less than 1.
        BuildKeyError: there is no such column.
        OSError: the file cannot be read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        batch_size: int = 10_000,
        columns: Sequence[str] | None = None,
        *,
        name: str = "numpy",
    ) -> None:
        file = os.fspath(path)
        found = _shapes_in(file)
        for column in columns or ():
            if column not in found:
                msg = f"{file!r} has no column {column!r}{did_you_mean(column, found)}; it has {list(found)}"
                raise BuildKeyError(msg)
        chosen = {column: found[column] for column in (found if columns is None else columns)}
        fault = _unequal_rows(file, {column: shape for column, (shape, _) in chosen.items()})
        if fault or not chosen:
            raise BuildValueError(fault or f"no column of {file!r} is to be read; it has {list(found)}")
        schema = Struct(*[(column, _leaf(file, column, *about)) for column, about in chosen.items()])
        make = partial(NumpySource, file, require_batch_size(batch_size), list(chosen))
        super().__init__(make, schema, name)


def _leaf(path: str, column: str, shape: tuple[int, ...], dtype: DType) -> Scalar:
    base, inner = dtype.base, (*shape[1:], *dtype.shape)
    is_text = base.kind in "SU"
    if not is_text and (base.newbyteorder("=") not in TYPE_NUMBERS or base == STRING_DTYPE):
        msg = (
            f"column {column!r} of {path!r} has elements of {base}, which no tensor has; convert it before it is saved"
        )
        raise BuildValueError(msg)
    element = np.dtype(str) if is_text else base.newbyteorder("=")
    return Scalar((element, inner) if inner else element)


def _unequal_rows(path: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What is wrong with the shapes of columns; empty if nothing is."""
    first = next(iter(shapes), "")
    for column, shape in shapes.items():
        if not shape:
            return f"column {column!r} of {path!r} is a single value, expected an array of rows"
        if shape[0] != shapes[first][0]:
            rows = f"column {first!r} of {path!r} has {shapes[first][0]} rows and column {column!r} has {shape[0]}"
            return f"{rows}; all columns need the same number"
    return ""


def _shapes_in(path: str) -> _Shapes:
    """What the file says of its columns at the beginning of each."""
    if not _is_archive(path):
        with open(path, "rb") as file:
            shape, dtype = _header(path, file)
            _require_whole(path, file, shape, dtype)
        fields = dtype.fields
        return {_VALUE: (shape, dtype)} if fields is None else {name: (shape, fields[name][0]) for name in fields}
    with _telling(path), zipfile.ZipFile(path) as archive:
        found = {}
        for member in archive.namelist():
            with archive.open(member) as file:
                found[member.removesuffix(_SUFFIX)] = _header(path, file)
        return found


def _is_archive(path: str) -> bool:
    """Whether it begins as a zip file does, so that one that is cut is one too."""
    with open(path, "rb") as file:
        return file.read(len(_ZIP_BEGINS)) == _ZIP_BEGINS or zipfile.is_zipfile(path)


def _header(path: str, file: IO[bytes]) -> tuple[tuple[int, ...], DType]:
    try:
        version = np.lib.format.read_magic(file)
    except ValueError as error:
        fault = "damaged, or not whole" if file.tell() < np.lib.format.MAGIC_LEN else "no file of NumPy's"
        msg = f"{path!r} is {fault}: {error}"
        raise BuildValueError(msg, path=path) from error
    with _telling(path):
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    return shape, dtype


def _require_whole(path: str, file: IO[bytes], shape: tuple[int, ...], dtype: DType) -> None:
    """Refuse a `.npy` file, read up to the end of its header, that is shorter than this says."""
    needed = file.tell() + prod(shape) * dtype.itemsize
    size = file.seek(0, os.SEEK_END)
    if size < needed and not dtype.hasobject:
        msg = f"{path!r} is damaged, or not whole: it has {size} bytes, and its header says {needed}"
        raise BuildValueError(msg, path=path)


@contextmanager
def _telling(path: str) -> Iterator[None]:
    """What NumPy and zipfile say of a file that is not as it should be, in our words."""
    try:
        yield
    except BuildError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        msg = f"{path!r} is damaged, or not whole: {error}".rstrip(": ")
        raise BuildValueError(msg, path=path) from error


class NumpySource:
    """A source of the rows of one of NumPy's files.

    Args:
        path: the file.
        batch_size: how many rows make a batch.
        columns: which columns.
    """

    skipped = 0

    def __init__(self, path: str, batch_size: int, columns: Sequence[str]) -> None:
        self._path = path
        self._batch_size = batch_size
        self._columns = columns

    def parts(self) -> Iterator[Callable[[], Iterator[Batch]]]:
        """The file is the only part."""
        yield self._batches

    def _batches(self) -> Iterator[Batch]:
        columns = self._load()
        fault = _unequal_rows(self._path, {name: each.shape for name, each in zip(self._columns, columns, strict=True)})
        if fault:
            raise OperatorError(f"ReadSource: {fault}", operator="ReadSource")
        for start in range(0, len(columns[0]), self._batch_size):
            yield tuple([column[start : start + self._batch_size] for column in columns])

    def _load(self) -> list[Array]:
        with _telling(self._path):
            if _is_archive(self._path):
                with np.load(self._path) as archive:
                    return [archive[column] for column in self._columns]
            array: Any = np.load(self._path, mmap_mode="r")
        return [array] if array.dtype.names is None else [array[column] for column in self._columns]


class NumpyWriter(FileWriter):
    """Writes records to a `.npz` file, in which each column is an array.

    The file is there when the task has ended well, in the place of an older one. Until then the columns are in memory.
    Strings become NumPy's, which are unicode::

        writer = NumpyWriter("totals.npz")

    Args:
        path: the file.
        name: what messages call it.

    Raises:
        BuildValueError: the path does not end in `.npz`. Also when something else in the group writes the file.
    """

    def __init__(self, path: str | os.PathLike[str], *, name: str = "numpy") -> None:
        file = os.fspath(path)
        if not file.endswith(".npz"):
            msg = f"path must end in '.npz', got {file!r}"
            raise BuildValueError(msg)
        super().__init__(file, partial(NumpySink, file), name)


class NumpySink:
    """A sink that is a `.npz` file.

    Args:
        path: the file.
        columns: names and types of its arrays.
    """

    def __init__(self, path: str, columns: Columns) -> None:
        self._types = columns
        self._batches: list[list[Array]] = [[] for _ in columns]
        self._unfinished = UnfinishedFile(path)
        self._file: IO[bytes] | None = None

    def open(self) -> None:
        """Begin a new file."""
        self._file = self._unfinished.open()

    def write(self, columns: Sequence[Array]) -> None:
        """Keep a batch."""
        for name, column, kept in zip(self._types, columns, self._batches, strict=True):
            kept.append(_texts(name, column) if column.dtype == STRING_DTYPE else column)

    def commit(self) -> None:
        """Write the file, and let it have its name."""
        assert self._file is not None
        with zipfile.ZipFile(self._file, "w") as archive:
            for (name, dtype), kept in zip(self._types.items(), self._batches, strict=True):
                # Not np.savez, which cannot have an array called `file`.
                with archive.open(f"{name}{_SUFFIX}", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, _joined(dtype, kept), allow_pickle=False)
        self._unfinished.commit()

    def abort(self) -> None:
        """Remove the file that was begun."""
        self._unfinished.abort()


def _joined(dtype: DType, batches: Sequence[Array]) -> Array:
    if batches:
        return np.concatenate(batches)
    known = dtype.base.kind != "V"
    return np.zeros((0, *dtype.shape), dtype.base if known else np.float32)


def _texts(name: str, column: Array) -> Array:
    """A string tensor as NumPy's strings, which end before the last byte 0."""
    texts: list[Any] = [each.decode() if isinstance(each, bytes) else each for each in column.ravel().tolist()]
    for text in texts:
        if text.endswith("\0"):
            msg = f"WriteSink: column {name!r} has {text!r:.80}; strings of NumPy's files cannot end with a byte 0"
            raise OperatorError(msg, operator="WriteSink")
    return np.array(texts, np.str_).reshape(column.shape)
