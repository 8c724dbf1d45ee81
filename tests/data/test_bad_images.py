"""Bad image files: each row is made, and is either repaired or left out with a message, beside good ones."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tests.data.damaged import SHAPE, VICTIM, Bad, check_row, encoded, frames_in, grey, make_set, png_header, vessel

GREY = grey()
UNREADABLE = "cannot be read as an image ("
UNKNOWN = UNREADABLE + "of no known format)"
TINY = "expected 8 or more a side"
HUGE = "expected at most 67108864 in all"
BLOCKS = np.kron(np.arange(4).reshape(2, 2), np.ones((10, 8)))


def image(content: bytes, suffix: str = "png") -> object:
    """Give the victim's image other bytes, and perhaps another suffix."""

    def make(folder: Path) -> None:
        old = folder / "images" / f"{VICTIM}.png"
        old.unlink()
        old.with_suffix(f".{suffix}").write_bytes(content)

    return make


def sized(content: bytes, shape: tuple[int, int], suffix: str = "png") -> object:
    """`image`, with a mask of that shape."""

    def make(folder: Path) -> None:
        image(content, suffix)(folder)
        (folder / "masks" / f"{VICTIM}.png").write_bytes(encoded(vessel(shape)))

    return make


def floats(*values: float) -> bytes:
    """A TIFF file of floats, some of them given."""
    pixels = GREY.astype(np.float32)
    pixels.flat[: len(values)] = values
    return encoded(pixels, "tif")


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def frames(suffix: str) -> bytes:
    pictures = [Image.fromarray(np.roll(GREY, shift)) for shift in (1, 2)]
    return encoded(GREY, suffix, save_all=True, append_images=pictures)


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(GREY, "png", exif=exif)


def in_mode(mode: str, suffix: str = "png", **options: object) -> bytes:
    return encoded(Image.fromarray(GREY).convert(mode), suffix, **options)


def lab() -> bytes:
    return encoded(Image.merge("LAB", [Image.fromarray(GREY)] * 3), "tif")


def wrong_offset() -> bytes:
    return encoded(GREY, "tif")[:4] + b"\xff\xff\xff\x00" + encoded(GREY, "tif")[8:]


