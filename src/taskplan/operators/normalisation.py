"""Normalisation over batches, images, channels and layers, and dropout."""

from __future__ import annotations
