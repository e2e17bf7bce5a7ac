"""Learning rates that follow the iteration."""

from __future__ import annotations
