"""Databases of keys and values: readers over files and queues."""

from __future__ import annotations
