"""Rows of a table looked up by index and added up by segment."""

from __future__ import annotations
