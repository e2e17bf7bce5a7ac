"""Segments packed into rows of one length, and taken out again."""

from __future__ import annotations
