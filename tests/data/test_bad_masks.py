"""Bad masks: each row is made, and is either repaired or loses its image with a message, beside good ones."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.damaged import SHAPE, STEMS, VICTIM, Bad, check_row, encoded, frames_in, grey, make_set, vessel

VESSEL = vessel()
UNREADABLE = "cannot be read as an image ("
OTHER_SIZE = "its image 16 x 20: give the mask the image's size"


def mask(content: bytes, suffix: str = "png") -> object:
    """Give the victim's mask other bytes, and perhaps another suffix."""

    def make(folder: Path) -> None:
        old = folder / "masks" / f"{VICTIM}.png"
        old.unlink()
        old.with_suffix(f".{suffix}").write_bytes(content)

    return make


def instead(make: object) -> object:
    """Put something else where the victim's mask was."""

    def made(folder: Path) -> None:
        path = folder / "masks" / f"{VICTIM}.png"
        path.unlink()
        make(path)

    return made


def light(background: int) -> bytes:
    """A mask of that value, its vessel 255."""
    return encoded(np.maximum(VESSEL, np.uint8(background)))


def soft() -> bytes:
    """A mask with grey edges."""
    return encoded(Image.fromarray(VESSEL).resize((64, 80)).resize(SHAPE[::-1], Image.Resampling.BILINEAR))


def swapped(folder: Path) -> None:
    """The victim's image where its mask belongs."""
    mask((folder / "images" / f"{VICTIM}.png").read_bytes())(folder)


ROWS = [
    Bad("missing", instead(lambda path: None), f"has no mask, expected real/masks/{VICTIM}.*"),
    Bad("called otherwise", instead(lambda path: path.with_name(f"{VICTIM}_mask.png").write_bytes(encoded(VESSEL))),
        "has no mask"),
    Bad("zero bytes", mask(b""), "is empty (0 bytes)"),
    Bad("half a file", mask(encoded(grey())[:100]), UNREADABLE),
    Bad("text", mask(b"not an image"), UNREADABLE),
    Bad("a gif", mask(encoded(VESSEL, "gif")), "of no known format"),
    Bad("1 x 1", mask(encoded(VESSEL[:1, :1])), "is 1 x 1 pixels, expected 8 or more a side"),
    Bad("a pixel wider", mask(encoded(vessel((20, 17)))), OTHER_SIZE),
    Bad("a pixel lower", mask(encoded(vessel((19, 16)))), OTHER_SIZE),
    Bad("turned", mask(encoded(vessel(SHAPE[::-1]))), "is 20 x 16 pixels, " + OTHER_SIZE),
    Bad("twice as large", mask(encoded(vessel((40, 32)))), OTHER_SIZE),
    Bad("empty", mask(encoded(0 * VESSEL)), "marks no pixel, expected a vessel"),
    Bad("all set", mask(encoded(np.full(SHAPE, 255, np.uint8))), "marks 100% of its pixels, expected at most 80%"),
    Bad("inverted", mask(encoded(255 - vessel((20, 16)))), "marks 8"),
    Bad("an image", swapped, "is it an image?"),
    Bad("100 and 255", mask(light(100)), "is grey in 85% of its pixels, expected black and white"),
    Bad("153 and 255", mask(light(153)), "is grey in 85% of its pixels, expected black and white"),
    Bad("200 and 255", mask(light(200)), "marks 100% of its pixels, expected at most 80%"),
    Bad("NaN", mask(encoded(np.where(VESSEL > 0, np.nan, 0).astype(np.float32), "tif"), "tif"), "not finite"),
    Bad("negative", mask(encoded(np.where(VESSEL > 0, -1, -5).astype(np.int32), "tif"), "tif"), "marks no pixel"),
    Bad("of two pages", mask(encoded(VESSEL, "tif", save_all=True, append_images=[Image.fromarray(VESSEL)]), "tif"),
        "holds 2 frames"),
    Bad("a folder", instead(Path.mkdir), "is a folder, expected a file"),
    Bad("a pipe", instead(os.mkfifo), "is a pipe, socket or device, expected a file"),
    Bad("a dangling link", instead(lambda path: path.symlink_to("nowhere")), "is a link that leads to no file"),
    Bad("a looping link", instead(lambda path: path.symlink_to(path.name)), "is a link that leads to no file"),
    Bad("two of them", lambda folder: (folder / "masks" / f"{VICTIM}.bmp").write_bytes(encoded(VESSEL, "bmp")),
        "expected one file per stem"),
    Bad("a control character", instead(lambda path: path.with_name("p3_0\n.png").write_bytes(encoded(VESSEL))),
        "has no mask"),
    # repaired
    Bad("0 and 1", mask(encoded(VESSEL // 255))),
    Bad("60 and 255", mask(light(60))),
    Bad("0 and 65535", mask(encoded(VESSEL.astype(np.uint16) * 257))),
    Bad("0 and 1, as floats", mask(encoded((VESSEL / 255).astype(np.float32), "tif"), "tif")),
    Bad("1 bit", mask(encoded(Image.fromarray(VESSEL).convert("1")))),
    Bad("palette", mask(encoded(Image.fromarray(VESSEL).convert("P")))),
    Bad("RGBA", mask(encoded(Image.fromarray(VESSEL).convert("RGBA")))),
    Bad("red on black", mask(encoded(np.stack([VESSEL, 0 * VESSEL, 0 * VESSEL], axis=2)))),
    Bad("grey edges", mask(soft())),
    Bad("another format", mask(encoded(VESSEL, "bmp"), "bmp")),
    Bad("another suffix than its content", mask(encoded(VESSEL, "bmp"))),
    Bad("capitals in its suffix", mask(encoded(VESSEL), "PNG")),
    Bad("a link", instead(lambda path: path.symlink_to("p2_0.png"))),
    Bad("one too many", lambda folder: (folder / "masks" / "p99_0.png").write_bytes(encoded(VESSEL))),
]  # fmt: skip


REPAIRED = ("0 and 1", "60 and 255", "0 and 65535", "1 bit", "palette", "RGBA", "red on black", "grey edges")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_bad_mask_is_repaired_or_its_image_left_out_beside_good_ones(row: Bad, tmp_path: Path):
    check_row(tmp_path, row)


def test_repaired_masks_are_those_of_the_rule(tmp_path: Path):
    folder = make_set(tmp_path)
    for row in ROWS:
        if row.name in REPAIRED:
            row.make(folder)
            assert np.array_equal(frames_in(tmp_path)[0][VICTIM].mask, VESSEL > 0), row.name


def test_a_mask_without_image_is_listed(tmp_path: Path):
    (one,) = check_row(tmp_path, ROWS[-1])
    assert one.kind == "ignored" and one.file == "real/masks/p99_0.png" and "has no image of its name" in one.reason


def test_masks_of_swapped_names_are_seen_where_sizes_differ(tmp_path: Path):
    folder = make_set(tmp_path)
    (folder / "images" / "p3_0.png").write_bytes(encoded(grey(shape=(24, 24))))
    (folder / "masks" / "p3_0.png").rename(folder / "masks" / "p4_0.tif")
    (folder / "masks" / "p4_0.png").write_bytes(encoded(vessel((24, 24))))
    (folder / "masks" / "p4_0.tif").rename(folder / "masks" / "p3_0.png")
    used, left_out = frames_in(tmp_path)
    assert len(used) == len(STEMS) - 2 and [one.file for one in left_out] == [
        "real/masks/p3_0.png",
        "real/masks/p4_0.png",
    ]
