"""Programs in processes of their own, so that Caffe2's modules and rules are nowhere but there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import taskplan

SOURCES = str(Path(taskplan.__file__).parents[1])

INSTALLED = "import taskplan.caffe2\ntaskplan.caffe2.install()\n"


def python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What `python` with these arguments did."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": SOURCES},
    )


def printed(program: str, before: str = INSTALLED) -> list[str]:
    """The lines that a program prints, with Caffe2's modules in place; it must end well."""
    done = python("-c", before + dedent(program))
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.splitlines()
