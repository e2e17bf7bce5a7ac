"""Sums, means and maxima over segments of rows."""

from __future__ import annotations
