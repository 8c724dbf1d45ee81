"""Processes below the one that tests, for tests that look for one of them or wait for their end."""

import time

import psutil

from vasolib.orphans import lives


def below(words: str, recursive: bool = False) -> list[psutil.Process]:
    """Those at work below this process whose command holds the words; one that has just ended is none of them."""
    children = psutil.Process().children(recursive=recursive)
    return [child for child in children if lives(child.pid) and words in " ".join(command(child))]


def command(process: psutil.Process) -> list[str]:
    """Its words; none where it ends meanwhile."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # a zombie too
        return []


def ended_within(seconds: float, *processes: int) -> bool:
    until = time.monotonic() + seconds
    while any(map(lives, processes)):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
