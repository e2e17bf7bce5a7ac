"""`python -m taskplan.caffe2 script.py [args]`: run a program that was written for Caffe2, unchanged."""

from __future__ import annotations

import argparse
import os
import runpy
import sys

from taskplan.caffe2 import install


def main() -> None:
    """Run the script of the command line as `python script.py` would, with Caffe2's modules in place."""
    parser = argparse.ArgumentParser(
        prog="python -m taskplan.caffe2", description="Run a program that was written for Caffe2, unchanged."
    )
    parser.add_argument("script", help="a Python file")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="its arguments")
    given = parser.parse_args()
    if not os.path.exists(given.script):
        parser.error(f"there is no file {given.script!r}")

    install()
    sys.argv = [given.script, *given.args]
    if not sys.flags.safe_path:
        # In the place of the current folder, which `-m` has put there.
        sys.path[0] = os.path.dirname(os.path.realpath(given.script))
    runpy.run_path(given.script, run_name="__main__")


if __name__ == "__main__":
    main()
