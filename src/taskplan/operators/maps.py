"""Maps from integers to integers."""

from __future__ import annotations
