"""TP110: channels that are read and written by nobody."""

from __future__ import annotations

import pytest

import taskplan as tp
from taskplan import ops


def read_all(channel: tp.Channel) -> None:
    reader = channel.reader()
    with ops.loop():
        should_stop, _ = reader.read()
        ops.stop_if(should_stop)


def test_a_channel_without_a_writer_is_a_problem_on_the_line_that_made_it():
    """Its reader would wait for ever."""
    with tp.TaskGroup() as group:
        channel = tp.Channel("rows", 1, schema=["row"])
        with tp.Task():
            read_all(channel)

    [problem] = tp.check_program(tp.compile_program(group))

    assert problem.code == "TP110"
    assert problem.site == channel.site
    with (
        tp.LocalSession(tp.Workspace()) as session,
        pytest.raises(tp.PlanError, match="'rows' has readers and no writer"),
    ):
        session.run(group)


def test_a_channel_with_a_writer_is_none():
    with tp.TaskGroup() as group:
        channel = tp.Channel("rows", 1, schema=["row"])
        with tp.Task():
            channel.writer().write(None, [ops.Const(1)])
        with tp.Task():
            read_all(channel)

    assert tp.check_program(tp.compile_program(group)) == []
