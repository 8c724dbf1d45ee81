"""Arrays of images that grow on disk, image by image, and go on after a kill."""

__all__ = ["GrowingImages", "growing"]

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy


@contextmanager
def growing(path: Path, side: int) -> Iterator["GrowingImages"]:
    """A .npy file of (N, side, side) uint8 whose N is not known before the end of the block.

    Its length says how many images are there: a killed process leaves whole ones and, perhaps, a part of the last, and
    the next one goes on behind the last whole one.
    """
    with open(path, "r+b" if path.exists() else "w+b") as file:
        images = GrowingImages(file, side)
        yield images
        images.write_header(images.count)


class GrowingImages:
    """The images in a file that `growing` opened; `count` of them so far."""

    def __init__(self, file: BinaryIO, side: int):
        """Take what is there already."""
        self.file, self.side = file, side
        self.begin = self.write_header(0)
        self.truncate((file.seek(0, 2) - self.begin) // side**2)

    def truncate(self, count: int) -> None:
        """Keep the first `count` images."""
        self.count = count
        self.file.truncate(self.begin + count * self.side**2)
        self.file.seek(0, 2)

    def append(self, image: np.ndarray) -> None:
        """Write one more image (side, side) uint8, at once."""
        self.file.write(image.tobytes())
        self.file.flush()
        self.count += 1

    def write_header(self, count: int) -> int:
        """The header for `count` images and where it ends; numpy pads it, so that each count takes the same bytes."""
        self.file.seek(0)
        shape = (count, self.side, self.side)
        npy.write_array_header_1_0(self.file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        return self.file.tell()
