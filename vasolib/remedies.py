"""What to do about failures that are the machine's: its disk, its memory."""

__all__ = ["LESS_MEMORY", "remedy"]

import errno
import os

DISK = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some of your space on that disk, or ask for more",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "make that folder writable",
    errno.EACCES: "give yourself the right to read and write there",
    errno.EPERM: "give yourself the right to read and write there",
    errno.EIO: "look after that disk",
}
DATABASE = ("disk I/O error", "database or disk is full")  # SQLite's words, which say no more: DVC has such files
NO_MEMORY = ("MemoryError", "an't allocate memory", "annot allocate memory", "nable to allocate", "ut of memory")
LESS_MEMORY = "lower batch_size of this scale in params.yaml, or JOBS"


def remedy(error: str) -> str:
    """What to do about an error, given as its type and message; empty where that is not known.

    Words and not numbers are looked for: what libraries written in other languages raise has no number.
    """
    for number, advice in DISK.items():
        if os.strerror(number) in error:
            return f"{advice}, then give the same command again: it goes on from here"
    if any(words in error for words in DATABASE):
        advice = f"{DISK[errno.ENOSPC]}, or {DISK[errno.EFBIG]}"
        return f"{advice}, then give the same command again: it goes on from here"
    if any(words in error for words in NO_MEMORY):
        return f"there is too little memory: {LESS_MEMORY}, then give the same command again"
    return ""
