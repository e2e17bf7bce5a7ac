"""Dictionaries from keys to the numbers 1, 2, 3, ... in order of first sight."""

from __future__ import annotations
