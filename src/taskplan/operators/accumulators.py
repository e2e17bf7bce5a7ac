"""Sums and counts that an instance keeps from call to call, and summaries of a tensor."""

from __future__ import annotations
