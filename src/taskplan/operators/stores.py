"""A store of blobs in a folder that several programs share."""

from __future__ import annotations
