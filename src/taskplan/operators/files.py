"""Blobs written to database files and read back; checkpoints."""

from __future__ import annotations
