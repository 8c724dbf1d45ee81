"""Progress of long loops as plain lines, which survive log files and notebooks without a screen."""

__all__ = ["reported"]

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

EVERY = 10.0  # s between lines


def reported(items: Iterable[Item], total: int, what: str, before: int = 0) -> Iterator[Item]:
    """The same items, with a line every now and then.

    Args:
        total: of items, those counted that were there `before`.
        what: their name in the plural.
    """
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last > EVERY or (before + done == total and now - start > EVERY):
            rate, last = done / (now - start), now
            left = (total - before - done) / rate
            print(f"{what} {before + done}/{total} | {rate:.1f} a second, {left:.0f} s left", flush=True)
