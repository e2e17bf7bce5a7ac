"""What stands at the other end of a pipe in `cluster.py`: a process that does as it is told and knows nothing else.

Usage: python bench/_bare_process.py FILE_DESCRIPTOR [MODULE]
"""

from __future__ import annotations

import importlib
import sys
from multiprocessing.connection import Connection
from typing import Any

import numpy as np


def serve(connection: Connection[Any, Any]) -> None:
    """Answer, take in, send back, or take part in a reduction, so many times with arrays of so many bytes."""
    while True:
        job, count, size = connection.recv()
        if job == "end":
            return
        given = np.ones(size // 4, np.float32)
        for _ in range(count):
            if job == "reduce":
                connection.send(given)
            received = connection.recv()
            if job == "echo":
                connection.send(received)
        connection.send("done")


if __name__ == "__main__":
    for module in sys.argv[2:]:
        importlib.import_module(module)
    serve(Connection(int(sys.argv[1])))
