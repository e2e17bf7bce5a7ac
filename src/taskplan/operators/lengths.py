"""Vectors of lengths, segment numbers and ranges, turned into one another."""

from __future__ import annotations
