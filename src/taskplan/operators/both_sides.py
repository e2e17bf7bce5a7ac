"""Runs of blobs that stand on both sides of a call: what counts and pairs of slots cannot say of them.

They are looked at when an instance is created, in the `prepare` of a declaration.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskplan.errors import ArityError


def require_output_each(operator: str, what: str, given: Sequence[str], made: Sequence[str]) -> None:
    """Raise ArityError unless there are as many outputs as inputs.

    Args:
        operator: whose call it is.
        what: what the blobs are, for messages, in the plural.
        given: the blobs among the inputs.
        made: those among the outputs.
    """
    if len(made) != len(given):
        msg = (
            f"{operator} takes an output for each of the {len(given)} {what}, got {len(made)}; give each on both sides"
        )
        raise ArityError(msg, operator=operator)


def require_once(operator: str, what: str, blobs: Sequence[str], advice: str) -> None:
    """Raise ArityError if a blob stands twice among these; the message ends with the advice."""
    twice = next((blob for blob in blobs if blobs.count(blob) > 1), None)
    if twice is not None:
        msg = f"{operator}: blob {twice!r} stands twice among the {what}; {advice}"
        raise ArityError(msg, operator=operator)
