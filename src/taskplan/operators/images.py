"""Windows over images: convolution, pooling, padding, resizing, order of channels."""

from __future__ import annotations
