"""Scopes of names and devices: what operators that are added inside a block get, each thread for itself."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from taskplan.errors import BuildTypeError, BuildValueError
from taskplan.plan import taskplan_pb2 as pb

SEPARATOR = "/"


class _Scopes(threading.local):
    name: str = ""
    device: pb.DeviceOption | None = None


_SCOPES = _Scopes()


def CurrentNameScope() -> str:
    """The prefix that plain strings get as names of blobs: empty, or ending in a slash."""
    return _SCOPES.name


@contextmanager
def NameScope(prefix: str | None, reset: bool = False) -> Iterator[None]:
    """Prefix the names of blobs that are given as plain strings, or that operators make up.

    Args:
        prefix: is put before them, with a slash; None or an empty string adds nothing.
        reset: replace the enclosing scope instead of going on from it.

    Example:
        >>> with NameScope("layer"), NameScope("weights"):
        ...     CurrentNameScope()
        'layer/weights/'
    """
    if prefix is not None and not isinstance(prefix, str):
        msg = f"a name scope must be a string, got {prefix!r}"
        raise BuildTypeError(msg)
    outer = _SCOPES.name
    _SCOPES.name = ("" if reset else outer) + (prefix + SEPARATOR if prefix else "")
    try:
        yield
    finally:
        _SCOPES.name = outer


@contextmanager
def EmptyNameScope() -> Iterator[None]:
    """Names stay as they are inside this block, whatever scope is around it."""
    with NameScope(None, reset=True):
        yield


def DeviceOption(
    device_type: int,
    device_id: int = 0,
    random_seed: int | None = None,
    node_name: str | None = None,
    numa_node_id: int | None = None,
    extra_info: Iterable[str] | None = None,
) -> pb.DeviceOption:
    """A message that says where an operator belongs, and the seed of its random numbers.

    taskplan runs everything on the CPU: of these, only the seed has an effect, and an operator that still has a node
    name cannot run.
    """
    option = pb.DeviceOption(device_type=device_type, device_id=device_id)
    if node_name is not None:
        option.node_name = node_name
    if random_seed is not None:
        option.random_seed = random_seed
    if numa_node_id is not None:
        option.numa_node_id = numa_node_id
    if extra_info is not None:
        option.extra_info.extend(extra_info)
    return option


def CurrentDeviceScope() -> pb.DeviceOption | None:
    """The device option that operators get which have none of their own."""
    return _SCOPES.device


@contextmanager
def DeviceScope(option: pb.DeviceOption | None, node_name: str | None = None) -> Iterator[None]:
    """Give operators a device option.

    Args:
        option: is copied into each operator that has none of its own; extra information of enclosing blocks is added.
        node_name: overrides that of `option`; that of the enclosing block if neither has one.

    Raises:
        BuildValueError: neither is given.
    """
    if option is None and not node_name:
        msg = "a device scope needs a device option or a node name, got neither"
        raise BuildValueError(msg)
    if option is not None and not isinstance(option, pb.DeviceOption):
        msg = f"a device scope takes a DeviceOption message, got {option!r}"
        raise BuildTypeError(msg)
    inner = pb.DeviceOption()
    if option is not None:
        inner.CopyFrom(option)
    if node_name:
        inner.node_name = node_name
    outer = _SCOPES.device
    if outer is not None:
        if outer.HasField("node_name") and not inner.HasField("node_name"):
            inner.node_name = outer.node_name
        inner.extra_info.extend(outer.extra_info)
    inner.extra_info.sort()
    _SCOPES.device = inner
    try:
        yield
    finally:
        _SCOPES.device = outer


@contextmanager
def EmptyDeviceScope() -> Iterator[None]:
    """Operators get no device option inside this block, whatever scope is around it."""
    outer = _SCOPES.device
    _SCOPES.device = None
    try:
        yield
    finally:
        _SCOPES.device = outer
