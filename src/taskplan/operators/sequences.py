"""Padded and packed sequences, masks over them, and recurrent cells."""

from __future__ import annotations
