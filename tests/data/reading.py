"""Tasks that read from a reader and write to a writer, one loop each, as `pipe` makes them."""

from __future__ import annotations

from typing import Any

import taskplan as tp
from taskplan.builder.dataio import Reader, Writer
from taskplan.plan.types import DataType


def reading(reader: Reader, into: list[Any], instances: int = 1, name: str = "reading") -> tp.Task:
    """A task of the current group that puts the fields of each record into a list."""
    with tp.Task(name=name) as task:
        init, exit_ = tp.Net("init"), tp.Net("exit")
        reader.setup_ex(init, exit_)
        nets, stop, record = reader.read_record_ex(init, exit_)
        collect = tp.Net("collect")
        collect.call(
            lambda *fields: into.append([field.tolist() for field in fields]), *record.field_blobs(), outputs=0
        )
        _loop(init, exit_, [*nets, collect], stop, instances)
    return task


def copying(reader: Reader, writer: Writer, instances: int = 1, name: str = "copying") -> tp.Task:
    """A task of the current group that writes each record."""
    with tp.Task(name=name) as task:
        init, exit_ = tp.Net("init"), tp.Net("exit")
        reader.setup_ex(init, exit_)
        nets, stop, record = reader.read_record_ex(init, exit_)
        writer.setup_ex(init, exit_)
        write_nets, _ = writer.write_record_ex(record, init, exit_, stop)
        _loop(init, exit_, [*nets, *write_nets], stop, instances)
    return task


def _loop(init: tp.Net, exit_: tp.Net, nets: list[tp.Net], stop: Any, instances: int) -> None:
    with tp.ops.task_init():
        tp.ops.net(init)
    instance = tp.Net("instance")
    instance.ConstantFill([], [stop], shape=[], value=False, dtype=DataType.BOOL)
    body = tp.execution_step("body", nets, should_stop_blob=stop)
    tp.ops.net(
        tp.execution_step(
            "instances",
            [tp.execution_step("instance", [tp.execution_step("begin", instance), body], create_workspace=True)],
            num_concurrent_instances=instances,
        )
    )
    with tp.ops.task_exit():
        tp.ops.net(exit_)


def all_read(reader: Reader, session: Any, instances: int = 1) -> list[Any]:
    """What one run of a group reads."""
    seen: list[Any] = []
    with tp.TaskGroup() as group:
        reading(reader, seen, instances)
    session.run(group)
    return seen
