"""Rows of tab-separated text files."""

from __future__ import annotations
