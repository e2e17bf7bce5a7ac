"""What all tests share: how hypothesis draws, a Ctrl-C that works, and the line that tests may add to the summary."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# No deadline, as times here are for hangs and not for speed; the blob reproduces a failure on another machine.
settings.register_profile("taskplan", deadline=None, print_blob=True)
settings.load_profile("taskplan")


# A shell starts what runs in its background with SIGINT ignored, and so would be the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded under the name `report`."""
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "report" and report.when == "call":
                    terminalreporter.write_line(str(value))
