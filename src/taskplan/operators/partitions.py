"""Rows divided among shards by their keys, and put together again."""

from __future__ import annotations
