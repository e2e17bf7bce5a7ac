"""What all tests share: how hypothesis draws, a Ctrl-C that works, and the line that tests may add to the summary."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from taskplan.operators import registry

# No deadline, as times here are for hangs and not for speed; the blob reproduces a failure on another machine.
settings.register_profile("taskplan", deadline=None, print_blob=True)
settings.load_profile("taskplan")


# A shell starts what runs in its background with SIGINT ignored, and so would be the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def native_code_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Native code that tests make is kept for as long as they run, and found by all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TASKPLAN_CACHE", str(tmp_path_factory.mktemp("native")))
        yield


Declare = Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """`operator`, whose declarations go with the test."""
    list(registry.declarations())  # all are loaded before the copy
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    return registry.operator


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded under the name `report`."""
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "report" and report.when == "call":
                    terminalreporter.write_line(str(value))
