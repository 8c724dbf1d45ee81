"""Arrays of images that grow on disk, image by image, and go on after a kill."""

__all__ = ["GrowingImages", "growing"]

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

SUM = 4  # bytes of an image's checksum


@contextmanager
def growing(path: Path, side: int) -> Iterator["GrowingImages"]:
    """A .npy file of (N, side, side) uint8 whose N is not known before the end of the block.

    Until then a checksum of each image is kept in a file beside it. A killed process leaves whole images and, perhaps,
    a part of the last; the next one goes on behind the last image before the first that is not as it was written.
    """
    sums = path.with_name(f"{path.name}.sums")
    with opened(path) as file, opened(sums) as checksums:
        images = GrowingImages(file, checksums, side)
        yield images
        images.write_header(images.count)
    sums.unlink()


def opened(path: Path) -> BinaryIO:
    """A file to be read and written, its old content kept."""
    return open(path, "r+b" if path.exists() else "w+b")


class GrowingImages:
    """The images in a file that `growing` opened; `count` of them so far, `held` when it was opened, whole or not."""

    def __init__(self, file: BinaryIO, sums: BinaryIO, side: int):
        """Take what is there already and whole."""
        self.file, self.sums, self.side = file, sums, side
        self.begin = self.write_header(0)
        self.held = (file.seek(0, 2) - self.begin) // side**2
        self.truncate(self.whole())

    def whole(self) -> int:
        """How many images, from the first on, are as they were written."""
        count = 0
        self.file.seek(self.begin)
        self.sums.seek(0)
        while (image := self.file.read(self.side**2)) and self.sums.read(SUM) == checksum(image):
            count += 1
        return count

    def truncate(self, count: int) -> None:
        """Keep the first `count` images."""
        self.count = count
        for file, length in ((self.file, self.begin + count * self.side**2), (self.sums, count * SUM)):
            file.truncate(length)
            file.seek(0, 2)

    def append(self, image: np.ndarray) -> None:
        """Write one more image (side, side) uint8, at once."""
        for file, content in ((self.file, image.tobytes()), (self.sums, checksum(image.tobytes()))):
            file.write(content)
            file.flush()
        self.count += 1

    def write_header(self, count: int) -> int:
        """The header for `count` images and where it ends; numpy pads it, so that each count takes the same bytes."""
        self.file.seek(0)
        shape = (count, self.side, self.side)
        npy.write_array_header_1_0(self.file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        return self.file.tell()


def checksum(image: bytes) -> bytes:
    """CRC-32 of an image's bytes."""
    return zlib.crc32(image).to_bytes(SUM, "little")
