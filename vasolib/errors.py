"""The one error a user is meant to read."""

__all__ = ["UserError", "nearest"]

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A wrong input: one line that names it, says what was expected and what to do."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """The hint that ends a message about an unknown name: the closest valid one, or all of them."""
    valid = sorted(valid)
    close = difflib.get_close_matches(name, valid, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose one of: {', '.join(valid)}"
