"""Timers, and registries of named integers."""

from __future__ import annotations
