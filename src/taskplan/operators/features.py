"""Features made ready for models: buckets, hashes, dense and sparse forms."""

from __future__ import annotations
