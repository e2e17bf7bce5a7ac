"""What tests of moving records share: sessions, and writers that keep what they get. Numbers are the checklist's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import taskplan as tp
from taskplan.builder.dataio import Fields, Writer

SESSIONS: list[Callable[..., Any]] = [tp.LocalSession, tp.SimulatedSession]


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Each test builds with names of its own, and leaves no thread of ours."""
    with tp.fresh_names():
        yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("taskplan-")] == []


@pytest.fixture
def ws() -> Iterator[tp.Workspace]:
    """A fresh workspace, current during the test."""
    with tp.WorkspaceGuard(tp.Workspace()) as workspace:
        yield workspace


@pytest.fixture(params=SESSIONS, ids=lambda kind: kind.__name__)
def session(request: pytest.FixtureRequest, ws: tp.Workspace) -> Iterator[Any]:
    """A session on `ws`, of each kind."""
    with request.param(ws) as opened:
        yield opened


class Kept(Writer):
    """Keeps what is written, in the order in which it is: `rows`, for a single column; `records`."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.records: list[list[Any]] = []
        self.fail_at = fail_at

    @property
    def rows(self) -> list[Any]:
        """The elements of the only column."""
        return [element for (column,) in self.records for element in column]

    def write(self, writer_net: tp.Net, fields: Fields) -> None:
        writer_net.call(self.keep, *fields, outputs=0)

    def keep(self, *columns: Any) -> None:
        if self.fail_at is not None and len(self.records) == self.fail_at:
            msg = f"record {self.fail_at}"
            raise ArithmeticError(msg)
        self.records.append([column.reshape(-1).tolist() if column.ndim < 2 else column.tolist() for column in columns])


@pytest.fixture
def kept() -> Kept:
    """A writer that keeps what it gets."""
    return Kept()
