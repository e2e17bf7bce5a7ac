"""Updates of dense parameters from their gradients."""

from __future__ import annotations
