"""Updates of the rows of parameters that sparse gradients name."""

from __future__ import annotations
