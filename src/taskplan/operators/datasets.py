"""Datasets of nested fields: cursors over them, batches, consistency."""

from __future__ import annotations
