"""The process of a node that `ProcessSession` started: `python -m taskplan.sessions.nodes.process`.

The ticket comes on standard input, which stays open as long as home lives.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import sys

from taskplan.sessions.nodes.host import NodeHost
from taskplan.sessions.nodes.messages import Ticket


def main() -> None:
    """Be the node that the ticket says."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # home is interrupted, and says what is to be done
    faulthandler.enable(2, all_threads=False)
    ticket: Ticket = pickle.load(sys.stdin.buffer)
    sys.path[:] = ticket.path
    os.chdir(ticket.folder)
    NodeHost(ticket, "127.0.0.1").serve()


if __name__ == "__main__":
    main()