ROWS = [
    Bad("zero bytes", image(b""), "is empty (0 bytes)"),
    *(Bad(f"half a {s}", image(encoded(GREY, s)[: len(encoded(GREY, s)) // 2], s), UNREADABLE)
      for s in ("png", "jpg", "pgm", "bmp", "tif")),
    *(Bad(f"the head of a {s}", image(encoded(GREY, s)[:12], s), UNREADABLE)
      for s in ("png", "jpg", "pgm", "bmp", "tif")),
    Bad("text", image(b"not an image"), UNKNOWN),
    Bad("a web page", image(b"<!DOCTYPE html><title>log in</title>"), UNKNOWN),
    Bad("a signature alone", image(b"\x89PNG\r\n\x1a\n"), UNREADABLE),
    Bad("random bytes", image(GREY.tobytes()), UNKNOWN),
    Bad("zeros", image(bytes(1000)), UNKNOWN),
    Bad("a gif", image(in_mode("L", "gif")), UNKNOWN),
    Bad("a webp", image(in_mode("L", "webp")), UNKNOWN),
    Bad("an eps", image(in_mode("L", "eps")), UNKNOWN),
    Bad("an ico", image(in_mode("L", "ico")), UNKNOWN),
    Bad("a pdf", image(b"%PDF-1.7\n%%EOF"), UNKNOWN),
    Bad("a zip", image(b"PK\x03\x04" + bytes(40)), UNKNOWN),
    Bad("DICOM", image(bytes(128) + b"DICM" + bytes(64)), UNKNOWN),
    Bad("an array", image(b"\x93NUMPY\x01\x00" + bytes(80)), UNKNOWN),
    Bad("a text before the image", image(b"x" + encoded(GREY)), UNKNOWN),
    Bad("a flipped byte of the head", image(flipped(encoded(GREY), 20)), UNREADABLE),
    Bad("a flipped byte of the pixels", image(flipped(encoded(GREY), 90)), UNREADABLE),
    Bad("tiff tags behind its end", image(wrong_offset(), "tif"), UNREADABLE),
    # the content decides, not the suffix
    Bad("a jpg called png", image(encoded(GREY, "jpg"))),
    Bad("a png called jpg", image(encoded(GREY), "jpg")),
    Bad("a tif called bmp", image(encoded(GREY, "tif"), "bmp")),
    Bad("a bmp called tiff", image(encoded(GREY, "bmp"), "tiff")),
    Bad("a png called PGM", image(encoded(GREY), "PGM")),
    # sizes
    Bad("1 x 1", image(encoded(GREY[:1, :1])), TINY),
    Bad("1 x 20", image(encoded(GREY[:, :1])), TINY),
    Bad("16 x 7", image(encoded(GREY[:7])), TINY),
    Bad("8 x 8", sized(encoded(GREY[:8, :8]), (8, 8))),
    Bad("0 x 0", image(png_header(0, 0)), UNREADABLE),
    Bad("20,000 x 20,000 png", image(png_header(20_000, 20_000)), "67108864 pixels"),
    Bad("20,000 x 20,000 pgm", image(b"P5 20000 20000 255\n", "pgm"), "67108864 pixels"),
    Bad("20,000 x 20,000 bmp",
        image(encoded(GREY, "bmp")[:18] + (20_000).to_bytes(4, "little") * 2 + encoded(GREY, "bmp")[26:], "bmp"),
        "67108864 pixels"),
    Bad("12,000 x 12,000, where Pillow only warns", image(png_header(12_000, 12_000)), HUGE),
    Bad("8,193 x 8,192", image(png_header(8193, 8192)), HUGE),
    Bad("3 x 20,000,000", image(png_header(3, 20_000_000)), TINY),
    # depths
    Bad("16 bits", image(encoded(GREY.astype(np.uint16) * 200))),
    Bad("16 bits, tif", image(encoded(GREY.astype(np.uint16) * 200, "tif"), "tif")),
    Bad("16 bits, pgm", image(encoded(GREY.astype(np.uint16) * 200, "pgm"), "pgm")),
    Bad("16 bits of one value", image(encoded(np.full(SHAPE, 700, np.uint16))), "has the value 700 everywhere"),
    Bad("32 bits", image(encoded(GREY.astype(np.int32) * 9999, "tif"), "tif")),
    Bad("1 bit", image(in_mode("1"))),
    Bad("floats", image(floats(0.5, -3), "tif")),
    Bad("floats of one value", image(encoded(np.full(SHAPE, 0.5, np.float32), "tif"), "tif"), "has the value 0.5"),
    Bad("NaN", image(floats(np.nan), "tif"), "not finite"),
    Bad("Inf", image(floats(np.inf), "tif"), "not finite"),
    Bad("-Inf", image(floats(-np.inf, 1), "tif"), "not finite"),
    Bad("NaN all over", image(encoded(np.full(SHAPE, np.nan, np.float32), "tif"), "tif"), "not finite"),
    Bad("the largest floats", image(floats(3e38, -3e38), "tif")),
    # colours
    Bad("RGB", image(in_mode("RGB"))),
    Bad("palette", image(in_mode("P"))),
    Bad("palette with a transparent colour", image(in_mode("P", transparency=3))),
    Bad("alpha", image(in_mode("RGBA"))),
    Bad("grey with alpha", image(in_mode("LA"))),
    Bad("CMYK jpg", image(in_mode("CMYK", "jpg"), "jpg")),
    Bad("CMYK tif", image(in_mode("CMYK", "tif"), "tif")),
    Bad("Lab", image(lab(), "tif"), UNREADABLE),
    # frames and orientation
    Bad("an animated png", image(frames("png")), "holds 3 frames, expected one"),
    Bad("an animated gif", image(frames("gif")), UNKNOWN),
    Bad("a tif of several pages", image(frames("tif"), "tif"), "holds 3 frames, expected one"),
    Bad("turned by EXIF, its mask too", sized(turned(6), SHAPE[::-1])),
    Bad("turned by EXIF, its mask not", image(turned(6)), "is 16 x 20 pixels, its image 20 x 16"),
    Bad("upside down by EXIF", image(turned(3))),
    Bad("turned by EXIF in no known way", image(turned(9))),
    Bad("broken EXIF", image(encoded(GREY, "png", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"))),
    # nothing to see
    Bad("all black", image(encoded(np.zeros(SHAPE, np.uint8))), "has the value 0 everywhere"),
    Bad("all white", image(encoded(np.full(SHAPE, 255, np.uint8))), "has the value 255 everywhere"),
    Bad("all black in RGB", image(encoded(Image.new("RGB", SHAPE[::-1]))), "has the value 0 everywhere"),
    Bad("black but for a pixel", image(encoded((BLOCKS == 3).astype(np.uint8)))),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_bad_image_is_repaired_or_left_out_beside_good_ones(row: Bad, tmp_path: Path):
    check_row(tmp_path, row)


def test_no_pixel_of_what_claims_to_be_huge_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = make_set(tmp_path)
    image(png_header(8193, 8192))(folder)
    loaded = []
    monkeypatch.setattr(Image.Image, "load", lambda self: loaded.append(self.size))
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", Image.Image.load)
    frames_in(tmp_path)
    assert (8193, 8192) not in loaded


def test_repaired_pixels_are_those_of_the_rule(tmp_path: Path):
    folder = make_set(tmp_path)
    for content, wanted in (
        (encoded(GREY.astype(np.uint16) * 200), np.rint((GREY - float(GREY.min())) / float(np.ptp(GREY)) * 255)),
        (in_mode("RGBA"), GREY),
        (turned(3), GREY[::-1, ::-1]),
        (in_mode("CMYK", "tif"), GREY),
    ):
        (folder / "images" / f"{VICTIM}.png").write_bytes(content)
        assert np.array_equal(frames_in(tmp_path)[0][VICTIM].image, wanted)
    assert Image.open(BytesIO(turned(3))).size == SHAPE[::-1]
