"""Records packed into one tensor, and datasets that grow and shrink."""

from __future__ import annotations
