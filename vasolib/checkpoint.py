"""States of unfinished trainings, in files that tell whether they are whole.

A file is torch's, with the SHA-256 of its bytes behind them: torch looks at no checksum when it reads, and finds its
archive's end by itself.
"""

__all__ = ["load", "save"]

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import torch

from vasolib.distributed import is_first
from vasolib.files import atomic

LENGTH = hashlib.sha256().digest_size
PIECE = 2**20  # bytes read at a time


def save(path: Path, content: dict) -> None:
    """Write numbers, tensors, strings, and lists and dicts of these; the older file stays until the new one is whole.

    Raises:
        OSError: the disk is full or may not be written to.
    """
    with atomic(path) as temporary, open(temporary, "w+b") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # torch cannot end its archive where the disk refused a part
            raise error.__context__ or error from None
        file.write(checksum(file, file.tell()))


def load(path: Path) -> dict | None:
    """What `save` wrote, tensors on the CPU; None where there is no file, or a damaged one, of which one line tells."""
    if not path.exists():
        return None
    with open(path, "rb") as file:
        length = max(0, os.fstat(file.fileno()).st_size - LENGTH)
        whole = checksum(file, length) == file.read()
    if whole:
        return torch.load(path, map_location="cpu", weights_only=True)
    if is_first():
        print(f"{path} is damaged (its checksum differs): it is not used, the training begins anew", flush=True)
    return None


def checksum(file: BinaryIO, length: int) -> bytes:
    """SHA-256 of the first `length` bytes of a file, which is left at their end."""
    sha = hashlib.sha256()
    file.seek(0)
    while left := length - file.tell():
        sha.update(file.read(min(PIECE, left)))
    return sha.digest()
