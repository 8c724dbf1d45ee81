"""One image or mask from a file's bytes: what can be repaired is, by these rules, and the rest is refused.

Content decides, not the suffix. Colours, palettes and CMYK become luminance, transparency is ignored, EXIF's turn is
made, and more than 8 bits are stretched between the image's own extremes. Refused are files that are damaged or of
another format, with several frames, too small or too large, with values that are not finite, or of one value only;
masks also where they are of another size than their image, empty, nearly full, or mostly grey.
"""

__all__ = ["MAX_BYTES", "MAX_PIXELS", "MIN_SIDE", "read_bytes", "read_image", "read_mask"]

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vasolib.data.left_out import BadFile

FORMATS = ("PNG", "JPEG", "PPM", "BMP", "TIFF")  # no other decoder of Pillow's ever runs
EXPECTED = "expected a whole PNG, JPEG, PGM, BMP or TIFF file: replace or remove it"
MIN_SIDE = 8  # pixels: no vessel shows in less
MAX_PIXELS = 2**26  # 8192 x 8192, four times the largest detectors on each side
MAX_BYTES = 2**30
MAX_GREY = 0.25  # share of a mask's pixels between a quarter and three quarters of its largest value
MAX_MARKED = 0.8  # share of a mask's pixels


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises BadFile where it cannot be read or has more than `MAX_BYTES`."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = f"cannot be read ({error.strerror}), expected a file open to this user: change its rights or remove it"
        raise BadFile(path, reason) from error
    if len(data) > MAX_BYTES:
        raise BadFile(path, f"has more than {MAX_BYTES} bytes, expected one image: replace or remove it")
    return data


def read_image(path: Path, data: bytes | None = None) -> np.ndarray:
    """A still image as (H, W) uint8, see the rules above; `data` are the file's bytes where they are read already.

    Raises:
        BadFile: by the rules above.
    """
    values = _read_values(path, data)
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        raise BadFile(path, f"has the value {lowest:g} everywhere, expected an image: replace or remove it")
    if values.dtype == np.uint8:
        return values
    return np.rint((values - lowest) / (highest - lowest) * 255).astype(np.uint8)


def read_mask(path: Path, shape: tuple[int, int], data: bytes | None = None) -> np.ndarray:
    """A mask as (H, W) uint8 of 0 and 1: set above half of the file's largest value, be that 1 or 255.

    Args:
        shape: of its image (H, W).

    Raises:
        BadFile: by the rules above.
    """
    values = _read_values(path, data)
    if values.shape != tuple(shape):
        found, expected = (f"{width} x {height}" for height, width in (values.shape, shape))
        raise BadFile(path, f"is {found} pixels, its image {expected}: give the mask the image's size")
    top = float(values.max())
    marked, grey = values > top / 2, np.mean((values > top / 4) & (values < 3 * top / 4))
    if grey > MAX_GREY:
        raise BadFile(path, f"is grey in {grey:.0%} of its pixels, expected black and white: is it an image?")
    if not marked.any() or top <= 0:
        raise BadFile(path, "marks no pixel, expected a vessel: give its mask, or remove both files")
    if marked.mean() > MAX_MARKED:
        raise BadFile(path, f"marks {marked.mean():.0%} of its pixels, expected at most {MAX_MARKED:.0%}: invert it")
    return marked.astype(np.uint8)


def _read_values(path: Path, data: bytes | None) -> np.ndarray:
    """Grey values (H, W): uint8 where the file has 8 bits or fewer, float64 where it has more."""
    data = read_bytes(path) if data is None else data
    if not data:
        raise BadFile(path, f"is empty (0 bytes), {EXPECTED}")
    try:
        values = _decoded(path, data)
    except (BadFile, MemoryError):
        raise
    except Exception as error:  # on damaged bytes Pillow's decoders raise whatever they stumble over
        raise BadFile(path, f"cannot be read as an image ({_named(error)}), {EXPECTED}") from error
    if not np.isfinite(values).all():
        raise BadFile(path, "has values that are not finite (NaN or infinity), expected numbers: replace or remove it")
    return values


def _decoded(path: Path, data: bytes) -> np.ndarray:
    """What the file holds, its size checked before any pixel is decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what is repaired or refused here
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            _check_size(path, image)
            image.load()
            image = ImageOps.exif_transpose(image)
            deep = image.mode.startswith(("I", "F"))
            return np.asarray(image).astype(np.float64) if deep else np.asarray(image.convert("L"))


def _check_size(path: Path, image: Image.Image) -> None:
    """BadFile for what is too small or too large, or has several frames."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BadFile(path, f"is {width} x {height} pixels, expected at most {MAX_PIXELS} in all: reduce or remove it")
    if min(width, height) < MIN_SIDE:
        raise BadFile(path, f"is {width} x {height} pixels, expected {MIN_SIDE} or more a side: replace or remove it")
    if (frames := getattr(image, "n_frames", 1)) > 1:
        raise BadFile(path, f"holds {frames} frames, expected one: save each as a file of its own")


def _named(error: Exception) -> str:
    """What an exception says, without the buffer's address."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "of no known format"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS} pixels"
    return str(error) or type(error).__name__
