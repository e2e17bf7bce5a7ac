"""Growing lists of tensors, windows and reservoirs of rows."""

from __future__ import annotations
