"""Strings, element by element."""

from __future__ import annotations
